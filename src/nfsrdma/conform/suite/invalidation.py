"""RI: remote invalidation (RFC 8797, Sections 3.2 and 4.1)."""

from __future__ import annotations

from nfsrdma.rpcrdma.transport.private_data import PrivateData

from ..case import NotApplicable, Severity, case, expect
from ..lab import File, Lab
from ..peer import INLINE, RawPeer
from ..wire import header

_ANY = "RFC 8797, Section 3.2"
_OFFER = PrivateData(INLINE, INLINE, True)


async def _offering(lab: Lab) -> RawPeer:
    """Return a connection on which the server may invalidate memory of ours."""
    if not lab.device.limits.remote_invalidation:
        raise NotApplicable("this device cannot have its memory invalidated by a peer")
    return await lab.peer(private_data=_OFFER.encode())


async def _file(lab: Lab, peer: RawPeer) -> File:
    return await lab.file(lab.rng.randbytes(9000), await lab.session(peer))


@case("RI1", _ANY, Severity.MUST)
async def own_handle(lab: Lab) -> str:
    """Invalidate a handle of the call only."""
    peer = await _offering(lab)
    file = await _file(lab, peer)
    idle = peer.memory.offer(64)
    seen = set()
    for _ in range(4):
        offer = peer.memory.offer(9000)
        answer = await lab.call(peer, file.reading(9000), writes=[offer])
        handle = answer.message.invalidated
        expect(
            handle in (None, offer.segments[0].handle),
            f"handle {handle} was invalidated, which the call does not have",
        )
        seen.add(handle is not None)
    expect(idle.pieces[0].region.valid, "memory of no call was invalidated")
    return "invalidates" if True in seen else "does not invalidate"


@case("RI2", _ANY, Severity.MUST)
async def several_handles(lab: Lab) -> str:
    """Invalidate one of several handles of a call, or none."""
    peer = await _offering(lab)
    file = await _file(lab, peer)
    offer, reply = peer.memory.offer(3000, 3000, 3000), peer.memory.offer(4096)
    answer = await lab.call(peer, file.reading(9000), writes=[offer], reply=reply)
    handle = answer.message.invalidated
    handles = [segment.handle for segment in (*offer.segments, *reply.segments)]
    expect(handle is None or handle in handles, f"handle {handle} is none of the call")
    dead = [piece for piece in (*offer.pieces, *reply.pieces) if not piece.region.valid]
    expect(len(dead) <= 1, f"{len(dead)} handles were invalidated with one reply")
    return "none" if handle is None else f"number {handles.index(handle) + 1} of {len(handles)}"


@case("RI3", "RFC 8797, Section 4.1", Severity.MUST)
async def not_offered(lab: Lab) -> None:
    """Invalidate nothing where the client does not offer it."""
    file = await lab.file(lab.rng.randbytes(9000))
    peer = file.session.peer
    offer = peer.memory.offer(9000)
    answer = await lab.call(peer, file.reading(9000), writes=[offer])
    expect(answer.message.invalidated is None, "a Send with Invalidate")
    expect(offer.pieces[0].region.valid, "memory was invalidated")


@case("RI4", _ANY, Severity.QUALITY)
async def not_with_errors(lab: Lab) -> str:
    """Invalidate nothing with RDMA_ERROR, which may not have understood the call."""
    peer = await _offering(lab)
    offer = peer.memory.offer(4096)
    xid = lab.xid()
    answer = await peer.ask(header(xid, 99, writes=[offer.segments]))
    expect(answer.is_chunk_error, f"{answer.brief()} instead of ERR_CHUNK")
    expect(answer.invalidated is None, "ERR_CHUNK came with an invalidation")
    expect(offer.pieces[0].region.valid, "memory was invalidated")
    return "nothing was invalidated"


@case("RI5", _ANY, Severity.MUST)
async def other_connection(lab: Lab) -> None:
    """Invalidate no handle of another connection while calls of both are in progress."""
    one, other = await _offering(lab), await _offering(lab)
    files = [await _file(lab, one), await _file(lab, other)]
    for _ in range(4):
        offers, calls = [], []
        for file in files:
            peer = file.session.peer
            offer, call = peer.memory.offer(9000), file.reading(9000)
            peer.send(header(call.xid, writes=[offer.segments]) + call.whole)
            offers.append(offer)
            calls.append(call)
        for file, offer, call in zip(files, offers, calls, strict=True):
            answer = await file.session.peer.receive()
            expect(answer.xid == call.xid, "a reply of another connection")
            expect(
                answer.invalidated in (None, offer.segments[0].handle),
                f"handle {answer.invalidated} is none of the call",
            )

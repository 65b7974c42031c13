"""RR: reconnection and replay (RFC 8166, Section 4.5.5; RFC 8881, Section 2.10.6)."""

from __future__ import annotations

from nfsrdma.rpcrdma.task import Future, sleep
from nfsrdma.xdr.nfs4 import types as t

from .. import nfs
from ..case import Failed, NotApplicable, Severity, case, expect
from ..lab import Lab, Session
from ..nfs import Call
from ..peer import Gone, RawPeer, Silence
from ..wire import header

_REPLAY = "RFC 8881, Section 2.10.6.1"
_MOMENT_S = 0.0005
_RESTART_S = 20.0
_FORGOTTEN = ("NFS4ERR_BADSESSION", "NFS4ERR_DEADSESSION", "NFS4ERR_STALE_CLIENTID")


async def _reconnect(lab: Lab, session: Session) -> None:
    """Give a session a new connection; its fore channel binds by use (RFC 8881, 2.10.3.1)."""
    session.peer = await lab.peer()


def _again(session: Session, call: Call) -> bytes:
    """Return the message of a call without chunks."""
    return header(call.xid) + call.whole


async def _lost_reply(lab: Lab, session: Session, call: Call) -> None:
    """Send a call, and lose the connection when it has been taken, before the reply is seen."""
    peer = session.peer
    peer.send(_again(session, call))
    await peer.receive()  # it has been executed; as far as the server knows, nobody saw this
    peer.disconnect()
    await _reconnect(lab, session)


@case("RR1", _REPLAY, Severity.MUST)
async def new_chunks(lab: Lab) -> None:
    """Repeat a cached reply on a new connection, in the chunks of the repeated call."""
    data = lab.rng.randbytes(900)
    file = await lab.file(data)
    session = file.session
    call = session.compound(nfs.putfh(file.handle), nfs.read(file.stateid, 0, 900), cache=True)
    first = session.peer.memory.offer(900)
    answer = await lab.call(session.peer, call, writes=[first])
    expect(answer.placed == [data], "the first reply has other octets")
    session.peer.disconnect()
    await _reconnect(lab, session)
    second = session.peer.memory.offer(450, 600)
    octets = header(call.xid, writes=[second.segments]) + call.whole
    tried = await lab.try_out(session.peer, octets, call, [second])
    if tried.how in ("NFS4ERR_RETRY_UNCACHED_REP", "NFS4ERR_REP_TOO_BIG_TO_CACHE"):
        raise NotApplicable(f"the reply was not cached: {tried.how}")
    expect(tried.served and tried.results is not None, f"the repetition: {tried.how}")
    assert tried.results is not None
    expect(bytes(tried.results[-1].data) == data, "the repetition has other octets")


@case("RR2", _REPLAY, Severity.MUST)
async def once(lab: Lab) -> str:
    """Execute a call once, however often it is sent again on new connections."""
    session = await lab.session()
    times = 12
    for _ in range(times):
        name = lab.file_name()
        call = session.compound(
            nfs.putfh(session.directory), nfs.symlink(name, b"once"), cache=True
        )
        await _lost_reply(lab, session, call)
        tried = await lab.try_out(session.peer, _again(session, call), call)
        expect(
            tried.served or tried.how == "NFS4ERR_RETRY_UNCACHED_REP",
            f"the repetition of a CREATE: {tried.how}",
        )
    return f"{times} times"


@case("RR4", "RFC 8166, Section 4.5.5", Severity.MUST)
async def cut_while_reading(lab: Lab) -> str:
    """Write nothing of a call if the connection is lost while its data are being fetched."""
    session = await lab.session()
    quarter = min(100_000, session.room // 4)
    before = b"\xee" * (4 * quarter)
    file = await lab.file(before, session)
    call = file.writing(lab.rng.randbytes(len(before)))
    ((position, data),) = call.payloads
    parts = session.peer.memory.expose(data, range(quarter, 4 * quarter, quarter))
    # The first half can be fetched; the RDMA READ of the rest is refused, and ends all.
    session.peer.memory.pieces[-2].region.deregister()
    reads = [(position, part) for part in parts]
    session.peer.send(header(call.xid, reads=reads) + call.reduced)
    reason = await session.peer.gone()
    await _reconnect(lab, session)
    await session.settle()
    expect(await file.content(len(before)) == before, "a part of the data was written")
    return reason


async def _until_busy(lab: Lab, mark: int) -> None:
    """Wait until the server has begun to move data; where that is not seen, for a moment."""
    if lab.watch is None:
        await sleep(lab.reactor, _MOMENT_S)
        return
    watch = lab.watch
    begun: Future[None] = Future()

    def look() -> None:
        if any(each.handle for each in watch.since(mark, lab.target.address)):
            watch.on_frame = None
            lab.reactor.call_soon(begun.set_result, None)

    watch.on_frame = look
    try:
        await begun
    finally:
        watch.on_frame = None


@case("RR5", "RFC 8166, Section 4.5.5", Severity.MUST)
async def cut_while_writing(lab: Lab) -> None:
    """Survive a client that leaves while its READ is being written to its memory."""
    session = await lab.session()
    data = lab.rng.randbytes(min(600_000, session.room))
    file = await lab.file(data, session)
    for _ in range(3):
        call = file.reading(len(data))
        offer = session.peer.memory.offer(len(data))
        mark = lab.mark()
        session.peer.send(header(call.xid, writes=[offer.segments]) + call.whole)
        await _until_busy(lab, mark)
        session.peer.close()
        await _reconnect(lab, session)
        await session.settle()
    expect(await file.content(len(data)) == data, "the file holds other octets")


@case("RR6", _REPLAY, Severity.SHOULD)
async def smaller_then_larger(lab: Lab) -> str:
    """Answer a repetition that has no room with an error, and one that has room with the reply."""
    data = lab.rng.randbytes(2500)
    file = await lab.file(data)
    session = file.session
    peer = await lab.peer(private_data=b"")
    session.peer.disconnect()
    session.peer = peer
    call = session.compound(nfs.putfh(file.handle), nfs.read(file.stateid, 0, 2500), cache=True)
    large = peer.memory.offer(8000)
    octets = header(call.xid, reply=large.segments) + call.whole
    first = await lab.try_out(peer, octets, call, reply=large)
    if not first.served:
        raise NotApplicable(f"the first time: {first.how}")
    session.peer = peer = await lab.peer(private_data=b"")
    small = peer.memory.offer(300)
    octets = header(call.xid, reply=small.segments) + call.whole
    tried = await lab.try_out(peer, octets, call, reply=small)
    expect(not tried.served, "a reply that does not fit was sent")
    session.peer = peer = await lab.peer(private_data=b"")
    large = peer.memory.offer(8000)
    octets = header(call.xid, reply=large.segments) + call.whole
    last = await lab.try_out(peer, octets, call, reply=large)
    expect(last.served or last.how == "NFS4ERR_RETRY_UNCACHED_REP", f"with room again: {last.how}")
    return f"{tried.how}, then {last.how}"


@case("RR7", "RFC 8166, Section 4.2.1", Severity.ROBUSTNESS)
async def same_xid(lab: Lab) -> str:
    """Survive a client that uses an XID twice on one connection."""
    peer = await lab.peer()
    xid = lab.xid()
    octets = header(xid) + nfs.null(xid)
    peer.send(octets)
    peer.send(octets)
    answers = [(await peer.receive()).xid]
    answers.append((await peer.receive()).xid)
    expect(answers == [xid, xid], "an answer with another XID")
    await lab.alive(peer)
    return "both were answered"


@case("RR8", "RFC 8881, Section 8.4.2", Severity.MUST)
async def restarted(lab: Lab) -> str:
    """Know its clients again after a restart, and let them reclaim what they had, they alone."""
    data = lab.rng.randbytes(5000)
    file = await lab.file(data)
    session = file.session
    await lab.outside.restart()
    session.peer.close()
    session.peer = await _back(lab)
    call = session.compound(nfs.PUTROOTFH)
    tried = await lab.try_out(session.peer, _again(session, call), call)
    expect(not tried.served, "the session outlived the restart, so nothing is to be reclaimed")
    expect(tried.how in _FORGOTTEN, f"SEQUENCE of a session before the restart: {tried.how}")
    await session.begin(reclaims=True)
    other = await lab.session()
    opened = await other.run(nfs.putfh(other.directory), nfs.open_(file.name, b"other"))
    expect(opened.status == t.NFS4ERR_GRACE, f"another client's OPEN: {opened.status_name}")
    found = await session.run(nfs.putfh(file.handle), nfs.reclaim(b"conform"))
    expect(found.status == t.NFS4_OK, f"the reclaim of an open file: {found.status_name}")
    file.stateid = found[-1].stateid
    await session.ok(nfs.RECLAIM_COMPLETE)
    data = data[:1000] + lab.rng.randbytes(900) + data[1900:]
    call = file.writing(data[1000:1900], 1000)
    await file.written(call, 900, await file.reduced(call))
    await file.holds(data)
    return f"{tried.how}, then reclaimed"


async def _back(lab: Lab) -> RawPeer:
    """Return a connection to a server that is about to come up. Raises ``Gone``."""
    until = lab.reactor.time() + _RESTART_S
    while True:
        try:
            peer = await lab.peer()
            await lab.alive(peer)
            return peer
        except (Gone, Silence, Failed):
            if lab.reactor.time() >= until:
                raise
            await sleep(lab.reactor, 0.1)


@case("RR9", "RFC 8881, Section 2.10.6.1.3.1", Severity.SHOULD)
async def false_retry(lab: Lab) -> str:
    """Never answer another request with the cached reply as if it were its own result."""
    file = await lab.file(b"content")
    session = file.session
    call = session.compound(nfs.putfh(file.handle), nfs.read(file.stateid, 0, 7), cache=True)
    await lab.call(session.peer, call)
    name = lab.file_name()
    other = session.compound(
        nfs.putfh(session.directory), nfs.symlink(name, b"x"), seqid=session.seqid
    )
    tried = await lab.try_out(session.peer, _again(session, other), other)
    expect(tried.how in ("served", "NFS4ERR_SEQ_FALSE_RETRY", "NFS4ERR_RETRY_UNCACHED_REP"),
           f"answered with {tried.how}")  # fmt: skip
    found = await session.run(nfs.putfh(session.directory), nfs.lookup(name))
    expect(found.status == t.NFS4ERR_NOENT, "another request was executed under an old number")
    return "the cached reply" if tried.served else tried.how


@case("RR10", _REPLAY, Severity.MUST)
async def misordered(lab: Lab) -> None:
    """Refuse a number that is neither a slot's last nor its next, and keep the slot as it was."""
    session = await lab.session()
    await session.ok(nfs.PUTROOTFH)
    await session.ok(nfs.PUTROOTFH)
    last = session.seqid
    for seqid in (last + 2, last - 1, last + (1 << 30)):
        name = lab.file_name()
        make = nfs.symlink(name, b"misordered")
        call = session.compound(nfs.putfh(session.directory), make, seqid=seqid)
        tried = await lab.try_out(session.peer, _again(session, call), call)
        expect(
            tried.how == "NFS4ERR_SEQ_MISORDERED",
            f"number {seqid} behind {last} was answered with {tried.how}",
        )
        found = await session.run(nfs.putfh(session.directory), nfs.lookup(name))
        expect(
            found.status == t.NFS4ERR_NOENT,
            f"behind number {seqid} instead of {last + 1}, number {session.seqid}: "
            f"LOOKUP of what was not to be made: {found.status_name}",
        )
        last = session.seqid

"""HD: the transport header (RFC 8166, Sections 4.2 to 4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.rpcrdma.transport.header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_DONE,
    RDMA_ERROR,
    RDMA_MSG,
    RDMA_MSGP,
    RDMA_NOMSG,
)
from nfsrdma.rpcrdma.transport.private_data import MAX_INLINE, PrivateData
from nfsrdma.xdr import Encoder

from .. import nfs
from ..case import Failed, Severity, case, expect
from ..lab import GRACE_S, Lab, check_reply
from ..peer import INLINE, Gone, RawPeer, Silence
from ..wire import CREDITS, Message, header, words

_LARGEST = 0xFFFFFFFF


@case("HD1", "RFC 8166, Section 4.5", Severity.MUST)
async def too_short(lab: Lab) -> str:
    """Drop a message without XID and version; drop or refuse other short headers; live on."""
    peer = await lab.peer()
    for size in (0, 1, 4, 7):
        await lab.dropped(peer, header(lab.xid())[:size])
    sizes = (8, 12, 16, 20, 24, 27)
    answered = await _dropped_or_refused(lab, peer, [header(lab.xid())[:size] for size in sizes])
    return f"{answered} of {len(sizes)} longer ones refused, the others dropped"


async def _dropped_or_refused(lab: Lab, peer: RawPeer, messages: Sequence[bytes]) -> int:
    """Send what may be dropped or answered with ERR_CHUNK; return how many were answered.

    A NULL call behind each must get its reply. That may overtake the other answer: servers have
    several threads.
    """
    waiting: dict[int, bool] = {}
    for octets in messages:
        waiting[int.from_bytes(octets[:4], "big")] = True
        peer.send(octets)
        after = lab.xid()
        peer.send(header(after) + nfs.null(after))
        while True:
            try:
                answer = await peer.receive()
            except Gone as error:
                raise Failed(f"the connection ended: {error}") from None
            except Silence:
                raise Failed("a NULL call behind it got no answer") from None
            if answer.xid == after:
                check_reply(answer, after)
                break
            _take_refusal(answer, waiting)
    with suppress(Silence):
        while True:
            _take_refusal(await peer.receive(GRACE_S), waiting)
    return sum(not each for each in waiting.values())


def _take_refusal(answer: Message, waiting: dict[int, bool]) -> None:
    """Note the answer to one of the messages. Raises ``Failed`` if it is none of ERR_CHUNK."""
    expect(answer.is_chunk_error, f"{answer.brief()} instead of ERR_CHUNK")
    expect(answer.xid in waiting, f"ERR_CHUNK with XID {answer.xid:#x}")
    expect(waiting[answer.xid], "two answers to one message")
    waiting[answer.xid] = False


@case("HD2", "RFC 8166, Section 4.5.1", Severity.MUST)
async def versions(lab: Lab) -> str:
    """Answer a version that is not supported with ERR_VERS and the versions that are."""
    peer = await lab.peer()
    echoed = set()
    for version in (0, 2, _LARGEST):
        xid = lab.xid()
        answer = await peer.ask(header(xid, version=version) + nfs.null(xid))
        expect(answer.is_version_error, f"version {version}: {answer.brief()} instead of ERR_VERS")
        expect(answer.xid == xid, f"version {version}: ERR_VERS with XID {answer.xid:#x}")
        low, high = (int.from_bytes(answer.octets[at : at + 4], "big") for at in (20, 24))
        expect(low <= 1 <= high, f"version {version}: supported are {low} to {high}")
        echoed.add("the call's" if answer.octets[4:8] == words(version) else "its own")
    await lab.alive(peer)
    return f"the version word of the answer is {' or '.join(sorted(echoed))}"


@case("HD3", "RFC 8166, Section 4.5.2", Severity.MUST)
async def procedures(lab: Lab) -> None:
    """Answer a procedure that does not exist with ERR_CHUNK."""
    peer = await lab.peer()
    for procedure in (5, 6, 255, 1 << 31, _LARGEST):
        xid = lab.xid()
        await lab.refused(peer, header(xid, procedure) + nfs.null(xid), xid)


@case("HD4", "RFC 8166, Section 4.6", Severity.MUST)
async def done(lab: Lab) -> None:
    """Drop RDMA_DONE."""
    peer = await lab.peer()
    await lab.dropped(peer, words(lab.xid(), 1, CREDITS, RDMA_DONE))
    await lab.dropped(peer, header(lab.xid(), RDMA_DONE))


@case("HD5", "RFC 8166, Section 4.6", Severity.SHOULD)
async def msgp(lab: Lab) -> str:
    """Refuse RDMA_MSGP with ERR_CHUNK, or understand it."""
    peer = await lab.peer()
    xid = lab.xid()
    octets = words(xid, 1, CREDITS, RDMA_MSGP, 4, 4096, 0, 0, 0) + nfs.null(xid)
    answer = await peer.ask(octets)
    expect(answer.xid == xid, f"an answer with XID {answer.xid:#x}")
    if answer.is_chunk_error:
        await lab.alive(peer)
        return "refused"
    check_reply(answer, xid)
    return "understood"


@case("HD6", "RFC 8166, Section 4.5", Severity.MUST)
async def errors(lab: Lab) -> None:
    """Drop RDMA_ERROR from a requester."""
    peer = await lab.peer()
    await lab.dropped(peer, words(lab.xid(), 1, CREDITS, RDMA_ERROR, ERR_CHUNK))
    await lab.dropped(peer, words(lab.xid(), 1, CREDITS, RDMA_ERROR, ERR_VERS, 1, 1))


@case("HD7", "RFC 8166, Section 4.5.2", Severity.MUST)
async def nothing(lab: Lab) -> None:
    """Answer RDMA_NOMSG whose three lists are empty with ERR_CHUNK."""
    peer = await lab.peer()
    xid = lab.xid()
    await lab.refused(peer, header(xid, RDMA_NOMSG), xid)


@case("HD8", "RFC 8166, Section 4.5.2", Severity.MUST)
async def two_xids(lab: Lab) -> None:
    """Answer a header whose XID is not that of its RPC message with ERR_CHUNK."""
    peer = await lab.peer()
    xid = lab.xid()
    await lab.refused(peer, header(xid) + nfs.null(xid ^ 1), xid)


@case("HD9", "RFC 8166, Section 4.5.2", Severity.MUST)
async def discriminators(lab: Lab) -> None:
    """Answer a list whose discriminator is neither 0 nor 1 with ERR_CHUNK."""
    peer = await lab.peer()
    (part,) = peer.memory.expose(bytes(64))
    entry = words(2, 4, part.handle, part.length, part.offset >> 32, part.offset & _LARGEST)
    # All but the one word is as it should be, so that who does not look at it serves the call.
    for lists in (entry + words(0, 0, 0), words(0, 2, 0, 0, 0), words(0, 0, 2, 0)):
        xid = lab.xid()
        octets = words(xid, 1, CREDITS, RDMA_MSG) + lists + nfs.null(xid)
        await lab.refused(peer, octets, xid)


@case("HD10", "RFC 8166, Section 4.5.2", Severity.MUST)
async def cut_short(lab: Lab) -> str:
    """Refuse or drop a header that is cut short at any word, and never hang."""
    peer = await lab.peer()
    offer = peer.memory.offer(512, 512)
    source = peer.memory.expose(bytes(256))
    whole = header(
        1,
        reads=[(120, source[0])],
        writes=[offer.segments],
        reply=peer.memory.offer(1024).segments,
    )
    sizes = range(28, len(whole), 4)
    answered = await _dropped_or_refused(
        lab, peer, [words(lab.xid()) + whole[4:size] for size in sizes]
    )
    expect(not offer.touched, "memory of a call that is no call was written")
    return f"{answered} of {len(sizes)} refused, the others dropped"


@case("HD11", "RFC 8166, Section 4.5.2", Severity.ROBUSTNESS)
async def counts(lab: Lab) -> None:
    """Answer a number of segments that no message could hold with ERR_CHUNK."""
    peer = await lab.peer()
    for count in (1 << 31, _LARGEST, 1 << 20):
        xid = lab.xid()
        octets = words(xid, 1, CREDITS, RDMA_MSG, 0, 1, count, 1, 2, 3, 4, 0, 0)
        await lab.refused(peer, octets + nfs.null(xid), xid)
        xid = lab.xid()
        octets = words(xid, 1, CREDITS, RDMA_MSG, 0, 0, 1, count, 1, 2, 3, 4)
        await lab.refused(peer, octets + nfs.null(xid), xid)


@case("HD12", "RFC 8166, Section 4.5.2; RFC 5531, Section 9", Severity.MUST)
async def rpc_errors(lab: Lab) -> None:
    """Answer calls that RPC itself refuses by RPC, in RDMA_MSG."""
    peer = await lab.peer()
    # What is wrong -> the words behind the XID of the reply: REPLY, then how it was refused.
    wrong = {
        "RPC version 3": ((0, 3, 100003, 4, 0), (1, 1, 0)),
        "no such program": ((0, 2, 0x3FFFFFF1, 4, 0), (1, 0, 0, 0, 1)),
        "no such version": ((0, 2, 100003, 77, 0), (1, 0, 0, 0, 2)),
        "no such procedure": ((0, 2, 100003, 4, 99), (1, 0, 0, 0, 3)),
    }
    for name, (call, reply) in wrong.items():
        xid = lab.xid()
        answer = await peer.ask(header(xid) + words(xid, *call, 0, 0, 0, 0))
        found = _inline(answer, xid)
        expect(
            found[: 4 + 4 * len(reply)] == words(xid, *reply),
            f"{name}: answered with {found[:28].hex(' ', 4)}",
        )


def _inline(answer: Message, xid: int) -> bytes:
    found = check_reply(answer, xid)
    expect(found.proc == RDMA_MSG, f"{answer.brief()} instead of RDMA_MSG")
    return answer.octets[found.size :]


@case("HD13", "RFC 8166, Section 4.5.2; RFC 5531, Section 9", Severity.SHOULD)
async def garbage(lab: Lab) -> str:
    """Answer arguments that cannot be decoded by RPC or NFS, in RDMA_MSG."""
    peer = await lab.peer()
    enc = Encoder()
    xid = lab.xid()
    encode_call(enc, xid, 100003, 4, 1, lab.target.credentials.to_auth())
    for word in (0xFFFFFFF0, 1, 2, 3):  # a tag that is longer than all memory
        enc.uint32(word)
    answer = await peer.ask(header(xid) + bytes(enc.buffer))
    found = _inline(answer, xid)
    expect(found[4:8] == words(1), "the answer is no RPC reply")
    if found[8:24] == words(0, 0, 0, 4):
        return "GARBAGE_ARGS"
    expect(found[8:20] == words(0, 0, 0), f"answered with {found[:28].hex(' ', 4)}")
    return "answered by NFS" if found[20:24] == words(0) else found[20:24].hex()


@case("HD14", "RFC 8166, Section 3.3.2", Severity.MUST)
async def longest(lab: Lab) -> str:
    """Serve a message as long as a receive; a longer one may end its own connection only."""
    peer = await lab.peer(private_data=PrivateData(MAX_INLINE, INLINE).encode())
    theirs = PrivateData.decode(peer.theirs)
    size = theirs.inline_receive
    await _of_length(lab, peer, size)
    xid = lab.xid()
    octets = header(xid) + nfs.null(xid)
    peer.send(octets + bytes(size + 4 - len(octets)))
    try:
        answer = await peer.receive(1.0)
    except Gone:
        return f"{size} octets were served, 4 more ended the connection"
    except Silence:
        raise Failed(f"{size + 4} octets: no answer, and the connection is up") from None
    return f"{size} octets were served, of 4 more came {answer.brief()}"


async def _of_length(lab: Lab, peer: RawPeer, size: int) -> None:
    """Send one good call of so many octets, a COMPOUND with a long tag."""
    enc = Encoder()
    xid = lab.xid()
    encode_call(enc, xid, 100003, 4, 1, lab.target.credentials.to_auth())
    head = header(xid)
    operation = words(1, 1, 24)  # minor version 1, one operation: PUTROOTFH
    room = size - len(head) - len(enc.buffer) - 4 - len(operation)
    tag = min(room, 512)
    enc.uint32(tag)
    enc.buffer += b"t" * tag
    enc.buffer += operation
    octets = head + bytes(enc.buffer)
    octets += bytes(size - len(octets))
    answer = await peer.ask(octets)
    expect(
        answer.xid == xid,
        f"{len(octets)} octets were answered with {answer.brief()}",
    )

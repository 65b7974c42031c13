"""CR: credits (RFC 8166, Section 3.3.1; RFC 8267, Section 6.6)."""

from __future__ import annotations

from nfsrdma.rpcrdma.transport.header import RDMA_ERROR

from .. import nfs
from ..case import Failed, Severity, case, expect
from ..lab import Lab, check_reply
from ..peer import Gone, RawPeer, Silence
from ..wire import header

_CREDITS = "RFC 8166, Section 3.3.1"
_MOST = 1024
"""Calls that are sent at once, however many are granted."""


async def _grant(lab: Lab, peer: RawPeer, asked: int) -> int:
    """Return what one NULL call that asks for so many credits is granted."""
    xid = lab.xid()
    answer = await peer.ask(header(xid, credit=asked) + nfs.null(xid))
    return check_reply(answer, xid).credit


def _post(lab: Lab, peer: RawPeer, count: int, asked: int) -> set[int]:
    """Post so many NULL calls at once; return their XIDs."""
    xids: set[int] = set()
    while len(xids) < count:
        xids.add(lab.xid())
    for xid in xids:
        peer.send(header(xid, credit=asked) + nfs.null(xid))
    return xids


async def _all_answered(peer: RawPeer, xids: set[int]) -> int:
    """Take the replies to all of these; return the smallest grant."""
    left = set(xids)
    least = 1 << 32
    while left:
        try:
            answer = await peer.receive()
        except (Gone, Silence) as error:
            raise Failed(f"{len(left)} of {len(xids)} calls got no reply: {error}") from None
        expect(answer.xid in left, f"a reply with XID {answer.xid:#x}, which no call has")
        least = min(least, check_reply(answer, answer.xid).credit)
        left.remove(answer.xid)
    return least


@case("CR1", _CREDITS, Severity.MUST)
async def never_none(lab: Lab) -> str:
    """Grant at least one credit with each reply."""
    grant = await _grant(lab, await lab.peer(), 64)
    return f"{grant} granted of 64 asked for"


@case("CR2", _CREDITS, Severity.MUST)
async def all_at_once(lab: Lab) -> str:
    """Have a receive posted for every call that is granted, even if all come at once."""
    peer = await lab.peer(receives=_MOST)
    grant = await _grant(lab, peer, 128)
    count = min(grant, _MOST, 128)
    for _ in range(3):
        await _all_answered(peer, _post(lab, peer, count, 128))
    # It would be sent again, so that only packets show that there was no receive for it.
    if lab.watch is not None:
        late = sum(each.not_ready for each in lab.packets())
        expect(not late, f"{late} times no receive was posted for a call that was granted")
    return f"three times {count} calls at once, of {grant} granted"


@case("CR3", _CREDITS, Severity.SHOULD)
async def one(lab: Lab) -> str:
    """Grant a credit to a requester that asks for one only, and serve it so."""
    peer = await lab.peer()
    grants = [await _grant(lab, peer, 1) for _ in range(5)]
    return f"{max(grants)} granted of 1 asked for"


@case("CR4", _CREDITS, Severity.SHOULD)
async def extremes(lab: Lab) -> str:
    """Grant what can be served to a requester that asks for no credit, or for all of them."""
    grants = []
    for asked in (0, 0xFFFFFFFF):
        peer = await lab.peer()
        grants.append(await _grant(lab, peer, asked))
        await lab.alive(peer)
    expect(grants[1] <= 1 << 16, f"{grants[1]} granted to who asked for all: no one has receives")
    return f"{grants[0]} granted of 0 asked for, {grants[1]} of 2^32 - 1"


@case("CR5", _CREDITS, Severity.ROBUSTNESS)
async def one_too_many(lab: Lab) -> str:
    """Survive a requester that sends one call more than it has credits for."""
    peer = await lab.peer(receives=_MOST)
    grant = min(await _grant(lab, peer, 32), _MOST)
    xids = _post(lab, peer, grant + 1, 32)
    try:
        await _all_answered(peer, xids)
    except Failed:
        if peer.ended is None:
            raise
        return f"the connection ended: {peer.ended}"
    return f"{grant + 1} calls were served, {grant} were granted"


@case("CR6", "RFC 8166, Section 3.3.3", Severity.ROBUSTNESS)
async def two_at_first(lab: Lab) -> str:
    """Survive a requester that sends two calls before its first reply."""
    peer = await lab.peer()
    xids = _post(lab, peer, 2, 32)
    try:
        await _all_answered(peer, xids)
    except Failed:
        if peer.ended is None:
            raise
        return f"the connection ended: {peer.ended}"
    return "both were served"


@case("CR7", "RFC 8166, Section 4.2.3", Severity.MUST)
async def errors_grant(lab: Lab) -> str:
    """Grant credits with RDMA_ERROR as well."""
    peer = await lab.peer()
    grants = set()
    for octets in (header(lab.xid(), 77), header(lab.xid(), version=3)):
        answer = await peer.ask(octets + nfs.null(1))
        words = [int.from_bytes(answer.octets[at : at + 4], "big") for at in (8, 12)]
        expect(words[1] == RDMA_ERROR, f"{answer.brief()} instead of RDMA_ERROR")
        expect(words[0] >= 1, "RDMA_ERROR that grants no credit")
        grants.add(words[0])
    return f"{' and '.join(map(str, sorted(grants)))} granted"


@case("CR8", _CREDITS, Severity.QUALITY)
async def steady(lab: Lab) -> str:
    """Grant what was asked for as far as there are receives, and the same under load."""
    peer = await lab.peer(receives=_MOST)
    before = await _grant(lab, peer, 64)
    least = await _all_answered(peer, _post(lab, peer, min(before, 64), 64))
    expect(least >= before // 2, f"{least} granted under load, {before} before")
    return f"{before} granted, {least} under load"


@case("CR9", "RFC 8267, Section 6.6", Severity.SHOULD)
async def slots_and_credits(lab: Lab) -> None:
    """Take fewer slots than credits, and more slots than credits."""
    few = await lab.session(slots=1)
    await few.ok(nfs.PUTROOTFH)
    await _all_answered(few.peer, _post(lab, few.peer, 8, 32))
    many = await lab.session(slots=64)
    for slot in range(min(8, many.created.csr_fore_chan_attrs.ca_maxrequests)):
        seqid = many.seqid + 1 if slot == 0 else 1
        call = nfs.compound(
            lab.xid(), (many.sequence(slot=slot, seqid=seqid),), lab.target.credentials
        )
        many.seqid = max(many.seqid, seqid) if slot == 0 else many.seqid
        octets = header(call.xid, credit=1) + call.whole
        answer = await many.peer.ask(octets)
        results = nfs.decode_results(answer.octets[check_reply(answer, call.xid).size :], call)
        expect(results.status == 0, f"slot {slot}: {results.status_name}")

"""CL1 to CL7, CL18, CL24: what calls are like, and how many there are at a time."""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.transport.chunk import handles
from nfsrdma.rpcrdma.transport.private_data import MAGIC, REMOTE_INVALIDATION, PrivateData

from ...case import NotApplicable, Severity, expect
from ...relay import REPLY, Cut, Link, Passing
from ...relay.link import Pending
from ..catalogue import scenario
from ..lab import ClientLab
from .common import undisturbed

_CREDITS: Final = "RFC 8166, Section 3.3.1"
_FIRST_S: Final = 0.4
_PATTERN: Final = (1, 1, 2, 8, 32, 3, 1)


@scenario("CL1", "RFC 8797, Section 4", Severity.MUST)
async def private_data(lab: ClientLab) -> str:
    """Send private data that are right, or none."""
    await lab.right()
    found = {each.client_data[:8] for each in lab.record.connections.values()}
    said = []
    for data in found:
        if len(data) < 8 or int.from_bytes(data[:4], "big") != MAGIC:
            said.append("none")
            continue
        expect(data[4] == 1, f"version {data[4]}")
        expect(not data[5] & ~REMOTE_INVALIDATION, f"reserved flags are set: {data[5]:#04x}")
        client = PrivateData.decode(data)
        invalidation = ", remote invalidation" if client.remote_invalidation else ""
        said.append(f"sends {client.inline_send}, receives {client.inline_receive}{invalidation}")
    return "; ".join(sorted(said))


@scenario("CL2", "RFC 8166, Section 3.3.3", Severity.MUST)
async def one_at_first(lab: ClientLab) -> str:
    """Have one call in flight until the first reply has granted more."""
    seen: set[int] = set()
    cut = False

    async def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal cut
        if passing.kind == REPLY and link.number not in seen:
            seen.add(link.number)
            lab.did("the first reply was late")
            await lab.wait(_FIRST_S)
        # Whoever has several calls to repeat is tempted most.
        elif passing.kind == REPLY and not cut and len(link.pending) > 1:
            cut = True
            passing.cut = Cut.BEFORE

    lab.act = act
    await lab.right()
    most = max((each.before_first_reply for each in lab.record.connections.values()), default=0)
    expect(most <= 1, f"{most} calls before the first reply")
    return f"on {len(seen)} connections"


@scenario("CL3", _CREDITS, Severity.MUST)
async def obeys_grants(lab: ClientLab) -> str:
    """Keep to what is granted, also when that shrinks to one, and when it grows again."""
    count = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal count
        if passing.kind == REPLY:
            passing.credit = min(passing.credit, _PATTERN[count // 24 % len(_PATTERN)])
            count += 1

    lab.act = act
    await lab.right()
    most = max((each.most_in_flight for each in lab.record.connections.values()), default=0)
    return f"{count} replies, at most {most} calls in flight"


@scenario("CL4", _CREDITS, Severity.ROBUSTNESS)
async def no_credit(lab: ClientLab) -> str:
    """Go on, one call at a time, if replies grant no credit."""
    count = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal count
        if passing.kind == REPLY:
            count += 1
            phase = count % 150
            if phase >= 135:
                passing.credit = 0
                lab.did("no credit")
            elif phase > 40:
                # With calls in flight there is another reply that may grant something.
                passing.credit = 1

    return f"{await undisturbed(lab, act, 'there were too few calls')} replies without a credit"


@scenario("CL5", "RFC 8166, Section 4.2.1", Severity.MUST)
async def one_xid_each(lab: ClientLab) -> str:
    """Give each call an XID that no other call in progress on its connection has."""
    await lab.right()
    calls = lab.record.calls()
    several = len(calls) - len({(each.connection, each.xid) for each in calls})
    return f"{len(calls)} calls" + (f", {several} with an XID of an earlier one" * bool(several))


@scenario("CL6", "RFC 8267, Section 6.1", Severity.MUST)
async def eligible_items_only(lab: ClientLab) -> str:
    """Reduce nothing but what is DDP-eligible, and name its Position right."""
    await lab.right()
    reads = sum(bool(each.header and each.header.read_list) for each in lab.record.calls())
    writes = sum(bool(each.header and each.header.write_list) for each in lab.record.calls())
    if not reads + writes:
        raise NotApplicable("no call had a chunk for data")
    return f"{reads} calls with a Read list, {writes} with a Write list"


@scenario("CL7", "RFC 8166, Section 3.5.3", Severity.MUST)
async def room_for_replies(lab: ClientLab) -> str:
    """Offer room for the longest reply that a call asks for, by chunks or inline."""
    await lab.right()
    replies = [
        each.header.reply_chunk.length
        for each in lab.record.calls()
        if each.header is not None and each.header.reply_chunk is not None
    ]
    if not replies:
        return "no Reply chunk was offered"
    return f"{len(replies)} Reply chunks, the longest of {max(replies)} octets"


@scenario("CL18", "RFC 8166, Section 8.1.2", Severity.QUALITY)
async def keys(lab: ClientLab) -> str:
    """Offer memory by handles that cannot be guessed from those before."""
    await lab.right()
    found: list[int] = []
    for each in lab.record.calls():
        if each.header is not None:
            lists = each.header.read_list, each.header.write_list, each.header.reply_chunk
            found += handles(*lists)
    if len(found) < 8:
        raise NotApplicable(f"{len(found)} handles were offered")
    known: set[int] = set()
    guessed = 0
    for number, handle in enumerate(found):
        steps = {found[number - back] + step for back in (1, 2) for step in (1, 2, 256)}
        guessed += number > 1 and (handle in steps or handle in known)
        known.add(handle)
    share = guessed / len(found)
    text = f"{len(set(found))} different ones of {len(found)}, {share:.0%} near one before"
    expect(share < 0.2, text)
    return text


@scenario("CL24", "RFC 8166, Section 8.2.2", Severity.MUST)
async def protected_inline(lab: ClientLab) -> str:
    """Reduce no call that RPCSEC_GSS protects: it goes whole, inline or at Position zero."""
    await lab.right()
    count = sum(each.stream.is_gss for each in lab.record.calls())
    if not count:
        raise NotApplicable("no call had RPCSEC_GSS: mount with sec=krb5i or krb5p")
    return f"{count} calls with RPCSEC_GSS"

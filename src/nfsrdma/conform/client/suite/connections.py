"""CL21 to CL23: connections that end, are refused, or fall silent."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from ...case import Failed, NotApplicable, Severity, expect
from ...relay import CALL, REPLY, Cut, Link, Passing
from ...relay.link import Pending
from ...relay.streams import Stream
from ...wire import words
from ..catalogue import scenario
from ..lab import ClientLab

_POINTS: Final = (
    (CALL, "WRITE", Cut.BEFORE),
    (REPLY, "WRITE", Cut.BEFORE),
    (REPLY, "WRITE", Cut.AFTER),
    (REPLY, "OPEN", Cut.BEFORE),
    (REPLY, "CREATE", Cut.BEFORE),
    (CALL, "READ", Cut.AFTER),
    (REPLY, "READ", Cut.PLACING),
    (REPLY, "READ", Cut.PLACED),
    (REPLY, "READ", Cut.AFTER),
    (REPLY, "READDIR", Cut.BEFORE),
    (REPLY, "RENAME", Cut.BEFORE),
    (REPLY, "REMOVE", Cut.BEFORE),
)
"""Where connections are cut: what passes, of which operation, and how much of it arrives."""
_SETTLED: Final = 2
"""Replies over a new connection before it is cut again."""
_REJECTED: Final = 3
_SILENT_S: Final = 75.0


@scenario("CL21", "RFC 8166, Section 4.5.5", Severity.MUST)
async def cut_anywhere(lab: ClientLab) -> str:
    """Connect again wherever the connection is cut, and be right: nothing lost, nothing twice."""
    await lab.mount()
    left = list(_POINTS)
    last: Link | None = None
    replies = _SETTLED

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal last, replies
        if link is last:
            return  # what was on its way
        if replies < _SETTLED:
            # By what is done, not by time: a client may be done with all data in no time.
            replies += passing.kind == REPLY
            return
        for point in left:
            kind, name, cut = point
            if passing.kind == kind and name in passing.operations:
                left.remove(point)
                last, replies = link, 0
                passing.cut = cut
                lab.did(f"{name} {kind} {cut.value}")
                break

    lab.act = act
    await lab.right()
    lab.needed("nothing came that could be cut")
    missing = ", ".join(f"{name} ({kind}, {cut.value})" for kind, name, cut in left)
    return f"cut at {len(lab.done)} of {len(_POINTS)} places" + (
        f"; not at {missing}" if left else ""
    )


@scenario("CL38", "RFC 8881, Section 2.10.6.1.3", Severity.MUST)
async def repeated(lab: ClientLab) -> str:
    """Send a call again that the cut has left without a reply, in its slot, with its number."""
    await lab.mount()
    lost: list[bytes] = []

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        if passing.kind == REPLY and pending is not None and len(lost) < 2:
            named = {"WRITE", "OPEN", "CREATE", "RENAME"} & set(passing.operations)
            slot = _slot(pending.stream)
            if slot and named and passing.number > 20 * (len(lost) + 1):
                passing.cut = Cut.BEFORE
                lost.append(slot)

    lab.act = act
    await lab.right()
    if not lost:
        raise NotApplicable("there was no call of a session to lose the reply of")
    calls = [_slot(each.stream) for each in lab.record.calls()]
    for slot in lost:
        expect(calls.count(slot) > 1, "a call without a reply was not repeated")
    return f"{len(lost)} calls"


def _slot(stream: Stream) -> bytes:
    """Return session, slot and number of a call; empty if it has none."""
    if not stream.operations or stream.operations[0].argop != t.OP_SEQUENCE:
        return b""
    value = stream.operations[0].value
    session: bytes = value.sa_sessionid
    return session + words(value.sa_slotid, value.sa_sequenceid)


@scenario("CL22", "RFC 8166, Section 3.3.3", Severity.ROBUSTNESS)
async def rejected(lab: ClientLab) -> str:
    """Try again, and more slowly, while requests to connect are rejected."""
    await lab.mount()
    begun = 0

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal begun
        if passing.kind == REPLY and not begun and passing.number > 10:
            begun = len(lab.requests)
            passing.cut = Cut.BEFORE
            lab.admit = lambda number: number > begun + _REJECTED

    lab.act = act
    await lab.right()
    if not begun:
        raise NotApplicable("there were too few replies")
    times = lab.requests[begun : begun + _REJECTED + 1]
    expect(len(times) > _REJECTED, f"{len(times)} requests after the cut")
    gaps = [after - before for before, after in pairwise(times)]
    text = ", ".join(f"{gap:.2f} s" for gap in gaps)
    expect(max(gaps) >= 0.05, f"no pause between requests: {text}")
    return f"requests after {text}"


@scenario("CL23", "RFC 8267, Section 6.7.2", Severity.QUALITY)
async def silence(lab: ClientLab) -> str:
    """Find out that a server answers no call any more, and connect again."""
    await lab.mount()
    silent: Link | None = None
    since = 0.0
    limit = min(_SILENT_S, lab.timeout_s / 3)

    def act(link: Link, passing: Passing, pending: Pending | None) -> None:
        nonlocal silent, since
        if silent is None and passing.kind == REPLY and passing.number > 10:
            silent, since = link, lab.reactor.time()
            # Nobody can wait for longer: then it is the test that ends the connection.
            lab.reactor.call_at(since + limit, link.close, "by the test")
        if link is silent:
            passing.dropped = True

    lab.act = act
    await lab.right()
    if silent is None:
        raise NotApplicable("there were too few replies")
    noticed = [when - since for when in lab.requests if since < when < since + limit - 0.5]
    if not noticed:
        raise Failed(f"nothing was noticed in {limit:g} s")
    return f"noticed after {noticed[0]:.1f} s"

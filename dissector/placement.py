"""Where packets belong of which the one that says so was not captured.

Only the first packet of an RDMA WRITE names its memory, and only the request of an RDMA READ does.
When that one is missing, its followers wait as *orphans*, by sequence. The reply tells which memory
was used; what no operation has carried of it is a *gap*. Orphans are placed in a gap when that is
certain, and else not at all:

- a gap of so many octets takes a certain number of packets, the last of a certain size;
- that many sequences, the orphans' among them, are there, and nothing else was seen with them;
- between the call and the reply not enough packets are missing elsewhere to hold the gap's octets;
- no other gap fits the same orphans, and no other orphans fit the gap.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from nfsrdma.rpcrdma.roce.opcode import Position

from .extent import Extent
from .messages.transport import Segment
from .model import OpKind, RdmaOp
from .sequence import Ranges

if TYPE_CHECKING:
    from .exchange import Exchange
    from .flow import Flow

Runs = list[tuple[int, int]]
_LAST = Position.LAST
MAX_ORPHANS = 4096
"""Packets of one flow that wait for a place."""


class Orphan(NamedTuple):
    """A packet with data whose address is not known; ``extent`` has none."""

    kind: OpKind
    position: int
    time: int
    extent: Extent


class Gap(NamedTuple):
    """Memory that was used, and by no operation that was seen."""

    kind: OpKind
    handle: int
    start: int
    end: int

    def packets(self, mtu: int) -> int:
        return -(-(self.end - self.start) // mtu)

    def last(self, mtu: int) -> int:
        """Octets of its last packet."""
        return self.end - self.start - (self.packets(mtu) - 1) * mtu


class Group(NamedTuple):
    """Orphans of one operation: those from ``first`` to before ``end`` may be its sequences.

    Where that is not known, they are negative.
    """

    kind: OpKind
    first: int
    end: int
    ended: bool
    """Its last packet is there."""
    members: list[int]


def place_orphans(flow: Flow, exchange: Exchange) -> None:
    """Give the responder's orphans to the operations that a reply speaks of."""
    reply, low = exchange.reply, exchange.horizon
    tracker, mtu = flow.tracker, flow.mtu
    if reply is None or low < 0 or not mtu or len(tracker.lost) >= MAX_ORPHANS:
        return
    high = reply.sequence
    missing = _within(tracker.holes + tracker.lost, low, high)
    groups = _groups(flow.orphans, missing, low, high)
    gaps = list(_gaps(exchange))
    pairs = [
        (gap, group, first)
        for gap in gaps
        for group in groups
        if (first := _fits(gap, group, flow, mtu)) is not None
    ]
    certain = [
        pair
        for pair in pairs
        if sum(other[0] is pair[0] or other[1] is pair[1] for other in pairs) == 1
    ]
    elsewhere = sum(end - start for start, end in missing)
    for gap, group, _ in certain:
        # A READ's sequences are all missing, since nothing but its request has them.
        seen = len(group.members) if gap.kind == OpKind.WRITE else 0
        elsewhere -= gap.packets(mtu) - seen
    for gap, group, first in certain:
        if elsewhere < gap.packets(mtu):
            _place(flow, exchange, gap, group, first)
    # What is older than all calls in progress, nobody will claim.
    high = min((other.horizon for other in exchange.requester.calls.values()), default=high)
    for sequence in [one for one in flow.orphans if one < high]:
        del flow.orphans[sequence]


def _within(ranges: Ranges, low: int, high: int) -> Runs:
    return _merged((max(start, low), min(end, high)) for start, end in ranges)


def _merged(ranges: Iterable[tuple[int, int]]) -> Runs:
    """Runs in ascending order, none of which touches another."""
    runs: Runs = []
    for start, end in sorted(ranges):
        if start >= end:
            continue
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs


def _groups(orphans: dict[int, Orphan], missing: Runs, low: int, high: int) -> list[Group]:
    """The orphans between two sequences, and what is missing around them."""
    inside = [one for one in sorted(orphans) if low <= one < high]
    groups: list[Group] = []
    for start, end in _merged([*missing, *((one, one + 1) for one in inside)]):
        first, members = start, list[int]()
        for sequence in inside[bisect_left(inside, start) : bisect_left(inside, end)]:
            kind, position, _, _ = orphans[sequence]
            if members and orphans[members[-1]].kind != kind:
                # Where the one ends and the other begins is not known.
                groups.append(Group(orphans[members[0]].kind, first, -1, True, members))
                first, members = -1, []
            members.append(sequence)
            if position & _LAST:
                groups.append(Group(kind, first, sequence + 1, True, members))
                first, members = sequence + 1, []
        if members:
            groups.append(Group(orphans[members[0]].kind, first, end, False, members))
    return groups


def _gaps(exchange: Exchange) -> list[Gap]:
    """What the call offered to be read, and the reply says was written, that nobody carried."""
    call, reply = exchange.call_header, exchange.reply_header
    wanted: list[tuple[OpKind, Segment]] = []
    if call is not None:
        wanted += [(OpKind.READ, Segment(*entry[1:])) for entry in call.reads]
    if reply is not None:
        wanted += [(OpKind.WRITE, one) for chunk in reply.writes for one in chunk]
        wanted += [(OpKind.WRITE, one) for one in reply.reply or ()]
    gaps = []
    for kind, (handle, length, offset) in wanted:
        at, end = offset, offset + length
        mine = [op for op in exchange.operations if op.kind == kind and op.handle == handle]
        for op in sorted(mine, key=lambda op: op.address):
            if at < op.address < end:
                gaps.append(Gap(kind, handle, at, op.address))
            if op.address < end:
                at = max(at, op.address + op.length)
        if at < end:
            gaps.append(Gap(kind, handle, at, end))
    return gaps


def _fits(gap: Gap, group: Group, flow: Flow, mtu: int) -> int | None:
    """The sequence that the gap's first packet had, if the orphans may be the gap's."""
    if gap.kind != group.kind or group.first < 0 or group.end < 0:
        return None
    count = gap.packets(mtu)
    if not group.ended and group.end - group.first != count:
        return None
    first = group.end - count
    if first < group.first or first > group.members[0]:
        return None
    for sequence in group.members:
        orphan = flow.orphans[sequence]
        last = sequence == group.end - 1
        if orphan.extent.size != (gap.last(mtu) if last else mtu):
            return None
        if bool(orphan.position & _LAST) != last:
            return None
    return first


def _place(flow: Flow, exchange: Exchange, gap: Gap, group: Group, first: int) -> None:
    """Make the operation that was missing."""
    mtu = flow.mtu
    members = [(sequence, flow.orphans.pop(sequence)) for sequence in group.members]
    earliest, latest = members[0][1], members[-1][1]
    op = RdmaOp(
        gap.kind, flow.side, gap.handle, gap.start, gap.end - gap.start, earliest.extent.frame,
        earliest.time,
    )  # fmt: skip
    op.inferred = True
    op.sequence = first
    op.size_with(mtu)
    op.next = op.end
    op.first_data_time = earliest.time
    op.last_frame, op.last_time = latest.extent.frame, latest.time
    op.packets = len(members)
    op.extents = [
        orphan.extent._replace(address=gap.start + (sequence - first) * mtu)
        for sequence, orphan in members
    ]
    op.exchange = exchange
    exchange.operations.append(op)

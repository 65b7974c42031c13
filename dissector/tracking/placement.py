"""Places packets whose address is not known, since the packet that names it was not captured.

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
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.opcode import Position

from ..base.effort import Effort
from ..base.extent import merged
from ..messages.rpcrdma import Segment
from .kinds import OpKind
from .model import Direction, Exchange, RdmaOp
from .orphans import MAX_ORPHANS, Orphans
from .sequence import within

Runs = list[tuple[int, int]]
_LAST = Position.LAST
_ANY = -1


class Gap(NamedTuple):
    """Memory that was used, and by no operation that was seen."""

    kind: OpKind
    handle: int
    start: int
    end: int

    def packets(self, mtu: int) -> int:
        """Return how many packets it takes."""
        return -(-(self.end - self.start) // mtu)

    def last(self, mtu: int) -> int:
        """Return the octets of its last packet."""
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


def place_orphans(flow: Direction, exchange: Exchange, effort: Effort) -> None:
    """Give the responder's orphans to the operations that a reply speaks of."""
    reply, low = exchange.reply, exchange.horizon
    tracker, mtu = flow.tracker, flow.mtu
    if reply is None or low < 0 or not mtu or len(tracker.lost) >= MAX_ORPHANS:
        return
    high = reply.sequence
    inside = flow.orphans.between(low, high)
    missing = within(tracker.holes, low, high) + within(tracker.lost, low, high)
    if inside and effort.spend(len(inside) + len(missing)):
        _place_all(flow, exchange, merged(missing), inside)
    if flow.orphans:
        # What is older than all calls in progress, no reply will claim.
        calls = exchange.requester.calls
        if effort.spend(len(calls)):
            high = min((other.horizon for other in calls.values()), default=high)
            flow.orphans.forget(high)


def _place_all(flow: Direction, exchange: Exchange, missing: Runs, inside: list[int]) -> None:
    mtu = flow.mtu
    groups = _groups(flow.orphans, missing, inside)
    gaps = list(_gaps(exchange))
    certain = _certain(gaps, groups, flow, mtu)
    elsewhere = sum(end - start for start, end in missing)
    for gap, group, _ in certain:
        # A READ's sequences are all missing, since nothing but its request has them.
        seen = len(group.members) if gap.kind == OpKind.WRITE else 0
        elsewhere -= gap.packets(mtu) - seen
    for gap, group, first in certain:
        if elsewhere < gap.packets(mtu):
            _place(flow, exchange, gap, group, first)


def _groups(orphans: Orphans, missing: Runs, inside: list[int]) -> list[Group]:
    """Return the orphans of some sequences by operation, and what is missing around them."""
    groups: list[Group] = []
    for start, end in merged([*missing, *((one, one + 1) for one in inside)]):
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


def _gaps(exchange: Exchange) -> Iterator[Gap]:
    """Give the memory that was offered or returned, and that no operation has carried."""
    call, reply = exchange.call_header, exchange.reply_header
    wanted: list[tuple[OpKind, Segment]] = []
    if call is not None:
        wanted += [(OpKind.READ, Segment(*entry[1:])) for entry in call.reads]
    if reply is not None:
        wanted += [(OpKind.WRITE, one) for chunk in reply.writes for one in chunk]
        wanted += [(OpKind.WRITE, one) for one in reply.reply or ()]
    done: dict[tuple[OpKind, int], list[tuple[int, int]]] = {}
    for op in exchange.operations:
        done.setdefault((op.kind, op.handle), []).append((op.address, op.address + op.length))
    carried = {key: merged(stretches) for key, stretches in done.items()}
    for kind, (handle, length, offset) in wanted:
        at, end = offset, offset + length
        runs = carried.get((kind, handle), [])
        first = max(0, bisect_left(runs, (at, 0)) - 1)
        for index in range(first, bisect_left(runs, (end, 0))):
            start, last = runs[index]
            if at < start:
                yield Gap(kind, handle, at, start)
            at = max(at, last)
        if at < end:
            yield Gap(kind, handle, at, end)


def _certain(
    gaps: list[Gap], groups: list[Group], flow: Direction, mtu: int
) -> list[tuple[Gap, Group, int]]:
    """Return gaps and groups that fit nothing else, with the sequence of the first packet.

    What a group asks of its gap is a range of packets, and maybe the octets of the last; so gaps
    are sorted by these, and no gap is held beside every group.
    """
    sizes: dict[tuple[OpKind, int], list[tuple[int, int]]] = {}
    for index, gap in enumerate(gaps):
        for last in (gap.last(mtu), _ANY):
            sizes.setdefault((gap.kind, last), []).append((gap.packets(mtu), index))
    fitting: list[tuple[Group, int]] = []
    rivals: Counter[int] = Counter()
    """How many groups fit each gap."""
    edges: dict[tuple[OpKind, int], Counter[int]] = {}
    for row in sizes.values():
        row.sort()
    for group in groups:
        shape = _shape(group, flow, mtu)
        if shape is None:
            continue
        key, fewest, most = (group.kind, shape.last), shape.fewest, shape.most
        row = sizes.get(key, [])
        first, end = bisect_left(row, (fewest, 0)), bisect_left(row, (most + 1, 0))
        if first < end:
            steps = edges.setdefault(key, Counter())
            steps[first] += 1
            steps[end] -= 1
            if end - first == 1:
                fitting.append((group, row[first][1]))
    for key, steps in edges.items():
        depth = 0
        for place, (_, index) in enumerate(sizes[key]):
            depth += steps[place]
            rivals[index] += depth
    return [
        (gaps[index], group, group.end - gaps[index].packets(mtu))
        for group, index in fitting
        if rivals[index] == 1
    ]


class Shape(NamedTuple):
    """What a gap must have to be a group's: so many packets, and a last one of so many octets."""

    fewest: int
    most: int
    last: int


def _shape(group: Group, flow: Direction, mtu: int) -> Shape | None:
    """Return what a gap must have to be a group's; ``None`` if none can be."""
    if group.first < 0 or group.end < 0:
        return None
    final = _ANY
    for sequence in group.members:
        orphan = flow.orphans[sequence]
        if bool(orphan.position & _LAST) != (sequence == group.end - 1):
            return None
        if sequence == group.end - 1:
            final = orphan.extent.size
        elif orphan.extent.size != mtu:
            return None
    most = group.end - group.first
    return Shape(group.end - group.members[0] if group.ended else most, most, final)


def _place(flow: Direction, exchange: Exchange, gap: Gap, group: Group, first: int) -> None:
    """Make the operation that was missing."""
    mtu = flow.mtu
    members = [(sequence, flow.orphans.pop(sequence)) for sequence in group.members]
    earliest, latest = members[0][1], members[-1][1]
    op = RdmaOp(
        gap.kind, flow.side, gap.handle, gap.start, gap.end - gap.start, earliest.extent.frame,
        earliest.time_ns,
    )  # fmt: skip
    op.inferred = True
    op.sequence = first
    op.size_with(mtu)
    op.next = op.end
    op.first_data_time_ns = earliest.time_ns
    op.last_frame, op.last_time_ns = latest.extent.frame, latest.time_ns
    op.packets = len(members)
    op.extents = [
        orphan.extent._replace(address=gap.start + (sequence - first) * mtu)
        for sequence, orphan in members
    ]
    op.claimed = True
    exchange.operations.append(op)

"""Where the time of each RPC went, from captures at two places (``--merge``).

Seen at the place that is nearer to the requester, an RPC takes from its call to its reply. At the
other place one sees how much of it the responder had: from the call to what it did first, and from
its last data to the reply. The rest is what lies between: the network on the way there and back,
and the transfer of data by RDMA. How much is whose needs no comparison of clocks; only what is on
the way there and what on the way back does.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush, heapreplace
from typing import NamedTuple

from ..views.latency.measure import Times
from .brief import Brief
from .clocks import Clocks, Reading, bounds, nearer
from .diff import MAX_KINDS, OTHERS

SLOWEST = 5
"""RPCs that are listed with their parts."""
_EXACT = 8192


class Split(NamedTuple):
    """The parts of an RPC's time, in nanoseconds; together they are ``total``."""

    total: int
    """From the first packet of the call to the last one of the reply, where the requester is."""
    out: int
    """The call on its way; with whatever was lost of it and had to be sent again."""
    host: int
    """The responder, and what is behind the place where it was captured."""
    transfer: int
    """From the first RDMA operation to the last data."""
    back: int
    """The reply on its way."""

    @property
    def network(self) -> int:
        """What is between the two places: all but the responder's part."""
        return self.total - self.host


def split(first: Brief, second: Brief, clock: Reading) -> Split | None:
    """Return the parts of an RPC that is complete in both captures; ``None`` of others."""
    if first.latency is None or second.latency is None:
        return None
    ahead = clock.at(first.called)
    near, far = first, second
    if nearer(first, second) == 1:
        near, far, ahead = second, first, -ahead
    total = near.answered - near.sent
    inside = far.answered - far.called
    before, after = inside, 0
    if far.first_data:
        before = min(max(0, far.first_data - far.called), inside)
        after = min(max(0, far.answered - far.last_data), inside - before)
    out = far.called - ahead - near.sent
    # A bound that is wrong by the error of the clocks may leave less than nothing.
    out = min(max(0, out), max(0, total - inside))
    return Split(total, out, before + after, inside - before - after, total - inside - out)


class Merged(NamedTuple):
    """An RPC and its parts."""

    brief: Brief
    """As the first capture has it."""
    other: Brief
    parts: Split


class Survey:
    """A sink of the first pass: how the clocks compare, and which capture is whose."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self._nearer = [0, 0]

    def single(self, which: int, brief: Brief) -> None:
        """Take an RPC that one capture lacks: it says nothing."""

    def pair(self, first: Brief, second: Brief) -> None:
        """Take an RPC that both have."""
        self.clocks.add(*bounds(first, second))
        if not first.callback and first.latency is not None and second.latency is not None:
            self._nearer[nearer(first, second)] += 1

    @property
    def near(self) -> int:
        """Which capture is nearer to the clients: where more of their calls take longer."""
        return int(self._nearer[1] > self._nearer[0])


class Parts:
    """The parts of the times of one kind of operation."""

    def __init__(self) -> None:
        self.of = {name: Times(_EXACT) for name in (*Split._fields, "network")}

    def add(self, one: Merged) -> None:
        """Add an RPC."""
        frames = one.brief.call_frame, one.brief.reply_frame
        for name, times in self.of.items():
            times.add(max(0, getattr(one.parts, name)), *frames)


class Merge:
    """A sink of the second pass, with the clocks known."""

    def __init__(
        self, clock: Reading, near: int = 0, tell: Callable[[Merged], object] | None = None
    ) -> None:
        self.clock = clock
        self.near = near
        """Which capture is nearer to the clients."""
        self._tell = tell
        self.kinds: dict[str, Parts] = {}
        self.all = Parts()
        self.only = [0, 0]
        """RPCs that are only in one of the captures."""
        self.incomplete = 0
        """RPCs that are in both, but not with call and reply in each."""
        self.lost = [0, 0]
        """Packets towards the responder, and back, that were seen at one place only."""
        self._slowest: list[tuple[int, int, Merged]] = []
        self._count = 0

    def single(self, which: int, brief: Brief) -> None:
        """Take an RPC that one capture lacks."""
        self.only[which] += brief.fits

    def pair(self, first: Brief, second: Brief) -> None:
        """Take an RPC that both have."""
        if not (first.fits or second.fits):
            return
        near, far = (first, second) if self.near == first.callback else (second, first)
        self.lost[0] += max(0, near.forth - far.forth)
        self.lost[1] += max(0, far.back - near.back)
        parts = split(first, second, self.clock)
        if parts is None:
            self.incomplete += 1
            return
        one = Merged(first, second, parts)
        name = first.operation
        if name not in self.kinds and len(self.kinds) >= MAX_KINDS:
            name = OTHERS
        for each in (self.kinds.setdefault(name, Parts()), self.all):
            each.add(one)
        self._count += 1
        put = heappush if len(self._slowest) < SLOWEST else heapreplace
        entry = parts.total, -self._count, one
        if len(self._slowest) < SLOWEST or entry > self._slowest[0]:
            put(self._slowest, entry)
        if self._tell is not None:
            self._tell(one)

    def slowest(self) -> list[Merged]:
        """Return those that took longest, the slowest first."""
        return [one for _, _, one in sorted(self._slowest, reverse=True)]

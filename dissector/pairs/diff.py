"""Which RPCs are in which of two captures, and how they differ (``--diff``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..fields.summary import many
from ..views.latency.measure import Times
from .brief import Brief
from .clocks import Clocks, bounds

MAX_KINDS = 512
OTHERS = "others"
_BATCH = 8192
_CARRY = 2048
"""RPCs that may still get a neighbor that began before them."""


class Difference(NamedTuple):
    """An RPC that the captures do not agree about: ``second`` or ``first`` may be missing."""

    first: Brief | None
    second: Brief | None
    words: tuple[str, ...]
    """What differs, of an RPC that is in both."""


class Order:
    """Counts RPCs that one capture has in another order, in bounded memory."""

    def __init__(self) -> None:
        self._pairs: list[tuple[int, int, int]] = []
        self._last: dict[int, int] = {}
        self.changed = 0

    def add(self, connection: int, first: int, second: int) -> None:
        """Add a message of a connection by its frame in each capture."""
        if first and second:
            self._pairs.append((first, connection, second))
            if len(self._pairs) > _BATCH:
                self._settle(_CARRY)

    def close(self) -> int:
        """Return how many come before one that they come behind in the first capture."""
        self._settle(0)
        return self.changed

    def _settle(self, keep: int) -> None:
        self._pairs.sort()
        done = self._pairs[: len(self._pairs) - keep]
        del self._pairs[: len(done)]
        for _, connection, second in done:
            last = self._last.get(connection, 0)
            self.changed += second < last
            self._last[connection] = max(last, second)


class Kind:
    """The times of one kind of operation in each capture."""

    def __init__(self) -> None:
        self.times = Times(), Times()


class Diff:
    """A sink that tells what differs at once, and the rest at the end."""

    def __init__(self, tell: Callable[[Difference], object]) -> None:
        self._tell = tell
        self.both = 0
        self.only = [0, 0]
        """RPCs that only one of the captures has."""
        self.differing = 0
        """RPCs of both that are not the same in each."""
        self.statuses = 0
        """RPCs that ended differently, or without a reply in one of the captures."""
        self.more = [[0, 0], [0, 0]]
        """Of calls' direction and of replies': packets that the first, the second has more."""
        self.calls, self.replies = Order(), Order()
        self.clocks = Clocks()
        self.kinds: dict[str, Kind] = {}
        self.all = Kind()

    def single(self, which: int, brief: Brief) -> None:
        """Take an RPC that one capture lacks."""
        if brief.fits:
            self.only[which] += 1
            first, second = (brief, None) if which == 0 else (None, brief)
            self._tell(Difference(first, second, ()))

    def pair(self, first: Brief, second: Brief) -> None:
        """Take an RPC that both have."""
        self.clocks.add(*bounds(first, second))
        self.calls.add(first.connection, first.call_frame, second.call_frame)
        self.replies.add(first.connection, first.reply_frame, second.reply_frame)
        if not (first.fits or second.fits):
            return
        self.both += 1
        self._time(first, second)
        words = tuple(self._words(first, second))
        if words:
            self.differing += 1
            self._tell(Difference(first, second, words))

    def _time(self, first: Brief, second: Brief) -> None:
        name = first.operation
        if name not in self.kinds and len(self.kinds) >= MAX_KINDS:
            name = OTHERS
        kind = self.kinds.setdefault(name, Kind())
        for which, brief in enumerate((first, second)):
            if brief.latency is not None:
                for each in (kind, self.all):
                    each.times[which].add(brief.latency, brief.call_frame, brief.reply_frame)

    def _words(self, first: Brief, second: Brief) -> list[str]:
        """Return how an RPC differs."""
        words = []
        if first.status != second.status:
            self.statuses += 1
            words.append(f"{first.status} | {second.status}")
        for what in ("call", "reply"):
            lengths = [getattr(brief, f"{what}_length") for brief in (first, second)]
            if -1 in lengths:
                if lengths[0] == lengths[1] or "no reply" in (first.status, second.status):
                    continue
                words.append(f"its {what} is only in the {'second' if lengths[0] < 0 else 'first'}")
            elif lengths[0] != lengths[1]:
                words.append(f"{what} of {lengths[0]} | {lengths[1]} octets")
        for way, of in enumerate(("forth", "back")):
            more = getattr(first, of) - getattr(second, of)
            if more:
                self.more[way][more < 0] += abs(more)
                source = first.source if of == "forth" else first.destination
                where = "second" if more < 0 else "first"
                words.append(f"{many(abs(more), 'packet')} of {source or '?'} only in the {where}")
        return words

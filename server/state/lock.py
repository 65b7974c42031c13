"""Byte-range locks of one file (RFC 8881, Section 9): who holds what, and what conflicts.

Ranges are half open. A lock to the end of the file, however long it gets, ends at ``FOREVER``.
An owner's ranges never overlap and are merged where they touch, as POSIX has it, so locking
may split, shrink, grow, upgrade and downgrade what there was. Each owner's are kept in order, so
that changing them takes no look at those of others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .stateid import LockState

FOREVER: Final = 1 << 64


class HeldRange:
    """A range, held by one owner, for writing or only for reading."""

    __slots__ = ("end", "exclusive", "holder", "start")

    def __init__(self, start: int, end: int, exclusive: bool, holder: LockState) -> None:
        self.start = start
        self.end = end
        self.exclusive = exclusive
        self.holder = holder


def _start(held: HeldRange) -> int:
    return held.start


def _end(held: HeldRange) -> int:
    return held.end


class RangeLocks:
    """All ranges of one file."""

    __slots__ = ("_held", "_length")

    def __init__(self) -> None:
        self._held: dict[LockState, list[HeldRange]] = {}
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def conflict(
        self, start: int, end: int, exclusive: bool, client: object, owner: bytes
    ) -> HeldRange | None:
        """A range that keeps an owner from locking ``[start, end)``, if there is one."""
        for holder, ranges in self._held.items():
            if holder.owner == owner and holder.client is client:
                continue
            for at in range(bisect_right(ranges, start, key=_end), len(ranges)):
                held = ranges[at]
                if held.start >= end:
                    break
                if exclusive or held.exclusive:
                    return held
        return None

    def lock(self, start: int, end: int, exclusive: bool, holder: LockState) -> None:
        """Add a range; what the holder had of it changes its kind. Conflicts were ruled out."""
        self.unlock(start, end, holder)
        ranges = self._held.setdefault(holder, [])
        at = bisect_left(ranges, start, key=_start)
        first, last = at, at
        if at and ranges[at - 1].end == start and ranges[at - 1].exclusive == exclusive:
            first, start = at - 1, ranges[at - 1].start
        if at < len(ranges) and ranges[at].start == end and ranges[at].exclusive == exclusive:
            last, end = at + 1, ranges[at].end
        self._replace(ranges, first, last, [HeldRange(start, end, exclusive, holder)])

    def unlock(self, start: int, end: int, holder: LockState) -> None:
        """Take ``[start, end)`` out of what the holder has."""
        ranges = self._held.get(holder)
        if ranges is None:
            return
        first = bisect_right(ranges, start, key=_end)
        last = bisect_left(ranges, end, key=_start)
        if first >= last:
            return
        left, right = ranges[first], ranges[last - 1]
        kept = []
        if left.start < start:
            kept.append(HeldRange(left.start, start, left.exclusive, holder))
        if end < right.end:
            kept.append(HeldRange(end, right.end, right.exclusive, holder))
        self._replace(ranges, first, last, kept)
        if not ranges:
            del self._held[holder]

    def splits(self, start: int, end: int, holder: LockState) -> bool:
        """Whether to unlock ``[start, end)`` makes two ranges of one."""
        ranges = self._held.get(holder, [])
        at = bisect_left(ranges, start, key=_start) - 1
        return at >= 0 and end < ranges[at].end

    def drop(self, holder: LockState) -> None:
        """Take away all that the holder has."""
        self._length -= len(self._held.pop(holder, ()))

    def held_by(self, holder: LockState) -> int:
        """How many ranges the holder has."""
        return len(self._held.get(holder, ()))

    def _replace(self, ranges: list[HeldRange], first: int, last: int, by: list[HeldRange]) -> None:
        self._length += len(by) - (last - first)
        ranges[first:last] = by

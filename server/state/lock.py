"""Byte-range locks of one file (RFC 8881, Section 9): who holds what, and what conflicts.

Ranges are half open. A lock to the end of the file, however long it gets, ends at ``FOREVER``.
An owner's ranges never overlap and are merged where they touch, as POSIX has it, so locking
may split, shrink, grow, upgrade and downgrade what there was.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .stateid import LockState

FOREVER: Final = 1 << 64
_BLOCK: Final = 64
"""The most ranges of a block: about the root of what a file may have (``StateLimits``)."""


class HeldRange:
    """A range, held by one owner, for writing or only for reading.

    ``number`` is its own among all of the file.
    """

    __slots__ = ("end", "exclusive", "holder", "number", "start")

    def __init__(
        self, start: int, end: int, exclusive: bool, holder: LockState, number: int
    ) -> None:
        self.start = start
        self.end = end
        self.exclusive = exclusive
        self.holder = holder
        self.number = number


def _start(held: HeldRange) -> int:
    return held.start


def _end(held: HeldRange) -> int:
    return held.end


def _first_place(block: list[HeldRange]) -> tuple[int, int]:
    return _place(block[0])


def _place(held: HeldRange) -> tuple[int, int]:
    return held.start, held.number


class _SharedRanges:
    """Ranges that may overlap, in the order of their starts.

    They lie in blocks, each with the greatest of its ends: so a block of which nothing reaches to
    where somebody looks is passed over in one step.
    """

    __slots__ = ("_blocks", "_count", "_ends")

    def __init__(self) -> None:
        self._blocks: list[list[HeldRange]] = []
        self._ends: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def overlapping(self, start: int, end: int) -> Iterator[HeldRange]:
        """Return the ranges of which some part is in ``[start, end)``."""
        for block, reach in zip(self._blocks, self._ends, strict=True):
            if block[0].start >= end:
                return
            if reach > start:
                for held in block:
                    if held.start >= end:
                        return
                    if held.end > start:
                        yield held

    def add(self, held: HeldRange) -> None:
        """Add a range."""
        self._count += 1
        if not self._blocks:
            self._blocks.append([held])
            self._ends.append(held.end)
            return
        at = self._block_of(held)
        block = self._blocks[at]
        insort(block, held, key=_place)
        self._ends[at] = max(self._ends[at], held.end)
        if len(block) > _BLOCK:
            self._blocks.insert(at + 1, block[_BLOCK // 2 :])
            del block[_BLOCK // 2 :]
            self._ends[at : at + 1] = [max(map(_end, half)) for half in self._blocks[at : at + 2]]

    def remove(self, held: HeldRange) -> None:
        """Remove a range that is there."""
        self._count -= 1
        at = self._block_of(held)
        block = self._blocks[at]
        del block[bisect_left(block, _place(held), key=_place)]
        if block:
            self._ends[at] = max(map(_end, block))
        else:
            del self._blocks[at], self._ends[at]

    def _block_of(self, held: HeldRange) -> int:
        return max(0, bisect_right(self._blocks, _place(held), key=_first_place) - 1)


class RangeLocks:
    """All ranges of one file.

    They are kept in order: those of each holder, which do not overlap; all exclusive ones, which do
    not either; and all shared ones, of which many may be in one place. So nobody looks at more than
    a few.
    """

    __slots__ = ("_exclusive", "_held", "_next", "_shared")

    def __init__(self) -> None:
        self._held: dict[LockState, list[HeldRange]] = {}
        self._exclusive: list[HeldRange] = []
        self._shared = _SharedRanges()
        self._next = 0

    def __len__(self) -> int:
        return len(self._exclusive) + len(self._shared)

    def conflict(
        self, start: int, end: int, exclusive: bool, client: object, owner: bytes
    ) -> HeldRange | None:
        """Return a range that keeps an owner from locking ``[start, end)``, if there is one."""
        writers = self._exclusive
        for at in range(bisect_right(writers, start, key=_end), len(writers)):
            held = writers[at]
            if held.start >= end:
                break
            if not (held.holder.owner == owner and held.holder.client is client):
                return held
        if exclusive:
            for held in self._shared.overlapping(start, end):
                if not (held.holder.owner == owner and held.holder.client is client):
                    return held
        return None

    def lock(self, start: int, end: int, exclusive: bool, holder: LockState) -> None:
        """Add a range; what the holder had of it changes kind. There must be no conflict."""
        self.unlock(start, end, holder)
        ranges = self._held.setdefault(holder, [])
        at = bisect_left(ranges, start, key=_start)
        first, last = at, at
        if at and ranges[at - 1].end == start and ranges[at - 1].exclusive == exclusive:
            first, start = at - 1, ranges[at - 1].start
        if at < len(ranges) and ranges[at].start == end and ranges[at].exclusive == exclusive:
            last, end = at + 1, ranges[at].end
        self._replace(ranges, first, last, [self._new(start, end, exclusive, holder)])

    def unlock(self, start: int, end: int, holder: LockState) -> None:
        """Remove ``[start, end)`` from what the holder has."""
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
            kept.append(self._new(left.start, start, left.exclusive, holder))
        if end < right.end:
            kept.append(self._new(end, right.end, right.exclusive, holder))
        self._replace(ranges, first, last, kept)
        if not ranges:
            del self._held[holder]

    def span(self, start: int, end: int, holder: LockState) -> tuple[int, int]:
        """Return the smallest part of ``[start, end)`` in which is all that the holder has of it.

        It is empty, with its end before its start, if the holder has nothing there.
        """
        ranges = self._held.get(holder, [])
        first = bisect_right(ranges, start, key=_end)
        last = bisect_left(ranges, end, key=_start)
        if first >= last:
            return end, start
        return max(start, ranges[first].start), min(end, ranges[last - 1].end)

    def gaps(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of ``[start, end)`` that nobody has locked, in their order.

        The ranges may change between two of them: each is right when it is yielded.
        """
        while start < end:
            held = self._first(start, end)
            if held is None:
                yield start, end
                return
            if start < held.start:
                yield start, held.start
                # What was locked meanwhile begins where it may: look again from there.
                start = held.start
            else:
                start = held.end

    def _first(self, start: int, end: int) -> HeldRange | None:
        """Return the first range of which some part is in ``[start, end)``; any of those."""
        writers = self._exclusive
        at = bisect_right(writers, start, key=_end)
        writer = writers[at] if at < len(writers) and writers[at].start < end else None
        reader = next(self._shared.overlapping(start, end), None)
        if writer is None or (reader is not None and reader.start < writer.start):
            return reader
        return writer

    def all(self) -> list[HeldRange]:
        """Return all ranges of all holders."""
        return [held for ranges in self._held.values() for held in ranges]

    def splits(self, start: int, end: int, holder: LockState) -> bool:
        """Return whether unlocking ``[start, end)`` makes two ranges of one."""
        ranges = self._held.get(holder, [])
        at = bisect_left(ranges, start, key=_start) - 1
        return at >= 0 and end < ranges[at].end

    def drop(self, holder: LockState) -> None:
        """Remove all that the holder has."""
        for held in self._held.pop(holder, ()):
            self._remove(held)

    def held_by(self, holder: LockState) -> int:
        """Return the number of ranges that the holder has."""
        return len(self._held.get(holder, ()))

    def _new(self, start: int, end: int, exclusive: bool, holder: LockState) -> HeldRange:
        self._next += 1
        return HeldRange(start, end, exclusive, holder, self._next)

    def _replace(self, ranges: list[HeldRange], first: int, last: int, by: list[HeldRange]) -> None:
        """Replace some ranges of one holder by ``by``."""
        for held in ranges[first:last]:
            self._remove(held)
        for held in by:
            if held.exclusive:
                insort(self._exclusive, held, key=_place)
            else:
                self._shared.add(held)
        ranges[first:last] = by

    def _remove(self, held: HeldRange) -> None:
        if held.exclusive:
            del self._exclusive[bisect_left(self._exclusive, _place(held), key=_place)]
        else:
            self._shared.remove(held)

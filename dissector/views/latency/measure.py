"""Many numbers in bounded memory: times with their percentiles, and what happened when."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

MAX_EXACT = 1 << 17
"""Times that are kept one by one; of more, only how many there are in ranges of under 1 %."""
_MAX = (1 << 63) - 1
"""A hostile capture's times are as long as it likes."""
_FINE = 7
"""Bits of a time that are kept then."""


class Spread(NamedTuple):
    """Of many times, in nanoseconds: the middle one, the 99th of a hundred, the worst."""

    calls: int
    median: int
    p99: int
    worst: int
    call_frame: int
    reply_frame: int


class Times:
    """The times of one stage of one operation, or other numbers that are not negative."""

    __slots__ = ("_all", "_coarse", "_count", "_exact", "_frames", "_worst", "total")

    def __init__(self, exact: int = MAX_EXACT) -> None:
        self._exact = exact
        self._all = array("q")
        self._coarse: dict[int, int] = {}
        self._count = 0
        self._worst = -1
        self._frames = (0, 0)
        self.total = 0

    def __len__(self) -> int:
        return self._count

    def add(self, time: int, call_frame: int, reply_frame: int) -> None:
        """Add a time, and the frames of the call and the reply that it is of."""
        time = min(time, _MAX)
        self._count += 1
        self.total += time
        self._all.append(time)
        if time > self._worst:
            self._worst, self._frames = time, (call_frame, reply_frame)
        if len(self._all) > self._exact:
            self._fold()

    def _fold(self) -> None:
        """Forget all but the leading bits of each."""
        coarse = self._coarse
        for time in self._all:
            shift = max(0, time.bit_length() - 1 - _FINE)
            low = time >> shift << shift
            coarse[low] = coarse.get(low, 0) + 1
        self._all = array("q")

    def counted(self) -> Iterator[tuple[int, int]]:
        """Give each time and how often there was one, ascending."""
        if self._coarse:
            self._fold()
            yield from sorted(self._coarse.items())
            return
        for time in sorted(self._all):
            yield time, 1

    def quantile(self, part: float) -> int:
        """Return the time that ``part`` of all are not above; 0 if there are none."""
        return self._ranked([int((self._count - 1) * part)])[0] if self._count else 0

    def _ranked(self, ranks: list[int]) -> list[int]:
        """Return the times that so many others come before; ``ranks`` ascend."""
        if not self._coarse:
            ordered = sorted(self._all)
            return [ordered[rank] for rank in ranks]
        found: list[int] = []
        before = 0
        for time, count in self.counted():
            before += count
            while len(found) < len(ranks) and ranks[len(found)] < before:
                found.append(time)
        return found

    def spread(self) -> Spread | None:
        """Return the spread of all times; ``None`` if there are none."""
        if not self._count:
            return None
        last = self._count - 1
        median, p99 = self._ranked([last // 2, -(-last * 99 // 100)])
        return Spread(self._count, median, p99, self._worst, *self._frames)


class Timeline:
    """A sum and a peak for each stretch of time; the stretches grow with the whole.

    ``start`` is the first time that was added, ``width`` the length of a stretch, both in
    nanoseconds. What comes out of order and before the start counts with the first stretch.
    """

    __slots__ = ("peaks", "start", "stretches", "sums", "width")

    def __init__(self, stretches: int = 512, width: int = 1 << 10) -> None:
        self.stretches = stretches
        self.width = width
        self.start = 0
        self.sums: list[int] = []
        self.peaks: list[int] = []

    def add(self, time: int, value: int) -> None:
        """Add ``value`` at a time."""
        index = self._index(time)
        self.sums[index] += value
        if value > self.peaks[index]:
            self.peaks[index] = value

    def spread(self, start: int, end: int, value: int) -> None:
        """Add ``value`` in equal parts between two times."""
        end = max(start, end)
        self._index(start)
        last = self._index(end)
        first = self._index(start)  # the stretches may have grown
        share, rest = divmod(value, last - first + 1)
        for index in range(first, last + 1):
            part = share + (index - first < rest)
            self.sums[index] += part
            self.peaks[index] = max(self.peaks[index], part)

    def _index(self, time: int) -> int:
        if not self.sums:
            self.start = time
        index = max(0, (time - self.start) // self.width)
        while index >= self.stretches:
            self._double()
            index >>= 1
        missing = index + 1 - len(self.sums)
        if missing > 0:
            self.sums += [0] * missing
            self.peaks += [0] * missing
        return index

    def _double(self) -> None:
        sums, peaks = self.sums, self.peaks
        self.sums = [sum(sums[at : at + 2]) for at in range(0, len(sums), 2)]
        self.peaks = [max(peaks[at : at + 2]) for at in range(0, len(peaks), 2)]
        self.width *= 2

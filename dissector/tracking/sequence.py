"""Which packets of one direction were seen: 24-bit numbers that wrap, holes, repetitions.

A tracker follows the requests of one queue pair. :meth:`Tracker.place` turns a packet sequence
number into a sequence that does not wrap, and says whether the packet is new. Sequences before
the next one that were not seen are *holes*: they may still come, sent again. Once the peer has
acknowledged them, they will not: what was lost then was lost by the capture.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from nfsrdma.rpcrdma.roce.wire.psn import MASK, unwrap

EPOCH = 1 << 20
"""A jump by more than this is another connection, not a hole."""
_START = 1 << 24
_MAX_RANGES = 4096

Ranges = list[list[int]]
"""Start and end of each, in ascending order."""


def within(ranges: Ranges, low: int, high: int) -> list[tuple[int, int]]:
    """Return what of ranges, which are in ascending order, is between two sequences."""
    first = max(0, bisect_left(ranges, [low]) - 1)
    last = bisect_left(ranges, [high])
    clipped = ((max(start, low), min(end, high)) for start, end in ranges[first:last])
    return [(start, end) for start, end in clipped if start < end]


def _first(stretch: list[int]) -> int:
    return stretch[0]


def take(ranges: Ranges, sequence: int) -> bool:
    """Take a sequence out of ranges; whether it was in one."""
    index = bisect_right(ranges, sequence, key=_first) - 1
    if index < 0 or sequence >= ranges[index][1]:
        return False
    start, end = ranges[index]
    if start == sequence:
        ranges[index][0] = sequence + 1
        if sequence + 1 == end:
            del ranges[index]
    elif end == sequence + 1:
        ranges[index][1] = sequence
    else:
        ranges[index][1] = sequence
        ranges.insert(index + 1, [sequence + 1, end])
    return True


class Tracker:
    """The sequences of one direction: what was seen, what is missing, what was acknowledged."""

    __slots__ = (
        "acked",
        "base",
        "expected",
        "fresh",
        "holes",
        "loose",
        "lost",
        "lost_count",
        "next",
        "resent",
        "restarted",
    )

    def __init__(self) -> None:
        self.next = -1
        """The sequence after the latest; negative before the first packet."""
        self.base = 0
        """The earliest that was seen."""
        self.expected = -1
        """What the receiver waits for: it takes nothing that is out of sequence."""
        self.holes: Ranges = []
        self.lost: Ranges = []
        """Holes that the peer has acknowledged."""
        self.acked = -1
        """All sequences before this one have been acknowledged."""
        self.loose = False
        """It is not known how many numbers the latest request took."""
        self.fresh = True
        """Whether the packet that was placed last had not been seen before."""
        self.restarted = False
        """Whether the packet that was placed last belongs to another connection."""
        self.resent = 0
        self.lost_count = 0

    def start_at(self, psn: int) -> None:
        """Learn the number of the first packet, from the connection manager."""
        self.next = self.base = self.expected = psn + _START
        self.acked = self.next

    def begins(self, psn: int) -> bool:
        """Return whether the first packet was one with this number."""
        return self.next >= 0 and not (self.base ^ psn) & MASK

    def place(self, psn: int) -> int:
        """Return the sequence of a request; ``fresh`` and ``restarted`` tell about it."""
        following = self.next
        self.fresh, self.restarted = True, False
        if following < 0:
            self.base = psn + _START
            self.next = self.expected = self.base + 1
            return self.base
        # Most packets come in order.
        in_order = not (psn ^ following) & MASK
        sequence = following if in_order else unwrap(psn, following)
        if sequence == self.expected:
            self.expected = sequence + 1
        if in_order:
            self.loose = False
        elif not -EPOCH < sequence - following < EPOCH:
            return self._restart(psn)
        elif sequence > following:
            if not self.loose:
                self._add(self.holes, following, sequence)
            elif self.expected == following:
                self.expected = sequence + 1
            self.loose = False
        else:
            return self._earlier(sequence)
        self.next = sequence + 1
        return sequence

    def _earlier(self, sequence: int) -> int:
        if sequence < self.base:
            self.expected = sequence + 1
            # The capture began in the midst of things that are now sent again.
            if sequence + 1 < self.base:
                self.holes.insert(0, [sequence + 1, self.base])
            self.base = sequence
        elif take(self.lost, sequence):
            self.lost_count -= 1  # it was only late in the capture
        elif not take(self.holes, sequence):
            self.fresh = False
            self.resent += 1
        return sequence

    def _restart(self, psn: int) -> int:
        self.holes, self.lost = [], []
        self.restarted = True
        self.loose = False
        self.base = psn + _START
        self.next = self.expected = self.base + 1
        self.acked = -1
        return self.base

    def occupy(self, start: int, end: int) -> None:
        """Learn that the request at ``start``, which was placed, takes all sequences to ``end``."""
        if self.expected == start + 1:
            self.expected = max(self.expected, end)
        if self.next == start + 1:
            self.next = max(self.next, end)
            self.loose = False
            return
        for ranges in (self.holes, self.lost):
            index = bisect_right(ranges, start + 1, key=_first) - 1
            if index >= 0 and start + 1 < ranges[index][1]:
                first, last = ranges[index]
                left = [[first, start + 1], [min(end, last), last]]
                ranges[index : index + 1] = [pair for pair in left if pair[0] < pair[1]]
                return

    def skip(self, count: int) -> None:
        """Learn that ``count`` more sequences after the latest were seen."""
        if self.expected == self.next:
            self.expected += count
        self.next += count

    def acknowledge(self, sequence: int) -> int:
        """Learn that all up to ``sequence`` have arrived; return how many were never seen here."""
        if sequence < self.acked:
            return 0
        self.acked = sequence + 1
        self.expected = max(self.expected, self.acked)
        missing = over = 0
        for hole in self.holes:
            start, end = hole
            if start > sequence:
                break
            missing += min(end, sequence + 1) - start
            self._add(self.lost, start, min(end, sequence + 1))
            if end > sequence + 1:
                hole[0] = sequence + 1
                break
            over += 1
        if over:
            del self.holes[:over]
        if sequence >= self.next:
            if not self.loose:
                missing += sequence + 1 - self.next
                self._add(self.lost, self.next, sequence + 1)
            self.next = sequence + 1
        self.lost_count += missing
        return missing

    def frontier(self) -> int:
        """Return the first sequence that neither came in sequence nor was acknowledged."""
        return self.expected if self.expected > self.acked else self.acked

    @staticmethod
    def _add(ranges: Ranges, start: int, end: int) -> None:
        if ranges and start < ranges[-1][0]:
            insort(ranges, [start, end])
        else:
            ranges.append([start, end])
        if len(ranges) > _MAX_RANGES:
            del ranges[0]

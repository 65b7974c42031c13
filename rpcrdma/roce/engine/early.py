"""Responses to READs that come before their turn: kept, and what is missing is waited for a little.

A network that delivers in order has lost what is missing; one that does not may bring it yet, and
asking again for all that follows makes things worse. So the patience is learnt: what was asked for
again and then came twice was not lost.
"""

from __future__ import annotations

_MOST_TOLERANCE = 64


class EarlyResponses:
    """The sequences that have arrived beyond a gap; never more than were requested."""

    __slots__ = ("_beyond", "_called_lost", "_missing", "_tolerance", "sequences")

    def __init__(self) -> None:
        self.sequences: set[int] = set()
        self._missing = 0
        self._beyond = 0
        """How many have arrived that come after the missing one."""
        self._tolerance = 1
        """How many of those make the missing one count as lost."""
        self._called_lost: int | None = None

    def add(self, sequence: int, count: int) -> None:
        """Note ``count`` responses that were placed, from ``sequence`` on."""
        self.sequences.update(range(sequence, sequence + count))

    def take_from(self, sequence: int) -> int:
        """Forget what follows ``sequence`` without a gap; return where the next gap is."""
        sequences = self.sequences
        while sequence in sequences:
            sequences.remove(sequence)
            sequence += 1
        return sequence

    def forget_before(self, sequence: int) -> None:
        """Forget everything before ``una``."""
        if self.sequences and min(self.sequences) < sequence:
            self.sequences = {one for one in self.sequences if one >= sequence}

    def lost(self, missing: int, count: int) -> bool:
        """Return whether to request ``missing`` again, now that ``count`` more have passed it."""
        if self._missing != missing:
            self._missing = missing
            self._beyond = 0
        self._beyond += count
        if self._beyond < self._tolerance:
            return False
        self._called_lost = missing
        return True

    def came_twice(self, sequence: int, count: int) -> None:
        """Learn from ``count`` responses from ``sequence`` on that arrived twice."""
        called_lost = self._called_lost
        if called_lost is not None and 0 <= called_lost - sequence < count:
            self._called_lost = None
            self._tolerance = min(2 * self._tolerance, _MOST_TOLERANCE)

    def timed_out(self) -> None:
        """Be less tolerant: after a gap nothing more has arrived."""
        self._called_lost = None
        if self.sequences:
            self._tolerance = max(self._tolerance // 2, 1)

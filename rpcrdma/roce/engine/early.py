"""Responses to READs that come before their turn: kept, and what is missing is waited for a little.

A network that delivers in order has lost what is missing; one that does not may bring it yet, and
asking again for all that follows makes things worse. So the patience is learnt: what was asked for
again and then came twice was not lost.
"""

from __future__ import annotations

_MOST_TOLERANCE = 64


class EarlyResponses:
    """The sequences of what has arrived beyond a gap. They are bounded by what was asked for."""

    __slots__ = ("_beyond", "_called_lost", "_missing", "_tolerance", "sequences")

    def __init__(self) -> None:
        self.sequences: set[int] = set()
        self._missing = 0
        self._beyond = 0
        """How many have come that should follow what is missing."""
        self._tolerance = 1
        """With how many of those it is taken for lost."""
        self._called_lost: int | None = None

    def add(self, sequence: int, count: int) -> None:
        """So many have arrived and were placed."""
        self.sequences.update(range(sequence, sequence + count))

    def take_from(self, sequence: int) -> int:
        """Where the next gap is, from ``sequence`` on; what lies before it is forgotten."""
        sequences = self.sequences
        while sequence in sequences:
            sequences.remove(sequence)
            sequence += 1
        return sequence

    def forget_before(self, sequence: int) -> None:
        """What was asked for again has come in its turn."""
        if self.sequences and min(self.sequences) < sequence:
            self.sequences = {one for one in self.sequences if one >= sequence}

    def lost(self, missing: int, count: int) -> bool:
        """Whether ``missing`` is to be asked for again, now that ``count`` more have passed it."""
        if self._missing != missing:
            self._missing = missing
            self._beyond = 0
        self._beyond += count
        if self._beyond < self._tolerance:
            return False
        self._called_lost = missing
        return True

    def came_twice(self, sequence: int, count: int) -> None:
        """``count`` responses from ``sequence`` on, which were here already."""
        called_lost = self._called_lost
        if called_lost is not None and 0 <= called_lost - sequence < count:
            self._called_lost = None
            self._tolerance = min(2 * self._tolerance, _MOST_TOLERANCE)

    def timed_out(self) -> None:
        """Nothing was heard for a while."""
        self._called_lost = None
        if self.sequences:
            self._tolerance = max(self._tolerance // 2, 1)

"""Packets of RDMA operations that wait for a place: which memory they are for is not known yet."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from typing import NamedTuple

from ..base.extent import Extent
from .kinds import OpKind

MAX_ORPHANS = 4096
"""Packets of one direction that wait for a place."""


class Orphan(NamedTuple):
    """A packet with data whose address is not known; ``extent`` has none."""

    kind: OpKind
    position: int
    time_ns: int
    extent: Extent


class Orphans:
    """The orphans of one direction, by sequence; the oldest are dropped when there are too many."""

    __slots__ = ("_order", "_there")

    def __init__(self) -> None:
        self._there: OrderedDict[int, Orphan] = OrderedDict()
        self._order: list[int] = []
        """Their sequences, ascending."""

    def __len__(self) -> int:
        return len(self._there)

    def __getitem__(self, sequence: int) -> Orphan:
        return self._there[sequence]

    def add(self, sequence: int, orphan: Orphan) -> None:
        """Keep a packet, unless one with its sequence waits already."""
        if sequence in self._there:
            return
        if len(self._there) >= MAX_ORPHANS:
            self.pop(next(iter(self._there)))
        self._there[sequence] = orphan
        if self._order and sequence < self._order[-1]:
            insort(self._order, sequence)
        else:
            self._order.append(sequence)

    def pop(self, sequence: int) -> Orphan:
        """Take a packet out, and return it."""
        del self._order[bisect_left(self._order, sequence)]
        return self._there.pop(sequence)

    def between(self, low: int, high: int) -> list[int]:
        """Return the sequences from ``low`` to before ``high``."""
        return self._order[bisect_left(self._order, low) : bisect_left(self._order, high)]

    def forget(self, high: int) -> None:
        """Drop all packets before ``high``."""
        for sequence in self.between(0, high):
            del self._there[sequence]
        del self._order[: bisect_left(self._order, high)]

    def clear(self) -> None:
        """Drop all packets."""
        self._there.clear()
        self._order.clear()

"""Packets of SENDs, in any order, into SENDs.

Packets whose sequences follow each other are a *run*, as long as they are of one SEND. A run that
begins and ends as a SEND does is one. A sender that goes back to a lost packet may send it as if a
SEND began there (soft-RoCE's requester does): what follows a packet that was not its SEND's last
belongs to that SEND, even if its opcode says that another begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.opcode import Position

from ..base.extent import Piece
from ..base.packet import Carrier

_FIRST, _LAST = int(Position.FIRST), int(Position.LAST)


class Part(NamedTuple):
    """A packet of a SEND."""

    position: int
    frame: int
    time_ns: int
    offset: int
    size: int
    have: int
    invalidate: int | None
    immediate: int | None
    pieces: list[Piece] | None = None
    """Where its octets are, if not all at ``offset``."""
    resent: int = 0
    """How often it came again."""
    carrier: Carrier | None = None
    """Where its headers are."""


_STALE = 64
"""Starts of runs that are no more, beyond which the heap is made anew."""
Numbered = list[tuple[int, Part]]


class Parts:
    """The packets of unfinished SENDs of one direction."""

    __slots__ = ("_ends", "_heap", "_patience", "_starts", "there")

    def __init__(self) -> None:
        self.there: dict[int, Part] = {}
        """All of them, by sequence."""
        self._ends: dict[int, int] = {}
        """Of each run, by its start."""
        self._starts: dict[int, int] = {}
        self._heap: list[int] = []
        """Where runs start, or once did."""
        self._patience = -1
        """Up to here there is nothing to be given up."""

    def __len__(self) -> int:
        return len(self.there)

    def begun(self, sequence: int) -> bool:
        """Return whether the packet before this sequence is there, and not the last of its SEND."""
        before = self.there.get(sequence - 1)
        return before is not None and not before.position & _LAST

    def again(self, sequence: int, part: Part) -> bool:
        """Take another copy of a packet; return whether it waits here, and counts in its place."""
        old = self.there.get(sequence)
        if old is None or part.have < old.have:
            return False
        self.there[sequence] = part._replace(position=old.position, resent=old.resent + 1)
        return True

    def add(self, sequence: int, part: Part) -> Numbered | None:
        """Take a packet that is new; return the SEND that is complete with it."""
        parts, start, end = self.there, sequence, sequence + 1
        if self.begun(sequence):
            part = part._replace(position=part.position & ~_FIRST)
            start = self._starts.pop(sequence)
            del self._ends[start]
        parts[sequence] = part
        if not part.position & _LAST and end in self._ends:
            after = parts[end]
            parts[end] = after._replace(position=after.position & ~_FIRST)
            behind = self._ends.pop(end)
            del self._starts[behind]
            end = behind
        if parts[start].position & _FIRST and parts[end - 1].position & _LAST:
            whole = [(at, parts.pop(at)) for at in range(start, end)]
            if len(self._heap) > 2 * len(self._ends) + _STALE:
                self._heap = sorted(self._ends)
            return whole
        self._ends[start] = end
        self._starts[end] = start
        if start == sequence:
            heappush(self._heap, start)
        return None

    def give_up(self, limit: int, *, force: bool = False) -> Iterator[Numbered]:
        """Give what there is of SENDs that cannot become complete, before ``limit``.

        All before ``limit`` that is missing will not come. A SEND whose next packet may still come
        is waited for, unless forced.
        """
        if limit <= self._patience and not force:
            return
        heap, group = self._heap, list[tuple[int, int]]()
        while heap and heap[0] < limit:
            start = heappop(heap)
            end = self._ends.get(start)
            if end is None:
                continue
            if group and (
                self.there[start].position & _FIRST or self.there[group[-1][1] - 1].position & _LAST
            ):
                yield self._taken(group)
                group = []
            if not group or start > group[-1][0]:
                group.append((start, end))
        if not group:
            return
        end = group[-1][1]
        if not force and end >= limit and not self.there[end - 1].position & _LAST:
            self._patience = end
            for start, _ in group:
                heappush(heap, start)
            return
        yield self._taken(group)

    def _taken(self, group: list[tuple[int, int]]) -> Numbered:
        taken = []
        for start, end in group:
            del self._ends[start], self._starts[end]
            taken += [(at, self.there.pop(at)) for at in range(start, end)]
        return taken

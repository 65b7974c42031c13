"""Taking turns: what takes long is done in slices, between which others are served.

One thread does everything, so a peer that asks for much at once would keep all others waiting. A
compound of many operations stops at the end of its slice and waits here, and so does an operation
that may take long (``Context.in_turn``) when its source had one in this turn of the loop. In
each turn one slice of one compound is done: sources take turns, so do each one's connections, and
the compounds of each connection. What takes little is done at once, whoever waits.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final

from ..loop import CallSoon, Work

SLICE_S: Final = 0.004
"""Seconds after which a compound lets others go first, once its operation is done."""
OPERATIONS: Final = 32
"""And so many operations are a slice, however quick they are."""
SHORT: Final = 4
"""A compound of so few operations is a slice, unless one of them takes long."""


class Turns:
    """Who waits for the next slice: by source, and by connection."""

    def __init__(self, call_soon: CallSoon) -> None:
        self._call_soon = call_soon
        self.waiting: OrderedDict[Hashable, OrderedDict[Hashable, deque[Work]]] = OrderedDict()
        """What each source has to be done, the next source first. Those that had this turn."""

    def put(self, source: Hashable, connection: Hashable, work: Work) -> None:
        """Do ``work`` when it is its turn."""
        self.had_enough(source).setdefault(connection, deque()).append(work)

    def had_enough(self, source: Hashable) -> OrderedDict[Hashable, deque[Work]]:
        """Note that the source uses this turn of the loop; return what it waits for."""
        connections = self.waiting.get(source)
        if connections is None:
            if not self.waiting:
                self._call_soon(self._turn)
            connections = self.waiting[source] = OrderedDict()
        return connections

    def _turn(self) -> None:
        source, connections = self.waiting.popitem(last=False)
        work = None
        if connections:
            connection, queue = connections.popitem(last=False)
            work = queue.popleft()
            if queue:
                connections[connection] = queue
            if connections:
                self.waiting[source] = connections
        if self.waiting:
            self._call_soon(self._turn)
        if work is not None:
            work()

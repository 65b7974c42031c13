"""Taking turns: what takes long is done in slices, between which others are served.

One thread does everything, so a peer that asks for much at once would keep all others waiting. A
compound stops at the end of its slice and waits here; in each turn of the loop one slice of one
compound is done, and sources take turns. While a source waits, what else it calls waits behind.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Final

SLICE_S: Final = 0.004
"""Seconds after which a compound lets others go first, once its operation is done."""
OPERATIONS: Final = 32
"""And so many operations are a slice, however quick they are."""
SHORT: Final = 4
"""A compound of so few operations is a slice."""

Work = Callable[[], None]
Later = Callable[[Work], object]
"""Has something done on the loop's next turn."""


class Turns:
    """Who waits for the next slice."""

    def __init__(self, later: Later) -> None:
        self._later = later
        self.waiting: OrderedDict[Hashable, deque[Work]] = OrderedDict()
        """What each source has to be done, the next source first."""

    def put(self, source: Hashable, work: Work) -> None:
        """Do ``work`` when it is its turn: after what the source has waiting already."""
        self._of(source).append(work)

    def put_back(self, source: Hashable, work: Work) -> None:
        """Go on with ``work``, before anything else that the source has waiting."""
        self._of(source).appendleft(work)

    def had_enough(self, source: Hashable) -> None:
        """The source has used a slice: what it calls next waits for the next turn."""
        self._of(source)

    def _of(self, source: Hashable) -> deque[Work]:
        queue = self.waiting.get(source)
        if queue is None:
            if not self.waiting:
                self._later(self._turn)
            queue = self.waiting[source] = deque()
        return queue

    def _turn(self) -> None:
        source, queue = self.waiting.popitem(last=False)
        work = queue.popleft() if queue else None
        if queue:
            self.waiting[source] = queue
        if self.waiting:
            self._later(self._turn)
        if work is not None:
            work()

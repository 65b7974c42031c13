"""Things by the stretch of memory that each of them has: found by handle and address.

Kept sorted, so that finding what touches an address costs a search and a look at the neighbours.
How far back to look follows from the longest stretch there is; where that makes it many (a hostile
capture), the effort decides (see ``effort``).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from typing import Generic, NamedTuple, TypeVar

from .effort import Effort

T = TypeVar("T")
_NEAR = 16
"""So many neighbours are looked at in any case."""


class Stretch(NamedTuple, Generic[T]):
    """What is at the addresses ``[start, end)``; later ones have greater numbers."""

    start: int
    number: int
    end: int
    what: T


class Stretches(Generic[T]):
    """Things by handle and address."""

    __slots__ = ("_handles", "_longest", "_number", "_places")

    def __init__(self) -> None:
        self._handles: dict[int, list[Stretch[T]]] = {}
        self._longest: dict[int, int] = {}
        """Of each handle; never too small."""
        self._places: OrderedDict[int, tuple[int, int]] = OrderedDict()
        """Handle and start of each, by number: the oldest comes first."""
        self._number = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, handle: int) -> bool:
        return handle in self._handles

    def add(self, handle: int, start: int, end: int, what: T) -> int:
        """Add something; return its number."""
        self._number = number = self._number + 1
        stretch = Stretch(start, number, end, what)
        there = self._handles.get(handle)
        if there is None:
            self._handles[handle] = [stretch]
            self._longest[handle] = end - start
        else:
            insort(there, stretch)
            if end - start > self._longest[handle]:
                self._longest[handle] = end - start
        self._places[number] = (handle, start)
        return number

    def remove(self, number: int) -> None:
        """Take it out, if it is still there."""
        place = self._places.pop(number, None)
        if place is None:
            return
        handle, start = place
        there = self._handles[handle]
        if len(there) == 1:
            del self._handles[handle], self._longest[handle]
            return
        del there[bisect_left(there, (start, number))]

    def drop_oldest(self) -> None:
        """Take out the one that was added first."""
        self.remove(next(iter(self._places)))

    def near(self, handle: int, start: int, end: int, effort: Effort) -> list[Stretch[T]]:
        """Return those that may touch ``[start, end)``, by address."""
        there = self._handles.get(handle)
        if there is None:
            return []
        if len(there) == 1:
            return there
        low = bisect_left(there, (start - self._longest[handle],))
        high = bisect_left(there, (max(end, start + 1),))
        if high - low > _NEAR and not effort.spend(high - low):
            low = high - _NEAR
        return there[low:high]

    def touching(self, handle: int, start: int, end: int, effort: Effort) -> list[Stretch[T]]:
        """Return those that have an address in ``[start, end)``, the oldest first."""
        found = [
            one for one in self.near(handle, start, end, effort)
            if one.start < end and one.end > start
        ]  # fmt: skip
        if len(found) > 1:
            found.sort(key=_number)
        return found


def _number(stretch: Stretch[T]) -> int:
    return stretch.number

"""Byte-range locks of one file (RFC 8881, Section 9): who holds what, and what conflicts.

Ranges are half open. A lock to the end of the file, however long it gets, ends at ``FOREVER``.
An owner's ranges never overlap and are merged where they touch, as POSIX has it, so locking
may split, shrink, grow, upgrade and downgrade what there was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .stateid import LockState

FOREVER: Final = 1 << 64


class HeldRange:
    """A range, held by one owner, for writing or only for reading."""

    __slots__ = ("end", "exclusive", "holder", "start")

    def __init__(self, start: int, end: int, exclusive: bool, holder: LockState) -> None:
        self.start = start
        self.end = end
        self.exclusive = exclusive
        self.holder = holder


class RangeLocks:
    """All ranges of one file."""

    __slots__ = ("_ranges",)

    def __init__(self) -> None:
        self._ranges: list[HeldRange] = []

    def __len__(self) -> int:
        return len(self._ranges)

    def conflict(
        self, start: int, end: int, exclusive: bool, client: object, owner: bytes
    ) -> HeldRange | None:
        """A range that keeps an owner from locking ``[start, end)``, if there is one."""
        for held in self._ranges:
            if (
                held.start < end
                and start < held.end
                and (exclusive or held.exclusive)
                and not (held.holder.owner == owner and held.holder.client is client)
            ):
                return held
        return None

    def lock(self, start: int, end: int, exclusive: bool, holder: LockState) -> None:
        """Add a range; what the holder had of it changes its kind. Conflicts were ruled out."""
        self.unlock(start, end, holder)
        added = HeldRange(start, end, exclusive, holder)
        kept = []
        for held in self._ranges:
            if (
                held.holder is holder
                and held.exclusive == exclusive
                and (held.end == added.start or held.start == added.end)
            ):
                added.start = min(added.start, held.start)
                added.end = max(added.end, held.end)
            else:
                kept.append(held)
        kept.append(added)
        self._ranges = kept

    def unlock(self, start: int, end: int, holder: LockState) -> None:
        """Take ``[start, end)`` out of what the holder has."""
        kept: list[HeldRange] = []
        for held in self._ranges:
            if held.holder is not holder or held.end <= start or end <= held.start:
                kept.append(held)
                continue
            if held.start < start:
                kept.append(HeldRange(held.start, start, held.exclusive, holder))
            if end < held.end:
                kept.append(HeldRange(end, held.end, held.exclusive, holder))
        self._ranges = kept

    def drop(self, holder: LockState) -> None:
        """Take away all that the holder has."""
        self._ranges = [held for held in self._ranges if held.holder is not holder]

    def held_by(self, holder: LockState) -> int:
        """How many ranges the holder has."""
        return sum(held.holder is holder for held in self._ranges)

"""Directories as they were listed lately, within bounds.

Time is divided into slots. A listing holds until its slot ends, and the number of the slot is the
change attribute of all directories: so clients, who keep names for as long as that stays, ask again
when there may be something new. What is in an archive never changes, and there is one slot for it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .info import Info
from .names import Names, Path

EXPIRY_S: Final = 30.0
"""How long a slot is."""
_ENTRIES: Final = 1 << 18
"""Entries of all listings that are kept, but for the one that was needed last."""
_OVERHEAD: Final = 16
"""What a listing counts for besides its entries, so that empty ones count too."""


@dataclass(slots=True)
class Kept:
    """A listing: entries in the order of their cookies, and by name."""

    slot: int
    cookies: list[int]
    infos: list[Info]
    places: dict[bytes, int]

    def find(self, name: bytes) -> Info | None:
        """Return what has a name."""
        place = self.places.get(name)
        return None if place is None else self.infos[place]

    def after(self, cookie: int, most: int) -> tuple[int, int]:
        """Return where the entries after a cookie begin and end, at most so many."""
        start = bisect_right(self.cookies, cookie)
        return start, min(start + most, len(self.cookies))

    def between(self, low: int, high: int) -> Iterator[Info]:
        """Yield what has its cookie in a range."""
        for place in range(bisect_left(self.cookies, low), bisect_left(self.cookies, high)):
            yield self.infos[place]


def arranged(slot: int, infos: Iterable[Info], names: Names) -> Kept:
    """Return a listing of entries that have different names."""
    wanted = sorted((names.cookie(info.name), info.name, info) for info in infos)
    cookies: list[int] = []
    for cookie, _, _ in wanted:
        # Two with one hash are as rare as can be, but both must be listed.
        cookies.append(max(cookie, cookies[-1] + 1) if cookies else cookie)
    ordered = [info for _, _, info in wanted]
    return Kept(slot, cookies, ordered, {info.name: at for at, info in enumerate(ordered)})


class Listings:
    """Those that are kept. ``clock`` gives seconds; ``changes`` says whether it matters."""

    def __init__(self, clock: Callable[[], float], changes: bool) -> None:
        self._clock = clock
        self._changes = changes
        self._kept: OrderedDict[Path, Kept] = OrderedDict()
        self._entries = 0

    @property
    def slot(self) -> int:
        """The number of the slot that we are in: at least 1."""
        return max(1, int(self._clock() // EXPIRY_S)) if self._changes else 1

    def get(self, path: Path) -> Kept | None:
        """Return the listing of a directory, if it still holds."""
        kept = self._kept.get(path)
        if kept is None or kept.slot != self.slot:
            return None
        self._kept.move_to_end(path)
        return kept

    def keep(self, path: Path, kept: Kept) -> None:
        """Keep a listing, and give up the least used ones if that is too much."""
        self._drop(path)
        self._kept[path] = kept
        self._entries += _OVERHEAD + len(kept.infos)
        while self._entries > _ENTRIES and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def sweep(self) -> None:
        """Give up the listings that do not hold any more."""
        slot = self.slot
        for path in [path for path, kept in self._kept.items() if kept.slot != slot]:
            self._drop(path)

    def _drop(self, path: Path) -> None:
        kept = self._kept.pop(path, None)
        if kept is not None:
            self._entries -= _OVERHEAD + len(kept.infos)

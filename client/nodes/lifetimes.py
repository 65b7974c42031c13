"""How long attributes are believed: as ``acregmin`` and its kin of Linux's ``nfs(5)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds for which attributes are believed without asking the server again.

    An object that was found unchanged when its attributes had expired is believed twice as long
    from then on, up to the greater figure; one that has changed, as long as the smaller figure
    says.
    """

    file_min: float = 3.0
    file_max: float = 60.0
    directory_min: float = 30.0
    directory_max: float = 60.0


_NEVER: Final = float("-inf")
UNCACHED: Final = Lifetimes(0.0, 0.0, 0.0, 0.0)
"""Ask the server every time (``noac``)."""


class Lifetime:
    """How long the attributes of one object are believed."""

    __slots__ = ("_asked_at", "_length_s", "_max_s", "_min_s")

    def __init__(self, lifetimes: Lifetimes, directory: bool) -> None:
        self._min_s = lifetimes.directory_min if directory else lifetimes.file_min
        self._max_s = lifetimes.directory_max if directory else lifetimes.file_max
        self._length_s = self._min_s
        self._asked_at = _NEVER

    def left(self, now: float) -> float:
        """Return for how many seconds more the attributes are believed; 0 if not at all."""
        return max(0.0, self._asked_at + self._length_s - now)

    def renew(self, asked_at: float, changed: bool) -> None:
        """Note that the attributes were asked for, and whether they differ from those before."""
        if changed:
            self._length_s = self._min_s
        elif self._asked_at != _NEVER and asked_at >= self._asked_at + self._length_s:
            self._length_s = min(2 * self._length_s, self._max_s)
        self._asked_at = asked_at

    def end(self) -> None:
        """Believe them no longer."""
        self._asked_at = _NEVER

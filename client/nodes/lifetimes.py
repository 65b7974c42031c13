"""How long attributes are trusted, like ``acregmin`` and its kin in Linux's ``nfs(5)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Seconds for which attributes are trusted without asking the server again.

    The lifetime starts at the minimum. It doubles, up to the maximum, each time that the attributes
    have expired and turn out to be unchanged, and falls back to the minimum when they have changed.
    """

    file_min: float = 3.0
    file_max: float = 60.0
    directory_min: float = 30.0
    directory_max: float = 60.0
    names: bool = True
    """Whether names are remembered, for as long as their directory's attributes are trusted."""
    missing: bool = True
    """Whether it is remembered, too, that there is no such name."""


_NEVER: Final = float("-inf")
UNCACHED: Final = Lifetimes(0.0, 0.0, 0.0, 0.0)
"""No caching: ask the server every time (``noac``)."""


class Lifetime:
    """The lifetime of one object's attributes."""

    __slots__ = ("_length_s", "_max_s", "_min_s", "until")

    def __init__(self, lifetimes: Lifetimes, directory: bool) -> None:
        self._min_s = lifetimes.directory_min if directory else lifetimes.file_min
        self._max_s = lifetimes.directory_max if directory else lifetimes.file_max
        self._length_s = self._min_s
        self.until = _NEVER
        """When the attributes expire."""

    def left(self, now: float) -> float:
        """Return for how many more seconds the attributes are trusted; 0 if they have expired."""
        return max(0.0, self.until - now)

    def renew(self, asked_at: float, changed: bool) -> None:
        """Begin again at ``asked_at``, when attributes were requested that have changed or not."""
        if changed:
            self._length_s = self._min_s
        elif _NEVER < self.until <= asked_at:
            self._length_s = min(2 * self._length_s, self._max_s)
        self.until = asked_at + self._length_s

    def end(self) -> None:
        """Let the attributes expire."""
        self.until = _NEVER

"""How much of something all clients together may have, and how that is shared out.

No source has more than is left for others: one that comes alone gets half, a second one about a
third, and a new one always finds something, however much the others want. Memory has the same rule
(``rpcrdma.budget``).
"""

from __future__ import annotations

from collections import Counter

from .principal import Source


class Shares:
    """``limit`` of something, for all sources together."""

    __slots__ = ("_limit", "_taken", "free")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.free = limit
        """What nobody has; less than nothing while more is taken than a limit that became lower."""
        self._taken: Counter[Source] = Counter()

    def __len__(self) -> int:
        """Return the number of sources that have some."""
        return len(self._taken)

    def resize(self, limit: int) -> None:
        """Change the limit. What is taken stays taken."""
        self.free += limit - self._limit
        self._limit = limit

    def taken(self, share: Source) -> int:
        """Return what one source has."""
        return self._taken.get(share, 0)

    def room(self, share: Source) -> int:
        """Return what one source may still take: 0 if it has as much as is left."""
        return max(0, self.free - self.taken(share) + 1) // 2

    def acquire(self, share: Source, amount: int) -> None:
        """Take some for a source, which was found to be allowed to."""
        self.free -= amount
        self._taken[share] += amount
        if not self._taken[share]:
            del self._taken[share]

    def release(self, share: Source, amount: int) -> None:
        """Give some of a source back."""
        self.acquire(share, -amount)

"""How much of something all clients together may have, and how that is shared out.

Nobody has more than is left for others: one who comes alone gets half, a second one a third or so,
and whoever comes finds something, however much the others want. The same rule is that of memory
(``rpcrdma.budget``).
"""

from __future__ import annotations

from collections import Counter

from .principal import Source


class Shares:
    """``limit`` of something, for all sources together."""

    __slots__ = ("_taken", "free")

    def __init__(self, limit: int) -> None:
        self.free = limit
        """What nobody has."""
        self._taken: Counter[Source] = Counter()

    def __len__(self) -> int:
        """How many have some."""
        return len(self._taken)

    def taken(self, share: Source) -> int:
        """What one source has."""
        return self._taken.get(share, 0)

    def room(self, share: Source) -> int:
        """What one source may still take: 0 if it has as much as is left."""
        return max(0, self.free - self.taken(share) + 1) // 2

    def take(self, share: Source, amount: int) -> None:
        """A source takes some; whether it may was found out before."""
        self.free -= amount
        self._taken[share] += amount
        if not self._taken[share]:
            del self._taken[share]

    def give_back(self, share: Source, amount: int) -> None:
        """A source gives some back."""
        self.take(share, -amount)

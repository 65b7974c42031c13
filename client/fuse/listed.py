"""Whose listings the kernel has, and for how long they are worth more than a new one."""

from __future__ import annotations

from typing import Final

from ..nodes import Lifetimes, Node
from ..nodes.lifetimes import Lifetime
from .handles import DirectoryHandle


class _Listing:
    """A listing that the kernel was given as a whole."""

    __slots__ = ("change", "lifetime")

    def __init__(self, lifetimes: Lifetimes, change: int) -> None:
        self.change = change
        # It brought the attributes of files, and goes stale like those: a new one brings them all
        # at once, where the old one would have the kernel ask about each.
        self.lifetime = Lifetime(lifetimes, directory=False)


class Listed:
    """The listings of a mount that the kernel keeps, by the number of the directory.

    It drops one when a directory is opened without leave to keep it, and when it is changed here.
    """

    def __init__(self, lifetimes: Lifetimes) -> None:
        self._lifetimes: Final = lifetimes
        self._listings: dict[int, _Listing] = {}

    def __len__(self) -> int:
        return len(self._listings)

    def told(self, directory: DirectoryHandle) -> None:
        """Note what of a directory was just told."""
        node = directory.node
        if not (directory.whole and directory.ended and directory.change == node.change):
            return
        if not node.lookups:
            return  # forgotten meanwhile
        listing = self._listings.get(node.number)
        changed = listing is None or listing.change != node.change
        if listing is None:
            listing = self._listings[node.number] = _Listing(self._lifetimes, node.change)
        listing.change = node.change
        listing.lifetime.renew(directory.began_at, changed)

    def is_current(self, node: Node, now: float) -> bool:
        """Return whether the listing that the kernel has of a directory is as good as a new one."""
        listing = self._listings.get(node.number)
        return (
            listing is not None
            and listing.change == node.change
            and node.names_left(now) > 0
            and listing.lifetime.left(now) > 0
        )

    def forget(self, node: Node) -> None:
        """Note that the kernel has forgotten a directory."""
        self._listings.pop(node.number, None)

"""A bound for the nodes that the kernel knows, and so for what we have to keep of them.

The kernel forgets a file when memory is short, and does not know that ours is. From version 7.45
(Linux 6.18) it can be asked to forget those that nobody uses. An older one decides by itself; it is
then told only of what it asks for by name, and not of all that is in a listing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..nodes import NodeTable
from .answers import forget_unused
from .wire import ROOT

KEPT_MAX: Final = 200_000
"""Nodes from which on the kernel is asked to forget some: with all there is of them some 170 MB."""
_AT_ONCE: Final = 2048
"""Nodes of one such message: the kernel forgets them while we wait."""
_MINOR: Final = 45


class Crowd:
    """Asks the kernel to forget what was looked up longest ago. ``notify`` sends a message."""

    def __init__(
        self, table: NodeTable, notify: Callable[[bytes], object], kept_max: int = KEPT_MAX
    ) -> None:
        self._table = table
        self._notify = notify
        self._kept_max = kept_max
        self._able = False
        self._next = kept_max
        """The number of nodes at which it is asked again."""
        self._place = 0
        """The node that it was asked about last."""

    def agreed(self, minor: int) -> None:
        """Note which version the kernel speaks."""
        self._able = minor >= _MINOR

    @property
    def is_full(self) -> bool:
        """Whether the kernel is to hear of no more nodes than it asks for."""
        return not self._able and len(self._table) > self._kept_max

    def look(self) -> None:
        """Ask the kernel to forget nodes, if there are too many."""
        size = len(self._table)
        if size <= self._kept_max:
            self._next = self._kept_max
        elif self._able and size > self._next:
            # It tells what it forgets a little later. What is in use it keeps, so that there must
            # be more of the others before it is asked about those again.
            self._next = size + _AT_ONCE // 2
            self._ask()

    def _ask(self) -> None:
        chosen = [
            node.number
            for node in self._table.after(self._place, _AT_ONCE)
            if not node.opens and node.number != ROOT
        ]
        self._place = chosen[-1] if chosen else 0
        if chosen:
            self._notify(forget_unused(chosen))

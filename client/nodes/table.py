"""Every node that is known, by handle and by number, and which of them have to be kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from ..attributes import Stat
from .lifetimes import Lifetimes
from .node import Key, Node

UNUSED_MAX: Final = 4096
"""Nodes that are kept though nothing refers to them."""
NAMES_MAX: Final = 65_536
"""Names in directories that are remembered."""


class NodeTable:
    """The nodes of one mount.

    A node that was looked up or is open stays until it is forgotten and closed, which is up to
    the user; of the others, the last ``unused_max`` that were of use are kept.
    """

    def __init__(
        self,
        lifetimes: Lifetimes,
        *,
        unused_max: int = UNUSED_MAX,
        names_max: int = NAMES_MAX,
    ) -> None:
        self.lifetimes = lifetimes
        self._unused_max = unused_max
        self._names_max = names_max
        self._by_key: dict[Key, Node] = {}
        self._by_number: dict[int, Node] = {}
        self._unused: OrderedDict[int, None] = OrderedDict()  # numbers, the latest last
        self._named: OrderedDict[int, int] = OrderedDict()  # directories, and their names
        self._names = 0
        self._last_number = 0
        self.root: Node | None = None
        """The directory that is mounted, once it was looked up."""

    def __len__(self) -> int:
        return len(self._by_number)

    def __getitem__(self, number: int) -> Node:
        """Return the node with a number. Raises ``KeyError`` if it was forgotten."""
        return self._by_number[number]

    def find(self, status: Stat) -> Node | None:
        """Return the node of what was found, None if it is new. ``status`` has the handle."""
        return self._by_key.get((status.fsid, status.handle))

    def enter(self, status: Stat, asked_at: float) -> Node:
        """Return the node of what was found, and teach it the attributes; make it if it is new.

        ``status`` has the handle.
        """
        node = self.find(status)
        if node is not None:
            node.learn(status, asked_at)
            if node.number in self._unused:
                self._unused.move_to_end(node.number)
            return node
        self._last_number += 1
        node = Node(self._last_number, status, self.lifetimes)
        node.learn(status, asked_at)
        self._by_key[node.key] = node
        self._by_number[node.number] = node
        self._unused[node.number] = None
        self._shrink(node)
        return node

    def name(self, directory: Node, name: bytes, node: Node | None) -> None:
        """Remember that a name in a directory leads to a node, or to nothing."""
        if node is not None:
            node.parent, node.name = directory, name
        directory.names[name] = node
        self._names += len(directory.names) - self._named.pop(directory.number, 0)
        self._named[directory.number] = len(directory.names)
        while self._names > self._names_max:
            number, count = self._named.popitem(last=False)
            self._names -= count
            if number in self._by_number:
                self._by_number[number].names.clear()

    def named(self, directory: Node, name: bytes) -> Node | None:
        """Return what a name leads to, None if to nothing. Raises ``KeyError`` if not known."""
        node = directory.names[name]
        if node is not None and node.number not in self._by_number:
            raise KeyError(name)
        return node

    # --- References ---

    def look_up(self, node: Node) -> None:
        """Count that a node is handed out."""
        node.lookups += 1
        self._unused.pop(node.number, None)

    def forget(self, node: Node, count: int = 1) -> None:
        """Count that a node was given back ``count`` times."""
        node.lookups = max(0, node.lookups - count)
        self._maybe_unused(node)

    def opened(self, node: Node) -> None:
        """Count that a node is open once more."""
        node.opens += 1
        self._unused.pop(node.number, None)

    def closed(self, node: Node) -> None:
        """Count that a node is open once less."""
        node.opens -= 1
        self._maybe_unused(node)

    def _maybe_unused(self, node: Node) -> None:
        if not node.is_referred_to and node.number in self._by_number:
            self._unused[node.number] = None
            self._shrink(None)

    def _shrink(self, new: Node | None) -> None:
        while len(self._unused) > self._unused_max:
            number = next(iter(self._unused))
            if new is not None and number == new.number:
                return
            self._drop(self._by_number[number])

    # --- Handles that change ---

    def replace_handle(self, node: Node, status: Stat, asked_at: float) -> None:
        """Know a node by another handle from now on: the one in ``status``."""
        if self._by_key.get(node.key) is node:
            del self._by_key[node.key]
        node.handle = status.handle
        node.learn(status, asked_at)
        self._by_key[node.key] = node

    def _drop(self, node: Node) -> None:
        del self._by_number[node.number]
        self._unused.pop(node.number, None)
        if self._by_key.get(node.key) is node:
            del self._by_key[node.key]
        self._names -= self._named.pop(node.number, 0)
        node.names.clear()

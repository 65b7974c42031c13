"""The table of known nodes, by handle and by number, with reference counts."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import Final

from ..attributes import Stat
from .lifetimes import Lifetimes
from .node import Key, Node

UNUSED_MAX: Final = 4096
"""Nodes without references that are kept."""
NAMES_MAX: Final = 262_144
"""Names in directories that are cached."""


class NodeTable:
    """The nodes of one mount.

    A node that was looked up or is open stays until the caller forgets and closes it. Of the
    others, the ``unused_max`` that were used last are kept.
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
        self._unused: OrderedDict[int, None] = (
            OrderedDict()
        )  # numbers, the least recently used first
        self._named: OrderedDict[int, int] = (
            OrderedDict()
        )  # numbers of directories -> how many names
        self._names = 0
        self._last_number = 0
        self.root: Node | None = None
        """The mounted directory, once it was looked up."""
        self.link_lost_at = float("-inf")
        """When a name was last taken from a file of which nobody knows which it is."""

    def __len__(self) -> int:
        return len(self._by_number)

    def __getitem__(self, number: int) -> Node:
        """Return the node with a number. Raises ``KeyError`` if it was forgotten."""
        return self._by_number[number]

    def has(self, node: Node) -> bool:
        """Return whether a node was not forgotten."""
        return node.number in self._by_number

    def after(self, number: int, count: int) -> list[Node]:
        """Return at most ``count`` nodes that are newer than a number, the oldest first."""
        newer = (node for node in self._by_number.values() if node.number > number)
        return list(islice(newer, count))

    def find(self, status: Stat) -> Node | None:
        """Return the node for attributes with a handle; None if there is none yet."""
        return self._by_key.get((status.fsid, status.handle))

    def enter(self, status: Stat, asked_at: float) -> Node:
        """Return the node for attributes with a handle, made if it is new, and cache them there.

        They are from a call that was sent at ``asked_at``.
        """
        key = status.fsid, status.handle
        node = self._by_key.get(key)
        if node is not None:
            node.learn(status, asked_at)
            if node.number in self._unused:
                self._unused.move_to_end(node.number)
            return node
        number = self._last_number = self._last_number + 1
        node = Node(number, status, self.lifetimes, asked_at)
        self._by_key[key] = self._by_number[number] = node
        self._unused[number] = None
        if len(self._unused) > self._unused_max:
            self._shrink(node)
        return node

    def name(self, directory: Node, name: bytes, node: Node | None) -> None:
        """Cache that a name in a directory leads to a node, or to nothing."""
        if node is not None:
            node.parent, node.name = directory, name
        directory.names[name] = node
        self.named_more(directory)

    def named_more(self, directory: Node) -> None:
        """Count the names of a directory anew, and drop those of others if there are too many."""
        self._names += len(directory.names) - self._named.pop(directory.number, 0)
        self._named[directory.number] = len(directory.names)
        while self._names > self._names_max:
            number, count = self._named.popitem(last=False)
            self._names -= count
            if number in self._by_number:
                self._by_number[number].names.clear()

    def named(self, directory: Node, name: bytes) -> Node | None:
        """Return the node of a name, None if it does not exist. Raises ``KeyError`` if unknown."""
        node = directory.names[name]
        if node is not None and node.number not in self._by_number:
            raise KeyError(name)
        return node

    # --- References ---

    def look_up(self, *nodes: Node) -> None:
        """Count a lookup of nodes, of each as often as it is there."""
        unused = self._unused
        for node in nodes:
            node.lookups += 1
            unused.pop(node.number, None)

    def forget(self, node: Node, count: int = 1) -> None:
        """Take back ``count`` lookups of a node."""
        node.lookups = max(0, node.lookups - count)
        self._maybe_unused(node)

    def opened(self, node: Node) -> None:
        """Count an open of a node."""
        node.opens += 1
        self._unused.pop(node.number, None)

    def closed(self, node: Node) -> None:
        """Take back an open of a node."""
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

    # --- Handles ---

    def replace_handle(self, node: Node, status: Stat, asked_at: float) -> None:
        """Replace the handle of a node by that in ``status``."""
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
        parent = node.parent
        if parent is not None and parent.names.get(node.name) is node:
            del parent.names[node.name]  # or the name would keep it

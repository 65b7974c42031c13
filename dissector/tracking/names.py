"""Which file a handle is: a tree of names for each server, as far as a capture tells.

A node is an object of a server. What is not known of it stays unknown: a node without a name has no
path, and the path of what lies below one begins with ``…``. A node has its parent and not its
path, so what lies below a directory that is renamed is renamed with it.
"""

from __future__ import annotations

from itertools import islice

from ..base.text import printable, text

MAX_NODES = 1 << 17
"""Objects that are remembered; those that were not heard of for the longest time go first."""
MAX_SERVERS = 1024
MAX_NAME = 1024
"""Octets of a name that is remembered."""
MAX_LINKS = 8
"""Further names of one object that are remembered."""
MAX_DEPTH = 128
"""Names that a path shows at most, and the depth that is searched for circles."""
MAX_PATH = 4096
"""Characters of a path, about."""
_MAX_CACHED = 4096
UNKNOWN = "…"
"""What stands for ancestors that are not known."""


class Node:
    """One object of a server: a file, a directory..."""

    __slots__ = ("children", "handle", "kept", "links", "name", "parent", "removed", "used")

    def __init__(
        self, parent: Node | None = None, name: bytes | None = None, handle: bytes = b""
    ) -> None:
        self.parent = parent
        """``None`` of a root, and of what has no name that is known."""
        self.name = name
        """The name in its parent; of a root its path; ``None`` if it is not known."""
        self.handle = handle
        """Its file handle, empty if it is not known."""
        self.children: dict[bytes, Node] = {}
        self.links: list[tuple[Node, bytes]] = []
        """Further names of it."""
        self.removed = False
        """Its last name that is known was removed, or given to something else."""
        self.kept = False
        """It is in the table; others are only what one operation is about."""
        self.used = True
        """It was heard of since the last time that room had to be made."""


class Server:
    """What is known of one server."""

    __slots__ = ("handles", "root")

    def __init__(self) -> None:
        self.handles: dict[bytes, Node] = {}
        self.root: Node | None = None
        """What PUTROOTFH leads to."""


class Names:
    """All servers of a capture, and their objects in bounded memory."""

    def __init__(self, most: int = MAX_NODES) -> None:
        self._most = most
        self._servers: dict[str, Server] = {}
        self._nodes: dict[Node, None] = {}
        """All that are kept; those that were heard of long ago come first."""
        self._paths: dict[Node, str] = {}
        """Paths that were asked for since something last changed."""

    def __len__(self) -> int:
        return len(self._nodes)

    def server(self, address: str) -> Server | None:
        """Return what is known of a server, if anything is."""
        return self._servers.get(address)

    def learned(self, address: str) -> Server:
        """Return what is known of a server of which something becomes known."""
        found = self._servers.get(address)
        if found is None:
            if len(self._servers) >= MAX_SERVERS:
                del self._servers[next(iter(self._servers))]
                self._paths.clear()
            found = self._servers[address] = Server()
        return found

    # --- Paths ---

    def path(self, node: Node) -> str:
        """Return the path of an object, without anything that a terminal would obey.

        It is empty if the object's name is not known.
        """
        found = self._paths.get(node)
        if found is not None:
            return found
        path = self._path(node)
        if node.kept:
            if len(self._paths) >= _MAX_CACHED:
                self._paths.clear()
            self._paths[node] = path
        return path

    def _path(self, node: Node) -> str:
        parts: list[str] = []
        size = 0
        one = node
        while True:
            one.used = True
            if one.name is None:
                if not parts:
                    return ""
                top = UNKNOWN
                break
            if one.parent is None:
                top = printable(text(one.name)).rstrip("/")
                break
            if len(parts) >= MAX_DEPTH or size >= MAX_PATH:
                top = UNKNOWN
                break
            part = shown(one.name)
            parts.append(part)
            size += len(part) + 1
            one = one.parent
        path = f"{top}/{'/'.join(reversed(parts))}" if parts else top or "/"
        return f"{path} (deleted)" if node.removed else path

    # --- What becomes known ---

    def root(self, server: Server) -> Node:
        """Return the root of a server's name space."""
        if server.root is None or not server.root.kept:
            server.root = self._keep(Node(None, b""))
        server.root.used = True
        return server.root

    def node(self, server: Server, handle: bytes) -> Node:
        """Return the object with a handle, a new one if none is known."""
        found = server.handles.get(handle)
        if found is None:
            found = server.handles[handle] = self._keep(Node(None, None, handle))
        found.used = True
        return found

    def child(self, parent: Node, name: bytes) -> Node:
        """Return the object that has a name in a directory, a new one if none is known."""
        found = parent.children.get(name)
        if found is None:
            found = Node(parent, name)
            if len(name) <= MAX_NAME and parent.kept:
                parent.children[name] = self._keep(found)
        found.used = True
        return found

    def bind(self, server: Server, node: Node, handle: bytes) -> Node:
        """Learn that an object has a handle; return the one that now is that object.

        If the handle was known by another name or none, that object moves here; if the name had
        another handle, it names something else now.
        """
        if node.handle == handle:
            return node
        known = server.handles.get(handle)
        if not node.handle and known is None:
            node.handle = handle
            if node.kept:
                server.handles[handle] = node
            return node
        if not node.kept and known is not None:
            return known
        place = node.parent, node.name
        if known is None:
            known = self._keep(Node(None, None, handle))
            server.handles[handle] = known
        elif not node.handle:
            for child in node.children.values():
                child.parent = known
            known.children.update(node.children)
            node.children = {}
        self.forget(node)
        if not node.handle:
            self._drop(node)
        if place[0] is None:
            self._unlink(known)
            known.parent, known.name, known.removed = None, place[1], False
            if server.root is node:
                server.root = known
        else:
            self.attach(known, place[0], place[1] or b"")
        return known

    def attach(self, node: Node, parent: Node, name: bytes) -> None:
        """Give an object a name in a directory, instead of the one that it had."""
        if node.parent is parent and node.name == name and not node.removed:
            return
        self._unlink(node)
        self._paths.clear()
        one: Node | None = parent
        for _ in range(MAX_DEPTH):
            if one is node:
                # A directory in itself: what was known of one of them is not so any more.
                node.parent = node.name = None
                return
            if one is None:
                break
            one = one.parent
        node.parent, node.name, node.removed = parent, name, False
        if len(name) <= MAX_NAME and parent.kept and node.kept:
            before = parent.children.get(name)
            if before is not None and before is not node:
                self.forget(before)
            parent.children[name] = node

    def mount(self, server: Server, handle: bytes, path: bytes) -> None:
        """Learn the handle of an export by its path."""
        node = self.node(server, handle)
        if node.name is None and len(path) <= MAX_NAME:
            node.name = path
            self._paths.clear()

    def link(self, node: Node, parent: Node, name: bytes) -> None:
        """Give an object a further name."""
        if node.name is None or node.removed:
            self.attach(node, parent, name)
        elif len(name) <= MAX_NAME and node.kept and parent.kept:
            if len(node.links) < MAX_LINKS:
                node.links.append((parent, name))
            parent.children[name] = node

    def remove(self, parent: Node, name: bytes) -> None:
        """Take a name away; an object without another one is deleted."""
        node = parent.children.pop(name, None)
        if node is None:
            return
        self._paths.clear()
        if node.parent is not parent or node.name != name:
            node.links = [one for one in node.links if one != (parent, name)]
        elif node.links:
            node.parent, node.name = node.links.pop(0)
        else:
            node.removed = True

    def rename(self, source: Node, old: bytes, target: Node, new: bytes) -> None:
        """Move a name; what had the new one is deleted."""
        node = source.children.get(old)
        if node is not None and target.children.get(new) is node:
            return  # two names of one object: nothing happens
        self.remove(target, new)
        if node is not None:
            del source.children[old]
            if node.parent is not source or node.name != old:
                node.links = [one for one in node.links if one != (source, old)]
                self.link(node, target, new)
            else:
                self.attach(node, target, new)

    def forget(self, node: Node) -> None:
        """Let the name of an object be unknown."""
        self._unlink(node)
        for parent, name in node.links:
            if parent.children.get(name) is node:
                del parent.children[name]
        self._paths.clear()
        node.parent = node.name = None
        node.links = []

    def _unlink(self, node: Node) -> None:
        parent = node.parent
        if parent is not None and node.name is not None and parent.children.get(node.name) is node:
            del parent.children[node.name]

    # --- Bounds ---

    def _keep(self, node: Node) -> Node:
        if len(self._nodes) >= self._most:
            self._make_room()
        node.kept = True
        self._nodes[node] = None
        return node

    def _drop(self, node: Node) -> None:
        """Take an object out of the table."""
        self._nodes.pop(node, None)
        node.kept = False
        for child in node.children.values():
            if child.parent is not node:
                child.links = [one for one in child.links if one[0] is not node]
        node.children = {}

    def _make_room(self) -> None:
        """Give a part of the objects up: of the oldest those that were not heard of since."""
        self._paths.clear()
        room = self._most // 4 or 1
        gone: set[Node] = set()
        for node in list(islice(self._nodes, 2 * room)):
            if len(gone) < room and not node.used:
                gone.add(node)
            else:
                node.used = False
                del self._nodes[node]
                self._nodes[node] = None
        if not gone:
            gone.update(islice(self._nodes, room))
        for node in gone:
            self.forget(node)
            self._drop(node)
        for server in self._servers.values():
            for node in [one for one in server.handles.values() if one in gone]:
                del server.handles[node.handle]


def shown(name: bytes) -> str:
    """Return one name of a path as it can be printed: it cannot look like several."""
    if len(name) > MAX_NAME:
        name = name[:MAX_NAME]
    return printable(text(name)).replace("/", "\\x2f")

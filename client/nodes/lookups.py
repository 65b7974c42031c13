"""Nodes are found and looked at: each is one call to the server, or none if the cache knows."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from copy import copy
from functools import partial
from typing import Any, Final, Self, TypeVar

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.xdr.nfs4 import types as t

from ..acting import Acting
from ..attributes import Stat, StatVfs
from ..client import Client
from ..errors import NfsError, ends_everything, status_error
from ..operations import ALL_ACCESS, LockOperations, Operations, Seen
from .lifetimes import Lifetimes
from .node import DEPTH_MAX, Node
from .table import NAMES_MAX, UNUSED_MAX, NodeTable

T = TypeVar("T")
FindRoot = Callable[[], Coroutine[Any, Any, bytes]]
"""Looks up the root of the mount, and returns its handle."""

_HANDLE_LOST: Final = frozenset((t.NFS4ERR_STALE, t.NFS4ERR_FHEXPIRED, t.NFS4ERR_BADHANDLE))
_DEFAULT: Final = Lifetimes()
_SEARCHED_MAX: Final = 1024
"""Directories of which it is remembered that a user may search them, and nodes whose rights are."""


class Entry:
    """An entry of a directory listing.

    The listing goes on after it at ``cookie``. ``node`` is None if the server could not get the
    attributes, for the reason ``status`` (an ``nfsstat4``). The node is not counted as looked up:
    call :meth:`NodeTable.look_up` for that.
    """

    __slots__ = ("cookie", "name", "node", "status")

    def __init__(self, name: bytes, cookie: int, node: Node | None, status: int) -> None:
        self.name = name
        self.cookie = cookie
        self.node = node
        self.status = status


class Entries:
    """A page of a directory: ``verifier`` belongs to its cookies; the last one has ``end``.

    ``change`` is the directory's change attribute just before, of the call sent at ``asked_at``.
    """

    __slots__ = ("asked_at", "change", "end", "entries", "verifier")

    def __init__(
        self, entries: list[Entry], verifier: bytes, end: bool, change: int, asked_at: float
    ) -> None:
        self.entries = entries
        self.verifier = verifier
        self.end = end
        self.change = change
        self.asked_at = asked_at


class NodeLookups:
    """The nodes of one mount, for one of its users: how they are found, and what they are."""

    def __init__(
        self,
        client: Client,
        find_root: FindRoot,
        lifetimes: Lifetimes = _DEFAULT,
        *,
        unused_max: int = UNUSED_MAX,
        names_max: int = NAMES_MAX,
    ) -> None:
        self.table = NodeTable(lifetimes, unused_max=unused_max, names_max=names_max)
        self._client = client
        self._find_root = find_root
        self._operations = client.operations
        self._open_operations = client.open_operations
        self._locks = client.locks
        self._searched: OrderedDict[int, int] | None = None
        """The generations of directories that the user may search; None for who has mounted."""
        self._granted: OrderedDict[int, tuple[int, int]] = OrderedDict()
        """What the user may do with nodes, and the change attribute as of which that is so."""

    def acting_as(self, credentials: Credentials) -> Self:
        """Return the same nodes for another user of the mount."""
        acting = Acting(self._client.session, credentials)
        other = copy(self)
        other._operations = Operations(acting, self._client.files.unstable)
        other._open_operations = self._open_operations.acting_as(acting)
        other._locks = LockOperations(other._open_operations)
        other._searched = OrderedDict()
        other._granted = OrderedDict()
        return other

    def _now(self) -> float:
        return self._operations.caller.time()

    # --- Finding ---

    async def root(self) -> Node:
        """Return the mounted directory."""
        root = self.table.root
        if root is None:
            handle = await self._find_root()
            asked_at = self._now()
            status = await self._operations.getattr(handle)
            status.handle = handle
            root = self.table.root = self.table.enter(status, asked_at)
            self.table.look_up(root)  # keep it as long as the mount
        self.table.look_up(root)
        return root

    async def lookup(self, directory: Node, name: bytes) -> Node:
        """Return what has a name in a directory, without following a link.

        ``.`` and ``..`` are understood. There is no call to the server if the name is cached.
        Raises ``FileNotFoundError``.
        """
        if name == b".":
            await self.refresh(directory)
            node: Node | None = directory
        elif name == b"..":
            return await self.lookup_parent(directory)
        elif self._trusts(directory, name):
            try:
                node = self.table.named(directory, name)
            except KeyError:
                node = await self._look(directory, name)
        else:
            node = await self._look(directory, name)
        if node is None:
            raise status_error(t.NFS4ERR_NOENT, path=below(directory, name))
        self.table.look_up(node)
        return node

    def _trusts(self, directory: Node, name: bytes) -> bool:
        """Return whether a name is known, may be relied on, and is for this user to know."""
        if name not in directory.names or directory.names_left(self._now()) <= 0:
            return False
        lifetimes = self.table.lifetimes
        if not lifetimes.names or (directory.names[name] is None and not lifetimes.missing):
            return False
        searched = self._searched
        return searched is None or searched.get(directory.number) == directory.generation

    async def _look(self, directory: Node, name: bytes) -> Node | None:
        asked_at = self._now()
        where = partial(below, directory, name)
        seen = await self._at(
            lambda: self._operations.look(directory.handle, name, where), directory
        )
        return self._learn(directory, name, seen, asked_at)

    def _learn(self, directory: Node, name: bytes, seen: Seen, asked_at: float) -> Node | None:
        news = directory.learn_change(seen.change, asked_at)
        node = self.table.enter(seen.status, asked_at) if seen.status is not None else None
        if news:
            self.table.name(directory, name, node)
            self._may_search(directory)
        elif node is not None and node.parent is None and node is not self.table.root:
            node.parent, node.name = directory, name
        return node

    def _may_search(self, directory: Node) -> None:
        """Note that the server has let the user search a directory as it is now."""
        searched = self._searched
        if searched is not None:
            searched[directory.number] = directory.generation
            searched.move_to_end(directory.number)
            if len(searched) > _SEARCHED_MAX:
                searched.popitem(last=False)

    async def lookup_parent(self, directory: Node) -> Node:
        """Return the directory above; for the root of the mount, the root itself."""
        if directory is self.table.root:
            self.table.look_up(directory)
            return directory
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.lookup_parent(directory.handle, directory.path), directory
        )
        node = self.table.enter(status, asked_at)
        self.table.look_up(node)
        return node

    def forget(self, node: Node, count: int = 1) -> None:
        """Note that a node is not used any more, after ``count`` lookups."""
        self.table.forget(node, count)

    # --- Looking ---

    def seconds_left(self, node: Node) -> float:
        """Return for how many more seconds the attributes of a node are trusted."""
        if node.has_links() and not node.is_known_since(self.table.link_lost_at):
            return 0.0
        return node.seconds_left(self._now())

    def names_left(self, directory: Node) -> float:
        """Return for how many more seconds the names in a directory are trusted."""
        return directory.names_left(self._now())

    def now(self) -> float:
        """Return the time by which attributes and names expire."""
        return self._operations.caller.time()

    async def getattr(self, node: Node) -> Stat:
        """Return the attributes, from the cache if they have not expired."""
        if self.seconds_left(node) > 0:
            return node.status
        return await self.refresh(node)

    async def refresh(self, node: Node) -> Stat:
        """Get the attributes from the server."""
        asked_at = self._now()
        status = await self._at(lambda: self._operations.getattr(node.handle, node.path), node)
        node.learn(status, asked_at)
        return status

    async def access(self, node: Node, mask: int = ALL_ACCESS, *, anew: bool = False) -> int:
        """Return which of the ``ACCESS4_`` bits in ``mask`` the server grants the user.

        Unless it is to be asked ``anew``, a grant is remembered for as long as the attributes,
        which decide on it, are trusted; a refusal is not.
        """
        granted, change = self._granted.get(node.number, (0, None))
        wanted = mask | ALL_ACCESS
        granted = 0 if anew or change != node.change else granted & mask
        if granted == mask and self.seconds_left(node) > 0:
            return mask
        change = node.change
        answer = await self._at(
            lambda: self._operations.access(node.handle, wanted, node.path), node
        )
        self._granted[node.number] = answer.access, change
        self._granted.move_to_end(node.number)
        if len(self._granted) > _SEARCHED_MAX:
            self._granted.popitem(last=False)
        return answer.access & mask

    async def readlink(self, node: Node) -> bytes:
        """Return the target of a link."""
        return await self._at(lambda: self._operations.readlink(node.handle, node.path), node)

    async def statfs(self, node: Node) -> StatVfs:
        """Return the size and the free space of the file system that a node is in."""
        return await self._at(lambda: self._operations.statfs(node.handle, node.path), node)

    async def readdir(
        self,
        directory: Node,
        cookie: int = 0,
        verifier: bytes = bytes(8),
        go_on: Callable[[int, bytes], object] | None = None,
    ) -> Entries:
        """Return the entries after ``cookie`` with their attributes, as many as one reply holds.

        ``verifier`` is that of the page with the cookie. ``go_on`` is told the cookie and the
        verifier of the next page, if there is one. What it asks for is under way while this page
        is looked at.
        """
        asked_at = self._now()
        listing = await self._at(
            lambda: self._operations.listing(directory.handle, cookie, verifier, directory.path),
            directory,
        )
        page = listing.page
        if go_on is not None and page.entries and not page.end:
            go_on(page.cookie, page.verifier)
            await self._operations.caller.pause(0)  # calls go out when the replies of a turn are in
        news = directory.learn_change(listing.change, asked_at)
        entries: list[Entry] = []
        enter, names = self.table.enter, directory.names
        for (name, status), behind in zip(page.entries, page.cookies, strict=True):
            if isinstance(status, int):
                entries.append(Entry(name, behind, None, status))
                continue
            node = enter(status, asked_at) if status.handle else None
            if news and node is not None:
                node.parent, node.name = directory, name
                names[name] = node
            entries.append(Entry(name, behind, node, t.NFS4_OK))
        if news:
            self.table.named_more(directory)
        return Entries(entries, page.verifier, page.end, listing.change, asked_at)

    # --- Lost handles ---

    async def _at(self, operation: Callable[[], Coroutine[Any, Any, T]], *nodes: Node) -> T:
        """Execute an operation on nodes; once more if the handle of one was lost and found."""
        try:
            return await operation()
        except NfsError as error:
            if error.status not in _HANDLE_LOST:
                raise
            replaced = [await self._find_again(node) for node in nodes]
            if not any(replaced):
                raise
        return await operation()

    async def _find_again(self, node: Node) -> bool:
        """Look up the path where a node was last seen; return whether it has a new handle."""
        way: list[Node] = []
        top = node
        while top.parent is not None and len(way) < DEPTH_MAX:
            way.append(top)
            top = top.parent
        if top is not self.table.root:
            return False
        before = node.handle
        try:
            await self._find_root_again(top)
            for below in reversed(way):
                if not await self._findbelow(below):
                    return False
        except NfsError as error:
            if ends_everything(error):
                raise
            return False
        return node.handle != before

    async def _find_root_again(self, root: Node) -> None:
        asked_at = self._now()
        handle = await self._find_root()
        if handle != root.handle:
            status = await self._operations.getattr(handle)
            status.handle = handle
            self.table.replace_handle(root, status, asked_at)

    async def _findbelow(self, node: Node) -> bool:
        """Look up a node in its parent; return whether it is still there."""
        parent = node.parent
        assert parent is not None
        asked_at = self._now()
        seen = await self._operations.look(parent.handle, node.name, node.path)
        if seen.status is None or not node.is_same_object(seen.status):
            parent.names.pop(node.name, None)
            return False
        if seen.status.handle != node.handle:
            self.table.replace_handle(node, seen.status, asked_at)
        return True


def below(directory: Node, name: bytes) -> str:
    """Return the path of what has a name in a directory, for errors."""
    shown = name.decode("utf-8", "surrogateescape")
    return f"{directory.path().rstrip('/')}/{shown}"

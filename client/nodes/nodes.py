"""Operations on nodes: each is one call to the server, or none if the cache has the answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Coroutine
from copy import copy
from functools import partial
from typing import Any, Final, TypeVar

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

from ..acting import Acting
from ..attributes import Stat, StatVfs, encode_attributes
from ..client import Client
from ..errors import NfsError, Where, ends_everything, status_error
from ..habits import NO_EXCLUSIVE
from ..operations import (
    ALL_ACCESS,
    LockOperations,
    Made,
    Opening,
    Operations,
    Seen,
)
from ..xattr_names import PREFIX, option_of, wire_name
from .doubt import certain, was_linked, was_made, was_removed, was_renamed
from .lifetimes import Lifetimes
from .node import DEPTH_MAX, Node
from .node_file import NodeFile
from .table import NAMES_MAX, UNUSED_MAX, NodeTable

T = TypeVar("T")
FindRoot = Callable[[], Coroutine[Any, Any, bytes]]
"""Looks up the root of the mount, and returns its handle."""

_HANDLE_LOST: Final = frozenset((t.NFS4ERR_STALE, t.NFS4ERR_FHEXPIRED, t.NFS4ERR_BADHANDLE))
_DEFAULT: Final = Lifetimes()
_SEARCHED_MAX: Final = 1024
"""Directories of which it is remembered that a user may search them."""


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
    """A page of a directory: ``verifier`` belongs to its cookies; the last one has ``end``."""

    __slots__ = ("end", "entries", "verifier")

    def __init__(self, entries: list[Entry], verifier: bytes, end: bool) -> None:
        self.entries = entries
        self.verifier = verifier
        self.end = end


class Nodes:
    """The nodes of one mount, for one of its users.

    All users of a mount share the cached attributes and names (:meth:`acting_as`). A user is told a
    name from the cache only if the server has let him search its directory since that has changed.

    Methods that return a node count it as looked up, until :meth:`forget`. If the server has lost
    the handle of a node, its path is looked up again; if the same object is still there, the
    operation is repeated with the new handle. Everything raises :class:`NfsError`.
    """

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

    def acting_as(self, credentials: Credentials) -> Nodes:
        """Return the same nodes for another user of the mount."""
        acting = Acting(self._client.session, credentials)
        other = copy(self)
        other._operations = Operations(acting)
        other._open_operations = self._open_operations.acting_as(acting)
        other._locks = LockOperations(other._open_operations)
        other._searched = OrderedDict()
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
            raise status_error(t.NFS4ERR_NOENT, path=_below(directory, name))
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
        where = partial(_below, directory, name)
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

    async def access(self, node: Node, mask: int = ALL_ACCESS) -> int:
        """Return which of the ``ACCESS4_`` bits in ``mask`` the server grants the user."""
        answer = await self._at(lambda: self._operations.access(node.handle, mask, node.path), node)
        return answer.access & mask

    async def readlink(self, node: Node) -> bytes:
        """Return the target of a link."""
        return await self._at(lambda: self._operations.readlink(node.handle, node.path), node)

    async def statfs(self, node: Node) -> StatVfs:
        """Return the size and the free space of the file system that a node is in."""
        return await self._at(lambda: self._operations.statfs(node.handle, node.path), node)

    async def readdir(
        self, directory: Node, cookie: int = 0, verifier: bytes = bytes(8)
    ) -> Entries:
        """Return the entries after ``cookie`` with their attributes, as many as one reply holds.

        ``verifier`` is that of the page with the cookie.
        """
        asked_at = self._now()
        listing = await self._at(
            lambda: self._operations.listing(directory.handle, cookie, verifier, directory.path),
            directory,
        )
        news = directory.learn_change(listing.change, asked_at)
        page = listing.page
        entries: list[Entry] = []
        for (name, status), behind in zip(page.entries, page.cookies, strict=True):
            if isinstance(status, int):
                entries.append(Entry(name, behind, None, status))
                continue
            node = self.table.enter(status, asked_at) if status.handle else None
            if news and node is not None:
                self.table.name(directory, name, node)
            entries.append(Entry(name, behind, node, t.NFS4_OK))
        return Entries(entries, page.verifier, page.end)

    # --- Changing ---

    async def setattr(self, node: Node, attributes: t.fattr4, size: int | None = None) -> Stat:
        """Set ``attributes``; return the new attributes.

        ``size`` repeats the size in ``attributes``, if any: unstable data beyond it is dropped.
        """
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.setattr(node.handle, attributes, node.path), node
        )
        if size is not None:
            self._client.files.unstable.cut(node.handle, size)
        node.learn(status, asked_at)
        return status

    async def mkdir(self, directory: Node, name: bytes, mode: int) -> Node:
        """Make a directory."""
        return await self._create(directory, name, t.createtype4(t.NF4DIR), mode)

    async def symlink(self, directory: Node, name: bytes, target: bytes) -> Node:
        """Make a symbolic link that holds ``target``."""
        return await self._create(directory, name, t.createtype4(t.NF4LNK, target), 0o777)

    async def mknod(
        self, directory: Node, name: bytes, kind: int, mode: int, device: tuple[int, int] = (0, 0)
    ) -> Node:
        """Make a special file: ``kind`` is ``NF4FIFO``, ``NF4SOCK``, ``NF4BLK`` or ``NF4CHR``.

        ``device`` are the major and minor numbers of the last two.
        """
        if kind in (t.NF4BLK, t.NF4CHR):
            made = t.createtype4(kind, t.specdata4(*device))
        else:
            made = t.createtype4(kind)
        return await self._create(directory, name, made, mode)

    async def _create(self, directory: Node, name: bytes, kind: t.createtype4, mode: int) -> Node:
        asked_at = self._now()
        attributes = encode_attributes(mode=mode)
        where = partial(_below, directory, name)

        async def is_ours(found: Stat) -> bool:
            # Whoever made a link with the same target, it does the same.
            if kind.type != t.NF4LNK or not found.is_symlink:
                return False
            target: object = kind.value
            return await self._operations.readlink(found.handle, where) == target

        made = await certain(
            lambda: self._at(
                lambda: self._operations.create(directory.handle, name, kind, attributes, where),
                directory,
            ),
            lambda: was_made(self._status_of, directory, name, is_ours),
        )
        if made is None:
            return await self._find_made(directory, name)
        return self._made(directory, name, made, asked_at)

    async def link(self, node: Node, directory: Node, name: bytes) -> Node:
        """Give a file another name."""
        asked_at = self._now()
        where = partial(_below, directory, name)
        made = await certain(
            lambda: self._at(
                lambda: self._operations.link(node.handle, directory.handle, name, where),
                node,
                directory,
            ),
            lambda: was_linked(self._status_of, directory, name, node),
        )
        if made is None:
            return await self._find_made(directory, name)
        return self._made(directory, name, made, asked_at)

    async def _find_made(self, directory: Node, name: bytes) -> Node:
        """Return what was made by a call whose reply is lost."""
        self._unsure(directory, name)
        return await self.lookup(directory, name)

    def _unsure(self, directory: Node, name: bytes) -> None:
        """Forget what is known of a name, and let its directory be asked about again."""
        directory.names.pop(name, None)
        directory.expire(self._now())

    async def _status_of(self, directory: Node, name: bytes) -> Stat | None:
        """Ask the server what has a name."""
        where = partial(_below, directory, name)
        seen = await self._at(
            lambda: self._operations.look(directory.handle, name, where), directory
        )
        return seen.status

    def _made(self, directory: Node, name: bytes, made: Made, asked_at: float) -> Node:
        self._moved_on(directory, made.directory)
        node = self.table.enter(made.status, asked_at)
        self.table.name(directory, name, node)
        self.table.look_up(node)
        return node

    async def remove(self, directory: Node, name: bytes) -> None:
        """Remove a name, which may be that of an empty directory.

        The attributes of what has it expire if the name was looked up before.
        """
        where = partial(_below, directory, name)
        node = directory.names.get(name)
        info = await certain(
            lambda: self._at(
                lambda: self._operations.remove(directory.handle, name, where), directory
            ),
            lambda: was_removed(self._status_of, directory, name, node),
        )
        self._lose_name(directory, name)
        if info is None:
            self._unsure(directory, name)
            return
        self._moved_on(directory, info)
        self.table.name(directory, name, None)

    async def rename(
        self, from_directory: Node, old: bytes, to_directory: Node, new: bytes
    ) -> None:
        """Move a name, replacing a file or an empty directory.

        The attributes of what has either name expire if the names were looked up before.
        """
        where = partial(_below, from_directory, old)
        source, target = (from_directory, old), (to_directory, new)
        moved = from_directory.names.get(old)
        info = await certain(
            lambda: self._at(
                lambda: self._operations.rename(
                    from_directory.handle, old, to_directory.handle, new, where
                ),
                from_directory,
                to_directory,
            ),
            lambda: was_renamed(self._status_of, source, target, moved),
        )
        moved = from_directory.names.get(old)
        if from_directory is not to_directory or old != new:
            self._lose_name(to_directory, new)
        if info is None:
            if moved is not None:
                moved.expire(self._now())
            self._unsure(*source)
            self._unsure(*target)
            return
        self._moved_on(from_directory, info.source_cinfo)
        if to_directory is not from_directory:
            self._moved_on(to_directory, info.target_cinfo)
        if info.source_cinfo.before == info.source_cinfo.after:
            # Both were names of one file, and stay so (RFC 8881, Section 18.26.3); or who knows.
            from_directory.names.pop(old, None)
            to_directory.names.pop(new, None)
            return
        self.table.name(from_directory, old, None)
        if moved is not None:
            moved.expire(self._now())
            self.table.name(to_directory, new, moved)
        else:
            to_directory.names.pop(new, None)

    def _lose_name(self, directory: Node, name: bytes) -> None:
        """Let the attributes of what has the name expire, since it will have one name less.

        If nobody knows what that is, it may be any file with several names.
        """
        if name not in directory.names:
            self.table.link_lost_at = self._now()
            return
        node = directory.names[name]
        if node is not None:
            node.expire(self._now())
            self._open_operations.opens.delegations.release(node.handle)

    def _moved_on(self, directory: Node, info: t.change_info4) -> None:
        directory.moved_on(info.atomic, info.before, info.after, self._now())

    # --- Extended attributes, under the names that Linux gives them ---

    async def getxattr(self, node: Node, name: bytes) -> bytes:
        """Return the value of an extended attribute; ENODATA if there is none of that name."""
        key = wire_name(name, node.path())
        return await self._at(lambda: self._operations.getxattr(node.handle, key, node.path), node)

    async def setxattr(self, node: Node, name: bytes, value: bytes, flags: int = 0) -> None:
        """Set an extended attribute; ``flags`` are those of ``os.setxattr``."""
        key, option = wire_name(name, node.path()), option_of(flags)
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.setxattr(node.handle, key, value, option, node.path), node
        )
        node.learn(status, asked_at)

    async def listxattr(self, node: Node) -> list[bytes]:
        """Return the names of all extended attributes."""
        names = await self._at(lambda: self._operations.listxattrs(node.handle, node.path), node)
        return [PREFIX + name for name in names]

    async def removexattr(self, node: Node, name: bytes) -> None:
        """Remove an extended attribute; ENODATA if there is none of that name."""
        key = wire_name(name, node.path())
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.removexattr(node.handle, key, node.path), node
        )
        node.learn(status, asked_at)

    # --- Access control lists ---

    async def acl(self, node: Node) -> list[t.nfsace4]:
        """Return the access control list; EOPNOTSUPP where the server has none."""
        return await self._at(lambda: self._operations.acl(node.handle, node.path), node)

    async def set_acl(self, node: Node, aces: list[t.nfsace4]) -> Stat:
        """Replace the access control list; return the new attributes."""
        return await self.setattr(node, encode_fattr4({t.FATTR4_ACL: aces}))

    # --- Opening ---

    async def open(self, node: Node, access: int, *, truncate: bool = False) -> NodeFile:
        """Open a file, for ``OPEN4_SHARE_ACCESS_READ``, ``WRITE`` or both.

        With ``truncate`` its size is set to 0 in the same call.
        """
        if not truncate:
            here = await self._open_delegated(node, access)
            if here is not None:
                return here
        asked_at = self._now()
        opening = await self._at(
            lambda: self._open_operations.open_handle(
                node.handle, access, node.path, truncate=truncate
            ),
            node,
        )
        changed = opening.status.change != node.change
        node.learn(opening.status, asked_at)
        return self._opened(node, opening, truncate, changed)

    async def _open_delegated(self, node: Node, access: int) -> NodeFile | None:
        """Open a file that the server has left to us, without a call if its attributes are known.

        Return None if it has not.
        """
        opens, caller = self._open_operations.opens, self._open_operations.caller
        opened = opens.open_here(caller, node.handle, access)
        if opened is None:
            return None
        since = self._now() if opened.delegation is None else opened.delegation.since
        before = node.change
        try:
            # What was seen before the file was ours, somebody may have changed meanwhile.
            await (self.getattr(node) if node.known_at >= since else self.refresh(node))
        except BaseException:
            opens.discard(opened)
            raise
        file = self._client.open_file(opened, node.path(), self._open_operations)
        return NodeFile(node, file, self.table, self._locks, node.change != before)

    async def create(
        self,
        directory: Node,
        name: bytes,
        access: int,
        mode: int,
        *,
        exclusive: bool = False,
        truncate: bool = False,
    ) -> NodeFile:
        """Open a file by its name, and make it with ``mode`` if it does not exist.

        If it is there, ``exclusive`` makes this an error, and ``truncate`` sets the size to 0. The
        file's node is counted as looked up.
        """
        asked_at = self._now()
        where = partial(_below, directory, name)

        async def opened(how: t.createhow4) -> Opening:
            flag = t.openflag4(t.OPEN4_CREATE, how)
            return await self._at(
                lambda: self._open_operations.open(directory.handle, name, access, flag, where),
                directory,
            )

        if exclusive:
            opening = await self._open_exclusively(opened, mode, where)
        else:
            attributes = encode_attributes(size=0 if truncate else None, mode=mode)
            opening = await opened(t.createhow4(t.UNCHECKED4, attributes))
        self._moved_on(directory, opening.directory)
        known = self.table.find(opening.status)
        changed = known is None or opening.status.change != known.change
        node = self.table.enter(opening.status, asked_at)
        self.table.name(directory, name, node)
        self.table.look_up(node)
        return self._opened(node, opening, truncate, changed)

    async def _open_exclusively(
        self,
        opened: Callable[[t.createhow4], Coroutine[Any, Any, Opening]],
        mode: int,
        where: Where,
    ) -> Opening:
        """Make a file so that it is known as ours if the server forgets that it has replied.

        For that it keeps a verifier, usually in the times of the file (RFC 8881, Section 18.16.3).
        """
        attributes, habits = encode_attributes(mode=mode), self._client.habits
        if habits.exclusive_create:
            verifier = self._client.rng.getrandbits(64).to_bytes(8)
            both = t.creatverfattr(verifier, attributes)
            try:
                opening = await opened(t.createhow4(t.EXCLUSIVE4_1, both))
            except NfsError as error:
                if error.status not in NO_EXCLUSIVE:
                    raise
                habits.exclusive_create = False
            else:
                now = encode_attributes(atime_now=True, mtime_now=True)
                operations, made = self._open_operations, opening.opened
                try:
                    opening.status = await operations.setattr(made, now, where)
                except BaseException:
                    self._client.opens.discard(made)
                    await operations.close(made, where=where)
                    raise
                opening.status.handle = made.handle
                return opening
        return await opened(t.createhow4(t.GUARDED4, attributes))

    def _opened(self, node: Node, opening: Opening, truncated: bool, changed: bool) -> NodeFile:
        if truncated:
            self._client.files.unstable.cut(node.handle, 0)
        file = self._client.open_file(opening.opened, node.path(), self._open_operations)
        return NodeFile(node, file, self.table, self._locks, changed)

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
                if not await self._find_below(below):
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

    async def _find_below(self, node: Node) -> bool:
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


def _below(directory: Node, name: bytes) -> str:
    shown = name.decode("utf-8", "surrogateescape")
    return f"{directory.path().rstrip('/')}/{shown}"

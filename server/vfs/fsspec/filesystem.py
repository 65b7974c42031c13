"""The back end itself: see the package's text."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from nfsrdma.rpcrdma.task import Future

from ...waiting import ready, started
from ..interface import (
    EXECUTE,
    READ,
    WRITE,
    Attributes,
    Changes,
    Entry,
    Eventual,
    Executor,
    FileSystem,
    Job,
    Listing,
    Node,
    OpenFile,
    Statistics,
    Times,
    User,
)
from ..posix import failure, granted, require
from .calls import Calls
from .info import Info, owner, permissions
from .listings import Kept, Listings, arranged
from .names import DEEPEST, Names, Path, is_directory, is_identity, places

T = TypeVar("T")

_REMEMBERED: Final = 1 << 14
"""Identities whose paths are remembered, so that they need not be searched for."""
_MAX_NAME: Final = 255
_TRIED: Final = 64
"""Directories that are listed at most to find an object by its identity."""


class FsspecNode(Node):
    """An object: a name."""

    __slots__ = ("path",)

    path: Path


class FsspecFileSystem(FileSystem):
    """The tree of an fsspec file system below ``root``, read-only.

    ``url`` stands for both: identities are those of this URL. ``clock`` gives seconds since 1970.
    Raises ``OSError`` if the root cannot be listed.
    """

    read_only = True
    max_name = _MAX_NAME

    def __init__(
        self, fs: Any, root: str, url: str, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.acts_as = os.geteuid() or None
        self._owner = os.geteuid(), os.getegid()
        self._names = Names(url)
        self._calls = Calls(fs, root)
        self._listings = Listings(clock, not _is_archive(fs))
        self._paths: OrderedDict[bytes, Path] = OrderedDict()
        self._under_way: dict[Path, Future[Kept]] = {}
        self._executor: Executor | None = None
        self._top = Info(b"", root, True)
        self._root = self._node((), True)
        self._keep((), arranged(self._listings.slot, self._calls.entries(root), self._names))

    # --- Finding ---

    @property
    def root(self) -> FsspecNode:
        """The top of the tree."""
        return self._root

    def node(self, identity: bytes) -> Eventual[Node]:
        """Return the node of an identity."""
        if not is_identity(identity):
            raise failure(errno.EINVAL)
        return started(self._by_identity(identity))

    async def _by_identity(self, identity: bytes) -> Node:
        path = self._paths.get(identity)
        if path is None:
            path = await self._search(identity)
        node = self._node(path, is_directory(identity))
        await self._info(node)
        return node

    async def _search(self, identity: bytes) -> Path:
        """Find the path of an identity by its steps, as a rule without a detour."""
        steps = list(places(identity))
        ways: list[Path] = [()]
        tried = 0
        while ways:
            path = ways.pop()
            if len(path) == len(steps):
                if self._names.identity(path, is_directory(identity)) == identity:
                    return path
                continue
            tried += 1
            if tried > _TRIED:
                break
            last = len(path) + 1 == len(steps)
            kept = await self._listing_or_none(path)
            if kept is not None:
                found = kept.between(*steps[len(path)])
                ways += [(*path, info.name) for info in found if last or info.directory]
        raise failure(errno.ESTALE)

    async def _listing_or_none(self, path: Path) -> Kept | None:
        try:
            return await self._listing(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
                return None
            raise

    def lookup(self, directory: Node, name: bytes, who: User) -> Eventual[Node]:
        """Look an entry up: it is what the directory lists."""
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        if len(name) > _MAX_NAME:
            raise failure(errno.ENAMETOOLONG)
        return started(self._lookup(_own(directory), name, who))

    async def _lookup(self, directory: FsspecNode, name: bytes, who: User) -> Node:
        self._require(await self._info(directory), who, EXECUTE)
        info = (await self._listing(directory.path)).find(name)
        if info is None:
            raise failure(errno.ENOENT)
        if len(directory.path) >= DEEPEST:
            raise failure(errno.ENAMETOOLONG)
        return self._node((*directory.path, name), info.directory)

    def parent(self, directory: Node, who: User) -> Node:
        """Return the directory above."""
        path = _own(directory).path
        if not path:
            raise failure(errno.ENOENT)
        return self._node(path[:-1], True)

    # --- Looking ---

    def attributes(self, node: Node, birth: bool = False) -> Eventual[Attributes]:
        """Return the node's attributes now."""
        return started(self._attributes(_own(node)))

    async def _attributes(self, node: FsspecNode) -> Attributes:
        return self._made(await self._sized(node), node)

    def permitted(self, node: Node, who: User, mask: int) -> Eventual[int]:
        """Return what a user is granted of a mask; nobody may write."""
        return started(self._permitted(_own(node), who, mask))

    async def _permitted(self, node: FsspecNode, who: User, mask: int) -> int:
        info = await self._info(node)
        return granted(who, *self._rights(info), mask & ~WRITE, info.directory)

    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Eventual[Listing]:
        """List entries of a directory."""
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        return started(self._entries(_own(directory), cookie, who, most))

    async def _entries(self, directory: FsspecNode, cookie: int, who: User, most: int) -> Listing:
        self._require(await self._info(directory), who, READ)
        if len(directory.path) >= DEEPEST:
            return Listing([], True)
        kept = await self._listing(directory.path)
        start, end = kept.after(cookie, most)
        await self._ask_for_sizes(kept, start, end)
        listed = [self._entry(directory.path, kept, place) for place in range(start, end)]
        return Listing(listed, end == len(kept.cookies))

    def _entry(self, above: Path, kept: Kept, place: int) -> Entry:
        info = kept.infos[place]
        node = self._node((*above, info.name), info.directory)
        try:
            found: tuple[Attributes, bytes] | OSError = self._made(info, node), node.identity
        except OSError as error:
            found = error
        return Entry(kept.cookies[place], info.name, found)

    def readlink(self, node: Node, who: User) -> bytes:
        """Raise EINVAL: there are no links."""
        raise failure(errno.EINVAL)

    def open(
        self, node: Node, who: User, access: int, *, override: bool = False
    ) -> Eventual[OpenFile]:
        """Open a file for reading."""
        if not node.is_regular:
            raise failure(errno.EISDIR)
        if access & WRITE:
            raise failure(errno.EROFS)
        return started(self._open(_own(node), who, override))

    async def _open(self, node: FsspecNode, who: User, override: bool) -> OpenFile:
        info = await self._sized(node)
        uid, gid, mode = self._rights(info)
        if not (override and uid == who.uid):
            require(who, uid, gid, mode, READ, False)
        self._size(info)
        return FsspecFile(self, node)

    def statistics(self) -> Statistics:
        """Return no room at all."""
        return Statistics(0, 0, 0, 0, 0, 0)

    # --- For open files ---

    async def read(self, node: FsspecNode, offset: int, into: memoryview) -> int:
        """Read a file, as it is now."""
        info = await self._sized(node)
        count = max(0, min(len(into), self._size(info) - offset))
        if not count:
            return 0
        return await self._elsewhere(partial(self._calls.read, info, offset, into[:count]))

    async def size(self, node: FsspecNode) -> int:
        """Return the size of a file."""
        return self._size(await self._sized(node))

    # --- Changing: EROFS ---

    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def create(
        self,
        directory: Node,
        name: bytes,
        who: User,
        mode: int,
        access: int,
        times: Times | None = None,
    ) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def link(self, node: Node, directory: Node, name: bytes, who: User) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def remove(self, directory: Node, name: bytes, who: User) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    # --- Life ---

    def attach(self, executor: Executor) -> None:
        """Have fsspec called by the executor's threads."""
        self._executor = executor

    def sweep(self) -> None:
        """Release listings that hold no more, and streams."""
        self._listings.sweep()
        if self._executor is not None:
            self._executor.background(self._calls.forget)

    def close(self) -> None:
        """Close the streams."""
        self._calls.forget()

    # --- Private ---

    def _node(self, path: Path, directory: bool) -> FsspecNode:
        node = FsspecNode()
        node.path = path
        node.type = stat.S_IFDIR if directory else stat.S_IFREG
        node.fileid = self._names.fileid(path, directory)
        node.identity = self._names.identity(path, directory)
        self._paths[node.identity] = path
        self._paths.move_to_end(node.identity)
        if len(self._paths) > _REMEMBERED:
            self._paths.popitem(last=False)
        return node

    async def _info(self, node: FsspecNode) -> Info:
        """Return what the directory above lists about a node; ESTALE if that is gone."""
        if not node.path:
            return self._top
        kept = await self._listing_or_none(node.path[:-1])
        info = None if kept is None else kept.find(node.path[-1])
        if info is None or info.directory is not node.is_directory:
            raise failure(errno.ESTALE)
        return info

    async def _sized(self, node: FsspecNode) -> Info:
        """Return what is known of a node, with its size if anybody knows that."""
        info = await self._info(node)
        if info.size is None:
            kept = await self._listing(node.path[:-1])
            place = kept.places.get(node.path[-1])
            if place is not None:
                await self._ask_for_sizes(kept, place, place + 1)
                info = kept.infos[place]
        return info

    async def _ask_for_sizes(self, kept: Kept, start: int, end: int) -> None:
        unknown = [place for place in range(start, end) if kept.infos[place].size is None]
        if unknown:
            asked = [kept.infos[place] for place in unknown]
            answers = await self._elsewhere(partial(self._calls.sized, asked))
            for place, info in zip(unknown, answers, strict=True):
                kept.infos[place] = info

    async def _listing(self, path: Path) -> Kept:
        """Return the entries of a directory; whoever needs them meanwhile waits for the same."""
        kept = self._listings.get(path)
        if kept is not None:
            return kept
        under_way = self._under_way.get(path)
        if under_way is not None:
            return await under_way
        where = self._top.where
        if path:
            above = await self._listing(path[:-1])
            info = above.find(path[-1])
            if info is None or not info.directory:
                raise failure(errno.ESTALE)
            where = info.where
        slot, names = self._listings.slot, self._names
        work = partial(_listed, self._calls, where, slot, names)
        if self._executor is None:
            return self._keep(path, work())
        future = self._under_way[path] = self._executor.submit(work)
        try:
            return self._keep(path, await future)
        finally:
            self._under_way.pop(path, None)

    def _keep(self, path: Path, kept: Kept) -> Kept:
        self._listings.keep(path, kept)
        return kept

    async def _elsewhere(self, work: Callable[[], T]) -> T:
        if self._executor is None:
            return work()
        return await ready(self._executor.submit(work))

    def _rights(self, info: Info) -> tuple[int, int, int]:
        return *owner(info, self._owner), permissions(info)

    def _require(self, info: Info, who: User, mask: int) -> None:
        require(who, *self._rights(info), mask, info.directory)

    def _size(self, info: Info) -> int:
        if info.size is None:
            # Without a size no client would know where the file ends.
            raise failure(errno.EIO)
        return info.size

    def _made(self, info: Info, node: FsspecNode) -> Attributes:
        result = Attributes()
        result.type = node.type
        result.mode = permissions(info)
        result.nlink = 2 if info.directory else 1
        result.uid, result.gid = owner(info, self._owner)
        result.size = result.space_used = self._size(info)
        result.rdev = (0, 0)
        result.fileid = node.fileid
        result.change = self._listings.slot if info.directory else info.change
        result.atime_ns = result.mtime_ns = result.ctime_ns = info.mtime_ns
        result.btime_ns = -1
        return result


class FsspecFile(OpenFile):
    """An open file: it holds nothing, and says ESTALE when the object is gone."""

    __slots__ = ("_fs", "_node", "_open")

    def __init__(self, fs: FsspecFileSystem, node: FsspecNode) -> None:
        self._fs = fs
        self._node = node
        self._open = True

    def read(self, offset: int, into: memoryview) -> Eventual[int]:
        """Read into a buffer."""
        self._check()
        return started(self._fs.read(self._node, offset, into))

    def write(self, offset: int, data: memoryview) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def sync(self, metadata: bool) -> Job | None:
        """Return None: nothing was written."""
        return None

    def allocate(self, offset: int, length: int) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def deallocate(self, offset: int, length: int) -> NoReturn:
        """Raise EROFS."""
        raise failure(errno.EROFS)

    def seek(self, offset: int, hole: bool) -> Eventual[int]:
        """Return the end of the file as its only hole."""
        self._check()
        return started(self._seek(offset, hole))

    async def _seek(self, offset: int, hole: bool) -> int:
        size = await self._fs.size(self._node)
        if offset >= size:
            raise failure(errno.ENXIO)
        return size if hole else offset

    def size(self) -> Eventual[int]:
        """Return the file's size."""
        self._check()
        return started(self._fs.size(self._node))

    def close(self) -> None:
        """Read no more."""
        self._open = False

    def _check(self) -> None:
        if not self._open:
            raise failure(errno.EBADF)


def _own(node: Node) -> FsspecNode:
    assert isinstance(node, FsspecNode)
    return node


def _listed(calls: Calls, where: str, slot: int, names: Names) -> Kept:
    return arranged(slot, calls.entries(where), names)


def _is_archive(fs: Any) -> bool:
    from fsspec.archive import AbstractArchiveFileSystem

    return isinstance(fs, AbstractArchiveFileSystem)

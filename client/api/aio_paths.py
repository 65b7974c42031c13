"""The asyncio face of operations by path; files and trees are in ``aio``.

An operation is the coroutine of the same name of :class:`~..filesystem.FileSystem`. This module is
a source of the blocking face as well: see ``emit``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from os import R_OK, W_OK, X_OK, fspath
from typing import TYPE_CHECKING, Self, overload

from ..acls import Ace
from ..attributes import Stat, StatVfs
from ..descent import Descent
from ..entries import DirEntry
from ..errors import NfsError, ends_everything
from ..globbing import Pattern
from ..times import Nanoseconds, Seconds
from .on_loop import LoopMount
from .shared import StrOrBytesPath, grants, next_page, text_of

if TYPE_CHECKING:
    from typing_extensions import Buffer


class AsyncPaths(LoopMount):
    """What a mount does by path."""

    # --- Looking ---

    async def stat(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> Stat:
        """Return the attributes of what ``path`` leads to."""
        return await self._run(self._client.stat(fspath(path), follow_symlinks=follow_symlinks))

    async def lstat(self, path: StrOrBytesPath) -> Stat:
        """Return the attributes of what is at ``path``, even if it is a link."""
        return await self._run(self._client.lstat(fspath(path)))

    async def exists(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bool:
        """Return whether ``path`` leads to anything."""
        return await self._status(path, follow_symlinks) is not None

    async def is_dir(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bool:
        """Return whether ``path`` leads to a directory."""
        status = await self._status(path, follow_symlinks)
        return status is not None and status.is_dir

    async def is_file(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bool:
        """Return whether ``path`` leads to a regular file."""
        status = await self._status(path, follow_symlinks)
        return status is not None and status.is_file

    async def is_symlink(self, path: StrOrBytesPath) -> bool:
        """Return whether a symbolic link is at ``path``."""
        status = await self._status(path, False)
        return status is not None and status.is_symlink

    async def _status(self, path: StrOrBytesPath, follow: bool) -> Stat | None:
        """Return the attributes of what ``path`` leads to; None if it leads nowhere."""
        coroutine = self._client.stat_if_any(fspath(path), follow_symlinks=follow)
        return await self._run(coroutine)

    async def statvfs(self, path: StrOrBytesPath = "") -> StatVfs:
        """Return the size of the file system that holds ``path``, and what is left of it."""
        return await self._run(self._client.statvfs(fspath(path)))

    @overload
    async def access(
        self, path: StrOrBytesPath, mode: None = None, *, follow_symlinks: bool = True
    ) -> int: ...
    @overload
    async def access(
        self, path: StrOrBytesPath, mode: int, *, follow_symlinks: bool = True
    ) -> bool: ...
    async def access(
        self, path: StrOrBytesPath, mode: int | None = None, *, follow_symlinks: bool = True
    ) -> int:
        """Return what the server lets the caller do at ``path``: ``ACCESS4_`` bits.

        With a ``mode``, which is ``os.F_OK`` or made of ``os.R_OK``, ``W_OK`` and ``X_OK``, return
        whether it lets the caller do that, as ``os.access`` does: what cannot be looked at is
        False. A server that is out of reach raises.
        """
        if mode is not None and mode & ~(R_OK | W_OK | X_OK):
            raise ValueError(f"invalid mode of access: {mode}")
        coroutine = self._client.access(fspath(path), follow_symlinks=follow_symlinks)
        if mode is None:
            return await self._run(coroutine)
        try:
            return grants(await self._run(coroutine), mode)
        except NfsError as error:
            if ends_everything(error):
                raise
            return False

    async def handle(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bytes:
        """Return the NFS file handle of what ``path`` leads to, by which it can be opened.

        It stays the same when the file is renamed, and means nothing once it is gone.
        """
        return await self._run(self._client.handle(fspath(path), follow_symlinks=follow_symlinks))

    async def readlink(self, path: StrOrBytesPath) -> str:
        """Return the target of the link at ``path``."""
        where = path if isinstance(path, DirEntry) else fspath(path)
        return await self._run(self._client.readlink(where))

    async def listdir(self, path: StrOrBytesPath = "") -> list[str]:
        """Return the names in a directory, in the server's order."""
        return await self._run(self._client.listdir(text_of(path)))

    def scandir(self, path: StrOrBytesPath = "") -> AsyncScan:
        """Return the entries of a directory with their attributes, in the server's order.

        The result is an asynchronous iterator, and an asynchronous context manager like that of
        ``os.scandir``. An entry of another listing names a directory however deep it is.
        """
        return AsyncScan(self._scan(path if isinstance(path, DirEntry) else text_of(path)))

    async def _scan(self, path: str | DirEntry) -> AsyncGenerator[DirEntry, None]:
        pages = self._client.pages(path)
        while True:
            page = await self._run(next_page(pages))
            if page is None:
                return
            for entry in page:
                yield entry

    async def walk(
        self, path: StrOrBytesPath = "", *, topdown: bool = True
    ) -> AsyncIterator[tuple[str, list[str], list[str]]]:
        """Yield path, names of directories and other names of each directory, as ``os.walk`` does.

        The top comes first, or last without ``topdown``, and links are not followed. A name that
        the caller removes from the list of directories is not entered, if the top comes first.
        """
        start = text_of(path)
        left: list[tuple[str, str | DirEntry | None, Descent]] = [(start, start, Descent(b""))]
        listed: list[tuple[str, list[str], list[str]]] = []  # bottom up: what is below comes first
        while left:
            top, where, descent = left.pop()
            if where is None:
                yield listed.pop()
                continue
            if isinstance(where, DirEntry):
                descent = descent.below(where.handle, where.__fspath__)
            found: dict[str, DirEntry] = {}
            others: list[str] = []
            async for entry in self._scan(where):
                if entry.is_dir():
                    found[entry.name] = entry
                else:
                    others.append(entry.name)
            directories = list(found)
            if topdown:
                yield top, directories, others
            else:
                listed.append((top, directories, others))
                left.append((top, None, descent))
            for name in reversed(directories):
                below = f"{top.rstrip('/')}/{name}" if top else name
                left.append((below, found.get(name, below), descent))

    async def glob(
        self,
        pattern: StrOrBytesPath,
        *,
        recursive: bool = False,
        include_hidden: bool = False,
    ) -> list[str]:
        """Return the paths that match a pattern, in no particular order, as ``glob.glob`` does."""
        found = self.iglob(pattern, recursive=recursive, include_hidden=include_hidden)
        return [path async for path in found]

    async def iglob(
        self,
        pattern: StrOrBytesPath,
        *,
        recursive: bool = False,
        include_hidden: bool = False,
    ) -> AsyncIterator[str]:
        """Yield the paths that match a pattern, as ``glob.iglob`` does.

        ``*``, ``?`` and ``[...]`` match within a name; ``**``, if ``recursive``, is any number of
        directories, without links to some. Names that begin with a dot match a pattern that does
        too, unless ``include_hidden``. A directory that cannot be read has no matches.
        """
        asked = Pattern(text_of(pattern), recursive=recursive, include_hidden=include_hidden)
        start = asked.start
        left: list[tuple[str, int, str | DirEntry, Descent | None]] = [(start, 0, start, None)]
        while left and asked.pieces:
            top, index, where, descent = left.pop()
            last = index + 1 == len(asked.pieces)
            if asked.is_plain(index):
                below = asked.below(top, index)
                if not last:
                    left.append((below, index + 1, below, None))
                elif await self._is_meant(asked, below):
                    yield asked.shown(below)
                continue
            entries = await self._matching(asked, index, where)
            if entries is None:
                continue
            deep = asked.is_deep(index)
            further = None
            if deep:
                further = descent or Descent(b"")
                if isinstance(where, DirEntry):
                    further = further.below(where.handle, where.__fspath__)
                if not last:
                    left.append((top, index + 1, where, None))
                elif descent is None and top:
                    yield f"{top.rstrip('/')}/"
            for entry in entries:
                below = asked.joined(top, entry.name)
                if last and (not asked.directory or await self._is_meant(asked, below, entry)):
                    yield asked.shown(below)
                if deep and entry.is_dir():
                    left.append((below, index, entry, further))
                elif not deep and not last and not entry.is_file():
                    left.append((below, index + 1, entry if entry.is_dir() else below, None))

    async def _matching(
        self, asked: Pattern, index: int, where: str | DirEntry
    ) -> list[DirEntry] | None:
        """Return the entries of a directory that match; None if it cannot be read."""
        try:
            found = [entry async for entry in self._scan(where)]
        except NfsError as error:
            if ends_everything(error):
                raise
            return None
        return [entry for entry in found if asked.matches(index, entry.name)]

    async def _is_meant(self, asked: Pattern, path: str, entry: DirEntry | None = None) -> bool:
        """Return whether what is at ``path`` is there, and a directory where that is wanted."""
        if entry is not None and not entry.is_symlink():
            return entry.is_dir()
        coroutine = self._client.stat_if_any(path, follow_symlinks=asked.directory)
        try:
            status = await self._run(coroutine)
        except NfsError as error:
            if ends_everything(error):
                raise
            return False
        return status is not None and (status.is_dir or not asked.directory)

    # --- Changing names ---

    async def mkdir(self, path: StrOrBytesPath, mode: int = 0o755) -> None:
        """Make a directory."""
        await self._run(self._client.mkdir(fspath(path), mode))

    async def makedirs(
        self, path: StrOrBytesPath, mode: int = 0o755, *, exist_ok: bool = False
    ) -> None:
        """Make a directory, and those above it that are missing."""
        await self._run(self._client.makedirs(fspath(path), mode, exist_ok=exist_ok))

    async def symlink(self, target: StrOrBytesPath, path: StrOrBytesPath) -> None:
        """Make a symbolic link at ``path`` that holds ``target``."""
        await self._run(self._client.symlink(fspath(target), fspath(path)))

    async def mkfifo(self, path: StrOrBytesPath, mode: int = 0o644) -> None:
        """Make a named pipe. What is written to it does not go to the server."""
        await self._run(self._client.mkfifo(fspath(path), mode))

    async def mknod(self, path: StrOrBytesPath, mode: int = 0o600, device: int = 0) -> None:
        """Make an empty file, pipe, socket or device, as ``os.mknod`` does.

        ``mode`` has the type (``stat.S_IFIFO`` ...; a file, by default) and the permissions, and
        ``device`` the numbers of ``os.makedev``. A name that exists is an error.
        """
        await self._run(self._client.mknod(fspath(path), mode, device))

    async def link(
        self, source: StrOrBytesPath, path: StrOrBytesPath, *, follow_symlinks: bool = False
    ) -> None:
        """Make ``path`` another name of the file ``source``; by default of a link itself."""
        coroutine = self._client.link(fspath(source), fspath(path), follow_symlinks=follow_symlinks)
        await self._run(coroutine)

    async def rename(self, source: StrOrBytesPath, path: StrOrBytesPath) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        await self._run(self._client.rename(fspath(source), fspath(path)))

    replace = rename

    async def remove(self, path: StrOrBytesPath) -> None:
        """Remove a file or a link."""
        await self._run(self._client.remove(fspath(path)))

    unlink = remove

    async def rmdir(self, path: StrOrBytesPath) -> None:
        """Remove an empty directory."""
        await self._run(self._client.rmdir(fspath(path)))

    async def rmtree(self, path: StrOrBytesPath) -> None:
        """Remove a directory and everything below it; links are removed, not followed.

        A name that cannot be removed does not keep the rest. Raises the error of that one name, or
        ``TreeError`` if there are several.
        """
        await self._run(self._client.rmtree(fspath(path)))

    # --- Attributes ---

    async def chmod(self, path: StrOrBytesPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """Set the permission bits. Those of a link itself few servers let anybody set."""
        coroutine = self._client.chmod(fspath(path), mode, follow_symlinks=follow_symlinks)
        await self._run(coroutine)

    async def chown(
        self,
        path: StrOrBytesPath,
        uid: int = -1,
        gid: int = -1,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        coroutine = self._client.chown(fspath(path), uid, gid, follow_symlinks=follow_symlinks)
        await self._run(coroutine)

    async def utime(
        self,
        path: StrOrBytesPath,
        times: tuple[Seconds, Seconds] | None = None,
        *,
        ns: tuple[Nanoseconds, Nanoseconds] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the times of access and modification: in seconds, in nanoseconds, or to now.

        A time that is None stays as it is (UTIME_OMIT), and one that is ``nfsrdma.client.NOW``
        becomes the current one (UTIME_NOW), as both do without ``times`` and ``ns``. It is the
        server's clock that says what is now.
        """
        coroutine = self._client.utime(fspath(path), times, ns=ns, follow_symlinks=follow_symlinks)
        await self._run(coroutine)

    async def touch(
        self, path: StrOrBytesPath, mode: int = 0o644, *, exist_ok: bool = True
    ) -> None:
        """Make an empty file; one that is there gets the current time if ``exist_ok``."""
        await self._run(self._client.touch(fspath(path), mode, exist_ok=exist_ok))

    async def truncate(self, path: StrOrBytesPath, size: int) -> None:
        """Make the file ``size`` octets long."""
        await self._run(self._client.truncate(fspath(path), size))

    async def getxattr(
        self, path: StrOrBytesPath, name: str | bytes, *, follow_symlinks: bool = True
    ) -> bytes:
        """Return the value of an extended attribute, as ``os.getxattr`` does."""
        coroutine = self._client.getxattr(fspath(path), name, follow_symlinks=follow_symlinks)
        return await self._run(coroutine)

    async def setxattr(
        self,
        path: StrOrBytesPath,
        name: str | bytes,
        value: Buffer,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set an extended attribute; ``flags`` are those of ``os.setxattr``.

        NFS knows the attributes whose names begin with ``user.``, and no others.
        """
        coroutine = self._client.setxattr(
            fspath(path), name, bytes(value), flags, follow_symlinks=follow_symlinks
        )
        await self._run(coroutine)

    async def listxattr(
        self, path: StrOrBytesPath = "", *, follow_symlinks: bool = True
    ) -> list[str]:
        """Return the names of all extended attributes."""
        coroutine = self._client.listxattr(fspath(path), follow_symlinks=follow_symlinks)
        return await self._run(coroutine)

    async def removexattr(
        self, path: StrOrBytesPath, name: str | bytes, *, follow_symlinks: bool = True
    ) -> None:
        """Remove an extended attribute."""
        coroutine = self._client.removexattr(fspath(path), name, follow_symlinks=follow_symlinks)
        await self._run(coroutine)

    async def acl(self, path: StrOrBytesPath = "", *, follow_symlinks: bool = True) -> list[Ace]:
        """Return the access control list; EOPNOTSUPP where the server has none."""
        coroutine = self._client.acl(fspath(path), follow_symlinks=follow_symlinks)
        return await self._run(coroutine)

    async def set_acl(
        self, path: StrOrBytesPath, acl: Iterable[Ace], *, follow_symlinks: bool = True
    ) -> None:
        """Replace the access control list, and with it the mode's nine bits.

        EOPNOTSUPP where the server has none, or cannot say what is in this one; EINVAL if it does
        not know somebody who is named.
        """
        coroutine = self._client.set_acl(fspath(path), acl, follow_symlinks=follow_symlinks)
        await self._run(coroutine)


class AsyncScan:
    """The entries of a directory, which are fetched as they are asked for."""

    def __init__(self, entries: AsyncGenerator[DirEntry, None]) -> None:
        self._entries = entries

    async def __aenter__(self) -> Self:
        """Return the iterator."""
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Fetch no more."""
        await self.close()

    def __aiter__(self) -> AsyncIterator[DirEntry]:
        """Return the entries that are left."""
        return self._entries

    async def __anext__(self) -> DirEntry:
        """Return the next entry."""
        return await anext(self._entries)

    async def close(self) -> None:
        """Fetch no more: the iteration is over. Harmless to repeat."""
        await self._entries.aclose()

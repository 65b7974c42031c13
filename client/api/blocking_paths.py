"""The blocking face of operations by path; files and trees are in ``blocking``.

Emitted from ``aio_paths.py`` by ``emit.py`` (``make emit``): change it there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from os import R_OK, W_OK, X_OK, fspath
from typing import TYPE_CHECKING, Self, overload

from ..acls import Ace
from ..attributes import Stat, StatVfs
from ..descent import Descent
from ..entries import DirEntry
from ..errors import NfsError, ends_everything
from ..globbing import Pattern
from ..times import Nanoseconds, Seconds
from .on_thread import ThreadMount
from .shared import StrOrBytesPath, grants, next_page, text_of

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Paths(ThreadMount):
    """What a mount does by path."""

    # --- Looking ---

    def stat(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> Stat:
        """Return the attributes of what ``path`` leads to."""
        return self._run(self._client.stat(fspath(path), follow_symlinks=follow_symlinks))

    def lstat(self, path: StrOrBytesPath) -> Stat:
        """Return the attributes of what is at ``path``, even if it is a link."""
        return self._run(self._client.lstat(fspath(path)))

    def exists(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bool:
        """Return whether ``path`` leads to anything."""
        return self._status(path, follow_symlinks) is not None

    def is_dir(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bool:
        """Return whether ``path`` leads to a directory."""
        status = self._status(path, follow_symlinks)
        return status is not None and status.is_dir

    def is_file(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bool:
        """Return whether ``path`` leads to a regular file."""
        status = self._status(path, follow_symlinks)
        return status is not None and status.is_file

    def is_symlink(self, path: StrOrBytesPath) -> bool:
        """Return whether a symbolic link is at ``path``."""
        status = self._status(path, False)
        return status is not None and status.is_symlink

    def _status(self, path: StrOrBytesPath, follow: bool) -> Stat | None:
        """Return the attributes of what ``path`` leads to; None if it leads nowhere."""
        coroutine = self._client.stat_if_any(fspath(path), follow_symlinks=follow)
        return self._run(coroutine)

    def statvfs(self, path: StrOrBytesPath = "") -> StatVfs:
        """Return the size of the file system that holds ``path``, and what is left of it."""
        return self._run(self._client.statvfs(fspath(path)))

    @overload
    def access(
        self, path: StrOrBytesPath, mode: None = None, *, follow_symlinks: bool = True
    ) -> int: ...
    @overload
    def access(self, path: StrOrBytesPath, mode: int, *, follow_symlinks: bool = True) -> bool: ...
    def access(
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
            return self._run(coroutine)
        try:
            return grants(self._run(coroutine), mode)
        except NfsError as error:
            if ends_everything(error):
                raise
            return False

    def handle(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> bytes:
        """Return the NFS file handle of what ``path`` leads to, by which it can be opened.

        It stays the same when the file is renamed, and means nothing once it is gone.
        """
        return self._run(self._client.handle(fspath(path), follow_symlinks=follow_symlinks))

    def readlink(self, path: StrOrBytesPath) -> str:
        """Return the target of the link at ``path``."""
        where = path if isinstance(path, DirEntry) else fspath(path)
        return self._run(self._client.readlink(where))

    def listdir(self, path: StrOrBytesPath = "") -> list[str]:
        """Return the names in a directory, in the server's order."""
        return self._run(self._client.listdir(text_of(path)))

    def scandir(self, path: StrOrBytesPath = "") -> Scan:
        """Return the entries of a directory with their attributes, in the server's order.

        The result is an iterator, and a context manager like that of
        ``os.scandir``. An entry of another listing names a directory however deep it is.
        """
        return Scan(self._scan(path if isinstance(path, DirEntry) else text_of(path)))

    def _scan(self, path: str | DirEntry) -> Generator[DirEntry, None, None]:
        pages = self._client.pages(path)
        while True:
            page = self._run(next_page(pages))
            if page is None:
                return
            yield from page

    def walk(
        self, path: StrOrBytesPath = "", *, topdown: bool = True
    ) -> Iterator[tuple[str, list[str], list[str]]]:
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
            for entry in self._scan(where):
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

    def glob(
        self,
        pattern: StrOrBytesPath,
        *,
        recursive: bool = False,
        include_hidden: bool = False,
    ) -> list[str]:
        """Return the paths that match a pattern, in no particular order, as ``glob.glob`` does."""
        found = self.iglob(pattern, recursive=recursive, include_hidden=include_hidden)
        return list(found)

    def iglob(
        self,
        pattern: StrOrBytesPath,
        *,
        recursive: bool = False,
        include_hidden: bool = False,
    ) -> Iterator[str]:
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
                elif self._is_meant(asked, below):
                    yield asked.shown(below)
                continue
            entries = self._matching(asked, index, where)
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
                if last and (not asked.directory or self._is_meant(asked, below, entry)):
                    yield asked.shown(below)
                if deep and entry.is_dir():
                    left.append((below, index, entry, further))
                elif not deep and not last and not entry.is_file():
                    left.append((below, index + 1, entry if entry.is_dir() else below, None))

    def _matching(self, asked: Pattern, index: int, where: str | DirEntry) -> list[DirEntry] | None:
        """Return the entries of a directory that match; None if it cannot be read."""
        try:
            found = list(self._scan(where))
        except NfsError as error:
            if ends_everything(error):
                raise
            return None
        return [entry for entry in found if asked.matches(index, entry.name)]

    def _is_meant(self, asked: Pattern, path: str, entry: DirEntry | None = None) -> bool:
        """Return whether what is at ``path`` is there, and a directory where that is wanted."""
        if entry is not None and not entry.is_symlink():
            return entry.is_dir()
        coroutine = self._client.stat_if_any(path, follow_symlinks=asked.directory)
        try:
            status = self._run(coroutine)
        except NfsError as error:
            if ends_everything(error):
                raise
            return False
        return status is not None and (status.is_dir or not asked.directory)

    # --- Changing names ---

    def mkdir(self, path: StrOrBytesPath, mode: int = 0o755) -> None:
        """Make a directory."""
        self._run(self._client.mkdir(fspath(path), mode))

    def makedirs(self, path: StrOrBytesPath, mode: int = 0o755, *, exist_ok: bool = False) -> None:
        """Make a directory, and those above it that are missing."""
        self._run(self._client.makedirs(fspath(path), mode, exist_ok=exist_ok))

    def symlink(self, target: StrOrBytesPath, path: StrOrBytesPath) -> None:
        """Make a symbolic link at ``path`` that holds ``target``."""
        self._run(self._client.symlink(fspath(target), fspath(path)))

    def mkfifo(self, path: StrOrBytesPath, mode: int = 0o644) -> None:
        """Make a named pipe. What is written to it does not go to the server."""
        self._run(self._client.mkfifo(fspath(path), mode))

    def mknod(self, path: StrOrBytesPath, mode: int = 0o600, device: int = 0) -> None:
        """Make an empty file, pipe, socket or device, as ``os.mknod`` does.

        ``mode`` has the type (``stat.S_IFIFO`` ...; a file, by default) and the permissions, and
        ``device`` the numbers of ``os.makedev``. A name that exists is an error.
        """
        self._run(self._client.mknod(fspath(path), mode, device))

    def link(
        self, source: StrOrBytesPath, path: StrOrBytesPath, *, follow_symlinks: bool = False
    ) -> None:
        """Make ``path`` another name of the file ``source``; by default of a link itself."""
        coroutine = self._client.link(fspath(source), fspath(path), follow_symlinks=follow_symlinks)
        self._run(coroutine)

    def rename(self, source: StrOrBytesPath, path: StrOrBytesPath) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        self._run(self._client.rename(fspath(source), fspath(path)))

    replace = rename

    def remove(self, path: StrOrBytesPath) -> None:
        """Remove a file or a link."""
        self._run(self._client.remove(fspath(path)))

    unlink = remove

    def rmdir(self, path: StrOrBytesPath) -> None:
        """Remove an empty directory."""
        self._run(self._client.rmdir(fspath(path)))

    def rmtree(self, path: StrOrBytesPath) -> None:
        """Remove a directory and everything below it; links are removed, not followed.

        A name that cannot be removed does not keep the rest. Raises the error of that one name, or
        ``TreeError`` if there are several.
        """
        self._run(self._client.rmtree(fspath(path)))

    # --- Attributes ---

    def chmod(self, path: StrOrBytesPath, mode: int, *, follow_symlinks: bool = True) -> None:
        """Set the permission bits. Those of a link itself few servers let anybody set."""
        coroutine = self._client.chmod(fspath(path), mode, follow_symlinks=follow_symlinks)
        self._run(coroutine)

    def chown(
        self,
        path: StrOrBytesPath,
        uid: int = -1,
        gid: int = -1,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        coroutine = self._client.chown(fspath(path), uid, gid, follow_symlinks=follow_symlinks)
        self._run(coroutine)

    def utime(
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
        self._run(coroutine)

    def touch(self, path: StrOrBytesPath, mode: int = 0o644, *, exist_ok: bool = True) -> None:
        """Make an empty file; one that is there gets the current time if ``exist_ok``."""
        self._run(self._client.touch(fspath(path), mode, exist_ok=exist_ok))

    def truncate(self, path: StrOrBytesPath, size: int) -> None:
        """Make the file ``size`` octets long."""
        self._run(self._client.truncate(fspath(path), size))

    def getxattr(
        self, path: StrOrBytesPath, name: str | bytes, *, follow_symlinks: bool = True
    ) -> bytes:
        """Return the value of an extended attribute, as ``os.getxattr`` does."""
        coroutine = self._client.getxattr(fspath(path), name, follow_symlinks=follow_symlinks)
        return self._run(coroutine)

    def setxattr(
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
        self._run(coroutine)

    def listxattr(self, path: StrOrBytesPath = "", *, follow_symlinks: bool = True) -> list[str]:
        """Return the names of all extended attributes."""
        coroutine = self._client.listxattr(fspath(path), follow_symlinks=follow_symlinks)
        return self._run(coroutine)

    def removexattr(
        self, path: StrOrBytesPath, name: str | bytes, *, follow_symlinks: bool = True
    ) -> None:
        """Remove an extended attribute."""
        coroutine = self._client.removexattr(fspath(path), name, follow_symlinks=follow_symlinks)
        self._run(coroutine)

    def acl(self, path: StrOrBytesPath = "", *, follow_symlinks: bool = True) -> list[Ace]:
        """Return the access control list; EOPNOTSUPP where the server has none."""
        coroutine = self._client.acl(fspath(path), follow_symlinks=follow_symlinks)
        return self._run(coroutine)

    def set_acl(
        self, path: StrOrBytesPath, acl: Iterable[Ace], *, follow_symlinks: bool = True
    ) -> None:
        """Replace the access control list, and with it the mode's nine bits.

        EOPNOTSUPP where the server has none, or cannot say what is in this one; EINVAL if it does
        not know somebody who is named.
        """
        coroutine = self._client.set_acl(fspath(path), acl, follow_symlinks=follow_symlinks)
        self._run(coroutine)


class Scan:
    """The entries of a directory, which are fetched as they are asked for."""

    def __init__(self, entries: Generator[DirEntry, None, None]) -> None:
        self._entries = entries

    def __enter__(self) -> Self:
        """Return the iterator."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Fetch no more."""
        self.close()

    def __iter__(self) -> Iterator[DirEntry]:
        """Return the entries that are left."""
        return self._entries

    def __next__(self) -> DirEntry:
        """Return the next entry."""
        return next(self._entries)

    def close(self) -> None:
        """Fetch no more: the iteration is over. Harmless to repeat."""
        self._entries.close()

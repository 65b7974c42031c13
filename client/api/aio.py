"""The asyncio face: the same names as the blocking one, as coroutines on the running loop.

The loop itself is the client's reactor, so a call costs one asyncio future, at its end. A task
that is cancelled cancels the client's call; if the server may still place data in the caller's
buffer, the cancellation waits for that.
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from operator import index
from os import PathLike
from types import TracebackType
from typing import Any, TypeVar, cast

from nfsrdma.rpcrdma.task import Cancelled, Future, Reactor, Task

from ..attributes import Stat, StatVfs
from ..contents import Contents
from ..copies import Progress, Report, Transfer, TransferOptions
from ..descent import Descent
from ..edge.connect import Connector, connect_error, make_client
from ..edge.local import local_tree
from ..entries import DirEntry
from ..errors import NfsError, make_error
from ..file import OFFSET_END, OpenFile
from ..filesystem import Buffer, FileSystem
from ..open_mode import OpenMode
from ..options import MountOptions
from ..paths import Path
from ..stats import Statistics
from ..url import Url
from .blocking import kept

T = TypeVar("T")


async def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that awaits nothing but the client's, as an asyncio task."""
    task = Task(coroutine)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        waiter = asyncio.get_running_loop().create_future()

        def wake(_: Future[T], waiter: asyncio.Future[None] = waiter) -> None:
            if not waiter.done():
                waiter.set_result(None)

        task.add_done_callback(wake)
        try:
            await waiter
        except asyncio.CancelledError as error:
            cancelled = error
            task.cancel()
    if cancelled is not None:
        # Its outcome is nobody's any more, but for our own bugs.
        failure = task.error()
        if failure is None or isinstance(failure, Cancelled | OSError):
            raise cancelled
    return task.result()


def mount(url: str, **options: Any) -> _Mounting:
    """Connect to the server of ``url``: ``await mount(...)`` or ``async with mount(...)``.

    Options are those of :class:`MountOptions`; what is not given the URL's query may say.
    Raises what the blocking ``mount()`` raises.
    """
    return _Mounting(url, MountOptions(**options))


class _Mounting:
    """A mount that is not there yet."""

    def __init__(self, url: str, options: MountOptions) -> None:
        self._url = url
        self._options = options
        self._mount: AsyncMount | None = None

    def __await__(self) -> Generator[Any, None, AsyncMount]:
        return self._begin().__await__()

    async def __aenter__(self) -> AsyncMount:
        self._mount = await self._begin()
        return self._mount

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._mount is not None
        await self._mount.__aexit__(kind, error, traceback)

    async def _begin(self) -> AsyncMount:
        reactor = cast(Reactor, asyncio.get_running_loop())
        client, connector, url = make_client(reactor, self._url, self._options)
        try:
            try:
                await run(client.mount())
            except NfsError as error:
                raise connect_error(error, url) from error
        except BaseException:
            connector.close()
            raise
        return AsyncMount(client, connector, url)


class AsyncMount:
    """An export of a server, in use. An asynchronous context manager that unmounts."""

    def __init__(self, client: FileSystem, connector: Connector, url: Url) -> None:
        self._client = client
        self._connector = connector
        self._closed = False
        self.url = url

    async def __aenter__(self) -> AsyncMount:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self.close()
        except NfsError:
            if error is None:
                raise

    def __del__(self) -> None:
        if not self._closed and not self._client.abandoned:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f"<AsyncMount of {self.url}{' (closed)' if self._closed else ''}>"

    def __reduce__(self) -> Any:
        raise TypeError("a mount of one event loop cannot be pickled: pickle its URL, str(url)")

    @property
    def client(self) -> FileSystem:
        """The coroutines below, for :meth:`run`."""
        return self._client

    @property
    def closed(self) -> bool:
        """Whether it was unmounted."""
        return self._closed

    @property
    def stats(self) -> Statistics:
        """What was called, how often, and how long it took."""
        return self._client.stats

    def connection_counters(self) -> dict[str, int]:
        """What the RDMA connections below have done, by name; empty over TCP."""
        return self._connector.counters()

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that awaits nothing but the client's to its end."""
        if self._closed:
            coroutine.close()
            raise ValueError("the mount is closed")
        return await run(coroutine)

    async def close(self) -> None:
        """Unmount: close every file, end the session, hang up. Harmless to repeat.

        Raises what closing a file raised, if data may have been lost; everything is closed then.
        """
        if self._closed:
            return
        self._closed = True
        try:
            await run(self._client.unmount())
        finally:
            self._connector.close()

    async def ping(self) -> float:
        """Seconds that a NULL call takes."""
        return await self.run(self._client.ping())

    # -- looking -----------------------------------------------------------------------------

    async def stat(self, path: Path, *, follow_symlinks: bool = True) -> Stat:
        """The attributes of what ``path`` leads to."""
        return await self.run(self._client.stat(path, follow_symlinks=follow_symlinks))

    async def lstat(self, path: Path) -> Stat:
        """The attributes of what is at ``path``, even if it is a link."""
        return await self.run(self._client.lstat(path))

    async def exists(self, path: Path) -> bool:
        """Whether ``path`` leads to anything."""
        return await self.run(self._client.exists(path))

    async def statvfs(self, path: Path = "") -> StatVfs:
        """The size of the file system that has ``path``, and what is left of it."""
        return await self.run(self._client.statvfs(path))

    async def access(self, path: Path) -> int:
        """What the caller may do there, by the server's judgement: ``ACCESS4_`` bits."""
        return await self.run(self._client.access(path))

    async def readlink(self, path: Path | DirEntry) -> str:
        """The target of the link at ``path``."""
        return await self.run(self._client.readlink(path))

    async def listdir(self, path: Path = "") -> list[str]:
        """The names in a directory, in the server's order."""
        return await self.run(self._client.listdir(path))

    async def scandir(self, path: Path | DirEntry = "") -> AsyncIterator[DirEntry]:
        """The entries of a directory with their attributes, in the server's order.

        An entry of another listing is a directory however deep it is.
        """
        pages = self._client.pages(path)
        while True:
            page = await self.run(_next(pages))
            if page is None:
                return
            for entry in page:
                yield entry

    async def walk(self, path: str = "") -> AsyncIterator[tuple[str, list[str], list[str]]]:
        """Like ``os.walk`` from the top: path, names of directories, other names.

        Links are not followed. Names removed from the directories' list are not entered.
        """
        left: list[tuple[str, str | DirEntry, Descent]] = [(path, path, Descent(b""))]
        while left:
            top, where, descent = left.pop()
            if isinstance(where, DirEntry):
                descent = descent.below(where.handle, where.__fspath__)
            found: dict[str, DirEntry] = {}
            others: list[str] = []
            async for entry in self.scandir(where):
                if entry.is_dir():
                    found[entry.name] = entry
                else:
                    others.append(entry.name)
            directories = list(found)
            yield top, directories, others
            for name in reversed(directories):
                below = f"{top.rstrip('/')}/{name}" if top else name
                left.append((below, found.get(name, below), descent))

    # -- changing names ----------------------------------------------------------------------

    async def mkdir(self, path: Path, mode: int = 0o755) -> None:
        """Make a directory."""
        await self.run(self._client.mkdir(path, mode))

    async def makedirs(self, path: Path, mode: int = 0o755, *, exist_ok: bool = False) -> None:
        """Make a directory, and those above it that are missing."""
        await self.run(self._client.makedirs(path, mode, exist_ok=exist_ok))

    async def symlink(self, target: Path, path: Path) -> None:
        """Make a symbolic link at ``path`` that holds ``target``."""
        await self.run(self._client.symlink(target, path))

    async def link(self, source: Path, path: Path) -> None:
        """Make ``path`` another name of the file ``source``; a link itself is not followed."""
        await self.run(self._client.link(source, path))

    async def rename(self, source: Path, path: Path) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        await self.run(self._client.rename(source, path))

    async def remove(self, path: Path) -> None:
        """Remove a file or a link."""
        await self.run(self._client.remove(path))

    unlink = remove

    async def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        await self.run(self._client.rmdir(path))

    async def rmtree(self, path: Path) -> None:
        """Remove a directory and everything below it; links are removed, not followed."""
        await self.run(self._client.rmtree(path))

    # -- attributes --------------------------------------------------------------------------

    async def chmod(self, path: Path, mode: int) -> None:
        """Set the permission bits."""
        await self.run(self._client.chmod(path, mode))

    async def chown(self, path: Path, uid: int = -1, gid: int = -1) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        await self.run(self._client.chown(path, uid, gid))

    async def utime(
        self,
        path: Path,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
    ) -> None:
        """Set the times of access and modification, to the server's present without arguments."""
        await self.run(self._client.utime(path, times, ns=ns))

    async def truncate(self, path: Path, size: int) -> None:
        """Make the file ``size`` octets long."""
        await self.run(self._client.truncate(path, size))

    # -- files -------------------------------------------------------------------------------

    async def open(self, path: Path, mode: str = "rb", *, permissions: int = 0o644) -> AsyncFile:
        """Open a file: unbuffered, of octets. ``permissions`` are those of a new file."""
        file = await self.run(self._client.open(path, mode, permissions=permissions))
        return AsyncFile(file, OpenMode(mode), mode)

    async def read_bytes(self, path: Path) -> bytes:
        """The contents of a file; of a small one in a single call, without opening it."""
        return await self.run(self._client.read_bytes(path))

    async def write_bytes(self, path: Path, data: Buffer, *, permissions: int = 0o644) -> int:
        """Make ``data`` the contents of a file, on stable storage when this returns."""
        return await self.run(self._client.write_bytes(path, kept(data), permissions=permissions))

    # -- trees -------------------------------------------------------------------------------

    async def get(
        self,
        source: str,
        local: str | bytes | PathLike[str],
        *,
        recursive: bool = False,
        resume: bool = False,
        progress: Report | None = None,
        on_failure: Callable[[OSError], object] | None = None,
    ) -> Progress:
        """Copy a file or, with ``recursive``, a tree from the server to the path ``local``.

        Modes, times, links and holes are preserved; each file is complete or not there, and what
        has its name is replaced as by a rename. ``resume`` leaves alone what has the size and
        time of its source. ``progress`` is called after each step, ``on_failure`` for each file
        of a tree that cannot be copied, which does not keep the rest; then ``TreeError`` is
        raised in the end. They must not use the mount.
        """
        options = TransferOptions(recursive, resume, on_failure=on_failure)
        transfer = Transfer(self._client, local_tree(local), options, progress)
        return await self.run(transfer.get(source))

    async def put(
        self,
        local: str | bytes | PathLike[str],
        path: str,
        *,
        recursive: bool = False,
        resume: bool = False,
        progress: Report | None = None,
        on_failure: Callable[[OSError], object] | None = None,
    ) -> Progress:
        """Copy a local file or, with ``recursive``, a tree to ``path`` on the server.

        As :meth:`get` in everything else.
        """
        options = TransferOptions(recursive, resume, on_failure=on_failure)
        transfer = Transfer(self._client, local_tree(local), options, progress)
        return await self.run(transfer.put(path))


async def _next(pages: Any) -> list[DirEntry] | None:
    return await anext(pages, None)


class AsyncFile:
    """An open file, with the methods of ``NfsFile`` as coroutines.

    Any number of reads and writes at given offsets may be under way at a time; those that move
    the position are the caller's to put in order.
    """

    def __init__(self, file: OpenFile, letters: OpenMode, mode: str) -> None:
        self._file = file
        self._letters = letters
        self._position = 0
        self.name = file.path
        self.mode = mode

    async def __aenter__(self) -> AsyncFile:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncFile {self.name!r} mode={self.mode!r}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        if self._file.left_open:
            warnings.warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)

    def __reduce__(self) -> Any:
        raise TypeError("an open file cannot be pickled: pickle its path, and open it again there")

    @property
    def closed(self) -> bool:
        return self._file.closed

    # -- at given offsets --------------------------------------------------------------------

    async def read_at(self, offset: int, buffer: bytearray | memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on; fewer octets than it has only at the end of file.

        Returns how many. The position does not move.
        """
        return await run(self._file.read_at(_checked(offset), memoryview(buffer).cast("B")))

    async def write_at(self, offset: int, data: Buffer) -> int:
        """Write all of ``data`` at ``offset``. The position does not move."""
        return await run(self._file.write_at(_checked(offset), kept(data)))

    async def stat(self) -> Stat:
        """The attributes."""
        return await run(self._file.stat())

    async def fsync(self) -> None:
        """Have everything that was written on stable storage when this returns (COMMIT)."""
        await run(self._file.commit())

    # -- with a position ---------------------------------------------------------------------

    def readable(self) -> bool:
        return self._letters.readable

    def writable(self) -> bool:
        return self._letters.writable

    def seekable(self) -> bool:
        return True

    async def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill ``buffer``; fewer octets than it has only at the end of file."""
        count = await self.read_at(self._position, buffer)
        self._position += count
        return count

    async def read(self, size: int = -1) -> bytes:
        """``size`` octets, or all that is left; fewer only at the end of file."""
        if size < 0:
            return await self.readall()
        buffer = bytearray(size)
        count = await self.readinto(buffer)
        return bytes(memoryview(buffer)[:count])

    async def readall(self) -> bytes:
        """All that is left."""
        contents = Contents(max(0, (await self.stat()).st_size - self._position))
        while contents.filled(await self.readinto(contents.rest())):
            pass
        return contents.take()

    async def write(self, data: Buffer) -> int:
        """Write all of ``data``, at the end of the file if that is open for appending."""
        if self._letters.append:
            self._position = (await self.stat()).st_size
        count = await self.write_at(self._position, data)
        self._position += count
        return count

    async def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, and return it."""
        offset = index(offset)
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += (await self.stat()).st_size
        elif whence in (os.SEEK_DATA, os.SEEK_HOLE):
            offset = await self._find(_checked(offset), whence)
        elif whence != io.SEEK_SET:
            raise ValueError(f"invalid whence: {whence}")
        self._position = _checked(offset)
        return offset

    async def _find(self, offset: int, whence: int) -> int:
        """As lseek(2) has it: ENXIO at the end of file, and for data that does not come."""
        find = self._file.find_data if whence == os.SEEK_DATA else self._file.find_hole
        found = await run(find(offset))
        if found is None:
            raise make_error(errno.ENXIO, "no more of the file from there on", self.name)
        return found

    def tell(self) -> int:
        """The position."""
        return self._position

    async def truncate(self, size: int | None = None) -> int:
        """Make the file ``size`` octets long, as long as the position says by default."""
        size = self._position if size is None else index(size)
        await run(self._file.truncate(size))
        return size

    async def flush(self) -> None:
        """Nothing is buffered here; for data on stable storage there is :meth:`fsync`."""

    async def close(self) -> None:
        """Commit what was written, and close. Harmless to repeat."""
        await run(self._file.close())


def _checked(offset: int) -> int:
    offset = index(offset)
    if offset < 0:
        raise ValueError(f"negative offset: {offset}")
    if offset >= OFFSET_END:
        raise OverflowError(f"{offset} is further than a file can reach")
    return offset

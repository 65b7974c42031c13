"""The blocking face: ``mount()``, and files that are Python files.

Every method is the coroutine of the same name of :class:`~..filesystem.FileSystem`, turned on the
caller's thread. Any number of threads may use one mount.
"""

from __future__ import annotations

import errno
import io
import os
import warnings
from collections.abc import Callable, Coroutine, Iterator
from operator import index
from os import PathLike
from types import TracebackType
from typing import Any, TypeVar

from ..attributes import Stat, StatVfs
from ..contents import Contents
from ..copies import Progress, Report, Transfer, TransferOptions
from ..descent import Descent
from ..edge.connect import Connector, connect_error, make_client
from ..edge.driver import Driver
from ..edge.interrupts import Interruptible, on_interrupt
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

T = TypeVar("T")


def mount(url: str, **options: Any) -> Mount:
    """Connect to the server of ``url`` and make its export usable.

    Options are those of :class:`MountOptions`; what is not given the URL's query may say.
    Raises ``UrlError`` or ``ValueError`` for what cannot be asked, and :class:`NfsError`, which
    is an ``OSError``, for what the server or the network refuses.
    """
    driver = Driver()
    connector: Connector | None = None
    try:
        client, connector, parsed = make_client(driver.reactor, url, MountOptions(**options))
        try:
            driver.run(client.mount())
        except NfsError as error:
            raise connect_error(error, parsed) from error
    except BaseException:
        if connector is not None:
            connector.close()
        driver.close()
        raise
    driver.start_keeper()
    # A copy of a mount elsewhere would write over the capture of this one.
    options.pop("pcap", None)
    return Mount(driver, client, connector, parsed, (url, options))


def _mount_again(url: str, options: dict[str, Any]) -> Mount:
    return mount(url, **options)


class Mount:
    """An export of a server, in use. A context manager that unmounts.

    What is pickled is where it leads and how it was asked for: to unpickle it mounts again there,
    by the user of that process unless the options name one.
    """

    def __init__(
        self,
        driver: Driver,
        client: FileSystem,
        connector: Connector,
        url: Url,
        made_by: tuple[str, dict[str, Any]],
    ) -> None:
        self._made_by = made_by
        self._driver = driver
        self._run = driver.run
        self._client = client
        self._connector = connector
        self._closed = False
        self._long: dict[Interruptible[Any], None] = {}  # copies under way
        self.url = url

    def __enter__(self) -> Mount:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except NfsError:
            if error is None:
                raise

    def __del__(self) -> None:
        # Whatever thread we are on may be in the middle of a call: only ask for it.
        if not self._closed and not self._driver.forked:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._driver.finish(self._client.unmount, self._connector.close)

    def __repr__(self) -> str:
        return f"<Mount of {self.url}{' (closed)' if self._closed else ''}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._closed:
            raise ValueError("a mount that is closed cannot be pickled")
        return _mount_again, self._made_by

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

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that awaits nothing but the client's to its end."""
        return self._run(coroutine)

    def close(self) -> None:
        """Unmount: close every file, end the session, hang up. Harmless to repeat.

        Raises what closing a file raised, if data may have been lost; everything is closed then.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._client.unmount())
        finally:
            self._connector.close()
            self._driver.close()

    def ping(self) -> float:
        """Seconds that a NULL call takes."""
        return self._run(self._client.ping())

    # -- looking -----------------------------------------------------------------------------

    def stat(self, path: Path, *, follow_symlinks: bool = True) -> Stat:
        """The attributes of what ``path`` leads to."""
        return self._run(self._client.stat(path, follow_symlinks=follow_symlinks))

    def lstat(self, path: Path) -> Stat:
        """The attributes of what is at ``path``, even if it is a link."""
        return self._run(self._client.lstat(path))

    def exists(self, path: Path) -> bool:
        """Whether ``path`` leads to anything."""
        return self._run(self._client.exists(path))

    def statvfs(self, path: Path = "") -> StatVfs:
        """The size of the file system that has ``path``, and what is left of it."""
        return self._run(self._client.statvfs(path))

    def access(self, path: Path) -> int:
        """What the caller may do there, by the server's judgement: ``ACCESS4_`` bits."""
        return self._run(self._client.access(path))

    def readlink(self, path: Path | DirEntry) -> str:
        """The target of the link at ``path``."""
        return self._run(self._client.readlink(path))

    def listdir(self, path: Path = "") -> list[str]:
        """The names in a directory, in the server's order."""
        return self._run(self._client.listdir(path))

    def scandir(self, path: Path | DirEntry = "") -> Iterator[DirEntry]:
        """The entries of a directory with their attributes, in the server's order.

        An entry of another listing is a directory however deep it is.
        """
        pages = self._client.pages(path)
        while True:
            page = self._run(_next(pages))
            if page is None:
                return
            yield from page

    def walk(self, path: str = "") -> Iterator[tuple[str, list[str], list[str]]]:
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
            for entry in self.scandir(where):
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

    def mkdir(self, path: Path, mode: int = 0o755) -> None:
        """Make a directory."""
        self._run(self._client.mkdir(path, mode))

    def makedirs(self, path: Path, mode: int = 0o755, *, exist_ok: bool = False) -> None:
        """Make a directory, and those above it that are missing."""
        self._run(self._client.makedirs(path, mode, exist_ok=exist_ok))

    def symlink(self, target: Path, path: Path) -> None:
        """Make a symbolic link at ``path`` that holds ``target``."""
        self._run(self._client.symlink(target, path))

    def link(self, source: Path, path: Path) -> None:
        """Make ``path`` another name of the file ``source``; a link itself is not followed."""
        self._run(self._client.link(source, path))

    def rename(self, source: Path, path: Path) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        self._run(self._client.rename(source, path))

    def remove(self, path: Path) -> None:
        """Remove a file or a link."""
        self._run(self._client.remove(path))

    unlink = remove

    def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        self._run(self._client.rmdir(path))

    def rmtree(self, path: Path) -> None:
        """Remove a directory and everything below it; links are removed, not followed."""
        self._run(self._client.rmtree(path))

    # -- attributes --------------------------------------------------------------------------

    def chmod(self, path: Path, mode: int) -> None:
        """Set the permission bits."""
        self._run(self._client.chmod(path, mode))

    def chown(self, path: Path, uid: int = -1, gid: int = -1) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        self._run(self._client.chown(path, uid, gid))

    def utime(
        self,
        path: Path,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
    ) -> None:
        """Set the times of access and modification, to the server's present without arguments."""
        self._run(self._client.utime(path, times, ns=ns))

    def truncate(self, path: Path, size: int) -> None:
        """Make the file ``size`` octets long."""
        self._run(self._client.truncate(path, size))

    # -- files -------------------------------------------------------------------------------

    def open(self, path: Path, mode: str = "rb", *, permissions: int = 0o644) -> NfsFile:
        """Open a file: raw, unbuffered, of octets. ``permissions`` are those of a new file.

        For small pieces wrap it in ``io.BufferedReader`` or ``io.BufferedWriter``, for text in
        ``io.TextIOWrapper`` around one of those.
        """
        file = self._run(self._client.open(path, mode, permissions=permissions))
        return NfsFile(self, self._driver, file, OpenMode(mode), mode)

    def read_bytes(self, path: Path) -> bytes:
        """The contents of a file; of a small one in a single call, without opening it."""
        return self._run(self._client.read_bytes(path))

    def write_bytes(self, path: Path, data: Buffer, *, permissions: int = 0o644) -> int:
        """Make ``data`` the contents of a file, on stable storage when this returns."""
        return self._run(self._client.write_bytes(path, data, permissions=permissions))

    # -- trees -------------------------------------------------------------------------------

    def get(
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
        return self._run_long(transfer.get(source))

    def put(
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
        return self._run_long(transfer.put(path))

    def interrupt(self, error: BaseException) -> None:
        """End the copies that are under way: they clean up, then ``error`` is raised from them.

        Meant for signal handlers. SIGINT does it by itself where Python's own handler is in
        place. If there is no copy, ``error`` is raised at once.
        """
        if not self._long:
            raise error
        for job in list(self._long):
            job.interrupt(error)

    def _run_long(self, coroutine: Coroutine[Any, Any, T]) -> T:
        job = Interruptible(coroutine, self._driver.reactor.call_soon_threadsafe)
        self._long[job] = None
        try:
            with on_interrupt(job.interrupt):
                return self._run(job.run())
        finally:
            del self._long[job]
            if job.error is not None:
                raise job.error


async def _next(pages: Any) -> list[DirEntry] | None:
    return await anext(pages, None)


class NfsFile(io.RawIOBase):
    """An open file. Everything of ``io.RawIOBase``, and reads and writes at given offsets.

    A read fills the buffer unless the file ends; a write writes everything. What was written is
    at the server when ``write`` returns and stable after :meth:`fsync` or :meth:`close`.
    """

    def __init__(
        self, mount: Mount, driver: Driver, file: OpenFile, letters: OpenMode, mode: str
    ) -> None:
        super().__init__()
        self._mount = mount  # which must not go before its files
        self._driver = driver
        self._run = driver.run
        self._file = file
        self._letters = letters
        self._position = 0
        self.name = file.path
        self.mode = mode

    def __repr__(self) -> str:
        return f"<NfsFile {self.name!r} mode={self.mode!r}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        # Whatever thread we are on may be in the middle of a call: only ask for it.
        if not self.closed and self._file.left_open:
            warnings.warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._driver.start(self._file.close)

    def __reduce__(self) -> Any:
        raise TypeError(
            "an open file cannot be pickled: pickle its mount, and open the file again there"
        )

    # -- at given offsets --------------------------------------------------------------------

    def read_at(self, offset: int, buffer: bytearray | memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on; fewer octets than it has only at the end of file.

        Returns how many. The position does not move.
        """
        return self._run(self._file.read_at(_checked(offset), memoryview(buffer).cast("B")))

    def write_at(self, offset: int, data: Buffer) -> int:
        """Write all of ``data`` at ``offset``. The position does not move."""
        return self._run(self._file.write_at(_checked(offset), kept(data)))

    def stat(self) -> Stat:
        """The attributes."""
        return self._run(self._file.stat())

    def fsync(self) -> None:
        """Have everything that was written on stable storage when this returns (COMMIT)."""
        self._check_open()
        self._run(self._file.commit())

    # -- io.RawIOBase ------------------------------------------------------------------------

    def readable(self) -> bool:
        self._check_open()
        return self._letters.readable

    def writable(self) -> bool:
        self._check_open()
        return self._letters.writable

    def seekable(self) -> bool:
        self._check_open()
        return True

    def readinto(self, buffer: Any) -> int:
        self._check_open()
        if not self._letters.readable:
            raise io.UnsupportedOperation("not readable")
        view = memoryview(buffer).cast("B")
        count = self._run(self._file.read_at(self._position, view))
        self._position += count
        return count

    def readall(self) -> bytes:
        self._check_open()
        if not self._letters.readable:
            raise io.UnsupportedOperation("not readable")
        contents = Contents(max(0, self.stat().st_size - self._position))
        while contents.filled(self.readinto(contents.rest())):
            pass
        return contents.take()

    def write(self, data: Any) -> int:
        self._check_open()
        if not self._letters.writable:
            raise io.UnsupportedOperation("not writable")
        view = kept(data)
        if self._letters.append:
            self._position = self.stat().st_size
        count = self._run(self._file.write_at(self._position, view))
        self._position += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check_open()
        offset = index(offset)
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self.stat().st_size
        elif whence in (os.SEEK_DATA, os.SEEK_HOLE):
            offset = self._find(_checked(offset), whence)
        elif whence != io.SEEK_SET:
            raise ValueError(f"invalid whence: {whence}")
        self._position = _checked(offset)
        return offset

    def _find(self, offset: int, whence: int) -> int:
        """As lseek(2) has it: ENXIO at the end of file, and for data that does not come."""
        find = self._file.find_data if whence == os.SEEK_DATA else self._file.find_hole
        found = self._run(find(offset))
        if found is None:
            raise make_error(errno.ENXIO, "no more of the file from there on", self.name)
        return found

    def tell(self) -> int:
        self._check_open()
        return self._position

    def truncate(self, size: int | None = None) -> int:
        self._check_open()
        if not self._letters.writable:
            raise io.UnsupportedOperation("not writable")
        size = self._position if size is None else index(size)
        self._run(self._file.truncate(size))
        return size

    def close(self) -> None:
        """Commit what was written, and close. Harmless to repeat."""
        if not self.closed:
            super().close()
            if self._file.left_open:
                self._run(self._file.close())

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


def kept(data: Buffer) -> memoryview:
    """A view of ``data`` that will not change: of itself, or of a copy."""
    if type(data) is bytes:
        return memoryview(data)
    return memoryview(bytes(memoryview(data)))  # of a number bytes() would make so many zeros


def _checked(offset: int) -> int:
    offset = index(offset)
    if offset < 0:
        raise ValueError(f"negative offset: {offset}")
    if offset >= OFFSET_END:
        raise OverflowError(f"{offset} is further than a file can reach")
    return offset

"""The blocking face: ``mount()``, mounts, and open files that are Python files.

Emitted from ``aio.py`` by ``emit.py`` (``make emit``): change it there. An operation is the
coroutine of the same name of :class:`~..filesystem.FileSystem`, run on the caller's thread. Any
number of threads may use one mount.
"""

from __future__ import annotations

import errno
import io
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator
from operator import index
from os import SEEK_DATA, SEEK_HOLE, PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar

from ..attributes import Stat, StatVfs
from ..contents import Contents
from ..copies import Progress, Report, Transfer, TransferOptions
from ..descent import Descent
from ..edge.local import local_tree
from ..entries import DirEntry
from ..errors import NfsError, make_error
from ..file import OpenFile
from ..filesystem import FileSystem
from ..open_mode import OpenMode
from ..options import MountOptions
from ..stats import Statistics
from .on_thread import ThreadMount, begin, lent
from .shared import StrOrBytesPath, checked_offset, next_page, text_of, unchanging

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")


def mount(
    url: str,
    *,
    timeout: float | None = None,
    uid: int | None = None,
    gid: int | None = None,
    groups: tuple[int, ...] | None = None,
    minor_version: int | None = None,
    provider: str | None = None,
    device: str | None = None,
    pcap: str | PathLike[str] | None = None,
    rsize: int | None = None,
    wsize: int | None = None,
) -> Mount:
    """Connect to the server of ``url`` and make its export usable.

    ``url`` is ``nfs+rdma://host[:20049]/path`` or ``nfs+tcp://host[:2049]/path``. Use the result as
    ``with mount(url) as fs:``, or as ``fs = mount(url)`` and close it. Where an option
    is None, the URL's query decides (``?timeout=30``), and after that the default:

    - ``timeout``: seconds that the server may be silent or out of reach before calls fail; 5.
    - ``uid``, ``gid``, ``groups``: who calls (AUTH_SYS); the user of the process, with its groups.
    - ``minor_version``: 2 or 1 of NFSv4; 2, and 1 with a server that does not speak 2.
    - ``provider``: the RDMA provider; shared memory (``"shm"``) with a server on this host that is
      ready for it, else ``"soft"``.
    - ``device``: the device of the ``"verbs"`` provider, by name; its first.
    - ``pcap``: a pcapng file that gets every packet (``"soft"`` provider); none.
    - ``rsize``, ``wsize``: octets that one READ or WRITE carries at most; 1 MiB, or what the
      server allows.

    Raises :class:`UrlError` or ``ValueError`` if the request makes no sense, and
    :class:`NfsError`, which is an ``OSError``, if the server or the network refuses it.
    """
    options = MountOptions(
        timeout=timeout,
        uid=uid,
        gid=gid,
        groups=groups,
        minor_version=minor_version,
        provider=provider,
        device=device,
        pcap=pcap,
        rsize=rsize,
        wsize=wsize,
    )
    return begin(Mount, url, options)


class Mount(ThreadMount):
    """An export of a server, in use: a context manager that unmounts.

    A path is text, octets or a path object, and begins at the root of the mount, which is ``""``.
    Every failure is an ``OSError`` of the class that a local file system would have raised.

    Any number of threads may use a mount. It is pickled as its URL and its options: to
    unpickle it mounts again, as the user of that process unless the options name one.
    """

    def __enter__(self) -> Self:
        """Return the mount."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unmount. What closing the files raises does not replace an error of the block."""
        try:
            self.close()
        except NfsError:
            if error is None:
                raise

    def __del__(self) -> None:
        # This may be any thread, in the middle of a call: only ask for it.
        if not self._closed and not self._client.abandoned:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._runner.finish(self._client.unmount, self._connector.close)

    def __repr__(self) -> str:
        return f"<Mount of {self.url}{' (closed)' if self._closed else ''}>"

    @property
    def client(self) -> FileSystem:
        """The coroutines below, for :meth:`run`."""
        return self._client

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    @property
    def stats(self) -> Statistics:
        """The calls made so far: how many of each operation, and how long they took."""
        return self._client.stats

    def connection_counters(self) -> dict[str, int]:
        """Return what the RDMA connections have done so far, by name; empty over TCP."""
        return self._connector.counters()

    def run(self, coroutine: Coroutine[object, None, T]) -> T:
        """Run a coroutine that awaits nothing but the client's, and return its result."""
        return self._run(coroutine)

    def close(self) -> None:
        """Unmount: close every file, end the session, disconnect. Harmless to repeat.

        Raises what closing a file raised if data may have been lost; everything is closed then.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._run(self._client.unmount())
        finally:
            self._connector.close()
            self._runner.close()

    def ping(self) -> float:
        """Return the seconds that a NULL call takes: the network and both transports alone."""
        return self._run(self._client.ping())

    # --- Looking ---

    def stat(self, path: StrOrBytesPath, *, follow_symlinks: bool = True) -> Stat:
        """Return the attributes of what ``path`` leads to."""
        return self._run(self._client.stat(fspath(path), follow_symlinks=follow_symlinks))

    def lstat(self, path: StrOrBytesPath) -> Stat:
        """Return the attributes of what is at ``path``, even if it is a link."""
        return self._run(self._client.lstat(fspath(path)))

    def exists(self, path: StrOrBytesPath) -> bool:
        """Return whether ``path`` leads to anything."""
        return self._run(self._client.exists(fspath(path)))

    def statvfs(self, path: StrOrBytesPath = "") -> StatVfs:
        """Return the size of the file system that holds ``path``, and what is left of it."""
        return self._run(self._client.statvfs(fspath(path)))

    def access(self, path: StrOrBytesPath) -> int:
        """Return what the server lets the caller do at ``path``: ``ACCESS4_`` bits."""
        return self._run(self._client.access(fspath(path)))

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

    def walk(self, path: StrOrBytesPath = "") -> Iterator[tuple[str, list[str], list[str]]]:
        """Yield path, names of directories and other names of each directory, as ``os.walk`` does.

        The top comes first, and links are not followed. A name that the caller removes from the
        list of directories is not entered.
        """
        start = text_of(path)
        left: list[tuple[str, str | DirEntry, Descent]] = [(start, start, Descent(b""))]
        while left:
            top, where, descent = left.pop()
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
            yield top, directories, others
            for name in reversed(directories):
                below = f"{top.rstrip('/')}/{name}" if top else name
                left.append((below, found.get(name, below), descent))

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

    def link(self, source: StrOrBytesPath, path: StrOrBytesPath) -> None:
        """Make ``path`` another name of the file ``source``; a link itself is not followed."""
        self._run(self._client.link(fspath(source), fspath(path)))

    def rename(self, source: StrOrBytesPath, path: StrOrBytesPath) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        self._run(self._client.rename(fspath(source), fspath(path)))

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

    def chmod(self, path: StrOrBytesPath, mode: int) -> None:
        """Set the permission bits."""
        self._run(self._client.chmod(fspath(path), mode))

    def chown(self, path: StrOrBytesPath, uid: int = -1, gid: int = -1) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        self._run(self._client.chown(fspath(path), uid, gid))

    def utime(
        self,
        path: StrOrBytesPath,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
    ) -> None:
        """Set the times of access and modification: in seconds, in nanoseconds, or to now.

        Without ``times`` and ``ns`` it is the server's clock that says what is now.
        """
        self._run(self._client.utime(fspath(path), times, ns=ns))

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

    # --- Files ---

    def open(self, path: StrOrBytesPath, mode: str = "rb", *, permissions: int = 0o644) -> NfsFile:
        """Open a file: unbuffered, of octets. ``permissions`` are those of a file that this makes.

        ``mode`` is of the letters of Python's ``open()``; ``b`` may be left out, as there is no
        text.
        """
        file = self._run(self._client.open(fspath(path), mode, permissions=permissions))
        return NfsFile(self, file, OpenMode(mode), mode)

    def read_bytes(self, path: StrOrBytesPath) -> bytes:
        """Return the contents of a file; a small one takes a single call."""
        return self._run(self._client.read_bytes(fspath(path)))

    def write_bytes(self, path: StrOrBytesPath, data: Buffer, *, permissions: int = 0o644) -> int:
        """Make ``data`` the contents of a file, on stable storage when this returns.

        A small file takes a single call. Returns the number of octets.
        """
        return self._run(
            self._client.write_bytes(fspath(path), lent(data), permissions=permissions)
        )

    # --- Trees ---

    def get(
        self,
        source: StrOrBytesPath,
        local: StrOrBytesPath,
        *,
        recursive: bool = False,
        resume: bool = False,
        progress: Report | None = None,
        on_failure: Callable[[OSError], object] | None = None,
    ) -> Progress:
        """Copy a file or, with ``recursive``, a tree from the server to the path ``local``.

        Modes, times, links and holes are preserved. Each file is complete or not there, and
        replaces what has its name as a rename does. ``resume`` leaves alone what has the size and
        the time of its source. ``progress`` is called after each step, and ``on_failure`` for each
        file of a tree that cannot be copied, which does not keep the rest; ``TreeError`` is raised
        at the end then. Neither of them may use the mount.
        """
        options = TransferOptions(recursive, resume, on_failure=on_failure)
        transfer = Transfer(self._client, local_tree(local), options, progress)
        return self._run_long(transfer.get(text_of(source)))

    def put(
        self,
        local: StrOrBytesPath,
        path: StrOrBytesPath,
        *,
        recursive: bool = False,
        resume: bool = False,
        progress: Report | None = None,
        on_failure: Callable[[OSError], object] | None = None,
    ) -> Progress:
        """Copy a local file or, with ``recursive``, a tree to ``path`` on the server.

        The options are those of :meth:`get`.
        """
        options = TransferOptions(recursive, resume, on_failure=on_failure)
        transfer = Transfer(self._client, local_tree(local), options, progress)
        return self._run_long(transfer.put(text_of(path)))


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


class NfsFile(io.RawIOBase):
    """An open file: the methods of ``io.RawIOBase``, and reads and writes at given offsets.

    A read fills the buffer unless the file ends; a write writes everything. What was written is
    at the server when ``write`` returns, and stable after :meth:`fsync` or :meth:`close`.

    For small pieces wrap it in ``io.BufferedReader`` or ``io.BufferedWriter``, and one of those
    in ``io.TextIOWrapper`` for text.
    """

    def __init__(self, mount: Mount, file: OpenFile, letters: OpenMode, mode: str) -> None:
        super().__init__()
        self._mount = mount  # which must not go before its files
        self._runner = mount._runner
        self._run = mount._run
        self._file = file
        self._letters = letters
        self._position = 0
        self._closed = False
        self.name = file.path
        """The path that the file was opened by."""
        self.mode = mode
        """The mode that the file was opened in."""

    def __enter__(self) -> Self:
        """Return the file."""
        self._check_open()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        return f"<NfsFile {self.name!r} mode={self.mode!r}{' closed' if self.closed else ''}>"

    def __del__(self) -> None:
        # This may be any thread, in the middle of a call: only ask for it.
        if not self._closed and self._file.left_open:
            warnings.warn(f"unclosed file {self!r}", ResourceWarning, stacklevel=2, source=self)
            self._runner.start(self._file.close)

    def __reduce__(self) -> NoReturn:
        raise TypeError("an open file cannot be pickled: pickle its path, and open the file again")

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closed

    # --- At given offsets ---

    def read_at(self, offset: int, buffer: Buffer) -> int:
        """Fill ``buffer`` from ``offset`` on, and return how many octets there were.

        They are fewer than the buffer has only at the end of the file. The position does not move.
        """
        view = memoryview(buffer).cast("B")
        return self._run(self._file.read_at(checked_offset(offset), view))

    def write_at(self, offset: int, data: Buffer) -> int:
        """Write all of ``data`` at ``offset``, and return its length.

        The position does not move.
        """
        return self._run(self._file.write_at(checked_offset(offset), unchanging(data)))

    def stat(self) -> Stat:
        """Return the attributes."""
        return self._run(self._file.stat())

    def fsync(self) -> None:
        """Have everything that was written on stable storage when this returns (COMMIT)."""
        self._check_open()
        self._run(self._file.commit())

    # --- With a position ---

    def readable(self) -> bool:
        """Return whether the file is open for reading."""
        self._check_open()
        return self._letters.readable

    def writable(self) -> bool:
        """Return whether the file is open for writing."""
        self._check_open()
        return self._letters.writable

    def seekable(self) -> bool:
        """Return True: every file here has a position."""
        self._check_open()
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill ``buffer``, and return how many octets there were: fewer only at the end of file."""
        self._check_readable()
        view = memoryview(buffer).cast("B")
        count = self._run(self._file.read_at(self._position, view))
        self._position += count
        return count

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` octets, or all that is left; fewer only at the end of the file."""
        if size < 0:
            return self.readall()
        buffer = bytearray(size)
        count = self.readinto(buffer)
        return bytes(memoryview(buffer)[:count])

    def readall(self) -> bytes:
        """Return all that is left."""
        self._check_readable()
        contents = Contents(max(0, self.stat().st_size - self._position))
        while contents.filled(self.readinto(contents.rest())):
            pass
        return contents.take()

    def write(self, data: Buffer) -> int:
        """Write all of ``data``, at the end of a file that is open for appending."""
        self._check_writable()
        view = unchanging(data)
        if self._letters.append:
            self._position = self._run(self._file.append(view))
        else:
            self._run(self._file.write_at(self._position, view))
        self._position += len(view)
        return len(view)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position, and return it. ``whence`` may be ``os.SEEK_DATA`` or ``SEEK_HOLE``."""
        self._check_open()
        offset = index(offset)
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence == io.SEEK_END:
            offset += self.stat().st_size
        elif whence in (SEEK_DATA, SEEK_HOLE):
            offset = self._find(checked_offset(offset), whence)
        elif whence != io.SEEK_SET:
            raise ValueError(f"invalid whence: {whence}")
        self._position = checked_offset(offset)
        return offset

    def _find(self, offset: int, whence: int) -> int:
        """Find data or a hole as lseek(2) does: ENXIO at the end of the file, and for data if none
        follows."""
        find = self._file.find_data if whence == SEEK_DATA else self._file.find_hole
        found = self._run(find(offset))
        if found is None:
            raise make_error(errno.ENXIO, "no more of the file from there on", self.name)
        return found

    def tell(self) -> int:
        """Return the position."""
        self._check_open()
        return self._position

    def truncate(self, size: int | None = None) -> int:
        """Make the file ``size`` octets long, or end it at the position; return its size."""
        self._check_writable()
        size = self._position if size is None else index(size)
        self._run(self._file.truncate(size))
        return size

    def flush(self) -> None:
        """Do nothing: nothing is buffered here. :meth:`fsync` makes data stable."""
        self._check_open()

    def close(self) -> None:
        """Commit what was written, and close. Harmless to repeat.

        The file is closed even if this raises, which it does if data may have been lost.
        """
        if self._closed:
            return
        self._closed = True
        if self._file.left_open:
            self._run(self._file.close())

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on closed file")

    def _check_readable(self) -> None:
        if self._closed:
            raise ValueError("I/O operation on closed file")
        if not self._letters.readable:
            raise io.UnsupportedOperation("not readable")

    def _check_writable(self) -> None:
        self._check_open()
        if not self._letters.writable:
            raise io.UnsupportedOperation("not writable")

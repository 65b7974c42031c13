"""Copying trees in and out: many files in flight, each of them whole or not there.

A file is written under a temporary name next to its destination and renamed once it is complete
and its size is right, so what has its proper name is never half a file, and a copy that was
interrupted can simply be started again. With ``resume`` it leaves alone what has the size and the
modification time of its source already; times are preserved, so a finished file does.

Small files go in one call each: several READs, or an OPEN, WRITE, SETATTR, CLOSE and RENAME, are
one compound. Large files are split over the session's slots.

The local side is a :class:`LocalTree`, so that this knows nothing of operating systems.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol
from zlib import crc32

from nfsrdma.rpcrdma.task import Future, Task, settled
from nfsrdma.xdr.nfs4 import types as t

from .attributes import Stat, encode_attributes
from .compound import ANONYMOUS_STATEID, CURRENT_STATEID, Compound, place
from .errors import StatusError, UncertainOutcomeError, make_error, status_error
from .file import OpenFile, spread
from .filesystem import FileSystem, OpenMode
from .opens import WRITE
from .paths import to_text

TEMPORARY: Final = ".nfsrdma-part."
"""How the temporary names begin; what a copy that was killed leaves has such a name."""
_NAME_MAX: Final = 255
FILES_PARALLEL: Final = 16
"""Files under way at a time."""
_MODE: Final = 0o777
"""Bits of a mode that are taken from a server: not those that lend someone's identity."""
_SMALL: Final = 256 << 10
"""Octets of a file that goes in one call."""
_ATTEMPTS: Final = 3
"""How often a file is put while the server keeps restarting."""


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """Something in a local directory."""

    name: str
    kind: str
    """``"file"``, ``"directory"``, ``"link"`` or ``"other"``."""
    size: int
    mode: int
    atime_ns: int
    mtime_ns: int


class LocalFile(Protocol):
    """A local file that is being read or written."""

    def read_at(self, offset: int, buffer: memoryview) -> int: ...

    def write_at(self, offset: int, data: memoryview) -> None: ...

    def close(self) -> None: ...


class LocalTree(Protocol):
    """The local side of a copy. Paths are relative to its root; errors are ``OSError``."""

    def entry(self, path: str) -> LocalEntry | None:
        """What is at ``path``, a link not followed; None if nothing is."""

    def scan(self, path: str) -> Iterator[LocalEntry]:
        """The entries of a directory."""

    def make_directory(self, path: str) -> None:
        """Make a directory that may exist already."""

    def read_link(self, path: str) -> str: ...

    def make_link(self, target: str, path: str) -> None:
        """Make a symbolic link, in the place of a file or link that may be there."""

    def open(self, path: str) -> LocalFile:
        """Open for reading."""

    def create(self, path: str, size: int) -> LocalFile:
        """Open a new file for writing, replacing another one."""

    def set_attributes(self, path: str, mode: int, atime_ns: int, mtime_ns: int) -> None: ...

    def rename(self, source: str, path: str) -> None: ...

    def remove(self, path: str) -> None:
        """Remove a file that may be gone already."""


@dataclass(slots=True)
class Progress:
    """How far a copy is. Octets and files known so far, and done."""

    files: int = 0
    octets: int = 0
    files_done: int = 0
    octets_done: int = 0
    skipped: int = 0
    """Files left alone, being there already."""
    current: str = ""
    """The file that was last begun."""
    special: list[str] = field(default_factory=list)
    """Sockets, devices and the like, which are not copied."""


Report = Callable[[Progress], None]
"""Called after every step. It must not use the mount."""


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """``recursive``: whether a directory is copied, or is an error."""

    recursive: bool = False
    resume: bool = False
    parallel: int = FILES_PARALLEL


def temporary_name(name: str) -> str:
    """A name next to ``name`` for what is not complete yet; always the same one."""
    octets = name.encode("utf-8", "surrogateescape")
    prefix = f"{TEMPORARY}{crc32(octets):08x}."
    return prefix + octets[: _NAME_MAX - len(prefix)].decode("utf-8", "ignore")


def join(directory: str, name: str) -> str:
    """A path with ``/``."""
    return f"{directory.rstrip('/')}/{name}" if directory else name


class _Queue:
    """At most so many jobs at a time; the first failure stops what has not begun."""

    def __init__(self, parallel: int) -> None:
        self._free = parallel
        self._waiting: list[Future[None]] = []
        self._tasks: list[Task[None]] = []
        self._failure: BaseException | None = None

    async def add(self, job: Callable[[], object]) -> None:
        """Begin ``job()``, a coroutine, when there is room; raises the first failure."""
        while not self._free:
            turn: Future[None] = Future()
            self._waiting.append(turn)
            await turn
        if self._failure is not None:
            raise self._failure
        self._free -= 1
        self._tasks = [task for task in self._tasks if not task.done()]
        task: Task[None] = Task(job())  # type: ignore[arg-type]
        if not task.done():
            self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: Future[None]) -> None:
        self._free += 1
        if task.error() is not None and self._failure is None:
            self._failure = task.error()
        if self._waiting:
            self._waiting.pop(0).set_result(None)

    async def finish(self) -> None:
        """Wait for all; raises the first failure."""
        for task in self._tasks:
            await settled(task)
        if self._failure is not None:
            raise self._failure

    async def cancel(self) -> None:
        """End all."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            while not task.done():
                await settled(task)


class Transfer:
    """One copy between a mount and a local tree."""

    def __init__(
        self,
        client: FileSystem,
        local: LocalTree,
        options: TransferOptions | None = None,
        report: Report | None = None,
    ) -> None:
        self.progress = Progress()
        self._client = client
        self._local = local
        self._options = options if options is not None else TransferOptions()
        self._report = report
        self._queue = _Queue(self._options.parallel)
        self._directories: list[tuple[str, int, int, int]] = []  # path, mode, atime, mtime

    # -- from the server ---------------------------------------------------------------------

    async def get(self, source: str, path: str) -> Progress:
        """Copy ``source`` of the server to the local ``path``, a link at ``source`` followed.

        Raises ``OSError``: an :class:`~.errors.NfsError`, or one of the local side.
        """
        status = await self._client.stat(source)
        if not status.is_dir:
            await self._get_entry(source, path, status)
            await self._queue.finish()
            return self.progress
        if not self._options.recursive:
            raise make_error(errno.EISDIR, "a directory, and the copy is not recursive", source)
        try:
            await self._get_directory(source, path, status)
            await self._queue.finish()
        except BaseException:
            await self._queue.cancel()
            raise
        # Only now: what was put into them has changed their times, and needed their modes.
        for directory in reversed(self._directories):
            self._local.set_attributes(*directory)
        return self.progress

    async def _get_directory(self, source: str, path: str, status: Stat) -> None:
        self._local.make_directory(path)
        self._directories.append(
            (path, status.st_mode & _MODE, status.st_atime_ns, status.st_mtime_ns)
        )
        directories: list[tuple[str, str, Stat]] = []
        async for page in self._client.pages(source):
            for entry in page:
                below = join(path, entry.name)
                if entry.is_dir():
                    directories.append((join(source, entry.name), below, entry.stat()))
                elif not entry.name.startswith(TEMPORARY):
                    await self._get_entry(join(source, entry.name), below, entry.stat())
        for from_path, to_path, below_status in directories:
            await self._get_directory(from_path, to_path, below_status)

    async def _get_entry(self, source: str, path: str, status: Stat) -> None:
        if status.is_symlink:
            self._local.make_link(await self._client.readlink(source), path)
        elif not status.is_file:
            self.progress.special.append(source)
        else:
            self.progress.files += 1
            self.progress.octets += status.st_size
            if self._options.resume and _same(self._local.entry(path), status):
                self._skip(status.st_size)
                return
            await self._queue.add(lambda: self._get_file(source, path, status))

    async def _get_file(self, source: str, path: str, status: Stat) -> None:
        self._begin(source)
        temporary = _beside(path)
        file = self._local.create(temporary, status.st_size)
        try:
            try:
                size = await self._get_data(source, status, file)
            finally:
                file.close()
            if size != status.st_size:
                raise make_error(
                    errno.EIO, f"{size} octets of {status.st_size}: it changed meanwhile", source
                )
            self._local.set_attributes(
                temporary, status.st_mode & _MODE, status.st_atime_ns, status.st_mtime_ns
            )
            self._local.rename(temporary, path)
        except BaseException:
            self._local.remove(temporary)
            raise
        self._end()

    async def _get_data(self, source: str, status: Stat, file: LocalFile) -> int:
        if not status.st_size:
            return 0
        if status.handle and status.st_size <= min(_SMALL, self._client.rsize):
            count = await self._get_small(source, status, file)
            if count is not None:
                return count
        opened = await self._client.open(source)
        size = status.st_size
        step = self._client.rsize
        counts: list[int] = []

        async def piece(offset: int) -> None:
            buffer = memoryview(bytearray(min(step, size - offset)))
            count = await opened.read_at(offset, buffer)
            file.write_at(offset, buffer[:count])
            counts.append(count)
            self._moved(count)

        try:
            await spread(piece, range(0, size, step))
        finally:
            await opened.close()
        return sum(counts)

    async def _get_small(self, source: str, status: Stat, file: LocalFile) -> int | None:
        """A file that one READ holds, without opening it: its handle came with its entry.

        ``None`` if the server stopped short of the file's end, which it may (RFC 8881,
        Section 18.22.3).
        """
        buffer = memoryview(bytearray(status.st_size + 1))  # one more, to see it if it grew
        compound = self._client.session.compound("READ")
        compound.putfh(status.handle)
        compound.read(ANONYMOUS_STATEID, 0, buffer)
        try:
            eof, data = (await self._client.session.call(compound))[-1]
        except StatusError as error:
            raise status_error(error.status, path=source) from error
        count = place(data, buffer)
        if count < status.st_size and not eof:
            return None
        file.write_at(0, buffer[:count])
        self._moved(count)
        return count

    # -- to the server -----------------------------------------------------------------------

    async def put(self, source: str, path: str) -> Progress:
        """Copy the local ``source`` to ``path`` on the server, a link at ``source`` not followed.

        Raises ``OSError``: an :class:`~.errors.NfsError`, or one of the local side.
        """
        entry = self._local.entry(source)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, "no such file or directory", source)
        if entry.kind == "directory" and not self._options.recursive:
            raise IsADirectoryError(
                errno.EISDIR, "a directory, and the copy is not recursive", source
            )
        try:
            if entry.kind == "directory":
                await self._put_directory(source, path, entry)
            else:
                handle, name = await self._client.resolver.parent(path)
                await self._put_entry(source, _Place(handle, to_text(name), path), entry, None)
            await self._queue.finish()
            await self._finish_directories()
        except BaseException:
            await self._queue.cancel()
            raise
        return self.progress

    async def _put_directory(self, source: str, path: str, entry: LocalEntry) -> None:
        await self._client.makedirs(path, entry.mode | 0o700, exist_ok=True)
        self._directories.append((path, entry.mode, entry.atime_ns, entry.mtime_ns))
        handle = (await self._client.resolver.run(path, "LOOKUP", Compound.getfh, follow=True))[-2]
        there: dict[str, Stat] = {}
        if self._options.resume:
            there = {item.name: item.stat() for item in await self._client.scandir(path)}
        directories: list[LocalEntry] = []
        for item in self._local.scan(source):
            if item.kind == "directory":
                directories.append(item)
            elif not item.name.startswith(TEMPORARY):
                place_ = _Place(handle, item.name, join(path, item.name))
                await self._put_entry(join(source, item.name), place_, item, there.get(item.name))
        for item in directories:
            await self._put_directory(join(source, item.name), join(path, item.name), item)

    async def _finish_directories(self) -> None:
        async def finish(index: int) -> None:
            path, mode, atime_ns, mtime_ns = self._directories[index]
            attributes = encode_attributes(mode=mode, atime_ns=atime_ns, mtime_ns=mtime_ns)
            await self._client.set_attributes(path, attributes)

        await spread(finish, range(len(self._directories)))

    async def _put_entry(
        self, source: str, where: _Place, entry: LocalEntry, there: Stat | None
    ) -> None:
        if entry.kind == "link":
            await self._put_link(self._local.read_link(source), where)
        elif entry.kind != "file":
            self.progress.special.append(source)
        else:
            self.progress.files += 1
            self.progress.octets += entry.size
            if self._options.resume and there is not None and _same(entry, there):
                self._skip(entry.size)
                return
            await self._queue.add(lambda: self._put_file(source, where, entry))

    async def _put_link(self, target: str, where: _Place) -> None:
        try:
            await self._client.symlink(target, where.path)
        except FileExistsError:
            await self._client.remove(where.path)
            await self._client.symlink(target, where.path)

    async def _put_file(self, source: str, where: _Place, entry: LocalEntry) -> None:
        self._begin(source)
        small = entry.size <= min(_SMALL, self._client.wsize)
        put = self._put_small if small else self._put_large
        for attempt in range(1, _ATTEMPTS + 1):
            file = self._local.open(source)
            try:
                await put(source, file, where, entry)
                break
            except UncertainOutcomeError:
                # The server restarted meanwhile. Whatever it did of this: done again from the
                # start it ends in the same file.
                if attempt == _ATTEMPTS:
                    raise
            finally:
                file.close()
        self._end()

    async def _put_small(
        self, source: str, file: LocalFile, where: _Place, entry: LocalEntry
    ) -> None:
        """A file that one WRITE holds: made, written, stable and renamed in one call."""
        buffer = bytearray(entry.size + 1)
        count = file.read_at(0, memoryview(buffer))
        if count != entry.size:
            raise OSError(errno.EIO, f"{count} octets of {entry.size}: it changed", source)
        client = self._client
        owner = client.opens.new_owner()
        name = temporary_name(where.name).encode("utf-8", "surrogateescape")
        compound = client.session.compound("WRITE", idempotent=False)
        compound.putfh(where.directory)
        compound.savefh()
        compound.open(
            client.opens.arguments(
                owner,
                WRITE,
                t.open_claim4(t.CLAIM_NULL, name),
                OpenMode("w").how(entry.mode),
            )
        )
        compound.getfh()
        if count:
            data = memoryview(bytes(memoryview(buffer)[:count]))
            compound.write(CURRENT_STATEID, 0, t.FILE_SYNC4, data)
        compound.setattr(CURRENT_STATEID, _preserved(entry))
        compound.close(CURRENT_STATEID)
        compound.putfh(where.directory)
        compound.rename(name, where.name.encode("utf-8", "surrogateescape"))
        try:
            results = await client.session.call(compound)
        except StatusError as error:
            failure = status_error(error.status, path=where.path)
            failure.__cause__ = error
            await client.close_leftover(failure, owner)
            await self._forget(_beside(where.path))
            raise failure from error
        if count and results[4][0] != count:
            raise make_error(errno.EIO, f"{results[4][0]} octets of {count} written", where.path)
        self._moved(count)

    async def _put_large(
        self, source: str, file: LocalFile, where: _Place, entry: LocalEntry
    ) -> None:
        client = self._client
        temporary = _beside(where.path)
        opened = await client.open(temporary, "wb", permissions=entry.mode)
        try:
            try:
                await self._put_data(file, opened, entry.size, source)
            finally:
                await opened.close()
            status = await client.stat(temporary)
            if status.st_size != entry.size:
                raise make_error(
                    errno.EIO, f"{status.st_size} octets of {entry.size} arrived", where.path
                )
            await client.set_attributes(temporary, _preserved(entry))
            await self._rename(temporary, where.path, entry.size)
        except BaseException as error:
            await self._forget(temporary)
            if isinstance(error, OSError) and error.filename == temporary:
                error.filename = where.path
            raise

    async def _rename(self, temporary: str, path: str, size: int) -> None:
        """Give a complete file its name; if the server cannot tell whether it did, look."""
        client = self._client
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await client.rename(temporary, path)
                return
            except UncertainOutcomeError:
                if await client.exists(temporary):
                    if attempt == _ATTEMPTS:
                        raise
                elif (await client.stat(path)).st_size == size:
                    return
                else:
                    raise

    async def _put_data(self, file: LocalFile, opened: OpenFile, size: int, source: str) -> None:
        step = self._client.wsize

        async def piece(offset: int) -> None:
            wanted = min(step, size - offset)
            buffer = memoryview(bytearray(wanted))
            count = file.read_at(offset, buffer)
            if count != wanted:
                raise OSError(errno.EIO, "it became shorter meanwhile", source)
            await opened.write_at(offset, buffer)
            self._moved(count)

        await spread(piece, range(0, size, step))

    async def _forget(self, temporary: str) -> None:
        try:
            await self._client.remove(temporary)
        except OSError:
            return  # what is wrong has been said already

    # -- progress ----------------------------------------------------------------------------

    def _begin(self, name: str) -> None:
        self.progress.current = name
        self._tell()

    def _moved(self, octets: int) -> None:
        self.progress.octets_done += octets
        self._tell()

    def _end(self) -> None:
        self.progress.files_done += 1
        self._tell()

    def _skip(self, octets: int) -> None:
        self.progress.skipped += 1
        self.progress.octets_done += octets
        self._end()

    def _tell(self) -> None:
        if self._report is not None:
            self._report(self.progress)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file goes: the handle of its directory, its name there, its path for messages."""

    directory: bytes
    name: str
    path: str


def _beside(path: str) -> str:
    directory, _, name = path.rpartition("/")
    temporary = temporary_name(name)
    return f"{directory}/{temporary}" if directory or path.startswith("/") else temporary


def _preserved(entry: LocalEntry) -> t.fattr4:
    return encode_attributes(mode=entry.mode, atime_ns=entry.atime_ns, mtime_ns=entry.mtime_ns)


def _same(entry: LocalEntry | None, status: Stat) -> bool:
    return (
        entry is not None
        and entry.kind == "file"
        and status.is_file
        and entry.size == status.st_size
        and entry.mtime_ns == status.st_mtime_ns
    )

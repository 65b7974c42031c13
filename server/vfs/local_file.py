"""An open file of this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from ..waiting import started
from . import syscalls
from .heavy import is_large
from .interface import Advice, Eventual, Job, Node, OpenFile, User
from .limits import MAX_OFFSET
from .local_copies import advise
from .posix import failure

if TYPE_CHECKING:
    from .local import LocalFileSystem

_MUCH: Final = 1 << 28
"""Octets of room that it may take long to find."""


def sync_job(fd: int, metadata: bool) -> Job:
    """Return the job that makes the file of ``fd`` durable, and closes ``fd``."""

    def sync() -> None:
        try:
            (os.fsync if metadata else os.fdatasync)(fd)
        finally:
            os.close(fd)

    return sync


def sync_all_job(fd: int) -> Job:
    """Return the job that makes the whole file system of ``fd`` durable, and closes ``fd``.

    For what cannot be opened: links and devices.
    """

    def sync() -> None:
        try:
            syscalls.sync_file_system(fd)
        finally:
            os.close(fd)

    return sync


def read_all(fd: int, offset: int, into: memoryview) -> int:
    """Fill a buffer from a file. Return the number of octets, fewer only at its end."""
    done = os.preadv(fd, (into,), offset) if len(into) else 0
    while 0 < done < len(into):
        count = os.preadv(fd, (into[done:],), offset + done)
        if count == 0:
            break
        done += count
    return done


class LocalFile(OpenFile):
    """An open file of the machine. Its descriptor is closed when no call uses it any more."""

    __slots__ = ("_busy", "_closed", "_fd", "_fs", "_node", "_pace", "_users", "_who")

    def __init__(self, fs: LocalFileSystem, node: Node, who: User, fd: int) -> None:
        self._fs = fs
        self._node = node
        self._who = who
        self._fd = fd
        self._pace = fs.pace
        self._busy = fs.heavy.busy
        self._users = 0
        """Calls under way that have the descriptor."""
        self._closed = False
        fs.nodes.pin(node, fd)

    def read(self, offset: int, into: memoryview) -> Eventual[int]:
        """Read what is in the page cache here, and the rest elsewhere."""
        into = self._within(offset, into)
        pace = self._pace
        if not pace.blocks:
            return read_all(self._fd, offset, into)
        done, at_end = self._read_cached(offset, into)
        if at_end or done == len(into):
            return done
        return started(self._read_rest(offset, into, done))

    def read_at_once(self, offset: int, into: memoryview) -> int | None:
        """Read what is in the page cache, if that is all."""
        into = self._within(offset, into)
        if not self._pace.blocks:
            return read_all(self._fd, offset, into)
        done, at_end = self._read_cached(offset, into)
        return done if at_end or done == len(into) else None

    def _within(self, offset: int, into: memoryview) -> memoryview:
        """Return as much of a buffer as there can be octets for. EAGAIN if the file is busy."""
        if self._closed or self._busy:
            self._check_usable()
        if offset + len(into) > MAX_OFFSET:
            # The kernel calls a range that passes the last position invalid; here it is past the
            # end of any file (RFC 8881, Section 18.22.3).
            return into[: max(0, MAX_OFFSET - offset)]
        return into

    def _check_open(self) -> None:
        # The number of the descriptor may be another file's by now.
        if self._closed:
            raise failure(errno.EBADF)

    def _check_usable(self) -> None:
        self._check_open()
        if self._busy and self._node.identity in self._busy:
            raise failure(errno.EAGAIN)

    def _read_cached(self, offset: int, into: memoryview) -> tuple[int, bool]:
        """Read what is in the page cache: the number of octets, and whether they end the file."""
        pace = self._pace
        done = 0
        try:
            while done < len(into) and pace.has_cached_reads:
                count = os.preadv(self._fd, [into[done:]], offset + done, os.RWF_NOWAIT)
                if count == 0:
                    return done, True
                done += count
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            pace.has_cached_reads = False
        return done, False

    async def _read_rest(self, offset: int, into: memoryview, done: int) -> int:
        with self.held() as fd:
            rest = partial(read_all, fd, offset + done, into[done:])
            return done + await self._pace.slow(rest)

    def write(self, offset: int, data: memoryview) -> Eventual[bytes | None]:
        """Write all of the data, as the user that opened the file."""
        fs = self._fs
        if offset + len(data) > fs.max_file_size:
            # Before any of it is written: the kernel would write what fits.
            raise failure(errno.EFBIG)
        if self._closed or self._busy:
            self._check_usable()
        if self._pace.any_may_block:
            return started(self._write_elsewhere(offset, data))
        self._write_here(offset, data)
        return None

    def write_at_once(self, offset: int, data: memoryview) -> bool:
        """Write where no call waits for longer than for memory."""
        if (
            self._pace.any_may_block
            or self._closed
            or self._busy
            or offset + len(data) > self._fs.max_file_size
        ):
            return False
        self._write_here(offset, data)
        return True

    def _write_here(self, offset: int, data: memoryview) -> None:
        fs = self._fs
        fs.calls.write(self._fd, offset, data, self._who)
        if not fs.stamps.bump(self._node.identity):
            fs.stamps.begin(self._node.identity, os.fstat(self._fd))

    async def _write_elsewhere(self, offset: int, data: memoryview) -> bytes | None:
        with self.held() as fd:
            await self._pace.quick(partial(self._fs.calls.write, fd, offset, data, self._who))
            await self._changed(fd)
        return None

    async def _changed(self, fd: int) -> None:
        if not self._fs.stamps.bump(self._node.identity):
            status = await self._pace.quick(partial(os.fstat, fd))
            self._fs.stamps.begin(self._node.identity, status)

    def sync(self, metadata: bool) -> Job | None:
        """Return the job that makes the file durable."""
        self._check_open()
        if self._fs.in_memory:
            return None
        return sync_job(self._fs.budget.opened(os.dup, self._fd), metadata)

    def allocate(self, offset: int, length: int) -> Eventual[Job | None]:
        """Reserve room."""
        if offset + length > self._fs.max_file_size:
            raise failure(errno.EFBIG)
        return started(self._reshape(0, offset, length))

    def deallocate(self, offset: int, length: int) -> Eventual[Job | None]:
        """Make a hole."""
        length = min(length, self._fs.max_file_size - offset)
        if length <= 0:
            return None  # A hole where there can be no data.
        mode = syscalls.FALLOC_PUNCH_HOLE | syscalls.FALLOC_KEEP_SIZE
        return started(self._reshape(mode, offset, length))

    async def _reshape(self, mode: int, offset: int, length: int) -> Job | None:
        self._check_usable()
        fs, pace, who = self._fs, self._pace, self._who
        work = partial(fs.calls.fallocate, mode=mode, offset=offset, length=length, who=who)
        with self.held() as fd:
            status = await pace.quick(partial(os.fstat, fd))
            if length > _MUCH or is_large(status):
                await pace.quick(partial(fs.calls.give_up_setid, status, fd, who))
                await self._changed(fd)
                return fs.heavy.job(self._node.identity, fs.budget.opened(os.dup, fd), work)
            await pace.quick(partial(work, fd))
            await self._changed(fd)
        return None

    def seek(self, offset: int, hole: bool) -> Eventual[int]:
        """Return where the next hole or data is."""
        if offset > MAX_OFFSET:
            raise failure(errno.ENXIO)
        self._check_usable()
        return started(self._seek(offset, os.SEEK_HOLE if hole else os.SEEK_DATA))

    async def _seek(self, offset: int, whence: int) -> int:
        pace, what = self._pace, (self._node.identity, whence)
        with self.held() as fd:
            work = partial(os.lseek, fd, offset, whence)
            found = await (pace.quick if pace.is_quick(what) else pace.slow)(work)
        pace.done(what)
        return found

    def copy_from(
        self, source: OpenFile, source_offset: int, offset: int, count: int
    ) -> Eventual[int]:
        """Copy from another open file of the same file system."""
        count = min(count, max(0, MAX_OFFSET - source_offset))
        if count and offset + count > self._fs.max_file_size:
            raise failure(errno.EFBIG)
        return started(self._copy(_of_here(source), source_offset, offset, count))

    async def _copy(self, source: LocalFile, source_offset: int, offset: int, count: int) -> int:
        self._check_usable()
        source._check_usable()
        work = partial(
            self._fs.copies.copy,
            source_offset=source_offset,
            offset=offset,
            count=count,
            who=self._who,
        )
        with source.held() as from_fd, self.held() as fd:
            copied = await self._pace.slow(work, from_fd, fd)
            await self._changed(fd)
        return copied

    def clone_from(
        self, source: OpenFile, source_offset: int, offset: int, count: int
    ) -> Eventual[None]:
        """Share a range of another open file of the same file system."""
        if source_offset + count > MAX_OFFSET or offset + count > self._fs.max_file_size:
            raise failure(errno.EINVAL)
        return started(self._clone(_of_here(source), source_offset, offset, count))

    async def _clone(self, source: LocalFile, source_offset: int, offset: int, count: int) -> None:
        self._check_usable()
        source._check_usable()
        work = partial(
            self._fs.copies.clone,
            source_offset=source_offset,
            offset=offset,
            count=count,
            who=self._who,
        )
        with source.held() as from_fd, self.held() as fd:
            await self._pace.slow(work, from_fd, fd)
            await self._changed(fd)

    def advise(self, offset: int, length: int, advice: Advice) -> Eventual[None]:
        """Take note of how a range is going to be used."""
        self._check_usable()
        if offset > MAX_OFFSET or length > MAX_OFFSET - offset:
            raise failure(errno.EINVAL)
        return started(self._advise(offset, length, advice))

    async def _advise(self, offset: int, length: int, advice: Advice) -> None:
        work = partial(advise, offset=offset, length=length, advice=advice)
        with self.held() as fd:
            # To read ahead may wait for room in a disk's queue.
            await (self._pace.slow if advice is Advice.SOON else self._pace.quick)(work, fd)

    def size(self) -> Eventual[int]:
        """Return the file's size."""
        self._check_open()
        if self._pace.any_may_block:
            return started(self._size())
        return os.fstat(self._fd).st_size

    def size_at_once(self) -> int:
        """Return the file's size, where that is known without waiting."""
        if self._pace.any_may_block or self._closed:
            return -1
        # A descriptor's position is of no use here, and this takes a quarter of what fstat does.
        return os.lseek(self._fd, 0, os.SEEK_END)

    async def _size(self) -> int:
        with self.held() as fd:
            status = await self._pace.quick(partial(os.fstat, fd))
        return status.st_size

    @contextmanager
    def held(self) -> Iterator[int]:
        """Have the descriptor, with the right that the open gave; it is not closed meanwhile."""
        self._check_open()
        self._users += 1
        try:
            yield self._fd
        finally:
            self._users -= 1
            if self._closed and not self._users:
                self._fs.heavy.close(self._fd)

    def close(self) -> None:
        """Close the file once no call uses it."""
        self._fs.nodes.unpin(self._node, self._fd)
        self._closed = True
        if not self._users:
            self._fs.heavy.close(self._fd)


def _of_here(file: OpenFile) -> LocalFile:
    assert isinstance(file, LocalFile)
    return file

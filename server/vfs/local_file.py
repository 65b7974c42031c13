"""An open file of this machine."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from . import syscalls
from .interface import Job, Node, OpenFile, User
from .limits import MAX_OFFSET
from .posix import failure

if TYPE_CHECKING:
    from .local import LocalFileSystem


def sync_job(fd: int, metadata: bool) -> Job:
    """What makes the file of ``fd`` durable, and closes ``fd``."""

    def sync() -> None:
        try:
            (os.fsync if metadata else os.fdatasync)(fd)
        finally:
            os.close(fd)

    return sync


class LocalFile(OpenFile):
    """An open file of the machine."""

    __slots__ = ("_fd", "_fs", "_node", "_who")

    def __init__(self, fs: LocalFileSystem, node: Node, who: User, fd: int) -> None:
        self._fs = fs
        self._node = node
        self._who = who
        self._fd = fd
        fs.pin(node, fd)

    def read(self, offset: int, into: memoryview) -> int:
        wanted = len(into)
        if offset + wanted > MAX_OFFSET:
            # The kernel calls a range that passes the last position invalid; here it is past the
            # end of any file (RFC 8881, Section 18.22.3).
            wanted = max(0, MAX_OFFSET - offset)
            into = into[:wanted]
        done = 0
        while done < wanted:
            count = os.preadv(self._fd, [into[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    def write(self, offset: int, data: memoryview) -> None:
        if offset + len(data) > self._fs.max_file_size:
            # Before any of it is written: the kernel would write what fits.
            raise failure(errno.EFBIG)
        # As the caller, because writing clears set-user-ID bits for all but root.
        with self._fs.acting(self._who):
            done = 0
            while done < len(data):
                done += os.pwrite(self._fd, data[done:], offset + done)
        self._fs.changed(self._node)

    def sync(self, metadata: bool) -> Job | None:
        if self._fs.in_memory:
            return None
        return sync_job(self._fs.budget.opened(os.dup, self._fd), metadata)

    def allocate(self, offset: int, length: int) -> None:
        if offset + length > self._fs.max_file_size:
            raise failure(errno.EFBIG)
        with self._fs.acting(self._who):
            syscalls.fallocate(self._fd, 0, offset, length)
        self._fs.changed(self._node)

    def deallocate(self, offset: int, length: int) -> None:
        length = min(length, self._fs.max_file_size - offset)
        if length <= 0:
            return  # A hole where there can be no data.
        mode = syscalls.FALLOC_PUNCH_HOLE | syscalls.FALLOC_KEEP_SIZE
        with self._fs.acting(self._who):
            syscalls.fallocate(self._fd, mode, offset, length)
        self._fs.changed(self._node)

    def seek(self, offset: int, hole: bool) -> int:
        if offset > MAX_OFFSET:
            raise failure(errno.ENXIO)
        return os.lseek(self._fd, offset, os.SEEK_HOLE if hole else os.SEEK_DATA)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def truncate(self, size: int) -> None:
        """Set the size, with the right that the open gave."""
        os.ftruncate(self._fd, size)

    def close(self) -> None:
        self._fs.unpin(self._node, self._fd)
        os.close(self._fd)

"""An open file of this machine."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from . import syscalls
from .interface import Job, Node, OpenFile, User
from .posix import failure

if TYPE_CHECKING:
    from .local import LocalFileSystem

MAX_OFFSET: Final = (1 << 63) - 1
"""The largest position that the kernel knows."""


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
        fs.pin(node)

    def read(self, offset: int, into: memoryview) -> int:
        if offset > MAX_OFFSET:
            return 0
        done = 0
        while done < len(into):
            count = os.preadv(self._fd, [into[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    def write(self, offset: int, data: memoryview) -> None:
        if offset + len(data) > MAX_OFFSET:
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
        return sync_job(os.dup(self._fd), metadata)

    def allocate(self, offset: int, length: int) -> None:
        if offset + length > MAX_OFFSET:
            raise failure(errno.EFBIG)
        with self._fs.acting(self._who):
            syscalls.fallocate(self._fd, 0, offset, length)
        self._fs.changed(self._node)

    def deallocate(self, offset: int, length: int) -> None:
        length = min(length, MAX_OFFSET - min(offset, MAX_OFFSET))
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
        os.close(self._fd)
        self._fs.unpin(self._node)

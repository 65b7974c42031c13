"""An open file of this machine."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from . import syscalls
from .heavy import is_large
from .interface import Job, Node, OpenFile, User
from .limits import MAX_OFFSET
from .posix import failure

if TYPE_CHECKING:
    from .local import LocalFileSystem


_MUCH: Final = 1 << 28
"""Octets of room that it may take long to find."""


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

    __slots__ = ("_busy", "_fd", "_fs", "_node", "_who")

    def __init__(self, fs: LocalFileSystem, node: Node, who: User, fd: int) -> None:
        self._fs = fs
        self._node = node
        self._who = who
        self._fd = fd
        self._busy = fs.heavy.busy
        fs.pin(node, fd)

    def read(self, offset: int, into: memoryview) -> int:
        if self._busy and self._node.identity in self._busy:
            raise failure(errno.EAGAIN)
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
        if self._busy and self._node.identity in self._busy:
            raise failure(errno.EAGAIN)
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

    def allocate(self, offset: int, length: int) -> Job | None:
        if offset + length > self._fs.max_file_size:
            raise failure(errno.EFBIG)
        return self._reshape(0, offset, length)

    def deallocate(self, offset: int, length: int) -> Job | None:
        length = min(length, self._fs.max_file_size - offset)
        if length <= 0:
            return None  # A hole where there can be no data.
        return self._reshape(syscalls.FALLOC_PUNCH_HOLE | syscalls.FALLOC_KEEP_SIZE, offset, length)

    def _reshape(self, mode: int, offset: int, length: int) -> Job | None:
        fs, identity = self._fs, self._node.identity
        fs.heavy.require_idle(identity)
        status = os.fstat(self._fd)
        if length > _MUCH or is_large(status):
            fs.give_up_setid(status, self._fd, self._who)
            fs.changed(self._node)
            fd = fs.budget.opened(os.dup, self._fd)
            # As the caller there as well: what a disk keeps free for root is not for others.
            acting = fs.acting.apart(self._who)

            def reshape(fd: int) -> None:
                with acting:
                    syscalls.fallocate(fd, mode, offset, length)

            return fs.heavy.job(identity, fd, reshape)
        with fs.acting(self._who):
            syscalls.fallocate(self._fd, mode, offset, length)
        fs.changed(self._node)
        return None

    def seek(self, offset: int, hole: bool) -> int:
        if offset > MAX_OFFSET:
            raise failure(errno.ENXIO)
        self._fs.heavy.require_idle(self._node.identity)
        return os.lseek(self._fd, offset, os.SEEK_HOLE if hole else os.SEEK_DATA)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def descriptor(self) -> int:
        """A descriptor with the right that the open gave, to be closed by who asks."""
        return self._fs.budget.opened(os.dup, self._fd)

    def truncate(self, size: int) -> None:
        """Set the size, with the right that the open gave."""
        os.ftruncate(self._fd, size)

    def close(self) -> None:
        self._fs.unpin(self._node, self._fd)
        self._fs.heavy.close(self._fd)

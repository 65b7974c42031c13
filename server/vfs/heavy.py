"""What takes the kernel long: to free, or to lay out, the blocks of a large file.

That may take seconds if a file lies in many pieces, which a client can bring about. So it is left
to threads (see ``offload``), and meanwhile the file is *busy*: the kernel would hold up any other
call about it, and with that the server's one thread.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from .interface import Job
from .posix import failure

_LARGE: Final = 1 << 20
"""Octets on the disk from which on that may take long."""


def is_large(status: os.stat_result) -> bool:
    """Return whether it may take long to do something with all blocks of a file."""
    return status.st_blocks * 512 > _LARGE and stat.S_ISREG(status.st_mode)


class Heavy:
    """The files of one file system with which something takes long."""

    def __init__(self) -> None:
        self.busy: set[bytes] = set()
        """Their identities."""
        self.aside: Callable[[Job], None] = _at_once
        """Runs a job that no call waits for. The server sets it, if it has threads."""
        self.always = False
        """To close any file may take long: the file system flushes it somewhere."""

    def require_idle(self, identity: bytes) -> None:
        """Raise EAGAIN, and so DELAY, if the file is busy."""
        if identity in self.busy:
            raise failure(errno.EAGAIN)

    def job(self, identity: bytes, fd: int, work: Callable[[int], None]) -> Job:
        """Return a job that does ``work`` and closes ``fd``; the file is busy until then."""
        self.busy.add(identity)

        def run() -> None:
            try:
                work(fd)
            finally:
                os.close(fd)
                self.busy.discard(identity)

        return run

    def close(self, fd: int) -> None:
        """Close a descriptor: with the last one of a file without a name go its blocks."""
        if self.always:
            self.aside(lambda: os.close(fd))
            return
        status = os.fstat(fd)
        if status.st_nlink == 0 and is_large(status):
            self.aside(lambda: os.close(fd))
        else:
            os.close(fd)


def _at_once(job: Job) -> None:
    job()

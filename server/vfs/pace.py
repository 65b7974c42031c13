"""Whether a call to the kernel may block, and where it is made if it may.

There is one thread that serves everybody, and a call that waits for a disk, or for the process or
the machine behind a file system, would hold it up. Which calls may wait depends on the file system:

- in memory (tmpfs) none does;
- on a disk's file system, calls about an inode that is open are answered from memory, while to look
  up a name, to find an inode by a handle and to read a file may wait. The kernel can be asked to do
  the first and the last only if they need not wait (``RESOLVE_CACHED``, ``RWF_NOWAIT``); for others
  there is a memory of what was done lately, and so is likely to be cached still;
- of any other (FUSE, network file systems) each call may wait for as long as it likes.

:class:`Pace` is the one place that decides, and that hands over what may wait to the executor.
"""

from __future__ import annotations

import enum
import errno
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, TypeVar

from .descriptors import Budget
from .interface import Executor
from .syscalls import file_system_type

T = TypeVar("T")

LATELY_S: Final = 10.0
"""How long something that was done is taken to be cached."""
_REMEMBERED: Final = 4096
_NO_DESCRIPTOR: Final = frozenset({errno.EMFILE, errno.ENFILE})
NOT_NOW: Final = _NO_DESCRIPTOR | {errno.EAGAIN}
"""What a call says that cannot be made here and now, but may elsewhere or later."""


class Medium(enum.Enum):
    """What is behind a file system."""

    MEMORY = "memory"
    DISK = "disk"
    """A block device of this machine, with inodes and pages cached by the kernel."""
    OTHER = "other"
    """Another process or machine, or something unknown."""


_IN_MEMORY: Final = frozenset({0x01021994, 0x858458F6})  # tmpfs, ramfs: linux/magic.h
_ON_A_DISK: Final = frozenset(
    {
        0xEF53,  # ext2, ext3, ext4
        0x58465342,  # XFS
        0x9123683E,  # Btrfs
        0xF2F52010,  # F2FS
        0xCA451A4E,  # bcachefs
        0x2FC12FC1,  # ZFS
        0x3153464A,  # JFS
        0x52654973,  # ReiserFS
        0x3434,  # NILFS2
        0x4D44,  # FAT
        0x2011BAB0,  # exFAT
        0x7366746E,  # NTFS3
        0x9660,  # ISO 9660
        0x15013346,  # UDF
        0x73717368,  # SquashFS
        0xE0F5E1E2,  # EROFS
        0x794C7630,  # overlayfs: what is below it is a disk, as a rule
    }
)


def medium_of(fd: int) -> Medium:
    """Return what is behind the file system of a descriptor."""
    kind = file_system_type(fd)
    if kind in _IN_MEMORY:
        return Medium.MEMORY
    return Medium.DISK if kind in _ON_A_DISK else Medium.OTHER


class Pace:
    """Makes the calls of one file system, here if they do not block and elsewhere if they may.

    ``work`` gets the descriptors that it needs as arguments, and must touch nothing of the server's
    state, as it may run on another thread. There it gets descriptors of its own, duplicates that
    are closed by ``close`` afterwards, so that nothing that happens meanwhile can close them or
    have their numbers used again. They count as held in the budget.
    """

    def __init__(
        self,
        medium: Medium,
        budget: Budget,
        close: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self.medium = medium
        self._clock = clock
        self._lately: OrderedDict[Hashable, float] = OrderedDict()
        """When slow things were done."""
        self._budget = budget
        self._close = close
        self._executor: Executor | None = None
        self.blocks = False
        """Whether there is any call that may have to be made elsewhere."""
        self.any_may_block = False
        """Whether each call may have to be made elsewhere."""
        self.has_cached_reads = False
        """Whether files can be asked for what is in the page cache alone."""
        self._under_way = 0
        self._last: Callable[[], None] | None = None

    def attach(self, executor: Executor) -> None:
        """Make calls that may block on ``executor``; until then all are made here."""
        self._executor = executor
        self.blocks = self.medium is not Medium.MEMORY
        self.any_may_block = self.medium is Medium.OTHER
        self.has_cached_reads = self.medium is Medium.DISK

    async def quick(self, work: Callable[..., T], *fds: int) -> T:
        """Make a call that a disk's file system answers from memory."""
        if self.any_may_block:
            return await self._elsewhere(work, fds)
        return self.here(work, *fds)

    async def slow(self, work: Callable[..., T], *fds: int) -> T:
        """Make a call that may have to wait for a disk."""
        if self.blocks:
            return await self._elsewhere(work, fds)
        return self.here(work, *fds)

    def is_quick(self, what: Hashable) -> bool:
        """Return whether something slow is as good as quick, as it was :meth:`done` lately."""
        if not self.blocks:
            return True
        done = self._lately.get(what)
        if done is None or self.any_may_block:
            return False
        now = self._clock()
        if now - done >= LATELY_S:
            return False
        self._lately[what] = now
        return True

    def done(self, what: Hashable) -> None:
        """Note that something slow was done, and so is in the kernel's caches."""
        if not self.blocks:
            return
        lately = self._lately
        lately[what] = self._clock()
        lately.move_to_end(what)
        if len(lately) > _REMEMBERED:
            lately.popitem(last=False)

    def here(self, work: Callable[..., T], *arguments: Any) -> T:
        """Make a call on this thread; once more if there was no descriptor left for it."""
        try:
            return work(*arguments)
        except OSError as error:
            if error.errno not in _NO_DESCRIPTOR:
                raise
        self._budget.relieve()
        return work(*arguments)

    async def _elsewhere(self, work: Callable[..., T], fds: tuple[int, ...]) -> T:
        executor, budget = self._executor, self._budget
        assert executor is not None
        lent: list[int] = []
        self._under_way += 1
        try:
            if fds:
                budget.admit()
            for fd in fds:
                lent.append(budget.opened(os.dup, fd))
                budget.holds(1)
            try:
                return await executor.submit(partial(work, *lent))
            except OSError as error:
                if error.errno not in _NO_DESCRIPTOR:
                    raise
            budget.relieve()
            return await executor.submit(partial(work, *lent))
        finally:
            for fd in lent:
                # What is behind OTHER is not told of descriptors that are only to name inodes.
                (os.close if self.any_may_block else self._close)(fd)
                budget.holds(-1)
            self._under_way -= 1
            if self._last is not None:
                self.finish(self._last)

    def finish(self, last: Callable[[], None]) -> None:
        """Do something last, once no call is under way elsewhere."""
        self._last = last if self._under_way else None
        if not self._under_way:
            last()

"""Byte ranges of a local file, kept against the programs of this machine.

They are locks of an open file description (fcntl(2), F_OFD_SETLK), which conflict with those of
every program that uses fcntl or lockf. One description of the file has all of them, so they never
conflict with each other, and go when it is closed. POSIX's own would go when the server closes any
descriptor of the file, as it does all the time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from ..waiting import started
from .descriptors import Budget
from .interface import READ, WRITE, Eventual, Foreign, RangeKeeper
from .pace import Pace
from .posix import failure

T = TypeVar("T")

_FLOCK: Final = struct.Struct("@hhqqi4x")
_FARTHEST: Final = 1 << 63
"""Where ranges of the kernel end, which have no octet beyond 2^63 - 1."""
_FOREVER: Final = 1 << 64
_IN_THE_WAY: Final = (errno.EAGAIN, errno.EACCES)
_NO_LOCKS: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY})
"""What a file system says that has no such locks: nobody else can have any there either."""
_TRIES: Final = 3


def _flock(kind: int, start: int, end: int) -> bytes:
    length = 0 if end >= _FARTHEST else end - start
    return _FLOCK.pack(kind, os.SEEK_SET, start, length, 0)


def _kind(exclusive: bool) -> int:
    return fcntl.F_WRLCK if exclusive else fcntl.F_RDLCK


def find_conflict(fd: int, start: int, end: int, exclusive: bool) -> Foreign | None:
    """Return a lock that others have, in the way of one of the file description of ``fd``."""
    if start >= _FARTHEST:
        return None
    try:
        found = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(_kind(exclusive), start, end))
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    kind, _, begin, length, pid = _FLOCK.unpack(found)
    if kind == fcntl.F_UNLCK:
        return None
    # That of a file description is no process's: the kernel says -1.
    owner = b"process %d" % pid if pid > 0 else b""
    stop = begin + length if length else _FOREVER
    return Foreign(begin, stop, kind == fcntl.F_WRLCK, owner)


def hold(fd: int, start: int, end: int, exclusive: bool) -> Foreign | None:
    """Lock a range for the file description of ``fd``; return what is in the way, if any."""
    if start >= _FARTHEST:
        return None
    for _ in range(_TRIES):
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(_kind(exclusive), start, end))
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return None
            if error.errno not in _IN_THE_WAY:
                raise
        else:
            return None
        found = find_conflict(fd, start, end, exclusive)
        if found is not None:
            return found
    # It comes and goes so quickly that it cannot be told what it is.
    return Foreign(start, end, True, b"")


def release(fd: int, start: int, end: int) -> None:
    """Unlock a range for the file description of ``fd``."""
    if start >= _FARTHEST:
        return
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, start, end))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


class LocalRanges(RangeKeeper):
    """Ranges of one file. It takes over ``fd``, which is open for ``access``.

    A call that is made elsewhere has a duplicate of the descriptor: of the same file description.
    """

    __slots__ = ("_budget", "_close", "_fd", "_pace")

    def __init__(
        self, fd: int, access: int, pace: Pace, budget: Budget, close: Callable[[int], None]
    ) -> None:
        self.access = access
        self._fd = fd
        self._pace = pace
        self._budget = budget
        self._close = close
        budget.holds(1)

    def hold(self, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Lock a range."""
        if not self.access & (WRITE if exclusive else READ):
            raise failure(errno.EACCES)
        return self._do(partial(hold, start=start, end=end, exclusive=exclusive))

    def release(self, start: int, end: int) -> Eventual[None]:
        """Unlock a range."""
        return self._do(partial(release, start=start, end=end))

    def conflict(self, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Ask the kernel who has a lock there."""
        return self._do(partial(find_conflict, start=start, end=end, exclusive=exclusive))

    def _do(self, work: Callable[[int], T]) -> Eventual[T]:
        if self._fd < 0:
            raise failure(errno.EBADF)
        if self._pace.any_may_block:
            return started(self._pace.quick(work, self._fd))
        return work(self._fd)

    def close(self) -> Eventual[None]:
        """Unlock everything and close the descriptor."""
        if self._fd < 0:
            return None
        if self._pace.any_may_block:
            return started(self._close_elsewhere())
        self._let_go()
        return None

    async def _close_elsewhere(self) -> None:
        # The descriptor may take long to be closed, and others need not wait for that.
        try:
            await self._pace.quick(partial(release, start=0, end=_FOREVER), self._fd)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        fd, self._fd = self._fd, -1
        self._budget.holds(-1)
        self._close(fd)

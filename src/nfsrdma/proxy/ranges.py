"""Byte ranges of a file at the far server, kept against its other clients.

All clients of the proxy are one lock-owner there, with an open of its own for each file: how they
exclude each other the proxy knows. So the far server keeps off those that come to it directly, and
whatever locks files where it runs, if it sees to that.
"""

from __future__ import annotations

import errno
import logging
from typing import Final

from nfsrdma.client.errors import NfsBlockingError, NfsError
from nfsrdma.client.opens import Open
from nfsrdma.client.operations import LockOperations
from nfsrdma.server.vfs.interface import READ, WRITE, Eventual, Foreign, RangeKeeper, RangesLost
from nfsrdma.server.vfs.posix import failure
from nfsrdma.xdr.nfs4 import types as t

from .far import Acts, answered

_log = logging.getLogger(__name__)

_OWNER: Final = b"proxy"
"""Lock-owners are told apart by their opens' files and the session's client: one will do."""
_UINT64_MAX: Final = (1 << 64) - 1
_TRIES: Final = 3


class FarRanges(RangeKeeper):
    """Ranges of one file, through ``opened``, which is closed with it."""

    __slots__ = ("_acts", "_closed", "_locks", "_opened")

    def __init__(self, acts: Acts, opened: Open, access: int) -> None:
        self.access = access
        self._acts = acts
        self._closed = False
        self._opened = opened
        self._locks = LockOperations(acts.by_open)

    def hold(self, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Lock a range at the far server."""
        if not self.access & (WRITE if exclusive else READ):
            raise failure(errno.EACCES)
        self._check_open()
        return answered(self._hold(start, end, exclusive))

    async def _hold(self, start: int, end: int, exclusive: bool) -> Foreign | None:
        kind, length = _kind(exclusive), _length(start, end)
        for _ in range(_TRIES):
            try:
                await self._locks.lock(self._opened, _OWNER, kind, start, length)
            except NfsBlockingError as error:
                if error.status != t.NFS4ERR_DENIED:
                    raise
            except NfsError as error:
                if error.errno == errno.ENOLCK:
                    raise RangesLost from error
                raise
            else:
                return None
            found = await self._find(start, end, exclusive)
            if found is not None:
                return found
        # It comes and goes so quickly that it cannot be told what it is.
        return Foreign(start, end, True, b"")

    def conflict(self, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Ask the far server who has a lock there."""
        self._check_open()
        return answered(self._find(start, end, exclusive))

    async def _find(self, start: int, end: int, exclusive: bool) -> Foreign | None:
        length = _length(start, end)
        denied = await self._locks.test(self._opened, _OWNER, _kind(exclusive), start, length)
        if denied is None:
            return None
        stop = min(denied.offset + denied.length, 1 << 64)
        if denied.length == _UINT64_MAX:
            stop = 1 << 64
        owner = bytes(denied.owner.owner)
        return Foreign(denied.offset, stop, denied.locktype == t.WRITE_LT, owner)

    def release(self, start: int, end: int) -> Eventual[None]:
        """Unlock a range at the far server."""
        self._check_open()
        return answered(self._locks.unlock(self._opened, _OWNER, start, _length(start, end)))

    def close(self) -> Eventual[None]:
        """Close the open, and with it go the locks."""
        if self._closed:
            return None
        self._closed = True
        return answered(self._close())

    def _check_open(self) -> None:
        if self._closed:
            raise failure(errno.EBADF)

    async def _close(self) -> None:
        opens = self._acts.by_open.opens
        try:
            await self._acts.by_open.close(self._opened)
        except NfsError as error:
            _log.warning("locks at the far server could not be given back: %s", error)
        finally:
            opens.discard(self._opened)


def _kind(exclusive: bool) -> int:
    return t.WRITE_LT if exclusive else t.READ_LT


def _length(start: int, end: int) -> int:
    return _UINT64_MAX if end > _UINT64_MAX else end - start

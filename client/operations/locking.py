"""Byte-range locks: LOCK, LOCKT and LOCKU (RFC 8881, Sections 18.10 to 18.12)."""

from __future__ import annotations

import errno
import logging
from typing import Final

from nfsrdma.rpcrdma.task import Cancelled, Future, Task
from nfsrdma.xdr.nfs4 import types as t

from ..errors import (
    LockDeniedError,
    NfsBlockingError,
    NfsError,
    StatusError,
    Where,
    make_error,
    name_file,
    nowhere,
    status_error,
)
from ..locks import FOREVER, HeldLocks, lock_arguments
from ..opens import STATE_LOST, Open
from .by_open import REOPENS_MAX, OpenOperations

_log = logging.getLogger(__name__)

_POLL_MIN_S: Final = 0.1
_POLL_MAX_S: Final = 5.0
_NOTICE_MAX_S: Final = 10.0
"""For how long a notice is waited for. It may be lost; and the server, which forgets after a lease
who does not ask again, may have been restarted."""
_WAITING: Final = {t.READ_LT: t.READW_LT, t.WRITE_LT: t.WRITEW_LT}


class LockOperations:
    """Locks of one mount. Lock owners are octets that the caller chooses."""

    def __init__(self, operations: OpenOperations) -> None:
        self._operations = operations
        self.caller = operations.caller

    async def lock(
        self,
        opened: Open,
        owner: bytes,
        kind: int,
        offset: int = 0,
        length: int = FOREVER,
        *,
        wait: bool = False,
        where: Where = nowhere,
    ) -> None:
        """Lock a range for reading or writing (``READ_LT``, ``WRITE_LT``).

        Locks of the same owner in the range are replaced. Raises ``BlockingIOError`` if the lock of
        another owner conflicts, unless ``wait``; and an error with ENOLCK if locks of this owner
        were lost, until it has unlocked.
        """
        if not wait:
            await self._lock(opened, owner, kind, offset, length, False, where)
            return
        notices, handle = self._operations.opens.notices, opened.handle
        pause_s = _POLL_MIN_S
        while True:
            notice = notices.expect(handle, owner)
            try:
                await self._lock(opened, owner, kind, offset, length, True, where)
                return
            except NfsBlockingError as error:
                if error.status != t.NFS4ERR_DENIED:
                    raise
                # A server need not remember who waits (RFC 8881, Section 9.6): then it is asked.
                await self._wait(notice, _NOTICE_MAX_S if opened.notifies else pause_s)
                pause_s = min(2 * pause_s, _POLL_MAX_S)
            finally:
                notices.forget(handle, owner, notice)

    async def _wait(self, notice: Future[None], seconds: float) -> None:
        """Wait for a notice, but no longer than so many seconds."""

        def over(_: Future[None]) -> None:
            if not notice.done():
                notice.set_result(None)

        pause = Task(self.caller.pause(seconds))
        pause.add_done_callback(over)
        try:
            await notice
        finally:
            pause.cancel()

    async def _lock(
        self,
        opened: Open,
        owner: bytes,
        kind: int,
        offset: int,
        length: int,
        wait: bool,
        where: Where,
    ) -> None:
        reopened = 0
        while True:
            held = opened.locks.get(owner)
            if held is not None and held.lost:
                text = "the server has lost locks of this owner: unlock first"
                raise make_error(errno.ENOLCK, text, where())
            if opened.delegation is not None:
                # A lock begins with the stateid of an open (RFC 8881, Section 18.10.1).
                await self._operations.opens.delegations.claim(opened)
            stateid = opened.wire_stateid
            asked = _WAITING[kind] if wait else kind
            compound = self.caller.compound("LOCK")
            compound.putfh(opened.handle)
            locked = compound.lock(
                lock_arguments(opened.stateid, held, owner, asked, offset, length)
            )
            try:
                await self.caller.call(compound)
            except StatusError as error:
                if error.status not in STATE_LOST or reopened == REOPENS_MAX:
                    raise status_error(error.status, path=where()) from error
                reopened += 1
                await self._operations.replace(opened, stateid, error, where)
                continue
            except NfsError as error:
                name_file(error, where)
                raise
            except Cancelled:
                # The lock may be granted all the same, and would be held for ever.
                Task(self._undo(opened, owner, kind, offset, length))
                raise
            break
        held = opened.locks.get(owner)
        if held is None:
            held = opened.locks[owner] = HeldLocks(owner, locked.value)
        held.set_stateid(locked.value)
        held.add(kind, offset, length)

    async def _undo(self, opened: Open, owner: bytes, kind: int, offset: int, length: int) -> None:
        """Release a lock whose LOCK was in flight when the caller was cancelled."""
        held = opened.locks.get(owner)
        before = held.ranges if held is not None else []
        try:
            # Ask once more, for the stateid: it is granted now or was before.
            await self._lock(opened, owner, kind, offset, length, False, nowhere)
            await self.unlock(opened, owner, offset, length)
            for each in before:
                await self._lock(opened, owner, each.kind, each.start, each.length, False, nowhere)
        except NfsError as error:
            _log.debug("a lock could not be given back: %s", error)

    async def test(
        self,
        opened: Open,
        owner: bytes,
        kind: int,
        offset: int = 0,
        length: int = FOREVER,
        where: Where = nowhere,
    ) -> t.LOCK4denied | None:
        """Return a lock that conflicts with this one; None if there is none."""
        compound = self.caller.compound("LOCKT")
        compound.putfh(opened.handle)
        compound.lockt(t.LOCKT4args(kind, offset, length, t.lock_owner4(0, owner)))
        try:
            await self.caller.call(compound)
        except LockDeniedError as error:
            return error.denied
        except StatusError as error:
            raise status_error(error.status, path=where()) from error
        return None

    async def unlock(
        self,
        opened: Open,
        owner: bytes,
        offset: int = 0,
        length: int = FOREVER,
        where: Where = nowhere,
    ) -> None:
        """Unlock a range, locked or not. This also acknowledges lost locks."""
        held = opened.locks.get(owner)
        if held is None:
            return
        if held.lost:
            del opened.locks[owner]
            return
        compound = self.caller.compound("LOCKU")
        compound.putfh(opened.handle)
        unlocked = compound.locku(t.LOCKU4args(t.WRITE_LT, 0, held.stateid, offset, length))
        stateid = opened.wire_stateid
        try:
            await self.caller.call(compound)
        except StatusError as error:
            if error.status not in STATE_LOST:
                raise status_error(error.status, path=where()) from error
            await self._operations.replace(opened, stateid, error, where)
            opened.locks.pop(owner, None)  # the server has lost them anyway
            return
        held.set_stateid(unlocked.value)
        held.remove(offset, length)

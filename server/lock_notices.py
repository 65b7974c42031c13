"""Blocking locks: who waits for a range is told when it is free (RFC 8881, Sections 9.6, 20.11).

A LOCK of a kind that waits (READW_LT, WRITEW_LT) is denied at once, and whoever sent it is queued.
When the range becomes free CB_NOTIFY_LOCK goes out to the first in the queue, and to all others
that have room beside it. For a moment it is kept for them against other waiters, so that their
order counts; one that does not wait may take it all the same, as it may from a client that polls.

A notice goes out once. A client that never gets it asks again by itself, as it has to, and whoever
has not asked for a lease is forgotten. Clients that cannot be called are not queued, and OPEN does
not tell them that they will be notified (OPEN4_RESULT_MAY_NOTIFY_LOCK): they poll. So do those of
minor version 0, which has no such callback.
"""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.task import Future, Reactor
from nfsrdma.xdr.nfs4 import types as nfs

from .callback import CallbackClient, CallbackOperation
from .state.client import Client
from .state.registry import Registry
from .state.share import OpenedFile
from .state.stateid import OpenState
from .state.waiter import Waiter

_RESERVED_S: Final = 2.0
"""For how long a range is kept for those who were told that it is free."""


class LockNotices:
    """Queues those who wait for locks, and tells them when to ask again."""

    def __init__(self, registry: Registry, callbacks: CallbackClient, reactor: Reactor) -> None:
        self.table = registry.states.waiters
        self._registry = registry
        self._callbacks = callbacks
        self._reactor = reactor
        self._calls: set[Future[nfs.CB_NOTIFY_LOCK4res]] = set()
        registry.states.on_freed = self.look

    def wait(
        self, opening: OpenState, owner: bytes, start: int, end: int, exclusive: bool
    ) -> Waiter | None:
        """Queue an owner that was denied a range, if it can be called when that is free."""
        if not (opening.client.has_sessions and opening.client.is_reachable):
            return None
        return self.table.add(opening, owner, start, end, exclusive, self._reactor.time())

    def reservation(
        self, file: OpenedFile, client: Client, owner: bytes, start: int, end: int, exclusive: bool
    ) -> Waiter | None:
        """Return another waiter that a range is kept for, and that the owner has to wait for."""
        now = self._reactor.time()
        for waiter in file.waiters.values():
            if waiter.reserves(start, end, exclusive, client, owner, now):
                return waiter
        return None

    def granted(self, opening: OpenState, owner: bytes, start: int, end: int) -> None:
        """Take note that an owner has got a range: it waits for it no more."""
        file, client = opening.file, opening.client
        if not file.waiters:
            return
        waiter = file.waiters.get((client, owner, start, end))
        if waiter is not None:
            self.table.remove(waiter)
            self.look(file)  # it may have got less than was kept for it

    def look(self, file: OpenedFile) -> None:
        """Tell those whose range is free now, in their order, and forget who has had their turn."""
        now = self._reactor.time()
        for waiter in list(file.waiters.values()):
            overdue = waiter.notified and now >= waiter.reserved
            if overdue or now > waiter.asked + self._registry.times.lease:
                self.table.remove(waiter)
            elif not waiter.notified and self._is_free(file, waiter):
                self._notify(file, waiter, now)

    def _is_free(self, file: OpenedFile, waiter: Waiter) -> bool:
        wanted = waiter.start, waiter.end, waiter.exclusive
        if waiter.outside:
            return False
        if file.locks.conflict(*wanted, waiter.client, waiter.owner) is not None:
            return False
        return self.reservation(file, waiter.client, waiter.owner, *wanted) is None

    def _notify(self, file: OpenedFile, waiter: Waiter, now: float) -> None:
        waiter.notified = True
        waiter.reserved = now + _RESERVED_S
        self._reactor.call_at(waiter.reserved, self._lapse, file, waiter)
        # The client finds who waits by the very octets of the owner and of the file handle.
        owner = nfs.lock_owner4(waiter.client.id, waiter.owner)
        arguments = nfs.CB_NOTIFY_LOCK4args(file.handle.wire, owner)
        operation = CallbackOperation(
            nfs.OP_CB_NOTIFY_LOCK, arguments, nfs.CB_NOTIFY_LOCK4res.decode
        )
        call = self._callbacks.call(waiter.client, operation)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    def _lapse(self, file: OpenedFile, waiter: Waiter) -> None:
        """Have the others go on if a waiter has not used what was kept for it."""
        if waiter.notified and file.waiters.get(waiter.key) is waiter:
            self.look(file)

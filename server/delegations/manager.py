"""``Delegations``: grants, recalls and revokes, and keeps those who change a file apart.

Whoever is about to change a file, its attributes or its names first takes a *guard* of it
(:meth:`Delegations.exclude`): the delegations of others are recalled, and while the guard is held
nobody is granted a new one. A look at a file takes no guard.

The life of a recall. CB_RECALL goes out once, and a timer is set to one lease. Calls that conflict
with the delegation wait for up to a second, and are answered DELAY. When the client returns it they
go on. At the end of the lease it is revoked: the client keeps all else, is told by SEQUENCE
(RECALLABLE_STATE_REVOKED), and frees the stateid. A client whose own lease has run out is not
asked, but gives way with all that it has, as it does for opens and locks.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple

from nfsrdma.rpcrdma.task import Future, Reactor, Task, sleep
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask, decode_fattr4, mask_of
from nfsrdma.xdr.nfs4.errors import NfsError

from ..callback import CallbackClient, CallbackError, CallbackOperation, PathDown
from ..state.client import Client
from ..state.delegation import Delegation, Grant
from ..state.registry import Registry
from ..state.share import OpenedFile
from ..state.stateid import OpenState
from ..vfs.interface import OpenFile, User
from ..vfs.namespace import Filehandle
from ..waiting import started
from .policy import DelegationPolicy

_PATIENCE_S: Final = 1.0
"""For how long a call waits for a delegation to be returned, before it is answered DELAY.

It holds a slot of its session meanwhile, and a credit of its connection."""
_AGAIN_S: Final = 2.0
"""When a recall is repeated that the client puts off, or does not understand yet."""
_PRESS_S: Final = 5.0
"""The least time between two CB_RECALL_ANY."""
_ASKED: Final = bitmap_from_mask(mask_of(nfs.FATTR4_CHANGE, nfs.FATTR4_SIZE))
_ASKED_TIMES: Final = bitmap_from_mask(
    mask_of(
        nfs.FATTR4_CHANGE,
        nfs.FATTR4_SIZE,
        nfs.FATTR4_TIME_DELEG_ACCESS,
        nfs.FATTR4_TIME_DELEG_MODIFY,
    )
)
"""What is asked of a holder that says what the file's times are."""
_BILLION: Final = 1_000_000_000
_UNKNOWN_YET: Final = frozenset((nfs.NFS4ERR_BADHANDLE, nfs.NFS4ERR_BAD_STATEID))
"""What a client answers that has not had the reply by which the delegation was granted."""
_TYPES: Final = (
    (1 << nfs.RCA4_TYPE_MASK_RDATA_DLG)
    | (1 << nfs.RCA4_TYPE_MASK_WDATA_DLG)
    | (1 << nfs.RCA4_TYPE_MASK_DIR_DLG)
)


class Told(NamedTuple):
    """What a holder says of its file; the times only if it keeps them."""

    size: int
    atime_ns: int | None = None
    mtime_ns: int | None = None


class Guard:
    """Keeps delegations of a file from being granted, until the end of ``with``."""

    __slots__ = ("_guarded", "_key")

    def __init__(self, guarded: Counter[bytes] | None = None, key: bytes = b"") -> None:
        self._guarded = guarded
        self._key = key
        if guarded is not None:
            guarded[key] += 1

    def release(self) -> None:
        """Allow delegations again. Harmless to repeat."""
        guarded, self._guarded = self._guarded, None
        if guarded is not None:
            guarded[self._key] -= 1
            if not guarded[self._key]:
                del guarded[self._key]

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


_NO_GUARD: Final = Guard()
_NAMES: Final = b""
"""The key of a guard of all files: of those who change names, and cannot tell whose."""


class Delegations:
    """All that is done about delegations. Without a policy none is granted."""

    def __init__(
        self,
        registry: Registry,
        callbacks: CallbackClient,
        reactor: Reactor,
        policy: DelegationPolicy | None,
    ) -> None:
        self.table = registry.delegations
        self._registry = registry
        self._callbacks = callbacks
        self._reactor = reactor
        self._policy = policy
        self._guarded: Counter[bytes] = Counter()
        self._asking: dict[Delegation, Future[Told | None]] = {}
        self._pressed = reactor.time() - _PRESS_S

    @property
    def enabled(self) -> bool:
        """Whether any is ever granted."""
        return self._policy is not None

    # --- Grants ---

    def refusal(self, client: Client, file: OpenedFile, exclusive: bool) -> int:
        """Return why a client gets no delegation of a file (``why_no_delegation4``); -1 if it may.

        It may be granted until something is waited for.
        """
        policy = self._policy
        if policy is None:
            return nfs.WND4_NOT_SUPP_FTYPE
        held = file.delegations.get(client)
        if held is not None:
            if held.exclusive is exclusive:
                return nfs.WND4_CONTENTION
            return nfs.WND4_NOT_SUPP_UPGRADE if exclusive else nfs.WND4_NOT_SUPP_DOWNGRADE
        if not client.is_reachable:
            return nfs.WND4_RESOURCE
        if self._is_contended(client, file, exclusive):
            return nfs.WND4_CONTENTION
        if not self.table.has_room(client):
            self._press(client)
            return nfs.WND4_RESOURCE
        if not policy.pays(file.handle.wire, client, exclusive, self._reactor.time()):
            return nfs.WND4_CONTENTION
        return -1

    def _is_contended(self, client: Client, file: OpenedFile, exclusive: bool) -> bool:
        """Return whether somebody else uses the file in a way that rules a delegation out."""
        if self._guarded and (_NAMES in self._guarded or file.handle.wire in self._guarded):
            return True
        return self.is_used(file, client, exclusive)

    def is_used(self, file: OpenedFile, client: Client, exclusive: bool) -> bool:
        """Return whether others have a file open, or delegated, so that it cannot be delegated."""
        if any(self.table.conflicts(file, client, exclusive)):
            return True
        write = nfs.OPEN4_SHARE_ACCESS_WRITE
        return any(
            exclusive or each.access & write or each.deny & nfs.OPEN4_SHARE_DENY_READ
            for each in file.opens.values()
            if each.client is not client
        )

    def grant(self, state: OpenState, exclusive: bool, grant: Grant | None) -> Delegation:
        """Grant a delegation with an open, for which there is no :meth:`refusal`."""
        if self.table.is_scarce(state.client):
            self._press(state.client)
        return self.table.add(state, exclusive, grant)

    def grant_opened(
        self,
        client: Client,
        file: OpenedFile,
        opened: OpenFile,
        user: User,
        exclusive: bool,
        grant: Grant | None,
    ) -> Delegation:
        """Grant one without an open, of a file that was opened for it."""
        if self.table.is_scarce(client):
            self._press(client)
        return self.table.add_opened(client, file, opened, user, exclusive, grant)

    def grant_directory(
        self, client: Client, directory: OpenedFile, grant: Grant | None
    ) -> Delegation:
        """Grant one of a directory, for which there is no :meth:`refusal`."""
        if self.table.is_scarce(client):
            self._press(client)
        return self.table.add_directory(client, directory, grant)

    def _press(self, client: Client) -> None:
        """Ask a client that has much to return what it does not need (CB_RECALL_ANY).

        RFC 8881, Section 20.6.4: if nothing came of that within a lease, the oldest is recalled.
        So it is at once in minor version 0, which has no such operation.
        """
        now = self._reactor.time()
        held = len(client.delegations)
        if now < self._pressed + _PRESS_S or not held or not client.is_reachable:
            return
        self._pressed = now
        if not client.has_sessions:
            self.recall(next(iter(client.delegations.values())))
            return
        if client.pressed is None:
            client.pressed = now
        elif now > client.pressed + self._registry.times.lease:
            client.pressed = None
            self.recall(next(iter(client.delegations.values())))
            return
        arguments = nfs.CB_RECALL_ANY4args(held // 2, bitmap_from_mask(_TYPES))
        operation = CallbackOperation(nfs.OP_CB_RECALL_ANY, arguments, nfs.CB_RECALL_ANY4res.decode)
        self._callbacks.call(client, operation)

    # --- Those in whose way delegations are ---

    def exclude(self, client: Client | None, handle: Filehandle) -> Guard | Future[Guard]:
        """Return the guard of a file that somebody is about to change, once nobody holds it.

        Raises DELAY if that takes too long.
        """
        if self._policy is None and not len(self.table):
            return _NO_GUARD
        guard = Guard(self._guarded, handle.wire)
        try:
            waits = self.settle(client, handle, True)
            return guard if waits is None else started(_guarded(guard, waits))
        except BaseException:
            guard.release()
            raise

    def exclude_names(self) -> Guard:
        """Return a guard of all files, for a change of names."""
        if self._policy is None and not len(self.table):
            return _NO_GUARD
        return Guard(self._guarded, _NAMES)

    def conflicts(
        self, client: Client | None, handle: Filehandle, exclusive: bool
    ) -> Iterator[Delegation]:
        """Yield what others hold of a file that rules out a change, or a look at its contents."""
        file = self._registry.states.file(handle)
        if file is not None and file.delegations:
            yield from self.table.conflicts(file, client, exclusive)

    def changed(self, client: Client | None, handle: Filehandle) -> None:
        """Have returned what others hold of something that has changed already."""
        for delegation in self.conflicts(client, handle, True):
            self._demand(delegation)

    def settle(
        self, client: Client | None, handle: Filehandle, exclusive: bool
    ) -> Future[None] | None:
        """Have returned what others hold of a file; return None if that is nothing.

        Raises DELAY, or the future does, if that takes too long.
        """
        if not len(self.table) or not any(self.conflicts(client, handle, exclusive)):
            return None
        return started(self._settle(client, handle, exclusive))

    async def _settle(self, client: Client | None, handle: Filehandle, exclusive: bool) -> None:
        deadline = self._reactor.time() + _PATIENCE_S
        while True:
            for delegation in self.conflicts(client, handle, exclusive):
                self._demand(delegation)
            left = next(self.conflicts(client, handle, exclusive), None)
            if left is None:
                return
            if self._reactor.time() >= deadline:
                raise NfsError(nfs.NFS4ERR_DELAY)
            await self._end_of(left, deadline)

    async def _end_of(self, delegation: Delegation, deadline: float) -> None:
        """Wait until a delegation is over. Raises DELAY at the deadline."""
        end: Future[None] = Future()
        delegation.waiting.append(end)
        timer = self._reactor.call_at(deadline, _expire, end)
        try:
            await end
        finally:
            timer.cancel()
            with suppress(ValueError):
                delegation.waiting.remove(end)

    def _demand(self, delegation: Delegation) -> None:
        """Recall a delegation, or drop a holder whose lease had run out before. Raises DELAY."""
        if delegation.recalled or not delegation.live:
            return
        client = delegation.client
        if self._registry.has_expired(client, self._reactor.time()):
            self._registry.retire(client)
        else:
            self.recall(delegation)

    # --- Recalls ---

    def recall(self, delegation: Delegation, *, call: bool = True) -> None:
        """Ask the holder for a delegation, and revoke it after a lease. Once is enough.

        Without a ``call`` the client knows from the reply that granted it.
        """
        if delegation.recalled:
            return
        now = self._reactor.time()
        self._registry.remark(delegation.client, "a delegation is asked back", now)
        delegation.recalled = True
        delegation.timer = self._reactor.call_at(
            now + self._registry.times.lease, self._overdue, delegation
        )
        if call:
            if self._policy is not None:
                self._policy.recalled(delegation.file.handle.wire, now)
            Task(self._call(delegation))

    async def _call(self, delegation: Delegation) -> None:
        """Call the holder until it has taken the recall, or is not going to."""
        arguments = nfs.CB_RECALL4args(delegation.stateid, False, delegation.file.handle.wire)
        operation = CallbackOperation(nfs.OP_CB_RECALL, arguments, nfs.CB_RECALL4res.decode)
        puzzled = False
        while delegation.live:
            try:
                result = await self._callbacks.call(
                    delegation.client, operation, referring=_referring(delegation)
                )
            except PathDown:
                # The client hears from SEQUENCE that it cannot be reached, and may make another
                # session; or it listens again. The delegation is revoked if it does not.
                await sleep(self._reactor, _AGAIN_S)
                continue
            except CallbackError:
                return
            if result.status in _UNKNOWN_YET:
                if puzzled:
                    return
                puzzled = True
            elif result.status != nfs.NFS4ERR_DELAY:
                return
            await sleep(self._reactor, _AGAIN_S)

    def _overdue(self, delegation: Delegation) -> None:
        """Revoke a delegation that was not returned."""
        if not delegation.live:
            return
        try:
            self._registry.note_revocation(delegation.client)
            what = "a delegation is revoked, as it was not returned within a lease"
            self._registry.remark(delegation.client, what, self._reactor.time(), logging.WARNING)
            self.table.revoke(delegation)
        except NfsError:
            # It cannot be recorded now, so it must not be done.
            again = self._reactor.time() + _PATIENCE_S
            delegation.timer = self._reactor.call_at(again, self._overdue, delegation)
        except OSError:
            return  # A file could not be closed properly. There is no one to tell.

    # --- What a holder has changed and not written yet ---

    def holder(self, client: Client | None, handle: Filehandle) -> Delegation | None:
        """Return the write delegation that somebody else has of a file."""
        return next(self.conflicts(client, handle, False), None)

    def holder_of(self, client: Client | None, wire: bytes) -> Delegation | None:
        """Return the write delegation that somebody else has of the file of these octets."""
        file = self._registry.states.file_of_wire(wire)
        return None if file is None else next(self.table.conflicts(file, client, False), None)

    def ask(self, delegation: Delegation) -> Future[Told | None]:
        """Ask a holder what it has changed (CB_GETATTR): the future of what it says.

        It is None if no useful answer comes soon. ``delegation.modified`` is set if there are
        changes. Those who ask at the same time share the answer.
        """
        asking = self._asking.get(delegation)
        if asking is None:
            asking = self._asking[delegation] = Future()
            timer = self._reactor.call_at(
                self._reactor.time() + _PATIENCE_S, self._answer, delegation, asking, None
            )
            handle = delegation.file.handle.wire
            operation = CallbackOperation(
                nfs.OP_CB_GETATTR,
                nfs.CB_GETATTR4args(handle, _ASKED_TIMES if delegation.times else _ASKED),
                nfs.CB_GETATTR4res.decode,
            )
            call = self._callbacks.call(
                delegation.client, operation, referring=_referring(delegation)
            )

            def answered(reply: Future[nfs.CB_GETATTR4res]) -> None:
                timer.cancel()
                told = None if reply.error() is not None else _told(delegation, reply.result())
                self._answer(delegation, asking, told)

            call.add_done_callback(answered)
        return asking

    def _answer(
        self, delegation: Delegation, asking: Future[Told | None], told: Told | None
    ) -> None:
        if self._asking.get(delegation) is asking:
            del self._asking[delegation]
            asking.set_result(told)


def _told(delegation: Delegation, result: nfs.CB_GETATTR4res) -> Told | None:
    """Return what a holder tells, and note whether there are changes."""
    if result.status != nfs.NFS4_OK:
        return None
    try:
        attributes = decode_fattr4(result.value.obj_attributes)
    except XdrError:
        return None
    size, change = attributes.get(nfs.FATTR4_SIZE), attributes.get(nfs.FATTR4_CHANGE)
    if not isinstance(size, int) or not isinstance(change, int):
        return None
    times = [
        _nanoseconds(attributes.get(number)) if delegation.times else None
        for number in (nfs.FATTR4_TIME_DELEG_ACCESS, nfs.FATTR4_TIME_DELEG_MODIFY)
    ]
    told = Told(size, *times)
    if change != delegation.change or (told.mtime_ns or 0) > delegation.mtime_ns:
        delegation.modified = True
    return told


def _nanoseconds(time: object) -> int | None:
    if not isinstance(time, nfs.nfstime4) or time.nseconds >= _BILLION:
        return None
    return time.seconds * _BILLION + time.nseconds


def _referring(delegation: Delegation) -> list[nfs.referring_call_list4]:
    """Name the call that granted a delegation, if its reply may not have been seen yet."""
    grant = delegation.grant
    return [] if grant is None else grant.referring(delegation.client)


async def _guarded(guard: Guard, waits: Future[None]) -> Guard:
    try:
        await waits
    except BaseException:
        guard.release()
        raise
    return guard


def _expire(end: Future[None]) -> None:
    if not end.done():
        end.set_error(NfsError(nfs.NFS4ERR_DELAY))

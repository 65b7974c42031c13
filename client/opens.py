"""Opens at the server, and their recovery after the server has lost them (RFC 8881, Section 8.4).

Every open has its own open-owner, so no two share a stateid, and closing one does not affect the
others. No open denies anything to others. This makes an open easy to recover: in the grace period
of a restarted server it is reclaimed (CLAIM_PREVIOUS); at any other time, when the lease has
expired or an administrator revoked the state, the file is opened again by its handle.
"""

from __future__ import annotations

import struct
from typing import Final

from nfsrdma.rpcrdma.task import Future, Task, gather, settled
from nfsrdma.xdr.nfs4 import types as t

from .caller import Caller
from .errors import NfsError, StatusError
from .locks import HeldLocks, LockNotices, lock_arguments
from .results import Result

READ: Final = t.OPEN4_SHARE_ACCESS_READ
WRITE: Final = t.OPEN4_SHARE_ACCESS_WRITE
_WANT: Final = t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG

_PUTFH: Final = struct.Struct(">2I")

STATE_LOST: Final = frozenset(
    (
        t.NFS4ERR_ADMIN_REVOKED,
        t.NFS4ERR_BAD_STATEID,
        t.NFS4ERR_EXPIRED,
        t.NFS4ERR_OLD_STATEID,
        t.NFS4ERR_STALE_STATEID,
    )
)
"""Statuses of an operation that may succeed with the stateid of a new open."""


class Open:
    """One open at the server.

    ``caller`` opened the file, and opens it again with the same credentials. Operations send
    ``wire_stateid``.
    """

    __slots__ = (
        "access",
        "caller",
        "handle",
        "locks",
        "notifies",
        "owner",
        "putfh",
        "reopening",
        "stateid",
        "wire_stateid",
    )

    def __init__(
        self, caller: Caller, handle: bytes, access: int, owner: bytes, stateid: t.stateid4
    ) -> None:
        self.caller = caller
        self.handle = handle
        self.putfh = _PUTFH.pack(t.OP_PUTFH, len(handle)) + handle + bytes(-len(handle) & 3)
        """PUTFH of the file, as it is sent."""
        self.access = access
        self.owner = owner
        self.locks: dict[bytes, HeldLocks] = {}
        """The locks held through this open, by lock owner."""
        self.notifies = False
        """Whether the server says when a lock can be had that it denied."""
        self.reopening: Future[None] | None = None
        self.set_stateid(stateid)

    def adopt(self, result: t.OPEN4resok) -> None:
        """Use what another OPEN of the owner has brought."""
        self.set_stateid(result.stateid)
        self.notifies = bool(result.rflags & t.OPEN4_RESULT_MAY_NOTIFY_LOCK)

    def set_stateid(self, stateid: t.stateid4) -> None:
        """Use another stateid from now on."""
        self.stateid = stateid
        # A sequence ID of 0 stands for the latest (RFC 8881, Section 8.2.2).
        self.wire_stateid = b"\0\0\0\0" + stateid.other

    @property
    def locks_lost(self) -> bool:
        """Whether a lock owner has lost its locks, and has not acknowledged it by unlocking."""
        return any(held.lost for held in self.locks.values())

    def lose_locks(self) -> None:
        """Note that the server has lost the locks."""
        self.locks = {owner: held for owner, held in self.locks.items() if held.ranges}
        for held in self.locks.values():
            held.lost = True


class OpenTable:
    """Every open of one client, of all its users."""

    def __init__(self) -> None:
        self._opens: dict[Open, None] = {}  # in the order of opening
        self._owners = 0
        self._returning: set[bytes] = set()
        self.notices = LockNotices()

    def __len__(self) -> int:
        return len(self._opens)

    def new_owner(self) -> bytes:
        """Return an open-owner that no open has had before."""
        self._owners += 1
        return b"open %d" % self._owners

    def arguments(
        self,
        owner: bytes,
        access: int,
        claim: t.open_claim4,
        how: t.openflag4 | None = None,
    ) -> t.OPEN4args:
        """Return the arguments of OPEN. The client ID of the owner is implied by the session."""
        return t.OPEN4args(
            0,
            access | _WANT,
            t.OPEN4_SHARE_DENY_NONE,
            t.open_owner4(0, owner),
            how if how is not None else t.openflag4(t.OPEN4_NOCREATE),
            claim,
        )

    def add(
        self,
        caller: Caller,
        handle: bytes,
        access: int,
        owner: bytes,
        result: t.OPEN4resok,
    ) -> Open:
        """Add an open of ``caller`` that succeeded."""
        opened = Open(caller, handle, access, owner, result.stateid)
        opened.adopt(result)
        self._opens[opened] = None
        self._decline(opened, result)
        return opened

    def discard(self, opened: Open) -> None:
        """Remove an open that was closed."""
        self._opens.pop(opened, None)

    async def close_leftover(
        self,
        caller: Caller,
        owner: bytes,
        result: Result[t.OPEN4resok],
        handle: Result[bytes],
    ) -> None:
        """Close what ``owner`` opened in a compound that failed after its OPEN.

        ``result`` and ``handle`` are the results of OPEN and GETFH, if these were executed.
        """
        if not (result.known and handle.known):
            return
        opened = self.add(caller, handle.value, WRITE, owner, result.value)
        self.discard(opened)
        compound = caller.compound("CLOSE")
        compound.putfh(opened.handle)
        compound.close(opened.wire_stateid)
        try:
            await caller.call(compound)
        except (StatusError, NfsError):
            return

    async def reclaim(self) -> None:
        """Reclaim every open from a restarted server.

        A file that cannot be reclaimed (the grace period may be over) is opened again when it is
        next used; that call raises the error if this fails too.
        """
        await gather([Task(self._claim(opened)) for opened in list(self._opens)])

    async def _claim(self, opened: Open) -> None:
        claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)
        try:
            await self._open(opened, claim, recovering=True)
            for held in list(opened.locks.values()):
                await self._claim_locks(opened, held)
        except StatusError:
            return
        opened.caller.stats.reclaimed += 1

    async def _claim_locks(self, opened: Open, held: HeldLocks) -> None:
        """Reclaim the locks of one owner, or note that they are lost."""
        known: HeldLocks | None = None
        try:
            for each in held.ranges:
                compound = opened.caller.compound("LOCK")
                compound.putfh(opened.handle)
                arguments = lock_arguments(
                    opened.stateid,
                    known,
                    held.owner,
                    each.kind,
                    each.start,
                    each.length,
                    reclaim=True,
                )
                locked = compound.lock(arguments)
                await opened.caller.call(compound, recovering=True)
                held.set_stateid(locked.value)
                known = held
        except StatusError:
            held.lost = True
        if known is None and not held.lost:
            del opened.locks[held.owner]  # it held nothing: forget its stateid

    async def reopen(self, opened: Open, stateid: bytes, status: int) -> None:
        """Get a new stateid in place of ``stateid``, which failed with ``status``.

        Raises :class:`StatusError` if the file cannot be opened any more.
        """
        while opened.reopening is not None:
            await settled(opened.reopening)
        if opened.wire_stateid != stateid:
            return  # another call did it meanwhile
        opened.reopening = Future()
        try:
            if status in (t.NFS4ERR_EXPIRED, t.NFS4ERR_ADMIN_REVOKED):
                await self._free(opened.caller, stateid)
                for held in opened.locks.values():
                    await self._free(opened.caller, b"\0\0\0\0" + held.stateid.other)
            opened.lose_locks()
            await self._open(opened, t.open_claim4(t.CLAIM_FH), recovering=False)
        finally:
            reopening, opened.reopening = opened.reopening, None
            reopening.set_result(None)

    async def _open(self, opened: Open, claim: t.open_claim4, *, recovering: bool) -> None:
        compound = opened.caller.compound("OPEN")
        compound.putfh(opened.handle)
        result = compound.open(self.arguments(opened.owner, opened.access, claim))
        await opened.caller.call(compound, recovering=recovering)
        opened.adopt(result.value)
        self._decline(opened, result.value)

    async def _free(self, caller: Caller, stateid: bytes) -> None:
        # The server reports revoked state until it is freed (RFC 8881, Section 18.38).
        compound = caller.compound("FREE_STATEID")
        compound.free_stateid(stateid)
        try:
            await caller.call(compound)
        except StatusError:
            return

    def _decline(self, opened: Open, result: t.OPEN4resok) -> None:
        """Return a delegation that was granted without being wanted."""
        delegation = result.delegation
        kind = delegation.delegation_type
        if kind in (t.OPEN_DELEGATE_READ, t.OPEN_DELEGATE_WRITE):
            Task(self._return(opened, delegation.value.stateid.other))

    def returning(self, other: bytes) -> bool:
        """Return whether this is the stateid of a delegation that is being returned."""
        return other in self._returning

    async def _return(self, opened: Open, other: bytes) -> None:
        """Call DELEGRETURN, and ignore a failure: nothing depends on the delegation."""
        self._returning.add(other)
        compound = opened.caller.compound("DELEGRETURN")
        compound.putfh(opened.handle)
        compound.delegreturn(b"\0\0\0\0" + other)
        try:
            await opened.caller.call(compound)
        except (StatusError, NfsError):
            return
        finally:
            self._returning.discard(other)

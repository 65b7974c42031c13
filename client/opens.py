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
from .delegations import Delegation, Delegations
from .errors import NfsError, StatusError
from .locks import HeldLocks, LockNotices, lock_arguments
from .results import Result

READ: Final = t.OPEN4_SHARE_ACCESS_READ
WRITE: Final = t.OPEN4_SHARE_ACCESS_WRITE
_WANT_NONE: Final = t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG
_WANT_ANY: Final = t.OPEN4_SHARE_ACCESS_WANT_ANY_DELEG

_PUTFH: Final = struct.Struct(">2I")

STATE_LOST: Final = frozenset(
    (
        t.NFS4ERR_ADMIN_REVOKED,
        t.NFS4ERR_BAD_STATEID,
        t.NFS4ERR_DELEG_REVOKED,
        t.NFS4ERR_EXPIRED,
        t.NFS4ERR_OLD_STATEID,
        t.NFS4ERR_STALE_STATEID,
    )
)
"""Statuses of an operation that may succeed with the stateid of a new open."""
_REVOKED: Final = frozenset((t.NFS4ERR_ADMIN_REVOKED, t.NFS4ERR_DELEG_REVOKED, t.NFS4ERR_EXPIRED))
"""Those of state that the server reports until it is freed."""


class Open:
    """One open at the server.

    ``caller`` opened the file, and opens it again with the same credentials. Operations send
    ``wire_stateid``. With a ``delegation`` that it rests on, the server knows nothing of it.
    """

    __slots__ = (
        "access",
        "caller",
        "delegation",
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
        self.delegation: Delegation | None = None
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
        self.delegations = Delegations(self)
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
        *,
        delegable: bool = False,
    ) -> t.OPEN4args:
        """Return the arguments of OPEN. The client ID of the owner is implied by the session.

        If ``delegable``, a delegation is asked for, if such are wanted at all.
        """
        want = _WANT_ANY if delegable and self.delegations.wanted else _WANT_NONE
        return t.OPEN4args(
            0,
            access | want,
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
        change: int | None = None,
    ) -> Open:
        """Add an open of ``caller`` that succeeded.

        ``change`` is the file's change attribute after it: see :meth:`.Delegations.granted`.
        """
        opened = Open(caller, handle, access, owner, result.stateid)
        opened.adopt(result)
        self._opens[opened] = None
        self.delegations.granted(opened, result.delegation, change)
        return opened

    def open_here(self, caller: Caller, handle: bytes, access: int) -> Open | None:
        """Open a file without the server, which has delegated it; return None if it has not."""
        delegation = self.delegations.find(caller, handle, access)
        if delegation is None:
            return None
        opened = Open(caller, handle, access, self.new_owner(), delegation.stateid)
        self.delegations.rest(opened, delegation)
        self._opens[opened] = None
        return opened

    def discard(self, opened: Open) -> None:
        """Remove an open that was closed."""
        self._opens.pop(opened, None)
        self.delegations.leave(opened)

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
        """Reclaim every open from a restarted server, and delegations of what is open.

        A file that cannot be reclaimed (the grace period may be over) is opened again when it is
        next used; that call raises the error if this fails too.
        """
        held = self.delegations.owed()
        files: dict[bytes, list[Open]] = {}
        for opened in self._opens:
            files.setdefault(opened.handle, []).append(opened)
        await gather(
            [Task(self._reclaim_file(opens, held.get(key))) for key, opens in files.items()]
        )
        self.delegations.settle()

    async def _reclaim_file(self, opens: list[Open], delegation: Delegation | None) -> None:
        """Reclaim the opens of a file, and its delegation with one of them."""
        if delegation is not None:
            # Best with one that the server knew, and that needs no more rights than it had.
            access = delegation.access
            first = max(opens, key=lambda each: (each.access & access, each.delegation is None))
            opens.remove(first)
            await self._reclaim(first, delegation)
        await gather([Task(self._reclaim(each)) for each in opens if each.delegation is None])
        # The others rest on the delegation that was granted again, or have lost theirs.
        lost = [each for each in opens if each.delegation not in (None, *self.delegations.held())]
        await gather([Task(self._reclaim(each)) for each in lost])

    async def _reclaim(self, opened: Open, old: Delegation | None = None) -> None:
        """Reclaim an open, and with it an ``old`` delegation."""
        self.delegations.leave(opened)
        kind = t.OPEN_DELEGATE_NONE if old is None else old.kind
        try:
            await self.open_again(
                opened, t.open_claim4(t.CLAIM_PREVIOUS, kind), recovering=True, old=old
            )
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
            if opened.delegation is not None:
                self.delegations.drop(opened.delegation)
                self.delegations.leave(opened)
            if status in _REVOKED:
                await self._free(opened.caller, stateid)
                for held in opened.locks.values():
                    await self._free(opened.caller, b"\0\0\0\0" + held.stateid.other)
            opened.lose_locks()
            await self.open_again(opened, t.open_claim4(t.CLAIM_FH), recovering=False)
        finally:
            reopening, opened.reopening = opened.reopening, None
            reopening.set_result(None)

    async def open_again(
        self,
        opened: Open,
        claim: t.open_claim4,
        *,
        recovering: bool,
        old: Delegation | None = None,
    ) -> None:
        """Open a file at the server once more, by a claim to what it was before.

        ``old`` is a delegation that is reclaimed as well. Raises :class:`StatusError`.
        """
        compound = opened.caller.compound("OPEN")
        compound.putfh(opened.handle)
        access = opened.access if old is None else opened.access | old.access
        result = compound.open(self.arguments(opened.owner, access, claim))
        status = compound.stat() if old is not None else None
        await opened.caller.call(compound, recovering=recovering)
        opened.adopt(result.value)
        change = None if status is None else status.value.change
        self.delegations.granted(opened, result.value.delegation, change, old)

    async def _free(self, caller: Caller, stateid: bytes) -> None:
        # The server reports revoked state until it is freed (RFC 8881, Section 18.38).
        compound = caller.compound("FREE_STATEID")
        compound.free_stateid(stateid)
        try:
            await caller.call(compound)
        except StatusError:
            return

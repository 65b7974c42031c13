"""Files that the server leaves to this client until it wants them back (RFC 8881, Section 10.4).

While the client has such a delegation, nobody else changes the file (or, if it is one for writing,
opens it), so the client opens the file by itself. An open of that kind *rests on* the delegation:
it uses the delegation's stateid, and the server hears neither of OPEN nor of CLOSE. When the server
recalls the delegation, the opens that rest on it are claimed (CLAIM_DELEG_CUR_FH), and then it is
returned. Whatever is written goes to the server at once, as without a delegation, so the server's
attributes are true, and this is what it is told if it asks (CB_GETATTR).

A delegation is kept for the user who was granted it. Those that are not used for a while are
returned, as are the ones used longest ago when there are many.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from nfsrdma.rpcrdma.task import Future, Task, gather, settled
from nfsrdma.xdr.nfs4 import types as t

from .caller import Caller
from .errors import NfsError, StatusError

if TYPE_CHECKING:
    from .opens import Open, OpenTable

_log = logging.getLogger(__name__)

KEPT_MAX: Final = 1024
"""Delegations that are kept."""
IDLE_S: Final = 60.0
"""For how long a delegation is kept that no open rests on."""
_TESTED_AT_ONCE: Final = 128
_READ, _BOTH = t.OPEN4_SHARE_ACCESS_READ, t.OPEN4_SHARE_ACCESS_BOTH
_KINDS: Final = {t.OPEN_DELEGATE_READ: _READ, t.OPEN_DELEGATE_WRITE: _BOTH}
_TYPES: Final = {
    _READ: 1 << t.RCA4_TYPE_MASK_RDATA_DLG,
    _BOTH: 1 << t.RCA4_TYPE_MASK_WDATA_DLG,
}
"""The bits of CB_RECALL_ANY, by what a delegation is for."""


class Delegation:
    """One file that is left to the user of ``caller``, for the access bits in ``access``."""

    __slots__ = (
        "access",
        "caller",
        "change",
        "handle",
        "opens",
        "path",
        "since",
        "stateid",
        "used_at",
    )

    def __init__(
        self, caller: Caller, handle: bytes, access: int, stateid: t.stateid4, change: int
    ) -> None:
        self.caller = caller
        self.handle = handle
        self.access = access
        self.stateid = stateid
        self.change = change
        """The change attribute when it was granted."""
        self.opens: dict[Open, None] = {}
        """The opens that rest on it."""
        self.path: object = None
        """Where the file was opened last, by its path."""
        self.since = self.used_at = caller.time()
        """From when on nobody else has changed the file, and when it was used last."""

    @property
    def kind(self) -> int:
        """The type, as a reclaim names it."""
        return t.OPEN_DELEGATE_WRITE if self.access == _BOTH else t.OPEN_DELEGATE_READ


class Delegations:
    """What one client has of them. It wants none until ``wanted`` is set."""

    def __init__(self, opens: OpenTable) -> None:
        self.wanted = False
        self.is_sure: Callable[[], bool] = lambda: True
        """Whether the lease cannot have run out, so that delegations are what they were."""
        self._opens = opens
        self._held: OrderedDict[bytes, Delegation] = OrderedDict()  # used longest ago first
        self._paths: dict[object, Delegation] = {}
        self._owed: dict[bytes, Delegation] = {}
        self._returning: dict[bytes, Future[None]] = {}
        self._asking = 0
        self._tidying: Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    # --- Coming ---

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Know that an OPEN is under way, whose reply a recall may overtake."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    def granted(
        self,
        opened: Open,
        given: t.open_delegation4,
        change: int | None = None,
        old: Delegation | None = None,
    ) -> None:
        """Keep what was granted with an open, or return it if it is not wanted.

        ``change`` is the file's change attribute after the OPEN, if it is known. One for writing is
        kept only then. What rested on an ``old`` one, that was reclaimed, rests on this one.
        """
        access = _KINDS.get(given.delegation_type)
        if access is None:
            return
        value = given.value
        delegation = Delegation(opened.caller, opened.handle, access, value.stateid, change or 0)
        unknown = access == _BOTH and change is None
        if not self.wanted or unknown or opened.handle in self._held:
            Task(self._return(delegation))
            return
        self._held[opened.handle] = delegation
        if old is not None:
            self.seen_at(old.path, delegation.handle)
            for each in list(old.opens):
                self.rest(each, delegation)
            old.opens.clear()
        if value.recall:
            Task(self.give_back(delegation))
            return
        if len(self._held) > KEPT_MAX:
            Task(self.give_back(self._least_used()))
        if self._tidying is None or self._tidying.done():
            self._tidying = Task(self._tidy(opened.caller))

    def _least_used(self) -> Delegation:
        unused = (each for each in self._held.values() if not each.opens)
        return next(unused, next(iter(self._held.values())))

    # --- Use ---

    def find(self, caller: Caller, handle: bytes, access: int) -> Delegation | None:
        """Return the delegation by which a user can open a file, if there is one."""
        delegation = self._held.get(handle)
        if (
            delegation is None
            or access & ~delegation.access
            or delegation.caller.credentials != caller.credentials
            or not self.is_sure()
        ):
            return None
        self._held.move_to_end(handle)
        delegation.used_at = caller.time()
        return delegation

    def at(self, path: object, caller: Caller, access: int) -> Delegation | None:
        """Return the delegation of the file that was last seen at a path, likewise."""
        delegation = self._paths.get(path)
        return None if delegation is None else self.find(caller, delegation.handle, access)

    def seen_at(self, path: object, handle: bytes) -> None:
        """Note where a file was opened."""
        delegation = self._held.get(handle)
        if delegation is not None:
            self._paths.pop(delegation.path, None)
            self._paths[path] = delegation
            delegation.path = path

    def release(self, handle: bytes) -> None:
        """Return what is held of a file, which is about to be removed, or was."""
        delegation = self._held.get(handle)
        if delegation is not None:
            Task(self.give_back(delegation))

    def release_at(self, path: object) -> None:
        """Return what is held of the file that was last seen at a path."""
        delegation = self._paths.get(path)
        if delegation is not None:
            self.release(delegation.handle)

    def held(self) -> list[Delegation]:
        """Return what is held, used longest ago first."""
        return list(self._held.values())

    # --- Going ---

    def returning(self, other: bytes) -> bool:
        """Return whether this is the stateid of a delegation that is being returned."""
        return other in self._returning

    def recalled(self, handle: bytes, other: bytes) -> int:
        """Begin to return what the server recalls; return the status of CB_RECALL."""
        delegation = self._held.get(handle)
        if delegation is not None and delegation.stateid.other == other:
            Task(self.give_back(delegation))
            return t.NFS4_OK
        if self.returning(other):
            return t.NFS4_OK
        return t.NFS4ERR_DELAY if self._asking else t.NFS4ERR_BAD_STATEID

    def recalled_any(self, keep: int, mask: int) -> None:
        """Return delegations of the kinds in ``mask`` until ``keep`` are left (CB_RECALL_ANY)."""
        chosen = [each for each in self._held.values() if _TYPES[each.access] & mask]
        chosen.sort(key=lambda each: bool(each.opens))
        for delegation in islice(chosen, max(0, len(chosen) - keep)):
            Task(self.give_back(delegation))

    async def give_back(self, delegation: Delegation) -> None:
        """Claim the opens that rest on a delegation, and return it."""
        if self._held.get(delegation.handle) is not delegation:
            return
        self.drop(delegation)
        other = delegation.stateid.other
        self._returning[other] = Future()
        for opened in list(delegation.opens):
            await self.claim(opened)
        await self._return(delegation)

    async def claim(self, opened: Open) -> None:
        """Open a file at the server that rests on a delegation. A failure is the next user's."""
        while opened.reopening is not None:
            await settled(opened.reopening)
        delegation = opened.delegation
        if delegation is None:
            return
        opened.reopening = Future()
        how = t.open_claim4(t.CLAIM_DELEG_CUR_FH, delegation.stateid)
        try:
            await self._opens.open_again(opened, how, recovering=False)
        except (StatusError, NfsError) as error:
            _log.debug("an open that rested on a delegation was not claimed: %s", error)
        finally:
            self.leave(opened)
            reopening, opened.reopening = opened.reopening, None
            reopening.set_result(None)

    def leave(self, opened: Open) -> None:
        """Note that an open does not rest on its delegation any more."""
        delegation, opened.delegation = opened.delegation, None
        if delegation is not None:
            delegation.opens.pop(opened, None)

    async def _return(self, delegation: Delegation) -> None:
        """Call DELEGRETURN, and ignore a failure: nothing depends on the delegation."""
        other = delegation.stateid.other
        done = self._returning.setdefault(other, Future())
        compound = delegation.caller.compound("DELEGRETURN")
        compound.putfh(delegation.handle)
        compound.delegreturn(b"\0\0\0\0" + other)
        try:
            await delegation.caller.call(compound)
        except StatusError as error:
            if error.status in (t.NFS4ERR_DELEG_REVOKED, t.NFS4ERR_EXPIRED):
                await self._free(delegation)
        except NfsError:
            return
        finally:
            self._returning.pop(other, None)
            done.set_result(None)

    async def return_all(self) -> None:
        """Return all, and wait for those that are on their way. No more are wanted."""
        self.wanted = False
        if self._tidying is not None:
            self._tidying.cancel()
        for delegation in list(self._held.values()):
            Task(self.give_back(delegation))
        for future in list(self._returning.values()):
            await settled(future)

    async def _tidy(self, caller: Caller) -> None:
        """Return what is not used, until nothing is left."""
        while self._held:
            await caller.pause(IDLE_S / 2)
            before = caller.time() - IDLE_S
            for delegation in list(self._held.values()):
                if delegation.used_at <= before and not delegation.opens:
                    Task(self.give_back(delegation))

    # --- Loss ---

    def drop(self, delegation: Delegation) -> None:
        """Forget a delegation: it is lost, or about to be returned."""
        if self._held.get(delegation.handle) is delegation:
            del self._held[delegation.handle]
        if self._paths.get(delegation.path) is delegation:
            del self._paths[delegation.path]

    def owed(self) -> dict[bytes, Delegation]:
        """Return what the server has forgotten and may be asked to grant again, by file.

        It is owed until :meth:`settle`, so that a reclaim amid which the server restarts once more
        begins again with all of it.
        """
        self._owed.update(self._held)
        self._held.clear()
        self._paths.clear()
        return self._owed

    def settle(self) -> None:
        """Note that all was reclaimed that can be."""
        self._owed.clear()

    def rest(self, opened: Open, delegation: Delegation) -> None:
        """Have an open rest on a delegation."""
        opened.delegation = delegation
        delegation.opens[opened] = None
        opened.set_stateid(delegation.stateid)

    async def check(self) -> None:
        """Ask the server what it has revoked, and forget that (RFC 8881, Section 18.46.3)."""
        held = list(self._held.values())
        for start in range(0, len(held), _TESTED_AT_ONCE):
            some = held[start : start + _TESTED_AT_ONCE]
            compound = some[0].caller.compound("TEST_STATEID")
            tested = compound.typed(
                t.OP_TEST_STATEID,
                t.TEST_STATEID4args([each.stateid for each in some]),
                16 + 4 * len(some),
                t.TEST_STATEID4resok.decode,
            )
            try:
                await some[0].caller.call(compound)
            except (StatusError, NfsError) as error:
                _log.debug("what was revoked is not known: %s", error)
                return
            lost = [
                each
                for each, status in zip(some, tested.value.tsr_status_codes, strict=False)
                if status != t.NFS4_OK
            ]
            for delegation in lost:
                self.drop(delegation)
            await gather([Task(self._free(each)) for each in lost])

    async def _free(self, delegation: Delegation) -> None:
        compound = delegation.caller.compound("FREE_STATEID")
        compound.free_stateid(b"\0\0\0\0" + delegation.stateid.other)
        try:
            await delegation.caller.call(compound)
        except (StatusError, NfsError):
            return

    # --- CB_GETATTR ---

    def attributes(self, handle: bytes) -> Coroutine[Any, Any, dict[int, Any]] | None:
        """Return what finds the attributes of a file that CB_GETATTR asks for.

        None if the file is not delegated for writing. Its coroutine raises ``StatusError`` and
        ``NfsError``.
        """
        delegation = self._held.get(handle)
        if delegation is None or delegation.access != _BOTH:
            return None
        return self._attributes(delegation)

    async def _attributes(self, delegation: Delegation) -> dict[int, Any]:
        compound = delegation.caller.compound("GETATTR")
        compound.putfh(delegation.handle)
        status = compound.stat()
        await delegation.caller.call(compound)
        # Nothing is kept back: by the change attribute the server sees that (Section 10.4.3).
        return {t.FATTR4_CHANGE: delegation.change, t.FATTR4_SIZE: status.value.st_size}

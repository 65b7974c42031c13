"""LOCK, LOCKT and LOCKU (RFC 8881, Sections 18.10 to 18.12). Locks are advisory.

They hold among clients, and where a back end can also against those who do not come through the
server (``outside_locks``).
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context, Waits
from ..engine.operation import Failure, may_wait
from ..engine.reply import Reply
from ..outside_locks import KeptFile
from ..state.lock import FOREVER, HeldRange
from ..state.refusal import RANGES_FULL, Refusal
from ..state.share import OpenedFile
from ..state.stateid import LockState, OpenState
from ..state.waiter import Waiter
from ..vfs.interface import READ, WRITE, Foreign
from . import rights
from .stateids import require_regular

_STATEID: Final = struct.Struct(">I12s")
_UINT64_MAX = (1 << 64) - 1
_EXCLUSIVE = (nfs.WRITE_LT, nfs.WRITEW_LT)
_SHARED = (nfs.READ_LT, nfs.READW_LT)
_WAITING: Final = (nfs.READW_LT, nfs.WRITEW_LT)


def _range(offset: int, length: int) -> tuple[int, int]:
    """Return a half-open range; raise INVAL as RFC 8881, Section 18.10.3, says."""
    if length == 0 or (length != _UINT64_MAX and offset + length > _UINT64_MAX):
        raise NfsError(nfs.NFS4ERR_INVAL)
    return offset, FOREVER if length == _UINT64_MAX else offset + length


def _is_exclusive(locktype: int) -> bool:
    if locktype in _EXCLUSIVE:
        return True
    if locktype in _SHARED:
        return False
    raise NfsError(nfs.NFS4ERR_INVAL)


def _conflict(
    context: Context, file: OpenedFile, start: int, end: int, exclusive: bool, owner: bytes
) -> HeldRange | None:
    """Return a range that conflicts, once clients that are gone have been put out."""
    while True:
        held = file.locks.conflict(start, end, exclusive, context.caller, owner)
        if held is None or not context.core.registry.give_way([held.holder.client], context.now):
            return held


def _denied(held: HeldRange | Waiter | Foreign) -> Failure:
    """Return DENIED, with the range that is held, or kept for somebody, and its owner.

    One that is no client has the number 0, which none has.
    """
    body = Encoder()
    length = _UINT64_MAX if held.end == FOREVER else held.end - held.start
    if isinstance(held, Foreign):
        owner = nfs.lock_owner4(0, held.owner)
    else:
        holder = held if isinstance(held, Waiter) else held.holder
        owner = nfs.lock_owner4(holder.client.id, holder.owner)
    kind = nfs.WRITE_LT if held.exclusive else nfs.READ_LT
    nfs.LOCK4denied(held.start, length, kind, owner).encode(body)
    return Failure(nfs.NFS4ERR_DENIED, bytes(body.buffer))


def _open_of(context: Context, stateid: nfs.stateid4) -> OpenState:
    state = context.core.registry.states.find(context.actual(stateid), context.caller)
    if not isinstance(state, OpenState) or state.file.handle.wire != context.here.wire:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state


def _lock_of(context: Context, stateid: nfs.stateid4) -> LockState:
    state = context.core.registry.states.find(context.actual(stateid), context.caller)
    if not isinstance(state, LockState) or state.file.handle.wire != context.here.wire:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state


def _lockers(context: Context, locker: nfs.locker4) -> tuple[OpenState, LockState | None, bytes]:
    """Return the open to lock through, the lock owner's state if it has one here, and its name."""
    if locker.new_lock_owner:
        opening = locker.open_owner
        return _open_of(context, opening.open_stateid), None, opening.lock_owner.owner
    state = _lock_of(context, locker.lock_owner.lock_stateid)
    return state.open, state, state.owner


@may_wait
async def lock(context: Context, args: nfs.LOCK4args, reply: Reply) -> None:
    """LOCK (RFC 8881, Section 18.10). A client that waits is denied, and told when to ask again."""
    require_regular(context)
    start, end = _range(args.offset, args.length)
    exclusive = _is_exclusive(args.locktype)
    open_state, _, _ = _lockers(context, args.locker)
    context.core.registry.check_grace(context.caller, args.reclaim, context.now)
    needed = nfs.OPEN4_SHARE_ACCESS_WRITE if exclusive else nfs.OPEN4_SHARE_ACCESS_READ
    if not open_state.access & needed:
        raise NfsError(nfs.NFS4ERR_OPENMODE)
    access = WRITE if exclusive else READ
    if not rights.is_opener(context, open_state, access):
        await rights.require(context, open_state.file, access)
        # Others may have been served meanwhile: look again.
        open_state, _, _ = _lockers(context, args.locker)
    outside, here = context.core.outside_locks, context.here
    if args.reclaim and outside.applies(here) and not here.export.fs.reclaims_ranges:
        # Others may have had it meanwhile (RFC 8881, Section 8.4.2.1).
        raise NfsError(nfs.NFS4ERR_NO_GRACE)
    kept = outside.kept(open_state.file)
    if kept is None:
        _enter(context, args, reply, _vacant(context, args, start, end, exclusive))
        return
    turn = kept.enter()
    if turn is not None:
        await context.wait(turn)
    try:
        wanted = _vacant(context, args, start, end, exclusive)
        await _hold(context, args, kept, wanted)
        try:
            # Its open may have been closed meanwhile.
            wanted = wanted._replace(opening=_lockers(context, args.locker)[0])
            _enter(context, args, reply, wanted)
        except BaseException:
            kept.loosen(start, end)
            raise
    finally:
        kept.leave()


class _Wanted(NamedTuple):
    """A range that no client is in the way of, and whose it is to be."""

    opening: OpenState
    owner: bytes
    start: int
    end: int
    exclusive: bool


def _waits(args: nfs.LOCK4args) -> bool:
    return args.locktype in _WAITING and not args.reclaim


def _vacant(
    context: Context, args: nfs.LOCK4args, start: int, end: int, exclusive: bool
) -> _Wanted:
    """Return the range that LOCK asks for, if no client is in the way. Raises DENIED."""
    open_state, _, owner = _lockers(context, args.locker)
    file, core = open_state.file, context.core
    held: HeldRange | Waiter | None = _conflict(context, file, start, end, exclusive, owner)
    if held is None and _waits(args):
        reserved = core.lock_notices.reservation
        held = reserved(file, context.caller, owner, start, end, exclusive)
    if held is not None:
        if _waits(args):
            core.lock_notices.wait(open_state, owner, start, end, exclusive)
        raise _denied(held)
    if not core.registry.states.may_lock(file, context.caller):
        raise Refusal(nfs.NFS4ERR_DELAY, RANGES_FULL)
    return _Wanted(open_state, owner, start, end, exclusive)


async def _hold(context: Context, args: nfs.LOCK4args, kept: KeptFile, wanted: _Wanted) -> None:
    """Hold a range against those who are no clients. Raises DENIED, or RECLAIM_CONFLICT."""
    opening, owner, start, end, exclusive = wanted
    found = await context.ready(kept.hold(context.user, start, end, exclusive))
    if found is None:
        return
    if args.reclaim:
        # Somebody has taken it while the server was away (RFC 8881, Section 15.1.9.5).
        raise NfsError(nfs.NFS4ERR_RECLAIM_CONFLICT)
    if _waits(args) and not context.caller.gone and opening.other in context.caller.open_states:
        waiter = context.core.lock_notices.wait(opening, owner, start, end, exclusive)
        if waiter is not None:
            waiter.outside = True
            context.core.outside_locks.watch(opening.file)
    raise _denied(found)


def _enter(context: Context, args: nfs.LOCK4args, reply: Reply, wanted: _Wanted) -> None:
    """Lock a range that nobody is in the way of."""
    registry = context.core.registry
    opening, owner, start, end, exclusive = wanted
    state = opening.file.find_lock(context.caller, owner)
    if state is None:
        registry.make_state_room(context.caller, context.now)
        state = registry.states.add_lock(opening, owner)
    registry.states.lock_range(state, start, end, exclusive)
    context.core.lock_notices.granted(opening, owner, start, end)
    if args.reclaim:
        registry.grace.reclaimed(context.now)
    state.bump()
    context.current_stateid = state.stateid
    state.stateid.encode(reply.encoder)


@may_wait
async def lockt(context: Context, args: nfs.LOCKT4args, reply: Reply) -> None:
    """LOCKT (RFC 8881, Section 18.11)."""
    require_regular(context)
    start, end = _range(args.offset, args.length)
    exclusive = _is_exclusive(args.locktype)
    context.core.registry.check_grace(context.caller, False, context.now)
    file = context.core.registry.states.file(context.here)
    held: HeldRange | Foreign | None = None
    if file is not None:
        held = _conflict(context, file, start, end, exclusive, args.owner.owner)
    if held is None:
        outside = context.core.outside_locks
        wanted = context.here, context.user, start, end, exclusive
        held = await context.ready(outside.conflict(*wanted))
    if held is not None:
        raise _denied(held)


def locku(context: Context, args: nfs.LOCKU4args, reply: Reply) -> Waits:
    """LOCKU (RFC 8881, Section 18.12). It is answered once others than clients can have it, too."""
    require_regular(context)
    start, end = _range(args.offset, args.length)
    _is_exclusive(args.locktype)
    state = _lock_of(context, args.lock_stateid)
    states = context.core.registry.states
    if state.file.locks.splits(start, end, state) and not states.may_lock(
        state.file, context.caller
    ):
        # There is no room for the two parts of a cut range. It can be unlocked as a whole.
        raise Refusal(nfs.NFS4ERR_LOCK_RANGE, RANGES_FULL)
    states.unlock_range(state, start, end)
    state.bump()
    context.current_stateid = state.stateid
    state.stateid.encode(reply.encoder)
    kept = state.file.kept
    return kept.settled() if kept is not None else None


def free_stateid(context: Context, args: nfs.FREE_STATEID4args, reply: Reply) -> None:
    """FREE_STATEID (RFC 8881, Section 18.38).

    Only a lock owner without locks can be freed, or a delegation that was revoked.
    """
    registry = context.core.registry
    states = registry.states
    revoked = context.caller.revoked.get(args.fsa_stateid.other)
    if revoked is not None:
        registry.delegations.free(revoked)
        return
    state = states.find(context.actual(args.fsa_stateid), context.caller)
    if not isinstance(state, LockState) or state.file.locks.held_by(state):
        raise NfsError(nfs.NFS4ERR_LOCKS_HELD)
    states.free(state)


def decode_stateids(dec: Decoder) -> list[tuple[int, bytes]]:
    """Read the stateids of TEST_STATEID, of which there may be 60,000: number and rest."""
    count = dec.uint32()
    dec.check_count(count, _STATEID.size)
    return list(_STATEID.iter_unpack(dec.fixed_opaque(count * _STATEID.size)))


def test_stateid(context: Context, args: list[tuple[int, bytes]], reply: Reply) -> Waits:
    """TEST_STATEID (RFC 8881, Section 18.48). The current stateid cannot be tested."""

    def test() -> None:
        codes = context.core.registry.states.test(args, context.caller)
        reply.buffer += struct.pack(f">{len(codes) + 1}I", len(codes), *codes)

    return context.in_turn(test)

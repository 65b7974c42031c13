"""OPEN, CLOSE and OPEN_DOWNGRADE (RFC 8881, Sections 18.16, 18.2 and 18.18).

What is delegated with an open is up to ``delegations``.
"""

from __future__ import annotations

import struct
from contextlib import ExitStack
from typing import Final, NamedTuple

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask, mask_of
from nfsrdma.xdr.nfs4.errors import NfsError

from ..delegations import Guard
from ..engine.context import Context, Waits
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..state.delegation import Delegation
from ..state.stateid import ANONYMOUS, UINT32_MAX, OpenState
from ..vfs.interface import READ, WRITE, Changes, Node, OpenFile
from ..vfs.namespace import Filehandle
from ..wish import Wish
from . import creation, delegations, rights
from .directory import DirectoryChange
from .durable import make_durable
from .handles import find, walkable
from .names import check_name, takes
from .stateids import open_state_of, require_regular

_ACCESS_BITS: Final = {
    nfs.OPEN4_SHARE_ACCESS_READ: READ,
    nfs.OPEN4_SHARE_ACCESS_WRITE: WRITE,
    nfs.OPEN4_SHARE_ACCESS_BOTH: READ | WRITE,
}
_WANT_MASK: Final = nfs.OPEN4_SHARE_ACCESS_WANT_DELEG_MASK
_HINTS: Final = delegations.WANT_WHEN | delegations.WANT_TIMES | delegations.WANT_ONE_STATEID
"""Flags besides what is wanted, of RFC 8881 and RFC 9754."""
_NO_STATEID: Final = nfs.stateid4(0, ANONYMOUS)
_OF_ITS_OWN: Final = (nfs.CLAIM_NULL, nfs.CLAIM_FH)
_VERIFIER = struct.Struct(">II")
_BILLION: Final = 1_000_000_000
_TIMES: Final = mask_of(nfs.FATTR4_TIME_ACCESS_SET, nfs.FATTR4_TIME_MODIFY_SET)


class _Wish(NamedTuple):
    """What an OPEN asks for."""

    access: int
    deny: int
    delegation: int

    @classmethod
    def of(cls, args: nfs.OPEN4args) -> _Wish:
        """Take the wish from the arguments; INVAL if it makes no sense, or BADXDR."""
        if args.openhow.opentype not in (nfs.OPEN4_NOCREATE, nfs.OPEN4_CREATE):
            raise NfsError(nfs.NFS4ERR_BADXDR)
        access = args.share_access & nfs.OPEN4_SHARE_ACCESS_BOTH
        delegation = args.share_access & ~nfs.OPEN4_SHARE_ACCESS_BOTH
        if (
            access == 0
            or args.share_deny > nfs.OPEN4_SHARE_DENY_BOTH
            or delegation & ~(_WANT_MASK | _HINTS)
        ):
            raise NfsError(nfs.NFS4ERR_INVAL)
        return cls(access, args.share_deny, delegation)


class _Found(NamedTuple):
    """The file to open was there already."""

    handle: Filehandle
    change: nfs.change_info4
    attrset: int = 0
    """The attributes that were set, or are going to be."""
    truncate: bool = False
    """Its size is to be set to zero."""


class _Created(NamedTuple):
    """The file was made, and is open."""

    handle: Filehandle
    change: nfs.change_info4
    attrset: int
    file: OpenFile


@may_wait
async def open_file(context: Context, args: nfs.OPEN4args, reply: Reply) -> None:
    """OPEN (RFC 8881, Section 18.16)."""
    wish = _Wish.of(args)
    claim = args.claim.claim
    _check_grace(context, claim)
    if claim in (nfs.CLAIM_DELEGATE_PREV, nfs.CLAIM_DELEG_PREV_FH):
        raise NfsError(nfs.NFS4ERR_NOTSUPP)  # no delegation outlives its client
    if claim != nfs.CLAIM_NULL and args.openhow.opentype == nfs.OPEN4_CREATE:
        raise NfsError(nfs.NFS4ERR_INVAL)
    place: _Found | _Created
    delegation = None
    if claim == nfs.CLAIM_NULL:
        place = await _by_name(context, args, wish)
    elif claim in (nfs.CLAIM_FH, nfs.CLAIM_PREVIOUS):
        place = _Found(context.here, nfs.change_info4(True, 0, 0))
    else:
        place, delegation = await _by_delegation(context, args.claim, wish)
    state = await _open_place(context, args, wish, place, delegation)
    if claim == nfs.CLAIM_PREVIOUS:
        granted = await delegations.reclaimed(context, state, args.claim.delegate_type)
    elif delegation is not None or (isinstance(place, _Found) and place.truncate):
        # What the file system does with what was cut off may still change attributes.
        granted = delegations.refused(wish.delegation, nfs.WND4_CONTENTION)
    else:
        granted = await delegations.answer(context, state, wish.delegation)
    context.enter(place.handle)
    stateid, flags = state.stateid, _flags(context)
    context.current_stateid = stateid
    if claim in _OF_ITS_OWN and delegations.without_open(context, state, wish.delegation, granted):
        stateid, flags = _NO_STATEID, flags | nfs.OPEN4_RESULT_NO_OPEN_STATEID
    nfs.OPEN4resok(
        stateid,
        place.change,
        flags,
        bitmap_from_mask(place.attrset),
        granted,
    ).encode(reply.encoder)


def _flags(context: Context) -> int:
    """Return the flags of OPEN's result (RFC 8881, Section 18.16.3; RFC 7530, Section 16.16.5)."""
    flags = nfs.OPEN4_RESULT_LOCKTYPE_POSIX
    numbered = context.numbered
    if numbered is not None and not numbered.owner.confirmed:
        flags |= nfs.OPEN4_RESULT_CONFIRM
    if context.minor and context.caller.is_reachable:
        # Clients that are told so hardly poll for locks any more: it must be true.
        flags |= nfs.OPEN4_RESULT_MAY_NOTIFY_LOCK
    return flags


def _check_grace(context: Context, claim: int) -> None:
    """Raise unless the client may open now: RFC 8881, Sections 8.4.2.1 and 18.51.3."""
    registry, client = context.core.registry, context.caller
    reclaim = claim == nfs.CLAIM_PREVIOUS
    registry.check_grace(client, reclaim, context.now)
    if reclaim or not client.has_sessions:
        registry.note_state(client)
    elif not client.reclaim_complete:
        raise NfsError(nfs.NFS4ERR_GRACE)


async def _by_delegation(
    context: Context, claim: nfs.open_claim4, wish: _Wish
) -> tuple[_Found, Delegation]:
    """CLAIM_DELEGATE_CUR and CLAIM_DELEG_CUR_FH: open what the client has opened by itself.

    That is asked for when the delegation is recalled, and must not wait for those who want it back.
    """
    if claim.claim == nfs.CLAIM_DELEG_CUR_FH:
        stateid, handle = claim.oc_delegate_stateid, context.here
        change = nfs.change_info4(True, 0, 0)
    else:
        here = context.here
        walkable(here)
        stateid = claim.delegate_cur_info.delegate_stateid
        name = check_name(claim.delegate_cur_info.file, here.export.fs)
        change = (await DirectoryChange.begin(context, here)).unchanged()
        handle = await find(context, here, name, _refusal(context))
    delegation = delegations.claimed(context, stateid)
    if delegation.file.handle.wire != handle.wire:
        raise NfsError(nfs.NFS4ERR_INVAL)  # BAD_STATEID makes clients try for ever
    if wish.access & nfs.OPEN4_SHARE_ACCESS_WRITE and not delegation.exclusive:
        raise NfsError(nfs.NFS4ERR_OPENMODE)
    return _Found(handle, change), delegation


async def _by_name(context: Context, args: nfs.OPEN4args, wish: _Wish) -> _Found | _Created:
    """CLAIM_NULL: look the name up, or create it."""
    here = context.here
    parent = walkable(here)
    name = check_name(args.claim.file, here.export.fs)
    if args.openhow.opentype == nfs.OPEN4_CREATE:
        if not takes(name, here.export):
            # It has it already, or refuses it.
            await find(context, here, name, _refusal(context))
        with await delegations.before_entries(context, here, name):
            place = await _create(context, args.openhow.how, wish, parent, name)
        if isinstance(place, _Created):
            context.core.delegations.changed(context.client, here)
        return place
    change = await DirectoryChange.begin(context, here)
    handle = await find(context, here, name, _refusal(context))
    return _Found(handle, change.unchanged())


def _refusal(context: Context) -> int:
    """Return what OPEN says of a name that is not there, and that the export does not take.

    BADNAME rather than INVAL: a Linux client that hears INVAL of any OPEN gives up OPEN by file
    handle (CLAIM_FH) for the whole mount. Minor version 0 does not have that.
    """
    return nfs.NFS4ERR_BADNAME if context.minor else nfs.NFS4ERR_INVAL


async def _create(
    context: Context, how: nfs.createhow4, wish: _Wish, parent: Node, name: bytes
) -> _Found | _Created:
    here = context.here
    fs = here.export.fs
    verifier, to_set = await _to_create(context, how)
    changes, mask, acls = to_set.changes, to_set.mask, to_set.acls(directory=False)
    context.require_writable()
    change = await DirectoryChange.begin(context, here)
    mode = await creation.mode(context, to_set, acls, 0o644)
    # Before anything is made: the open must have a place.
    context.core.registry.make_state_room(context.caller, context.now)
    # The creator may give the file a size even if it opens it for reading alone.
    access = _ACCESS_BITS[wish.access] | (0 if changes.size is None else WRITE)
    # RFC 8881, Section 18.16.3: the same OPEN finds the verifier again, also after a restart.
    times = None if verifier is None else _verifier_times(verifier)
    try:
        made = fs.create(parent, name, context.user, mode, access, times)
        node, file = await context.ready(made)
    except FileExistsError:
        handle = await context.ready(context.core.namespace.lookup(here, name, context.user))
        await _check_existing(context, handle, how.mode, verifier)
        if how.mode == nfs.UNCHECKED4 and changes.size == 0:
            # RFC 8881, Section 18.16.3: of what is there, only a size of zero is set.
            return _Found(handle, change.unchanged(), mask_of(nfs.FATTR4_SIZE), truncate=True)
        attrset = 0 if verifier is None else mask | _TIMES
        return _Found(handle, change.unchanged(), attrset)
    try:
        if times is not None:
            mask |= _TIMES
            if changes.size is not None:  # which takes them away
                changes.atime_ns, changes.mtime_ns = times
        late = bool(mode & fs.late_modes) or (
            times is not None and (fs.late_times or access == READ)
        )
        await creation.complete(context, node, changes, acls, late, via=file)
        info = await change.finish(context)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError | NfsError):
            await context.ready(fs.remove(parent, name, context.user))
        raise
    return _Created(context.core.namespace.at(here.export, node), info, mask, file)


async def _to_create(context: Context, how: nfs.createhow4) -> tuple[bytes | None, Wish]:
    """Return the verifier of an exclusive create, and what is to be set."""
    if how.mode == nfs.EXCLUSIVE4:
        return how.createverf, Wish(Changes(), 0, 0)
    verifier = None
    if how.mode == nfs.EXCLUSIVE4_1:
        verifier, given = how.ch_createboth.cva_verf, how.ch_createboth.cva_attrs
    else:
        given = how.createattrs
    wish = await creation.wish_of(context, given)
    if verifier is not None and wish.mask & _TIMES:
        raise NfsError(nfs.NFS4ERR_INVAL)
    return verifier, wish


def _verifier_times(verifier: bytes) -> tuple[int, int]:
    """Return the times that keep an exclusive create's verifier, as every file system can."""
    first, second = _VERIFIER.unpack(verifier)
    # Some file systems' times end in 2038.
    return (first & 0x7FFFFFFF) * _BILLION, (second & 0x7FFFFFFF) * _BILLION


async def _check_existing(
    context: Context, handle: Filehandle, mode: int, verifier: bytes | None
) -> None:
    """Raise EXIST unless an OPEN that creates may go on with what has the name already."""
    if mode == nfs.UNCHECKED4:
        return
    if verifier is not None and handle.node.is_regular:
        found = await context.ready(handle.export.fs.attributes(handle.node))
        if (found.atime_ns, found.mtime_ns) == _verifier_times(verifier):
            return  # The same request again.
    raise NfsError(nfs.NFS4ERR_EXIST)


async def _open_place(
    context: Context,
    args: nfs.OPEN4args,
    wish: _Wish,
    place: _Found | _Created,
    delegation: Delegation | None,
) -> OpenState:
    """Open what is not open yet, check the shares, and note it all in the state."""
    handle, registry, owner = place.handle, context.core.registry, args.owner.owner
    reclaim = args.claim.claim == nfs.CLAIM_PREVIOUS
    bits = _ACCESS_BITS[wish.access]
    with ExitStack() as guards, ExitStack() as unused:
        file: OpenFile | None = None
        if isinstance(place, _Created):
            file = place.file
            unused.callback(file.close)
        _check_type(context, handle, wish)
        # Rights come before share reservations, which are nothing to those who have none.
        missing = await _check_rights(context, handle, owner, bits)
        if file is not None:
            missing = bits
        elif missing and not _opened_it(context, delegation, missing):
            file = await rights.open_anew(context, handle, missing, reclaim)
            unused.callback(file.close)
        registry.check_share(handle, wish.access, wish.deny, context.now)
        guards.enter_context(await _undelegated(context, handle, wish))
        registry.check_share(handle, wish.access, wish.deny, context.now)
        if isinstance(place, _Found) and place.truncate:
            await _truncate(context, handle, owner, wish, file if missing & WRITE else None)
            registry.check_share(handle, wish.access, wish.deny, context.now)
        state = _state(context, handle, owner)
        if bits & ~_open_bits(state) & ~missing:
            # What was open a moment ago was closed while this one waited.
            raise NfsError(nfs.NFS4ERR_DELAY)
        if delegation is not None and not delegation.live:
            raise NfsError(nfs.NFS4ERR_BAD_STATEID)
        if state is None:
            registry.make_state_room(context.caller, context.now)
            state = registry.states.add_open(context.caller, owner, handle)
        if file is not None:
            state.take(file, bits, context.user)
            unused.pop_all()
        elif delegation is not None:
            delegation.lend(state, bits)
    state.set_modes(state.access | wish.access, state.deny | wish.deny)
    state.modes.add((wish.access, wish.deny))
    state.bump()
    if reclaim:
        registry.grace.reclaimed(context.now)
    return state


def _opened_it(context: Context, delegation: Delegation | None, wanted: int) -> bool:
    """Return whether a delegation was granted to this very user, for what is wanted."""
    return delegation is not None and all(
        rights.is_opener(context, delegation, access) for access in (READ, WRITE) if wanted & access
    )


async def _undelegated(context: Context, handle: Filehandle, wish: _Wish) -> Guard:
    """Have returned what others hold of a file; return the guard for an open that changes it."""
    keeper = context.core.delegations
    if wish.access & nfs.OPEN4_SHARE_ACCESS_WRITE or wish.deny & nfs.OPEN4_SHARE_DENY_READ:
        return await context.ready(keeper.exclude(context.client, handle))
    waits = keeper.settle(context.client, handle, False)
    if waits is not None:
        await context.wait(waits)
    return Guard()


def _state(context: Context, handle: Filehandle, owner: bytes) -> OpenState | None:
    """Return the state of the owner's open, if it has the file open already."""
    opens = context.core.registry.states.file(handle)
    return None if opens is None else opens.find(context.caller, owner)


def _open_bits(state: OpenState | None) -> int:
    """Return what the file is open for: READ, WRITE, both or nothing."""
    if state is None:
        return 0
    return (READ if state.reader else 0) | (WRITE if state.writer else 0)


def _check_type(context: Context, handle: Filehandle, wish: _Wish) -> None:
    """Raise ISDIR, SYMLINK, WRONG_TYPE or ROFS if such a thing cannot be opened so."""
    node = handle.node
    if not node.is_regular:
        if node.is_directory:
            raise NfsError(nfs.NFS4ERR_ISDIR)
        raise NfsError(nfs.NFS4ERR_SYMLINK if node.is_symlink else nfs.NFS4ERR_WRONG_TYPE)
    if wish.access & nfs.OPEN4_SHARE_ACCESS_WRITE and context.is_frozen(handle.export):
        raise NfsError(nfs.NFS4ERR_ROFS)


async def _check_rights(context: Context, handle: Filehandle, owner: bytes, wanted: int) -> int:
    """Check the rights to what the owner has open, and return what is to be opened as the caller.

    Another caller may have opened what is open already. A reclaim is granted to the file's owner
    with any mode, as it was when the file was opened: git, for one, writes to files that it made
    with mode 0444.
    """
    state = _state(context, handle, owner)
    missing = wanted & ~_open_bits(state)
    if state is not None:
        for access in (READ, WRITE):
            if wanted & ~missing & access and not rights.is_opener(context, state, access):
                await rights.require(context, state.file, access)
    return missing


async def _truncate(
    context: Context, handle: Filehandle, owner: bytes, wish: _Wish, file: OpenFile | None
) -> None:
    """Set the size of a file to zero, through ``file`` or what is open for writing already."""
    state = _state(context, handle, owner)
    if file is None and state is not None and wish.access & nfs.OPEN4_SHARE_ACCESS_WRITE:
        file = state.writer
    fs = handle.export.fs
    job = await context.ready(fs.change(handle.node, context.user, Changes(size=0), file))
    await make_durable(context, handle, job)


def _own_open(context: Context, stateid: nfs.stateid4) -> OpenState:
    """Return the open that is to be changed; BAD_STATEID for a lock's or a special stateid."""
    actual = context.actual(stateid)
    state = open_state_of(context, actual)
    if not isinstance(state, OpenState) or state.other != actual.other:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state


def close(context: Context, args: nfs.CLOSE4args, reply: Reply) -> Waits:
    """CLOSE (RFC 8881, Section 18.2). Locks that are still held go with the open."""
    state = _own_open(context, args.open_stateid)
    kept = state.file.kept
    context.core.registry.states.close(state)
    # RFC 8881, Section 18.2.4: the stateid that is returned is of no use.
    context.current_stateid = None
    nfs.stateid4(UINT32_MAX, bytes(12)).encode(reply.encoder)
    return kept.settled() if kept is not None else None


def downgrade(context: Context, args: nfs.OPEN_DOWNGRADE4args, reply: Reply) -> None:
    """OPEN_DOWNGRADE (RFC 8881, Section 18.18)."""
    require_regular(context)
    state = _own_open(context, args.open_stateid)
    access = args.share_access & nfs.OPEN4_SHARE_ACCESS_BOTH
    deny = args.share_deny
    if not access or deny > nfs.OPEN4_SHARE_DENY_BOTH or not _reachable(state, access, deny):
        raise NfsError(nfs.NFS4ERR_INVAL)
    state.set_modes(access, deny)
    state.modes = {mode for mode in state.modes if not (mode[0] & ~access or mode[1] & ~deny)}
    state.release(keep=_ACCESS_BITS[access])
    state.bump()
    context.current_stateid = state.stateid
    state.stateid.encode(reply.encoder)


def _reachable(state: OpenState, access: int, deny: int) -> bool:
    """Return whether the modes are a union of some that the file was opened with."""
    got_access = got_deny = 0
    for each_access, each_deny in state.modes:
        if not (each_access & ~access or each_deny & ~deny):
            got_access |= each_access
            got_deny |= each_deny
    return (got_access, got_deny) == (access, deny)

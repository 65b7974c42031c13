"""Delegations in compounds: OPEN's answer, DELEGRETURN, and what others have to wait for.

NOTSUPP are DELEGPURGE and the claims of delegations from before a restart of the client: no
delegation outlives its client's record.
"""

from __future__ import annotations

import copy
from contextlib import suppress
from stat import S_ISGID, S_ISUID
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import mask_of
from nfsrdma.xdr.nfs4.errors import NfsError

from .. import attributes
from ..delegations import Guard, Told
from ..engine.context import Context
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..state.delegation import Delegation, Grant
from ..state.session import Slot
from ..state.share import OpenedFile
from ..state.stateid import OpenState
from ..vfs.interface import NOW, READ, ROOT, WRITE, Attributes, Changes
from ..vfs.namespace import Filehandle
from ..wish import DelegatedTimes
from . import rights
from .stateids import require_regular

OF_HOLDER: Final = mask_of(
    nfs.FATTR4_CHANGE,
    nfs.FATTR4_SIZE,
    nfs.FATTR4_TIME_ACCESS,
    nfs.FATTR4_TIME_MODIFY,
    nfs.FATTR4_TIME_METADATA,
)
"""The attributes of which the holder of a write delegation knows more than the server."""

_WANT_MASK: Final = nfs.OPEN4_SHARE_ACCESS_WANT_DELEG_MASK
WANT_WHEN: Final = (
    nfs.OPEN4_SHARE_ACCESS_WANT_SIGNAL_DELEG_WHEN_RESRC_AVAIL
    | nfs.OPEN4_SHARE_ACCESS_WANT_PUSH_DELEG_WHEN_UNCONTENDED
)
"""The flags of clients that would like to be told later."""
WANT_TIMES: Final = nfs.OPEN4_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS
WANT_ONE_STATEID: Final = nfs.OPEN4_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION
_LAST_WANT: Final = nfs.OPEN4_SHARE_ACCESS_WANT_CANCEL
_NOT_WANTED: Final = (nfs.OPEN4_SHARE_ACCESS_WANT_NO_DELEG, nfs.OPEN4_SHARE_ACCESS_WANT_CANCEL)
_REASONED: Final = (nfs.WND4_CONTENTION, nfs.WND4_RESOURCE)
_TIMES_SINCE: Final = 2
"""The minor version from which on a holder may keep the times (RFC 9754)."""
_FOR_READING: Final = (nfs.OPEN_DELEGATE_READ, nfs.OPEN_DELEGATE_READ_ATTRS_DELEG)
_FOR_WRITING: Final = (nfs.OPEN_DELEGATE_WRITE, nfs.OPEN_DELEGATE_WRITE_ATTRS_DELEG)
COOKIE_VERIFIER: Final = bytes(nfs.NFS4_VERIFIER_SIZE)
"""Zero, and whatever comes back is accepted: a cookie says by itself where to go on, today and
after a restart (RFC 8881, Section 18.23.3, leaves that to the server). Clients that always send
zero exist."""
_NO_RIGHTS: Final = nfs.nfsace4(nfs.ACE4_ACCESS_ALLOWED_ACE_TYPE, 0, 0, b"")
"""No user may be let at the file without asking (ACCESS): rights are the server's to check."""


# --- OPEN ---


def refused(wants: int, reason: int) -> nfs.open_delegation4:
    """Return what a client is told that gets no delegation (RFC 8881, Section 18.16.3).

    A client that has not said that it wants one is not told why.
    """
    want = wants & _WANT_MASK
    if want == nfs.OPEN4_SHARE_ACCESS_WANT_NO_DELEG:
        reason = nfs.WND4_NOT_WANTED
    elif want == nfs.OPEN4_SHARE_ACCESS_WANT_CANCEL:
        reason = nfs.WND4_CANCELLED
    elif want == nfs.OPEN4_SHARE_ACCESS_WANT_NO_PREFERENCE:
        return nfs.open_delegation4(nfs.OPEN_DELEGATE_NONE)
    # Nobody is told later that one is to be had.
    value = False if reason in _REASONED else None
    return nfs.open_delegation4(
        nfs.OPEN_DELEGATE_NONE_EXT, nfs.open_none_delegation4(reason, value)
    )


async def answer(context: Context, state: OpenState, wants: int) -> nfs.open_delegation4:
    """Grant a delegation with an open that is in the state, if that can be; return the answer."""
    want = wants & _WANT_MASK
    if want in _NOT_WANTED:
        return refused(wants, nfs.WND4_NOT_WANTED)
    delegations = context.core.delegations
    numbered = context.numbered
    if numbered is not None and not numbered.owner.confirmed:
        return refused(wants, nfs.WND4_CONTENTION)  # the OPEN may have been an old one
    exclusive = (
        # In minor version 0 a look at a file by its holder is not told from another client's, which
        # would have to wait for the return that comes behind it.
        state.client.has_sessions
        and state.reader is not None
        and state.writer is not None
        and state.access == nfs.OPEN4_SHARE_ACCESS_BOTH
        and want != nfs.OPEN4_SHARE_ACCESS_WANT_READ_DELEG
    )
    reason = delegations.refusal(state.client, state.file, exclusive)
    if reason < 0 and state.reader is None:
        # Its holder would have to be able to read what it changes parts of.
        reason = nfs.WND4_CONTENTION
    if reason >= 0:
        return refused(wants, reason)
    delegation = delegations.grant(state, exclusive, grant_of(context))
    # Who only reads would keep the access time alone, and Linux cannot set that without moving the
    # change time, which RFC 9754, Section 5, forbids.
    delegation.times = exclusive and bool(wants & WANT_TIMES) and context.minor >= _TIMES_SINCE
    if state.writer is not None and not await _suits(context, delegation):
        return refused(wants, nfs.WND4_CONTENTION)
    return _granted(delegation, recall=False)


def _may_reclaim(context: Context, file: OpenedFile, kind: int) -> bool:
    """Return whether the caller may have back a delegation that it held before a restart."""
    registry, delegations = context.core.registry, context.core.delegations
    client, exclusive = context.caller, kind in _FOR_WRITING
    return (
        (kind in _FOR_READING or (exclusive and client.has_sessions))
        and delegations.enabled
        and registry.grace.may_reclaim_delegations(client.record)
        and delegations.table.has_room(client)
        and client not in file.delegations
        and not delegations.is_used(file, client, exclusive)
    )


async def reclaimed(context: Context, state: OpenState, kind: int) -> nfs.open_delegation4:
    """Grant a delegation that the client held before a restart, unless others rule that out."""
    delegations = context.core.delegations
    client, exclusive = context.caller, kind in _FOR_WRITING
    if (
        not _may_reclaim(context, state.file, kind)
        or state.reader is None
        or (exclusive and state.writer is None)
    ):
        return nfs.open_delegation4(nfs.OPEN_DELEGATE_NONE)
    delegation = delegations.grant(state, exclusive, grant_of(context))
    delegation.times = kind == nfs.OPEN_DELEGATE_WRITE_ATTRS_DELEG and context.minor >= _TIMES_SINCE
    if exclusive and not await _suits(context, delegation, reclaim=True):
        return nfs.open_delegation4(nfs.OPEN_DELEGATE_NONE)
    # A client that cannot be called is asked at once: it may write what it has, and return it. One
    # of which that is not known yet, because it has only just come back, keeps it.
    recall = not client.may_answer
    if recall:
        delegations.recall(delegation, call=False)
    return _granted(delegation, recall)


def grant_of(context: Context) -> Grant | None:
    """Return the call that is executed, as callbacks name it; None without a session."""
    session, record = context.session, context.record
    if session is None or not isinstance(record, Slot):
        return None
    return Grant(session, record)


async def _suits(context: Context, delegation: Delegation, reclaim: bool = False) -> bool:
    """Note the attributes of a file that was just delegated; take it back if need be.

    A set-user-ID bit goes with the first WRITE, behind the back of a holder that has the mode.
    """
    node, fs = delegation.file.handle.node, delegation.file.handle.export.fs
    try:
        found = await context.ready(fs.attributes(node))
    except BaseException:
        if delegation.live:
            context.core.delegations.table.give_back(delegation)
        raise
    delegation.change = delegation.told = found.change
    delegation.atime_ns, delegation.mtime_ns = found.atime_ns, found.mtime_ns
    if found.mode & (S_ISUID | S_ISGID) and not reclaim and delegation.live:
        context.core.delegations.table.give_back(delegation)
    return delegation.live


def _granted(delegation: Delegation, recall: bool) -> nfs.open_delegation4:
    stateid = delegation.stateid
    if not delegation.exclusive:
        return nfs.open_delegation4(
            nfs.OPEN_DELEGATE_READ, nfs.open_read_delegation4(stateid, recall, _NO_RIGHTS)
        )
    # No room is set aside, so what a file is closed with has to be written then: a later WRITE
    # could fail for lack of space.
    limit = nfs.nfs_space_limit4(nfs.NFS_LIMIT_SIZE, 0)
    return nfs.open_delegation4(
        nfs.OPEN_DELEGATE_WRITE_ATTRS_DELEG if delegation.times else nfs.OPEN_DELEGATE_WRITE,
        nfs.open_write_delegation4(stateid, recall, limit, _NO_RIGHTS),
    )


def without_open(
    context: Context, state: OpenState, wants: int, granted: nfs.open_delegation4
) -> bool:
    """Close an open that a delegation makes unnecessary, if the client wants just one stateid.

    RFC 9754, Section 4. An owner that had the file open keeps both, as does one that denies
    something to others: a delegation denies nothing. The current stateid is the delegation's.
    """
    if (
        not wants & WANT_ONE_STATEID
        or context.minor < _TIMES_SINCE
        or granted.delegation_type not in (*_FOR_READING, *_FOR_WRITING)
        or state.seqid != 1
        or state.deny
        or state.locks
    ):
        return False
    context.core.registry.states.close(state)
    context.current_stateid = granted.value.stateid
    return True


def claimed(context: Context, stateid: nfs.stateid4) -> Delegation:
    """Return the caller's delegation of that stateid. Raises BAD_STATEID, DELEG_REVOKED, ..."""
    state = context.core.registry.states.find(context.actual(stateid), context.caller)
    if not isinstance(state, Delegation):
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state


# --- WANT_DELEGATION ---


@may_wait
async def want(context: Context, args: nfs.WANT_DELEGATION4args, reply: Reply) -> None:
    """WANT_DELEGATION (RFC 8881, Section 18.49): a delegation without an open.

    Who has none is told why. Nobody else's is recalled for it, and nobody is told later that one is
    to be had.
    """
    require_regular(context)
    claim, registry = args.wda_claim.dc_claim, context.core.registry
    if claim == nfs.CLAIM_DELEG_PREV_FH:
        raise NfsError(nfs.NFS4ERR_NOTSUPP)
    wanted = args.wda_want & _WANT_MASK
    if args.wda_want & ~(_WANT_MASK | WANT_WHEN) or not 0 < wanted <= _LAST_WANT:
        raise NfsError(nfs.NFS4ERR_INVAL)
    reclaim = claim == nfs.CLAIM_PREVIOUS
    registry.check_grace(context.caller, reclaim, context.now)
    if not (reclaim or context.caller.reclaim_complete):
        raise NfsError(nfs.NFS4ERR_GRACE)
    if wanted in _NOT_WANTED:
        granted = refused(wanted, nfs.WND4_NOT_WANTED)
    else:
        kind = args.wda_claim.value if reclaim else None
        granted = await _wanted(context, wanted, kind)
    granted.encode(reply.encoder)


async def _wanted(context: Context, wanted: int, kind: int | None) -> nfs.open_delegation4:
    """Grant a delegation of the current file, or have one back of a ``kind`` held before."""
    core, client, handle = context.core, context.caller, context.here
    core.registry.note_state(client)
    reclaim = kind is not None
    exclusive = (
        kind in _FOR_WRITING if reclaim else wanted == nfs.OPEN4_SHARE_ACCESS_WANT_WRITE_DELEG
    )
    if exclusive and context.is_frozen(handle.export):
        raise NfsError(nfs.NFS4ERR_ACCESS)

    def refusal(file: OpenedFile) -> int:
        if kind is not None:
            return -1 if _may_reclaim(context, file, kind) else nfs.WND4_RESOURCE
        return core.delegations.refusal(client, file, exclusive)

    reason = refusal(core.registry.states.file_of(handle))
    if reason >= 0:
        return refused(wanted, reason)
    access = READ | WRITE if exclusive else READ
    opened = await rights.open_anew(context, handle, access, reclaim)
    # Others were served meanwhile.
    file = core.registry.states.file_of(handle)
    reason = nfs.WND4_RESOURCE if client.gone else refusal(file)
    if reason >= 0:
        opened.close()
        return refused(wanted, reason)
    user, call = context.user, grant_of(context)
    delegation = core.delegations.grant_opened(client, file, opened, user, exclusive, call)
    if exclusive and not await _suits(context, delegation, reclaim):
        return refused(wanted, nfs.WND4_CONTENTION)
    if reclaim:
        core.registry.grace.reclaimed(context.now)
    recall = reclaim and not client.may_answer
    if recall:
        core.delegations.recall(delegation, call=False)
    return _granted(delegation, recall)


# --- Directories ---


@may_wait
async def get_directory(context: Context, args: nfs.GET_DIR_DELEGATION4args, reply: Reply) -> None:
    """GET_DIR_DELEGATION (RFC 8881, Section 18.39): of the current directory, until it changes.

    There are no notifications: a directory that somebody else changes is had back. So nothing of
    what is asked about them is answered, and nobody is told later that one is to be had.
    """
    core, client, here = context.core, context.caller, context.here
    if not here.node.is_directory:
        raise NfsError(nfs.NFS4ERR_NOTDIR)
    if not core.delegations.enabled:
        raise NfsError(nfs.NFS4ERR_NOTSUPP)
    core.registry.check_grace(client, False, context.now)
    # Who may not list it has nothing to keep.
    if not await context.ready(here.export.fs.permitted(here.node, context.user, READ)):
        raise NfsError(nfs.NFS4ERR_ACCESS)
    core.registry.note_state(client)
    directory = core.registry.states.file_of(here)
    if core.delegations.refusal(client, directory, False) >= 0:
        unavailable = nfs.GET_DIR_DELEGATION4res_non_fatal(nfs.GDD4_UNAVAIL, False)
        unavailable.encode(reply.encoder)
        return
    delegation = core.delegations.grant_directory(client, directory, grant_of(context))
    granted = nfs.GET_DIR_DELEGATION4resok(COOKIE_VERIFIER, delegation.stateid, [], [], [])
    nfs.GET_DIR_DELEGATION4res_non_fatal(nfs.GDD4_OK, granted).encode(reply.encoder)


async def before_entries(context: Context, parent: Filehandle, made: bytes | None = None) -> Guard:
    """Return a guard of a directory for a caller that wants to change its entries.

    If ``made`` is there already, it is not going to be made, and nothing is recalled; nor for a
    caller that the file system is going to refuse.
    """
    delegations = context.core.delegations
    if any(delegations.conflicts(context.client, parent, True)):
        fs, user = parent.export.fs, context.user
        if not await context.ready(fs.permitted(parent.node, user, WRITE)):
            return Guard()
        if made is not None:
            with suppress(OSError):
                await context.ready(context.core.namespace.lookup(parent, made, user))
                return Guard()
    return await context.ready(delegations.exclude(context.client, parent))


# --- The times that a holder keeps ---


async def times_told(context: Context, stateid: nfs.stateid4, told: DelegatedTimes) -> Changes:
    """Return the times to be set, of those that a holder tells (RFC 9754, Section 5).

    What is earlier than the file's own is ignored, what is later than now is now. The holder's own
    WRITEs have moved the times meanwhile, so it is what they were when it got the delegation that
    counts. An access time is set only along with another, as it must not move the change time by
    itself. Raises BAD_STATEID unless it is the stateid of a delegation with times.
    """
    delegation = claimed(context, stateid)
    if not delegation.times or delegation.file.handle.wire != context.here.wire:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    if not rights.is_opener(context, delegation, WRITE):
        await rights.require(context, delegation.file, WRITE)
    now, changes = context.here.export.fs.now_ns(), Changes()
    if told.mtime_ns is not None and told.mtime_ns > delegation.mtime_ns:
        changes.mtime_ns = min(told.mtime_ns, now)
        if told.atime_ns is not None and told.atime_ns > delegation.atime_ns:
            changes.atime_ns = min(told.atime_ns, now)
    return changes


def _as_told(found: Attributes, holder: Delegation, told: Told, now: int) -> Attributes:
    """Return the attributes of a file with the times that its holder tells."""
    values = copy.copy(found)
    if told.atime_ns is not None:
        values.atime_ns = max(holder.atime_ns, min(told.atime_ns, now))
    if told.mtime_ns is not None:
        values.mtime_ns = max(holder.mtime_ns, min(told.mtime_ns, now))
        values.ctime_ns = max(found.ctime_ns, values.mtime_ns)
    return values


# --- DELEGRETURN ---


def delegreturn(context: Context, args: nfs.DELEGRETURN4args, reply: Reply) -> None:
    """DELEGRETURN (RFC 8881, Section 18.6)."""
    delegation = claimed(context, args.deleg_stateid)
    if delegation.file.handle.wire != context.here.wire:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    context.core.delegations.table.give_back(delegation)


# --- Others, who have to wait ---


async def before_change(context: Context) -> Guard:
    """Return a guard of the current file for a caller that wants to change its attributes.

    A caller that the file system is going to refuse gets it without a recall.
    """
    delegations, here = context.core.delegations, context.here
    if any(delegations.conflicts(context.client, here, True)):
        node, fs, user = here.node, here.export.fs, context.user
        if user.uid and not await context.ready(fs.permitted(node, user, WRITE)):
            found = await context.ready(fs.attributes(node))
            if found.uid != user.uid:
                return Guard()
    return await context.ready(delegations.exclude(context.client, here))


async def before_name_changes(context: Context, parent: Filehandle, name: bytes) -> None:
    """Have returned what others hold of the file of that name, if the caller may change names.

    What is wrong with the name, the change itself is going to find.
    """
    delegations = context.core.delegations
    if not len(delegations.table):
        return
    fs, user = parent.export.fs, context.user
    with suppress(OSError):
        if not await context.ready(fs.permitted(parent.node, user, WRITE)):
            return
        while True:
            lookup = context.core.namespace.lookup(parent, name, user)
            handle = await context.ready(lookup)
            waits = delegations.settle(context.client, handle, True)
            if waits is None:
                return
            await context.wait(waits)


async def before_link(context: Context, source: Filehandle, target: Filehandle) -> Guard:
    """Return a guard of a file that is about to have one more name."""
    delegations = context.core.delegations
    fs, user = target.export.fs, context.user
    if any(delegations.conflicts(context.client, source, True)) and not await context.ready(
        fs.permitted(target.node, user, WRITE)
    ):
        return Guard()
    return await context.ready(delegations.exclude(context.client, source))


async def subject(context: Context, holder: Delegation, mask: int) -> attributes.Subject:
    """Return the current file with what another client, its holder, has changed.

    RFC 8881, Section 10.4.3: each look at a file with changes finds a new change attribute and new
    times, as if the holder had just written it. Its size is as the holder says, and is not stored;
    nor are times that it keeps itself, since it is going to set them.
    """
    delegations, here = context.core.delegations, context.here
    told = None if holder.recalled else await context.wait(delegations.ask(holder))
    if told is None and holder.live:
        # Without an answer there is only what the holder writes before it returns the file.
        waits = delegations.settle(context.client, here, False)
        if waits is not None:
            await context.wait(waits)
    found = attributes.of_handle(context.core, context.minor, here, mask)
    subject = await context.ready(found)
    if told is None or not holder.live:
        return subject
    birth = bool(mask & attributes.TIME_CREATE)
    return subject.updated(await as_held(context, holder, told, subject.attributes, birth))


async def as_held(
    context: Context, holder: Delegation, told: Told, found: Attributes, birth: bool
) -> Attributes:
    """Return the attributes of a file with what its holder has told."""
    if told.size != found.size:
        holder.modified = True
    handle = holder.file.handle
    fs, node = handle.export.fs, handle.node
    now = fs.now_ns()
    if not holder.modified:
        return _as_told(found, holder, told, now)
    if not holder.times:
        with suppress(OSError):
            await context.ready(fs.change(node, ROOT, Changes(mtime_ns=NOW)))
            found = await context.ready(fs.attributes(node, birth))
    values = _as_told(found, holder, told, now)
    values.size = told.size
    values.change = holder.told = max(values.change, holder.told + 1)
    return values

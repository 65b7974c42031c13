"""OPEN, CLOSE and OPEN_DOWNGRADE (RFC 8881, Sections 18.16, 18.2 and 18.18).

No delegations are given: a client that asked for one, or for none, is told so.
"""

from __future__ import annotations

import struct
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.attrs import bitmap_from_mask, mask_of
from nfsrdma.xdr.nfs4.errors import NfsError

from .. import attributes
from ..engine.context import Context
from ..engine.reply import Reply
from ..state.stateid import UINT32_MAX, OpenState
from ..vfs.interface import READ, WRITE, Changes, Node, OpenFile
from ..vfs.namespace import Filehandle
from . import rights
from .data import open_state_of, require_regular
from .directory import DirectoryChange, apply_created, directory
from .names import check_name, check_new_name

_ACCESS_BITS: Final = {
    nfs.OPEN4_SHARE_ACCESS_READ: READ,
    nfs.OPEN4_SHARE_ACCESS_WRITE: WRITE,
    nfs.OPEN4_SHARE_ACCESS_BOTH: READ | WRITE,
}
_WRITING: Final = nfs.OPEN4_SHARE_ACCESS_WRITE
_WANT_MASK: Final = nfs.OPEN4_SHARE_ACCESS_WANT_DELEG_MASK
_WANT_WHEN: Final = (
    nfs.OPEN4_SHARE_ACCESS_WANT_SIGNAL_DELEG_WHEN_RESRC_AVAIL
    | nfs.OPEN4_SHARE_ACCESS_WANT_PUSH_DELEG_WHEN_UNCONTENDED
)
_VERIFIER = struct.Struct(">II")
_BILLION: Final = 1_000_000_000
_TIMES: Final = mask_of(nfs.FATTR4_TIME_ACCESS_SET, nfs.FATTR4_TIME_MODIFY_SET)


class _Opening:
    """One OPEN on its way."""

    __slots__ = ("access", "args", "attrset", "change", "created", "deny", "file", "wants")

    def __init__(self, args: nfs.OPEN4args) -> None:
        self.args = args
        self.access = args.share_access & nfs.OPEN4_SHARE_ACCESS_BOTH
        self.wants = args.share_access & ~nfs.OPEN4_SHARE_ACCESS_BOTH
        self.deny = args.share_deny
        self.attrset = 0
        self.change = nfs.change_info4(True, 0, 0)
        self.created = False
        self.file: OpenFile | None = None
        if (
            self.access == 0
            or self.deny > nfs.OPEN4_SHARE_DENY_BOTH
            or self.wants & ~(_WANT_MASK | _WANT_WHEN)
        ):
            raise NfsError(nfs.NFS4ERR_INVAL)


def open_file(context: Context, args: nfs.OPEN4args, reply: Reply) -> None:
    """RFC 8881, Section 18.16."""
    opening = _Opening(args)
    claim = args.claim.claim
    _check_grace(context, claim)
    if claim == nfs.CLAIM_NULL:
        handle = _by_name(context, opening)
    elif claim in (nfs.CLAIM_FH, nfs.CLAIM_PREVIOUS):
        if args.openhow.opentype == nfs.OPEN4_CREATE:
            raise NfsError(nfs.NFS4ERR_INVAL)
        handle = context.here
    else:
        # Claims that rest on a delegation; nobody has one.
        raise NfsError(nfs.NFS4ERR_RECLAIM_BAD)
    try:
        state = _open_file(context, opening, handle)
    except BaseException:
        if opening.file is not None:
            opening.file.close()
        raise
    context.enter(handle)
    context.current_stateid = state.stateid
    nfs.OPEN4resok(
        state.stateid,
        opening.change,
        nfs.OPEN4_RESULT_LOCKTYPE_POSIX,
        bitmap_from_mask(opening.attrset),
        _no_delegation(opening.wants),
    ).encode(reply.encoder)


def _check_grace(context: Context, claim: int) -> None:
    """Who may open now: RFC 8881, Sections 8.4.2.1 and 18.51.3."""
    registry, client = context.core.registry, context.caller
    active = registry.grace.active(context.now)
    if claim == nfs.CLAIM_PREVIOUS:
        if client.reclaim_complete or not active:
            raise NfsError(nfs.NFS4ERR_NO_GRACE)
        if not registry.grace.may_reclaim(client.record):
            raise NfsError(nfs.NFS4ERR_RECLAIM_BAD)
        registry.note_state(client)
    elif active or not client.reclaim_complete:
        raise NfsError(nfs.NFS4ERR_GRACE)


def _no_delegation(wants: int) -> nfs.open_delegation4:
    """RFC 8881, Section 18.16.3: who said what it wants is told why it does not get it."""
    want = wants & _WANT_MASK
    if want == nfs.OPEN4_SHARE_ACCESS_WANT_NO_PREFERENCE:
        return nfs.open_delegation4(nfs.OPEN_DELEGATE_NONE)
    if want == nfs.OPEN4_SHARE_ACCESS_WANT_NO_DELEG:
        why = nfs.open_none_delegation4(nfs.WND4_NOT_WANTED)
    elif want == nfs.OPEN4_SHARE_ACCESS_WANT_CANCEL:
        why = nfs.open_none_delegation4(nfs.WND4_CANCELLED)
    else:
        why = nfs.open_none_delegation4(nfs.WND4_NOT_SUPP_FTYPE)
    return nfs.open_delegation4(nfs.OPEN_DELEGATE_NONE_EXT, why)


def _by_name(context: Context, opening: _Opening) -> Filehandle:
    """CLAIM_NULL: look the name up, or create it."""
    here, args = context.here, opening.args
    parent = directory(here)
    name = check_name(args.claim.file, here.export.fs)
    if args.openhow.opentype == nfs.OPEN4_CREATE:
        _check_policy(context, here, name)
        return _create(context, opening, here, parent, name)
    change = DirectoryChange(here)
    handle = context.core.namespace.lookup(here, name, context.user)
    opening.change = change.unchanged()
    return handle


def _check_policy(context: Context, here: Filehandle, name: bytes) -> None:
    """Whether the export takes the name, or has it already.

    BADNAME rather than INVAL if not: a Linux client that hears INVAL of any OPEN gives up OPEN by
    file handle (CLAIM_FH) for the whole mount.
    """
    try:
        check_new_name(name, here.export, nfs.NFS4ERR_BADNAME)
    except NfsError:
        try:
            context.core.namespace.lookup(here, name, context.user)
        except FileNotFoundError:
            pass
        else:
            return
        raise


def _create(
    context: Context, opening: _Opening, here: Filehandle, parent: Node, name: bytes
) -> Filehandle:
    how, fs = opening.args.openhow.how, here.export.fs
    verifier: bytes | None = None
    if how.mode == nfs.EXCLUSIVE4:
        verifier, changes, mask = how.createverf, Changes(), 0
    else:
        if how.mode == nfs.EXCLUSIVE4_1:
            verifier, given = how.ch_createboth.cva_verf, how.ch_createboth.cva_attrs
        else:
            given = how.createattrs
        changes, mask, _ = attributes.to_set(given, fs, context.minor, creating=True)
        if verifier is not None and mask & _TIMES:
            raise NfsError(nfs.NFS4ERR_INVAL)
    context.require_writable()
    change = DirectoryChange(here)
    mode = 0o644 if changes.mode is None else changes.mode
    # Before anything is made: the open must have a place.
    context.core.registry.make_state_room(context.caller, context.now)
    # Who makes a file may give it a size, also if it is opened for reading alone.
    access = _ACCESS_BITS[opening.access] | (0 if changes.size is None else WRITE)
    try:
        node, file = fs.create(parent, name, context.user, mode, access)
    except FileExistsError:
        handle = context.core.namespace.lookup(here, name, context.user)
        _check_existing(handle, how.mode, verifier)
        opening.change = change.unchanged()
        if how.mode == nfs.UNCHECKED4 and changes.size == 0:
            # RFC 8881, Section 18.16.3: of what is there, only a size of zero is set.
            opening.attrset = mask_of(nfs.FATTR4_SIZE)
        elif verifier is not None:
            opening.attrset = mask | _TIMES
        return handle
    opening.file, opening.created = file, True
    try:
        if verifier is not None:
            changes.atime_ns, changes.mtime_ns = _verifier_times(verifier)
            mask |= _TIMES
        apply_created(fs, node, context.user, changes, made_with_mode=True, via=file)
    except (OSError, NfsError):
        fs.remove(parent, name, context.user)
        file.close()
        opening.file = None
        raise
    opening.attrset = mask
    opening.change = change.finish(context)
    return context.core.namespace.at(here.export, node)


def _verifier_times(verifier: bytes) -> tuple[int, int]:
    """The times that hold an exclusive create's verifier: durable, and in every file system."""
    first, second = _VERIFIER.unpack(verifier)
    # Some file systems' times end in 2038.
    return (first & 0x7FFFFFFF) * _BILLION, (second & 0x7FFFFFFF) * _BILLION


def _check_existing(handle: Filehandle, mode: int, verifier: bytes | None) -> None:
    """Whether an OPEN that creates may go on with what has the name already."""
    if mode == nfs.UNCHECKED4:
        return
    if verifier is not None and handle.node.is_regular:
        found = handle.export.fs.attributes(handle.node)
        if (found.atime_ns, found.mtime_ns) == _verifier_times(verifier):
            return  # The same request again.
    raise NfsError(nfs.NFS4ERR_EXIST)


def _open_file(context: Context, opening: _Opening, handle: Filehandle) -> OpenState:
    """Check the share, open what is missing, and note it all in the state."""
    node, fs, registry = handle.node, handle.export.fs, context.core.registry
    if not node.is_regular:
        if node.is_directory:
            raise NfsError(nfs.NFS4ERR_ISDIR)
        raise NfsError(nfs.NFS4ERR_SYMLINK if node.is_symlink else nfs.NFS4ERR_WRONG_TYPE)
    if opening.access & nfs.OPEN4_SHARE_ACCESS_WRITE and handle.export.read_only:
        raise NfsError(nfs.NFS4ERR_ROFS)
    owner = opening.args.owner.owner
    opened = registry.states.file(handle)
    state = None if opened is None else opened.find(context.caller, owner)
    # Rights come before share reservations, which are nothing to those who have none.
    missing = _check_rights(context, opening, handle, state)
    if opened is not None:
        registry.check_share(opened, opening.access, opening.deny, context.now)
    if not opening.created and opening.attrset == mask_of(nfs.FATTR4_SIZE):
        writer = opening.file if missing & WRITE else None
        if writer is None and state is not None and opening.access & _WRITING:
            writer = state.writer
        context.settle(fs.change(node, context.user, Changes(size=0), writer))
    if state is None:
        registry.make_state_room(context.caller, context.now)
        state = registry.states.add_open(context.caller, owner, handle)
    if opening.file is not None:
        state.take(opening.file, _ACCESS_BITS[opening.access], context.user)
        opening.file = None
    state.set_modes(state.access | opening.access, state.deny | opening.deny)
    state.modes.add((opening.access, opening.deny))
    state.bump()
    if opening.args.claim.claim == nfs.CLAIM_PREVIOUS:
        registry.grace.reclaimed(context.now)
    return state


def _check_rights(
    context: Context, opening: _Opening, handle: Filehandle, state: OpenState | None
) -> int:
    """Open as the caller what the owner does not have open yet; the access bits of that.

    What is open already was not opened by this caller, perhaps. A reclaim is granted to the
    file's owner whatever the mode is now, as it was when the file was opened: git, for one,
    writes to files that it made with mode 0444.
    """
    wanted = missing = _ACCESS_BITS[opening.access]
    if state is not None:
        missing &= ~((READ if state.reader else 0) | (WRITE if state.writer else 0))
        for access in (READ, WRITE):
            if wanted & ~missing & access and not rights.is_opener(context, state, access):
                rights.require(context, state.file, access)
    if missing and opening.file is None:
        reclaim = opening.args.claim.claim == nfs.CLAIM_PREVIOUS
        opening.file = handle.export.fs.open(handle.node, context.user, missing, override=reclaim)
    return missing


def _own_open(context: Context, stateid: nfs.stateid4) -> OpenState:
    """The open that is to be changed; BAD_STATEID for a lock's or a special stateid."""
    actual = context.actual(stateid)
    state = open_state_of(context, actual)
    if state is None or state.other != actual.other:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state


def close(context: Context, args: nfs.CLOSE4args, reply: Reply) -> None:
    """Locks that are still held go with the open (RFC 8881, Section 18.2.3, allows either)."""
    state = _own_open(context, args.open_stateid)
    context.core.registry.states.close(state)
    # RFC 8881, Section 18.2.4: a stateid that is of no use any more.
    context.current_stateid = None
    nfs.stateid4(UINT32_MAX, bytes(12)).encode(reply.encoder)


def downgrade(context: Context, args: nfs.OPEN_DOWNGRADE4args, reply: Reply) -> None:
    """RFC 8881, Section 18.18."""
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
    """Whether the modes are a union of some that the file was opened with."""
    got_access = got_deny = 0
    for each_access, each_deny in state.modes:
        if not (each_access & ~access or each_deny & ~deny):
            got_access |= each_access
            got_deny |= each_deny
    return (got_access, got_deny) == (access, deny)

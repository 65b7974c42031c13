"""What the owners of minor version 0 number: OPEN to LOCKU (RFC 7530, Section 9.1.7).

Here is who the owner is, and whether the request is a new one. What it does is the same in all
minor versions, and is done by the handlers of the others.
"""

from __future__ import annotations

import zlib
from typing import Any

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context
from ..engine.operation import Failure, Handler, may_wait
from ..engine.reply import Reply
from ..state.owner import Answered, Owner, OwnerRequest
from ..state.stateid import LockState, OpenState, State
from ..vfs.namespace import BadHandle
from . import locks, opens
from .clients import check_current, client_of, named_client, named_state

_CLAIMS = (
    nfs.CLAIM_NULL,
    nfs.CLAIM_PREVIOUS,
    nfs.CLAIM_DELEGATE_CUR,
    nfs.CLAIM_DELEGATE_PREV,
)


# --- In order ---


def _digest(context: Context, args: Any) -> int:
    """Return what tells a repetition from another request, or caller, with its number."""
    enc = Encoder()
    enc.uint32(context.credentials.flavor)
    enc.uint32(context.credentials.uid)
    args.encode(enc)
    return zlib.crc32(enc.to_bytes())


async def _free(context: Context, *owners: Owner) -> None:
    """Wait until no request of the owners is executed. Raises EXPIRED if the client is gone."""
    while True:
        busy = [owner for owner in owners if owner.busy]
        if not busy:
            return
        await context.wait(busy[0].turn())
        if busy[0].client.gone:
            raise NfsError(nfs.NFS4ERR_EXPIRED)


async def _repeat(context: Context, answered: Answered, reply: Reply) -> None:
    """Answer as before, and leave the file handle that was left then."""
    if answered.status:
        raise Failure(answered.status, answered.body)
    if answered.handle is not None:
        try:
            handle = await context.ready(context.core.namespace.decode(answered.handle))
        except BadHandle:
            raise NfsError(nfs.NFS4ERR_STALE) from None
        context.enter(handle)
    reply.buffer += answered.body


async def _do(context: Context, handler: Handler, args: Any, reply: Reply) -> None:
    waits = handler(context, args, reply)
    if isinstance(waits, Future):
        await context.wait(waits)


def _adopt(context: Context, owner: Owner) -> None:
    """Note that what the operation has opened or locked is the owner's."""
    assert context.current_stateid is not None
    state = context.core.registry.states.get(context.current_stateid.other)
    if state is not None and state.numbered is None:
        state.numbered = owner
        owner.states.add(state.other)


def _begin(context: Context, owner: Owner, operation: int, seqid: int, digest: int) -> None:
    """Take the owner for a request that was found to be new."""
    owner.acquire(context.now)
    context.numbered = OwnerRequest(owner, operation, seqid, digest)


# --- Opens ---


@may_wait
async def open_file(context: Context, args: nfs.OPEN4args, reply: Reply) -> None:
    """OPEN (RFC 7530, Section 16.16).

    An open-owner that was not confirmed may begin anew with any number: what it has is dropped, as
    the OPEN that it came from may have been an old one.
    """
    client = named_client(context, args.owner.clientid)
    registry, name, digest = context.core.registry, args.owner.owner, _digest(context, args)
    while (owner := client.open_owners.get(name)) is not None and owner.busy:
        await _free(context, owner)
    if owner is not None and not owner.confirmed:
        for other in list(owner.states):
            state = registry.states.get(other)
            if isinstance(state, OpenState):
                registry.states.close(state)
        registry.owners.remove(owner)
        owner = None
    if owner is None:
        owner = registry.owners.add_opener(client, name, args.seqid, context.now)
    answered = owner.check(args.seqid, nfs.OP_OPEN, digest)
    if answered is not None:
        await _repeat(context, answered, reply)
        return
    _begin(context, owner, nfs.OP_OPEN, args.seqid, digest)
    if args.claim.claim not in _CLAIMS or args.share_access & ~nfs.OPEN4_SHARE_ACCESS_BOTH:
        raise NfsError(nfs.NFS4ERR_INVAL)
    how = args.openhow
    if how.opentype == nfs.OPEN4_CREATE and how.how.mode == nfs.EXCLUSIVE4_1:
        raise NfsError(nfs.NFS4ERR_INVAL)
    if args.claim.claim != nfs.CLAIM_NULL:
        # RFC 7530, Section 9.1.11: what names state of before cannot be an old OPEN.
        owner.confirmed = True
    await _do(context, opens.open_file, args, reply)
    _adopt(context, owner)


async def _opener(
    context: Context, stateid: nfs.stateid4, operation: int, seqid: int, args: Any, reply: Reply
) -> State | None:
    """Take the open-owner of a stateid for a request; None if that was a repetition, answered."""
    state, owner = _opened_by(context, stateid)
    await _free(context, owner)
    digest = _digest(context, args)
    answered = owner.check(seqid, operation, digest)
    if answered is not None:
        await _repeat(context, answered, reply)
        return None
    _begin(context, owner, operation, seqid, digest)
    state = context.core.registry.states.get(stateid.other)
    if not isinstance(state, OpenState) or state.file.handle.wire != context.here.wire:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state


def _opened_by(context: Context, stateid: nfs.stateid4) -> tuple[State | None, Owner]:
    """Return the open of a stateid, or None if it was closed just now, and its owner."""
    closer = context.core.registry.owners.closer(stateid.other)
    if closer is not None:
        client_of(context, closer.client)
        return None, closer
    state = named_state(context, stateid)
    if not isinstance(state, OpenState) or state.numbered is None:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    return state, state.numbered


@may_wait
async def open_confirm(context: Context, args: nfs.OPEN_CONFIRM4args, reply: Reply) -> None:
    """OPEN_CONFIRM (RFC 7530, Section 16.18)."""
    stateid = args.open_stateid
    state = await _opener(context, stateid, nfs.OP_OPEN_CONFIRM, args.seqid, args, reply)
    if state is None:
        return
    owner = state.numbered
    if owner is None or owner.confirmed:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    owner.confirmed = True
    try:
        check_current(state, stateid)
    except NfsError:
        owner.confirmed = False
        raise
    state.bump()
    state.stateid.encode(reply.encoder)


@may_wait
async def close(context: Context, args: nfs.CLOSE4args, reply: Reply) -> None:
    """CLOSE (RFC 7530, Section 16.2)."""
    stateid = args.open_stateid
    state = await _opener(context, stateid, nfs.OP_CLOSE, args.seqid, args, reply)
    if state is None:
        return
    check_current(state, stateid)
    owner = state.numbered
    await _do(context, opens.close, args, reply)
    if owner is not None:
        context.core.registry.owners.note_closed(owner, stateid.other)


@may_wait
async def downgrade(context: Context, args: nfs.OPEN_DOWNGRADE4args, reply: Reply) -> None:
    """OPEN_DOWNGRADE (RFC 7530, Section 16.19)."""
    stateid = args.open_stateid
    state = await _opener(context, stateid, nfs.OP_OPEN_DOWNGRADE, args.seqid, args, reply)
    if state is None:
        return
    check_current(state, stateid)
    if args.share_access & ~nfs.OPEN4_SHARE_ACCESS_BOTH:
        raise NfsError(nfs.NFS4ERR_INVAL)
    await _do(context, opens.downgrade, args, reply)


# --- Locks ---


@may_wait
async def lock(context: Context, args: nfs.LOCK4args, reply: Reply) -> None:
    """LOCK (RFC 7530, Section 16.10): numbered by the lock-owner, at first by the open-owner."""
    if args.locker.new_lock_owner:
        await _lock_first(context, args, reply)
    else:
        locker = args.locker.lock_owner
        stateid = locker.lock_stateid
        if await _locker(context, stateid, nfs.OP_LOCK, locker.lock_seqid, args, reply):
            await _do(context, locks.lock, args, reply)


async def _lock_first(context: Context, args: nfs.LOCK4args, reply: Reply) -> None:
    """LOCK of an owner that is new to the file, and perhaps to the server."""
    locker, registry = args.locker.open_owner, context.core.registry
    client = named_client(context, locker.lock_owner.clientid)
    _, opener = _opened_by(context, locker.open_stateid)
    if opener.client is not client:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    name, digest = locker.lock_owner.owner, _digest(context, args)
    while True:
        owner = client.lock_owners.get(name)
        if not (opener.busy or (owner is not None and owner.busy)):
            break
        await _free(context, opener, *(() if owner is None else (owner,)))
    answered = opener.check(locker.open_seqid, nfs.OP_LOCK, digest)
    if answered is not None:
        await _repeat(context, answered, reply)
        return
    if owner is not None and owner.check(locker.lock_seqid, nfs.OP_LOCK, digest) is not None:
        raise NfsError(nfs.NFS4ERR_BAD_SEQID)
    if owner is None:
        owner = registry.owners.add_locker(client, name, locker.lock_seqid, context.now)
        owner.confirmed = True
    for each in (opener, owner):
        each.acquire(context.now)
    context.numbered = OwnerRequest(
        opener, nfs.OP_LOCK, locker.open_seqid, digest, (owner, locker.lock_seqid)
    )
    try:
        state = registry.states.get(locker.open_stateid.other)
        if state is None:
            raise NfsError(nfs.NFS4ERR_BAD_STATEID)
        check_current(state, locker.open_stateid)
        await _do(context, locks.lock, args, reply)
        _adopt(context, owner)
    finally:
        # An owner that has locked nothing is as new as before.
        if not owner.states:
            registry.owners.remove(owner)


async def _locker(
    context: Context, stateid: nfs.stateid4, operation: int, seqid: int, args: Any, reply: Reply
) -> bool:
    """Take the lock-owner of a stateid for a request; False if that was a repetition, answered."""
    state = named_state(context, stateid)
    owner = state.numbered
    if not isinstance(state, LockState) or owner is None:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    await _free(context, owner)
    digest = _digest(context, args)
    answered = owner.check(seqid, operation, digest)
    if answered is not None:
        await _repeat(context, answered, reply)
        return False
    _begin(context, owner, operation, seqid, digest)
    check_current(state, stateid)
    return True


def lockt(context: Context, args: nfs.LOCKT4args, reply: Reply) -> None:
    """LOCKT (RFC 7530, Section 16.11)."""
    named_client(context, args.owner.clientid)
    locks.lockt(context, args, reply)


@may_wait
async def locku(context: Context, args: nfs.LOCKU4args, reply: Reply) -> None:
    """LOCKU (RFC 7530, Section 16.12)."""
    if await _locker(context, args.lock_stateid, nfs.OP_LOCKU, args.seqid, args, reply):
        await _do(context, locks.locku, args, reply)

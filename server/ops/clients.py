"""Clients of minor version 0: SETCLIENTID to RENEW, and who calls (RFC 7530, Section 9.1).

There are no sessions. An operation names its client, or has a stateid of it, and so renews the
lease.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context, Waits
from ..engine.operation import Failure, Handler
from ..engine.reply import Reply
from ..state.backchannel import Path
from ..state.client_v40 import (
    CallbackAddress,
    ClientV40,
    confirm_client_id,
    find_client,
    set_client_id,
)
from ..state.principal import Principal, source_of
from ..state.refusal import NOT_YOURS, Refusal
from ..state.stateid import ANONYMOUS, BYPASS, LockState, State, wrong_seqid
from . import delegations

SPECIAL: Final = frozenset({ANONYMOUS, BYPASS})
"""The ``other`` of the stateids that stand for no state."""
_LIFE: Final = slice(0, 4)
_TAG: Final = slice(4, 8)


# --- Who calls ---


def named_client(context: Context, client_id: int) -> ClientV40:
    """Return the client that an operation names, and renew its lease.

    Raises STALE_CLIENTID and EXPIRED.
    """
    registry, source = context.core.registry, source_of(context.channel.peer)
    client = find_client(registry.clients, client_id, source)
    if not client.confirmed:
        raise NfsError(nfs.NFS4ERR_STALE_CLIENTID)
    return _here(context, client)


def _here(context: Context, client: ClientV40) -> ClientV40:
    context.core.registry.renew(client, context.now)
    context.client = client
    return client


def client_of(context: Context, client: ClientV40) -> ClientV40:
    """Return the client whose state an operation has named, and renew its lease.

    Raises BAD_STATEID unless the caller is of the client's source. There is no session whose name
    would be a better proof than the address.
    """
    if source_of(context.channel.peer) != client.source:
        raise Refusal(nfs.NFS4ERR_BAD_STATEID, NOT_YOURS)
    return _here(context, client)


def named_state(context: Context, stateid: nfs.stateid4) -> State:
    """Return what a stateid stands for, whatever its sequence number.

    Raises STALE_STATEID for one of another life of the server, EXPIRED if its client was put out,
    BAD_STATEID for all others that stand for nothing (RFC 7530, Section 9.1.4).
    """
    other = stateid.other
    state = context.core.registry.states.get(other)
    if state is None:
        raise NfsError(_why_unknown(context, other))
    client = state.client
    if not isinstance(client, ClientV40):
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    client_of(context, client)
    return state


def _why_unknown(context: Context, other: bytes) -> int:
    registry = context.core.registry
    if other in SPECIAL:
        return nfs.NFS4ERR_BAD_STATEID
    if other[_LIFE] != registry.life:
        return nfs.NFS4ERR_STALE_STATEID
    if registry.clients.put_out(other[_TAG]):
        return nfs.NFS4ERR_EXPIRED
    return nfs.NFS4ERR_BAD_STATEID


def check_current(state: State, stateid: nfs.stateid4) -> None:
    """Raise unless the stateid has the latest sequence number; 0 is one like any other.

    BAD_STATEID also if its open-owner was not confirmed yet (RFC 7530, Section 16.18.5).
    """
    if stateid.seqid != state.seqid:
        raise NfsError(wrong_seqid(stateid.seqid, state.seqid))
    if state.numbered is not None and not state.numbered.confirmed:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)


def with_stateid(handler: Handler, stateid_of: Callable[[Any], nfs.stateid4 | None]) -> Handler:
    """Return a handler for minor version 0, where the stateid says who the client is.

    ``stateid_of`` returns the stateid that the arguments have, or None if it does not matter.
    """

    def handle(context: Context, args: Any, reply: Reply) -> Waits:
        stateid = stateid_of(args)
        if stateid is not None:
            if stateid.other not in SPECIAL:
                check_current(named_state(context, stateid), stateid)
            elif context.core.registry.grace.active(context.now):
                raise NfsError(nfs.NFS4ERR_GRACE)
        return handler(context, args, reply)

    return handle


# --- SETCLIENTID to RENEW ---


def set_clientid(context: Context, args: nfs.SETCLIENTID4args, reply: Reply) -> None:
    """SETCLIENTID (RFC 7530, Section 16.33). Does not renew a lease."""
    peer = context.channel.peer
    principal = Principal.of(context.credentials, context.channel)
    callback = CallbackAddress.of(
        args.callback, args.callback_ident, peer.address, context.credentials
    )
    try:
        client_id, confirm = set_client_id(
            context.core.registry, args.client, callback, principal, context.now
        )
    except NfsError as error:
        if error.status != nfs.NFS4ERR_CLID_INUSE:
            raise
        # Who uses it is nobody's business: the address is left out.
        body = Encoder()
        nfs.netaddr4(b"", b"").encode(body)
        raise Failure(error.status, bytes(body.buffer)) from None
    nfs.SETCLIENTID4resok(client_id, confirm).encode(reply.encoder)


def set_clientid_confirm(
    context: Context, args: nfs.SETCLIENTID_CONFIRM4args, reply: Reply
) -> None:
    """SETCLIENTID_CONFIRM (RFC 7530, Section 16.34)."""
    principal = Principal.of(context.credentials, context.channel)
    confirm_client_id(
        context.core.registry, args.clientid, args.setclientid_confirm, principal, context.now
    )


def renew(context: Context, args: nfs.RENEW4args, reply: Reply) -> None:
    """RENEW (RFC 7530, Section 16.28).

    CB_PATH_DOWN, although the lease is renewed, if delegations cannot be had back.
    """
    client = named_client(context, args.clientid)
    if client.delegations:
        context.core.registry.reach.check(client)
        if client.path is Path.DOWN:
            raise NfsError(nfs.NFS4ERR_CB_PATH_DOWN)


def delegreturn(context: Context, args: nfs.DELEGRETURN4args, reply: Reply) -> None:
    """DELEGRETURN (RFC 7530, Section 16.6)."""
    check_current(named_state(context, args.deleg_stateid), args.deleg_stateid)
    delegations.delegreturn(context, args, reply)


def release_lockowner(context: Context, args: nfs.RELEASE_LOCKOWNER4args, reply: Reply) -> None:
    """RELEASE_LOCKOWNER (RFC 7530, Section 16.37): LOCKS_HELD, and nothing, while it has any."""
    client = named_client(context, args.lock_owner.clientid)
    owner = client.lock_owners.get(args.lock_owner.owner)
    if owner is None:
        return
    states = context.core.registry.states
    found = [states.get(other) for other in owner.states]
    held = [state for state in found if isinstance(state, LockState)]
    if owner.busy or any(state.file.locks.held_by(state) for state in held):
        raise NfsError(nfs.NFS4ERR_LOCKS_HELD)
    for state in held:
        states.free(state)
    context.core.registry.owners.remove(owner)

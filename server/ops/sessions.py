"""Clients and sessions: EXCHANGE_ID to DESTROY_CLIENTID, and SEQUENCE."""

from __future__ import annotations

import struct
from typing import Final

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import channel_attrs4

from ..config import ServerConfig
from ..engine.context import Context
from ..engine.replay import NEW, admit, fingerprint
from ..engine.reply import Reply
from ..state.backchannel import BackChannel, choose_credential
from ..state.client import Client
from ..state.flags import status_flags
from ..state.principal import Principal, may_carry, source_of
from ..state.refusal import NOT_YOURS, Refusal

# EXCHGID4_FLAG_SUPP_FENCE_OPS of RFC 7862 is left out: with it a client asks for callbacks about
# the fencing of devices, and there are no layouts here.
_EXCHANGE_FLAGS: Final = (
    nfs.EXCHGID4_FLAG_SUPP_MOVED_REFER
    | nfs.EXCHGID4_FLAG_SUPP_MOVED_MIGR
    | nfs.EXCHGID4_FLAG_BIND_PRINC_STATEID
    | nfs.EXCHGID4_FLAG_USE_NON_PNFS
    | nfs.EXCHGID4_FLAG_USE_PNFS_MDS
    | nfs.EXCHGID4_FLAG_USE_PNFS_DS
    | nfs.EXCHGID4_FLAG_UPD_CONFIRMED_REC_A
)
_SESSION_FLAGS: Final = (
    nfs.CREATE_SESSION4_FLAG_PERSIST
    | nfs.CREATE_SESSION4_FLAG_CONN_BACK_CHAN
    | nfs.CREATE_SESSION4_FLAG_CONN_RDMA
)
_MIN_MESSAGE: Final = 128
"""No call with a SEQUENCE, and no reply to one, is much shorter, in octets."""
_MIN_BACK_OPERATIONS: Final = 2
_MOST_FLAVORS: Final = 16
_SEQUENCE_RESULT = struct.Struct(">16s5I")


def _principal(context: Context) -> Principal:
    return Principal.of(context.credentials, context.channel)


def exchange_id(context: Context, args: nfs.EXCHANGE_ID4args, reply: Reply) -> None:
    """EXCHANGE_ID (RFC 8881, Section 18.35)."""
    if args.eia_flags & ~_EXCHANGE_FLAGS:
        raise NfsError(nfs.NFS4ERR_INVAL)
    _check_protection(args.eia_state_protect)
    owner, registry, principal = args.eia_clientowner, context.core.registry, _principal(context)
    if args.eia_flags & nfs.EXCHGID4_FLAG_UPD_CONFIRMED_REC_A:
        client = registry.clients.update(owner.co_ownerid, owner.co_verifier, principal)
    else:
        client = registry.introduce(owner.co_ownerid, owner.co_verifier, principal, context.now)
    flags = nfs.EXCHGID4_FLAG_USE_NON_PNFS
    if client.confirmed:
        flags |= nfs.EXCHGID4_FLAG_CONFIRMED_R
    config = context.core.config
    nfs.EXCHANGE_ID4resok(
        client.id,
        client.next_create_seqid,
        flags,
        nfs.state_protect4_r(nfs.SP4_NONE),
        nfs.server_owner4(0, config.owner),
        config.scope,
        [],
    ).encode(reply.encoder)


def _check_protection(protection: nfs.state_protect4_a) -> None:
    """Refuse state protection: it needs RPCSEC_GSS (RFC 8881, Section 18.35.3)."""
    if protection.spa_how == nfs.SP4_SSV:
        raise NfsError(nfs.NFS4ERR_ENCR_ALG_UNSUPP)
    if protection.spa_how == nfs.SP4_MACH_CRED:
        raise NfsError(nfs.NFS4ERR_INVAL)


def create_session(context: Context, args: nfs.CREATE_SESSION4args, reply: Reply) -> None:
    """CREATE_SESSION (RFC 8881, Section 18.36). A repetition is answered as before.

    Only the principal that made a record confirms it. Later sessions may be asked for by those that
    stand for it, see :meth:`Principal.stands_for`.
    """
    registry, principal = context.core.registry, _principal(context)
    client = registry.clients.find(args.csa_clientid, principal.source)
    if client.confirmed:
        client.require(principal)
    elif client.principal != principal:
        raise NfsError(nfs.NFS4ERR_CLID_INUSE)
    if args.csa_sequence == client.create_seqid and client.create_reply is not None:
        reply.buffer += client.create_reply
        return
    if args.csa_sequence != client.next_create_seqid:
        raise NfsError(nfs.NFS4ERR_SEQ_MISORDERED)
    if args.csa_flags & ~_SESSION_FLAGS:
        raise NfsError(nfs.NFS4ERR_INVAL)
    fore = _fore_channel(args.csa_fore_chan_attrs, context.core.config)
    back = BackChannel(
        context.minor,
        args.csa_cb_program,
        choose_credential(args.csa_sec_parms),
        _back_channel(args.csa_back_chan_attrs, context.core.config),
    )
    session = registry.create_session(client, fore, back, context.now)
    if not client.confirmed:
        registry.confirm(client)
    registry.renew(client, context.now)
    registry.associate(session, context.channel)
    # Sessions are not persistent, and a connection does not change its mode.
    flags = args.csa_flags & nfs.CREATE_SESSION4_FLAG_CONN_BACK_CHAN
    if back.credential is None:
        flags = 0  # there is no way to call the client
    if flags:
        registry.bind(session, context.channel)
    client.create_seqid = args.csa_sequence
    start = len(reply.buffer)
    nfs.CREATE_SESSION4resok(session.id, args.csa_sequence, flags, fore, back.attributes).encode(
        reply.encoder
    )
    client.create_reply = bytes(reply.buffer[start:])


def _fore_channel(asked: channel_attrs4, config: ServerConfig) -> channel_attrs4:
    limits = config.sessions
    if (
        asked.ca_maxrequestsize < _MIN_MESSAGE
        or asked.ca_maxresponsesize < _MIN_MESSAGE
        or asked.ca_maxoperations < 1
        or asked.ca_maxrequests < 1
    ):
        raise NfsError(nfs.NFS4ERR_TOOSMALL)
    response = min(asked.ca_maxresponsesize, config.max_message)
    return channel_attrs4(
        0,
        min(asked.ca_maxrequestsize, config.max_message),
        response,
        min(asked.ca_maxresponsesize_cached, limits.cached_reply, response),
        min(asked.ca_maxoperations, limits.operations),
        min(asked.ca_maxrequests, limits.slots),
        asked.ca_rdma_ird,
    )


def _back_channel(asked: channel_attrs4, config: ServerConfig) -> channel_attrs4:
    if (
        asked.ca_maxrequestsize < _MIN_MESSAGE
        or asked.ca_maxresponsesize < _MIN_MESSAGE
        or asked.ca_maxoperations < _MIN_BACK_OPERATIONS
        or asked.ca_maxrequests < 1
    ):
        raise NfsError(nfs.NFS4ERR_TOOSMALL)
    return channel_attrs4(
        0,
        asked.ca_maxrequestsize,
        asked.ca_maxresponsesize,
        asked.ca_maxresponsesize_cached,
        asked.ca_maxoperations,
        min(asked.ca_maxrequests, config.sessions.slots),
        asked.ca_rdma_ird,
    )


def sequence(context: Context, args: nfs.SEQUENCE4args, reply: Reply) -> None:
    """SEQUENCE (RFC 8881, Section 18.46). A failure leaves slot and lease as they were."""
    registry = context.core.registry
    session = registry.sessions.get(args.sa_sessionid)
    if session is None:
        raise NfsError(_of_no_session(context, args))
    channel = context.channel
    known = channel in session.connections
    if not known and not may_carry(source_of(channel.peer), session.client.source):
        # Knowing its name is no right to a session, nor to a slot in it.
        raise Refusal(nfs.NFS4ERR_BADSESSION, NOT_YOURS)
    slot = session.slot(args.sa_slotid)
    if context.request_size > session.fore.ca_maxrequestsize:
        raise NfsError(nfs.NFS4ERR_REQ_TOO_BIG)
    if context.count > session.fore.ca_maxoperations:
        raise NfsError(nfs.NFS4ERR_TOO_MANY_OPS)
    slots = session.fore.ca_maxrequests
    if args.sa_highest_slotid >= slots:
        raise NfsError(nfs.NFS4ERR_BAD_HIGH_SLOT)
    reply.limit(session.fore, args.sa_cachethis)
    try:
        if len(reply.buffer) + _SEQUENCE_RESULT.size > reply.ample:
            reply.check(_SEQUENCE_RESULT.size)
        repeat = admit(slot, args.sa_sequenceid, fingerprint(context.call, context.count))
    except NfsError:
        reply.limit(None)
        raise
    if repeat is NEW:
        context.record = slot
    context.repeat = repeat
    context.session, context.client = session, session.client
    session.used = context.now
    registry.renew(session.client, context.now)
    if not known:
        registry.associate(session, channel)
    reply.buffer += _SEQUENCE_RESULT.pack(
        session.id,
        args.sa_sequenceid,
        args.sa_slotid,
        slots - 1,
        slots - 1,
        status_flags(registry, session, context.now),
    )


def _of_no_session(context: Context, args: nfs.SEQUENCE4args) -> int:
    """Return how SEQUENCE fails for a session that is not there: see ``state.legacy``."""
    called = args.sa_sessionid, args.sa_slotid, args.sa_sequenceid
    # Asked alone. Not every client knows this status, and in what others do it would be in the way.
    if context.count == 1 and context.core.registry.legacy.was_not_executed(*called):
        return nfs.NFS4ERR_DEADSESSION
    return nfs.NFS4ERR_BADSESSION


def destroy_session(context: Context, args: nfs.DESTROY_SESSION4args, reply: Reply) -> None:
    """DESTROY_SESSION (RFC 8881, Section 18.37)."""
    registry = context.core.registry
    session = registry.session_of(args.dsa_sessionid, _principal(context))
    if session is context.session and context.index + 1 < context.count:
        # RFC 8881, Section 18.37.3: the session that carries the call goes last.
        raise NfsError(nfs.NFS4ERR_NOT_ONLY_OP)
    if session.connections and context.channel not in session.connections:
        # The same section. A session whose connections have all ended may be destroyed over
        # any: its client has no other way.
        raise NfsError(nfs.NFS4ERR_CONN_NOT_BOUND_TO_SESSION)
    registry.destroy_session(session)


def destroy_clientid(context: Context, args: nfs.DESTROY_CLIENTID4args, reply: Reply) -> None:
    """DESTROY_CLIENTID (RFC 8881, Section 18.50): BUSY while anything of the client is left."""
    registry, principal = context.core.registry, _principal(context)
    client = registry.clients.find(args.dca_clientid, principal.source)
    client.require(principal)
    if client.sessions or client.has_state or registry.copies.is_busy(client):
        raise NfsError(nfs.NFS4ERR_CLIENTID_BUSY)
    registry.retire(client)


def bind_conn_to_session(
    context: Context, args: nfs.BIND_CONN_TO_SESSION4args, reply: Reply
) -> None:
    """BIND_CONN_TO_SESSION (RFC 8881, Section 18.34)."""
    registry = context.core.registry
    session = registry.session_to_bind(args.bctsa_sessid, _principal(context), context.channel)
    direction = args.bctsa_dir
    wants_back = (nfs.CDFC4_BACK, nfs.CDFC4_FORE_OR_BOTH, nfs.CDFC4_BACK_OR_BOTH)
    if direction not in (nfs.CDFC4_FORE, *wants_back):
        raise NfsError(nfs.NFS4ERR_INVAL)
    registry.associate(session, context.channel)
    if direction == nfs.CDFC4_FORE or session.back.credential is None:
        registry.unbind(session, context.channel)
        bound = nfs.CDFS4_FORE
    else:
        registry.bind(session, context.channel)
        bound = nfs.CDFS4_BACK if direction == nfs.CDFC4_BACK else nfs.CDFS4_BOTH
    registry.renew(session.client, context.now)
    nfs.BIND_CONN_TO_SESSION4resok(session.id, bound, False).encode(reply.encoder)


def decode_backchannel_ctl(dec: Decoder) -> nfs.BACKCHANNEL_CTL4args:
    """Read the arguments, with a limit to the ways to authenticate callbacks."""
    mark = dec.offset
    _, count = dec.uint32(), dec.uint32()
    if count > _MOST_FLAVORS:
        raise XdrError(f"{count} security parameters")
    dec.offset = mark
    return nfs.BACKCHANNEL_CTL4args.decode(dec)


def backchannel_ctl(context: Context, args: nfs.BACKCHANNEL_CTL4args, reply: Reply) -> None:
    """BACKCHANNEL_CTL (RFC 8881, Section 18.33)."""
    assert context.session is not None
    credential = choose_credential(args.bca_sec_parms)
    if credential is None:
        raise NfsError(nfs.NFS4ERR_NOENT)  # there are no RPCSEC_GSS handles here
    context.core.registry.redirect(context.session, args.bca_cb_program, credential)


def reclaim_complete(context: Context, args: nfs.RECLAIM_COMPLETE4args, reply: Reply) -> None:
    """RECLAIM_COMPLETE (RFC 8881, Section 18.51)."""
    client: Client = context.caller
    if args.rca_one_fs:
        # RFC 8881, Section 18.51.3: about a file system that has moved here. None has.
        if context.current is None:
            raise NfsError(nfs.NFS4ERR_NOFILEHANDLE)
        return
    if client.reclaim_complete:
        raise NfsError(nfs.NFS4ERR_COMPLETE_ALREADY)
    context.core.registry.complete_reclaim(client, context.now)

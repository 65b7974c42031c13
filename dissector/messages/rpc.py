"""ONC RPC headers (RFC 5531), with what RPCSEC_GSS (RFC 2203) puts around the arguments."""

from __future__ import annotations

from struct import Struct

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.rpc import (
    AUTH_NONE,
    AUTH_SYS,
    MSG_ACCEPTED,
    PROG_MISMATCH,
    RPC_MISMATCH,
    RPCSEC_GSS,
    accept_stat,
    auth_stat,
    authsys_parms,
)

from .decoder import WitnessDecoder

CALL, REPLY = 0, 1
MAX_AUTH = 400

GSS_DATA, GSS_INIT, GSS_CONTINUE, GSS_DESTROY = range(4)
GSS_PROCEDURES = ("DATA", "INIT", "CONTINUE_INIT", "DESTROY")
GSS_NONE, GSS_INTEGRITY, GSS_PRIVACY = 1, 2, 3
GSS_SERVICES = {GSS_NONE: "none", GSS_INTEGRITY: "integrity", GSS_PRIVACY: "privacy"}

AUTH_TLS = 7
STARTTLS = b"STARTTLS"
"""The verifier of a server that speaks TLS (RFC 9289, Section 4.1)."""
FLAVORS = {
    AUTH_NONE: "AUTH_NONE",
    AUTH_SYS: "AUTH_SYS",
    RPCSEC_GSS: "RPCSEC_GSS",
    AUTH_TLS: "AUTH_TLS",
}
SUCCESS = 0

_NOTHING = memoryview(b"")
_PREFIX = Struct(">6I")
_PAIR = Struct(">2I")
_TRIPLE = Struct(">3I")
_FOUR = Struct(">4I")
_PLAIN_REPLY = Struct(">6I")


class GssCredential:
    """The credential of RPCSEC_GSS (RFC 2203, Section 5)."""

    __slots__ = ("handle", "procedure", "sequence", "service", "version")

    def __init__(self, body: memoryview) -> None:
        dec = Decoder(body)
        self.version, self.procedure, self.sequence, self.service = dec.unpack(_FOUR)
        self.handle = dec.opaque()


class RpcCall:
    """A call's header. ``fault`` says where it had to stop."""

    __slots__ = ("credential", "fault", "flavor", "gss", "procedure", "program", "rpc_version",
                 "verifier", "verifier_flavor", "version", "xid")  # fmt: skip

    def __init__(self) -> None:
        self.xid = 0
        self.rpc_version = 0
        self.program = self.version = self.procedure = -1
        self.flavor = -1
        self.credential = _NOTHING
        self.verifier_flavor = -1
        self.verifier = _NOTHING
        self.gss: GssCredential | None = None
        self.fault = ""

    def sys(self) -> authsys_parms | None:
        """Return the AUTH_SYS credential, if it is one."""
        if self.flavor != AUTH_SYS:
            return None
        try:
            return authsys_parms.decode(Decoder(self.credential))
        except XdrError:
            return None

    @property
    def wrapped(self) -> int:
        """The service that protects the arguments and results, or 0."""
        gss = self.gss
        if gss is None or gss.procedure != GSS_DATA:
            return 0
        return gss.service if gss.service in (GSS_INTEGRITY, GSS_PRIVACY) else 0


class RpcReply:
    """A reply's header."""

    __slots__ = ("accepted", "fault", "high", "low", "stat", "verifier", "verifier_flavor", "xid")

    def __init__(self) -> None:
        self.xid = 0
        self.accepted = True
        self.stat = -1
        """``accept_stat``, or of a denied reply the ``auth_stat``; -1 if the versions differ."""
        self.low = self.high = 0
        self.verifier_flavor = -1
        self.verifier = _NOTHING
        self.fault = ""

    @property
    def success(self) -> bool:
        """Whether the call was accepted and carried out."""
        return self.accepted and self.stat == SUCCESS

    @property
    def stat_name(self) -> str:
        """How it ended, as RFC 5531 names it."""
        if not self.accepted:
            if self.stat == -1:
                return f"RPC_MISMATCH({self.low}-{self.high})"
            return _name(auth_stat, self.stat)
        return _name(accept_stat, self.stat)


def _name(enum: type[accept_stat] | type[auth_stat], value: int) -> str:
    try:
        return enum(value).name
    except ValueError:
        return str(value)


def _auth(dec: WitnessDecoder) -> tuple[int, memoryview]:
    flavor, size = dec.unpack(_PAIR)
    if not size:
        return flavor, _NOTHING
    if size > MAX_AUTH:
        raise XdrError(f"{size} octets of authentication")
    body = dec.peek(size)
    dec.skip(size)
    return flavor, body


def decode_call(dec: WitnessDecoder) -> RpcCall:
    """Read a call's header; the decoder is left at the arguments unless there is a fault."""
    call = RpcCall()
    try:
        call.xid, _, call.rpc_version, call.program, call.version, call.procedure = dec.unpack(
            _PREFIX
        )
        if call.rpc_version != 2:
            call.fault = f"RPC version {call.rpc_version}"
            return call
        call.flavor, call.credential = _auth(dec)
        if call.flavor == RPCSEC_GSS:
            call.gss = GssCredential(call.credential)
        call.verifier_flavor, call.verifier = _auth(dec)
    except XdrError as error:
        call.fault = str(error)
    return call


def decode_reply(dec: WitnessDecoder) -> RpcReply:
    """Read a reply's header; the decoder is left at the results unless there is a fault."""
    reply = RpcReply()
    try:
        if dec.remaining() >= _PLAIN_REPLY.size:
            # Accepted, with an empty verifier: nearly all are.
            reply.xid, _, status, flavor, size, stat = dec.unpack(_PLAIN_REPLY)
            if status == MSG_ACCEPTED and not size and stat != PROG_MISMATCH:
                reply.verifier_flavor, reply.stat = flavor, stat
                return reply
            dec.offset -= _PLAIN_REPLY.size
        reply.xid, _, status = dec.unpack(_TRIPLE)
        if status != MSG_ACCEPTED:
            reply.accepted = False
            if dec.uint32() == RPC_MISMATCH:
                reply.low, reply.high = dec.unpack(_PAIR)
            else:
                reply.stat = dec.uint32()
            return reply
        reply.verifier_flavor, reply.verifier = _auth(dec)
        reply.stat = dec.uint32()
        if reply.stat == PROG_MISMATCH:
            reply.low, reply.high = dec.unpack(_PAIR)
    except XdrError as error:
        reply.fault = str(error)
    return reply

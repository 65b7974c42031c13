"""ONC RPC version 2 messages: the headers of calls and replies (RFC 5531, Section 9).

A header is a handful of words in front of arguments or results, so both directions take a single
``struct`` call in the common case. Every answer other than SUCCESS is an :class:`RpcError`: a
client sees it raised by :func:`decode_reply`, a server raises it and has it encoded. The numbers
are those of ``nfsrdma.xdr.rpc``.
"""

from __future__ import annotations

import struct
from typing import Final

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import (
    AUTH_BADCRED,
    AUTH_BADVERF,
    AUTH_ERROR,
    AUTH_NONE,
    CALL,
    GARBAGE_ARGS,
    MSG_ACCEPTED,
    MSG_DENIED,
    PROC_UNAVAIL,
    PROG_MISMATCH,
    PROG_UNAVAIL,
    REPLY,
    RPC_MISMATCH,
    SUCCESS,
    SYSTEM_ERR,
)

RPC_VERSION: Final = 2

MAX_AUTH_BODY: Final = 400
"""Octets of an ``opaque_auth`` body (RFC 5531, Section 8.2)."""

_CALL_START = struct.Struct(">6I")  # xid, CALL, rpcvers, prog, vers, proc
_CALL_HEAD = struct.Struct(">8I")  # the same, and the credential's flavor and length
_XID_AND_SIZE = struct.Struct(">I24xI")  # of the same: the XID and the credential's length
_SIZE = struct.Struct(">28xI")  # of the same: the credential's length
_REPLY_HEAD = struct.Struct(">6I")  # xid, REPLY, reply_stat, and three words that depend
_PREFIX = struct.Struct(">3I")
_PAIR = struct.Struct(">2I")
_WORD = struct.Struct(">I")

ACCEPTED: Final = _REPLY_HEAD
"""The header of a reply with results, without a verifier: packs what :func:`accepted` returns."""

_CALL_MIN: Final = _CALL_HEAD.size + 8
_CALL_MAX: Final = _CALL_MIN + MAX_AUTH_BODY
_NO_VERIFIER: Final = bytes(8)


class OpaqueAuth:
    """A credential or a verifier as it travels: a flavor and at most 400 octets."""

    __slots__ = ("_wire", "body", "flavor")

    def __init__(self, flavor: int, body: bytes = b"") -> None:
        self.flavor = flavor
        self.body = body
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The encoding, made once. Raises ``XdrError`` if the body is too long."""
        if self._wire is None:
            enc = Encoder()
            enc.uint32(self.flavor)
            enc.opaque(self.body, MAX_AUTH_BODY)
            self._wire = bytes(enc.buffer)
        return self._wire

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OpaqueAuth):
            return NotImplemented
        return self.flavor == other.flavor and self.body == other.body

    def __hash__(self) -> int:
        return hash((self.flavor, self.body))

    def __repr__(self) -> str:
        return f"OpaqueAuth({self.flavor}, {self.body!r})"


NO_AUTH: Final = OpaqueAuth(AUTH_NONE)
"""The AUTH_NONE credential and verifier."""


class CallHeader:
    """The header of a call: everything in front of its arguments.

    ``cred_end`` is the offset in the message just past the credential: RPCSEC_GSS verifiers
    cover the octets before it (RFC 2203, Section 5.3.1).
    """

    __slots__ = ("cred", "cred_end", "proc", "prog", "verf", "vers", "xid")

    def __init__(
        self,
        xid: int,
        prog: int,
        vers: int,
        proc: int,
        cred: OpaqueAuth,
        verf: OpaqueAuth,
        cred_end: int = 0,
    ) -> None:
        self.xid = xid
        self.prog = prog
        self.vers = vers
        self.proc = proc
        self.cred = cred
        self.verf = verf
        self.cred_end = cred_end

    def __repr__(self) -> str:
        return (
            f"CallHeader(xid={self.xid:#010x}, prog={self.prog}, vers={self.vers}, "
            f"proc={self.proc}, cred={self.cred!r}, verf={self.verf!r})"
        )


class RpcError(Exception):
    """An answer that says that a call was not executed: all but MSG_ACCEPTED with SUCCESS."""

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder."""
        encode_accepted(enc, xid, verf, SYSTEM_ERR)


class ProgramUnavailable(RpcError):
    """PROG_UNAVAIL: the server does not have the program."""

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder."""
        encode_accepted(enc, xid, verf, PROG_UNAVAIL)


class ProgramMismatch(RpcError):
    """PROG_MISMATCH: the server has versions ``low`` to ``high`` of the program, not this one."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(f"the program is served in versions {low} to {high}")
        self.low = low
        self.high = high

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder."""
        encode_accepted(enc, xid, verf, PROG_MISMATCH, (self.low, self.high))


class ProcedureUnavailable(RpcError):
    """PROC_UNAVAIL: the program's version does not have the procedure."""

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder."""
        encode_accepted(enc, xid, verf, PROC_UNAVAIL)


class GarbageArguments(RpcError):
    """GARBAGE_ARGS: the server could not decode the arguments."""

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder."""
        encode_accepted(enc, xid, verf, GARBAGE_ARGS)


class RemoteFailure(RpcError):
    """SYSTEM_ERR: the server failed for a reason of its own."""


class RpcVersionMismatch(RpcError):
    """RPC_MISMATCH: the server speaks RPC versions ``low`` to ``high``, not this one."""

    def __init__(self, low: int = RPC_VERSION, high: int = RPC_VERSION) -> None:
        super().__init__(f"RPC itself is spoken in versions {low} to {high}")
        self.low = low
        self.high = high

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder; it has no verifier."""
        enc.buffer += _REPLY_HEAD.pack(xid, REPLY, MSG_DENIED, RPC_MISMATCH, self.low, self.high)


class AuthError(RpcError):
    """AUTH_ERROR: the server did not take the credential or the verifier (``auth_stat``)."""

    def __init__(self, stat: int, reason: str = "") -> None:
        super().__init__(f"authentication failed, auth_stat {stat}{reason and ': '}{reason}")
        self.stat = stat

    def encode(self, enc: Encoder, xid: int, verf: OpaqueAuth = NO_AUTH) -> None:
        """Append the whole reply to an empty encoder; it has no verifier."""
        encode_denied(enc, xid, self.stat)


_ACCEPT_ERRORS: Final[dict[int, tuple[type[RpcError], str]]] = {
    PROG_UNAVAIL: (ProgramUnavailable, "the server does not have the program"),
    PROC_UNAVAIL: (ProcedureUnavailable, "the server does not have the procedure"),
    GARBAGE_ARGS: (GarbageArguments, "the server could not decode the arguments"),
    SYSTEM_ERR: (RemoteFailure, "the server failed"),
}


def encode_call(
    enc: Encoder,
    xid: int,
    prog: int,
    vers: int,
    proc: int,
    cred: OpaqueAuth,
    verf: OpaqueAuth | None = NO_AUTH,
) -> None:
    """Append the header of a call to an empty encoder; the arguments go behind it.

    With None for ``verf`` the verifier is left out, for the caller to append: it may cover the
    octets before it.
    """
    enc.buffer += _CALL_START.pack(xid, CALL, RPC_VERSION, prog, vers, proc)
    enc.buffer += cred.wire
    if verf is not None:
        enc.buffer += verf.wire


def decode_call(dec: Decoder) -> CallHeader:
    """Read the header of a call, and leave the decoder at the arguments.

    Raises the ``RpcError`` to answer with (``RpcVersionMismatch``, or ``AuthError`` for an
    authentication body that is too long), and ``XdrError`` if the message is not a call or is cut
    off, and so gets no answer.
    """
    try:
        xid, mtype, rpcvers, prog, vers, proc, flavor, size = dec.unpack(_CALL_HEAD)
    except XdrError:
        # Another version's header may well be shorter than ours.
        if dec.remaining() >= _PREFIX.size:
            _, mtype, rpcvers = dec.unpack(_PREFIX)
            if mtype == CALL and rpcvers != RPC_VERSION:
                raise RpcVersionMismatch from None
        raise
    if mtype != CALL:
        raise XdrError(f"message type {mtype} where a call was expected")
    if rpcvers != RPC_VERSION:
        raise RpcVersionMismatch
    if size > MAX_AUTH_BODY:
        raise AuthError(AUTH_BADCRED, f"{size} octets of credential")
    cred = OpaqueAuth(flavor, dec.fixed_opaque(size))
    cred_end = dec.tell()
    flavor, size = dec.unpack(_PAIR)
    if size > MAX_AUTH_BODY:
        raise AuthError(AUTH_BADVERF, f"{size} octets of verifier")
    verf = OpaqueAuth(flavor, dec.fixed_opaque(size)) if flavor or size else NO_AUTH
    return CallHeader(xid, prog, vers, proc, cred, verf, cred_end)


def recognize(dec: Decoder) -> tuple[int, bytes]:
    """Return the XID of a call, and the octets between it and the arguments.

    Those octets are the same in all calls of one caller to one procedure, so they need not be
    decoded each time. Nothing is consumed or checked. They are empty if the call has a verifier,
    which differs from call to call, or is cut off: :func:`decode_call` is for such calls.
    """
    head = dec.peek(_CALL_MAX)
    if len(head) < _CALL_MIN:
        return 0, b""
    xid, size = _XID_AND_SIZE.unpack_from(head)
    end = _CALL_MIN + (size + 3 & ~3)
    if end > len(head) or head[end - 8 : end] != _NO_VERIFIER:
        return 0, b""
    return xid, head[4:end].tobytes()


def head_of(message: memoryview) -> tuple[bytes, int]:
    """Return the octets between the XID and the arguments of a call, and where these begin.

    As :func:`recognize`, of a message in one piece, but with no look at the verifier: what is
    returned is only good to look up what was recognized before.
    """
    if len(message) < _CALL_MIN:
        return b"", 0
    (size,) = _SIZE.unpack_from(message)
    if size > MAX_AUTH_BODY:
        return b"", 0
    end = _CALL_MIN + (size + 3 & ~3)
    return message[4:end].tobytes(), end


def accepted(xid: int) -> tuple[int, int, int, int, int, int]:
    """Return the words of the header of a reply with results, without a verifier."""
    return xid, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, SUCCESS


def encode_accepted(
    enc: Encoder,
    xid: int,
    verf: OpaqueAuth = NO_AUTH,
    stat: int = SUCCESS,
    mismatch: tuple[int, int] | None = None,
) -> None:
    """Append the header of an accepted reply to an empty encoder; results go behind SUCCESS.

    ``mismatch`` is the lowest and highest version served, for PROG_MISMATCH only.
    """
    if verf is NO_AUTH:
        enc.buffer += _REPLY_HEAD.pack(xid, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, stat)
    else:
        enc.buffer += _PREFIX.pack(xid, REPLY, MSG_ACCEPTED)
        enc.buffer += verf.wire
        enc.buffer += _WORD.pack(stat)
    assert (stat == PROG_MISMATCH) == (mismatch is not None)
    if mismatch is not None:
        enc.buffer += _PAIR.pack(*mismatch)


def encode_denied(enc: Encoder, xid: int, auth_stat: int) -> None:
    """Append a reply that denies a call's authentication to an empty encoder."""
    enc.buffer += _PREFIX.pack(xid, REPLY, MSG_DENIED)
    enc.buffer += _PAIR.pack(AUTH_ERROR, auth_stat)


def decode_reply(dec: Decoder) -> tuple[int, OpaqueAuth]:
    """Read the header of a reply, leave the decoder at the results, return XID and verifier.

    Raises the ``RpcError`` that stands for any answer but SUCCESS, and ``XdrError`` if the message
    is not a reply.
    """
    xid, mtype, reply_stat = dec.unpack(_PREFIX)
    if mtype != REPLY:
        raise XdrError(f"message type {mtype} where a reply was expected")
    if reply_stat == MSG_DENIED:
        raise _denial(dec)
    if reply_stat != MSG_ACCEPTED:
        raise XdrError(f"{reply_stat} is no reply_stat")
    flavor, size = dec.unpack(_PAIR)
    if size > MAX_AUTH_BODY:
        raise XdrError(f"{size} octets of verifier")
    verf = OpaqueAuth(flavor, dec.fixed_opaque(size)) if flavor or size else NO_AUTH
    stat = dec.uint32()
    if stat == SUCCESS:
        return xid, verf
    if stat == PROG_MISMATCH:
        raise ProgramMismatch(dec.uint32(), dec.uint32())
    if stat not in _ACCEPT_ERRORS:
        raise XdrError(f"{stat} is no accept_stat")
    error, meaning = _ACCEPT_ERRORS[stat]
    raise error(meaning)


def _denial(dec: Decoder) -> RpcError:
    reject_stat = dec.uint32()
    if reject_stat == RPC_MISMATCH:
        return RpcVersionMismatch(dec.uint32(), dec.uint32())
    if reject_stat == AUTH_ERROR:
        return AuthError(dec.uint32())
    raise XdrError(f"{reject_stat} is no reject_stat")


def peek(message: bytes | bytearray | memoryview) -> tuple[int, int]:
    """Return the XID and the direction (``CALL`` or ``REPLY``) of an RPC message.

    Raises ``XdrError`` for fewer than eight octets, or a direction that is neither.
    """
    if len(message) < 8:
        raise XdrError(f"{len(message)} octets are no RPC message")
    xid, mtype = _PAIR.unpack_from(message)
    if mtype > REPLY:
        raise XdrError(f"{mtype} is no message type")
    return xid, mtype


def peek_xid(message: Encoder) -> int:
    """Return the XID of a message of our own."""
    (xid,) = _WORD.unpack_from(message.buffer)
    return xid  # type: ignore[no-any-return]

"""What an RPC's arguments or results are: an NFS compound, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs4.ops import CALLBACK_OPERATIONS, OPERATIONS
from nfsrdma.xdr.nfs4.types import nfs_argop4, nfs_cb_argop4, nfs_cb_resop4, nfs_resop4, nfsstat4

from .rpc import (
    GSS_DATA,
    GSS_INTEGRITY,
    GSS_PRIVACY,
    GSS_PROCEDURES,
    RpcCall,
)

NFS_PROGRAM = 100003
CALLBACK_PROGRAMS = range(0x40000000, 0x60000000)
"""Programs that servers call back: the transient range (RFC 5531, Section 8.4)."""

PROGRAM_NAMES = {100000: "PORTMAP", 100003: "NFS", 100005: "MOUNT", 100021: "NLM", 100024: "STAT",
                 100227: "NFS_ACL"}  # fmt: skip
MAX_OPERATIONS = 4096
_STATUS = {int(member): member.name for member in nfsstat4}


def status_name(status: int) -> str:
    """``NFS4_OK``, ``NFS4ERR_STALE``...; unknown numbers as numbers."""
    return _STATUS.get(status, str(status))


class Operation(NamedTuple):
    """One operation of a compound: its number, its arguments or its result."""

    number: int
    value: Any


class Body:
    """Arguments or results. ``fault`` says why there is not more of it."""

    __slots__ = ("callback", "fault", "kind", "minor", "operations", "status", "tag", "total")

    def __init__(self, kind: str, callback: bool = False) -> None:
        self.kind = kind
        """``NULL``, ``COMPOUND``, ``CB_COMPOUND``, or words for what cannot be looked into."""
        self.callback = callback
        self.minor = -1
        self.status = -1
        self.tag = b""
        self.total = 0
        """How many operations the sender says there are."""
        self.operations: list[Operation] = []
        self.fault = ""

    @property
    def undecoded(self) -> bool:
        """It is NFS, but not all of it could be decoded."""
        return bool(self.fault)

    def names(self) -> list[str]:
        """The operations' names, in order."""
        table = CALLBACK_OPERATIONS if self.callback else OPERATIONS
        return [
            table[op.number].name if op.number in table else f"op {op.number}"
            for op in self.operations
        ]


def is_callback(program: int) -> bool:
    return program in CALLBACK_PROGRAMS


def decode_arguments(call: RpcCall, dec: Decoder) -> Body:
    """The arguments of a call whose header was read."""
    callback = is_callback(call.program)
    nfs4 = call.program == NFS_PROGRAM and call.version == 4
    if call.gss is not None and call.gss.procedure != GSS_DATA:
        number = call.gss.procedure
        return Body(f"RPCSEC_GSS_{GSS_PROCEDURES[number]}" if number < 4 else "RPCSEC_GSS")
    if call.procedure == 0:
        return Body("NULL", callback)
    if not (nfs4 or callback) or call.procedure != 1:
        return Body("")
    body = Body("CB_COMPOUND" if callback else "COMPOUND", callback)
    if call.wrapped == GSS_PRIVACY:
        body.kind += " (encrypted)"
        return body
    _guarded(body, dec, call.wrapped, _callback_arguments if callback else _arguments)
    return body


def decode_results(call: RpcCall | None, dec: Decoder, callback: bool) -> Body:
    """The results of a successful reply whose header was read; ``call`` is ``None`` if unseen."""
    if call is None:
        body = Body("CB_COMPOUND" if callback else "COMPOUND", callback)
        if not dec.remaining():
            body.kind = "NULL"
            return body
        _guarded(body, dec, 0, _callback_results if callback else _results)
        return body
    body = Body("", is_callback(call.program))
    if call.gss is not None and call.gss.procedure != GSS_DATA:
        return decode_arguments(call, dec)
    if call.procedure == 0:
        body.kind = "NULL"
        return body
    if not ((call.program == NFS_PROGRAM and call.version == 4) or body.callback):
        return body
    if call.procedure != 1:
        return body
    body.kind = "CB_COMPOUND" if body.callback else "COMPOUND"
    if call.wrapped == GSS_PRIVACY:
        body.kind += " (encrypted)"
        return body
    _guarded(body, dec, call.wrapped, _callback_results if body.callback else _results)
    return body


def _guarded(
    body: Body, dec: Decoder, wrapped: int, decode: Callable[[Body, Decoder], None]
) -> None:
    """Decode as far as it goes, integrity-protected or plain."""
    try:
        if wrapped == GSS_INTEGRITY:
            # The length of what the checksum covers, and the sequence number (RFC 2203,
            # Section 5.3.2.2).
            dec.uint32()
            dec.uint32()
            decode(body, dec)
            return
        decode(body, dec)
        if dec.remaining():
            body.fault = f"{dec.remaining()} octets left over"
    except XdrError as error:
        body.fault = str(error)
    except (ValueError, IndexError, OverflowError, RecursionError) as error:
        body.fault = f"{error.__class__.__name__}: {error}"


def _arguments(body: Body, dec: Decoder) -> None:
    body.tag = dec.opaque()
    body.minor = dec.uint32()
    _operations(body, dec, nfs_argop4.decode_arm)


def _callback_arguments(body: Body, dec: Decoder) -> None:
    body.tag = dec.opaque()
    body.minor = dec.uint32()
    dec.uint32()  # callback_ident
    _operations(body, dec, nfs_cb_argop4.decode_arm)


def _results(body: Body, dec: Decoder) -> None:
    body.status = dec.int32()
    body.tag = dec.opaque()
    _operations(body, dec, nfs_resop4.decode_arm)


def _callback_results(body: Body, dec: Decoder) -> None:
    body.status = dec.int32()
    body.tag = dec.opaque()
    _operations(body, dec, nfs_cb_resop4.decode_arm)


def _operations(body: Body, dec: Decoder, arm: Callable[[Decoder, int], Any]) -> None:
    body.total = dec.uint32()
    if body.total > MAX_OPERATIONS:
        raise XdrError(f"{body.total} operations")
    operations = body.operations
    for _ in range(body.total):
        number = dec.int32()
        operations.append(Operation(number, arm(dec, number).value))

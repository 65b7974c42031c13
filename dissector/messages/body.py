"""What an RPC's arguments or results are: an NFS compound, operation by operation.

A procedure of NFS version 3 is shown as a compound of one (see ``procedures``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, NamedTuple

from nfsrdma.xdr import Decoder, XdrError
from nfsrdma.xdr.nfs3.types import nfsstat3
from nfsrdma.xdr.nfs4.ops import CALLBACK_OPERATIONS, OPERATIONS, OperationSpec
from nfsrdma.xdr.nfs4.types import nfsstat4

from .gss import control_of
from .procedures import Procedure
from .programs import NAMES, procedure_of
from .rpc import (
    AUTH_TLS,
    GSS_DATA,
    GSS_INTEGRITY,
    GSS_PRIVACY,
    RpcCall,
)

NFS_PROGRAM = 100003
CALLBACK_PROGRAMS = range(0x40000000, 0x60000000)
"""Programs that servers call back: the transient block (RFC 5531, Section 13.3.3)."""

PROGRAM_NAMES = {100000: "PORTMAP", 100003: "NFS", 100005: "MOUNT", 100011: "RQUOTA",
                 100021: "NLM", 100024: "STAT", 100227: "NFS_ACL"}  # fmt: skip
MAX_OPERATIONS = 4096
_UNTAGGED_CALL, _UNTAGGED_REPLY, _PAIR = Struct(">3I"), Struct(">i2I"), Struct(">2I")
"""What a compound begins with if it has no tag, and what follows a tag."""
_STATUS = {int(member): member.name for member in nfsstat4}
_STATUS_3 = {int(member): member.name for member in nfsstat3}


def status_name(status: int, version: int = 4) -> str:
    """Return ``NFS4_OK``, ``NFS4ERR_STALE``...; unknown numbers as numbers."""
    return (_STATUS_3 if version == 3 else _STATUS).get(status, str(status))


def operation_name(number: int, callback: bool = False) -> str:
    """Return ``GETATTR``, ``CB_RECALL``..., or ``op`` and the number of what is unknown."""
    table = CALLBACK_OPERATIONS if callback else OPERATIONS
    spec = table.get(number)
    return spec.name if spec is not None else NAMES.get(number) or f"op {number}"


class Sealed(NamedTuple):
    """What integrity adds to a body (RFC 2203, Section 5.3.2.2)."""

    length: int
    """Octets that the checksum covers: the sequence number and the body."""
    sequence: int
    checksum: bytes


class Operation(NamedTuple):
    """One operation of a compound: its number, its arguments or its result."""

    number: int
    value: Any


class Body:
    """Arguments or results. ``fault`` says why there is not more of it."""

    __slots__ = ("callback", "ended", "fault", "kind", "minor", "operations", "sealed", "status",
                 "tag", "total", "version")  # fmt: skip

    def __init__(self, kind: str, callback: bool = False) -> None:
        self.kind = kind
        """``NULL``, ``COMPOUND``, ``CB_COMPOUND``, or words for what cannot be looked into."""
        self.callback = callback
        self.version = 4
        """Of NFS or MOUNT: 3 where there is one procedure, not a compound."""
        self.minor = -1
        self.status = -1
        self.ended = ""
        """The status in words, where it is not one of NFS's."""
        self.tag = b""
        self.total = 0
        """How many operations the sender says there are."""
        self.operations: list[Operation] = []
        self.sealed: Sealed | None = None
        """What protects its integrity, if something does and all of it is there."""
        self.fault = ""

    @property
    def undecoded(self) -> bool:
        """It is NFS, but not all of it could be decoded."""
        return bool(self.fault)

    @property
    def open(self) -> bool:
        """It is one that can be looked into, if all of it is there."""
        return self.version == 3 or self.kind in ("COMPOUND", "CB_COMPOUND")

    def names(self) -> list[str]:
        """Return the operations' names, in order."""
        return [operation_name(op.number, self.callback) for op in self.operations]


def is_callback(program: int) -> bool:
    """Return whether a program is one that NFS servers call back."""
    return program in CALLBACK_PROGRAMS


def decode_arguments(call: RpcCall, dec: Decoder) -> Body:
    """Decode the arguments of a call whose header was read."""
    callback = is_callback(call.program)
    nfs4 = call.program == NFS_PROGRAM and call.version == 4
    if call.gss is not None and call.gss.procedure != GSS_DATA:
        row = control_of(call.gss)
        return Body("RPCSEC_GSS") if row is None else _procedure(row, row.arguments, 0, dec)
    if call.procedure == 0:
        return _null(call)
    if not (nfs4 or callback) or call.procedure != 1:
        row = procedure_of(call.program, call.version, call.procedure)
        return Body("") if row is None else _procedure(row, row.arguments, call.wrapped, dec)
    body = Body("CB_COMPOUND" if callback else "COMPOUND", callback)
    if call.wrapped == GSS_PRIVACY:
        body.kind += " (encrypted)"
        return body
    _guarded(body, dec, call.wrapped, _callback_arguments if callback else _arguments)
    return body


def _null(call: RpcCall) -> Body:
    body = Body("NULL", is_callback(call.program))
    if call.flavor == AUTH_TLS:
        body.kind = "NULL (asks for TLS)"
    if procedure_of(call.program, call.version, 0) is not None:
        body.version = 3
    return body


def _procedure(row: Procedure, kind: Any, wrapped: int, dec: Decoder) -> Body:
    """Decode the arguments or the results of a procedure, ``kind`` being their type."""
    body = Body(row.name)
    body.version, body.total = 3, 1
    if wrapped == GSS_PRIVACY:
        body.kind += " (encrypted)"
        return body

    def decode(body: Body, dec: Decoder) -> None:
        value: Any = None
        if kind is not None:
            value = kind.decode(dec)
        if value is not None and kind is row.result:
            # Nearly all results have a status; the lists of MOUNT do not.
            body.status = status = row.ended(value)
            if status >= 0:
                body.ended = "OK" if status == row.good else row.names.get(status, "")
        body.operations.append(Operation(row.number, value))

    _guarded(body, dec, wrapped, decode)
    return body


def decode_results(
    call: RpcCall | None, dec: Decoder, callback: bool, version: int | None = None
) -> Body:
    """Decode the results of a successful reply; ``call`` is ``None`` if it was not seen.

    ``version`` is that of NFS that the requester has called last, if it has.
    """
    if call is None:
        if version is not None and version < 4 and not callback:
            return Body("")
        body = Body("CB_COMPOUND" if callback else "COMPOUND", callback)
        if not dec.remaining():
            body.kind = "NULL"
            return body
        _guarded(body, dec, 0, _callback_results if callback else _results)
        if body.fault and version is None:
            # Nothing says that it is a compound at all.
            return Body("")
        return body
    body = Body("", is_callback(call.program))
    if call.gss is not None and call.gss.procedure != GSS_DATA:
        row = control_of(call.gss)
        return Body("RPCSEC_GSS") if row is None else _procedure(row, row.result, 0, dec)
    if call.procedure == 0:
        return _null(call)
    row = procedure_of(call.program, call.version, call.procedure)
    if row is not None:
        return _procedure(row, row.result, call.wrapped, dec)
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
            length, sequence = dec.unpack(_PAIR)
            decode(body, dec)
            body.sealed = Sealed(length, sequence, dec.opaque())
            if dec.remaining():
                body.fault = f"{dec.remaining()} octets left over"
            return
        decode(body, dec)
        if dec.remaining():
            body.fault = f"{dec.remaining()} octets left over"
    except XdrError as error:
        body.fault = str(error)
    except (ValueError, IndexError, OverflowError, RecursionError) as other:
        body.fault = f"{other.__class__.__name__}: {other}"


def _arguments(body: Body, dec: Decoder) -> None:
    start = dec.offset
    tag, minor, total = dec.unpack(_UNTAGGED_CALL)
    if tag:
        dec.offset = start
        body.tag = dec.opaque()
        minor, total = dec.unpack(_PAIR)
    # Not before: in a message that is cut these may be octets of the tag.
    body.minor, body.total = minor, total
    _operations(body, dec, _ARGUMENTS)


def _callback_arguments(body: Body, dec: Decoder) -> None:
    body.tag = dec.opaque()
    body.minor, _, body.total = dec.unpack(_UNTAGGED_CALL)  # with callback_ident
    _operations(body, dec, _CALLBACK_ARGUMENTS)


def _results(body: Body, dec: Decoder) -> None:
    start = dec.offset
    body.status, tag, total = dec.unpack(_UNTAGGED_REPLY)
    if tag:
        dec.offset = start + 4
        body.tag = dec.opaque()
        total = dec.uint32()
    body.total = total
    _operations(body, dec, _RESULTS)


def _callback_results(body: Body, dec: Decoder) -> None:
    body.status = dec.int32()
    body.tag = dec.opaque()
    body.total = dec.uint32()
    _operations(body, dec, _CALLBACK_RESULTS)


_Decoders = dict[int, Callable[[Decoder], Any]]


def _decoders(table: Mapping[int, OperationSpec]) -> tuple[_Decoders, _Decoders]:
    """Return what reads the arguments, and what the results, of each operation."""
    return (
        {number: spec.decode_arguments for number, spec in table.items()},
        {number: spec.result.decode for number, spec in table.items()},
    )


_ARGUMENTS, _RESULTS = _decoders(OPERATIONS)
_CALLBACK_ARGUMENTS, _CALLBACK_RESULTS = _decoders(CALLBACK_OPERATIONS)


def _operations(body: Body, dec: Decoder, table: _Decoders) -> None:
    """Decode ``body.total`` operations."""
    if body.total > MAX_OPERATIONS:
        raise XdrError(f"{body.total} operations")
    found, read = body.operations.append, dec.int32
    for _ in range(body.total):
        number = read()
        decode = table.get(number)
        if decode is None:
            raise XdrError(f"there is no operation {number}")
        found(Operation(number, decode(dec)))

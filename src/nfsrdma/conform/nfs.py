"""NFSv4.1 as far as tests of a transport need it: calls in plain octets, and replies taken apart.

A :class:`Call` knows its stream both ways: whole, and reduced, with what is DDP-eligible (RFC 8267,
Section 6.1) left out. How it travels is the test's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import RpcError, decode_reply, encode_call
from nfsrdma.rpcrdma.transport.reassembly import PlacedDecoder
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4
from nfsrdma.xdr.nfs4.errors import name_of
from nfsrdma.xdr.nfs4.ops import OPERATIONS

from .case import Failed, NotApplicable

Op = tuple[int, Any]
"""A number of an operation, and its arguments."""

ANONYMOUS: Final = t.stateid4(0, bytes(12))
MAX_IO: Final = 1 << 20
"""What sessions ask for: the longest request and reply, and a bit of room."""

PUTROOTFH: Final[Op] = (t.OP_PUTROOTFH, None)
GETFH: Final[Op] = (t.OP_GETFH, None)
READLINK: Final[Op] = (t.OP_READLINK, None)
SAVEFH: Final[Op] = (t.OP_SAVEFH, None)
RECLAIM_COMPLETE: Final[Op] = (t.OP_RECLAIM_COMPLETE, t.RECLAIM_COMPLETE4args(False))


class Call:
    """An RPC call that is ready to be sent, some way or other."""

    def __init__(self, xid: int, encoder: Encoder, ops: Sequence[int]) -> None:
        self.xid = xid
        self.ops = list(ops)
        """The numbers of the operations."""
        self._encoder = encoder

    @property
    def whole(self) -> bytes:
        """The stream with everything in it."""
        return self._encoder.to_bytes()

    @property
    def reduced(self) -> bytes:
        """The stream without its DDP-eligible items; their length words are there."""
        return bytes(self._encoder.buffer)

    @property
    def payloads(self) -> list[tuple[int, bytes]]:
        """The eligible items: their Positions in the whole stream, and their octets."""
        return [(each.position, bytes(each.data)) for each in self._encoder.payloads]


@dataclass(frozen=True, slots=True)
class Results:
    """A COMPOUND's reply. ``values`` are the results, or, of failures, what stands instead."""

    status: int
    ops: list[int]
    statuses: list[int]
    values: list[Any]

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    @property
    def status_name(self) -> str:
        """The status in the words of the specification."""
        return name_of(self.status)


def encode_ops(enc: Encoder, ops: Sequence[Op], minor: int) -> None:
    """Append COMPOUND4args; arguments that are octets go in as they are."""
    enc.uint32(0)  # an empty tag
    enc.uint32(minor)
    enc.uint32(len(ops))
    for number, arguments in ops:
        enc.uint32(number)
        if isinstance(arguments, bytes):
            enc.buffer += arguments
        elif arguments is not None:
            OPERATIONS[number].encode_arguments(enc, arguments)


def compound(xid: int, ops: Sequence[Op], credentials: Credentials, *, minor: int = 1) -> Call:
    """Return a call of COMPOUND."""
    enc = Encoder()
    auth = credentials.to_auth()
    encode_call(enc, xid, t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND, auth)
    encode_ops(enc, ops, minor)
    return Call(xid, enc, [number for number, _ in ops])


def null(xid: int) -> bytes:
    """Return a call of NULL: what every server answers."""
    enc = Encoder()
    encode_call(enc, xid, t.NFS4_PROGRAM, t.NFS_V4, 0, Credentials().to_auth())
    return bytes(enc.buffer)


def accepted(octets: bytes, xid: int) -> Decoder:
    """Return a decoder behind the head of an RPC reply. Raises ``Failed`` if it is an error."""
    decoder = Decoder(octets)
    try:
        answered, _ = decode_reply(decoder)
    except RpcError as error:
        raise Failed(f"the call was answered with {type(error).__name__}: {error}") from None
    except XdrError as error:
        raise Failed(f"the RPC reply cannot be decoded: {error}") from None
    if answered != xid:
        raise Failed(f"the RPC reply has XID {answered:#x}, the call had {xid:#x}")
    return decoder


def decode_results(octets: bytes, call: Call, placed: Sequence[bytes] = ()) -> Results:
    """Decode the reply to a call; ``placed`` is what was written to each chunk of the Write list.

    Raises ``Failed`` if that is impossible, or if the results are those of another COMPOUND.
    """
    head = accepted(octets, call.xid).tell()
    decoder = PlacedDecoder(memoryview(octets)[head:], [memoryview(each) for each in placed])
    try:
        result = t.COMPOUND4res.decode(decoder)
        decoder.done()
    except XdrError as error:
        raise Failed(f"the results cannot be decoded: {error}") from None
    values = [each.value for each in result.resarray]
    found = Results(
        result.status,
        [each.resop for each in result.resarray],
        [int(getattr(value, value.__slots__[0])) for value in values],
        [getattr(value, "value", value) for value in values],
    )
    _check_order(found, call)
    return found


def _check_order(found: Results, call: Call) -> None:
    """Raise ``Failed`` unless there is a result for each operation up to the one that failed."""
    good = found.status == t.NFS4_OK
    asked = call.ops[: len(found.ops)]
    if found.ops[-1:] == [t.OP_ILLEGAL]:
        asked[-1:] = [t.OP_ILLEGAL]
    if found.ops != asked or (good and len(found.ops) != len(call.ops)):
        raise Failed(f"results of operations {found.ops}, the call has {call.ops}")
    before, last = found.statuses[:-1], found.statuses[-1:]
    if any(before) or (last and last[0] != found.status):
        raise Failed(f"statuses {found.statuses} in a COMPOUND with status {found.status}")


def channel(
    operations: int = 32, slots: int = 4, request: int = MAX_IO + 4096, reply: int = MAX_IO + 4096
) -> t.channel_attrs4:
    """Return the attributes of a channel."""
    return t.channel_attrs4(0, request, reply, 4096, operations, slots, [])


BACK: Final = t.channel_attrs4(0, 900, 900, 0, 4, 1, [])
"""What a back channel can have at the default inline threshold (RFC 8167, Section 4.2)."""
PROGRAM: Final = 0x40000000
"""The program that calls back (RFC 8881, Section 18.36)."""


def exchange_id(owner: bytes, verifier: bytes) -> Op:
    """Return EXCHANGE_ID."""
    return t.OP_EXCHANGE_ID, t.EXCHANGE_ID4args(
        t.client_owner4(verifier, owner), 0, t.state_protect4_a(t.SP4_NONE), []
    )


def create_session(client_id: int, sequence: int, flags: int, fore: t.channel_attrs4) -> Op:
    """Return CREATE_SESSION, whose callbacks have AUTH_NONE."""
    return t.OP_CREATE_SESSION, t.CREATE_SESSION4args(
        client_id, sequence, flags, fore, BACK, PROGRAM, [t.callback_sec_parms4(0)]
    )


def putfh(handle: bytes) -> Op:
    """Return PUTFH."""
    return t.OP_PUTFH, t.PUTFH4args(handle)


def lookup(name: bytes) -> Op:
    """Return LOOKUP."""
    return t.OP_LOOKUP, t.LOOKUP4args(name)


def bitmap(*numbers: int) -> list[int]:
    """Return a bitmap of attributes."""
    found = [0] * (max(numbers, default=0) // 32 + 1)
    for number in numbers:
        found[number // 32] |= 1 << number % 32
    return found


def getattr_(*numbers: int) -> Op:
    """Return GETATTR of these attributes."""
    return t.OP_GETATTR, t.GETATTR4args(bitmap(*numbers))


def open_(name: bytes, owner: bytes, *, create: bool = False) -> Op:
    """Return OPEN for reading and writing, without a delegation if the server follows that."""
    how = t.openflag4(t.OPEN4_NOCREATE)
    if create:
        values = encode_fattr4({t.FATTR4_MODE: 0o600})
        how = t.openflag4(t.OPEN4_CREATE, t.createhow4(t.UNCHECKED4, values))
    access = t.OPEN4_SHARE_ACCESS_BOTH | t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG
    claim = t.open_claim4(t.CLAIM_NULL, name)
    return t.OP_OPEN, t.OPEN4args(0, access, 0, t.open_owner4(0, owner), how, claim)


def reclaim(owner: bytes) -> Op:
    """Return OPEN of the current file as it was open before the server restarted."""
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)
    access = t.OPEN4_SHARE_ACCESS_BOTH
    how = t.openflag4(t.OPEN4_NOCREATE)
    return t.OP_OPEN, t.OPEN4args(0, access, 0, t.open_owner4(0, owner), how, claim)


def close(stateid: t.stateid4) -> Op:
    """Return CLOSE."""
    return t.OP_CLOSE, t.CLOSE4args(0, stateid)


def read(stateid: t.stateid4, offset: int, count: int) -> Op:
    """Return READ."""
    return t.OP_READ, t.READ4args(stateid, offset, count)


def write(stateid: t.stateid4, offset: int, data: bytes) -> Op:
    """Return an unstable WRITE."""
    return t.OP_WRITE, t.WRITE4args(stateid, offset, t.UNSTABLE4, data)


def symlink(name: bytes, target: bytes) -> Op:
    """Return CREATE of a symbolic link."""
    made = t.createtype4(t.NF4LNK, target)
    return t.OP_CREATE, t.CREATE4args(made, name, encode_fattr4({}))


def mkdir(name: bytes) -> Op:
    """Return CREATE of a directory."""
    values = encode_fattr4({t.FATTR4_MODE: 0o700})
    return t.OP_CREATE, t.CREATE4args(t.createtype4(t.NF4DIR), name, values)


def remove(name: bytes) -> Op:
    """Return REMOVE."""
    return t.OP_REMOVE, t.REMOVE4args(name)


def rename(old: bytes, new: bytes) -> Op:
    """Return RENAME."""
    return t.OP_RENAME, t.RENAME4args(old, new)


def readdir(count: int, *numbers: int) -> Op:
    """Return READDIR from the beginning."""
    return t.OP_READDIR, t.READDIR4args(0, bytes(8), count, count, bitmap(*numbers))


def needed(results: Results, what: str) -> Results:
    """Return results that a test needs before it can begin. Raises ``NotApplicable``."""
    if results.status != t.NFS4_OK:
        raise NotApplicable(f"{what}: {results.status_name}")
    return results

"""COMPOUND: many operations in one call (RFC 8881, Section 2.2).

A :class:`Compound` is written operation by operation straight into the RPC message, SEQUENCE
first. Which session, slot and sequence id it travels with is known only when it is sent, and may
change when it is sent again, so :meth:`Compound.stamp` writes those into their fixed places.
The decoder of each result is noted as its operation is added, and so is the octets that the
result can take at most: over RDMA the caller has to know that beforehand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import decode_reply as decode_rpc_reply
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from .errors import ProtocolError, StatusError

FILE_HANDLE_MAX: Final = 128
CURRENT_STATEID: Final = b"\0\0\0\1" + bytes(12)
"""The stateid that an operation earlier in the compound made (RFC 8881, Section 8.2.3)."""
ANONYMOUS_STATEID: Final = bytes(16)
"""No open at all (RFC 8881, Section 8.2.3)."""

# The reply before its first result: the RPC header, then status, tag and the number of results;
# the result of SEQUENCE, its status included.
_REPLY_HEAD_MAX: Final = 24 + 12
_SEQUENCE_MAX: Final = 8 + 36
_NAME_MAX: Final = 1024
_TARGET_ROOM: Final = 512
TARGET_MAX: Final = 16384
"""Octets of a link's target."""
INLINE_MAX: Final = 3072
"""Octets of a READ that are asked for within the reply, even where RDMA could place them."""
_INLINE: Final = memoryview(bytearray())

_STAMP: Final = struct.Struct(">2I16s4I")  # numops, OP_SEQUENCE, session, seqid, slots, cache
_XID: Final = struct.Struct(">I")
_WORD: Final = struct.Struct(">I")
_PAIR: Final = struct.Struct(">2I")
_TRIPLE: Final = struct.Struct(">3I")
_READ: Final = struct.Struct(">I16sQI")
_WRITE: Final = struct.Struct(">I16sQI")
_SEEK: Final = struct.Struct(">I16sQI")
_COMMIT: Final = struct.Struct(">IQI")
_READDIR: Final = struct.Struct(">IQ8s2I")
_STATEID: Final = struct.Struct(">I16s")
_CLOSE: Final = struct.Struct(">2I16s")
_CHANGE: Final = struct.Struct(">I2Q")
_COMMITTED: Final = struct.Struct(">2I8s")
# The whole reply up to the end of SEQUENCE's result, in the one shape that servers send: an
# empty verifier, an empty tag, everything well.
_REPLY: Final = struct.Struct(">11I16s5I")
_PAD: Final = (b"", b"\0\0\0", b"\0\0", b"\0")

ResultDecoder = Callable[[Decoder], Any]


class SequenceResult:
    """What SEQUENCE answered."""

    __slots__ = ("highest", "seqid", "session_id", "slot", "status_flags", "target")

    def __init__(
        self, session_id: bytes, seqid: int, slot: int, highest: int, target: int, flags: int
    ) -> None:
        self.session_id = session_id
        self.seqid = seqid
        self.slot = slot
        self.highest = highest
        self.target = target
        self.status_flags = flags


class Header:
    """The constant beginning of every call of one client: RPC header, tag and minor version."""

    __slots__ = ("_call", "minor_version", "stamp_offset")

    def __init__(self, credentials: Credentials, minor_version: int) -> None:
        enc = Encoder()
        encode_call(enc, 0, t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND, credentials.to_auth())
        enc.uint32(0)  # the tag, for which no one has a use
        enc.uint32(minor_version)
        self.minor_version = minor_version
        self.stamp_offset = enc.tell()
        self._call = bytes(enc.buffer)

    def begin(self, sequenced: bool) -> Encoder:
        """An encoder at the first operation, behind room for the stamp."""
        enc = Encoder()
        enc.buffer += self._call
        enc.buffer += bytes(_STAMP.size if sequenced else _WORD.size)
        return enc


class Compound:
    """One COMPOUND being built, then sent, perhaps several times.

    ``name`` is how statistics call it; ``idempotent`` says that executing it twice does no
    harm, so that the server need not keep its reply; ``sequenced`` is false only for the few
    operations that stand outside sessions.
    """

    __slots__ = (
        "_decoders",
        "_ops",
        "_stamp_offset",
        "encoder",
        "idempotent",
        "max_reply",
        "name",
        "sequenced",
        "sinks",
    )

    def __init__(
        self, header: Header, name: str, *, idempotent: bool = True, sequenced: bool = True
    ) -> None:
        self.name = name
        self.idempotent = idempotent
        self.sequenced = sequenced
        self.encoder = header.begin(sequenced)
        self.sinks: list[memoryview] = []
        self.max_reply = _REPLY_HEAD_MAX + (_SEQUENCE_MAX if sequenced else 0)
        self._stamp_offset = header.stamp_offset
        self._ops: list[int] = []
        self._decoders: list[ResultDecoder | None] = []

    def __len__(self) -> int:
        """The number of operations, SEQUENCE not counted."""
        return len(self._ops)

    def operation(self, index: int) -> int:
        """The operation whose result has that index."""
        return self._ops[index]

    def lookups(self, index: int) -> int:
        """How many LOOKUPs come before the operation whose result has that index."""
        return self._ops[:index].count(t.OP_LOOKUP) if index > 0 else 0

    def add(self, op: int, room: int, decoder: ResultDecoder | None = None) -> None:
        """Note an operation whose encoding the caller has appended to ``encoder``.

        ``room`` is what its result can take, status included, the contents of DDP-eligible
        items not.
        """
        self._ops.append(op)
        self._decoders.append(decoder)
        self.max_reply += room

    # -- operations without arguments of note ----------------------------------------------

    def putrootfh(self) -> None:
        self._plain(t.OP_PUTROOTFH)

    def savefh(self) -> None:
        self._plain(t.OP_SAVEFH)

    def restorefh(self) -> None:
        self._plain(t.OP_RESTOREFH)

    def getfh(self) -> None:
        """The result is the handle, ``bytes``."""
        self._plain(t.OP_GETFH, 12 + FILE_HANDLE_MAX, _decode_getfh)

    def readlink(self) -> None:
        """The result is the target, ``bytes``. A very long one makes a second call necessary."""
        self._plain(t.OP_READLINK, 12 + _TARGET_ROOM, _decode_readlink)
        self.sinks.append(_INLINE)

    # -- handles and names -----------------------------------------------------------------

    def putfh(self, handle: bytes) -> None:
        buffer = self.encoder.buffer
        buffer += _PAIR.pack(t.OP_PUTFH, len(handle))
        buffer += handle
        buffer += _PAD[len(handle) & 3]
        self.add(t.OP_PUTFH, 8)

    def lookup(self, name: bytes) -> None:
        self._named(t.OP_LOOKUP, name, 8, None)

    def remove(self, name: bytes) -> None:
        self._named(t.OP_REMOVE, name, 28, _decode_change)

    def link(self, name: bytes) -> None:
        """Make ``name`` in the current directory a link to the saved handle's object."""
        self._named(t.OP_LINK, name, 28, _decode_change)

    def rename(self, old: bytes, new: bytes) -> None:
        """From ``old`` in the saved directory to ``new`` in the current one."""
        self._named(t.OP_RENAME, old, 48, _decode_rename)
        self._string(new)

    # -- attributes ------------------------------------------------------------------------

    def getattr(self, bitmap: bytes, room: int, decoder: ResultDecoder) -> None:
        """``bitmap`` is an encoded bitmap4, ``room`` what the fattr4 can take."""
        buffer = self.encoder.buffer
        buffer += _WORD.pack(t.OP_GETATTR)
        buffer += bitmap
        self.add(t.OP_GETATTR, 8 + room, decoder)

    def setattr(self, stateid: bytes, attributes: t.fattr4) -> None:
        """The result is the bitmap of what was set."""
        self.encoder.buffer += _STATEID.pack(t.OP_SETATTR, stateid)
        attributes.encode(self.encoder)
        self.add(t.OP_SETATTR, 24, _decode_attrset)

    def verify(self, op: int, attributes: t.fattr4) -> None:
        """``OP_VERIFY``: go on only if the attributes are these; ``OP_NVERIFY``: if they differ."""
        self.encoder.buffer += _WORD.pack(op)
        attributes.encode(self.encoder)
        self.add(op, 8)

    def access(self, mask: int) -> None:
        """The result is the pair (supported, granted)."""
        self.encoder.buffer += _PAIR.pack(t.OP_ACCESS, mask)
        self.add(t.OP_ACCESS, 16, _decode_access)

    # -- data ------------------------------------------------------------------------------

    def read(self, stateid: bytes, offset: int, sink: memoryview) -> None:
        """Read as much as ``sink`` takes; the result is the pair (end of file, data)."""
        size = len(sink)
        self.encoder.buffer += _READ.pack(t.OP_READ, stateid, offset, size)
        if size > INLINE_MAX:
            self.sinks.append(sink)
            self.add(t.OP_READ, 16, _decode_read)
        else:  # registering memory for it would cost more than copying it
            self.sinks.append(_INLINE)
            self.add(t.OP_READ, 20 + size, _decode_read)

    def seek(self, stateid: bytes, offset: int, what: int) -> None:
        """``NFS4_CONTENT_DATA`` or ``_HOLE``; the result is the pair (end of file, offset).

        Of minor version 2 (RFC 7862, Section 15.11).
        """
        self.encoder.buffer += _SEEK.pack(t.OP_SEEK, stateid, offset, what)
        self.add(t.OP_SEEK, 20, _decode_seek)

    def write(self, stateid: bytes, offset: int, stable: int, data: memoryview) -> None:
        """The result is the triple (count, how it was committed, verifier)."""
        self.encoder.buffer += _WRITE.pack(t.OP_WRITE, stateid, offset, stable)
        self.encoder.payload(data)
        self.add(t.OP_WRITE, 24, _decode_write if stable == t.UNSTABLE4 else _decode_stable_write)

    def commit(self, offset: int = 0, count: int = 0) -> None:
        """Without arguments: the whole file. The result is the verifier."""
        self.encoder.buffer += _COMMIT.pack(t.OP_COMMIT, offset, count)
        self.add(t.OP_COMMIT, 16, _decode_commit)

    def readdir(
        self, cookie: int, verifier: bytes, size: int, bitmap: bytes, decoder: ResultDecoder
    ) -> None:
        """``size`` bounds the result in octets, what ``maxcount`` means."""
        buffer = self.encoder.buffer
        buffer += _READDIR.pack(t.OP_READDIR, cookie, verifier, size, size)
        buffer += bitmap
        self.add(t.OP_READDIR, 8 + size, decoder)

    # -- state -----------------------------------------------------------------------------

    def open(self, arguments: t.OPEN4args) -> None:
        """The result is an ``OPEN4resok``."""
        self.encoder.buffer += _WORD.pack(t.OP_OPEN)
        arguments.encode(self.encoder)
        # A delegation may come back: its stateid, a limit and an ACE that names someone.
        self.add(t.OP_OPEN, 8 + 16 + 24 + 16 + 64 + _NAME_MAX, t.OPEN4resok.decode)

    def close(self, stateid: bytes) -> None:
        self.encoder.buffer += _CLOSE.pack(t.OP_CLOSE, 0, stateid)
        self.add(t.OP_CLOSE, 24, _decode_stateid)

    def create(self, arguments: t.CREATE4args) -> None:
        """Anything but a regular file. The result says how the directory changed."""
        self.encoder.buffer += _WORD.pack(t.OP_CREATE)
        arguments.encode(self.encoder)
        self.add(t.OP_CREATE, 44, _decode_create)

    def delegreturn(self, stateid: bytes) -> None:
        self.encoder.buffer += _STATEID.pack(t.OP_DELEGRETURN, stateid)
        self.add(t.OP_DELEGRETURN, 8)

    def free_stateid(self, stateid: bytes) -> None:
        self.encoder.buffer += _STATEID.pack(t.OP_FREE_STATEID, stateid)
        self.add(t.OP_FREE_STATEID, 8)

    def reclaim_complete(self) -> None:
        self.encoder.buffer += _PAIR.pack(t.OP_RECLAIM_COMPLETE, 0)
        self.add(t.OP_RECLAIM_COMPLETE, 8)

    def typed(self, op: int, arguments: Any, room: int, decoder: ResultDecoder | None) -> None:
        """Any other operation, its arguments having an ``encode``."""
        self.encoder.buffer += _WORD.pack(op)
        if arguments is not None:
            arguments.encode(self.encoder)
        self.add(op, room, decoder)

    # -- sending ---------------------------------------------------------------------------

    def stamp(self, xid: int, session_id: bytes, seqid: int, slot: int, highest: int) -> None:
        """Write what SEQUENCE says, and the XID. The reply is cached unless idempotent."""
        buffer = self.encoder.buffer
        _XID.pack_into(buffer, 0, xid)
        _STAMP.pack_into(
            buffer,
            self._stamp_offset,
            len(self._ops) + 1,
            t.OP_SEQUENCE,
            session_id,
            seqid,
            slot,
            highest,
            not self.idempotent,
        )

    def stamp_plain(self, xid: int) -> None:
        """Like :meth:`stamp` for a compound without SEQUENCE."""
        _XID.pack_into(self.encoder.buffer, 0, xid)
        _WORD.pack_into(self.encoder.buffer, self._stamp_offset, len(self._ops))

    def decode_sequence(self, dec: Decoder) -> tuple[int, int, SequenceResult | None]:
        """Read a reply up to the first result past SEQUENCE's.

        Returns the compound's status, how many results follow, and what SEQUENCE answered, or
        None if that itself failed, with the compound's status. Raises ``XdrError`` or
        ``RpcError``.
        """
        start = dec.offset
        try:
            head = dec.unpack(_REPLY)
        except XdrError:
            return self._decode_sequence_slowly(dec)
        # REPLY, accepted, AUTH_NONE, no verifier, SUCCESS; no tag; SEQUENCE, NFS4_OK
        if head[1:6] != _WELL or head[7] or head[9:11] != _SEQUENCE_OK:
            dec.offset = start
            return self._decode_sequence_slowly(dec)
        return head[6], head[8] - 1, SequenceResult(*head[11:])

    def _decode_sequence_slowly(self, dec: Decoder) -> tuple[int, int, SequenceResult | None]:
        status, count = decode_compound_head(dec)
        if count == 0:
            if status == 0:
                raise XdrError("a reply without results, and without an error")
            return status, 0, None
        op, op_status = dec.unpack(_PAIR)
        if op != t.OP_SEQUENCE:
            raise XdrError(f"the first result is of operation {op}, not of SEQUENCE")
        if op_status:
            if status != op_status or count != 1:
                raise XdrError(f"results after SEQUENCE failed with {op_status}")
            return status, 0, None
        values = dec.unpack(_SEQUENCE)
        return status, count - 1, SequenceResult(*values)

    def decode_results(self, dec: Decoder, status: int, count: int) -> list[Any]:
        """The results past SEQUENCE's, one for each operation.

        Raises :class:`StatusError`, with the results up to the one that failed, if ``status``
        is not ``NFS4_OK``; ``XdrError`` if the reply contradicts itself or the call.
        """
        ops = self._ops
        if count > len(ops) or (status == 0 and count != len(ops)):
            raise XdrError(f"{count} results for {len(ops)} operations")
        results: list[Any] = []
        for index in range(count):
            op, op_status = dec.unpack(_PAIR)
            if op != ops[index]:
                raise self._wrong_operation(op, op_status, index, status, results)
            if op_status:
                if op_status != status or index != count - 1:
                    raise XdrError(f"operation {op} failed with {op_status}, not the last result")
                raise StatusError(status, op, index, results)
            decoder = self._decoders[index]
            results.append(decoder(dec) if decoder is not None else None)
        if status:
            # The operation that failed has no result: some servers stop short like that.
            index = min(count, len(ops) - 1)
            raise StatusError(status, ops[index] if ops else t.OP_SEQUENCE, index, results)
        return results

    def _wrong_operation(
        self, op: int, op_status: int, index: int, status: int, results: list[Any]
    ) -> Exception:
        # An operation that the server does not know is answered as OP_ILLEGAL (Section 15.2.4).
        if op == t.OP_ILLEGAL and op_status and op_status == status:
            return StatusError(status, self._ops[index], index, results)
        return XdrError(f"a result of operation {op} where {self._ops[index]}'s belongs")

    def _plain(self, op: int, room: int = 8, decoder: ResultDecoder | None = None) -> None:
        self.encoder.buffer += _WORD.pack(op)
        self.add(op, room, decoder)

    def _string(self, value: bytes) -> None:
        buffer = self.encoder.buffer
        buffer += _WORD.pack(len(value))
        buffer += value
        buffer += _PAD[len(value) & 3]

    def _named(self, op: int, name: bytes, room: int, decoder: ResultDecoder | None) -> None:
        buffer = self.encoder.buffer
        buffer += _PAIR.pack(op, len(name))
        buffer += name
        buffer += _PAD[len(name) & 3]
        self.add(op, room, decoder)


def decode_compound_head(dec: Decoder) -> tuple[int, int]:
    """Read a reply's RPC header and the head of its COMPOUND4res: (status, results)."""
    decode_rpc_reply(dec)
    status = dec.uint32()
    dec.opaque()
    return status, dec.uint32()


_WELL: Final = (1, 0, 0, 0, 0)
_SEQUENCE_OK: Final = (t.OP_SEQUENCE, 0)
_SEQUENCE: Final = struct.Struct(">16s5I")


def _decode_getfh(dec: Decoder) -> bytes:
    return dec.opaque(FILE_HANDLE_MAX)


def _decode_readlink(dec: Decoder) -> bytes:
    return bytes(dec.payload(TARGET_MAX))


def _decode_change(dec: Decoder) -> tuple[int, ...]:
    return dec.unpack(_CHANGE)


def _decode_rename(dec: Decoder) -> tuple[int, ...]:
    return dec.unpack(_CHANGE) + dec.unpack(_CHANGE)


def _decode_attrset(dec: Decoder) -> list[int]:
    return dec.array(dec.uint32, None)


def _decode_access(dec: Decoder) -> tuple[int, ...]:
    return dec.unpack(_PAIR)


def _decode_read(dec: Decoder) -> tuple[bool, memoryview]:
    return dec.boolean(), dec.payload()


def _decode_seek(dec: Decoder) -> tuple[bool, int]:
    return dec.boolean(), dec.uint64()


def _decode_write(dec: Decoder) -> tuple[int, ...]:
    return dec.unpack(_COMMITTED)


def _decode_stable_write(dec: Decoder) -> tuple[int, ...]:
    result = _decode_write(dec)
    if result[1] == t.UNSTABLE4:  # RFC 8881, Section 18.32.3: never less than was asked for
        raise XdrError("what was to be written to stable storage was not")
    return result


def _decode_commit(dec: Decoder) -> bytes:
    return dec.fixed_opaque(8)


def _decode_stateid(dec: Decoder) -> bytes:
    return dec.fixed_opaque(16)


def _decode_create(dec: Decoder) -> None:
    dec.unpack(_CHANGE)
    dec.array(dec.uint32, None)


def place(data: memoryview, sink: memoryview) -> int:
    """Make sure that ``data`` is where it was asked for; how many octets there are.

    A transport that could place the data has returned a view of the sink itself. Raises
    :class:`ProtocolError` if there is more than was asked for.
    """
    count = len(data)
    if count > len(sink):
        raise ProtocolError(f"{count} octets read where {len(sink)} were asked for")
    if count and data.obj is not sink.obj:
        sink[:count] = data
    return count

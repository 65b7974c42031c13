"""COMPOUND: many operations in one call (RFC 8881, Section 2.2).

A :class:`Compound` is encoded operation by operation straight into the RPC message, SEQUENCE
first. Its session, slot and sequence ID are known only when it is sent, and may change when it is
sent again, so :meth:`Compound.stamp` writes them into fixed places. Adding an operation returns
the :class:`~.results.Result` that its reply will be decoded into, and adds up the largest size of
the reply: over RDMA the requester has to know it beforehand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import decode_reply as decode_rpc_reply
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as t

from .attributes import ENTRY, STAT, STAT_ROOM, Page, Stat, decode_entries, decode_stat
from .errors import LockDeniedError, StatusError
from .results import (
    FILE_HANDLE_MAX,
    XATTR_MAX,
    ReadResult,
    Result,
    decode_handle,
    decode_read,
    decode_stable_write,
    decode_target,
    decode_verifier,
    decode_write,
    decode_xattr,
)

T = TypeVar("T")

CURRENT_STATEID: Final = b"\0\0\0\1" + bytes(12)
"""Stands for the stateid that an earlier operation returned (RFC 8881, Section 8.2.3)."""
ANONYMOUS_STATEID: Final = bytes(16)
"""Stands for no open at all (RFC 8881, Section 8.2.3)."""

# Octets of a reply before its first result: the RPC header, then status, tag and the number of
# results; and of the result of SEQUENCE, its status included.
_REPLY_HEAD_MAX: Final = 24 + 12
_SEQUENCE_MAX: Final = 8 + 36
REPLY_ROOM: Final = _REPLY_HEAD_MAX + _SEQUENCE_MAX
_NAME_MAX: Final = 1024
_DENIED_MAX: Final = 8 + 8 + 8 + 4 + 8 + 4 + _NAME_MAX  # with the owner of the other lock
_COPY_ROOM: Final = 8 + 4 + 16 + 8 + 4 + 8 + 8  # even with the stateid of a copy under way
_TARGET_ROOM: Final = 512
INLINE_MAX: Final = 3072
"""The largest READ in octets whose data comes inline, although RDMA could place it."""
INLINE: Final = memoryview(bytearray())

STAMP: Final = struct.Struct(">2I16s4I")  # numops, OP_SEQUENCE, session, seqid, slots, cache
_XID: Final = struct.Struct(">I")
_WORD: Final = struct.Struct(">I")
_PAIR: Final = struct.Struct(">2I")
READ_ARGUMENTS: Final = struct.Struct(">I16sQI")
WRITE_ARGUMENTS: Final = struct.Struct(">I16sQI")
_SEEK: Final = struct.Struct(">I16sQI")
_RANGE: Final = struct.Struct(">I16s2Q")
_COPY: Final = struct.Struct(">I16s16s3Q3I")
_CLONE: Final = struct.Struct(">I16s16s3Q")
_COMMIT: Final = struct.Struct(">IQI")
_READDIR: Final = struct.Struct(">IQ8s2I")
_STATEID: Final = struct.Struct(">I16s")
_CLIENT: Final = struct.Struct(">IQ")
_CLOSE: Final = struct.Struct(">2I16s")
# The whole reply up to the end of SEQUENCE's result, in the shape that servers usually send: an
# empty verifier, an empty tag, and success.
_REPLY: Final = struct.Struct(">11I16s5I")
_PAD: Final = (b"", b"\0\0\0", b"\0\0", b"\0")


class Encodable(Protocol):
    """The arguments of an operation."""

    def encode(self, enc: Encoder, /) -> None:
        """Append the encoding of the arguments."""


class SequenceResult:
    """The result of SEQUENCE."""

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
    """The constant first octets of every call: RPC header, tag and minor version."""

    __slots__ = ("minor_version", "octets", "stamp_offset")

    def __init__(self, credentials: Credentials, minor_version: int) -> None:
        enc = Encoder()
        encode_call(enc, 0, t.NFS4_PROGRAM, t.NFS_V4, t.NFSPROC4_COMPOUND, credentials.to_auth())
        enc.uint32(0)  # an empty tag
        enc.uint32(minor_version)
        self.minor_version = minor_version
        self.stamp_offset = enc.tell()
        self.octets = bytes(enc.buffer)

    def begin(self, sequenced: bool) -> Encoder:
        """Return an encoder positioned at the first operation, after room for the stamp."""
        enc = Encoder()
        enc.buffer += self.octets
        enc.buffer += bytes(STAMP.size if sequenced else _WORD.size)
        return enc


class Compound:
    """One COMPOUND that is built, and then sent one or more times.

    ``name`` is its name in statistics. ``idempotent`` says that executing it twice does no harm,
    so that the server need not cache the reply. ``sequenced`` is false only for the few operations
    that stand outside sessions.
    """

    __slots__ = (
        "_needed",
        "_ops",
        "_results",
        "_stamp_offset",
        "_stateid_offset",
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
        self._stateid_offset = 0  # of the last operation with a stateid; 0: none
        self._ops: list[int] = []
        self._needed: int | None = None  # so many of them; what comes after may fail
        self._results: list[Result[Any] | None] = []

    def __len__(self) -> int:
        """Return the number of operations, not counting SEQUENCE."""
        return len(self._ops)

    def operation(self, index: int) -> int:
        """Return the number of the operation whose result has this index."""
        return self._ops[index]

    def lookups(self, index: int) -> int:
        """Return how many LOOKUPs precede the operation whose result has this index."""
        return self._ops[:index].count(t.OP_LOOKUP) if index > 0 else 0

    def add(self, op: int, room: int) -> None:
        """Count an operation without a result, which ``encoder`` has already.

        ``room`` is the largest size of its part of the reply in octets, status included.
        """
        self._ops.append(op)
        self._results.append(None)
        self.max_reply += room

    def expect(self, op: int, room: int, decode: Callable[[Decoder], T]) -> Result[T]:
        """Count an operation as :meth:`add` does, and return its result, which ``decode`` reads.

        ``room`` leaves out the contents of DDP-eligible items.
        """
        result = Result(decode)
        self._ops.append(op)
        self._results.append(result)
        self.max_reply += room
        return result

    # --- Operations without arguments of note ---

    def putrootfh(self) -> None:
        """Make the server's root the current file handle."""
        self._plain(t.OP_PUTROOTFH)

    def savefh(self) -> None:
        """Save the current file handle."""
        self._plain(t.OP_SAVEFH)

    def restorefh(self) -> None:
        """Make the saved file handle the current one."""
        self._plain(t.OP_RESTOREFH)

    def getfh(self) -> Result[bytes]:
        """Get the current file handle."""
        self.encoder.buffer += _WORD.pack(t.OP_GETFH)
        return self.expect(t.OP_GETFH, 12 + FILE_HANDLE_MAX, decode_handle)

    def readlink(self) -> Result[bytes]:
        """Get a link's target. A very long one makes a second call necessary."""
        self.encoder.buffer += _WORD.pack(t.OP_READLINK)
        self.sinks.append(INLINE)
        return self.expect(t.OP_READLINK, 12 + _TARGET_ROOM, decode_target)

    # --- Handles and names ---

    def putfh(self, handle: bytes) -> None:
        """Make ``handle`` the current file handle."""
        buffer = self.encoder.buffer
        buffer += _PAIR.pack(t.OP_PUTFH, len(handle))
        buffer += handle
        buffer += _PAD[len(handle) & 3]
        self.add(t.OP_PUTFH, 8)

    def lookup(self, name: bytes) -> None:
        """Go to what has ``name`` in the current directory."""
        self._named(t.OP_LOOKUP, name)
        self.add(t.OP_LOOKUP, 8)

    def lookupp(self) -> None:
        """Go to the directory above the current one."""
        self._plain(t.OP_LOOKUPP)

    def remove(self, name: bytes) -> Result[t.change_info4]:
        """Remove ``name`` from the current directory."""
        self._named(t.OP_REMOVE, name)
        return self.expect(t.OP_REMOVE, 28, t.change_info4.decode)

    def link(self, name: bytes) -> Result[t.change_info4]:
        """Make ``name`` in the current directory a link to the saved handle's object."""
        self._named(t.OP_LINK, name)
        return self.expect(t.OP_LINK, 28, t.change_info4.decode)

    def rename(self, old: bytes, new: bytes) -> Result[t.RENAME4resok]:
        """Move ``old`` of the saved directory to ``new`` in the current one."""
        self._named(t.OP_RENAME, old)
        buffer = self.encoder.buffer
        buffer += _WORD.pack(len(new))
        buffer += new
        buffer += _PAD[len(new) & 3]
        return self.expect(t.OP_RENAME, 48, t.RENAME4resok.decode)

    # --- Attributes ---

    def getattr(self, bitmap: bytes, room: int, decode: Callable[[Decoder], T]) -> Result[T]:
        """Get attributes: ``bitmap`` is an encoded bitmap4, ``room`` what the fattr4 can take."""
        buffer = self.encoder.buffer
        buffer += _WORD.pack(t.OP_GETATTR)
        buffer += bitmap
        return self.expect(t.OP_GETATTR, 8 + room, decode)

    def stat(self) -> Result[Stat]:
        """Get the attributes of ``stat()``."""
        return self.getattr(STAT, STAT_ROOM, decode_stat)

    def stat_besides(self, handle: bytes) -> Result[Stat]:
        """Get the attributes of an object when all else is done, if it comes to that.

        If not, that is no failure of the compound: what was done is not to be repeated for it.
        """
        if self._needed is None:
            self._needed = len(self._ops)
        self.putfh(handle)
        return self.stat()

    def setattr(self, stateid: bytes, attributes: t.fattr4) -> Result[list[int]]:
        """Set attributes; the result is the bitmap of those that were set."""
        self._use_stateid()
        self.encoder.buffer += _STATEID.pack(t.OP_SETATTR, stateid)
        attributes.encode(self.encoder)
        return self.expect(t.OP_SETATTR, 24, t.decode_bitmap4)

    def change(self, attributes: t.fattr4) -> None:
        """Set attributes other than the size, for which no open is needed."""
        self.encoder.buffer += _STATEID.pack(t.OP_SETATTR, ANONYMOUS_STATEID)
        attributes.encode(self.encoder)
        self.expect(t.OP_SETATTR, 24, t.decode_bitmap4)

    def verify(self, op: int, attributes: t.fattr4) -> None:
        """Go on only if the attributes are these (``OP_VERIFY``) or differ (``OP_NVERIFY``)."""
        self.encoder.buffer += _WORD.pack(op)
        attributes.encode(self.encoder)
        self.add(op, 8)

    def access(self, mask: int) -> Result[t.ACCESS4resok]:
        """Ask which of the ``ACCESS4_`` bits in ``mask`` the caller has."""
        self.encoder.buffer += _PAIR.pack(t.OP_ACCESS, mask)
        return self.expect(t.OP_ACCESS, 16, t.ACCESS4resok.decode)

    # --- Extended attributes (of minor version 2, RFC 8276) ---

    def getxattr(self, name: bytes) -> Result[bytes]:
        """Get the value of an extended attribute."""
        self._named(t.OP_GETXATTR, name)
        return self.expect(t.OP_GETXATTR, 12 + XATTR_MAX, decode_xattr)

    def setxattr(self, option: int, name: bytes, value: bytes) -> Result[t.change_info4]:
        """Set an extended attribute; ``option`` is a ``setxattr_option4``."""
        self.encoder.buffer += _WORD.pack(t.OP_SETXATTR)
        t.SETXATTR4args(option, name, value).encode(self.encoder)
        return self.expect(t.OP_SETXATTR, 28, t.change_info4.decode)

    def listxattrs(self, cookie: int, size: int) -> Result[t.LISTXATTRS4resok]:
        """List names after ``cookie``; ``size`` bounds the result in octets."""
        self.encoder.buffer += _WORD.pack(t.OP_LISTXATTRS)
        t.LISTXATTRS4args(cookie, size).encode(self.encoder)
        return self.expect(t.OP_LISTXATTRS, 8 + size, t.LISTXATTRS4resok.decode)

    def removexattr(self, name: bytes) -> Result[t.change_info4]:
        """Remove an extended attribute."""
        self._named(t.OP_REMOVEXATTR, name)
        return self.expect(t.OP_REMOVEXATTR, 28, t.change_info4.decode)

    # --- Data ---

    def read(self, stateid: bytes, offset: int, sink: memoryview) -> Result[ReadResult]:
        """Read as much as ``sink`` takes."""
        size = len(sink)
        buffer = self.encoder.buffer
        self._stateid_offset = len(buffer) + 4
        buffer += READ_ARGUMENTS.pack(t.OP_READ, stateid, offset, size)
        if size > INLINE_MAX:
            self.sinks.append(sink)
            return self.expect(t.OP_READ, 16, decode_read)
        # Registering memory for so little data costs more than copying it.
        self.sinks.append(INLINE)
        return self.expect(t.OP_READ, 20 + size, decode_read)

    def seek(self, stateid: bytes, offset: int, what: int) -> Result[t.seek_res4]:
        """Find ``NFS4_CONTENT_DATA`` or ``_HOLE`` from ``offset`` on.

        Of minor version 2 (RFC 7862, Section 15.11).
        """
        self._use_stateid()
        self.encoder.buffer += _SEEK.pack(t.OP_SEEK, stateid, offset, what)
        return self.expect(t.OP_SEEK, 20, t.seek_res4.decode)

    def write(
        self, stateid: bytes, offset: int, stable: int, data: memoryview
    ) -> Result[t.WRITE4resok]:
        """Write ``data``; ``stable`` is a ``stable_how4``."""
        encoder = self.encoder
        self._stateid_offset = len(encoder.buffer) + 4
        encoder.buffer += WRITE_ARGUMENTS.pack(t.OP_WRITE, stateid, offset, stable)
        encoder.payload(data)
        decode = decode_write if stable == t.UNSTABLE4 else decode_stable_write
        return self.expect(t.OP_WRITE, 24, decode)

    def commit(self, offset: int = 0, count: int = 0) -> Result[bytes]:
        """Commit a range, the whole file by default; the result is the write verifier."""
        self.encoder.buffer += _COMMIT.pack(t.OP_COMMIT, offset, count)
        return self.expect(t.OP_COMMIT, 16, decode_verifier)

    def allocate(self, stateid: bytes, offset: int, length: int) -> None:
        """Reserve room for a range. Of minor version 2 (RFC 7862, Section 15.1)."""
        self._use_stateid()
        self.encoder.buffer += _RANGE.pack(t.OP_ALLOCATE, stateid, offset, length)
        self.add(t.OP_ALLOCATE, 8)

    def deallocate(self, stateid: bytes, offset: int, length: int) -> None:
        """Make a range a hole. Of minor version 2 (RFC 7862, Section 15.4)."""
        self._use_stateid()
        self.encoder.buffer += _RANGE.pack(t.OP_DEALLOCATE, stateid, offset, length)
        self.add(t.OP_DEALLOCATE, 8)

    def copy(
        self,
        source: bytes,
        target: bytes,
        start: int,
        to: int,
        count: int,
        *,
        at_once: bool = True,
    ) -> Result[t.COPY4resok]:
        """Copy a range of the saved file to the current one; ``at_once``, before the reply is sent.

        ``source`` and ``target`` are stateids. Of minor version 2 (RFC 7862, Section 15.2).
        """
        buffer = self.encoder.buffer
        buffer += _COPY.pack(t.OP_COPY, source, target, start, to, count, 1, at_once, 0)
        return self.expect(t.OP_COPY, _COPY_ROOM, t.COPY4resok.decode)

    def offload_status(self, stateid: t.stateid4) -> Result[t.OFFLOAD_STATUS4resok]:
        """Ask how a copy is that goes on after its reply (RFC 7862, Section 15.9)."""
        self.encoder.buffer += _WORD.pack(t.OP_OFFLOAD_STATUS)
        t.OFFLOAD_STATUS4args(stateid).encode(self.encoder)
        return self.expect(t.OP_OFFLOAD_STATUS, 24, t.OFFLOAD_STATUS4resok.decode)

    def offload_cancel(self, stateid: t.stateid4) -> None:
        """End such a copy (RFC 7862, Section 15.8)."""
        self.encoder.buffer += _WORD.pack(t.OP_OFFLOAD_CANCEL)
        t.OFFLOAD_CANCEL4args(stateid).encode(self.encoder)
        self.add(t.OP_OFFLOAD_CANCEL, 8)

    def clone(self, source: bytes, target: bytes, start: int, to: int, count: int) -> None:
        """Have a range of the current file share the storage of the saved one's.

        ``source`` and ``target`` are stateids. Of minor version 2 (RFC 7862, Section 15.13).
        """
        self.encoder.buffer += _CLONE.pack(t.OP_CLONE, source, target, start, to, count)
        self.add(t.OP_CLONE, 8)

    def readdir(self, cookie: int, verifier: bytes, size: int) -> Result[Page]:
        """List the current directory after ``cookie``.

        ``size`` bounds the result in octets (``maxcount``).
        """
        buffer = self.encoder.buffer
        buffer += _READDIR.pack(t.OP_READDIR, cookie, verifier, size, size)
        buffer += ENTRY
        return self.expect(t.OP_READDIR, 8 + size, decode_entries)

    # --- State ---

    def open(self, arguments: t.OPEN4args) -> Result[t.OPEN4resok]:
        """Open a file."""
        self.encoder.buffer += _WORD.pack(t.OP_OPEN)
        arguments.encode(self.encoder)
        # A delegation may be granted: its stateid, a limit and an ACE with a name.
        return self.expect(t.OP_OPEN, 8 + 16 + 24 + 16 + 64 + _NAME_MAX, t.OPEN4resok.decode)

    def close(self, stateid: bytes) -> Result[t.stateid4]:
        """Close an open."""
        self.encoder.buffer += _CLOSE.pack(t.OP_CLOSE, 0, stateid)
        return self.expect(t.OP_CLOSE, 24, t.stateid4.decode)

    def create(self, arguments: t.CREATE4args) -> Result[t.CREATE4resok]:
        """Make anything but a regular file."""
        self.encoder.buffer += _WORD.pack(t.OP_CREATE)
        arguments.encode(self.encoder)
        return self.expect(t.OP_CREATE, 44, t.CREATE4resok.decode)

    def lock(self, arguments: t.LOCK4args) -> Result[t.stateid4]:
        """Lock a range; the result is the lock owner's stateid."""
        self.encoder.buffer += _WORD.pack(t.OP_LOCK)
        arguments.encode(self.encoder)
        return self.expect(t.OP_LOCK, _DENIED_MAX, t.stateid4.decode)

    def lockt(self, arguments: t.LOCKT4args) -> None:
        """Go on only if a range could be locked."""
        self.encoder.buffer += _WORD.pack(t.OP_LOCKT)
        arguments.encode(self.encoder)
        self.add(t.OP_LOCKT, _DENIED_MAX)

    def locku(self, arguments: t.LOCKU4args) -> Result[t.stateid4]:
        """Unlock a range; the result is the lock owner's stateid."""
        self.encoder.buffer += _WORD.pack(t.OP_LOCKU)
        arguments.encode(self.encoder)
        return self.expect(t.OP_LOCKU, 24, t.stateid4.decode)

    def delegreturn(self, stateid: bytes) -> None:
        """Give a delegation back."""
        self.encoder.buffer += _STATEID.pack(t.OP_DELEGRETURN, stateid)
        self.add(t.OP_DELEGRETURN, 8)

    def free_stateid(self, stateid: bytes) -> None:
        """Let the server forget a revoked stateid."""
        self.encoder.buffer += _STATEID.pack(t.OP_FREE_STATEID, stateid)
        self.add(t.OP_FREE_STATEID, 8)

    def reclaim_complete(self) -> None:
        """Say that nothing more will be reclaimed."""
        self.encoder.buffer += _PAIR.pack(t.OP_RECLAIM_COMPLETE, 0)
        self.add(t.OP_RECLAIM_COMPLETE, 8)

    def destroy_session(self, session_id: bytes) -> None:
        """End a session."""
        self.encoder.buffer += _STATEID.pack(t.OP_DESTROY_SESSION, session_id)
        self.add(t.OP_DESTROY_SESSION, 8)

    def destroy_clientid(self, client_id: int) -> None:
        """End a client id."""
        self.encoder.buffer += _CLIENT.pack(t.OP_DESTROY_CLIENTID, client_id)
        self.add(t.OP_DESTROY_CLIENTID, 8)

    def typed(
        self, op: int, arguments: Encodable, room: int, decode: Callable[[Decoder], T]
    ) -> Result[T]:
        """Append any other operation, given the specification's type for its arguments."""
        self.encoder.buffer += _WORD.pack(op)
        arguments.encode(self.encoder)
        return self.expect(op, room, decode)

    def restate(self, stateid: bytes) -> None:
        """Replace the stateid of the last operation that has one, to send the compound again."""
        at = self._stateid_offset
        if at:
            self.encoder.buffer[at : at + 16] = stateid

    # --- Sending ---

    def stamp(self, xid: int, session_id: bytes, seqid: int, slot: int, highest: int) -> None:
        """Write the XID and the arguments of SEQUENCE. Replies of idempotent calls go uncached."""
        buffer = self.encoder.buffer
        _XID.pack_into(buffer, 0, xid)
        STAMP.pack_into(
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
        """Write the XID of a compound without SEQUENCE."""
        _XID.pack_into(self.encoder.buffer, 0, xid)
        _WORD.pack_into(self.encoder.buffer, self._stamp_offset, len(self._ops))

    @classmethod
    def decode_sequence(cls, dec: Decoder) -> tuple[int, int, SequenceResult | None]:
        """Decode a reply up to the end of SEQUENCE's result.

        Returns the compound's status, the number of results that follow, and SEQUENCE's result:
        None if SEQUENCE itself has failed, with that status. Raises ``XdrError`` or ``RpcError``.
        """
        start = dec.offset
        try:
            head = dec.unpack(_REPLY)
        except XdrError:
            return cls._decode_sequence_slowly(dec)
        # REPLY, accepted, AUTH_NONE, no verifier, SUCCESS; no tag; SEQUENCE, NFS4_OK
        if head[1:6] != _WELL or head[7] or head[9:11] != _SEQUENCE_OK:
            dec.offset = start
            return cls._decode_sequence_slowly(dec)
        return head[6], head[8] - 1, SequenceResult(*head[11:])

    @staticmethod
    def _decode_sequence_slowly(dec: Decoder) -> tuple[int, int, SequenceResult | None]:
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

    def decode_results(self, dec: Decoder, status: int, count: int) -> None:
        """Decode the results after SEQUENCE's into the :class:`Result` of each operation.

        Raises :class:`StatusError` if ``status`` is not ``NFS4_OK``: the results before the failed
        operation's are known then. Raises ``XdrError`` if the reply contradicts itself or the call.
        What was only asked for besides may fail.
        """
        ops = self._ops
        if count > len(ops) or (status == 0 and count != len(ops)):
            raise XdrError(f"{count} results for {len(ops)} operations")
        for index in range(count):
            op, op_status = dec.unpack(_PAIR)
            if op != ops[index]:
                raise self._wrong_operation(op, op_status, index, status)
            if op_status:
                if op_status != status or index != count - 1:
                    raise XdrError(f"operation {op} failed with {op_status}, not the last result")
                if self._needed is not None and index >= self._needed:
                    return
                if op_status == t.NFS4ERR_DENIED and op in (t.OP_LOCK, t.OP_LOCKT):
                    raise LockDeniedError(op, index, t.LOCK4denied.decode(dec))
                raise StatusError(status, op, index)
            result = self._results[index]
            if result is not None:
                result.decode(dec)
        if status:
            # Some servers leave out the result of the operation that failed.
            index = min(count, len(ops) - 1)
            if self._needed is not None and index >= self._needed:
                return
            raise StatusError(status, ops[index] if ops else t.OP_SEQUENCE, index)

    def _wrong_operation(self, op: int, op_status: int, index: int, status: int) -> Exception:
        # A server answers an operation that it does not know as OP_ILLEGAL (Section 15.2.4).
        if op == t.OP_ILLEGAL and op_status and op_status == status:
            return StatusError(status, self._ops[index], index)
        return XdrError(f"a result of operation {op} where {self._ops[index]}'s belongs")

    def _plain(self, op: int) -> None:
        self.encoder.buffer += _WORD.pack(op)
        self.add(op, 8)

    def _named(self, op: int, name: bytes) -> None:
        buffer = self.encoder.buffer
        buffer += _PAIR.pack(op, len(name))
        buffer += name
        buffer += _PAD[len(name) & 3]

    def _use_stateid(self) -> None:
        self._stateid_offset = len(self.encoder.buffer) + 4


def decode_compound_head(dec: Decoder) -> tuple[int, int]:
    """Decode a reply's RPC header and its status; return that and the number of results."""
    decode_rpc_reply(dec)
    status = dec.uint32()
    dec.opaque()
    return status, dec.uint32()


_WELL: Final = (1, 0, 0, 0, 0)
_SEQUENCE_OK: Final = (t.OP_SEQUENCE, 0)
_SEQUENCE: Final = struct.Struct(">16s5I")

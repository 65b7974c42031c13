"""COMPOUND: operations one after the other, until one fails (RFC 8881, Sections 2.10.6 and 16.2).

An operation is looked up, checked against its entry in the table, decoded, and executed; its
result goes straight into the reply. What is not possible any more once something was changed is
found out before:

- a reply that the session's limits or the slot's cache cannot hold fails the operation with
  REP_TOO_BIG or REP_TOO_BIG_TO_CACHE before it runs, if it changes anything;
- a reply that the *transport* has no room for (an RDMA client offers its reply chunks with the
  call) makes the server refuse the whole call, as long as nothing was changed, and leaves the
  slot as if the call had never come.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError, status_of
from nfsrdma.xdr.nfs4.types import stateid4

from .core import Core
from .operation import Failure, Operation
from .state.client import Client
from .state.session import Fingerprint, Session, Slot
from .vfs.interface import User
from .vfs.namespace import Filehandle

_log = logging.getLogger(__name__)

MAX_TAG: Final = 1024
_RESULT = struct.Struct(">II")
_RESULT_SIZE: Final = 8
_DATA_HEAD: Final = 16
"""Octets before a READ's data: the operation, its status, the end-of-file word, the length."""
_WORD = struct.Struct(">I")
_FINGERPRINT: Final = 1024
"""How many octets of a call tell a repetition from another call in its place."""


class Refused(Exception):
    """The transport has no room for the reply, and nothing was changed yet."""


class Compound:
    """One COMPOUND while it is executed; what its operations see and set."""

    __slots__ = (
        "buffers",
        "cache_this",
        "call",
        "client",
        "core",
        "count",
        "current",
        "current_stateid",
        "data_results",
        "decoder",
        "encoder",
        "index",
        "inline_data",
        "minor",
        "mutated",
        "now",
        "replay",
        "request_size",
        "saved",
        "saved_stateid",
        "session",
        "slot",
        "start",
        "who",
    )

    def __init__(self, core: Core, call: Call, encoder: Encoder, now: float) -> None:
        self.core = core
        self.call = call
        self.decoder: Decoder = call.decoder
        self.encoder = encoder
        self.now = now
        self.start = len(encoder.buffer)
        """Where COMPOUND4res begins in the reply."""
        self.request_size = call.decoder.tell() + call.decoder.remaining()
        self.minor = 0
        self.count = 0
        self.index = 0
        self.client: Client | None = None
        self.session: Session | None = None
        self.slot: Slot | None = None
        self.cache_this = False
        self.replay = False
        """The slot has seen this call before: it must not be executed."""
        self.current: Filehandle | None = None
        self.saved: Filehandle | None = None
        self.current_stateid: stateid4 | None = None
        self.saved_stateid: stateid4 | None = None
        self.who: User | None = None
        """As whom the caller acts in the export of the current file handle."""
        self.mutated = False
        self.data_results = 0
        """How many results so far could have been placed by RDMA."""
        self.inline_data = 0
        """Octets of such results that travel inline all the same."""
        self.buffers: list[bytearray] = []

    @property
    def credentials(self) -> Credentials:
        return self.call.credentials

    # File handles

    def enter(self, handle: Filehandle) -> None:
        """Make a file handle the current one. ACCESS if the client may not use its export.

        RFC 8881, Section 16.2.3.1.2: it has no current stateid, until an operation sets one.
        """
        export = handle.export
        current = self.current
        if current is None or current.export is not export:
            if not export.admits(self.call.channel.peer.address):
                raise NfsError(nfs.NFS4ERR_ACCESS)
            self.who = export.user(self.call.credentials)
        self.current = handle
        self.current_stateid = None

    @property
    def here(self) -> Filehandle:
        """The current file handle, for operations that need one."""
        assert self.current is not None
        return self.current

    @property
    def user(self) -> User:
        """As whom the caller acts, for operations that need a current file handle."""
        assert self.who is not None
        return self.who

    @property
    def caller(self) -> Client:
        """The client, for operations within a session."""
        assert self.client is not None
        return self.client

    def require_writable(self) -> None:
        """ROFS if the export may not be changed."""
        if self.here.export.read_only:
            raise NfsError(nfs.NFS4ERR_ROFS)

    # Stateids

    def actual(self, stateid: stateid4) -> stateid4:
        """``stateid``, or the one that stands for the current one (RFC 8881, Section 8.2.3)."""
        if stateid.seqid == 1 and not any(stateid.other):
            if self.current_stateid is None:
                raise NfsError(nfs.NFS4ERR_BAD_STATEID)
            return self.current_stateid
        return stateid

    # Room in the reply

    def room(self) -> int:
        """Octets that the next result may have inline, with its operation's number and status."""
        encoder = self.encoder
        used = len(encoder.buffer) + self.inline_data
        room = self.call.reply_room - used
        if self.session is not None:
            room = min(room, self._session_limit() - encoder.tell())
        return room - (_RESULT_SIZE if self.index + 1 < self.count else 0)

    def data_room(self) -> tuple[int, bool]:
        """Octets that a DDP-eligible result may have, and whether they leave inline room alone."""
        rooms = self.call.payload_room
        index = self.data_results
        if index < len(rooms) and rooms[index]:
            room = rooms[index]
            if self.session is not None:
                room = min(room, self._session_limit() - self.encoder.tell() - _DATA_HEAD)
            return max(0, room), True
        return max(0, self.room() - _DATA_HEAD) & ~3, False

    def append_data(self, data: memoryview, placed: bool) -> None:
        """Append a DDP-eligible result, having asked :meth:`data_room`."""
        self.data_results += 1
        if not placed:
            self.inline_data += len(data) + 3 & ~3
        self.encoder.payload(data)

    def _session_limit(self) -> int:
        assert self.session is not None
        limit: int = self.session.fore.ca_maxresponsesize
        if self.cache_this:
            limit = min(limit, self.session.fore.ca_maxresponsesize_cached)
        return limit

    def check_room(self, size: int) -> None:
        """Raise unless a result of ``size`` octets, status and number included, fits."""
        encoder = self.encoder
        if self.index + 1 < self.count:
            size += _RESULT_SIZE
        if self.session is not None:
            total = encoder.tell() + size
            if total > self.session.fore.ca_maxresponsesize:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG)
            if self.cache_this and total > self.session.fore.ca_maxresponsesize_cached:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG_TO_CACHE)
        if len(encoder.buffer) + self.inline_data + size > self.call.reply_room:
            if self.mutated:
                raise NfsError(nfs.NFS4ERR_REP_TOO_BIG)
            raise Refused


class CompoundProcedure:
    """Procedure 1 of the NFS program. ``minors`` has the operations of each minor version."""

    def __init__(self, core: Core, minors: Mapping[int, Mapping[int, Operation | None]]) -> None:
        self._core = core
        self._minors = minors

    def __call__(self, call: Call) -> None:
        """Answer a COMPOUND. Raises ``XdrError`` if its frame cannot be decoded."""
        dec = call.decoder
        tag = dec.opaque()
        minor = dec.uint32()
        count = dec.uint32()
        # Every operation has a number.
        dec.check_count(count, 4)
        enc = call.start_reply()
        compound = Compound(self._core, call, enc, self._core.clock())
        buffer = enc.buffer
        status_at = len(buffer)
        buffer += bytes(4)
        enc.opaque(tag[:MAX_TAG])
        count_at = len(buffer)
        buffer += bytes(4)
        table = self._minors.get(minor)
        compound.minor, compound.count = minor, count
        done = 0
        try:
            if table is None:
                status = nfs.NFS4ERR_MINOR_VERS_MISMATCH
            elif len(tag) > MAX_TAG or not _is_utf8(tag):
                status = nfs.NFS4ERR_INVAL
            else:
                status, done = self._run(compound, table)
        except Refused:
            self._give_up(compound)
            call.refuse()
            return
        _WORD.pack_into(buffer, status_at, status)
        _WORD.pack_into(buffer, count_at, done)
        self._finish(compound)

    def _run(self, c: Compound, table: Mapping[int, Operation | None]) -> tuple[int, int]:
        """Execute the operations; the compound's status and how many results there are."""
        dec, enc = c.decoder, c.encoder
        buffer = enc.buffer
        status = nfs.NFS4_OK
        for index in range(c.count):
            c.index = index
            mark = len(buffer)
            try:
                number = dec.uint32()
            except XdrError:
                buffer += _RESULT.pack(nfs.OP_ILLEGAL, nfs.NFS4ERR_BADXDR)
                return nfs.NFS4ERR_BADXDR, index + 1
            if number not in table:
                buffer += _RESULT.pack(nfs.OP_ILLEGAL, nfs.NFS4ERR_OP_ILLEGAL)
                return nfs.NFS4ERR_OP_ILLEGAL, index + 1
            buffer += _RESULT.pack(number, nfs.NFS4_OK)
            status, body = self._execute(c, number, table[number])
            if status != nfs.NFS4_OK:
                del buffer[mark:]
                buffer += _RESULT.pack(number, status)
                buffer += body
                return status, index + 1
            if c.replay:
                return self._repeat(c, table)
        return status, c.count

    def _execute(self, c: Compound, number: int, operation: Operation | None) -> tuple[int, bytes]:
        """Execute one operation; its status, and what follows that on a failure."""
        failure_body = b"" if operation is None else operation.failure_body
        try:
            self._check_place(c, number, operation)
            if operation is None:
                return nfs.NFS4ERR_NOTSUPP, b""
            try:
                arguments = operation.spec.decode_arguments(c.decoder)
            except XdrError:
                return nfs.NFS4ERR_BADXDR, failure_body
            if (operation.needs_current and c.current is None) or (
                operation.needs_saved and c.saved is None
            ):
                return nfs.NFS4ERR_NOFILEHANDLE, failure_body
            if operation.mutates:
                # The result's number and status are in the buffer already.
                c.check_room(operation.bound)
                c.mutated = True
                operation.handler(c, arguments, c.encoder)
            else:
                operation.handler(c, arguments, c.encoder)
                if not c.replay:
                    c.check_room(0)
            return nfs.NFS4_OK, b""
        except Failure as error:
            return self._with_body(c, error)
        except NfsError as error:
            return error.status, failure_body
        except OSError as error:
            return status_of(error), failure_body
        except Refused:
            raise
        except Exception:
            _log.exception("operation %d of %r failed", number, c.call.channel.peer)
            return nfs.NFS4ERR_SERVERFAULT, failure_body

    def _with_body(self, c: Compound, error: Failure) -> tuple[int, bytes]:
        try:
            c.check_room(len(error.body))
        except NfsError as too_big:
            return too_big.status, b""
        return error.status, error.body

    def _check_place(self, c: Compound, number: int, operation: Operation | None) -> None:
        """Whether the operation may stand where it does (RFC 8881, Section 2.10.3)."""
        if c.index:
            if number == nfs.OP_SEQUENCE:
                raise NfsError(nfs.NFS4ERR_SEQUENCE_POS)
            return
        if number == nfs.OP_SEQUENCE:
            return
        if operation is None or not operation.sessionless:
            raise NfsError(nfs.NFS4ERR_OP_NOT_IN_SESSION)
        if c.count > 1:
            raise NfsError(nfs.NFS4ERR_NOT_ONLY_OP)

    def _repeat(self, c: Compound, table: Mapping[int, Operation | None]) -> tuple[int, int]:
        """The slot has seen the call: answer what was answered then."""
        assert c.slot is not None
        buffer = c.encoder.buffer
        reply = c.slot.reply
        if reply is None:
            # RFC 8881, Section 2.10.6.1.3: SEQUENCE succeeds, what follows it fails.
            number = c.decoder.uint32()
            number = number if number in table else nfs.OP_ILLEGAL
            buffer += _RESULT.pack(number, nfs.NFS4ERR_RETRY_UNCACHED_REP)
            return nfs.NFS4ERR_RETRY_UNCACHED_REP, 2
        del buffer[c.start :]
        buffer += reply
        (status,) = _WORD.unpack_from(reply)
        (tag_size,) = _WORD.unpack_from(reply, 4)
        (count,) = _WORD.unpack_from(reply, 8 + (tag_size + 3 & ~3))
        return status, count

    def _finish(self, c: Compound) -> None:
        """Settle the slot and send the reply."""
        slot = c.slot
        if slot is not None and not c.replay:
            keep = c.cache_this or c.count == 1
            slot.release(c.encoder.to_bytes()[c.start :] if keep else None)
        if c.buffers:
            buffers, pool = c.buffers, self._core.buffers

            def release() -> None:
                for buffer in buffers:
                    pool.give_back(buffer)

            c.call.reply(c.encoder, release)
        else:
            c.call.reply(c.encoder)

    def _give_up(self, c: Compound) -> None:
        """Nothing was executed: settle the slot accordingly."""
        for buffer in c.buffers:
            self._core.buffers.give_back(buffer)
        if c.slot is not None and not c.replay:
            c.slot.abandon()


def fingerprint(c: Compound) -> Fingerprint:
    """What a repetition of the call has in common with it: all that follows SEQUENCE, and who.

    RFC 8881, Section 2.10.6.1.3.1: with it a call that merely has the number of another one is
    told from a repetition. Only the beginning is looked at, for a WRITE may be long.
    """
    size = c.decoder.remaining()
    following = c.decoder.peek(_FINGERPRINT)
    credentials = c.credentials
    return c.count, credentials.flavor, credentials.uid, size, zlib.crc32(following)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True

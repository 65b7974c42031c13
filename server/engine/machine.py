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
from collections.abc import Mapping
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.rpc.message import RemoteFailure
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError, status_of

from ..state.refusal import Refusal
from ..state.session import UNASKED_REPLY
from .context import Compound, Refused
from .core import Core
from .offload import run_all
from .operation import ENDED, RESULT, Failure, Operation
from .replay import repeat
from .turns import OPERATIONS, SHORT, SLICE_S, NotYet

_log = logging.getLogger(__name__)

MAX_TAG: Final = 1024
_HEAD = struct.Struct(">3I")  # an empty tag, the minor version, the number of operations
_WORD_ROOM: Final = bytes(4)
_HEAD_ROOM: Final = bytes(12)
_WORD = struct.Struct(">I")
_SESSIONLESS: Final = 1 << 14
"""Octets that a call without a session may have."""
_DONE: Final = (nfs.NFS4_OK, b"")


class CompoundProcedure:
    """Procedure 1 of the NFS program. ``minors`` has the operations of each minor version."""

    def __init__(self, core: Core, minors: Mapping[int, Mapping[int, Operation | None]]) -> None:
        self._core = core
        self._failures = Complaints(_log, core.clock)
        self._minors = minors
        self._turns = core.turns
        self._authority = core.authority

    def __call__(self, call: Call) -> None:
        """Answer a COMPOUND.

        Raises ``AuthError`` if the caller may not call, ``XdrError`` if the frame cannot be
        decoded.
        """
        call.credentials, barred = self._authority(call.channel, call.credentials)
        dec = call.decoder
        start = dec.offset
        tag = b""
        size, minor, count = dec.unpack(_HEAD)
        if size:
            dec.offset = start
            tag = dec.opaque()
            minor = dec.uint32()
            count = dec.uint32()
        # Every operation has a number.
        dec.check_count(count, 4)
        enc = call.start_reply()
        c = Compound(self._core, call, enc, self._core.clock())
        c.minor, c.count = minor, count
        c.barred = barred
        buffer = enc.buffer
        if size:
            buffer += _WORD_ROOM
            enc.opaque(tag[:MAX_TAG])
            c.count_at = len(buffer)
            buffer += _WORD_ROOM
        else:
            buffer += _HEAD_ROOM
            c.count_at = len(buffer) - 4
        table = self._minors.get(minor)
        if table is None:
            self._finish(c, nfs.NFS4ERR_MINOR_VERS_MISMATCH, 0)
        elif tag and (len(tag) > MAX_TAG or not _is_utf8(tag)):
            self._finish(c, nfs.NFS4ERR_INVAL, 0)
        else:
            self._run(c, table)

    def _run(self, c: Compound, table: Mapping[int, Operation | None]) -> None:
        """Execute operations from ``c.index`` on, and answer; or go on with that later."""
        buffer = c.encoder.buffer
        last, end = c.count, 0.0
        if last - c.index > SHORT:
            last, end = self._slice(c)
        while c.index < c.count:
            if c.index >= last or (end and self._core.clock() >= end):
                self._let_others(c, table)
                return
            mark = len(buffer)
            try:
                number, status, body = self._next(c, table)
                if c.replay and status == nfs.NFS4_OK:
                    self._finish(c, *repeat(c, table))
                    return
                if c.jobs and (c.must_settle or status or c.index + 1 == c.count):
                    jobs, c.jobs, c.must_settle = c.jobs, [], False
                    elsewhere = self._core.elsewhere
                    if elsewhere is not None:
                        if c.buffers:
                            c.hold()
                        later = partial(self._resume, c, table, mark, number, status, body)
                        elsewhere(c.whose, partial(run_all, jobs), later)
                        return
                    run_all(jobs)
            except NotYet as wait:
                c.deferred = _WORD.unpack_from(buffer, mark)[0], wait.arguments
                del buffer[mark:]
                self._let_others(c, table)
                return
            except Refused:
                self._give_up(c)
                c.call.refuse()
                return
            except OSError as error:
                status, body = status_of(error), _failure_body(table, number)
            if status != nfs.NFS4_OK:
                self._fail(c, mark, number, status, body)
                return
            c.index += 1
        self._finish(c, nfs.NFS4_OK, c.count)

    def _slice(self, c: Compound) -> tuple[int, float]:
        """Where a compound of many operations has to stop: before which of them, and when."""
        now = self._core.clock()
        if c.turn_ends or c.whose not in self._turns.waiting:
            return c.index + OPERATIONS, now + SLICE_S
        # Its source has this turn of the loop already.
        return c.index + SHORT, now + SLICE_S

    def _let_others(self, c: Compound, table: Mapping[int, Operation | None]) -> None:
        """Go on in a turn of its own: a slice of the compound is done."""
        if c.buffers:
            c.hold()
        c.turn_ends = 0.0
        work = partial(self._go_on, c, table)
        self._turns.put(c.whose, id(c.call.channel), work)

    def _go_on(self, c: Compound, table: Mapping[int, Operation | None]) -> None:
        c.go_on()
        c.now = self._core.clock()
        c.turn_ends = c.now + SLICE_S
        try:
            self._run(c, self._what_is_left(c, table))
        except Exception as error:
            self._went_wrong(c, error)

    def _what_is_left(
        self, c: Compound, table: Mapping[int, Operation | None]
    ) -> Mapping[int, Operation | None]:
        """The operations for the rest of a compound that has waited: its session may be gone."""
        session = c.session
        if session is None or self._core.registry.sessions.get(session.id) is session:
            return table
        return ENDED

    def _went_wrong(self, c: Compound, error: Exception) -> None:
        """Whoever called has gone back to the loop, so that nobody else can answer."""
        self._failures.failure(f"a call of {c.call.channel.peer}", error)
        if not c.call.answered:
            c.call.fail(RemoteFailure())

    def _resume(
        self,
        c: Compound,
        table: Mapping[int, Operation | None],
        mark: int,
        number: int,
        status: int,
        body: bytes,
        failure: Exception | None,
    ) -> None:
        """What an operation left to be done elsewhere is done: go on."""
        c.go_on()
        try:
            if failure is not None:
                status, body = nfs.NFS4ERR_SERVERFAULT, _failure_body(table, number)
                if isinstance(failure, OSError):
                    status = status_of(failure)
            if status != nfs.NFS4_OK:
                self._fail(c, mark, number, status, body)
            else:
                c.index += 1
                self._run(c, self._what_is_left(c, table))
        except Exception as error:
            self._went_wrong(c, error)

    def _next(self, c: Compound, table: Mapping[int, Operation | None]) -> tuple[int, int, bytes]:
        """Execute one operation: its number, its status, and what follows that on a failure."""
        try:
            number = c.decoder.uint32() if c.deferred is None else c.deferred[0]
        except XdrError:
            return nfs.OP_ILLEGAL, nfs.NFS4ERR_BADXDR, b""
        if number not in table:
            return nfs.OP_ILLEGAL, nfs.NFS4ERR_OP_ILLEGAL, b""
        c.encoder.buffer += RESULT.pack(number, nfs.NFS4_OK)
        status, body = self._execute(c, number, table[number])
        return number, status, body

    def _fail(self, c: Compound, mark: int, number: int, status: int, body: bytes) -> None:
        """Answer that the operation whose result begins at ``mark`` has failed."""
        buffer = c.encoder.buffer
        del buffer[mark:]
        buffer += RESULT.pack(number, status)
        buffer += body
        self._finish(c, status, c.index + 1)

    def _execute(self, c: Compound, number: int, operation: Operation | None) -> tuple[int, bytes]:
        """Execute one operation; its status, and what follows that on a failure."""
        failure_body = b"" if operation is None else operation.failure_body
        try:
            if not c.index or number == nfs.OP_SEQUENCE:
                self._check_place(c, number, operation)
            if operation is None:
                return nfs.NFS4ERR_NOTSUPP, b""
            if c.deferred is None:
                try:
                    arguments = operation.decode(c.decoder)
                except XdrError:
                    return nfs.NFS4ERR_BADXDR, failure_body
            else:
                arguments, c.deferred = c.deferred[1], None
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
            return _DONE
        except Failure as error:
            return self._with_body(c, error)
        except NfsError as error:
            if isinstance(error, Refusal):
                self._core.registry.complain(c.call.channel.peer, error, c.now)
            return error.status, failure_body
        except OSError as error:
            return status_of(error), failure_body
        except (Refused, NotYet):
            raise
        except MemoryError:
            done = operation is not None and operation.mutates
            return nfs.NFS4ERR_SERVERFAULT if done else nfs.NFS4ERR_DELAY, failure_body
        except Exception as error:
            what = f"operation {number} of {c.call.channel.peer}"
            self._failures.failure(what, error)
            return nfs.NFS4ERR_SERVERFAULT, failure_body

    def _with_body(self, c: Compound, error: Failure) -> tuple[int, bytes]:
        try:
            c.check_room(len(error.body))
        except NfsError as too_big:
            return too_big.status, b""
        return error.status, error.body

    def _check_place(self, c: Compound, number: int, operation: Operation | None) -> None:
        """Whether the operation may stand where it does (RFC 8881, Section 18.46.3)."""
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
        if c.request_size > _SESSIONLESS:
            # Whoever it is has no session yet whose limits would hold; lists may be in it that
            # take long to decode.
            raise NfsError(nfs.NFS4ERR_REQ_TOO_BIG)

    def _finish(self, c: Compound, status: int, results: int) -> None:
        """Settle the slot and send the reply."""
        _WORD.pack_into(c.encoder.buffer, c.start, status)
        _WORD.pack_into(c.encoder.buffer, c.count_at, results)
        slot = c.slot
        if slot is not None and not c.replay:
            # A SEQUENCE alone can always be repeated, unless it was padded with a long tag: what
            # slots keep without being asked has to be little.
            size = len(c.encoder.buffer) - c.start
            keep = c.cache_this or (c.count == 1 and size <= UNASKED_REPLY)
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


def _failure_body(table: Mapping[int, Operation | None], number: int) -> bytes:
    """What follows the status of an operation that has failed after all."""
    operation = table.get(number)
    return b"" if operation is None else operation.failure_body


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True

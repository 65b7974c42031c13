"""COMPOUND: operations one after the other, until one fails (RFC 8881, Sections 2.10.6 and 16.2).

An operation is looked up, checked against its row in the table, decoded, and executed; its result
goes straight into the reply. What is not possible any more once something was changed is found out
before:

- a reply that the session's limits or the slot's cache cannot hold fails the operation with
  REP_TOO_BIG or REP_TOO_BIG_TO_CACHE before it runs, if it changes anything;
- a reply that the *transport* has no room for (an RDMA client offers its reply chunks with the
  call) makes the server refuse the whole call, as long as nothing was changed, and leaves the
  slot as if the call had never come.

A compound may wait, while others are served: for its turn, for what an operation left to be made
durable, or because a handler returned a future. Its slot stays taken and its buffers are charged to
the peer. When it goes on its session may be gone: then no further operation is executed.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.rpc.message import RemoteFailure
from nfsrdma.rpcrdma.rpc.program import Call
from nfsrdma.rpcrdma.task import Cancelled, Future
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError, status_of

from ..state.owner import OwnerRequest
from ..state.refusal import Refusal
from ..state.session import Slot
from ..utf8 import is_utf8
from .context import Context
from .core import Core
from .minor import ENDED, MinorVersion
from .offload import run_all
from .operation import Failure, Operation, Operations
from .replay import answer
from .reply import MAX_TAG, RESULT, Refused, Reply
from .tally import AUXILIARY
from .turns import OPERATIONS, SHORT, SLICE_S
from .witness import CHANGES

_log = logging.getLogger(__name__)

_HEAD = struct.Struct(">3I")  # an empty tag, the minor version, the number of operations
_Place: TypeAlias = "tuple[Operation | None, int, Any, int, int]"
"""An operation, its number and arguments, where its result begins, and which one it is."""
_OVER: Final = -1
"""Instead of a status: the compound waits, or its call was refused."""


class CompoundProcedure:
    """Procedure 1 of the NFS program, in these minor versions."""

    def __init__(self, core: Core, minors: Mapping[int, MinorVersion]) -> None:
        self._core = core
        self._failures = Complaints(_log, core.clock)
        self._minors = minors
        self._authority = core.authority

    def __call__(self, call: Call) -> None:
        """Answer a COMPOUND, now or later.

        Raises ``AuthError`` if the caller may not call, ``XdrError`` if the frame cannot be
        decoded.
        """
        channel = call.channel
        caller = self._authority(channel, call.credentials)
        call.credentials = caller.credentials
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
        reply = Reply(call, self._core.buffers, tag)
        version = self._minors.get(minor)
        if version is None:
            reply.conclude(nfs.NFS4ERR_MINOR_VERS_MISMATCH, 0)
            reply.send()
        elif tag and (len(tag) > MAX_TAG or not is_utf8(tag)):
            reply.conclude(nfs.NFS4ERR_INVAL, 0)
            reply.send()
        else:
            context = Context(self._core, call, channel, minor, count, caller)
            compound = Compound(version, context, reply, self._failures)
            try:
                if not version.sessionless or compound.is_first():
                    compound.run()
            except Exception:
                compound.give_up()
                raise


class Compound:
    """One COMPOUND on its way through its operations."""

    __slots__ = (
        "_arguments",
        "_body",
        "_changed",
        "_context",
        "_failures",
        "_mark",
        "_number",
        "_operation",
        "_reply",
        "_subject",
        "_table",
        "_version",
    )

    def __init__(
        self, version: MinorVersion, context: Context, reply: Reply, failures: Complaints
    ) -> None:
        self._version = version
        self._context = context
        self._reply = reply
        self._failures = failures
        self._table: Operations = version.operations
        self._operation: Operation | None = None
        self._arguments: Any = None
        self._number = nfs.OP_ILLEGAL
        """The number of the operation, as the reply has it."""
        self._subject = nfs.OP_SEQUENCE
        """That of the last one that says what the compound is about."""
        self._mark = 0
        """Where its result begins."""
        self._body = b""
        """What follows its status, if that is an error."""
        self._changed: _Place | None = None
        """The first operation that has left anything to be made durable."""

    def run(self) -> None:
        """Execute operations from ``context.index`` on, and answer; or go on with that later."""
        context, reply = self._context, self._reply
        buffer, count = reply.buffer, context.count
        core = context.core
        core.offload.peer = context.channel.peer
        last, end = count, 0.0
        if count - context.index > SHORT:
            last, end = self._slice()
        while context.index < count:
            if context.index >= last or (end and core.clock() >= end):
                self._let_others()
                return
            self._mark = len(buffer)
            status = self._execute()
            if status or context.jobs or context.repeat is not None or context.numbered is not None:
                if not self._advance(status):
                    return
            else:
                self._succeeded()
        self._finish(nfs.NFS4_OK, count)

    # --- Repetitions, where there are no sessions ---

    def is_first(self) -> bool:
        """Return whether the call is no repetition. One that is has been answered, or will be."""
        context = self._context
        first, new = context.core.duplicates.find(context.call, context.count)
        if new:
            context.record = first
        elif first is not None and first.reply is not None:
            self._repeat(first.reply)
        elif first is not None:
            first.again.append(self._end_of_first)
        return new

    def _repeat(self, octets: bytes) -> None:
        self._reply.repeat(octets)
        self._reply.send()

    def _end_of_first(self, octets: bytes | None) -> None:
        """Answer as the first call was, or execute this one if that changed nothing."""
        if octets is None:
            self._let_others()
        else:
            self._repeat(octets)

    # --- One operation ---

    def _execute(self) -> int:
        """Execute the next operation; return its status, or that it is not over yet."""
        context, reply = self._context, self._reply
        decoder, buffer = context.call.decoder, reply.buffer
        self._operation, self._number, self._arguments = None, nfs.OP_ILLEGAL, None
        try:
            try:
                number = decoder.uint32()
            except XdrError:
                raise NfsError(nfs.NFS4ERR_BADXDR) from None
            try:
                operation = self._operation = self._table[number]
            except KeyError:
                raise NfsError(nfs.NFS4ERR_OP_ILLEGAL) from None
            self._number = number
            reply.more = context.index + 1 < context.count
            if not context.index or operation is None or operation.leads:
                self._version.check_place(context, operation)
            if operation is None:
                raise NfsError(nfs.NFS4ERR_NOTSUPP)
            buffer += operation.head
            try:
                arguments = self._arguments = operation.decode(decoder)
            except XdrError:
                raise NfsError(nfs.NFS4ERR_BADXDR) from None
            if (operation.current and context.current is None) or (
                operation.saved and context.saved is None
            ):
                raise NfsError(nfs.NFS4ERR_NOFILEHANDLE)
            if context.absent and operation.current and not operation.absent:
                # RFC 7530, Section 8.2: at the start of an operation, so that LOOKUP gets there.
                raise NfsError(nfs.NFS4ERR_MOVED)
            if operation.mutates:
                # The result's number and status are in the buffer already.
                reply.check(operation.bound)
                if context.core.draining and operation.current:
                    if isinstance(context.record, Slot) and not reply.mutated:
                        context.core.registry.legacy.put_off(context.record)
                    raise NfsError(nfs.NFS4ERR_DELAY)
                reply.mutated = True
            waits = operation.handler(context, arguments, reply)
            if waits is not None:
                if not waits.done():
                    self._wait(waits, self._executed)
                    return _OVER
                waits.result()
            if len(buffer) + reply.out_of_line > reply.ample and not operation.mutates:
                reply.check(0)
        except Exception as error:
            return self._failed(error)
        return nfs.NFS4_OK

    def _executed(self, waits: Future[None]) -> None:
        """Go on: the operation that waited is over."""
        try:
            self._resume()
            operation = self._operation
            try:
                waits.result()
                if operation is not None and not operation.mutates:
                    self._reply.check(0)
                status: int = nfs.NFS4_OK
            except Exception as error:
                status = self._failed(error)
            if self._advance(status):
                self.run()
        except Exception as error:
            self._went_wrong(error)

    def _failed(self, error: Exception) -> int:
        """Return the status that an error is told by, having found out what follows it."""
        operation = self._operation
        self._body = b"" if operation is None else operation.failure_body
        if isinstance(error, NfsError):
            if isinstance(error, Failure):
                return self._with_body(error)
            if isinstance(error, Refusal):
                context = self._context
                context.core.registry.complain(context.channel.peer, error, context.now)
            return error.status
        if isinstance(error, OSError):
            return status_of(error)
        if isinstance(error, Refused):
            self.give_up()
            self._context.call.refuse()
            return _OVER
        if isinstance(error, MemoryError | Cancelled):
            done = operation is not None and operation.mutates
            return nfs.NFS4ERR_SERVERFAULT if done else nfs.NFS4ERR_DELAY
        what = f"operation {self._number} of {self._context.channel.peer}"
        self._failures.failure(what, error)
        return nfs.NFS4ERR_SERVERFAULT

    def _with_body(self, error: Failure) -> int:
        try:
            self._reply.check(len(error.body))
        except NfsError as too_big:
            self._body = b""
            return too_big.status
        self._body = error.body
        return error.status

    # --- From one to the next ---

    def _advance(self, status: int) -> bool:
        """Take what came of an operation; return whether the next one may begin."""
        if status == _OVER:
            return False
        context = self._context
        if status == nfs.NFS4_OK and context.repeat is not None:
            answer(context.repeat, context.call, self._reply, context.count, self._table)
            self._reply.send()
            return False
        last = context.index + 1 == context.count
        if context.jobs and self._changed is None:
            place = self._operation, self._number, self._arguments, self._mark, context.index
            self._changed = place
        if context.jobs and (context.barrier or status or last):
            jobs = context.take_jobs()
            try:
                done = context.core.offload.run(partial(run_all, jobs))
                if done is not None:
                    self._wait(done, partial(self._settled, status))
                    return False
            except Exception as error:
                status = self._not_durable(error)
            self._changed = None
        return self._step(status)

    def _not_durable(self, error: Exception) -> int:
        """Return the status of an error of what makes changes durable.

        The failure is that of the operation that made the first of them. What came after it cannot
        have been done either for the client, who might take a failed GETATTR lightly. What was
        written unstably may be lost as well, and whoever commits next would not hear of it.
        """
        assert self._changed is not None
        place, self._changed = self._changed, None
        self._operation, self._number, self._arguments, self._mark, self._context.index = place
        self._context.core.registry.renew_write_verifier()
        return self._failed(error)

    def _settled(self, status: int, done: Future[None]) -> None:
        """Go on: what the operation, or those before it, left to be made durable is so."""
        try:
            self._resume()
            try:
                done.result()
                self._changed = None
            except Exception as error:
                status = self._not_durable(error)
            if self._step(status):
                self.run()
        except Exception as error:
            self._went_wrong(error)

    def _step(self, status: int) -> bool:
        """Answer the call if an operation has failed; else return that the next one may begin."""
        context, reply = self._context, self._reply
        if status:
            status = self._version.status(self._number, status)
        if context.numbered is not None:
            self._settle(context.numbered, status)
        if status == nfs.NFS4_OK:
            self._succeeded()
            return True
        self._subject = self._number
        core = context.core
        core.tally.failed[self._number, status] += 1
        if core.witness is not None:
            core.witness.failed(context, self._number, self._arguments, status)
        reply.roll_back(self._mark)
        reply.buffer += RESULT.pack(self._number, status)
        reply.buffer += self._body
        self._finish(status, context.index + 1)
        return False

    def _succeeded(self) -> None:
        """Count the operation, whose result is complete; the next one may begin."""
        context, number = self._context, self._number
        context.index += 1
        tally = context.core.tally
        tally.succeed(number)
        if number not in AUXILIARY:
            self._subject = number
            tally.note(number, self._reply.buffer, self._mark, context.client, context.current)
            witness = context.core.witness
            if witness is not None and number in CHANGES:
                witness.succeeded(context, number, self._arguments)
        elif self._subject in AUXILIARY:
            self._subject = number

    def _settle(self, numbered: OwnerRequest, status: int) -> None:
        """Have the owner that numbered the operation keep its result (minor version 0)."""
        context = self._context
        context.numbered = None
        if status:
            numbered.settle(status, self._body, None)
            return
        body = bytes(self._reply.buffer[self._mark + RESULT.size :])
        current = context.current
        numbered.settle(status, body, None if current is None else current.wire)

    # --- Waiting ---

    def _wait(self, future: Future[None], resume: Callable[[Future[None]], None]) -> None:
        self._reply.charge()
        self._context.core.parked += 1
        future.add_done_callback(resume)

    def _resume(self) -> None:
        """Take up a compound that has waited: its session may be gone."""
        context = self._context
        self._reply.discharge()
        context.core.parked -= 1
        context.resume()
        if context.ended:
            self._table = ENDED

    def _slice(self) -> tuple[int, float]:
        """Where a compound of many operations has to stop: before which of them, and when."""
        context = self._context
        core = context.core
        ends = core.clock() + SLICE_S
        if context.slice_ends or context.source not in core.turns.waiting:
            return context.index + OPERATIONS, ends
        # Its source has this turn of the loop already.
        return context.index + SHORT, ends

    def _let_others(self) -> None:
        """Go on in a turn of its own: a slice of the compound is done."""
        context = self._context
        self._reply.charge()
        context.core.parked += 1
        context.slice_ends = 0.0
        context.core.turns.put(context.source, id(context.channel), self._go_on)

    def _go_on(self) -> None:
        try:
            self._resume()
            self._context.slice_ends = self._context.now + SLICE_S
            self.run()
        except Exception as error:
            self._went_wrong(error)

    # --- The end ---

    def _finish(self, status: int, results: int) -> None:
        """Have the reply remembered, and send it."""
        context, reply = self._context, self._reply
        reply.conclude(status, results)
        core = context.core
        core.tally.end(self._subject, core.clock() - context.began)
        record, context.record = context.record, None
        if record is not None:
            self._version.remember(record, reply, context.count)
        reply.send()

    def give_up(self) -> None:
        """Forget the call: there will be no reply to remember."""
        context = self._context
        self._reply.release()
        numbered, context.numbered = context.numbered, None
        if numbered is not None:
            numbered.abandon()
        record, context.record = context.record, None
        if record is None:
            return
        if self._reply.mutated:
            record.release(None)
        else:
            record.abandon()

    def _went_wrong(self, error: Exception) -> None:
        """Answer for the procedure, which has returned long ago."""
        call = self._context.call
        self._failures.failure(f"a call of {call.channel.peer}", error)
        if not call.answered:
            self.give_up()
            call.fail(RemoteFailure())

"""RPC in both directions over one byte stream, sans-IO: the machine of the TCP transport.

The edge (``io.tcp``) hands in what arrives with ``handle_data`` (or reads into ``target`` and calls
``handle_filled``), takes what is to be sent from ``poll_transmit``, and reports how much of it was
sent with ``transmitted``. Calls wait for their replies in a table by XID; calls that arrive go to
the service, on the same connection, as NFSv4.1 callbacks do (RFC 8881, Section 2.10.3.1). Messages
sent while a portion of input is handled go out together at its end, in one system call: code that
runs then must await a reply, and must not turn the reactor to wait for it.

Everything that a peer can make us keep has a bound. Beyond ``max_incoming`` calls that are being
served, or ``max_unsent`` octets of replies that it does not take, or if its address holds its share
of what all peers may hold (``account``), its further calls wait, and ``wants_input`` turns false:
nothing more is read until it has caught up. Our own calls are bounded by their callers (an NFS
session has slots), and never stop us from reading: two peers that only wrote would wait for each
other for ever.
"""

from __future__ import annotations

import logging
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.rpc import CALL, REPLY

from ..budget import Account, unbounded
from ..task import Future
from .buffers import BufferPool
from .channel import (
    CLOSED_HERE,
    CallRefused,
    Peer,
    Service,
    Swift,
    TransportError,
    lane_of,
)
from .incoming import StreamCall
from .message import peek, peek_xid
from .program import RpcService
from .record import HEAD, LAST, SMALL, Record, RecordError, RecordReader, SplitDecoder, frame
from .stream_lane import BATCH, REPLY_OVERHEAD, LaneAnswers

_log = logging.getLogger(__name__)

_GATHER: Final = 64
"""Buffers given to one system call."""

SLICE: Final = 256 << 10
"""Octets given to one system call, so that the peer takes the first of a long message meanwhile."""

_PORTION: Final = 65536
"""Octets of input taken at once."""

PLACED: Final = 128 << 10
"""Octets of a sink from which on reading a reply in two portions costs less than copying it."""

_FIRST_PORTION: Final = 256
"""Octets of input taken at once if data with memory of its own is expected: its header fits."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of what a stream may make us hold."""

    max_record: int = (4 << 20) + (64 << 10)
    """Octets of a message in either direction."""
    max_fragments: int = 16384
    """Fragments of a record."""
    max_incoming: int = 256
    """Calls served at a time."""
    max_unsent: int = 16 << 20
    """Octets of replies not taken by the peer, beyond which its calls have to wait. Each reply
    counts some octets more than it has, for its objects."""


DEFAULT_LIMITS: Final = StreamLimits()

_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">2I")


class StreamChannel(LaneAnswers):
    """A ``channel.Channel`` over a byte stream.

    The edge sets ``on_ready``, called when there is output or input is wanted again, and
    ``on_shut``, called once when the stream is to be closed.
    """

    __slots__ = (
        "_charged",
        "_close_callbacks",
        "_closed",
        "_held",
        "_in_service",
        "_limits",
        "_peer",
        "_pending",
        "_reader",
        "_reserved",
        "_service",
        "_sinks",
        "_waiting",
        "account",
        "fault",
        "on_ready",
        "on_shut",
        "relied_on",
        "stray_replies",
        "swift",
    )

    def __init__(
        self,
        peer: Peer,
        service: Service | None = None,
        limits: StreamLimits = DEFAULT_LIMITS,
        account: Account | None = None,
        buffers: BufferPool | None = None,
    ) -> None:
        """``buffers`` are for large replies of a lane, and may be those of many channels."""
        self.account = account if account is not None else unbounded()
        """The account charged for what the peer makes us hold; left when the stream ends."""
        self._peer = peer
        self._service = service if service is not None else RpcService(())
        super().__init__(lane_of(self._service), buffers)
        self._limits = limits
        self._reader = RecordReader(
            limits.max_record, limits.max_fragments, self._find_sink, self._reserve
        )
        self._reserved = 0  # for the record that arrives
        self._pending: dict[int, Future[Decoder]] = {}
        self._sinks: dict[int, memoryview] = {}  # of those pending that have one long one
        self._waiting: deque[memoryview] = deque()  # calls that the limits hold back
        self._in_service = 0
        self._charged = 0  # of the replies that are unsent, to the account
        self._held = False
        self._closed: str | None = None
        self._close_callbacks: list[Callable[[str], None]] = []
        self.on_ready: Callable[[], None] = _nothing
        self.on_shut: Callable[[], None] = _nothing
        self.relied_on = False
        self.fault = ""
        """What the peer did to end the connection; empty if it did nothing."""
        self.stray_replies = 0
        """Replies that answered no pending call."""
        self.swift: Swift | None = None
        """The short way for calls, which the edge sets if it has one."""

    def __repr__(self) -> str:
        state = "open" if self._closed is None else f"closed: {self._closed}"
        return f"<StreamChannel {self._peer.address}:{self._peer.port} {state}>"

    # --- The channel, as RPC programs see it ---

    @property
    def peer(self) -> Peer:
        """The other end."""
        return self._peer

    @property
    def max_message(self) -> int:
        """The octets of the longest message."""
        return self._limits.max_record

    @property
    def closed(self) -> bool:
        """Whether the connection is gone."""
        return self._closed is not None

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        """See ``Channel.call``.

        A stream has no use for ``max_reply``. A single sink is filled by the kernel if the reply
        ends with as many octets for it; other results stay in the memory that the reply was
        received in, and ``Decoder.payload()`` returns views of it.
        """
        reply: Future[Decoder] = Future()
        xid = peek_xid(message)
        if self._closed is not None:
            reply.set_error(TransportError(self._closed))
        elif message.tell() > self._limits.max_record:
            reply.set_error(CallRefused(f"a call of {message.tell()} octets"))
        elif xid in self._pending:
            raise ValueError(f"a call with XID {xid:#010x} is waiting for its reply")
        else:
            self._pending[xid] = reply
            if sinks and len(sinks) == 1 and len(sinks[0]) >= PLACED and not len(sinks[0]) & 3:
                self._sinks[xid] = sinks[0]
            self._send(message, 0)
        return reply

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: no call in flight, no octets that wait, no record begun.

        Whoever is told of the one message that came may begin the next call at once.
        """
        return not (
            self._pending
            or self._out
            or (self._batching and not self._single)
            or self._held
            or self._waiting
            or self._closed is not None
            or self._reader.stalled
            or self._reader.in_record
        )

    def post(
        self, xid: int, message: Sequence[bytes | memoryview], max_reply: int
    ) -> Future[Decoder] | None:
        """Send a call in pieces; see ``channel.Swift.post``.

        Returns None if it is for :meth:`call`, which has the errors, and places long data.
        """
        octets = sum(map(len, message))
        if (
            self._closed is not None
            or octets > self._limits.max_record
            or max_reply >= PLACED
            or xid in self._pending
        ):
            return None
        pieces: Sequence[bytes | memoryview] = (_WORD.pack(LAST | octets), *message)
        if octets <= SMALL:
            pieces = (b"".join(pieces),)
        return self.begun(xid, pieces, 0)

    def begun(
        self,
        xid: int,
        pieces: Sequence[bytes | memoryview],
        sent: int,
        sink: memoryview | None = None,
    ) -> Future[Decoder]:
        """Take over a call of which ``sent`` octets are sent, its record's mark among them.

        Returns what :meth:`call` would, for a reply with data for ``sink``.
        """
        reply: Future[Decoder] = Future()
        self._pending[xid] = reply
        if sink is not None and len(sink) >= PLACED and not len(sink) & 3:
            self._sinks[xid] = sink
        out = self._out
        for piece in pieces:
            if len(piece):
                out.append((piece, 0, None))
                self._unsent += len(piece)
        if sent:
            self.transmitted(sent)
        if out and (not (self._batching or self._held) or self._unsent >= BATCH):
            self.on_ready()
        return reply

    def exchanged(self, sent: int) -> None:
        """Note a call and its reply that the edge has exchanged, the call of ``sent`` octets."""
        self.octets_taken += sent
        self.records_received += 1

    def close(self, reason: str = CLOSED_HERE) -> None:
        """Close the connection; every call in flight fails with ``TransportError(reason)``."""
        self.handle_lost(reason)

    def on_close(self, callback: Callable[[str], None]) -> None:
        """Call ``callback(reason)`` once, when the connection is gone, or now if it is."""
        if self._closed is not None:
            callback(self._closed)
        else:
            self._close_callbacks.append(callback)

    # --- The stream, as its edge sees it: input ---

    @property
    def wants_input(self) -> bool:
        """Whether the edge should go on reading."""
        return not self._waiting and not self._reader.stalled

    @property
    def owes(self) -> bool:
        """Whether it is the peer's turn: to end its record, or to take replies."""
        if self._unsent_replies or self._reader.stalled:
            return True
        return self.wants_input and (self._reader.in_record or not self.records_received)

    @property
    def stalled(self) -> bool:
        """Whether there is no room for the record that is arriving."""
        return self._reader.stalled

    @property
    def in_record(self) -> bool:
        """Whether a record has begun to arrive and is not complete."""
        return self._reader.in_record

    @property
    def portion(self) -> int:
        """The most octets to give to ``handle_data`` at once."""
        return _FIRST_PORTION if self._sinks and not self._reader.in_record else _PORTION

    def target(self) -> memoryview | None:
        """Return the memory that the next octets must go to; ``None`` for ``handle_data``."""
        return self._reader.target()

    def handle_data(self, data: bytes) -> None:
        """Take octets of the stream."""
        if self._closed is not None:
            return
        try:
            records = self._reader.feed(data)
        except RecordError as error:
            self.break_off(f"the peer broke record marking: {error}")
            return
        if records:
            self._handle_records(records)

    def handle_filled(self, count: int) -> None:
        """Take ``count`` octets that were put in the ``target``."""
        if self._closed is not None:
            return
        record = self._reader.filled(count)
        if record is not None:
            self._handle_records([record])

    def break_off(self, fault: str) -> None:
        """End the connection for what the peer did, or did not do."""
        if self._closed is None:
            self.fault = fault
            self.handle_lost(fault)

    def handle_lost(self, reason: str) -> None:
        """End the connection: the stream has ended, or cannot be used any more."""
        if self._closed is not None:
            return
        self._closed = reason
        self.on_shut()
        self.on_ready = self.on_shut = _nothing
        self.swift = None
        pending, self._pending = self._pending, {}
        self._sinks.clear()
        self._reader.abandon()
        out, self._out = self._out, deque()
        callbacks, self._close_callbacks = self._close_callbacks, []
        self._waiting.clear()
        for reply in pending.values():
            reply.set_error(TransportError(reason))
        for _, _, on_sent in out:
            if on_sent is not None:
                _guarded(on_sent)
        self.account.charge(-self._charged - self._reserved)
        self.account.leave(self._served)
        for callback in callbacks:
            _guarded(callback, reason)

    def _find_sink(self, head: memoryview, size: int) -> memoryview | None:
        """Return the sink of the call that a record answers, if it ends with data for that."""
        if not self._sinks or len(head) < 8:
            return None
        xid, direction = _TWO_WORDS.unpack_from(head)
        sink = self._sinks.get(xid) if direction == REPLY else None
        if sink is None:
            return None
        start = size - len(sink)
        if not 8 < start <= len(head) or _WORD.unpack_from(head, start - 4)[0] != len(sink):
            return None
        return sink

    def _handle_records(self, records: list[Record]) -> None:
        # What is answered at once goes out together, in one system call.
        outer, self._batching = self._batching, True
        self._single = not outer and len(records) == 1
        self.records_received += len(records)
        waiting = self._waiting
        for record in records:
            if not isinstance(record, memoryview):
                (xid,) = _WORD.unpack_from(record.head)
                del self._sinks[xid]
                self._pending.pop(xid).set_result(SplitDecoder(record))
                continue
            try:
                xid, direction = peek(record)
            except XdrError as error:
                self.break_off(f"the peer sent no RPC message: {error}")
                break
            if direction == CALL:
                if waiting or not self._may_serve():
                    waiting.append(record)
                else:
                    self._start(record)
            else:
                reply = self._pending.pop(xid, None)
                if self._sinks:
                    self._sinks.pop(xid, None)
                if reply is None:
                    self.stray_replies += 1
                else:
                    reply.set_result(Decoder(record))
            if self._closed is not None:
                break
        if waiting:
            self._serve()  # a reply may have ended a call that others wait for
        self._batching = outer
        self._end_batch()

    def _end_batch(self) -> None:
        """Send what there is, and charge what is not taken."""
        if self._out:
            self.on_ready()
        if self._unsent_replies != self._charged:
            self._settle()

    def _may_serve(self) -> bool:
        limits, account = self._limits, self.account
        return (
            self._in_service < limits.max_incoming
            and self._unsent_replies <= limits.max_unsent
            and account.held < account.budget.free
        )

    def _serve(self) -> None:
        """Serve waiting calls as far as the limits let us."""
        while self._waiting and self._may_serve():
            self._start(self._waiting.popleft())
        account = self.account
        if self._waiting and account.held >= account.budget.free and self._closed is None:
            account.wait(self._served)

    def _reserve(self, octets: int) -> bool:
        """Acquire or release room for a record that is arriving (see ``RecordReader``)."""
        if octets > 0:
            if not self.account.acquire(octets):
                self.account.wait(self._served)
                return False
        else:
            self.account.charge(octets)
        self._reserved += octets
        return True

    def _settle(self) -> None:
        """Charge the replies that the peer has not taken, as a rule none by now."""
        if self._closed is None:
            more, self._charged = self._unsent_replies - self._charged, self._unsent_replies
            self.account.charge(more)

    def _serve_call(self, record: memoryview) -> None:
        """Hand a call to the service."""
        self._in_service += 1
        call = StreamCall(self, record)
        try:
            self._service(call)
        except Exception:
            _log.exception("the service of %r failed", self)
            if not call.answered:
                call.refuse()
        if not call.answered:
            call.keep()

    def _served(self) -> None:
        """Go on: a call was answered, replies were sent, or the account has room again."""
        if self._reader.stalled and self._closed is None:
            self._reader.resume()
            if self.wants_input:
                self.on_ready()
        if self._waiting and not self._batching:
            self._batching, self._single = True, False
            self._serve()
            self._batching = False
            # Output may have come, and input may be wanted again.
            self.on_ready()

    # --- Output ---

    def poll_transmit(self) -> list[bytes | bytearray | memoryview]:
        """Return buffers to be sent next, in order; none when there is nothing to send."""
        pieces = [piece[0] for piece in islice(self._out, _GATHER)]
        if self._unsent <= SLICE:
            return pieces
        octets = 0
        for index, piece in enumerate(pieces):
            octets += len(piece)
            if octets > SLICE:
                pieces[index:] = [memoryview(piece)[: len(piece) - (octets - SLICE)]]
                break
        return pieces

    def transmitted(self, count: int) -> None:
        """Drop the first ``count`` octets of what was polled: they have been sent."""
        self._unsent -= count
        self.octets_taken += count
        out = self._out
        replies = 0
        done: list[Callable[[], None]] = []
        while count:
            buffer, octets, on_sent = out[0]
            size = len(buffer)
            if size > count:
                out[0] = (memoryview(buffer)[count:], octets, on_sent)
                break
            count -= size
            out.popleft()
            replies += octets
            if on_sent is not None:
                done.append(on_sent)
        self._unsent_replies -= replies
        for on_sent in done:
            _guarded(on_sent)
        if self._charged and replies:
            self._settle()
        if self._waiting and replies:
            self._served()

    def _send(
        self, message: Encoder, octets: int, on_sent: Callable[[], None] | None = None
    ) -> None:
        """Queue a message; ``octets`` are counted as those of an unsent reply."""
        out = self._out
        parts = frame(message)
        self._unsent += message.tell() + HEAD
        if len(parts) > 1:
            for part in parts[:-1]:
                out.append((part, 0, None))
        out.append((parts[-1], octets, on_sent))
        if not (self._batching or self._held) or self._unsent >= BATCH:
            self.on_ready()

    def hold(self) -> None:
        """Let what is sent from now on wait for more, until :meth:`let_go`, to go together."""
        self._held = True

    def let_go(self) -> None:
        """Send what was held."""
        self._held = False
        if self._out and self._closed is None:
            self.on_ready()

    def send_reply(self, message: Encoder, on_sent: Callable[[], None] | None) -> None:
        """Queue a reply; for :class:`StreamCall`."""
        self._in_service -= 1
        if self._closed is not None:
            if on_sent is not None:
                on_sent()
            return
        octets = message.tell() + REPLY_OVERHEAD
        self._unsent_replies += octets
        self._send(message, octets, on_sent)
        if not self._batching and self._unsent_replies != self._charged:
            self._settle()
        if self._waiting:
            self._served()

    def send_nothing(self) -> None:
        """Count a call that gets no reply; for :class:`StreamCall`."""
        self._in_service -= 1
        self._served()


def _nothing() -> None:
    """Do nothing: there is no edge yet, or not any more."""


def _guarded(callback: Callable[..., object], *args: object) -> None:
    try:
        callback(*args)
    except Exception:
        _log.exception("a callback of a stream failed")

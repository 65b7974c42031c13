"""What of a stream answers calls by the lane of its service (``channel.Lane``).

A lane makes a reply at once, in memory that the stream gives it: behind the mark of a record, new
for a short reply, used again for a long one, which then is lent until the reply has gone. Of a call
that comes alone the edge sends the reply itself (:meth:`LaneAnswers.answer`); of those in a batch
replies are queued. What a lane declines goes to the service.

The native module of the edge (``io._serve``) does what :meth:`LaneAnswers.answer` does.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from nfsrdma.xdr.rpc import CALL

from .buffers import BufferPool
from .channel import Lane
from .record import HEAD, LAST, RecordReader, mark

if TYPE_CHECKING:
    from .stream import StreamLimits

BATCH: Final = 256 << 10
"""Octets of output that are sent before the end of a batch of input."""

REPLY_OVERHEAD: Final = 256
"""Octets that a reply takes besides its own until it is sent."""

_LARGEST_FRESH: Final = 64 << 10
"""Octets of a lane's reply beyond which memory is used again: to clear new memory takes longer."""

_NOTHING: Final = memoryview(b"")
_MARK_AND_TYPE: Final = struct.Struct(">I4xI")
"""The mark of a record, and the direction of the message in it."""

_SHORTEST: Final = 8
"""Octets of an RPC message that says its direction."""

Piece = tuple[bytes | bytearray | memoryview, int, Callable[[], None] | None]
"""What is to be sent: a buffer, how many octets of replies are no longer unsent when it has gone
(the last buffer of a reply has them all), and what is to be done then."""


class LaneAnswers(ABC):
    """The part of a channel over a stream that its service's lane answers by."""

    __slots__ = (
        "_batching",
        "_buffers",
        "_lane",
        "_lent",
        "_out",
        "_single",
        "_taken",
        "_unsent",
        "_unsent_replies",
        "octets_taken",
        "records_received",
    )

    # What the stream has besides.
    on_ready: Callable[[], None]
    _charged: int
    _closed: str | None
    _held: bool
    _limits: StreamLimits
    _reader: RecordReader
    _waiting: deque[memoryview]

    def __init__(self, lane: Lane | None, buffers: BufferPool | None) -> None:
        self._lane = lane
        self._taken = _NOTHING
        self._lent: bytearray | None = None  # the buffer that this is in, if it is used again
        self._buffers = buffers if buffers is not None else BufferPool()
        self._out: deque[Piece] = deque()
        self._unsent = 0
        self._unsent_replies = 0
        self._batching = False
        self._single = False  # whether what is handled is one message, with nothing behind it
        self.records_received = 0
        self.octets_taken = 0
        """Octets that the stream has taken to send to the peer."""

    @property
    def has_lane(self) -> bool:
        """Whether calls that arrive have a short way."""
        return self._lane is not None

    def answer(self, data: bytes) -> memoryview | None:
        """Answer a call that is all of ``data`` by the lane, if nothing else is under way.

        Returns the record to be sent, of which :meth:`answered` is told at once; it is empty if the
        call was served in another way. None: nothing has happened, and ``data`` is for
        :meth:`handle_data`.
        """
        size, lane = len(data) - HEAD, self._lane
        if size < _SHORTEST or lane is None or self._closed is not None:
            return None
        if self._out or self._batching or self._held or self._waiting or self._reader.in_record:
            return None
        word, direction = _MARK_AND_TYPE.unpack_from(data)
        most = self._limits.max_record
        if direction != CALL or word != LAST | size or size > most or not self._may_serve():
            return None
        self.records_received += 1
        record = memoryview(data)[HEAD:]
        octets = lane(self, record, most, self._take)  # type: ignore[arg-type]
        taken, self._taken = self._taken, _NOTHING
        if octets and self._closed is None:
            mark(taken, octets)
            if not self._out:
                return taken
            self.answered(taken, 0)  # what the lane has sent goes first
            return _NOTHING
        if octets:
            self._return_lent()
        else:
            self.declined(record)
        return _NOTHING

    def declined(self, record: memoryview | bytes) -> None:
        """Serve a call that came with nothing else under way, and that the lane has declined."""
        self._taken = _NOTHING
        self._return_lent()
        self._batching, self._single = True, False
        self._serve_call(memoryview(record))
        self._batching = False
        self._end_batch()

    def answered(self, record: memoryview, sent: int) -> None:
        """Note how much of the record that :meth:`answer` has returned is sent; send the rest."""
        if sent == len(record):
            self.octets_taken += sent
            if self._lent is not None:
                self._return_lent()
            return
        lent, self._lent = self._lent, None
        done = None if lent is None else partial(self._buffers.release, lent)
        octets = len(record) - HEAD + REPLY_OVERHEAD
        self._unsent += len(record)
        self._unsent_replies += octets
        self._out.append((record, octets, done))
        self.transmitted(sent)
        self._end_batch()

    def _start(self, record: memoryview) -> None:
        """Answer a call by the lane, or hand it to the service."""
        lane = self._lane
        if lane is not None:
            octets = lane(self, record, self._limits.max_record, self._take)  # type: ignore[arg-type]
            taken, self._taken = self._taken, _NOTHING
            lent, self._lent = self._lent, None
            done = None if lent is None else partial(self._buffers.release, lent)
            if octets:
                self._reply_at_once(taken, octets, done)
                return
            if done is not None:
                done()
        self._serve_call(record)

    def _take(self, octets: int) -> memoryview:
        """Return memory for the reply of a lane, behind a record mark."""
        size = HEAD + octets
        if size <= _LARGEST_FRESH:
            self._taken = memoryview(bytearray(size))
        else:
            self._lent = self._buffers.acquire(size)
            self._taken = memoryview(self._lent)[:size]
        return self._taken[HEAD:]

    def _return_lent(self) -> None:
        lent, self._lent = self._lent, None
        if lent is not None:
            self._buffers.release(lent)

    def _reply_at_once(
        self, record: memoryview, octets: int, on_sent: Callable[[], None] | None
    ) -> None:
        """Queue the reply that a lane has made, as :meth:`send_reply` would."""
        if self._closed is not None:
            if on_sent is not None:
                on_sent()
            return
        mark(record, octets)
        self._unsent += HEAD + octets
        self._unsent_replies += octets + REPLY_OVERHEAD
        self._out.append((record, octets + REPLY_OVERHEAD, on_sent))
        if not self._batching or self._unsent >= BATCH:
            self.on_ready()
        if not self._batching and self._unsent_replies != self._charged:
            self._settle()

    @abstractmethod
    def transmitted(self, count: int) -> None:
        """Drop the first ``count`` octets of what is to be sent: they have been sent."""

    @abstractmethod
    def _may_serve(self) -> bool:
        """Return whether the limits let a call be served."""

    @abstractmethod
    def _serve_call(self, record: memoryview) -> None:
        """Hand a call to the service."""

    @abstractmethod
    def _end_batch(self) -> None:
        """Send what there is, and charge what is not taken."""

    @abstractmethod
    def _settle(self) -> None:
        """Charge the replies that the peer has not taken."""

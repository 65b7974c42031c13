"""Calls whose replies are there at once, over queue pairs that can wait for them a little.

They go as ``requester`` would send them, octet for octet, and are counted as there; it takes over
those whose reply is late, or is no usual one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nfsrdma.xdr import Decoder, round_up

from ..rpc.channel import Answer
from ..task import Future
from ..verbs.interfaces import ExchangingQueuePair, MemoryRegion
from ..verbs.types import Access, VerbsError
from .chunk import Chunk, Segment
from .endpoint import FAULT, RpcRdmaEndpoint
from .header import (
    ONE_CHUNK_SIZE,
    ONE_READ,
    ONE_WRITE,
    RDMA_MSG,
    SHORT,
    SHORT_HEADER_SIZE,
    VERSION,
    decode_header,
)
from .pending import SENT
from .reduction import Room
from .requester import RpcRdmaRequester
from .short import PendingCall

if TYPE_CHECKING:
    from ._short import Short

_WORD: Final = 4
_CREDIT: Final = slice(8, 12)
_RETURNED: Final = slice(32, 36)
"""Of a header with one Write chunk: the length of its segment."""
_SHORT_MASK: Final = SHORT.pack(*(0xFFFFFFFF,) * 2, 0, *(0xFFFFFFFF,) * 4)
_ONE_WRITE_MASK: Final = ONE_WRITE.pack(
    *(0xFFFFFFFF,) * 2, 0, *(0xFFFFFFFF,) * 5, 0, (1 << 64) - 1, *(0xFFFFFFFF,) * 2
)
_PEER_READS: Final = Access.REMOTE_READ
_PEER_WRITES: Final = Access.LOCAL_WRITE | Access.REMOTE_WRITE


class Exchanges:
    """The short way (``rpc.channel.Swift``) of one connection, for the side that connected."""

    def __init__(
        self,
        endpoint: RpcRdmaEndpoint,
        queue_pair: ExchangingQueuePair,
        requester: RpcRdmaRequester,
        room: Room,
        short: Short | None = None,
    ) -> None:
        """``short`` posts in the place of :meth:`post`, if it is there."""
        if short is not None:
            self.post = short.post  # type: ignore[method-assign, assignment]
        self._endpoint = endpoint
        self._queue_pair = queue_pair
        self._requester = requester
        self._window = requester.window
        self._stats = endpoint.stats
        self._room = room

    def __call__(
        self,
        xid: int,
        message: Sequence[bytes | memoryview],
        max_reply: int,
        answer: Answer,
        sink: memoryview | None,
    ) -> bytes | Future[Decoder] | None:
        """See ``rpc.channel.Swift``: done where nothing else is under way."""
        if not self._requester.idle():
            return None
        room = self._room
        call = SHORT_HEADER_SIZE + sum(map(len, message))
        reply = SHORT_HEADER_SIZE + max_reply
        if sink is not None and reply + round_up(len(sink)) > room.reply:
            return self._read(xid, message, max_reply, answer, sink)
        if call > room.call:
            return self._write(xid, message, max_reply, answer)
        head = SHORT.pack(xid, VERSION, self._window.ceiling, RDMA_MSG, 0, 0, 0)
        pieces = head, *message
        found = self._exchange(pieces, head + answer.octets, _SHORT_MASK + answer.mask, sink)
        if found is None:
            return None
        self._stats.pullups += len(message) > 1
        if not found:
            return self._requester.note_sent(PendingCall(xid, SENT, max_reply, ()))
        return found[SHORT_HEADER_SIZE:]

    def post(
        self, xid: int, message: Sequence[bytes | memoryview], max_reply: int
    ) -> Future[Decoder] | None:
        """See ``rpc.channel.Swift``: done where the call would be sent at once, and inline."""
        requester, window, room, stats = self._requester, self._window, self._room, self._stats
        octets = SHORT_HEADER_SIZE + sum(map(len, message))
        prompting = self._endpoint.prompting
        if (
            prompting is None
            or octets > room.call
            or max_reply + SHORT_HEADER_SIZE > room.reply
            or window.in_use >= window.limit
            or not requester.may_send(xid)
        ):
            return None
        head = SHORT.pack(xid, VERSION, window.ceiling, RDMA_MSG, 0, 0, 0)
        try:
            if not prompting.put((head, *message)):
                return None
        except BaseException:
            self._endpoint.fail(FAULT)  # as in _exchange
            raise
        window.in_use += 1
        stats.calls_sent += 1
        stats.bytes_inline_sent += octets
        stats.pullups += len(message) > 1
        return requester.note_sent(PendingCall(xid, SENT, max_reply, ()))

    def _read(
        self,
        xid: int,
        message: Sequence[bytes | memoryview],
        max_reply: int,
        answer: Answer,
        sink: memoryview,
    ) -> bytes | Future[Decoder] | None:
        """Make a call whose result is placed in the sink, by a Write chunk."""
        room, stats = self._room, self._stats
        if (
            len(message) > 1
            or len(message[0]) + ONE_CHUNK_SIZE > room.call
            or max_reply + ONE_CHUNK_SIZE > room.reply
            or not 0 < len(sink) <= room.max_segment_length
            or not room.max_write_chunks
        ):
            return None
        region = self._register(sink, _PEER_WRITES)
        if region is None:
            return None
        segment = Segment(region.rkey, len(sink), region.address)
        head = ONE_WRITE.pack(
            *(xid, VERSION, self._window.ceiling, RDMA_MSG, 0, 1, 1, *segment, 0, 0)
        )
        expected, mask = head + answer.octets, _ONE_WRITE_MASK + answer.mask
        found = self._exchange((head, *message), expected, mask, None, region.rkey, len(sink))
        if found is None:
            region.deregister()
            return None
        stats.write_chunks += 1
        stats.registrations += 1
        call = PendingCall(xid, SENT, max_reply, (sink,))
        call.offered = [Chunk((segment,))]
        placed = int.from_bytes(found[_RETURNED])
        if (
            not found
            or len(found) != len(expected)
            or placed != int.from_bytes(found[-_WORD:])
            or not 0 < placed <= len(sink)
        ):
            return self._leave(call, region, found)
        self._count_reply(found)
        self._end(region)
        stats.bytes_write_chunks += placed
        return found[ONE_CHUNK_SIZE:]

    def _write(
        self,
        xid: int,
        message: Sequence[bytes | memoryview],
        max_reply: int,
        answer: Answer,
    ) -> bytes | Future[Decoder] | None:
        """Make a call whose argument the peer reads from where it is, by a Read chunk."""
        room, stats = self._room, self._stats
        if (
            len(message) == 1
            or len(message[0]) + ONE_CHUNK_SIZE > room.call
            or max_reply + SHORT_HEADER_SIZE > room.reply
            or not 0 < len(message[1]) <= room.max_segment_length
            or not room.max_read_chunks
        ):
            return None
        inline, data = message[0], memoryview(message[1])
        region = self._register(data, _PEER_READS)
        if region is None:
            return None
        xid_to_proc = xid, VERSION, self._window.ceiling, RDMA_MSG
        segment = region.rkey, len(data), region.address
        head = ONE_READ.pack(*xid_to_proc, 1, len(inline), *segment, 0, 0, 0)
        expected = SHORT.pack(*xid_to_proc, 0, 0, 0) + answer.octets
        found = self._exchange(
            (head, inline), expected, _SHORT_MASK + answer.mask, None, region.rkey, len(data)
        )
        if found is None:
            region.deregister()
            return None
        stats.read_chunks += 1
        stats.registrations += 1
        stats.bytes_read_chunks += len(data)
        if not found:
            return self._leave(PendingCall(xid, SENT, max_reply, ()), region, found)
        self._count_reply(found)
        self._end(region)
        return found[SHORT_HEADER_SIZE:]

    def _register(self, view: memoryview, access: Access) -> MemoryRegion | None:
        try:
            return self._endpoint.pd.register(view, access)
        except VerbsError:
            return None  # the usual way says what is wrong

    def _exchange(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        sink: memoryview | None,
        rkey: int | None = None,
        octets: int = 0,
    ) -> bytes | None:
        """Exchange, and count it (``verbs.interfaces.ExchangingQueuePair``)."""
        stats = self._stats
        most = self._endpoint.options.inline_receive
        try:
            found = self._queue_pair.exchange(pieces, expected, mask, most, sink, rkey, octets)
        except VerbsError:
            return None
        except BaseException:
            # A bug, or KeyboardInterrupt: the rings may be halfway through something.
            self._endpoint.fail(FAULT)
            raise
        if found is None:
            return None
        self._window.in_use = 1
        stats.calls_sent += 1
        stats.bytes_inline_sent += sum(map(len, pieces))
        if found:
            stats.bytes_inline_received += len(found)
            if sink is not None:
                stats.bytes_inline_received += round_up(int.from_bytes(found[-_WORD:]))
            if rkey is None:
                self._count_reply(found)
        return found

    def _count_reply(self, found: bytes) -> None:
        """Count a reply, and take the credit that it grants."""
        stats = self._stats
        stats.replies_received += 1
        credit = int.from_bytes(found[_CREDIT])
        stats.credit_violations += credit == 0
        self._window.release(credit)

    def _end(self, region: MemoryRegion) -> None:
        """End the registration of a call that was answered, if the peer has not."""
        if region.valid:
            self._stats.local_invalidations += 1
            region.deregister()
        else:
            self._stats.remote_invalidations += 1

    def _leave(self, call: PendingCall, region: MemoryRegion, found: bytes) -> Future[Decoder]:
        """Leave a call to the requester, with the reply if there is one."""
        call.regions = [region]
        reply = self._requester.note_sent(call)
        if found:
            view = memoryview(found)
            header = decode_header(view, self._endpoint.options.header_limits)
            self._requester.reply(header, view, None if region.valid else region.rkey)
        return reply

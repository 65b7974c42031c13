"""The calling side: marshals calls, offers memory for their replies, takes the replies.

The life of a call. It waits for a credit. What is too long to go inline is registered, one
region and one segment each, for this call alone: for the peer to read (payloads, a long call)
or for the peer to write (sinks, a long reply), never both. The SEND goes out with a copy of
what is inline. When the reply is in, the regions that the peer has not invalidated itself are
deregistered. Only then does the caller get the result: from then on its memory is its own again
(RFC 8166, Section 8.1).

A reply whose header has errors is dropped (Section 4.5): its call stays as it is, memory and credit
included, until another reply comes, or the connection is lost.

The same class serves the reverse direction (RFC 8167), where it offers no memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from nfsrdma.xdr import Decoder, Encoder, XdrError, round_up
from nfsrdma.xdr.rpc import REPLY

from ..rpc.channel import CallRefused, ReplyDropped, TransportError
from ..task import Cancelled, Future
from ..verbs.types import Access, VerbsError
from .backchannel import XID_AND_DIRECTION
from .chunk import Chunk, Segment
from .credits import CreditWindow
from .endpoint import RpcRdmaEndpoint
from .header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_MSG,
    RDMA_NOMSG,
    SHORT,
    SHORT_HEADER_SIZE,
    VERSION,
    RpcRdmaHeader,
    encode_header,
)
from .reassembly import PlacedDecoder
from .reduction import CallPlan, Room, plan_call
from .short import PendingCall

_XID = struct.Struct(">I")

_PEER_READS = Access.REMOTE_READ
_PEER_WRITES = Access.LOCAL_WRITE | Access.REMOTE_WRITE
_ERRORS = {ERR_VERS: "ERR_VERS", ERR_CHUNK: "ERR_CHUNK"}


class RpcRdmaRequester:
    """The caller of one direction of one connection.

    ``room`` is set once the connection is up; without it only inline messages are used (the reverse
    direction).
    """

    def __init__(self, endpoint: RpcRdmaEndpoint, ceiling: int) -> None:
        self._endpoint = endpoint
        self._stats = endpoint.stats
        self._window = CreditWindow(ceiling)
        self._sent: dict[int, PendingCall] = {}
        self._waiting: dict[int, PendingCall] = {}
        self.on_dropped: Callable[[PendingCall], object] | None = None
        """Is told of each call of which a reply was dropped, once."""
        self.room: Room | None = None

    @property
    def window(self) -> CreditWindow:
        """The credits of this direction."""
        return self._window

    def expects(self, xid: int) -> bool:
        """Return whether a reply with this XID may come."""
        return xid in self._sent

    def call(
        self, message: Encoder, max_reply: int, sinks: Sequence[memoryview]
    ) -> Future[Decoder]:
        """See ``Channel.call``. Raises ``ValueError`` if a call with this XID is in progress."""
        (xid,) = _XID.unpack_from(message.buffer)
        if xid in self._sent or xid in self._waiting:
            raise ValueError(f"XID {xid:#010x} is in use")
        call = PendingCall(xid, message, max_reply, sinks)
        future = call.future
        assert future is not None
        if self._endpoint.closed:
            future.set_error(TransportError("the connection is closed"))
        elif self._waiting or not self._window.acquire():
            self._stats.credit_stalls += 1
            self._waiting[xid] = call
        else:
            self._send(call)
        return future

    def idle(self) -> bool:
        """Return whether no call is in progress, and the next one would be sent at once."""
        return not (self._window.in_use or self._sent) and self._endpoint.send_queue.ready

    def may_send(self, xid: int) -> bool:
        """Return whether a call with this XID would be sent at once, if there is a credit."""
        return xid not in self._sent and not self._waiting and self._endpoint.send_queue.ready

    def note_sent(self, call: PendingCall) -> Future[Decoder]:
        """Wait for the reply to a call that was sent, which has its credit."""
        self._sent[call.xid] = call
        assert call.future is not None
        return call.future

    def _send(self, call: PendingCall) -> None:
        endpoint = self._endpoint
        message = call.message
        length = message.tell() + SHORT_HEADER_SIZE
        if (
            length <= endpoint.send_threshold
            and call.max_reply + _padded(call.sinks) + SHORT_HEADER_SIZE
            <= endpoint.receive_threshold
        ):
            self._stats.pullups += bool(message.payloads)
            self._sent[call.xid] = call
            self._stats.calls_sent += 1
            endpoint.send_whole(
                SHORT.pack(call.xid, VERSION, self._window.ceiling, RDMA_MSG, 0, 0, 0), message
            )
        else:
            try:
                data = self._marshal(call)
            except (VerbsError, ValueError, CallRefused) as error:
                self._window.in_use -= 1
                self._fail_unsent(call, error)
                return
            self._sent[call.xid] = call
            self._stats.calls_sent += 1
            endpoint.send(data)

    def _marshal(self, call: PendingCall) -> bytes:
        if self.room is None:
            raise CallRefused("too long for the reverse direction")
        plan = plan_call(call.message, call.max_reply, call.sinks, self.room)
        read_list = self._register(call, plan)
        header = encode_header(
            call.xid,
            self._window.ceiling,
            RDMA_NOMSG if plan.long else RDMA_MSG,
            read_list,
            call.offered,
            call.reply_chunk,
        )
        self._stats.nomsg_calls += plan.long
        if not plan.long and len(read_list) < len(call.message.payloads):
            self._stats.pullups += 1
        return b"".join((header, *plan.inline))

    def _register(self, call: PendingCall, plan: CallPlan) -> list[Chunk]:
        stats = self._stats
        read_list = []
        for position, views in plan.read:
            read_list.append(Chunk(self._segments(call, views, _PEER_READS), position))
            stats.bytes_read_chunks += read_list[-1].length
        stats.read_chunks += len(read_list)
        call.offered = [Chunk(self._segments(call, sink, _PEER_WRITES)) for sink in plan.sinks]
        stats.write_chunks += len(call.offered)
        if plan.reply_size:
            call.reply_buffer = memoryview(bytearray(plan.reply_size))
            call.reply_chunk = Chunk(self._segments(call, (call.reply_buffer,), _PEER_WRITES))
            stats.reply_chunks += 1
        stats.registrations += len(call.regions)
        return read_list

    def _segments(
        self, call: PendingCall, views: Sequence[memoryview], access: Access
    ) -> list[Segment]:
        segments = []
        for view in views:
            region = self._endpoint.pd.register(view, access)
            call.regions.append(region)
            segments.append(Segment(region.rkey, len(view), region.address))
        return segments

    def _fail_unsent(self, call: PendingCall, error: Exception) -> None:
        """Fail a call that was not sent; its credit has been given back."""
        self._end_registrations(call)
        if isinstance(error, VerbsError):
            error = TransportError(f"cannot register memory: {error}")
        elif isinstance(error, ValueError):
            error = CallRefused(str(error))
        self._set_error(call, error)

    def _end_registrations(self, call: PendingCall) -> None:
        for region in call.regions:
            if region.valid:
                self._stats.local_invalidations += 1
            region.deregister()
        call.regions = []

    @staticmethod
    def _set_error(call: PendingCall, error: Exception) -> None:
        future, call.future = call.future, None
        if future is not None:
            future.set_error(error)

    # --- Replies ---

    def short_reply(self, xid: int, credit: int, message: memoryview, rkey: int | None) -> None:
        """Take a reply without any chunk; ``message`` is in a receive buffer, and is copied."""
        call = self._sent.get(xid)
        if call is None or call.regions or rkey is not None or not credit or self._waiting:
            call = self._take(xid, credit, rkey)
        else:  # what _take does, where there is little to do
            del self._sent[xid]
            self._window.release(credit)
        if call is not None:
            self._complete(call, Decoder(bytes(message)))

    def reply(self, header: RpcRdmaHeader, view: memoryview, rkey: int | None) -> None:
        """Take a reply with chunks, in a receive buffer with its header.

        One whose lists are not those of its call is dropped (RFC 8166, Section 4.5).
        """
        sent = self._sent.get(header.xid)
        if sent is not None and (complaint := _fault(header, sent)):
            self.drop(header.xid, rkey, complaint)
            return
        call = self._take(header.xid, header.credit, rkey)
        if call is None:
            return
        try:
            decoder = self._unmarshal(call, header, view)
        except XdrError as error:
            self._stats.bad_replies += 1
            self._set_error(call, error)
        else:
            self._complete(call, decoder)

    def refused(self, header: RpcRdmaHeader, rkey: int | None) -> None:
        """Fail the call that the peer answered with RDMA_ERROR (RFC 8166, Section 4.5)."""
        call = self._take(header.xid, header.credit, rkey)
        if call is not None:
            self._stats.errors_received += 1
            error = _ERRORS[header.error]
            self._set_error(call, CallRefused(error))

    def drop(self, xid: int, rkey: int | None, complaint: str) -> None:
        """Drop a reply to the call with this XID: its header has errors (RFC 8166, Section 4.5)."""
        self._stats.bad_replies += 1
        call = self._sent[xid]
        first, call.complaint = not call.complaint, complaint
        if first and self.on_dropped is not None:
            self.on_dropped(call)
        if rkey is not None:
            # The call cannot be answered any more, or another one's memory is gone.
            self._endpoint.fail("the peer invalidated memory without a reply")

    def awaits(self, call: PendingCall) -> bool:
        """Return whether a reply to this call may come."""
        return self._sent.get(call.xid) is call

    def without_reply(self) -> PendingCall | None:
        """Return a call of which a reply was dropped, and none has come since; None without any."""
        return next((call for call in self._sent.values() if call.complaint), None)

    def _take(self, xid: int, credit: int, rkey: int | None) -> PendingCall | None:
        """Return the call of a reply; the peer cannot reach the call's memory afterwards."""
        call = self._sent.pop(xid, None)
        if rkey is not None:
            self._stats.remote_invalidations += 1
            if call is None or all(region.rkey != rkey for region in call.regions):
                if call is not None:
                    self._sent[xid] = call
                self._endpoint.fail("the peer invalidated memory of another call")
                return None
        if call is None:
            self._stats.bad_replies += 1
            return None
        if call.regions:
            self._end_registrations(call)
        if credit == 0:
            self._stats.credit_violations += 1
        self._window.release(credit)
        if self._waiting:
            self._send_waiting()
        return call

    def _send_waiting(self) -> None:
        while self._waiting and self._window.acquire():
            self._send(self._waiting.pop(next(iter(self._waiting))))

    def _complete(self, call: PendingCall, decoder: Decoder) -> None:
        self._stats.replies_received += 1
        future, call.future = call.future, None
        if future is not None:
            future.set_result(decoder)

    def _unmarshal(self, call: PendingCall, header: RpcRdmaHeader, view: memoryview) -> Decoder:
        results = self._results(call, header)
        if header.proc == RDMA_MSG:
            message = memoryview(bytes(view[header.size :]))
        else:
            assert header.reply_chunk is not None
            message = call.reply_buffer[: header.reply_chunk.length]
            self._stats.nomsg_replies += 1
            self._stats.bytes_reply_chunks += len(message)
            if XID_AND_DIRECTION.unpack_from(message) != (call.xid, REPLY):
                raise XdrError("no reply to this call in the Reply chunk")
        return PlacedDecoder(message, results) if results else Decoder(message)

    def _results(self, call: PendingCall, header: RpcRdmaHeader) -> list[memoryview]:
        """Return the filled part of each sink; none if the Write list did not come back."""
        results = []
        for returned, sink in zip(header.write_list, call.sinks, strict=False):
            results.append(sink[: returned.length])
            self._stats.bytes_write_chunks += returned.length
        return results

    # --- The end ---

    def cancel(self, xid: int) -> bool:
        """Give up a call: its future fails with ``Cancelled``. Return whether it was in progress.

        Its memory is out of the peer's reach when this returns. The credit stays in use until the
        reply arrives. If the peer touches the memory before that, the connection is lost, which is
        the price of having the memory back.
        """
        call = self._waiting.pop(xid, None)
        if call is None:
            call = self._sent.get(xid)
            if call is None or call.future is None:
                return False
            self._end_registrations(call)
        self._stats.calls_cancelled += 1
        self._set_error(call, Cancelled())
        return True

    def shutdown(self) -> list[PendingCall]:
        """End all registrations, and return the calls to give to :meth:`fail`."""
        calls = [*self._sent.values(), *self._waiting.values()]
        self._sent.clear()
        self._waiting.clear()
        self._window.in_use = 0
        self.on_dropped = None
        for call in calls:
            self._end_registrations(call)
        return calls

    def fail(self, calls: list[PendingCall], reason: str) -> None:
        """Fail calls whose connection is gone."""
        for call in calls:
            if call.complaint:
                text = f"{reason}; a reply was dropped: {call.complaint}"
                self._set_error(call, ReplyDropped(text))
            else:
                self._set_error(call, TransportError(reason))


def _padded(sinks: Sequence[memoryview]) -> int:
    """Return the octets that results for these sinks can take inline."""
    total = 0
    for sink in sinks:
        total += round_up(len(sink))
    return total


def _fault(header: RpcRdmaHeader, call: PendingCall) -> str:
    """Return what is wrong with the lists of a reply to this call; nothing if they are right."""
    if header.read_list:
        return "a reply with a Read list"  # Section 4.3.1
    if header.write_list:
        if len(header.write_list) != len(call.offered):
            return f"{len(header.write_list)} Write chunks, {len(call.offered)} offered"
        for returned, offered in zip(header.write_list, call.offered, strict=True):
            if fault := _other_chunk(returned, offered):
                return fault
    back = header.reply_chunk
    if header.proc == RDMA_MSG:
        both = back is not None and back.length
        return "a reply both inline and in the Reply chunk" if both else ""
    if back is None or call.reply_chunk is None or back.length < XID_AND_DIRECTION.size:
        return "a reply neither inline nor in a Reply chunk"
    return _other_chunk(back, call.reply_chunk)


def _other_chunk(returned: Chunk, offered: Chunk) -> str:
    """Return how a chunk that came back is not the one that was offered: for gaps and excesses."""
    if len(returned.segments) != len(offered.segments):
        return "a chunk came back with other segments"
    full = True
    for got, had in zip(returned.segments, offered.segments, strict=True):
        if got.length > had.length or (got.length and not full):
            return "a chunk came back with other lengths"
        full = got.length == had.length
    return ""

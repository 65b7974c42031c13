"""The answering side: takes calls, fetches what they name, sends replies the way they offer.

The life of a call. It arrives in a receive buffer, which stays its own until it is answered. If
it names memory to be read, RDMA READs bring that to buffers of ours; the service sees the call
only when all is there. Its reply is planned against what the caller offered. RDMA WRITEs carry
what goes to the caller's memory, straight from where the service has it, and the SEND behind
them carries the rest; its completion says that all before it has been delivered, too.

The responder exposes no memory to anyone: its queue pair answers neither READ nor WRITE.

Everything a caller can name is bounded before anything is done for it. A header that cannot be
used is answered with ERR_CHUNK; calls beyond the credits granted end the connection.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.rpc import CALL

from ..rpc.channel import Channel, EndedChannel, IncomingCall, Service
from ..verbs.types import Access, SendWR, WrOpcode
from .backchannel import XID_AND_DIRECTION
from .buffers import FetchBuffers
from .chunk import Chunk, ReadList, Segment, WriteList, boundaries, distribute, handles
from .credits import CreditGrant
from .endpoint import ReceiveSlot, RpcRdmaEndpoint
from .header import (
    ERR_CHUNK,
    ERR_VERS,
    RDMA_MSG,
    RDMA_NOMSG,
    SHORT,
    SHORT_HEADER_SIZE,
    VERSION,
    RpcRdmaError,
    RpcRdmaHeader,
    encode_chunk_error,
    encode_header,
    encode_version_error,
)
from .reassembly import ChunkedDecoder
from .reduction import ReplyPlan, Write, plan_reply, reply_header_size

_XID_AND_VERSION = struct.Struct(">2I")
_READ: Final = int(WrOpcode.RDMA_READ)
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)
_REMOTE_READ: Final = int(Access.REMOTE_READ)
_WRITE: Final = int(WrOpcode.RDMA_WRITE)


def refuse_all(call: IncomingCall) -> None:
    """The service of a side that has none."""
    call.refuse()


class RdmaCall:
    """An ``IncomingCall`` over RDMA.

    ``decoder`` and the views it returns are valid until the call is answered. A payload of the
    reply may all the same be such a view. Buffers that RDMA READ filled are kept for it until it
    is sent; what is in the receive buffer is copied.
    """

    __slots__ = (
        *("_buffers", "_contents", "_mapped", "_reads_left", "_responder", "_slot", "_targets"),
        *("decoder", "header", "xid"),
    )

    decoder: Decoder

    def __init__(
        self, responder: RpcRdmaResponder, slot: ReceiveSlot, xid: int, header: RpcRdmaHeader | None
    ) -> None:
        self._responder = responder
        self._slot: ReceiveSlot | None = slot
        self._buffers: Sequence[memoryview] = ()
        self._reads_left = 0
        self._contents: Sequence[memoryview] = ()
        """The caller's memory, in place of buffers."""
        self._mapped: Sequence[int] = ()
        """The keys of the caller's memory that is seen from here."""
        self._targets: Sequence[memoryview] = ()
        """What of it the service was given to write to."""
        self.xid = xid
        self.header = header
        """What the call offers, or ``None`` if that is nothing."""

    @property
    def channel(self) -> Channel:
        return self._responder.channel

    @property
    def answered(self) -> bool:
        """Whether it was replied to, refused or dropped."""
        return self._slot is None

    @property
    def reply_room(self) -> int:
        """The longer of what can be sent inline and what the Reply chunk holds."""
        threshold = self._responder.endpoint.send_threshold
        header = self.header
        if header is None:
            return threshold - SHORT_HEADER_SIZE
        inline = threshold - reply_header_size(header.write_list, header.reply_chunk)
        if header.reply_chunk is None:
            return inline
        return max(inline, header.reply_chunk.length)

    @property
    def payload_room(self) -> Sequence[int]:
        """What each Write chunk holds; 0 for an empty one."""
        if self.header is None:
            return ()
        return [chunk.length for chunk in self.header.write_list]

    def payload_target(self, index: int, size: int) -> memoryview | None:
        """See ``IncomingCall.payload_target``: of a chunk of one segment."""
        header = self.header
        mapping = self._responder.endpoint.mapping
        if mapping is None or header is None or index >= len(header.write_list):
            return None
        segments = header.write_list[index].segments
        if len(segments) != 1 or not 0 < size <= segments[0].length:
            return None
        handle, _, offset = segments[0]
        view = mapping.map_remote(handle, offset, size, _REMOTE_WRITE)
        if view is not None:
            self._mapped = (*self._mapped, handle)
            self._targets = (*self._targets, view)
        return view

    def reply(self, message: Encoder, on_sent: Callable[[], None] | None = None) -> None:
        """See ``IncomingCall.reply``. What travels inline is copied at once."""
        endpoint = self._responder.endpoint
        if self.header is None and message.tell() + SHORT_HEADER_SIZE <= endpoint.send_threshold:
            credit = self._responder.grant.offered
            head = SHORT.pack(self.xid, VERSION, credit, RDMA_MSG, 0, 0, 0)
            self._responder.stats.replies_sent += 1
            if any(payload.data.obj is endpoint.receive_memory for payload in message.payloads):
                # Joined before the receive buffer is given back.
                joined = b"".join((head, *message.parts()))
                self._finish()
                endpoint.send(joined)
            else:
                self._finish()
                endpoint.send_whole(head, message)
            if on_sent is not None:
                on_sent()
        else:
            self._reply_planned(message, on_sent)

    def refuse(self) -> None:
        """See ``IncomingCall.refuse``."""
        credit = self._finish()
        self._responder.stats.errors_sent += 1
        self._responder.endpoint.send(encode_chunk_error(self.xid, credit))

    def drop(self) -> None:
        """See ``IncomingCall.drop``. Over RDMA the caller loses a credit by it for good."""
        self._finish()
        self._responder.stats.messages_dropped += 1

    def _finish(self) -> int:
        """The call is answered: give everything back but what a reply may still refer to.

        Returns the credits to grant. The receive is posted again before they are.
        """
        slot = self._slot
        assert slot is not None, "answered twice"
        self._slot = None
        responder = self._responder
        if self._buffers:
            responder.give_back(self._buffers)
            self._buffers = ()
        if self._mapped:
            mapping = responder.endpoint.mapping
            assert mapping is not None
            for handle in self._mapped:
                mapping.unmap_remote(handle)
            self._mapped = self._targets = ()
        responder.grant.release()
        responder.endpoint.repost(slot)
        return responder.grant.offered

    def _reply_planned(self, message: Encoder, on_sent: Callable[[], None] | None) -> None:
        responder = self._responder
        endpoint = responder.endpoint
        header = self.header
        write_list: WriteList = header.write_list if header is not None else ()
        reply_chunk = header.reply_chunk if header is not None else None
        plan = plan_reply(message, write_list, reply_chunk, endpoint.send_threshold)
        if plan is None:
            # The service should have looked at the room before it did anything.
            responder.stats.replies_too_long += 1
            self.refuse()
            if on_sent is not None:
                on_sent()
            return
        self._send_planned(plan, on_sent)

    def _send_planned(self, plan: ReplyPlan, on_sent: Callable[[], None] | None) -> None:
        responder = self._responder
        endpoint = responder.endpoint
        done = on_sent
        if plan.writes:
            # The RDMA WRITEs may be from the buffers of the call itself.
            buffers, self._buffers = self._buffers, ()
            if buffers:

                def done() -> None:
                    responder.give_back(buffers)
                    if on_sent is not None:
                        on_sent()

            responder.post_writes(plan.writes, self._targets)
        proc = RDMA_NOMSG if plan.long else RDMA_MSG
        grant = responder.grant.offered
        head = encode_header(self.xid, grant, proc, (), plan.write_list, plan.reply_chunk)
        message = b"".join((head, *plan.inline))
        rkey = self._rkey() if endpoint.may_invalidate else None
        self._finish()
        responder.stats.replies_sent += 1
        if plan.writes:
            endpoint.send(message, rkey=rkey, done=done)
        else:
            endpoint.send(message, rkey=rkey)
            if done is not None:
                done()

    def _rkey(self) -> int | None:
        """The R_key to invalidate: any that the call named will do (RFC 8797, Section 4)."""
        header = self.header
        if header is None:
            return None
        return next(handles(header.read_list, header.write_list, header.reply_chunk), None)


class RpcRdmaResponder:
    """Answers the calls of one direction of one connection.

    Without ``chunks`` it takes none (the reverse direction).
    """

    def __init__(
        self,
        endpoint: RpcRdmaEndpoint,
        channel: Channel,
        service: Service,
        ceiling: int,
        *,
        chunks: bool,
    ) -> None:
        self.endpoint = endpoint
        self.channel = channel
        self.grant = CreditGrant(ceiling)
        self.stats = endpoint.stats
        self._service = service
        self._chunks = chunks
        self._account = channel.account
        self._pool = FetchBuffers(endpoint.options.max_buffered, channel.account)
        self._waiting: deque[tuple[RdmaCall, memoryview, Sequence[Chunk]]] = deque()
        self._fetching: set[RdmaCall] = set()
        self._going_on = False
        self._reads_done = 0
        self._reads_seen = -1

    def look(self) -> None:
        """End the connection if calls are being fetched, and nothing came since the last look."""
        self._pool.trim()
        seen, self._reads_seen = self._reads_seen, self._reads_done if self._fetching else -1
        if self._fetching and seen == self._reads_done:
            self.endpoint.fail("the peer does not answer RDMA READs")

    @property
    def buffered(self) -> int:
        """Octets of memory in use for calls that came in chunks."""
        return self._pool.lent

    # Calls

    def short_call(self, slot: ReceiveSlot, xid: int, message: memoryview) -> None:
        """A call without any chunk."""
        self.stats.calls_received += 1
        if not self.grant.acquire():
            self._overrun()
            return
        call = RdmaCall(self, slot, xid, None)
        account = self._account
        if self._waiting or account.held >= account.budget.free:
            self._hold_back(call, message, ())
            return
        call.decoder = Decoder(message)
        self._service(call)

    def call(self, slot: ReceiveSlot, header: RpcRdmaHeader, view: memoryview) -> None:
        """A call with chunks, in a receive buffer with its header."""
        self.stats.calls_received += 1
        if not self.grant.acquire():
            self._overrun()
            return
        call = RdmaCall(self, slot, header.xid, header)
        try:
            read_list = self._check(header, view)
        except RpcRdmaError:
            call.refuse()
            return
        if self._waiting or not self._may_begin(read_list):
            self._hold_back(call, view, read_list)
        else:
            self._begin(call, view, read_list)

    def _may_begin(self, read_list: Sequence[Chunk]) -> bool:
        """Whether there is memory for one more call of this peer."""
        return self._pool.has(_total(read_list)) if read_list else self._account.may

    def _begin(self, call: RdmaCall, view: memoryview, read_list: Sequence[Chunk]) -> None:
        if read_list:
            self._fetch(call, view, read_list)
        else:
            call.decoder = Decoder(view[call.header.size :] if call.header is not None else view)
            self._service(call)

    def _hold_back(self, call: RdmaCall, view: memoryview, read_list: Sequence[Chunk]) -> None:
        """It has its turn when others have given something back. No more come than have credits."""
        self._waiting.append((call, view, read_list))
        self._account.wait(self._go_on)

    def _go_on(self) -> None:
        """There may be memory for those that wait."""
        if self._going_on:
            return  # one of them was answered at once
        self._going_on = True
        try:
            while self._waiting and self._may_begin(self._waiting[0][2]):
                self._begin(*self._waiting.popleft())
        finally:
            self._going_on = False
        if self._waiting:
            self._account.wait(self._go_on)

    def malformed(self, slot: ReceiveSlot, view: memoryview, error: RpcRdmaError) -> None:
        """A header that cannot be decoded, but for its first words (RFC 8166, Section 4.5)."""
        xid, version = _XID_AND_VERSION.unpack_from(view)
        self.stats.errors_sent += 1
        self.endpoint.repost(slot)
        if error.code == ERR_VERS:
            answer = encode_version_error(xid, version, self.grant.offered)
        else:
            answer = encode_chunk_error(xid, self.grant.offered)
        self.endpoint.send(answer)

    def _overrun(self) -> None:
        self.stats.credit_violations += 1
        self.endpoint.fail("the peer exceeded its credits")

    def _check(self, header: RpcRdmaHeader, view: memoryview) -> Sequence[Chunk]:
        """The chunks that are to be read. Raises ``RpcRdmaError`` if the call is unusable."""
        if not self._chunks:
            raise _unusable("chunks in the reverse direction")
        if reply_header_size(header.write_list, header.reply_chunk) > self.endpoint.send_threshold:
            raise _unusable("the reply's header would not fit inline")
        if not header.read_list and header.proc == RDMA_MSG:
            return ()
        read_list = [chunk for chunk in header.read_list if chunk.length]
        if _total(read_list) > self.endpoint.options.max_call:
            raise _unusable("the call is too long")
        rest: ReadList = read_list
        inline = len(view) - header.size
        if header.proc == RDMA_NOMSG:
            if not read_list or read_list[0].position:
                raise _unusable("RDMA_NOMSG without a Position-Zero Read chunk")
            inline, rest = read_list[0].length, read_list[1:]
        elif read_list and not read_list[0].position:
            raise _unusable("RDMA_MSG with a Position-Zero Read chunk")
        if rest and boundaries(rest, inline) is None:
            raise _unusable("Read chunks that overlap or lie outside of the message")
        return read_list

    # RDMA READ

    def _fetch(self, call: RdmaCall, view: memoryview, read_list: Sequence[Chunk]) -> None:
        """Bring the contents of all chunks here."""
        stats = self.stats
        if self.endpoint.mapping is not None and self._map(call, read_list):
            self._fetching.add(call)
            self._fetched(call, view, read_list)
            return
        buffers: list[memoryview] = []
        call._buffers = buffers
        self._fetching.add(call)
        try:
            buffers.extend(self._pool.acquire(chunk.length) for chunk in read_list)
        except OSError as error:
            self.endpoint.fail(f"no memory to fetch a call in: {error}")
            return
        requests = []
        for chunk, buffer in zip(read_list, buffers, strict=True):
            for segment, pieces in self._sized(distribute((buffer,), chunk.segments)):
                requests.append(
                    SendWR(_READ, pieces, remote_address=segment.offset, rkey=segment.handle)
                )
            stats.bytes_read += chunk.length
        stats.rdma_reads += len(requests)
        call._reads_left = len(requests)

        def one_done() -> None:
            call._reads_left -= 1
            self._reads_done += 1
            if call._reads_left == 0:
                self._fetched(call, view, read_list)

        for request in requests:
            self.endpoint.post_read(request, one_done)

    def _map(self, call: RdmaCall, read_list: Sequence[Chunk]) -> bool:
        """See the contents where they are, if there is one chunk of one segment.

        It must not be the message itself: that would be looked at more than once, and the caller
        could change it meanwhile.
        """
        mapping = self.endpoint.mapping
        assert mapping is not None
        if len(read_list) != 1 or len(read_list[0].segments) != 1 or not read_list[0].position:
            return False
        handle, length, offset = read_list[0].segments[0]
        view = mapping.map_remote(handle, offset, length, _REMOTE_READ)
        if view is None:
            return False
        call._mapped = (handle,)
        call._contents = (view,)
        self.stats.bytes_read += length
        return True

    def _fetched(self, call: RdmaCall, view: memoryview, read_list: Sequence[Chunk]) -> None:
        self._fetching.remove(call)
        header = call.header
        assert header is not None
        contents = call._contents or call._buffers
        if header.proc == RDMA_MSG:
            inline = view[header.size :]
        else:
            inline, contents, read_list = contents[0], contents[1:], read_list[1:]
            if len(inline) < 8 or XID_AND_DIRECTION.unpack_from(inline) != (call.xid, CALL):
                call.refuse()
                return
        if read_list:
            places = boundaries(read_list, len(inline))
            assert places is not None
            call.decoder = ChunkedDecoder(inline, places, contents)
        else:
            call.decoder = Decoder(inline)
        self._service(call)

    def give_back(self, buffers: Sequence[memoryview]) -> None:
        """Return buffers of a call; those that waited for memory go on."""
        for buffer in buffers:
            self._pool.release(buffer)
        if self._waiting:
            self._go_on()

    def shutdown(self, reason: str) -> None:
        """The connection is gone: forget the calls that the service has not seen yet.

        Those that it has seen are its to answer, which it may do as if nothing had happened. They
        keep the responder, and it keeps no channel that would keep it in turn.
        """
        self.channel = EndedChannel(self.channel, reason)
        self._account.leave(self._go_on)
        self._pool.close()
        calls = [*self._fetching, *(call for call, _, _ in self._waiting)]
        self._fetching.clear()
        self._waiting.clear()
        for call in calls:
            call.drop()

    # RDMA WRITE

    def post_writes(self, writes: Sequence[Write], targets: Sequence[memoryview]) -> None:
        """Post the RDMA WRITEs of a reply, silently: the SEND behind them completes them.

        What is in one of ``targets`` is there already.
        """
        stats = self.stats
        receive_memory = self.endpoint.receive_memory
        for segment, pieces in self._sized(writes):
            placed = bool(targets) and len(pieces) == 1 and _is_in(pieces[0], targets)
            for index, piece in enumerate(pieces):
                if piece.obj is receive_memory:
                    pieces[index] = memoryview(bytes(piece))
            if len(pieces) > self.endpoint.limits.max_sge:
                pieces = [memoryview(b"".join(pieces))]
            stats.rdma_writes += 1
            stats.bytes_written += segment.length
            handle, _, offset = segment
            self.endpoint.post(
                SendWR(_WRITE, pieces, remote_address=offset, rkey=handle, placed=placed)
            )

    def _sized(self, transfers: Iterable[Write]) -> Iterator[Write]:
        """The same transfers, none longer than the device can do, each segment as long as it."""
        largest = self.endpoint.limits.max_message
        for (handle, _, offset), pieces in transfers:
            length = sum(map(len, pieces))
            if length <= largest:
                yield Segment(handle, length, offset), pieces
                continue
            parts = [
                Segment(handle, min(largest, length - start), offset + start)
                for start in range(0, length, largest)
            ]
            yield from distribute(pieces, parts)


def _is_in(piece: memoryview, targets: Sequence[memoryview]) -> bool:
    """Whether ``piece`` is part of one of ``targets``: each of them has an ``obj`` of its own."""
    return any(piece.obj is target.obj for target in targets)


def _total(read_list: Sequence[Chunk]) -> int:
    return sum(chunk.length for chunk in read_list)


def _unusable(complaint: str) -> RpcRdmaError:
    return RpcRdmaError(ERR_CHUNK, complaint)

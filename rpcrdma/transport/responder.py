"""The answering side: takes calls, fetches what they name, sends replies the way they offer.

The life of a call. It arrives in a receive buffer, which stays its own until it is answered. If
it names memory to be read, RDMA READs bring that to buffers of ours; the service sees the call
only when all is there. Its reply is planned against what the caller offered. RDMA WRITEs carry
what goes to the caller's memory, straight from where the service has it, and the SEND behind
them carries the rest; its completion says that all before it has been delivered, too.

The responder exposes no memory to anyone: its queue pair answers neither READ nor WRITE.

Everything a caller can name is bounded before anything is done for it. A header that cannot be
used is answered with ERR_CHUNK, counted by its reason, and logged at debug level; calls beyond the
credits granted end the connection.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from nfsrdma.xdr import Decoder, Encoder

from ..rpc.channel import Channel, EndedChannel, IncomingCall, Lane, Service, lane_of
from ..verbs.types import SendWR, WrOpcode
from .call import RdmaCall
from .chunk import Chunk, ReadList, boundaries, fit
from .credits import CreditGrant
from .endpoint import ReceiveSlot, RpcRdmaEndpoint
from .fetch import Fetch, Fetcher
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
    encode_version_error,
)
from .reduction import Write, reply_header_size

_XID_AND_VERSION = struct.Struct(">2I")
_LARGEST_FRESH: Final = 128 << 10
"""Octets of a result for which new memory is made: for more the service has buffers."""
_LENGTH_WORD: Final = 4
_NOTHING: Final = memoryview(b"")
_WRITE: Final = int(WrOpcode.RDMA_WRITE)

OnRefused = Callable[[RpcRdmaError], None]
"""Gets the reason for which a call was answered with RDMA_ERROR."""


def refuse_all(call: IncomingCall) -> None:
    """Refuse every call: the service of a side that has none."""
    call.refuse()


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
        on_refused: OnRefused,
    ) -> None:
        self.endpoint = endpoint
        self.channel = channel
        self.grant = CreditGrant(ceiling)
        self.stats = endpoint.stats
        self._service = service
        self.lane = lane_of(service)
        self._taken = _NOTHING
        self.declined: int | None = None
        """The XID of a call that the lane has just declined."""
        self._chunks = chunks
        self._on_refused = on_refused
        self._account = channel.account
        self._fetcher = Fetcher(endpoint, channel.account)
        self._waiting: deque[RdmaCall] = deque()
        self._fetching: set[RdmaCall] = set()
        self._going_on = False

    @property
    def may_answer(self) -> bool:
        """Whether a call that comes now may be answered at once: none waits, and there is room."""
        account, grant = self._account, self.grant
        return not (
            self._waiting or account.held >= account.budget.free or grant.in_use >= grant.ceiling
        )

    def look(self) -> None:
        """End the connection if calls are being fetched, and nothing came since the last look."""
        if self._fetcher.stuck():
            self.endpoint.fail("the peer does not answer RDMA READs")

    @property
    def buffered(self) -> int:
        """Octets of memory in use for calls that came in chunks."""
        return self._fetcher.buffered

    # --- Calls ---

    def short_call(self, slot: ReceiveSlot, xid: int, message: memoryview) -> None:
        """Take a call without any chunk."""
        self.stats.calls_received += 1
        if not self.grant.acquire():
            self._overrun()
            return
        account = self._account
        if self._waiting or account.held >= account.budget.free:
            call = RdmaCall(self, slot, xid, None)
            call.fetch = Fetch(None, message, ())
            self._hold_back(call)
            return
        if self.lane is not None and xid != self.declined:
            taken = self._by_lane(self.lane, message)
            if taken:
                self.stats.replies_sent += 1
                self.grant.release()
                # The receive is posted again before the credit for it is granted.
                self.endpoint.repost(slot)
                self._send_taken(xid, taken)
                return
        self.declined = None
        call = RdmaCall(self, slot, xid, None)
        call.decoder = Decoder(message)
        self._service(call)

    def _places(self, header: RpcRdmaHeader) -> bool:
        """Return whether a call has one Write chunk and no other, and may be served now."""
        offered = header.write_list
        return (
            self._chunks
            and not header.read_list
            and header.reply_chunk is None
            and header.proc == RDMA_MSG
            and len(offered) == 1
            and len(offered[0].segments) == 1
            and not self._waiting
            and self._account.may
        )

    def _place(self, lane: Lane, call: RdmaCall, view: memoryview) -> bool:
        """Have a call answered at once whose result goes to the caller's memory, if that can be."""
        header = call.header
        assert header is not None
        room = header.write_list[0].length
        placed: list[memoryview] = []
        fetch = Fetch(header, view, ())

        def place(octets: int) -> memoryview | None:
            if octets > room:
                return None
            target = call.payload_target(0, octets)
            if target is None:
                target = self.lend(fetch, octets)
            if target is not None:
                placed.append(target)
            return target

        inline = call.reply_room
        octets = lane(self.channel, view[header.size :], inline, self._take, place)
        taken, self._taken = self._taken, _NOTHING
        if not octets:
            call.forget_targets()
            self._fetcher.release(fetch)
            return False
        call.fetch = fetch
        message = Encoder()
        message.buffer += taken[SHORT_HEADER_SIZE:-_LENGTH_WORD]
        message.payload(placed[0])
        call.reply(message)
        return True

    def lend(self, fetch: Fetch, octets: int) -> memoryview | None:
        """Return memory for a result, until the call is released; None if there is no room."""
        if octets <= _LARGEST_FRESH:
            return memoryview(bytearray(octets))
        return self._fetcher.lend(fetch, octets)

    def _see(self, lane: Lane, call: RdmaCall, fetch: Fetch) -> bool:
        """Have a call answered at once whose argument has been fetched, if that can be."""
        header, chunks = fetch.header, fetch.read_list
        if (
            header is None
            or header.proc != RDMA_MSG
            or len(chunks) != 1
            or header.write_list
            or header.reply_chunk is not None
        ):
            return False
        message = fetch.message[header.size :]
        if chunks[0].position != len(message):
            return False  # The argument is not the last one.
        room = self.endpoint.send_threshold - SHORT_HEADER_SIZE
        octets = lane(self.channel, message, room, self._take, None, fetch.contents[0])
        taken, self._taken = self._taken, _NOTHING
        if not octets:
            return False
        call.reply_short(taken)
        return True

    def _by_lane(self, lane: Lane, message: memoryview) -> memoryview:
        """Have a call answered at once, if that can be; return what is to be sent, or nothing."""
        room = self.endpoint.send_threshold - SHORT_HEADER_SIZE
        octets = lane(self.channel, message, room, self._take)
        taken, self._taken = self._taken, _NOTHING
        return taken if octets else _NOTHING

    def _send_taken(self, xid: int, taken: memoryview) -> None:
        """Send the reply of a lane as ``RdmaCall.reply`` would."""
        SHORT.pack_into(taken, 0, xid, VERSION, self.grant.offered, RDMA_MSG, 0, 0, 0)
        self.endpoint.send(taken)

    def _take(self, octets: int) -> memoryview:
        """Return memory for the reply of a lane, behind a header."""
        self._taken = memoryview(bytearray(SHORT_HEADER_SIZE + octets))
        return self._taken[SHORT_HEADER_SIZE:]

    def call(self, slot: ReceiveSlot, header: RpcRdmaHeader, view: memoryview) -> None:
        """Take a call with chunks, in a receive buffer with its header."""
        self.stats.calls_received += 1
        if not self.grant.acquire():
            self._overrun()
            return
        call = RdmaCall(self, slot, header.xid, header)
        declined, self.declined = self.declined, None
        if (
            self.lane is not None
            and header.xid != declined
            and self._places(header)
            and self._place(self.lane, call, view)
        ):
            return
        try:
            read_list = self._check(header, view)
        except RpcRdmaError as error:
            self._refuse(call, error)
            return
        call.fetch = fetch = Fetch(header, view, read_list)
        if self._waiting or not self._may_begin(fetch):
            self._hold_back(call)
        else:
            self._begin(call, fetch)

    def malformed(self, slot: ReceiveSlot, view: memoryview, error: RpcRdmaError) -> None:
        """Answer a header of which only the first words can be decoded (RFC 8166, Section 4.5)."""
        xid, version = _XID_AND_VERSION.unpack_from(view)
        self.stats.errors_sent += 1
        self._on_refused(error)
        self.endpoint.repost(slot)
        if error.code == ERR_VERS:
            answer = encode_version_error(xid, version, self.grant.offered)
        else:
            answer = encode_chunk_error(xid, self.grant.offered)
        self.endpoint.send(answer)

    def _refuse(self, call: RdmaCall, error: RpcRdmaError) -> None:
        self._on_refused(error)
        call.refuse()

    def _may_begin(self, fetch: Fetch) -> bool:
        """Tell whether there is memory for one more call of this peer."""
        return self._fetcher.has_room(fetch) if fetch.read_list else self._account.may

    def _begin(self, call: RdmaCall, fetch: Fetch) -> None:
        if fetch.read_list:
            self._fetching.add(call)
            self._fetcher.start(fetch, lambda: self._fetched(call, fetch))
        else:
            self._serve(call, fetch)

    def _fetched(self, call: RdmaCall, fetch: Fetch) -> None:
        self._fetching.remove(call)
        self._serve(call, fetch)

    def _serve(self, call: RdmaCall, fetch: Fetch) -> None:
        """Give a call to the service: its contents are here."""
        if self.lane is not None and self._see(self.lane, call, fetch):
            return
        try:
            call.decoder = fetch.decoder()
        except RpcRdmaError as error:
            self._refuse(call, error)
        else:
            self._service(call)

    def _hold_back(self, call: RdmaCall) -> None:
        """Let a call wait until others have given memory back: no more come than have credits."""
        self._waiting.append(call)
        self._account.wait(self._go_on)

    def _go_on(self) -> None:
        """Begin with calls that waited, as far as there is memory for them now."""
        if self._going_on:
            return  # one of them was answered at once
        self._going_on = True
        try:
            while self._waiting:
                fetch = self._waiting[0].fetch
                assert fetch is not None, "a call that waits has not been answered"
                if not self._may_begin(fetch):
                    break
                self._begin(self._waiting.popleft(), fetch)
        finally:
            self._going_on = False
        if self._waiting:
            self._account.wait(self._go_on)

    def release(self, fetch: Fetch) -> None:
        """Give back the memory of a call; calls that waited for it go on."""
        self._fetcher.release(fetch)
        if self._waiting:
            self._go_on()

    def _overrun(self) -> None:
        self.stats.credit_violations += 1
        self.endpoint.fail("the peer exceeded its credits")

    def _check(self, header: RpcRdmaHeader, view: memoryview) -> Sequence[Chunk]:
        """Return the chunks to read. Raises ``RpcRdmaError`` if the call is unusable."""
        if not self._chunks:
            raise _unusable("chunks in the reverse direction")
        if reply_header_size(header.write_list, header.reply_chunk) > self.endpoint.send_threshold:
            raise _unusable("the reply's header would not fit inline")
        if not header.read_list and header.proc == RDMA_MSG:
            return ()
        read_list = [chunk for chunk in header.read_list if chunk.length]
        if sum(chunk.length for chunk in read_list) > self.endpoint.options.max_call:
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

    # --- RDMA WRITE ---

    def post_writes(self, writes: Sequence[Write], targets: Sequence[memoryview]) -> None:
        """Post the RDMA WRITEs of a reply, unsignaled: the SEND behind them completes them.

        What is in one of ``targets`` is in the caller's memory already.
        """
        stats, limits = self.stats, self.endpoint.limits
        post = self.endpoint.send_queue.post
        for (handle, length, offset), pieces in fit(writes, limits.max_message):
            placed = bool(targets) and len(pieces) == 1 and _is_in(pieces[0], targets)
            gathered = self._gather(pieces, limits.max_sge)
            stats.rdma_writes += 1
            stats.bytes_written += length
            post(SendWR(_WRITE, gathered, remote_address=offset, rkey=handle, placed=placed))

    def _gather(self, pieces: list[memoryview], most: int) -> Sequence[memoryview]:
        """Return a gather list of at most ``most`` pieces, none of them in a receive buffer."""
        if len(pieces) > most:
            self.stats.writes_joined += 1
            return (memoryview(b"".join(pieces)),)
        memory = self.endpoint.receive_memory
        for piece in pieces:
            if piece.obj is memory:
                self.stats.writes_copied += 1
                return [memoryview(bytes(each)) if each.obj is memory else each for each in pieces]
        return pieces

    # --- The end ---

    def shutdown(self, reason: str) -> None:
        """Forget the calls that the service has not seen yet: the connection is gone.

        Those that it has seen are its to answer, which it may do as if nothing had happened. They
        keep the responder, and it keeps no channel that would keep it in turn.
        """
        self.channel = EndedChannel(self.channel, reason)
        self._on_refused = _no_matter
        self._account.leave(self._go_on)
        self._fetcher.close()
        abandoned = [*self._fetching, *self._waiting]
        self._fetching.clear()
        self._waiting.clear()
        for call in abandoned:
            call.drop()


def _is_in(piece: memoryview, targets: Sequence[memoryview]) -> bool:
    """Tell whether ``piece`` is part of one of ``targets``: each has an ``obj`` of its own."""
    return any(piece.obj is target.obj for target in targets)


def _unusable(reason: str) -> RpcRdmaError:
    return RpcRdmaError(ERR_CHUNK, reason)


def _no_matter(error: RpcRdmaError) -> None:
    """Ignore a call of a connection that is gone."""

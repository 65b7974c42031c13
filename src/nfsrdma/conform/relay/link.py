"""One connection of a client, and the one to the server that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from nfsrdma.rpcrdma.rpc.message import peek
from nfsrdma.rpcrdma.task import Task, sleep
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import (
    RDMA_ERROR,
    RDMA_MSG,
    RDMA_NOMSG,
    RpcRdmaHeader,
)
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.rpcrdma.verbs.interfaces import ConnectionRequest
from nfsrdma.rpcrdma.verbs.types import VerbsError, WcStatus
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.rpc import CALL as RPC_CALL

from ..case import Failed
from ..memory import Offer, Piece
from ..peer import Gone, RawPeer, Silence
from ..wire import Message
from .message import CALL, CALLBACK, ERROR, OTHER, REPLY, Cut, Passing, opaque, taken_apart
from .streams import Stream, stream_of

if TYPE_CHECKING:
    from .relay import Relay

_MINE: Final = 8
"""Octets of private data that mean something (RFC 8797, Section 4)."""


@dataclass(slots=True)
class Pending:
    """A call that the server has not answered yet."""

    xid: int
    stream: Stream
    reads: list[tuple[int, Segment]]
    writes: list[list[Segment]]
    """The client's segments, of each Write chunk."""
    reply: list[Segment] | None
    offers: list[Offer] = field(default_factory=list)
    """Our memory for each Write chunk, and for the Reply chunk behind them."""
    pieces: list[Piece] = field(default_factory=list)
    """All of our memory."""
    held: int = 0
    """Octets that are charged for it."""
    handles: dict[int, int] = field(default_factory=dict)
    """Our handles -> the client's."""


class Link:
    """Both connections. What comes on one is changed by the script, and goes out on the other."""

    def __init__(self, relay: Relay, number: int) -> None:
        self.relay = relay
        self.number = number
        """Connections before this one, and 1."""
        self.near: RawPeer
        """The end that the client is connected to."""
        self.far: RawPeer
        """The end that is connected to the server."""
        self.client_data = b""
        """The client's private data."""
        self.server_data = b""
        """The server's, as the client gets them."""
        self.pending: dict[int, Pending] = {}
        self.busy = 0
        """Messages that are on their way."""
        self.up = False
        self.ended = False

    # --- Life ---

    async def open(self, request: ConnectionRequest) -> None:
        """Connect to the server, and then accept the client; or reject it."""
        relay = self.relay
        self.client_data = bytes(request.private_data)
        client = PrivateData.decode(self.client_data)
        self.far = relay.new_far(client.inline_receive, self._from_server, self._far_gone)
        data = self.client_data[:_MINE] if client != PrivateData() else b""
        try:
            await self.far.connect(*relay.server, private_data=data)
        except (Gone, VerbsError) as error:
            relay.script.happened(self, f"the server cannot be reached: {error}")
            self.far.close()
            self.ended = True
            with suppress(VerbsError):
                request.reject()
            return
        self.server_data = relay.script.private_data(self, self.far.theirs[:_MINE])
        server = PrivateData.decode(self.far.theirs)
        self.near = relay.new_near(server.inline_receive, self._from_client, self._near_gone)
        try:
            self.near.accept(request, private_data=self.server_data)
            self.up = True
        except (VerbsError, OSError) as error:
            relay.script.happened(self, f"the client cannot be accepted: {error}")
            self.close("not accepted")

    def _near_gone(self, reason: str) -> None:
        self.close(f"by the client: {reason}")

    def _far_gone(self, reason: str) -> None:
        if self.up:
            self.close(f"by the server: {reason}")

    def close(self, reason: str = "by the relay") -> None:
        """End both connections. Harmless to repeat."""
        if self.ended:
            return
        self.ended = True
        self.relay.script.ended(self, reason)
        for peer in (getattr(self, "near", None), self.far):
            if peer is not None:
                peer.disconnect()
                # Not from inside a callback of the peer's own device.
                self.relay.reactor.call_soon(peer.close)
        self.relay.held -= sum(each.held for each in self.pending.values())
        self.pending.clear()
        self.relay.forget(self)

    # --- From the client ---

    def _from_client(self, message: Message) -> bool:
        self._start(self._call(message))
        return True

    def _from_server(self, message: Message) -> bool:
        self._start(self._reply(message))
        return True

    def _start(self, coroutine: Any) -> None:
        """Carry one message; too many at a time end the connection."""
        if self.ended or self.busy >= self.relay.bounds.messages:
            coroutine.close()
            if not self.ended:
                self.close("by the relay: more messages at once than credits could be for")
            return
        self.busy += 1
        Task(coroutine).add_done_callback(self._carried)

    def _carried(self, task: Any) -> None:
        self.busy -= 1
        error = task.error()
        if error is None:
            return
        if not isinstance(error, (Gone, Silence, VerbsError, Failed)):
            raise error
        self.close(f"by the relay: {error}")

    async def _call(self, message: Message) -> None:
        header, kind = _kind(message, from_client=True)
        number = self.relay.count(kind, True)
        if header is None or kind not in (CALL, CALLBACK):
            passing = opaque(message, from_client=True, number=number, kind=kind)
            self.relay.script.heard(self, passing, Stream(), header)
            await self._onward(passing, self.far)
            return
        passing = taken_apart(message, header, kind=kind, from_client=True, number=number)
        if kind == CALLBACK:
            self.relay.script.heard(self, passing, Stream(), header)
            await self._onward(passing, self.far)
            return
        held = self._charge(header)
        try:
            contents = [await self._fetch(chunk) for chunk in header.read_list]
            if self.ended:
                raise Failed("the connection ended while data were being fetched")
            if len(self.pending) >= self.relay.bounds.calls:
                raise Failed(f"{len(self.pending)} calls without a reply")
        except BaseException:
            self.relay.held -= held
            raise
        stream = stream_of(passing.body, list(header.read_list), contents)
        passing.operations = stream.names
        self.relay.script.heard(self, passing, stream, header)
        pending = self._mirrored(passing, header, contents, stream)
        pending.held = held
        before = self.pending.pop(passing.xid, None)
        if before is not None:
            self._free(before)
        self.pending[passing.xid] = pending
        await self._onward(passing, self.far, pending)

    def _charge(self, header: RpcRdmaHeader) -> int:
        """Charge what the chunks of a call take here. Raises ``Failed`` if that is too much."""
        reply = (header.reply_chunk,) if header.reply_chunk is not None else ()
        lengths = [each.length for each in (*header.read_list, *header.write_list, *reply)]
        if max(lengths, default=0) > self.relay.bounds.chunk:
            raise Failed(f"a chunk of {max(lengths)} octets")
        octets: int = sum(lengths)
        self.relay.hold(octets)
        return octets

    async def _fetch(self, chunk: Chunk) -> bytes:
        """Read a chunk from the client's memory. Raises ``Failed`` if that is refused."""
        parts = []
        for handle, length, offset in chunk.segments:
            if not length:
                continue
            buffer, done = self.near.read(handle, offset, length)
            status = await done
            if status != WcStatus.SUCCESS:
                raise Failed(f"an RDMA READ ended with {WcStatus(status).name}")
            parts.append(bytes(buffer))
        return b"".join(parts)

    def _mirrored(
        self,
        passing: Passing,
        header: RpcRdmaHeader,
        contents: Sequence[bytes],
        stream: Stream,
    ) -> Pending:
        """Put our own memory in the place of the client's."""
        pending = Pending(passing.xid, stream, passing.reads, passing.writes, passing.reply)
        memory = self.far.memory
        before = len(memory.pieces)
        passing.reads = []
        for chunk, content in zip(header.read_list, contents, strict=True):
            ends = [0]
            for each in chunk.segments:
                ends.append(ends[-1] + each.length)
            exposed = memory.expose(content, ends[1:-1])
            passing.reads += [(chunk.position, segment) for segment in exposed]
            for ours, its in zip(exposed, chunk.segments, strict=True):
                pending.handles[ours.handle] = its.handle
        chunks = [*passing.writes, *([passing.reply] if passing.reply is not None else [])]
        for segments in chunks:
            offer = memory.offer(*(each.length for each in segments))
            pending.offers.append(offer)
            for ours, its in zip(offer.segments, segments, strict=True):
                pending.handles[ours.handle] = its.handle
        passing.writes = [offer.segments for offer in pending.offers[: len(passing.writes)]]
        if passing.reply is not None:
            passing.reply = pending.offers[-1].segments
        pending.pieces = memory.pieces[before:]
        return pending

    # --- From the server ---

    async def _reply(self, message: Message) -> None:
        header, kind = _kind(message, from_client=False)
        number = self.relay.count(kind, False)
        pending = self.pending.get(message.xid) if kind in (REPLY, ERROR) else None
        if header is None or kind in (OTHER, ERROR):
            passing = opaque(message, from_client=False, number=number, kind=kind)
        else:
            passing = taken_apart(message, header, kind=kind, from_client=False, number=number)
        if pending is not None:
            passing.operations = pending.stream.names
            if kind == REPLY:
                self._returned(passing, pending)
            if message.invalidated is not None:
                passing.invalidate = pending.handles.get(message.invalidated, message.invalidated)
            self._release(pending)
        await self._onward(passing, self.near, pending)

    def _returned(self, passing: Passing, pending: Pending) -> None:
        """Put the client's memory in the place of ours, and fetch what the server has placed."""
        back = [*passing.writes, *([passing.reply] if passing.reply is not None else [])]
        asked = [*pending.writes, *([pending.reply] if pending.reply is not None else [])]
        offers = list(pending.offers)
        if passing.reply is not None and pending.reply is None:
            asked.append([])
        chunks = []
        for returned, its, offer in zip_longest(back, asked, offers):
            if returned is None:
                break
            made = []
            for number, segment in enumerate(returned):
                known = its is not None and offer is not None and number < len(its)
                if not known:
                    made.append(segment)
                    continue
                length = min(segment.length, its[number].length)
                made.append(Segment(its[number].handle, segment.length, its[number].offset))
                if length:
                    octets = offer.pieces[number].octets[:length]
                    passing.placed.append((made[-1]._replace(length=length), octets))
            chunks.append(made)
        if passing.reply is not None:
            passing.reply = chunks.pop()
        passing.writes = chunks

    def _release(self, pending: Pending) -> None:
        """Free the memory of a call that was answered."""
        if self.pending.get(pending.xid) is pending:
            del self.pending[pending.xid]
            self._free(pending)

    def _free(self, pending: Pending) -> None:
        for piece in pending.pieces:
            try:
                piece.check()
            except Failed as error:
                self.relay.script.happened(self, f"by the server, {error}")
        self.relay.held -= pending.held
        self.far.memory.free(pending.pieces)

    # --- Onward ---

    async def _onward(
        self, passing: Passing, peer: RawPeer, pending: Pending | None = None
    ) -> None:
        """Have the script change a message, and do with it what that has decided."""
        script = self.relay.script
        await script.passes(self, passing, pending)
        if passing.delay_s:
            await sleep(self.relay.reactor, passing.delay_s)
        if self.ended:
            return
        if passing.cut is Cut.BEFORE:
            self.close("by the script, before a message")
            return
        if passing.dropped:
            script.passed(self, passing, pending, arrived=False)
            return
        placed = passing.placed
        if passing.cut is Cut.PLACING:
            placed = placed[: (len(placed) + 1) // 2]
        for segment, octets in placed:
            if octets and passing.cut is Cut.PLACING:
                octets = octets[: len(octets) // 2 + 1]
            peer.write(segment.handle, segment.offset, octets)
        if passing.cut in (Cut.PLACING, Cut.PLACED):
            # What was posted is to arrive: a good-bye would flush it.
            await sleep(self.relay.reactor, self.relay.bounds.linger_s)
            self.close(f"by the script, before a Send, data {passing.cut.value}")
            return
        octets = passing.octets()
        script.passed(self, passing, pending, arrived=True)
        for _ in range(passing.copies):
            peer.send(octets, invalidate=passing.invalidate)
        if passing.cut is Cut.AFTER:
            await sleep(self.relay.reactor, self.relay.bounds.linger_s)
            self.close("by the script, after a message")


def _kind(message: Message, *, from_client: bool) -> tuple[RpcRdmaHeader | None, str]:
    """Return the header of a message, or None, and what the message is."""
    try:
        header = message.header()
    except Failed:
        return None, OTHER
    if header.proc == RDMA_ERROR:
        return header, ERROR
    if header.proc == RDMA_NOMSG:
        return header, CALL if from_client else REPLY
    if header.proc != RDMA_MSG:
        return header, OTHER
    try:
        _, direction = peek(message.octets[header.size :])
    except XdrError:
        if from_client and header.read_list and header.read_list[0].position == 0:
            return header, CALL
        return header, OTHER
    if direction == RPC_CALL:
        return header, CALL if from_client else CALLBACK
    return header, CALLBACK if from_client else REPLY

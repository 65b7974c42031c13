"""One RPC as rows: what the list shows of it, and below it what its ladder and its maps need."""

from __future__ import annotations

from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.psn import wrap

from ...base.extent import Extent
from ...fields import summary
from ...messages.rpcrdma import Segment, TransportHeader
from ...tracking.model import Chunk, Exchange, Message, RdmaOp
from ..chunks import file_offset
from ..latency.latency import main_operation, marks
from .tables import Strings, Table

MAX_PIECES = 500_000
"""Stretches of packets that are told apart; beyond, operations are shown as a whole."""
MAX_OPS = 1_000_000
MAX_SEGMENTS = 1_000_000
MAX_TEXT = 512

_RPC = (
    "number", "connection", "back", "operation", "text", "path", "status", "protocol", "xid",
    "time", "latency", "ack", "data", "last", "confirm", "call", "call_first", "call_ack", "reply",
    "reply_first", "reply_ack", "call_psn", "reply_psn", "call_size", "call_packets", "reply_size",
    "reply_packets", "call_form", "reply_form", "asked", "granted", "depth", "moved", "invalidated",
    "ops", "op_count", "chunks", "chunk_count", "place",
    "call_block", "call_at", "call_have", "call_send",
    "reply_block", "reply_at", "reply_have", "reply_send",
)  # fmt: skip
_OP = (
    "kind", "time", "data", "last", "length", "handle", "high", "low", "frame", "last_frame",
    "packets", "resent", "retries", "pieces", "piece_count",
)  # fmt: skip
_PIECE = ("at", "size", "packets", "frame")
_CHUNK = ("kind", "position", "offered", "used", "file", "segments", "segment_count")
_SEGMENT = ("handle", "high", "low", "length", "used")

NOTHING = -1
KINDS = ("read", "write", "reply")


class PageRow(NamedTuple):
    """What of a row becomes known later: the acknowledgements of its messages."""

    place: int
    call: Message | None
    reply: Message | None


class Rows:
    """The tables of all RPCs. Times of an RPC are nanoseconds after its call; -1 is not known."""

    def __init__(self, strings: Strings) -> None:
        self.strings = strings
        self.rpcs = Table(_RPC, ("number", "time", "call", "ops", "chunks"))
        self.ops = Table(_OP, ("frame", "pieces"))
        self.pieces = Table(_PIECE, ("frame",))
        self.chunks = Table(_CHUNK, ("segments",))
        self.segments = Table(_SEGMENT, ("low",))
        self.shortened = False
        """Whether something of an RPC was left out, for there was too much of it."""

    def add(self, exchange: Exchange, depth: int, octets: tuple[int, ...]) -> PageRow:
        """Add everything of an exchange; ``octets`` is where those of its messages are."""
        call, reply = exchange.call, exchange.reply
        start = call.first_time_ns if call is not None else exchange.time_ns
        mark = marks(exchange)
        ops, chunks = len(self.ops), len(self.chunks)
        shown = self._operations(exchange, start)
        self._chunks(exchange)
        connection = exchange.requester.connection
        text = summary.operations(exchange)[:MAX_TEXT]
        moved = sum(op.length for op in exchange.operations)
        invalidated = reply.invalidated if reply is not None else None
        index = self.rpcs.add(
            exchange.number,
            connection.number,
            int(exchange.requester is connection.second),
            self.strings.add(main_operation(exchange)),
            self.strings.add(text),
            self.strings.add(summary.path(exchange)[:MAX_TEXT]),
            self.strings.add(summary.status(exchange)),
            self.strings.add(summary.protocol(exchange)),
            exchange.xid,
            start,
            mark.reply - mark.call if mark is not None else NOTHING,
            _after(start, call.ack_time_ns if call is not None else 0),
            _after(start, mark.first_data if mark is not None else 0),
            _after(start, mark.last_data if mark is not None else 0),
            NOTHING,
            *_frames(call),
            *_frames(reply),
            _psn(call),
            _psn(reply),
            *_size(call),
            *_size(reply),
            _form(exchange.call_header),
            _form(exchange.reply_header),
            _credits(exchange.call_header),
            _credits(exchange.reply_header),
            depth,
            moved,
            NOTHING if invalidated is None else invalidated,
            ops,
            shown,
            chunks,
            len(self.chunks) - chunks,
            len(self.rpcs),
            *octets,
        )
        return PageRow(index, call, reply)

    def confirmed(self, row: PageRow) -> None:
        """Add the acknowledgements of a row's messages, as far as they are known by now."""
        rpcs, index = self.rpcs, row.place
        start = rpcs.column("time")[index]
        for message, times, frames in (
            (row.call, "ack", "call_ack"),
            (row.reply, "confirm", "reply_ack"),
        ):
            if message is not None and message.ack_time_ns:
                rpcs.column(times)[index] = _after(start, message.ack_time_ns)
                rpcs.column(frames)[index] = message.ack_frame

    def _operations(self, exchange: Exchange, start: int) -> int:
        room = MAX_OPS - len(self.ops)
        shown = exchange.operations[:room]
        self.shortened = self.shortened or len(shown) < len(exchange.operations)
        for op in shown:
            pieces = self._pieces(op)
            self.ops.add(
                int(op.kind),
                op.time_ns - start,
                op.first_data_time_ns - start if op.first_data_time_ns is not None else NOTHING,
                op.last_time_ns - start,
                op.length,
                op.handle,
                op.address >> 32,
                op.address & 0xFFFFFFFF,
                op.frame,
                op.last_frame,
                op.packets,
                op.resent,
                len(op.retries),
                len(self.pieces) - pieces,
                pieces,
            )
        return len(shown)

    def _pieces(self, op: RdmaOp) -> int:
        """Add which packets carried which addresses, as ``at`` from the operation's first one."""
        pieces = joined(op.extents)
        if len(self.pieces) + len(pieces) > MAX_PIECES:
            self.shortened = True
            return 0
        for one in pieces:
            self.pieces.add(one.address - op.address, one.size, one.packets, one.frame)
        return len(pieces)

    def _chunks(self, exchange: Exchange) -> None:
        for chunk in exchange.chunks:
            room = MAX_SEGMENTS - len(self.segments)
            offered = chunk.offered[:room]
            self.shortened = self.shortened or len(offered) < len(chunk.offered)
            at = file_offset(exchange, chunk)
            self.chunks.add(
                KINDS.index(chunk.kind),
                chunk.position,
                chunk.offered_octets,
                chunk.used_octets,
                NOTHING if at is None else at,
                len(self.segments),
                len(offered),
            )
            self._segments(chunk, offered)

    def _segments(self, chunk: Chunk, offered: list[Segment]) -> None:
        for index, one in enumerate(offered):
            used = chunk.used[index].length if index < len(chunk.used) else 0
            self.segments.add(
                one.handle, one.offset >> 32, one.offset & 0xFFFFFFFF, one.length, used
            )


def joined(extents: list[Extent]) -> list[Extent]:
    """Return extents, those whose packets, frames and addresses follow each other as one."""
    found: list[Extent] = []
    for extent in extents:
        last = found[-1] if found else None
        if (
            last is not None
            and last.size == extent.size
            and last.end == extent.address
            and last.frame + last.packets == extent.frame
        ):
            found[-1] = last._replace(packets=last.packets + extent.packets)
        else:
            found.append(extent)
    return found


def _after(start: int, time: int) -> int:
    return time - start if time else NOTHING


def _frames(message: Message | None) -> tuple[int, int, int]:
    if message is None:
        return 0, 0, 0
    return message.frame, message.first_frame, message.ack_frame


def _psn(message: Message | None) -> int:
    return wrap(message.end - 1) if message is not None and message.end else NOTHING


def _size(message: Message | None) -> tuple[int, int]:
    return (0, 0) if message is None else (message.length, message.packets)


def _form(header: TransportHeader | None) -> int:
    return NOTHING if header is None else header.proc


def _credits(header: TransportHeader | None) -> int:
    return NOTHING if header is None else header.credits

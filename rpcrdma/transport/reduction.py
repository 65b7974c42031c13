"""Plans: what moves inline, in chunks, or as a long message (RFC 8166, Sections 3.4 and 3.5).

Pure functions from sizes to plans: nothing is registered or posted here. A plan's *parts* are
the octets that follow the header, or that a long message consists of, as a gather list.

How a requester chooses:

* The reply. Small enough to come inline whatever happens: no chunks. Else a Write chunk per
  sink, and if what remains can still be too long, a Reply chunk as well. Both together are legal
  but rare in practice, so small sinks do without when a Reply chunk is needed anyway.
* The call. Small enough: all inline, payloads pulled up. Else the largest payloads move to Read
  chunks, as many as the peer is trusted to take. If the rest is still too long, or the payloads
  too many, the whole *unreduced* message becomes a Position-Zero Read chunk of several segments,
  payloads still in place: no peer has been seen to send such a chunk together with others, and
  some do not take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nfsrdma.xdr import Encoder, round_up
from nfsrdma.xdr.codec import Payload

from .chunk import ReplyChunk, Segment, WriteList, distribute, filled
from .header import (
    ONE_CHUNK_SIZE,
    READ_SEGMENT_SIZE,
    SEGMENT_SIZE,
    SHORT_HEADER_SIZE,
    header_size,
)

_PADS = tuple(memoryview(bytes(count)) for count in range(4))

JOIN_LIMIT = 1024
"""Pieces of a long call up to this many octets are copied together rather than registered."""


@dataclass(frozen=True, slots=True)
class Room:
    """The limits of what a requester may use; thresholds and lengths are octets."""

    call: int
    """The inline threshold for calls, header included."""
    reply: int
    """The inline threshold for replies, header included."""
    max_read_chunks: int = 1
    max_write_chunks: int = 1
    max_segments: int = 16
    """Segments in one list."""
    max_segment_length: int = 1 << 30
    reduce_long_calls: bool = False
    """Whether payloads leave long calls, too (a Position-Zero chunk beside other Read chunks)."""


class CallPlan:
    """How a call travels; each view in ``read`` and ``sinks`` becomes a segment."""

    __slots__ = ("inline", "long", "read", "reply_size", "sinks")

    def __init__(
        self,
        inline: list[bytes | bytearray | memoryview],
        long: bool,
        read: list[tuple[int, list[memoryview]]],
        sinks: list[list[memoryview]],
        reply_size: int,
    ) -> None:
        self.inline = inline
        """What follows the header; nothing if ``long``."""
        self.long = long
        self.read = read
        """For each Read chunk its Position and its memory, a segment each."""
        self.sinks = sinks
        """For each Write chunk its memory, a segment each."""
        self.reply_size = reply_size
        """The octets that the Reply chunk must have; 0 for none."""


def plan_call(
    message: Encoder, max_reply: int, sinks: Sequence[memoryview], room: Room
) -> CallPlan:
    """Decide how ``message`` goes, and how its reply may come back.

    Raises ``ValueError`` when no header for it fits the thresholds.
    """
    if len(sinks) + len(message.payloads) == 1:
        plan = _plan_one(message, max_reply, sinks, room)
        if plan is not None:
            return plan
    offered, reply_size = _plan_results(max_reply, sinks, room)
    cut_sinks = [list(_cut(sink, room, len(offered))) for sink in offered]
    reply_segments = len(_lengths(reply_size, room, 1)) if reply_size else None
    header = header_size(0, [len(pieces) for pieces in cut_sinks], reply_segments)

    free = room.call - header
    length = message.tell()
    if length <= free:
        return CallPlan(list(message.parts()), False, [], cut_sinks, reply_size)

    chosen, length = _choose_payloads(message.payloads, length, free, room)
    read = [(payload.position, list(_cut(payload.data, room, len(chosen)))) for payload in chosen]
    free -= READ_SEGMENT_SIZE * sum(len(pieces) for _, pieces in read)
    if length <= free:
        return CallPlan(list(reduced_parts(message, chosen)), False, read, cut_sinks, reply_size)

    if not room.reduce_long_calls:
        chosen, read = [], []
    pieces = _merged(reduced_parts(message, chosen), room)
    read.insert(0, (0, pieces))
    header += READ_SEGMENT_SIZE * sum(len(pieces) for _, pieces in read)
    if header > room.call:
        raise ValueError(f"a header of {header} octets for a threshold of {room.call}")
    return CallPlan([], True, read, cut_sinks, reply_size)


def _plan_one(
    message: Encoder, max_reply: int, sinks: Sequence[memoryview], room: Room
) -> CallPlan | None:
    """Plan a READ or a WRITE whose data takes one segment; None for any other call."""
    data = sinks[0] if sinks else message.payloads[0].data
    size = round_up(len(data))
    if len(data) > room.max_segment_length:
        return None
    free = room.call - ONE_CHUNK_SIZE
    if sinks:
        fits = max_reply + ONE_CHUNK_SIZE <= room.reply < max_reply + size + SHORT_HEADER_SIZE
        if not fits or message.tell() > free or not (size and room.max_write_chunks):
            return None
        return CallPlan([message.buffer], False, [], [[data]], 0)
    fits = message.tell() - size <= free < message.tell() - (ONE_CHUNK_SIZE - SHORT_HEADER_SIZE)
    if not fits or max_reply + SHORT_HEADER_SIZE > room.reply or not room.max_read_chunks:
        return None
    payload = message.payloads[0]
    inline: list[bytes | bytearray | memoryview] = list(reduced_parts(message, (payload,)))
    return CallPlan(inline, False, [(payload.position, [data])], [], 0)


def _plan_results(
    max_reply: int, sinks: Sequence[memoryview], room: Room
) -> tuple[Sequence[memoryview], int]:
    """Return the sinks to offer as Write chunks, and the size of the Reply chunk."""
    in_sinks = sum(round_up(len(sink)) for sink in sinks)
    whole = max_reply + in_sinks
    if whole + SHORT_HEADER_SIZE <= room.reply:
        return (), 0
    offered = sinks[: room.max_write_chunks]
    while offered and not len(offered[-1]):
        offered = offered[:-1]  # empty chunks matter only in front of others
    if offered:
        rest = whole - sum(round_up(len(sink)) for sink in offered)
        counts = [len(_lengths(len(sink), room, len(offered))) for sink in offered]
        if rest + header_size(0, counts, None) <= room.reply:
            return offered, 0
        if in_sinks > room.reply:
            return offered, rest
    return (), whole


def _choose_payloads(
    payloads: Sequence[Payload], length: int, free: int, room: Room
) -> tuple[list[Payload], int]:
    """Return the payloads to take out, largest first, until the rest fits, and its length."""
    chosen: list[Payload] = []
    by_size = sorted(payloads, key=lambda payload: len(payload.data), reverse=True)
    for payload in by_size[: room.max_read_chunks]:
        if length + READ_SEGMENT_SIZE * len(chosen) <= free or not len(payload.data):
            break
        chosen.append(payload)
        length -= round_up(len(payload.data))
    chosen.sort(key=lambda payload: payload.position)
    return chosen, length


def _lengths(size: int, room: Room, chunks: int) -> list[int]:
    """Return the lengths of the segments that ``size`` octets are registered as."""
    if not size:
        return []
    count = -(-size // room.max_segment_length)
    count = min(count, max(1, room.max_segments // chunks))
    each = -(-size // count)
    return [min(each, size - start) for start in range(0, size, each)]


def _cut(view: memoryview, room: Room, chunks: int) -> Iterator[memoryview]:
    start = 0
    for length in _lengths(len(view), room, chunks):
        yield view[start : start + length]
        start += length


def reduced_parts(message: Encoder, left_out: Sequence[Payload]) -> Iterator[memoryview]:
    """Yield the stream without the payloads in ``left_out`` and their pads, as a gather list."""
    view = memoryview(message.buffer)
    start = 0
    for payload in message.payloads:
        if not len(payload.data) or any(payload is one for one in left_out):
            continue
        if payload.offset > start:
            yield view[start : payload.offset]
        start = payload.offset
        yield payload.data
        if len(payload.data) & 3:
            yield _PADS[-len(payload.data) & 3]
    if start < len(view):
        yield view[start:]


def _merged(parts: Iterator[memoryview], room: Room) -> list[memoryview]:
    """Return the same octets in few pieces: small neighbors are joined by a copy."""
    pieces: list[memoryview] = []
    small: list[memoryview] = []
    for part in parts:
        if len(part) <= JOIN_LIMIT:
            small.append(part)
            continue
        if small:
            pieces.append(_joined(small))
            small = []
        pieces.append(part)
    if small:
        pieces.append(_joined(small))
    if len(pieces) > room.max_segments:
        pieces = [_joined(pieces)]
    return [cut for piece in pieces for cut in _cut(piece, room, len(pieces))]


def _joined(parts: list[memoryview]) -> memoryview:
    return parts[0] if len(parts) == 1 else memoryview(bytearray().join(parts))


Write = tuple[Segment, list[memoryview]]
"""One RDMA WRITE: the segment to write to, and the pieces to write."""


class ReplyPlan:
    """How a reply travels."""

    __slots__ = ("inline", "reply_chunk", "write_list", "writes")

    def __init__(
        self,
        inline: list[memoryview],
        writes: list[Write],
        write_list: WriteList,
        reply_chunk: ReplyChunk | None,
    ) -> None:
        self.inline = inline
        """What follows the header; nothing if the reply is in the Reply chunk (RDMA_NOMSG)."""
        self.writes = writes
        self.write_list = write_list
        """The chunks with the lengths that were written."""
        self.reply_chunk = reply_chunk

    @property
    def long(self) -> bool:
        """Whether the reply itself is in the Reply chunk."""
        return not self.inline


def plan_reply(
    message: Encoder, write_list: WriteList, reply_chunk: ReplyChunk | None, threshold: int
) -> ReplyPlan | None:
    """Decide how ``message`` goes back, or ``None`` if what was offered does not suffice.

    The n-th payload belongs to the n-th Write chunk. It must go there if both have any octets
    (RFC 8166, Section 4.3.2); its pad is not written (Section 3.4.6.2). A chunk whose segments have
    no octets is treated as one without segments, because ``payload_room`` said so when the call
    was executed: an error now would hide that it was (Section 4.5.3). The rest is sent inline if it
    fits, else written to the Reply chunk. Both kinds of chunks go back with as many segments as
    they came with, each with the number of octets written to it.
    """
    if len(write_list) == 1 and len(message.payloads) == 1 and reply_chunk is None:
        chunk, data = write_list[0], message.payloads[0].data
        size = len(data)
        fits = message.tell() - round_up(size) <= threshold - ONE_CHUNK_SIZE
        if len(chunk.segments) == 1 and 0 < size <= chunk.length and fits:
            writes = [(chunk.segments[0], [data])]
            return ReplyPlan([memoryview(message.buffer)], writes, (filled(chunk, size),), None)
    writes = []
    returned = []
    moved = []
    for chunk, payload in zip(write_list, message.payloads, strict=False):
        size = len(payload.data)
        if not size or not chunk.length:
            returned.append(filled(chunk, 0))
            continue
        if size > chunk.length:
            return None
        moved.append(payload)
        returned.append(filled(chunk, size))
        writes.extend(distribute((payload.data,), chunk.segments))
    returned.extend(filled(chunk, 0) for chunk in write_list[len(returned) :])

    size = message.tell() - sum(round_up(len(payload.data)) for payload in moved)
    parts = reduced_parts(message, moved)
    if size <= threshold - reply_header_size(write_list, reply_chunk):
        unused = filled(reply_chunk, 0) if reply_chunk is not None else None
        return ReplyPlan(list(parts), writes, returned, unused)
    if reply_chunk is None or size > reply_chunk.length:
        return None
    writes.extend(distribute(parts, reply_chunk.segments))
    return ReplyPlan([], writes, returned, filled(reply_chunk, size))


def reply_header_size(write_list: WriteList, reply_chunk: ReplyChunk | None) -> int:
    """Return the octets of the header of a reply to a call with these chunks."""
    size = SHORT_HEADER_SIZE
    for chunk in write_list:
        size += 8 + SEGMENT_SIZE * len(chunk.segments)
    if reply_chunk is not None:
        size += 4 + SEGMENT_SIZE * len(reply_chunk.segments)
    return size

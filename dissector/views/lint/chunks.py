"""The chunks of one exchange: where items were moved from, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nfsrdma.xdr import round_up
from nfsrdma.xdr.nfs4.types import OP_CREATE, OP_READ, OP_READLINK, OP_WRITE
from nfsrdma.xdr.runtime import Struct as XdrStruct
from nfsrdma.xdr.runtime import Union as XdrUnion

from ...base.finding import Finding
from ...messages.decoder import Placed
from ...messages.procedures import NFS2, READ2, READ3, READLINK3, SYMLINK3, WRITE2, WRITE3
from ...messages.rpcrdma import CUT, NOMSG, Segment, TransportHeader
from ...tracking.kinds import OpKind
from ...tracking.model import Chunk, Exchange, Message
from .rules import found

_ELIGIBLE_ARGUMENTS = frozenset((OP_WRITE, OP_CREATE, WRITE3, SYMLINK3, WRITE2, NFS2 + 13))
_ELIGIBLE_RESULTS = frozenset((OP_READ, OP_READLINK, READ3, READLINK3, READ2, NFS2 + 5))


def check_chunks(exchange: Exchange, complete: bool) -> Iterator[Finding]:
    """Give what is wrong with an exchange's chunks.

    ``complete`` says that the capture has all packets of its connection.
    """
    call, reply = exchange.call, exchange.reply
    head, back = exchange.call_header, exchange.reply_header
    if call is not None and head is not None and not head.fault:
        yield from _call_items(exchange, call, head)
    if reply is None or back is None or back.fault == CUT or exchange.error is not None:
        return
    used = [chunk for chunk in back.writes if any(segment.length for segment in chunk)]
    if used and any(segment.length for segment in back.reply or ()):
        yield found(
            reply.frame, "chunk-both",
            f"{len(used)} Write chunks and the Reply chunk were used", _write_list(back),
        )  # fmt: skip
    yield from _result_items(exchange, reply, back, bool(used))
    if head is not None and not head.fault:
        mismatch = list(_returned(reply, head, back))
        yield from mismatch
        if not mismatch:
            yield from _written(exchange, reply, complete)


# --- Calls ---


def _call_items(exchange: Exchange, call: Message, header: TransportHeader) -> Iterator[Finding]:
    moved = [chunk for chunk in exchange.chunks_of("read") if chunk.position]
    if not moved:
        return
    rpc = exchange.call_rpc
    if rpc is not None and rpc.wrapped:
        yield found(
            call.frame, "gss-ddp", f"{len(moved)} Read chunks with protected arguments",
            _read_list(header),
        )  # fmt: skip
        return
    misplaced = list(_positions(exchange, call, header, moved))
    yield from misplaced
    body = exchange.call_body
    if misplaced or body is None or not body.open:
        return
    if not call.content.complete or len(body.operations) < body.total:
        return
    may = frozenset() if body.callback else _ELIGIBLE_ARGUMENTS
    placed = [item for number, item in _placed(body.operations) if number in may]
    for item in placed:
        if item.chunk.length == round_up(item.size) != item.size:
            yield found(
                call.frame, "pad-read",
                f"{item.chunk.length} octets for an item of {item.size}", _read_list(header),
            )  # fmt: skip
    for chunk in moved:
        if not any(item.chunk is chunk for item in placed):
            yield found(
                call.frame, "chunk-ineligible",
                f"the {chunk.length} octets at Position {chunk.position} are no data of WRITE and "
                "no target of a symbolic link", _read_list(header),
            )  # fmt: skip


def _positions(
    exchange: Exchange, call: Message, header: TransportHeader, moved: list[Chunk]
) -> Iterator[Finding]:
    """Read chunks that cannot be where they say."""
    inline = call.length - header.size
    if header.proc == NOMSG:
        inline = sum(c.length for c in exchange.chunks_of("read") if not c.position)
    left_out = end = 0
    for chunk in moved:
        position = chunk.position
        where = _entry(header, position)
        if position % 4:
            yield found(call.frame, "position-misaligned", f"Position {position}", where)
        elif position < end:
            yield found(
                call.frame, "position-overlap",
                f"Position {position}, but the chunk before it ends at {end}", where,
            )  # fmt: skip
        elif position > inline + left_out:
            yield found(
                call.frame, "position-range",
                f"Position {position} in a message of {inline + left_out} octets", where,
            )  # fmt: skip
        left_out += round_up(chunk.length)
        end = position + round_up(chunk.length)


def _placed(operations: list[Any]) -> Iterator[tuple[int, Placed]]:
    """Give what was moved to chunks, with the operation that it belongs to."""
    for number, value in operations:
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, Placed):
                if item.moved:
                    yield number, item
            elif isinstance(item, list):
                stack += item
            elif isinstance(item, XdrStruct | XdrUnion):
                stack += [getattr(item, name) for name in item.__slots__ if hasattr(item, name)]


# --- Replies ---


def _result_items(
    exchange: Exchange, reply: Message, header: TransportHeader, used: bool
) -> Iterator[Finding]:
    if not used:
        return
    rpc, body = exchange.call_rpc, exchange.reply_body
    if rpc is not None and rpc.wrapped:
        yield found(
            reply.frame, "gss-ddp", "a Write chunk with protected results", _write_list(header)
        )
        return
    if body is None or not body.open:
        return
    for _, item in _placed(body.operations):
        if item.chunk.length == round_up(item.size) != item.size:
            yield found(
                reply.frame, "pad-written",
                f"{item.chunk.length} octets written for a result of {item.size}",
                _write_list(header),
            )  # fmt: skip
    call = exchange.call_body
    asked = call if call is not None and call.operations else body
    eligible = not body.callback and any(op.number in _ELIGIBLE_RESULTS for op in asked.operations)
    if not eligible and 0 < len(asked.operations) == asked.total:
        yield found(
            reply.frame, "chunk-ineligible",
            f"Write chunks were used for {', '.join(asked.names())}, which have no eligible "
            "results", _write_list(header),
        )  # fmt: skip


def _returned(reply: Message, head: TransportHeader, back: TransportHeader) -> Iterator[Finding]:
    """Check the chunks of a reply against those of its call."""
    where = _write_list(back)
    if len(back.writes) != len(head.writes) and (back.writes or not _failed(back)):
        text = f"{len(back.writes)} Write chunks came back of {len(head.writes)}"
        yield found(reply.frame, "chunk-mismatch", text, where)
        return
    for index, (offered, returned) in enumerate(zip(head.writes, back.writes, strict=False)):
        yield from _same(reply, f"Write chunk {index}", offered, returned, where)
    if back.reply is not None:
        where = (where[1], back.size)
        if head.reply is None:
            yield found(
                reply.frame, "chunk-mismatch", "a Reply chunk that the call did not offer", where
            )
        else:
            yield from _same(reply, "Reply chunk", head.reply, back.reply, where)


def _failed(back: TransportHeader) -> bool:
    """Return whether a reply without chunks may be: what refuses a call may return none."""
    return not back.writes and back.proc != NOMSG


def _same(
    reply: Message, name: str, offered: list[Segment], returned: list[Segment],
    where: tuple[int, int],
) -> Iterator[Finding]:  # fmt: skip
    if len(offered) != len(returned):
        yield found(
            reply.frame, "chunk-mismatch",
            f"the {name} came back with {len(returned)} segments of {len(offered)}", where,
        )  # fmt: skip
        return
    short = False
    for index, (mine, theirs) in enumerate(zip(offered, returned, strict=True)):
        if (mine.handle, mine.offset) != (theirs.handle, theirs.offset):
            yield found(
                reply.frame, "chunk-mismatch",
                f"segment {index} of the {name} is {theirs.handle:#010x} at {theirs.offset:#x}, "
                f"and was {mine.handle:#010x} at {mine.offset:#x}", where,
            )  # fmt: skip
        elif theirs.length > mine.length:
            yield found(
                reply.frame, "chunk-mismatch",
                f"segment {index} of the {name} has {theirs.length} octets, of {mine.length}",
                where,
            )  # fmt: skip
        elif short and theirs.length:
            yield found(
                reply.frame, "chunk-fill",
                f"segment {index} of the {name} is used, and one before it is not full", where,
            )  # fmt: skip
        short = short or theirs.length < mine.length


def _written(exchange: Exchange, reply: Message, complete: bool) -> Iterator[Finding]:
    """Check what was written to each segment against the length that came back."""
    for chunk in exchange.chunks:
        if chunk.kind == "read":
            continue
        claimed = written = pad = 0
        for offered, used in zip(chunk.offered, chunk.used, strict=True):
            reach = [
                min(op.address + op.length, offered.offset + offered.length) - offered.offset
                for op in chunk.operations
                if op.kind == OpKind.WRITE
                and op.handle == offered.handle
                and offered.offset <= op.address < offered.offset + offered.length
                and op.sequence <= reply.sequence
            ]
            claimed += used.length
            written += max(reach, default=0)
            pad = round_up(used.length) - used.length or pad
        name = f"the {chunk.kind} chunk {chunk.position}"
        if written > claimed and _answered(exchange):
            rule = "pad-written" if written - claimed <= pad else "chunk-excess"
            yield found(
                reply.frame, rule, f"{written} octets were written to {name}, {claimed} returned"
            )
        elif written < claimed and complete:
            yield found(
                reply.frame, "chunk-unwritten",
                f"{written} octets were written to {name}, {claimed} returned",
            )  # fmt: skip


def _answered(exchange: Exchange) -> bool:
    """Return whether the call succeeded: of one that failed midway the chunks do not count."""
    body = exchange.reply_body
    return body is not None and body.status == 0


# --- Places in headers ---


def _read_list(header: TransportHeader) -> tuple[int, int]:
    return 16, 20 + 24 * len(header.reads)


def _entry(header: TransportHeader, position: int) -> tuple[int, int]:
    """Return the place of the first Position word of a Read chunk."""
    index = next(i for i, entry in enumerate(header.reads) if entry.position == position)
    return 20 + 24 * index, 24 + 24 * index


def _write_list(header: TransportHeader) -> tuple[int, int]:
    start = 20 + 24 * len(header.reads)
    return start, start + 4 + sum(8 + 16 * len(chunk) for chunk in header.writes)

"""The chunks of an exchange, out of its headers and its RDMA operations."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ..base.extent import merged
from ..messages.rpcrdma import CUT, Segment, TransportHeader
from .kinds import OpKind
from .model import Chunk, Exchange, RdmaOp


def as_far_as_seen(header: TransportHeader | None) -> TransportHeader | None:
    """Return a header whose lists are true as far as they go, even if it is cut; or ``None``."""
    return None if header is None or header.fault not in ("", CUT) else header


def build_chunks(exchange: Exchange) -> list[Chunk]:
    """Return the chunks of an exchange, from its headers and operations.

    Of a header that is cut those are known that stand before the cut, and what they carried.
    """
    call, reply = as_far_as_seen(exchange.call_header), as_far_as_seen(exchange.reply_header)
    reads = exchange.operations_of(OpKind.READ)
    writes = exchange.operations_of(OpKind.WRITE)
    chunks: list[Chunk] = []
    if call is not None:
        for position, segments in call.read_chunks():
            chunks.append(_chunk("read", position, segments, segments, reads))
    returned = reply.writes if reply is not None else []
    offered = call.writes if call is not None else returned
    for index, segments in enumerate(offered):
        used = (
            returned[index] if index < len(returned) else [s._replace(length=0) for s in segments]
        )
        chunks.append(_chunk("write", index, segments, used, writes))
    back = reply.reply if reply is not None else None
    room = call.reply if call is not None else back
    if room is not None:
        used = back if back is not None else [s._replace(length=0) for s in room]
        chunks.append(_chunk("reply", 0, room, used, writes))
    return chunks


def _chunk(
    kind: str, position: int, offered: list[Segment], used: list[Segment], ops: list[RdmaOp]
) -> Chunk:
    memory: dict[int, list[tuple[int, int]]] = {}
    for handle, length, offset in offered:
        memory.setdefault(handle, []).append((offset, offset + length))
    runs = {handle: merged(stretches) for handle, stretches in memory.items()}
    mine = [op for op in ops if _touches(op, runs.get(op.handle, ()))]
    return Chunk(kind, position, offered, used, mine)


def _touches(op: RdmaOp, runs: Sequence[tuple[int, int]]) -> bool:
    """Return whether an operation has an address in one of the stretches, which are in order."""
    index = bisect_left(runs, (op.address + op.length,)) - 1
    return index >= 0 and runs[index][1] > op.address

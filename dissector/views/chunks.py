"""The chunk lists of each RPC: which packets carried which octets of which segment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nfsrdma.xdr.nfs4 import types as t

from ..base.extent import covered
from ..base.finding import Finding
from ..base.text import PLAIN, Paint
from ..fields.summary import octets
from ..messages.decoder import Placed
from ..messages.procedures import READ2, READ3, WRITE2, WRITE3
from ..messages.rpcrdma import Segment
from ..tracking.events import Events
from ..tracking.kinds import OpKind
from ..tracking.model import Chunk, Exchange, RdmaOp
from .line import LineView

_LABELS = {"read": "Read chunk", "write": "Write chunk", "reply": "Reply chunk"}
_MAX_HOLES = 16


def file_offset(exchange: Exchange, chunk: Chunk) -> int | None:
    """Return where in a file a chunk's first octet belongs, if it has a READ's or WRITE's data."""
    call, reply = exchange.call_body, exchange.reply_body
    if call is None or call.callback:
        return None
    for index, op in enumerate(call.operations):
        if op.number in (t.OP_WRITE, WRITE3, WRITE2) and _is_placed(op.value.data, chunk):
            return int(op.value.offset)
        if (
            op.number in (t.OP_READ, READ3, READ2)
            and reply is not None
            and index < len(reply.operations)
        ):
            result = reply.operations[index].value
            data = getattr(getattr(result, "value", None), "data", None)
            if _is_placed(data, chunk):
                return int(op.value.offset)
    return None


def _is_placed(data: object, chunk: Chunk) -> bool:
    return isinstance(data, Placed) and data.chunk is chunk


def chunk_lines(exchange: Exchange, chunk: Chunk, indent: str) -> Iterator[str]:
    """Give the lines of a chunk: its segments, the operations on each, and the holes."""
    where = f" at Position {chunk.position}" if chunk.kind == "read" else f" {chunk.position}"
    at = file_offset(exchange, chunk)
    of_file = f", file offset {at}" if at is not None else ""
    yield (
        f"{indent}{_LABELS[chunk.kind]}{where}: {chunk.used_octets} of "
        f"{chunk.offered_octets} octets used{of_file}"
    )
    for index, (offer, used) in enumerate(zip(chunk.offered, chunk.used, strict=False)):
        yield (
            f"{indent}  segment {index}: {offer.handle:#010x}:{offer.offset:#018x} "
            f"{used.length} of {offer.length}"
        )
        for op in chunk.operations_for(offer):
            yield f"{indent}    {_operation(op, offer, at)}"
        yield from _holes(exchange, chunk, used, indent + "    ")
        if at is not None:
            at += used.length


def _operation(op: RdmaOp, segment: Segment, at: int | None) -> str:
    """Return ``WRITE 65536 at +0 frames 10-25 (16 packets) file 0-65536``."""
    start = op.address - segment.offset
    verb = "WRITE" if op.kind == OpKind.WRITE else "READ"
    words = f"{verb} {octets(op.length)} at +{start}"
    first = op.frame
    words += f", frames {first}-{op.last_frame} ({op.packets} packets)"
    if at is not None:
        words += f", file {at + start}-{at + start + op.length}"
    if op.inferred:
        words += ", its first packet not in the capture, placed by sequence"
    if op.resent or op.retries:
        words += f", {op.resent} packets again, {len(op.retries)} requests again"
    return words


def _holes(exchange: Exchange, chunk: Chunk, segment: Segment, indent: str) -> Iterator[str]:
    start, end = segment.offset, segment.offset + segment.length
    extents = [e for op in chunk.operations_for(segment) for e in op.extents]
    if covered(extents, start, end) == segment.length:
        return
    content = chunk.segment_map(segment)
    never = any(finding.rule == "chunk-hole" for finding in exchange.findings)
    verb = "read" if chunk.kind == "read" else "written"
    why = f"not {verb} before the reply" if never else "not in the capture"
    for index, (first, last) in enumerate(content.holes()):
        if index == _MAX_HOLES:
            yield f"{indent}... and more"
            return
        yield f"{indent}hole: {first}-{last} {why}"


class ChunkView:
    """The line of each RPC that has chunks, and its chunk lists."""

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        began: Callable[[], int] | None = None,
        paint: Paint = PLAIN,
    ) -> None:
        self._write = write
        self._line = LineView(write, began=began, paint=paint)

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)

    def exchange(self, exchange: Exchange) -> None:
        """Show an RPC, if it has chunks."""
        if not exchange.chunks:
            return
        self._write(self._line.line(exchange) + "\n")
        for chunk in exchange.chunks:
            for line in chunk_lines(exchange, chunk, "  "):
                self._write(line + "\n")

    def finding(self, finding: Finding) -> None:
        """Show a finding."""
        self._line.finding(finding)

"""RPCs: a call, its reply, and what travelled by RDMA for them.

An :class:`Exchange` keeps headers, messages and operations as they were found. What its messages
say is decoded once it is complete (the body of a long call has not even been fetched when its
header is seen), by :mod:`resolve`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

from ..base.effort import Effort
from ..base.extent import ByteMap, Extent, covered, joined, mapped, merged
from ..base.stretches import Stretches
from ..messages.body import Body
from ..messages.rpc import RpcCall, RpcReply
from ..messages.rpcrdma import CUT, Segment, TransportHeader
from .model import Finding, Message, OpKind, RdmaOp, Side


class Chunk:
    """A chunk that a call offered: its segments, what was used of them, and by which operations."""

    def __init__(
        self,
        kind: str,
        position: int,
        offered: list[Segment],
        used: list[Segment],
        operations: list[RdmaOp],
    ) -> None:
        self.kind = kind
        """``read``, ``write`` or ``reply``."""
        self.position = position
        """Of a Read chunk, in the unreduced message; of the others the index in their list."""
        self.offered = offered
        self.used = used
        """The segments with the lengths that the reply says; of a Read chunk as offered."""
        self.operations = operations

        self._effort = Effort(self._packets_and_segments)
        self.length = self.used_octets = sum(segment.length for segment in used)
        self.offered_octets = sum(segment.length for segment in offered)

    def _packets_and_segments(self) -> int:
        return self.packets() + len(self.used)

    @cached_property
    def _places(self) -> Stretches[RdmaOp]:
        places: Stretches[RdmaOp] = Stretches()
        for op in self.operations:
            places.add(op.handle, op.address, op.address + op.length, op)
        return places

    def operations_for(self, segment: Segment) -> list[RdmaOp]:
        """The operations that touched a segment, in the order in which they began."""
        handle, length, offset = segment
        found = self._places.touching(handle, offset, offset + length, self._effort)
        return [stretch.what for stretch in found]

    def _extents(self, segment: Segment) -> list[Extent]:
        """What the operations on a segment carried."""
        ops = self.operations_for(segment)
        # The segments of a hostile chunk may all be the same memory.
        if ops and not self._effort.spend(sum(op.packets for op in ops)):
            return []
        return [extent for op in ops for extent in op.extents]

    def carried(self) -> int:
        """How many of the used octets were seen in packets, whole or cut."""
        total = 0
        for segment in self.used:
            total += covered(
                self._extents(segment), segment.offset, segment.offset + segment.length
            )
        return total

    def packets(self) -> int:
        """How many packets carried it."""
        return sum(op.packets for op in self.operations)

    @cached_property
    def content(self) -> ByteMap:
        """Where its octets are."""
        return joined(self.segment_map(segment) for segment in self.used)

    def segment_map(self, segment: Segment) -> ByteMap:
        """Where a segment's octets are."""
        return mapped(self._extents(segment), segment.offset, segment.offset + segment.length)


class Exchange:
    """One RPC, or what was seen of it."""

    __slots__ = (
        "call",
        "call_body",
        "call_header",
        "call_rpc",
        "chunks",
        "error",
        "findings",
        "horizon",
        "number",
        "offers",
        "operations",
        "rdma",
        "replaced",
        "reply",
        "reply_body",
        "reply_header",
        "reply_rpc",
        "requester",
        "resolved",
        "responder",
        "xid",
    )

    def __init__(self, number: int, requester: Side, xid: int, rdma: bool) -> None:
        self.number = number
        self.requester = requester
        self.responder: Side | None = requester.peer
        self.xid = xid
        self.rdma = rdma
        self.call: Message | None = None
        self.reply: Message | None = None
        self.call_header: TransportHeader | None = None
        self.reply_header: TransportHeader | None = None
        self.call_rpc: RpcCall | None = None
        self.reply_rpc: RpcReply | None = None
        self.call_body: Body | None = None
        self.reply_body: Body | None = None
        self.operations: list[RdmaOp] = []
        """By RDMA, in the order in which they began."""
        self.chunks: list[Chunk] = []
        self.findings: list[Finding] = []
        self.error: TransportHeader | None = None
        """The RDMA_ERROR that answered the call."""
        self.replaced = False
        """Another call with its XID came before a reply did."""
        self.resolved = False
        self.horizon = -1
        """The sequence that the responder's next request was to have when the call was sent."""
        self.offers: list[int] = []
        """What the call offers, by number (see ``Side.offers``), while it is in progress."""

    @property
    def first(self) -> Message | None:
        """The call, or the reply if there is nothing else."""
        return self.call or self.reply

    @property
    def frame(self) -> int:
        message = self.first
        return message.frame if message else 0

    @property
    def time(self) -> int:
        message = self.first
        return message.time if message else 0

    @property
    def latency(self) -> int | None:
        """Nanoseconds from the call's first packet to the reply's last one."""
        if self.call is None or self.reply is None:
            return None
        return self.reply.time - self.call.first_time

    @property
    def callback(self) -> bool:
        body = self.call_body or self.reply_body
        return body is not None and body.callback

    @property
    def minor(self) -> int:
        return self.call_body.minor if self.call_body is not None else -1

    @property
    def undecoded(self) -> bool:
        """It is NFS version 4 and something of it was not decoded."""
        bodies = (self.call_body, self.reply_body)
        return any(body is not None and body.undecoded for body in bodies)

    def chunks_of(self, kind: str) -> list[Chunk]:
        return [chunk for chunk in self.chunks if chunk.kind == kind]

    def operations_of(self, kind: OpKind) -> list[RdmaOp]:
        return [op for op in self.operations if op.kind == kind]


def as_far_as_seen(header: TransportHeader | None) -> TransportHeader | None:
    """A header whose lists are true as far as they go: the one that is cut as well."""
    return None if header is None or header.fault not in ("", CUT) else header


def build_chunks(exchange: Exchange) -> list[Chunk]:
    """The chunks of an exchange, from its headers and operations.

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
    """Whether an operation has an address in one of the stretches, which are in order."""
    index = bisect_left(runs, (op.address + op.length,)) - 1
    return index >= 0 and runs[index][1] > op.address

"""What a capture is about: connections and their sides, messages, RDMA operations, exchanges.

These are records; the other modules of this room make them, and views show them. They refer to
each other, which is why they are in one module. Times are nanoseconds since 1970, frames count
from 1, and a *sequence* is a packet sequence number that does not wrap.

An :class:`Exchange` keeps headers, messages and operations as they were found. What its messages
say is decoded once it is complete (the body of a long call has not even been fetched when its
header is seen), by :mod:`~nfsrdma.dissector.tracking.resolve`.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.cm_messages import CmMessage, RdmaCmHeader
from nfsrdma.rpcrdma.transport.private_data import PrivateData

from ..base.effort import Effort
from ..base.extent import ByteMap, Extent, covered, joined, mapped
from ..base.finding import Finding
from ..base.packet import Carrier
from ..base.stretches import Stretches
from ..messages.body import Body
from ..messages.rpc import RpcCall, RpcReply
from ..messages.rpcrdma import Segment, TransportHeader
from .kinds import OpKind, Transport
from .orphans import Orphans
from .sequence import Tracker

KEPT_OPERATIONS = 128
"""Operations of one direction and kind whose packets may still come."""


class DdpSegment(NamedTuple):
    """What iWARP has around a SEND's last part."""

    length: int
    """Octets, with its headers."""
    head: bytes
    """Its DDP and RDMAP headers."""


class Message:
    """The carrier of one RPC message: an RDMA SEND, a TCP record, or a UDP datagram."""

    __slots__ = (
        "ack_frame",
        "ack_time_ns",
        "carrier",
        "content",
        "end",
        "first_frame",
        "first_time_ns",
        "frame",
        "head",
        "headless",
        "immediate",
        "invalidated",
        "open_ended",
        "packets",
        "resent",
        "segment",
        "sequence",
        "side",
        "time_ns",
        "view",
    )

    def __init__(self, side: Side, frame: int, time_ns: int, content: ByteMap) -> None:
        self.side = side
        """The side that sent it."""
        self.first_frame = self.frame = frame
        """The frames of its first and its last packet."""
        self.first_time_ns = self.time_ns = time_ns
        """The times of its first and its last packet."""
        self.content = content
        """Where its octets are."""
        self.view: memoryview | None = None
        """All of its octets, once they were asked for and if all of them are there."""
        self.carrier: Carrier | None = None
        """Where the headers of its last frame are; ``None`` where that is not kept."""
        self.head = b""
        """The octets of that frame as far as its transport header, for what asks for fields."""
        self.segment: DdpSegment | None = None
        """Its last one on iWARP, where headers are kept."""
        self.packets = 1
        self.sequence = 0
        """The sequence of its first packet."""
        self.end = 0
        """The sequence after that of its last packet."""
        self.invalidated: int | None = None
        """The handle that a SEND with Invalidate names."""
        self.immediate: int | None = None
        """The immediate data that a SEND carries."""
        self.headless = False
        """Its first packet is missing."""
        self.open_ended = False
        """Its last packet is missing: it is longer than ``content``, by an unknown length."""
        self.resent = 0
        """How many packets of it were seen again."""
        self.ack_frame = 0
        """The frame that acknowledged it; 0 if none was seen."""
        self.ack_time_ns = 0

    @property
    def length(self) -> int:
        """How many octets it has; of an open-ended one, the least that it can have."""
        return self.content.length + self.open_ended


class RdmaOp:
    """One RDMA WRITE or READ: what one request named, and where its octets are."""

    __slots__ = (
        "actor",
        "address",
        "claimed",
        "end",
        "extents",
        "first_data_time_ns",
        "frame",
        "gaps",
        "handle",
        "inferred",
        "kind",
        "last_frame",
        "last_time_ns",
        "length",
        "mtu",
        "next",
        "packets",
        "resent",
        "retries",
        "sequence",
        "time_ns",
    )

    def __init__(
        self,
        kind: OpKind,
        actor: Side,
        handle: int,
        address: int,
        length: int,
        frame: int,
        time_ns: int,
    ) -> None:
        self.kind = kind
        self.actor = actor
        """The side that reads or writes its peer's memory."""
        self.handle = handle
        self.address = address
        self.length = length
        self.frame = self.last_frame = frame
        """The frames of its first and its latest packet."""
        self.time_ns = self.last_time_ns = time_ns
        """The times of its first and its latest packet."""
        self.first_data_time_ns: int | None = None
        """When its first data were seen."""
        self.mtu = 0
        """Octets of each packet but the last; 0 while that is not known."""
        self.sequence = 0
        """The sequence of its first packet."""
        self.end = 0
        """The sequence after that of its last packet."""
        self.next = 0
        """The sequence of the packet to come."""
        self.gaps: list[tuple[int, int]] = []
        """Sequences before ``next`` that have not come."""
        self.extents: list[Extent] = []
        """Where its data are."""
        self.packets = 0
        self.resent = 0
        """How many packets of it were seen again."""
        self.retries: list[int] = []
        """Frames of further requests for the same READ."""
        self.claimed = False
        """It belongs to an exchange."""
        self.inferred = False
        """The packet that names its memory was not captured (see ``placement``)."""

    def size_with(self, mtu: int) -> None:
        """Learn that full packets have ``mtu`` octets, and so which sequences it takes."""
        self.mtu = mtu
        self.end = self.sequence + max(1, -(-self.length // mtu))


class Direction:
    """One direction between two queue pairs, as its packets show it.

    It is all packets from one address to one queue pair: the receiver's is the only number that a
    packet names.
    """

    __slots__ = (
        "bucket",
        "destination",
        "mtu",
        "orphans",
        "paired",
        "qpn",
        "requested",
        "run_misses",
        "side",
        "snapshot",
        "source",
        "source_port",
        "tracker",
    )

    def __init__(self, source: str, destination: str, qpn: int, side: Side) -> None:
        self.source = source
        self.source_port = 0
        """The UDP port that its first packet came from, for RoCEv2; not the handshake's."""
        self.destination = destination
        self.qpn = qpn
        """The number of the receiver's queue pair."""
        self.side = side
        """The sender."""
        self.tracker = Tracker()
        """Which of its requests were seen."""
        self.mtu = 0
        """Payload octets of a full packet; 0 while that is not known."""
        self.orphans = Orphans()
        """Data of which it is not known where they belong, by sequence."""
        self.requested: deque[RdmaOp] = deque(maxlen=KEPT_OPERATIONS)
        """The latest READs that it has asked for, the oldest first."""
        self.run_misses = 0
        """How many attempts in a row to take packets in bulk were in vain."""
        self.paired = False
        """The opposite direction is known, or no longer looked for."""
        self.bucket = -1
        """Where it stands among those without a peer (see ``pairing``)."""
        self.snapshot = (-1, -1)
        """How far both directions were when it was last asked whether they are in use."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What every packet of it has in common."""
        return (self.source, self.destination, self.qpn)


class Side:
    """One end of a connection."""

    __slots__ = (
        "address",
        "blind",
        "calls",
        "connection",
        "flow",
        "foreign",
        "offers",
        "operations",
        "peer",
        "port",
        "private",
        "program",
        "qpn",
        "unclaimed",
    )

    def __init__(self, address: str, connection: Connection) -> None:
        self.address = address
        self.connection = connection
        self.peer: Side | None = None
        """The other end, once it is known."""
        self.flow: Direction | None = None
        """What it sends, if its packets are InfiniBand's."""
        self.qpn: int | None = None
        """The number of its queue pair, once that is known."""
        self.port = 0
        """Its TCP or UDP port; for RDMA CM the one in the service identifier."""
        self.private: PrivateData | None = None
        """What it said about itself while connecting (RFC 8797), if anything."""
        self.calls: dict[int, Exchange] = {}
        """Its calls in progress, by XID."""
        self.program: tuple[int, int] | None = None
        """The program and version that it called last."""
        self.offers: Stretches[Exchange] = Stretches()
        """Its memory that its calls in progress have offered."""
        self.unclaimed: Stretches[RdmaOp] = Stretches()
        """What it did to its peer's memory without a known call that offered it."""
        self.operations = 0
        """How many RDMA operations it began."""
        self.foreign: dict[int, int] = {}
        """Frames with headers of other versions, by XID."""
        self.blind = False
        """A header that it sent was cut: not all of the memory that it offered is known."""

    @property
    def name(self) -> str:
        """Its address, with the port if it is known."""
        return f"{self.address}:{self.port}" if self.port else self.address

    @property
    def towards(self) -> str:
        """The address that it sends to; empty where that is not known."""
        if self.peer is not None and self.peer.address:
            return self.peer.address
        return self.flow.destination if self.flow is not None else ""


class Connection:
    """Two sides. The first is the one that connected, or that was seen first."""

    __slots__ = (
        "claimed",
        "cm_frame",
        "destination_cm",
        "doubtful",
        "established",
        "ethernet",
        "first",
        "frame",
        "likely",
        "number",
        "others",
        "paired_by",
        "second",
        "time_ns",
        "transport",
        "tunnels",
    )

    def __init__(self, number: int, transport: Transport, frame: int, time_ns: int) -> None:
        self.number = number
        self.transport = transport
        self.frame = frame
        """The first frame of it."""
        self.time_ns = time_ns
        self.tunnels: tuple[str, ...] = ()
        """What its packets were inside of, the outermost first."""
        self.ethernet = False
        """Its packets came in Ethernet frames."""
        self.first: Side | None = None
        self.second: Side | None = None
        self.paired_by = ""
        """How it is known which queue pairs belong together."""
        self.cm_frame = 0
        """The frame of its REQ; 0 if none was seen."""
        self.established = False
        """Its handshake was seen."""
        self.claimed = False
        """It is RPC-over-RDMA (see ``claims``)."""
        self.doubtful: list[Message] = []
        """Messages that wait until that is known."""
        self.likely = 0
        """How many messages probably are RPC-over-RDMA."""
        self.others = 0
        """How many SENDs are not."""
        self.destination_cm: RdmaCmHeader | None = None
        """The RDMA CM header of its REQ."""


class CmEvent(NamedTuple):
    """A message of the connection manager."""

    frame: int
    time_ns: int
    source: str
    destination: str
    name: str
    message: CmMessage | None
    """Decoded; ``None`` if it is of a kind that is not looked into."""
    summary: str
    connection: Connection | None
    transaction: int
    transport: Transport = Transport.ROCE_V2
    ethernet: bool = True
    """Its frame is Ethernet's."""
    attribute: int = 0
    """Which message of the connection manager it is, by its number; 0 for iWARP's."""
    source_qpn: int = 0
    q_key: int = 0


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
        """Of a Read chunk, the Position in the unreduced message; else the index in its list."""
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
        """Return the operations that touched a segment, in the order in which they began."""
        handle, length, offset = segment
        found = self._places.touching(handle, offset, offset + length, self._effort)
        return [stretch.what for stretch in found]

    def _extents(self, segment: Segment) -> list[Extent]:
        """Return what the operations on a segment carried."""
        ops = self.operations_for(segment)
        # The segments of a hostile chunk may all be the same memory.
        if ops and not self._effort.spend(sum(op.packets for op in ops)):
            return []
        return [extent for op in ops for extent in op.extents]

    def carried(self) -> int:
        """Return how many of the used octets were seen in packets, whole or cut."""
        total = 0
        for segment in self.used:
            total += covered(
                self._extents(segment), segment.offset, segment.offset + segment.length
            )
        return total

    def packets(self) -> int:
        """Return how many packets carried it."""
        return sum(op.packets for op in self.operations)

    @cached_property
    def content(self) -> ByteMap:
        """Where its octets are."""
        return joined(self.segment_map(segment) for segment in self.used)

    def segment_map(self, segment: Segment) -> ByteMap:
        """Return where a segment's octets are."""
        return mapped(self._extents(segment), segment.offset, segment.offset + segment.length)


class Exchange:
    """One RPC, or what was seen of it: a call, its reply, and what traveled by RDMA for them."""

    __slots__ = (
        "call",
        "call_body",
        "call_header",
        "call_rpc",
        "chunks",
        "error",
        "findings",
        "handle",
        "horizon",
        "number",
        "offers",
        "operations",
        "paths",
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
        """Counts the exchanges of a capture from 1, in the order in which they began."""
        self.requester = requester
        self.responder: Side | None = requester.peer
        self.xid = xid
        self.rdma = rdma
        """Its messages are RPC-over-RDMA's."""
        self.call: Message | None = None
        self.reply: Message | None = None
        self.call_header: TransportHeader | None = None
        self.reply_header: TransportHeader | None = None
        self.call_rpc: RpcCall | None = None
        self.reply_rpc: RpcReply | None = None
        self.call_body: Body | None = None
        self.reply_body: Body | None = None
        self.operations: list[RdmaOp] = []
        """Its RDMA operations, in the order in which they began."""
        self.chunks: list[Chunk] = []
        self.findings: list[Finding] = []
        self.error: TransportHeader | None = None
        """The RDMA_ERROR that answered the call."""
        self.replaced = False
        """Another call with its XID came before a reply did."""
        self.resolved = False
        """What its messages say was decoded."""
        self.handle = b""
        """The handle of the file that it is mostly about; empty where that is not known."""
        self.paths: tuple[str, ...] = ()
        """The files that it is about, the one that matters most first (see ``paths``)."""
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
        """The frame of the call, or of the reply if there is nothing else."""
        message = self.first
        return message.frame if message else 0

    @property
    def time_ns(self) -> int:
        """The time of the call, or of the reply if there is nothing else."""
        message = self.first
        return message.time_ns if message else 0

    @property
    def latency_ns(self) -> int | None:
        """Nanoseconds from the call's first packet to the reply's last one."""
        if self.call is None or self.reply is None:
            return None
        return self.reply.time_ns - self.call.first_time_ns

    @property
    def data_times_ns(self) -> tuple[int, int] | None:
        """When the first and the last of its data by RDMA were seen, if any were."""
        ops = self.operations
        first = [op.first_data_time_ns for op in ops if op.first_data_time_ns is not None]
        return (min(first), max(op.last_time_ns for op in ops)) if first else None

    @property
    def callback(self) -> bool:
        """Whether a server calls its client."""
        body = self.call_body or self.reply_body
        return body is not None and body.callback

    @property
    def minor(self) -> int:
        """The minor version of NFS version 4; -1 where that is not known."""
        return self.call_body.minor if self.call_body is not None else -1

    @property
    def undecoded(self) -> bool:
        """Whether it is NFS version 4 and something of it was not decoded."""
        bodies = (self.call_body, self.reply_body)
        return any(body is not None and body.undecoded for body in bodies)

    def chunks_of(self, kind: str) -> list[Chunk]:
        """Return its chunks of one kind: ``read``, ``write`` or ``reply``."""
        if not self.chunks:
            return []
        return [chunk for chunk in self.chunks if chunk.kind == kind]

    def operations_of(self, kind: OpKind) -> list[RdmaOp]:
        """Return its RDMA operations of one kind."""
        return [op for op in self.operations if op.kind == kind]


def called(exchange: Exchange) -> str:
    """Return the address that is called; empty where it is not known."""
    side = exchange.responder
    return (side.address if side is not None else "") or exchange.requester.towards


def client(exchange: Exchange) -> str:
    """Return the address of the NFS client: of a callback the side that is called."""
    return called(exchange) if exchange.callback else exchange.requester.address

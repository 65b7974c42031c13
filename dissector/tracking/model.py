"""What a capture is about: sides, connections, messages, RDMA operations.

These are records without behaviour; ``flow`` and ``connections`` make them, ``matching`` makes
RPCs of them, views show them. Times are nanoseconds since 1970, frames count from 1, and a
*sequence* is a packet sequence number that does not wrap.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from ..base.extent import ByteMap, Extent
from ..base.stretches import Stretches

if TYPE_CHECKING:
    from nfsrdma.rpcrdma.roce.wire.cm_messages import CmMessage, RdmaCmHeader
    from nfsrdma.rpcrdma.transport.private_data import PrivateData

    from .exchange import Exchange
    from .flow import Flow

MAX_FINDINGS = 100_000
"""How many findings are kept of one capture; their number is counted beyond."""


class Severity(IntEnum):
    NOTE = 0
    WARNING = 1
    ERROR = 2


class Finding(NamedTuple):
    """Something worth telling about a frame."""

    frame: int
    severity: Severity
    rule: str
    """A stable identifier, such as ``capture-hole``."""
    text: str
    octets: tuple[int, int] | None = None
    """Which octets of the frame's message it is about, as start and end, where that is known."""


class Transport(IntEnum):
    ROCE_V2 = 1
    ROCE_V1 = 2
    INFINIBAND = 3
    IWARP = 4
    TCP = 5
    UDP = 6

    @property
    def label(self) -> str:
        return ("", "RoCEv2", "RoCEv1", "IB", "iWARP", "TCP", "UDP")[self]


class Message:
    """One RPC message's carrier: an RDMA SEND, or a TCP record."""

    __slots__ = (
        "ack_frame",
        "ack_time",
        "content",
        "end",
        "first_frame",
        "first_time",
        "frame",
        "headless",
        "immediate",
        "invalidated",
        "packets",
        "resent",
        "sequence",
        "side",
        "time",
        "view",
    )

    def __init__(self, side: Side, frame: int, time: int, content: ByteMap) -> None:
        self.side = side
        """Who sent it."""
        self.first_frame = self.frame = frame
        self.first_time = self.time = time
        """Of its last packet, as is ``frame``."""
        self.content = content
        self.view: memoryview | None = None
        """All of its octets, once somebody has asked for them and they are there."""
        self.packets = 1
        self.sequence = 0
        self.end = 0
        """The sequence after its last packet's."""
        self.invalidated: int | None = None
        """The handle that a SEND with Invalidate names."""
        self.immediate: int | None = None
        self.headless = False
        """Its first packet is missing."""
        self.resent = 0
        """Packets of it that were seen again."""
        self.ack_frame = 0
        self.ack_time = 0


class OpKind(IntEnum):
    WRITE = 0
    READ = 1


class RdmaOp:
    """One RDMA WRITE or READ: what one request named, and where its octets are."""

    __slots__ = (
        "actor",
        "address",
        "end",
        "exchange",
        "extents",
        "first_data_time",
        "frame",
        "gaps",
        "handle",
        "inferred",
        "kind",
        "last_frame",
        "last_time",
        "length",
        "mtu",
        "next",
        "packets",
        "resent",
        "retries",
        "sequence",
        "time",
    )

    def __init__(
        self,
        kind: OpKind,
        actor: Side,
        handle: int,
        address: int,
        length: int,
        frame: int,
        time: int,
    ) -> None:
        self.kind = kind
        self.actor = actor
        """Who reads or writes its peer's memory."""
        self.handle = handle
        self.address = address
        self.length = length
        self.frame = self.last_frame = frame
        self.time = self.last_time = time
        self.first_data_time = 0
        self.mtu = 0
        """Octets of each packet but the last; 0 while that is not known."""
        self.sequence = 0
        self.end = 0
        self.next = 0
        """The sequence of the packet to come."""
        self.gaps: list[tuple[int, int]] = []
        """Sequences before ``next`` that have not come."""
        self.extents: list[Extent] = []
        self.packets = 0
        self.resent = 0
        self.retries: list[int] = []
        """Frames of further requests for the same READ."""
        self.exchange: Exchange | None = None
        self.inferred = False
        """The packet that names its memory was not captured (see ``placement``)."""

    def size_with(self, mtu: int) -> None:
        """Every full packet has ``mtu`` octets: know which sequences belong to the operation."""
        self.mtu = mtu
        self.end = self.sequence + max(1, -(-self.length // mtu))


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
        self.flow: Flow | None = None
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
        self.foreign: dict[int, int] = {}
        """Frames with headers of other versions, by XID."""
        self.blind = False
        """A header that it sent was cut: not all of the memory that it offered is known."""

    @property
    def name(self) -> str:
        return f"{self.address}:{self.port}" if self.port else self.address

    @property
    def towards(self) -> str:
        """The address that it sends to, or nothing where that is not known."""
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
        "time",
        "transport",
        "tunnels",
    )

    def __init__(self, number: int, transport: Transport, frame: int, time: int) -> None:
        self.number = number
        self.transport = transport
        self.frame = frame
        self.time = time
        self.tunnels: tuple[str, ...] = ()
        """What its packets were inside of, the outermost first."""
        self.ethernet = False
        """They came in Ethernet frames."""
        self.first: Side | None = None
        self.second: Side | None = None
        self.paired_by = ""
        """How it is known which queue pairs belong together."""
        self.cm_frame = 0
        self.established = False
        self.claimed = False
        """It is RPC-over-RDMA (see ``claims``)."""
        self.doubtful: list[Message] = []
        """What waits until that is known."""
        self.likely = 0
        """Messages that probably are."""
        self.others = 0
        """SENDs that are not."""
        self.destination_cm: RdmaCmHeader | None = None


class CmEvent(NamedTuple):
    """A message of the connection manager."""

    frame: int
    time: int
    source: str
    destination: str
    name: str
    message: CmMessage | None
    summary: str
    connection: Connection | None
    transaction: int
    transport: Transport = Transport.ROCE_V2
    ethernet: bool = True
    """Its frame is Ethernet's."""

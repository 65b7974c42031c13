"""One frame as the layers found it: where its parts are, and the fields of the RDMA headers.

There is a single :class:`Packet` per pipeline, filled anew for every frame: to keep
something, make a record of it (``tracking.model``). What a frame does not have keeps its old value,
so look at ``kind`` and ``opcode`` first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from .extent import ByteMap, Piece

BTH_LENGTH, ICRC_LENGTH = 12, 4
PLAIN = 14
"""Octets of an Ethernet header."""
LINK_ETHERNET, LINK_ERF = 1, 197


class FrameKind(IntEnum):
    """What a frame turned out to be."""

    OTHER = 0
    """Nothing that this tool is about."""
    ROCE = 1
    """InfiniBand transport: RoCEv2, RoCEv1 or native."""
    TCP = 2
    BROKEN = 3
    """It should have been one of them, but is cut or damaged before that can be told."""
    UDP = 4
    """From or to NFS's port."""
    CUT = 5
    """InfiniBand transport, cut behind its base transport header and inside of the next one."""


class Encapsulation(IntEnum):
    """How InfiniBand transport packets travel."""

    NONE = 0
    ROCE_V2 = 1
    ROCE_V1 = 2
    INFINIBAND = 3


class Frame(Protocol):
    """A frame that was captured, as a reader of captures has it: the octets are ``view``'s."""

    view: memoryview
    offset: int
    """Where the frame's octets begin in ``view``."""
    captured: int
    """How many of them there are."""
    original: int
    """How many there were on the wire."""
    number: int
    """Counts from 1."""
    time_ns: int
    """Nanoseconds since 1970."""
    link_type: int


class Packet:
    """The packet of a frame. Positions are offsets in the capture file; lengths are octets."""

    __slots__ = (
        "acknowledge",
        "address",
        "before_ns",
        "bth",
        "captured",
        "destination",
        "destination_port",
        "dma_length",
        "ecn",
        "encapsulation",
        "fault",
        "flags",
        "frame",
        "have",
        "headed",
        "immediate",
        "invalidate",
        "ip_version",
        "kind",
        "link_type",
        "msn",
        "network",
        "notify",
        "number",
        "offset",
        "opcode",
        "original",
        "outer",
        "pad",
        "payload",
        "pieces",
        "psn",
        "q_key",
        "qpn",
        "rkey",
        "size",
        "source",
        "source_port",
        "source_qpn",
        "syndrome",
        "tcp_ack",
        "tcp_sequence",
        "time_ns",
        "transport_end",
        "tunnels",
    )

    def __init__(self) -> None:
        self.number = 0
        """Of the frame, from 1, as Wireshark counts."""
        self.time_ns = 0
        """Nanoseconds since 1970."""
        self.before_ns = 0
        """The time of the frame before it, or its own if it is the first."""
        self.offset = 0
        """The frame's first octet."""
        self.captured = 0
        self.original = 0
        self.link_type = 0
        self.kind = FrameKind.OTHER
        self.fault = ""
        """With ``FrameKind.BROKEN``: what is wrong."""
        self.network = 0
        """The IP header, GRH or LRH; the innermost, if there are several."""
        self.outer = 0
        """Where the outermost tunnel begins, of a frame with any; see :meth:`inside`."""
        self.tunnels: tuple[str, ...] = ()
        self.ip_version = 0
        """4, 6, or 0 for native InfiniBand."""
        self.encapsulation = Encapsulation.NONE
        self.source = ""
        self.destination = ""
        self.source_port = 0
        self.destination_port = 0
        self.ecn = 0
        """The two ECN bits of the IP header: 3 is congestion experienced."""
        self.bth = 0
        """The base transport header, or the TCP header."""
        self.opcode = 0
        self.qpn = 0
        self.psn = 0
        self.pad = 0
        self.acknowledge = False
        """The A bit: the sender asks for an acknowledgement."""
        self.notify = 0
        """FECN (0x80) and BECN (0x40)."""
        self.address = 0
        self.rkey = 0
        self.dma_length = 0
        self.syndrome = 0
        self.msn = 0
        self.invalidate = 0
        self.immediate = 0
        self.q_key = 0
        self.source_qpn = 0
        self.payload = 0
        """The payload's first octet, past all headers."""
        self.pieces: list[Piece] | None = None
        """Where the payload is, of a packet that was put together from IP fragments."""
        self.size = 0
        """Octets of payload on the wire, without the pad."""
        self.have = 0
        """Octets of it that are in the file."""
        self.headed = False
        """Whether messages are to say where their headers are (``Carrier``)."""
        self.transport_end = 0
        """Where the packet ended on the wire: past the ICRC, or past the TCP segment."""
        self.flags = 0
        self.tcp_sequence = 0
        self.tcp_ack = 0

    @property
    def ethernet(self) -> bool:
        """Whether the frame is Ethernet's, as far as the link type tells."""
        return self.link_type in (LINK_ETHERNET, LINK_ERF)

    @property
    def inside(self) -> tuple[str, ...]:
        """What the packet is inside of, the outermost first.

        The commonest frame, Ethernet and at once IP, leaves ``tunnels`` and ``outer`` as they were.
        """
        return () if self.network - self.offset == PLAIN else self.tunnels


class Spoken(NamedTuple):
    """What a TCP segment is in its connection (``streams/talk``). Times are nanoseconds."""

    stream: int
    """TCP connections count from 0."""
    sequence: int
    """Relative, as is what follows."""
    next: int
    acknowledged: int
    scale: int
    """Bits by which the window is shifted; -1: not known, -2: by none."""
    since_first: int
    since_before: int
    """In its connection."""
    round_trip: int
    """From SYN to the ACK of its answer; 0 if that was not seen."""
    in_flight: int
    pushed: int
    """Octets up to the end of this segment, since PSH was set before it."""
    acknowledges: int
    """The frame that it is the first acknowledgement of; 0 for none."""
    after: int
    """How long that was ago."""


class Carrier(NamedTuple):
    """Where the headers of a message's last frame are; a position is 0 for a header it lacks."""

    offset: int
    captured: int
    original: int
    link_type: int
    ip_version: int
    network: int
    udp: int
    bth: int
    end: int
    """Where the packet ended on the wire, with its ICRC; without one, where its headers end."""
    before_ns: int
    """The time of the frame before it."""
    tcp: int = 0
    spoken: Spoken | None = None


def carrier_of(packet: Packet) -> Carrier | None:
    """Return where a packet's headers are; ``None`` of fragments, and if nothing asks for them."""
    if not packet.headed or packet.pieces is not None:
        return None
    roce = packet.encapsulation == Encapsulation.ROCE_V2
    return Carrier(
        packet.offset,
        packet.captured,
        packet.original,
        packet.link_type,
        packet.ip_version,
        packet.network,
        packet.bth - 8 if roce else 0,
        packet.bth,
        packet.transport_end,
        packet.before_ns,
    )


def carrier_without_rdma(packet: Packet, spoken: Spoken | None = None) -> Carrier | None:
    """Return the same of a TCP segment, of which more was found out, or of an RPC's datagram."""
    if not packet.headed or packet.pieces is not None:
        return None
    return Carrier(
        packet.offset,
        packet.captured,
        packet.original,
        packet.link_type,
        packet.ip_version,
        packet.network,
        packet.payload - 8 if spoken is None else 0,
        0,
        packet.payload,
        packet.before_ns,
        0 if spoken is None else packet.bth,
        spoken,
    )


def head_of(carrier: Carrier, view: memoryview) -> bytes:
    """Return a frame's octets as far as its transport header, and its ICRC if it is there."""
    end = carrier.bth + BTH_LENGTH if carrier.bth else carrier.end
    head = bytes(view[carrier.offset : min(end, carrier.offset + carrier.captured)])
    if carrier.bth and carrier.end <= carrier.offset + carrier.captured:
        head += view[carrier.end - ICRC_LENGTH : carrier.end]
    return head


def carried(packet: Packet) -> ByteMap:
    """Return where a packet's payload is."""
    pieces = packet.pieces
    if pieces is None:
        have = packet.have
        pieces = [Piece(0, have, packet.payload, packet.number)] if have else []
    return ByteMap(packet.size, pieces)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What makes a frame a follower, by offset in the frame.

    ``same`` are the pieces (start, end) that must not differ; ``psn``, behind all of them, is the
    place of the word whose low 24 bits count up by one from frame to frame.
    """

    same: tuple[tuple[int, int], ...]
    psn: int

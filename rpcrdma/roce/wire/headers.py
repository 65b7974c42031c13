"""RoCEv2 headers: parse and build. For tests, the dissector and the slow path.

The machines' hot loops use the two bare structs ``BTH`` and ``RETH`` instead of these classes.
All fields are in network order; a header's ``build`` gives back what its ``parse`` took, reserved
bits included where they are kept.

    UDP payload:  BTH  [RETH|DETH|AtomicETH] [AETH] [ImmDt|IETH]  payload  pad 0-3  ICRC
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import ClassVar, Protocol

from .opcode import BTH_OCTETS, ICRC_OCTETS, OPCODES

BTH = Struct(">QI")
"""(opcode8 SE1 MIG1 pad2 TVER4 P_Key16 FECN1 BECN1 rsv6 QPN24, A1 rsv7 PSN24): the first word is
the same for all middle packets of a message."""
RETH = Struct(">QII")
"""Virtual address, rkey, DMA length."""

Address = tuple[str, int]
"""Numeric host and UDP port. RoCEv2 packets go to port 4791, and come from any port."""

DEFAULT_PKEY = 0xFFFF
ACK_REQUEST = 0x8000_0000
"""The A bit in the second word of ``BTH``."""
GSI_QKEY = 0x8001_0000

PAD_SHIFT = 52
"""Where the count of pad octets is in the first word of ``BTH``."""
_MIGRATED = 0x40
"""The MigReq bit: hardware expects the path state "migrated"."""

# AETH syndromes: IBA, "ACK Extended Transport Header".
ACK = 0x1F
"""Acknowledgement without a credit limit."""
RNR_NAK = 0x20
NAK_SEQUENCE = 0x60
NAK_INVALID_REQUEST = 0x61
NAK_REMOTE_ACCESS = 0x62
NAK_REMOTE_OPERATION = 0x63

RNR_TIMER_MICROSECONDS = (
    655360, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960, 1280, 1920,
    2560, 3840, 5120, 7680, 10240, 15360, 20480, 30720, 40960, 61440, 81920, 122880,
    163840, 245760, 327680, 491520,
)  # fmt: skip
"""Code in an RNR NAK -> how long to wait."""


def bth_words(qpn: int) -> dict[int, int]:
    """Return, for each opcode, the first word of ``BTH`` in packets to the queue pair ``qpn``.

    It has the default partition key and no pad; ``pad << PAD_SHIFT`` adds one.
    """
    rest = _MIGRATED << 48 | DEFAULT_PKEY << 32 | qpn
    return {code: code << 56 | rest for code in OPCODES}


class WireError(ValueError):
    """The octets are not a RoCEv2 packet."""


@dataclass(frozen=True, slots=True)
class Bth:
    """Base transport header, 12 octets."""

    STRUCT: ClassVar[Struct] = Struct(">BBHII")

    opcode: int
    qpn: int
    psn: int
    pad: int = 0
    ack_request: bool = False
    solicited: bool = False
    migrated: bool = False
    version: int = 0
    pkey: int = DEFAULT_PKEY
    congestion: int = 0
    """The octet of FECN (0x80), BECN (0x40) and six reserved bits, which no ICRC covers."""

    @classmethod
    def parse(cls, view: memoryview, offset: int = 0) -> Bth:
        """Decode the header at ``offset``."""
        opcode, bits, pkey, word, tail = cls.STRUCT.unpack_from(view, offset)
        return cls(
            opcode,
            word & 0xFFFFFF,
            tail & 0xFFFFFF,
            bits >> 4 & 3,
            bool(tail & ACK_REQUEST),
            bool(bits & 0x80),
            bool(bits & 0x40),
            bits & 0x0F,
            pkey,
            word >> 24,
        )

    def build(self) -> bytes:
        """Encode the header."""
        bits = self.solicited << 7 | self.migrated << 6 | self.pad << 4 | self.version
        word = self.congestion << 24 | self.qpn
        tail = self.psn | (ACK_REQUEST if self.ack_request else 0)
        return self.STRUCT.pack(self.opcode, bits, self.pkey, word, tail)


@dataclass(frozen=True, slots=True)
class Reth:
    """RDMA extended transport header, 16 octets: the memory of a READ or WRITE."""

    STRUCT: ClassVar[Struct] = RETH

    address: int
    rkey: int
    length: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> Reth:
        """Decode the header at ``offset``."""
        return cls(*RETH.unpack_from(view, offset))

    def build(self) -> bytes:
        """Encode the header."""
        return RETH.pack(self.address, self.rkey, self.length)


@dataclass(frozen=True, slots=True)
class Aeth:
    """ACK extended transport header, 4 octets."""

    STRUCT: ClassVar[Struct] = Struct(">I")

    syndrome: int
    msn: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> Aeth:
        """Decode the header at ``offset``."""
        (word,) = cls.STRUCT.unpack_from(view, offset)
        return cls(word >> 24, word & 0xFFFFFF)

    def build(self) -> bytes:
        """Encode the header."""
        return self.STRUCT.pack(self.syndrome << 24 | self.msn)


@dataclass(frozen=True, slots=True)
class ImmDt:
    """Immediate data, 4 octets."""

    STRUCT: ClassVar[Struct] = Struct(">I")

    value: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> ImmDt:
        """Decode the header at ``offset``."""
        return cls(*cls.STRUCT.unpack_from(view, offset))

    def build(self) -> bytes:
        """Encode the header."""
        return self.STRUCT.pack(self.value)


@dataclass(frozen=True, slots=True)
class Ieth:
    """Invalidate extended transport header, 4 octets."""

    STRUCT: ClassVar[Struct] = Struct(">I")

    rkey: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> Ieth:
        """Decode the header at ``offset``."""
        return cls(*cls.STRUCT.unpack_from(view, offset))

    def build(self) -> bytes:
        """Encode the header."""
        return self.STRUCT.pack(self.rkey)


@dataclass(frozen=True, slots=True)
class Deth:
    """Datagram extended transport header, 8 octets."""

    STRUCT: ClassVar[Struct] = Struct(">II")

    qkey: int
    source_qpn: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> Deth:
        """Decode the header at ``offset``."""
        qkey, word = cls.STRUCT.unpack_from(view, offset)
        return cls(qkey, word & 0xFFFFFF)

    def build(self) -> bytes:
        """Encode the header."""
        return self.STRUCT.pack(self.qkey, self.source_qpn)


@dataclass(frozen=True, slots=True)
class AtomicEth:
    """Atomic extended transport header, 28 octets."""

    STRUCT: ClassVar[Struct] = Struct(">QIQQ")

    address: int
    rkey: int
    swap_or_add: int
    compare: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> AtomicEth:
        """Decode the header at ``offset``."""
        return cls(*cls.STRUCT.unpack_from(view, offset))

    def build(self) -> bytes:
        """Encode the header."""
        return self.STRUCT.pack(self.address, self.rkey, self.swap_or_add, self.compare)


@dataclass(frozen=True, slots=True)
class AtomicAckEth:
    """Atomic ACK extended transport header, 8 octets: the memory's previous content."""

    STRUCT: ClassVar[Struct] = Struct(">Q")

    original: int

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> AtomicAckEth:
        """Decode the header at ``offset``."""
        return cls(*cls.STRUCT.unpack_from(view, offset))

    def build(self) -> bytes:
        """Encode the header."""
        return self.STRUCT.pack(self.original)


class Header(Protocol):
    """Any of the extension headers."""

    STRUCT: ClassVar[Struct]

    @classmethod
    def parse(cls, view: memoryview, offset: int) -> Header:
        """Decode the header at ``offset``."""

    def build(self) -> bytes:
        """Encode the header."""


HEADERS: dict[str, type[Header]] = {
    "RETH": Reth,
    "AETH": Aeth,
    "ImmDt": ImmDt,
    "IETH": Ieth,
    "DETH": Deth,
    "AtomicETH": AtomicEth,
    "AtomicAckETH": AtomicAckEth,
}
"""Names as in ``opcode.OPCODES`` -> classes."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole RoCEv2 packet: the content of a UDP datagram to port 4791."""

    bth: Bth
    headers: tuple[Header, ...] = ()
    payload: bytes | memoryview = b""
    """Without the pad."""
    icrc: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, view: memoryview) -> Packet:
        """Decode a packet. Raises ``WireError``: too short, unknown opcode, too much pad."""
        if len(view) < BTH_OCTETS + ICRC_OCTETS:
            raise WireError(f"{len(view)} octets are too few for a BTH and an ICRC")
        bth = Bth.parse(view)
        row = OPCODES.get(bth.opcode)
        if row is None:
            raise WireError(f"unknown opcode {bth.opcode:#04x}")
        end = len(view) - ICRC_OCTETS
        if row.header_octets + bth.pad > end:
            raise WireError(f"{row.name} with {len(view)} octets is cut short")
        headers = []
        offset = BTH_OCTETS
        for name in row.headers:
            kind = HEADERS[name]
            headers.append(kind.parse(view, offset))
            offset += kind.STRUCT.size
        icrc = int.from_bytes(view[end:], "little")
        return cls(bth, tuple(headers), view[offset : end - bth.pad], icrc)

    def build(self) -> bytes:
        """Return the octets up to the pad, which is included; the ICRC depends on addresses."""
        parts = [self.bth.build(), *(header.build() for header in self.headers), self.payload]
        return b"".join(parts) + bytes(self.bth.pad)

"""The BTH opcodes: the headers that follow, the packet's place in its message, its receiver.

Everything that depends on the opcode is derived from the one table ``OPCODES``; what is not in it
is an error. Source: InfiniBand Architecture Specification, volume 1, "Base Transport Header".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag


class Kind(IntEnum):
    """The operation that a packet is a part of."""

    SEND = 0
    WRITE = 1
    READ_REQUEST = 2
    READ_RESPONSE = 3
    ACKNOWLEDGE = 4
    ATOMIC = 5
    ATOMIC_RESPONSE = 6
    DATAGRAM = 7
    CONGESTION = 8


class Position(IntFlag):
    """Where in its message a packet stands."""

    MIDDLE = 0
    FIRST = 1
    LAST = 2
    ONLY = 3


class Role(IntEnum):
    """Which machine of the receiving queue pair a packet is for."""

    RESPONDER = 0
    COMPLETER = 1
    NONE = 2


HEADER_OCTETS = {"RETH": 16, "AETH": 4, "ImmDt": 4, "IETH": 4, "DETH": 8, "AtomicETH": 28}
HEADER_OCTETS["AtomicAckETH"] = 8
BTH_OCTETS = 12
ICRC_OCTETS = 4
MAX_EXTENSION_OCTETS = 28
MAX_MTU = 4096
MTUS = (256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True)
class Opcode:
    """One row of the table."""

    code: int
    name: str
    kind: Kind
    position: Position
    headers: tuple[str, ...]
    role: Role

    @property
    def header_octets(self) -> int:
        """Length of the BTH and what follows it, up to the payload."""
        return BTH_OCTETS + sum(HEADER_OCTETS[name] for name in self.headers)

    @property
    def has_payload(self) -> bool:
        """Whether packets of this opcode carry data."""
        return self.kind in PAYLOAD_KINDS


PAYLOAD_KINDS = frozenset((Kind.SEND, Kind.WRITE, Kind.READ_RESPONSE, Kind.DATAGRAM))

_FIRST, _MIDDLE, _LAST, _ONLY = (
    Position.FIRST,
    Position.MIDDLE,
    Position.LAST,
    Position.ONLY,
)
_IN, _OUT, _NONE = Role.RESPONDER, Role.COMPLETER, Role.NONE

_TABLE = (
    Opcode(0x00, "SEND_FIRST", Kind.SEND, _FIRST, (), _IN),
    Opcode(0x01, "SEND_MIDDLE", Kind.SEND, _MIDDLE, (), _IN),
    Opcode(0x02, "SEND_LAST", Kind.SEND, _LAST, (), _IN),
    Opcode(0x03, "SEND_LAST_IMM", Kind.SEND, _LAST, ("ImmDt",), _IN),
    Opcode(0x04, "SEND_ONLY", Kind.SEND, _ONLY, (), _IN),
    Opcode(0x05, "SEND_ONLY_IMM", Kind.SEND, _ONLY, ("ImmDt",), _IN),
    Opcode(0x06, "WRITE_FIRST", Kind.WRITE, _FIRST, ("RETH",), _IN),
    Opcode(0x07, "WRITE_MIDDLE", Kind.WRITE, _MIDDLE, (), _IN),
    Opcode(0x08, "WRITE_LAST", Kind.WRITE, _LAST, (), _IN),
    Opcode(0x09, "WRITE_LAST_IMM", Kind.WRITE, _LAST, ("ImmDt",), _IN),
    Opcode(0x0A, "WRITE_ONLY", Kind.WRITE, _ONLY, ("RETH",), _IN),
    Opcode(0x0B, "WRITE_ONLY_IMM", Kind.WRITE, _ONLY, ("RETH", "ImmDt"), _IN),
    Opcode(0x0C, "READ_REQUEST", Kind.READ_REQUEST, _ONLY, ("RETH",), _IN),
    Opcode(0x0D, "READ_RESPONSE_FIRST", Kind.READ_RESPONSE, _FIRST, ("AETH",), _OUT),
    Opcode(0x0E, "READ_RESPONSE_MIDDLE", Kind.READ_RESPONSE, _MIDDLE, (), _OUT),
    Opcode(0x0F, "READ_RESPONSE_LAST", Kind.READ_RESPONSE, _LAST, ("AETH",), _OUT),
    Opcode(0x10, "READ_RESPONSE_ONLY", Kind.READ_RESPONSE, _ONLY, ("AETH",), _OUT),
    Opcode(0x11, "ACKNOWLEDGE", Kind.ACKNOWLEDGE, _ONLY, ("AETH",), _OUT),
    Opcode(0x12, "ATOMIC_ACKNOWLEDGE", Kind.ATOMIC_RESPONSE, _ONLY, ("AETH", "AtomicAckETH"), _OUT),
    Opcode(0x13, "COMPARE_SWAP", Kind.ATOMIC, _ONLY, ("AtomicETH",), _IN),
    Opcode(0x14, "FETCH_ADD", Kind.ATOMIC, _ONLY, ("AtomicETH",), _IN),
    Opcode(0x16, "SEND_LAST_INV", Kind.SEND, _LAST, ("IETH",), _IN),
    Opcode(0x17, "SEND_ONLY_INV", Kind.SEND, _ONLY, ("IETH",), _IN),
    Opcode(0x64, "UD_SEND_ONLY", Kind.DATAGRAM, _ONLY, ("DETH",), _NONE),
    Opcode(0x65, "UD_SEND_ONLY_IMM", Kind.DATAGRAM, _ONLY, ("DETH", "ImmDt"), _NONE),
    Opcode(0x81, "CNP", Kind.CONGESTION, _ONLY, (), _NONE),
)

OPCODES: dict[int, Opcode] = {row.code: row for row in _TABLE}

SEND_FIRST, SEND_MIDDLE = 0x00, 0x01
WRITE_MIDDLE = 0x07
READ_REQUEST = 0x0C
READ_RESPONSE_FIRST, READ_RESPONSE_MIDDLE = 0x0D, 0x0E
READ_RESPONSE_LAST, READ_RESPONSE_ONLY = 0x0F, 0x10
ACKNOWLEDGE = 0x11
UD_SEND_ONLY = 0x64
CNP = 0x81

MIDDLES = frozenset(code for code, row in OPCODES.items() if row.position == Position.MIDDLE)
"""Opcodes whose packets with consecutive PSNs are handled as one run."""

LEGAL_NEXT: dict[Kind | None, frozenset[int]] = {
    message: frozenset(
        row.code
        for row in _TABLE
        if row.role == Role.RESPONDER
        and (
            bool(row.position & Position.FIRST)
            if message is None
            else row.kind == message and not row.position & Position.FIRST
        )
    )
    for message in (None, Kind.SEND, Kind.WRITE)
}
"""Message in progress (or none) -> the request opcodes that may come next."""


def payload_bounds(mtu: int) -> dict[int, tuple[int, int]]:
    """Return opcode -> least and greatest payload length, in octets without the pad.

    A FIRST or MIDDLE packet is exactly full, a LAST packet is not empty, an ONLY packet may be.
    """
    by_position = {
        Position.FIRST: (mtu, mtu),
        Position.MIDDLE: (mtu, mtu),
        Position.LAST: (1, mtu),
        Position.ONLY: (0, mtu),
    }
    return {
        code: by_position[row.position] if row.has_payload else (0, 0)
        for code, row in OPCODES.items()
    }

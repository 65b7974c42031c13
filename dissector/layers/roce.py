"""The InfiniBand transport's opcodes as this witness reads them, and what runs of them share."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from nfsrdma.rpcrdma.roce.wire.opcode import BTH_OCTETS, OPCODES

from ..base.packet import Encapsulation, Packet, Pattern
from .link import ERF, ERF_CLOCK

ROCE_PORT = 4791
NFS_PORT = 2049
RPC_PORTS = frozenset((111, NFS_PORT))
"""UDP ports whose datagrams may be RPC: the port mapper's, and NFS's."""

_RETH = Struct(">QII")
_RETH_IMMEDIATE = Struct(">QIII")
_WORD = Struct(">I")
_DETH = Struct(">II")

Read = Callable[[Packet, memoryview, int], None]


def _reth(packet: Packet, view: memoryview, at: int) -> None:
    packet.address, packet.rkey, packet.dma_length = _RETH.unpack_from(view, at)


def _reth_immediate(packet: Packet, view: memoryview, at: int) -> None:
    packet.address, packet.rkey, packet.dma_length, packet.immediate = _RETH_IMMEDIATE.unpack_from(
        view, at
    )


def _aeth(packet: Packet, view: memoryview, at: int) -> None:
    (word,) = _WORD.unpack_from(view, at)
    packet.syndrome = word >> 24
    packet.msn = word & 0xFFFFFF


def _ieth(packet: Packet, view: memoryview, at: int) -> None:
    (packet.invalidate,) = _WORD.unpack_from(view, at)


def _immediate(packet: Packet, view: memoryview, at: int) -> None:
    (packet.immediate,) = _WORD.unpack_from(view, at)


def _deth(packet: Packet, view: memoryview, at: int) -> None:
    packet.q_key, word = _DETH.unpack_from(view, at)
    packet.source_qpn = word & 0xFFFFFF


_READERS: dict[tuple[str, ...], Read | None] = {
    (): None,
    ("RETH",): _reth,
    ("RETH", "ImmDt"): _reth_immediate,
    ("AETH",): _aeth,
    ("AETH", "AtomicAckETH"): _aeth,
    ("IETH",): _ieth,
    ("ImmDt",): _immediate,
    ("DETH",): _deth,
    ("DETH", "ImmDt"): _deth,
    ("AtomicETH",): _reth,
}


class Extension(NamedTuple):
    """What follows the base transport header of one opcode."""

    octets: int
    """Of all headers, the base transport header included."""
    read: Read | None


EXTENSIONS: dict[int, Extension] = {
    code: Extension(row.header_octets, _READERS[row.headers]) for code, row in OPCODES.items()
}
EXTENSIONS.update(
    # FLUSH and ATOMIC WRITE (IBA 1.5, Annex A19), for which we have no use but to step over them.
    {0x1C: Extension(BTH_OCTETS + 4 + 16, None), 0x1D: Extension(BTH_OCTETS + 16, _reth)}
)

_IPV4_IDENTIFICATION = (4, 6)
_IPV4_CHECKSUM = (10, 12)
_UDP_CHECKSUM = (6, 8)
_PSN = 8


def pattern_of(packet: Packet) -> Pattern:
    """Return what the followers of a middle packet have in common with it.

    All headers, but for the clock of an ERF record, the IP identification, the checksums, and
    the word of the packet sequence number, in which the A bit may be set.
    """
    return _pattern(
        packet.outer - packet.offset if packet.inside else 0,
        packet.network - packet.offset,
        packet.bth - packet.offset,
        packet.ip_version,
        packet.encapsulation == Encapsulation.ROCE_V2,
        packet.link_type == ERF,
    )


@lru_cache(maxsize=256)
def _pattern(
    outer: int, network: int, base: int, ip_version: int, udp: bool, clock: bool
) -> Pattern:
    edges = [ERF_CLOCK if clock else 0]
    if outer:
        # Of the headers around it all may count up, and none of them matters.
        edges += [outer, network]
    if ip_version == 4:
        edges += [network + part for part in (*_IPV4_IDENTIFICATION, *_IPV4_CHECKSUM)]
    if udp:
        edges += [base - 8 + part for part in _UDP_CHECKSUM]
    edges.append(base + _PSN)
    return Pattern(tuple(zip(edges[::2], edges[1::2], strict=True)), base + _PSN)

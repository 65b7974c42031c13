"""The invariant CRC of RoCEv2 packets, made and checked without seeing the IP header.

The ICRC is the CRC-32 of Ethernet over eight octets of ones, the IP header, the UDP header and the
packet up to its pad, where everything that a router may change counts as ones: IPv4 TOS, TTL and
checksum; IPv6 traffic class, flow label and hop limit; the UDP checksum; and octet 4 of the BTH
(FECN, BECN). It follows the packet in little-endian order. Source: InfiniBand Architecture
Specification, Annex A17 (RoCEv2).

A CRC is linear, which is used three times here:

* Appending the ICRC to what it covers leaves a constant remainder, ``RESIDUE``. A receiver runs
  over the packet and its ICRC in one call and compares with the constant.
* Octet 4 of the BTH need not be overwritten for the calculation. What counting it as ones changes
  can be put into the start value instead (``CONGESTION_DELTA``), so both sides run over the octets
  as they are on the wire. The start value depends on addresses, length and IPv4 identification
  only: a ``Flow`` computes each once.
* A UDP socket hides the IPv4 identification. Its 16 bits at a fixed distance from the end can only
  make 65,536 differences, a linear space of which ``_identification_rows`` keeps a reduced basis
  per length. A packet whose remainder lies in that space is accepted, so 1 in 65,536 of damaged
  packets escapes this check when neither of the two likely identifications fits (our own senders'
  are 0, 1, 2... in a burst, of which the receiver knows the index). Over IPv6 the check is exact.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from struct import Struct
from typing import TYPE_CHECKING

from .headers import Address

if TYPE_CHECKING:
    from zlib import crc32
else:
    try:
        from zlib_ng.zlib_ng import crc32
    except ImportError:
        from zlib import crc32

__all__ = ["CONGESTION_DELTA", "RESIDUE", "Flow", "crc32", "packet_icrc", "solve_identification"]

RESIDUE = 0x2144DF1C
"""CRC-32 of anything followed by its own CRC-32 in little-endian order."""

_IPV4 = Struct(">BBHHHBBH4s4s")
_IPV6 = Struct(">IHBB16s16s")
_UDP = Struct(">HHHH")
_ONES = b"\xff" * 8
_DONT_FRAGMENT = 0x4000
_PROTOCOL_UDP = 17
_IDENTS_PER_STEP = 16
_MAX_LENGTHS = 256
_AFTER_IDENTIFICATION = 14 + 8
"""Octets of the IPv4 and UDP headers that follow the identification."""


def _rewind_table() -> tuple[list[int], list[int]]:
    """Return the CRC's octet table, and which entry has a given top octet (it is a permutation)."""
    table = [zlib.crc32(bytes((i ^ 0xFF,))) ^ 0xFF000000 for i in range(256)]
    by_top = [0] * 256
    for index, entry in enumerate(table):
        by_top[entry >> 24] = index
    return table, by_top


def _rewind(difference: int, octets: int) -> int:
    """Return the difference of two CRCs that becomes ``difference`` after ``octets`` octets."""
    table, by_top = _rewind_table()
    for _ in range(octets):
        index = by_top[difference >> 24]
        difference = (difference ^ table[index]) << 8 & 0xFFFFFFFF | index
    return difference


CONGESTION_DELTA = [_rewind(octet, 4) for octet in range(256)]
"""XORing an entry into the CRC before a BTH has the effect of XORing its index into octet 4."""


class Flow:
    """Start values for the packets from one UDP endpoint to another.

    Raises ``ValueError`` when an address is not numeric.
    """

    __slots__ = (
        "_table", "destination", "destination_ip", "exact", "pseudo", "source", "source_ip",
    )  # fmt: skip

    def __init__(self, source: Address, destination: Address) -> None:
        self.source = source
        self.destination = destination
        self.source_ip = _numeric(source[0])
        self.destination_ip = _numeric(destination[0])
        self.exact = isinstance(self.source_ip, IPv6Address)
        """Whether all fields of the headers that a socket hides are known."""
        if self.destination_ip.version != self.source_ip.version:
            raise ValueError(f"{source[0]} and {destination[0]} are of different families")
        self.pseudo = self._pseudo(0, 0)
        """What the ICRC covers before the BTH, with lengths and identification still to fill in."""
        self._table: dict[int, list[int]] = {}

    def seeds(self, size: int, count: int = 1) -> list[int]:
        """Return at least ``count`` start values for packets of ``size`` octets with ICRC.

        The index is the IPv4 identification. For packets whose BTH octet 4 is zero.
        """
        found = self._table.get(size)
        if found is None:
            if len(self._table) >= _MAX_LENGTHS:
                self._table.clear()
            found = self._table[size] = [self.seed(size, 0)]
        if len(found) < count:
            wanted = -(-count // _IDENTS_PER_STEP) * _IDENTS_PER_STEP
            found.extend(self.seed(size, ident) for ident in range(len(found), wanted))
        return found

    def seed(self, size: int, ident: int) -> int:
        """Return the start value for a packet of ``size`` octets including ICRC."""
        return crc32(self._pseudo(size + _UDP.size, ident)) ^ CONGESTION_DELTA[0xFF]

    def _pseudo(self, length: int, ident: int) -> bytes:
        """Octets of ones and the headers around ``length`` octets of UDP, masked."""
        source, destination = self.source_ip.packed, self.destination_ip.packed
        if self.exact:
            ip = _IPV6.pack(0x6FFFFFFF, length, _PROTOCOL_UDP, 0xFF, source, destination)
        else:
            ip = _IPV4.pack(
                0x45, 0xFF, length + _IPV4.size, ident, _DONT_FRAGMENT, 0xFF, _PROTOCOL_UDP, 0xFFFF,
                source, destination,
            )  # fmt: skip
        udp = _UDP.pack(self.source[1], self.destination[1], length, 0xFFFF)
        return _ONES + ip + udp

    def icrc(self, packet: bytes | memoryview, ident: int = 0) -> int:
        """Return the ICRC of a packet given without one."""
        return crc32(packet, self.seed(len(packet) + 4, ident) ^ CONGESTION_DELTA[packet[4]])

    def verify(self, packet: memoryview, likely: int = 0, ident: int | None = None) -> bool:
        """Return whether the ICRC at the end of ``packet`` (at least 16 octets) is right.

        ``ident`` is the IPv4 identification where the source knows it; otherwise ``likely`` is
        tried first, then 0, then all.
        """
        size = len(packet)
        mask = CONGESTION_DELTA[packet[4]]
        if ident is not None:
            return crc32(packet, self.seed(size, ident) ^ mask) == RESIDUE
        if likely and crc32(packet, self.seeds(size, likely + 1)[likely] ^ mask) == RESIDUE:
            return True
        remainder = crc32(packet, self.seeds(size)[0] ^ mask)
        if remainder == RESIDUE:
            return True
        return not self.exact and solve_identification(size, remainder ^ RESIDUE) is not None


@lru_cache(maxsize=2048)
def _identification_rows(size: int) -> list[tuple[int, int, int]]:
    """Return the differences that the IPv4 identification can make, as a reduced basis.

    For packets of ``size`` octets including ICRC. Each row: a bit that no other row has, the
    difference of the remainders, the bits of the identification that cause it.
    """
    zeros = bytes(_AFTER_IDENTIFICATION + size)
    still = crc32(zeros, zlib.crc32(bytes(2)))
    rows: list[tuple[int, int, int]] = []
    for bit in range(16):
        cause = 1 << bit
        vector = crc32(zeros, zlib.crc32(cause.to_bytes(2, "big"))) ^ still
        for pivot, row, row_cause in rows:
            if vector & pivot:
                vector ^= row
                cause ^= row_cause
        # Never zero: a CRC of 32 bits tells all differences apart that lie within 32 bits.
        new = 1 << vector.bit_length() - 1
        rows = [
            (pivot, row ^ vector, row_cause ^ cause) if row & new else (pivot, row, row_cause)
            for pivot, row, row_cause in rows
        ]
        rows.append((new, vector, cause))
    return rows


def solve_identification(size: int, difference: int) -> int | None:
    """Return the change of the IPv4 identification that explains a difference, if any."""
    ident = 0
    for pivot, row, cause in _identification_rows(size):
        if difference & pivot:
            difference ^= row
            ident ^= cause
    return None if difference else ident


def packet_icrc(ip_packet: bytes | memoryview) -> int:
    """Return the ICRC that an IP packet (from IP header to ICRC) ought to end with.

    Written from the definition, without any of the above. For captures and tests.
    """
    masked = bytearray(ip_packet[:-4])
    if masked[0] >> 4 == 4:
        start = (masked[0] & 15) * 4
        blank = (1, 8, 10, 11)
    else:
        start = 40
        masked[0] |= 0x0F
        blank = (1, 2, 3, 7)
    for index in (*blank, start + 6, start + 7, start + 8 + 4):
        masked[index] = 0xFF
    return zlib.crc32(_ONES + masked)


@lru_cache(maxsize=1024)
def _numeric(host: str) -> IPv4Address | IPv6Address:
    """Return an address as on the wire: without scope, IPv4-mapped addresses as IPv4."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address

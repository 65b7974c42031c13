"""Fields of the frame that a message ended in: frame, Ethernet, IP, UDP, base transport header.

They are read from the frame's octets when something asks for them; the names are Wireshark's.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Any

from ..base.packet import BTH_LENGTH, ICRC_LENGTH, LINK_ETHERNET, Carrier
from ..tracking.model import Message

Fields = dict[str, Any]
_UNVERIFIED, _NOT_PRESENT, _ILLEGAL = 2, 3, 4
"""What Wireshark has for checksums that nobody looked at, that are not there, that must be."""

NAMES = frozenset(
    """
frame.len frame.cap_len frame.time frame.marked frame.ignored frame.encap_type
frame.offset_shift eth.dst eth.src eth.addr eth.type eth.dst.oui eth.src.oui eth.addr.oui
eth.dst.lg eth.dst.ig eth.src.lg eth.src.ig eth.lg eth.ig ip.version ip.hdr_len ip.dsfield
ip.dsfield.dscp ip.dsfield.ecn ip.len ip.id ip.flags ip.flags.rb ip.flags.df ip.flags.mf
ip.frag_offset ip.ttl ip.proto ip.checksum ip.checksum.status ip.host ip.src_host ip.dst_host
ipv6.version ipv6.tclass ipv6.tclass.dscp ipv6.tclass.ecn ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim
ipv6.host ipv6.src_host ipv6.dst_host udp.length udp.checksum udp.checksum.status udp.srcport
udp.dstport udp.port infiniband.bth infiniband.bth.se infiniband.bth.m infiniband.bth.padcnt
infiniband.bth.tver infiniband.bth.p_key infiniband.bth.a infiniband.bth.reserved7
infiniband.reserved infiniband.invariant.crc
""".split()  # noqa: SIM905 (one name a line is no easier to read)
)


def header_fields(message: Message) -> Fields:
    """Return the fields of the last frame of a message, as far as its octets are there."""
    carrier, view = message.carrier, message.head
    fields: Fields = {}
    if carrier is None or not view:
        return fields
    for part in (_frame, _ethernet, _ip, _udp, _base_transport):
        try:
            fields.update(part(message, carrier, view))
        except (struct.error, IndexError, ValueError):
            break  # the frame was cut here
    return fields


def _frame(message: Message, carrier: Carrier, view: bytes) -> Iterator[tuple[str, Any]]:
    yield "frame.len", carrier.original
    yield "frame.cap_len", carrier.captured
    yield "frame.time", message.time_ns
    yield "frame.marked", False
    yield "frame.ignored", False
    yield "frame.offset_shift", 0.0
    if carrier.link_type == LINK_ETHERNET:
        yield "frame.encap_type", 1


def _ethernet(message: Message, carrier: Carrier, view: bytes) -> Iterator[tuple[str, Any]]:
    if carrier.link_type != LINK_ETHERNET:
        return
    destination, source = bytes(view[:6]), bytes(view[6:12])
    (kind,) = struct.unpack_from(">H", view, 12)
    for name, address in (("dst", destination), ("src", source)):
        yield f"eth.{name}", address.hex(":")
        yield f"eth.{name}.oui", int.from_bytes(address[:3], "big")
        yield f"eth.{name}.lg", bool(address[0] & 2)
        yield f"eth.{name}.ig", bool(address[0] & 1)
    both = (destination, source)
    yield "eth.addr", [address.hex(":") for address in both]
    yield "eth.addr.oui", [int.from_bytes(address[:3], "big") for address in both]
    yield "eth.lg", [bool(address[0] & 2) for address in both]
    yield "eth.ig", [bool(address[0] & 1) for address in both]
    yield "eth.type", kind


def _hosts(family: str, source: str, destination: str) -> Iterator[tuple[str, Any]]:
    yield f"{family}.src_host", source
    yield f"{family}.dst_host", destination
    yield f"{family}.host", [source, destination]


def _ip(message: Message, carrier: Carrier, view: bytes) -> Iterator[tuple[str, Any]]:
    if not carrier.network:
        return
    at = carrier.network - carrier.offset
    if carrier.ip_version == 6:
        first, length, following, limit = struct.unpack_from(">IHBB", view, at)
        yield "ip.version", first >> 28
        yield "ipv6.version", first >> 28
        yield "ipv6.tclass", first >> 20 & 0xFF
        yield "ipv6.tclass.dscp", first >> 22 & 0x3F
        yield "ipv6.tclass.ecn", first >> 20 & 3
        yield "ipv6.flow", first & 0xFFFFF
        yield "ipv6.plen", length
        yield "ipv6.nxt", following
        yield "ipv6.hlim", limit
        ends = (ipaddress.IPv6Address(bytes(view[at + n : at + n + 16])) for n in (8, 24))
        yield from _hosts("ipv6", *map(str, ends))
        return
    if carrier.ip_version != 4:
        return
    kind, service, length, identification, fragment, ttl, protocol, checksum = struct.unpack_from(
        ">BBHHHBBH", view, at
    )
    yield "ip.version", kind >> 4
    yield "ip.hdr_len", (kind & 15) * 4
    yield "ip.dsfield", service
    yield "ip.dsfield.dscp", service >> 2
    yield "ip.dsfield.ecn", service & 3
    yield "ip.len", length
    yield "ip.id", identification
    yield "ip.flags", fragment >> 13
    yield "ip.flags.rb", bool(fragment & 0x8000)
    yield "ip.flags.df", bool(fragment & 0x4000)
    yield "ip.flags.mf", bool(fragment & 0x2000)
    yield "ip.frag_offset", (fragment & 0x1FFF) * 8
    yield "ip.ttl", ttl
    yield "ip.proto", protocol
    yield "ip.checksum", checksum
    yield "ip.checksum.status", _UNVERIFIED
    ends4 = (ipaddress.IPv4Address(bytes(view[at + n : at + n + 4])) for n in (12, 16))
    yield from _hosts("ip", *map(str, ends4))


def _udp(message: Message, carrier: Carrier, view: bytes) -> Iterator[tuple[str, Any]]:
    if not carrier.udp:
        return
    at = carrier.udp - carrier.offset
    source, destination, length, checksum = struct.unpack_from(">4H", view, at)
    yield "udp.srcport", source
    yield "udp.dstport", destination
    yield "udp.port", [source, destination]
    yield "udp.length", length
    yield "udp.checksum", checksum
    absent = _ILLEGAL if carrier.ip_version == 6 else _NOT_PRESENT
    yield "udp.checksum.status", _UNVERIFIED if checksum else absent


def _base_transport(message: Message, carrier: Carrier, view: bytes) -> Iterator[tuple[str, Any]]:
    """Give InfiniBand's base transport header (IBA volume 1, "Base Transport Header")."""
    if not carrier.bth:
        return
    at = carrier.bth - carrier.offset
    _, flags, partition, queue, sequence = struct.unpack_from(">BBHII", view, at)
    yield "infiniband.bth", view[at : at + BTH_LENGTH].hex()
    yield "infiniband.bth.se", bool(flags & 0x80)
    yield "infiniband.bth.m", bool(flags & 0x40)
    yield "infiniband.bth.padcnt", flags >> 4 & 3
    yield "infiniband.bth.tver", flags & 15
    yield "infiniband.bth.p_key", partition
    yield "infiniband.reserved", f"{queue >> 24:02x}"
    yield "infiniband.bth.a", bool(sequence & 1 << 31)
    yield "infiniband.bth.reserved7", sequence >> 24 & 0x7F
    if len(view) == at + BTH_LENGTH + ICRC_LENGTH:
        yield "infiniband.invariant.crc", struct.unpack_from(">I", view, at + BTH_LENGTH)[0]

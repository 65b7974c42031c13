"""Fields of the frame that a message ended in: frame, Ethernet, IP, UDP, TCP, base transport.

They are read from the frame's octets when something asks for them; the names are Wireshark's. What
the frames of a connection have in common (addresses, flags) is made once, and shared: such fields
are not to be changed.
"""

from __future__ import annotations

import ipaddress
import struct
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..base.packet import BTH_LENGTH, ICRC_LENGTH, LINK_ERF, LINK_ETHERNET, Carrier
from ..tracking.model import Message
from . import tcp
from .vendors import MAKERS, resolved

Fields = dict[str, Any]
KEPT = 1024
"""Headers of one kind whose fields are kept for the next frame with the same."""
_UNVERIFIED, _NOT_PRESENT, _ILLEGAL = 2, 3, 4
"""What Wireshark has for checksums that nobody looked at, that are not there, that must be."""

NAMES: Final[frozenset[str]] = tcp.NAMES | frozenset(
    """
frame.len frame.cap_len frame.time frame.time_delta frame.marked frame.ignored frame.encap_type
frame.offset_shift eth.dst eth.src eth.addr eth.type eth.dst.oui eth.src.oui eth.addr.oui
eth.dst_resolved eth.src_resolved eth.addr_resolved eth.dst.oui_resolved eth.src.oui_resolved
eth.addr.oui_resolved eth.dst.lg eth.dst.ig eth.src.lg eth.src.ig eth.lg eth.ig
ip.version ip.hdr_len ip.dsfield
ip.dsfield.dscp ip.dsfield.ecn ip.len ip.id ip.flags ip.flags.rb ip.flags.df ip.flags.mf
ip.frag_offset ip.ttl ip.proto ip.checksum ip.checksum.status ip.host ip.src_host ip.dst_host
ipv6.version ipv6.tclass ipv6.tclass.dscp ipv6.tclass.ecn ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim
ipv6.host ipv6.src_host ipv6.dst_host udp.length udp.checksum udp.checksum.status udp.srcport
udp.dstport udp.port infiniband.bth infiniband.bth.se infiniband.bth.m infiniband.bth.padcnt
infiniband.bth.tver infiniband.bth.p_key infiniband.bth.a infiniband.bth.reserved7
infiniband.reserved infiniband.invariant.crc
""".split()  # noqa: SIM905 (one name a line is no easier to read)
)


class Headers(NamedTuple):
    """The fields of a frame's headers."""

    own: Fields
    """Those of this frame."""
    shared: list[Fields]
    """Those that others have as well, as objects that are the same for each of them."""


def header_fields(message: Message) -> Fields:
    """Return the fields of the last frame of a message, as far as its octets are there."""
    headers = headers_of(message)
    found = headers.own
    for fields in headers.shared:
        found.update(fields)
    return found


def headers_of(message: Message) -> Headers:
    """Return the same, in what is the frame's own and what is not."""
    carrier, view = message.carrier, message.head
    headers = Headers({}, [])
    if carrier is None or not view:
        return headers
    for part in (_frame, _ethernet, _ip, _udp, _tcp, _base_transport):
        try:
            part(headers, message, carrier, view)
        except (struct.error, IndexError, ValueError):
            break  # the frame was cut here
    return headers


_FRAME: Fields = {"frame.marked": False, "frame.ignored": False, "frame.offset_shift": 0.0}
_ENCAPSULATIONS = {LINK_ETHERNET: 1, 101: 7, 113: 25, LINK_ERF: 98, 276: 210}
"""Link types -> Wireshark's own numbers for them; of those that it was asked about."""
_FRAMES: dict[int, Fields] = {
    link: {**_FRAME, "frame.encap_type": number} for link, number in _ENCAPSULATIONS.items()
}


def _frame(headers: Headers, message: Message, carrier: Carrier, view: bytes) -> None:
    own = headers.own
    own["frame.len"], own["frame.cap_len"] = carrier.original, carrier.captured
    own["frame.time"] = message.time_ns
    own["frame.time_delta"] = (message.time_ns - carrier.before_ns) / 1e9
    headers.shared.append(_FRAMES.get(carrier.link_type, _FRAME))


def _ethernet(headers: Headers, message: Message, carrier: Carrier, view: bytes) -> None:
    if carrier.link_type == LINK_ETHERNET:
        headers.shared.append(_ethernet_fields(view[:14]))


@lru_cache(KEPT)
def _ethernet_fields(header: bytes) -> Fields:
    fields: Fields = {}
    both = (header[:6], header[6:12])
    for name, address in zip(("dst", "src"), both, strict=True):
        fields[f"eth.{name}"] = address.hex(":")
        fields[f"eth.{name}_resolved"] = resolved(address)
        fields[f"eth.{name}.oui"] = int.from_bytes(address[:3], "big")
        fields[f"eth.{name}.lg"] = bool(address[0] & 2)
        fields[f"eth.{name}.ig"] = bool(address[0] & 1)
    fields["eth.addr"] = [address.hex(":") for address in both]
    fields["eth.addr_resolved"] = [resolved(address) for address in both]
    makers = [MAKERS.get(int.from_bytes(address[:3], "big")) for address in both]
    for name, maker in zip(("dst", "src"), makers, strict=True):
        if maker is not None:
            fields[f"eth.{name}.oui_resolved"] = maker[1]
            fields.setdefault("eth.addr.oui_resolved", []).append(maker[1])
    fields["eth.addr.oui"] = [int.from_bytes(address[:3], "big") for address in both]
    fields["eth.lg"] = [bool(address[0] & 2) for address in both]
    fields["eth.ig"] = [bool(address[0] & 1) for address in both]
    (fields["eth.type"],) = struct.unpack_from(">H", header, 12)
    return fields


def _hosts(family: str, source: str, destination: str) -> Fields:
    return {
        f"{family}.src_host": source,
        f"{family}.dst_host": destination,
        f"{family}.host": [source, destination],
    }


def _ip(headers: Headers, message: Message, carrier: Carrier, view: bytes) -> None:
    if not carrier.network:
        return
    at, own = carrier.network - carrier.offset, headers.own
    if carrier.ip_version == 6:
        header = view[at : at + 40]
        (own["ipv6.plen"],) = struct.unpack_from(">H", header, 4)
        headers.shared.append(_ipv6_fields(header[:4] + header[6:]))
    elif carrier.ip_version == 4:
        header = view[at : at + 20]
        lengths = struct.unpack_from(">HH4xH8x", header, 2)
        own["ip.len"], own["ip.id"], own["ip.checksum"] = lengths
        headers.shared.append(_ipv4_fields(header[:2] + header[6:10] + header[12:]))


@lru_cache(KEPT)
def _ipv6_fields(header: bytes) -> Fields:
    """Return the fields of a header without its length."""
    first, following, limit = struct.unpack_from(">IBB", header)
    ends = (ipaddress.IPv6Address(header[at : at + 16]) for at in (6, 22))
    return {
        "ip.version": first >> 28,
        "ipv6.version": first >> 28,
        "ipv6.tclass": first >> 20 & 0xFF,
        "ipv6.tclass.dscp": first >> 22 & 0x3F,
        "ipv6.tclass.ecn": first >> 20 & 3,
        "ipv6.flow": first & 0xFFFFF,
        "ipv6.nxt": following,
        "ipv6.hlim": limit,
        **_hosts("ipv6", *map(str, ends)),
    }


@lru_cache(KEPT)
def _ipv4_fields(header: bytes) -> Fields:
    """Return the fields of a header without its length, its identification and its checksum."""
    kind, service, fragment, ttl, protocol = struct.unpack_from(">BBHBB", header)
    ends = (ipaddress.IPv4Address(header[at : at + 4]) for at in (6, 10))
    return {
        "ip.version": kind >> 4,
        "ip.hdr_len": (kind & 15) * 4,
        "ip.dsfield": service,
        "ip.dsfield.dscp": service >> 2,
        "ip.dsfield.ecn": service & 3,
        "ip.flags": fragment >> 13,
        "ip.flags.rb": bool(fragment & 0x8000),
        "ip.flags.df": bool(fragment & 0x4000),
        "ip.flags.mf": bool(fragment & 0x2000),
        "ip.frag_offset": (fragment & 0x1FFF) * 8,
        "ip.ttl": ttl,
        "ip.proto": protocol,
        "ip.checksum.status": _UNVERIFIED,
        **_hosts("ip", *map(str, ends)),
    }


def _udp(headers: Headers, message: Message, carrier: Carrier, view: bytes) -> None:
    if not carrier.udp:
        return
    at = carrier.udp - carrier.offset
    source, destination, length, checksum = struct.unpack_from(">4H", view, at)
    headers.own["udp.length"], headers.own["udp.checksum"] = length, checksum
    absent = _ILLEGAL if carrier.ip_version == 6 else _NOT_PRESENT
    headers.shared.append(_udp_fields(source, destination, _UNVERIFIED if checksum else absent))


def _tcp(headers: Headers, message: Message, carrier: Carrier, view: bytes) -> None:
    if carrier.spoken is None:
        return
    (bits,) = struct.unpack_from(">H", view, carrier.tcp - carrier.offset + 12)
    headers.own.update(tcp.tcp_fields(carrier, carrier.spoken, message, view))
    headers.shared.append(tcp.flag_fields(bits))


@lru_cache(KEPT)
def _udp_fields(source: int, destination: int, status: int) -> Fields:
    return {
        "udp.srcport": source,
        "udp.dstport": destination,
        "udp.port": [source, destination],
        "udp.checksum.status": status,
    }


def _base_transport(headers: Headers, message: Message, carrier: Carrier, view: bytes) -> None:
    """Give InfiniBand's base transport header (IBA volume 1, "Base Transport Header")."""
    if not carrier.bth:
        return
    at, own = carrier.bth - carrier.offset, headers.own
    _, flags, partition, queue, sequence = struct.unpack_from(">BBHII", view, at)
    own["infiniband.bth"] = view[at : at + BTH_LENGTH].hex()
    headers.shared.append(_base_fields(flags, partition, queue >> 24, sequence >> 24))
    if len(view) == at + BTH_LENGTH + ICRC_LENGTH:
        (own["infiniband.invariant.crc"],) = struct.unpack_from(">I", view, at + BTH_LENGTH)


@lru_cache(KEPT)
def _base_fields(flags: int, partition: int, reserved: int, acknowledge: int) -> Fields:
    return {
        "infiniband.bth.se": bool(flags & 0x80),
        "infiniband.bth.m": bool(flags & 0x40),
        "infiniband.bth.padcnt": flags >> 4 & 3,
        "infiniband.bth.tver": flags & 15,
        "infiniband.bth.p_key": partition,
        "infiniband.reserved": f"{reserved:02x}",
        "infiniband.bth.a": bool(acknowledge & 0x80),
        "infiniband.bth.reserved7": acknowledge & 0x7F,
    }

"""Frames into packets: the one function that is called for every frame that is looked at.

The length of a packet is what its headers say, never what was captured: a frame cut at the
snapshot length keeps its payload's size, and ``have`` says how much of it is in the file.
What is cut or wrong is ``FrameKind.BROKEN`` with a fault in words; nothing is raised.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import IPv6Address
from struct import Struct

from nfsrdma.rpcrdma.roce.wire.opcode import BTH_OCTETS, ICRC_OCTETS

from ..base.extent import Piece
from ..base.packet import Encapsulation, Frame, FrameKind, Packet
from . import link, tunnels
from .fragments import Datagram, Fragment, Fragments
from .roce import EXTENSIONS, ROCE_PORT, RPC_PORTS

_ETH_IP_UDP_BTH = Struct(">12xHBBHHHBBH4s4sHHHHBBHII")
"""The commonest case in one step: Ethernet, IPv4 without options, UDP, BTH."""
_IPV4 = Struct(">BBHHHBBH4s4s")
_IPV6 = Struct(">IHBB16s16s")
_UDP = Struct(">HHHH")
_BTH = Struct(">BBHII")
_TCP = Struct(">HHIIBBHHH")
_LRH = Struct(">BBHHH")
_FRAGMENT = 0x3FFF
_UDP_PROTOCOL, _TCP_PROTOCOL, _BTH_HEADER = 17, 6, 0x1B
_AUTHENTICATION = 51
_IPV6_SKIPPED = frozenset((0, 43, 60))
_MAX_EXTENSIONS = 8
_FRAGMENT_HEADER = 44
_FRAGMENT_FIELDS = Struct(">BBHI")
_MAX_LAYERS = 16
"""Headers around each other that are opened."""
_LNH_LOCAL, _LNH_GLOBAL = 2, 3


_OF_FRAME = (
    "number", "time_ns", "offset", "captured", "original", "link_type", "ip_version", "source",
    "destination", "ecn", "outer", "tunnels",
)  # fmt: skip
"""What a packet in fragments has of the frame that made it whole."""


@lru_cache(maxsize=4096)
def ipv4_text(octets: bytes) -> str:
    """Return an IPv4 address as text."""
    return ".".join(map(str, octets))


@lru_cache(maxsize=4096)
def ipv6_text(octets: bytes) -> str:
    """Return an IPv6 address as text; one that IPv4 is mapped to as IPv4's."""
    address = IPv6Address(octets)
    return str(address.ipv4_mapped or address)


class Layers:
    """Fills one packet, again and again, from the frames of a capture."""

    def __init__(self) -> None:
        self.packet = Packet()
        self.fragments = Fragments()
        self._plain = self.packet
        self._assembled = Packet()
        """Has pieces, which the other never has."""

    def decode(self, frame: Frame) -> Packet:
        """Return the packet of a frame."""
        packet = self.packet
        view, offset = frame.view, frame.offset
        captured = frame.captured
        packet.number = frame.number
        packet.time_ns = frame.time_ns
        packet.offset = offset
        packet.captured = captured
        packet.original = frame.original
        link_type = packet.link_type = frame.link_type
        if link_type == link.ETHERNET and captured >= 54:
            (
                kind, version, tos, length, _, fragment, _, protocol, _, source, destination,
                sport, dport, _, _, opcode, bits, _, word, tail,
            ) = _ETH_IP_UDP_BTH.unpack_from(view, offset)  # fmt: skip
            if (
                kind == link.IPV4
                and version == 0x45
                and protocol == _UDP_PROTOCOL
                and dport == ROCE_PORT
                and not fragment & _FRAGMENT
            ):
                packet.network = offset + 14
                packet.ip_version = 4
                packet.encapsulation = Encapsulation.ROCE_V2
                packet.source = ipv4_text(source)
                packet.destination = ipv4_text(destination)
                packet.source_port = sport
                packet.destination_port = dport
                packet.ecn = tos & 3
                packet.bth = offset + 42
                end = packet.transport_end = offset + 14 + length
                self._transport(view, opcode, bits, word, tail, end, offset + captured)
                return packet
        self._general(view, offset, offset + captured)
        found, self.packet = self.packet, self._plain
        return found

    def segment(self, view: memoryview, at: int, end: int) -> Packet:
        """Return the packet at ``at``, up to ``end``, of the current frame, which holds several."""
        packet = self.packet
        self._base(view, at, end, packet.offset + packet.captured)
        return packet

    def _general(self, view: memoryview, offset: int, end: int) -> None:
        packet = self.packet
        packet.kind = FrameKind.OTHER
        locate = link.LINK_TYPES.get(packet.link_type)
        if locate is None:
            return
        packet.outer, packet.tunnels = 0, ()
        kind, at = locate(view, offset, end)
        wire = offset + packet.original
        view = view[:end]  # behind it is the next record
        try:
            for _ in range(_MAX_LAYERS):
                packet.network = at
                inner = self._layer(view, kind, at, wire, end)
                if inner is None:
                    return
                kind, at, last, name = inner
                wire = min(wire, last)
                end = min(end, wire)
                packet.outer = packet.outer or packet.network
                packet.tunnels += (name,)
            self._broken(f"more than {_MAX_LAYERS} headers around each other")
        except (struct.error, IndexError):
            self._broken("cut inside of its headers")

    def _layer(
        self, view: memoryview, kind: int, at: int, wire: int, end: int
    ) -> tunnels.Inner | None:
        """Decode a packet of ours at ``at``, or return what something else is in."""
        packet = self.packet
        if kind == tunnels.ETHERNET_FRAME:
            kind, at = link.ethernet(view, at, end)
            packet.network = at
        elif kind == tunnels.IP:
            kind, at = link.raw_ip(view, at, end)
        if kind == link.IPV4:
            return self._ipv4(view, at, wire, end)
        if kind == link.IPV6:
            return self._ipv6(view, at, wire, end)
        if kind == link.ROCE_V1:
            packet.encapsulation = Encapsulation.ROCE_V1
            self._grh(view, at, end)
        elif kind == link.LOCAL_ROUTE:
            self._lrh(view, at, end)
        elif kind in tunnels.ETHERTYPES:
            return tunnels.ETHERTYPES[kind](view, at, wire)
        return None

    def _broken(self, fault: str) -> None:
        self.packet.kind = FrameKind.BROKEN
        self.packet.fault = fault

    def _ipv4(self, view: memoryview, at: int, wire: int, end: int) -> tunnels.Inner | None:
        packet = self.packet
        version, tos, length, number, fragment, _, protocol, _, source, destination = (
            _IPV4.unpack_from(view, at)
        )
        header = (version & 15) * 4
        if version >> 4 != 4 or header < 20:
            return None
        packet.ip_version = 4
        packet.source = ipv4_text(source)
        packet.destination = ipv4_text(destination)
        packet.ecn = tos & 3
        # Segmentation offload leaves the length zero in packets captured at their sender.
        wire_end = at + length if length else wire
        if fragment & _FRAGMENT:
            more, place = bool(fragment & 0x2000), (fragment & 0x1FFF) * 8
            self._fragment(view, protocol, number, at + header, wire_end, place, more)
            return None
        return self._within(view, protocol, at + header, wire_end, end)

    def _within(
        self, view: memoryview, protocol: int, at: int, wire_end: int, end: int
    ) -> tunnels.Inner | None:
        """Return what an IP header says is behind it."""
        if protocol == _AUTHENTICATION:
            protocol, at = view[at], at + 8 + view[at + 1] * 4
        if protocol == _UDP_PROTOCOL:
            return self._udp(view, at, wire_end, end)
        if protocol == _TCP_PROTOCOL:
            self._tcp(view, at, wire_end, end)
        elif protocol in tunnels.IP_PROTOCOLS:
            return tunnels.IP_PROTOCOLS[protocol](view, at, wire_end)
        return None

    def _ipv6(self, view: memoryview, at: int, wire: int, end: int) -> tunnels.Inner | None:
        packet = self.packet
        word, length, protocol, _, source, destination = _IPV6.unpack_from(view, at)
        if word >> 28 != 6:
            return None
        packet.ip_version = 6
        packet.source = ipv6_text(source)
        packet.destination = ipv6_text(destination)
        packet.ecn = word >> 20 & 3
        wire_end = at + 40 + length if length else wire
        at += 40
        for _ in range(_MAX_EXTENSIONS):
            if protocol not in _IPV6_SKIPPED:
                break
            if at + 2 > end:
                raise IndexError
            protocol, at = view[at], at + 8 + view[at + 1] * 8
        if protocol == _FRAGMENT_HEADER:
            protocol, _, place, number = _FRAGMENT_FIELDS.unpack_from(view, at)
            if place & 0xFFF9:
                more = bool(place & 1)
                self._fragment(view, protocol, number, at + 8, wire_end, place & 0xFFF8, more)
                return None
            at += 8  # an atomic one (RFC 6946)
        return self._within(view, protocol, at, wire_end, end)

    def _fragment(
        self,
        view: memoryview,
        protocol: int,
        number: int,
        at: int,
        wire_end: int,
        place: int,
        more: bool,
    ) -> None:
        """Take a fragment, ``place`` octets into its datagram, which may be whole with it."""
        packet = self.packet
        size = wire_end - at
        piece = Fragment(place, place + size, min(size, len(view) - at), at, packet.number)
        key = ((packet.source, packet.destination), protocol, number)
        whole = self.fragments.add(key, piece, not more, packet.network, packet.time_ns)
        if whole is not None:
            self.packet = self._assemble(view, whole)

    def _assemble(self, view: memoryview, datagram: Datagram) -> Packet:
        """Decode the packet that fragments make, as seen in the frame of the last of them."""
        frame, packet = self.packet, self._assembled
        for name in _OF_FRAME:
            setattr(packet, name, getattr(frame, name))
        self.packet = packet
        fragments, datagram.fragments = datagram.fragments, []
        at, there = fragments[0].offset, fragments[0].have
        packet.kind, packet.network = FrameKind.OTHER, datagram.network
        total = max(datagram.total, fragments[-1].end)
        if not datagram.whole and there >= _UDP.size and datagram.key[1] == _UDP_PROTOCOL:
            total = max(total, _UDP.unpack_from(view, at)[2])
        try:
            inner = self._within(view[: at + there], datagram.key[1], at, at + total, at + there)
        except (struct.error, IndexError):
            self._broken("an IP fragment that ends inside of a header")
            return packet
        if inner is not None:
            self._broken(f"{inner.name} in IP fragments is not looked into")
        start = packet.payload - at
        packet.pieces = []
        for fragment in fragments:
            first = max(fragment.start, start)
            last = min(fragment.start + fragment.have, start + packet.size)
            if first < last:
                offset = fragment.offset + first - fragment.start
                packet.pieces.append(Piece(first - start, last - first, offset, fragment.frame))
        return packet

    def leftover(self, view: memoryview, datagram: Datagram) -> Packet | None:
        """Return what there is of a datagram that is not whole, if it begins as one of ours."""
        if not datagram.begun:
            return None
        frame = self.packet
        (frame.source, frame.destination), _, _ = datagram.key
        frame.ip_version = 6 if ":" in frame.source else 4
        frame.number, frame.time_ns = datagram.fragments[0].frame, datagram.time_ns
        packet = self._assemble(view, datagram)
        self.packet = frame
        return packet if packet.kind in (FrameKind.ROCE, FrameKind.UDP) else None

    def _udp(self, view: memoryview, at: int, wire_end: int, end: int) -> tunnels.Inner | None:
        packet = self.packet
        sport, dport, length, _ = _UDP.unpack_from(view, at)
        if dport != ROCE_PORT:
            if dport in RPC_PORTS or sport in RPC_PORTS:
                packet.source_port, packet.destination_port = sport, dport
                packet.payload = at + 8
                packet.size = max(0, length - 8)
                packet.have = max(0, min(packet.size, min(end, wire_end) - packet.payload))
                packet.kind = FrameKind.UDP
            elif dport in tunnels.UDP_PORTS:
                try:
                    return tunnels.UDP_PORTS[dport](view, at + 8, min(wire_end, at + length))
                except (struct.error, IndexError):
                    if packet.captured < packet.original:
                        raise
                    # Whole, and too short: not the tunnel that its port spoke of.
            return None
        packet.source_port, packet.destination_port = sport, dport
        packet.encapsulation = Encapsulation.ROCE_V2
        self._base(view, at + 8, wire_end, end)
        return None

    def _base(self, view: memoryview, at: int, wire_end: int, end: int) -> None:
        packet = self.packet
        packet.bth = at
        packet.transport_end = wire_end
        if at + BTH_OCTETS > end:
            self._broken("cut inside of its base transport header")
            return
        opcode, bits, _, word, tail = _BTH.unpack_from(view, at)
        self._transport(view, opcode, bits, word, tail, wire_end, end)

    def _transport(
        self,
        view: memoryview,
        opcode: int,
        bits: int,
        word: int,
        tail: int,
        wire_end: int,
        end: int,
    ) -> None:
        """Take the fields of a base transport header; read extension headers and payload."""
        packet = self.packet
        packet.opcode = opcode
        packet.pad = pad = bits >> 4 & 3
        packet.notify = word >> 24
        packet.qpn = word & 0xFFFFFF
        packet.psn = tail & 0xFFFFFF
        packet.acknowledge = tail > 0x7FFFFFFF
        extension = EXTENSIONS.get(opcode)
        if extension is None:
            self._broken(f"opcode {opcode:#04x} is not known")
            return
        payload = packet.payload = packet.bth + extension.octets
        if extension.read is not None:
            if payload > end:
                self._broken("cut inside of its extension headers")
                if packet.captured < packet.original:
                    packet.kind = FrameKind.CUT
                return
            extension.read(packet, view, packet.bth + BTH_OCTETS)
        size = packet.size = wire_end - ICRC_OCTETS - pad - payload
        if size < 0:
            self._broken("shorter than its headers")
            return
        have = end - payload
        packet.have = have if have < size else size
        if have < 0:
            packet.have = 0
        packet.kind = FrameKind.ROCE

    def _grh(self, view: memoryview, at: int, end: int) -> None:
        """Decode behind a global route header, which is an IPv6 header by another name."""
        packet = self.packet
        word, length, following, _, source, destination = _IPV6.unpack_from(view, at)
        packet.ip_version = 6
        packet.source = ipv6_text(source)
        packet.destination = ipv6_text(destination)
        packet.ecn = word >> 20 & 3
        packet.source_port = packet.destination_port = 0
        if following == _BTH_HEADER:
            self._base(view, at + 40, at + 40 + length, end)

    def _lrh(self, view: memoryview, at: int, end: int) -> None:
        """Decode behind a local route header; the length is counted in words from its start."""
        packet = self.packet
        _, bits, destination, words, source = _LRH.unpack_from(view, at)
        packet.encapsulation = Encapsulation.INFINIBAND
        following = bits & 3
        if following == _LNH_GLOBAL:
            self._grh(view, at + 8, end)
        elif following == _LNH_LOCAL:
            packet.ip_version = 0
            packet.source = f"LID {source}"
            packet.destination = f"LID {destination}"
            packet.source_port = packet.destination_port = packet.ecn = 0
            self._base(view, at + 8, at + (words & 0x7FF) * 4, end)

    def _tcp(self, view: memoryview, at: int, wire_end: int, end: int) -> None:
        packet = self.packet
        sport, dport, sequence, ack, offset, flags, _, _, _ = _TCP.unpack_from(view, at)
        header = (offset >> 4) * 4
        if header < 20 or at + header > wire_end:
            self._broken("a TCP header of an impossible length")
            return
        packet.source_port, packet.destination_port = sport, dport
        packet.tcp_sequence, packet.tcp_ack, packet.flags = sequence, ack, flags
        packet.bth = at
        packet.payload = at + header
        packet.size = wire_end - packet.payload
        packet.have = max(0, min(packet.size, end - packet.payload))
        packet.transport_end = wire_end
        packet.kind = FrameKind.TCP


__all__ = ["Layers", "ipv4_text", "ipv6_text"]

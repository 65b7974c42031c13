"""Synthetic captures of RPC over TCP and UDP: two hosts, their segments, their records."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import ip_address

from tests.support.rdma_wire import Frame, compound, getattr_call, getattr_results, results

SYN, ACK, PUSH_ACK = 0x02, 0x10, 0x18


@dataclass
class Peer:
    """One end: its address, its port, the sequence number of its next octet."""

    address: str
    port: int
    sequence: int


@dataclass
class TcpWire:
    """Records what two hosts send to each other on one connection."""

    client: Peer = field(default_factory=lambda: Peer("10.0.0.1", 900, 0xFFFFFF00))
    server: Peer = field(default_factory=lambda: Peer("10.0.0.2", 2049, 1000))
    mss: int = 1448
    frames: list[Frame] = field(default_factory=list)
    now: int = 1_700_000_000_000_000_000

    def other(self, sender: Peer) -> Peer:
        return self.server if sender is self.client else self.client

    def frame(self, sender: Peer, protocol: int, body: bytes, fragment: int = 0x4000) -> Frame:
        """An IPv4 packet on Ethernet; it is recorded as well."""
        addresses = [ip_address(peer.address).packed for peer in (sender, self.other(sender))]
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, fragment, 64, protocol, 0, *addresses
        )
        self.now += 1000
        frame = Frame(self.now, b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\x00" + ip + body)
        self.frames.append(frame)
        return frame

    def segment(self, sender: Peer, data: bytes = b"", flags: int = PUSH_ACK) -> Frame:
        """One segment in sequence."""
        peer = self.other(sender)
        tcp = struct.pack(
            ">HHIIBBHHH", sender.port, peer.port, sender.sequence,
            peer.sequence if flags & ACK else 0, 0x50, flags, 65535, 0, 0,
        )  # fmt: skip
        sender.sequence = sender.sequence + len(data) + (flags & SYN == SYN) & 0xFFFFFFFF
        return self.frame(sender, 6, tcp + data)

    def connect(self) -> None:
        """The handshake."""
        self.segment(self.client, flags=SYN)
        self.segment(self.server, flags=SYN | ACK)
        self.segment(self.client, flags=ACK)

    def stream(self, sender: Peer, data: bytes) -> None:
        """As many segments as it takes."""
        for at in range(0, len(data), self.mss):
            self.segment(sender, data[at : at + self.mss])

    def record(self, sender: Peer, message: bytes, fragment: int = 1 << 20) -> None:
        """An RPC message, in fragments of a record."""
        self.stream(sender, marked(message, fragment))

    def datagram(self, sender: Peer, message: bytes, keep: int | None = None) -> None:
        """A UDP datagram, or the first fragment of one, with ``keep`` octets."""
        udp = struct.pack(">HHHH", sender.port, self.other(sender).port, 8 + len(message), 0)
        if keep is None:
            self.frame(sender, 17, udp + message)
        else:
            self.frame(sender, 17, udp + message[:keep], 0x2000)


def marked(message: bytes, fragment: int = 1 << 20) -> bytes:
    """A record: fragments with their marks."""
    out = b""
    for at in range(0, len(message), fragment):
        part = message[at : at + fragment]
        last = at + fragment >= len(message)
        out += struct.pack(">I", len(part) | last << 31) + part
    return out


def call(xid: int) -> bytes:
    return compound(xid, getattr_call())


def reply(xid: int) -> bytes:
    return results(xid, getattr_results())

"""Synthetic captures of NFS over RDMA on iWARP: what ``rdma_wire`` says, on TCP.

Framing, markers and checksums are written down from RFC 5044, 5041 and 5040 without the dissector.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from tests.support.rdma_wire import Host, Wire
from tests.support.tcp_wire import Peer, TcpWire


def crc32c(data: bytes) -> int:
    """Bit by bit."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@dataclass
class IwarpWire(Wire):
    """A :class:`Wire` on TCP. ``mtu`` is the payload of a DDP segment."""

    mtu: int = 700
    markers: bool = False
    crc: bool = True
    enhanced: bool = False
    private: bytes = b""
    aligned: bool = True
    """Each FPDU in a segment of its own."""
    tcp: TcpWire = field(default_factory=lambda: TcpWire(server=Peer("10.0.0.2", 20049, 1000)))
    sent: dict[int, int] = field(default_factory=dict)
    """Octets of the FPDU stream that each host has sent, by queue pair number."""
    number: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.frames = self.tcp.frames

    def peer(self, host: Host) -> Peer:
        return self.tcp.client if host is self.client else self.tcp.server

    def connect(self) -> None:
        """TCP's handshake and MPA's."""
        self.tcp.connect()
        for host, name in ((self.client, b"Req"), (self.server, b"Rep")):
            flags = self.markers << 7 | self.crc << 6 | self.enhanced << 4
            private = (bytes(4) if self.enhanced else b"") + self.private
            hello = b"MPA ID " + name + b" Frame"
            hello += struct.pack(">BBH", flags, 1 + self.enhanced, len(private)) + private
            self.tcp.stream(self.peer(host), hello)

    def fpdu(self, sender: Host, ulpdu: bytes) -> None:
        """An FPDU with its markers and its checksum (RFC 5044, Section 4)."""
        plain = struct.pack(">H", len(ulpdu)) + ulpdu
        plain += bytes(-len(plain) % 4)
        at = self.sent.get(sender.qpn, 0)
        out = b""
        start: int | None = None
        for index in range(0, len(plain) + 4, 4):
            if self.markers and at % 512 == 0:
                out += struct.pack(">I", 0 if start is None else at - start)
                at += 4
            if start is None:
                start = at
            if index == len(plain):
                out += struct.pack("<I", crc32c(out) if self.crc else 0)
            else:
                out += plain[index : index + 4]
            at += 4
        self.sent[sender.qpn] = at
        self.emit(sender, out)

    def emit(self, sender: Host, out: bytes) -> None:
        peer = self.peer(sender)
        if self.aligned:
            self.tcp.segment(peer, out)
        else:
            for at in range(0, len(out), 97):
                self.tcp.segment(peer, out[at : at + 97])

    def untagged(self, sender: Host, opcode: int, queue: int, data: bytes, word: int = 0) -> None:
        key = sender.qpn << 2 | queue
        number = self.number[key] = self.number.get(key, 0) + 1
        for at in range(0, max(1, len(data)), self.mtu):
            part = data[at : at + self.mtu]
            last = 0x40 if at + self.mtu >= len(data) else 0
            head = struct.pack(">BBIIII", last | 1, 0x40 | opcode, word, queue, number, at)
            self.fpdu(sender, head + part)

    def tagged(self, sender: Host, opcode: int, handle: int, address: int, data: bytes) -> None:
        for at in range(0, len(data), self.mtu):
            part = data[at : at + self.mtu]
            last = 0x40 if at + self.mtu >= len(data) else 0
            head = struct.pack(">BBIQ", 0x81 | last, 0x40 | opcode, handle, address + at)
            self.fpdu(sender, head + part)

    def send(self, sender: Host, data: bytes, invalidate: int | None = None) -> None:
        opcode = 3 if invalidate is None else 4
        self.untagged(sender, opcode, 0, data, invalidate or 0)

    def rdma_write(self, sender: Host, handle: int, address: int, data: bytes) -> None:
        self.tagged(sender, 0, handle, address, data)

    def rdma_read(self, sender: Host, handle: int, address: int, data: bytes) -> None:
        request = struct.pack(">IQIIQ", 0x77, 0x5000, len(data), handle, address)
        self.untagged(sender, 1, 1, request)
        self.tagged(self.other(sender), 2, 0x77, 0x5000, data)

    def terminate(self, sender: Host, layer: int, kind: int, code: int) -> None:
        self.untagged(sender, 7, 2, struct.pack(">BBH", layer << 4 | kind, code, 0))

"""Synthetic captures of NFS over RDMA: two hosts, what they say, and any way to write it down.

A :class:`Wire` collects frames; its methods are what an adapter would send for a work request. The
frames are InfiniBand packets with an encapsulation put around them, and go to a capture file in any
format. Nothing here uses the dissector.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    PATH_MTUS,
    RdmaCmHeader,
    Rep,
    Req,
    gid_of,
    service_id,
)
from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.roce.wire.mad import encode_mad
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.message import encode_accepted, encode_call
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.transport.private_data import PrivateData
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

SEND, WRITE, READ_RESPONSE = (0x00, 0x01, 0x02, 0x04), (0x06, 0x07, 0x08, 0x0A), (13, 14, 15, 16)
PATH_MTU_CODES = {octets: code for code, octets in PATH_MTUS.items()}
CREDENTIAL = Credentials.sys(1000, 100, (), b"client").to_auth()
STATEID = t.stateid4(1, bytes(12))


@dataclass
class Host:
    """One end: its address, its queue pair, the PSN of its next request."""

    address: str
    qpn: int
    psn: int
    lid: int = 1


@dataclass
class Frame:
    """A frame as captured: ``data`` is from the link layer on."""

    time: int
    data: bytes


@dataclass
class Wire:
    """Records what two hosts send to each other."""

    client: Host = field(default_factory=lambda: Host("10.0.0.1", 0x11, 100, 1))
    server: Host = field(default_factory=lambda: Host("10.0.0.2", 0x22, 0xFFFFF0, 2))
    mtu: int = 1024
    encapsulation: str = "rocev2"
    service: int = 20049
    """The port in the service identifier."""
    udp_source: int = 49152
    frames: list[Frame] = field(default_factory=list)
    now: int = 1_700_000_000_000_000_000

    def other(self, host: Host) -> Host:
        return self.server if host is self.client else self.client

    # Packets

    def packet(
        self, sender: Host, opcode: int, psn: int, extension: bytes = b"", payload: bytes = b"",
        qpn: int | None = None,
    ) -> Frame:  # fmt: skip
        """One packet, with its link layer; it is recorded as well."""
        pad = -len(payload) % 4
        to = self.other(sender).qpn if qpn is None else qpn
        bth = struct.pack(">BBHII", opcode, pad << 4, 0xFFFF, to, psn & 0xFFFFFF)
        body = bth + extension + payload + bytes(pad)
        self.now += 1000
        frame = Frame(self.now, _ENCAPSULATIONS[self.encapsulation](self, sender, body))
        self.frames.append(frame)
        return frame

    def _message(
        self, sender: Host, opcodes: tuple[int, ...], data: bytes, psn: int, first: bytes,
        last: bytes = b"", only: bytes | None = None,
    ) -> int:  # fmt: skip
        parts = [data[at : at + self.mtu] for at in range(0, len(data), self.mtu)] or [b""]
        for index, part in enumerate(parts):
            is_first, is_last = index == 0, index == len(parts) - 1
            opcode = opcodes[3 if is_first and is_last else 0 if is_first else 2 if is_last else 1]
            extension = (first if is_first else b"") + (last if is_last else b"")
            if is_first and is_last and only is not None:
                extension = only
            self.packet(sender, opcode, psn + index, extension, part)
        return len(parts)

    def send(self, sender: Host, data: bytes, invalidate: int | None = None) -> None:
        """An RDMA SEND, acknowledged."""
        opcodes, last = SEND, b""
        if invalidate is not None:
            opcodes, last = (0x00, 0x01, 0x16, 0x17), struct.pack(">I", invalidate)
        count = self._message(sender, opcodes, data, sender.psn, b"", last)
        sender.psn += count
        self.acknowledge(self.other(sender), sender.psn - 1)

    def acknowledge(self, sender: Host, psn: int, syndrome: int = 0x1F) -> None:
        """An ACK or a NAK."""
        self.packet(sender, 0x11, psn, struct.pack(">I", syndrome << 24))

    def rdma_write(self, sender: Host, handle: int, address: int, data: bytes) -> None:
        """An RDMA WRITE."""
        reth = struct.pack(">QII", address & (1 << 64) - 1, handle, len(data))
        sender.psn += self._message(sender, WRITE, data, sender.psn, reth)

    def rdma_read(self, sender: Host, handle: int, address: int, data: bytes) -> None:
        """An RDMA READ by ``sender`` of ``data``, and its response."""
        reth = struct.pack(">QII", address, handle, len(data))
        self.packet(sender, 0x0C, sender.psn, reth)
        aeth = struct.pack(">I", 0x1F << 24)
        sender.psn += self._message(
            self.other(sender), READ_RESPONSE, data, sender.psn, aeth, aeth, aeth
        )

    def datagram(self, sender: Host, message: Req | Rep) -> None:
        """A message of the connection manager."""
        mad = encode_mad(message.ATTRIBUTE, 1, message.encode())
        self.packet(sender, 0x64, 1, struct.pack(">II", 0x80010000, 1), mad, qpn=1)

    def connect(self, client: PrivateData | None = None, server: PrivateData | None = None) -> None:
        """The handshake, with what the two say of themselves."""
        gids = [gid_of(host.address) for host in (self.client, self.server)]
        said = [b"" if data is None else data.encode() for data in (client, server)]
        head = RdmaCmHeader(self.client.address, 40000, self.server.address).encode()
        request = Req(
            local_comm_id=5,
            service_id=service_id(self.service),
            local_ca_guid=1,
            local_qpn=self.client.qpn,
            starting_psn=self.server.psn & 0xFFFFFF,
            local_gid=gids[0],
            remote_gid=gids[1],
            path_mtu=PATH_MTU_CODES.get(self.mtu, 3),
            private_data=head + said[0],
        )
        if self.encapsulation in ("infiniband", "erf"):
            request = replace(request, local_lid=self.client.lid, remote_lid=self.server.lid)
        self.datagram(self.client, request)
        reply = Rep(
            local_comm_id=6,
            remote_comm_id=5,
            local_qpn=self.server.qpn,
            starting_psn=self.client.psn & 0xFFFFFF,
            local_ca_guid=2,
            private_data=said[1],
        )
        self.datagram(self.server, reply)

    # RPC

    def nfs_call(
        self, xid: int, operations: list[t.nfs_argop4], *, read: list[Chunk] | None = None,
        write: list[Chunk] | None = None, reply: Chunk | None = None, credits: int = 32,
        inline: bytes | None = None,
    ) -> None:  # fmt: skip
        """A COMPOUND from the client, all of it inline unless ``inline`` says what is left."""
        body = compound(xid, operations) if inline is None else inline
        proc = 1 if read and read[0].position == 0 else 0
        header = encode_header(xid, credits, proc, read or (), write or (), reply)
        self.send(self.client, bytes(header) + body)

    def nfs_reply(
        self, xid: int, body: bytes, *, write: list[Chunk] | None = None,
        reply: Chunk | None = None, invalidate: int | None = None, credits: int = 32,
    ) -> None:  # fmt: skip
        """The reply to it; ``body`` is what stays inline."""
        proc = 1 if reply is not None and not body else 0
        header = encode_header(xid, credits, proc, (), write or (), reply)
        self.send(self.server, bytes(header) + body, invalidate)


def compound(xid: int, operations: list[t.nfs_argop4], minor: int = 1) -> bytes:
    """A whole call."""
    enc = Encoder()
    encode_call(enc, xid, 100003, 4, 1, CREDENTIAL)
    t.COMPOUND4args(b"", minor, operations).encode(enc)
    return enc.to_bytes()


def reduced(data: bytes, payload: bytes) -> bytes:
    """A message without an opaque item: its length word stays."""
    at = data.index(payload)
    return data[:at] + data[at + (len(payload) + 3 & ~3) :]


def results(xid: int, operations: list[t.nfs_resop4], status: int = 0) -> bytes:
    """A whole reply."""
    enc = Encoder()
    encode_accepted(enc, xid)
    t.COMPOUND4res(status, b"", operations).encode(enc)
    return enc.to_bytes()


def pattern(size: int, seed: int = 0) -> bytes:
    """Octets that differ from place to place."""
    return bytes((index * 7 + (index >> 8) * 13 + seed) & 0xFF for index in range(size))


def getattr_call() -> list[t.nfs_argop4]:
    return [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"handle-of-a-file")),
        t.nfs_argop4(t.OP_GETATTR, t.GETATTR4args([0x18])),
    ]


def getattr_results() -> list[t.nfs_resop4]:
    attributes = t.fattr4([0x18], struct.pack(">QQ", 7, 4096))
    return [
        t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
        t.nfs_resop4(t.OP_GETATTR, t.GETATTR4res(0, t.GETATTR4resok(attributes))),
    ]


def read_call(offset: int, count: int) -> list[t.nfs_argop4]:
    return [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"handle-of-a-file")),
        t.nfs_argop4(t.OP_READ, t.READ4args(STATEID, offset, count)),
    ]


def read_results(data: bytes) -> list[t.nfs_resop4]:
    return [
        t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
        t.nfs_resop4(t.OP_READ, t.READ4res(0, t.READ4resok(False, data))),
    ]


def write_call(offset: int, data: bytes) -> list[t.nfs_argop4]:
    return [
        t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"handle-of-a-file")),
        t.nfs_argop4(t.OP_WRITE, t.WRITE4args(STATEID, offset, 2, data)),
    ]


def write_results(count: int) -> list[t.nfs_resop4]:
    return [
        t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(0)),
        t.nfs_resop4(t.OP_WRITE, t.WRITE4res(0, t.WRITE4resok(count, 2, bytes(8)))),
    ]


def do_getattr(wire: Wire, xid: int) -> None:
    """GETATTR, all inline."""
    wire.nfs_call(xid, getattr_call())
    wire.nfs_reply(xid, results(xid, getattr_results()))


def do_read(wire: Wire, xid: int, data: bytes, segments: list[Segment], offset: int = 0) -> None:
    """A READ of ``data`` into a write chunk of these segments."""
    chunk = [Chunk(segments)]
    wire.nfs_call(xid, read_call(offset, len(data)), write=chunk)
    used, at = [], 0
    for handle, length, address in segments:
        part = data[at : at + length]
        if part:
            wire.rdma_write(wire.server, handle, address, part)
        used.append(Segment(handle, len(part), address))
        at += len(part)
    body = reduced(results(xid, read_results(data)), data)
    wire.nfs_reply(xid, body, write=[Chunk(used)])


def do_write(wire: Wire, xid: int, data: bytes, segments: list[Segment], offset: int = 0) -> None:
    """A WRITE of ``data`` from a read chunk of these segments."""
    whole = compound(xid, write_call(offset, data))
    position = whole.index(data)
    wire.nfs_call(xid, [], read=[Chunk(segments, position)], inline=reduced(whole, data))
    at = 0
    for handle, length, address in segments:
        wire.rdma_read(wire.server, handle, address, data[at : at + length])
        at += length
    wire.nfs_reply(xid, results(xid, write_results(len(data))))


# Encapsulations


def _rocev2(wire: Wire, sender: Host, body: bytes) -> bytes:
    source, destination = ip_address(sender.address), ip_address(wire.other(sender).address)
    udp = struct.pack(">HHHH", wire.udp_source, 4791, 8 + len(body) + 4, 0)
    if source.version == 4:
        ip = struct.pack(
            ">BBHHHBBH4s4s", 0x45, 2, 20 + 8 + len(body) + 4, len(wire.frames) & 0xFFFF, 0x4000,
            64, 17, 0, source.packed, destination.packed,
        )  # fmt: skip
    else:
        ip = struct.pack(
            ">IHBB16s16s", 0x60000000, 8 + len(body) + 4, 17, 64, source.packed, destination.packed
        )
    packet = ip + udp + body + bytes(4)
    packet = packet[:-4] + packet_icrc(packet).to_bytes(4, "little")
    return _ethernet(b"\x08\x00" if source.version == 4 else b"\x86\xdd", packet)


def _ethernet(kind: bytes, packet: bytes) -> bytes:
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + kind + packet


def _grh(wire: Wire, sender: Host, body: bytes) -> bytes:
    gids = [
        b"\0" * 10 + b"\xff\xff" + ip_address(host.address).packed
        for host in (sender, wire.other(sender))
    ]
    return struct.pack(">IHBB16s16s", 0x60000000, len(body) + 4, 0x1B, 1, *gids) + body


def _invariant(body: bytes, at: int) -> bytes:
    """The invariant CRC (IBA 7.8.1) of a packet whose BTH is at ``at``; the caller has masked what
    is before it.
    """
    masked = body[: at + 4] + b"\xff" + body[at + 5 :]
    return zlib.crc32(masked).to_bytes(4, "little")


def _variant(packet: bytes) -> bytes:
    """The variant CRC (IBA 7.8.2): all of it, from the LRH to the invariant CRC."""
    crc = 0xFFFF
    for octet in packet:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0xD008 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(2, "little")


def _rocev1(wire: Wire, sender: Host, body: bytes) -> bytes:
    packet = _grh(wire, sender, body)
    # As if there were an LRH of ones; traffic class, flow label and hop limit may change.
    masked = b"\xff" * 8 + b"\x6f\xff\xff\xff" + packet[4:7] + b"\xff" + packet[8:]
    return _ethernet(b"\x89\x15", packet + _invariant(masked, 48))


def _infiniband(wire: Wire, sender: Host, body: bytes) -> bytes:
    words = (8 + len(body) + 4) // 4
    lrh = struct.pack(">BBHHH", 0, 2, wire.other(sender).lid, words, sender.lid)
    packet = lrh + body + _invariant(b"\xf0" + lrh[1:] + body, 8)
    return packet + _variant(packet)


def _erf(wire: Wire, sender: Host, body: bytes) -> bytes:
    packet = _infiniband(wire, sender, body)
    seconds, fraction = divmod(wire.now, 10**9)
    stamp = seconds << 32 | (fraction << 32) // 10**9
    record = struct.pack(">HHH", 16 + len(packet), 0, len(packet))
    return struct.pack("<QBB", stamp, 21, 4) + record + packet


def _vlan(wire: Wire, sender: Host, body: bytes) -> bytes:
    frame = _rocev2(wire, sender, body)
    return frame[:12] + b"\x81\x00\x00\x07" + frame[12:]


def _sll(wire: Wire, sender: Host, body: bytes) -> bytes:
    frame = _rocev2(wire, sender, body)
    return bytes(14) + frame[12:]


def _sll2(wire: Wire, sender: Host, body: bytes) -> bytes:
    frame = _rocev2(wire, sender, body)
    return frame[12:14] + bytes(18) + frame[14:]


def _raw(wire: Wire, sender: Host, body: bytes) -> bytes:
    return _rocev2(wire, sender, body)[14:]


_ENCAPSULATIONS = {
    "rocev2": _rocev2,
    "vlan": _vlan,
    "sll": _sll,
    "sll2": _sll2,
    "raw": _raw,
    "rocev1": _rocev1,
    "infiniband": _infiniband,
    "erf": _erf,
}
LINK_TYPES = {"rocev2": 1, "vlan": 1, "rocev1": 1, "sll": 113, "sll2": 276, "raw": 101,
              "infiniband": 247, "erf": 197}  # fmt: skip


# Files


def pcap(
    frames: list[Frame], link_type: int = 1, *, order: str = "<", nano: bool = False,
    snaplen: int = 0,
) -> bytes:  # fmt: skip
    """A classic capture file."""
    magic, unit = (0xA1B23C4D, 1) if nano else (0xA1B2C3D4, 1000)
    out = bytearray(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen or 262144, link_type))
    for frame in frames:
        seconds, fraction = divmod(frame.time, 10**9)
        data = frame.data[:snaplen] if snaplen else frame.data
        out += struct.pack(order + "IIII", seconds, fraction // unit, len(data), len(frame.data))
        out += data
    return bytes(out)


def block(order: str, kind: int, body: bytes) -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(order: str, code: int, value: bytes) -> bytes:
    """A pcapng option."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng(
    frames: list[Frame], link_type: int = 1, *, order: str = "<", resolution: int = 9
) -> bytes:
    """A section with one interface of 10**-resolution seconds, and an enhanced block per frame."""
    section = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    interface = struct.pack(order + "HHI", link_type, 0, 0)
    interface += option(order, 2, b"eth0") + option(order, 9, bytes((resolution,)))
    interface += option(order, 0, b"")
    out = block(order, 0x0A0D0D0A, section) + block(order, 1, interface)
    for frame in frames:
        ticks = frame.time * 10**resolution // 10**9
        head = struct.pack(
            order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), len(frame.data)
        )
        out += block(order, 6, head + frame.data)
    return out


def checksum(data: bytes) -> int:
    """What the tests compare payload by."""
    return zlib.crc32(data)

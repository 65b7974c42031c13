"""Real captures for tests: a plain pcap reader, and RPC-over-RDMA messages put together.

Deliberately naive and independent of the dissector and of the RoCE engine: an oracle that shared
their code would share their mistakes. It knows only what these captures hold (Ethernet, IPv4,
RoCEv2, complete from the CM handshake on, no PSN wrap).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SEND_FIRST, SEND_MIDDLE, SEND_LAST, SEND_ONLY, SEND_LAST_INV, SEND_ONLY_INV = (
    0x00,
    0x01,
    0x02,
    0x04,
    0x16,
    0x17,
)
WRITE_FIRST, WRITE_MIDDLE, WRITE_LAST, WRITE_ONLY = 0x06, 0x07, 0x08, 0x0A
READ_REQUEST, READ_FIRST, READ_MIDDLE, READ_LAST, READ_ONLY = 0x0C, 0x0D, 0x0E, 0x0F, 0x10

_EXTENSION = {
    SEND_LAST_INV: 4,
    SEND_ONLY_INV: 4,
    WRITE_FIRST: 16,
    WRITE_ONLY: 16,
    READ_REQUEST: 16,
    READ_FIRST: 4,
    READ_LAST: 4,
    READ_ONLY: 4,
    0x11: 4,
}


def capture_folder() -> Path:
    """Where the captures are: NFSRDMA_CAPTURES, or beside the checkout."""
    return Path(os.environ.get("NFSRDMA_CAPTURES", ROOT.parent / "shared" / "captures"))


def linux_captures() -> list[Path]:
    """The captures of Linux peers, or one path that does not exist (see ``require``)."""
    return sorted(capture_folder().glob("linux-*.pcap")) or [capture_folder() / "linux-absent.pcap"]


def require(path: Path) -> Path:
    """Skip the test, saying why, where a capture is absent."""
    if not path.exists():
        pytest.skip(f"no captures at {capture_folder()} (set NFSRDMA_CAPTURES)")
    return path


def public_capture(name: str) -> Path:
    """A sample capture of other implementations, which is not ours to give away; or skip."""
    return require(capture_folder() / "public" / name)


@dataclass(slots=True)
class Frame:
    """One RoCEv2 packet. ``packet`` starts at the IP header and ends with the ICRC."""

    number: int
    packet: bytes
    source: str = ""
    destination: str = ""
    opcode: int = 0
    pad: int = 0
    qpn: int = 0
    psn: int = 0
    extension: bytes = b""
    payload: bytes = b""

    @property
    def bth_offset(self) -> int:
        return (self.packet[0] & 0x0F) * 4 + 8


def frames(path: Path) -> Iterator[Frame]:
    """Every RoCEv2 packet of a classic pcap of Ethernet frames."""
    data = path.read_bytes()
    assert struct.unpack_from("<I", data)[0] == 0xA1B2C3D4, path
    offset, number = 24, 0
    while offset < len(data):
        _, _, captured, original = struct.unpack_from("<IIII", data, offset)
        assert captured == original, "a truncated frame"
        raw = data[offset + 16 : offset + 16 + captured]
        offset += 16 + captured
        number += 1
        if raw[12:14] == b"\x08\x00" and raw[23] == 17 and raw[36:38] == b"\x12\xb7":
            length = struct.unpack_from(">H", raw, 16)[0]
            yield _parse(Frame(number, raw[14 : 14 + length]))


def _parse(frame: Frame) -> Frame:
    packet, at = frame.packet, frame.bth_offset
    frame.source = ".".join(map(str, packet[12:16]))
    frame.destination = ".".join(map(str, packet[16:20]))
    frame.opcode = packet[at]
    frame.pad = packet[at + 1] >> 4 & 3
    frame.qpn = int.from_bytes(packet[at + 5 : at + 8], "big")
    frame.psn = int.from_bytes(packet[at + 9 : at + 12], "big")
    start = at + 12 + _EXTENSION.get(frame.opcode, 0)
    frame.extension = packet[at + 12 : start]
    frame.payload = packet[start : len(packet) - 4 - frame.pad]
    return frame


@dataclass(slots=True)
class Memory:
    """What was written to, or read from, each side's registered memory."""

    extents: dict[tuple[str, int, int], bytes] = field(default_factory=dict)

    def put(self, host: str, rkey: int, address: int, data: bytes) -> None:
        self.extents[host, rkey, address] = data

    def get(self, host: str, rkey: int, address: int, length: int) -> bytes:
        """The octets there, which must all be known."""
        out = bytearray()
        while len(out) < length:
            piece = self.extents[host, rkey, address + len(out)]
            out += piece
        return bytes(out[:length])


@dataclass(slots=True)
class Message:
    """One SEND, put together: ``data`` is an RPC-over-RDMA message."""

    frame: int
    source: str
    destination: str
    data: bytes


def messages(path: Path) -> tuple[list[Message], Memory]:
    """Every SEND in the order of its last packet, and the memory that chunks refer to."""
    memory = Memory()
    sends: list[Message] = []
    partial: dict[tuple[str, str, int], tuple[int, bytearray]] = {}
    seen: set[tuple[str, str, int, int]] = set()
    writes: dict[tuple[str, str, int, int], tuple[int, int]] = {}  # by the PSN to come
    reads: dict[tuple[str, str, int], tuple[int, int]] = {}  # by the response's PSN
    for frame in frames(path):
        flow = (frame.source, frame.destination, frame.qpn)
        if frame.opcode in (SEND_FIRST, SEND_MIDDLE, SEND_LAST, SEND_ONLY, *range(0x16, 0x18)):
            if (*flow, frame.psn) in seen:
                continue
            seen.add((*flow, frame.psn))
            _send(frame, partial, flow, sends)
        elif frame.opcode in (WRITE_FIRST, WRITE_ONLY, WRITE_MIDDLE, WRITE_LAST):
            if frame.extension:
                address, rkey, _ = struct.unpack(">QII", frame.extension)
            elif (*flow, frame.psn) in writes:
                address, rkey = writes[(*flow, frame.psn)]
            else:
                continue
            memory.put(frame.destination, rkey, address, frame.payload)
            writes[(*flow, frame.psn + 1)] = (address + len(frame.payload), rkey)
        elif frame.opcode == READ_REQUEST:
            address, rkey, _ = struct.unpack(">QII", frame.extension)
            reads[frame.destination, frame.source, frame.psn] = (address, rkey)
        elif frame.opcode in (READ_FIRST, READ_MIDDLE, READ_LAST, READ_ONLY):
            key = (frame.source, frame.destination, frame.psn)
            if key in reads:
                address, rkey = reads[key]
                memory.put(frame.source, rkey, address, frame.payload)
                following = (frame.source, frame.destination, frame.psn + 1)
                reads.setdefault(following, (address + len(frame.payload), rkey))
    return sends, memory


def _send(
    frame: Frame,
    partial: dict[tuple[str, str, int], tuple[int, bytearray]],
    flow: tuple[str, str, int],
    sends: list[Message],
) -> None:
    if frame.opcode in (SEND_FIRST, SEND_ONLY, SEND_ONLY_INV):
        data = bytearray(frame.payload)
    else:
        expected, data = partial.pop(flow)
        assert expected == frame.psn, "a SEND with a hole"
        data += frame.payload
    if frame.opcode in (SEND_FIRST, SEND_MIDDLE):
        partial[flow] = (frame.psn + 1, data)
    else:
        sends.append(Message(frame.number, frame.source, frame.destination, bytes(data)))

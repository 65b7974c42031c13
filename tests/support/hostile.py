"""Captures that are made to take a dissector long: each shape at any size.

What each does is written by hand, packet by packet, since no honest sender would.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.support.rdma_wire import Frame, Wire

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
SEND_FIRST, SEND_MIDDLE, SEND_LAST, SEND_ONLY = 0x00, 0x01, 0x02, 0x04
WRITE_FIRST, WRITE_MIDDLE, WRITE_LAST, WRITE_ONLY = 0x06, 0x07, 0x08, 0x0A
READ_REQUEST, READ_FIRST, READ_MIDDLE, READ_LAST, READ_ONLY = 0x0C, 0x0D, 0x0E, 0x0F, 0x10
ACKNOWLEDGE = 0x11
TO_SERVER, TO_CLIENT = 0x100, 0x200

Segment = tuple[int, int, int]
"""Handle, length, offset."""


class Maker:
    """Frames between two hosts; a packet is to whichever of them its queue pair belongs to."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.frames: list[Frame] = []

    def packet(
        self, qpn: int, psn: int, opcode: int, extension: bytes = b"", payload: bytes = b"",
        source: str = "",
    ) -> None:  # fmt: skip
        wire = self.wire
        sender = wire.client if qpn & 0xF00 == TO_SERVER else wire.server
        if source:
            sender.address = source
        self.frames.append(wire.packet(sender, opcode, psn, extension, payload, qpn))

    def call(self, psn: int, xid: int, writes: list[Segment] | None = None) -> None:
        body = struct.pack(">6I", xid, 0, 2, 100003, 4, 0) + bytes(16)
        self.packet(TO_SERVER, psn, SEND_ONLY, b"", header(xid, writes) + body)

    def reply(self, psn: int, xid: int, writes: list[Segment] | None = None) -> None:
        body = struct.pack(">6I", xid, 1, 0, 0, 0, 0)
        self.packet(TO_CLIENT, psn, SEND_ONLY, b"", header(xid, writes) + body)

    def pair(self) -> None:
        """One RPC, from which it is known who belongs to whom."""
        self.call(1, 1)
        self.reply(1, 1)


def header(xid: int, writes: list[Segment] | None = None) -> bytes:
    """An RDMA_MSG header with at most one Write chunk."""
    out = struct.pack(">5I", xid, 1, 32, 0, 0)
    if writes:
        out += struct.pack(">2I", 1, len(writes))
        out += b"".join(struct.pack(">2IQ", *segment) for segment in writes)
    return out + bytes(8)


def reth(address: int, handle: int, length: int) -> bytes:
    return struct.pack(">QII", address, handle, length)


def aeth(syndrome: int = 0x1F) -> bytes:
    return struct.pack(">I", syndrome << 24)


SHAPES: dict[str, Callable[[int], list[Frame]]] = {}


def shape(make: Callable[[Maker, int], None]) -> Callable[[Maker, int], None]:
    def made(size: int) -> list[Frame]:
        maker = Maker()
        make(maker, size)
        return maker.frames

    SHAPES[make.__name__] = made
    return make


@shape
def orphans_and_gaps(to: Maker, size: int) -> None:
    """A reply with many segments, each of which fits each of as many orphaned packets."""
    to.pair()
    to.packet(TO_CLIENT, 2, WRITE_FIRST, reth(0, 7, 2048), bytes(1024))
    to.packet(TO_CLIENT, 3, WRITE_LAST, b"", bytes(1024))
    segments = [(1000 + index, 1028, 0) for index in range(size)]
    to.call(2, 2, segments)
    for index in range(size):
        to.packet(TO_CLIENT, 5 + 2 * index, WRITE_LAST, b"", bytes(4))
    to.reply(5 + 2 * size, 2, segments)


@shape
def orphans_that_stay(to: Maker, size: int) -> None:
    """A call that is never answered keeps orphans, and many replies come after them."""
    to.pair()
    to.packet(TO_CLIENT, 2, WRITE_FIRST, reth(0, 7, 2048), bytes(1024))
    to.packet(TO_CLIENT, 3, WRITE_LAST, b"", bytes(1024))
    for index in range(size):
        to.call(2 + index, 2 + index, [(9, 4, 4 * index)])
    for index in range(size):
        to.packet(TO_CLIENT, 5 + 2 * index, WRITE_LAST, b"", bytes(4))
    for index in range(1, size):
        to.reply(5 + 2 * size + index, 2 + index, [(9, 4, 4 * index)])


@shape
def flows_without_a_peer(to: Maker, size: int) -> None:
    """Queue pairs each way, and acknowledgements that could be for any of them."""
    for index in range(size):
        to.packet(0x1000100 + index * 0x1000, 5, WRITE_ONLY, reth(0, 7, 4), bytes(4))
    for index in range(size):
        to.packet(0x1000200 + index * 0x1000, 5, ACKNOWLEDGE, aeth())


@shape
def flows_that_nearly_fit(to: Maker, size: int) -> None:
    """The same with acknowledgements of what nobody sent, and calls that offer one handle."""
    for index in range(size):
        qpn = 0x1000100 + index * 0x1000
        to.packet(qpn, 5, SEND_ONLY, b"", header(7, [(9, 16, 1 << 40)]) + bytes(40))
    for index in range(size):
        to.packet(0x1000200 + index * 0x1000, 900, ACKNOWLEDGE, aeth())
        to.packet(0x1000200 + index * 0x1000, 5, WRITE_ONLY, reth(0, 9, 4), bytes(4))


@shape
def offers_of_one_handle(to: Maker, size: int) -> None:
    """Calls that all offer memory under one key, then as many RDMA WRITEs that fit none."""
    to.pair()
    for index in range(size // 8):
        to.call(2 + index, 2 + index, [(9, 16, 16 * part) for part in range(60)])
    for index in range(size):
        to.packet(TO_CLIENT, 2 + index, WRITE_ONLY, reth(1 << 40, 9, 4), bytes(4))


@shape
def offers_within_a_large_one(to: Maker, size: int) -> None:
    """A segment that spans all, so that how far to look back says nothing."""
    to.pair()
    to.call(2, 2, [(9, 0xFFFFFFFF, 0)])
    for index in range(size // 8):
        to.call(3 + index, 3 + index, [(9, 4, 1000 + 16 * part) for part in range(60)])
    for index in range(size):
        to.packet(TO_CLIENT, 2 + index, WRITE_ONLY, reth(1 << 20, 9, 4), bytes(4))


@shape
def writes_that_wait(to: Maker, size: int) -> None:
    """Unannounced RDMA WRITEs under one key; calls then offer that memory, bit by bit."""
    to.pair()
    for index in range(size):
        to.packet(TO_CLIENT, 2 + index, WRITE_ONLY, reth(1000 * index, 9, 4), bytes(4))
    for index in range(size // 8):
        to.call(2 + index, 2 + index, [(9, 1, 1000 * part + 500) for part in range(60)])


@shape
def one_call_many_writes(to: Maker, size: int) -> None:
    """Many segments in the same memory, and many RDMA WRITEs to all of them."""
    to.pair()
    segments = [(9, 4096, 0)] * 60
    to.call(2, 2, segments)
    for index in range(size):
        to.packet(TO_CLIENT, 2 + index, WRITE_ONLY, reth(0, 9, 4096), bytes(64))
    to.reply(2 + size, 2, segments)


@shape
def sends_backwards(to: Maker, size: int) -> None:
    """The packets of a SEND, the last one first."""
    to.pair()
    to.packet(TO_SERVER, 2 + size, SEND_LAST, b"", bytes(4))
    for psn in range(1 + size, 2, -1):
        to.packet(TO_SERVER, psn, SEND_MIDDLE, b"", bytes(64))


@shape
def sends_with_holes(to: Maker, size: int) -> None:
    """A SEND of which every other packet is missing, acknowledged packet by packet."""
    to.pair()
    to.packet(TO_SERVER, 2, SEND_FIRST, b"", bytes(64))
    for index in range(size):
        to.packet(TO_SERVER, 4 + 2 * index, SEND_MIDDLE, b"", bytes(64))
    for index in range(size):
        to.packet(TO_CLIENT, 2 + index, ACKNOWLEDGE, aeth())


@shape
def holes_and_repetitions(to: Maker, size: int) -> None:
    """Every other packet first, then those between, the last first."""
    to.pair()
    for index in range(size):
        to.packet(TO_SERVER, 3 + 2 * index, SEND_ONLY, b"", bytes(8))
    for index in range(size - 1, 0, -1):
        to.packet(TO_SERVER, 2 + 2 * index, SEND_ONLY, b"", bytes(8))
        to.packet(TO_SERVER, 3, SEND_ONLY, b"", bytes(8))


@shape
def read_with_gaps(to: Maker, size: int) -> None:
    """An RDMA READ whose response lacks every other packet; they come later, the last first."""
    to.pair()
    to.packet(TO_CLIENT, 2, READ_REQUEST, reth(0, 9, 1024 * 2 * size + 1024))
    to.packet(TO_SERVER, 2, READ_FIRST, aeth(), bytes(1024))
    for index in range(1, size):
        to.packet(TO_SERVER, 2 + 2 * index, READ_MIDDLE, b"", bytes(1024))
    for index in range(size - 1, 0, -1):
        to.packet(TO_SERVER, 1 + 2 * index, READ_MIDDLE, b"", bytes(1024))


@shape
def reads_unanswered(to: Maker, size: int) -> None:
    """READ requests that nobody answers, and responses to none of them."""
    to.pair()
    for index in range(size):
        to.packet(TO_CLIENT, 2 + 5 * index, READ_REQUEST, reth(0, 9, 4096))
    for index in range(size):
        to.packet(TO_SERVER, 0x10000 + index, READ_MIDDLE, b"", bytes(64))


@shape
def one_xid(to: Maker, size: int) -> None:
    """Calls with one XID, and replies to none."""
    to.pair()
    for index in range(size):
        to.call(2 + index, 7)
        to.reply(2 + index, 100_000 + index)


@shape
def calls_unanswered(to: Maker, size: int) -> None:
    to.pair()
    for index in range(size):
        to.call(2 + index, 100_000 + index)


@shape
def one_packet_flows(to: Maker, size: int) -> None:
    """Each packet from another host."""
    for index in range(size):
        source = f"10.1.{index >> 8}.{index & 255}"
        body = struct.pack(">6I", index, 0, 2, 100003, 4, 0) + bytes(16)
        to.packet(TO_SERVER, 5, SEND_ONLY, b"", header(index) + body, source)

"""IP fragments: put together, within bounds, and said where they are not."""

from __future__ import annotations

import random
import struct

import pytest
from tests.fuzz.targets import Octets
from tests.support.rdma_wire import Frame, Wire, do_getattr, do_read, do_write, pattern, pcap
from tests.support.tunnels import inside, ip4

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.layers import fragments
from nfsrdma.dissector.layers.fragments import Fragment, Fragments
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import Exchange
from nfsrdma.dissector.views.extract import payloads
from nfsrdma.rpcrdma.transport.chunk import Segment

READ, WRITTEN = pattern(30_001), pattern(5000, 3)


def conversation(address: str = "10.0.0.") -> list[Frame]:
    wire = Wire(mtu=4096)
    wire.client.address, wire.server.address = address + "1", address + "2"
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, READ, [Segment(7, 30_001, 0)])
    do_write(wire, 3, WRITTEN, [Segment(8, 5000, 0)])
    return wire.frames


def in_fragments(frame: Frame, size: int, number: int) -> list[Frame]:
    """A frame of Ethernet and IP, as fragments of ``size`` octets of payload."""
    data = frame.data
    six = data[14] >> 4 == 6
    header, payload = (data[14:54], data[54:]) if six else (data[14:34], data[34:])
    out = []
    for start in range(0, len(payload), size):
        part = payload[start : start + size]
        more = start + size < len(payload)
        if six:
            extension = struct.pack(">BBHI", header[6], 0, start | more, number)
            head = header[:4] + struct.pack(">HB", len(part) + 8, 44) + header[7:] + extension
        else:
            flags = start >> 3 | more << 13
            head = header[:2] + struct.pack(">HHH", 20 + len(part), number, flags) + header[8:]
        out.append(Frame(frame.time, data[:14] + head + part))
    return out


def all_in_fragments(frames: list[Frame], size: int = 1000) -> list[list[Frame]]:
    return [in_fragments(frame, size, index) for index, frame in enumerate(frames)]


class Seen:
    """What a capture showed."""

    def __init__(self, frames: list[Frame], snaplen: int = 0) -> None:
        self.exchanges: list[Exchange] = []
        self.findings: list[Finding] = []
        octets = pcap(frames, nano=True, snaplen=snaplen)
        Pipeline(reader_of(Octets(octets)), self).run()
        source = memoryview(octets)
        self.payloads: list[bytes] = []
        for exchange in self.exchanges:
            for payload in payloads(exchange):
                out = bytearray(payload.length)

                def write(at: int, data: memoryview, out: bytearray = out) -> None:
                    out[at : at + len(data)] = data

                payload.write(source, write, 0)
                self.payloads.append(bytes(out))

    def subscribe(self, events: Events) -> None:
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)

    def exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def finding(self, finding: Finding) -> None:
        self.findings.append(finding)

    def right(self) -> bool:
        return (
            len(self.exchanges) == 3
            and self.payloads == [READ, WRITTEN]
            and not self.findings
            and not any(one.findings for one in self.exchanges)
        )


@pytest.mark.parametrize("address", ["10.0.0.", "fd00::"])
@pytest.mark.parametrize("size", [64, 576, 1000, 1480, 8000])
def test_fragments_are_put_together(address: str, size: int) -> None:
    groups = all_in_fragments(conversation(address), size)
    assert Seen([frame for group in groups for frame in group]).right()


@pytest.mark.parametrize("address", ["10.0.0.", "fd00::"])
def test_in_any_order_and_twice(address: str) -> None:
    chance = random.Random(5)
    out = []
    for group in all_in_fragments(conversation(address)):
        shuffled = group * 2
        chance.shuffle(shuffled)
        out += shuffled
    assert Seen(out).right()


def test_inside_of_a_tunnel() -> None:
    frames = [frame for group in all_in_fragments(conversation()) for frame in group]
    assert Seen(inside(frames, "VXLAN")).right()


@pytest.mark.parametrize("missing", [None, 1, 3])
def test_nfs_over_udp(missing: int | None) -> None:
    call = struct.pack(">6I", 7, 0, 2, 100003, 3, 0) + bytes(16 + 3000)
    frame = Frame(1, ip4(17, struct.pack(">4H", 800, 2049, 8 + len(call), 0) + call))
    group = in_fragments(frame, 1000, 5)
    if missing is not None:
        del group[missing]
    seen = Seen(group)
    (exchange,) = seen.exchanges
    assert exchange.call is not None
    assert exchange.call.content.length == len(call)
    assert exchange.call.content.complete == (missing is None)
    assert len(seen.findings) == (missing is not None)


def test_an_atomic_fragment_is_no_fragment() -> None:
    frames = [frame for group in all_in_fragments(conversation("fd00::"), 8000) for frame in group]
    assert all(frame.data[20] == 44 for frame in frames)
    assert Seen(frames).right()


def test_what_is_missing_is_a_hole_and_said() -> None:
    groups = all_in_fragments(conversation())
    large = max(groups, key=len)
    large.pop(1)
    seen = Seen([frame for group in groups for frame in group])
    assert len(seen.exchanges) == 3
    assert {one.rule for one in seen.findings} == {"capture-hole"}
    assert any("fragments" in one.text for one in seen.findings)


def test_overlapping_fragments_drop_their_datagram() -> None:
    groups = all_in_fragments(conversation())
    large = max(groups, key=len)
    evil = bytearray(large[1].data)
    evil[20:22] = struct.pack(">H", (struct.unpack(">H", evil[20:22])[0] - 1))
    large.insert(1, Frame(large[1].time, bytes(evil)))
    seen = Seen([frame for group in groups for frame in group])
    assert "overlap" in next(one.text for one in seen.findings if one.rule == "fragments")


def test_a_snapshot_length_leaves_holes() -> None:
    frames = [frame for group in all_in_fragments(conversation()) for frame in group]
    seen = Seen(frames, snaplen=600)
    assert len(seen.exchanges) == 3
    assert not any(one.rule == "undecoded" for each in seen.exchanges for one in each.findings)


def add(table: Fragments, number: int, start: int, time: int = 0, host: str = "a") -> bool:
    piece = Fragment(start, start + 8, 8, 0, 1)
    return table.add(((host, "b"), 17, number), piece, start >= 8, 0, time) is not None


def test_what_is_waited_for_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "MAX_WAITING", 20)
    monkeypatch.setattr(fragments, "MAX_OF_PAIR", 5)
    table = Fragments()
    add(table, 1, 0, host="victim")
    for number in range(100):
        add(table, number, 0, host="flood")
    assert len(table.given_up) == 95
    assert add(table, 1, 8, host="victim")  # a flood of others does not push it out
    for number in range(100):
        add(table, number, 0, host=f"flood {number}")
    assert len(table._all) <= 20
    assert len(table._pairs) <= 20


def test_nothing_is_waited_for_longer_than_half_a_minute() -> None:
    table = Fragments()
    add(table, 1, 0)
    add(table, 2, 0, fragments.PATIENCE + 1)
    assert [one.key[2] for one in table.given_up] == [1]
    assert not add(table, 1, 8, fragments.PATIENCE + 2)


def test_a_number_is_used_again() -> None:
    table = Fragments()
    assert not add(table, 1, 0)
    assert add(table, 1, 8)
    assert not add(table, 1, 0, 1000)  # a copy
    second = 1_000_000_000
    assert not add(table, 1, 0, second)
    assert add(table, 1, 8, second)
    assert not list(table.rest())


@pytest.mark.parametrize("start", [65528, 65536, 1 << 17])
def test_a_fragment_beyond_the_largest_datagram(start: int) -> None:
    table = Fragments()
    assert not add(table, 1, start)
    assert table.given_up[0].fault


@pytest.mark.parametrize("mtu", [16, 100, 252, 256, 300])
def test_sends_in_packets_of_any_size(mtu: int) -> None:
    """InfiniBand has no such path MTU; what is all there is whole nevertheless."""
    wire = Wire(mtu=1024)
    wire.connect()
    wire.mtu = mtu
    do_getattr(wire, 1)
    do_getattr(wire, 2)
    seen = Seen(wire.frames)
    assert len(seen.exchanges) == 2
    assert not seen.findings
    assert not any(one.findings for one in seen.exchanges)

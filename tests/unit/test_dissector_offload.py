"""Frames that segmentation offload has made of several packets are taken apart again."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.dissection import Collected, dissect_octets
from tests.support.offload import superframes
from tests.support.rdma_wire import (
    Frame,
    Host,
    Wire,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    pattern,
    pcap,
)

from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.capture.source import Spool
from nfsrdma.dissector.layers import Layers, offload
from nfsrdma.dissector.layers.offload import packet_of, stride_of
from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.transport.chunk import Segment

DATA = pattern(50_003)
VA = 0x7F00_0000_1000


def traffic(mtu: int = 1024, address: str = "10.0.0.{}") -> Wire:
    """READs, WRITEs and small calls, with a handshake."""
    wire = Wire(Host(address.format(1), 0x11, 100), Host(address.format(2), 0x22, 0xFFFFF0), mtu)
    wire.connect()
    for xid in range(1, 5):
        wire.nfs_call(10 * xid, getattr_call())  # two calls in a row: one burst of them
        do_getattr(wire, 10 * xid + 1)
        do_read(wire, 10 * xid + 2, DATA, [Segment(7, 40_000, VA), Segment(8, 20_000, VA)])
        do_write(wire, 10 * xid + 3, DATA[:9000], [Segment(9, 9000, VA)])
    return wire


def seen(frames: list[Frame], folder: Path, name: str) -> Collected:
    (folder / name).mkdir()
    return dissect_octets(pcap(frames), folder / name)


def said(view: Collected) -> list[object]:
    return [
        (e.xid, e.call is not None, e.reply is not None, e.call_body and e.call_body.names(),
         [chunk.carried() for chunk in e.chunks], [f.rule for f in e.findings])
        for e in view.exchanges
    ]  # fmt: skip


@pytest.mark.parametrize("mtu", [256, 1024, 4096])
@pytest.mark.parametrize("address", ["10.0.0.{}", "fd00::{}"])
def test_superframes_say_what_their_packets_say(tmp_path: Path, mtu: int, address: str) -> None:
    frames = traffic(mtu, address).frames
    merged = superframes(frames)
    assert len(merged) < 0.7 * len(frames)
    plain = seen(frames, tmp_path, "plain")
    view = seen(merged, tmp_path, "merged")
    assert said(view) == said(plain)
    assert view.rules == plain.rules
    assert [view.data(i) for i in range(len(view.exchanges))] == [
        plain.data(i) for i in range(len(plain.exchanges))
    ]
    assert plain.pipeline is not None
    assert view.pipeline is not None
    assert plain.pipeline.offloaded == 0
    assert view.pipeline.kinds == plain.pipeline.kinds
    alone = {frame.data for frame in frames}
    assert view.pipeline.offloaded == sum(frame.data not in alone for frame in merged)


def test_acknowledgements_in_a_row(tmp_path: Path) -> None:
    wire = Wire()
    do_getattr(wire, 1)
    for psn in (98, 99, 100):
        wire.acknowledge(wire.server, psn)
    merged = superframes(wire.frames)
    assert len(merged) == len(wire.frames) - 2
    view, plain = seen(merged, tmp_path, "merged"), seen(wire.frames, tmp_path, "plain")
    assert view.pipeline is not None
    assert plain.pipeline is not None
    assert view.pipeline.kinds == plain.pipeline.kinds


def test_a_packet_inside_of_a_payload_is_no_packet(tmp_path: Path) -> None:
    """A file that is a capture of this very connection travels over it."""
    wire = Wire(mtu=4096)
    inner = Wire(mtu=4096)
    inner.nfs_call(1, getattr_call())
    packet = inner.frames[0].data[42:]
    data = packet * 8
    for size in (len(packet) * 2, len(packet) * 5, len(data)):
        wire.send(wire.client, bytes(16) + data[:size])
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert view.pipeline is not None
    assert view.pipeline.offloaded == 0


def test_a_cut_superframe_is_split_where_packets_are_seen_in_a_row(tmp_path: Path) -> None:
    wire = Wire(mtu=256)
    do_read(wire, 1, DATA, [Segment(7, 60_000, VA)])
    merged = pcap(superframes(wire.frames), snaplen=1500)
    view = dissect_octets(merged, tmp_path)
    assert view.pipeline is not None
    assert view.pipeline.offloaded > 5
    exchange = view.exchanges[0]
    whole = sum(chunk.carried() for chunk in exchange.chunks)
    assert whole < len(DATA)
    assert {finding.rule for finding in view.found} <= {"frame-broken", "capture-hole"}


def test_each_packet_gets_its_own_headers_back(tmp_path: Path) -> None:
    for address in ("10.0.0.{}", "fd00::{}"):
        wire = traffic(1024, address)
        start = 54 if ":" in address else 34
        wanted = [bytes(f.data[start:]) for f in wire.frames]
        path = tmp_path / "x"
        path.write_bytes(pcap(superframes(wire.frames)))
        data = path.read_bytes()
        reader = reader_of(Spool(_fill(data)))
        layers, got = Layers(), []
        while reader.read():
            packet = layers.decode(reader)
            stride = stride_of(packet, reader.view)
            whole = packet.transport_end - packet.bth
            for index in range(-(-whole // stride) if stride else 1):
                octets = bytes(packet_of(packet, reader.view, index, stride or whole))
                assert packet_icrc(octets) == int.from_bytes(octets[-4:], "little")
                got.append(octets[(20 if ":" not in address else 40) :])
        assert [o[8:] for o in got] == [o[8:] for o in wanted]
        assert [o[:6] for o in got] == [o[:6] for o in wanted]


@pytest.mark.parametrize("address", ["10.0.0.{}", "fd00::{}"])
def test_what_is_left_of_a_file_that_was_cut(address: str) -> None:
    """The headers that a frame had when it was decoded need not be there any more."""
    for frame in superframes(traffic(1024, address).frames):
        reader = reader_of(Spool(_fill(pcap([frame]))))
        assert reader.read()
        packet = Layers().decode(reader)
        for stride in (16, 28, 1024):
            offload._icrc_fits(packet, memoryview(bytes(len(reader.view))), stride)
        stride_of(packet, memoryview(bytes(len(reader.view))))


def _fill(data: bytes):
    left = [data]

    def fill(room: memoryview) -> int:
        part, left[0] = left[0][: len(room)], left[0][len(room) :]
        room[: len(part)] = part
        return len(part)

    return fill

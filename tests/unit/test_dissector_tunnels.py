"""What is inside of tags, labels and tunnels is what it is without them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.fuzz.targets import Octets
from tests.support.rdma_wire import Frame, Wire, do_getattr, do_read, do_write, pattern, pcap
from tests.support.tunnels import TUNNELS, inside, ip4, udp

from nfsrdma.dissector.base.packet import FrameKind
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.fields.names import known
from nfsrdma.dissector.fields.tunnels import tunnel_fields
from nfsrdma.dissector.layers import Layers
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.line import LineView
from nfsrdma.dissector.views.ndjson import NdjsonView
from nfsrdma.dissector.views.tree import TreeView
from nfsrdma.rpcrdma.transport.chunk import Segment


def conversation() -> list[Frame]:
    wire = Wire()
    wire.connect()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(100_001), [Segment(7, 100_001, 0)])
    do_write(wire, 3, pattern(5000), [Segment(8, 5000, 0)])
    return wire.frames


def shown(octets: bytes, view: Any = LineView) -> str:
    lines: list[str] = []
    Pipeline(reader_of(Octets(octets)), view(lines.append)).run()
    return "".join(lines)


@pytest.mark.parametrize("name", TUNNELS)
def test_what_is_inside_is_decoded(name: str) -> None:
    frames = conversation()
    plain = shown(pcap(frames))
    assert plain.count("OK") == 3
    assert shown(pcap(inside(frames, name))) == plain


@pytest.mark.parametrize("name", TUNNELS)
def test_the_tunnel_is_said(name: str) -> None:
    said = TUNNELS[name][1]
    text = shown(pcap(inside(conversation(), name)), TreeView)
    assert said in text.split("Inside ")[1].split("\n")[0]


def test_what_tells_tunnels_apart_is_a_field() -> None:
    tunnels = ("VLAN 7", "VLAN 8", "MPLS 16/17 pseudowire", "VXLAN 5", "GTP-U 0x2a", "NVGRE 3",
               "ERSPAN II session 9", "GRE key 4", "CMD group 6", "IP in IP")  # fmt: skip
    assert tunnel_fields(tunnels) == {
        "vlan.id": [7, 8], "mpls.label": [16, 17], "vxlan.vni": 5, "gtp.teid": 42,
        "erspan.spanid": 9, "gre.key": 4, "cmd.sgt": 6,
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(TUNNELS))
def test_json_has_the_tunnel(name: str) -> None:
    text = shown(pcap(inside(conversation(), name)), NdjsonView)
    records = [json.loads(line) for line in text.splitlines()]
    tunnels = [record["nfsrdma.tunnel"] for record in records if "rpc.xid" in record]
    assert len(tunnels) == 6
    for record in records:
        assert record.keys() <= known().keys() | {"nfs.ops"}


@pytest.mark.parametrize("name", ["VXLAN", "ERSPAN II", "ERSPAN III, IPv6", "MACsec", "MPLS"])
def test_bulk_data_is_taken_in_runs(name: str) -> None:
    """Though the headers around it count up."""
    reader = reader_of(Octets(pcap(inside(conversation(), name))))
    looked_at = 0
    pipeline = Pipeline(reader, LineView(lambda text: None))
    read = reader.read

    def counted() -> bool:
        nonlocal looked_at
        looked_at += 1
        return read()

    reader.read = counted  # type: ignore[method-assign]
    pipeline.run()
    assert looked_at < reader.number / 2


def test_tunnels_in_tunnels_are_bounded() -> None:
    frames = conversation()[:1]
    for _ in range(8):
        frames = inside(frames, "IP in IP")
    layers = Layers()
    reader = reader_of(Octets(pcap(frames)))
    assert reader.read()
    assert layers.decode(reader).kind == FrameKind.ROCE
    for _ in range(30):
        frames = inside(frames, "MPLS in IP")
    reader = reader_of(Octets(pcap(frames)))
    assert reader.read()
    packet = layers.decode(reader)
    assert packet.kind == FrameKind.BROKEN
    assert "16 headers" in packet.fault


@pytest.mark.parametrize("name", TUNNELS)
def test_a_cut_anywhere_raises_nothing(name: str) -> None:
    (frame,) = inside(conversation()[:1], name)
    for size in range(len(frame.data)):
        octets = pcap([Frame(frame.time, frame.data[:size])])
        reader = reader_of(Octets(octets))
        if reader.read():
            Layers().decode(reader)


def test_what_follows_a_tunnel_is_not_in_it() -> None:
    """A plain frame behind one in a tunnel has no tunnel."""
    frames = conversation()
    reader = reader_of(Octets(pcap([*inside(frames[:1], "VXLAN"), frames[1]])))
    layers = Layers()
    assert reader.read()
    assert layers.decode(reader).inside == ("VXLAN 100",)
    assert reader.read()
    assert layers.decode(reader).inside == ()


def test_another_protocol_on_a_tunnels_port_is_other_traffic() -> None:
    for port in (4789, 6081, 2152, 4754, 6635):
        octets = pcap([Frame(1, ip4(17, udp(port, bytes(range(200, 256)))))])
        assert "no RPC found: 0 RDMA packets, 1 others" in shown(octets)

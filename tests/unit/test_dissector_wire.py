"""Synthetic captures, each a way in which other dissectors go wrong: every octet is compared."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from tests.support.dissection import Collected, dissect_octets
from tests.support.rdma_wire import (
    LINK_TYPES,
    Frame,
    Host,
    Wire,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    pcapng,
    results,
)

from nfsrdma.rpcrdma.transport.chunk import Segment

VA = 0x7F00_0000_1000


def shown(wire: Wire, folder: Path, frames: list[Frame] | None = None) -> Collected:
    link_type = LINK_TYPES[wire.encapsulation]
    return dissect_octets(pcap(wire.frames if frames is None else frames, link_type), folder)


def session(wire: Wire) -> list[bytes]:
    """A GETATTR, a READ, a WRITE; the data of the latter two."""
    data = [pattern(10_001), pattern(7_002, 3)]
    do_getattr(wire, 1)
    do_read(wire, 2, data[0], [Segment(7, 16_384, VA)], 4096)
    do_write(wire, 3, data[1], [Segment(8, 4_096, VA), Segment(9, 2_906, VA)])
    return data


@pytest.mark.parametrize("encapsulation", sorted(LINK_TYPES))
def test_every_encapsulation_without_a_handshake(tmp_path: Path, encapsulation: str) -> None:
    wire = Wire(encapsulation=encapsulation)
    data = session(wire)
    for octets in (pcap(wire.frames, LINK_TYPES[encapsulation]),
                   pcapng(wire.frames, LINK_TYPES[encapsulation])):  # fmt: skip
        view = dissect_octets(octets, tmp_path)
        assert [e.xid for e in view.exchanges] == [1, 2, 3]
        assert [view.data(1), view.data(2)] == data
        assert view.rules == []
        assert not any(e.undecoded for e in view.exchanges)
        assert all(e.call is not None and e.reply is not None for e in view.exchanges)


def test_ipv6(tmp_path: Path) -> None:
    wire = Wire(Host("fd00::1", 5, 1), Host("fd00::2", 6, 1))
    data = session(wire)
    view = shown(wire, tmp_path)
    assert [view.data(1), view.data(2)] == data
    assert view.exchanges[0].requester.address == "fd00::1"


def test_sequence_numbers_wrap_inside_of_a_transfer(tmp_path: Path) -> None:
    wire = Wire()
    wire.server.psn = 0xFFFFFE
    data = session(wire)
    view = shown(wire, tmp_path)
    assert [view.data(1), view.data(2)] == data
    assert view.rules == []


def test_the_same_handle_and_address_for_every_call(tmp_path: Path) -> None:
    wire = Wire()
    data = [pattern(5000, seed) for seed in range(4)]
    for xid, item in enumerate(data):
        do_read(wire, xid, item, [Segment(7, 8192, VA)])
    view = shown(wire, tmp_path)
    assert [view.data(index) for index in range(4)] == data


def test_two_segments_with_one_handle_and_odd_lengths(tmp_path: Path) -> None:
    wire = Wire()
    data = pattern(8191)
    do_read(wire, 1, data, [Segment(7, 4097, VA), Segment(7, 4094, VA + 65536)])
    do_write(wire, 2, data, [Segment(7, 4097, VA), Segment(7, 4094, VA + 65536)])
    view = shown(wire, tmp_path)
    assert view.data(0) == view.data(1) == data


def test_a_call_back_with_the_same_xid(tmp_path: Path) -> None:
    wire = Wire()
    wire.nfs_call(5, getattr_call())
    call = struct.pack(">10I", 5, 0, 2, 0x40000000, 1, 0, 0, 0, 0, 0)
    header = struct.pack(">7I", 5, 1, 8, 0, 0, 0, 0)
    wire.send(wire.server, header + call)
    wire.send(wire.client, header + struct.pack(">6I", 5, 1, 0, 0, 0, 0))
    wire.nfs_reply(5, results(5, getattr_results()))
    view = shown(wire, tmp_path)
    assert [(e.requester.address, e.call_body and e.call_body.kind) for e in view.exchanges] == [
        ("10.0.0.2", "NULL"),
        ("10.0.0.1", "COMPOUND"),
    ]
    assert all(e.reply is not None for e in view.exchanges)


def test_two_clients_that_use_the_same_numbers(tmp_path: Path) -> None:
    wires = [Wire(), Wire(client=Host("10.0.0.3", 0x11, 100), server=Host("10.0.0.2", 0x23, 77))]
    data = [pattern(20_000, 1), pattern(20_000, 2)]
    for wire, item in zip(wires, data, strict=True):
        do_read(wire, 1, item, [Segment(7, 20_000, VA)])
    mixed = [frame for pair in zip(*(w.frames for w in wires), strict=True) for frame in pair]
    view = shown(wires[0], tmp_path, mixed)
    got = {view.exchanges[i].requester.address: view.data(i) for i in range(2)}
    assert got == {"10.0.0.1": data[0], "10.0.0.3": data[1]}


def test_a_lost_packet_is_a_hole_of_its_size(tmp_path: Path) -> None:
    wire = Wire()
    data = pattern(10_240)
    do_read(wire, 1, data, [Segment(7, 10_240, VA)])
    kept = [frame for frame in wire.frames if data[4096:5120] not in frame.data]
    assert len(kept) == len(wire.frames) - 1
    view = shown(wire, tmp_path, kept)
    (exchange,) = view.exchanges
    assert list(exchange.chunks[0].content.holes()) == [(4096, 5120)]
    assert view.data() == data[:4096] + bytes(1024) + data[5120:]
    assert not exchange.undecoded
    assert view.rules == ["capture-hole", "capture-hole"]


def test_packets_out_of_order_and_twice(tmp_path: Path) -> None:
    wire = Wire()
    data = pattern(10_240)
    do_read(wire, 1, data, [Segment(7, 10_240, VA)])
    frames = list(wire.frames)
    frames[4], frames[6] = frames[6], frames[4]
    frames.insert(9, frames[5])
    view = shown(wire, tmp_path, frames)
    assert view.data() == data
    assert view.rules == []


def test_go_back_n(tmp_path: Path) -> None:
    """A packet is lost, the rest of the burst is thrown away, everything comes again."""
    wire = Wire()
    data = pattern(10_240)
    do_read(wire, 1, data, [Segment(7, 10_240, VA)])
    frames = list(wire.frames)
    # The call, its ACK, ten WRITEs, the reply, its ACK.
    again = [*frames[:5], *frames[6:13], *frames[5:]]
    view = shown(wire, tmp_path, again)
    assert view.data() == data
    assert view.rules == []
    (exchange,) = view.exchanges
    assert exchange.reply is not None
    assert exchange.reply.frame == 20
    assert exchange.reply.resent == 1


def test_a_hole_is_filled_before_the_rest_is_sent(tmp_path: Path) -> None:
    """What is sent again up to the place of the loss is no run of what comes behind it."""
    wire = Wire()
    data = pattern(10_240)
    do_read(wire, 1, data, [Segment(7, 10_240, VA)])
    frames = list(wire.frames)
    # Of the ten WRITEs, from 2 on, the third is lost; the fourth to sixth were thrown away.
    view = shown(wire, tmp_path, [*frames[:4], *frames[5:8], *frames[4:]])
    assert view.data() == data
    assert view.rules == []


def test_a_read_that_is_asked_for_again_in_the_middle(tmp_path: Path) -> None:
    wire = Wire()
    data = pattern(8192)
    do_write(wire, 1, data, [Segment(7, 8192, VA)])
    frames = list(wire.frames)
    # The call, its ACK, the READ request, eight responses: the last five are lost.
    asking = Wire(mtu=wire.mtu)
    asking.server.psn = 0xFFFFF0 + 3
    asking.rdma_read(asking.server, 7, VA + 3072, data[3072:])
    view = shown(wire, tmp_path, [*frames[:6], *asking.frames, *frames[11:]])
    assert view.data() == data
    assert view.rules == []


def test_a_message_in_several_packets(tmp_path: Path) -> None:
    wire = Wire(mtu=256)
    do_getattr(wire, 1)
    wire.nfs_call(2, getattr_call() * 12)
    wire.nfs_reply(2, results(2, getattr_results() * 12))
    view = shown(wire, tmp_path)
    body = view.exchanges[1].call_body
    assert body is not None
    assert len(body.operations) == 24
    assert view.exchanges[1].call.packets > 2


def test_the_tail_of_a_capture_decodes_as_well(tmp_path: Path) -> None:
    wire = Wire()
    data = pattern(10_001)
    do_read(wire, 1, data, [Segment(7, 16_384, VA)], 4096)
    view = shown(wire, tmp_path, wire.frames[1:])
    (exchange,) = view.exchanges
    assert exchange.call is None
    assert exchange.chunks[0].content.complete
    assert exchange.reply_body is not None
    assert exchange.reply_body.names() == ["PUTFH", "READ"]
    assert view.rules == ["no-call"]


@pytest.mark.parametrize("snaplen", range(40, 240, 11))
def test_any_snapshot_length(tmp_path: Path, snaplen: int) -> None:
    wire = Wire()
    session(wire)
    view = dissect_octets(pcap(wire.frames, snaplen=snaplen), tmp_path)
    assert not any(e.undecoded for e in view.exchanges)
    assert not [rule for rule in view.rules if rule in ("undecoded", "chunk-length")]
    if snaplen >= 90:
        assert len(view.exchanges) == 3


def test_a_call_without_a_reply(tmp_path: Path) -> None:
    wire = Wire()
    wire.nfs_call(1, getattr_call())
    view = shown(wire, tmp_path)
    (exchange,) = view.exchanges
    assert exchange.reply is None
    assert exchange.call_body is not None
    assert exchange.call_body.names() == ["PUTFH", "GETATTR"]


def test_errors_done_and_other_versions(tmp_path: Path) -> None:
    wire = Wire()
    wire.nfs_call(1, getattr_call())
    wire.send(wire.server, struct.pack(">5I", 1, 1, 8, 4, 2))
    wire.send(wire.client, struct.pack(">4I", 2, 1, 8, 3))
    wire.send(wire.client, struct.pack(">7I", 3, 2, 8, 0, 0, 0, 0))
    wire.send(wire.client, b"short")
    view = shown(wire, tmp_path)
    (exchange,) = view.exchanges
    assert exchange.error is not None
    assert exchange.error.error == 2
    assert view.rules == ["bad-header", "rdma-done", "rdma-error", "version-2"]


def test_first_numbers_that_are_close_to_each_other(tmp_path: Path) -> None:
    """The number in a REQ is the one that the server begins with, that in a REP the client's."""
    wire = Wire(Host("10.0.0.1", 5, 1000), Host("10.0.0.2", 6, 2000))
    wire.connect()
    do_getattr(wire, 1)
    view = shown(wire, tmp_path)
    assert view.rules == []
    assert view.pipeline is not None
    first = {flow.source: flow.tracker.base for flow in view.pipeline.connections.flows()}
    assert {host: psn & 0xFFFFFF for host, psn in first.items()} == {
        "10.0.0.1": 1000,
        "10.0.0.2": 2000,
    }

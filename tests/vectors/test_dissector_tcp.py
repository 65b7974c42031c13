"""RPC over TCP and UDP: segments in any order, records, and captures that begin in the midst."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from tests.support.captures import public_capture
from tests.support.dissection import Collected, dissect, dissect_octets
from tests.support.rdma_wire import (
    Frame,
    compound,
    pattern,
    pcap,
    read_call,
    read_results,
    results,
    write_call,
    write_results,
)
from tests.support.tcp_wire import Peer, TcpWire, call, reply

from nfsrdma.dissector.streams import conversations
from nfsrdma.dissector.streams.reassembly import MAX_HELD, Stream
from nfsrdma.dissector.tracking.kinds import Transport
from nfsrdma.dissector.views.tree import exchange_lines
from nfsrdma.rpcrdma.rpc.auth import OpaqueAuth
from nfsrdma.rpcrdma.rpc.message import encode_call
from nfsrdma.xdr import Encoder


def session(wire: TcpWire, count: int = 4, fragment: int = 1 << 20) -> None:
    for xid in range(1, count + 1):
        wire.record(wire.client, call(xid), fragment)
        wire.record(wire.server, reply(xid), fragment)


def answered(view: Collected) -> list[int]:
    """XIDs of the exchanges of which call and reply were decoded."""
    return [
        e.xid
        for e in view.exchanges
        if e.call_body is not None and e.reply_body is not None and not e.undecoded
    ]


def test_a_connection(tmp_path: Path) -> None:
    wire = TcpWire()
    wire.connect()
    session(wire, 6)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert answered(view) == [1, 2, 3, 4, 5, 6]
    assert view.rules == []
    connection = view.exchanges[0].requester.connection
    assert connection.number == 1
    assert connection.transport == Transport.TCP
    assert connection.first is view.exchanges[0].requester
    assert connection.first.name == "10.0.0.1:900"
    assert view.exchanges[-1].requester.connection is connection


@pytest.mark.parametrize("mss", [1, 7, 64, 1448])
@pytest.mark.parametrize("fragment", [4, 50, 1 << 20])
def test_segments_and_fragments_of_any_size(mss: int, fragment: int, tmp_path: Path) -> None:
    wire = TcpWire(mss=mss)
    wire.connect()
    session(wire, 2, fragment)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert answered(view) == [1, 2]
    assert view.rules == []


def test_any_order_and_repetitions(tmp_path: Path) -> None:
    """Across the end of the sequence numbers, what comes late or twice changes nothing."""
    chooser = random.Random(1)
    data = pattern(20_000)
    for _ in range(8):
        wire = TcpWire(mss=512)
        wire.connect()
        start = len(wire.frames)
        wire.record(wire.client, compound(1, write_call(0, data)))
        burst = wire.frames[start:]
        burst += chooser.sample(burst, 10)
        chooser.shuffle(burst)
        wire.frames[start:] = burst
        wire.record(wire.server, results(1, write_results(len(data))))
        view = dissect_octets(pcap(wire.frames), tmp_path)
        assert answered(view) == [1]
        assert view.rules == []
        assert view.data() == data


def test_a_hole_is_only_a_hole(tmp_path: Path) -> None:
    """A lost segment of data costs its octets; the acknowledgement shows that it was lost."""
    wire = TcpWire(mss=1000)
    wire.connect()
    data = pattern(8000)
    wire.record(wire.client, compound(1, read_call(0, 8000)))
    start = len(wire.frames)
    wire.record(wire.server, results(1, read_results(data)))
    del wire.frames[start + 4]
    session_start = 2
    for xid in (session_start, 3):
        wire.record(wire.client, call(xid))
        wire.record(wire.server, reply(xid))
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert view.rules.count("capture-hole") == 1
    assert set(answered(view)) >= {2, 3}
    assert [e.xid for e in view.exchanges] == [1, 2, 3]
    assert all(e.reply is not None for e in view.exchanges)


def test_a_hole_over_a_mark(tmp_path: Path) -> None:
    """Out of step after it: the next record is found by its looks."""
    wire = TcpWire(mss=100)
    wire.connect()
    session(wire, 8)
    for victim in (5, 9, 10, 17):
        frames = wire.frames[:victim] + wire.frames[victim + 1 :]
        view = dissect_octets(pcap(frames), tmp_path)
        assert len(answered(view)) >= 6
        assert view.rules.count("capture-hole") == 1
        assert "record-mark" not in view.rules


@pytest.mark.parametrize("skip", range(1, 12))
def test_in_the_midst(skip: int, tmp_path: Path) -> None:
    wire = TcpWire(mss=90)
    wire.connect()
    session(wire, 8)
    view = dissect_octets(pcap(wire.frames[3 + skip :]), tmp_path)
    assert set(answered(view)) >= {5, 6, 7, 8}
    assert set(view.rules) <= {"no-call"}


def test_not_rpc(tmp_path: Path) -> None:
    wire = TcpWire(server=Peer("10.0.0.2", 80, 7))
    wire.connect()
    wire.stream(wire.client, b"GET / HTTP/1.1\r\n\r\n" * 100)
    wire.stream(wire.server, bytes(random.Random(1).randbytes(100_000)))
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert view.exchanges == []
    assert view.rules == []
    assert view.pipeline is not None
    assert view.pipeline.pairing.connections == {}


def test_garbage_after_records(tmp_path: Path) -> None:
    wire = TcpWire()
    wire.connect()
    session(wire, 2)
    wire.stream(wire.client, b"\xff" * 3000)
    wire.record(wire.client, call(9))
    wire.record(wire.server, reply(9))
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert answered(view) == [1, 2, 9]
    assert view.rules == ["record-mark"]


def test_cut_frames(tmp_path: Path) -> None:
    wire = TcpWire()
    wire.connect()
    session(wire, 3)
    view = dissect_octets(pcap(wire.frames, snaplen=150), tmp_path)
    assert len(view.exchanges) == 3
    assert set(view.rules) == {"capture-cut"}


def test_ports_used_again(tmp_path: Path) -> None:
    wire = TcpWire()
    wire.connect()
    session(wire, 1)
    wire.client.sequence, wire.server.sequence = 5, 77
    wire.connect()
    session(wire, 1)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert answered(view) == [1, 1]
    assert [e.requester.connection.number for e in view.exchanges] == [1, 2]


def test_an_unfinished_record(tmp_path: Path) -> None:
    wire = TcpWire(mss=64)
    wire.connect()
    session(wire, 1)
    wire.record(wire.client, call(2))
    view = dissect_octets(pcap(wire.frames[:-1]), tmp_path)
    assert answered(view) == [1]
    assert view.rules == ["capture-cut"]


def test_held_segments_are_bounded() -> None:
    stream = Stream()
    stream.begin(0)
    for index in range(3 * MAX_HELD):
        stream.add(10 + 2 * index, 1, 1, index, index, 0)
    assert stream.end > MAX_HELD
    assert len(stream.lost) > MAX_HELD


def test_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_CONVERSATIONS", 4)
    frames: list[Frame] = []
    for port in range(100, 120):
        wire = TcpWire(client=Peer("10.0.0.1", port, port))
        wire.connect()
        session(wire, 1)
        wire.client.port += 1000
        wire.datagram(wire.client, call(2))
        wire.datagram(wire.server, reply(2))
        frames += wire.frames
    view = dissect_octets(pcap(frames), tmp_path)
    assert len(answered(view)) == 40
    assert view.rules == []


def test_udp(tmp_path: Path) -> None:
    wire = TcpWire()
    wire.datagram(wire.client, call(1))
    wire.datagram(wire.server, reply(1))
    wire.datagram(wire.client, b"neither a call nor a reply, but long")
    wire.datagram(wire.client, b"short")
    data = pattern(4000)
    wire.datagram(wire.client, compound(2, read_call(0, 4000)))
    wire.datagram(wire.server, results(2, read_results(data)), keep=1472)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert [e.xid for e in view.exchanges] == [1, 2]
    assert view.exchanges[0].requester.connection.transport == Transport.UDP
    # The last one is the first of its fragments, and the rest never comes.
    assert set(view.rules) == {"capture-cut", "capture-hole"}


def test_nfs_over_tcp_of_others() -> None:
    view = dissect(public_capture("nfsv4.1_pnfs.cap"))
    assert len(answered(view)) == 33
    assert view.rules == []


def test_nfs_over_udp_of_others() -> None:
    view = dissect(public_capture("nfsv3.pcap"))
    assert len(view.exchanges) > 50
    assert all(e.call is not None and e.reply is not None for e in view.exchanges)
    assert set(view.rules) <= {"capture-cut"}


def test_a_scan_of_ports_forgets_no_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MAX_CONVERSATIONS", 4)
    wire = TcpWire()
    wire.connect()
    session(wire, 1)
    frames = list(wire.frames)
    for port in range(100, 150):
        scan = TcpWire(client=Peer("10.0.0.9", port, port))
        scan.connect()
        frames += scan.frames
    del wire.frames[:]
    session(wire, 1)
    view = dissect_octets(pcap(frames + wire.frames), tmp_path)
    assert len({one.requester.connection.number for one in view.exchanges}) == 1


def _tls(kind: int, octets: bytes) -> bytes:
    return struct.pack(">BHH", kind, 0x0301, len(octets)) + octets


def test_tls_is_named_and_not_searched(tmp_path: Path) -> None:
    """RPC-with-TLS (RFC 9289): the probe, its answer, and what is encrypted from there on."""
    wire = TcpWire()
    wire.connect()
    enc = Encoder()
    encode_call(enc, 1, 100003, 4, 0, OpaqueAuth(7, b""))
    wire.record(wire.client, enc.to_bytes())
    wire.record(wire.server, struct.pack(">5I", 1, 1, 0, 0, 8) + b"STARTTLS" + bytes(4))
    for sender in (wire.client, wire.server, wire.client):
        wire.stream(sender, _tls(22, bytes(range(200))))
        wire.stream(sender, _tls(23, call(7) + bytes(4000)))
    path = tmp_path / "tls.pcap"
    path.write_bytes(pcap(wire.frames))
    view = dissect(path)
    (exchange,) = view.exchanges
    assert exchange.call_body is not None
    assert exchange.call_body.kind == "NULL (asks for TLS)"
    assert any("STARTTLS" in line for line in exchange_lines(exchange))
    assert view.rules == ["tls", "tls"]

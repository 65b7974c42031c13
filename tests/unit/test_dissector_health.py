"""Health on wires where it is known what was lost, and what was sent again for it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import (
    Host,
    Wire,
    do_getattr,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    read_call,
    read_results,
    reduced,
    results,
)

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.health import Health
from nfsrdma.dissector.views.health.report import ndjson_health, text_health
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment

VA, HANDLE, MTU = 0x7F00_0000_1000, 7, 1024
DATA = pattern(8 * MTU)
MILLISECOND = 1_000_000
NAK_SEQUENCE, NAK_ACCESS = 0x60, 0x62


def health(wire: Wire, folder: Path, *, drop: tuple[int, ...] = ()) -> Health:
    """Of a wire's frames, without those that the capture shall not have (from 1)."""
    path = folder / "wire.pcap"
    frames = [frame for at, frame in enumerate(wire.frames, 1) if at not in drop]
    path.write_bytes(pcap(frames, nano=True))
    view = Health()
    Pipeline(open_capture(str(path)), view).run()
    return view


def counts(view: Health, source: str) -> dict[str, object]:
    """All that is not zero."""
    (watch,) = (watch for flow, watch in view.watches.items() if flow.source == source)
    return {name: value for name, value in watch.counts.as_dict().items() if value}


def connected() -> Wire:
    wire = Wire(mtu=MTU)
    wire.connect()
    return wire


def part(wire: Wire, sender: Host, psn: int, index: int, count: int = 8) -> None:
    """A packet of the RDMA WRITE of ``DATA`` that begins with ``psn``."""
    opcode = 0x06 if index == 0 else 0x08 if index == count - 1 else 0x07
    reth = struct.pack(">QII", VA, HANDLE, len(DATA)) if index == 0 else b""
    wire.packet(sender, opcode, psn + index, reth, DATA[index * MTU : (index + 1) * MTU])


def begin_read(wire: Wire, xid: int = 9) -> int:
    """The call of a READ of ``DATA``; the PSN of the WRITE's first packet."""
    chunk = [Chunk([Segment(HANDLE, len(DATA), VA)])]
    wire.nfs_call(xid, read_call(0, len(DATA)), write=chunk)
    return wire.server.psn


def end_read(wire: Wire, xid: int = 9) -> None:
    body = reduced(results(xid, read_results(DATA)), DATA)
    wire.nfs_reply(xid, body, write=[Chunk([Segment(HANDLE, len(DATA), VA)])])


def test_nothing_is_wrong(tmp_path: Path) -> None:
    wire = connected()
    do_getattr(wire, 1)
    psn = begin_read(wire)
    wire.rdma_write(wire.server, HANDLE, VA, DATA)
    assert wire.server.psn == psn + 8
    end_read(wire)
    view = health(wire, tmp_path)
    assert view.events == []
    assert view.sufferers == {}
    sent = counts(view, wire.server.address)
    # Two replies, and the eight of the WRITE, which the last ACK covers as well.
    assert (sent["packets"], sent["acks"], sent["acked"], sent["largest_ack"]) == (10, 2, 10, 9)
    assert set(sent) == {"packets", "octets", "acks", "acked", "largest_ack"}
    assert view.packets == len(wire.frames)


def test_go_back_n_for_a_packet_lost_before_the_capture(tmp_path: Path) -> None:
    """Packet 2 of eight never came here; 3, 4 and 5 were dropped; 2 to 7 are sent."""
    wire = connected()
    psn = begin_read(wire)
    for index in (0, 1, 3, 4, 5):
        part(wire, wire.server, psn, index)
    wire.acknowledge(wire.client, psn + 2, NAK_SEQUENCE)
    nak = len(wire.frames)
    for index in range(2, 8):
        part(wire, wire.server, psn, index)
    wire.server.psn = psn + 8
    end_read(wire)
    view = health(wire, tmp_path)
    sent = counts(view, wire.server.address)
    assert sent["naks"] == {"PSN sequence error": 1}
    assert (sent["filled"], sent["filled_octets"]) == (1, MTU)
    assert (sent["dropped"], sent["dropped_octets"]) == (3, 3 * MTU)
    assert (sent["again"], sent["again_octets"]) == (4, 4 * MTU)
    assert sent["holes"] == 1
    assert not {"had", "lost", "unknown", "timeouts"} & set(sent)
    assert [(e.kind, e.frame, e.last_frame, e.packets, e.cause) for e in view.events] == [
        ("nak", nak, nak, 0, "PSN sequence error"),
        ("again", nak + 1, nak + 4, 4, "nak"),
    ]
    (sufferer,) = view.sufferers.values()
    assert sufferer.rpc.operation == "READ"
    assert (sufferer.again, sufferer.octets, sufferer.naks) == (4, 4 * MTU, [nak])
    (watch,) = (one for flow, one in view.watches.items() if flow.source == wire.server.address)
    assert watch.counts.wasted_octets == 3 * MTU


def test_go_back_n_for_a_packet_lost_behind_the_capture(tmp_path: Path) -> None:
    """All eight were seen; the third was lost, five dropped; six come again."""
    wire = connected()
    psn = begin_read(wire)
    for index in range(8):
        part(wire, wire.server, psn, index)
    wire.acknowledge(wire.client, psn + 2, NAK_SEQUENCE)
    for index in range(2, 8):
        part(wire, wire.server, psn, index)
    wire.server.psn = psn + 8
    end_read(wire)
    sent = counts(health(wire, tmp_path), wire.server.address)
    assert (sent["lost"], sent["dropped"], sent["again"]) == (1, 5, 6)
    assert "holes" not in sent
    assert "filled" not in sent


def test_what_the_receiver_had_acknowledged(tmp_path: Path) -> None:
    """A timer runs out although the ACK was seen here: the receiver has it twice."""
    wire = connected()
    wire.nfs_call(1, getattr_call())
    body = results(1, getattr_results())
    wire.nfs_reply(1, body)
    again = wire.frames[-2]
    wire.now += 500 * MILLISECOND
    wire.frames.append(type(again)(wire.now, again.data))
    wire.acknowledge(wire.client, wire.server.psn - 1)
    view = health(wire, tmp_path)
    sent = counts(view, wire.server.address)
    assert (sent["again"], sent["had"], sent["timeouts"]) == (1, 1, 1)
    assert sent["duplicate_acks"] == 1
    (event,) = view.events
    assert event.cause == "timeout"
    assert 500 * MILLISECOND <= event.waited < 501 * MILLISECOND
    (sufferer,) = view.sufferers.values()
    assert (sufferer.timeouts, sufferer.again) == (1, 1)
    # The reply had arrived: it was no later for that.
    assert sufferer.took < MILLISECOND


def test_a_reply_that_is_needed_again_makes_its_rpc_late(tmp_path: Path) -> None:
    wire = connected()
    for xid in range(1, 6):
        do_getattr(wire, xid)
    wire.nfs_call(6, getattr_call())
    wire.nfs_reply(6, results(6, getattr_results()))
    acknowledgement = wire.frames.pop()
    wire.now += 500 * MILLISECOND
    wire.frames.append(type(acknowledgement)(wire.now, wire.frames[-1].data))
    wire.acknowledge(wire.client, wire.server.psn - 1)
    view = health(wire, tmp_path)
    assert counts(view, wire.server.address)["unknown"] == 1
    (sufferer,) = view.sufferers.values()
    assert sufferer.rpc.xid == 6
    assert sufferer.late is not None
    assert 500 * MILLISECOND <= sufferer.late < 501 * MILLISECOND


@pytest.mark.parametrize(
    ("syndrome", "cause", "text"),
    [
        (0x20 | 14, "RNR", "timer 1280 us"),
        (0x20, "RNR", "timer 655360 us"),
        (NAK_ACCESS, "remote access error", ""),
        (0x61, "invalid request", ""),
        (0x63, "remote operational error", ""),
    ],
)
def test_complaints_about_a_call(tmp_path: Path, syndrome: int, cause: str, text: str) -> None:
    wire = connected()
    do_getattr(wire, 1)
    wire.nfs_call(2, getattr_call())
    call = wire.frames[-2]
    wire.frames.pop()
    wire.acknowledge(wire.server, wire.client.psn - 1, syndrome)
    wire.now += 2 * MILLISECOND
    wire.frames.append(type(call)(wire.now, call.data))
    wire.acknowledge(wire.server, wire.client.psn - 1)
    wire.nfs_reply(2, results(2, getattr_results()))
    view = health(wire, tmp_path)
    sent = counts(view, wire.client.address)
    nak, again = view.events
    assert (nak.kind, nak.cause, nak.text) == ("nak", cause, text)
    assert again.cause == ("rnr" if cause == "RNR" else "nak")
    assert (sent.get("rnr"), sent.get("naks")) == (
        (1, None) if cause == "RNR" else (None, {cause: 1})
    )
    assert sent["again"] == 1
    assert sent.get("dropped" if cause == "RNR" else "lost") == 1
    (sufferer,) = view.sufferers.values()
    assert (sufferer.rpc.xid, sufferer.again, len(sufferer.naks)) == (2, 1, 1)


def test_a_read_that_is_asked_for_again(tmp_path: Path) -> None:
    """The responses 2 and 5 are lost behind the capture; the READ begins anew at the third."""
    wire = connected()
    chunk = [Chunk([Segment(HANDLE, len(DATA), VA)], 8)]
    wire.nfs_call(1, getattr_call(), read=chunk)
    psn = wire.server.psn
    aeth = struct.pack(">I", 0x1F << 24)

    def request(index: int) -> None:
        reth = struct.pack(">QII", VA + index * MTU, HANDLE, len(DATA) - index * MTU)
        wire.packet(wire.server, 0x0C, psn + index, reth)

    def responses(start: int) -> None:
        for index in range(start, 8):
            opcode = 0x0D if index == start else 0x0F if index == 7 else 0x0E
            octets = DATA[index * MTU : (index + 1) * MTU]
            wire.packet(wire.client, opcode, psn + index, aeth if opcode != 0x0E else b"", octets)

    request(0)
    responses(0)
    request(2)
    responses(2)
    wire.server.psn = psn + 8
    wire.nfs_reply(1, results(1, getattr_results()))
    view = health(wire, tmp_path)
    asked = counts(view, wire.server.address)
    answered = counts(view, wire.client.address)
    assert asked["again"] == 1
    assert "again_octets" not in asked
    assert (answered["responses"], answered["response_octets"]) == (14, 14 * MTU)
    assert (answered["responses_again"], answered["responses_again_octets"]) == (6, 6 * MTU)
    assert [(e.sender, e.packets, e.cause) for e in view.events] == [
        (wire.server.address, 1, "response"),
        (wire.client.address, 6, "response"),
    ]
    (sufferer,) = view.sufferers.values()
    assert (sufferer.again, sufferer.octets) == (7, 6 * MTU)


def test_what_the_network_delays_or_doubles(tmp_path: Path) -> None:
    """The third packet comes behind the fourth, the sixth twice: nobody sent anything again."""
    wire = connected()
    psn = begin_read(wire)
    for index in (0, 1, 3, 2, 4, 5, 5, 6, 7):
        part(wire, wire.server, psn, index)
    wire.server.psn = psn + 8
    end_read(wire)
    view = health(wire, tmp_path)
    sent = counts(view, wire.server.address)
    assert (sent["late"], sent["twice"], sent["twice_octets"]) == (1, 1, MTU)
    assert not {"again", "timeouts", "filled", "unknown"} & set(sent)
    start = len(wire.frames) - 11
    assert [(event.kind, event.frame) for event in view.events] == [
        ("late", start + 4), ("twice", start + 7)
    ]  # fmt: skip
    (sufferer,) = view.sufferers.values()
    assert (sufferer.disorder, sufferer.again) == (2, 0)


def test_going_back_at_once_is_no_disorder(tmp_path: Path) -> None:
    """The NAK is not in the capture; what follows the late packet shows that it was sent again."""
    wire = connected()
    psn = begin_read(wire)
    for index in (0, 1, 3, 4, 5, 2, 3, 4, 5, 6, 7):
        part(wire, wire.server, psn, index)
    wire.server.psn = psn + 8
    end_read(wire)
    sent = counts(health(wire, tmp_path), wire.server.address)
    assert (sent["again"], sent["filled"], sent["unknown"], sent["timeouts"]) == (4, 1, 3, 1)
    assert not {"late", "twice"} & set(sent)


def test_congestion(tmp_path: Path) -> None:
    """Three of eight packets carry the mark, and one notification comes back."""
    wire = connected()
    psn = begin_read(wire)
    for index in range(8):
        part(wire, wire.server, psn, index)
        if index in (1, 2, 6):
            frame = wire.frames[-1]
            frame.data = frame.data[:15] + bytes((frame.data[15] | 3,)) + frame.data[16:]
    wire.packet(wire.client, 0x81, 0, bytes(16))
    wire.server.psn = psn + 8
    end_read(wire)
    view = health(wire, tmp_path)
    sent = counts(view, wire.server.address)
    assert (sent["ecn"], sent["cnp"]) == (3, 1)
    assert [(e.kind, e.packets) for e in view.events] == [("ecn", 3), ("cnp", 1)]
    (sufferer,) = view.sufferers.values()
    assert (sufferer.rpc.operation, sufferer.ecn) == ("READ", 4)


def test_a_code_that_is_reserved(tmp_path: Path) -> None:
    wire = connected()
    wire.nfs_call(1, getattr_call())
    wire.acknowledge(wire.server, wire.client.psn - 1, 0x60 | 9)
    view = health(wire, tmp_path)
    assert counts(view, wire.client.address)["naks"] == {"NAK code 9": 1}
    assert [event.cause for event in view.events] == ["NAK code 9"]


def test_runs_are_counted_whole(tmp_path: Path) -> None:
    """A thousand packets in one WRITE are taken in one step, marks and all."""
    wire = connected()
    data = pattern(1000 * MTU)
    chunk = [Chunk([Segment(HANDLE, len(data), VA)])]
    wire.nfs_call(1, read_call(0, len(data)), write=chunk)
    first = len(wire.frames)
    wire.rdma_write(wire.server, HANDLE, VA, data)
    for frame in wire.frames[first:]:
        frame.data = frame.data[:15] + bytes((frame.data[15] | 3,)) + frame.data[16:]
    body = reduced(results(1, read_results(data)), data)
    wire.nfs_reply(1, body, write=chunk)
    view = health(wire, tmp_path)
    sent = counts(view, wire.server.address)
    assert (sent["packets"], sent["ecn"]) == (1001, 1000)
    (sufferer,) = view.sufferers.values()
    assert sufferer.ecn == 1000


def test_tcp_segments_that_bring_nothing_new(tmp_path: Path) -> None:
    """Of iWARP, and of RPC on TCP: streams have no RPC of their own, so only their number."""
    wire = IwarpWire()
    wire.connect()
    for xid in range(1, 4):
        do_getattr(wire, xid)
    wire.frames += [wire.frames[-1]] * 2
    path = tmp_path / "iwarp.pcap"
    path.write_bytes(pcap(wire.frames))
    view = Health()
    Pipeline(open_capture(str(path)), view).run()
    assert sorted(resent for _, resent in view.streams) == [0, 2]
    text = text_health(view)
    assert "(iWARP): 2 TCP segments again" in text
    assert text.count("(iWARP): 0 TCP segments again") == 1
    records = [json.loads(line) for line in ndjson_health(view)]
    assert sorted(record["segments_again"] for record in records) == [0, 2]


def test_without_a_handshake_and_from_the_midst(tmp_path: Path) -> None:
    wire = connected()
    for xid in range(1, 4):
        do_getattr(wire, xid)
    view = health(wire, tmp_path, drop=(1, 2, 3))
    assert view.events == []
    assert view.packets == len(wire.frames) - 3

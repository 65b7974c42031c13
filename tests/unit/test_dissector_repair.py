"""``dissect --fix-for-wireshark``: what tshark decodes before and after, and what was touched."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import tshark
from tests.support.captures import linux_captures, require
from tests.support.dissection import Collected, dissect
from tests.support.offload import superframes
from tests.support.rdma_wire import (
    LINK_TYPES,
    Frame,
    Host,
    Wire,
    do_getattr,
    do_read,
    do_write,
    pattern,
    pcap,
    pcapng,
)

from nfsrdma.cli.dissect import dissect as command
from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.transport.chunk import Segment

EXCHANGES = 9
DATA = 5003


def traffic(encapsulation: str = "rocev2", *, connect: bool = False, six: bool = False) -> Wire:
    """GETATTR, READ and WRITE, three times."""
    hosts = ("fd00::1", "fd00::2") if six else ("10.0.0.1", "10.0.0.2")
    wire = Wire(
        Host(hosts[0], 0x11, 100, 1), Host(hosts[1], 0x22, 5000, 2), encapsulation=encapsulation
    )
    if connect:
        wire.connect()
    for index in range(EXCHANGES // 3):
        data = pattern(DATA, index)
        do_getattr(wire, 3 * index + 1)
        do_read(wire, 3 * index + 2, data, [Segment(index + 1, 8192, index << 16)])
        do_write(wire, 3 * index + 3, data, [Segment(index + 91, DATA, index << 16)])
    return wire


def repaired(path: Path) -> tuple[Path, str]:
    out = path.with_name(f"{path.name}.fixed")
    result = CliRunner().invoke(command, ["--fix-for-wireshark", str(out), str(path)])
    assert result.exit_code == 0, result.output
    return out, result.output


def written(folder: Path, octets: bytes) -> Path:
    path = folder / "capture"
    path.write_bytes(octets)
    return path


def said(view: Collected) -> list[object]:
    """What the exchanges say, but for frame numbers."""
    return [
        (e.xid, e.call_body and e.call_body.names(), e.reply_body and e.reply_body.status,
         [chunk.carried() for chunk in e.chunks])
        for e in view.exchanges
    ]  # fmt: skip


@pytest.mark.parametrize("encapsulation", [*LINK_TYPES, "rocev2 over IPv6"])
def test_tshark_decodes_all_once_it_has_a_handshake(tmp_path: Path, encapsulation: str) -> None:
    tshark.need()
    kind, _, six = encapsulation.partition(" ")
    path = written(tmp_path, pcap(traffic(kind, six=bool(six)).frames, LINK_TYPES[kind]))
    out, told = repaired(path)
    # LINKTYPE_INFINIBAND is refused as a whole; else calls are decoded, and short replies are not.
    before = 0 if kind == "infiniband" else tshark.nfs_messages(path)
    assert before <= EXCHANGES
    assert tshark.nfs_messages(out) == 2 * EXCHANGES
    assert "3 connection manager frames added" in told
    added = tshark.fields(out, "frame.number", wanted='frame.comment contains "nfsrdma added"')
    assert added == ["1", "2", "3"]
    assert said(dissect(out)) == said(dissect(path))
    assert [event.name for event in dissect(out).events] == ["REQ", "REP", "RTU"]


@pytest.mark.parametrize("encapsulation", LINK_TYPES)
def test_nothing_is_touched_where_nothing_is_amiss(tmp_path: Path, encapsulation: str) -> None:
    wire = traffic(encapsulation, connect=True)
    source = pcapng(wire.frames, LINK_TYPES[encapsulation])
    out, told = repaired(written(tmp_path, source))
    if encapsulation == "infiniband":
        assert f"{len(wire.frames)} frames put into ERF records" in told
        assert dissect(out).pipeline.reader.link_type == 197
    else:
        assert told.startswith("nothing to repair")
        assert out.read_bytes() == source


def test_the_caller_is_the_client_whoever_was_seen_first(tmp_path: Path) -> None:
    frames = traffic().frames
    for first in (frames, frames[2:]):
        out, _ = repaired(written(tmp_path, pcap(first)))
        request = dissect(out).events[0].message
        assert request.local_qpn == 0x11
        tmp_path = tmp_path / "next"
        tmp_path.mkdir()


def test_frames_of_many_packets_become_many_frames(tmp_path: Path) -> None:
    frames = traffic(connect=True).frames
    path = written(tmp_path, pcap(superframes(frames)))
    out, told = repaired(path)
    assert "frames split into packets" in told
    octets = [bytes(data[14:]) for data in _frames(out)]
    assert [packet[20:] for packet in octets] == [bytes(f.data[34:]) for f in frames]
    assert all(int.from_bytes(p[-4:], "little") == packet_icrc(p) for p in octets)
    tshark.need()
    assert tshark.nfs_messages(path) < 2 * EXCHANGES
    assert tshark.nfs_messages(out) == 2 * EXCHANGES


def test_source_ports_and_service_ports(tmp_path: Path) -> None:
    tshark.need()
    wire = traffic(connect=True)
    frames = [
        Frame(f.time, f.data[:34] + (b"\0\x45" if index % 2 else b"\xc0\0") + f.data[36:])
        for index, f in enumerate(wire.frames)
    ]
    path = written(tmp_path, pcap(frames))
    assert tshark.nfs_messages(path) < EXCHANGES
    out, told = repaired(path)
    assert f"{len(frames) // 2} UDP source ports changed" in told
    assert tshark.nfs_messages(out) == 2 * EXCHANGES
    assert all(
        int.from_bytes(data[-4:], "little") == packet_icrc(data[14:]) for data in _frames(out)[1::2]
    )
    comments = tshark.fields(out, "frame.comment", wanted="frame.comment")
    assert len(comments) == len(frames) // 2
    assert all("source port was 69" in comment for comment in comments)


def test_a_service_that_wireshark_takes_for_nvme(tmp_path: Path) -> None:
    wire = traffic(connect=True)
    request = bytearray(wire.frames[0].data)
    at = request.index((20049).to_bytes(2, "big"))
    request[at : at + 2] = (4420).to_bytes(2, "big")
    wire.frames[0] = Frame(wire.frames[0].time, bytes(request))
    path = written(tmp_path, pcap(wire.frames))
    out, told = repaired(path)
    assert told.startswith("1 service ports changed")
    assert dissect(out).exchanges[0].responder.port == 20049
    tshark.need()
    assert tshark.nfs_messages(path) < EXCHANGES
    assert tshark.nfs_messages(out) == 2 * EXCHANGES


@pytest.mark.parametrize("encapsulation", ["rocev2", "vlan", "rocev1", "erf", "infiniband"])
def test_cut_frames_show_what_they_have(tmp_path: Path, encapsulation: str) -> None:
    frames = traffic(encapsulation, connect=True).frames
    path = written(tmp_path, pcap(frames, LINK_TYPES[encapsulation], snaplen=300))
    out, told = repaired(path)
    assert "cut frames made whole" in told
    view = dissect(out)
    assert [e.xid for e in view.exchanges] == [e.xid for e in dissect(path).exchanges]
    tshark.need()
    before = [] if encapsulation == "infiniband" else tshark.fields(path, "rpc.xid", wanted="rpc")
    after = tshark.fields(out, "rpc.xid", wanted="rpc && rpc.xid")
    assert len(before) < len(after)
    assert len(after) == 2 * EXCHANGES


def test_a_cut_frame_is_not_made_longer_than_its_header_can_say(tmp_path: Path) -> None:
    """A WRITE whose length is none of whole words, and the longest that there is."""
    wire = Wire()
    wire.connect()
    wire.rdma_write(wire.server, 7, 0x1000, pattern(300))
    frame = wire.frames[-1]
    octets = bytearray(frame.data)
    octets[16:18], octets[38:40] = (0xFFFF).to_bytes(2, "big"), (0xFFFF - 20).to_bytes(2, "big")
    octets = octets.ljust(14 + 0xFFFF, b"\0")
    wire.frames[-1] = Frame(frame.time, bytes(octets))
    do_getattr(wire, 1)
    out, _ = repaired(written(tmp_path, pcap(wire.frames, snaplen=300)))
    assert [exchange.xid for exchange in dissect(out).exchanges] == [1]
    assert max(map(len, _frames(out))) < 1000


@pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)
def test_linux_captures_without_their_handshakes(path: Path, tmp_path: Path) -> None:
    tshark.need()
    stripped = written(tmp_path, _without_datagrams(require(path).read_bytes()))
    before = tshark.nfs_messages(stripped)
    out, _ = repaired(stripped)
    after, whole = tshark.nfs_messages(out), tshark.nfs_messages(path)
    # Calls alone, against all but what Wireshark does not decode of the whole capture either.
    assert before < 0.6 * whole
    assert after == whole
    assert said(dissect(out)) == said(dissect(stripped))


def _without_datagrams(octets: bytes) -> bytes:
    """A classic pcap of RoCEv2 without the connection manager's frames."""
    out, at = bytearray(octets[:24]), 24
    while at < len(octets):
        size = struct.unpack_from("<I", octets, at + 8)[0]
        if octets[at + 16 + 42] != 0x64:
            out += octets[at : at + 16 + size]
        at += 16 + size
    return bytes(out)


def _frames(path: Path) -> list[bytes]:
    octets, at, out = path.read_bytes(), 0, []
    while at < len(octets):
        kind, length = struct.unpack_from("<II", octets, at)
        if kind == 6:
            size = struct.unpack_from("<I", octets, at + 20)[0]
            out.append(octets[at + 28 : at + 28 + size])
        at += length
    return out


def test_a_frame_that_is_longer_than_an_erf_record_is_cut(tmp_path: Path) -> None:
    frames = [*traffic("infiniband", connect=True).frames, Frame(10**12, bytes(70_000))]
    out, _ = repaired(written(tmp_path, pcap(frames, LINK_TYPES["infiniband"])))
    assert max(map(len, _frames(out))) == 0xFFFF
    assert said(dissect(out))

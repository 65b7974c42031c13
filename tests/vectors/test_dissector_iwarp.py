"""iWARP: MPA, FPDUs with and without markers, DDP, RDMAP, and NFS on top of them."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from tests.support.captures import public_capture
from tests.support.dissection import Collected, dissect, dissect_octets
from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import Frame, do_getattr, do_read, do_write, pattern, pcap

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.streams.crc32c import crc32c
from nfsrdma.dissector.tracking.kinds import Transport
from nfsrdma.rpcrdma.transport.chunk import Segment
from nfsrdma.rpcrdma.transport.private_data import PrivateData

READ_SEGMENTS = [Segment(7, 4097, 0x1000), Segment(8, 4096, 0x9000)]


def session(wire: IwarpWire, rounds: int = 1) -> None:
    for xid in range(1, 3 * rounds, 3):
        do_getattr(wire, xid)
        do_read(wire, xid + 1, pattern(5001, xid), READ_SEGMENTS)
        do_write(wire, xid + 2, pattern(3003, xid), [Segment(9, 3003, 0x1000)])


def complete(view: Collected) -> list[int]:
    return [
        e.xid for e in view.exchanges if e.call is not None and e.reply is not None
        and not e.undecoded and not e.findings
    ]  # fmt: skip


def checked(frames: list[Frame], folder: Path) -> Collected:
    """With checksums."""
    path = folder / "capture"
    path.write_bytes(pcap(frames))
    view = Collected()
    view.pipeline = pipeline = Pipeline(open_capture(path), view, check_crc=True)
    pipeline.run()
    return view


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("markers", [True, False])
@pytest.mark.parametrize("mtu", [700, 4000, 61])
def test_nfs(markers: bool, crc: bool, aligned: bool, mtu: int, tmp_path: Path) -> None:
    wire = IwarpWire(mtu=mtu, markers=markers, crc=crc, aligned=aligned)
    wire.connect()
    session(wire)
    view = checked(wire.frames, tmp_path)
    assert view.rules == []
    assert complete(view) == [1, 2, 3]
    assert view.data(1) == pattern(5001, 1)
    assert view.data(2) == pattern(3003, 1)
    connection = view.exchanges[0].requester.connection
    assert connection.transport == Transport.IWARP
    assert connection.established
    assert [event.name for event in view.events] == ["MPA request", "MPA reply"]
    assert view.exchanges[1].chunks[0].offered == READ_SEGMENTS


def test_private_data_and_invalidation(tmp_path: Path) -> None:
    said = PrivateData(4096, 8192, True)
    for enhanced in (False, True):
        wire = IwarpWire(enhanced=enhanced, private=said.encode())
        wire.connect()
        do_getattr(wire, 1)
        wire.send(wire.server, b"not RPC-over-RDMA at all", invalidate=0x123)
        view = dissect_octets(pcap(wire.frames), tmp_path)
        assert view.rules == ["bad-header"]
        assert view.exchanges[0].requester.private == said
        assert "inline send 4096 receive 8192" in view.events[0].summary


@pytest.mark.parametrize("markers", [True, False])
def test_without_the_handshake(markers: bool, tmp_path: Path) -> None:
    """FPDUs are found by length and checksum, and the markers by what they say."""
    wire = IwarpWire(markers=markers)
    wire.connect()
    session(wire, 6)
    for skip in (5, 8, 11, 17):
        view = dissect_octets(pcap(wire.frames[skip:]), tmp_path)
        assert set(complete(view)) >= set(range(7, 19))
        assert view.exchanges[0].requester.connection.transport == Transport.IWARP


def test_in_the_midst_of_unaligned_segments(tmp_path: Path) -> None:
    wire = IwarpWire(aligned=False)
    wire.connect()
    session(wire, 6)
    for skip in range(20, 100, 13):
        view = dissect_octets(pcap(wire.frames[skip:]), tmp_path)
        assert set(complete(view)) >= set(range(10, 19))


def test_without_handshake_and_checksums(tmp_path: Path) -> None:
    wire = IwarpWire(crc=False)
    wire.connect()
    session(wire, 4)
    view = dissect_octets(pcap(wire.frames[6:]), tmp_path)
    assert set(complete(view)) >= set(range(4, 13))


@pytest.mark.parametrize("markers", [True, False])
def test_a_hole(markers: bool, tmp_path: Path) -> None:
    """Lost with a segment is what was in it; the rest is found again."""
    wire = IwarpWire(aligned=False, markers=markers)
    wire.connect()
    session(wire, 6)
    for victim in range(10, 200, 17):
        frames = wire.frames[:victim] + wire.frames[victim + 1 :]
        view = dissect_octets(pcap(frames), tmp_path)
        assert view.rules.count("capture-hole") >= 1
        assert not {"mpa-length", "ddp-header", "mpa-crc", "undecoded"} & set(view.rules)
        assert len(complete(view)) >= 15


def test_any_order(tmp_path: Path) -> None:
    chooser = random.Random(3)
    wire = IwarpWire(markers=True)
    wire.connect()
    start = len(wire.frames)
    do_read(wire, 1, pattern(8000), [Segment(1, 8000, 64)])
    burst = wire.frames[start + 1 :]
    chooser.shuffle(burst)
    wire.frames[start + 1 :] = burst
    view = checked(wire.frames, tmp_path)
    assert view.rules == []
    assert view.data() == pattern(8000)


def changed(frame: Frame, at: int) -> Frame:
    data = bytearray(frame.data)
    data[at] ^= 0x10
    return Frame(frame.time, bytes(data))


def test_damage_is_found(tmp_path: Path) -> None:
    wire = IwarpWire(markers=True)
    wire.connect()
    session(wire)
    wire.frames[8] = changed(wire.frames[8], -20)
    assert "mpa-crc" in checked(wire.frames, tmp_path).rules
    wire = IwarpWire(markers=True)
    wire.connect()
    session(wire)
    # The first FPDU begins with a marker, after 14 + 20 + 20 octets of headers.
    wire.frames[5] = changed(wire.frames[5], 57)
    assert dissect_octets(pcap(wire.frames), tmp_path).rules == ["mpa-marker"]


def test_terminate_and_nonsense(tmp_path: Path) -> None:
    wire = IwarpWire()
    wire.connect()
    wire.terminate(wire.server, 0, 1, 5)
    wire.fpdu(wire.client, struct.pack(">BBIIII", 0x42, 0x43, 0, 0, 1, 0))
    wire.fpdu(wire.client, struct.pack(">BBIIII", 0x41, 0x4A, 0, 0, 1, 0))
    wire.fpdu(wire.client, struct.pack(">BBIQ", 0xC1, 0x43, 0, 0))
    wire.fpdu(wire.client, struct.pack(">BBIQ", 0x41, 0x43, 0, 0))
    wire.rdma_read(wire.client, 1, 1, b"")
    wire.untagged(wire.client, 1, 1, b"short")
    wire.untagged(wire.server, 7, 2, b"")
    wire.tagged(wire.server, 2, 5, 5, b"for no READ")
    do_getattr(wire, 1)
    wire.emit(wire.client, bytes(64))
    do_getattr(wire, 2)
    view = dissect_octets(pcap(wire.frames), tmp_path)
    assert complete(view) == [1, 2]
    assert sorted(view.rules) == ["ddp-header"] * 4 + ["mpa-length", "rdma-terminate"]
    assert "RDMAP error type 1 code 0x05" in view.found[0].text


def test_cut_frames(tmp_path: Path) -> None:
    wire = IwarpWire(mtu=1300)
    wire.connect()
    session(wire, 2)
    view = dissect_octets(pcap(wire.frames, snaplen=400), tmp_path)
    assert len(view.exchanges) == 6
    assert set(view.rules) <= {"capture-cut", "capture-hole"}


def test_checksum_of_others() -> None:
    """From the public sample ``write_crc``; RFC 3720, Appendix B.4 has the second."""
    fpdu = bytes.fromhex("00164143000000000000000000000002000000000909090948cc5811")
    assert crc32c(fpdu[:-4]).to_bytes(4, "little") == fpdu[-4:]
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("C00_M00", {}),
        ("C11_M11", {}),
        ("snd_recv", {3: 2}),
        ("snd_recv_inv", {3: 1, 4: 1}),
        ("write_crc", {0: 1, 3: 3}),
        ("read", {0: 1, 1: 1, 2: 1, 3: 3}),
    ],
)
def test_samples_of_others(name: str, kinds: dict[int, int]) -> None:
    path = public_capture(name)
    view = Collected()
    view.pipeline = pipeline = Pipeline(open_capture(path), view, check_crc=True)
    pipeline.run()
    assert view.rules == []
    assert pipeline.conversations.kinds == kinds
    assert [event.name for event in view.events] == ["MPA request", "MPA reply"]
    assert [c.transport for c in pipeline.pairing.connections.values()] == [Transport.IWARP]
    assert dissect(path).rules == []


def test_crumbs_of_a_large_fpdu(tmp_path: Path) -> None:
    """A search that waits for more octets does not begin again with each of them."""
    wire = IwarpWire(mtu=60_000)
    wire.connect()
    wire.tcp.mss = 8
    wire.rdma_write(wire.client, 1, 1, bytes(40_000))
    do_getattr(wire, 1)
    whole = wire.frames[5]
    head, data = whole.data[:54], whole.data[54:]
    crumbs = []
    for at in range(0, len(data), 8):
        part = bytearray(head) + data[at : at + 8]
        part[16:18] = struct.pack(">H", len(part) - 14)
        part[38:42] = struct.pack(">I", struct.unpack(">I", head[38:42])[0] + at & 0xFFFFFFFF)
        crumbs.append(Frame(whole.time, bytes(part)))
    view = dissect_octets(pcap(crumbs + wire.frames[6:]), tmp_path)
    assert complete(view) == [1]
    assert view.rules == []

"""Capture files: formats, compression, damage."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import pytest
from tests.support.rdma_wire import (
    Frame,
    Wire,
    block,
    do_read,
    option,
    pattern,
    pcap,
    pcapng,
)

from nfsrdma.dissector.capture import CaptureError, Reader, open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.line import LineView
from nfsrdma.rpcrdma.transport.chunk import Segment

T0 = 1_700_000_000_123_456_000
FRAMES = [Frame(T0 + index * 1_000_000, bytes((index,)) * (60 + index)) for index in range(20)]


def opened(octets: bytes, folder: Path) -> Reader:
    path = folder / "file"
    path.write_bytes(octets)
    return open_capture(path)


def everything(reader: Reader) -> list[tuple[int, int, bytes]]:
    out = []
    while reader.read():
        data = bytes(reader.view[reader.offset : reader.offset + reader.captured])
        out.append((reader.time_ns, reader.original, data))
    return out


WANTED = [(frame.time, len(frame.data), frame.data) for frame in FRAMES]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_in_both_orders_and_resolutions(tmp_path: Path, order: str, nano: bool) -> None:
    reader = opened(pcap(FRAMES, 1, order=order, nano=nano), tmp_path)
    assert everything(reader) == WANTED
    assert reader.link_type == 1
    assert not reader.notices


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("resolution", [6, 9])
def test_pcapng_in_both_orders_and_resolutions(tmp_path: Path, order: str, resolution: int) -> None:
    reader = opened(pcapng(FRAMES, 1, order=order, resolution=resolution), tmp_path)
    assert everything(reader) == WANTED


def test_pcapng_with_a_binary_clock_and_an_offset(tmp_path: Path) -> None:
    interface = struct.pack("<HHI", 1, 0, 0) + option("<", 9, b"\x8a")
    interface += option("<", 14, struct.pack("<q", 1000))
    section = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    packet = block("<", 6, struct.pack("<IIIII", 0, 0, 1536, 4, 4) + b"data")
    reader = opened(section + block("<", 1, interface) + packet, tmp_path)
    assert everything(reader) == [(1_001_500_000_000, 4, b"data")]


def test_pcapng_sections_simple_and_obsolete_packets_and_unknown_blocks(tmp_path: Path) -> None:
    section = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block("<", 1, struct.pack("<HHI", 101, 0, 0))
    simple = block("<", 3, struct.pack("<I", 5) + b"hello")
    old = block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 1_000_000, 3, 9) + b"old")
    statistics = block("<", 5, bytes(12))
    big = pcapng(FRAMES[:2], 276, order=">")
    reader = opened(section + interface + simple + statistics + old + big, tmp_path)
    assert everything(reader) == [(0, 5, b"hello"), (1_000_000_000, 9, b"old"), *WANTED[:2]]
    assert reader.link_type == 276


def test_what_is_no_capture(tmp_path: Path) -> None:
    for octets in (b"", b"abc", b"hello world", pcap([])[:10], pcapng([])[:20]):
        with pytest.raises(CaptureError):
            opened(octets, tmp_path)


def test_gzip_and_zstd(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    octets = pcap(FRAMES)
    halves = gzip.compress(octets[:500]) + gzip.compress(octets[500:])
    assert everything(opened(halves, tmp_path)) == WANTED
    assert everything(opened(zstandard.compress(octets), tmp_path)) == WANTED


def test_a_cut_gzip_file_gives_what_is_there(tmp_path: Path) -> None:
    octets = gzip.compress(pcap(FRAMES * 500))
    reader = opened(octets[: len(octets) // 2], tmp_path)
    got = everything(reader)
    assert got[:20] == WANTED
    assert len(got) < 10_000
    assert "decompression" in reader.notices[0].text


def test_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for octets in (pcap(FRAMES), gzip.compress(pcapng(FRAMES))):
        reading, writing = os.pipe()
        os.write(writing, octets)
        os.close(writing)
        path = f"/dev/fd/{reading}"
        assert everything(open_capture(path)) == WANTED
        os.close(reading)


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_a_cut_file_gives_all_whole_frames_and_a_notice(tmp_path: Path, make: object) -> None:
    octets = make(FRAMES)  # type: ignore[operator]
    for cut in range(len(octets) - 90, len(octets), 7):
        reader = opened(octets[:cut], tmp_path)
        got = everything(reader)
        assert got[:18] == WANTED[:18]
        assert all(
            wanted[2].startswith(there[2]) for there, wanted in zip(got, WANTED, strict=False)
        )
        assert len(reader.notices) == 1


def test_a_damaged_length_is_skipped(tmp_path: Path) -> None:
    octets = bytearray(pcap(FRAMES))
    at = 24 + 16 + 60
    struct.pack_into("<I", octets, at + 8, 0x7FFFFFFF)
    reader = opened(bytes(octets), tmp_path)
    assert everything(reader) == [WANTED[0], *WANTED[2:]]
    assert len(reader.notices) == 1


def test_a_damaged_pcapng_block_is_skipped(tmp_path: Path) -> None:
    octets = bytearray(pcapng(FRAMES))
    at = octets.index(FRAMES[3].data) - 28
    struct.pack_into("<I", octets, at + 4, 7)
    reader = opened(bytes(octets), tmp_path)
    assert everything(reader) == WANTED[:3] + WANTED[4:]
    assert len(reader.notices) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("drops", [0, 3, 0xFFFF])
def test_a_run_of_obsolete_packets_has_their_times(tmp_path: Path, order: str, drops: int) -> None:
    """Their interface is a word of 16 bits, beside one that counts drops (R13)."""
    wire = Wire()
    do_read(wire, 1, pattern(200_000), [Segment(7, 200_000, 0)])
    section = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    octets = section
    for resolution in (6, 9):
        interface = struct.pack(order + "HHI", 1, 0, 0) + option(order, 9, bytes((resolution,)))
        octets += block(order, 1, interface + option(order, 0, b""))
    for frame in wire.frames:
        size = len(frame.data)
        high, low = frame.time >> 32, frame.time & 0xFFFFFFFF
        head = struct.pack(order + "HHIIII", 1, drops, high, low, size, size)
        octets += block(order, 2, head + frame.data)
    lines: list[str] = []
    for name, content in (("pcap", pcap(wire.frames, nano=True)), ("pcapng", octets)):
        path = tmp_path / name
        path.write_bytes(content)
        shown: list[str] = []
        Pipeline(open_capture(path), LineView(shown.append)).run()
        lines.append("".join(shown))
    assert "READ" in lines[0]
    assert lines[0] == lines[1]

"""``dissect --pcapng``: a capture written anew, with findings as packet comments."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support import tshark
from tests.support.rdma_wire import (
    Frame,
    Wire,
    block,
    do_getattr,
    getattr_call,
    getattr_results,
    option,
    pcap,
    pcapng,
    results,
)

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import CaptureError, Reader, open_capture
from nfsrdma.dissector.capture.rewrite import Output, rewrite

T0 = 1_700_000_000_123_456_000
FRAMES = [Frame(T0 + index * 1_000_000, bytes((index,)) * (60 + index)) for index in range(20)]
WANTED = [(frame.time, len(frame.data), frame.data) for frame in FRAMES]


class Remarking:
    """Comments on some frames."""

    def __init__(self, comments: dict[int, list[str]]) -> None:
        self.comments = comments

    def link_type(self, link_type: int) -> int:
        return link_type

    def frame(self, reader: Reader) -> list[Output] | None:
        if reader.number not in self.comments:
            return None
        data = reader.view[reader.offset : reader.offset + reader.captured]
        return [Output(data, reader.original, self.comments[reader.number])]


def rewritten(octets: bytes, folder: Path, comments: dict[int, list[str]]) -> bytes:
    path = folder / "in"
    path.write_bytes(octets)
    reader = open_capture(path)
    while reader.read():
        pass
    out = bytearray()
    rewrite(reader, Remarking(comments), out.extend)
    return bytes(out)


def everything(octets: bytes, folder: Path) -> tuple[list[tuple[int, int, bytes]], Reader]:
    path = folder / "out"
    path.write_bytes(octets)
    reader = open_capture(path)
    out = []
    while reader.read():
        data = bytes(reader.view[reader.offset : reader.offset + reader.captured])
        out.append((reader.time_ns, reader.original, data))
    assert not reader.notices
    return out, reader


def options_of(octets: bytes, frame: int) -> list[tuple[int, bytes]]:
    """The options of a frame's enhanced packet block, by a naive walk."""
    at, number, order = 0, 0, "<"
    while at < len(octets):
        if octets[at + 8 : at + 12] == b"\x1a\x2b\x3c\x4d":
            order = ">"
        kind, length = struct.unpack_from(order + "II", octets, at)
        if kind in (2, 3, 6):
            number += 1
        if kind == 6 and number == frame:
            captured = struct.unpack_from(order + "I", octets, at + 20)[0]
            at += 28 + (captured + 3 & ~3)
            out = []
            while struct.unpack_from(order + "H", octets, at)[0]:
                code, size = struct.unpack_from(order + "HH", octets, at)
                out.append((code, octets[at + 4 : at + 4 + size]))
                at += 4 + (size + 3 & ~3)
            return out
        at += length
    raise AssertionError(f"no frame {frame}")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_becomes_pcapng(tmp_path: Path, order: str, nano: bool) -> None:
    out = rewritten(pcap(FRAMES, 276, order=order, nano=nano), tmp_path, {3: ["one", "zwei ü"]})
    frames, reader = everything(out, tmp_path)
    assert frames == WANTED
    assert reader.link_type == 276
    assert options_of(out, 3) == [(1, b"one"), (1, "zwei ü".encode())]
    assert out.count(b"zwei") == 1


def test_cut_frames_keep_their_length_on_the_wire(tmp_path: Path) -> None:
    frames, _ = everything(rewritten(pcap(FRAMES, snaplen=64), tmp_path, {}), tmp_path)
    assert frames == [(time, size, data[:64]) for time, size, data in WANTED]


def test_of_a_pcapng_only_the_commented_blocks_change(tmp_path: Path) -> None:
    for order in "<>":
        source = pcapng(FRAMES, order=order)
        assert rewritten(source, tmp_path, {}) == source
        out = rewritten(source, tmp_path, {1: ["first"], 20: ["last"]})
        assert everything(out, tmp_path)[0] == WANTED
        added = [len(block(order, 0, option(order, 1, text) + bytes(4))) - 12
                 for text in (b"first", b"last")]  # fmt: skip
        assert len(out) == len(source) + sum(added)
        assert options_of(out, 20) == [(1, b"last")]


def test_a_pcapng_keeps_all_else(tmp_path: Path) -> None:
    section = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, 4711)
                    + option("<", 4, b"dumpcap") + bytes(4))  # fmt: skip
    interface = block("<", 1, struct.pack("<HHI", 101, 0, 0) + option("<", 9, b"\x8a") + bytes(4))
    names = block("<", 4, bytes(8) + b"names of hosts")
    own = option("<", 1, b"theirs") + option("<", 2, struct.pack("<I", 1)) + bytes(4)
    packet = block("<", 6, struct.pack("<IIIII", 0, 0, 1536, 4, 9) + b"data" + own)
    simple = block("<", 3, struct.pack("<I", 5) + b"hello")
    old = block("<", 2, struct.pack("<HHIIII", 0, 0, 0, 1_000_000, 3, 9) + b"old")
    statistics = block("<", 5, bytes(12))
    source = section + interface + names + packet + simple + old + statistics
    second = pcapng(FRAMES[:2], 276, order=">")
    comments = {1: ["ours"], 2: ["simple"], 3: ["old"], 5: ["in another section"]}
    out = rewritten(source + second, tmp_path, comments)
    for kept in (interface, names, statistics, b"dumpcap"):
        assert kept in out
    assert struct.unpack_from("<q", out, 16) == (-1,)
    frames, reader = everything(out, tmp_path)
    assert frames == [
        (1_500_000_000, 9, b"data"), (0, 5, b"hello"), (10**15 // 1024, 9, b"old"),
        *WANTED[:2],
    ]  # fmt: skip
    assert reader.link_type == 276
    assert options_of(out, 1) == [(1, b"theirs"), (2, struct.pack("<I", 1)), (1, b"ours")]
    assert options_of(out, 5) == [(1, b"in another section")]


def test_what_is_damaged_is_left_out(tmp_path: Path) -> None:
    source = pcapng(FRAMES)
    damaged = bytearray(source)
    at = len(pcapng(FRAMES[:5]))
    damaged[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    for octets in (bytes(damaged), bytes(damaged[:-30])):
        out = rewritten(octets, tmp_path, {10: ["still there"]})
        frames, _ = everything(out, tmp_path)
        assert frames[:5] == WANTED[:5]
        assert frames[5:18] == WANTED[6:19]
        assert options_of(out, 10) == [(1, b"still there")]


@pytest.mark.parametrize("at", range(0, 3000, 37))
def test_a_flipped_octet_anywhere_never_raises(tmp_path: Path, at: int) -> None:
    damaged = bytearray(pcapng(FRAMES))
    damaged[at % len(damaged)] ^= 0xA5
    path = tmp_path / "x"
    path.write_bytes(damaged)
    try:
        reader = open_capture(path)
    except CaptureError:
        return
    while reader.read():
        pass
    out = bytearray()
    rewrite(reader, Remarking({number: ["c"] for number in range(1, 30)}), out.extend)
    path.write_bytes(out)
    again = open_capture(path)
    while again.read():
        pass
    assert not again.notices
    assert again.number == reader.number


def broken(folder: Path) -> Path:
    """A call without credits, then one that is right."""
    wire = Wire()
    wire.connect()
    wire.nfs_call(1, getattr_call(), credits=0)
    wire.nfs_reply(1, results(1, getattr_results()), credits=0)
    do_getattr(wire, 2)
    path = folder / "broken.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def test_findings_become_comments(tmp_path: Path) -> None:
    path, out = broken(tmp_path), tmp_path / "out.pcapng"
    result = CliRunner().invoke(dissect, ["--pcapng", str(out), str(path)])
    assert result.exit_code == 0
    assert "2 findings on 2 frames" in result.output
    comments = options_of(out.read_bytes(), 3)
    assert [code for code, _ in comments] == [1]
    assert comments[0][1].startswith(b"nfsrdma error: credit-zero: ")
    assert b"[RFC 8166" in comments[0][1]
    # The same lines say the same of the copy.
    lines = [CliRunner().invoke(dissect, [str(p)]).output for p in (path, out)]
    assert lines[0] == lines[1]
    chosen = CliRunner().invoke(
        dissect, ["--pcapng", str(out), "-Y", "frame.number == 3", str(path)]
    )
    assert "1 finding on 1 frame in" in chosen.output


def test_the_capture_itself_is_not_overwritten(tmp_path: Path) -> None:
    path = broken(tmp_path)
    before = path.read_bytes()
    result = CliRunner().invoke(dissect, ["--pcapng", str(path), str(path)])
    assert result.exit_code == 2
    assert "the capture itself" in result.output
    assert path.read_bytes() == before


def test_tshark_shows_the_comments(tmp_path: Path) -> None:
    tshark.need()
    path, out = broken(tmp_path), tmp_path / "out.pcapng"
    CliRunner().invoke(dissect, ["--pcapng", str(out), str(path)])
    lines = tshark.fields(out, "frame.number", "frame.comment", wanted="frame.comment")
    assert [line.split("\t")[0] for line in lines] == ["3", "5"]
    assert all("credit-zero" in line for line in lines)

"""The captures of Linux peers: everything decodes, and what is taken away is all that is lost."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from tests.support.captures import capture_folder, linux_captures, require
from tests.support.dissection import Collected, dissect, dissect_octets

from nfsrdma.dissector.base.extent import ByteMap
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.extract import payloads
from nfsrdma.dissector.views.lint import Lint

COMMITTED = Path(__file__).parents[1] / "data" / "captures" / "linux"


def all_captures() -> list[Path]:
    """Every capture of Linux peers and of others, or one path that does not exist."""
    public = capture_folder() / "public"
    others = sorted(public.iterdir()) if public.exists() else []
    ours = [p for p in sorted(COMMITTED.glob("*")) if ".pcap" in p.name]
    return [*linux_captures(), *others, *ours]


captures = pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)


def records(path: Path) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    octets = path.read_bytes()
    out, at = [], 24
    while at < len(octets):
        size = struct.unpack_from("<I", octets, at + 8)[0]
        out.append((octets[at : at + 16], octets[at + 16 : at + 16 + size]))
        at += 16 + size
    return octets[:24], out


def joined(header: bytes, frames: list[tuple[bytes, bytes]]) -> bytes:
    return header + b"".join(
        head[:8] + struct.pack("<I", len(data)) + head[12:] + data for head, data in frames
    )


def chunk_octets(view: Collected) -> int:
    return sum(chunk.carried() for e in view.exchanges for chunk in e.chunks)


@captures
def test_everything_decodes(path: Path) -> None:
    view = dissect(require(path))
    assert len(view.exchanges) > 500
    assert view.rules == []
    assert not any(e.undecoded for e in view.exchanges)
    assert all(e.call is not None and e.reply is not None for e in view.exchanges)
    sizes = {
        kind: sum(
            payload.length
            for e in view.exchanges
            for payload in payloads(e)
            if payload.operation == kind
        )
        for kind in ("READ", "WRITE")
    }
    assert sizes["READ"] >= 2 << 20
    assert sizes["WRITE"] >= 1 << 20
    assert all(chunk.content.complete for e in view.exchanges for chunk in e.chunks)


@captures
def test_without_its_first_hundred_frames(path: Path, tmp_path: Path) -> None:
    header, frames = records(require(path))
    view = dissect_octets(joined(header, frames[100:]), tmp_path)
    assert not any(e.undecoded for e in view.exchanges)
    assert view.rules.count("no-call") == len(view.rules) <= 2
    assert len(view.exchanges) > 500


@captures
def test_cut_at_128_octets(path: Path, tmp_path: Path) -> None:
    header, frames = records(require(path))
    whole = dissect(path)
    view = dissect_octets(joined(header, [(h, d[:128]) for h, d in frames]), tmp_path)
    assert [e.xid for e in view.exchanges] == [e.xid for e in whole.exchanges]
    assert all(e.call is not None and e.reply is not None for e in view.exchanges)
    assert not any(e.undecoded for e in view.exchanges)
    assert set(view.rules) <= {"capture-cut", "capture-hole", "bad-header"}
    # What the chunks carried is known, although the octets are not there; but for those few whose
    # segments are not all before the cut, of which nothing is made up.
    for cut, full in zip(view.exchanges, whole.exchanges, strict=True):
        known = [(chunk.kind, chunk.carried()) for chunk in full.chunks]
        assert all((chunk.kind, chunk.carried()) in known for chunk in cut.chunks)
    assert chunk_octets(view) > 0.95 * chunk_octets(whole)


def moved(view: Collected) -> dict[tuple[int, int, str, int], tuple[bytes, list[tuple[int, int]]]]:
    """What each operation moved, zeros in the holes, and the holes; by XID, time and place."""
    assert view.pipeline is not None
    source = view.pipeline.reader.source.view
    found = {}
    for exchange in view.exchanges:
        if exchange.call is None or exchange.reply is None:
            continue
        for payload in payloads(exchange):
            octets = bytearray(payload.length)

            def write(at: int, part: memoryview, octets: bytearray = octets) -> None:
                octets[at : at + len(part)] = part

            payload.write(source, write, 0)
            holes = list(payload.data.holes()) if isinstance(payload.data, ByteMap) else []
            key = (exchange.xid, exchange.call.time_ns, payload.operation, payload.offset)
            found[key] = bytes(octets), holes
    return found


def check_moved(damaged: Collected, whole: Collected) -> int:
    """What is said to be there is what was there; how many operations were compared."""
    before, compared = moved(whole), 0
    for key, (octets, holes) in moved(damaged).items():
        if key not in before:
            continue
        expected = bytearray(before[key][0])
        for start, end in holes:
            expected[start:end] = bytes(end - start)
        assert octets == expected, key
        compared += 1
    return compared


def lint_rules(path: Path) -> list[str]:
    rules: list[str] = []
    view = Lint(lambda finding: rules.append(finding.rule))
    Pipeline(open_capture(path), view).run()
    return rules


@captures
def test_with_packets_missing(path: Path, tmp_path: Path) -> None:
    header, frames = records(require(path))
    chooser = random.Random(path.name)
    whole = dissect(path)
    kept = [frame for frame in frames if chooser.random() > 0.02]
    view = dissect_octets(joined(header, kept), tmp_path)
    assert not any(e.undecoded for e in view.exchanges)
    assert set(view.rules) <= {"capture-cut", "capture-hole", "no-call"}
    both = [e for e in view.exchanges if e.call is not None and e.reply is not None]
    assert len(both) > 0.93 * len(whole.exchanges)
    assert check_moved(view, whole) > 20
    assert lint_rules(tmp_path / "capture") == []


@pytest.mark.parametrize("path", all_captures(), ids=lambda path: path.stem)
def test_nothing_is_left_over_and_nothing_is_found(path: Path) -> None:
    """Of no capture that there is: those of the lab, others', and our own of Linux peers."""
    view = dissect(require(path))
    assert not any(e.undecoded for e in view.exchanges)
    assert lint_rules(path) == []

"""Histograms, I/O over time, and who held what: as text, as JSON and as pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.rdma_wire import Wire, do_getattr, do_read, do_write, pattern, pcap

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.tracking import holdings
from nfsrdma.dissector.views.bars import bar, has_blocks
from nfsrdma.dissector.views.histogram import bounds
from nfsrdma.rpcrdma.transport.chunk import Segment

LINUX = Path(__file__).parents[1] / "data" / "captures" / "linux"
VA = 0x7F00_0000_1000


def run(*arguments: str) -> str:
    result = CliRunner().invoke(dissect, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def records(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("--json", *arguments).splitlines()]


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """Three GETATTRs, a READ a second later, and a WRITE another second later."""
    wire = Wire()
    for xid in (1, 2, 3):
        do_getattr(wire, xid)
    wire.now += 1_000_000_000
    do_read(wire, 4, pattern(10_001), [Segment(7, 16_384, VA)], 4096)
    wire.now += 1_000_000_000
    do_write(wire, 5, pattern(7_002, 3), [Segment(8, 7_002, VA)])
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wire.frames, nano=True))
    return str(path)


def test_bars() -> None:
    assert bar(3, 4, 4, blocks=False) == "### "
    assert bar(4, 4, 4, blocks=True) == "████"
    assert bar(1, 1_000_000, 4, blocks=True) == "▏   "  # what is there is to be seen
    assert bar(1, 1_000_000, 4, blocks=False) == "#   "
    assert bar(0, 4, 4, blocks=True) == bar(0, 0, 4, blocks=False) == "    "
    assert [has_blocks(name) for name in ("utf-8", "ascii", "latin-1", None)] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("time", [1, 2, 4, 5, 9, 10, 199, 200, 499, 500, 10**18])
def test_ranges_of_times(time: int) -> None:
    low, high = bounds(time)
    assert low <= time < high
    assert bounds(low) == (low, high)
    assert bounds(high)[0] == high


def test_a_histogram(capture: str) -> None:
    found = {one["operation"]: one for one in records("--histogram", capture)}
    assert {name: one["calls"] for name, one in found.items()} == {
        "GETATTR": 3, "READ": 1, "WRITE": 1,
    }  # fmt: skip
    assert found["READ"]["ranges"] == [{"from_ns": 10_000, "below_ns": 20_000, "calls": 1}]
    text = run("--histogram", capture)
    assert text.startswith("GETATTR: 3 RPCs, median 2.00 us")
    assert "10 us - 20 us " in text
    assert "100.0 %" in text


def test_io_over_time(capture: str) -> None:
    found = records("--io-graph", capture)
    assert sum(one["calls"] for one in found) == 5
    assert [one["read"] for one in found if one["read"]] == [10_001]
    (written,) = [one for one in found if one["written"]]
    assert written["written"] == 7_002
    assert written["start_ns"] <= 2_000_100_000 < written["start_ns"] + written["width_ns"]
    assert len(found) <= 48
    text = run("--io-graph", capture)
    assert len(text.splitlines()) == 1 + len(found)
    assert "KiB/s" in text


def test_a_terminal_without_blocks(capture: str) -> None:
    runner = CliRunner(charset="ascii")
    result = runner.invoke(dissect, ["--histogram", "--io-graph", capture])
    assert result.exit_code == 0, result.output
    assert "####" in result.stdout
    assert result.stdout.isascii()


def test_locks_of_linux() -> None:
    found = records("--state", str(LINUX / "linux-client-locks.pcap"))
    locks = [(one["octets"], one["mode"], one["frame"], one["end_frame"]) for one in found
             if one["kind"] == "lock"]  # fmt: skip
    assert locks == [
        ("50-149", "write", 126, 158),
        ("0-9", "write", 138, 146),
        ("0-9", "write", 178, 186),
        ("120-129", "write", 182, 186),
    ]
    assert {one["file"] for one in found} == {"/l"}
    assert [one["ended_by"] for one in found if one["kind"] == "open"] == ["CLOSE"] * 5
    text = run("--state", str(LINUX / "linux-client-locks.pcap"))
    assert "write 50-149 of /l (frame 126, LOCKU in 158)" in text
    assert text.endswith("9 states; 0 still held at the end of the capture\n")


def test_states_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "MAX_HOLDINGS", 2)
    text = run("--state", str(LINUX / "linux-client-locks.pcap"))
    assert "2 states, of 9 granted" in text
    monkeypatch.undo()
    monkeypatch.setattr(holdings, "MAX_RANGES", 1)  # of an owner with two locks at a time
    text = run("--state", str(LINUX / "linux-client-locks.pcap"))
    assert "8 states, of 9 granted" in text


def test_no_state(capture: str) -> None:
    assert run("--state", capture).startswith("no opens, locks or delegations")


def test_pictures(capture: str, tmp_path: Path) -> None:
    folder = tmp_path / "plots"
    run("--histogram", "--io-graph", "--plot", str(folder), capture)
    pictures = {path.stem for path in folder.glob("*.png")}
    assert pictures == {"histogram", "io-graph"}
    assert {path.stem for path in folder.glob("*.html")} == pictures

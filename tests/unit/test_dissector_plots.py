"""Plots: each is a picture, the page has all of them and needs nothing else."""

from __future__ import annotations

import base64
import re
import struct
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.rdma_wire import Frame, Wire, do_getattr, do_read, getattr_call, pattern, pcap

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.views.plots.page import plot_page
from nfsrdma.dissector.views.plots.style import Plot
from nfsrdma.rpcrdma.transport.chunk import Segment

LATENCY = {"latency-distribution", "latency-stages", "queue-depth", "bulk-rate"}
HEALTH = {"health-timeline", "health-again", "health-sufferers"}


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A GETATTR whose reply comes twice, and a READ."""
    wire = Wire()
    do_getattr(wire, 1)
    wire.now += 500_000_000
    wire.frames.append(Frame(wire.now, wire.frames[-2].data))
    data = pattern(10_001)
    do_read(wire, 2, data, [Segment(7, 16_384, 0x7F00_0000_1000)], 4096)
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize(("mode", "names"), [("latency", LATENCY), ("health", HEALTH)])
def test_plots(capture: Path, tmp_path: Path, mode: str, names: set[str]) -> None:
    folder = tmp_path / "some" / "plots"
    result = CliRunner().invoke(dissect, [f"--{mode}", "--plot", str(folder), str(capture)])
    assert result.exit_code == 0, result.output
    assert {path.stem for path in folder.glob("*.png")} == names
    assert all(min(size(path.read_bytes())) > 200 for path in folder.glob("*.png"))
    page = (folder / f"{mode}.html").read_text()
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    files = {path.read_bytes() for path in folder.glob("*.png")}
    assert {base64.b64decode(picture) for picture in pictures} == files
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_a_call_alone_has_no_times_to_plot(tmp_path: Path) -> None:
    wire = Wire()
    wire.nfs_call(1, getattr_call())
    path = tmp_path / "call"
    path.write_bytes(pcap(wire.frames))
    for mode, names in (("latency", {"queue-depth"}), ("health", {"health-timeline"})):
        folder = tmp_path / mode
        result = CliRunner().invoke(dissect, [f"--{mode}", "--plot", str(folder), str(path)])
        assert result.exit_code == 0, result.output
        assert {one.stem for one in folder.glob("*.png")} == names


def test_what_is_hostile_is_escaped() -> None:
    page = plot_page("<b>", [Plot("x", '"><script>', b"png")], "</pre><script>")
    assert "<script" not in page
    assert "<b>" not in page


def test_without_matplotlib(capture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("nfsrdma.dissector.views.plots")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    command = ["--latency", "--plot", str(tmp_path / "plots"), str(capture)]
    result = CliRunner().invoke(dissect, command)
    assert result.exit_code == 1
    assert "pip install 'nfsrdma[plot]'" in result.output

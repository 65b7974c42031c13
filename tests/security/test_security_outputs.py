"""An existing file stays when a command has nothing to write, fails, or is interrupted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.rdma_wire import Wire, do_getattr, do_write, pattern, pcap

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.rpcrdma.transport.chunk import Segment

OUTPUTS = {
    "extract": ("--extract", "5", "-o"),
    "html": ("--html",),
    "pcapng": ("--pcapng",),
    "fixed": ("--fix-for-wireshark",),
    "parquet": ("--parquet",),
}


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    wire = Wire()
    do_getattr(wire, 1)
    do_write(wire, 2, pattern(5000), [Segment(8, 5000, 0)])
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(dissect, [str(one) for one in arguments])


@pytest.mark.parametrize("what", ["9999", "1", "fh:12345678", "nonsense"])
def test_nothing_to_extract_leaves_the_file(capture: Path, tmp_path: Path, what: str) -> None:
    kept = tmp_path / "keep"
    kept.write_bytes(b"precious")
    assert run("--extract", what, "-o", kept, capture).exit_code
    assert kept.read_bytes() == b"precious"
    assert run("--extract", what, "-o", tmp_path / "new", capture).exit_code
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("error", [OSError(5, "no more"), KeyboardInterrupt()])
def test_whoever_is_interrupted_leaves_the_file(
    capture: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException
) -> None:
    if name == "parquet":
        pytest.importorskip("pyarrow")
    kept = capture.parent / "keep"
    kept.write_bytes(b"precious")

    def fail(pipeline: Pipeline) -> None:
        raise error

    monkeypatch.setattr(Pipeline, "_close", fail)
    assert run(*OUTPUTS[name], kept, capture).exit_code
    assert kept.read_bytes() == b"precious"
    assert sorted(os.listdir(capture.parent)) == ["capture.pcap", "keep"]
    assert not list(capture.parent.glob(".*"))

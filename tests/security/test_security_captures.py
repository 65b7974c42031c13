"""Captures that are made to hurt whoever opens them: cut, packed, and never ending."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.support.rdma_wire import Wire, do_getattr, pcap, pcapng

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import CaptureError, Reader, open_capture, source
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.capture.source import Spool, stream_fill

try:
    from nfsrdma.dissector.capture import _guard
except ImportError:
    _guard = None  # type: ignore[assignment]

guarded = pytest.mark.skipif(_guard is None, reason="the guard is not built, or switched off")


def conversation(calls: int) -> list[object]:
    wire = Wire()
    for xid in range(1, calls + 1):
        do_getattr(wire, xid)
    return wire.frames  # type: ignore[return-value]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(dissect, [str(one) for one in arguments])


def opened(path: Path) -> Reader:
    reader = open_capture(path)
    assert reader.read()
    return reader


# Files that are cut while they are read


@pytest.mark.parametrize("form", [pcap, pcapng])
def test_a_file_that_is_cut_ends_with_a_word(tmp_path: Path, form: object) -> None:
    path = tmp_path / "x"
    path.write_bytes(form(conversation(3000)))  # type: ignore[operator]
    size = path.stat().st_size
    reader = opened(path)
    os.truncate(path, size // 2)
    while reader.read():
        pass
    if _guard is None:  # a copy was made
        return
    assert "cut" in reader.source.problem
    assert reader.source.end <= size // 2
    with pytest.raises(CaptureError, match="cut"):
        reader.check()


@guarded
@pytest.mark.parametrize(
    "view", [[], ["--json"], ["--lint"], ["--health"], ["--html"], ["--pcapng"]]
)
def test_every_view_says_so_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: list[str]
) -> None:
    path, out = tmp_path / "x", tmp_path / "out"
    path.write_bytes(pcap(conversation(3000)))
    from nfsrdma.dissector.pipeline import Pipeline

    run_it = Pipeline.run

    def cut(pipeline: Pipeline) -> None:
        os.truncate(path, 5000)
        run_it(pipeline)

    monkeypatch.setattr(Pipeline, "run", cut)
    result = run(*view, *([out] if view in (["--html"], ["--pcapng"]) else []), path)
    assert result.exit_code == 1, result.output
    assert "was cut" in result.output
    assert not out.exists()


@guarded
def test_other_bus_errors_are_not_ours() -> None:
    """What is not guarded ends the process as before, with a guard installed."""
    script = (
        "import mmap, os, tempfile\n"
        "from nfsrdma.dissector.capture import _guard\n"
        "def mapped():\n"
        "    file = tempfile.TemporaryFile()\n"
        "    file.truncate(8192)\n"
        "    return file, mmap.mmap(file.fileno(), 8192)\n"
        "file, one = mapped()\n"
        "number = _guard.guard(one)\n"
        "file.truncate(0)\n"
        "assert one[5000] == 0 and _guard.lost(number) == 4096, 'guarded'\n"
        "assert one[0] == 0 and _guard.lost(number) == 0, 'guarded'\n"
        "_guard.release(number)\n"
        "file, other = mapped()\n"
        "file.truncate(0)\n"
        "print('here', flush=True)\n"
        "other[0]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert done.stdout == b"here\n", done.stderr
    assert done.returncode == -7


# What is unpacked


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(pcap(conversation(20)) + bytes(8 << 20)))
    result = run("--max-unpacked", "1m", path)
    assert result.exit_code == 1
    assert "unpacks to more than 1 MiB" in result.output
    assert "--max-unpacked" in result.output
    assert run("--max-unpacked", "64m", path).exit_code == 0
    assert run("--max-unpacked", "much", path).exit_code == 2


def test_by_default_it_is_a_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "UNPACKED_LEAST", 1 << 20)
    octets = pcap(conversation(200))
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(octets + bytes(64 << 20)))
    result = run(path)
    assert result.exit_code == 1
    assert "--max-unpacked" in result.output
    path.write_bytes(gzip.compress(octets * 2))
    assert "--max-unpacked" not in run(path).output


def test_zeros_are_stepped_over(tmp_path: Path) -> None:
    """Room that was allocated and never written costs nothing, and what follows is found."""
    octets = pcap(conversation(3))
    path = tmp_path / "x"
    path.write_bytes(octets + bytes(3 << 20) + octets[24:])
    reader = open_capture(path)
    numbers = 0
    while reader.read():
        numbers += 1
    assert numbers == 2 * len(conversation(3))
    assert any("zeros" in notice.text for notice in reader.notices)


# Temporary files


class _Full:
    """``os.pwrite`` on a disk that takes so much and no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, descriptor: int, octets: memoryview, at: int) -> int:
        if at + len(octets) > self.room:
            raise OSError(28, "No space left on device")
        return self.write(descriptor, octets, at)

    write = staticmethod(os.pwrite)


@pytest.mark.parametrize("packed", [False, True])
def test_a_full_temporary_directory_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    octets = pcap(conversation(20)) + bytes(8 << 20)
    monkeypatch.setattr(source.os, "pwrite", _Full(4 << 20))
    if packed:
        path = tmp_path / "x.gz"
        path.write_bytes(gzip.compress(octets))
        result = run(path)
        assert result.exit_code == 1
        assert "No space left" in result.output
        assert "TMPDIR" in result.output
        return
    with (tmp_path / "x").open("w+b") as file:
        file.write(octets)
        file.seek(0)
        reader = reader_of(Spool(stream_fill(file)))
        while reader.read():
            pass
    with pytest.raises(CaptureError, match="TMPDIR"):
        reader.check()


def test_a_real_full_file_system(tmp_path: Path) -> None:
    """The same with a file system that is really full; for root, who can make one."""
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "none", tmp_path], capture_output=True
        ).returncode
    ):
        pytest.skip("a small file system cannot be mounted here")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nfsrdma", "dissect", "-"],
            input=pcap(conversation(20)) + bytes(8 << 20),
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True,
            timeout=60,
        )
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
    assert done.returncode == 1, done
    assert b"No space left" in done.stderr
    assert done.stdout.count(b"GETATTR") == 20


def test_a_cut_gzip_shows_what_there_is_and_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(pcap(conversation(20)))[:-20])
    result = run(path)
    assert result.exit_code == 1
    assert "GETATTR" in result.output
    assert "cut" in result.output

"""``nfsrdma dissect``: what each option writes, and what becomes of bad input."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.support.iwarp_wire import IwarpWire
from tests.support.rdma_wire import (
    Wire,
    do_getattr,
    do_read,
    do_write,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    results,
)

import nfsrdma
from nfsrdma.cli.dissect import dissect
from nfsrdma.rpcrdma.transport.chunk import Segment

VA = 0x7F00_0000_1000
READ, WRITTEN = pattern(10_001), pattern(7_002, 3)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A GETATTR, a READ and a WRITE."""
    wire = Wire()
    do_getattr(wire, 1)
    do_read(wire, 2, READ, [Segment(7, 16_384, VA)], 4096)
    do_write(wire, 3, WRITTEN, [Segment(8, 4_096, VA), Segment(9, 2_906, VA)])
    path = tmp_path / "capture.pcap"
    path.write_bytes(pcap(wire.frames))
    return path


def run(*arguments: object, code: int = 0, octets: bytes | None = None) -> Result:
    result = CliRunner().invoke(dissect, [str(a) for a in arguments], input=octets)
    assert result.exit_code == code, result.output
    return result


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


def test_a_line_for_each_rpc(capture: Path) -> None:
    lines = run(capture).output.splitlines()
    assert len(lines) == 3
    assert "10.0.0.1 -> 10.0.0.2 NFS4.1 GETATTR OK" in lines[0]
    assert "READ 4096+10001 OK [W 10001/16Ki]" in lines[1]
    assert "WRITE 0+7002" in lines[2]
    assert "PUTFH" not in lines[0]
    assert "PUTFH" in run("--all-ops", capture).output


def test_standard_input_and_gzip(capture: Path, tmp_path: Path) -> None:
    packed = tmp_path / "capture.gz"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    assert run(packed).output == run(capture).output
    command = [sys.executable, "-m", "nfsrdma", "dissect", "-"]
    done = subprocess.run(
        command, input=capture.read_bytes(), capture_output=True, env=environment(), timeout=30
    )
    assert done.stdout.decode() == run(capture).output


def test_the_tree_has_everything(capture: Path) -> None:
    output = run("-V", capture).output
    assert len(output.splitlines()) > 50
    assert "GETATTR" in output
    assert "0x00000007" in output
    assert "no RPC found" not in output


def test_json_has_an_object_for_each_message(capture: Path) -> None:
    messages = objects(run("--json", capture))
    assert len(messages) == 6
    assert [message["rpc.xid"] for message in messages] == [1, 1, 2, 2, 3, 3]


def test_chunks_name_segments(capture: Path) -> None:
    output = run("--chunks", capture).output
    assert "0x00000007" in output
    assert "0x00000009" in output


def test_a_filter_chooses(capture: Path) -> None:
    assert len(run("-Y", "rpc.xid == 2", capture).output.splitlines()) == 1
    assert len(objects(run("-Y", "rpc.xid == 2", "--json", capture))) == 2
    assert "-Y" in run("-Y", "rpc.xid ==", capture, code=2).output


@pytest.mark.parametrize(("index", "data", "start"), [(1, READ, 0), (2, WRITTEN, 0)])
def test_extract_writes_what_travelled(
    capture: Path, tmp_path: Path, index: int, data: bytes, start: int
) -> None:
    frame = run(capture).output.splitlines()[index].split(">")[0].strip()
    out = tmp_path / "out"
    result = run("--extract", frame, "-o", out, capture)
    assert result.output == f"{len(data)} octets of 1 operations\n"
    assert out.read_bytes()[start:] == data


def test_what_is_missing_at_the_end_of_an_extract_is_zeros(tmp_path: Path) -> None:
    wire = Wire()
    do_write(wire, 3, WRITTEN, [Segment(8, len(WRITTEN), VA)])
    frames = wire.frames
    last = max(i for i, f in enumerate(frames) if f.data[42] == 0x0F)  # a READ response's last
    path, out = tmp_path / "capture.pcap", tmp_path / "out"
    path.write_bytes(pcap([*frames[:last], *frames[last + 1 :]]))
    result = run("--extract", "1", "-o", out, path)
    assert "not in the capture" in result.output
    assert out.stat().st_size == len(WRITTEN)


def test_extract_says_what_it_cannot_do(capture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "--output" in run("--extract", "1", capture, code=2).output
    assert "neither" in run("--extract", "x", "-o", out, capture, code=2).output
    assert "neither" in run("--extract", "fh:x", "-o", out, capture, code=2).output
    assert "nothing to extract" in run("--extract", "1", "-o", out, capture, code=1).output
    assert "nothing to extract" in run("--extract", "fh:1", "-o", out, capture, code=1).output


def test_bad_files_are_refused_in_a_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"this is no capture at all, whatever its name may be")
    for path in (bad, tmp_path / "absent", tmp_path):
        for option in ((), ("--lint",)):
            result = CliRunner().invoke(dissect, [*option, str(path)])
            assert result.exit_code in (1, 2)
            assert str(path) in result.output
            assert "Traceback" not in result.output


def test_a_capture_without_rpc_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(pcap([]))
    assert run(path).output == "no RPC found: 0 RDMA packets, 0 others\n"


def test_lint(capture: Path, tmp_path: Path) -> None:
    assert run("--lint", "--exit-code", capture).output == "0 errors, 0 warnings, 0 notes\n"
    assert run("--lint", "--json", capture).output == ""
    wire = Wire()
    wire.nfs_call(1, getattr_call(), credits=0)
    wire.nfs_reply(1, results(1, getattr_results()), credits=0)
    path = tmp_path / "broken"
    path.write_bytes(pcap(wire.frames))
    lines = run("--lint", path).output.splitlines()
    assert [line.split()[2] for line in lines[:2]] == ["credit-zero:", "credit-zero:"]
    assert lines[2] == "2 errors, 0 warnings, 0 notes"
    found = objects(run("--lint", "--json", "--exit-code", path, code=1))
    assert [finding["frame.number"] for finding in found] == [1, 3]
    wanted = 'nfsrdma.finding == "chunk-fill"'
    run("--lint", "--exit-code", "-Y", wanted, path)
    run("--lint", "--exit-code", "-Y", "frame.number == 3", path, code=1)


def test_latency(capture: Path) -> None:
    lines = run("--latency", capture).output.splitlines()
    assert lines[0].split() == ["operation", "count", "stage", "median", "p99", "worst", "frames"]
    table = lines[1 : lines.index("")]
    assert [line.split()[0] for line in table if line[0] != " "] == ["READ", "WRITE", "GETATTR"]
    read, write, getattr_, queue = objects(run("--latency", "--json", capture))
    # GETATTR has four frames. A packet each microsecond: the call, its ACK, ten of data, the
    # reply, its ACK.
    frames = {"call_frame": 5, "reply_frame": 17}
    assert read["data"] == {"calls": 1, "median": 2000, "p99": 2000, "worst": 2000, **frames}
    stages = {"reply": 12_000, "ack": 1000, "wait": 1000, "transfer": 9000, "finish": 1000}
    assert {stage: read[stage]["median"] for stage in stages} == stages
    assert read["confirm"]["median"] == 1000
    assert read["rate"]["octets"] == len(READ)
    assert read["rate"]["median"] == len(READ) * 10**9 // 9000
    assert write["operation"] == "WRITE"
    assert set(getattr_) == {"operation", "reply", "ack", "wait", "confirm"}
    assert (queue["calls"], queue["credits"], queue["depth"]["worst"]) == (3, 32, 1)
    assert len(objects(run("--latency", "--json", "-Y", "rpc.xid == 1", capture))) == 2


def test_health(capture: Path, tmp_path: Path) -> None:
    output = run("--health", capture).output
    assert "No RPC suffered." in output
    records = objects(run("--health", "--json", capture))
    assert [record["record"] for record in records] == ["direction", "direction"]
    wire = Wire()
    wire.nfs_call(1, getattr_call())
    wire.acknowledge(wire.server, wire.client.psn - 1, 0x20 | 1)
    path = tmp_path / "rnr"
    path.write_bytes(pcap(wire.frames))
    output = run("--health", path).output
    assert "NAK to 10.0.0.1: RNR at PSN 0x000064, timer 10 us [GETATTR 1>?]" in output
    kinds = [record["record"] for record in objects(run("--health", "--json", path))]
    assert kinds == ["direction", "direction", "event", "rpc"]


def environment() -> dict[str, str]:
    path = str(Path(nfsrdma.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": path}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_seen_enough(tmp_path: Path, options: list[str]) -> None:
    wire = Wire()
    for xid in range(1, 1500):
        do_getattr(wire, xid)
    path = tmp_path / "long"
    path.write_bytes(pcap(wire.frames))
    command = [sys.executable, "-m", "nfsrdma", "dissect", *options, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 0


def test_checksums_of_iwarp_on_request(tmp_path: Path) -> None:
    wire = IwarpWire()
    wire.connect()
    do_getattr(wire, 1)
    path = tmp_path / "iwarp.pcap"
    path.write_bytes(pcap(wire.frames))
    assert "mpa-crc" not in run("--crc", path).output
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(octets)
    assert "mpa-crc" not in run(path).output
    assert "mpa-crc" in run("--crc", path).output
    assert "mpa-crc" in run("--crc", "--lint", "--exit-code", path, code=1).output

"""Several files as one capture: ring buffers, files whose frames interleave, damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import CaptureError, open_capture
from nfsrdma.dissector.capture.joined import MAX_FILES, open_captures

GENERATED = Path(__file__).parents[1] / "data" / "captures" / "generated"
BASELINE = GENERATED / "baseline-rocev2.pcap"


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(dissect, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def records(octets: bytes) -> list[bytes]:
    found, at = [], 24
    while at < len(octets):
        length = int.from_bytes(octets[at + 8 : at + 12], "little")
        found.append(octets[at : at + 16 + length])
        at += 16 + length
    return found


def split(folder: Path, choose: Callable[[int, int], int]) -> list[Path]:
    """Write the frames of the baseline to files; ``choose`` says to which, by number and count."""
    octets = BASELINE.read_bytes()
    frames = records(octets)
    parts: dict[int, bytes] = {}
    for number, frame in enumerate(frames):
        part = choose(number, len(frames))
        parts[part] = parts.get(part, octets[:24]) + frame
    paths = []
    for part, content in parts.items():
        paths.append(folder / f"part{part}.pcap")
        paths[-1].write_bytes(content)
    return paths


@pytest.mark.parametrize("options", [(), ("--json",), ("-V",), ("--lint",), ("--chunks",)])
def test_a_ring_buffer_is_one_capture(tmp_path: Path, options: tuple[str, ...]) -> None:
    paths = split(tmp_path, lambda number, count: number * 4 // count)
    assert len(paths) == 4
    whole = run(*options, BASELINE).stdout
    assert run(*options, *reversed(paths)).stdout == whole


def test_frames_of_two_interfaces_are_put_in_order(tmp_path: Path) -> None:
    paths = split(tmp_path, lambda number, count: number % 3)
    assert run("--json", *paths).stdout == run("--json", BASELINE).stdout


def test_formats_and_link_types_may_differ(tmp_path: Path) -> None:
    """Of captures of different links each has its RPCs, and frames count over both."""
    others = GENERATED / "baseline-sll.pcap", GENERATED / "baseline-rocev2-v6.pcap"
    alone = [run("--json", path).stdout.count('"rpc.xid"') for path in others]
    both = [json.loads(line) for line in run("--json", *others).stdout.splitlines()]
    assert sum("rpc.xid" in record for record in both) == sum(alone)
    reader = open_captures(others)
    count = 0
    while reader.read():
        count += 1
    single = 0
    for path in others:
        each = open_capture(path)
        while each.read():
            single += 1
    assert count == single == reader.number


def test_what_is_wrong_with_a_file_is_told_with_its_name(tmp_path: Path) -> None:
    first, second = split(tmp_path, lambda number, count: number * 2 // count)
    first.write_bytes(first.read_bytes()[:-7])
    found = run("-V", first, second).stdout
    assert f"{first}: the file ends inside" in found
    noise = tmp_path / "noise.pcap"
    noise.write_bytes(b"no capture")
    assert str(noise) in run(first, noise, code=1).output
    assert "standard input" in run(first, "-", code=2).output
    with pytest.raises(CaptureError, match="most"):
        open_captures([first] * (MAX_FILES + 1))


def test_no_output_overwrites_one_of_the_files(tmp_path: Path) -> None:
    paths = split(tmp_path, lambda number, count: number % 2)
    before = paths[1].read_bytes()
    assert "capture itself" in run("--pcapng", paths[1], *paths, code=2).output
    assert paths[1].read_bytes() == before
    joined = tmp_path / "joined.pcapng"
    run("--pcapng", joined, *paths)
    assert run("--json", joined).stdout == run("--json", BASELINE).stdout

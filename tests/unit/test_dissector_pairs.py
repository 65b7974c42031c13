"""Two captures of the same traffic: compared, and merged into the network's and the host's time.

One capture of Linux is made two: what another clock would have shown at another place, so many
microseconds away in each direction, with some frames lost in between.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pairs.clocks import Clocks
from nfsrdma.dissector.pairs.diff import Diff, Order
from nfsrdma.dissector.pairs.lockstep import Lockstep

LINUX = Path(__file__).parents[1] / "data" / "captures" / "linux"
SERVER = LINUX / "linux-client-v41.pcap"
CLIENT_ADDRESS, SERVER_ADDRESS = bytes((10, 99, 0, 11)), bytes((10, 99, 0, 1))
OUT, BACK = 150_000, 250_000
"""Nanoseconds that packets take from the client to the server, and back."""
WAY = {CLIENT_ADDRESS: -OUT, SERVER_ADDRESS: BACK}

Shift = Callable[[int], int]


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(dissect, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result


def objects(*arguments: object) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(*arguments).stdout.splitlines()]


def elsewhere(
    folder: Path, clock: Shift = lambda time: time, lost: tuple[int, ...] = (), name: str = "client"
) -> Path:
    """Write what the capture would have been at the client; ``lost`` frames are not in it."""
    octets = SERVER.read_bytes()
    assert octets[:4] == b"\x4d\x3c\xb2\xa1"  # nanoseconds
    frames, at, number = [], 24, 0
    while at < len(octets):
        seconds, fraction, length = struct.unpack_from("<III", octets, at)
        frame = octets[at + 16 : at + 16 + length]
        at, number = at + 16 + length, number + 1
        time = seconds * 10**9 + fraction + WAY.get(frame[26:30], 0)
        if number not in lost:
            frames.append((clock(time), frame))
    out = bytearray(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
    for time, frame in sorted(frames, key=lambda one: one[0]):
        out += struct.pack("<IIII", *divmod(time, 10**9), len(frame), len(frame)) + frame
    path = folder / f"{name}.pcap"
    path.write_bytes(out)
    return path


def test_a_capture_and_itself_are_the_same() -> None:
    result = run("--diff", "--exit-code", SERVER, SERVER)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("157 RPCs in both, 0 only in")
    assert lines[1] == "0 of both differ, 0 of them in how they ended"
    assert "0 calls and 0 replies" in lines[2]
    assert not [line for line in lines if line[0] in "+-!"]


@pytest.mark.parametrize("ahead", [0, 7_200_000_000_000, -90_000_000_000])
def test_time_is_split_into_network_and_host(tmp_path: Path, ahead: int) -> None:
    """Whatever the clocks say; without a loss nothing but the way is between."""
    client = elsewhere(tmp_path, lambda time: time - ahead)
    found = objects("--merge", "--json", client, SERVER)
    merged = [one for one in found if one["record"] == "merged"]
    (sums,) = [one for one in found if one["record"] == "merge"]
    assert sums["complete"] == len(merged) == 157
    assert sums["incomplete"] == sums["only_first"] == sums["only_second"] == 0
    clock = sums["clock"]
    assert isinstance(clock, dict)
    # The way there and the way back are told apart as far as half of both.
    assert abs(clock["ahead_ns"] - ahead) <= clock["error_ns"] + 2000
    assert clock["error_ns"] <= (OUT + BACK) / 2 + 2000
    assert clock["drift"] == 0
    for one in merged:
        assert one["out"] + one["host"] + one["transfer"] + one["back"] == one["total"]  # type: ignore[operator]
        between = one["out"] + one["back"]  # type: ignore[operator]
        assert abs(between - OUT - BACK) <= 2000
        at_server = one["second"]["reply_ns"]  # type: ignore[index]
        assert abs(one["host"] + one["transfer"] - at_server) <= 100_000  # type: ignore[operator]
        assert one["total"] - at_server == pytest.approx(OUT + BACK, abs=2000)  # type: ignore[operator]


def test_clocks_of_different_speed(tmp_path: Path) -> None:
    """A millisecond each second: no constant fits."""
    client = elsewhere(tmp_path, lambda time: time + (time - 1_700_000_000 * 10**9) // 1000)
    (sums,) = [
        one for one in objects("--merge", "--json", client, SERVER) if one["record"] == "merge"
    ]
    clock = sums["clock"]
    assert isinstance(clock, dict)
    assert clock["drift"] == pytest.approx(-1e-3, rel=0.2)
    assert "us each second" in run("--merge", client, SERVER).stdout


def test_the_files_may_be_named_in_either_order(tmp_path: Path) -> None:
    client = elsewhere(tmp_path)
    there, back = run("--merge", client, SERVER).stdout, run("--merge", SERVER, client).stdout
    for text in (there, back):
        assert f"Total: as seen at client.pcap. Host: what is behind {SERVER.name}." in text
    rows = [text.split("\n\n")[1].splitlines()[2:] for text in (there, back)]
    assert rows[0] == rows[1]


def _frames(expression: str) -> list[tuple[int, int]]:
    lines = run("-Y", expression, SERVER).stdout.splitlines()
    pairs = [line.split()[0].split(">") for line in lines if ">" in line.split()[0]]
    return [(int(call), int(reply)) for call, reply in pairs]


def test_what_was_lost_in_between(tmp_path: Path) -> None:
    """A reply that the client's capture has not, and an RPC of which it has nothing."""
    frames = _frames("nfs.opcode == ACCESS")
    (_, unanswered), gone = frames[3], frames[7]
    client = elsewhere(tmp_path, lost=(unanswered, *gone))
    found = objects("--diff", "--json", client, SERVER)
    differences = [one for one in found if one["record"] == "difference"]
    (sums,) = [one for one in found if one["record"] == "diff"]
    assert (sums["both"], sums["only_first"], sums["only_second"]) == (156, 0, 1)
    (single,) = [one for one in differences if one["first"] is None]
    assert (single["second"]["call_frame"], single["second"]["reply_frame"]) == gone  # type: ignore[index]
    (lacking,) = [one for one in differences if one["first"] is not None]
    assert lacking["second"]["reply_frame"] == unanswered  # type: ignore[index]
    assert lacking["first"]["status"] == "no reply"  # type: ignore[index]
    assert "no reply | OK" in lacking["differs"]  # type: ignore[operator]
    text = run("--diff", "--exit-code", client, SERVER, code=1).stdout
    assert [line[0] for line in text.splitlines()[:2]] == ["+", "!"] or "+" in text
    merged = run("--merge", client, SERVER).stdout
    assert "155 RPCs complete in both, 1 not; 0 only in client.pcap, 1 only in" in merged
    assert "0 packets on the way to the responder, 1 on the way back" in merged


def test_a_filter_chooses_the_rpcs(tmp_path: Path) -> None:
    client = elsewhere(tmp_path)
    count = len(_frames("nfs.opcode == OPEN"))
    assert run("--diff", "-Y", "nfs.opcode == OPEN", client, SERVER).stdout.startswith(
        f"{count} RPCs in both"
    )
    text = run("--merge", "-Y", "nfs.opcode == OPEN", client, SERVER).stdout
    assert text.startswith(f"{count} RPCs complete in both")


def test_two_captures_are_of_the_same_traffic_or_it_is_said() -> None:
    other = LINUX / "our-client-v41.pcap"
    assert "same traffic?" in run("--diff", SERVER, other).stdout
    assert "same traffic?" in run("--merge", SERVER, other, code=1).output


@pytest.mark.parametrize(
    "words",
    [
        ("--diff", SERVER),
        ("--diff", SERVER, SERVER, SERVER),
        ("--merge", "-", SERVER),
        ("--diff", "--merge", SERVER, SERVER),
        ("--merge", "--summary", SERVER, SERVER),
        ("--diff", "--compare-tshark", SERVER, SERVER),
    ],
    ids=["one", "three", "stdin", "both", "summary", "tshark"],
)
def test_what_does_not_go_together(words: tuple[object, ...]) -> None:
    run(*words, code=2)


def test_a_file_that_is_no_capture_is_named(tmp_path: Path) -> None:
    noise = tmp_path / "noise.pcap"
    noise.write_bytes(b"no capture")
    assert "noise.pcap: neither pcap" in run("--diff", SERVER, noise, code=1).output


def test_tcp_and_ipv6_are_compared_as_well() -> None:
    for name in ("linux-client-v42-tcp.pcap", "linux-client-v42-ipv6.pcap"):
        (sums,) = [
            one
            for one in objects("--diff", "--json", LINUX / name, LINUX / name)
            if one["record"] == "diff"
        ]
        assert sums["both"]
        assert (sums["only_first"], sums["only_second"], sums["differing"]) == (0, 0, 0)


def test_order_is_counted_for_each_connection() -> None:
    order = Order()
    for first, second in ((1, 1), (2, 3), (3, 2), (4, 4), (5, 0)):
        order.add(1, first, second)
        order.add(2, first + 100, 200 + first)
    assert order.close() == 1
    many = Order()
    for number in range(1, 50_000):
        many.add(1, number, number)
    assert many.close() == 0


def test_clocks_without_both_bounds_say_nothing() -> None:
    clocks = Clocks()
    assert clocks.read() is None
    clocks.add((5, 10), None)
    assert clocks.read() is None
    clocks.add(None, (20, 21))
    reading = clocks.read()
    assert reading is not None
    assert (reading.offset, reading.error) == (3, 2)


def test_every_capture_equals_itself() -> None:
    """Whatever is in it: losses, repetitions, broken headers, the same XIDs on two connections."""
    rpcs = 0
    for path in sorted((LINUX.parent / "generated").glob("*.pcap*")):
        diff = Diff(lambda one: None)
        Lockstep((open_capture(path), open_capture(path)), diff).run()
        assert (path.name, diff.only, diff.differing) == (path.name, [0, 0], 0)
        assert (diff.calls.close(), diff.replies.close()) == (0, 0), path.name
        rpcs += diff.both
    assert rpcs > 300

"""Live capture on the loopback device: our own client and server, watched by the dissector."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.offload import superframes
from tests.support.rdma_wire import Segment, Wire, do_getattr, do_read, pattern, pcap
from tests.unit.test_cli_dissect import environment

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import CaptureError
from nfsrdma.dissector.capture.live import Live
from nfsrdma.dissector.layers.offload import segments

ADDRESS = f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}.9"
OTHER = f"{ADDRESS}0"
"""Nobody else's: what other processes say on this device is filtered out by them."""


def need_capture() -> None:
    """Skip where this process may not capture."""
    try:
        Live("lo").close()
    except (PermissionError, AttributeError):
        pytest.skip("capturing needs root or CAP_NET_RAW, on Linux")


def begun(*options: str) -> subprocess.Popen[str]:
    """A dissector on the loopback device that sees a datagram sent to it."""
    command = [sys.executable, "-m", "nfsrdma", "dissect", "-i", "lo", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


def send(wire: Wire, *, offloaded: bool = False) -> None:
    """Send a wire's packets as real datagrams, each end from an address of its own."""
    frames = superframes(wire.frames) if offloaded else wire.frames
    single = {frame.data for frame in wire.frames}
    with ExitStack() as stack:
        ends = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)
        ]
        for sock, address in zip(ends, (ADDRESS, OTHER), strict=True):
            sock.bind((address, 0))
        for frame in frames:
            from_client = frame.data[29] == 1
            size = 0
            if frame.data not in single:
                size = next(len(f.data) for f in wire.frames if f.data[42:90] == frame.data[42:90])
            sock = ends[0 if from_client else 1]
            sock.setsockopt(17, 103, size - 42 if size else 0)
            sock.sendto(frame.data[42:], (OTHER if from_client else ADDRESS, 4791))


def one_sided() -> Wire:
    """A READ's call, as the client alone sends it, and much data."""
    wire = Wire()
    do_read(wire, 7, pattern(40_000), [Segment(7, 65_536, 0x10000)])
    return wire


@pytest.mark.parametrize("interface", ["lo", "any"])
def test_frames_are_taken_apart_as_the_kernel_says(tmp_path: Path, interface: str) -> None:
    need_capture()
    wire = one_sided()
    assert len(superframes(wire.frames)) < len(wire.frames)
    live = Live(interface, f"udp port 4791 and host {ADDRESS}", duration=20)
    got: list[bytes] = []
    try:
        send(wire, offloaded=True)
        room = memoryview(bytearray(1 << 20))
        octets = bytearray()
        while len(got) < len(wire.frames):
            size = live.fill(room)
            assert size, "the capture ended too early"
            octets += room[:size]
            got = _records(bytes(octets))
        assert live.dropped() == 0
    finally:
        live.close()
    at = 42 if interface == "lo" else 48
    assert [data[at:] for data in got] == [f.data[42:] for f in wire.frames]
    lengths = [struct.unpack_from(">H", data, at - 4)[0] for data in got]
    assert lengths == [len(f.data) - 34 for f in wire.frames]


def _records(octets: bytes) -> list[bytes]:
    assert octets[:4] == struct.pack("<I", 0xA1B23C4D)
    out, at = [], 24
    while at + 16 <= len(octets):
        size = struct.unpack_from("<I", octets, at + 8)[0]
        out.append(octets[at + 16 : at + 16 + size])
        at += 16 + size
    return out


def test_lines_come_while_it_goes_on_and_an_interrupt_is_its_end() -> None:
    need_capture()
    wire = Wire()
    with begun("-f", f"udp port 4791 and host {ADDRESS}") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        os.set_blocking(process.stdout.fileno(), False)
        try:
            lines, xid = "", 0
            while "GETATTR OK" not in lines and xid < 200:
                xid += 1
                wire.frames.clear()
                do_getattr(wire, xid)
                send(wire)
                time.sleep(0.2)
                with suppress(BlockingIOError):
                    lines += os.read(process.stdout.fileno(), 1 << 16).decode()
            assert "GETATTR OK" in lines
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
            errors = process.stderr.read()
        finally:
            process.kill()
    assert "frames captured" in errors
    assert "Traceback" not in errors


def test_a_slow_pipe_gets_its_lines_at_once(tmp_path: Path) -> None:
    wire = Wire()
    do_getattr(wire, 1)
    octets = pcap(wire.frames)
    command = [sys.executable, "-m", "nfsrdma", "dissect", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(octets)
        process.stdin.flush()
        # The pipe is still open: only a flush can bring the line.
        assert b"GETATTR" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


def test_segments_of_what_is_no_ip_are_left_alone() -> None:
    frame = bytes(12) + b"\x08\x06" + bytes(100)
    assert list(segments(frame, 10, None)) == [frame]
    assert list(segments(bytes(50), 10, 0x1234)) == [bytes(50)]


def test_what_cannot_be_captured_is_said_in_a_line(tmp_path: Path) -> None:
    need_capture()
    for options, words in (
        (["-i", "nosuch0"], "nosuch0"),
        (["-i", "lo", "-f", "no filter"], "the filter"),
        ([], "name a file"),
        (["--count", "3", str(tmp_path)], ""),
    ):
        result = CliRunner().invoke(dissect, options)
        assert result.exit_code in (1, 2)
        assert words in result.output
    with pytest.raises(CaptureError):
        Live("lo", "tcp port")


def test_a_capture_ends_by_itself() -> None:
    need_capture()
    assert CliRunner().invoke(dissect, ["-i", "lo", "--duration", "0.1"]).exit_code == 0

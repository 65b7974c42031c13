"""The programs in ``examples``: each is run as a person would run it, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.hosts import loopback
from tests.support.nfs_live import LiveServer

from nfsrdma.cli.xdrgen import xdrgen

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"}


def run(name: str, *arguments: str) -> list[str]:
    """The lines that an example prints; it must succeed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@contextmanager
def running(name: str, *arguments: str) -> Iterator[str]:
    """An example that serves until it is interrupted; the first line that it prints."""
    with subprocess.Popen(
        [sys.executable, EXAMPLES / name, *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield line.rstrip("\n")
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGINT), errors


@pytest.mark.parametrize("scheme", ["rdma", "tcp"])
def test_echo(scheme: str) -> None:
    with running("echo/server.py", f"{scheme}://{loopback(91)}:5000") as line:
        address = line.removeprefix("listening at ")
        assert run("echo/client.py", address) == ["HELLO, WORLD", "a mebibyte came back whole"]


def test_the_module_of_echo_is_fresh() -> None:
    folder = EXAMPLES / "echo"
    arguments = [str(folder / "echo.x"), "-o", str(folder / "echo_protocol.py"), "--check"]
    result = CliRunner().invoke(xdrgen, arguments)
    assert result.exit_code == 0, result.output


def test_fault() -> None:
    lines = run("fault.py", "3", "0.1")
    assert lines[0] == "seed 3: the data is the same"
    assert not lines[1].endswith(" 0 sent again")
    assert run("fault.py", "3", "0.1") == lines
    assert run("fault.py", "4") != lines


def test_provider() -> None:
    lines = run("provider.py", f"soft://{loopback(92)}:5000")
    assert lines == ["1 connections", "1048576 octets", "8 regions"]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("asyncio_client.py", "64 files, 63000 octets"),
        ("read_into_numpy.py", "1048576 octets, mean 65535.5"),
    ],
)
def test_clients(name: str, printed: str) -> None:
    server = LiveServer(rdma=True)
    try:
        assert run(name, server.rdma_url) == [printed]
    finally:
        server.stop()


def test_serve_directory(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(10))
    (tmp_path / "b").write_bytes(bytes(20))
    address = loopback(93)
    first, *listing = run("serve_directory.py", str(tmp_path), address)
    assert first.startswith(f"serving {tmp_path} at nfs+rdma://{address}:")
    assert listing == ["a 10", "b 20"]


def test_capture_to_table() -> None:
    pytest.importorskip("pyarrow")
    folder = ROOT / "tests" / "data" / "captures" / "linux"
    names = "linux-client-v42-loss.pcap", "linux-client-v41.pcap"
    lines = run("capture_to_table.py", *(str(folder / name) for name in names))
    assert len(lines) == 5
    assert all(" of 10.99.0.11: " in line and " ms, " in line for line in lines)


def test_follow_capture(tmp_path: Path) -> None:
    """What is appended to the file is shown while the program runs."""
    whole = (ROOT / "tests/data/captures/generated/violation-slot-busy-1.pcap").read_bytes()
    growing = tmp_path / "growing.pcap"
    growing.write_bytes(whole[: len(whole) // 2])
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "follow_capture.py", growing],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("following ")
            with growing.open("ab") as file:
                file.write(whole[len(whole) // 2 :])
            told = process.stdout.readline()
            assert "slot-busy" in told + process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
    assert rest.splitlines()[-1].endswith(" RPCs")

"""The shm provider: processes that die while files are read and written."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.hosts import loopback

import nfsrdma.client as nfs


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Any, Any]]:
    """A server process over shm: its URL, how to start it (again), how to kill it."""
    host = loopback(141)
    (tmp_path / "export").mkdir()
    running: list[subprocess.Popen[str]] = []

    def start() -> None:
        command = [sys.executable, "-m", "nfsrdma", "serve", str(tmp_path / "export")]
        command += ["--provider", "shm", "--listen", host, "--grace", "0"]
        command += ["--state-dir", str(tmp_path / "state")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()

    def kill() -> None:
        process = running.pop()
        process.kill()
        process.communicate()

    start()
    yield f"nfs+rdma://{host}/?provider=shm", start, kill
    while running:
        running[-1].terminate()  # and takes its name away
        running.pop().communicate()


def test_a_server_killed_while_a_file_is_written(served: tuple[str, Any, Any]) -> None:
    url, start, kill = served
    data = Random(1).randbytes(1 << 20)
    with nfs.mount(url, timeout=30) as fs:
        fs.write_bytes("before", data)
        failure: list[BaseException] = []

        def work() -> None:
            try:
                for index in range(60):
                    fs.write_bytes(f"file-{index % 6}", data)
                    assert fs.read_bytes(f"file-{index % 6}") == data
            except BaseException as error:
                failure.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(0.1)
        kill()
        start()
        worker.join(60)
        assert not worker.is_alive()
        assert not failure
        assert fs.read_bytes("before") == data
        assert fs.stats.connections > 1


_CLIENT = """
import sys
import nfsrdma.client as nfs
with nfs.mount(sys.argv[1]) as fs:
    print("up", flush=True)
    buffer = bytearray(1 << 20)
    with fs.open("big", "r+b") as file:
        while True:
            file.read_at(0, memoryview(buffer))
            file.write_at(0, bytes(buffer))
"""


def test_clients_killed_while_they_read_and_write(served: tuple[str, Any, Any]) -> None:
    url, _, _ = served
    data = Random(2).randbytes(1 << 20)
    with nfs.mount(url) as fs:
        fs.write_bytes("big", data)
        for _ in range(3):
            client = subprocess.Popen(
                [sys.executable, "-c", _CLIENT, url], stdout=subprocess.PIPE, text=True
            )
            assert client.stdout is not None
            assert client.stdout.readline() == "up\n"
            time.sleep(0.1)
            client.send_signal(signal.SIGKILL)
            client.communicate()
            # What it wrote is what it had read.
            assert fs.read_bytes("big") == data

"""``nfsrdma serve`` as a service: told to read its files again, and telling its manager."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.hosts import loopback

import nfsrdma.client as nfs
from nfsrdma.cli.demo import free_tcp_port

ADDRESS = loopback(61)


class Manager:
    """A service manager of one server, and the file that it is configured by."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.file = base / "server.toml"
        self.port = free_tcp_port(ADDRESS)
        for name in ("a", "b"):
            (base / name).mkdir()
            (base / name / "f").write_text(name)
        self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notified.bind(str(base / "notify"))
        self._notified.settimeout(60)

    def write(self, exports: str) -> None:
        self.file.write_text(
            f"""
            listen = ["{ADDRESS}"]
            provider = "none"
            tcp = {self.port}
            state-dir = "{self.base}/state"
            {exports}
            """.replace("HERE", str(self.base))
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "nfsrdma", "serve", "--config", str(self.file), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "NOTIFY_SOCKET": str(self.base / "notify"),
                "WATCHDOG_USEC": "100000",
            },
        )

    def told(self, what: str) -> str:
        """Wait for word of one kind."""
        while True:
            text = self._notified.recv(4096).decode()
            if text.startswith(f"{what}=1"):
                return text

    def close(self) -> None:
        self._notified.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    made.close()


_A = '[[export]]\npath = "HERE/a"\n'
_B = '[[export]]\npath = "HERE/b"\n'


def test_the_life_of_a_service(manager: Manager) -> None:
    manager.write(_A + _B)
    server = manager.start()
    try:
        assert manager.told("READY") == "READY=1\nSTATUS=serving 2 exports"
        manager.told("WATCHDOG")
        with nfs.mount(f"nfs+tcp://{ADDRESS}:{manager.port}/") as fs:
            opened = fs.open("b/f", "r+b")

            # A broken file changes nothing, and says so.
            manager.write("nonsense")
            server.send_signal(signal.SIGHUP)
            manager.told("RELOADING")
            manager.told("READY")
            assert fs.read_bytes("b/f") == b"b"

            # Nor does one of which a part cannot be: all of it or nothing.
            manager.write(_A + "read-only = true\n" + _B + '[[export]]\npath = "HERE/none"\n')
            server.send_signal(signal.SIGHUP)
            manager.told("RELOADING")
            manager.told("READY")
            fs.write_bytes("a/f", b"still")

            manager.write("lease = 77\n" + _A + "read-only = true\n")
            server.send_signal(signal.SIGHUP)
            manager.told("RELOADING")
            assert manager.told("READY") == "READY=1\nSTATUS=serving 1 export"
            assert fs.read_bytes("a/f") == b"still"
            for use in (lambda: opened.read_at(0, bytearray(1)), opened.close):
                with pytest.raises(OSError, match="NFS4ERR_STALE"):
                    use()
    finally:
        server.send_signal(signal.SIGTERM)
        output, _ = server.communicate(timeout=60)
    manager.told("STOPPING")
    assert server.returncode == 0
    assert "server.toml:6: this is no TOML" in output
    assert "No such file or directory" in output
    assert output.count("nothing is changed") == 2
    assert "/b is not exported any more" in output
    assert "takes a restart: lease" in output
    assert output.rstrip().endswith("ended by SIGTERM")


def test_a_state_directory_has_one_server_and_no_later_version(manager: Manager) -> None:
    manager.write(_A)
    server = manager.start()
    try:
        manager.told("READY")
        second = manager.start("--tcp", "0")
        output, _ = second.communicate(timeout=60)
        assert second.returncode == 1
        assert f"another server (process {server.pid})" in output
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    with sqlite3.connect(manager.base / "state" / "recovery.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    third = manager.start()
    output, _ = third.communicate(timeout=60)
    assert third.returncode == 1
    assert "of a later version of nfsrdma" in output

"""``nfsrdma serve --take-over`` and ``nfsrdma upgrade``: what is passed on, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.hosts import loopback

import nfsrdma.client as nfs
from nfsrdma.cli.administer import upgrade
from nfsrdma.cli.demo import free_tcp_port
from nfsrdma.cli.serve_succession import start_orphan
from nfsrdma.rpcrdma.providers.choice import local_servers
from nfsrdma.server.edge.control import ControlError, ask
from nfsrdma.server.edge.recovery import FORMAT
from nfsrdma.server.edge.state_directory import StateDirectory, holder
from nfsrdma.server.edge.succession import ASK, Predecessor

ADDRESS = loopback(63)
PATIENCE_S = 90.0


class Served:
    """A server with a file of settings, and whoever takes its place."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.control = base / "control"
        self.file = base / "server.toml"
        self.port = free_tcp_port(ADDRESS)
        self.metrics = free_tcp_port("127.0.0.1")
        (base / "top").mkdir()
        self.write()
        self._log = (base / "log").open("ab")
        self.process = self.start()
        self.wait_for(lambda process: process == self.process.pid)

    def write(self, more: str = "") -> None:
        self.file.write_text(
            f"""
            listen = ["{ADDRESS}"]
            tcp = {self.port}
            metrics = "127.0.0.1:{self.metrics}"
            state-dir = "{self.base}/state"
            control = "{self.control}"
            {more}
            [[export]]
            path = "{self.base}/top"
            name = "top"
            """
        )

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "nfsrdma", "serve", "--config", str(self.file), *arguments],
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    @property
    def who(self) -> int:
        """The process that serves now, 0 if none does."""
        try:
            return int(ask(self.control, "status")["process"])
        except (OSError, ControlError):
            return 0

    def wait_for(self, serves: Callable[[int], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not serves(self.who):
            assert time.monotonic() < end, self.said
            time.sleep(0.02)

    @property
    def providers(self) -> list[str]:
        """How its clients are connected."""
        return sorted(
            connection["provider"]
            for client in ask(self.control, "status")["clients"]
            for session in client["sessions"]
            for connection in session["connections"]
        )

    @property
    def said(self) -> str:
        return (self.base / "log").read_text()

    def stop(self) -> None:
        if (now := self.who) and now != self.process.pid:
            os.kill(now, signal.SIGTERM)
            self.wait_for(lambda process: not process)
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self._log.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.stop()


def test_a_new_process_takes_the_place_of_the_old_one(served: Served) -> None:
    with (
        nfs.mount(f"nfs+tcp://{ADDRESS}:{served.port}/top") as fs,
        nfs.mount(f"nfs+rdma://{ADDRESS}/top") as near,
    ):
        file = fs.open("f", "w+b")
        file.write(b"before")
        file.lock()
        providers = served.providers
        done = CliRunner().invoke(upgrade, [str(served.control)])
        assert done.exit_code == 0, (done.output, served.said)
        assert f"has taken over from process {served.process.pid}" in done.output
        assert served.process.wait(PATIENCE_S) == 0
        # What was open and locked goes on, and who was near is not sent the long way round.
        file.write(b" and after")
        assert fs.read_bytes("f") == b"before and after"
        with near.open("f", "r+b") as other, pytest.raises(OSError):
            other.lock(wait=0)
        assert served.providers == providers
        file.close()
    with socket.create_connection(("127.0.0.1", served.metrics), 5) as scrape:
        scrape.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert scrape.recv(64).startswith(b"HTTP/1.1 200")


def test_a_successor_is_a_child_of_the_service_manager_at_once() -> None:
    process = start_orphan([sys.executable, "-c", "input()"], dict(os.environ))
    with pytest.raises(ChildProcessError):
        os.waitpid(process, 0)
    end = time.monotonic() + PATIENCE_S
    with suppress(ProcessLookupError):
        while time.monotonic() < end:  # it has no input, so it ends by itself
            os.kill(process, 0)
            assert f"\nPPid:\t{os.getpid()}\n" not in status_of(process)
            time.sleep(0.02)
    assert time.monotonic() < end
    with pytest.raises(FileNotFoundError):
        start_orphan(["/nowhere/python"], dict(os.environ))


def status_of(process: int) -> str:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/status").read_text()
    return ""


def test_a_successor_that_fails_changes_nothing(served: Served) -> None:
    served.write("nonsense")
    done = CliRunner().invoke(upgrade, [str(served.control)])
    assert done.exit_code == 1
    assert served.who == served.process.pid
    # Nor does one that wants what somebody else has.
    taken = socket.create_server(("127.0.0.1", 0))
    with taken:
        served.metrics = taken.getsockname()[1]
        served.write()
        late = served.start("--take-over")
        assert late.wait(PATIENCE_S) == 1
    assert "cannot take over" in served.said
    assert served.who == served.process.pid
    with nfs.mount(f"nfs+tcp://{ADDRESS}:{served.port}/top") as fs:
        fs.write_bytes("g", b"still served")


def test_what_is_not_served_any_more_is_given_up(served: Served) -> None:
    assert any(ADDRESS in where for where in local_servers())
    served.write('provider = "none"')
    done = CliRunner().invoke(upgrade, [str(served.control)])
    assert done.exit_code == 0, (done.output, served.said)
    assert not any(ADDRESS in where for where in local_servers())


def test_one_that_asks_and_leaves_changes_nothing(served: Served) -> None:
    asked = Predecessor(served.control)
    assert asked.process == served.process.pid
    kinds = {each.kind for each in asked.heirlooms}
    assert {"tcp", "metrics"} <= kinds
    with pytest.raises(ControlError, match="is about to take over"):
        Predecessor(served.control)
    asked.close()
    served.wait_for(lambda _: "goes on: who was to take over has left" in served.said)
    with nfs.mount(f"nfs+tcp://{ADDRESS}:{served.port}/top") as fs:
        fs.write_bytes("g", b"still served")


def test_an_older_version_takes_nothing_over(served: Served) -> None:
    for known in (str(FORMAT - 1), "", "many"):
        with pytest.raises(ControlError, match="of a later version"):
            ask(served.control, ASK, known)


def test_whoever_finds_nobody_starts_as_ever(tmp_path: Path) -> None:
    made = Served.__new__(Served)
    made.base, made.control, made.file = tmp_path, tmp_path / "control", tmp_path / "server.toml"
    made.port, made.metrics = free_tcp_port(ADDRESS), free_tcp_port("127.0.0.1")
    (tmp_path / "top").mkdir()
    made.write()
    made._log = (tmp_path / "log").open("ab")
    made.process = made.start("--take-over")
    try:
        made.wait_for(lambda process: process == made.process.pid)
        assert "there is no server to take over from" in made.said
    finally:
        made.stop()


def test_nothing_is_taken_over_from_a_server_that_keeps_nothing(tmp_path: Path) -> None:
    control = tmp_path / "control"
    command = [sys.executable, "-m", "nfsrdma", "serve", "--memory", "--control", str(control)]
    command += ["--listen", ADDRESS, "--provider", "none", "--tcp", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ})
    try:
        assert server.stdout is not None
        server.stdout.readline()
        end = time.monotonic() + PATIENCE_S
        while not control.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        with pytest.raises(ControlError, match="there is nothing to take over"):
            ask(control, "upgrade")
    finally:
        server.terminate()
        server.communicate(timeout=PATIENCE_S)


def test_who_has_a_state_directory(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") is None
    directory = StateDirectory(tmp_path / "state")
    assert holder(tmp_path / "state") == os.getpid()
    directory.close()
    assert holder(tmp_path / "state") is None


def line(said: object) -> bytes:
    return json.dumps({"format": 1, ASK: said}).encode() + b"\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\n",
        line({"process": 1}),
        line({"process": 1, "sockets": [["tcp", "a", 1]]}),
        line({"process": "x", "sockets": []}),
        line({"process": 1, "sockets": [7]}),
    ],
)
def test_an_answer_that_makes_no_sense(tmp_path: Path, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen(1)
        pid = os.fork()
        if not pid:
            try:
                accepted = listening.accept()[0]
                accepted.recv(4096)
                accepted.sendall(answer)
                accepted.close()
            finally:
                os._exit(0)
        with pytest.raises(ControlError):
            Predecessor(tmp_path / "s")
        os.waitpid(pid, 0)

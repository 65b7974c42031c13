"""Kill and start again."""

from __future__ import annotations

import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from nfsrdma.bench.servers import free_loopback, resident_mb
from nfsrdma.cli.demo import free_tcp_port
from nfsrdma.server.edge.control import ControlError, ask

from .journal import Counted, Findings, verify
from .worker import SHARED

LEASE_S: Final = 3.0
_GRACE_S: Final = 20.0
"""It ends as soon as all have reclaimed. Who comes later than that on a busy machine loses what it
had by right, and that is not what is looked for."""
_START_S: Final = 120.0
_SETTLE_S: Final = 6.0
Say = Callable[[str], None]


class Killed:
    """A server that serves one directory, however often it is killed."""

    def __init__(self, top: Path, state: Path, transport: str) -> None:
        self.transport = transport
        self._address = free_loopback()
        self._port = free_tcp_port(self._address)
        self._log = (state.parent / "server.log").open("ab")
        self._command = [sys.executable, "-m", "nfsrdma", "serve", *self._arguments(top, state)]
        self._process = self._start()

    @property
    def _provider(self) -> str:
        return "none" if self.transport == "tcp" else self.transport

    def _arguments(self, top: Path, state: Path) -> list[str]:
        options = ["--listen", self._address, "--provider", self._provider]
        options += ["--tcp", str(self._port), "--state-dir", str(state), "--delegations"]
        return [str(top), *options, "--lease", str(LEASE_S), "--grace", str(_GRACE_S)]

    @property
    def url(self) -> str:
        """What a client mounts."""
        if self.transport == "tcp":
            return f"nfs+tcp://{self._address}:{self._port}/"
        return f"nfs+rdma://{self._address}/"

    @property
    def megabytes(self) -> float:
        """Its resident memory."""
        return resident_mb(self._process.pid)

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def kill(self, pause: float) -> None:
        """Kill it, and start it again after ``pause`` seconds."""
        self._process.kill()
        self._process.wait()
        time.sleep(pause)
        self._process = self._start()

    def stop(self) -> None:
        """End it in good order."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=30)
        self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)
        end = time.monotonic() + _START_S
        while time.monotonic() < end and process.poll() is None:
            try:
                socket.create_connection((self._address, self._port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return process
        raise RuntimeError(f"the server does not start: see {self._log.name}")


class Configured(Killed):
    """A server with a file of settings, which it reads again."""

    def _arguments(self, top: Path, state: Path) -> list[str]:
        self._top, self._state = top, state
        self._file = state.parent / "server.toml"
        self._control = state.parent / "control.sock"
        self._write(read_only=False)
        return ["--config", str(self._file)]

    def _write(self, read_only: bool) -> None:
        """Write the file; an export that nobody uses changes."""
        text = f"""
            listen = ["{self._address}"]
            provider = "{self._provider}"
            tcp = {self._port}
            state-dir = "{self._state}"
            control = "{self._control}"
            lease = {LEASE_S}
            [[export]]
            path = "{self._top}"
            name = "top"
            [[export]]
            path = "{self._top.parent}"
            name = "other"
            read-only = {str(read_only).lower()}
        """
        new = self._file.with_suffix(".new")
        new.write_text(text)
        new.rename(self._file)

    @property
    def url(self) -> str:
        """What a client mounts."""
        return f"{super().url}top"

    def reload(self, read_only: bool) -> None:
        """Change the file, and have it read."""
        before = self._said(_READ_AGAIN)
        self._write(read_only)
        self._signal(signal.SIGHUP)
        _until(lambda: self._said(_READ_AGAIN) > before, "the server does not read its file")

    def _said(self, what: str) -> int:
        return Path(self._log.name).read_text().count(what)

    def _signal(self, number: int) -> None:
        self._process.send_signal(number)

    def upgrade(self) -> None:
        """Put another process in its place."""
        raise NotImplementedError

    def _start(self) -> subprocess.Popen[bytes]:
        before = self._said(_SERVING)
        process = subprocess.Popen(
            self._command,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        _until(lambda: self._said(_SERVING) > before, f"no server: see {self._log.name}")
        return process


class Succeeded(Configured):
    """A server that starts its successor itself, and hands over to it."""

    _successor = 0

    def upgrade(self) -> None:
        """Have it start its successor, and wait until that serves."""
        self._successor = ask(self._control, "upgrade")["process"]
        _until(self._has_taken_over, f"no successor: see {self._log.name}")
        self._process.wait(timeout=30)

    def _has_taken_over(self) -> bool:
        with suppress(OSError, ControlError):
            return bool(ask(self._control, "status")["process"] == self._successor)
        return False

    def _signal(self, number: int) -> None:
        os.kill(self._successor or self._process.pid, number)

    def stop(self) -> None:
        """End it in good order."""
        self._signal(signal.SIGTERM)
        _until(lambda: not self._control.exists(), "the server does not end")
        self._process.wait(timeout=30)
        self._log.close()


class Upgraded(Configured):
    """A server that is ended in good order, whereupon its successor is started.

    Its TCP socket is kept open by us, as a service manager does.
    """

    def _arguments(self, top: Path, state: Path) -> list[str]:
        self._socket = socket.create_server((self._address, self._port), backlog=64)
        return super()._arguments(top, state)

    def upgrade(self) -> None:
        """End the server, and start its successor at once."""
        self._process.send_signal(signal.SIGTERM)
        if self._process.wait(timeout=30):
            raise RuntimeError(f"the server did not end well: see {self._log.name}")
        self._process = self._start()

    def stop(self) -> None:
        """End it in good order."""
        super().stop()
        self._socket.close()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [self._command[0], "-c", _HANDED_OVER, str(self._socket.fileno())]
        before = self._said(_SERVING)
        process = subprocess.Popen(
            [*command, *self._command[3:]],
            stdout=self._log,
            stderr=self._log,
            pass_fds=[self._socket.fileno()],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        _until(lambda: self._said(_SERVING) > before, f"no server: see {self._log.name}")
        return process


_HANDED_OVER: Final = """
import os, sys
os.dup2(int(sys.argv.pop(1)), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
from nfsrdma.cli import main
main()
"""
_SERVING: Final = "state is kept in"
_READ_AGAIN: Final = "the configuration is read again"


def _until(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _START_S
    while not done():
        if time.monotonic() > end:
            raise RuntimeError(what)
        time.sleep(0.01)


def _work(
    server: Killed, journal: Path, prefix: str, holding: bool = True
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.crash.worker", server.url, server.transport]
    command += [str(journal), prefix, *(["holding"] if holding else [])]
    errors = journal.with_suffix(".err").open("ab")
    process = subprocess.Popen(command, stderr=errors)
    errors.close()
    return process


def _not_idle(findings: Findings) -> Findings:
    """A load that got nothing done shows nothing."""
    if not findings.counts["synced"] or not findings.counts["done"]:
        findings.faults.append("nothing was acknowledged at all")
    return findings


def kill_servers(
    transport: str, kills: int, folder: Path, rng: random.Random, say: Say
) -> Findings:
    """Kill the server ``kills`` times while two clients work on."""
    top, journals = folder / "export", [folder / "journal-s", folder / "journal-t"]
    top.mkdir()
    (top / SHARED).touch()
    server = Killed(top, folder / "state", transport)
    workers = [_work(server, journal, journal.name[-1]) for journal in journals]
    _wait_for(journals, workers)
    for kill in range(kills):
        # Some come within the grace period of the life before, some amid ordinary work.
        time.sleep(rng.uniform(0.5, 4.5) if kill % 3 else LEASE_S + 2)
        if any(worker.poll() is not None for worker in workers):
            break
        server.kill(pause=rng.choice((0.0, 0.0, 0.5)))
        say(f"{transport}: server killed {kill + 1} times")
    time.sleep(_SETTLE_S)
    findings, counted = Findings(), Counted()
    for journal, worker in zip(journals, workers, strict=True):
        ended = worker.poll()
        worker.kill()
        worker.wait()
        if ended is not None:
            errors = journal.with_suffix(".err")
            findings.faults.append(f"a client ended with {ended}: see {errors}")
    time.sleep(0.1)  # what was on its way comes in
    for journal in journals:
        findings.add(verify(journal, top))
        counted.read(journal)
    findings.faults += counted.compare(top / SHARED)
    if not findings.counts["kept"] or not findings.counts["counted"]:
        findings.faults.append("no delegation, or no lock, was held over a restart")
    server.stop()
    return _not_idle(findings)


def succeed_servers(
    transport: str, upgrades: int, folder: Path, rng: random.Random, say: Say
) -> Findings:
    """Do what :func:`upgrade_servers` does with successors that start before the old ones end."""
    return upgrade_servers(transport, upgrades, folder, rng, say, Succeeded)


def upgrade_servers(
    transport: str,
    upgrades: int,
    folder: Path,
    rng: random.Random,
    say: Say,
    kind: type[Configured] = Upgraded,
) -> Findings:
    """Replace the server ``upgrades`` times, and have it read its file as often, under load.

    Two clients must get no error, and be in no doubt about anything. How long one had no answer is
    among the counts, in all and from the moment on at which the successor served.
    """
    top, journals = folder / "export", [folder / "journal-u", folder / "journal-v"]
    top.mkdir()
    server = kind(top, folder / "state", transport)
    workers = [_work(server, each, each.name[-1], holding=False) for each in journals]
    for journal in journals:
        _until(lambda at=journal: at.exists() and at.stat().st_size > 1000, "a client is idle")  # type: ignore[misc]
    journal = journals[0]
    waits, reclaims = [], []
    for number in range(upgrades):
        time.sleep(rng.uniform(0.1, 0.6))
        server.reload(read_only=number % 2 == 0)
        time.sleep(rng.uniform(0.1, 0.6))
        before = time.monotonic()
        server.upgrade()
        served = time.monotonic()
        size = journal.stat().st_size
        _until(lambda size=size: journal.stat().st_size > size, "the client does not go on")  # type: ignore[misc]
        waits.append(time.monotonic() - before)
        reclaims.append(time.monotonic() - served)
        say(f"{transport}: {number + 1} upgrades, the last one took {waits[-1]:.2f} s")
        if any(worker.poll() is not None for worker in workers):
            break
    findings = Findings()
    ended = [worker.poll() for worker in workers]
    for journal, worker, code in zip(journals, workers, ended, strict=True):
        worker.kill()
        worker.wait()
        findings.add(verify(journal, top))
        if code is not None:
            errors = journal.with_suffix(".err")
            findings.faults.append(f"a client ended with {code}: see {errors}")
    if doubts := findings.counts["uncertain"]:
        findings.faults.append(f"{doubts} outcomes were not known")
    # A server that starts its successor answers meanwhile: the longest call is what counts there.
    shown = [("of grace", reclaims)]
    if kind is Upgraded:
        shown.append(("without an answer", waits))
    for what, seconds in shown:
        findings.counts[f"ms {what} at most"] = round(1000 * max(seconds))
        findings.counts[f"ms {what} in the median"] = round(1000 * statistics.median(seconds))
    server.stop()
    return _not_idle(findings)


def _wait_for(journals: list[Path], workers: list[subprocess.Popen[bytes]]) -> None:
    """Wait until the workers have begun to work."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end and not all(
        journal.exists() and journal.stat().st_size for journal in journals
    ):
        if any(worker.poll() is not None for worker in workers):
            return
        time.sleep(0.02)


def kill_clients(
    transport: str, kills: int, folder: Path, rng: random.Random, say: Say
) -> Findings:
    """Kill ``kills`` clients, one after the other; the server lives."""
    top = folder / "export"
    top.mkdir()
    (top / SHARED).touch()
    server = Killed(top, folder / "state", transport)
    before = server.descriptors
    findings, counted = Findings(), Counted()
    for kill in range(kills):
        journal = folder / f"journal-{kill}"
        worker = _work(server, journal, f"c{kill}")
        _wait_for([journal], [worker])
        time.sleep(rng.uniform(0.3, 1.2))
        worker.kill()
        worker.wait()
        time.sleep(0.1)  # what was on its way comes in
        findings.add(verify(journal, top))
        counted.read(journal)
        say(f"{transport}: {kill + 1} clients killed")
    findings.faults += counted.compare(top / SHARED)
    time.sleep(2 * LEASE_S)
    say(f"{transport}: descriptors {before} and {server.descriptors}, {server.megabytes:.0f} MB")
    server.stop()
    return _not_idle(findings)

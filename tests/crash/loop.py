"""Kill and start again."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from nfsrdma.bench.servers import free_loopback, resident_mb
from nfsrdma.cli.demo import free_tcp_port

from .journal import Findings, verify

LEASE_S: Final = 3.0
_START_S: Final = 30.0
_SETTLE_S: Final = 6.0
Say = Callable[[str], None]


class Killed:
    """A server that serves one directory, however often it is killed."""

    def __init__(self, top: Path, state: Path, transport: str) -> None:
        self.transport = transport
        self._address = free_loopback()
        self._port = free_tcp_port(self._address)
        self._log = (state.parent / "server.log").open("ab")
        provider = "none" if transport == "tcp" else transport
        self._command = [sys.executable, "-m", "nfsrdma", "serve", str(top)]
        self._command += ["--listen", self._address, "--provider", provider]
        self._command += ["--tcp", str(self._port), "--state-dir", str(state)]
        self._command += ["--lease", str(LEASE_S), "--grace", str(LEASE_S + 1)]
        self._process = self._start()

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


def _work(server: Killed, journal: Path, prefix: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.crash.worker", server.url, server.transport]
    errors = journal.with_suffix(".err").open("ab")
    process = subprocess.Popen([*command, str(journal), prefix], stderr=errors)
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
    """Kill the server ``kills`` times while one client works on."""
    top, journal = folder / "export", folder / "journal"
    top.mkdir()
    server = Killed(top, folder / "state", transport)
    worker = _work(server, journal, "s")
    for kill in range(kills):
        # Some come within the grace period of the life before, some amid ordinary work.
        time.sleep(rng.uniform(0.5, 4.5) if kill % 3 else LEASE_S + 2)
        if worker.poll() is not None:
            break
        server.kill(pause=rng.choice((0.0, 0.0, 0.5)))
        say(f"{transport}: server killed {kill + 1} times")
    time.sleep(_SETTLE_S)
    ended = worker.poll()
    worker.kill()
    worker.wait()
    findings = verify(journal, top)
    if ended is not None:
        findings.faults.append(f"the client ended with {ended}: see {journal.with_suffix('.err')}")
    server.stop()
    return _not_idle(findings)


def kill_clients(
    transport: str, kills: int, folder: Path, rng: random.Random, say: Say
) -> Findings:
    """Kill ``kills`` clients, one after the other; the server lives."""
    top = folder / "export"
    top.mkdir()
    server = Killed(top, folder / "state", transport)
    before = server.descriptors
    findings = Findings()
    for kill in range(kills):
        journal = folder / f"journal-{kill}"
        worker = _work(server, journal, f"c{kill}")
        end = time.monotonic() + _START_S
        while time.monotonic() < end and not (journal.exists() and journal.stat().st_size):
            time.sleep(0.02)
        time.sleep(rng.uniform(0.3, 1.2))
        worker.kill()
        worker.wait()
        time.sleep(0.1)  # what was on its way comes in
        findings.add(verify(journal, top))
        say(f"{transport}: {kill + 1} clients killed")
    time.sleep(2 * LEASE_S)
    say(f"{transport}: descriptors {before} and {server.descriptors}, {server.megabytes:.0f} MB")
    server.stop()
    return _not_idle(findings)

"""The server under test, in a process of its own, and what the kernel says of a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nfsrdma.cli.demo import free_loopback, free_tcp_port

_START_S = 30.0
_STOP_S = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ServerError(Exception):
    """The server did not start."""


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """Where a server listens, and its process."""

    process: subprocess.Popen[bytes]
    rdma_url: str
    tcp_url: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def url(self, transport: str) -> str:
        """What to mount; ``transport`` is ``soft`` or ``tcp``."""
        return self.rdma_url if transport == "soft" else self.tcp_url

    def start_profile(self) -> None:
        """Begin to profile a server that was started with ``profile``."""
        self.process.send_signal(signal.SIGUSR1)
        time.sleep(0.05)


@contextmanager
def serve(folder: Path, *, profile: Path | None = None) -> Iterator[ServerProcess]:
    """``nfsrdma serve folder`` over both transports, on addresses that are free.

    With ``profile`` the process is ready to be profiled, and leaves the result there at its end.
    Raises ``ServerError``.
    """
    address = free_loopback()
    port = free_tcp_port(address)
    command = [sys.executable, "-m", "nfsrdma"]
    if profile is not None:
        command = [sys.executable, str(Path(__file__).with_name("profiled.py")), str(profile)]
    command += ["serve", str(folder), "--listen", address, "--tcp", str(port)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _await(process, address, port, log)
            yield ServerProcess(process, f"nfs+rdma://{address}/", f"nfs+tcp://{address}:{port}/")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: subprocess.Popen[bytes], address: str, port: int, log: IO[str]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log.seek(0)
            raise ServerError(f"the server did not start: {log.read().strip()}")
        try:
            socket.create_connection((address, port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise ServerError(f"the server did not start within {_START_S:.0f} seconds")


def cpu_seconds(pid: int) -> tuple[float, float]:
    """Processor time of a process so far: in its own code, and in the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / _TICKS, int(fields[12]) / _TICKS


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 octets)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6

"""Servers of our own, started to be measured, and the processor time of a process."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import IO, Final

ROCE_PORT: Final = 4791
_START_S: Final = 30.0
_STOP_S: Final = 10.0
_TRIES: Final = 64


class ServerError(Exception):
    """A server did not start; the message says why in one line."""


def free_loopback() -> str:
    """Return a loopback address on which UDP port 4791 is free."""
    rng = SystemRandom()
    for _ in range(_TRIES):
        address = f"127.{rng.randrange(1, 255)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, ROCE_PORT))
            except OSError:
                continue
        return address
    raise ServerError(
        "UDP port 4791 is taken on every loopback address: `nfsrdma doctor` says more"
    )


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far, of all its threads and children.

    The process's own clock says it (clock_getcpuclockid) to the nanosecond, without disturbing the
    process.
    """
    seconds = time.clock_gettime(~pid << 3 | 2)
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return seconds
    return seconds + sum(cpu_seconds(int(child)) for child in children)


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10^6 octets)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def keep_priority(pid: int) -> None:
    """Give a process in a session of its own the priority that it was started with.

    A session is a scheduling group: a niceness counts only within it, and the group has one of its
    own (sched(7), "The autogroup feature"). Without this a measurement at raised priority would
    compete at normal priority with everything else.
    """
    with suppress(OSError):
        niceness = os.getpriority(os.PRIO_PROCESS, pid)
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


@dataclass(slots=True)
class OwnServer:
    """``nfsrdma serve`` in a process of its own, for one transport."""

    transport: str
    url: str
    process: subprocess.Popen[str]
    log: IO[str]

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self.process.pid

    @property
    def obituary(self) -> str | None:
        """Why the server died, if it did."""
        status = self.process.poll()
        if status is None:
            return None
        how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return f"the server died ({how})"

    def stop(self) -> None:
        """Stop the server. Harmless to repeat."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()


def start_server(
    transport: str,
    folder: Path,
    *,
    address: str | None = None,
    launcher: tuple[str, ...] = ("-m", "nfsrdma"),
    options: tuple[str, ...] = (),
) -> OwnServer:
    """Serve ``folder`` over ``transport``: ``tcp``, or the name of a provider.

    ``options`` are more options of ``nfsrdma serve``. Raises :class:`ServerError`.
    """
    how = ("none", "--tcp", "0") if transport == "tcp" else (transport,)
    where = ("--ephemeral", "--listen", address or free_loopback(), "--provider", *how)
    if address is not None:
        # An adapter does not tell whose a peer on this host is; here it is our own.
        where += ("--allow", address, "--insecure", "--no-root-squash")
    return start_process(transport, ("serve", str(folder), *where, *options), "nfs+", launcher)


def start_process(
    transport: str,
    command: tuple[str, ...],
    beginning: str,
    launcher: tuple[str, ...] = ("-m", "nfsrdma"),
) -> OwnServer:
    """Run a command of ours that prints where it listens, in a line with this ``beginning``.

    Raises :class:`ServerError`.
    """
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the server has it
    process = subprocess.Popen(
        [*_with_us(), sys.executable, *launcher, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,  # we get the interrupt, and end it in order
    )
    keep_priority(process.pid)
    server = OwnServer(transport, "", process, log)
    try:
        server.url = _first_line(process, beginning, log)
    except BaseException:
        server.stop()
        raise
    return server


def _with_us() -> tuple[str, ...]:
    """Return a prefix that makes a command end when this process ends, however it does."""
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "TERM")


def _first_line(process: subprocess.Popen[str], beginning: str, log: IO[str]) -> str:
    """Return the line that the command prints when it listens."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], _START_S)
    line = process.stdout.readline().strip() if ready else ""
    if line.startswith(beginning):
        return line
    if not ready:
        raise ServerError(f"the server did not start within {_START_S:.0f} seconds")
    process.wait(_STOP_S)
    log.seek(0)
    said = [text.strip() for text in (line, *log) if text.strip()]
    raise ServerError(said[-1].removeprefix("Error: ") if said else "the server did not start")

"""This host as a peer on the bridge: our own programs, and the capture, inside the namespace."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from .command import Result, checked
from .network import HOST_NUMBER, Network, Process, ipv4, ipv6
from .packages import LabError

REPOSITORY = Path(__file__).resolve().parents[3]

#: Our interpreter as a command's beginning; ``-m nfsrdma`` is the command line.
PYTHON = (sys.executable,)
NFSRDMA = (*PYTHON, "-m", "nfsrdma")

#: A capture ends at this size (kB); the beginning of a case is what one looks at.
CAPTURE_KILOBYTES = 24_000

#: Everything that a case may want to see: RoCEv2, and NFS over TCP.
CAPTURE_FILTER = "udp port 4791 or tcp port 2049 or arp or icmp6"


class Background:
    """A program of ours that keeps running; its output goes to a file."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log

    def output(self) -> str:
        """What it has written so far, both streams."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, timeout: float = 60.0) -> str:
        """Wait until its output contains ``text`` and return the output; raises `LabError`."""
        deadline = time.monotonic() + timeout
        while text not in (seen := self.output()):
            if time.monotonic() > deadline or not self.process.running:
                state = "still runs" if self.process.running else "has ended"
                raise LabError(f"{self.process.name} {state}, no {text!r} in its output:\n{seen}")
            time.sleep(0.05)
        return seen


class Host:
    """Runs commands in the lab's namespaces, where soft-RoCE's port is ours to use."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.ipv4 = ipv4(HOST_NUMBER)
        self.ipv6 = ipv6(HOST_NUMBER)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        timeout: float = 60.0,
        check: bool = True,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command to its end; raises `CommandError` when it fails, unless unchecked."""
        started = time.monotonic()
        process = self.network.popen(
            argv,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(environment),
        )
        timed_out = False
        try:
            output, errors = process.popen.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            process.kill()
            output, errors = process.popen.communicate()
        result = Result(
            " ".join(map(str, argv)),
            process.popen.returncode,
            output,
            errors,
            timed_out,
            time.monotonic() - started,
        )
        return checked("host", result, check)

    def nfsrdma(self, *arguments: str | Path, timeout: float = 60.0, check: bool = True) -> Result:
        """Run our command line."""
        return self.run([*NFSRDMA, *arguments], timeout=timeout, check=check)

    def start(
        self,
        argv: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> Background:
        """Start a command and return at once; its output is appended to ``log``."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as stream:
            process = self.network.popen(
                argv, stdout=stream, stderr=subprocess.STDOUT, env=_environment(environment)
            )
        return Background(process, log)

    @contextlib.contextmanager
    def background(
        self, argv: Sequence[str | Path], log: Path, *, until: str = ""
    ) -> Iterator[Background]:
        """A command that runs as long as the block; entered when its output contains ``until``."""
        program = self.start(argv, log)
        try:
            if until:
                program.wait_for(until)
            yield program
        finally:
            program.process.stop()

    @contextlib.contextmanager
    def outside(
        self, argv: Sequence[str | Path], errors: IO[str]
    ) -> Iterator[subprocess.Popen[str]]:
        """A command in the network that is a process like others of this host's, for the block.

        A file system's is one: it has to know who its callers are.
        """
        ended = ("setpriv", "--pdeathsig", "TERM")  # as the namespace of processes does not do it
        with subprocess.Popen(
            [*self.network.enter_network, *ended, *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_environment(None),
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    @contextlib.contextmanager
    def capture(self, target: Path, tap: str) -> Iterator[None]:
        """Capture a guest's traffic during the block into ``target``, a pcapng.

        On the guest's tap rather than the bridge: there the kernel has cut what we hand it in
        bursts (UDP segmentation) into the packets that travel.
        """
        argv = ["dumpcap", "-q", "-i", tap, "-f", CAPTURE_FILTER, "-w", str(target)]
        argv += ["-a", f"filesize:{CAPTURE_KILOBYTES}"]
        log = target.with_suffix(".dumpcap.log")
        with self.background(argv, log, until="File:"):
            yield
        log.unlink(missing_ok=True)


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    ours = (str(REPOSITORY / "src"), str(REPOSITORY / "tests/interop"))
    path = os.pathsep.join((*ours, *filter(None, (os.environ.get("PYTHONPATH"),))))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(more or {})}

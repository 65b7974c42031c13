"""Where a suite plays: a server of ours with an empty export, and a way to it for any client."""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .gateway import LISTENING

REPOSITORY = Path(__file__).resolve().parents[2]

#: The ways to the server: over TCP, or over RDMA by one of the providers that need no hardware.
WAYS = ("tcp", "soft", "shm")

#: Suites wait for leases to run out, so they are short.
LEASE_S = 10

_PATIENCE_S = 30.0


class StageError(Exception):
    """A suite could not be run; the message says what to do."""


class Program:
    """A program of ours in the background; its output goes to a file."""

    def __init__(self, module: str, arguments: Sequence[str | Path], log: Path) -> None:
        self.log = log
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, arguments)],
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=REPOSITORY,
            )

    def wait_for(self, pattern: str) -> str:
        """Wait for output that matches, and return its first group; raises `StageError`."""
        deadline = time.monotonic() + _PATIENCE_S
        while (found := re.search(pattern, self.log.read_text(errors="replace"))) is None:
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.stop()
                raise StageError(f"it did not start; {self.log} says:\n{self.log.read_text()}")
            time.sleep(0.05)
        return found[1]

    def stop(self) -> None:
        """End it, by force if it does not by itself."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Stage:
    """A server and, for suites that speak TCP alone, a gateway to it; a context manager.

    ``server`` is the URL of a server to use instead of ours; its root must be empty.
    """

    def __init__(self, folder: Path, way: str, server: str = "") -> None:
        self.folder = folder
        self.way = way
        #: What is exported, as this host sees it (of a server of ours).
        self.export = folder / "export"
        #: The server for clients that speak its language.
        self.url = server
        self._programs: list[Program] = []

    def __enter__(self) -> Stage:
        self.folder.mkdir(parents=True)
        try:
            if not self.url:
                self._serve()
            #: Host and port for clients that speak TCP alone.
            self.address = self._address()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and the gateway."""
        while self._programs:
            self._programs.pop().stop()

    def _start(self, module: str, arguments: Sequence[str | Path], name: str) -> Program:
        program = Program(module, arguments, self.folder / f"{name}.log")
        self._programs.append(program)
        return program

    def _serve(self) -> None:
        self.export.mkdir(mode=0o777)
        self.export.chmod(0o777)
        # The soft provider has one port for each address: others on this host have theirs.
        address = f"127.{random.randrange(16, 240)}.{random.randrange(256)}.9"
        provider = "none" if self.way == "tcp" else self.way
        arguments: list[str | Path] = [
            *("serve", self.export, "--listen", address, "--port", "0", "--tcp", "0"),
            *("--provider", provider, "--lease", str(LEASE_S), "--delegations"),
            *("--allow", "any", "--no-root-squash", "--insecure"),
            *("--state-dir", self.folder / "state"),
        ]
        server = self._start("nfsrdma", arguments, "server")
        kind = "tcp" if self.way == "tcp" else "rdma"
        self.url = server.wait_for(rf"(nfs\+{kind}://\S+)\n")

    def _address(self) -> tuple[str, int]:
        found = re.match(r"nfs\+(tcp|rdma)://(.+?):(\d+)", self.url)
        if found is None:
            raise StageError(f"{self.url} is no URL with a port, nfs+rdma://HOST:PORT/")
        if found[1] == "tcp":
            return found[2], int(found[3])
        arguments = [self.url, "--provider", self.way]
        gateway = self._start("tests.suites.gateway", arguments, "gateway")
        return "127.0.0.1", int(gateway.wait_for(rf"{LISTENING}(\d+)"))

    @contextlib.contextmanager
    def mounted(self) -> Iterator[Path]:
        """The export as a directory of this host, by our own FUSE mount, for the block."""
        point = self.folder / "mount"
        point.mkdir()
        options = "" if self.way == "tcp" else f"provider={self.way},"
        self._cli("mount", "-o", f"{options}vers=4.2", self.url, point)
        try:
            yield point
        finally:
            self._cli("umount", point)

    def _cli(self, *arguments: str | Path) -> None:
        argv = [sys.executable, "-m", "nfsrdma", *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
        if done.returncode:
            raise StageError(f"{' '.join(argv[2:])}: {done.stderr.strip()}")

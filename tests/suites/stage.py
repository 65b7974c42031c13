"""Where a suite plays: a server of ours with an empty export, and a way to it for any client."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .gateway import LISTENING

REPOSITORY = Path(__file__).resolve().parents[2]

#: The ways to the server: over TCP, or over RDMA by one of the providers that need no hardware.
WAYS = ("tcp", "soft", "shm")

_PATIENCE_S = 120.0


class StageError(Exception):
    """A suite could not be run; the message says what to do."""


class Program:
    """A program of ours in the background; its output goes to a file."""

    def __init__(self, module: str, arguments: Sequence[str | Path], log: Path) -> None:
        self.log = log
        self._argv = [sys.executable, "-m", module, *map(str, arguments)]
        self._begin()

    def _begin(self) -> None:
        with self.log.open("w") as stream:
            self._process = subprocess.Popen(
                self._argv,
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=REPOSITORY,
            )

    def kill_and_start(self, ready: str) -> None:
        """Kill it as a crash does, and start it again; returns once its output matches."""
        self._process.kill()
        self._process.wait()
        self._begin()
        self.wait_for(ready)

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


@dataclass(frozen=True)
class Setting:
    """What the server of a suite is like, but for what all have in common."""

    options: tuple[str, ...] = ()
    lease_s: int = 10
    """Suites wait for leases to run out, so they are short."""
    special: str = ""
    """An export that pynfs is to name; the one with files is called `NAME` then."""
    words: tuple[str, ...] = ()
    """Options of the export with files, as ``nfsrdma serve DIR:WORD`` takes them."""


PLAIN = Setting()

#: The name of the export with files, where it is not the root.
NAME = "files"


class Stage:
    """A server and, for suites that speak TCP alone, a gateway to it; a context manager.

    ``server`` is the URL of a server to use instead of ours; its root must be empty.
    """

    def __init__(self, folder: Path, way: str, server: str = "", setting: Setting = PLAIN) -> None:
        self.folder = folder
        self.way = way
        self.setting = setting
        self._ours = not server
        self._ready = ""
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
        # The same one after a restart. Nobody else is at this address.
        port = random.randrange(20_000, 30_000)
        name = f"{NAME}=" if self.setting.special else ""
        words = f":{','.join(self.setting.words)}" if self.setting.words else ""
        arguments: list[str | Path] = [
            *("serve", f"{name}{self.export}{words}", "--listen", address),
            *("--port", str(port), "--tcp", str(port)),
            *("--provider", provider, "--lease", str(self.setting.lease_s), "--delegations"),
            *("--allow", "any", "--no-root-squash", "--insecure"),
            *("--state-dir", self.folder / "state", *self.setting.options),
        ]
        self._server = self._start("nfsrdma", arguments, "server")
        kind = "tcp" if self.way == "tcp" else "rdma"
        self._ready = rf"(nfs\+{kind}://\S+)\n"
        self.url = self._server.wait_for(self._ready)

    @contextlib.contextmanager
    def restarts(self) -> Iterator[Path]:
        """A program that kills the server and starts it again, for the block."""
        if not self._ours:
            raise StageError("another server cannot be restarted")
        asked, done = self.folder / "asked", self.folder / "done"
        for fifo in (asked, done):
            os.mkfifo(fifo)
        helper = self.folder / "restart"
        helper.write_text(f"#!/bin/sh\necho > {asked}\ncat {done}\n")
        helper.chmod(0o755)
        ends = threading.Event()

        def restart() -> None:
            while True:
                asked.read_text()
                if ends.is_set():
                    return
                self._server.kill_and_start(self._ready)
                done.write_text("restarted\n")

        thread = threading.Thread(target=restart)
        thread.start()
        try:
            yield helper
        finally:
            ends.set()
            asked.write_text("the end")
            thread.join()

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
    def mounted(self, options: str = "") -> Iterator[Path]:
        """The export as a directory of this host, by our own FUSE mount, for the block."""
        point = self.folder / "mount"
        point.mkdir()
        words = ["vers=4.2", options, "" if self.way == "tcp" else f"provider={self.way}"]
        self._cli("mount", "-o", ",".join(filter(None, words)), self.url, point)
        try:
            yield point
        finally:
            self._cli("umount", point)

    def _cli(self, *arguments: str | Path) -> None:
        argv = [sys.executable, "-m", "nfsrdma", *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
        if done.returncode:
            raise StageError(f"{' '.join(argv[2:])}: {done.stderr.strip()}")

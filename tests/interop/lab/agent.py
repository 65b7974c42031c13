"""Runs in a guest: carries out commands that arrive on a virtio port, one JSON object per line.

It is started with the host's interpreter and uses nothing but the standard library.
A virtio port rather than a socket: it works before the network does, and while netem spoils it.

Requests have an ``id`` that the answer repeats, an ``op`` and its arguments:

    run     command, timeout, stdin, cwd     -> code, stdout, stderr, timed_out
    start   command, cwd                     -> handle
    wait    handle, timeout                  -> as run; a timeout kills
    peek    handle                           -> code or None, stdout and stderr so far
    signal  handle, number                   -> (nothing)

Output goes through files, not pipes, so a daemon that inherits it cannot hold up an answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

PORT_NAME = "lab"

#: Bytes of each output stream that an answer carries: the last ones.
OUTPUT_LIMIT = 4 << 20

#: Seconds that a killed process has to go away; one that sleeps in the kernel may never do.
KILL_GRACE = 3.0


class Job:
    """One command, in a session of its own."""

    def __init__(self, command: str, cwd: str | None = None, stdin: str = "") -> None:
        # Both stay open for as long as the job may be asked for.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as source:
            source.write(stdin.encode())
            source.seek(0)
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", command],
                stdin=source,
                stdout=self._output,
                stderr=self._errors,
                cwd=cwd,
                start_new_session=True,
            )

    def wait(self, timeout: float) -> dict[str, Any]:
        """Wait for its end and kill it when that does not come."""
        timed_out = False
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
            self.signal(signal.SIGKILL)
            try:
                self._process.wait(KILL_GRACE)
            except subprocess.TimeoutExpired:
                print(f"agent: {self._process.pid} survives SIGKILL", file=sys.stderr)
        return {**self.peek(), "timed_out": timed_out}

    def peek(self) -> dict[str, Any]:
        """What there is so far."""
        return {
            "code": self._process.poll(),
            "stdout": _tail(self._output),
            "stderr": _tail(self._errors),
        }

    def signal(self, number: int) -> None:
        """Signal the command and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _tail(stream: BinaryIO) -> str:
    size = os.fstat(stream.fileno()).st_size
    start = max(0, size - OUTPUT_LIMIT)
    return os.pread(stream.fileno(), size - start, start).decode(errors="backslashreplace")


class Agent:
    """Reads requests until the port closes; each is served by a thread of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}

    def serve(self) -> None:
        """Say that the agent is there, then serve for good."""
        self._answer({"id": 0})
        for line in os.fdopen(self._port, "rb", closefd=False):
            request = json.loads(line)
            threading.Thread(target=self._handle, args=(request,), daemon=True).start()

    def _handle(self, request: dict[str, Any]) -> None:
        answer = {"id": request["id"]}
        try:
            answer |= self._dispatch(request)
        except Exception as error:
            answer["error"] = f"{type(error).__name__}: {error}"
        self._answer(answer)

    def _dispatch(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["op"]:
            case "run":
                job = Job(request["command"], request.get("cwd"), request.get("stdin", ""))
                return job.wait(request["timeout"])
            case "start":
                job = Job(request["command"], request.get("cwd"))
                self._jobs[request["id"]] = job
                return {"handle": request["id"]}
            case "wait":
                return self._jobs[request["handle"]].wait(request["timeout"])
            case "peek":
                return self._jobs[request["handle"]].peek()
            case "signal":
                self._jobs[request["handle"]].signal(request["number"])
                return {}
        raise ValueError(f"unknown op {request['op']!r}")

    def _answer(self, answer: dict[str, Any]) -> None:
        view = memoryview(json.dumps(answer).encode() + b"\n")
        with self._lock:
            while view:
                view = view[os.write(self._port, view) :]


def open_port(name: str) -> int:
    """Open the virtio port of that name as soon as the driver has made it."""
    while True:
        for path in Path("/sys/class/virtio-ports").glob("*/name"):
            if path.read_text().strip() == name:
                return os.open(f"/dev/{path.parent.name}", os.O_RDWR)
        time.sleep(0.05)


if __name__ == "__main__":
    Agent(open_port(PORT_NAME)).serve()

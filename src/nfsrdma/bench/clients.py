"""The conductor's view of the worker processes: it asks, and they answer or fail."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Final

from .servers import keep_priority

Message = dict[str, Any]

_LEAVE_S: Final = 20.0
"""Seconds that a worker may take to remove its files."""


class ClientFailed(Exception):
    """A step failed. ``lost`` says that the server or the worker is of no more use."""

    def __init__(self, text: str, lost: bool = False) -> None:
        super().__init__(text)
        self.lost = lost


class Client:
    """A process that runs ``nfsrdma.bench.worker``."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nfsrdma.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # we get the interrupt, and end it in order
        )
        keep_priority(self._process.pid)
        self._rest = b""

    @property
    def pid(self) -> int:
        """The process id of the worker."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the worker has not ended yet."""
        return self._process.poll() is None

    def ask(self, order: Message, timeout_s: float) -> Message:
        """Have ``order`` carried out, and return the answer. Raises :class:`ClientFailed`."""
        self.tell(order)
        return self.answer(timeout_s)

    def tell(self, order: Message) -> None:
        """Send an order; :meth:`answer` must follow."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ClientFailed("the client process died", lost=True) from None

    def answer(self, timeout_s: float) -> Message:
        """Return the answer to the last order. Raises :class:`ClientFailed`."""
        answer: Message = json.loads(self._line(timeout_s))
        if "error" in answer:
            raise ClientFailed(answer["error"], answer["lost"])
        return answer

    def _line(self, timeout_s: float) -> bytes:
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                self.kill()
                raise ClientFailed(f"the client did nothing for {timeout_s:.0f} s", lost=True)
            data = os.read(fd, 1 << 20)
            if not data:
                raise ClientFailed("the client process died", lost=True)
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def leave(self) -> bool:
        """Have the worker remove its files and end; return whether it did so."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            status = process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            status = -1
        process.stdout.close()
        return status == 0

    def kill(self) -> None:
        """Kill the worker."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

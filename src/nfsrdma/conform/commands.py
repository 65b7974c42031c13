"""Commands of the shell that have a client, or a server, do something."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Future

_OUTPUT: Final = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit status, and in words, with the end of what it said."""

    status: int
    said: str


async def run_command(reactor: SelectReactor, text: str, limit_s: float) -> Ended:
    """Run a command of the shell; return how it ended. Raises ``TimeoutError``."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            text,
            shell=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        ended: Future[bool] = Future()

        def end(in_time: bool) -> None:
            if not ended.done():
                ended.set_result(in_time)

        fd = os.pidfd_open(process.pid)
        reactor.add_reader(fd, end, True)
        timer = reactor.call_at(reactor.time() + limit_s, end, False)
        in_time = False
        try:
            in_time = await ended
        finally:
            timer.cancel()
            reactor.remove_reader(fd)
            os.close(fd)
            if not in_time:
                _kill(process)
        if not in_time:
            raise TimeoutError(f"`{text}` did not end in {limit_s:g} s")
        status = process.wait()
        output.seek(max(0, output.seek(0, os.SEEK_END) - _OUTPUT))
        said = output.read().decode("utf-8", "replace").strip().splitlines()
        tail = " | ".join(said[-3:])
        return Ended(status, f"exit status {status}" + (f": {tail}" if tail else ""))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and all that it started; what waits in the kernel cannot be waited for."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0)

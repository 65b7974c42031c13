"""What touches this machine: devices, the clock of captures, and Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp
from nfsrdma.rpcrdma.providers.meddling import MeddlingDevice
from nfsrdma.rpcrdma.providers.registry import WITHOUT_PACKETS, check_provider, open_device
from nfsrdma.rpcrdma.task import Cancelled, Task
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.xdr import Encoder, XdrError

from .case import Case, NotApplicable
from .commands import run_command
from .lab import Lab, Target
from .outside import Outside
from .packets import Watch
from .runner import Outcome, Runner

_TIDY_S = 10.0
_REPLY: Final = 8192
"""The longest reply of what is beside NFS, in octets."""


@dataclass(frozen=True, slots=True)
class Means:
    """How the server is reached, and how long anything may take (in seconds).

    ``restart`` is a command of the shell that restarts it, if there is one.
    """

    provider: str = "soft"
    device: str | None = None
    timeout_s: float = 5.0
    limit_s: float = 30.0
    seed: int = 0
    restart: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run. ``interrupted`` means that there are tests that were not reached.

    ``gave_up`` means that this is so because the server was gone.
    """

    outcomes: Sequence[Outcome]
    interrupted: bool
    gave_up: bool = False


class LiveOutside(Outside):
    """The host of the server: what it has beside RDMA, by TCP, and a command that restarts it."""

    def __init__(self, reactor: SelectReactor, address: str, means: Means) -> None:
        self._reactor = reactor
        self._address = address
        self._means = means

    async def ask(self, port: int, octets: bytes) -> bytes:
        """See ``Outside``."""
        limit_s = self._means.timeout_s
        try:
            channel = await connect_tcp(self._reactor, self._address, port, timeout_s=limit_s)
        except OSError as error:
            raise NotApplicable(f"port {port} by TCP: {error.strerror or error}") from None
        late = self._reactor.call_at(self._reactor.time() + limit_s, channel.close)
        message = Encoder()
        message.buffer += octets
        try:
            reply = await channel.call(message, max_reply=_REPLY)
            return bytes(reply.peek(reply.remaining()))
        except (OSError, XdrError) as error:
            raise NotApplicable(f"port {port} by TCP: {error}") from None
        finally:
            late.cancel()
            channel.close()

    async def restart(self) -> None:
        """See ``Outside``. Raises ``NotApplicable`` also if the command fails."""
        command = self._means.restart
        if command is None:
            await super().restart()
            return
        try:
            ended = await run_command(self._reactor, command, self._means.limit_s)
        except TimeoutError as error:
            raise NotApplicable(str(error)) from None
        if ended.status:
            raise NotApplicable(f"`{command}`: {ended.said}")


def run_cases(
    target: Target,
    means: Means,
    cases: Sequence[Case],
    on_outcome: Callable[[Outcome], object] | None = None,
) -> Run:
    """Run tests against a server, each over a device of its own.

    After an interrupt what the test in progress has left at the server is removed, and what ran so
    far is returned. Raises ``Unreachable`` if there is no server, ``ValueError`` for a provider
    that is none.
    """
    check_provider(means.provider, means.device)
    sees = means.provider not in WITHOUT_PACKETS
    reactor = SelectReactor()

    def open_lab(case: Case) -> Lab:
        watch = Watch(time.time) if sees else None
        device: Device
        meddling = None
        if means.provider == "soft":
            device = meddling = MeddlingDevice(reactor, tap=watch)
        else:
            device = open_device(means.provider, reactor, device=means.device)
        return Lab(
            device,
            reactor,
            Random(f"{means.seed} {case.id}"),
            target,
            name=case.id,
            timeout_s=means.timeout_s,
            watch=watch,
            meddling=meddling,
            outside=LiveOutside(reactor, target.address, means),
        )

    runner = Runner(reactor, open_lab, means.limit_s, packets=sees)
    stopped = False
    try:
        if cases:
            reactor.run_until(Task(runner.reach(cases[0])))
        running = Task(runner.run(cases, on_outcome))
        try:
            with interrupted(lambda: reactor.call_soon_threadsafe(running.cancel)):
                reactor.run_until(running)
        except (Cancelled, KeyboardInterrupt):
            stopped = True
            with suppress(TimeoutError):
                reactor.run_until(Task(runner.tidy()), _TIDY_S)
    finally:
        reactor.close()
    return Run(runner.outcomes, stopped or runner.gave_up, runner.gave_up)


@contextmanager
def interrupted(stop: Callable[[], object]) -> Iterator[None]:
    """Have the first interrupt call ``stop``, so that it comes between two steps of a test.

    The next one raises ``KeyboardInterrupt``, wherever that is.
    """
    before = signal.getsignal(signal.SIGINT)

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    try:
        signal.signal(signal.SIGINT, first)
    except ValueError:  # not the main thread: interrupts are another's
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""What touches this machine: devices, the clock of captures, and the commands of the client."""

from __future__ import annotations

import os
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random, SystemRandom
from typing import Any, Final, cast

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.meddling import MeddlingDevice
from nfsrdma.rpcrdma.providers.registry import WITHOUT_PACKETS, check_provider, open_device
from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.task import Cancelled, Reactor, Task
from nfsrdma.rpcrdma.verbs.interfaces import Device

from ..case import Case
from ..commands import run_command
from ..edge import Run, interrupted
from ..packets import Watch
from ..relay import Relay
from ..runner import Outcome
from .lab import ClientLab, Hung, Work
from .runner import ClientRunner, Limits

_SERVER: Final = ("10.0.0.1", 20049)
_RELAY: Final = "10.0.0.2"
"""Where server and relay are on the fabric between them, which nobody else can reach."""
_TIDY_S: Final = 40.0
_IDLE_S: Final = 2.0
"""How long a client that is used by hand has no connection when it has unmounted."""

Serve = Callable[[Device, Reactor, tuple[str, int]], Callable[[], None]]
"""Puts a good server on a device, at an address; returns what ends it."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What is run to have the client do something; None is left to whoever sits there.

    In a command ``{host}``, ``{port}``, ``{export}``, ``{dir}``, ``{url}`` and ``{workload}`` are
    replaced.
    """

    mount: str | None = None
    work: str | None = None
    unmount: str | None = None

    def check(self) -> None:
        """Raise ``ValueError`` for a command with braces around anything else."""
        for text in (self.mount, self.work, self.unmount):
            if text is not None:
                filled(text, dict.fromkeys(PLACES, "x"))


PLACES: Final = ("host", "port", "export", "dir", "url", "workload")


def filled(text: str, values: dict[str, str]) -> str:
    """Return a command with its places filled. Raises ``ValueError`` for unknown ones."""
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        known = ", ".join(f"{{{name}}}" for name in PLACES)
        raise ValueError(f"{text}: {error} in braces: there are {known}") from None


@dataclass(frozen=True, slots=True)
class ClientMeans:
    """How the client reaches us, and how long its work may take (in seconds)."""

    host: str
    port: int = 20049
    provider: str = "soft"
    device: str | None = None
    limit_s: float = 120.0
    seed: int = 0
    workload: str = ""
    """The command line of our own workload."""


class LiveStage:
    """A server, the relay in front of it, and the commands of one test."""

    def __init__(
        self,
        reactor: SelectReactor,
        case: Case,
        means: ClientMeans,
        commands: Commands,
        serve: Serve,
        say: Callable[[str], None],
        folder: str,
    ) -> None:
        self._reactor = reactor
        self._commands = commands
        self._means = means
        self._say = say
        self._mounted = False
        self._values = {
            "host": means.host,
            "port": str(means.port),
            "export": "/",
            "dir": shlex.quote(folder),
            "url": f"nfs+rdma://{_in_url(means.host)}:{means.port}/",
            "workload": means.workload,
        }
        watch = Watch(time.time) if means.provider not in WITHOUT_PACKETS else None
        # What is between the relay and its server needs no time.
        fabric = SimFabric(cast(SimReactor, reactor), means.seed, Faults(delay_s=0.0))
        self._devices: list[Device] = []
        server = self._open(fabric.open_device(_SERVER[0]))
        self._end_server = serve(server, reactor, _SERVER)
        try:
            meddling = None
            if means.provider == "soft":
                near: Device = MeddlingDevice(reactor, tap=watch, address=means.host)
                assert isinstance(near, MeddlingDevice)
                meddling = near
            else:
                near = open_device(means.provider, reactor, device=means.device, address=means.host)
            self._open(near)
            self.lab = ClientLab(
                reactor,
                Random(f"{means.seed} {case.id}"),
                mount=self._mount,
                work=self._work,
                timeout_s=means.limit_s,
                watch=watch,
                meddling=meddling,
            )
            self.relay = Relay(
                reactor,
                # What a client may not guess is not to be repeated by a seed.
                SystemRandom(),
                near=near,
                listen=(means.host, means.port),
                far=self._open(fabric.open_device(_RELAY)),
                server=_SERVER,
                script=self.lab,
            )
        except BaseException:
            self.close()
            raise

    def _open(self, device: Any) -> Any:
        self._devices.append(device)
        return device

    def close(self) -> None:
        """End everything."""
        relay = getattr(self, "relay", None)
        if relay is not None:
            relay.close()
        self._end_server()
        for device in reversed(self._devices):
            device.close()

    async def leave(self) -> None:
        """Have the client unmount, if there is a command for it."""
        if self._commands.unmount is not None and self._mounted:
            self._mounted = False
            await self._run(self._commands.unmount)

    async def _mount(self, lab: ClientLab) -> Work:
        if self._commands.mount is not None:
            # Also where that fails, or takes too long: there may be a mount by then, or later, and
            # all tests behind this one would be made of it.
            self._mounted = True
            return await self._run(self._commands.mount)
        if self._commands.work is None:
            self._say(
                "mount, use and unmount:  mount -t nfs -o vers=4.2,proto=rdma,"
                f"port={self._means.port} {self._means.host}:/ DIRECTORY"
            )
        return Work(None)

    async def _work(self, lab: ClientLab) -> Work:
        if self._commands.work is not None:
            return await self._run(self._commands.work)
        until = self._reactor.time() + self._means.limit_s
        used = False
        last = self._reactor.time()
        while True:
            await lab.wait(0.1)
            now = self._reactor.time()
            if self.relay.links:
                used, last = True, now
            if used and now > last + _IDLE_S:
                return Work(None)
            if now > until:
                raise Hung("nobody mounted" if not used else "nobody unmounted")

    async def _run(self, text: str) -> Work:
        command = filled(text, self._values)
        try:
            ended = await run_command(self._reactor, command, self._means.limit_s)
        except TimeoutError as error:
            raise Hung(str(error)) from None
        return Work(ended.status, ended.said)


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def run_scenarios(
    means: ClientMeans,
    commands: Commands,
    cases: Sequence[Case],
    serve: Serve,
    *,
    on_outcome: Callable[[Outcome], object] | None = None,
    say: Callable[[str], None] = print,
) -> Run:
    """Run tests of a client, each with a server of its own.

    After an interrupt the client is unmounted, and what ran so far is returned. Raises ``OSError``
    if the address cannot be listened on, ``ValueError`` for a provider that is none.
    """
    check_provider(means.provider, means.device)
    commands.check()
    reactor = SelectReactor()
    folder = tempfile.mkdtemp(prefix="nfsrdma-conform-")
    stopped = False
    try:
        runner = ClientRunner(
            reactor,
            lambda case: LiveStage(reactor, case, means, commands, serve, say, folder),
            Limits(3 * means.limit_s + 30.0),
            packets=means.provider == "soft",
        )
        running = Task(runner.run(cases, on_outcome))
        try:
            with interrupted(lambda: reactor.call_soon_threadsafe(running.cancel)):
                reactor.run_until(running)
        except (Cancelled, KeyboardInterrupt):
            stopped = True
            with suppress(TimeoutError, Hung):
                reactor.run_until(Task(runner.tidy()), _TIDY_S)
    finally:
        reactor.close()
        # Not the tree below: it is the client's mount if that could not be unmounted.
        with suppress(OSError):
            os.rmdir(folder)
    return Run(runner.outcomes, stopped)

"""A server of ours and the conformance suite, in the simulator: hours of waiting take no time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.support.nfs import EVERYONE, Clock, open_export

from nfsrdma.conform import suite as _suite  # noqa: F401 - enters the tests
from nfsrdma.conform.case import Case
from nfsrdma.conform.lab import Lab, Target
from nfsrdma.conform.packets import Watch
from nfsrdma.conform.runner import Outcome, Runner
from nfsrdma.rpcrdma.providers.sim import EPOCH_S, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.task import Task
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.memory import MemoryFileSystem

SERVER, CLIENT, PORT = "10.0.0.1", "10.0.0.2", 20049
TOO_LONG = {"FT14"}
"""A flood is many seconds of work in the simulator."""
Serve = Callable[[SimFabric], Any]
"""Puts a server on the fabric, at ``SERVER`` and ``PORT``."""


class SimServer:
    """Our server on a simulated fabric, and what a conformance run against it takes."""

    def __init__(
        self,
        seed: int = 1,
        serve: Serve | None = None,
        *,
        meddles: bool = True,
        delegations: bool = False,
    ) -> None:
        self.reactor = SimReactor()
        self.fabric = SimFabric(self.reactor, seed)
        self.seed = seed
        self.meddles = meddles
        """Whether tests may meddle with packets, which takes time."""
        self.fs = MemoryFileSystem(Clock())
        self.delegations = delegations
        (serve or self.serve)(self.fabric)

    def serve(self, fabric: SimFabric) -> None:
        """Listen with our own server."""
        self.service = NfsService(
            [open_export("", self.fs)],
            self.reactor,
            random.Random(self.seed),
            config=ServerConfig(
                times=LeaseTimes(lease=90.0, grace=0.0), delegations=self.delegations
            ),
            policy=EVERYONE,
        )
        self.service.listen_rdma(fabric.open_device(SERVER), SERVER, PORT)

    def open_lab(self, case: Case) -> Lab:
        """The surroundings of a test, whose device sees every packet of the fabric."""
        self.fabric.tap = watch = Watch(lambda: EPOCH_S + self.reactor.time())
        device = self.fabric.open_device(CLIENT)
        return Lab(
            device,
            self.reactor,
            random.Random(f"{self.seed} {case.id}"),
            Target(SERVER, PORT),
            name=case.id,
            timeout_s=5.0,
            watch=watch,
            meddling=device if self.meddles and case.id not in TOO_LONG else None,
        )

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """What comes of the tests."""
        runner = Runner(self.reactor, self.open_lab, 60.0, packets=True)
        self.reactor.run_until(Task(runner.run(cases)), limit_s=36000)
        return runner.outcomes


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Have an attribute another value for the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

"""A server of ours and the conformance suite, in the simulator: hours of waiting take no time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.support import gss
from tests.support.nfs import EVERYONE, Clock, open_export
from tests.support.nfs3_server import Version3, beside

from nfsrdma.conform import suite as _suite  # noqa: F401 - enters the tests
from nfsrdma.conform.case import Case, NotApplicable
from nfsrdma.conform.lab import Lab, Target
from nfsrdma.conform.outside import Outside
from nfsrdma.conform.packets import Watch
from nfsrdma.conform.runner import Outcome, Runner
from nfsrdma.rpcrdma.providers.sim import EPOCH_S, SimDevice, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.security import SECURITIES
from nfsrdma.rpcrdma.task import Task
from nfsrdma.rpcrdma.transport import listen_rdma
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.memory import MemoryFileSystem

SERVER, CLIENT, PORT = "10.0.0.1", "10.0.0.2", 20049
TOO_LONG = {"FT14"}
"""A flood is many seconds of work in the simulator."""
VERSION_3 = ("NB3", "NB4", "NB7", "RR3")
"""Tests of what our server does not speak, or does not tell anybody of."""
CONTEXTS = ("GS1", "GS2", "GS3")
"""Tests of calls within a context of RPCSEC_GSS."""
RPCBIND_ADDRESS = b"10.0.0.1.78.81"
"""What the port mapper says of NFS over RDMA: 78 * 256 + 81 is its port."""
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
        version3: Version3 | None = None,
        contexts: bool = False,
        lanes: bool = True,
    ) -> None:
        self.reactor = SimReactor()
        self.fabric = SimFabric(self.reactor, seed)
        self.seed = seed
        self.meddles = meddles
        """Whether tests may meddle with packets, which takes time."""
        self.fs = MemoryFileSystem(Clock())
        self.delegations = delegations
        self.lanes = lanes
        self.store = MemoryRecoveryStore(seed)
        self.contexts = contexts
        """Whether it takes RPCSEC_GSS, with the mechanism of tests."""
        self.version3 = version3
        """An NFSv3 server in the place of ours, and what is beside it on the host."""
        self._device: SimDevice | None = None
        (serve or self.serve)(self.fabric)

    def serve(self, fabric: SimFabric) -> None:
        """Listen with our own server, or with that of version 3."""
        self._device = device = fabric.open_device(SERVER)
        if self.version3 is not None:
            listen_rdma(device, self.reactor, SERVER, PORT, self.version3)
            return
        flavor = {gss.FLAVOR: gss.GssServer(Credentials.sys(0, 0))}
        self.service = NfsService(
            [open_export("", self.fs)],
            self.reactor,
            random.Random(self.seed),
            config=ServerConfig(
                times=LeaseTimes(lease=90.0, grace=90.0),
                delegations=self.delegations,
                lanes=self.lanes,
            ),
            policy=EVERYONE,
            store=self.store,
            security={**SECURITIES, **(flavor if self.contexts else {})},
        )
        self.service.listen_rdma(device, SERVER, PORT)

    def restart(self) -> None:
        """End the server, and begin again with what it has on its disk."""
        assert self._device is not None
        self.service.close()
        self._device.close()
        self.serve(self.fabric)

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
            outside=SimOutside(self),
        )

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """What comes of the tests."""
        runner = Runner(self.reactor, self.open_lab, 60.0, packets=True)
        runner.silent_max = len(cases) + 1  # a server that lies may do so to the end
        self.reactor.run_until(Task(runner.run(cases)), limit_s=36000)
        return runner.outcomes


class SimOutside(Outside):
    """The host of a server in the simulator."""

    def __init__(self, server: SimServer) -> None:
        self._server = server

    async def ask(self, port: int, octets: bytes) -> bytes:
        if self._server.version3 is None:
            raise NotApplicable("nothing but NFSv4 is there")
        return beside(port, octets, RPCBIND_ADDRESS)

    async def restart(self) -> None:
        self._server.restart()

    def mechanism(self) -> gss.ToyMechanism:
        return gss.ToyMechanism()


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Have an attribute another value for the block."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)

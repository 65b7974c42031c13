"""Our client, the relay and a server of ours in the simulator: tests of clients in no time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.nfs import EVERYONE, Clock, open_export

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.conform.case import Case
from nfsrdma.conform.client import suite as _suite  # noqa: F401 - enters the tests
from nfsrdma.conform.client.lab import ClientLab, Work
from nfsrdma.conform.client.runner import ClientRunner, Limits
from nfsrdma.conform.packets import Watch
from nfsrdma.conform.relay import Bounds, Relay, Script
from nfsrdma.conform.runner import Outcome
from nfsrdma.rpcrdma.providers.sim import EPOCH_S, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Service
from nfsrdma.rpcrdma.task import Future, Task, gather
from nfsrdma.rpcrdma.transport import TransportOptions, connect_rdma
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.memory import MemoryFileSystem

SERVER, RELAY, FAR, CLIENT, PORT = "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", 20049
SIZES = (0, 5, 1021, 70_001, 300_007)


class Wrong(Exception):
    """What was read is not what was written."""


class SimStage:
    """A server, a relay before it, and a client of ours."""

    def __init__(
        self,
        seed: int = 1,
        script: Callable[[Any], Script] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.reactor = SimReactor()
        self.fabric = SimFabric(self.reactor, seed)
        self.rng = random.Random(seed)
        self.fs = MemoryFileSystem(Clock())
        self.service = NfsService(
            [open_export("", self.fs)],
            self.reactor,
            random.Random(seed),
            config=ServerConfig(times=LeaseTimes(lease=90.0, grace=0.0)),
            policy=EVERYONE,
        )
        self.service.listen_rdma(self.fabric.open_device(SERVER), SERVER, PORT)
        self.fabric.tap = self.watch = Watch(lambda: EPOCH_S + self.reactor.time())
        self.near = near = self.fabric.open_device(RELAY)
        self.lab = ClientLab(
            self.reactor,
            random.Random(f"lab {seed}"),
            mount=self._mount,
            work=self._work,
            timeout_s=200.0,
            watch=self.watch,
            meddling=near,
        )
        self.relay = Relay(
            self.reactor,
            random.Random(seed),
            near=near,
            listen=(RELAY, PORT),
            far=self.fabric.open_device(FAR),
            server=(SERVER, PORT),
            script=script(self) if script is not None else self.lab,
            bounds=bounds,
        )
        self.device = self.fabric.open_device(CLIENT)
        self.client: Any = None
        self.round = 0

    def connect(self, timeout_s: float, service: Service) -> Future[Any]:
        options = TransportOptions(connect_timeout_s=timeout_s)
        return connect_rdma(
            self.device, self.reactor, RELAY, PORT, options=options, service=service
        )

    async def mount(self) -> FileSystem:
        """Mount through the relay."""
        options = ClientOptions(
            Credentials.sys(0, 0), b"client", self.rng.randbytes(8), timeout=30.0, delegations=True
        )
        fs = FileSystem(self.reactor, self.connect, (), options, self.rng)
        await fs.mount()
        return fs

    async def _mount(self, lab: ClientLab) -> Work:
        try:
            self.client = await self.mount()
        except OSError as error:
            return Work(4, repr(error))
        return Work(0)

    async def _work(self, lab: ClientLab) -> Work:
        self.round += 1
        try:
            await work(self.client, f"round-{self.round}")
        except Wrong as error:
            return Work(3, str(error))
        except OSError as error:
            return Work(4, repr(error))
        return Work(0)

    async def leave(self) -> None:
        """Unmount."""
        if self.client is not None:
            client, self.client = self.client, None
            await client.unmount()

    def close(self) -> None:
        """End the relay."""
        self.relay.close()


async def work(fs: FileSystem, top: str) -> None:
    """What the client does: as the workload of the command line, shorter."""
    await fs.mkdir(top)
    files = {f"{top}/file-{size}": random.Random(size).randbytes(size) for size in SIZES}
    await gather([Task(fs.write_bytes(name, data)) for name, data in files.items()])
    tasks = [Task(fs.read_bytes(name)) for name in files]
    for (name, data), found in zip(files.items(), await gather(tasks), strict=True):
        if found != data:
            raise Wrong(f"{name}: {len(found)} octets of {len(data)}")
    await fs.mkdir(f"{top}/many")
    entries = [f"entry-{number:03}-{'x' * 40}" for number in range(275)]
    await gather([Task(fs.write_bytes(f"{top}/many/{each}", b"")) for each in entries])
    if sorted(await fs.listdir(f"{top}/many")) != entries:
        raise Wrong("the directory")
    await fs.rename(f"{top}/many/{entries[0]}", f"{top}/many/new")
    target = "a/long/way/" * 60
    await fs.symlink(target, f"{top}/link")
    if await fs.readlink(f"{top}/link") != target:
        raise Wrong("the link")
    for name in (f"{top}/link", *files, f"{top}/many/new"):
        await fs.remove(name)


def run(cases: Sequence[Case], seed: int = 1) -> list[Outcome]:
    """What comes of tests of our client."""
    outcomes = []
    for case in cases:
        stage = SimStage(seed)
        runner = ClientRunner(
            stage.reactor, lambda case, stage=stage: stage, Limits(3000.0), packets=True
        )
        stage.reactor.run_until(Task(runner.run([case])), limit_s=36_000)
        outcomes += runner.outcomes
    return outcomes

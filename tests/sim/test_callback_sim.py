"""Callbacks on a faulty fabric, and connections that are cut in their midst: each executed once.

The real server calls real clients, in virtual time, over RDMA's reverse direction. The clients work
meanwhile, since a client that has nothing to say does not notice that its connection is lost.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.nfs import Clock, open_export

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.delegations import Delegations
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Service
from nfsrdma.rpcrdma.task import Future, Task, gather, sleep
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.callback import CallbackOperation, PathDown
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.backchannel import Path
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.state.session import Session
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

CLIENT, SERVER = "10.0.0.2", "10.0.0.1"
PORT = 20049
RECALLS = 30


def recall(number: int) -> CallbackOperation[t.CB_RECALL4res]:
    stateid = t.stateid4(1, number.to_bytes(12, "big"))
    arguments = t.CB_RECALL4args(stateid, False, b"handle")
    return CallbackOperation(t.OP_CB_RECALL, arguments, t.CB_RECALL4res.decode)


class KeptFileSystem(MemoryFileSystem):
    """A file system that outlives its server."""

    def close(self) -> None:
        pass


class Scenario:
    def __init__(self, fabric: SimFabric, patch: pytest.MonkeyPatch) -> None:
        self.fabric = fabric
        self.reactor = fabric.reactor
        self.rng = Random(f"callbacks {fabric.seed}")
        self.tree = KeptFileSystem(Clock())
        self.store = MemoryRecoveryStore()
        self.device = fabric.open_device(CLIENT)
        self.server_device = fabric.open_device(SERVER)
        self.channels: list[Channel] = []
        self.executed: list[int] = []
        patch.setattr(Delegations, "recalled", self.recalled)
        self.start_server()

    def start_server(self) -> None:
        config = ServerConfig(times=LeaseTimes(lease=20, grace=2))
        exports = [open_export("", self.tree)]
        self.server = NfsService(exports, self.reactor, self.rng, config=config, store=self.store)
        self.server.listen_rdma(self.server_device, SERVER, PORT, on_channel=self.channels.append)

    def recalled(self, handle: bytes, other: bytes) -> int:
        """In place of ``Delegations.recalled``: a recall has been executed."""
        self.executed.append(int.from_bytes(other, "big"))
        return t.NFS4ERR_BAD_STATEID

    def connect(self, timeout_s: float, service: Service) -> Future[Any]:
        return connect_rdma(self.device, self.reactor, SERVER, PORT, service=service)

    async def mount(self) -> FileSystem:
        options = ClientOptions(
            Credentials.sys(0, 0), b"called", self.rng.randbytes(8), timeout=60.0
        )
        fs = FileSystem(self.reactor, self.connect, (), options, self.rng)
        await fs.mount()
        await fs.write_bytes("file", b"contents")
        return fs

    def session(self) -> Session:
        (session,) = self.server.registry.sessions.values()
        return session

    async def cut(self) -> None:
        """Break the client's connection, now and then."""
        for _ in range(6):
            await sleep(self.reactor, self.rng.random() * 0.5)
            channels, self.channels = self.channels, []
            for channel in channels:
                channel.close("cut")

    async def work(self, fs: FileSystem, until: Future[Any]) -> None:
        while not until.done():
            assert await fs.read_bytes("file") == b"contents"
            await sleep(self.reactor, self.rng.random() * 0.1)

    async def recalls(self) -> list[t.CB_RECALL4res]:
        futures = []
        for number in range(RECALLS):
            futures.append(self.server.callbacks.call(self.session(), recall(number)))
            if self.rng.random() < 0.5:
                await sleep(self.reactor, self.rng.random() * 0.3)
        return await gather(futures)

    async def connections_are_cut(self) -> None:
        fs = await self.mount()
        recalls = Task(self.recalls())
        cut = Task(self.cut())
        await self.work(fs, recalls)
        assert {each.status for each in recalls.result()} == {t.NFS4ERR_BAD_STATEID}
        await cut
        assert sorted(self.executed) == list(range(RECALLS))
        assert fs.stats.sessions == 1
        assert fs.stats.connections > 1
        await fs.read_bytes("file")
        await sleep(self.reactor, 1.0)
        assert list(self.session().back.paths.values()) == [Path.UP]
        await fs.unmount()
        assert not self.server.callbacks._unanswered

    async def the_server_restarts(self) -> None:
        """What is in progress fails; the next life finds its own paths."""
        fs = await self.mount()
        before = self.server
        calls = [before.callbacks.call(self.session(), recall(number)) for number in range(4)]
        before.close()
        assert all(isinstance(call.error(), PathDown) for call in calls)
        self.start_server()
        await sleep(self.reactor, 3.0)
        assert await fs.read_bytes("file") == b"contents"
        answered = Task(self.recalls())
        await self.work(fs, answered)
        assert len(answered.result()) == RECALLS
        assert self.server.callbacks.stats.probes_answered == 1
        await fs.unmount()

    async def slots_are_recalled(self) -> None:
        """CB_RECALL_SLOT, which the client heeds."""
        fs = await self.mount()
        operation = CallbackOperation(
            t.OP_CB_RECALL_SLOT, t.CB_RECALL_SLOT4args(2), t.CB_RECALL_SLOT4res.decode
        )
        slots = fs.session.slots
        assert slots is not None
        assert slots.limit > 3
        result = await self.server.callbacks.call(self.session().client, operation)
        assert result.rsr_status == t.NFS4_OK
        assert slots.limit == 3
        await fs.unmount()


FAULTS = Faults(loss=0.01, duplication=0.01, reordering=0.01)
NAMES = ["connections_are_cut", "the_server_restarts", "slots_are_recalled"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", NAMES)
def test_callbacks(name: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def scenario(fabric: SimFabric) -> None:
        world = Scenario(fabric, monkeypatch)
        fabric.reactor.run_until(Task(getattr(world, name)()))

    command = f"pytest {__file__} -k {name}-{seed}"
    simulate(scenario, seed, faults=FAULTS if seed else None, command=command)

"""Delegations on a faulty fabric: no two that conflict, and nothing lost that was acknowledged.

Clients read and write one register over RDMA in virtual time. Those with a delegation answer from
what they have. Connections are cut, and one client dies with what it holds.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.delegates import NAME, OCTETS, Delegate, Ledger
from tests.support.nfs import Clock, open_export

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.rpc.channel import Channel, Service, TransportError
from nfsrdma.rpcrdma.task import Future, Task, gather, sleep
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.delegations import manager, policy
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.interface import ROOT, WRITE
from nfsrdma.server.vfs.memory import MemoryFileSystem

SERVER = "10.0.0.1"
PORT = 20049
LEASE = 20.0
CLIENTS = 3
OPERATIONS = 25
HOURS = 10_000.0
FAULTS = Faults(loss=0.01, duplication=0.01, reordering=0.01)


class World:
    """A server, its clients, and what they agree on."""

    def __init__(self, fabric: SimFabric) -> None:
        self.reactor = fabric.reactor
        self.rng = Random(f"delegations {fabric.seed}")
        self.ledger = Ledger()
        tree = MemoryFileSystem(Clock())
        _, file = tree.create(tree.root, NAME, ROOT, 0o666, WRITE)  # type: ignore[misc]
        file.write(0, memoryview(bytes(OCTETS)))
        file.close()
        config = ServerConfig(times=LeaseTimes(lease=LEASE, grace=1), delegations=True)
        exports = [open_export("", tree)]
        self.server = NfsService(exports, self.reactor, self.rng, config=config)
        self.channels: list[Channel] = []
        device = fabric.open_device(SERVER)
        self.server.listen_rdma(device, SERVER, PORT, on_channel=self.channels.append)
        self.clients = [self.client(fabric, number) for number in range(CLIENTS)]
        self.working = CLIENTS

    def client(self, fabric: SimFabric, number: int) -> Delegate:
        device = fabric.open_device(f"10.0.0.{number + 2}")

        def connect(timeout_s: float, service: Service) -> Future[Any]:
            if made.dead:
                refused: Future[Any] = Future()
                refused.set_error(TransportError("dead"))
                return refused
            return connect_rdma(device, self.reactor, SERVER, PORT, service=service)

        rng = Random(self.rng.random())
        made = Delegate(self.reactor, connect, b"client %d" % number, rng, self.ledger)
        return made

    async def work(self, client: Delegate, operations: int) -> None:
        """Read and write, and see that nothing that was acknowledged before is missing."""
        for _ in range(operations):
            if client.dead:
                return
            before = self.ledger.latest
            if self.rng.random() < 0.4:
                await self.ledger.write(client)
            else:
                value = await client.get()
                assert value >= before, f"{client.name!r} read {value}, after {before}"
            if self.rng.random() < 0.6:
                await sleep(self.reactor, self.rng.random() * self.rng.choice((0.1, 2.0, 40.0)))

    async def cut(self) -> None:
        """Break connections now and then."""
        for _ in range(8):
            await sleep(self.reactor, self.rng.random() * 20)
            channels, self.channels = self.channels, []
            for channel in channels:
                if self.rng.random() < 0.5:
                    channel.close("cut")
                else:
                    self.channels.append(channel)

    async def start(self) -> None:
        for client in self.clients:
            await client.connect(LEASE)

    async def faults(self) -> None:
        """All live: nobody loses anything."""
        await self.start()
        cut = Task(self.cut())
        await gather([Task(self.work(client, OPERATIONS)) for client in self.clients])
        await cut
        for client in self.clients:
            if client.kind:
                await client.give_back()
        assert self.ledger.granted
        assert not len(self.server.delegations.table)
        assert not any(each.revocations for each in self.server.registry.clients.confirmed())
        assert await self.clients[0].get() == self.ledger.latest

    async def death(self) -> None:
        """One dies with what it holds: the others go on within a lease."""
        await self.start()
        victim = self.clients[0]
        await self.work(self.clients[1], 2)
        for client in self.clients:
            if client.kind:
                await client.give_back()
        await sleep(self.reactor, 60.0)
        write = self.rng.random() < 0.5
        if write:
            await self.ledger.write(victim)
        else:
            await victim.get()
        held = victim.kind
        victim.die()
        for channel in list(self.channels):
            if channel.peer.address == "10.0.0.2":
                channel.close("dead")
        began = self.reactor.time()
        before = self.ledger.latest
        if self.rng.random() < 0.5:
            await self.ledger.write(self.clients[1])
        else:
            assert await self.clients[2].get() >= before
            await self.ledger.write(self.clients[1])
        assert not held or self.reactor.time() - began < LEASE * 1.75
        assert not any(each.client.owner == victim.name for each in self.held())
        await gather([Task(self.work(client, 8)) for client in self.clients[1:]])

    def held(self) -> list[Any]:
        """Return the delegations that the server knows of."""
        clients = self.server.registry.clients.confirmed()
        return [each for client in clients for each in client.delegations.values()]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["faults", "death"])
def test_delegations(name: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Contention is what is tried here, not what a policy makes of it.
    monkeypatch.setattr(policy, "_QUIET_S", 0.5)
    monkeypatch.setattr(policy, "_MOST_DOUBLINGS", 0)
    assert manager._PATIENCE_S < LEASE

    def scenario(fabric: SimFabric) -> None:
        world = World(fabric)
        fabric.reactor.run_until(Task(getattr(world, name)()), HOURS)

    command = f"pytest {__file__} -k {name}-{seed}"
    simulate(scenario, seed, faults=FAULTS if seed else None, command=command)

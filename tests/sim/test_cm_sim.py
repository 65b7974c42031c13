"""Connections over a fabric that loses, repeats, delays and damages: whatever happens, both ends
come to the same view, and nothing is left behind."""

from __future__ import annotations

from random import Random

import pytest

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.verbs.interfaces import ConnectionRequest, ConnectRequest
from nfsrdma.rpcrdma.verbs.types import ConnectOptions, QpOptions, RecvWR, SendWR, WrOpcode

SERVER, CLIENT = "10.0.0.1", "10.0.0.2"
PORT = 20049


class Owner:
    """A connection's owner that notes what it is told, and when it receives."""

    def __init__(self, device) -> None:
        self.device = device
        self.log: list[str] = []
        self.error: Exception | None = None
        self.pd = device.create_pd()
        self.cq = device.create_cq(64)
        self.cq.set_handler(self.completed)
        self.connection = None

    def completed(self) -> None:
        for completion in self.cq.poll(64):
            if completion.opcode == 128 and completion.status == 0:
                self.log.append("received")

    def established(self, connection, private_data) -> None:
        self.log.append("established")

    def failed(self, error) -> None:
        self.log.append("failed")
        self.error = error

    def disconnected(self, reason) -> None:
        self.log.append("disconnected")

    def accept(self, request: ConnectionRequest) -> None:
        self.connection = request.prepare(self.pd, self.cq, self.cq, QpOptions())
        self.connection.queue_pair.post_recv(RecvWR(memoryview(bytearray(64))))
        request.accept(ConnectOptions(), self)

    def connect(self, **options) -> None:
        offer = ConnectOptions(**options)
        self.connection = self.device.connect(
            ConnectRequest(SERVER, PORT, self.pd, self.cq, self.cq, self, connect_options=offer)
        )

    def send(self) -> None:
        self.connection.queue_pair.post_send(SendWR(WrOpcode.SEND, [memoryview(b"hello")]))


def two(fabric: SimFabric):
    """A server that accepts everything and a client: (client, servers)."""
    devices = fabric.open_device(SERVER), fabric.open_device(CLIENT)
    servers: list[Owner] = []

    def on_request(request: ConnectionRequest) -> None:
        servers.append(Owner(devices[0]))
        servers[-1].accept(request)

    devices[0].listen("0.0.0.0", PORT, on_request)
    return Owner(devices[1]), servers


def come_and_go(fabric: SimFabric) -> None:
    """Twenty connections, one after the other, each used and closed by one of both ends."""
    client, servers = two(fabric)
    reactor = fabric.reactor
    for index in range(20):
        client.log.clear()
        client.connect(timeout_s=120.0)
        reactor.run_until(lambda: client.log, 200)
        if client.log == ["failed"]:
            continue  # A stale half of an earlier attempt may refuse it once.
        server = servers[-1]
        client.send()
        reactor.run_until(lambda s=server: s.log and s.log[0] in ("established", "failed"), 200)
        if index % 2 and "established" in server.log:
            server.connection.disconnect()
        else:
            client.connection.disconnect()
        reactor.run_until(lambda: "disconnected" in client.log, 200)
        client.connection.close()
    for server in servers:
        # Idle and with every good-bye lost a side learns only when it says something.
        if server.log == ["established"] or server.log == ["established", "received"]:
            server.send()
    reactor.run_until(lambda: all(s.log[-1] in ("disconnected", "failed") for s in servers), 600)
    reactor.run_for(120)
    assert len(client.device.cm) == 0
    assert len(servers[0].device.cm) == 0


@pytest.mark.parametrize("seed", range(20))
def test_connections_come_and_go_on_a_bad_network(seed: int) -> None:
    faults = Faults.swarm(Random(seed))
    name = "test_connections_come_and_go_on_a_bad_network"
    command = f"pytest 'tests/sim/test_cm_sim.py::{name}[{seed}]'"
    simulate(come_and_go, seed, faults=faults, command=command)


def test_one_seed_is_one_history() -> None:
    def run(seed: int):
        log: list[object] = []

        def scenario(fabric: SimFabric) -> None:
            come_and_go(fabric)
            log.extend((fabric.reactor.time(), fabric.carried))

        simulate(scenario, seed, faults=Faults.swarm(Random(3)), command="")
        return log

    assert run(3) == run(3) != run(4)


def test_what_arrives_before_the_rtu_is_told_after_established() -> None:
    """The RTU is lost; the first message takes its place."""
    fabric = SimFabric(SimReactor(), 1)
    client, servers = two(fabric)
    client.connect()
    fabric.reactor.run_until(lambda: servers and servers[0].connection.state.name == "REP_SENT")
    fabric.set_link(CLIENT, SERVER, Faults(loss=1.0))
    fabric.reactor.run_until(lambda: client.log == ["established"])
    fabric.set_link(CLIENT, SERVER, Faults())
    assert servers[0].log == []
    client.send()
    fabric.reactor.run_until(lambda: "received" in servers[0].log, 0.1)
    assert servers[0].log == ["established", "received"]


def test_a_partition_ends_a_connection_and_a_new_one_is_made() -> None:
    fabric = SimFabric(SimReactor(), 5)
    reactor = fabric.reactor
    client, servers = two(fabric)
    client.connect()
    reactor.run_until(lambda: servers and "established" in servers[0].log)
    fabric.partition(CLIENT, SERVER, 300.0)
    start = reactor.time()
    client.send()
    reactor.run_until(lambda: "disconnected" in client.log, 400)
    assert reactor.time() - start < 60
    client.log.clear()
    client.connect(timeout_s=400.0)
    # The retries end before the partition does; then the owner tries again.
    reactor.run_until(lambda: client.log == ["failed"], 400)
    assert isinstance(client.error, TimeoutError)
    reactor.run_for(300)
    client.log.clear()
    client.connect()
    reactor.run_until(lambda: client.log == ["established"])


def test_whoever_is_killed_and_comes_back_says_that_the_connection_is_gone() -> None:
    """Long before the retries are used up, which takes ten seconds."""

    def scenario(fabric: SimFabric) -> None:
        client, servers = two(fabric)
        reactor = fabric.reactor
        client.connect()
        reactor.run_until(lambda: "established" in client.log)
        client.send()
        reactor.run_until(lambda: servers and "received" in servers[-1].log)
        servers[-1].device.kill()
        client.send()
        reactor.run_for(0.5)
        assert client.log == ["established"], "nobody has said anything"
        again = fabric.open_device(SERVER)
        again.listen("0.0.0.0", PORT, lambda request: request.reject())
        began = reactor.time()
        reactor.run_until(lambda: "disconnected" in client.log)
        assert reactor.time() - began < 2

    simulate(scenario, 1, command="")


def test_one_that_is_silent_for_a_while_keeps_its_connection() -> None:
    def scenario(fabric: SimFabric) -> None:
        client, servers = two(fabric)
        reactor = fabric.reactor
        client.connect()
        reactor.run_until(lambda: "established" in client.log and servers[-1].log)
        fabric.partition(SERVER, CLIENT, 3.0)
        client.send()
        reactor.run_until(lambda: servers[-1].log[-1] == "received")
        reactor.run_for(20)
        assert client.log == ["established"]
        assert servers[-1].log == ["established", "received"]

    simulate(scenario, 2, command="")

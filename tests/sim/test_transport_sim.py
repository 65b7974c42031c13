"""The transport over the RoCE engine, on a fabric with faults, in virtual time."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.transport import (
    PORT,
    Item,
    call_message,
    decode_call,
    decode_reply,
    reply_message,
    reply_size,
)

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.rpc.channel import IncomingCall, TransportError
from nfsrdma.rpcrdma.transport import RdmaChannel, TransportOptions, connect_rdma, listen_rdma

CALLS = 24
CLIENT, SERVER = "10.0.0.2", "10.0.0.1"


class World:
    """A client and a server on a fabric, and calls of every shape between them."""

    def __init__(self, fabric: SimFabric) -> None:
        self.fabric = fabric
        self.reactor = fabric.reactor
        self.rng = Random(f"calls {fabric.seed}")
        server, client = fabric.open_device(SERVER), fabric.open_device(CLIENT)
        self.server_device, self.client_device = server, client
        self.results: dict[int, list[Item]] = {}
        self.arguments: dict[int, list[Item]] = {}
        self.executed: list[int] = []
        channels: list[RdmaChannel] = []
        options = TransportOptions(
            max_read_chunks=2,
            max_write_chunks=2,
            reduce_long_calls=self.rng.random() < 0.5,
            max_segment_length=self.rng.choice((8192, 1 << 30)),
            credits=self.rng.choice((1, 4, 64)),
        )
        self.listener = listen_rdma(
            server, self.reactor, SERVER, PORT, self.service, on_channel=channels.append
        )
        connecting = connect_rdma(
            client, self.reactor, SERVER, PORT, options=options, service=self.service
        )
        self.client: RdmaChannel = self.reactor.run_until(connecting)
        self.reactor.run_until(lambda: bool(channels))
        (self.server,) = channels
        self.futures: dict[int, Any] = {}

    def items(self) -> list[Item]:
        sizes = (0, 3, 100, 5000, 70001)
        return [
            (self.rng.random() < 0.6, self.rng.randbytes(self.rng.choice(sizes)))
            for _ in range(self.rng.randrange(4))
        ]

    def service(self, call: IncomingCall) -> None:
        xid, items = decode_call(call.decoder)
        assert items == self.arguments[xid]
        self.executed.append(xid)
        call.reply(reply_message(xid, self.results[xid]))

    def start(self) -> None:
        for xid in range(CALLS):
            results = self.items()
            self.results[xid], self.arguments[xid] = results, self.items()
            sinks = [memoryview(bytearray(len(data))) for eligible, data in results if eligible]
            self.futures[xid] = self.client.call(
                call_message(xid, self.arguments[xid]), max_reply=reply_size(results), sinks=sinks
            )
        for xid in range(1000, 1006):
            self.results[xid] = self.arguments[xid] = [(False, self.rng.randbytes(200))]
            self.futures[xid] = self.server.call(
                call_message(xid, self.arguments[xid]), max_reply=512
            )

    def settled(self) -> bool:
        return all(future.done() for future in self.futures.values())

    def finish(self) -> None:
        self.reactor.run_until(self.settled, 600)
        for xid, future in self.futures.items():
            assert decode_reply(future.result()) == (xid, self.results[xid])
        assert sorted(self.executed) == sorted(self.futures)

    def assert_nothing_left(self) -> None:
        # The last acknowledgements may have been lost.
        self.reactor.run_until(lambda: not self.server.responder.buffered, 600)
        for channel in (self.client, self.server):
            assert len(channel._endpoint.pd) == 0  # type: ignore[arg-type]
            assert channel.requester.window.in_use == 0
            assert channel.responder.grant.in_use == 0
            assert channel.responder.buffered == 0


def exchange(fabric: SimFabric) -> None:
    """Every call is executed once and answered, whatever the fabric does to packets."""
    world = World(fabric)
    world.start()
    world.finish()
    world.assert_nothing_left()
    assert world.client.stats.rdma_reads == 0
    assert world.server.stats.rdma_reads > 0


def test_on_a_good_fabric() -> None:
    exchange(SimFabric(SimReactor(), seed=1))


@pytest.mark.parametrize("seed", range(6))
def test_on_a_bad_fabric(seed: int) -> None:
    rng = Random(seed)
    faults = Faults(
        loss=rng.choice((0.0, 0.02)),
        duplication=rng.choice((0.0, 0.02)),
        reordering=rng.choice((0.0, 0.02)),
        corruption=rng.choice((0.0, 0.01)),
        delay_s=50e-6,
        jitter_s=rng.choice((0.0, 20e-6)),
    )
    command = f"pytest tests/sim/test_transport_sim.py -k 'bad_fabric and {seed}'"
    simulate(exchange, seed, faults=faults, command=command)


@pytest.mark.parametrize("seed", range(6))
def test_lost_in_the_middle(seed: int) -> None:
    """The cable is cut at some moment: every call ends, and nothing is left registered."""

    def scenario(fabric: SimFabric) -> None:
        world = World(fabric)
        reasons: list[str] = []
        world.client.on_close(reasons.append)
        world.server.on_close(reasons.append)
        world.start()
        moment = world.reactor.time() + Random(seed).uniform(0, 5e-4)
        world.reactor.run_until(lambda: world.reactor.time() >= moment or world.client.closed, 1)
        if seed % 3 == 0:
            world.client.close()
        elif seed % 3 == 1:
            world.server.close()
        else:
            # Who waits for an acknowledgement finds out. If nobody does, all calls are answered.
            fabric.partition(CLIENT, SERVER, 10_000)
            world.reactor.run_until(lambda: world.settled() or bool(reasons), 600)
            world.client.close()
            world.server.close()
        world.reactor.run_until(lambda: len(reasons) == 2, 600)
        for xid, future in world.futures.items():
            assert future.done()
            if future.error() is None:
                assert decode_reply(future.result()) == (xid, world.results[xid])
            else:
                assert isinstance(future.error(), TransportError)
        world.assert_nothing_left()
        assert not world.listener.channels

    command = f"pytest tests/sim/test_transport_sim.py -k 'lost_in_the_middle and {seed}'"
    simulate(scenario, seed, command=command)


def test_a_listener_notices_peers_that_lost_their_power() -> None:
    """Who only answers has nothing to send, and would keep the connection for ever."""
    world = World(SimFabric(SimReactor(), seed=3))
    reasons: list[str] = []
    world.server.on_close(reasons.append)
    world.client_device.kill()
    world.reactor.run_for(50)
    assert not reasons
    world.reactor.run_until(lambda: reasons, 120)
    assert "send failed" in reasons[0]
    assert not world.listener.channels
    world.client.close()
    world.client_device.close()
    world.listener.close()
    world.server_device.close()
    world.reactor.run_for(60)
    assert [callback for *_, timer in world.reactor._timers if (callback := timer.callback)] == []


def test_silent_peers_that_live_keep_their_connection() -> None:
    """They are asked for a sign of life, which costs them nothing; who speaks is not asked."""
    world = World(SimFabric(SimReactor(), seed=3))

    def writes() -> int:
        return world.server_device.engine.counters.acks_received

    before = writes()
    world.reactor.run_for(1000)
    assert 10 <= writes() - before <= 17
    assert not world.server.closed
    world.start()
    world.finish()
    before = writes()
    for xid in range(5000, 5020):
        world.results[xid] = world.arguments[xid] = []
        world.reactor.run_until(world.client.call(call_message(xid, []), max_reply=512))
        before = writes()
        world.reactor.run_for(20)
        assert writes() - before <= 1  # of the reply, not of a question

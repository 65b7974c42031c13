"""What RDMA peers make the server hold: calls to be fetched, replies, receive buffers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    Clock,
    getattr_,
    open_,
    open_export,
    putfh,
    read,
    write,
)
from tests.support.nfs_wire import WireSession
from tests.support.transport import Pair, Recorder

from nfsrdma.rpcrdma.budget import Budget
from nfsrdma.rpcrdma.providers.sim import SimDevice, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.roce.engine.responder import Responder
from nfsrdma.rpcrdma.transport import RdmaChannel, TransportOptions, connect_rdma
from nfsrdma.rpcrdma.transport.buffers import FetchBuffers
from nfsrdma.rpcrdma.transport.chunk import Chunk, Segment
from nfsrdma.rpcrdma.transport.header import encode_header
from nfsrdma.rpcrdma.verbs.types import SendWR, WrOpcode
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

MIB = 1 << 20
Deafen = Callable[[RdmaChannel], RdmaChannel]
SERVER, PORT = "10.0.0.1", 20049


class World:
    """A server over RDMA in virtual time, and a client with a session."""

    def __init__(self, options: TransportOptions | None = None, memory: int = 64 * MIB) -> None:
        self.reactor = SimReactor()
        self.fabric = SimFabric(self.reactor, 1)
        self.devices: dict[str, SimDevice] = {}
        config = ServerConfig(memory=memory)
        fs = MemoryFileSystem(Clock())
        self.server = NfsService([open_export("", fs)], self.reactor, Random(1), config=config)
        self.server.listen_rdma(self.device(SERVER), SERVER, PORT, options=options)
        self.budget: Budget = self.server.memory
        self.listener = next(iter(self.server.listeners))
        self.good = WireSession(self.connect("10.0.0.100"), self.reactor.run_until)
        results = self.good.run([PUTROOTFH, open_(b"file", create=t.UNCHECKED4), GETFH])
        self.stateid, self.handle = results[2].stateid, results[3].object
        self.good.run([putfh(self.handle), write(self.stateid, bytes(MIB))])

    def device(self, host: str) -> SimDevice:
        if host not in self.devices:
            self.devices[host] = self.fabric.open_device(host)
        return self.devices[host]

    def connect(self, host: str, options: TransportOptions | None = None) -> RdmaChannel:
        return self.reactor.run_until(
            connect_rdma(self.device(host), self.reactor, SERVER, PORT, options=options)
        )

    def ask_to_fetch(self, channel: RdmaChannel, calls: int, size: int = 4 * MIB) -> None:
        for xid in range(calls):
            chunks = (Chunk((Segment(0x1234, size, 0),), 0),)
            channel._endpoint.send(encode_header(xid, 32, 1, chunks))

    def assert_served(self) -> None:
        """The other client gets an answer within 100 ms, also to what has to be fetched."""
        began = self.reactor.time()
        self.good.run([putfh(self.handle), getattr_(4)])
        self.good.run([putfh(self.handle), write(self.stateid, bytes(200_000))])
        assert self.reactor.time() - began < 0.1


@pytest.fixture
def deafen(monkeypatch: pytest.MonkeyPatch) -> Deafen:
    """Makes a client's end of a connection answer no RDMA READ."""
    deaf: list[Any] = []
    answer = Responder._read

    def read_request(self: Responder, run: Any) -> Any:
        return None if self._qp in deaf else answer(self, run)

    def deafen(channel: RdmaChannel) -> RdmaChannel:
        deaf.append(channel._endpoint.connection.queue_pair)
        return channel

    monkeypatch.setattr(Responder, "_read", read_request)
    return deafen


def test_calls_that_are_never_fetched(deafen: Deafen) -> None:
    world = World(memory=256 * MIB)
    channels = [deafen(world.connect("10.0.0.2")) for _ in range(12)]
    for channel in channels:
        world.ask_to_fetch(channel, 15)
    world.reactor.run_for(0.05)
    assert 64 * MIB <= world.budget.held <= 128 * MIB
    world.assert_served()
    for _ in range(12):
        channels.append(deafen(world.connect("10.0.0.3")))
        world.ask_to_fetch(channels[-1], 15)
    world.reactor.run_for(0.05)
    assert world.budget.held <= 192 * MIB
    world.assert_served()
    world.reactor.run_for(12)
    assert sum(channel.closed for channel in channels) >= 12
    world.assert_served()
    world.reactor.run_for(30)
    assert all(channel.closed for channel in channels)
    world.assert_served()
    assert world.budget.held <= 8 * MIB


def test_one_connection_does_not_hold_up_another_of_its_host(deafen: Deafen) -> None:
    world = World(memory=64 * MIB)
    honest = WireSession(world.connect("10.0.0.2"), world.reactor.run_until, b"honest")
    stuck = [deafen(world.connect("10.0.0.2")) for _ in range(3)]
    for channel in stuck:
        world.ask_to_fetch(channel, 64, MIB)
    world.reactor.run_for(0.05)
    began = world.reactor.time()
    honest.run([putfh(world.handle), write(ANONYMOUS, bytes(200_000))])
    assert world.reactor.time() - began < 0.1


def test_calls_that_wait_for_memory_have_their_turn(deafen: Deafen) -> None:
    world = World(memory=18 * MIB)
    stuck = [deafen(world.connect("10.0.0.2")) for _ in range(10)]
    for channel in stuck:
        world.ask_to_fetch(channel, 20, MIB)
    world.reactor.run_for(0.05)
    slow = WireSession(world.connect("10.0.0.2"), world.reactor.run_until, b"slow")
    slow.run([putfh(world.handle), write(ANONYMOUS, bytes(MIB))])
    assert world.reactor.time() > 4
    assert any(channel.closed for channel in stuck)


def test_replies_that_nobody_takes() -> None:
    """Their octets are charged until the peer has acknowledged them."""
    world = World()
    reader = WireSession(world.connect("10.0.0.2"), world.reactor.run_until, b"reader")
    sink = memoryview(bytearray(MIB))
    held: list[int] = []
    charge = world.budget.account("10.0.0.2")
    for _ in range(3):
        results = reader.run([putfh(world.handle), read(ANONYMOUS, 0, MIB)], sinks=[sink])
        assert len(results[2].data) == MIB
        held.append(charge.held)
    world.reactor.run_for(1)
    assert charge.held == 0
    assert world.server._core.buffers.lent == 0


def test_receive_buffers_are_shared_out() -> None:
    ring = TransportOptions().receive_depth * 65536
    long = {"inline_send": 65536, "inline_receive": 65536}
    options = TransportOptions(**long, max_receive_memory=8 * ring)  # type: ignore[arg-type]
    world = World(options)
    channels = [world.connect("10.0.0.2") for _ in range(12)]
    sizes = [channel.options.inline_receive for channel in world.listener.channels]
    assert sizes.count(65536) == 4
    assert sizes.count(4096) == 9
    world.assert_served()
    for channel in channels:
        channel.close()
    world.reactor.run_for(1)
    again = world.connect("10.0.0.2")
    assert [each.options.inline_receive for each in world.listener.channels] == [65536, 65536]
    assert not again.closed


def test_everything_is_given_back_at_the_end(deafen: Deafen) -> None:
    world = World()
    channel = deafen(world.connect("10.0.0.2"))
    world.ask_to_fetch(channel, 15)
    world.reactor.run_for(0.05)
    channel.close()
    world.good.channel.close()
    world.reactor.run_for(5)
    assert world.budget.held == 0
    assert not world.budget._waiting
    assert not world.budget._accounts


# The pool.


def capacities(sizes: Sequence[int]) -> list[int]:
    account = Budget(1 << 40).account("x")
    pool = FetchBuffers(1 << 40, account)
    taken = []
    for size in sizes:
        before = account.held
        view = pool.acquire(size)
        assert len(view) == size
        taken.append(account.held - before)
    return taken


def test_buffers_are_as_long_as_what_is_asked_for() -> None:
    assert capacities([1, 4097, 65536]) == [4096, 8192, 65536]
    assert capacities([4 * MIB + 60_000]) == [4 * MIB + 65536]


def test_what_is_kept_is_bounded_counted_and_given_back() -> None:
    account = Budget(256 * MIB).account("x")
    pool = FetchBuffers(64 * MIB, account)
    for size in range(65_536, 2 * MIB, 65_536):
        views = [pool.acquire(size) for _ in range(4)]
        for view in views:
            pool.release(view)
    assert pool.lent == 0
    assert account.held <= 32 * MIB
    pool.trim()
    assert account.held > 0  # it was used a moment ago
    pool.trim()
    assert account.held == 0
    late = pool.acquire(MIB)
    pool.close()
    pool.release(late)
    assert account.held == 0


def test_nothing_is_kept_when_memory_is_short() -> None:
    budget = Budget(16 * MIB)
    budget.account("others").charge(10 * MIB)
    account = budget.account("x")
    pool = FetchBuffers(64 * MIB, account)
    pool.release(pool.acquire(MIB))
    assert account.held == 0


def test_a_peer_that_takes_nothing_is_closed_in_the_end() -> None:
    """Where no queue pair fails of itself, as over shared memory."""
    pair = Pair(Recorder(), server=TransportOptions(keepalive_s=10, read_timeout_s=10))
    queue = pair.server._endpoint.send_queue
    pair.server.keep_alive()
    assert not pair.server.closed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair.server_qp, "post_send", lambda request: None)
        queue.post(SendWR(WrOpcode.RDMA_WRITE), lambda: None)
        pair.server.keep_alive()
        queue.post(SendWR(WrOpcode.RDMA_WRITE), lambda: None)
        assert not pair.server.closed
        pair.server.keep_alive()
    assert pair.server.closed
    assert pair.server.fault == "the peer does not take what it is sent"

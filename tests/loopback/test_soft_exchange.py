"""Calls over soft that are answered at once, and waited for: the same comes of them as without."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.support.hosts import loopback
from tests.support.shm_world import Ends, ShmWorld
from tests.support.two_ends import story

from nfsrdma.client import quick
from nfsrdma.client.edge.loop import LoopRunner
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.providers.udp import UdpPort
from nfsrdma.rpcrdma.providers.waiting import Waiting
from nfsrdma.rpcrdma.roce.engine.awaited import Awaited
from nfsrdma.rpcrdma.roce.engine.engine import Engine
from nfsrdma.rpcrdma.task import Reactor
from nfsrdma.rpcrdma.transport.channel import RdmaChannel


class SoftWorld(ShmWorld):
    """The same over packets: the server has its turns while the client waits."""

    def __init__(self, folder: Path, ends: Ends) -> None:
        self.host = loopback(9)
        self._next = 8
        super().__init__(folder, ends)

    def open_device(self, reactor: SelectReactor, folder: Path) -> SoftDevice:
        number, self._next = self._next, self._next + 1
        return SoftDevice(reactor, rng=Random(number), address=loopback(number))


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    """Have exchanges wait for what the server does meanwhile, and count how they end."""
    made = Ends()
    wait, exchange = UdpPort.wait, Engine.exchange

    def waits(self: UdpPort, looking_s: float, sleeping_s: float) -> bool:
        if made.meanwhile is not None:
            made.meanwhile()
        return wait(self, 0.0, 0.01)

    def counted(self: Engine, post: Callable[[], None], awaited: Awaited) -> bool:
        done = exchange(self, post, awaited)
        made.counts["declined" if not done else "taken" if awaited.answer else "left"] += 1
        return done

    monkeypatch.setattr(UdpPort, "wait", waits)
    monkeypatch.setattr(Engine, "exchange", counted)
    monkeypatch.setattr(quick, "_STRETCH_S", 1e9)
    monkeypatch.setattr("nfsrdma.rpcrdma.providers.waiting._IN_ALL_S", 60.0)
    return made


def test_the_same_comes_of_it(tmp_path: Path, ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    with_both = story(lambda: SoftWorld(tmp_path / "both", ends))
    assert ends.counts["taken"] > 100
    assert ends.counts["left"] < 5
    with monkeypatch.context() as without:
        without.setattr(RdmaChannel, "_on_prompt", lambda *_: False)
        not_prompt = story(lambda: SoftWorld(tmp_path / "not prompt", ends))
    with monkeypatch.context() as without:
        without.setattr(Waiting, "pays", lambda _: False)
        taken = ends.counts["taken"]
        not_waiting = story(lambda: SoftWorld(tmp_path / "not waiting", ends))
        assert ends.counts["taken"] == taken
    for what, value in with_both.items():
        assert value == not_prompt[what], what
        assert value == not_waiting[what], what


def test_a_server_that_is_slow_is_waited_for(tmp_path: Path, ends: Ends) -> None:
    world = SoftWorld(tmp_path / "slow", ends)
    try:
        file = world.run(world.client.open("file", "w+b"))
        data = memoryview(bytes(range(256)) * 40)
        world.run(file.write_at(0, data))
        ends.meanwhile = None
        for _ in range(8):
            into = memoryview(bytearray(10_240))
            assert world.run(file.read_at(0, into)) == 10_240
            assert into == data
        assert ends.counts["left"]
        slots = world.client.session.slots
        assert slots is not None
        assert slots.busy == 0
    finally:
        world.close()


def test_a_loop_that_is_not_ours_is_not_held_for_long() -> None:
    """As that of asyncio, of which others are served as well."""

    def longest(reactor: Reactor) -> float:
        device = SoftDevice(reactor, rng=Random(1), address=loopback(10))
        try:
            waiting = device.engine.wait
            assert isinstance(waiting, Waiting)
            slept: list[float] = []
            now = 0.0

            def receive(looking_s: float, sleeping_s: float) -> bool:
                nonlocal now
                slept.append(looking_s + sleeping_s)
                now += slept[-1]
                return now < 1  # something comes, and never what is waited for

            waiting._receive, waiting._time = receive, lambda: now
            waiting(Awaited(b"", b"", 0, memoryview(b""), None))
            return now
        finally:
            device.close()

    async def with_asyncio() -> float:
        return longest(LoopRunner().reactor)

    assert asyncio.run(with_asyncio()) < 0.003
    assert 0.008 <= longest(SelectReactor()) < 0.012


@pytest.mark.parametrize("native", [True, False])
def test_a_port_waits_for_what_comes(native: bool) -> None:
    reactor = SelectReactor()
    device = SoftDevice(reactor, rng=Random(1), address=loopback(10))
    try:
        (port,) = device._ports
        udp = port._udp  # type: ignore[union-attr]
        assert udp is not None
        udp._native = udp._native and native
        came: list[bytes] = []
        udp._on_receive = lambda view, *_: came.append(bytes(view))
        assert not udp.wait(0.001, 0.001)
        udp._socket.sendto(b"some octets", udp.address)
        assert udp.wait(0.0, 1.0)
        udp._socket.sendto(b"others", udp.address)
        assert udp.wait(1.0, 1.0)
        assert b"".join(came) == b"some octetsothers"
        assert not udp.wait(0.0, 0.0)
    finally:
        device.close()
        reactor.close()

"""The simulator itself: its clock, its faults, its promise that a seed is a history."""

from __future__ import annotations

import logging
import math
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from tests.conformance.harness import ProviderHarness, pair

from nfsrdma.rpcrdma.providers.driver import EngineDriver
from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.roce.packets.burst import Burst
from nfsrdma.rpcrdma.task import Future, Task, sleep


def test_callbacks_run_in_the_order_of_time_then_of_request():
    reactor = SimReactor(start=5.0)
    log: list[object] = []
    reactor.call_at(7.0, log.append, "late")
    reactor.call_at(6.0, log.append, "first")
    reactor.call_at(6.0, log.append, "second")
    reactor.call_at(1.0, log.append, "past")
    reactor.call_soon(log.append, "soon")
    reactor.call_at(6.5, log.append, "never").cancel()
    reactor.run_for(1.5)
    assert log == ["soon", "past", "first", "second"]
    assert reactor.time() == 6.5
    reactor.run_for(10)
    assert log[-1] == "late"
    assert reactor.time() == 16.5


def test_run_until():
    reactor = SimReactor()
    future: Future[int] = Future()
    reactor.call_at(3.0, future.set_result, 42)
    assert reactor.run_until(future) == 42
    assert reactor.time() == 3.0
    assert reactor.run_until(lambda: "truth") == "truth"
    with pytest.raises(TimeoutError, match="nothing is left"):
        reactor.run_until(lambda: False)
    reactor.call_at(1000.0, lambda: None)
    with pytest.raises(TimeoutError, match="not within"):
        reactor.run_until(lambda: False, limit_s=60)
    assert reactor.time() == 63.0
    failed: Future[int] = Future()
    reactor.call_soon(failed.set_error, KeyError("x"))
    with pytest.raises(KeyError):
        reactor.run_until(failed)


def test_tasks_sleep_through_a_week():
    reactor = SimReactor()
    task = Task(sleep(reactor, 7 * 86400.0))
    reactor.run_until(task, limit_s=math.inf)
    assert reactor.time() == 7 * 86400.0


def test_there_are_no_files():
    reactor = SimReactor()
    for watch in (reactor.add_reader, reactor.add_writer):
        with pytest.raises(OSError):
            watch(0, print)
    reactor.remove_reader(0)
    reactor.remove_writer(0)


class Listener:
    """Takes the place of a device and notes what arrives."""

    def __init__(self, fabric: SimFabric, address: str) -> None:
        self.address = address
        self.reactor = fabric.reactor
        self.log: list[tuple[float, bytes, tuple[int, ...]]] = []
        fabric._devices[address] = self  # type: ignore[assignment]

    def arrive(self, data, size, source, destination, idents):
        for index, ident in enumerate(idents):
            packet = bytes(data[index * size : (index + 1) * size])
            self.log.append((self.reactor.time(), packet, ident))


ENDS = (("10.0.0.1", 4791), ("10.0.0.2", 4791))


def carry(faults: Faults, count: int = 2000, seed: int = 1):
    """Send ``count`` numbered packets in bursts of 4; what arrived."""
    fabric = SimFabric(SimReactor(), seed, faults)
    listener = Listener(fabric, "10.0.0.2")
    for start in range(0, count, 4):
        data = b"".join(number.to_bytes(4, "big") for number in range(start, start + 4))
        fabric.transmit(Burst(*ENDS, 4, 4, [data]))
        fabric.reactor.run_for(0.001)
    fabric.reactor.run_for(10)
    assert fabric.carried == len(listener.log)
    return [int.from_bytes(packet, "big") for _, packet, _ in listener.log], listener.log


def test_a_clean_link():
    numbers, log = carry(Faults())
    assert numbers == list(range(2000))
    assert [ident for *_, ident in log] == [0, 1, 2, 3] * 500


@pytest.mark.parametrize("seed", [1, 2])
def test_each_fault_does_what_it_says(seed):
    lost, _ = carry(Faults(loss=0.1), seed=seed)
    assert 1700 < len(lost) < 1900
    assert lost == sorted(set(lost))
    twice, _ = carry(Faults(duplication=0.1), seed=seed)
    assert 2100 < len(twice) < 2300
    assert set(twice) == set(range(2000))
    disordered, _ = carry(Faults(reordering=0.1), seed=seed)
    assert sorted(disordered) == list(range(2000)) != disordered
    damaged, _ = carry(Faults(corruption=0.1), seed=seed)
    assert len(damaged) == 2000
    assert 100 < sum(a != b for a, b in zip(damaged, range(2000), strict=True)) < 300
    jittery, log = carry(Faults(delay_s=1e-4, jitter_s=5e-4), seed=seed)
    assert sorted(jittery) == list(range(2000)) != jittery
    delays = {round(when % 0.001, 7) for when, *_ in log}
    assert len(delays) > 500
    parted, _ = carry(Faults(partition=0.01, partition_s=0.1), seed=seed)
    gaps = [b - a for a, b in pairwise(parted)]
    assert max(gaps) > 40  # Whole stretches are missing.


def test_the_same_seed_carries_the_same():
    faults = Faults.swarm(Random(5))
    assert carry(faults, seed=9) == carry(faults, seed=9)
    assert carry(faults, seed=9) != carry(faults, seed=10)


def test_a_swarm_leaves_some_faults_out():
    swarm = [Faults.swarm(Random(seed)) for seed in range(200)]
    for name in ("loss", "duplication", "reordering", "corruption", "partition"):
        off = sum(getattr(faults, name) == 0.0 for faults in swarm)
        assert 60 < off < 140
    assert any(faults.jitter_s for faults in swarm)
    assert any(not faults.jitter_s for faults in swarm)
    assert any(faults.harmless for faults in swarm)


def test_links_and_partitions():
    fabric = SimFabric(SimReactor(), 1)
    there, back = Listener(fabric, "10.0.0.2"), Listener(fabric, "10.0.0.1")
    forth, home = Burst(*ENDS, 4, 1, [b"ping"]), Burst(*ENDS[::-1], 4, 1, [b"pong"])
    fabric.set_link("10.0.0.1", "10.0.0.2", Faults(loss=1.0))
    fabric.transmit(forth)
    fabric.transmit(home)
    fabric.reactor.run_for(1)
    assert (len(there.log), len(back.log)) == (0, 1)
    fabric.partition("10.0.0.2", "10.0.0.1", 5.0)
    fabric.transmit(home)
    fabric.reactor.run_for(6)
    assert len(back.log) == 1
    fabric.transmit(home)
    fabric.transmit(Burst(ENDS[0], ("10.0.0.99", 4791), 4, 1, [b"lost"]))
    fabric.reactor.run_for(1)
    assert len(back.log) == 2


def test_an_address_is_taken_once():
    fabric = SimFabric(SimReactor(), 1)
    first = fabric.open_device("10.0.0.1")
    with pytest.raises(OSError, match="taken"):
        fabric.open_device("10.0.0.1")
    first.close()
    first.close()
    second = fabric.open_device("10.0.0.1")
    assert second.cm.guid != first.cm.guid


def test_a_device_without_power_is_neither_heard_nor_told():
    fabric = SimFabric(SimReactor(), 1)
    a, b = fabric.open_device("10.0.0.1"), fabric.open_device("10.0.0.2")
    harness = ProviderHarness(
        "sim", fabric.reactor, a, b, "10.0.0.1", None, fabric.reactor.run_until, []
    )
    pair(harness)
    carried = fabric.carried
    b.kill()
    again = fabric.open_device("10.0.0.2")
    b.close()
    fabric.reactor.run_for(60)
    assert fabric.carried == carried
    assert fabric._devices["10.0.0.2"] is again


def test_a_failing_scenario_says_how_to_see_it_again():
    def scenario(fabric: SimFabric) -> None:
        a, b = fabric.open_device("10.0.0.1"), fabric.open_device("10.0.0.2")
        turn = fabric.reactor.run_until
        pair(ProviderHarness("sim", fabric.reactor, a, b, "10.0.0.1", None, turn, []))
        raise AssertionError("as intended")

    faults = Faults(duplication=0.5)
    with pytest.raises(AssertionError) as raised:
        simulate(scenario, 4711, faults=faults, command="pytest this")
    notes = raised.value.__notes__
    assert notes[0] == "replayed: AssertionError('as intended')"
    assert notes[-1] == "replay:  pytest this"
    path = Path(notes[2].split()[1])
    data = path.read_bytes()
    path.unlink()
    assert b"duplicated" in data
    assert len(data) > 1000


class FakeEngine:
    """Gives a fixed number of bursts."""

    def __init__(self, bursts: int) -> None:
        self.left = bursts
        self.on_ready = None
        self.due: float | None = None
        self.timeouts: list[float] = []

    def deliver(self) -> None:
        pass

    def poll_transmit(self, now: float):
        if not self.left:
            return None
        self.left -= 1
        return self.left

    def next_timeout(self):
        return self.due

    def handle_timeout(self, now: float) -> None:
        self.timeouts.append(now)
        self.due = None


def test_a_turn_is_bounded_and_continues():
    reactor, engine, sent = SimReactor(), FakeEngine(100), []
    driver = EngineDriver(engine, reactor, lambda burst: sent.append(burst) or True)
    driver.turn()
    assert len(sent) == 32
    reactor.run_until(lambda: len(sent) == 100)
    engine.on_ready()
    engine.on_ready()
    assert len(reactor._ready) == 1
    reactor.run_for(0)


def test_a_blocked_carrier_is_offered_the_same_burst_again():
    reactor, engine = SimReactor(), FakeEngine(5)
    sent: list[int] = []
    room = 2

    def send(burst: int) -> bool:
        nonlocal room
        if room == 0:
            return False
        room -= 1
        sent.append(burst)
        return True

    driver = EngineDriver(engine, reactor, send)
    driver.turn()
    driver.turn()
    assert sent == [4, 3]
    driver.writable()
    assert sent == [4, 3]
    room = 9
    driver.writable()
    assert sent == [4, 3, 2, 1, 0]


def test_timers_follow_the_engine():
    reactor, engine = SimReactor(), FakeEngine(0)
    driver = EngineDriver(engine, reactor, lambda burst: True)
    engine.due = 5.0
    driver.turn()
    engine.due = 2.0
    driver.turn()
    engine.due = 3.0  # Later than the timer that runs: it comes early and is set again.
    driver.turn()
    reactor.run_for(10)
    assert engine.timeouts == [3.0]
    engine.due = 20.0
    driver.turn()
    driver.close()
    driver.close()
    driver.turn()
    reactor.run_for(30)
    assert engine.timeouts == [3.0]


def test_what_is_overdue_waits_for_the_next_look_at_the_input():
    reactor, engine = SimReactor(), FakeEngine(0)
    driver = EngineDriver(engine, reactor, lambda burst: True)
    engine.due = reactor.time() - 1.0
    driver.turn()
    assert engine.timeouts == []
    reactor.run_for(0)
    assert len(engine.timeouts) == 1


def test_closing_does_what_is_due():
    reactor, engine = SimReactor(), FakeEngine(0)
    driver = EngineDriver(engine, reactor, lambda burst: True)
    engine.due = 0.0
    driver.close()
    assert len(engine.timeouts) == 1


def test_closing_sends_what_there_is():
    reactor, engine, sent = SimReactor(), FakeEngine(100), []
    EngineDriver(engine, reactor, lambda burst: sent.append(burst) or True).close()
    assert len(sent) == 100
    stuck = EngineDriver(FakeEngine(40), reactor, lambda burst: False)
    stuck.close()
    reactor.run_for(1)


def test_a_failure_that_was_caught_fails_the_seed() -> None:
    def scenario(fabric: SimFabric) -> None:
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logging.getLogger("nfsrdma.somewhere").exception("never mind")

    with pytest.raises(AssertionError, match="a failure was logged") as raised:
        simulate(scenario, 1, command="")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)

"""Requests to connect that nobody means: others get in at once, and no stranger is made a victim.

A datagram's source address can be made up. So what one leaves behind has a bound for each address
and one for all, and what is said to strangers is little more than what they (seem to) have said.
"""

from __future__ import annotations

from collections import Counter

import pytest
from tests.support.cm import COMM_ID, PORT, THEM, US, Handler, World, request

from nfsrdma.rpcrdma.providers.sim import SimDevice, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.roce.cm import backlog, manager
from nfsrdma.rpcrdma.roce.cm.backlog import MAX_HALF_OPEN, MAX_HALF_OPEN_EACH, PRESSED, Quota
from nfsrdma.rpcrdma.roce.cm.manager import ROCE_PORT
from nfsrdma.rpcrdma.roce.cm.states import HALF_OPEN, State
from nfsrdma.rpcrdma.roce.wire.cm_messages import Dreq, RdmaCmHeader, Rej, Rep, Req, Rtu, gid_of
from nfsrdma.rpcrdma.roce.wire.mad import encode_mad
from nfsrdma.rpcrdma.transport import connect_rdma, listen_rdma
from nfsrdma.rpcrdma.verbs.types import ConnectOptions

SERVER = "10.0.0.1"


def asks(source: str, number: int, to: str = US, **fields: object) -> Req:
    """The n-th request of an address."""
    header = RdmaCmHeader(source, 1024 + number % 60000, to).encode()
    identity = {"local_comm_id": number + 1, "local_qpn": 2 + number, "private_data": header}
    return request(**identity | {"local_gid": gid_of(source)} | fields)


def made_up(number: int) -> str:
    """An address that nobody has."""
    return f"172.16.{number >> 8 & 255}.{number & 255}"


def listening(*, accept: bool = True) -> World:
    world = World()

    def on_request(incoming: object) -> None:
        world.requests.append(incoming)
        if accept:
            connection = incoming.prepare(*world.objects(), None)  # type: ignore[attr-defined]
            assert connection is not None
            incoming.accept(ConnectOptions(), Handler())  # type: ignore[attr-defined]

    world.cm.listen("0.0.0.0", PORT, on_request)
    return world


# -- who has to go ---------------------------------------------------------------------------------


def half_open(world: World) -> Counter[str]:
    return Counter(one.remote_port[0] for one in world.cm._ids.values() if one.state in HALF_OPEN)


def test_half_open_connections_of_one_address_push_out_their_own() -> None:
    world = listening(accept=False)
    world.receive(request())
    for number in range(100):
        world.receive(asks("10.0.0.9", number), source="10.0.0.9")
        world.now += 0.001
    assert half_open(world) == {THEM: 1, "10.0.0.9": MAX_HALF_OPEN_EACH}
    assert len(world.requests) == 101
    assert world.cm.counters["half-open given up"] == 100 - MAX_HALF_OPEN_EACH
    ids = {one.remote_comm_id for one in world.cm._ids.values()}
    assert {number + 1 for number in range(100 - MAX_HALF_OPEN_EACH, 100)} | {COMM_ID} == ids


def test_a_network_of_64_bits_counts_as_one_address() -> None:
    world = World()
    world.cm.listen("::", PORT, world.requests.append)
    ours = "2001:db8:1::1"
    for number in range(300):
        source = f"2001:db8::{number + 1:x}"
        world.receive(asks(source, number, ours), source=source, destination=ours)
        world.now += 0.001
    assert sum(half_open(world).values()) == MAX_HALF_OPEN_EACH


def test_who_had_no_time_to_confirm_stays_and_who_comes_then_asks_again() -> None:
    """A hundred connections of one host at once are no attack."""
    world = listening(accept=False)
    for number in range(100):
        world.receive(asks(THEM, number))
    assert len(world.requests) == MAX_HALF_OPEN_EACH
    assert world.cm.counters["too many requests"] == 100 - MAX_HALF_OPEN_EACH
    world.now += 2 * backlog.ROUND_TRIP_S
    world.receive(asks(THEM, 99))
    assert len(world.requests) == MAX_HALF_OPEN_EACH + 1


def test_the_oldest_of_the_address_that_has_most_goes_first() -> None:
    world = listening(accept=False)
    for number in range(3):
        world.receive(asks("10.0.0.9", number), source="10.0.0.9")
    for number in range(MAX_HALF_OPEN * 2):
        world.receive(asks(made_up(number), number), source=made_up(number))
        world.now += 0.001
    counts = half_open(world)
    assert sum(counts.values()) == MAX_HALF_OPEN
    assert counts == {made_up(MAX_HALF_OPEN * 2 - 1 - n): 1 for n in range(MAX_HALF_OPEN)}


def test_whoever_is_crowded_out_is_told_nothing_and_its_owner_everything() -> None:
    world = listening(accept=False)
    handlers = []
    for number in range(MAX_HALF_OPEN_EACH + 2):
        world.receive(asks(THEM, number))
        world.now += 0.001
        handlers.append(Handler())
        if number != 1:
            world.accept(handlers[-1])
    assert [type(message) for message in world.sent()] == [Rep] * (MAX_HALF_OPEN_EACH + 1)
    assert handlers[0].names() == ["failed"]
    world.accept(handlers[1], 1)  # too late: it has gone as well
    assert handlers[1].names() == ["failed"]
    assert all(handler.told == [] for handler in handlers[2:])
    assert len(world.cm) == MAX_HALF_OPEN_EACH


def test_patience_is_short_under_pressure() -> None:
    world = listening()
    for number in range(PRESSED + 1):
        world.receive(asks(made_up(number), number), source=made_up(number))
        world.turn()
    world.now += backlog.PRESSED_PATIENCE_S + 0.1
    world.receive(request())  # nobody else has asked: the oldest goes all the same
    assert made_up(0) not in half_open(world)
    world.turn()
    world.sent()
    log = world.advance(100.0)
    assert Counter(type(message) for _, message in log if message.remote_comm_id == COMM_ID) == {
        Rep: 1,
        Rej: 1,
    }
    assert len(world.cm) == 0


# -- what strangers are told -----------------------------------------------------------------------


def test_a_request_that_nobody_confirms_has_few_answers() -> None:
    world = listening()
    world.receive(request())
    world.turn()
    assert len(world.advance(1000.0)) + len(world.sent()) <= 6
    assert len(world.cm) == 0


@pytest.mark.parametrize("pause", [0.0001, 0.01, 0.1])
def test_a_victim_hears_little_more_than_was_said_in_its_name(pause: float) -> None:
    world = listening()
    said = 0
    for number in range(1000):
        world.receive(asks(THEM, number))
        said += sum(isinstance(message, Rep) for message in world.sent())
        said += len(world.advance(pause))
    said += len(world.advance(1000.0))
    assert said <= 3.5 * 1000
    assert len(world.cm) == 0


def test_refusals_have_a_rate_for_each_address() -> None:
    world = listening()
    for number in range(1000):
        world.receive(asks("10.0.0.9", number, service_id=1), source="10.0.0.9")
    assert 10 < len(world.sent()) < 100
    assert sum(world.cm.counters[why] for why in ("unanswered", "too many requests")) > 900
    world.receive(request(service_id=1))
    assert [type(message) for message in world.sent()] == [Rej], "others are answered"
    world.now += 10
    world.receive(asks("10.0.0.9", 1, service_id=1), source="10.0.0.9")
    assert len(world.sent()) == 1


def test_refusals_have_a_rate_together() -> None:
    world = listening()
    for number in range(6000):
        world.receive(asks(made_up(number), number, service_id=1), source=made_up(number))
    assert len(world.sent()) < 4000


@pytest.mark.parametrize("kind", ["good-bye", "answer", "again"])
def test_other_answers_have_it_too(kind: str) -> None:
    world = listening()
    world.receive(request())
    world.turn()
    world.sent()
    for number in range(1000):
        if kind == "good-bye":
            world.receive(Dreq(local_comm_id=number, remote_comm_id=9, remote_qpn=3))
        elif kind == "answer":
            unknown = {"local_comm_id": number, "remote_comm_id": 9}
            world.receive(Rep(**unknown, local_qpn=3, starting_psn=1, local_ca_guid=2))
        else:
            world.receive(request())
    assert 0 < len(world.sent()) < 100


def test_a_quota() -> None:
    quota = Quota(2.0, 3)
    assert [quota.take("a", 0.0) for _ in range(4)] == [True, True, True, False]
    assert quota.take("b", 0.0)
    assert [quota.take("a", 1.0) for _ in range(3)] == [True, True, False]
    for number in range(5000):
        quota.take(str(number), 2.0)
    assert len(quota._levels) <= 1024


# -- a server under fire ---------------------------------------------------------------------------


def serve(fabric: SimFabric) -> None:
    device = fabric.open_device(SERVER)
    listen_rdma(device, fabric.reactor, SERVER, PORT, lambda *_: None)


class Flood:
    """So many requests a second, from so many addresses in turn."""

    def __init__(self, fabric: SimFabric, addresses: int, rate: float) -> None:
        self.reactor = fabric.reactor
        self.device = fabric._devices[SERVER]
        self.addresses = addresses
        self.rate = rate
        self.number = 0
        self.most = 0
        self._next()

    def _next(self) -> None:
        self.number += 1
        source = made_up(self.number % self.addresses)
        mad = encode_mad(Req.ATTRIBUTE, self.number, asks(source, self.number, SERVER).encode())
        now, here = self.reactor.time(), (SERVER, ROCE_PORT)
        self.device.cm.handle_mad(memoryview(mad), (source, ROCE_PORT), here, now)
        self.device.driver.turn()
        self.most = max(self.most, len(self.device.cm), len(self.device.engine._qps))
        self.reactor.call_at(now + 1 / self.rate, self._next)


def time_to_connect(fabric: SimFabric, device: SimDevice) -> float:
    """Virtual seconds; and the connection works."""
    reactor = fabric.reactor
    before = reactor.time()
    channel = reactor.run_until(connect_rdma(device, reactor, SERVER, PORT), limit_s=10)
    taken = reactor.time() - before
    reactor.run_for(0.2)
    assert not channel.closed
    channel.close()
    return taken


@pytest.mark.parametrize(("addresses", "rate"), [(1, 100), (1, 2000), (3, 2000), (60_000, 500)])
def test_others_connect_at_once_during_a_flood(addresses: int, rate: int) -> None:
    fabric = SimFabric(SimReactor(), addresses)
    serve(fabric)
    flood = Flood(fabric, addresses, rate)
    fabric.reactor.run_for(1.0)
    for client in range(5):
        assert time_to_connect(fabric, fabric.open_device(f"10.0.0.{client + 2}")) < 0.1
    assert flood.most <= MAX_HALF_OPEN + 10


def test_a_flood_that_is_too_much_stops_no_address_that_has_been_there_before() -> None:
    """A newcomer is one among thousands that are not; asking again is what he can do."""
    fabric = SimFabric(SimReactor(), 1)
    serve(fabric)
    known, new = fabric.open_device("10.0.0.2"), fabric.open_device("10.0.0.3")
    time_to_connect(fabric, known)
    flood = Flood(fabric, 60_000, 4000)
    fabric.reactor.run_for(1.0)
    assert flood.device.cm.counters["too many requests"] > 500
    assert time_to_connect(fabric, known) < 0.1
    assert time_to_connect(fabric, new) < 9.0
    assert flood.most <= MAX_HALF_OPEN + 10


def test_known_addresses_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "MAX_KNOWN", 3)
    world = listening()
    for number in range(5):
        world.receive(asks(made_up(number), number), source=made_up(number))
        world.turn()
        rep = world.sent()[-1]
        ids = {"local_comm_id": rep.remote_comm_id, "remote_comm_id": rep.local_comm_id}
        world.receive(Rtu(**ids), source=made_up(number))
    assert world.cm._known == {made_up(number): True for number in (2, 3, 4)}


def test_who_leaves_requests_unconfirmed_has_less_to_ask_for() -> None:
    """So a flood from a thousand addresses stops no address that is not among them."""
    world = listening()
    for number in range(5000):
        source = made_up(number % 1000)
        world.receive(asks(source, number), source=source)
        world.turn()
        world.now += 0.0005
    assert world.cm.counters["too many requests"] > 2000
    before = len(world.requests)
    world.receive(request())
    assert len(world.requests) == before + 1


def test_an_rtu_that_never_comes_leaves_nothing() -> None:
    """And who confirms what was crowded out is told at once that there is nothing."""
    world = listening()
    for number in range(MAX_HALF_OPEN_EACH + 1):
        world.receive(asks(THEM, number))
        world.now += 0.001
        world.turn()
    first = next(message for message in world.sent() if isinstance(message, Rep))
    world.receive(Rtu(local_comm_id=first.remote_comm_id, remote_comm_id=first.local_comm_id))
    (rej,) = world.sent()
    assert isinstance(rej, Rej)
    assert (rej.local_comm_id, rej.remote_comm_id) == (first.local_comm_id, first.remote_comm_id)
    assert {one.state for one in world.cm._ids.values()} == {State.REP_SENT}
    world.advance(100.0)
    assert len(world.cm) == 0

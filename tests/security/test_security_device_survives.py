"""A device's timers and its reading go on, whatever one connection's owner or the host does."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest
from tests.support.cm import PORT, Handler, World, request
from tests.support.roce import Peer

from nfsrdma.rpcrdma.providers.driver import EngineDriver
from nfsrdma.rpcrdma.providers.sim import Faults, SimDevice, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.roce.wire.cm_messages import Rej, RejectReason
from nfsrdma.rpcrdma.roce.wire.headers import Aeth
from nfsrdma.rpcrdma.verbs.interfaces import Connection, ConnectionRequest, ConnectRequest
from nfsrdma.rpcrdma.verbs.types import ConnectOptions, QpOptions, RecvWR, SendWR, WrOpcode

SERVER, CLIENT = "10.0.0.1", "10.0.0.2"


class Broken(Exception):
    """What the owner of one connection raises, all the time."""


class Owner:
    """Sends, receives and counts; or raises at one kind of event."""

    def __init__(self, device: SimDevice, breaks_at: str = "") -> None:
        self.device = device
        self.breaks_at = breaks_at
        self.received = 0
        self.up = False
        self.over = False
        self.pd, self.cq = device.create_pd(), device.create_cq(256)
        self.cq.set_handler(self.completed)
        self.connection: Connection

    def _may_break(self, what: str) -> None:
        if what == self.breaks_at:
            raise Broken(what)

    def completed(self) -> None:
        self.received += sum(wc.opcode == 128 and not wc.status for wc in self.cq.poll(256))
        self._may_break("completed")

    def established(self, connection: Connection, private_data: bytes) -> None:
        self.up = True
        self._may_break("established")

    def failed(self, error: Exception) -> None:
        self.over = True
        self._may_break("failed")

    def disconnected(self, reason: str) -> None:
        self.over = True
        self._may_break("disconnected")

    def accept(self, incoming: ConnectionRequest) -> None:
        self._may_break("request")
        self.connection = incoming.prepare(self.pd, self.cq, self.cq, QpOptions())
        for _ in range(60):
            self.connection.queue_pair.post_recv(RecvWR(memoryview(bytearray(64))))
        incoming.accept(ConnectOptions(), self)

    def connect(self) -> None:
        options = QpOptions(), ConnectOptions(timeout_s=5.0)
        self.connection = self.device.connect(
            ConnectRequest(SERVER, PORT, self.pd, self.cq, self.cq, self, *options)
        )


class Two:
    """Two connections to a server, where the first one's owner is broken."""

    def __init__(self, breaks_at: str) -> None:
        self.fabric = SimFabric(SimReactor(), 3, Faults(loss=0.05, delay_s=1e-4))
        self.reactor = self.fabric.reactor
        self.server, self.client = (self.fabric.open_device(a) for a in (SERVER, CLIENT))
        self.owners: list[Owner] = []
        self.raised: list[str] = []
        self.breaks_at = breaks_at
        self.server.listen("0.0.0.0", PORT, self._asked)
        self.callers = [Owner(self.client), Owner(self.client)]
        for caller in self.callers:
            caller.connect()
            self.turn(lambda caller=caller: caller.up or caller.over)

    def _asked(self, incoming: ConnectionRequest) -> None:
        self.owners.append(Owner(self.server, "" if self.owners else self.breaks_at))
        self.owners[-1].accept(incoming)

    def turn(self, until: Callable[[], bool], limit_s: float = 60.0) -> None:
        """As a real reactor would: what a callback raises is noted, and it goes on."""
        while True:
            try:
                self.reactor.run_until(until, limit_s)
                return
            except Broken as error:
                self.raised.append(str(error))
                assert len(self.raised) < 1000


@pytest.mark.parametrize(
    "breaks_at", ["request", "established", "completed", "disconnected", "failed"]
)
def test_what_one_owner_raises_is_its_own_affair(breaks_at: str) -> None:
    """On a lossy link, so that nothing would come through if the timers stopped."""
    two = Two(breaks_at)
    broken, sound = two.callers
    for _ in range(50):
        for caller in two.callers:
            if caller.up and not caller.over:
                caller.connection.queue_pair.post_send(
                    SendWR(WrOpcode.SEND, [memoryview(b"x")], signaled=False)
                )
    two.turn(lambda: two.owners[-1].received == 50)
    broken.connection.close()
    two.turn(lambda: len(two.server.cm) <= 1)
    assert sound.up
    assert not sound.over
    assert two.raised or breaks_at == "failed"
    sound.connection.close()
    two.turn(lambda: two.owners[-1].over)
    two.turn(lambda: not len(two.server.cm) and not len(two.client.cm))


def test_a_listener_that_raises_refuses() -> None:
    world = World()

    def broken(_: object) -> None:
        raise Broken

    world.cm.listen("0.0.0.0", PORT, broken)
    with pytest.raises(Broken):
        world.receive(request())
    world.turn()
    (rej,) = world.sent()
    assert isinstance(rej, Rej)
    assert rej.reason == RejectReason.CONSUMER_REJECT


def test_one_handler_of_many_that_raises_when_time_is_up() -> None:
    world = World()
    handlers = []
    for number in range(3):
        handlers.append(Handler())
        if number == 1:
            handlers[1].failed = lambda error: (_ for _ in ()).throw(Broken())  # type: ignore[method-assign]
        world.connect(handlers[-1], timeout_s=1.0)
    world.now += 500.0
    for _ in range(20):
        try:
            world.turn()
        except Broken:
            world.now += 1.0
    assert [handler.names() for handler in handlers] == [["failed"], [], ["failed"]]
    assert len(world.cm) == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS])
def test_a_host_that_has_too_little_says_so(number: int) -> None:
    world = World()
    world.listen()

    def no_route(host: str, local: str | None = None) -> None:
        raise OSError(number, "no")

    world.cm.route = no_route  # type: ignore[assignment]
    world.receive(request())
    (rej,) = world.sent()
    assert isinstance(rej, Rej)
    assert rej.reason == RejectReason.NO_RESOURCES


def test_what_has_arrived_is_not_called_overdue() -> None:
    """A process that did not run for a while first reads what came meanwhile."""
    reactor = SimReactor()
    peer = Peer()
    engine = peer.end.engine
    sent = []

    def look() -> None:
        peer.now = reactor.time()
        peer.inject(peer.octets(peer.packet("ACKNOWLEDGE", 100, Aeth(0x1F, 1))))

    driver = EngineDriver(engine, reactor, lambda burst: not sent.append(burst), look)
    peer.qp.post_send(SendWR(WrOpcode.SEND, [memoryview(b"x")]))
    driver.turn()
    reactor.run_for(5.0)
    assert len(sent) == 1
    assert peer.qp.counters.timeouts == 0
    assert len(peer.end.sent()) == 1

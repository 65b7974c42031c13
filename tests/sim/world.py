"""One simulated world: the real server, real clients, the fabric between them, and its checks.

A world is made for a plan, runs until every worker has done its work and everything was closed,
and raises ``AssertionError`` if anything was not as it should be, at any time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from tests.support.memory_guard import Watch

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.routes import Way
from nfsrdma.rpcrdma.io.lanes import lanes_wanted
from nfsrdma.rpcrdma.providers.sim import SimDevice, SimFabric
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, IncomingCall, Place, Service, Take, lane_of
from nfsrdma.rpcrdma.task import Future, Task, sleep
from nfsrdma.rpcrdma.transport import RdmaChannel, connect_rdma
from nfsrdma.server.authority import Policy
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.export import ANY, Export, Squash

from . import plan as kinds
from .disk import Disk, SlowDisk
from .plan import Event, Plan
from .worker import Worker

SERVER = "10.0.0.1"
SECOND = "10.0.0.2"
"""The server's other address, if there are two paths."""
PORT = 20049
_SETTLED_S = 200.0
_LIMIT_S = 20_000.0
"""Virtual seconds after which a run is thought to hang."""


class SimClient:
    """One client: its device, its mount, and whether it has power."""

    def __init__(self, world: World, index: int, generation: int = 0) -> None:
        self.world = world
        self.index = index
        self.generation = generation
        """How often it lost its power before."""
        self.address = f"10.0.1.{index + 1}"
        self.device = world.open_device(self.address)
        self.devices = [self.device]
        """What it reaches each address of the server from."""
        if world.plan.paths > 1:
            away = world.plan.moves
            more = world.open_device(f"10.0.2.{index + 1}") if away else self.device
            self.devices.append(more)
        self.lost: tuple[float, int] = (0.0, 0)
        """Until when one of its paths is lost, and which one."""
        self.dead = False
        self.channels: list[RdmaChannel] = []
        self.rng = Random(f"client {world.plan.seed} {index} {generation}")
        self.fs = self._file_system()
        self.workers = [Worker(world, self, number) for number in range(world.plan.workers)]

    def _file_system(self) -> Any:
        plan = self.world.plan
        options = ClientOptions(
            Credentials.sys(0, 0, (), b"sim"),
            b"client %d" % self.index,
            self.rng.randbytes(8),
            minor_version=plan.minor_version,
            timeout=plan.timeout,
            rsize=plan.rsize,
            wsize=plan.wsize,
            nconnect=plan.nconnect,
            delegations=plan.delegations,
        )
        ways = [
            Way(address, partial(self._connect, device, address))
            for address, device in zip(self.world.addresses, self.devices, strict=True)
        ]
        connect = ways[0].connect
        made = FileSystem(self.world.reactor, connect, (), options, self.rng, ways)
        return self.world.face(made)

    async def mount(self) -> None:
        """Mount the server's tree, as soon as it can be reached."""
        while not self.dead:
            try:
                await self.fs.mount()
                return
            except OSError:
                # A first attempt to connect is not repeated by the client itself.
                assert self.world.plan.events or self.world.plan.may_time_out
                await sleep(self.world.reactor, 1.0)
                self.fs = self._file_system()

    def _connect(
        self, device: SimDevice, address: str, timeout_s: float, service: Service
    ) -> Future[Any]:
        options = replace(self.world.plan.client_options, connect_timeout_s=timeout_s)
        reactor = self.world.reactor
        made = connect_rdma(device, reactor, address, PORT, options=options, service=service)
        made.add_done_callback(self._connected)
        return made

    def _connected(self, made: Future[RdmaChannel]) -> None:
        if made.error() is None:
            self.channels.append(made.result())

    def die(self) -> None:
        """Lose power. The program goes on, but nobody hears of it any more."""
        self.dead = True
        for device in self.devices:
            device.kill()

    def lose_path(self, seconds: float) -> None:
        """Lose one of two paths, or the one that is lost already for longer."""
        now = self.world.reactor.time()
        until, which = self.lost
        # Until the client has noticed that it is back, the other one is needed.
        if until + _SETTLED_S < now:
            which = self.rng.choice((0, 1))
        self.lost = max(until, now + seconds), which
        source = self.devices[which].address
        self.world.fabric.partition(source, self.world.addresses[which], self.lost[0] - now)


class Interrupted:
    """A service, and what happens as soon as it has executed a call, by whichever way."""

    def __init__(self, service: Service, happen: Callable[[], None]) -> None:
        self._service = service
        self._happen = happen
        self._lane = lane_of(service)
        self.taken = 0
        self.lane = None if self._lane is None else self._by_lane

    def __call__(self, call: IncomingCall) -> None:
        self._service(call)
        self._happen()

    def _by_lane(
        self,
        channel: Channel,
        message: memoryview,
        room: int,
        take: Take,
        place: Place | None = None,
        data: memoryview | None = None,
    ) -> int:
        assert self._lane is not None
        octets = self._lane(channel, message, room, take, place, data)
        if octets:
            self.taken += 1
            self._happen()
        return octets


class World:
    """Everything of one run."""

    def __init__(
        self, fabric: SimFabric, plan: Plan, face: Callable[[FileSystem], Any] = lambda fs: fs
    ) -> None:
        self.fabric = fabric
        self.plan = plan
        self.addresses = (SERVER, SECOND)[: plan.paths]
        self.face = face
        """What the workers use of a client: itself, or something on top of it."""
        self.reactor = fabric.reactor
        self.watch = Watch()
        self.rng = Random(f"world {plan.seed}")
        rng = Random(f"disk {plan.seed}")
        if plan.slow_disk:
            self.disk: Disk = SlowDisk(self._clock, rng, self.reactor)
        else:
            self.disk = Disk(self._clock, rng)
        self.disk.furnish()
        self.store = MemoryRecoveryStore()
        self.lives = 0
        """How often the server was started."""
        self.restarting = False
        self.operations = 0
        self.events = list(plan.events)
        self.shared: dict[str, list[str]] = {}
        """Outcomes of those who tried to be first in the shared directory, by name."""
        self.long_targets = 0
        """READLINKs that may be refused at first: the client hopes for shorter targets."""
        self.happened: Counter[str] = Counter()
        """Events, by kind."""
        self.server_channels: list[RdmaChannel] = []
        self._at_next_call: list[Event] = []
        self._lives: list[Task[None]] = []
        self._start_server()
        self.clients = [SimClient(self, index) for index in range(plan.clients)]

    def _clock(self) -> int:
        return int(self.reactor.time() * 1e9)

    def open_device(self, address: str) -> SimDevice:
        """A device whose registrations are watched."""
        device = self.fabric.open_device(address, mtu_limit=self.plan.mtu, gso=self.plan.gso)
        rng = Random(f"keys {self.plan.seed} {address} {len(self.watch.domains)}")
        device.create_pd = lambda: self.watch.domain(rng)  # type: ignore[method-assign]
        return device

    # -- the server --------------------------------------------------------------------------

    def _start_server(self) -> None:
        plan = self.plan
        self.lives += 1
        self.server_devices = [self.open_device(address) for address in self.addresses]
        self.server = NfsService(
            [Export("", self.disk.face, squash=Squash.NONE, networks=[ANY])],
            self.reactor,
            Random(f"server {plan.seed} {self.lives}"),
            config=ServerConfig(
                max_io=plan.max_io,
                times=plan.times,
                lanes=lanes_wanted() and plan.seed % 2 == 0,
                delegations=plan.delegations,
            ),
            store=self.store,
            policy=Policy(),
        )
        self.server.service = self._interrupted(self.server.service)
        for device, address in zip(self.server_devices, self.addresses, strict=True):
            self.server.listen_rdma(
                device,
                address,
                PORT,
                options=plan.server_options,
                on_channel=self.server_channels.append,
            )

    def _stop_server(self, crash: bool) -> None:
        self.server.close()
        for device in self.server_devices:
            device.close()
        if crash:
            self.disk.crash()

    # -- what goes wrong ---------------------------------------------------------------------

    def operation_begins(self) -> None:
        """A worker begins an operation: is it time for an event?"""
        self.operations += 1
        while self.events and self._is_time(self.events[0]):
            event = self.events.pop(0)
            if event.delay_s is None:
                self._at_next_call.append(event)
            else:
                self.reactor.call_at(self.reactor.time() + event.delay_s, self._happen, event)
        self.reactor.call_soon(self.check)

    def _is_time(self, event: Event) -> bool:
        """Whether the event is due. A crash waits a while until there is something to lose."""
        late = self.operations - event.operation
        if event.kind != kinds.CRASH or late > 10:
            return late > 0
        workers = (worker for client in self.clients for worker in client.workers)
        return late > 0 and any(
            handle.node.since for worker in workers for handle in worker.handles
        )

    def _interrupted(self, service: Service) -> Service:
        """The service, and what happens as soon as it has executed a call."""

        def happen() -> None:
            while self._at_next_call:
                self._happen(self._at_next_call.pop())

        return Interrupted(service, happen)

    def _happen(self, event: Event) -> None:
        client = self.clients[event.client]
        self.happened[event.kind] += 1
        if event.kind == kinds.PARTITION:
            for device, address in zip(client.devices, self.addresses, strict=True):
                self.fabric.partition(device.address, address, event.seconds)
        elif event.kind == kinds.PATH:
            client.lose_path(event.seconds)
        elif event.kind == kinds.CUT:
            up = [channel for channel in self.server_channels if not channel.closed]
            if up:
                self.rng.choice(up).close()
        elif event.kind == kinds.HANG_UP:
            channel = client.fs.session.channel
            if channel is not None:
                channel.close()
        elif event.kind == kinds.DEATH:
            if not client.dead:
                client.die()
                if event.seconds:
                    self._lives.append(Task(self._reborn(client, event.seconds)))
        elif not self.restarting:
            self.restarting = True
            if event.kind == kinds.CRASH:
                for device in self.server_devices:
                    device.kill()
            self.reactor.call_soon(self._restart, event)

    def _restart(self, event: Event) -> None:
        self._stop_server(crash=event.kind == kinds.CRASH)
        self.reactor.call_at(self.reactor.time() + event.seconds, self._restarted)

    def _restarted(self) -> None:
        self._start_server()
        self.restarting = False

    async def _reborn(self, client: SimClient, seconds: float) -> None:
        """The same client again, which knows nothing of what it did before."""
        await sleep(self.reactor, seconds)
        again = SimClient(self, client.index, client.generation + 1)
        self.clients.append(again)
        await self._live(again)

    # -- checks ------------------------------------------------------------------------------

    def check(self) -> None:
        """What must hold at any time between two callbacks of the reactor."""
        for client in self.clients:
            for channel in client.channels:
                _check_channel(channel)
        for channel in self.server_channels:
            _check_channel(channel)

    def check_statistics(self) -> None:
        """What no seed may bring about, whatever its faults."""
        names = ("bad_replies", "credit_violations", "replies_too_long")
        refused = 0
        for channel in self.server_channels:
            # Calls that are being fetched when the connection ends are dropped.
            _check_counters(channel, names)
            refused += channel.stats.errors_sent
        assert not refused or self.long_targets, f"{refused} calls were refused"
        for client in self.clients:
            for channel in client.channels:
                _check_counters(channel, (*names, "messages_dropped"))

    # -- the run -----------------------------------------------------------------------------

    def run(self) -> None:
        """Do everything."""
        with _tasks() as tasks, _errors() as errors:
            main = Task(self._work())
            self.reactor.run_until(main, _LIMIT_S)
            self._settle()
            self._compare()
            self._expire()
            self._close()
            assert not errors, errors
            unfinished = [task for task in tasks if not task.done()]
            assert not unfinished, f"{len(unfinished)} tasks were never finished"

    async def _work(self) -> None:
        self._lives += [Task(self._live(client)) for client in self.clients]
        for life in self._lives:  # there may come more
            await life

    async def _live(self, client: SimClient) -> None:
        """All that one client does."""
        await client.mount()
        if not client.dead:
            for task in [Task(worker.run()) for worker in client.workers]:
                await task
            await self._check_slots(client)
            self._check_sessions(client)
            try:
                await client.fs.unmount()
            except OSError:
                assert client.dead or self.plan.may_time_out
        for device in dict.fromkeys(client.devices):
            device.close()

    async def _check_slots(self, client: SimClient) -> None:
        """Once the server can be reached again, no slot of the session stays taken."""
        session = client.fs.session
        for _ in range(200):
            if client.dead:
                return
            try:
                await client.fs.stat("")
            except OSError:
                assert client.dead or self.plan.may_time_out
            if session.slots is not None and not session.slots.busy:
                return
            await sleep(self.reactor, 1.0)
        raise AssertionError("a slot was never given back")

    def _check_sessions(self, client: SimClient) -> None:
        """No session was lost but to a restart, or to a lease that ran out."""
        if not (client.dead or self.lives > 1 or self.restarting or self.plan.may_expire):
            sessions = client.fs.stats.sessions
            assert sessions == 1, f"{sessions} sessions were needed"

    def _settle(self) -> None:
        """Everybody is done: let what was still on its way arrive."""
        if self.restarting:
            self.reactor.run_until(lambda: not self.restarting, _LIMIT_S)
        self.reactor.run_for(30.0)
        self.check()
        self.check_statistics()
        self.watch.check(over=True)

    def _compare(self) -> None:
        """The server's tree against the models."""
        for client in self.clients:
            for worker in client.workers:
                worker.compare()
        actual = self.disk.tree(("shared",))
        for name, outcomes in self.shared.items():
            made = outcomes.count("made")
            assert made <= 1, f"{name} was created {made} times"
            if made:
                assert name in actual, f"{name} was created and is gone"
            elif "unknown" not in outcomes:
                raise AssertionError(f"{name} was there for everybody, and nobody made it")
        extra = actual.keys() - self.shared.keys()
        assert not extra, f"nobody made {sorted(extra)}"

    def _expire(self) -> None:
        """Without a living client the server forgets all of them."""
        times = self.plan.times
        keepalive = 2 * self.plan.server_options.keepalive_s + 60.0
        self.reactor.run_for(2 * times.lease + times.courtesy + times.grace + keepalive)
        registry = self.server.registry
        assert not len(registry.clients), f"{len(registry.clients)} clients are remembered"
        assert not registry.sessions, f"{len(registry.sessions)} sessions are left"
        assert not len(registry.states), f"{len(registry.states)} states are left"
        assert not self.disk.opens(), "files are still open on the server"
        assert not self.disk.under_way, "the disk is still at work"
        up = [channel for channel in self.server_channels if not channel.closed]
        assert not up, f"{len(up)} connections are still up"

    def _close(self) -> None:
        self.server.close()
        for device in self.server_devices:
            device.close()
        theirs = [device for client in self.clients for device in client.devices]
        for device in (*self.server_devices, *theirs):
            assert not device.engine._qps, f"{device.name} has queue pairs left"
        self.reactor.run_for(60.0)
        timers = [timer for _, _, timer in self.reactor._timers if timer.callback is not None]
        assert not timers, f"timers are left: {[timer.callback for timer in timers]}"
        self.watch.check(over=True)


def _check_counters(channel: RdmaChannel, names: tuple[str, ...]) -> None:
    for name in names:
        assert not getattr(channel.stats, name), f"{name} of {channel.peer}: {channel.stats}"


def _check_channel(channel: RdmaChannel) -> None:
    """Credits are conserved, and receives are posted for all of them."""
    if channel.closed:
        return
    requester, grant = channel.requester, channel.responder.grant
    window = requester.window
    assert window.in_use == len(requester._sent), "a credit was lost, or used twice"
    assert window.in_use <= max(window.limit, 1) <= window.ceiling
    assert not (requester._waiting and window.in_use < window.limit), "a credit lies idle"
    assert 0 <= grant.in_use <= grant.ceiling
    endpoint = channel._endpoint
    if endpoint.connection.queue_pair.failed or endpoint._recv_cq._handler is None:
        return
    responder = endpoint.connection.queue_pair.responder
    posted = len(responder.receives) + (responder._receive is not None)
    held = grant.in_use + len(endpoint._recv_cq)
    depth = channel.options.receive_depth
    assert posted + held == depth, f"{posted} receives posted, {held} in use, of {depth}"


@contextmanager
def _tasks() -> Iterator[list[Task[Any]]]:
    """Every task that is made meanwhile."""
    made: list[Task[Any]] = []
    original: Callable[..., None] = Task.__init__

    def noted(self: Task[Any], coroutine: Any) -> None:
        made.append(self)
        original(self, coroutine)

    Task.__init__ = noted  # type: ignore[method-assign, assignment]
    try:
        yield made
    finally:
        Task.__init__ = original  # type: ignore[method-assign]


class _Collector(logging.Handler):
    def __init__(self, records: list[str]) -> None:
        super().__init__(logging.ERROR)
        self.setFormatter(logging.Formatter())
        self.records = records

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(self.format(record))


@contextmanager
def _errors() -> Iterator[list[str]]:
    """What is logged as an error meanwhile: what was caught because it must not spread."""
    records: list[str] = []
    handler = _Collector(records)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield records
    finally:
        root.removeHandler(handler)

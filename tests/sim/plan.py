"""What one seed means: how the two sides are set up, how much is done, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

from nfsrdma.rpcrdma.providers.sim import Faults
from nfsrdma.rpcrdma.transport import TransportOptions
from nfsrdma.server.state.lease import LeaseTimes

KIB = 1024

PARTITION = "partition"
"""Nothing gets through between a client and the server for a while."""
CUT = "cut"
"""A connection is closed by the server."""
HANG_UP = "hang up"
"""A connection is closed by the client's transport."""
RESTART = "restart"
"""The server is shut down and started again."""
CRASH = "crash"
"""The server loses power, and what it had not made durable, and is started again."""
PATH = "path"
"""Nothing gets through over one of a client's two paths for a while; the other one is well."""
DEATH = "death"
"""A client loses power, and comes back after a while, or not (0 seconds)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens once the workers have begun ``operation`` operations."""

    kind: str
    operation: int
    delay_s: float | None
    """Between the beginning of that operation and the event, which may hit it in the middle.

    ``None``: when the server has executed its next call, and before it can answer."""
    seconds: float = 0.0
    """How long it lasts."""
    client: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All choices of a seed but those of the workers and of the fabric. Octets, seconds."""

    seed: int
    faults: Faults
    mtu: int
    gso: bool
    client_options: TransportOptions
    server_options: TransportOptions
    max_io: int
    """What the server takes and gives in one call; small ones make pages of directories small."""
    rsize: int
    wsize: int
    minor_version: int
    timeout: float
    times: LeaseTimes
    clients: int
    workers: int
    """Of each client."""
    operations: int
    """Of each worker."""
    largest: int
    """The longest file."""
    events: tuple[Event, ...] = field(default=())
    slow_disk: bool = False
    """Whether the server's disk answers later, and in another order, than it is asked."""
    nconnect: int = 1
    """Connections of each client."""
    delegations: bool = False
    """Whether the server delegates, and the clients keep what it does."""
    paths: int = 1
    """At how many addresses the server is."""
    moves: bool = False
    """Whether a client has another address for its second path, too."""

    @property
    def may_time_out(self) -> bool:
        """Whether the server may be out of reach for longer than a client has patience."""
        return self._outage > self.timeout / 4

    @property
    def may_expire(self) -> bool:
        """Whether a living client may lose its lease."""
        return self._outage > self.times.lease / 4

    @property
    def longest_operation_s(self) -> float:
        """What no operation may exceed, whether it succeeds or fails.

        Silence is noticed after the client's patience, and so is a server that cannot be
        connected to; some operations are several calls. After a restart there is a grace period.
        """
        return 5 * self.timeout + 2 * self.times.lease + self._outage

    @property
    def _outage(self) -> float:
        """How long the server may be out of reach, all events taken together."""
        fabric = 4 * self.faults.partition_s if self.faults.partition else 0.0
        return fabric + sum(
            event.seconds for event in self.events if event.kind not in (DEATH, PATH)
        )

    def __str__(self) -> str:
        events = "; ".join(
            f"{event.kind} of {event.seconds:.1f} s at operation {event.operation}"
            for event in self.events
        )
        return (
            f"{self.clients} clients with {self.workers} workers, {self.paths} paths and "
            f"{self.nconnect} connections, "
            f"MTU {self.mtu}, {self.timeout:g} s patience, lease {self.times.lease:g} s, "
            f"{'a slow' if self.slow_disk else 'a quick'} disk, "
            f"{'' if self.delegations else 'no '}delegations; {events or 'no events'}"
        )


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    rng = Random(f"plan {seed}")
    mtu = rng.choice((256, 512, 1024, 2048, 4096, 4096))
    io_size = rng.choice((4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB))
    small_segments = io_size <= 64 * KIB and rng.random() < 0.3
    clients = rng.choice((1, 1, 2))
    workers = rng.choice((1, 2, 3))
    operations = rng.randrange(30, 72) // (clients * workers)
    lease = rng.choice((5.0, 12.0, 30.0))
    return Plan(
        seed=seed,
        faults=Faults.swarm(rng),
        mtu=mtu,
        gso=rng.random() < 0.7,
        client_options=TransportOptions(
            credits=rng.choice((1, 2, 8, 32)),
            inline_send=rng.choice((1, 4, 4, 8)) * KIB,
            inline_receive=rng.choice((1, 4, 4, 8)) * KIB,
            remote_invalidation=rng.random() < 0.7,
            max_read_chunks=rng.choice((1, 1, 3)),
            max_write_chunks=rng.choice((1, 1, 3)),
            max_segment_length=8 * KIB if small_segments else 1 << 30,
            reduce_long_calls=rng.random() < 0.3,
            responder_resources=rng.choice((1, 4, 16)),
        ),
        server_options=TransportOptions(
            credits=rng.choice((1, 2, 8, 32)),
            inline_send=rng.choice((1, 4, 4, 8)) * KIB,
            inline_receive=rng.choice((1, 4, 4, 8)) * KIB,
            remote_invalidation=rng.random() < 0.7,
            send_depth=rng.choice((8, 64, 1024)),
        ),
        max_io=rng.choice((8 * KIB, 64 * KIB, 1024 * KIB)),
        rsize=io_size,
        wsize=rng.choice((io_size, 4 * KIB, 64 * KIB)),
        minor_version=rng.choice((1, 2, 2)),
        timeout=rng.choice((4.0, 10.0, 60.0)),
        times=LeaseTimes(lease=lease, grace=lease, courtesy=rng.choice((0.0, 10.0))),
        clients=clients,
        workers=workers,
        operations=operations,
        largest=min(300 * KIB, 80 * mtu),
        events=_events(rng, clients, clients * workers * operations),
        # Of a generator of its own, so that the rest of a seed is what it always was.
        slow_disk=Random(f"slow disk {seed}").random() < 0.4,
        nconnect=Random(f"nconnect {seed}").choice((1, 1, 2, 3)),
        delegations=Random(f"delegations {seed}").random() < 0.5,
    )


def failover_plan(seed: int) -> Plan:
    """Return the plan of a seed with two paths, one of which is lost now and then.

    Half of them have what goes wrong in that seed as well; in the others no operation may fail.
    """
    rng = Random(f"failover {seed}")
    plan = plan_of(seed)
    total = plan.clients * plan.workers * plan.operations
    lost = tuple(
        Event(
            PATH,
            rng.randrange(total * 9 // 10),
            rng.choice((None, rng.random() * rng.choice((1e-3, 0.1)))),
            rng.choice((0.5, 5.0, 30.0, 90.0)) * rng.uniform(0.5, 1.5),
            rng.randrange(plan.clients),
        )
        for _ in range(rng.choice((1, 2, 4)))
    )
    others = plan.events if rng.random() < 0.5 else ()
    return replace(
        plan,
        faults=replace(plan.faults, partition=0.0),
        events=tuple(sorted((*lost, *others), key=lambda event: event.operation)),
        paths=2,
        moves=rng.random() < 0.5,
        nconnect=rng.choice((1, 1, 2)),
    )


def _events(rng: Random, clients: int, operations: int) -> tuple[Event, ...]:
    """None in three seeds of ten; else one to three."""
    if rng.random() < 0.3:
        return ()
    events = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        kind = rng.choice((PARTITION, PARTITION, CUT, HANG_UP, RESTART, CRASH, CRASH, DEATH))
        seconds = 0.0
        if kind == PARTITION:
            seconds = rng.choice((0.2, 2.0, 8.0, 40.0)) * rng.uniform(0.5, 1.5)
        elif kind in (RESTART, CRASH):
            seconds = rng.choice((0.0, 0.5, 3.0, 20.0)) * rng.uniform(0.5, 1.5)
        elif kind == DEATH:
            seconds = rng.choice((0.0, 1.0, 30.0))
        at = rng.randrange(operations * 4 // 5)
        delay: float | None = rng.choice((0.0, 1e-4, 1e-3, 1e-2, 1e-1)) * rng.random()
        if rng.random() < 0.4:
            delay = None
        client = rng.randrange(clients)
        events.append(Event(kind, at, delay, seconds, client))
    return tuple(sorted(events, key=lambda event: event.operation))

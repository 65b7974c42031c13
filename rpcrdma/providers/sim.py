"""The simulator: engines on a seeded fabric, in virtual time.

    reactor = SimReactor()
    fabric = SimFabric(reactor, seed=7, faults=Faults(loss=0.05, corruption=0.01))
    server, client = fabric.open_device("10.0.0.1"), fabric.open_device("10.0.0.2")
    ...
    reactor.run_until(future, limit_s=30)

Everything random (the faults, and the engines' numbers) derives from the seed, and callbacks run
in one order, so a seed and a commit replay a run to the octet. :func:`simulate` uses that: when a
scenario fails it is run again with a tap, and the error says where the packets are and how to
repeat it.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from ..pcapng import PcapngWriter
from ..roce.cm.manager import ROCE_PORT, Route
from ..roce.engine.engine import Engine
from ..roce.engine.tuning import Tuning
from ..roce.packets.burst import Address, Burst
from ..roce.wire.opcode import MAX_MTU
from ..verbs.types import DeviceLimits
from .engine_device import EngineDevice
from .fates import Beginning, Fate, going_out, narrowed
from .sim_reactor import SimReactor
from .tap import Tap

EPOCH_S = 1_700_000_000.0
"""The wall clock at virtual time 0, for captures."""

_WORST = {
    "loss": 0.1,
    "duplication": 0.1,
    "reordering": 0.2,
    "corruption": 0.05,
    "partition": 0.002,
}


@dataclass(frozen=True, slots=True)
class Faults:
    """What a link does to packets: probabilities for each packet, times in seconds.

    A packet takes ``delay_s`` plus up to ``jitter_s``; a reordered one up to ten times as long.
    ``corruption`` flips one to four bits anywhere. ``partition`` starts an outage of up to
    ``partition_s`` between the two addresses, in both directions.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0
    partition: float = 0.0
    partition_s: float = 1.0
    delay_s: float = 20e-6
    jitter_s: float = 0.0

    @classmethod
    def swarm(cls, rng: Random) -> Faults:
        """Return a random subset of the faults, each of random strength.

        Leaving some out altogether finds faults that a mixture of everything hides.
        """
        chosen = {name: rng.random() ** 2 * most for name, most in _WORST.items()}
        for name in chosen:
            if rng.random() < 0.5:
                chosen[name] = 0.0
        delay = 10 ** rng.uniform(-5, -2)
        jitter = rng.choice((0.0, delay * rng.random()))
        return cls(**chosen, partition_s=rng.uniform(0.05, 2.0), delay_s=delay, jitter_s=jitter)

    @property
    def harmless(self) -> bool:
        """Whether packets arrive whole, once and in order."""
        return self.jitter_s == 0.0 and not any(getattr(self, name) for name in _WORST)


class SimDevice(EngineDevice):
    """An engine on the fabric (``verbs.interfaces.Device``)."""

    def __init__(self, fabric: SimFabric, address: str, rng: Random, engine: Engine) -> None:
        super().__init__(engine, fabric.reactor, rng, transmit=self._transmit, route=self._route)
        self.address = address
        self.fate: Fate | None = None
        """What becomes of its packets, both ways (``fates``), before the fabric's faults."""
        self._fabric = fabric
        self._dead = False

    def begin_at(self, psn: int) -> None:
        """Ask the peers of new connections to number their packets from ``psn`` on."""
        self.cm.rng = Beginning(psn, self.cm.rng)

    def narrow(self, path_mtu: int) -> None:
        """Let the paths of new connections carry no more than so many octets in a packet."""
        self.cm.route = narrowed(self.cm.route, path_mtu)

    def close(self) -> None:
        """Disconnect everything, flush, free, and leave the fabric."""
        super().close()
        self._fabric.detach(self)

    def kill(self) -> None:
        """Lose power: send and receive nothing any more, and tell no one.

        The address is free for another device at once. The device must still be closed.
        """
        self._dead = True
        self._fabric.detach(self)

    def _transmit(self, burst: Burst) -> bool:
        if self._dead:
            return True
        fate = self.fate  # it may change at any packet
        if fate is None:
            return self._fabric.transmit(burst)
        for each in going_out(burst, fate):
            self._fabric.transmit(each)
        return True

    def arrive(
        self,
        data: bytes,
        segment_size: int,
        source: Address,
        destination: Address,
        idents: range | tuple[int, ...],
    ) -> None:
        """Take packets from the fabric."""
        now = self._fabric.reactor.time()
        handle, fate = self.engine.handle_burst, self.fate
        if fate is None:
            handle(memoryview(data), segment_size, source, destination, now, idents)
        else:
            # The ICRC covers a packet's place in its burst: each comes with its own.
            for place, ident in enumerate(idents):
                octets = data[place * segment_size : (place + 1) * segment_size]
                for each in fate(octets, False):
                    handle(memoryview(each), len(each), source, destination, now, (ident,))
        self.driver.turn()

    def _route(self, host: str, local: str | None = None) -> Route:
        return Route(self.address, self.engine.mtu_limit)


class SimFabric:
    """Carries packets between its devices, with the faults of ``faults``."""

    def __init__(
        self,
        reactor: SimReactor,
        seed: int,
        faults: Faults | None = None,
        *,
        tap: Tap | None = None,
    ) -> None:
        self.reactor = reactor
        self.seed = seed
        self.faults = faults or Faults()
        self.tap = tap
        self.carried = 0
        """Packets that arrived."""
        self._rng = Random(f"fabric {seed}")
        self._devices: dict[str, SimDevice] = {}
        self._links: dict[tuple[str, str], Faults] = {}
        self._outages: dict[frozenset[str], float] = {}
        self._opened = 0

    def open_device(
        self,
        address: str,
        *,
        mtu_limit: int = MAX_MTU,
        gso: bool = True,
        limits: DeviceLimits | None = None,
        tuning: Tuning | None = None,
    ) -> SimDevice:
        """Attach a new engine at ``address`` (numeric, IPv4 or IPv6).

        The options are the engine's. Raises ``OSError`` if the address is taken.
        """
        if address in self._devices:
            raise OSError(f"{address} is taken")
        self._opened += 1
        rng = Random(f"device {self.seed} {address} {self._opened}")
        name = f"sim:{address}"
        engine = Engine(
            rng=rng, mtu_limit=mtu_limit, gso=gso, name=name, limits=limits, tuning=tuning
        )
        device = SimDevice(self, address, rng, engine)
        self._devices[address] = device
        return device

    def detach(self, device: SimDevice) -> None:
        """Take a device off: packets to it are lost."""
        if self._devices.get(device.address) is device:
            del self._devices[device.address]

    def set_link(self, source: str, destination: str, faults: Faults) -> None:
        """Set the faults of one direction of one link."""
        self._links[source, destination] = faults

    def partition(self, one: str, other: str, seconds: float) -> None:
        """Lose all packets between two addresses for so many seconds."""
        self._outages[frozenset((one, other))] = self.reactor.time() + seconds

    def transmit(self, burst: Burst) -> bool:
        """Carry a burst. Never blocks."""
        for single in burst.singles():
            self._transmit(single)
        return True

    def _transmit(self, burst: Burst) -> None:
        source, destination = burst.source, burst.destination
        faults = self._links.get((source[0], destination[0]), self.faults)
        data = b"".join(burst.buffers)
        if faults.harmless and not self._outages:
            if self.tap is not None:
                self.tap.sent(burst)
            when = self.reactor.time() + faults.delay_s
            idents = range(burst.packets)
            self.reactor.call_at(
                when, self._arrive, data, burst.segment_size, source, destination, idents
            )
            return
        for ident in range(burst.packets):
            start = ident * burst.segment_size
            packet = data[start : start + burst.segment_size]
            self._carry(packet, ident, source, destination, faults)

    def _carry(
        self, packet: bytes, ident: int, source: Address, destination: Address, faults: Faults
    ) -> None:
        chance = self._rng.random
        fate = ""
        copies = 1
        if self._out(source[0], destination[0], faults):
            fate, copies = "lost in an outage", 0
        elif chance() < faults.loss:
            fate, copies = "lost", 0
        elif chance() < faults.duplication:
            fate, copies = "duplicated", 2
        if self.tap is not None:
            self.tap.packet(source, destination, packet, ident, fate)
        for _ in range(copies):
            delay = faults.delay_s + faults.jitter_s * chance()
            if chance() < faults.reordering:
                delay *= 1 + 9 * chance()
            arriving = self._damage(packet) if chance() < faults.corruption else packet
            when = self.reactor.time() + delay
            self.reactor.call_at(
                when, self._arrive, arriving, len(packet), source, destination, (ident,)
            )

    def _out(self, source: str, destination: str, faults: Faults) -> bool:
        pair = frozenset((source, destination))
        now = self.reactor.time()
        if self._rng.random() < faults.partition:
            self._outages[pair] = now + self._rng.random() * faults.partition_s
        until = self._outages.get(pair)
        if until is None:
            return False
        if until <= now:
            del self._outages[pair]
            return False
        return True

    def _damage(self, packet: bytes) -> bytes:
        damaged = bytearray(packet)
        for _ in range(self._rng.randint(1, 4)):
            bit = self._rng.randrange(8 * len(damaged))
            damaged[bit >> 3] ^= 1 << (bit & 7)
        return bytes(damaged)

    def _arrive(
        self,
        data: bytes,
        segment_size: int,
        source: Address,
        destination: Address,
        idents: range | tuple[int, ...],
    ) -> None:
        device = self._devices.get(destination[0])
        if device is None or destination[1] != ROCE_PORT:
            return
        self.carried += len(idents)
        device.arrive(data, segment_size, source, destination, idents)


@contextmanager
def _no_failures() -> Iterator[None]:
    """Raise what is logged with a traceback meanwhile, as no one reads a simulation's log."""
    failures: list[BaseException] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1] is not None:
                failures.append(record.exc_info[1])

    listening = Listening(logging.ERROR)
    log = logging.getLogger("nfsrdma")
    log.addHandler(listening)
    try:
        yield
    finally:
        log.removeHandler(listening)
    if failures:
        raise AssertionError("a failure was logged") from failures[0]


def simulate(
    scenario: Callable[[SimFabric], None],
    seed: int,
    *,
    faults: Faults | None = None,
    command: str,
) -> None:
    """Run ``scenario`` on a fresh fabric. If it raises, run it again and keep the packets.

    A failure that was caught and logged counts, too. ``command`` is what a person types to replay
    it; it is noted on the error together with the name of the capture.
    """
    try:
        with _no_failures():
            scenario(SimFabric(SimReactor(), seed, faults))
    except Exception as error:
        path = Path(tempfile.gettempdir()) / f"nfsrdma-sim-{seed}.pcapng"
        reactor = SimReactor()
        tap = Tap(PcapngWriter(path.open("wb")), lambda: EPOCH_S + reactor.time())
        try:
            scenario(SimFabric(reactor, seed, faults, tap=tap))
        except Exception as again:
            error.add_note(f"replayed: {again!r}")
        finally:
            tap.close()
        error.add_note(f"faults:  {faults}")
        error.add_note(f"packets: {path}")
        error.add_note(f"replay:  {command}")
        raise

"""The engine of one endpoint: its queue pairs, its memory, its connection manager. Sans-IO.

A driver calls ``handle_burst`` and ``handle_timeout``, and afterwards sends what ``poll_transmit``
returns until that is ``None``. When there is something to send at another time (a request was
posted), the engine calls ``on_ready``; the driver then soon calls ``deliver`` and
``poll_transmit``, from the reactor and not from inside ``on_ready``.

What an owner's handler raises costs its own connection at most. The others are served first; then
the engine raises it, for the driver's caller to report.

Only the functions of ``kernel`` run for each packet: on the way out one header and one CRC, on the
way in one CRC over the packet in the receive buffer and one copy of its payload.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ...software.completion import CompletionQueue
from ...verbs.types import DeviceLimits, QpOptions, QpState
from ..packets.burst import Burst, BurstBuilder
from ..packets.kernel import scan
from ..packets.run import Run
from ..wire.addressee import Key, Number
from ..wire.headers import GSI_QKEY, Address, Bth, Deth
from ..wire.icrc import Flow
from ..wire.opcode import BTH_OCTETS, CNP, MAX_MTU, UD_SEND_ONLY
from ..wire.psn import MASK
from .awaited import Awaited
from .counters import Counters
from .memory import ProtectionDomain
from .queue_pair import QueuePair
from .tuning import Tuning, burst_limits

if TYPE_CHECKING:
    from random import Random

GSI_QPN = 1
_FIRST_QPN = 16
_MOST_BACKLOG = 1024
_MOST_FLOWS = 256
_RETIRED_QPNS = 4096
_MOST_HELD = 64


class Manager(Protocol):
    """What the engine needs from the connection manager (``cm.ConnectionManager``)."""

    def handle_mad(
        self, mad: memoryview, source: Address, destination: Address, now: float
    ) -> None:
        """Take a datagram for queue pair 1."""

    def next_timeout(self) -> float | None:
        """Return when to call ``handle_timeout``."""

    def handle_timeout(self, now: float) -> None:
        """Run the timers that are due at ``now``."""


class Engine:
    """Queue pairs and memory of one device, without its sockets.

    ``cm`` gets the datagrams of queue pair 1 and is asked for its time; the module's docstring
    says what drives an engine.
    """

    def __init__(
        self,
        *,
        rng: Random,
        mtu_limit: int = MAX_MTU,
        gso: bool = True,
        name: str = "soft",
        limits: DeviceLimits | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        self.name = name
        self.mtu_limit = mtu_limit
        """Greatest path MTU that the driver can carry, in octets."""
        self.gso = gso
        self.limits = limits or DeviceLimits()
        self.tuning = tuning or Tuning()
        self.cm: Manager | None = None
        self.on_ready: Callable[[], None] = _nobody
        self.on_number: Callable[[Key, bool], None] = _unheard
        """Called with the number of a queue pair that there is from now on, or no longer."""
        self.own_counters = Counters()
        """Counts packets that belong to no queue pair, and those of queue pairs that are gone."""
        self._rng = rng
        self._qps: dict[int, QueuePair] = {}
        self._retired: deque[int] = deque(maxlen=_RETIRED_QPNS)
        self._flows: dict[tuple[Address, Address], Flow] = {}
        self._ready: deque[QueuePair] = deque()
        self._watched: dict[QueuePair, None] = {}
        self._news: list[CompletionQueue] = []
        self._reports: list[QueuePair] = []
        self._backlog: deque[Burst] = deque()
        self._gsi_psn = 0
        self._faults: list[Exception] = []
        self.wait: Callable[[Awaited], None] | None = None
        """Sends what there is, and takes what comes until an exchange is over or lasts too long."""
        self.waiting_pays: Callable[[], bool] = _never
        self.exchanging = False
        self.send_early: Callable[[], None] = _nobody
        """Called when there is a long answer while more that has come is still to be handled: sends
        it if that pays. So the peer is at work meanwhile; without it the two take turns."""
        self._receiving = False
        self._held: list[tuple[Run, Flow, float]] = []
        """Datagrams of queue pair 1 that came during an exchange, and when."""
        self._called = False
        """``on_ready`` was called, or a driver is at work that will poll anyway."""

    # --- Verbs ---

    def create_pd(self) -> ProtectionDomain:
        """Return a new protection domain."""
        return ProtectionDomain(self._rng)

    def create_cq(self, depth: int) -> CompletionQueue:
        """Return a new completion queue."""
        return CompletionQueue(depth, self._announce)

    def create_queue_pair(
        self,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
    ) -> QueuePair:
        """Return a queue pair in INIT: receives can be posted."""
        while True:
            number = self._rng.randrange(_FIRST_QPN, MASK)
            if number not in self._qps and number not in self._retired:
                break
        queue_pair = QueuePair(self, number, pd, send_cq, recv_cq, options)
        self._qps[number] = queue_pair
        self.on_number((Number.QUEUE_PAIR, number), True)
        return queue_pair

    @property
    def numbers(self) -> list[Key]:
        """The numbers of the queue pairs."""
        return [(Number.QUEUE_PAIR, number) for number in self._qps]

    def withdraw(self, number: int) -> None:
        """Break a queue pair down whose number another program at this address had before."""
        queue_pair = self._qps.get(number)
        if queue_pair is not None:
            queue_pair.break_down("its number is another program's: connect again")

    def destroy_queue_pair(self, queue_pair: QueuePair) -> None:
        """Flush it and forget it. Harmless to repeat."""
        if self._qps.get(queue_pair.number) is queue_pair:
            queue_pair.fail("destroyed")
            # Send an acknowledgement that waited: without it the peer's last message seems lost.
            burst = queue_pair.poll_transmit(0.0)
            if burst is not None:
                self._send(burst)
            queue_pair.destroy()
            del self._qps[queue_pair.number]
            self._retired.append(queue_pair.number)
            self.on_number((Number.QUEUE_PAIR, queue_pair.number), False)
            self._watched.pop(queue_pair, None)
            self.own_counters.add(queue_pair.counters)

    def close(self) -> None:
        """Destroy all queue pairs. The connection manager must be closed before."""
        for queue_pair in list(self._qps.values()):
            self.destroy_queue_pair(queue_pair)

    @property
    def counters(self) -> Counters:
        """The sum over all queue pairs, present and past."""
        total = Counters()
        total.add(self.own_counters)
        for queue_pair in self._qps.values():
            total.add(queue_pair.counters)
        return total

    # --- Packets in ---

    def handle_burst(
        self,
        view: memoryview,
        segment_size: int,
        source: Address,
        destination: Address,
        now: float,
        idents: Sequence[int] | None = None,
    ) -> None:
        """Take the result of one receive call: packets of ``segment_size`` octets back to back.

        The last one may be shorter. ``idents`` are the packets' IPv4 identifications, where they
        are known. No reference to ``view`` is kept.
        """
        self.handle_bursts(((view, segment_size),), source, destination, now, idents)

    def handle_bursts(
        self,
        bursts: Sequence[tuple[memoryview, int]],
        source: Address,
        destination: Address,
        now: float,
        idents: Sequence[int] | None = None,
    ) -> None:
        """Take what came in several bursts, one after the other, as ``handle_burst`` takes one.

        ``idents`` are known for a single burst only. MIDDLE packets that go on from one burst to
        the next are handled at once.
        """
        self._called = True
        counters = self.own_counters
        try:
            flow = self._flows.get((source, destination)) or self._flow(source, destination)
            if flow is None:
                counters.malformed += len(bursts)
                return
            self._receiving = True
            runs, malformed, damaged = scan(flow, bursts, idents)
            counters.malformed += malformed
            counters.icrc_errors += damaged
            left = len(runs)
            for fields in runs:
                left -= 1
                run = Run(*fields)
                number, code, count = run.number, run.code, run.count
                queue_pair = self._qps.get(number)
                if queue_pair is not None:
                    try:
                        queue_pair.receive(run, flow, now)
                    except Exception as error:
                        self._fault(queue_pair, error)
                    if left and self._ready and queue_pair.has_much and not self.exchanging:
                        self._send_early()
                elif number == GSI_QPN and code == UD_SEND_ONLY:
                    try:
                        self._receive_mad(run, flow, now)
                    except Exception as error:
                        self._faults.append(error)
                elif code == CNP:
                    counters.unexpected += count
                else:
                    counters.unknown_queue_pair += count
            self._receiving = False
            if not self.exchanging:
                self.deliver()
        finally:
            self._called = self._receiving = False

    def _send_early(self) -> None:
        try:
            self.send_early()
        except Exception as error:
            self._faults.append(error)
        self._called = True

    def _flow(self, source: Address, destination: Address) -> Flow | None:
        try:
            flow = Flow(source, destination)
        except ValueError:
            return None
        if len(self._flows) >= _MOST_FLOWS:
            # Source addresses can be forged; this is only a cache.
            self._flows.clear()
        self._flows[source, destination] = flow
        return flow

    # --- Exchanges ---

    def exchange(self, post: Callable[[], None], awaited: Awaited) -> bool:
        """Post a message by ``post`` and wait for the answer, if that pays.

        Meanwhile no owner is called: what there is to be told is told in the next turn. There is
        none from within another, or from where packets are taken.
        """
        wait = self.wait
        if wait is None or self.exchanging or self._receiving or not self.waiting_pays():
            return False
        called, self._called = self._called, True
        self.exchanging = True
        try:
            post()
            wait(awaited)
        finally:
            self.exchanging = False
            self._called = called
            if self._news or self._reports or self._held or self._ready or self._faults:
                self._call()
        return True

    # --- QP1 ---

    def _receive_mad(self, run: Run, flow: Flow, now: float) -> None:
        if self.exchanging:
            # The connection manager may call owners. It repeats what was not answered.
            if len(self._held) < _MOST_HELD:
                run.view = memoryview(bytes(run.view[run.offset : run.offset + run.size]))
                run.offset = 0
                self._held.append((run, flow, now))
            return
        deth = Deth.parse(run.view, run.offset + BTH_OCTETS)
        header = BTH_OCTETS + Deth.STRUCT.size
        length = run.length
        if deth.qkey != GSI_QKEY or length < 0:
            self.own_counters.malformed += 1
            return
        self.own_counters.packets_received += 1
        self.own_counters.octets_received += run.size
        if self.cm is not None:
            start = run.offset + header
            mad = run.view[start : start + length]
            self.cm.handle_mad(mad, flow.source, flow.destination, now)

    def send_mad(self, mad: bytes, source: Address, destination: Address) -> None:
        """Queue a management datagram from QP1 to the peer's QP1.

        Raises ``ValueError`` when an address is not numeric.
        """
        flow = self._flows.get((source, destination)) or self._flow(source, destination)
        if flow is None:
            raise ValueError(f"no path from {source[0]} to {destination[0]}")
        self._gsi_psn = self._gsi_psn + 1 & MASK
        pad = -len(mad) & 3
        bth = Bth(UD_SEND_ONLY, GSI_QPN, self._gsi_psn, pad=pad, migrated=True)
        header = bth.build() + Deth(GSI_QKEY, GSI_QPN).build()
        builder = BurstBuilder(flow, *burst_limits(self.tuning, self.gso))
        builder.add(header, (memoryview(mad),), 0, len(mad))
        self.own_counters.packets_sent += 1
        self.own_counters.octets_sent += builder.octets
        self._send(builder)

    def _send(self, burst: Burst) -> None:
        if len(self._backlog) >= _MOST_BACKLOG:
            # Datagrams may be lost; the connection manager repeats them.
            self._backlog.popleft()
        self._backlog.append(burst)
        self._call()

    # --- Packets out ---

    @property
    def pending(self) -> bool:
        """Whether there may be something to send."""
        return bool(self._ready or self._backlog)

    def poll_transmit(self, now: float) -> Burst | None:
        """Return the next burst to send, or ``None`` when there is nothing to send now."""
        burst: Burst | None
        if self._backlog:
            return self._backlog.popleft()
        ready = self._ready
        self._called = True
        while ready:
            queue_pair = ready.popleft()
            # Cleared first: if it has more than fits, it is ready again, behind the others.
            queue_pair.scheduled = False
            try:
                burst = queue_pair.poll_transmit(now)
            except Exception as error:
                self._fault(queue_pair, error)
                continue
            if burst is not None:
                return burst
        self._called = False
        if self._news or self._reports:
            self._call()
        if self._faults:
            self._raise_faults()
        return None

    # --- Time ---

    def next_timeout(self) -> float | None:
        """Return when to call ``handle_timeout``."""
        soonest = None if self.cm is None else self.cm.next_timeout()
        for queue_pair in self._watched:
            # Inlined: this runs for every turn of the reactor.
            deadline = queue_pair.requester.retry.deadline
            if deadline is not None and (soonest is None or deadline < soonest):
                soonest = deadline
            deadline = queue_pair.responder.deadline
            if deadline is not None and (soonest is None or deadline < soonest):
                soonest = deadline
        return soonest

    def handle_timeout(self, now: float) -> None:
        """Run the timers that are due at ``now``."""
        self._called = True
        try:
            for queue_pair in list(self._watched):
                deadline = queue_pair.deadline
                if deadline is None:
                    del self._watched[queue_pair]
                    queue_pair.watched = False
                elif deadline <= now:
                    try:
                        queue_pair.handle_timeout(now)
                    except Exception as error:
                        self._fault(queue_pair, error)
            if self.cm is not None:
                due = self.cm.next_timeout()
                if due is not None and due <= now:
                    try:
                        self.cm.handle_timeout(now)
                    except Exception as error:
                        self._faults.append(error)
            self.deliver()
        finally:
            self._called = False

    # --- News ---

    def deliver(self) -> None:
        """Call the handlers of completion queues with news, and ``on_error`` of failed ones."""
        if self._held:
            self._release()
        if self._news or self._reports:
            self._deliver()
        if self._faults:
            self._raise_faults()

    def _release(self) -> None:
        """Take the datagrams that came during an exchange."""
        held, self._held = self._held, []
        for run, flow, now in held:
            try:
                self._receive_mad(run, flow, now)
            except Exception as error:
                self._faults.append(error)

    def _deliver(self) -> None:
        news, self._news = self._news, []
        for index, completion_queue in enumerate(news):
            try:
                completion_queue.deliver()
            except BaseException:
                # One owner's error must not keep the others from being told.
                self._news[:0] = news[index + 1 :]
                self._called = False
                self._call()
                raise
        reports, self._reports = self._reports, []
        for queue_pair in reports:
            if queue_pair.on_error is not None and queue_pair.state is not QpState.RESET:
                try:
                    queue_pair.on_error(queue_pair.error or "failed")
                except Exception as error:
                    self._faults.append(error)

    def _fault(self, queue_pair: QueuePair, error: Exception) -> None:
        """Break the queue pair down whose handling raised ``error`` here."""
        self._faults.append(error)
        queue_pair.break_down(f"a fault on this side: {error!r}")

    def _raise_faults(self) -> None:
        """Raise the first error of the handlers, with a note for each of the others."""
        (first, *others), self._faults = self._faults, []
        for other in others:
            first.add_note(f"and in another connection: {other!r}")
        raise first

    def _announce(self, completion_queue: CompletionQueue) -> None:
        self._news.append(completion_queue)
        if not self._called:
            self._call()

    def report(self, queue_pair: QueuePair) -> None:
        """Tell the owner, later, that ``queue_pair`` has failed by itself."""
        self._reports.append(queue_pair)
        self._call()

    def schedule(self, queue_pair: QueuePair) -> None:
        """Ask ``queue_pair`` for packets to send, soon."""
        queue_pair.scheduled = True
        self._ready.append(queue_pair)
        if not self._called:
            self._call()

    def watch(self, queue_pair: QueuePair) -> None:
        """Look at the deadlines of ``queue_pair``."""
        queue_pair.watched = True
        self._watched[queue_pair] = None

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self.on_ready()


def _nobody() -> None:
    """Do nothing: the engine has no driver yet."""


def _never() -> bool:
    """Do not wait: there is nobody who could."""
    return False


def _unheard(_: Key, __: bool) -> None:
    """Do nothing: nobody shares the engine's port."""

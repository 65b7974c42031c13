"""Queue pairs: one end of a reliable connection, and the states it goes through.

A queue pair is three small machines around shared parameters: the ``requester`` (what we send),
the ``completer`` (the answers to that) and the ``responder`` (what the peer sends). The first two
work from RTS on, the last from RTR on. Any of them ends all three with ``break_down``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ...software.completion import CompletionQueue
from ...software.queue_pair import QpEvent
from ...verbs.types import DeviceLimits, QpOptions, QpState, SendWR, VerbsError, WcStatus
from ..packets.burst import Burst, BurstBuilder
from ..packets.run import Run
from ..wire.headers import Address, bth_words
from ..wire.icrc import Flow
from ..wire.opcode import ACKNOWLEDGE, BTH_OCTETS, MTUS, OPCODES, Role
from .awaited import Awaited
from .completer import Completer
from .memory import ProtectionDomain
from .quiet import begun
from .requester import Requester
from .responder import Responder
from .shared import SharedState
from .tuning import Tuning, burst_limits

HEARS: dict[QpState, frozenset[Role]] = {
    QpState.RESET: frozenset(),
    QpState.INIT: frozenset(),
    QpState.RTR: frozenset((Role.RESPONDER,)),
    QpState.RTS: frozenset((Role.RESPONDER, Role.COMPLETER)),
    QpState.SQD: frozenset(),
    QpState.SQE: frozenset(),
    QpState.ERR: frozenset(),
}
"""State -> the machines that take packets."""

_ROLES = {code: row.role for code, row in OPCODES.items()}
_RTS = QpState.RTS
_RESPONDER = Role.RESPONDER
_MUCH_OCTETS: Final = 8192
_MOST_QUIET: Final = 64
_MOST_QUIET_OCTETS: Final = 1 << 20


class QpEngine(Protocol):
    """What a queue pair needs from its engine."""

    limits: DeviceLimits
    tuning: Tuning
    gso: bool
    exchanging: bool
    """Whether an exchange is under way, by any queue pair: no owner may be called."""

    def exchange(self, post: Callable[[], None], awaited: Awaited) -> bool:
        """Post a message, send it and wait; return false if that does not pay: nothing was done."""

    def schedule(self, queue_pair: QueuePair) -> None:
        """Ask ``queue_pair`` for packets to send, soon."""

    def watch(self, queue_pair: QueuePair) -> None:
        """Look at the deadlines of ``queue_pair``."""

    def report(self, queue_pair: QueuePair) -> None:
        """Tell the owner, later, that ``queue_pair`` has failed by itself."""


class QueuePair(SharedState):
    """One end of a reliable connection (``verbs.interfaces.QueuePair``), made by the engine."""

    def __init__(
        self,
        engine: QpEngine,
        number: int,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
    ) -> None:
        self._hears: frozenset[Role] = frozenset()
        limit = engine.limits.max_message
        super().__init__(number, pd, send_cq, recv_cq, options, limit, engine.tuning)
        self.on_silence: Callable[[], None] | None = None
        """Called each time that the peer was not heard of in spite of a probe."""
        self.on_error: Callable[[str], None] | None = None
        """Called from the reactor when the queue pair failed by itself, not by ``fail``."""
        self.on_traffic: Callable[[], None] | None = None
        """Called once, when the peer first uses the queue pair (the verbs' COMM_EST)."""
        self.prompt: Callable[[memoryview], bool] | None = None
        self.remote: Address | None = None
        self.remote_qpn = 0
        self._engine = engine
        self._flow: Flow | None = None
        self._heard: Flow | None = None
        """Where the latest packet came from: the peer's address, from any port of it."""
        self._limits = burst_limits(engine.tuning, engine.gso)
        self._begun: memoryview | None = None
        self._awaited: Awaited | None = None
        self.requester = Requester(self)
        self.completer = Completer(self, self.requester)
        self.responder = Responder(self)

    def move(self, event: QpEvent) -> None:
        """Change the state, and with it which packets are heard."""
        super().move(event)
        self._hears = HEARS[self.state]

    # --- The owner's commands ---

    def post_send(self, request: SendWR) -> None:
        """Queue a send request (``verbs.interfaces.QueuePair.post_send``)."""
        requester = self.requester
        posted = len(requester.sent) + len(requester.pending) - requester.quiet
        if self.state is _RTS and posted < self.send_depth:
            requester.post(request)
        else:
            self.refuse_send(request)

    def begin(self, length: int) -> memoryview | None:
        """See ``verbs.interfaces.PromptQueuePair``."""
        if not self._may_be_quiet(length):
            return None
        self._begun = begun(self.requester.spares, length)
        return self._begun

    def put(self, pieces: Sequence[bytes | memoryview]) -> bool:
        """Send a message without a completion, if it need not wait; return whether it was sent."""
        message = b"".join(pieces)
        if not self._may_be_quiet(len(message)):
            return False
        self.requester.post_quiet(memoryview(message), 0)
        return True

    def place(self, rkey: int, address: int, length: int) -> None:
        """See ``verbs.interfaces.PromptQueuePair``: no memory of the peer is mapped here."""
        raise VerbsError("no memory of the peer is mapped", WcStatus.LOC_QP_OP_ERR)

    def finish(self, rkey: int = 0) -> None:
        """See ``verbs.interfaces.PromptQueuePair``."""
        begun, self._begun = self._begun, None
        if begun is not None and self.state is _RTS:
            self.requester.post_quiet(begun, rkey)

    def exchange(
        self,
        pieces: Sequence[bytes | memoryview],
        expected: bytes,
        mask: bytes,
        most: int,
        sink: memoryview | None,
        rkey: int | None = None,
        octets: int = 0,
    ) -> bytes | None:
        """See ``verbs.interfaces.ExchangingQueuePair``; done where a driver can wait.

        How long that is does not depend on ``octets``: as long as packets come.
        """
        message = b"".join(pieces)
        if len(self.recv_cq) or self.on_traffic is not None or not self._may_be_quiet(len(message)):
            return None
        self._awaited = awaited = Awaited(expected, mask, most, sink, rkey)
        done = self._engine.exchange(
            lambda: self.requester.post_quiet(memoryview(message), 0), awaited
        )
        self._awaited = None
        return awaited.answer if done else None

    def _may_be_quiet(self, length: int) -> bool:
        requester = self.requester
        return (
            self.state is _RTS
            and requester.quiet < _MOST_QUIET
            and requester.quiet_octets + length <= _MOST_QUIET_OCTETS
        )

    def ready_to_receive(
        self,
        *,
        local: Address,
        remote: Address,
        remote_qpn: int,
        receive_psn: int,
        path_mtu: int,
        responder_resources: int,
        rnr_timer: int = 12,
    ) -> None:
        """Move from INIT to RTR.

        ``path_mtu`` is in octets. Packets go to ``remote``; the peer may send from another port
        of that host. ``responder_resources`` RDMA READs are answered at a time. ``rnr_timer``
        is the code of the wait that we ask for when no receive is posted (12: 640 us).
        Raises ``VerbsError`` (state, MTU) or ``ValueError`` (an address that is not numeric).
        """
        if path_mtu not in MTUS:
            raise VerbsError(f"no such path MTU: {path_mtu}", WcStatus.LOC_QP_OP_ERR)
        flow = Flow(local, remote)
        self.move(QpEvent.READY_TO_RECEIVE)
        self._flow = flow
        self.remote = remote
        self.remote_qpn = remote_qpn
        self.mtu = path_mtu
        self.words = bth_words(remote_qpn)
        self.responder.start(receive_psn, responder_resources, rnr_timer)

    def ready_to_send(
        self, *, send_psn: int, initiator_depth: int, retry_count: int, rnr_retry_count: int
    ) -> None:
        """Move from RTR to RTS.

        ``initiator_depth`` RDMA READs may be in flight; ``rnr_retry_count`` 7 means for ever.
        """
        self.move(QpEvent.READY_TO_SEND)
        self.requester.start(send_psn, initiator_depth, retry_count, rnr_retry_count)

    def fail(self, reason: str) -> None:
        """Move to ERR and flush everything; ``on_error`` is not called. Harmless to repeat."""
        if self.enter_error(reason):
            self.requester.flush()
            self.responder.flush()

    # --- For the machines and the engine ---

    def break_down(self, reason: str) -> None:
        """Fail by itself: flush everything, and tell the owner later."""
        if not self.failed:
            self.fail(reason)
            self._engine.report(self)

    def destroy(self) -> None:
        """Fail, and forget everything (``Engine.destroy_queue_pair``)."""
        self.on_silence = None
        self.fail("destroyed")
        self.move(QpEvent.DESTROY)
        self._flow = self._heard = None
        self.on_error = self.on_traffic = self.prompt = self._begun = None
        # Break the reference cycles, which would wait for a garbage collection.
        for machine in (self.requester, self.completer, self.responder):
            del machine._qp

    def show(self, message: memoryview, invalidated: int | None) -> bool:
        """Show a message that has not completed its receive; return whether that was all."""
        awaited = self._awaited
        if awaited is not None:
            self._awaited = None
            if awaited.take(message, invalidated):
                return True
        prompt = self.prompt
        if (
            prompt is None
            or invalidated is not None
            or len(self.recv_cq)
            or self._engine.exchanging
        ):
            return False
        return prompt(message)

    @property
    def has_much(self) -> bool:
        """Whether there is so much to send that the peer should not wait for what follows."""
        flight = self.requester.flight
        return (
            flight.tail_octets - flight.next_octets > _MUCH_OCTETS or len(self.responder.outbox) > 0
        )

    def schedule(self) -> None:
        """Ask to be polled for packets to send."""
        if not self.scheduled:
            self._engine.schedule(self)

    @property
    def deadline(self) -> float | None:
        """Return when to call ``handle_timeout``."""
        ours, theirs = self.requester.retry.deadline, self.responder.deadline
        if ours is None or theirs is None:
            return theirs if ours is None else ours
        return min(ours, theirs)

    def handle_timeout(self, now: float) -> None:
        """Run the timers that are due at ``now``."""
        due = self.responder.deadline
        if due is not None and due <= now:
            self.responder.handle_timeout(now)
        due = self.requester.retry.deadline
        if due is not None and due <= now:
            self.requester.handle_timeout(now)

    def silent(self) -> None:
        """Tell the owner that the peer has not answered a probe."""
        if self.on_silence is not None:
            self.on_silence()

    def watch(self) -> None:
        """Have the deadlines of the machines looked at."""
        if not self.watched:
            self._engine.watch(self)

    def receive(self, run: Run, flow: Flow, now: float) -> None:
        """Take packets that are addressed to this queue pair."""
        code, count = run.code, run.count
        role = _ROLES[code]
        counters = self.counters
        if flow is not self._heard:
            ours = self._flow
            if ours is None or flow.source_ip != ours.destination_ip:
                counters.unexpected += count
                return
            self._heard = flow
        if role not in self._hears:
            counters.unexpected += count
            return
        whole = run.last
        if whole is not None and not self.responder.takes(run):
            for single in run.singles():
                self.receive(single, flow, now)
            return
        counters.packets_received += count
        counters.octets_received += count * run.size
        if whole is not None:
            counters.octets_received += whole[2] - run.size
        if role is _RESPONDER:
            if self.on_traffic is not None:
                tell, self.on_traffic = self.on_traffic, None
                tell()
                if self.failed:
                    return
            self.responder.handle(run, now)
        elif code == ACKNOWLEDGE:
            self.completer.acknowledge(run.view[run.offset + BTH_OCTETS], run.psn, now)
        else:
            self.completer.handle(run, now)

    def poll_transmit(self, now: float) -> Burst | None:
        """Return the next burst, if there is anything to send.

        An acknowledgement goes last: it is shorter than any other packet, so it fits behind all.
        """
        flow = self._flow
        if flow is None:
            return None
        builder = BurstBuilder(flow, *self._limits)
        responder, requester = self.responder, self.requester
        if responder.outbox:
            responder.transmit_reads(builder)
        if (requester.pending or requester.again is not None) and not self.failed:
            requester.transmit(builder, now)
        if responder.due is not None:
            responder.transmit_acknowledgement(builder, now)
        if builder.refused:
            self.schedule()
        if not builder.packets:
            return None
        counters = self.counters
        counters.packets_sent += builder.packets
        counters.octets_sent += builder.octets
        return builder

"""One end of a connection: what a communication identifier does in each of its transitions.

A :class:`CmId` is driven by ``fire(event, message, now)``: ``states.TRANSITIONS`` names the action
and the next state, and ``ACTIONS`` the method that carries the action out. The owner of the
connection sees it as a ``verbs.interfaces.Connection`` and, on the passive side, first as the
``request.IncomingRequest`` that announces it.

The owner's commands (connect, accept, reject, disconnect) are queued with the manager and run at
its next turn: that gives them the time, and no handler is ever called from inside a command.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import EADDRINUSE
from typing import TYPE_CHECKING, Protocol

from ...software.completion import CompletionQueue
from ...verbs import interfaces
from ...verbs.interfaces import ConnectionHandler
from ...verbs.types import ConnectOptions, QpOptions, QpState, VerbsError
from ..engine.memory import ProtectionDomain
from ..packets.burst import Address
from ..wire.cm_messages import (
    PATH_MTU_CODES,
    PATH_MTUS,
    RDMA_CM_HEADER_LENGTH,
    CmMessage,
    Drep,
    Dreq,
    MessageKind,
    Mra,
    RdmaCmHeader,
    Rej,
    RejectReason,
    Rep,
    Req,
    Rtu,
    gid_of,
    reject_reason_name,
    service_id,
)
from . import answer_port, timers
from .rejection import rejected
from .states import TRANSITIONS, Action, Event, State

if TYPE_CHECKING:
    from collections import Counter
    from random import Random

    from ...verbs.types import DeviceLimits
    from ..engine.queue_pair import QueuePair

_APART = (
    "UDP port 4791 of this address is taken by another user or the kernel's soft-RoCE, and not "
    "every server answers at another port; use another local address, or TCP"
)
REQ_PRIVATE_ROOM = Req.PRIVATE_ROOM - RDMA_CM_HEADER_LENGTH
"""Octets of private data that the owner may send in a REQ: 56."""


class CmEngine(Protocol):
    """What connection management needs from the engine."""

    limits: DeviceLimits
    on_ready: Callable[[], None]

    def send_mad(self, mad: bytes, source: Address, destination: Address) -> None:
        """Send a management datagram from queue pair 1."""

    def create_queue_pair(
        self,
        pd: ProtectionDomain,
        send_cq: CompletionQueue,
        recv_cq: CompletionQueue,
        options: QpOptions,
    ) -> QueuePair:
        """Return a new queue pair in INIT."""

    def destroy_queue_pair(self, queue_pair: QueuePair) -> None:
        """Flush and forget a queue pair."""


class IdManager(Protocol):
    """What an identifier needs from the connection manager, which owns it."""

    engine: CmEngine
    rng: Random
    guid: int
    counters: Counter[str]

    def command(self, cm_id: CmId, event: Event) -> None:
        """Fire ``event`` at the next turn."""

    def schedule(self, cm_id: CmId, when: float) -> None:
        """Have the timer of ``cm_id`` run at ``when``."""

    def send(
        self, message: CmMessage, transaction: int, source: Address, destination: Address
    ) -> None:
        """Send a message."""

    def announce(self, cm_id: CmId) -> None:
        """Tell the listener of a new request."""

    def moved(self, cm_id: CmId, before: State, after: State) -> None:
        """Note that the state of ``cm_id`` has changed."""

    def may_answer(self, host: str, now: float) -> bool:
        """Return whether to answer ``host``, which may never have asked."""

    def is_pressed(self, host: str) -> bool:
        """Return whether there are many half-open connections, of ``host`` or in total."""


class CmId:
    """A communication identifier and its queue pair (``verbs.interfaces.Connection``)."""

    __slots__ = (
        "_give_up_at",
        "_handler",
        "_interval",
        "_last",
        "_manager",
        "_options",
        "_path_mtu",
        "_pd",
        "_queue_pair",
        "_reason",
        "_retries_left",
        "_starting_psn",
        "_transaction",
        "_up",
        "answered",
        "deadline",
        "guid",
        "incoming",
        "initiator_depth",
        "local_address",
        "local_comm_id",
        "local_port",
        "peer_address",
        "remote_comm_id",
        "remote_port",
        "remote_qpn",
        "state",
    )

    def __init__(
        self,
        manager: IdManager,
        local_comm_id: int,
        local_port: Address,
        remote_port: Address,
    ) -> None:
        self._manager = manager
        self.local_comm_id = local_comm_id
        self.local_port = local_port
        self.remote_port = remote_port
        self.remote_comm_id: int | None = None
        self.remote_qpn = 0
        self.guid = 0
        """The peer's CA GUID, once known."""
        self.state = State.IDLE
        self.deadline: float | None = None
        self.answered = False
        self.incoming: Req | None = None
        self.local_address: tuple[str, int] = local_port
        self.peer_address: tuple[str, int] = remote_port
        self.initiator_depth = 0
        self._pd: ProtectionDomain | None = None
        self._queue_pair: QueuePair | None = None
        self._handler: ConnectionHandler | None = None
        self._options = ConnectOptions()
        self._path_mtu = 0
        self._transaction = 0
        self._starting_psn = manager.rng.getrandbits(24)
        self._last: CmMessage | None = None
        self._up = False
        self._reason = ""
        self._interval = 0.0
        self._retries_left = 0
        self._give_up_at = 0.0

    # --- The owner's face: verbs.interfaces.Connection ---

    @property
    def queue_pair(self) -> QueuePair:
        """The queue pair; only after ``prepare``."""
        assert self._queue_pair is not None, "not prepared"
        return self._queue_pair

    @property
    def pd(self) -> ProtectionDomain:
        """The protection domain of the queue pair; only after ``prepare``."""
        assert self._pd is not None, "not prepared"
        return self._pd

    def disconnect(self) -> None:
        """Say good-bye (DREQ) and flush the queue pair. Harmless to repeat.

        The handler is told ``disconnected``, or ``failed`` if it never came up.
        """
        self._leave("disconnected by its owner")

    def close(self) -> None:
        """Disconnect if need be and free everything; the handler is not called any more."""
        self._handler = None
        self._leave("closed by its owner")
        if self._queue_pair is not None:
            self._manager.engine.destroy_queue_pair(self._queue_pair)

    def _leave(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._queue_pair is not None:
            self._queue_pair.fail(reason)
        self._manager.command(self, Event.DISCONNECT)

    # --- For the manager ---

    @property
    def queue_pair_number(self) -> int:
        """The number of the queue pair, 0 if there is none yet."""
        return self._queue_pair.number if self._queue_pair is not None else 0

    def prepare(
        self,
        pd: interfaces.ProtectionDomain,
        send_cq: interfaces.CompletionQueue,
        recv_cq: interfaces.CompletionQueue,
        options: QpOptions,
    ) -> None:
        """Make the queue pair, in INIT. Raises ``VerbsError`` for another provider's objects."""
        if not (
            isinstance(pd, ProtectionDomain)
            and isinstance(send_cq, CompletionQueue)
            and isinstance(recv_cq, CompletionQueue)
        ):
            raise VerbsError("the domain and the queues must be of the same provider")
        queue_pair = self._manager.engine.create_queue_pair(pd, send_cq, recv_cq, options)
        queue_pair.on_error = self._queue_pair_failed
        self._queue_pair = queue_pair
        self._pd = pd

    def request_connection(
        self, options: ConnectOptions, handler: ConnectionHandler, path_mtu: int
    ) -> None:
        """Ask for the connection, at the manager's next turn; ``path_mtu`` is in octets."""
        self._options = options
        self._handler = handler
        self._path_mtu = path_mtu
        self.initiator_depth = min(options.initiator_depth, self._depth_limit())
        self._transaction = self._manager.rng.getrandbits(32) << 32 | self.local_comm_id
        self._manager.command(self, Event.CONNECT)

    def take_request(self, request: Req, transaction: int, header: RdmaCmHeader, port: int) -> None:
        """Take over what the peer's REQ says, after it was checked."""
        self.incoming = request
        self.remote_comm_id = request.local_comm_id
        self.remote_qpn = request.local_qpn
        self.guid = request.local_ca_guid
        self.local_address = (self.local_port[0], port)
        self.peer_address = (self.remote_port[0], header.source_port)
        self._transaction = transaction
        self._path_mtu = PATH_MTUS[request.path_mtu]

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Accept the request, at the manager's next turn."""
        assert self.incoming is not None
        self._options = options
        self._handler = handler
        self.initiator_depth = min(
            options.initiator_depth, self.incoming.responder_resources, self._depth_limit()
        )
        self._manager.command(self, Event.ACCEPT)

    def reject(self, private_data: bytes) -> None:
        """Reject the request, at the manager's next turn."""
        self._options = ConnectOptions(private_data=private_data)
        self._manager.command(self, Event.REJECT)

    def fire(self, event: Event, message: CmMessage | None, now: float) -> bool:
        """Make the transition for ``event``; false if there is none and nothing happened."""
        step = TRANSITIONS.get((self.state, event))
        if step is None:
            return False
        action, after = step
        before, self.state = self.state, after
        self._manager.moved(self, before, after)
        ACTIONS[action](self, message, now)
        return True

    def run_timer(self, now: float) -> None:
        """Retry with twice the interval, or give up: the deadline has passed."""
        if self._retries_left == 0 or now >= self._give_up_at:
            self.deadline = None
            self.fire(Event.GIVE_UP, None, now)
            return
        self._retries_left -= 1
        self._interval = min(2 * self._interval, timers.LONGEST_RETRY_S)
        self._set_deadline(min(now + self._interval, self._give_up_at))
        self.fire(Event.RETRY, None, now)

    def peer_is_sending(self) -> None:
        """Take the peer's first packet as a sign that our REP arrived, even if the RTU was lost."""
        self.fire(Event.TRAFFIC, None, 0.0)

    def _peer_is_silent(self) -> None:
        self._manager.command(self, Event.SILENCE)

    def moot(self) -> None:
        """Tell the owner that the request it accepted is gone."""
        self._end(ConnectionAbortedError("the peer gave up before its request was accepted"))

    # --- Time ---

    def _arm(
        self, now: float, first: float, retries: int, give_up_at: float = float("inf")
    ) -> None:
        self._interval = first
        self._retries_left = retries
        self._give_up_at = give_up_at
        self._set_deadline(min(now + first, give_up_at))

    def _set_deadline(self, when: float) -> None:
        self.deadline = when
        self._manager.schedule(self, when)

    # --- Actions of the active side ---

    def _send_req(self, _: CmMessage | None, now: float) -> None:
        options, manager = self._options, self._manager
        local, remote = self.local_port[0], self.remote_port[0]
        header = RdmaCmHeader(local, self.local_address[1], remote)
        private_data = header.encode() + options.private_data
        if self._apart:
            private_data = answer_port.put_on(private_data, self.local_port[1])
        self._send(
            Req(
                local_comm_id=self.local_comm_id,
                service_id=service_id(self.peer_address[1]),
                local_ca_guid=manager.guid,
                local_qpn=self.queue_pair.number,
                starting_psn=self._starting_psn,
                local_gid=gid_of(local),
                remote_gid=gid_of(remote),
                path_mtu=PATH_MTU_CODES[self._path_mtu],
                responder_resources=min(options.responder_resources, self._depth_limit()),
                initiator_depth=self.initiator_depth,
                retry_count=min(options.retry_count, 7),
                rnr_retry_count=min(options.rnr_retry_count, 7),
                flow_label=manager.rng.getrandbits(20),
                private_data=private_data,
            )
        )
        self._arm(now, timers.FIRST_RETRY_S, timers.MAX_RETRIES, now + options.timeout_s)

    def _wait_longer(self, message: CmMessage | None, now: float) -> None:
        assert isinstance(message, Mra)
        pause = min(timers.exponent_seconds(message.service_timeout), timers.REQUEST_LIFETIME_S)
        patience = max(self._give_up_at, now + pause + self._options.timeout_s)
        self._arm(now, max(pause, timers.FIRST_RETRY_S), max(self._retries_left, 1), patience)

    def _take_reply(self, message: CmMessage | None, now: float) -> None:
        assert isinstance(message, Rep)
        options = self._options
        self.deadline = None
        # The peer may have in flight what we offered in the REQ; the REP does not change that.
        offered = min(options.responder_resources, self._depth_limit())
        self.initiator_depth = min(self.initiator_depth, message.responder_resources)
        self._raise_queue_pair(message.starting_psn, offered, message.rnr_retry_count)
        self._confirm()
        # Its packets and ours may go nowhere without a word: IBA has a responder drop what is for
        # no queue pair of its own, as one does that was started again in its predecessor's place.
        self.queue_pair.on_silence = self._peer_is_silent
        self._established(message.private_data)

    def _confirm(self, _: CmMessage | None = None, now: float = 0.0) -> None:
        assert self.remote_comm_id is not None
        self._send(Rtu(local_comm_id=self.local_comm_id, remote_comm_id=self.remote_comm_id))

    def _refused(self, message: CmMessage | None, now: float) -> None:
        assert isinstance(message, Rej)
        peer = "{}:{}".format(*self.peer_address)
        self._end(rejected(peer, message.reason, message.private_data))

    def _refuse_stale(self, message: CmMessage | None, now: float) -> None:
        assert isinstance(message, Rep)
        self.remote_comm_id = message.local_comm_id
        self._send_reject(MessageKind.REP, RejectReason.STALE_CONNECTION)
        self._end(
            ConnectionAbortedError("the peer answered with a queue pair of an old connection")
        )

    def _timed_out(self, _: CmMessage | None, now: float) -> None:
        self._send_reject(MessageKind.OTHER, RejectReason.TIMEOUT)
        missing = "confirmation" if self.incoming is not None else "answer"
        text = "no {} from {}:{}".format(missing, *self.peer_address)
        self._end(OSError(EADDRINUSE, f"{text}: {_APART}") if self._apart else TimeoutError(text))

    def _abort(self, _: CmMessage | None, now: float) -> None:
        self._send_reject(MessageKind.OTHER, RejectReason.TIMEOUT)
        self._end(ConnectionAbortedError(self._reason))

    # --- Actions of the passive side ---

    def _announce(self, _: CmMessage | None, now: float) -> None:
        assert self.incoming is not None
        limit = timers.exponent_seconds(self.incoming.remote_cm_response_timeout) / 2
        self._arm(now, min(limit, timers.MRA_DELAY_S), 1)
        self._manager.announce(self)

    def _send_mra(self, _: CmMessage | None, now: float) -> None:
        assert self.remote_comm_id is not None
        self._send(
            Mra(
                local_comm_id=self.local_comm_id,
                remote_comm_id=self.remote_comm_id,
                message=MessageKind.REQ,
                service_timeout=timers.MRA_SERVICE_TIMEOUT,
            )
        )
        self._arm(now, timers.REQUEST_LIFETIME_S, 0)

    def _send_rep(self, _: CmMessage | None, now: float) -> None:
        request, options = self.incoming, self._options
        assert request is not None
        resources = min(options.responder_resources, request.initiator_depth, self._depth_limit())
        # As in Linux, the retry counts of a side are those that its peer asked for.
        self.queue_pair.on_traffic = self.peer_is_sending
        self._raise_queue_pair(request.starting_psn, resources, request.rnr_retry_count)
        self._send(
            Rep(
                local_comm_id=self.local_comm_id,
                remote_comm_id=request.local_comm_id,
                local_qpn=self.queue_pair.number,
                starting_psn=self._starting_psn,
                local_ca_guid=self._manager.guid,
                responder_resources=resources,
                initiator_depth=self.initiator_depth,
                rnr_retry_count=min(options.rnr_retry_count, 7),
                private_data=options.private_data,
            )
        )
        pressed = self._manager.is_pressed(self.remote_port[0])
        self._arm(now, timers.FIRST_RETRY_S, 1 if pressed else timers.REP_RETRIES)

    def _crowded_out(self, _: CmMessage | None, now: float) -> None:
        self._end(ConnectionAbortedError("others want its place, and it was never confirmed"))

    def _send_rej(self, _: CmMessage | None, now: float) -> None:
        private_data = self._options.private_data if self.answered else b""
        self._send_reject(MessageKind.REQ, RejectReason.CONSUMER_REJECT, private_data)
        self._end(ConnectionAbortedError(self._reason or "rejected by its owner"))
        self._arm(now, timers.TIMEWAIT_S, 0)

    def _expired(self, _: CmMessage | None, now: float) -> None:
        self._send_reject(MessageKind.REQ, RejectReason.TIMEOUT)
        self._end(TimeoutError("the request was not accepted in time"))
        self._arm(now, timers.TIMEWAIT_S, 0)

    def _withdrawn(self, _: CmMessage | None, now: float) -> None:
        self._end(ConnectionAbortedError("the peer withdrew its request"))

    def _confirmed(self, _: CmMessage | None, now: float) -> None:
        self.deadline = None
        self._last = None
        self._established(b"")

    # --- Actions of both sides ---

    def _resend(self, message: CmMessage | None, now: float) -> None:
        if message is not None and not self._manager.may_answer(self.remote_port[0], now):
            return
        if self._last is not None:
            self._manager.counters["resent"] += 1
            self._send(self._last)

    def _send_dreq(self, _: CmMessage | None, now: float) -> None:
        assert self.remote_comm_id is not None
        self._send(
            Dreq(
                local_comm_id=self.local_comm_id,
                remote_comm_id=self.remote_comm_id,
                remote_qpn=self.remote_qpn,
            )
        )
        self._arm(now, timers.FIRST_RETRY_S, timers.DREQ_RETRIES)
        self._end(ConnectionAbortedError(self._reason or "the peer has started anew"))

    def _released(self, message: CmMessage | None, now: float) -> None:
        self._answer_dreq(message, now)
        self._end(ConnectionResetError("disconnected by the peer"))

    def _released_early(self, message: CmMessage | None, now: float) -> None:
        self._answer_dreq(message, now)
        self._end(ConnectionResetError("disconnected by the peer before it was up"))

    def _dropped(self, message: CmMessage | None, now: float) -> None:
        assert isinstance(message, Rej)
        self._linger(message, now)
        reason = reject_reason_name(message.reason)
        self._end(
            ConnectionResetError(f"the peer rejected the connection when it was up: {reason}")
        )

    def _answer_dreq(self, message: CmMessage | None, now: float) -> None:
        assert isinstance(message, Dreq)
        self._send(Drep(local_comm_id=self.local_comm_id, remote_comm_id=message.local_comm_id))
        self._arm(now, timers.TIMEWAIT_S, 0)

    def _linger(self, _: CmMessage | None, now: float) -> None:
        self._arm(now, timers.TIMEWAIT_S, 0)

    def _forget(self, _: CmMessage | None, now: float) -> None:
        self.deadline = None

    # --- What the actions share ---

    @property
    def _apart(self) -> bool:
        """Whether we ask for answers at a port other than the well-known one."""
        return self.incoming is None and self.local_port[1] != self.remote_port[1]

    def _depth_limit(self) -> int:
        return min(self._manager.engine.limits.max_rd_atomic, 255)

    def _send(self, message: CmMessage) -> None:
        self._last = message
        self._manager.send(message, self._transaction, self.local_port, self.remote_port)

    def _send_reject(self, kind: int, reason: int, private_data: bytes = b"") -> None:
        # A peer whose identifier we do not know yet finds the connection by our GUID.
        guid = self._manager.guid.to_bytes(8, "big") if reason == RejectReason.TIMEOUT else b""
        self._send(
            Rej(
                local_comm_id=self.local_comm_id,
                remote_comm_id=self.remote_comm_id or 0,
                message=kind,
                reason=reason,
                additional=guid,
                private_data=private_data,
            )
        )

    def _raise_queue_pair(self, send_psn: int, resources: int, rnr_retry_count: int) -> None:
        # "Starting PSN" is the one that the message's *receiver* shall begin to send with.
        retry_count = self._options.retry_count
        if self.incoming is not None:
            retry_count = self.incoming.retry_count
        queue_pair = self.queue_pair
        if queue_pair.state != QpState.INIT:
            return  # it has failed meanwhile, and Event.FAILED is queued
        queue_pair.ready_to_receive(
            local=self.local_port,
            remote=self.remote_port,
            remote_qpn=self.remote_qpn,
            receive_psn=self._starting_psn,
            path_mtu=self._path_mtu,
            responder_resources=resources,
        )
        queue_pair.ready_to_send(
            send_psn=send_psn,
            initiator_depth=self.initiator_depth,
            retry_count=retry_count,
            rnr_retry_count=rnr_retry_count,
        )

    def _queue_pair_failed(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._manager.command(self, Event.FAILED)

    def _established(self, private_data: bytes) -> None:
        self._up = True
        if self._handler is not None:
            self._handler.established(self, private_data)

    def _end(self, error: OSError) -> None:
        if self._queue_pair is not None:
            self._queue_pair.fail(str(error))
        handler, self._handler = self._handler, None
        if handler is None:
            return
        if self._up:
            handler.disconnected(str(error))
        else:
            handler.failed(error)


ACTIONS: dict[Action, Callable[[CmId, CmMessage | None, float], None]] = {
    Action.SEND_REQ: CmId._send_req,
    Action.RESEND: CmId._resend,
    Action.WAIT_LONGER: CmId._wait_longer,
    Action.CONFIRM_AGAIN: CmId._confirm,
    Action.TAKE_REPLY: CmId._take_reply,
    Action.REFUSED: CmId._refused,
    Action.RELEASED_EARLY: CmId._released_early,
    Action.REFUSE_STALE: CmId._refuse_stale,
    Action.TIMED_OUT: CmId._timed_out,
    Action.ABORT: CmId._abort,
    Action.ANNOUNCE: CmId._announce,
    Action.SEND_MRA: CmId._send_mra,
    Action.SEND_REP: CmId._send_rep,
    Action.SEND_REJ: CmId._send_rej,
    Action.WITHDRAWN: CmId._withdrawn,
    Action.CROWDED_OUT: CmId._crowded_out,
    Action.EXPIRED: CmId._expired,
    Action.CONFIRMED: CmId._confirmed,
    Action.SEND_DREQ: CmId._send_dreq,
    Action.FORGET: CmId._forget,
    Action.RELEASED: CmId._released,
    Action.DROPPED: CmId._dropped,
    Action.LINGER: CmId._linger,
    Action.ANSWER_DREQ: CmId._answer_dreq,
}
"""Action -> the method that carries it out, with the message, if it was one, and the time."""

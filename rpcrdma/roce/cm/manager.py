"""The connection manager: RDMA CM's connections over IB CM's messages, sans-IO, both roles.

It owns the communication identifiers (``cm_id.CmId``) and the listeners, finds the
identifier that a message is for, answers messages that are for none, and keeps the time:

    handle_mad(mad, source, destination, now)    a datagram that reached queue pair 1
    next_timeout() / handle_timeout(now)         retries, waits, and the owners' commands
    listen(...) / connect(...)                   what the engine delegates

What a peer can make us remember is bounded: half-open connections (``backlog``), connections, and
identifiers that linger; and so is what unconfirmed peers can make us send. Everything that is
dropped is counted in ``counters``.
"""

from __future__ import annotations

import errno
import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ...budget import network_of
from ...verbs.interfaces import ConnectionRequest, ConnectRequest
from ...verbs.types import VerbsError
from ..packets.burst import Address
from ..wire.addressee import Key, Number
from ..wire.cm_messages import (
    PATH_MTUS,
    TRANSPORT_RC,
    CmAttribute,
    CmMessage,
    Drep,
    Dreq,
    MessageKind,
    RdmaCmHeader,
    Rej,
    RejectReason,
    Rep,
    Req,
    Rtu,
    decode_message,
    gid_of,
    service_port,
)
from ..wire.mad import MadError, decode_mad, encode_mad
from . import answer_port
from .backlog import ROUND_TRIP_S, Backlog, Quota
from .cm_id import REQ_PRIVATE_ROOM, CmEngine, CmId
from .request import IncomingRequest
from .states import HALF_OPEN, LINGERING, Event, State

if TYPE_CHECKING:
    from random import Random

ROCE_PORT = 4791
"""The UDP port of RoCEv2 at both ends."""
EPHEMERAL_PORTS = range(49152, 65536)

MAX_LINGERING = 1024
MAX_CONNECTIONS = 4096
RECENT_IDS = 4096
REQUESTS_PER_S, REQUESTS_AT_ONCE = 64.0, 256
"""New requests of one address that are looked at; each costs its listener a queue pair."""
NEW_REQUESTS_PER_S, NEW_REQUESTS_AT_ONCE = 500.0, 1000
"""The same for all addresses together that have never confirmed a connection."""
DOUBTFUL_REQUESTS_PER_S, DOUBTFUL_REQUESTS_AT_ONCE = 50.0, 100
"""The same for those among them that have left requests unconfirmed."""
MAX_KNOWN = 4096
ANSWERS_PER_S, ANSWERS_AT_ONCE = 16.0, 64
"""Refusals, good-byes and repetitions for one address, on its word alone."""
ALL_ANSWERS_PER_S, ALL_ANSWERS_AT_ONCE = 512.0, 2048

_WANTING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)
"""Errors of a route look-up that mean that this host is short of resources."""

_EVENTS = {
    CmAttribute.MRA: Event.MRA,
    CmAttribute.REJ: Event.REJ,
    CmAttribute.REP: Event.REP,
    CmAttribute.RTU: Event.RTU,
    CmAttribute.DREQ: Event.DREQ,
    CmAttribute.DREP: Event.DREP,
}


class _Objection(Exception):
    """A reason to reject a REQ."""

    def __init__(self, reason: RejectReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach a host: the local address, and the path MTU in octets."""

    local: str
    path_mtu: int
    port: int = ROCE_PORT
    """Our UDP port, where answers are to come. Only our own ends answer at any other."""


class RouteFinder(Protocol):
    """Finds routes for the connection manager."""

    def __call__(self, host: str, local: str | None = None) -> Route:
        """Return the route to ``host``, from ``local`` if given. Raises ``OSError``."""


class Listener:
    """A port that accepts connections (``verbs.interfaces.Listener``)."""

    __slots__ = ("_manager", "address", "on_request")

    def __init__(
        self,
        manager: ConnectionManager,
        address: tuple[str, int],
        on_request: Callable[[ConnectionRequest], None],
    ) -> None:
        self._manager = manager
        self.address = address
        self.on_request = on_request

    def close(self) -> None:
        """Refuse new connections; those that are up stay up. Harmless to repeat."""
        self._manager.unlisten(self)


class ConnectionManager:
    """The communication identifiers and listeners of one engine."""

    def __init__(self, engine: CmEngine, *, rng: Random, route: RouteFinder) -> None:
        self.engine = engine
        self.rng = rng
        self.route = route
        self.guid = rng.getrandbits(64)
        """Our CA GUID. It is new for each process, so that peers notice a restart."""
        self.counters: Counter[str] = Counter()
        self.on_number: Callable[[Key, bool], None] = _unheard
        """Called with an identifier that there is from now on, or no longer."""
        self.on_listener: Callable[[Address, bool], None] = _unheard
        """Called with the address of a listener before it begins, and when it has ended.

        May raise ``OSError``: another program listens there.
        """
        self.is_unsure: Callable[[], bool] = bool
        """Whether others, who share our port, may have identifiers that we do not know of yet."""
        self._listeners: dict[tuple[str, int], Listener] = {}
        self._ids: dict[int, CmId] = {}
        self._requests: dict[tuple[str, int, int], CmId] = {}
        self._remote_pairs: dict[tuple[str, int, int], CmId] = {}
        self.backlog = Backlog()
        self._news = Quota(REQUESTS_PER_S, REQUESTS_AT_ONCE)
        self._new = Quota(NEW_REQUESTS_PER_S, NEW_REQUESTS_AT_ONCE)
        self._doubtful = Quota(DOUBTFUL_REQUESTS_PER_S, DOUBTFUL_REQUESTS_AT_ONCE)
        self._known: dict[str, bool] = {}
        """Address -> whether it ever confirmed a connection that it asked for; the latest last."""
        self._answers = Quota(
            ANSWERS_PER_S, ANSWERS_AT_ONCE, Quota(ALL_ANSWERS_PER_S, ALL_ANSWERS_AT_ONCE)
        )
        self._lingering: dict[CmId, None] = {}
        self._recent_ids: dict[int, None] = {}
        self._commands: deque[tuple[CmId, Event]] = deque()
        self._timers: list[tuple[float, int, CmId]] = []
        self._serial = 0
        self._fault: Exception | None = None

    def __len__(self) -> int:
        """Return the number of identifiers, in any state."""
        return len(self._ids)

    # --- The verbs ---

    def listen(
        self, address: str, port: int, on_request: Callable[[ConnectionRequest], None]
    ) -> Listener:
        """Listen on one of our addresses or a wildcard; port 0 takes a free one.

        Raises ``OSError`` when the port is taken.
        """
        if port == 0:
            port = self._free_port(lambda candidate: (address, candidate) in self._listeners)
        if not 0 < port < 65536:
            raise OSError(errno.EINVAL, f"no such port: {port}")
        if (address, port) in self._listeners:
            raise OSError(errno.EADDRINUSE, f"{address}:{port} is taken by another listener")
        self.on_listener((address, port), True)
        listener = Listener(self, (address, port), on_request)
        self._listeners[listener.address] = listener
        return listener

    def unlisten(self, listener: Listener) -> None:
        """Forget a listener. Harmless to repeat."""
        if self._listeners.get(listener.address) is listener:
            del self._listeners[listener.address]
            self.on_listener(listener.address, False)

    @property
    def numbers(self) -> list[Key]:
        """The identifiers."""
        return [(Number.IDENTIFIER, identifier) for identifier in self._ids]

    @property
    def listeners(self) -> list[Address]:
        """Where the listeners are: address or wildcard, and port."""
        return list(self._listeners)

    def connect(self, request: ConnectRequest) -> CmId:
        """Start to connect; the request's address is numeric.

        Raises ``OSError`` without a route, ``VerbsError`` when misused.
        """
        address, port = request.address, request.port
        if not 0 < port < 65536:
            raise OSError(errno.EINVAL, f"no such port: {port}")
        private_octets = len(request.connect_options.private_data)
        if private_octets > REQ_PRIVATE_ROOM:
            raise VerbsError(
                f"private data of {private_octets} octets: room for {REQ_PRIVATE_ROOM}"
            )
        route = self.route(address)
        if route.port != ROCE_PORT and private_octets > REQ_PRIVATE_ROOM - answer_port.OCTETS:
            raise VerbsError(f"private data of {private_octets} octets, and port 4791 is taken")
        cm_id = self._new_id((route.local, route.port), (address, ROCE_PORT))
        try:
            cm_id.prepare(request.pd, request.send_cq, request.recv_cq, request.qp_options)
        except VerbsError:
            self._remove(cm_id)
            raise
        source_port = self.rng.choice(EPHEMERAL_PORTS)
        cm_id.local_address = (route.local, source_port)
        cm_id.peer_address = (address, port)
        cm_id.request_connection(request.connect_options, request.handler, route.path_mtu)
        return cm_id

    def close(self) -> None:
        """Close every listener and connection. The DREQs leave at the next turn."""
        for listener in list(self._listeners.values()):
            self.unlisten(listener)
        for cm_id in list(self._ids.values()):
            cm_id.disconnect()

    # --- Input ---

    def handle_mad(
        self, mad: memoryview, source: Address, destination: Address, now: float
    ) -> None:
        """Take a datagram for queue pair 1; count and drop it if it is no CM message."""
        try:
            self._run_commands(now)
        finally:
            self._take_mad(mad, source, destination, now)

    def _take_mad(self, mad: memoryview, source: Address, destination: Address, now: float) -> None:
        asked_from = source
        source = (source[0], ROCE_PORT)  # answers go to the well-known port
        try:
            attribute, transaction, data = decode_mad(mad)
            if attribute == CmAttribute.REQ and not self._may_ask(source[0], now):
                self.counters["too many requests"] += 1  # an honest peer repeats its request
                return
            message = decode_message(attribute, data)
        except MadError:
            self.counters["undecodable"] += 1
            return
        if isinstance(message, Req):
            message, port = answer_port.taken_off(message)
            if port == asked_from[1] >= answer_port.LOWEST:
                source = asked_from
            self._handle_request(message, transaction, source, destination, now)
            return
        cm_id = self._find(message, source[0])
        if cm_id is None:
            self._handle_orphan(message, transaction, source, destination, now)
            return
        event = _EVENTS[CmAttribute(attribute)]
        if isinstance(message, Rep):
            event = self._learn_from_reply(cm_id, message, now)
        if not cm_id.fire(event, message, now):
            self.counters["out of turn"] += 1

    def next_timeout(self) -> float | None:
        """Return when to call ``handle_timeout``; 0.0 when a command is queued."""
        if self._commands:
            return 0.0
        timers = self._timers
        while timers and timers[0][2].deadline != timers[0][0]:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def handle_timeout(self, now: float) -> None:
        """Run the owners' commands and the timers that are due.

        What a handler raises is raised again when all of them have run.
        """
        try:
            self._run_commands(now)
        finally:
            while (timers := self._timers) and timers[0][0] <= now:
                when, _, cm_id = heapq.heappop(timers)
                if cm_id.deadline == when:
                    self._guard(cm_id.run_timer, now)
            self._raise_fault()

    # --- For the identifiers ---

    def is_pressed(self, host: str) -> bool:
        """Return whether there are many half-open connections, of ``host`` or in total."""
        return self.backlog.pressed(host)

    def command(self, cm_id: CmId, event: Event) -> None:
        """Queue an owner's command and ask the engine for a turn."""
        self._commands.append((cm_id, event))
        self.engine.on_ready()

    def schedule(self, cm_id: CmId, when: float) -> None:
        """Have the timer of ``cm_id`` run at ``when``, unless its deadline is moved."""
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, cm_id))
        if len(self._timers) > 64 + 4 * len(self._ids):
            self._timers = [entry for entry in self._timers if entry[2].deadline == entry[0]]
            heapq.heapify(self._timers)

    def send(
        self, message: CmMessage, transaction: int, source: Address, destination: Address
    ) -> None:
        """Send a message."""
        mad = encode_mad(message.ATTRIBUTE, transaction, message.encode())
        self.engine.send_mad(mad, source, destination)

    def announce(self, cm_id: CmId) -> None:
        """Tell the listener of a new request."""
        listener = self._listener(cm_id.local_address)
        if listener is not None:
            try:
                listener.on_request(IncomingRequest(cm_id))
            except BaseException:
                if not cm_id.answered:
                    self.command(cm_id, Event.REJECT)
                raise

    def moved(self, cm_id: CmId, before: State, after: State) -> None:
        """Update the backlog and the lingering identifiers when a state has changed."""
        if before is after:
            return
        if before in HALF_OPEN and after not in HALF_OPEN:
            self.backlog.discard(cm_id)
            network = network_of(cm_id.remote_port[0])
            confirmed = self._known.pop(network, False)
            self._known[network] = confirmed or after is State.ESTABLISHED
            if len(self._known) > MAX_KNOWN:
                del self._known[next(iter(self._known))]
        if after in LINGERING:
            self._lingering[cm_id] = None
            if len(self._lingering) > MAX_LINGERING:
                self._evict(next(iter(self._lingering)))
        elif before in LINGERING:
            del self._lingering[cm_id]
        if after is State.CLOSED:
            self._remove(cm_id)

    # --- Requests ---

    def _handle_request(
        self,
        request: Req,
        transaction: int,
        source: Address,
        destination: Address,
        now: float,
    ) -> None:
        key = (source[0], request.local_ca_guid, request.local_comm_id)
        known = self._requests.get(key)
        if known is not None:
            if not known.fire(Event.REQ, request, now):
                self.counters["out of turn"] += 1
            return
        victim = self.backlog.victim(source[0], now)
        if victim is not None and self.backlog.age(victim, now) < ROUND_TRIP_S:
            self.counters["too many requests"] += 1
            return
        stale = self._remote_pairs.get((source[0], request.local_ca_guid, request.local_qpn))
        port = service_port(request.service_id)
        try:
            if port is None or self._listener((destination[0], port)) is None:
                raise _Objection(RejectReason.INVALID_SERVICE_ID)
            header = self._examine(request, source, destination)
            if stale is not None:
                stale.fire(Event.STALE, None, now)
                raise _Objection(RejectReason.STALE_CONNECTION)
        except _Objection as objection:
            self.counters["refused"] += 1
            if not self.may_answer(source[0], now):
                return
            reject = Rej(
                local_comm_id=0,
                remote_comm_id=request.local_comm_id,
                message=MessageKind.REQ,
                reason=objection.reason,
            )
            self.send(reject, transaction, destination, source)
            return
        if victim is not None:
            self.counters["half-open given up"] += 1
            victim.fire(Event.EVICT, None, now)
        cm_id = self._new_id(destination, source)
        cm_id.take_request(request, transaction, header, port)
        self.backlog.add(cm_id, now)
        self._requests[key] = cm_id
        self._remote_pairs[source[0], request.local_ca_guid, request.local_qpn] = cm_id
        cm_id.fire(Event.ANNOUNCE, None, now)

    def _may_ask(self, host: str, now: float) -> bool:
        """Return whether a new request of ``host`` is to be looked at."""
        if not self._news.take(host, now):
            return False
        confirms = self._known.get(network_of(host))
        if confirms is None:
            return self._new.take("", now)
        return confirms or self._doubtful.take("", now)

    def may_answer(self, host: str, now: float) -> bool:
        """Return whether to answer ``host``, which may never have asked."""
        if self._answers.take(host, now):
            return True
        self.counters["unanswered"] += 1
        return False

    def _examine(self, request: Req, source: Address, destination: Address) -> RdmaCmHeader:
        """Check a REQ. Raises ``_Objection`` if it must be rejected."""
        if request.transport != TRANSPORT_RC:
            raise _Objection(RejectReason.INVALID_TRANSPORT_SERVICE_TYPE)
        if request.local_gid != gid_of(source[0]):
            # The queue pair's packets go to the GID, so it must be the sender's.
            raise _Objection(RejectReason.PRIMARY_REMOTE_PORT_GID_REJECTED)
        try:
            header = RdmaCmHeader.decode(request.private_data)
        except MadError as error:
            raise _Objection(RejectReason.UNSUPPORTED_REQUEST) from error
        if (":" in header.source) != (":" in source[0]) or request.local_qpn <= 1:
            raise _Objection(RejectReason.UNSUPPORTED_REQUEST)
        try:
            largest = self.route(source[0], destination[0]).path_mtu
        except OSError as error:
            if error.errno in _WANTING:
                raise _Objection(RejectReason.NO_RESOURCES) from error
            raise _Objection(RejectReason.PRIMARY_REMOTE_PORT_GID_REJECTED) from error
        if not 0 < PATH_MTUS.get(request.path_mtu, 0) <= largest:
            raise _Objection(RejectReason.INVALID_PATH_MTU)
        if len(self._ids) - len(self._lingering) >= MAX_CONNECTIONS:
            raise _Objection(RejectReason.NO_RESOURCES)
        return header

    def _listener(self, address: tuple[str, int]) -> Listener | None:
        host, port = address
        listener = self._listeners.get((host, port))
        if listener is None:
            listener = self._listeners.get(("::" if ":" in host else "0.0.0.0", port))
        return listener

    # --- Other messages ---

    def _find(self, message: CmMessage, host: str) -> CmId | None:
        """Return the identifier that a message is for, if it comes from that identifier's peer."""
        assert not isinstance(message, Req)
        if isinstance(message, Rej) and message.remote_comm_id == 0:
            # The peer has never seen our identifier; its REJ names its GUID instead.
            guid = int.from_bytes(message.additional[:8], "big")
            return self._requests.get((host, guid, message.local_comm_id))
        cm_id = self._ids.get(message.remote_comm_id)
        if cm_id is None or cm_id.remote_port[0] != host:
            return None
        if cm_id.remote_comm_id is None:
            return cm_id
        if cm_id.remote_comm_id != message.local_comm_id:
            return None
        if isinstance(message, Dreq) and message.remote_qpn != cm_id.queue_pair_number:
            return None
        return cm_id

    def _handle_orphan(
        self,
        message: CmMessage,
        transaction: int,
        source: Address,
        destination: Address,
        now: float,
    ) -> None:
        """Answer a message for an identifier that is gone: the sender would repeat it."""
        assert not isinstance(message, Req)
        self.counters["orphans"] += 1
        if not isinstance(message, Dreq) and self.is_unsure():
            return
        if not isinstance(message, Dreq | Rep | Rtu) or not self.may_answer(source[0], now):
            return
        if isinstance(message, Dreq):
            answer = Drep(
                local_comm_id=message.remote_comm_id, remote_comm_id=message.local_comm_id
            )
            self.send(answer, transaction, destination, source)
        else:
            reject = Rej(
                local_comm_id=message.remote_comm_id,
                remote_comm_id=message.local_comm_id,
                message=MessageKind.REP if isinstance(message, Rep) else MessageKind.OTHER,
                reason=RejectReason.INVALID_COMMUNICATION_ID,
            )
            self.send(reject, transaction, destination, source)

    def _learn_from_reply(self, cm_id: CmId, reply: Rep, now: float) -> Event:
        """Take the peer's identity from the REP we wait for; return the event it amounts to."""
        if cm_id.state not in (State.REQ_SENT, State.REP_WAIT):
            return Event.REP
        host = cm_id.remote_port[0]
        other = self._remote_pairs.get((host, reply.local_ca_guid, reply.local_qpn))
        if other is not None and other is not cm_id:
            other.fire(Event.STALE, None, now)
            return Event.STALE
        cm_id.remote_comm_id = reply.local_comm_id
        cm_id.remote_qpn = reply.local_qpn
        cm_id.guid = reply.local_ca_guid
        self._remote_pairs[host, reply.local_ca_guid, reply.local_qpn] = cm_id
        return Event.REP

    # --- The books ---

    def _run_commands(self, now: float) -> None:
        commands = self._commands
        while commands:
            self._guard(self._run_command, *commands.popleft(), now)
        self._raise_fault()

    def _run_command(self, cm_id: CmId, event: Event, now: float) -> None:
        if not cm_id.fire(event, None, now) and event is Event.ACCEPT:
            cm_id.moot()

    def _guard(self, step: Callable[..., None], *args: Any) -> None:
        """Run ``step``; keep what it raises until the others have run."""
        try:
            step(*args)
        except Exception as error:
            self._fault = self._fault or error

    def _raise_fault(self) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _new_id(self, local: Address, remote: Address) -> CmId:
        while True:
            identifier = self.rng.getrandbits(32)
            if identifier and identifier not in self._recent_ids:
                break
        self._recent_ids[identifier] = None
        if len(self._recent_ids) > RECENT_IDS + len(self._ids):
            oldest = next(iter(self._recent_ids))
            del self._recent_ids[oldest]
            if oldest in self._ids:
                self._recent_ids[oldest] = None
        cm_id = CmId(self, identifier, local, remote)
        self._ids[identifier] = cm_id
        self.on_number((Number.IDENTIFIER, identifier), True)
        return cm_id

    def _evict(self, cm_id: CmId) -> None:
        self.counters["evicted"] += 1
        cm_id.fire(Event.GIVE_UP, None, 0.0)

    def _remove(self, cm_id: CmId) -> None:
        cm_id.deadline = None
        if self._ids.pop(cm_id.local_comm_id, None) is not None:
            self.on_number((Number.IDENTIFIER, cm_id.local_comm_id), False)
        host = cm_id.remote_port[0]
        if cm_id.remote_comm_id is not None:
            key = (host, cm_id.guid, cm_id.remote_comm_id)
            if self._requests.get(key) is cm_id:
                del self._requests[key]
        pair = (host, cm_id.guid, cm_id.remote_qpn)
        if self._remote_pairs.get(pair) is cm_id:
            del self._remote_pairs[pair]

    def _free_port(self, taken: Callable[[int], bool]) -> int:
        for _ in range(256):
            candidate = self.rng.choice(EPHEMERAL_PORTS)
            if not taken(candidate):
                return candidate
        raise OSError(errno.EADDRINUSE, "no port is free")


def _unheard(_: Any, __: bool) -> None:
    """Do nothing: nobody shares our port."""

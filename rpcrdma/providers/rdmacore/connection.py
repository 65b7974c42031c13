"""Connections over the kernel's connection manager.

The kernel does the messages of IBA, Chapter 12, and their repetition; a :class:`Connection` turns
its events into changes of the queue pair's state and into what its owner is told::

    active   resolve address - resolve route - REQ - (REP) queue pair up, RTU - established
    passive  (REQ) - prepare: queue pair made - accept: queue pair up, REP - (RTU) established

The kernel does not say that a peer asked for more time (MRA). So ``ConnectOptions.timeout_s`` is
the time until the connection is up, whatever the peer says.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from ...roce.cm.rejection import rejected
from ...task import TimerHandle
from ...verbs import interfaces
from ...verbs.interfaces import ConnectionHandler, ConnectRequest
from ...verbs.types import ConnectOptions, QpOptions, QpState, VerbsError
from . import librdmacm
from .bindings import error_code
from .completion import CompletionQueue
from .handles import Handles
from .librdmacm import ConnectionParameters, Event
from .memory import ProtectionDomain
from .queue_pair import QueuePair

REQUEST_ROOM: Final = 56
REPLY_ROOM: Final = 196
REJECT_ROOM: Final = 148
"""Octets of private data in the connection manager's messages."""

_MOST_DEPTH: Final = 254  # 255 means "whatever the device can"
_RNR_TIMER: Final = 12
"""640 us between attempts when no receive is posted; the kernel's default, 0, is 655 ms."""
_SLOWEST_RESEND: Final = 16
"""4.096 us * 2**16 = 0.27 s until an acknowledgement is missed; the kernel says up to 2.1 s."""


class Connection:
    """A queue pair and its identifier (``verbs.interfaces.Connection``)."""

    def __init__(self, handles: Handles) -> None:
        self.local_address = self.peer_address = ("", 0)
        self.initiator_depth = 0
        self._handles = handles
        self._channel = handles.channel
        self._library = handles.channel.library
        self._id = 0
        self._pd: ProtectionDomain | None = None
        self._queue_pair: QueuePair | None = None
        self._handler: ConnectionHandler | None = None
        self._options = ConnectOptions()
        self._timer: TimerHandle | None = None
        self._up = False
        self._closed = False
        self._error: OSError | None = None
        handles.connections.add(self)

    @property
    def queue_pair(self) -> QueuePair:
        """The queue pair; of an incoming connection once it is prepared."""
        assert self._queue_pair is not None, "not prepared"
        return self._queue_pair

    @property
    def pd(self) -> ProtectionDomain:
        """The queue pair's protection domain."""
        assert self._pd is not None, "not prepared"
        return self._pd

    def disconnect(self) -> None:
        """Say good-bye (DREQ) and flush the queue pair. Harmless to repeat."""
        self._end(ConnectionAbortedError("disconnected by its owner"))

    def close(self) -> None:
        """Disconnect if need be and free everything; the handler is not called any more."""
        self._closed = True
        self.disconnect()

    def handle(self, event: Event) -> None:
        """Take an event of the connection manager."""
        action = self._actions().get(event.kind)
        if action is not None and self._error is None:
            with self._failing():
                action(event)

    def _actions(self) -> Mapping[int, Callable[[Event], None]]:
        """Event -> the method that takes it; an event that is absent means nothing."""
        raise NotImplementedError

    # --- What both sides do ---

    def _failing(self) -> _Failing:
        """Return a context whose errors end the connection."""
        return _Failing(self)

    def _make_queue_pair(
        self,
        pd: interfaces.ProtectionDomain,
        send_cq: interfaces.CompletionQueue,
        recv_cq: interfaces.CompletionQueue,
        options: QpOptions,
        port: int,
    ) -> None:
        assert isinstance(pd, ProtectionDomain)
        assert isinstance(send_cq, CompletionQueue)
        assert isinstance(recv_cq, CompletionQueue)
        try:
            queue_pair = QueuePair(self._handles, pd, send_cq, recv_cq, options, port)
        except self._handles.pyverbs.PyverbsError as error:
            raise OSError(error_code(error), f"no queue pair: {error}") from error
        queue_pair.on_error = self._broken
        self._queue_pair = queue_pair
        self._pd = pd

    def _depth_limit(self) -> int:
        return min(self._handles.limits.max_rd_atomic, _MOST_DEPTH)

    def _parameters(self, responder_resources: int, initiator_depth: int) -> ConnectionParameters:
        options, most = self._options, self._depth_limit()
        return ConnectionParameters(
            self.queue_pair.number,
            options.private_data,
            min(responder_resources, most),
            min(initiator_depth, most),
            min(options.retry_count, 7),
            min(options.rnr_retry_count, 7),
        )

    def _raise_queue_pair(self, responder_resources: int) -> None:
        """Move the queue pair to RTS, by way of INIT with the port and partition of the address."""
        queue_pair, library = self.queue_pair, self._library
        if queue_pair.error is not None:
            raise ConnectionAbortedError(queue_pair.error)
        queue_pair.initialize(*library.qp_attributes(self._id, QpState.INIT))
        attributes, mask = library.qp_attributes(self._id, QpState.RTR)
        attributes.max_dest_rd_atomic = min(responder_resources, self._depth_limit())
        attributes.min_rnr_timer = _RNR_TIMER
        queue_pair.ready_to_receive(attributes, mask)
        attributes, mask = library.qp_attributes(self._id, QpState.RTS)
        attributes.max_rd_atomic = self.initiator_depth
        attributes.timeout = min(attributes.timeout or _SLOWEST_RESEND, _SLOWEST_RESEND)
        queue_pair.ready_to_send(attributes, mask)

    def _established(self, private_data: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._up = True
        if self._handler is not None:
            self._handler.established(self, private_data)

    def _released(self, event: Event) -> None:
        self._end(ConnectionResetError("disconnected by the peer"))

    def _removed(self, event: Event) -> None:
        self._end(OSError(errno.ENODEV, f"the device {self._handles.name} was removed"))

    def _unreachable(self, event: Event) -> None:
        peer = "{}:{}".format(*self.peer_address)
        code = -event.status if event.status < 0 else errno.EHOSTUNREACH
        if code == errno.ETIMEDOUT:
            self._end(TimeoutError(f"no answer from {peer}"))
        else:
            self._end(OSError(code, f"{peer} cannot be reached: {os.strerror(code)}"))

    def _broken(self, reason: str) -> None:
        self._end(ConnectionAbortedError(reason))

    # --- The end ---

    def _end(self, error: OSError) -> None:
        """End the connection for good; the owner is told in the next turn."""
        if self._error is not None:
            return
        self._error = error
        self._handles.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._free_identifier()
        if self._queue_pair is not None:
            self._queue_pair.fail(str(error))
        self._channel.reactor.call_soon(self._tell)

    def _free_identifier(self) -> None:
        identifier, self._id = self._id, 0
        if not identifier:
            return
        if self._up:
            with suppress(OSError):  # the kernel may be ahead of us
                self._library.disconnect(identifier)
            self._channel.linger(identifier)
        else:
            self._channel.destroy(identifier)

    def _tell(self) -> None:
        handler, error = self._handler, self._error
        if handler is None or error is None or self._closed:
            return
        self._handler = None
        if self._up:
            handler.disconnected(str(error))
        else:
            handler.failed(error)


class _Failing:
    """A context manager: errors in its block end a connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        connection = self._connection
        if isinstance(error, OSError):
            connection._end(error)
        elif isinstance(error, connection._handles.pyverbs.PyverbsError):
            connection._end(OSError(error_code(error), str(error)))
        else:
            return False
        return True


class ActiveConnection(Connection):
    """A connection that we ask for."""

    def _actions(self) -> Mapping[int, Callable[[Event], None]]:
        return {
            librdmacm.ADDR_RESOLVED: self._address_resolved,
            librdmacm.ADDR_ERROR: self._unreachable,
            librdmacm.ROUTE_RESOLVED: self._route_resolved,
            librdmacm.ROUTE_ERROR: self._unreachable,
            librdmacm.CONNECT_RESPONSE: self._answered,
            librdmacm.CONNECT_ERROR: self._unreachable,
            librdmacm.UNREACHABLE: self._unreachable,
            librdmacm.REJECTED: self._refused,
            librdmacm.DISCONNECTED: self._released,
            librdmacm.DEVICE_REMOVAL: self._removed,
        }

    def connect(self, request: ConnectRequest, to: tuple[str, int], source: str | None) -> None:
        """Make the queue pair and start to connect, from the address ``source`` if given.

        ``to`` is the request's address, looked up.
        Raises ``OSError`` (no route, nothing left to make a queue pair of) or ``VerbsError``.
        """
        options = request.connect_options
        check_room(options.private_data, REQUEST_ROOM)
        self.peer_address = to
        self._options = options
        try:
            self._make_queue_pair(
                request.pd,
                request.send_cq,
                request.recv_cq,
                request.qp_options,
                self._handles.port,
            )
            self._id = self._channel.create(self)
            self._library.resolve_address(self._id, source, to, options.timeout_s)
        except BaseException:
            self.close()
            raise
        self._handler = request.handler
        reactor = self._channel.reactor
        self._timer = reactor.call_at(reactor.time() + options.timeout_s, self._timed_out)

    def _timed_out(self) -> None:
        self._end(TimeoutError("no answer from {}:{}".format(*self.peer_address)))

    def _address_resolved(self, event: Event) -> None:
        self.local_address = self._library.addresses(self._id)[0]
        name, _ = self._library.device(self._id)
        if name != self._handles.name:
            host = self.peer_address[0]
            problem = f"the way to {host} is through {name}, not {self._handles.name}: open that"
            raise OSError(errno.ENODEV, problem)
        self._library.resolve_route(self._id, self._options.timeout_s)

    def _route_resolved(self, event: Event) -> None:
        options = self._options
        parameters = self._parameters(options.responder_resources, options.initiator_depth)
        self._library.connect(self._id, parameters)

    def _answered(self, event: Event) -> None:
        options = self._options
        self.initiator_depth = min(
            options.initiator_depth, event.initiator_depth, self._depth_limit()
        )
        # What the peer may have in flight here is what we offered, whatever it says now.
        self._raise_queue_pair(options.responder_resources)
        self._library.establish(self._id)
        self._established(event.private_data)

    def _refused(self, event: Event) -> None:
        peer = "{}:{}".format(*self.peer_address)
        self._end(rejected(peer, event.status, event.private_data))


class PassiveConnection(Connection):
    """A connection that a peer asks for."""

    def __init__(self, handles: Handles, offer: Event) -> None:
        """Take the peer's request, ``offer``."""
        super().__init__(handles)
        self._offer = offer
        self._id = offer.id
        self._channel.adopt(offer.id, self)
        self.local_address, self.peer_address = self._library.addresses(offer.id)
        self._port = self._library.device(offer.id)[1]

    def _actions(self) -> Mapping[int, Callable[[Event], None]]:
        return {
            librdmacm.ESTABLISHED: self._confirmed,
            librdmacm.CONNECT_ERROR: self._unreachable,
            librdmacm.UNREACHABLE: self._unreachable,
            librdmacm.REJECTED: self._withdrawn,
            librdmacm.DISCONNECTED: self._released,
            librdmacm.DEVICE_REMOVAL: self._removed,
        }

    def prepare(
        self,
        pd: interfaces.ProtectionDomain,
        send_cq: interfaces.CompletionQueue,
        recv_cq: interfaces.CompletionQueue,
        options: QpOptions,
    ) -> None:
        """Make the queue pair. Raises ``OSError`` or ``VerbsError``."""
        self._make_queue_pair(pd, send_cq, recv_cq, options, self._port)
        if self._error is not None:
            self.queue_pair.fail(str(self._error))

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Accept; failures, also earlier ones, are told to the handler."""
        self._options = options
        self._handler = handler
        if self._error is not None:
            self._channel.reactor.call_soon(self._tell)
            return
        offer = self._offer
        resources = min(options.responder_resources, offer.responder_resources)
        self.initiator_depth = min(
            options.initiator_depth, offer.initiator_depth, self._depth_limit()
        )
        with self._failing():
            self._raise_queue_pair(resources)
            self._library.accept(self._id, self._parameters(resources, self.initiator_depth))

    def reject(self, private_data: bytes) -> None:
        """Reject."""
        if self._error is None:
            with suppress(OSError):  # the peer may have given up meanwhile
                self._library.reject(self._id, private_data)
        self._closed = True
        self._end(ConnectionAbortedError("rejected by its owner"))

    def _confirmed(self, event: Event) -> None:
        self._established(b"")

    def _withdrawn(self, event: Event) -> None:
        self._end(ConnectionAbortedError("the peer gave up before it was up"))


def check_room(private_data: bytes, room: int) -> None:
    """Check that the private data fit. Raises ``VerbsError`` if not."""
    if len(private_data) > room:
        raise VerbsError(f"private data of {len(private_data)} octets: room for {room}")

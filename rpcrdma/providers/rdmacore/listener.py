"""Listeners, and the requests that come to them."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

from ...verbs import interfaces
from ...verbs.interfaces import ConnectionHandler
from ...verbs.types import ConnectOptions, QpOptions, VerbsError
from .connection import REJECT_ROOM, REPLY_ROOM, PassiveConnection, check_room
from .handles import Handles
from .librdmacm import CONNECT_REQUEST, Event

_log = logging.getLogger(__name__)


class Listener:
    """Takes requests for one address (``verbs.interfaces.Listener``)."""

    def __init__(
        self,
        handles: Handles,
        address: tuple[str, int],
        on_request: Callable[[interfaces.ConnectionRequest], None],
    ) -> None:
        """Listen. Raises ``OSError`` when the address or the port cannot be had."""
        self._handles = handles
        self._channel = handles.channel
        self._on_request = on_request
        library = self._channel.library
        self._id = self._channel.create(self)
        try:
            library.bind(self._id, address)
            self._check_device(address[0])
            library.listen(self._id)
        except OSError as error:
            self._channel.destroy(self._id)
            raise OSError(error.errno, "{}:{}: {}".format(*address, error.strerror)) from error
        self.address = library.addresses(self._id)[0]
        handles.listeners.add(self)

    def handle(self, event: Event) -> None:
        """Take a request of a peer."""
        if event.kind != CONNECT_REQUEST:
            return
        name, _ = self._channel.library.device(event.id)
        connection = PassiveConnection(self._handles, event)
        request = IncomingRequest(connection, event)
        if name != self._handles.name:
            # A listener on a wildcard address gets requests to other devices as well.
            request.reject()
            return
        try:
            self._on_request(request)
        except Exception:
            # The owner must not raise; as a rule resources for a queue pair were missing.
            _log.exception("a connection request could not be answered")
            if not request.answered:
                request.reject()

    def _check_device(self, address: str) -> None:
        """Refuse another device's address: such a listener could accept nothing."""
        name, _ = self._channel.library.device(self._id)
        if name not in ("", self._handles.name):
            raise OSError(
                errno.EADDRNOTAVAIL,
                f"the address is of the device {name}, and the one in use is {self._handles.name}",
            )

    def close(self) -> None:
        """Refuse new connections; those that are up stay up. Harmless to repeat."""
        if self in self._handles.listeners:
            self._handles.listeners.discard(self)
            self._channel.destroy(self._id)


class IncomingRequest:
    """A peer wants to connect (``verbs.interfaces.ConnectionRequest``)."""

    __slots__ = ("_connection", "_prepared", "answered", "private_data", "responder_resources")

    def __init__(self, connection: PassiveConnection, event: Event) -> None:
        self._connection = connection
        self._prepared = False
        self.answered = False
        self.private_data = event.private_data
        self.responder_resources = event.initiator_depth
        """RDMA READs of ours that the peer offers to answer at a time."""

    @property
    def peer_address(self) -> tuple[str, int]:
        """The peer's address and port."""
        return self._connection.peer_address

    @property
    def uid(self) -> int | None:
        """``None``: a request does not tell whose process the peer is."""
        return None

    def prepare(
        self,
        pd: interfaces.ProtectionDomain,
        send_cq: interfaces.CompletionQueue,
        recv_cq: interfaces.CompletionQueue,
        options: QpOptions,
    ) -> interfaces.Connection:
        """Make the queue pair, so that receives can be posted before the peer may send."""
        if self._prepared:
            raise VerbsError("the request has been prepared already")
        self._connection.prepare(pd, send_cq, recv_cq, options)
        self._prepared = True
        return self._connection

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Accept. Raises ``VerbsError`` if not prepared or answered already."""
        if not self._prepared:
            raise VerbsError("a request must be prepared before it can be accepted")
        self._answer(options.private_data, REPLY_ROOM)
        self._connection.accept(options, handler)

    def reject(self, private_data: bytes = b"") -> None:
        """Reject (REJ, consumer reject). Raises ``VerbsError`` if answered already."""
        self._answer(private_data, REJECT_ROOM)
        self._connection.reject(private_data)

    def _answer(self, private_data: bytes, room: int) -> None:
        if self.answered:
            raise VerbsError("the request has been answered already")
        check_room(private_data, room)
        self.answered = True

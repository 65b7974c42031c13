"""Listening: accepted sockets, the requests that come over them, and the answers."""

from __future__ import annotations

import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from ...complaints import Complaints
from ...io.fork import keep_from_children
from ...software.completion import CompletionQueue
from ...task import TimerHandle
from ...verbs import interfaces
from ...verbs.interfaces import Connection, ConnectionHandler, ConnectionRequest
from ...verbs.types import ConnectOptions, QpOptions, VerbsError, WcStatus
from . import messages
from .connection import ConnectionHost, ShmConnection
from .messages import BadMessage, Kind, Offer
from .regions import ProtectionDomain
from .rendezvous import Credentials, Meeting, credentials

_log = logging.getLogger(__name__)

_GREETING_S: Final = 10.0
_PAUSE_S: Final = 1.0
_ACCEPTS: Final = 8
"""Connections accepted before others have their turn."""
_MAX_STRANGERS: Final = 128
"""Sockets that have connected and have sent nothing yet."""


class ListenerHost(ConnectionHost, Protocol):
    """What a listener needs from its device."""

    listeners: dict[ShmListener, None]

    def believed(self, host: str, who: Credentials) -> str:
        """Return the address of a peer that claims to be ``host``."""


class ShmListener:
    """A name that peers can find (``verbs.interfaces.Listener``)."""

    def __init__(
        self, device: ListenerHost, meeting: Meeting, host: str, on_request: OnRequest
    ) -> None:
        self._device = device
        self._meeting = meeting
        self._on_request = on_request
        self._strangers: dict[socket.socket, tuple[TimerHandle, int]] = {}
        self._complaints = Complaints(_log, device.reactor.time)
        self._closed = False
        self.address = (host, meeting.port)
        device.reactor.add_reader(meeting.socket.fileno(), self._knocked)

    @property
    def sock(self) -> socket.socket:
        """The socket that listens."""
        return self._meeting.socket

    def close(self) -> None:
        """Refuse new connections. Harmless to repeat."""
        if self._closed:
            return
        self._closed = True
        self._device.reactor.remove_reader(self._meeting.socket.fileno())
        self._meeting.close()
        for stranger in list(self._strangers):
            self._dismiss(stranger)
        self._device.listeners.pop(self, None)

    def _knocked(self) -> None:
        # A bounded number, or a peer that connects in a loop would keep all others waiting.
        for _ in range(_ACCEPTS):
            try:
                accepted = self._meeting.socket.accept()[0]
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._look_away(error)
                return
            keep_from_children(accepted)
            if len(self._strangers) >= _MAX_STRANGERS:
                self._make_room()
            accepted.setblocking(False)
            reactor = self._device.reactor
            timer = reactor.call_at(reactor.time() + _GREETING_S, self._dismiss, accepted)
            self._strangers[accepted] = timer, credentials(accepted).uid
            reactor.add_reader(accepted.fileno(), self._spoke, accepted)

    def _look_away(self, error: OSError) -> None:
        """Stop accepting for a while: there are no descriptors, and the socket stays readable."""
        _log.error("cannot accept connections: %s", error)
        reactor, watched = self._device.reactor, self._meeting.socket.fileno()
        reactor.remove_reader(watched)

        def look_again() -> None:
            if not self._closed:
                reactor.add_reader(watched, self._knocked)

        reactor.call_at(reactor.time() + _PAUSE_S, look_again)

    def _make_room(self) -> None:
        """Dismiss the oldest silent socket of the user with the most of them."""
        users = Counter(uid for _, uid in self._strangers.values())
        ((most, _),) = users.most_common(1)
        self._dismiss(next(each for each, (_, uid) in self._strangers.items() if uid == most))

    def _dismiss(self, stranger: socket.socket) -> None:
        self._forget(stranger)
        stranger.close()

    def _forget(self, stranger: socket.socket) -> None:
        timer, _ = self._strangers.pop(stranger)
        timer.cancel()
        self._device.reactor.remove_reader(stranger.fileno())

    def _spoke(self, stranger: socket.socket) -> None:
        try:
            message = messages.receive(stranger)
        except BlockingIOError:
            return
        except (OSError, BadMessage):
            message = None
        if message is None:
            self._dismiss(stranger)
            return
        self._forget(stranger)
        kind, body, fds = message
        try:
            if kind is not Kind.REQ:
                raise BadMessage(f"{kind.name} to begin with")
            offer = Offer.decode(body)
        except BadMessage:
            for fd in fds:
                os.close(fd)
            stranger.close()
            return
        with suppress(OSError):
            messages.send(stranger, Kind.MRA)
        request = ShmRequest(self._device, stranger, offer, fds, self.address)
        try:
            self._on_request(request)
        except Exception as error:
            # The owner must not raise; as a rule resources for a queue pair were missing.
            self._complaints.failure("a connection request", error)
            if not request.answered:
                request.reject()


class ShmRequest:
    """A peer wants to connect (``verbs.interfaces.ConnectionRequest``)."""

    def __init__(
        self,
        device: ListenerHost,
        accepted: socket.socket,
        offer: Offer,
        fds: list[int],
        address: tuple[str, int],
    ) -> None:
        self._device = device
        self._socket = accepted
        self._offer = offer
        self._fds = fds
        self._connection: ShmConnection | None = None
        self.answered = False
        self.credentials: Credentials = credentials(accepted)
        self.uid = self.credentials.uid
        self.private_data = offer.private_data
        self.responder_resources = offer.responder_resources
        self.peer_address = device.believed(offer.host, self.credentials), offer.port
        host = address[0] if address[0] not in ("0.0.0.0", "::") else self.peer_address[0]
        self._local = host, address[1]

    def prepare(
        self,
        pd: interfaces.ProtectionDomain,
        send_cq: interfaces.CompletionQueue,
        recv_cq: interfaces.CompletionQueue,
        options: QpOptions,
    ) -> Connection:
        """Make the queue pair."""
        if self.answered or self._connection is not None:
            raise VerbsError("the request was answered, or prepared for", WcStatus.LOC_QP_OP_ERR)
        assert isinstance(pd, ProtectionDomain)
        assert isinstance(send_cq, CompletionQueue)
        assert isinstance(recv_cq, CompletionQueue)
        connection = ShmConnection(
            self._device, pd, send_cq, recv_cq, options, self._local, self.peer_address
        )
        self._connection = connection
        fds, self._fds = self._fds, []
        try:
            connection.take_request(self._socket, self.credentials, self._offer, fds)
        except OSError as error:
            # The peer's offer cannot be used; the owner is told when it has answered.
            connection.refuse(error)
        return connection

    def accept(self, options: ConnectOptions, handler: ConnectionHandler) -> None:
        """Accept. Raises ``VerbsError`` if not prepared or answered already."""
        if self._connection is None:
            raise VerbsError("accepted before it was prepared", WcStatus.LOC_QP_OP_ERR)
        self._answer(options.private_data, messages.REP_PRIVATE_ROOM)
        self._connection.accept(options, handler)

    def reject(self, private_data: bytes = b"") -> None:
        """Reject. Raises ``VerbsError`` if answered already."""
        self._answer(private_data, messages.REJ_PRIVATE_ROOM)
        with suppress(OSError):
            messages.send(self._socket, Kind.REJ, private_data)
        if self._connection is not None:
            self._connection.close()
        else:
            self._socket.close()
            self._close_fds()

    def _answer(self, private_data: bytes, room: int) -> None:
        messages.check_private(private_data, room)
        if self.answered:
            raise VerbsError("the request was answered", WcStatus.LOC_QP_OP_ERR)
        self.answered = True

    def _close_fds(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = []


OnRequest = Callable[[ConnectionRequest], None]

"""RPC over TCP: the sockets below :class:`~nfsrdma.rpcrdma.rpc.stream.StreamChannel`.

Everything is non-blocking, on the reactor's thread. What is to be sent is tried at once, and
only what the kernel does not take waits for the socket to be writable.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import socket
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..admission import Admission
from ..budget import UNBOUNDED, Budget
from ..complaints import Complaints
from ..rpc.buffers import BufferPool
from ..rpc.channel import Channel, Peer, Service
from ..rpc.filter import StreamFilter
from ..rpc.stream import DEFAULT_LIMITS, StreamChannel, StreamLimits
from ..task import Future, Reactor, TimerHandle
from .fork import keep_from_children
from .link import attach_socket
from .owners import owner_of_peer

_log = logging.getLogger(__name__)

_ACCEPTS: Final = 32
"""Connections accepted before others have their turn."""

_BACKLOG: Final = 1024
"""Connections that may wait in the kernel."""

_ACCEPT_PAUSE_S: Final = 1.0
"""Seconds without accepting once there was nothing to accept with."""

_NO_DESCRIPTORS: Final = (errno.EMFILE, errno.ENFILE)

_RESERVED_TRIES: Final = 8
_NO_PRIVILEGE: Final = (errno.EACCES, errno.EPERM)
_PORT_TAKEN: Final = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
"""EADDRNOTAVAIL: that port has, or lately had, a connection to the same address."""
_RESERVED_PORTS: Final = range(665, 1024)
"""Ports below 1024 that hardly anything listens on, as the Linux client picks them."""


@dataclass(frozen=True, slots=True)
class TcpOptions:
    """How TCP connections are kept; times in seconds."""

    keepalive_idle_s: int = 60
    """Seconds of silence after which the kernel asks the peer for a sign of life."""
    user_timeout_s: int = 60
    """Seconds without an acknowledgment of what was sent, after which the connection ends."""
    record_timeout_s: float = 60.0
    """Seconds, up to twice as many, after which a listener ends a connection whose peer leaves a
    record unfinished, sends none at all, or takes none of its replies."""


DEFAULT_OPTIONS: Final = TcpOptions()

MAX_CONNECTIONS: Final = 1024
"""Connections of a listener at a time, shared out by ``admission``."""

_Address = tuple[Any, ...]


def connect_tcp(
    reactor: Reactor,
    address: str,
    port: int,
    *,
    service: Service | None = None,
    timeout_s: float = 10.0,
    reserved_port: bool | None = None,
    limits: StreamLimits = DEFAULT_LIMITS,
    options: TcpOptions = DEFAULT_OPTIONS,
    stream_filter: StreamFilter | None = None,
) -> Future[Channel]:
    """Connect. A host name is resolved at once (blocking), and its addresses are tried in turn.

    ``service`` answers calls that the server makes over this connection. ``reserved_port``
    binds to a port below 1024, which servers that export ``secure`` ask for and which takes
    privilege; by default it is done where it can be. ``stream_filter`` is put between the channel
    and the socket. The future may fail with ``TimeoutError``, ``ConnectionRefusedError``,
    ``PermissionError``, ``socket.gaierror`` and other kinds of ``OSError``.
    """
    connector = _Connector(reactor, service, limits, options, reserved_port, stream_filter)
    connector.start(address, port, timeout_s)
    return connector.outcome


class _Connector:
    """Tries one address after the other, until one answers or the time is up."""

    def __init__(
        self,
        reactor: Reactor,
        service: Service | None,
        limits: StreamLimits,
        options: TcpOptions,
        reserved_port: bool | None,
        stream_filter: StreamFilter | None,
    ) -> None:
        self._stream_filter = stream_filter
        self.outcome: Future[Channel] = Future()
        self._reactor = reactor
        self._service = service
        self._limits = limits
        self._options = options
        self._reserved_port = reserved_port
        self._sock: socket.socket | None = None
        self._timer: TimerHandle | None = None
        self._addresses: Iterator[tuple[int, _Address]] = iter(())
        self._error: OSError = OSError(errno.EADDRNOTAVAIL, "no address to connect to")

    def start(self, address: str, port: int, timeout_s: float) -> None:
        """Begin with the first address."""
        try:
            self._addresses = iter(_resolve(address, port, 0))
        except OSError as error:
            self.outcome.set_error(error)
            return
        self._timer = self._reactor.call_at(
            self._reactor.time() + timeout_s, self._timed_out, f"{address} port {port}"
        )
        self._next()

    def _next(self) -> None:
        for family, address in self._addresses:
            try:
                self._sock = self._open(family, address)
            except OSError as error:
                self._error = error
                continue
            self._reactor.add_writer(self._sock.fileno(), self._connected, address)
            return
        self._end()
        self.outcome.set_error(self._error)

    def _open(self, family: int, address: _Address) -> socket.socket:
        """Return a socket that is connecting. Raises ``OSError``."""
        if self._reserved_port is False:
            return self._try(family, address, reserved=False)
        failure = OSError()
        for _ in range(_RESERVED_TRIES):
            try:
                return self._try(family, address, reserved=True)
            except OSError as error:
                failure = error
                if error.errno in _NO_PRIVILEGE:
                    break
                if error.errno not in _PORT_TAKEN:
                    raise
        if self._reserved_port:
            raise failure
        return self._try(family, address, reserved=False)

    def _try(self, family: int, address: _Address, reserved: bool) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        keep_from_children(sock)
        try:
            sock.setblocking(False)
            _configure(sock, self._options)
            if reserved:
                _bind_reserved(sock, family)
            code = sock.connect_ex(address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
        except OSError:
            sock.close()
            raise
        return sock

    def _connected(self, address: _Address) -> None:
        sock = self._sock
        assert sock is not None
        self._reactor.remove_writer(sock.fileno())
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            sock.close()
            self._sock = None
            # OSError's constructor picks the subclass, such as ConnectionRefusedError.
            self._error = OSError(code, f"{address[0]} port {address[1]}: {os.strerror(code)}")
            self._next()
            return
        self._end()
        peer = Peer("tcp", address[0], address[1])
        channel = attach_socket(
            self._reactor,
            sock,
            peer,
            service=self._service,
            limits=self._limits,
            stream_filter=self._stream_filter,
            calls=True,
        )
        self.outcome.set_result(channel)

    def _timed_out(self, where: str) -> None:
        if self._sock is not None:
            self._reactor.remove_writer(self._sock.fileno())
            self._sock.close()
        self.outcome.set_error(TimeoutError(errno.ETIMEDOUT, f"{where} does not answer"))

    def _end(self) -> None:
        assert self._timer is not None
        self._timer.cancel()


class TcpListener:
    """A listening socket, from :func:`listen_tcp`."""

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        service: Service,
        on_channel: Callable[[Channel], object] | None,
        limits: StreamLimits,
        options: TcpOptions,
        max_connections: int,
        budget: Budget,
        stream_filter: StreamFilter | None,
    ) -> None:
        self._stream_filter = stream_filter
        self._reactor = reactor
        self._sock = sock
        self._service = service
        self._budget = budget
        self._on_channel = on_channel
        self._limits = limits
        self._buffers = BufferPool()
        self._options = options
        self._complaints = Complaints(_log, reactor.time)
        self._admission = Admission(max_connections, StreamChannel.handle_lost, self._complaints)
        self._channels: dict[StreamChannel, tuple[int, int] | None] = {}
        """Each connection, and how far it was when last looked at while it owed something."""
        self._address: tuple[str, int] = sock.getsockname()[:2]
        self._accepting = False
        self._closed = False
        self._timer: TimerHandle | None = None
        self._start_accepting()

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that it is bound to."""
        return self._address

    @property
    def sock(self) -> socket.socket:
        """The socket that listens, for another process to have it as well."""
        return self._sock

    @property
    def channels(self) -> Collection[Channel]:
        """The connections that are up."""
        return list(self._channels)

    def close(self) -> None:
        """Refuse new connections; those that are up stay up."""
        if not self._closed:
            self._closed = True
            self._stop_accepting()
            self._sock.close()

    def _start_accepting(self) -> None:
        if not self._accepting and not self._closed:
            self._accepting = True
            self._reactor.add_reader(self._sock.fileno(), self._acceptable)

    def _stop_accepting(self) -> None:
        if self._accepting:
            self._accepting = False
            self._reactor.remove_reader(self._sock.fileno())

    def _acceptable(self) -> None:
        for _ in range(_ACCEPTS):
            if self._closed:
                return
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in _NO_DESCRIPTORS and self._admission.make_room():
                    continue
                # Out of descriptors or memory: the socket stays readable, so look away a while.
                _log.error("cannot accept connections: %s", error)
                self._stop_accepting()
                self._reactor.call_at(self._reactor.time() + _ACCEPT_PAUSE_S, self._start_accepting)
                return
            self._accepted(sock, address)

    def _accepted(self, sock: socket.socket, address: _Address) -> None:
        try:
            peer = Peer("tcp", address[0], address[1]).of(owner_of_peer(sock))
        except OSError as error:
            # The peer may try again. Without knowing its owner we do not let it in.
            peer = Peer("tcp", address[0], address[1])
            self._complaints.about(peer, "closed, as its owner cannot be looked up", error)
            sock.close()
            return
        if not self._admission.admit(peer):
            sock.close()
            return
        account = self._budget.account(peer.address, peer.uid)
        try:
            _configure(sock, self._options)
            channel = attach_socket(
                self._reactor,
                sock,
                peer,
                service=self._service,
                limits=self._limits,
                account=account,
                stream_filter=self._stream_filter,
                buffers=self._buffers,
            )
        except OSError:
            account.leave()
            sock.close()  # it is gone already, or there is no memory to look after it
            return
        self._channels[channel] = None
        self._admission.enter(channel, peer)
        channel.on_close(lambda _: self._gone(channel))
        if self._timer is None:
            self._look_later()
        if self._on_channel is not None:
            try:
                self._on_channel(channel)
            except BaseException:
                channel.handle_lost("a fault on this side")
                raise

    def _gone(self, channel: StreamChannel) -> None:
        del self._channels[channel]
        self._admission.leave(channel)
        if channel.fault:
            reason, _, detail = channel.fault.partition(": ")
            self._complaints.about(channel.peer, reason, detail)

    def _look_later(self) -> None:
        self._timer = self._reactor.call_at(
            self._reactor.time() + self._options.record_timeout_s, self._look
        )

    def _look(self) -> None:
        """End connections whose peers owe us progress, and have made none since the last look."""
        self._timer = None
        if not self._channels:
            return
        self._look_later()
        for channel, before in list(self._channels.items()):
            if channel.closed:
                continue
            now = channel.records_received, channel.octets_taken
            if not channel.owes:
                self._channels[channel] = None
            elif before != now:
                self._channels[channel] = now
            elif channel.wants_input and (channel.in_record or not channel.records_received):
                channel.break_off("the peer left a record unfinished")
            elif channel.stalled:
                channel.handle_lost("no room for what the peer sends")
            else:
                channel.break_off("the peer does not take its replies")


def listen_tcp(
    reactor: Reactor,
    address: str,
    port: int,
    service: Service,
    *,
    on_channel: Callable[[Channel], object] | None = None,
    max_connections: int = MAX_CONNECTIONS,
    limits: StreamLimits = DEFAULT_LIMITS,
    options: TcpOptions = DEFAULT_OPTIONS,
    budget: Budget | None = None,
    stream_filter: StreamFilter | None = None,
) -> TcpListener:
    """Serve every peer that connects; ``on_channel`` gets each connection.

    There are at most ``max_connections``, shared out by ``admission``. What peers make us hold is
    taken from ``budget``. ``stream_filter`` is put between each channel and its socket. Port 0
    picks one. Raises ``OSError`` when the address or the port cannot be had.
    """
    return listen_at(
        reactor,
        open_listening(address, port),
        service,
        on_channel=on_channel,
        max_connections=max_connections,
        limits=limits,
        options=options,
        budget=budget,
        stream_filter=stream_filter,
    )


def open_listening(address: str, port: int) -> socket.socket:
    """Return a socket that listens, for :func:`listen_at`. Port 0 picks one. Raises ``OSError``."""
    family, where = bound_address(address, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    keep_from_children(sock)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(where)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def bound_address(address: str, port: int) -> tuple[int, _Address]:
    """Return the family and the numeric address that listening at a name means.

    Raises ``OSError``.
    """
    return _resolve(address, port, socket.AI_PASSIVE)[0]


def listen_at(
    reactor: Reactor,
    sock: socket.socket,
    service: Service,
    *,
    on_channel: Callable[[Channel], object] | None = None,
    max_connections: int = MAX_CONNECTIONS,
    limits: StreamLimits = DEFAULT_LIMITS,
    options: TcpOptions = DEFAULT_OPTIONS,
    budget: Budget | None = None,
    stream_filter: StreamFilter | None = None,
) -> TcpListener:
    """Serve every peer that connects to a socket that listens already, as :func:`listen_tcp`.

    The socket may have come from a service manager; the listener owns it from here on.
    """
    sock.setblocking(False)
    keep_from_children(sock)
    return TcpListener(
        reactor,
        sock,
        service,
        on_channel,
        limits,
        options,
        max_connections,
        budget or Budget(UNBOUNDED),
        stream_filter,
    )


def _resolve(address: str, port: int, flags: int) -> list[tuple[int, _Address]]:
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, where) for family, _, _, _, where in found]


def _configure(sock: socket.socket, options: TcpOptions) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, options.keepalive_idle_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, options.keepalive_idle_s // 6))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, options.user_timeout_s * 1000)


def _bind_reserved(sock: socket.socket, family: int) -> None:
    # A port that is used for another address, or was lately, will do.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ports = list(_RESERVED_PORTS)
    random.SystemRandom().shuffle(ports)
    anywhere = "::" if family == socket.AF_INET6 else "0.0.0.0"
    for port in ports:
        try:
            sock.bind((anywhere, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    raise OSError(errno.EADDRINUSE, "every reserved port is in use")

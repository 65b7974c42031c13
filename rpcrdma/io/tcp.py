"""RPC over TCP: the sockets below :class:`~nfsrdma.rpcrdma.rpc.stream.StreamChannel`.

Everything is non-blocking, on the reactor's thread. What is to be sent is tried at once, and
only what the kernel does not take waits for the socket to be writable.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import random
import socket
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..admission import Admission
from ..budget import UNBOUNDED, Account, Budget
from ..complaints import Complaints
from ..rpc.buffers import BufferPool
from ..rpc.channel import Channel, Peer, Service
from ..rpc.filter import Stream, StreamFilter
from ..rpc.stream import DEFAULT_LIMITS, SLICE, StreamChannel, StreamLimits
from ..task import Future, Reactor, TimerHandle
from .exchange import Exchanges
from .fork import keep_from_children
from .owners import owner_of_peer
from .reactor import SelectReactor

try:
    from ._serve import Reader
except ImportError:
    Reader = None  # type: ignore[assignment,misc]

_log = logging.getLogger(__name__)

_READ: Final = 65536
"""Octets that came where a place was set for them, and more are likely to be there."""

_READS: Final = 16
"""Reads of one socket before others have their turn."""

_ACCEPTS: Final = 32
"""Connections accepted before others have their turn."""

_LOCAL_BUFFER: Final = 300_000
"""Octets queued for a peer on this machine: enough for loopback, and they stay in the caches."""

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


class _Link:
    """One connected socket, and the stream that its octets belong to."""

    __slots__ = (
        "_exchanges",
        "_fd",
        "_paused",
        "_prompt",
        "_reactor",
        "_readable",
        "_sock",
        "_stream",
        "_writing",
    )

    def __init__(self, reactor: Reactor, sock: socket.socket, stream: Stream) -> None:
        self._reactor = reactor
        self._sock = sock
        self._fd = sock.fileno()
        self._stream = stream
        self._prompt = stream if isinstance(stream, StreamChannel) else None
        self._paused = False
        self._writing = False
        self._exchanges: Exchanges | None = None
        stream.on_ready = self._ready
        stream.on_shut = self._shut
        self._readable: Callable[[], None] = self._read
        if Reader is not None and self._prompt is not None and self._prompt.has_lane:
            self._readable = Reader(self._fd, self._prompt, self._read).ready
        reactor.add_reader(self._fd, self._readable)

    def exchange(self) -> None:
        """Give the stream a short way for its calls, if there is no filter below it."""
        stream = self._prompt
        if stream is not None:
            stream.swift = self._exchanges = Exchanges(
                self._sock,
                stream,
                partial(self._reactor.call_soon, self._readable),
                lambda error: stream.handle_lost(_reason(error)),
                briefly=not isinstance(self._reactor, SelectReactor),
            )

    def _takes_over(self, exchanges: Exchanges) -> bool:
        """Take what came to an exchange besides; return whether to go on reading."""
        stream = self._stream
        over, exchanges.over = exchanges.over, b""
        if over and not self._paused:
            stream.handle_data(over)
            if not (stream.closed or stream.wants_input):
                self._pause()
        return not (stream.closed or self._paused)

    def _pause(self) -> None:
        self._paused = True
        self._reactor.remove_reader(self._fd)

    def _read(self, data: bytes | int | None = None) -> None:
        """Take what there is to read: after ``data``, which was read, or the number of an error."""
        stream = self._stream
        sock = self._sock
        try:
            if isinstance(data, int):
                raise OSError(data, os.strerror(data))
            if self._exchanges is not None and not self._takes_over(self._exchanges):
                return
            for _ in range(_READS):
                target = stream.target()
                if target is None:
                    wanted = stream.portion
                    if data is None:
                        data = sock.recv(wanted)
                    count = len(data)
                    if count and not (count < wanted and self._answered(data)):
                        stream.handle_data(data)
                    data = None
                else:
                    count, wanted = sock.recv_into(target), len(target)
                    if count:
                        stream.handle_filled(count)
                if not count:
                    stream.handle_lost("the peer closed the connection")
                if stream.closed:
                    return
                if not stream.wants_input:
                    self._pause()
                    return
                if count < wanted and (target is None or count < _READ):
                    return
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            stream.handle_lost(_reason(error))
        except BaseException:
            # KeyboardInterrupt, or a bug: the stream may be halfway through something.
            stream.handle_lost("interrupted")
            raise

    def _answered(self, data: bytes) -> bool:
        """Answer a call that is all of ``data``, without a queue; return whether that was done."""
        stream = self._prompt
        record = None if stream is None else stream.answer(data)
        if record is None or stream is None:
            return False
        if record:
            try:
                sent = self._sock.send(record if len(record) <= SLICE else record[:SLICE])
            except OSError:
                sent = 0  # it is tried again, and then finds the same
            stream.answered(record, sent)
        return True

    def _ready(self) -> None:
        if not self._writing:
            self._write()
        if self._paused and self._stream.wants_input and not self._stream.closed:
            self._paused = False
            self._reactor.add_reader(self._fd, self._readable)

    def _write(self) -> None:
        stream = self._stream
        try:
            while parts := stream.poll_transmit():
                if len(parts) == 1:
                    count = self._sock.send(parts[0])
                else:
                    count = self._sock.sendmsg(parts)
                stream.transmitted(count)
        except (BlockingIOError, InterruptedError):
            if not self._writing:
                self._writing = True
                self._reactor.add_writer(self._fd, self._write)
        except OSError as error:
            stream.handle_lost(_reason(error))
        except BaseException:
            stream.handle_lost("interrupted")
            raise
        else:
            self._stop_writing()

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._reactor.remove_writer(self._fd)

    def _shut(self) -> None:
        self._stop_writing()
        if not self._paused:
            self._reactor.remove_reader(self._fd)
        self._readable, self._exchanges = _nothing, None  # they have us
        self._sock.close()


def _nothing() -> None:
    """Do nothing: the socket is closed."""


def attach_socket(
    reactor: Reactor,
    sock: socket.socket,
    peer: Peer,
    *,
    service: Service | None = None,
    limits: StreamLimits = DEFAULT_LIMITS,
    account: Account | None = None,
    stream_filter: StreamFilter | None = None,
    buffers: BufferPool | None = None,
    calls: bool = False,
) -> StreamChannel:
    """Speak RPC over a connected stream socket, which the channel owns from here on.

    Calls that arrive go to ``service``; without one they are answered PROG_UNAVAIL. What they make
    us hold is charged to ``account``. ``stream_filter`` is put between the channel and the socket.
    ``buffers`` are as in :class:`~nfsrdma.rpcrdma.rpc.stream.StreamChannel`. ``calls`` says that we
    are the client, whose calls may have a short way (``exchange``).
    """
    sock.setblocking(False)
    keep_from_children(sock)
    if _is_here(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LOCAL_BUFFER)
    channel = StreamChannel(peer, service, limits, account, buffers)
    link = _Link(reactor, sock, stream_filter(channel) if stream_filter is not None else channel)
    if calls:
        link.exchange()
    return channel


def _is_here(sock: socket.socket) -> bool:
    """Return whether the peer is reached over a loopback address."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        return ipaddress.ip_address(sock.getpeername()[0]).is_loopback
    except OSError:
        return False  # it is gone already


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


def _reason(error: OSError) -> str:
    return f"the connection failed: {error.strerror or error}"

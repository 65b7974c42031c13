"""One connected socket below a stream: what is read and sent, and when.

Everything is non-blocking, on the reactor's thread. What is to be sent is tried at once, and
only what the kernel does not take waits for the socket to be writable.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Final

from ..budget import Account
from ..rpc.buffers import BufferPool
from ..rpc.channel import Peer, Service
from ..rpc.filter import Stream, StreamFilter
from ..rpc.stream import DEFAULT_LIMITS, SLICE, StreamChannel, StreamLimits
from ..task import Reactor
from .exchange import Exchanges
from .fork import keep_from_children
from .reactor import SelectReactor

try:
    from ._serve import Reader
except ImportError:
    Reader = None  # type: ignore[assignment,misc]

_READ: Final = 65536
"""Octets that came where a place was set for them, and more are likely to be there."""

_READS: Final = 16
"""Reads of one socket before others have their turn."""

_LOCAL_BUFFER: Final = 300_000
"""Octets queued for a peer on this machine: enough for loopback, and they stay in the caches."""


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


def _reason(error: OSError) -> str:
    return f"the connection failed: {error.strerror or error}"

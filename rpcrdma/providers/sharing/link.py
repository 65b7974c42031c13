"""A Unix socket between two sharers of a port: whole messages, both ways, within bounds."""

from __future__ import annotations

import array
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ...io.fork import keep_from_children
from ...task import Reactor
from ..udp import granted_buffer
from .post import MAX_MESSAGE, BadMessage

_SO_SNDBUFFORCE: Final = 32
_BUFFER_OCTETS: Final = 4 << 20
_MESSAGES: Final = 16
"""Messages read in one turn, before others have theirs."""
_MAX_WAITING: Final = 1 << 20
_MAX_DATAGRAMS_WAITING: Final = _MAX_WAITING // 2
_MAX_FDS: Final = 4
_ANCILLARY: Final = socket.CMSG_SPACE(_MAX_FDS * array.array("i").itemsize)

Part = bytes | memoryview
OnMessage = Callable[["Link", memoryview, list[int]], None]
"""(link, message, descriptors that came with it); may raise ``BadMessage``"""


class Link:
    """One end of the socket. What it is told is valid during the call only."""

    __slots__ = (
        "_buffer",
        "_octets",
        "_on_end",
        "_on_message",
        "_on_turn",
        "_reactor",
        "_socket",
        "_waiting",
    )

    def __init__(
        self,
        connected: socket.socket,
        reactor: Reactor,
        *,
        on_message: OnMessage,
        on_turn: Callable[[], None],
        on_end: Callable[[Link], None],
    ) -> None:
        """Take over a connected socket. ``on_turn`` follows each batch of messages."""
        connected.setblocking(False)
        keep_from_children(connected)
        granted_buffer(connected, _SO_SNDBUFFORCE, socket.SO_SNDBUF, _BUFFER_OCTETS)
        self._socket = connected
        self._reactor = reactor
        self._on_message = on_message
        self._on_turn = on_turn
        self._on_end = on_end
        self._buffer = memoryview(bytearray(MAX_MESSAGE))
        self._waiting: deque[bytes] = deque()
        self._octets = 0
        reactor.add_reader(connected.fileno(), self._readable)

    @property
    def closed(self) -> bool:
        """Whether the socket is closed."""
        return self._socket.fileno() < 0

    def send(self, *parts: Part, fds: Sequence[int] = (), droppable: bool = False) -> bool:
        """Send a message, or keep it until there is room; return false if it was dropped.

        A peer that lets too much wait that must not be dropped has lost the link.
        """
        if self.closed:
            return False
        if not self._waiting:
            try:
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                self._socket.sendmsg(parts, ancillary if fds else [])
                return True
            except BlockingIOError:
                self._reactor.add_writer(self._socket.fileno(), self._writable)
            except OSError:
                self._end_soon()
                return False
        message = b"".join(parts)
        room = _MAX_DATAGRAMS_WAITING if droppable else _MAX_WAITING
        if self._octets + len(message) > room:
            if not droppable:
                self._end_soon()
            return False
        self._waiting.append(message)
        self._octets += len(message)
        return True

    def look(self) -> None:
        """Take what has arrived, within bounds."""
        for _ in range(_MESSAGES):
            if self.closed:
                return
            try:
                length, ancillary, flags, _ = self._socket.recvmsg_into(
                    (self._buffer,), _ANCILLARY, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                length, ancillary, flags = 0, [], 0
            fds = _descriptors(ancillary)
            try:
                if not length or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                    raise BadMessage("the end")
                self._on_message(self, self._buffer[:length], fds)
            except BadMessage:
                self._end()
            finally:
                for fd in fds:
                    os.close(fd)

    def close(self) -> None:
        """Close the socket. Harmless to repeat."""
        if self.closed:
            return
        self._reactor.remove_reader(self._socket.fileno())
        if self._waiting:
            self._reactor.remove_writer(self._socket.fileno())
            self._waiting.clear()
        self._socket.close()

    def _end(self) -> None:
        if not self.closed:
            self.close()
            self._on_end(self)

    def _end_soon(self) -> None:
        """End, but not inside the call of somebody who sends."""
        self._reactor.call_soon(self._end)

    def _readable(self) -> None:
        try:
            self.look()
        finally:
            self._on_turn()

    def _writable(self) -> None:
        waiting = self._waiting
        while waiting:
            try:
                self._socket.send(waiting[0])
            except BlockingIOError:
                return
            except OSError:
                self._end()
                return
            self._octets -= len(waiting.popleft())
        self._reactor.remove_writer(self._socket.fileno())


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            with suppress(ValueError):
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return fds.tolist()

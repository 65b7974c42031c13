"""The Unix socket between two processes, message by message."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ...task import Reactor
from . import messages
from .messages import BadMessage, Kind

FAULT: Final = "a fault on this side"
_MAX_UNHEARD: Final = 256


class Line:
    """Sends and hears the messages of one connection.

    ``on_message`` takes a message's kind, body and descriptors, which it must close. ``on_lost`` is
    told why the line has ended: the peer has closed it, or ``on_message`` raised ``BadMessage`` or
    ``OSError``.
    """

    __slots__ = ("_on_lost", "_on_message", "_reactor", "_socket", "_unheard")

    def __init__(
        self,
        reactor: Reactor,
        on_message: Callable[[Kind, bytes, list[int]], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._on_message = on_message
        self._on_lost = on_lost
        self._socket: socket.socket | None = None
        self._unheard: list[tuple[Kind, bytes, list[int]]] = []
        """Messages that were taken from the socket before their turn."""

    @property
    def open(self) -> bool:
        """Whether there is a socket."""
        return self._socket is not None

    def connect(
        self, connected: socket.socket, kind: Kind, body: bytes, fds: tuple[int, ...]
    ) -> None:
        """Send a first message over a socket and listen to it. Raises ``OSError``."""
        try:
            messages.send(connected, kind, body, fds)
        except BaseException:
            connected.close()
            raise
        self.listen(connected)

    def listen(self, connected: socket.socket) -> None:
        """Listen to a socket."""
        self._socket = connected
        self._reactor.add_reader(connected.fileno(), self._readable)

    def send(self, kind: Kind, body: bytes = b"", fds: tuple[int, ...] = ()) -> None:
        """Send a message, if there is a socket. Raises ``OSError``."""
        if self._socket is not None:
            messages.send(self._socket, kind, body, fds)

    def say_good_bye(self) -> None:
        """Send DREQ, if that is possible."""
        with suppress(OSError):
            self.send(Kind.DREQ)

    def hear_ahead(self, wanted: Kind, take: Callable[[bytes, list[int]], None]) -> None:
        """Have ``take`` take what has come and is ``wanted``; the rest waits for its turn."""
        if self._socket is None:
            return
        try:
            while len(self._unheard) < _MAX_UNHEARD:
                message = messages.receive(self._socket)
                if message is None:
                    break
                if message[0] is wanted:
                    take(message[1], message[2])
                    continue
                self._unheard.append(message)
                if message[2]:
                    raise BadMessage(f"{message[0].name} at the wrong moment")
        except BlockingIOError:
            pass
        except (OSError, BadMessage) as error:
            self._reactor.call_soon(self._on_lost, _rules(error))
        if self._unheard:
            self._reactor.call_soon(self._hear_again)

    def close(self) -> None:
        """Hang up; no callback follows. Harmless to repeat."""
        # The connection refers to us; drop the references back.
        self._on_message, self._on_lost = _not_heard, _not_told
        if self._socket is not None:
            self._reactor.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        for _, _, fds in self._unheard:
            for fd in fds:
                os.close(fd)
        self._unheard.clear()

    def abandon(self) -> None:
        """Forget the socket, which is closed by itself (``io.fork.Holder``)."""
        self._socket = None

    def _readable(self) -> None:
        try:
            while self._socket is not None:
                message = messages.receive(self._socket)
                if message is None:
                    self._on_lost("the peer's process is gone")
                    return
                self._on_message(*message)
        except BlockingIOError:
            return
        except (OSError, BadMessage) as error:
            self._on_lost(_rules(error))
        except BaseException:
            self._on_lost(FAULT)
            raise

    def _hear_again(self) -> None:
        unheard, self._unheard = self._unheard, []
        try:
            for message in unheard:
                self._on_message(*message)
        except (OSError, BadMessage) as error:
            self._on_lost(_rules(error))


def _not_heard(kind: Kind, body: bytes, fds: list[int]) -> None:
    """Learn that the line is closed."""


def _not_told(reason: str) -> None:
    """Learn that the line is closed."""


def _rules(error: Exception) -> str:
    return f"the peer broke the rules: {error}"

"""A server that takes another one's place while clients use it: what passes between the two.

The successor, which has loaded its program and read its configuration, asks at the control socket
of its predecessor (``{"ask": "take-over", "of": FORMAT}``, where FORMAT is that of the recovery
database that it knows). It is told which sockets listen, and gets them (SCM_RIGHTS, unix(7)): both
processes have them now, so whoever connects is not refused, whatever happens. The successor opens
what else it needs, and says ``go``. The predecessor begins nothing more, answers what is under way,
ends its connections and releases its state directory; last of all it closes the control connection,
which is how the successor knows that it may begin. Until it has said ``go`` it can fail, or leave,
and nothing has changed.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from nfsrdma.rpcrdma.io.callers import PATIENCE_S, peer_process, peer_user
from nfsrdma.rpcrdma.io.fork import keep_from_children
from nfsrdma.rpcrdma.task import Reactor, TimerHandle
from nfsrdma.rpcrdma.verbs.interfaces import Device

from ..administration import NotDone
from .control import ControlError, HandOver, question, understood
from .recovery import FORMAT

ASK: Final = "take-over"
_GO: Final = b"go\n"
_MOST: Final = 250
"""Sockets that one message passes (SCM_MAX_FD is 253)."""
_MAX_ANSWER: Final = 1 << 16
PREPARING_S: Final = 60.0
"""How long a successor may take from its question to its ``go``."""
ENDING_S: Final = 30.0
"""How long a predecessor may take to end."""


class Heirloom(NamedTuple):
    """A socket that listens, and what for: ``"tcp"``, ``"given"`` (TCP, opened by the service
    manager), ``"shm"`` or ``"metrics"``."""

    kind: str
    address: str
    port: int
    sock: socket.socket

    @property
    def place(self) -> tuple[str, str, int]:
        """What tells it from others."""
        return self.kind, self.address, self.port


class Successor:
    """The one that takes over, as its predecessor sees it: a connection to its process.

    ``on_go`` is called when it is ready, ``on_gone`` if it leaves before the end.
    """

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        on_go: Callable[[], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._sock = sock
        self._on_go, self._on_gone = on_go, on_gone
        keep_from_children(sock)
        sock.setblocking(False)
        self.process = peer_process(sock)
        self._timer: TimerHandle = reactor.call_at(reactor.time() + PREPARING_S, self._leave)
        reactor.add_reader(sock.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            said = self._sock.recv(len(_GO))
        except BlockingIOError:
            return
        except OSError:
            said = b""
        self._timer.cancel()
        self._reactor.remove_reader(self._sock.fileno())
        if said == _GO:
            self._on_go()
        else:
            self._leave()

    def _leave(self) -> None:
        self.close()
        self._on_gone()

    @property
    def has_left(self) -> bool:
        """Whether it has given up, or was killed, after it had said that it was ready."""
        poll = select.poll()
        poll.register(self._sock, select.POLLRDHUP)
        return bool(poll.poll(0))

    def close(self) -> None:
        """End the connection: whoever was told to wait for that begins. Harmless to repeat."""
        if self._sock.fileno() >= 0:
            self._timer.cancel()
            self._reactor.remove_reader(self._sock.fileno())
            self._sock.close()

    def release(self) -> None:
        """Do the same when there is no reactor any more."""
        self._sock.close()


def offer(
    heirlooms: Iterable[Heirloom], known: str, stays: Callable[[socket.socket], None]
) -> HandOver:
    """Return what a successor that knows a format of the database is told and passed.

    Raises ``NotDone`` if that format is older than ours.
    """
    if not (known.isascii() and known.isdigit()) or int(known) < FORMAT:
        raise NotDone(
            f"its state has format {FORMAT}, of a later version than the one that is to take over"
        )
    passed = list(heirlooms)[:_MOST]
    return HandOver(
        {"process": os.getpid(), "sockets": [each.place for each in passed]},
        [each.sock for each in passed],
        stays,
    )


class Predecessor:
    """The one that is to be replaced, as its successor sees it. Closing it changes nothing.

    Raises ``OSError`` if it cannot be reached, and :class:`ControlError` if it refuses.
    """

    def __init__(self, control: Path) -> None:
        self._sock = socket.socket(socket.AF_UNIX)
        self.heirlooms: list[Heirloom] = []
        try:
            self._sock.settimeout(PATIENCE_S)
            self._sock.connect(str(control))
            if peer_user(self._sock) not in (0, os.geteuid()):
                raise ControlError("it is the server of another user")
            self.process = self._ask()
        except BaseException:
            self.close()
            raise

    def _ask(self) -> int:
        """Ask for the sockets, and take them; return the number of the process."""
        self._sock.sendall(question(ASK, str(FORMAT)))
        answer, fds = b"", list[int]()
        try:
            while not answer.endswith(b"\n") and len(answer) < _MAX_ANSWER:
                more, got, _, _ = socket.recv_fds(
                    self._sock, 1 << 12, _MOST, socket.MSG_CMSG_CLOEXEC
                )
                fds += got
                if not more:
                    break
                answer += more
            said = understood(answer, ASK)
            self._take(said, fds)
            return int(said["process"])
        except (KeyError, TypeError, ValueError) as error:
            raise ControlError(f"the answer makes no sense ({error})") from None
        finally:
            for fd in fds:
                os.close(fd)

    def _take(self, said: dict[str, Any], fds: list[int]) -> None:
        places = [(str(kind), str(address), int(port)) for kind, address, port in said["sockets"]]
        if len(places) != len(fds):
            raise ValueError(f"{len(fds)} sockets for {len(places)} places")
        for place in places:
            sock = socket.socket(fileno=fds.pop(0))
            self.heirlooms.append(Heirloom(*place, sock))
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise ValueError("a socket that does not listen")

    def go(self) -> None:
        """Have it end, and wait until it has. Raises ``OSError``: ``TimeoutError``, too."""
        self._sock.settimeout(ENDING_S)
        self._sock.sendall(_GO)
        with suppress(ConnectionError):
            while self._sock.recv(1 << 12):
                pass

    def take(self, kind: str, address: str, port: int) -> socket.socket | None:
        """Return the socket for a place (port 0: any port there), which is the caller's then."""
        for each in self.heirlooms:
            if each.place[:2] == (kind, address) and port in (0, each.port):
                self.heirlooms.remove(each)
                return each.sock
        return None

    def close(self) -> None:
        """Close the connection, and the sockets that nobody took."""
        self._sock.close()
        for each in self.heirlooms:
            each.sock.close()
        self.heirlooms.clear()


class Estate:
    """What a server begins with: sockets that listen already, and devices that are open."""

    def __init__(self) -> None:
        self._sockets: dict[tuple[str, str, int], socket.socket] = {}
        self.devices: dict[str, Device] = {}
        """Devices by the name of their provider, before anything listens there."""

    def add(self, kind: str, address: str, port: int, sock: socket.socket) -> None:
        """Keep a socket for who is going to ask for this place."""
        self._sockets[kind, address, port] = sock

    def take(self, kind: str, address: str, port: int) -> socket.socket | None:
        """Return the socket for a place, which is the caller's from here on."""
        return self._sockets.pop((kind, address, port), None)

    def has(self, kind: str) -> bool:
        """Return whether there are sockets of a kind."""
        return any(place[0] == kind for place in self._sockets)

    def take_all(self, kind: str) -> dict[tuple[str, int], socket.socket]:
        """Return all sockets of a kind, by address and port; they are the caller's."""
        places = [place for place in self._sockets if place[0] == kind]
        return {place[1:]: self._sockets.pop(place) for place in places}

    def close(self) -> None:
        """Close what nobody took."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()
        for device in self.devices.values():
            device.close()
        self.devices.clear()


def settle(turn: Callable[[float], object], done: Callable[[], bool], within: float) -> None:
    """Turn a reactor until something is done, or for ``within`` seconds."""
    end = time.monotonic() + within
    while not done() and time.monotonic() < end:
        turn(0.005)

"""Those who look at a program: few at a time, a short question, an answer, the end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from nfsrdma.rpcrdma.task import Reactor, TimerHandle

MOST_CALLERS: Final = 8
MAX_QUESTION: Final = 4096
PATIENCE_S: Final = 5.0
_PAUSE_S: Final = 1.0
_CREDENTIALS: Final = struct.Struct("=iII")


def peer_user(sock: socket.socket) -> int:
    """Return the user of the process at the other end of a Unix socket. Raises ``OSError``."""
    return _credentials(sock)[1]


def peer_process(sock: socket.socket) -> int:
    """Return the number of the process at the other end. Raises ``OSError``."""
    return _credentials(sock)[0]


def _credentials(sock: socket.socket) -> tuple[int, int, int]:
    said = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(said)
    return int(pid), int(uid), int(gid)


def is_ours(sock: socket.socket) -> bool:
    """Return whether root or this process's own user is at the other end of a Unix socket."""
    try:
        return peer_user(sock) in (0, os.geteuid())
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Passing:
    """An answer with descriptors, to a caller on a Unix socket who stays: ``stays`` gets him.

    The sockets remain whose they are; they are looked at when the answer is sent.
    """

    octets: bytes
    sockets: Sequence[socket.socket]
    stays: Callable[[socket.socket], None]


class Callers:
    """Accepts callers at ``sock``, which listens and is ours from here on.

    Each says something that has ``end`` in it, of ``MAX_QUESTION`` octets at most, and gets what
    ``answer`` returns for it. Who is one too many, or whom ``admit`` refuses, gets nothing; and
    whoever takes longer than ``PATIENCE_S`` is left.
    """

    def __init__(
        self,
        reactor: Reactor,
        sock: socket.socket,
        end: bytes,
        answer: Callable[[bytes], bytes | Passing],
        admit: Callable[[socket.socket], bool] = lambda sock: True,
    ) -> None:
        self.reactor = reactor
        self.answer = answer
        self.end = end
        self._sock = sock
        self._admit = admit
        self._callers: set[_Caller] = set()
        sock.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        if self._sock.fileno() >= 0:
            self.reactor.add_reader(self._sock.fileno(), self._acceptable)

    def _acceptable(self) -> None:
        try:
            sock, _ = self._sock.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:
            # No descriptors: whoever waits would have the loop turn for nothing meanwhile.
            self.reactor.remove_reader(self._sock.fileno())
            self.reactor.call_at(self.reactor.time() + _PAUSE_S, self._listen)
            return
        if len(self._callers) >= MOST_CALLERS or not self._admit(sock):
            sock.close()
            return
        self._callers.add(_Caller(self, sock))

    def leave(self, caller: _Caller) -> None:
        """Forget a caller that has ended."""
        self._callers.discard(caller)

    def close(self) -> None:
        """Listen no more, and end what is under way. Harmless to repeat."""
        if self._sock.fileno() >= 0:
            self.reactor.remove_reader(self._sock.fileno())
            self._sock.close()
        for caller in list(self._callers):
            caller.close()


class _Caller:
    """One connection."""

    def __init__(self, callers: Callers, sock: socket.socket) -> None:
        self._callers = callers
        self._reactor = reactor = callers.reactor
        self._sock = sock
        self._question = b""
        self._out = memoryview(b"")
        self._passing: Passing | None = None
        sock.setblocking(False)
        self._timer: TimerHandle = reactor.call_at(reactor.time() + PATIENCE_S, self.close)
        reactor.add_reader(sock.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            more = self._sock.recv(MAX_QUESTION)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        self._question += more
        if not more or len(self._question) > MAX_QUESTION:
            self.close()
        elif self._callers.end in self._question:
            self._reactor.remove_reader(self._sock.fileno())
            answer = self._callers.answer(self._question)
            if isinstance(answer, Passing):
                self._passing, answer = answer, answer.octets
            self._out = memoryview(answer)
            self._reactor.add_writer(self._sock.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            self._out = self._out[self._send() :]
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if self._out:
            return
        if self._passing is None:
            self.close()
        else:
            self._part()
            self._passing.stays(self._sock)

    def _send(self) -> int:
        """Send what is left, and with its first octet what is passed. Raises ``OSError``."""
        if self._passing is None or len(self._out) < len(self._passing.octets):
            return self._sock.send(self._out)
        fds = [each.fileno() for each in self._passing.sockets]
        return socket.send_fds(self._sock, [self._out], fds)

    def _part(self) -> None:
        """Have no more to do with the caller."""
        fd = self._sock.fileno()
        self._timer.cancel()
        self._reactor.remove_reader(fd)
        self._reactor.remove_writer(fd)
        self._callers.leave(self)

    def close(self) -> None:
        """End the connection. Harmless to repeat."""
        if self._sock.fileno() >= 0:
            self._part()
            self._sock.close()

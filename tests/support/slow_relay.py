"""Between a client and a server over TCP: what the client sends arrives late, or not at all.

What a client has sent when it dies is on its way for a while. Here it is so for as long as a test
wants, and what has not arrived when the client's end is closed never does, as where its whole
host is gone. So a client that says that something is safe before the server has said so is found
out.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

_PIECE = 1 << 20
_TURN_S = 0.01


class _Pair:
    """A connection from a client, and the one to the server that belongs to it."""

    def __init__(self, near: socket.socket, port: int) -> None:
        self.near = near
        self.far = socket.create_connection(("127.0.0.1", port))
        self.late: deque[tuple[float, bytes]] = deque()
        """What the client has sent, and when it may go on."""

    def close(self) -> None:
        self.near.close()
        self.far.close()


class SlowRelay:
    """Listens at ``port``; each connection is carried on to the port that ``target`` returns."""

    def __init__(self, target: Callable[[], int], delay_s: float) -> None:
        self._target = target
        self._delay_s = delay_s
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.lost = 0
        """Octets that never arrived."""
        self._pairs: set[_Pair] = set()
        self._over = threading.Event()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it, and all connections."""
        self._over.set()
        self._thread.join(10)
        for pair in list(self._pairs):
            self._end(pair)
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._over.is_set():
            for key, _ in self._selector.select(_TURN_S):
                if key.data is None:
                    self._accept()
                elif key.data in self._pairs:
                    self._receive(key.data, key.fileobj)
            now = time.monotonic()
            for pair in list(self._pairs):
                self._pass_on(pair, now)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            pair = _Pair(near, self._target())
        except OSError:  # the server is away
            near.close()
            return
        for end in (pair.near, pair.far):
            self._selector.register(end, selectors.EVENT_READ, pair)
        self._pairs.add(pair)

    def _receive(self, pair: _Pair, end: object) -> None:
        assert isinstance(end, socket.socket)
        try:
            data = end.recv(_PIECE)
            if data and end is pair.far:
                pair.near.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._end(pair)
        elif end is pair.near:
            pair.late.append((time.monotonic() + self._delay_s, data))

    def _pass_on(self, pair: _Pair, now: float) -> None:
        try:
            while pair.late and pair.late[0][0] <= now:
                pair.far.sendall(pair.late[0][1])
                pair.late.popleft()
        except OSError:
            self._end(pair)

    def _end(self, pair: _Pair) -> None:
        self._pairs.discard(pair)
        self.lost += sum(len(data) for _, data in pair.late)
        for end in (pair.near, pair.far):
            with suppress(KeyError):
                self._selector.unregister(end)
        pair.close()

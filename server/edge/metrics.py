"""A server's numbers for Prometheus, over HTTP: ``GET /metrics``, and nothing else.

Nobody is asked who he is: there are totals here, no names, so the address is to be chosen well.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.io.callers import MOST_CALLERS, Callers
from nfsrdma.rpcrdma.task import Reactor

_log = logging.getLogger(__name__)

# The text format: prometheus.io, "Exposition formats".
_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_END_OF_HEAD: Final = b"\r\n\r\n"


def open_metrics(address: str, port: int) -> socket.socket:
    """Return a socket that listens at a numeric address. Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=MOST_CALLERS)


class MetricsListener:
    """Answers scrapes on the reactor's thread, at a socket of :func:`open_metrics`."""

    def __init__(self, reactor: Reactor, sock: socket.socket, scrape: Callable[[], str]) -> None:
        self._scrape = scrape
        self.socket = sock
        self.address: tuple[str, int] = sock.getsockname()[:2]
        """Where it listens."""
        self._callers = Callers(reactor, sock, _END_OF_HEAD, self._answer)

    def _answer(self, request: bytes) -> bytes:
        line = request.partition(b"\r\n")[0].split(b" ")
        if len(line) != 3 or not line[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request", "this is HTTP/1.1\n")
        method, target, _ = line
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "GET /metrics\n")
        if target.partition(b"?")[0] != b"/metrics":
            return _response("404 Not Found", "there is /metrics\n")
        status, text = "200 OK", ""
        try:
            text = self._scrape()
        except Exception:
            # Nobody's files are to suffer from a fault in what only looks at them.
            _log.exception("the metrics could not be given")
            status = "500 Internal Server Error"
        return _response(status, text, body=method == b"GET")

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._callers.close()


def _response(status: str, text: str, *, body: bool = True) -> bytes:
    octets = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {_TYPE}\r\nContent-Length: {len(octets)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (octets if body else b"")

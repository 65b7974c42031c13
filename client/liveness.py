"""Which of several connections has died alone, without a word.

With one connection its replies are the server's. Of several, one may be dead while the server is
well. A connection whose calls wait is asked for a sign of life, and so are the others at the same
moment: if what was sent later over another path is answered and this one stays silent, it is the
path, and not the server, that is away. That may be an error where a path is slow and what it
carries is long, so a path that was thought dead is given more time, each time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.task import Future, TimerHandle
from nfsrdma.xdr import Decoder

from .connection import Connection
from .session import Session

_ASKING: Final = 10
"""The part of the time for which the server may be silent, or of a lease if that is shorter, after
which a connection is asked, and that it has to answer."""
_ASKED_S: Final = 1.0
"""Seconds after which it is asked at the latest."""


class Liveness:
    """Looks at the connections of a session for as long as calls are on their way.

    ``lost`` is told of each that is dead. ``timeout`` is how long the server may be silent, and
    ``lease`` returns how long its leases are: what renews one may be on its way over a dead path.
    """

    def __init__(
        self,
        session: Session,
        connections: Callable[[], Iterable[Channel]],
        lost: Callable[[Channel, str], None],
        timeout: float,
        lease: Callable[[], float],
    ) -> None:
        self._session = session
        self._lease = lease
        self._connections = connections
        self._lost = lost
        self._timeout = timeout
        self._timer: TimerHandle | None = None
        self._closed = False

    def used(self) -> None:
        """Note that a call was sent."""
        if self._timer is None and not self._closed:
            reactor = self._session.reactor
            self._timer = reactor.call_at(reactor.time() + self._soon() / 2, self._due)

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _soon(self) -> float:
        return min(self._timeout / _ASKING, self._lease() / _ASKING, _ASKED_S)

    def _due(self) -> None:
        self._timer = None
        channels = [each for each in self._connections() if isinstance(each, Connection)]
        now = self._session.reactor.time()
        for each in channels:
            each.review(now)
        if any(each.in_flight for each in channels):
            self.used()
            self._look(channels, now)

    def _look(self, channels: list[Connection], now: float) -> None:
        soon = self._soon()
        if any(each.silent_s(now) >= soon for each in channels):
            for each in channels:
                if each.asked_at is None:
                    self._ask(each, now)
        for each in channels:
            asked_at = each.asked_at
            if asked_at is None:
                continue
            patience = self._timeout / 2
            elsewhere = [other.answered for other in channels if other.route is not each.route]
            if elsewhere and max(elsewhere) >= asked_at:  # to what was asked at that very moment
                # What waits before the question takes its time on a slow path.
                enough = max(soon * each.route.caution, 2 * each.load * each.pace)
                patience = min(patience, enough)
            if now - asked_at >= patience:
                self._lost(each, f"no answer over it for {now - asked_at:.1f} s")
                each.route.caution *= 2

    def _ask(self, connection: Connection, now: float) -> None:
        reactor = self._session.reactor

        def answered(reply: Future[Decoder]) -> None:
            if reply.error() is None:
                connection.heard(now, reactor.time())

        connection.asked_at = now
        self._session.ping(connection.inner).add_done_callback(answered)

"""The connections of one session: session trunking (RFC 8881, Section 2.10.5).

There may be several over one path (``nconnect``), and several paths (:mod:`.routes`). The first one
carries what creates and restores the session. The others, the lanes, are bound to it for calls and
callbacks (BIND_CONN_TO_SESSION, Section 18.34), as soon as whoever is at their other end turned out
to be the same server. A request goes over the connection where it is likely to be over first. If
that is lost, the same request goes over another one, in its slot, which the server recognizes; if
the first one is lost a lane takes its place at once.

What is missing is connected in the background, each path by itself, and a server that refuses more
has fewer. A path that is the last resort is used only while no other is up.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.task import Future, Task

from .connection import Connection
from .errors import NfsError, StatusError, make_error
from .identity import AnotherServerError
from .liveness import Liveness
from .routes import Connect, Route, by_preference, carried_by, first_connection, hang_up
from .session import Session, why

_log = logging.getLogger(__name__)

_ROUND_S: Final = 1.0
"""Seconds at most that a mount waits for the first attempt over each path."""
_BETTER: Final = "a better path is up"


class Lanes:
    """The connections of a session, ``count`` of them over each of the ``ways``.

    A way is a name, how to connect, and whether it is the last resort. ``verify`` raises
    ``AnotherServerError`` for a connection to another server, ``bind`` does so as well and binds it
    to the session, and ``lost`` is told of each connection that has ended. ``timeout`` and
    ``lease`` are those of :class:`~.liveness.Liveness`.
    """

    def __init__(
        self,
        session: Session,
        ways: Sequence[tuple[str, Connect, bool]],
        count: int,
        *,
        verify: Callable[[Channel], Awaitable[object]],
        bind: Callable[[Channel], Awaitable[None]],
        lost: Callable[[Channel, str], None],
        timeout: float,
        lease: Callable[[], float],
    ) -> None:
        self._session = session
        self._count = count
        self._verify = verify
        self._bind = bind
        self._lost = lost
        self._timeout = timeout
        self._closed = False
        self._leaving: list[Channel] = []
        """Connections that are used no more, but for what is on its way over them."""
        self._liveness = Liveness(
            session, lambda: [*self._all(), *self._leaving], lost, timeout, lease
        )
        self.routes = [Route(*way, self._liveness.used) for way in ways]
        self.several = len(ways) > 1
        """Whether there are several paths."""
        if self.several:
            session.stats.paths = [route.stats for route in self.routes]

    # --- For recovery ---

    async def connect(self, timeout_s: float) -> Channel:
        """Return a new connection, by whichever path that is possible first. Raises ``OSError``."""
        ordered = by_preference(self.routes)
        route, inner = await first_connection(ordered, self._session.reactor, timeout_s)
        return self._adopt(route, inner)

    def failed(self, channel: Channel, error: BaseException) -> None:
        """Close a connection over which no session could be made or restored."""
        route = self._route_of(channel)
        route.failures += 1
        route.hopeless = isinstance(error, NfsError)
        route.stats.trouble = why(error)
        self._discard(channel, why(error))

    def is_usual(self, channel: Channel) -> bool:
        """Return whether a connection goes over the first path: it is the mount's URL."""
        return self._route_of(channel) is self.routes[0]

    @property
    def untried(self) -> bool:
        """Whether there is a path that has not just failed."""
        return self.several and any(not route.failures for route in self.routes)

    @property
    def hopeful(self) -> bool:
        """Whether another path may do, although one led to a server that makes no sense."""
        return self.several and not all(route.hopeless for route in self.routes)

    def widen(self) -> None:
        """Connect and bind what is missing, in the background, and leave what is not wanted."""
        self._survey()
        for route in self.routes:
            route.at_once()
            self._start(route)

    async def first_round(self) -> None:
        """Wait until every path was tried once, but not for long.

        Raises :class:`~.errors.NfsError` if one leads to another server: that is a mistake, and not
        a path that is away.
        """
        if not self.several:
            return
        over: Future[None] = Future()
        tasks = [self._probe(route) for route in self.routes if route.task is None]
        tasks += [route.task for route in self.routes if route.task is not None]

        def done(late: object) -> None:
            if not over.done() and (late is None or all(task.done() for task in tasks)):
                over.set_result(None)

        for task in tasks:
            task.add_done_callback(done)
        reactor = self._session.reactor
        timer = reactor.call_at(reactor.time() + min(_ROUND_S, self._timeout / 2), done, None)
        try:
            await over
        finally:
            timer.cancel()
        for route in self.routes:
            if route.refused:
                raise make_error(errno.EINVAL, f"{route.name} is no path to it: {route.refused}")

    def promote(self) -> Channel | None:
        """Return the best lane that is bound, if there is one; it is a lane no longer."""
        lanes = self._session.lanes
        if not lanes:
            return None
        channel = min(lanes, key=lambda each: self._route_of(each).last_resort)
        lanes.remove(channel)
        return channel

    def drop(self, channel: Channel, reason: str) -> None:
        """Close a connection that is lost, and have another one made."""
        if channel in self._leaving:
            self._leaving.remove(channel)
            channel.close(reason)
            return
        route = self._route_of(channel)
        if channel not in route.connections:
            return
        if not self._closed:
            route.stats.lost += 1
        self._discard(channel, reason)
        if route.stats.up:
            route.holds()
        self._again(route)

    def drop_all(self, reason: str) -> None:
        """Close every lane."""
        for channel in (*self._leaving, *self._all()):
            if channel is not self._session.channel:
                self.drop(channel, reason)

    def close(self) -> None:
        """Close every lane for good."""
        self._closed = True
        self._liveness.close()
        for route in self.routes:
            route.stop()
        self.drop_all("the mount is closed")

    # --- Connections ---

    def _all(self) -> list[Channel]:
        return [channel for route in self.routes for channel in route.connections]

    def _route_of(self, channel: Channel) -> Route:
        return carried_by(channel) or self.routes[0]

    def _in_use(self, channel: Channel) -> bool:
        return channel is self._session.channel or channel in self._session.lanes

    def _preferred_is_up(self) -> bool:
        return any(
            self._in_use(channel)
            for route in self.routes
            if not route.last_resort
            for channel in route.connections
        )

    def _wanted(self, route: Route) -> int:
        return 0 if route.last_resort and self._preferred_is_up() else self._count

    def _adopt(self, route: Route, inner: Channel) -> Channel:
        """Make a new connection one of the route's."""
        channel = inner
        if self.several or self._count > 1:
            channel = Connection(inner, route, self._session.reactor)
        route.connections.append(channel)
        route.stats.connections += 1
        self._session.stats.connections += 1
        return channel

    def _discard(self, channel: Channel, reason: str) -> None:
        route = self._route_of(channel)
        if channel in route.connections:
            route.connections.remove(channel)
        if channel in self._session.lanes:
            self._session.lanes.remove(channel)
        channel.close(reason)
        self._survey(reason)

    def _survey(self, reason: str = "") -> None:
        """Bring the routes up to date with what is in use."""
        now = self._session.reactor.time()
        for route in self.routes:
            up = sum(map(self._in_use, route.connections))
            route.now_up(up, reason, now, told=self.several)

    # --- Bringing up ---

    def _start(self, route: Route) -> None:
        if self._closed or (route.task is not None and not route.task.done()):
            return
        unbound = not all(map(self._in_use, route.connections))
        if unbound or len(route.connections) < self._wanted(route):
            route.task = Task(self._widen(route))

    async def _widen(self, route: Route) -> None:
        """Bring up what is missing of one route; on failure, try again later."""
        session = self._session
        try:
            for channel in list(route.connections):
                if not self._in_use(channel):
                    await self._take(route, channel)
            while len(route.connections) < self._wanted(route) and session.slots is not None:
                channel = await self._connected(route)
                channel.on_close(partial(self._lost, channel))
                await self._take(route, channel)
        except AnotherServerError as error:
            self._refuse(route, str(error))
            self._again(route)
        except (OSError, StatusError) as error:
            _log.info("%s: %d of %d connections: %s", *self._progress(route), why(error))
            route.failures += 1
            if not route.stats.up:
                route.stats.trouble = why(error)
            self._again(route)

    def _progress(self, route: Route) -> tuple[str, int, int]:
        return route.name, route.stats.up, self._count

    async def _connected(self, route: Route) -> Channel:
        return self._adopt(route, await _one(route.connect(self._timeout)))

    async def _take(self, route: Route, channel: Channel) -> None:
        """Bind a lane to the session, and let it be used."""
        session = self._session
        slots, reactor = session.slots, session.reactor
        reason = "it is not bound to the session"
        watchdog = reactor.call_at(
            reactor.time() + self._timeout / 2, self._discard, channel, reason
        )
        try:
            await self._bind(channel)
        except BaseException:
            self._discard(channel, "it cannot be bound to the session")
            raise
        finally:
            watchdog.cancel()
        if session.slots is not slots or slots is None or channel not in route.connections:
            return
        if sum(map(self._in_use, route.connections)) < self._wanted(route):
            session.lanes.append(channel)
            self._survey()
            self._leave_last_resorts()
        else:
            self._retire(channel)

    def _leave_last_resorts(self) -> None:
        """Use no last resort any more once another path is up."""
        session = self._session
        if session.gate is not None or not self._preferred_is_up():
            return
        first = session.channel
        if first is not None and self._route_of(first).last_resort:
            session.channel = self.promote()
            self._retire(first)
        for channel in list(session.lanes):
            if self._route_of(channel).last_resort:
                self._retire(channel)

    def _retire(self, channel: Channel) -> None:
        """Use a connection no more; it ends when what is on its way is answered."""
        assert isinstance(channel, Connection)
        channel.route.connections.remove(channel)
        if channel in self._session.lanes:
            self._session.lanes.remove(channel)
        self._leaving.append(channel)
        self._survey(_BETTER)
        channel.route.stats.trouble = ""
        channel.retire(_BETTER)

    def _probe(self, route: Route) -> Task[None]:
        """See whether a path that is not needed now leads to the server."""
        route.task = Task(self._probed(route))
        return route.task

    async def _probed(self, route: Route) -> None:
        reactor = self._session.reactor
        if route.connections:
            return
        try:
            channel = await _one(route.connect(self._timeout))
            timer = reactor.call_at(reactor.time() + self._timeout / 2, channel.close)
            try:
                await self._verify(channel)
            finally:
                timer.cancel()
                channel.close("it is not needed now")
        except AnotherServerError as error:
            self._refuse(route, str(error))
        except (OSError, StatusError) as error:
            route.stats.trouble = why(error)
            _log.warning("%s: this path is not there: %s", route.name, why(error))

    def _refuse(self, route: Route, reason: str) -> None:
        if route.refused != reason:
            _log.warning("%s is not used: %s", route.name, reason)
        route.refused = route.stats.trouble = reason
        route.failures += 1

    def _again(self, route: Route) -> None:
        """Widen after a while."""
        if not self._closed:
            route.later(self._session.reactor, partial(self._due, route))

    def _due(self, route: Route) -> None:
        # Without a session there is nothing to bind to: recovery widens when there is one.
        if self._session.channel is not None and self._session.gate is None:
            self._start(route)


async def _one(attempt: Future[Channel]) -> Channel:
    """Wait for a connection; one that comes when nobody waits any more is closed."""
    try:
        return await attempt
    finally:
        if not attempt.done():
            attempt.add_done_callback(hang_up)

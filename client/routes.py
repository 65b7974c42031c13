"""Ways to a server: several addresses, or transports, over which one session travels.

Each is a :class:`Route`: how to connect, what became of that, and the connections that there are.
All of them lead to the same server, which is not believed but looked at, before a call goes that
way (:mod:`.identity`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple

from nfsrdma.rpcrdma.rpc.channel import Channel, Service
from nfsrdma.rpcrdma.task import Future, Reactor, Task, TimerHandle

from .connection import Connection
from .stats import PathStats

_log = logging.getLogger(__name__)

Connect = Callable[[float], Future[Channel]]
"""Connects within the given number of seconds. Raises kinds of ``OSError``."""

_HEAD_START_S: Final = 0.25
"""Seconds that a route has before the next one is tried besides (RFC 8305, Section 5)."""
_BEFORE_LAST_S: Final = 0.75
"""The same before the last resort."""
_AGAIN_MIN_S: Final = 0.5
_AGAIN_MAX_S: Final = 60.0
_STEADY_S: Final = 20.0
"""For how long a route has to hold before the pauses after it is lost are short again."""


class Way(NamedTuple):
    """A further way to the server of a client."""

    name: str
    """What people call it: a URL."""
    connect: Callable[[float, Service], Future[Channel]]
    """Connects within the given number of seconds; incoming calls go to the service."""
    last_resort: bool = False
    """Whether it is used only while no other way can be."""


class Route:
    """One way to the server, as it is now."""

    def __init__(
        self, name: str, connect: Connect, last_resort: bool, used: Callable[[], object]
    ) -> None:
        self.name = name
        self.connect = connect
        self.last_resort = last_resort
        self.used = used
        """Called with each call that goes this way."""
        self.stats = PathStats(name, last_resort)
        self.connections: list[Channel] = []
        """Those that are open; not each of them is bound to the session yet."""
        self.failures = 0
        """How often in a row the way led to no session."""
        self.caution = 1
        """How much longer than usual it is waited for before it is thought dead."""
        self.hopeless = False
        """Whether it led to a server last that makes no sense, or refuses us."""
        self.refused = ""
        """Why it leads to another server, if it did so last."""
        self.task: Task[None] | None = None
        """What brings up connections that are missing."""
        self._pause_s = _AGAIN_MIN_S
        self._timer: TimerHandle | None = None
        self._up_at = 0.0

    def now_up(self, up: int, reason: str, now: float, *, told: bool) -> None:
        """Note how many connections are in use ``now``; if they are none, ``reason`` says why.

        Losses are told in the log if ``told``, as is that the path is taken.
        """
        before, self.stats.up = self.stats.up, up
        if up and not before:
            self._up_at = now
            self.stats.trouble = self.refused = ""
            self.failures = 0
            self.hopeless = False
            if told:
                _log.info("%s: this path is taken", self.name)
        elif before and not up:
            self.stats.trouble = reason
            if told:
                _log.info("%s: this path is left: %s", self.name, reason)
        if before and now - self._up_at > _STEADY_S:
            self._pause_s = _AGAIN_MIN_S
            self.caution = 1

    def later(self, reactor: Reactor, act: Callable[[], object]) -> None:
        """Call ``act`` after a pause, unless that is due already.

        The pauses get longer, until the path has held for a while.
        """
        if self._timer is not None:
            return

        def due() -> None:
            self._timer = None
            act()

        self._timer = reactor.call_at(reactor.time() + self._pause_s, due)
        self._pause_s = min(2 * self._pause_s, _AGAIN_MAX_S)

    def holds(self) -> None:
        """Note that the path itself is well: the next pause is short."""
        self._pause_s = _AGAIN_MIN_S

    def at_once(self) -> None:
        """Do not wait any longer for the next attempt."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stop(self) -> None:
        """Try no more."""
        self.at_once()
        if self.task is not None and not self.task.done():
            self.task.cancel()


def by_preference(routes: Iterable[Route]) -> list[Route]:
    """Return the routes in the order in which they are tried."""
    return sorted(routes, key=lambda route: (route.failures, route.last_resort))


async def first_connection(
    routes: Sequence[Route], reactor: Reactor, timeout_s: float
) -> tuple[Route, Channel]:
    """Connect by whichever route can first; those that come first have a head start.

    Raises the ``OSError`` of the first route if none can.
    """
    won: Future[tuple[Route, Channel]] = Future()
    failed: dict[int, BaseException] = {}
    timers: list[TimerHandle] = []
    waiting = list(enumerate(routes))
    deadline = reactor.time() + timeout_s

    def begin() -> None:
        if not waiting or won.done():
            return
        place, route = waiting.pop(0)
        if waiting:
            head_start_s = _BEFORE_LAST_S if waiting[0][1].last_resort else _HEAD_START_S
            timers.append(reactor.call_at(reactor.time() + head_start_s, begin))
        attempt = route.connect(max(0.1, deadline - reactor.time()))
        attempt.add_done_callback(partial(finished, place, route))

    def finished(place: int, route: Route, attempt: Future[Channel]) -> None:
        error = attempt.error()
        if won.done():
            hang_up(attempt)
        elif error is None:
            won.set_result((route, attempt.result()))
        else:
            route.failures += 1
            route.hopeless = False
            route.stats.trouble = str(error) or type(error).__name__
            failed[place] = error
            if len(failed) == len(routes):
                won.set_error(failed[0])
            else:
                begin()

    begin()
    try:
        return await won
    finally:
        for timer in timers:
            timer.cancel()
        if not won.done():  # cancelled: nobody waits for any of them
            won.set_error(TimeoutError())


def hang_up(attempt: Future[Channel]) -> None:
    """Close a connection that comes too late."""
    if attempt.error() is None:
        attempt.result().close("it is not wanted any more")


def carried_by(channel: Channel) -> Route | None:
    """Return the route of a connection, if there are several."""
    return channel.route if isinstance(channel, Connection) else None

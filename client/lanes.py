"""More connections of one session (``nconnect``): session trunking (RFC 8881, Section 2.10.5).

The session's first connection stays what it is without them: it carries what creates and restores
the session. The others, the lanes, are to the same address, and are bound to the session for calls
and callbacks (BIND_CONN_TO_SESSION, Section 18.34). A request goes over the connection that its
slot's number falls on. If that is lost, the same request goes over another one, in its slot, which
the server recognizes; if the first one is lost a lane takes its place at once.

What is missing is connected in the background, and a server that refuses more has fewer.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel, TransportError
from nfsrdma.rpcrdma.task import Future, Task, TimerHandle
from nfsrdma.xdr import Decoder

from .errors import NfsError, StatusError
from .session import Session

_log = logging.getLogger(__name__)

_AGAIN_MIN_S: Final = 0.5
_AGAIN_MAX_S: Final = 60.0


class Lanes:
    """The connections of a session besides its first one.

    ``connect`` makes one within so many seconds, ``bind`` binds it to the session, ``lost`` is told
    of each that has ended.
    """

    def __init__(
        self,
        session: Session,
        count: int,
        *,
        connect: Callable[[float], Future[Channel]],
        bind: Callable[[Channel], Awaitable[None]],
        lost: Callable[[Channel, str], None],
        timeout: float,
    ) -> None:
        self._session = session
        self._count = count
        self._connect = connect
        self._bind = bind
        self._lost = lost
        self._timeout = timeout
        self._open: list[Channel] = []
        """Those that are connected. The session has those of them that are bound to it."""
        self._asked: dict[Channel, float] = {}
        """When connections were asked for a sign of life that has not come yet."""
        self._task: Task[None] | None = None
        self._timer: TimerHandle | None = None
        self._pause_s = _AGAIN_MIN_S
        self._closed = False

    def widen(self) -> None:
        """Connect and bind what is missing, in the background."""
        if self._count and not self._closed and (self._task is None or self._task.done()):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._task = Task(self._widen())

    def promote(self) -> Channel | None:
        """Return a lane that is bound, if there is one; it is a lane no longer."""
        lanes = self._session.lanes
        if not lanes:
            return None
        channel = lanes.pop(0)
        self._open.remove(channel)
        self._again()
        return channel

    def drop(self, channel: Channel, reason: str) -> bool:
        """Close a lane; return false if it is none."""
        self._asked.pop(channel, None)
        if channel not in self._open:
            return False
        self._open.remove(channel)
        with suppress(ValueError):
            self._session.lanes.remove(channel)
        channel.close(reason)
        self._again()
        return True

    def drop_all(self, reason: str) -> None:
        """Close every lane."""
        for channel in list(self._open):
            self.drop(channel, reason)

    def look(self, now: float) -> None:
        """Ask each connection for a sign of life while calls are in flight; end those without.

        With one connection its replies are the server's; with several, one can be dead alone, and
        that includes the first one while no lane can be bound.
        """
        session = self._session
        if not self._count or session.channel is None or session.slots is None:
            return
        channels = (session.channel, *self._open)
        self._asked = {each: when for each, when in self._asked.items() if each in channels}
        for channel in channels:
            since = self._asked.get(channel)
            if since is not None and now - since >= self._timeout / 2:
                self._lost(channel, f"no answer over it for {self._timeout / 2:g} s")
            elif since is None and session.slots.busy:
                self._asked[channel] = now
                session.ping(channel).add_done_callback(self._answered(channel))

    def close(self) -> None:
        """Close every lane for good."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()
        self.drop_all("the mount is closed")

    def _answered(self, channel: Channel) -> Callable[[Future[Decoder]], None]:
        def answered(reply: Future[Decoder]) -> None:
            if reply.error() is None:
                self._asked.pop(channel, None)

        return answered

    async def _widen(self) -> None:
        session = self._session
        try:
            for channel in list(self._open):
                if channel not in session.lanes:
                    await self._take(channel)
            while len(self._open) < self._count and session.slots is not None:
                channel = await self._connected()
                self._open.append(channel)
                session.stats.connections += 1
                channel.on_close(partial(self._lost, channel))
                await self._take(channel)
            self._pause_s = _AGAIN_MIN_S
        except (OSError, StatusError, NfsError, TransportError) as error:
            _log.info("%d of %d connections: %s", 1 + len(session.lanes), 1 + self._count, error)
            self._again()

    async def _connected(self) -> Channel:
        future = self._connect(self._timeout)
        try:
            return await future
        finally:
            if not future.done():  # cancelled: nobody waits for it any more
                future.add_done_callback(_hang_up)

    async def _take(self, channel: Channel) -> None:
        """Bind a lane to the session, and let it be used."""
        session = self._session
        slots, reactor = session.slots, session.reactor
        watchdog = reactor.call_at(
            reactor.time() + self._timeout, self.drop, channel, "it is not bound to the session"
        )
        try:
            await self._bind(channel)
        except BaseException:
            self.drop(channel, "it cannot be bound to the session")
            raise
        finally:
            watchdog.cancel()
        if session.slots is slots and slots is not None and channel in self._open:
            session.lanes.append(channel)

    def _again(self) -> None:
        """Widen after a while."""
        if self._closed or self._timer is not None or not self._count:
            return
        reactor = self._session.reactor
        self._timer = reactor.call_at(reactor.time() + self._pause_s, self._due)
        self._pause_s = min(2 * self._pause_s, _AGAIN_MAX_S)

    def _due(self) -> None:
        self._timer = None
        session = self._session
        # Without a session there is nothing to bind to: recovery widens when there is one.
        if session.channel is not None and session.gate is None:
            self.widen()


def _hang_up(future: Future[Channel]) -> None:
    if future.error() is None:
        future.result().close("the mount is closed")

"""A connection that is one of several: a channel that knows how much is on its way over it.

Calls go where they are likely to be over first (:func:`quickest`): what is on its way over a
connection, and how long an octet has lately taken there. So paths of unequal width carry what they
can, and one that stands still gets no more than its share before that is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from nfsrdma.rpcrdma.budget import Account
from nfsrdma.rpcrdma.rpc.channel import CLOSED_HERE, Channel, Peer, TransportError
from nfsrdma.rpcrdma.task import Future, Reactor
from nfsrdma.xdr import Decoder, Encoder

if TYPE_CHECKING:
    from .routes import Route

_CALL: Final = 1024
"""Octets that a call is taken to have besides its own, so that small ones count."""
_BULK: Final = 32768
"""Octets from which on a call tells how wide a path is, and not only how long."""
_STALE_S: Final = 1.0
"""Seconds after which a path that nothing uses is tried again: it may be wider by now."""


class Connection:
    """A :class:`~nfsrdma.rpcrdma.rpc.channel.Channel` over ``route``, which is ``inner``."""

    __slots__ = (
        *("account", "answered", "asked_at", "due", "in_flight", "inner", "load", "pace", "peer"),
        *("relied_on", "route", "_heard_at", "_reactor", "_retired", "_waiting_since"),
    )

    def __init__(self, inner: Channel, route: Route, reactor: Reactor) -> None:
        self.inner = inner
        self.route = route
        self.peer: Peer = inner.peer
        self.account: Account = inner.account
        self.relied_on = inner.relied_on
        self.in_flight = 0
        """Calls that are not answered."""
        self.load = 0
        """Octets of these calls and of their replies."""
        self.pace = 0.0
        """Seconds that an octet takes, 0.0 while that is not known."""
        self.due = False
        """Whether it is to be tried with the next call, whatever its pace."""
        self.answered = 0.0
        """When the latest call was sent that has been answered."""
        self.asked_at: float | None = None
        """When a sign of life was asked for that has not come yet."""
        self._reactor = reactor
        self._retired = ""
        self._heard_at = self._waiting_since = reactor.time()

    @property
    def max_message(self) -> int:
        """See ``Channel``."""
        return self.inner.max_message

    def call(
        self, message: Encoder, *, max_reply: int, sinks: Sequence[memoryview] = ()
    ) -> Future[Decoder]:
        """See ``Channel``."""
        reply = self.inner.call(message, max_reply=max_reply, sinks=sinks)
        room = sum(map(len, sinks))
        octets = _CALL + message.tell() + room
        now = self._reactor.time()
        if not self.in_flight:
            self._waiting_since = now
        self.in_flight += 1
        self.load += octets
        self.due = False
        stats = self.route.stats
        stats.calls += 1
        stats.bytes_sent += message.tell()
        reply.add_done_callback(partial(self._over, octets, room, now))
        self.route.used()
        return reply

    def _over(self, octets: int, room: int, sent_at: float, reply: Future[Decoder]) -> None:
        self.in_flight -= 1
        self.load -= octets
        error = reply.error()
        if not isinstance(error, TransportError):  # whatever it is, the server has answered
            now = self._reactor.time()
            if octets >= _BULK:
                # The path was busy with others before: since then it was busy with this one.
                sample = (now - max(sent_at, self._heard_at)) / octets
                self.pace += (sample - self.pace) / 4 if self.pace else sample
            self.heard(sent_at, now)
            if error is None:
                self.route.stats.bytes_received += max(reply.result().remaining(), room)
        if self._retired and not self.in_flight:
            self.inner.close(self._retired)

    def heard(self, sent_at: float, now: float) -> None:
        """Note that what was sent at ``sent_at`` has been answered ``now``."""
        self._heard_at = self._waiting_since = now
        self.answered = max(self.answered, sent_at)
        self.asked_at = None

    def silent_s(self, now: float) -> float:
        """Return for how long calls have waited without hearing anything, in seconds."""
        return now - self._waiting_since if self.in_flight else 0.0

    def review(self, now: float) -> None:
        """Have the path tried again if nothing was sent over it lately."""
        if not self.in_flight and now - self._heard_at > _STALE_S:
            self.due = True

    def retire(self, reason: str) -> None:
        """Close the connection once the calls that are on their way are answered."""
        self._retired = reason
        if not self.in_flight:
            self.inner.close(reason)

    def close(self, reason: str = CLOSED_HERE) -> None:
        """See ``Channel``."""
        self.inner.close(reason)

    def on_close(self, callback: Callable[[str], None]) -> None:
        """See ``Channel``."""
        self.inner.on_close(callback)


def quickest(first: Channel, others: Sequence[Channel], slot: int) -> Channel:
    """Return the connection over which a call is likely to be over first.

    ``first`` and ``others`` are :class:`Connection` objects. Of equals the one that the slot's
    number falls on is taken.
    """
    channels = cast("list[Connection]", [first, *others])
    usual, load, in_flight = 0.0, 0, 0
    for each in channels:
        if each.due:
            return cast(Channel, each)
        load += each.load
        in_flight += each.in_flight
        if each.pace and (each.pace < usual or not usual):
            usual = each.pace
    usual = usual or 1.0
    size = load // in_flight if in_flight else _CALL  # that of calls as they are made now
    best = channels[slot % len(channels)]
    least = (best.load + size) * (best.pace or usual)
    for each in channels:
        expected = (each.load + size) * (each.pace or usual)
        if expected < least:
            best, least = each, expected
    return cast(Channel, best)

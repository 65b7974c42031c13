"""The driver of an engine: what every carrier of packets has in common.

A turn delivers completions to the owners, sends output until there is none, and runs what is due.
It takes place after a batch of input, when a timer is due, and soon after the engine called
``on_ready``; never from inside the call that made it necessary. A turn is bounded, so that one busy
device does not keep the rest of the reactor waiting. What an owner's handler raises goes to the
reactor, which reports it; the timer is set all the same.
"""

from __future__ import annotations

from collections.abc import Callable

from ..roce.engine.engine import Engine
from ..roce.packets.burst import Burst
from ..task import Reactor, TimerHandle

_BURSTS = 32
"""Bursts, of up to 64 KiB each, that one turn sends."""


class EngineDriver:
    """Turns ``engine`` on ``reactor``; ``send(burst)`` takes its output.

    ``send`` returns false when it cannot take the burst now; the burst is offered again after
    ``writable()``. ``look`` reads what has arrived meanwhile; it is called before anything counts
    as overdue.
    """

    __slots__ = (
        "_blocked",
        "_closed",
        "_engine",
        "_look",
        "_reactor",
        "_scheduled",
        "_send",
        "_timer",
        "_timer_at",
    )

    def __init__(
        self,
        engine: Engine,
        reactor: Reactor,
        send: Callable[[Burst], bool],
        look: Callable[[], None] | None = None,
    ) -> None:
        self._engine = engine
        self._look = look
        self._reactor = reactor
        self._send = send
        self._scheduled = False
        self._closed = False
        self._blocked: Burst | None = None
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0
        engine.on_ready = self.wake

    def wake(self) -> None:
        """Ask the reactor for a turn."""
        if not self._scheduled:
            self._scheduled = True
            self._reactor.call_soon(self._run)

    def writable(self) -> None:
        """Go on sending: the carrier takes output again."""
        burst, self._blocked = self._blocked, None
        if burst is not None and not self._send(burst):
            self._blocked = burst
        else:
            self.turn()

    def turn(self) -> None:
        """Do everything that is due now, within bounds."""
        if self._closed:
            return
        engine = self._engine
        try:
            engine.deliver()
            self._transmit(self._reactor.time())
        finally:
            # What is overdue waits for the timer. If handlers took long just now, the answers
            # that seem to be missing may have arrived, and the reactor looks for input first.
            due = engine.next_timeout()
            if due is not None:
                self._set_timer(due)

    def send(self) -> None:
        """Send what there is, within bounds, and see to the time; owners are not called."""
        if not self._closed:
            self._transmit(self._reactor.time())
            due = self._engine.next_timeout()
            if due is not None:
                self._set_timer(due)

    def close(self) -> None:
        """Run what is due, send what there is, and stop."""
        if self._closed:
            return
        self._do_due()
        self.turn()
        self._closed = True
        now = self._reactor.time()
        while self._blocked is None and (burst := self._engine.poll_transmit(now)) is not None:
            if not self._send(burst):
                break
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def abandon(self) -> None:
        """Stop at once, and send nothing."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        self._scheduled = False
        self.turn()

    def _transmit(self, now: float) -> None:
        if self._blocked is not None:
            return
        poll, send = self._engine.poll_transmit, self._send
        for _ in range(_BURSTS):
            burst = poll(now)
            if burst is None:
                return
            if not send(burst):
                self._blocked = burst
                return
        self.wake()

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            # A timer that fires too early costs one idle turn; moving it each turn costs more.
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._reactor.call_at(due, self._timer_due)

    def _timer_due(self) -> None:
        self._timer = None
        try:
            self._do_due()
        finally:
            self.turn()

    def _do_due(self) -> None:
        engine = self._engine
        due = engine.next_timeout()
        if due is None or due > self._reactor.time():
            return
        if self._look is not None:
            # This process may not have run for a while; what seems missing may be in the socket.
            self._look()
            due = engine.next_timeout()
        now = self._reactor.time()
        if due is not None and due <= now:
            engine.handle_timeout(now)

"""How many calls each requester has in progress, and how long it had no credit left.

A *stall* is a stretch of time in which the calls in progress were as many as the credits granted
last: the requester may have had more to send or not, but it could not have sent it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...tracking.model import Exchange, Side
from .measure import Times

MAX_QUEUES = 4096
_STRETCHES = 512


class Step(NamedTuple):
    """From ``time`` on, at most: calls in progress, and the credits (0: not known)."""

    time: int
    depth: int
    credits: int


class Steps:
    """The peaks of a depth over time, in a bounded number of stretches."""

    def __init__(self, stretches: int = _STRETCHES) -> None:
        self._stretches = stretches
        self.width = 1
        self._all: list[Step] = []

    def add(self, step: Step) -> None:
        """Add a step; it may become one with the latest."""
        last = self._all[-1] if self._all else None
        if last is not None and step.time - last.time < self.width:
            self._all[-1] = Step(last.time, max(last.depth, step.depth), step.credits)
            return
        self._all.append(step)
        if len(self._all) > 2 * self._stretches:
            self._thin()

    def _thin(self) -> None:
        old = self._all
        self.width = max(self.width, (old[-1].time - old[0].time) // self._stretches)
        self._all = []
        for step in old:
            self.add(step)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._all)


class Queue:
    """The calls of one requester."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.credits = 0
        """Granted by the latest reply; 0 before there was one."""
        self.depths = Times()
        """The calls in progress, as each call found them, itself included."""
        self.steps = Steps()
        self.stalls = Times()
        """How long each stall was; its frames are those of the last call and of the reply."""
        self._full: tuple[int, int] | None = None

    def called(self, exchange: Exchange) -> None:
        """Take a call that was sent."""
        call = exchange.call
        if call is None:
            return
        depth = len(self.side.calls)
        self.depths.add(depth, call.frame, 0)
        self.steps.add(Step(call.time_ns, depth, self.credits))
        if self.credits and depth >= self.credits and self._full is None:
            self._full = (call.time_ns, call.frame)

    def answered(self, exchange: Exchange) -> None:
        """Take an exchange that is over."""
        reply, header = exchange.reply, exchange.reply_header
        if reply is None:
            return
        if header is not None and header.credits:
            self.credits = header.credits
        depth = len(self.side.calls)
        self.steps.add(Step(reply.time_ns, depth, self.credits))
        if self._full is not None and depth < self.credits:
            since, frame = self._full
            self._full = None
            self.stalls.add(max(0, reply.time_ns - since), frame, reply.frame)


class Queues:
    """The queue of every requester that was seen."""

    def __init__(self) -> None:
        self.all: dict[Side, Queue] = {}

    def called(self, exchange: Exchange) -> None:
        """Take a call that was sent."""
        side = exchange.requester
        queue = self.all.get(side)
        if queue is None:
            if len(self.all) >= MAX_QUEUES:
                return
            queue = self.all[side] = Queue(side)
        queue.called(exchange)

    def answered(self, exchange: Exchange) -> None:
        """Take an exchange that is over."""
        queue = self.all.get(exchange.requester)
        if queue is not None:
            queue.answered(exchange)

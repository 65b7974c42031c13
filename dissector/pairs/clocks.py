"""By how much the clock of one capture is ahead of another's, from what both have seen.

Whatever both saw on its way from the first place to the second cannot have arrived before it left:
an upper bound of the difference between the clocks. What came back is a lower one. The nearest
bounds of a whole capture leave little between them, half of the least time there and back. Only if
no constant fits do the clocks run at different speeds.
"""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from .brief import Brief

_WINDOWS = 256
_WIDTH = 1 << 20
"""Nanoseconds of a window at first; windows grow with the capture."""


Bound = tuple[int, int] | None
"""When the same thing was seen: a time of the first clock and one of the second."""


def nearer(first: Brief, second: Brief) -> int:
    """Return which capture is nearer to the requester: the one that waits longer for the reply."""
    if not (first.call_frame and first.reply_frame and second.call_frame and second.reply_frame):
        return 0
    waits = first.answered - first.called, second.answered - second.called
    return 1 if waits[1] > waits[0] else 0


def bounds(first: Brief, second: Brief) -> tuple[Bound, Bound]:
    """Return what an RPC says of two clocks: bounds on its way to the second place, and back.

    Where an RPC has only one of its messages in both captures, nothing says which way that went.
    """
    if not (first.call_frame and first.reply_frame and second.call_frame and second.reply_frame):
        return None, None
    call, reply = (first.called, second.called), (first.answered, second.answered)
    return (call, reply) if nearer(first, second) == 0 else (reply, call)


class Reading(NamedTuple):
    """How two clocks compare: the second one is ``offset`` ahead at ``time`` of the first."""

    offset: float
    """Nanoseconds."""
    drift: float
    """Nanoseconds that it gains in a nanosecond."""
    time: int
    error: float
    """Nanoseconds by which ``offset`` may be wrong."""

    def at(self, time: int) -> int:
        """Return how far the second clock is ahead at a time of the first one."""
        return round(self.offset + self.drift * (time - self.time))


class _Window:
    """The nearest bounds in one stretch of time, each with its time."""

    __slots__ = ("high", "low")

    def __init__(self) -> None:
        self.high: tuple[int, int] | None = None
        self.low: tuple[int, int] | None = None

    def add(self, high: Bound, low: Bound) -> None:
        if high is not None and (self.high is None or high < self.high):
            self.high = high
        if low is not None and (self.low is None or low > self.low):
            self.low = low


class Clocks:
    """Collects bounds; :meth:`read` says what they come to."""

    def __init__(self) -> None:
        self._windows: list[_Window] = []
        self._width = _WIDTH
        self._start = 0
        self.count = 0

    def add(self, forth: Bound, back: Bound) -> None:
        """Add when something was seen on its way to the second place, and on its way back."""
        if forth is None and back is None:
            return
        time = (forth or back or (0, 0))[0]
        window = self._window(time)
        self.count += 1
        window.add(
            (forth[1] - forth[0], forth[0]) if forth is not None else None,
            (back[1] - back[0], back[0]) if back is not None else None,
        )

    def _window(self, time: int) -> _Window:
        if not self._windows:
            self._start = time
        index = max(0, (time - self._start) // self._width)
        while index >= _WINDOWS:
            self._double()
            index >>= 1
        while len(self._windows) <= index:
            self._windows.append(_Window())
        return self._windows[index]

    def _double(self) -> None:
        joined = []
        for at in range(0, len(self._windows), 2):
            window = self._windows[at]
            for other in self._windows[at + 1 : at + 2]:
                window.add(other.high, other.low)
            joined.append(window)
        self._windows = joined
        self._width *= 2

    def read(self) -> Reading | None:
        """Return how the clocks compare; ``None`` without a bound from either side."""
        highs = [one.high for one in self._windows if one.high is not None]
        lows = [one.low for one in self._windows if one.low is not None]
        if not highs or not lows:
            return None
        start = min(time for _, time in highs)
        constant = _fitted(highs, lows, 0.0, start)
        if constant.error >= 0:
            return constant
        middles = [
            ((one.high[0] + one.low[0]) / 2, (one.high[1] + one.low[1]) / 2)
            for one in self._windows
            if one.high is not None and one.low is not None
        ]
        sloped = _fitted(highs, lows, _slope(middles), start)
        return sloped._replace(error=abs(sloped.error))


def _fitted(
    highs: list[tuple[int, int]], lows: list[tuple[int, int]], drift: float, start: int
) -> Reading:
    """Return the middle of what the bounds allow; the error is negative if they allow nothing."""
    high = min(value - drift * (time - start) for value, time in highs)
    low = max(value - drift * (time - start) for value, time in lows)
    return Reading((high + low) / 2, drift, start, (high - low) / 2)


def _slope(points: list[tuple[float, float]]) -> float:
    """Return the median of the slopes between all points (Theil and Sen)."""
    slopes = [
        (value - other) / (time - before)
        for at, (value, time) in enumerate(points)
        for other, before in points[:at]
        if time != before
    ]
    return median(slopes) if slopes else 0.0

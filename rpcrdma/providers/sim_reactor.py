"""A reactor whose clock jumps: hours of protocol in milliseconds, the same way every time."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar, overload

from ..task import Future

T = TypeVar("T")


class SimTimer:
    """A timer of the simulator."""

    __slots__ = ("args", "callback")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def cancel(self) -> None:
        """Do not call. Harmless to repeat."""
        self.callback = None
        self.args = ()


class SimReactor:
    """Virtual time (``task.Reactor``): callbacks run in the order of time, then of request."""

    __slots__ = ("_now", "_ready", "_serial", "_timers")

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._serial = 0
        self._ready: deque[SimTimer] = deque()
        self._timers: list[tuple[float, int, SimTimer]] = []

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> SimTimer:
        """Call at the present time, after the callbacks that are due already."""
        timer = SimTimer(callback, args)
        self._ready.append(timer)
        return timer

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> SimTimer:
        """Call at ``when``; the past counts as now."""
        timer = SimTimer(callback, args)
        self._serial += 1
        heapq.heappush(self._timers, (when, self._serial, timer))
        return timer

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """Raise ``OSError``: there are no files in a simulation."""
        raise OSError("a simulated reactor watches no files")

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """Raise ``OSError``: there are no files in a simulation."""
        raise OSError("a simulated reactor watches no files")

    def remove_reader(self, fd: int) -> None:
        """Do nothing: there are no files in a simulation."""

    def remove_writer(self, fd: int) -> None:
        """Do nothing: there are no files in a simulation."""

    @overload
    def run_until(self, what: Future[T], limit_s: float = ...) -> T: ...

    @overload
    def run_until(self, what: Callable[[], T], limit_s: float = ...) -> T: ...

    def run_until(self, what: Any, limit_s: float = 60.0) -> Any:
        """Turn until the future is done or the predicate is true; return its result.

        Raises ``TimeoutError`` after ``limit_s`` virtual seconds, or at once when nothing is
        left that could happen.
        """
        end = self._now + limit_s
        if isinstance(what, Future):
            while not what.done():
                self._step(end)
            return what.result()
        while not (result := what()):
            self._step(end)
        return result

    def run_for(self, seconds: float) -> None:
        """Turn for so many virtual seconds."""
        end = self._now + seconds
        while self._ready or (self._timers and self._timers[0][0] <= end):
            self._step(end)
        self._now = max(self._now, end)

    def _step(self, end: float) -> None:
        """Run the next callback, at its time."""
        if self._ready:
            timer = self._ready.popleft()
        else:
            if not self._timers:
                raise TimeoutError(f"nothing is left to happen at {self._now:.6f} s")
            when, _, timer = self._timers[0]
            if when > end:
                self._now = end
                raise TimeoutError(f"not within the limit, {end:.6f} s")
            heapq.heappop(self._timers)
            self._now = max(self._now, when)
        callback, args = timer.callback, timer.args
        if callback is not None:
            callback(*args)

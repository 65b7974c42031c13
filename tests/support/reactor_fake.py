"""Virtual time for the client's tests: a reactor whose clock jumps to the next timer."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from nfsrdma.rpcrdma.task import Future, Task

T = TypeVar("T")


class FakeReactor:
    """A ``task.Reactor`` whose clock jumps from timer to timer."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, Any]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self.call_at(self.now, callback, *args)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Any:
        self._count += 1
        timer = _Timer(callback, args)
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        raise AssertionError("no descriptors here")

    remove_reader = add_writer = remove_writer = add_reader  # type: ignore[assignment]

    def step(self) -> bool:
        """Run the next timer; whether there was one."""
        while self._timers:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self.now = max(self.now, when)
                timer.callback(*timer.args)
                return True
        return False

    def run(self, coroutine: Coroutine[Any, Any, T], seconds: float = 600.0) -> T:
        """Run to the end. Hanging for so much virtual time is a failure."""
        task = Task(coroutine)
        self.turn(task, seconds)
        return task.result()

    def turn(self, task: Future[Any], seconds: float = 600.0) -> None:
        end = self.now + seconds
        while not task.done():
            assert self.step(), "nothing will ever happen"
            assert self.now < end, f"nothing within {seconds} virtual seconds"

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            self.step()
        self.now = end


class _Timer:
    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def cancel(self) -> None:
        self.callback = None

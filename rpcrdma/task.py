"""Futures and tasks without an event loop: concurrency that any driver can turn.

A :class:`Task` runs a coroutine that awaits only futures (:class:`Future`). It advances inside the
callback that completed its future, on the same thread, in an order that is a function of the inputs
alone. So the same client and server code runs under a blocking caller that turns a selector, inside
an asyncio loop, and in the simulator's virtual time, and one seed replays it.

Both are compiled if they can be; ``future`` has their twins in Python, and their documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, runtime_checkable

from .future import Cancelled

try:
    from ._future import Future, Task

    native = True
except ImportError:
    from .future import Future, Task

    native = False

__all__ = [
    "AttentiveReactor",
    "Cancelled",
    "Future",
    "PolledReactor",
    "Reactor",
    "Task",
    "TimerHandle",
    "gather",
    "native",
    "settled",
    "sleep",
]

T = TypeVar("T")


class TimerHandle(Protocol):
    """A pending call, from ``Reactor.call_at``."""

    def cancel(self) -> None:
        """Do not call. Has no effect after the call, or when repeated."""


class Reactor(Protocol):
    """The part of an event loop that the edges of the machines use.

    ``asyncio.AbstractEventLoop`` satisfies it; so do ``io.SelectReactor`` (turned by the
    caller's own thread, several times quicker) and ``providers.sim.SimReactor`` (virtual time).
    """

    def time(self) -> float:
        """Return the seconds of a clock that never goes back."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Any:
        """Call on the loop's next turn."""

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> TimerHandle:
        """Call at ``when``, in seconds of :meth:`time`."""

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> Any:
        """Call whenever ``fd`` is readable, at its end, or in error."""

    def remove_reader(self, fd: int) -> Any:
        """Stop watching ``fd`` for input."""

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> Any:
        """Call whenever ``fd`` is writable or in error."""

    def remove_writer(self, fd: int) -> Any:
        """Stop watching ``fd`` for room to write."""


@runtime_checkable
class PolledReactor(Protocol):
    """A :class:`Reactor` that can also poll for events before it sleeps."""

    def add_poller(self, poller: Callable[[float | None], bool]) -> None:
        """Call ``poller`` before each sleep; it returns whether it found something.

        Its argument is how long the reactor would sleep, in seconds; ``None`` means until something
        happens.
        """

    def remove_poller(self, poller: Callable[[float | None], bool]) -> None:
        """Stop calling ``poller``."""


@runtime_checkable
class AttentiveReactor(Protocol):
    """A :class:`Reactor` that is left alone for a while between its owner's calls."""

    def attend(self, change: int) -> None:
        """Have ``change`` more (or fewer) other programs rely on turns that come soon."""


async def gather(tasks: Iterable[Future[T]]) -> list[T]:
    """Return the results of all in order, or raise the first error once all have ended."""
    waiting = list(tasks)
    for task in waiting:
        if not task.done():
            await settled(task)
    return [task.result() for task in waiting]


async def settled(future: Future[Any]) -> None:
    """Wait until ``future`` is done, with a result or an error."""
    done: Future[None] = Future()
    future.add_done_callback(lambda _: done.set_result(None))
    await done


async def sleep(reactor: Reactor, delay_s: float) -> None:
    """Wait ``delay_s`` seconds of the reactor's time."""
    done: Future[None] = Future()
    timer = reactor.call_at(reactor.time() + delay_s, done.set_result, None)
    try:
        await done
    finally:
        timer.cancel()

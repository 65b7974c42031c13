"""Futures and tasks without an event loop: concurrency that any driver can turn.

A :class:`Task` runs a coroutine that awaits only the futures of this module. It advances inside the
callback that completed its future, on the same thread, in an order that is a function of the inputs
alone. So the same client and server code runs under a blocking caller that turns a selector, inside
an asyncio loop, and in the simulator's virtual time, and one seed replays it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from threading import local
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

_log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_DEPTH: Final = 16
"""Depth to which tasks advance inside one another; deeper ones are put off."""


class Cancelled(Exception):
    """The task was cancelled while it waited."""


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


class Future(Generic[T]):
    """A result that is yet to come. Awaitable in a :class:`Task`; callbacks run on completion.

    A callback that raises an ``Exception`` is logged: neither the code that completes the future,
    as a rule a transport, nor the callbacks after it are affected.
    """

    __slots__ = ("_callbacks", "_done", "_error", "_result")

    def __init__(self) -> None:
        self._done = False
        self._result: T | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], object]] | None = None

    def done(self) -> bool:
        """Return whether there is a result or an error."""
        return self._done

    def result(self) -> T:
        """Return the result, or raise the error; only once done."""
        assert self._done, "not done"
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def error(self) -> BaseException | None:
        """Return the error, or None if there is none (yet)."""
        return self._error

    def set_result(self, result: T) -> None:
        """Complete the future with a result."""
        assert not self._done, "done twice"
        self._result = result
        self._finish()

    def set_error(self, error: BaseException) -> None:
        """Complete the future with an error."""
        assert not self._done, "done twice"
        self._error = error
        self._finish()

    def add_done_callback(self, callback: Callable[[Future[T]], object]) -> None:
        """Call ``callback(self)`` on completion, or at once if it is done."""
        if self._done:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def _finish(self) -> None:
        self._done = True
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is not None:
            for callback in callbacks:
                try:
                    callback(self)
                except Exception:
                    _log.exception("%r, called on the completion of a future, failed", callback)

    def __await__(self) -> Generator[Future[T], None, T]:
        if not self._done:
            yield self
        return self.result()


class Task(Future[T]):
    """Runs a coroutine to its end; the task is the future of its result.

    It starts at once. A task that wakes another one runs it nested, as a call, to a bounded depth:
    if a thousand tasks each wake the next, the later ones advance once the earlier have returned.
    """

    __slots__ = ("_advancing", "_cancelled", "_coroutine", "_waiting_for")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        super().__init__()
        self._coroutine = coroutine
        self._waiting_for: Future[Any] | None = None
        self._advancing = False  # or about to: then cancel() only sets a flag
        self._cancelled = False
        self._advance(None)

    def cancel(self) -> None:
        """Raise :class:`Cancelled` where the coroutine waits, or will wait next.

        The future that it waits for is not cancelled. Has no effect once done.
        """
        if self._done:
            return
        if self._advancing:
            self._cancelled = True
        else:
            self._advance(Cancelled())

    def _wake(self, future: Future[Any]) -> None:
        if future is self._waiting_for:
            self._advance(None)

    def _advance(self, error: Exception | None) -> None:
        """Resume the coroutine, or raise ``error`` in it; put off if nested too deep."""
        self._advancing = True
        self._waiting_for = None
        nest = _nest
        if nest.depth == _MAX_DEPTH:
            nest.put_off.append((self, error))
            return
        nest.depth += 1
        try:
            self._step(error)
        finally:
            try:
                # There are some at the greatest depth only, unless an interrupt left them.
                while nest.put_off:
                    task, error = nest.put_off.popleft()
                    task._step(error)
            finally:
                nest.depth -= 1

    def _step(self, error: Exception | None) -> None:
        # A loop, not recursion: a long run of futures that are done at once must not nest.
        while True:
            try:
                if error is None:
                    future = self._coroutine.send(None)
                else:
                    future = self._coroutine.throw(error)
            except StopIteration as stop:
                self.set_result(stop.value)
                return
            except Exception as raised:
                self.set_error(raised)
                return
            except BaseException as raised:
                # Such as KeyboardInterrupt: it goes to the waiter and to the caller of the loop.
                self.set_error(raised)
                raise
            error = None
            if self._cancelled:
                self._cancelled = False
                error = Cancelled()
            elif not isinstance(future, Future) or future is self:
                error = TypeError(f"a task cannot wait for {future!r}")
            elif not future.done():
                self._advancing = False
                self._waiting_for = future
                future.add_done_callback(self._wake)
                return


class _Nest(local):
    """The depth to which the tasks of a thread are nested, and those put off."""

    def __init__(self) -> None:
        self.depth = 0
        self.put_off: deque[tuple[Task[Any], Exception | None]] = deque()


_nest = _Nest()


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

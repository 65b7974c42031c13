"""Futures and tasks without an event loop: concurrency that any driver can turn.

A :class:`Task` runs a coroutine whose only awaitables are this module's. It advances inside the
callback that completed what it waited for, on the same thread, in an order that is a function of
the inputs alone. So the same client and server code runs under a blocking caller that turns a
selector, inside an asyncio loop, and in the simulator's virtual time, and one seed replays it.
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
"""Tasks that advance inside one another before further ones are put off."""


class Cancelled(Exception):
    """The task was cancelled while it waited."""


class TimerHandle(Protocol):
    def cancel(self) -> None: ...


class Reactor(Protocol):
    """What the machines' edges need of an event loop: the part of asyncio's own that suffices.

    ``asyncio.AbstractEventLoop`` satisfies it; so do ``io.SelectReactor`` (turned by the
    caller's own thread, several times quicker) and ``providers.sim.SimReactor`` (virtual time).
    """

    def time(self) -> float:
        """Seconds on a clock that never goes back."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Any: ...

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> TimerHandle: ...

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> Any: ...

    def remove_reader(self, fd: int) -> Any: ...

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> Any: ...

    def remove_writer(self, fd: int) -> Any: ...


@runtime_checkable
class PolledReactor(Protocol):
    """What a reactor may offer beyond :class:`Reactor`: to look for news before it sleeps."""

    def add_poller(self, poller: Callable[[float | None], bool]) -> None:
        """Have ``poller`` called before each sleep; it returns whether it found something.

        Its argument is how long the reactor would sleep, in seconds; ``None``: until something
        happens.
        """

    def remove_poller(self, poller: Callable[[float | None], bool]) -> None:
        """Have ``poller`` called no more."""


class Future(Generic[T]):
    """A result that is not there yet. Awaitable in a :class:`Task`; callbacks run at once.

    A callback that raises an ``Exception`` is logged: it is not for whoever completes the
    future, as a rule a transport, to suffer from it, nor for the callbacks after it.
    """

    __slots__ = ("_callbacks", "_done", "_error", "_result")

    def __init__(self) -> None:
        self._done = False
        self._result: T | None = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], object]] | None = None

    def done(self) -> bool:
        return self._done

    def result(self) -> T:
        """The result, or raise the error. Only once done."""
        assert self._done, "not done"
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def error(self) -> BaseException | None:
        return self._error

    def set_result(self, result: T) -> None:
        assert not self._done, "done twice"
        self._result = result
        self._finish()

    def set_error(self, error: BaseException) -> None:
        assert not self._done, "done twice"
        self._error = error
        self._finish()

    def add_done_callback(self, callback: Callable[[Future[T]], object]) -> None:
        """Call ``callback(self)`` on completion, or now if that is past."""
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
    """Runs a coroutine to its end; the task is the future of what it returns.

    It starts at once. Waking tasks nest, like the calls they are, but only so deep: when a
    thousand tasks each wake the next, the later ones advance when the earlier have made way.
    """

    __slots__ = ("_advancing", "_cancelled", "_coroutine", "_waiting_for")

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        super().__init__()
        self._coroutine = coroutine
        self._waiting_for: Future[Any] | None = None
        self._advancing = False  # or about to: whoever wants it to be cancelled leaves word
        self._cancelled = False
        self._advance(None)

    def cancel(self) -> None:
        """Raise :class:`Cancelled` where the coroutine waits, or will wait next.

        What it waits for is not cancelled and goes on. No effect once done.
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
        """Go on, or raise ``error``, where the coroutine waits; put off if nested too deep."""
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
                # Such as KeyboardInterrupt: for whoever waits for us, and for whoever turns us.
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
    """How deep the tasks of this thread are nested, and those put off for it."""

    def __init__(self) -> None:
        self.depth = 0
        self.put_off: deque[tuple[Task[Any], Exception | None]] = deque()


_nest = _Nest()


async def gather(tasks: Iterable[Future[T]]) -> list[T]:
    """The results of all, in order; the first error in that order once all have ended."""
    waiting = list(tasks)
    for task in waiting:
        if not task.done():
            await settled(task)
    return [task.result() for task in waiting]


async def settled(future: Future[Any]) -> None:
    """Wait until ``future`` is done, whatever the outcome."""
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

"""Futures and tasks in Python: the twin of ``_future``, and its oracle.

``task`` chooses between them. Both complete, nest and cancel alike.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from threading import local
from typing import Any, Final, Generic, TypeVar

_log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_DEPTH: Final = 16
"""Depth to which tasks advance inside one another; deeper ones are put off."""


class Cancelled(Exception):
    """The task was cancelled while it waited."""


def callback_failed(callback: object, error: BaseException) -> None:
    """Log what a callback raised."""
    text = "%r, called on the completion of a future, failed"
    _log.error(text, callback, exc_info=error)


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
                except Exception as error:
                    callback_failed(callback, error)

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

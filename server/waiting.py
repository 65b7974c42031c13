"""Values that may not be there yet: how an operation goes on when they are.

What may take long, such as a read from a disk that is not in memory, returns ``T | Future[T]``: the
value if it could be had at once, as a rule, else a future. :func:`then` goes on with either, and
costs one test if the value is there. Where one value after the other is needed, with loops or
``try`` around them, a coroutine reads better: :func:`ready` awaits either, :func:`started` runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

from nfsrdma.rpcrdma.task import Future, Task

T = TypeVar("T")
R = TypeVar("R")


def then(value: T | Future[T], finish: Callable[[T], R | Future[R]]) -> R | Future[R]:
    """Return ``finish(value)``, or the future of it if ``value`` is not there yet.

    ``finish`` may itself return a future: the result is that future's. An error of ``value``, or
    one that ``finish`` raises, is raised here if it is known now, else it is the future's error.
    """
    if not isinstance(value, Future):
        return finish(value)
    if value.done():
        return finish(value.result())
    return _Continuation(value, finish)


async def ready(value: T | Future[T]) -> T:
    """Return ``value`` once it is there, or raise its error. For coroutines of a task."""
    if isinstance(value, Future):
        return await value
    return value


def started(work: Coroutine[Any, Any, R]) -> R | Future[R]:
    """Run a coroutine as far as it gets: return its result or raise its error, or a future.

    One that need not wait costs little more than a function, as no task is made for it.
    """
    try:
        future = work.send(None)
    except StopIteration as stop:
        result: R = stop.value
        return result
    return resumed(work, future)


def resumed(work: Coroutine[Any, Any, R], future: Future[Any]) -> Future[R]:
    """Return the future of a coroutine that waits for ``future``, and is to go on afterwards."""
    return Task(_rest(work, future))


@coroutine
def _rest(work: Coroutine[Any, Any, R], future: Future[Any]) -> Generator[Future[Any], None, R]:
    """Go on with a coroutine that waits for ``future``."""
    while True:
        error: BaseException | None = None
        try:
            yield future
        except Exception as raised:
            error = raised
        try:
            future = work.send(None) if error is None else work.throw(error)
        except StopIteration as stop:
            result: R = stop.value
            return result


class _Continuation(Future[R]):
    """The future of ``finish(value)``."""

    __slots__ = ("_continue",)

    def __init__(self, value: Future[T], finish: Callable[[T], R | Future[R]]) -> None:
        super().__init__()
        self._continue: Callable[[Any], R | Future[R]] | None = finish
        value.add_done_callback(self._arrived)

    def _arrived(self, value: Future[Any]) -> None:
        finish, self._continue = self._continue, None
        assert finish is not None
        try:
            result = finish(value.result())
        except Exception as error:
            self.set_error(error)
            return
        except BaseException as error:
            # Such as KeyboardInterrupt: for those who wait, and for the loop.
            self.set_error(error)
            raise
        if isinstance(result, Future):
            result.add_done_callback(self._concluded)
        else:
            self.set_result(result)

    def _concluded(self, result: Future[R]) -> None:
        error = result.error()
        if error is None:
            self.set_result(result.result())
        else:
            self.set_error(error)

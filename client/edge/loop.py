"""Running the client's coroutines as tasks of an asyncio event loop.

The loop is the client's reactor, so a call costs one asyncio future, at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar, cast

from nfsrdma.rpcrdma.task import Cancelled, Future, Reactor, Task

T = TypeVar("T")


class LoopRunner:
    """Runs coroutines for callers in an event loop: the one that runs now."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @property
    def reactor(self) -> Reactor:
        """The event loop."""
        return cast(Reactor, self._loop)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end, and return the result or raise the error.

        The coroutine awaits nothing but the client's. Cancelling the caller cancels it, and the
        caller waits until it has ended.
        """
        if self._closed:
            coroutine.close()
            raise ValueError("the mount is closed")
        task = Task(coroutine)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            waiter = asyncio.get_running_loop().create_future()

            def wake(_: Future[T], waiter: asyncio.Future[None] = waiter) -> None:
                if not waiter.done():
                    waiter.set_result(None)

            task.add_done_callback(wake)
            try:
                await waiter
            except asyncio.CancelledError as error:
                cancelled = error
                task.cancel()
        if cancelled is not None:
            # The caller is gone, and an expected failure with it; our own bugs still show.
            failure = task.error()
            if failure is None or isinstance(failure, Cancelled | OSError):
                raise cancelled
        return task.result()

    def start(self, make_coroutine: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run something soon, and do not wait for it. Finalizers may call it, on any thread."""
        self._soon(lambda: Task(make_coroutine()))

    def finish(
        self,
        make_coroutine: Callable[[], Coroutine[Any, Any, object]],
        then: Callable[[], object],
    ) -> None:
        """Run something soon, then call ``then`` and close. Finalizers may call it.

        A loop that is closed before it has ended leaves the rest to the server: that is no error.
        """

        async def unless_closed() -> None:
            try:
                await make_coroutine()
            except RuntimeError:  # it is finalized itself, and would still ask the loop for a turn
                if not self._loop.is_closed():
                    raise

        def over(_: object) -> None:
            then()
            self.close()

        self._soon(lambda: Task(unless_closed()).add_done_callback(over))

    def close(self) -> None:
        """Run nothing more. Harmless to repeat."""
        self._closed = True

    def _soon(self, callback: Callable[[], object]) -> None:
        if not self._closed and not self._loop.is_closed():
            with suppress(RuntimeError):  # closed just now
                self._loop.call_soon_threadsafe(callback)

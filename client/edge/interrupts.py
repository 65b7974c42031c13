"""Interrupting a copy at a moment that suits it.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. If that is the handling
of a reply, the reply is lost, and what was half done cannot be undone. So while a copy runs, SIGINT
cancels it instead, as ``asyncio.run`` does; a second SIGINT raises at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, TypeVar

from nfsrdma.rpcrdma.task import Task, settled

T = TypeVar("T")


class Interruptible(Generic[T]):
    """A coroutine that can be ended from a signal handler.

    ``soon`` is its reactor's ``call_soon_threadsafe``. The caller of :meth:`run` raises ``error``
    afterwards if that is set; the coroutine does not, as another thread may be running it.
    """

    def __init__(
        self, coroutine: Coroutine[Any, Any, T], soon: Callable[[Callable[[], object]], object]
    ) -> None:
        self.error: BaseException | None = None
        self._coroutine = coroutine
        self._soon = soon
        self._task: Task[T] | None = None

    def interrupt(self, error: BaseException) -> None:
        """End the coroutine, which cleans up. The second time ``error`` is raised at once."""
        if self.error is not None:
            raise error
        self.error = error
        self._soon(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> T:
        """Run the coroutine to the end, and return its result."""
        self._task = task = Task(self._coroutine)
        try:
            await settled(task)
        except BaseException:
            task.cancel()
            while not task.done():
                await settled(task)
            raise
        return task.result()


@contextmanager
def on_interrupt(interrupt: Callable[[BaseException], None]) -> Iterator[None]:
    """Have SIGINT call ``interrupt`` in the block, where it would raise KeyboardInterrupt."""
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not ours:
        yield
        return

    def handler(number: int, frame: FrameType | None) -> None:
        interrupt(KeyboardInterrupt())

    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

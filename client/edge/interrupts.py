"""Interrupts of what takes long: at a moment that suits, not in the middle of anything.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be, in the handling of a
reply, too: then nobody ever learns of that reply, and what was half done cannot be undone. So
while a copy runs, SIGINT cancels it instead, as ``asyncio.run`` does; a second one is less patient.
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

    ``soon`` is its reactor's ``call_soon_threadsafe``. Whoever runs it raises ``error`` afterwards
    if that is set; the coroutine does not, as another thread may be turning it.
    """

    def __init__(
        self, coroutine: Coroutine[Any, Any, T], soon: Callable[[Callable[[], object]], object]
    ) -> None:
        self.error: BaseException | None = None
        self._coroutine = coroutine
        self._soon = soon
        self._task: Task[T] | None = None

    def interrupt(self, error: BaseException) -> None:
        """End it, and clean up. The second time ``error`` is raised at once, wherever we are."""
        if self.error is not None:
            raise error
        self.error = error
        self._soon(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> T:
        """Run it to the end."""
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
    """Have SIGINT call ``interrupt`` meanwhile, where it would have raised KeyboardInterrupt."""
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

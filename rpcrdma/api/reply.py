"""Results of calls under way, for asyncio and for a thread that turns its own reactor."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from time import monotonic
from typing import Any, Generic, TypeVar

from ..io.reactor import SelectReactor
from ..task import Future

T = TypeVar("T")


async def wait_in_loop(future: Future[T], *, to_the_end: bool = False) -> T:
    """Wait for ``future`` in a task of the running loop.

    If the task is cancelled, the future goes on. With ``to_the_end`` the cancellation waits for
    it: the peer may write into the caller's memory until then.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        waiter = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda _, waiter=waiter: _wake(waiter))  # type: ignore[misc]
        try:
            await waiter
        except asyncio.CancelledError as error:
            if not to_the_end:
                raise
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return future.result()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def wait_in_thread(reactor: SelectReactor, future: Future[T], timeout: float | None = None) -> T:
    """Turn ``reactor`` until ``future`` is done. Errors: its own, and ``TimeoutError``."""
    end = None if timeout is None else monotonic() + timeout
    while not future.done():
        left = None if end is None else end - monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("the server has not answered yet")
        reactor.turn(left)
    return future.result()


class PendingReply(Generic[T]):
    """A ``rpc.stub.Reply``. ``reactor`` is the thread's own, or ``None`` on asyncio.

    ``borrowed`` says that the peer may write into the caller's memory until the reply is there.
    """

    __slots__ = ("_borrowed", "_future", "_reactor")

    def __init__(
        self, future: Future[T], reactor: SelectReactor | None, *, borrowed: bool = False
    ) -> None:
        self._future = future
        self._reactor = reactor
        self._borrowed = borrowed

    def __await__(self) -> Generator[Any, None, T]:
        """Wait in an asyncio task."""
        if self._reactor is not None:
            raise TypeError("this connection was made by `with`: wait() for its replies")
        return wait_in_loop(self._future, to_the_end=self._borrowed).__await__()

    def wait(self, timeout: float | None = None) -> T:
        """Wait for at most ``timeout`` seconds, on the thread that made the connection."""
        if self._reactor is None:
            raise TypeError("this connection was made by `async with`: await its replies")
        return wait_in_thread(self._reactor, self._future, timeout)

    def done(self) -> bool:
        """Return whether waiting would take no time."""
        return self._future.done()

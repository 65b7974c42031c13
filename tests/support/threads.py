"""An executor that is never waited for: what it is given is done on a thread, and is there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs.interface import Job

T = TypeVar("T")


class AtOnce:
    """Has each piece of work done by another thread while the caller's stands still."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self.done = 0

    def submit(self, work: Callable[[], T]) -> Future[T]:
        self.done += 1
        future: Future[T] = Future()
        try:
            future.set_result(self._pool.submit(work).result())
        except Exception as error:
            future.set_error(error)
        return future

    def background(self, job: Job) -> None:
        self._pool.submit(job).result()

    def close(self) -> None:
        self._pool.shutdown()

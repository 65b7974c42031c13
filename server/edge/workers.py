"""Threads for what blocks: see ``offload``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from ..engine.offload import AT_ONCE, OnEnd
from ..vfs.interface import Job


class ThreadsafeReactor(Protocol):
    """What is needed of ``io.SelectReactor`` or of asyncio's loop."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> Any:
        """Have a callback called by the loop, from any thread."""


class Workers:
    """An ``offload.Threads``: some threads, started when first needed."""

    def __init__(self, reactor: ThreadsafeReactor, threads: int = AT_ONCE) -> None:
        self._reactor = reactor
        self._pool = ThreadPoolExecutor(threads, "nfsrdma worker")
        self._closed = False

    def __call__(self, job: Job, later: OnEnd) -> None:
        """Run a job on a thread, and have ``later`` told on the loop how it ended."""
        if self._closed:
            self._run(job, later)
        else:
            self._pool.submit(self._run, job, later)

    def _run(self, job: Job, later: OnEnd) -> None:
        failure: Exception | None = None
        try:
            job()
        except Exception as error:
            failure = error
        self._reactor.call_soon_threadsafe(later, failure)

    def close(self) -> None:
        """Wait for the jobs under way. How they ended is told if the reactor turns once more."""
        self._closed = True
        self._pool.shutdown()

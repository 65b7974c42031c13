"""Turning the client's coroutines under blocking callers, on the callers' own threads.

A caller that has to wait turns the reactor itself: the packet that it waits for wakes the very
thread that wants it. With several threads one leads, that is, turns the reactor for all, and the
others sleep until their own result is there or the leader, having its own, hands over. Sending
needs no leader, so a follower's call is on its way before it sleeps.

Everything runs under one lock, which is given up only while the leader waits in ``epoll``.

A mount has duties when nobody calls, too: its lease, the server's callbacks, a connection's
timers. A keeper, a daemon thread, turns the reactor for those. It stays out of the way: while
callers come it only looks now and then whether they still do.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from time import monotonic
from typing import Any, Final, TypeVar

from nfsrdma.rpcrdma.io.fork import keep_from_children
from nfsrdma.rpcrdma.io.reactor import SelectReactor, Timer
from nfsrdma.rpcrdma.task import Future, Task

from ..errors import forked
from .interrupts import Interruptible, on_interrupt

T = TypeVar("T")

_KEEPER_PAUSE_S: Final = 0.05
"""How long after a call the keeper lets the reactor alone."""


class SharedReactor(SelectReactor):
    """A reactor that gives up a lock while it sleeps, so that others may ask things of it."""

    def __init__(self) -> None:
        self.lock: threading.Lock | _NoLock = threading.Lock()
        self._asleep = False
        self._sleeps_until = 0.0
        super().__init__()

    @property
    def next_timer(self) -> float | None:
        """When the next timer is due."""
        return self._timers[0][0] if self._timers else None

    @property
    def fd(self) -> int:
        """A descriptor that is readable when a turn would find something to do."""
        return self._epoll.fileno()

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        super().call_soon(callback, *args)
        if self._asleep:
            self.wake()

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        timer = super().call_at(when, callback, *args)
        if self._asleep and when < self._sleeps_until:
            self.wake()
        return timer

    def _poll(self, wait: float | None) -> list[tuple[int, int]]:
        if wait == 0.0:
            return super()._poll(wait)
        self._sleeps_until = float("inf") if wait is None else monotonic() + wait
        self._asleep = True
        self.lock.release()
        try:
            return super()._poll(wait)
        finally:
            self.lock.acquire()
            self._asleep = False


class Driver:
    """Runs coroutines for blocking callers, any number of threads at a time."""

    def __init__(self) -> None:
        self.reactor = SharedReactor()
        self._lock = self.reactor.lock
        self._leading = False
        self._followers: dict[threading.Lock, None] = {}  # in the order they came
        self._calls = 0
        self._long: dict[Interruptible[Any], None] = {}  # copies under way
        self._closed = False
        self._retired = False  # closed by the keeper, which is the last to know of the reactor
        self._keeper: threading.Thread | None = None
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._pid = os.getpid()
        self.forked = False
        """Whether we are in a child of the process that this is for."""
        keep_from_children(self)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end, and return the result or raise the error.

        An interrupt (``KeyboardInterrupt``) cancels the coroutine and is raised again once
        nothing of it is under way.
        """
        with self._lock:
            if self._closed:
                coroutine.close()
                raise ValueError("the mount is closed")
            self._calls += 1
            task = Task(coroutine)
            if not task.done():
                try:
                    self._wait(task)
                except BaseException:
                    if self.forked:  # by this very call, or something that it called
                        raise forked(self._pid) from None
                    task.cancel()
                    self._wait(task)
                    raise
        return task.result()

    def run_long(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end what takes long, as :meth:`run` does; an interrupt lets it clean up."""
        job = Interruptible(coroutine, self.reactor.call_soon_threadsafe)
        self._long[job] = None
        try:
            with on_interrupt(job.interrupt):
                return self.run(job.run())
        finally:
            del self._long[job]
            if job.error is not None:
                raise job.error

    def interrupt(self, error: BaseException) -> None:
        """End what takes long: it cleans up, and its caller gets ``error``.

        If nothing does, ``error`` is raised at once. Signal handlers may call this.
        """
        if not self._long:
            raise error
        for job in list(self._long):
            job.interrupt(error)

    def start(self, make_coroutine: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run something soon, and wait for nothing. Never blocks: finalizers may call it."""
        if not self._closed and not self.forked:
            self.reactor.call_soon_threadsafe(lambda: Task(make_coroutine()))

    def finish(
        self,
        make_coroutine: Callable[[], Coroutine[Any, Any, object]],
        then: Callable[[], object],
    ) -> None:
        """Run something soon, call ``then`` and give the reactor back. Never blocks, like
        :meth:`start`; nobody may call anything else any more. It is the keeper that does it."""
        if self._closed or self.forked:
            return

        def over(_: object) -> None:
            then()
            self._closed = self._retired = True

        self.reactor.call_soon_threadsafe(lambda: Task(make_coroutine()).add_done_callback(over))

    def start_keeper(self) -> None:
        """Have the reactor turned from here on also when nobody calls."""
        self._keeper = threading.Thread(target=self._keep, name="nfsrdma keeper", daemon=True)
        self._keeper.start()

    def close(self) -> None:
        """Stop the keeper and give the reactor back. Harmless to repeat."""
        with self._lock:
            if self._closed or self.forked:
                self._closed = True
                return
            self._closed = True
        os.eventfd_write(self._stop, 1)
        if self._keeper is not None:
            self._keeper.join()
        self.reactor.close()
        os.close(self._stop)

    def abandon(self) -> None:
        """See ``fork.Holder``: only the thread that forked is here, and it waits for nobody."""
        self.forked = True
        if not self._closed:
            os.close(self._stop)
        # Who forked us from inside of a call releases the lock on its way out.
        self._lock.acquire(blocking=False)
        self._lock = self.reactor.lock = _NoLock()
        self._leading = False
        for bell in self._followers:
            _ring(bell)

    def _wait(self, task: Task[Any]) -> None:
        """Return when ``task`` is done. The lock is held, but for when we sleep."""
        if not self._leading:
            self._lead(task)
            return
        bell = threading.Lock()
        bell.acquire()
        task.add_done_callback(lambda _: _ring(bell))
        while not task.done():
            if not self._leading:
                self._lead(task)
                return
            self._followers[bell] = None
            self._lock.release()
            try:
                bell.acquire()
            finally:
                self._lock.acquire()
                self._followers.pop(bell, None)
        if not self._leading:
            self._hand_over()  # the bell may have been for someone to lead

    def _lead(self, task: Future[Any]) -> None:
        turn = self.reactor.turn
        self._leading = True
        try:
            while not task.done():
                turn()
        finally:
            self._resign()

    def _resign(self) -> None:
        self._leading = False
        self._hand_over()

    def _hand_over(self) -> None:
        for bell in self._followers:
            _ring(bell)
            break

    def _keep(self) -> None:
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        quiet = select.poll()
        quiet.register(self._stop, select.POLLIN)
        quiet.register(self.reactor.fd, select.POLLIN)
        seen = -1
        while not self._closed:
            if seen != self._calls or self._leading:
                # Callers are about, and do all this themselves.
                seen = self._calls
                poll.poll(_KEEPER_PAUSE_S * 1000)
                continue
            due = self.reactor.next_timer
            wait = None if due is None else max(0.0, due - monotonic()) * 1000
            quiet.poll(wait)
            with self._lock:
                if seen == self._calls and not self._leading and not self._closed:
                    self._leading = True
                    try:
                        self.reactor.turn(0)
                    finally:
                        self._resign()
        if self._retired:
            self.reactor.close()
            os.close(self._stop)


class _NoLock:
    """For one thread, which may say that it gives up the lock whether it had it or not."""

    def acquire(self, blocking: bool = True) -> bool:
        return True

    def release(self) -> None:
        pass

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *exception: object) -> None:
        pass


def _ring(bell: threading.Lock) -> None:
    with suppress(RuntimeError):  # it may have been rung already
        bell.release()

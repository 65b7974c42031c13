"""Running the client's coroutines for blocking callers, on the callers' own threads.

A caller that has to wait turns the reactor itself, so the packet that it waits for wakes the very
thread that wants it. Of several threads one leads: it turns the reactor for all. The others sleep
until their own result is there, or until the leader has its own result and hands over. Sending
needs no leader, so a follower's call is on its way before the follower sleeps.

Everything runs under one lock, which is released only while the leader waits in ``epoll``.

A mount has duties between calls as well: its lease, the server's callbacks, a connection's timers.
A daemon thread, the keeper, turns the reactor for those. While calls keep coming it stays out of
the way, and only checks now and then whether they still do.
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
"""Seconds after a call for which the keeper leaves the reactor alone."""
_SHORT_PAUSE_S: Final = 0.002
"""The same while other programs rely on us (``providers.sharing``)."""


class SharedReactor(SelectReactor):
    """A reactor that releases a lock while it sleeps, so that other threads can use it."""

    def __init__(self) -> None:
        self.lock: threading.Lock | _NoLock = threading.Lock()
        self._asleep = False
        self._sleeps_until = 0.0
        self.relied_on = 0
        """How many other programs rely on turns that come soon."""
        super().__init__()

    def attend(self, change: int) -> None:
        """Have ``change`` more (or fewer) other programs rely on turns that come soon."""
        self.relied_on += change

    @property
    def next_timer(self) -> float | None:
        """The time at which the next timer is due, if there is one."""
        return self._timers[0][0] if self._timers else None

    @property
    def fd(self) -> int:
        """A descriptor that is readable when there is something to do for a turn."""
        return self._epoll.fileno()

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback`` in the next turn; a thread that sleeps in one is woken."""
        super().call_soon(callback, *args)
        if self._asleep:
            self.wake()

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call ``callback`` at ``when``; a thread that would sleep beyond that is woken."""
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
        self._inside: set[int] = set()  # the threads that are in a call
        self._long: dict[Interruptible[Any], None] = {}  # copies under way
        self._closed = False
        self._retired = False  # the keeper closes the reactor, as the last one to use it
        self._keeper: threading.Thread | None = None
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._pid = os.getpid()
        self.forked = False
        """Whether this is a child of the process that made the driver."""
        keep_from_children(self)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run to the end, and return the result or raise the error.

        ``KeyboardInterrupt`` cancels the coroutine, and is raised again once that has ended. A call
        from within a call of the same thread, as by a finalizer or a signal handler, could wait for
        ever: it raises ``RuntimeError``.
        """
        thread = threading.get_ident()
        if thread in self._inside:
            coroutine.close()
            raise RuntimeError("a call of this mount is under way on this very thread")
        self._inside.add(thread)
        try:
            return self._run(coroutine)
        finally:
            self._inside.discard(thread)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
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
                    if self.forked:  # this very call, or something that it called, has forked
                        raise forked(self._pid) from None
                    task.cancel()
                    self._wait(task)
                    raise
        return task.result()

    def run_long(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a copy to the end, as :meth:`run` does; an interrupt lets it clean up."""
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
        """End the copies under way: they clean up, and :meth:`run_long` raises ``error``.

        Without a copy ``error`` is raised at once. Signal handlers may call this.
        """
        if not self._long:
            raise error
        for job in list(self._long):
            job.interrupt(error)

    def start(self, make_coroutine: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run a coroutine soon, without waiting for it. Never blocks: finalizers may call it."""
        if not self._closed and not self.forked:
            self.reactor.call_soon_threadsafe(lambda: Task(make_coroutine()))

    def finish(
        self,
        make_coroutine: Callable[[], Coroutine[Any, Any, object]],
        then: Callable[[], object],
    ) -> None:
        """Run a last coroutine soon, then call ``then`` and close the reactor.

        The keeper does it. Finalizers may call this, as it never blocks; nothing else may be
        called afterwards.
        """
        if self._closed or self.forked:
            return

        def over(_: object) -> None:
            then()
            self._closed = self._retired = True

        self.reactor.call_soon_threadsafe(lambda: Task(make_coroutine()).add_done_callback(over))

    def start_keeper(self) -> None:
        """Start the thread that turns the reactor between calls."""
        self._keeper = threading.Thread(target=self._keep, name="nfsrdma keeper", daemon=True)
        self._keeper.start()

    def close(self) -> None:
        """Stop the keeper and close the reactor. Harmless to repeat."""
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
        """See ``fork.Holder``. Of all threads only the one that forked is here, and it must not
        wait for the others."""
        self.forked = True
        self._inside.clear()
        if not self._closed:
            os.close(self._stop)
        # If a call has forked, it releases the lock on its way out.
        self._lock.acquire(blocking=False)
        self._lock = self.reactor.lock = _NoLock()
        self._leading = False
        for follower in self._followers:
            _wake(follower)

    def _wait(self, task: Task[Any]) -> None:
        """Return when ``task`` is done. The caller holds the lock; sleeping releases it."""
        if not self._leading:
            self._lead(task)
            return
        asleep = threading.Lock()
        asleep.acquire()
        task.add_done_callback(lambda _: _wake(asleep))
        while not task.done():
            if not self._leading:
                self._lead(task)
                return
            self._followers[asleep] = None
            self._lock.release()
            try:
                asleep.acquire()
            finally:
                self._lock.acquire()
                self._followers.pop(asleep, None)
        if not self._leading:
            self._hand_over()  # this follower may have been woken to lead

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
        for follower in self._followers:
            _wake(follower)
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
                # Calls keep coming, and they turn the reactor themselves.
                seen = self._calls
                pause_s = _SHORT_PAUSE_S if self.reactor.relied_on else _KEEPER_PAUSE_S
                poll.poll(pause_s * 1000)
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
    """A lock for a process with one thread, which may release it without holding it."""

    def acquire(self, blocking: bool = True) -> bool:
        """Return True."""
        return True

    def release(self) -> None:
        """Do nothing."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *exception: object) -> None:
        pass


def _wake(asleep: threading.Lock) -> None:
    with suppress(RuntimeError):  # it may be awake already
        asleep.release()

"""An event loop for one thread, turned by the caller that waits.

It is the part of asyncio's loop that our edges use (``task.Reactor``) and little else: a turn with
one ready descriptor costs a system call and a few microseconds. A blocking API turns it on the
caller's own thread, so a call that waits for the network never switches threads.
"""

from __future__ import annotations

import heapq
import logging
import os
import select
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, TypeVar, overload

from ..complaints import Complaints
from ..task import Future
from .fork import forked_error, keep_from_children

_log = logging.getLogger(__name__)

T = TypeVar("T")

_EVENTS: Final = 64
"""Ready descriptors taken by one system call."""

_IN: Final = select.EPOLLIN
_OUT: Final = select.EPOLLOUT
_NOT_IN: Final = ~select.EPOLLIN
_NOT_OUT: Final = ~select.EPOLLOUT

_UNSEEN: Final = 32
"""Turns in a row in which pollers find work, before the descriptors are polled all the same."""

_PASSED_BY: Final = 4
"""Turns in a row with work due at once, before the pollers look all the same."""

_Callback = tuple[Callable[..., object], tuple[Any, ...]]


class Timer:
    """A pending call, from ``call_at``."""

    __slots__ = ("_args", "_callback", "_reactor")

    def __init__(
        self, reactor: SelectReactor, callback: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._reactor = reactor
        self._callback: Callable[..., object] | None = callback
        self._args = args

    @property
    def pending(self) -> bool:
        """Whether the call is still to come."""
        return self._callback is not None

    def cancel(self) -> None:
        """Do not call. Has no effect after the call, or when repeated."""
        if self._callback is not None:
            self._callback = None
            self._args = ()
            self._reactor._timer_cancelled()

    def _take(self) -> _Callback | None:
        callback, args = self._callback, self._args
        self._callback = None
        return None if callback is None else (callback, args)


class SelectReactor:
    """A ``task.Reactor`` over epoll.

    All methods but ``call_soon_threadsafe``, ``wake`` and ``stop`` belong to the thread that turns
    it. For ``spin_s`` seconds before it sleeps it polls for events again and again: that saves the
    wake-up of an idle processor (100 µs and more in a virtual machine) at the price of a busy one,
    and is only for machines with a core to spare.

    A callback that raises an ``Exception`` is logged, at a bounded rate for each place that raises,
    and the loop goes on. It may be turned again from within a callback.
    """

    patience = 4
    """How much longer than another loop it may be kept from its turn by calls that are made without
    one: it turns for whoever makes them, and has little else to do."""

    def __init__(self, *, spin_s: float = 0.0) -> None:
        self._spin_s = spin_s
        self._pid = os.getpid()
        self._epoll: select.epoll | _NoEpoll = select.epoll()
        self._readers: dict[int, _Callback] = {}
        self._writers: dict[int, _Callback] = {}
        self._ready: deque[_Callback] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._timer_count = 0
        self._cancelled = 0
        self._pollers: list[Callable[[float | None], bool]] = []
        self._polled = 0  # turns in a row that a poller found something in
        self._passed_by = 0  # turns in a row without a look by the pollers
        self._failures = Complaints(_log, monotonic)
        self._stopping = False
        self._closed = False
        self._bell = _Bell()
        self.add_reader(self._bell.fd, self._woken)
        keep_from_children(self)

    # What machines' edges use.

    def time(self) -> float:
        """Return the seconds of the monotonic clock."""
        return monotonic()

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call on the next turn, in the order of the requests."""
        self._ready.append((callback, args))

    def call_at(self, when: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Call at ``when`` (seconds of :meth:`time`), or up to a millisecond later."""
        timer = Timer(self, callback, args)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def add_reader(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """Call on every turn that finds ``fd`` readable, at its end, or in error."""
        known = fd in self._readers
        self._readers[fd] = (callback, args)
        if not known:
            self._watch(fd, _IN, fd in self._writers)

    def remove_reader(self, fd: int) -> bool:
        """Stop, and return whether there was a reader. Must precede the close of ``fd``."""
        if self._readers.pop(fd, None) is None:
            return False
        self._unwatch(fd, _OUT if fd in self._writers else 0)
        return True

    def add_writer(self, fd: int, callback: Callable[..., object], *args: Any) -> None:
        """Call on every turn that finds ``fd`` writable or in error."""
        known = fd in self._writers
        self._writers[fd] = (callback, args)
        if not known:
            self._watch(fd, _OUT, fd in self._readers)

    def remove_writer(self, fd: int) -> bool:
        """Stop, and return whether there was a writer. Must precede the close of ``fd``."""
        if self._writers.pop(fd, None) is None:
            return False
        self._unwatch(fd, _IN if fd in self._readers else 0)
        return True

    def add_poller(self, poller: Callable[[float | None], bool]) -> None:
        """Call ``poller`` before every sleep, with its longest duration (seconds; None: no limit).

        It is for events that can be seen without a system call, such as words stored by another
        process. It may look for a while, and returns whether it did anything: then there is no
        sleep.
        """
        self._pollers.append(poller)

    def remove_poller(self, poller: Callable[[float | None], bool]) -> None:
        """Stop calling a poller. Has no effect if it is not there."""
        if poller in self._pollers:
            self._pollers.remove(poller)

    def _watch(self, fd: int, event: int, known: bool) -> None:
        if known:
            self._epoll.modify(fd, _IN | _OUT)
            return
        try:
            self._epoll.register(fd, event)
        except BaseException:
            (self._readers if event == _IN else self._writers).pop(fd)
            raise

    def _unwatch(self, fd: int, rest: int) -> None:
        if rest:
            self._epoll.modify(fd, rest)
        else:
            self._epoll.unregister(fd)

    # --- Other threads ---

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> None:
        """Call on the next turn; from any thread, or from a signal handler."""
        self._ready.append((callback, args))
        self.wake()

    def wake(self) -> None:
        """End the current sleep, or the next one. From any thread."""
        if not self._closed:
            os.eventfd_write(self._bell.fd, 1)

    def _woken(self) -> None:
        os.eventfd_read(self._bell.fd)

    # --- Turns ---

    @overload
    def run_until(self, condition: Future[T], timeout_s: float | None = None) -> T: ...

    @overload
    def run_until(self, condition: Callable[[], bool], timeout_s: float | None = None) -> None: ...

    def run_until(
        self, condition: Future[T] | Callable[[], bool], timeout_s: float | None = None
    ) -> T | None:
        """Turn until a future is done, and return its result or raise its error.

        With a condition instead, turn until it holds; it is evaluated after every turn. Raises
        ``TimeoutError`` after ``timeout_s`` seconds.
        """
        done = condition.done if isinstance(condition, Future) else condition
        if timeout_s is None:
            while not done():
                self.turn()
        else:
            deadline = monotonic() + timeout_s
            while not done():
                left = deadline - monotonic()
                if left <= 0:
                    raise TimeoutError(f"nothing within {timeout_s} seconds")
                self.turn(left)
        return condition.result() if isinstance(condition, Future) else None

    def run_forever(self) -> None:
        """Turn until ``stop`` is called."""
        while not self._stopping:
            self.turn()
        self._stopping = False

    def stop(self) -> None:
        """Make ``run_forever`` return soon. From any thread."""
        self._stopping = True
        self.wake()

    def turn(self, timeout_s: float | None = None) -> None:
        """Wait at most ``timeout_s`` seconds for something to do, and do all that is due."""
        ready = self._ready
        if ready:
            wait: float | None = 0.0
        else:
            wait = timeout_s
            if self._timers:
                until = max(0.0, self._timers[0][0] - monotonic())
                if wait is None or until < wait:
                    wait = until
        # What runs again and again must not keep the pollers from looking for ever.
        looks = wait != 0.0 or self._passed_by >= _PASSED_BY
        self._passed_by = 0 if looks else self._passed_by + 1
        if self._pollers and looks and self._look(wait):
            self._polled += 1
            events = self._poll(0.0) if self._polled % _UNSEEN == 0 else []
        else:
            events = self._poll(wait)
        # A timer that comes due while these are handled waits for another look at the
        # descriptors: what it is about to miss may have arrived meanwhile.
        now = monotonic()
        for fd, mask in events:
            if mask & _NOT_OUT:
                callback = self._readers.get(fd)
                if callback is not None:
                    self._run(callback)
            if mask & _NOT_IN:
                callback = self._writers.get(fd)
                if callback is not None:
                    self._run(callback)
        if self._timers:
            self._run_timers(now)
        # Only those that are there now: what they ask for comes on the next turn.
        for _ in range(len(ready)):
            if not ready:
                break  # a nested turn was quicker
            self._run(ready.popleft())

    def _look(self, wait: float | None) -> bool:
        """Call the pollers."""
        found = False
        for poller in self._pollers:
            try:
                found = poller(wait) or found
            except Exception as error:
                self._failures.failure(f"{poller!r}", error)
        return found

    def _poll(self, wait: float | None) -> list[tuple[int, int]]:
        """Sleep for at most ``wait`` seconds, and return the ready descriptors."""
        return self._epoll.poll(wait, _EVENTS) if not self._spin_s else self._spin(wait)

    def _spin(self, wait: float | None) -> list[tuple[int, int]]:
        events = self._epoll.poll(0.0, _EVENTS)
        if events or wait == 0.0:
            return events
        spin_s = self._spin_s if wait is None else min(wait, self._spin_s)
        end = monotonic() + spin_s
        while not events and monotonic() < end:
            events = self._epoll.poll(0.0, _EVENTS)
        if not events:
            rest = None if wait is None else wait - spin_s
            events = self._epoll.poll(rest, _EVENTS)
        return events

    def _run_timers(self, now: float) -> None:
        timers = self._timers
        while timers and timers[0][0] <= now:
            due = heapq.heappop(timers)[2]._take()
            if due is None:
                self._cancelled -= 1
            else:
                self._run(due)

    def _timer_cancelled(self) -> None:
        """Drop the cancelled timers once they are most of the heap."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled * 2 > len(self._timers):
            self._timers[:] = [entry for entry in self._timers if entry[2].pending]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def _run(self, callback: _Callback) -> None:
        try:
            callback[0](*callback[1])
        except Exception as error:
            self._failures.failure(f"{callback[0]!r}", error)

    def close(self) -> None:
        """Close the descriptors and forget all callbacks. Has no effect when repeated."""
        if self._closed:
            return
        self._closed = True
        self._readers.clear()
        self._writers.clear()
        self._timers.clear()
        self._ready.clear()
        self._pollers.clear()
        self._epoll.close()

    def abandon(self) -> None:
        """See ``fork.Holder``: to turn it in a child is an error."""
        self.close()
        self._bell.close()
        self._epoll = _NoEpoll(self._pid)


class _Bell:
    """Ends a sleep: an eventfd that stays open for as long as a thread may ring it.

    Another thread may be about to ring when the reactor is closed, and must not write to another
    file that has the descriptor's number by then.
    """

    __slots__ = ("fd",)

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


class _NoEpoll:
    """Takes the place of an epoll instance that belongs to the parent process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def _refuse(self, *_: object) -> Any:
        raise forked_error(self._pid)

    poll = register = modify = unregister = fileno = _refuse

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

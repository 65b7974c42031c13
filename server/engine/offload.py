"""Work that may block is done by threads, and the compound that needs it goes on afterwards.

To make something durable takes a disk some milliseconds, in which the one thread of the server
could do a great deal for others; and ten such jobs at a time take hardly longer than one, since
file systems commit for all who wait. A read of what is not in memory is alike. So back ends hand
such work to :class:`Offload` and return the future of it; syncs are left behind as *jobs*
(``Context.leave``), which are done together.

So much is done at a time (:class:`Fair`), shared out by the source of the calls: a peer that has
thousands of writes made durable at once keeps only itself waiting.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar

from nfsrdma.rpcrdma.budget import holder_of
from nfsrdma.rpcrdma.rpc.channel import Peer
from nfsrdma.rpcrdma.task import Future

from ..vfs.interface import Job

T = TypeVar("T")

OnEnd = Callable[[Exception | None], None]
"""Told how a job ended, on the server's thread."""
Threads = Callable[[Job, OnEnd], None]
"""Runs a job where it may block, and then tells."""


AT_ONCE: Final = 32
"""Jobs that are run at a time."""
_NOBODY: Final = ""
"""The source of jobs that no call waits for."""


class Fair:
    """Has jobs run by ``threads``, of each source as many as could still be run for others.

    That is half of ``at_once`` for one that comes alone, and there is room for the next to come
    (see ``rpcrdma.budget``). What has to wait is bounded by the calls that a peer may have served.
    """

    def __init__(self, threads: Threads, at_once: int = AT_ONCE) -> None:
        self._threads = threads
        self._free = at_once
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[tuple[Job, OnEnd]]] = OrderedDict()
        """The source whose turn it is first."""

    def __call__(self, source: str, job: Job, later: OnEnd) -> None:
        """Run a job for a source, when there is room for it, and tell ``later``."""
        if source not in self._waiting and self._may(source):
            self._start(source, job, later)
        else:
            self._waiting.setdefault(source, deque()).append((job, later))

    def _may(self, source: str) -> bool:
        return self._running[source] < self._free

    def _start(self, source: str, job: Job, later: OnEnd) -> None:
        self._running[source] += 1
        self._free -= 1
        self._threads(job, partial(self._done, source, later))

    def _done(self, source: str, later: OnEnd, failure: Exception | None) -> None:
        self._free += 1
        self._running[source] -= 1
        if not self._running[source]:
            del self._running[source]
        try:
            later(failure)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        for source in list(self._waiting):
            queue = self._waiting.get(source)
            if queue is None or not self._may(source):
                continue
            job, later = queue.popleft()
            if queue:
                self._waiting.move_to_end(source)
            else:
                del self._waiting[source]
            self._start(source, job, later)


class Offload:
    """Does what may block for the compound that is executed, without holding up the others.

    Without ``threads`` everything is done at once. ``peer`` is for whom: the machine sets it
    before it executes operations.
    """

    def __init__(self, threads: Threads | None, at_once: int = AT_ONCE) -> None:
        self._fair = None if threads is None else Fair(threads, at_once)
        self.peer: Peer | None = None

    @property
    def has_threads(self) -> bool:
        """Whether there are threads, so that what may block is worth handing over."""
        return self._fair is not None

    def run(self, job: Job) -> Future[None] | None:
        """Run a job: on a thread, and return the future of its end, or here without threads."""
        if self._fair is not None:
            return self.submit(job)
        job()
        return None

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run ``work`` on a thread; return the future of what it returns or raises.

        The future is done on the server's thread. ``work`` must not touch what that one uses.
        """
        fair, peer = self._fair, self.peer
        assert fair is not None
        source = _NOBODY if peer is None else holder_of(peer.address, peer.uid)
        errand = _Errand(self, work)
        fair(source, errand.run, errand.ended)
        return errand.future

    def background(self, job: Job) -> None:
        """Run a job that no call waits for, and whose failure nobody is told."""
        if self._fair is None:
            job()
        else:
            self._fair(_NOBODY, job, _ignore)


class _Errand(Generic[T]):
    """Work on its way through a thread, and the future of its result."""

    __slots__ = ("_offload", "_peer", "_result", "_work", "future")

    def __init__(self, offload: Offload, work: Callable[[], T]) -> None:
        self._offload = offload
        self._peer = offload.peer
        self._work = work
        self._result: list[T] = []
        self.future: Future[T] = Future()

    def run(self) -> None:
        self._result.append(self._work())

    def ended(self, failure: Exception | None) -> None:
        # What goes on now may have more to be done, for the same peer.
        self._offload.peer = self._peer
        if failure is None:
            self.future.set_result(self._result.pop())
        else:
            self.future.set_error(failure)


def _ignore(failure: Exception | None) -> None:
    """Take no notice."""


def run_all(jobs: Sequence[Job]) -> None:
    """Run all of them, whatever happens to one. Raises the first error.

    The last one comes first: as a rule it is the sync of a file, which commits the entry that was
    made for the file as well.
    """
    failure: Exception | None = None
    for job in reversed(jobs):
        try:
            job()
        except Exception as error:
            failure = failure or error
    if failure is not None:
        raise failure

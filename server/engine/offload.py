"""Durability without holding everybody up.

To make something durable takes a disk some milliseconds, in which the one thread of the server
could do a great deal for others; and ten such jobs at a time take hardly longer than one, since
file systems commit for all who wait. So operations leave *jobs* behind, which may be run elsewhere
(``edge.workers``), and the compound goes on when they are done.

So many are run at a time (:class:`Fair`), shared out by who they are for: whoever has thousands of
writes made durable at once waits for himself.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ..vfs.interface import Job

Later = Callable[[Exception | None], None]
"""Told how a job ended, on the server's thread."""
Elsewhere = Callable[[Job, Later], None]
"""Runs a job where it may block, and then tells."""


AT_ONCE: Final = 32
"""Jobs that are run at a time."""


class Fair:
    """Has jobs run ``elsewhere``, of each holder as many as could still be run for others.

    That is half of ``at_once`` for one who comes alone, and there is room for whoever comes next
    (see ``rpcrdma.budget``). What has to wait is bounded by the calls that a peer may have served.
    """

    def __init__(self, elsewhere: Elsewhere, at_once: int = AT_ONCE) -> None:
        self._elsewhere = elsewhere
        self._free = at_once
        self._running: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[tuple[Job, Later]]] = OrderedDict()
        """The holder whose turn it is first."""

    def __call__(self, whose: str, job: Job, later: Later) -> None:
        """Run a job of a holder, when there is room for it, and tell ``later``."""
        if whose not in self._waiting and self._may(whose):
            self._start(whose, job, later)
        else:
            self._waiting.setdefault(whose, deque()).append((job, later))

    def _may(self, whose: str) -> bool:
        return self._running[whose] < self._free

    def _start(self, whose: str, job: Job, later: Later) -> None:
        self._running[whose] += 1
        self._free -= 1
        self._elsewhere(job, partial(self._done, whose, later))

    def _done(self, whose: str, later: Later, failure: Exception | None) -> None:
        self._free += 1
        self._running[whose] -= 1
        if not self._running[whose]:
            del self._running[whose]
        try:
            later(failure)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        for whose in list(self._waiting):
            queue = self._waiting.get(whose)
            if queue is None or not self._may(whose):
                continue
            job, later = queue.popleft()
            if queue:
                self._waiting.move_to_end(whose)
            else:
                del self._waiting[whose]
            self._start(whose, job, later)


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

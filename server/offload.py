"""Durability without holding everybody up.

To make something durable takes a disk some milliseconds, in which the one thread of the server
could do a great deal for others; and ten such jobs at a time take hardly longer than one, since
file systems commit for all who wait. So operations leave *jobs* behind, which may be run elsewhere
(``edge.workers``), and the compound goes on when they are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .vfs.interface import Job

Later = Callable[[Exception | None], None]
"""Told how a job ended, on the server's thread."""
Elsewhere = Callable[[Job, Later], None]
"""Runs a job where it may block, and then tells."""


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

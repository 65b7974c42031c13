"""What an operation has changed is durable before it is answered.

All that changes something is (RFC 7530, Section 14.3), but for what the client itself is to make
durable: data that is written unstably, or copied (RFC 8881, Section 18.32.3; RFC 7862, Section
15.2). Of those a verifier tells that they are lost; of anything else nothing would, neither of a
file that is not executable any more nor of one that was cut. Linux's server does so as well.

An export that is not ``sync`` leaves that to the file system of its own machine. What a client
expressly wants durable (COMMIT, a WRITE that is not unstable) is so in any case.
"""

from __future__ import annotations

from ..engine.context import Context
from ..vfs.interface import Job
from ..vfs.namespace import Filehandle


async def make_durable(context: Context, handle: Filehandle, job: Job | None = None) -> None:
    """Leave what was changed of an object to be made durable, after ``job``, before the reply.

    One sync does for all that the operations of a compound change of the object, if nothing
    has to be done in between.
    """
    sync: Job | None = None
    if handle.export.sync and (job is not None or handle.wire not in context.syncs):
        try:
            sync = await context.ready(handle.export.fs.sync(handle.node))
        except BaseException:
            context.leave(job)
            raise
    if job is not None:
        context.leave(job if sync is None else _in_order(job, sync))
    elif sync is not None:
        context.syncs.add(handle.wire)
        context.leave(sync, barrier=False)


def _in_order(job: Job, sync: Job) -> Job:
    """Return the job that does both. The second one is done in any case: it lets go of a file."""

    def both() -> None:
        try:
            job()
        finally:
            sync()

    return both

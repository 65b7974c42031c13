"""What a stateid does not say: whether its sender may do what the file was opened for.

Rights are checked when a file is opened, and POSIX does not check again. But a stateid is a number,
and a client may send it for any of its users. So the user that opened the file goes on with it,
which costs a comparison, and all others need rights of their own. As with Linux's server the owner
of a file may read and write what is open with any mode, and one that may execute may read.
"""

from __future__ import annotations

from typing import Final

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError

from ..engine.context import Context
from ..state.share import OpenedFile
from ..state.stateid import DataState
from ..vfs.interface import EXECUTE, READ, ROOT, OpenFile
from ..vfs.namespace import Filehandle

_VALID_S: Final = 1.0
"""For how long an answer of the file system is good, unless the rights are seen to change."""


def is_opener(context: Context, state: DataState, access: int) -> bool:
    """Return whether the caller is the one who opened the file for READ, or WRITE."""
    opener, user = (state.reading if access == READ else state.writing), context.who
    if opener is user:
        return True
    if opener != user:
        return False
    # The same rights in a new object, as after many credentials: quicker the next time.
    if access == READ:
        state.reading = user
    else:
        state.writing = user
    return True


async def require(context: Context, file: OpenedFile, access: int) -> None:
    """Raise ACCESS unless a caller that did not open the file may READ, or WRITE, what is open."""
    user = context.user
    if file.vetted(user, access, context.now):
        return
    node, fs = file.handle.node, file.handle.export.fs
    granted = await context.ready(fs.permitted(node, user, access | EXECUTE))
    if not (granted & access or (access == READ and granted & EXECUTE)):
        attributes = await context.ready(fs.attributes(node))
        if attributes.uid != user.uid:
            raise NfsError(nfs.NFS4ERR_ACCESS)
    file.vet(user, access, context.now + _VALID_S)


def open_as_caller(context: Context, access: int) -> OpenFile | Future[OpenFile]:
    """Open the current file as the caller for one operation, because another one opened it.

    So a file system that changes more than the data when a file is written to, such as
    set-user-ID bits, knows who it was.
    """
    return context.here.export.fs.open(context.here.node, context.user, access, override=True)


async def open_anew(
    context: Context, handle: Filehandle, access: int, reclaim: bool = False
) -> OpenFile:
    """Open a file as the caller, for one that does not have it open so.

    A program is read to be executed, so who may execute a file may read it (RFC 8881, Section
    18.16.3, has a client ask by ACCESS what it lets its users do).
    """
    fs, node, user = handle.export.fs, handle.node, context.user
    try:
        return await context.ready(fs.open(node, user, access, override=reclaim))
    except PermissionError:
        if access != READ or not await context.ready(fs.permitted(node, user, EXECUTE)):
            raise
    return await context.ready(fs.open(node, ROOT, READ))

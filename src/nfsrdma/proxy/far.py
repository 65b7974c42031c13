"""The far server as one caller sees it, and its errors as ours."""

from __future__ import annotations

import errno
import stat
from collections.abc import Awaitable, Coroutine
from typing import Any, Final, TypeVar

from nfsrdma.client.attributes import Stat
from nfsrdma.client.caller import Caller
from nfsrdma.client.client import Client
from nfsrdma.client.errors import NfsError
from nfsrdma.client.operations import Operations
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs.interface import Attributes, Node
from nfsrdma.server.vfs.posix import failure
from nfsrdma.server.waiting import started
from nfsrdma.xdr.nfs4 import types as t

T = TypeVar("T")

LARGEST_HANDLE: Final = 115
"""Octets of a far handle that fit into ours (128: RFC 8881, Section 2.3)."""
_MINOR_BITS: Final = 32
"""Bits of a minor device number in ``Stat.st_rdev``."""
_KEPT: Final = frozenset(
    {
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        *(errno.EINVAL, errno.EFBIG, errno.ENOSPC, errno.EROFS, errno.EMLINK, errno.EDQUOT),
        *(errno.ENAMETOOLONG, errno.ENOTEMPTY, errno.ESTALE, errno.ENODATA, errno.E2BIG),
        *(errno.EOPNOTSUPP, errno.EXDEV, errno.ENXIO, errno.EBUSY, errno.EBADF, errno.EILSEQ),
        *(errno.ELOOP, errno.EAGAIN),
    }
)
"""What the far server says that a client of ours is told as well."""


class FarNode(Node):
    """An object at the far server; its handle there is the identity here."""

    __slots__ = ()


class Acts:
    """The operations of one caller at the far server."""

    __slots__ = ("by_handle", "by_open")

    def __init__(self, caller: Caller, client: Client) -> None:
        self.by_handle = Operations(caller, client.files.unstable)
        self.by_open = client.open_operations.acting_as(caller)


def answered(work: Coroutine[Any, Any, T]) -> T | Future[T]:
    """Run what asks the far server. Its errors are such as our clients are to be told."""
    return started(translated(work))


async def translated(work: Awaitable[T]) -> T:
    """Await what asks the far server, and translate its errors.

    A server that is away comes back: ETIMEDOUT, which is DELAY, has clients ask again.
    """
    try:
        return await work
    except NfsError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            raise failure(errno.ETIMEDOUT) from error
        if error.status == t.NFS4ERR_BADHANDLE:
            raise failure(errno.ESTALE) from error
        code = error.errno if error.errno in _KEPT else errno.EIO
        raise failure(code or errno.EIO) from error


def node_of(status: Stat, fsid: tuple[int, int]) -> FarNode:
    """Return the node of an object. EXDEV if it is in another file system than the root's.

    Numbers of files are unique within one only, and our clients are told of one.
    """
    if status.fsid != fsid:
        raise failure(errno.EXDEV)
    if not 0 < len(status.handle) <= LARGEST_HANDLE:
        raise failure(errno.EOVERFLOW)
    node = FarNode()
    node.identity = status.handle
    node.type = stat.S_IFMT(status.st_mode)
    node.fileid = status.st_ino
    return node


def attributes_of(status: Stat) -> Attributes:
    """Return the attributes that the far server told; the change attribute is its own."""
    result = Attributes()
    result.type = stat.S_IFMT(status.st_mode)
    result.mode = stat.S_IMODE(status.st_mode)
    result.nlink = status.st_nlink
    result.uid, result.gid = status.st_uid, status.st_gid
    result.size = status.st_size
    result.space_used = status.st_blocks * 512
    result.rdev = divmod(status.st_rdev, 1 << _MINOR_BITS)
    result.fileid = status.st_ino
    result.change = status.change
    result.atime_ns = status.st_atime_ns
    result.mtime_ns = status.st_mtime_ns
    result.ctime_ns = status.st_ctime_ns
    result.btime_ns = -1
    return result

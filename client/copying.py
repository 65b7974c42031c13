"""Copies within the server: the data stays there, where server and file system can do so.

Sharing the storage (CLONE) is tried first, then copying at the server (COPY); what a server does
neither of is read and written. The result is the same.
"""

from __future__ import annotations

import errno
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from .errors import NfsError, make_error
from .file import OpenFile

_NO_SUCH_COPY: Final = frozenset(
    (
        t.NFS4ERR_NOTSUPP,
        t.NFS4ERR_OP_ILLEGAL,
        t.NFS4ERR_XDEV,
        t.NFS4ERR_OFFLOAD_DENIED,
        t.NFS4ERR_OFFLOAD_NO_REQS,
        t.NFS4ERR_UNION_NOTSUPP,
    )
)
"""What servers say that cannot copy these files by themselves, although a client may."""
_PIECE: Final = 4 << 20
"""Octets that are read and written at a time, where nothing better is to be had."""
_AT_ONCE: Final = 1 << 30
"""Octets that one COPY asks for. A server copies as many as suit it, and may take its time."""
_AGAIN_MAX: Final = 8
"""How often a copy is made again that a server restarting has lost."""


async def clone_range(
    source: OpenFile, target: OpenFile, start: int = 0, to: int = 0, count: int = 0
) -> bool:
    """Have a range share the storage of another file's; return whether that could be done.

    A count of 0 reaches to the end of the source. What the file system's blocks do not allow is not
    done either.
    """
    await _settle(source, target)
    try:
        await target.operations.clone(
            source.opened, target.opened, start, to, count, lambda: target.path
        )
    except NfsError as error:
        if _can_be_done_otherwise(error) or error.status == t.NFS4ERR_INVAL:
            return False
        raise
    return True


async def copy_range(source: OpenFile, target: OpenFile, start: int, to: int, count: int) -> int:
    """Copy ``count`` octets from ``start`` of one file to ``to`` of another, at the server.

    Return how many were copied, all of them on stable storage: fewer only at the end of the source.
    Raises EOPNOTSUPP or EXDEV if the server cannot.
    """
    for _ in range(_AGAIN_MAX):
        await _settle(source, target)
        verifiers: set[bytes] = set()
        done = 0
        while done < count:
            copied = await target.operations.copy(
                source.opened,
                target.opened,
                start + done,
                to + done,
                min(count - done, _AT_ONCE),
                lambda: target.path,
            )
            if copied.wr_committed == t.UNSTABLE4:
                verifiers.add(copied.wr_writeverf)
            if not copied.wr_count:
                break
            done += copied.wr_count
        if not verifiers:
            return done
        verifiers.add(await target.operations.commit(target.opened, lambda: target.path))
        if len(verifiers) == 1:
            return done
    raise make_error(errno.EIO, "the server restarts all the time and loses the copy", target.path)


async def copy_file(source: OpenFile, target: OpenFile) -> int:
    """Copy the whole of one file to another, which is empty, by the best means that there is."""
    size = (await source.stat()).st_size
    if not size:
        return 0
    if await clone_range(source, target):
        return size
    try:
        return await copy_range(source, target, 0, 0, size)
    except NfsError as error:
        if not _can_be_done_otherwise(error):
            raise
    return await _read_and_write(source, target)


async def _read_and_write(source: OpenFile, target: OpenFile) -> int:
    buffer = memoryview(bytearray(_PIECE))
    done = 0
    while count := await source.read_at(done, buffer):
        await target.write_at(done, memoryview(bytes(buffer[:count])))
        done += count
    return done


async def _settle(source: OpenFile, target: OpenFile) -> None:
    """Have all that was written be what the server copies, and not come again over the copy."""
    await source.commit()
    await target.commit()


def _can_be_done_otherwise(error: NfsError) -> bool:
    return error.status in _NO_SUCH_COPY or error.errno == errno.EOPNOTSUPP

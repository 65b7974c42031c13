"""READ, WRITE, COMMIT, and the sparse-file operations of minor version 2."""

from __future__ import annotations

import hashlib
from typing import Final

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import stateid4

from ..engine.context import Context
from ..engine.operation import may_wait
from ..engine.reply import Reply
from ..vfs.interface import READ, ROOT, WRITE, Job
from .durable import make_durable
from .stateids import Opened, opened, require_regular

_NOTHING: Final = memoryview(b"")
_TRUE: Final = b"\0\0\0\1"
_FALSE: Final = bytes(4)
_UINT64_MAX: Final = (1 << 64) - 1


@may_wait
async def read(context: Context, args: nfs.READ4args, reply: Reply) -> None:
    """READ (RFC 8881, Section 18.22): as much as there is, and fits the reply."""
    require_regular(context)
    found = opened(context, args.stateid, READ)
    use = found if isinstance(found, Opened) else await context.wait(found)
    with use as file:
        room, placed = reply.data_room()
        count = min(args.count, context.core.config.max_io, room)
        if count == 0 and args.count:
            # Not even one octet fits: an empty result would look like the end of the file.
            reply.check(36)
        # The size comes first, so that only what there is takes memory until the reply is sent.
        length = file.size()
        size = await use.wait(context, length) if isinstance(length, Future) else length
        offset = args.offset
        count = min(count, size - offset)
        if count > 0:
            data = reply.data_target(count) if placed else None
            # The caller's memory is lent for this moment only, and not for a read that comes later.
            got = None if data is None else file.read_at_once(offset, data)
            if data is None or got is None:
                data = reply.acquire(count)
                filled = file.read(offset, data)
                got = await use.wait(context, filled) if isinstance(filled, Future) else filled
            if got < count:
                data, size = data[:got], 0  # the file was cut meanwhile
        else:
            data, count = _NOTHING, 0
    reply.buffer += _TRUE if offset + count >= size else _FALSE
    reply.append_data(data, placed)


@may_wait
async def write(context: Context, args: nfs.WRITE4args, reply: Reply) -> None:
    """WRITE (RFC 8881, Section 18.32)."""
    if args.stable not in (nfs.UNSTABLE4, nfs.DATA_SYNC4, nfs.FILE_SYNC4):
        raise NfsError(nfs.NFS4ERR_INVAL)
    require_regular(context)
    context.require_writable()
    data = args.data
    assert isinstance(data, memoryview)
    if args.offset + len(data) > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_FBIG)
    found = opened(context, args.stateid, WRITE)
    use = found if isinstance(found, Opened) else await context.wait(found)
    with use as file:
        data = data[: context.core.config.max_io]
        behind: bytes | None = None
        if data:
            written = file.write(args.offset, data)
            behind = await use.wait(context, written) if isinstance(written, Future) else written
        if args.stable != nfs.UNSTABLE4 and not context.will_sync():
            synced = await use.ready(context, file.sync(args.stable == nfs.FILE_SYNC4))
            durable = left(context, synced)
            if behind is not None and durable != behind:
                # What is behind the back end lost the data between the two: all of it again.
                raise NfsError(nfs.NFS4ERR_DELAY)
    verifier = _verifier(context, behind)
    nfs.WRITE4resok(len(data), args.stable, verifier).encode(reply.encoder)


@may_wait
async def commit(context: Context, args: nfs.COMMIT4args, reply: Reply) -> None:
    """COMMIT (RFC 8881, Section 18.3)."""
    require_regular(context)
    if args.offset + args.count > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_INVAL)
    behind: bytes | None = None
    if not context.is_frozen(context.here.export) and not context.will_sync():
        behind = left(context, await _sync(context))
    reply.encoder.fixed_opaque(_verifier(context, behind), 8)


def left(context: Context, synced: Job | bytes | None) -> bytes | None:
    """Leave the job of ``OpenFile.sync``, or return the verifier of what was synced without one."""
    if isinstance(synced, bytes):
        return synced
    context.leave(synced)
    return None


def _verifier(context: Context, behind: bytes | None) -> bytes:
    """Return the write verifier: another one if this server, or what is behind it, restarted.

    See RFC 8881, Section 18.32.3.
    """
    own = context.core.registry.write_verifier
    if behind is None:
        return own
    return hashlib.blake2s(own + behind, digest_size=nfs.NFS4_VERIFIER_SIZE).digest()


async def _sync(context: Context) -> Job | bytes | None:
    """Return what makes the whole current file durable: a part alone cannot be."""
    here = context.here
    states = context.core.registry.states
    opens = states.file(here)
    if opens is None or not any(state.client is context.client for state in opens.opens.values()):
        await _require_some_right(context)
        opens = states.file(here)
    for state in opens.opens.values() if opens is not None else ():
        file = state.writer or state.reader
        if file is not None:
            return await context.ready(file.sync(metadata=True))
    # No stateid says who wrote, and rights may have changed since: the server opens it as itself.
    file = await context.ready(here.export.fs.open(here.node, ROOT, READ))
    with Opened(file):
        return await context.ready(file.sync(metadata=True))


async def _require_some_right(context: Context) -> None:
    """Raise ACCESS if the caller has no right to the file: a disk's time is not for everyone.

    RFC 8881, Section 18.3, says nothing of rights; Linux's server wants that of writing.
    """
    node, fs, user = context.here.node, context.here.export.fs, context.user
    if await context.ready(fs.permitted(node, user, READ | WRITE)):
        return
    attributes = await context.ready(fs.attributes(node))
    if attributes.uid != user.uid:
        raise NfsError(nfs.NFS4ERR_ACCESS)


@may_wait
async def seek(context: Context, args: nfs.SEEK4args, reply: Reply) -> None:
    """SEEK (RFC 7862, Section 15.11)."""
    if args.sa_what not in (nfs.NFS4_CONTENT_DATA, nfs.NFS4_CONTENT_HOLE):
        raise NfsError(nfs.NFS4ERR_UNION_NOTSUPP)
    require_regular(context)
    use = await context.ready(opened(context, args.sa_stateid, READ))
    with use as file:
        size = await use.ready(context, file.size())
        if args.sa_offset >= size:
            raise NfsError(nfs.NFS4ERR_NXIO)
        hole = args.sa_what == nfs.NFS4_CONTENT_HOLE
        try:
            place = await use.ready(context, file.seek(args.sa_offset, hole))
        except OSError:
            # Only holes up to the end: that end is where the data would be.
            place = size
    nfs.seek_res4(place >= size, place).encode(reply.encoder)


@may_wait
async def allocate(context: Context, args: nfs.ALLOCATE4args, reply: Reply) -> None:
    """ALLOCATE (RFC 7862, Section 15.1)."""
    _check_range(context, args.aa_offset, args.aa_length)
    with await _writable(context, args.aa_stateid) as file:
        job = await context.ready(file.allocate(args.aa_offset, args.aa_length))
        await make_durable(context, context.here, job)


@may_wait
async def deallocate(context: Context, args: nfs.DEALLOCATE4args, reply: Reply) -> None:
    """DEALLOCATE (RFC 7862, Section 15.4)."""
    _check_range(context, args.da_offset, args.da_length)
    with await _writable(context, args.da_stateid) as file:
        job = await context.ready(file.deallocate(args.da_offset, args.da_length))
        await make_durable(context, context.here, job)


def _check_range(context: Context, offset: int, length: int) -> None:
    if not context.here.node.is_regular:
        raise NfsError(nfs.NFS4ERR_WRONG_TYPE)
    if length == 0 or offset + length > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_INVAL)


async def _writable(context: Context, stateid: stateid4) -> Opened:
    context.require_writable()
    return await context.ready(opened(context, stateid, WRITE))

"""READ, WRITE, COMMIT, and the sparse-file operations of minor version 2."""

from __future__ import annotations

from stat import S_IFREG

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import stateid4

from ..engine.context import Context
from ..engine.reply import Reply
from ..state.stateid import ANONYMOUS, BYPASS, UINT32_MAX, LockState, OpenState
from ..vfs.interface import READ, ROOT, WRITE, Job, OpenFile
from . import rights

_NOTHING = memoryview(b"")
_UINT64_MAX = (1 << 64) - 1
_SHARE_READ, _SHARE_WRITE = nfs.OPEN4_SHARE_ACCESS_READ, nfs.OPEN4_SHARE_ACCESS_WRITE


def open_state_of(context: Context, stateid: stateid4) -> OpenState | None:
    """The open that a stateid of the current file stands for; None for the special ones.

    Raises BAD_STATEID and OLD_STATEID (RFC 8881, Section 8.2.4).
    """
    stateid = context.actual(stateid)
    if stateid.other in (ANONYMOUS, BYPASS):
        expected = 0 if stateid.other == ANONYMOUS else UINT32_MAX
        if stateid.seqid != expected:
            raise NfsError(nfs.NFS4ERR_BAD_STATEID)
        return None
    state = context.core.registry.states.find(stateid, context.caller)
    if state.file.handle.wire != context.here.wire:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    if isinstance(state, LockState):
        return state.open
    assert isinstance(state, OpenState)
    return state


def require_regular(context: Context) -> None:
    """ISDIR, SYMLINK or WRONG_TYPE if the current file is no regular one."""
    node = context.here.node
    if node.type == S_IFREG:
        return
    if node.is_directory:
        raise NfsError(nfs.NFS4ERR_ISDIR)
    raise NfsError(nfs.NFS4ERR_SYMLINK if node.is_symlink else nfs.NFS4ERR_WRONG_TYPE)


def io_file(
    context: Context, stateid: stateid4, access: int, truncating: bool = False
) -> tuple[OpenFile | None, bool]:
    """The open file to read or write with a stateid, and whether the caller is to close it.

    A stateid is no right: who opened the file may do what it was opened for, anybody else what
    the file system grants (see ``rights``). A special stateid goes by the caller's own rights,
    and is held up by the share reservations of others: LOCKED (RFC 8881, Section 9.7). To set a
    file's size there need be no open file.
    """
    state = open_state_of(context, stateid)
    if state is not None:
        if access == READ:
            file, opener = state.reader, state.reading
        else:
            file, opener = state.writer, state.writing
        if file is None:
            raise NfsError(nfs.NFS4ERR_OPENMODE)
        if opener is not context.who and not rights.is_opener(context, state, access):
            if access == WRITE and not truncating:
                return rights.open_as_caller(context, access), True
            rights.require(context, state.file, access)
        return file, False
    here, registry = context.here, context.core.registry
    opened = registry.states.file(here)
    if opened is not None and not (access == READ and stateid.other == BYPASS):
        share = _SHARE_READ if access == READ else _SHARE_WRITE
        if opened.rules_out(share, 0):
            holders = (other.client for other in opened.conflicts(share, 0))
            if not registry.give_way(holders, context.now):
                raise NfsError(nfs.NFS4ERR_LOCKED)
    if truncating:
        return None, False
    return here.export.fs.open(here.node, context.user, access), True


def read(context: Context, args: nfs.READ4args, reply: Reply) -> None:
    """RFC 8881, Section 18.22: as much as there is, and as fits the reply."""
    require_regular(context)
    file, close = io_file(context, args.stateid, READ)
    assert file is not None
    try:
        room, placed = reply.data_room()
        count = min(args.count, context.core.config.max_io, room)
        if count == 0 and args.count:
            # Not even one octet fits: an empty result would look like the end of the file.
            reply.check(36)
        # The size comes first, so that only what there is takes memory until the reply is sent.
        offset, size = args.offset, file.size()
        count = min(count, size - offset)
        if count > 0:
            data = reply.data_target(count) if placed else None
            if data is None:
                data = reply.acquire(count)
            got = file.read(offset, data)
            if got < count:
                data, size = data[:got], 0  # the file was cut meanwhile
        else:
            data, count = _NOTHING, 0
    finally:
        if close:
            file.close()
    reply.encoder.boolean(offset + count >= size)
    reply.append_data(data, placed)


def write(context: Context, args: nfs.WRITE4args, reply: Reply) -> None:
    """RFC 8881, Section 18.32."""
    if args.stable not in (nfs.UNSTABLE4, nfs.DATA_SYNC4, nfs.FILE_SYNC4):
        raise NfsError(nfs.NFS4ERR_INVAL)
    require_regular(context)
    context.require_writable()
    data = args.data
    assert isinstance(data, memoryview)
    if args.offset + len(data) > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_FBIG)
    file, close = io_file(context, args.stateid, WRITE)
    assert file is not None
    try:
        data = data[: context.core.config.max_io]
        if data:
            file.write(args.offset, data)
        if args.stable != nfs.UNSTABLE4:
            context.settle(file.sync(metadata=args.stable == nfs.FILE_SYNC4))
    finally:
        if close:
            file.close()
    verifier = context.core.registry.write_verifier
    nfs.WRITE4resok(len(data), args.stable, verifier).encode(reply.encoder)


def commit(context: Context, args: nfs.COMMIT4args, reply: Reply) -> None:
    """RFC 8881, Section 18.3."""
    require_regular(context)
    here, registry = context.here, context.core.registry
    if args.offset + args.count > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_INVAL)
    if not here.export.read_only:
        context.settle(_sync(context))
    reply.encoder.fixed_opaque(registry.write_verifier, 8)


def _sync(context: Context) -> Job | None:
    """What makes the whole current file durable: a part of it alone cannot be."""
    here = context.here
    opened = context.core.registry.states.file(here)
    opens = opened.opens.values() if opened is not None else ()
    if not any(state.client is context.caller for state in opens):
        _require_some_right(context)
    for state in opens:
        file = state.writer or state.reader
        if file is not None:
            return file.sync(metadata=False)
    # No stateid says who wrote, and rights may have changed since: the server opens it as itself.
    file = here.export.fs.open(here.node, ROOT, READ)
    try:
        return file.sync(metadata=False)
    finally:
        file.close()


def _require_some_right(context: Context) -> None:
    """ACCESS if the caller has nothing to do with the current file: a disk's time is not for all.

    RFC 8881, Section 18.3, says nothing of rights; Linux's server wants that of writing.
    """
    node, fs = context.here.node, context.here.export.fs
    if (
        not fs.permitted(node, context.user, READ | WRITE)
        and fs.attributes(node).uid != context.user.uid
    ):
        raise NfsError(nfs.NFS4ERR_ACCESS)


def seek(context: Context, args: nfs.SEEK4args, reply: Reply) -> None:
    """RFC 7862, Section 15.11."""
    if args.sa_what not in (nfs.NFS4_CONTENT_DATA, nfs.NFS4_CONTENT_HOLE):
        raise NfsError(nfs.NFS4ERR_UNION_NOTSUPP)
    require_regular(context)
    file, close = io_file(context, args.sa_stateid, READ)
    assert file is not None
    try:
        size = file.size()
        if args.sa_offset >= size:
            raise NfsError(nfs.NFS4ERR_NXIO)
        hole = args.sa_what == nfs.NFS4_CONTENT_HOLE
        try:
            found = file.seek(args.sa_offset, hole)
        except OSError:
            # Only holes up to the end: that end is where the data would be.
            found = size
    finally:
        if close:
            file.close()
    nfs.seek_res4(found >= size, found).encode(reply.encoder)


def _check_range(offset: int, length: int) -> None:
    if length == 0 or offset + length > _UINT64_MAX:
        raise NfsError(nfs.NFS4ERR_INVAL)


def allocate(context: Context, args: nfs.ALLOCATE4args, reply: Reply) -> None:
    """RFC 7862, Section 15.1."""
    _reshape(context, args.aa_stateid, args.aa_offset, args.aa_length, reserve=True)


def deallocate(context: Context, args: nfs.DEALLOCATE4args, reply: Reply) -> None:
    """RFC 7862, Section 15.4."""
    _reshape(context, args.da_stateid, args.da_offset, args.da_length, reserve=False)


def _reshape(context: Context, stateid: stateid4, offset: int, length: int, reserve: bool) -> None:
    if not context.here.node.is_regular:
        raise NfsError(nfs.NFS4ERR_WRONG_TYPE)
    _check_range(offset, length)
    context.require_writable()
    file, close = io_file(context, stateid, WRITE)
    assert file is not None
    try:
        context.settle((file.allocate if reserve else file.deallocate)(offset, length))
    finally:
        if close:
            file.close()

"""Answers to requests about open files: data, holes and locks."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.xdr.nfs4 import types as t

from ..errors import NfsError, make_error
from ..locks import FOREVER
from ..nodes import Node, NodeFile
from ..opens import READ, WRITE
from . import wire
from .answers import (
    FOPEN_DIRECT_IO,
    FOPEN_KEEP_CACHE,
    lock_out,
    lseek_out,
    open_out,
    write_out,
)
from .changes import Maker
from .handles import FileHandle
from .mounted import Answer, Mounted, permit
from .wire import Header

_log = logging.getLogger(__name__)

_ACCESS: Final = {os.O_RDONLY: READ, os.O_WRONLY: WRITE, os.O_RDWR: READ | WRITE}
_MODE: Final = 0o7777
_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2
_ZERO_RANGE: Final = 16
_F_RDLCK: Final = 0
_F_WRLCK: Final = 1
_F_UNLCK: Final = 2
_KINDS: Final = {_F_RDLCK: t.READ_LT, _F_WRLCK: t.WRITE_LT}
_LAST: Final = (1 << 63) - 1
"""The last octet of a range without an end."""
_COPIED_MOST: Final = 64 << 20
"""Octets of one copy at the server, at most: the process that waits cannot be killed before."""
_POSIX: Final = b"p"
_FLOCK: Final = b"f"

# --- Opening and closing ---


async def open_file(mount: Mounted, header: Header, arguments: wire.Open) -> Answer:
    """Answer OPEN."""
    flags, nodes = arguments.flags, mount.nodes_for(header)
    node = mount.node(header.node)
    await mount.behind.drain(node)
    if flags & wire.OPEN_EXEC:
        # Reading may be granted to who may not execute.
        await permit(nodes, node, t.ACCESS4_EXECUTE, anew=True)

    async def of(access: int) -> NodeFile:
        return await nodes.open(node, access, truncate=bool(flags & os.O_TRUNC))

    file = await _open(mount, _access(flags), of)
    number, opened = _opened(mount, file, flags)
    return Answer(opened, undo=_closing(mount, number))


async def create(mount: Mounted, header: Header, arguments: wire.Create) -> Answer:
    """Answer CREATE."""
    flags, name = arguments.flags, arguments.name
    directory, nodes = mount.node(header.node), mount.nodes_for(header)
    exclusive = bool(flags & os.O_EXCL)
    # What the kernel or others do with the file is to be at the server when that is answered.
    lazily = exclusive and not (mount.choices.direct or mount.choices.write_back)
    if name in directory.names:
        await mount.behind.drain(directory.names[name])
    elif not exclusive:
        await mount.behind.drain_all()  # it may be another name of any file

    async def of(access: int) -> NodeFile:
        return await nodes.create(
            directory,
            name,
            access,
            arguments.mode & _MODE,
            umask=arguments.umask,
            exclusive=exclusive,
            truncate=bool(flags & os.O_TRUNC),
            lazily=lazily,
        )

    file = await _open(mount, _access(flags), of)
    node = file.node
    number, opened = _opened(mount, file, flags, Maker(header) if lazily else None)
    close = _closing(mount, number)

    async def undo() -> None:
        mount.forget(node.number, 1)
        await close()

    try:
        status = await mount.fresh(node)
    except BaseException:
        await undo()
        raise
    entry = mount.entry(directory, name, node, status)
    if file.owes_times:
        mount.behind.change(mount.handles.file(number), None)
    return Answer(entry, opened, undo=undo)


async def _open(
    mount: Mounted, access: int, opener: Callable[[int], Coroutine[Any, Any, NodeFile]]
) -> NodeFile:
    """Open by ``opener``; with ``wb`` for reading too, as the kernel completes pages by reading."""
    if mount.choices.write_back and access == WRITE:
        try:
            return await opener(READ | WRITE)
        except PermissionError:
            pass
    return await opener(access)


def _access(flags: int) -> int:
    try:
        return _ACCESS[flags & os.O_ACCMODE]
    except KeyError:
        raise make_error(errno.EINVAL, f"open with the flags {flags:#o}") from None


def _opened(
    mount: Mounted, file: NodeFile, flags: int, maker: Maker | None = None
) -> tuple[int, bytes]:
    """Return a number for an open file, and the answer that tells it."""
    number = mount.handles.add_file(file, maker)
    told = 0
    if mount.keeps_pages(file):
        told |= FOPEN_KEEP_CACHE
    if mount.choices.direct or flags & os.O_APPEND:
        # The kernel appends at the end that it knows. Only direct I/O leaves that to us.
        told |= FOPEN_DIRECT_IO
    return number, open_out(number, told)


def _closing(mount: Mounted, number: int) -> Callable[[], Coroutine[Any, Any, object]]:
    async def close() -> None:
        await mount.handles.remove_file(number).file.close()

    return close


async def flush(mount: Mounted, header: Header, arguments: wire.Flush) -> Answer:
    """Answer FLUSH, at each ``close``: commit, and give the process's locks up."""
    handle = mount.handles.file(arguments.fh)
    try:
        await _commit(mount, handle)
    finally:
        owner = _owner(_POSIX, arguments.lock_owner)
        await _unlock(mount, handle.node, owner, 0, FOREVER)
    return Answer()


async def _commit(mount: Mounted, handle: FileHandle) -> None:
    """Make stable what was written to a file. Raises what that, or a WRITE, came to.

    What others have written is in it, as with Linux's NFS client, whoever of them closes first.
    """
    if not handle.file.file.writable:
        return
    await mount.behind.finish(handle.node)
    try:
        await handle.file.commit()
        handle.uncommitted = 0
        await handle.file.file.commit()
    finally:
        handle.settle()


async def release(mount: Mounted, header: Header, arguments: wire.Release) -> Answer:
    """Answer RELEASE, for which no process waits, so that errors go nowhere."""
    handle = mount.handles.remove_file(arguments.fh)
    await mount.behind.drain(handle.node)
    try:
        await handle.file.close()
        handle.settle()
    except OSError as error:
        _log.warning("closing %s: %s", handle.node.path(), error)
    return Answer()


async def fsync(mount: Mounted, header: Header, arguments: wire.Fsync) -> Answer:
    """Answer FSYNC, which covers what was written through other opens."""
    handle = mount.handles.file(arguments.fh)
    await mount.behind.finish(handle.node)
    await _commit(mount, handle)
    await handle.file.file.commit()
    return Answer()


# --- Data ---


async def read(mount: Mounted, header: Header, arguments: wire.Read) -> Answer:
    """Answer READ."""
    file = mount.handles.file(arguments.fh).file
    if file.node in mount.behind:
        await mount.behind.clear(file.node, arguments.offset)
    memory = mount.memory
    size = arguments.size
    buffer = memory.take(size)
    if buffer is None:
        buffer = await memory.acquire(size)
    try:
        count = await file.read_at(arguments.offset, buffer)
    except BaseException:
        # The transport may still refer to it: it must not be used again.
        memory.lose(len(buffer))
        raise
    return Answer(buffer[:count], sent=lambda: memory.release(buffer))


async def write(mount: Mounted, header: Header, arguments: wire.Write) -> Answer:
    """Answer WRITE, mostly before it is executed (:mod:`.behind`).

    A file is appended to where it ends at the server (:mod:`.appends`). Nobody but the program
    decides when pages of a mapping are written, or what bypasses the cache: that is answered when
    it is done, as is an append that is to be stable then.
    """
    handle = mount.handles.file(arguments.fh)
    data, offset, flags = arguments.data, arguments.offset, arguments.flags
    size, cached = len(data), arguments.write_flags & wire.WRITE_CACHE
    append = flags & os.O_APPEND and not cached
    handle.tell()
    if not append:
        mount.check_end(handle.node, offset + size)
    direct = mount.choices.direct or flags & os.O_DIRECT
    # What the kernel does not cache it does not have stable, either.
    stable = flags & os.O_DSYNC and (append or mount.choices.direct)
    if append or direct or cached:
        handle.maker = None
    if handle.careful or direct or cached or stable:
        await mount.behind.drain_data(handle.node)
        mount.memory.write_begins(size)
        try:
            await mount.write(handle, -1 if append else offset, memoryview(data))
        finally:
            mount.memory.write_ends(size)
        if stable:
            await _commit(mount, handle)
        return Answer(write_out(size))
    if handle.maker is not None:
        handle.maker.end = max(handle.maker.end, offset + size)
    mount.memory.write_begins(size)
    try:
        if append:
            await mount.behind.drain_written(handle.node)
            begin = await mount.appends.add(handle, data)
            handle.node.expire(mount.nodes.now())
        else:
            begin = await mount.behind.write(handle, offset, data)
    except BaseException:
        mount.memory.write_ends(size)
        raise
    return Answer(write_out(size), sent=begin)


async def lseek(mount: Mounted, header: Header, arguments: wire.LSeek) -> Answer:
    """Answer LSEEK with ``SEEK_DATA`` or ``SEEK_HOLE``."""
    file = mount.handles.file(arguments.fh).file
    await mount.behind.drain_data(file.node)
    offset, data = arguments.offset, arguments.whence == os.SEEK_DATA
    found: int | None
    if arguments.whence not in (os.SEEK_DATA, os.SEEK_HOLE):
        raise make_error(errno.EINVAL, f"lseek of the kind {arguments.whence}")
    if file.file.readable:
        found = await (file.find_data(offset) if data else file.find_hole(offset))
    else:
        # The server does not look into a file that is open for writing only.
        size = (await mount.fresh(file.node)).st_size
        found = None if offset >= size else offset if data else size
    if found is None:
        raise make_error(errno.ENXIO, "nothing there", file.node.path())
    return Answer(lseek_out(found))


async def fallocate(mount: Mounted, header: Header, arguments: wire.FAllocate) -> Answer:
    """Answer FALLOCATE: room for a range, a hole, or zeros, which are a hole with room for it."""
    handle = mount.handles.file(arguments.fh)
    file, handle.maker = handle.file, None
    offset, length, mode = arguments.offset, arguments.length, arguments.mode
    await mount.behind.drain_data(file.node)
    if mount.client.session.minor_version < 2:
        raise make_error(errno.EOPNOTSUPP, "NFS 4.1 has neither ALLOCATE nor DEALLOCATE")
    if mode == _PUNCH_HOLE | _KEEP_SIZE:
        await file.deallocate(offset, length)
        return Answer()
    # ALLOCATE makes a file longer if need be.
    end = (await mount.fresh(file.node)).st_size if mode & _KEEP_SIZE else _LAST
    if mode & ~(_KEEP_SIZE | _ZERO_RANGE) or offset + length > end:
        raise make_error(errno.EOPNOTSUPP, f"fallocate with the mode {mode:#x}")
    if mode & _ZERO_RANGE:
        await file.deallocate(offset, length)
    await file.allocate(offset, length)
    return Answer()


async def copy_file_range(mount: Mounted, header: Header, arguments: wire.CopyRange) -> Answer:
    """Answer COPY_FILE_RANGE: the server copies. If it cannot, the kernel reads and writes.

    It cannot within one file, nor, some servers, past the end of the source: that is NFS4ERR_INVAL
    (RFC 7862, Section 15.2.3). To programs it is legal.
    """
    source = mount.handles.file(arguments.fh).file
    target = mount.handles.file(arguments.target_fh).file
    if source.node is target.node:
        raise make_error(errno.EOPNOTSUPP, "COPY is from one file to another", target.node.path())
    mount.handles.file(arguments.target_fh).maker = None
    await mount.behind.drain_data(source.node, target.node)
    count = min(arguments.length, _COPIED_MOST)
    try:
        copied = await target.copy_from(source, arguments.offset, arguments.target_offset, count)
    except NfsError as error:
        if error.status != t.NFS4ERR_INVAL:
            raise
        raise make_error(errno.EOPNOTSUPP, "not by COPY", target.node.path()) from error
    return Answer(write_out(copied))


# --- Locks ---


def _owner(kind: bytes, number: int) -> bytes:
    """Return a lock owner for the server: those of ``fcntl`` and ``flock`` differ."""
    return kind + number.to_bytes(8)


def _range(arguments: wire.Lock) -> tuple[int, int]:
    """Return offset and length."""
    if arguments.end >= _LAST:
        return arguments.start, FOREVER
    return arguments.start, arguments.end - arguments.start + 1


async def getlk(mount: Mounted, header: Header, arguments: wire.Lock) -> Answer:
    """Answer GETLK: the lock that is in the way, if there is one."""
    file = mount.handles.file(arguments.fh).file
    owner = _owner(_POSIX, arguments.owner)
    offset, length = _range(arguments)
    denied = await file.test_lock(owner, _kind(arguments), offset, length)
    if denied is None:
        return Answer(lock_out(_F_UNLCK, arguments.start, arguments.end, 0))
    kind = _F_WRLCK if denied.locktype in (t.WRITE_LT, t.WRITEW_LT) else _F_RDLCK
    start = min(denied.offset, _LAST)
    end = _LAST if denied.length == FOREVER else min(start + denied.length - 1, _LAST)
    return Answer(lock_out(kind, start, end, 0))


async def setlk(mount: Mounted, header: Header, arguments: wire.Lock) -> Answer:
    """Answer SETLK. Raises an error with EAGAIN if another lock is in the way."""
    return await _set_lock(mount, arguments, wait=False)


async def setlkw(mount: Mounted, header: Header, arguments: wire.Lock) -> Answer:
    """Answer SETLKW: wait until the lock is granted."""
    return await _set_lock(mount, arguments, wait=True)


async def _set_lock(mount: Mounted, arguments: wire.Lock, wait: bool) -> Answer:
    file = mount.handles.file(arguments.fh).file
    owner = _owner(_FLOCK if arguments.flags & wire.LK_FLOCK else _POSIX, arguments.owner)
    offset, length = _range(arguments)
    await mount.behind.drain(file.node)  # who locks it next sees what was written
    if arguments.kind == _F_UNLCK:
        await _unlock(mount, file.node, owner, offset, length)
    else:
        await file.lock(owner, _kind(arguments), offset, length, wait=wait)
    return Answer()


async def _unlock(mount: Mounted, node: Node, owner: bytes, offset: int, length: int) -> None:
    """Unlock a range, through whichever open of the file it was locked."""
    for handle in mount.handles.files_of(node):
        if owner in handle.file.file.opened.locks:
            await mount.behind.drain(node)
            await handle.file.unlock(owner, offset, length)


def _kind(arguments: wire.Lock) -> int:
    try:
        return _KINDS[arguments.kind]
    except KeyError:
        raise make_error(errno.EINVAL, f"a lock of the kind {arguments.kind}") from None

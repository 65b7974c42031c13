"""Answers to requests about names and attributes."""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.xdr.nfs4 import types as t

from ..errors import make_error
from ..nodes import Node
from ..opens import WRITE
from . import wire
from .answers import attributes_out, device_numbers, no_entry_out, statfs_out
from .changes import Changes
from .mounted import Answer, Mounted, permit
from .wire import Header, Valid

_R_OK: Final = 4
_W_OK: Final = 2
_X_OK: Final = 1
_MODE: Final = 0o7777
_SPECIAL: Final = {
    stat.S_IFIFO: t.NF4FIFO,
    stat.S_IFSOCK: t.NF4SOCK,
    stat.S_IFBLK: t.NF4BLK,
    stat.S_IFCHR: t.NF4CHR,
}


# --- Looking ---


async def lookup(mount: Mounted, header: Header, arguments: wire.Name) -> Answer:
    """Answer LOOKUP: a name that does not exist may be remembered, too."""
    directory, name = mount.node(header.node), arguments.name
    try:
        node = await mount.nodes_for(header).lookup(directory, name)
    except FileNotFoundError:
        left = mount.name_left(directory, name, None)
        if left <= 0:
            raise
        return Answer(no_entry_out(left))
    return await _entry(mount, directory, name, node)


async def _entry(mount: Mounted, directory: Node, name: bytes, node: Node) -> Answer:
    """Return the entry for a node that was looked up."""
    mount.crowd.look()
    undo = _forgetting(mount, node)
    try:
        status = await mount.fresh(node)
    except BaseException:
        await undo()
        raise
    return Answer(mount.entry(directory, name, node, status), undo=undo)


def _forgetting(mount: Mounted, *nodes: Node) -> Callable[[], Coroutine[Any, Any, None]]:
    async def forget() -> None:
        for node in nodes:
            mount.forget(node.number, 1)

    return forget


async def getattr(mount: Mounted, header: Header, arguments: wire.GetAttr) -> Answer:
    """Answer GETATTR."""
    node = mount.node(header.node)
    status = await mount.fresh(node)
    return Answer(mount.attributes(node, status))


async def setattr(mount: Mounted, header: Header, arguments: wire.SetAttr) -> Answer:
    """Answer SETATTR. What ``ftruncate`` may do depends on how the file was opened."""
    node = mount.node(header.node)
    later = _changed_later(mount, header, node, arguments)
    if later is not None:
        return later
    await mount.behind.finish(node)
    valid = arguments.valid
    status = None
    size = arguments.size if valid & Valid.SIZE else None
    if size is not None:
        for handle in mount.handles.files_of(node):
            handle.maker = None
        if valid & Valid.FH:
            file = mount.handles.file(arguments.fh).file
            if file.file.opened.access & WRITE:
                status = await file.truncate(size)
                size = None
    if size is not None or valid & _OTHERS:
        attributes = Changes.asked(arguments).encode(size)
        status = await mount.nodes_for(header).setattr(node, attributes, size)
    if status is None:
        status = await mount.fresh(node)
    return Answer(mount.attributes(node, status))


_OTHERS: Final = (
    Valid.MODE
    | Valid.UID
    | Valid.GID
    | Valid.ATIME
    | Valid.MTIME
    | Valid.ATIME_NOW
    | Valid.MTIME_NOW
)


def _changed_later(
    mount: Mounted, header: Header, node: Node, wanted: wire.SetAttr
) -> Answer | None:
    """Answer SETATTR before it is done, if the server will not refuse it (:mod:`.changes`)."""
    handles = mount.handles.files_of(node)
    maker = handles[0].maker if len(handles) == 1 else None
    if maker is None or handles[0].careful or not wanted.valid & _OTHERS:
        return None
    status, before = node.status, mount.behind.changes_of(node)
    known = before.mode if before is not None else None
    mode = known if known is not None else status.st_mode & _MODE
    if not maker.may_wait(header, wanted, status, mode):
        return None
    changes = mount.behind.change(handles[0], wanted)
    # The kernel asks for the others if anybody wants to know them.
    told = changes.applied(status, maker.end)
    return Answer(attributes_out(told, mount.inode(status), 0.0))


async def readlink(mount: Mounted, header: Header, arguments: wire.Nothing) -> Answer:
    """Answer READLINK."""
    return Answer(await mount.nodes_for(header).readlink(mount.node(header.node)))


async def statfs(mount: Mounted, header: Header, arguments: wire.Nothing) -> Answer:
    """Answer STATFS."""
    return Answer(statfs_out(await mount.nodes_for(header).statfs(mount.node(header.node))))


async def access(mount: Mounted, header: Header, arguments: wire.Access) -> Answer:
    """Answer ACCESS by what the server says."""
    node = mount.node(header.node)
    wanted = 0
    if arguments.mask & _R_OK:
        wanted |= t.ACCESS4_READ
    if arguments.mask & _W_OK:
        wanted |= t.ACCESS4_MODIFY | t.ACCESS4_EXTEND
        if node.is_dir:
            wanted |= t.ACCESS4_DELETE
    if arguments.mask & _X_OK:
        wanted |= t.ACCESS4_LOOKUP if node.is_dir else t.ACCESS4_EXECUTE
    if wanted:
        await permit(mount.nodes_for(header), node, wanted)
    return Answer()


# --- Making and removing names ---


async def symlink(mount: Mounted, header: Header, arguments: wire.SymLink) -> Answer:
    """Answer SYMLINK."""
    directory = mount.node(header.node)
    node = await mount.nodes_for(header).symlink(directory, arguments.name, arguments.target)
    return await _entry(mount, directory, arguments.name, node)


async def mkdir(mount: Mounted, header: Header, arguments: wire.MkDir) -> Answer:
    """Answer MKDIR."""
    directory, name, mode = mount.node(header.node), arguments.name, arguments.mode & _MODE
    node = await mount.nodes_for(header).mkdir(directory, name, mode, arguments.umask)
    return await _entry(mount, directory, name, node)


async def mknod(mount: Mounted, header: Header, arguments: wire.MkNod) -> Answer:
    """Answer MKNOD, which makes regular files, too."""
    directory, name, mode = mount.node(header.node), arguments.name, arguments.mode & _MODE
    kind, umask, nodes = stat.S_IFMT(arguments.mode), arguments.umask, mount.nodes_for(header)
    if kind in (0, stat.S_IFREG):
        file = await nodes.create(directory, name, WRITE, mode, umask=umask, exclusive=True)
        node = file.node
        await file.close()
    elif kind in _SPECIAL:
        device = device_numbers(arguments.device)
        node = await nodes.mknod(directory, name, _SPECIAL[kind], mode, device, umask)
    else:
        raise make_error(errno.EINVAL, f"mknod of the type {kind:#o}")
    return await _entry(mount, directory, name, node)


async def link(mount: Mounted, header: Header, arguments: wire.Link) -> Answer:
    """Answer LINK."""
    directory, node = mount.node(header.node), mount.node(arguments.node)
    await mount.behind.drain(node)
    node = await mount.nodes_for(header).link(node, directory, arguments.name)
    return await _entry(mount, directory, arguments.name, node)


async def remove(mount: Mounted, header: Header, arguments: wire.Name) -> Answer:
    """Answer UNLINK and RMDIR, which are one operation of NFS."""
    directory, name = mount.node(header.node), arguments.name
    await mount.behind.drain(directory.names.get(name))
    await mount.nodes_for(header).remove(directory, name)
    return Answer()


async def rename(mount: Mounted, header: Header, arguments: wire.Rename) -> Answer:
    """Answer RENAME."""
    source, target = mount.node(header.node), mount.node(arguments.directory)
    await mount.behind.drain(source.names.get(arguments.old), target.names.get(arguments.new))
    await mount.nodes_for(header).rename(source, arguments.old, target, arguments.new)
    return Answer()


async def rename2(mount: Mounted, header: Header, arguments: wire.Rename2) -> Answer:
    """Answer RENAME2. NFS neither exchanges names nor refuses to replace one."""
    if arguments.flags:
        raise make_error(errno.EINVAL, f"renameat2 with the flags {arguments.flags:#x}")
    plain = wire.Rename(arguments.directory, arguments.old, arguments.new)
    return await rename(mount, header, plain)

"""Answers to requests about open directories: listings, as quick as may be."""

from __future__ import annotations

from ..nodes import Node
from ..nodes.lookups import Entry
from . import wire
from .answers import (
    ENTRY_SIZE,
    FOPEN_CACHE_DIR,
    FOPEN_KEEP_CACHE,
    NO_ENTRY,
    UNKNOWN_INODE,
    Row,
    entries_with_attributes,
    entry_of_directory,
    lifetime,
    open_out,
)
from .handles import FIRST_COOKIE
from .mounted import Answer, Mounted
from .wire import Header


async def opendir(mount: Mounted, header: Header, arguments: wire.Open) -> Answer:
    """Answer OPENDIR: NFS does not open directories.

    The kernel may keep the listing, and use the one that it has while it is that of the directory.
    """
    node = mount.node(header.node)
    told = 0
    if mount.keeps_listings:
        told |= FOPEN_CACHE_DIR
        if mount.listed.is_current(node, mount.nodes.now()):
            told |= FOPEN_KEEP_CACHE
    number = mount.handles.add_directory(node)

    async def undo() -> None:
        mount.handles.remove_directory(number)

    return Answer(open_out(number, told), undo=undo)


async def readdir(mount: Mounted, header: Header, arguments: wire.Read) -> Answer:
    """Answer READDIR: names and inode numbers."""
    directory = mount.handles.directory(arguments.fh)
    found = await directory.entries_from(mount.nodes_for(header), _place(arguments))
    parts = _dots(mount, directory.node, arguments, b"")
    left = arguments.size - sum(map(len, parts))
    dots = len(parts)
    for entry in found:
        part = _plain(mount, entry)
        if len(part) > left:
            break
        left -= len(part)
        parts.append(part)
    directory.taken(found[: len(parts) - dots])
    mount.listed.told(directory)
    return Answer(b"".join(parts))


async def readdirplus(mount: Mounted, header: Header, arguments: wire.Read) -> Answer:
    """Answer READDIRPLUS: entries with attributes, each of which counts as a lookup."""
    directory = mount.handles.directory(arguments.fh)
    found = await directory.entries_from(mount.nodes_for(header), _place(arguments))
    parts = _dots(mount, directory.node, arguments, NO_ENTRY)
    table, now, silent = mount.nodes.table, mount.nodes.now(), mount.crowd.is_full
    names_life = lifetime(mount.names_left(directory.node, directory.change))
    fsid, busy = mount.fsid, bool(mount.behind)
    rows: list[Row] = []
    looked_up: list[Node] = []
    left = arguments.size - sum(map(len, parts))
    taken = 0
    for entry in found:
        name, node, seconds = entry.name, entry.node, 0.0
        left -= ENTRY_SIZE + (len(name) + 7 & -8)
        if left < 0:
            break
        taken += 1
        if node is not None and table.has(node) and not silent:
            many = busy or node.status.st_nlink > 1
            seconds = mount.seconds_known(node, now) if many else node.seconds_left(now)
        if node is None or seconds <= 0:
            # The kernel looks the name up when it needs to.
            parts += entries_with_attributes(rows, names_life)
            parts += NO_ENTRY, _plain(mount, entry)
            rows.clear()
            continue
        status = node.status
        node.told = status.change
        looked_up.append(node)
        inode = status.st_ino if status.fsid == fsid else mount.inode(status)
        rows.append((node.number, status, inode, seconds, entry.cookie, name))
    parts += entries_with_attributes(rows, names_life)
    table.look_up(*looked_up)
    directory.taken(found[:taken])
    mount.listed.told(directory)
    mount.crowd.look()

    async def undo() -> None:
        for node in looked_up:
            mount.forget(node.number, 1)

    return Answer(b"".join(parts), undo=undo)


def _place(arguments: wire.Read) -> int:
    """Return the server's cookie that a listing goes on from."""
    return arguments.offset if arguments.offset >= FIRST_COOKIE else 0


def _dots(mount: Mounted, node: Node, arguments: wire.Read, before: bytes) -> list[bytes]:
    """Return the entries ``.`` and ``..``, which NFS has not, as far as they are wanted."""
    dots = ((1, b".", node), (2, b"..", node.parent or node))
    return [
        before + entry_of_directory(mount.inode(each.status), cookie, each.status.st_mode, name)
        for cookie, name, each in dots
        if arguments.offset < cookie
    ]


def _plain(mount: Mounted, entry: Entry) -> bytes:
    if entry.node is None:
        return entry_of_directory(UNKNOWN_INODE, entry.cookie, 0, entry.name)
    status = entry.node.status
    return entry_of_directory(mount.inode(status), entry.cookie, status.st_mode, entry.name)


async def releasedir(mount: Mounted, header: Header, arguments: wire.Release) -> Answer:
    """Answer RELEASEDIR."""
    mount.handles.remove_directory(arguments.fh)
    return Answer()


async def fsyncdir(mount: Mounted, header: Header, arguments: wire.Fsync) -> Answer:
    """Answer FSYNCDIR: changes of directories are stable when they are answered."""
    return Answer()

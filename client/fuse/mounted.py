"""What the operations of a mount share: nodes, open files, and what the kernel knows."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from ..attributes import Stat
from ..client import Client
from ..errors import NfsError, make_error
from ..nodes import Node, NodeFile, Nodes
from .answers import attributes_out, entry_out, invalidate_attributes
from .appends import Appends
from .behind import Behind, Flight
from .callers import Callers
from .changes import Changes
from .choices import DEFAULT, Choices
from .crowd import Crowd
from .handles import FileHandle, Handles
from .listed import Listed
from .memory import Memory
from .wire import Header

UNCOMMITTED_MAX: Final = 256 << 20
"""Octets of uncommitted data that all open files together keep for a restart of the server."""
_INODE_MIX: Final = 0x9E3779B97F4A7C15
_INODE_MASK: Final = (1 << 64) - 1


class Answer:
    """The answer to a request.

    ``undo`` is run if nobody takes it: the process was killed meanwhile. ``sent`` is called once
    the parts are not needed any more.
    """

    __slots__ = ("parts", "sent", "undo")

    def __init__(
        self,
        *parts: bytes | memoryview,
        undo: Callable[[], Coroutine[Any, Any, object]] | None = None,
        sent: Callable[[], object] | None = None,
    ) -> None:
        self.parts = parts
        self.undo = undo
        self.sent = sent


class Mounted:
    """A mount of ``client``.

    ``notify`` sends a message to the kernel. ``callers`` knows the users; without it everything is
    done as who has mounted. ``shared`` is whether others than that user can use the mount: then the
    kernel remembers no names, as it would not ask whether everybody may know them.
    """

    def __init__(
        self,
        client: Client,
        nodes: Nodes,
        notify: Callable[[bytes], object],
        *,
        callers: Callers | None = None,
        shared: bool = False,
        choices: Choices = DEFAULT,
        memory: Memory | None = None,
    ) -> None:
        self.client: Final = client
        self.nodes: Final = nodes
        self.handles: Final = Handles()
        self.memory: Final = memory or Memory(channel=lambda: client.session.channel)
        self.choices: Final = choices
        self.listed: Final = Listed(nodes.table.lifetimes)
        self.crowd: Final = Crowd(nodes.table, notify)
        self.appends: Final = Appends(self._append, client.session.pause)
        self.behind: Final = Behind(self._carry, nodes.now, client.session.pause, self.appends)
        self._callers = callers
        self._shared = shared
        self._notify = notify
        self._uncommitted = 0

    def nodes_for(self, header: Header) -> Nodes:
        """Return the nodes with the rights of whoever makes a request."""
        return self.nodes if self._callers is None else self._callers.nodes_for(header)

    def node(self, number: int) -> Node:
        """Return the node with a number. Raises an error with ESTALE."""
        try:
            return self.nodes.table[number]
        except KeyError:
            raise make_error(errno.ESTALE, f"no node has the number {number}") from None

    def forget(self, number: int, lookups: int) -> None:
        """Take back ``lookups`` of a node; an unknown number is ignored."""
        try:
            node = self.nodes.table[number]
        except KeyError:
            return
        self.nodes.forget(node, lookups)
        if not node.lookups:
            node.told = node.pages = None
            self.listed.forget(node)

    # --- Attributes ---

    @property
    def fsid(self) -> tuple[int, int] | None:
        """The file system of the root, whose files have their own inode numbers."""
        root = self.nodes.table.root
        return None if root is None else root.fsid

    def inode(self, status: Stat) -> int:
        """Return the inode number, different for files of different file systems of the server.

        One mount is one device to the system, and (device, inode) has to be unique.
        """
        if self.fsid in (None, status.fsid):
            return status.st_ino
        mixed = (status.fsid[0] * 31 + status.fsid[1]) * _INODE_MIX
        return (status.st_ino ^ mixed) & _INODE_MASK

    async def fresh(self, node: Node) -> Stat:
        """Return attributes that are not older than our own last change of the file.

        The kernel cuts its cached pages off where it is told that a file ends.
        """
        if node in self.behind:
            await self.behind.drain(node)
        if self.nodes.seconds_left(node) > 0:
            return node.status
        for handle in self.handles.files_of(node):
            return await handle.file.stat()
        return await self.nodes.refresh(node)

    def attributes(self, node: Node, status: Stat) -> bytes:
        """Return the answer that tells the kernel the attributes of a node."""
        node.told = status.change
        return attributes_out(status, self.inode(status), self.nodes.seconds_left(node))

    def entry(self, directory: Node, name: bytes, node: Node, status: Stat) -> bytes:
        """Return the entry that tells the kernel that a name leads to a node."""
        node.told = status.change
        return entry_out(
            node.number,
            status,
            self.inode(status),
            self.name_left(directory, name, node),
            self.nodes.seconds_left(node),
        )

    def name_left(self, directory: Node, name: bytes, node: Node | None) -> float:
        """Return for how many seconds the kernel may believe that a name leads to ``node``."""
        lifetimes = self.nodes.table.lifetimes
        if self._shared or not lifetimes.names or (node is None and not lifetimes.missing):
            return 0.0
        if name not in directory.names or directory.names[name] is not node:
            return 0.0
        return self.nodes.names_left(directory)

    def names_left(self, directory: Node, change: int) -> float:
        """Return for how many seconds the kernel may believe names read at this ``change``."""
        if self._shared or not self.nodes.table.lifetimes.names or directory.change != change:
            return 0.0
        return self.nodes.names_left(directory)

    def seconds_known(self, node: Node, now: float) -> float:
        """Return for how many seconds the kernel may believe the attributes that we have."""
        if node in self.behind:
            return 0.0
        if node.status.st_nlink > 1:
            return self.nodes.seconds_left(node)
        return node.seconds_left(now)

    @property
    def keeps_listings(self) -> bool:
        """Whether the kernel may keep listings: not where it has to ask who may read them."""
        return not self._shared and self.nodes.table.lifetimes.names

    # --- Close-to-open ---

    def keeps_pages(self, file: NodeFile) -> bool:
        """Return whether the kernel may keep the pages that it has of a file just opened.

        If the file has changed, the kernel is told to ask for its attributes, among them the size,
        before anything is read.
        """
        node = file.node
        if not self.choices.close_to_open:
            return True
        same = not file.changed
        if not same or node.told != node.change:
            self._notify(invalidate_attributes(node.number))
        keep = same and node.pages == node.change
        node.pages = node.change
        return keep

    # --- Written data ---

    async def _carry(self, flight: Flight) -> None:
        """Do what was answered already, and have all who can commit it know if that fails."""
        handle, changes, data = flight.handle, flight.changes, memoryview(flight.data)
        try:
            if flight.stable:
                await self._conclude(handle, flight.start, data, changes)
            else:
                if len(data):
                    await self.write(handle, flight.start, data)
                if changes is not None:
                    await handle.file.set_times(changes.encode())
        except Exception as error:
            for each in {handle, *self.handles.files_of(handle.node)}:
                if each.file.file.writable:
                    each.fail(error)
        finally:
            self.memory.write_ends(len(data))

    async def _append(self, handle: FileHandle, data: memoryview) -> None:
        """Append what was answered already, with the same consequences."""
        await self._carry(Flight(handle, -1, data))

    async def _conclude(
        self, handle: FileHandle, offset: int, data: memoryview, changes: Changes | None
    ) -> None:
        """Write, have all stable, and set attributes, by one call if the data fits into one."""
        if len(data) > self.client.wsize:
            await self.write(handle, offset, data)
            data = data[:0]
        attributes = changes.encode() if changes is not None else None
        await handle.file.conclude(offset, data, attributes)
        handle.uncommitted = 0

    def check_end(self, node: Node, end: int) -> None:
        """Raise an error with EFBIG if a file of the mounted file system cannot end there.

        The program hears of it at once, as with Linux's client, and not when it closes the file.
        """
        if end > self.client.file_max and node.fsid == self.fsid:
            raise make_error(errno.EFBIG, "no file of the server is so large", node.path())

    async def write(self, handle: FileHandle, offset: int, data: memoryview) -> None:
        """Write at an offset, or with -1 at the end of the file; commit if too much is kept."""
        if offset < 0:
            await handle.file.append(data)
        else:
            await handle.file.write_at(offset, data)
        octets = len(data)
        handle.uncommitted += octets
        self._uncommitted += octets
        if self._uncommitted <= UNCOMMITTED_MAX:
            return
        kept = sorted(self.handles.files(), key=lambda each: each.uncommitted, reverse=True)
        self._uncommitted = 0
        for handle in kept:
            if handle.uncommitted:
                handle.uncommitted = 0
                with suppress(NfsError):  # the data is kept, and its own process will hear of it
                    await handle.file.file.commit()


async def permit(nodes: Nodes, node: Node, wanted: int, *, anew: bool = False) -> None:
    """Raise an error with EACCES unless the server grants all of the ``ACCESS4_`` bits."""
    if wanted & ~await nodes.access(node, wanted, anew=anew):
        raise make_error(errno.EACCES, "the server does not permit this", node.path())

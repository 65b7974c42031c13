"""An open file that keeps the cached attributes of its node up to date."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from nfsrdma.xdr.nfs4 import types as t

from ..attributes import Stat
from ..copying import copy_range
from ..file import OpenFile
from ..locks import FOREVER
from ..operations import LockOperations
from .node import Node
from .table import NodeTable

_NOTHING: Final = memoryview(b"")


class NodeFile:
    """An open node.

    ``changed`` says whether the file has changed between the time when it was last seen and its
    opening: any cache of its contents is invalid then (close-to-open consistency).
    """

    __slots__ = ("_caller", "_locks", "_table", "_wrote", "changed", "file", "node", "owes_times")

    def __init__(
        self, node: Node, file: OpenFile, table: NodeTable, locks: LockOperations, changed: bool
    ) -> None:
        self.node: Final = node
        self.file: Final = file
        self.changed: Final = changed
        self.owes_times = False
        """Whether the server has other times of a new file than the right ones."""
        self._table = table
        self._caller = locks.caller
        self._locks = locks
        self._wrote = False
        table.opened(node)

    def read_at(self, offset: int, buffer: memoryview) -> Coroutine[Any, Any, int]:
        """Fill ``buffer`` from ``offset`` on; see :meth:`OpenFile.read_at`."""
        return self.file.read_at(offset, buffer)

    async def write_at(self, offset: int, data: memoryview) -> int:
        """Write all of ``data`` at ``offset``; see :meth:`OpenFile.write_at`."""
        self._wrote = True
        try:
            return await self.file.write_at(offset, data)
        finally:
            self.node.expire(self._caller.time())

    async def append(self, data: memoryview) -> int:
        """Write all of ``data`` at the end of file; see :meth:`OpenFile.append`."""
        self._wrote = True
        try:
            return await self.file.append(data)
        finally:
            self.node.expire(self._caller.time())

    async def commit(self) -> None:
        """Commit what was written, and get the new attributes.

        Does nothing unless something was written through this open.
        """
        if self._wrote:
            await self.conclude(0, _NOTHING)

    async def conclude(
        self, offset: int, data: memoryview, attributes: t.fattr4 | None = None
    ) -> Stat:
        """Write, commit and set attributes in one call; see :meth:`OpenFile.conclude`."""
        self._wrote = False  # what is written meanwhile is for the next commit
        asked_at = self._caller.time()
        try:
            status = await self.file.conclude(offset, data, attributes)
        except BaseException:
            self._wrote = True
            raise
        return self._set(asked_at, status)

    async def set_times(self, attributes: t.fattr4) -> Stat:
        """Set times to the present, which does no harm if it is undone by a restart."""
        asked_at = self._caller.time()
        status = await self.file.operations.setattr(self.file.opened, attributes, self.node.path)
        return self._set(asked_at, status)

    async def stat(self) -> Stat:
        """Get the attributes from the server."""
        asked_at = self._caller.time()
        status = await self.file.stat()
        self.node.learn(status, asked_at)
        return status

    async def truncate(self, size: int) -> Stat:
        """Make the file ``size`` octets long; return the new attributes."""
        return self._changed(self._caller.time(), await self.file.truncate(size))

    async def allocate(self, offset: int, length: int) -> Stat:
        """Allocate space for a range, growing the file if necessary; return the new attributes."""
        return self._changed(self._caller.time(), await self.file.allocate(offset, length))

    async def deallocate(self, offset: int, length: int) -> Stat:
        """Make a range a hole; return the new attributes."""
        return self._changed(self._caller.time(), await self.file.deallocate(offset, length))

    async def copy_from(self, source: NodeFile, start: int, to: int, count: int) -> int:
        """Copy from another file at the server, to stable storage; see :func:`copy_range`.

        Return how many octets were copied. Raises EOPNOTSUPP or EXDEV if the server cannot.
        """
        try:
            return await copy_range(source.file, self.file, start, to, count)
        finally:
            self.node.expire(self._caller.time())

    async def find_data(self, offset: int) -> int | None:
        """Return where data begins, from ``offset`` on; see :meth:`OpenFile.find_data`."""
        return await self.file.find_data(offset)

    async def find_hole(self, offset: int) -> int | None:
        """Return where a hole begins, from ``offset`` on; see :meth:`OpenFile.find_hole`."""
        return await self.file.find_hole(offset)

    async def lock(
        self,
        owner: bytes,
        kind: int,
        offset: int = 0,
        length: int = FOREVER,
        *,
        wait: bool = False,
    ) -> None:
        """Lock a range; see :meth:`LockOperations.lock`."""
        opened, where = self.file.opened, self.node.path
        await self._locks.lock(opened, owner, kind, offset, length, wait=wait, where=where)

    async def test_lock(
        self, owner: bytes, kind: int, offset: int = 0, length: int = FOREVER
    ) -> t.LOCK4denied | None:
        """Return a lock that conflicts with this one; None if there is none."""
        opened, where = self.file.opened, self.node.path
        return await self._locks.test(opened, owner, kind, offset, length, where)

    async def unlock(self, owner: bytes, offset: int = 0, length: int = FOREVER) -> None:
        """Unlock a range; see :meth:`LockOperations.unlock`."""
        opened, where = self.file.opened, self.node.path
        await self._locks.unlock(opened, owner, offset, length, where)

    async def close(self) -> None:
        """Commit what was written, and close. Closing again does nothing.

        The file is closed even if this raises, which it does if data may have been lost.
        """
        if self.file.closed:
            return
        asked_at = self._caller.time()
        try:
            status = await self.file.close(attributes=self._wrote)
        finally:
            self._table.closed(self.node)
        if status is not None:
            self.node.learn(status, asked_at)

    def _set(self, asked_at: float, status: Stat) -> Stat:
        """Cache attributes that were set; what a call in between has brought may be from before."""
        if not self.node.learn(status, asked_at):
            self.node.expire(self._caller.time())
        return status

    def _changed(self, asked_at: float, status: Stat) -> Stat:
        self.node.learn(status, asked_at)
        return status

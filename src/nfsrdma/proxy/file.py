"""An open file at the far server."""

from __future__ import annotations

import errno
from collections.abc import Coroutine
from typing import Any, TypeVar

from nfsrdma.client.client import Client
from nfsrdma.client.errors import NfsError
from nfsrdma.client.file import OpenFile as FarFile
from nfsrdma.client.opens import Open
from nfsrdma.rpcrdma.task import Task
from nfsrdma.server.vfs.interface import Eventual, Job, OpenFile
from nfsrdma.server.vfs.posix import failure
from nfsrdma.xdr.nfs4 import types as t

from .far import Acts, answered

T = TypeVar("T")


class ProxyFile(OpenFile):
    """An open file: one open at the far server, closed when no call is under way any more.

    Nothing that is written is kept here: see ``OpenFile.write`` on verifiers.
    """

    __slots__ = ("_acts", "_closed", "_far", "_under_way", "_wsize", "opened")

    def __init__(self, acts: Acts, client: Client, opened: Open) -> None:
        self.opened = opened
        self._acts = acts
        self._wsize = client.wsize
        io = acts.by_open
        self._far = FarFile(io, io, opened, "a file", client.rsize, client.wsize, client.files)
        self._closed = False
        self._under_way = 0

    def read(self, offset: int, into: memoryview) -> Eventual[int]:
        """Read into a buffer."""
        return self._ask(self._far.read_at(offset, into))

    def write(self, offset: int, data: memoryview) -> Eventual[bytes | None]:
        """Write all of the data; return the far server's write verifier."""
        return self._ask(self._write(offset, data))

    async def _write(self, offset: int, data: memoryview) -> bytes | None:
        verifier: bytes | None = None
        while len(data):
            piece = data[: self._wsize]
            done = await self._acts.by_open.write(self.opened, offset, piece)
            if not 0 < done.count <= len(piece):
                raise failure(errno.EIO)
            if verifier is not None and done.writeverf != verifier:
                # It restarted between two pieces, and the first may be lost: all of it again.
                raise failure(errno.EAGAIN)
            verifier = done.writeverf
            offset += done.count
            data = data[done.count :]
        return verifier

    def sync(self, metadata: bool) -> Eventual[Job | bytes | None]:
        """Have the far server make the file durable; return its write verifier."""
        return self._ask(self._acts.by_open.commit(self.opened))

    def allocate(self, offset: int, length: int) -> Eventual[Job | None]:
        """Reserve room."""
        return self._ask(self._allocate(offset, length))

    async def _allocate(self, offset: int, length: int) -> None:
        await self._acts.by_open.allocate(self.opened, offset, length)

    def deallocate(self, offset: int, length: int) -> Eventual[Job | None]:
        """Make a hole."""
        return self._ask(self._deallocate(offset, length))

    async def _deallocate(self, offset: int, length: int) -> None:
        await self._acts.by_open.deallocate(self.opened, offset, length)

    def seek(self, offset: int, hole: bool) -> Eventual[int]:
        """Return where the next hole or data is."""
        return self._ask(self._seek(offset, hole))

    async def _seek(self, offset: int, hole: bool) -> int:
        if hole:
            found = await self._far.find_hole(offset)
        else:
            found = await self._far.find_data(offset)
        if found is None:
            raise failure(errno.ENXIO)
        return found

    def size(self) -> Eventual[int]:
        """Return the file's size."""
        return self._ask(self._size())

    async def _size(self) -> int:
        return (await self._acts.by_open.getattr(self.opened)).st_size

    def close(self) -> None:
        """Close the file; the far server is told once nothing is under way."""
        if not self._closed:
            self._closed = True
            self._close_if_idle()

    def _ask(self, work: Coroutine[Any, Any, T]) -> Eventual[T]:
        if self._closed:
            work.close()
            raise failure(errno.EBADF)
        return answered(self._counted(work))

    async def _counted(self, work: Coroutine[Any, Any, T]) -> T:
        self._under_way += 1
        try:
            return await work
        finally:
            self._under_way -= 1
            if self._closed:
                self._close_if_idle()

    def _close_if_idle(self) -> None:
        if not self._under_way:
            Task(self._close_far())

    async def _close_far(self) -> None:
        try:
            await self._far.close()
        except NfsError:
            # What was not committed the client will write again: nobody was told that it is stable.
            return


def open_access(read: bool, write: bool) -> int:
    """Return the ``OPEN4_SHARE_ACCESS_`` bits."""
    wanted = t.OPEN4_SHARE_ACCESS_READ if read else 0
    return wanted | (t.OPEN4_SHARE_ACCESS_WRITE if write else 0)

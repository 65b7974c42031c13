"""An open file: reading and writing at offsets, split and spread over the session's slots.

READ puts data into the caller's buffer; over RDMA the server places it there itself. WRITE is
UNSTABLE: the client keeps the data, up to a bound, until a COMMIT confirms that it is on stable
storage (see :mod:`.unstable`).

A :class:`~.file_io.FileIO` moves each piece of data; all other requests go through
:class:`~.operations.by_open.OpenOperations`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.rpcrdma.task import Task, settled
from nfsrdma.xdr.nfs4 import types as t

from .attributes import Stat, encode_attributes
from .cache import Cache, CachedReads
from .errors import NfsError, ProtocolError, make_error
from .file_io import FileIO
from .locks import LOCKS_LOST
from .opens import READ, WRITE, Open
from .operations.by_open import OpenOperations
from .paths import Path
from .quick import Begun, Sent
from .results import ReadResult
from .unstable import Batch, UnstableTable, Written

UNCOMMITTED_MAX: Final = 64 << 20
"""Octets of uncommitted data that one file keeps before it commits by itself."""
OFFSET_END: Final = 1 << 63
"""The first size in octets that no ``off_t`` can express, so that no file can have it."""
PARALLEL: Final = 4
"""READs or WRITEs of one call in flight at a time."""
_NOTHING: Final = memoryview(b"")
_APPENDS_MAX: Final = 1000
"""How often one append is tried while others append too."""
_NO_SEEK: Final = frozenset((t.NFS4ERR_NOTSUPP, t.NFS4ERR_OP_ILLEGAL, t.NFS4ERR_UNION_NOTSUPP))


class OpenFile:
    """An open file. Offsets are explicit; the faces of the API add a position.

    ``rsize`` and ``wsize`` are the largest READ and WRITE in octets. ``files`` lists the file
    until it is closed.
    """

    def __init__(
        self,
        operations: OpenOperations,
        io: FileIO,
        opened: Open,
        path: Path,
        rsize: int,
        wsize: int,
        files: Files,
    ) -> None:
        self.path = path
        self.closed = False
        self._operations = operations
        self._caller = operations.caller
        self._io = io
        self._open = opened
        self._rsize = rsize
        self._wsize = wsize
        self._files = files
        self._unstable = files.unstable.acquire(opened.handle)
        self._can_seek = True
        self.stability: int = t.UNSTABLE4
        """How stable what is written has to be when a write returns (``stable_how4``)."""
        self._goes_on = False
        """Whether the last READs of large pieces did not come to the end of the file."""
        self._appended_to = -1
        """Where the last append through this file has ended."""
        self._appends_alone = False
        """Whether the file still ended there when that was asked last: nobody else appends."""
        self._cached: CachedReads | None = None
        if files.cache is not None:
            self._cached = CachedReads(
                files.cache, opened.handle, self, writable=self.writable, most=rsize
            )
        files.add(self)

    @property
    def handle(self) -> bytes:
        """The NFS file handle."""
        return self._open.handle

    @property
    def readable(self) -> bool:
        """Whether the file is open for reading."""
        return bool(self._open.access & READ)

    @property
    def writable(self) -> bool:
        """Whether the file is open for writing."""
        return bool(self._open.access & WRITE)

    # --- Reading ---

    async def read_at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer``, a writable view of octets, from ``offset`` on.

        Returns the number of octets read, which is smaller than the buffer only at the end of file.
        """
        self._check(READ)
        if self._cached is not None:
            return await self._cached.read_at(offset, buffer)
        unstable, size = self._unstable, len(buffer)
        if size <= self._rsize and not unstable.octets:
            # What nearly always happens; to read again what came short does no harm.
            read = await self._io.read(self._open, offset, buffer, self._where)
            count = read.place(buffer)
            if (count == size or read.eof) and not unstable.octets:
                return count
        return await self.read_through(offset, buffer)

    def begin_read(self, offset: int, buffer: memoryview) -> memoryview | Sent | None:
        """Begin what :meth:`read_at` does, where that is one call and nothing has to be awaited.

        Returns the data, which need not be in ``buffer``, or the call, for :meth:`end_read` once
        its reply is done. None leaves all to :meth:`read_at`, the errors of the arguments as well.
        """
        opened, quick = self._open, self._caller.quick
        if (
            quick is None
            or self._io is not self._operations
            or self._cached is not None
            or self._unstable.octets
            or len(buffer) > self._rsize
            or self.closed
            or not opened.access & READ
            or opened.locks
        ):
            return None
        sent = quick.begin_read(opened, opened.wire_stateid, offset, buffer, self._where)
        if not isinstance(sent, ReadResult):
            return sent
        return self._whole(sent, buffer)

    def end_read(self, sent: Sent, buffer: memoryview) -> memoryview | Begun | None:
        """Return the data of a call whose reply is done.

        That is valid as long as ``sent``, and need not be in ``buffer``. Anything else is for
        :meth:`finish_read`.
        """
        quick = self._caller.quick
        assert quick is not None
        read = quick.ended(sent)
        return read if isinstance(read, Begun) else self._whole(read, buffer)

    def _whole(self, read: ReadResult, buffer: memoryview) -> memoryview | None:
        """Return what was read, if it is all of it."""
        size, count = len(buffer), len(read.data)
        if count > size:
            read.place(buffer)  # which raises
        whole = (count == size or read.eof) and not self._unstable.octets
        return read.data if whole else None

    async def finish_read(
        self, sent: Sent, begun: Begun | None, offset: int, buffer: memoryview
    ) -> int:
        """Fill ``buffer`` as :meth:`read_at` does, after what :meth:`end_read` has said."""
        if begun is not None:
            read = await self._operations.go_on_reading(
                self._open, sent.stateid, offset, buffer, self._where, begun
            )
            count = read.place(buffer)
            if (count == len(buffer) or read.eof) and not self._unstable.octets:
                return count
        return await self.read_through(offset, buffer)

    @property
    def ours_since(self) -> float | None:
        """Since when the server has left the file to this client; None if it has not."""
        delegation = self._open.delegation
        if delegation is None or not self._operations.opens.delegations.is_sure():
            return None
        return delegation.since

    def learn(self, change: int, asked_at: float) -> None:
        """Note the change attribute that OPEN brought, a call that was sent at ``asked_at``."""
        if self._cached is not None:
            self._cached.learn(change, asked_at)

    def bypass(self) -> None:
        """Keep nothing of what is read, and use nothing that is kept."""
        if self._cached is not None:
            self._cached.close()
            self._cached = None

    def distrust(self) -> None:
        """Ask about the file before what is kept of it is read next."""
        if self._cached is not None:
            self._cached.distrust()

    async def read_through(self, offset: int, buffer: memoryview) -> int:
        """Read as :meth:`read_at` does, from the server."""
        self._check(READ)
        unstable = self._unstable
        while True:
            if unstable.octets and self._in_doubt():
                await self.commit()
            mark = self._files.unstable.mark
            if len(buffer) <= self._rsize:
                count = await self._read_piece(offset, buffer)
            else:
                count = await self._read_spread(offset, buffer)
            if not (unstable.octets and self._in_doubt()) and not self._came_again(mark):
                return count

    async def _read_spread(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with several READs in flight, once one was full: most files are short."""
        size, total = len(buffer), 0
        if not self._goes_on:
            total = await self._read_piece(offset, buffer[: self._rsize])
            self._goes_on = total == self._rsize
        if not self._goes_on:
            return total
        starts = range(total, size, self._rsize)
        counts: dict[int, int] = {}

        async def piece(start: int) -> None:
            view = buffer[start : start + self._rsize]
            counts[start] = await self._read_piece(offset + start, view)

        self._several()
        await spread(piece, starts)
        for start in starts:
            total += counts[start]
            if counts[start] < min(self._rsize, size - start):
                self._goes_on = False
                break
        return total

    async def _read_piece(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer``, which is no larger than one READ; a server may still need several."""
        done = 0
        while done < len(buffer):
            view = buffer[done:] if done else buffer
            read = await self._io.read(self._open, offset + done, view, self._where)
            count = read.place(view)
            done += count
            if read.eof:
                break
            if not count:
                # To take this for the end of file would silently drop the rest.
                text = f"nothing to read at {offset + done}, which is not the end of the file"
                raise ProtocolError(errno.EPROTO, text, self.path)
        return done

    async def find_data(self, offset: int) -> int | None:
        """Return where data begins, from ``offset`` on; None if there is none up to the end."""
        return await self._find(t.NFS4_CONTENT_DATA, offset)

    async def find_hole(self, offset: int) -> int | None:
        """Return where a hole begins, from ``offset`` on; None beyond the end of file.

        The end of file counts as a hole.
        """
        return await self._find(t.NFS4_CONTENT_HOLE, offset)

    async def _find(self, what: int, offset: int) -> int | None:
        self._check(READ)
        while True:
            if self._in_doubt():
                await self.commit()
            found = await self._seek(what, offset)
            if not self._in_doubt():
                return found

    async def _seek(self, what: int, offset: int) -> int | None:
        """Call SEEK. If the server lacks it, treat the whole file as data."""
        if self._can_seek and self._caller.minor_version > 1:
            try:
                found = await self._operations.seek(self._open, offset, what, self._where)
            except NfsError as error:
                if error.status == t.NFS4ERR_NXIO:
                    return None
                if error.status not in _NO_SEEK:
                    raise
                self._can_seek = False
            else:
                if found.sr_eof and what == t.NFS4_CONTENT_DATA:
                    return None
                return max(found.sr_offset, offset)
        size = (await self.stat()).st_size
        if offset >= size:
            return None
        return offset if what == t.NFS4_CONTENT_DATA else size

    # --- Writing ---

    async def write_at(self, offset: int, data: memoryview) -> int:
        """Write all of ``data`` at ``offset``; return its length.

        The data has reached the server when this returns, and is stable after :meth:`commit`. It
        must not change before that: callers that cannot guarantee it pass a copy.
        """
        unstable = self._unstable
        async with unstable.writing():
            self._check(WRITE)
            if len(data) <= self._wsize:
                await self._write_piece(offset, data, self._stability())
            else:
                await self._write_spread(offset, data)
        if unstable.octets > (0 if self.stability else UNCOMMITTED_MAX):
            await self.commit()
        return len(data)

    def _stability(self) -> int:
        """Return how stable one WRITE makes its data.

        What was written before and is not stable could come again after a restart, and over this:
        then a COMMIT has to make both stable.
        """
        return t.UNSTABLE4 if self._unstable.octets else self.stability

    async def append(self, data: memoryview) -> int:
        """Write all of ``data`` at the end of file; return the offset.

        As much as one WRITE carries is written at the end even if others append at the same time.
        """
        for _ in range(_APPENDS_MAX):
            if self._in_doubt():
                await self.commit()
            async with self._unstable.writing():
                offset = await self._append(data)
            if offset is not None:
                break
        else:
            raise make_error(errno.EAGAIN, "the end of the file keeps moving", self.path)
        if self._unstable.octets > (0 if self.stability else UNCOMMITTED_MAX):
            await self.commit()
        return offset

    async def _append(self, data: memoryview) -> int | None:
        """Try to append; return None if the end of file has moved, or may not be the real one.

        Who appends alone knows the end; the server compares it in any case.
        """
        self._check(WRITE)
        size = self._appended_to
        if not (self._appends_alone and len(data)):
            size = (await self._operations.getattr(self._open, self._where)).st_size
            if self._in_doubt():
                return None
            self._appends_alone = size == self._appended_to
            if not len(data):
                return size
        first = data[: self._wsize]
        stable = self._stability() if len(first) == len(data) else t.UNSTABLE4
        written = await self._operations.append(self._open, size, first, stable, self._where)
        if written is None:
            self._appends_alone = False
            return None
        count = self._keep(size, first, written)
        if count < len(data):
            await self._write_spread(size + count, data[count:])
        self._appended_to = size + len(data)
        return size

    async def _write_spread(self, offset: int, data: memoryview) -> None:
        async def piece(start: int) -> None:
            await self._write_piece(offset + start, data[start : start + self._wsize])

        self._several()
        await spread(piece, range(0, len(data), self._wsize))

    def _several(self) -> None:
        """Have the pieces that follow in flight together."""
        if self._caller.quick is not None:
            self._caller.quick.several()

    async def _write_piece(self, offset: int, data: memoryview, stable: int = t.UNSTABLE4) -> None:
        while len(data):
            written = await self._io.write(self._open, offset, data, stable, self._where)
            count = self._keep(offset, data, written)
            offset += count
            data = data[count:]

    def _keep(self, offset: int, data: memoryview, written: t.WRITE4resok) -> int:
        """Check the result of a WRITE of ``data``, and keep what is unstable; return the count."""
        count = self._count(data, written)
        if written.committed == t.UNSTABLE4:
            epoch, verifier = self._caller.epoch, written.writeverf
            self._unstable.add(Written(self, epoch, offset, data[:count], verifier))
        return count

    def _count(self, data: memoryview, written: t.WRITE4resok) -> int:
        """Return how many octets a WRITE of ``data`` has written, if that can be."""
        count = written.count
        if not 0 < count <= len(data):
            text = f"WRITE of {len(data)} octets wrote {count}"
            raise ProtocolError(errno.EPROTO, text, self.path)
        return count

    async def write_stable(self, offset: int, data: memoryview) -> None:
        """Write ``data`` to stable storage, as part of a commit that keeps other writes out."""
        await self._write_piece(offset, data, t.FILE_SYNC4)

    async def commit(self) -> None:
        """Commit what was written through any open of the file to stable storage."""
        async with self._unstable.committing() as batch:
            if batch:
                batch.committed(await self._io.commit(self._open, self._where))
                await self._write_again(batch)

    async def _write_again(self, batch: Batch) -> None:
        """Write again, to stable storage, what a restarted server has lost."""
        self._caller.stats.resent_writes += len(batch)
        with self._files.unstable.writing_again(self._open.handle):
            await batch.write_again(self)

    async def conclude(
        self, offset: int, data: memoryview, attributes: t.fattr4 | None = None
    ) -> Stat:
        """Write ``data``, set attributes, and have all that was written stable: in one call.

        If a restart has lost something, that is written again, and then they are set again.
        ``data``, of one WRITE at most, may be empty. Return the new attributes. The size is not
        among those that can be set.
        """
        self._check(WRITE if len(data) else 0)
        async with self._unstable.committing() as batch:
            done = await self._operations.conclude(
                self._open, offset, data, attributes, commit=bool(batch), where=self._where
            )
            count = 0
            if done.written is not None:
                count = self._count(data, done.written)
                if done.written.committed == t.UNSTABLE4:
                    epoch, verifier = self._caller.epoch, done.written.writeverf
                    batch.add(Written(self, epoch, offset, data[:count], verifier))
            if batch and done.refused is None:
                batch.committed(done.verifier)
            elif batch:
                batch.committed(await self._io.commit(self._open, self._where))
            if done.status is not None and count == len(data) and not batch:
                return done.status
            if batch:
                await self._write_again(batch)
            await self._write_piece(offset + count, data[count:], t.FILE_SYNC4)
            if done.refused is not None:
                raise done.refused
            if attributes is None:
                return await self._operations.getattr(self._open, self._where)
            return await self._operations.setattr(self._open, attributes, self._where)

    # --- Attributes ---

    async def stat(self) -> Stat:
        """Return the attributes."""
        self._check(0)
        unstable = self._unstable
        while True:
            if unstable.octets and self._in_doubt():
                await self.commit()
            mark = self._files.unstable.mark
            status = await self._operations.getattr(self._open, self._where)
            if not (unstable.octets and self._in_doubt()) and not self._came_again(mark):
                return status

    async def truncate(self, size: int) -> Stat:
        """Make the file ``size`` octets long; return its new attributes."""
        self._check(WRITE)
        if size < 0:
            raise make_error(errno.EINVAL, "a size below 0", self.path)
        if size >= OFFSET_END:
            raise OverflowError(f"{size} octets are more than a file can have")
        # Data beyond must not come back after a restart.
        await self.commit()
        return await self._operations.setattr(self._open, encode_attributes(size=size), self._where)

    async def set_attributes(self, attributes: t.fattr4) -> Stat:
        """Set attributes other than the size; return the new attributes.

        What was written before is stable then: see :meth:`.unstable.Unstable.settle`.
        """
        self._check(0)
        if self.writable and self._unstable.octets:
            return await self.conclude(0, _NOTHING, attributes)
        await self._unstable.settle()
        return await self._operations.setattr(self._open, attributes, self._where)

    async def allocate(self, offset: int, length: int) -> Stat:
        """Reserve room for a range, growing the file if need be; return the attributes."""
        self._check(WRITE)
        return await self._operations.allocate(self._open, offset, length, self._where)

    async def deallocate(self, offset: int, length: int) -> Stat:
        """Make a range a hole; return its new attributes."""
        self._check(WRITE)
        # Data in the range must not come back after a restart.
        await self.commit()
        return await self._operations.deallocate(self._open, offset, length, self._where)

    # --- Closing ---

    async def close(self, *, attributes: bool = False) -> Stat | None:
        """Commit what was written, and close. Closing again does nothing.

        The file is closed even if this raises, which it does if data may have been lost. With
        ``attributes``, the same call fetches the file's attributes, which are returned.
        """
        if self.closed:
            return None
        self.closed = True
        if self._caller.abandoned is not None:
            return None
        if self._cached is not None:
            await self._cached.finish()
        async with self._unstable.committing() as batch:
            try:
                return await self._close(batch, attributes)
            except BaseException:
                # Nothing can commit this open's own data any more: this error reports the loss.
                batch.disown(self)
                raise
            finally:
                self._operations.opens.discard(self._open)
                self._files.discard(self)
                self._files.unstable.release(self._open.handle)
                if self._cached is not None:
                    self._cached.close()

    async def _close(self, batch: Batch, attributes: bool) -> Stat | None:
        commit = self.writable and bool(batch)
        closed = await self._operations.close(
            self._open, commit=commit, attributes=attributes, where=self._where
        )
        if not commit:
            return closed.status
        batch.committed(closed.verifier)
        if batch:
            # The server has lost data, and the file is closed: open it again to write that.
            await self._operations.reopen(self._open, self._where)
            await self._write_again(batch)
            closed = await self._operations.close(
                self._open, attributes=attributes, where=self._where
            )
        return closed.status

    def abandon(self) -> None:
        """Wait for no call any more: the mount belongs to another process."""
        self._unstable.abandon()

    @property
    def left_open(self) -> bool:
        """Whether the file still has to be closed."""
        return not self.closed and self._caller.abandoned is None

    @property
    def opened(self) -> Open:
        """The open at the server, for operations on it."""
        return self._open

    @property
    def operations(self) -> OpenOperations:
        """The operations on opens, of the user who opened the file."""
        return self._operations

    def _where(self) -> Path:
        return self.path

    def _check(self, access: int) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if access & ~self._open.access:
            how = "reading" if access == READ else "writing"
            raise make_error(errno.EBADF, f"not open for {how}", self.path)
        if access and self._open.locks and self._open.locks_lost:
            raise make_error(errno.EIO, LOCKS_LOST, self.path)

    def _in_doubt(self) -> bool:
        """Return whether a restart of the server may have lost data: commit before looking."""
        return self._unstable.in_doubt(self._caller.epoch)

    def _came_again(self, mark: int) -> bool:
        """Return whether lost data was written again since ``mark``: look once more."""
        return self._files.unstable.came_again(self._open.handle, mark)


class Files:
    """The open files of a mount, in the order in which they were opened.

    ``cache`` keeps what they read, if there is one.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache: Final = cache
        self.unstable = UnstableTable()
        self._open: dict[OpenFile, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def all(self) -> list[OpenFile]:
        """Return all of them."""
        return list(self._open)

    def cut(self, handle: bytes, size: int) -> None:
        """Note that this client has truncated a file by its handle."""
        self.unstable.cut(handle, size)
        if self.cache is not None:
            self.cache.changed(handle)

    def add(self, file: OpenFile) -> None:
        """Note that a file was opened."""
        self._open[file] = None

    def discard(self, file: OpenFile) -> None:
        """Note that a file was closed."""
        self._open.pop(file, None)


async def spread(
    piece: Callable[[int], Coroutine[Any, Any, None]], starts: range, parallel: int = PARALLEL
) -> None:
    """Run ``piece`` on every start, ``parallel`` at a time.

    After a failure no further piece begins; the first error is raised when all have ended.
    """
    pending = iter(starts)
    failure: list[BaseException] = []

    async def worker() -> None:
        for start in pending:
            if failure:
                return
            try:
                await piece(start)
            except BaseException as error:
                failure.append(error)
                raise

    tasks = [Task(worker()) for _ in range(min(parallel, len(starts)))]
    try:
        for task in tasks:
            await settled(task)
    except BaseException:
        for task in tasks:
            task.cancel()
        for task in tasks:
            while not task.done():
                await settled(task)
        raise
    if failure:
        raise failure[0]

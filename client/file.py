"""An open file: reading and writing at offsets, split and spread over the session's slots.

Data of a READ goes into the caller's buffer; over RDMA the server puts it there itself. Data of a
WRITE is acknowledged UNSTABLE, and the client keeps it until a COMMIT says that it is on stable
storage; see :mod:`.unstable`. How much is kept is bounded.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from nfsrdma.rpcrdma.task import Task, settled
from nfsrdma.xdr.nfs4 import types as t

from .attributes import Stat, encode_attributes
from .compound import Compound
from .errors import NfsError, ProtocolError, StatusError, make_error, name_file, status_error
from .opens import READ, STATE_LOST, WRITE, Open, OpenTable
from .session import Session
from .unstable import Files, Written

T = TypeVar("T")

UNCOMMITTED_MAX: Final = 64 << 20
"""Octets written but not committed that a file keeps."""
OFFSET_END: Final = 1 << 63
"""No file has so many octets, as no ``off_t`` can say so."""
PARALLEL: Final = 4
"""READs or WRITEs of one call that are under way at a time."""
_REOPENS_MAX: Final = 8
_NO_SEEK: Final = frozenset((t.NFS4ERR_NOTSUPP, t.NFS4ERR_OP_ILLEGAL, t.NFS4ERR_UNION_NOTSUPP))


class OpenFile:
    """A file of the server, open. Offsets are explicit; faces with a position build on it.

    ``rsize`` and ``wsize`` are the most octets that one READ or WRITE carries; ``files`` has
    the file until it is closed.
    """

    def __init__(
        self,
        session: Session,
        opens: OpenTable,
        opened: Open,
        path: str | bytes,
        rsize: int,
        wsize: int,
        files: Files,
    ) -> None:
        self.path = path
        self.closed = False
        self._session = session
        self._opens = opens
        self._open = opened
        self._rsize = rsize
        self._wsize = wsize
        self._files = files
        self._unstable = files.enter(self)
        self._can_seek = True

    @property
    def handle(self) -> bytes:
        """The NFS file handle."""
        return self._open.handle

    @property
    def readable(self) -> bool:
        return bool(self._open.access & READ)

    @property
    def writable(self) -> bool:
        return bool(self._open.access & WRITE)

    # -- reading -----------------------------------------------------------------------------

    async def read_at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on; fewer octets than it has only at the end of file.

        Returns how many. ``buffer`` is a writable view of octets.
        """
        self._check(READ)
        return await self._current(lambda: self._read(offset, buffer))

    async def _read(self, offset: int, buffer: memoryview) -> int:
        size = len(buffer)
        if size <= self._rsize:
            return await self._read_piece(offset, buffer)
        counts: dict[int, int] = {}

        async def piece(start: int) -> None:
            view = buffer[start : start + self._rsize]
            counts[start] = await self._read_piece(offset + start, view)

        await spread(piece, range(0, size, self._rsize))
        total = 0
        for start in range(0, size, self._rsize):
            total += counts[start]
            if counts[start] < min(self._rsize, size - start):
                break
        return total

    async def _read_piece(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer``, which one READ can fill, though a server may use several."""
        done = 0
        while done < len(buffer):
            view = buffer[done:] if done else buffer
            compound = self._compound("READ")
            read = compound.read(self._open.wire_stateid, offset + done, view)
            await self._call(compound)
            count = read.value.place(view)
            done += count
            if read.value.eof:
                break
            if not count:
                # Taken for the end it would cut off the rest of the file without a word.
                text = f"nothing to read at {offset + done}, which is not the end of the file"
                raise ProtocolError(errno.EPROTO, text, self.path)
        return done

    async def find_data(self, offset: int) -> int | None:
        """Where data begins, from ``offset`` on; None if there is none up to the end of file."""
        self._check(READ)
        return await self._current(lambda: self._seek(t.NFS4_CONTENT_DATA, offset))

    async def find_hole(self, offset: int) -> int | None:
        """Where a hole begins, from ``offset`` on, the end of file being one; None beyond it."""
        self._check(READ)
        return await self._current(lambda: self._seek(t.NFS4_CONTENT_HOLE, offset))

    async def _seek(self, what: int, offset: int) -> int | None:
        """SEEK. Without it a file is all data, as in file systems that know no holes."""
        if self._can_seek and self._session.header.minor_version > 1:
            compound = self._compound("SEEK")
            sought = compound.seek(self._open.wire_stateid, offset, what)
            try:
                await self._call(compound)
            except NfsError as error:
                if error.status == t.NFS4ERR_NXIO:
                    return None
                if error.status not in _NO_SEEK:
                    raise
                self._can_seek = False
            else:
                if sought.value.sr_eof and what == t.NFS4_CONTENT_DATA:
                    return None
                return max(sought.value.sr_offset, offset)
        size = (await self.stat()).st_size
        if offset >= size:
            return None
        return offset if what == t.NFS4_CONTENT_DATA else size

    # -- writing -----------------------------------------------------------------------------

    async def write_at(self, offset: int, data: memoryview) -> int:
        """Write all of ``data`` at ``offset``; returns its length.

        The data is at the server when this returns, and stable after :meth:`commit`. It must
        not change before that: a caller that cannot promise it passes a copy.
        """
        unstable = self._unstable
        await unstable.no_commit()
        self._check(WRITE)
        unstable.write_begins()
        try:
            if len(data) <= self._wsize:
                await self._write_piece(offset, data)
            else:

                async def piece(start: int) -> None:
                    await self._write_piece(offset + start, data[start : start + self._wsize])

                await spread(piece, range(0, len(data), self._wsize))
        finally:
            unstable.write_ended()
        if unstable.octets > UNCOMMITTED_MAX:
            await self.commit()
        return len(data)

    async def _write_piece(self, offset: int, data: memoryview, stable: int = t.UNSTABLE4) -> None:
        while len(data):
            compound = self._compound("WRITE")
            answer = compound.write(self._open.wire_stateid, offset, stable, data)
            await self._call(compound)
            written = answer.value
            count = written.count
            if not 0 < count <= len(data):
                text = f"WRITE of {len(data)} octets wrote {count}"
                raise ProtocolError(errno.EPROTO, text, self.path)
            if written.committed == t.UNSTABLE4:
                session_id = self._session.session_id
                verifier = written.writeverf
                self._unstable.add(Written(self, session_id, offset, data[:count], verifier))
            offset += count
            data = data[count:]

    async def commit(self) -> None:
        """Have everything that was written on stable storage when this returns.

        That is what all opens of the file have written.
        """
        unstable = self._unstable
        await unstable.stop_writers()
        try:
            batch = unstable.take()
            if not batch:
                return
            try:
                compound = self._compound("COMMIT")
                verifier = compound.commit()
                await self._call(compound)
                await self._write_again(batch, verifier.value)
            except BaseException:
                unstable.put_back(batch)
                raise
        finally:
            unstable.let_write()

    async def _write_again(self, batch: list[Written], verifier: bytes) -> None:
        """Write, stable at once, what a server with another verifier has not kept.

        And what was written after that: it may overlap, and has to win. What is stable is taken
        out of ``batch``.
        """
        while batch and batch[0].verifier == verifier:
            del batch[0]
        self._session.stats.resent_writes += len(batch)
        while batch:
            item = batch[0]
            writer = self if self.writable else item.writer
            await writer._write_piece(item.offset, item.data, t.FILE_SYNC4)
            del batch[0]

    async def _current(self, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Look at the file, but not at one that a restart of the server has set back."""
        while True:
            if self._unstable.in_doubt(self._session.session_id):
                await self.commit()
            result = await look()
            if not self._unstable.in_doubt(self._session.session_id):
                return result

    # -- the rest ----------------------------------------------------------------------------

    async def stat(self) -> Stat:
        """The attributes."""
        self._check(0)
        return await self._current(self._stat)

    async def _stat(self) -> Stat:
        compound = self._compound("GETATTR")
        status = compound.stat()
        await self._call(compound)
        return status.value

    async def truncate(self, size: int) -> None:
        """Make the file ``size`` octets long."""
        self._check(WRITE)
        if size < 0:
            raise make_error(errno.EINVAL, "a size below 0", self.path)
        if size >= OFFSET_END:
            raise OverflowError(f"{size} octets are more than a file can have")
        # What was written beyond must not come back after a restart.
        await self.commit()
        compound = self._compound("SETATTR")
        compound.setattr(self._open.wire_stateid, encode_attributes(size=size))
        await self._call(compound)

    async def close(self) -> None:
        """Commit what was written, and close. Harmless to repeat.

        The file is closed even if this raises, which it does if data may have been lost.
        """
        if self.closed:
            return
        self.closed = True
        if self._session.abandoned is not None:
            return
        unstable = self._unstable
        await unstable.stop_writers()
        batch = unstable.take() if self.writable else []
        try:
            verifier = await self._close(commit=bool(batch))
            if batch and any(item.verifier != verifier for item in batch):
                await self._rescue(batch, verifier)
        except BaseException:
            # What is ours nobody will ask for any more.
            unstable.put_back([item for item in batch if item.writer is not self])
            raise
        finally:
            self._opens.discard(self._open)
            self._files.leave(self, unstable)
            unstable.let_write()

    async def _close(self, commit: bool) -> bytes:
        """CLOSE, and COMMIT in the same call if there is a need: the write verifier."""
        attempts = 0
        while True:
            attempts += 1
            stateid = self._open.wire_stateid
            compound = self._compound("CLOSE")
            verifier = compound.commit() if commit else None
            compound.close(stateid)
            try:
                await self._session.call(compound)
            except StatusError as error:
                if error.status not in STATE_LOST or error.operation != t.OP_CLOSE:
                    raise status_error(error.status, path=self.path) from error
                if stateid != self._open.wire_stateid and attempts < _REOPENS_MAX:
                    continue  # it was reclaimed meanwhile
                # The server has closed it in its own way; only the data mattered.
            return verifier.value if verifier is not None else b""

    async def _rescue(self, batch: list[Written], verifier: bytes) -> None:
        """The file is closed, but the server had forgotten data: open it again and write that."""
        claim = t.open_claim4(t.CLAIM_FH)
        compound = self._compound("OPEN")
        opened = compound.open(self._opens.arguments(self._open.owner, WRITE, claim))
        try:
            await self._session.call(compound)
            self._open.set_stateid(opened.value.stateid)
            await self._write_again(batch, verifier)
        except StatusError as error:
            raise status_error(error.status, path=self.path) from error
        await self._close(commit=False)

    def abandon(self) -> None:
        """The mount is another's, and so is whoever was at work on the file."""
        self._unstable.abandon()

    @property
    def left_open(self) -> bool:
        """Whether somebody has to close it."""
        return not self.closed and self._session.abandoned is None

    def _check(self, access: int) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if access & ~self._open.access:
            how = "reading" if access == READ else "writing"
            raise make_error(errno.EBADF, f"not open for {how}", self.path)

    def _compound(self, name: str) -> Compound:
        """Begin a compound at the file."""
        compound = self._session.compound(name)
        compound.putfh(self._open.handle)
        return compound

    async def _call(self, compound: Compound) -> None:
        """Execute a compound; again, with a new open, if the server has lost this one."""
        stateid = self._open.wire_stateid
        reopened = 0
        while True:
            try:
                await self._session.call(compound)
                return
            except StatusError as error:
                if error.status not in STATE_LOST or reopened == _REOPENS_MAX:
                    raise status_error(error.status, path=self.path) from error
                await self._reopen(stateid, error)
            except NfsError as error:
                name_file(error, lambda: self.path)
                raise
            reopened += 1
            stateid = self._open.wire_stateid
            compound.restate(stateid)

    async def _reopen(self, stateid: bytes, cause: StatusError) -> None:
        try:
            await self._opens.reopen(self._open, stateid, cause.status)
        except StatusError as error:
            raise status_error(error.status, path=self.path) from error


async def spread(
    piece: Callable[[int], Coroutine[Any, Any, None]], starts: range, parallel: int = PARALLEL
) -> None:
    """Run ``piece`` on every start, ``parallel`` at a time; the first error once all ended.

    No further piece is begun after one failed.
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

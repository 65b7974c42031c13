"""Data that was written, but is not on stable storage yet, and is kept until it is.

A server that restarts loses such data, which a changed write verifier shows; then the client writes
it again (RFC 8881, Section 18.3.4). All opens of a file share this data: a COMMIT through any of
them covers what all have written. Data has to be written again in its original order, across all
opens: otherwise old data of one open would replace newer data of another.

Writes and commits of a file exclude each other like readers and writers of a lock: many writes may
be in progress (:meth:`Unstable.writing`), or one commit (:meth:`Unstable.committing`).
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Protocol

from nfsrdma.rpcrdma.task import Future, settled


class Writer(Protocol):
    """An open file that data was written through."""

    @property
    def writable(self) -> bool:
        """Whether it is open for writing."""

    async def write_stable(self, offset: int, data: memoryview) -> None:
        """Write ``data`` to stable storage."""

    async def commit(self) -> None:
        """Commit what was written through any open of the file."""


class Written:
    """Data that ``writer`` wrote in an epoch of the server, and the reply's verifier."""

    __slots__ = ("data", "epoch", "offset", "verifier", "writer")

    def __init__(
        self, writer: Writer, epoch: bytes, offset: int, data: memoryview, verifier: bytes
    ) -> None:
        self.writer = writer
        self.epoch = epoch
        self.offset = offset
        self.data = data
        self.verifier = verifier


class Batch:
    """The data of one commit, in the order of writing."""

    __slots__ = ("_items",)

    def __init__(self, items: deque[Written]) -> None:
        self._items = items

    def __bool__(self) -> bool:
        return bool(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Written) -> None:
        """Add data that was written by the call that commits it."""
        self._items.append(item)

    def committed(self, verifier: bytes) -> None:
        """Drop the data that a COMMIT with the result ``verifier`` has made stable.

        From the first item on that a restart has lost, everything stays: later data may overlap
        it, and has to be written last.
        """
        items = self._items
        while items and items[0].verifier == verifier:
            items.popleft()

    async def write_again(self, writer: Writer) -> None:
        """Write what is left to stable storage, through ``writer`` if it is open for writing."""
        items = self._items
        while items:
            item = items[0]
            chosen = writer if writer.writable else item.writer
            await chosen.write_stable(item.offset, item.data)
            items.popleft()

    def disown(self, writer: Writer) -> None:
        """Drop what was written through ``writer``, which is closed and raises an error."""
        self._items = deque(item for item in self._items if item.writer is not writer)

    def take(self) -> deque[Written]:
        """Take what is left."""
        items, self._items = self._items, deque()
        return items


class Unstable:
    """The unstable data of one file, in the order of writing."""

    __slots__ = (
        "_committing",
        "_items",
        "_writers",
        "_writers_gone",
        "_writing",
        "octets",
        "users",
    )

    def __init__(self) -> None:
        self.octets = 0
        """The size of the data in octets."""
        self.users = 0
        """The number of opens of the file."""
        self._items: deque[Written] = deque()
        self._committing: Future[None] | None = None  # no write begins meanwhile
        self._writers = 0
        self._writers_gone: Future[None] | None = None
        self._writing = _Writing(self)

    def in_doubt(self, epoch: bytes) -> bool:
        """Return whether any data is older than ``epoch``, so that a restart may have lost it."""
        return bool(self._items) and self._items[0].epoch != epoch

    def add(self, item: Written) -> None:
        """Add data that was just written."""
        self._items.append(item)
        self.octets += len(item.data)

    def cut(self, size: int) -> None:
        """Drop data beyond ``size``, to which the file was truncated: it must not come back."""
        items, self._items = self._items, deque()
        self.octets = 0
        for item in items:
            item.data = item.data[: max(0, size - item.offset)]
            if len(item.data):
                self.add(item)

    @property
    def unsettled(self) -> bool:
        """Whether :meth:`settle` has anything to do."""
        return bool(self._items) or self._committing is not None

    async def settle(self) -> None:
        """Make everything stable, so that nothing is written again after what comes next.

        A change of attributes is like that: data that is written again has another time of
        modification, and takes privileges (set-user-ID) away. What cannot be made stable stays, and
        whoever commits or closes is told.
        """
        if self._items:
            with suppress(OSError):
                await self._items[0].writer.commit()
        else:
            await self._no_commit()

    def abandon(self) -> None:
        """Wait for no write or commit any more: they belong to another process."""
        self._committing = self._writers_gone = None
        self._writers = 0

    def writing(self) -> _Writing:
        """Return a context that keeps commits out: ``async with unstable.writing(): ...``."""
        return self._writing

    def committing(self) -> _Committing:
        """Return a context that keeps writes and other commits out, and takes the data.

        ``async with unstable.committing() as batch: ...``. At the end of the context, data that is
        left in the batch is kept as before.
        """
        return _Committing(self)

    # --- The lock ---

    async def _no_commit(self) -> None:
        while self._committing is not None:
            await settled(self._committing)

    def _write_ended(self) -> None:
        self._writers -= 1
        if not self._writers and self._writers_gone is not None:
            self._writers_gone.set_result(None)

    async def _stop_writers(self) -> None:
        await self._no_commit()
        self._committing = Future()
        if self._writers:
            self._writers_gone = Future()
            try:
                await self._writers_gone
            except BaseException:
                self._let_write()
                raise
            finally:
                self._writers_gone = None

    def _let_write(self) -> None:
        committing, self._committing = self._committing, None
        if committing is not None:
            committing.set_result(None)

    def _take(self) -> Batch:
        batch = Batch(self._items)
        self._items = deque()
        self.octets = 0
        return batch

    def _put_back(self, batch: Batch) -> None:
        items = batch.take()
        self.octets += sum(len(item.data) for item in items)
        items.extend(self._items)
        self._items = items


class _Writing:
    """The shared side of the lock."""

    __slots__ = ("_unstable",)

    def __init__(self, unstable: Unstable) -> None:
        self._unstable = unstable

    async def __aenter__(self) -> None:
        unstable = self._unstable
        if unstable._committing is not None:
            await unstable._no_commit()
        unstable._writers += 1

    async def __aexit__(self, *_: object) -> None:
        self._unstable._write_ended()


class _Committing:
    """The exclusive side of the lock."""

    __slots__ = ("_batch", "_unstable")

    def __init__(self, unstable: Unstable) -> None:
        self._unstable = unstable

    async def __aenter__(self) -> Batch:
        await self._unstable._stop_writers()
        self._batch = self._unstable._take()
        return self._batch

    async def __aexit__(self, *_: object) -> None:
        self._unstable._put_back(self._batch)
        self._unstable._let_write()


class UnstableTable:
    """The unstable data of a mount's open files, by file handle."""

    def __init__(self) -> None:
        self._files: dict[bytes, Unstable] = {}

    def acquire(self, handle: bytes) -> Unstable:
        """Return the data that an open of a file shares with its other opens."""
        unstable = self._files.get(handle)
        if unstable is None:
            unstable = self._files[handle] = Unstable()
        unstable.users += 1
        return unstable

    def release(self, handle: bytes) -> None:
        """Release it when the open is closed."""
        unstable = self._files[handle]
        unstable.users -= 1
        if not unstable.users:
            del self._files[handle]

    def __bool__(self) -> bool:
        """Return whether there is anything that a change of attributes has to wait for."""
        return any(unstable.unsettled for unstable in self._files.values())

    async def settle(self, handle: bytes) -> None:
        """Make what was written to a file stable: see :meth:`Unstable.settle`."""
        unstable = self._files.get(handle)
        if unstable is not None:
            await unstable.settle()

    def cut(self, handle: bytes, size: int) -> None:
        """Note that a file was truncated by its handle."""
        unstable = self._files.get(handle)
        if unstable is not None:
            unstable.cut(size)

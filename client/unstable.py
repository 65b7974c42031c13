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
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from typing import Final, Protocol

from nfsrdma.rpcrdma.task import Future, settled

_AGAIN_MAX: Final = 1024
"""Files of which it is remembered that they were written again."""


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
            if items and items[0] is item:  # It may have been cut off meanwhile.
                items.popleft()

    @property
    def first(self) -> Written | None:
        """What was written first of what is left."""
        return self._items[0] if self._items else None

    def disown(self, writer: Writer) -> None:
        """Drop what was written through ``writer``, which is closed and raises an error."""
        self._items = deque(item for item in self._items if item.writer is not writer)

    def cut(self, size: int) -> None:
        """Drop data beyond ``size``."""
        kept = _within(self._items, size)
        self._items.clear()
        self._items.extend(kept)

    def take(self) -> deque[Written]:
        """Take what is left."""
        items, self._items = self._items, deque()
        return items


def _within(items: Iterable[Written], size: int) -> list[Written]:
    """Return what is left of data if the file is cut to ``size``."""
    kept: list[Written] = []
    for item in items:
        item.data = item.data[: max(0, size - item.offset)]
        if len(item.data):
            kept.append(item)
    return kept


class Unstable:
    """The unstable data of one file, in the order of writing."""

    __slots__ = (
        "_batch",
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
        """The size of the data in octets, that of a commit under way included."""
        self.users = 0
        """The number of opens of the file."""
        self._items: deque[Written] = deque()
        self._batch: Batch | None = None
        """What is being committed."""
        self._committing: Future[None] | None = None  # no write begins meanwhile
        self._writers = 0
        self._writers_gone: Future[None] | None = None
        self._writing = _Writing(self)

    def in_doubt(self, epoch: bytes) -> bool:
        """Return whether any data is older than ``epoch``, so that a restart may have lost it.

        Also while a commit finds that out, and writes it again.
        """
        first = self._items[0] if self._items else None
        if self._batch is not None:
            first = self._batch.first or first
        return first is not None and first.epoch != epoch

    def add(self, item: Written) -> None:
        """Add data that was just written."""
        self._items.append(item)
        self.octets += len(item.data)

    def cut(self, size: int) -> None:
        """Drop data beyond ``size``, to which the file was truncated: it must not come back."""
        self._items = deque(_within(self._items, size))
        if self._batch is not None:
            self._batch.cut(size)
        else:
            self.octets = sum(len(item.data) for item in self._items)

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
            await self.no_commit()

    async def restore(self) -> None:
        """Have it written again if a restart has lost it. Raises what a commit does."""
        await self.no_commit()
        if self._items:
            await self._items[0].writer.commit()

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

    async def no_commit(self) -> None:
        """Wait until nothing is being committed."""
        while self._committing is not None:
            await settled(self._committing)

    def _write_ended(self) -> None:
        self._writers -= 1
        if not self._writers and self._writers_gone is not None:
            self._writers_gone.set_result(None)

    async def _stop_writers(self) -> None:
        await self.no_commit()
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
        batch = self._batch = Batch(self._items)
        self._items = deque()
        return batch

    def _put_back(self, batch: Batch) -> None:
        items = batch.take()
        items.extend(self._items)
        self._items = items
        self.octets = sum(len(item.data) for item in items)
        self._batch = None


class _Writing:
    """The shared side of the lock."""

    __slots__ = ("_unstable",)

    def __init__(self, unstable: Unstable) -> None:
        self._unstable = unstable

    async def __aenter__(self) -> None:
        unstable = self._unstable
        if unstable._committing is not None:
            await unstable.no_commit()
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
        self._sure_of = b""
        """The last epoch of the server before which no data was left."""
        self._again: dict[bytes, float] = {}
        """When files were written again, by the number of times that any was; or that they are."""
        self._times = 0

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

    def in_doubt(self, epoch: bytes, mark: int) -> bool:
        """Return whether a restart before ``epoch`` may have lost data of any file.

        Who has looked at a file since ``mark``, by its path or its handle, may not have seen that
        data. Then it asks :meth:`restore`.
        """
        if epoch == self._sure_of:
            return self._times != mark
        if any(unstable.in_doubt(epoch) for unstable in self._files.values()):
            return True
        self._sure_of = epoch  # What is written from now on is no older.
        return self._times != mark

    async def restore(self, handle: bytes, epoch: bytes, mark: int) -> bool:
        """Write again what a restart has lost of a file, if that has not been done since ``mark``.

        Return whether it has been done, so that what was seen of the file is to be looked at
        again. Raises what a commit does.
        """
        unstable = self._files.get(handle)
        if unstable is not None and unstable.in_doubt(epoch):
            await unstable.restore()
            return True
        return self.came_again(handle, mark)

    async def restored(self, handle: bytes, epoch: bytes, mark: int) -> bool:
        """Do the same for who looks at attributes: a failure is told to who commits or closes."""
        with suppress(OSError):
            return await self.restore(handle, epoch, mark)
        return False

    @contextmanager
    def writing_again(self, handle: bytes) -> Iterator[None]:
        """For the block: what a restart has lost of a file is written again."""
        if len(self._again) >= _AGAIN_MAX:
            self._again = {file: since for file, since in self._again.items() if since == inf}
        self._again[handle] = inf
        try:
            yield
        finally:
            self._times += 1
            self._again[handle] = self._times

    @property
    def mark(self) -> int:
        """A moment."""
        return self._times

    def came_again(self, handle: bytes, mark: int) -> bool:
        """Return whether data of a file was written again since ``mark``, or is just now."""
        return self._again.get(handle, 0) > mark

    async def disturbed(self, handle: bytes, mark: int) -> bool:
        """Return whether old data may have been written over what came new since ``mark``.

        Who replaces a file's contents by its path knows the file only afterwards, so that it cannot
        wait for that beforehand. It has to do it again, and no old data is left by then.
        """
        if not self.came_again(handle, mark):
            return False
        unstable = self._files.get(handle)
        if unstable is not None:
            await unstable.no_commit()
        return True

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

"""What was written and is in the server's memory only, kept until it is on stable storage.

A server that restarts forgets it, which its changed write verifier tells, and then it is written
again (RFC 8881, Section 18.3.4). All opens of a file share what is kept of it: a COMMIT by any of
them covers what all have written, and what has to be written again must be so in the order in
which it was written first, whoever wrote it. Otherwise old data of one open would replace newer
data of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nfsrdma.rpcrdma.task import Future, settled

if TYPE_CHECKING:
    from .file import OpenFile


class Written:
    """Data that ``writer`` wrote in a session, and the verifier that came with the answer."""

    __slots__ = ("data", "offset", "session_id", "verifier", "writer")

    def __init__(
        self, writer: OpenFile, session_id: bytes, offset: int, data: memoryview, verifier: bytes
    ) -> None:
        self.writer = writer
        self.session_id = session_id
        self.offset = offset
        self.data = data
        self.verifier = verifier


class Unstable:
    """What one file has in the server's memory, in the order in which it was written.

    Those who write announce it, so that a commit can keep them out.
    """

    __slots__ = ("_committing", "_items", "_writers", "_writers_gone", "octets", "users")

    def __init__(self) -> None:
        self.octets = 0
        """How much that is."""
        self.users = 0
        """Opens of the file."""
        self._items: list[Written] = []
        self._committing: Future[None] | None = None  # no write begins meanwhile
        self._writers = 0
        self._writers_gone: Future[None] | None = None

    def in_doubt(self, session_id: bytes) -> bool:
        """Whether anything was written before the present session: a restart has lost it then."""
        return bool(self._items) and self._items[0].session_id != session_id

    def add(self, item: Written) -> None:
        self._items.append(item)
        self.octets += len(item.data)

    def take(self) -> list[Written]:
        """Take all of it, to commit it."""
        batch, self._items = self._items, []
        self.octets = 0
        return batch

    def put_back(self, batch: list[Written]) -> None:
        """It could not be committed."""
        self._items = batch + self._items
        self.octets += sum(len(item.data) for item in batch)

    def abandon(self) -> None:
        """Those who write and commit are in another process: wait for none of them."""
        self._committing = self._writers_gone = None
        self._writers = 0

    def cut(self, size: int) -> None:
        """The file was cut to ``size`` octets: what was beyond must not come back."""
        for item in self.take():
            item.data = item.data[: max(0, size - item.offset)]
            if len(item.data):
                self.add(item)

    async def no_commit(self) -> None:
        """Wait until a write may begin."""
        while self._committing is not None:
            await settled(self._committing)

    def write_begins(self) -> None:
        self._writers += 1

    def write_ended(self) -> None:
        self._writers -= 1
        if not self._writers and self._writers_gone is not None:
            self._writers_gone.set_result(None)

    async def stop_writers(self) -> None:
        """Wait until no write is under way, and let none begin before :meth:`let_write`."""
        await self.no_commit()
        self._committing = Future()
        if self._writers:
            self._writers_gone = Future()
            try:
                await self._writers_gone
            except BaseException:
                self.let_write()
                raise
            finally:
                self._writers_gone = None

    def let_write(self) -> None:
        committing, self._committing = self._committing, None
        if committing is not None:
            committing.set_result(None)


class Files:
    """The open files of a mount, in the order in which they were opened."""

    def __init__(self) -> None:
        self._open: dict[OpenFile, None] = {}
        self._unstable: dict[bytes, Unstable] = {}

    def __len__(self) -> int:
        return len(self._open)

    def all(self) -> list[OpenFile]:
        return list(self._open)

    def enter(self, file: OpenFile) -> Unstable:
        """A file was opened; what it shares with the other opens of that file."""
        self._open[file] = None
        unstable = self._unstable.get(file.handle)
        if unstable is None:
            unstable = self._unstable[file.handle] = Unstable()
        unstable.users += 1
        return unstable

    def leave(self, file: OpenFile, unstable: Unstable) -> None:
        """It was closed."""
        del self._open[file]
        unstable.users -= 1
        if not unstable.users:
            del self._unstable[file.handle]

    def cut(self, handle: bytes, size: int) -> None:
        """The file with this handle was cut, not through an open of ours."""
        unstable = self._unstable.get(handle)
        if unstable is not None:
            unstable.cut(size)

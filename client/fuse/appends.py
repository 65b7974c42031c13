"""Appends that are answered before the server has them.

Where a file ends only the server knows, so an append is a call of its own, and one after the other:
a program that writes a log line by line would wait for each. Here it waits for none. What comes
while one append is on its way is gathered for a moment, and goes as one.

Each :class:`Batch` is at the end of the file as a whole, in the order in which programs wrote,
through whichever open that was. Who wants to see what was appended, by reading, attributes, locks,
fsync or close, waits for it first (:mod:`.behind`), and errors come as they do with other WRITEs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.rpcrdma.task import Future, Task, settled

from ..nodes import Node
from .handles import FileHandle

GATHERED_MAX: Final = 1 << 20
"""Octets of appends that go together at most."""
BATCHES_MAX: Final = 16
"""What is on its way, or waits for that, for one file."""
GATHERED_S: Final = 0.005
"""For how long appends are gathered, unless somebody waits for them."""
_SMALL: Final = 128 << 10
"""The size below which an append goes with others."""

Carry = Callable[[FileHandle, memoryview], Coroutine[Any, Any, object]]
"""Appends at the server; it notes what goes wrong, and raises nothing."""
Pause = Callable[[float], Coroutine[Any, Any, object]]
"""Waits for so many seconds."""


class Batch:
    """Data for the end of a file, appended through one open."""

    __slots__ = ("awaited", "data", "done", "gone", "handle")

    def __init__(self, handle: FileHandle, data: bytes | bytearray | memoryview) -> None:
        self.handle = handle
        self.data = data
        self.gone = False
        """Whether it is on its way."""
        self.awaited = False
        """Whether somebody waits for it."""
        self.done: Future[None] = Future()

    def takes(self, handle: FileHandle, size: int) -> bool:
        """Return whether an append can go with this."""
        room = GATHERED_MAX - len(self.data)
        return self.handle is handle and size <= room and size < _SMALL

    def add(self, data: bytes | memoryview) -> None:
        """Have data go with this."""
        if not isinstance(self.data, bytearray):
            self.data = bytearray(self.data)
        self.data += data


class _File:
    """The batches for one file; the first is on its way, or gathers."""

    __slots__ = ("batches", "enough")

    def __init__(self, first: Batch) -> None:
        self.batches = deque((first,))
        self.enough: Future[None] | None = None
        """What ends the gathering."""

    def hurry(self) -> None:
        """Gather no more."""
        if self.enough is not None and not self.enough.done():
            self.enough.set_result(None)


class Appends:
    """The appends of one mount that are on their way.

    ``carry`` appends at the server, and ``pause`` waits.
    """

    def __init__(self, carry: Carry, pause: Pause) -> None:
        self._carry = carry
        self._pause = pause
        self._files: dict[int, _File] = {}

    def __contains__(self, node: Node) -> bool:
        return node.number in self._files

    def __len__(self) -> int:
        return len(self._files)

    async def add(self, handle: FileHandle, data: bytes | memoryview) -> Callable[[], object]:
        """Take data that is to be appended, once there is room for it.

        Return what has to be called once the program was answered.
        """
        number = handle.node.number
        while True:
            file = self._files.get(number)
            if file is None:
                new = self._files[number] = _File(Batch(handle, data))
                return lambda: Task(self._send(number, new))
            last = file.batches[-1]
            if not last.gone and last.takes(handle, len(data)):
                last.add(data)
                return _nothing
            if len(file.batches) < BATCHES_MAX:
                file.batches.append(Batch(handle, data))
                file.hurry()
                return _nothing
            await settled(file.batches[0].done)

    async def _send(self, number: int, file: _File) -> None:
        batches = file.batches
        while batches:
            batch = batches[0]
            batch.gone = True
            try:
                await self._carry(batch.handle, memoryview(batch.data))
            finally:
                batches.popleft()
                if not batches:
                    del self._files[number]
                batch.done.set_result(None)
            if len(batches) == 1 and not batches[0].awaited:
                await self._gather(file)

    async def _gather(self, file: _File) -> None:
        file.enough = Future()
        Task(self._time(file, file.enough))
        await file.enough

    async def _time(self, file: _File, enough: Future[None]) -> None:
        await self._pause(GATHERED_S)
        if not enough.done():
            enough.set_result(None)

    async def drain(self, node: Node) -> None:
        """Wait until all that was appended to a file before is at the server, or has failed."""
        file = self._files.get(node.number)
        if file is not None:
            await self._settle(file)

    async def drain_all(self) -> None:
        """Wait until nothing that was appended before is on its way."""
        for file in list(self._files.values()):
            await self._settle(file)

    async def _settle(self, file: _File) -> None:
        if file.batches:
            last = file.batches[-1]
            last.awaited = True
            file.hurry()
            await settled(last.done)


def _nothing() -> None:
    """Do nothing once the program was answered."""

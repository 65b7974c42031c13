"""WRITEs that are answered before the server has them (write-behind).

A program need not wait for a WRITE whose data is in our memory: the next one comes meanwhile, and
several are on their way. What is small and continues the last is gathered while others are on
their way, so that many small WRITEs become one. It is what an NFS client of a kernel does, and it
promises the same: what was written is at the server, and stable, when ``fsync`` or ``close``
return; an error comes with them, or with a WRITE before.

Nobody must see the difference but by the time it takes. So two WRITEs of the same octets are never
on their way together, which the server could execute in any order; who reads, asks for attributes,
locks or truncates waits for what was written before (:meth:`Behind.clear`, :meth:`Behind.drain`).

What is on its way is bounded, for each file and for all. Beyond that a WRITE waits, as it would
without this; and while the server is away, what waits is little enough for the rest to be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.rpcrdma.task import Future, Task, settled

from ..nodes import Node
from .appends import Appends
from .handles import FileHandle

FILE_MAX: Final = 8 << 20
"""Octets of one file on their way at most."""
ALL_MAX: Final = 32 << 20
"""Octets of all files on their way at most."""
GATHERED_MAX: Final = 1 << 20
"""Octets of small WRITEs that go together at most."""
_SMALL: Final = 128 << 10
"""The size below which a WRITE waits for others to go with."""
_AT_ONCE: Final = 2
"""On their way for one file, before small WRITEs are gathered."""

Carry = Callable[[FileHandle, int, memoryview], Coroutine[Any, Any, object]]
"""Writes to the server; it notes what goes wrong, and raises nothing."""


class _Flight:
    """Data on its way to the server, from ``start`` to before ``end`` of a file."""

    __slots__ = ("data", "done", "end", "handle", "start")

    def __init__(
        self, handle: FileHandle, start: int, data: bytes | bytearray | memoryview
    ) -> None:
        self.handle = handle
        self.start = start
        self.end = start + len(data)
        self.data = data
        self.done: Future[None] = Future()


class _File:
    """What is on its way to one file, in the order in which it came."""

    __slots__ = ("flights", "gathered", "octets")

    def __init__(self) -> None:
        self.flights: list[_Flight] = []
        self.gathered: _Flight | None = None
        """What waits for more: it is the last of the flights, and has not begun."""
        self.octets = 0

    def continued_by(self, handle: FileHandle, start: int, size: int) -> bool:
        """Return whether a WRITE can go with what is gathered."""
        gathered = self.gathered
        return (
            gathered is not None
            and gathered.handle is handle
            and gathered.end == start
            and start + size - gathered.start <= GATHERED_MAX
        )

    def in_the_way(self, start: int, end: int) -> _Flight | None:
        """Return what must be at the server before a range is written."""
        for flight in self.flights:
            if flight.start < end and start < flight.end:
                return flight
        return None


class Behind:
    """The WRITEs of one mount that are on their way.

    ``carry`` writes to the server, ``now`` is the clock of the nodes, and ``appends`` are waited
    for as WRITEs are.
    """

    def __init__(self, carry: Carry, now: Callable[[], float], appends: Appends) -> None:
        self._carry = carry
        self._appends = appends
        self._now = now
        self._files: dict[int, _File] = {}
        self.octets = 0
        """How much there is on its way."""

    def __contains__(self, node: Node) -> bool:
        return node.number in self._files or node in self._appends

    async def write(
        self, handle: FileHandle, start: int, data: bytes | memoryview
    ) -> Callable[[], object]:
        """Take data that is to be written, once there is room for it.

        Return what has to be called once the program was answered.
        """
        size = len(data)
        await self._appends.drain(handle.node)
        while True:
            file = self._files.get(handle.node.number) or _File()
            if file.continued_by(handle, start, size) and self._has_room(file, size):
                return self._gather(file, data)
            self._release(file)
            obstacle = file.in_the_way(start, start + size)
            if obstacle is None:
                if self._has_room(file, size):
                    return self._add(file, _Flight(handle, start, data))
                obstacle = file.flights[0] if file.flights else self._oldest()
            await settled(obstacle.done)

    def _has_room(self, file: _File, size: int) -> bool:
        """Return whether there is room for more; one WRITE finds room in any case."""
        if not self.octets:
            return True
        return file.octets + size <= FILE_MAX and self.octets + size <= ALL_MAX

    def _oldest(self) -> _Flight:
        """Return something whose end makes room."""
        for file in self._files.values():
            self._release(file)
        return next(file.flights[0] for file in self._files.values() if file.flights)

    def _add(self, file: _File, flight: _Flight) -> Callable[[], object]:
        size = len(flight.data)
        busy = len(file.flights)
        file.flights.append(flight)
        self._files[flight.handle.node.number] = file
        self._count(file, size)
        flight.handle.node.expire(self._now())
        if size < _SMALL and busy >= _AT_ONCE:
            flight.data = bytearray(flight.data)
            file.gathered = flight
            return _nothing
        return lambda: self._begin(file, flight)

    def _gather(self, file: _File, data: bytes | memoryview) -> Callable[[], object]:
        gathered = file.gathered
        assert gathered is not None
        assert isinstance(gathered.data, bytearray)
        gathered.data += data
        gathered.end += len(data)
        self._count(file, len(data))
        gathered.handle.node.expire(self._now())
        return _nothing

    def _count(self, file: _File, octets: int) -> None:
        file.octets += octets
        self.octets += octets

    def _release(self, file: _File) -> None:
        """Let what was gathered go."""
        gathered, file.gathered = file.gathered, None
        if gathered is not None:
            self._begin(file, gathered)

    def _begin(self, file: _File, flight: _Flight) -> None:
        Task(self._fly(file, flight))

    async def _fly(self, file: _File, flight: _Flight) -> None:
        try:
            await self._carry(flight.handle, flight.start, memoryview(flight.data))
        finally:
            file.flights.remove(flight)
            self._count(file, -len(flight.data))
            if len(file.flights) <= _AT_ONCE:
                self._release(file)
            if not file.flights:
                self._files.pop(flight.handle.node.number, None)
            flight.done.set_result(None)

    async def clear(self, node: Node, start: int) -> None:
        """Wait until all is at the server that may decide what is read from ``start`` on.

        That is more than what overlaps: a file that is still short at the server ends too early.
        """
        await self._appends.drain(node)
        file = self._files.get(node.number)
        if file is not None:
            await self._settle(file, [each for each in file.flights if each.end > start])

    async def drain(self, *nodes: Node | None) -> None:
        """Wait until all that was written to files before is at the server, or has failed."""
        for node in nodes:
            if node is None:
                continue
            await self._appends.drain(node)
            file = self._files.get(node.number)
            if file is not None:
                await self._settle(file, list(file.flights))

    async def drain_written(self, node: Node) -> None:
        """Wait like :meth:`drain`, but not for what was appended."""
        file = self._files.get(node.number)
        if file is not None:
            await self._settle(file, list(file.flights))

    async def drain_all(self) -> None:
        """Wait until nothing that was written before is on its way."""
        await self._appends.drain_all()
        for file in list(self._files.values()):
            await self._settle(file, list(file.flights))

    async def _settle(self, file: _File, flights: list[_Flight]) -> None:
        if file.gathered in flights:
            self._release(file)
        for flight in flights:
            if not flight.done.done():
                await settled(flight.done)


def _nothing() -> None:
    """Do nothing once the program was answered."""

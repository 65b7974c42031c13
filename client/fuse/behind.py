"""WRITEs that are answered before the server has them (write-behind), and some SETATTRs.

A program need not wait for a WRITE whose data is in our memory: the next one comes meanwhile, and
several are on their way. What is small is *held* for a moment: more may continue it, so that many
small WRITEs become one, and who closes the file then, or has it stable, needs no COMMIT besides:
the WRITE is to stable storage and brings the attributes back. What the program changes of the
attributes meanwhile goes with it, where the server cannot refuse that (:mod:`.changes`): so a small
file is made by two calls, an OPEN and this one.

It is what an NFS client of a kernel does, and it promises the same: what was written is at the
server, and stable, when ``fsync`` or ``close`` return; an error comes with them, or with a WRITE
before.

Nobody must see the difference but by the time it takes. So two WRITEs of the same octets are never
on their way together, which the server could execute in any order, nor a WRITE that came after a
change of attributes together with that; who reads, asks for attributes, locks or truncates waits
for what was written before (:meth:`Behind.clear`, :meth:`Behind.drain`).

What is on its way is bounded, for each file and for all. Beyond that a WRITE waits, as it would
without this; and while the server is away, what waits is little enough for the rest to be answered.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from nfsrdma.rpcrdma.task import Future, Task, settled

from ..nodes import Node
from .appends import Appends
from .changes import Changes
from .handles import FileHandle
from .wire import SetAttr

FILE_MAX: Final = 8 << 20
"""Octets of one file on their way at most."""
ALL_MAX: Final = 32 << 20
"""Octets of all files on their way at most."""
FLIGHTS_MAX: Final = 1024
"""WRITEs of all files on their way at most: small ones take more memory than their data."""
GATHERED_MAX: Final = 1 << 20
"""Octets of small WRITEs that go together at most."""
HELD_S: Final = 0.03
"""For how long something is held; it may be twice as long."""
_SMALL: Final = 128 << 10
"""The size below which a WRITE is held."""


class Flight:
    """Data on its way to the server, from ``start`` to before ``end`` of a file."""

    __slots__ = ("changes", "data", "done", "end", "handle", "stable", "start")

    def __init__(
        self, handle: FileHandle, start: int, data: bytes | bytearray | memoryview
    ) -> None:
        self.handle = handle
        self.start = start
        self.end = start + len(data)
        self.data = data
        self.changes: Changes | None = None
        """What of the attributes is to be set after it."""
        self.stable = False
        """Whether it, and all before it, is to be stable then."""
        self.done: Future[None] = Future()


Carry = Callable[[Flight], Coroutine[Any, Any, object]]
"""Brings a flight to the server; it notes what goes wrong, and raises nothing."""
Pause = Callable[[float], Coroutine[Any, Any, object]]


class _File:
    """What is on its way to one file, in the order in which it came."""

    __slots__ = ("changes", "flights", "held", "held_at", "maker", "octets")

    def __init__(self) -> None:
        self.flights: list[Flight] = []
        self.held: Flight | None = None
        """What waits for more: it is the last of the flights, and has not begun."""
        self.changes: Changes | None = None
        """What of the attributes is to be set after all flights."""
        self.maker: FileHandle | None = None
        """The open file by which that is done."""
        self.held_at = 0.0
        """When the last of that came."""
        self.octets = 0

    @property
    def holds(self) -> bool:
        """Whether there is anything that has not begun."""
        return self.held is not None or self.changes is not None

    def continued_by(self, handle: FileHandle, start: int, size: int) -> bool:
        """Return whether a WRITE can go with what is held."""
        held = self.held
        return (
            held is not None
            and held.handle is handle
            and held.end == start
            and start + size - held.start <= GATHERED_MAX
        )

    def in_the_way(self, start: int, end: int) -> Flight | None:
        """Return what must be at the server before a range is written."""
        for flight in self.flights:
            if (flight.start < end and start < flight.end) or (
                flight.changes is not None and flight.changes.due
            ):
                return flight
        return None


class Behind:
    """The WRITEs of one mount that are on their way.

    ``carry`` writes to the server, ``now`` is the clock of the nodes, and ``pause`` waits.
    ``appends`` are waited for as WRITEs are.
    """

    def __init__(
        self, carry: Carry, now: Callable[[], float], pause: Pause, appends: Appends
    ) -> None:
        self._carry = carry
        self._appends = appends
        self._now = now
        self._pause = pause
        self._files: dict[int, _File] = {}
        self._sweeping = False
        self._flights = 0
        self.octets = 0
        """How much there is on its way."""

    def __contains__(self, node: Node) -> bool:
        return node.number in self._files or node in self._appends

    def __bool__(self) -> bool:
        return bool(self._files) or bool(self._appends)

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
            if file.changes is not None and file.changes.due:
                self._conclude(file)
            elif file.continued_by(handle, start, size) and self._has_room(file, size):
                return self._gather(file, data)
            self._release(file)
            obstacle = file.in_the_way(start, start + size)
            if obstacle is None:
                if self._has_room(file, size):
                    return self._add(file, Flight(handle, start, data))
                obstacle = file.flights[0] if file.flights else self._oldest()
            await settled(obstacle.done)

    def change(self, handle: FileHandle, wanted: SetAttr | None) -> Changes:
        """Take what a program, which has made a file through ``handle``, changes of the attributes.

        None is what a file needs that was made exclusively. Return all that is to be changed.
        """
        node = handle.node
        file = self._files.setdefault(node.number, _File())
        if file.changes is None:
            file.changes = Changes.of_new() if wanted is None else Changes()
        if wanted is not None:
            file.changes.merge(wanted)
        file.maker = handle
        self._hold(file)
        return file.changes

    def changes_of(self, node: Node) -> Changes | None:
        """Return what of a file's attributes is still to be changed."""
        file = self._files.get(node.number)
        return file.changes if file is not None else None

    def _has_room(self, file: _File, size: int) -> bool:
        """Return whether there is room for more; one WRITE finds room in any case."""
        if not self.octets:
            return True
        if self._flights >= FLIGHTS_MAX:
            return False
        return file.octets + size <= FILE_MAX and self.octets + size <= ALL_MAX

    def _oldest(self) -> Flight:
        """Return something whose end makes room."""
        for file in self._files.values():
            self._release(file)
        return next(file.flights[0] for file in self._files.values() if file.flights)

    def _add(self, file: _File, flight: Flight) -> Callable[[], object]:
        size = len(flight.data)
        file.flights.append(flight)
        self._flights += 1
        self._files[flight.handle.node.number] = file
        self._count(file, size)
        flight.handle.node.expire(self._now())
        if size < _SMALL:
            file.held = flight
            self._hold(file)
            return _nothing
        return lambda: self._begin(file, flight)

    def _gather(self, file: _File, data: bytes | memoryview) -> Callable[[], object]:
        held = file.held
        assert held is not None
        if not isinstance(held.data, bytearray):
            held.data = bytearray(held.data)
        held.data += data
        held.end += len(data)
        self._count(file, len(data))
        held.handle.node.expire(self._now())
        self._hold(file)
        return _nothing

    def _count(self, file: _File, octets: int) -> None:
        file.octets += octets
        self.octets += octets

    # --- What is held ---

    def _hold(self, file: _File) -> None:
        file.held_at = self._now()
        if not self._sweeping:
            self._sweeping = True
            Task(self._sweep())

    async def _sweep(self) -> None:
        """Let go what was held for long enough, until nothing is held."""
        while any(file.holds for file in self._files.values()):
            await self._pause(HELD_S)
            before = self._now() - HELD_S * 0.9
            for file in list(self._files.values()):
                if file.holds and file.held_at <= before:
                    self._let_go(file)
        self._sweeping = False

    def _let_go(self, file: _File) -> None:
        """Begin what is held, as far as possible without having anything stable."""
        if file.changes is not None and file.changes.due:
            self._conclude(file)
            return
        self._release(file)
        if file.changes is not None:
            self._last(file, stable=False)

    def _release(self, file: _File) -> None:
        """Let the data that is held go."""
        held, file.held = file.held, None
        if held is not None:
            self._begin(file, held)

    def _conclude(self, file: _File) -> None:
        """Begin all that is held, to stable storage."""
        self._last(file, stable=True)

    def _last(self, file: _File, *, stable: bool) -> None:
        """Begin all that is held as one flight, which goes when those before it have arrived."""
        flight, file.held = file.held, None
        if flight is None:
            assert file.maker is not None
            flight = Flight(file.maker, 0, b"")
            file.flights.append(flight)
            self._flights += 1
        flight.changes, file.changes, file.maker = file.changes, None, None
        flight.stable = stable
        Task(self._fly(file, flight, file.flights[:-1]))

    # --- On the way ---

    def _begin(self, file: _File, flight: Flight) -> None:
        Task(self._fly(file, flight))

    async def _fly(self, file: _File, flight: Flight, before: list[Flight] | None = None) -> None:
        try:
            for each in before or ():
                if not each.done.done():
                    await settled(each.done)
            await self._carry(flight)
        finally:
            file.flights.remove(flight)
            self._flights -= 1
            self._count(file, -len(flight.data))
            if not file.flights and file.changes is None:
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
        """Wait until all that was done to files before is at the server, or has failed."""
        for node in nodes:
            if node is None:
                continue
            await self._appends.drain(node)
            file = self._files.get(node.number)
            if file is not None:
                self._let_go(file)
                await self._settle(file, list(file.flights))

    async def drain_data(self, *nodes: Node) -> None:
        """Wait like :meth:`drain`, but not for what no program has asked for."""
        for node in nodes:
            await self._appends.drain(node)
            await self.drain_written(node)

    async def drain_written(self, node: Node) -> None:
        """Wait like :meth:`drain_data`, but not for what was appended."""
        file = self._files.get(node.number)
        if file is not None:
            if file.changes is not None and file.changes.due:
                self._conclude(file)
            await self._settle(file, list(file.flights))

    async def finish(self, node: Node) -> None:
        """Wait like :meth:`drain`; what was held is stable then, and what else has to be is not."""
        await self._appends.drain(node)
        file = self._files.get(node.number)
        if file is not None:
            if file.holds:
                self._conclude(file)
            await self._settle(file, list(file.flights))

    async def drain_all(self) -> None:
        """Wait until nothing that was done before is on its way."""
        await self._appends.drain_all()
        for file in list(self._files.values()):
            self._let_go(file)
            await self._settle(file, list(file.flights))

    async def _settle(self, file: _File, flights: list[Flight]) -> None:
        if file.held in flights:
            self._release(file)
        for flight in flights:
            if not flight.done.done():
                await settled(flight.done)


def _nothing() -> None:
    """Do nothing once the program was answered."""

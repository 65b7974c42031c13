"""A client and the real server in one process, each with its own reactor, over any way of exchange.

An exchange waits for a peer that works meanwhile. Here the peer has its turns from within that
wait (``serve``), so what happens is the same each time, and on one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.nfs import Clock, open_export

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.file import spread
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Task
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.vfs.interface import FileSystem as Tree
from nfsrdma.server.vfs.memory import MemoryFileSystem

SIZES = (1, 3, 10, 3073, 4096, 5000, 64 << 10, 70_000, 200_000)


class TwoEnds:
    """A server of a tree, in memory unless it is given, and a client of it."""

    spills = False
    """Whether a READ may leave octets behind those that it returned."""

    def __init__(self, tree: Tree | None = None) -> None:
        """Mount. What :meth:`listen` and :meth:`connect` need is there by then."""
        self.reactors = SelectReactor(), SelectReactor()
        self.tree = tree or MemoryFileSystem(Clock())
        self.server = NfsService(
            [open_export("", self.tree)],
            self.reactors[1],
            Random(1),
            config=ServerConfig(times=LeaseTimes()),
        )
        self.listen()
        options = ClientOptions(Credentials.sys(0, 0, (0,), b"here"), b"here", bytes(8))

        def connect(timeout_s: float, service: Any) -> Any:
            return self.connect(service)

        self.client = FileSystem(self.reactors[0], connect, (), options, Random(2))
        self.run(self.client.mount())

    def listen(self) -> None:
        """Have the server listen."""
        raise NotImplementedError

    def connect(self, service: Any) -> Any:
        """Return the future of the client's connection, whose calls from the server are for it."""
        raise NotImplementedError

    def serve(self) -> None:
        """Let the server have some turns, until it has answered."""
        for _ in range(8):
            self.reactors[1].turn(0)

    def run(self, coroutine: Any) -> Any:
        """Run to the end, with turns of both reactors."""
        task = Task(coroutine)
        for _ in range(100_000):
            if task.done():
                return task.result()
            for reactor in self.reactors:
                reactor.turn(0)
        raise TimeoutError

    @property
    def served(self) -> Any:
        """The server's end of the connection."""
        (session,) = self.server.registry.sessions.values()
        (served,) = session.connections
        return served

    def counters(self) -> list[Any]:
        """What each end of the connection has counted."""
        raise NotImplementedError

    def slots(self) -> list[Any]:
        """What the server's session remembers of each slot, sums over random handles apart."""
        (session,) = self.server.registry.sessions.values()
        return [
            (slot.seqid, slot.reply, slot.fingerprint[:3], slot.fingerprint[3] >> 32, slot.taken)
            for slot in session._slots
            if slot.fingerprint is not None
        ]

    def known(self) -> dict[str, Any]:
        """What both ends have counted and remember."""
        slots = self.client.session.slots
        assert slots is not None
        return {
            "stats": {
                name: (each.calls, each.errors, each.bytes_sent, each.bytes_received)
                for name, each in self.client.stats.operations.items()
            },
            "counters": self.counters(),
            "slots": (list(slots.seqids), slots.busy, self.slots()),
        }

    def close(self) -> None:
        """End both."""
        self.run(self.client.unmount())
        self.server.close()
        for reactor in self.reactors:
            reactor.close()


def work(
    world: TwoEnds,
    file: Any,
    said: list[Any],
    rng: Random,
    written: tuple[int, ...] = SIZES,
    read: tuple[int, ...] = SIZES,
) -> None:
    """Read, write and look at a file, 40 times."""
    for _ in range(40):
        kind, offset = rng.randrange(4), rng.randrange(20_000)
        if kind == 0:
            data = memoryview(rng.randbytes(rng.choice(written)))
            said.append(world.run(file.write_at(offset, data)))
        elif kind == 1:
            said.append(world.run(file.stat()).st_size)
        else:
            into = memoryview(bytearray(rng.choice(read)))
            count = world.run(file.read_at(offset, into))
            said.append((count, bytes(into[:count] if world.spills else into)))


def story(make: Callable[[], TwoEnds]) -> dict[str, Any]:
    """What came of the work of one caller, then of several, and what both ends knew between."""
    world = make()
    try:
        said: list[Any] = []
        file = world.run(world.client.open("file", "w+b"))
        for seed in range(4):
            work(world, file, said, Random(seed))
        world.run(file.commit())

        async def one(number: int) -> None:
            into = memoryview(bytearray(4096))
            said.append((await file.read_at(number * 100, into), bytes(into)))

        known = world.known()
        world.run(spread(one, range(8), 8))
        return {"said": said, **known}
    finally:
        world.close()

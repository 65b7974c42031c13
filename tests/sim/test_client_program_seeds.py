"""One program, several ways to one file, and a server that restarts at any moment: nothing is lost.

The program does one thing after the other: through two open files, by path, and through the nodes
of a mount. What it reads is what a plain array of octets has, and once all is closed it is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from tests.support import nfs_fake_channel
from tests.support.files_world import World

from nfsrdma.client.file import OpenFile
from nfsrdma.client.opens import READ, WRITE
from nfsrdma.rpcrdma.task import Task, sleep

SEEDS = range(60)
STEPS = 25
Step = Callable[["Program"], Coroutine[Any, Any, None]]


class Program:
    """What is done, and the octets that the file should have."""

    def __init__(self, world: World, rng: Random) -> None:
        self.fs = world.fs
        self.nodes = world.fs.nodes()
        self.reactor = world.reactor
        self.rng = rng
        self.data = bytearray()
        self.files: list[OpenFile] = []
        self.aside: list[Task[Any]] = []
        self.done: list[str] = []

    def some(self) -> bytes:
        return self.rng.randbytes(self.rng.choice((1, 10, 3000, 70_000)))

    def place(self) -> int:
        return self.rng.randrange(len(self.data) + 100)

    def put(self, offset: int, data: bytes) -> None:
        self.data.extend(bytes(max(0, offset - len(self.data))))
        self.data[offset : offset + len(data)] = data

    async def write(self) -> None:
        offset, data = self.place(), self.some()
        await self.rng.choice(self.files).write_at(offset, memoryview(data))
        self.put(offset, data)

    async def append(self) -> None:
        data = self.some()
        assert await self.rng.choice(self.files).append(memoryview(data)) == len(self.data)
        self.data += data

    async def read(self) -> None:
        offset, room = self.place(), bytearray(self.rng.choice((10, 5000, 200_000)))
        count = await self.rng.choice(self.files).read_at(offset, memoryview(room))
        assert room[:count] == self.data[offset : offset + len(room)]

    async def commit(self) -> None:
        await self.rng.choice(self.files).commit()

    async def commit_aside(self) -> None:
        self.aside.append(Task(self.rng.choice(self.files).commit()))

    async def look(self) -> None:
        assert (await self.rng.choice(self.files).stat()).st_size == len(self.data)

    async def cut(self) -> None:
        size = self.place()
        await self.rng.choice(self.files).truncate(size)
        self.resize(size)

    def resize(self, size: int) -> None:
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    async def look_by_path(self) -> None:
        assert (await self.fs.stat("new")).st_size == len(self.data)

    async def read_by_path(self) -> None:
        assert await self.fs.read_bytes("new") == self.data

    async def list(self) -> None:
        (entry,) = [entry for entry in await self.fs.scandir() if entry.name == "new"]
        assert entry.stat().st_size == len(self.data)

    async def cut_by_path(self) -> None:
        size = self.place()
        await self.fs.truncate("new", size)
        self.resize(size)

    async def mode_by_path(self) -> None:
        mode = self.rng.choice((0o600, 0o4755))
        await self.fs.chmod("new", mode)
        assert (await self.fs.stat("new")).st_mode & 0o7777 == mode

    async def replace(self) -> None:
        data = self.some()
        await self.fs.write_bytes("new", data)
        self.data[:] = data

    async def reopen(self) -> None:
        index = self.rng.randrange(len(self.files))
        await self.files[index].close()
        self.files[index] = await self.fs.open("new", "r+")

    async def reopen_empty(self) -> None:
        self.files.append(await self.fs.open("new", "w+"))
        self.data.clear()
        await self.files.pop(0).close()

    async def on_a_mount(self) -> None:
        node = await self.nodes.lookup(await self.nodes.root(), b"new")
        assert (await self.nodes.refresh(node)).st_size == len(self.data)
        truncate = self.rng.random() < 0.5
        file = await self.nodes.open(node, READ | WRITE, truncate=truncate)
        if truncate:
            self.data.clear()
        offset, data = self.place(), self.some()
        await file.write_at(offset, memoryview(data))
        self.put(offset, data)
        if self.rng.random() < 0.5:
            await file.commit()
        await file.close()


KINDS: list[Step] = [
    *(Program.write, Program.write, Program.write, Program.append, Program.read, Program.look),
    *(Program.commit, Program.commit_aside, Program.cut, Program.look_by_path),
    *(Program.read_by_path, Program.list, Program.cut_by_path, Program.mode_by_path),
    *(Program.replace, Program.reopen, Program.reopen_empty, Program.on_a_mount),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_program_loses_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = Random(seed)
    world = World()
    monkeypatch.setattr(nfs_fake_channel, "latency", lambda: rng.choice((0.0005, 0.001, 0.004)))
    program = Program(world, rng)
    running = True

    async def restarts() -> None:
        while running:
            await sleep(world.reactor, rng.random() * rng.choice((0.02, 0.2)))
            world.server.restart(grace=rng.random() < 0.5)

    async def run() -> None:
        program.files = [await world.fs.open("new", "w+"), await world.fs.open("new", "r+")]
        for _ in range(STEPS):
            step = rng.choice(KINDS)
            program.done.append(step.__name__)
            await step(program)
        for task in program.aside:
            await task
        for file in program.files:
            await file.close()

    disturbing = Task(restarts())
    try:
        world.run(run())
    finally:
        running = False
        disturbing.cancel()
    assert bytes(world.server.root.children[b"new"].stable) == program.data

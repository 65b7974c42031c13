"""What replaces a file's contents is not overwritten by older data that a restart has lost.

An open file has unstable data; it is committed about when the contents are replaced by another
way, and about when the server restarts. Whatever the order, once all is over the file has what
came last: the replacement began when the older data was written.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from tests.support import nfs_fake_channel
from tests.support.files_world import World, written

from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.opens import WRITE
from nfsrdma.rpcrdma.task import Task, gather, sleep

OLD = b"o" * 150_000
SEEDS = range(40)


async def _write(fs: FileSystem, data: bytes) -> None:
    assert await fs.write_bytes("new", data) == len(data)


async def _open(fs: FileSystem, data: bytes) -> None:
    file = await fs.open("new", "wb")
    await file.write_at(0, memoryview(data))
    await file.close()


async def _truncate(fs: FileSystem, data: bytes) -> None:
    await fs.truncate("new", 0)
    await _append(fs, data)


async def _append(fs: FileSystem, data: bytes) -> None:
    file = await fs.open("new", "r+")
    await file.write_at(0, memoryview(data))
    await file.close()


async def _mount(fs: FileSystem, data: bytes) -> None:
    nodes = fs.nodes()
    node = await nodes.lookup(await nodes.root(), b"new")
    file = await nodes.open(node, WRITE, truncate=True)
    await file.write_at(0, memoryview(data))
    await file.close()


async def _make(fs: FileSystem, data: bytes) -> None:
    nodes = fs.nodes()
    file = await nodes.create(await nodes.root(), b"new", WRITE, 0o644, truncate=True)
    await file.write_at(0, memoryview(data))
    await file.close()


async def _shrink(fs: FileSystem, data: bytes) -> None:
    nodes = fs.nodes()
    node = await nodes.lookup(await nodes.root(), b"new")
    file = await nodes.open(node, WRITE)
    await file.truncate(0)
    await file.write_at(0, memoryview(data))
    await file.close()


Way = Callable[[FileSystem, bytes], Coroutine[Any, Any, None]]
WAYS: list[Way] = [_write, _open, _truncate, _mount, _make, _shrink]


@pytest.mark.parametrize("way", WAYS)
def test_what_replaces_contents_stays(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in SEEDS:
        _try(way, Random(seed), monkeypatch)


def _try(way: Way, rng: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    file, node = written(world, OLD[: rng.choice((4, 100_000, 150_000))])
    data = b"n" * rng.choice((1, 4, 5000, 70_000))
    monkeypatch.setattr(nfs_fake_channel, "latency", lambda: rng.choice((0.0005, 0.001, 0.004)))

    async def at(delay: float, work: Coroutine[Any, Any, Any]) -> None:
        await sleep(world.reactor, delay)
        await work

    async def restart() -> None:
        world.server.restart(grace=rng.random() < 0.5)

    tasks = [
        Task(at(rng.random() * 0.02, restart())),
        Task(at(rng.random() * 0.02, file.commit())),
        Task(at(rng.random() * 0.02, way(world.fs, data))),
    ]
    if rng.random() < 0.5:
        tasks.append(Task(at(rng.random() * 0.03, restart())))
    world.run(gather(tasks))
    assert bytes(node.data) == data
    assert world.run(world.fs.read_bytes("new")) == data
    assert world.run(world.fs.stat("new")).st_size == len(data)
    world.server.restart()
    world.run(file.close())
    assert bytes(node.stable) == data

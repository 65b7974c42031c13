"""A file system that blocks under the export: whom it keeps waiting, and whom it does not."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support import fuse
from tests.support.fuse import BlockingFuse

from nfsrdma.client.edge.connect import make_client
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.options import MountOptions
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Task
from nfsrdma.server.edge.workers import Workers
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.pace import Medium

HANGS_S = 30.0
"""When a file system that still blocks goes on, so that a failure is no hanging test."""
TREE: fuse.Tree = {
    "cold": b"cold" * 5000,
    "warm": b"warm" * 5000,
    "d-cold": {"f": b"1"},
    "d-warm": {"f": b"2", "g": b"3"},
}


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[BlockingFuse]:
    (tmp_path / "mnt").mkdir()
    try:
        made = BlockingFuse(tmp_path / "mnt", TREE)
    except OSError as error:
        pytest.skip(f"no FUSE file system can be mounted here: {error}")
    yield made
    made.close()


class World:
    """A server of what blocks, and two clients of it, all on one thread; threads for the rest."""

    def __init__(self, path: Path) -> None:
        self.reactor = SelectReactor()
        self.workers = Workers(self.reactor, threads=8)
        self.fs = LocalFileSystem(path)
        self.server = NfsService(
            [Export("", self.fs)], self.reactor, random.Random(1), threads=self.workers
        )
        _, port = self.server.listen_tcp("127.0.0.1", 0)
        self._closing = ExitStack()
        self.clients: list[FileSystem] = []
        for _ in range(2):
            url = f"nfs+tcp://127.0.0.1:{port}/"
            client, connector, _ = make_client(self.reactor, url, MountOptions())
            self._closing.callback(connector.close)
            self.run(client.mount())
            self.clients.append(client)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.reactor.run_until(Task(work), 2 * HANGS_S)

    def close(self) -> None:
        for client in self.clients:
            self.run(client.unmount())
        self.workers.close()
        self.reactor.turn(0)
        self.server.close()
        self._closing.close()
        self.reactor.close()


@pytest.fixture
def world(slow: BlockingFuse, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "mnt")
    assert made.fs.pace.medium is Medium.OTHER
    yield made
    made.close()


async def read(client: FileSystem, name: str) -> None:
    assert await client.read_bytes(name) == TREE[name]


async def look(client: FileSystem, name: str) -> None:
    assert (await client.stat(f"d-{name}/f")).st_size == 1


async def list_all(client: FileSystem, name: str) -> None:
    content = TREE[f"d-{name}"]
    assert isinstance(content, dict)
    assert sorted(await client.listdir(f"d-{name}")) == sorted(content)


Doing = Callable[[FileSystem, str], Coroutine[Any, Any, None]]

CASES: list[tuple[int, str, Doing]] = [
    (fuse.READ, "cold", read),
    (fuse.OPEN, "cold", read),
    (fuse.GETATTR, "cold", read),
    (fuse.LOOKUP, "cold", read),
    (fuse.LOOKUP, "d-cold", look),
    (fuse.READDIR, "d-cold", list_all),
    (fuse.OPENDIR, "d-cold", list_all),
]


@pytest.mark.parametrize(("opcode", "path", "doing"), CASES)
def test_others_are_served_while_one_waits(
    slow: BlockingFuse, world: World, opcode: int, path: str, doing: Doing
) -> None:
    waits, other = world.clients
    slow.block(opcode, path)
    released = threading.Event()

    def let_go() -> None:
        released.set()
        slow.release()

    watchdog = threading.Timer(HANGS_S, let_go)
    watchdog.start()
    waiting = Task(doing(waits, "cold"))
    world.reactor.run_until(lambda: slow.blocked() > 0, HANGS_S)
    for each in (read, look, list_all):
        world.run(each(other, "warm"))
    assert not released.is_set(), "the server stood still"
    assert slow.blocked()
    assert not waiting.done()
    watchdog.cancel()
    slow.release()
    world.reactor.run_until(waiting, HANGS_S)
    waiting.result()

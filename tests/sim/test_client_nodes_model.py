"""Nodes whose caches never expire, against what is true at the server after random operations."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.nfs_pair import Pair

from nfsrdma.client.attributes import Stat, encode_attributes
from nfsrdma.client.errors import NfsError
from nfsrdma.client.nodes import Lifetimes, Node, Nodes
from nfsrdma.client.opens import READ, WRITE
from nfsrdma.rpcrdma.task import Task, gather

FOR_EVER = Lifetimes(1e12, 1e12, 1e12, 1e12)
NAMES = [b"a", b"b", b"c", b"d"]


class World:
    def __init__(self, seed: int) -> None:
        self.rng = Random(f"nodes {seed}")
        self.pair = Pair()
        self.run = self.pair.run
        self.fs = self.pair.client()
        self.nodes: Nodes = self.fs.nodes(FOR_EVER)
        self.root: Node = self.run(self.nodes.root())
        self.directories = [self.root]
        self.files: list[Node] = []

    async def step(self) -> None:
        """Do something, which may fail."""
        rng = self.rng
        directory, other = rng.choice(self.directories), rng.choice(self.directories)
        name, second = rng.choice(NAMES), rng.choice(NAMES)
        actions = (
            self._mkdir,
            self._create,
            self._create,
            self._link,
            self._remove,
            self._rename,
            self._rename,
            self._lookup,
            self._lookup,
            self._chmod,
            self._list,
        )
        try:
            await rng.choice(actions)(directory, name, other, second)
        except NfsError:
            return

    async def _mkdir(self, directory: Node, name: bytes, *_: Any) -> None:
        self.directories.append(await self.nodes.mkdir(directory, name, 0o755))

    async def _create(self, directory: Node, name: bytes, *_: Any) -> None:
        truncate = self.rng.random() < 0.3
        data = bytes(self.rng.randrange(100))
        file = await self.nodes.create(directory, name, READ | WRITE, 0o644, truncate=truncate)
        self.files.append(file.node)
        await file.write_at(0, memoryview(data))
        if self.rng.random() < 0.5:
            await file.commit()
        await file.close()

    async def _link(self, directory: Node, name: bytes, *_: Any) -> None:
        if self.files:
            await self.nodes.link(self.rng.choice(self.files), directory, name)

    async def _look(self, directory: Node, name: bytes) -> None:
        """Look a name up before it is changed, as an operating system does."""
        try:
            self.nodes.forget(await self.nodes.lookup(directory, name))
        except FileNotFoundError:
            return

    async def _remove(self, directory: Node, name: bytes, *_: Any) -> None:
        await self._look(directory, name)
        await self.nodes.remove(directory, name)

    async def _rename(self, directory: Node, name: bytes, other: Node, second: bytes) -> None:
        await self._look(directory, name)
        await self._look(other, second)
        await self.nodes.rename(directory, name, other, second)

    async def _lookup(self, directory: Node, name: bytes, *_: Any) -> None:
        node = await self.nodes.lookup(directory, name)
        await self.nodes.getattr(node)
        self.nodes.forget(node)

    async def _chmod(self, directory: Node, *_: Any) -> None:
        await self.nodes.setattr(directory, encode_attributes(mode=0o700))

    async def _list(self, directory: Node, *_: Any) -> None:
        await self.nodes.readdir(directory)

    # --- Checks ---

    def check(self, alone: bool) -> None:
        """What is cached has to be true, if nothing of it is known to be old.

        If only one call was in flight at a time, nothing can be old.
        """
        for directory in list(self.directories):
            try:
                status = self.run(self.fs.operations.getattr(directory.handle))
            except NfsError:
                self.directories.remove(directory)
                continue
            listed = self._listed(directory)
            if alone and self.nodes.names_left(directory):
                assert directory.change == status.change, directory
            if directory.change == status.change:
                for name, node in directory.names.items():
                    expected = listed.get(name)
                    if node is None:
                        assert expected is None, (directory, name)
                    else:
                        assert expected is not None, (directory, name)
                        assert node.handle == expected.handle, (directory, name)
        for node in [*self.files, *self.directories]:
            self._check_attributes(node, alone)

    def _listed(self, directory: Node) -> dict[bytes, Stat]:
        page = self.run(self.fs.operations.page(directory.handle))
        return dict(page.entries)

    def _check_attributes(self, node: Node, alone: bool) -> None:
        if not self.nodes.seconds_left(node):
            return
        try:
            status = self.run(self.fs.operations.getattr(node.handle))
        except NfsError:
            return
        if alone or node.status.change == status.change:
            assert (node.status.st_size, node.status.st_nlink) == (status.st_size, status.st_nlink)


@pytest.mark.parametrize("seed", range(12))
def test_caches_are_true_when_nobody_else_changes_anything(seed: int) -> None:
    world = World(seed)
    for _ in range(100):
        world.run(world.step())
        world.check(alone=True)


@pytest.mark.parametrize("seed", range(12))
def test_caches_are_true_when_calls_overlap(seed: int) -> None:
    world = World(seed)

    async def several() -> None:
        await gather([Task(world.step()) for _ in range(4)])

    for _ in range(40):
        world.run(several())
        world.check(alone=False)

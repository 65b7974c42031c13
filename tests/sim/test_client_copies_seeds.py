"""Two copies to one name at once, while calls, replies and the server's memory are lost.

After every single step of it the name has one of the files that were put there, whole, with what
is on stable storage: so it does whatever is killed at any moment.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.copies import Transfer, TransferOptions
from nfsrdma.client.copies.temporary import is_temporary
from nfsrdma.client.edge.local import LocalDisk
from nfsrdma.client.errors import NfsError
from nfsrdma.client.trees import TreeError
from nfsrdma.rpcrdma.task import Task

SIZES = (5, 3000, 300_000)
FATES = ("lose call", "lose reply", "restart", "restart after", "NFS4ERR_NOSPC", "NFS4ERR_IO")


class World:
    """A server, two mounts of it, and a directory with the files ``a`` and ``b``."""

    def __init__(self, path: Path, seed: int, faults: float) -> None:
        self.rng = Random(seed)
        self.path = path
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.mounts = [
            self.server.mounted(rng=Random(seed * 2 + index), owner=b"mount %d" % index)
            for index in range(2)
        ]
        self.wholes = [b"old" * 1000]
        for name in "ab":
            whole = name.encode() * self.rng.choice(SIZES)
            (path / name).write_bytes(whole)
            self.wholes.append(whole)
        self.server.add("target", data=self.wholes[0])
        self.faults = faults
        self.server.script = self.fate

    def fate(self, ops: list[str]) -> str:
        if self.rng.random() >= self.faults or len(ops) < 3:
            return "ok"
        fate = self.rng.choice(FATES)
        if fate.startswith("restart"):
            later = 0.0005 if fate == "restart" else 0.0
            self.reactor.call_at(self.reactor.now + later, self.server.restart)
            return "ok"
        return fate

    def put(self, index: int, source: str) -> Task[object]:
        options = TransferOptions(recursive=True)
        transfer = Transfer(self.mounts[index], LocalDisk(self.path, source), options)
        return Task(transfer.put("target"))

    def check(self) -> None:
        """What bears its proper name is whole, also if the server lost its memory now."""
        node = self.server.root.children[b"target"]
        assert node.stable in self.wholes
        assert node.data == node.stable
        assert node.mode == 0o644

    def finish(self, *tasks: Task[object]) -> list[Exception | None]:
        """Step by step to the end: what each one raised."""
        end = self.reactor.now + 600
        while not all(task.done() for task in tasks):
            assert self.reactor.step()
            assert self.reactor.now < end
            self.check()
        outcomes: list[Exception | None] = []
        for task in tasks:
            error = task.error()
            assert error is None or isinstance(error, NfsError), error
            outcomes.append(error)
        return outcomes

    def leftovers(self) -> list[bytes]:
        return [name for name in self.server.root.children if is_temporary(name)]


@pytest.mark.parametrize("seed", range(60))
def test_two_puts_of_one_name(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed, faults=0.0)
    assert world.finish(world.put(0, "a"), world.put(1, "b")) == [None, None]
    assert world.server.root.children[b"target"].stable in world.wholes[1:]
    assert world.leftovers() == []
    assert not world.server.opens


@pytest.mark.parametrize("seed", range(150))
def test_two_puts_of_one_name_with_faults(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed, faults=0.1)
    outcomes = world.finish(world.put(0, "a"), world.put(1, "b"))
    if None in outcomes:
        assert world.server.root.children[b"target"].stable in world.wholes[1:]
    world.faults = 0.0
    assert world.finish(world.put(0, "a")) == [None]
    assert world.server.root.children[b"target"].stable == world.wholes[1]


@pytest.mark.parametrize("seed", range(30))
def test_a_put_that_is_cancelled_at_any_moment_cleans_up(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed, faults=0.0)
    task = world.put(0, "a")
    for _ in range(world.rng.randrange(60)):
        world.reactor.step()
        world.check()
    task.cancel()
    world.reactor.turn(task)
    world.reactor.advance(1.0)
    world.check()
    assert world.leftovers() == []


@pytest.mark.parametrize("seed", range(30))
def test_trees_with_faults(tmp_path: Path, seed: int) -> None:
    """There and back: what is said to be copied is, and what is not is named."""
    world = World(tmp_path, seed, faults=0.02)
    (tmp_path / "tree").mkdir()
    for index in range(20):
        below = tmp_path / "tree" / str(index % 3)
        below.mkdir(exist_ok=True)
        (below / f"f{index}").write_bytes(bytes([index]) * world.rng.choice(SIZES))
    options = TransferOptions(recursive=True)
    for source, local, get in (("copy", "tree", False), ("copy", "back", True)):
        transfer = Transfer(world.mounts[0], LocalDisk(tmp_path, local), options)
        failed: set[object] = set()
        try:
            world.reactor.run(transfer.get(source) if get else transfer.put(source))
        except TreeError as error:
            failed = {failure.filename for failure in error.failures}
        world.faults = 0.0
    for path in (tmp_path / "tree").rglob("*"):
        relative = path.relative_to(tmp_path / "tree")
        back = tmp_path / "back" / relative
        if path.is_file() and back.exists():
            assert back.read_bytes() == path.read_bytes()
        elif path.is_file():
            assert any(f"copy/{relative}".startswith(str(name)) for name in failed | {"copy"})

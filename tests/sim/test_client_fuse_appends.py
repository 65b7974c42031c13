"""Appends of a mount that are answered before the server has them, and what they promise."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from tests.support import fuse_kernel as fuse
from tests.support.fuse_kernel import ROOT, FakeKernel
from tests.support.nfs_pair import LATENCY_S, Pair

from nfsrdma.client.errors import make_error
from nfsrdma.client.fuse import appends
from nfsrdma.client.fuse.choices import Choices
from nfsrdma.client.nodes import Lifetimes, NodeFile
from nfsrdma.rpcrdma.task import Task, gather

TIMES = Lifetimes(file_min=3, file_max=20, directory_min=5, directory_max=10)
FLAGS = os.O_WRONLY | os.O_APPEND


class World:
    """A mount with an empty file, and another client that sees what has reached the server."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.kernel = FakeKernel(self.fs, self.pair.reactor, TIMES)
        self.run = self.pair.run
        self.run(self.kernel.begin())
        self.appends = self.kernel.mounted.appends
        entry, self.fh, _ = self.run(self.kernel.create(ROOT, b"file", os.O_RDWR | os.O_APPEND))
        self.node: int = entry.node

    def appended(self, data: bytes, fh: int = 0, flags: int = FLAGS) -> Coroutine[Any, Any, int]:
        """Append at an offset that the kernel takes for the end."""
        return self.kernel.write(self.node, fh or self.fh, 0, data, flags)

    def append(self, data: bytes, fh: int = 0, flags: int = FLAGS) -> None:
        assert self.run(self.appended(data, fh, flags)) == len(data)

    def close(self, fh: int = 0) -> None:
        self.run(self.kernel.flush(self.node, fh or self.fh))
        self.run(self.kernel.release(self.node, fh or self.fh))

    def seen(self, name: str = "file") -> bytes:
        return bytes(self.run(self.other.read_bytes(name)))

    def calls(self, name: str = "WRITE") -> int:
        return self.fs.stats.of(name).calls

    def fails(self, number: int, coroutine: Any) -> None:
        with pytest.raises(OSError) as caught:
            self.run(coroutine)
        assert caught.value.errno == number


@pytest.fixture
def world() -> World:
    return World()


def test_nobody_waits_for_an_append_and_many_go_together(world: World) -> None:
    lines = [b"line %d\n" % number for number in range(2000)]
    for line in lines:
        world.append(line)
    world.close()
    assert world.seen() == b"".join(lines)
    assert world.calls() < 100
    assert not len(world.appends)


def test_one_alone_goes_at_once(world: World) -> None:
    world.append(b"alone")
    world.pair.wait(LATENCY_S * 5)
    assert world.seen() == b"alone"


def test_what_is_gathered_goes_soon(world: World) -> None:
    for _ in range(3):
        world.append(b"line\n")
    world.pair.wait(appends.GATHERED_S + 0.1)
    assert world.seen() == 3 * b"line\n"


def test_they_wait_while_the_server_is_away_and_are_bounded(world: World) -> None:
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    large = bytes(appends.GATHERED_MAX)
    begun = [Task(world.appended(large)) for _ in range(appends.BATCHES_MAX + 2)]
    world.pair.wait(1)
    assert sum(task.done() for task in begun) == appends.BATCHES_MAX
    world.pair.heal()
    world.pair.wait(60)
    world.run(gather(begun))
    world.close()
    assert len(world.seen()) == len(begun) * len(large)


def test_they_keep_their_order_through_several_opens(world: World) -> None:
    second, _ = world.run(world.kernel.open(world.node, FLAGS))
    rng, wanted = Random(3), b""
    for number in range(300):
        data = b"%d," % number * rng.choice((1, 1, 1, 500))
        wanted += data
        world.append(data, rng.choice((world.fh, second)))
        if rng.random() < 0.05:
            world.pair.wait(rng.random() * 0.02)
    world.close(second)
    world.close()
    assert world.seen() == wanted


def test_another_client_appends_at_the_same_time(world: World) -> None:
    other = FakeKernel(world.other, world.pair.reactor, TIMES)
    world.run(other.begin())
    entry = world.run(other.lookup(ROOT, b"file"))
    fh, _ = world.run(other.open(entry.node, FLAGS))
    for number in range(200):
        world.append(b"a%03d\n" % number)
        assert world.run(other.write(entry.node, fh, 0, b"b%03d\n" % number, FLAGS)) == 5
    world.run(other.flush(entry.node, fh))
    world.close()
    lines = world.seen().splitlines()
    for letter in b"a", b"b":
        mine = [line for line in lines if line[:1] == letter]
        assert mine == [letter + b"%03d" % number for number in range(200)]


@pytest.mark.parametrize("size", [10, 300 << 10])
def test_a_restart_of_the_server_loses_and_repeats_nothing(world: World, size: int) -> None:
    world.fs.wait_for_ever()
    blocks = [Random(number).randbytes(size) for number in range(10)]
    for number, block in enumerate(blocks):
        world.append(block)
        if number == 5:
            world.pair.restart()
    world.pair.wait(120)
    world.close()
    assert world.seen() == b"".join(blocks)


# --- Who waits for them ---


def _write(world: World) -> Any:
    return world.kernel.write(world.node, world.fh, 0, b"x" * 3)


def _truncate(world: World) -> Any:
    return world.kernel.setattr(world.node, 1 << 3, size=100)


def _lock(world: World) -> Any:
    return world.kernel.lock(fuse.SETLK, world.node, world.fh, 2, 9, 0, 9)


def _rename(world: World) -> Any:
    return world.kernel.call(fuse.RENAME, ROOT, struct.pack("=Q", ROOT) + b"file\0other\0")


WAITING: list[Callable[[World], Any]] = [
    lambda world: world.kernel.fsync(world.node, world.fh),
    lambda world: world.kernel.flush(world.node, world.fh),
    lambda world: world.kernel.getattr(world.node),
    lambda world: world.kernel.read(world.node, world.fh, 0, 10),
    lambda world: world.kernel.open(world.node, os.O_RDONLY),
    lambda world: world.appended(b"", flags=FLAGS | os.O_DIRECT),
    *(_write, _truncate, _lock, _rename),
]


@pytest.mark.parametrize("what", range(len(WAITING)))
def test_whatever_else_is_asked_waits_for_them(
    world: World, what: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "GATHERED_S", 5.0)
    for _ in range(50):
        world.append(b"1234567890")
    assert len(world.appends)
    begun = world.pair.reactor.now
    world.run(WAITING[what](world))
    assert world.pair.reactor.now - begun < appends.GATHERED_S, "nobody waits for more to come"
    assert not len(world.appends)
    name = "other" if WAITING[what] is _rename else "file"
    assert len(world.seen(name)) == (100 if WAITING[what] is _truncate else 500)


def test_the_size_is_never_older_than_what_was_appended(world: World) -> None:
    for number in range(1, 40):
        world.append(b"0123456789")
        if number % 3 == 0:
            assert world.run(world.kernel.getattr(world.node)).st_size == number * 10


def test_a_write_at_an_offset_comes_first_if_it_came_first(world: World) -> None:
    for number in range(20):
        assert world.run(world.kernel.write(world.node, world.fh, number * 3, b"abc")) == 3
    world.append(b"end")
    world.close()
    assert world.seen() == 20 * b"abc" + b"end"


@pytest.mark.parametrize("direct", [False, True])
def test_what_is_to_be_stable_at_once_is_stable(direct: bool) -> None:
    """The kernel asks for no FSYNC where it has cached nothing."""
    world = World()
    if direct:
        world.kernel.mounted.choices = Choices(direct=True)
    commits = world.calls("COMMIT")
    flags = os.O_WRONLY | os.O_DSYNC | (0 if direct else os.O_APPEND)
    world.append(b"stable", flags=flags)
    assert world.calls("COMMIT") == commits + 1
    assert world.seen() == b"stable"


# --- What goes wrong ---


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the server's disk is full, which the test can change."""
    state = [True]
    append = NodeFile.append

    async def failing(file: NodeFile, data: memoryview) -> int:
        if state[0]:
            raise make_error(errno.ENOSPC, "full", file.node.path())
        return await append(file, data)

    monkeypatch.setattr(NodeFile, "append", failing)
    return state


@pytest.mark.parametrize("finish", ["fsync", "flush"])
def test_an_error_reaches_who_commits(world: World, full: list[bool], finish: str) -> None:
    world.append(b"lost")
    world.fails(errno.ENOSPC, getattr(world.kernel, finish)(world.node, world.fh))
    full[0] = False
    world.append(b"kept")
    world.close()
    assert world.seen() == b"kept"
    assert not world.kernel.mounted.memory.held


def test_an_error_reaches_the_next_append_which_waits(world: World, full: list[bool]) -> None:
    world.append(b"lost")
    world.pair.wait(1)
    world.fails(errno.ENOSPC, world.appended(b"more"))
    full[0] = False
    world.append(b"more")
    assert world.seen() == b"more", "after an error it waits for the server"
    world.fails(errno.ENOSPC, world.kernel.flush(world.node, world.fh))

"""WRITEs of a mount that are answered before the server has them, and what they promise."""

from __future__ import annotations

import errno
import os
import struct
from random import Random
from typing import Any

import pytest
from tests.support import fuse_kernel as fuse
from tests.support.fuse_kernel import ROOT, FakeKernel
from tests.support.nfs_pair import Pair

from nfsrdma.client.errors import make_error
from nfsrdma.client.fuse import behind
from nfsrdma.client.nodes import Lifetimes, NodeFile
from nfsrdma.rpcrdma.task import Task, gather

TIMES = Lifetimes(file_min=3, file_max=20, directory_min=5, directory_max=10)
KIB = 1 << 10
SIZE = 1 << 3
"""The bit of SETATTR for the size."""


class World:
    """A mount, and another client that sees what has reached the server."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.kernel = FakeKernel(self.fs, self.pair.reactor, TIMES)
        self.run(self.kernel.begin())
        self.behind = self.kernel.mounted.behind

    def run(self, coroutine: Any) -> Any:
        return self.pair.run(coroutine)

    def create(self, name: bytes = b"file") -> tuple[int, int]:
        entry, fh, _ = self.run(self.kernel.create(ROOT, name, os.O_RDWR))
        return entry.node, fh

    def write(self, node: int, fh: int, offset: int, data: bytes, flags: int = 0) -> None:
        assert self.run(self.kernel.write(node, fh, offset, data, flags)) == len(data)

    def close(self, node: int, fh: int) -> None:
        self.run(self.kernel.flush(node, fh))
        self.run(self.kernel.release(node, fh))

    def seen(self, name: str = "file") -> bytes:
        return bytes(self.run(self.other.read_bytes(name)))

    def writes(self) -> int:
        return self.fs.stats.of("WRITE").calls

    def fails(self, number: int, coroutine: Any) -> None:
        with pytest.raises(OSError) as caught:
            self.run(coroutine)
        assert caught.value.errno == number


@pytest.fixture
def world() -> World:
    return World()


def test_nobody_waits_for_a_write(world: World) -> None:
    node, fh = world.create()
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    world.write(node, fh, 0, b"data")
    world.pair.heal()
    world.pair.wait(10)
    assert world.seen() == b"data"
    assert not world.behind.octets
    world.close(node, fh)


def test_the_same_octets_are_never_on_their_way_twice(world: World) -> None:
    node, fh = world.create()
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    world.write(node, fh, 0, b"0123456789")
    over = Task(world.kernel.write(node, fh, 9, b"x"))
    world.write(node, fh, 10, b"beside")
    world.pair.wait(1)
    assert not over.done()
    world.pair.heal()
    world.pair.wait(10)
    assert over.done()
    world.close(node, fh)
    assert world.seen() == b"012345678xbeside"


@pytest.mark.parametrize("flags", [os.O_DIRECT, os.O_DIRECT | os.O_APPEND])
def test_what_bypasses_the_cache_is_waited_for(world: World, flags: int) -> None:
    node, fh = world.create()
    world.write(node, fh, 0, b"data", flags)
    assert world.seen() == b"data"
    world.close(node, fh)


def test_small_writes_go_together(world: World) -> None:
    node, fh = world.create()
    blocks = [Random(number).randbytes(4 * KIB) for number in range(600)]
    for number, block in enumerate(blocks):
        world.write(node, fh, number * 4 * KIB, block)
    world.close(node, fh)
    assert world.seen() == b"".join(blocks)
    assert world.writes() < 60


def test_large_writes_go_at_the_same_time_and_are_bounded(world: World) -> None:
    node, fh = world.create()
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    block = bytes(512 * KIB)
    started = [
        Task(world.kernel.write(node, fh, number * len(block), block)) for number in range(32)
    ]
    answered = sum(each.done() for each in started)
    assert answered * len(block) == behind.FILE_MAX == world.behind.octets
    assert not world.kernel.mounted.memory.is_full, "other requests are still read"
    world.pair.heal()
    world.pair.wait(30)
    assert all(each.done() for each in started)
    world.close(node, fh)
    assert len(world.seen()) == 32 * len(block)


def test_all_files_together_are_bounded(world: World) -> None:
    block = bytes(1024 * KIB)
    files = [world.create(b"%d" % number) for number in range(6)]
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    started = [
        Task(world.kernel.write(node, fh, number * len(block), block))
        for node, fh in files
        for number in range(8)
    ]
    assert world.behind.octets == behind.ALL_MAX
    assert sum(each.done() for each in started) * len(block) == behind.ALL_MAX
    world.pair.heal()
    world.pair.wait(60)
    world.run(gather(started))
    for node, fh in files:
        world.close(node, fh)
    assert not world.behind.octets


def test_small_writes_here_and_there_are_bounded_by_their_number(world: World) -> None:
    """Each takes more memory than its octet, and a server that is away lets them come together."""
    node, fh = world.create()
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    count = behind.FLIGHTS_MAX + 100
    started = [Task(world.kernel.write(node, fh, number * 2, b"x")) for number in range(count)]
    world.pair.wait(1)
    assert sum(each.done() for each in started) == behind.FLIGHTS_MAX
    world.pair.heal()
    world.pair.wait(60)
    world.run(gather(started))
    world.close(node, fh)
    assert world.seen() == b"x\0" * (count - 1) + b"x"


def test_who_waits_for_room_can_be_killed(world: World) -> None:
    node, fh = world.create()
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    for number in range(8):
        Task(world.kernel.write(node, fh, number << 20, bytes(1 << 20)))
    body = struct.pack("=QQII8xI4x", fh, 8 << 20, 4, 0, 0) + b"late"
    unique = world.kernel.request(fuse.WRITE, node, body, pid=5)
    world.kernel.dying.add(5)
    world.kernel.interrupt(unique)
    world.fails(errno.EINTR, world.kernel.answer(unique))
    world.pair.heal()
    world.pair.wait(30)
    world.close(node, fh)


# --- What others see of it ---


def test_fsync_and_close_mean_stable(world: World) -> None:
    node, fh = world.create()
    for finish in (world.kernel.fsync, world.kernel.flush):
        world.write(node, fh, 0, finish.__name__.encode())
        world.pair.wait(1)
        assert world.fs.files.unstable
        world.write(node, fh, 100, finish.__name__.encode())
        world.run(finish(node, fh))
        assert not world.fs.files.unstable
        assert world.seen().startswith(finish.__name__.encode())
    world.run(world.kernel.release(node, fh))


def test_who_reads_sees_what_was_written(world: World) -> None:
    node, fh = world.create()
    world.write(node, fh, 100, b"far away")
    assert world.run(world.kernel.read(node, fh, 0, 10)) == bytes(10), "not the end of the file"
    world.write(node, fh, 0, b"here")
    assert world.run(world.kernel.read(node, fh, 0, 6)) == b"here\0\0"
    world.close(node, fh)


def test_the_size_is_never_older_than_what_was_written(world: World) -> None:
    node, fh = world.create()
    for number in range(1, 20):
        world.write(node, fh, (number - 1) * 10, b"0123456789")
        assert world.run(world.kernel.getattr(node)).st_size == number * 10
    world.close(node, fh)


def test_what_is_written_is_stable_before_attributes_are_set(world: World) -> None:
    """A server that restarts loses nothing that would be written again, and take another time."""
    node, fh = world.create()
    world.write(node, fh, 0, b"0123456789")
    assert world.run(world.kernel.setattr(node, 1 << 5, mtime=77)).mtime == 77
    assert not world.fs.files.unstable
    assert world.writes() == 1
    world.run(world.kernel.setattr(node, 1, mode=0o100400))
    assert not world.fs.stats.of("COMMIT").calls, "there is nothing to commit"
    world.close(node, fh)


def test_what_comes_after_a_write_is_done_after_it(world: World) -> None:
    node, fh = world.create()
    kernel, run = world.kernel, world.run
    world.write(node, fh, 0, b"0123456789")
    run(kernel.setattr(node, SIZE, size=4))
    assert world.seen() == b"0123"
    world.write(node, fh, 4, b"4567")
    run(kernel.call(fuse.FALLOCATE, node, struct.pack("=QQQI4x", fh, 0, 2, 1 | 2)))
    assert world.seen() == b"\0\x00234567"
    world.write(node, fh, 0, b"ab")
    run(kernel.lock(fuse.SETLK, node, fh, 1, 9, 0, 9))
    world.write(node, fh, 2, b"cd")
    run(kernel.lock(fuse.SETLK, node, fh, 2, 9, 0, 9))
    assert world.seen() == b"abcd4567", "who locks it next sees it"
    world.write(node, fh, 0, b"AB")
    second, _ = run(kernel.open(node, os.O_RDWR | os.O_TRUNC))
    assert world.seen() == b""
    world.close(node, second)
    world.close(node, fh)


def test_a_file_is_whole_before_it_gets_another_name(world: World) -> None:
    node, fh = world.create(b"new")
    world.write(node, fh, 0, b"data")
    body = struct.pack("=Q", ROOT) + b"new\0file\0"
    world.run(world.kernel.call(fuse.RENAME, ROOT, body))
    assert world.seen() == b"data"
    world.write(node, fh, 4, b" more")
    world.run(world.kernel.call(fuse.UNLINK, ROOT, b"file\0"))
    assert world.run(world.kernel.read(node, fh, 0, 100)) == b"data more"
    world.close(node, fh)


def test_a_file_that_is_made_anew_by_another_name_is_empty(world: World) -> None:
    node, fh = world.create(b"one")
    world.run(world.other.link("one", "two"))
    world.write(node, fh, 0, b"0123456789")
    entry, second, _ = world.run(world.kernel.create(ROOT, b"two", os.O_RDWR | os.O_TRUNC))
    assert entry.node == node
    assert world.seen("one") == b""
    world.close(node, second)
    world.close(node, fh)


# --- What goes wrong ---


@pytest.fixture
def full(world: World, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the server's disk is full, which the test can change."""
    state = [True]
    write_at = NodeFile.write_at

    async def failing(file: NodeFile, offset: int, data: memoryview) -> int:
        if state[0]:
            raise make_error(errno.ENOSPC, "full", file.node.path())
        return await write_at(file, offset, data)

    conclude = NodeFile.conclude

    async def failing_too(file: NodeFile, offset: int, data: memoryview, *more: Any) -> Any:
        if state[0] and len(data):
            raise make_error(errno.ENOSPC, "full", file.node.path())
        return await conclude(file, offset, data, *more)

    monkeypatch.setattr(NodeFile, "write_at", failing)
    monkeypatch.setattr(NodeFile, "conclude", failing_too)
    return state


@pytest.mark.parametrize("finish", ["fsync", "flush"])
def test_an_error_reaches_who_commits(world: World, full: list[bool], finish: str) -> None:
    node, fh = world.create()
    world.write(node, fh, 0, b"lost")
    world.fails(errno.ENOSPC, getattr(world.kernel, finish)(node, fh))
    world.run(getattr(world.kernel, finish)(node, fh))
    full[0] = False
    world.write(node, fh, 0, b"kept")
    world.close(node, fh)
    assert world.seen() == b"kept"


def test_an_error_reaches_the_next_write_and_who_commits_all_the_same(
    world: World, full: list[bool]
) -> None:
    node, fh = world.create()
    world.write(node, fh, 0, b"lost")
    world.pair.wait(1)
    world.fails(errno.ENOSPC, world.kernel.write(node, fh, 4, b"more"))
    world.fails(errno.ENOSPC, world.kernel.write(node, fh, 4, b"more"))
    full[0] = False
    world.write(node, fh, 4, b"more")
    assert world.seen() == b"\0\0\0\0more", "after an error it waits for the server"
    world.fails(errno.ENOSPC, world.kernel.flush(node, fh))
    world.run(world.kernel.release(node, fh))


def test_an_error_reaches_all_who_have_the_file_open_for_writing(
    world: World, full: list[bool]
) -> None:
    node, fh = world.create()
    second, _ = world.run(world.kernel.open(node, os.O_WRONLY))
    reader, _ = world.run(world.kernel.open(node, os.O_RDONLY))
    world.write(node, fh, 0, b"lost")
    world.fails(errno.ENOSPC, world.kernel.fsync(node, second))
    world.run(world.kernel.flush(node, reader))
    world.fails(errno.ENOSPC, world.kernel.flush(node, fh))
    assert full
    for each in (fh, second, reader):
        world.run(world.kernel.release(node, each))


def test_who_opens_the_file_later_hears_of_what_nobody_has_heard(
    world: World, full: list[bool]
) -> None:
    node, fh = world.create()
    world.write(node, fh, 0, b"lost")
    world.pair.wait(1)
    full[0] = False
    second, _ = world.run(world.kernel.open(node, os.O_WRONLY))
    world.fails(errno.ENOSPC, world.kernel.write(node, second, 4, b"more"))
    world.fails(errno.ENOSPC, world.kernel.flush(node, fh))
    third, _ = world.run(world.kernel.open(node, os.O_WRONLY))
    world.run(world.kernel.flush(node, third))
    for each in (fh, second, third):
        world.run(world.kernel.release(node, each))


def test_a_close_makes_stable_what_others_have_written(world: World) -> None:
    node, fh = world.create()
    second, _ = world.run(world.kernel.open(node, os.O_WRONLY))
    world.write(node, fh, 0, b"data")
    world.run(world.kernel.flush(node, second))
    assert world.writes() == 1
    assert not world.fs.files.unstable
    world.write(node, fh, 4, b"more")
    world.pair.wait(1)
    assert world.fs.files.unstable
    world.run(world.kernel.flush(node, second))
    assert not world.fs.files.unstable
    for each in (fh, second):
        world.close(node, each)


# --- Everything at random ---


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_nothing_is_lost_or_out_of_order(first: int) -> None:
    for seed in range(first, first + 10):
        run_seed(seed)


def run_seed(seed: int) -> None:
    """Write and read a file by two descriptors, with restarts of the server, as a model says."""
    rng, world = Random(f"behind {seed}"), World()
    kernel, run, model = world.kernel, world.run, bytearray()
    node, fh = world.create()
    world.fs.wait_for_ever()
    fhs = [fh, run(kernel.open(node, os.O_RDWR))[0]]
    at = 0
    for _ in range(60):
        step, each = rng.random(), rng.choice(fhs)
        if step < 0.55:
            at = at if rng.random() < 0.7 else rng.randrange(400)
            data = rng.randbytes(rng.choice((1, 10, 60)))
            world.write(node, each, at, data)
            model.extend(bytes(max(0, at + len(data) - len(model))))
            model[at : at + len(data)] = data
            at += len(data)
        elif step < 0.7:
            start, size = rng.randrange(500), rng.randrange(1, 300)
            assert run(kernel.read(node, each, start, size)) == model[start : start + size]
        elif step < 0.75:
            size = rng.randrange(500)
            run(kernel.setattr(node, SIZE, size=size))
            del model[size:]
            model.extend(bytes(size - len(model)))
        elif step < 0.8:
            assert run(kernel.getattr(node)).st_size == len(model)
        elif step < 0.85:
            run(kernel.fsync(node, each))
            assert world.seen() == model
        elif step < 0.9:
            world.pair.restart()
        elif step < 0.95:
            world.pair.wait(rng.choice((0.001, 0.01, 1.0)))
        else:
            run(kernel.flush(node, each))
            assert world.seen() == model
    for each in fhs:
        world.close(node, each)
    assert world.seen() == model
    assert not world.behind.octets
    assert not kernel.mounted.memory.held

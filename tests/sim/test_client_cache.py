"""Contents that a client keeps: when they are used, when not any more, and how much of them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client.cache import PAGE, TRUSTED_S
from nfsrdma.client.file import OpenFile
from nfsrdma.client.filesystem import FileSystem

LIMIT = 1 << 20


class World:
    """A client that keeps what it reads, and another one."""

    def __init__(self, *, delegations: bool = False, limit: int = LIMIT) -> None:
        self.pair = Pair(delegations=delegations)
        self.run = self.pair.run
        self.fs = self.pair.client(delegations=delegations, cache=limit)
        self.other = self.pair.client(b"other")
        assert self.fs.files.cache is not None
        self.cache = self.fs.files.cache

    def put(self, data: bytes, path: str = "file") -> None:
        self.run(self.other.write_bytes(path, data))

    def open(self, mode: str = "rb", path: str = "file") -> OpenFile:
        return self.run(self.fs.open(path, mode))  # type: ignore[no-any-return]

    def read(self, file: OpenFile, offset: int = 0, size: int = 100) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.run(file.read_at(offset, memoryview(buffer)))])

    def get(self, path: str = "file", size: int = 100) -> bytes:
        """Open, read and close."""
        file = self.open(path=path)
        data = self.read(file, 0, size)
        self.run(file.close())
        return data

    def reads(self) -> int:
        return self.fs.stats.of("READ").calls


def test_what_was_read_is_not_read_again() -> None:
    world = World()
    world.put(b"data")
    assert world.get() == b"data"
    asked = world.reads()
    assert world.get() == b"data"
    file = world.open()
    before = calls(world.fs)
    assert world.read(file, 1, 2) == b"at"
    assert world.read(file, 4) == b""
    assert calls(world.fs) == before, "OPEN has brought the change attribute"
    assert world.reads() == asked
    assert world.read(file, 100_000) == b"", "beyond the end"
    world.run(file.close())


def test_without_being_wanted_nothing_is_kept() -> None:
    world = World()
    fs = world.pair.client(b"plain")
    world.put(b"data")
    file = world.run(fs.open("file"))
    for number in range(3):
        before = fs.stats.of("READ").calls
        assert world.run(file.read_at(0, memoryview(bytearray(4)))) == 4, number
        assert fs.stats.of("READ").calls == before + 1
    world.run(file.close())


def test_an_open_sees_what_was_closed_before() -> None:
    world = World()
    for data in (b"one", b"two", b"three", b""):
        world.put(data)
        assert world.get() == data


def test_what_stays_open_is_looked_at_again() -> None:
    world = World()
    world.put(b"one")
    file = world.open()
    assert world.read(file) == b"one"
    world.put(b"two")
    world.pair.wait(TRUSTED_S)
    assert world.read(file) == b"two"
    world.run(file.close())


def test_a_lock_has_the_file_looked_at_again() -> None:
    world = World()
    world.put(b"one")
    file = world.open()
    assert world.read(file) == b"one"
    world.put(b"two")
    file.distrust()
    assert world.read(file) == b"two"
    world.run(file.close())


def _overwrite(world: World) -> Any:
    file = world.open("r+b")
    world.run(file.write_at(0, memoryview(b"two")))
    world.run(file.close())


@pytest.mark.parametrize(
    "change",
    [
        _overwrite,
        lambda world: world.run(world.fs.write_bytes("file", b"two")),
        lambda world: (world.run(world.fs.truncate("file", 0)), _overwrite(world)),
        lambda world: world.run(world.fs.copy("source", "file")),
    ],
    ids=["overwritten", "written", "truncated", "copied"],
)
def test_what_we_write_ourselves_is_read_at_once(change: Any) -> None:
    world = World()
    world.put(b"two", "source")
    world.put(b"one")
    file = world.open()
    assert world.read(file) == b"one"
    change(world)
    assert world.read(file) == b"two"
    world.run(file.close())


def test_a_file_that_is_open_for_writing_is_read_at_the_server() -> None:
    world = World()
    world.put(b"one")
    writer, reader = world.open("r+b"), world.open()
    assert world.read(reader) == world.read(writer) == b"one"
    world.run(writer.write_at(0, memoryview(b"two")))
    assert world.read(reader) == world.read(writer) == b"two"
    assert not world.cache.octets
    world.run(writer.close())
    assert world.read(reader) == b"two"
    assert world.cache.octets
    world.run(reader.close())


def test_what_is_left_to_us_is_not_asked_about() -> None:
    world = World(delegations=True)
    world.put(b"one")
    assert world.get() == b"one"
    assert world.get() == b"one"
    assert len(world.fs.opens.delegations), "the server has left the file to us"
    file = world.open()
    world.read(file)
    before = calls(world.fs)
    for _ in range(5):
        world.pair.wait(2 * TRUSTED_S)
        reads = world.reads()
        assert world.read(file) == b"one"
        assert world.reads() == reads
    looked = {"GETATTR": world.fs.stats.of("GETATTR").calls}
    world.read(file)
    assert world.fs.stats.of("GETATTR").calls == looked["GETATTR"]
    assert calls(world.fs) - before <= 5, "but for what keeps the lease"
    writing = world.run(world.other.open("file", "r+b"))  # which has it recalled
    world.run(writing.write_at(0, memoryview(b"two")))
    world.run(writing.close())
    world.pair.wait(TRUSTED_S)
    assert world.read(file) == b"two"
    world.run(file.close())


def test_there_is_a_bound_for_all_files() -> None:
    world = World(limit=5 * PAGE)
    data = Random(1).randbytes(4 * PAGE)
    for number in range(4):
        world.put(data, str(number))
    for number in range(4):
        assert world.get(str(number), 4 * PAGE) == data
        assert world.cache.octets <= 5 * PAGE
    reads = world.reads()
    assert world.get("3", 4 * PAGE) == data
    assert world.reads() == reads, "what was used last stays"
    assert world.get("0", 4 * PAGE) == data
    assert world.reads() > reads


def test_empty_files_are_bounded_too() -> None:
    world = World(limit=512)
    for number in range(20):
        world.put(b"", str(number))
        assert world.get(str(number)) == b""
    assert len(world.cache) <= 3


def test_who_reads_on_has_it_read_ahead() -> None:
    world = World(limit=4 << 20)
    data = Random(2).randbytes(40 * PAGE + 17)
    world.put(data)
    file = world.open()
    found = b"".join(world.read(file, at, 4096) for at in range(0, len(data), 4096))
    assert found == data
    assert world.reads() < 10
    assert world.fs.stats.of("READ").bytes_received < len(data) + 3 * PAGE
    world.run(file.close())


def test_who_jumps_about_has_nothing_read_ahead() -> None:
    world = World(limit=4 << 20)
    data = Random(3).randbytes(40 * PAGE)
    world.put(data)
    file = world.open()
    for number in (31, 7, 22, 3, 15):
        assert world.read(file, number * PAGE + 5, 10) == data[number * PAGE + 5 :][:10]
    assert world.cache.octets == 5 * PAGE
    world.run(file.close())


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_every_open_sees_what_was_closed_before(first: int) -> None:
    for seed in range(first, first + 10):
        run_seed(seed)


def run_seed(seed: int) -> None:
    """Two clients that keep contents write and read a file, amid restarts of the server.

    An open sees what was closed before. Who keeps a file open sees what is no older than
    :data:`TRUSTED_S`.
    """
    rng = Random(f"cache {seed}")
    delegations = bool(seed % 2)
    pair = Pair(delegations=delegations)
    clients = [
        pair.client(b"client %d" % number, delegations=delegations, cache=rng.choice((1, 64)) << 14)
        for number in range(2)
    ]
    history = [(0.0, b"")]
    pair.run(clients[0].write_bytes("file", b""))
    kept: list[tuple[OpenFile, float]] = []

    def read(file: OpenFile) -> bytes:
        buffer = bytearray(200)
        return bytes(buffer[: pair.run(file.read_at(0, memoryview(buffer)))])

    def write(fs: FileSystem, data: bytes) -> None:
        file = pair.run(fs.open("file", "wb"))
        pair.run(file.write_at(0, memoryview(data)))
        pair.run(file.close())
        history.append((pair.reactor.now, data))

    for number in range(60):
        step, fs = rng.random(), rng.choice(clients)
        if step < 0.25:
            write(fs, rng.randbytes(rng.choice((8, 8, 100))))
        elif step < 0.55:
            file = pair.run(fs.open("file"))
            assert read(file) == history[-1][1], f"step {number}"
            if rng.random() < 0.3 and len(kept) < 4:
                kept.append((file, pair.reactor.now))
            else:
                pair.run(file.close())
        elif step < 0.75 and kept:
            file, _ = rng.choice(kept)
            asked_at = pair.reactor.now
            found = read(file)
            # What was overwritten longer ago than that is not seen any more.
            old = [at for at, _ in history if at <= asked_at - TRUSTED_S]
            assert found in [data for _, data in history[max(0, len(old) - 1) :]], f"step {number}"
        elif step < 0.8 and kept:
            pair.run(kept.pop(rng.randrange(len(kept)))[0].close())
        elif step < 0.85:
            pair.restart()
        else:
            pair.wait(rng.choice((0.01, 1.0, 2.0, 5.0)))
    for file, _ in kept:
        pair.run(file.close())
    for fs in clients:
        assert fs.files.cache is not None
        assert fs.files.cache.octets <= fs.files.cache.limit
        pair.run(fs.unmount())

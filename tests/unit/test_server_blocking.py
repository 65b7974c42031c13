"""A file system that blocks: who asks for what is cold waits, and everybody else is served."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    compound_message,
    getattr_,
    lookup,
    make_server,
    mkdir,
    open_,
    putfh,
    read,
    readdir,
)

from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.engine.offload import Offload, OnEnd
from nfsrdma.server.vfs import syscalls
from nfsrdma.server.vfs.descriptors import Budget
from nfsrdma.server.vfs.interface import READ, ROOT, Job
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.pace import Medium
from nfsrdma.xdr.nfs4 import types as t

T = TypeVar("T")

COLD, WARM = b"cold", b"warm"


class Threads:
    """Threads that get to work when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Job, OnEnd]] = []

    def __call__(self, job: Job, later: OnEnd) -> None:
        self.waiting.append((job, later))

    def work(self) -> None:
        """Do one thing that waits."""
        job, later = self.waiting.pop(0)
        failure: Exception | None = None
        try:
            job()
        except Exception as error:
            failure = error
        later(failure)


class World:
    """A server of a directory with ``cold`` and ``warm`` in it: files, and directories of one file.

    Of the disk, what belongs to a cold one is not in memory.
    """

    def __init__(self, path: Path, medium: Medium, patch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.medium = medium
        for name in (COLD, WARM):
            (path / name.decode()).write_bytes(name * 1000)
            below = path / f"d-{name.decode()}"
            below.mkdir()
            (below / "f").write_bytes(name)
        self.threads = Threads()
        self.reactor = FakeReactor()
        self.now = 0.0
        self.fs = LocalFileSystem(path, medium=medium, clock=lambda: self.now)
        self.server = make_server(fs=self.fs, threads=self.threads, reactor=self.reactor)
        self.session = Peer(self.server, address="192.0.2.1").session(b"one")
        self.other = Peer(self.server, address="192.0.2.2").session(b"other")
        self.cold: set[int] = set()
        """Inodes whose pages are not in memory."""
        self._patch(patch)

    def _patch(self, patch: pytest.MonkeyPatch) -> None:
        preadv, open_beneath = os.preadv, syscalls.open_beneath

        def read(fd: int, into: list[memoryview], offset: int, flags: int = 0) -> int:
            if flags & os.RWF_NOWAIT and os.fstat(fd).st_ino in self.cold:
                raise BlockingIOError(errno.EAGAIN, "it is not in memory")
            return preadv(fd, into, offset)

        def enter(directory: int, name: bytes, flags: int, cached: bool = False) -> int:
            if cached and name in (COLD, b"d-" + COLD):
                raise BlockingIOError(errno.EAGAIN, "it is not in memory")
            return open_beneath(directory, name, flags)

        patch.setattr(os, "preadv", read)
        patch.setattr(syscalls, "open_beneath", enter)

    def begin(self, session: Session, *ops: Op) -> Incoming:
        message = compound_message((session.sequence(), *ops), 2, b"", session.peer.credentials)
        incoming = Incoming(message, session.peer.channel, 1 << 20, ())
        self.server.service(incoming)
        while self.reactor.soon and not incoming.outcome:
            self.reactor.turn()
        return incoming

    def finish(self, incoming: Incoming) -> Reply:
        """Have a call answered, whatever is left to threads."""
        while not incoming.outcome:
            if self.reactor.soon:
                self.reactor.turn()
            else:
                self.threads.work()
        return Reply(incoming)

    def done(self, session: Session, *ops: Op) -> Reply:
        return self.finish(self.begin(session, *ops))

    def handle(self, *names: bytes) -> bytes:
        reply = self.done(self.session, PUTROOTFH, *map(lookup, names), GETFH)
        assert reply.status == t.NFS4_OK
        return bytes(reply[-1].object)

    def descriptors(self) -> set[str]:
        """What is open below the directory, as far as the kernel has names for it."""
        found = set()
        for name in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{name}")
            except OSError:
                continue
            if target.startswith(f"{self.path}/"):
                found.add(f"{name} {target}")
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, Medium.DISK, monkeypatch)
    yield made
    made.fs.close()


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The same directory, every call to which may take its time."""
    made = World(tmp_path, Medium.OTHER, monkeypatch)
    yield made
    made.fs.close()


def read_it(world: World, name: bytes) -> tuple[Op, ...]:
    return putfh(world.handle(name)), read(ANONYMOUS, 0, 4000)


def look_it_up(world: World, name: bytes) -> tuple[Op, ...]:
    return PUTROOTFH, lookup(name), getattr_(t.FATTR4_SIZE)


def open_it(world: World, name: bytes) -> tuple[Op, ...]:
    return PUTROOTFH, open_(name, owner=b"owner of " + name)


def list_it(world: World, name: bytes) -> tuple[Op, ...]:
    return putfh(world.handle(b"d-" + name)), readdir(numbers=[t.FATTR4_SIZE])


def make_it(world: World, name: bytes) -> tuple[Op, ...]:
    return putfh(world.handle(b"d-" + name)), mkdir(b"new")


KINDS = [read_it, look_it_up, open_it, list_it, make_it]


@pytest.mark.parametrize("what", KINDS)
def test_others_are_served_while_one_waits_for_a_disk(
    world: World, what: Callable[[World, bytes], tuple[Op, ...]]
) -> None:
    world.cold.add((world.path / "cold").stat().st_ino)
    ops = what(world, COLD)
    # What the other one asks for was asked for before, and so is in memory.
    warm = [kind(world, WARM) for kind in KINDS[:-1]]
    for each in warm:
        assert world.done(world.other, *each).status == t.NFS4_OK
    waiting = world.begin(world.session, *ops)
    assert not waiting.outcome
    assert world.threads.waiting
    for each in warm:
        assert Reply(world.begin(world.other, *each)).status == t.NFS4_OK
    assert not waiting.outcome
    assert world.finish(waiting).status == t.NFS4_OK


def test_what_was_read_elsewhere_is_right(world: World) -> None:
    """Also where a file ends, and what of it was in memory."""
    world.cold.add((world.path / "cold").stat().st_ino)
    ops = read_it(world, COLD)
    for offset, size in ((0, 4000), (0, 10), (3990, 100), (4000, 5), (5000, 5), (17, 0)):
        reply = world.done(world.session, ops[0], read(ANONYMOUS, offset, size))
        expected = (COLD * 1000)[offset : offset + size]
        assert (reply[-1].data, reply[-1].eof) == (expected, offset + size >= 4000)


@pytest.mark.parametrize("name", [COLD, WARM])
def test_memory_that_is_lent_for_a_moment_is_not_for_threads(world: World, name: bytes) -> None:
    """That of the client, where both are on one host."""
    world.cold.add((world.path / "cold").stat().st_ino)
    target = bytearray(4000)

    class Placed(Incoming):
        def payload_target(self, index: int, size: int) -> memoryview:
            return memoryview(target)[:size]

    session = world.session
    ops = (putfh(world.handle(name)), read(ANONYMOUS, 0, 4000))
    message = compound_message((session.sequence(), *ops), 2, b"", session.peer.credentials)
    incoming = Placed(message, session.peer.channel, 1 << 20, (1 << 16,))
    world.server.service(incoming)
    assert (incoming.outcome == "reply") is (name == WARM)
    before = bytes(target)
    assert world.finish(incoming)[-1].data == name * 1000
    assert target == before
    assert (before == name * 1000) is (name == WARM)


def test_a_file_that_was_cut_meanwhile_is_read_as_it_is_then(world: World) -> None:
    world.cold.add((world.path / "cold").stat().st_ino)
    waiting = world.begin(world.session, *read_it(world, COLD))
    os.truncate(world.path / "cold", 6)
    reply = world.finish(waiting)
    assert (reply[-1].data, reply[-1].eof) == (b"coldco", True)


@pytest.mark.parametrize("medium", ["world", "remote"])
def test_a_close_meanwhile_ends_a_read(request: pytest.FixtureRequest, medium: str) -> None:
    world: World = request.getfixturevalue(medium)
    world.cold.add((world.path / "cold").stat().st_ino)
    reply = world.done(world.session, PUTROOTFH, open_(COLD), GETFH)
    stateid, handle = reply[2].stateid, reply[3].object
    assert world.done(world.session, putfh(handle)).status == t.NFS4_OK
    waiting = world.begin(world.session, putfh(handle), read(stateid, 0, 8))
    message = (putfh(handle), (t.OP_CLOSE, t.CLOSE4args(0, stateid)))
    assert Reply(_another_slot(world, *message)).status == t.NFS4_OK
    assert world.finish(waiting).status == t.NFS4ERR_BAD_STATEID
    while world.threads.waiting:
        world.threads.work()
    world.fs.nodes.trim()
    assert not [each for each in world.descriptors() if each.endswith("/cold")]


@pytest.mark.parametrize("medium", ["world", "remote"])
def test_what_is_under_way_goes_on_with_the_file_that_it_began_with(
    request: pytest.FixtureRequest, medium: str
) -> None:
    """Whatever has the numbers of its descriptors then."""
    world: World = request.getfixturevalue(medium)
    world.cold.add((world.path / "cold").stat().st_ino)
    world.done(world.session, PUTROOTFH, lookup(COLD))
    node = _now(world, world.fs.lookup(world.fs.root, COLD, ROOT))
    file = _now(world, world.fs.open(node, ROOT, READ))
    buffer = memoryview(bytearray(8))
    reading = file.read(0, buffer)
    directory = world.fs.lookup(world.fs.root, b"d-" + COLD, ROOT)
    assert isinstance(reading, Future)
    assert isinstance(directory, Future)
    file.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.read(0, buffer)
    world.fs.nodes.trim()
    others = [os.open(world.path / "warm", os.O_RDONLY) for _ in range(8)]
    try:
        assert _now(world, reading) == 8
        assert buffer == b"coldcold"
        assert _now(world, directory).is_directory
    finally:
        for fd in others:
            os.close(fd)


def _now(world: World, value: T | Future[T]) -> T:
    """What comes, once the threads are done."""
    if isinstance(value, Future):
        while not value.done():
            world.threads.work()
        return value.result()
    return value


def _another_slot(world: World, *ops: Op) -> Incoming:
    sequence = world.session.sequence(1, 1)
    message = compound_message((sequence, *ops), 2, b"", world.session.peer.credentials)
    incoming = Incoming(message, world.session.peer.channel, 1 << 20, ())
    world.server.service(incoming)
    if not incoming.outcome:
        # PUTFH, where it had to be asked for: behind what waits.
        while not incoming.outcome:
            waiting = world.threads.waiting
            waiting.append(waiting.pop(0))
            world.threads.work()
    return incoming


# --- What is lent to threads ---


def test_descriptors_that_threads_have_are_counted(tmp_path: Path) -> None:
    limit = 200
    budget = Budget(lambda: limit)
    threads = Offload(Threads())
    (tmp_path / "f").write_bytes(b"x")
    fs = LocalFileSystem(tmp_path, medium=Medium.OTHER, budget=budget)
    fs.attach(threads)
    waiting = [fs.lookup(fs.root, b"f", ROOT) for _ in range(20)]
    assert budget.held == 20
    _drain(threads)
    assert all(isinstance(each, Future) and each.result().is_regular for each in waiting)
    assert budget.held == 0
    fs.close()


def test_a_file_system_that_is_closed_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))
    for steps in range(4):
        budget, threads = Budget(lambda: 1000), Offload(Threads())
        fs = LocalFileSystem(tmp_path, medium=Medium.OTHER, budget=budget)
        fs.attach(threads)
        found = fs.lookup(fs.root, b"f", ROOT)
        assert isinstance(found, Future)
        for _ in range(steps):
            if not found.done():
                _threads_of(threads).work()
        fs.close()
        _drain(threads)
        assert found.done()
        assert budget.held == 0
        assert len(os.listdir("/proc/self/fd")) == before, steps


def test_too_many_calls_at_a_time_come_again(tmp_path: Path) -> None:
    budget = Budget(lambda: 100)
    threads = Offload(Threads())
    fs = LocalFileSystem(tmp_path, medium=Medium.OTHER, budget=budget)
    fs.attach(threads)
    waiting: list[object] = []

    def ask() -> None:
        while True:
            waiting.append(fs.lookup(fs.root, b"f", ROOT))

    with pytest.raises(OSError, match="Too many open files"):
        ask()
    assert 30 < len(waiting) < 100
    _drain(threads)
    fs.close()


def test_a_thread_without_a_descriptor_left_has_a_second_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"x")
    budget = Budget(lambda: 1000)
    threads = Offload(Threads())
    fs = LocalFileSystem(tmp_path, medium=Medium.OTHER, budget=budget)
    fs.attach(threads)
    relieved: list[bool] = []
    real, beneath = budget.relieve, syscalls.open_beneath
    monkeypatch.setattr(budget, "relieve", lambda: relieved.append(True) or real())

    def failing(*how: Any) -> int:
        if not relieved:
            raise OSError(errno.EMFILE, "no descriptor is left")
        return beneath(*how)

    monkeypatch.setattr(syscalls, "open_beneath", failing)
    found = fs.lookup(fs.root, b"f", ROOT)
    assert isinstance(found, Future)
    _drain(threads)
    assert found.result().is_regular
    assert relieved == [True]
    assert budget.held == 0
    fs.close()


def test_what_was_done_lately_is_quick_for_a_while(tmp_path: Path) -> None:
    now = 0.0
    threads = Offload(Threads())
    fs = LocalFileSystem(tmp_path, medium=Medium.DISK, clock=lambda: now)
    fs.attach(threads)
    for pause, waits in ((0.0, True), (1.0, False), (8.0, False), (8.0, False), (11.0, True)):
        now += pause
        listing = fs.entries(fs.root, 0, ROOT, 10)
        assert isinstance(listing, Future) is waits, now
        _drain(threads)
    fs.close()


def _threads_of(offload: Offload) -> Threads:
    assert offload._fair is not None
    threads = offload._fair._threads
    assert isinstance(threads, Threads)
    return threads


def _drain(offload: Offload) -> None:
    threads = _threads_of(offload)
    while threads.waiting:
        threads.work()

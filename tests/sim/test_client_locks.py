"""Byte-range locks: held against others, given back, claimed back after a restart, or lost."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client.errors import NfsError
from nfsrdma.client.file import OpenFile
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.locks import FOREVER, HeldLocks
from nfsrdma.rpcrdma.task import Cancelled, Task
from nfsrdma.xdr.nfs4 import types as t

READ_LT, WRITE_LT = t.READ_LT, t.WRITE_LT


class User:
    """A client with the file open."""

    def __init__(self, world: World, name: bytes) -> None:
        self.pair = world.pair
        self.fs: FileSystem = world.pair.client(name)
        self.file: OpenFile = world.pair.run(self.fs.open("file", "r+"))

    def lock(self, *args: Any, owner: bytes = b"process", **options: Any) -> Any:
        return self.fs.locks.lock(self.file.opened, owner, *args, **options)

    def unlock(self, *args: Any, owner: bytes = b"process") -> Any:
        return self.fs.locks.unlock(self.file.opened, owner, *args)

    def test(self, *args: Any, owner: bytes = b"process") -> Any:
        return self.pair.run(self.fs.locks.test(self.file.opened, owner, *args))


class World:
    def __init__(self) -> None:
        self.pair = Pair()
        self.run = self.pair.run
        first = self.pair.client(b"first")
        self.run(first.write_bytes("file", b"0123456789"))
        self.one = User(self, b"one")
        self.two = User(self, b"two")


@pytest.fixture
def world() -> World:
    return World()


def test_a_lock_keeps_others_out(world: World) -> None:
    world.run(world.one.lock(WRITE_LT, 2, 3))
    with pytest.raises(BlockingIOError) as caught:
        world.run(world.two.lock(READ_LT, 4, 10))
    assert isinstance(caught.value, NfsError)
    assert caught.value.status == t.NFS4ERR_DENIED
    world.run(world.two.lock(READ_LT, 5, 10))
    denied = world.two.test(READ_LT, 0)
    assert (denied.offset, denied.length, denied.locktype) == (2, 3, WRITE_LT)
    assert denied.owner.owner == b"process"
    assert world.two.test(READ_LT, 5) is None
    world.run(world.one.unlock(2, 3))
    world.run(world.two.lock(READ_LT, 0))


def test_owners_of_one_client_are_told_apart(world: World) -> None:
    world.run(world.one.lock(WRITE_LT, owner=b"a"))
    with pytest.raises(BlockingIOError):
        world.run(world.one.lock(READ_LT, owner=b"b"))
    world.run(world.one.lock(READ_LT, owner=b"a"))
    world.run(world.one.lock(READ_LT, owner=b"b"))


def test_a_waiting_lock_comes_when_it_can(world: World) -> None:
    world.run(world.one.lock(WRITE_LT))
    task = Task(world.two.lock(WRITE_LT, wait=True))
    world.pair.wait(3)
    assert not task.done()
    world.run(world.one.unlock())
    world.pair.reactor.turn(task)
    task.result()
    assert world.one.test(READ_LT).locktype == WRITE_LT


def test_a_waiting_lock_is_told_of_and_not_polled_for(world: World) -> None:
    assert world.two.file.opened.notifies
    world.run(world.one.lock(WRITE_LT))
    task = Task(world.two.lock(WRITE_LT, wait=True))
    world.pair.wait(1)
    before, began = calls(world.two.fs), world.pair.reactor.now
    world.pair.wait(5)
    assert calls(world.two.fs) == before
    world.run(world.one.unlock())
    world.pair.reactor.turn(task)
    task.result()
    assert world.pair.reactor.now < began + 5.1
    assert calls(world.two.fs) == before + 1
    assert not len(world.two.fs.open_operations.opens.notices)
    assert not len(world.pair.server.lock_notices.table)


def test_a_notice_that_is_lost_is_made_up_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = world.two.fs.open_operations.opens.notices
    monkeypatch.setattr(notices, "came", lambda handle, owner: None)
    world.run(world.one.lock(WRITE_LT))
    task = Task(world.two.lock(WRITE_LT, wait=True))
    world.pair.wait(1)
    world.run(world.one.unlock())
    world.pair.wait(5)
    assert not task.done()
    world.pair.wait(5)
    task.result()


def test_a_server_that_does_not_tell_is_polled(world: World) -> None:
    world.two.file.opened.notifies = False
    world.run(world.one.lock(WRITE_LT))
    task = Task(world.two.lock(WRITE_LT, wait=True))
    before = calls(world.two.fs)
    world.pair.wait(1)
    assert calls(world.two.fs) > before + 2
    task.cancel()


def test_who_waits_survives_a_restart_of_the_server(world: World) -> None:
    world.run(world.one.lock(WRITE_LT))
    task = Task(world.two.lock(WRITE_LT, wait=True))
    world.pair.wait(1)
    world.pair.restart()
    world.pair.wait(20)
    assert not task.done()
    world.run(world.one.unlock())
    world.pair.reactor.turn(task)
    task.result()


def test_who_stops_waiting_has_no_lock(world: World) -> None:
    world.run(world.one.lock(WRITE_LT))
    task = Task(world.two.lock(WRITE_LT, wait=True))
    world.pair.wait(3)
    task.cancel()
    assert isinstance(task.error(), Cancelled)
    world.run(world.one.unlock())
    world.pair.wait(10)
    assert world.one.test(WRITE_LT) is None


def test_a_lock_that_is_granted_too_late_is_given_back(world: World) -> None:
    world.run(world.two.lock(READ_LT, 0, 4))
    task = Task(world.two.lock(WRITE_LT, 0, 8))
    task.cancel()
    world.pair.wait(1)
    assert world.one.test(WRITE_LT, 4, 4) is None
    denied = world.one.test(WRITE_LT, 0, 4)
    assert (denied.offset, denied.length, denied.locktype) == (0, 4, READ_LT)


def test_closing_unlocks(world: World) -> None:
    world.run(world.one.lock(WRITE_LT, 0, 2))
    world.run(world.one.lock(READ_LT, 8, 2, owner=b"another"))
    before = calls(world.one.fs)
    world.run(world.one.file.close())
    assert calls(world.one.fs) - before == 1
    assert world.two.test(WRITE_LT) is None


def test_unlocking_what_is_not_locked_is_nothing(world: World) -> None:
    before = calls(world.one.fs)
    world.run(world.one.unlock())
    assert calls(world.one.fs) == before


def test_locks_are_claimed_back_after_a_restart(world: World) -> None:
    world.run(world.one.lock(WRITE_LT, 0, 4))
    world.run(world.one.lock(READ_LT, 6, FOREVER, owner=b"another"))
    world.pair.restart()
    world.run(world.one.fs.stat("file"))
    world.run(world.one.file.write_at(0, memoryview(b"ours")))
    world.pair.wait(200)  # the grace period is over
    with pytest.raises(BlockingIOError):
        world.run(world.two.lock(READ_LT, 3, 1))
    assert world.two.test(WRITE_LT, 7, 1).locktype == READ_LT
    world.run(world.one.unlock())
    world.run(world.one.unlock(owner=b"another"))
    world.run(world.two.lock(WRITE_LT))


def test_locks_that_are_lost_are_told_of(world: World) -> None:
    world.run(world.one.lock(WRITE_LT, 0, 4))
    world.pair.partition(world.one.fs)
    world.pair.wait(1000)
    world.run(world.two.lock(WRITE_LT))  # the lease of the other has run out
    world.pair.heal()
    buffer = memoryview(bytearray(4))
    with pytest.raises(OSError, match="lost the locks") as caught:
        world.run(world.one.file.read_at(0, buffer))
    assert caught.value.errno == errno.EIO
    with pytest.raises(OSError, match="lost the locks"):
        world.run(world.one.file.write_at(0, memoryview(b"x")))
    with pytest.raises(OSError, match="unlock first") as caught:
        world.run(world.one.lock(READ_LT))
    assert caught.value.errno == errno.ENOLCK
    world.run(world.one.unlock())
    assert world.run(world.one.file.read_at(0, buffer)) == 4
    with pytest.raises(BlockingIOError):
        world.run(world.one.lock(READ_LT))


SPAN = st.tuples(st.integers(0, 20), st.one_of(st.integers(1, 12), st.just(FOREVER)))


@given(st.lists(st.tuples(st.sampled_from([0, READ_LT, WRITE_LT]), SPAN), max_size=12))
def test_ranges_are_what_octet_by_octet_they_would_be(steps: list[Any]) -> None:
    held = HeldLocks(b"owner", t.stateid4(1, bytes(12)))
    octets = [0] * 40
    for kind, (offset, length) in steps:
        if kind:
            held.add(kind, offset, length)
        else:
            held.remove(offset, length)
        end = 40 if length == FOREVER else min(40, offset + length)
        octets[offset:end] = [kind] * (end - offset)
    found = [0] * 40
    for each in held.ranges:
        assert each.start < each.end
        for at in range(each.start, min(each.end, 40)):
            assert not found[at], "ranges overlap"
            found[at] = each.kind
    assert found == octets

"""Small files made through a mount: in two calls, and nobody sees the difference."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.fuse_kernel import GETXATTR, ROOT, FakeKernel
from tests.support.nfs_pair import Pair

from nfsrdma.client.errors import make_error
from nfsrdma.client.fuse import behind
from nfsrdma.client.nodes import Lifetimes

TIMES = Lifetimes(file_min=3, file_max=20, directory_min=5, directory_max=10)
MODE, UID, GID, MTIME, ATIME_NOW, MTIME_NOW = 1, 1 << 1, 1 << 2, 1 << 5, 1 << 7, 1 << 8
CALLS = ("OPEN", "WRITE", "COMMIT", "SETATTR", "GETATTR", "CLOSE")


class World:
    """A mount of which one thread makes files, and another client."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.run = self.pair.run
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.kernel = FakeKernel(self.fs, self.pair.reactor, TIMES)
        self.kernel.thread = 7
        self.run(self.kernel.begin())
        self._before: dict[str, int] = {}
        self.calls()

    def calls(self) -> dict[str, int]:
        """Return the calls since the last time."""
        now = {name: self.fs.stats.of(name).calls for name in CALLS}
        made = {name: now[name] - self._before.get(name, 0) for name in CALLS}
        self._before = now
        return {name: count for name, count in made.items() if count}

    def make(self, mode: int = 0o600, name: bytes = b"file") -> tuple[int, int]:
        flags = os.O_RDWR | os.O_EXCL
        entry, fh, _ = self.run(self.kernel.create(ROOT, name, flags, mode))
        return entry.node, fh

    def write(self, node: int, fh: int, offset: int, data: bytes) -> None:
        assert self.run(self.kernel.write(node, fh, offset, data)) == len(data)

    def close(self, node: int, fh: int) -> None:
        self.run(self.kernel.flush(node, fh))
        self.run(self.kernel.release(node, fh))

    def seen(self, name: str = "file") -> Any:
        return self.run(self.other.stat(name))


@pytest.fixture
def world() -> World:
    return World()


def test_a_small_file_takes_an_open_a_write_and_a_close(world: World) -> None:
    node, fh = world.make()
    kernel, run = world.kernel, world.run
    world.write(node, fh, 0, b"first")
    world.write(node, fh, 5, b" and second")
    told = run(kernel.setattr(node, MTIME, mtime=77))
    assert (told.mtime, told.st_size) == (77, 16)
    told = run(kernel.setattr(node, UID | GID))
    told = run(kernel.setattr(node, MODE, mode=0o100644))
    assert (told.mtime, told.st_size, told.st_mode) == (77, 16, 0o100644)
    assert world.calls() == {"OPEN": 1}
    run(kernel.flush(node, fh))
    assert world.calls() == {"WRITE": 1}
    run(kernel.release(node, fh))
    assert world.calls() == {"CLOSE": 1}
    status = world.seen()
    assert (status.st_mtime_ns, status.st_mode, status.st_size) == (77 * 10**9, 0o100644, 16)
    assert abs(status.st_atime_ns - status.st_ctime_ns) < 10**9, "not what an exclusive open keeps"
    assert world.run(world.other.read_bytes("file")) == b"first and second"
    assert run(kernel.getattr(node)).mtime == 77
    assert world.calls() == {}, "the attributes have come with it"
    assert world.fs.stats.resent_writes == 0


def test_an_attribute_that_nfs_has_not_is_refused_without_a_call(world: World) -> None:
    node, fh = world.make()
    world.write(node, fh, 0, b"data")
    body = struct.pack("=II", 1, 0) + b"system.posix_acl_access\0x"
    with pytest.raises(OSError, match="not supported"):
        world.run(world.kernel.call(21, node, body))
    name = b"security.capability\0"
    with pytest.raises(OSError, match="not supported"):
        world.run(world.kernel.call(GETXATTR, node, struct.pack("=I4x", 0) + name))
    assert world.calls() == {"OPEN": 1}
    world.close(node, fh)
    assert world.calls() == {"WRITE": 1, "CLOSE": 1}


def test_an_empty_file_has_the_times_of_now(world: World) -> None:
    node, fh = world.make()
    close = world.run(world.kernel.getattr(node)).mtime
    world.close(node, fh)
    assert world.calls() == {"OPEN": 1, "SETATTR": 1, "CLOSE": 1}
    status = world.seen()
    assert abs(status.st_mtime_ns - status.st_ctime_ns) < 10**9
    assert abs(status.st_mtime - close) < 2


def test_what_is_held_goes_after_a_while(world: World) -> None:
    node, fh = world.make()
    world.write(node, fh, 0, b"data")
    world.run(world.kernel.setattr(node, MTIME, mtime=5))
    world.pair.wait(3 * behind.HELD_S)
    assert world.calls() == {"OPEN": 1, "WRITE": 1}
    status = world.seen()
    assert (status.st_size, status.st_mtime) == (4, 5)
    assert not world.kernel.mounted.behind
    world.close(node, fh)


def test_data_alone_is_not_made_stable_before_somebody_asks(world: World) -> None:
    node, fh = world.make()
    world.write(node, fh, 0, b"data")
    world.pair.wait(3 * behind.HELD_S)
    assert world.calls() == {"OPEN": 1, "WRITE": 1, "SETATTR": 1}
    world.write(node, fh, 4, b"more")
    world.run(world.kernel.fsync(node, fh))
    assert world.calls() == {"WRITE": 1}, "with COMMIT"
    world.run(world.kernel.fsync(node, fh))
    world.close(node, fh)
    assert world.calls() == {"CLOSE": 1}


def test_what_is_written_after_a_change_is_written_after_it(world: World) -> None:
    node, fh = world.make()
    world.write(node, fh, 0, b"data")
    world.run(world.kernel.setattr(node, MTIME, mtime=5))
    world.write(node, fh, 4, b"more")
    world.close(node, fh)
    status = world.seen()
    assert (status.st_size, status.st_mtime == 5) == (8, False)


Do = Callable[[FakeKernel, int], Any]
SEEN_AT_ONCE: list[Do] = [
    lambda kernel, node: kernel.setattr(node, MODE, mode=0o100640),
    lambda kernel, node: kernel.setattr(node, MODE, mode=0o104755),
    lambda kernel, node: kernel.setattr(node, UID, uid=1),
    lambda kernel, node: kernel.setattr(node, 1 << 3, size=100),
    lambda kernel, node: kernel.getattr(node),
    lambda kernel, node: kernel.open(node, os.O_RDONLY),
]


@pytest.mark.parametrize("do", SEEN_AT_ONCE)
def test_whatever_else_is_done_waits_for_what_was_changed(world: World, do: Do) -> None:
    node, fh = world.make(0o644)
    world.write(node, fh, 0, b"data")
    world.run(world.kernel.setattr(node, MODE, mode=0o100664))
    assert world.seen().st_mode == 0o100644
    world.run(do(world.kernel, node))
    assert world.seen().st_mode != 0o100644
    assert world.seen().st_size >= 4
    assert not world.kernel.mounted.behind
    world.close(node, fh)


def test_another_thread_is_answered_when_it_is_done(world: World) -> None:
    node, fh = world.make(0o644)
    world.kernel.thread = 8
    world.run(world.kernel.setattr(node, MODE, mode=0o100666))
    assert world.seen().st_mode == 0o100666
    world.close(node, fh)


def test_so_is_who_does_not_own_the_file(world: World) -> None:
    world.kernel.who = (1000, 1000)  # a mount as one user, who is root
    node, fh = world.make(0o644)
    world.run(world.kernel.setattr(node, MODE, mode=0o100666))
    assert world.seen().st_mode == 0o100666
    world.close(node, fh)


def test_who_opened_it_otherwise_changes_it_at_once(world: World) -> None:
    node, fh = world.make()
    world.close(node, fh)
    fh, _ = world.run(world.kernel.open(node, os.O_RDWR))
    world.run(world.kernel.setattr(node, MODE, mode=0o100666))
    assert world.seen().st_mode == 0o100666
    world.close(node, fh)


def test_what_the_server_refuses_is_told_at_close(world: World) -> None:
    node, fh = world.make()
    world.write(node, fh, 0, b"data")
    world.run(world.kernel.setattr(node, MTIME, mtime=5))
    file = world.kernel.mounted.handles.file(fh).file.file

    async def refuse(*_: Any) -> Any:
        raise make_error(30, "read-only", "file")

    file.conclude = refuse  # type: ignore[method-assign]
    with pytest.raises(OSError, match="Read-only"):
        world.run(world.kernel.flush(node, fh))


def test_a_restart_loses_nothing_of_it(world: World) -> None:
    node, fh = world.make()
    world.write(node, fh, 0, b"data")
    world.run(world.kernel.setattr(node, MTIME, mtime=5))
    world.fs.wait_for_ever()
    world.pair.restart()
    world.close(node, fh)
    status = world.seen()
    assert (status.st_size, status.st_mtime) == (4, 5)


def test_a_listing_shows_the_times_of_what_was_just_made(world: World) -> None:
    node, fh = world.make()
    names = world.run(world.kernel.names(ROOT, plus=True))
    assert b"file" in names
    found = world.run(world.kernel.lookup(ROOT, b"file"))
    status = world.seen()
    assert found.attributes.mtime == int(status.st_mtime) == int(status.st_ctime)
    world.close(node, fh)

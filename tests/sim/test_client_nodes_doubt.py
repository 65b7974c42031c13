"""A server that restarts in the midst of a call: what is there says what became of the call."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from tests.support.nfs_pair import LATENCY_S, Pair

from nfsrdma.client.errors import UncertainOutcomeError
from nfsrdma.client.nodes import Lifetimes
from nfsrdma.client.nodes.doubt import certain
from nfsrdma.client.opens import READ, WRITE
from nfsrdma.rpcrdma.task import Task

NOT_EXECUTED, EXECUTED = 0.5 * LATENCY_S, 1.5 * LATENCY_S
"""When the server is restarted: before the request has come, and before its reply has come."""


class World:
    """A mount whose server is restarted during a call."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.run = self.pair.run
        self.nodes = self.fs.nodes(Lifetimes())
        self.root = self.run(self.nodes.root())
        self.run(self.other.write_bytes("file", b"data"))
        self.file = self.run(self.nodes.lookup(self.root, b"file"))

    def interrupted(self, coroutine: Any, when: float) -> Any:
        """Run an operation during which the server restarts ``when`` after the request was sent."""
        task = Task(coroutine)
        self.pair.wait(when)
        assert not task.done()
        self.pair.restart()
        self.pair.wait(200)
        return task.result()

    def names(self) -> list[str]:
        return sorted(self.run(self.other.listdir("")))


@pytest.fixture
def world() -> World:
    return World()


BOTH = pytest.mark.parametrize("when", [NOT_EXECUTED, EXECUTED], ids=["before", "after"])


@BOTH
def test_a_name_is_removed_once(world: World, when: float) -> None:
    world.interrupted(world.nodes.remove(world.root, b"file"), when)
    assert world.names() == []
    with pytest.raises(FileNotFoundError):
        world.run(world.nodes.lookup(world.root, b"file"))


@BOTH
def test_a_name_is_moved_once(world: World, when: float) -> None:
    world.interrupted(world.nodes.rename(world.root, b"file", world.root, b"new"), when)
    assert world.names() == ["new"]
    assert world.run(world.nodes.lookup(world.root, b"new")) is world.file


@BOTH
def test_a_file_is_linked_once(world: World, when: float) -> None:
    node = world.interrupted(world.nodes.link(world.file, world.root, b"again"), when)
    assert node is world.file
    assert world.names() == ["again", "file"]
    assert world.run(world.nodes.refresh(node)).st_nlink == 2


@BOTH
def test_a_file_is_made_once_and_exclusively(world: World, when: float) -> None:
    made = world.interrupted(
        world.nodes.create(world.root, b"new", READ | WRITE, 0o640, exclusive=True), when
    )
    assert made.node.status.st_mode & 0o777 == 0o640
    stat = world.run(world.other.stat("new"))
    now = world.run(world.other.stat("file")).st_mtime
    assert abs(stat.st_mtime - now) < 1000, "the times are not those of the verifier"
    assert abs(stat.st_atime - now) < 1000
    world.run(made.close())
    with pytest.raises(FileExistsError):
        world.run(world.nodes.create(world.root, b"new", WRITE, 0o640, exclusive=True))


@BOTH
def test_a_link_is_made_once(world: World, when: float) -> None:
    world.interrupted(world.nodes.symlink(world.root, b"link", b"target"), when)
    assert world.names() == ["file", "link"]


def test_a_directory_may_be_anothers(world: World) -> None:
    world.interrupted(world.nodes.mkdir(world.root, b"one", 0o755), NOT_EXECUTED)
    with pytest.raises(UncertainOutcomeError):
        world.interrupted(world.nodes.mkdir(world.root, b"two", 0o755), EXECUTED)
    assert world.names() == ["file", "one", "two"]


def test_what_has_come_in_the_place_of_what_was_removed_stays(world: World) -> None:
    task = Task(world.nodes.remove(world.root, b"file"))
    world.pair.wait(EXECUTED)
    world.pair.restart()
    world.run(world.other.write_bytes("file", b"of another"))
    world.pair.wait(200)
    task.result()
    assert bytes(world.run(world.other.read_bytes("file"))) == b"of another"


def test_a_server_without_exclusive_creates_gets_guarded_ones(world: World) -> None:
    world.fs.habits.exclusive_create = False
    file = world.run(world.nodes.create(world.root, b"new", WRITE, 0o600, exclusive=True))
    world.run(file.close())
    with pytest.raises(FileExistsError):
        world.run(world.nodes.create(world.root, b"new", WRITE, 0o600, exclusive=True))


def test_attempts_come_to_an_end(world: World) -> None:
    tried: list[None] = []

    async def attempt() -> None:
        tried.append(None)
        raise UncertainOutcomeError("lost")

    async def not_done() -> bool:
        return False

    with pytest.raises(OSError, match="lost") as caught:
        world.run(certain(attempt, not_done))
    assert caught.value.errno == errno.EIO
    assert len(tried) < 20

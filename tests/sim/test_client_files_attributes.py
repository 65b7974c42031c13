"""Attributes that are set while data of the file is on its way or not yet stable."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.support.files_world import DATA, World, written
from tests.support.nfs_fake import Refused

from nfsrdma.client.attributes import Stat, encode_attributes
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.task import Task, gather
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_written_again_after_attributes_were_set(world: World) -> None:
    """It would have another time, and no set-user-ID."""
    file, node = written(world, b"abcd")
    world.server.restart()
    assert not node.data
    world.server.log.clear()
    world.run(file.set_attributes(encode_attributes(mode=0o4755, mtime_ns=1)))
    assert node.stable == b"abcd"
    last = [name for operations in world.server.log for name in operations if name != "GETATTR"]
    assert last[-1] == "SETATTR", "after what was written again"
    assert "WRITE" in last
    world.run(file.set_attributes(encode_attributes(mode=0o755)))
    world.server.restart()
    world.run(file.close())
    assert world.fs.stats.resent_writes == 1


NOW = encode_attributes(mode=0o600, mtime_ns=7)


def test_data_is_written_and_attributes_are_set_in_one_call(world: World) -> None:
    file = world.open("w", "new")
    world.server.log.clear()
    status = world.run(file.conclude(0, memoryview(b"abcd"), NOW))
    assert [names[1:] for names in world.server.log] == [
        ["PUTFH", "WRITE", "SETATTR", "COMMIT", "GETATTR"]
    ]
    assert (status.st_size, status.st_mode & 0o777) == (4, 0o600)
    node = world.server.root.children[b"new"]
    assert node.stable == b"abcd"
    world.server.log.clear()
    world.run(file.write_at(4, memoryview(b"ef")))
    world.run(file.conclude(6, memoryview(b"gh")))
    together = ["PUTFH", "WRITE", "COMMIT", "GETATTR"]
    assert [names[1:] for names in world.server.log] == [["PUTFH", "WRITE"], together]
    assert node.stable == b"abcdefgh"
    world.run(file.close())
    assert world.fs.stats.resent_writes == 0


def test_what_a_restart_has_lost_is_written_again_before_attributes_are_set(world: World) -> None:
    file, node = written(world, b"abcd")
    world.server.restart()
    world.server.log.clear()
    world.run(file.conclude(3, memoryview(b"xyz"), NOW))
    assert node.stable == b"abcxyz"
    assert world.server.log[-1][1:] == ["PUTFH", "SETATTR", "GETATTR"]
    assert world.fs.stats.resent_writes >= 1
    world.run(file.close())
    assert "COMMIT" not in world.server.log[-1]


def test_what_is_written_short_is_completed_before_attributes_are_set(world: World) -> None:
    real = world.server.op_write

    def stingy(args: t.WRITE4args) -> bytes:
        return real(t.WRITE4args(args.stateid, args.offset, args.stable, args.data[:1000]))

    world.server.op_write = stingy  # type: ignore[method-assign]
    file = world.open("w", "new")
    world.run(file.conclude(0, memoryview(DATA[:2500]), NOW))
    assert world.server.root.children[b"new"].stable == DATA[:2500]
    assert world.server.log[-1][1:] == ["PUTFH", "SETATTR", "GETATTR"]
    world.run(file.close())


@pytest.mark.parametrize("before", [b"", b"ab"])
def test_what_was_written_is_stable_though_the_attributes_are_refused(
    world: World, before: bytes
) -> None:
    def refuse(args: t.SETATTR4args) -> bytes:
        raise Refused(t.NFS4ERR_PERM)

    file = world.open("w", "new")
    if before:
        world.run(file.write_at(0, memoryview(before)))
    world.server.op_setattr = refuse  # type: ignore[method-assign]
    with pytest.raises(PermissionError):
        world.run(file.conclude(2, memoryview(b"cd"), NOW))
    assert not world.fs.files.unstable
    assert world.server.root.children[b"new"].stable[-2:] == b"cd"
    world.server.log.clear()
    world.run(file.close())
    assert "COMMIT" not in world.server.log[0], "nothing is left to commit"


CHANGES: list[Callable[[FileSystem], Coroutine[Any, Any, Any]]] = [
    lambda fs: fs.utime("new", ns=(1, 1)),
    lambda fs: fs.chmod("link", 0o4755),
    lambda fs: fs.chown("new", 0),
    lambda fs: fs.truncate("new", 4),
    lambda fs: fs.set_acl("link", []),
]


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_written_again_after_attributes_were_set_by_path(
    world: World, change: Callable[[FileSystem], Coroutine[Any, Any, Any]]
) -> None:
    file, node = written(world, b"abcd")
    world.server.add("link", t.NF4LNK, target=b"new")
    world.server.restart()
    world.server.log.clear()
    world.run(change(world.fs))
    assert node.stable == b"abcd"
    names = [name for operations in world.server.log for name in operations]
    assert len(names) - names[::-1].index("SETATTR") > len(names) - names[::-1].index("WRITE")
    world.server.log.clear()
    world.run(file.close())
    assert "WRITE" not in world.server.log[0]
    assert world.fs.stats.resent_writes == 1


def test_attributes_set_by_path_take_one_call_unless_something_is_unstable(world: World) -> None:
    world.server.log.clear()
    world.run(world.fs.chmod("file", 0o600))
    assert len(world.server.log) == 1
    _, node = written(world, b"abcd")
    world.run(world.fs.chmod("file", 0o640))
    assert not node.stable, "it is another file"


def test_attributes_are_set_when_a_commit_of_others_is_over(world: World) -> None:
    file, node = written(world, b"abcd")
    world.server.restart()
    world.server.log.clear()
    tasks = [Task(file.commit()), Task(file.set_attributes(encode_attributes(mtime_ns=1)))]
    world.run(gather(tasks))
    names = [name for operations in world.server.log for name in operations]
    assert names.index("SETATTR") > names.index("WRITE")
    assert node.stable == b"abcd"


LOOKS: list[tuple[Callable[[FileSystem], Coroutine[Any, Any, Any]], Any]] = [
    (lambda fs: _size(fs.stat("new")), 4),
    (lambda fs: _size(fs.stat("link")), 4),
    (lambda fs: _size(fs.lstat("new")), 4),
    (lambda fs: fs.read_bytes("new"), b"abcd"),
    (lambda fs: fs.read_bytes("link"), b"abcd"),
    (lambda fs: _listed(fs), 4),
    (lambda fs: _seen_by_nodes(fs), 4),
]


async def _size(looking: Coroutine[Any, Any, Stat]) -> int:
    return (await looking).st_size


async def _listed(fs: FileSystem) -> int:
    (entry,) = [entry for entry in await fs.scandir() if entry.name == "new"]
    return entry.stat().st_size


async def _seen_by_nodes(fs: FileSystem) -> int:
    nodes = fs.nodes()
    root = await nodes.root()
    (listed,) = [each for each in (await nodes.readdir(root)).entries if each.name == b"new"]
    assert listed.node is not None
    assert listed.node.status.st_size == 4
    node = await nodes.lookup(root, b"new")
    assert node.status.st_size == 4
    return (await nodes.refresh(node)).st_size


@pytest.mark.parametrize(("look", "expected"), LOOKS)
@pytest.mark.parametrize("committing", [False, True])
def test_who_looks_by_path_sees_what_a_restart_has_lost(
    world: World,
    look: Callable[[FileSystem], Coroutine[Any, Any, Any]],
    expected: Any,
    committing: bool,
) -> None:
    """Also while it is just being written again."""
    file, node = written(world, b"abcd")
    world.server.add("link", t.NF4LNK, target=b"new")
    world.server.restart()
    tasks: list[Task[Any]] = [Task(file.commit())] if committing else []
    tasks.append(Task(look(world.fs)))
    assert world.run(gather(tasks))[-1] == expected
    assert node.stable == b"abcd"
    world.server.log.clear()
    world.run(look(world.fs))
    assert not any("COMMIT" in names for names in world.server.log[:1])


def test_a_look_is_a_failure_only_if_it_is_for_the_data(world: World) -> None:
    """What cannot be written again is told to who commits or closes, and who reads."""
    file, _ = written(world, b"abcd")
    world.server.restart()

    def full(args: t.WRITE4args) -> bytes:
        raise Refused(t.NFS4ERR_NOSPC)

    world.server.op_write = full  # type: ignore[method-assign]
    assert world.run(world.fs.stat("new")).st_size == 0
    assert world.run(_listed(world.fs)) == 0
    with pytest.raises(OSError, match="space"):
        world.run(world.fs.read_bytes("new"))
    with pytest.raises(OSError, match="space"):
        world.run(file.close())

"""What a server answers is believed only as far as it makes sense, and errors name their file."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random

import pytest
from tests.sim.test_client_transfer import World
from tests.support.nfs_fake import Node, Refused

from nfsrdma.client.descent import Descent
from nfsrdma.client.errors import LocalError, NfsError, ProtocolError
from nfsrdma.client.trees import TreeError
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t

DATA = bytes(range(256)) * 1200


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    tree = world.server.add("tree", t.NF4DIR)
    world.server.add("good", parent=tree, data=b"good")
    return world


@pytest.fixture
def tree(world: World) -> Node:
    return world.server.root.children[b"tree"]


def failures(world: World) -> dict[str, int | None]:
    """The names that a copy of the tree fails for, and why; the good file is there."""
    with pytest.raises(TreeError) as caught:
        world.get("tree", "copy")
    assert (world.path / "copy/good").read_bytes() == b"good"
    return {str(error.filename): error.errno for error in caught.value.failures}


def give(world: World, node: Node, attribute: int, value: object) -> None:
    """Have the server say so of one node."""
    real = world.server.values
    world.server.values = lambda of: (  # type: ignore[method-assign]
        real(of) | {attribute: value} if of is node else real(of)
    )


@pytest.mark.parametrize("size", [1 << 63, (1 << 64) - 1])
def test_a_size_that_no_file_here_can_have(world: World, tree: Node, size: int) -> None:
    bad = world.server.add("bad", parent=tree)
    give(world, bad, t.FATTR4_SIZE, size)
    assert failures(world) == {str(world.path / "copy/bad"): errno.EOVERFLOW}
    assert {path.name for path in (world.path / "copy").iterdir()} == {"good"}


def test_a_target_that_no_link_here_can_have(world: World, tree: Node) -> None:
    world.server.add("bad", t.NF4LNK, tree, target=b"a\0b")
    assert failures(world) == {str(world.path / "copy/bad"): errno.EINVAL}


@pytest.mark.parametrize("data", [b"small", DATA])
def test_a_read_of_nothing_is_no_end_of_file(world: World, tree: Node, data: bytes) -> None:
    """RFC 8881, Section 18.22.3: the end is where the server says that it is."""
    bad = world.server.add("bad", parent=tree, data=data)
    real = world.server.op_read

    def nothing(args: t.READ4args) -> bytes:
        if world.server._now is not bad:
            return real(args)
        enc = Encoder()
        enc.boolean(False)
        enc.opaque(b"")
        return bytes(enc.buffer)

    world.server.op_read = nothing  # type: ignore[method-assign]
    assert failures(world) == {"tree/bad": errno.EPROTO}

    async def read() -> bytes:
        file = await world.fs.open("tree/bad", "r")
        buffer = bytearray(1000)
        return bytes(buffer[: await file.read_at(0, memoryview(buffer))])

    for coroutine in (read(), world.fs.read_bytes("tree/bad")):
        with pytest.raises(ProtocolError, match="not the end of the file") as caught:
            world.reactor.run(coroutine)
        assert caught.value.filename == "tree/bad"


def test_more_than_was_asked_for_is_refused(world: World) -> None:
    def more(args: t.READ4args) -> bytes:
        enc = Encoder()
        enc.boolean(True)
        enc.opaque(bytes(args.count + 1))
        world.server.payload += len(enc.buffer) - 8
        return bytes(enc.buffer)

    world.server.op_read = more  # type: ignore[method-assign]
    with pytest.raises(ProtocolError, match="were asked for"):
        world.reactor.run(world.fs.read_bytes("tree/good"))


@pytest.mark.parametrize("data", [b"small", DATA])
def test_what_was_to_be_stable_is_stable(world: World, data: bytes) -> None:
    """RFC 8881, Section 18.32.3: a server commits no less than it was asked to."""
    real = world.server.op_write
    count = 0

    def unstable(args: t.WRITE4args) -> bytes:
        nonlocal count
        count += 1
        world.server.verifier = count.to_bytes(8)  # it keeps restarting
        return real(t.WRITE4args(args.stateid, args.offset, t.UNSTABLE4, args.data))

    world.server.op_write = unstable  # type: ignore[method-assign]
    (world.path / "file").write_bytes(data)
    with pytest.raises(ProtocolError, match="stable storage") as caught:
        world.put("file", "file")
    assert caught.value.filename == "file"


def test_a_directory_below_itself(world: World, tree: Node) -> None:
    below = world.server.add("below", t.NF4DIR, tree)
    below.children[b"tree"] = tree
    found = failures(world)
    assert list(found.values()) == [errno.ELOOP]
    assert len(world.server.log) < 60
    world.server.log.clear()
    with pytest.raises(NfsError, match="go round"):
        world.reactor.run(world.fs.rmtree("tree"))
    assert len(world.server.log) < 60


@pytest.mark.parametrize("seed", range(40))
def test_any_way_down_that_goes_round_ends_and_no_other(seed: int) -> None:
    rng = Random(seed)
    tail, ring = rng.randrange(1, 60), rng.randrange(1, 60)
    handles = [b"%d" % number for number in range(tail + ring)]
    descent, steps = Descent(handles[0]), 0
    for handle in handles[1:]:
        descent = descent.below(handle, lambda: "")

    def round_and_round() -> None:
        nonlocal descent, steps
        while True:
            handle = handles[tail + steps % ring]
            steps += 1
            descent = descent.below(handle, lambda: "here")

    with pytest.raises(NfsError) as caught:
        round_and_round()
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, "here")
    assert steps <= 3 * (tail + ring)


def test_what_was_listed_before_a_listing_failed_is_copied(world: World, tree: Node) -> None:
    """And the directories above have their modes and times in the end."""
    below = world.server.add("a", t.NF4DIR, tree)
    world.server.add("file", parent=below, data=b"1")
    for number in range(9):
        world.server.add(f"z{number}", parent=tree, data=b"2")
    tree.mode = 0o750
    real = world.server.op_readdir

    def later(args: t.READDIR4args) -> bytes:
        if args.cookie:
            world.server.root.children.pop(b"tree", None)
            raise Refused(t.NFS4ERR_STALE)
        return real(args)

    world.server.op_readdir = later  # type: ignore[method-assign]
    assert failures(world) == {"tree": errno.ESTALE}
    assert (world.path / "copy/a/file").read_bytes() == b"1"
    assert (world.path / "copy").stat().st_mode & 0o777 == 0o750


def test_what_another_removes_meanwhile_is_removed(world: World, tree: Node) -> None:
    below = world.server.add("a", t.NF4DIR, tree)
    world.server.add("file", parent=below, data=b"1")
    real = world.server.op_remove

    def twice(args: t.REMOVE4args) -> bytes:
        real(args)
        return real(args)  # NOENT, as if somebody had been quicker

    world.server.op_remove = twice  # type: ignore[method-assign]
    world.reactor.run(world.fs.rmtree("tree"))
    assert not world.server.root.children


@pytest.mark.parametrize("name", ["pipe", "directory"])
def test_what_is_not_replaced_is_known_before_anything_comes(world: World, name: str) -> None:
    (world.path / "directory").mkdir()
    (world.path / "pipe").symlink_to("/dev/null")
    world.server.log.clear()
    with pytest.raises(LocalError, match="not replaced"):
        world.get("tree/good", name)
    assert not any("READ" in ops for ops in world.server.log)

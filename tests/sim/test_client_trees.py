"""Whole trees by their handles: however deep, whatever is known of an entry, and to the end."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer, Node, Refused

from nfsrdma.client.entries import DirEntry
from nfsrdma.client.errors import NfsError
from nfsrdma.client.trees import TreeError
from nfsrdma.xdr.nfs4 import types as t


class World:
    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.fs = self.server.mounted()

    def run(self, coroutine: Any) -> Any:
        return self.reactor.run(coroutine)

    def deep(self, levels: int, name: str) -> None:
        here: Node | None = None
        for _ in range(levels):
            here = self.server.add(name, t.NF4DIR, here)
            self.server.add("file", parent=here)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(("levels", "name"), [(3000, "d"), (300, "n" * 60)])
def test_no_depth_is_too_deep(world: World, levels: int, name: str) -> None:
    """Neither for Python's stack nor for a path, of which NFS knows no longest one."""
    world.deep(levels, name)
    (where,) = world.run(world.fs.scandir())
    for _ in range(levels - 1):
        where, _ = sorted(world.run(world.fs.scandir(where)), key=DirEntry.is_file)
    assert len(where.path) > 3000
    world.run(world.fs.rmtree(name))
    assert world.server.root.children == {}


def test_an_entry_without_attributes_is_an_entry(world: World) -> None:
    directory = world.server.add("d", t.NF4DIR)
    hidden = world.server.add("a", parent=directory)
    below = world.server.add("b", t.NF4DIR, directory)
    world.server.add("c", parent=below)
    world.server.attributeless = {hidden.handle, below.handle}
    entries = world.run(world.fs.scandir("d"))
    assert [entry.name for entry in entries] == ["a", "b"]
    assert not any(e.is_dir() or e.is_file() or e.is_symlink() or e.handle for e in entries)
    for entry in entries:
        with pytest.raises(PermissionError) as caught:
            entry.stat()
        assert caught.value.filename == entry.path
    assert [entry.name for entry in world.run(world.fs.scandir(entries[1]))] == ["c"]
    world.run(world.fs.rmtree("d"))
    assert world.server.root.children == {}


def test_what_cannot_be_removed_is_told_and_the_rest_goes(world: World) -> None:
    tree = world.server.add("t", t.NF4DIR)
    for name in ("b", "c"):
        directory = world.server.add(name, t.NF4DIR, tree)
        for index in range(20):
            world.server.add(f"{name}{index}", parent=directory)
    real = world.server.op_remove

    def stubborn(args: t.REMOVE4args) -> bytes:
        if args.target in (b"b3", b"b11"):
            raise Refused(t.NFS4ERR_PERM)
        if world.server._now.children[args.target].children:
            raise Refused(t.NFS4ERR_NOTEMPTY)
        return real(args)

    world.server.op_remove = stubborn  # type: ignore[method-assign]
    with pytest.raises(TreeError) as caught:
        world.run(world.fs.rmtree("t"))
    assert sorted(str(error.filename) for error in caught.value.failures) == ["t/b/b11", "t/b/b3"]
    assert caught.value.failed == 2
    assert set(tree.children) == {b"b"}
    assert set(tree.children[b"b"].children) == {b"b3", b"b11"}
    del tree.children[b"b"].children[b"b3"]
    with pytest.raises(PermissionError):  # a single one is its own error
        world.run(world.fs.rmtree("t"))


def test_a_directory_that_became_a_link_leads_nowhere(world: World) -> None:
    """Between its listing and its turn a directory is moved away, and a link has its name."""
    precious = world.server.add("precious", t.NF4DIR)
    world.server.add("keep", parent=precious)
    tree = world.server.add("tree", t.NF4DIR)
    victim = world.server.add("victim", t.NF4DIR, tree)
    world.server.add("own", parent=victim)
    real = world.server.op_readdir

    def swap(args: t.READDIR4args) -> bytes:
        listed = real(args)
        if world.server._now is tree:
            link = Node(b"link", t.NF4LNK, target=b"../precious")
            world.server.nodes[link.handle] = link
            tree.children[b"victim"] = link
        return listed

    world.server.op_readdir = swap  # type: ignore[method-assign]
    world.run(world.fs.rmtree("tree"))
    assert set(precious.children) == {b"keep"}
    assert set(world.server.root.children) == {b"precious"}


def test_a_server_out_of_reach_ends_it(world: World) -> None:
    world.deep(3, "d")
    world.server.up = False
    for channel in world.server.channels:
        channel.lose()
    with pytest.raises(NfsError) as caught:
        world.run(world.fs.rmtree("d"))
    assert not isinstance(caught.value, TreeError)

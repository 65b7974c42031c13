"""Copies of trees when things go wrong: nothing half, nothing elsewhere, nothing left over."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer, Node, Refused

from nfsrdma.client.edge.local import LocalDisk, local_tree
from nfsrdma.client.errors import NfsError
from nfsrdma.client.transfer import TEMPORARY, Transfer, TransferOptions, join, temporary_name
from nfsrdma.rpcrdma.task import Cancelled, Task
from nfsrdma.xdr.nfs4 import types as t

DATA = bytes(range(256)) * 1024


class World:
    def __init__(self, tmp_path: Path) -> None:
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.disk = LocalDisk(tmp_path)
        self.path = tmp_path
        self.fs = self.server.mounted()
        self.options = TransferOptions(recursive=True, parallel=4)

    def transfer(self) -> Transfer:
        return Transfer(self.fs, self.disk, self.options)

    def get(self, source: str, path: str) -> Transfer:
        transfer = self.transfer()
        self.reactor.run(transfer.get(source, path))
        return transfer

    def put(self, source: str, path: str) -> Transfer:
        transfer = self.transfer()
        self.reactor.run(transfer.put(source, path))
        return transfer

    def local(self) -> set[str]:
        return {str(p.relative_to(self.path)) for p in self.path.rglob("*")}

    def remote(self, node: Node | None = None) -> set[str]:
        names: set[str] = set()
        for name, child in (node or self.server.root).children.items():
            names.add(name.decode())
            names |= {f"{name.decode()}/{below}" for below in self.remote(child)}
        return names

    def tree(self) -> None:
        directory = self.server.add("tree", t.NF4DIR)
        for index in range(20):
            self.server.add(f"f{index}", parent=directory, data=bytes([index]) * index)
        self.server.add("large", parent=directory, data=DATA)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_small_files_take_one_call_each(world: World) -> None:
    world.tree()
    world.get("tree", "copy")
    reads = [ops for ops in world.server.log if ops == ["SEQUENCE", "PUTFH", "READ"]]
    assert len(reads) == 19 + 4  # and four pieces of the large one; the empty one takes none
    world.server.log.clear()
    world.put("copy/f7", "again")
    assert world.server.log == [
        ["SEQUENCE", "PUTFH", "SAVEFH", "OPEN", "GETFH", "WRITE", "SETATTR", "CLOSE", "PUTFH",
         "RENAME"]
    ]  # fmt: skip
    assert world.server.root.children[b"again"].stable == bytes([7]) * 7
    assert not world.server.opens


def test_a_server_may_read_less_than_asked(world: World) -> None:
    world.tree()
    real = world.server.op_read

    def stingy(args: t.READ4args) -> bytes:
        return real(t.READ4args(args.stateid, args.offset, min(args.count, 6)))

    world.server.op_read = stingy  # type: ignore[method-assign]
    del world.server.root.children[b"tree"].children[b"large"]
    world.get("tree", "copy")
    for index in range(20):
        assert (world.path / f"copy/f{index}").read_bytes() == bytes([index]) * index


def test_files_are_in_flight_together(world: World) -> None:
    directory = world.server.add("tree", t.NF4DIR)
    for index in range(40):
        world.server.add(f"f{index}", parent=directory, data=b"x")
    start = world.reactor.now
    world.get("tree", "copy")
    # Each call takes two milliseconds: 14 pages, and the files in the meantime.
    assert world.reactor.now - start < 0.045


def test_links_that_would_lead_elsewhere_are_not_written_through(
    world: World, tmp_path: Path
) -> None:
    """A directory that has one name twice: a link out of the tree, and a directory."""
    (tmp_path / "outside").mkdir()
    directory = world.server.add("tree", t.NF4DIR)
    below = world.server.add("evil", t.NF4DIR, directory)
    world.server.add("passwd", parent=below, data=b"root::0:0")
    real = world.server.op_readdir

    def twice(args: t.READDIR4args) -> bytes:
        if world.server._now is not directory:
            return real(args)
        link = Node(b"link", t.NF4LNK, target=b"../outside")
        world.server.nodes[link.handle] = link
        directory.children[b"evil"] = link
        first = real(args)
        directory.children[b"evil"] = below
        second = real(args)
        return first[:-8] + second[8:]

    world.server.op_readdir = twice  # type: ignore[method-assign]
    world.server.op_readlink = (  # type: ignore[method-assign]
        lambda args: struct.pack(">I", 10) + b"../outside\0\0"
    )
    with pytest.raises(FileExistsError):
        world.get("tree", "copy")
    assert list((tmp_path / "outside").iterdir()) == []


def test_bits_that_lend_an_identity_are_not_taken_from_a_server(world: World) -> None:
    world.server.add("tool", data=b"#!").mode = 0o4755
    world.get("tool", "tool")
    assert (world.path / "tool").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("size", [5, len(DATA)])
def test_a_file_that_changes_while_it_is_read(world: World, size: int) -> None:
    node = world.server.add("file", data=DATA[:size])
    real = world.server.op_read

    def shrink(args: t.READ4args) -> bytes:
        node.data = bytearray(b"123")
        return real(args)

    world.server.op_read = shrink  # type: ignore[method-assign]
    with pytest.raises(OSError, match="changed meanwhile"):
        world.get("file", "copy")
    assert world.local() == set()


def test_a_read_that_fails_stops_the_copy(world: World) -> None:
    world.tree()

    def refuse(args: t.READ4args) -> bytes:
        raise Refused(t.NFS4ERR_IO)

    world.server.op_read = refuse  # type: ignore[method-assign]
    with pytest.raises(NfsError):
        world.get("tree", "copy")
    assert not any(TEMPORARY in name for name in world.local())


@pytest.mark.parametrize("size", [5, len(DATA)])
def test_a_write_that_fails_leaves_nothing(world: World, size: int) -> None:
    (world.path / "file").write_bytes(DATA[:size])

    def full(args: t.WRITE4args) -> bytes:
        raise Refused(t.NFS4ERR_NOSPC)

    world.server.op_write = full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no space"):
        world.put("file", "copy")
    assert world.remote() == set()
    assert not world.server.opens


@pytest.mark.parametrize("size", [5, len(DATA)])
def test_a_local_file_that_changes(
    world: World, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.path / "file").write_bytes(DATA[:size])
    real = LocalDisk.open

    def shrink(self: LocalDisk, path: str) -> object:
        os.truncate(world.path / "file", size - 1)
        return real(self, path)

    monkeypatch.setattr(LocalDisk, "open", shrink)
    with pytest.raises(OSError, match=r"changed|shorter"):
        world.put("file", "copy")
    assert world.remote() == set()


def test_a_large_file_that_arrived_short(world: World) -> None:
    (world.path / "file").write_bytes(DATA)
    real = world.server.op_close

    def cut(args: t.CLOSE4args) -> bytes:
        del world.server._now.data[100:]
        return real(args)

    world.server.op_close = cut  # type: ignore[method-assign]
    with pytest.raises(OSError, match="100 octets of 262144 arrived"):
        world.put("file", "copy")
    assert world.remote() == set()


def test_a_small_file_that_was_written_short(world: World) -> None:
    (world.path / "file").write_bytes(b"12345")
    world.server.op_write = (  # type: ignore[method-assign]
        lambda args: struct.pack(">2I", 3, 2) + bytes(8)
    )
    with pytest.raises(OSError, match="3 octets of 5 written"):
        world.put("file", "copy")


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("size", [1000, 2 * len(DATA)])
def test_a_put_during_which_the_server_restarts(world: World, size: int, executed: bool) -> None:
    """RENAME must not be executed twice; the copy finds out whether it was."""
    (world.path / "file").write_bytes((DATA * 2)[:size])
    real = world.server.op_rename
    renames = 0

    def restarting(args: t.RENAME4args) -> bytes:
        nonlocal renames
        renames += 1
        if renames > 1:
            return real(args)
        result = real(args) if executed else b""
        world.server.restart()
        return result  # to nobody

    world.server.op_rename = restarting  # type: ignore[method-assign]
    world.put("file", "there")
    assert world.server.root.children[b"there"].data == (DATA * 2)[:size]
    assert world.remote() == {"there"}
    # A large file's RENAME is not repeated if it was executed; a small file is put once more.
    assert renames == (1 if executed and size > 1000 else 2)


def test_a_cancelled_copy_cleans_up(world: World) -> None:
    (world.path / "tree").mkdir()
    (world.path / "tree/file").write_bytes(DATA)
    task = Task(world.transfer().put("tree", "copy"))
    while not any(TEMPORARY in name for name in world.remote()):
        assert world.reactor.step()
    world.reactor.advance(0.003)
    task.cancel()
    world.reactor.turn(task)
    assert isinstance(task.error(), Cancelled)
    assert world.remote() == {"copy"}
    assert not world.server.opens
    world.tree()
    task = Task(world.transfer().get("tree", "back"))
    while not any(TEMPORARY in name for name in world.local()):
        assert world.reactor.step()
    task.cancel()
    world.reactor.turn(task)
    assert not any(TEMPORARY in name for name in world.local())


def test_what_an_earlier_copy_left_is_not_copied(world: World) -> None:
    world.tree()
    world.server.add(temporary_name("x"), parent=world.server.root.children[b"tree"])
    transfer = world.get("tree", "copy")
    assert transfer.progress.files == 21
    (world.path / "copy" / temporary_name("y")).write_bytes(b"")
    transfer = world.put("copy", "again")
    assert transfer.progress.files == 21
    assert not any(TEMPORARY in name for name in world.remote(world.server.root.children[b"again"]))


def test_special_files_are_told_of(world: World) -> None:
    directory = world.server.add("tree", t.NF4DIR)
    world.server.add("pipe", t.NF4FIFO, directory)
    assert world.get("tree", "copy").progress.special == ["tree/pipe"]


def test_a_local_link_or_file_in_the_way_is_replaced(world: World) -> None:
    (world.path / "target").write_bytes(b"keep me")
    (world.path / "copy").symlink_to("target")
    world.server.add("file", data=b"new")
    world.get("file", "copy")
    assert (world.path / "copy").read_bytes() == b"new"
    assert (world.path / "target").read_bytes() == b"keep me"
    world.server.add("link", t.NF4LNK, target=b"file")
    world.server.add("dir", t.NF4DIR).children[b"l"] = world.server.root.children[b"link"]
    world.get("dir", "d")
    world.get("dir", "d")
    assert (world.path / "d/l").readlink() == Path("file")


def test_temporary_names() -> None:
    long = "ü" * 127
    for name in ("x", "a" * 255, long):
        temporary = temporary_name(name)
        assert temporary.startswith(TEMPORARY)
        assert len(temporary.encode()) <= 255
        assert temporary == temporary_name(name)
    assert temporary_name("a" * 255) != temporary_name("a" * 254 + "b")
    assert join("", "x") == "x"
    assert join("/", "x") == "/x"
    assert join("a/", "x") == "a/x"


def test_where_a_local_path_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    disk, name = local_tree(tmp_path / "link")
    assert name == "real"
    assert disk.entry("nowhere") is None
    assert disk.entry("real/x/y") is None
    entry = disk.entry(name)
    assert entry is not None
    assert entry.kind == "directory"
    assert local_tree("file")[1] == "file"

"""Copies of trees when things go wrong: nothing half, nothing elsewhere, nothing left over."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from random import Random

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer, Node, Refused

from nfsrdma.client.copies import Transfer, TransferOptions
from nfsrdma.client.copies.temporary import PREFIX, is_temporary, temporary_name
from nfsrdma.client.edge.local import Directory, LocalDisk, local_tree
from nfsrdma.client.errors import LocalError
from nfsrdma.client.trees import TreeError
from nfsrdma.rpcrdma.task import Cancelled, Task
from nfsrdma.xdr.nfs4 import types as t

DATA = bytes(range(256)) * 1024


class World:
    def __init__(self, tmp_path: Path) -> None:
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.path = tmp_path
        self.fs = self.server.mounted()
        self.options = TransferOptions(recursive=True, parallel=4)

    def transfer(self, local: str) -> Transfer:
        return Transfer(self.fs, LocalDisk(self.path, local), self.options)

    def get(self, source: str, path: str) -> Transfer:
        transfer = self.transfer(path)
        self.reactor.run(transfer.get(source))
        return transfer

    def put(self, source: str, path: str) -> Transfer:
        transfer = self.transfer(source)
        self.reactor.run(transfer.put(path))
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
    world.put("copy", "again")
    puts = [ops for ops in world.server.log if "WRITE" in ops and "RENAME" in ops]
    assert puts == [
        ["SEQUENCE", "PUTFH", "SAVEFH", "OPEN", "GETFH", "WRITE", "SETATTR", "VERIFY", "CLOSE",
         "PUTFH", "RENAME"]
    ] * 19  # fmt: skip
    again = world.server.root.children[b"again"].children[b"f7"]
    assert (again.stable, again.mode) == (bytes([7]) * 7, 0o644)
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
    with pytest.raises(TreeError) as caught:
        world.get("tree", "copy")
    (failure,) = caught.value.failures
    assert isinstance(failure, LocalError)
    assert failure.filename == str(tmp_path / "copy/evil")
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


def test_a_read_that_fails_does_not_stop_the_copy(world: World) -> None:
    world.tree()
    real = world.server.op_read

    def refuse(args: t.READ4args) -> bytes:
        if world.server._now.data[:1] in (b"\x03", b"\x09"):
            raise Refused(t.NFS4ERR_IO)
        return real(args)

    world.server.op_read = refuse  # type: ignore[method-assign]
    with pytest.raises(TreeError, match="2 names") as caught:
        world.get("tree", "copy")
    assert sorted(error.filename for error in caught.value.failures) == ["tree/f3", "tree/f9"]
    assert len(world.local()) == 1 + 21 - 2


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
    real = Directory.open

    def shrink(self: Directory, name: bytes) -> object:
        os.truncate(world.path / "file", size - 1)
        return real(self, name)

    monkeypatch.setattr(Directory, "open", shrink)
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
    with pytest.raises(OSError, match="not all of it has arrived"):
        world.put("file", "copy")
    assert world.remote() == set()


def test_a_small_file_that_was_written_short(world: World) -> None:
    """It does not get its name; it is written on, as a server may ask for (Section 18.32.3)."""
    (world.path / "file").write_bytes(b"12345")
    real = world.server.op_write

    def stingy(args: t.WRITE4args) -> bytes:
        return real(t.WRITE4args(args.stateid, args.offset, args.stable, args.data[:3]))

    world.server.op_write = stingy  # type: ignore[method-assign]
    world.put("file", "copy")
    assert world.server.root.children[b"copy"].data == b"12345"
    assert world.remote() == {"copy"}
    assert not world.server.opens


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
    # A large file's RENAME is not repeated if it was executed; else the file is put once more.
    assert renames == (1 if executed and size > 1000 else 2)


def test_a_cancelled_copy_cleans_up(world: World) -> None:
    (world.path / "tree").mkdir()
    (world.path / "tree/file").write_bytes(DATA)
    task = Task(world.transfer("tree").put("copy"))
    while not any(PREFIX.decode() in name for name in world.remote()):
        assert world.reactor.step()
    world.reactor.advance(0.003)
    task.cancel()
    world.reactor.turn(task)
    assert isinstance(task.error(), Cancelled)
    assert world.remote() == {"copy"}
    assert not world.server.opens
    world.tree()
    task = Task(world.transfer("back").get("tree"))
    while not any(PREFIX.decode() in name for name in world.local()):
        assert world.reactor.step()
    task.cancel()
    world.reactor.turn(task)
    assert not any(PREFIX.decode() in name for name in world.local())


def test_what_another_copy_is_at_work_on_is_not_copied(world: World) -> None:
    """It is told. What merely looks like it is a file like any other."""
    world.tree()
    tree = world.server.root.children[b"tree"]
    name = temporary_name(Random(1)).decode()
    alike = [".nfsrdma-part.x", PREFIX.decode() + "notes", name[:-1] + "x"]
    for each in (name, *alike):
        world.server.add(each, parent=tree, data=b"1")
    transfer = world.get("tree", "copy")
    assert transfer.progress.files == 21 + 3
    assert transfer.progress.unfinished == [f"tree/{name}"]
    (world.path / "copy" / name).write_bytes(b"")
    transfer = world.put("copy", "again")
    assert transfer.progress.files == 21 + 3
    assert transfer.progress.unfinished == [str(world.path / "copy" / name)]
    names = world.remote(world.server.root.children[b"again"])
    assert name not in names
    assert names > set(alike)


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
    rng = Random(3)
    names = {temporary_name(rng) for _ in range(100)}
    assert len(names) == 100
    assert all(is_temporary(name) and len(name) < 64 for name in names)
    name = names.pop()
    for other in (name[:-1], name + b"x", name.upper(), name.replace(b"-", b"_"), PREFIX):
        assert not is_temporary(other)
    digit = b"1" if name[20:21] == b"0" else b"0"
    assert not is_temporary(name[:20] + digit + name[21:])


def test_where_a_local_path_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    disk = local_tree(tmp_path / "link")
    assert disk.name == b"real"
    assert disk.top.entry(b"nowhere") is None
    entry = disk.top.entry(disk.name)
    assert entry is not None
    assert entry.kind == "directory"
    assert local_tree("file").name == b"file"
    with pytest.raises(FileNotFoundError):
        local_tree(tmp_path / "none/x")

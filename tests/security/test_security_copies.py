"""Copies among people who mean no good: planted links, swapped files and directories, odd names."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.client.copies import Transfer, TransferOptions
from nfsrdma.client.copies.temporary import OLD_S, PREFIX, is_temporary, temporary_name
from nfsrdma.client.edge.local import CreatedFile, Directory, LocalDisk, local_tree
from nfsrdma.client.errors import LocalError, NfsError
from nfsrdma.client.trees import TreeError
from nfsrdma.xdr.nfs4 import types as t

SMALL = b"small" * 100
LARGE = bytes(range(256)) * 4096
SIZES = pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
ANCIENT = time.time() - 2 * OLD_S


class World:
    """A fake server and a directory: what happens between two calls can be chosen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.fs = self.server.mounted()

    def put(self, source: str, path: str) -> None:
        transfer = Transfer(self.fs, LocalDisk(self.path, source), TransferOptions(recursive=True))
        self.reactor.run(transfer.put(path))

    def get(self, source: str, path: str) -> None:
        transfer = Transfer(self.fs, LocalDisk(self.path, path), TransferOptions(recursive=True))
        self.reactor.run(transfer.get(source))

    def before(self, operation: str, do: Any) -> None:
        """Do something once, just before the server executes an operation."""
        real = getattr(self.server, f"op_{operation}")
        left = [do]

        def wrapped(*arguments: Any) -> Any:
            while left:
                left.pop()()
            return real(*arguments)

        setattr(self.server, f"op_{operation}", wrapped)

    def temporaries(self) -> list[bytes]:
        return [name for name in self.server.root.children if is_temporary(name)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


# -- at the server -------------------------------------------------------------------------------


@SIZES
def test_nobody_else_reads_or_guesses_what_is_not_complete(world: World, data: bytes) -> None:
    """Random names, made exclusively, mode 0600 until all is there."""
    (world.path / "file").write_bytes(data)
    (world.path / "file").chmod(0o644)
    seen: list[tuple[bytes, int]] = []

    def look() -> None:
        ((name, node),) = world.server.root.children.items()
        seen.append((name, node.mode))

    world.before("write", look)
    world.put("file", "file")
    world.server.root.children.clear()
    world.before("write", look)
    world.put("file", "file")
    (one, mode), (two, _) = seen
    assert mode == 0o600
    assert one != two
    assert world.server.root.children[b"file"].mode == 0o644


@SIZES
def test_a_server_without_exclusive_creates(world: World, data: bytes) -> None:
    world.server.exclusive_create = False
    (world.path / "file").write_bytes(data)
    for name in ("one", "two"):
        world.put("file", name)
        assert world.server.root.children[name.encode()].stable == data
    assert sum("OPEN" in ops for ops in world.server.log) == 3  # it is asked in vain only once
    assert set(world.server.root.children) == {b"one", b"two"}


def test_what_is_laid_in_the_place_of_a_temporary_file_is_not_published(world: World) -> None:
    (world.path / "file").write_bytes(LARGE)

    def swap() -> None:
        (name,) = world.temporaries()
        world.server.add("evil", data=bytes(len(LARGE)))
        world.server.root.children[name] = world.server.root.children.pop(b"evil")

    world.before("setattr", swap)
    with pytest.raises(OSError, match="another file was put in the place"):
        world.put("file", "file")
    assert b"file" not in world.server.root.children


def test_a_temporary_file_that_vanished_is_written_again(world: World) -> None:
    (world.path / "file").write_bytes(LARGE)

    def vanish() -> None:
        (name,) = world.temporaries()
        del world.server.root.children[name]

    world.before("setattr", vanish)
    world.put("file", "file")
    assert world.server.root.children[b"file"].stable == LARGE
    assert set(world.server.root.children) == {b"file"}


@SIZES
def test_a_link_in_the_way_is_replaced_and_not_followed(world: World, data: bytes) -> None:
    world.server.add("precious", data=b"keep")
    world.server.add("file", t.NF4LNK, target=b"precious")
    (world.path / "file").write_bytes(data)
    world.put("file", "file")
    assert world.server.root.children[b"file"].stable == data
    assert world.server.root.children[b"precious"].data == b"keep"


def test_a_link_in_the_place_of_a_directory_leads_nowhere(world: World) -> None:
    precious = world.server.add("precious", t.NF4DIR)
    there = world.server.add("tree", t.NF4DIR)
    world.server.add("sub", t.NF4LNK, there, target=b"../precious")
    (world.path / "tree/sub").mkdir(parents=True)
    (world.path / "tree/sub/file").write_bytes(SMALL)
    (world.path / "tree/other").write_bytes(SMALL)
    with pytest.raises(TreeError) as caught:
        world.put("tree", "tree")
    (failure,) = caught.value.failures
    assert (failure.filename, failure.errno) == ("tree/sub", 20)
    assert precious.children == {}
    assert b"other" in there.children


@pytest.mark.parametrize("kind", [t.NF4DIR, t.NF4FIFO, t.NF4BLK])
def test_what_is_no_file_is_not_replaced_at_the_server(world: World, kind: int) -> None:
    world.server.add("thing", kind)
    (world.path / "file").write_bytes(SMALL)
    with pytest.raises(NfsError, match="not replaced"):
        world.put("file", "thing")
    assert world.server.root.children[b"thing"].kind == kind


@pytest.mark.parametrize("name", [b"..", b".", b"", b"a/b", b"a\0b"])
def test_names_that_lead_elsewhere_are_refused(world: World, name: bytes) -> None:
    world.server.root.children[b"tree"] = tree = world.server.add("tree", t.NF4DIR)
    world.server.add("x" * max(1, len(name)), parent=tree, data=b"evil")
    plain = struct.pack(">I", max(1, len(name))) + b"x" * max(1, len(name))
    real = world.server.op_readdir

    def hostile(args: t.READDIR4args) -> bytes:
        padded = name + bytes(-len(name) % 4)
        return real(args).replace(
            plain + bytes(-len(plain) % 4), struct.pack(">I", len(name)) + padded, 1
        )

    world.server.op_readdir = hostile  # type: ignore[method-assign]
    with pytest.raises(TreeError) as caught:
        world.get("tree", "copy")
    (failure,) = caught.value.failures
    assert "directory entry called" in str(failure)
    assert [path.name for path in world.path.rglob("*")] == ["copy"]


def test_old_leftovers_of_ours_go_and_nothing_else(world: World) -> None:
    """By the server's clock, its owner's name for us, and a name that only copies make up."""
    rng = Random(1)
    now = 100 * OLD_S
    kept = {}
    for index in range(7):
        kept[index] = world.server.add(temporary_name(rng).decode(), data=b"part")
        kept[index].mtime, kept[index].ctime, kept[index].mode = (1, 0), (1, 0), 0o600
    kept[0].mtime = (now - 60, 0)  # under way
    kept[1].owner = b"1234"
    kept[2].mode, kept[2].ctime = 0o644, (now - 60, 0)  # about to get its name
    kept[3].ctime = (now, 0)  # being created: its times are the create verifier
    alike = [PREFIX.decode() + "x", ".nfsrdma-part.1", temporary_name(rng).decode()[:-1] + "_"]
    for name in alike:
        world.server.add(name, data=b"mine").mtime = (1, 0)
    names = {node.handle: name for name, node in world.server.root.children.items()}
    world.server.root.mtime = (now, 0)
    (world.path / "file").write_bytes(SMALL)
    world.put("file", "file")
    left = set(world.server.root.children)
    assert left >= {name.encode() for name in alike} | {b"file"}
    assert {index for index in kept if names[kept[index].handle] in left} == {0, 1, 2, 3}
    world.server.log.clear()
    world.put("file", "file")
    assert not any("READDIR" in ops for ops in world.server.log)  # looked for once in a mount


# -- on this machine -----------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    (tmp_path / "export").mkdir()
    server = LiveServer(str(tmp_path / "export"))
    yield server
    server.stop()


def test_local_files_are_private_until_they_are_complete(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.add("file", data=LARGE)
    real = CreatedFile.write_at
    seen: set[tuple[str, int]] = set()

    def look(self: CreatedFile, offset: int, data: memoryview) -> None:
        seen.update((path.name, path.stat().st_mode & 0o777) for path in world.path.iterdir())
        real(self, offset, data)

    monkeypatch.setattr(CreatedFile, "write_at", look)
    world.get("file", "file")
    ((name, mode),) = seen
    assert is_temporary(name.encode())
    assert mode == 0o600
    assert (world.path / "file").stat().st_mode & 0o777 == 0o644


@SIZES
def test_a_local_link_is_replaced_and_not_followed(world: World, data: bytes) -> None:
    (world.path / "precious").write_bytes(b"keep")
    (world.path / "file").symlink_to("precious")
    world.server.add("file", data=data)
    world.get("file", "file")
    assert (world.path / "file").read_bytes() == data
    assert not (world.path / "file").is_symlink()
    assert (world.path / "precious").read_bytes() == b"keep"


def test_what_is_no_file_is_not_replaced_here(world: World) -> None:
    os.mkfifo(world.path / "pipe")
    (world.path / "directory").mkdir()
    (world.path / "link").symlink_to("pipe")
    world.server.add("file", data=SMALL)
    for name in ("pipe", "directory", "link"):
        with pytest.raises(LocalError, match="not replaced") as caught:
            world.get("file", name)
        assert caught.value.filename == str(world.path / name)
    assert {path.name for path in world.path.iterdir()} == {"pipe", "directory", "link"}


def test_a_local_temporary_file_that_was_swapped_is_not_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.add("file", data=SMALL)
    real = Directory.check_replaceable

    def swap(self: Directory, name: bytes) -> None:
        for temporary in world.path.iterdir():  # nothing yet when the copy begins
            temporary.unlink()
            temporary.write_bytes(b"evil")
        real(self, name)

    monkeypatch.setattr(Directory, "check_replaceable", swap)
    with pytest.raises(LocalError, match="another file was put in the place"):
        world.get("file", "file")
    assert not (world.path / "file").exists()


@pytest.mark.parametrize("get", [True, False])
def test_a_local_directory_that_is_swapped_for_a_link(
    world: World, get: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a copy is in it: it goes on in the directory that it entered, or fails."""
    outside = world.path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    home = world.path / "tree"
    moved = world.path / "moved"
    tree = world.server.add("tree", t.NF4DIR)
    if get:
        below = world.server.add("sub", t.NF4DIR, tree)
        for index in range(5):
            world.server.add(f"f{index}", parent=below, data=SMALL)
    else:
        (home / "sub").mkdir(parents=True)
        for index in range(5):
            (home / f"sub/f{index}").write_bytes(SMALL)

    def swap() -> None:
        (home / "sub").rename(moved)
        (home / "sub").symlink_to(outside)

    world.before("read" if get else "write", swap)
    # The least is kept open, so that more uses go down by names again.
    monkeypatch.setattr("nfsrdma.client.edge.local._OPEN_MAX", 1)
    with suppress(TreeError):
        (world.get if get else world.put)("tree", "tree")
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert not any(b"secret" in node.children for node in world.server.nodes.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="to make a link of another user")
def test_a_link_that_another_laid_in_a_public_directory_is_not_followed(world: World) -> None:
    public, elsewhere = world.path / "public", world.path / "elsewhere"
    public.mkdir()
    public.chmod(0o1777)
    elsewhere.mkdir()
    (public / "theirs").symlink_to(elsewhere)
    os.chown(public / "theirs", 1001, 1001, follow_symlinks=False)
    (public / "ours").symlink_to(elsewhere)
    tree = world.server.add("tree", t.NF4DIR)
    world.server.add("file", parent=tree, data=SMALL)
    options = TransferOptions(recursive=True)
    for name in ("theirs", "theirs/name"):
        with pytest.raises(LocalError, match="not followed"):
            local_tree(public / name)
    world.reactor.run(Transfer(world.fs, local_tree(public / "ours"), options).get("tree"))
    assert (elsewhere / "file").read_bytes() == SMALL


def test_old_local_leftovers_of_ours_go_and_nothing_else(world: World) -> None:
    rng = Random(2)
    old, young = (temporary_name(rng).decode() for _ in range(2))
    alike = PREFIX.decode() + "notes"
    for name in (old, young, alike):
        (world.path / name).touch(0o600)
    for name in (old, alike):
        os.utime(world.path / name, (ANCIENT, ANCIENT))
    world.server.add("file", data=SMALL)
    world.get("file", "file")
    assert {path.name for path in world.path.iterdir()} == {young, alike, "file"}


def test_names_of_any_octets_there_and_back(server: LiveServer, tmp_path: Path) -> None:
    source = os.fsencode(tmp_path / "source")
    os.mkdir(source)
    for name in (b"caf\xe9", b"\xff\xfe", b"d\xe9j\xe0 vu"):
        Path(os.fsdecode(source + b"/" + name)).write_bytes(SMALL)
    with nfs.mount(server.url) as fs:
        fs.put(source, "tree", recursive=True)
        fs.get("tree", tmp_path / "back", recursive=True)
        assert sorted(os.listdir(os.fsencode(tmp_path / "back"))) == sorted(os.listdir(source))
        fs.put(source + b"/caf\xe9", "caf\udce9")
        fs.get("caf\udce9", os.fsencode(tmp_path) + b"/\xe9")
        assert Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9")).read_bytes() == SMALL
        fs.rmtree("tree")


def test_one_that_cannot_be_read_does_not_keep_the_others(
    server: LiveServer, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    for index in range(30):
        (tmp_path / f"source/f{index:02}").write_bytes(SMALL)
    (tmp_path / "source/f07").unlink()
    (tmp_path / "source/f07").mkdir()
    told: list[OSError] = []
    with nfs.mount(server.url) as fs:
        fs.write_bytes("blocked", b"")
        fs.makedirs("tree/f03")  # a directory where a file is to be
        fs.makedirs("tree/f04")
        with pytest.raises(TreeError) as caught:
            fs.put(tmp_path / "source", "tree", recursive=True, on_failure=told.append)
        assert caught.value.failed == 2
        assert sorted(str(error.filename) for error in told) == ["tree/f03", "tree/f04"]
        assert len(fs.listdir("tree")) == 30
        assert not any(is_temporary(name.encode()) for name in fs.listdir("tree"))


def test_a_read_only_file_is_replaced(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(SMALL)
    with nfs.mount(server.url) as fs:
        for _ in range(2):
            (tmp_path / "file").chmod(0o444)
            fs.put(tmp_path / "file", "file")
            fs.get("file", tmp_path / "back")
            assert fs.stat("file").st_mode & 0o777 == 0o444
        assert (tmp_path / "back").stat().st_mode & 0o777 == 0o444

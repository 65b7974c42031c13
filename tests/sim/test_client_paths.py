"""Paths: links are followed here, within bounds, and never out of the mount."""

from __future__ import annotations

import errno
from pathlib import PurePosixPath

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.errors import NfsError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.paths import split
from nfsrdma.xdr.nfs4 import types as t


class World:
    def __init__(self, export: tuple[bytes, ...] = (), max_ops: int = 64) -> None:
        self.reactor = FakeReactor()
        self.server = server = FakeServer(self.reactor)
        server.max_ops = max_ops
        self.run = self.reactor.run
        d = server.add("d", t.NF4DIR)
        e = server.add("e", t.NF4DIR, d)
        server.add("file", t.NF4REG, d, data=b"d/file")
        server.add("deep", t.NF4REG, e, data=b"d/e/deep")
        server.add("secret", data=b"above")
        server.add("to_e", t.NF4LNK, d, target=b"e")
        server.add("up", t.NF4LNK, e, target=b"../file")
        server.add("absolute", t.NF4LNK, e, target=b"/d/file")
        server.add("chain", t.NF4LNK, target=b"d/to_e/up")
        server.add("loop", t.NF4LNK, target=b"loop")
        server.add("dangling", t.NF4LNK, target=b"d/none")
        server.add("escape", t.NF4LNK, d, target=b"../../../../secret")
        server.add("to_root", t.NF4LNK, d, target=b"/")
        server.add("odd", t.NF4LNK, target=b"a\0b")
        server.add("spiral", t.NF4LNK, target=b"spiral/..")
        server.add("coil", t.NF4LNK, target=b"coil/../coil")
        server.add("brood", t.NF4LNK, target=b"brood/brood/brood")
        self.fs: FileSystem = server.mounted(export=export)

    def read(self, path: str | bytes) -> bytes:
        return self.run(self.fs.read_bytes(path))


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("path", "contents"),
    [
        ("d/file", b"d/file"),
        ("/d//./file", b"d/file"),
        (b"d/file", b"d/file"),
        ("d/e/deep", b"d/e/deep"),
        ("d/to_e/deep", b"d/e/deep"),
        ("d/e/up", b"d/file"),
        ("d/to_e/up", b"d/file"),
        ("d/e/absolute", b"d/file"),
        ("chain", b"d/file"),
        ("d/to_e/../file", b"d/file"),
        ("d/e/../../d/e/deep", b"d/e/deep"),
        ("../../d/file", b"d/file"),
        ("d/escape", b"above"),
        ("d/to_root/secret", b"above"),
    ],
)
@pytest.mark.parametrize("max_ops", [64, 8])
def test_the_way_to_a_file(path: str | bytes, contents: bytes, max_ops: int) -> None:
    assert World(max_ops=max_ops).read(path) == contents


def test_a_plain_path_takes_one_call(world: World) -> None:
    world.read("d/e/deep")
    assert len(world.server.log) == 1


def test_links_do_not_lead_out_of_the_mount() -> None:
    world = World(export=(b"d",))
    assert world.read("file") == b"d/file"
    for path in ("escape", "../secret", "../../secret", "e/../../secret", "to_root/secret"):
        with pytest.raises(FileNotFoundError):
            world.read(path)
    assert world.read("e/up") == b"d/file"
    assert world.run(world.fs.stat("to_root")).is_dir
    with pytest.raises(FileNotFoundError):
        world.read("e/absolute")  # /d/file, and /d is this mount's root


def test_a_mounted_path_may_lead_through_links() -> None:
    world = World(export=(b"d", b"to_e"))
    assert world.read("deep") == b"d/e/deep"
    with pytest.raises(FileNotFoundError):
        World(export=(b"none",))


def test_what_is_not_followed(world: World) -> None:
    assert world.run(world.fs.lstat("chain")).is_symlink
    assert world.run(world.fs.stat("chain")).is_file
    assert world.run(world.fs.stat("chain", follow_symlinks=False)).is_symlink
    assert world.run(world.fs.readlink("chain")) == "d/to_e/up"
    with pytest.raises(NfsError) as caught:
        world.run(world.fs.readlink("d/file"))
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("loop", errno.ELOOP),
        ("loop/x", errno.ELOOP),
        ("spiral", errno.ELOOP),
        ("coil", errno.ELOOP),
        ("brood/x", errno.ELOOP),
        ("/".join(["d/to_root"] * 41), errno.ELOOP),
        ("dangling", errno.ENOENT),
        ("none", errno.ENOENT),
        ("d/none/x", errno.ENOENT),
        ("d/file/x", errno.ENOTDIR),
        ("d/file/../x", errno.ENOTDIR),
        ("odd", errno.EIO),
        ("x" * 20_000, errno.ENAMETOOLONG),
    ],
)
def test_ways_that_end(world: World, path: str, number: int) -> None:
    with pytest.raises(NfsError) as caught:
        world.run(world.fs.stat(path))
    assert caught.value.errno == number
    assert world.run(world.fs.exists("d"))


def test_links_are_counted_on_the_whole_way(world: World) -> None:
    assert world.run(world.fs.stat("/".join(["d/to_root"] * 40))).is_dir
    before = len(world.server.log)
    with pytest.raises(NfsError):
        world.run(world.fs.stat("coil"))
    assert len(world.server.log) - before < 200


def test_going_up_does_not_begin_at_the_root_again() -> None:
    world = World(max_ops=8)
    path = b"/".join([b"p"] * 300)
    world.run(world.fs.makedirs(path))
    world.server.log.clear()
    assert world.run(world.fs.stat(path + b"/.." * 150)).is_dir
    calls = len(world.server.log)
    assert world.run(world.fs.stat(path)).is_dir
    assert calls <= len(world.server.log) - calls + 3


@pytest.mark.parametrize("max_ops", [64, 8])
def test_a_path_of_any_length(max_ops: int) -> None:
    world = World(max_ops=max_ops)
    path = b"/".join([b"n" * 200] * 120)
    world.run(world.fs.makedirs(path))
    world.run(world.fs.write_bytes(path + b"/file", b"far"))
    assert world.read(path + b"/../" + b"n" * 200 + b"/./file") == b"far"
    assert world.run(world.fs.listdir(path)) == ["file"]
    world.run(world.fs.rename(path + b"/file", path + b"/moved"))
    world.run(world.fs.remove(path + b"/moved"))


def test_existence(world: World) -> None:
    for path, there in (
        ("d", True),
        ("", True),
        ("chain", True),
        ("dangling", False),
        ("none", False),
        ("d/file/x", False),
        ("d/file/", False),
        ("loop", False),
        ("spiral/x", False),
        ("x" * 20_000, False),
    ):
        assert world.run(world.fs.exists(path)) == there


def test_a_null_character_is_refused_here(world: World) -> None:
    with pytest.raises(ValueError, match="null"):
        world.run(world.fs.stat("a\0b"))
    assert split("a/./b//c/..") == [b"a", b"b", b"c", b".."]
    assert split("/") == split("") == split("//") == []
    assert split("a/") == split("/a//") == [b"a", b""]
    assert split("a/.") == split("a/.//") == [b"a", b"."]
    assert split(".") == split("./") == [b"."]
    assert split("a/../") == split("a/..") == [b"a", b".."]


def test_names_are_octets(world: World) -> None:
    world.server.root.children[b"\xff\xfe"] = world.server.root.children[b"secret"]
    name = next(n for n in world.run(world.fs.listdir()) if n not in ("secret",) and "\udcff" in n)
    assert world.read(name) == b"above"
    assert world.read(b"\xff\xfe") == b"above"


def test_changes_through_links(world: World) -> None:
    fs = world.fs
    world.run(fs.mkdir("d/to_e/made"))
    world.run(fs.write_bytes("d/to_e/written", b"1"))
    world.run(fs.rename("d/to_e/written", "d/to_e/made/moved"))
    world.run(fs.link("d/to_e/made/moved", "d/to_root/linked"))
    assert world.read("linked") == b"1"
    world.run(fs.symlink("anything", "d/to_e/l"))
    assert world.run(fs.readlink("d/e/l")) == "anything"
    world.run(fs.remove("d/to_e/made/moved"))
    world.run(fs.rmdir("d/to_e/made"))
    world.run(fs.remove("chain"))
    assert world.read("d/file") == b"d/file", "the link's target went instead of the link"
    assert sorted(world.run(fs.listdir("d/to_e"))) == ["absolute", "deep", "l", "up"]


def test_writing_through_a_link_at_the_end(world: World) -> None:
    world.run(world.fs.write_bytes("chain", b"new"))
    assert world.read("d/file") == b"new"
    world.run(world.fs.write_bytes("dangling", b"born"))
    assert world.read("d/none") == b"born"
    file = world.run(world.fs.open("chain", "r"))
    assert world.run(file.stat()).st_size == 3
    with pytest.raises(FileExistsError):
        world.run(world.fs.open("chain", "x"))


def test_attributes_are_set_on_the_target(world: World) -> None:
    fs = world.fs
    world.run(fs.chmod("chain", 0o600))
    assert world.run(fs.stat("d/file")).st_mode & 0o777 == 0o600
    assert world.run(fs.lstat("chain")).st_mode & 0o777 == 0o644
    world.run(fs.utime("chain", ns=(1, 2_000_000_003)))
    assert world.run(fs.stat("d/file")).st_mtime_ns == 2_000_000_003
    world.run(fs.utime("chain", (1.5, 2.5)))
    assert world.run(fs.stat("d/file")).st_mtime == 2.5
    world.run(fs.utime("chain"))
    world.run(fs.chown("chain", 1, -1))
    world.run(fs.truncate("chain", 3))
    assert world.read("d/file") == b"d/f"
    with pytest.raises(ValueError, match="both"):
        world.run(fs.utime("chain", (1, 2), ns=(1, 2)))
    with pytest.raises(OSError, match="below 0"):
        world.run(fs.truncate("chain", -1))


def test_files_and_directories_are_removed_as_what_they_are(world: World) -> None:
    with pytest.raises(IsADirectoryError):
        world.run(world.fs.remove("d"))
    with pytest.raises(NotADirectoryError):
        world.run(world.fs.rmdir("secret"))
    for path in ("none", "none/x"):
        with pytest.raises(FileNotFoundError):
            world.run(world.fs.remove(path))
    world.run(world.fs.rmtree("d"))
    assert not world.run(world.fs.exists("d"))


@pytest.mark.parametrize("change", ["mkdir", "remove", "rmdir", "rmtree"])
def test_the_root_stays(world: World, change: str) -> None:
    for path in list(world.server.root.children):
        del world.server.root.children[path]
    with pytest.raises(OSError, match="root of the mount"):
        world.run(getattr(world.fs, change)("/"))
    with pytest.raises(OSError, match="root of the mount"):
        world.run(world.fs.rename("", "x"))
    with pytest.raises(OSError, match="root of the mount"):
        world.run(world.fs.rename("..", "x"))


def test_making_directories(world: World) -> None:
    fs = world.fs
    world.run(fs.makedirs("p/q/r"))
    world.run(fs.makedirs("p/q/r", exist_ok=True))
    with pytest.raises(FileExistsError):
        world.run(fs.makedirs("p/q/r"))
    with pytest.raises(FileExistsError):
        world.run(fs.makedirs("secret", exist_ok=True))
    world.run(fs.makedirs("", exist_ok=True))
    with pytest.raises(FileExistsError):
        world.run(fs.makedirs(""))
    with pytest.raises(IsADirectoryError):
        world.run(fs.open(""))
    assert world.run(fs.listdir("p/q")) == ["r"]


def test_directories_are_read_in_pages(world: World) -> None:
    for index in range(10):
        world.server.add(f"n{index}")
    world.server.log.clear()
    entries = world.run(world.fs.scandir("/"))
    assert len(entries) == len(world.server.root.children)
    assert len(world.server.log) > 3
    entry = next(entry for entry in entries if entry.name == "d")
    assert (entry.path, entry.is_dir(), entry.is_file(), entry.inode()) == ("d", True, False, 9)
    assert repr(entry) == "<DirEntry 'd'>"
    below = world.run(world.fs.scandir("d/"))
    assert {item.path for item in below} >= {"d/e", "d/file"}
    assert next(item for item in below if item.name == "to_e").is_symlink()
    with pytest.raises(NotADirectoryError):
        world.run(world.fs.listdir("secret"))


def test_a_directory_without_end_is_refused(world: World) -> None:
    world.server.op_readdir = lambda args: bytes(8) + bytes(8)  # type: ignore[method-assign]
    with pytest.raises(OSError, match="goes on without an entry"):
        world.run(world.fs.listdir())


def test_a_root_whose_handle_went_stale_is_looked_up_again() -> None:
    world = World(export=(b"d",))
    node = world.server.root.children[b"d"]
    del world.server.nodes[node.handle]
    node.handle = b"another"
    world.server.nodes[node.handle] = node
    assert world.read("file") == b"d/file"
    del world.server.nodes[node.handle]
    with pytest.raises(NfsError) as caught:
        world.read("file")
    assert caught.value.errno == errno.ESTALE


def test_sizes_and_rights(world: World) -> None:
    assert world.run(world.fs.statvfs()).f_namemax == 255
    assert world.run(world.fs.access("d/file")) == t.ACCESS4_READ
    assert world.run(world.fs.ping()) > 0


def test_path_objects_are_paths_everywhere() -> None:
    world = World()
    directory, file = PurePosixPath("objects"), PurePosixPath("objects/file")

    async def use() -> list[str]:
        await world.fs.makedirs(directory / "below")
        await world.fs.write_bytes(file, b"data")
        await world.fs.symlink(PurePosixPath("file"), directory / "link")
        assert await world.fs.read_bytes(directory / "link") == b"data"
        opened = await world.fs.open(file)
        assert opened.path == file
        await opened.close()
        names = await world.fs.listdir(directory)
        await world.fs.rmtree(directory)
        return names

    assert sorted(world.run(use())) == ["below", "file", "link"]

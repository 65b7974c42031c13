"""A mount of several users, without a kernel: whose rights count, extended attributes, choices."""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.support import fuse_kernel as fuse
from tests.support.fuse_kernel import ROOT, FakeKernel
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client.acls import Ace
from nfsrdma.client.fuse.choices import Choices
from nfsrdma.client.nodes import Lifetimes

TIMES = Lifetimes(file_min=3, file_max=20, directory_min=50, directory_max=100)
SETXATTR, LISTXATTR, REMOVEXATTR = 21, 23, 24
ALICE, BOB = (1000, 1000), (1001, 1001)
FOR_EXECUTION = 0x20


class World:
    """A mount that all users can use, and another client of the server, who is root."""

    def __init__(
        self, choices: Choices | None = None, times: Lifetimes = TIMES, minor_version: int = 2
    ) -> None:
        self.pair = Pair()
        self.fs = self.pair.client(minor_version=minor_version)
        self.root = self.pair.client(b"other")
        self.run = self.pair.run
        self.kernel = FakeKernel(
            self.fs, self.pair.reactor, times, choices=choices or Choices(), users=True
        )
        self.run(self.kernel.begin())

    def tree(self) -> None:
        """Make ``/private/file``: a directory for Alice alone, with a file that all may read."""
        self.run(self.root.mkdir("private"))
        self.run(self.root.write_bytes("private/file", b"hers"))
        self.run(self.root.chmod("private/file", 0o644))
        self.run(self.root.chown("private", *ALICE))
        self.run(self.root.chmod("private", 0o700))

    @contextmanager
    def as_user(self, who: tuple[int, int]) -> Iterator[None]:
        before, self.kernel.who = self.kernel.who, who
        try:
            yield
        finally:
            self.kernel.who = before

    @contextmanager
    def calls(self, count: int) -> Iterator[None]:
        """Expect so many calls of the mount to the server."""
        before = calls(self.fs)
        yield
        assert calls(self.fs) - before == count

    def lookup(self, directory: int, name: bytes) -> fuse.EntryOut:
        return self.run(self.kernel.lookup(directory, name))  # type: ignore[no-any-return]

    def fails(self, number: int, coroutine: Any) -> None:
        with pytest.raises(OSError) as caught:
            self.run(coroutine)
        assert caught.value.errno == number

    def call(self, opcode: int, node: int, body: bytes = b"") -> bytes:
        return self.run(self.kernel.call(opcode, node, body))  # type: ignore[no-any-return]


@pytest.fixture
def world() -> World:
    return World()


# --- Users ---


def test_names_that_one_user_has_looked_up_are_not_told_another_one(world: World) -> None:
    world.tree()
    private = world.lookup(ROOT, b"private").node
    with world.as_user(ALICE):
        assert world.lookup(private, b"file").entry_valid == 0, "the kernel must ask for each user"
        with world.calls(0):
            world.lookup(private, b"file")
    with world.as_user(BOB):
        world.fails(errno.EACCES, world.kernel.lookup(private, b"file"))
        world.fails(errno.EACCES, world.kernel.lookup(private, b"missing"))
    with world.as_user(ALICE):
        world.fails(errno.ENOENT, world.kernel.lookup(private, b"missing"))
        with world.calls(0):
            world.fails(errno.ENOENT, world.kernel.lookup(private, b"missing"))
    with world.as_user(BOB):
        world.fails(errno.EACCES, world.kernel.lookup(private, b"missing"))


def test_a_right_to_search_ends_with_the_change_that_takes_it(world: World) -> None:
    world.tree()
    private = world.lookup(ROOT, b"private").node
    world.run(world.root.chmod("private", 0o755))
    with world.as_user(BOB):
        world.lookup(private, b"file")
        world.lookup(private, b"file")
    with world.as_user(ALICE):
        world.run(world.kernel.setattr(private, 1, mode=0o700))
        world.lookup(private, b"file")
    with world.as_user(BOB):
        world.fails(errno.EACCES, world.kernel.lookup(private, b"file"))


def test_what_a_user_makes_in_a_directory_leaves_its_names_known(world: World) -> None:
    world.tree()
    private = world.lookup(ROOT, b"private").node
    with world.as_user(ALICE):
        world.lookup(private, b"file")
        made = world.run(world.kernel.create(private, b"new", os.O_RDWR))
        world.run(world.kernel.release(made[0].node, made[1]))
        with world.calls(0):
            assert world.lookup(private, b"new").node == made[0].node


def test_files_belong_to_who_makes_them_and_groups_count(world: World) -> None:
    world.run(world.root.chmod("", 0o777))
    with world.as_user(ALICE):
        entry, fh, _ = world.run(world.kernel.create(ROOT, b"f", os.O_RDWR, 0o640))
        assert (entry.attributes.st_uid, entry.attributes.st_gid) == ALICE
        world.run(world.kernel.write(entry.node, fh, 0, b"secret"))
        world.run(world.kernel.release(entry.node, fh))
    with world.as_user(BOB):
        world.fails(errno.EACCES, world.kernel.open(entry.node, os.O_RDONLY))
        # In Alice's group, as another process of his is.
        world.kernel.groups[7] = (1000,)
        unique = world.kernel.request(fuse.OPEN, entry.node, struct.pack("=I4x", 0), pid=7)
        (fh,) = struct.unpack_from("=Q", world.run(world.kernel.answer(unique)))
        assert world.run(world.kernel.read(entry.node, fh, 0, 9)) == b"secret"
        world.run(world.kernel.release(entry.node, fh))
        # A thread with the number of one that is gone is another one.
        world.pair.wait(1)
        world.kernel.groups.clear()
        unique = world.kernel.request(fuse.OPEN, entry.node, struct.pack("=I4x", 0), pid=7)
        world.fails(errno.EACCES, world.kernel.answer(unique))


def test_data_is_written_by_who_has_opened_the_file(world: World) -> None:
    world.run(world.root.write_bytes("f", b""))
    world.run(world.root.chmod("f", 0o4777))
    node = world.lookup(ROOT, b"f").node
    with world.as_user(BOB):
        fh, _ = world.run(world.kernel.open(node, os.O_RDWR))
        world.run(world.kernel.write(node, fh, 0, b"x"))
        mode = world.run(world.kernel.getattr(node)).st_mode
        assert mode & 0o7777 == 0o777, "a set-user-ID bit goes unless root writes"
        world.run(world.kernel.release(node, fh))


def test_reading_is_not_executing(world: World) -> None:
    world.run(world.root.write_bytes("program", b"#!"))
    world.run(world.root.chmod("program", 0o744))
    node = world.lookup(ROOT, b"program").node
    with world.as_user(BOB):
        world.run(world.kernel.open(node, os.O_RDONLY))
        world.fails(errno.EACCES, world.kernel.open(node, FOR_EXECUTION))
    world.run(world.root.chmod("program", 0o755))
    with world.as_user(BOB):
        world.run(world.kernel.open(node, FOR_EXECUTION))


def test_many_users_and_threads_are_bounded(world: World) -> None:
    for number in range(300):
        with world.as_user((2000 + number, 100)):
            for pid in range(5):
                world.run(
                    world.kernel.answer(
                        world.kernel.request(
                            fuse.ACCESS, ROOT, struct.pack("=I4x", 4), pid=number * 5 + pid
                        )
                    )
                )
    callers = world.kernel.mounted._callers
    assert callers is not None
    assert len(callers._users) == 256
    assert len(callers._threads) == 1024


def test_requests_of_the_kernel_itself_are_made_as_who_has_mounted(world: World) -> None:
    world.tree()
    with world.as_user((0xFFFFFFFF, 0xFFFFFFFF)):
        private = world.lookup(ROOT, b"private").node
        assert world.lookup(private, b"file").node


# --- Extended attributes and access control lists ---


def sized(size: int, name: bytes = b"") -> bytes:
    return struct.pack("=I4x", size) + (name + b"\0" if name else b"")


def set_to(name: bytes, value: bytes, flags: int = 0) -> bytes:
    return struct.pack("=II", len(value), flags) + name + b"\0" + value


def test_extended_attributes(world: World) -> None:
    world.run(world.root.write_bytes("f", b""))
    node = world.lookup(ROOT, b"f").node
    assert world.call(LISTXATTR, node, sized(0)) == bytes(8)
    world.call(SETXATTR, node, set_to(b"user.a", b"one"))
    world.call(SETXATTR, node, set_to(b"user.b", b"", os.XATTR_CREATE))
    assert world.call(fuse.GETXATTR, node, sized(0, b"user.a")) == struct.pack("=I4x", 3)
    assert world.call(fuse.GETXATTR, node, sized(3, b"user.a")) == b"one"
    assert world.call(fuse.GETXATTR, node, sized(3, b"user.b")) == b""
    world.fails(errno.ERANGE, world.kernel.call(fuse.GETXATTR, node, sized(2, b"user.a")))
    names = world.call(LISTXATTR, node, sized(99))
    assert sorted(names.split(b"\0")) == [b"", b"user.a", b"user.b"]
    assert struct.unpack("=I4x", world.call(LISTXATTR, node, sized(0))) == (len(names),)
    again = set_to(b"user.a", b"x", os.XATTR_CREATE)
    world.fails(errno.EEXIST, world.kernel.call(SETXATTR, node, again))
    missing = set_to(b"user.z", b"x", os.XATTR_REPLACE)
    world.fails(errno.ENODATA, world.kernel.call(SETXATTR, node, missing))
    world.fails(errno.EINVAL, world.kernel.call(SETXATTR, node, set_to(b"user.z", b"x", 9)))
    world.call(REMOVEXATTR, node, b"user.a\0")
    world.fails(errno.ENODATA, world.kernel.call(fuse.GETXATTR, node, sized(9, b"user.a")))
    with world.calls(0):
        for name in (b"security.capability", b"system.posix_acl_access", b"trusted.x"):
            world.fails(errno.EOPNOTSUPP, world.kernel.call(fuse.GETXATTR, node, sized(9, name)))


def test_the_access_control_list_is_an_attribute_as_in_linux(world: World) -> None:
    world.run(world.root.write_bytes("f", b""))
    world.run(world.root.chmod("f", 0o640))
    node = world.lookup(ROOT, b"f").node
    octets = world.call(fuse.GETXATTR, node, sized(4096, b"system.nfs4_acl"))
    assert len(octets) % 4 == 0
    assert struct.unpack_from(">I", octets) == (len(world.run(world.root.acl("f"))),)
    rights = Ace.parse("A::1001:rtncy").access
    entry = struct.pack(">4I", 0, 0, rights, 4) + b"1001"
    mine = Ace.parse("A::OWNER@:rwatTnNcCoy").access
    owner = struct.pack(">4I", 0, 0, mine, 6) + b"OWNER@\0\0"
    world.call(SETXATTR, node, set_to(b"system.nfs4_acl", struct.pack(">I", 2) + owner + entry))
    assert any("1001" in str(ace) for ace in world.run(world.root.acl("f")))
    with world.as_user(BOB):
        world.run(world.kernel.open(node, os.O_RDONLY))
        world.fails(errno.EACCES, world.kernel.open(node, os.O_WRONLY))
        world.fails(
            errno.EPERM, world.kernel.call(SETXATTR, node, set_to(b"system.nfs4_acl", octets))
        )
    for wrong in (b"", b"abc", octets + b"more", b"\xff" * 8):
        body = set_to(b"system.nfs4_acl", wrong)
        world.fails(errno.EINVAL, world.kernel.call(SETXATTR, node, body))


def set_up_inheritance(world: World) -> int:
    """Make a directory whose files are for the group 1002, too; return its node."""
    world.run(world.root.mkdir("shared"))
    access = ("A::OWNER@:rwaDxtTnNcCoy", "A:g:GROUP@:rxtncy", "A::EVERYONE@:rxtncy")
    inherited = (
        *("A:fdi:OWNER@:rwaDxtTnNcCoy", "A:fdig:GROUP@:rxtncy"),
        *("A:fdig:1002:rwaDxtTnNcy", "A:fdi:EVERYONE@:rxtncy"),
    )
    world.run(world.root.set_acl("shared", [Ace.parse(each) for each in (*access, *inherited)]))
    return world.lookup(ROOT, b"shared").node


async def make_one_of_each(world: World, directory: int) -> list[int]:
    """Make a file, one exclusively, a directory and a FIFO, as for a umask of 022."""
    kernel, bodies = world.kernel, struct.Struct("=II")
    flags = os.O_RDWR | os.O_CREAT
    file, _, _ = await kernel.create(directory, b"file", flags, 0o666)
    alone, _, _ = await kernel.create(directory, b"alone", flags | os.O_EXCL, 0o666)
    below = await kernel.entry(fuse.MKDIR, directory, bodies.pack(0o777, 0o22) + b"below\0")
    body = struct.pack("=III4x", 0o666 | stat.S_IFIFO, 0, 0o22) + b"fifo\0"
    fifo = await kernel.entry(fuse.MKNOD, directory, body)
    return [each.attributes.st_mode & 0o777 for each in (file, alone, below, fifo)]


def test_an_inherited_list_takes_the_place_of_the_file_mask(world: World) -> None:
    directory = set_up_inheritance(world)
    assert world.run(make_one_of_each(world, directory)) == [0o664, 0o664, 0o775, 0o664]
    below = world.lookup(directory, b"below").node
    assert world.run(make_one_of_each(world, below)) == [0o664, 0o664, 0o775, 0o664]


def test_the_file_mask_counts_where_nothing_is_inherited(world: World) -> None:
    assert world.kernel.agreed[3] & 1 << 6, "the kernel leaves it to us"
    assert world.run(make_one_of_each(world, ROOT)) == [0o644, 0o644, 0o755, 0o644]


def test_the_mount_applies_the_file_mask_where_the_server_cannot() -> None:
    world = World(minor_version=1)
    assert not world.fs.takes_umask
    assert world.run(make_one_of_each(world, ROOT)) == [0o644, 0o644, 0o755, 0o644]
    directory = set_up_inheritance(world)
    assert world.run(make_one_of_each(world, directory)) == [0o644, 0o644, 0o755, 0o644]


# --- Choices ---


def test_locks_can_be_this_hosts_alone() -> None:
    posix, flock, read_plus, write_back = 1 << 1, 1 << 10, 1 << 13, 1 << 16
    for choices, missing in (
        (Choices(), write_back),
        (Choices(posix_locks=False), posix | write_back),
        (Choices(flocks=False, read_plus=False), flock | read_plus | write_back),
        (Choices(write_back=True), 0),
    ):
        flags = World(choices).kernel.agreed[3]
        assert (posix | flock | read_plus | write_back) & ~flags == missing


def test_names_are_not_remembered_unless_that_is_wanted() -> None:
    world = World(times=Lifetimes(names=False))
    world.run(world.root.write_bytes("f", b""))
    world.lookup(ROOT, b"f")
    with world.calls(1):
        world.lookup(ROOT, b"f")
    world = World(times=Lifetimes(missing=False))
    world.run(world.root.write_bytes("f", b""))
    world.lookup(ROOT, b"f")
    world.fails(errno.ENOENT, world.kernel.lookup(ROOT, b"missing"))
    with world.calls(0):
        world.lookup(ROOT, b"f")
    with world.calls(1):
        world.fails(errno.ENOENT, world.kernel.lookup(ROOT, b"missing"))


def test_with_write_back_the_kernel_can_read_what_it_writes() -> None:
    world = World(Choices(write_back=True))
    world.run(world.root.write_bytes("f", b"data"))
    node = world.lookup(ROOT, b"f").node
    fh, _ = world.run(world.kernel.open(node, os.O_WRONLY))
    assert world.run(world.kernel.read(node, fh, 0, 9)) == b"data"
    cached = struct.pack("=QQII8xI4x", fh, 1, 1, 1, os.O_APPEND) + b"x"
    world.call(fuse.WRITE, node, cached)
    assert world.run(world.kernel.read(node, fh, 0, 9)) == b"dxta", "its offset counts"
    world.run(world.kernel.release(node, fh))
    world.run(world.root.chmod("f", 0o222))
    with world.as_user(BOB):
        fh, _ = world.run(world.kernel.open(node, os.O_WRONLY))
        world.fails(errno.EBADF, world.kernel.read(node, fh, 0, 9))


@pytest.mark.parametrize("number", [errno.EIO, errno.ETIMEDOUT])
def test_soft_errors_are_what_was_chosen(number: int) -> None:
    world = World(Choices(unreachable=number))
    world.run(world.root.write_bytes("f", b"data"))
    node = world.lookup(ROOT, b"f").node
    assert stat.S_ISREG(world.lookup(ROOT, b"f").attributes.st_mode)
    world.pair.partition(world.fs)
    world.pair.wait(200)
    world.fails(number, world.kernel.getattr(node))

"""Nodes: what is known without a call, when it is asked for, and what happens when it is gone."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer, Refused
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client.attributes import encode_attributes
from nfsrdma.client.errors import NfsError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.nodes import UNCACHED, Lifetimes, Node, NodeFile, Nodes
from nfsrdma.client.opens import READ, WRITE
from nfsrdma.client.operations import Moved
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Task, gather
from nfsrdma.xdr.nfs4 import types as t

BOTH = READ | WRITE
TIMES = Lifetimes(file_min=3, file_max=20, directory_min=5, directory_max=10)


class World:
    """A client by nodes, and another one that changes things behind its back."""

    def __init__(self) -> None:
        self.pair = Pair()
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.nodes = self.fs.nodes(TIMES)
        self.root: Node = self.run(self.nodes.root())

    def run(self, coroutine: Any) -> Any:
        return self.pair.run(coroutine)

    def lookup(self, *names: str) -> Node:
        node = self.root
        for name in names:
            node = self.run(self.nodes.lookup(node, name.encode()))
        return node

    def put(self, path: str, data: bytes = b"data") -> None:
        self.run(self.other.write_bytes(path, data))

    @contextmanager
    def expect_calls(self, count: int) -> Iterator[None]:
        before = calls(self.fs)
        yield
        assert calls(self.fs) - before == count

    def read(self, file: NodeFile, size: int = 100, offset: int = 0) -> bytes:
        buffer = bytearray(size)
        count = self.run(file.read_at(offset, memoryview(buffer)))
        return bytes(buffer[:count])

    def write(self, file: NodeFile, data: bytes, offset: int = 0) -> None:
        self.run(file.write_at(offset, memoryview(data)))


@pytest.fixture
def world() -> World:
    return World()


# --- Attributes ---


def test_attributes_are_believed_for_a_while_that_grows(world: World) -> None:
    world.put("file", b"12345")
    node = world.lookup("file")
    with world.expect_calls(0):
        assert world.run(world.nodes.getattr(node)).st_size == 5
    lifetimes = []
    for _ in range(5):
        world.pair.wait(world.nodes.seconds_left(node) + 0.001)
        assert world.nodes.seconds_left(node) == 0
        with world.expect_calls(1):
            world.run(world.nodes.getattr(node))
        lifetimes.append(round(world.nodes.seconds_left(node)))
    assert lifetimes == [6, 12, 20, 20, 20]
    world.run(world.other.truncate("file", 2))
    world.pair.wait(21)
    with world.expect_calls(1):
        assert world.run(world.nodes.getattr(node)).st_size == 2
    assert round(world.nodes.seconds_left(node)) == 3


def test_nothing_is_believed_if_so_wished(world: World) -> None:
    world.put("file")
    nodes = world.fs.nodes(UNCACHED)
    root = world.run(nodes.root())
    with world.expect_calls(3):
        node = world.run(nodes.lookup(root, b"file"))
        world.run(nodes.getattr(node))
        world.run(nodes.lookup(root, b"file"))


def test_what_is_asked_for_earlier_is_no_news_later(world: World) -> None:
    world.put("file", b"1")
    node = world.lookup("file")
    early = world.pair.reactor.now
    old = world.run(world.fs.operations.getattr(node.handle))
    world.run(world.nodes.setattr(node, encode_attributes(mode=0o600)))
    assert not node.learn(old, early)
    assert stat.S_IMODE(node.status.st_mode) == 0o600


def test_own_writes_end_the_belief(world: World) -> None:
    world.put("file", b"1")
    node = world.lookup("file")
    file = world.run(world.nodes.open(node, BOTH))
    world.write(file, b"0123456789")
    with world.expect_calls(1):
        assert world.run(world.nodes.getattr(node)).st_size == 10
    world.run(file.close())
    assert world.nodes.seconds_left(node) > 0, "CLOSE has brought the attributes along"
    assert world.nodes.seconds_left(node) <= 3


def test_setattr_answers_with_the_attributes(world: World) -> None:
    world.put("file", b"0123456789")
    node = world.lookup("file")
    with world.expect_calls(1):
        status = world.run(world.nodes.setattr(node, encode_attributes(size=4), 4))
    assert status.st_size == 4
    with world.expect_calls(0):
        assert world.run(world.nodes.getattr(node)).st_size == 4


# --- Names ---


def test_names_are_believed_as_long_as_their_directory(world: World) -> None:
    world.put("file")
    first = world.lookup("file")
    with world.expect_calls(0):
        assert world.lookup("file") is first
    world.pair.wait(6)
    with world.expect_calls(1):
        assert world.lookup("file") is first
    world.pair.wait(9)
    with world.expect_calls(0):
        assert world.lookup("file") is first, "the directory was found unchanged: it lives longer"


def test_a_name_that_there_is_not_is_known_too(world: World) -> None:
    with world.expect_calls(1), pytest.raises(FileNotFoundError) as caught:
        world.lookup("missing")
    assert caught.value.filename == "/missing"
    with world.expect_calls(0), pytest.raises(FileNotFoundError):
        world.lookup("missing")
    world.put("missing")
    with world.expect_calls(0), pytest.raises(FileNotFoundError):
        world.lookup("missing")
    world.pair.wait(5)
    with world.expect_calls(1):
        assert world.lookup("missing").status.st_size == 4


def test_a_look_at_one_name_tells_that_the_others_are_old(world: World) -> None:
    world.put("one")
    world.put("two")
    one = world.lookup("one")
    world.run(world.other.remove("one"))
    world.put("one", b"another")
    world.pair.wait(5)
    world.lookup("two")
    with world.expect_calls(1):
        assert world.lookup("one") is not one


def test_own_changes_are_known_without_a_call(world: World) -> None:
    with world.expect_calls(1):
        directory = world.run(world.nodes.mkdir(world.root, b"directory", 0o750))
    assert directory.is_dir
    assert stat.S_IMODE(directory.status.st_mode) == 0o750
    link = world.run(world.nodes.symlink(directory, b"link", b"../target"))
    fifo = world.run(world.nodes.mknod(directory, b"fifo", t.NF4FIFO, 0o600))
    assert stat.S_ISFIFO(fifo.status.st_mode)
    with world.expect_calls(0):
        assert world.run(world.nodes.lookup(directory, b"link")) is link
        assert world.run(world.nodes.lookup(directory, b"fifo")) is fifo
    assert world.run(world.nodes.readlink(link)) == b"../target"
    world.run(world.nodes.remove(directory, b"fifo"))
    with world.expect_calls(0), pytest.raises(FileNotFoundError):
        world.run(world.nodes.lookup(directory, b"fifo"))


@pytest.mark.parametrize("atomic", [True, False])
def test_own_changes_bring_the_attributes_of_their_directory(world: World, atomic: bool) -> None:
    """A server that cannot say whether others change it at the same time tells these, too."""
    world.pair.tree.atomic_changes = atomic
    one = world.run(world.nodes.mkdir(world.root, b"one", 0o755))
    two = world.run(world.nodes.mkdir(world.root, b"two", 0o755))
    nodes = world.nodes
    changes: list[tuple[Any, tuple[Node, ...]]] = [
        (nodes.create(one, b"file", BOTH, 0o600, truncate=True), (one,)),
        (nodes.mkdir(one, b"below", 0o755), (one,)),
        (nodes.symlink(one, b"link", b"target"), (one,)),
        (nodes.rename(one, b"link", one, b"other"), (one,)),
        (nodes.rename(one, b"below", two, b"below"), (one, two)),
        (nodes.remove(two, b"below"), (two,)),
    ]
    for change, directories in changes:
        world.pair.wait(1)
        with world.expect_calls(1):
            world.run(change)
            told = [world.run(nodes.getattr(each)) for each in directories]
        for each, status in zip(directories, told, strict=True):
            now = world.run(world.fs.operations.getattr(each.handle))
            assert (status.change, status.st_nlink, status.st_mtime_ns) == (
                *(now.change, now.st_nlink, now.st_mtime_ns),
            )
            assert status.handle == each.handle
    file = world.run(nodes.lookup(one, b"file"))
    with world.expect_calls(1):
        world.run(nodes.link(file, two, b"again"))
        assert world.run(nodes.getattr(two)).change == two.change
    assert (b"below" in two.names) is atomic


def test_attributes_of_a_directory_are_those_of_the_last_change(world: World) -> None:
    """Replies that cross say nothing certain: then the server is asked."""
    world.pair.tree.atomic_changes = False
    names = [b"%d" % number for number in range(8)]
    world.run(gather(Task(world.nodes.mkdir(world.root, name, 0o755)) for name in names))
    assert world.run(world.nodes.getattr(world.root)).st_nlink == 2 + len(names)


def test_a_change_between_ours_and_the_look_at_its_directory_is_noticed(world: World) -> None:
    ours = world.run(world.nodes.mkdir(world.root, b"ours", 0o755))
    before = world.root.change
    status = world.run(world.fs.operations.getattr(world.root.handle))
    status.change = before + 2
    moved = Moved(t.change_info4(True, before, before + 1), status)
    world.root.moved_on(moved, world.pair.reactor.now, world.pair.reactor.now)
    assert world.root.change == before + 2
    assert not world.root.names
    assert ours.lookups == 1


def test_a_rename_takes_the_node_along(world: World) -> None:
    world.put("old", b"moved")
    world.put("new", b"replaced")
    world.run(world.other.mkdir("directory"))
    directory, moved, replaced = world.lookup("directory"), world.lookup("old"), world.lookup("new")
    world.run(world.nodes.rename(world.root, b"old", world.root, b"new"))
    with world.expect_calls(0):
        assert world.lookup("new") is moved
        with pytest.raises(FileNotFoundError):
            world.lookup("old")
    assert moved.path() == "/new"
    assert world.nodes.seconds_left(replaced) == 0
    world.run(world.nodes.rename(world.root, b"new", directory, b"there"))
    assert moved.path() == "/directory/there"
    with world.expect_calls(0):
        assert world.run(world.nodes.lookup(directory, b"there")) is moved


def test_a_change_of_another_between_two_of_ours_is_noticed(world: World) -> None:
    world.run(world.nodes.mkdir(world.root, b"one", 0o755))
    world.put("secret")
    world.run(world.nodes.mkdir(world.root, b"two", 0o755))
    assert set(world.root.names) == {b"two"}, "what was known before is void"


def test_hard_links_are_one_node(world: World) -> None:
    world.put("file")
    node = world.lookup("file")
    assert world.run(world.nodes.link(node, world.root, b"again")) is node
    assert node.status.st_nlink == 2
    assert world.lookup("again") is node


def test_a_link_is_lost_under_a_name_that_is_forgotten(world: World) -> None:
    """The directory has moved on meanwhile: nobody knows of which file the name was."""
    world.put("/n0")
    node = world.lookup("n0")
    for name in (b"n1", b"n2"):
        world.run(world.nodes.link(node, world.root, name))
    for left, name in ((2, b"n0"), (1, b"n2")):
        world.root.names.clear()
        world.run(world.nodes.remove(world.root, name))
        assert world.run(world.nodes.getattr(node)).st_nlink == left
    with world.expect_calls(0):
        world.run(world.nodes.getattr(node))


def test_dot_and_dot_dot(world: World) -> None:
    directory = world.run(world.nodes.mkdir(world.root, b"directory", 0o755))
    assert world.run(world.nodes.lookup(directory, b".")) is directory
    assert world.run(world.nodes.lookup(directory, b"..")) is world.root
    assert world.run(world.nodes.lookup(world.root, b"..")) is world.root


def test_listing_brings_nodes_and_names(world: World) -> None:
    for index in range(5):
        world.put(f"file{index}", bytes(index))
    with world.expect_calls(1):
        page = world.run(world.nodes.readdir(world.root))
    assert page.end
    assert [entry.name for entry in page.entries] == [b"file%d" % n for n in range(5)]
    with world.expect_calls(0):
        for index, entry in enumerate(page.entries):
            node = world.lookup(f"file{index}")
            assert node is entry.node
            assert world.run(world.nodes.getattr(node)).st_size == index
    # Any entry's cookie is a place to go on from.
    rest = world.run(world.nodes.readdir(world.root, page.entries[2].cookie, page.verifier))
    assert [entry.name for entry in rest.entries] == [b"file3", b"file4"]


# --- Files ---


def test_an_open_tells_whether_the_file_has_changed(world: World) -> None:
    world.put("file", b"1")
    node = world.lookup("file")
    file = world.run(world.nodes.open(node, READ))
    assert not file.changed
    world.run(file.close())
    world.put("file", b"23")
    with world.expect_calls(1):
        file = world.run(world.nodes.open(node, READ))
    assert file.changed
    assert node.status.st_size == 2
    assert world.read(file) == b"23"
    world.run(file.close())
    file = world.run(world.nodes.open(node, BOTH))
    world.write(file, b"ours")
    world.run(file.close())
    assert not world.run(world.nodes.open(node, READ)).changed, "that was our own doing"


def test_files_are_made_and_cut(world: World) -> None:
    with world.expect_calls(1):
        file = world.run(world.nodes.create(world.root, b"file", BOTH, 0o640))
    assert stat.S_IMODE(file.node.status.st_mode) == 0o640
    assert (file.node.lookups, file.node.opens) == (1, 1)
    world.write(file, b"contents")
    with pytest.raises(FileExistsError):
        world.run(world.nodes.create(world.root, b"file", BOTH, 0o640, exclusive=True))
    world.run(file.close())
    world.run(file.close())
    assert file.node.opens == 0
    with world.expect_calls(1):
        again = world.run(world.nodes.open(file.node, WRITE, truncate=True))
    assert file.node.status.st_size == 0
    world.run(again.close())
    again = world.run(world.nodes.create(world.root, b"file", BOTH, 0o600))
    assert again.node is file.node
    world.run(again.truncate(7))
    assert file.node.status.st_size == 7
    world.run(again.close())


def test_ranges_are_reserved_and_given_back(world: World) -> None:
    file = world.run(world.nodes.create(world.root, b"file", BOTH, 0o600))
    world.run(file.allocate(0, 100_000))
    assert file.node.status.st_size == 100_000
    world.write(file, b"x" * 10_000)
    world.run(file.commit())
    world.run(file.deallocate(0, 8192))
    assert world.read(file, 10_000) == bytes(8192) + b"x" * 1808
    world.run(file.close())


def test_an_unlinked_file_stays_while_it_is_open(world: World) -> None:
    world.put("file", b"still here")
    file = world.run(world.nodes.open(world.lookup("file"), READ))
    world.run(world.nodes.remove(world.root, b"file"))
    assert world.read(file) == b"still here"
    assert world.run(world.nodes.refresh(file.node)).st_nlink == 0
    world.run(file.close())


def test_ranges_are_locked_for_owners(world: World) -> None:
    file = world.run(world.nodes.create(world.root, b"file", BOTH, 0o600))
    world.run(file.lock(b"one", t.WRITE_LT, 0, 10))
    denied = world.run(file.test_lock(b"two", t.READ_LT, 5, 1))
    assert (denied.offset, denied.length) == (0, 10)
    with pytest.raises(BlockingIOError) as caught:
        world.run(file.lock(b"two", t.READ_LT, 5, 1))
    assert caught.value.filename == "/file"
    world.run(file.unlock(b"one"))
    world.run(file.lock(b"two", t.READ_LT, 5, 1, wait=True))
    world.run(file.close())


# --- References ---


def test_what_is_looked_up_stays_until_it_is_forgotten(world: World) -> None:
    world.put("file")
    nodes = Nodes(world.fs, world.fs.resolver.find_root, TIMES, unused_max=2)
    root = world.run(nodes.root())
    node = world.run(nodes.lookup(root, b"file"))
    assert world.run(nodes.lookup(root, b"file")) is node
    assert node.lookups == 2
    for index in range(10):
        made = world.run(nodes.mkdir(root, b"%d" % index, 0o755))
        nodes.forget(made)
    assert len(nodes.table) == 1 + 1 + 2
    assert nodes.table[node.number] is node
    nodes.forget(node)
    file = world.run(nodes.open(node, READ))
    nodes.forget(node)
    for index in range(10):
        nodes.forget(world.run(nodes.lookup(root, b"%d" % index)))
    assert nodes.table[node.number] is node, "it is open"
    world.run(file.close())
    for index in range(10):
        nodes.forget(world.run(nodes.lookup(root, b"%d" % index)))
    with pytest.raises(KeyError):
        nodes.table[node.number]
    again = world.run(nodes.lookup(root, b"file"))
    assert again is not node
    assert again.number > node.number


def test_names_are_bounded(world: World) -> None:
    nodes = Nodes(world.fs, world.fs.resolver.find_root, TIMES, names_max=10)
    root = world.run(nodes.root())
    directories = [world.run(nodes.mkdir(root, b"d%d" % n, 0o755)) for n in range(4)]
    for directory in directories:
        for index in range(6):
            with pytest.raises(FileNotFoundError):
                world.run(nodes.lookup(directory, b"%d" % index))
    assert sum(len(node.names) for node in (root, *directories)) <= 10


def test_users_share_what_is_known_and_act_for_themselves(world: World) -> None:
    user = world.nodes.acting_as(Credentials.sys(1000, 1000))
    world.run(world.other.chmod("", 0o777))
    world.pair.wait(6)
    file = world.run(user.create(world.root, b"theirs", BOTH, 0o600))
    assert (file.node.status.st_uid, file.node.status.st_gid) == (1000, 1000)
    stranger = world.nodes.acting_as(Credentials.sys(1001, 1001))
    with pytest.raises(PermissionError):
        world.run(stranger.open(file.node, READ))
    assert world.run(stranger.access(file.node, t.ACCESS4_READ)) == 0
    assert world.run(user.access(file.node, t.ACCESS4_READ)) == t.ACCESS4_READ
    world.run(file.close())


def test_rights_are_remembered_for_each_user_while_attributes_are_trusted(world: World) -> None:
    world.put("file")
    node = world.lookup("file")
    users = [world.nodes.acting_as(Credentials.sys(uid, uid)) for uid in (1000, 1001)]
    for user in users:
        with world.expect_calls(1):
            assert world.run(user.access(node, t.ACCESS4_READ)) == t.ACCESS4_READ
        with world.expect_calls(0):
            assert world.run(user.access(node, t.ACCESS4_READ)) == t.ACCESS4_READ
        with world.expect_calls(1):  # of what is refused somebody may have thought better
            both = t.ACCESS4_READ | t.ACCESS4_MODIFY
            assert world.run(user.access(node, both)) == t.ACCESS4_READ
        with world.expect_calls(1):
            world.run(user.access(node, t.ACCESS4_READ, anew=True))
    world.run(world.other.chmod("file", 0o600))
    world.pair.wait(3)
    for user in users:
        assert world.run(user.access(node, t.ACCESS4_READ)) == 0
    world.run(world.other.chmod("file", 0o666))
    world.run(world.nodes.refresh(node))
    for user in users:
        assert world.run(user.access(node, t.ACCESS4_MODIFY)) == t.ACCESS4_MODIFY


def test_rights_are_not_remembered_without_a_cache(world: World) -> None:
    world.put("file")
    nodes = world.fs.nodes(UNCACHED)
    node = world.run(nodes.lookup(world.run(nodes.root()), b"file"))
    for _ in range(2):
        with world.expect_calls(1):
            world.run(nodes.access(node, t.ACCESS4_READ))


def test_many_lookups_at_a_time(world: World) -> None:
    for index in range(20):
        world.put(f"file{index}", bytes(index))

    async def all_of_them() -> list[Any]:
        tasks = [Task(world.nodes.lookup(world.root, b"file%d" % (n % 20))) for n in range(60)]
        await gather(tasks)
        return [task.result() for task in tasks]

    found = world.run(all_of_them())
    assert [node.status.st_size for node in found] == [n % 20 for n in range(60)]
    assert len({id(node) for node in found}) == 20
    assert all(node.lookups == 3 for node in found)


# --- Handles that are lost ---


class Volatile:
    """A server whose handles change, or whose objects go."""

    def __init__(self) -> None:
        self.server = FakeServer(FakeReactor())
        self.directory = self.server.add("directory", t.NF4DIR)
        self.file = self.server.add("file", parent=self.directory, data=b"contents")
        self.fs: FileSystem = self.server.mounted()
        self.nodes = self.fs.nodes(UNCACHED)
        self.run = self.server.reactor.run
        self.root = self.run(self.nodes.root())
        self.below = self.run(self.nodes.lookup(self.root, b"directory"))
        self.node = self.run(self.nodes.lookup(self.below, b"file"))

    def rehandle(self) -> None:
        """Give every object another handle."""
        for each in (self.directory, self.file):
            each.handle += b"'"
        self.server.nodes = {each.handle: each for each in self.server.nodes.values()}


@pytest.fixture
def volatile() -> Volatile:
    return Volatile()


def test_a_lost_handle_is_looked_up_again(volatile: Volatile) -> None:
    volatile.rehandle()
    status = volatile.run(volatile.nodes.getattr(volatile.node))
    assert status.st_size == 8
    assert volatile.node.handle == volatile.file.handle
    assert volatile.run(volatile.nodes.lookup(volatile.below, b"file")) is volatile.node
    volatile.rehandle()
    file = volatile.run(volatile.nodes.open(volatile.node, READ))
    volatile.run(file.close())


def test_another_object_under_the_name_is_not_taken_for_it(volatile: Volatile) -> None:
    del volatile.server.nodes[volatile.file.handle]
    del volatile.directory.children[b"file"]
    volatile.server.add("file", parent=volatile.directory, data=b"other", fileid=10)
    with pytest.raises(NfsError) as caught:
        volatile.run(volatile.nodes.getattr(volatile.node))
    assert caught.value.status == t.NFS4ERR_STALE
    assert volatile.run(volatile.nodes.lookup(volatile.below, b"file")) is not volatile.node


def test_a_file_that_is_gone_is_stale(volatile: Volatile) -> None:
    del volatile.server.nodes[volatile.file.handle]
    del volatile.directory.children[b"file"]
    with pytest.raises(NfsError) as caught:
        volatile.run(volatile.nodes.getattr(volatile.node))
    assert caught.value.status == t.NFS4ERR_STALE


def test_a_name_that_is_replaced_while_it_is_looked_up(volatile: Volatile) -> None:
    real = volatile.server.op_getfh
    stale = [3]

    def replaced(args: None) -> bytes:
        if stale[0]:
            stale[0] -= 1
            raise Refused(t.NFS4ERR_STALE)
        return real(args)

    volatile.server.op_getfh = replaced  # type: ignore[method-assign]
    assert volatile.run(volatile.nodes.lookup(volatile.below, b"file")) is volatile.node


@pytest.mark.parametrize("status", [t.NFS4ERR_DELAY, t.NFS4ERR_ACCESS, t.NFS4ERR_STALE])
def test_what_is_asked_for_besides_does_not_have_it_done_again(
    volatile: Volatile, status: int
) -> None:
    real, removals = volatile.server.op_remove, []

    def refused(args: object) -> bytes:
        del volatile.server.op_getattr  # once
        raise Refused(status)

    def remove(args: t.REMOVE4args) -> bytes:
        removals.append(args.target)
        volatile.server.op_getattr = refused  # type: ignore[method-assign]
        return real(args)

    volatile.server.op_remove = remove  # type: ignore[method-assign]
    volatile.run(volatile.nodes.remove(volatile.below, b"file"))
    assert removals == [b"file"]
    assert volatile.run(volatile.nodes.getattr(volatile.below)).is_dir

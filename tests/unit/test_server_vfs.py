"""What every file system must do, over all of them: memory, and local with both kinds of handle."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.listings import listed
from tests.support.threads import AtOnce

from nfsrdma.server.vfs.interface import (
    NOW,
    READ,
    ROOT,
    WRITE,
    Advice,
    Changes,
    FileSystem,
    Job,
    Listing,
    Node,
    User,
    XattrMode,
)
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import CHUNK, MemoryFileSystem
from nfsrdma.server.vfs.pace import Medium

ALICE = User(1001, 1001, (2000,))
BOB = User(1002, 1002)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


class Ticker:
    """A clock that moves by itself, like time."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_000
        return self.now


def _kernel_handles_work(path: Path) -> bool:
    try:
        LocalFileSystem(path, kernel_handles=True).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["memory", "kernel", "inode", "kernel disk", "kernel other", "inode other"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    """Local files: by each kind of handle, and with threads for what may wait."""
    if request.param == "memory":
        yield MemoryFileSystem(Ticker())
        return
    handles, _, medium = request.param.partition(" ")
    if handles == "kernel" and not _kernel_handles_work(tmp_path):
        pytest.skip("the kernel gives no handles here")
    root = tmp_path / "export"
    root.mkdir()
    root.chmod(0o777)
    tmp_path.chmod(0o755)
    local = LocalFileSystem(
        root,
        kernel_handles=handles == "kernel",
        descriptors=16,
        medium=Medium(medium) if medium else None,
    )
    threads = AtOnce()
    if medium:
        local.attach(threads)
    yield local
    if medium == "other":
        assert threads.done
    local.close()
    threads.close()


def fails(code: int, call: Callable[..., object], *args: object) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    assert caught.value.errno == code, errno.errorcode.get(caught.value.errno or 0)


def done(job: Job | None) -> None:
    if job is not None:
        job()


def put(
    fs: FileSystem, name: bytes, data: bytes = b"", who: User = ROOT, mode: int = 0o644
) -> Node:
    node, file = fs.create(fs.root, name, who, mode, READ | WRITE)
    if data:
        file.write(0, memoryview(data))
    file.close()
    return node


def get(fs: FileSystem, node: Node, offset: int = 0, size: int = 1 << 16) -> bytes:
    file = fs.open(node, ROOT, READ)
    buffer = bytearray(size)
    count = file.read(offset, memoryview(buffer))
    file.close()
    return bytes(buffer[:count])


def names(fs: FileSystem, directory: Node) -> list[bytes]:
    return [name for _, name in listed(fs, directory)]


def test_written_is_read(fs: FileSystem) -> None:
    node = put(fs, b"a", b"hello")
    assert get(fs, node) == b"hello"
    assert get(fs, node, 3) == b"lo"
    assert get(fs, node, 5) == b""
    assert get(fs, node, 1 << 40) == b""


def test_write_across_chunks_and_holes(fs: FileSystem) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o600, READ | WRITE)
    data = bytes(range(256)) * 600
    file.write(CHUNK * 3 - 77, memoryview(data))
    assert file.size() == CHUNK * 3 - 77 + len(data)
    file.close()
    assert get(fs, node, 0, CHUNK) == bytes(CHUNK)
    assert get(fs, node, CHUNK * 3 - 80, len(data) + 3) == b"\0\0\0" + data
    assert fs.attributes(node).space_used < CHUNK * 7


def test_attributes_of_new_file(fs: FileSystem) -> None:
    node = put(fs, b"a", b"abc", mode=0o640)
    attributes = fs.attributes(node)
    assert attributes.type == stat.S_IFREG
    assert attributes.mode == 0o640
    assert attributes.nlink == 1
    assert attributes.size == 3
    assert attributes.fileid == node.fileid
    # A server that is not root does everything as itself.
    assert attributes.uid == (os.geteuid() if isinstance(fs, LocalFileSystem) else 0)


def test_mode_is_not_masked(fs: FileSystem) -> None:
    old = os.umask(0o077)
    try:
        assert fs.attributes(put(fs, b"f", mode=0o666)).mode == 0o666 or isinstance(
            fs, LocalFileSystem
        )
        if isinstance(fs, LocalFileSystem):
            fs.calls._umask = 0o077
        assert fs.attributes(put(fs, b"g", mode=0o666)).mode == 0o666
        assert fs.attributes(fs.mkdir(fs.root, b"d", ROOT, 0o777)).mode == 0o777
    finally:
        os.umask(old)


def test_change_attribute_moves_with_every_write(fs: FileSystem) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o600, READ | WRITE)
    seen = [fs.attributes(node).change]
    for number in range(50):
        file.write(number, memoryview(b"x"))
        seen.append(fs.attributes(node).change)
    file.close()
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen)


def test_change_attribute_of_directory_moves(fs: FileSystem) -> None:
    seen = [fs.attributes(fs.root).change]
    for name in (b"a", b"b"):
        put(fs, name)
        seen.append(fs.attributes(fs.root).change)
    fs.rename(fs.root, b"a", fs.root, b"c", ROOT)
    seen.append(fs.attributes(fs.root).change)
    fs.remove(fs.root, b"b", ROOT)
    seen.append(fs.attributes(fs.root).change)
    assert seen == sorted(set(seen))


def test_set_size_up_and_down(fs: FileSystem) -> None:
    node = put(fs, b"a", b"hello")
    fs.change(node, ROOT, Changes(size=2))
    fs.change(node, ROOT, Changes(size=4))
    assert get(fs, node) == b"he\0\0"


def test_set_size_beyond_everything(fs: FileSystem) -> None:
    node = put(fs, b"a")
    fails(errno.EFBIG, fs.change, node, ROOT, Changes(size=(1 << 64) - 1))


def test_set_size_of_directory(fs: FileSystem) -> None:
    fails(errno.EISDIR, fs.change, fs.root, ROOT, Changes(size=1))


def test_set_times(fs: FileSystem) -> None:
    node = put(fs, b"a")
    fs.change(node, ROOT, Changes(atime_ns=1_000_000_001, mtime_ns=2_500_000_000))
    attributes = fs.attributes(node)
    assert (attributes.atime_ns, attributes.mtime_ns) == (1_000_000_001, 2_500_000_000)
    fs.change(node, ROOT, Changes(mtime_ns=NOW))
    attributes = fs.attributes(node)
    assert attributes.atime_ns == 1_000_000_001
    assert attributes.mtime_ns > 10**18


def test_set_mode_and_owner(fs: FileSystem) -> None:
    node = put(fs, b"a")
    if os.geteuid() == 0 or isinstance(fs, MemoryFileSystem):
        fs.change(node, ROOT, Changes(uid=5, gid=6))
        assert fs.attributes(node).uid == 5
    fs.change(node, ROOT, Changes(mode=0o4711))
    assert fs.attributes(node).mode == 0o4711


def test_lookup(fs: FileSystem) -> None:
    node = put(fs, b"a")
    assert fs.lookup(fs.root, b"a", ROOT).identity == node.identity
    fails(errno.ENOENT, fs.lookup, fs.root, b"b", ROOT)
    fails(errno.ENOTDIR, fs.lookup, node, b"b", ROOT)
    fails(errno.ENAMETOOLONG, fs.lookup, fs.root, b"x" * 256, ROOT)


def test_parent(fs: FileSystem) -> None:
    one = fs.mkdir(fs.root, b"1", ROOT, 0o755)
    two = fs.mkdir(one, b"2", ROOT, 0o755)
    assert fs.parent(two, ROOT).identity == one.identity
    assert fs.parent(one, ROOT).identity == fs.root.identity


def test_identity_survives_rename(fs: FileSystem) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o755)
    node = put(fs, b"a", b"data")
    fs.rename(fs.root, b"a", directory, b"b", ROOT)
    fs.sweep()
    fs.sweep()
    assert get(fs, fs.node(node.identity)) == b"data"


def test_identity_of_what_is_gone(fs: FileSystem) -> None:
    node = put(fs, b"a")
    fs.remove(fs.root, b"a", ROOT)
    fails(errno.ESTALE, lambda: fs.attributes(fs.node(node.identity)))


@pytest.mark.parametrize("identity", [b"", b"K", b"I", b"x" * 17, b"\0" * 110, b"K" + b"\xff" * 40])
def test_malformed_identity(fs: FileSystem, identity: bytes) -> None:
    with pytest.raises(OSError) as caught:
        fs.node(identity)
    assert caught.value.errno in (errno.EINVAL, errno.ESTALE)


def test_listing_goes_on_where_it_stopped(fs: FileSystem) -> None:
    wanted = {b"%03d" % number for number in range(100)}
    for name in wanted:
        put(fs, name)
    seen: list[bytes] = []
    cookie = 0
    while True:
        page = listed(fs, fs.root, cookie, most=7)
        if not page:
            break
        cookie = page[-1][0]
        part = [name for _, name in page]
        seen += part
        # Removing what was listed must not move the rest.
        fs.remove(fs.root, part[0], ROOT)
    assert sorted(seen) == sorted(wanted)


def test_cookies_are_not_the_special_ones(fs: FileSystem) -> None:
    for name in (b"a", b"b", b"c"):
        put(fs, name)
    cookies = [cookie for cookie, _ in listed(fs, fs.root)]
    assert all(cookie >= 3 for cookie in cookies)
    assert len(set(cookies)) == 3


def test_listing_of_a_file(fs: FileSystem) -> None:
    fails(errno.ENOTDIR, lambda: listed(fs, put(fs, b"a")))


def test_listing_from_a_cookie_past_everything(fs: FileSystem) -> None:
    put(fs, b"a")
    assert listed(fs, fs.root, (1 << 64) - 1) == []


def test_entries_have_attributes(fs: FileSystem) -> None:
    node = put(fs, b"a", b"xyz")
    listing = fs.entries(fs.root, 0, ROOT, 5, birth=True)
    assert isinstance(listing, Listing)
    assert listing.at_end
    (entry,) = listing.entries
    assert isinstance(entry.found, tuple)
    attributes, identity = entry.found
    assert attributes.size == 3
    assert identity == node.identity
    assert (attributes.btime_ns > 10**18) is fs.has_birth_time


def test_listing_of_no_more_than_was_asked_for(fs: FileSystem) -> None:
    for name in (b"a", b"b", b"c"):
        put(fs, name)
    for most, at_end in ((2, False), (3, True), (4, True)):
        listing = fs.entries(fs.root, 0, ROOT, most)
        assert isinstance(listing, Listing)
        assert (len(listing.entries), listing.at_end) == (min(most, 3), at_end)


def test_symlink(fs: FileSystem) -> None:
    node = fs.symlink(fs.root, b"l", ROOT, b"../../etc/passwd")
    assert node.type == stat.S_IFLNK
    assert fs.readlink(node, ROOT) == b"../../etc/passwd"
    assert fs.lookup(fs.root, b"l", ROOT).type == stat.S_IFLNK
    fails(errno.ENOTDIR, fs.lookup, node, b"x", ROOT)
    fails(errno.EINVAL, fs.readlink, put(fs, b"f"), ROOT)


def test_fifo_and_socket(fs: FileSystem) -> None:
    for kind, name in ((stat.S_IFIFO, b"p"), (stat.S_IFSOCK, b"s")):
        node = fs.mknod(fs.root, name, ROOT, kind | 0o644, (0, 0))
        assert node.type == kind
        assert fs.attributes(node).mode == 0o644
        fails(errno.EINVAL, fs.open, node, ROOT, READ)


@needs_root
def test_device(fs: FileSystem) -> None:
    node = fs.mknod(fs.root, b"d", ROOT, stat.S_IFCHR | 0o600, (1, 3))
    assert fs.attributes(node).rdev == (1, 3)
    fails(errno.EPERM, fs.mknod, fs.root, b"e", ALICE, stat.S_IFCHR | 0o600, (1, 3))


def test_hard_link(fs: FileSystem) -> None:
    node = put(fs, b"a", b"abc")
    fs.link(node, fs.root, b"b", ROOT)
    assert fs.attributes(node).nlink == 2
    fs.remove(fs.root, b"a", ROOT)
    assert get(fs, fs.lookup(fs.root, b"b", ROOT)) == b"abc"
    assert fs.attributes(fs.lookup(fs.root, b"b", ROOT)).nlink == 1
    fails(errno.EEXIST, fs.link, fs.lookup(fs.root, b"b", ROOT), fs.root, b"b", ROOT)
    fails(errno.EPERM, fs.link, fs.mkdir(fs.root, b"d", ROOT, 0o755), fs.root, b"e", ROOT)


def test_link_to_symlink_is_not_followed(fs: FileSystem) -> None:
    node = fs.symlink(fs.root, b"l", ROOT, b"target")
    fs.link(node, fs.root, b"m", ROOT)
    assert fs.readlink(fs.lookup(fs.root, b"m", ROOT), ROOT) == b"target"


def test_remove(fs: FileSystem) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o755)
    _, file = fs.create(directory, b"f", ROOT, 0o644, READ)
    file.close()
    fails(errno.ENOTEMPTY, fs.remove, fs.root, b"d", ROOT)
    fs.remove(directory, b"f", ROOT)
    fs.remove(fs.root, b"d", ROOT)
    assert names(fs, fs.root) == []
    fails(errno.ENOENT, fs.remove, fs.root, b"d", ROOT)


def test_unlinked_while_open(fs: FileSystem) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o644, READ | WRITE)
    fs.remove(fs.root, b"a", ROOT)
    fs.sweep()
    fs.sweep()
    file.write(0, memoryview(b"still"))
    assert fs.attributes(node).nlink == 0
    assert fs.node(node.identity).identity == node.identity
    buffer = bytearray(5)
    assert file.read(0, memoryview(buffer)) == 5
    assert buffer == b"still"
    file.close()
    fails(errno.ESTALE, lambda: fs.attributes(fs.node(node.identity)))


def test_create_in_removed_directory(fs: FileSystem) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o755)
    fs.remove(fs.root, b"d", ROOT)
    with pytest.raises(OSError) as caught:
        fs.create(directory, b"f", ROOT, 0o644, READ)
    assert caught.value.errno in (errno.ENOENT, errno.ESTALE)


def test_rename_replaces(fs: FileSystem) -> None:
    put(fs, b"a", b"new")
    victim = put(fs, b"b", b"old")
    fs.rename(fs.root, b"a", fs.root, b"b", ROOT)
    assert names(fs, fs.root) == [b"b"]
    assert get(fs, fs.lookup(fs.root, b"b", ROOT)) == b"new"
    fails(errno.ESTALE, lambda: fs.attributes(fs.node(victim.identity)))


def test_rename_to_itself_and_to_its_link(fs: FileSystem) -> None:
    node = put(fs, b"a")
    fs.rename(fs.root, b"a", fs.root, b"a", ROOT)
    fs.link(node, fs.root, b"b", ROOT)
    fs.rename(fs.root, b"a", fs.root, b"b", ROOT)
    assert sorted(names(fs, fs.root)) == [b"a", b"b"]


def test_rename_of_directories(fs: FileSystem) -> None:
    one = fs.mkdir(fs.root, b"1", ROOT, 0o755)
    two = fs.mkdir(one, b"2", ROOT, 0o755)
    put(fs, b"f")
    fails(errno.EINVAL, fs.rename, fs.root, b"1", two, b"x", ROOT)
    fails(errno.ENOTDIR, fs.rename, fs.root, b"1", fs.root, b"f", ROOT)
    fails(errno.EISDIR, fs.rename, fs.root, b"f", fs.root, b"1", ROOT)
    fs.mkdir(fs.root, b"3", ROOT, 0o755)
    fails(errno.ENOTEMPTY, fs.rename, fs.root, b"3", fs.root, b"1", ROOT)
    fs.rename(one, b"2", fs.root, b"3", ROOT)
    assert fs.parent(fs.lookup(fs.root, b"3", ROOT), ROOT).identity == fs.root.identity
    assert fs.attributes(one).nlink in (1, 2)


@needs_root
def test_permissions_apply(fs: FileSystem) -> None:
    node = put(fs, b"a", b"secret", who=ALICE, mode=0o640)
    assert fs.attributes(node).uid == 1001
    fails(errno.EACCES, fs.open, node, BOB, READ)
    fs.open(node, User(7, 1001), READ).close()
    fails(errno.EACCES, fs.open, node, User(7, 1001), WRITE)
    assert fs.permitted(node, BOB, 7) == 0
    assert fs.permitted(node, ALICE, 7) == READ | WRITE
    fails(errno.EPERM, fs.change, node, BOB, Changes(mode=0o777))
    fails(errno.EPERM, fs.change, node, ALICE, Changes(uid=1002))
    fails(errno.EPERM, fs.change, node, BOB, Changes(mtime_ns=1))
    fails(errno.EPERM, fs.change, node, BOB, Changes(mtime_ns=NOW))
    fails(errno.EACCES, fs.change, node, BOB, Changes(atime_ns=NOW, mtime_ns=NOW))
    fails(errno.EACCES, fs.change, node, BOB, Changes(size=0))
    fs.change(node, ALICE, Changes(gid=2000, mode=0o600))
    assert os.geteuid() == 0
    assert fs.attributes(put(fs, b"b")).uid == 0


@needs_root
def test_directory_permissions_apply(fs: FileSystem) -> None:
    directory = fs.mkdir(fs.root, b"d", ALICE, 0o700)
    _, file = fs.create(directory, b"f", ALICE, 0o644, READ)
    file.close()
    fails(errno.EACCES, fs.lookup, directory, b"f", BOB)
    fails(errno.EACCES, lambda: listed(fs, directory, who=BOB))
    fails(errno.EACCES, fs.remove, directory, b"f", BOB)
    fails(errno.EACCES, fs.mkdir, directory, b"g", BOB, 0o755)
    fs.change(directory, ALICE, Changes(mode=0o1777))
    fails(errno.EPERM, fs.remove, directory, b"f", BOB)
    fails(errno.EPERM, fs.rename, directory, b"f", directory, b"g", BOB)


@needs_root
def test_creator_may_write_what_it_may_not_open(fs: FileSystem) -> None:
    node, file = fs.create(fs.root, b"a", ALICE, 0o444, WRITE)
    file.write(0, memoryview(b"once"))
    fs.change(node, ALICE, Changes(size=2), file)
    file.close()
    assert get(fs, node) == b"on"
    fails(errno.EACCES, fs.open, node, ALICE, WRITE)


@needs_root
def test_writing_clears_set_user_id(fs: FileSystem) -> None:
    node = put(fs, b"a", b"x", who=ALICE, mode=0o777)
    fs.change(node, ALICE, Changes(mode=0o6777))
    file = fs.open(node, BOB, WRITE)
    file.write(0, memoryview(b"evil"))
    file.close()
    assert fs.attributes(node).mode == 0o777


@needs_root
def test_set_group_id_directory_passes_its_group_on(fs: FileSystem) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o777)
    fs.change(directory, ROOT, Changes(gid=2000, mode=0o2777))
    node, file = fs.create(directory, b"f", BOB, 0o644, READ)
    file.close()
    assert fs.attributes(node).gid == 2000
    below = fs.mkdir(directory, b"e", BOB, 0o755)
    assert fs.attributes(below).mode & 0o7777 == 0o2755


def test_allocate_deallocate_seek(fs: FileSystem) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o644, READ | WRITE)
    file.write(0, memoryview(b"d" * CHUNK * 2))
    file.allocate(0, CHUNK * 4)
    assert file.size() == CHUNK * 4
    file.deallocate(CHUNK, CHUNK * 3)
    assert file.size() == CHUNK * 4
    assert get(fs, node, CHUNK - 1, 2) == b"d\0"
    assert file.seek(0, hole=True) == CHUNK
    assert file.seek(5, hole=False) == 5
    fails(errno.ENXIO, lambda: file.seek(CHUNK, hole=False))
    fails(errno.ENXIO, lambda: file.seek(CHUNK * 4, hole=True))
    file.write(CHUNK * 3, memoryview(b"x"))
    assert file.seek(CHUNK, hole=False) == CHUNK * 3
    done(file.sync(metadata=True))
    done(file.sync(metadata=False))
    fails(errno.EFBIG, lambda: file.write((1 << 63) - 2, memoryview(b"abc")))
    fails(errno.EFBIG, lambda: file.allocate((1 << 63) - 2, 1 << 20))
    file.close()


def test_extended_attributes(fs: FileSystem) -> None:
    if not fs.has_xattrs:
        pytest.skip("there are none here")
    node = put(fs, b"a")
    before = fs.attributes(node).change
    fails(errno.ENODATA, fs.get_xattr, node, ROOT, b"x")
    fails(errno.ENODATA, fs.set_xattr, node, ROOT, b"x", b"", XattrMode.REPLACE)
    fails(errno.ENODATA, fs.remove_xattr, node, ROOT, b"x")
    assert fs.attributes(node).change == before
    fs.set_xattr(node, ROOT, b"x", b"1", XattrMode.CREATE)
    fails(errno.EEXIST, fs.set_xattr, node, ROOT, b"x", b"2", XattrMode.CREATE)
    assert fs.get_xattr(node, ROOT, b"x") == b"1"
    middle = fs.attributes(node).change
    fs.set_xattr(node, ROOT, b"x", b"2", XattrMode.EITHER)
    fs.set_xattr(node, ROOT, b"y", b"3", XattrMode.EITHER)
    assert sorted(fs.list_xattrs(node, ROOT)) == [b"x", b"y"]
    fs.remove_xattr(node, ROOT, b"x")
    assert fs.list_xattrs(node, ROOT) == [b"y"]
    assert len({before, middle, fs.attributes(node).change}) == 3
    fs.rename(fs.root, b"a", fs.root, b"b", ROOT)
    assert fs.get_xattr(fs.node(node.identity), ROOT, b"y") == b"3"
    link = fs.symlink(fs.root, b"link", ROOT, b"b")
    assert fs.list_xattrs(link, ROOT) == []
    fails(errno.ENODATA, fs.get_xattr, link, ROOT, b"y")
    fails(errno.EPERM, fs.set_xattr, link, ROOT, b"y", b"", XattrMode.EITHER)


def test_copies(fs: FileSystem) -> None:
    data = bytes(range(256)) * 1024
    source = fs.open(put(fs, b"a", data), ROOT, READ)
    node = put(fs, b"b", b"0123456789")
    target = fs.open(node, ROOT, READ | WRITE)
    before = fs.attributes(node).change
    assert target.copy_from(source, 256, 4, 10) == 10
    assert get(fs, node) == b"0123" + data[:10]
    assert fs.attributes(node).change != before
    assert target.copy_from(source, len(data) - 3, 0, 1 << 20) == 3
    assert target.copy_from(source, len(data), 0, 1 << 20) == 0
    done = 0
    while done < len(data):
        step = target.copy_from(source, done, done, 1 << 20)
        assert step > 0
        done += step
    assert get(fs, node, 0, 1 << 20) == data
    fails(errno.EFBIG, target.copy_from, source, 0, fs.max_file_size, 1)
    target.advise(0, 0, Advice.SOON)
    target.advise(0, 1 << 40, Advice.RANDOM)
    source.close()
    target.close()


def test_statistics(fs: FileSystem) -> None:
    room = fs.statistics()
    assert 0 < room.space_available <= room.space_free <= room.space_total
    assert 0 < room.files_available <= room.files_total
    done(fs.sync_directory(fs.root))


def test_time_of_birth(fs: FileSystem) -> None:
    node = put(fs, b"a")
    if fs.has_birth_time:
        assert fs.attributes(node, birth=True).btime_ns > 10**18


def test_many_more_nodes_than_descriptors(fs: FileSystem) -> None:
    made = [put(fs, b"%d" % number, b"%d" % number) for number in range(60)]
    for number, node in enumerate(made):
        assert get(fs, fs.node(node.identity)) == b"%d" % number


def test_memory_capacity() -> None:
    fs = MemoryFileSystem(Ticker(), capacity=CHUNK * 2, max_files=3)
    node, file = fs.create(fs.root, b"a", ROOT, 0o644, WRITE)
    file.write(0, memoryview(bytes(CHUNK * 2)))
    fails(errno.ENOSPC, lambda: file.write(CHUNK * 2, memoryview(b"x")))
    fails(errno.ENOSPC, lambda: file.allocate(0, 1 << 60))
    fs.change(node, ROOT, Changes(size=0))
    file.write(CHUNK * 9, memoryview(b"x"))
    put(fs, b"b")
    fails(errno.ENOSPC, fs.mkdir, fs.root, b"c", ROOT, 0o755)
    fs.remove(fs.root, b"a", ROOT)
    file.close()
    assert fs.statistics().space_free == CHUNK * 2

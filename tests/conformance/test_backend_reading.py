"""Every back end: what is there is found, listed and read, and what cannot be done is refused."""

from __future__ import annotations

import errno
import stat
from contextlib import suppress
from typing import Any

import pytest
from tests.conformance.backends import Backend
from tests.support.backends import fails, get, names
from tests.support.listings import listed

from nfsrdma.server.vfs.interface import (
    EXECUTE,
    READ,
    ROOT,
    WRITE,
    Advice,
    Changes,
    XattrMode,
)

LONG = bytes(index * index % 251 for index in range(300_000))
DEEP = "/".join(f"level-{depth}" for depth in range(8))
TREE: dict[str, bytes | None] = {
    "empty": b"",
    "hello": b"Hello, world",
    "long": LONG,
    "Hello": b"another one: case counts",
    "d\u00e9j\u00e0 vu": b"a name of two octets a letter",
    "some": None,
    **{f"some/{number:02}": b"%d" % number for number in range(40)},
    "none": None,
    **{DEEP[: DEEP.index(f"level-{depth}") + 7]: None for depth in range(8)},
    f"{DEEP}/bottom": b"far down",
}
TOP = sorted(path.encode() for path in TREE if "/" not in path)


def walk(fs: Any, path: str) -> Any:
    node = fs.root
    for name in path.split("/"):
        node = fs.lookup(node, name.encode(), ROOT)
    return node


def patiently(fs: Any, identity: bytes) -> Any:
    """Find a node; EAGAIN says that the search for it goes on at the next call."""
    for _ in range(1000):
        with suppress(BlockingIOError):
            return fs.node(identity)
    raise AssertionError("the search does not come to an end")


def test_contents(fs: Any) -> None:
    for path, content in TREE.items():
        node = walk(fs, path)
        if content is None:
            assert node.is_directory
        else:
            assert node.is_regular
            assert get(fs, node, 0, len(content) + 100) == content


def test_reads_at_any_offset(fs: Any) -> None:
    file = fs.open(fs.lookup(fs.root, b"long", ROOT), ROOT, READ)
    for offset, size in ((299_000, 4096), (0, 10), (131_072, 65_536), (77, 1), (299_999, 9)):
        buffer = bytearray(size)
        count = file.read(offset, memoryview(buffer))
        assert bytes(buffer[:count]) == LONG[offset : offset + size]
    assert file.read(len(LONG), memoryview(bytearray(1))) == 0
    assert file.read(1 << 40, memoryview(bytearray(1))) == 0
    assert file.size() == len(LONG)
    file.close()
    fails(errno.EBADF, file.read, 0, memoryview(bytearray(1)))


def test_two_opens_at_once(fs: Any) -> None:
    node = fs.lookup(fs.root, b"long", ROOT)
    one, two = fs.open(node, ROOT, READ), fs.open(node, ROOT, READ)
    one.close()
    buffer = bytearray(100)
    assert two.read(1000, memoryview(buffer)) == 100
    assert buffer == LONG[1000:1100]
    two.close()


def test_lookup_of_what_is_not_there(fs: Any) -> None:
    for name in (
        b"nothing",
        b"HELLO",
        b"hello ",
        b"hell",
        b"helloo",
        b"%2e%2e",
        b"..%2fx",
        b"\xff",
    ):
        fails(errno.ENOENT, fs.lookup, fs.root, name, ROOT)
    fails(errno.ENOTDIR, fs.lookup, fs.lookup(fs.root, b"hello", ROOT), b"x", ROOT)
    fails(errno.ENAMETOOLONG, fs.lookup, fs.root, b"x" * 256, ROOT)


def test_listings(fs: Any) -> None:
    assert sorted(names(fs, fs.root)) == TOP
    assert names(fs, walk(fs, "none")) == []
    assert names(fs, walk(fs, DEEP)) == [b"bottom"]
    fails(errno.ENOTDIR, lambda: listed(fs, walk(fs, "hello")))


@pytest.mark.parametrize("most", [1, 7, 39, 40, 41])
def test_listing_goes_on_where_it_stopped(fs: Any, most: int) -> None:
    directory, cookie, seen = walk(fs, "some"), 0, []
    while True:
        listing = fs.entries(directory, cookie, ROOT, most)
        assert len(listing.entries) <= most
        seen += [(entry.cookie, entry.name) for entry in listing.entries]
        if listing.at_end:
            break
        assert listing.entries
        cookie = listing.entries[-1].cookie
    assert sorted(name for _, name in seen) == [b"%02d" % number for number in range(40)]
    assert seen == listed(fs, directory)
    assert all(3 <= cookie < 1 << 63 for cookie, _ in seen)
    assert len({cookie for cookie, _ in seen}) == 40
    assert listed(fs, directory, (1 << 64) - 1) == []


def test_attributes(fs: Any) -> None:
    for path, content in TREE.items():
        node = walk(fs, path)
        attributes = fs.attributes(node)
        assert attributes.type == node.type == (stat.S_IFDIR if content is None else stat.S_IFREG)
        assert attributes.fileid == node.fileid > 0
        assert attributes.nlink >= 1
        if content is not None:
            assert attributes.size == len(content)
        assert attributes.mode & 0o400
        assert fs.permitted(node, ROOT, READ) == READ
        if content is None:
            assert fs.permitted(node, ROOT, EXECUTE) == EXECUTE
        assert fs.attributes(node).change == attributes.change
    assert len({walk(fs, path).fileid for path in TREE}) == len(TREE)


def test_listed_attributes_are_the_objects_own(fs: Any) -> None:
    for entry in fs.entries(fs.root, 0, ROOT, 100).entries:
        attributes, identity = entry.found
        node = fs.lookup(fs.root, entry.name, ROOT)
        assert node.identity == identity
        own = fs.attributes(node)
        for what in ("type", "size", "fileid", "change", "mtime_ns", "mode", "uid", "gid"):
            assert getattr(attributes, what) == getattr(own, what), what


def test_identities(fs: Any) -> None:
    seen = {fs.root.identity}
    assert fs.node(fs.root.identity).identity == fs.root.identity
    for path, content in TREE.items():
        node = walk(fs, path)
        # A file handle of NFS has 128 octets (RFC 8881, Section 2.3), some of them the server's.
        assert 0 < len(node.identity) <= 100
        again = fs.node(node.identity)
        assert (again.identity, again.type, again.fileid) == (node.identity, node.type, node.fileid)
        if content is not None:
            assert get(fs, again, 0, 1 << 20) == content
        seen.add(node.identity)
    assert len(seen) == len(TREE) + 1


def test_identities_outlive_the_server(backend: Backend) -> None:
    if backend.again is None:
        pytest.skip("there is nothing to restart")
    kept = {path: walk(backend.fs, path) for path in TREE}
    cookies = listed(backend.fs, kept["some"])
    changes = {path: backend.fs.attributes(node).change for path, node in kept.items()}
    later = backend.settled(backend.again())
    assert later.root.identity == backend.fs.root.identity
    for path, node in kept.items():
        again = patiently(later, node.identity)
        assert (again.type, again.fileid) == (node.type, node.fileid)
        if TREE[path] is not None:
            assert get(later, again, 0, 1 << 20) == TREE[path]
            assert later.attributes(again).change == changes[path]
    assert listed(later, patiently(later, kept["some"].identity)) == cookies


@pytest.mark.parametrize("identity", [b"", b"K", b"I", b"x" * 17, b"\0" * 110, b"K" + b"\xff" * 40])
def test_malformed_identity(fs: Any, identity: bytes) -> None:
    with pytest.raises(OSError) as caught:
        fs.node(identity)
    assert caught.value.errno in (errno.EINVAL, errno.ESTALE)


def test_parent(fs: Any) -> None:
    node = walk(fs, DEEP)
    for depth in range(7, 0, -1):
        node = fs.parent(node, ROOT)
        assert node.identity == walk(fs, DEEP[: DEEP.index(f"/level-{depth}")]).identity
    assert fs.parent(node, ROOT).identity == fs.root.identity


def test_opening_what_is_no_file(fs: Any) -> None:
    fails(errno.EISDIR, fs.open, fs.root, ROOT, READ)
    fails(errno.EINVAL, fs.readlink, fs.lookup(fs.root, b"hello", ROOT), ROOT)


def test_room_is_told(fs: Any) -> None:
    room = fs.statistics()
    assert 0 <= room.space_available <= room.space_free <= room.space_total


def test_what_cannot_be_done_is_refused(backend: Backend) -> None:
    fs, able = backend.fs, backend.capabilities
    root, file = fs.root, fs.lookup(fs.root, b"hello", ROOT)
    assert fs.has_xattrs is ("xattrs" in able)
    assert fs.read_only is ("writes" not in able)
    if fs.read_only:
        fails(errno.EROFS, fs.open, file, ROOT, WRITE)
        fails(errno.EROFS, fs.create, root, b"x", ROOT, 0o644, READ)
        fails(errno.EROFS, fs.mkdir, root, b"x", ROOT, 0o755)
        fails(errno.EROFS, fs.symlink, root, b"x", ROOT, b"to")
        fails(errno.EROFS, fs.mknod, root, b"x", ROOT, stat.S_IFIFO | 0o644, (0, 0))
        fails(errno.EROFS, fs.link, file, root, b"x", ROOT)
        fails(errno.EROFS, fs.remove, root, b"hello", ROOT)
        fails(errno.EROFS, fs.rename, root, b"hello", root, b"x", ROOT)
        fails(errno.EROFS, fs.change, file, ROOT, Changes(mode=0o600))
        fails(errno.EROFS, fs.change, file, ROOT, Changes(size=0))
    if "xattrs" not in able:
        fails(errno.EOPNOTSUPP, fs.get_xattr, file, ROOT, b"x")
        fails(errno.EOPNOTSUPP, fs.list_xattrs, file, ROOT)
        fails(errno.EOPNOTSUPP, fs.set_xattr, file, ROOT, b"x", b"", XattrMode.EITHER)
        fails(errno.EOPNOTSUPP, fs.remove_xattr, file, ROOT, b"x")
    assert fs.keeps_ranges is ("locks" in able)
    if "locks" not in able:
        fails(errno.EOPNOTSUPP, fs.keep_ranges, file, ROOT, READ)
    opened = fs.open(file, ROOT, READ)
    if "advice" not in able:
        fails(errno.EOPNOTSUPP, opened.advise, 0, 0, Advice.SOON)
    if "holes" not in able:
        # Without holes the one that every file ends with is the only one.
        assert opened.seek(0, True) == len(b"Hello, world")
        assert opened.seek(3, False) == 3
    fails(errno.ENXIO, opened.seek, 1 << 20, False)
    if fs.read_only:
        fails(errno.EROFS, opened.write, 0, memoryview(b"x"))
        fails(errno.EROFS, opened.allocate, 0, 1)
        fails(errno.EROFS, opened.deallocate, 0, 1)
    opened.close()
    assert sorted(names(fs, root)) == TOP

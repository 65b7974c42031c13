"""Every back end that can be written to: names, identities, listings, links, renames."""

from __future__ import annotations

import errno
import stat
from typing import Any

import pytest
from tests.support.backends import ALICE, fails, get, names, put
from tests.support.listings import listed

from nfsrdma.server.vfs.interface import READ, ROOT, Listing

pytestmark = pytest.mark.needs("writes")


def test_lookup(fs: Any) -> None:
    node = put(fs, b"a")
    assert fs.lookup(fs.root, b"a", ROOT).identity == node.identity
    fails(errno.ENOENT, fs.lookup, fs.root, b"b", ROOT)
    fails(errno.ENOTDIR, fs.lookup, node, b"b", ROOT)
    fails(errno.ENAMETOOLONG, fs.lookup, fs.root, b"x" * 256, ROOT)


def test_parent(fs: Any) -> None:
    one = fs.mkdir(fs.root, b"1", ROOT, 0o755)
    two = fs.mkdir(one, b"2", ROOT, 0o755)
    assert fs.parent(two, ROOT).identity == one.identity
    assert fs.parent(one, ROOT).identity == fs.root.identity


@pytest.mark.needs("renames")
def test_identity_survives_rename(fs: Any) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o755)
    node = put(fs, b"a", b"data")
    fs.rename(fs.root, b"a", directory, b"b", ROOT)
    fs.sweep()
    fs.sweep()
    assert get(fs, fs.node(node.identity)) == b"data"


def test_identity_of_what_is_gone(fs: Any) -> None:
    node = put(fs, b"a")
    fs.remove(fs.root, b"a", ROOT)
    fails(errno.ESTALE, lambda: fs.attributes(fs.node(node.identity)))


@pytest.mark.parametrize("identity", [b"", b"K", b"I", b"x" * 17, b"\0" * 110, b"K" + b"\xff" * 40])
def test_malformed_identity(fs: Any, identity: bytes) -> None:
    with pytest.raises(OSError) as caught:
        fs.node(identity)
    assert caught.value.errno in (errno.EINVAL, errno.ESTALE)


def test_listing_goes_on_where_it_stopped(fs: Any) -> None:
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


def test_cookies_are_not_the_special_ones(fs: Any) -> None:
    for name in (b"a", b"b", b"c"):
        put(fs, name)
    cookies = [cookie for cookie, _ in listed(fs, fs.root)]
    assert all(cookie >= 3 for cookie in cookies)
    assert len(set(cookies)) == 3


def test_listing_of_a_file(fs: Any) -> None:
    fails(errno.ENOTDIR, lambda: listed(fs, put(fs, b"a")))


def test_listing_from_a_cookie_past_everything(fs: Any) -> None:
    put(fs, b"a")
    assert listed(fs, fs.root, (1 << 64) - 1) == []


def test_entries_have_attributes(fs: Any) -> None:
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


def test_listing_of_no_more_than_was_asked_for(fs: Any) -> None:
    for name in (b"a", b"b", b"c"):
        put(fs, name)
    for most, at_end in ((2, False), (3, True), (4, True)):
        listing = fs.entries(fs.root, 0, ROOT, most)
        assert isinstance(listing, Listing)
        assert (len(listing.entries), listing.at_end) == (min(most, 3), at_end)


@pytest.mark.needs("links")
def test_symlink(fs: Any) -> None:
    node = fs.symlink(fs.root, b"l", ROOT, b"../../etc/passwd")
    assert node.type == stat.S_IFLNK
    assert fs.readlink(node, ROOT) == b"../../etc/passwd"
    assert fs.lookup(fs.root, b"l", ROOT).type == stat.S_IFLNK
    fails(errno.ENOTDIR, fs.lookup, node, b"x", ROOT)
    fails(errno.EINVAL, fs.readlink, put(fs, b"f"), ROOT)


@pytest.mark.needs("special files")
def test_fifo_and_socket(fs: Any) -> None:
    for kind, name in ((stat.S_IFIFO, b"p"), (stat.S_IFSOCK, b"s")):
        node = fs.mknod(fs.root, name, ROOT, kind | 0o644, (0, 0))
        assert node.type == kind
        assert fs.attributes(node).mode == 0o644
        fails(errno.EINVAL, fs.open, node, ROOT, READ)


@pytest.mark.needs("callers", "special files")
def test_device(fs: Any) -> None:
    node = fs.mknod(fs.root, b"d", ROOT, stat.S_IFCHR | 0o600, (1, 3))
    assert fs.attributes(node).rdev == (1, 3)
    fails(errno.EPERM, fs.mknod, fs.root, b"e", ALICE, stat.S_IFCHR | 0o600, (1, 3))


@pytest.mark.needs("links")
def test_hard_link(fs: Any) -> None:
    node = put(fs, b"a", b"abc")
    fs.link(node, fs.root, b"b", ROOT)
    assert fs.attributes(node).nlink == 2
    fs.remove(fs.root, b"a", ROOT)
    assert get(fs, fs.lookup(fs.root, b"b", ROOT)) == b"abc"
    assert fs.attributes(fs.lookup(fs.root, b"b", ROOT)).nlink == 1
    fails(errno.EEXIST, fs.link, fs.lookup(fs.root, b"b", ROOT), fs.root, b"b", ROOT)
    fails(errno.EPERM, fs.link, fs.mkdir(fs.root, b"d", ROOT, 0o755), fs.root, b"e", ROOT)


@pytest.mark.needs("links")
def test_link_to_symlink_is_not_followed(fs: Any) -> None:
    node = fs.symlink(fs.root, b"l", ROOT, b"target")
    fs.link(node, fs.root, b"m", ROOT)
    assert fs.readlink(fs.lookup(fs.root, b"m", ROOT), ROOT) == b"target"


def test_remove(fs: Any) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o755)
    _, file = fs.create(directory, b"f", ROOT, 0o644, READ)
    file.close()
    fails(errno.ENOTEMPTY, fs.remove, fs.root, b"d", ROOT)
    fs.remove(directory, b"f", ROOT)
    fs.remove(fs.root, b"d", ROOT)
    assert names(fs, fs.root) == []
    fails(errno.ENOENT, fs.remove, fs.root, b"d", ROOT)


def test_create_in_removed_directory(fs: Any) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o755)
    fs.remove(fs.root, b"d", ROOT)
    with pytest.raises(OSError) as caught:
        fs.create(directory, b"f", ROOT, 0o644, READ)
    assert caught.value.errno in (errno.ENOENT, errno.ESTALE)


def test_rename_replaces(fs: Any) -> None:
    put(fs, b"a", b"new")
    victim = put(fs, b"b", b"old")
    fs.rename(fs.root, b"a", fs.root, b"b", ROOT)
    assert names(fs, fs.root) == [b"b"]
    assert get(fs, fs.lookup(fs.root, b"b", ROOT)) == b"new"
    fails(errno.ESTALE, lambda: fs.attributes(fs.node(victim.identity)))


@pytest.mark.needs("links")
def test_rename_to_itself_and_to_its_link(fs: Any) -> None:
    node = put(fs, b"a")
    fs.rename(fs.root, b"a", fs.root, b"a", ROOT)
    fs.link(node, fs.root, b"b", ROOT)
    fs.rename(fs.root, b"a", fs.root, b"b", ROOT)
    assert sorted(names(fs, fs.root)) == [b"a", b"b"]


def test_rename_of_directories(fs: Any) -> None:
    one = fs.mkdir(fs.root, b"1", ROOT, 0o755)
    two = fs.mkdir(one, b"2", ROOT, 0o755)
    put(fs, b"f")
    fails(errno.EINVAL, fs.rename, fs.root, b"1", two, b"x", ROOT)
    # NFS has one error for both (EXIST: RFC 8881, Section 18.26.3).
    fails((errno.ENOTDIR, errno.EEXIST), fs.rename, fs.root, b"1", fs.root, b"f", ROOT)
    fails((errno.EISDIR, errno.EEXIST), fs.rename, fs.root, b"f", fs.root, b"1", ROOT)
    fs.mkdir(fs.root, b"3", ROOT, 0o755)
    fails((errno.ENOTEMPTY, errno.EEXIST), fs.rename, fs.root, b"3", fs.root, b"1", ROOT)
    fs.rename(one, b"2", fs.root, b"3", ROOT)
    assert fs.parent(fs.lookup(fs.root, b"3", ROOT), ROOT).identity == fs.root.identity
    assert fs.attributes(one).nlink in (1, 2)

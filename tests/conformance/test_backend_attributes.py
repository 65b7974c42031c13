"""Every back end that can be written to: attributes, extended ones, and whose rights apply."""

from __future__ import annotations

import errno
import stat
from typing import Any

import pytest
from tests.support.backends import ALICE, BOB, fails, get, put
from tests.support.listings import listed

from nfsrdma.server.vfs.interface import NOW, READ, ROOT, WRITE, Changes, User, XattrMode

pytestmark = pytest.mark.needs("writes")


def test_attributes_of_new_file(fs: Any) -> None:
    node = put(fs, b"a", b"abc", mode=0o640)
    attributes = fs.attributes(node)
    assert attributes.type == stat.S_IFREG
    assert attributes.mode == 0o640
    assert attributes.nlink == 1
    assert attributes.size == 3
    assert attributes.fileid == node.fileid
    # Some do everything as one user, such as a server of local files that is not root.
    assert attributes.uid == (fs.acts_as or 0)


def test_change_attribute_moves_with_every_write(fs: Any) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o600, READ | WRITE)
    seen = [fs.attributes(node).change]
    for number in range(50):
        file.write(number, memoryview(b"x"))
        seen.append(fs.attributes(node).change)
    file.close()
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen)


@pytest.mark.needs("directory changes")
def test_change_attribute_of_directory_moves(fs: Any) -> None:
    seen = [fs.attributes(fs.root).change]
    for name in (b"a", b"b"):
        put(fs, name)
        seen.append(fs.attributes(fs.root).change)
    fs.rename(fs.root, b"a", fs.root, b"c", ROOT)
    seen.append(fs.attributes(fs.root).change)
    fs.remove(fs.root, b"b", ROOT)
    seen.append(fs.attributes(fs.root).change)
    assert seen == sorted(set(seen))


def test_set_times(fs: Any) -> None:
    node = put(fs, b"a")
    fs.change(node, ROOT, Changes(atime_ns=1_000_000_001, mtime_ns=2_500_000_000))
    attributes = fs.attributes(node)
    assert (attributes.atime_ns, attributes.mtime_ns) == (1_000_000_001, 2_500_000_000)
    fs.change(node, ROOT, Changes(mtime_ns=NOW))
    attributes = fs.attributes(node)
    assert attributes.atime_ns == 1_000_000_001
    assert attributes.mtime_ns > 10**18


def test_set_mode_and_owner(fs: Any) -> None:
    node = put(fs, b"a")
    if fs.acts_as is None:
        fs.change(node, ROOT, Changes(uid=5, gid=6))
        assert fs.attributes(node).uid == 5
    fs.change(node, ROOT, Changes(mode=0o4711))
    assert fs.attributes(node).mode == 0o4711


@pytest.mark.needs("callers")
def test_permissions_apply(fs: Any) -> None:
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
    assert fs.attributes(put(fs, b"b")).uid == 0


@pytest.mark.needs("callers")
def test_directory_permissions_apply(fs: Any) -> None:
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


@pytest.mark.needs("callers")
def test_creator_may_write_what_it_may_not_open(fs: Any) -> None:
    node, file = fs.create(fs.root, b"a", ALICE, 0o444, WRITE)
    file.write(0, memoryview(b"once"))
    fs.change(node, ALICE, Changes(size=2), file)
    file.close()
    assert get(fs, node) == b"on"
    fails(errno.EACCES, fs.open, node, ALICE, WRITE)


@pytest.mark.needs("callers")
def test_writing_clears_set_user_id(fs: Any) -> None:
    node = put(fs, b"a", b"x", who=ALICE, mode=0o777)
    fs.change(node, ALICE, Changes(mode=0o6777))
    file = fs.open(node, BOB, WRITE)
    file.write(0, memoryview(b"evil"))
    file.close()
    assert fs.attributes(node).mode == 0o777


@pytest.mark.needs("callers")
def test_set_group_id_directory_passes_its_group_on(fs: Any) -> None:
    directory = fs.mkdir(fs.root, b"d", ROOT, 0o777)
    fs.change(directory, ROOT, Changes(gid=2000, mode=0o2777))
    node, file = fs.create(directory, b"f", BOB, 0o644, READ)
    file.close()
    assert fs.attributes(node).gid == 2000
    below = fs.mkdir(directory, b"e", BOB, 0o755)
    assert fs.attributes(below).mode & 0o7777 == 0o2755


@pytest.mark.needs("xattrs")
def test_extended_attributes(fs: Any) -> None:
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


def test_time_of_birth(fs: Any) -> None:
    node = put(fs, b"a")
    if fs.has_birth_time:
        assert fs.attributes(node, birth=True).btime_ns > 10**18

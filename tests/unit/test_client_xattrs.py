"""Extended attributes, from the client's methods to the server's memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer
from tests.support.nfs_pair import Pair

from nfsrdma.client.errors import NfsError
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.fixture
def fs(pair: Pair) -> FileSystem:
    fs = pair.client()
    pair.run(fs.write_bytes("f", b"data"))
    return fs


def fails(pair: Pair, code: int, coroutine: Coroutine[Any, Any, object]) -> None:
    with pytest.raises(NfsError) as caught:
        pair.run(coroutine)
    assert caught.value.errno == code, caught.value


def test_by_path(pair: Pair, fs: FileSystem) -> None:
    run = pair.run
    assert run(fs.listxattr("f")) == []
    run(fs.setxattr("f", "user.a", b"1"))
    run(fs.setxattr("f", b"user.b\xff", b"", os.XATTR_CREATE))
    assert run(fs.getxattr("f", "user.a")) == b"1"
    assert sorted(run(fs.listxattr("f"))) == ["user.a", "user.b\udcff"]
    run(fs.setxattr("f", "user.a", b"22", os.XATTR_REPLACE))
    assert run(fs.getxattr(b"f", "user.a")) == b"22"
    run(fs.removexattr("f", "user.a"))
    assert run(fs.listxattr("f")) == ["user.b\udcff"]
    assert run(fs.listxattr()) == []


def test_errors_are_those_of_a_local_file(pair: Pair, fs: FileSystem) -> None:
    pair.run(fs.setxattr("f", "user.a", b"1"))
    fails(pair, errno.ENODATA, fs.getxattr("f", "user.none"))
    fails(pair, errno.ENODATA, fs.removexattr("f", "user.none"))
    fails(pair, errno.ENODATA, fs.setxattr("f", "user.none", b"", os.XATTR_REPLACE))
    fails(pair, errno.EEXIST, fs.setxattr("f", "user.a", b"", os.XATTR_CREATE))
    fails(pair, errno.EOPNOTSUPP, fs.getxattr("f", "trusted.a"))
    fails(pair, errno.EOPNOTSUPP, fs.setxattr("f", "a", b""))
    fails(pair, errno.EINVAL, fs.getxattr("f", "user."))
    fails(pair, errno.E2BIG, fs.setxattr("f", "user.a", bytes(65537)))
    fails(pair, errno.ENOENT, fs.getxattr("none", "user.a"))
    with pytest.raises(ValueError, match="3 are no flags"):
        pair.run(fs.setxattr("f", "user.a", b"", 3))


def test_large_values_and_many_names(pair: Pair, fs: FileSystem) -> None:
    value = os.urandom(65536)
    pair.run(fs.setxattr("f", "user.large", value))
    assert pair.run(fs.getxattr("f", "user.large")) == value
    expected = {"user.large"}
    for number in range(500):
        name = f"user.{number:0>240}"
        pair.run(fs.setxattr("f", name, b""))
        expected.add(name)
    found = pair.run(fs.listxattr("f"))
    assert len(found) == len(expected)
    assert set(found) == expected


def test_links_are_followed_unless_not(pair: Pair, fs: FileSystem) -> None:
    run = pair.run
    run(fs.symlink("f", "link"))
    run(fs.setxattr("link", "user.a", b"1"))
    assert run(fs.getxattr("f", "user.a")) == b"1"
    assert run(fs.listxattr("link")) == ["user.a"]
    assert run(fs.listxattr("link", follow_symlinks=False)) == []
    fails(pair, errno.ENODATA, fs.getxattr("link", "user.a", follow_symlinks=False))
    fails(pair, errno.EPERM, fs.setxattr("link", "user.a", b"", follow_symlinks=False))
    run(fs.removexattr("link", "user.a"))
    assert run(fs.listxattr("f")) == []


def test_a_server_of_version_1_has_none(pair: Pair) -> None:
    fs = pair.client(minor_version=1)
    pair.run(fs.write_bytes("f", b""))
    fails(pair, errno.EOPNOTSUPP, fs.getxattr("f", "user.a"))
    fails(pair, errno.EOPNOTSUPP, fs.listxattr("f"))


def test_by_node(pair: Pair, fs: FileSystem) -> None:
    """The attributes that a node has in the cache move with its extended attributes."""
    run = pair.run
    nodes = fs.nodes()
    node = run(nodes.lookup(run(nodes.root()), b"f"))
    before = node.status.change
    run(nodes.setxattr(node, b"user.a", b"1"))
    assert node.status.change != before
    assert run(nodes.getxattr(node, b"user.a")) == b"1"
    assert run(nodes.listxattr(node)) == [b"user.a"]
    before = node.status.change
    run(nodes.removexattr(node, b"user.a"))
    assert node.status.change != before
    assert run(nodes.listxattr(node)) == []
    fails(pair, errno.ENODATA, nodes.removexattr(node, b"user.a"))
    fails(pair, errno.EOPNOTSUPP, nodes.getxattr(node, b"system.posix_acl_access"))


@pytest.mark.parametrize(
    ("pages", "code"),
    [
        ([([b"a"], 5, False)], errno.EPROTO),
        ([([], 5, False)], errno.EPROTO),
        ([([b"a"], 0, False)], errno.EPROTO),
        ([([b"n" * 60_000], cookie, False) for cookie in range(1, 100)], errno.E2BIG),
        ([([b"a"], 1, False), ([b"b"], 2, True)], 0),
    ],
)
def test_lists_of_a_hostile_server_end(
    pages: list[tuple[list[bytes], int, bool]], code: int
) -> None:
    server = FakeServer(FakeReactor())
    server.add("f", t.NF4REG)
    fs = server.mounted()
    asked: list[int] = []

    def op_listxattrs(args: t.LISTXATTRS4args) -> bytes:
        assert len(asked) < 40, "the client goes round"
        names, cookie, eof = pages[min(len(asked), len(pages) - 1)]
        asked.append(args.lxa_cookie)
        enc = Encoder()
        t.LISTXATTRS4resok(cookie, names, eof).encode(enc)
        return bytes(enc.buffer)

    server.op_listxattrs = op_listxattrs  # type: ignore[attr-defined]
    if not code:
        assert server.reactor.run(fs.listxattr("f")) == ["user.a", "user.b"]
        return
    with pytest.raises(NfsError) as caught:
        server.reactor.run(fs.listxattr("f"))
    assert caught.value.errno == code
    assert "'f'" in str(caught.value)

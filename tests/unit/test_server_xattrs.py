"""Extended attributes (RFC 8276), over memory and over local files."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    PUTROOTFH,
    Clock,
    Op,
    Peer,
    Session,
    access,
    lookup,
    make,
    make_server,
    putfh,
    setattr_,
    symlink,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.ops.xattrs import MAX_VALUE
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.memory_xattrs import MOST
from nfsrdma.xdr.nfs4 import types as t

ALICE = Credentials.sys(1001, 1001)
XATTR_BITS = t.ACCESS4_XAREAD | t.ACCESS4_XAWRITE | t.ACCESS4_XALIST

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


def _local(path: Path) -> LocalFileSystem:
    path.chmod(0o777)
    fs = LocalFileSystem(path)
    if not fs.has_xattrs:
        fs.close()
        pytest.skip("there are no extended attributes here")
    return fs


@pytest.fixture(params=["memory", "local"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    local = _local(tmp_path)
    yield local
    local.close()


@pytest.fixture
def session(fs: FileSystem) -> Session:
    return Peer(make_server(fs=fs)).session()


def get(name: bytes) -> Op:
    return t.OP_GETXATTR, t.GETXATTR4args(name)


def set_(name: bytes, value: bytes, option: int = t.SETXATTR4_EITHER) -> Op:
    return t.OP_SETXATTR, t.SETXATTR4args(option, name, value)


def names(cookie: int = 0, maxcount: int = 8192) -> Op:
    return t.OP_LISTXATTRS, t.LISTXATTRS4args(cookie, maxcount)


def remove(name: bytes) -> Op:
    return t.OP_REMOVEXATTR, t.REMOVEXATTR4args(name)


def listed(session: Session, handle: bytes, maxcount: int = 8192) -> list[bytes]:
    """All names, however many calls it takes."""
    result: list[bytes] = []
    cookie = 0
    while True:
        page = session.ok(putfh(handle), names(cookie, maxcount))[-1]
        result += page.lxr_names
        if page.lxr_eof:
            return sorted(result)
        assert page.lxr_names
        cookie = page.lxr_cookie


def test_set_get_list_remove(session: Session) -> None:
    for handle in (session.create(b"f")[1], session.mkdir(b"d")):
        session.fails(t.NFS4ERR_NOXATTR, putfh(handle), get(b"a"))
        page = session.ok(putfh(handle), names())[-1]
        assert (page.lxr_names, page.lxr_eof) == ([], True)
        session.ok(putfh(handle), set_(b"a", b"one"), set_(b"b", b""), set_(b"user.c", b"\0"))
        values = session.ok(putfh(handle), get(b"a"), get(b"b"), get(b"user.c"))[-3:]
        assert list(values) == [b"one", b"", b"\0"]
        assert listed(session, handle) == [b"a", b"b", b"user.c"]
        session.ok(putfh(handle), remove(b"b"))
        session.fails(t.NFS4ERR_NOXATTR, putfh(handle), remove(b"b"))
        assert listed(session, handle) == [b"a", b"user.c"]


def test_create_and_replace(session: Session) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_NOXATTR, putfh(handle), set_(b"a", b"1", t.SETXATTR4_REPLACE))
    session.ok(putfh(handle), set_(b"a", b"1", t.SETXATTR4_CREATE))
    session.fails(t.NFS4ERR_EXIST, putfh(handle), set_(b"a", b"2", t.SETXATTR4_CREATE))
    session.ok(putfh(handle), set_(b"a", b"3", t.SETXATTR4_REPLACE))
    assert session.ok(putfh(handle), get(b"a"))[-1] == b"3"
    session.fails(t.NFS4ERR_INVAL, putfh(handle), set_(b"a", b"4", 3))


def test_change_info_is_of_the_object(session: Session) -> None:
    """Others find out by the change attribute: it moves with each value and each removal."""
    _, handle = session.create(b"f")
    (before,) = session.attributes(handle, t.FATTR4_CHANGE).values()
    for what in (set_(b"a", b"1"), set_(b"a", b"2"), remove(b"a")):
        info = session.ok(putfh(handle), what)[-1]
        (after,) = session.attributes(handle, t.FATTR4_CHANGE).values()
        assert (info.before, info.after) == (before, after)
        assert before != after
        before = after


def test_names_that_cannot_be(session: Session) -> None:
    _, handle = session.create(b"f")
    for name, status in (
        (b"", t.NFS4ERR_INVAL),
        (b"a\0b", t.NFS4ERR_INVAL),
        (b"n" * 251, t.NFS4ERR_NAMETOOLONG),
        (b"n" * 5000, t.NFS4ERR_NAMETOOLONG),
    ):
        for what in (get(name), set_(name, b"1"), remove(name)):
            session.fails(status, putfh(handle), what)
    for name in (b"n" * 250, b"\xff\xfe", b"a/b", b".."):
        session.ok(putfh(handle), set_(name, b"1"))
        assert session.ok(putfh(handle), get(name))[-1] == b"1"


def test_values_that_are_too_large(session: Session, fs: FileSystem) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_XATTR2BIG, putfh(handle), set_(b"a", bytes(MAX_VALUE + 1)))
    assert listed(session, handle) == []
    if isinstance(fs, MemoryFileSystem):
        session.ok(putfh(handle), set_(b"a", bytes(MAX_VALUE)))
        assert session.ok(putfh(handle), get(b"a"))[-1] == bytes(MAX_VALUE)


def test_listing_goes_on_while_names_come_and_go(session: Session) -> None:
    _, handle = session.create(b"f")
    expected = [b"name %d" % number for number in range(40)]
    for name in expected:
        session.ok(putfh(handle), set_(name, b""))
    assert listed(session, handle, 60) == sorted(expected)
    page = session.ok(putfh(handle), names(0, 200))[-1]
    for name in page.lxr_names:
        session.ok(putfh(handle), remove(name))
    session.ok(putfh(handle), set_(b"another", b""))
    rest = []
    cookie = page.lxr_cookie
    while not page.lxr_eof:
        page = session.ok(putfh(handle), names(cookie, 200))[-1]
        rest += page.lxr_names
        cookie = page.lxr_cookie
    assert len(set(rest)) == len(rest)
    assert set(expected) - set(rest) - {b"another"} <= set(expected)
    assert set(listed(session, handle)) - {b"another"} == set(rest) - {b"another"}


def test_maxcount(session: Session) -> None:
    _, handle = session.create(b"f")
    for size in (0, 8, 15):
        session.fails(t.NFS4ERR_TOOSMALL, putfh(handle), names(0, size))
    session.ok(putfh(handle), names(0, 16))
    session.ok(putfh(handle), set_(b"abcde", b""))
    session.fails(t.NFS4ERR_TOOSMALL, putfh(handle), names(0, 27))
    page = session.ok(putfh(handle), names(0, 28))[-1]
    assert (page.lxr_names, page.lxr_eof) == ([b"abcde"], True)
    page = session.ok(putfh(handle), names((1 << 64) - 1, 28))[-1]
    assert (page.lxr_names, page.lxr_eof) == ([], True)


def test_a_value_that_does_not_fit_the_reply(session: Session, fs: FileSystem) -> None:
    _, handle = session.create(b"f")
    session.ok(putfh(handle), set_(b"a", bytes(3000)))
    small = Peer(session.peer.server).session(b"small", response=2048)
    small.fails(t.NFS4ERR_REP_TOO_BIG, putfh(handle), get(b"a"))


def test_what_has_none(session: Session) -> None:
    session.ok(PUTROOTFH, symlink(b"link", b"f"))
    session.ok(PUTROOTFH, make(t.createtype4(t.NF4FIFO), b"fifo"))
    for name in (b"link", b"fifo"):
        at = (PUTROOTFH, lookup(name))
        session.fails(t.NFS4ERR_NOXATTR, *at, get(b"a"))
        session.fails(t.NFS4ERR_PERM, *at, set_(b"a", b"1"))
        session.fails(t.NFS4ERR_PERM, *at, remove(b"a"))
        page = session.ok(*at, names())[-1]
        assert (page.lxr_names, page.lxr_eof) == ([], True)
    session.fails(t.NFS4ERR_NOFILEHANDLE, get(b"a"))
    session.fails(t.NFS4ERR_NOFILEHANDLE, names())


def test_a_file_without_a_name(session: Session) -> None:
    _, handle = session.create(b"f")
    session.ok(PUTROOTFH, (t.OP_REMOVE, t.REMOVE4args(b"f")))
    session.ok(putfh(handle), set_(b"a", b"1"))
    assert session.ok(putfh(handle), get(b"a"))[-1] == b"1"


@needs_root
def test_rights(session: Session) -> None:
    """To read one takes the right to read the object, to set one that to write it."""
    _, handle = session.create(b"f")
    session.ok(putfh(handle), set_(b"a", b"1"))
    alice = Peer(session.peer.server, ALICE).session(b"alice")
    for mode, may_read, may_write in (
        (0o600, False, False),
        (0o604, True, False),
        (0o602, False, True),
        (0o606, True, True),
        (0o601, False, False),
    ):
        session.ok(putfh(handle), setattr_({t.FATTR4_MODE: mode}))
        for what, granted in (
            (get(b"a"), may_read),
            (names(), may_read),
            (set_(b"a", b"1"), may_write),
        ):
            status = alice.run(putfh(handle), what).status
            assert status == (t.NFS4_OK if granted else t.NFS4ERR_ACCESS), (oct(mode), what)
        answer = alice.ok(putfh(handle), access(XATTR_BITS | t.ACCESS4_READ))[-1]
        assert answer.supported == XATTR_BITS | t.ACCESS4_READ
        expected = may_read * (t.ACCESS4_XAREAD | t.ACCESS4_XALIST | t.ACCESS4_READ)
        assert answer.access == expected | may_write * t.ACCESS4_XAWRITE


@needs_root
def test_in_a_sticky_directory_only_its_owner(session: Session) -> None:
    handle = session.mkdir(b"d")
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o1777}))
    alice = Peer(session.peer.server, ALICE).session(b"alice")
    alice.fails(t.NFS4ERR_PERM, putfh(handle), set_(b"a", b"1"))
    session.ok(putfh(handle), set_(b"a", b"1"))


def test_access_is_asked_of_what_can_have_them(session: Session) -> None:
    session.ok(PUTROOTFH, symlink(b"link", b"f"))
    at = (PUTROOTFH, lookup(b"link"))
    assert session.ok(*at, access(XATTR_BITS))[-1].supported == 0
    # Not asked for, not told.
    assert session.ok(PUTROOTFH, access(t.ACCESS4_READ))[-1].supported == t.ACCESS4_READ


def test_xattr_support(session: Session) -> None:
    _, handle = session.create(b"f")
    assert session.attributes(handle, t.FATTR4_XATTR_SUPPORT) == {t.FATTR4_XATTR_SUPPORT: True}


def test_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = MemoryFileSystem(Clock())
    fs.has_xattrs = False
    session = Peer(make_server(fs=fs)).session()
    _, handle = session.create(b"f")
    assert session.attributes(handle, t.FATTR4_XATTR_SUPPORT) == {t.FATTR4_XATTR_SUPPORT: False}
    for what in (get(b"a"), set_(b"a", b"1"), names(), remove(b"a")):
        session.fails(t.NFS4ERR_NOTSUPP, putfh(handle), what)
    assert session.ok(putfh(handle), access(XATTR_BITS))[-1].supported == 0


def test_other_namespaces_are_not_touched(tmp_path: Path) -> None:
    fs = _local(tmp_path)
    session = Peer(make_server(fs=fs)).session()
    _, handle = session.create(b"f")
    if os.geteuid() == 0:
        os.setxattr(tmp_path / "f", b"trusted.secret", b"1")
    session.ok(putfh(handle), set_(b"trusted.other", b"1"), set_(b"x", b"2"))
    found = {name for name in os.listxattr(tmp_path / "f") if name.startswith("user.")}
    assert found == {"user.trusted.other", "user.x"}
    assert listed(session, handle) == [b"trusted.other", b"x"]
    session.fails(t.NFS4ERR_NOXATTR, putfh(handle), get(b"trusted.secret"))
    session.fails(t.NFS4ERR_NOXATTR, putfh(handle), get(b"../trusted.secret"))
    fs.close()


def test_a_socket_of_the_machine(tmp_path: Path) -> None:
    fs = _local(tmp_path)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(os.fspath(tmp_path / "s"))
        session = Peer(make_server(fs=fs)).session()
        session.fails(t.NFS4ERR_NOXATTR, PUTROOTFH, lookup(b"s"), get(b"a"))
    fs.close()


def test_memory_is_bounded() -> None:
    fs = MemoryFileSystem(Clock(), capacity=1 << 16)
    session = Peer(make_server(fs=fs)).session()
    _, handle = session.create(b"f")
    session.ok(putfh(handle), set_(b"a", bytes(40000)))
    session.fails(t.NFS4ERR_NOSPC, putfh(handle), set_(b"b", bytes(40000)))
    session.ok(putfh(handle), remove(b"a"), set_(b"b", bytes(40000)))
    (free,) = session.attributes(handle, t.FATTR4_SPACE_FREE).values()
    assert free == (1 << 16) - 40001
    session.ok(PUTROOTFH, (t.OP_REMOVE, t.REMOVE4args(b"f")))


def test_so_many_and_no_more() -> None:
    session = Peer(make_server(fs=MemoryFileSystem(Clock()))).session()
    _, handle = session.create(b"f")
    for number in range(MOST):
        session.ok(putfh(handle), set_(b"%d" % number, b""))
    session.fails(t.NFS4ERR_NOSPC, putfh(handle), set_(b"more", b""))
    session.ok(putfh(handle), set_(b"1", b"again"))

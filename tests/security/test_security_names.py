"""Names that are no UTF-8: what is listed can be used, and the export says what may be made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    SAVEFH,
    Clock,
    Op,
    Peer,
    Session,
    getattr_,
    link,
    lookup,
    make_server,
    mkdir,
    open_,
    readdir,
    remove,
    rename,
    symlink,
)
from tests.support.nfs40 import Client40

from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4

NO_CHARACTERS = [b"\xef\xbf\xbe", b"\xef\xbf\xbf"]
"""U+FFFE and U+FFFF."""
ODD = [
    *(b"\xff\xfebin", b"latin-\xe9", b"cesu-\xed\xa0\x80", b"over\xc0\xaf", b"cut\xe2\x82"),
    *NO_CHARACTERS,
]
PLAIN = [b"nl\nname", b"e\xcc\x81", b"\xc3\xa9", b"\xef\xb7\x90", b"\x01", b"\x7f", b"a\\b", b"a:b"]


@pytest.fixture(params=["memory", "local"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    local = LocalFileSystem(tmp_path)
    yield local
    local.close()


def listed(session: Session) -> set[bytes]:
    entry, names = session.ok(PUTROOTFH, readdir())[-1].reply.entries, set()
    while entry is not None:
        names.add(entry.name)
        entry = entry.nextentry
    return names


def makers(name: bytes) -> list[tuple[Op, ...]]:
    """All that gives something that name; there is a file called ``file``."""
    return [
        (PUTROOTFH, mkdir(name)),
        (PUTROOTFH, symlink(name, b"x")),
        (PUTROOTFH, lookup(b"file"), SAVEFH, PUTROOTFH, link(name)),
        (PUTROOTFH, SAVEFH, rename(b"file", name)),
    ]


@pytest.mark.parametrize("name", [*ODD, *PLAIN])
def test_any_octets_are_a_name(fs: FileSystem, name: bytes) -> None:
    session = Peer(make_server(fs=fs)).session()
    session.create(b"file", b"data")
    for number, operations in enumerate(makers(name)):
        session.ok(*operations)
        assert name in listed(session)
        session.ok(PUTROOTFH, lookup(name), getattr_(t.FATTR4_TYPE))
        if number < 3:
            session.ok(PUTROOTFH, remove(name))
    session.ok(PUTROOTFH, open_(name, create=t.UNCHECKED4), GETFH)
    session.ok(PUTROOTFH, open_(name, create=None, access=1))
    session.ok(PUTROOTFH, SAVEFH, rename(name, b"\xfe" + name))
    session.ok(PUTROOTFH, remove(b"\xfe" + name))
    session.ok(PUTROOTFH, open_(name, create=t.GUARDED4))
    assert listed(session) == {name}


@pytest.mark.parametrize("name", ODD)
def test_an_export_may_want_utf8(fs: FileSystem, name: bytes) -> None:
    anything = Peer(make_server(fs=fs)).session()
    anything.create(b"file", b"data")
    anything.ok(PUTROOTFH, mkdir(name))
    session = Peer(make_server(Export("", fs, squash=Squash.NONE, utf8_only=True))).session()
    for operations in makers(b"\xfe" + name):
        session.fails(t.NFS4ERR_INVAL, *operations)
    # Not INVAL: Linux would give up OPEN by file handle for good.
    session.fails(t.NFS4ERR_BADNAME, PUTROOTFH, open_(b"\xfe" + name, create=t.UNCHECKED4))
    assert listed(session) == {b"file", name}
    # What is there is there.
    session.ok(PUTROOTFH, lookup(name), GETFH)
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, open_(name, create=t.UNCHECKED4))
    session.ok(PUTROOTFH, SAVEFH, rename(name, "\u00e9".encode()))
    session.ok(PUTROOTFH, remove("\u00e9".encode()))


def strict(fs: FileSystem) -> Peer:
    return Peer(make_server(Export("", fs, squash=Squash.NONE, utf8_only=True)))


def secinfo(name: bytes) -> Op:
    return t.OP_SECINFO, t.SECINFO4args(name)


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_there_is_refused_as_no_utf8(fs: FileSystem, name: bytes) -> None:
    """RFC 8881, Section 14.5; and what another export of the same files has made can be used."""
    anything, session = Peer(make_server(fs=fs)).session(), strict(fs).session()
    asks: list[tuple[Op, ...]] = [
        (PUTROOTFH, lookup(name)),
        (PUTROOTFH, secinfo(name)),
        (PUTROOTFH, remove(name)),
        (PUTROOTFH, SAVEFH, rename(name, b"plain")),
    ]
    for operations in asks:
        anything.fails(t.NFS4ERR_NOENT, *operations)
        session.fails(t.NFS4ERR_INVAL, *operations)
    anything.fails(t.NFS4ERR_NOENT, PUTROOTFH, open_(name, create=None, access=1))
    session.fails(t.NFS4ERR_BADNAME, PUTROOTFH, open_(name, create=None, access=1))
    anything.create(name, b"data")
    session.ok(PUTROOTFH, open_(name, create=None, access=1))
    session.ok(PUTROOTFH, open_(name, create=t.UNCHECKED4))
    for operations in asks[:2]:
        session.ok(*operations)
    session.ok(*asks[3])
    anything.create(name, b"data")
    session.ok(*asks[2])
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup("\ufdd0".encode()))


@pytest.mark.parametrize("create", [t.UNCHECKED4, t.GUARDED4, None])
def test_open_says_invalid_where_linux_has_nothing_to_give_up(
    fs: FileSystem, create: int | None
) -> None:
    """Minor version 0 has no OPEN by file handle."""
    session, client = strict(fs).session(), Client40(strict(fs))
    session.fails(t.NFS4ERR_BADNAME, PUTROOTFH, open_(b"\xff", create=create))
    client.fails(t.NFS4ERR_INVAL, PUTROOTFH, client.open_(b"\xff", create=create))
    assert listed(session) == set()


@pytest.mark.parametrize("name", ODD)
def test_names_of_extended_attributes(fs: FileSystem, name: bytes) -> None:
    if not fs.has_xattrs:
        pytest.skip("there are no extended attributes here")
    anything, session = Peer(make_server(fs=fs)).session(), strict(fs).session()

    def set_(option: int) -> Op:
        return t.OP_SETXATTR, t.SETXATTR4args(option, name, b"value")

    get = t.OP_GETXATTR, t.GETXATTR4args(name)
    gone = t.OP_REMOVEXATTR, t.REMOVEXATTR4args(name)
    options = (t.SETXATTR4_EITHER, t.SETXATTR4_CREATE, t.SETXATTR4_REPLACE)
    for ask in (get, gone, *map(set_, options)):
        session.fails(t.NFS4ERR_INVAL, PUTROOTFH, ask)
    anything.fails(t.NFS4ERR_NOXATTR, PUTROOTFH, get)
    anything.ok(PUTROOTFH, set_(t.SETXATTR4_CREATE))
    session.ok(PUTROOTFH, set_(t.SETXATTR4_EITHER))
    session.ok(PUTROOTFH, set_(t.SETXATTR4_REPLACE))
    session.ok(PUTROOTFH, get)
    session.ok(PUTROOTFH, gone)


@pytest.mark.parametrize("utf8_only", [False, True])
def test_the_file_system_says_that_names_may_be_anything(fs: FileSystem, utf8_only: bool) -> None:
    """RFC 8881, Section 14.4: ALLOWS_ONLY_UTF8 must not stand beside CONTAINS_NON_UTF8."""
    session = Peer(make_server(Export("", fs, squash=Squash.NONE, utf8_only=utf8_only))).session()
    reply = session.ok(PUTROOTFH, getattr_(t.FATTR4_FS_CHARSET_CAP))
    capabilities = {t.FATTR4_FS_CHARSET_CAP: t.FSCHARSET_CAP4_CONTAINS_NON_UTF8}
    assert decode_fattr4(reply[-1].obj_attributes) == capabilities

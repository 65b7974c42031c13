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

from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4

ODD = [b"\xff\xfebin", b"latin-\xe9", b"cesu-\xed\xa0\x80", b"over\xc0\xaf", b"cut\xe2\x82"]
PLAIN = [b"nl\nname", b"e\xcc\x81", b"\xc3\xa9", b"\xef\xbf\xbf", b"\x01", b"\x7f", b"a\\b", b"a:b"]


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


@pytest.mark.parametrize(("utf8_only", "capabilities"), [(False, 1), (True, 3)])
def test_the_file_system_says_so(fs: FileSystem, utf8_only: bool, capabilities: int) -> None:
    session = Peer(make_server(Export("", fs, squash=Squash.NONE, utf8_only=utf8_only))).session()
    reply = session.ok(PUTROOTFH, getattr_(t.FATTR4_FS_CHARSET_CAP))
    assert decode_fattr4(reply[-1].obj_attributes) == {t.FATTR4_FS_CHARSET_CAP: capabilities}

"""Sizes and counts of minor version 2's operations that ask for more than there should be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    SAVEFH,
    Clock,
    Op,
    Peer,
    Session,
    make_server,
    putfh,
    setattr_,
)

from nfsrdma.server.ops.copying import SLICE
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

UINT32 = (1 << 32) - 1
UINT64 = (1 << 64) - 1


@pytest.fixture(params=["memory", "local"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    local = LocalFileSystem(tmp_path)
    yield local
    local.close()


@pytest.fixture
def session(fs: FileSystem) -> Session:
    return Peer(make_server(fs=fs)).session()


def set_xattr(name: bytes, value: bytes) -> Op:
    return t.OP_SETXATTR, t.SETXATTR4args(t.SETXATTR4_EITHER, name, value)


def get_xattr(name: bytes) -> Op:
    return t.OP_GETXATTR, t.GETXATTR4args(name)


def list_xattrs(cookie: int, maxcount: int) -> Op:
    return t.OP_LISTXATTRS, t.LISTXATTRS4args(cookie, maxcount)


def read_plus(offset: int, count: int) -> Op:
    return t.OP_READ_PLUS, t.READ_PLUS4args(ANONYMOUS, offset, count)


def advise(offset: int, count: int, hints: list[int]) -> Op:
    return t.OP_IO_ADVISE, t.IO_ADVISE4args(ANONYMOUS, offset, count, hints)


def copy(start: int, to: int, count: int) -> Op:
    return t.OP_COPY, t.COPY4args(ANONYMOUS, ANONYMOUS, start, to, count, True, True, [])


def test_names_and_values_of_any_size(session: Session) -> None:
    _, handle = session.create(b"f")
    for size in (251, 1 << 10, 1 << 16, 1 << 19):
        session.fails(t.NFS4ERR_NAMETOOLONG, putfh(handle), set_xattr(b"n" * size, b""))
        session.fails(t.NFS4ERR_NAMETOOLONG, putfh(handle), get_xattr(b"n" * size))
    for size in ((1 << 16) + 1, 1 << 18, 1 << 19):
        session.fails(t.NFS4ERR_XATTR2BIG, putfh(handle), set_xattr(b"n", bytes(size)))
    assert session.ok(putfh(handle), list_xattrs(0, UINT32))[-1].lxr_names == []


def test_any_cookie_and_any_room(session: Session) -> None:
    rng = random.Random(5)
    _, handle = session.create(b"f")
    session.ok(putfh(handle), *(set_xattr(b"%d" % number, b"") for number in range(20)))
    for cookie in (0, 1, UINT32, 1 << 63, UINT64, *(rng.getrandbits(64) for _ in range(50))):
        page = session.ok(putfh(handle), list_xattrs(cookie, UINT32))[-1]
        assert page.lxr_eof
        assert page.lxr_cookie >= cookie
    for room in range(200):
        reply = session.run(putfh(handle), list_xattrs(0, room))
        assert reply.status in (t.NFS4_OK, t.NFS4ERR_TOOSMALL)


def test_many_large_values_in_one_reply() -> None:
    """The reply ends where the session's limit is, whatever is asked for."""
    session = Peer(make_server(fs=MemoryFileSystem(Clock()))).session()
    _, handle = session.create(b"f")
    session.ok(putfh(handle), set_xattr(b"n", bytes(1 << 16)))
    reply = session.run(putfh(handle), *[get_xattr(b"n")] * 30)
    assert reply.status == t.NFS4ERR_REP_TOO_BIG


def test_copies_of_exabytes_are_slices(session: Session, fs: FileSystem) -> None:
    _, source = session.create(b"source")
    _, target = session.create(b"target")
    large = min(1 << 40, fs.max_file_size)
    session.ok(putfh(source), setattr_({t.FATTR4_SIZE: large}))
    at = (putfh(source), SAVEFH, putfh(target))
    for count in (0, large, UINT64):
        result = session.ok(*at, copy(0, 0, count))[-1]
        assert 0 < result.cr_response.wr_count <= SLICE
    for start, to, count in ((UINT64, 0, UINT64), (0, UINT64, 1), (1, 1, UINT64)):
        session.fails(t.NFS4ERR_INVAL, *at, copy(start, to, count))
    assert session.ok(*at, copy(UINT64, UINT64, 0))[-1].cr_response.wr_count == 0


def test_reads_of_all_that_there_is(session: Session, fs: FileSystem) -> None:
    _, handle = session.create(b"f")
    large = min(1 << 40, fs.max_file_size)
    session.ok(putfh(handle), setattr_({t.FATTR4_SIZE: large}))
    for offset in (0, 1, large - 1):
        result = session.ok(putfh(handle), read_plus(offset, UINT32))[-1]
        (hole,) = result.rpr_contents
        assert (hole.rpc_hole.di_offset, hole.rpc_hole.di_length) == (offset, large - offset)
    for offset in (large, 1 << 63, UINT64):
        result = session.ok(putfh(handle), read_plus(offset, UINT32))[-1]
        assert (result.rpr_contents, result.rpr_eof) == ([], True)


def test_advice_about_anything(session: Session) -> None:
    _, handle = session.create(b"f", b"data")
    for offset, count in ((0, UINT64), ((1 << 63) - 1, 1), (1 << 63, 1), (UINT64, 0)):
        reply = session.run(putfh(handle), advise(offset, count, [UINT32] * 50))
        assert reply.status in (t.NFS4_OK, t.NFS4ERR_INVAL)
    session.fails(t.NFS4ERR_INVAL, putfh(handle), advise(1, UINT64, [UINT32]))
    assert session.ok(putfh(handle), advise(0, 0, []))[-1].ior_hints == []

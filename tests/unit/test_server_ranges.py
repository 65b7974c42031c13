"""Ranges at the far end: past 2^63, past what a file system's files can hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    PUTROOTFH,
    Clock,
    Op,
    Peer,
    Session,
    commit,
    make_server,
    putfh,
    read,
    setattr_,
    write,
)

from nfsrdma.server.vfs import limits
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

FAR = [(1 << 63) - 10, (1 << 63) - 4, (1 << 63) - 1, 1 << 63, (1 << 64) - 10, (1 << 64) - 1]


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


def allocate(stateid: t.stateid4, offset: int, length: int) -> Op:
    return t.OP_ALLOCATE, t.ALLOCATE4args(stateid, offset, length)


def deallocate(stateid: t.stateid4, offset: int, length: int) -> Op:
    return t.OP_DEALLOCATE, t.DEALLOCATE4args(stateid, offset, length)


@pytest.mark.parametrize("count", [0, 1, 10, 1 << 20])
@pytest.mark.parametrize("offset", FAR)
def test_read_far_past_the_end_is_the_end(session: Session, offset: int, count: int) -> None:
    """RFC 8881, Section 18.22.3: no error, no data, the end."""
    stateid, handle = session.create(b"f", b"data")
    result = session.ok(putfh(handle), read(stateid, offset, count))[-1]
    assert (bytes(result.data), result.eof) == (b"", True)


@pytest.mark.parametrize("offset", FAR)
def test_write_past_the_largest_file(session: Session, fs: FileSystem, offset: int) -> None:
    stateid, handle = session.create(b"f", b"data")
    session.fails(t.NFS4ERR_FBIG, putfh(handle), write(stateid, b"0123456789", offset))
    assert session.read(handle) == b"data"


@pytest.mark.parametrize("offset", FAR[:4])
def test_commit_far_past_the_end(session: Session, offset: int) -> None:
    """What there is becomes durable; only 2^64 cannot be passed."""
    _, handle = session.create(b"f", b"data")
    session.ok(putfh(handle), commit(offset, 100))
    session.fails(t.NFS4ERR_INVAL, putfh(handle), commit((1 << 64) - 10, 100))


def test_hole_where_there_can_be_no_data(session: Session) -> None:
    stateid, handle = session.create(b"f", b"data")
    for offset, length in (((1 << 63) - 10, 100), (1 << 63, 100), (100, (1 << 64) - 200)):
        session.ok(putfh(handle), deallocate(stateid, offset, length))
    assert session.read(handle) == b"data"
    session.fails(t.NFS4ERR_INVAL, putfh(handle), deallocate(stateid, (1 << 64) - 10, 100))


def test_room_past_the_largest_file(session: Session) -> None:
    stateid, handle = session.create(b"f", b"data")
    session.fails(t.NFS4ERR_FBIG, putfh(handle), allocate(stateid, (1 << 63) - 10, 100))
    session.fails(t.NFS4ERR_INVAL, putfh(handle), allocate(stateid, (1 << 64) - 10, 100))
    assert session.read(handle) == b"data"


def test_the_largest_file_is_the_file_systems(tmp_path: Path) -> None:
    """As long as ``maxfilesize`` and not an octet longer, as the kernel itself has it."""
    fs = LocalFileSystem(tmp_path)
    session = Peer(make_server(fs=fs)).session()
    stateid, handle = session.create(b"f")
    (largest,) = session.attributes(handle, t.FATTR4_MAXFILESIZE).values()
    session.ok(putfh(handle), setattr_({t.FATTR4_SIZE: largest}, stateid))
    assert (tmp_path / "f").stat().st_size == largest
    session.fails(t.NFS4ERR_FBIG, putfh(handle), setattr_({t.FATTR4_SIZE: largest + 1}, stateid))
    session.ok(putfh(handle), setattr_({t.FATTR4_SIZE: 0}, stateid))
    session.fails(t.NFS4ERR_FBIG, putfh(handle), write(stateid, b"abc", largest - 2))
    assert (tmp_path / "f").stat().st_size == 0
    fs.close()


def test_finding_that_out_leaves_nothing(tmp_path: Path) -> None:
    before = tmp_path.stat()
    fs = LocalFileSystem(tmp_path)
    assert os.listdir(tmp_path) == []
    after = tmp_path.stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)
    assert fs.max_file_size >= 1 << 40
    fs.close()


@pytest.mark.parametrize("has_file", [True, False])
def test_where_no_file_can_be_made_one_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_file: bool
) -> None:
    expected = LocalFileSystem(tmp_path)
    (tmp_path / "directory").mkdir()
    if has_file:
        (tmp_path / "f").write_bytes(b"x")
    real = os.open

    def refusing(path: bytes, flags: int, *rest: int, **more: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "not supported")
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(limits.os, "open", refusing)
    fs = LocalFileSystem(tmp_path)
    largest = expected.max_file_size if has_file else limits.MAX_OFFSET
    assert fs.max_file_size == largest
    # Where nothing could be asked, the first file that is opened is.
    session = Peer(make_server(fs=fs)).session()
    session.ok(PUTROOTFH)
    session.create(b"new")
    assert fs.max_file_size == expected.max_file_size
    fs.close()
    expected.close()

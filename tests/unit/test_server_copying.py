"""COPY, CLONE, READ_PLUS and IO_ADVISE (RFC 7862), over memory and over local files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    CURRENT,
    GETFH,
    PUTROOTFH,
    SAVEFH,
    Clock,
    Op,
    Peer,
    Reply,
    Session,
    close,
    commit,
    lookup,
    make_server,
    open_,
    open_export,
    putfh,
    read,
    setattr_,
    symlink,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.ops.copying import SLICE
from nfsrdma.server.vfs import syscalls
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import CHUNK, MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

ALICE = Credentials.sys(1001, 1001)
FAR = (1 << 64) - 1
DATA = t.NFS4_CONTENT_DATA
HOLE = t.NFS4_CONTENT_HOLE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


@pytest.fixture(params=["memory", "local"])
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    tmp_path.chmod(0o777)
    local = LocalFileSystem(tmp_path)
    yield local
    local.close()


@pytest.fixture
def session(fs: FileSystem) -> Session:
    return Peer(make_server(fs=fs)).session()


class Two:
    """A file to copy from, and one to copy to."""

    def __init__(self, session: Session, data: bytes = b"", old: bytes = b"") -> None:
        self.session = session
        self.from_stateid, self.source = session.create(b"source", data)
        self.to_stateid, self.target = session.create(b"target", old)
        self.at = (putfh(self.source), SAVEFH, putfh(self.target))

    def copy(self, start: int = 0, to: int = 0, count: int = 0) -> Op:
        return t.OP_COPY, t.COPY4args(
            self.from_stateid, self.to_stateid, start, to, count, True, True, []
        )

    def clone(self, start: int = 0, to: int = 0, count: int = 0) -> Op:
        return t.OP_CLONE, t.CLONE4args(self.from_stateid, self.to_stateid, start, to, count)

    def copied(self, *range_: int) -> int:
        result = self.session.ok(*self.at, self.copy(*range_))[-1]
        assert result.cr_response.wr_callback_id == []
        requirements = result.cr_requirements
        assert (requirements.cr_consecutive, requirements.cr_synchronous) == (True, True)
        count: int = result.cr_response.wr_count
        return count


def read_plus(stateid: t.stateid4, offset: int = 0, count: int = 1 << 16) -> Op:
    return t.OP_READ_PLUS, t.READ_PLUS4args(stateid, offset, count)


def advise(stateid: t.stateid4, *hints: int, offset: int = 0, count: int = 0) -> Op:
    words = [sum(1 << hint for hint in hints if hint < 32)]
    if any(hint >= 32 for hint in hints):
        words.append(1)
    return t.OP_IO_ADVISE, t.IO_ADVISE4args(stateid, offset, count, words)


# --- COPY ---


def test_copy(session: Session) -> None:
    two = Two(session, b"hello, world", b"0123456789")
    assert two.copied(7, 2, 3) == 3
    assert session.read(two.target) == b"01wor56789"
    assert two.copied(0, 8, 12) == 12
    assert session.read(two.target) == b"01wor567hello, world"
    assert session.read(two.source) == b"hello, world"


def test_copy_to_the_end_and_past_it(session: Session) -> None:
    """A count of 0 reaches to the end; what is past the end is not there to be copied."""
    two = Two(session, b"write test data")
    assert two.copied(0, 0, 0) == 15
    assert two.copied(6, 15, 1 << 40) == 9
    assert session.read(two.target) == b"write test datatest data"
    assert two.copied(15, 0, 10) == 0
    assert two.copied(1 << 40, 0, 10) == 0
    assert two.copied(1 << 40, 0, 0) == 0


def test_copy_of_much_is_cut_short(session: Session) -> None:
    data = os.urandom(SLICE + 5000)
    two = Two(session)
    for start in range(0, len(data), 1 << 19):
        piece = data[start : start + (1 << 19)]
        session.ok(putfh(two.source), write(two.from_stateid, piece, start))
    done = two.copied(0, 0, len(data))
    assert 0 < done <= SLICE
    while done < len(data):
        done += two.copied(done, done, len(data) - done)
    found = b"".join(
        bytes(session.ok(putfh(two.target), read(two.to_stateid, at, 1 << 19))[-1].data)
        for at in range(0, len(data), 1 << 19)
    )
    assert found == data


def test_copy_has_the_verifier_of_commit(session: Session) -> None:
    two = Two(session, b"data")
    reply = session.ok(*two.at, two.copy(), commit())
    assert reply[-2].cr_response.wr_committed == t.UNSTABLE4
    assert reply[-2].cr_response.wr_writeverf == reply[-1].writeverf


def test_copy_moves_the_change_attribute(session: Session) -> None:
    two = Two(session, b"data", b"data")
    before = session.attributes(two.target, t.FATTR4_CHANGE)
    assert two.copied() == 4
    assert session.attributes(two.target, t.FATTR4_CHANGE) != before


def refused(two: Two, status: int, *ops: Op) -> Reply:
    reply = two.session.fails(status, *ops)
    assert two.session.read(two.target) == b"old"
    return reply


def test_what_copy_refuses(session: Session, fs: FileSystem) -> None:
    two = Two(session, b"data", b"old")
    directory = session.mkdir(b"d")
    refused(two, t.NFS4ERR_NOFILEHANDLE, putfh(two.target), two.copy())
    refused(two, t.NFS4ERR_INVAL, putfh(two.target), SAVEFH, two.copy())
    for where in (
        (putfh(directory), SAVEFH, putfh(two.target)),
        (putfh(two.source), SAVEFH, putfh(directory)),
    ):
        refused(two, t.NFS4ERR_WRONG_TYPE, *where, two.copy())
    refused(two, t.NFS4ERR_INVAL, *two.at, two.copy(FAR, 0, 1))
    refused(two, t.NFS4ERR_INVAL, *two.at, two.copy(0, FAR, 1))
    refused(two, t.NFS4ERR_FBIG, *two.at, two.copy(0, fs.max_file_size, 4))
    # Stateids the other way round are those of other files.
    two.from_stateid, two.to_stateid = two.to_stateid, two.from_stateid
    refused(two, t.NFS4ERR_BAD_STATEID, *two.at, two.copy())


def test_copy_needs_the_right_opens(session: Session) -> None:
    two = Two(session, b"data", b"old")
    session.ok(putfh(two.target), close(two.to_stateid))
    refused(two, t.NFS4ERR_BAD_STATEID, *two.at, two.copy())
    reply = session.ok(PUTROOTFH, open_(b"target", t.OPEN4_SHARE_ACCESS_READ, owner=b"reader"))
    two.to_stateid = reply[-1].stateid
    refused(two, t.NFS4ERR_OPENMODE, *two.at, two.copy())
    two.to_stateid = ANONYMOUS
    assert two.copied() == 4


def test_copy_from_another_server_is_not_supported(session: Session) -> None:
    two = Two(session, b"data", b"old")
    op, args = two.copy()
    args.ca_source_server = [t.netloc4(t.NL4_NAME, b"elsewhere")]
    refused(two, t.NFS4ERR_NOTSUPP, *two.at, (op, args))


def test_copy_to_another_export(tmp_path: Path) -> None:
    exports = [open_export(name, MemoryFileSystem(Clock())) for name in ("a", "b")]
    session = Peer(make_server(*exports)).session()
    made = [
        session.ok(PUTROOTFH, lookup(name), open_(b"f", create=t.UNCHECKED4, owner=name), GETFH)
        for name in (b"a", b"b")
    ]
    source, target = (reply[-1].object for reply in made)
    args = t.COPY4args(ANONYMOUS, ANONYMOUS, 0, 0, 0, True, True, [])
    session.fails(t.NFS4ERR_XDEV, putfh(source), SAVEFH, putfh(target), (t.OP_COPY, args))


@needs_root
def test_copy_is_made_with_the_callers_rights(session: Session) -> None:
    two = Two(session, b"data", b"old")
    alice = Peer(session.peer.server, ALICE).session(b"alice")
    args = t.COPY4args(ANONYMOUS, ANONYMOUS, 0, 0, 0, True, True, [])
    for from_mode, to_mode, status in (
        (0o600, 0o606, t.NFS4ERR_ACCESS),
        (0o604, 0o604, t.NFS4ERR_ACCESS),
        (0o604, 0o606, t.NFS4_OK),
    ):
        session.ok(putfh(two.source), setattr_({t.FATTR4_MODE: from_mode}))
        session.ok(putfh(two.target), setattr_({t.FATTR4_MODE: to_mode}))
        assert alice.run(*two.at, (t.OP_COPY, args)).status == status
    session.ok(putfh(two.target), setattr_({t.FATTR4_MODE: 0o4777}))
    alice.ok(*two.at, (t.OP_COPY, args))
    assert session.attributes(two.target, t.FATTR4_MODE) == {t.FATTR4_MODE: 0o777}


def test_what_the_kernel_cannot_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = LocalFileSystem(tmp_path)
    session = Peer(make_server(fs=fs)).session()
    two = Two(session, b"data", b"old")
    for code, status in (
        (errno.ENOSYS, t.NFS4ERR_NOTSUPP),
        (errno.EXDEV, t.NFS4ERR_NOTSUPP),
        (errno.EOPNOTSUPP, t.NFS4ERR_NOTSUPP),
        (errno.ENOSPC, t.NFS4ERR_NOSPC),
        (errno.EDQUOT, t.NFS4ERR_DQUOT),
        (errno.EIO, t.NFS4ERR_IO),
    ):

        def failing(*_: int, code: int = code) -> int:
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, "copy_file_range", failing)
        refused(two, status, *two.at, two.copy())
    fs.close()


# --- CLONE ---


@pytest.fixture
def cloning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A file system that can clone, or says so: the call itself copies."""

    def clone_range(source: int, start: int, target: int, to: int, count: int) -> None:
        os.pwrite(target, os.pread(source, count, start), to)

    monkeypatch.setattr(syscalls, "clone_range", clone_range)
    fs = LocalFileSystem(tmp_path)
    assert fs.clone_block == os.statvfs(tmp_path).f_bsize
    fs.clone_block = 4096
    yield Peer(make_server(fs=fs)).session()
    fs.close()


def test_clone(cloning: Session) -> None:
    data = os.urandom(4096 * 2 + 100)
    two = Two(cloning, data)
    cloning.ok(*two.at, two.clone(4096, 0, 4096))
    assert cloning.read(two.target) == data[4096:8192]
    cloning.ok(*two.at, two.clone())
    assert cloning.ok(putfh(two.target), read(two.to_stateid, 0, 1 << 16))[-1].data == data
    cloning.ok(*two.at, two.clone(8192, 4096, 100))
    reply = cloning.ok(putfh(two.target), read(two.to_stateid, 4096, 100))
    assert reply[-1].data == data[8192:]
    assert cloning.attributes(two.target, t.FATTR4_CLONE_BLKSIZE) == {t.FATTR4_CLONE_BLKSIZE: 4096}


@pytest.mark.parametrize(
    "range_",
    [
        (1, 0, 4096),
        (0, 1, 4096),
        (0, 0, 100),
        (0, 0, 8192 + 200),
        (12288, 0, 4096),
        (12288, 0, 0),
        (0, 0, FAR),
        (FAR, 0, FAR),
    ],
)
def test_clones_that_cannot_be(cloning: Session, range_: tuple[int, int, int]) -> None:
    """Unaligned, or past the end of the source: RFC 7862, Section 15.13.3."""
    two = Two(cloning, bytes(8192 + 100), b"old")
    refused(two, t.NFS4ERR_INVAL, *two.at, two.clone(*range_))


def test_clone_within_one_file(cloning: Session) -> None:
    two = Two(cloning, b"a" * 4096 + b"b" * 4096)
    two.to_stateid = two.from_stateid
    cloning.ok(putfh(two.source), SAVEFH, two.clone(0, 8192, 4096))
    assert cloning.attributes(two.source, t.FATTR4_SIZE) == {t.FATTR4_SIZE: 12288}


def test_where_nothing_can_be_cloned() -> None:
    session = Peer(make_server(fs=MemoryFileSystem(Clock()))).session()
    two = Two(session, bytes(8192), b"old")
    refused(two, t.NFS4ERR_NOTSUPP, *two.at, two.clone())
    assert session.attributes(two.target, t.FATTR4_CLONE_BLKSIZE) == {}


# --- READ_PLUS ---


def pieces(session: Session, *ops: Op) -> tuple[list[tuple[int, int, object]], bool]:
    result = session.ok(*ops)[-1]
    found: list[tuple[int, int, object]] = []
    for piece in result.rpr_contents:
        if piece.rpc_content == DATA:
            found.append((DATA, piece.rpc_data.d_offset, bytes(piece.rpc_data.d_data)))
        else:
            found.append((HOLE, piece.rpc_hole.di_offset, piece.rpc_hole.di_length))
    return found, result.rpr_eof


def test_read_plus_of_data(session: Session) -> None:
    stateid, handle = session.create(b"f", b"hello")
    at = putfh(handle)
    assert pieces(session, at, read_plus(stateid)) == ([(DATA, 0, b"hello")], True)
    assert pieces(session, at, read_plus(stateid, 1, 3)) == ([(DATA, 1, b"ell")], False)
    assert pieces(session, at, read_plus(stateid, 5)) == ([], True)
    assert pieces(session, at, read_plus(stateid, FAR, 1)) == ([], True)
    assert pieces(session, at, read_plus(stateid, 1, 0)) == ([], False)
    assert pieces(session, at, read_plus(ANONYMOUS)) == ([(DATA, 0, b"hello")], True)


def test_read_plus_of_holes(session: Session) -> None:
    stateid, handle = session.create(b"f")
    at = putfh(handle)
    session.ok(at, write(stateid, b"x" * CHUNK, CHUNK * 4))
    session.ok(at, setattr_({t.FATTR4_SIZE: CHUNK * 9}, stateid))
    data = b"x" * CHUNK
    found, eof = pieces(session, at, read_plus(stateid, 0, CHUNK * 5))
    assert (found, eof) == ([(HOLE, 0, CHUNK * 4), (DATA, CHUNK * 4, data)], False)
    # A hole is told to its end, past what was asked for.
    found, eof = pieces(session, at, read_plus(stateid, 100, 10))
    assert (found, eof) == ([(HOLE, 100, CHUNK * 4 - 100)], False)
    found, eof = pieces(session, at, read_plus(stateid, CHUNK * 4, CHUNK * 5))
    assert (found, eof) == ([(DATA, CHUNK * 4, data), (HOLE, CHUNK * 5, CHUNK * 4)], True)


def test_read_plus_is_cut_to_the_reply(session: Session) -> None:
    stateid, handle = session.create(b"f", b"abcd" * 1000)
    small = Peer(session.peer.server).session(b"small", response=1024)
    found, eof = pieces(small, putfh(handle), read_plus(ANONYMOUS))
    ((kind, offset, data),) = found
    assert (kind, offset, eof) == (DATA, 0, False)
    assert isinstance(data, bytes)
    assert 0 < len(data) < 1024
    assert data == (b"abcd" * 1000)[: len(data)]
    del stateid


def test_what_read_plus_refuses(session: Session) -> None:
    session.ok(PUTROOTFH, symlink(b"link", b"f"))
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, read_plus(ANONYMOUS))
    session.fails(t.NFS4ERR_SYMLINK, PUTROOTFH, lookup(b"link"), read_plus(ANONYMOUS))
    session.fails(t.NFS4ERR_NOFILEHANDLE, read_plus(ANONYMOUS))
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read_plus(CURRENT))


# --- IO_ADVISE ---


def test_hints_that_are_taken(session: Session) -> None:
    stateid, handle = session.create(b"f", b"data")
    at = putfh(handle)
    for hint in (
        t.IO_ADVISE4_NORMAL,
        t.IO_ADVISE4_SEQUENTIAL,
        t.IO_ADVISE4_RANDOM,
        t.IO_ADVISE4_WILLNEED,
    ):
        assert session.ok(at, advise(stateid, hint))[-1].ior_hints == [1 << hint]
    for hint in (t.IO_ADVISE4_DONTNEED, t.IO_ADVISE4_READ, 31, 40):
        assert session.ok(at, advise(stateid, hint))[-1].ior_hints == []
    assert session.ok(at, advise(ANONYMOUS, t.IO_ADVISE4_WILLNEED))[-1].ior_hints == [16]
    reply = session.ok(PUTROOTFH, open_(b"f", t.OPEN4_SHARE_ACCESS_WRITE, owner=b"writer"))
    assert session.ok(at, advise(reply[-1].stateid, t.IO_ADVISE4_RANDOM))[-1].ior_hints == [8]


def test_what_advice_refuses(session: Session) -> None:
    stateid, handle = session.create(b"f", b"data")
    session.fails(
        t.NFS4ERR_INVAL, putfh(handle), advise(stateid, t.IO_ADVISE4_NORMAL, offset=FAR, count=1)
    )
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, advise(ANONYMOUS, t.IO_ADVISE4_NORMAL))

"""Operations on files and directories: one question a test."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.listings import alter
from tests.support.nfs import (
    ANONYMOUS,
    BYPASS,
    GETFH,
    LOOKUPP,
    PUTROOTFH,
    READLINK,
    SAVEFH,
    Clock,
    Peer,
    Session,
    commit,
    getattr_,
    link,
    lookup,
    make,
    make_server,
    mkdir,
    open_,
    putfh,
    read,
    readdir,
    remove,
    rename,
    setattr_,
    symlink,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.vfs.interface import Entry, FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, mask_from_bitmap

ALICE = Credentials.sys(1001, 1001)

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


def entries(session: Session, *at: Any, **how: Any) -> list[t.entry4]:
    """All entries of a directory, however many calls it takes."""
    result: list[t.entry4] = []
    cookie, verifier = 0, bytes(8)
    while True:
        reply = session.ok(*(at or (PUTROOTFH,)), readdir(cookie, verifier, **how))
        listing = reply[-1]
        entry = listing.reply.entries
        while entry is not None:
            result.append(entry)
            entry = entry.nextentry
        if listing.reply.eof:
            return result
        cookie, verifier = result[-1].cookie, listing.cookieverf


def names(session: Session, *at: Any, **how: Any) -> list[bytes]:
    return sorted(entry.name for entry in entries(session, *at, **how))


# READ, WRITE, COMMIT


@needs_root
def test_commit_is_for_who_has_to_do_with_the_file(session: Session) -> None:
    """Whoever may read or write it, owns it, or whose client has it open."""
    _, handle = session.create(b"f", b"data")
    alice = Peer(session.peer.server, ALICE).session(b"alice")
    for mode, status in ((0o600, t.NFS4ERR_ACCESS), (0o602, 0), (0o604, 0)):
        session.ok(putfh(handle), setattr_({t.FATTR4_MODE: mode}))
        assert alice.run(putfh(handle), commit()).status == status
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0, t.FATTR4_OWNER: b"1001"}))
    alice.ok(putfh(handle), commit())
    session.ok(putfh(handle), commit())


def test_write_and_read(session: Session) -> None:
    stateid, handle = session.create(b"f", b"hello")
    reply = session.ok(putfh(handle), read(stateid, 1, 3), read(stateid, 3, 10))
    assert (bytes(reply[2].data), reply[2].eof) == (b"ell", False)
    assert (bytes(reply[3].data), reply[3].eof) == (b"lo", True)


def test_read_to_the_last_octet_is_the_end(session: Session) -> None:
    stateid, handle = session.create(b"f", b"hello")
    reply = session.ok(putfh(handle), read(stateid, 0, 5), read(stateid, 0, 0))
    assert (reply[2].eof, reply[3].eof) == (True, False)


@pytest.mark.parametrize("offset", [5, 6, 1 << 40, (1 << 64) - 1])
def test_read_past_the_end(session: Session, offset: int) -> None:
    stateid, handle = session.create(b"f", b"hello")
    reply = session.ok(putfh(handle), read(stateid, offset, 100))
    assert (bytes(reply[2].data), reply[2].eof) == (b"", True)


@pytest.mark.parametrize("stable", [t.UNSTABLE4, t.DATA_SYNC4, t.FILE_SYNC4])
def test_write_says_how_stable_it_is(session: Session, stable: int) -> None:
    stateid, handle = session.create(b"f")
    reply = session.ok(putfh(handle), write(stateid, b"abc", 5, stable), commit())
    assert (reply[2].count, reply[2].committed) == (3, stable)
    assert reply[2].writeverf == reply[3].writeverf
    assert session.read(handle) == b"\0\0\0\0\0abc"


def test_write_that_is_not_stable_in_any_known_way(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.fails(t.NFS4ERR_INVAL, putfh(handle), write(stateid, b"x", 0, 7))


def test_write_nothing(session: Session) -> None:
    stateid, handle = session.create(b"f")
    assert session.ok(putfh(handle), write(stateid, b"", 10))[2].count == 0
    assert session.read(handle) == b""


@pytest.mark.parametrize("offset", [(1 << 63) - 1, (1 << 64) - 2])
def test_write_beyond_everything(session: Session, offset: int) -> None:
    stateid, handle = session.create(b"f")
    session.fails(t.NFS4ERR_FBIG, putfh(handle), write(stateid, b"abc", offset))


def test_commit_range_beyond_everything(session: Session) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_INVAL, putfh(handle), commit((1 << 64) - 1, 10))


def test_commit_of_closed_file(session: Session) -> None:
    _, handle = session.create(b"f", b"data")
    session.peer.server.registry.expire(session.peer.server.registry.clients.confirmed()[0])
    Peer(session.peer.server).session(b"other").ok(putfh(handle), commit())


def test_anonymous_and_bypass(session: Session) -> None:
    _, handle = session.create(b"f", b"hello")
    session.ok(putfh(handle), write(ANONYMOUS, b"J"), read(BYPASS))
    assert session.read(handle, BYPASS) == b"Jello"


@pytest.mark.parametrize(
    "stateid",
    [t.stateid4(7, bytes(12)), t.stateid4(0xFFFFFFFF, bytes(12)), t.stateid4(0, b"\xff" * 12)],
)
def test_special_stateids_that_are_none(session: Session, stateid: t.stateid4) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))


@pytest.mark.parametrize(
    ("name", "status"),
    [(b"d", t.NFS4ERR_ISDIR), (b"l", t.NFS4ERR_SYMLINK), (b"p", t.NFS4ERR_WRONG_TYPE)],
)
def test_data_operations_on_others_than_files(session: Session, name: bytes, status: int) -> None:
    session.mkdir(b"d")
    session.ok(PUTROOTFH, symlink(b"l", b"x"))
    session.ok(PUTROOTFH, make(t.createtype4(t.NF4FIFO), b"p"))
    for op in (read(ANONYMOUS), write(ANONYMOUS, b"x"), commit()):
        session.fails(status, PUTROOTFH, lookup(name), op)
    session.fails(status, PUTROOTFH, open_(name))


def test_sparse(session: Session) -> None:
    stateid, handle = session.create(b"f", b"x" * (256 << 10))
    allocate = (t.OP_ALLOCATE, t.ALLOCATE4args(stateid, 0, 512 << 10))
    punch = (t.OP_DEALLOCATE, t.DEALLOCATE4args(stateid, 64 << 10, 128 << 10))
    session.ok(putfh(handle), allocate, punch)
    size = session.attributes(handle, t.FATTR4_SIZE)[t.FATTR4_SIZE]
    assert size == 512 << 10

    def seek(offset: int, what: int) -> tuple[bool, int]:
        reply = session.ok(putfh(handle), (t.OP_SEEK, t.SEEK4args(stateid, offset, what)))
        return reply[2].sr_eof, reply[2].sr_offset

    assert seek(0, t.NFS4_CONTENT_HOLE) == (False, 64 << 10)
    assert seek(64 << 10, t.NFS4_CONTENT_DATA) == (False, 192 << 10)
    beyond = (t.OP_SEEK, t.SEEK4args(stateid, 512 << 10, t.NFS4_CONTENT_DATA))
    session.fails(t.NFS4ERR_NXIO, putfh(handle), beyond)
    unknown = (t.OP_SEEK, t.SEEK4args(stateid, 0, 5))
    session.fails(t.NFS4ERR_UNION_NOTSUPP, putfh(handle), unknown)


def test_allocate_nothing_or_too_much(session: Session) -> None:
    stateid, handle = session.create(b"f")
    for offset, length in ((0, 0), ((1 << 64) - 1, 5)):
        op = (t.OP_ALLOCATE, t.ALLOCATE4args(stateid, offset, length))
        session.fails(t.NFS4ERR_INVAL, putfh(handle), op)
    op = (t.OP_ALLOCATE, t.ALLOCATE4args(ANONYMOUS, 0, 10))
    session.fails(t.NFS4ERR_WRONG_TYPE, PUTROOTFH, op)


# CREATE, LOOKUP, LOOKUPP, READLINK


def test_create_each_type(session: Session) -> None:
    kinds = {
        b"dir": t.createtype4(t.NF4DIR),
        b"link": t.createtype4(t.NF4LNK, b"target"),
        b"fifo": t.createtype4(t.NF4FIFO),
        b"socket": t.createtype4(t.NF4SOCK),
    }
    if os.geteuid() == 0:
        kinds[b"block"] = t.createtype4(t.NF4BLK, t.specdata4(1, 2))
        kinds[b"char"] = t.createtype4(t.NF4CHR, t.specdata4(1, 3))
    for name, kind in kinds.items():
        reply = session.ok(
            PUTROOTFH, make(kind, name, {t.FATTR4_MODE: 0o640}), getattr_(1, 33, 41), GETFH
        )
        values = decode_fattr4(reply[3].obj_attributes)
        assert values[t.FATTR4_TYPE] == kind.type
        if kind.type != t.NF4LNK:
            assert values[t.FATTR4_MODE] == 0o640
        if kind.type in (t.NF4BLK, t.NF4CHR):
            assert values[t.FATTR4_RAWDEV] == kind.devdata
        assert mask_from_bitmap(reply[2].attrset) == 1 << t.FATTR4_MODE
        found = session.ok(PUTROOTFH, lookup(name), GETFH)
        assert found[3].object == reply[4].object
    assert names(session) == sorted(kinds)


def test_create_what_cannot_be(session: Session) -> None:
    for kind, status in (
        (t.createtype4(t.NF4REG), t.NFS4ERR_BADTYPE),
        (t.createtype4(t.NF4ATTRDIR), t.NFS4ERR_BADTYPE),
        (t.createtype4(t.NF4LNK, b""), t.NFS4ERR_INVAL),
        (t.createtype4(t.NF4LNK, b"a\0b"), t.NFS4ERR_INVAL),
        (t.createtype4(t.NF4LNK, b"x" * 5000), t.NFS4ERR_NAMETOOLONG),
        (t.createtype4(t.NF4CHR, t.specdata4(1 << 20, 1)), t.NFS4ERR_INVAL),
    ):
        session.fails(status, PUTROOTFH, make(kind, b"x"))
    assert names(session) == []


def test_create_over_something(session: Session) -> None:
    session.mkdir(b"d")
    session.fails(t.NFS4ERR_EXIST, PUTROOTFH, mkdir(b"d"))
    session.fails(t.NFS4ERR_EXIST, PUTROOTFH, symlink(b"d", b"x"))


def test_create_in_a_file(session: Session) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_NOTDIR, putfh(handle), mkdir(b"d"))


def test_create_with_attributes_that_cannot_be(session: Session) -> None:
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, mkdir(b"d", {t.FATTR4_SIZE: 1}))
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, mkdir(b"d", {t.FATTR4_FILEID: 1}))
    session.fails(t.NFS4ERR_ATTRNOTSUPP, PUTROOTFH, mkdir(b"d", {t.FATTR4_HIDDEN: True}))
    assert names(session) == []


@needs_root
def test_create_that_fails_half_way_leaves_nothing(session: Session) -> None:
    values = {t.FATTR4_OWNER: b"5"}
    session.fails(t.NFS4ERR_PERM, PUTROOTFH, mkdir(b"d", values), credentials=ALICE)
    create = open_(b"f", create=t.UNCHECKED4, values=values)
    session.fails(t.NFS4ERR_PERM, PUTROOTFH, create, credentials=ALICE)
    assert names(session) == []


def test_mode_under_a_mask(session: Session) -> None:
    values = {t.FATTR4_MODE_UMASK: t.mode_umask4(0o777, 0o027)}
    reply = session.ok(PUTROOTFH, mkdir(b"d", values), getattr_(t.FATTR4_MODE))
    assert decode_fattr4(reply[3].obj_attributes)[t.FATTR4_MODE] == 0o750


def test_lookup_in_a_link_and_in_a_file(session: Session) -> None:
    session.create(b"f")
    session.ok(PUTROOTFH, symlink(b"l", b"."))
    session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, lookup(b"f"), lookup(b"x"))
    session.fails(t.NFS4ERR_SYMLINK, PUTROOTFH, lookup(b"l"), lookup(b"x"))
    session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, lookup(b"f"), LOOKUPP)
    session.fails(t.NFS4ERR_SYMLINK, PUTROOTFH, lookup(b"l"), LOOKUPP)


def test_parent(session: Session) -> None:
    session.mkdir(b"d")
    reply = session.ok(PUTROOTFH, GETFH, lookup(b"d"), LOOKUPP, GETFH)
    assert reply[2].object == reply[5].object
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, LOOKUPP)


def test_readlink(session: Session) -> None:
    session.ok(PUTROOTFH, symlink(b"l", b"/etc/passwd"))
    assert bytes(session.ok(PUTROOTFH, lookup(b"l"), READLINK)[3].link) == b"/etc/passwd"
    session.fails(t.NFS4ERR_WRONG_TYPE, PUTROOTFH, READLINK)


# REMOVE, RENAME, LINK


def test_change_info(session: Session) -> None:
    root = session.ok(PUTROOTFH, GETFH)[2].object
    changes = [session.attributes(root, t.FATTR4_CHANGE)[t.FATTR4_CHANGE]]
    for op in (mkdir(b"a"), remove(b"a"), symlink(b"b", b"x")):
        info = session.ok(PUTROOTFH, op)[2].cinfo
        assert info.before == changes[-1]
        changes.append(info.after)
    assert changes == sorted(set(changes))


def test_remove(session: Session) -> None:
    session.mkdir(b"d")
    session.create(b"f")
    session.ok(PUTROOTFH, lookup(b"d"), mkdir(b"e"))
    session.fails(t.NFS4ERR_NOTEMPTY, PUTROOTFH, remove(b"d"))
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, remove(b"x"))
    session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, lookup(b"f"), remove(b"x"))
    session.ok(PUTROOTFH, remove(b"f"))
    session.ok(PUTROOTFH, lookup(b"d"), remove(b"e"), PUTROOTFH, remove(b"d"))
    assert names(session) == []


def test_removed_while_open(session: Session) -> None:
    stateid, handle = session.create(b"f", b"still")
    session.ok(PUTROOTFH, remove(b"f"))
    assert session.read(handle, stateid) == b"still"
    assert session.attributes(handle, t.FATTR4_NUMLINKS)[t.FATTR4_NUMLINKS] == 0
    session.ok(putfh(handle), (t.OP_CLOSE, t.CLOSE4args(0, stateid)))
    assert session.run(putfh(handle), getattr_(1)).status == t.NFS4ERR_STALE


def test_rename(session: Session) -> None:
    _, handle = session.create(b"f", b"data")
    session.mkdir(b"d")
    session.ok(PUTROOTFH, SAVEFH, lookup(b"d"), rename(b"f", b"g"))
    found = session.ok(PUTROOTFH, lookup(b"d"), lookup(b"g"), GETFH)
    assert found[4].object == handle
    assert session.read(handle) == b"data"


def test_rename_into_itself_changes_nothing(session: Session) -> None:
    session.create(b"f")
    reply = session.ok(PUTROOTFH, SAVEFH, rename(b"f", b"f"))
    assert reply[3].source_cinfo.before == reply[3].source_cinfo.after


def test_rename_onto_what_is_in_the_way(session: Session) -> None:
    session.create(b"f")
    session.mkdir(b"d")
    session.ok(PUTROOTFH, lookup(b"d"), mkdir(b"full"))
    session.mkdir(b"e")
    for old, new in ((b"f", b"d"), (b"d", b"f"), (b"e", b"d")):
        session.fails(t.NFS4ERR_EXIST, PUTROOTFH, SAVEFH, rename(old, new))
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, SAVEFH, rename(b"x", b"y"))
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, SAVEFH, lookup(b"d"), rename(b"d", b"y"))
    session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, SAVEFH, lookup(b"f"), rename(b"e", b"y"))
    session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, lookup(b"f"), SAVEFH, PUTROOTFH, rename(b"e", b"y"))


def test_link(session: Session) -> None:
    _, handle = session.create(b"f", b"data")
    session.ok(putfh(handle), SAVEFH, PUTROOTFH, link(b"g"))
    assert session.ok(PUTROOTFH, lookup(b"g"), GETFH)[3].object == handle
    assert session.attributes(handle, t.FATTR4_NUMLINKS)[t.FATTR4_NUMLINKS] == 2
    session.fails(t.NFS4ERR_EXIST, putfh(handle), SAVEFH, PUTROOTFH, link(b"g"))
    session.fails(t.NFS4ERR_NOTDIR, putfh(handle), SAVEFH, link(b"h"))


def test_link_to_a_directory(session: Session) -> None:
    session.mkdir(b"d")
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, lookup(b"d"), SAVEFH, PUTROOTFH, link(b"e"))


# READDIR


def test_empty_directory(session: Session) -> None:
    assert entries(session) == []


def test_listing_in_many_pieces(session: Session) -> None:
    wanted = [b"%03d" % number for number in range(60)]
    for name in wanted:
        session.mkdir(name)
    assert names(session, maxcount=400, numbers=[t.FATTR4_FILEID]) == wanted
    assert names(session, dircount=100) == wanted
    assert len({entry.cookie for entry in entries(session)}) == 60


def test_listing_while_entries_go(session: Session) -> None:
    for number in range(30):
        session.mkdir(b"%02d" % number)
    seen: list[bytes] = []
    cookie, verifier = 0, bytes(8)
    while True:
        listing = session.ok(PUTROOTFH, readdir(cookie, verifier, maxcount=200))[2]
        entry = listing.reply.entries
        while entry is not None:
            seen.append(entry.name)
            cookie = entry.cookie
            session.ok(PUTROOTFH, remove(entry.name))
            entry = entry.nextentry
        verifier = listing.cookieverf
        if listing.reply.eof:
            break
    assert sorted(seen) == [b"%02d" % number for number in range(30)]


def test_listing_gives_attributes(session: Session) -> None:
    _, handle = session.create(b"f", b"hello")
    numbers = (t.FATTR4_TYPE, t.FATTR4_SIZE, t.FATTR4_FILEHANDLE, t.FATTR4_CHANGE)
    (entry,) = entries(session, numbers=numbers)
    values = decode_fattr4(entry.attrs)
    assert values == session.attributes(handle, *numbers)
    assert values[t.FATTR4_FILEHANDLE] == handle


def test_listing_gives_the_time_of_birth(session: Session, fs: FileSystem) -> None:
    session.create(b"f")
    (entry,) = entries(session, numbers=[t.FATTR4_TIME_CREATE])
    assert (t.FATTR4_TIME_CREATE in decode_fattr4(entry.attrs)) == fs.has_birth_time


@pytest.mark.parametrize("cookie", [1, 2])
def test_cookies_that_cannot_be(session: Session, cookie: int) -> None:
    session.fails(t.NFS4ERR_BAD_COOKIE, PUTROOTFH, readdir(cookie))


def test_cookie_verifier(session: Session) -> None:
    """It is zero, and whatever comes back is accepted: cookies need none."""
    session.mkdir(b"d")
    (entry,) = entries(session)
    for cookie, left in ((entry.cookie, 0), (0, 1)):
        for verifier in (bytes(8), b"otherone", b"nfsrdma1"):
            found = session.ok(PUTROOTFH, readdir(cookie, verifier))[-1]
            assert found.cookieverf == bytes(8)
            assert (found.reply.entries is not None) == bool(left)


@pytest.mark.parametrize("maxcount", [0, 8, 20, 35])
def test_too_small_for_any_entry(session: Session, maxcount: int) -> None:
    session.mkdir(b"a_directory")
    session.fails(t.NFS4ERR_TOOSMALL, PUTROOTFH, readdir(maxcount=maxcount))


def test_listing_keeps_to_maxcount(session: Session) -> None:
    for number in range(20):
        session.mkdir(b"%02d" % number)
    for maxcount in range(60, 700, 20):
        reply = session.ok(PUTROOTFH, readdir(maxcount=maxcount))
        head = len(session.ok(PUTROOTFH).body) + 8
        assert len(reply.body) - head <= maxcount


def test_listing_of_a_file(session: Session) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_NOTDIR, putfh(handle), readdir())


# What is offered, and what goes wrong


def test_secinfo(session: Session) -> None:
    session.create(b"f")
    reply = session.ok(PUTROOTFH, (t.OP_SECINFO, t.SECINFO4args(b"f")))
    assert [each.flavor for each in reply[2]] == [1]
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, (t.OP_SECINFO, t.SECINFO4args(b"x")))


@pytest.mark.parametrize("style", [t.SECINFO_STYLE4_CURRENT_FH, t.SECINFO_STYLE4_PARENT])
def test_secinfo_without_a_name(session: Session, style: int) -> None:
    session.mkdir(b"d")
    op = (t.OP_SECINFO_NO_NAME, style)
    assert len(session.ok(PUTROOTFH, lookup(b"d"), op)[3]) == 1
    session.fails(t.NFS4ERR_NOFILEHANDLE, PUTROOTFH, lookup(b"d"), op, GETFH)


def test_secinfo_of_the_parent_of_the_root(session: Session) -> None:
    op = (t.OP_SECINFO_NO_NAME, t.SECINFO_STYLE4_PARENT)
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, op)
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, (t.OP_SECINFO_NO_NAME, 5))


def test_entry_whose_attributes_cannot_be_had(
    session: Session, fs: FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.mkdir(b"bad")
    session.mkdir(b"good")

    def failing(entry: Entry) -> Entry:
        if entry.name == b"bad":
            return entry._replace(found=OSError(errno.EACCES, "no"))
        return entry

    alter(monkeypatch, fs, failing)
    found = {
        entry.name: decode_fattr4(entry.attrs)
        for entry in entries(session, numbers=[t.FATTR4_TYPE, t.FATTR4_RDATTR_ERROR])
    }
    assert found == {
        b"bad": {t.FATTR4_RDATTR_ERROR: t.NFS4ERR_ACCESS},
        b"good": {t.FATTR4_TYPE: t.NF4DIR, t.FATTR4_RDATTR_ERROR: t.NFS4_OK},
    }
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, readdir(numbers=[t.FATTR4_TYPE]))


@pytest.mark.parametrize("numbers", [(t.FATTR4_SIZE,), (t.FATTR4_SIZE, t.FATTR4_RDATTR_ERROR)])
def test_listing_that_runs_short_of_something(
    session: Session, fs: FileSystem, monkeypatch: pytest.MonkeyPatch, numbers: tuple[int, ...]
) -> None:
    """Descriptors, say: the page ends there, and what comes next is DELAY; nothing is left out."""
    for number in range(10):
        session.mkdir(b"%d" % number)
    left = 4

    def failing(entry: Entry) -> Entry:
        nonlocal left
        if not left:
            return entry._replace(found=OSError(errno.EMFILE, "too many"))
        left -= 1
        return entry

    real = fs.entries
    alter(monkeypatch, fs, failing)
    page = session.ok(PUTROOTFH, readdir(numbers=numbers))[-1].reply
    seen, entry = [], page.entries
    while entry is not None:
        assert decode_fattr4(entry.attrs)[t.FATTR4_SIZE] >= 0
        seen.append(entry)
        entry = entry.nextentry
    assert (len(seen), page.eof) == (4, False)
    session.fails(t.NFS4ERR_DELAY, PUTROOTFH, readdir(seen[-1].cookie, numbers=numbers))
    monkeypatch.setattr(fs, "entries", real)
    rest = entries(session, numbers=numbers)
    assert len(rest) == 10


def test_entry_that_goes_while_it_is_listed(
    session: Session, fs: FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.mkdir(b"gone")
    session.mkdir(b"here")
    alter(monkeypatch, fs, lambda entry: None if entry.name == b"gone" else entry)
    assert names(session) == [b"here"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (errno.ENOSPC, t.NFS4ERR_NOSPC),
        (errno.EDQUOT, t.NFS4ERR_DQUOT),
        (errno.EIO, t.NFS4ERR_IO),
        (errno.EMFILE, t.NFS4ERR_DELAY),
        (errno.EROFS, t.NFS4ERR_ROFS),
    ],
)
def test_errors_of_the_back_end(
    session: Session, fs: FileSystem, monkeypatch: pytest.MonkeyPatch, code: int, status: int
) -> None:
    def failing(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fs, "mkdir", failing)
    session.fails(status, PUTROOTFH, mkdir(b"d"))


def test_our_own_mistakes_are_the_servers_fault(
    session: Session, fs: FileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(fs, "mkdir", failing)
    session.fails(t.NFS4ERR_SERVERFAULT, PUTROOTFH, mkdir(b"d"))
    session.ok(PUTROOTFH)

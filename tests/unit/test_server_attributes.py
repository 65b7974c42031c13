"""Attributes, and who may do what: one question a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    CURRENT,
    GETFH,
    PUTROOTFH,
    Clock,
    Peer,
    Session,
    access,
    getattr_,
    make_server,
    open_,
    putfh,
    read,
    readdir,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server import attributes
from nfsrdma.server.vfs.interface import ROOT, FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, encode_fattr4, mask_from_bitmap

ALICE = Credentials.sys(1001, 1001)
ALL_ACCESS = 0x3F

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


def time_to(seconds: int, nanoseconds: int = 0) -> t.settime4:
    return t.settime4(t.SET_TO_CLIENT_TIME4, t.nfstime4(seconds, nanoseconds))


# GETATTR, SETATTR, VERIFY, NVERIFY, ACCESS


def test_attributes_that_the_linux_client_asks_for(session: Session, fs: FileSystem) -> None:
    _, handle = session.create(b"f", b"hello", values={t.FATTR4_MODE: 0o640})
    standard = (1, 3, 4, 8, 20, 33, 35, 36, 37, 41, 45, 47, 52, 53, 55)
    values = session.attributes(handle, *standard)
    assert set(values) == set(standard)
    # A server that is not root does everything as itself.
    owner = os.geteuid() if isinstance(fs, LocalFileSystem) else 0
    assert values[t.FATTR4_OWNER] == b"%d" % owner
    assert values[t.FATTR4_FILEID] == values[t.FATTR4_MOUNTED_ON_FILEID]
    per_fs = (0, 2, 5, 6, 10, 13, 16, 17, 21, 22, 23, 27, 28, 29, 30, 31, 42, 43, 44, 51, 62, 75)
    values = session.attributes(handle, *per_fs)
    assert set(values) == set(per_fs)
    assert values[t.FATTR4_MAXREAD] == values[t.FATTR4_MAXWRITE] == 1 << 20
    assert values[t.FATTR4_FS_LAYOUT_TYPES] == []
    excluded = {t.FATTR4_TIME_ACCESS_SET, t.FATTR4_TIME_MODIFY_SET}
    exclusive = mask_from_bitmap(values[t.FATTR4_SUPPATTR_EXCLCREAT])
    assert not any(exclusive >> number & 1 for number in excluded)


def test_required_attributes_are_supported(session: Session) -> None:
    root = session.ok(PUTROOTFH, GETFH)[2].object
    supported = mask_from_bitmap(session.attributes(root, 0)[0])
    required = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 19, 75)
    assert all(supported >> number & 1 for number in required)
    unanswered = [
        number
        for number in range(83)
        if supported >> number & 1
        and number not in (48, 54, 74, 81)
        and number not in session.attributes(root, number)
    ]
    assert unanswered == []


def test_attributes_together_are_what_each_is_by_itself(session: Session, fs: FileSystem) -> None:
    _, handle = session.create(b"f", b"hello", values={t.FATTR4_MODE: 0o640})
    supported = mask_from_bitmap(session.attributes(handle, 0)[0])
    changing = {t.FATTR4_TIME_ACCESS_SET, t.FATTR4_TIME_MODIFY_SET, 74, 81, *range(21, 24)}
    changing |= {t.FATTR4_SPACE_AVAIL, t.FATTR4_SPACE_FREE}
    numbers = [n for n in range(83) if supported >> n & 1 and n not in changing]
    alone = {n: session.attributes(handle, n)[n] for n in numbers}
    assert session.attributes(handle, *numbers) == alone
    found = fs.attributes(fs.lookup(fs.root, b"f", ROOT))
    assert alone[t.FATTR4_TYPE] == t.NF4REG
    assert (alone[t.FATTR4_SIZE], alone[t.FATTR4_MODE], alone[t.FATTR4_NUMLINKS]) == (5, 0o640, 1)
    assert alone[t.FATTR4_CHANGE] == found.change
    assert alone[t.FATTR4_SPACE_USED] == found.space_used
    for number, time_ns in (
        (t.FATTR4_TIME_ACCESS, found.atime_ns),
        (t.FATTR4_TIME_MODIFY, found.mtime_ns),
        (t.FATTR4_TIME_METADATA, found.ctime_ns),
    ):
        assert alone[number] == t.nfstime4(*divmod(time_ns, 10**9))
    assert alone[t.FATTR4_RAWDEV] == t.specdata4(0, 0)
    assert alone[t.FATTR4_CASE_PRESERVING] is True
    assert alone[t.FATTR4_CASE_INSENSITIVE] is False


def test_unknown_attributes_are_left_out(session: Session) -> None:
    root = session.ok(PUTROOTFH, GETFH)[2].object
    assert session.attributes(root, 59, 25, 90, 1000, 1) == {1: t.NF4DIR}


@pytest.mark.parametrize("number", [t.FATTR4_TIME_ACCESS_SET, t.FATTR4_TIME_MODIFY_SET])
def test_attributes_that_can_only_be_set(session: Session, number: int) -> None:
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, getattr_(number))


def test_set_everything(session: Session) -> None:
    _, handle = session.create(b"f", b"hello")
    values: dict[int, Any] = {
        t.FATTR4_SIZE: 3,
        t.FATTR4_MODE: 0o604,
        t.FATTR4_TIME_ACCESS_SET: time_to(5, 6),
        t.FATTR4_TIME_MODIFY_SET: time_to(-7, 8),
    }
    if os.geteuid() == 0:
        values |= {t.FATTR4_OWNER: b"12", t.FATTR4_OWNER_GROUP: b"13"}
    reply = session.ok(putfh(handle), setattr_(values))
    assert set(values) == {n for n in range(64) if mask_from_bitmap(reply[2].attrsset) >> n & 1}
    found = session.attributes(handle, 4, 33, 36, 37, 47, 53)
    assert found[t.FATTR4_SIZE] == 3
    assert found[t.FATTR4_MODE] == 0o604
    assert found[t.FATTR4_TIME_ACCESS] == t.nfstime4(5, 6)
    assert found[t.FATTR4_TIME_MODIFY] == t.nfstime4(-7, 8)
    if os.geteuid() == 0:
        assert (found[t.FATTR4_OWNER], found[t.FATTR4_OWNER_GROUP]) == (b"12", b"13")


def test_set_time_to_now(session: Session) -> None:
    _, handle = session.create(b"f")
    session.ok(putfh(handle), setattr_({t.FATTR4_TIME_MODIFY_SET: time_to(5)}))
    now = t.settime4(t.SET_TO_SERVER_TIME4)
    session.ok(putfh(handle), setattr_({t.FATTR4_TIME_MODIFY_SET: now}))
    assert session.attributes(handle, 53)[53].seconds > 10**9


def test_set_some_bits_of_the_mode(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o640})
    masked = {t.FATTR4_MODE_SET_MASKED: t.mode_masked4(0o007, 0o007)}
    session.ok(putfh(handle), setattr_(masked))
    assert session.attributes(handle, t.FATTR4_MODE)[t.FATTR4_MODE] == 0o647


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({t.FATTR4_MODE: 0o10000}, t.NFS4ERR_INVAL),
        ({t.FATTR4_OWNER: b"alice"}, t.NFS4ERR_BADOWNER),
        ({t.FATTR4_OWNER: b""}, t.NFS4ERR_INVAL),
        ({t.FATTR4_OWNER_GROUP: b""}, t.NFS4ERR_INVAL),
        ({t.FATTR4_OWNER: b"00"}, t.NFS4ERR_BADOWNER),
        ({t.FATTR4_OWNER: b"-1"}, t.NFS4ERR_BADOWNER),
        ({t.FATTR4_OWNER_GROUP: b"users@example"}, t.NFS4ERR_BADOWNER),
        ({t.FATTR4_OWNER: b"4294967295"}, t.NFS4ERR_BADOWNER),
        ({t.FATTR4_OWNER_GROUP: b"99999999999"}, t.NFS4ERR_BADOWNER),
        ({t.FATTR4_TYPE: t.NF4REG}, t.NFS4ERR_INVAL),
        ({t.FATTR4_ARCHIVE: True}, t.NFS4ERR_ATTRNOTSUPP),
        ({t.FATTR4_TIME_MODIFY_SET: time_to(1, 10**9)}, t.NFS4ERR_INVAL),
        ({t.FATTR4_MODE_UMASK: t.mode_umask4(0, 0)}, t.NFS4ERR_INVAL),
        (
            {t.FATTR4_MODE: 0, t.FATTR4_MODE_SET_MASKED: t.mode_masked4(0, 0)},
            t.NFS4ERR_INVAL,
        ),
        ({t.FATTR4_SIZE: (1 << 64) - 1}, t.NFS4ERR_FBIG),
    ],
)
def test_what_cannot_be_set(session: Session, values: dict[int, Any], status: int) -> None:
    _, handle = session.create(b"f")
    reply = session.fails(status, putfh(handle), setattr_(values))
    assert reply.result.resarray[-1].value.attrsset == []


def test_attributes_of_the_wrong_length(session: Session) -> None:
    _, handle = session.create(b"f")
    for octets in (b"", b"\0\0\0", b"\0\0\1\x80\0\0\0\0"):
        wrong = t.SETATTR4args(ANONYMOUS, t.fattr4([0, 1 << 1], octets))
        session.fails(t.NFS4ERR_BADXDR, putfh(handle), (t.OP_SETATTR, wrong))


def test_size_of_a_directory(session: Session) -> None:
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, setattr_({t.FATTR4_SIZE: 1}))


def test_size_through_the_current_stateid(session: Session) -> None:
    reply = session.ok(
        PUTROOTFH,
        open_(b"f", create=t.UNCHECKED4),
        setattr_({t.FATTR4_SIZE: 9}, CURRENT),
        getattr_(t.FATTR4_SIZE),
    )
    assert decode_fattr4(reply[4].obj_attributes) == {t.FATTR4_SIZE: 9}


def test_size_through_an_open_for_reading(session: Session) -> None:
    stateid, handle = session.create(b"f", access=t.OPEN4_SHARE_ACCESS_READ)
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), setattr_({t.FATTR4_SIZE: 1}, stateid))


def test_verify_and_nverify(session: Session) -> None:
    _, handle = session.create(b"f", b"hello")
    right, wrong = encode_fattr4({t.FATTR4_SIZE: 5}), encode_fattr4({t.FATTR4_SIZE: 6})

    def verify(given: t.fattr4) -> tuple[int, Any]:
        return t.OP_VERIFY, t.VERIFY4args(given)

    def nverify(given: t.fattr4) -> tuple[int, Any]:
        return t.OP_NVERIFY, t.NVERIFY4args(given)

    session.ok(putfh(handle), verify(right), nverify(wrong))
    session.fails(t.NFS4ERR_NOT_SAME, putfh(handle), verify(wrong))
    session.fails(t.NFS4ERR_SAME, putfh(handle), nverify(right))
    for op in (verify, nverify):
        session.fails(
            t.NFS4ERR_ATTRNOTSUPP, putfh(handle), op(encode_fattr4({t.FATTR4_HIDDEN: True}))
        )
        session.fails(t.NFS4ERR_INVAL, putfh(handle), op(encode_fattr4({t.FATTR4_RDATTR_ERROR: 0})))
        set_only = encode_fattr4({t.FATTR4_TIME_MODIFY_SET: time_to(1)})
        session.fails(t.NFS4ERR_INVAL, putfh(handle), op(set_only))


def test_access_of_a_directory(session: Session) -> None:
    result = session.ok(PUTROOTFH, access(ALL_ACCESS))[2]
    expected = ALL_ACCESS & ~t.ACCESS4_EXECUTE
    assert (result.supported, result.access) == (expected, expected)


@needs_root
def test_access_tells_the_truth(session: Session) -> None:
    _, handle = session.create(b"f", values={t.FATTR4_MODE: 0o604})
    result = session.ok(putfh(handle), access(ALL_ACCESS), credentials=ALICE)[2]
    assert result.supported == ALL_ACCESS & ~(t.ACCESS4_LOOKUP | t.ACCESS4_DELETE)
    assert result.access == t.ACCESS4_READ
    session.ok(putfh(handle), read(ANONYMOUS), credentials=ALICE)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), write(ANONYMOUS, b"x"), credentials=ALICE)


def test_access_to_nothing(session: Session) -> None:
    result = session.ok(PUTROOTFH, access(0))[2]
    assert (result.supported, result.access) == (0, 0)


@needs_root
def test_new_files_are_the_callers(session: Session) -> None:
    reply = session.ok(
        PUTROOTFH, open_(b"f", create=t.UNCHECKED4), getattr_(36, 37), credentials=ALICE
    )
    values = decode_fattr4(reply[3].obj_attributes)
    assert values == {t.FATTR4_OWNER: b"1001", t.FATTR4_OWNER_GROUP: b"1001"}


@needs_root
def test_creator_writes_a_file_that_is_read_only(session: Session) -> None:
    create = open_(b"f", create=t.GUARDED4, values={t.FATTR4_MODE: 0o444})
    reply = session.ok(PUTROOTFH, create, write(CURRENT, b"once"), GETFH, credentials=ALICE)
    assert session.read(reply[4].object) == b"once"


def test_verify_compares_values(session: Session) -> None:
    """RFC 8881, Section 18.31.3: equal values are the same, however they are written."""
    reply = session.ok(PUTROOTFH, getattr_(t.FATTR4_SUPPORTED_ATTRS, t.FATTR4_OWNER))
    values = decode_fattr4(reply[-1].obj_attributes)
    right = values[t.FATTR4_SUPPORTED_ATTRS]
    longer = {**values, t.FATTR4_SUPPORTED_ATTRS: [*right, 0, 0]}
    other = {**values, t.FATTR4_SUPPORTED_ATTRS: [*right, 1]}
    for given, same in ((values, True), (longer, True), (other, False)):
        encoded = encode_fattr4(given)
        encoded.attrmask += [0, 0]
        verify = t.OP_VERIFY, t.VERIFY4args(encoded)
        nverify = t.OP_NVERIFY, t.NVERIFY4args(encoded)
        if same:
            session.ok(PUTROOTFH, verify)
            session.fails(t.NFS4ERR_SAME, PUTROOTFH, nverify)
        else:
            session.fails(t.NFS4ERR_NOT_SAME, PUTROOTFH, verify)
            session.ok(PUTROOTFH, nverify)


def test_verify_of_what_cannot_be_decoded(session: Session) -> None:
    for values in (b"", bytes(8), b"\0\0\0\2"):
        given = t.fattr4([1 << t.FATTR4_LINK_SUPPORT], values)
        session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, (t.OP_VERIFY, t.VERIFY4args(given)))
        session.fails(t.NFS4ERR_BADXDR, PUTROOTFH, (t.OP_NVERIFY, t.NVERIFY4args(given)))


def test_change_attribute_promises_what_is_kept(session: Session, fs: FileSystem) -> None:
    """Of a local file it is the time of its last change, more or less; in memory, a count."""
    (promise,) = session.attributes(session.mkdir(b"d"), t.FATTR4_CHANGE_ATTR_TYPE).values()
    if isinstance(fs, LocalFileSystem):
        assert promise == t.NFS4_CHANGE_TYPE_IS_TIME_METADATA
    else:
        assert promise == t.NFS4_CHANGE_TYPE_IS_MONOTONIC_INCR


def test_long_bitmaps_are_not_kept(session: Session) -> None:
    """What is beyond all attributes is ignored, and is no key of a cache."""
    for length in (4, 100, 10_000):
        request = [1 << t.FATTR4_TYPE, *[0xFFFFFFFF] * length]
        request[1:3] = [0, 0]
        reply = session.ok(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args(request)))
        assert set(decode_fattr4(reply[-1].obj_attributes)) == {t.FATTR4_TYPE}
        session.ok(PUTROOTFH, (t.OP_READDIR, t.READDIR4args(0, bytes(8), 0, 4096, request)))
    before = attributes._wanted.cache_info().currsize
    for number in range(50):
        session.ok(PUTROOTFH, (t.OP_GETATTR, t.GETATTR4args([2, 0, 0, *[number] * 1000])))
    assert attributes._wanted.cache_info().currsize <= before + 1

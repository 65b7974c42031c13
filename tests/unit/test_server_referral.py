"""Exports that are elsewhere: what is told of them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.nfs import (
    GETFH,
    LOOKUPP,
    PUTROOTFH,
    RESTOREFH,
    SAVEFH,
    Clock,
    Op,
    Peer,
    Session,
    access,
    bitmap,
    getattr_,
    lookup,
    make_server,
    open_,
    open_export,
    readdir,
    remove,
)

from nfsrdma.server.vfs.export import ANY, Export, Squash
from nfsrdma.server.vfs.location import Location, Referral, parse_locations
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, encode_fattr4

THERE = parse_locations("other.example:/exports/a,[2001:db8::1]:/b")
AWAY = [PUTROOTFH, lookup(b"away")]
TYPICAL = (
    t.FATTR4_TYPE,
    t.FATTR4_CHANGE,
    t.FATTR4_SIZE,
    t.FATTR4_FSID,
    t.FATTR4_FILEID,
    t.FATTR4_MODE,
    t.FATTR4_MOUNTED_ON_FILEID,
)
"""Some of what Linux asks for together with the locations."""


def memory() -> MemoryFileSystem:
    return MemoryFileSystem(Clock())


def session_of(*exports: Export) -> Session:
    return Peer(make_server(*exports)).session()


@pytest.fixture
def session() -> Session:
    return session_of(open_export("here", memory()), Referral("away", THERE, networks=[ANY]))


def told(session: Session, *ops: Op) -> dict[int, Any]:
    return decode_fattr4(session.ok(*ops)[-1].obj_attributes)


def test_lookup_leads_there_and_getattr_says_where(session: Session) -> None:
    values = told(session, *AWAY, getattr_(t.FATTR4_FS_LOCATIONS, *TYPICAL))
    assert set(values) == {t.FATTR4_FS_LOCATIONS, t.FATTR4_FSID, t.FATTR4_MOUNTED_ON_FILEID}
    assert values[t.FATTR4_FS_LOCATIONS] == t.fs_locations4(
        [b"away"],
        [
            t.fs_location4([b"other.example"], [b"exports", b"a"]),
            t.fs_location4([b"2001:db8::1"], [b"b"]),
        ],
    )


def test_its_fsid_is_its_own(session: Session) -> None:
    away = told(session, *AWAY, getattr_(t.FATTR4_FS_LOCATIONS, t.FATTR4_FSID))[t.FATTR4_FSID]
    root = told(session, PUTROOTFH, getattr_(t.FATTR4_FSID))[t.FATTR4_FSID]
    here = told(session, PUTROOTFH, lookup(b"here"), getattr_(t.FATTR4_FSID))[t.FATTR4_FSID]
    assert len({(each.major, each.minor) for each in (away, root, here)}) == 3


@pytest.mark.parametrize(
    "operation",
    [
        GETFH,
        LOOKUPP,
        SAVEFH,
        lookup(b"x"),
        access(0x3F),
        open_(b"x"),
        remove(b"x"),
        readdir(numbers=(t.FATTR4_FS_LOCATIONS,)),
        getattr_(*TYPICAL),
        getattr_(t.FATTR4_RDATTR_ERROR),
        (t.OP_SECINFO_NO_NAME, t.SECINFO_STYLE4_CURRENT_FH),
    ],
)
def test_all_else_has_moved(session: Session, operation: Op) -> None:
    session.fails(t.NFS4ERR_MOVED, *AWAY, operation)


def test_the_way_back_is_open(session: Session) -> None:
    session.ok(PUTROOTFH, SAVEFH, lookup(b"away"), RESTOREFH, lookup(b"here"), GETFH)
    session.ok(*AWAY, PUTROOTFH, GETFH)


def compare(op: int, values: dict[int, Any]) -> Op:
    return op, t.VERIFY4args(encode_fattr4(values))


def test_verify_compares_what_is_told(session: Session) -> None:
    asked = getattr_(t.FATTR4_FS_LOCATIONS, t.FATTR4_FSID)
    values = told(session, *AWAY, asked)
    session.ok(*AWAY, compare(t.OP_VERIFY, values))
    session.fails(t.NFS4ERR_SAME, *AWAY, compare(t.OP_NVERIFY, values))
    fsid = {t.FATTR4_FSID: values[t.FATTR4_FSID]}
    session.fails(t.NFS4ERR_MOVED, *AWAY, compare(t.OP_VERIFY, fsid))
    session.fails(t.NFS4ERR_MOVED, *AWAY, compare(t.OP_VERIFY, {**values, t.FATTR4_SIZE: 0}))


def entries(session: Session, *numbers: int) -> dict[bytes, dict[int, Any]]:
    listing = session.ok(PUTROOTFH, readdir(numbers=numbers))[-1]
    found, entry = {}, listing.reply.entries
    while entry is not None:
        found[bytes(entry.name)] = decode_fattr4(entry.attrs)
        entry = entry.nextentry
    return found


def test_a_list_has_the_error(session: Session) -> None:
    listed = entries(session, t.FATTR4_RDATTR_ERROR, *TYPICAL)
    assert listed[b"here"][t.FATTR4_RDATTR_ERROR] == t.NFS4_OK
    away = listed[b"away"]
    assert away.pop(t.FATTR4_RDATTR_ERROR) == t.NFS4ERR_MOVED
    assert set(away) == {t.FATTR4_FSID, t.FATTR4_MOUNTED_ON_FILEID}


def test_a_list_has_the_locations(session: Session) -> None:
    away = entries(session, t.FATTR4_RDATTR_ERROR, t.FATTR4_FS_LOCATIONS)[b"away"]
    assert away[t.FATTR4_RDATTR_ERROR] == t.NFS4_OK
    assert len(away[t.FATTR4_FS_LOCATIONS].locations) == 2


@pytest.mark.parametrize("numbers", [(), TYPICAL, (t.FATTR4_SPACE_FREE,)])
def test_a_list_that_asks_for_neither_fails(session: Session, numbers: tuple[int, ...]) -> None:
    session.fails(t.NFS4ERR_MOVED, PUTROOTFH, readdir(numbers=numbers))


def test_those_who_may_not_use_it_do_not_see_it() -> None:
    session = session_of(
        open_export("here", memory()), Referral("away", THERE, networks=["192.0.2.0/24"])
    )
    session.fails(t.NFS4ERR_ACCESS, *AWAY, getattr_(t.FATTR4_FS_LOCATIONS))
    assert list(entries(session, t.FATTR4_FSID)) == [b"here"]


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_an_ordinary_export_tells_its_replicas(minor: int) -> None:
    export = Export("x/y", memory(), squash=Squash.NONE, networks=[ANY], locations=THERE[:1])
    ops = [PUTROOTFH, lookup(b"x"), lookup(b"y"), getattr_(t.FATTR4_FS_LOCATIONS)]
    if minor:
        reply = Peer(make_server(export)).session().ok(*ops, minor=minor)
    else:
        reply = Peer(make_server(export)).call(*ops, minor=0)
    values = decode_fattr4(reply[-1].obj_attributes)
    assert values[t.FATTR4_FS_LOCATIONS] == t.fs_locations4(
        [b"x", b"y"], [t.fs_location4([b"other.example"], [b"exports", b"a"])]
    )


def test_locations_are_supported_where_there_are_none() -> None:
    session = session_of(open_export("", memory()))
    asked = getattr_(t.FATTR4_SUPPORTED_ATTRS, t.FATTR4_FS_LOCATIONS)
    values = told(session, PUTROOTFH, asked)
    assert values[t.FATTR4_SUPPORTED_ATTRS][0] & bitmap(t.FATTR4_FS_LOCATIONS)[0]
    assert values[t.FATTR4_FS_LOCATIONS] == t.fs_locations4([], [])


@pytest.mark.parametrize(
    "text",
    [
        *("", "host", "host:/", ":/a", "host:/a/../b"),
        *("ho st:/a", "h:/a,", "h/x:/a", "h\n:/a", "é:/a"),
        *("h:/" + "x/" * 600, "h" * 256 + ":/a", ",".join(["h:/a"] * 17)),
    ],
)
def test_what_is_no_location(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_locations(text)


def test_a_location_reads_as_it_is_written() -> None:
    assert str(Location(b"192.0.2.1.8.1", (b"a", b"b"))) == "192.0.2.1.8.1:/a/b"


def test_a_referral_needs_a_name_and_a_place() -> None:
    with pytest.raises(ValueError, match="root"):
        Referral("/", THERE)
    with pytest.raises(ValueError, match="nothing"):
        Referral("a", ())

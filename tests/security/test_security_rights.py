"""A stateid is no right: what anybody but the opener does with it is asked of the file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    Clock,
    FakeReactor,
    Op,
    Peer,
    Session,
    close,
    lock,
    lookup,
    make_server,
    open_,
    putfh,
    read,
    reclaim_complete,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

ROOT, ALICE, BOB = (Credentials.sys(uid, uid) for uid in (0, 1001, 1002))
READ, WRITE = t.OPEN4_SHARE_ACCESS_READ, t.OPEN4_SHARE_ACCESS_WRITE
RECLAIM = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture(
    params=[
        "memory",
        pytest.param(
            "local",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root"),
        ),
    ]
)
def fs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FileSystem]:
    if request.param == "memory":
        yield MemoryFileSystem(Clock())
        return
    local = LocalFileSystem(tmp_path)
    yield local
    local.close()


@pytest.fixture
def session(fs: FileSystem, reactor: FakeReactor) -> Session:
    """A session of a client whose users are ALICE, whose it is, BOB, and root."""
    session = Peer(make_server(fs=fs, reactor=reactor), ALICE).session(b"host")
    handle = session.ok(PUTROOTFH, GETFH, credentials=ROOT)[2].object
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o1777}), credentials=ROOT)
    return session


def made(session: Session, mode: int, data: bytes = b"secret") -> tuple[t.stateid4, bytes]:
    """A file of ALICE's with that mode, which she has open for both."""
    return session.create(b"f", data, values={t.FATTR4_MODE: mode})


def mode_of(session: Session, handle: bytes) -> int:
    return int(session.attributes(handle, t.FATTR4_MODE)[t.FATTR4_MODE])


def set_mode(session: Session, handle: bytes, mode: int) -> None:
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: mode}))


def allocate(stateid: t.stateid4) -> Op:
    return t.OP_ALLOCATE, t.ALLOCATE4args(stateid, 0, 10)


def deallocate(stateid: t.stateid4) -> Op:
    return t.OP_DEALLOCATE, t.DEALLOCATE4args(stateid, 0, 10)


def seek(stateid: t.stateid4) -> Op:
    return t.OP_SEEK, t.SEEK4args(stateid, 0, t.NFS4_CONTENT_DATA)


def uses(stateid: t.stateid4) -> tuple[Op, ...]:
    """All that can be done with what somebody has open."""
    return (
        read(stateid, 0, 10),
        write(stateid, b"stolen"),
        setattr_({t.FATTR4_SIZE: 0}, stateid),
        allocate(stateid),
        deallocate(stateid),
        seek(stateid),
        lock(stateid, kind=t.WRITE_LT),
        lock(stateid, kind=t.READ_LT),
    )


def test_others_have_no_rights_of_the_opener(session: Session) -> None:
    stateid, handle = made(session, 0o600)
    for use in uses(stateid):
        session.fails(t.NFS4ERR_ACCESS, putfh(handle), use, credentials=BOB)
    assert session.read(handle, stateid) == b"secret"


def test_others_use_a_lock_s_stateid_no_better(session: Session) -> None:
    stateid, handle = made(session, 0o600)
    locked = session.ok(putfh(handle), lock(stateid))[2].lock_stateid
    for use in uses(locked)[:6]:
        session.fails(t.NFS4ERR_ACCESS, putfh(handle), use, credentials=BOB)


def test_others_have_their_own_rights(session: Session) -> None:
    stateid, handle = made(session, 0o644)
    reply = session.ok(putfh(handle), read(stateid, 0, 10), credentials=BOB)
    assert bytes(reply[2].data) == b"secret"
    for use in (write(stateid, b"x"), setattr_({t.FATTR4_SIZE: 0}, stateid), allocate(stateid)):
        session.fails(t.NFS4ERR_ACCESS, putfh(handle), use, credentials=BOB)
    set_mode(session, handle, 0o622)
    session.ok(putfh(handle), write(stateid, b"public"), credentials=BOB)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), read(stateid, 0, 10), credentials=BOB)
    assert session.read(handle, stateid) == b"public"


def test_rights_that_are_taken_away_count_at_once(session: Session) -> None:
    stateid, handle = made(session, 0o644)
    session.ok(putfh(handle), read(stateid, 0, 10), credentials=BOB)
    set_mode(session, handle, 0o600)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), read(stateid, 0, 10), credentials=BOB)


def test_the_file_system_is_asked_once_in_a_while(
    session: Session, fs: FileSystem, reactor: FakeReactor
) -> None:
    stateid, handle = made(session, 0o644)
    asked = []
    permitted = fs.permitted
    fs.permitted = lambda *args: asked.append(args) or permitted(*args)  # type: ignore
    for _ in range(10):
        session.ok(putfh(handle), read(stateid, 0, 10))
        session.ok(putfh(handle), write(stateid, b"secret"))
    assert not asked
    for _ in range(10):
        session.ok(putfh(handle), read(stateid, 0, 10), credentials=BOB)
    assert len(asked) == 1
    reactor.advance(2)
    session.ok(putfh(handle), read(stateid, 0, 10), credentials=BOB)
    assert len(asked) == 2


def test_owner_goes_on_whatever_the_mode(session: Session) -> None:
    """So does Linux's server: git writes to files that it made with mode 0444."""
    stateid, handle = made(session, 0o444)
    by_root = session.ok(PUTROOTFH, open_(b"f", owner=b"root"), credentials=ROOT)[2].stateid
    set_mode(session, handle, 0)
    for opened in (stateid, by_root):
        session.ok(putfh(handle), write(opened, b"second"))
        assert session.read(handle, opened) == b"second"
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, open_(b"f", owner=b"new"))


def test_who_may_execute_may_read(session: Session) -> None:
    stateid, handle = made(session, 0o711)
    session.ok(putfh(handle), read(stateid, 0, 10), credentials=BOB)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), write(stateid, b"x"), credentials=BOB)


def test_who_may_execute_may_open_to_read_and_no_more(session: Session) -> None:
    """A kernel opens a program for reading before it runs it."""
    stateid, handle = made(session, 0o711)
    session.ok(putfh(handle), close(stateid))
    bob = Peer(session.peer.server, BOB).session(b"bob")
    opened = bob.ok(PUTROOTFH, open_(b"f", READ))[2].stateid
    assert bob.read(handle, opened) == b"secret"
    bob.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(opened, b"x"))
    bob.ok(putfh(handle), close(opened))
    for access in (t.OPEN4_SHARE_ACCESS_WRITE, t.OPEN4_SHARE_ACCESS_BOTH):
        bob.fails(t.NFS4ERR_ACCESS, PUTROOTFH, open_(b"f", access))
    for mode in (0o710, 0o700, 0o722):
        set_mode(session, handle, mode)
        bob.fails(t.NFS4ERR_ACCESS, PUTROOTFH, open_(b"f", READ))


def test_same_rights_anew_are_the_opener_s(session: Session) -> None:
    stateid, handle = made(session, 0o600)
    session.peer.server.namespace.exports[0]._users.clear()
    session.ok(putfh(handle), read(stateid, 0, 10), credentials=Credentials.sys(1001, 1001))
    session.fails(
        t.NFS4ERR_ACCESS, putfh(handle), read(stateid, 0, 10), credentials=Credentials.sys(1003, 1)
    )


def test_set_user_id_does_not_outlive_a_write_by_others(session: Session) -> None:
    _, handle = made(session, 0o644)
    by_root = session.ok(PUTROOTFH, open_(b"f", owner=b"root"), credentials=ROOT)[2].stateid
    set_mode(session, handle, 0o4777)
    session.ok(putfh(handle), write(by_root, b"evil"), credentials=BOB)
    assert not mode_of(session, handle) & 0o4000


@pytest.mark.parametrize("how", ["size", "open", "allocate", "deallocate"])
def test_set_user_id_does_not_outlive_a_change_of_size(session: Session, how: str) -> None:
    stateid, handle = made(session, 0o777)
    set_mode(session, handle, 0o6777)
    bob = Peer(session.peer.server, BOB).session(b"bob")
    if how == "size":
        bob.ok(putfh(handle), setattr_({t.FATTR4_SIZE: 3}))
    elif how == "open":
        create = open_(b"f", create=t.UNCHECKED4, values={t.FATTR4_SIZE: 0})
        bob.ok(PUTROOTFH, create)
    else:
        opened = bob.ok(PUTROOTFH, open_(b"f"))[2].stateid
        bob.ok(putfh(handle), allocate(opened) if how == "allocate" else deallocate(opened))
    assert mode_of(session, handle) == 0o777
    del stateid


# OPEN with an owner that has the file open already


def test_open_of_what_is_open_asks_as_well(session: Session) -> None:
    _, handle = made(session, 0o600)
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, open_(b"f"), credentials=BOB)
    create = open_(b"f", READ, create=t.UNCHECKED4, values={t.FATTR4_SIZE: 0})
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, create, credentials=BOB)
    set_mode(session, handle, 0o644)
    session.ok(PUTROOTFH, open_(b"f", READ), credentials=BOB)
    # To read is not to truncate, though the owner has it open for writing.
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, create, credentials=BOB)
    assert session.read(handle) == b"secret"


def test_access_before_share_denied(session: Session) -> None:
    session.create(b"f", values={t.FATTR4_MODE: 0o600}, deny=t.OPEN4_SHARE_DENY_BOTH)
    other = Peer(session.peer.server, BOB).session(b"two")
    other.fails(t.NFS4ERR_ACCESS, PUTROOTFH, open_(b"f"))


def test_open_that_gives_a_size_to_what_it_reads(session: Session) -> None:
    create = open_(b"f", READ, create=t.UNCHECKED4, values={t.FATTR4_SIZE: 7, t.FATTR4_MODE: 0o444})
    reply = session.ok(PUTROOTFH, create, GETFH)
    stateid, handle = reply[2].stateid, reply[3].object
    assert session.read(handle, stateid) == bytes(7)
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(stateid, b"x"))


# Reclaims


@pytest.mark.parametrize("mode", [0o644, 0o444, 0])
def test_reclaim_whatever_the_mode(fs: FileSystem, reactor: FakeReactor, mode: int) -> None:
    store = MemoryRecoveryStore(7)
    first = Peer(make_server(fs=fs, reactor=reactor, store=store), ALICE).session(b"host")
    handle = first.ok(PUTROOTFH, GETFH, credentials=ROOT)[2].object
    first.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o777}), credentials=ROOT)
    _, handle = made(first, mode)
    Peer(first.peer.server, ALICE).session(b"bystander")
    again = Peer(make_server(fs=fs, reactor=reactor, store=store, seed=2), ALICE)
    session = again.session(b"host", complete=False)
    claim = putfh(handle), open_(claim=RECLAIM)
    stateid = session.ok(*claim)[2].stateid
    session.ok(putfh(handle), write(stateid, b"second"))
    if mode != 0o644:
        # Nobody else, and nobody who was not here before.
        session.fails(t.NFS4ERR_ACCESS, *claim, credentials=BOB)
        stranger = Peer(again.server, ALICE).session(b"stranger", complete=False)
        stranger.fails(t.NFS4ERR_RECLAIM_BAD, *claim)
    session.ok(reclaim_complete())
    session.fails(t.NFS4ERR_NO_GRACE, *claim)


def test_special_stateids_go_by_the_mode(session: Session) -> None:
    _, handle = made(session, 0o600)
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), read(ANONYMOUS, 0, 10), credentials=BOB)
    session.ok(PUTROOTFH, lookup(b"f"), read(ANONYMOUS, 0, 10))

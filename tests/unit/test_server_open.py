"""OPEN, CLOSE, OPEN_DOWNGRADE, stateids, locks: one rule a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    BYPASS,
    CURRENT,
    GETFH,
    LEASE,
    LOOKUPP,
    PUTROOTFH,
    RESTOREFH,
    SAVEFH,
    Clock,
    FakeReactor,
    Peer,
    Session,
    close,
    free_stateid,
    getattr_,
    lock,
    lockt,
    locku,
    lookup,
    make_server,
    open_,
    open_downgrade,
    putfh,
    read,
    remove,
    setattr_,
    symlink,
    test_stateid,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4, mask_from_bitmap

READ, WRITE, BOTH = (
    t.OPEN4_SHARE_ACCESS_READ,
    t.OPEN4_SHARE_ACCESS_WRITE,
    t.OPEN4_SHARE_ACCESS_BOTH,
)
DENY_READ, DENY_WRITE = t.OPEN4_SHARE_DENY_READ, t.OPEN4_SHARE_DENY_WRITE
FOREVER = (1 << 64) - 1
ALICE = Credentials.sys(1001, 1001)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


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
def session(fs: FileSystem, reactor: FakeReactor) -> Session:
    return Peer(make_server(fs=fs, reactor=reactor)).session(b"one")


@pytest.fixture
def other(session: Session) -> Session:
    return Peer(session.peer.server).session(b"two")


def opened(session: Session, *args: Any, **how: Any) -> t.OPEN4resok:
    result: t.OPEN4resok = session.ok(PUTROOTFH, open_(*args, **how))[2]
    return result


# Creating


def test_unchecked_takes_what_is_there(session: Session) -> None:
    _, handle = session.create(b"f", b"hello")
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.UNCHECKED4), GETFH)
    assert reply[3].object == handle
    assert session.read(handle) == b"hello"


def test_unchecked_with_size_zero_truncates(session: Session) -> None:
    _, handle = session.create(b"f", b"hello")
    values = {t.FATTR4_SIZE: 0, t.FATTR4_MODE: 0o600}
    result = opened(session, b"f", create=t.UNCHECKED4, values=values, owner=b"new")
    assert mask_from_bitmap(result.attrset) == 1 << t.FATTR4_SIZE
    assert session.read(handle) == b""


def test_guarded(session: Session) -> None:
    session.ok(PUTROOTFH, open_(b"f", create=t.GUARDED4))
    session.fails(t.NFS4ERR_EXIST, PUTROOTFH, open_(b"f", create=t.GUARDED4))


@pytest.mark.parametrize("mode", [t.EXCLUSIVE4, t.EXCLUSIVE4_1])
def test_exclusive(session: Session, mode: int) -> None:
    values = {t.FATTR4_MODE: 0o640} if mode == t.EXCLUSIVE4_1 else {}
    first = session.ok(PUTROOTFH, open_(b"f", create=mode, values=values), GETFH)
    again = session.ok(PUTROOTFH, open_(b"f", create=mode, values=values), GETFH)
    assert first[3].object == again[3].object
    assert mask_from_bitmap(again[2].attrset) == mask_from_bitmap(first[2].attrset)
    other_verifier = open_(b"f", create=mode, verifier=b"another1")
    session.fails(t.NFS4ERR_EXIST, PUTROOTFH, other_verifier)
    if values:
        assert session.attributes(first[3].object, 33) == {33: 0o640}


def test_exclusive_under_a_mask(session: Session) -> None:
    values = {t.FATTR4_MODE_UMASK: t.mode_umask4(0o666, 0o022)}
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.EXCLUSIVE4_1, values=values), getattr_(33))
    assert decode_fattr4(reply[3].obj_attributes) == {33: 0o644}


def test_exclusive_does_not_set_times(session: Session) -> None:
    values = {t.FATTR4_TIME_MODIFY_SET: t.settime4(t.SET_TO_SERVER_TIME4)}
    create = open_(b"f", create=t.EXCLUSIVE4_1, values=values)
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, create)
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"f"))


def test_exclusive_over_a_directory(session: Session) -> None:
    session.mkdir(b"d")
    session.fails(t.NFS4ERR_EXIST, PUTROOTFH, open_(b"d", create=t.EXCLUSIVE4_1))
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, open_(b"d", create=t.UNCHECKED4))


def test_created_with_attributes(session: Session) -> None:
    values = {t.FATTR4_MODE: 0o604, t.FATTR4_SIZE: 10}
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.GUARDED4, values=values), getattr_(4, 33))
    assert decode_fattr4(reply[3].obj_attributes) == {4: 10, 33: 0o604}
    assert mask_from_bitmap(reply[2].attrset) == 1 << 4 | 1 << 33
    assert reply[2].cinfo.before < reply[2].cinfo.after


def test_open_below_what_is_no_directory(session: Session) -> None:
    """RFC 8881, Section 15.2, gives OPEN the error SYMLINK too: clients then follow the link."""
    session.ok(PUTROOTFH, symlink(b"l", b"elsewhere"))
    session.create(b"f")
    for how in ({}, {"create": t.UNCHECKED4}):
        session.fails(t.NFS4ERR_SYMLINK, PUTROOTFH, lookup(b"l"), open_(b"x", **how))
        session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, lookup(b"f"), open_(b"x", **how))


def test_open_without_creating_changes_nothing(session: Session) -> None:
    session.create(b"f")
    info = opened(session, b"f").cinfo
    assert info.before == info.after


# Opening


def test_sequence_number_of_an_open_counts(session: Session) -> None:
    assert opened(session, b"f", READ, create=t.UNCHECKED4).stateid.seqid == 1
    second = opened(session, b"f", WRITE)
    assert second.stateid.seqid == 2
    assert opened(session, b"f", READ, owner=b"another").stateid.seqid == 1


def test_upgrade_reads_and_writes(session: Session) -> None:
    stateid, handle = session.create(b"f", access=READ)
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(stateid, b"x"))
    stateid = opened(session, b"f", WRITE).stateid
    session.ok(putfh(handle), write(stateid, b"x"), read(stateid))


def test_reading_takes_an_open_for_reading(session: Session) -> None:
    stateid, handle = session.create(b"f", access=WRITE)
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), read(stateid))


def test_claim_file_handle(session: Session) -> None:
    _, handle = session.create(b"f", b"x")
    stateid = session.ok(putfh(handle), open_())[2].stateid
    session.ok(putfh(handle), read(stateid))


def test_claim_file_handle_cannot_create(session: Session) -> None:
    _, handle = session.create(b"f")
    claim = t.open_claim4(t.CLAIM_FH)
    session.fails(t.NFS4ERR_INVAL, putfh(handle), open_(create=t.UNCHECKED4, claim=claim))


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (t.open_claim4(t.CLAIM_DELEG_PREV_FH), t.NFS4ERR_NOTSUPP),
        (t.open_claim4(t.CLAIM_DELEGATE_PREV, b"f"), t.NFS4ERR_NOTSUPP),
        (t.open_claim4(t.CLAIM_DELEG_CUR_FH, ANONYMOUS), t.NFS4ERR_BAD_STATEID),
        (
            t.open_claim4(t.CLAIM_DELEGATE_CUR, t.open_claim_delegate_cur4(ANONYMOUS, b"f")),
            t.NFS4ERR_BAD_STATEID,
        ),
    ],
)
def test_claims_on_delegations(session: Session, claim: t.open_claim4, status: int) -> None:
    session.create(b"f")
    session.fails(status, PUTROOTFH, open_(claim=claim))


def test_reclaim_outside_the_grace_period(session: Session) -> None:
    _, handle = session.create(b"f")
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)
    session.fails(t.NFS4ERR_NO_GRACE, putfh(handle), open_(claim=claim))


@pytest.mark.parametrize(("access", "deny"), [(0, 0), (BOTH, 4), (BOTH | 0x80, 0), (0x100, 0)])
def test_share_modes_that_cannot_be(session: Session, access: int, deny: int) -> None:
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, open_(b"f", access, deny, create=t.UNCHECKED4))


@pytest.mark.parametrize(
    ("want", "kind", "why"),
    [
        (0, t.OPEN_DELEGATE_NONE, None),
        (
            t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG,
            t.OPEN_DELEGATE_NONE_EXT,
            t.WND4_NOT_WANTED,
        ),
        (
            t.OPEN4_SHARE_ACCESS_WANT_READ_DELEG,
            t.OPEN_DELEGATE_NONE_EXT,
            t.WND4_NOT_SUPP_FTYPE,
        ),
        (t.OPEN4_SHARE_ACCESS_WANT_CANCEL, t.OPEN_DELEGATE_NONE_EXT, t.WND4_CANCELLED),
    ],
)
def test_no_delegation(session: Session, want: int, kind: int, why: int | None) -> None:
    delegation = opened(session, b"f", BOTH | want, create=t.UNCHECKED4).delegation
    assert delegation.delegation_type == kind
    if why is not None:
        assert delegation.od_whynone.ond_why == why


def test_open_sets_the_current_file_and_stateid(session: Session) -> None:
    session.ok(PUTROOTFH, open_(b"f", create=t.UNCHECKED4), write(CURRENT, b"x"), close(CURRENT))


def test_current_stateid_goes_with_the_file_handle(session: Session) -> None:
    create = open_(b"f", create=t.UNCHECKED4)
    session.fails(t.NFS4ERR_BAD_STATEID, PUTROOTFH, create, PUTROOTFH, lookup(b"f"), close(CURRENT))


def test_current_stateid_is_saved_and_restored(session: Session) -> None:
    create = open_(b"f", create=t.UNCHECKED4)
    session.ok(PUTROOTFH, create, SAVEFH, PUTROOTFH, RESTOREFH, close(CURRENT))


def test_current_stateid_that_is_not_there(session: Session) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(CURRENT))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(CURRENT))


@needs_root
def test_rights_are_checked_once(session: Session) -> None:
    session.ok(PUTROOTFH, setattr_({t.FATTR4_MODE: 0o777}))
    reply = session.ok(PUTROOTFH, open_(b"f", create=t.UNCHECKED4), GETFH, credentials=ALICE)
    stateid, handle = reply[2].stateid, reply[3].object
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0}))
    session.ok(putfh(handle), write(stateid, b"x"), credentials=ALICE)
    session.fails(t.NFS4ERR_ACCESS, PUTROOTFH, open_(b"f", owner=b"new"), credentials=ALICE)


# Share reservations


def test_deny_keeps_others_out(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f", deny=DENY_WRITE)
    other.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE))
    session.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE, owner=b"second"))
    other.ok(PUTROOTFH, open_(b"f", READ))
    session.ok(putfh(handle), close(stateid))
    other.ok(PUTROOTFH, open_(b"f", WRITE))


def test_deny_what_others_do_already(session: Session, other: Session) -> None:
    session.create(b"f", access=READ)
    other.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", READ, DENY_READ))
    other.ok(PUTROOTFH, open_(b"f", READ, DENY_WRITE))


def test_owner_is_held_against_its_own_deny(session: Session) -> None:
    """RFC 8881, Section 9.7, compares with the state of the file, whoever made it."""
    session.create(b"f", access=READ, deny=DENY_WRITE)
    opened(session, b"f", READ, DENY_WRITE)
    session.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE))
    session.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", READ, DENY_READ))


def test_modes_that_are_given_up_deny_nothing(session: Session, other: Session) -> None:
    session.create(b"f", access=READ, deny=0)
    stateid = opened(session, b"f", WRITE, DENY_WRITE).stateid
    other.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE))
    session.ok(PUTROOTFH, lookup(b"f"), open_downgrade(stateid, READ, 0))
    opened(other, b"f", WRITE, DENY_WRITE)


def test_denied_open_leaves_no_file_open(session: Session, other: Session) -> None:
    session.create(b"f", deny=DENY_WRITE)
    before = len(session.peer.server.registry.states)
    other.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE))
    assert len(session.peer.server.registry.states) == before


def test_deny_holds_up_special_stateids(session: Session, other: Session) -> None:
    _, handle = session.create(b"f", b"x", deny=DENY_READ | DENY_WRITE)
    other.fails(t.NFS4ERR_LOCKED, putfh(handle), read(ANONYMOUS))
    other.fails(t.NFS4ERR_LOCKED, putfh(handle), write(ANONYMOUS, b"y"))
    other.fails(t.NFS4ERR_LOCKED, putfh(handle), write(BYPASS, b"y"))
    other.fails(t.NFS4ERR_LOCKED, putfh(handle), setattr_({t.FATTR4_SIZE: 0}))
    other.ok(putfh(handle), read(BYPASS))


def test_courtesy_client_gives_way(session: Session, other: Session, reactor: FakeReactor) -> None:
    session.create(b"f", deny=DENY_WRITE)
    reactor.advance(LEASE * 0.7)
    other.ok()
    reactor.advance(LEASE * 0.7)
    other.ok(PUTROOTFH, open_(b"f", WRITE))
    assert session.run(PUTROOTFH).status == t.NFS4ERR_BADSESSION


def test_courtesy_client_in_the_way_of_a_read(
    session: Session, other: Session, reactor: FakeReactor
) -> None:
    _, handle = session.create(b"f", b"x", deny=DENY_READ)
    reactor.advance(LEASE * 0.7)
    other.ok()
    reactor.advance(LEASE * 0.7)
    other.ok(putfh(handle), read(ANONYMOUS))


# OPEN_DOWNGRADE


def test_downgrade(session: Session, other: Session) -> None:
    _, handle = session.create(b"f", access=READ, deny=0)
    stateid = opened(session, b"f", BOTH, DENY_WRITE).stateid
    other.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE))
    lower = session.ok(putfh(handle), open_downgrade(stateid, READ))[2].open_stateid
    assert (lower.other, lower.seqid) == (stateid.other, stateid.seqid + 1)
    other.ok(PUTROOTFH, open_(b"f", WRITE))
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(lower, b"x"))
    session.ok(putfh(handle), read(lower))


@pytest.mark.parametrize(
    ("access", "deny"), [(0, 0), (READ, 0), (BOTH, DENY_READ), (BOTH, 8), (WRITE, 0)]
)
def test_downgrade_to_what_was_never_opened(session: Session, access: int, deny: int) -> None:
    stateid, handle = session.create(b"f", access=BOTH)
    session.fails(t.NFS4ERR_INVAL, putfh(handle), open_downgrade(stateid, access, deny))


# CLOSE


def test_close(session: Session) -> None:
    stateid, handle = session.create(b"f")
    closed = session.ok(putfh(handle), close(stateid))[2]
    assert closed == t.stateid4(0xFFFFFFFF, bytes(12))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(stateid))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))


def test_close_with_sequence_number_zero(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), close(t.stateid4(0, stateid.other)))


@pytest.mark.parametrize("stateid", [ANONYMOUS, BYPASS])
def test_close_nothing(session: Session, stateid: t.stateid4) -> None:
    _, handle = session.create(b"f")
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(stateid))


def test_close_with_a_lock_stateid(session: Session) -> None:
    stateid, handle = session.create(b"f")
    locked = session.ok(putfh(handle), lock(stateid))[2].lock_stateid
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(locked))


def test_close_takes_the_locks_along(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), lock(stateid))
    session.ok(putfh(handle), close(stateid))
    second = opened(other, b"f").stateid
    other.ok(putfh(handle), lock(second))
    assert len(session.peer.server.registry.states) == 2


# Stateids


def test_stateid_of_another_file(session: Session) -> None:
    stateid, _ = session.create(b"f")
    _, handle = session.create(b"g")
    for op in (read(stateid), write(stateid, b"x"), close(stateid)):
        session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), op)


def test_stateid_of_another_client(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f")
    other.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))


def test_old_and_future_stateids(session: Session) -> None:
    first, handle = session.create(b"f")
    second = opened(session, b"f").stateid
    session.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), read(first))
    future = t.stateid4(second.seqid + 1, second.other)
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(future))


def test_sequence_number_of_a_stateid_goes_round(session: Session) -> None:
    stateid, handle = session.create(b"f")
    registry = session.peer.server.registry
    client = registry.clients.find(session.client_id, session.peer.channel.peer.source)
    state = registry.states.find(stateid, client)
    state.seqid = 0xFFFFFFFF
    assert opened(session, b"f").stateid.seqid == 1
    old = t.stateid4(0xFFFFFFFF, stateid.other)
    session.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), read(old))


def test_test_stateid(session: Session) -> None:
    first, _ = session.create(b"f")
    second = opened(session, b"f").stateid
    unknown = t.stateid4(1, b"x" * 12)
    codes = session.ok(test_stateid(first, second, unknown, ANONYMOUS))[1].tsr_status_codes
    assert codes == [
        t.NFS4ERR_OLD_STATEID,
        t.NFS4_OK,
        t.NFS4ERR_BAD_STATEID,
        t.NFS4ERR_BAD_STATEID,
    ]


def test_free_stateid(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.fails(t.NFS4ERR_LOCKS_HELD, free_stateid(stateid))
    locked = session.ok(putfh(handle), lock(stateid))[2].lock_stateid
    session.fails(t.NFS4ERR_LOCKS_HELD, free_stateid(locked))
    unlocked = session.ok(putfh(handle), locku(locked))[2]
    session.ok(free_stateid(unlocked))
    session.fails(t.NFS4ERR_BAD_STATEID, free_stateid(unlocked))
    session.fails(t.NFS4ERR_BAD_STATEID, free_stateid(t.stateid4(1, b"x" * 12)))


def test_number_of_states_is_bounded(fs: FileSystem) -> None:
    # One address has half of them at most.
    limits = StateLimits(states=12, states_per_client=4)
    server = make_server(fs=fs, config=ServerConfig(times=LeaseTimes(LEASE), state=limits))
    first, second = Peer(server).session(b"one"), Peer(server).session(b"two")
    for number in range(4):
        first.create(b"%d" % number)
    fifth = open_(b"0", owner=b"fifth")
    first.fails(t.NFS4ERR_DELAY, PUTROOTFH, fifth)
    second.create(b"5")
    second.create(b"6")
    second.fails(t.NFS4ERR_DELAY, PUTROOTFH, open_(b"0"))


# Locks


def test_lock_and_unlock(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f")
    theirs = opened(other, b"f").stateid
    locked = session.ok(putfh(handle), lock(stateid, 10, 10))[2].lock_stateid
    assert locked.seqid == 1
    denied = other.fails(t.NFS4ERR_DENIED, putfh(handle), lock(theirs, 15, 10))
    holder = denied[2]
    assert (holder.offset, holder.length, holder.locktype) == (10, 10, t.WRITE_LT)
    assert (holder.owner.clientid, holder.owner.owner) == (session.client_id, b"locker")
    other.ok(putfh(handle), lock(theirs, 20, 10))
    unlocked = session.ok(putfh(handle), locku(locked, 10, 10))[2]
    assert unlocked.seqid == 2
    other.ok(putfh(handle), lock(theirs, 15, 5, owner=b"locker"))


def test_lock_owner_is_the_clients(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f")
    theirs = opened(other, b"f").stateid
    session.ok(putfh(handle), lock(stateid, owner=b"same"))
    other.fails(t.NFS4ERR_DENIED, putfh(handle), lock(theirs, owner=b"same"))
    session.ok(putfh(handle), lock(stateid, owner=b"same"))


def test_read_locks_share(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f")
    theirs = opened(other, b"f").stateid
    session.ok(putfh(handle), lock(stateid, kind=t.READ_LT))
    other.ok(putfh(handle), lock(theirs, kind=t.READW_LT))
    denied = other.fails(t.NFS4ERR_DENIED, putfh(handle), lockt(kind=t.WRITEW_LT))
    assert denied[2].length == FOREVER


def test_existing_lock_owner(session: Session) -> None:
    stateid, handle = session.create(b"f")
    locked = session.ok(putfh(handle), lock(stateid, 0, 10))[2].lock_stateid
    more = session.ok(putfh(handle), lock(locked, 20, 10, owner=None))[2].lock_stateid
    assert (more.other, more.seqid) == (locked.other, 2)
    session.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), lock(locked, 5, 1, owner=None))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), lock(stateid, 5, 1, owner=None))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), lock(more, 5, 1))


def test_lock_test(session: Session, other: Session) -> None:
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), lock(stateid, 100, 50, owner=b"me"))
    session.ok(putfh(handle), lockt(owner=b"me"))
    other.fails(t.NFS4ERR_DENIED, putfh(handle), lockt(149, 1))
    other.ok(putfh(handle), lockt(150, 1), lockt(0, 100))
    _, quiet = session.create(b"g")
    other.ok(putfh(quiet), lockt())


def test_data_through_a_lock_stateid(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), lock(stateid), write(CURRENT, b"x"), read(CURRENT), locku(CURRENT))


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (FOREVER, 2), (2, FOREVER - 1)])
def test_ranges(session: Session, offset: int, length: int) -> None:
    stateid, handle = session.create(b"f")
    for op in (lock(stateid, offset, length), lockt(offset, length)):
        session.fails(t.NFS4ERR_INVAL, putfh(handle), op)


def test_lock_to_the_end_from_anywhere(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), lock(stateid, 100, FOREVER))
    denied = session.fails(t.NFS4ERR_DENIED, putfh(handle), lockt(FOREVER - 1, 1))
    assert (denied[2].offset, denied[2].length) == (100, FOREVER)


def test_lock_type_that_is_none(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.fails(t.NFS4ERR_INVAL, putfh(handle), lock(stateid, kind=9))


def test_lock_takes_the_right_open(session: Session) -> None:
    stateid, handle = session.create(b"f", access=READ)
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), lock(stateid, kind=t.WRITE_LT))
    session.ok(putfh(handle), lock(stateid, kind=t.READ_LT))


def test_lock_of_a_directory(session: Session) -> None:
    stateid, _ = session.create(b"f")
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, lock(stateid))
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, lockt())


def test_reclaim_of_a_lock_outside_the_grace_period(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.fails(t.NFS4ERR_NO_GRACE, putfh(handle), lock(stateid, reclaim=True))


def test_number_of_ranges_is_bounded(fs: FileSystem) -> None:
    limits = StateLimits(ranges_per_file=8)
    server = make_server(fs=fs, config=ServerConfig(times=LeaseTimes(LEASE), state=limits))
    session = Peer(server).session()
    stateid, handle = session.create(b"f")
    for number in range(20):
        reply = session.run(putfh(handle), lock(stateid, number * 10, 5))
    assert reply.status == t.NFS4ERR_DELAY


def test_denied_lock_of_a_courtesy_client(
    session: Session, other: Session, reactor: FakeReactor
) -> None:
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), lock(stateid))
    theirs = opened(other, b"f").stateid
    reactor.advance(LEASE * 0.7)
    other.ok()
    other.fails(t.NFS4ERR_DENIED, putfh(handle), lock(theirs))
    reactor.advance(LEASE * 0.7)
    other.ok(putfh(handle), lock(theirs))


def test_unlinked_and_locked(session: Session) -> None:
    stateid, handle = session.create(b"f")
    session.ok(PUTROOTFH, remove(b"f"))
    locked = session.ok(putfh(handle), lock(stateid))[2].lock_stateid
    session.ok(putfh(handle), locku(locked), close(stateid))


def test_parent_of_an_opened_file(session: Session) -> None:
    session.fails(t.NFS4ERR_NOTDIR, PUTROOTFH, open_(b"f", create=t.UNCHECKED4), LOOKUPP)

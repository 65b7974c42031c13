"""What outlives a server and what does not: restarts, the grace period, the recovery list."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    LEASE,
    PUTROOTFH,
    Op,
    Peer,
    Session,
    close,
    create_session,
    destroy_clientid,
    destroy_session,
    lock,
    lookup,
    make_server,
    open_,
    putfh,
    read,
    reclaim_complete,
    write,
)
from tests.support.restarts import STORES, Machine, opener

from nfsrdma.server.administration import NotDone, evict
from nfsrdma.server.edge.recovery import NewerState, SqliteRecoveryStore
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import StoreError
from nfsrdma.server.status import status_of
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t

RECLAIM = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)


@pytest.fixture(params=STORES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(opener(request.param, tmp_path))


def reclaim_open(handle: bytes) -> tuple[Op, Op]:
    return putfh(handle), open_(claim=RECLAIM)


def test_nothing_to_reclaim_no_grace(machine: Machine) -> None:
    machine.start()
    machine.peer().session().create(b"f")


def test_everything_of_the_life_before_is_stale(machine: Machine) -> None:
    session = machine.peer().session(b"me")
    stateid, handle = session.create(b"f")
    machine.start()
    peer = machine.peer()
    assert peer.call(session.sequence()).status == t.NFS4ERR_BADSESSION
    reply = peer.call(create_session(session.client_id, 2))
    assert reply.status == t.NFS4ERR_STALE_CLIENTID
    again = peer.session(b"me")
    again.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))
    again.ok(putfh(handle), read(ANONYMOUS))


def test_write_verifier_changes(machine: Machine) -> None:
    session = machine.peer().session(b"me")
    stateid, handle = session.create(b"f")
    before = session.ok(putfh(handle), write(stateid, b"x"))[2].writeverf
    machine.start()
    again = machine.peer().session(b"other")
    assert again.ok(putfh(handle), write(ANONYMOUS, b"x"))[2].writeverf != before


def test_reclaim(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    session = machine.peer().session(b"me", complete=False)
    needed = t.SEQ4_STATUS_RESTART_RECLAIM_NEEDED
    assert session.ok()[0].sr_status_flags & needed
    stateid = session.ok(*reclaim_open(handle))[2].stateid
    session.ok(putfh(handle), lock(stateid, reclaim=True))
    session.ok(reclaim_complete())
    assert not session.ok()[0].sr_status_flags & needed
    session.ok(putfh(handle), write(stateid, b"x"))


def test_nothing_new_in_the_grace_period(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    other = machine.peer().session(b"other")
    other.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"f"))
    other.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"g", create=t.UNCHECKED4))
    other.fails(t.NFS4ERR_NO_GRACE, *reclaim_open(handle))
    other.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"g"))


def test_no_new_locks_in_the_grace_period(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    session = machine.peer().session(b"me", complete=False)
    stateid = session.ok(*reclaim_open(handle))[2].stateid
    session.fails(t.NFS4ERR_GRACE, putfh(handle), lock(stateid))


def test_stranger_cannot_reclaim(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    stranger = machine.peer().session(b"stranger", complete=False)
    stranger.fails(t.NFS4ERR_RECLAIM_BAD, *reclaim_open(handle))


def test_grace_ends_when_all_have_reclaimed(machine: Machine) -> None:
    machine.peer().session(b"one").create(b"f")
    machine.peer().session(b"two").create(b"g")
    machine.start()
    one = machine.peer().session(b"one")
    one.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"f"))
    machine.peer().session(b"two")
    one.ok(PUTROOTFH, open_(b"f"))


def test_grace_ends_when_those_who_are_missing_leave(machine: Machine) -> None:
    machine.peer().session(b"one").create(b"f")
    machine.peer().session(b"two").create(b"g")
    machine.start()
    one = machine.peer().session(b"one")
    two = machine.peer().session(b"two", complete=False)
    two.peer.call(destroy_session(two.id))
    assert two.peer.call(destroy_clientid(two.client_id)).status == t.NFS4_OK
    one.ok(PUTROOTFH, open_(b"f"))


def test_grace_ends_by_itself(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    other = machine.peer().session(b"other")
    for _ in range(3):
        machine.reactor.advance(LEASE * 0.5)
        other.ok()
    other.ok(PUTROOTFH, open_(b"f"))
    late = machine.peer().session(b"me", complete=False)
    late.fails(t.NFS4ERR_NO_GRACE, *reclaim_open(handle))


def test_grace_goes_on_while_reclaims_come(machine: Machine) -> None:
    first = machine.peer().session(b"me")
    handles = [first.create(b"%d" % number)[1] for number in range(300)]
    machine.peer().session(b"lost")
    machine.start()
    session = machine.peer().session(b"me", complete=False)
    other = machine.peer().session(b"other")
    machine.reactor.advance(LEASE - 1)
    stateid = session.ok(*reclaim_open(handles[0]))[2].stateid
    session.ok(putfh(handles[0]), lock(stateid, 0, 1, reclaim=True))
    reclaimed = 1
    for handle in handles[1:]:
        machine.reactor.advance(0.9)
        reply = session.run(*reclaim_open(handle))
        if reply.status != t.NFS4_OK:
            break
        reclaimed += 1
        other.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"0"))
    # A lease more, and no longer (RFC 8881, Section 8.4.2.1).
    assert reply.status == t.NFS4ERR_NO_GRACE
    assert reclaimed == pytest.approx(LEASE / 0.9, abs=3)
    other.ok(PUTROOTFH, open_(b"0"))


def test_grace_ends_once_no_reclaims_come(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    session = machine.peer().session(b"me", complete=False)
    machine.reactor.advance(LEASE - 0.5)
    session.ok(*reclaim_open(handle))
    machine.reactor.advance(0.9)
    session.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"f"))
    machine.reactor.advance(0.2)
    session.ok(reclaim_complete())
    session.ok(PUTROOTFH, open_(b"f"))


@pytest.mark.parametrize(("lease", "grace"), [(90.0, 105.0), (10.0, 15.0), (2.0, 3.0)])
def test_grace_is_longer_than_the_lease(lease: float, grace: float) -> None:
    assert LeaseTimes(lease).grace_period == grace
    assert LeaseTimes(lease, 1.0).grace_period == 1.0


def test_who_missed_the_grace_period_may_not_reclaim_in_the_next(machine: Machine) -> None:
    machine.peer().session(b"late").create(b"f")
    machine.start()
    machine.peer().session(b"here").ok()
    machine.reactor.advance(LEASE * 2)
    machine.start()
    late = machine.peer().session(b"late", complete=False)
    assert not late.ok()[0].sr_status_flags & t.SEQ4_STATUS_RESTART_RECLAIM_NEEDED


def test_restart_within_the_grace_period(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    machine.start()
    session = machine.peer().session(b"me", complete=False)
    session.ok(*reclaim_open(handle))


def test_client_that_left_is_not_waited_for(machine: Machine) -> None:
    session = machine.peer().session(b"me")
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), close(stateid))
    session.peer.call(destroy_session(session.id))
    session.peer.call(destroy_clientid(session.client_id))
    machine.start()
    machine.peer().session(b"other").ok(PUTROOTFH, open_(b"f"))


def test_client_that_lost_its_lease_is_not_waited_for(machine: Machine) -> None:
    machine.peer().session(b"me")
    machine.reactor.advance(LEASE * 3)
    machine.start()
    machine.peer().session(b"other").ok(PUTROOTFH, open_(b"f", create=t.UNCHECKED4))


def test_shutdown_is_no_farewell_of_the_clients(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.server.close()
    machine.start()
    machine.peer().session(b"me", complete=False).ok(*reclaim_open(handle))


def test_recoveries_are_logged(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nfsrdma.server")
    machine.peer().session(b"me").create(b"f")
    assert not [each for each in caplog.messages if "is back" in each]
    machine.start()
    machine.peer().session(b"me")
    (back,) = (each for each in caplog.messages if "is back" in each)
    assert back.endswith("is back, and has reclaimed what it had")


def test_who_was_put_out_may_not_reclaim(machine: Machine) -> None:
    machine.peer().session(b"me").create(b"f")
    evict(machine.server, "127.0.0.1")
    machine.server.close()
    machine.start()
    machine.peer().session(b"other").create(b"g")


def test_who_does_not_come_back_can_be_given_up(machine: Machine) -> None:
    _, handle = machine.peer().session(b"me").create(b"f")
    machine.start()
    now = machine.reactor.time()
    assert status_of(machine.server, now).awaited == ("me of 127.0.0.1",)
    other = machine.peer().session(b"other")
    other.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"g", create=t.UNCHECKED4))
    with pytest.raises(NotDone):
        evict(machine.server, "10.0.0.1")
    # Who is there is put out, and who is not is waited for no more.
    assert {each.name for each in evict(machine.server, "127.0.0.1")} == {"me", "other"}
    assert status_of(machine.server, now).awaited == ()
    machine.peer().session(b"third").create(b"g")
    late = machine.peer().session(b"me", complete=False)
    late.fails(t.NFS4ERR_NO_GRACE, *reclaim_open(handle))


def test_boot_numbers_differ(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    boots = []
    for _ in range(3):
        store = SqliteRecoveryStore(path)
        boots.append(store.start()[0])
        store.close()
    assert len(set(boots)) == 3


def test_database_without_room(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    store = SqliteRecoveryStore(path)
    store.start()
    store.add(b"first")
    store._database.execute("PRAGMA max_page_count = 8")
    added: list[bytes] = []
    with pytest.raises(StoreError, match="full"):
        _fill(store, added)
    assert added
    store._database.execute("PRAGMA max_page_count = 1000")
    store.add(b"last")
    store.close()
    _, owners = SqliteRecoveryStore(path).start()
    assert owners == {b"first", b"last", *added}


def _fill(store: SqliteRecoveryStore, added: list[bytes]) -> None:
    for number in range(100):
        owner = b"%d" % number + bytes(1000)
        store.add(owner)
        added.append(owner)


def test_database_that_somebody_else_holds(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    store = SqliteRecoveryStore(path)
    store.start()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.add(b"me")
    other.execute("ROLLBACK")
    store.add(b"me")
    store.close()
    other.close()


def test_secret_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    first = SqliteRecoveryStore(path)
    assert first.secret(b"a" * 32) == b"a" * 32
    first.close()
    assert SqliteRecoveryStore(path).secret(b"b" * 32) == b"a" * 32


@pytest.mark.parametrize("kernel", [None, False])
def test_handles_survive_a_restart_and_a_rename(tmp_path: Path, kernel: bool | None) -> None:
    root = tmp_path / "export"
    (root / "a" / "b").mkdir(parents=True)

    def start(seed: int) -> Session:
        fs = LocalFileSystem(root, kernel_handles=kernel)
        store = SqliteRecoveryStore(str(tmp_path / "db"))
        server = make_server(fs=fs, store=store, seed=seed)
        return Peer(server).session(b"%d" % seed)

    first = start(1)
    create = open_(b"f", create=t.UNCHECKED4)
    reply = first.ok(PUTROOTFH, lookup(b"a"), lookup(b"b"), create, GETFH)
    stateid, handle = reply[4].stateid, reply[5].object
    first.ok(putfh(handle), write(stateid, b"here"), close(stateid))
    first.peer.call(destroy_session(first.id))
    first.peer.call(destroy_clientid(first.client_id))
    first.peer.server.close()
    (root / "a" / "b" / "f").rename(root / "moved")
    second = start(2)
    assert second.read(handle) == b"here"
    second.peer.server.close()


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "recovery.sqlite")
    store = SqliteRecoveryStore(path)
    secret = store.secret(b"x" * 32)
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 0")  # as the first versions wrote it
    store = SqliteRecoveryStore(path)
    assert store.secret(b"y" * 32) == secret
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 2")
    before = Path(path).read_bytes()
    with pytest.raises(NewerState, match="format 2, of a later version"):
        SqliteRecoveryStore(path)
    assert Path(path).read_bytes() == before

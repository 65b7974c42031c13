"""Minor version 0, which has no sessions: whose clients and stateids are, and what fills tables."""

from __future__ import annotations

import pytest
from tests.support.nfs import (
    GETFH,
    LEASE,
    PUTROOTFH,
    FakeReactor,
    Peer,
    lookup,
    make_server,
    mkdir,
    putfh,
    read,
    remove,
    write,
)
from tests.support.nfs40 import (
    Client40,
    close,
    locku,
    open_confirm,
    renew,
    setclientid,
    setclientid_confirm,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import ClientLimits, StateLimits
from nfsrdma.xdr.nfs4 import types as t

CROWD, GOOD = "192.0.2.9", "192.0.2.2"
ALICE = Credentials.sys(1001, 1001)
LIMITS = StateLimits(clients=ClientLimits(clients=40, unconfirmed=20), owners=40)


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def server(reactor: FakeReactor) -> NfsService:
    config = ServerConfig(times=LeaseTimes(LEASE, LEASE), state=LIMITS)
    return make_server(reactor=reactor, config=config)


def served(server: NfsService) -> None:
    """A newcomer of another address gets all that a client needs."""
    client = Client40(Peer(server, address=GOOD), b"good")
    stateid, handle = client.create(b"good")
    client.ok(putfh(handle), client.first_lock(stateid))


# --- Other sources ---


def test_the_string_of_another_source_is_another_client(server: NfsService) -> None:
    mine = Client40(Peer(server, address=GOOD), b"name")
    stateid, handle = mine.create(b"a")
    theirs = Client40(Peer(server, address=CROWD), b"name", b"restart1")
    assert theirs.id != mine.id
    mine.ok(putfh(handle), read(stateid))
    mine.ok(renew(mine.id))


@pytest.mark.parametrize("uid", [None, 4242])
def test_numbers_and_stateids_are_of_no_use_to_another_source(
    server: NfsService, uid: int | None
) -> None:
    mine = Client40(Peer(server, address=GOOD), b"name")
    stateid, handle = mine.create(b"a")
    locked = mine.ok(putfh(handle), mine.first_lock(stateid))[1].lock_stateid
    name, address = Credentials.sys(uid or 0, uid or 0), CROWD if uid is None else "127.0.0.1"
    thief = Client40(Peer(server, name, address, uid), b"thief")
    thief.id, number = mine.id, mine.next(b"owner")
    thief.fails(t.NFS4ERR_STALE_CLIENTID, renew(mine.id))
    thief.fails(t.NFS4ERR_STALE_CLIENTID, PUTROOTFH, thief.open_(b"b"))
    thief.fails(t.NFS4ERR_STALE_CLIENTID, thief.release_lockowner())
    new, confirm = mine.introduce(b"restart1")
    thief.fails(t.NFS4ERR_STALE_CLIENTID, setclientid_confirm(new, confirm))
    bad = t.NFS4ERR_BAD_STATEID
    for operation in (
        read(stateid),
        write(stateid, b"x"),
        close(stateid, number),
        open_confirm(stateid, number),
        locku(locked, 2),
    ):
        thief.fails(bad, putfh(handle), operation)
    thief.fails(t.NFS4ERR_STALE_CLIENTID, putfh(handle), mine.first_lock(stateid, seqid=number))
    # Nothing of all that counted.
    mine.ok(putfh(handle), close(stateid, number))


def test_what_was_closed_is_repeated_to_its_source_alone(server: NfsService) -> None:
    mine = Client40(Peer(server, address=GOOD))
    stateid, handle = mine.create(b"a")
    again = close(stateid, mine.next(b"owner"))
    mine.ok(putfh(handle), again)
    thief = Client40(Peer(server, address=CROWD))
    thief.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), again)
    mine.ok(putfh(handle), again)


def test_a_reply_is_repeated_to_its_caller_alone(server: NfsService) -> None:
    mine = Client40(Peer(server, address=GOOD))
    mine.ok(PUTROOTFH, mkdir(b"d"))
    mine.ok(PUTROOTFH, remove(b"d"), xid=7)
    other = Client40(Peer(server, address=CROWD))
    other.fails(t.NFS4ERR_NOENT, PUTROOTFH, remove(b"d"), xid=7)
    mine.fails(t.NFS4ERR_NOENT, PUTROOTFH, remove(b"d"), xid=7, credentials=ALICE)
    mine.ok(PUTROOTFH, remove(b"d"), xid=7)


# --- Repetitions that are none ---


def test_a_replay_with_other_arguments_does_nothing(server: NfsService) -> None:
    client = Client40(Peer(server))
    one, first = client.create(b"a")
    two, second = client.create(b"b")
    number = client.next(b"owner")
    client.ok(putfh(first), close(one, number))
    bad = t.NFS4ERR_BAD_SEQID
    client.fails(bad, putfh(second), close(two, number))
    client.fails(bad, PUTROOTFH, client.open_(b"c", seqid=number))
    client.fails(bad, putfh(second), client.first_lock(two, seqid=number))
    client.ok(putfh(second), read(two))
    client.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"c"))


def test_a_result_is_repeated_to_the_same_user_alone(server: NfsService) -> None:
    client = Client40(Peer(server))
    client.create(b"a")
    again = client.open_(b"b")
    handle = bytes(client.ok(PUTROOTFH, again, GETFH)[2].object)
    client.fails(t.NFS4ERR_BAD_SEQID, PUTROOTFH, again, credentials=ALICE)
    stateid = client.ok(PUTROOTFH, again)[1].stateid
    # And a stateid is no right.
    client.fails(t.NFS4ERR_ACCESS, putfh(handle), write(stateid, b"x"), credentials=ALICE)


# --- Floods ---


def test_clients_that_are_not_confirmed(server: NfsService) -> None:
    crowd = Peer(server, address=CROWD)
    for count in range(100):
        reply = crowd.call(setclientid(b"%d" % count), minor=0, xid=count)
        assert reply.status == t.NFS4_OK
    assert len(server.registry.clients) == 10
    served(server)


def test_open_owners_that_open_nothing(server: NfsService, reactor: FakeReactor) -> None:
    client = Client40(Peer(server, address=CROWD), b"crowd")
    for count in range(200):
        owner = b"%d" % count
        client.fails(t.NFS4ERR_NOENT, PUTROOTFH, client.open_(b"no", owner=owner, create=None))
    record = server.registry.clients.get(client.id)
    assert len(record.open_owners) == LIMITS.owners // 2  # type: ignore[union-attr]
    served(server)
    # What has nothing open is forgotten after a lease.
    for _ in range(6):
        reactor.advance(LEASE / 4)
        client.ok(renew(client.id))
    assert len(record.open_owners) == 0  # type: ignore[union-attr]


def test_open_owners_that_hold_files(server: NfsService) -> None:
    client = Client40(Peer(server, address=CROWD), b"crowd")
    statuses = [
        client.run(PUTROOTFH, client.open_(b"%d" % count, owner=b"%d" % count)).status
        for count in range(60)
    ]
    assert statuses.count(t.NFS4_OK) == LIMITS.owners // 2
    assert set(statuses) == {t.NFS4_OK, t.NFS4ERR_DELAY}
    served(server)


def test_lock_owners(server: NfsService) -> None:
    client = Client40(Peer(server, address=CROWD), b"crowd")
    stateid, handle = client.create(b"a")
    statuses = []
    for count in range(60):
        operation = client.first_lock(stateid, locker=b"%d" % count, offset=20 * count)
        statuses.append(client.run(putfh(handle), operation).status)
        if statuses[-1] == t.NFS4ERR_DELAY:
            client.seqids[b"owner"] -= 1
            break
    assert statuses.count(t.NFS4_OK) == LIMITS.owners // 2 - 1
    served(server)
    client.ok(putfh(handle), close(stateid, client.next(b"owner")))


def test_replies_that_are_kept(server: NfsService) -> None:
    server._core.duplicates._room.free = 40_000
    peer = Peer(server, address=CROWD)
    good = Client40(Peer(server, address=GOOD), b"good")
    good.ok(PUTROOTFH, mkdir(b"d"))
    good.ok(PUTROOTFH, remove(b"d"), xid=7)
    for count in range(500):
        peer.call(PUTROOTFH, remove(b"x"), minor=0, xid=count)
    assert len(server._core.duplicates) < 50
    good.ok(PUTROOTFH, remove(b"d"), xid=7)


def test_long_replies_are_not_kept(server: NfsService) -> None:
    client = Client40(Peer(server, address=CROWD))
    stateid, handle = client.create(b"a")
    client.ok(putfh(handle), write(stateid, bytes(100_000)))
    free = server._core.duplicates._room.free
    client.ok(putfh(handle), write(stateid, b"x"), read(stateid, 0, 100_000))
    assert server._core.duplicates._room.free == free
    client.ok(putfh(handle), write(stateid, b"x"), read(stateid, 0, 100))
    assert server._core.duplicates._room.free < free


def test_nothing_is_left_of_a_client_that_is_put_out(
    server: NfsService, reactor: FakeReactor
) -> None:
    client = Client40(Peer(server, address=CROWD), b"crowd")
    stateid, handle = client.create(b"a")
    client.ok(putfh(handle), client.first_lock(stateid))
    other, second = client.create(b"b")
    client.ok(putfh(second), close(other, client.next(b"owner")))
    new, confirm = client.introduce(b"restart1")
    client.ok(setclientid_confirm(new, confirm))
    registry = server.registry
    assert (len(registry.states), len(registry.owners)) == (0, 0)
    assert registry.owners._room.free == LIMITS.owners

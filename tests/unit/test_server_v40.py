"""Minor version 0: its clients, what its owners number, its stateids and its errors."""

from __future__ import annotations

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    CURRENT,
    GETFH,
    LEASE,
    PUTROOTFH,
    RESTOREFH,
    ROOT_USER,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    compound_message,
    getattr_,
    lookup,
    make_server,
    mkdir,
    putfh,
    read,
    remove,
    setattr_,
    symlink,
    write,
)
from tests.support.nfs40 import (
    Client40,
    close,
    lock,
    locku,
    open_confirm,
    open_downgrade,
    renew,
    setclientid,
    setclientid_confirm,
)
from tests.unit.test_server_waiting import Pending

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.client_v40 import CallbackAddress
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.namespace import Namespace
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import mask_from_bitmap

READ, BOTH = t.OPEN4_SHARE_ACCESS_READ, t.OPEN4_SHARE_ACCESS_BOTH
ALICE = Credentials.sys(1001, 1001)


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def server(reactor: FakeReactor) -> NfsService:
    return make_server(reactor=reactor)


@pytest.fixture
def client(server: NfsService) -> Client40:
    return Client40(Peer(server))


# --- SETCLIENTID and SETCLIENTID_CONFIRM: the cases of RFC 7530, Section 16.33.5 ---


def test_a_new_client(client: Client40) -> None:
    client.ok(renew(client.id))


def test_the_same_client_again_keeps_its_number_and_state(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    again, confirm = client.introduce(b"verifier")
    assert again == client.id
    assert any(confirm)
    client.ok(putfh(handle), read(stateid))
    client.ok(setclientid_confirm(again, confirm))
    client.ok(putfh(handle), read(stateid))


def test_a_client_that_has_restarted_loses_what_it_had_once_it_confirms(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    new, confirm = client.introduce(b"restart1")
    assert new != client.id
    client.ok(putfh(handle), read(stateid))
    client.ok(setclientid_confirm(new, confirm))
    client.fails(t.NFS4ERR_EXPIRED, putfh(handle), read(stateid))
    client.fails(t.NFS4ERR_EXPIRED, renew(client.id))
    client.ok(renew(new))


def test_what_was_not_confirmed_is_replaced(client: Client40) -> None:
    first, confirm = client.introduce(b"restart1")
    second, other = client.introduce(b"restart2")
    assert first != second
    assert confirm != other
    client.fails(t.NFS4ERR_STALE_CLIENTID, setclientid_confirm(first, confirm))
    client.ok(setclientid_confirm(second, other))


def test_coming_back_supersedes_what_was_not_confirmed(client: Client40) -> None:
    new, confirm = client.introduce(b"restart1")
    client.introduce(b"verifier")
    client.fails(t.NFS4ERR_STALE_CLIENTID, setclientid_confirm(new, confirm))
    client.ok(renew(client.id))


def test_a_confirmation_may_be_repeated(client: Client40) -> None:
    again, confirm = client.introduce(b"verifier")
    for _ in range(2):
        client.ok(setclientid_confirm(again, confirm))
    client.fails(t.NFS4ERR_STALE_CLIENTID, setclientid_confirm(again, b"12345678"))
    client.fails(t.NFS4ERR_STALE_CLIENTID, setclientid_confirm(again + 1, confirm))


def test_nothing_is_opened_by_a_client_that_was_not_confirmed(server: NfsService) -> None:
    peer = Peer(server)
    client_id = peer.call(setclientid(b"x"), minor=0)[0].clientid
    assert peer.call(renew(client_id), minor=0).status == t.NFS4ERR_STALE_CLIENTID


def test_another_principal_takes_over_only_what_is_idle(client: Client40) -> None:
    client.ok(setclientid(client.name), credentials=ALICE)
    stateid, handle = client.create(b"a")
    reply = client.fails(t.NFS4ERR_CLID_INUSE, setclientid(client.name), credentials=ALICE)
    assert reply[0].na_r_addr == b""
    client.ok(putfh(handle), read(stateid))


def test_a_name_of_minor_version_1_is_another_client(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    client.peer.session(client.name).ok(PUTROOTFH)
    client.ok(putfh(handle), read(stateid))


def test_the_numbers_of_other_minor_versions_are_stale(client: Client40) -> None:
    session = client.peer.session(b"other")
    client.fails(t.NFS4ERR_STALE_CLIENTID, renew(session.client_id))
    stateid, handle = session.create(b"b")
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))


# --- Leases ---


def test_a_stateid_renews_the_lease_and_getattr_does_not(
    server: NfsService, client: Client40, reactor: FakeReactor
) -> None:
    stateid, handle = client.create(b"a")
    record = server.registry.clients.get(client.id)
    assert record is not None
    for renewing in (read(stateid), write(stateid, b"x")):
        reactor.now += LEASE / 2
        client.ok(putfh(handle), renewing)
        assert record.renewed == reactor.now
    reactor.now += 1
    client.ok(putfh(handle), getattr_(t.FATTR4_SIZE), read(ANONYMOUS))
    client.introduce(b"verifier")
    assert record.renewed == reactor.now - 1


def test_a_silent_client_gives_way(
    server: NfsService, client: Client40, reactor: FakeReactor
) -> None:
    stateid, handle = client.create(b"a", deny=t.OPEN4_SHARE_DENY_BOTH)
    other = Client40(Peer(server), b"other")
    other.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, other.open_(b"a", create=None))
    reactor.advance(LEASE + 1)
    other.create(b"a", create=None)
    client.fails(t.NFS4ERR_EXPIRED, renew(client.id))
    client.fails(t.NFS4ERR_EXPIRED, putfh(handle), close(stateid, client.next(b"owner")))
    client.fails(t.NFS4ERR_EXPIRED, PUTROOTFH, client.open_(b"a"))


def test_a_silent_client_keeps_what_nobody_wants(client: Client40, reactor: FakeReactor) -> None:
    stateid, handle = client.create(b"a")
    reactor.advance(3 * LEASE)
    client.ok(renew(client.id))
    client.ok(putfh(handle), read(stateid))


# --- Open-owners ---


def test_a_new_open_owner_has_to_confirm(client: Client40) -> None:
    opened = client.ok(PUTROOTFH, client.open_(b"a"), GETFH)
    stateid, handle = opened[1].stateid, bytes(opened[2].object)
    assert opened[1].rflags & t.OPEN4_RESULT_CONFIRM
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))
    client.fails(t.NFS4ERR_BAD_SEQID, putfh(handle), open_confirm(stateid, 9))
    confirmed = client.ok(putfh(handle), open_confirm(stateid, client.next(b"owner")))
    new = confirmed[1].open_stateid
    assert (new.other, new.seqid) == (stateid.other, stateid.seqid + 1)
    client.ok(putfh(handle), read(new))
    client.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), read(stateid))
    client.fails(
        t.NFS4ERR_BAD_STATEID, putfh(handle), open_confirm(new, client.seqids[b"owner"] + 1)
    )
    again = client.ok(PUTROOTFH, client.open_(b"b"))
    assert not again[1].rflags & t.OPEN4_RESULT_CONFIRM


def test_an_owner_that_was_not_confirmed_begins_anew(client: Client40) -> None:
    old = client.ok(PUTROOTFH, client.open_(b"a", seqid=7), GETFH)
    new = client.ok(PUTROOTFH, client.open_(b"a", seqid=70))
    assert new[1].rflags & t.OPEN4_RESULT_CONFIRM
    handle = bytes(old[2].object)
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), open_confirm(old[1].stateid, 71))
    client.ok(putfh(handle), open_confirm(new[1].stateid, 71))


def test_open_is_repeated_with_its_file_handle(client: Client40, server: NfsService) -> None:
    client.create(b"a")
    again = client.open_(b"b", create=t.GUARDED4)
    first = client.ok(PUTROOTFH, again, GETFH)
    second = client.ok(PUTROOTFH, again, GETFH)
    assert second.result == first.result
    assert len(server.registry.states) == 2


def test_a_failure_is_repeated_too(client: Client40) -> None:
    client.create(b"a")
    again = client.open_(b"b", create=None)
    client.fails(t.NFS4ERR_NOENT, PUTROOTFH, again)
    Client40(client.peer, b"other").create(b"b")
    client.fails(t.NFS4ERR_NOENT, PUTROOTFH, again)
    client.ok(PUTROOTFH, client.open_(b"b", create=None))


def test_close_is_repeated_after_the_state_is_gone(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    again = close(stateid, client.next(b"owner"))
    first = client.ok(putfh(handle), again)
    assert client.ok(putfh(handle), again).result == first.result
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(stateid, client.seqids[b"owner"] + 1))
    client.ok(PUTROOTFH, client.open_(b"b"))
    client.fails(t.NFS4ERR_BAD_SEQID, putfh(handle), again)


@pytest.mark.parametrize("seqid", [0, 1, 4, 50])
def test_other_numbers_are_bad(client: Client40, seqid: int) -> None:
    stateid, handle = client.create(b"a")  # has used 1 and 2
    client.fails(t.NFS4ERR_BAD_SEQID, putfh(handle), close(stateid, seqid))
    client.ok(putfh(handle), close(stateid, 3))


def test_a_bad_number_comes_before_a_bad_stateid(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    old = t.stateid4(stateid.seqid - 1, stateid.other)
    client.fails(t.NFS4ERR_BAD_SEQID, putfh(handle), close(old, 50))
    client.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), close(old, 3))


def test_the_same_number_with_other_arguments_is_bad(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    client.ok(PUTROOTFH, client.open_(b"b"))
    client.fails(t.NFS4ERR_BAD_SEQID, PUTROOTFH, client.open_(b"c", seqid=3))
    client.fails(t.NFS4ERR_BAD_SEQID, putfh(handle), close(stateid, 3))


def test_which_failures_count(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    bad = t.stateid4(stateid.seqid + 5, stateid.other)
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(bad, 3))
    client.fails(t.NFS4ERR_NOFILEHANDLE, close(stateid, 3))
    client.fails(t.NFS4ERR_INVAL, putfh(handle), open_downgrade(stateid, 3, 0))
    client.ok(putfh(handle), close(stateid, 4))


def test_downgrade(client: Client40) -> None:
    client.create(b"a", access=READ)
    stateid, handle = client.create(b"a")
    lower = client.ok(putfh(handle), open_downgrade(stateid, client.next(b"owner"), READ))[1]
    client.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(lower.open_stateid, b"x"))


def test_numbers_wrap(client: Client40) -> None:
    client.seqids[b"owner"] = 0xFFFFFFFE
    stateid, handle = client.ok(PUTROOTFH, client.open_(b"a"), GETFH).values[1:]
    new = client.ok(putfh(bytes(handle.object)), open_confirm(stateid.stateid, 0))[1].open_stateid
    client.ok(putfh(bytes(handle.object)), close(new, 1))


@pytest.mark.parametrize(
    ("access", "claim"),
    [
        (BOTH | t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG, None),
        (BOTH, t.open_claim4(t.CLAIM_FH)),
        (0, None),
    ],
)
def test_what_open_has_learnt_since_is_invalid(
    client: Client40, access: int, claim: t.open_claim4 | None
) -> None:
    client.create(b"a")
    client.fails(
        t.NFS4ERR_INVAL, PUTROOTFH, client.open_(b"b", access=access, claim=claim, create=None)
    )


# --- Lock-owners ---


def test_locks_are_numbered_by_their_owner(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    here = putfh(handle)
    first = client.first_lock(stateid, lock_seqid=5)
    locked = client.ok(here, first)[1].lock_stateid
    assert client.ok(here, first)[1].lock_stateid == locked
    more = lock(locked, 6, 20)
    second = client.ok(here, more)[1].lock_stateid
    assert client.ok(here, more)[1].lock_stateid == second
    client.fails(t.NFS4ERR_BAD_SEQID, here, locku(second, 9))
    client.fails(t.NFS4ERR_OLD_STATEID, here, locku(locked, 7))
    # That one counted.
    less = locku(second, 8)
    third = client.ok(here, less)[1]
    assert client.ok(here, less)[1] == third
    assert third.seqid == second.seqid + 1


def test_a_known_lock_owner_goes_on_counting_on_another_file(client: Client40) -> None:
    one, first = client.create(b"a")
    two, second = client.create(b"b")
    client.ok(putfh(first), client.first_lock(one, lock_seqid=1))
    number = client.seqids[b"owner"]
    client.fails(
        t.NFS4ERR_BAD_SEQID, putfh(second), client.first_lock(two, lock_seqid=7, seqid=number + 1)
    )
    client.ok(putfh(second), client.first_lock(two, lock_seqid=2))


def test_denied_is_counted_and_repeated(client: Client40, server: NfsService) -> None:
    stateid, handle = client.create(b"a")
    client.ok(putfh(handle), client.first_lock(stateid))
    other = Client40(Peer(server), b"other")
    their, _ = other.create(b"a", create=None)
    again = other.first_lock(their, lock_seqid=1)
    denied = other.fails(t.NFS4ERR_DENIED, putfh(handle), again)
    assert denied[1].owner.owner == b"locker"
    assert other.fails(t.NFS4ERR_DENIED, putfh(handle), again).result == denied.result
    # It is as new as before: any number will do.
    other.ok(putfh(handle), other.first_lock(their, lock_seqid=40, offset=50))


def test_release_lockowner(client: Client40, server: NfsService) -> None:
    stateid, handle = client.create(b"a")
    locked = client.ok(putfh(handle), client.first_lock(stateid))[1].lock_stateid
    client.fails(t.NFS4ERR_LOCKS_HELD, client.release_lockowner())
    unlocked = client.ok(putfh(handle), locku(locked, 2))[1]
    client.ok(client.release_lockowner())
    client.ok(client.release_lockowner(b"nobody"))
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), lock(unlocked, 3))
    client.ok(putfh(handle), client.first_lock(stateid, lock_seqid=30))
    client.ok(putfh(handle), close(stateid, client.next(b"owner")))
    assert len(server.registry.states) == 0


# --- Stateids and errors ---


def test_stateids_of_another_life_are_stale() -> None:
    store = MemoryRecoveryStore(1)
    config = ServerConfig(times=LeaseTimes(lease=LEASE, grace=0))
    client = Client40(Peer(make_server(store=store, config=config)))
    stateid, _ = client.create(b"a")
    later = make_server(store=store, config=config, seed=2)
    client.peer.server = later
    client.fails(t.NFS4ERR_STALE_CLIENTID, renew(client.id))
    reply = Client40(Peer(later), b"x").create(b"b")
    client.fails(t.NFS4ERR_STALE_STATEID, putfh(reply[1]), read(stateid))


def test_what_a_client_had_is_reclaimed_in_grace() -> None:
    store = MemoryRecoveryStore(1)
    fs_server = make_server(store=store)
    client = Client40(Peer(fs_server))
    client.create(b"a")
    later = make_server(store=store, seed=2, fs=None)
    assert later.registry.grace.active(later._reactor.time())
    back, new = Client40(Peer(later)), Client40(Peer(later), b"new")
    new.fails(t.NFS4ERR_GRACE, PUTROOTFH, new.open_(b"b"))
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)
    new.fails(t.NFS4ERR_RECLAIM_BAD, PUTROOTFH, new.open_(b"", claim=claim, create=None))
    # It is let in; that it is a directory here is found out later.
    back.fails(t.NFS4ERR_ISDIR, PUTROOTFH, back.open_(b"", claim=claim, create=None))
    new.fails(t.NFS4ERR_GRACE, PUTROOTFH, read(ANONYMOUS))


def test_no_number_of_a_stateid_is_special(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    client.fails(t.NFS4ERR_OLD_STATEID, putfh(handle), read(t.stateid4(0, stateid.other)))
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(CURRENT))
    client.ok(putfh(handle), read(ANONYMOUS))


def test_the_size_alone_needs_the_stateid(client: Client40) -> None:
    stateid, handle = client.create(b"a")
    wrong = t.stateid4(9, stateid.other)
    client.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o600}, wrong))
    client.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), setattr_({t.FATTR4_SIZE: 1}, wrong))
    client.ok(putfh(handle), setattr_({t.FATTR4_SIZE: 1}, stateid))


def test_errors_have_the_names_of_this_version(client: Client40) -> None:
    client.fails(t.NFS4ERR_RESTOREFH, RESTOREFH)
    client.ok(PUTROOTFH, mkdir(b"d"))
    client.ok(PUTROOTFH, symlink(b"l", b"a"))
    client.fails(t.NFS4ERR_ISDIR, PUTROOTFH, client.open_(b"d", create=None))
    client.fails(t.NFS4ERR_SYMLINK, PUTROOTFH, client.open_(b"l", create=None))
    client.fails(t.NFS4ERR_RESOURCE, *[PUTROOTFH] * 200)
    client.fails(t.NFS4ERR_OP_ILLEGAL, (t.OP_SEQUENCE, None))


def test_later_attributes_are_hidden(client: Client40) -> None:
    reply = client.ok(PUTROOTFH, getattr_(t.FATTR4_SUPPORTED_ATTRS, t.FATTR4_SUPPATTR_EXCLCREAT))
    assert mask_from_bitmap(reply[1].obj_attributes.attrmask) == 1 << t.FATTR4_SUPPORTED_ATTRS


@pytest.mark.parametrize("minors", [frozenset({1, 2}), frozenset({0})])
def test_versions_that_are_not_served(minors: frozenset[int]) -> None:
    peer = Peer(make_server(config=ServerConfig(minor_versions=minors)))
    for minor in range(3):
        status = peer.call(PUTROOTFH, minor=minor).status
        assert (status == t.NFS4ERR_MINOR_VERS_MISMATCH) == (minor not in minors)


# --- Calls that come twice ---


def test_what_nobody_numbers_is_repeated_by_its_xid(client: Client40) -> None:
    client.ok(PUTROOTFH, mkdir(b"d"))
    for _ in range(3):
        client.ok(PUTROOTFH, remove(b"d"), xid=7)
    client.fails(t.NFS4ERR_NOENT, PUTROOTFH, remove(b"d"), xid=8)
    client.fails(t.NFS4ERR_NOENT, PUTROOTFH, remove(b"e"), xid=7)


def test_what_changes_nothing_is_done_again(client: Client40, server: NfsService) -> None:
    stateid, handle = client.create(b"a")
    assert client.ok(putfh(handle), read(stateid), xid=7)[1].data == b""
    client.ok(putfh(handle), write(stateid, b"abc"))
    assert client.ok(putfh(handle), read(stateid), xid=7)[1].data == b"abc"


def test_replies_are_kept_for_some_time(client: Client40, reactor: FakeReactor) -> None:
    client.ok(PUTROOTFH, mkdir(b"d"))
    client.ok(PUTROOTFH, remove(b"d"), xid=7)
    reactor.advance(600)
    client.fails(t.NFS4ERR_NOENT, PUTROOTFH, remove(b"d"), xid=7)


# --- Where callbacks would go ---


@pytest.mark.parametrize(
    ("netid", "address", "kept"),
    [
        (b"tcp", b"192.0.2.7.3.232", ("192.0.2.7", 1000)),
        (b"tcp", b"192.0.2.8.3.232", None),
        (b"tcp", b"127.0.0.1.3.232", None),
        (b"tcp", b"0.0.0.0.0.0", None),
        (b"tcp", b"192.0.2.7.0.0", None),
        (b"tcp", b"192.0.2.7.3.999", None),
        (b"tcp", b"example.org.3.232", None),
        (b"udp", b"192.0.2.7.3.232", None),
        (b"tcp", b"1" * 500, None),
        (b"tcp", b"\xff\xff.1.1", None),
        (b"", b"", None),
    ],
)
def test_callbacks_are_only_for_where_the_client_is(
    netid: bytes, address: bytes, kept: tuple[str, int] | None
) -> None:
    callback = t.cb_client4(0x40000000, t.netaddr4(netid, address))
    found = CallbackAddress.of(callback, 7, "192.0.2.7")
    assert (None if found is None else (found.address, found.port)) == kept


def test_the_callback_address_changes_when_that_is_confirmed(server: NfsService) -> None:
    client = Client40(Peer(server, address="192.0.2.7"))
    record = server.registry.clients.get(client.id)
    program = 0x40000001
    where = t.cb_client4(program, t.netaddr4(b"tcp", b"192.0.2.7.3.232"))
    client_id, confirm = client.introduce(b"verifier", callback=where)
    assert record.callback is None  # type: ignore[union-attr]
    client.ok(setclientid_confirm(client_id, confirm))
    caller = Credentials.sys(0, 0).to_auth()
    expected = CallbackAddress("192.0.2.7", 1000, program, 1, caller)
    assert record.callback == expected  # type: ignore[union-attr]


@pytest.mark.parametrize("program", [0, 100003, 0x3FFFFFFF, 0x60000000])
def test_no_program_with_a_number_of_its_own_is_called(program: int) -> None:
    callback = t.cb_client4(program, t.netaddr4(b"tcp", b"192.0.2.7.3.232"))
    assert CallbackAddress.of(callback, 7, "192.0.2.7") is None


# --- While a request of an owner waits ---


def send(client: Client40, xid: int, *ops: Op) -> Incoming:
    """Send a compound that may not be answered at once."""
    message = compound_message(ops, 0, b"", ROOT_USER, None, xid)
    incoming = Incoming(message, client.peer.channel, 1 << 20, ())
    client.peer.server.service(incoming)
    return incoming


@pytest.fixture
def opens(client: Client40, monkeypatch: pytest.MonkeyPatch) -> Pending:
    client.create(b"a")
    client.create(b"b")
    return Pending(monkeypatch, MemoryFileSystem, "open")


def test_requests_of_one_owner_wait_for_each_other(client: Client40, opens: Pending) -> None:
    here, other = client.open_(b"a", owner=b"new"), client.open_(b"b", owner=b"new", seqid=2)
    first, second = send(client, 1, PUTROOTFH, here), send(client, 2, PUTROOTFH, other)
    assert (first.outcome, second.outcome, len(opens)) == ("", "", 1)
    opens.answer()
    assert (first.outcome, second.outcome, len(opens)) == ("reply", "", 1)
    opens.answer()
    assert Reply(second).status == t.NFS4_OK


def test_a_repetition_that_waits_is_no_new_request(client: Client40, opens: Pending) -> None:
    stateid, handle = client.create(b"c", owner=b"new")
    again = client.open_(b"a", owner=b"new")
    sent = [send(client, xid, PUTROOTFH, again) for xid in range(3)]
    # The number after it waits behind the repetitions, and a bad one too.
    bad = send(client, 3, putfh(handle), close(stateid, 50))
    last = send(client, 4, putfh(handle), close(stateid, client.next(b"new")))
    assert len(opens) == 1
    opens.answer()
    replies = [Reply(each) for each in sent]
    assert all(each.result == replies[0].result for each in replies)
    assert replies[0].status == t.NFS4_OK
    assert Reply(bad).status == t.NFS4ERR_BAD_SEQID
    assert Reply(last).status == t.NFS4_OK


def test_the_same_call_twice_at_once_is_executed_once(
    client: Client40, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.ok(PUTROOTFH, mkdir(b"d"))
    removes = Pending(monkeypatch, MemoryFileSystem, "remove")
    sent = [send(client, 7, PUTROOTFH, remove(b"d")) for _ in range(3)]
    assert len(removes) == 1
    removes.answer()
    assert {Reply(each).status for each in sent} == {t.NFS4_OK}
    assert len(removes) == 0


def test_the_same_reading_call_twice_at_once_is_executed_twice(
    client: Client40, reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.ok(PUTROOTFH, mkdir(b"d"))
    lookups = Pending(monkeypatch, Namespace, "lookup")
    sent = [send(client, 7, PUTROOTFH, lookup(b"d")) for _ in range(3)]
    for _ in sent:
        while reactor.soon:
            reactor.turn()
        lookups.answer()
    assert {Reply(each).status for each in sent} == {t.NFS4_OK}


def test_a_client_that_is_put_out_while_it_opens(
    client: Client40, server: NfsService, opens: Pending
) -> None:
    first = send(client, 1, PUTROOTFH, client.open_(b"a", owner=b"new"))
    second = send(client, 2, PUTROOTFH, client.open_(b"b", owner=b"new"))
    record = server.registry.clients.get(client.id)
    assert record is not None
    server.registry.retire(record)
    opens.answer()
    assert Reply(first).status == Reply(second).status == t.NFS4ERR_EXPIRED
    assert len(server.registry.states) == 0

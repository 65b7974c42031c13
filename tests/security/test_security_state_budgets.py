"""What peers can make the server remember: bounds, shares, and who goes first.

Each limit is driven to its bound by one address while a client of another one is served.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from click.testing import CliRunner
from tests.support.nfs import (
    LEASE,
    PUTROOTFH,
    FakeChannel,
    FakeReactor,
    Incoming,
    Peer,
    Reply,
    Session,
    close,
    compound_message,
    create_session,
    destroy_clientid,
    destroy_session,
    lock,
    locku,
    make_server,
    open_,
    putfh,
    reclaim_complete,
    test_stateid,
    write,
)

from nfsrdma.cli.serve import serve
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import UNKNOWN_USER
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.engine.offload import OnEnd
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import ClientLimits, StateLimits
from nfsrdma.server.state.principal import THIS_HOST, Principal, share_of
from nfsrdma.server.state.recovery import MemoryRecoveryStore, StoreError
from nfsrdma.server.state.shares import Shares
from nfsrdma.server.vfs.interface import ROOT, Job
from nfsrdma.server.vfs.memory import MemoryFile, MemoryFileSystem
from nfsrdma.server.vfs.memory_node import MemoryNode
from nfsrdma.xdr.nfs4 import types as t

CROWD, GOOD = "192.0.2.9", "192.0.2.2"
CLIENTS = ClientLimits(clients=40, unconfirmed=20)
LIMITS = StateLimits(
    clients=CLIENTS,
    sessions_per_client=8,
    sessions=1 << 20,
    states=60,
    states_per_client=30,
    ranges_per_file=20,
    ranges=50,
)


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


def server_with(reactor: FakeReactor, limits: StateLimits = LIMITS) -> NfsService:
    config = ServerConfig(times=LeaseTimes(LEASE, LEASE), state=limits)
    return make_server(reactor=reactor, config=config)


@pytest.fixture
def server(reactor: FakeReactor) -> NfsService:
    return server_with(reactor)


def served(server: NfsService) -> Session:
    """A newcomer of another address: it gets all that a client needs."""
    session = Peer(server, address=GOOD).session(b"good")
    stateid, handle = session.create(b"good")
    session.ok(putfh(handle), lock(stateid, 0, 1))
    return session


# Records of clients


def test_unconfirmed_records(server: NfsService) -> None:
    crowd, good = Peer(server, address=CROWD), Peer(server, address=GOOD)
    number = good.exchange_id(b"good")[0].eir_clientid
    for count in range(100):
        assert crowd.exchange_id(b"%d" % count).status == t.NFS4_OK
    assert len(server.registry.clients) == 10 + 1
    # The newest are kept.
    latest = crowd.exchange_id(b"latest")[0].eir_clientid
    assert crowd.call(create_session(latest, 1)).status == t.NFS4_OK
    assert good.call(create_session(number, 1)).status == t.NFS4_OK


def test_unconfirmed_records_of_many_addresses(server: NfsService) -> None:
    good = Peer(server, address=GOOD)
    number = good.exchange_id(b"good")[0].eir_clientid
    for count in range(100):
        peer = Peer(server, address=f"192.0.2.{100 + count % 3}")
        assert peer.exchange_id(b"%d" % count).status == t.NFS4_OK
    assert len(server.registry.clients) <= CLIENTS.unconfirmed
    assert good.call(create_session(number, 1)).status == t.NFS4_OK


def test_idle_clients_give_way_to_newcomers(server: NfsService) -> None:
    peer = Peer(server, address=CROWD)
    crowd = [peer.session(b"%d" % count) for count in range(100)]
    assert len(server.registry.clients) == CLIENTS.clients // 2
    good = served(server)
    # The oldest ones went; of the others nobody noticed anything.
    assert crowd[0].run().status == t.NFS4ERR_BADSESSION
    crowd[-1].ok()
    good.ok()


def test_clients_with_open_files_stay(server: NfsService, reactor: FakeReactor) -> None:
    peer = Peer(server, address=CROWD)
    busy = [peer.session(b"busy %d" % count, slots=1) for count in range(CLIENTS.clients // 2)]
    for count, session in enumerate(busy):
        session.create(b"%d" % count)
    assert peer.exchange_id(b"one more").status == t.NFS4ERR_DELAY
    served(server)
    for session in busy:
        session.ok()
    # Until their leases run out.
    reactor.advance(LEASE * 1.5)
    assert peer.session(b"one more").ok()


def test_full_table_takes_from_who_has_most(server: NfsService) -> None:
    small = [Peer(server, address=f"192.0.2.{100 + at}").session(b"x") for at in range(5)]
    peer = Peer(server, address=CROWD)
    for count in range(100):
        peer.session(b"%d" % count)
    peer = Peer(server, address="192.0.2.8")
    for count in range(100):
        peer.session(b"%d" % count)
    # Each has at most what was left for others.
    assert len(server.registry.clients) == 5 + 18 + 9
    served(server)
    for session in small:
        session.ok()


def test_addresses_of_one_ipv6_host_have_one_share(server: NfsService) -> None:
    good = Peer(server, address="2001:db8:1::1").session(b"good")
    for count in range(200):
        Peer(server, address=f"2001:db8:9::{count:x}").session(b"x")
    assert len(server.registry.clients) == CLIENTS.clients // 2 + 1
    good.ok()


@pytest.mark.parametrize("user", [4242, UNKNOWN_USER])
def test_addresses_of_one_user_of_this_host_have_one_share(server: NfsService, user: int) -> None:
    # 127.0.0.0/8 is everybody's: whoever takes many of them is one all the same.
    good = Peer(server, credentials=Credentials.sys(1000, 1000), uid=1000).session(b"good")
    for count in range(200):
        name = Credentials.sys(4242, 4242)
        channel = FakeChannel(f"127.0.{count}.9", user)
        principal = Principal.of(name, channel)
        server.registry.introduce(b"x", b"verifier", principal, 0.0)
    assert len(server.registry.clients) == CLIENTS.unconfirmed // 2 + 1
    good.ok()


def test_users_of_other_hosts_have_the_share_of_their_address() -> None:
    assert share_of(("192.0.2.1", None)) == ("192.0.2.1", None)
    # Root may have as many as it likes in other ways, so its addresses are told apart.
    assert share_of(("127.0.0.5", 0)) == ("127.0.0.5", 0)
    assert share_of(("127.0.0.5", 7)) == share_of(("192.0.2.7", 7)) == share_of((THIS_HOST, 7))


def test_of_many_with_one_record_each_the_longest_silent_goes(
    server: NfsService, reactor: FakeReactor
) -> None:
    good = Peer(server, address=GOOD).session(b"good")
    for count in range(200):
        reactor.advance(0.1)
        Peer(server, address=f"198.51.100.{count}").session(b"x")
        good.ok()
    assert len(server.registry.clients) == CLIENTS.clients


def test_who_may_reclaim_still_may_when_put_out(reactor: FakeReactor) -> None:
    store = MemoryRecoveryStore(7)
    config = ServerConfig(times=LeaseTimes(LEASE, LEASE), state=LIMITS)
    first = make_server(reactor=reactor, config=config, store=store)
    _, handle = Peer(first).session(b"me").create(b"f")
    again = make_server(
        fs=first.namespace.exports[0].fs, reactor=reactor, config=config, store=store, seed=2
    )
    peer = Peer(again)
    session = peer.session(b"me", complete=False)
    for count in range(50):
        peer.session(b"%d" % count)
    assert session.run().status == t.NFS4ERR_BADSESSION
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)
    peer.session(b"me", complete=False).ok(putfh(handle), open_(claim=claim))


# Sessions, slots, the replies in them


def test_sessions_of_one_address(server: NfsService) -> None:
    peer = Peer(server, address=CROWD)
    for count in range(60):
        number = peer.exchange_id(b"%d" % count)[0].eir_clientid
        for sequence in range(1, 12):
            reply = peer.call(create_session(number, sequence, slots=64, cached=16384))
            assert reply.status == t.NFS4_OK
    registry = server.registry
    assert sum(each.reserved for each in registry.sessions.values()) <= LIMITS.sessions // 2
    assert registry._session_room.taken((CROWD, None)) <= LIMITS.sessions // 2
    good = Peer(server, address=GOOD).session(b"good", slots=64, cached=16384)
    assert good.created.csr_fore_chan_attrs.ca_maxrequests >= 2
    good.ok()


def test_sessions_without_cache_count_too(server: NfsService) -> None:
    peer = Peer(server, address=CROWD)
    for count in range(100):
        number = peer.exchange_id(b"%d" % count)[0].eir_clientid
        for sequence in range(1, 9):
            peer.call(create_session(number, sequence, slots=64, cached=0))
    total = sum(each.reserved for each in server.registry.sessions.values())
    assert total <= LIMITS.sessions // 2


def test_first_session_of_an_address_comes_in_any_case(reactor: FakeReactor) -> None:
    limits = replace(LIMITS, sessions=1 << 18, states=1000)
    server = server_with(reactor, limits)
    for address in (CROWD, "192.0.2.8", "192.0.2.7"):
        peer = Peer(server, address=address)
        for count in range(10):
            number = peer.exchange_id(b"%d" % count)[0].eir_clientid
            reply = peer.call(create_session(number, 1, slots=64, cached=16384))
            if reply.status != t.NFS4_OK:
                break
            # Nobody may be put out.
            session = Session(peer, number, reply[0])
            session.ok(reclaim_complete())
            session.create(b"%d" % count)
        assert reply.status == t.NFS4ERR_DELAY
    good = served(server)
    assert good.created.csr_fore_chan_attrs.ca_maxrequests == 1


def test_what_slots_keep_unasked_is_little(server: NfsService) -> None:
    peer = Peer(server)
    session = peer.session(b"me", cached=0)
    first = session.run(tag=b"")
    assert peer.call(session.sequence(seqid=session.seqid)).body == first.body
    session.run(tag=b"x" * 1024)
    (slot,) = server.registry.session(session.id)._slots
    assert slot.reply is None
    again = peer.call(session.sequence(seqid=session.seqid), tag=b"x" * 1024)
    assert again.status == t.NFS4_OK
    assert len(again.ops) == 1


def test_room_comes_back(server: NfsService) -> None:
    for count in range(200):
        peer = Peer(server, address=f"192.0.2.{count}")
        session = peer.session(b"x", slots=64)
        session.create(b"%d" % count)
        server.registry.expire(server.registry.sessions[session.id].client)
    registry = server.registry
    assert registry._session_room.free == LIMITS.sessions
    for left in (
        registry._session_room,
        registry.states._room,
        registry.states._files,
        registry.states._ranges,
        registry.clients._room,
        registry.clients._unconfirmed_room,
        registry.clients._records,
    ):
        assert not left


# Opens, lock owners, ranges


def test_opens_of_one_address(server: NfsService) -> None:
    handles = []
    for number in range(4):
        session = Peer(server, address=CROWD).session(b"%d" % number)
        for at in range(50):
            reply = session.run(PUTROOTFH, open_(b"%d" % at, create=t.UNCHECKED4))
            if reply.status != t.NFS4_OK:
                assert reply.status == t.NFS4ERR_DELAY
                # It was refused before the file was made.
                assert session.run(PUTROOTFH, open_(b"%d" % at)).status in (
                    t.NFS4ERR_DELAY,
                    t.NFS4ERR_NOENT,
                )
                break
            handles.append(reply)
    assert len(handles) == LIMITS.states // 2
    served(server)


def test_courtesy_ends_when_opens_are_short(server: NfsService, reactor: FakeReactor) -> None:
    gone = Peer(server, address=CROWD).session(b"gone")
    for at in range(LIMITS.states_per_client):
        gone.create(b"%d" % at)
    reactor.advance(LEASE * 2)
    back = Peer(server, address=CROWD).session(b"back")
    for at in range(LIMITS.states_per_client):
        back.create(b"%d" % at)
    assert gone.run().status == t.NFS4ERR_BADSESSION


def test_ranges(server: NfsService) -> None:
    crowd = Peer(server, address=CROWD).session(b"crowd")
    granted = 0
    for name in (b"f", b"g"):
        stateid, handle = crowd.create(name)
        for at in range(50):
            reply = crowd.run(putfh(handle), lock(stateid, at * 2, 1))
            if reply.status != t.NFS4_OK:
                assert reply.status == t.NFS4ERR_DELAY
                break
            granted += 1
    assert LIMITS.ranges // 2 - 2 <= granted <= LIMITS.ranges // 2
    served(server)


def test_unlocking_makes_no_ranges_without_end(server: NfsService) -> None:
    session = Peer(server).session(b"me")
    stateid, handle = session.create(b"f")
    locked = session.ok(putfh(handle), lock(stateid, 0, (1 << 64) - 1))[2].lock_stateid
    for at in range(100):
        reply = session.run(putfh(handle), locku(t.stateid4(0, locked.other), at * 2 + 1, 1))
        if reply.status != t.NFS4_OK:
            break
    assert reply.status == t.NFS4ERR_LOCK_RANGE
    session.ok(putfh(handle), locku(t.stateid4(0, locked.other), 0, (1 << 64) - 1))
    client = server.registry.sessions[session.id].client
    assert client.ranges == len(server.registry.states._ranges) == 0


# Nothing is quadratic: counted in steps, not in time


class CountedDict(dict):  # type: ignore[type-arg]
    """A dictionary that counts how often it is walked through."""

    walks = 0

    def values(self):  # type: ignore[no-untyped-def]
        type(self).walks += 1
        return super().values()


def test_opens_of_one_file_are_not_walked(reactor: FakeReactor) -> None:
    server = server_with(reactor, StateLimits())
    session = Peer(server).session(b"me")
    _, handle = session.create(b"f", owner=b"first")
    (file,) = server.registry.states._files.values()
    CountedDict.walks = 0
    file.opens = CountedDict(file.opens)
    stateids = []
    for at in range(200):
        reply = session.ok(PUTROOTFH, open_(b"f", owner=b"%d" % at))
        stateids.append(reply[2].stateid)
        session.ok(putfh(handle), lock(reply[2].stateid, at, 1, owner=b"%d" % at))
    for each in stateids:
        session.ok(putfh(handle), close(each))
    server.registry.states.drop_client(server.registry.sessions[session.id].client)
    assert CountedDict.walks == 0
    assert len(server.registry.states) == 0


def test_files_of_a_large_client_are_closed_in_portions(reactor: FakeReactor) -> None:
    server = server_with(reactor, StateLimits())
    fs = server.namespace.exports[0].fs
    assert isinstance(fs, MemoryFileSystem)
    session = Peer(server).session(b"me")
    session.create(b"f")
    for at in range(1100):
        session.ok(PUTROOTFH, open_(b"f", owner=b"%d" % at))
    node = fs.lookup(fs.root, b"f", ROOT)
    assert isinstance(node, MemoryNode)
    server.registry.expire(server.registry.sessions[session.id].client)
    left = [node.opens]
    # Nobody has it open any more, as far as others are concerned.
    served(server).ok(PUTROOTFH, open_(b"f", deny=t.OPEN4_SHARE_DENY_BOTH))
    while node.opens > 1:
        reactor.turn()
        left.append(node.opens)
    assert left == [1101, 1102 - 512, 1102 - 1024, 1]


def test_many_stateids_are_tested_at_once(server: NfsService) -> None:
    session = Peer(server).session(b"me", request=1 << 20, response=1 << 20)
    stateid, _ = session.create(b"f")
    unknown = t.stateid4(1, b"x" * 12)
    newer = t.stateid4(stateid.seqid + 1, stateid.other)
    reply = session.ok(test_stateid(*[stateid, unknown, newer] * 10_000))
    assert (
        reply[1].tsr_status_codes
        == [
            t.NFS4_OK,
            t.NFS4ERR_BAD_STATEID,
            t.NFS4ERR_BAD_STATEID,
        ]
        * 10_000
    )


# A store whose disk is full


class FullStore(MemoryRecoveryStore):
    """A store that can be out of room."""

    full = False

    def _check(self) -> None:
        if self.full:
            raise StoreError("no room")

    def add(self, owner: bytes) -> None:
        self._check()
        super().add(owner)

    def remove(self, owner: bytes) -> None:
        self._check()
        super().remove(owner)

    def end_grace(self) -> None:
        self._check()
        super().end_grace()


def test_no_state_without_a_record(reactor: FakeReactor) -> None:
    store = FullStore(7)
    peer = Peer(make_server(reactor=reactor, store=store))
    store.full = True
    session = peer.session(b"me", complete=False)
    session.fails(t.NFS4ERR_DELAY, reclaim_complete())
    session.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"f", create=t.UNCHECKED4))
    store.full = False
    session.ok(reclaim_complete())
    session.create(b"f")


def test_sweeps_go_on(reactor: FakeReactor, caplog: pytest.LogCaptureFixture) -> None:
    store = FullStore(7)
    server = make_server(reactor=reactor, store=store)
    for name in (b"one", b"two", b"three"):
        Peer(server).session(name)
    store.full = True
    with caplog.at_level(logging.WARNING):
        reactor.advance(LEASE * 4)
        assert len(caplog.records) == 1
        # Nobody is forgotten whom the list would still let reclaim.
        assert len(server.registry.clients) == len(store._owners) == 3
        store.full = False
        reactor.advance(LEASE)
    assert len(server.registry.clients) == len(store._owners) == 0
    assert len(caplog.records) == 2


def test_who_leaves_waits_for_the_disk(reactor: FakeReactor) -> None:
    store = FullStore(7)
    peer = Peer(make_server(reactor=reactor, store=store))
    session = peer.session(b"me")
    peer.call(destroy_session(session.id))
    store.full = True
    assert peer.call(destroy_clientid(session.client_id)).status == t.NFS4ERR_DELAY
    store.full = False
    assert peer.call(destroy_clientid(session.client_id)).status == t.NFS4_OK


def test_state_is_not_passed_on_without_a_record(reactor: FakeReactor) -> None:
    store = FullStore(7)
    server = make_server(reactor=reactor, store=store)
    Peer(server).session(b"gone").create(b"f", deny=t.OPEN4_SHARE_DENY_WRITE)
    other = Peer(server).session(b"here")
    for _ in range(3):
        reactor.advance(LEASE * 0.6)
        other.ok()
    store.full = True
    other.fails(t.NFS4ERR_DELAY, PUTROOTFH, open_(b"f"))
    store.full = False
    other.ok(PUTROOTFH, open_(b"f"))


def test_grace_ends_when_that_is_on_record(
    reactor: FakeReactor, caplog: pytest.LogCaptureFixture
) -> None:
    store = FullStore(7)
    Peer(make_server(reactor=reactor, store=store)).session(b"late")
    server = make_server(reactor=reactor, store=store, seed=2)
    here = Peer(server).session(b"here")
    store.full = True
    for _ in range(30):
        reactor.advance(LEASE * 0.1)
        here.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"f", create=t.UNCHECKED4))
    assert len([each for each in caplog.records if "grace" in each.message]) == 1
    store.full = False
    reactor.advance(2)
    here.create(b"f")


def test_a_disk_that_fails_keeps_nobody(
    reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(reactor=reactor)
    session = Peer(server).session(b"me")
    for name in (b"f", b"g"):
        session.create(name)
    monkeypatch.setattr(MemoryFile, "close", _fails)
    for client in server.registry.clients.confirmed():
        server.registry.expire(client)
    assert len(server.registry.clients) == len(server.registry.states) == 0


def _fails(self: MemoryFile) -> None:
    raise OSError(5, "the disk is gone")


def test_client_that_is_put_out_amid_its_call(
    reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[tuple[Job, OnEnd]] = []
    server = make_server(reactor=reactor, threads=lambda job, later: waiting.append((job, later)))
    monkeypatch.setattr(MemoryFile, "sync", lambda self, metadata: lambda: None)
    peer = Peer(server)
    session = peer.session(b"me")
    stateid, handle = session.create(b"f")
    ops = (session.sequence(), putfh(handle), write(stateid, b"x", stable=t.FILE_SYNC4))
    new = (PUTROOTFH, open_(b"g", create=t.UNCHECKED4))
    call = Incoming(
        compound_message((*ops, *new), 2, b"", peer.credentials), peer.channel, 1 << 20, ()
    )
    server.service(call)
    ((job, later),) = waiting
    server.registry.expire(server.registry.sessions[session.id].client)
    job()
    later(None)
    assert Reply(call).statuses[-1] == t.NFS4ERR_EXPIRED
    # Nothing is left that nobody would ever take away.
    assert len(server.registry.states) == 0


def test_client_that_starts_again_stays_on_record(reactor: FakeReactor) -> None:
    store = MemoryRecoveryStore(7)
    peer = Peer(make_server(reactor=reactor, store=store))
    peer.session(b"me")
    number = peer.exchange_id(b"me", b"restart!")[0].eir_clientid
    assert peer.call(create_session(number, 1)).status == t.NFS4_OK
    reactor.advance(LEASE * 3)
    assert not store._owners


# The rule


def test_nobody_has_more_than_is_left() -> None:
    shares = Shares(100)
    for number, expected in ((1, 50), (2, 25), (3, 13), (4, 6)):
        source = (f"192.0.2.{number}", None)
        taken = 0
        while shares.room(source):
            shares.acquire(source, 1)
            taken += 1
        assert taken == shares.taken(source) == expected
        assert shares.free >= taken - 1
    assert shares.room((GOOD, 1000))
    shares.release(("192.0.2.1", None), 50)
    assert len(shares) == 3
    assert shares.room(("192.0.2.2", None)) == 16


def test_help_names_the_limits() -> None:
    text = CliRunner().invoke(serve, ["--help"]).output
    config = ServerConfig()
    limits = config.state
    for number in (
        limits.clients.clients,
        limits.clients.unconfirmed,
        limits.sessions >> 20,
        limits.sessions_per_client,
        limits.ranges,
        limits.states_per_client,
        limits.ranges_per_file,
        config.memory >> 20,
    ):
        assert f" {number} " in text.replace("\n", " ").replace(",", " ") + " "

"""Nobody takes over, or ends, what another client has: clients, sessions, their names."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.nfs import (
    LEASE,
    PUTROOTFH,
    FakeReactor,
    Op,
    Peer,
    Session,
    create_session,
    destroy_clientid,
    destroy_session,
    make_server,
    open_,
    putfh,
    read,
    reclaim_complete,
)

from nfsrdma.rpcrdma.rpc import channel
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import UNKNOWN_USER
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.state.stateid import ANONYMOUS, BYPASS
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import AUTH_TOOWEAK

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.9"
ALICE, MALLORY = Credentials.sys(1000, 1000), Credentials.sys(4242, 4242)
UPDATE = t.EXCHGID4_FLAG_UPD_CONFIRMED_REC_A
RECLAIM = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def server(reactor: FakeReactor) -> NfsService:
    return make_server(reactor=reactor)


@pytest.fixture
def victim(server: NfsService) -> Session:
    return Peer(server, ALICE, HERE).session(b"host")


STRANGERS = {
    "another address": (ALICE, ELSEWHERE, None),
    "another user of another address": (MALLORY, ELSEWHERE, None),
    "another user": (MALLORY, HERE, None),
    "another process": (MALLORY, HERE, MALLORY.uid),
}


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, server: NfsService) -> Peer:
    credentials, address, uid = STRANGERS[request.param]
    return Peer(server, credentials, address, uid)


def bind(session_id: bytes) -> Op:
    return t.OP_BIND_CONN_TO_SESSION, t.BIND_CONN_TO_SESSION4args(
        session_id, t.CDFC4_FORE_OR_BOTH, False
    )


def test_strangers_manage_nothing(victim: Session, stranger: Peer) -> None:
    for op in (
        create_session(victim.client_id, 1),  # repeated: its reply names the session
        create_session(victim.client_id, 2),
        bind(victim.id),
        destroy_session(victim.id),
        destroy_clientid(victim.client_id),
    ):
        reply = stranger.call(op)
        assert reply.status in (
            t.NFS4ERR_STALE_CLIENTID,
            t.NFS4ERR_BADSESSION,
            t.NFS4ERR_WRONG_CRED,
        ), (op, reply)
    victim.ok(PUTROOTFH)
    assert len(victim.peer.server.registry.sessions) == 1


def test_name_of_a_session_is_no_right_to_it(server: NfsService) -> None:
    # Whoever has seen it: its slots are moved on, and its replies repeated, for nobody else.
    victim = Peer(server, ALICE, HERE, ALICE.uid).session(b"local")
    victim.ok(PUTROOTFH)
    for credentials, address, uid in (
        (ALICE, ELSEWHERE, None),
        (MALLORY, HERE, MALLORY.uid),
    ):
        stranger = Peer(server, credentials, address, uid)
        sequence = t.OP_SEQUENCE, t.SEQUENCE4args(victim.id, victim.seqid + 1, 0, 0, True)
        assert stranger.call(sequence).status == t.NFS4ERR_BADSESSION
    victim.ok(PUTROOTFH)
    (session,) = server.registry.sessions.values()
    assert list(session.connections) == [victim.peer.channel]


def test_a_host_that_gets_another_address_goes_on(victim: Session, server: NfsService) -> None:
    victim.ok(PUTROOTFH)
    victim.peer = Peer(server, ALICE, ELSEWHERE)
    victim.ok(PUTROOTFH)
    (session,) = server.registry.sessions.values()
    assert victim.peer.channel in session.connections
    # It manages nothing from there, as who could not call before.
    assert victim.peer.call(destroy_session(victim.id)).status == t.NFS4ERR_BADSESSION


def test_a_host_with_two_addresses_is_called_at_both(victim: Session, server: NfsService) -> None:
    """Who knows the session's name, and so calls in it, may be called, if he is the same user."""
    second = Peer(server, ALICE, ELSEWHERE)
    assert second.call(bind(victim.id)).status == t.NFS4ERR_BADSESSION
    sequence = t.OP_SEQUENCE, t.SEQUENCE4args(victim.id, 1, 5, 5, False)
    assert second.call(sequence).status == t.NFS4_OK
    assert second.call(bind(victim.id), credentials=MALLORY).status == t.NFS4ERR_WRONG_CRED
    (session,) = server.registry.sessions.values()
    assert second.channel not in session.back.paths
    assert second.call(bind(victim.id)).status == t.NFS4_OK
    assert second.channel in session.back.paths
    # It still manages nothing from there.
    assert second.call(destroy_session(victim.id)).status == t.NFS4ERR_BADSESSION
    assert second.call(create_session(victim.client_id, 2)).status == t.NFS4ERR_STALE_CLIENTID
    victim.ok(PUTROOTFH)


def test_owner_string_of_another_client(victim: Session, stranger: Peer) -> None:
    for verifier in (b"verifier", b"restart!"):
        reply = stranger.exchange_id(b"host", verifier)
        if reply.status == t.NFS4_OK:
            # A client of its own, with nothing of the other's.
            assert reply[0].eir_clientid != victim.client_id
            assert not reply[0].eir_flags & t.EXCHGID4_FLAG_CONFIRMED_R
            assert stranger.call(create_session(reply[0].eir_clientid, 1)).status == t.NFS4_OK
        else:
            assert reply.status == t.NFS4ERR_CLID_INUSE
        victim.ok(PUTROOTFH)


def test_update_of_another_client(victim: Session, stranger: Peer) -> None:
    reply = stranger.exchange_id(b"host", flags=UPDATE)
    assert reply.status in (t.NFS4ERR_PERM, t.NFS4ERR_NOENT)


def test_owner_string_cannot_be_taken_first(server: NfsService) -> None:
    Peer(server, MALLORY, ELSEWHERE).session(b"host").create(b"x")
    assert Peer(server, ALICE, HERE).session(b"host").ok(PUTROOTFH)


def test_unconfirmed_record_is_not_replaced_from_elsewhere(server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    number = peer.exchange_id(b"host")[0].eir_clientid
    Peer(server, ALICE, ELSEWHERE).exchange_id(b"host")
    assert peer.call(create_session(number, 1)).status == t.NFS4_OK


def test_reclaim_takes_the_same_source(reactor: FakeReactor) -> None:
    store = MemoryRecoveryStore(7)
    server = make_server(reactor=reactor, store=store)
    _, handle = Peer(server, ALICE, HERE).session(b"host").create(b"f")
    again = make_server(fs=server.namespace.exports[0].fs, reactor=reactor, store=store, seed=2)
    thief = Peer(again, ALICE, ELSEWHERE).session(b"host", complete=False)
    thief.fails(t.NFS4ERR_RECLAIM_BAD, putfh(handle), open_(claim=RECLAIM))
    # Nor does it end the time that the other one has.
    thief.ok(reclaim_complete())
    holder = Peer(again, ALICE, HERE).session(b"host", complete=False)
    holder.ok(putfh(handle), open_(claim=RECLAIM))


# Who may


def test_client_that_reconnects(victim: Session, server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    peer.channel.peer = channel.Peer("rdma", HERE, 50000)
    assert peer.call(bind(victim.id)).status == t.NFS4_OK
    assert peer.call(create_session(victim.client_id, 2)).status == t.NFS4_OK
    assert peer.exchange_id(b"host")[0].eir_clientid == victim.client_id
    victim.peer.channel.close()
    assert peer.call(destroy_session(victim.id)).status == t.NFS4_OK


def test_client_that_starts_again(victim: Session, server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    number = peer.exchange_id(b"host", b"restart!")[0].eir_clientid
    assert peer.call(create_session(number, 1)).status == t.NFS4_OK
    assert victim.run().status == t.NFS4ERR_BADSESSION


def test_client_that_comes_back_elsewhere(server: NfsService, reactor: FakeReactor) -> None:
    Peer(server, ALICE, HERE).session(b"host").create(b"f", deny=t.OPEN4_SHARE_DENY_WRITE)
    reactor.advance(LEASE + 1)
    moved = Peer(server, ALICE, ELSEWHERE).session(b"host")
    moved.ok(PUTROOTFH, open_(b"f"))


def local(server: NfsService, transport: str, address: str, uid: int) -> Peer:
    """A process of this host."""
    peer = Peer(server, ALICE)
    peer.channel.peer = channel.Peer(transport, address, 50000, uid)
    return peer


def test_client_of_this_host_by_whatever_way(server: NfsService) -> None:
    """RDMA takes a free address of the host, shared memory the server's: what stays is the user."""
    session = local(server, "tcp", "127.0.0.1", 1000).session(b"host")
    for again in (
        local(server, "rdma", "127.0.0.7", 1000),
        local(server, "rdma", "192.0.2.1", 1000),
        local(server, "tcp", "192.0.2.1", 1000),
        local(server, "tcp", "::1", 1000),
    ):
        assert again.call(bind(session.id)).status == t.NFS4_OK
        assert again.exchange_id(b"host")[0].eir_clientid == session.client_id
    for other in (
        local(server, "tcp", "127.0.0.2", 1000),  # asked for, to be told from the others
        Peer(server, ALICE),
    ):
        assert other.call(bind(session.id)).status == t.NFS4ERR_BADSESSION
    for liar in (
        local(server, "rdma", "127.0.0.7", 1001),
        local(server, "tcp", "127.0.0.1", 1001),
        local(server, "tcp", "127.0.0.1", UNKNOWN_USER),
    ):
        assert liar.send(bind(session.id)).denied == AUTH_TOOWEAK


def test_root_of_this_host_speaks_for_all_of_its_users(server: NfsService) -> None:
    session = local(server, "tcp", "127.0.0.1", 0).session(b"host")
    again = local(server, "rdma", "127.0.0.1", 0)
    assert again.call(bind(session.id), credentials=MALLORY).status == t.NFS4_OK


def test_root_of_a_container_is_not_root_of_this_host(server: NfsService) -> None:
    home = local(server, "tcp", "127.0.0.1", 0)
    home.channel.peer = replace(home.channel.peer, at_home=True)
    session = home.session(b"host")
    away = local(server, "tcp", "127.0.0.1", 0)
    assert away.call(bind(session.id)).status == t.NFS4ERR_BADSESSION
    assert away.exchange_id(b"host")[0].eir_clientid != session.client_id
    session.ok()


def test_strangers_are_in_the_log_once(
    victim: Session, server: NfsService, caplog: pytest.LogCaptureFixture
) -> None:
    thief = Peer(server, MALLORY, ELSEWHERE)
    for _ in range(50):
        thief.call(destroy_session(victim.id))
        thief.call(create_session(victim.client_id, 2))
    (line,) = caplog.messages
    assert ELSEWHERE in line
    assert "not its own" in line


# Names


def test_nothing_can_be_guessed(server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    sessions = [peer.session(b"%d" % number) for number in range(50)]
    states = [session.create(b"f%d" % at)[0].other for at, session in enumerate(sessions)]
    for names, octets in (
        ([session.client_id.to_bytes(8, "big") for session in sessions], range(8)),
        ([session.id for session in sessions], range(4, 16)),
        (states, range(12)),
    ):
        assert len(set(names)) == len(names)
        for at in octets:
            # No octet is a count, or the same for all.
            assert len({name[at] for name in names}) > 30


class Unlucky:
    """A generator whose first results are the worst there are."""

    def __init__(self) -> None:
        self.numbers = [0, 5, 5, 6]
        self.octets = [ANONYMOUS, BYPASS, b"a" * 12, b"a" * 12, b"b" * 12]

    def getrandbits(self, bits: int) -> int:
        return self.numbers.pop(0)

    def randbytes(self, size: int) -> bytes:
        return self.octets.pop(0)


def test_names_are_unique_and_never_special(server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    session = peer.session(b"host")
    registry, unlucky = server.registry, Unlucky()
    registry.clients._random = unlucky  # type: ignore[assignment]
    assert [peer.exchange_id(name)[0].eir_clientid for name in (b"1", b"2")] == [5, 6]
    registry.states._random = unlucky  # type: ignore[assignment]
    assert [session.create(name)[0].other for name in (b"f", b"g")] == [b"a" * 12, b"b" * 12]


def test_stateid_of_another_client(victim: Session, server: NfsService) -> None:
    stateid, handle = victim.create(b"f")
    other = Peer(server, ALICE, HERE).session(b"other")
    other.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(stateid))


# DESTROY_SESSION and connections (RFC 8881, Section 18.37.3)


def test_session_is_destroyed_over_its_own_connections(victim: Session, server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    bound = t.NFS4ERR_CONN_NOT_BOUND_TO_SESSION
    assert peer.call(destroy_session(victim.id)).status == bound
    assert peer.call(victim.sequence()).status == t.NFS4_OK
    assert peer.call(destroy_session(victim.id)).status == t.NFS4_OK


def test_session_without_connections_is_destroyed_over_any(
    victim: Session, server: NfsService
) -> None:
    victim.peer.channel.close()
    assert Peer(server, ALICE, HERE).call(destroy_session(victim.id)).status == t.NFS4_OK


def test_connections_of_a_session_are_bounded(victim: Session, server: NfsService) -> None:
    peers = [Peer(server, ALICE, HERE) for _ in range(200)]
    for peer in peers:
        assert peer.call(bind(victim.id)).status == t.NFS4_OK
    session = server.registry.session(victim.id)
    assert len(session.connections) == len(session.back.paths) == 64
    assert peers[-1].call(destroy_session(victim.id)).status == t.NFS4_OK
    for peer in (victim.peer, *peers):
        peer.channel.close()
    assert not server.registry._bound


def test_connection_that_ended_before_it_was_noted(victim: Session, server: NfsService) -> None:
    peer = Peer(server, ALICE, HERE)
    peer.channel.on_close = lambda callback: callback("gone")  # type: ignore[method-assign]
    assert peer.call(bind(victim.id)).status == t.NFS4_OK
    assert peer.channel not in server.registry.session(victim.id).connections
    assert peer.channel not in server.registry._bound

"""EXCHANGE_ID, CREATE_SESSION, SEQUENCE and the rest: one rule a test."""

from __future__ import annotations

import pytest
from tests.support.nfs import (
    GETFH,
    LEASE,
    PUTROOTFH,
    FakeReactor,
    Op,
    Peer,
    Reply,
    Session,
    channel_attributes,
    create_session,
    destroy_clientid,
    destroy_session,
    lookup,
    make_server,
    mkdir,
    open_,
    reclaim_complete,
    remove,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import ClientLimits, StateLimits
from nfsrdma.server.state.session import SESSION_OCTETS, SLOT_OCTETS, Fingerprint, Slot
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.errors import NfsError

OTHER_USER = Credentials.sys(7, 7)
A_CALL: Fingerprint = (3, 1, 0, 1234)
UPDATE = t.EXCHGID4_FLAG_UPD_CONFIRMED_REC_A


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def server(reactor: FakeReactor) -> NfsService:
    return make_server(reactor=reactor)


@pytest.fixture
def peer(server: NfsService) -> Peer:
    return Peer(server)


@pytest.fixture
def session(peer: Peer) -> Session:
    return peer.session()


def confirmed(peer: Peer, owner: bytes = b"me") -> int:
    """A client that has a session: its number."""
    return peer.session(owner).client_id


# EXCHANGE_ID: the cases of RFC 8881, Section 18.35.4


def test_new_client(peer: Peer) -> None:
    reply = peer.exchange_id(b"me")
    assert reply.status == t.NFS4_OK
    assert reply[0].eir_sequenceid == 1
    assert reply[0].eir_flags == t.EXCHGID4_FLAG_USE_NON_PNFS
    assert reply[0].eir_state_protect.spr_how == t.SP4_NONE


def test_same_again_before_confirmation_replaces(peer: Peer) -> None:
    first, second = peer.exchange_id(b"me")[0], peer.exchange_id(b"me")[0]
    assert first.eir_clientid != second.eir_clientid
    old = peer.call(create_session(first.eir_clientid, 1))
    assert old.status == t.NFS4ERR_STALE_CLIENTID


def test_same_again_after_confirmation_is_the_same(peer: Peer) -> None:
    number = confirmed(peer)
    reply = peer.exchange_id(b"me")
    assert reply[0].eir_clientid == number
    assert reply[0].eir_flags & t.EXCHGID4_FLAG_CONFIRMED_R
    assert reply[0].eir_sequenceid == 2


def test_restarted_client_keeps_its_old_state_until_confirmed(peer: Peer) -> None:
    session = peer.session(b"me")
    again = peer.exchange_id(b"me", b"restart!")[0]
    assert again.eir_clientid != session.client_id
    session.ok(PUTROOTFH)
    assert peer.call(create_session(again.eir_clientid, 1)).status == t.NFS4_OK
    reply = session.run(PUTROOTFH)
    assert reply.status == t.NFS4ERR_BADSESSION


def test_restart_that_is_taken_back(peer: Peer) -> None:
    number = confirmed(peer)
    again = peer.exchange_id(b"me", b"restart!")[0]
    assert peer.exchange_id(b"me")[0].eir_clientid == number
    reply = peer.call(create_session(again.eir_clientid, 1))
    assert reply.status == t.NFS4ERR_STALE_CLIENTID


def test_other_principal_with_state_in_use(peer: Peer) -> None:
    peer.session(b"me").create(b"f")
    reply = peer.exchange_id(b"me", credentials=OTHER_USER)
    assert reply.status == t.NFS4ERR_CLID_INUSE


def test_other_principal_with_a_session_in_use(peer: Peer) -> None:
    session = peer.session(b"me")
    reply = peer.exchange_id(b"me", credentials=OTHER_USER)
    assert reply.status == t.NFS4ERR_CLID_INUSE
    session.ok(PUTROOTFH)


def test_other_principal_without_session_replaces(peer: Peer) -> None:
    session = peer.session(b"me")
    peer.call(destroy_session(session.id))
    assert peer.exchange_id(b"me", credentials=OTHER_USER).status == t.NFS4_OK
    reply = peer.call(create_session(session.client_id, 2))
    assert reply.status == t.NFS4ERR_STALE_CLIENTID


def test_other_principal_after_the_lease_replaces(peer: Peer, reactor: FakeReactor) -> None:
    peer.session(b"me").create(b"f")
    reactor.advance(LEASE + 1)
    assert peer.exchange_id(b"me", credentials=OTHER_USER).status == t.NFS4_OK


def test_update(peer: Peer) -> None:
    number = confirmed(peer)
    reply = peer.exchange_id(b"me", flags=UPDATE)
    assert reply[0].eir_clientid == number
    assert reply[0].eir_flags & t.EXCHGID4_FLAG_CONFIRMED_R


def test_update_of_nobody(peer: Peer) -> None:
    assert peer.exchange_id(b"me", flags=UPDATE).status == t.NFS4ERR_NOENT
    peer.exchange_id(b"me")
    assert peer.exchange_id(b"me", flags=UPDATE).status == t.NFS4ERR_NOENT


def test_update_with_other_verifier(peer: Peer) -> None:
    confirmed(peer)
    assert peer.exchange_id(b"me", b"restart!", UPDATE).status == t.NFS4ERR_NOT_SAME


def test_update_by_other_principal(peer: Peer) -> None:
    confirmed(peer)
    reply = peer.exchange_id(b"me", flags=UPDATE, credentials=OTHER_USER)
    assert reply.status == t.NFS4ERR_PERM


@pytest.mark.parametrize("flags", [0x8, 0x200, t.EXCHGID4_FLAG_CONFIRMED_R])
def test_exchange_flags(peer: Peer, flags: int) -> None:
    assert peer.exchange_id(b"me", flags=flags).status == t.NFS4ERR_INVAL


def test_state_protection_is_not_offered(peer: Peer) -> None:
    owner = t.client_owner4(b"verifier", b"me")
    ops = t.state_protect_ops4([], [])
    for protection, status in (
        (t.state_protect4_a(t.SP4_MACH_CRED, ops), t.NFS4ERR_INVAL),
        (
            t.state_protect4_a(t.SP4_SSV, t.ssv_sp_parms4(ops, [], [], 1, 1)),
            t.NFS4ERR_ENCR_ALG_UNSUPP,
        ),
    ):
        arguments = t.EXCHANGE_ID4args(owner, 0, protection, [])
        assert peer.call((t.OP_EXCHANGE_ID, arguments)).status == status


def test_unconfirmed_clients_are_forgotten(peer: Peer, reactor: FakeReactor) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    reactor.advance(LEASE * 1.5)
    assert peer.call(create_session(number, 1)).status == t.NFS4ERR_STALE_CLIENTID


def test_number_of_clients_is_bounded(reactor: FakeReactor) -> None:
    limits = StateLimits(clients=ClientLimits(clients=16, unconfirmed=8))
    config = ServerConfig(times=LeaseTimes(LEASE), state=limits)
    server = make_server(reactor=reactor, config=config)
    peer = Peer(server)
    for number in range(50):
        assert peer.exchange_id(b"%d" % number).status == t.NFS4_OK
    assert len(server.registry.clients) <= 8
    sessions = [peer.session(b"c%d" % number) for number in range(4)]
    for number in range(4, 8):
        peer.exchange_id(b"c%d" % number)
        reply = peer.exchange_id(b"c%d" % number)
        if reply.status == t.NFS4_OK:
            peer.call(create_session(reply[0].eir_clientid, 1))
    assert len(server.registry.clients) <= 8
    for session in sessions:
        session.ok(PUTROOTFH)


def test_courtesy_ends_when_the_table_is_full(reactor: FakeReactor) -> None:
    limits = StateLimits(clients=ClientLimits(clients=4, unconfirmed=4))
    config = ServerConfig(times=LeaseTimes(LEASE), state=limits)
    server = make_server(reactor=reactor, config=config)
    peer = Peer(server)
    old = peer.session(b"old")
    old.create(b"f")
    reactor.advance(LEASE * 2)
    peer.session(b"new").create(b"g")
    assert peer.session(b"third").client_id
    assert old.run(PUTROOTFH).status == t.NFS4ERR_BADSESSION


# CREATE_SESSION


def test_unknown_client(peer: Peer) -> None:
    assert peer.call(create_session(12345, 1)).status == t.NFS4ERR_STALE_CLIENTID


def test_create_session_is_repeated(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    first, second = (peer.call(create_session(number, 1)) for _ in range(2))
    assert first.body == second.body
    assert len(peer.server.registry.sessions) == 1


def test_create_session_within_a_session(peer: Peer, session: Session) -> None:
    reply = session.ok(create_session(session.client_id, 2))
    assert reply[1].csr_sequence == 2
    assert len(peer.server.registry.sessions) == 2


@pytest.mark.parametrize("sequence", [0, 2, 3, 0xFFFFFFFF])
def test_create_session_misordered_at_first(peer: Peer, sequence: int) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    assert peer.call(create_session(number, sequence)).status == t.NFS4ERR_SEQ_MISORDERED


@pytest.mark.parametrize("sequence", [0, 3, 9])
def test_create_session_misordered_later(peer: Peer, sequence: int) -> None:
    number = confirmed(peer)
    assert peer.call(create_session(number, sequence)).status == t.NFS4ERR_SEQ_MISORDERED


def test_failed_create_session_does_not_count(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    reply = peer.call(create_session(number, 1, request=10))
    assert reply.status == t.NFS4ERR_TOOSMALL
    assert peer.call(create_session(number, 1)).status == t.NFS4_OK


def test_other_principal_cannot_confirm(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    reply = peer.call(create_session(number, 1), credentials=OTHER_USER)
    assert reply.status == t.NFS4ERR_CLID_INUSE


def test_other_principal_after_confirmation(server: NfsService) -> None:
    peer = Peer(server)
    reply = peer.call(create_session(confirmed(peer), 2), credentials=OTHER_USER)
    assert reply.status == t.NFS4ERR_WRONG_CRED
    # A process of this host that speaks for several users is one all the same.
    local = Peer(server, uid=0)
    reply = local.call(create_session(confirmed(local), 2), credentials=OTHER_USER)
    assert reply.status == t.NFS4_OK


def test_session_flags(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    assert peer.call(create_session(number, 1, flags=8)).status == t.NFS4ERR_INVAL
    reply = peer.call(create_session(number, 1, flags=3))
    assert reply[0].csr_flags == t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN


@pytest.mark.parametrize(
    "attrs", [{"request": 20}, {"response": 0}, {"operations": 0}, {"slots": 0}]
)
def test_too_small(peer: Peer, attrs: dict[str, int]) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    assert peer.call(create_session(number, 1, **attrs)).status == t.NFS4ERR_TOOSMALL


def test_back_channel_too_small(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    fore, back = channel_attributes(), channel_attributes(request=10, operations=1)
    arguments = t.CREATE_SESSION4args(number, 1, 0, fore, back, 1, [])
    assert peer.call((t.OP_CREATE_SESSION, arguments)).status == t.NFS4ERR_TOOSMALL


def test_limits_are_brought_down(peer: Peer) -> None:
    huge = 0xFFFFFFFF
    session = peer.session(request=huge, response=huge, cached=huge, operations=huge, slots=huge)
    fore, limits = session.created.csr_fore_chan_attrs, peer.server.config.sessions
    assert fore.ca_maxrequestsize == peer.server.config.max_message
    assert fore.ca_maxresponsesize == peer.server.config.max_message
    assert fore.ca_maxresponsesize_cached == limits.cached_reply
    assert fore.ca_maxoperations == limits.operations >= 16
    assert fore.ca_maxrequests == limits.slots


def test_number_of_sessions_is_bounded(peer: Peer) -> None:
    number = confirmed(peer)
    limit = peer.server.config.state.sessions_per_client
    for sequence in range(2, limit + 10):
        assert peer.call(create_session(number, sequence)).status == t.NFS4_OK
    assert len(peer.server.registry.sessions) == limit


def test_session_that_was_idle_for_longest_goes_first(
    session: Session, reactor: FakeReactor
) -> None:
    peer = session.peer
    created = peer.call(create_session(session.client_id, 2))[0]
    idle = Session(peer, session.client_id, created)
    for sequence in range(3, peer.server.config.state.sessions_per_client + 2):
        reactor.advance(1)
        session.ok()
        assert peer.call(create_session(session.client_id, sequence)).status == t.NFS4_OK
    session.ok()
    assert idle.run().status == t.NFS4ERR_BADSESSION


def test_slots_get_fewer_as_the_cache_fills(reactor: FakeReactor) -> None:
    octets = SESSION_OCTETS + 8 * (SLOT_OCTETS + 8192)
    config = ServerConfig(state=StateLimits(sessions=18 * octets))
    peer = Peer(make_server(reactor=reactor, config=config))
    slots = []
    for number in range(100):
        number_ = peer.exchange_id(b"%d" % number)[0].eir_clientid
        reply = peer.call(create_session(number_, 1, slots=64))
        if reply.status != t.NFS4_OK:
            break
        slots.append(reply[0].csr_fore_chan_attrs.ca_maxrequests)
        # With a file open nobody is put out.
        session = Session(peer, number_, reply[0])
        session.ok(reclaim_complete())
        session.create(b"%d" % number)
    assert reply.status == t.NFS4ERR_DELAY
    assert slots[0] == 9
    assert slots[-1] == 1
    assert slots == sorted(slots, reverse=True)


# Slots


def replay(session: Session, *ops: Op, cache: bool = True) -> tuple[Reply, Reply]:
    """The same call twice."""
    first = session.run(*ops, cache=cache)
    second = session.peer.call(session.sequence(seqid=session.seqid, cache=cache), *ops)
    return first, second


def test_replay_of_success(session: Session) -> None:
    first, second = replay(session, PUTROOTFH, mkdir(b"d"), GETFH)
    assert first.status == t.NFS4_OK
    assert first.body == second.body


def test_replay_of_failure(session: Session) -> None:
    first, second = replay(session, PUTROOTFH, lookup(b"no"))
    assert first.status == t.NFS4ERR_NOENT
    assert first.body == second.body


def test_replay_of_illegal_operation(session: Session) -> None:
    first, second = replay(session, (0, None))
    assert first.status == t.NFS4ERR_OP_ILLEGAL
    assert first.body == second.body


def test_replay_removes_nothing_twice(session: Session) -> None:
    session.mkdir(b"d")
    first, second = replay(session, PUTROOTFH, remove(b"d"))
    assert first.status == second.status == t.NFS4_OK
    assert first.body == second.body


@pytest.mark.parametrize("cache", [False, True])
def test_replay_of_sequence_alone(session: Session, cache: bool) -> None:
    first, second = replay(session, cache=cache)
    assert first.status == t.NFS4_OK
    assert first.body == second.body


def test_replay_that_was_not_cached(session: Session) -> None:
    first, second = replay(session, PUTROOTFH, mkdir(b"d"), cache=False)
    assert first.status == t.NFS4_OK
    assert second.status == t.NFS4ERR_RETRY_UNCACHED_REP
    assert second.statuses == [t.NFS4_OK, t.NFS4ERR_RETRY_UNCACHED_REP]
    assert second.ops == [t.OP_SEQUENCE, t.OP_PUTROOTFH]


def test_replay_of_illegal_operation_that_was_not_cached(session: Session) -> None:
    _, second = replay(session, (0, None), cache=False)
    assert second.ops == [t.OP_SEQUENCE, t.OP_ILLEGAL]


@pytest.mark.parametrize("delta", [-2, -1, 2, 3, 1 << 31])
def test_misordered(session: Session, delta: int) -> None:
    session.ok(PUTROOTFH)
    session.ok(PUTROOTFH)
    reply = session.peer.call(session.sequence(seqid=session.seqid + delta & 0xFFFFFFFF))
    assert (reply.status, len(reply.ops)) == (t.NFS4ERR_SEQ_MISORDERED, 1)
    session.ok(PUTROOTFH)


def test_slot_that_was_never_used_repeats_nothing(session: Session) -> None:
    reply = session.peer.call(session.sequence(slot=3, seqid=0))
    assert reply.status == t.NFS4ERR_SEQ_MISORDERED


def test_slots_are_independent(session: Session) -> None:
    for slot in range(8):
        reply = session.peer.call(session.sequence(slot=slot, seqid=2 if slot == 0 else 1))
        assert reply.status == t.NFS4_OK
    assert reply[0].sr_highest_slotid == reply[0].sr_target_highest_slotid == 7


def test_bad_slot(session: Session) -> None:
    arguments = t.SEQUENCE4args(session.id, 1, 8, 8, False)
    assert session.peer.call((t.OP_SEQUENCE, arguments)).status == t.NFS4ERR_BADSLOT


def test_bad_highest_slot(session: Session) -> None:
    arguments = t.SEQUENCE4args(session.id, 2, 0, 8, False)
    assert session.peer.call((t.OP_SEQUENCE, arguments)).status == t.NFS4ERR_BAD_HIGH_SLOT
    session.ok(PUTROOTFH)


def test_false_retry(session: Session) -> None:
    session.run(PUTROOTFH, mkdir(b"a"), cache=True)
    sequence = session.sequence(seqid=session.seqid, cache=True)
    reply = session.peer.call(sequence, PUTROOTFH, mkdir(b"b"))
    assert reply.status == t.NFS4ERR_SEQ_FALSE_RETRY
    reply = session.peer.call(sequence, PUTROOTFH, mkdir(b"a"), credentials=OTHER_USER)
    assert reply.status == t.NFS4ERR_SEQ_FALSE_RETRY
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"b"))


def test_failed_sequence_leaves_the_slot(session: Session) -> None:
    session.run(PUTROOTFH, mkdir(b"a"), cache=True)
    sequence = session.sequence(seqid=session.seqid, cache=True)
    first = session.peer.call(sequence, PUTROOTFH, mkdir(b"a"))
    session.peer.call(session.sequence(seqid=session.seqid + 5))
    assert session.peer.call(sequence, PUTROOTFH, mkdir(b"a")).body == first.body


def test_refused_call_leaves_the_slot(session: Session) -> None:
    first = session.run(PUTROOTFH, mkdir(b"a"), cache=True)
    incoming = session.peer.send(
        session.sequence(seqid=session.seqid + 1), PUTROOTFH, mkdir(b"b"), room=100
    )
    assert incoming.outcome == "refused"
    again = session.peer.call(
        session.sequence(seqid=session.seqid, cache=True), PUTROOTFH, mkdir(b"a")
    )
    assert again.body == first.body


def test_sequence_wraps_around() -> None:
    slot = Slot()
    slot.seqid = 0xFFFFFFFF
    assert slot.acquire(0, A_CALL)
    slot.release(b"reply")
    assert slot.seqid == 0
    assert not slot.acquire(0, A_CALL)
    assert slot.acquire(1, A_CALL)


def test_slot_in_use() -> None:
    slot = Slot()
    assert slot.acquire(1, A_CALL)
    for seqid, status in ((1, t.NFS4ERR_DELAY), (2, t.NFS4ERR_SEQ_MISORDERED)):
        with pytest.raises(NfsError) as caught:
            slot.acquire(seqid, A_CALL)
        assert caught.value.status == status
    slot.abandon()
    assert slot.acquire(1, (*A_CALL[:3], 7))


def test_repetition_in_chunks_of_a_call_that_was_not() -> None:
    slot = Slot()
    assert slot.acquire(1, A_CALL)
    slot.release(b"reply")
    assert not slot.acquire(1, (*A_CALL[:3], -1))
    with pytest.raises(NfsError):
        slot.acquire(1, (9, *A_CALL[1:3], -1))


def test_bad_session(peer: Peer) -> None:
    arguments = t.SEQUENCE4args(b"x" * 16, 1, 0, 0, False)
    assert peer.call((t.OP_SEQUENCE, arguments)).status == t.NFS4ERR_BADSESSION


def test_sequence_on_another_connection(session: Session) -> None:
    other = Peer(session.peer.server)
    assert other.call(session.sequence(), PUTROOTFH).status == t.NFS4_OK


# The end


def test_destroyed_session(peer: Peer, session: Session) -> None:
    assert peer.call(destroy_session(session.id)).status == t.NFS4_OK
    assert session.run(PUTROOTFH).status == t.NFS4ERR_BADSESSION
    assert peer.call(destroy_session(session.id)).status == t.NFS4ERR_BADSESSION


def test_session_that_destroys_itself(session: Session) -> None:
    session.ok(PUTROOTFH, destroy_session(session.id))
    assert session.run(PUTROOTFH).status == t.NFS4ERR_BADSESSION


def test_session_that_destroys_itself_too_early(session: Session) -> None:
    session.fails(t.NFS4ERR_NOT_ONLY_OP, destroy_session(session.id), PUTROOTFH)
    session.ok(PUTROOTFH)


def test_destroy_client(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    assert peer.call(destroy_clientid(number)).status == t.NFS4_OK
    assert peer.call(destroy_clientid(number)).status == t.NFS4ERR_STALE_CLIENTID


def test_destroy_client_with_session(peer: Peer, session: Session) -> None:
    reply = peer.call(destroy_clientid(session.client_id))
    assert reply.status == t.NFS4ERR_CLIENTID_BUSY
    session.fails(t.NFS4ERR_CLIENTID_BUSY, destroy_clientid(session.client_id))


def test_destroy_client_with_opens(peer: Peer, session: Session) -> None:
    session.create(b"f")
    peer.call(destroy_session(session.id))
    reply = peer.call(destroy_clientid(session.client_id))
    assert reply.status == t.NFS4ERR_CLIENTID_BUSY


# Connections


def bind(session_id: bytes, direction: int) -> Op:
    return t.OP_BIND_CONN_TO_SESSION, t.BIND_CONN_TO_SESSION4args(session_id, direction, False)


def flags_of(session: Session) -> int:
    return int(session.ok()[0].sr_status_flags)


def test_back_channel_of_the_creating_connection(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    reply = peer.call(create_session(number, 1, flags=t.CREATE_SESSION4_FLAG_CONN_BACK_CHAN))
    session = Session(peer, number, reply[0])
    assert flags_of(session) == 0
    peer.channel.close()
    assert flags_of(session) == t.SEQ4_STATUS_CB_PATH_DOWN | t.SEQ4_STATUS_CB_PATH_DOWN_SESSION


@pytest.mark.parametrize(
    ("asked", "bound", "down"),
    [
        (t.CDFC4_FORE, t.CDFS4_FORE, True),
        (t.CDFC4_BACK, t.CDFS4_BACK, False),
        (t.CDFC4_FORE_OR_BOTH, t.CDFS4_BOTH, False),
        (t.CDFC4_BACK_OR_BOTH, t.CDFS4_BOTH, False),
    ],
)
def test_bind_connection(session: Session, asked: int, bound: int, down: bool) -> None:
    reply = session.peer.call(bind(session.id, asked))
    assert reply.status == t.NFS4_OK
    assert reply[0].bctsr_dir == bound
    assert bool(flags_of(session) & t.SEQ4_STATUS_CB_PATH_DOWN) == down


def test_bind_connection_badly(session: Session) -> None:
    assert session.peer.call(bind(session.id, 99)).status == t.NFS4ERR_INVAL
    assert session.peer.call(bind(b"x" * 16, 1)).status == t.NFS4ERR_BADSESSION


def test_sessions_come_and_go_without_a_trace_on_the_connection(peer: Peer) -> None:
    number = peer.exchange_id(b"me")[0].eir_clientid
    for sequence in range(1, 50):
        reply = peer.call(create_session(number, sequence, flags=2))
        assert peer.call(destroy_session(reply[0].csr_sessionid)).status == t.NFS4_OK
    # One of the authority and one of the registry, however many sessions there were.
    assert len(peer.channel._callbacks) == 2


def test_backchannel_control(session: Session) -> None:
    arguments = t.BACKCHANNEL_CTL4args(0x40000001, [t.callback_sec_parms4(0)])
    session.ok((t.OP_BACKCHANNEL_CTL, arguments))


# RECLAIM_COMPLETE


def test_reclaim_complete_twice(session: Session) -> None:
    session.fails(t.NFS4ERR_COMPLETE_ALREADY, reclaim_complete())


def test_reclaim_complete_for_one_file_system(peer: Peer) -> None:
    session = peer.session(complete=False)
    session.fails(t.NFS4ERR_NOFILEHANDLE, reclaim_complete(one_fs=True))
    session.ok(PUTROOTFH, reclaim_complete(one_fs=True))
    session.ok(reclaim_complete())


def test_open_before_reclaim_complete(peer: Peer) -> None:
    session = peer.session(complete=False)
    session.fails(t.NFS4ERR_GRACE, PUTROOTFH, open_(b"f", create=t.UNCHECKED4))


# Leases


def test_silent_client_without_state_is_forgotten(session: Session, reactor: FakeReactor) -> None:
    reactor.advance(LEASE * 2)
    assert session.run(PUTROOTFH).status == t.NFS4ERR_BADSESSION


def test_every_call_renews(session: Session, reactor: FakeReactor) -> None:
    for _ in range(10):
        reactor.advance(LEASE * 0.9)
        session.ok(PUTROOTFH)


def test_courtesy(session: Session, reactor: FakeReactor) -> None:
    session.create(b"f")
    reactor.advance(LEASE * 10)
    session.ok(PUTROOTFH)


def test_courtesy_ends(session: Session, reactor: FakeReactor) -> None:
    session.create(b"f")
    reactor.advance(86_400 + LEASE * 2)
    assert session.run(PUTROOTFH).status == t.NFS4ERR_BADSESSION
    assert len(session.peer.server.registry.states) == 0


def test_lease_is_told(session: Session) -> None:
    handle = session.ok(PUTROOTFH, GETFH)[2].object
    assert session.attributes(handle, t.FATTR4_LEASE_TIME)[t.FATTR4_LEASE_TIME] == LEASE


def test_closed_server_keeps_nothing(peer: Peer) -> None:
    peer.session(b"a").create(b"f")
    peer.server.close()
    assert len(peer.server.registry.clients) == 0

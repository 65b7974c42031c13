"""The connection manager's passive side, message by message, and what no connection is for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.cm import COMM_ID, GUID, PORT, QPN, THEM, US, Handler, World, reply, request

from nfsrdma.rpcrdma.roce.cm import manager as cm
from nfsrdma.rpcrdma.roce.cm.cm_id import ACTIONS
from nfsrdma.rpcrdma.roce.cm.states import HALF_OPEN, TRANSITIONS, Event, State
from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    MESSAGES,
    Drep,
    Dreq,
    MessageKind,
    Mra,
    RdmaCmHeader,
    Rej,
    RejectReason,
    Rep,
    Req,
    Rtu,
    gid_of,
    service_id,
)
from nfsrdma.rpcrdma.verbs.types import QpState, VerbsError


def listening():
    world = World()
    world.listen()
    return world


def accepted(**options):
    world, handler = listening(), Handler()
    world.receive(request())
    connection = world.accept(handler, **options)
    (rep,) = world.sent()
    return world, handler, connection, rep


def ids(rep):
    return {"local_comm_id": COMM_ID, "remote_comm_id": rep.local_comm_id}


def up():
    world, handler, connection, rep = accepted()
    world.receive(Rtu(**ids(rep)))
    assert handler.names() == ["established"]
    return world, handler, connection, rep


def test_from_request_to_ready():
    world, handler = listening(), Handler()
    world.receive(request(), transaction=0xABC)
    (incoming,) = world.requests
    assert incoming.private_data.rstrip(b"\0") == b"hello"
    assert incoming.peer_address == (THEM, 50000)
    assert incoming.responder_resources == 5
    assert world.sent() == []
    connection = world.accept(
        handler, initiator_depth=8, responder_resources=8, rnr_retry_count=4, private_data=b"yes"
    )
    ((rep, transaction, source, destination),) = world.outbox
    assert (transaction, source, destination) == (0xABC, (US, 4791), (THEM, 4791))
    assert (rep.responder_resources, rep.initiator_depth) == (3, 5)
    assert rep.rnr_retry_count == 4
    assert rep.local_ca_guid == world.cm.guid
    assert rep.private_data.rstrip(b"\0") == b"yes"
    # Ready to send before the REP leaves: the peer may use it before its RTU arrives.
    assert connection.queue_pair.state == QpState.RTS
    assert connection.queue_pair.raised == {
        "local": (US, 4791),
        "remote": (THEM, 4791),
        "remote_qpn": QPN,
        "receive_psn": rep.starting_psn,
        "path_mtu": 4096,
        "responder_resources": 3,
        "send_psn": 0x123456,
        "initiator_depth": 5,
        "retry_count": 6,
        "rnr_retry_count": 2,
    }
    assert handler.told == []
    world.receive(Rtu(**ids(rep)))
    assert handler.told == [("established", b"")]
    assert connection.local_address == (US, PORT)
    assert world.cm.next_timeout() is None
    world.receive(Rtu(**ids(rep)))
    assert world.cm.counters["out of turn"] == 1


def test_a_lost_rtu():
    """The REP is repeated until the peer is heard of."""
    world, handler, _, rep = accepted()
    log = world.advance(4.0)
    assert [when for when, _ in log] == [0.25, 0.75, 1.75, 3.75]
    assert {message for _, message in log} == {rep}
    world.receive(Rtu(**ids(rep)))
    assert handler.names() == ["established"]
    assert world.advance(100) == []


def test_traffic_replaces_the_rtu():
    world, handler, connection, rep = accepted()
    connection.queue_pair.on_traffic()
    connection.queue_pair.on_traffic()
    assert handler.names() == ["established"]
    world.receive(Rtu(**ids(rep)))
    assert handler.names() == ["established"]


def test_a_peer_that_never_confirms():
    world, handler, _, _ = accepted()
    log = world.advance(100)
    assert [type(message) for _, message in log] == [Rep] * 4 + [Rej]
    assert isinstance(handler.last, TimeoutError)
    assert len(world.cm) == 0


def test_a_peer_that_asks_for_time():
    world, handler, _, rep = accepted()
    world.receive(Mra(**ids(rep), message=1, service_timeout=20))
    assert world.advance(4.0) == []
    assert [type(message) for _, message in world.advance(1.0)] == [Rep]
    world.receive(Rtu(**ids(rep)))
    assert handler.names() == ["established"]


def test_a_repeated_request_has_the_reply_again():
    world, handler, _, rep = accepted()
    world.receive(request())
    world.receive(request())
    assert world.sent() == [rep, rep]
    assert len(world.requests) == 1
    world.receive(Rtu(**ids(rep)))
    world.receive(request())
    assert world.sent() == []
    assert handler.names() == ["established"]


def test_a_slow_owner_asks_for_time():
    world = listening()
    world.receive(request())
    ((when, mra),) = world.advance(1.5)
    assert when == 1.0
    assert (mra.message, mra.service_timeout) == (MessageKind.REQ, 24)
    world.receive(request())
    assert world.sent() == [mra]
    world.accept(Handler())
    assert [type(message) for message in world.sent()] == [Rep]


def test_a_repeated_request_is_told_to_wait_at_once():
    world = listening()
    world.receive(request())
    world.receive(request())
    assert [type(message) for message in world.sent()] == [Mra]


def test_a_short_response_time_is_respected():
    world = listening()
    world.receive(request(remote_cm_response_timeout=16))  # 0.27 s
    ((when, _),) = world.advance(0.5)
    assert when == pytest.approx(0.134, abs=0.001)


def test_an_owner_who_never_answers():
    world = listening()
    world.receive(request())
    log = world.advance(61.5)
    assert [type(message) for _, message in log] == [Mra, Rej]
    assert log[-1][1].reason == RejectReason.TIMEOUT
    handler = Handler()
    world.accept(handler)
    assert isinstance(handler.last, ConnectionAbortedError)
    assert world.sent() == []


def test_rejecting_and_repeating_it():
    world = listening()
    world.receive(request())
    world.requests[0].reject(b"no")
    world.turn()
    (rej,) = world.sent()
    assert (rej.reason, rej.message) == (RejectReason.CONSUMER_REJECT, MessageKind.REQ)
    assert rej.private_data.rstrip(b"\0") == b"no"
    world.receive(request())
    assert world.sent() == [rej]
    world.advance(6)
    assert len(world.cm) == 0


def test_closing_a_prepared_connection_rejects():
    world = listening()
    world.receive(request())
    connection = world.requests[0].prepare(*world.objects(), None)
    connection.close()
    world.turn()
    (rej,) = world.sent()
    assert rej.reason == RejectReason.CONSUMER_REJECT
    with pytest.raises(VerbsError):
        world.requests[0].prepare(*world.objects(), None)


def test_what_does_not_fit():
    world = listening()
    world.receive(request())
    with pytest.raises(VerbsError, match="148"):
        world.requests[0].reject(b"x" * 149)
    with pytest.raises(VerbsError, match="196"):
        world.accept(Handler(), private_data=b"x" * 197)


@pytest.mark.parametrize("when", ["before", "accepted"])
def test_the_peer_gives_up(when):
    """It never saw our identifier, so it names itself by its GUID."""
    world, handler = listening(), Handler()
    world.receive(request())
    if when == "accepted":
        world.accept(handler)
    world.receive(
        Rej(
            local_comm_id=COMM_ID,
            remote_comm_id=0,
            message=2,
            reason=RejectReason.TIMEOUT,
            additional=GUID.to_bytes(8, "big"),
        )
    )
    if when == "before":
        world.accept(handler)
    assert handler.names() == ["failed"]
    assert len(world.cm) == 0


def test_released_before_it_is_confirmed():
    world, handler, connection, rep = accepted()
    world.receive(Dreq(**ids(rep), remote_qpn=connection.queue_pair.number))
    assert [type(message) for message in world.sent()] == [Drep]
    assert isinstance(handler.last, ConnectionResetError)


def test_disconnecting_before_it_is_confirmed():
    world, handler, connection, rep = accepted()
    connection.disconnect()
    world.turn()
    assert [type(message) for message in world.sent()] == [Dreq]
    assert isinstance(handler.last, ConnectionAbortedError)
    world.receive(Rej(**ids(rep), message=2, reason=RejectReason.INVALID_COMMUNICATION_ID))
    assert connection.state is State.TIMEWAIT


def test_a_peer_that_has_started_anew():
    """The same queue pair under another identifier: the old connection is dead."""
    world, handler, _, _ = up()
    world.receive(request(local_comm_id=77))
    dreq, rej = world.sent()
    assert isinstance(dreq, Dreq)
    assert (rej.reason, rej.remote_comm_id) == (RejectReason.STALE_CONNECTION, 77)
    assert handler.told[-1] == ("disconnected", "the peer has started anew")
    world.receive(Drep(**ids(dreq) | {"remote_comm_id": dreq.local_comm_id}))
    world.advance(6)
    world.receive(request(local_comm_id=78))
    assert len(world.requests) == 2


@pytest.mark.parametrize("state", ["received", "mra sent", "rep sent"])
def test_a_peer_that_starts_anew_when_half_open(state):
    world, handler = listening(), Handler()
    world.receive(request())
    if state == "mra sent":
        world.receive(request())
    elif state == "rep sent":
        world.accept(handler)
    world.sent()
    world.receive(request(local_comm_id=77))
    (rej,) = world.sent()
    assert rej.reason == RejectReason.STALE_CONNECTION
    assert len(world.cm) == 0


REFUSALS = {
    "no listener": ({"service_id": service_id(1)}, RejectReason.INVALID_SERVICE_ID),
    "another port space": ({"service_id": 0x1384E51}, RejectReason.INVALID_SERVICE_ID),
    "unreliable": ({"transport": 1}, RejectReason.INVALID_TRANSPORT_SERVICE_TYPE),
    "another GID": (
        {"local_gid": gid_of("10.0.0.3")},
        RejectReason.PRIMARY_REMOTE_PORT_GID_REJECTED,
    ),
    "reserved MTU": ({"path_mtu": 6}, RejectReason.INVALID_PATH_MTU),
    "no MTU": ({"path_mtu": 0}, RejectReason.INVALID_PATH_MTU),
    "header version": ({"private_data": b"\x01" * 40}, RejectReason.UNSUPPORTED_REQUEST),
    "IP version": (
        {"private_data": RdmaCmHeader("fd00::1", 1, "fd00::2").encode()},
        RejectReason.UNSUPPORTED_REQUEST,
    ),
    "queue pair 1": ({"local_qpn": 1}, RejectReason.UNSUPPORTED_REQUEST),
}


@pytest.mark.parametrize("case", sorted(REFUSALS))
def test_requests_that_are_refused(case):
    fields, reason = REFUSALS[case]
    world = listening()
    world.receive(request(**fields))
    (rej,) = world.sent()
    assert (rej.reason, rej.message, rej.remote_comm_id) == (reason, 0, COMM_ID)
    assert len(world.cm) == 0
    assert world.cm.counters["refused"] == 1


def test_a_path_that_is_too_narrow():
    world = listening()
    world.path_mtu = 1024
    world.receive(request())
    assert world.sent()[0].reason == RejectReason.INVALID_PATH_MTU
    world.unroutable.add(THEM)
    world.receive(request(path_mtu=3))
    assert world.sent()[0].reason == RejectReason.PRIMARY_REMOTE_PORT_GID_REJECTED


def test_connections_are_bounded(monkeypatch):
    monkeypatch.setattr(cm, "MAX_CONNECTIONS", 1)
    world, _, _, _ = up()
    world.receive(request(local_comm_id=2, local_qpn=102))
    assert world.sent()[0].reason == RejectReason.NO_RESOURCES


def test_what_lingers_is_bounded(monkeypatch):
    monkeypatch.setattr(cm, "MAX_LINGERING", 10)
    world = listening()
    for index in range(30):
        world.receive(request(local_comm_id=index, local_qpn=100 + index))
        world.requests[-1].reject()
        world.turn()
    assert len(world.cm) == 10
    assert world.cm.counters["evicted"] == 20
    world.advance(10)
    assert len(world.cm) == 0
    assert world.cm.next_timeout() is None


def test_messages_for_nobody():
    world = listening()
    world.receive(Dreq(local_comm_id=1, remote_comm_id=2, remote_qpn=3))
    world.receive(reply(request(local_comm_id=9)))
    drep, rej = world.sent()
    assert (drep.local_comm_id, drep.remote_comm_id) == (2, 1)
    assert isinstance(drep, Drep)
    assert rej.reason == RejectReason.INVALID_COMMUNICATION_ID
    for silent in (
        Drep(local_comm_id=1, remote_comm_id=2),
        Mra(local_comm_id=1, remote_comm_id=2, message=0, service_timeout=31),
        Rej(local_comm_id=1, remote_comm_id=2, message=0, reason=4),
        Rej(local_comm_id=1, remote_comm_id=0, message=0, reason=4),
    ):
        world.receive(silent)
    assert world.sent() == []
    world.receive(Rtu(local_comm_id=1, remote_comm_id=2))
    (rej,) = world.sent()
    assert (rej.reason, rej.remote_comm_id) == (RejectReason.INVALID_COMMUNICATION_ID, 1)
    assert world.cm.counters["orphans"] == 7


def test_a_good_bye_to_a_request_that_is_not_prepared():
    world = listening()
    world.receive(request())
    world.receive(request())
    (mra,) = world.sent()
    world.receive(Dreq(**ids(mra), remote_qpn=0))
    assert len(world.cm) == 1


def test_listeners():
    world = World()
    specific = world.cm.listen(US, PORT, world.requests.append)
    general: list = []
    world.cm.listen("0.0.0.0", PORT, general.append)
    world.receive(request())
    specific.close()
    world.receive(request(local_comm_id=2, local_qpn=2))
    assert (len(world.requests), len(general)) == (1, 1)
    free = world.cm.listen(US, 0, general.append)
    assert free.address[1] in cm.EPHEMERAL_PORTS
    with pytest.raises(OSError, match="taken"):
        world.cm.listen("0.0.0.0", PORT, general.append)
    with pytest.raises(OSError, match="no such port"):
        world.cm.listen(US, 70000, general.append)
    world.cm.close()
    world.turn()
    world.receive(request(local_comm_id=3, local_qpn=3))
    assert world.sent()[-1].reason == RejectReason.INVALID_SERVICE_ID


def test_ipv6():
    world = listening()
    world.cm.listen("::", PORT, world.requests.append)
    world.receive(
        request(
            local_gid=gid_of("fe80::2"),
            private_data=RdmaCmHeader("fe80::2", 4000, "fe80::1").encode(),
        ),
        source="fe80::2%eth0",
        destination="fe80::1%eth0",
    )
    assert world.requests[0].peer_address == ("fe80::2%eth0", 4000)


# The table.


def test_every_action_is_there_and_every_state_can_be_left():
    for (state, _), (action, after) in TRANSITIONS.items():
        assert action in ACTIONS
        assert state is not State.CLOSED
        assert after is not State.IDLE
    reached = {after for _, after in TRANSITIONS.values()}
    assert reached == set(State) - {State.IDLE}
    for state in set(State) - {State.IDLE, State.CLOSED, State.ESTABLISHED, State.REQ_RECEIVED}:
        assert (state, Event.GIVE_UP) in TRANSITIONS, f"{state} may last for ever"
    for state in HALF_OPEN - {State.REQ_RECEIVED}:
        assert (state, Event.GIVE_UP) in TRANSITIONS


EVENTS = st.lists(
    st.one_of(
        st.sampled_from(["accept", "reject", "disconnect", "close", "error", "traffic"]),
        st.sampled_from(sorted(MESSAGES)),
        st.floats(0.0, 30.0),
    ),
    max_size=25,
)


def play(world, cm_id, handler, event):
    """Let an event of whatever kind happen to an identifier."""
    their_id = cm_id.remote_comm_id or COMM_ID
    ids = {"local_comm_id": their_id, "remote_comm_id": cm_id.local_comm_id}
    if isinstance(event, float):
        world.advance(event)
    elif event == "accept" and world.requests and not cm_id.answered:
        world.accept(handler, index=0)
    elif event == "reject" and world.requests and not cm_id.answered:
        world.requests[0].reject()
    elif event in ("disconnect", "close"):
        getattr(cm_id, event)()
    elif event == "error" and cm_id.queue_pair_number:
        cm_id.queue_pair.on_error("broken")
    elif event == "traffic":
        cm_id.peer_is_sending()
    elif event == Req.ATTRIBUTE:
        world.receive(request())
    elif event == Rep.ATTRIBUTE:
        world.receive(reply(request(local_comm_id=cm_id.local_comm_id)))
    elif event in MESSAGES:
        extra = {
            Mra.ATTRIBUTE: {"message": 0, "service_timeout": 18},
            Rej.ATTRIBUTE: {"message": 0, "reason": 28},
            Dreq.ATTRIBUTE: {"remote_qpn": cm_id.queue_pair_number},
        }
        world.receive(MESSAGES[event](**ids, **extra.get(event, {})))


@settings(max_examples=150, deadline=None)
@given(st.booleans(), EVENTS)
def test_any_history_ends_with_everything_forgotten(active, events):
    """No order of messages, commands and pauses breaks a machine, tells twice or leaks."""
    world, handler = World(), Handler()
    if active:
        cm_id = world.connect(handler)
    else:
        world.listen()
        world.receive(request())
        cm_id = world.requests[0]._cm_id
    for event in events:
        try:
            play(world, cm_id, handler, event)
        except VerbsError:
            assert event in ("accept", "reject")
        names = handler.names()
        assert len(names) == len(set(names)) <= 2
        assert names in ([], ["failed"], ["established"], ["established", "disconnected"])
    for connection in list(world.cm._ids.values()):
        connection.close()
    world.turn()
    world.advance(200)
    assert len(world.cm) == 0
    assert len(world.cm.backlog) == 0
    assert not world.cm._lingering
    assert not world.cm._requests
    assert not world.cm._remote_pairs


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 0x20), st.binary(min_size=232, max_size=232))
def test_no_datagram_does_harm(attribute, data):
    world, handler, connection, _ = up()
    mad = bytes((1, 7, 2, 3)) + bytes(12) + attribute.to_bytes(2, "big") + bytes(6) + data
    world.cm.handle_mad(memoryview(mad), (THEM, 4791), (US, 4791), world.now)
    world.cm.handle_mad(memoryview(mad[:-1]), (THEM, 4791), (US, 4791), world.now)
    assert connection.state is State.ESTABLISHED
    assert handler.names() == ["established"]
    assert world.cm.counters["undecodable"] >= 1

"""The connection manager's active side, message by message."""

from itertools import pairwise

import pytest
from tests.support.captures import capture_folder, frames, require
from tests.support.cm import COMM_ID, GUID, PORT, QPN, THEM, US, Handler, World, reply

from nfsrdma.rpcrdma.roce.cm.states import State
from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    Drep,
    Dreq,
    MessageKind,
    Mra,
    RdmaCmHeader,
    Rej,
    RejectReason,
    Req,
    Rtu,
    service_id,
)
from nfsrdma.rpcrdma.roce.wire.mad import decode_mad
from nfsrdma.rpcrdma.verbs.interfaces import ConnectRequest
from nfsrdma.rpcrdma.verbs.types import ConnectionRejected, QpState, VerbsError


def start(**options):
    world, handler = World(), Handler()
    cm_id = world.connect(handler, **options)
    (sent,) = world.sent()
    return world, handler, cm_id, sent


def up(**options):
    world, handler, cm_id, sent = start(**options)
    world.receive(reply(sent))
    (rtu,) = world.sent()
    assert isinstance(rtu, Rtu)
    return world, handler, cm_id


def test_the_request_names_what_linux_names():
    """Field by field against the REQ of Linux's NFS client."""
    path = require(capture_folder() / "linux-nfs41-basic.pcap")
    linux = next(
        Req.decode(decode_mad(memoryview(frame.payload[8:])).data)
        for frame in frames(path)
        if frame.opcode == 0x64
    )
    _, _, _, ours = start(
        private_data=bytes.fromhex("f6ab0e1801010303"),
        responder_resources=16,
        initiator_depth=0,
        retry_count=6,
        rnr_retry_count=0,
    )
    different = {name for name in Req.__slots__ if getattr(ours, name) != getattr(linux, name)}
    assert different == {
        *("local_comm_id", "local_ca_guid", "local_qpn", "starting_psn", "flow_label"),
        *("local_gid", "remote_gid", "private_data"),  # Other addresses and ports.
        "responder_resources",  # The device's limit.
    }
    assert ours.private_data[36:] == linux.private_data[36:]


def test_the_peer_is_not_asked_to_retry_for_ever():
    """Which 7 is to Linux's soft-RoCE: its user would wait for us after we are gone."""
    _, _, _, ours = start()
    assert ours.retry_count == 6


def test_from_request_to_ready():
    world, handler, cm_id, sent = start(
        responder_resources=7, initiator_depth=6, retry_count=5, private_data=b"hi"
    )
    assert world.woken == 1
    assert sent.service_id == service_id(PORT)
    header = RdmaCmHeader.decode(sent.private_data)
    assert (header.source, header.destination) == (US, THEM)
    assert cm_id.local_address == (US, header.source_port)
    assert cm_id.peer_address == (THEM, PORT)
    world.receive(reply(sent))
    ((rtu, transaction, source, destination),) = world.outbox
    assert (rtu.local_comm_id, rtu.remote_comm_id) == (sent.local_comm_id, COMM_ID)
    assert (source, destination) == ((US, 4791), (THEM, 4791))
    assert transaction & 0xFFFFFFFF == sent.local_comm_id
    assert handler.names() == ["established"]
    assert handler.last.startswith(b"welcome")
    assert cm_id.queue_pair.raised == {
        "local": (US, 4791),
        "remote": (THEM, 4791),
        "remote_qpn": QPN,
        "receive_psn": sent.starting_psn,
        "path_mtu": 4096,
        "responder_resources": 7,
        "send_psn": 0x654321,
        "initiator_depth": 4,  # The lesser of our 6 and the peer's 4.
        "retry_count": 5,
        "rnr_retry_count": 1,  # What the peer asks for.
    }
    assert world.cm.next_timeout() is None


def test_retries_double_and_end_with_the_owner_s_patience():
    world, handler, _, _ = start(timeout_s=10.0)
    log = world.advance(30)
    times = [when for when, message in log if isinstance(message, Req)]
    assert times == [0.25, 0.75, 1.75, 3.75, 7.75]
    when, last = log[-1]
    assert when == 10.0
    assert (last.reason, last.message) == (RejectReason.TIMEOUT, MessageKind.OTHER)
    assert int.from_bytes(last.additional, "big") == world.cm.guid
    assert isinstance(handler.last, TimeoutError)
    assert len(world.cm) == 0


def test_fifteen_retries_at_most():
    world, handler, _, _ = start(timeout_s=1000.0)
    log = world.advance(1000)
    assert sum(isinstance(message, Req) for _, message in log) == 15
    assert max(b[0] - a[0] for a, b in pairwise(log)) == 4.0
    assert isinstance(handler.last, TimeoutError)


@pytest.mark.parametrize("reason", [8, 28, 999])
def test_refusals_carry_the_reason(reason):
    world, handler, cm_id, sent = start()
    world.receive(
        Rej(
            local_comm_id=0,
            remote_comm_id=sent.local_comm_id,
            message=0,
            reason=reason,
            private_data=b"go away",
        )
    )
    error = handler.last
    assert isinstance(error, ConnectionRejected)
    assert isinstance(error, ConnectionRefusedError)
    assert error.reason == reason
    assert error.private_data.startswith(b"go away")
    assert "10.0.0.2:20049" in str(error)
    assert cm_id.queue_pair.state == QpState.ERR
    assert world.sent() == []
    assert len(world.cm) == 0


def test_a_busy_peer_is_given_time_once():
    world, handler, _, sent = start(timeout_s=1.0)
    mra = Mra(
        local_comm_id=COMM_ID, remote_comm_id=sent.local_comm_id, message=0, service_timeout=21
    )
    world.receive(mra)
    assert world.advance(8.0) == []  # 4.096 us times 2 ** 21 is 8.6 s.
    assert handler.told == []
    world.receive(mra)
    assert world.cm.counters["out of turn"] == 1
    log = world.advance(5.0)
    assert isinstance(log[0][1], Req)
    assert isinstance(handler.last, TimeoutError)


def test_a_repeated_reply_has_the_rtu_again():
    world, handler, _, sent = start()
    for _ in range(3):
        world.receive(reply(sent))
    assert [type(message) for message in world.sent()] == [Rtu, Rtu, Rtu]
    assert handler.names() == ["established"]


def test_a_reply_from_elsewhere_is_none():
    world, handler, _, sent = start()
    world.receive(reply(sent), source="10.0.0.66")
    (answer,) = world.sent()
    assert (answer.reason, answer.message) == (RejectReason.INVALID_COMMUNICATION_ID, 1)
    assert handler.told == []


def test_a_reply_with_another_connection_s_queue_pair_is_stale():
    world, handler, _ = up()
    second = Handler()
    world.connect(second)
    (sent,) = world.sent()
    world.receive(reply(sent, local_comm_id=5))
    dreq, rej = world.sent()
    assert isinstance(dreq, Dreq)
    assert (rej.reason, rej.message) == (RejectReason.STALE_CONNECTION, MessageKind.REP)
    assert handler.names() == ["established", "disconnected"]
    assert isinstance(second.last, ConnectionAbortedError)


def test_disconnecting():
    world, handler, cm_id = up()
    cm_id.disconnect()
    assert cm_id.queue_pair.state == QpState.ERR
    assert handler.names() == ["established"]
    assert world.cm.next_timeout() == 0.0
    world.turn()
    (dreq,) = world.sent()
    assert (dreq.remote_comm_id, dreq.remote_qpn) == (COMM_ID, QPN)
    assert handler.names() == ["established", "disconnected"]
    world.receive(Drep(local_comm_id=COMM_ID, remote_comm_id=cm_id.local_comm_id))
    assert cm_id.state is State.TIMEWAIT
    assert world.advance(6) == []
    assert len(world.cm) == 0
    cm_id.disconnect()
    world.turn()
    assert world.sent() == []


def test_a_good_bye_that_is_not_answered():
    world, _, cm_id = up()
    cm_id.disconnect()
    world.turn()
    world.sent()
    log = world.advance(60)
    assert len(log) == 5
    assert all(isinstance(message, Dreq) for _, message in log)
    assert len(world.cm) == 0


def test_both_say_good_bye():
    world, handler, cm_id = up()
    cm_id.disconnect()
    world.turn()
    world.sent()
    dreq = Dreq(
        local_comm_id=COMM_ID,
        remote_comm_id=cm_id.local_comm_id,
        remote_qpn=cm_id.queue_pair.number,
    )
    for _ in range(2):
        world.receive(dreq)
        (drep,) = world.sent()
        assert isinstance(drep, Drep)
    assert handler.names() == ["established", "disconnected"]


def test_the_peer_says_good_bye():
    world, handler, cm_id = up()
    ids = {"local_comm_id": COMM_ID, "remote_comm_id": cm_id.local_comm_id}
    world.receive(Dreq(**ids, remote_qpn=0x99))
    assert handler.names() == ["established"]  # It named another queue pair.
    world.receive(Dreq(**ids | {"local_comm_id": 1}, remote_qpn=cm_id.queue_pair.number))
    assert handler.names() == ["established"]  # It is not the peer's identifier.
    world.sent()
    world.receive(Dreq(**ids, remote_qpn=cm_id.queue_pair.number))
    assert [type(message) for message in world.sent()] == [Drep]
    assert handler.names() == ["established", "disconnected"]
    assert cm_id.queue_pair.state == QpState.ERR


def test_a_late_reject_takes_the_connection_down():
    world, handler, cm_id = up()
    rej = Rej(local_comm_id=COMM_ID, remote_comm_id=cm_id.local_comm_id, message=2, reason=4)
    world.receive(rej)
    assert handler.told[-1] == (
        "disconnected",
        "the peer rejected the connection when it was up: timeout",
    )


def test_a_queue_pair_that_fails_says_good_bye():
    world, handler, cm_id = up()
    cm_id.queue_pair.on_error("retries exceeded")
    assert handler.names() == ["established"]
    world.turn()
    assert [type(message) for message in world.sent()] == [Dreq]
    assert handler.told[-1] == ("disconnected", "retries exceeded")


def test_giving_up_early():
    world, handler, cm_id, _ = start()
    cm_id.disconnect()
    world.turn()
    (rej,) = world.sent()
    assert rej.reason == RejectReason.TIMEOUT
    assert isinstance(handler.last, ConnectionAbortedError)
    assert len(world.cm) == 0


def test_released_before_it_is_up():
    world, handler, cm_id, sent = start()
    world.receive(
        Dreq(
            local_comm_id=COMM_ID,
            remote_comm_id=sent.local_comm_id,
            remote_qpn=cm_id.queue_pair.number,
        )
    )
    assert [type(message) for message in world.sent()] == [Drep]
    assert isinstance(handler.last, ConnectionResetError)


def test_closing_silences_the_handler_and_frees_the_queue_pair():
    world, handler, cm_id = up()
    cm_id.close()
    world.turn()
    assert [type(message) for message in world.sent()] == [Dreq]
    assert handler.names() == ["established"]
    assert world.destroyed == [cm_id.queue_pair]


def test_a_failing_queue_pair_before_the_reply():
    world, handler, cm_id, sent = start()
    cm_id.queue_pair.fail("gone")
    world.receive(reply(sent))  # Nothing can be raised; the command is on its way.
    assert cm_id.queue_pair.raised == {}
    cm_id.queue_pair.on_error("gone")
    world.turn()
    assert handler.names() == ["established", "disconnected"]


def test_misuse():
    world = World()
    pd, send_cq, recv_cq = world.objects()
    with pytest.raises(OSError, match="no such port"):
        world.cm.connect(ConnectRequest(THEM, 0, pd, send_cq, recv_cq, Handler()))
    with pytest.raises(VerbsError, match="room for 56"):
        world.connect(Handler(), private_data=b"x" * 57)
    with pytest.raises(VerbsError, match="same provider"):
        world.cm.connect(ConnectRequest(THEM, PORT, object(), send_cq, recv_cq, Handler()))
    world.unroutable.add(THEM)
    with pytest.raises(OSError, match="no route"):
        world.connect(Handler())
    assert len(world.cm) == 0


def test_identifiers_are_not_reused_soon():
    world = World()
    seen = set()
    for _ in range(300):
        cm_id = world.connect(Handler())
        seen.add(cm_id.local_comm_id)
        cm_id.close()
        world.turn()
    assert len(seen) == 300
    assert GUID != world.cm.guid != World(seed=1).cm.guid


def test_a_silent_peer_is_reminded_and_one_that_has_forgotten_says_so():
    """A server that was killed and started again has another queue pair in the old one's place."""
    world, handler, cm_id = up()
    cm_id.queue_pair.on_silence()
    world.turn()
    (rtu,) = world.sent()
    assert isinstance(rtu, Rtu)
    assert (rtu.local_comm_id, rtu.remote_comm_id) == (cm_id.local_comm_id, COMM_ID)
    assert cm_id.state is State.ESTABLISHED, "Linux does not answer, and a peer that knows us"
    assert handler.names() == ["established"]
    world.receive(
        Rej(
            local_comm_id=rtu.remote_comm_id,
            remote_comm_id=rtu.local_comm_id,
            message=MessageKind.OTHER,
            reason=RejectReason.INVALID_COMMUNICATION_ID,
        )
    )
    assert handler.names() == ["established", "disconnected"]


def test_where_others_may_have_it_nobody_says_that_a_connection_is_none():
    world = World()
    message = Rtu(local_comm_id=7, remote_comm_id=8)
    world.cm.is_unsure = lambda: True
    world.receive(message)
    assert not world.sent()
    world.receive(Dreq(local_comm_id=7, remote_comm_id=8, remote_qpn=9))
    assert [type(each) for each in world.sent()] == [Drep]
    world.cm.is_unsure = lambda: False
    world.receive(message)
    (rejected,) = world.sent()
    assert rejected.reason == RejectReason.INVALID_COMMUNICATION_ID

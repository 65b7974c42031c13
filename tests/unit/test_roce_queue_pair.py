"""Queue pair states: every pair of state and event."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.support.roce import IPV4, End, Peer

from nfsrdma.rpcrdma.roce.engine.queue_pair import HEARS, QueuePair
from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.rpcrdma.roce.wire.opcode import Role
from nfsrdma.rpcrdma.software.queue_pair import TRANSITIONS, QpEvent
from nfsrdma.rpcrdma.verbs.types import QpState, RecvWR, SendWR, VerbsError, WrOpcode

EVENTS = tuple(event for event in QpEvent if event is not QpEvent.CREATE)


def ready_to_receive(end: End) -> None:
    end.qp.ready_to_receive(
        local=IPV4[0],
        remote=IPV4[1],
        remote_qpn=77,
        receive_psn=1,
        path_mtu=1024,
        responder_resources=1,
    )


def ready_to_send(end: End) -> None:
    end.qp.ready_to_send(send_psn=1, initiator_depth=1, retry_count=1, rnr_retry_count=1)


DO: dict[QpEvent, Callable[[End], None]] = {
    QpEvent.READY_TO_RECEIVE: ready_to_receive,
    QpEvent.READY_TO_SEND: ready_to_send,
    QpEvent.FAIL: lambda end: end.qp.fail("test"),
    QpEvent.DESTROY: lambda end: end.engine.destroy_queue_pair(end.qp),
}
PATHS = {
    QpState.INIT: (),
    QpState.RTR: (QpEvent.READY_TO_RECEIVE,),
    QpState.RTS: (QpEvent.READY_TO_RECEIVE, QpEvent.READY_TO_SEND),
    QpState.ERR: (QpEvent.FAIL,),
    QpState.RESET: (QpEvent.DESTROY,),
}


def in_state(state: QpState) -> End:
    end = End(3)
    for event in PATHS[state]:
        DO[event](end)
    assert end.qp.state == state
    return end


@pytest.mark.parametrize("state", PATHS)
@pytest.mark.parametrize("event", EVENTS)
def test_every_event_in_every_state(state: QpState, event: QpEvent) -> None:
    end = in_state(state)
    expected = TRANSITIONS.get((state, event))
    if expected is not None:
        DO[event](end)
        # Destroying fails it first, and what is destroyed already is not found again.
        assert end.qp.state == expected
    elif event is QpEvent.FAIL:
        DO[event](end)
        assert end.qp.state == state
    else:
        with pytest.raises(VerbsError):
            DO[event](end)
        assert end.qp.state == state


def test_every_state_says_what_it_hears() -> None:
    assert set(HEARS) == set(QpState)
    assert {state for state, roles in HEARS.items() if roles} == {QpState.RTR, QpState.RTS}
    assert Role.COMPLETER not in HEARS[QpState.RTR]


@pytest.mark.parametrize("state", PATHS)
def test_posting(state: QpState) -> None:
    end = in_state(state)
    end.qp.post_recv(RecvWR(memoryview(bytearray(4))))
    if state in (QpState.INIT, QpState.RTR):
        with pytest.raises(VerbsError):
            end.qp.post_send(SendWR(WrOpcode.SEND))
    else:
        end.qp.post_send(SendWR(WrOpcode.SEND))
    flushed = state in (QpState.ERR, QpState.RESET)
    assert len(end.sent()) == len(end.received()) == flushed


def test_failing_is_told_to_the_owner_only_if_it_was_not_the_owner() -> None:
    end = in_state(QpState.RTS)
    end.qp.fail("by the owner")
    end.qp.fail("again")
    end.engine.deliver()
    assert end.errors == []
    assert end.qp.error == "by the owner"
    end = in_state(QpState.RTS)
    end.qp.break_down("by itself")
    end.qp.break_down("again")
    assert end.errors == [], "never from inside the call that caused it"
    end.engine.deliver()
    assert end.errors == ["by itself"]


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [("path_mtu", 1500, VerbsError), ("remote", ("nowhere", 1), ValueError)],
)
def test_impossible_paths(field: str, value: object, error: type[Exception]) -> None:
    end = End(3)
    arguments = {
        "local": IPV4[0], "remote": IPV4[1], "remote_qpn": 7, "receive_psn": 0, "path_mtu": 256,
        "responder_resources": 0,
    }  # fmt: skip
    with pytest.raises(error):
        end.qp.ready_to_receive(**{**arguments, field: value})  # type: ignore[arg-type]
    assert end.qp.state == QpState.INIT


def test_packets_of_strangers_are_not_heard() -> None:
    peer = Peer()
    peer.qp.post_recv(RecvWR(memoryview(bytearray(4))))
    packet = peer.octets(peer.packet("SEND_ONLY", 10, payload=b"x"))
    stranger = ("10.9.9.9", 4791)
    # The ICRC covers the source's address; only the identification can be solved for.
    peer.inject(packet, source=stranger)
    assert peer.end.received() == []
    assert peer.end.engine.own_counters.icrc_errors == 1


def test_a_peer_may_send_from_another_port() -> None:
    peer = Peer()
    peer.qp.post_recv(RecvWR(memoryview(bytearray(4))))
    other = (peer.there[0], 0xC123)
    built = peer.packet("SEND_ONLY", 10, payload=b"four").build()
    for source, received in ((("10.9.9.9", 4791), 0), (other, 1)):
        flow = Flow(source, peer.here)
        peer.inject(built + flow.icrc(built).to_bytes(4, "little"), source=source)
        assert len(peer.end.received()) == received
    assert peer.qp.counters.unexpected == 1


def test_a_destroyed_queue_pair_is_silent() -> None:
    peer = Peer()
    peer.qp.post_send(SendWR(WrOpcode.SEND))
    peer.end.engine.destroy_queue_pair(peer.qp)
    peer.end.engine.destroy_queue_pair(peer.qp)
    assert peer.collect() == []
    assert peer.send("SEND_ONLY", 10) == []
    assert peer.end.engine.own_counters.unknown_queue_pair == 1
    assert len(peer.end.sent()) == 1


def test_numbers_are_not_used_again_soon() -> None:
    end = End(4)
    numbers = set()
    for _ in range(300):
        qp: QueuePair = end.engine.create_queue_pair(
            end.pd, end.send_cq, end.recv_cq, end.qp.options
        )
        numbers.add(qp.number)
        end.engine.destroy_queue_pair(qp)
    assert len(numbers) == 300
    assert all(16 <= number < 1 << 24 for number in numbers)

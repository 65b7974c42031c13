"""The requester and the completer, answered by a scripted peer. Path MTU 256."""

from __future__ import annotations

import pytest
from tests.support.roce import REMOTE, Peer, names
from tests.support.roce_requester import answer_read, asked, post, psns, statuses

from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.roce.wire.headers import Aeth, Ieth, ImmDt, Packet, Reth
from nfsrdma.rpcrdma.verbs.types import (
    QpState,
    RecvWR,
    SendWR,
    VerbsError,
    WcOpcode,
    WcStatus,
    WrOpcode,
)

SEQUENCE, INVALID, ACCESS, OPERATION = 0x60, 0x61, 0x62, 0x63
RNR = 0x20 | 14  # one millisecond


@pytest.fixture
def peer() -> Peer:
    return Peer()


# -- what goes out ---------------------------------------------------------------------------------


def test_a_send_of_one_packet(peer: Peer) -> None:
    octets = post(peer, WrOpcode.SEND, 5)
    (packet,) = peer.collect()
    assert names([packet]) == ["SEND_ONLY"]
    assert packet.payload == octets
    bth = packet.bth
    assert (bth.psn, bth.qpn, bth.pad, bth.ack_request) == (100, peer.QPN, 3, True)
    assert (bth.pkey, bth.version, bth.migrated) == (0xFFFF, 0, True)
    assert peer.end.sent() == []
    peer.acknowledge(100)
    (wc,) = peer.end.sent()
    assert (wc.status, wc.opcode, wc.byte_len) == (WcStatus.SUCCESS, WcOpcode.SEND, 5)


@pytest.mark.parametrize(
    ("opcode", "name", "header"),
    [
        (WrOpcode.SEND, "", None),
        (WrOpcode.SEND_WITH_IMM, "_IMM", ImmDt(7)),
        (WrOpcode.SEND_WITH_INV, "_INV", Ieth(9)),
    ],
)
def test_sends_of_several_packets(peer: Peer, opcode: WrOpcode, name: str, header: object) -> None:
    octets = post(peer, opcode, 256 * 3 + 1, imm_data=7, rkey=9)
    packets = peer.collect()
    assert names(packets) == ["SEND_FIRST", "SEND_MIDDLE", "SEND_MIDDLE", f"SEND_LAST{name}"]
    assert b"".join(packet.payload for packet in packets) == octets
    assert packets[-1].headers == (() if header is None else (header,))
    assert [packet.headers for packet in packets[:-1]] == [()] * 3
    assert packets[-1].bth.ack_request


def test_a_write_of_several_packets(peer: Peer) -> None:
    octets = post(peer, WrOpcode.RDMA_WRITE_WITH_IMM, 700, remote_address=1 << 40, rkey=3)
    packets = peer.collect()
    assert names(packets) == ["WRITE_FIRST", "WRITE_MIDDLE", "WRITE_LAST_IMM"]
    assert packets[0].headers == (Reth(1 << 40, 3, 700),)
    assert packets[2].headers == (ImmDt(0),)
    assert b"".join(packet.payload for packet in packets) == octets


def test_a_write_of_one_packet_and_of_nothing(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_WRITE_WITH_IMM, 256, remote_address=8, rkey=3, imm_data=4)
    post(peer, WrOpcode.RDMA_WRITE, 0, remote_address=8, rkey=3)
    packets = peer.collect()
    assert names(packets) == ["WRITE_ONLY_IMM", "WRITE_ONLY"]
    assert packets[0].headers == (Reth(8, 3, 256), ImmDt(4))
    assert packets[1].headers == (Reth(8, 3, 0),)
    peer.acknowledge(101)
    assert len(peer.end.sent()) == 2


def test_memory_in_pieces(peer: Peer) -> None:
    whole = bytes(range(256)) * 4
    views = [memoryview(whole)[a:b] for a, b in ((0, 100), (100, 100), (100, 700), (700, 1024))]
    peer.qp.post_send(SendWR(WrOpcode.SEND, views))
    packets = peer.collect()
    assert b"".join(packet.payload for packet in packets) == whole
    assert [len(packet.payload) for packet in packets] == [256] * 4


def test_small_messages_share_a_burst(peer: Peer) -> None:
    for _ in range(3):
        post(peer, WrOpcode.SEND, 64)
    burst = peer.end.engine.poll_transmit(peer.now)
    assert burst is not None
    assert burst.packets == 3
    assert peer.end.engine.poll_transmit(peer.now) is None


def test_an_unsignaled_request_completes_silently(peer: Peer) -> None:
    post(peer, WrOpcode.SEND, 1, signaled=False)
    post(peer, WrOpcode.SEND, 1, wr_id="second")
    peer.collect()
    peer.acknowledge(101)
    assert statuses(peer) == [("second", WcStatus.SUCCESS)]


def test_the_window_bounds_what_is_in_flight() -> None:
    peer = Peer(tuning=Tuning(flight_octets=2048, initial_window=1024, minimum_window=512))
    post(peer, WrOpcode.RDMA_WRITE, 256 * 40)
    assert psns(peer.collect()) == [100, 101, 102, 103]
    assert psns(peer.acknowledge(103)) == list(range(104, 112)), "slow start doubles it"
    assert psns(peer.acknowledge(111)) == list(range(112, 120)), "up to the bound"
    packets = peer.acknowledge(115)
    assert psns(packets) == list(range(120, 124))
    assert packets[-1].bth.ack_request, "else the window would never open again"


@pytest.mark.parametrize("window", range(1, 6))
def test_a_full_window_always_asks(window: int) -> None:
    peer = Peer(tuning=Tuning(flight_octets=256 * window, initial_window=256 * window))
    for _ in range(5):
        post(peer, WrOpcode.RDMA_WRITE, 256 * 3 + 9)
    sent: list[Packet] = []
    acknowledged = 99
    while packets := peer.collect():
        sent += packets
        asking = [packet.bth.psn for packet in sent if packet.bth.ack_request]
        assert asking[-1] > acknowledged, "there is always an answer under way"
        acknowledged = asking[-1]
        peer.inject(peer.octets(peer.packet("ACKNOWLEDGE", acknowledged, Aeth(0x1F, 0))))
    assert len(sent) == 20
    assert len(peer.end.sent()) == 5


def test_a_window_asks_a_few_times_only() -> None:
    window = 64
    peer = Peer(tuning=Tuning(flight_octets=256 * window, initial_window=256 * window))
    post(peer, WrOpcode.RDMA_WRITE, 256 * 400)
    packets = peer.collect()
    asks = 0
    while packets:
        asking = [packet.bth.psn for packet in packets if packet.bth.ack_request]
        assert asking, "else the window would never open again"
        asks += len(asking)
        packets = peer.acknowledge(asking[0])
        for psn in asking[1:]:
            packets += peer.acknowledge(psn)
    assert len(peer.end.sent()) == 1
    assert 400 / window <= asks <= 5 * 400 / window


# -- loss ------------------------------------------------------------------------------------------


def test_a_gap_is_filled_from_where_the_peer_says(peer: Peer) -> None:
    octets = post(peer, WrOpcode.RDMA_WRITE, 256 * 5)
    peer.collect()
    packets = peer.acknowledge(102, SEQUENCE)
    assert psns(packets) == [102, 103, 104]
    assert packets[0].payload == octets[512:768]
    assert names(packets)[0] == "WRITE_MIDDLE"
    assert peer.qp.counters.retransmitted == 3
    assert peer.acknowledge(102, SEQUENCE) == [], "an old NAK"
    peer.acknowledge(104)
    assert len(peer.end.sent()) == 1


def test_silence_is_answered_with_retransmission_and_back_off(peer: Peer) -> None:
    post(peer, WrOpcode.SEND, 1)
    peer.collect()
    waits = []
    for _ in range(4):
        before = peer.now
        assert psns(peer.wait()) == [100]
        waits.append(peer.now - before)
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8])
    peer.acknowledge(100)
    assert statuses(peer) == [(WrOpcode.SEND, WcStatus.SUCCESS)]
    assert peer.end.engine.next_timeout() is None
    assert peer.qp.counters.timeouts == 4
    assert peer.qp.requester.retry.timer.timeout == 0.1, "progress ends the back-off"


def test_silence_is_first_answered_with_the_last_packet_alone(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_WRITE, 256 * 5)
    peer.collect()
    window = peer.qp.requester.window.octets
    packets = peer.wait()
    assert psns(packets) == [104]
    assert packets[0].bth.ack_request
    assert peer.qp.requester.window.octets == window, "it may only have been busy"
    assert psns(peer.acknowledge(101, SEQUENCE)) == [101, 102, 103, 104], "no, it had not"
    assert peer.acknowledge(104) == []
    assert statuses(peer) == [(WrOpcode.RDMA_WRITE, WcStatus.SUCCESS)]


def test_longer_silence_is_answered_with_everything(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_WRITE, 256 * 5)
    peer.collect()
    assert psns(peer.wait()) == [104]
    assert psns(peer.wait()) == [100, 101, 102, 103, 104]
    assert peer.qp.requester.window.octets == Tuning().minimum_window
    peer.acknowledge(104)
    assert peer.qp.counters.retransmitted == 6


def test_a_refusal_that_helped_nothing_is_followed_by_everything(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_WRITE, 256 * 5)
    peer.collect()
    assert psns(peer.acknowledge(102, SEQUENCE)) == [102, 103, 104]
    assert psns(peer.wait()) == [102, 103, 104], "the peer refuses a packet only once"


def test_a_silent_read_is_asked_for_from_its_first_missing_packet() -> None:
    peer = Peer(tuning=Tuning(read_octets=256 * 4))
    octets = post(peer, WrOpcode.RDMA_READ, 256 * 8)
    assert asked(peer.collect()) == [(100, 1024), (104, 1024)]
    assert asked(peer.wait()) == [(100, 1024)], "and no later one, which may be on its way"
    answer_read(peer, "FIRST", 100, bytes(256))
    answer_read(peer, "MIDDLE", 101, bytes(256))
    for _ in range(3):
        assert asked(peer.wait()) == [(102, 512)]
    assert asked(peer.wait()) == [(102, 512), (104, 1024)], "nothing came: now everything"
    for psn in range(102, 108):
        answer_read(peer, {102: "FIRST", 103: "LAST", 104: "FIRST", 107: "LAST"}.get(psn, "MIDDLE"),
                    psn, bytes(256))  # fmt: skip
    assert statuses(peer) == [(WrOpcode.RDMA_READ, WcStatus.SUCCESS)]
    assert octets == bytes(2048)
    assert peer.qp.counters.retransmitted == 1 + 3 + 2 + 4


def test_what_comes_before_a_silent_read_is_asked_about_first(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_WRITE, 256 * 3)
    post(peer, WrOpcode.RDMA_READ, 256 * 2)
    peer.collect()
    (packet,) = peer.wait()
    assert (packet.bth.psn, packet.bth.ack_request) == (102, True)
    assert names([packet]) == ["WRITE_LAST"]
    assert peer.acknowledge(102) == []
    assert asked(peer.wait()) == [(103, 512)]


@pytest.mark.parametrize("packets", [1, 2, 5])
def test_one_packet_alone_asks_for_an_acknowledgement(peer: Peer, packets: int) -> None:
    """Also from the middle of a message, of which the window did not hold the end."""
    tuning = Tuning(flight_octets=256 * packets, initial_window=256 * packets, message_cost=1)
    peer = Peer(tuning=tuning)
    octets = post(peer, WrOpcode.RDMA_WRITE, 256 * 9, signaled=False)
    sent = peer.collect()
    (packet,) = peer.wait()
    assert psns([packet]) == psns(sent)[-1:]
    assert packet.payload == octets[256 * (packets - 1) : 256 * packets]
    assert packet.bth.ack_request
    assert psns(peer.acknowledge(packet.bth.psn))[0] == packet.bth.psn + 1


def test_a_timeout_that_was_too_early_is_learnt_from(peer: Peer) -> None:
    def quick(psn: int) -> None:
        post(peer, WrOpcode.SEND, 1)
        assert psns(peer.collect()) == [psn]
        peer.now += 0.001
        peer.acknowledge(psn)

    timer = peer.qp.requester.retry.timer
    for psn in range(100, 160):
        quick(psn)
    assert timer.timeout == pytest.approx(0.02)
    post(peer, WrOpcode.SEND, 1)
    peer.collect()
    assert psns(peer.wait()) == [160]
    peer.now += 0.04
    peer.acknowledge(160)
    assert timer.timeout == pytest.approx(0.02), "it may have been the answer to either"
    peer.acknowledge(160)
    assert timer.timeout == pytest.approx(0.06 * 1.5), "there are two"
    for psn in range(161, 260):
        quick(psn)
    assert timer.timeout == pytest.approx(0.06 * 1.5)
    for psn in range(260, 275):  # what is lost makes it shorter again
        post(peer, WrOpcode.SEND, 1)
        peer.collect()
        peer.wait()
        peer.now += 0.001
        peer.acknowledge(psn)
    assert timer.timeout == pytest.approx(0.02)


def test_the_least_timeout_has_a_most() -> None:
    peer = Peer(tuning=Tuning(rto_patience=0.05))
    for psn in range(100, 110):
        post(peer, WrOpcode.SEND, 1)
        peer.collect()
        peer.wait()
        peer.now += 0.5
        peer.acknowledge(psn)
        peer.acknowledge(psn)
        peer.now += 0.001
    for psn in range(110, 200):
        post(peer, WrOpcode.SEND, 1)
        peer.collect()
        peer.now += 0.001
        peer.acknowledge(psn)
    assert peer.qp.requester.retry.timer.timeout == pytest.approx(0.05)


def test_a_silent_peer_is_given_up(peer: Peer) -> None:
    post(peer, WrOpcode.SEND, 1, wr_id=1)
    post(peer, WrOpcode.SEND, 1, wr_id=2)
    peer.qp.post_recv(RecvWR(memoryview(bytearray(1)), 3))
    peer.collect()
    started = peer.now
    while peer.state != QpState.ERR:
        peer.wait()
    assert peer.now - started >= Tuning().retry_seconds
    assert peer.qp.counters.timeouts > 7
    assert statuses(peer) == [(1, WcStatus.RETRY_EXC_ERR), (2, WcStatus.WR_FLUSH_ERR)]
    assert [wc.status for wc in peer.end.received()] == [WcStatus.WR_FLUSH_ERR]
    assert len(peer.end.errors) == 1
    assert "RETRY_EXC_ERR" in peer.end.errors[0]
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=4))
    peer.qp.post_send(SendWR(WrOpcode.LOCAL_INV, wr_id=5))
    peer.qp.post_recv(RecvWR(memoryview(bytearray(1)), 6))
    assert statuses(peer) == [(4, WcStatus.WR_FLUSH_ERR), (5, WcStatus.WR_FLUSH_ERR)]
    assert [wc.wr_id for wc in peer.end.received()] == [6]
    assert peer.collect() == []


def test_the_timeout_follows_the_round_trip(peer: Peer) -> None:
    for psn in range(100, 140):
        post(peer, WrOpcode.SEND, 1)
        peer.collect()
        peer.now += 0.02
        peer.acknowledge(psn)
    assert peer.qp.requester.retry.timer.smoothed == pytest.approx(0.02)
    assert peer.qp.requester.retry.timer.timeout == pytest.approx(0.02, rel=0.1)


def test_a_late_acknowledgement_ends_the_retransmission(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_WRITE, 256 * 30)
    peer.collect()
    due = peer.end.engine.next_timeout()
    assert due is not None
    peer.now = due
    peer.end.engine.handle_timeout(due)
    assert peer.acknowledge(129) == []
    assert len(peer.end.sent()) == 1


@pytest.mark.parametrize("psn", [98, 102, 500, 100 + (1 << 23)])
def test_acknowledgements_of_what_was_not_sent_or_long_ago(peer: Peer, psn: int) -> None:
    post(peer, WrOpcode.RDMA_WRITE, 512)
    peer.collect()
    for code in (0x1F, RNR, SEQUENCE, INVALID):
        assert peer.acknowledge(psn, code) == []
    assert peer.end.sent() == []
    assert peer.state == QpState.RTS


@pytest.mark.parametrize("code", [0x40, 0x64, 0x7F, 0x80])
def test_reserved_syndromes_mean_nothing(peer: Peer, code: int) -> None:
    post(peer, WrOpcode.SEND, 1)
    peer.collect()
    peer.acknowledge(100, code)
    assert peer.state == QpState.RTS
    assert peer.qp.counters.bad_responses == 1


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (INVALID, WcStatus.REM_INV_REQ_ERR),
        (ACCESS, WcStatus.REM_ACCESS_ERR),
        (OPERATION, WcStatus.REM_OP_ERR),
    ],
)
def test_a_fatal_nak(peer: Peer, code: int, status: WcStatus) -> None:
    for wr_id in range(4):
        post(peer, WrOpcode.RDMA_WRITE, 500, wr_id=wr_id)
    peer.collect()
    assert peer.acknowledge(103, code) == []
    assert statuses(peer) == [
        (0, WcStatus.SUCCESS),
        (1, status),
        (2, WcStatus.WR_FLUSH_ERR),
        (3, WcStatus.WR_FLUSH_ERR),
    ]
    assert peer.state == QpState.ERR
    assert peer.end.engine.next_timeout() is None


def test_receiver_not_ready(peer: Peer) -> None:
    post(peer, WrOpcode.SEND, 1, wr_id=1)
    post(peer, WrOpcode.SEND, 1, wr_id=2)
    peer.collect()
    assert peer.acknowledge(101, RNR) == []
    assert statuses(peer) == [(1, WcStatus.SUCCESS)]
    assert peer.acknowledge(101, RNR) == [], "while waiting, another says nothing new"
    before = peer.now
    assert psns(peer.wait()) == [101]
    assert peer.now - before == pytest.approx(0.00128)
    for _ in range(50):
        peer.acknowledge(101, RNR)
        assert psns(peer.wait()) == [101], "seven retries are for ever"


def test_receiver_never_ready() -> None:
    peer = Peer(rnr_retry_count=2)
    post(peer, WrOpcode.SEND, 1)
    peer.collect()
    for _ in range(2):
        peer.acknowledge(100, RNR)
        assert psns(peer.wait()) == [100]
    peer.acknowledge(100, RNR)
    assert statuses(peer) == [(WrOpcode.SEND, WcStatus.RNR_RETRY_EXC_ERR)]
    assert peer.state == QpState.ERR


# -- LOCAL_INV and posting -------------------------------------------------------------------------


def test_local_invalidate_completes_in_order(peer: Peer) -> None:
    region = peer.end.pd.register(memoryview(bytearray(8)), REMOTE)
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=1))
    peer.qp.post_send(SendWR(WrOpcode.LOCAL_INV, wr_id=2, rkey=region.rkey))
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=3))
    assert psns(peer.collect()) == [100, 101]
    assert not region.valid
    assert statuses(peer) == []
    peer.acknowledge(100)
    assert statuses(peer) == [(1, WcStatus.SUCCESS), (2, WcStatus.SUCCESS)]
    peer.acknowledge(101)
    assert statuses(peer) == [(3, WcStatus.SUCCESS)]


def test_local_invalidate_of_an_idle_queue_needs_no_packet(peer: Peer) -> None:
    region = peer.end.pd.register(memoryview(bytearray(8)), REMOTE)
    peer.qp.post_send(SendWR(WrOpcode.LOCAL_INV, rkey=region.rkey))
    (wc,) = peer.end.sent()
    assert (wc.status, wc.opcode) == (WcStatus.SUCCESS, WcOpcode.LOCAL_INV)
    assert not region.valid


def test_local_invalidate_of_an_unknown_key(peer: Peer) -> None:
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=1))
    peer.qp.post_send(SendWR(WrOpcode.LOCAL_INV, wr_id=2, rkey=99))
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=3))
    assert psns(peer.collect()) == [100], "what follows is not sent"
    peer.acknowledge(100)
    assert statuses(peer) == [
        (1, WcStatus.SUCCESS),
        (2, WcStatus.LOC_QP_OP_ERR),
        (3, WcStatus.WR_FLUSH_ERR),
    ]
    assert peer.state == QpState.ERR


def test_local_invalidate_survives_going_back(peer: Peer) -> None:
    region = peer.end.pd.register(memoryview(bytearray(8)), REMOTE)
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=1))
    peer.qp.post_send(SendWR(WrOpcode.LOCAL_INV, wr_id=2, rkey=region.rkey))
    peer.qp.post_send(SendWR(WrOpcode.SEND, wr_id=3))
    peer.collect()
    assert psns(peer.acknowledge(100, SEQUENCE)) == [100, 101]
    peer.acknowledge(101)
    assert [wr_id for wr_id, status in statuses(peer) if not status] == [1, 2, 3]


def test_what_cannot_be_posted(peer: Peer) -> None:
    for request in (
        SendWR(77),
        SendWR(WrOpcode.RDMA_READ, [memoryview(bytes(4))]),
        SendWR(WrOpcode.SEND, [memoryview(bytearray(64))[::2]]),
        SendWR(WrOpcode.SEND_WITH_INV, rkey=1 << 32),
        SendWR(WrOpcode.SEND_WITH_IMM, imm_data=-1),
        SendWR(WrOpcode.RDMA_WRITE, remote_address=1 << 64),
    ):
        with pytest.raises(VerbsError):
            peer.qp.post_send(request)
    with pytest.raises(VerbsError):
        peer.qp.post_recv(RecvWR(memoryview(b"read-only")))
    for _ in range(peer.qp.options.send_depth):
        peer.qp.post_send(SendWR(WrOpcode.SEND))
    with pytest.raises(VerbsError):
        peer.qp.post_send(SendWR(WrOpcode.SEND))
    for _ in range(peer.qp.options.recv_depth):
        peer.qp.post_recv(RecvWR(memoryview(bytearray(1))))
    with pytest.raises(VerbsError):
        peer.qp.post_recv(RecvWR(memoryview(bytearray(1))))


def test_no_read_without_depth() -> None:
    peer = Peer(depth=0)
    with pytest.raises(VerbsError):
        peer.qp.post_send(SendWR(WrOpcode.RDMA_READ, [memoryview(bytearray(4))]))


# -- asking for acknowledgements -------------------------------------------------------------------


def test_only_what_somebody_waits_for_or_nothing_follows_asks() -> None:
    peer = Peer()
    for length, signaled in ((300, False), (3, True), (700, False), (9, False)):
        post(peer, WrOpcode.RDMA_WRITE, length, rkey=1, signaled=signaled)
    packets = peer.collect()
    asked = [packet.bth.psn for packet in packets if packet.bth.ack_request]
    assert asked == [102, 106]
    peer.acknowledge(106)
    assert len(peer.end.sent()) == 1
    assert peer.end.engine.next_timeout() is None

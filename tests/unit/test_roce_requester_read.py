"""READ at the RoCE requester: responses that are whole, lost, early or refused."""

from __future__ import annotations

import pytest
from tests.support.roce import Peer, names
from tests.support.roce_requester import answer_read, asked, post, psns, statuses

from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.roce.wire.headers import Aeth, Packet, Reth
from nfsrdma.rpcrdma.verbs.types import (
    QpState,
    SendWR,
    WcOpcode,
    WcStatus,
    WrOpcode,
)

ACCESS = 0x62


@pytest.fixture
def peer() -> Peer:
    return Peer()


def test_a_read(peer: Peer) -> None:
    sink = post(peer, WrOpcode.RDMA_READ, 600, remote_address=1000, rkey=5)
    (request,) = peer.collect()
    assert names([request]) == ["READ_REQUEST"]
    assert (request.bth.psn, request.headers) == (100, (Reth(1000, 5, 600),))
    answer_read(peer, "FIRST", 100, b"a" * 256)
    answer_read(peer, "MIDDLE", 101, b"b" * 256)
    assert peer.end.sent() == []
    answer_read(peer, "LAST", 102, b"c" * 88)
    (wc,) = peer.end.sent()
    assert (wc.status, wc.opcode, wc.byte_len) == (WcStatus.SUCCESS, WcOpcode.RDMA_READ, 600)
    assert sink == b"a" * 256 + b"b" * 256 + b"c" * 88


def test_a_read_of_nothing(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_READ, 0)
    (request,) = peer.collect()
    assert request.headers == (Reth(0, 0, 0),)
    answer_read(peer, "ONLY", 100, b"")
    assert len(peer.end.sent()) == 1


def test_a_read_into_pieces(peer: Peer) -> None:
    sinks = [bytearray(n) for n in (100, 300, 200)]
    peer.qp.post_send(SendWR(WrOpcode.RDMA_READ, [memoryview(sink) for sink in sinks]))
    peer.collect()
    octets = bytes(n * 3 & 0xFF for n in range(600))
    for name, psn in (("FIRST", 100), ("MIDDLE", 101), ("LAST", 102)):
        start = (psn - 100) * 256
        answer_read(peer, name, psn, octets[start : start + 256])
    assert b"".join(sinks) == octets


def test_a_long_read_is_several_requests() -> None:
    peer = Peer(depth=2, tuning=Tuning(read_octets=1024))
    post(peer, WrOpcode.RDMA_READ, 256 * 12, remote_address=0, rkey=5)
    requests = peer.collect()
    assert [request.headers for request in requests] == [
        (Reth(0, 5, 1024),),
        (Reth(1024, 5, 1024),),
    ]
    for psn in (100, 101, 102):
        answer_read(peer, "FIRST" if psn == 100 else "MIDDLE", psn, bytes(256))
    (third,) = answer_read(peer, "LAST", 103, bytes(256))
    assert (third.bth.psn, third.headers) == (108, (Reth(2048, 5, 1024),))


def test_an_address_that_wraps_is_the_peers_problem() -> None:
    peer = Peer(tuning=Tuning(read_octets=256))
    post(peer, WrOpcode.RDMA_READ, 512, remote_address=(1 << 64) - 256, rkey=5)
    requests = peer.collect()
    assert [request.headers for request in requests] == [
        (Reth((1 << 64) - 256, 5, 256),),
        (Reth(0, 5, 256),),
    ]


def test_lost_responses_are_asked_for_again(peer: Peer) -> None:
    sink = post(peer, WrOpcode.RDMA_READ, 1024, remote_address=1000, rkey=5)
    peer.collect()
    answer_read(peer, "FIRST", 100, b"a" * 256)
    (again,) = answer_read(peer, "MIDDLE", 102, b"c" * 256)
    assert (again.bth.psn, again.headers) == (101, (Reth(1256, 5, 768),))
    assert answer_read(peer, "LAST", 103, b"d" * 256) == [], "once is enough"
    answer_read(peer, "FIRST", 101, b"b" * 256)
    answer_read(peer, "MIDDLE", 102, b"c" * 256)
    answer_read(peer, "LAST", 103, b"d" * 256)
    assert sink == b"".join(letter * 256 for letter in (b"a", b"b", b"c", b"d"))
    assert len(peer.end.sent()) == 1


def test_responses_that_come_early_are_placed_and_not_asked_for_again() -> None:
    peer = Peer(tuning=Tuning(read_octets=256 * 6))
    data = bytes(n * 7 & 0xFF for n in range(256 * 12))

    def answer(psn: int, base: int) -> list[Packet]:
        place = {0: "FIRST", 5: "LAST", 6: "FIRST", 11: "LAST"}.get(psn - base, "MIDDLE")
        return answer_read(peer, place, psn, data[256 * (psn - base) :][:256])

    requests = []
    for base in (100, 112, 124, 136, 148):
        sink = post(peer, WrOpcode.RDMA_READ, len(data))
        assert len(peer.collect()) == 2
        requests.append(0)
        for psn in reversed(range(base, base + 12)):
            requests[-1] += len(answer(psn, base))
        assert sink == data
        assert peer.end.sent()[0].status == WcStatus.SUCCESS
        for psn in range(base, base + 12 if requests[-1] else base):  # what was asked for again
            assert answer(psn, base) == []
    assert requests[0] == 2
    assert requests[-1] == 0, "with so much disorder it is waited for"
    assert peer.qp.requester.early.sequences == set()
    assert peer.qp.counters.timeouts == 0


def test_what_is_lost_after_all_is_asked_for_when_it_is_time() -> None:
    peer = Peer()
    early = peer.qp.requester.early
    early._tolerance = 64
    sink = post(peer, WrOpcode.RDMA_READ, 256 * 4)
    peer.collect()
    assert answer_read(peer, "MIDDLE", 101, b"b" * 256) == []
    assert answer_read(peer, "LAST", 103, b"d" * 256) == []
    assert asked(peer.wait()) == [(100, 1024)]
    assert early._tolerance == 32
    for psn, name in ((100, "FIRST"), (101, "MIDDLE"), (102, "MIDDLE")):
        assert answer_read(peer, name, psn, b"abc"[psn - 100 : psn - 99] * 256) == []
    assert sink == b"a" * 256 + b"b" * 256 + b"c" * 256 + b"d" * 256
    assert statuses(peer) == [(WrOpcode.RDMA_READ, WcStatus.SUCCESS)]
    assert answer_read(peer, "LAST", 103, b"x" * 256) == []
    assert sink[-1:] == b"d"


@pytest.mark.parametrize(
    ("name", "psn", "size"),
    [("MIDDLE", 101, 255), ("LAST", 102, 256), ("MIDDLE", 103, 256), ("LAST", 103, 255),
     ("ONLY", 102, 256), ("MIDDLE", 104, 256), ("FIRST", 120, 256)],
)  # fmt: skip
def test_early_responses_that_do_not_fit_are_dropped(name: str, psn: int, size: int) -> None:
    peer = Peer()
    sink = post(peer, WrOpcode.RDMA_READ, 256 * 4)
    before = bytes(sink)
    post(peer, WrOpcode.SEND, 5)
    peer.collect()
    answer_read(peer, name, psn, b"z" * size)
    assert peer.qp.requester.early.sequences == set()
    assert sink == before


def test_an_acknowledgement_that_passes_a_read_is_an_implied_nak(peer: Peer) -> None:
    post(peer, WrOpcode.SEND, 1, wr_id=1)
    post(peer, WrOpcode.RDMA_READ, 10, wr_id=2)
    post(peer, WrOpcode.SEND, 1, wr_id=3)
    assert psns(peer.collect()) == [100, 101, 102]
    assert psns(peer.acknowledge(102)) == [101, 102]
    assert statuses(peer) == [(1, WcStatus.SUCCESS)]
    answer_read(peer, "ONLY", 101, bytes(10))
    peer.acknowledge(102)
    assert statuses(peer) == [(2, WcStatus.SUCCESS), (3, WcStatus.SUCCESS)]


def test_a_response_acknowledges_what_came_before(peer: Peer) -> None:
    post(peer, WrOpcode.SEND, 1, wr_id=1)
    post(peer, WrOpcode.RDMA_READ, 10, wr_id=2)
    peer.collect()
    answer_read(peer, "ONLY", 101, bytes(10))
    assert statuses(peer) == [(1, WcStatus.SUCCESS), (2, WcStatus.SUCCESS)]


@pytest.mark.parametrize(
    ("name", "psn", "length"),
    [
        ("FIRST", 100, 252), ("FIRST", 100, 260), ("LAST", 100, 256), ("ONLY", 100, 256),
        ("LAST", 101, 87), ("LAST", 101, 89), ("ONLY", 101, 256), ("MIDDLE", 101, 256),
        ("FIRST", 101, 256), ("LAST", 99, 10),
    ],
)  # fmt: skip
def test_responses_that_do_not_fit_are_dropped(
    peer: Peer, name: str, psn: int, length: int
) -> None:
    guard = memoryview(bytearray(b"\xaa" * 600))
    peer.qp.post_send(SendWR(WrOpcode.RDMA_READ, [guard[:344]], wr_id=1))
    peer.collect()
    if psn == 101:
        answer_read(peer, "FIRST", 100, b"\xaa" * 256)
    answer_read(peer, name, psn, bytes(length))
    assert guard == b"\xaa" * 600
    assert peer.end.sent() == []
    assert peer.state == QpState.RTS
    counters = peer.qp.counters
    assert counters.bad_responses + counters.duplicates == 1


def test_responses_that_nobody_asked_for(peer: Peer) -> None:
    answer_read(peer, "ONLY", 100, b"x")
    peer.send("ATOMIC_ACKNOWLEDGE", 100, Aeth(0x1F, 0), payload=bytes(8))
    assert peer.state == QpState.RTS
    assert peer.qp.counters.duplicates + peer.qp.counters.bad_responses == 2


def test_a_refused_read(peer: Peer) -> None:
    post(peer, WrOpcode.RDMA_READ, 600, wr_id=1)
    peer.collect()
    peer.acknowledge(100, ACCESS)
    assert statuses(peer) == [(1, WcStatus.REM_ACCESS_ERR)]

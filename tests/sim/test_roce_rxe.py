"""The requester against a model of Linux's soft-RoCE: what is lost comes, what is not goes once."""

from __future__ import annotations

from random import Random

import pytest
from tests.support.roce import Peer
from tests.support.rxe import Responder, Wire

from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.verbs.types import QpState, SendWR, WcStatus, WrOpcode

MTU = 256
MEMORY = Random(0).randbytes(1 << 16)


def world(seed: int, loss: float, psn: int = 100) -> Wire:
    tuning = Tuning(read_octets=18 * MTU, flight_octets=45 * MTU, initial_window=45 * MTU)
    peer = Peer(mtu=MTU, send_psn=psn, tuning=tuning)
    return Wire(peer, Responder(MEMORY, psn, MTU, 4), Random(seed), loss)


def post(peer: Peer, rng: Random, sinks: list[tuple[int, bytearray]]) -> None:
    match rng.randrange(4):
        case 0:
            peer.qp.post_send(SendWR(WrOpcode.SEND, [memoryview(bytes(rng.randrange(1, 600)))]))
        case 1:
            data = memoryview(bytes(rng.randrange(1, 6000)))
            peer.qp.post_send(SendWR(WrOpcode.RDMA_WRITE, [data], remote_address=0, rkey=7))
        case _:
            length = rng.choice((1, 256, 257, rng.randrange(1, 16000)))
            address = rng.randrange(len(MEMORY) - length)
            sinks.append((address, bytearray(length)))
            request = SendWR(WrOpcode.RDMA_READ, [memoryview(sinks[-1][1])])
            request.remote_address, request.rkey = address, 7
            peer.qp.post_send(request)


@pytest.mark.parametrize("seed", range(60))
def test_every_read_completes_whatever_is_lost(seed: int) -> None:
    """One in twenty packets, in either direction."""
    wire = world(seed, 0.05, psn=(1 << 24) - 500)
    peer, rng = wire.peer, Random(f"work {seed}")
    sinks: list[tuple[int, bytearray]] = []
    done = []
    for _ in range(40):
        for _ in range(rng.randrange(1, 4)):
            post(peer, rng, sinks)
        for _ in range(rng.randrange(200)):
            wire.step()
        done += peer.end.sent()
    while wire.step():
        assert peer.state == QpState.RTS, peer.end.errors
    done += peer.end.sent()
    assert {wc.status for wc in done} == {WcStatus.SUCCESS}
    assert len(peer.qp.requester) == 0
    for address, sink in sinks:
        assert sink == MEMORY[address : address + len(sink)]
    assert peer.now - 50 < 60, "no READ waited for its last timeout"
    executed = wire.responder.executed
    assert len(set(executed)) == len(executed)


@pytest.mark.parametrize("seed", range(60))
def test_no_read_is_asked_for_before_its_first_missing_packet(seed: int) -> None:
    wire = world(seed, 0.1)
    peer = wire.peer
    sink = bytearray(18 * MTU)
    request = SendWR(WrOpcode.RDMA_READ, [memoryview(sink)], remote_address=0, rkey=7)
    peer.qp.post_send(request)
    while wire.step():
        pass
    assert peer.state == QpState.RTS
    addresses = [reth.address for _, reth in wire.asked]
    assert addresses == sorted(addresses)
    assert {reth.address + reth.length for _, reth in wire.asked} == {len(sink)}


def test_a_peer_that_is_busy_now_and_then_is_soon_waited_for() -> None:
    """Nothing is lost; what is sent again is sent for nothing."""
    wire = world(1, 0.0)
    peer, rng = wire.peer, Random(2)
    sinks: list[tuple[int, bytearray]] = []
    resent = []
    for _ in range(4):
        before = peer.qp.counters.retransmitted
        for turn in range(500):
            post(peer, rng, sinks)
            if not turn % 10:
                wire.busy_until = peer.now + rng.uniform(0.01, 0.1)
            while wire.step():
                pass
            peer.end.sent()
        resent.append(peer.qp.counters.retransmitted - before)
    assert resent[0] < 100
    assert max(resent[1:]) <= 3, resent
    assert wire.responder.dropped == 0

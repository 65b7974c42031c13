"""Two engines on a link that loses, repeats, reorders and damages packets.

Whatever the link does, every work request completes once, in order, with the right octets, and
nothing is written outside the memory that was offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from tests.support.roce import IPV4, IPV6, REMOTE, End, Faults, Pair

from nfsrdma.rpcrdma.verbs.types import RecvWR, SendWR, WcOpcode, WcStatus, WrOpcode

GUARD = 64
SLOT = 20_000


@dataclass
class Arena:
    """Memory in slots with guard octets between them, one slot for each operation."""

    memory: bytearray
    expected: bytearray

    @classmethod
    def make(cls, slots: int, rng: Random) -> Arena:
        octets = rng.randbytes(slots * (SLOT + 2 * GUARD))
        return cls(bytearray(octets), bytearray(octets))

    def slot(self, index: int, length: int) -> memoryview:
        start = index * (SLOT + 2 * GUARD) + GUARD
        return memoryview(self.memory)[start : start + length]

    def expect(self, index: int, octets: bytes) -> None:
        start = index * (SLOT + 2 * GUARD) + GUARD
        self.expected[start : start + len(octets)] = octets


class Traffic:
    """Random operations from one end to the other, and what they must lead to."""

    def __init__(self, rng: Random, here: End, there: End, operations: int) -> None:
        self.rng, self.here, self.there = rng, here, there
        self.operations = operations
        self.local = Arena.make(operations, rng)
        self.remote = Arena.make(operations, rng)
        self.receives = Arena.make(operations, rng)
        self.messages: list[tuple[int, int | None, int | None]] = []
        for index in range(operations):
            self.post(index)

    def post(self, index: int) -> None:
        rng = self.rng
        length = rng.choice((0, 1, 3, 4, 255, 1023, 1024, 1025, 4096, rng.randrange(SLOT)))
        opcode = rng.choice(
            (
                WrOpcode.SEND,
                WrOpcode.SEND_WITH_IMM,
                WrOpcode.SEND_WITH_INV,
                WrOpcode.RDMA_WRITE,
                WrOpcode.RDMA_WRITE_WITH_IMM,
                WrOpcode.RDMA_READ,
            )
        )
        view = self.local.slot(index, length)
        cut = rng.randrange(length + 1)
        request = SendWR(opcode, [view[:cut], view[cut:]], wr_id=index, imm_data=index)
        there = self.there
        if opcode in (WrOpcode.RDMA_WRITE, WrOpcode.RDMA_WRITE_WITH_IMM, WrOpcode.RDMA_READ):
            target = self.remote.slot(index, length)
            region = there.pd.register(target, REMOTE)
            request.rkey, request.remote_address = region.rkey, region.address
            if opcode == WrOpcode.RDMA_READ:
                self.local.expect(index, bytes(target))
            else:
                self.remote.expect(index, bytes(view))
        invalidated = immediate = None
        if opcode == WrOpcode.SEND_WITH_INV:
            invalidated = request.rkey = there.pd.register(memoryview(bytearray(8)), REMOTE).rkey
        if opcode in (WrOpcode.SEND_WITH_IMM, WrOpcode.RDMA_WRITE_WITH_IMM):
            immediate = index
        if opcode not in (WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ):
            place = len(self.messages)
            there.qp.post_recv(RecvWR(self.receives.slot(place, SLOT), wr_id=place))
            self.messages.append((length, immediate, invalidated))
            if opcode != WrOpcode.RDMA_WRITE_WITH_IMM:
                self.receives.expect(place, bytes(view))
        self.here.qp.post_send(request)

    def check(self) -> None:
        sent = self.here.sent()
        assert [wc.status for wc in sent] == [WcStatus.SUCCESS] * self.operations
        assert [wc.wr_id for wc in sent] == list(range(self.operations))
        got = self.there.received()
        assert [wc.wr_id for wc in got] == list(range(len(self.messages)))
        assert [(wc.byte_len, wc.imm_data, wc.invalidated_rkey) for wc in got] == self.messages
        assert {wc.opcode for wc in got} <= {WcOpcode.RECV, WcOpcode.RECV_RDMA_WITH_IMM}
        for arena in (self.local, self.remote, self.receives):
            assert arena.memory == arena.expected
        for wc in got:
            if wc.invalidated_rkey is not None:
                assert self.there.pd.find(wc.invalidated_rkey) is None


FAULTS = {
    "clean": Faults(),
    "loss": Faults(loss=0.05),
    "duplication": Faults(duplication=0.2),
    "reordering": Faults(reordering=0.1),
    "corruption": Faults(corruption=0.05),
    "everything": Faults(loss=0.05, duplication=0.05, reordering=0.05, corruption=0.02),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("together", [1, 9])
def test_every_operation_completes_once_with_the_right_octets(
    seed: int, name: str, together: int
) -> None:
    pair = Pair(
        seed,
        faults=FAULTS[name],
        addresses=IPV6 if seed % 2 else IPV4,
        mtu=(256, 1024, 4096, 512)[seed],
        gso=seed != 3,
        depth=1 + seed * 3,
        resources=1 + seed * 3,
    )
    pair.together = together
    both = [
        Traffic(pair.rng, here, there, 40) for here, there in ((pair.a, pair.b), (pair.b, pair.a))
    ]
    pair.run()
    for traffic in both:
        traffic.check()
    counters = pair.a.qp.counters
    assert pair.a.errors == pair.b.errors == []
    if "loss" in name or name == "everything":
        assert counters.retransmitted > 0
    if name == "clean":
        assert counters.retransmitted == counters.timeouts == counters.duplicates == 0


@pytest.mark.parametrize("together", [1, 9])
def test_a_long_transfer_over_a_bad_link(together: int) -> None:
    pair = Pair(5, mtu=4096, faults=Faults(loss=0.02))
    pair.together = together
    data = pair.rng.randbytes(2_000_000)
    region = pair.b.pd.register(memoryview(bytearray(len(data))), REMOTE)
    sink = memoryview(bytearray(len(data)))
    for opcode, view in ((WrOpcode.RDMA_WRITE, memoryview(data)), (WrOpcode.RDMA_READ, sink)):
        request = SendWR(opcode, [view], remote_address=region.address, rkey=region.rkey)
        pair.a.qp.post_send(request)
    pair.run()
    assert [wc.status for wc in pair.a.sent()] == [WcStatus.SUCCESS] * 2
    assert region.view == data
    assert sink == data
    assert pair.b.qp.counters.replayed_reads > 0

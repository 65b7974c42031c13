"""How quick the RoCE engine is: two of them in memory, no sockets.

    PYTHONPATH=src python benchmarks/roce_engine.py [--profile]

Prints the throughput of 1 MiB WRITEs and READs at a path MTU of 4096 and the rate of SEND
ping-pong, by processor time. Both engines share the one thread and a copy stands in for the
sockets, so a link with a core at each end could do about twice that.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from random import Random

from nfsrdma.rpcrdma.roce.engine.engine import Engine
from nfsrdma.rpcrdma.roce.engine.queue_pair import QueuePair
from nfsrdma.rpcrdma.verbs.types import Access, QpOptions, RecvWR, SendWR, WcStatus, WrOpcode

MIB = 1 << 20
A, B = ("10.0.0.1", 4791), ("10.0.0.2", 4791)
ACCESS = Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ


class End:
    """An engine with one queue pair."""

    def __init__(self, seed: int) -> None:
        self.engine = Engine(rng=Random(seed))
        self.pd = self.engine.create_pd()
        self.send_cq = self.engine.create_cq(1024)
        self.recv_cq = self.engine.create_cq(1024)
        options = QpOptions(access=int(ACCESS))
        self.qp = self.engine.create_queue_pair(self.pd, self.send_cq, self.recv_cq, options)
        self.buffer = bytearray(65536)


def connect(a: QueuePair, b: QueuePair) -> None:
    for one, other, local, remote in ((a, b, A, B), (b, a, B, A)):
        one.ready_to_receive(
            local=local,
            remote=remote,
            remote_qpn=other.number,
            receive_psn=0xFFFFF0,
            path_mtu=4096,
            responder_resources=16,
        )
    for one in (a, b):
        one.ready_to_send(send_psn=0xFFFFF0, initiator_depth=16, retry_count=7, rnr_retry_count=7)


def carry(source: End, sink: End) -> bool:
    """What a pair of sockets does: gather on one side, one buffer on the other."""
    moved = False
    now = time.perf_counter()
    view = memoryview(sink.buffer)
    while burst := source.engine.poll_transmit(now):
        moved = True
        for single in burst.singles():
            start = 0
            for piece in single.buffers:
                view[start : start + len(piece)] = piece
                start += len(piece)
            addresses = single.source, single.destination
            sink.engine.handle_burst(view[:start], single.segment_size, *addresses, now)
    return moved


def turn(a: End, b: End) -> None:
    while carry(a, b) or carry(b, a):
        pass


def bulk(opcode: WrOpcode, rounds: int) -> float:
    """MB/s of 1 MiB work requests."""
    a, b = End(1), End(2)
    connect(a.qp, b.qp)
    local = memoryview(bytearray(Random(3).randbytes(MIB)))
    region = b.pd.register(memoryview(bytearray(MIB)), ACCESS)
    begin = time.process_time()
    for _ in range(rounds):
        request = SendWR(opcode, [local], remote_address=region.address, rkey=region.rkey)
        a.qp.post_send(request)
        turn(a, b)
        (completion,) = a.send_cq.poll(10)
        assert completion.status == WcStatus.SUCCESS
    elapsed = time.process_time() - begin
    assert bytes(region.view) == bytes(local)
    return rounds * MIB / elapsed / 1e6


def ping_pong(rounds: int) -> float:
    """Round trips per second of 128-octet SENDs, acknowledged."""
    a, b = End(1), End(2)
    connect(a.qp, b.qp)
    message = memoryview(bytes(128))
    begin = time.process_time()
    for _ in range(rounds):
        for one, other in ((a, b), (b, a)):
            other.qp.post_recv(RecvWR(memoryview(bytearray(256))))
            one.qp.post_send(SendWR(WrOpcode.SEND, [message]))
            carry(one, other)
            assert other.recv_cq.poll(1)
    turn(a, b)
    return rounds / (time.process_time() - begin)


def main() -> None:
    profile = cProfile.Profile() if "--profile" in sys.argv else None

    def measured(name: str, unit: str, function: Callable[[], float]) -> None:
        if profile is not None:
            profile.enable()
        result = function()
        if profile is not None:
            profile.disable()
        print(f"{name:24} {result:10.0f} {unit}")

    measured("WRITE 1 MiB", "MB/s", lambda: bulk(WrOpcode.RDMA_WRITE, 100))
    measured("READ 1 MiB", "MB/s", lambda: bulk(WrOpcode.RDMA_READ, 100))
    measured("SEND ping-pong", "round trips/s", lambda: ping_pong(10000))
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()

"""Two processes over the loopback interface with the soft provider: latency and bandwidth.

    PYTHONPATH=src python benchmarks/verbs_soft.py [--seconds 2] [--spin 0.0003]

SEND ping-pong: median and 99th percentile of round trips of 64 octets. RDMA WRITE and READ:
megabytes per second at 64 KiB and 1 MiB, with 1 MiB of requests in flight (at least two).
Both processes turn a ``SelectReactor`` on their only thread. In a virtual machine most of a round
trip is the waking of idle processors; ``--spin`` shows the rest.
"""

from __future__ import annotations

import argparse
import cProfile
import multiprocessing
import pstats
import statistics
import sys
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from time import perf_counter

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.verbs.interfaces import Connection, ConnectionRequest, Device
from nfsrdma.rpcrdma.verbs.types import (
    Access,
    ConnectOptions,
    QpOptions,
    RecvWR,
    SendWR,
    WcStatus,
    WrOpcode,
)

PORT = 20049
REGION = 4 << 20
IN_FLIGHT = 1 << 20
_READ_WRITE = Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE
_OPTIONS = QpOptions(access=int(Access.REMOTE_READ | Access.REMOTE_WRITE))


class Side:
    """One end: echoes what it receives (server) or counts completions (client)."""

    def __init__(self, device: Device, *, echo: bool) -> None:
        self.pd = device.create_pd()
        self.send_cq = device.create_cq(1024)
        self.recv_cq = device.create_cq(1024)
        self.send_cq.set_handler(self._sent)
        self.recv_cq.set_handler(self._received)
        self.echo = echo
        self.up = self.down = False
        self.sent = 0
        self.on_received: Callable[[], None] | None = None
        self.greeting = b""
        self.connection: Connection = None  # type: ignore[assignment]

    def established(self, connection: Connection, private_data: bytes) -> None:
        self.up = True
        self.greeting = private_data

    def failed(self, error: Exception) -> None:
        raise error

    def disconnected(self, reason: str) -> None:
        self.down = True

    def post_recv(self) -> None:
        buffer = memoryview(bytearray(4096))
        self.connection.queue_pair.post_recv(RecvWR(buffer, buffer))

    def _sent(self) -> None:
        for completion in self.send_cq.poll(1024):
            if completion.status == WcStatus.SUCCESS:
                self.sent += 1

    def _received(self) -> None:
        for completion in self.recv_cq.poll(1024):
            if completion.status == WcStatus.SUCCESS:
                queue_pair = self.connection.queue_pair
                queue_pair.post_recv(RecvWR(completion.wr_id, completion.wr_id))
                if self.echo:
                    data = completion.wr_id[: completion.byte_len]
                    queue_pair.post_send(SendWR(WrOpcode.SEND, [data], signaled=False))
                if self.on_received is not None:
                    self.on_received()


def serve(ready: Pipe, spin_s: float, profile: bool) -> None:
    """The passive process."""
    reactor = SelectReactor(spin_s=spin_s)
    device = SoftDevice(reactor, address="127.0.0.1")
    memory = memoryview(bytearray(REGION))
    sides: list[Side] = []

    def on_request(request: ConnectionRequest) -> None:
        side = Side(device, echo=True)
        side.connection = request.prepare(side.pd, side.send_cq, side.recv_cq, _OPTIONS)
        for _ in range(16):
            side.post_recv()
        region = side.pd.register(memory, _READ_WRITE)
        greeting = region.address.to_bytes(8, "big") + region.rkey.to_bytes(4, "big")
        request.accept(ConnectOptions(private_data=greeting), side)
        sides.append(side)

    device.listen("127.0.0.1", PORT, on_request)
    ready.send("listening")
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    reactor.run_until(lambda: bool(sides) and sides[0].down)
    if profile:
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)
    device.close()


def ping_pong(reactor: SelectReactor, side: Side, seconds: float) -> str:
    """Round trips of 64 octets, one at a time, each begun in the handler that ended the last."""
    data = memoryview(bytes(64))
    times: list[float] = []
    end = perf_counter() + seconds
    begun = 0.0

    def begin() -> None:
        nonlocal begun
        begun = perf_counter()
        request = SendWR(WrOpcode.SEND, [data], signaled=False)
        side.connection.queue_pair.post_send(request)

    def ended() -> None:
        now = perf_counter()
        times.append(now - begun)
        if now < end:
            begin()

    side.on_received = ended
    begin()
    reactor.run_until(lambda: bool(times) and perf_counter() >= end)
    side.on_received = None
    micros = sorted(1e6 * each for each in times)
    return (
        f"SEND ping-pong, 64 octets: median {statistics.median(micros):.0f} us, "
        f"99 % {micros[len(micros) * 99 // 100]:.0f} us, {len(micros)} round trips"
    )


def bandwidth(reactor: SelectReactor, side: Side, opcode: WrOpcode, size: int, s: float) -> str:
    """One-sided requests of ``size`` octets for ``s`` seconds."""
    address = int.from_bytes(side.greeting[:8], "big")
    rkey = int.from_bytes(side.greeting[8:12], "big")
    depth = max(2, IN_FLIGHT // size)
    buffers = deque(memoryview(bytearray(size)) for _ in range(depth))
    posted = done = side.sent
    first = done
    start = perf_counter()
    while perf_counter() - start < s or done < posted:
        while posted - done < depth and perf_counter() - start < s:
            buffers.rotate()
            where = address + posted * size % REGION
            request = SendWR(opcode, [buffers[0]], rkey=rkey, remote_address=where)
            side.connection.queue_pair.post_send(request)
            posted += 1
        reactor.turn(0.1)
        done = side.sent
    rate = (done - first) * size / (perf_counter() - start) / 1e6
    return f"{opcode.name:10} {size >> 10:5} KiB: {rate:6.0f} MB/s"


def main() -> None:
    """Start the server process and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement")
    parser.add_argument("--profile", choices=["client", "server"])
    parser.add_argument("--spin", type=float, default=0.0, help="spin_s of the reactors")
    parser.add_argument("--only", help="measure only what contains this (ping, WRITE, READ)")
    arguments = parser.parse_args()
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    server = context.Process(
        target=serve, args=(there, arguments.spin, arguments.profile == "server")
    )
    server.start()
    there.close()
    here.recv()

    reactor = SelectReactor(spin_s=arguments.spin)
    device = SoftDevice(reactor)
    side = Side(device, echo=False)
    side.connection = device.connect(
        *("127.0.0.1", PORT, side.pd, side.send_cq, side.recv_cq),
        *(_OPTIONS, ConnectOptions(), side),
    )
    for _ in range(16):
        side.post_recv()
    reactor.run_until(lambda: side.up)
    profiler = cProfile.Profile()
    if arguments.profile == "client":
        profiler.enable()
    only = arguments.only or ""
    if only in "ping":
        print(ping_pong(reactor, side, arguments.seconds))
    for opcode in (WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ):
        for size in (64 << 10, 1 << 20):
            if only in opcode.name:
                print(bandwidth(reactor, side, opcode, size, arguments.seconds))
    if arguments.profile == "client":
        profiler.disable()
        pstats.Stats(profiler, stream=sys.stdout).sort_stats("tottime").print_stats(25)
    counters = {name: value for name, value in device.udp_counters.items() if value}
    print("client's packets:", device.counters, counters or "")
    side.connection.close()
    device.close()
    server.join()


if __name__ == "__main__":
    main()

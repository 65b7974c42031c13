"""A provider by itself: latency of SEND, rates of RDMA WRITE and READ, cost of registration.

Both ends are in this process, on one thread. Run from the root, on a machine with an adapter or
soft-RoCE: ``PYTHONPATH=src python benchmarks/verbs_provider.py verbs --address 10.0.0.1``; or
elsewhere with ``soft --address 127.0.0.1 --peer 127.0.0.2`` for the other provider.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.verbs.interfaces import Connection, ConnectionRequest, ConnectRequest, Device
from nfsrdma.rpcrdma.verbs.types import (
    WC,
    Access,
    ConnectOptions,
    QpOptions,
    RecvWR,
    SendWR,
    WcStatus,
    WrOpcode,
)

EVERYTHING = Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE
SIZES = (4 << 10, 64 << 10, 1 << 20)
WINDOW = 8
"""Requests in flight when bandwidth is measured."""


class End:
    """One end of the connection; counts what it completes."""

    def __init__(self, device: Device) -> None:
        self.pd = device.create_pd()
        self.send_cq, self.recv_cq = device.create_cq(256), device.create_cq(256)
        self.send_cq.set_handler(lambda: self._take(self.send_cq.poll(64), self.sent))
        self.recv_cq.set_handler(lambda: self._take(self.recv_cq.poll(64), self.received))
        self.sent: deque[WC] = deque()
        self.received: deque[WC] = deque()
        self.up = False
        self.connection: Connection = None  # type: ignore[assignment]

    @staticmethod
    def _take(completions: list[WC], into: deque[WC]) -> None:
        # What is still posted when the end closes is flushed.
        usual = (WcStatus.SUCCESS, WcStatus.WR_FLUSH_ERR)
        assert all(completion.status in usual for completion in completions), completions
        into.extend(completions)

    def established(self, connection: Connection, private_data: bytes) -> None:
        """Both sides may send."""
        self.up = True

    def failed(self, error: Exception) -> None:
        """It never came up."""
        raise error

    def disconnected(self, reason: str) -> None:
        """It was up and is no more."""


class Bench:
    """A connected pair on one reactor."""

    def __init__(self, given: argparse.Namespace, **options: Any) -> None:
        self.reactor = SelectReactor()
        self.devices = [open_device(given.provider, self.reactor, address=given.address, **options)]
        peer = given.peer or given.address
        self.devices.append(open_device(given.provider, self.reactor, address=peer, **options))
        self.server, self.client = End(self.devices[0]), End(self.devices[1])
        queue_pair = QpOptions(access=int(EVERYTHING))
        server, client = self.server, self.client

        def on_request(request: ConnectionRequest) -> None:
            server.connection = request.prepare(
                server.pd, server.send_cq, server.recv_cq, queue_pair
            )
            request.accept(ConnectOptions(), server)

        self.devices[0].listen(given.address, given.port, on_request)
        ours = client.pd, client.send_cq, client.recv_cq, client, queue_pair
        client.connection = self.devices[1].connect(
            ConnectRequest(given.address, given.port, *ours)
        )
        self.until(lambda: server.up and client.up)

    def until(self, condition: Callable[[], bool]) -> None:
        """Turn the reactor until ``condition`` holds."""
        self.reactor.run_until(condition, 120)

    def close(self) -> None:
        """Free everything."""
        for device in self.devices:
            device.close()
        self.reactor.close()

    def ping_pong(self, rounds: int) -> float:
        """Microseconds for a SEND of 128 octets there and another one back."""
        ends = (self.client, self.server)
        buffers = {end: bytearray(4096) for end in ends}
        message = bytes(128)

        def receive(end: End) -> None:
            end.connection.queue_pair.post_recv(RecvWR(memoryview(buffers[end])))

        for end in ends:
            receive(end)
        start = time.perf_counter()
        for _ in range(rounds):
            for sender, receiver in (ends, ends[::-1]):
                request = SendWR(WrOpcode.SEND, [memoryview(message)], signaled=False)
                sender.connection.queue_pair.post_send(request)
                self.until(lambda end=receiver: bool(end.received))  # type: ignore[misc]
                receiver.received.clear()
                receive(receiver)
        elapsed = time.perf_counter() - start
        return elapsed / rounds * 1e6

    def bandwidth(self, opcode: WrOpcode, size: int, octets: int) -> float:
        """Megabytes per second of WRITEs or READs by the server, in the client's memory."""
        server, client = self.server, self.client
        region = client.pd.register(memoryview(bytearray(size)), EVERYTHING)
        view = memoryview(bytearray(size))
        count = max(WINDOW, octets // size)
        request = SendWR(opcode, [view], remote_address=region.address, rkey=region.rkey)
        start = time.perf_counter()
        for posted in range(count):
            server.connection.queue_pair.post_send(request)
            done = posted + 1 - WINDOW
            self.until(lambda done=done: len(server.sent) > done)  # type: ignore[misc]
        self.until(lambda: len(server.sent) == count)
        elapsed = time.perf_counter() - start
        server.sent.clear()
        region.deregister()
        return count * size / elapsed / 1e6

    def registration(self, size: int, rounds: int) -> float:
        """Microseconds to register and deregister ``size`` octets for the peer."""
        view = memoryview(bytearray(size))
        start = time.perf_counter()
        for _ in range(rounds):
            self.client.pd.register(view, EVERYTHING).deregister()
        return (time.perf_counter() - start) / rounds * 1e6


def measure(title: str, bench: Bench, megabytes: int) -> None:
    """Print one column."""
    print(f"== {title}")
    bench.ping_pong(20)
    print(f"SEND 128 octets, there and back    {bench.ping_pong(200):10.0f} us")
    for size in SIZES:
        for opcode in (WrOpcode.RDMA_WRITE, WrOpcode.RDMA_READ):
            rate = bench.bandwidth(opcode, size, megabytes << 20)
            print(f"{opcode.name:10} {size >> 10:5} KiB               {rate:10.1f} MB/s")
        cost = bench.registration(size, 100)
        print(f"register   {size >> 10:5} KiB               {cost:10.0f} us")


def main() -> None:
    """Measure one provider; the verbs provider with and without memory windows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("provider", choices=["soft", "verbs"])
    parser.add_argument("--address", required=True)
    parser.add_argument("--peer", help="the client's address, if it must be another")
    parser.add_argument("--port", type=int, default=20049)
    parser.add_argument("--megabytes", type=int, default=8)
    given = parser.parse_args()
    variants: list[dict[str, Any]] = [{}]
    if given.provider == "verbs":
        variants = [{"windows": True}, {"windows": False}]
    for options in variants:
        bench = Bench(given, **options)
        measure(f"{given.provider} {options or ''}", bench, given.megabytes)
        bench.close()


if __name__ == "__main__":
    main()

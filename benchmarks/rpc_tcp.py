"""RPC over TCP between two processes on the loopback interface: calls and octets per second.

    python benchmarks/rpc_tcp.py [--seconds 1] [--rounds 3] [--spin-us 0] [--loop select|asyncio]

NULL calls with 1, 8 and 32 in flight, and 1 MiB echoed. The depths take turns, round after
round, and the best and the median are shown: on a shared machine a single run says little, and
with one call in flight an idle machine is slower than a busy one.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp, listen_tcp
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.program import Call, RpcProgram, RpcService, null_procedure
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder, Encoder

PROGRAM = 0x20000099
ECHO_OCTETS = 1 << 20


def echo(call: Call) -> None:
    """Procedure 1: opaque in, the same out."""
    data = call.decoder.payload()
    enc = call.start_reply()
    enc.payload(data)
    call.reply(enc)


def serve(pipe: Any, loop_name: str, spin_s: float) -> None:
    """The server process."""
    service = RpcService([RpcProgram(PROGRAM, {1: {0: null_procedure, 1: echo}})])
    if loop_name == "select":
        reactor = SelectReactor(spin_s=spin_s)
        pipe.send(listen_tcp(reactor, "127.0.0.1", 0, service).address)
        reactor.run_forever()
    else:
        loop = asyncio.new_event_loop()
        pipe.send(listen_tcp(loop, "127.0.0.1", 0, service).address)
        loop.run_forever()


class Load:
    """Keeps ``depth`` calls in flight until the time is up."""

    def __init__(self, issue: Callable[[], Future[Decoder]], depth: int, seconds: float) -> None:
        self._issue = issue
        self._until = time.monotonic() + seconds
        self.calls = 0
        self.in_flight = depth
        for _ in range(depth):
            self._next()

    def _next(self) -> None:
        self._issue().add_done_callback(self._replied)

    def _replied(self, reply: Future[Decoder]) -> None:
        reply.result()
        self.calls += 1
        if time.monotonic() < self._until:
            self._next()
        else:
            self.in_flight -= 1

    def over(self) -> bool:
        return self.in_flight == 0


def measure(
    reactor: SelectReactor, issue: Callable[[], Future[Decoder]], depth: int, seconds: float
) -> float:
    """Calls per second."""
    started = time.monotonic()
    load = Load(issue, depth, seconds)
    reactor.run_until(load.over)
    return load.calls / (time.monotonic() - started)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="of every measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--spin-us", type=float, default=0.0, help="before either side sleeps")
    parser.add_argument("--loop", choices=("select", "asyncio"), default="select")
    options = parser.parse_args()
    spin_s = options.spin_us / 1e6

    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs, options.loop, spin_s), daemon=True)
    server.start()
    reactor = SelectReactor(spin_s=spin_s)
    channel: Channel = reactor.run_until(connect_tcp(reactor, *ours.recv()))
    client = RpcClient(random.SystemRandom(), Credentials.sys(0, 0, (0,), b"benchmark"))
    data = bytes(ECHO_OCTETS)

    def null() -> Future[Decoder]:
        return client.call(channel, PROGRAM, 1, 0, max_reply=64)

    def echo_call() -> Future[Decoder]:
        def arguments(enc: Encoder) -> None:
            enc.payload(data)

        return client.call(channel, PROGRAM, 1, 1, arguments, max_reply=64)

    rates: dict[tuple[str, int], list[float]] = {}
    for _ in range(options.rounds):
        for name, issue, depth in (
            ("NULL", null, 1),
            ("NULL", null, 8),
            ("NULL", null, 32),
            ("echo 1 MiB", echo_call, 1),
            ("echo 1 MiB", echo_call, 4),
        ):
            rate = measure(reactor, issue, depth, options.seconds)
            rates.setdefault((name, depth), []).append(rate)
    for (name, depth), found in rates.items():
        print(
            f"{name:10} depth {depth:2}: "
            f"median {statistics.median(found):8.0f}/s, best {max(found):8.0f}/s"
        )
    channel.close()
    server.terminate()


if __name__ == "__main__":
    main()

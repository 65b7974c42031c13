"""What a compound costs in Python: client, RPC and server, without sockets or verbs.

    python benchmarks/compound_path.py [--depth 32] [--rounds 9] [--profile client|server]

A client and a server are joined by a stream in memory. Each side's processor time is taken
apart, batch by batch, so that neither the kernel nor whatever else the machine does is in it:
the figure is microseconds of Python and C for each compound. GETATTR, READ and WRITE of 1 KiB.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.file import OpenFile
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel, Peer, Service
from nfsrdma.rpcrdma.rpc.stream import StreamChannel
from nfsrdma.rpcrdma.task import Future, Task
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.local import LocalFileSystem

_PORTION = 1 << 18


class Pair:
    """Two ends of a stream in memory; octets move when :meth:`turn` is called."""

    def __init__(self, reactor: SelectReactor, server: NfsService) -> None:
        self._reactor = reactor
        self._server = server
        self.ends: list[StreamChannel] = []
        self.times = [0, 0]
        """Nanoseconds of processor time that client and server have spent."""
        self.profiles: list[cProfile.Profile | None] = [None, None]

    def connect(self, timeout_s: float, service: Service) -> Future[Channel]:
        """What the client's connector does."""
        peer = Peer("tcp", "127.0.0.1", 1)
        self.ends = [StreamChannel(peer, service), StreamChannel(peer, self._server.service)]
        future: Future[Channel] = Future()
        future.set_result(self.ends[0])
        return future

    def on_side(self, side: int, work: Callable[[], object]) -> None:
        """Do ``work`` on that side's account."""
        profile = self.profiles[side]
        if profile is not None:
            profile.enable()
        begin = time.thread_time_ns()
        work()
        self.times[side] += time.thread_time_ns() - begin
        if profile is not None:
            profile.disable()

    def turn(self) -> bool:
        """Carry what either end has to send to the other; whether there was anything."""
        moved = False
        for side, end in enumerate(self.ends):
            portions: list[bytes] = []
            self.on_side(side, lambda: _drain(end, portions))  # noqa: B023
            other = self.ends[1 - side]
            data = b"".join(portions)
            for at in range(0, len(data), _PORTION):
                moved = True
                self.on_side(1 - side, lambda: _bring(other, data[at : at + _PORTION]))  # noqa: B023
        self._reactor.turn(0)
        return moved


def _drain(end: StreamChannel, portions: list[bytes]) -> None:
    while parts := end.poll_transmit():
        portions.extend(map(bytes, parts))
        end.transmitted(sum(map(len, parts)))


def _bring(end: StreamChannel, data: bytes) -> None:
    position = 0
    while position < len(data):
        target = end.target()
        if target is None:
            end.handle_data(data[position:] if position else data)
            return
        count = min(len(target), len(data) - position)
        target[:count] = data[position : position + count]
        end.handle_filled(count)
        position += count


Work = Callable[[OpenFile], Coroutine[Any, Any, object]]


def _works() -> dict[str, Work]:
    into = memoryview(bytearray(1024))
    data = memoryview(bytes(1024))
    return {
        "GETATTR": lambda file: file.stat(),
        "READ 1 KiB": lambda file: file.read_at(0, into),
        "WRITE 1 KiB": lambda file: file.write_at(0, data),
    }


def run(pair: Pair, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine of the client to its end."""
    tasks: list[Task[Any]] = []
    pair.on_side(0, lambda: tasks.append(Task(coroutine)))
    while not tasks[0].done():
        pair.turn()
    return tasks[0].result()


def batches(pair: Pair, file: OpenFile, work: Work, depth: int, count: int) -> list[list[float]]:
    """Microseconds that each side spends on a compound, batch by batch of ``depth``."""
    found: list[list[float]] = [[], []]
    for _ in range(count):
        pair.times = [0, 0]
        tasks: list[Task[Any]] = []

        def begin(tasks: list[Task[Any]] = tasks) -> None:
            tasks.extend(Task(work(file)) for _ in range(depth))

        pair.on_side(0, begin)
        while pair.turn():
            pass
        for task in tasks:
            task.result()
        for side in (0, 1):
            found[side].append(pair.times[side] / depth / 1000)
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=32, help="compounds in flight")
    parser.add_argument("--batches", type=int, default=200, help="of each kind")
    parser.add_argument("--profile", choices=("client", "server"), help="show a profile of it too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        Path(folder, "file").write_bytes(bytes(4096))
        reactor = SelectReactor()
        rng = random.SystemRandom()
        export = Export("", LocalFileSystem(folder), squash=Squash.NONE)
        server = NfsService([export], reactor, rng)
        pair = Pair(reactor, server)
        credentials = Credentials.sys(0, 0, (0,), b"benchmark")
        client = FileSystem(
            reactor, pair.connect, (), ClientOptions(credentials, b"benchmark", bytes(8)), rng
        )
        run(pair, client.mount())
        file = run(pair, client.open("file", "r+b"))
        for name, work in _works().items():
            batches(pair, file, work, options.depth, 20)
            if options.profile:
                profile = cProfile.Profile()
                pair.profiles[options.profile == "server"] = profile
                batches(pair, file, work, options.depth, options.batches)
                pstats.Stats(profile).sort_stats("tottime").print_stats(45)
                pair.profiles = [None, None]
            ours, theirs = batches(pair, file, work, options.depth, options.batches)
            print(
                f"{name:12} client {statistics.median(ours):6.1f} us, "
                f"server {statistics.median(theirs):6.1f} us"
            )
        run(pair, file.close())
        run(pair, client.unmount())


if __name__ == "__main__":
    main()

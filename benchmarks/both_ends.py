"""What an operation costs over a real transport, waiting apart: both ends are in one process.

    python benchmarks/both_ends.py [--transport shm|tcp] [--depth 1] [--profile "READ 4 KiB"]

One reactor turns the client and the server, so nobody waits for another process, and the figure is
processor time: microseconds of both ends for one operation, one (or ``--depth``) in flight. Over
shared memory neither end ever sleeps, as if each always found the other's answer while it looks.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.file import spread
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import connect_tcp
from nfsrdma.rpcrdma.providers.shm.device import ShmDevice
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.task import Task
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.local import LocalFileSystem

_PORT = 20049
_HERE = "127.0.0.1"


class _Steady:
    """In the place of ``spin.Patience``: always looks for as long."""

    seconds = longest_s = 20e-6

    def found(self, after_s: float) -> None:
        """Learn nothing."""

    def nothing(self) -> None:
        """Learn nothing."""


class _Kept(dict[Any, None]):
    """Connections that are looked at, and go on being looked at."""

    def clear(self) -> None:
        """Keep them."""


def connector(transport: str, reactor: SelectReactor, server: NfsService, folder: Path) -> Any:
    """Have the server listen, and return what connects a client."""
    if transport == "tcp":
        host, port = server.listen_tcp(_HERE, 0)
        return lambda timeout_s, service: connect_tcp(reactor, host, port, service=service)
    folder.mkdir(mode=0o700)
    device = ShmDevice(reactor, directory=str(folder))
    device._busy, device._patience = _Kept(), _Steady()  # type: ignore[assignment]
    server.listen_rdma(device, _HERE, _PORT)
    return lambda timeout_s, service: connect_rdma(device, reactor, _HERE, _PORT, service=service)


async def _repeat(work: Callable[[], Awaitable[object]], times: int, depth: int) -> None:
    numbers = iter(range(times))

    async def lane(_: int) -> None:
        for _ in numbers:
            await work()

    await spread(lane, range(depth), depth)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transport", choices=("shm", "tcp"), default="shm")
    parser.add_argument("--depth", type=int, default=1, help="operations in flight")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", help="the operation to show a profile of")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name, "export")
        folder.mkdir()
        (folder / "file").write_bytes(bytes(1 << 20))
        reactor, rng = SelectReactor(), random.SystemRandom()
        export = Export("", LocalFileSystem(folder), squash=Squash.NONE)
        server = NfsService([export], reactor, rng)
        connect = connector(given.transport, reactor, server, Path(name, "meet"))
        options = ClientOptions(Credentials.sys(0, 0, (0,), b"benchmark"), b"benchmark", bytes(8))
        client = FileSystem(reactor, connect, (), options, rng)

        def run(work: Any) -> Any:
            return reactor.run_until(Task(work))

        run(client.mount())
        file = run(client.open("file", "r+b"))
        small, large = memoryview(bytearray(4096)), memoryview(bytearray(65536))

        async def null() -> None:
            channel = client.session.channel
            assert channel is not None
            await client.session.ping(channel)

        works: dict[str, Callable[[], Awaitable[object]]] = {
            "NULL": null,
            "GETATTR": file.stat,
            "READ 4 KiB": lambda: file.read_at(0, small),
            "READ 64 KiB": lambda: file.read_at(0, large),
            "WRITE 4 KiB": lambda: file.write_at(0, small),
        }
        for what, work in works.items():
            run(_repeat(work, 300, given.depth))
            found = []
            for _ in range(given.rounds):
                begin = time.thread_time_ns()
                run(_repeat(work, 200, given.depth))
                found.append((time.thread_time_ns() - begin) / 200_000)
            print(f"{what:12} {statistics.median(found):6.1f} us  (best round {min(found):.1f})")
            if given.profile == what:
                profile = cProfile.Profile()
                profile.enable()
                run(_repeat(work, 3000, given.depth))
                profile.disable()
                pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        run(file.close())
        run(client.unmount())
        server.close()


if __name__ == "__main__":
    main()

"""What is measured: each function does one kind of work on one mount and returns its figure.

The blocking face is used where it is what a program would use (NULL, whole files); what has
several calls in flight is a coroutine of the same client, run by the calling thread.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from time import perf_counter

from nfsrdma.client import Mount
from nfsrdma.client.file import spread

KIB = 1 << 10
MIB = 1 << 20
FILE_OCTETS = 64 * MIB
"""The length of the large file."""
LARGE = "large"
SMALL_OCTETS = 4 * KIB
_WHOLE_OCTETS = 32 * MIB


def null_round_trips(mount: Mount, count: int = 400) -> list[float]:
    """Microseconds of each of ``count`` NULL calls, one after the other, sorted."""
    mount.ping()
    return sorted(1e6 * mount.ping() for _ in range(count))


def getattrs(mount: Mount, depth: int, count: int) -> float:
    """GETATTR compounds per second (SEQUENCE, PUTFH, GETATTR), ``depth`` in flight."""

    async def work() -> float:
        file = await mount.client.open(LARGE)

        async def one(_: int) -> None:
            await file.stat()

        begin = perf_counter()
        await spread(one, range(count), depth)
        elapsed = perf_counter() - begin
        await file.close()
        return count / elapsed

    return mount.run(work())


def read(mount: Mount, record: int, depth: int, octets: int) -> float:
    """MB/s of READs of ``record`` octets, sequential, into buffers that are used again."""

    async def work() -> float:
        file = await mount.client.open(LARGE)
        free = [memoryview(bytearray(record)) for _ in range(depth)]

        async def one(offset: int) -> None:
            buffer = free.pop()
            count = await file.read_at(offset % FILE_OCTETS, buffer)
            assert count == record, "the large file is as long as it was made"
            free.append(buffer)

        begin = perf_counter()
        await spread(one, range(0, octets, record), depth)
        elapsed = perf_counter() - begin
        await file.close()
        return octets / elapsed / 1e6

    return mount.run(work())


def write(mount: Mount, record: int, depth: int, octets: int) -> float:
    """MB/s of WRITEs of ``record`` octets, sequential, with the COMMIT at the end."""
    data = memoryview(os.urandom(record))

    async def work() -> float:
        file = await mount.client.open("written", "wb")

        async def one(offset: int) -> None:
            await file.write_at(offset, data)

        begin = perf_counter()
        await spread(one, range(0, octets, record), depth)
        await file.commit()
        elapsed = perf_counter() - begin
        await file.close()
        await mount.client.remove("written")
        return octets / elapsed / 1e6

    return mount.run(work())


def read_whole(mount: Mount) -> float:
    """MB/s of ``open(...).readall()`` of a file of 32 MiB: memory is allocated, too."""
    begin = perf_counter()
    with mount.open("whole") as file:
        data = file.readall()
    elapsed = perf_counter() - begin
    assert len(data) == _WHOLE_OCTETS, "all of it is read"
    return _WHOLE_OCTETS / elapsed / 1e6


def make_files(folder: str) -> None:
    """Put the files that are read where the server will find them."""
    for name, octets in ((LARGE, FILE_OCTETS), ("whole", _WHOLE_OCTETS)):
        with open(os.path.join(folder, name), "wb") as file:
            for _ in range(octets // MIB):
                file.write(os.urandom(MIB))


def small_files(mount: Mount, depth: int, count: int) -> tuple[float, float]:
    """Files of 4 KiB created, written and closed per second, and read per second.

    Written means on stable storage when the call returns.
    """
    client = mount.client
    data = os.urandom(SMALL_OCTETS)

    async def timed(one: Callable[[int], object]) -> float:
        begin = perf_counter()
        await spread(one, range(count), depth)  # type: ignore[arg-type]
        return count / (perf_counter() - begin)

    async def work() -> tuple[float, float]:
        await client.mkdir("small")

        async def create(index: int) -> None:
            await client.write_bytes(f"small/{index}", data)

        async def fetch(index: int) -> None:
            assert len(await client.read_bytes(f"small/{index}")) == SMALL_OCTETS

        created = await timed(create)
        fetched = await timed(fetch)
        await client.rmtree("small")
        return created, fetched

    return mount.run(work())


def growth(mount: Mount, count: int, report: Callable[[int], None]) -> tuple[float, float]:
    """Microseconds that one small file takes: median of the first and of the last hundred.

    Of ``count`` in one directory, one after the other, after a hundred that nobody measures.
    """
    mount.mkdir("growth")
    data = os.urandom(SMALL_OCTETS)
    times = []
    for index in range(count + 100):
        begin = perf_counter()
        mount.write_bytes(f"growth/{index}", data)
        times.append(1e6 * (perf_counter() - begin))
        if index % 100 == 0:
            report(index)
    mount.rmtree("growth")
    return statistics.median(times[100:200]), statistics.median(times[-100:])

"""The loops that move data: the same for every transport and every server.

A *lane* is a coroutine that has one record in flight at a time; depth N is N lanes on one file.
Lanes are coroutines of the client's inner layer, so that what is measured is the client and not a
hop between threads. Reads of one lane go to the same buffer again and again, as an O_DIRECT user's
would; writes come straight from the pattern. Both are in memory that the mount provides
(``Mount.buffer``).

With one record in flight nothing else happens while a record is compared, so the figures leave that
time out. With more in flight the server works meanwhile, and the time counts.
"""

from __future__ import annotations

import io
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter, process_time, thread_time
from typing import Any, Final

from nfsrdma.client import Mount
from nfsrdma.client.file import OpenFile, spread

from .pattern import Pattern, address_of
from .plan import MIB, READING

_MIXED_READS: Final = 0.7
"""The share of reads in ``mixed``."""
_BUFFERED: Final = MIB


class TooLarge(Exception):
    """A record does not fit in one request, and may not be split."""


@dataclass(slots=True)
class Measured:
    """What one client did in one step: in seconds and octets, ``rtts`` in microseconds."""

    ops: int
    octets: int
    elapsed: float
    cpu: float
    rtts: list[float] = field(default_factory=list)


class FileUnderTest:
    """A file under test: its path, and the version of each of its records."""

    def __init__(self, path: str, record: int, size: int, first_version: int) -> None:
        self.path = path
        self.record = record
        self.records = size // record
        self.extent = 0
        """The number of records written so far."""
        self.versions = [0] * self.records
        self.next_version = first_version
        self.file: OpenFile | None = None

    def new_version(self) -> int:
        """Return the version for one pass of writing."""
        self.next_version += 1
        return self.next_version


class Loader:
    """Runs data operations on one mount. ``cached`` goes through Python's own buffering."""

    def __init__(
        self,
        mount: Mount,
        pattern: Pattern,
        *,
        verify: bool,
        cached: bool,
        seed: int,
    ) -> None:
        self._mount = mount
        self._pattern = pattern
        self._verify = verify
        self._cached = cached
        self._rng = random.Random(seed)
        self._buffers: list[tuple[memoryview, int]] = []

    def measure(self, op: str, tested: list[FileUnderTest], depth: int, slice_s: float) -> Measured:
        """Measure ``op`` for about ``slice_s`` seconds, on each file by a thread of its own.

        Raises ``OSError``, and :class:`~.pattern.WrongData` for data that was not written so.
        """
        self._prepare(op, tested, depth)
        if len(tested) == 1:
            lanes = self._lanes(op, tested[0], 0, depth, slice_s)
            return lanes.run()
        return _together(
            [
                self._lanes(op, file, index * depth, depth, slice_s)
                for index, file in enumerate(tested)
            ]
        )

    def _lanes(self, op: str, file: FileUnderTest, first: int, depth: int, slice_s: float) -> Lanes:
        buffers = self._buffers[first : first + depth]
        kind = CachedLanes if self._cached else Lanes
        return kind(
            self._mount, self._pattern, file, op, buffers,
            verify=self._verify, slice_s=slice_s, rng=random.Random(self._rng.random()),
        )  # fmt: skip

    def _prepare(self, op: str, tested: list[FileUnderTest], depth: int) -> None:
        """Open the files that are not open, and make a buffer for every lane."""
        record = tested[0].record
        if self._buffers and len(self._buffers[0][0]) != record:
            self._buffers.clear()
        while len(self._buffers) < depth * len(tested):
            view = self._mount.buffer(record)
            self._buffers.append((view, address_of(view)))
        for file in tested:
            if file.file is None or op == "write":
                self.close(file)
                client = self._mount.client
                file.file = self._mount.run(client.open(file.path, "w+"))
                file.extent = 0

    def close(self, file: FileUnderTest) -> None:
        """Close the file, if it is open. What matters was committed."""
        opened, file.file = file.file, None
        if opened is not None:
            self._mount.run(opened.close())

    def check(self, file: FileUnderTest) -> int:
        """Read and compare all that was written; return how many octets. This is not timed."""
        opened = file.file
        if opened is None or not self._verify:
            return 0
        step = max(1, MIB // file.record) * file.record
        view = self._mount.buffer(step) if step != file.record else self._buffers[0][0]
        address = address_of(view)
        end = file.extent * file.record
        for start in range(0, end, step):
            length = min(step, end - start)
            count = self._mount.run(opened.read_at(start, view[:length]))
            if count != length:
                raise short_read(file.path, start, count, length)
            for offset in range(start, start + length, file.record):
                at = offset - start
                self._pattern.check(
                    address + at, view[at:], file.record, offset,
                    file.versions[offset // file.record],
                )  # fmt: skip
        return end


def short_read(path: str, offset: int, count: int, wanted: int) -> OSError:
    """Return the error for a file that ends too early."""
    return OSError(f"{path}: {count} of {wanted} octets at offset {offset}: the file is too short")


class Lanes:
    """One operation on one file, by ``len(buffers)`` lanes that share the records."""

    def __init__(
        self,
        mount: Mount,
        pattern: Pattern,
        tested: FileUnderTest,
        op: str,
        buffers: list[tuple[memoryview, int]],
        *,
        verify: bool,
        slice_s: float,
        rng: random.Random,
    ) -> None:
        self._mount = mount
        self._pattern = pattern
        self._tested = tested
        self._op = op
        self._buffers = buffers
        self._verify = verify
        self._slice_s = slice_s
        self._rng = rng
        self._rtts: list[float] = []
        self._checking = self._checking_cpu = 0.0
        self._deadline = 0.0

    def run(self) -> Measured:
        """Run the lanes on the calling thread. Raises what an operation raises."""
        begin, cpu = perf_counter(), process_time()
        self._deadline = begin + self._slice_s
        self._work()
        elapsed, cpu = perf_counter() - begin, process_time() - cpu
        alone = self._checking if len(self._buffers) == 1 else 0.0
        return Measured(
            len(self._rtts),
            len(self._rtts) * self._tested.record,
            max(elapsed - alone, 1e-9),
            max(cpu - self._checking_cpu, 0.0),
            [rtt * 1e6 for rtt in self._rtts],
        )

    def _work(self) -> None:
        if self._op in READING:
            self._mount.run(self._all(self._forever()))
            return
        again = True
        while again:
            # The lanes meet at the end of a pass: within a pass no record is touched twice.
            self._mount.run(self._all(iter(self._order())))
            again = self._op != "write" and perf_counter() < self._deadline
        self._mount.run(self._commit())

    async def _commit(self) -> None:
        assert self._tested.file is not None
        await self._tested.file.commit()

    def _order(self) -> list[int]:
        """Return the records of one pass, by index."""
        tested = self._tested
        records = tested.records if self._op == "write" else tested.extent
        order = list(range(records))
        if self._op in ("randread", "randwrite", "mixed"):
            self._rng.shuffle(order)
        return order

    def _forever(self) -> Iterator[int]:
        order = self._order()
        while order:
            yield from order

    async def _all(self, order: Iterator[int]) -> None:
        version = 0 if self._op in READING else self._tested.new_version()
        if len(self._buffers) == 1:
            await self._lane(order, version, *self._buffers[0])
            return

        async def lane(number: int) -> None:
            await self._lane(order, version, *self._buffers[number])

        await spread(lane, range(len(self._buffers)), len(self._buffers))

    async def _lane(
        self, order: Iterator[int], version: int, buffer: memoryview, address: int
    ) -> None:
        if self._op in READING:
            await self._reads(order, buffer, address)
        elif self._op == "mixed":
            await self._mixed(order, version, buffer, address)
        else:
            await self._writes(order, version)

    async def _reads(self, order: Iterator[int], buffer: memoryview, address: int) -> None:
        tested, record = self._tested, self._tested.record
        file = tested.file
        assert file is not None
        read_at, note, deadline = file.read_at, self._rtts.append, self._deadline
        for index in order:
            begin = perf_counter()
            count = await read_at(index * record, buffer)
            end = perf_counter()
            note(end - begin)
            if count != record:
                raise short_read(tested.path, index * record, count, record)
            if self._verify:
                self._check(index, buffer, address)
            if end >= deadline:
                return

    async def _writes(self, order: Iterator[int], version: int) -> None:
        tested, record, pattern = self._tested, self._tested.record, self._pattern
        file = tested.file
        assert file is not None
        write_at, note, deadline = file.write_at, self._rtts.append, self._deadline
        for index in order:
            data = pattern.record(index * record, record, version)
            tested.versions[index] = version
            begin = perf_counter()
            await write_at(index * record, data)
            end = perf_counter()
            note(end - begin)
            if index >= tested.extent:
                tested.extent = index + 1
            if end >= deadline:
                return

    async def _mixed(
        self, order: Iterator[int], version: int, buffer: memoryview, address: int
    ) -> None:
        for index in order:
            one = iter((index,))
            if self._rng.random() < _MIXED_READS:
                await self._reads(one, buffer, address)
            else:
                await self._writes(one, version)
            if perf_counter() >= self._deadline:
                return

    def _check(self, index: int, buffer: memoryview, address: int) -> None:
        begin, cpu = perf_counter(), thread_time()
        tested = self._tested
        offset = index * tested.record
        self._pattern.check(address, buffer, tested.record, offset, tested.versions[index])
        self._checking_cpu += thread_time() - cpu
        self._checking += perf_counter() - begin


class CachedLanes(Lanes):
    """The same through Python's own buffering of 1 MiB, as a program with small records does it.

    Such a file has one position, so there is one lane, and it uses the blocking face.
    """

    def _work(self) -> None:
        writes = self._op not in READING
        raw = self._mount.open(self._tested.path, "r+b" if writes else "rb")
        if writes:
            stream: Any = io.BufferedRandom(raw, _BUFFERED)
        else:
            stream = io.BufferedReader(raw, _BUFFERED)
        with stream:
            again = True
            while again:
                self._pass(stream)
                again = self._op != "write" and perf_counter() < self._deadline
            if writes:
                stream.flush()
                raw.fsync()

    def _pass(self, stream: Any) -> None:
        tested, record = self._tested, self._tested.record
        version = 0 if self._op in READING else tested.new_version()
        buffer, address = self._buffers[0]
        at = -1
        for index in self._order():
            reads = self._op in READING
            if self._op == "mixed":
                reads = self._rng.random() < _MIXED_READS
            begin = perf_counter()
            if at != index * record:
                stream.seek(index * record)
            if reads:
                count = stream.readinto(buffer)
            else:
                tested.versions[index] = version
                count = stream.write(self._pattern.record(index * record, record, version))
            end = perf_counter()
            self._rtts.append(end - begin)
            at = (index + 1) * record
            if count != record:
                raise short_read(tested.path, index * record, count, record)
            if reads and self._verify:
                self._check(index, buffer, address)
            elif not reads and index >= tested.extent:
                tested.extent = index + 1
            if end >= self._deadline:
                return


def _together(lanes: list[Lanes]) -> Measured:
    """Run each on a thread of its own, all at once. Raises the first error when all have ended."""
    results: list[Measured] = []
    failures: list[BaseException] = []
    gate = threading.Barrier(len(lanes) + 1)

    def work(one: Lanes) -> None:
        gate.wait()
        try:
            results.append(one.run())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(one,)) for one in lanes]
    for thread in threads:
        thread.start()
    begin, cpu = perf_counter(), process_time()
    gate.wait()
    for thread in threads:
        thread.join()
    elapsed, cpu = perf_counter() - begin, process_time() - cpu
    if failures:
        raise failures[0]
    return Measured(
        sum(result.ops for result in results),
        sum(result.octets for result in results),
        elapsed,
        cpu,
        [rtt for result in results for rtt in result.rtts],
    )

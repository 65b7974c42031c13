"""The loops that move no data: NULL, GETATTR, and operations on names.

``create`` makes empty files until its time is up, and ``stat``, ``open``, ``readdir`` and
``remove`` use them. ``open`` is OPEN and CLOSE, two calls. ``readdir`` lists the whole directory
with attributes: its operations are entries, its round trips whole listings. ``remove`` removes all.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Iterator
from time import perf_counter, process_time
from typing import Any

from nfsrdma.client import Mount
from nfsrdma.client.file import spread

from .load import Measured

FILES_MAX = 20_000

Step = Callable[[int], Coroutine[Any, Any, int]]
"""Runs the operation of a number, and returns for how many it counts."""


class Names:
    """A directory of one mount, which has only what ``create`` made."""

    def __init__(self, mount: Mount, folder: str) -> None:
        self._mount = mount
        self._client = mount.client
        self._folder = folder
        self._count = 0

    def measure(self, op: str, depth: int, slice_s: float) -> Measured:
        """Measure ``op``, ``depth`` of them in flight, for about ``slice_s`` seconds."""
        if op == "create":
            self.clear()
            self._mount.mkdir(self._folder)
        elif op not in ("null", "getattr") and not self._count:
            self.clear()
            self._mount.mkdir(self._folder)
            self._make(64)
        if op == "getattr":
            return self._getattr(depth, slice_s)
        step, numbers = self._step(op)
        return self._run(step, numbers, 1 if op == "readdir" else depth, slice_s, op == "remove")

    def _step(self, op: str) -> tuple[Step, Iterator[int]]:
        if op == "null":
            return self._null, itertools.count()
        if op == "create":
            return self._create, iter(range(FILES_MAX))
        if op == "remove":
            return self._remove, iter(range(self._count))
        if op == "readdir":
            return self._readdir, itertools.count()
        step = {"stat": self._stat, "open": self._open}[op]
        return step, itertools.cycle(range(self._count))

    def clear(self) -> None:
        """Remove the directory and its contents, if it is there."""
        if self._mount.exists(self._folder):
            self._mount.rmtree(self._folder)
        self._count = 0

    def _make(self, count: int) -> None:
        self._mount.run(spread(self._created, range(count)))

    async def _created(self, number: int) -> None:
        await self._create(number)

    def _run(
        self, step: Step, numbers: Iterator[int], depth: int, slice_s: float, to_the_end: bool
    ) -> Measured:
        rtts: list[float] = []
        counted = 0
        begin, cpu = perf_counter(), process_time()
        deadline = float("inf") if to_the_end else begin + slice_s

        async def lane(_: int) -> None:
            nonlocal counted
            for number in numbers:
                start = perf_counter()
                count = await step(number)
                end = perf_counter()
                counted += count
                rtts.append(1e6 * (end - start))
                if end >= deadline:
                    return

        self._mount.run(lane(0) if depth == 1 else spread(lane, range(depth), depth))
        elapsed, cpu = perf_counter() - begin, process_time() - cpu
        return Measured(counted, 0, elapsed, cpu, rtts)

    def _getattr(self, depth: int, slice_s: float) -> Measured:
        name = f"{self._folder}.attributes"
        file = self._mount.run(self._client.open(name, "w"))

        async def step(_: int) -> int:
            await file.stat()
            return 1

        try:
            return self._run(step, itertools.count(), depth, slice_s, False)
        finally:
            self._mount.run(file.close())
            self._mount.remove(name)

    async def _null(self, _: int) -> int:
        await self._client.ping()
        return 1

    async def _create(self, number: int) -> int:
        file = await self._client.open(self._path(number), "xb")
        self._count = max(self._count, number + 1)
        await file.close()
        return 1

    async def _stat(self, number: int) -> int:
        await self._client.stat(self._path(number))
        return 1

    async def _open(self, number: int) -> int:
        file = await self._client.open(self._path(number))
        await file.close()
        return 1

    async def _readdir(self, _: int) -> int:
        return len(await self._client.scandir(self._folder))

    async def _remove(self, number: int) -> int:
        await self._client.remove(self._path(number))
        if number + 1 == self._count:
            self._count = 0
        return 1

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number}"

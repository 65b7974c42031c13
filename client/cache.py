"""Contents of files, kept to be read again (``mount(..., cache=OCTETS)``).

What was read is kept by the file's change attribute (RFC 8881, Section 5.8.1.4). Each open asks for
it, and only what has the same one is used (close-to-open: Section 10.3.1); a file that stays open
is asked about again after :data:`TRUSTED_S`. While the server has left a file to us nobody else
changes it, so nothing is asked at all (Section 10.4).

A file that this client has open for writing is not read from here, and nothing of it is kept. The
pages of all files have one bound; those that were used longest ago go first.

Who reads on and on has more and more read ahead, and the next piece asked for before it is wanted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Protocol

from nfsrdma.rpcrdma.task import Future, Task, settled

from .attributes import Stat

PAGE: Final = 64 << 10
"""Octets that are read and kept together."""
TRUSTED_S: Final = 3.0
"""Seconds for which a change attribute is trusted, as ``acregmin`` of Linux's nfs(5)."""
_NEVER: Final = float("-inf")


class Source(Protocol):
    """An open file, as the cache sees it."""

    async def read_through(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from the server; return how much there was."""

    async def stat(self) -> Stat:
        """Get the attributes from the server."""

    @property
    def ours_since(self) -> float | None:
        """Since when the server has left the file to us; None if it has not."""


class _Kept:
    """What is kept of one file."""

    __slots__ = ("change", "changed", "handle", "known_at", "pages", "readers", "writers")

    def __init__(self, handle: bytes) -> None:
        self.handle = handle
        self.pages: dict[int, bytes] = {}
        """By their number. A short one, or an empty one, ends the file."""
        self.change: int | None = None
        self.known_at = _NEVER
        """When the change attribute was asked for last."""
        self.changed = 0
        """How often what was read before has become worthless."""
        self.readers = 0
        self.writers = 0


class Cache:
    """The pages of one client's files: ``limit`` octets at most. ``now`` is its clock."""

    def __init__(self, limit: int, now: Callable[[], float]) -> None:
        self.limit: Final = limit
        self.now: Final = now
        self.octets = 0
        """What the pages have at present."""
        self._files: dict[bytes, _Kept] = {}
        self._used: OrderedDict[tuple[bytes, int], None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    def opened(self, handle: bytes, *, writable: bool) -> _Kept:
        """Note that a file was opened; :meth:`closed` ends that."""
        kept = self._files.get(handle)
        if kept is None:
            kept = self._files[handle] = _Kept(handle)
        kept.readers += 1
        if writable:
            kept.writers += 1
            self._drop(kept)
        return kept

    def closed(self, kept: _Kept, *, writable: bool) -> None:
        """Note that a file was closed."""
        kept.readers -= 1
        if writable:
            kept.writers -= 1
            self._drop(kept)
        self._tidy(kept)

    def changed(self, handle: bytes) -> None:
        """Note that we have changed a file without having it open."""
        kept = self._files.get(handle)
        if kept is not None:
            self._drop(kept)

    def learn(self, handle: bytes, change: int, asked_at: float) -> None:
        """Note the change attribute of a file, from a call that was sent at ``asked_at``."""
        kept = self._files.get(handle)
        if kept is None or asked_at < kept.known_at:
            return
        if kept.change != change:
            self._drop(kept)
            kept.change = change
        kept.known_at = asked_at

    def page(self, kept: _Kept, number: int) -> bytes | None:
        """Return a page that is kept."""
        page = kept.pages.get(number)
        if page is not None:
            self._used.move_to_end((kept.handle, number))
        return page

    def keep(self, kept: _Kept, number: int, page: bytes) -> None:
        """Keep a page, in the place of those that were used longest ago."""
        old = kept.pages.get(number)
        if old is not None:
            self.octets -= len(old)
        kept.pages[number] = page
        self.octets += len(page)
        self._used[kept.handle, number] = None
        self._used.move_to_end((kept.handle, number))
        while self.octets > self.limit or len(self._used) > 1 + self.limit // 512:
            (handle, other), _ = self._used.popitem(last=False)
            least = self._files[handle]
            self.octets -= len(least.pages.pop(other))
            self._tidy(least)

    def _drop(self, kept: _Kept) -> None:
        """Drop what is kept of a file, and what is on its way."""
        kept.changed += 1
        kept.change, kept.known_at = None, _NEVER
        for number, page in kept.pages.items():
            self.octets -= len(page)
            del self._used[kept.handle, number]
        kept.pages.clear()
        self._tidy(kept)

    def _tidy(self, kept: _Kept) -> None:
        if not kept.readers and not kept.pages:
            self._files.pop(kept.handle, None)


class CachedReads:
    """The reads of one open file. ``most`` octets are read ahead at most."""

    def __init__(
        self, cache: Cache, handle: bytes, source: Source, *, writable: bool, most: int
    ) -> None:
        self._cache = cache
        self._source = source
        self._writable = writable
        self._kept = cache.opened(handle, writable=writable)
        self._opened_at = cache.now()
        self._most = max(1, most // PAGE)
        self._window = 1
        """How many pages are asked for at a time."""
        self._end = 0
        """The page after those that were asked for: who reads on comes there next."""
        self._trigger = -1
        """The page whose use has those after ``_end`` asked for."""
        self._coming: tuple[range, Task[Any]] | None = None

    def learn(self, change: int, asked_at: float) -> None:
        """Note the change attribute that OPEN brought, a call that was sent at ``asked_at``."""
        self._opened_at = asked_at
        self._cache.learn(self._kept.handle, change, asked_at)

    def distrust(self) -> None:
        """Ask about the file before it is read next: it was locked, and is what it is now."""
        self._kept.known_at = _NEVER

    async def finish(self) -> None:
        """Wait for what is on its way: nothing may be read from a file that is closed."""
        self._trigger = -1
        if self._coming is not None:
            await settled(self._coming[1])

    def close(self) -> None:
        """Note that the file is closed."""
        self._cache.closed(self._kept, writable=self._writable)

    async def read_at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on; return how much there was."""
        kept = self._kept
        if kept.writers:
            return await self._source.read_through(offset, buffer)
        await self._check()
        done, size = 0, len(buffer)
        while done < size:
            number, start = divmod(offset + done, PAGE)
            page = self._cache.page(kept, number)
            if page is None:
                page = await self._fetch(number)
            if number == self._trigger:
                self._go_on()
            piece = page[start : start + size - done]
            buffer[done : done + len(piece)] = piece
            done += len(piece)
            if len(page) < PAGE:
                break
        return done

    async def _check(self) -> None:
        """Have the change attribute be known, and new enough."""
        cache, kept = self._cache, self._kept
        ours_since = self._source.ours_since
        if ours_since is not None:
            fresh = kept.known_at >= ours_since
        else:
            fresh = kept.known_at >= max(self._opened_at, cache.now() - TRUSTED_S)
        if kept.change is None or not fresh:
            asked_at = cache.now()
            status = await self._source.stat()
            cache.learn(kept.handle, status.change, asked_at)

    async def _fetch(self, number: int) -> bytes:
        """Return a page that is not kept, and read on if that is what the program does."""
        if self._coming is not None and number in self._coming[0]:
            await settled(self._coming[1])
            page = self._cache.page(self._kept, number)
            if page is not None:
                return page
        self._window = min(2 * self._window, self._most) if number == self._end else 1
        reading = Task(self._read(range(number, number + self._window)))
        self._end = number + self._window
        if self._window > 1:
            self._go_on()
        await settled(reading)
        pages = reading.result()
        if len(pages[-1]) < PAGE:
            self._trigger = -1
        return pages[0]

    def _go_on(self) -> None:
        """Ask for what comes next, before it is wanted."""
        if self._coming is not None:
            return
        last = self._kept.pages.get(self._end - 1)
        if last is not None and len(last) < PAGE:
            return
        pages = range(self._end, self._end + self._window)
        self._trigger, self._end = self._end, pages.stop
        self._window = min(2 * self._window, self._most)
        task = Task(self._read(pages))
        if not task.done():
            self._coming = pages, task
            task.add_done_callback(self._came)

    def _came(self, task: Future[Any]) -> None:
        self._coming = None

    async def _read(self, numbers: range) -> list[bytes]:
        """Read pages, and keep them if the file is still what it was; return those there are."""
        kept, changed = self._kept, self._kept.changed
        buffer = memoryview(bytearray(len(numbers) * PAGE))
        done = await self._source.read_through(numbers.start * PAGE, buffer)
        pages = [bytes(buffer[at : min(at + PAGE, done)]) for at in range(0, done, PAGE)]
        if done < len(buffer) and done % PAGE == 0:
            pages.append(b"")  # where the file ends
        if changed == kept.changed and not kept.writers:
            for number, page in zip(numbers, pages, strict=False):
                self._cache.keep(kept, number, page)
        return pages

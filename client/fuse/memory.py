"""The memory of requests in flight: buffers for READ, and a bound for all."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.rpc.channel import Channel, lent_by
from nfsrdma.rpcrdma.task import Future

LIMIT: Final = 64 << 20
"""Octets that READs in progress hold at most; as many are for WRITEs."""
_LARGE: Final = 64 << 10
"""The size from which on buffers are kept for later READs, since new ones have to be zeroed."""
_KEPT_MAX: Final = 16
"""Buffers that are kept at most."""


_HEAP_KEPT: Final = 80 << 20
"""Octets of free memory that are not given back to the kernel: what a file keeps until COMMIT."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def keep_heap() -> None:
    """Have what is freed used again, where the C library can do that (mallopt(3), glibc).

    Else each WRITE's data is in pages that the kernel has to clear first, which takes as long as
    the rest of a WRITE.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 4 << 20)
        mallopt(_M_TRIM_THRESHOLD, _HEAP_KEPT)


class Memory:
    """Octets that READs and WRITEs in progress hold.

    READs wait for their turn here. WRITEs hold their data already when they are read from the
    device, so that nothing more is read from there while :attr:`is_full`.

    ``channel`` tells the connection to the server, if there is one. A server on this host places
    the data of large READs where the kernel takes it from.
    """

    def __init__(
        self, limit: int = LIMIT, channel: Callable[[], Channel | None] = lambda: None
    ) -> None:
        self._limit = limit
        self._channel = channel
        self._reading = 0
        self._writing = 0
        self._waiting: deque[tuple[int, Future[None]]] = deque()
        self._kept: dict[int, list[memoryview]] = {}
        self._kept_count = 0
        self._kept_of: Channel | None = None
        """The connection whose peer reaches them, if it does."""
        self._spare: memoryview | None = None
        self._spare_of: Channel | None = None
        self.on_room: Callable[[], object] | None = None
        """Called when :attr:`is_full` may be no longer true."""

    @property
    def is_full(self) -> bool:
        """Whether WRITEs hold as much as they may."""
        return self._writing >= self._limit

    @property
    def held(self) -> int:
        """Octets that are held now."""
        return self._reading + self._writing

    async def acquire(self, size: int) -> memoryview:
        """Return a buffer of ``size`` octets for a READ, once there is room for it."""
        buffer = self.take(size)
        if buffer is None:
            turn: Future[None] = Future()
            self._waiting.append((size, turn))
            await turn
            buffer = self._buffer(size)
        return buffer

    def take(self, size: int) -> memoryview | None:
        """Return a buffer of ``size`` octets for a READ, if there is room for it now."""
        if self._waiting or (self._reading and self._reading + size > self._limit):
            return None
        self._reading += size
        return self._buffer(size)

    def _buffer(self, size: int) -> memoryview:
        if size < _LARGE:
            return memoryview(bytearray(size))
        channel = self._channel()
        if channel is not self._kept_of:
            self._kept.clear()
            self._kept_count, self._kept_of = 0, channel
        kept = self._kept.get(size)
        if kept:
            self._kept_count -= 1
            return kept.pop()
        return lent_by(channel, size) or memoryview(bytearray(size))

    def release(self, buffer: memoryview) -> None:
        """Take a buffer back that nothing refers to any more."""
        size = len(buffer)
        if size >= _LARGE and self._kept_count < _KEPT_MAX:
            self._kept.setdefault(size, []).append(buffer)
            self._kept_count += 1
        self.lose(size)

    def lose(self, size: int) -> None:
        """Note that a buffer will not come back."""
        self._reading -= size
        while self._waiting:
            wanted, turn = self._waiting[0]
            if self._reading and self._reading + wanted > self._limit:
                return
            self._waiting.popleft()
            self._reading += wanted
            turn.set_result(None)

    def for_data(self, size: int) -> memoryview | None:
        """Return memory for the data of a WRITE, out of which a server on this host writes a file.

        None if there is no such memory. It is one's own until its last view is gone.
        """
        channel = self._channel()
        spare, self._spare = self._spare, None
        if spare is not None and channel is self._spare_of:
            return spare
        self._spare_of = channel
        return lent_by(channel, size, clear=False)

    def not_used(self, buffer: memoryview) -> None:
        """Take back what :meth:`for_data` has returned last, and nothing refers to."""
        self._spare = buffer

    def write_begins(self, size: int) -> None:
        """Note that a WRITE is in progress."""
        self._writing += size

    def write_ends(self, size: int) -> None:
        """Note that it is not any more."""
        was_full = self.is_full
        self._writing -= size
        if was_full and not self.is_full and self.on_room is not None:
            self.on_room()

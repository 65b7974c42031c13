"""Buffers for large results: filled by the service, sent by the transport, used again."""

from __future__ import annotations

from typing import Final

_SMALLEST: Final = 12
_BESIDE: Final = 512
"""Octets beside a power of two of data: for the reply that they are in, and a record mark."""
_KINDS: Final = 32
_MOST: Final = 32
_OCTETS: Final = 8 << 20


class BufferPool:
    """Buffers whose lengths are a little more than powers of two, some of which are kept for reuse.

    From 4 KiB on a buffer is less than twice as long as what was asked for, so that the octets of a
    reply tell, within a factor of two, what it holds. Of each length no more than 32 are kept, and
    no more than 8 MiB.
    """

    __slots__ = ("_free", "_made")

    def __init__(self) -> None:
        self._free: list[list[bytearray]] = [[] for _ in range(_KINDS)]
        self._made = 0

    @property
    def lent(self) -> int:
        """Octets lent now."""
        return self._made - sum(len(buffer) for free in self._free for buffer in free)

    def acquire(self, size: int) -> bytearray:
        """Return a buffer of at least ``size`` octets of any content. Raises ``MemoryError``."""
        kind = max((size - _BESIDE - 1).bit_length(), _SMALLEST)
        free = self._free[kind]
        if free:
            return free.pop()
        buffer = bytearray((1 << kind) + _BESIDE)
        self._made += len(buffer)
        return buffer

    def release(self, buffer: bytearray) -> None:
        """Take a buffer back, or let go of it."""
        octets = len(buffer)
        free = self._free[octets.bit_length() - 1]
        if len(free) < _MOST and len(free) * octets < _OCTETS:
            free.append(buffer)
        else:
            self._made -= octets

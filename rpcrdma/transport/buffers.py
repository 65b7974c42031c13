"""Memory for the calls that are fetched by RDMA READ."""

from __future__ import annotations

_SMALLEST = 12  # of the size classes, as a power of two: 4 KiB
_KEPT = 8


class BufferPool:
    """Lends buffers, no more than ``limit`` octets of them at a time.

    What comes back is kept for the next, a few of each power of two. Each connection has a pool
    of its own: no peer ever gets to see what another has sent.
    """

    __slots__ = ("_free", "_lent", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lent = 0
        self._free: dict[int, list[bytearray]] = {}

    @property
    def lent(self) -> int:
        """Octets lent now."""
        return self._lent

    def has(self, size: int) -> bool:
        """Whether ``size`` octets may be lent now."""
        return self._lent + size <= self._limit

    def acquire(self, size: int) -> memoryview:
        """Lend ``size`` octets of undefined content, at least one."""
        self._lent += size
        size_class = max((size - 1).bit_length(), _SMALLEST)
        free = self._free.get(size_class)
        buffer = free.pop() if free else bytearray(1 << size_class)
        return memoryview(buffer)[:size]

    def release(self, view: memoryview) -> None:
        """Take back what :meth:`acquire` lent."""
        self._lent -= len(view)
        buffer = view.obj
        assert isinstance(buffer, bytearray)
        free = self._free.setdefault(len(buffer).bit_length() - 1, [])
        if len(free) < _KEPT:
            free.append(buffer)

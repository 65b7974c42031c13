"""Buffers for READ: filled by the back end, sent by the transport, used again."""

from __future__ import annotations

from typing import Final

_SMALL: Final = 1 << 16
_KEPT: Final = 32


class BufferPool:
    """Buffers of two sizes, so that a small READ does not hold a large one."""

    def __init__(self, largest: int) -> None:
        self._largest = max(largest, _SMALL)
        self._small: list[bytearray] = []
        self._large: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        """A buffer of at least ``size`` octets, which is at most the pool's largest."""
        if size <= _SMALL:
            return self._small.pop() if self._small else bytearray(_SMALL)
        assert size <= self._largest, "larger than any buffer"
        return self._large.pop() if self._large else bytearray(self._largest)

    def give_back(self, buffer: bytearray) -> None:
        """The buffer is not needed any more; a few are kept."""
        kept = self._small if len(buffer) == _SMALL else self._large
        if len(kept) < _KEPT:
            kept.append(buffer)

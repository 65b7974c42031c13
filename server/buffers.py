"""Buffers for READ: filled by the back end, sent by the transport, used again."""

from __future__ import annotations

from typing import Final

_SMALLEST: Final = 12
_KEPT: Final = 32 << 20


class BufferPool:
    """Lends buffers of powers of two, from 4 KiB on; keeps some of those that come back.

    A buffer is less than twice as long as what was asked for, so that who counts the octets of a
    reply knows what it holds, but for a factor of two.
    """

    __slots__ = ("_free", "_kept", "lent")

    def __init__(self) -> None:
        self._free: dict[int, list[bytearray]] = {}
        self._kept = 0
        self.lent = 0
        """Octets lent now."""

    def take(self, size: int) -> bytearray:
        """A buffer of at least ``size`` octets, whatever is in it."""
        kind = (size - 1).bit_length() if size > 4096 else _SMALLEST
        octets = 1 << kind
        self.lent += octets
        free = self._free.get(kind)
        if free:
            self._kept -= octets
            return free.pop()
        try:
            return bytearray(octets)
        except MemoryError:
            self.lent -= octets
            raise

    def give_back(self, buffer: bytearray) -> None:
        """The buffer is not needed any more; up to 32 MiB of such are kept."""
        octets = len(buffer)
        self.lent -= octets
        if self._kept + octets <= _KEPT:
            self._kept += octets
            self._free.setdefault(octets.bit_length() - 1, []).append(buffer)

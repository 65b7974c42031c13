"""What a file under test contains: a function of the offset and of how often it was written.

It is one stretch of random octets, repeated; a record is a view into it, so neither writing nor
checking builds anything. The stretch is 257 pages long, a prime: what lands a power of two away
from where it belongs is seen. Each version of a record begins elsewhere in it, so a rewrite that
was lost is seen, too.
"""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from typing import Final

PAGE: Final = 4096
PERIOD: Final = 257 * PAGE
_STEP: Final = 101 * PAGE
"""How far apart two versions begin; with 257 pages, the first to meet again are 257 versions."""

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class WrongData(Exception):
    """An octet that was read is not the one that was written there."""

    def __init__(self, offset: int, found: int, wanted: int) -> None:
        super().__init__(
            f"wrong octet at offset {offset}: {found:#04x} was read, {wanted:#04x} was written"
        )
        self.offset = offset


def address_of(view: memoryview) -> int:
    """Where a writable buffer is in this process's memory, as long as it is kept."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


class Pattern:
    """The contents, for records up to ``record_max`` octets.

    ``allocate`` makes a writable buffer of so many octets: records are written straight from it,
    so it is memory that the transport likes.
    """

    def __init__(self, record_max: int, seed: int, allocate: Callable[[int], memoryview]) -> None:
        block = random.Random(seed).randbytes(PERIOD)
        self._base = allocate(PERIOD + record_max)
        for start in range(0, len(self._base), PERIOD):
            piece = self._base[start : start + PERIOD]
            piece[:] = block[: len(piece)]
        self._address = address_of(self._base)

    def record(self, offset: int, length: int, version: int) -> memoryview:
        """The octets at ``offset`` of the file, in that version. Not to be changed."""
        start = (offset + version * _STEP) % PERIOD
        return self._base[start : start + length]

    def check(self, address: int, view: memoryview, length: int, offset: int, version: int) -> None:
        """Compare the first ``length`` octets of ``view``, which is at ``address``.

        Raises :class:`WrongData`, which has the offset in the file.
        """
        start = (offset + version * _STEP) % PERIOD
        if _memcmp(address, self._address + start, length):
            wanted = self._base[start : start + length]
            for index, (found, right) in enumerate(zip(view[:length], wanted, strict=True)):
                if found != right:
                    raise WrongData(offset + index, found, right)

"""The contents of a file under test: a function of the offset and of the version written.

They are one stretch of random octets, repeated. A record is a view into it, so neither writing nor
checking builds anything. The stretch has a prime number of pages, 257: data that lands a power of
two away from its place is noticed. Each version of a record begins elsewhere in the stretch, so a
lost rewrite is noticed, too.
"""

from __future__ import annotations

import ctypes
import mmap
import random
from collections.abc import Callable
from typing import Final

PAGE: Final = 4096
PERIOD: Final = 257 * PAGE
_STEP: Final = 101 * PAGE
"""Distance between two versions' beginnings; 257 versions have different ones."""

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class WrongData(Exception):
    """An octet that was read is not the one that was written."""

    def __init__(self, offset: int, found: int, wanted: int) -> None:
        super().__init__(
            f"wrong octet at offset {offset}: {found:#04x} was read, {wanted:#04x} was written"
        )
        self.offset = offset


def whole_pages(size: int) -> memoryview:
    """Return a writable buffer of memory that begins at a page, as an application would use."""
    return memoryview(mmap.mmap(-1, max(size, 1)))


def address_of(view: memoryview) -> int:
    """Return the address of a writable buffer, which is valid while the buffer is kept."""
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


class Pattern:
    """The contents, for records of up to ``record_max`` octets, which are written from here.

    They are in what ``memory`` returns for a number of octets.
    """

    def __init__(
        self, record_max: int, seed: int, memory: Callable[[int], memoryview] = whole_pages
    ) -> None:
        block = random.Random(seed).randbytes(PERIOD)
        self._base = memory(PERIOD + record_max)
        for start in range(0, len(self._base), PERIOD):
            piece = self._base[start : start + PERIOD]
            piece[:] = block[: len(piece)]
        self._address = address_of(self._base)

    def record(self, offset: int, length: int, version: int) -> memoryview:
        """Return the octets at ``offset`` in that version, which must not be changed."""
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

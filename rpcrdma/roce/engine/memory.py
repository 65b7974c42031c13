"""Protection domains and memory regions of the engine.

A region is consulted before every run of packets is copied, so placement stops with
``invalidate`` at once, in the middle of a message as well.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from ...software.memory import KeyTable, Region
from ...verbs.types import Access

if TYPE_CHECKING:
    from random import Random

_KEY: Final = Struct("<I")
_DRAWN_KEYS: Final = 64


class MemoryRegion(Region):
    """A registered buffer (``verbs.interfaces.MemoryRegion``)."""

    __slots__ = ()


class ProtectionDomain(KeyTable[MemoryRegion]):
    """What regions and queue pairs must share to meet (``verbs.interfaces.ProtectionDomain``)."""

    __slots__ = ("_drawn",)

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._drawn: list[int] = []
        """Random keys that nobody has seen; they are drawn together, by one system call."""

    def register(
        self, buffer: memoryview, access: Access | int, *, remote_address: int | None = None
    ) -> MemoryRegion:
        """Register without a copy. Raises ``VerbsError``: closed, read-only, not contiguous."""
        access = int(access)
        view, address = self._checked(buffer, access, remote_address)
        region = MemoryRegion(self, view, access, address, self._new_key())
        self._regions[region.rkey] = region
        return region

    def _new_key(self) -> int:
        while True:
            if not self._drawn:
                octets = self._rng.randbytes(_DRAWN_KEYS * _KEY.size)
                self._drawn = [rkey for (rkey,) in _KEY.iter_unpack(octets)]
            rkey = self._drawn.pop()
            if rkey and rkey not in self._regions and rkey not in self._retired:
                return rkey

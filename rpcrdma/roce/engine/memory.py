"""Protection domains and memory regions of the engine.

A region is consulted before every run of packets is copied, so placement stops with
``invalidate`` at once, in the middle of a message as well.
"""

from __future__ import annotations

from ...software.memory import KeyTable, Region
from ...verbs.types import Access


class MemoryRegion(Region):
    """A registered buffer (``verbs.interfaces.MemoryRegion``)."""

    __slots__ = ()


class ProtectionDomain(KeyTable[MemoryRegion]):
    """What regions and queue pairs must share to meet (``verbs.interfaces.ProtectionDomain``)."""

    __slots__ = ()

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
            rkey = self._rng.getrandbits(32)
            if rkey and rkey not in self._regions and rkey not in self._retired:
                return rkey

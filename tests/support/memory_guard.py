"""Registered memory under watch: what a peer may write to stands between guards, alone.

The region of a :class:`WatchedDomain` is not the caller's memory but a copy of it with guards on
both sides. What the peer wrote is handed to the caller when the registration ends, and not
before: whoever looks too early sees the old contents, and a test that compares fails. From then
on the copy belongs to nobody, its view is released (an engine that still uses it gets a
``ValueError``), and at the end of the run every copy must be as it was at that moment.

Memory that the peer may only read must not change while it is registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from nfsrdma.rpcrdma.roce.engine.memory import MemoryRegion, ProtectionDomain
from nfsrdma.rpcrdma.verbs.types import Access

if TYPE_CHECKING:
    from random import Random

GUARD = 64
_FENCE = bytes((0xA5, 0x5A)) * (GUARD // 2)


class Trespass(AssertionError):
    """Memory was written that was not to be."""


class _Watched:
    """What is known of one registration: its memory, the copy of it, and its contents."""

    __slots__ = ("copy", "memory", "sum", "writable")

    def __init__(self, memory: memoryview, writable: bool) -> None:
        self.memory = memory
        self.writable = writable
        self.copy = bytearray(_FENCE + memory + _FENCE) if writable else bytearray()
        self.sum = 0 if writable else crc32(memory)


class Watch:
    """All domains of one run."""

    def __init__(self) -> None:
        self.domains: list[WatchedDomain] = []
        self.registered = 0
        """How many registrations there were."""
        self._ended: list[_Watched] = []

    def domain(self, rng: Random) -> WatchedDomain:
        """A new domain."""
        made = WatchedDomain(rng, self)
        self.domains.append(made)
        return made

    def ended(self, watched: _Watched) -> None:
        """A registration is over: hand its contents over, and let nobody touch it any more."""
        if not watched.writable:
            if crc32(watched.memory) != watched.sum:
                raise Trespass("memory changed while the peer could read it")
            return
        copy = watched.copy
        if not (copy.startswith(_FENCE) and copy.endswith(_FENCE)):
            raise Trespass(f"something was written beside {len(watched.memory)} octets")
        watched.memory[:] = copy[GUARD:-GUARD]
        watched.sum = crc32(copy)
        watched.memory = memoryview(b"")
        self._ended.append(watched)

    def check(self, *, over: bool = False) -> None:
        """Raise ``Trespass`` if anything was written after its time.

        ``over``: every registration must have ended by now.
        """
        for watched in self._ended:
            if crc32(watched.copy) != watched.sum:
                raise Trespass("something was written after its registration had ended")
        if over:
            left = sum(map(len, self.domains))
            assert not left, f"{left} registrations were never ended"


class WatchedDomain(ProtectionDomain):
    """A protection domain with guards around what it registers."""

    __slots__ = ("_watch", "_watched")

    def __init__(self, rng: Random, watch: Watch) -> None:
        super().__init__(rng)
        self._watch = watch
        self._watched: dict[MemoryRegion, _Watched] = {}

    def register(
        self, buffer: memoryview, access: Access | int, *, remote_address: int | None = None
    ) -> MemoryRegion:
        region = super().register(buffer, access, remote_address=remote_address)
        watched = _Watched(region.view, bool(access & Access.REMOTE_WRITE))
        if watched.writable:
            region.view = memoryview(watched.copy)[GUARD : GUARD + len(region.view)]
        else:
            region.view = memoryview(region.view)  # one of its own, to be released
        self._watched[region] = watched
        self._watch.registered += 1
        return region

    def retire(self, region: MemoryRegion) -> None:
        super().retire(region)
        watched = self._watched.pop(region, None)
        if watched is not None:
            region.view.release()
            self._watch.ended(watched)

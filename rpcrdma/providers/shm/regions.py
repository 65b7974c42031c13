"""Protection domains and regions: what a peer may reach, and until when.

Every region has a *shadow*: a piece of a slab that the peer has mapped (or, what was ``lent``, is
one itself). The peer's library places
data in the shadow and says so in its ring; only the owner of the region then copies it from there
to the registered memory, if the key still permits it. So registered memory is changed by its owner
alone, whatever the peer does. The peer reads in the *table* where the shadow is and what the key
permits: it has one entry for each valid key, and only the owner can write it.

A peer that places data first marks the entry as in use in a page of its own, then checks that the
key is valid; the owner that ends a registration first removes the key, then looks for marks. At
least one of them sees the other (``order.fence``). A piece that is marked is not used for another
region before the mark is gone.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from ...software.memory import KeyTable, Region
from ...verbs.types import Access, VerbsError, WcStatus
from .lent import Lent
from .memory import Arena, Piece, SharedFile
from .order import fence

if TYPE_CHECKING:
    from random import Random

SLOT_BITS: Final = 12
SLOTS: Final = 1 << SLOT_BITS
SLOT_MASK: Final = SLOTS - 1
_KEY_BITS: Final = 32 - SLOT_BITS
_KEY_MASK: Final = (1 << _KEY_BITS) - 1
_KEYS_AT_A_TIME: Final = 64
ENTRY_WORDS: Final = 4
TABLE_OCTETS: Final = SLOTS * ENTRY_WORDS * 8

DIRECT_READ: Final = 1 << 40
"""Flag of an entry: the shadow has the region's contents, so it may be read there."""

_REMOTE_READ: Final = int(Access.REMOTE_READ)
_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)


class Peers(Protocol):
    """What a domain needs from its queue pairs."""

    def uses(self, slot: int) -> bool:
        """Return whether the peer has marked this entry as in use."""


class MemoryRegion(Region):
    """A registered buffer and its shadow (``verbs.interfaces.MemoryRegion``)."""

    __slots__ = ("piece", "slot")

    def __init__(
        self,
        pd: ProtectionDomain,
        view: memoryview,
        access: int,
        address: int,
        rkey: int,
        slot: int,
        piece: Piece | None,
    ) -> None:
        super().__init__(pd, view, access, address, rkey)
        self.slot = slot
        """Its entry in the table; the low bits of its key."""
        self.piece = piece
        """The piece that is its shadow, unless it is its own."""

    def take_in(self, address: int, length: int) -> None:
        """Copy what the peer has placed in the shadow. Only if :meth:`permits`."""
        piece = self.piece
        if piece is not None:
            start = address - self.address
            source = piece.offset + start
            self.view[start : start + length] = piece.slab.view[source : source + length]


class ProtectionDomain(KeyTable[MemoryRegion]):
    """What regions and queue pairs must share to meet (``verbs.interfaces.ProtectionDomain``)."""

    def __init__(self, rng: Random) -> None:
        super().__init__(rng)
        self._random: list[int] = []
        self._free: list[int] = list(range(SLOTS - 1, -1, -1))
        self._in_use: deque[MemoryRegion] = deque()  # ended, but still marked as in use by a peer
        self._table: SharedFile | None = None
        self._words = memoryview(bytes(8)).cast("Q")
        self.arena = Arena()
        self._lent = Lent(self.arena)
        self.queue_pairs: list[Peers] = []

    @property
    def table(self) -> SharedFile:
        """The file with an entry for each key, made when first needed. Raises ``OSError``."""
        if self._table is None:
            self._table = SharedFile(TABLE_OCTETS, writable=False)
            self._words = self._table.view.cast("Q")
        return self._table

    def _open_table(self) -> None:
        try:
            _ = self.table
        except OSError as error:
            raise VerbsError(f"no shared memory: {error}", WcStatus.LOC_PROT_ERR) from error

    def register(
        self, buffer: memoryview, access: Access | int, *, remote_address: int | None = None
    ) -> MemoryRegion:
        """Register a buffer; see ``verbs.interfaces.ProtectionDomain``. Raises ``VerbsError``."""
        access = int(access)
        view, address = self._checked(buffer, access, remote_address)
        if self._in_use:
            self._look_again()
        if not self._free:
            raise VerbsError("too many registrations", WcStatus.LOC_PROT_ERR)
        if self._table is None:
            self._open_table()
        piece, where, flags = self._shadow(view, access)
        slot = self._free.pop()
        rkey = self._new_key(slot)
        region = MemoryRegion(self, view, access, address, rkey, slot, piece)
        self._regions[rkey] = region
        words, at = self._words, slot * ENTRY_WORDS
        words[at + 1] = address
        words[at + 2] = len(view)
        words[at + 3] = where
        words[at] = rkey | access << 32 | flags  # from here on the key is good
        return region

    def reach(self, rkey: int) -> tuple[int, int, int]:
        """Return a key, with the memory that a peer writes by it and we have nothing to do for.

        All is 0 but the key if there is a shadow, or the key does not permit that.
        """
        region = self._regions.get(rkey)
        if region is None or region.piece is not None or not region.access & _REMOTE_WRITE:
            return rkey, 0, 0
        return rkey, region.address, len(region.view)

    def lend(self, size: int, *, clear: bool = True) -> memoryview:
        """See ``verbs.interfaces.LendingDomain``. Raises ``VerbsError``."""
        if self.closed:
            raise VerbsError("the protection domain is closed", WcStatus.LOC_PROT_ERR)
        return self._lent.lend(size, clear=clear)

    def _shadow(self, view: memoryview, access: int) -> tuple[Piece | None, int, int]:
        """Return the piece that is the shadow of a new region, its place, and the entry's flags."""
        if not access & (_REMOTE_READ | _REMOTE_WRITE) or not len(view):
            return None, 0, 0
        # Memory that is registered only to be read does not change meanwhile.
        flags = 0 if access & _REMOTE_WRITE else DIRECT_READ
        where = self._lent.find(view)
        if where is not None:
            return None, where, flags
        piece = self.arena.acquire(len(view))
        if flags:
            piece.slab.view[piece.offset : piece.offset + len(view)] = view
        return piece, piece.where, flags

    def close(self) -> None:
        """End every registration of the domain."""
        if self.closed:
            return
        super().close()
        self.arena.close()
        if self._table is not None:
            self._words.release()
            self._table.close()

    def retire(self, region: MemoryRegion) -> None:
        """Take a region out of the peer's reach. Harmless to repeat."""
        if not region.valid:
            return
        super().retire(region)
        self._words[region.slot * ENTRY_WORDS] = 0
        with fence:
            pass
        slot = region.slot
        for queue_pair in self.queue_pairs:
            if queue_pair.uses(slot):
                self._in_use.append(region)
                return
        self._reuse(region)

    def _reuse(self, region: MemoryRegion) -> None:
        self._free.append(region.slot)
        if region.piece is not None:
            self.arena.release(region.piece)
            region.piece = None

    def _look_again(self) -> None:
        """Reuse the region that waits longest, if no peer uses it any more."""
        region = self._in_use.popleft()
        if any(queue_pair.uses(region.slot) for queue_pair in self.queue_pairs):
            self._in_use.append(region)
        else:
            self._reuse(region)

    def _new_key(self, slot: int) -> int:
        while True:
            if not self._random:
                # Many at a time: the system's random numbers take a system call.
                bits = self._rng.getrandbits(_KEY_BITS * _KEYS_AT_A_TIME)
                for _ in range(_KEYS_AT_A_TIME):
                    self._random.append(bits & _KEY_MASK)
                    bits >>= _KEY_BITS
            rkey = self._random.pop() << SLOT_BITS | slot
            if rkey and rkey not in self._regions and rkey not in self._retired:
                return rkey

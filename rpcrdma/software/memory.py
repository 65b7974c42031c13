"""Registered memory by key: what a peer may reach, and until when.

A key is looked up in one protection domain and nowhere else, so the key of one connection means
nothing on another. Keys are random and 32 bits wide: they can be neither guessed nor counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..verbs.types import Access, VerbsError, WcStatus

if TYPE_CHECKING:
    from random import Random

_PAGE = 4096
_RETIRED_KEYS = 1024
_WRITES = int(Access.LOCAL_WRITE | Access.REMOTE_WRITE)


class Region:
    """A registered buffer (``verbs.interfaces.MemoryRegion``)."""

    __slots__ = ("_table", "access", "address", "end", "rkey", "valid", "view")

    def __init__(
        self, table: KeyTable[Any], view: memoryview, access: int, address: int, rkey: int
    ) -> None:
        self._table = table
        self.view = view
        self.access = access
        self.address = address
        self.end = address + len(view)
        self.rkey = rkey
        self.valid = True

    def deregister(self) -> None:
        """End the registration. Harmless to repeat."""
        self._table.retire(self)

    def permits(self, address: int, length: int, access: int) -> bool:
        """Return whether a peer may do ``access`` to these octets, now."""
        return (
            self.valid
            and bool(self.access & access)
            and self.address <= address
            and address + length <= self.end
        )


R = TypeVar("R", bound=Region)


class KeyTable(Generic[R]):
    """The regions of a protection domain by key, and the keys that were valid a while ago.

    A provider's protection domain derives from it and adds ``register``.
    """

    __slots__ = ("_next_address", "_regions", "_retired", "_rng", "closed")

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._regions: dict[int, R] = {}
        self._retired: dict[int, None] = {}
        self._next_address = _PAGE
        self.closed = False

    def __len__(self) -> int:
        return len(self._regions)

    def find(self, rkey: int) -> R | None:
        """Return the valid region of a key."""
        return self._regions.get(rkey)

    def invalidate(self, rkey: int) -> bool:
        """End the registration of a key; return false if this domain never knew the key.

        A key that was retired a short while ago is no error: when one side cancels and the other
        answers with SEND_WITH_INV at the same moment, both mean the same.
        """
        region = self._regions.get(rkey)
        if region is not None:
            self.retire(region)
            return True
        return rkey in self._retired

    def retire(self, region: R) -> None:
        """Take a region out of the peer's reach. Harmless to repeat."""
        region.valid = False
        if self._regions.get(region.rkey) is region:
            del self._regions[region.rkey]
            retired = self._retired
            retired[region.rkey] = None
            if len(retired) > _RETIRED_KEYS:
                del retired[next(iter(retired))]

    def close(self) -> None:
        """End every registration of the domain."""
        self.closed = True
        for region in list(self._regions.values()):
            self.retire(region)

    def _checked(
        self, buffer: memoryview, access: int, address: int | None
    ) -> tuple[memoryview, int]:
        """Return the view and the address of a region to be; ``None``: choose an address.

        Raises ``VerbsError``: closed, read-only, not contiguous, beyond 64 bits.
        """
        if self.closed:
            raise VerbsError("the protection domain is closed", WcStatus.LOC_PROT_ERR)
        view = octets(buffer)
        if view.readonly and access & _WRITES:
            raise VerbsError("a read-only buffer cannot be written", WcStatus.LOC_PROT_ERR)
        if address is None:
            address = self._next_address
            self._next_address += (len(view) // _PAGE + 2) * _PAGE
        if address < 0 or address + len(view) > 1 << 64:
            raise VerbsError("the region does not fit the address space", WcStatus.LOC_PROT_ERR)
        return view, address


def octets(buffer: memoryview) -> memoryview:
    """Return a view of single octets over ``buffer``.

    Raises ``VerbsError`` if it is not contiguous.
    """
    view = memoryview(buffer)
    if view.format == "B" and view.ndim == 1 and view.contiguous:
        return view
    try:
        return view.cast("B")
    except TypeError as error:
        raise VerbsError(f"not usable memory: {error}", WcStatus.LOC_PROT_ERR) from error

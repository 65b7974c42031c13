"""The peer's memory, as far as its table of regions permits."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Final

from ...software.memory import octets
from ...verbs.types import Access
from .memory import OFFSET_BITS, OFFSET_MASK, PeerFile
from .order import fence
from .regions import DIRECT_READ, ENTRY_WORDS, SLOT_MASK

_REMOTE_WRITE: Final = int(Access.REMOTE_WRITE)


class RemoteMemory:
    """Looks up keys in the peer's table, and their octets in its slabs.

    ``marks`` are ours; ``access`` is the remote operations that the peer's queue pair answers.
    """

    def __init__(
        self,
        table: PeerFile,
        marks: memoryview,
        access: int,
        fetch_slab: Callable[[int], PeerFile | None],
    ) -> None:
        self._file = table
        self._table = table.view.cast("Q")
        self._marks = marks
        self._access = access
        self._fetch_slab = fetch_slab
        self.dead: set[int] = set()
        """Keys that we have asked the peer to invalidate; it may not have done that yet."""

    def close(self) -> None:
        """Unmap the table."""
        self._table.release()
        self._file.close()
        self._fetch_slab = _none

    def permitted(self, rkey: int, address: int, length: int, access: int) -> int | None:
        """Return the first word of the peer's entry for this key, if it permits the access."""
        if not access & self._access or rkey in self.dead:
            return None
        table, at = self._table, (rkey & SLOT_MASK) * ENTRY_WORDS
        entry = table[at]
        if entry & 0xFFFFFFFF != rkey or not rkey or not entry >> 32 & access:
            return None
        start = table[at + 1]
        if not start <= address or address + length > start + table[at + 2]:
            return None
        return entry

    def map(self, rkey: int, address: int, length: int, access: int) -> memoryview | None:
        """Return the octets, marked as in use until :meth:`unmap`; None if out of reach."""
        slot = rkey & SLOT_MASK
        marks = self._marks
        marks[slot] += 1
        with fence:
            pass
        entry = self.permitted(rkey, address, length, access)
        if entry is not None and (access == _REMOTE_WRITE or entry & DIRECT_READ):
            table, at = self._table, slot * ENTRY_WORDS
            view = self.slab_view(table[at + 3], address - table[at + 1], length)
            if view is not None and table[at] == entry:
                return view
        marks[slot] -= 1
        return None

    def unmap(self, rkey: int) -> None:
        """End one :meth:`map`."""
        self._marks[rkey & SLOT_MASK] -= 1

    def map_apart(self, rkey: int, address: int, length: int, access: int) -> memoryview | None:
        """Do the same, but return a view that has an ``obj`` of its own."""
        view = self.map(rkey, address, length, access)
        if view is None:
            return None
        return memoryview((ctypes.c_char * length).from_buffer(view)).cast("B")

    def slab_view(self, where: int, offset: int, length: int) -> memoryview | None:
        """Return octets in a slab of the peer, if they exist."""
        slab = self._fetch_slab(where >> OFFSET_BITS)
        start = (where & OFFSET_MASK) + offset
        # Below 0 if the peer changed its table after it was found to permit the access.
        if slab is None or not 0 <= start <= slab.size - length:
            return None
        return slab.view[start : start + length]


def gather(target: memoryview, start: int, pieces: Sequence[bytes | memoryview]) -> None:
    """Copy pieces, one behind the other, to ``target`` from ``start`` on."""
    for piece in pieces:
        if isinstance(piece, memoryview) and not (piece.format == "B" and piece.ndim == 1):
            piece = octets(piece)
        end = start + len(piece)
        target[start:end] = piece
        start = end


def scatter(source: memoryview, pieces: Sequence[memoryview]) -> None:
    """Copy ``source`` to pieces that have the same length together."""
    start = 0
    for piece in pieces:
        if not (piece.format == "B" and piece.ndim == 1):
            piece = octets(piece)
        end = start + len(piece)
        piece[:] = source[start:end]
        start = end


def _none(index: int) -> PeerFile | None:
    """Return none: the connection is closed."""
    return None

"""Memory of the slabs that is lent to the owner of a protection domain, for data of its own.

What is registered elsewhere has a shadow, to or from which it is copied. What is registered here is
its own shadow: the peer reads and writes it where it is. So its owner lets the peer touch it at any
moment, for as long as it lives, and not only while it is registered.
"""

from __future__ import annotations

import ctypes
from typing import Any
from weakref import ref

from ...io.addresses import address_of
from .memory import Arena, Piece


class Lent:
    """The memory that is lent out of an arena, until its last view is gone."""

    __slots__ = ("__weakref__", "_arena", "_loans")

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._loans: dict[int, tuple[ref[Any], Piece, int]] = {}

    def lend(self, size: int, *, clear: bool = True) -> memoryview:
        """Return memory for ``size`` octets, of zeros if it is to be clear.

        Raises ``VerbsError`` if there is no room.
        """
        piece = self._arena.acquire(size)
        array = (ctypes.c_char * size).from_buffer(piece.slab.map, piece.offset)
        key, mine = id(array), ref(self)

        def over(_: object) -> None:
            lent = mine()
            if lent is not None:
                del lent._loans[key]
                lent._arena.release(piece)

        self._loans[key] = ref(array, over), piece, ctypes.addressof(array)
        if clear:
            ctypes.memset(array, 0, size)  # it may have been another one's
        return memoryview(array).cast("B")

    def find(self, view: memoryview) -> int | None:
        """Return the place of memory that is part of what was lent, in the peer's terms."""
        loan = self._loans.get(id(view.obj))
        if loan is None:
            return None
        array = loan[0]()
        if array is not view.obj:
            return None
        start = address_of(view) - loan[2]
        return loan[1].where + start

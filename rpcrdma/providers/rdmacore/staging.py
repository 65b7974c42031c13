"""The memory that our own requests use: registered, lent from a pool, or registered for a moment.

An adapter reaches registered memory only, and the verbs interface takes any. So a piece of a work
request

* is used where it is, if it lies in memory that is registered already for our own use: a region
  without rights for the peer or behind a memory window, or the buffer of posted receives;
* is copied to (and, for a READ, from) a slot of registered memory if it is short: a copy costs less
  than a registration, which is a system call and pins pages;
* is registered until the request completes, if it is long.

What is registered here grants the peer nothing, so it may outlive a region of the peer's.
Registrations are counted and go with their last user: they hold a view of the buffer, and for as
long as that exists a ``bytearray`` cannot be resized and an ``mmap`` cannot be closed.
"""

from __future__ import annotations

import errno
import mmap
from collections.abc import Sequence
from typing import Any, Final

from ...io.addresses import address_of
from ...software.memory import octets
from ...verbs.types import VerbsError, WcStatus
from .bindings import ACCESS_LOCAL_WRITE, Pyverbs, error_code

SLOT_SIZES: Final = (4 << 10, 64 << 10, 256 << 10)
"""Pieces up to the largest of these, in octets, are copied."""

_ARENA: Final = 256 << 10
_MOST_ARENAS: Final = 64
"""Most of one protection domain: 16 MiB. Beyond that, memory is registered, not copied."""

_MOST_WHOLE: Final = 64 << 20
"""A larger buffer that a receive buffer is part of is registered as a whole up to this size."""

Piece = tuple[int, int, int]
"""Address, length, local key, as in ``ibv_sge``."""


class Registration:
    """Registered memory for our own use, counted (see ``LocalMemory``)."""

    __slots__ = ("address", "end", "lkey", "mr", "users", "view", "writable")

    def __init__(self, mr: Any, view: memoryview, address: int, writable: bool) -> None:
        self.mr = mr
        self.lkey = int(mr.lkey)
        self.view = view
        self.address = address
        self.end = address + len(view)
        self.writable = writable
        self.users = 1


class Slot:
    """Registered memory to copy to or from."""

    __slots__ = ("address", "lkey", "size_class", "view")

    def __init__(self, size_class: int, view: memoryview, address: int, lkey: int) -> None:
        self.size_class = size_class
        self.view = view
        self.address = address
        self.lkey = lkey


class Staged:
    """The adapter's view of a request's data, and what to release when it is done."""

    __slots__ = ("_copies", "_local", "_registrations", "_slot", "pieces")

    def __init__(
        self,
        local: LocalMemory,
        pieces: Sequence[Piece],
        slot: Slot | None,
        copies: Sequence[tuple[memoryview, int]],
        registrations: Sequence[Registration],
    ) -> None:
        self.pieces = pieces
        self._local = local
        self._slot = slot
        self._copies = copies
        self._registrations = registrations

    def finish(self, arrived: bool) -> None:
        """Release everything; the request is done. ``arrived``: a READ has brought its data."""
        slot = self._slot
        if slot is not None:
            if arrived:
                for view, offset in self._copies:
                    view[:] = slot.view[offset : offset + len(view)]
            self._local.release_slot(slot)
        for registration in self._registrations:
            self._local.release(registration)


class LocalMemory:
    """Memory registered for our own use in one protection domain."""

    def __init__(self, pyverbs: Pyverbs, pd: Any) -> None:
        self._pyverbs = pyverbs
        self._pd = pd
        self._by_object: dict[int, list[Registration]] = {}
        self._arenas: list[tuple[Any, memoryview]] = []
        self._free: tuple[list[Slot], ...] = tuple([] for _ in SLOT_SIZES)

    # --- Registrations ---

    def register(self, buffer: memoryview, access: int = 0) -> Registration:
        """Register ``buffer``, with the additional flags ``access``; to be released once.

        Memory that cannot be pinned because it is a read-only mapping of a file is copied first.
        Raises ``VerbsError``.
        """
        # Make a view of our own: the caller may release its own.
        view = memoryview(buffer)
        writable = not view.readonly
        if writable:
            access |= ACCESS_LOCAL_WRITE
        try:
            registration = self._register(view, access, writable)
        except VerbsError:
            if writable:
                raise
            return self._register(memoryview(bytearray(view)), access, writable)
        self._by_object.setdefault(id(view.obj), []).append(registration)
        return registration

    def _register(self, view: memoryview, access: int, writable: bool) -> Registration:
        address = address_of(view)
        mr = new_mr(self._pyverbs, self._pd, address, len(view), access)
        return Registration(mr, view, address, writable)

    def use(self, view: memoryview, writing: bool) -> tuple[Registration, int] | None:
        """Return the registration that holds ``view``, with one more user, and its address."""
        known = self._by_object.get(id(view.obj))
        if known is None:
            return None
        address = address_of(view)
        end = address + len(view)
        for registration in known:
            if registration.address <= address and end <= registration.end:
                if writing and not registration.writable:
                    continue
                registration.users += 1
                return registration, address
        return None

    def use_or_register(self, view: memoryview) -> tuple[Registration, int]:
        """Do the same for a receive buffer, and register it if need be.

        The whole buffer that it is part of is registered, as more of it will follow.
        """
        found = self.use(view, True)
        if found is not None:
            return found
        whole = self._whole(view)
        try:
            registration = self.register(whole)
        except VerbsError:
            if whole is view:
                raise
            registration = self.register(view)
        return registration, address_of(view)

    @staticmethod
    def _whole(view: memoryview) -> memoryview:
        """Return all of the object that ``view`` is a part of, unless it is much too large."""
        try:
            whole = octets(memoryview(view.obj))
        except (TypeError, VerbsError):
            return view
        return view if whole.readonly or len(whole) > _MOST_WHOLE else whole

    def release(self, registration: Registration) -> None:
        """Release a registration; the last user ends it."""
        registration.users -= 1
        if registration.users:
            return
        key = id(registration.view.obj)
        known = self._by_object.get(key)
        if known is not None and registration in known:
            known.remove(registration)
            if not known:
                del self._by_object[key]
        registration.mr.close()

    # --- Slots ---

    def acquire_slot(self, size: int) -> Slot | None:
        """Return a slot for ``size`` octets; None if that is too much, or no slot is left."""
        for size_class, largest in enumerate(SLOT_SIZES):
            if size <= largest:
                free = self._free[size_class]
                if not free:
                    self._grow(size_class)
                return free.pop() if free else None
        return None

    def release_slot(self, slot: Slot) -> None:
        """Take back a slot."""
        self._free[slot.size_class].append(slot)

    def _grow(self, size_class: int) -> None:
        if len(self._arenas) >= _MOST_ARENAS:
            return
        view = memoryview(mmap.mmap(-1, _ARENA))
        address = address_of(view)
        mr = new_mr(self._pyverbs, self._pd, address, _ARENA, ACCESS_LOCAL_WRITE)
        self._arenas.append((mr, view))
        size, free = SLOT_SIZES[size_class], self._free[size_class]
        for start in range(0, _ARENA, size):
            part = view[start : start + size]
            free.append(Slot(size_class, part, address + start, mr.lkey))

    # --- Requests ---

    def stage(self, views: Sequence[memoryview], writing: bool, max_pieces: int) -> Staged:
        """Put the data of a request where the adapter can reach it.

        ``writing``: the adapter writes there, for an RDMA READ. Raises ``VerbsError``.
        """
        if len(views) == 1 and not writing and id(views[0].obj) not in self._by_object:
            staged = self._copied(octets(views[0]))
            if staged is not None:
                return staged
        held: list[Registration] = []
        try:
            return self._staged(views, writing, max_pieces, held)
        except BaseException:
            for registration in held:
                self.release(registration)
            raise

    def _copied(self, view: memoryview) -> Staged | None:
        """Handle the common case, a message in one piece."""
        length = len(view)
        slot = self.acquire_slot(length) if length else None
        if slot is None:
            return None
        slot.view[:length] = view
        return Staged(self, ((slot.address, length, slot.lkey),), slot, (), ())

    def _staged(
        self,
        views: Sequence[memoryview],
        writing: bool,
        max_pieces: int,
        held: list[Registration],
    ) -> Staged:
        pieces: list[Piece | memoryview] = []
        short = 0
        for view in views:
            view = octets(view)
            if not len(view):
                continue  # to some adapters a length of zero means 2 GiB
            if writing and view.readonly:
                raise VerbsError("a read-only buffer cannot be written", WcStatus.LOC_PROT_ERR)
            found = self.use(view, writing)
            if found is not None:
                held.append(found[0])
                pieces.append((found[1], len(view), found[0].lkey))
            elif len(view) > SLOT_SIZES[-1]:
                pieces.append(self._registered(view, held))
            else:
                pieces.append(view)
                short += len(view)
        return self._fill(pieces, short, writing, max_pieces, held)

    def _fill(
        self,
        pieces: Sequence[Piece | memoryview],
        short: int,
        writing: bool,
        max_pieces: int,
        held: list[Registration],
    ) -> Staged:
        """Place the short pieces, ``short`` octets together, in a slot."""
        slot = self.acquire_slot(short) if short else None
        copies: list[tuple[memoryview, int]] = []
        placed: list[Piece] = []
        offset = 0
        for piece in pieces:
            if not isinstance(piece, memoryview):
                placed.append(piece)
                continue
            length = len(piece)
            if slot is None:
                placed.append(self._registered(piece, held))
                continue
            if writing:
                copies.append((piece, offset))
            else:
                slot.view[offset : offset + length] = piece
            address = slot.address + offset
            if placed and placed[-1][2] == slot.lkey and sum(placed[-1][:2]) == address:
                placed[-1] = (placed[-1][0], placed[-1][1] + length, slot.lkey)
            else:
                placed.append((address, length, slot.lkey))
            offset += length
        if len(placed) > max_pieces:
            if slot is not None:
                self.release_slot(slot)
            raise VerbsError(f"{len(placed)} pieces of memory: the device takes {max_pieces}")
        return Staged(self, placed, slot, copies, held)

    def _registered(self, view: memoryview, held: list[Registration]) -> Piece:
        registration = self.register(view)
        held.append(registration)
        return registration.address, len(view), registration.lkey

    def close(self) -> None:
        """End everything. Nothing may be in flight."""
        for known in self._by_object.values():
            for registration in known:
                registration.mr.close()
        self._by_object.clear()
        for mr, _ in self._arenas:
            mr.close()
        self._arenas.clear()
        for free in self._free:
            free.clear()


def new_mr(pyverbs: Pyverbs, pd: Any, address: int, length: int, access: int) -> Any:
    """Register memory. Raises ``VerbsError``."""
    if not length:
        raise VerbsError("an empty buffer cannot be registered", WcStatus.LOC_PROT_ERR)
    try:
        return pyverbs.MR(pd, length, access, address=address)
    except pyverbs.PyverbsError as error:
        text = f"{length} octets cannot be registered: {error}"
        if error_code(error) == errno.ENOMEM:
            text += "; see ulimit -l, the memory that a user may lock"
        raise VerbsError(text, WcStatus.LOC_PROT_ERR) from error

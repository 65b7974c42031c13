"""Memory that two processes share: anonymous files, sealed, mapped, and given out in pieces.

What a peer maps must not vanish under it: a process that touches a part of a file that was cut off
is killed (SIGBUS). So every file here is sealed against that, and one that a peer sends is mapped
only if it is sealed and as long as the peer says. A file that only its maker may write is sealed
for that as well (``F_SEAL_FUTURE_WRITE``): the peer's mapping cannot be made writable.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ...io.fork import keep_from_children
from ...verbs.types import VerbsError, WcStatus

_SEAL_FUTURE_WRITE: Final = 0x10
_FIXED: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
_OURS: Final = _FIXED | _SEAL_FUTURE_WRITE | fcntl.F_SEAL_SEAL
_EVERYONES: Final = _FIXED | fcntl.F_SEAL_SEAL
_HUGE: Final = 1 << 21
_HUGEPAGE: Final = getattr(mmap, "MADV_HUGEPAGE", 14)

PAGE: Final = mmap.PAGESIZE
SLAB_OCTETS: Final = 8 << 20
ARENA_OCTETS: Final = 1 << 30
"""Most octets of the shadows and messages of one protection domain at a time."""

SLABS_MAX: Final = 256
"""Most slabs of one protection domain."""

OFFSET_BITS: Final = 40
"""The place of an octet as one number: the index of its slab above an offset of so many bits."""
OFFSET_MASK: Final = (1 << OFFSET_BITS) - 1


class SharedFile:
    """An anonymous file of ours, mapped here, which a peer maps as well."""

    __slots__ = ("__weakref__", "fd", "map", "size", "view")

    def __init__(self, size: int, *, writable: bool) -> None:
        """``writable``: by the peer as well. Raises ``OSError`` when there is no memory for it."""
        size = -(-size // PAGE) * PAGE
        self.size = size
        self.fd = os.memfd_create("nfsrdma", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.fd, size)
            self.map = mmap.mmap(self.fd, size)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _EVERYONES if writable else _OURS)
        except BaseException:
            os.close(self.fd)
            raise
        if size >= _HUGE:
            with suppress(OSError):  # fewer, larger pages, where the system has them
                self.map.madvise(_HUGEPAGE)
        self.view = memoryview(self.map)
        keep_from_children(self)

    def close(self) -> None:
        """Unmap the file; views of it keep their octets. Harmless to repeat."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            release(self.view, self.map)

    def abandon(self) -> None:
        """See ``io.fork.Holder``."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            _make_private(self.map)


class PeerFile:
    """A file that a peer sent, mapped. ``fd`` is closed in any case.

    Raises ``OSError`` if it could be cut short, or is not what was announced.
    """

    __slots__ = ("__weakref__", "map", "size", "view", "writable")

    def __init__(self, fd: int, size: int, *, writable: bool, trusted: bool) -> None:
        """``trusted``: the peer's user is trusted with huge pages, which may run out."""
        try:
            status = os.fstat(fd)
            if not 0 < size == status.st_size:
                raise OSError(f"memory of {status.st_size} octets instead of {size}")
            try:
                seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
            except OSError:
                seals = 0
            if not seals & fcntl.F_SEAL_SHRINK:
                raise OSError("memory that is not sealed")
            if status.st_blksize > PAGE and not trusted:
                raise OSError("memory of huge pages, which may run out")
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self.map = mmap.mmap(fd, size, access=access)
        finally:
            os.close(fd)
        self.size = size
        self.writable = writable
        self.view = memoryview(self.map)
        keep_from_children(self)

    def abandon(self) -> None:
        """See ``io.fork.Holder``."""
        if self.writable and not self.map.closed:
            _make_private(self.map)

    def close(self) -> None:
        """Unmap the file; while there are views of it, that is done at their end."""
        release(self.view, self.map)


def release(view: memoryview, mapped: mmap.mmap) -> None:
    """Unmap a file, or, while there are views of it, leave that to the last of them."""
    with suppress(BufferError):
        view.release()
        mapped.close()


_mmap = ctypes.CDLL(None, use_errno=True).mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_MAP_FIXED: Final = 0x10
_MAP_FAILED: Final = ctypes.c_void_p(-1).value


def _make_private(mapped: mmap.mmap) -> None:
    """Replace a mapping by private zeros.

    What still writes there, such as a finalizer, then reaches no other process. Raises ``OSError``.
    """
    first = ctypes.c_char.from_buffer(mapped)
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
    if _mmap(ctypes.addressof(first), len(mapped), protection, flags, -1, 0) == _MAP_FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


class Piece:
    """A part of a slab that is in use; ``where`` is its place in a peer's terms."""

    __slots__ = ("kind", "offset", "slab", "where")

    def __init__(self, slab: SharedFile, index: int, offset: int, kind: int) -> None:
        self.slab = slab
        self.offset = offset
        self.kind = kind
        self.where = index << OFFSET_BITS | offset


class Arena:
    """Slabs of one protection domain, given out in pieces whose sizes are powers of two.

    A piece that is released is acquired next: its pages are warm.
    """

    def __init__(self) -> None:
        self.slabs: list[SharedFile] = []
        self._free: dict[int, list[Piece]] = {}
        self._slab = -1  # the slab that new pieces are cut from
        self._used = 0  # up to here
        self._octets = 0
        self.listeners: list[Callable[[], None]] = []
        """Called after a slab was added, before a piece of it is acquired."""

    def acquire(self, size: int) -> Piece:
        """Return a piece of at least ``size`` octets. Raises ``VerbsError`` if there is no room."""
        kind = max(12, (size - 1).bit_length())
        free = self._free.get(kind)
        if free:
            return free.pop()
        octets = 1 << kind
        if self._slab < 0 or self._used + octets > self.slabs[self._slab].size:
            self._grow(octets)
        piece = Piece(self.slabs[self._slab], self._slab, self._used, kind)
        self._used += octets
        return piece

    def release(self, piece: Piece) -> None:
        """Take a piece back: neither side reads or writes it any more."""
        self._free.setdefault(piece.kind, []).append(piece)

    def _grow(self, octets: int) -> None:
        size = max(SLAB_OCTETS, octets)
        index = len(self.slabs)
        if self._octets + size > ARENA_OCTETS or index == SLABS_MAX:
            raise VerbsError("too much memory is registered", WcStatus.LOC_PROT_ERR)
        try:
            slab = SharedFile(size, writable=True)
        except OSError as error:
            raise VerbsError(f"no shared memory: {error}", WcStatus.LOC_PROT_ERR) from error
        self.slabs.append(slab)
        self._slab = index
        self._used = 0
        self._octets += size
        for listener in self.listeners:
            listener()

    def close(self) -> None:
        """Give back the slabs."""
        self._free.clear()
        for slab in self.slabs:
            slab.close()

"""The octets of a capture, by their offset: mapped, never read as a whole.

A file is mapped. What cannot be mapped (a pipe, a compressed file) is spooled to an unlinked
temporary file, which is mapped as it grows, so that everything behind this module sees one kind of
source: offsets that stay valid until the end. Pages that were passed are given back to the system
(:meth:`Source.passed`); they come again from the file if someone asks for their octets later.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Protocol

_KEPT = 24 << 20
"""How many octets behind the reader stay resident: about what the exchanges in flight need."""
_WINDOW = 512 << 20
"""What is kept of a stream without an end."""
_STEP = 64 << 20
"""By how much a spool grows."""
_READ = 1 << 20

Fill = Callable[[memoryview], int]
"""Reads some octets into a view; 0 at the end. Raises ``OSError`` or ``ValueError``."""


class Source(Protocol):
    """What readers and views need: ``view`` up to ``end``, and more of it on request."""

    view: memoryview
    end: int
    problem: str

    def more(self) -> bool:
        """Try to make ``end`` grow; whether it did. ``view`` may have been replaced."""
        ...

    def passed(self, offset: int) -> None:
        """Nobody reads sequentially before ``offset`` any more."""
        ...

    def rewind(self) -> None:
        """Somebody is about to read from the start once more."""
        ...


class _Mapping:
    """What the two kinds of source share: a map, and pages that are let go."""

    def __init__(self) -> None:
        self.view = memoryview(b"")
        self.end = 0
        self.problem = ""
        """Why the octets ended early, if they did."""
        self._map: mmap.mmap | None = None
        self._dropped = 0

    def passed(self, offset: int) -> None:
        keep = offset - _KEPT
        if self._map is None or keep - self._dropped < _KEPT:
            return
        start = self._dropped & ~(mmap.PAGESIZE - 1)
        length = (keep - start) & ~(mmap.PAGESIZE - 1)
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED, start, length)
        self._dropped = start + length
        self._forget(self._map, offset)

    def _forget(self, mapping: mmap.mmap, offset: int) -> None:
        """For those who need not keep what is long past."""

    def rewind(self) -> None:
        self._dropped = 0


class MappedFile(_Mapping):
    """A regular file."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.end = os.fstat(file.fileno()).st_size
        if self.end:
            self._map = mmap.mmap(file.fileno(), self.end, prot=mmap.PROT_READ)
            if hasattr(mmap, "MADV_SEQUENTIAL"):
                self._map.madvise(mmap.MADV_SEQUENTIAL)
            self.view = memoryview(self._map)

    def more(self) -> bool:
        return False


class Spool(_Mapping):
    """A stream, kept in a temporary file that has no name.

    Of an ``endless`` one only the last ``_WINDOW`` octets are kept; before them are zeros.
    """

    def __init__(self, fill: Fill, *, endless: bool = False) -> None:
        super().__init__()
        self._fill = fill
        self._endless = endless
        self._forgotten = 0
        # Lives as long as the source, and has no name to be cleaned up.
        self._file = tempfile.TemporaryFile(prefix="nfsrdma-")  # noqa: SIM115
        self._capacity = 0
        self._ended = False

    def more(self) -> bool:
        if self._ended:
            return False
        if self._capacity - self.end < _READ:
            self._grow()
        with memoryview(self._writable)[self.end : self.end + _READ] as room:
            try:
                count = self._fill(room)
            except (OSError, ValueError, EOFError) as error:
                self.problem = str(error) or error.__class__.__name__
                count = 0
        self.end += count
        self._ended = count == 0
        return count > 0

    def _forget(self, mapping: mmap.mmap, offset: int) -> None:
        end = (offset - _WINDOW) & ~(mmap.PAGESIZE - 1)
        if self._endless and end - self._forgotten >= _STEP and hasattr(mmap, "MADV_REMOVE"):
            # Where the file system cannot punch holes the file just grows.
            with suppress(OSError):
                mapping.madvise(mmap.MADV_REMOVE, self._forgotten, end - self._forgotten)
            self._forgotten = end

    def _grow(self) -> None:
        self._capacity += _STEP
        os.ftruncate(self._file.fileno(), self._capacity)
        # Views of the map before this one keep it alive; both show the same pages.
        self._map = self._writable = mmap.mmap(self._file.fileno(), self._capacity)
        self.view = memoryview(self._map).toreadonly()
        self._dropped = 0


def descriptor_fill(descriptor: int, idle: Callable[[], object] = lambda: None) -> Fill:
    """Reads from a file descriptor: what a pipe has, without waiting for more.

    ``idle`` is called before each read, which may have to wait.
    """

    def fill(room: memoryview) -> int:
        idle()
        return os.readv(descriptor, [room])

    return fill


def stream_fill(stream: BinaryIO) -> Fill:
    """Reads from a file object, such as one that decompresses."""

    def fill(room: memoryview) -> int:
        readinto = getattr(stream, "readinto", None)
        try:
            if readinto is not None:
                return int(readinto(room) or 0)
            data = stream.read(len(room))
        except Exception as error:
            # Each decompressor has its own error class.
            raise ValueError(f"decompression: {error}") from error
        room[: len(data)] = data
        return len(data)

    return fill

"""The octets of a capture, by their offset: mapped, never read as a whole.

A file is mapped. What cannot be mapped (a pipe, a compressed file) is spooled to an unlinked
temporary file, which is mapped as it grows, so that everything behind this module sees one kind of
source: offsets that stay valid until the end. Pages that were passed are given back to the system
(:meth:`Source.passed`); they come from the file again if their octets are read later.

A map of a file that is cut, or whose disk fails, is a trap: to look at what is gone is
SIGBUS. So maps are guarded (``_guard``): what is gone reads as zeros, and the capture ends there,
with a word. Reading the file instead would cost half as much again. Where the guard was not
compiled, a file is spooled like a pipe, as no other process can cut the copy.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Protocol

try:
    from . import _guard
except ImportError:  # it was not compiled
    _guard = None  # type: ignore[assignment]

_KEPT = 24 << 20
"""How many octets behind the reader stay resident: about what the exchanges in flight need."""
_WINDOW = 512 << 20
"""What is kept of a stream without an end."""
_STEP = 64 << 20
"""By how much a spool grows."""
_READ = 1 << 20
UNPACKED_LEAST = 256 << 20
UNPACKED_RATIO = 100
"""What is unpacked without being asked for: so many octets, or so many times the packed ones."""

Fill = Callable[[memoryview], int]
"""Reads some octets into a view; 0 at the end. Raises ``OSError`` or ``ValueError``."""


class Source(Protocol):
    """What readers and views need: ``view`` up to ``end``, and more of it on request."""

    view: memoryview
    end: int
    problem: str

    def more(self) -> bool:
        """Try to make ``end`` grow; return whether it did. ``view`` may have been replaced."""
        ...

    def passed(self, offset: int) -> None:
        """Learn that nothing before ``offset`` is read sequentially any more."""
        ...

    def rewind(self) -> None:
        """Learn that it will be read from the start once more."""
        ...

    def part(self, offset: int) -> float | None:
        """Return which part of all is before ``offset``; ``None`` where that is not known."""
        ...


class _Mapping:
    """What the two kinds of source share: a map, and pages that are let go."""

    def __init__(self) -> None:
        self.view = memoryview(b"")
        self.end = 0
        self.problem = ""
        """Why the octets ended early, if they did."""
        self._map: mmap.mmap | None = None
        self._guard = -1
        self._dropped = 0

    def _mapped(self, mapping: mmap.mmap) -> None:
        """Look at the octets through this map from now on."""
        self._map = mapping
        self._dropped = 0
        self._guard = -1
        if _guard is not None:
            self._guard = _guard.guard(mapping)
            if self._guard >= 0:
                weakref.finalize(mapping, _guard.release, self._guard).atexit = False
        self.view = memoryview(mapping).toreadonly()

    def _look(self) -> None:
        """Make the end be where the file ends, if some of what was mapped is gone."""
        lost = _guard.lost(self._guard) if self._guard >= 0 else -1
        if lost >= 0:
            self._cut(lost)

    def _cut(self, end: int) -> None:
        if end < self.end:
            self.end = end
            self.problem = f"the file was cut to {end} octets while it was read, or is damaged"

    def passed(self, offset: int) -> None:
        self._look()
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
        """Let go of what is long past; for sources that need not keep it."""

    def rewind(self) -> None:
        self._dropped = 0


class MappedFile(_Mapping):
    """A regular file."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.end = os.fstat(file.fileno()).st_size
        if self.end:
            mapping = mmap.mmap(file.fileno(), self.end, prot=mmap.PROT_READ)
            if hasattr(mmap, "MADV_SEQUENTIAL"):
                mapping.madvise(mmap.MADV_SEQUENTIAL)
            self._mapped(mapping)

    def part(self, offset: int) -> float | None:
        """See ``Source``."""
        return offset / self.end if self.end else None

    def more(self) -> bool:
        """Look whether the file is still whole; it is never longer."""
        self._look()
        # What is gone of its last page reads as zeros without a guard.
        self._cut(os.fstat(self._file.fileno()).st_size)
        return False


class Spool(_Mapping):
    """A stream, kept in a temporary file that has no name.

    Of an ``endless`` one only the last ``_WINDOW`` octets are kept; before them are zeros.
    ``part`` returns which part of the whole was filled in so far, if anybody knows.
    """

    def __init__(
        self, fill: Fill, *, endless: bool = False, part: Callable[[], float] | None = None
    ) -> None:
        super().__init__()
        self._fill = fill
        self._part = part
        self._endless = endless
        self._forgotten = 0
        # Lives as long as the source, and has no name to be cleaned up.
        self._file = tempfile.TemporaryFile(prefix="nfsrdma-")  # noqa: SIM115
        self._capacity = 0
        self._room = memoryview(bytearray(_READ))
        self._ended = False

    def part(self, offset: int) -> float | None:
        """See ``Source``."""
        return self._part() if self._part is not None else None

    def more(self) -> bool:
        """Append what the stream gives; return whether there was any."""
        if self._ended:
            return False
        count = 0
        try:
            count = self._fill(self._room)
            self._keep(self._room[:count])
        except _NoRoomError as error:
            self.problem, count = str(error), 0
        except (OSError, ValueError, EOFError) as error:
            self.problem = getattr(error, "strerror", "") or str(error) or type(error).__name__
        self.end += count
        self._ended = count == 0
        return count > 0

    def _keep(self, octets: memoryview) -> None:
        """Append them to the file; not through the map, as a full disk would be a trap there."""
        if self._capacity - self.end < _READ:
            self._grow()
        at = self.end
        try:
            while octets:
                written = os.pwrite(self._file.fileno(), octets, at)
                octets, at = octets[written:], at + written
        except OSError as error:
            where = tempfile.gettempdir()
            raise _NoRoomError(
                f"the temporary file in {where}: {error.strerror} (TMPDIR names another place)"
            ) from error

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
        self._mapped(mmap.mmap(self._file.fileno(), self._capacity))


class _NoRoomError(OSError):
    """The temporary file cannot take more."""


def file_source(file: BinaryIO) -> Source:
    """Return the source for a regular file: mapped where that is safe."""
    return MappedFile(file) if _guard is not None else Spool(stream_fill(file))


def descriptor_fill(descriptor: int, idle: Callable[[], object] = lambda: None) -> Fill:
    """Return what reads from a file descriptor: what a pipe has, without waiting for more.

    ``idle`` is called before each read, which may have to wait.
    """

    def fill(room: memoryview) -> int:
        idle()
        return os.readv(descriptor, [room])

    return fill


def stream_fill(stream: BinaryIO) -> Fill:
    """Return what reads from a file object, such as one that decompresses."""

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


def limited_fill(fill: Fill, packed: Callable[[], int], limit: int | None) -> Fill:
    """Return what reads as ``fill`` does, but at most ``limit`` octets.

    By default as many as captures unpack to, of which ``packed`` octets were read so far: a few
    kilobytes that become gigabytes are no capture, but an attack on the disk.
    """
    unpacked = 0

    def bounded(room: memoryview) -> int:
        nonlocal unpacked
        count = fill(room)
        unpacked += count
        allowed = max(UNPACKED_LEAST, UNPACKED_RATIO * packed()) if limit is None else limit
        if unpacked > allowed:
            raise ValueError(
                f"it unpacks to more than {allowed >> 20} MiB: --max-unpacked allows more"
            )
        return count

    return bounded

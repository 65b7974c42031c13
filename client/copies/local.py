"""The local side of a copy, as protocols: open directories, and files in them.

Names are octets, as on both sides. Everything raises :class:`~..errors.LocalError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """An entry of a local directory."""

    name: bytes
    kind: str
    """``"file"``, ``"directory"``, ``"link"``, ``"other"``, or ``"unknown"``."""
    size: int = 0
    mode: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    sparse: bool = False
    """Whether it takes less room than its size: there may be holes in it."""


class LocalFile(Protocol):
    """A local file that is read."""

    def read_at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on; return the number of octets."""

    def data(self, offset: int, size: int) -> tuple[int, int] | None:
        """Return the next stretch of data from ``offset`` on, below ``size``; None if none."""

    def close(self) -> None:
        """Close the file."""


class NewFile(Protocol):
    """A local file that is written under a temporary name."""

    def write_at(self, offset: int, data: memoryview) -> None:
        """Write ``data`` at ``offset``."""

    def publish(self, size: int, mode: int, atime_ns: int, mtime_ns: int) -> None:
        """Set the size, the attributes, and finally the proper name.

        A file or link with that name is replaced; anything else is an error.
        """

    def close(self) -> None:
        """Close the file."""


class LocalDirectory(Protocol):
    """An open local directory: it stays the same one even if its name is changed."""

    existed: bool
    """Whether it existed before the copy."""

    def path(self, name: bytes = b"") -> str:
        """Return its path, or that of a name in it, for messages."""

    def entry(self, name: bytes) -> LocalEntry | None:
        """Return what has the name, without following a link; None if nothing has it."""

    def scan(self) -> list[LocalEntry]:
        """Return all entries, sorted by name."""

    def enter(self, name: bytes) -> LocalDirectory:
        """Return a directory in it; links are not followed."""

    def make(self, name: bytes) -> LocalDirectory:
        """Return a directory in it, made if it does not exist, that can be written to."""

    def read_link(self, name: bytes) -> bytes:
        """Return the target of a link."""

    def make_link(self, name: bytes, target: bytes, temporary: bytes) -> None:
        """Make a symbolic link, replacing a file or link."""

    def open(self, name: bytes) -> LocalFile:
        """Open a regular file for reading."""

    def create(self, name: bytes, temporary: bytes) -> NewFile:
        """Make a new file under the name ``temporary``, that will be called ``name``."""

    def remove(self, name: bytes, is_directory: bool) -> None:
        """Remove an empty directory, or anything else; a link is not followed."""

    def discard(self, temporary: bytes) -> None:
        """Remove the file that :meth:`create` made, if it is there."""

    def sweep(self) -> None:
        """Remove temporary files that killed copies left here long ago."""

    def finish(self, attributes: tuple[int, int, int] | None) -> None:
        """Set the mode and the times of access and modification, if given, and close it."""


class LocalTree(Protocol):
    """The starting point of a copy on this machine: a directory, and a name in it."""

    @property
    def top(self) -> LocalDirectory:
        """The directory."""

    @property
    def name(self) -> bytes:
        """The name in it."""

    def close(self) -> None:
        """Close everything."""

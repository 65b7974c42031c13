"""What a copy needs of this machine: directories that are open, and files in them.

Names are octets, as both sides have them. Errors are :class:`~..errors.LocalError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """Something in a local directory."""

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
    """A local file that is being read."""

    def read_at(self, offset: int, buffer: memoryview) -> int: ...

    def data(self, offset: int, size: int) -> tuple[int, int] | None:
        """The next stretch of data from ``offset`` on, below ``size``; None if there is none."""

    def close(self) -> None: ...


class NewFile(Protocol):
    """A local file that is being written under a temporary name."""

    def write_at(self, offset: int, data: memoryview) -> None: ...

    def publish(self, size: int, mode: int, atime_ns: int, mtime_ns: int) -> None:
        """Make it ``size`` octets long, and give it its attributes and its proper name.

        A file or link of that name is replaced; anything else is an error.
        """

    def close(self) -> None: ...


class LocalDirectory(Protocol):
    """A local directory. It stays the same one, whatever becomes of its name."""

    existed: bool
    """Whether it was there before the copy."""

    def path(self, name: bytes = b"") -> str:
        """Its path, or that of something in it, for messages."""

    def entry(self, name: bytes) -> LocalEntry | None:
        """What has the name, a link not followed; None if nothing has."""

    def scan(self) -> list[LocalEntry]:
        """All entries, by name."""

    def enter(self, name: bytes) -> LocalDirectory:
        """A directory in it. A link to one is none."""

    def make(self, name: bytes) -> LocalDirectory:
        """A directory in it that may exist already, and that can be written to."""

    def read_link(self, name: bytes) -> bytes: ...

    def make_link(self, name: bytes, target: bytes, temporary: bytes) -> None:
        """Make a symbolic link, in the place of a file or link that may be there."""

    def open(self, name: bytes) -> LocalFile:
        """Open a regular file for reading."""

    def create(self, name: bytes, temporary: bytes) -> NewFile:
        """Make a file that will be called ``name``, and that nobody else has."""

    def discard(self, temporary: bytes) -> None:
        """Remove what ``create`` made, if it is there."""

    def sweep(self) -> None:
        """Remove what copies of ours left here long ago."""

    def finish(self, attributes: tuple[int, int, int] | None) -> None:
        """Set the mode and the times of access and modification, if given, and let go of it."""


class LocalTree(Protocol):
    """The directory of this machine that a copy begins in, and the name there."""

    @property
    def top(self) -> LocalDirectory: ...

    @property
    def name(self) -> bytes: ...

    def close(self) -> None:
        """Let go of everything."""

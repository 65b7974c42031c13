"""Entries of a directory that was listed: a name, and the attributes that came with it."""

from __future__ import annotations

from .attributes import Page, Stat
from .errors import status_error
from .paths import to_text


class DirEntry:
    """One entry of a directory, with the attributes that it had when the directory was read.

    ``status`` is an ``nfsstat4`` instead where the server could not get them: ``stat()`` raises
    that, and the entry is neither a file nor a directory nor a link, for all that is known.
    """

    __slots__ = ("_stat", "name", "path")

    def __init__(self, directory: str, name: bytes, status: Stat | int) -> None:
        self.name = to_text(name)
        self.path = f"{directory}/{self.name}" if directory not in ("", "/") else self.name
        self._stat = status

    def stat(self) -> Stat:
        """The attributes of the entry itself: a link is not followed. Raises :class:`NfsError`."""
        if isinstance(self._stat, int):
            raise status_error(self._stat, path=self.path)
        return self._stat

    @property
    def handle(self) -> bytes:
        """The NFS file handle, empty if it is not known."""
        return b"" if isinstance(self._stat, int) else self._stat.handle

    def inode(self) -> int:
        return self.stat().st_ino

    def is_dir(self) -> bool:
        """Whether it is a directory; a link to one is not."""
        return not isinstance(self._stat, int) and self._stat.is_dir

    def is_file(self) -> bool:
        """Whether it is a regular file; a link to one is not."""
        return not isinstance(self._stat, int) and self._stat.is_file

    def is_symlink(self) -> bool:
        return not isinstance(self._stat, int) and self._stat.is_symlink

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"


def entries_of(directory: str, page: Page) -> list[DirEntry]:
    """What one answer to READDIR has of a directory, whose path is ``directory``."""
    return [DirEntry(directory, name, status) for name, status in page.entries]

"""Entries of a directory listing: names, with the attributes that came with them."""

from __future__ import annotations

from .attributes import Page, Stat
from .errors import status_error
from .paths import to_text


class DirEntry:
    """One entry of a directory, with its attributes as of the time when the directory was read.

    If the server could not get the attributes, :meth:`stat` raises the error that says why, and
    the entry counts as neither a file nor a directory nor a link.

    It is like an ``os.DirEntry`` that follows no links by default. To follow one takes a call to
    the server, which ``stat(entry)`` of the mount is, so ``follow_symlinks=True`` is an error
    (``ValueError``) for a link.
    """

    __slots__ = ("_stat", "name", "path")

    def __init__(self, directory: str, name: bytes, status: Stat | int) -> None:
        self.name = to_text(name)
        self.path = f"{directory}/{self.name}" if directory not in ("", "/") else self.name
        self._stat = status

    def stat(self, *, follow_symlinks: bool = False) -> Stat:
        """Return the attributes of the entry itself: links are not followed.

        Raises :class:`NfsError` if the server could not get them.
        """
        self._check_following(follow_symlinks)
        if isinstance(self._stat, int):
            raise status_error(self._stat, path=self.path)
        return self._stat

    @property
    def handle(self) -> bytes:
        """The NFS file handle; empty if it is not known."""
        return b"" if isinstance(self._stat, int) else self._stat.handle

    def inode(self) -> int:
        """Return the inode number. Raises :class:`NfsError` as :meth:`stat` does."""
        return self.stat().st_ino

    def is_dir(self, *, follow_symlinks: bool = False) -> bool:
        """Return whether this is a directory; a link to one is not."""
        self._check_following(follow_symlinks)
        return not isinstance(self._stat, int) and self._stat.is_dir

    def is_file(self, *, follow_symlinks: bool = False) -> bool:
        """Return whether this is a regular file; a link to one is not."""
        self._check_following(follow_symlinks)
        return not isinstance(self._stat, int) and self._stat.is_file

    def is_symlink(self) -> bool:
        """Return whether this is a symbolic link."""
        return not isinstance(self._stat, int) and self._stat.is_symlink

    def __fspath__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def _check_following(self, follow_symlinks: bool) -> None:
        if follow_symlinks and self.is_symlink():
            raise ValueError(
                f"{self.path!r} is a link: to follow it, give it to stat() of the mount"
            )


def entries_of(directory: str, page: Page) -> list[DirEntry]:
    """Return the entries of a page of the directory with the path ``directory``."""
    return [DirEntry(directory, name, status) for name, status in page.entries]

"""Whether something still lies below an export's root.

For a directory the kernel can tell: ``..`` leads up from it. A file has no such way up. The object
of a file handle was below the root when the handle was made (its authenticator says so, see
``namespace``), and is refused once the kernel tells that its only name is elsewhere. The kernel
does so as long as it knows the name at all, and it cannot tell which of a file's several names was
meant: what remains is what Linux's own server allows without ``subtree_check``.

Some directories are hidden, such as the one in which the server keeps its own state.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from .search import SHORTAGES

MOMENT_S: Final = 1.0
"""How long a directory that was below is taken to be there still."""
_DEEPEST: Final = 4096
"""Levels below the root: what is deeper is not served."""
_MOST_SEEN: Final = 2 * _DEEPEST
PATH_FLAGS: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Below:
    """What is below the directory of the descriptor ``root``. ``clock`` gives seconds.

    The way up from a directory is followed until it meets one that was seen to be below a moment
    ago, so the depth of the tree and the number of directories matter little. Any thread may ask.
    """

    def __init__(self, root: int, clock: Callable[[], float]) -> None:
        self._root = root
        self._clock = clock
        status = os.fstat(root)
        self._place = status.st_dev, status.st_ino
        self._seen: dict[tuple[int, int], float] = {}
        self._hidden: set[tuple[int, int]] = set()

    def hide(self, path: str | os.PathLike[str]) -> None:
        """Treat a directory, if there is one now, as if it were not below."""
        try:
            status = os.stat(path)
        except OSError:
            return
        self._hidden.add((status.st_dev, status.st_ino))
        self._seen.clear()

    @property
    def hides_any(self) -> bool:
        """Whether there are hidden directories."""
        return bool(self._hidden)

    def hides_inode(self, device: int, inode: int) -> bool:
        """Return whether that is a hidden directory."""
        return (device, inode) in self._hidden

    def hides(self, status: os.stat_result) -> bool:
        """Return whether a status is that of a hidden directory."""
        hidden = self._hidden
        return bool(hidden) and (status.st_dev, status.st_ino) in hidden

    def hides_entry(self, directory: int, name: bytes) -> bool:
        """Return whether an entry of a directory is hidden."""
        try:
            return bool(self._hidden) and self.hides(
                os.stat(name, dir_fd=directory, follow_symlinks=False)
            )
        except OSError:
            return False  # The call that follows will say the same.

    def is_visible(self) -> bool:
        """Return whether neither the root nor a directory above it is hidden."""
        current = os.dup(self._root)
        try:
            before: tuple[int, int] | None = None
            while True:
                status = os.fstat(current)
                if self.hides(status):
                    return False
                here = status.st_dev, status.st_ino
                if here == before:  # The root directory is its own parent.
                    return True
                before = here
                above = os.open(b"..", PATH_FLAGS | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = above
        except OSError:
            return True  # What is above is not for us to see.
        finally:
            os.close(current)

    def has_file(self, fd: int, status: os.stat_result) -> bool:
        """Return whether a file is below, or may be. Raises only for want of descriptors."""
        return not self._was_moved(fd, status)

    def seen(self, fd: int) -> float | None:
        """Return when a directory was seen to be the root or below it; None if it is not.

        That is now or less than :data:`MOMENT_S` ago. Raises only for want of descriptors.
        """
        now = self._clock()
        current = os.dup(fd)
        way: list[tuple[int, int]] = []
        try:
            while len(way) < _DEEPEST:
                status = os.fstat(current)
                here = (status.st_dev, status.st_ino)
                if here in self._hidden:
                    break
                when = now if here == self._place else self._seen.get(here)
                if when is not None and now - when < MOMENT_S:
                    return self._note(way, when)
                if way and here == way[-1]:  # The root directory is its own parent.
                    break
                way.append(here)
                above = os.open(b"..", PATH_FLAGS | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = above
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
        finally:
            os.close(current)
        return None

    def _note(self, way: list[tuple[int, int]], when: float) -> float:
        if len(self._seen) + len(way) > _MOST_SEEN:
            self._seen.clear()
        for place in way:
            self._seen[place] = when
        return when

    def _was_moved(self, fd: int, status: os.stat_result) -> bool:
        """Return whether a file with one name has it elsewhere, as far as the kernel knows."""
        if status.st_nlink != 1:
            return False
        try:
            path, root = _path_of(fd), _path_of(self._root)
            if path.startswith(root.rstrip(b"/") + b"/"):
                return False
            # It may have no path that the kernel knows, or the root may be on its way.
            found = os.stat(path, follow_symlinks=False)
            return (
                (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino)
                and _path_of(self._root) == root
                and _path_of(fd) == path
            )
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            return False


def _path_of(fd: int) -> bytes:
    return os.readlink(b"/proc/self/fd/%d" % fd)

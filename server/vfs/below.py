"""Whether something lies below an export's root, now.

Of a directory the kernel tells: ``..`` leads up from it, whatever it is called. A file has no such
way up. What a file handle leads to was below the root when the handle was made (its authenticator
says so, see ``namespace``), and it is refused once the kernel tells that its one name is elsewhere.
That it does as long as it knows the name at all, and of a file with several names none can be
told from the others: what then remains is what Linux's own server does without ``subtree_check``.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from .descriptors import Budget
from .search import SHORTAGES

PATH_FLAGS: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Below:
    """Looks at what is below the directory of the descriptor ``root``."""

    def __init__(self, root: int, budget: Budget) -> None:
        self._root = root
        self._budget = budget
        status = os.fstat(root)
        self._place = status.st_dev, status.st_ino

    def has(self, fd: int, status: os.stat_result) -> bool:
        """Whether that of an O_PATH descriptor is. Raises only for want of descriptors."""
        if stat.S_ISDIR(status.st_mode):
            return self.has_directory(fd)
        return not self._was_moved(fd, status)

    def has_directory(self, fd: int) -> bool:
        """Whether a directory is the root or below. Raises only for want of descriptors."""
        opened = self._budget.opened
        current = opened(os.dup, fd)
        try:
            below: tuple[int, int] | None = None
            while True:
                status = os.fstat(current)
                here = (status.st_dev, status.st_ino)
                if here == self._place:
                    return True
                if here == below:  # The root directory is its own parent.
                    return False
                below = here
                above = opened(os.open, b"..", PATH_FLAGS | os.O_DIRECTORY, dir_fd=current)
                os.close(current)
                current = above
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            return False
        finally:
            os.close(current)

    def _was_moved(self, fd: int, status: os.stat_result) -> bool:
        """Whether a file with one name has it elsewhere, as far as the kernel knows."""
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

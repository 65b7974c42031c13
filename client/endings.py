"""The errors of operations on a name for paths that end in ``/``, ``.`` or ``..``, as on Linux.

POSIX leaves some of them open; programs that were written on Linux expect these.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from .attributes import Stat

TEXTS: Final = {
    errno.EBUSY: "the root of the mount, or '.' or '..', cannot be moved or removed",
    errno.EEXIST: "it exists already",
    errno.EINVAL: "'.' and '..' cannot be removed",
    errno.EISDIR: "is a directory",
    errno.ENOENT: "there is no such file or directory",
    errno.ENOTDIR: "not a directory",
    errno.ENOTEMPTY: "the directory is not empty",
}


class Ending:
    """The errors of an operation on a name for paths that do not end in a name.

    ``dot``, ``up`` and ``root`` are the ``errno`` for ``.``, for ``..`` and for the mount's root.
    ``slash`` returns the ``errno`` for a name that is followed by ``/``, given what has the name
    (a link is not followed; None if nothing has it): 0 if this is no error. Without ``slash`` the
    trailing ``/`` is dropped, for operations on directories. With ``through`` it is treated as
    ``/.``, so that a link is followed.
    """

    __slots__ = ("dot", "root", "slash", "through", "up")

    def __init__(
        self,
        dot: int,
        up: int | None = None,
        root: int | None = None,
        slash: Callable[[Stat | None], int] | None = None,
        through: bool = False,
    ) -> None:
        self.dot = dot
        self.up = dot if up is None else up
        self.root = dot if root is None else root
        self.slash = slash
        self.through = through


def _new(found: Stat | None) -> int:
    # Only a directory can be made under a name that is followed by a slash.
    return errno.ENOENT if found is None else errno.EEXIST


def _gone(found: Stat | None) -> int:
    if found is None:
        return errno.ENOENT
    return errno.EISDIR if found.is_dir else errno.ENOTDIR


def _tree_gone(found: Stat | None) -> int:
    return 0 if found is not None and found.is_dir else _gone(found)


BUSY: Final = Ending(errno.EBUSY)
"""For both names of a move."""
OPENED: Final = Ending(errno.EISDIR, through=True)
"""For a file that must exist."""
WRITTEN: Final = Ending(errno.EISDIR, slash=lambda _: errno.EISDIR)
"""For a file that is made if it does not exist."""
MADE_ALONE: Final = Ending(errno.EEXIST, slash=lambda _: errno.EISDIR)
"""For a file that must not exist yet."""
DIRECTORY: Final = Ending(errno.EEXIST)
"""For a new directory."""
ANOTHER: Final = Ending(errno.EEXIST, slash=_new)
"""For a new link, hard or symbolic."""
REMOVED: Final = Ending(errno.EISDIR, slash=_gone)
"""For a file to be removed."""
TREE_REMOVED: Final = Ending(errno.EINVAL, root=errno.EBUSY, slash=_tree_gone)
"""For a tree to be removed."""
DIRECTORY_REMOVED: Final = Ending(errno.EINVAL, up=errno.ENOTEMPTY, root=errno.EBUSY)
"""For an empty directory to be removed."""

"""What operations on a name answer to paths that end in ``/``, ``.`` or ``..``, as Linux does.

POSIX leaves some of them open; programs are written on Linux, and expect these.
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
    """What an operation on a name in a directory answers to a path that does not end in a name.

    ``dot``, ``up`` and ``root``: the ``errno`` for ``.``, for ``..`` and for the mount's root.
    ``slash`` makes the ``errno`` for a name with ``/`` behind it from what has that name (a link
    is not followed), None if nothing has; 0 if nothing is wrong with that. Without it the ``/``
    is left off, for operations that are about directories. With ``through`` it is as good as ``.``,
    which is also followed.
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
    # What is not a directory cannot be made under a name with a slash behind it.
    return errno.ENOENT if found is None else errno.EEXIST


def _gone(found: Stat | None) -> int:
    if found is None:
        return errno.ENOENT
    return errno.EISDIR if found.is_dir else errno.ENOTDIR


def _tree_gone(found: Stat | None) -> int:
    return 0 if found is not None and found.is_dir else _gone(found)


BUSY: Final = Ending(errno.EBUSY)
"""Of what is moved, and where to."""
OPENED: Final = Ending(errno.EISDIR, through=True)
WRITTEN: Final = Ending(errno.EISDIR, slash=lambda _: errno.EISDIR)
"""Of a file that is made if it is not there."""
MADE_ALONE: Final = Ending(errno.EEXIST, slash=lambda _: errno.EISDIR)
"""Of a file that must not be there."""
DIRECTORY: Final = Ending(errno.EEXIST)
"""Of a directory to be made."""
ANOTHER: Final = Ending(errno.EEXIST, slash=_new)
"""Of a link, hard or symbolic."""
REMOVED: Final = Ending(errno.EISDIR, slash=_gone)
TREE_REMOVED: Final = Ending(errno.EINVAL, root=errno.EBUSY, slash=_tree_gone)
DIRECTORY_REMOVED: Final = Ending(errno.EINVAL, up=errno.ENOTEMPTY, root=errno.EBUSY)

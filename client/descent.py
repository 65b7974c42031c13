"""Detection of directories that contain themselves, so that a walk down never ends."""

from __future__ import annotations

import errno
from collections.abc import Callable

from .errors import make_error


class Descent:
    """A position on the way down a tree, which notices a directory that is below itself.

    The way may be long, so a handle is compared with that of only one ancestor, which is replaced
    after 1, 2, 4, ... steps (Brent's algorithm, as for ``Cookies``). A cycle is noticed before its
    third round ends.
    """

    __slots__ = ("_kept", "_left", "_period")

    def __init__(self, handle: bytes) -> None:
        self._kept = handle
        self._period = self._left = 1

    def below(self, handle: bytes, where: Callable[[], str]) -> Descent:
        """Return the position one step further down, in the directory with this handle.

        Raises :class:`NfsError` about ``where()`` if an ancestor has the same handle. An empty
        handle is an unknown one, and equals no other.
        """
        if handle and handle == self._kept:
            text = "the server's directories go round: this one is below itself"
            raise make_error(errno.ELOOP, text, where())
        further = Descent(self._kept)
        further._period, further._left = self._period, self._left - 1
        if not further._left:
            further._kept = handle
            further._period *= 2
            further._left = further._period
        return further

"""The way down a server's tree that has no end, because a directory is somewhere below itself."""

from __future__ import annotations

import errno
from collections.abc import Callable

from .errors import make_error


class Descent:
    """Whether a way down goes round: a directory has the handle of one above it.

    The way may be long, so a handle is not compared with all of those above, but with one of
    them, which is replaced after 1, 2, 4, ... steps (Brent's method, as for ``Cookies``): what
    goes round is noticed before it was gone through three times.
    """

    __slots__ = ("_kept", "_left", "_period")

    def __init__(self, handle: bytes) -> None:
        self._kept = handle
        self._period = self._left = 1

    def below(self, handle: bytes, where: Callable[[], str]) -> Descent:
        """One step further down, to the directory with this handle.

        Raises :class:`NfsError` about ``where()`` if one above it has the same; a handle that is
        not known (empty) is like no other.
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

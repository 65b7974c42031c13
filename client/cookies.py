"""A server's listing that has no end, because it begins again."""

from __future__ import annotations


class Cookies:
    """Whether a listing goes round: a cookie that comes again leads to what followed it before.

    Cookies need not ascend, and a directory may have millions of entries, so they are not
    remembered: by Brent's method of finding a cycle it is compared with one of those before it,
    which is replaced after 1, 2, 4, ... of them. What goes round is noticed before it was gone
    through three times.
    """

    __slots__ = ("_kept", "_left", "_period")

    def __init__(self) -> None:
        self._kept = 0  # which is where a listing begins
        self._period = self._left = 1

    def come_again(self, cookie: int) -> bool:
        """The next page begins at ``cookie``: whether one began there before."""
        if cookie == self._kept:
            return True
        self._left -= 1
        if not self._left:
            self._kept = cookie
            self._period *= 2
            self._left = self._period
        return False

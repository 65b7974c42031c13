"""Detection of directory listings that never end, because the server starts them again."""

from __future__ import annotations


class Cookies:
    """A detector of cycles: a cookie that was seen before leads to the same entries again.

    Cookies need not ascend, and a directory may have millions of entries, so they cannot all be
    remembered. By Brent's algorithm each cookie is compared with one earlier cookie, which is
    replaced after 1, 2, 4, ... steps. A cycle is noticed before its third round ends.
    """

    __slots__ = ("_kept", "_left", "_period")

    def __init__(self) -> None:
        self._kept = 0  # where every listing begins
        self._period = self._left = 1

    def come_again(self, cookie: int) -> bool:
        """Return whether an earlier page began at ``cookie``, where the next one begins."""
        if cookie == self._kept:
            return True
        self._left -= 1
        if not self._left:
            self._kept = cookie
            self._period *= 2
            self._left = self._period
        return False

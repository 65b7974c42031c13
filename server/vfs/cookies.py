"""A local directory's positions as READDIR cookies.

A cookie is a directory position as the kernel tells it, unchanged: so it means the same after a
restart, and READDIR's verifier protects nothing. Positions are from 0 to 2^63-1, and some file
systems use all of that: ext4's are hashes, and after the last entry stands 2^63-1. Cookies must
stay below 2^63, as clients keep them in a signed ``off_t``, and 0, 1 and 2 mean something else
(RFC 8881, Section 18.23.3). So these three positions, which a file system that shows no ``.``
and ``..`` may well use, take the place of three that nobody uses: file systems count from below,
and the upper half of an ext4 hash is never that of the end.
"""

from __future__ import annotations

import errno
from typing import Final

from .limits import MAX_OFFSET
from .posix import failure

_RESERVED: Final = 3
_ALIAS: Final = 0x7FFFFFFF << 32
"""The cookie of position 0; those of 1 and 2 follow."""


def from_position(position: int) -> int:
    """Return the cookie for a directory position. Raises EIO for one that is no position at all."""
    if position >= _RESERVED:
        return position
    if position < 0:
        raise failure(errno.EIO)
    return _ALIAS + position


def to_position(cookie: int) -> int:
    """Return the directory position of a cookie; what is no cookie stands for the end."""
    if _ALIAS <= cookie < _ALIAS + _RESERVED:
        return cookie - _ALIAS
    return min(cookie, MAX_OFFSET)

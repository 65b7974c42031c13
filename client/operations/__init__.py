"""Operations on objects of the server by handle, without paths.

:class:`Operations` has one coroutine for each NFS operation on a file handle,
:class:`OpenOperations` for each on an open, and :class:`LockOperations` for byte-range locks. Each
is a single compound with a typed result.
"""

from __future__ import annotations

from .by_handle import ALL_ACCESS, Listing, Made, Moved, Operations, Seen
from .by_open import Closed, Opening, OpenOperations
from .locking import LockOperations

__all__ = [
    "ALL_ACCESS",
    "Closed",
    "Listing",
    "LockOperations",
    "Made",
    "Moved",
    "OpenOperations",
    "Opening",
    "Operations",
    "Seen",
]

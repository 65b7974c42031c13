"""What can be done with an object of the server by its handle, without a path.

:class:`Operations` has one coroutine for each NFS operation on file handles, and
:class:`OpenOperations` for those on opens, each a single compound with a typed result;
:class:`LockOperations` locks ranges of what is open.
"""

from __future__ import annotations

from .by_handle import ALL_ACCESS, Listing, Made, Operations, Seen
from .by_open import Closed, Opening, OpenOperations
from .locking import LockOperations

__all__ = [
    "ALL_ACCESS",
    "Closed",
    "Listing",
    "LockOperations",
    "Made",
    "OpenOperations",
    "Opening",
    "Operations",
    "Seen",
]

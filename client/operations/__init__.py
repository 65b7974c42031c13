"""What can be done with an object of the server by its handle, without a path.

:class:`Operations` has one coroutine for each NFS operation on file handles, and
:class:`OpenOperations` for those on opens, each a single compound with a typed result.
"""

from __future__ import annotations

from .by_handle import ALL_ACCESS, Listing, Made, Operations, Seen
from .by_open import Closed, Opening, OpenOperations

__all__ = [
    "ALL_ACCESS",
    "Closed",
    "Listing",
    "Made",
    "OpenOperations",
    "Opening",
    "Operations",
    "Seen",
]

"""What a mount has learned about its server, and need not try again."""

from __future__ import annotations

from typing import Final

from nfsrdma.xdr.nfs4 import types as t

NO_EXCLUSIVE: Final = frozenset((t.NFS4ERR_NOTSUPP, t.NFS4ERR_INVAL, t.NFS4ERR_ATTRNOTSUPP))
"""How servers refuse an OPEN with EXCLUSIVE4_1 that do not know it."""


class Habits:
    """What one mount has learned."""

    __slots__ = ("exclusive_create", "swept", "verify_handles")

    def __init__(self) -> None:
        self.exclusive_create = True
        """Whether OPEN takes EXCLUSIVE4_1."""
        self.verify_handles = True
        """Whether VERIFY compares file handles."""
        self.swept: set[bytes] = set()
        """Handles of directories where leftovers of copies were looked for."""

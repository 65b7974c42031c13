"""Who is told of operations: what changed a name or a file, and what failed."""

from __future__ import annotations

from typing import Any, Final, Protocol

from nfsrdma.xdr.nfs4 import types as nfs

from .context import Context

CHANGES: Final = frozenset(
    (
        *(nfs.OP_CREATE, nfs.OP_LINK, nfs.OP_OPEN, nfs.OP_REMOVE, nfs.OP_RENAME, nfs.OP_SETATTR),
        *(nfs.OP_SETXATTR, nfs.OP_REMOVEXATTR),
    )
)
"""The operations that a witness is told of when they succeed."""


class Witness(Protocol):
    """Is told of operations when they are over, on the server's thread: it must be quick."""

    def succeeded(self, context: Context, number: int, arguments: Any) -> None:
        """Take note of one of ``CHANGES``. Current and saved file handles are as it left them."""

    def failed(self, context: Context, number: int, arguments: Any, status: int) -> None:
        """Take note of an operation that failed. ``arguments`` are None if it was not decoded."""

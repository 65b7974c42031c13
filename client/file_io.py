"""The strategy below an open file: how its data travels to storage and back."""

from __future__ import annotations

from typing import Protocol

from nfsrdma.xdr.nfs4 import types as t

from .errors import Where
from .opens import Open
from .results import ReadResult


class FileIO(Protocol):
    """A way to move the data of open files.

    :class:`~.operations.by_open.OpenOperations` moves it through the server that granted the open;
    with parallel NFS, a layout may name other servers (RFC 8881, Section 12). Each call moves one
    piece of a larger request. All raise :class:`~.errors.NfsError` about ``where()``.
    """

    async def read(self, opened: Open, offset: int, sink: memoryview, where: Where) -> ReadResult:
        """Read into ``sink``, possibly fewer octets than it has."""

    async def write(
        self, opened: Open, offset: int, data: memoryview, stable: int, where: Where
    ) -> t.WRITE4resok:
        """Write ``data``, or its beginning, with the stability ``stable``."""

    async def commit(self, opened: Open, where: Where) -> bytes:
        """Commit the file to stable storage; return the write verifier."""

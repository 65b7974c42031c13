"""The strategy below an open file: how its data gets to storage and back."""

from __future__ import annotations

from typing import Protocol

from nfsrdma.xdr.nfs4 import types as t

from .errors import Where
from .opens import Open
from .results import ReadResult


class FileIO(Protocol):
    """Carries the data of open files.

    The server that an open was granted by does (:class:`~.operations.by_open.OpenOperations`); with
    parallel NFS others may, as a layout says (RFC 8881, Section 12). Each call is one piece: the
    open file has split what it was asked for. All raise :class:`~.errors.NfsError` about
    ``where()``.
    """

    async def read(self, opened: Open, offset: int, sink: memoryview, where: Where) -> ReadResult:
        """Read into ``sink``, or less if the server likes."""

    async def write(
        self, opened: Open, offset: int, data: memoryview, stable: int, where: Where
    ) -> t.WRITE4resok:
        """Write ``data``, or the beginning of it, as stable as ``stable`` says."""

    async def commit(self, opened: Open, where: Where) -> bytes:
        """Have what was written on stable storage; return the write verifier."""

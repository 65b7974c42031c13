"""What the server knows of each operation besides its types: how it may be used, and who runs it.

Legality is data: ``machine`` decides from these entries alone, before a handler is called.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.ops import OPERATIONS, OperationSpec

if TYPE_CHECKING:
    from .context import Compound

RESULT: Final = struct.Struct(">II")
"""How a result begins: the number of the operation, and its status."""

Handler: TypeAlias = "Callable[[Compound, Any, Encoder], None]"
"""Executes an operation: appends what follows ``NFS4_OK`` in its result, or raises.

It may raise ``NfsError`` or ``OSError``. Whatever it appended before is taken back.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that the server executes."""

    spec: OperationSpec
    handler: Handler
    decode: Callable[[Decoder], Any]
    """Reads the arguments: as the specification has it, or quicker."""
    needs_current: bool = False
    """NOFILEHANDLE without a current file handle."""
    needs_saved: bool = False
    """NOFILEHANDLE without a saved one."""
    sessionless: bool = False
    """It may be the only one of a compound that does not begin with SEQUENCE."""
    mutates: bool = False
    """Executing it twice is not the same as once: its reply must be sure to fit beforehand."""
    bound: int = 64
    """Octets that a successful result can have at most after its status, if it mutates."""
    failure_body: bytes = b""
    """What follows the status of a result that is not ``NFS4_OK``."""


class _Ended(dict[int, Operation | None]):
    """A table in which every operation exists, and fails."""

    def __contains__(self, number: object) -> bool:
        return True

    def __missing__(self, number: int) -> Operation:
        return _REFUSED


def _refuse(c: Compound, args: object, enc: Encoder) -> None:
    gone = c.client is not None and c.client.gone
    raise NfsError(nfs.NFS4ERR_EXPIRED if gone else nfs.NFS4ERR_DEADSESSION)


_REFUSED: Final = Operation(OPERATIONS[nfs.OP_ILLEGAL], _refuse, lambda dec: None)
ENDED: Final[Mapping[int, Operation | None]] = _Ended()
"""What is left of a compound whose session has ended while it waited: nothing that may run.

RFC 8881 has NFS4ERR_DEADSESSION for new operations of requests that are under way.
"""


class Failure(NfsError):
    """An error whose result has more than a status: ``body`` follows it."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.body = body

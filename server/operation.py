"""What the server knows of each operation besides its types: how it may be used, and who runs it.

Legality is data: ``compound`` decides from these entries alone, before a handler is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nfsrdma.xdr import Decoder, Encoder
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.ops import OperationSpec

if TYPE_CHECKING:
    from .compound import Compound

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


class Failure(NfsError):
    """An error whose result has more than a status: ``body`` follows it."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.body = body

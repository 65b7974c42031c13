"""What is particular to a minor version: what may stand first, and what outlives a wait.

The machine itself knows of operations only. Who the caller's client is, and where the reply is
kept, is said by the operations that a version begins with: SEQUENCE sets both in the context.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.ops import OPERATIONS

from .context import Context
from .operation import Operation, Operations
from .reply import Reply

_SESSIONLESS: Final = 1 << 14
"""Octets that a call without a session may have."""


class MinorVersion(ABC):
    """A minor version: its operations by number, and where they may stand."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations

    @abstractmethod
    def check_place(self, context: Context, operation: Operation | None) -> None:
        """Raise ``NfsError`` unless the operation may stand where the compound is.

        Asked for the first operation, and for those that lead. None is one that exists, but is
        not implemented.
        """


class SessionVersion(MinorVersion):
    """Minor version 1 and later: SEQUENCE comes first (RFC 8881, Section 18.46.3)."""

    def check_place(self, context: Context, operation: Operation | None) -> None:
        """Raise SEQUENCE_POS, OP_NOT_IN_SESSION, NOT_ONLY_OP or REQ_TOO_BIG."""
        leads = operation is not None and operation.leads
        if context.index:
            if leads:
                raise NfsError(nfs.NFS4ERR_SEQUENCE_POS)
            return
        if leads:
            return
        if operation is None or not operation.alone:
            raise NfsError(nfs.NFS4ERR_OP_NOT_IN_SESSION)
        if context.count > 1:
            raise NfsError(nfs.NFS4ERR_NOT_ONLY_OP)
        if context.request_size > _SESSIONLESS:
            # There is no session yet whose limits would hold, and lists may be in the call that
            # take long to decode.
            raise NfsError(nfs.NFS4ERR_REQ_TOO_BIG)


class _Ended(dict[int, Operation | None]):
    """A table in which every operation exists, and fails."""

    def __contains__(self, number: object) -> bool:
        return True

    def __missing__(self, number: int) -> Operation:
        return _REFUSED


def _refuse(context: Context, args: None, reply: Reply) -> None:
    raise NfsError(context.ended or nfs.NFS4ERR_DEADSESSION)


_REFUSED: Final = Operation(
    spec=OPERATIONS[nfs.OP_ILLEGAL], handler=_refuse, decode=lambda dec: None
)
ENDED: Final[Operations] = _Ended()
"""What is left of a compound whose session or client has ended while it waited."""

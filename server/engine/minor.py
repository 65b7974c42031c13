"""What is particular to a minor version: what may stand first, and what outlives a wait.

The machine itself knows of operations only. Who the caller's client is, and where the reply is
kept, is said by the operations that a version begins with: SEQUENCE sets both in the context.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.ops import OPERATIONS

from .context import Context
from .duplicates import LONGEST
from .operation import Operation, Operations
from .replay import Outcome, remember
from .reply import Reply

_NAMES: Final = {
    nfs.NFS4ERR_DELEG_REVOKED: nfs.NFS4ERR_BAD_STATEID,
    nfs.NFS4ERR_REP_TOO_BIG: nfs.NFS4ERR_RESOURCE,
    nfs.NFS4ERR_UNION_NOTSUPP: nfs.NFS4ERR_INVAL,
}
"""Errors that minor version 0 does not have, and what it says instead."""
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

    sessionless: ClassVar[bool] = False
    """Nothing in a compound says whether it is a repetition."""

    def status(self, number: int, status: int) -> int:
        """Return what an operation's error is called in this minor version."""
        return status

    def remember(self, record: Outcome, reply: Reply, count: int) -> None:
        """Remember a COMPOUND of ``count`` operations that was executed."""
        remember(record, reply, count)


class SessionlessVersion(MinorVersion):
    """Minor version 0: operations stand anywhere, and each says by itself who the client is."""

    sessionless = True

    def check_place(self, context: Context, operation: Operation | None) -> None:
        """Raise RESOURCE if the compound is longer than one of a session may be."""
        if context.count > context.core.config.sessions.operations:
            raise NfsError(nfs.NFS4ERR_RESOURCE)

    def status(self, number: int, status: int) -> int:
        """Return what RFC 7530 has for an error that came later (Section 13.1)."""
        if status == nfs.NFS4ERR_WRONG_TYPE:
            return nfs.NFS4ERR_SYMLINK if number == nfs.OP_OPEN else nfs.NFS4ERR_INVAL
        if status == nfs.NFS4ERR_NOFILEHANDLE and number == nfs.OP_RESTOREFH:
            return nfs.NFS4ERR_RESTOREFH
        return _NAMES.get(status, status)

    def remember(self, record: Outcome, reply: Reply, count: int) -> None:
        """Keep the reply of a COMPOUND that has changed something."""
        # The contents of READs count, which are not in the reply's own buffer.
        keep = reply.mutated and reply.size + reply.out_of_line <= LONGEST
        record.release(reply.octets() if keep else None)


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

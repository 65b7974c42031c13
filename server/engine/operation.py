"""The row of an operation: its types, how it may be used, and what executes it.

Legality is data: ``machine`` decides from these rows alone, before a handler is called.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from nfsrdma.xdr import Decoder
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.ops import OperationSpec
from nfsrdma.xdr.nfs4.types import NFS4_OK

from ..waiting import resumed
from .context import Context, Waits
from .reply import RESULT, Reply

A = TypeVar("A")

Handler: TypeAlias = Callable[[Context, Any, Reply], Waits]
"""Executes an operation: appends what follows ``NFS4_OK`` in its result, or raises.

The arguments are of the type that the row decodes. A handler returns None when the operation is
done, or a future that is done when it is; see ``Context.then``. It may raise ``NfsError`` or
``OSError``, and so may the future. Whatever it appended before is taken back.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation that the server executes."""

    spec: OperationSpec
    handler: Handler
    decode: Callable[[Decoder], Any]
    """Reads the arguments: as the specification has it, or quicker."""
    current: bool = False
    """NOFILEHANDLE without a current file handle."""
    saved: bool = False
    """NOFILEHANDLE without a saved one."""
    absent: bool = False
    """It may be done on a file system that is elsewhere: see ``vfs.location.Referral``."""
    leads: bool = False
    """It begins a compound, and can stand nowhere else."""
    alone: bool = False
    """It may be the only one of a compound that has no such beginning."""
    mutates: bool = False
    """Executing it twice is not the same as once: its reply must be sure to fit beforehand."""
    bound: int = 0
    """Octets that a successful result can have at most after its status, if it mutates."""
    failure_body: bytes = b""
    """What follows the status of a result that is not ``NFS4_OK``."""
    head: bytes = field(init=False)
    """How the result of a success begins."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "head", RESULT.pack(self.spec.number, NFS4_OK))


Operations: TypeAlias = Mapping[int, Operation | None]
"""What exists in a minor version; None for what exists, but is not implemented (NOTSUPP)."""


def may_wait(
    work: Callable[[Context, A, Reply], Coroutine[Any, Any, None]],
) -> Callable[[Context, A, Reply], Waits]:
    """Make a handler of a coroutine function, which may ``await context.ready(value)``."""

    @wraps(work)
    def handler(context: Context, args: A, reply: Reply) -> Waits:
        coroutine = work(context, args, reply)
        try:
            future = coroutine.send(None)
        except StopIteration:
            return None
        return resumed(coroutine, future)

    return handler


class Failure(NfsError):
    """An error whose result has more than a status: ``body`` follows it."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.body = body

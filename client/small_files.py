"""Small files in a single call: read without an open, or made, written and closed at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from . import endings
from .compound import ANONYMOUS_STATEID, CURRENT_STATEID, Compound
from .errors import NfsError, ProtocolError
from .open_mode import OpenMode
from .opens import WRITE, OpenTable
from .paths import Path, Resolver
from .results import ReadResult, Result

SMALL_READ: Final = 64 << 10
"""Octets that are read before the size of the file is known."""
NEEDS_OPEN: Final = frozenset(
    (t.NFS4ERR_LOCKED, t.NFS4ERR_BAD_STATEID, t.NFS4ERR_OPENMODE, t.NFS4ERR_NOTSUPP)
)
"""Statuses of a READ without an open that might succeed with one."""


async def read_small(resolver: Resolver, path: Path, room: int) -> bytes | None:
    """Return the contents of a file of up to ``room`` octets; None if it has to be opened."""
    sink = memoryview(bytearray(room))

    def tail(compound: Compound) -> Result[ReadResult]:
        return compound.read(ANONYMOUS_STATEID, 0, sink)

    try:
        read, status = await resolver.run(path, "READ", tail, follow=True)
    except NfsError as error:
        if error.status not in NEEDS_OPEN:
            raise
        return None
    data = read.value.data
    if len(data) > room:
        raise ProtocolError(f"{len(data)} octets read where {room} were asked for")
    return bytes(data) if read.value.eof or len(data) >= status.st_size else None


async def write_small(
    resolver: Resolver, opens: OpenTable, path: Path, data: memoryview, permissions: int
) -> tuple[bytes, int]:
    """Make ``data`` the contents of a file, on stable storage.

    Returns the handle, and the number of octets that the server wrote. Raises :class:`NfsError`.
    """
    letters = OpenMode("w")
    owner = opens.new_owner()

    attempt: _Attempt | None = None

    def tail(compound: Compound, name: bytes) -> _Attempt:
        nonlocal attempt
        claim = t.open_claim4(t.CLAIM_NULL, name)
        opened = compound.open(opens.arguments(owner, WRITE, claim, letters.how(permissions)))
        handle = compound.getfh()
        written = compound.write(CURRENT_STATEID, 0, t.FILE_SYNC4, data)
        compound.close(CURRENT_STATEID)
        attempt = _Attempt(opened, handle, written)
        return attempt

    try:
        done = await resolver.run_in_parent(
            path, "WRITE", tail, ending=endings.WRITTEN, idempotent=True, follow=True
        )
    except NfsError:
        if attempt is not None:
            await opens.close_leftover(resolver.caller, owner, attempt.opened, attempt.handle)
        raise
    return done.handle.value, done.written.value.count


@dataclass(frozen=True, slots=True)
class _Attempt:
    opened: Result[t.OPEN4resok]
    handle: Result[bytes]
    written: Result[t.WRITE4resok]

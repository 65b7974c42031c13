"""The file that a stateid stands for, and whether the caller may use it."""

from __future__ import annotations

from stat import S_IFREG
from types import TracebackType
from typing import Final, TypeVar

from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as nfs
from nfsrdma.xdr.nfs4.errors import NfsError
from nfsrdma.xdr.nfs4.types import stateid4

from ..delegations import Guard
from ..engine.context import Context
from ..state.stateid import ANONYMOUS, BYPASS, UINT32_MAX, DataState, LockState
from ..vfs.interface import READ, WRITE, OpenFile
from ..waiting import started, then
from . import rights

T = TypeVar("T")

_SPECIAL: Final = {ANONYMOUS: 0, BYPASS: UINT32_MAX}
"""The sequence numbers of the special stateids, by what follows those."""
_SHARE_READ, _SHARE_WRITE = nfs.OPEN4_SHARE_ACCESS_READ, nfs.OPEN4_SHARE_ACCESS_WRITE


class Opened:
    """An open file for the length of one operation: ``with opened as file``.

    It belongs to an open ``state``, or was opened for the operation alone: then it is closed at the
    end.
    """

    __slots__ = ("_guard", "_state", "file")

    def __init__(
        self, file: OpenFile, state: DataState | None = None, guard: Guard | None = None
    ) -> None:
        self.file = file
        self._state = state
        self._guard = guard
        """Keeps the file from being delegated meanwhile."""

    async def ready(self, context: Context, value: T | Future[T]) -> T:
        """Return what the file answers. BAD_STATEID if it was closed while that took its time."""
        return await self.wait(context, value) if isinstance(value, Future) else value

    async def wait(self, context: Context, future: Future[T]) -> T:
        """Return what the file answers later: the same as :meth:`ready`."""
        result = await context.wait(future)
        self.check()
        return result

    def check(self) -> None:
        """Raise BAD_STATEID if the file was closed meanwhile."""
        state, file = self._state, self.file
        if state is not None and file is not state.reader and file is not state.writer:
            raise NfsError(nfs.NFS4ERR_BAD_STATEID)

    def __enter__(self) -> OpenFile:
        return self.file

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._state is None:
            if self._guard is not None:
                self._guard.release()
            self.file.close()


def require_regular(context: Context) -> None:
    """Raise ISDIR, SYMLINK or WRONG_TYPE if the current file is no regular one."""
    here = context.current
    assert here is not None
    node = here.node
    if node.type == S_IFREG:
        return
    if node.is_directory:
        raise NfsError(nfs.NFS4ERR_ISDIR)
    raise NfsError(nfs.NFS4ERR_SYMLINK if node.is_symlink else nfs.NFS4ERR_WRONG_TYPE)


def open_state_of(context: Context, stateid: stateid4) -> DataState | None:
    """Return the open, or the delegation, of a stateid of the current file.

    None for the special ones. Raises BAD_STATEID, OLD_STATEID (RFC 8881, Section 8.2.4) and
    DELEG_REVOKED.
    """
    if stateid.other in _SPECIAL:
        stateid = context.actual(stateid)
        if stateid.other in _SPECIAL:
            if stateid.seqid != _SPECIAL[stateid.other]:
                raise NfsError(nfs.NFS4ERR_BAD_STATEID)
            return None
    client, here = context.client, context.current
    assert client is not None
    assert here is not None
    state = context.core.registry.states.find(stateid, client)
    handle = state.file.handle
    # What tells file handles apart; those need not be made for it.
    if handle.export is not here.export or handle.node.identity != here.node.identity:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)
    if isinstance(state, LockState):
        return state.open
    assert isinstance(state, DataState)
    return state


def opened(context: Context, stateid: stateid4, access: int) -> Opened | Future[Opened]:
    """Return the open file to READ, or WRITE, with a stateid.

    A stateid is no right: the user that opened the file may do what it was opened for, others what
    the file system grants them (see ``rights``). A special stateid depends on the caller's own
    rights, and on the share reservations of others: LOCKED (RFC 8881, Section 9.7).
    """
    state = open_state_of(context, stateid)
    if state is None:
        _check_shares(context, stateid, access)
        if context.core.delegations.enabled:
            return started(_undelegated(context, access))
        here = context.here
        return then(here.export.fs.open(here.node, context.user, access), Opened)
    if access == READ:
        file, opener = state.reader, state.reading
    else:
        file, opener = state.writer, state.writing
    if file is None:
        if access == READ and not context.minor:
            return _read_through_writer(context, state)
        raise NfsError(nfs.NFS4ERR_OPENMODE)
    if opener is context.who or rights.is_opener(context, state, access):
        return Opened(file, state)
    if access == WRITE:
        return then(rights.open_as_caller(context, access), Opened)
    return started(_reader_for_another(context, state))


def _read_through_writer(context: Context, state: DataState) -> Opened | Future[Opened]:
    """Return what is opened to READ with a stateid that is for writing, as the caller.

    RFC 7530, Section 16.23.5, allows it: clients of minor version 0 fill the rest of a block so.
    """
    for other in state.file.conflicts(_SHARE_READ, 0):
        if other is not state:
            raise NfsError(nfs.NFS4ERR_LOCKED)
    here = context.here
    return then(here.export.fs.open(here.node, context.user, READ), Opened)


async def _undelegated(context: Context, access: int) -> Opened:
    """Open the current file for one operation, once no delegation of others is in the way."""
    here, delegations = context.here, context.core.delegations
    guard = None
    # First of all: those who have no right to the file have no right to a recall.
    file = await context.ready(here.export.fs.open(here.node, context.user, access))
    try:
        if access == WRITE:
            guard = await context.ready(delegations.exclude(context.client, here))
        else:
            waits = delegations.settle(context.client, here, False)
            if waits is not None:
                await context.wait(waits)
    except BaseException:
        file.close()
        raise
    return Opened(file, None, guard)


async def _reader_for_another(context: Context, state: DataState) -> Opened:
    """Return what is open, for a caller that did not open it."""
    await rights.require(context, state.file, READ)
    file = state.reader
    if file is None:
        raise NfsError(nfs.NFS4ERR_BAD_STATEID)  # It was closed meanwhile.
    return Opened(file, state)


async def truncated_through(context: Context, stateid: stateid4) -> OpenFile | None:
    """Return the open file by which the current file's size may be set; None if it need not be.

    As for a WRITE with that stateid, but with a special one no file is opened.
    """
    state = open_state_of(context, stateid)
    if state is None:
        _check_shares(context, stateid, WRITE)
        return None
    if state.writer is None:
        raise NfsError(nfs.NFS4ERR_OPENMODE)
    if not rights.is_opener(context, state, WRITE):
        await rights.require(context, state.file, WRITE)
        if state.writer is None:
            raise NfsError(nfs.NFS4ERR_BAD_STATEID)  # It was closed meanwhile.
    return state.writer


def _check_shares(context: Context, stateid: stateid4, access: int) -> None:
    """Raise LOCKED if others that have the file open deny what a special stateid is used for."""
    registry = context.core.registry
    opens = registry.states.file(context.here)
    if opens is None or (access == READ and stateid.other == BYPASS):
        return
    share = _SHARE_READ if access == READ else _SHARE_WRITE
    if opens.rules_out(share, 0):
        holders = (other.client for other in opens.conflicts(share, 0))
        if not registry.give_way(holders, context.now):
            raise NfsError(nfs.NFS4ERR_LOCKED)

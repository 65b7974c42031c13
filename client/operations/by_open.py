"""Operations on opens: one coroutine and one compound each, with typed results.

If the server has lost an open (perhaps its lease has expired), the file is opened again, and the
compound is sent again with the new stateid. So callers never see a stateid fail that can be
replaced.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from typing import Final

from nfsrdma.rpcrdma.task import settled
from nfsrdma.xdr.nfs4 import types as t

from ..attributes import Stat, encode_attributes, size_attribute
from ..caller import Caller
from ..compound import CURRENT_STATEID, Compound
from ..errors import NfsError, StatusError, Where, make_error, name_file, nowhere, status_error
from ..locks import FOREVER, LOCKS_LOST
from ..offloads import CopyLostError, Offloads
from ..opens import STATE_LOST, WRITE, Open, OpenTable
from ..quick import Begun
from ..results import ReadResult
from .by_handle import Moved, require_version_2

REOPENS_MAX: Final = 8
"""How often one call is sent again with the stateid of a new open."""
COPIED_AT_ONCE: Final = 8 << 20
"""Octets that a server is asked to copy before it answers; it may take more time for more."""
_UNLOCKED_MAX: Final = 8
"""Lock owners whose locks are released in the compound of CLOSE, at most."""


class Opening:
    """The result of opening: the open, the file's attributes, and how the directory changed.

    ``directory`` is meaningful only for an OPEN by name; it has attributes if that may have made
    the file.
    """

    __slots__ = ("directory", "opened", "status")

    def __init__(self, opened: Open, status: Stat, directory: Moved) -> None:
        self.opened = opened
        self.status = status
        self.directory = directory


class Closed:
    """The result of closing: the write verifier and the attributes, if requested."""

    __slots__ = ("status", "verifier")

    def __init__(self, verifier: bytes, status: Stat | None) -> None:
        self.verifier = verifier
        self.status = status


class Concluded:
    """The result of :meth:`OpenOperations.conclude`.

    ``written`` is of the WRITE, if there was one, and ``verifier`` of the COMMIT. If what came
    after the WRITE was refused, for the reason ``refused``, the verifier is empty.
    """

    __slots__ = ("refused", "status", "verifier", "written")

    def __init__(
        self,
        written: t.WRITE4resok | None,
        verifier: bytes,
        status: Stat | None,
        refused: NfsError | None,
    ) -> None:
        self.written = written
        self.verifier = verifier
        self.status = status
        self.refused = refused


class OpenOperations:
    """Operations of one mount on its opens."""

    def __init__(self, caller: Caller, opens: OpenTable, offloads: Offloads) -> None:
        self.caller = caller
        self.opens = opens
        self._offloads = offloads

    def acting_as(self, caller: Caller) -> OpenOperations:
        """Return the same operations, called by another user of the mount."""
        return OpenOperations(caller, self.opens, self._offloads)

    # --- Opening and closing ---

    async def open(
        self,
        directory: bytes,
        name: bytes,
        access: int,
        how: t.openflag4 | None = None,
        where: Where = nowhere,
    ) -> Opening:
        """Open a file by its name in a directory; make it as ``how`` says.

        If the name is not that of a file, the error has the status ``NFS4ERR_SYMLINK``,
        ``NFS4ERR_ISDIR`` or ``NFS4ERR_WRONG_TYPE``.
        """
        guarded = how is not None and how.value is not None and how.value.mode == t.GUARDED4
        compound = self.caller.compound("OPEN", idempotent=not guarded)
        compound.putfh(directory)
        claim = t.open_claim4(t.CLAIM_NULL, name)
        changed = directory if how is not None else None
        return await self._open(compound, claim, access, how, where, changed)

    async def open_handle(
        self, handle: bytes, access: int, where: Where = nowhere, *, truncate: bool = False
    ) -> Opening:
        """Open a file by its handle (CLAIM_FH: RFC 8881, Section 18.16.3).

        With ``truncate`` its size is set to 0 in the same call.
        """
        compound = self.caller.compound("OPEN")
        compound.putfh(handle)
        claim = t.open_claim4(t.CLAIM_FH)
        return await self._open(compound, claim, access, None, where, truncate=truncate)

    async def _open(
        self,
        compound: Compound,
        claim: t.open_claim4,
        access: int,
        how: t.openflag4 | None,
        where: Where,
        changed: bytes | None = None,
        *,
        truncate: bool = False,
    ) -> Opening:
        """Open, and get the attributes of the directory ``changed`` by that, if any."""
        owner = self.opens.new_owner()
        arguments = self.opens.arguments(owner, access, claim, how, delegable=not truncate)
        result = compound.open(arguments)
        handle = compound.getfh()
        if truncate:
            compound.setattr(CURRENT_STATEID, encode_attributes(size=0))
        status = compound.stat()
        after = compound.stat_besides(changed) if changed is not None else None
        try:
            with self.opens.delegations.asking():
                await self.caller.call(compound)
        except StatusError as error:
            await self.opens.close_leftover(self.caller, owner, result, handle)
            raise status_error(error.status, path=where()) from error
        except NfsError as error:
            name_file(error, where)
            raise
        change = status.value.change
        opened = self.opens.add(self.caller, handle.value, access, owner, result.value, change)
        status.value.handle = handle.value
        moved = Moved(result.value.cinfo, None if after is None else after.if_known)
        return Opening(opened, status.value, moved)

    async def reopen(self, opened: Open, where: Where = nowhere) -> None:
        """Open a file again for writing, which was closed before all its data was stable."""
        compound = self._at("OPEN", opened)
        claim = t.open_claim4(t.CLAIM_FH)
        result = compound.open(self.opens.arguments(opened.owner, WRITE, claim))
        try:
            await self.caller.call(compound)
        except StatusError as error:
            raise status_error(error.status, path=where()) from error
        opened.adopt(result.value)

    async def close(
        self,
        opened: Open,
        *,
        commit: bool = False,
        attributes: bool = False,
        where: Where = nowhere,
    ) -> Closed:
        """Close; before that, in the same call, commit and get the attributes if requested.

        Without a COMMIT the verifier is empty. The caller removes the open from the table
        (:meth:`OpenTable.discard`).
        """
        while opened.delegation is not None and opened.reopening is not None:
            await settled(opened.reopening)
        if opened.delegation is not None:
            # From now on nothing rests there that would have to be claimed.
            self.opens.discard(opened)
            return await self._leave(opened, commit, attributes, where)
        attempts = 0
        while True:
            attempts += 1
            stateid = opened.wire_stateid
            compound = self._at("CLOSE", opened)
            for held in list(opened.locks.values())[:_UNLOCKED_MAX]:
                if held.ranges and not held.lost:
                    # A server may refuse to close a locked file (RFC 8881, Section 18.2.3).
                    compound.locku(t.LOCKU4args(t.WRITE_LT, 0, held.stateid, 0, FOREVER))
            verifier = compound.commit() if commit else None
            status = compound.stat() if attributes else None
            compound.close(stateid)
            try:
                await self.caller.call(compound)
            except StatusError as error:
                if error.status in STATE_LOST and error.operation == t.OP_LOCKU:
                    opened.lose_locks()
                    continue
                if error.status not in STATE_LOST or error.operation != t.OP_CLOSE:
                    raise status_error(error.status, path=where()) from error
                if stateid != opened.wire_stateid and attempts < REOPENS_MAX:
                    continue  # it was reclaimed meanwhile
                # The server has lost the open anyway; only the data mattered.
            return Closed(
                verifier.value if verifier is not None else b"",
                status.value if status is not None else None,
            )

    async def _leave(self, opened: Open, commit: bool, attributes: bool, where: Where) -> Closed:
        """Close a file of which the server does not know that it is open."""
        if not (commit or attributes):
            return Closed(b"", None)
        compound = self._at("COMMIT" if commit else "GETATTR", opened)
        verifier = compound.commit() if commit else None
        status = compound.stat() if attributes else None
        try:
            await self.caller.call(compound)
        except StatusError as error:
            raise status_error(error.status, path=where()) from error
        return Closed(
            verifier.value if verifier is not None else b"",
            status.value if status is not None else None,
        )

    # --- Data ---

    async def read(
        self, opened: Open, offset: int, sink: memoryview, where: Where = nowhere
    ) -> ReadResult:
        """Read into ``sink``, possibly fewer octets than it has."""
        stateid = opened.wire_stateid
        begun: Begun | None = None
        quick = self.caller.quick
        if quick is not None:
            answer = await quick.read(opened, stateid, offset, sink, where)
            if answer is not None and not isinstance(answer, Begun):
                return answer
            begun = answer
        return await self.go_on_reading(opened, stateid, offset, sink, where, begun)

    async def go_on_reading(
        self,
        opened: Open,
        stateid: bytes,
        offset: int,
        sink: memoryview,
        where: Where,
        begun: Begun | None,
    ) -> ReadResult:
        """Read, with ``stateid`` at first; ``begun`` is that call if it was sent already."""
        compound = self._at("READ", opened)
        read = compound.read(stateid, offset, sink)
        await self._call(compound, opened, where, stateid, begun)
        return read.value

    async def write(
        self,
        opened: Open,
        offset: int,
        data: memoryview,
        stable: int = t.UNSTABLE4,
        where: Where = nowhere,
    ) -> t.WRITE4resok:
        """Write ``data``, or its beginning, with the stability ``stable``."""
        stateid = opened.wire_stateid
        begun: Begun | None = None
        quick = self.caller.quick
        if quick is not None and stable == t.UNSTABLE4:
            answer = await quick.write(opened, stateid, offset, data, where)
            if answer is not None and not isinstance(answer, Begun):
                return answer
            begun = answer
        compound = self._at("WRITE", opened)
        written = compound.write(stateid, offset, stable, data)
        await self._call(compound, opened, where, stateid, begun)
        return written.value

    async def append(
        self,
        opened: Open,
        size: int,
        data: memoryview,
        stable: int = t.UNSTABLE4,
        where: Where = nowhere,
    ) -> t.WRITE4resok | None:
        """Write at the end of a file, if that is at ``size`` still; return None if it is not.

        The server compares the size before it writes, in the same call.
        """
        compound = self._at("WRITE", opened)
        compound.verify(t.OP_VERIFY, size_attribute(size))
        written = compound.write(opened.wire_stateid, size, stable, data)
        try:
            await self._call(compound, opened, where)
        except NfsError as error:
            if error.status == t.NFS4ERR_NOT_SAME:
                return None
            raise
        return written.value

    async def commit(self, opened: Open, where: Where = nowhere) -> bytes:
        """Commit the file to stable storage; return the write verifier."""
        compound = self._at("COMMIT", opened)
        verifier = compound.commit()
        await self._call(compound, opened, where)
        return verifier.value

    async def conclude(
        self,
        opened: Open,
        offset: int,
        data: memoryview,
        attributes: t.fattr4 | None,
        *,
        commit: bool,
        where: Where = nowhere,
    ) -> Concluded:
        """Write ``data``, if any, make it stable, set attributes and return the new ones.

        With ``commit`` what was written before becomes stable, too, by a COMMIT; without it the
        WRITE itself may be to stable storage, and there is one operation less. Not if attributes
        are set: COMMIT comes after that, so that what it has written to a disk includes them.
        """
        compound = self._at("WRITE" if len(data) else "COMMIT" if commit else "SETATTR", opened)
        written = verifier = None
        commit = commit or (bool(len(data)) and attributes is not None)
        if len(data):
            stable = t.UNSTABLE4 if commit else t.FILE_SYNC4
            written = compound.write(opened.wire_stateid, offset, stable, data)
        if attributes is not None:
            compound.change(attributes)
        if commit:
            verifier = compound.commit()
        status = compound.stat()
        refused: NfsError | None = None
        try:
            await self._call(compound, opened, where)
        except NfsError as error:
            if written is None or not written.known:
                raise
            refused = error
        return Concluded(
            written.value if written is not None else None,
            verifier.value if verifier is not None and refused is None else b"",
            status.value if refused is None else None,
            refused,
        )

    async def seek(
        self, opened: Open, offset: int, what: int, where: Where = nowhere
    ) -> t.seek_res4:
        """Find data or a hole from ``offset`` on (RFC 7862, Section 15.11)."""
        compound = self._at("SEEK", opened)
        found = compound.seek(opened.wire_stateid, offset, what)
        await self._call(compound, opened, where)
        return found.value

    async def allocate(
        self, opened: Open, offset: int, length: int, where: Where = nowhere
    ) -> Stat:
        """Allocate space for a range, growing the file if necessary (RFC 7862, Section 15.1).

        Returns the new attributes.
        """
        compound = self._at("ALLOCATE", opened)
        compound.allocate(opened.wire_stateid, offset, length)
        status = compound.stat()
        await self._call(compound, opened, where)
        return status.value

    async def deallocate(
        self, opened: Open, offset: int, length: int, where: Where = nowhere
    ) -> Stat:
        """Make a range a hole (RFC 7862, Section 15.4); return the new attributes."""
        compound = self._at("DEALLOCATE", opened)
        compound.deallocate(opened.wire_stateid, offset, length)
        status = compound.stat()
        await self._call(compound, opened, where)
        return status.value

    # --- Within the server ---

    async def copy(
        self,
        source: Open,
        target: Open,
        start: int,
        to: int,
        count: int,
        where: Where = nowhere,
    ) -> t.write_response4:
        """Copy ``count`` octets from ``start`` of one file to ``to`` of another, or fewer.

        A count of 0 reaches to the end of the source. What is copied becomes stable as what is
        written does: by a COMMIT whose verifier is that of the result (RFC 7862, Section 15.2).
        The server may take its time for much, and tells when it is done: see ``offloads``.
        """
        while_lost = _Pair(self, source, target, where)
        for _ in range(REOPENS_MAX):
            compound = self._between("COPY", source, target, where)
            stateids = source.wire_stateid, target.wire_stateid
            at_once = 0 < count <= COPIED_AT_ONCE
            copied = compound.copy(*stateids, start, to, count, at_once=at_once)
            if not await while_lost.call(compound, stateids):
                continue
            result = copied.value.cr_response
            if not result.wr_callback_id:
                break
            if at_once or len(result.wr_callback_id) > 1:
                raise make_error(errno.EPROTO, "COPY goes on after its reply", where())
            with suppress(CopyLostError):
                result = await self._offloads.end_of(self.caller, target.handle, result, where)
                break
        else:
            raise make_error(errno.EIO, "the server loses the copy again and again", where())
        if count and result.wr_count > count:
            raise make_error(errno.EPROTO, "COPY copied more than was asked for", where())
        return result

    async def clone(
        self,
        source: Open,
        target: Open,
        start: int,
        to: int,
        count: int,
        where: Where = nowhere,
    ) -> None:
        """Have a range of ``target`` share the storage of ``source``, all of it or nothing.

        A count of 0 reaches to the end of the source (RFC 7862, Section 15.13).
        """
        while_lost = _Pair(self, source, target, where)
        while True:
            compound = self._between("CLONE", source, target, where)
            stateids = source.wire_stateid, target.wire_stateid
            compound.clone(*stateids, start, to, count)
            if await while_lost.call(compound, stateids):
                return

    def _between(self, name: str, source: Open, target: Open, where: Where) -> Compound:
        require_version_2(self.caller, where)
        compound = self._at(name, source)
        compound.savefh()
        compound.putfh(target.handle)
        return compound

    # --- Attributes ---

    async def getattr(self, opened: Open, where: Where = nowhere) -> Stat:
        """Return the attributes."""
        begun: Begun | None = None
        quick = self.caller.quick
        if quick is not None:
            answer = await quick.getattr(opened, where)
            if answer is not None and not isinstance(answer, Begun):
                return answer
            begun = answer
        compound = self._at("GETATTR", opened)
        status = compound.stat()
        await self._call(compound, opened, where, begun=begun)
        return status.value

    async def setattr(self, opened: Open, attributes: t.fattr4, where: Where = nowhere) -> Stat:
        """Set ``attributes``; return the new attributes."""
        compound = self._at("SETATTR", opened)
        compound.setattr(opened.wire_stateid, attributes)
        status = compound.stat()
        await self._call(compound, opened, where)
        return status.value

    # --- Calling ---

    def _at(self, name: str, opened: Open) -> Compound:
        compound = self.caller.compound(name)
        compound.putfh(opened.handle)
        return compound

    async def _call(
        self,
        compound: Compound,
        opened: Open,
        where: Where,
        stateid: bytes = b"",
        begun: Begun | None = None,
    ) -> None:
        """Execute a compound; if the server has lost the open, again with a new one.

        ``stateid`` is the one in the compound, if that may be another than the open has now.
        ``begun`` is the same call, if it was sent the short way already.
        """
        stateid = stateid or opened.wire_stateid
        reopened = 0
        while True:
            try:
                begun, first = None, begun
                await self.caller.call(compound, begun=first)
                return
            except StatusError as error:
                if error.status not in STATE_LOST or reopened == REOPENS_MAX:
                    raise status_error(error.status, path=where()) from error
                await self.replace(opened, stateid, error, where)
                if opened.locks_lost:
                    raise make_error(errno.EIO, LOCKS_LOST, where()) from error
            except NfsError as error:
                name_file(error, where)
                raise
            reopened += 1
            stateid = opened.wire_stateid
            compound.restate(stateid)

    async def replace(self, opened: Open, stateid: bytes, cause: StatusError, where: Where) -> None:
        """Open a file again whose ``stateid`` failed with ``cause``."""
        try:
            await self.opens.reopen(opened, stateid, cause.status)
        except StatusError as error:
            raise status_error(error.status, path=where()) from error


class _Pair:
    """Two opens that one compound uses: both are replaced if the server has lost either."""

    __slots__ = ("_left", "_opens", "_operations", "_where")

    def __init__(
        self, operations: OpenOperations, source: Open, target: Open, where: Where
    ) -> None:
        self._operations = operations
        self._opens = source, target
        self._where = where
        self._left = REOPENS_MAX

    async def call(self, compound: Compound, stateids: tuple[bytes, bytes]) -> bool:
        """Execute a compound; return False if it has to be built again with new stateids."""
        try:
            await self._operations.caller.call(compound)
        except StatusError as error:
            if error.status not in STATE_LOST or not self._left:
                raise status_error(error.status, path=self._where()) from error
            self._left -= 1
            for opened, stateid in zip(self._opens, stateids, strict=True):
                await self._operations.replace(opened, stateid, error, self._where)
                if opened.locks_lost:
                    raise make_error(errno.EIO, LOCKS_LOST, self._where()) from error
            return False
        except NfsError as error:
            name_file(error, self._where)
            raise
        return True

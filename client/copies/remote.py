"""The server's side of a copy: files that are created exclusively, and renamed when complete.

A temporary file has a random name and is created with EXCLUSIVE4_1 (RFC 8881, Section 18.16.3), so
that no other process can have put a file or link there. RENAME is atomic (Section 18.26.3). Before
it, the name is looked up again, so that a file that replaced ours is not published.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

from ..attributes import Stat, encode_attributes, size_attribute
from ..compound import CURRENT_STATEID, Compound
from ..errors import (
    NfsError,
    StatusError,
    UncertainOutcomeError,
    ends_everything,
    make_error,
    status_error,
)
from ..file import OpenFile
from ..habits import NO_EXCLUSIVE
from ..opens import WRITE
from ..results import Result
from .local import LocalEntry
from .temporary import temporary_name, verifier_of

if TYPE_CHECKING:
    from ..filesystem import FileSystem

_PRIVATE: Final = encode_attributes(mode=0o600)
_OWN: Final = 0o700
"""The permissions needed in a directory that is copied to."""
_NO_VERIFY: Final = frozenset((t.NFS4ERR_NOTSUPP, t.NFS4ERR_INVAL, t.NFS4ERR_ATTRNOTSUPP))


class Lost(Exception):
    """The temporary file is gone, or its fate is unknown: the copy has to start again."""


@dataclass(frozen=True, slots=True)
class Place:
    """A destination: a directory's handle, a name in it, and its path for messages."""

    directory: bytes
    name: bytes
    where: Callable[[], str]


class Remote:
    """The operations of copies at one server."""

    def __init__(self, client: FileSystem) -> None:
        self._client = client

    # --- Files ---

    def _create(self, compound: Compound, owner: bytes, name: bytes) -> Result[t.OPEN4resok]:
        """Append an OPEN that creates a file exclusively, which only its owner may read."""
        client = self._client
        if client.habits.exclusive_create:
            how = t.createhow4(t.EXCLUSIVE4_1, t.creatverfattr(verifier_of(name), _PRIVATE))
        else:  # with a random name, this differs only when it is repeated
            how = t.createhow4(t.GUARDED4, _PRIVATE)
        claim = t.open_claim4(t.CLAIM_NULL, name)
        flag = t.openflag4(t.OPEN4_CREATE, how)
        return compound.open(client.opens.arguments(owner, WRITE, claim, flag))

    def _may_create_otherwise(self, error: StatusError) -> bool:
        """Return whether a server refused one way to create a file, and there is another."""
        client = self._client
        if error.operation == t.OP_OPEN and client.habits.exclusive_create:
            client.habits.exclusive_create = error.status not in NO_EXCLUSIVE
            return not client.habits.exclusive_create
        return False

    async def put_whole(self, place: Place, data: memoryview, attributes: t.fattr4) -> None:
        """Put a file that fits one WRITE: create, write, verify and rename it in one call.

        Raises :class:`Lost` and ``NfsError``, including :class:`ShortWrite`.
        """
        client = self._client
        owner = client.opens.new_owner()
        temporary = temporary_name(client.rng)
        compound = client.session.compound("WRITE", idempotent=False)
        compound.putfh(place.directory)
        compound.savefh()
        opened = self._create(compound, owner, temporary)
        handle = compound.getfh()
        if len(data):
            compound.write(CURRENT_STATEID, 0, t.FILE_SYNC4, data)
        compound.setattr(CURRENT_STATEID, attributes)
        compound.verify(
            t.OP_VERIFY, size_attribute(len(data))
        )  # a server may write less than requested
        compound.close(CURRENT_STATEID)
        compound.putfh(place.directory)
        compound.rename(temporary, place.name)
        try:
            await client.session.call(compound)
        except StatusError as error:
            if self._may_create_otherwise(error):
                raise Lost from error
            if error.operation != t.OP_RENAME:  # RENAME comes after CLOSE
                await client.opens.close_leftover(client.session, owner, opened, handle)
            if error.operation != t.OP_OPEN:
                await self.forget(place, temporary)
            if error.operation == t.OP_VERIFY and error.status == t.NFS4ERR_NOT_SAME:
                raise ShortWrite(errno.EIO, "the server wrote less", place.where()) from error
            raise status_error(error.status, path=place.where()) from error
        except BaseException as error:
            # It may have been executed. If so, the name has the complete file.
            await self.abandon(place, temporary, error)
            if isinstance(error, UncertainOutcomeError):
                raise Lost from error
            raise

    async def create(self, place: Place, temporary: bytes) -> OpenFile:
        """Make a file for writing under a temporary name. Raises :class:`Lost`."""
        client = self._client
        owner = client.opens.new_owner()
        compound = client.session.compound("OPEN", idempotent=False)
        compound.putfh(place.directory)
        opened = self._create(compound, owner, temporary)
        handle = compound.getfh()
        try:
            await client.session.call(compound)
        except StatusError as error:
            if self._may_create_otherwise(error):
                raise Lost from error
            raise status_error(error.status, path=place.where()) from error
        except UncertainOutcomeError as error:
            raise Lost from error
        added = client.opens.add(client.session, handle.value, WRITE, owner, opened.value)
        return client.open_file(added, place.where())

    async def publish(
        self, place: Place, temporary: bytes, handle: bytes, size: int, attributes: t.fattr4
    ) -> None:
        """Give a complete file its attributes and its name, if its size is right.

        Raises :class:`Lost` if it is gone, and ``NfsError``.
        """
        compound = self._client.session.compound("RENAME", idempotent=False)
        compound.putfh(handle)
        compound.verify(t.OP_VERIFY, size_attribute(size))
        compound.setattr(bytes(16), attributes)
        compound.putfh(place.directory)
        compound.savefh()
        if self._client.habits.verify_handles:
            compound.lookup(temporary)
            compound.verify(t.OP_VERIFY, encode_fattr4({t.FATTR4_FILEHANDLE: handle}))
            compound.restorefh()
        compound.rename(temporary, place.name)
        try:
            await self._client.session.call(compound)
        except UncertainOutcomeError as error:
            # If another file has the name now, it replaced ours, or RENAME was not executed.
            if not await self._is_there(place, handle):
                raise Lost from error
        except StatusError as error:
            await self._unpublished(place, compound, error)

    async def _unpublished(self, place: Place, compound: Compound, error: StatusError) -> None:
        status, path = error.status, place.where()
        if error.operation == t.OP_VERIFY and compound.lookups(error.index):
            if status in _NO_VERIFY:
                self._client.habits.verify_handles = False
                raise Lost from error
            text = "another file was put in the place of the temporary one"
            raise make_error(errno.EIO, text, path) from error
        if error.operation == t.OP_VERIFY and status == t.NFS4ERR_NOT_SAME:
            raise make_error(errno.EIO, "not all of it has arrived", path) from error
        if status == t.NFS4ERR_NOENT and error.operation in (t.OP_LOOKUP, t.OP_RENAME):
            raise Lost from error
        if status == t.NFS4ERR_STALE:
            raise Lost from error  # the file is gone, at least for now
        raise status_error(status, path=path) from error

    async def _is_there(self, place: Place, handle: bytes) -> bool:
        try:
            found = await self._client.operations.lookup(place.directory, place.name, place.where)
        except FileNotFoundError:
            return False
        return found.handle == handle

    async def abandon(self, place: Place, temporary: bytes, error: BaseException) -> None:
        """Remove a temporary file after ``error``, if the server can be reached."""
        if not (isinstance(error, OSError) and ends_everything(error)):
            await self.forget(place, temporary)

    async def forget(self, place: Place, temporary: bytes) -> None:
        """Remove a temporary file, if possible."""
        try:
            await self._client.operations.remove(place.directory, temporary, place.where)
        except NfsError:
            return  # the failure is reported elsewhere

    # --- Links and directories ---

    async def put_link(self, place: Place, target: bytes) -> None:
        """Make a link, replacing a file or link."""
        try:
            await self._link(place, target, b"")
        except FileExistsError:
            await self._link(place, target, temporary_name(self._client.rng))

    async def _link(self, place: Place, target: bytes, temporary: bytes) -> None:
        operations = self._client.operations
        compound = operations.at("CREATE", place.directory, idempotent=False)
        compound.savefh()
        kind = t.createtype4(t.NF4LNK, target)
        compound.create(t.CREATE4args(kind, temporary or place.name, encode_attributes(mode=0o777)))
        if temporary:
            compound.restorefh()
            compound.rename(temporary, place.name)
        try:
            await operations.call(compound, place.where)
        except BaseException as error:
            if temporary:
                await self.abandon(place, temporary, error)
            raise

    async def make_directory(self, place: Place, mode: int) -> tuple[bytes, bool]:
        """Make a directory unless it exists; return its handle, and whether it existed."""
        operations = self._client.operations
        compound = operations.at("CREATE", place.directory, idempotent=False)
        kind = t.createtype4(t.NF4DIR)
        compound.create(t.CREATE4args(kind, place.name, encode_attributes(mode=mode | _OWN)))
        handle = compound.getfh()
        try:
            await operations.call(compound, place.where)
            return handle.value, False
        except (FileExistsError, UncertainOutcomeError):
            found = await operations.lookup(place.directory, place.name, place.where)
        await self.enter(found, place.where)
        return found.handle, True

    async def enter(self, found: Stat, where: Callable[[], str]) -> None:
        """Make sure that what was found is a directory that can be written to."""
        if not found.is_dir:
            raise make_error(errno.ENOTDIR, "not a directory, and in its place", where())
        if found.st_mode & _OWN != _OWN:
            try:
                attributes = encode_attributes(mode=found.st_mode & 0o7777 | _OWN)
                await self._client.operations.setattr(found.handle, attributes, where)
            except PermissionError:
                return  # its owner is another user, who may have granted access


class ShortWrite(NfsError):
    """A server wrote less than requested; the file was not published."""


def preserved(entry: LocalEntry) -> t.fattr4:
    """Return the attributes of a local file that a copy preserves."""
    return encode_attributes(mode=entry.mode, atime_ns=entry.atime_ns, mtime_ns=entry.mtime_ns)

"""Operations by file handle: one coroutine and one compound each, with typed results.

Trees are walked by handle: at any depth, no path gets too long (a handle has at most 128 octets:
RFC 8881, Section 2.3), nothing is looked up twice, and the walk stays in the tree even if another
user replaces a directory, since a handle keeps its meaning.

``where`` names the file in an error, and is called only then. Everything raises
:class:`~..errors.NfsError`.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from ..attributes import (
    ACL,
    ACL_ROOM,
    CHANGE,
    CHANGE_ROOM,
    FILE_SYSTEM,
    SERVER_LIMITS,
    VALUES_ROOM,
    Page,
    Stat,
    StatVfs,
    Values,
    decode_change,
    decode_values,
)
from ..caller import Caller
from ..compound import ANONYMOUS_STATEID, Compound
from ..cookies import Cookies
from ..errors import NfsError, StatusError, Where, make_error, name_file, nowhere, status_error
from ..results import Result
from ..unstable import UnstableTable

ALL_ACCESS: Final = (
    t.ACCESS4_READ
    | t.ACCESS4_LOOKUP
    | t.ACCESS4_MODIFY
    | t.ACCESS4_EXTEND
    | t.ACCESS4_DELETE
    | t.ACCESS4_EXECUTE
)
"""All rights that ACCESS can check (RFC 8881, Section 18.1)."""

_REPLACED_MAX: Final = 8
"""How often a name is looked up again because its file was just replaced."""
_PAGE: Final = 64 << 10
"""Octets of one reply to READDIR."""
_XATTR_NAMES_MAX: Final = 1 << 20
"""Octets of the names of all extended attributes of one object that are accepted at most."""
_OVERHEAD: Final = 2048
"""Octets of a reply to READDIR that are reserved for everything but entries."""


class Moved:
    """How a directory changed by a call, and its attributes after that, if the server told them."""

    __slots__ = ("info", "status")

    def __init__(self, info: t.change_info4, status: Stat | None) -> None:
        self.info = info
        self.status = status


class Made:
    """The result of making a name: what has it, with its handle, and how the directory changed."""

    __slots__ = ("directory", "status")

    def __init__(self, status: Stat, directory: Moved) -> None:
        self.status = status
        self.directory = directory


class Seen:
    """The result of a lookup: what has the name (or None), and the directory's change before."""

    __slots__ = ("change", "status")

    def __init__(self, change: int, status: Stat | None) -> None:
        self.change = change
        self.status = status


class Listing:
    """A page of a directory, and the directory's change attribute just before."""

    __slots__ = ("change", "page")

    def __init__(self, change: int, page: Page) -> None:
        self.change = change
        self.page = page


class Operations:
    """Operations of one mount on objects whose handles it has."""

    def __init__(self, caller: Caller, unstable: UnstableTable) -> None:
        self.caller = caller
        self._unstable = unstable
        """What may have to be written again before it is looked at."""

    @property
    def page_size(self) -> int:
        """Octets that one READDIR asks for."""
        return min(_PAGE, self.caller.limits.max_response - _OVERHEAD)

    async def call(self, compound: Compound, where: Where) -> None:
        """Execute a compound. Raises :class:`NfsError` about ``where``."""
        try:
            await self.caller.call(compound)
        except StatusError as error:
            raise status_error(error.status, path=where()) from error
        except NfsError as error:
            name_file(error, where)
            raise

    def at(self, name: str, handle: bytes, *, idempotent: bool = True) -> Compound:
        """Begin a compound at an object."""
        compound = self.caller.compound(name, idempotent=idempotent)
        compound.putfh(handle)
        return compound

    # --- Finding ---

    async def root(self, where: Where = nowhere) -> Stat:
        """Return the attributes of the server's root, including its handle."""
        compound = self.caller.compound("LOOKUP")
        compound.putrootfh()
        return await self._found(compound, where)

    async def lookup(self, directory: bytes, name: bytes, where: Where = nowhere) -> Stat:
        """Return the attributes of what has the name, including its handle.

        A link is not followed. Raises ``FileNotFoundError``.
        """
        replaced = 0
        while True:
            compound = self.at("LOOKUP", directory)
            compound.lookup(name)
            try:
                return await self._found(compound, where)
            except NfsError as error:
                # What was just found may have been replaced: look again.
                if not _replaced(error) or replaced == _REPLACED_MAX:
                    raise
                replaced += 1

    async def look(self, directory: bytes, name: bytes, where: Where = nowhere) -> Seen:
        """Look up a name that may not exist.

        The result has the directory's change attribute from just before: the name means the same
        for as long as that does not change.
        """
        replaced = 0
        while True:
            compound = self.at("LOOKUP", directory)
            change = compound.getattr(CHANGE, CHANGE_ROOM, decode_change)
            compound.lookup(name)
            try:
                status = await self._found(compound, where)
            except NfsError as error:
                if error.status == t.NFS4ERR_NOENT and change.known:
                    return Seen(change.value, None)
                if not _replaced(error) or replaced == _REPLACED_MAX:
                    raise
                replaced += 1
            else:
                return Seen(change.value, status)

    async def lookup_parent(self, directory: bytes, where: Where = nowhere) -> Stat:
        """Return the attributes of the directory above, including its handle.

        Raises ``FileNotFoundError`` at the server's root (RFC 8881, Section 18.14).
        """
        compound = self.at("LOOKUP", directory)
        compound.lookupp()
        return await self._found(compound, where)

    async def _found(self, compound: Compound, where: Where) -> Stat:
        mark = self._unstable.mark
        handle = compound.getfh()
        status = compound.stat()
        await self.call(compound, where)
        status.value.handle = handle.value
        if self._unstable.in_doubt(self.caller.epoch, mark):
            return await self._restored(status.value, mark, where)
        return status.value

    # --- Looking ---

    async def getattr(self, handle: bytes, where: Where = nowhere) -> Stat:
        """Return the attributes, with all that this client has written."""
        while True:
            mark = self._unstable.mark
            compound = self.at("GETATTR", handle)
            status = compound.stat()
            await self.call(compound, where)
            epoch = self.caller.epoch
            if not self._unstable.in_doubt(epoch, mark):
                return status.value
            if not await self._unstable.restored(handle, epoch, mark):
                return status.value

    @property
    def mark(self) -> int:
        """A moment, for :meth:`restored`."""
        return self._unstable.mark

    async def _restored(self, status: Stat, mark: int, where: Where = nowhere) -> Stat:
        """Return the attributes of an object as they are once what was lost of it is back."""
        handle = status.handle
        if await self._unstable.restored(handle, self.caller.epoch, mark):
            status = await self.getattr(handle, where)
            status.handle = handle
        return status

    async def restored(self, page: Page, mark: int) -> None:
        """Have in a page of a directory what is there once all that was lost is back.

        ``mark`` is from before it was asked for.
        """
        if not self._unstable.in_doubt(self.caller.epoch, mark):
            return
        for index, (name, status) in enumerate(page.entries):
            if isinstance(status, Stat) and status.handle:
                page.entries[index] = name, await self._restored(status, mark)

    async def access(
        self, handle: bytes, mask: int = ALL_ACCESS, where: Where = nowhere
    ) -> t.ACCESS4resok:
        """Ask which of the ``ACCESS4_`` bits in ``mask`` the caller has."""
        compound = self.at("ACCESS", handle)
        access = compound.access(mask)
        await self.call(compound, where)
        return access.value

    async def readlink(self, link: bytes, where: Where = nowhere) -> bytes:
        """Return the target of a link."""
        compound = self.at("READLINK", link)
        target = compound.readlink()
        await self.call(compound, where)
        return target.value

    async def statfs(self, handle: bytes, where: Where = nowhere) -> StatVfs:
        """Return the size and the free space of the file system that an object is in."""
        compound = self.at("GETATTR", handle)
        values = compound.getattr(FILE_SYSTEM, VALUES_ROOM, decode_values)
        await self.call(compound, where)
        return StatVfs(values.value)

    async def server_limits(self, handle: bytes, where: Where = nowhere) -> Values:
        """Return the server's largest READ and WRITE, and the length of its leases."""
        compound = self.at("GETATTR", handle)
        values = compound.getattr(SERVER_LIMITS, VALUES_ROOM, decode_values)
        await self.call(compound, where)
        return values.value

    def readdir(self, compound: Compound, page: Page | None = None) -> Result[Page]:
        """Append a READDIR of the page after ``page``, or of the first one."""
        cookie, verifier = (page.cookie, page.verifier) if page is not None else (0, bytes(8))
        return compound.readdir(cookie, verifier, self.page_size)

    async def page(
        self,
        directory: bytes,
        cookie: int = 0,
        verifier: bytes = bytes(8),
        where: Where = nowhere,
    ) -> Page:
        """Return the entries after ``cookie``, as many as one reply holds.

        ``verifier`` is that of the page with the cookie. Raises an error with the status
        ``NFS4ERR_NOT_SAME`` or ``NFS4ERR_BAD_COOKIE`` if the server cannot go on from there (RFC
        8881, Section 18.23).
        """
        mark, compound = self.mark, self.at("READDIR", directory)
        page = compound.readdir(cookie, verifier, self.page_size)
        await self.call(compound, where)
        await self.restored(page.value, mark)
        return page.value

    async def listing(
        self,
        directory: bytes,
        cookie: int = 0,
        verifier: bytes = bytes(8),
        where: Where = nowhere,
    ) -> Listing:
        """Return what :meth:`page` does, with the directory's change attribute from just before."""
        mark, compound = self.mark, self.at("READDIR", directory)
        change = compound.getattr(CHANGE, CHANGE_ROOM, decode_change)
        page = compound.readdir(cookie, verifier, self.page_size)
        await self.call(compound, where)
        await self.restored(page.value, mark)
        return Listing(change.value, page.value)

    async def pages(
        self, directory: bytes, where: Where = nowhere, page: Page | None = None
    ) -> AsyncIterator[Page]:
        """Yield the pages of a directory after ``page``, or all."""
        cookies = Cookies()
        while page is None or not page.end:
            if page is not None and not page.entries:
                raise make_error(errno.EPROTO, "READDIR goes on without an entry", where())
            if page is not None and cookies.come_again(page.cookie):
                text = "the server's listing of this directory goes round: a cookie came again"
                raise make_error(errno.ELOOP, text, where())
            if page is None:
                page = await self.page(directory, where=where)
            else:
                page = await self.page(directory, page.cookie, page.verifier, where)
            yield page

    # --- Changing ---

    async def setattr(
        self,
        handle: bytes,
        attributes: t.fattr4,
        where: Where = nowhere,
        *,
        stateid: bytes = ANONYMOUS_STATEID,
    ) -> Stat:
        """Set ``attributes``; return the new attributes."""
        compound = self.at("SETATTR", handle)
        compound.setattr(stateid, attributes)
        status = compound.stat()
        await self.call(compound, where)
        return status.value

    async def create(
        self,
        directory: bytes,
        name: bytes,
        kind: t.createtype4,
        attributes: t.fattr4,
        where: Where = nowhere,
    ) -> Made:
        """Make anything but a regular file (CREATE: RFC 8881, Section 18.4)."""
        compound = self.at("CREATE", directory, idempotent=False)
        made = compound.create(t.CREATE4args(kind, name, attributes))
        handle, status = compound.getfh(), compound.stat()
        after = compound.stat_besides(directory)
        await self.call(compound, where)
        status.value.handle = handle.value
        return Made(status.value, Moved(made.value.cinfo, after.if_known))

    async def link(
        self, handle: bytes, directory: bytes, name: bytes, where: Where = nowhere
    ) -> Made:
        """Give a file another name. Raises ``IsADirectoryError`` for a directory."""
        compound = self.at("LINK", handle, idempotent=False)
        compound.savefh()
        compound.putfh(directory)
        made = compound.link(name)
        compound.restorefh()
        status = compound.stat()
        after = compound.stat_besides(directory)
        await self.call(compound, where)
        status.value.handle = handle
        return Made(status.value, Moved(made.value, after.if_known))

    async def rename(
        self,
        from_directory: bytes,
        old: bytes,
        to_directory: bytes,
        new: bytes,
        where: Where = nowhere,
    ) -> tuple[Moved, Moved]:
        """Move a name, replacing a file or an empty directory; return how both sides changed."""
        compound = self.at("RENAME", from_directory, idempotent=False)
        compound.savefh()
        compound.putfh(to_directory)
        renamed = compound.rename(old, new)
        source = target = compound.stat_besides(from_directory)
        if to_directory != from_directory:
            target = compound.stat_besides(to_directory)
        await self.call(compound, where)
        info = renamed.value
        return (
            Moved(info.source_cinfo, source.if_known),
            Moved(info.target_cinfo, target.if_known),
        )

    async def remove(
        self, directory: bytes, name: bytes, where: Where = nowhere, *, look: bool = False
    ) -> Moved:
        """Remove what has the name, an empty directory too; return how the directory changed.

        With ``look`` its attributes are asked for, too.
        """
        compound = self.at("REMOVE", directory, idempotent=False)
        removed = compound.remove(name)
        after = compound.stat_besides(directory) if look else None
        await self.call(compound, where)
        return Moved(removed.value, None if after is None else after.if_known)

    # --- Access control lists (RFC 8881, Section 6.2.1) ---

    async def acl(self, handle: bytes, where: Where = nowhere) -> list[t.nfsace4]:
        """Return the access control list; EOPNOTSUPP where the server has none."""
        compound = self.at("GETATTR", handle)
        values = compound.getattr(ACL, ACL_ROOM, decode_values)
        await self.call(compound, where)
        aces: list[t.nfsace4] | None = values.value.get(t.FATTR4_ACL)
        if aces is None:
            raise status_error(t.NFS4ERR_ATTRNOTSUPP, "", where())
        return aces

    # --- Extended attributes: names without their namespace (RFC 8276) ---

    async def getxattr(self, handle: bytes, name: bytes, where: Where = nowhere) -> bytes:
        """Return the value of an extended attribute."""
        compound = self._with_xattrs("GETXATTR", handle, where)
        value = compound.getxattr(name)
        await self.call(compound, where)
        return value.value

    async def setxattr(
        self, handle: bytes, name: bytes, value: bytes, option: int, where: Where = nowhere
    ) -> Stat:
        """Set an extended attribute, as an ``setxattr_option4`` says; return the attributes."""
        again = option != t.SETXATTR4_CREATE
        compound = self._with_xattrs("SETXATTR", handle, where, idempotent=again)
        compound.setxattr(option, name, value)
        status = compound.stat()
        await self.call(compound, where)
        return status.value

    async def listxattrs(self, handle: bytes, where: Where = nowhere) -> list[bytes]:
        """Return the names of all extended attributes."""
        names: list[bytes] = []
        cookie, octets, cookies = 0, 0, Cookies()
        while True:
            compound = self._with_xattrs("LISTXATTRS", handle, where)
            page = compound.listxattrs(cookie, self.page_size)
            await self.call(compound, where)
            found = page.value
            names += found.lxr_names
            if found.lxr_eof:
                return names
            cookie = found.lxr_cookie
            octets += sum(map(len, found.lxr_names))
            if not found.lxr_names or cookies.come_again(cookie):
                raise make_error(errno.EPROTO, "LISTXATTRS does not come to an end", where())
            if octets > _XATTR_NAMES_MAX:
                raise make_error(errno.E2BIG, "too many extended attributes", where())

    async def removexattr(self, handle: bytes, name: bytes, where: Where = nowhere) -> Stat:
        """Remove an extended attribute; return the attributes."""
        compound = self._with_xattrs("REMOVEXATTR", handle, where, idempotent=False)
        compound.removexattr(name)
        status = compound.stat()
        await self.call(compound, where)
        return status.value

    def _with_xattrs(
        self, name: str, handle: bytes, where: Where, *, idempotent: bool = True
    ) -> Compound:
        require_version_2(self.caller, where)
        return self.at(name, handle, idempotent=idempotent)


def require_version_2(caller: Caller, where: Where) -> None:
    """Raise EOPNOTSUPP unless the server speaks NFSv4.2, which what follows is part of."""
    if caller.minor_version < 2:
        raise make_error(errno.EOPNOTSUPP, "the server does not speak NFSv4.2", where())


def _replaced(error: NfsError) -> bool:
    """Return whether an object that a compound had found by its name was gone a moment later."""
    cause = error.__cause__
    return isinstance(cause, StatusError) and cause.status == t.NFS4ERR_STALE and cause.index > 0

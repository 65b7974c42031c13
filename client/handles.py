"""What is done by the handle of a directory and a name in it, without a path.

A tree is walked this way: however deep it is, no path grows with it (a handle has no more than 128
octets, RFC 8881, Section 2.3), nothing is looked up twice, and what another user puts in the place
of a directory meanwhile leads nowhere, since a handle stays what it was.

``where`` names the file in an error: it is called only then.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from typing import Final

from nfsrdma.xdr.nfs4 import types as t

from .attributes import Page, Stat
from .compound import ANONYMOUS_STATEID, Compound
from .cookies import Cookies
from .errors import NfsError, StatusError, make_error, name_file, status_error
from .results import Result
from .session import Session

Where = Callable[[], str]

_REPLACED_MAX: Final = 8
"""How often a name is looked up again because what it led to was replaced just then."""
_PAGE: Final = 64 << 10
"""Octets of one answer of READDIR."""
_OVERHEAD: Final = 2048
"""Octets of a reply that READDIR leaves for the rest of it."""


class Handles:
    """Operations of one mount on directories that it has the handles of."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def page_size(self) -> int:
        """Octets that one READDIR is asked for."""
        return min(_PAGE, self._session.limits.max_response - _OVERHEAD)

    async def call(self, compound: Compound, where: Where) -> None:
        """Execute a compound. Raises :class:`NfsError` about ``where``."""
        try:
            await self._session.call(compound)
        except StatusError as error:
            raise status_error(error.status, path=where()) from error
        except NfsError as error:
            name_file(error, where)
            raise

    def at(self, name: str, directory: bytes, *, idempotent: bool = True) -> Compound:
        """A compound that begins in ``directory``."""
        compound = self._session.compound(name, idempotent=idempotent)
        compound.putfh(directory)
        return compound

    def readdir(self, compound: Compound, page: Page | None = None) -> Result[Page]:
        """Append a READDIR of what comes after ``page``, or of the beginning."""
        cookie, verifier = (page.cookie, page.verifier) if page is not None else (0, bytes(8))
        return compound.readdir(cookie, verifier, self.page_size)

    async def pages(
        self, directory: bytes, where: Where, page: Page | None = None
    ) -> AsyncIterator[Page]:
        """The pages of a directory, beginning with ``page`` if that has been read already."""
        cookies = Cookies()
        while page is None or not page.end:
            if page is not None and not page.entries:
                raise make_error(errno.EPROTO, "READDIR goes on without an entry", where())
            if page is not None and cookies.come_again(page.cookie):
                text = "the server's listing of this directory goes round: a cookie came again"
                raise make_error(errno.ELOOP, text, where())
            compound = self.at("READDIR", directory)
            answer = self.readdir(compound, page)
            await self.call(compound, where)
            page = answer.value
            yield page

    async def lookup(self, directory: bytes, name: bytes, where: Where) -> Stat:
        """The attributes of what has the name, its handle among them; no link is followed."""
        replaced = 0
        while True:
            compound = self.at("LOOKUP", directory)
            compound.lookup(name)
            handle = compound.getfh()
            status = compound.stat()
            try:
                await self._session.call(compound)
            except StatusError as error:
                # What was just found may have been replaced: look what it is now.
                if error.status != t.NFS4ERR_STALE or not error.index or replaced == _REPLACED_MAX:
                    raise status_error(error.status, path=where()) from error
                replaced += 1
                continue
            found = status.value
            found.handle = handle.value
            return found

    async def readlink(self, link: bytes, where: Where) -> bytes:
        """The target of a link."""
        compound = self.at("READLINK", link)
        target = compound.readlink()
        await self.call(compound, where)
        return target.value

    async def remove(self, directory: bytes, name: bytes, where: Where) -> None:
        """Remove whatever has the name, an empty directory too."""
        compound = self.at("REMOVE", directory, idempotent=False)
        compound.remove(name)
        await self.call(compound, where)

    async def set_attributes(self, handle: bytes, attributes: t.fattr4, where: Where) -> None:
        """Set whatever ``attributes`` has."""
        compound = self.at("SETATTR", handle)
        compound.setattr(ANONYMOUS_STATEID, attributes)
        await self.call(compound, where)

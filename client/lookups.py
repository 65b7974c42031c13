"""Looking by path: attributes, links, directories.

Each method is one call to the server: a single compound looks the path up, executes the operation
and fetches the attributes.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Final

from nfsrdma.rpcrdma.task import Reactor
from nfsrdma.xdr.nfs4 import types as t

from .attributes import FILE_SYSTEM, VALUES_ROOM, Page, Stat, StatVfs, Values, decode_values
from .client import Client, ClientOptions, Connect
from .compound import Compound
from .entries import DirEntry, entries_of
from .errors import NfsError
from .operations.by_handle import ALL_ACCESS
from .paths import Path, Resolver, to_octets, to_text
from .results import Result
from .routes import Way

if TYPE_CHECKING:
    from random import Random

NOWHERE: Final = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG))
"""The ``errno`` of errors that say that a path leads nowhere."""


class Lookups(Client):
    """A client that looks at the tree below the path ``export`` of its server."""

    def __init__(
        self,
        reactor: Reactor,
        connect: Connect,
        export: tuple[bytes, ...],
        options: ClientOptions,
        rng: Random,
        ways: Sequence[Way] = (),
    ) -> None:
        super().__init__(reactor, connect, options, rng, ways)
        self.resolver = Resolver(self.session, export, self.files.unstable)

    async def mount(self) -> None:
        """Connect, create a session and find the root. Raises :class:`NfsError`."""
        try:
            await self.connect()
            await self.resolver.find_root()
            await self.negotiate(self.resolver.root)
        except BaseException:
            await self.recovery.shut_down()
            raise

    async def settle(self, path: Path, *, follow: bool) -> None:
        """Make stable what this client wrote to a file whose attributes are to be set.

        See :meth:`.unstable.Unstable.settle`. Only a client that has unstable data looks the path
        up for it.
        """
        if self.files.unstable:
            found = await self.resolver.find(path, follow=follow)
            await self.files.unstable.settle(found.handle)

    async def stat(self, path: Path, *, follow_symlinks: bool = True) -> Stat:
        """Return the attributes of what ``path`` leads to."""
        return await self.resolver.stat(path, follow=follow_symlinks)

    async def lstat(self, path: Path) -> Stat:
        """Return the attributes of what is at ``path``, even if it is a link."""
        return await self.resolver.stat(path, follow=False)

    async def exists(self, path: Path) -> bool:
        """Return whether ``path`` leads to anything."""
        return await self.stat_if_any(path) is not None

    async def statvfs(self, path: Path = "") -> StatVfs:
        """Return the size and the free space of the file system at ``path``."""

        def tail(compound: Compound) -> Result[Values]:
            return compound.getattr(FILE_SYSTEM, VALUES_ROOM, decode_values)

        values, _ = await self.resolver.run(path, "GETATTR", tail, follow=True)
        return StatVfs(values.value)

    async def access(self, path: Path, *, follow_symlinks: bool = True) -> int:
        """Return what the server lets the caller do at ``path``: ``ACCESS4_`` bits."""

        def tail(compound: Compound) -> Result[t.ACCESS4resok]:
            return compound.access(ALL_ACCESS)

        access, _ = await self.resolver.run(path, "ACCESS", tail, follow=follow_symlinks)
        return access.value.access

    async def handle(self, path: Path, *, follow_symlinks: bool = True) -> bytes:
        """Return the NFS file handle of what ``path`` leads to."""
        return (await self.resolver.find(path, follow=follow_symlinks)).handle

    async def readlink(self, path: Path | DirEntry) -> str:
        """Return the target of the link at ``path``."""
        if isinstance(path, DirEntry):
            shown = path.path
            if path.handle:
                return to_text(await self.operations.readlink(path.handle, lambda: shown))
            path = shown
        target, _ = await self.resolver.run(path, "READLINK", Compound.readlink, follow=False)
        return to_text(target.value)

    async def pages(self, path: Path | DirEntry) -> AsyncIterator[list[DirEntry]]:
        """Yield the entries of a directory, as many at a time as one reply holds.

        An entry of another listing needs no lookup, so that it may be at any depth.
        """
        handle, read = b"", None
        if isinstance(path, DirEntry):
            handle, path = path.handle, path.path
        directory = to_text(to_octets(path))
        if not handle:

            def first(compound: Compound) -> tuple[Result[bytes], Result[Page]]:
                return compound.getfh(), self.operations.readdir(compound)

            mark = self.operations.mark
            (found, listed), _ = await self.resolver.run(directory, "READDIR", first, follow=True)
            handle, read = found.value, listed.value
            await self.operations.restored(read, mark)
            yield entries_of(directory.rstrip("/"), read)
        async for page in self.operations.pages(handle, lambda: directory, read):
            yield entries_of(directory.rstrip("/"), page)

    async def scandir(self, path: Path | DirEntry = "") -> list[DirEntry]:
        """Return every entry of a directory, in the server's order."""
        entries: list[DirEntry] = []
        async for page in self.pages(path):
            entries.extend(page)
        return entries

    async def listdir(self, path: Path = "") -> list[str]:
        """Return the names in a directory, in the server's order."""
        return [entry.name for entry in await self.scandir(path)]

    async def is_directory(self, path: Path) -> bool:
        """Return whether ``path`` leads to a directory."""
        status = await self.stat_if_any(path)
        return status is not None and status.is_dir

    async def stat_if_any(self, path: Path, *, follow_symlinks: bool = True) -> Stat | None:
        """Return the attributes of what ``path`` leads to; None if it leads nowhere."""
        try:
            return await self.resolver.stat(path, follow=follow_symlinks)
        except NfsError as error:
            if error.errno not in NOWHERE:
                raise
            return None

"""Changing names by path: making, moving and removing.

:mod:`.endings` has the errors for paths that do not end in a name.
"""

from __future__ import annotations

import errno
from os import major, minor

from nfsrdma.xdr.nfs4 import types as t

from . import endings
from .attributes import DIRECTORY_TYPE, encode_attributes
from .compound import Compound
from .endings import Ending
from .errors import NfsError, make_error
from .lookups import Lookups
from .paths import Path, plain, slashed, split, to_octets, to_text, unslashed
from .results import Result
from .trees import remove_tree


class Names(Lookups):
    """A client that changes the names in directories."""

    async def mkdir(self, path: Path, mode: int = 0o755) -> None:
        """Make a directory."""
        await self._create(path, t.createtype4(t.NF4DIR), mode, endings.DIRECTORY)

    async def makedirs(self, path: Path, mode: int = 0o755, *, exist_ok: bool = False) -> None:
        """Make a directory, and its missing ancestors."""
        components = plain(split(path))
        if not components and not exist_ok:
            await self.mkdir(path, mode)  # raises the right error
        missing: list[bytes] = []
        while components:
            try:
                await self.mkdir(b"/".join(components), mode)
                break
            except FileNotFoundError:
                missing.append(components.pop())
            except FileExistsError:
                if missing or (exist_ok and await self.is_directory(path)):
                    break
                raise
        if not components and missing:
            raise make_error(errno.ENOENT, "the root of the mount is gone", path)
        while missing:
            components.append(missing.pop())
            try:
                await self.mkdir(b"/".join(components), mode)
            except FileExistsError:
                if missing or exist_ok:
                    continue  # another client made it meanwhile
                raise

    async def symlink(self, target: Path, path: Path) -> None:
        """Make a symbolic link at ``path`` that holds ``target``."""
        octets = to_octets(target)
        if not octets:
            raise make_error(errno.ENOENT, "a link cannot lead to an empty path", path)
        if b"\0" in octets:
            raise ValueError("a path cannot have a null character in it")
        await self._create(path, t.createtype4(t.NF4LNK, octets), 0o777, endings.ANOTHER)

    async def mkfifo(self, path: Path, mode: int = 0o644) -> None:
        """Make a named pipe, which is one for the programs of each machine by itself."""
        await self._create(path, t.createtype4(t.NF4FIFO), mode, endings.ANOTHER)

    async def make_special(self, path: Path, kind: int, mode: int, device: int = 0) -> None:
        """Make a pipe, socket or device (RFC 8881, Section 18.4); ``device`` as of ``os.makedev``.

        ``kind`` is ``NF4FIFO``, ``NF4SOCK``, ``NF4BLK`` or ``NF4CHR``.
        """
        made = t.createtype4(kind)
        if kind in (t.NF4BLK, t.NF4CHR):
            made = t.createtype4(kind, t.specdata4(major(device), minor(device)))
        await self._create(path, made, mode, endings.ANOTHER)

    async def _create(self, path: Path, kind: t.createtype4, mode: int, ending: Ending) -> None:
        attributes = encode_attributes(mode=mode)

        def tail(compound: Compound, name: bytes) -> Result[t.CREATE4resok]:
            return compound.create(t.CREATE4args(kind, name, attributes))

        await self.resolver.run_in_parent(path, "CREATE", tail, ending=ending)

    async def link(self, source: Path, path: Path, *, follow_symlinks: bool = False) -> None:
        """Make ``path`` another name of the file ``source``, by default of a link itself."""
        found = await self.resolver.find(source, follow=follow_symlinks)
        directory, name = await self.resolver.parent(path, endings.ANOTHER)
        try:
            await self.operations.link(found.handle, directory, name, lambda: path)
        except IsADirectoryError as error:
            raise make_error(errno.EPERM, "a directory cannot have another name", source) from error

    async def rename(self, source: Path, path: Path) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        from_directory, old = await self.resolver.parent(source)
        to_directory, new = await self.resolver.parent(path)
        compound = self.operations.at("RENAME", from_directory, idempotent=False)
        if slashed(source) or slashed(path):
            compound.lookup(old)
            compound.verify(t.OP_VERIFY, DIRECTORY_TYPE)
            compound.putfh(from_directory)
        compound.savefh()
        compound.putfh(to_directory)
        compound.rename(old, new)
        try:
            await self.operations.call(compound, lambda: source)
            self.opens.delegations.release_at(path)
        except NfsError as error:
            if error.status == t.NFS4ERR_NOT_SAME:
                raise make_error(errno.ENOTDIR, "not a directory", source) from error
            if error.status in (t.NFS4ERR_EXIST, t.NFS4ERR_NOTEMPTY):
                raise await self._in_the_way(source, path) from error
            raise

    async def _in_the_way(self, source: Path, path: Path) -> NfsError:
        """Return the error of POSIX for something at ``path`` that cannot be replaced.

        NFS has only EXIST for all of them (RFC 8881, Section 18.26.3).
        """
        moved = await self.lstat(unslashed(source))
        there = await self.lstat(unslashed(path))
        if moved.is_dir and there.is_dir:
            return make_error(errno.ENOTEMPTY, "the directory is not empty", path)
        if there.is_dir:
            return make_error(errno.EISDIR, "is a directory", path)
        return make_error(errno.ENOTDIR, "not a directory", path)

    async def remove(self, path: Path) -> None:
        """Remove a file or a link; EISDIR for a directory."""
        await self._remove(path, t.OP_NVERIFY, endings.REMOVED)

    unlink = remove

    async def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        await self._remove(path, t.OP_VERIFY, endings.DIRECTORY_REMOVED)

    async def _remove(self, path: Path, verify: int, ending: Ending) -> None:
        # REMOVE removes files and directories alike, so let the server compare the type first.
        def tail(compound: Compound, name: bytes) -> Result[t.change_info4]:
            compound.savefh()
            compound.lookup(name)
            compound.verify(verify, DIRECTORY_TYPE)
            compound.restorefh()
            return compound.remove(name)

        try:
            await self.resolver.run_in_parent(path, "REMOVE", tail, ending=ending)
            self.opens.delegations.release_at(path)
        except NfsError as error:
            if error.status == t.NFS4ERR_SAME:
                raise make_error(errno.EISDIR, "a directory", path) from error
            if error.status == t.NFS4ERR_NOT_SAME:
                raise make_error(errno.ENOTDIR, "not a directory", path) from error
            raise

    async def rmtree(self, path: Path) -> None:
        """Remove a directory and everything below it; links are removed, not followed.

        If a name cannot be removed, the rest still is. Then its error is raised, or a
        :class:`~.trees.TreeError` if there are several.
        """
        directory, name = await self.resolver.parent(path, endings.TREE_REMOVED)
        shown = to_text(to_octets(path))
        await remove_tree(self.operations, directory, name, shown)

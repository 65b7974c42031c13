"""The file system of one mount, as coroutines: the base of both faces of the API.

It is built in floors, each a class on top of the one below: :class:`~.client.Client` (session,
opens, operations by handle), :class:`~.lookups.Lookups`, :class:`~.names.Names`,
:class:`~.xattrs.ExtendedAttributes`, :class:`~.acls.AccessControl`, and finally
:class:`FileSystem`, which changes attributes and opens files. Each method is one call to the server
where the protocol permits. Even a small file is read, or written and made stable, in one.
"""

from __future__ import annotations

import errno
import stat
from typing import Final, NamedTuple

from nfsrdma.xdr.nfs4 import types as t

from .acls import AccessControl
from .attributes import LINK_TYPE, Stat, encode_attributes
from .client import IO_SIZE, ClientOptions
from .compound import ANONYMOUS_STATEID, Compound
from .contents import Contents
from .copying import copy_file
from .errors import NfsError, make_error
from .file import OFFSET_END, OpenFile
from .nodes import Lifetimes, Nodes
from .open_mode import OpenMode
from .paths import Path
from .results import Result
from .small_files import SMALL_READ, read_small, write_small
from .times import Nanoseconds, Seconds, set_times

__all__ = ["IO_SIZE", "Buffer", "ClientOptions", "FileSystem"]

Buffer = bytes | bytearray | memoryview

_SPECIAL: Final = {
    stat.S_IFIFO: t.NF4FIFO,
    stat.S_IFSOCK: t.NF4SOCK,
    stat.S_IFBLK: t.NF4BLK,
    stat.S_IFCHR: t.NF4CHR,
}


class _Opened(NamedTuple):
    """What the compound of an OPEN brings."""

    opened: Result[t.OPEN4resok]
    handle: Result[bytes]
    status: Result[Stat] | None


class FileSystem(AccessControl):
    """One client of one server's export, as a file system by path."""

    def nodes(self, lifetimes: Lifetimes | None = None) -> Nodes:
        """Return the file system as nodes, with its own cache of names and attributes."""
        chosen = lifetimes if lifetimes is not None else Lifetimes()
        return Nodes(self, self.resolver.find_root, chosen)

    # --- Attributes ---

    async def chmod(self, path: Path, mode: int, *, follow_symlinks: bool = True) -> None:
        """Set the permission bits."""
        attributes = encode_attributes(mode=mode)
        await self.set_attributes(path, attributes, follow=follow_symlinks)

    async def chown(
        self, path: Path, uid: int = -1, gid: int = -1, *, follow_symlinks: bool = True
    ) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        for number in (uid, gid):
            if not -1 <= number < 1 << 32:
                raise OverflowError(f"{number} is no user or group: those have 32 bits")
        attributes = encode_attributes(
            uid=None if uid == -1 else uid, gid=None if gid == -1 else gid
        )
        await self.set_attributes(path, attributes, follow=follow_symlinks)

    async def utime(
        self,
        path: Path,
        times: tuple[Seconds, Seconds] | None = None,
        *,
        ns: tuple[Nanoseconds, Nanoseconds] | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Set the times of access and modification, by default to the server's current time.

        A time that is None stays as it is, and one that is ``NOW`` becomes the current one.
        """
        await self.set_attributes(path, set_times(times, ns), follow=follow_symlinks)

    async def mknod(self, path: Path, mode: int = 0o600, device: int = 0) -> None:
        """Make an empty file or, by the type in ``mode``, a pipe, socket or device.

        Raises ``ValueError`` for another type.
        """
        kind, permissions = stat.S_IFMT(mode), stat.S_IMODE(mode)
        if kind in (0, stat.S_IFREG):
            file = await self.open(path, "xb", permissions=permissions)
            await file.close()
        elif kind in _SPECIAL:
            await self.make_special(path, _SPECIAL[kind], permissions, device)
        else:
            raise ValueError(f"mknod: {mode:#o} is no type of file that it makes")

    async def touch(self, path: Path, mode: int = 0o644, *, exist_ok: bool = True) -> None:
        """Make an empty file; one that is there gets the current time if ``exist_ok``."""
        file = await self.open(path, "ab" if exist_ok else "xb", permissions=mode)
        await file.close()
        if exist_ok:
            await self.utime(path)

    async def truncate(self, path: Path, size: int) -> None:
        """Make the file ``size`` octets long."""
        if size < 0:
            raise make_error(errno.EINVAL, "a size below 0", path)
        if size >= OFFSET_END:
            raise OverflowError(f"{size} octets are more than a file can have")
        handle = await self.set_attributes(path, encode_attributes(size=size))
        self.files.cut(handle, size)

    async def set_attributes(
        self, path: Path, attributes: t.fattr4, *, follow: bool = True
    ) -> bytes:
        """Set ``attributes``, following a link if ``follow``; return the handle."""

        def tail(compound: Compound) -> Result[bytes]:
            handle = compound.getfh()
            if follow:
                compound.verify(t.OP_NVERIFY, LINK_TYPE)  # a link is followed, not changed
            compound.setattr(ANONYMOUS_STATEID, attributes)
            return handle

        await self.settle(path, follow=follow)
        handle, _ = await self.resolver.run(path, "SETATTR", tail, follow=follow)
        return handle.value

    # --- Files ---

    async def open(
        self, path: Path, mode: str | OpenMode = "rb", *, permissions: int = 0o644
    ) -> OpenFile:
        """Open a file; ``permissions`` are the mode of a file that this makes.

        ``mode`` has the letters of ``open()``, or what flags say. There is no text mode, so ``b``
        may be left out.
        """
        letters = OpenMode(mode) if isinstance(mode, str) else mode
        file = await self._open(path, letters, permissions)
        if letters.plain:
            return file
        return await self._begun(file, letters)

    async def open_by_handle(self, handle: bytes, mode: OpenMode) -> OpenFile:
        """Open the file that has a handle, whatever its names are, and make none."""
        path = f"the file with the handle {handle.hex()}"
        return await self._begun(await self.open_handle(handle, mode.access, path), mode)

    async def _begun(self, file: OpenFile, mode: OpenMode) -> OpenFile:
        """Return an open file as flags want it."""
        file.stability = mode.stability
        if mode.direct:
            file.bypass()
        if mode.truncate and not mode.create:
            try:
                await file.truncate(0)
            except BaseException:
                await file.close()
                raise
        return file

    async def _open(self, path: Path, letters: OpenMode, permissions: int) -> OpenFile:
        delegations = self.opens.delegations
        if not letters.create and delegations.at(path, self.session, letters.access) is not None:
            here = await self._open_delegated(path, letters)
            if here is not None:
                return here
        owner, asked_at = self.opens.new_owner(), self.session.time()
        delegable = delegations.wanted and not letters.truncate
        looks = delegable or self.files.cache is not None

        def tail(compound: Compound, name: bytes) -> _Opened:
            claim, how = t.open_claim4(t.CLAIM_NULL, name), letters.how(permissions)
            opened = compound.open(
                self.opens.arguments(owner, letters.access, claim, how, delegable=delegable)
            )
            return _Opened(opened, compound.getfh(), compound.stat() if looks else None)

        mark = self.files.unstable.mark
        with delegations.asking():
            found = await self.resolver.run_in_parent(
                path,
                "OPEN",
                tail,
                ending=letters.ending,
                idempotent=not letters.exclusive,
                follow=letters.follow,
            )
        handle, change = found.handle.value, None
        if found.status is not None:
            change = found.status.value.change
        if letters.truncate and letters.create:
            self.files.cut(handle, 0)
        added = self.opens.add(
            self.session, handle, letters.access, owner, found.opened.value, change
        )
        delegations.seen_at(path, handle)
        file = self.open_file(added, path)
        if change is not None:
            file.learn(change, asked_at)
        if letters.truncate and letters.create:
            await self._truncated(file, mark)
        return file

    async def _truncated(self, file: OpenFile, mark: int) -> None:
        """Truncate a file once more, if old data may have come again after OPEN had done it."""
        if not await self.files.unstable.disturbed(file.handle, mark):
            return
        try:
            await file.truncate(0)
        except BaseException:
            await file.close()
            raise

    async def _open_delegated(self, path: Path, letters: OpenMode) -> OpenFile | None:
        """Open a file that the server has left to us, if it is still what the path leads to."""
        try:
            found = await self.resolver.find(path, follow=letters.follow)
        except NfsError:
            return None  # OPEN says the same, and better
        opened = self.opens.open_here(self.session, found.handle, letters.access)
        return None if opened is None else self.open_file(opened, path)

    async def read_bytes(self, path: Path) -> bytes:
        """Return the contents of a file. A small one takes a single call, without an open."""
        unstable = self.files.unstable
        while True:
            mark = unstable.mark
            contents = await read_small(self.resolver, path, min(SMALL_READ, self.rsize))
            if not unstable.in_doubt(self.session.epoch, mark):
                break
            handle = await self.resolver.handle(path)
            if not await unstable.restore(handle, self.session.epoch, mark):
                break
        return contents if contents is not None else await self._read_opened(path)

    async def _read_opened(self, path: Path) -> bytes:
        file = await self.open(path)
        try:
            contents = Contents((await file.stat()).st_size)
            while contents.filled(await file.read_at(contents.done, contents.rest())):
                pass
            return contents.take()
        finally:
            await file.close()

    async def write_bytes(self, path: Path, data: Buffer, *, permissions: int = 0o644) -> int:
        """Make ``data`` the contents of a file, on stable storage when this returns.

        A small file takes a single call. Returns the number of octets.
        """
        view = memoryview(data).cast("B")
        if len(view) > self.wsize:
            file = await self.open(path, "wb", permissions=permissions)
            try:
                await file.write_at(0, view)
            finally:
                await file.close()
            return len(view)
        unstable = self.files.unstable
        while True:
            mark = unstable.mark
            handle, count = await write_small(self.resolver, self.opens, path, view, permissions)
            self.files.cut(handle, 0)
            if not await unstable.disturbed(handle, mark):
                break
        if count < len(view):
            raise make_error(errno.EIO, f"the server wrote {count} of {len(view)} octets", path)
        return count

    async def copy(self, source: Path, path: Path) -> int:
        """Copy a file, links followed, without its data coming here if the server can do that.

        What is at ``path`` is replaced in place, as by ``shutil.copyfile``; a new file gets the
        permissions of the source. The copy is on stable storage when this returns. Returns the
        number of octets. Raises EINVAL if both are the same file.
        """
        opened = await self.open(source)
        try:
            try:
                there = await self.resolver.find(path, follow=True)
            except FileNotFoundError:
                pass
            else:
                if there.handle == opened.handle:
                    raise make_error(errno.EINVAL, "a file cannot be copied to itself", path)
            mode = (await opened.stat()).st_mode & 0o777
            target = await self.open(path, "wb", permissions=mode)
            try:
                return await copy_file(opened, target)
            finally:
                await target.close()
        finally:
            await opened.close()

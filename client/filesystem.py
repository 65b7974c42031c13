"""The file system of one mount, as coroutines: what both faces of the API stand on.

Each method is one call to the server where the protocol lets it: the path is looked up, the
operation done and the attributes fetched in a single compound. A small file is read, or written
and made stable, in one call as well.
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import CallRefused, Channel, Service, TransportError
from nfsrdma.rpcrdma.rpc.client import results
from nfsrdma.rpcrdma.rpc.message import RpcError
from nfsrdma.rpcrdma.task import Future, Reactor
from nfsrdma.xdr import XdrError
from nfsrdma.xdr.nfs4 import types as t

from . import endings
from .attributes import (
    DIRECTORY_TYPE,
    FILE_SYSTEM,
    LINK_TYPE,
    SERVER_LIMITS,
    VALUES_ROOM,
    Page,
    Stat,
    StatVfs,
    Values,
    decode_values,
    encode_attributes,
)
from .callback import Callbacks
from .compound import ANONYMOUS_STATEID, Compound
from .contents import Contents
from .endings import Ending
from .entries import DirEntry, entries_of
from .errors import (
    NfsError,
    ProtocolError,
    StatusError,
    make_error,
    status_error,
    unreachable,
)
from .file import OFFSET_END, Files, OpenFile
from .habits import Habits
from .nodes import OpenOperations, Operations
from .open_mode import OpenMode
from .opens import OpenTable
from .paths import Path, Resolver, plain, slashed, split, to_text, unslashed
from .recovery import Recovery
from .results import Result
from .session import Session, why
from .small_files import SMALL_READ, read_small, write_small
from .stats import Statistics
from .trees import remove_tree

if TYPE_CHECKING:
    from random import Random

Buffer = bytes | bytearray | memoryview

IO_SIZE: Final = 1 << 20
"""Octets that one READ or WRITE carries, unless the server wants fewer."""
_OVERHEAD: Final = 2048
"""Octets of a call or reply that READ and WRITE leave for the rest of it."""
_LEASE_MAX_S: Final = 600
"""The longest lease that a server's word is taken for."""
_TIME_END: Final = 1 << 63
"""Seconds that an ``nfstime4`` cannot hold."""
_NOWHERE: Final = frozenset((errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG))
_ALL_ACCESS: Final = (
    t.ACCESS4_READ
    | t.ACCESS4_LOOKUP
    | t.ACCESS4_MODIFY
    | t.ACCESS4_EXTEND
    | t.ACCESS4_DELETE
    | t.ACCESS4_EXECUTE
)


class FileSystem:
    """One client of one server's export.

    ``connect`` makes a connection within so many seconds, for a service. ``owner`` and
    ``verifier`` must be this client's alone (RFC 8881, Section 2.4). ``timeout`` is how many
    seconds a server may be silent or out of reach before calls fail.
    """

    def __init__(
        self,
        reactor: Reactor,
        connect: Callable[[float, Service], Future[Channel]],
        export: tuple[bytes, ...],
        *,
        credentials: Credentials,
        rng: Random,
        owner: bytes,
        verifier: bytes,
        minor_version: int = 2,
        timeout: float = 5.0,
        rsize: int = IO_SIZE,
        wsize: int = IO_SIZE,
    ) -> None:
        self.session = Session(reactor, credentials, minor_version, rng, max(timeout, 60.0))
        self.opens = OpenTable(self.session)
        service = Callbacks(self.session, self.opens).service()
        self.recovery = Recovery(
            self.session,
            self.opens,
            lambda timeout_s: connect(timeout_s, service),
            owner=owner,
            verifier=verifier,
            timeout=timeout,
        )
        self.resolver = Resolver(self.session, export)
        self.operations = Operations(self.session)
        self.opened_files = OpenOperations(self.session, self.opens)
        self.habits = Habits()
        self.rng = rng
        self.rsize = rsize
        self.wsize = wsize
        self._files = Files()

    @property
    def stats(self) -> Statistics:
        """What was called, how often, and how long it took."""
        return self.session.stats

    # -- mounting ----------------------------------------------------------------------------

    async def mount(self) -> None:
        """Connect, make a session and find the root. Raises :class:`NfsError`."""
        try:
            await self.session.become_usable()
            await self.resolver.find_root()
            values = await self._values(SERVER_LIMITS, "/")
        except BaseException:
            await self.recovery.shut_down()
            raise
        limits = self.session.limits
        self.rsize = _io_size(self.rsize, limits.max_response, values.get(t.FATTR4_MAXREAD))
        self.wsize = _io_size(self.wsize, limits.max_request, values.get(t.FATTR4_MAXWRITE))
        # No server means a lease of years: it would be years that calls wait while it says DELAY.
        lease_s = min(max(values.get(t.FATTR4_LEASE_TIME, 90), 1), _LEASE_MAX_S)
        self.recovery.set_lease(lease_s)
        self.session.patience = max(self.recovery.timeout, 2.0 * lease_s)

    async def unmount(self) -> None:
        """Close every file, end the session and the connection.

        Raises what closing the files raised first, when all is done.
        """
        failure: Exception | None = None
        for file in self._files.all():
            try:
                await file.close()
            except NfsError as error:
                failure = failure or error
        await self.recovery.shut_down()
        if failure is not None:
            raise failure

    def abandon(self, make_error: Callable[[], NfsError]) -> None:
        """Fail every call from here on, and let the server know nothing: it is another's mount.

        What is open is closed without a word; what was not committed is for the other to commit.
        """
        self.session.abandon(make_error)
        for file in self._files.all():
            file.abandon()

    @property
    def abandoned(self) -> bool:
        """Whether it is another's."""
        return self.session.abandoned is not None

    async def ping(self) -> float:
        """Seconds that a NULL call takes: the network and the server's transport alone."""
        session = self.session
        channel = await self._channel()
        start = session.reactor.time()
        try:
            await results(session.ping(channel))
        except TransportError as error:
            raise unreachable(error) from error
        except (RpcError, CallRefused, XdrError) as error:
            raise ProtocolError(f"NULL: {why(error)}") from error
        return session.reactor.time() - start

    async def _channel(self) -> Channel:
        await self.session.become_usable()
        channel = self.session.channel
        assert channel is not None
        return channel

    async def _values(self, bits: bytes, path: Path) -> Values:
        def tail(compound: Compound) -> Result[Values]:
            return compound.getattr(bits, VALUES_ROOM, decode_values)

        values, _ = await self.resolver.run(path, "GETATTR", tail, follow=True)
        return values.value

    # -- looking -----------------------------------------------------------------------------

    async def stat(self, path: Path, *, follow_symlinks: bool = True) -> Stat:
        """The attributes of what ``path`` leads to."""
        return await self.resolver.stat(path, follow=follow_symlinks)

    async def lstat(self, path: Path) -> Stat:
        """The attributes of what is at ``path``, even if it is a link."""
        return await self.resolver.stat(path, follow=False)

    async def exists(self, path: Path) -> bool:
        """Whether ``path`` leads to anything."""
        try:
            await self.resolver.stat(path, follow=True)
        except NfsError as error:
            if error.errno not in _NOWHERE:
                raise
            return False
        return True

    async def statvfs(self, path: Path = "") -> StatVfs:
        """The size of the file system that has ``path``, and what is left of it."""
        return StatVfs(await self._values(FILE_SYSTEM, path))

    async def access(self, path: Path) -> int:
        """What the caller may do there, by the server's judgement: ``ACCESS4_`` bits."""

        def tail(compound: Compound) -> Result[t.ACCESS4resok]:
            return compound.access(_ALL_ACCESS)

        access, _ = await self.resolver.run(path, "ACCESS", tail, follow=True)
        return access.value.access

    async def readlink(self, path: Path | DirEntry) -> str:
        """The target of the link at ``path``."""
        if isinstance(path, DirEntry):
            shown = path.path
            if path.handle:
                return to_text(await self.operations.readlink(path.handle, lambda: shown))
            path = shown
        target, _ = await self.resolver.run(path, "READLINK", Compound.readlink, follow=False)
        return to_text(target.value)

    async def pages(self, path: Path | DirEntry) -> AsyncIterator[list[DirEntry]]:
        """The entries of a directory, as many at a time as one answer holds.

        With an entry of another listing the directory is not looked up: it may be however deep.
        """
        handle, read = b"", None
        if isinstance(path, DirEntry):
            handle, path = path.handle, path.path
        directory = path if isinstance(path, str) else to_text(path)
        if not handle:

            def first(compound: Compound) -> tuple[Result[bytes], Result[Page]]:
                return compound.getfh(), self.operations.readdir(compound)

            (found, listed), _ = await self.resolver.run(directory, "READDIR", first, follow=True)
            handle, read = found.value, listed.value
            yield entries_of(directory.rstrip("/"), read)
        async for page in self.operations.pages(handle, lambda: directory, read):
            yield entries_of(directory.rstrip("/"), page)

    async def scandir(self, path: Path | DirEntry = "") -> list[DirEntry]:
        """Every entry of a directory, in the server's order."""
        entries: list[DirEntry] = []
        async for page in self.pages(path):
            entries.extend(page)
        return entries

    async def listdir(self, path: Path = "") -> list[str]:
        """The names in a directory, in the server's order."""
        return [entry.name for entry in await self.scandir(path)]

    # -- changing names ----------------------------------------------------------------------

    async def mkdir(self, path: Path, mode: int = 0o755) -> None:
        """Make a directory."""
        await self._create(path, t.createtype4(t.NF4DIR), mode, endings.DIRECTORY)

    async def makedirs(self, path: Path, mode: int = 0o755, *, exist_ok: bool = False) -> None:
        """Make a directory, and those above it that are missing."""
        components = plain(split(path))
        if not components and not exist_ok:
            await self.mkdir(path, mode)  # which says why not
        missing: list[bytes] = []
        while components:
            try:
                await self.mkdir(b"/".join(components), mode)
                break
            except FileNotFoundError:
                missing.append(components.pop())
            except FileExistsError:
                if missing or (exist_ok and await self._is_directory(path)):
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
                    continue  # someone else made it meanwhile
                raise

    async def _is_directory(self, path: Path) -> bool:
        try:
            return (await self.stat(path)).is_dir
        except NfsError as error:
            if error.errno not in _NOWHERE:
                raise
            return False

    async def symlink(self, target: Path, path: Path) -> None:
        """Make a symbolic link at ``path`` that holds ``target``."""
        octets = target.encode("utf-8", "surrogateescape") if isinstance(target, str) else target
        if not octets:
            raise make_error(errno.ENOENT, "a link cannot lead to an empty path", path)
        if b"\0" in octets:
            raise ValueError("a path cannot have a null character in it")
        await self._create(path, t.createtype4(t.NF4LNK, octets), 0o777, endings.ANOTHER)

    async def _create(self, path: Path, kind: t.createtype4, mode: int, ending: Ending) -> None:
        attributes = encode_attributes(mode=mode)

        def tail(compound: Compound, name: bytes) -> Result[t.CREATE4resok]:
            return compound.create(t.CREATE4args(kind, name, attributes))

        await self.resolver.run_in_parent(path, "CREATE", tail, ending=ending)

    async def link(self, source: Path, path: Path) -> None:
        """Make ``path`` another name of the file ``source``; a link itself is not followed."""
        found = await self.resolver.find(source, follow=False)
        directory, name = await self.resolver.parent(path, endings.ANOTHER)
        compound = self.session.compound("LINK", idempotent=False)
        compound.putfh(found.handle)
        compound.savefh()
        compound.putfh(directory)
        compound.link(name)
        try:
            await self._call(compound, path)
        except IsADirectoryError as error:
            raise make_error(errno.EPERM, "a directory cannot have another name", source) from error

    async def rename(self, source: Path, path: Path) -> None:
        """Move ``source`` to ``path``, replacing a file or an empty directory there."""
        from_directory, old = await self.resolver.parent(source)
        to_directory, new = await self.resolver.parent(path)
        compound = self.session.compound("RENAME", idempotent=False)
        compound.putfh(from_directory)
        if slashed(source) or slashed(path):
            compound.lookup(old)
            compound.verify(t.OP_VERIFY, DIRECTORY_TYPE)
            compound.putfh(from_directory)
        compound.savefh()
        compound.putfh(to_directory)
        compound.rename(old, new)
        try:
            await self._call(compound, source)
        except NfsError as error:
            if error.status == t.NFS4ERR_NOT_SAME:
                raise make_error(errno.ENOTDIR, "not a directory", source) from error
            if error.status in (t.NFS4ERR_EXIST, t.NFS4ERR_NOTEMPTY):
                raise await self._in_the_way(source, path) from error
            raise

    async def _in_the_way(self, source: Path, path: Path) -> NfsError:
        """Why something at ``path`` cannot be replaced: EXIST is said of all that can be the
        matter (RFC 8881, Section 18.26.3), where POSIX has a number for each."""
        moved = await self.lstat(unslashed(source))
        there = await self.lstat(unslashed(path))
        if moved.is_dir and there.is_dir:
            return make_error(errno.ENOTEMPTY, "the directory is not empty", path)
        if there.is_dir:
            return make_error(errno.EISDIR, "is a directory", path)
        return make_error(errno.ENOTDIR, "not a directory", path)

    async def remove(self, path: Path) -> None:
        """Remove a file or a link. A directory is left alone (EISDIR)."""
        await self._remove(path, t.OP_NVERIFY, endings.REMOVED)

    unlink = remove

    async def rmdir(self, path: Path) -> None:
        """Remove an empty directory."""
        await self._remove(path, t.OP_VERIFY, endings.DIRECTORY_REMOVED)

    async def _remove(self, path: Path, verify: int, ending: Ending) -> None:
        # REMOVE takes files and directories alike, so the server compares the type first.
        def tail(compound: Compound, name: bytes) -> Result[t.change_info4]:
            compound.savefh()
            compound.lookup(name)
            compound.verify(verify, DIRECTORY_TYPE)
            compound.restorefh()
            return compound.remove(name)

        try:
            await self.resolver.run_in_parent(path, "REMOVE", tail, ending=ending)
        except NfsError as error:
            if error.status == t.NFS4ERR_SAME:
                raise make_error(errno.EISDIR, "a directory", path) from error
            if error.status == t.NFS4ERR_NOT_SAME:
                raise make_error(errno.ENOTDIR, "not a directory", path) from error
            raise

    async def rmtree(self, path: Path) -> None:
        """Remove a directory and everything below it; links are removed, not followed.

        What cannot be removed does not keep the rest. Raises the error of that one name, or
        :class:`~.trees.TreeError` if there are several.
        """
        directory, name = await self.resolver.parent(path, endings.TREE_REMOVED)
        shown = path if isinstance(path, str) else to_text(path)
        await remove_tree(self.operations, directory, name, shown)

    # -- attributes --------------------------------------------------------------------------

    async def chmod(self, path: Path, mode: int) -> None:
        """Set the permission bits."""
        await self.set_attributes(path, encode_attributes(mode=mode))

    async def chown(self, path: Path, uid: int = -1, gid: int = -1) -> None:
        """Set the owner, the group, or both; -1 leaves one as it is."""
        for number in (uid, gid):
            if not -1 <= number < 1 << 32:
                raise OverflowError(f"{number} is no user or group: those have 32 bits")
        attributes = encode_attributes(
            uid=None if uid == -1 else uid, gid=None if gid == -1 else gid
        )
        await self.set_attributes(path, attributes)

    async def utime(
        self,
        path: Path,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
    ) -> None:
        """Set the times of access and modification, to the server's present without arguments."""
        if times is not None and ns is not None:
            raise ValueError("utime: times and ns cannot both be given")
        if times is not None:
            ns = (round(times[0] * 1e9), round(times[1] * 1e9))
        if ns is None:
            await self.set_attributes(path, encode_attributes(touch=True))
        else:
            for time_ns in ns:
                if not -_TIME_END <= time_ns // 10**9 < _TIME_END:
                    raise OverflowError(f"{time_ns} ns are no time that a file can have")
            await self.set_attributes(path, encode_attributes(atime_ns=ns[0], mtime_ns=ns[1]))

    async def truncate(self, path: Path, size: int) -> None:
        """Make the file ``size`` octets long."""
        if size < 0:
            raise make_error(errno.EINVAL, "a size below 0", path)
        if size >= OFFSET_END:
            raise OverflowError(f"{size} octets are more than a file can have")
        handle = await self.set_attributes(path, encode_attributes(size=size))
        self._files.unstable.cut(handle, size)

    async def set_attributes(self, path: Path, attributes: t.fattr4) -> bytes:
        """Set whatever ``attributes`` has; a link is followed. Returns the handle."""

        def tail(compound: Compound) -> Result[bytes]:
            handle = compound.getfh()
            compound.verify(t.OP_NVERIFY, LINK_TYPE)  # a link is to be followed, not changed
            compound.setattr(ANONYMOUS_STATEID, attributes)
            return handle

        handle, _ = await self.resolver.run(path, "SETATTR", tail, follow=True)
        return handle.value

    # -- files -------------------------------------------------------------------------------

    async def open(self, path: Path, mode: str = "rb", *, permissions: int = 0o644) -> OpenFile:
        """Open a file; ``permissions`` are those of a file that this makes.

        ``mode`` is of the letters of ``open()``; there is no text, so ``b`` may be left out.
        """
        letters = OpenMode(mode)
        owner = self.opens.new_owner()

        def tail(compound: Compound, name: bytes) -> tuple[Result[t.OPEN4resok], Result[bytes]]:
            claim = t.open_claim4(t.CLAIM_NULL, name)
            opened = compound.open(
                self.opens.arguments(owner, letters.access, claim, letters.how(permissions))
            )
            return opened, compound.getfh()

        opened, handle = await self.resolver.run_in_parent(
            path,
            "OPEN",
            tail,
            ending=letters.ending,
            idempotent=not letters.exclusive,
            follow=not letters.exclusive,
        )
        if letters.truncate:
            self._files.unstable.cut(handle.value, 0)
        return self.opened(handle.value, letters.access, owner, opened.value, path)

    async def open_handle(self, handle: bytes, access: int, path: Path) -> OpenFile:
        """Open a file by its handle (CLAIM_FH: RFC 8881, Section 18.16.3)."""
        owner = self.opens.new_owner()
        compound = self.operations.at("OPEN", handle)
        opened = compound.open(self.opens.arguments(owner, access, t.open_claim4(t.CLAIM_FH)))
        await self._call(compound, path)
        return self.opened(handle, access, owner, opened.value, path)

    def opened(
        self, handle: bytes, access: int, owner: bytes, result: t.OPEN4resok, path: Path
    ) -> OpenFile:
        """The file that an OPEN has opened."""
        opened = self.opens.add(handle, access, owner, result)
        io = self.opened_files
        return OpenFile(io, io, opened, path, self.rsize, self.wsize, self._files)

    async def read_bytes(self, path: Path) -> bytes:
        """The contents of a file; of a small one in a single call, without opening it."""
        contents = await read_small(self.resolver, path, min(SMALL_READ, self.rsize))
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
        handle, count = await write_small(self.resolver, self.opens, path, view, permissions)
        self._files.unstable.cut(handle, 0)
        if count < len(view):
            raise make_error(errno.EIO, f"the server wrote {count} of {len(view)} octets", path)
        return count

    async def _call(self, compound: Compound, path: Path) -> None:
        try:
            await self.session.call(compound)
        except StatusError as error:
            raise status_error(error.status, path=path) from error


def _io_size(wanted: int, session_limit: int, server_limit: int | None) -> int:
    size = min(wanted, session_limit - _OVERHEAD)
    if server_limit:
        size = min(size, server_limit)
    return max(size & ~4095, 512) if size >= 4096 else max(size, 512)

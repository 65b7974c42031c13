"""Copies from the server to this machine."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..attributes import Stat
from ..compound import ANONYMOUS_STATEID
from ..descent import Descent
from ..errors import NfsError, StatusError, make_error, status_error
from ..file import PARALLEL
from ..opens import READ
from ..paths import to_text
from ..small_files import NEEDS_OPEN
from ..trees import Branch, Failures, Jobs, Walk
from .compare import same_contents
from .exclusions import Exclusions, names_below
from .extra import LocalSide, Removal, ServerDirectory, ServerSide
from .holes import pieces, remote_data, solid
from .local import LocalDirectory, LocalEntry, LocalTree, NewFile
from .monitor import Monitor
from .progress import TransferOptions
from .temporary import is_temporary, temporary_name

if TYPE_CHECKING:
    from ..filesystem import FileSystem

SMALL: Final = 256 << 10
"""The largest file in octets that takes one call."""
_MODE: Final = 0o777
"""Bits of a mode that are copied from a server: not set-user-ID and the like."""
_BLOCK: Final = 512


class _Here(Branch):
    """A directory of the server, and its copy on this machine."""

    __slots__ = ("_getting", "above", "descent", "local", "octets", "status", "wrote")

    def __init__(
        self,
        getting: Getting,
        parent: _Here | None,
        name: str,
        octets: bytes,
        status: Stat,
        descent: Descent,
    ) -> None:
        super().__init__(parent, name)
        self._getting = getting
        self.above = parent.local if parent is not None else getting.local.top
        self.octets = octets
        self.status = status
        self.descent = descent
        self.local: LocalDirectory | None = None  # set when it is entered
        self.wrote = False

    async def finish(self) -> None:
        """Set attributes last: writing into the directory needs its mode and changes its times."""
        self._getting.finish(self)


class Getting:
    """One copy from the server."""

    def __init__(
        self,
        client: FileSystem,
        local: LocalTree,
        options: TransferOptions,
        failures: Failures,
        monitor: Monitor,
    ) -> None:
        self.local = local
        self._client = client
        self._options = options
        self._monitor = monitor
        self._exclusions = Exclusions(options.exclude)
        self._failures = failures
        self._top: Stat | None = None  # of a tree
        self._walk: Walk[_Here] = Walk(failures, options.parallel)

    async def run(self, source: str) -> None:
        """Copy ``source``, a file or a directory."""
        status = await self._client.resolver.find(source, follow=True)
        if status.is_dir:
            if not self._options.recursive:
                raise make_error(errno.EISDIR, "a directory, and the copy is not recursive", source)
            descent = Descent(status.handle)
            top = _Here(self, None, source, self.local.name, status, descent)
            self._top = status
            await self._walk.run(top, self._enter)
        elif not status.is_file:
            raise make_error(errno.EINVAL, "not a file, directory or link", source)
        else:
            await self._file(
                self.local.top, self.local.name, lambda: source, lambda: source, status
            )
            if not self._options.dry_run:
                self.local.top.sweep()

    async def delete(self, source: str) -> None:
        """Remove from the local tree what the server's lacks."""
        if self._top is None or self.local.top.entry(self.local.name) is None:
            return
        removal = Removal(
            LocalSide(),
            ServerSide(self._client),
            self._exclusions,
            self._failures,
            self._monitor.deletes,
            dry_run=self._options.dry_run,
        )
        there = ServerDirectory(self._top.handle, source, Descent(self._top.handle))
        await removal.run(self.local.top.enter(self.local.name), there)

    async def _enter(self, branch: _Here) -> list[_Here]:
        """List a directory and begin to copy what is in it; return the directories below."""
        branch.local = self._directory(branch)
        below: list[_Here] = []
        try:
            async for page in self._client.operations.pages(branch.status.handle, branch.path):
                for name, status in page.entries:
                    await self._found(branch, name, status, below)
        except NfsError as error:
            # Copy all the same what has been listed.
            self._walk.fail(branch, error)
        return below

    def _directory(self, branch: _Here) -> LocalDirectory | None:
        """Return the copy of a directory; a dry run makes none, so there may be none."""
        above = branch.above
        if self._options.dry_run:
            missing = above is None or above.entry(branch.octets) is None
            return None if missing or above is None else above.enter(branch.octets)
        assert above is not None
        return above.make(branch.octets)

    def _is_excluded(self, branch: _Here, shown: str, is_directory: bool) -> bool:
        names = names_below(branch, shown) if self._exclusions else []
        return self._exclusions.fit(names, is_directory)

    async def _found(
        self, branch: _Here, name: bytes, status: Stat | int, below: list[_Here]
    ) -> None:
        """Begin to copy one entry of a directory; append it to ``below`` if it is a directory."""
        shown = to_text(name)
        if is_temporary(name):
            self._monitor.progress.unfinished.append(branch.path(shown))
            return
        where = _where(branch, shown)
        try:
            if isinstance(status, int) or not status.handle:
                status = await self._client.operations.lookup(branch.status.handle, name, where)
            if self._is_excluded(branch, shown, status.is_dir):
                return
            if status.is_dir:
                descent = branch.descent.below(status.handle, where)
                below.append(_Here(self, branch, shown, name, status, descent))
                return
        except NfsError as error:
            self._walk.fail(branch, error, where)
            return
        if not (status.is_file or status.is_symlink):
            self._monitor.progress.special.append(where())
        else:
            await self._walk.add(branch, where, self._entry(branch, name, where, status))

    def _entry(
        self, branch: _Here, name: bytes, where: Callable[[], str], status: Stat
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """Return the job that copies a file or a link."""
        local = branch.local
        branch.wrote = True
        copy = self._link if status.is_symlink else self._file

        def below() -> str:
            return "/".join(names_below(branch, to_text(name)))

        return lambda: copy(local, name, where, below, status)

    def finish(self, branch: _Here) -> None:
        """Set the attributes of a directory that is complete."""
        if branch.local is None:
            return
        try:
            if self._options.dry_run:
                branch.local.finish(None)
                return
            if branch.wrote and branch.local.existed:
                branch.local.sweep()
            status = branch.status
            branch.local.finish((status.st_mode & _MODE, status.st_atime_ns, status.st_mtime_ns))
        except OSError as error:
            self._walk.fail(branch, error)

    # --- Single files ---

    async def _link(
        self,
        local: LocalDirectory | None,
        name: bytes,
        where: Callable[[], str],
        below: Callable[[], str],
        status: Stat,
    ) -> None:
        target = await self._client.operations.readlink(status.handle, where)
        if self._options.resume and local is not None:
            entry = local.entry(name)
            if entry is not None and entry.kind == "link" and local.read_link(name) == target:
                return
        self._monitor.step("copy", below())
        if self._options.dry_run:
            return
        assert local is not None
        local.make_link(name, target, temporary_name(self._client.rng))

    async def _is_there(
        self, local: LocalDirectory, name: bytes, where: Callable[[], str], status: Stat
    ) -> bool:
        """Return whether a file does not need to be copied."""
        entry = local.entry(name)
        if self._options.checksum:
            return (
                entry is not None
                and (entry.kind, entry.size) == ("file", status.st_size)
                and await same_contents(
                    self._client, status.handle, where(), local, name, status.st_size
                )
            )
        return self._options.resume and _same(entry, status)

    async def _file(
        self,
        local: LocalDirectory | None,
        name: bytes,
        where: Callable[[], str],
        below: Callable[[], str],
        status: Stat,
    ) -> None:
        monitor = self._monitor
        monitor.found(status.st_size)
        if local is not None and await self._is_there(local, name, where, status):
            monitor.skips(status.st_size)
            return
        monitor.begins(where())
        monitor.step("copy", below())
        if self._options.dry_run:
            monitor.moved(status.st_size)
            monitor.ends()
            return
        assert local is not None
        await self._whole(local, name, where, status)
        monitor.ends()

    async def _whole(
        self, local: LocalDirectory, name: bytes, where: Callable[[], str], status: Stat
    ) -> None:
        temporary = temporary_name(self._client.rng)
        file: NewFile | None = None
        try:
            file = local.create(name, temporary)
            if status.st_size:
                await self._data(where, status, file)
            mode = status.st_mode & _MODE
            file.publish(status.st_size, mode, status.st_atime_ns, status.st_mtime_ns)
        except BaseException:
            # By its name, since an interrupt may have come just after it was made.
            local.discard(temporary)
            raise
        finally:
            if file is not None:
                file.close()

    async def _data(self, where: Callable[[], str], status: Stat, file: NewFile) -> None:
        sparse = status.st_blocks * _BLOCK < status.st_size
        if status.st_size > min(SMALL, self._client.rsize) or not await self._small(
            where, status, file, sparse
        ):
            await self._large(where(), status, file, sparse)

    async def _small(
        self, where: Callable[[], str], status: Stat, file: NewFile, sparse: bool
    ) -> bool:
        """Copy a file by one READ without an open, by the handle from the listing.

        Returns False if that does not suffice: the server returned less than the whole file, as it
        may (RFC 8881, Section 18.22.3), or requires an open.
        """
        size = status.st_size
        buffer = memoryview(bytearray(size + 1))  # one more, to notice that it grew
        compound = self._client.operations.at("READ", status.handle)
        read = compound.read(ANONYMOUS_STATEID, 0, buffer)
        try:
            await self._client.session.call(compound)
        except StatusError as error:
            if error.status in NEEDS_OPEN:
                return False
            raise status_error(error.status, path=where()) from error
        count = read.value.place(buffer)
        if count < size and not read.value.eof:
            return False
        if count != size:
            raise _changed(f"{count} octets of {size}", where())
        _write(file, 0, buffer[:count], sparse)
        self._monitor.moved(count)
        return True

    async def _large(self, path: str, status: Stat, file: NewFile, sparse: bool) -> None:
        """Open a file by its handle and copy its data but not its holes, in parallel pieces."""
        size, step = status.st_size, self._client.rsize
        opened = await self._client.open_handle(status.handle, READ, path)
        jobs = Jobs(PARALLEL)

        async def piece(start: int, end: int) -> None:
            buffer = memoryview(bytearray(end - start))
            count = await opened.read_at(start, buffer)
            if count != end - start:
                raise _changed(f"{start + count} octets of {size}", path)
            _write(file, start, buffer, sparse)
            self._monitor.moved(count)

        try:
            if not sparse:
                for start, end in pieces((0, size), step):
                    await jobs.add(partial(piece, start, end))
            else:
                done = 0
                async for stretch in remote_data(opened, size):
                    self._monitor.moved(stretch[0] - done)
                    for start, end in pieces(stretch, step):
                        await jobs.add(partial(piece, start, end))
                    done = stretch[1]
                self._monitor.moved(size - done)
            await jobs.finish()
        except BaseException:
            await jobs.cancel()
            raise
        finally:
            await opened.close()


def _where(branch: Branch, name: str) -> Callable[[], str]:
    return lambda: branch.path(name)


def _write(file: NewFile, offset: int, data: memoryview, sparse: bool) -> None:
    """Write to a new file, except blocks of zeros if it is to be sparse."""
    if not sparse:
        file.write_at(offset, data)
        return
    for start, end in solid(data):
        file.write_at(offset + start, data[start:end])


def _changed(what: str, path: str) -> OSError:
    return make_error(errno.EIO, f"{what}: it changed meanwhile", path)


def _same(entry: LocalEntry | None, status: Stat) -> bool:
    return (
        entry is not None
        and entry.kind == "file"
        and entry.size == status.st_size
        and entry.mtime_ns == status.st_mtime_ns
    )

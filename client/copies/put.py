"""Copies from this machine to the server."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .. import endings
from ..attributes import Stat
from ..descent import Descent
from ..errors import local_error, make_error
from ..file import PARALLEL, OpenFile
from ..paths import to_text
from ..trees import Branch, Failures, Jobs, Walk
from .compare import same_contents
from .exclusions import Exclusions, names_below
from .extra import LocalSide, Removal, ServerDirectory, ServerSide
from .get import SMALL
from .holes import local_data, pieces
from .leftovers import sweep
from .local import LocalDirectory, LocalEntry, LocalFile, LocalTree
from .monitor import Monitor
from .progress import TransferOptions
from .remote import Lost, Place, Remote, ShortWrite, preserved
from .temporary import is_temporary, temporary_name

if TYPE_CHECKING:
    from ..filesystem import FileSystem

_ATTEMPTS: Final = 3
"""How often a copy of a file is tried while the server keeps restarting."""
_PAGES: Final = 4
"""Pages of the directory of a single file that are searched for leftovers."""


class _There(Branch):
    """A directory of this machine, and its copy at the server."""

    __slots__ = (
        "_putting",
        "above",
        "entry",
        "existed",
        "handle",
        "local",
        "place",
        "there",
        "wrote",
    )

    def __init__(
        self, putting: Putting, parent: _There | None, name: str, entry: LocalEntry
    ) -> None:
        super().__init__(parent, name)
        self._putting = putting
        self.above = parent
        self.entry = entry
        self.local: LocalDirectory | None = None  # set when it is entered
        self.handle = b""
        self.existed = True
        self.there: dict[bytes, Stat] = {}
        self.wrote = b""

    async def finish(self) -> None:
        """Set attributes last: writing into the directory needs its mode and changes its times."""
        await self._putting.finish(self)


class Putting:
    """One copy to the server."""

    def __init__(
        self,
        client: FileSystem,
        local: LocalTree,
        options: TransferOptions,
        failures: Failures,
        monitor: Monitor,
    ) -> None:
        self._client = client
        self._remote = Remote(client)
        self._local = local
        self._options = options
        self._monitor = monitor
        self._exclusions = Exclusions(options.exclude)
        self._failures = failures
        self._is_tree = False
        self._walk: Walk[_There] = Walk(failures, options.parallel)

    async def run(self, path: str) -> None:
        """Copy the tree's file or directory to ``path``."""
        top, name = self._local.top, self._local.name
        entry = top.entry(name)
        if entry is None:
            raise local_error(errno.ENOENT, "no such file or directory", top.path(name))
        if entry.kind == "directory":
            if not self._options.recursive:
                text = "a directory, and the copy is not recursive"
                raise local_error(errno.EISDIR, text, top.path(name))
            self._is_tree = True
            if not self._options.dry_run:
                await self._client.makedirs(path, entry.mode | 0o700, exist_ok=True)
            await self._walk.run(_There(self, None, path, entry), self._enter)
        elif entry.kind == "other":
            raise local_error(errno.EINVAL, "not a file, directory or link", top.path(name))
        else:
            await self._single(top, entry, path)

    async def delete(self, path: str) -> None:
        """Remove from the server's tree what the local one lacks."""
        if not self._is_tree:
            return
        try:
            found = await self._client.resolver.find(path, follow=True)
        except FileNotFoundError:
            return  # in a dry run
        removal = Removal(
            ServerSide(self._client),
            LocalSide(),
            self._exclusions,
            self._failures,
            self._monitor.deletes,
            dry_run=self._options.dry_run,
        )
        there = ServerDirectory(found.handle, path, Descent(found.handle))
        await removal.run(there, self._local.top.enter(self._local.name))

    async def _single(self, top: LocalDirectory, entry: LocalEntry, path: str) -> None:
        directory, name = await self._client.resolver.parent(path, endings.WRITTEN)
        place = Place(directory, name, lambda: path)
        try:
            found = await self._client.operations.lookup(directory, name, place.where)
        except FileNotFoundError:
            found = None
        if found is not None and not (found.is_file or found.is_symlink):
            kind = "a directory" if found.is_dir else "neither a file nor a link"
            number = errno.EISDIR if found.is_dir else errno.EEXIST
            raise make_error(number, f"{kind}: it is not replaced", path)
        if entry.kind == "link":
            await self._link(top, entry, place, lambda: path, found)
            return
        await self._file(top, entry, place, lambda: path, found)
        if not self._options.dry_run:
            await sweep(self._client, place, pages=_PAGES)

    async def _enter(self, branch: _There) -> list[_There]:
        """List a directory and begin to copy what is in it; return the directories below."""
        await self._open(branch)
        assert branch.local is not None
        compared = self._options.resume or self._options.checksum
        if compared and branch.existed:
            async for page in self._client.operations.pages(branch.handle, branch.path):
                for name, status in page.entries:
                    if isinstance(status, Stat):
                        branch.there[name] = status
        below: list[_There] = []
        for item in branch.local.scan():
            if is_temporary(item.name):
                self._monitor.progress.unfinished.append(branch.local.path(item.name))
            elif self._is_excluded(branch, item):
                continue
            elif item.kind == "directory":
                below.append(_There(self, branch, to_text(item.name), item))
            elif item.kind == "other":
                self._monitor.progress.special.append(branch.local.path(item.name))
            else:
                where = partial(branch.path, to_text(item.name))
                await self._walk.add(branch, where, self._job(branch, item))
        branch.there = {}
        return below

    def _is_excluded(self, branch: _There, item: LocalEntry) -> bool:
        names = names_below(branch, to_text(item.name)) if self._exclusions else []
        return self._exclusions.fit(names, item.kind == "directory")

    async def _look(self, branch: _There) -> None:
        """Open a directory here, and see whether it is there: for a dry run."""
        above = branch.above
        local = self._local.top if above is None else above.local
        assert local is not None
        branch.local = local.enter(self._local.name if above is None else branch.entry.name)
        try:
            if above is None:
                found = await self._client.resolver.find(branch.name, follow=True)
            elif above.existed:
                lookup = self._client.operations.lookup
                found = await lookup(above.handle, branch.entry.name, branch.path)
            else:
                branch.existed = False
                return
        except FileNotFoundError:
            branch.existed = False
            return
        if not found.is_dir:
            raise make_error(errno.ENOTDIR, "not a directory, and in its place", branch.path())
        branch.handle = found.handle

    async def _open(self, branch: _There) -> None:
        """Open a directory on both sides."""
        if self._options.dry_run:
            await self._look(branch)
            return
        above = branch.above
        if above is None:
            path = branch.name
            found = await self._client.resolver.find(path, follow=True)
            branch.handle = found.handle
            await self._remote.enter(found, branch.path)
            branch.local = self._local.top.enter(self._local.name)
            return
        assert above.local is not None
        branch.local = above.local.enter(branch.entry.name)
        place = Place(above.handle, branch.entry.name, branch.path)
        branch.handle, branch.existed = await self._remote.make_directory(place, branch.entry.mode)

    def _job(self, branch: _There, item: LocalEntry) -> Callable[[], Coroutine[Any, Any, None]]:
        """Return the job that copies a file or a link."""
        local = branch.local
        assert local is not None
        name = item.name
        place = Place(branch.handle, name, lambda: branch.path(to_text(name)))
        there = branch.there.get(name)

        def below() -> str:
            return "/".join(names_below(branch, to_text(name)))

        if item.kind == "link":
            return lambda: self._link(local, item, place, below, there)
        branch.wrote = name
        return lambda: self._file(local, item, place, below, there)

    async def finish(self, branch: _There) -> None:
        """Set the attributes of a directory that is complete."""
        if branch.local is not None:
            branch.local.finish(None)
        if not branch.handle or self._options.dry_run:
            return
        try:
            if branch.wrote and branch.existed:
                place = Place(branch.handle, branch.wrote, branch.path)
                await sweep(self._client, place)
            await self._client.operations.setattr(
                branch.handle, preserved(branch.entry), branch.path
            )
        except OSError as error:
            self._walk.fail(branch, error)

    # --- Single files ---

    async def _link(
        self,
        local: LocalDirectory,
        entry: LocalEntry,
        place: Place,
        below: Callable[[], str],
        there: Stat | None,
    ) -> None:
        target = local.read_link(entry.name)
        if (
            self._options.resume
            and there is not None
            and there.is_symlink
            and await self._client.operations.readlink(there.handle, place.where) == target
        ):
            return
        self._monitor.step("copy", below())
        if not self._options.dry_run:
            await self._remote.put_link(place, target)

    async def _is_there(
        self, local: LocalDirectory, entry: LocalEntry, place: Place, there: Stat | None
    ) -> bool:
        """Return whether a file does not need to be copied."""
        if there is None:
            return False
        if self._options.checksum:
            return (
                there.is_file
                and there.st_size == entry.size
                and await same_contents(
                    self._client, there.handle, place.where(), local, entry.name, entry.size
                )
            )
        return self._options.resume and _same(entry, there)

    async def _file(
        self,
        local: LocalDirectory,
        entry: LocalEntry,
        place: Place,
        below: Callable[[], str],
        there: Stat | None,
    ) -> None:
        monitor = self._monitor
        monitor.found(entry.size)
        if await self._is_there(local, entry, place, there):
            monitor.skips(entry.size)
            return
        monitor.begins(local.path(entry.name))
        monitor.step("copy", below())
        if self._options.dry_run:
            monitor.moved(entry.size)
        else:
            await self._attempts(local, entry, place)
        monitor.ends()

    async def _attempts(self, local: LocalDirectory, entry: LocalEntry, place: Place) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            file = local.open(entry.name)
            try:
                await self._once(file, entry, place, local.path)
                break
            except Lost as lost:
                # The server restarted meanwhile, or the incomplete file was removed. Whatever
                # the server executed, to start again results in the same file.
                if attempt == _ATTEMPTS:
                    text = "it could not be given its name, again and again"
                    raise lost.__cause__ or make_error(errno.EIO, text, place.where()) from lost
            finally:
                file.close()

    async def _once(
        self, file: LocalFile, entry: LocalEntry, place: Place, path: Callable[[bytes], str]
    ) -> None:
        small = entry.size <= min(SMALL, self._client.wsize)
        if small and entry.sparse:
            small = file.data(0, entry.size) == (0, entry.size)
        if small:
            try:
                await self._small(file, entry, place, path)
            except ShortWrite:
                small = False
        if not small:
            await self._large(file, entry, place, path)

    async def _small(
        self, file: LocalFile, entry: LocalEntry, place: Place, path: Callable[[bytes], str]
    ) -> None:
        buffer = bytearray(entry.size + 1)  # one more, to notice that it grew
        count = file.read_at(0, memoryview(buffer))
        if count != entry.size:
            text = f"{count} octets of {entry.size}: it changed"
            raise local_error(errno.EIO, text, path(entry.name))
        data = memoryview(bytes(memoryview(buffer)[:count]))
        await self._remote.put_whole(place, data, preserved(entry))
        self._monitor.moved(count)

    async def _large(
        self, file: LocalFile, entry: LocalEntry, place: Place, path: Callable[[bytes], str]
    ) -> None:
        temporary = temporary_name(self._client.rng)
        try:
            opened = await self._remote.create(place, temporary)
            try:
                await self._data(file, opened, entry, path)
            finally:
                await opened.close()
            await self._remote.publish(
                place, temporary, opened.handle, entry.size, preserved(entry)
            )
        except BaseException as error:
            await self._remote.abandon(place, temporary, error)
            raise

    async def _data(
        self, file: LocalFile, opened: OpenFile, entry: LocalEntry, path: Callable[[bytes], str]
    ) -> None:
        """Write the data but not the holes: in a new file, these are there already."""
        jobs = Jobs(PARALLEL)

        async def piece(start: int, end: int) -> None:
            buffer = memoryview(bytearray(end - start))
            if file.read_at(start, buffer) != end - start:
                text = "it became shorter meanwhile"
                raise local_error(errno.EIO, text, path(entry.name))
            await opened.write_at(start, buffer)
            self._monitor.moved(end - start)

        done = 0
        try:
            for stretch in local_data(file, entry.size) if entry.sparse else [(0, entry.size)]:
                self._monitor.moved(stretch[0] - done)
                for start, end in pieces(stretch, self._client.wsize):
                    await jobs.add(partial(piece, start, end))
                done = stretch[1]
            await jobs.finish()
        except BaseException:
            await jobs.cancel()
            raise
        if done < entry.size:
            await opened.truncate(entry.size)
            self._monitor.moved(entry.size - done)


def _same(entry: LocalEntry, there: Stat) -> bool:
    return there.is_file and (entry.size, entry.mtime_ns) == (there.st_size, there.st_mtime_ns)

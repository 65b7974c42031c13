"""Removal of what a target has and its source lacks, after a copy that was complete.

Both sides are listed anew, directory by directory: a name is removed only if a listing of the
source that has just succeeded lacks it. Directories are entered by handles and descriptors, so that
nothing leads out of the tree, and links are removed, not followed. Names that are excluded, and
unfinished files of other copies, stay, with the directories above them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from ..attributes import Stat
from ..descent import Descent
from ..errors import name_file
from ..paths import to_text
from ..trees import Failures
from .exclusions import Exclusions
from .local import LocalDirectory
from .temporary import is_temporary

if TYPE_CHECKING:
    from ..filesystem import FileSystem

D = TypeVar("D")
T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Found:
    """An entry of a directory: its handle is that of the server, if it is there."""

    name: bytes
    is_directory: bool
    handle: bytes = b""


class Side(Protocol[D]):
    """What the removal does on one side."""

    async def entries(self, directory: D) -> list[Found]:
        """Return all entries of a directory. Raises ``OSError`` if one cannot be examined."""

    def enter(self, directory: D, entry: Found) -> D:
        """Return a directory in it; links are not followed."""

    def leave(self, directory: D) -> None:
        """Release a directory that was entered; the one above it is needed next."""

    async def remove(self, directory: D, entry: Found) -> None:
        """Remove an entry: a directory has to be empty."""


@dataclass(frozen=True, slots=True)
class ServerDirectory:
    """A directory of the server; ``name`` is its path if there is none above it."""

    handle: bytes
    name: str
    descent: Descent
    above: ServerDirectory | None = None

    def where(self) -> str:
        """Return its path, for messages."""
        parts = [self.name]
        at = self.above
        while at is not None:
            parts.append(at.name)
            at = at.above
        return "/".join(part.rstrip("/") for part in reversed(parts))


class ServerSide:
    """The side of the server."""

    def __init__(self, client: FileSystem) -> None:
        self._operations = client.operations

    async def entries(self, directory: ServerDirectory) -> list[Found]:
        """Return all entries, looking up those that came without attributes."""
        found: list[Found] = []
        async for page in self._operations.pages(directory.handle, directory.where):
            for name, status in page.entries:
                if not isinstance(status, Stat) or not status.handle:
                    status = await self._operations.lookup(directory.handle, name, directory.where)
                found.append(Found(name, status.is_dir, status.handle))
        return found

    def enter(self, directory: ServerDirectory, entry: Found) -> ServerDirectory:
        """Return a directory below, unless it is one of those above."""
        descent = directory.descent.below(entry.handle, directory.where)
        return ServerDirectory(entry.handle, to_text(entry.name), descent, directory)

    def leave(self, directory: ServerDirectory) -> None:
        """Do nothing: handles are not open."""

    async def remove(self, directory: ServerDirectory, entry: Found) -> None:
        """Remove an entry (RFC 8881, Section 18.25): one call for files and directories."""
        where = ServerDirectory(b"", to_text(entry.name), directory.descent, directory).where
        await self._operations.remove(directory.handle, entry.name, where)


class LocalSide:
    """The side of this machine."""

    async def entries(self, directory: LocalDirectory) -> list[Found]:
        """Return all entries."""
        return [Found(item.name, item.kind == "directory") for item in directory.scan()]

    def enter(self, directory: LocalDirectory, entry: Found) -> LocalDirectory:
        """Return a directory below."""
        return directory.enter(entry.name)

    def leave(self, directory: LocalDirectory) -> None:
        """Release a directory."""
        directory.finish(None)

    async def remove(self, directory: LocalDirectory, entry: Found) -> None:
        """Remove an entry."""
        directory.remove(entry.name, entry.is_directory)


@dataclass(slots=True)
class _Level(Generic[T, S]):
    """A directory of the target, and what is left to do in it."""

    target: T
    source: S | None
    """Its counterpart; None if it has none, and shall be removed with all that is in it."""
    entry: Found
    above: _Level[T, S] | None = None
    left: list[tuple[Found, Found | None]] = field(default_factory=list)
    kept: bool = False
    """Whether something in it stays, so that it stays too."""

    def names(self, entry: Found) -> list[str]:
        """Return the names that lead to an entry from the top."""
        names = [to_text(entry.name)]
        at = self
        while at.above is not None:
            names.append(to_text(at.entry.name))
            at = at.above
        names.reverse()
        return names


class Removal(Generic[T, S]):
    """The removal of what the target has and the source lacks."""

    def __init__(
        self,
        target: Side[T],
        source: Side[S],
        exclusions: Exclusions,
        failures: Failures,
        done: Callable[[str], object],
        *,
        dry_run: bool,
    ) -> None:
        self._target = target
        self._source = source
        self._exclusions = exclusions
        self._failures = failures
        self._done = done
        self._dry_run = dry_run

    async def run(self, target: T, source: S) -> None:
        """Treat two directories, which are the same one on both sides."""
        top = _Level(target, source, Found(b"", True))
        await self._list(top)
        stack: list[_Level[T, S]] = [top]
        while stack:
            level = stack[-1]
            if not level.left:
                await self._end(stack.pop(), stack[-1] if stack else None)
                continue
            entry, counterpart = level.left.pop()
            if not entry.is_directory:
                await self._remove(level, entry)
                continue
            try:
                stack.append(await self._enter(level, entry, counterpart))
            except OSError as error:
                self._fail(level, entry, error)

    async def _enter(
        self, level: _Level[T, S], entry: Found, counterpart: Found | None
    ) -> _Level[T, S]:
        target = self._target.enter(level.target, entry)
        source = None
        if counterpart is not None and level.source is not None:
            source = self._source.enter(level.source, counterpart)
        below = _Level(target, source, entry, level)
        try:
            await self._list(below)
        except OSError:
            self._leave(below)
            raise
        return below

    async def _list(self, level: _Level[T, S]) -> None:
        """Note what is to be removed from a directory, and which directories to look into."""
        # First the target: what is made on both sides meanwhile is then in the source's listing.
        entries = await self._target.entries(level.target)
        source: dict[bytes, Found] = {}
        if level.source is not None:
            source = {entry.name: entry for entry in await self._source.entries(level.source)}
        for entry in entries:
            if is_temporary(entry.name) or self._is_excluded(level, entry):
                level.kept = True
                continue
            counterpart = source.get(entry.name)
            if counterpart is None or (counterpart.is_directory and entry.is_directory):
                level.left.append((entry, counterpart))

    def _is_excluded(self, level: _Level[T, S], entry: Found) -> bool:
        names = level.names(entry) if self._exclusions else []
        return self._exclusions.fit(names, entry.is_directory)

    async def _end(self, level: _Level[T, S], above: _Level[T, S] | None) -> None:
        self._leave(level)
        if above is None or level.source is not None:
            return
        if level.kept:
            above.kept = True
        else:
            await self._remove(above, level.entry)

    def _leave(self, level: _Level[T, S]) -> None:
        self._target.leave(level.target)
        if level.source is not None:
            self._source.leave(level.source)

    async def _remove(self, level: _Level[T, S], entry: Found) -> None:
        try:
            if not self._dry_run:
                await self._target.remove(level.target, entry)
        except FileNotFoundError:
            return  # somebody else removed it
        except OSError as error:
            self._fail(level, entry, error)
        else:
            self._done("/".join(level.names(entry)))

    def _fail(self, level: _Level[T, S], entry: Found, error: OSError) -> None:
        level.kept = True
        name_file(error, lambda: "/".join(level.names(entry)))
        self._failures.add(error)

"""From paths to compounds: one call looks up all components, and the client follows links.

Servers do not follow symbolic links (LOOKUP stops at them: RFC 8881, Section 18.13), so the client
substitutes the target and goes on. Links cannot lead out of the mount: an absolute target starts at
its root, and ``..`` stops there.

Paths are resolved as POSIX ("4.13 Pathname Resolution") and Linux do: what precedes ``/``, ``.`` or
``..`` has to be a directory, and a link there is followed. A path may have any length; resolving it
takes as many calls as necessary, and follows at most :data:`LINKS_MAX` links.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Final, Generic, TypeVar

from nfsrdma.xdr.nfs4 import types as t

from .attributes import DIRECTORY_TYPE, NAME_MAX, Stat
from .caller import Caller
from .compound import Compound
from .endings import BUSY, TEXTS, Ending
from .errors import NfsError, StatusError, make_error, status_error
from .referral import moved
from .results import Result
from .unstable import UnstableTable

R = TypeVar("R")

LINKS_MAX: Final = 40
"""Symbolic links followed on the way to one file: as many as Linux follows."""
_REPLACED_MAX: Final = 8
"""How often a name is looked up again because its file was just replaced."""
_RESERVED_OPERATIONS: Final = 6
"""Operations of a compound that are reserved for what follows the lookups."""
_ROOM: Final = 768
"""Octets of a call for its lookups, so that the data of a WRITE fits in too."""
_LOOKUP_OCTETS: Final = 12
"""Octets of a LOOKUP besides the name, at most."""

_NOT_DIRECTORIES: Final = frozenset((t.NFS4ERR_SYMLINK, t.NFS4ERR_NOTDIR))
# How operations that do not apply to links fail on one; the last two are from (N)VERIFY.
_NO_LINKS: Final = _NOT_DIRECTORIES | {
    t.NFS4ERR_INVAL,
    t.NFS4ERR_WRONG_TYPE,
    t.NFS4ERR_SAME,
    t.NFS4ERR_NOT_SAME,
}
_HANDLE_LOST: Final = frozenset((t.NFS4ERR_STALE, t.NFS4ERR_FHEXPIRED, t.NFS4ERR_BADHANDLE))

Path = str | bytes | PathLike[str] | PathLike[bytes]
"""A path from the root of the mount on."""
Components = list[bytes]

SLASH: Final = b""
"""The last component of a path that ends with ``/``."""
_DOT: Final = b"."
_UP: Final = b".."
_NO_NAMES: Final = (SLASH, _DOT, _UP)


def split(path: Path) -> Components:
    """Return the components of a path from the mount's root on.

    ``..`` stays. ``.`` and a trailing ``/``, which require a directory, stay only at the end:
    elsewhere the next component requires it. Text is encoded as UTF-8, with other octets as
    surrogates, like ``os.fsencode``. Raises ``TypeError``, ``ValueError`` or
    :class:`~.errors.NfsError` (ENAMETOOLONG).
    """
    octets = to_octets(path)
    parts = octets.split(b"/")
    components = [part for part in parts if part not in (b"", b".")]
    if parts[-1] in (b"", b"."):
        named = [part for part in parts if part]
        if named and named[-1] == _DOT:
            components.append(_DOT)
        elif components and components[-1] != _UP:
            components.append(SLASH)
    if b"\0" in octets:
        raise ValueError("a path cannot have a null character in it")
    if len(octets) > NAME_MAX and max(map(len, parts)) > NAME_MAX:
        raise make_error(errno.ENAMETOOLONG, "a name is too long", path)
    return components


def to_octets(path: Path) -> bytes:
    """Return the octets of a path. Raises ``TypeError`` if it is none."""
    if isinstance(path, str):
        return path.encode("utf-8", "surrogateescape")
    if isinstance(path, bytes):
        return path
    if not isinstance(path, PathLike):
        kind = type(path).__name__
        raise TypeError(f"a path is str, bytes or os.PathLike, not {kind}")
    inside = path.__fspath__()
    return inside if isinstance(inside, bytes) else str(inside).encode("utf-8", "surrogateescape")


def to_text(name: bytes) -> str:
    """Decode a name: the inverse of what :func:`split` does to text."""
    return name.decode("utf-8", "surrogateescape")


def plain(components: Components) -> Components:
    """Return the components without a last one that only requires a directory."""
    return components[:-1] if components and components[-1] in (SLASH, _DOT) else components


def slashed(path: Path) -> bool:
    """Return whether a path ends with a name and a ``/``."""
    return split(path)[-1:] == [SLASH]


def unslashed(path: Path) -> Path:
    """Return a path without such a ``/``."""
    return b"/".join(plain(split(path))) if slashed(path) else path


class Resolver:
    """Executes compounds on paths below one root."""

    def __init__(self, caller: Caller, export: Sequence[bytes], unstable: UnstableTable) -> None:
        self.caller = caller
        self._unstable = unstable
        self._export = tuple(export)
        self.root = b""
        """The handle of the mount's root."""

    async def find_root(self) -> bytes:
        """Look up the mount's root, following links on the way; return its handle."""
        compound = self.caller.compound("LOOKUP")
        compound.putrootfh()
        handle = compound.getfh()
        try:
            await self.caller.call(compound)
        except StatusError as error:
            raise status_error(error.status, path="/") from error
        self.root = handle.value
        if self._export:
            # A URL is text, and so is what an error names.
            place = b"/".join(self._export).decode("utf-8", "surrogateescape")
            search = _Found(place, "LOOKUP", Compound.getfh, follow=True)
            search.lost = True  # do not find the root again while finding it
            self.root = (await self._search(search)).value
        return self.root

    async def stat(self, path: Path, *, follow: bool) -> Stat:
        """Return the attributes of what is there, as this client has written it."""
        mark = self._unstable.mark
        _, status = await self.run(path, "GETATTR", _nothing, follow=follow)
        if self._unstable.in_doubt(self.caller.epoch, mark):
            return await self.find(path, follow=follow)
        return status

    async def find(self, path: Path, *, follow: bool) -> Stat:
        """Return the attributes of what is there, including its handle."""
        while True:
            mark = self._unstable.mark
            handle, status = await self.run(path, "LOOKUP", Compound.getfh, follow=follow)
            status.handle = handle.value
            if not await self._unstable.restored(status.handle, self.caller.epoch, mark):
                return status

    async def handle(self, path: Path) -> bytes:
        """Return the handle of what a path leads to, whatever is there by now."""
        handle, _ = await self.run(path, "LOOKUP", Compound.getfh, follow=True)
        return handle.value

    async def run(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound], R],
        *,
        follow: bool,
        idempotent: bool = True,
    ) -> tuple[R, Stat]:
        """Look up ``path``, execute the operations that ``tail`` appends, and get the attributes.

        Returns what ``tail`` returned, with its results known, and the attributes. With ``follow``
        a link at the end of the path is followed. Then ``tail`` may have been executed on the link
        before, so its operations should change nothing, or fail on links.
        """
        search = _Found(path, name, tail, follow=follow, idempotent=idempotent)
        found = await self._search(search)
        return found, search.status.value

    async def run_in_parent(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound, bytes], R],
        *,
        ending: Ending = BUSY,
        idempotent: bool = False,
        follow: bool = False,
    ) -> R:
        """Look up the directory of ``path``, and execute what ``tail`` appends for the name there.

        Returns what ``tail`` returned, with its results known. With ``follow``, a link is followed
        if ``tail`` fails with ``NFS4ERR_SYMLINK``. ``ending`` has the errors for a path that does
        not end in a name.
        """
        search = _Named(path, name, tail, ending, follow=follow, idempotent=idempotent)
        return await self._search(search)

    async def parent(self, path: Path, ending: Ending = BUSY) -> tuple[bytes, bytes]:
        """Return the handle of the directory that ``path`` is in, and the name there."""
        components = split(path)
        if not components or components[-1] in _NO_NAMES:
            components = await self._named(path, ending, components)
        if len(components) == 1:
            return self.root, components[0]
        return await self._directory(path, components[:-1]), components[-1]

    async def _directory(self, path: Path, components: Components) -> bytes:
        """Return the handle of what has to be a directory. Errors name ``path``."""
        search = _Found(path, "LOOKUP", Compound.getfh, follow=True)
        search.components = [*plain(components), SLASH] if components else []
        return (await self._search(search)).value

    async def _search(self, search: _Search[R]) -> R:
        """Walk until no link is left, and return what ``search`` built for the last compound."""
        caller = self.caller
        rest = search.components
        walk = _Walk(self.root)
        links = 0
        while True:
            if rest and rest[0] == _UP:
                rest = walk.up(rest)
                continue
            if search.ending is not None and (not rest or rest[-1] in _NO_NAMES):
                rest = await self._named(search.path, search.ending, walk.real + rest)
                walk = _Walk(self.root)
                continue
            count = self._fitting(rest)
            whole = count == len(rest)
            compound = caller.compound(
                search.name if whole else "LOOKUP", idempotent=search.idempotent or not whole
            )
            compound.putfh(walk.start)
            if whole:
                found = search.build(compound, rest)
            else:
                _descend(compound, [*rest[:count], SLASH])
                directory = compound.getfh()
            try:
                await caller.call(compound)
            except StatusError as error:
                if error.status in _HANDLE_LOST and error.index == 0 and not search.lost:
                    search.lost = True
                    await self.find_root()
                    rest = walk.real + rest
                    walk = _Walk(self.root)
                    continue
                if error.status == t.NFS4ERR_STALE and error.index and search.may_look_again():
                    continue  # what was just found has been replaced: look again
                if error.status == t.NFS4ERR_MOVED:
                    names = compound.lookups(error.index)
                    head, beyond = rest[:names], plain(rest[names:])
                    raise await moved(caller, walk.start, head, beyond, search.path) from error
                suspects = search.suspects(compound, error, whole)
                link, target = await self._link_among(suspects, search, walk.start, rest)
                if target is None:
                    raise search.failed(error, whole) from error
            else:
                if not whole:
                    walk.down(rest[:count], directory.value)
                    rest = rest[count:]
                    continue
                if not search.is_at_link():
                    return found
                link, target = await self._link_among([len(rest) - 1], search, walk.start, rest)
                if target is None:
                    raise make_error(errno.EIO, "a link that cannot be read", search.path)
            links += 1
            if links > LINKS_MAX:
                raise make_error(errno.ELOOP, "too many symbolic links", search.path)
            head = rest[:link]
            if target.startswith(b"/"):
                head, walk = [], _Walk(self.root)
            rest = _joined(head, target, rest[link + 1 :])

    def _fitting(self, rest: Components) -> int:
        """Return how many components fit the next compound: all, if it can be the last one."""
        count = rest.index(_UP) if _UP in rest else len(rest)
        most = self.caller.limits.max_operations - _RESERVED_OPERATIONS
        if count <= most and sum(map(len, rest)) + count * _LOOKUP_OCTETS <= _ROOM:
            return count
        room = _ROOM
        fit = 0
        for component in rest[: min(count, most)]:
            room -= len(component) + _LOOKUP_OCTETS
            if room < 0:
                break
            fit += 1
        return max(fit, 1)

    async def _named(self, path: Path, ending: Ending, components: Components) -> Components:
        """Return a path that ends in no name as one that does, if the operation permits.

        Otherwise raise the error that ``ending`` has for it; but one about a directory on the way
        goes first.
        """
        if not components:
            raise make_error(ending.root, "this is the root of the mount", path)
        if components[-1] == _UP:
            await self._directory(path, components[:-1])
            number = ending.up
        elif components[-1] == _DOT or ending.through:
            await self._directory(path, components)
            number = ending.dot
        elif ending.slash is None:
            return components[:-1]
        else:
            name = components[-2]
            handle = await self._directory(path, components[:-2])
            number = ending.slash(await self._look_in(handle, name, path))
            if not number:
                return components[:-1]
        raise make_error(number, TEXTS[number], path)

    async def _look_in(self, directory: bytes, name: bytes, path: Path) -> Stat | None:
        """Return the attributes of what has a name in a directory; None if nothing has it."""
        compound = self.caller.compound("LOOKUP")
        compound.putfh(directory)
        compound.lookup(name)
        status = compound.stat()
        try:
            await self.caller.call(compound)
        except StatusError as error:
            if error.status == t.NFS4ERR_NOENT:
                return None
            raise status_error(error.status, path=path) from error
        return status.value

    async def _link_among(
        self, suspects: list[int], search: _Search[R], start: bytes, rest: Components
    ) -> tuple[int, bytes | None]:
        """Return which of these components is a link, and its target; -1 and None if none is."""
        for link in suspects:
            if link < 0:
                continue
            compound = self.caller.compound("READLINK")
            compound.putfh(start)
            for component in rest[: link + 1]:
                compound.lookup(component)
            answer = compound.readlink()
            try:
                await self.caller.call(compound)
            except StatusError:
                continue
            target = answer.value
            if b"\0" in target or not target:
                raise make_error(errno.EIO, "the server has a link to nowhere", search.path)
            return link, target
        return -1, None


class _Walk:
    """The part of a path that was walked: ``real`` is the way there, without links.

    ``start`` is the handle of the directory that it leads to.
    """

    __slots__ = ("_marks", "real", "start")

    def __init__(self, root: bytes) -> None:
        self.real: Components = []
        self.start = root
        self._marks = [(0, root)]
        """Handles of directories on the way, each with the number of components that lead to it."""

    def down(self, components: Components, handle: bytes) -> None:
        """Go down by these components, to the directory with this handle."""
        self.real += components
        self.start = handle
        self._marks.append((len(self.real), handle))

    def up(self, rest: Components) -> Components:
        """Go up by the ``..`` at the beginning of ``rest``, but not above the root.

        Returns the components that are left, from the nearest ancestor whose handle is known.
        """
        count = 1
        while count < len(rest) and rest[count] == _UP:
            count += 1
        height = max(0, len(self.real) - count)
        while self._marks[-1][0] > height:
            self._marks.pop()
        known, self.start = self._marks[-1]
        again = self.real[known:height]
        del self.real[known:]
        return again + rest[count:]


class _Search(Generic[R]):
    """An operation at the end of a path, and whether a link there is followed."""

    __slots__ = ("_replaced", "components", "follow", "idempotent", "lost", "name", "path")

    ending: Ending | None = None
    """The errors for a path that does not end in a name, if the last component is not looked up."""

    def __init__(self, path: Path, name: str, *, follow: bool, idempotent: bool) -> None:
        self.path = path
        self.name = name
        self.components = split(path)
        self.follow = follow
        self.idempotent = idempotent
        self.lost = False
        """Whether the root's handle was found again already."""
        self._replaced = 0

    def build(self, compound: Compound, components: Components) -> R:
        """Append the lookups of ``components`` and the operation; return its results."""
        raise NotImplementedError

    def is_at_link(self) -> bool:
        """Return whether the call has found a link that is to be followed."""
        return False

    def suspects(self, compound: Compound, error: StatusError, whole: bool) -> list[int]:
        """Return the indexes of components that may be links, the last one first.

        ``whole`` says that the compound had all components, and the operation.
        """
        looked_up = compound.lookups(error.index)
        if error.operation == t.OP_LOOKUP:
            return [looked_up - 1] if error.status in _NOT_DIRECTORIES else []
        ours = error.operation == t.OP_VERIFY  # that a directory is there
        return [looked_up - 1] if error.status in _NO_LINKS and (ours or self.follow) else []

    def may_look_again(self) -> bool:
        """Return whether to try again, since a file was replaced during the compound."""
        self._replaced += 1
        return self.idempotent and self._replaced < _REPLACED_MAX

    def failed(self, error: StatusError, whole: bool) -> NfsError:
        """Return the error for a compound that failed, and not because of a link."""
        status = error.status
        if status == t.NFS4ERR_NOT_SAME and (self.ending is None or not whole):
            status = t.NFS4ERR_NOTDIR  # it was to be a directory
        return status_error(status, path=self.path)


class _Found(_Search[R]):
    """An operation on what a path leads to."""

    __slots__ = ("_tail", "status")

    def __init__(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound], R],
        *,
        follow: bool,
        idempotent: bool = True,
    ) -> None:
        super().__init__(path, name, follow=follow, idempotent=idempotent)
        self._tail = tail
        self.status: Result[Stat]

    def build(self, compound: Compound, components: Components) -> R:
        _descend(compound, components)
        found = self._tail(compound)
        self.status = compound.stat()
        return found

    def is_at_link(self) -> bool:
        return self.follow and self.status.value.is_symlink


class _Named(_Search[R]):
    """An operation on a name in a directory, which is not looked up."""

    __slots__ = ("_tail", "ending")

    def __init__(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound, bytes], R],
        ending: Ending,
        *,
        follow: bool,
        idempotent: bool,
    ) -> None:
        super().__init__(path, name, follow=follow, idempotent=idempotent)
        self._tail = tail
        self.ending = ending

    def build(self, compound: Compound, components: Components) -> R:
        for component in components[:-1]:
            compound.lookup(component)
        return self._tail(compound, components[-1])

    def suspects(self, compound: Compound, error: StatusError, whole: bool) -> list[int]:
        if not whole or error.operation == t.OP_LOOKUP:
            return super().suspects(compound, error, whole)
        if error.status not in _NOT_DIRECTORIES:
            return []
        looked_up = compound.lookups(error.index)
        return [looked_up, looked_up - 1] if self.follow else [looked_up - 1]


def _nothing(compound: Compound) -> None:
    """Append nothing, since only the attributes are wanted."""


def _descend(compound: Compound, components: Components) -> None:
    """Append lookups of the components; verify a directory where the path requires one."""
    for component in components:
        if component in (SLASH, _DOT):
            compound.verify(t.OP_VERIFY, DIRECTORY_TYPE)
        else:
            compound.lookup(component)


def _joined(head: Components, target: bytes, beyond: Components) -> Components:
    """Return a path with a link replaced by its target."""
    inside = split(target)
    return head + (plain(inside) if beyond else inside) + beyond

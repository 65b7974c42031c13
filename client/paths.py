"""From a path to a compound: components are looked up in one call, links are followed here.

A server does not follow symbolic links (RFC 8881, Section 18.13: LOOKUP stops at them), so the
client substitutes what they hold and goes on. All that a link can name is below the root of the
mount: an absolute target starts there, and ``..`` does not lead out of it.

Paths mean what POSIX says ("4.13 Pathname Resolution") and Linux does: what stands before a ``/``,
``.`` or ``..`` has to be a directory, and a link there is followed. A path may be of any length; it
is walked in as many calls as it takes, and at most :data:`LINKS_MAX` links are followed on the way.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from nfsrdma.xdr.nfs4 import types as t

from .attributes import DIRECTORY_TYPE, NAME_MAX, Stat
from .caller import Caller
from .compound import Compound
from .endings import BUSY, TEXTS, Ending
from .errors import NfsError, StatusError, make_error, status_error
from .results import Result

R = TypeVar("R")

LINKS_MAX: Final = 40
"""Symbolic links followed on the way to one file, as many as Linux follows."""
_REPLACED_MAX: Final = 8
"""How often a file is looked up that is being replaced just then."""
_RESERVED_OPERATIONS: Final = 6
"""Operations left for whatever is done with the file that was looked up."""
_ROOM: Final = 768
"""Octets of a call that looking up may take, so that the data of a WRITE fits beside it."""
_LOOKUP_OCTETS: Final = 12
"""What a LOOKUP takes besides the name, at most."""

_NOT_DIRECTORIES: Final = frozenset((t.NFS4ERR_SYMLINK, t.NFS4ERR_NOTDIR))
# What a link is refused with by operations that are not for links, the last two by (N)VERIFY.
_NO_LINKS: Final = _NOT_DIRECTORIES | {
    t.NFS4ERR_INVAL,
    t.NFS4ERR_WRONG_TYPE,
    t.NFS4ERR_SAME,
    t.NFS4ERR_NOT_SAME,
}
_HANDLE_LOST: Final = frozenset((t.NFS4ERR_STALE, t.NFS4ERR_FHEXPIRED, t.NFS4ERR_BADHANDLE))

Path = str | bytes
Components = list[bytes]

SLASH: Final = b""
"""The last component of a path that ends with ``/``."""
_DOT: Final = b"."
_UP: Final = b".."
_NO_NAMES: Final = (SLASH, _DOT, _UP)


def split(path: Path) -> Components:
    """The components of a path from the mount's root on.

    ``..`` is left in; ``.`` and a ``/`` at the end, which say that there must be a directory, are
    left at the end only: where something follows, that says the same. Text is UTF-8, with the
    octets that are none as surrogates, as ``os.fsencode`` has it.
    """
    if isinstance(path, str):
        octets = path.encode("utf-8", "surrogateescape")
    elif isinstance(path, bytes):
        octets = path
    else:
        octets = _octets_of(path)
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


def _octets_of(path: Any) -> bytes:
    """A path object's path. Raises ``TypeError`` if it is none."""
    try:
        path = type(path).__fspath__(path)
    except AttributeError:
        kind = type(path).__name__
        raise TypeError(f"a path is str, bytes or os.PathLike, not {kind}") from None
    return path if isinstance(path, bytes) else str(path).encode("utf-8", "surrogateescape")


def to_text(name: bytes) -> str:
    """The inverse of what :func:`split` does to text."""
    return name.decode("utf-8", "surrogateescape")


def plain(components: Components) -> Components:
    """Without what a path says at its end about there being a directory."""
    return components[:-1] if components and components[-1] in (SLASH, _DOT) else components


def slashed(path: Path) -> bool:
    """Whether a path ends with ``/`` behind a name."""
    return split(path)[-1:] == [SLASH]


def unslashed(path: Path) -> Path:
    """Without that."""
    return b"/".join(plain(split(path))) if slashed(path) else path


class Resolver:
    """Runs compounds on paths below one root."""

    def __init__(self, caller: Caller, export: Sequence[bytes]) -> None:
        self.caller = caller
        self._export = tuple(export)
        self.root = b""
        """The handle of the mount's root."""

    async def find_root(self) -> bytes:
        """Look the mount's root up, following links on the way; return its handle."""
        compound = self.caller.compound("LOOKUP")
        compound.putrootfh()
        handle = compound.getfh()
        try:
            await self.caller.call(compound)
        except StatusError as error:
            raise status_error(error.status, path="/") from error
        self.root = handle.value
        if self._export:
            search = _Found(b"/".join(self._export), "LOOKUP", Compound.getfh, follow=True)
            search.lost = True  # once is enough
            self.root = (await self._search(search)).value
        return self.root

    async def stat(self, path: Path, *, follow: bool) -> Stat:
        """Return the attributes of what is there."""
        _, status = await self.run(path, "GETATTR", _nothing, follow=follow)
        return status

    async def find(self, path: Path, *, follow: bool) -> Stat:
        """Return the attributes of what is there, its handle among them."""
        handle, status = await self.run(path, "LOOKUP", Compound.getfh, follow=follow)
        status.handle = handle.value
        return status

    async def run(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound], R],
        *,
        follow: bool,
        idempotent: bool = True,
    ) -> tuple[R, Stat]:
        """Look ``path`` up, do what ``tail`` appends with it, and get its attributes.

        Returns what ``tail`` returned, its results known by now, and the attributes. With
        ``follow`` a link at the end of the path is followed too; ``tail`` may have been executed
        on the link then, so it should only look, or be something that cannot be done to a link.
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
        """Look the directory of ``path`` up, and do what ``tail`` appends there with its name.

        Returns what ``tail`` returned, its results known by now. With ``follow``,
        ``NFS4ERR_SYMLINK`` from ``tail`` means that the name is a link, which is followed. Raises
        :class:`NfsError`, as ``ending`` says if the path ends in no name.
        """
        search = _Named(path, name, tail, ending, follow=follow, idempotent=idempotent)
        return await self._search(search)

    async def parent(self, path: Path, ending: Ending = BUSY) -> tuple[bytes, bytes]:
        """Return the handle of the directory of ``path``, and the name in it."""
        components = split(path)
        if not components or components[-1] in _NO_NAMES:
            components = await self._named(path, ending, components)
        if len(components) == 1:
            return self.root, components[0]
        return await self._directory(path, components[:-1]), components[-1]

    async def _directory(self, path: Path, components: Components) -> bytes:
        """Return the handle of what must be a directory. Errors name ``path``."""
        search = _Found(path, "LOOKUP", Compound.getfh, follow=True)
        search.components = [*plain(components), SLASH] if components else []
        return (await self._search(search)).value

    async def _search(self, search: _Search[R]) -> R:
        """Walk until no link is in the way, and return what ``search`` has built there."""
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
                    continue  # what was just found has been replaced: by what?
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
        """How many components the next compound can take: all, if it can be the last one."""
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
        """A path whose end is no name, to the operation's liking, or an error that says why not.

        What the path leads through has to be there, whatever is wrong with its end.
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
        """The attributes of what has a name in a directory; None if nothing has."""
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
        """Which of these components is a link, and its target; None if none is."""
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
    """How far a path has been walked: ``real`` is the way there, and has no links.

    ``start`` is the handle of that directory.
    """

    __slots__ = ("_marks", "real", "start")

    def __init__(self, root: bytes) -> None:
        self.real: Components = []
        self.start = root
        self._marks = [(0, root)]
        """Handles of directories on the way, and how many components lead there."""

    def down(self, components: Components, handle: bytes) -> None:
        """These components lead to the directory with this handle."""
        self.real += components
        self.start = handle
        self._marks.append((len(self.real), handle))

    def up(self, rest: Components) -> Components:
        """Do what ``..`` at the beginning of ``rest`` says, never past the root.

        Returns what is left to be walked, from a place above that whose handle is known.
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
    """What is done at the end of a path, and whether a link there is followed."""

    __slots__ = ("_replaced", "components", "follow", "idempotent", "lost", "name", "path")

    ending: Ending | None = None
    """What to answer to a path whose last component is no name, if it is not to be looked up."""

    def __init__(self, path: Path, name: str, *, follow: bool, idempotent: bool) -> None:
        self.path = path
        self.name = name
        self.components = split(path)
        self.follow = follow
        self.idempotent = idempotent
        self.lost = False
        """Whether the root's handle had to be found again."""
        self._replaced = 0

    def build(self, compound: Compound, components: Components) -> R:
        """Append the way along ``components`` and what is done there; return its results."""
        raise NotImplementedError

    def is_at_link(self) -> bool:
        """Return whether the call, which was executed, has found a link that is to be followed."""
        return False

    def suspects(self, compound: Compound, error: StatusError, whole: bool) -> list[int]:
        """Return which components may be links, the last one first.

        ``whole``: the compound was the last one, with the operation in it.
        """
        looked_up = compound.lookups(error.index)
        if error.operation == t.OP_LOOKUP:
            return [looked_up - 1] if error.status in _NOT_DIRECTORIES else []
        ours = error.operation == t.OP_VERIFY  # of a directory
        return [looked_up - 1] if error.status in _NO_LINKS and (ours or self.follow) else []

    def may_look_again(self) -> bool:
        """Return whether to do it once more, as a file was replaced between two operations."""
        self._replaced += 1
        return self.idempotent and self._replaced < _REPLACED_MAX

    def failed(self, error: StatusError, whole: bool) -> NfsError:
        """Return what to raise for a compound that failed, and not because of a link."""
        status = error.status
        if status == t.NFS4ERR_NOT_SAME and (self.ending is None or not whole):
            status = t.NFS4ERR_NOTDIR  # what a path leads through has to be a directory
        return status_error(status, path=self.path)


class _Found(_Search[R]):
    """Something is done with what a path leads to."""

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
    """Something is done in a directory with a name, which is not looked up."""

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
    """Append nothing: the attributes are all that is wanted."""


def _descend(compound: Compound, components: Components) -> None:
    """Look up the components, and go on only with a directory where the path says so."""
    for component in components:
        if component in (SLASH, _DOT):
            compound.verify(t.OP_VERIFY, DIRECTORY_TYPE)
        else:
            compound.lookup(component)


def _joined(head: Components, target: bytes, beyond: Components) -> Components:
    """The path with a link's target in its place."""
    inside = split(target)
    return head + (plain(inside) if beyond else inside) + beyond

"""From a path to a compound: components are looked up in one call, links are followed here.

A server does not follow symbolic links (RFC 8881, Section 18.26: LOOKUP stops at them), so the
client substitutes what they hold and tries again. All that a link can name is below the root of
the mount: an absolute target starts there, and ``..`` does not lead out of it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import Any, Final

from nfsrdma.xdr.nfs4 import types as t

from .attributes import STAT, STAT_ROOM, Stat, decode_stat
from .compound import Compound
from .errors import StatusError, make_error, status_error
from .session import Session

LINKS_MAX: Final = 40
"""Symbolic links followed on the way to one file, as many as Linux follows."""
_PATH_MAX: Final = 16384
_RESERVED_OPERATIONS: Final = 6
"""Operations left for whatever is done with the file that was looked up."""

_NOT_DIRECTORIES: Final = frozenset((t.NFS4ERR_SYMLINK, t.NFS4ERR_NOTDIR))
# What a link is refused with by operations that are not for links, the last by NVERIFY.
_NO_LINKS: Final = _NOT_DIRECTORIES | {
    t.NFS4ERR_INVAL,
    t.NFS4ERR_WRONG_TYPE,
    t.NFS4ERR_SAME,
}
_HANDLE_LOST: Final = frozenset((t.NFS4ERR_STALE, t.NFS4ERR_FHEXPIRED, t.NFS4ERR_BADHANDLE))

# What is wrong with asking for the mount's root, by what was asked.
_ROOT_ERRORS: Final = {"OPEN": errno.EISDIR, "WRITE": errno.EISDIR, "CREATE": errno.EEXIST}

Path = str | bytes
Components = list[bytes]
Tail = Callable[[Compound], None]


def split(path: Path) -> Components:
    """The components of a path from the mount's root on; ``..`` is left in.

    Text is UTF-8, with the octets that are none as surrogates, as ``os.fsencode`` has it.
    """
    octets = path.encode("utf-8", "surrogateescape") if isinstance(path, str) else bytes(path)
    if b"\0" in octets:
        raise ValueError("a path cannot have a null character in it")
    return [part for part in octets.split(b"/") if part not in (b"", b".")]


def to_text(name: bytes) -> str:
    """The inverse of what :func:`split` does to text."""
    return name.decode("utf-8", "surrogateescape")


class Resolver:
    """Runs compounds on paths below one root."""

    def __init__(self, session: Session, export: Sequence[bytes]) -> None:
        self.session = session
        self._export = tuple(export)
        self.root = b""
        """The handle of the mount's root."""

    async def find_root(self) -> None:
        """Look the mount's root up, following links on the way. Raises :class:`NfsError`."""
        compound = self.session.compound("LOOKUP")
        compound.putrootfh()
        compound.getfh()
        try:
            self.root = (await self.session.call(compound))[1]
        except StatusError as error:
            raise status_error(error.status, path="/") from error
        if self._export:
            path = b"/".join(self._export)
            result = await self.run(path, "LOOKUP", Compound.getfh, follow=True)
            self.root = result[-2]

    async def stat(self, path: Path, *, follow: bool) -> Stat:
        """The attributes of what is there."""
        results = await self.run(path, "GETATTR", None, follow=follow)
        status: Stat = results[-1]
        return status

    async def run(
        self,
        path: Path,
        name: str,
        tail: Tail | None,
        *,
        follow: bool,
        idempotent: bool = True,
    ) -> list[Any]:
        """Look ``path`` up, do what ``tail`` appends with it, and get its attributes.

        The attributes are the last result, ``tail``'s are before it. With ``follow`` a link at
        the end of the path is followed too; ``tail`` may have been executed on the link then,
        so it should only look, or be something that cannot be done to a link.
        """

        def build(compound: Compound, components: Components) -> None:
            for component in components:
                compound.lookup(component)
            if tail is not None:
                tail(compound)
            compound.getattr(STAT, STAT_ROOM, decode_stat)

        search = _Search(path, name, build, follow=follow, idempotent=idempotent)
        return (await self._search(search, split(path)))[0]

    async def run_in_parent(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound, bytes], None],
        *,
        idempotent: bool = False,
        follow: bool = False,
    ) -> list[Any]:
        """Look the directory of ``path`` up, and do what ``tail`` appends there with its name.

        With ``follow``, ``NFS4ERR_SYMLINK`` from ``tail`` means that the name is a link, which
        is followed. Raises :class:`NfsError` if the path is the mount's root itself.
        """

        def build(compound: Compound, components: Components) -> None:
            if not components:
                number = _ROOT_ERRORS.get(name, errno.EBUSY)
                raise make_error(number, "this is the root of the mount", path)
            for component in components[:-1]:
                compound.lookup(component)
            tail(compound, components[-1])

        search = _Search(path, name, build, follow=follow, idempotent=idempotent, parent=True)
        return (await self._search(search, split(path)))[0]

    async def parent(self, path: Path) -> tuple[bytes, bytes]:
        """The handle of the directory of ``path``, and the name in it."""
        components = split(path)
        if b".." in components:
            components = await self._normal(components)
        if not components:
            raise make_error(errno.EBUSY, "this is the root of the mount", path)
        if len(components) == 1:
            return self.root, components[0]
        results = await self.run(b"/".join(components[:-1]), "LOOKUP", Compound.getfh, follow=True)
        return results[-2], components[-1]

    async def _search(
        self, search: _Search, components: Components
    ) -> tuple[list[Any], Components]:
        """Run a search until no link is in its way: the results, and the path without links."""
        relooked = False
        for _ in range(LINKS_MAX + 1):
            components = await self._normal(components)
            start, components, rest = await self._approach(components)
            compound = self.session.compound(search.name, idempotent=search.idempotent)
            compound.putfh(start)
            search.build(compound, rest)
            try:
                results = await self.session.call(compound)
            except StatusError as error:
                if error.status in _HANDLE_LOST and error.index == 0 and not relooked:
                    relooked = True
                    await self.find_root()
                    continue
                found = None
                for link in search.suspects(compound, error, len(components) - len(rest)):
                    if found is None:
                        found = await self._expand(components, link)
                if found is None:
                    raise status_error(error.status, path=search.path) from error
                components = found
            else:
                if search.parent or not search.follow or not rest or not results[-1].is_symlink:
                    return results, components
                found = await self._expand(components, len(components) - 1)
                if found is None:
                    raise make_error(errno.EIO, "a link that cannot be read", search.path)
                components = found
        raise make_error(errno.ELOOP, "too many symbolic links", search.path)

    async def _normal(self, components: Components) -> Components:
        """Go up where ``..`` says so, from where the links before it lead; never past the root."""
        while b".." in components:
            at = components.index(b"..")
            real: Components = []
            if at:
                search = _Search(b"/".join(components[:at]), "LOOKUP", _look, follow=True)
                real = (await self._search(search, components[:at]))[1]
            components = real[:-1] + components[at + 1 :]
        if sum(map(len, components)) + len(components) > _PATH_MAX:
            raise make_error(errno.ENAMETOOLONG, "the path is too long")
        return components

    async def _approach(self, components: Components) -> tuple[bytes, Components, Components]:
        """Where to start so that the rest fits a compound: a handle, the whole, the rest."""
        most = self.session.limits.max_operations - _RESERVED_OPERATIONS
        if len(components) <= most:
            return self.root, components, components
        head = components[:-most]
        search = _Search(b"/".join(head), "LOOKUP", _look, follow=True)
        results, real = await self._search(search, head)
        return results[-2], real + components[-most:], components[-most:]

    async def _expand(self, components: Components, link: int) -> Components | None:
        """Replace the component with that index by the target of the link that it is, if it is."""
        if link < 0:
            return None
        handle, whole, rest = await self._approach(components[: link + 1])
        compound = self.session.compound("READLINK")
        compound.putfh(handle)
        for component in rest:
            compound.lookup(component)
        compound.readlink()
        try:
            target: bytes = (await self.session.call(compound))[-1]
        except StatusError:
            return None
        beyond = components[link + 1 :]
        if b"\0" in target or not target:
            raise make_error(errno.EIO, "the server has a link to nowhere")
        return (split(target) if target.startswith(b"/") else whole[:-1] + split(target)) + beyond


class _Search:
    """What is done at the end of a path, and whether a link there is followed.

    ``parent`` says that the last component is not looked up, but used by an operation.
    """

    __slots__ = ("build", "follow", "idempotent", "name", "parent", "path")

    def __init__(
        self,
        path: Path,
        name: str,
        build: Callable[[Compound, Components], None],
        *,
        follow: bool,
        idempotent: bool = True,
        parent: bool = False,
    ) -> None:
        self.path = path
        self.name = name
        self.build = build
        self.follow = follow
        self.idempotent = idempotent
        self.parent = parent

    def suspects(self, compound: Compound, error: StatusError, before: int) -> list[int]:
        """Which components may be links, after ``before`` that came before the compound."""
        looked_up = before + compound.lookups(error.index)
        if error.status in _NOT_DIRECTORIES and error.operation == t.OP_LOOKUP:
            return [looked_up - 1]
        if self.parent:
            if error.status not in _NOT_DIRECTORIES:
                return []
            return [looked_up, looked_up - 1] if self.follow else [looked_up - 1]
        return [looked_up - 1] if self.follow and error.status in _NO_LINKS else []


def _look(compound: Compound, components: Components) -> None:
    """Look up the components, get the handle and the attributes."""
    for component in components:
        compound.lookup(component)
    compound.getfh()
    compound.getattr(STAT, STAT_ROOM, decode_stat)

"""The server's tree: exports joined by the pseudo file system, and the file handles for all of it.

A file handle is 13 octets and the back end's identity:

    version (1) | export (4, big-endian) | authenticator (8) | identity

The authenticator is a keyed hash of the rest and of the export's root. Clients cannot make up
handles, so what an export does not contain is not within reach even where the back end opens
inodes by number. The key must outlive the server for handles to do so.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Final

from ..waiting import then
from .export import Export
from .interface import EXECUTE, Eventual, Node, User
from .posix import failure
from .pseudo import PseudoFileSystem, PseudoNode

_VERSION: Final = b"\1"
_PREFIX: Final = 5
_AUTHENTICATOR: Final = 8
_CACHED: Final = 4096
_REMOVED: Final = 4096
"""Exports that were removed, and are remembered."""


class BadHandle(ValueError):
    """Octets that are no file handle of this server."""


class Filehandle:
    """An object of the tree, as the current or the saved file handle of a compound."""

    __slots__ = ("_namespace", "_wire", "export", "node")

    def __init__(self, namespace: Namespace, export: Export, node: Node) -> None:
        self._namespace = namespace
        self.export = export
        self.node = node
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The handle as clients see it: equal if and only if the objects are the same."""
        if self._wire is None:
            self._wire = self._namespace.encode(self.export, self.node.identity)
        return self._wire


class Namespace:
    """All exports, as one tree.

    ``key`` is the secret of the handles' authenticators (up to 32 octets), ``born_ns`` the time
    shown for the directories above the exports. Raises ``ValueError`` when the exports' names
    are in each other's way, or there is none.
    """

    def __init__(self, exports: Sequence[Export], key: bytes, born_ns: int) -> None:
        if not exports:
            raise ValueError("nothing is exported")
        self._key = key
        self._exports: dict[int, Export] = {}
        self._seals: dict[int, _Seal] = {}
        self._strange = _Seal(key, b"")
        self._removed: OrderedDict[int, _Seal] = OrderedDict()
        """The seals of exports that there were: their handles are known, and lead nowhere."""
        self._handles: OrderedDict[bytes, Filehandle] = OrderedDict()
        self.exports: tuple[Export, ...] = ()
        self._pseudo: Export | None = None
        self.replace(exports, born_ns)

    def replace(self, exports: Sequence[Export], born_ns: int) -> None:
        """Have these exports from now on. Those that stay keep their handles.

        Handles of those that go are stale from now on (NFS4ERR_STALE), until one of
        the same name and root comes back. Raises ``ValueError`` as the constructor does, and then
        nothing has changed.
        """
        if not exports:
            raise ValueError("nothing is exported")
        named = [export for export in exports if export.above is None]
        pseudo = None
        if len(named) != 1 or named[0].path:
            pseudo = PseudoFileSystem(named, born_ns)
        self._check_numbers(exports)
        removed = [export for export in self.exports if export not in exports]
        for export in removed:
            self._remove(export.id)
        # Those with a number of their own first: no other gets it.
        for export in sorted(exports, key=lambda each: each.number is None):
            if export not in self.exports:
                self._number(export)
        self.exports = tuple(exports)
        self._handles.clear()
        if pseudo is None:
            self._root = Filehandle(self, named[0], named[0].fs.root)
            if self._pseudo is not None:
                self._remove(0)
            self._pseudo = None
            return
        if self._pseudo is None:
            self._pseudo = Export("", pseudo)
        self._pseudo.fs = pseudo
        self._enter(0, self._pseudo)
        self._root = Filehandle(self, self._pseudo, pseudo.root)

    def _remove(self, number: int) -> None:
        del self._exports[number]
        self._removed[number] = self._seals.pop(number)
        self._removed.move_to_end(number)
        if len(self._removed) > _REMOVED:
            self._removed.popitem(last=False)

    def _check_numbers(self, exports: Sequence[Export]) -> None:
        numbered: dict[int, Export] = {}
        kept = {each.id: each for each in exports if each in self.exports}
        for export in exports:
            if export.number is None:
                continue
            other = numbered.setdefault(export.number, export)
            other = kept.get(export.number, other) if other is export else other
            if other is not export:
                raise ValueError(
                    f"{export.number} is the number (fsid) of /{export.name} and of /{other.name}"
                )

    def _number(self, export: Export) -> None:
        # From the name, so that it stays the same whatever else is exported.
        number = export.number or zlib.crc32(b"/" + b"/".join(export.path)) or 1
        while number in self._exports:
            number = number % 0xFFFFFFFF + 1
        export.id = number
        self._enter(number, export)

    def _enter(self, number: int, export: Export) -> None:
        self._exports[number] = export
        # Its handles are for what is below this very root: whatever another directory was called
        # that was exported by this name before, its handles are not ours.
        root = hashlib.blake2s(export.fs.root.identity + export.salt, key=self._key)
        self._seals[number] = _Seal(root.digest(), _prefix(number))

    @property
    def named(self) -> tuple[Export, ...]:
        """The exports that are mounted by their names: those that are not below others."""
        return tuple(export for export in self.exports if export.above is None)

    @property
    def root(self) -> Filehandle:
        """The top: what PUTROOTFH gives."""
        return self._root

    def prefix_of(self, export: Export) -> bytes:
        """Return the octets that all file handles of an export begin with."""
        return _prefix(export.id)

    def encode(self, export: Export, identity: bytes) -> bytes:
        """Return the octets of a file handle."""
        seal = self._seals.get(export.id)
        if seal is None:  # It has been removed meanwhile.
            seal = _Seal(self._key, _prefix(export.id))
        return seal.prefix + seal.of(identity) + identity

    def at_hand(self, wire: bytes) -> Filehandle | None:
        """Return what :meth:`decode` would, if it needs no look at the file system."""
        handle = self._handles.get(wire)
        if handle is not None:
            self._handles.move_to_end(wire)
        return handle

    def decode(self, wire: bytes) -> Eventual[Filehandle]:
        """Return what a handle stands for. :class:`BadHandle`, or ESTALE if that is gone."""
        handle = self._handles.get(wire)
        if handle is not None:
            self._handles.move_to_end(wire)
            return handle
        prefix, identity = wire[:_PREFIX], wire[_PREFIX + _AUTHENTICATOR :]
        given = wire[_PREFIX : _PREFIX + _AUTHENTICATOR]
        number = int.from_bytes(prefix[1:], "big")
        export = self._exports.get(number)
        # What is of no export is refused later on; it takes as long as anything else.
        seal = self._seals.get(number, self._strange)
        if not hmac.compare_digest(given, seal.of(identity)):
            removed = self._removed.get(number)
            if removed is None or not hmac.compare_digest(given, removed.of(identity)):
                raise BadHandle("not made here")
            raise failure(errno.ESTALE)
        if prefix[:1] != _VERSION or export is None:
            raise BadHandle("of no export")
        return then(export.fs.node(identity), partial(self._decoded, wire, export))

    def _decoded(self, wire: bytes, export: Export, node: Node) -> Filehandle:
        handle = Filehandle(self, export, node)
        self._handles[wire] = handle
        if len(self._handles) > _CACHED:
            self._handles.popitem(last=False)
        return handle

    def lookup(self, directory: Filehandle, name: bytes, who: User) -> Eventual[Filehandle]:
        """Look up the entry ``name``, or the root of the export that covers it."""
        export = directory.export
        if export.junctions:
            junction = export.junctions.get((directory.node.identity, name))
            if junction is not None:
                granted = export.fs.permitted(directory.node, who, EXECUTE)
                return then(granted, partial(self._cross, junction))
        return then(export.fs.lookup(directory.node, name, who), partial(self.at, export))

    def _cross(self, junction: Export, granted: int) -> Filehandle:
        """Return the root of what is mounted below an export, if the way there is granted."""
        if not granted & EXECUTE:
            raise failure(errno.EACCES)
        return Filehandle(self, junction, junction.fs.root)

    def parent(self, directory: Filehandle, who: User) -> Eventual[Filehandle] | None:
        """Return the directory above, out of an export into what it covers; None at the top."""
        node, export = directory.node, directory.export
        if node.identity != export.fs.root.identity:
            return then(export.fs.parent(node, who), partial(Filehandle, self, export))
        if export.above is not None:
            granted = export.fs.permitted(node, who, EXECUTE)
            return then(granted, partial(self._leave, *export.above))
        if self._pseudo is None or export is self._pseudo:
            return None
        assert isinstance(self._pseudo.fs, PseudoFileSystem)
        above = self._pseudo.fs.mountpoint(export).above
        assert above is not None
        return Filehandle(self, self._pseudo, above)

    def _leave(self, outside: Export, directory: bytes, granted: int) -> Eventual[Filehandle]:
        """Return the directory that something is mounted in, if the way there is granted."""
        if not granted & EXECUTE:
            raise failure(errno.EACCES)
        return then(outside.fs.node(directory), partial(Filehandle, self, outside))

    def may_lead(self, directory: Filehandle) -> bool:
        """Return whether entries of a directory may be roots of other exports."""
        return bool(directory.export.junctions) or directory.export is self._pseudo

    def export_of(self, directory: Filehandle, name: bytes) -> Export:
        """Return the export of an entry: that of the directory, unless one covers the entry."""
        export = directory.export
        if export.junctions:
            return export.junctions.get((directory.node.identity, name), export)
        if export is not self._pseudo:
            return export
        assert isinstance(directory.node, PseudoNode)
        return directory.node.entries[name].mount or export

    def at(self, export: Export, node: Node) -> Filehandle:
        """Return a handle for a node, or for the root of the export that covers it."""
        if isinstance(node, PseudoNode) and node.mount is not None:
            return Filehandle(self, node.mount, node.mount.fs.root)
        return Filehandle(self, export, node)


def _prefix(number: int) -> bytes:
    return _VERSION + number.to_bytes(4, "big")


class _Seal:
    """What authenticates the handles of one export: a keyed hash that has taken their prefix."""

    __slots__ = ("_begun", "prefix")

    def __init__(self, key: bytes, prefix: bytes) -> None:
        self.prefix = prefix
        self._begun = hashlib.blake2s(prefix, digest_size=_AUTHENTICATOR, key=key)

    def of(self, identity: bytes) -> bytes:
        """Return the authenticator of an identity."""
        digest = self._begun.copy()
        digest.update(identity)
        return digest.digest()

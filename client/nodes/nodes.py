"""All that a mount does with nodes: opening, extended attributes and access control lists."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import encode_fattr4

from ..attributes import Stat, encode_attributes
from ..errors import NfsError, Where
from ..habits import NO_EXCLUSIVE
from ..operations import Opening
from ..xattr_names import PREFIX, option_of, wire_name
from .lookups import below
from .names import NodeNames
from .node import Node
from .node_file import NodeFile


class Nodes(NodeNames):
    """The nodes of one mount, for one of its users.

    All users of a mount share the cached attributes and names (:meth:`acting_as`). A user is told a
    name from the cache only if the server has let him search its directory since that has changed.

    Methods that return a node count it as looked up, until :meth:`forget`. If the server has lost
    the handle of a node, its path is looked up again; if the same object is still there, the
    operation is repeated with the new handle. Everything raises :class:`NfsError`.
    """

    # --- Extended attributes, under the names that Linux gives them ---

    async def getxattr(self, node: Node, name: bytes) -> bytes:
        """Return the value of an extended attribute; ENODATA if there is none of that name."""
        key = wire_name(name, node.path())
        return await self._at(lambda: self._operations.getxattr(node.handle, key, node.path), node)

    async def setxattr(self, node: Node, name: bytes, value: bytes, flags: int = 0) -> None:
        """Set an extended attribute; ``flags`` are those of ``os.setxattr``."""
        key, option = wire_name(name, node.path()), option_of(flags)
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.setxattr(node.handle, key, value, option, node.path), node
        )
        node.learn(status, asked_at)

    async def listxattr(self, node: Node) -> list[bytes]:
        """Return the names of all extended attributes."""
        names = await self._at(lambda: self._operations.listxattrs(node.handle, node.path), node)
        return [PREFIX + name for name in names]

    async def removexattr(self, node: Node, name: bytes) -> None:
        """Remove an extended attribute; ENODATA if there is none of that name."""
        key = wire_name(name, node.path())
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.removexattr(node.handle, key, node.path), node
        )
        node.learn(status, asked_at)

    # --- Access control lists ---

    async def acl(self, node: Node) -> list[t.nfsace4]:
        """Return the access control list; EOPNOTSUPP where the server has none."""
        return await self._at(lambda: self._operations.acl(node.handle, node.path), node)

    async def set_acl(self, node: Node, aces: list[t.nfsace4]) -> Stat:
        """Replace the access control list; return the new attributes."""
        return await self.setattr(node, encode_fattr4({t.FATTR4_ACL: aces}))

    # --- Opening ---

    async def open(self, node: Node, access: int, *, truncate: bool = False) -> NodeFile:
        """Open a file, for ``OPEN4_SHARE_ACCESS_READ``, ``WRITE`` or both.

        With ``truncate`` its size is set to 0 in the same call.
        """
        if not truncate:
            here = await self._open_delegated(node, access)
            if here is not None:
                return here
        asked_at, mark = self._now(), self._client.files.unstable.mark
        opening = await self._at(
            lambda: self._open_operations.open_handle(
                node.handle, access, node.path, truncate=truncate
            ),
            node,
        )
        changed = opening.status.change != node.change
        node.learn(opening.status, asked_at)
        file = self._opened(node, opening, truncate, changed)
        if truncate:
            await self._truncated(node, file, mark)
        return file

    async def _truncated(self, node: Node, file: NodeFile, mark: int) -> None:
        """Truncate a file once more, if old data may have come again after OPEN had done it."""
        if not await self._client.files.unstable.disturbed(node.handle, mark):
            return
        try:
            await self.setattr(node, encode_attributes(size=0), 0)
        except BaseException:
            await file.close()
            raise

    async def _open_delegated(self, node: Node, access: int) -> NodeFile | None:
        """Open a file that the server has left to us, without a call if its attributes are known.

        Return None if it has not.
        """
        opens, caller = self._open_operations.opens, self._open_operations.caller
        opened = opens.open_here(caller, node.handle, access)
        if opened is None:
            return None
        since = self._now() if opened.delegation is None else opened.delegation.since
        before = node.change
        try:
            # What was seen before the file was ours, somebody may have changed meanwhile.
            await (self.getattr(node) if node.known_at >= since else self.refresh(node))
        except BaseException:
            opens.discard(opened)
            raise
        file = self._client.open_file(opened, node.path(), self._open_operations)
        return NodeFile(node, file, self.table, self._locks, node.change != before)

    async def create(
        self,
        directory: Node,
        name: bytes,
        access: int,
        mode: int,
        *,
        umask: int = 0,
        exclusive: bool = False,
        truncate: bool = False,
        lazily: bool = False,
    ) -> NodeFile:
        """Open a file by its name, and make it with ``mode`` if it does not exist.

        ``umask`` is taken from that unless the file inherits a list. If it is there, ``exclusive``
        makes this an error, and ``truncate`` sets the size to 0. The file's node is counted as
        looked up. With ``lazily`` the caller sets the times of a file made exclusively, if it is
        told to (:attr:`NodeFile.owes_times`).
        """
        asked_at = self._now()
        where = partial(below, directory, name)

        async def opened(how: t.createhow4) -> Opening:
            flag = t.openflag4(t.OPEN4_CREATE, how)
            return await self._at(
                lambda: self._open_operations.open(directory.handle, name, access, flag, where),
                directory,
            )

        owes, mark = False, self._client.files.unstable.mark
        if exclusive:
            attributes = self._of_new(directory, mode, umask)
            opening, owes = await self._open_exclusively(opened, attributes, where, lazily)
        else:
            attributes = self._of_new(directory, mode, umask, 0 if truncate else None)
            opening = await opened(t.createhow4(t.UNCHECKED4, attributes))
        self._moved_on(directory, opening.directory, asked_at)
        known = self.table.find(opening.status)
        changed = known is None or opening.status.change != known.change
        node = self.table.enter(opening.status, asked_at)
        self.table.name(directory, name, node)
        self.table.look_up(node)
        file = self._opened(node, opening, truncate, changed)
        file.owes_times = owes
        if truncate and not exclusive:
            await self._truncated(node, file, mark)
        return file

    async def _open_exclusively(
        self,
        opened: Callable[[t.createhow4], Coroutine[Any, Any, Opening]],
        attributes: t.fattr4,
        where: Where,
        lazily: bool,
    ) -> tuple[Opening, bool]:
        """Make a file so that it is known as ours if the server forgets that it has replied.

        For that it keeps a verifier, usually in the times of the file (RFC 8881, Section 18.16.3).
        Return whether they still have to be set, to about that of its last change.
        """
        habits = self._client.habits
        if habits.exclusive_create:
            verifier = self._client.rng.getrandbits(64).to_bytes(8)
            both = t.creatverfattr(verifier, attributes)
            try:
                opening = await opened(t.createhow4(t.EXCLUSIVE4_1, both))
            except NfsError as error:
                if error.status not in NO_EXCLUSIVE:
                    raise
                habits.exclusive_create = False
            else:
                if lazily:
                    made_at = opening.status.st_ctime_ns
                    opening.status.st_mtime_ns = opening.status.st_atime_ns = made_at
                    return opening, True
                now = encode_attributes(atime_now=True, mtime_now=True)
                operations, made = self._open_operations, opening.opened
                try:
                    opening.status = await operations.setattr(made, now, where)
                except BaseException:
                    self._client.opens.discard(made)
                    await operations.close(made, where=where)
                    raise
                opening.status.handle = made.handle
                return opening, False
        return await opened(t.createhow4(t.GUARDED4, attributes)), False

    def _opened(self, node: Node, opening: Opening, truncated: bool, changed: bool) -> NodeFile:
        if truncated:
            self._client.files.cut(node.handle, 0)
        file = self._client.open_file(opening.opened, node.path(), self._open_operations)
        return NodeFile(node, file, self.table, self._locks, changed)

"""Names of nodes are made, moved and removed, each by one call that may be in doubt."""

from __future__ import annotations

from functools import partial

from nfsrdma.xdr.nfs4 import types as t

from ..attributes import Stat, encode_attributes
from ..operations import Made, Moved
from .doubt import certain, was_linked, was_made, was_removed, was_renamed
from .lookups import NodeLookups, below
from .node import Node


class NodeNames(NodeLookups):
    """What changes a node's attributes, or the names in a directory.

    What a call did whose reply is lost is found out by what is there (:mod:`.doubt`).
    """

    async def setattr(self, node: Node, attributes: t.fattr4, size: int | None = None) -> Stat:
        """Set ``attributes``; return the new attributes.

        ``size`` repeats the size in ``attributes``, if any: unstable data beyond it is dropped.
        """
        await self._client.files.unstable.settle(node.handle)
        asked_at = self._now()
        status = await self._at(
            lambda: self._operations.setattr(node.handle, attributes, node.path), node
        )
        if size is not None:
            self._client.files.cut(node.handle, size)
        node.learn(status, asked_at)
        return status

    def _of_new(self, directory: Node, mode: int, umask: int, size: int | None = None) -> t.fattr4:
        """Return the attributes of what is made in a directory.

        What it inherits there takes the place of ``umask`` (RFC 8275), which only the server knows.
        """
        root = self.table.root
        if umask and self._client.takes_umask and root is not None and root.fsid == directory.fsid:
            return encode_attributes(size=size, mode=mode, umask=umask)
        return encode_attributes(size=size, mode=mode & ~umask)

    async def mkdir(self, directory: Node, name: bytes, mode: int, umask: int = 0) -> Node:
        """Make a directory; ``umask`` is taken from its ``mode`` unless it inherits a list."""
        attributes = self._of_new(directory, mode, umask)
        return await self._create(directory, name, t.createtype4(t.NF4DIR), attributes)

    async def symlink(self, directory: Node, name: bytes, target: bytes) -> Node:
        """Make a symbolic link that holds ``target``."""
        kind, attributes = t.createtype4(t.NF4LNK, target), encode_attributes(mode=0o777)
        return await self._create(directory, name, kind, attributes)

    async def mknod(
        self,
        directory: Node,
        name: bytes,
        kind: int,
        mode: int,
        device: tuple[int, int] = (0, 0),
        umask: int = 0,
    ) -> Node:
        """Make a special file: ``kind`` is ``NF4FIFO``, ``NF4SOCK``, ``NF4BLK`` or ``NF4CHR``.

        ``device`` are the major and minor numbers of the last two; ``umask`` is as for a directory.
        """
        if kind in (t.NF4BLK, t.NF4CHR):
            made = t.createtype4(kind, t.specdata4(*device))
        else:
            made = t.createtype4(kind)
        attributes = self._of_new(directory, mode, umask)
        return await self._create(directory, name, made, attributes)

    async def _create(
        self, directory: Node, name: bytes, kind: t.createtype4, attributes: t.fattr4
    ) -> Node:
        asked_at = self._now()
        where = partial(below, directory, name)

        async def is_ours(found: Stat) -> bool:
            # Whoever made a link with the same target, it does the same.
            if kind.type != t.NF4LNK or not found.is_symlink:
                return False
            target: object = kind.value
            return await self._operations.readlink(found.handle, where) == target

        made = await certain(
            lambda: self._at(
                lambda: self._operations.create(directory.handle, name, kind, attributes, where),
                directory,
            ),
            lambda: was_made(self._status_of, directory, name, is_ours),
        )
        if made is None:
            return await self._find_made(directory, name)
        return self._made(directory, name, made, asked_at)

    async def link(self, node: Node, directory: Node, name: bytes) -> Node:
        """Give a file another name."""
        asked_at = self._now()
        where = partial(below, directory, name)
        made = await certain(
            lambda: self._at(
                lambda: self._operations.link(node.handle, directory.handle, name, where),
                node,
                directory,
            ),
            lambda: was_linked(self._status_of, directory, name, node),
        )
        if made is None:
            return await self._find_made(directory, name)
        return self._made(directory, name, made, asked_at)

    async def _find_made(self, directory: Node, name: bytes) -> Node:
        """Return what was made by a call whose reply is lost."""
        self._unsure(directory, name)
        return await self.lookup(directory, name)

    def _unsure(self, directory: Node, name: bytes) -> None:
        """Forget what is known of a name, and let its directory be asked about again."""
        directory.names.pop(name, None)
        directory.expire(self._now())

    async def _status_of(self, directory: Node, name: bytes) -> Stat | None:
        """Ask the server what has a name."""
        where = partial(below, directory, name)
        seen = await self._at(
            lambda: self._operations.look(directory.handle, name, where), directory
        )
        return seen.status

    def _made(self, directory: Node, name: bytes, made: Made, asked_at: float) -> Node:
        self._moved_on(directory, made.directory, asked_at)
        node = self.table.enter(made.status, asked_at)
        self.table.name(directory, name, node)
        self.table.look_up(node)
        return node

    async def remove(self, directory: Node, name: bytes) -> None:
        """Remove a name, which may be that of an empty directory.

        The attributes of what has it expire if the name was looked up before.
        """
        asked_at = self._now()
        where = partial(below, directory, name)
        node = directory.names.get(name)
        moved = await certain(
            lambda: self._at(
                lambda: self._operations.remove(directory.handle, name, where, look=True),
                directory,
            ),
            lambda: was_removed(self._status_of, directory, name, node),
        )
        self._lose_name(directory, name)
        if moved is None:
            self._unsure(directory, name)
            return
        self._moved_on(directory, moved, asked_at)
        self.table.name(directory, name, None)

    async def rename(
        self, from_directory: Node, old: bytes, to_directory: Node, new: bytes
    ) -> None:
        """Move a name, replacing a file or an empty directory.

        The attributes of what has either name expire if the names were looked up before.
        """
        asked_at = self._now()
        where = partial(below, from_directory, old)
        source, target = (from_directory, old), (to_directory, new)
        moved = from_directory.names.get(old)
        done = await certain(
            lambda: self._at(
                lambda: self._operations.rename(
                    from_directory.handle, old, to_directory.handle, new, where
                ),
                from_directory,
                to_directory,
            ),
            lambda: was_renamed(self._status_of, source, target, moved),
        )
        moved = from_directory.names.get(old)
        if from_directory is not to_directory or old != new:
            self._lose_name(to_directory, new)
        if done is None:
            if moved is not None:
                moved.expire(self._now())
            self._unsure(*source)
            self._unsure(*target)
            return
        left, entered = done
        self._moved_on(from_directory, left, asked_at)
        if to_directory is not from_directory:
            self._moved_on(to_directory, entered, asked_at)
        if left.info.before == left.info.after:
            # Both were names of one file, and stay so (RFC 8881, Section 18.26.3); or who knows.
            from_directory.names.pop(old, None)
            to_directory.names.pop(new, None)
            return
        self.table.name(from_directory, old, None)
        if moved is not None:
            moved.expire(self._now())
            self.table.name(to_directory, new, moved)
        else:
            to_directory.names.pop(new, None)

    def _lose_name(self, directory: Node, name: bytes) -> None:
        """Let the attributes of what has the name expire, since it will have one name less.

        If nobody knows what that is, it may be any file with several names.
        """
        if name not in directory.names:
            self.table.link_lost_at = self._now()
            return
        node = directory.names[name]
        if node is not None:
            node.expire(self._now())
            self._open_operations.opens.delegations.release(node.handle)

    def _moved_on(self, directory: Node, moved: Moved, asked_at: float) -> None:
        directory.moved_on(moved, asked_at, self._now())

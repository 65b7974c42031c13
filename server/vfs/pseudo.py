"""The pseudo file system: directories that lead from the root to the exports.

See RFC 8881, Section 7.3. It is read-only, the same for everyone, and made once from the names of
the exports.
"""

from __future__ import annotations

import errno
import hashlib
import stat

from ..waiting import ready, started
from .export import Export
from .interface import (
    EXECUTE,
    READ,
    Attributes,
    Changes,
    Entry,
    Eventual,
    FileSystem,
    Job,
    Listing,
    Node,
    OpenFile,
    Statistics,
    Times,
    User,
)
from .posix import failure

_FIRST_ENTRY = 3


class PseudoNode(Node):
    """A directory on the way to an export, or what an export is mounted on."""

    __slots__ = ("above", "entries", "mount")

    def __init__(self, path: tuple[bytes, ...], above: PseudoNode | None) -> None:
        # From the name alone, so that handles stay good when the server starts again.
        self.identity = hashlib.blake2s(b"/".join(path), digest_size=8).digest()
        self.fileid = int.from_bytes(self.identity, "big") or 1
        self.type = stat.S_IFDIR
        self.entries: dict[bytes, PseudoNode] = {}
        self.above = above
        self.mount: Export | None = None


class PseudoFileSystem(FileSystem):
    """See the module's text. ``born_ns`` is the time of everything in it.

    Raises ``ValueError`` for two exports of one name, or one within another.
    """

    read_only = True

    def __init__(self, exports: list[Export], born_ns: int) -> None:
        self._born_ns = born_ns
        self._root = PseudoNode((), None)
        self._nodes = {self._root.identity: self._root}
        for export in exports:
            self._add(export)

    def _add(self, export: Export) -> None:
        node = self._root
        for depth, name in enumerate(export.path):
            if node.mount is not None:
                break
            if name not in node.entries:
                child = PseudoNode(export.path[: depth + 1], node)
                node.entries[name] = child
                self._nodes[child.identity] = child
            node = node.entries[name]
        if node is self._root or node.mount is not None or node.entries:
            raise ValueError(f"the export {export.name!r} is in another's way")
        node.mount = export
        export.mounted_on = node.fileid

    @property
    def root(self) -> PseudoNode:
        """The top of the tree."""
        return self._root

    def mountpoint(self, export: Export) -> PseudoNode:
        """Return the directory that the export's root covers."""
        node = self._root
        for name in export.path:
            node = node.entries[name]
        return node

    def node(self, identity: bytes) -> PseudoNode:
        """Return the node of an identity."""
        node = self._nodes.get(identity)
        if node is None:
            raise failure(errno.ESTALE)
        return node

    def attributes_at_once(self, node: Node, birth: bool = False) -> Attributes | None:
        """Return the node's attributes now."""
        return self.attributes(node, birth)

    def attributes(self, node: Node, birth: bool = False) -> Attributes:
        """Return the node's attributes now."""
        assert isinstance(node, PseudoNode)
        result = Attributes()
        result.type = stat.S_IFDIR
        result.mode = 0o555
        result.nlink = 2 + len(node.entries)
        result.uid = result.gid = 0
        result.size = 4096
        result.space_used = 0
        result.rdev = (0, 0)
        result.fileid = node.fileid
        # What is below changes only with the configuration, and so with a new start.
        result.change = self._born_ns
        result.atime_ns = result.mtime_ns = result.ctime_ns = result.btime_ns = self._born_ns
        return result

    def permitted(self, node: Node, who: User, mask: int) -> int:
        """Return what a user is granted of a mask."""
        return mask & (READ | EXECUTE)

    def lookup(self, directory: Node, name: bytes, who: User) -> PseudoNode:
        """Look an entry up."""
        assert isinstance(directory, PseudoNode)
        node = directory.entries.get(name)
        if node is None:
            raise failure(errno.ENOENT)
        return node

    def parent(self, directory: Node, who: User) -> PseudoNode:
        """Return the directory above."""
        assert isinstance(directory, PseudoNode)
        if directory.above is None:
            raise failure(errno.ENOENT)
        return directory.above

    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Eventual[Listing]:
        """List entries of a directory."""
        return started(self._entries(directory, cookie, most, birth))

    async def _entries(self, directory: Node, cookie: int, most: int, birth: bool) -> Listing:
        assert isinstance(directory, PseudoNode)
        listed: list[Entry] = []
        for place, (name, node) in enumerate(directory.entries.items(), _FIRST_ENTRY):
            if place <= cookie:
                continue
            if len(listed) >= most:
                return Listing(listed, False)
            found: tuple[Attributes, bytes] | OSError
            if node.mount is None:
                found = self.attributes(node), node.identity
            else:
                # What is mounted there is what is seen.
                fs = node.mount.fs
                try:
                    found = await ready(fs.attributes(fs.root, birth)), fs.root.identity
                except OSError as error:
                    found = error
            listed.append(Entry(place, name, found))
        return Listing(listed, True)

    def readlink(self, node: Node, who: User) -> bytes:
        """Refuse with EINVAL: there are no links."""
        raise failure(errno.EINVAL)

    def statistics(self) -> Statistics:
        """Return the room that there is."""
        count = len(self._nodes)
        return Statistics(0, 0, 0, count, 0, 0)

    # --- What would change something ---

    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Job | None:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def open(self, node: Node, who: User, access: int, *, override: bool = False) -> OpenFile:
        """Refuse with EISDIR: there are no files."""
        raise failure(errno.EISDIR)

    def create(
        self,
        directory: Node,
        name: bytes,
        who: User,
        mode: int,
        access: int,
        times: Times | None = None,
    ) -> tuple[Node, OpenFile]:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> Node:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> Node:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> Node:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def link(self, node: Node, directory: Node, name: bytes, who: User) -> None:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def remove(self, directory: Node, name: bytes, who: User) -> None:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

    def rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> None:
        """Refuse with EROFS."""
        raise failure(errno.EROFS)

"""A file system in memory: complete, deterministic, gone with its process.

It has no clock of its own: the constructor is given one. File contents are kept in chunks, absent
where nothing was ever written, so that a sparse file costs what it holds.
"""

from __future__ import annotations

import errno
import stat
import struct
from collections.abc import Callable

from .interface import (
    EXECUTE,
    NOW,
    READ,
    WRITE,
    Attributes,
    Changes,
    Entry,
    FileSystem,
    Job,
    Listing,
    Node,
    OpenFile,
    Statistics,
    Times,
    User,
    XattrMode,
)
from .memory_acls import (
    acls_of,
    apply_acls,
    growth_by_acls,
    inherit_acls,
    size_of_inherited,
)
from .memory_file import CHUNK, MemoryFile
from .memory_node import Directory, MemoryNode
from .memory_xattrs import growth_by_removing, growth_by_setting, names_of, value_of
from .posix import failure, granted, inherited, require, without_foreign_setgid, without_setid
from .posix_acl import Acls

_IDENTITY = struct.Struct(">IQ")


class MemoryFileSystem(FileSystem):
    """See the module's text. ``clock`` gives nanoseconds since 1970.

    ``capacity`` bounds the octets of all files, ``max_files`` the number of objects (ENOSPC);
    ``instance`` tells the identities of one life of the server from those of another.
    """

    has_birth_time = True
    atomic_changes = True
    change_is_monotonic = True
    has_xattrs = True
    has_acls = True

    def __init__(
        self,
        clock: Callable[[], int],
        *,
        capacity: int = 1 << 30,
        max_files: int = 1 << 20,
        instance: int = 0,
        mode: int = 0o777,
    ) -> None:
        self._clock = clock
        self._capacity = capacity
        self._max_files = max_files
        self._instance = instance & 0xFFFFFFFF
        self._used = 0
        self._change = 0
        self._next_id = 2
        self._nodes: dict[int, MemoryNode] = {}
        self._root = self._new(stat.S_IFDIR | mode, 0, 0)
        self._root.nlink = 2
        self._root.parent = self._root

    # --- What FileSystem asks for ---

    @property
    def root(self) -> MemoryNode:
        """The top of the tree."""
        return self._root

    def node(self, identity: bytes) -> MemoryNode:
        """Return the node of an identity."""
        try:
            instance, fileid = _IDENTITY.unpack(identity)
        except struct.error:
            raise failure(errno.EINVAL) from None
        node = self._nodes.get(fileid)
        if node is None or instance != self._instance:
            raise failure(errno.ESTALE)
        return node

    def attributes_at_once(self, node: Node, birth: bool = False) -> Attributes | None:
        """Return the node's attributes now."""
        return self.attributes(node, birth)

    def attributes(self, node: Node, birth: bool = False) -> Attributes:
        """Return the node's attributes now."""
        self._alive(node)
        assert isinstance(node, MemoryNode)
        result = Attributes()
        result.type = node.type
        result.mode = node.mode
        result.nlink = node.nlink
        result.uid = node.uid
        result.gid = node.gid
        result.size = node.size
        result.space_used = node.space
        result.rdev = node.rdev
        result.fileid = node.fileid
        result.change = node.change
        result.atime_ns = node.atime_ns
        result.mtime_ns = node.mtime_ns
        result.ctime_ns = node.ctime_ns
        result.btime_ns = node.btime_ns
        return result

    def now_ns(self) -> int:
        """Return the time of the clock."""
        return self._clock()

    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Job | None:
        """Set attributes."""
        self._alive(node)
        assert isinstance(node, MemoryNode)
        owns = who.uid in (0, node.uid)
        self._check_owners(node, who, changes, owns)
        self._check_times(node, who, changes, owns)
        if changes.size is not None:
            if via is None:
                self._require(node, who, WRITE)
            self._truncate(node, changes.size)
            node.mode = without_setid(node.mode)
        if changes.uid is not None or changes.gid is not None:
            node.uid = node.uid if changes.uid is None else changes.uid
            node.gid = node.gid if changes.gid is None else changes.gid
            if node.is_regular:
                node.mode = without_setid(node.mode)
        if changes.mode is not None:
            node.mode = without_foreign_setgid(who, node.gid, changes.mode & 0o7777)
            node.acl = None if node.acl is None else node.acl.with_mode(node.mode)
        now = self._clock()
        self.touch(node, modified=changes.size is not None)
        if changes.atime_ns is not None:
            node.atime_ns = now if changes.atime_ns == NOW else changes.atime_ns
        if changes.mtime_ns is not None:
            node.mtime_ns = now if changes.mtime_ns == NOW else changes.mtime_ns
        return None

    def permitted(self, node: Node, who: User, mask: int) -> int:
        """Return what a user is granted of a mask."""
        assert isinstance(node, MemoryNode)
        return granted(who, node.uid, node.gid, node.mode, mask, node.is_directory, node.acl)

    def permitted_at_once(self, node: Node, who: User, mask: int) -> int:
        """Return what a user is granted of a mask."""
        return self.permitted(node, who, mask)

    def lookup_at_once(self, directory: Node, name: bytes, who: User) -> MemoryNode:
        """Look an entry up."""
        return self.lookup(directory, name, who)

    def lookup(self, directory: Node, name: bytes, who: User) -> MemoryNode:
        """Look an entry up."""
        parent = self._directory(directory)
        self._require(parent, who, EXECUTE)
        return self._entry(parent, name)

    def parent(self, directory: Node, who: User) -> MemoryNode:
        """Return the directory above."""
        assert isinstance(directory, MemoryNode)
        self._directory(directory)
        self._require(directory, who, EXECUTE)
        if directory.parent is None:
            raise failure(errno.ENOENT)
        return directory.parent

    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Listing:
        """List entries of a directory."""
        parent = self._directory(directory)
        self._require(parent, who, READ)
        listed: list[Entry] = []
        for place, name in _contents(parent).after(cookie):
            if len(listed) >= most:
                return Listing(listed, False)
            node = self._entry(parent, name)
            listed.append(Entry(place, name, (self.attributes(node), node.identity)))
        return Listing(listed, True)

    def readlink(self, node: Node, who: User) -> bytes:
        """Return the target of a symbolic link."""
        assert isinstance(node, MemoryNode)
        if not isinstance(node.content, bytes) or node.type != stat.S_IFLNK:
            raise failure(errno.EINVAL)
        return node.content

    def open(self, node: Node, who: User, access: int, *, override: bool = False) -> MemoryFile:
        """Open a regular file."""
        assert isinstance(node, MemoryNode)
        self._alive(node)
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        if not (override and node.uid == who.uid):
            self._require(node, who, access)
        return MemoryFile(self, node)

    def create(
        self,
        directory: Node,
        name: bytes,
        who: User,
        mode: int,
        access: int,
        times: Times | None = None,
    ) -> tuple[MemoryNode, MemoryFile]:
        """Make a regular file and open it."""
        node = self._make(directory, name, who, stat.S_IFREG | mode)
        if times is not None:
            node.atime_ns, node.mtime_ns = times
        return node, MemoryFile(self, node)

    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> MemoryNode:
        """Make a directory."""
        node = self._make(directory, name, who, stat.S_IFDIR | mode)
        node.nlink = 2
        parent = self._directory(directory)
        node.parent = parent
        parent.nlink += 1
        return node

    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> MemoryNode:
        """Make a symbolic link."""
        node = self._make(directory, name, who, stat.S_IFLNK | 0o777)
        node.content = bytes(target)
        node.size = len(target)
        return node

    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> MemoryNode:
        """Make a fifo, a socket or a device."""
        if stat.S_IFMT(mode) in (stat.S_IFBLK, stat.S_IFCHR) and who.uid != 0:
            raise failure(errno.EPERM)
        node = self._make(directory, name, who, mode)
        node.rdev = rdev
        return node

    def link(self, node: Node, directory: Node, name: bytes, who: User) -> None:
        """Give a node another name."""
        assert isinstance(node, MemoryNode)
        if node.is_directory:
            raise failure(errno.EPERM)
        self._alive(node)
        if node.nlink == 0:
            raise failure(errno.ENOENT)
        if node.nlink >= self.max_link:
            raise failure(errno.EMLINK)
        parent = self._room_for(directory, name, who)
        _contents(parent).add(name, node)
        node.nlink += 1
        self.touch(node, modified=False)
        self.touch(parent, modified=True)

    def remove(self, directory: Node, name: bytes, who: User) -> None:
        """Remove an entry."""
        parent = self._directory(directory)
        self._require(parent, who, WRITE | EXECUTE)
        node = self._entry(parent, name)
        self._check_sticky(parent, node, who)
        if node.is_directory and _contents(node).entries:
            raise failure(errno.ENOTEMPTY)
        self._unlink(parent, name, node)

    def rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> None:
        """Move an entry."""
        from_parent, to_parent = self._directory(source), self._directory(target)
        self._require(from_parent, who, WRITE | EXECUTE)
        self._require(to_parent, who, WRITE | EXECUTE)
        node = self._entry(from_parent, old)
        self._check_sticky(from_parent, node, who)
        self._check_new_name(new)
        if node.is_directory:
            self._check_not_below(node, to_parent)
        victim = _contents(to_parent).entries.get(new, (0, None))[1]
        if victim is node:
            return
        if victim is not None:
            self._check_sticky(to_parent, victim, who)
            self._check_replaceable(node, victim)
            self._unlink(to_parent, new, victim)
        elif to_parent.nlink == 0:
            raise failure(errno.ENOENT)
        _contents(from_parent).remove(old)
        _contents(to_parent).add(new, node)
        if node.is_directory:
            node.parent = to_parent
            from_parent.nlink -= 1
            to_parent.nlink += 1
        self.touch(node, modified=False)
        self.touch(from_parent, modified=True)
        self.touch(to_parent, modified=True)

    def statistics(self) -> Statistics:
        """Return the room that there is."""
        free = max(0, self._capacity - self._used)
        left = max(0, self._max_files - len(self._nodes))
        return Statistics(self._capacity, free, free, self._max_files, left, left)

    def get_xattr(self, node: Node, who: User, name: bytes) -> bytes:
        """Return the value of an extended attribute."""
        return value_of(self._living(node), who, name)

    def set_xattr(self, node: Node, who: User, name: bytes, value: bytes, mode: XattrMode) -> None:
        """Set an extended attribute."""
        changed = self._living(node)
        self._grow(changed, growth_by_setting(changed, who, name, value, mode))
        changed.xattrs[name] = value

    def list_xattrs(self, node: Node, who: User) -> list[bytes]:
        """Return the names of all extended attributes."""
        return names_of(self._living(node), who)

    def remove_xattr(self, node: Node, who: User, name: bytes) -> None:
        """Remove an extended attribute."""
        changed = self._living(node)
        self._grow(changed, growth_by_removing(changed, who, name))
        del changed.xattrs[name]

    def acls(self, node: Node) -> Acls:
        """Return the access control lists of a node."""
        return acls_of(self._living(node))

    def set_acls(self, node: Node, who: User, acls: Acls) -> None:
        """Replace the access control lists of a node."""
        changed = self._living(node)
        self._grow(changed, growth_by_acls(changed, who, acls))
        apply_acls(changed, who, acls)

    def _grow(self, node: MemoryNode, octets: int) -> None:
        if self._used + octets > self._capacity:
            raise failure(errno.ENOSPC)
        self._used += octets
        node.space += octets
        self.touch(node, modified=False)

    # --- For MemoryFile ---

    def touch(self, node: MemoryNode, modified: bool) -> None:
        """Note that the node changed: its ``ctime``, and its ``mtime`` if ``modified``."""
        node.ctime_ns = self._clock()
        if modified:
            node.mtime_ns = node.ctime_ns
        self._change += 1
        node.change = self._change

    def charge(self, node: MemoryNode, offset: int, length: int) -> None:
        """Make the chunks under a range long enough to be written; ENOSPC before any is."""
        chunks = node.content
        assert isinstance(chunks, dict)
        wanted: list[tuple[int, int]] = []
        total = 0
        end = offset + length
        # Checked first: a range of exabytes must not be walked.
        if length > self._capacity:
            raise failure(errno.ENOSPC)
        for index in range(offset // CHUNK, -(-end // CHUNK)):
            size = min(CHUNK, end - index * CHUNK)
            lacking = size - len(chunks.get(index, b""))
            if lacking > 0:
                wanted.append((index, lacking))
                total += lacking
        if self._used + total > self._capacity:
            raise failure(errno.ENOSPC)
        self._used += total
        node.space += total
        for index, lacking in wanted:
            chunks.setdefault(index, bytearray()).extend(bytes(lacking))

    def punch(self, node: MemoryNode, start: int, end: int) -> None:
        """Forget what lies in ``[start, end)``: whole chunks go, the rest becomes zero."""
        chunks = node.content
        assert isinstance(chunks, dict)
        first, last = start // CHUNK, (end - 1) // CHUNK
        for index in [index for index in chunks if first <= index <= last]:
            chunk = chunks[index]
            low = max(0, start - index * CHUNK)
            high = min(len(chunk), end - index * CHUNK)
            if low == 0 and high == len(chunk):
                self._used -= len(chunk)
                node.space -= len(chunk)
                del chunks[index]
            elif low < high:
                chunk[low:high] = bytes(high - low)

    def forget_if_dead(self, node: MemoryNode) -> None:
        """Give the node's room back once it has neither names nor opens."""
        if node.nlink > 0 or node.opens > 0 or self._nodes.pop(node.fileid, None) is None:
            return
        self._used -= node.space
        node.space = 0
        node.xattrs = {}
        node.acl = node.default_acl = None
        if isinstance(node.content, dict):
            node.content = {}

    # --- Private ---

    def _new(self, mode: int, uid: int, gid: int) -> MemoryNode:
        if len(self._nodes) >= self._max_files:
            raise failure(errno.ENOSPC)
        node = MemoryNode()
        node.type = stat.S_IFMT(mode)
        node.fileid, self._next_id = self._next_id, self._next_id + 1
        node.identity = _IDENTITY.pack(self._instance, node.fileid)
        node.mode = stat.S_IMODE(mode)
        node.uid, node.gid = uid, gid
        node.nlink, node.opens = 1, 0
        node.size = node.space = 0
        node.rdev = (0, 0)
        node.xattrs = {}
        node.acl = node.default_acl = None
        node.parent = None
        if node.is_directory:
            node.content = Directory()
        else:
            node.content = {} if node.is_regular else b""
        self.touch(node, modified=True)
        node.atime_ns = node.btime_ns = node.ctime_ns
        self._nodes[node.fileid] = node
        return node

    def _make(self, directory: Node, name: bytes, who: User, mode: int) -> MemoryNode:
        parent = self._room_for(directory, name, who)
        bits, gid = inherited(who, stat.S_IMODE(mode), parent.mode, parent.gid, stat.S_ISDIR(mode))
        inheritance = size_of_inherited(parent, mode)
        if self._used + inheritance > self._capacity:
            raise failure(errno.ENOSPC)
        node = self._new(stat.S_IFMT(mode) | bits, who.uid, gid)
        inherit_acls(node, parent)
        self._used += inheritance
        node.space += inheritance
        _contents(parent).add(name, node)
        self.touch(parent, modified=True)
        return node

    def _room_for(self, directory: Node, name: bytes, who: User) -> MemoryNode:
        parent = self._directory(directory)
        self._require(parent, who, EXECUTE)
        self._check_new_name(name)
        if name in _contents(parent).entries:
            raise failure(errno.EEXIST)
        self._require(parent, who, WRITE)
        if parent.nlink == 0:
            raise failure(errno.ENOENT)
        return parent

    def _check_new_name(self, name: bytes) -> None:
        if len(name) > self.max_name:
            raise failure(errno.ENAMETOOLONG)

    def _unlink(self, parent: MemoryNode, name: bytes, node: MemoryNode) -> None:
        _contents(parent).remove(name)
        if node.is_directory:
            parent.nlink -= 1
            node.nlink = 0
            node.parent = None
        else:
            node.nlink -= 1
        self.touch(node, modified=False)
        self.touch(parent, modified=True)
        self.forget_if_dead(node)

    def _truncate(self, node: MemoryNode, size: int) -> None:
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        if size > self.max_file_size:
            raise failure(errno.EFBIG)
        if size < node.size:
            self.punch(node, size, node.size)
        node.size = size

    def _alive(self, node: Node) -> None:
        if node.fileid not in self._nodes:
            raise failure(errno.ESTALE)

    def _living(self, node: Node) -> MemoryNode:
        self._alive(node)
        assert isinstance(node, MemoryNode)
        return node

    def _directory(self, node: Node) -> MemoryNode:
        self._alive(node)
        assert isinstance(node, MemoryNode)
        if not node.is_directory:
            raise failure(errno.ENOTDIR)
        return node

    def _entry(self, parent: MemoryNode, name: bytes) -> MemoryNode:
        if len(name) > self.max_name:
            raise failure(errno.ENAMETOOLONG)
        try:
            return _contents(parent).entries[name][1]
        except KeyError:
            raise failure(errno.ENOENT) from None

    def _require(self, node: MemoryNode, who: User, mask: int) -> None:
        require(who, node.uid, node.gid, node.mode, mask, node.is_directory, node.acl)

    def _check_sticky(self, parent: MemoryNode, node: MemoryNode, who: User) -> None:
        if parent.mode & stat.S_ISVTX and who.uid not in (0, node.uid, parent.uid):
            raise failure(errno.EPERM)

    def _check_replaceable(self, node: MemoryNode, victim: MemoryNode) -> None:
        if node.is_directory and not victim.is_directory:
            raise failure(errno.ENOTDIR)
        if victim.is_directory and not node.is_directory:
            raise failure(errno.EISDIR)
        if victim.is_directory and _contents(victim).entries:
            raise failure(errno.ENOTEMPTY)

    def _check_not_below(self, node: MemoryNode, directory: MemoryNode) -> None:
        above: MemoryNode | None = directory
        while above is not None and above is not self._root:
            if above is node:
                raise failure(errno.EINVAL)
            above = above.parent

    def _check_owners(self, node: MemoryNode, who: User, changes: Changes, owns: bool) -> None:
        if changes.mode is not None and not owns:
            raise failure(errno.EPERM)
        if changes.uid is not None and who.uid != 0 and not (owns and changes.uid == node.uid):
            raise failure(errno.EPERM)
        gid = changes.gid
        member = gid is None or gid == node.gid or who.member_of(gid)
        if gid is not None and who.uid != 0 and not (owns and member):
            raise failure(errno.EPERM)

    def _check_times(self, node: MemoryNode, who: User, changes: Changes, owns: bool) -> None:
        if owns or (changes.atime_ns is None and changes.mtime_ns is None):
            return
        # A user that may write may set both times to now, as utimensat(2) has it.
        if changes.atime_ns != NOW or changes.mtime_ns != NOW:
            raise failure(errno.EPERM)
        self._require(node, who, WRITE)


def _contents(node: MemoryNode) -> Directory:
    assert isinstance(node.content, Directory)
    return node.content

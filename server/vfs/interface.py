"""What a file system must do to be exported: an inode-based, synchronous protocol.

A back end hands out :class:`Node` objects. A node stands for one file, directory or other object,
under whatever names it has; its ``identity`` is a short byte string by which
:meth:`FileSystem.node` finds it again, after a rename and after a restart of the server. Every
operation that the caller's rights matter to takes a :class:`User`.

Errors are ``OSError`` with the errno that a local caller would have seen; the compound engine
translates. Times are nanoseconds since 1970, names are bytes and hold neither ``/`` nor NUL.
"""

from __future__ import annotations

import abc
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

READ: Final = 4
WRITE: Final = 2
EXECUTE: Final = 1
"""Bits of an access mask, with the values of ``os.R_OK``, ``os.W_OK`` and ``os.X_OK``."""

NOW: Final = -(1 << 80)
"""A time in :class:`Changes` that means the moment of the change."""

FIRST_COOKIE: Final = 0
"""Where a directory listing starts."""


Job = Callable[[], None]
"""Something that may block, to be run once, by any thread, at any time. Raises ``OSError``."""


@dataclass(frozen=True, slots=True)
class User:
    """Whose rights apply: a user, its group and its further groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def member_of(self, gid: int) -> bool:
        """Whether a group is among the user's."""
        return gid == self.gid or gid in self.groups


ROOT: Final = User(0, 0)


class Attributes:
    """What is known of an object.

    ``type`` is one of the ``stat.S_IF*`` values and ``mode`` the twelve permission bits.
    ``change`` differs after every change to the object's data, attributes or entries.
    ``btime_ns`` is -1 where the back end cannot tell.
    """

    __slots__ = (
        "atime_ns",
        "btime_ns",
        "change",
        "ctime_ns",
        "fileid",
        "gid",
        "mode",
        "mtime_ns",
        "nlink",
        "rdev",
        "size",
        "space_used",
        "type",
        "uid",
    )

    type: int
    mode: int
    nlink: int
    uid: int
    gid: int
    size: int
    space_used: int
    rdev: tuple[int, int]
    fileid: int
    change: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    btime_ns: int


@dataclass(slots=True)
class Changes:
    """Attributes to set; ``None`` leaves one as it is. Times may be :data:`NOW`."""

    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    atime_ns: int | None = None
    mtime_ns: int | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in Changes.__slots__)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Room in a file system: octets and objects, in all, free, and free for ordinary users."""

    space_total: int
    space_free: int
    space_available: int
    files_total: int
    files_free: int
    files_available: int


class Node:
    """One object of a file system, whatever its names. Back ends derive their own.

    ``identity`` finds it again; ``type`` (``stat.S_IF*``) and ``fileid`` never change.
    """

    __slots__ = ("fileid", "identity", "type")

    identity: bytes
    type: int
    fileid: int

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.type == stat.S_IFDIR

    @property
    def is_regular(self) -> bool:
        """Whether it is a regular file."""
        return self.type == stat.S_IFREG

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return self.type == stat.S_IFLNK


class OpenFile(abc.ABC):
    """An open regular file. It stays usable after its last name is removed, until closed."""

    __slots__ = ()

    @abc.abstractmethod
    def read(self, offset: int, into: memoryview) -> int:
        """Read at ``offset`` into the buffer; how many octets there were. Fewer means the end."""

    @abc.abstractmethod
    def write(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``, without making it durable."""

    @abc.abstractmethod
    def sync(self, metadata: bool) -> Job | None:
        """What makes durable all that was written, with times and attributes if ``metadata``.

        None where nothing ever is durable. It may be run after the file was closed.
        """

    @abc.abstractmethod
    def allocate(self, offset: int, length: int) -> Job | None:
        """Reserve room; the file grows to ``offset + length`` if it is shorter.

        What may take long is left to be done by the job that is returned, which must be run.
        """

    @abc.abstractmethod
    def deallocate(self, offset: int, length: int) -> Job | None:
        """Make a hole; the size stays as it is. A job is as that of :meth:`allocate`."""

    @abc.abstractmethod
    def seek(self, offset: int, hole: bool) -> int:
        """Where the next hole (or data) is, from ``offset`` on; ENXIO if there is none.

        The end of the file counts as a hole.
        """

    @abc.abstractmethod
    def size(self) -> int:
        """The file's size in octets."""

    @abc.abstractmethod
    def close(self) -> None:
        """Give it back. No other method may be called afterwards."""


class FileSystem(abc.ABC):
    """A tree of nodes. See the module's text for what all methods have in common."""

    max_name: int = 255
    max_link: int = 32000
    max_file_size: int = (1 << 63) - 1
    read_only: bool = False
    acts_as: int | None = None
    """The user with whose rights everything is done, whoever calls; None: with the caller's."""
    has_birth_time: bool = False
    atomic_changes: bool = False
    """Whether nobody else can change a directory between two calls of the server."""
    change_is_monotonic: bool = False
    """Whether the change attribute only ever grows, restarts of the server included."""
    time_resolution_ns: int = 1

    @property
    @abc.abstractmethod
    def root(self) -> Node:
        """The top of the tree."""

    @abc.abstractmethod
    def node(self, identity: bytes) -> Node:
        """The node of that identity. ESTALE if it is gone, EINVAL if that is no identity."""

    @abc.abstractmethod
    def attributes(self, node: Node, birth: bool = False) -> Attributes:
        """The node's attributes now; ``btime_ns`` only if ``birth``, for it may cost extra."""

    @abc.abstractmethod
    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Job | None:
        """Set attributes; all of them or, on an error, possibly some.

        To make a large file shorter may take long: that is left to be done by the job that is
        returned, which must be run.
        ``via`` is the node open for writing: the size may then be set whatever the mode says.
        """

    @abc.abstractmethod
    def permitted(self, node: Node, who: User, mask: int) -> int:
        """The granted bits of ``mask``: of :data:`READ`, :data:`WRITE`, :data:`EXECUTE`."""

    @abc.abstractmethod
    def lookup(self, directory: Node, name: bytes, who: User) -> Node:
        """The entry ``name``. Symbolic links are not followed."""

    @abc.abstractmethod
    def parent(self, directory: Node, who: User) -> Node:
        """The directory that holds ``directory``; only below :attr:`root`."""

    @abc.abstractmethod
    def listing(self, directory: Node, cookie: int, who: User) -> Iterator[tuple[int, bytes]]:
        """Entries after ``cookie`` as ``(cookie, name)``, without ``.`` and ``..``.

        Errors may come with the first entry. A cookie is at least 3 and below 2^63, names a place
        that changes elsewhere in the directory do not move, and need not be of an entry that
        still exists.
        """

    @abc.abstractmethod
    def peek(self, directory: Node, name: bytes, birth: bool = False) -> tuple[Attributes, bytes]:
        """An entry's attributes and identity, without making a node of it.

        Whether the caller may have them is for whoever asks to find out: :meth:`permitted`.
        """

    @abc.abstractmethod
    def readlink(self, node: Node, who: User) -> bytes:
        """What the symbolic link holds."""

    @abc.abstractmethod
    def open(self, node: Node, who: User, access: int, *, override: bool = False) -> OpenFile:
        """Open a regular file for :data:`READ`, :data:`WRITE` or both.

        With ``override`` the file's owner may, whatever its mode says.
        """

    @abc.abstractmethod
    def create(
        self, directory: Node, name: bytes, who: User, mode: int, access: int
    ) -> tuple[Node, OpenFile]:
        """Make a regular file and open it. EEXIST if the name is taken.

        ``access`` is granted whatever ``mode`` says of later opens.
        """

    @abc.abstractmethod
    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> Node:
        """Make a directory."""

    @abc.abstractmethod
    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> Node:
        """Make a symbolic link."""

    @abc.abstractmethod
    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> Node:
        """Make a fifo, a socket or a device; ``mode`` carries its ``S_IF*`` type."""

    @abc.abstractmethod
    def link(self, node: Node, directory: Node, name: bytes, who: User) -> None:
        """Give ``node`` another name."""

    @abc.abstractmethod
    def remove(self, directory: Node, name: bytes, who: User) -> None:
        """Remove an entry; a directory only when empty."""

    @abc.abstractmethod
    def rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> None:
        """Move an entry, replacing what has the new name, as rename(2) does."""

    @abc.abstractmethod
    def statistics(self) -> Statistics:
        """The room there is."""

    def sync_directory(self, directory: Node) -> Job | None:
        """What makes changes to a directory's entries durable; None if there is nothing to do."""
        return None

    def put_aside(self, elsewhere: Callable[[Job], None]) -> None:  # noqa: B027
        """What nobody waits for, and may take long, can be done ``elsewhere``."""

    def trim(self) -> None:  # noqa: B027
        """Called now and then: give back what is kept only to be quick."""

    def close(self) -> None:  # noqa: B027
        """Give back what the file system holds."""

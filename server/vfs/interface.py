"""The protocol of an exported file system: inodes, and answers that may come later.

A back end hands out :class:`Node` objects. A node stands for one file, directory or other object,
under all of its names; its ``identity`` is a short byte string by which :meth:`FileSystem.node`
finds it again, after a rename and after a restart of the server. Every operation for which the
caller's rights matter takes a :class:`User`.

Errors are ``OSError`` with the errno that a local caller would have seen; the compound engine
translates. Times are nanoseconds since 1970, names are bytes and hold neither ``/`` nor NUL.

Most methods return an :data:`Eventual`: the value if it could be had at once, else a future of it.
All methods are called on the server's one thread, and none may block it: what would wait for a disk
or for another machine is carried out elsewhere, as by the :class:`Executor` that :meth:`attach`
hands over, and its future completes on the server's thread. Errors are raised, or are the future's.
While a call waits, others are served, so the back end must see to it that

- what the call works on stays valid: a descriptor is not closed, and so not used again for another
  file, by a ``close`` or an eviction that happens meanwhile;
- the buffer of a ``read`` or ``write`` belongs to the call until the future completes: the caller
  neither gives it back nor touches it;
- the caller's rights are those of the :class:`User` that was passed, on any thread;
- a future always completes, and what it brings must be given back like anything else: a caller that
  has no use for an open file any more closes it.
"""

from __future__ import annotations

import abc
import enum
import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar

from nfsrdma.rpcrdma.task import Future

from .posix_acl import Acls

READ: Final = 4
WRITE: Final = 2
EXECUTE: Final = 1
"""Bits of an access mask, with the values of ``os.R_OK``, ``os.W_OK`` and ``os.X_OK``."""

NOW: Final = -(1 << 80)
"""A time in :class:`Changes` that means the moment of the change."""

T = TypeVar("T")

Eventual: TypeAlias = T | Future[T]
"""A value, or the future of one that is not there yet."""

Job = Callable[[], None]
"""Something that may block, to be run once, by any thread, at any time. Raises ``OSError``."""


class Executor(Protocol):
    """Threads that may block. Its methods are called on the server's thread."""

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Run ``work`` on a thread, for the caller that is being served.

        The future completes on the server's thread, with the result or the exception of ``work``.
        """

    def background(self, job: Job) -> None:
        """Run a job that no call waits for."""


@dataclass(frozen=True, slots=True)
class User:
    """Whose rights apply: a user, its group and its further groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def member_of(self, gid: int) -> bool:
        """Return whether the user belongs to a group."""
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


Times = tuple[int, int]
"""When something was last read and modified, in nanoseconds since 1970."""


class Advice(enum.Enum):
    """How a range of an open file is going to be read (:meth:`OpenFile.advise`)."""

    NORMAL = "normal"
    SEQUENTIAL = "sequential"
    RANDOM = "random"
    SOON = "soon"


class XattrMode(enum.Enum):
    """What :meth:`FileSystem.set_xattr` may do."""

    EITHER = "either"
    """Make the attribute, or replace its value."""
    CREATE = "create"
    """Make it: EEXIST if it is there."""
    REPLACE = "replace"
    """Replace its value: ENODATA if it is not there."""


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
    """One object of a file system, under all of its names. Back ends derive their own.

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


class Entry(NamedTuple):
    """One entry of a directory."""

    cookie: int
    name: bytes
    found: tuple[Attributes, bytes] | OSError
    """The attributes and the identity of the object, or why they cannot be had."""


class Listing(NamedTuple):
    """Some entries of a directory, in the order of their cookies' places."""

    entries: list[Entry]
    at_end: bool
    """Whether there are no entries after these."""


class OpenFile(abc.ABC):
    """An open regular file. It stays usable after its last name is removed, until closed."""

    __slots__ = ()

    @abc.abstractmethod
    def read(self, offset: int, into: memoryview) -> Eventual[int]:
        """Read at ``offset`` into the buffer. Return the number of octets: fewer at the end."""

    def read_at_once(self, offset: int, into: memoryview) -> int | None:
        """Read like :meth:`read`, or return None if that would have to wait.

        The buffer is not used after the return, so it may be memory that is lent for a moment.
        """
        return None

    @abc.abstractmethod
    def write(self, offset: int, data: memoryview) -> Eventual[bytes | None]:
        """Write all of ``data`` at ``offset``, without making it durable.

        Return None, unless the back end can lose data while the server goes on, as another server
        can that restarts: then it returns a verifier, which is another one after a loss.
        """

    def write_at_once(self, offset: int, data: memoryview) -> bool:
        """Write like :meth:`write`; return False, with nothing written, if that would wait."""
        return False

    @abc.abstractmethod
    def sync(self, metadata: bool) -> Eventual[Job | bytes | None]:
        """Return the job that makes durable all that was written, and attributes if ``metadata``.

        None where nothing ever is durable. The job may be run after the file was closed. A back end
        whose writes have verifiers makes the file durable at once, and returns the verifier then.
        """

    @abc.abstractmethod
    def allocate(self, offset: int, length: int) -> Eventual[Job | None]:
        """Reserve room; the file grows to ``offset + length`` if it is shorter.

        What may take long is left to the job that is returned, which must be run.
        """

    @abc.abstractmethod
    def deallocate(self, offset: int, length: int) -> Eventual[Job | None]:
        """Make a hole; the size stays the same. The job is like that of :meth:`allocate`."""

    @abc.abstractmethod
    def seek(self, offset: int, hole: bool) -> Eventual[int]:
        """Return where the next hole (or data) is, from ``offset`` on; ENXIO if there is none.

        The end of the file counts as a hole.
        """

    def copy_from(
        self, source: OpenFile, source_offset: int, offset: int, count: int
    ) -> Eventual[int]:
        """Copy from another open file of the same file system, without making it durable.

        Return how many octets were copied: as many as suit the back end, and fewer than ``count``
        for that or at the end of the source, but not none before that.
        """
        raise _unsupported()

    def clone_from(
        self, source: OpenFile, source_offset: int, offset: int, count: int
    ) -> Eventual[None]:
        """Share the storage of a range of another open file, all of it or, on an error, nothing.

        EINVAL if the range cannot be shared, EOPNOTSUPP if no range of any file can.
        """
        raise _unsupported()

    def advise(self, offset: int, length: int, advice: Advice) -> Eventual[None]:
        """Take note of how a range is going to be used; 0 octets reach to the end of the file."""
        raise _unsupported()

    @abc.abstractmethod
    def size(self) -> Eventual[int]:
        """Return the file's size in octets."""

    def size_at_once(self) -> int:
        """Return the file's size in octets, or -1 if that would have to wait."""
        return -1

    @abc.abstractmethod
    def close(self) -> None:
        """Close the file: calls under way go on, and every later one raises EBADF."""


class Foreign(NamedTuple):
    """A byte range that is locked by somebody who is no client of this server."""

    start: int
    end: int
    """The first octet after it: it is half open."""
    exclusive: bool
    owner: bytes
    """Who it is, as far as that can be told: for people."""


class RangesLost(Exception):
    """What a keeper held is lost: whoever it is kept from may have it by now."""


class RangeKeeper(abc.ABC):
    """Byte ranges of one file, kept against all that do not come through this server.

    A keeper holds for every client of the server at once: what two of them have locked is held as
    one, and how they exclude each other is not its affair. Ranges are half open and may end at
    2^64.
    """

    __slots__ = ("access",)

    access: int
    """:data:`READ` if it can hold ranges for reading, :data:`WRITE` for writing, or both."""

    @abc.abstractmethod
    def hold(self, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Hold a range, in the place of what was held of it. Return what is in the way, if any.

        Raises :class:`RangesLost`, after which it can only be closed.
        """

    @abc.abstractmethod
    def release(self, start: int, end: int) -> Eventual[None]:
        """Hold nothing of a range any more."""

    @abc.abstractmethod
    def conflict(self, start: int, end: int, exclusive: bool) -> Eventual[Foreign | None]:
        """Return what would be in the way of holding a range, if anything is."""

    @abc.abstractmethod
    def close(self) -> Eventual[None]:
        """Hold nothing any more. Nobody is kept off by it once that is done."""


class FileSystem(abc.ABC):
    """A tree of nodes. The module's docstring says what all methods have in common."""

    max_name: int = 255
    max_link: int = 32000
    max_file_size: int = (1 << 63) - 1
    read_only: bool = False
    acts_as: int | None = None
    """The user with whose rights everything is done; None if that is each caller."""
    has_birth_time: bool = False
    atomic_changes: bool = False
    """Whether a directory can change only by the server's calls, one at a time."""
    change_is_monotonic: bool = False
    """Whether the change attribute only ever grows, restarts of the server included."""
    time_resolution_ns: int = 1
    late_modes: int = 0
    """Bits of a mode that something new may get only after it has its name."""
    late_times: bool = False
    """Whether a file that is created with times, and for writing, may get them after its name."""
    clone_block: int = 0
    """What offsets and lengths of :meth:`OpenFile.clone_from` must be multiples of, in octets.

    0 if nothing can be cloned.
    """
    has_xattrs: bool = False
    """Whether files and directories can have extended attributes."""
    max_xattr_name: int = 250
    """Octets of the name of an extended attribute."""
    has_acls: bool = False
    """Whether objects have access control lists, by which :meth:`permitted` judges as well."""
    keeps_ranges: bool = False
    """Whether others than the server's clients may lock files, and :meth:`keep_ranges` is there."""
    reclaims_ranges: bool = True
    """Whether clients may have again what they had before a restart; others may have had it too."""

    @property
    @abc.abstractmethod
    def root(self) -> Node:
        """The top of the tree."""

    @abc.abstractmethod
    def node(self, identity: bytes) -> Eventual[Node]:
        """Return the node of an identity. ESTALE if it is gone, EINVAL if that is no identity."""

    @abc.abstractmethod
    def attributes(self, node: Node, birth: bool = False) -> Eventual[Attributes]:
        """Return the node's attributes now; ``btime_ns`` only if ``birth``: it may cost extra."""

    def attributes_at_once(self, node: Node, birth: bool = False) -> Attributes | None:
        """Return the node's attributes like :meth:`attributes`; None if that would have to wait."""
        return None

    def lookup_at_once(self, directory: Node, name: bytes, who: User) -> Node | None:
        """Look an entry up like :meth:`lookup`; None if that would have to wait."""
        return None

    def permitted_at_once(self, node: Node, who: User, mask: int) -> int | None:
        """Return the same as :meth:`permitted`; None if that would have to wait."""
        return None

    def path_at_hand(self, node: Node) -> bytes | None:
        """Return the path of a node below the root, if that is known without a look: for logs."""
        return None

    def now_ns(self) -> int:
        """Return the time in nanoseconds that a change would be given now."""
        return time.time_ns()

    @abc.abstractmethod
    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Eventual[Job | None]:
        """Set attributes; all of them or, on an error, possibly some.

        To make a large file shorter may take long: that is left to the job that is returned, which
        must be run. ``via`` is the node open for writing: the size may then be set whatever the
        mode says.
        """

    @abc.abstractmethod
    def permitted(self, node: Node, who: User, mask: int) -> Eventual[int]:
        """Return the granted bits of ``mask``: :data:`READ`, :data:`WRITE`, :data:`EXECUTE`."""

    @abc.abstractmethod
    def lookup(self, directory: Node, name: bytes, who: User) -> Eventual[Node]:
        """Look the entry ``name`` up. Symbolic links are not followed."""

    @abc.abstractmethod
    def parent(self, directory: Node, who: User) -> Eventual[Node]:
        """Return the directory that holds ``directory``; only below :attr:`root`."""

    @abc.abstractmethod
    def entries(
        self, directory: Node, cookie: int, who: User, most: int, birth: bool = False
    ) -> Eventual[Listing]:
        """List up to ``most`` entries after ``cookie``, without ``.`` and ``..``.

        A cookie is at least 3 and below 2^63, names a place that changes elsewhere in the directory
        do not move, and need not be of an entry that still exists; 0 is the beginning. Entries that
        vanish meanwhile, or that are not to be seen, may be left out. Whether the caller may have
        the attributes, the caller has to find out: see :meth:`permitted`.
        """

    @abc.abstractmethod
    def readlink(self, node: Node, who: User) -> Eventual[bytes]:
        """Return the target of a symbolic link."""

    @abc.abstractmethod
    def open(
        self, node: Node, who: User, access: int, *, override: bool = False
    ) -> Eventual[OpenFile]:
        """Open a regular file for :data:`READ`, :data:`WRITE` or both.

        With ``override`` the file's owner may, whatever its mode says.
        """

    @abc.abstractmethod
    def create(
        self,
        directory: Node,
        name: bytes,
        who: User,
        mode: int,
        access: int,
        times: Times | None = None,
    ) -> Eventual[tuple[Node, OpenFile]]:
        """Make a regular file and open it. EEXIST if the name is taken.

        ``access`` is granted whatever ``mode`` says of later opens. ``times`` are those of access
        and modification, which it has from the moment when its name is there: whoever ends
        this server in between leaves no file without them.
        """

    @abc.abstractmethod
    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> Eventual[Node]:
        """Make a directory."""

    @abc.abstractmethod
    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> Eventual[Node]:
        """Make a symbolic link."""

    @abc.abstractmethod
    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> Eventual[Node]:
        """Make a fifo, a socket or a device; ``mode`` carries its ``S_IF*`` type."""

    @abc.abstractmethod
    def link(self, node: Node, directory: Node, name: bytes, who: User) -> Eventual[None]:
        """Give ``node`` another name."""

    @abc.abstractmethod
    def remove(self, directory: Node, name: bytes, who: User) -> Eventual[None]:
        """Remove an entry; a directory only when empty."""

    @abc.abstractmethod
    def rename(
        self, source: Node, old: bytes, target: Node, new: bytes, who: User
    ) -> Eventual[None]:
        """Move an entry, replacing what has the new name, as rename(2) does."""

    @abc.abstractmethod
    def statistics(self) -> Eventual[Statistics]:
        """Return the room that there is."""

    # --- Extended attributes: of the user's namespace, whose prefix is no part of the names ---

    def get_xattr(self, node: Node, who: User, name: bytes) -> Eventual[bytes]:
        """Return the value of an extended attribute. ENODATA if there is none of that name."""
        raise _unsupported()

    def set_xattr(
        self, node: Node, who: User, name: bytes, value: bytes, mode: XattrMode
    ) -> Eventual[None]:
        """Set an extended attribute. E2BIG or ENOSPC if the value is too large."""
        raise _unsupported()

    def list_xattrs(self, node: Node, who: User) -> Eventual[list[bytes]]:
        """Return the names of all extended attributes of a node that the caller may read."""
        raise _unsupported()

    def remove_xattr(self, node: Node, who: User, name: bytes) -> Eventual[None]:
        """Remove an extended attribute. ENODATA if there is none of that name."""
        raise _unsupported()

    # --- Access control lists ---

    def acls(self, node: Node) -> Eventual[Acls]:
        """Return the lists of a node; those that its mode stands for if it has no others."""
        raise _unsupported()

    def set_acls(self, node: Node, who: User, acls: Acls) -> Eventual[None]:
        """Replace all lists of a node, and with them the nine bits of its mode.

        EPERM unless the caller owns it, ENOSPC if the lists are too long, EOPNOTSUPP for what can
        have none. A default list is a directory's alone.
        """
        raise _unsupported()

    # --- Byte-range locks ---

    def keep_ranges(self, node: Node, who: User, access: int) -> Eventual[RangeKeeper]:
        """Return what keeps ranges of a regular file: for :data:`READ`, :data:`WRITE` or both.

        ``who`` has the file open so, and wants a range of it. EACCES if it cannot be kept so.
        """
        raise _unsupported()

    def sync(self, node: Node) -> Eventual[Job | None]:
        """Return the job that makes all of a node durable; None where it is, or never will be.

        That is its attributes, the entries of a directory, and what was written to a file.
        """
        return self.sync_directory(node) if node.is_directory else None

    def sync_directory(self, directory: Node) -> Eventual[Job | None]:
        """Return the job that makes changes to a directory's entries durable; None if they are.

        That is asked for by :meth:`sync` alone, of a file system that has no better one.
        """
        return None

    def attach(self, executor: Executor) -> None:  # noqa: B027
        """Carry out on ``executor`` what would block. Called once, before the first call.

        Without it everything is done at once, and no method returns a future.
        """

    def sweep(self) -> None:  # noqa: B027
        """Release what is kept for speed and has not been used lately. Called now and then."""

    def close(self) -> None:  # noqa: B027
        """Release what the file system holds. Calls that are under way go on."""


def _unsupported() -> OSError:
    return OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

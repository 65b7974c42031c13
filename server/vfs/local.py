"""A directory of this machine as a file system to export.

Nothing outside the directory can be reached. A name is looked up alone, never a path, relative to
a descriptor of the directory that holds it, with no link followed and no mount crossed (what is
mounted below an export is invisible: export it by itself). Objects are held by ``O_PATH``
descriptors, so that what a name comes to mean later makes no difference; ``..`` is taken only
below the root, and what it led to is checked to lie below the root as well. A directory that
somebody moves out of the export meanwhile is found out within a second of its use.

Descriptors are a cache with a bound (see ``descriptors``). A node without one is opened again by
its identity (see ``handles``). Files that a client has open keep theirs, and so stay usable when
unlinked.

Every access that depends on rights is made as the caller (see ``identity``) if the server is
root, else as the server's user.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Final

from . import cookies, syscalls
from .below import MOMENT_S, PATH_FLAGS, Below
from .descriptors import SHARED, Budget, DescriptorCache
from .handles import Handles, InodeHandles, KernelHandles
from .heavy import Heavy, is_large
from .identity import Identity
from .interface import (
    READ,
    WRITE,
    Attributes,
    Changes,
    FileSystem,
    Job,
    Node,
    OpenFile,
    Statistics,
    User,
)
from .limits import largest_file, largest_size
from .local_attributes import Stamps, file_mask, node_of, repair_mode, set_attributes, set_times
from .local_file import LocalFile, sync_job
from .posix import failure, without_setid
from .syscalls import descriptor_path

MAX_IDENTITY: Final = 110
"""The longest identity, in octets, that fits a file handle with what the export adds to it."""

_NEVER: Final = float("-inf")
_FIRST_BUFFER: Final = 1 << 12
_LISTING_BUFFER: Final = 1 << 15
_ACCESS_FLAGS: Final = {READ: os.O_RDONLY, WRITE: os.O_WRONLY, READ | WRITE: os.O_RDWR}


class LocalFileSystem(FileSystem):
    """See the module's text. Raises OSError if ``path`` is no directory that can be opened.

    ``descriptors`` bounds the ``O_PATH`` descriptors kept for speed, besides the ``budget`` of all
    exports. ``kernel_handles`` false forces the handles of ordinary users; None takes what works.
    ``clock`` gives seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        identity: Identity | None = None,
        descriptors: int | None = None,
        kernel_handles: bool | None = None,
        budget: Budget = SHARED,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.acting = identity or Identity()
        self.budget = budget
        self._clock = clock
        self._root_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._cache = DescriptorCache(budget, descriptors)
        self.heavy = Heavy()
        self._below = Below(self._root_fd, budget, clock)
        self._kept, self._pinned = self._cache.kept, self._cache.pinned
        self._stamps = Stamps()
        self._have_openat2 = True
        self._umask = file_mask()
        self.acts_as = None if self.acting.privileged else os.geteuid()
        status = os.fstat(self._root_fd)
        self._device = status.st_dev
        try:
            self._handles = self._choose_handles(kernel_handles)
            self._root = self._adopt(os.dup(self._root_fd), None, b"")
            self.max_name = os.fpathconf(self._root_fd, "PC_NAME_MAX")
            self.max_link = os.fpathconf(self._root_fd, "PC_LINK_MAX")
            self.in_memory = syscalls.in_memory(self._root_fd)
            """Nothing in it is ever durable, or needs to be."""
            size = largest_file(self._root_fd)
            self._size_known = size is not None
            if size is not None:
                self.max_file_size = size
            self.has_birth_time = syscalls.birth_time(self._root_fd) >= 0
        except BaseException:
            self.close()
            raise

    def _choose_handles(self, kernel: bool | None) -> Handles:
        if kernel is not False:
            try:
                return KernelHandles(self._root_fd, MAX_IDENTITY)
            except OSError:
                if kernel:
                    raise
        return InodeHandles(self._root_fd, self._open_entry, self._clock)

    @property
    def handle_scheme(self) -> str:
        """``"kernel"`` or ``"inode"``: how file handles are made."""
        return "kernel" if isinstance(self._handles, KernelHandles) else "inode"

    def hide(self, path: str | os.PathLike[str]) -> None:
        """Have clients find nothing in the place of a directory, now and when it is moved."""
        self._below.hide(path)

    @property
    def is_visible(self) -> bool:
        """Whether the export's root is neither hidden nor in a directory that is."""
        return self._below.is_visible()

    # What FileSystem asks for; its docstrings are in the interface.

    @property
    def root(self) -> Node:
        return self._root

    def node(self, identity: bytes) -> Node:
        return node_of(identity, os.fstat(self._fd(identity)))

    def attributes(self, node: Node, birth: bool = False) -> Attributes:
        if node.type == stat.S_IFDIR:
            fd = self._directory(node)
        else:
            fd = self._fd(node.identity)
        result = self._stamps.attributes(node.identity, self._status(node.identity, fd))
        if birth:
            result.btime_ns = syscalls.birth_time(self._fd(node.identity))
        return result

    def change(
        self, node: Node, who: User, changes: Changes, via: OpenFile | None = None
    ) -> Job | None:
        self.heavy.require_idle(node.identity)
        path = descriptor_path(self._fd(node.identity))
        size, left = changes.size, -1
        with self.acting(who):
            if size is not None:
                left = self._truncate(node, path, size, via)
            try:
                set_attributes(node, path, changes)
            except OSError:
                if left >= 0:
                    os.close(left)
                raise
        self.changed(node)
        if size is None or left < 0:
            return None
        self.give_up_setid(os.fstat(left), left, who)

        def truncate(fd: int) -> None:
            os.ftruncate(fd, size)
            set_times(descriptor_path(fd), changes)

        return self.heavy.job(node.identity, left, truncate)

    def _truncate(self, node: Node, path: bytes, size: int, via: OpenFile | None) -> int:
        """Set the size; or, if that may take long, a descriptor to do so with: else -1."""
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        if size > self.max_file_size:
            raise failure(errno.EFBIG)
        status = os.fstat(self._fd(node.identity))
        if size < status.st_size and is_large(status):
            if isinstance(via, LocalFile):
                return via.descriptor()
            return self._open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if isinstance(via, LocalFile):
                via.truncate(size)
            else:
                os.truncate(path, size)
        except OSError as error:
            # The kernel calls a size past the file system's limit invalid.
            if error.errno == errno.EINVAL:
                raise failure(errno.EFBIG) from None
            raise
        return -1

    def give_up_setid(self, status: os.stat_result, fd: int, who: User) -> None:
        """Do what the kernel does to a program's mode when somebody writes who is not root.

        For what is done by a thread that does not act as the caller.
        """
        mode = stat.S_IMODE(status.st_mode)
        if self.acting.privileged and who.uid != 0 and mode != without_setid(mode):
            os.chmod(descriptor_path(fd), without_setid(mode))

    def permitted(self, node: Node, who: User, mask: int) -> int:
        fd = self._fd(node.identity)
        result = 0
        try:
            with self.acting(who):
                for bit in (4, 2, 1):
                    if mask & bit and syscalls.accessible(fd, bit):
                        result |= bit
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
            return self.acting.estimate(os.fstat(fd), who, mask)
        return result

    def lookup(self, directory: Node, name: bytes, who: User) -> Node:
        parent = self._directory(directory)
        with self.acting(who):
            fd = self._open_entry(parent, name)
        return self._adopt(fd, directory, name)

    def parent(self, directory: Node, who: User) -> Node:
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        below = self._directory(directory)
        with self.acting(who):
            fd = self._open(b"..", PATH_FLAGS | os.O_DIRECTORY, dir_fd=below)
        if self._below.seen(fd) is None:
            os.close(fd)
            raise failure(errno.ENOENT)
        return self._adopt(fd, None, b"")

    def listing(self, directory: Node, cookie: int, who: User) -> Iterator[tuple[int, bytes]]:
        if not directory.is_directory:
            raise failure(errno.ENOTDIR)
        self._directory(directory)
        with self.acting(who):
            fd = self._reopen(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if cookie:
                os.lseek(fd, cookies.to_position(cookie), os.SEEK_SET)
            # Small at first: a short page of a long directory needs no more.
            size = _FIRST_BUFFER
            buffer = ctypes.create_string_buffer(size)
            while entries := syscalls.directory_entries(fd, buffer):
                for position, name in entries:
                    if name not in (b".", b".."):
                        yield cookies.from_position(position), name
                if size < _LISTING_BUFFER:
                    size *= 2
                    buffer = ctypes.create_string_buffer(size)
        finally:
            os.close(fd)

    def peek(self, directory: Node, name: bytes, birth: bool = False) -> tuple[Attributes, bytes]:
        parent = self._fd(directory.identity)
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        # A mount point is not ours to show. Only directories tell it by their device: on an
        # overlay the files of one mount are on several.
        if status.st_dev != self._device and stat.S_ISDIR(status.st_mode):
            raise failure(errno.ENOENT)
        if self._below.hides(status):
            raise failure(errno.ENOENT)
        try:
            found = self._handles.identify_entry(parent, directory.identity, name)
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise failure(errno.ENOENT) from None
            raise
        result = self._stamps.attributes(found, status)
        if birth:
            result.btime_ns = syscalls.birth_time(parent, name)
        return result, found

    def readlink(self, node: Node, who: User) -> bytes:
        if node.type != stat.S_IFLNK:
            raise failure(errno.EINVAL)
        # An empty path reads the link that the descriptor itself is of.
        return os.readlink(b"", dir_fd=self._fd(node.identity))

    def open(self, node: Node, who: User, access: int, *, override: bool = False) -> LocalFile:
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        self.budget.admit()
        try:
            with self.acting(who):
                fd = self._reopen(node, _ACCESS_FLAGS[access])
        except PermissionError:
            if not override or os.fstat(self._fd(node.identity)).st_uid != who.uid:
                raise
            # As the server, which may if it is root.
            fd = self._reopen(node, _ACCESS_FLAGS[access])
        self._learn_size(fd)
        return LocalFile(self, node, who, fd)

    def _learn_size(self, fd: int) -> None:
        """Ask the first file that is opened, where the file system would not tell before."""
        if not self._size_known:
            self.max_file_size, self._size_known = largest_size(fd), True

    def create(
        self, directory: Node, name: bytes, who: User, mode: int, access: int
    ) -> tuple[Node, LocalFile]:
        flags = _ACCESS_FLAGS[access] | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.budget.admit()
        parent = self._directory(directory)
        with self.acting(who):
            fd = self._open(name, flags, mode & 0o7777, dir_fd=parent)
            try:
                repair_mode(fd, mode, self._umask)
            except OSError:
                os.close(fd)
                raise
        self._learn_size(fd)
        self.changed(directory)
        try:
            # Without O_NOFOLLOW: this link of /proc is to be followed, and leads to the inode.
            path_fd = self._open(descriptor_path(fd), os.O_PATH | os.O_CLOEXEC)
            node = self._adopt(path_fd, directory, name)
            return node, LocalFile(self, node, who, fd)
        except BaseException:
            os.close(fd)
            raise

    def mkdir(self, directory: Node, name: bytes, who: User, mode: int) -> Node:
        parent = self._directory(directory)
        with self.acting(who):
            os.mkdir(name, mode & 0o7777, dir_fd=parent)
            return self._made(directory, parent, name, mode)

    def symlink(self, directory: Node, name: bytes, who: User, target: bytes) -> Node:
        parent = self._directory(directory)
        with self.acting(who):
            os.symlink(target, name, dir_fd=parent)
            return self._made(directory, parent, name, None)

    def mknod(
        self, directory: Node, name: bytes, who: User, mode: int, rdev: tuple[int, int]
    ) -> Node:
        parent = self._directory(directory)
        with self.acting(who):
            os.mknod(name, mode, os.makedev(*rdev), dir_fd=parent)
            return self._made(directory, parent, name, stat.S_IMODE(mode))

    def _made(self, directory: Node, parent: int, name: bytes, mode: int | None) -> Node:
        """The node of an entry just made, its mode corrected for the process's file mask."""
        self.changed(directory)
        fd = self._open_entry(parent, name)
        if mode is not None:
            try:
                repair_mode(fd, mode, self._umask)
            except OSError:
                os.close(fd)
                raise
        return self._adopt(fd, directory, name)

    def link(self, node: Node, directory: Node, name: bytes, who: User) -> None:
        if node.is_directory:
            raise failure(errno.EPERM)
        self.heavy.require_idle(node.identity)
        source = descriptor_path(self._fd(node.identity))
        parent = self._directory(directory)
        with self.acting(who):
            os.link(source, name, dst_dir_fd=parent, follow_symlinks=True)
        self.changed(node)
        self.changed(directory)

    def remove(self, directory: Node, name: bytes, who: User) -> None:
        parent = self._directory(directory)
        identity = self._identity_at(parent, directory, name)
        held = self._hold(parent, name, identity)
        try:
            with self.acting(who):
                try:
                    os.unlink(name, dir_fd=parent)
                except IsADirectoryError:
                    os.rmdir(name, dir_fd=parent)
            self.changed(directory)
            self._drop_if_dead(identity)
        finally:
            if held >= 0:
                self.heavy.close(held)

    def _hold(self, parent: int, name: bytes, identity: bytes | None) -> int:
        """A descriptor of a large file that is about to lose its last name; else -1.

        So that its blocks are given back when that is closed, and not by who takes the name. EAGAIN
        if the file is busy: the kernel would wait for it.
        """
        if identity is not None:
            self.heavy.require_idle(identity)
        with suppress(OSError):
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if status.st_nlink == 1 and is_large(status):
                return self._open_entry(parent, name)
        return -1

    def rename(self, source: Node, old: bytes, target: Node, new: bytes, who: User) -> None:
        self._directory(source)
        to_parent = self._directory(target)
        victim = self._identity_at(to_parent, target, new)
        held = self._hold(to_parent, new, victim)
        try:
            self._rename(source, old, target, new, who, victim)
        finally:
            if held >= 0:
                self.heavy.close(held)

    def _rename(
        self, source: Node, old: bytes, target: Node, new: bytes, who: User, victim: bytes | None
    ) -> None:
        from_parent, to_parent = self._fd(source.identity), self._fd(target.identity)
        if self._below.hides_entry(from_parent, old):
            raise failure(errno.ENOENT)
        moved = self._identity_at(from_parent, source, old)
        if moved is not None:
            self.heavy.require_idle(moved)
        with self.acting(who):
            os.rename(old, new, src_dir_fd=from_parent, dst_dir_fd=to_parent)
        if moved is not None and moved == victim:
            return  # Both names are of one file, and the kernel did nothing.
        self.changed(source)
        self.changed(target)
        if moved is not None:
            self._handles.moved(moved, target.identity, new)
        self._drop_if_dead(victim)

    def statistics(self) -> Statistics:
        room = os.fstatvfs(self._root_fd)
        unit = room.f_frsize
        return Statistics(
            room.f_blocks * unit,
            room.f_bfree * unit,
            room.f_bavail * unit,
            room.f_files,
            room.f_ffree,
            room.f_favail,
        )

    def sync_directory(self, directory: Node) -> Job | None:
        if self.in_memory:
            return None
        return sync_job(self._reopen(directory, os.O_RDONLY | os.O_DIRECTORY), metadata=True)

    def put_aside(self, elsewhere: Callable[[Job], None]) -> None:
        self.heavy.aside = elsewhere

    def trim(self) -> None:
        """Close every descriptor that no open file needs: they keep deleted files alive."""
        self._cache.trim()

    def close(self) -> None:
        self._cache.close()
        if self._root_fd >= 0:
            os.close(self._root_fd)
            self._root_fd = -1

    # For LocalFile

    def pin(self, node: Node, fd: int) -> None:
        """A file is open: the node can be reached by its descriptor until :meth:`unpin`."""
        self._cache.pin(node.identity, fd)

    def unpin(self, node: Node, fd: int) -> None:
        """One open file less."""
        if self._cache.unpin(node.identity, fd):
            self._drop_if_dead(node.identity)

    def changed(self, node: Node) -> None:
        """Make sure that the change attribute moves, even within a tick of the kernel's clock."""
        if not self._stamps.bump(node.identity):
            self._stamps.begin(node.identity, os.fstat(self._fd(node.identity)))

    # Descriptors

    def _fd(self, identity: bytes) -> int:
        """An O_PATH descriptor of the inode; it belongs to the cache."""
        kept = self._kept
        fd = kept.get(identity)
        if fd is not None:
            kept.move_to_end(identity)
            return fd
        pinned = self._pinned.get(identity)
        if pinned is not None:
            return pinned[-1]
        fd = self.budget.opened(self._handles.open, identity)
        try:
            status = os.fstat(fd)
            if stat.S_ISDIR(status.st_mode):
                self._check(identity, fd)
            elif not self._below.has_file(fd, status):
                raise failure(errno.ESTALE)
        except BaseException:
            os.close(fd)
            raise
        self._cache.keep(identity, fd)
        return fd

    def _directory(self, node: Node) -> int:
        """The descriptor of a directory that a moment ago was below the root. ESTALE if not.

        Somebody on this machine may move it out of the export at any time, and a descriptor would
        still lead there. What was looked up in it was below the root when it was.
        """
        identity = node.identity
        fd = self._fd(identity)
        if node.type != stat.S_IFDIR:
            return fd  # The kernel will say what it is.
        if self._clock() - self._cache.checked.get(identity, _NEVER) >= MOMENT_S:
            try:
                self._check(identity, fd)
            except OSError:
                self._cache.drop(identity)
                raise
        return fd

    def _check(self, identity: bytes, directory: int) -> None:
        when = self._below.seen(directory)
        if when is None:
            raise failure(errno.ESTALE)
        self._cache.checked[identity] = when

    def _open(self, path: bytes, flags: int, mode: int = 0, *, dir_fd: int | None = None) -> int:
        return self.budget.opened(os.open, path, flags, mode, dir_fd=dir_fd)

    def _adopt(self, fd: int, parent: Node | None, name: bytes) -> Node:
        """Take over an O_PATH descriptor; the node that it is of."""
        above = b"" if parent is None else parent.identity
        try:
            status = os.fstat(fd)
            if self._below.hides(status):
                raise failure(errno.ENOENT)
            identity = self._handles.identify(fd, above, name)
        except OSError as error:
            os.close(fd)
            if error.errno == errno.EXDEV:
                raise failure(errno.ENOENT) from None
            raise
        if identity in self._kept or identity in self._pinned:
            os.close(fd)
        else:
            self._cache.keep(identity, fd)
        if stat.S_ISDIR(status.st_mode) and above in self._cache.checked:
            self._cache.checked[identity] = self._cache.checked[above]
        return node_of(identity, status)

    def _drop_if_dead(self, identity: bytes | None) -> None:
        """Let go of an inode without a name: the descriptor would keep its blocks allocated."""
        fd = self._kept.get(identity) if identity else None
        if identity and fd is not None and os.fstat(fd).st_nlink == 0:
            self._cache.take(identity)
            self.heavy.close(fd)

    def _status(self, identity: bytes, fd: int) -> os.stat_result:
        status = os.fstat(fd)
        if status.st_nlink == 0 and identity not in self._pinned:
            self._drop_if_dead(identity)
            raise failure(errno.ESTALE)
        return status

    def _open_entry(self, directory: int, name: bytes) -> int:
        """An O_PATH descriptor of one entry, through no link and no mount."""
        if self._have_openat2:
            try:
                return self.budget.opened(syscalls.open_beneath, directory, name, PATH_FLAGS)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    raise failure(errno.ENOENT) from None
                if error.errno not in (errno.ENOSYS, errno.EPERM):
                    raise
                # Before Linux 5.6, or behind a filter that does not know it.
                self._have_openat2 = False
        fd = self._open(name, PATH_FLAGS, dir_fd=directory)
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode) and status.st_dev != self._device:
            os.close(fd)
            raise failure(errno.ENOENT)
        return fd

    def _reopen(self, node: Node, flags: int) -> int:
        """A descriptor for reading or writing; the kernel checks the rights to the inode alone."""
        flags |= os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return self._open(descriptor_path(self._fd(node.identity)), flags)

    def _identity_at(self, parent: int, directory: Node, name: bytes) -> bytes | None:
        try:
            return self._handles.identify_entry(parent, directory.identity, name)
        except OSError:
            return None

"""What a local file system asks of the kernel, in pieces that any thread can carry out.

Each method of :class:`Calls` gets the descriptors to work on and returns plain values, and new
descriptors if any: those belong to the caller. None of them touches the server's state (what is
kept by ``handles`` and ``below`` is safe to use from several threads), and none waits for anything
but the kernel. Where and when they are made is up to ``pace``.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Final, NamedTuple

from . import syscalls
from .below import PATH_FLAGS, Below
from .entries import Looked
from .handles import Handles
from .heavy import Heavy, is_large
from .identity import Identity
from .interface import READ, WRITE, Changes, Node, Times, User
from .local_attributes import (
    ACCESS_ACL,
    DEFAULT_ACL,
    file_mask,
    read_acl,
    repair_mode,
    set_attributes,
)
from .posix import failure, without_setid
from .search import SHORTAGES
from .syscalls import descriptor_path

ACCESS_FLAGS: Final = {READ: os.O_RDONLY, WRITE: os.O_WRONLY, READ | WRITE: os.O_RDWR}
_QUIETLY: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_NO_LINK: Final = os.O_NOFOLLOW | os.O_CLOEXEC
_NONE_WITHOUT_NAME: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)
"""What file systems say that make no files without names (open(2), O_TMPFILE)."""


class Found(NamedTuple):
    """An inode that was opened with ``O_PATH``."""

    fd: int
    identity: bytes
    status: os.stat_result
    below: float | None = None
    """When a directory was seen to be below the root, if that was looked at."""


class Removed(NamedTuple):
    """What has lost a name."""

    identity: bytes | None
    held: int
    """A descriptor of it if it is large, to be closed by the caller; else -1."""


class Renamed(NamedTuple):
    """What was moved, and what had the new name before."""

    moved: bytes | None
    victim: bytes | None
    held: int
    """See :class:`Removed`: of the victim."""


class Calls:
    """The calls for one export, whose files are on ``device``. ``handles`` is set afterwards."""

    handles: Handles

    def __init__(self, device: int, acting: Identity, below: Below, heavy: Heavy) -> None:
        self._device = device
        self._acting = acting
        self._below = below
        self._heavy = heavy
        self._umask = file_mask()
        self.late_modes: Final = self._umask | stat.S_ISUID | stat.S_ISGID
        """Bits of a mode that something new is not made with."""
        self.late_times = False
        """Whether the file system makes no files without names, as was seen."""
        self._have_openat2 = True
        self.has_acls = False
        """Whether directories may have default lists; the file system finds it out."""
        self.mounts: set[tuple[bytes, bytes]] = set()
        """Entries of directories (identity and name) that are listed although not ours to show."""
        self.max_file_size = 0
        """Octets that a file can have; the file system finds it out."""

    # --- Finding ---

    def open_entry(self, directory: int, name: bytes, cached: bool = False) -> int:
        """Open one entry with ``O_PATH``, through no link and no mount.

        With ``cached``, BlockingIOError if that may have to wait for a disk.
        """
        if self._have_openat2:
            try:
                return syscalls.open_beneath(directory, name, PATH_FLAGS, cached)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    raise failure(errno.ENOENT) from None
                if cached and error.errno == errno.EINVAL:
                    # Before Linux 5.12, which cannot be asked.
                    raise failure(errno.EAGAIN) from None
                if error.errno not in (errno.ENOSYS, errno.EPERM):
                    raise
                # Before Linux 5.6, or behind a filter that does not know it.
                self._have_openat2 = False
        if cached:
            raise failure(errno.EAGAIN)
        fd = os.open(name, PATH_FLAGS, dir_fd=directory)
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode) and status.st_dev != self._device:
            os.close(fd)
            raise failure(errno.ENOENT)
        return fd

    def lookup(
        self, directory: int, above: bytes, name: bytes, who: User, cached: bool = False
    ) -> Found:
        """Find an entry of the directory whose identity is ``above``; ``cached`` as above."""
        with self._acting(who):
            fd = self.open_entry(directory, name, cached)
        return self.found(fd, above, name)

    def found(self, fd: int, above: bytes, name: bytes) -> Found:
        """Say what is open, as ``name`` in ``above``. Closes it on an error."""
        try:
            status = os.fstat(fd)
            if self._below.hides(status):
                raise failure(errno.ENOENT)
            return Found(fd, self.handles.identify(fd, above, name), status)
        except OSError as error:
            os.close(fd)
            if error.errno == errno.EXDEV:
                raise failure(errno.ENOENT) from None
            raise

    def parent(self, directory: int, who: User) -> Found:
        """Find the directory above, if it is below the root. ENOENT if not."""
        with self._acting(who):
            fd = os.open(b"..", PATH_FLAGS | os.O_DIRECTORY, dir_fd=directory)
        try:
            seen = self._below.seen(fd)
            if seen is None:
                raise failure(errno.ENOENT)
        except BaseException:
            os.close(fd)
            raise
        return self.found(fd, b"", b"")._replace(below=seen)

    def inode(self, identity: bytes) -> Found:
        """Find an inode by its identity. ESTALE if it is gone, or not below the root."""
        return self.checked(self.handles.open(identity), identity)

    def checked(self, fd: int, identity: bytes) -> Found:
        """Say what is open, if it is below the root: ESTALE if not. Closes it on an error."""
        try:
            status = os.fstat(fd)
            seen = None
            if stat.S_ISDIR(status.st_mode):
                seen = self._below.seen(fd)
                if seen is None:
                    raise failure(errno.ESTALE)
            elif not self._below.has_file(fd, status):
                raise failure(errno.ESTALE)
            return Found(fd, identity, status, seen)
        except BaseException:
            os.close(fd)
            raise

    def identity_at(self, directory: int, above: bytes, name: bytes) -> bytes | None:
        """Return the identity of an entry; None if it has none that can be told."""
        try:
            return self.handles.identify_entry(directory, above, name)
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            return None

    # --- Looking ---

    def permitted(self, fd: int, who: User, mask: int) -> int:
        """Return the bits of ``mask`` that a user is granted."""
        result = 0
        try:
            with self._acting(who):
                for bit in (4, 2, 1):
                    if mask & bit and syscalls.accessible(fd, bit):
                        result |= bit
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise
            return self._acting.estimate(os.fstat(fd), read_acl(fd, ACCESS_ACL), who, mask)
        return result

    def entries(
        self, directory: int, above: bytes, position: int, who: User, most: int, birth: bool
    ) -> tuple[list[Looked], bool]:
        """List up to ``most`` entries from a position on; and say whether there are no more."""
        with self._acting(who):
            fd = os.open(descriptor_path(directory), os.O_RDONLY | os.O_DIRECTORY | _QUIETLY)
        try:
            if position:
                os.lseek(fd, position, os.SEEK_SET)
            apart = [name for where, name in self.mounts if where == above]
            while True:
                looked, at_end = self.handles.look(
                    fd, directory, above, most, birth, self._device, apart
                )
                shown = self._shown(looked)
                if shown or at_end:
                    return shown, at_end
                os.lseek(fd, looked[-1][0], os.SEEK_SET)
        finally:
            os.close(fd)

    def _shown(self, looked: list[Looked]) -> list[Looked]:
        """Leave out the directories that are hidden."""
        if not self._below.hides_any:
            return looked
        hides = self._below.hides_inode
        return [
            each
            for each in looked
            if isinstance(each[2], int)
            or each[2][0].type != stat.S_IFDIR
            or not hides(self._device, each[2][0].fileid)
        ]

    # --- Opening and making ---

    def open_inode(self, fd: int, who: User, access: int, override: bool) -> int:
        """Open a file for access; the kernel checks the rights to the inode alone."""
        path, flags = descriptor_path(fd), ACCESS_FLAGS[access] | _QUIETLY
        try:
            with self._acting(who):
                return os.open(path, flags)
        except PermissionError:
            if not override or os.fstat(fd).st_uid != who.uid:
                raise
        # As the server, which may if it is root.
        return os.open(path, flags)

    def open_to_sync(self, fd: int, node: Node) -> int:
        """Open a node, as the server, to make it durable; return -1 for what cannot be opened."""
        path = descriptor_path(fd)
        if node.is_directory:
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if node.is_regular:
            for access in (os.O_RDONLY, os.O_WRONLY):
                with suppress(PermissionError):
                    return os.open(path, access | _QUIETLY)
        return -1

    def create(self, directory: int, name: bytes, who: User, mode: int, access: int) -> int:
        """Make a regular file and open it. EEXIST if the name is taken."""
        flags = ACCESS_FLAGS[access] | os.O_CREAT | os.O_EXCL | _NO_LINK
        with self._acting(who):
            fd = os.open(name, flags, mode & 0o7777, dir_fd=directory)
            try:
                self._repair_mode(directory, fd, mode)
            except OSError:
                os.close(fd)
                raise
        return fd

    def create_at(
        self, directory: int, name: bytes, who: User, mode: int, access: int, times: Times
    ) -> int:
        """Make a regular file that has ``times`` before it has its name. EEXIST if that is taken.

        Where the file system makes no files without names, a moment passes in between.
        """
        with self._acting(who):
            if _is_there(directory, name):
                raise failure(errno.EEXIST)
            fd = _nameless(directory, mode, ACCESS_FLAGS[access])
            if fd >= 0:
                return self._named(fd, directory, name, mode, times)
            self.late_times = self.late_times or access != READ
        fd = self.create(directory, name, who, mode, access)
        with self._acting(who):
            os.utime(fd, ns=times)
        return fd

    def _named(self, fd: int, directory: int, name: bytes, mode: int, times: Times) -> int:
        try:
            self._repair_mode(directory, fd, mode)
            os.utime(fd, ns=times)
            os.link(descriptor_path(fd), name, dst_dir_fd=directory)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _repair_mode(self, directory: int, fd: int, mode: int) -> None:
        """Give a new object back what the process's file mask took from its mode."""
        if mode & self.late_modes:
            inherits = self.has_acls and read_acl(directory, DEFAULT_ACL) is not None
            repair_mode(fd, mode, self._umask, inherits)

    def found_open(self, fd: int, above: bytes, name: bytes) -> Found:
        """Find the inode of a file that was just made, as ``name`` in ``above``."""
        # Without O_NOFOLLOW: this link of /proc is to be followed, and leads to the inode.
        path_fd = os.open(descriptor_path(fd), os.O_PATH | os.O_CLOEXEC)
        return self.found(path_fd, above, name)

    def mkdir(self, directory: int, name: bytes, who: User, mode: int) -> None:
        """Make a directory."""
        with self._acting(who):
            os.mkdir(name, mode & 0o7777, dir_fd=directory)

    def symlink(self, directory: int, name: bytes, who: User, target: bytes) -> None:
        """Make a symbolic link."""
        with self._acting(who):
            os.symlink(target, name, dir_fd=directory)

    def mknod(self, directory: int, name: bytes, who: User, mode: int, device: int) -> None:
        """Make a fifo, a socket or a device."""
        with self._acting(who):
            os.mknod(name, mode, device, dir_fd=directory)

    def made(self, directory: int, above: bytes, name: bytes, who: User, mode: int | None) -> Found:
        """Find an entry just made, and correct its mode for the process's file mask."""
        with self._acting(who):
            fd = self.open_entry(directory, name)
            if mode is not None:
                try:
                    self._repair_mode(directory, fd, mode)
                except OSError:
                    os.close(fd)
                    raise
        return self.found(fd, above, name)

    # --- Changing ---

    def change(self, fd: int, node: Node, who: User, changes: Changes, via: int) -> int:
        """Set attributes; ``via`` is a descriptor of the file open for writing, or -1.

        To make a large file shorter may take long: then a descriptor is returned with which that
        and the times are left to be done; else -1.
        """
        path, left = descriptor_path(fd), -1
        with self._acting(who):
            if changes.size is not None:
                left = self._truncate(fd, node, changes.size, via)
            try:
                set_attributes(node, path, changes)
            except OSError:
                if left >= 0:
                    os.close(left)
                raise
        if left >= 0:
            self.give_up_setid(os.fstat(left), left, who)
        return left

    def _truncate(self, fd: int, node: Node, size: int, via: int) -> int:
        """Set the size; or, if that may take long, return a descriptor to do so with: else -1."""
        if not node.is_regular:
            raise failure(errno.EISDIR if node.is_directory else errno.EINVAL)
        if size > self.max_file_size:
            raise failure(errno.EFBIG)
        status, path = os.fstat(fd), descriptor_path(fd)
        if size < status.st_size and is_large(status):
            if via >= 0:
                return os.dup(via)
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if via >= 0:
                os.ftruncate(via, size)
            else:
                os.truncate(path, size)
        except OSError as error:
            # The kernel calls a size past the file system's limit invalid.
            if error.errno == errno.EINVAL:
                raise failure(errno.EFBIG) from None
            raise
        return -1

    def give_up_setid(self, status: os.stat_result, fd: int, who: User) -> None:
        """Do what the kernel does to a program's mode when a user other than root writes.

        This is for a job, which does not act as the caller.
        """
        mode = stat.S_IMODE(status.st_mode)
        if self._acting.privileged and who.uid != 0 and mode != without_setid(mode):
            os.chmod(descriptor_path(fd), without_setid(mode))

    def write(self, fd: int, offset: int, data: memoryview, who: User) -> None:
        """Write all of the data, as a user: it clears set-user-ID bits for all but root."""
        with self._acting(who):
            done = os.pwrite(fd, data, offset)
            while done < len(data):
                done += os.pwrite(fd, data[done:], offset + done)

    def fallocate(self, fd: int, mode: int, offset: int, length: int, who: User) -> None:
        """Reserve room or make a hole, as a user: what is kept free for root is not for others."""
        with self._acting(who):
            syscalls.fallocate(fd, mode, offset, length)

    def link(self, source: int, directory: int, name: bytes, who: User) -> None:
        """Give an inode another name."""
        path = descriptor_path(source)
        with self._acting(who):
            os.link(path, name, dst_dir_fd=directory, follow_symlinks=True)

    def remove(self, directory: int, above: bytes, name: bytes, who: User) -> Removed:
        """Remove an entry."""
        identity = self.identity_at(directory, above, name)
        held = self._hold(directory, name, identity)
        try:
            with self._acting(who):
                try:
                    os.unlink(name, dir_fd=directory)
                except IsADirectoryError:
                    os.rmdir(name, dir_fd=directory)
        except BaseException:
            # It still has its name, so this is not what gives its blocks back.
            if held >= 0:
                os.close(held)
            raise
        return Removed(identity, held)

    def rename(
        self, source: int, target: int, names: tuple[bytes, bytes, bytes, bytes], who: User
    ) -> Renamed:
        """Move an entry: ``names`` are the identity of the directory and the name, old and new."""
        from_above, old, to_above, new = names
        victim = self.identity_at(target, to_above, new)
        held = self._hold(target, new, victim)
        try:
            if self._below.hides_entry(source, old):
                raise failure(errno.ENOENT)
            moved = self.identity_at(source, from_above, old)
            if moved is not None:
                self._heavy.require_idle(moved)
            with self._acting(who):
                os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
        except BaseException:
            if held >= 0:
                os.close(held)
            raise
        return Renamed(moved, victim, held)

    def _hold(self, directory: int, name: bytes, identity: bytes | None) -> int:
        """Open a large file that is about to lose its last name; else return -1.

        So that its blocks are given back when that is closed, and not by who takes the name. EAGAIN
        if the file is busy: the kernel would wait for it.
        """
        if identity is not None:
            self._heavy.require_idle(identity)
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if status.st_nlink == 1 and is_large(status):
                return self.open_entry(directory, name)
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
        return -1


def readlink(fd: int) -> bytes:
    """Return what a symbolic link holds."""
    # An empty path reads the link that the descriptor itself is of.
    return os.readlink(b"", dir_fd=fd)


def status_of(fd: int) -> tuple[os.stat_result, int]:
    """Return an inode's status and time of birth."""
    return os.fstat(fd), syscalls.birth_time(fd)


def duplicate(fd: int) -> int:
    """Return another descriptor of the same."""
    return os.dup(fd)


def _is_there(directory: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _nameless(directory: int, mode: int, flags: int) -> int:
    """Make a regular file without a name, and open it; return -1 where there is no such thing."""
    if flags == os.O_RDONLY:
        return -1  # It has to be writable, and the caller's is not.
    flags |= os.O_TMPFILE | os.O_CLOEXEC
    try:
        return os.open(b".", flags, mode & 0o7777, dir_fd=directory)
    except OSError as error:
        if error.errno in _NONE_WITHOUT_NAME:
            return -1
        raise

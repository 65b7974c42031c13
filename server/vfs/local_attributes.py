"""Attributes of local files: from the kernel's to ours, and those that it has no words for."""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from typing import Final

from . import posix_acl, syscalls
from .entries import attributes_of
from .interface import NOW, Attributes, Changes, Node

_STAMPS: Final = 4096
ACCESS_ACL: Final = b"system.posix_acl_access"
DEFAULT_ACL: Final = b"system.posix_acl_default"
"""The extended attributes by which Linux shows an object's list, and a directory's default list."""


class Stamps:
    """Change attributes: the kernel's time of the last change, and a count within its tick.

    The count is kept for a bounded number of objects, and not beyond the server's end: what is
    promised of the change attribute is that of a time (``change_is_monotonic``).
    """

    def __init__(self) -> None:
        self._stamps: OrderedDict[bytes, list[int]] = OrderedDict()  # ctime, changes since

    def bump(self, identity: bytes) -> bool:
        """Count a change; False if it is the first."""
        stamp = self._stamps.get(identity)
        if stamp is None:
            return False
        stamp[1] += 1
        self._stamps.move_to_end(identity)
        return True

    def begin(self, identity: bytes, status: os.stat_result) -> None:
        """Count the first change, or one more if another was the first meanwhile."""
        if self.bump(identity):
            return
        if len(self._stamps) >= _STAMPS:
            self._stamps.popitem(last=False)
        self._stamps[identity] = [status.st_ctime_ns, 1]

    def attributes(self, identity: bytes, status: os.stat_result) -> Attributes:
        """Return the attributes of an object, but for its time of birth."""
        result = attributes_of(status)
        result.change = self.change(identity, result.ctime_ns)
        return result

    def change(self, identity: bytes, ctime_ns: int) -> int:
        """Return the change attribute of an object whose last change the kernel saw then."""
        stamp = self._stamps.get(identity)
        if stamp is None:
            return ctime_ns
        # A time that is older than the stamp was under way for longer than another.
        if stamp[0] < ctime_ns:
            stamp[0] = ctime_ns
            stamp[1] = 0
        return ctime_ns + stamp[1] if stamp[0] == ctime_ns else ctime_ns


def node_of(identity: bytes, status: os.stat_result) -> Node:
    """Return the node of an object."""
    node = Node()
    node.identity = identity
    node.type = stat.S_IFMT(status.st_mode)
    node.fileid = status.st_ino
    return node


def file_mask() -> int:
    """Return the process's file mode creation mask; the only system call for it would set it."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o777


def read_acl(fd: int, name: bytes) -> posix_acl.PosixAcl | None:
    """Return a list of an object, by the name of its attribute; None if it has none."""
    try:
        value = os.getxattr(syscalls.descriptor_path(fd), name)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP):
            raise
        return None
    return posix_acl.decode(value)


def repair_mode(fd: int, mode: int, mask: int, inherits: bool) -> None:
    """Give a new object back what the process's file mask took from its mode.

    With ``inherits`` it has its rights from the directory's default list, and keeps those.
    """
    actual = stat.S_IMODE(os.fstat(fd).st_mode)
    if inherits:
        mode = mode & ~0o777 | actual & 0o777
    elif actual & 0o777 != mode & 0o777 & ~mask:
        return  # A file system with modes of its own.
    wanted = mode & 0o7777 | actual & stat.S_ISGID
    if wanted != actual:
        os.chmod(syscalls.descriptor_path(fd), wanted)


def set_attributes(node: Node, path: bytes, changes: Changes) -> None:
    """Set the owner, the mode and the times that are to be set; the size is another matter."""
    if changes.uid is not None or changes.gid is not None:
        uid = -1 if changes.uid is None else changes.uid
        gid = -1 if changes.gid is None else changes.gid
        os.chown(path, uid, gid)
    # The mode of a symbolic link means nothing to Linux, which refuses to set it.
    if changes.mode is not None and not node.is_symlink:
        os.chmod(path, changes.mode)
    set_times(path, changes)


def set_times(path: bytes, changes: Changes) -> None:
    """Set the times that are to be set."""
    if changes.atime_ns is not None or changes.mtime_ns is not None:
        syscalls.set_times(path, _timespec(changes.atime_ns), _timespec(changes.mtime_ns))


def _timespec(time_ns: int | None) -> tuple[int, int]:
    if time_ns is None:
        return 0, syscalls.UTIME_OMIT
    if time_ns == NOW:
        return 0, syscalls.UTIME_NOW
    return divmod(time_ns, 1_000_000_000)

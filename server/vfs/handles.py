"""Finding a local file again by a short identity: two ways.

:class:`KernelHandles` asks the kernel (``name_to_handle_at``, ``open_by_handle_at``). Such a handle
names the inode and its generation, needs no path, and survives renames and restarts; opening one
takes CAP_DAC_READ_SEARCH and a file system that supports it.

:class:`InodeHandles` is for everyone else. The identity is the inode's number and its time of
birth, which tells a reused number. As Linux has no call that opens an inode by number, the
directory and name under which it was last seen are remembered (for a bounded number of inodes)
and checked on use. If that memory has gone, or a local process moved the file, the export is
searched for the number (see ``search``), in portions, and the caller is told to come again
meanwhile. What is not there is remembered too.

Both may be used by several threads at once.
"""

from __future__ import annotations

import errno
import os
import struct
from collections import OrderedDict
from collections.abc import Callable, Collection
from functools import partial
from threading import Lock
from typing import Final, Protocol

from . import syscalls
from .below import PATH_FLAGS
from .entries import KERNEL, Looked, identity_on, look, look_in_python
from .posix import failure
from .search import SHORTAGES, Search

_INODE = struct.Struct(">cQq")
_HINTS: Final = 1 << 16
_MISSES: Final = 1 << 14
_MAX_DEPTH: Final = 4096


class Handles(Protocol):
    """How identities are made and found again, on any thread."""

    def identify(self, fd: int, parent: bytes, name: bytes) -> bytes:
        """Return the identity of an open inode, last seen as ``name`` in ``parent``."""

    def identify_entry(self, directory: int, parent: bytes, name: bytes) -> bytes:
        """Return the identity of an entry that is not open."""

    def look(
        self,
        fd: int,
        directory: int,
        parent: bytes,
        most: int,
        birth: bool,
        device: int,
        apart: Collection[bytes],
    ) -> tuple[list[Looked], bool]:
        """List entries of ``directory``, whose identity is ``parent``: see ``look_in_python``."""

    def moved(self, identity: bytes, parent: bytes, name: bytes) -> None:
        """Note that the inode is ``name`` in ``parent`` from now on."""

    def open(self, identity: bytes) -> int:
        """Return an O_PATH descriptor. ESTALE if the inode is gone, EINVAL if malformed."""


class KernelHandles:
    """See the module's text, and :class:`Handles`.

    Raises OSError where the kernel or the file system cannot.
    """

    def __init__(self, mount: int, largest: int) -> None:
        self._mount = mount
        kind, handle, self._mount_number = syscalls.handle_of(mount, b"")
        if KERNEL.size + len(handle) > largest:
            raise failure(errno.EOVERFLOW)
        os.close(syscalls.open_handle(mount, kind, handle, PATH_FLAGS))

    def identify(self, fd: int, parent: bytes, name: bytes) -> bytes:
        """Return the identity of an open inode, last seen as ``name`` in ``parent``."""
        return self.identify_entry(fd, parent, b"")

    def identify_entry(self, directory: int, parent: bytes, name: bytes) -> bytes:
        """Return the identity of an entry that is not open."""
        return identity_on(self._mount_number, directory, name)

    def look(
        self,
        fd: int,
        directory: int,
        parent: bytes,
        most: int,
        birth: bool,
        device: int,
        apart: Collection[bytes],
    ) -> tuple[list[Looked], bool]:
        """List entries of ``directory``, whose identity is ``parent``: see ``look_in_python``."""
        mount = self._mount_number
        if not apart:
            return look(fd, directory, most, birth, device, mount)
        identify = partial(identity_on, mount, directory)
        return look_in_python(fd, directory, most, birth, device, identify, apart)

    def moved(self, identity: bytes, parent: bytes, name: bytes) -> None:
        """Note where the inode is from now on: the kernel knows."""

    def open(self, identity: bytes) -> int:
        """Open an inode by its identity with O_PATH."""
        if len(identity) <= KERNEL.size or identity[:1] != b"K":
            raise failure(errno.EINVAL)
        _, kind = KERNEL.unpack_from(identity)
        try:
            return syscalls.open_handle(self._mount, kind, identity[KERNEL.size :], PATH_FLAGS)
        except OSError as error:
            # What the kernel cannot make sense of was never, or is no longer, a file here.
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                raise
            raise failure(errno.ESTALE) from None


class InodeHandles:
    """See the module's text, and :class:`Handles`.

    ``open_entry`` opens one name without following links or mounts; ``clock`` gives seconds.
    """

    def __init__(
        self, root: int, open_entry: Callable[[int, bytes], int], clock: Callable[[], float]
    ) -> None:
        self._root = root
        self._lock = Lock()
        """Held to look at, or change, what is remembered; never for a system call."""
        self._searching = Lock()
        self.open_entry = open_entry
        self._hints: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()
        self._misses: OrderedDict[bytes, None] = OrderedDict()
        self._root_identity = _identity_of(root)
        self._search = Search(root, self._root_identity, self, self._missed, clock)

    def identify(self, fd: int, parent: bytes, name: bytes) -> bytes:
        """Return the identity of an open inode, last seen as ``name`` in ``parent``."""
        identity = _identity_of(fd)
        if name and identity != self._root_identity:
            self.remember(identity, parent, name)
        return identity

    def identity_of(self, fd: int) -> bytes:
        """Return the identity of an open inode, wherever it is."""
        return _identity_of(fd)

    def identify_entry(self, directory: int, parent: bytes, name: bytes) -> bytes:
        """Return the identity of an entry that is not open."""
        fd = self.open_entry(directory, name)
        try:
            return self.identify(fd, parent, name)
        finally:
            os.close(fd)

    def look(
        self,
        fd: int,
        directory: int,
        parent: bytes,
        most: int,
        birth: bool,
        device: int,
        apart: Collection[bytes],
    ) -> tuple[list[Looked], bool]:
        """List entries of ``directory``, whose identity is ``parent``: see ``look_in_python``."""
        identify = partial(self.identify_entry, directory, parent)
        return look_in_python(fd, directory, most, birth, device, identify, apart)

    def moved(self, identity: bytes, parent: bytes, name: bytes) -> None:
        """Note where the inode is from now on."""
        self.remember(identity, parent, name)

    def open(self, identity: bytes) -> int:
        """Open an inode by its identity with O_PATH."""
        if len(identity) != _INODE.size or identity[:1] != b"I":
            raise failure(errno.EINVAL)
        fd = self._follow_hints(identity)
        if fd is None and identity not in self._misses:
            fd = self._look_for(identity)
        if fd is None:
            raise failure(errno.ESTALE)
        return fd

    def _look_for(self, identity: bytes) -> int | None:
        """Search for an inode. EAGAIN, and so DELAY, while it is not known whether it is there."""
        _, inode, _ = _INODE.unpack(identity)
        if not self._searching.acquire(blocking=False):
            # Another thread is at it.
            raise failure(errno.EAGAIN)
        try:
            wanted = self._search.want(inode, identity)
            self._search.go_on()
        finally:
            self._searching.release()
        fd = self._follow_hints(identity)
        if fd is None and (not wanted or identity not in self._misses):
            raise failure(errno.EAGAIN)
        return fd

    def _missed(self, identity: bytes) -> None:
        with self._lock:
            self._misses[identity] = None
            if len(self._misses) > _MISSES:
                self._misses.popitem(last=False)

    def remember(self, identity: bytes, parent: bytes, name: bytes) -> None:
        """Note that the inode was seen as ``name`` in ``parent``."""
        hints = self._hints
        with self._lock:
            if parent in hints:
                # What leads to it must not be forgotten before it.
                hints.move_to_end(parent)
            hints[identity] = (parent, name)
            hints.move_to_end(identity)
            if len(hints) > _HINTS:
                hints.popitem(last=False)
            self._misses.pop(identity, None)

    def _way_to(self, identity: bytes) -> list[tuple[bytes, bytes]] | None:
        """Return the identities and names that were seen to lead to an inode, itself first."""
        way: list[tuple[bytes, bytes]] = []
        with self._lock:
            while identity != self._root_identity:
                hint = self._hints.get(identity)
                if hint is None or len(way) >= _MAX_DEPTH:
                    return None
                self._hints.move_to_end(identity)
                way.append((identity, hint[1]))
                identity = hint[0]
        return way

    def _follow_hints(self, identity: bytes) -> int | None:
        """Open an inode by the way that was seen to lead to it, if it still does."""
        way = self._way_to(identity)
        if way is None:
            return None
        fd = os.dup(self._root)
        for step, name in reversed(way):
            try:
                below = self._open_if(fd, name, step)
            finally:
                os.close(fd)
            if below is None:
                return None
            fd = below
        return fd

    def _open_if(self, parent: int, name: bytes, identity: bytes) -> int | None:
        try:
            fd = self.open_entry(parent, name)
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            return None
        if _identity_of(fd) == identity:
            return fd
        os.close(fd)
        return None


def _identity_of(fd: int) -> bytes:
    return _INODE.pack(b"I", os.fstat(fd).st_ino, syscalls.birth_time(fd))

"""A search through an export for inodes by number, a little at a time.

Linux has no call that opens an inode by its number, so a server that is not root has to look for it
when it does not know where it is. How long that takes depends on the export alone; so it is done
in portions, between which others are served, and the caller is told to come again meanwhile. One
walk serves all: what is wanted is a set of numbers, and to want more makes the walk no longer.

The walk goes depth first. Of each directory on its way down it keeps the name, how far it has
read, and the names of directories in the one buffer that it read last: no descriptors between
portions, and memory for the depth alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final, Protocol

from . import syscalls

PORTION: Final = 4096
"""What is done at a time, in entries looked at: some milliseconds."""

SHORTAGES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors that say nothing of the file."""

_PER_SECOND: Final = 50 * PORTION
"""How much is done in a second at most, for all callers: a fifth of the time or so."""
_WANTED: Final = 1 << 12
_MAX_DEPTH: Final = 4096
_BUFFER: Final = 1 << 13
_STEP: Final = 16
"""What opening something costs, in entries looked at."""


class Opens(Protocol):
    """What the walk needs of ``handles``."""

    def open_entry(self, directory: int, name: bytes) -> int:
        """Open one entry with O_PATH, through no link and no mount."""

    def identify(self, fd: int, parent: bytes, name: bytes) -> bytes:
        """Return, and remember, the identity of an open inode, which is ``name`` in ``parent``."""

    def identity_of(self, fd: int) -> bytes:
        """Return the same, without remembering it."""

    def remember(self, identity: bytes, parent: bytes, name: bytes) -> None:
        """Note where an inode was seen."""


class Search:
    """The search below the directory of ``root``, whose identity is ``identity``.

    ``missing`` is told the identities that are not there. ``clock`` gives seconds.
    """

    def __init__(
        self,
        root: int,
        identity: bytes,
        opens: Opens,
        missing: Callable[[bytes], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._root = root
        self._identity = identity
        self._opens = opens
        self._missing = missing
        self._clock = clock
        self._wanted: dict[int, dict[bytes, int]] = {}  # by inode: in which walk it was asked for
        self._count = 0
        self._walk = 0
        self._path: list[_Visit] = []
        self._here = -1  # a descriptor of the last directory of the path
        self._allowed = float(2 * PORTION)
        self._refilled = clock()
        self._buffer = ctypes.create_string_buffer(_BUFFER)

    def want(self, inode: int, identity: bytes) -> bool:
        """Look for an inode from now on; False if too much is looked for already."""
        known = self._wanted.setdefault(inode, {})
        if identity in known:
            return True
        if self._count >= _WANTED:
            if not known:
                del self._wanted[inode]
            return False
        # A walk that is under way has passed places where it might be.
        known[identity] = self._walk + bool(self._path)
        self._count += 1
        return True

    def go_on(self) -> None:
        """Do another portion, if it is time. Raises OSError for want of descriptors or memory."""
        now = self._clock()
        gained = (now - self._refilled) * _PER_SECOND
        self._refilled = now
        self._allowed = min(2.0 * PORTION, self._allowed + gained)
        if not self._count or self._allowed <= 0:
            return
        left = PORTION
        try:
            if self._path:
                # Not of the portion: however deep it is, that much is left to do.
                self._allowed -= self._return()
            while self._count and left > 0:
                spent = self._step()
                left -= spent
                self._allowed -= spent
        finally:
            self._close()

    def _close(self) -> None:
        if self._here >= 0:
            os.close(self._here)
            self._here = -1

    def _step(self) -> int:
        """Enter or leave a directory, or read a buffer of it. Return what that cost."""
        if not self._path:
            self._path.append(_Visit(self._identity, b""))
            return 1
        visit = self._path[-1]
        if visit.at_end and not visit.below:
            return self._leave()
        if self._here < 0:
            return self._return()
        if visit.below:
            return self._enter(visit.below.pop())
        return self._read(visit)

    def _leave(self) -> int:
        self._path.pop()
        if self._path:
            self._up()
            return _STEP
        self._close()
        # The walk is over: what it was asked for before it began is not there.
        for inode, known in list(self._wanted.items()):
            for identity in [each for each, since in known.items() if since <= self._walk]:
                self._settled(inode, identity)
                self._missing(identity)
        self._walk += 1
        return 1

    def _up(self) -> None:
        """Follow the way up, if it leads back to where the walk came from."""
        if self._here < 0:
            return
        fd = -1
        with suppress(OSError):
            fd = os.open(b"..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._here)
        self._close()
        if fd < 0:
            return
        if self._opens.identity_of(fd) == self._path[-1].identity:
            self._here = fd
        else:
            os.close(fd)

    def _settled(self, inode: int, identity: bytes) -> None:
        known = self._wanted[inode]
        del known[identity]
        self._count -= 1
        if not known:
            del self._wanted[inode]

    def _return(self) -> int:
        """Open the directory that the walk is in again. Return what that cost."""
        fd = os.dup(self._root)
        for depth, visit in enumerate(self._path[1:], 1):
            try:
                below = self._opens.open_entry(fd, visit.name)
            except OSError as error:
                if error.errno in SHORTAGES:
                    raise
                # It has gone: go on above.
                del self._path[depth:]
                return _STEP * depth
            finally:
                os.close(fd)
            fd = below
        self._here = fd
        return _STEP * len(self._path)

    def _enter(self, name: bytes) -> int:
        try:
            fd = self._opens.open_entry(self._here, name)
        except OSError as error:
            if error.errno in SHORTAGES:
                self._path[-1].below.append(name)
                raise
            return _STEP
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            return _STEP
        identity = self._opens.identify(fd, self._path[-1].identity, name)
        self._close()
        self._here = fd
        self._path.append(_Visit(identity, name))
        return _STEP

    def _read(self, visit: _Visit) -> int:
        try:
            fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._here)
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            # A directory that we may not read hides what is below it from us.
            visit.at_end = True
            return _STEP
        try:
            if visit.position:
                os.lseek(fd, visit.position, os.SEEK_SET)
            entries = syscalls.directory_inodes(fd, self._buffer)
        except OSError:
            visit.at_end = True
            return _STEP
        finally:
            os.close(fd)
        if not entries:
            visit.at_end = True
            return _STEP
        cost = len(entries)
        for _, name, inode, may_be_directory in entries:
            if name in (b".", b".."):
                continue
            if inode in self._wanted:
                cost += _STEP
                self._look(visit, name, inode)
            if may_be_directory and len(self._path) < _MAX_DEPTH:
                visit.below.append(name)
        visit.position = entries[-1][0]
        return cost

    def _look(self, visit: _Visit, name: bytes, inode: int) -> None:
        """Look whether an entry is what is wanted."""
        try:
            fd = self._opens.open_entry(self._here, name)
        except OSError as error:
            if error.errno in SHORTAGES:
                raise
            return
        try:
            identity = self._opens.identify(fd, visit.identity, name)
        finally:
            os.close(fd)
        if identity in self._wanted.get(inode, ()):
            self._settled(inode, identity)
            # The way to it is remembered last, so that it is forgotten last.
            above = self._identity
            for step in self._path[1:]:
                self._opens.remember(step.identity, above, step.name)
                above = step.identity


class _Visit:
    """A directory on the way, and how far it was looked through."""

    __slots__ = ("at_end", "below", "identity", "name", "position")

    def __init__(self, identity: bytes, name: bytes) -> None:
        self.identity = identity
        self.name = name
        self.position = 0
        self.at_end = False
        self.below: list[bytes] = []

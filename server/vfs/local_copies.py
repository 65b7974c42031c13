"""Copies within a local file system: by the kernel, without the data coming to the server."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from . import syscalls
from .identity import Identity
from .interface import Advice, User
from .syscalls import descriptor_path

_ADVICE: Final[Mapping[Advice, int]] = {
    Advice.NORMAL: os.POSIX_FADV_NORMAL,
    Advice.SEQUENTIAL: os.POSIX_FADV_SEQUENTIAL,
    Advice.RANDOM: os.POSIX_FADV_RANDOM,
    Advice.SOON: os.POSIX_FADV_WILLNEED,
}
_SOON_MOST: Final = 16 << 20
"""Octets that are read ahead at a client's word, at most."""
_NOT_COPIED: Final = frozenset((errno.ENOSYS, errno.EXDEV, errno.EINVAL))


class CopyCalls:
    """The system calls, for any thread. ``acting`` acts as the caller."""

    def __init__(self, acting: Identity) -> None:
        self._acting = acting

    def copy(
        self, source: int, target: int, source_offset: int, offset: int, count: int, who: User
    ) -> int:
        """Copy up to so many octets; return how many: none only at the end of the source."""
        with self._acting(who):
            try:
                return os.copy_file_range(source, target, count, source_offset, offset)
            except OSError as error:
                # What the kernel cannot copy in this file system the caller may read and write.
                if error.errno in _NOT_COPIED:
                    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)) from None
                raise

    def clone(
        self, source: int, target: int, source_offset: int, offset: int, count: int, who: User
    ) -> None:
        """Share a range."""
        with self._acting(who):
            syscalls.clone_range(source, source_offset, target, offset, count)


def advise(fd: int, offset: int, length: int, advice: Advice) -> None:
    """Tell the kernel how a range will be used."""
    if advice is Advice.SOON:
        length = min(length, _SOON_MOST) if length else _SOON_MOST
    os.posix_fadvise(fd, offset, length, _ADVICE[advice])


def clone_block(directory: int) -> int:
    """Return the unit of clones in the file system of a directory; 0 if there can be none.

    Two files without names and without contents are cloned to find out, which changes nothing.
    """
    files: list[int] = []
    try:
        with suppress(OSError):
            for _ in range(2):
                flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
                files.append(os.open(descriptor_path(directory), flags, 0o600))
            syscalls.clone_range(files[0], 0, files[1], 0, 0)
            return os.fstatvfs(directory).f_bsize
    finally:
        for fd in files:
            os.close(fd)
    return 0

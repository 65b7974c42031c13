"""How long a file may be in a local file system."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from .syscalls import descriptor_path

MAX_OFFSET: Final = (1 << 63) - 1
"""The largest position that the kernel knows."""

_LOOKED_AT: Final = 256
"""Entries of a directory among which a file to ask is looked for."""


def largest_file(directory: int) -> int | None:
    """Return the most octets that a file of the directory's file system can have; None if unknown.

    Linux tells it in one way: ``lseek`` of a regular file refuses every position past the limit,
    whatever the size is. The file that is asked has no name (``O_TMPFILE``), so nothing is there
    before, after or if the machine stops meanwhile; where none can be made (a file system that is
    read-only, or knows no such files) one of the directory's own is asked, and only looked at.
    """
    for fd in _files(directory):
        try:
            return largest_size(fd)
        finally:
            os.close(fd)
    return None


def largest_size(fd: int) -> int:
    """Return the most octets that the regular file of ``fd`` can have. Its position is moved."""
    low, high = 0, MAX_OFFSET
    while low < high:
        middle = low + (high - low + 1) // 2
        try:
            os.lseek(fd, middle, os.SEEK_SET)
        except OSError:
            high = middle - 1
        else:
            low = middle
    # One that cannot be sought in at all tells nothing.
    return low or MAX_OFFSET


def _files(directory: int) -> Iterator[int]:
    """Yield descriptors of regular files on the file system of ``directory``."""
    path = descriptor_path(directory)
    quietly = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    with suppress(OSError):
        yield os.open(path, os.O_TMPFILE | os.O_RDWR | quietly, 0o600)
    device = os.fstat(directory).st_dev
    for name in _names(path):
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_dev == device:
                yield os.open(name, os.O_RDONLY | os.O_NOFOLLOW | quietly, dir_fd=directory)
        except OSError:
            continue


def _names(path: bytes) -> list[bytes]:
    try:
        with os.scandir(path) as listing:
            return [entry.name for entry in islice(listing, _LOOKED_AT)]
    except OSError:
        return []

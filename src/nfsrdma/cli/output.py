"""Files that a command writes: whole under their name, or not at all.

Output goes to a temporary file in the same directory, which takes the name that was asked for once
it is complete. So a file that has the name stays when there is nothing to write, when writing
fails, and when it is interrupted; and a reader never finds half of the new one.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMELESS = getattr(os, "O_TMPFILE", 0) if os.path.isdir("/proc/self/fd") else 0
_NO_NAMELESS = frozenset((errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT))
"""Errors of a file system that cannot make a file without a name."""


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that becomes ``path`` at the end of the block; an exception drops it.

    A link is followed: its target is replaced, and the access bits are kept. If ``path`` is
    something else than a regular file (a terminal, a pipe, ``/dev/null``), it is written directly.
    Raises ``OSError`` that names ``path``.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    file: BinaryIO
    try:
        before = os.stat(target) if os.path.exists(target) else None
        if before is not None and not stat.S_ISREG(before.st_mode):
            directory, file, temporary = -1, open(target, "wb"), ""  # noqa: SIM115
        else:
            directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            file, temporary = _begin(directory, name)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with file:
            yield file
            if directory >= 0:
                file.flush()
                temporary = temporary or _named(directory, name, file.fileno())
                if before is not None:
                    os.fchmod(file.fileno(), before.st_mode & 0o777)
                os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
                temporary = ""
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
        if directory >= 0:
            os.close(directory)


class _Nothing(Exception):
    pass


def check_replaceable(path: str | os.PathLike[str]) -> None:
    """Raise the ``OSError`` that :func:`replaced` would raise at its beginning."""
    with suppress(_Nothing), replaced(path):
        raise _Nothing


def write_whole(path: str | os.PathLike[str], octets: bytes) -> None:
    """Replace a file by one that holds ``octets``. Raises ``OSError``."""
    with replaced(path) as file:
        file.write(octets)


def _begin(directory: int, name: str) -> tuple[BinaryIO, str]:
    """Make a file in a directory; return it, and its name if it has one.

    A file without a name leaves nothing behind even if the process is killed. Not every file system
    can make one.
    """
    try:
        if _NAMELESS:
            flags = os.O_RDWR | _NAMELESS | os.O_CLOEXEC
            return open(os.open(".", flags, 0o666, dir_fd=directory), "w+b"), ""
    except OSError as error:
        if error.errno not in _NO_NAMELESS:
            raise
    temporary = _temporary(name)
    return open(os.open(temporary, _NEW, 0o666, dir_fd=directory), "w+b"), temporary


def _named(directory: int, name: str, descriptor: int) -> str:
    """Give a temporary name to a file without one, and return it."""
    temporary = _temporary(name)
    # A directory makes this linkat(), which follows the link of the descriptor.
    os.link(
        f"/proc/self/fd/{descriptor}", temporary, src_dir_fd=directory, dst_dir_fd=directory
    )  # fmt: skip
    return temporary


def _temporary(name: str) -> str:
    return f".{name[:40]}.{secrets.token_hex(6)}"

"""Files that a command writes: whole under their name, or not at all.

What is written goes to a file of its own in the same directory, and takes the name that was asked
for once it is complete. So what has that name already stays when there is nothing to write, when
writing fails, and when it is interrupted; and nobody who opens it meanwhile finds half of it.
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
"""What a file system says that has no files without a name."""


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, that is ``path`` once the block has ended; an exception drops it.

    A link is followed: what it points to is replaced. The access bits of what is replaced are kept.
    What is no regular file (a terminal, a pipe, ``/dev/null``) is written to as it is. Raises
    ``OSError`` that names ``path``.
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
    """Raise now the ``OSError`` that :func:`replaced` would raise at its beginning."""
    with suppress(_Nothing), replaced(path):
        raise _Nothing


def write_whole(path: str | os.PathLike[str], octets: bytes) -> None:
    """Replace a file by one with these octets. Raises ``OSError``."""
    with replaced(path) as file:
        file.write(octets)


def _begin(directory: int, name: str) -> tuple[BinaryIO, str]:
    """A new file in a directory, and its name, if it has one.

    Without a name nothing is left behind even by who is killed; not every file system can do that.
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
    """Give a name to a file that has none."""
    temporary = _temporary(name)
    # With a directory it is linkat(), which alone follows the link of the descriptor.
    os.link(
        f"/proc/self/fd/{descriptor}", temporary, src_dir_fd=directory, dst_dir_fd=directory
    )  # fmt: skip
    return temporary


def _temporary(name: str) -> str:
    return f".{name[:40]}.{secrets.token_hex(6)}"

"""The local side of a copy: a directory tree of this machine."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..errors import LocalError, local_error
from ..transfer import LocalEntry


@contextmanager
def blamed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise errors of the operating system as :class:`LocalError`, about ``path``."""
    try:
        yield
    except LocalError:
        raise
    except OSError as error:
        number = error.errno or errno.EIO
        raise local_error(number, error.strerror or str(error), os.fspath(path)) from error


class LocalDisk:
    """A ``transfer.LocalTree`` at ``root``.

    Names come from a server that need not mean well: directories that this enters are
    directories, not links, and a file is never opened through a link.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._root = os.fspath(root)

    def entry(self, path: str) -> LocalEntry | None:
        try:
            found = os.lstat(self._at(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _entry(os.path.basename(path), found)

    def scan(self, path: str) -> Iterator[LocalEntry]:
        with os.scandir(self._at(path) or ".") as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                yield _entry(entry.name, entry.stat(follow_symlinks=False))

    def make_directory(self, path: str) -> None:
        where = self._at(path)
        try:
            os.mkdir(where, 0o700)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(where).st_mode):
                raise

    def read_link(self, path: str) -> str:
        return os.readlink(self._at(path))

    def make_link(self, target: str, path: str) -> None:
        where = self._at(path)
        try:
            os.symlink(target, where)
        except FileExistsError:
            os.unlink(where)
            os.symlink(target, where)

    def open(self, path: str) -> LocalFile:
        return LocalFile(os.open(self._at(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))

    def create(self, path: str, size: int) -> LocalFile:
        self.remove(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return LocalFile(os.open(self._at(path), flags, 0o600))

    def set_attributes(self, path: str, mode: int, atime_ns: int, mtime_ns: int) -> None:
        where = self._at(path)
        os.chmod(where, mode)
        os.utime(where, ns=(atime_ns, mtime_ns))

    def rename(self, source: str, path: str) -> None:
        os.replace(self._at(source), self._at(path))

    def remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self._at(path))

    def _at(self, path: str) -> str:
        return os.path.join(self._root, path) if path else self._root


class LocalFile:
    """A ``transfer.LocalFile``."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read_at(self, offset: int, buffer: memoryview) -> int:
        done = 0
        while done < len(buffer):
            count = os.preadv(self._fd, [buffer[done:]], offset + done)
            if not count:
                break
            done += count
        return done

    def write_at(self, offset: int, data: memoryview) -> None:
        while len(data):
            count = os.pwrite(self._fd, data, offset)
            if not count:
                raise OSError(errno.EIO, "nothing could be written")
            offset += count
            data = data[count:]

    def close(self) -> None:
        os.close(self._fd)


def local_tree(path: str | os.PathLike[str]) -> tuple[LocalDisk, str]:
    """The directory that ``path`` is in, and its name there."""
    where = os.fspath(path)
    if os.path.isdir(where):
        where = os.path.realpath(where)  # the caller's own link to a directory is followed
    return LocalDisk(os.path.dirname(where)), os.path.basename(where)


def _entry(name: str, found: os.stat_result) -> LocalEntry:
    if stat.S_ISREG(found.st_mode):
        kind = "file"
    elif stat.S_ISDIR(found.st_mode):
        kind = "directory"
    elif stat.S_ISLNK(found.st_mode):
        kind = "link"
    else:
        kind = "other"
    mode = stat.S_IMODE(found.st_mode)
    return LocalEntry(name, kind, found.st_size, mode, found.st_atime_ns, found.st_mtime_ns)

"""The local side of a copy: a directory tree of this machine.

Names come from a server that may be hostile, and other users may be at work in the same
directories. So everything is done in directories that are open (``openat``): a name is one
component, no link is followed, and a directory stays the one that was entered even if something
else has taken its name. Paths are never joined, so none gets too long.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, Final, TypeVar

from nfsrdma.rpcrdma.io.fork import keep_from_children

from ..copies.local import LocalEntry
from ..copies.temporary import is_leftover, is_temporary
from ..errors import ForkedMountError, LocalError, forked, local_error

F = TypeVar("F", bound=Callable[..., Any])

_OPEN_MAX: Final = 64
"""Descriptors of directories that one copy keeps open at most."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN: Final = 0o700
_BLOCK: Final = 512
_SWEPT_MAX: Final = 4096
"""Entries of a directory that are examined for leftovers at most."""


@contextmanager
def blamed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise errors of the operating system as :class:`LocalError`, about ``path``."""
    try:
        yield
    except OSError as error:
        raise _ours(error, os.fspath(path) or ".") from error


def _ours(error: OSError, path: str) -> OSError:
    if isinstance(error, (LocalError, ForkedMountError)):
        return error
    return local_error(error.errno or errno.EIO, error.strerror or str(error), path)


def _blames(method: F) -> F:
    """Do what :func:`blamed` does for a method whose object has a ``path``.

    The method's first argument is a name in it.
    """

    @wraps(method)
    def blaming(self: Any, *arguments: Any) -> Any:
        try:
            return method(self, *arguments)
        except (OSError, OverflowError) as error:
            name = arguments[0] if arguments and isinstance(arguments[0], bytes) else b""
            if isinstance(error, OverflowError):  # a size or a time from the server
                text = "larger than a number of this system can be"
                error = OSError(errno.EOVERFLOW, text)
            raise _ours(error, self.path(name)) from error

    return blaming  # type: ignore[return-value]


class LocalDisk:
    """A ``copies.LocalTree``: the directory at ``root``, whose path may lead through links."""

    def __init__(self, root: str | os.PathLike[str], name: str | bytes = b"") -> None:
        self.name = os.fsencode(name)
        self._top_fd = -1
        self._parent = 0  # in a child, the process that forked it
        self._open: OrderedDict[Directory, int] = OrderedDict()
        with blamed(root):
            # For search alone: the directory may belong to another user.
            flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
            self._top_fd = os.open(os.fspath(root) or ".", flags)
        self.top = Directory(self, None, os.fsencode(root), (0, 0), existed=True)
        keep_from_children(self)

    def abandon(self) -> None:
        """See ``io.fork.Holder``. The parent tidies up what is half copied; the child must not."""
        self._parent = os.getppid()
        self.close()

    def fd(self, directory: Directory) -> int:
        """Return a descriptor of ``directory``, which is valid until the next call."""
        fd = self._open.get(directory)
        if fd is not None:
            self._open.move_to_end(directory)
            return fd
        if self._parent:
            raise forked(self._parent)
        if directory.parent is None:
            return self._top_fd
        return self._reopen(directory)

    def keep(self, directory: Directory, fd: int) -> None:
        """Keep a descriptor, and close the one that was used longest ago if there are too many."""
        self._open[directory] = fd
        while len(self._open) > _OPEN_MAX:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)

    def leave(self, directory: Directory) -> None:
        """Release ``directory``; its parent is needed next."""
        fd = self._open.pop(directory, -1)
        if fd < 0:
            return
        parent = directory.parent
        try:
            if parent is not None and parent.parent is not None and parent not in self._open:
                # From below it is one step up, at any depth.
                with suppress(OSError):
                    self._checked(parent, os.open("..", _DIRECTORY, dir_fd=fd))
        finally:
            os.close(fd)

    def _reopen(self, directory: Directory) -> int:
        """Open ``directory`` again, going down from the nearest one above it that is open."""
        missing: list[Directory] = []
        at: Directory | None = directory
        while at is not None and at.parent is not None and at not in self._open:
            missing.append(at)
            at = at.parent
        assert at is not None
        fd = self.fd(at)
        for below in reversed(missing):
            fd = self._checked(below, os.open(below.name, _DIRECTORY, dir_fd=fd))
        return fd

    def _checked(self, directory: Directory, fd: int) -> int:
        """Keep ``fd`` if it is the directory that was entered. Raises ``OSError`` otherwise."""
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) != directory.identity:
            os.close(fd)
            raise OSError(errno.ESTALE, "another directory has its name now")
        self.keep(directory, fd)
        return fd

    def close(self) -> None:
        """Close every descriptor. Harmless to repeat."""
        while self._open:
            os.close(self._open.popitem()[1])
        if self._top_fd >= 0:
            os.close(self._top_fd)
            self._top_fd = -1

    def __del__(self) -> None:
        self.close()


class Directory:
    """A ``copies.LocalDirectory``: one that was entered."""

    __slots__ = ("_disk", "existed", "identity", "name", "parent")

    def __init__(
        self,
        disk: LocalDisk,
        parent: Directory | None,
        name: bytes,
        identity: tuple[int, int],
        existed: bool,
    ) -> None:
        self._disk = disk
        self.parent = parent
        self.name = name
        self.identity = identity
        self.existed = existed

    def path(self, name: bytes = b"") -> str:
        """Return the path of the directory, or of ``name`` in it, for messages."""
        parts = [name] if name else []
        at: Directory | None = self
        while at is not None:
            if at.name:
                parts.append(at.name)
            at = at.parent
        parts.reverse()
        return os.fsdecode(b"/".join(parts).replace(b"//", b"/", 1)) if parts else "."

    @property
    def fd(self) -> int:
        """A descriptor, which is valid until that of another directory is asked for."""
        return self._disk.fd(self)

    # --- Looking ---

    @_blames
    def entry(self, name: bytes) -> LocalEntry | None:
        """Return what has the name, a link not followed; None if nothing has."""
        try:
            return _entry(name, os.stat(name or b".", dir_fd=self.fd, follow_symlinks=False))
        except FileNotFoundError:
            return None

    @_blames
    def scan(self) -> list[LocalEntry]:
        """Return all entries, sorted by name."""
        entries: list[LocalEntry] = []
        with os.scandir(self.fd) as listing:
            for item in listing:
                name = os.fsencode(item.name)
                try:
                    entries.append(_entry(name, item.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    continue  # it is gone
                except OSError:
                    entries.append(LocalEntry(name, "unknown"))  # opening it will say why
        entries.sort(key=lambda entry: entry.name)
        return entries

    @_blames
    def read_link(self, name: bytes) -> bytes:
        """Return the target of a link."""
        return os.readlink(name, dir_fd=self.fd)

    @_blames
    def open(self, name: bytes) -> OpenedFile:
        """Open a regular file for reading."""
        # O_NONBLOCK: by now the name may be that of a pipe, which would wait for a writer.
        fd = os.open(name, _READ, dir_fd=self.fd)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a file any more")
        return OpenedFile(fd, self, name)

    # --- Directories ---

    @_blames
    def enter(self, name: bytes) -> Directory:
        """Return a directory in this one. A link to one does not count."""
        return self._enter(name, existed=True)

    @_blames
    def make(self, name: bytes) -> Directory:
        """Return a directory in this one that can be written to, and make it if need be."""
        existed = not name
        if name:
            try:
                os.mkdir(name, _OWN, dir_fd=self.fd)
            except FileExistsError:
                existed = True
        made = self._enter(name, existed)
        if existed:
            found = os.fstat(made.fd)
            if found.st_mode & _OWN != _OWN and found.st_uid == os.geteuid():
                os.fchmod(made.fd, stat.S_IMODE(found.st_mode) | _OWN)
        return made

    def _enter(self, name: bytes, existed: bool) -> Directory:
        try:
            fd = os.open(name or b".", _DIRECTORY, dir_fd=self.fd)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise OSError(errno.ENOTDIR, "not a directory, and in its place") from error
            raise
        found = os.fstat(fd)
        below = Directory(self._disk, self, name, (found.st_dev, found.st_ino), existed)
        self._disk.keep(below, fd)
        return below

    @_blames
    def finish(self, attributes: tuple[int, int, int] | None) -> None:
        """Set the mode and the times, if given, and release the directory."""
        try:
            if attributes is not None:
                mode, atime_ns, mtime_ns = attributes
                fd = self.fd
                os.utime(fd, ns=(atime_ns, mtime_ns))
                os.fchmod(fd, mode)
        finally:
            self._disk.leave(self)

    # --- What is made ---

    @_blames
    def create(self, name: bytes, temporary: bytes) -> CreatedFile:
        """Make a file that will be called ``name``, under a temporary name."""
        self.check_replaceable(name)  # before the data comes, not after
        fd = os.open(temporary, _NEW, 0o600, dir_fd=self.fd)
        return CreatedFile(fd, self, name, temporary)

    @_blames
    def make_link(self, name: bytes, target: bytes, temporary: bytes) -> None:
        """Make a symbolic link, replacing a file or link that has the name."""
        if b"\0" in target:
            raise OSError(errno.EINVAL, "the target of the link has a null character in it")
        fd = self.fd
        try:
            os.symlink(target, name, dir_fd=fd)
        except FileExistsError:
            self.check_replaceable(name)
            os.symlink(target, temporary, dir_fd=fd)
            try:
                os.replace(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
            except OSError:
                os.unlink(temporary, dir_fd=fd)
                raise

    def check_replaceable(self, name: bytes) -> None:
        """Raise ``OSError`` if ``name`` is something else than a file or a link.

        A link to a device or a pipe, as ``/dev/stdout`` is, counts as its target.
        """
        try:
            mode = os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISLNK(mode):
            with suppress(OSError):
                led = os.stat(name, dir_fd=self.fd).st_mode
                mode = mode if stat.S_ISDIR(led) else led
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, "a directory: it is not replaced")
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            raise OSError(errno.EEXIST, "neither a file nor a link: it is not replaced")

    @_blames
    def remove(self, name: bytes, is_directory: bool) -> None:
        """Remove an empty directory, or anything else; a link is not followed."""
        (os.rmdir if is_directory else os.unlink)(name, dir_fd=self.fd)

    def discard(self, temporary: bytes) -> None:
        """Remove what :meth:`create` made, if it is there."""
        with suppress(OSError):
            os.unlink(temporary, dir_fd=self.fd)

    def sweep(self) -> None:
        """Remove what earlier copies left here long ago."""
        with suppress(OSError):
            fd = os.open(".", _DIRECTORY, dir_fd=self.fd)
            try:
                self._sweep(fd)
            finally:
                os.close(fd)

    def _sweep(self, fd: int) -> None:
        now_ns = os.fstat(fd).st_mtime_ns  # a file was just made here, so this is now
        with os.scandir(fd) as listing:
            for _, item in zip(range(_SWEPT_MAX), listing, strict=False):
                if not is_temporary(os.fsencode(item.name)):
                    continue
                found = item.stat(follow_symlinks=False)
                if (
                    stat.S_ISREG(found.st_mode)
                    and found.st_uid == os.geteuid()
                    and is_leftover(found.st_mode, found.st_mtime_ns, found.st_ctime_ns, now_ns)
                ):
                    os.unlink(item.name, dir_fd=fd)


class _File:
    """A file, the directory that it is in, and its name there."""

    __slots__ = ("_directory", "_fd", "_name")

    def __init__(self, fd: int, directory: Directory, name: bytes) -> None:
        self._fd = fd
        self._directory = directory
        self._name = name

    def path(self, name: bytes = b"") -> str:
        """Return the path that errors name."""
        return self._directory.path(name or self._name)

    def close(self) -> None:
        os.close(self._fd)


class OpenedFile(_File):
    """A ``copies.LocalFile``."""

    __slots__ = ()

    @_blames
    def read_at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on, and return how many octets there were."""
        done = 0
        while done < len(buffer):
            count = os.preadv(self._fd, [buffer[done:]], offset + done)
            if not count:
                break
            done += count
        return done

    def data(self, offset: int, size: int) -> tuple[int, int] | None:
        """Return begin and end of the next data from ``offset`` on; None if there is none."""
        try:
            start = os.lseek(self._fd, offset, os.SEEK_DATA)
            end = os.lseek(self._fd, start, os.SEEK_HOLE)
        except OSError as error:
            # A file system without holes has data everywhere.
            return None if error.errno == errno.ENXIO else (offset, size)
        return (start, min(end, size)) if start < size else None


class CreatedFile(_File):
    """A ``copies.NewFile``."""

    __slots__ = ("_temporary",)

    def __init__(self, fd: int, directory: Directory, name: bytes, temporary: bytes) -> None:
        super().__init__(fd, directory, name)
        self._temporary = temporary

    @_blames
    def write_at(self, offset: int, data: memoryview) -> None:
        """Write all of ``data`` at ``offset``."""
        while len(data):
            count = os.pwrite(self._fd, data, offset)
            if not count:
                raise OSError(errno.EIO, "nothing could be written")
            offset += count
            data = data[count:]

    @_blames
    def publish(self, size: int, mode: int, atime_ns: int, mtime_ns: int) -> None:
        """Set size and attributes, and give the file its proper name."""
        os.ftruncate(self._fd, size)
        os.fchmod(self._fd, mode)
        os.utime(self._fd, ns=(atime_ns, mtime_ns))
        directory = self._directory
        directory.check_replaceable(self._name)
        fd = directory.fd
        ours = os.fstat(self._fd)
        found = os.stat(self._temporary, dir_fd=fd, follow_symlinks=False)
        if (ours.st_dev, ours.st_ino) != (found.st_dev, found.st_ino):
            raise OSError(errno.EIO, "another file was put in the place of the temporary one")
        os.replace(self._temporary, self._name, src_dir_fd=fd, dst_dir_fd=fd)


def local_tree(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> LocalDisk:
    """Return the directory of ``path`` and its name there. Raises :class:`LocalError`."""
    where = os.fsdecode(path)
    for led in (where, os.path.dirname(where)):
        if _is_planted(led) and os.path.isdir(led):
            text = "another user's link, in a directory that all may write to: not followed"
            raise local_error(errno.EACCES, text, led)
    if os.path.isdir(where):
        where = os.path.realpath(where)  # the caller's own link to a directory is followed
    return LocalDisk(os.path.dirname(where), os.path.basename(where))


def _is_planted(path: str) -> bool:
    """Return whether ``path`` is a link that another user may have planted.

    This is the rule of Linux's ``fs.protected_symlinks``, which not every system has switched on:
    links in a directory like ``/tmp`` are followed only if their owner is trusted.
    """
    try:
        found, above = os.lstat(path), os.stat(os.path.dirname(path) or ".")
    except OSError:
        return False
    public = stat.S_ISVTX | stat.S_IWOTH
    return (
        stat.S_ISLNK(found.st_mode)
        and above.st_mode & public == public
        and found.st_uid not in (os.geteuid(), above.st_uid)
    )


def _entry(name: bytes, found: os.stat_result) -> LocalEntry:
    if stat.S_ISREG(found.st_mode):
        kind = "file"
    elif stat.S_ISDIR(found.st_mode):
        kind = "directory"
    elif stat.S_ISLNK(found.st_mode):
        kind = "link"
    else:
        kind = "other"
    mode = stat.S_IMODE(found.st_mode)
    sparse = found.st_blocks * _BLOCK < found.st_size
    return LocalEntry(name, kind, found.st_size, mode, found.st_atime_ns, found.st_mtime_ns, sparse)

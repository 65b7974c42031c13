"""The directory in which a server keeps what must survive it, and that is its alone.

Its contents are worth as much as the exports: with the key of the file handles they can be made up.
So the directory belongs to the server's user, no other user can write to it, and none can read what
is made in it. Within a directory that others may write to, such as /tmp, it is a subdirectory. Two
servers in one directory would undo what each other remembers: the first one holds a lock (flock) as
long as it lives, and leaves its process id for the second one to report.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import pwd
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..vfs.export import Export
from ..vfs.local import LocalFileSystem
from .recovery import SqliteRecoveryStore

DATABASE: Final = "recovery.sqlite"
_LOCK: Final = "lock"
_SYSTEM: Final = Path("/var/lib/nfsrdma")
_EVERYBODYS: Final = ("/tmp", "/var/tmp", "/dev/shm")


class StateDirectoryBusy(Exception):
    """Another server keeps its state there; the text says which process."""


class ExportedState(ValueError):
    """An export is, or is in, a directory where servers keep their state."""

    def __init__(self, export: Export, directory: Path) -> None:
        super().__init__(f"/{export.name} is in {directory}, where servers keep their state")
        self.export = export
        self.directory = directory


def hide_from(directories: Iterable[Path], exports: Iterable[Export]) -> None:
    """Hide directories with servers' state from clients. Raises :class:`ExportedState`.

    A client that could read one could make up file handles, and one that could write it would end
    the service, whatever the exports are for.
    """
    for directory in directories:
        for export in exports:
            if isinstance(export.fs, LocalFileSystem):
                export.fs.hide(directory)
                if not export.fs.is_visible:
                    raise ExportedState(export, directory)


def default_directory() -> Path:
    """Return where this user's servers keep state by default: the system's place, or XDG's.

    See the XDG Base Directory Specification: a relative $XDG_STATE_HOME is to be ignored.
    """
    if os.geteuid() == 0:
        return _SYSTEM
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if os.path.isabs(home) else _home() / ".local/state"
    return base / "nfsrdma"


def _home() -> Path:
    """Return this user's home: not that of a user who became this one (su, setpriv)."""
    home = os.environ.get("HOME", "")
    with suppress(OSError, KeyError):
        if not os.path.isabs(home) or os.stat(home).st_uid != os.geteuid():
            home = pwd.getpwuid(os.geteuid()).pw_dir
    return Path(home or "/")


def name_of(exports: Iterable[tuple[str, str]], listeners: Iterable[str]) -> str:
    """Return a name for the state of one server, made of what it exports and where it listens.

    ``exports`` are names and what they stand for: real paths, or URLs. So the same command finds
    the same state, and one that serves other directories, or at another address, is another server
    to its clients too.
    """
    digest = hashlib.blake2s(digest_size=8)
    for name, place in exports:
        digest.update(os.fsencode(f"{name}\0{place}\0"))
    for where in sorted(listeners):
        digest.update(os.fsencode(f"\0{where}"))
    return digest.hexdigest()


class StateDirectory:
    """One server's directory, locked.

    It is made if it is missing, with those above it. Raises ``OSError`` if it cannot be opened or
    is not safe, and :class:`StateDirectoryBusy`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        _make(self.path)
        if _is_shared(self.path) and not _close_to_others(self.path):
            self.path /= _within_shared()
            _make(self.path)
            flags |= os.O_NOFOLLOW
        self._fd = os.open(self.path, flags)
        try:
            _check(self._fd, self.path, 0o022)
            self._lock = self._take_lock()
        except BaseException:
            os.close(self._fd)
            raise

    def open_store(self) -> SqliteRecoveryStore:
        """Open the recovery database in it. Raises ``OSError`` and ``sqlite3.Error``."""
        # Made here, so that others cannot read it even for a moment.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(DATABASE, flags, 0o600, dir_fd=self._fd)
        try:
            _check(fd, self.path / DATABASE, 0o022)
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)
        return SqliteRecoveryStore(str(self.path / DATABASE))

    def close(self) -> None:
        """Release it for the next server. Harmless to repeat."""
        if self._fd >= 0:
            os.close(self._lock)
            os.close(self._fd)
            self._fd = -1

    def _take_lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(_LOCK, flags, 0o600, dir_fd=self._fd)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
            os.close(lock)
            process = f" (process {holder})" if holder.isdigit() else ""
            raise StateDirectoryBusy(
                f"another server{process} keeps its state in {self.path}"
            ) from None
        except BaseException:
            os.close(lock)
            raise
        return lock


def holder(path: str | os.PathLike[str]) -> int | None:
    """Return the process that has a state directory, 0 if it cannot be told, None if none has."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    for place in (Path(path), Path(path) / _within_shared()):
        try:
            lock = os.open(place / _LOCK, flags)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            found = os.pread(lock, 32, 0).strip()
            return int(found) if found.isdigit() else 0
        finally:
            os.close(lock)
    return None


def _within_shared() -> str:
    """Return the name of our directory in one that others may write to."""
    return f"nfsrdma-{os.geteuid()}"


def _make(path: Path) -> None:
    """Make a directory and those above it, for their owner alone, with any file mask."""
    if path.is_dir():
        return
    if path.parent != path:
        _make(path.parent)
    with suppress(FileExistsError):
        path.mkdir(0o700)


def _is_shared(path: Path) -> bool:
    """Return whether the directory is ours or root's, and others may write to it."""
    status = path.stat()
    return status.st_uid in (0, os.geteuid()) and bool(stat.S_IMODE(status.st_mode) & 0o022)


def _close_to_others(path: Path) -> bool:
    """Make a shared directory private if it is ours and empty; return whether it is private now.

    That may be a file system just mounted, or a directory made with a loose file mask. A directory
    that all programs share for temporary files stays as it is, even if it is empty.
    """
    everybodys = {*map(os.path.realpath, _EVERYBODYS), os.path.realpath(tempfile.gettempdir())}
    if path.stat().st_uid != os.geteuid() or os.path.realpath(path) in everybodys:
        return False
    # A file system makes this folder for its own repairs: it does not count.
    if set(os.listdir(path)) - {"lost+found"}:
        return False
    path.chmod(0o700)
    # Look once more: something may have been put there meanwhile.
    return not set(os.listdir(path)) - {"lost+found"}


def _check(fd: int, path: Path, forbidden: int) -> None:
    status = os.fstat(fd)
    if status.st_uid != os.geteuid():
        raise OSError(errno.EPERM, f"{path} belongs to somebody else (user {status.st_uid})")
    if stat.S_IMODE(status.st_mode) & forbidden:
        raise OSError(errno.EPERM, f"others may write to {path}")

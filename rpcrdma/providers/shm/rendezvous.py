"""The meeting place of the two ends: sockets in directories that only their owners can write.

A listener at an address and a port is a Unix socket of that name in its user's directory. A client
looks in its own user's directory and in root's, and uses a socket only if no other user could have
put it there and the process behind it belongs to that user. So no process can pose as a server of
another user. The directory's name has the number of the network namespace, so that sockets of
different namespaces are not confused.

Containers, or users that trust one another, can name a directory (the option ``directory``, or
``NFSRDMA_SHM_DIR``); its owner decides by its mode who may use it.

A socket that a dead process has left behind refuses connections, and is replaced.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from ...io.fork import keep_from_children

VARIABLE: Final = "NFSRDMA_SHM_DIR"
_CREDENTIALS: Final = struct.Struct("3i")
_SO_PEERGROUPS: Final = 59
_GROUP: Final = struct.Struct("I")
_GROUPS_ROOM: Final = 1024  # the most that Python asks for
_EPHEMERAL: Final = (49152, 65535)
WILDCARDS: Final = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The process at the other end of a Unix socket, as the kernel says."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] | None = None
    """All its groups, the first one too; None if there are too many to be told."""


def credentials(connected: socket.socket) -> Credentials:
    """Return the credentials of the peer when the connection was made."""
    data = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(data)
    try:
        packed = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_ROOM)
    except OSError:
        return Credentials(pid, uid, gid)
    others = (number for (number,) in _GROUP.iter_unpack(packed))
    return Credentials(pid, uid, gid, frozenset((gid, *others)))


def network_namespace(pid: int | str = "self") -> int | None:
    """Return the number of a process's network namespace, if we may know it."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def directory_of(uid: int) -> str:
    """Return the directory of a user's listeners in this network namespace."""
    runtime = "/run" if uid == 0 else f"/run/user/{uid}"
    if uid == os.geteuid():
        runtime = os.environ.get("XDG_RUNTIME_DIR") or runtime
    if uid and not os.path.isdir(runtime):
        runtime = f"/tmp/nfsrdma-{uid}"
    return f"{runtime}/nfsrdma/net-{network_namespace()}"


def candidates(directory: str | None) -> list[str]:
    """Return the directories where a trusted server can be listening."""
    directory = directory or os.environ.get(VARIABLE)
    if directory:
        return [directory]
    own, root = directory_of(os.geteuid()), directory_of(0)
    return [own] if own == root else [own, root]


def service_name(host: str, port: int) -> str:
    """Return the socket's name in its directory."""
    return f"{host}@{port}"


@contextmanager
def opened(directory: str, *, named: bool, create: bool = False) -> Iterator[tuple[int, int]]:
    """Return a directory, as a descriptor, and its owner. Raises ``OSError``, also if it is unsafe.

    ``named``: the user has named it, so it need not be ours or root's.
    """
    if create:
        _make(directory)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not named:
            if status.st_uid not in (0, os.geteuid()):
                raise OSError(errno.EPERM, f"{directory} is somebody else's")
            if stat.S_IMODE(status.st_mode) & 0o022:
                raise OSError(errno.EPERM, f"others may write to {directory}")
        yield fd, status.st_uid
    finally:
        os.close(fd)


def _make(directory: str) -> None:
    """Make a directory and those above it, writable by the owner only, whatever the umask."""
    above = os.path.dirname(directory)
    if above != directory and not os.path.isdir(above):
        _make(above)
    with suppress(FileExistsError):
        os.mkdir(directory, 0o755)


def short_path(directory: int, name: str) -> str:
    """Return a path that is short enough for a socket's address."""
    return f"/proc/self/fd/{directory}/{name}"


class Meeting:
    """A listening socket with a name. ``socket`` does not block."""

    def __init__(
        self, host: str, port: int, directory: str | None, bound: socket.socket | None = None
    ) -> None:
        """Listen. Raises ``OSError``: EADDRINUSE when another process listens there.

        ``bound`` is a socket that listens there already, and is ours from here on.
        """
        named = directory or os.environ.get(VARIABLE)
        self._directory = named or directory_of(os.geteuid())
        self.port = port
        if bound is not None:
            self._name = service_name(host, port)
            self.socket = bound
            keep_from_children(bound)
            bound.setblocking(False)
            return
        # One process at a time finds out which sockets are stale.
        with opened(self._directory, named=bool(named), create=True) as (fd, _), alone(fd):
            self._listen(fd, host, port)

    def _listen(self, fd: int, host: str, port: int) -> None:
        if not port:
            self.port = port = _free_port(fd, host)
        self._name = service_name(host, port)
        if knock(fd, self._name):
            raise OSError(errno.EADDRINUSE, f"{host} port {port} is taken")
        with suppress(FileNotFoundError):
            os.unlink(self._name, dir_fd=fd)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        keep_from_children(self.socket)
        try:
            self.socket.setblocking(False)
            self.socket.bind(short_path(fd, self._name))
            # As on a port of the loopback interface, the program decides who may do what; the
            # directory's mode decides who can connect.
            os.chmod(self._name, 0o666, dir_fd=fd)
            self.socket.listen(128)
        except BaseException:
            self.socket.close()
            raise

    def close(self) -> None:
        """Stop listening, and remove the name unless it is another process's by now."""
        if self.socket.fileno() < 0:
            return  # closed before, or we are a child and the name is our parent's
        self.socket.close()
        with suppress(OSError):
            fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with alone(fd):
                    if not knock(fd, self._name):
                        os.unlink(self._name, dir_fd=fd)
            finally:
                os.close(fd)


@contextmanager
def alone(directory: int) -> Iterator[None]:
    """Hold the lock of a directory, so that one process at a time finds stale sockets.

    The lock is released explicitly, as a forked child may have the directory open as well.
    """
    fcntl.flock(directory, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(directory, fcntl.LOCK_UN)


def _free_port(directory: int, host: str) -> int:
    for _ in range(1000):
        port = random.randint(*_EPHEMERAL)
        if not knock(directory, service_name(host, port)):
            return port
    raise OSError(errno.EADDRINUSE, f"no port of {host} is free")


def knock(directory: int, name: str) -> bool:
    """Return whether a process listens at this name."""
    try:
        reach(directory, name).close()
    except BlockingIOError:
        return True  # and is busy
    except OSError:
        return False
    return True


def reach(directory: int, name: str) -> socket.socket:
    """Connect to who listens at a name; the socket does not block. Raises ``OSError``."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keep_from_children(made)
    try:
        made.setblocking(False)
        made.connect(short_path(directory, name))
    except BaseException:
        made.close()
        raise
    return made


def meet(host: str, port: int, directory: str | None) -> tuple[socket.socket, Credentials]:
    """Connect to the listener at an address or at the wildcard; return its credentials, too.

    Raises ``ConnectionRefusedError`` when there is none that can be trusted, ``BlockingIOError``
    when it has too much to do.
    """
    names = [host] + [wildcard for wildcard in WILDCARDS if (":" in wildcard) == (":" in host)]
    named = bool(directory or os.environ.get(VARIABLE))
    for place in candidates(directory):
        try:
            with opened(place, named=named) as (fd, owner):
                for name in names:
                    try:
                        made = reach(fd, service_name(name, port))
                    except (FileNotFoundError, ConnectionRefusedError, PermissionError):
                        continue
                    who = credentials(made)
                    if who.uid in (owner, 0, os.geteuid()):
                        return made, who
                    made.close()
        except BlockingIOError:
            raise
        except OSError:
            continue
    raise ConnectionRefusedError(
        errno.ECONNREFUSED, f"nobody on this host listens at {host} port {port}"
    )

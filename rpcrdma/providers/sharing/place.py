"""Where the sharers of a port find each other: names in a directory that only their user can write.

It has the number of the network namespace in its name, and is refused if somebody else could write
it. Unlike that of shared memory it is the same one whatever the environment says, for a cron job as
for who has logged in: they have one port. A name is a listening Unix socket: it
goes with its process, and what is left of it refuses connections and is replaced.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from ...io.fork import keep_from_children
from ..shm.rendezvous import (
    alone,
    credentials,
    knock,
    network_namespace,
    opened,
    reach,
    short_path,
)

_BACKLOG: Final = 128


class NoPlace(OSError):
    """There is no directory in which the programs of this user could find each other safely."""


class Name:
    """A name that this process has."""

    def __init__(self, place: Place, directory: int, name: str) -> None:
        """Take a name in a directory, whose lock is held. Raises ``OSError``: EADDRINUSE."""
        if knock(directory, name):
            raise OSError(errno.EADDRINUSE, f"{name} is taken by another program")
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)
        self._place = place
        self._name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        keep_from_children(self.socket)
        try:
            self.socket.setblocking(False)
            self.socket.bind(short_path(directory, name))
            os.chmod(name, 0o600, dir_fd=directory)
            self.socket.listen(_BACKLOG)
        except BaseException:
            self.socket.close()
            raise

    def close(self) -> None:
        """Give the name back, unless it is another process's by now. Harmless to repeat."""
        if self.socket.fileno() < 0:
            return  # closed before, or we are a child and the name is our parent's
        self.socket.close()
        with suppress(OSError), self._place.alone() as directory:
            if not knock(directory, self._name):
                os.unlink(self._name, dir_fd=directory)


def directory_of(uid: int) -> str:
    """Return the directory of a user's programs in this network namespace."""
    above = "/run" if uid == 0 and os.path.isdir("/run") else f"/tmp/nfsrdma-{uid}"
    return f"{above}/nfsrdma/net-{network_namespace()}/roce"


class Place:
    """The directory of this user, for one address."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._path = directory_of(os.geteuid())

    @contextmanager
    def alone(self) -> Iterator[int]:
        """Return the directory's descriptor; no other process is in here meanwhile.

        Raises ``NoPlace`` if there is none that is safe.
        """
        with ExitStack() as held:
            try:
                directory, owner = held.enter_context(opened(self._path, named=False, create=True))
                if owner != os.geteuid():
                    raise OSError(errno.EPERM, f"{self._path} is somebody else's")
                held.enter_context(alone(directory))
            except OSError as error:
                raise NoPlace(error.errno, f"{self._path}: {error.strerror}") from error
            yield directory

    def keep(self, directory: int) -> Name:
        """Take the keeper's name. Raises ``OSError``."""
        return Name(self, directory, self._host)

    def listen(self, port: int) -> Name:
        """Take a port for this process's listeners. Raises ``OSError``: EADDRINUSE."""
        with self.alone() as directory:
            return Name(self, directory, f"{self._host}@{port}")

    def find(self, directory: int) -> socket.socket | None:
        """Connect to the keeper, if there is one and it is this user's.

        Raises ``OSError``: EAGAIN if it has too much to do.
        """
        try:
            found = reach(directory, self._host)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        if not is_ours(found):
            found.close()
            raise OSError(errno.EPERM, f"somebody else keeps {self._host}")
        return found


def is_ours(connected: socket.socket) -> bool:
    """Return whether the process at the other end is of this user."""
    return credentials(connected).uid == os.geteuid()

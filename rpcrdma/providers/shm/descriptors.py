"""Descriptors that a peer sends beside a message: they may be of anything that its user can open.

To look at such a file, or to close it, may take as long as whoever serves it likes:
``fstat(2)`` and ``close(2)`` wait for the answer of a FUSE file system, and any user can mount
one. So, before it is known to be shared memory or an eventfd, nothing is done to a descriptor
that asks anybody but the kernel. What is neither is closed by a thread, which may wait for
ever: there are few of them for each user, and whose are all waiting is not listened to any
more. What was sent to a socket that nobody reads is dropped by the kernel, which waits for
nobody.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from .rendezvous import credentials

_MOST_OF_A_USER: Final = 2
"""Messages of one user whose descriptors are being closed."""
_MOST: Final = 32
"""Those of all users."""
_EVENTFD: Final = "anon_inode:[eventfd]"

_closing: Final[dict[threading.Thread, int]] = {}
"""The threads that close descriptors, and whose those are."""


def are_plain(fds: Sequence[int]) -> bool:
    """Return whether each is of shared memory, or an eventfd: whether they keep nobody waiting."""
    return all(_is_memory(fd) or _is_eventfd(fd) for fd in fds)


def _is_memory(fd: int) -> bool:
    try:
        return fcntl.fcntl(fd, fcntl.F_GET_SEALS) >= 0
    except OSError:  # EINVAL: of another file system
        return False


def _is_eventfd(fd: int) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{fd}") == _EVENTFD
    except OSError:
        return False


def is_crowded(source: socket.socket) -> bool:
    """Return whether no more of the peer's descriptors should be received for now."""
    if not _closing:
        return False
    users = list(_closing.values())
    return len(users) >= _MOST or users.count(credentials(source).uid) >= _MOST_OF_A_USER


def close_aside(source: socket.socket, fds: Sequence[int]) -> None:
    """Close descriptors of the peer, however long that takes, without waiting for it."""

    def close() -> None:
        try:
            for fd in fds:
                with suppress(OSError):  # it is closed all the same
                    os.close(fd)
        finally:
            del _closing[thread]

    thread = threading.Thread(target=close, name="closing what a peer sent", daemon=True)
    _closing[thread] = credentials(source).uid
    try:
        thread.start()
    except RuntimeError:  # no more threads: it has to be now
        close()

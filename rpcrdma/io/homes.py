"""Whether a process of root is root of this host, or of a container that shares its network.

The user's number does not say: where containers have no user namespace of their own, their root is
number 0 to the kernel as well, although it sees other files and lacks most of root's rights. The
mount namespace tells them apart (namespaces(7)): a process is at home if it has that of this
process, or of the first one. Only root can look at the namespaces of others, and only for processes
of root this matters.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Final

_FIRST: Final = 1


def is_at_home(pid: int) -> bool:
    """Return whether a process sees the files of this host; False if that is unknown."""
    return pid > 0 and _mount_namespace(pid) in _homes()


def is_held_at_home(inode: int) -> bool:
    """Return whether all processes that hold a socket are at home; False if none holds it."""
    found = False
    homes = _homes()
    # Clients are young as a rule, so the youngest first: one of those at home is enough.
    for pid in sorted(_processes(), reverse=True):
        at_home = _mount_namespace(pid) in homes
        if (not at_home or not found) and _holds(pid, f"socket:[{inode}]"):
            if not at_home:
                return False
            found = True
    return found


@cache
def _homes() -> frozenset[int]:
    return frozenset(filter(None, map(_mount_namespace, (os.getpid(), _FIRST))))


def _mount_namespace(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return 0  # it has ended, or is none of our business


def _processes() -> Iterator[int]:
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal():
                yield int(name)


def _holds(pid: int, what: str) -> bool:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                if os.readlink(f"{folder}/{name}") == what:
                    return True
    return False

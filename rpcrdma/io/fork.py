"""fork(): a child does not share its parent's connections.

After ``fork()`` both processes have the same sockets, the same epoll instances and the same shared
memory, but only the parent has the threads and the state that go with them. A child that used
them, or said goodbye to a peer, would disturb the parent's connections. If it merely kept them
open, peers would not notice when the parent closes them.

So every holder of such a thing registers it here (:func:`keep_from_children`). In a child all of
them are closed at once, without a message to any peer, and cannot be used from then on. What the
child opens is its own. ``subprocess`` is not affected: exec closes our descriptors.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import socket
from typing import Final, Protocol
from weakref import WeakSet

_log = logging.getLogger(__name__)


class ForkedError(OSError):
    """The object belongs to the parent process, and cannot be used in a child."""


class Holder(Protocol):
    """Holds something that a child must not use."""

    def abandon(self) -> None:
        """Close descriptors in a child, without a message to any peer, and do nothing afterwards.

        Other threads are gone, wherever they were: locks that they held stay locked.
        """


_holders: Final[WeakSet[Holder | socket.socket]] = WeakSet()
_abandoned: Final[list[object]] = []
"""Objects that must not even be finalized in a child: an adapter would free the parent's."""


def keep_from_children(holder: Holder | socket.socket) -> None:
    """Abandon ``holder`` in every child that this process forks; a socket is just closed.

    The holder is not kept alive by this.
    """
    _holders.add(holder)


def forked_error(pid: int) -> ForkedError:
    """Return the error for a child that uses an object made by process ``pid``."""
    return ForkedError(errno.ENOTCONN, f"this belongs to another process (pid {pid})")


def _in_child() -> None:
    holders = list(_holders)
    _holders.clear()
    _abandoned.extend(holders)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_abandoned))  # nor at the end of the program
    for holder in holders:
        try:
            if isinstance(holder, socket.socket):
                holder.close()  # close(2) alone: the connection stays the parent's
            else:
                holder.abandon()
        except Exception:
            _log.exception("%r cannot be abandoned", holder)


os.register_at_fork(after_in_child=_in_child)

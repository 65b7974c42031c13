"""fork(): a child has none of what its parent talks with.

After ``fork()`` both processes have the same sockets, the same epoll instances and the same shared
memory, but only the parent has the threads and the state that go with them. If a child used them,
or so much as took leave of a peer, it would be the parent's conversation that it spoils. And if it
merely kept them open, nobody would notice when the parent hangs up.

So whoever holds such a thing enters it here (:func:`keep_from_children`), and in a child all of
them are closed at once, without a word to anybody, and are of no use from there on. What is opened
in the child is its own. ``subprocess`` is not concerned: our descriptors are closed by exec.
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
    """What was to be used belongs to the process that this one is a child of."""


class Holder(Protocol):
    """Something that a child must not use."""

    def abandon(self) -> None:
        """We are in a child now: close what there is to be closed, tell nobody, do no more.

        Other threads are gone, wherever they were: their locks are still taken.
        """


_holders: Final[WeakSet[Holder | socket.socket]] = WeakSet()
_abandoned: Final[list[object]] = []
"""In a child: what must not even be finalized. An adapter would free what the parent has there."""


def keep_from_children(holder: Holder | socket.socket) -> None:
    """Have ``holder`` abandoned in every child that this process forks; a socket is just closed.

    It is not kept alive by that.
    """
    _holders.add(holder)


def forked_error(pid: int) -> ForkedError:
    """What is raised in a child that uses what process ``pid`` made."""
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

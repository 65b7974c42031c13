"""Who makes a request: nodes that act with the credentials of its process, groups included.

The kernel says user and group with each request, and the number of the thread. What other groups a
thread has it tells in ``/proc`` only, so they are as of a moment later, and are kept for a moment:
a thread that gives groups up, and neither changes its user nor its group, still has them for
:data:`KEPT_S`. A thread that is gone has none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.rpc.auth import Credentials

from ..nodes import Nodes
from .wire import NO_CALLER, Header

GroupsOf = Callable[[int, int, int], tuple[int, ...]]
"""Returns the supplementary groups of a thread, by its number, if its user and group are these."""
KEPT_S: Final = 0.05
_THREADS_MAX: Final = 1024
_USERS_MAX: Final = 256


class Callers:
    """The users of one mount. ``nodes`` are those of who has mounted, ``now`` is a clock."""

    def __init__(
        self, nodes: Nodes, machine: bytes, groups_of: GroupsOf, now: Callable[[], float]
    ) -> None:
        self._own = nodes
        self._machine = machine
        self._groups_of = groups_of
        self._now = now
        self._threads: OrderedDict[tuple[int, int, int], tuple[float, Nodes]] = OrderedDict()
        self._users: OrderedDict[tuple[int, int, tuple[int, ...]], Nodes] = OrderedDict()

    def nodes_for(self, header: Header) -> Nodes:
        """Return the nodes of whoever makes the request with ``header``."""
        if header.uid == NO_CALLER:
            return self._own
        thread = header.pid, header.uid, header.gid
        now = self._now()
        kept = self._threads.get(thread)
        if kept is not None and now < kept[0]:
            return kept[1]
        # A thread of a container that the kernel has no number for here is said to be 0.
        groups = self._groups_of(*thread) if header.pid else ()
        nodes = self._user(header.uid, header.gid, groups)
        self._threads[thread] = now + KEPT_S, nodes
        self._threads.move_to_end(thread)
        if len(self._threads) > _THREADS_MAX:
            self._threads.popitem(last=False)
        return nodes

    def _user(self, uid: int, gid: int, groups: tuple[int, ...]) -> Nodes:
        user = uid, gid, groups
        nodes = self._users.get(user)
        if nodes is None:
            credentials = Credentials.sys(uid, gid, groups, self._machine)
            nodes = self._users[user] = self._own.acting_as(credentials)
            if len(self._users) > _USERS_MAX:
                self._users.popitem(last=False)
        self._users.move_to_end(user)
        return nodes

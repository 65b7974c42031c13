"""The descriptors by which a local file system reaches its nodes, and the nodes that it makes.

They are a cache (see ``descriptors``): what is not in it is opened again by its identity (see
``handles``), and checked to be below the export's root (see ``below``). All of this is the server's
thread's alone. A descriptor of the cache is good until a coroutine waits, so it is fetched again
for each call.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from typing import Final

from .below import MOMENT_S, Below
from .descriptors import DescriptorCache
from .heavy import Heavy
from .interface import Node
from .local_attributes import node_of
from .local_calls import Calls, Found
from .pace import Pace
from .posix import failure

_NEVER: Final = float("-inf")
_TRIES: Final = 8
"""How often descriptors are fetched that others make give way before all are there."""


class Nodes:
    """The nodes of one export. ``clock`` gives seconds."""

    def __init__(
        self,
        cache: DescriptorCache,
        below: Below,
        calls: Calls,
        pace: Pace,
        heavy: Heavy,
        clock: Callable[[], float],
    ) -> None:
        self._cache = cache
        self._below = below
        self._calls = calls
        self._pace = pace
        self._heavy = heavy
        self._clock = clock
        self._closed = False

    # --- Reaching a node ---

    def at_hand(self, node: Node) -> int | None:
        """Return a descriptor of the node if there is one that needs no further look.

        A directory must have been seen below the root a moment ago: a local process may move it out
        of the export at any time, and a descriptor would still lead there. What was looked up in it
        was below the root when the directory was.
        """
        identity = node.identity
        fd = self._cache.fd_of(identity)
        if fd is not None and node.type == stat.S_IFDIR:
            checked = self._cache.checked.get(identity, _NEVER)
            if self._clock() - checked >= MOMENT_S:
                return None
        return fd

    async def reach(self, *nodes: Node) -> list[int]:
        """Return ``O_PATH`` descriptors of the nodes, which belong to the cache.

        They are good until the caller waits. ESTALE for what is gone, or not below the root.
        """
        fetched: set[bytes] = set()
        for _ in range(_TRIES):
            reached: list[int] = []
            for node in nodes:
                identity = node.identity
                fd = self._cache.fd_of(identity) if identity in fetched else self.at_hand(node)
                if fd is None:
                    await self._fetch(node)
                    fetched.add(identity)
                    break  # What was reached before it may have given way.
                reached.append(fd)
            else:
                return reached
        raise failure(errno.EAGAIN)

    async def _fetch(self, node: Node) -> None:
        """Have a descriptor of the node at hand."""
        identity = node.identity
        fd = self._cache.fd_of(identity)
        if fd is None:
            await self.find(identity)
            return
        seen = await self._pace.quick(self._below.seen, fd)
        if seen is None:
            self._cache.drop(identity)
            raise failure(errno.ESTALE)
        self._cache.checked[identity] = seen

    async def find(self, identity: bytes) -> Found:
        """Open an inode by its identity, for the cache. ESTALE if it is gone."""
        idle = self._cache.acquire_idle(identity)
        if idle is not None:
            # It may have been moved meanwhile, but it is in memory.
            found = self._calls.checked(idle, identity)
        else:
            found = await self._pace.slow(partial(self._calls.inode, identity))
        self._keep(found)
        return found

    def fd_of(self, identity: bytes) -> int | None:
        """Return a descriptor of an inode if there is one, wherever the inode is by now."""
        return self._cache.fd_of(identity)

    # --- What is found and what goes ---

    def _keep(self, found: Found) -> None:
        """Take a descriptor over, unless there is one already."""
        if self._closed:
            os.close(found.fd)
            raise failure(errno.ESTALE)  # The file system was closed meanwhile.
        if self._cache.fd_of(found.identity) is not None:
            os.close(found.fd)
        else:
            self._cache.keep(found.identity, found.fd)
        if found.below is not None:
            self._cache.checked[found.identity] = found.below

    def adopt(self, found: Found, above: bytes) -> Node:
        """Take over what was found in the directory ``above``. Return its node."""
        self._keep(found)
        checked = self._cache.checked
        if found.below is None and stat.S_ISDIR(found.status.st_mode) and above in checked:
            checked[found.identity] = checked[above]
        return node_of(found.identity, found.status)

    def drop(self, identity: bytes) -> None:
        """Let go of an inode without a name: the descriptor would keep its blocks allocated."""
        if self._cache.kept_fd(identity) is not None:
            self._heavy.close(self._cache.acquire(identity))

    async def drop_if_dead(self, identity: bytes | None) -> None:
        """Let go of an inode if it has no name any more."""
        fd = self._cache.kept_fd(identity) if identity else None
        if identity and fd is not None:
            status = await self._pace.quick(os.fstat, fd)
            if status.st_nlink == 0:
                self.drop(identity)

    def pin(self, node: Node, fd: int) -> None:
        """Use an open file's descriptor for its node too, until :meth:`unpin`."""
        self._cache.pin(node.identity, fd)

    def unpin(self, node: Node, fd: int) -> None:
        """Note that an open file is about to be closed."""
        identity = node.identity
        if self._cache.unpin(identity, fd) and not self._pace.any_may_block:
            kept = self._cache.kept_fd(identity)
            if kept is not None and os.fstat(kept).st_nlink == 0:
                self.drop(identity)

    def opened(self, node: Node) -> int | None:
        """Return the descriptor of an open file, if there is one; its owner closes it."""
        pinned = self._cache.pinned.get(node.identity)
        return None if pinned is None else pinned[-1]

    def is_open(self, node: Node) -> bool:
        """Return whether a file is open by which the node can be reached."""
        return node.identity in self._cache.pinned

    def sweep(self) -> None:
        """Close what was not used since the last sweep, and what has no name left."""
        if self._pace.any_may_block:
            self.trim()
        else:
            self._cache.sweep()

    def trim(self) -> None:
        """Close every descriptor that no open file needs: they keep deleted files alive."""
        self._cache.trim()

    def close(self) -> None:
        """Close all descriptors; those that are under way are closed when they come."""
        self._closed = True
        self._cache.close()

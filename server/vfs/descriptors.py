"""Descriptors of files: how many all exports of the process may have open, and which give way.

The kernel's limit (RLIMIT_NOFILE) holds for the process, so there is one :class:`Budget` for all
exports. Descriptors that are kept only for speed may be a quarter of it, and fewer when the files
that clients hold open take more; a part is always left to connections. The export that keeps the
most gives way first, its oldest descriptor before others.

When there is no descriptor left after all, the caches are halved and the call is made once more:
:meth:`Budget.opened` does that, and ``pace`` for the calls that it makes.
"""

from __future__ import annotations

import errno
import os
import resource
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from .posix import failure

IN_USE: Final = 4
"""The latest so many of an export never give way: one operation may be using all of them."""

_MOST_KEPT: Final = 4096
_FEWEST_RESERVED: Final = 16
_OTHERS: Final = 16
"""What a process has open before anybody calls: the loop, listeners, a database."""


class Budget:
    """How many descriptors may be open. ``limit`` tells the process's own limit."""

    def __init__(self, limit: Callable[[], int] | None = None) -> None:
        self._limit = limit or _soft_limit
        self._caches: list[DescriptorCache] = []
        self._ceiling = _MOST_KEPT
        # As they were when last measured, or 0: how many may be kept, how many may be held.
        self._capacity = self._holdable = 0
        self.kept = 0
        """Descriptors that are kept for speed alone."""
        self.held = 0
        """Those of files that clients have open, and of calls under way."""

    def join(self, cache: DescriptorCache) -> None:
        """Count the descriptors of one more export."""
        self._caches.append(cache)

    def leave(self, cache: DescriptorCache) -> None:
        """Stop counting an export that has closed all it had."""
        if cache in self._caches:
            self._caches.remove(cache)

    def holds(self, change: int) -> None:
        """Count so many more descriptors of files that clients have open."""
        self.held += change
        self._capacity = 0

    def _measure(self) -> int:
        """Return how many may be kept now."""
        limit = self._limit()
        left = limit - _reserve(limit) - self.held
        # So that each export has what its latest operation uses.
        floor = IN_USE * max(4, len(self._caches))
        return max(floor, min(self._ceiling, limit // 4, left))

    def settle(self) -> None:
        """Close descriptors if too many are kept. Called when there is one more."""
        if self.kept <= self._capacity:
            return
        self._capacity = self._measure()
        for _ in range(self.kept - self._capacity):
            victim = max(self._caches, key=len)
            if not victim.give_way():
                return

    def relieve(self) -> None:
        """Close half of those kept, as there is none left, and keep no more until a sweep."""
        self._ceiling = self.kept // 2
        self._capacity = 0
        self.settle()

    def recover(self) -> None:
        """Forget that there was a shortage."""
        self._ceiling = _MOST_KEPT
        self._capacity = self._holdable = 0

    def opened(self, opener: Callable[..., int], *arguments: Any, **more: Any) -> int:
        """Return the descriptor that ``opener`` returns, at the second try if need be."""
        try:
            return opener(*arguments, **more)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        self.relieve()
        return opener(*arguments, **more)

    def admit(self) -> None:
        """Raise EMFILE if a client can open no further file: connections need descriptors too."""
        if self.held >= self._holdable:
            limit = self._limit()
            self._holdable = limit - _reserve(limit) - IN_USE
            if self.held >= self._holdable:
                raise failure(errno.EMFILE)


def _soft_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft


def _reserve(limit: int) -> int:
    """Return what is left to connections and to the process itself."""
    return max(_FEWEST_RESERVED, limit // 8) + _OTHERS


SHARED: Final = Budget()
"""That of the process."""


class DescriptorCache:
    """The open inodes of one export, by identity; ``most`` bounds them besides the budget."""

    def __init__(self, budget: Budget, most: int | None) -> None:
        self.budget = budget
        self._most = None if most is None else max(4 * IN_USE, most)
        self._kept: OrderedDict[bytes, int] = OrderedDict()
        """Those that may be closed, the latest used last."""
        self._idle: OrderedDict[bytes, int] = OrderedDict()
        """Likewise, not used since the last sweep: they give way first, and are to be checked."""
        self.pinned: dict[bytes, list[int]] = {}
        """Those of files that are open, which close them themselves."""
        self.checked: dict[bytes, float] = {}
        """When a directory that is kept was last seen to be below the export's root."""
        budget.join(self)

    def __len__(self) -> int:
        return len(self._kept) + len(self._idle)

    def fd_of(self, identity: bytes) -> int | None:
        """Return a descriptor of the inode to use now; it stays the cache's, or its file's."""
        kept = self._kept
        fd = kept.get(identity)
        if fd is not None:
            kept.move_to_end(identity)
            return fd
        pinned = self.pinned.get(identity)
        return None if pinned is None else pinned[-1]

    def acquire_idle(self, identity: bytes) -> int | None:
        """Hand over one that was not used since the last sweep, if there is one."""
        return self.acquire(identity) if identity in self._idle else None

    def kept_fd(self, identity: bytes) -> int | None:
        """Return the descriptor that is kept for the inode, if there is one, without using it."""
        fd = self._kept.get(identity)
        return self._idle.get(identity) if fd is None else fd

    def keep(self, identity: bytes, fd: int) -> None:
        """Take over a descriptor of an inode that has none."""
        self._kept[identity] = fd
        self.budget.kept += 1
        if self._most is not None and len(self) > self._most:
            self.give_way()
        self.budget.settle()

    def give_way(self) -> bool:
        """Close the oldest one that no operation can be using; False if there is none."""
        if self._idle:
            identity, fd = self._idle.popitem(last=False)
        elif len(self._kept) > IN_USE:
            identity, fd = self._kept.popitem(last=False)
        else:
            return False
        self._release(identity, fd)
        return True

    def drop(self, identity: bytes) -> None:
        """Close one, if there is one that is kept."""
        if self.kept_fd(identity) is not None:
            os.close(self.acquire(identity))

    def acquire(self, identity: bytes) -> int:
        """Hand over one that is kept, for the caller to close."""
        fd = self._kept.pop(identity, None)
        if fd is None:
            fd = self._idle.pop(identity)
        self.checked.pop(identity, None)
        self.budget.kept -= 1
        return fd

    def _release(self, identity: bytes, fd: int) -> None:
        self.checked.pop(identity, None)
        self.budget.kept -= 1
        os.close(fd)

    def pin(self, identity: bytes, fd: int) -> None:
        """Use the descriptor of a file that is open for its inode as well."""
        self.pinned.setdefault(identity, []).append(fd)
        self.budget.holds(1)

    def unpin(self, identity: bytes, fd: int) -> bool:
        """Forget a file that its owner closes. Return whether it was the last one of the inode."""
        pinned = self.pinned.get(identity)
        if pinned is None:  # All was closed before.
            return False
        pinned.remove(fd)
        self.budget.holds(-1)
        if not pinned:
            del self.pinned[identity]
        return not pinned

    def sweep(self) -> None:
        """Close what was not used since the last sweep, and what has no name left.

        A descriptor keeps the blocks of a deleted file allocated.
        """
        for identity, fd in [*self._kept.items()]:
            if os.fstat(fd).st_nlink == 0:
                self.drop(identity)
        while self._idle:
            self._release(*self._idle.popitem(last=False))
        self._kept, self._idle = self._idle, self._kept
        self.budget.recover()

    def trim(self) -> None:
        """Close all that no open file needs."""
        for cached in (self._idle, self._kept):
            while cached:
                self._release(*cached.popitem(last=False))
        self.budget.recover()

    def close(self) -> None:
        """Close all but what files that are open will close themselves."""
        self.trim()
        self.budget.holds(-sum(map(len, self.pinned.values())))
        self.pinned.clear()
        self.budget.leave(self)

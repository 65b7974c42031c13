"""Memory for the contents of calls that RDMA READs fetch."""

from __future__ import annotations

from typing import Final

from ..budget import Account
from ..io.memory import zeros

_SMALLEST: Final = 12  # of the sizes, as a power of two: 4 KiB
_STEP: Final = 1 << 16  # beyond that they are multiples of it
_KEPT: Final = 32 << 20
"""Octets: 32 results of 1 MiB at a time, as of eight records of 4 MiB. New pages cost more than to
fill them."""


class FetchBuffers:
    """A pool of buffers: at most ``limit`` octets at a time, as far as the peer's account allows.

    A buffer is as long as was asked for, rounded up to a power of two or to 64 KiB, and takes
    memory as data arrives in it. Up to 32 MiB of released buffers are kept for the next calls, as
    long as half of the budget is free. Each connection has a pool of its own, so that no peer ever
    sees what another one has sent.
    """

    __slots__ = ("_account", "_free", "_kept", "_limit", "_open", "_used", "lent")

    def __init__(self, limit: int, account: Account) -> None:
        self._limit = limit
        self._account = account
        self.lent = 0
        """Octets in use."""
        self._kept = 0
        self._free: dict[int, list[memoryview]] = {}
        self._open = True
        self._used = False

    def has(self, size: int) -> bool:
        """Return whether ``size`` octets may be acquired now.

        A connection may hold as much as is then left of its peer's share, just as a peer may hold
        as much as is left of the budget: one connection of a peer does not hold up its others.
        """
        capacity = _rounded(size)
        account = self._account
        lent = self.lent + capacity
        if lent <= account.budget.free - account.held - 2 * capacity:
            return lent <= self._limit
        if self._kept:
            self._drop()
            return self.has(size)
        return False

    def acquire(self, size: int) -> memoryview:
        """Return a buffer of ``size`` octets (at least one) of any content. Raises ``OSError``."""
        capacity = _rounded(size)
        free = self._free.get(capacity)
        if free:
            buffer = free.pop()
            self._kept -= capacity
        else:
            buffer = zeros(capacity)
            self._account.charge(capacity)
        self.lent += capacity
        self._used = True
        return buffer[:size]

    def release(self, view: memoryview) -> None:
        """Give a buffer back."""
        buffer = memoryview(view.obj)
        capacity = len(buffer)
        self.lent -= capacity
        budget = self._account.budget
        if self._open and self._kept + capacity <= _KEPT and budget.free * 2 > budget.limit:
            self._kept += capacity
            self._free.setdefault(capacity, []).append(buffer)
        else:
            self._account.charge(-capacity)

    def trim(self) -> None:
        """Free the buffers that are kept, if none was acquired since the last call of this."""
        if not self._used:
            self._drop()
        self._used = False

    def close(self) -> None:
        """Keep no buffers from now on: the connection is gone. Those in use are released later."""
        self._open = False
        self._drop()

    def _drop(self) -> None:
        self._free.clear()
        kept, self._kept = self._kept, 0
        self._account.charge(-kept)


def _rounded(size: int) -> int:
    if size <= _STEP:
        return 1 << max((size - 1).bit_length(), _SMALLEST)
    return -(-size // _STEP) * _STEP

"""Those who wait for byte ranges that others have locked (RFC 8881, Section 9.6).

The server never grants a lock that nobody is asking for: who waits is told that a range is free
(``server.lock_notices``), and asks again. This is the record, in the order in which they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .limits import StateLimits
from .shares import Shares

if TYPE_CHECKING:
    from .client import Client
    from .stateid import OpenState

Wanted: TypeAlias = "tuple[Client, bytes, int, int]"
"""What tells waiters of a file apart: client, owner, and the range, which is half open."""


class Waiter:
    """A lock owner that waits for a range, for writing or only for reading.

    ``opening`` is what it locks through, and ``asked`` when it asked last.
    """

    __slots__ = (
        "asked",
        "end",
        "exclusive",
        "notified",
        "opening",
        "outside",
        "owner",
        "reserved",
        "start",
    )

    def __init__(
        self, opening: OpenState, owner: bytes, start: int, end: int, exclusive: bool, now: float
    ) -> None:
        self.opening = opening
        self.owner = owner
        self.start = start
        self.end = end
        self.exclusive = exclusive
        self.asked = now
        self.outside = False
        """Whether somebody who is no client has it: see ``outside_locks``."""
        self.notified = False
        """Whether it was told that the range is free, since it asked last."""
        self.reserved = 0.0
        """Until when other waiters may not have the range."""

    @property
    def client(self) -> Client:
        """Whose it is."""
        return self.opening.client

    @property
    def key(self) -> Wanted:
        """What tells it from the others of its file."""
        return self.client, self.owner, self.start, self.end

    def reserves(
        self, start: int, end: int, exclusive: bool, client: Client, owner: bytes, now: float
    ) -> bool:
        """Return whether a range is kept for it that another waiter wants."""
        return (
            now < self.reserved
            and self.start < end
            and start < self.end
            and (self.exclusive or exclusive)
            and not (self.client is client and self.owner == owner)
        )


class WaiterTable:
    """All waiters. Each file has its own in ``OpenedFile.waiters``."""

    def __init__(self, limits: StateLimits) -> None:
        self._per_file = limits.waiters_per_file
        self._room = Shares(limits.waiters)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def resize(self, limits: StateLimits) -> None:
        """Change how many there may be."""
        self._per_file = limits.waiters_per_file
        self._room.resize(limits.waiters)

    def add(
        self, opening: OpenState, owner: bytes, start: int, end: int, exclusive: bool, now: float
    ) -> Waiter | None:
        """Add a waiter, or have one that asks again keep its place. None if there is no room."""
        waiters, client = opening.file.waiters, opening.client
        waiter = waiters.get((client, owner, start, end))
        if waiter is not None:
            waiter.opening, waiter.exclusive, waiter.asked = opening, exclusive, now
            waiter.notified, waiter.reserved, waiter.outside = False, 0.0, False
            return waiter
        if len(waiters) >= self._per_file or not self._room.room(client.share):
            return None
        waiter = Waiter(opening, owner, start, end, exclusive, now)
        waiters[waiter.key] = waiter
        self._room.acquire(client.share, 1)
        self._count += 1
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Forget a waiter. Harmless to repeat."""
        if waiter.opening.file.waiters.pop(waiter.key, None) is not None:
            self._room.release(waiter.client.share, 1)
            self._count -= 1

    def drop(self, opening: OpenState) -> bool:
        """Forget those who would lock through an open; return whether there were any."""
        waiters = [each for each in opening.file.waiters.values() if each.opening is opening]
        for waiter in waiters:
            self.remove(waiter)
        return bool(waiters)

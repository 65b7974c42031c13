"""What must outlive the server: its boot number, and who held state when it stopped.

Nothing else is needed (RFC 8881, Section 8.4.2.1): opens and locks come back from the clients,
who reclaim them. The list keeps two clients from reclaiming the same thing, and keeps a client
that lost its state while the server was up from reclaiming it afterwards.
"""

from __future__ import annotations

from typing import Protocol


class StoreError(Exception):
    """A change could not be made durable, as when a disk is full; it may be tried again."""


class RecoveryStore(Protocol):
    """Stable storage for the list of clients. Each change is durable when the call returns.

    Owners are octets that stand for clients (``Client.record``). Raises :class:`StoreError`.
    """

    def start(self) -> tuple[int, frozenset[bytes]]:
        """Begin a new life: its number, and the owners that may reclaim what they had."""

    def add(self, owner: bytes) -> None:
        """A client holds, or may from now on hold, state in this life."""

    def remove(self, owner: bytes) -> None:
        """It does not any more: it left, or lost its lease and its state with it."""

    def end_grace(self) -> None:
        """Who has not come back by now may reclaim no more."""

    def secret(self, fresh: bytes) -> bytes:
        """32 octets that stay the same from life to life: ``fresh``, if there are none yet."""

    def close(self) -> None:
        """Give back what the store holds."""


class MemoryRecoveryStore:
    """A store that forgets with its process; kept by a test, it plays a disk.

    Without a disk nobody may reclaim, and the number of the life has to be a fresh one, so
    ``first_boot`` is the time or a random number.
    """

    def __init__(self, first_boot: int = 1) -> None:
        self._boot = first_boot - 1
        self._owners: dict[bytes, int] = {}
        self._secret = b""

    def start(self) -> tuple[int, frozenset[bytes]]:
        self._boot = (self._boot + 1) & 0xFFFFFFFF
        return self._boot, frozenset(self._owners)

    def add(self, owner: bytes) -> None:
        self._owners[owner] = self._boot

    def remove(self, owner: bytes) -> None:
        self._owners.pop(owner, None)

    def end_grace(self) -> None:
        self._owners = {owner: boot for owner, boot in self._owners.items() if boot == self._boot}

    def secret(self, fresh: bytes) -> bytes:
        self._secret = self._secret or fresh
        return self._secret

    def close(self) -> None:
        pass

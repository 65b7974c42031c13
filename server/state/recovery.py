"""What must outlive the server: its boot number, and who held state when it stopped.

Nothing else is needed (RFC 8881, Section 8.4.2.1), as clients reclaim their opens and locks. The
list keeps two clients from reclaiming the same thing, and keeps a client that lost its state while
the server was up from reclaiming it afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

_REVOCATION: Final = b"\0revoked\0"
"""Begins no record of a client, which begins with an address."""


class StoreError(Exception):
    """A change could not be made durable, as when a disk is full. It may be tried again."""


def revocation_of(owner: bytes) -> bytes:
    """Return the entry for an owner that lost a delegation, and so may reclaim none."""
    return _REVOCATION + owner


def is_revocation(entry: bytes) -> bool:
    """Return whether an entry is one of :func:`revocation_of`, and no owner."""
    return entry.startswith(_REVOCATION)


class RecoveryStore(Protocol):
    """Stable storage for the list of clients. Each change is durable when the call returns.

    Owners are octets that stand for clients (``Client.record``). Raises :class:`StoreError`.
    """

    def start(self) -> tuple[int, frozenset[bytes]]:
        """Begin a new life: return its boot number, and the owners that may reclaim."""

    def add(self, owner: bytes) -> None:
        """Record that a client holds state in this life, or may from now on."""

    def remove(self, owner: bytes) -> None:
        """Record that a client holds none any more: it left, or lost its lease."""

    def end_grace(self) -> None:
        """Record that clients that have not come back may reclaim no more."""

    def leave(self, calls: Mapping[bytes, bytes]) -> None:
        """Record, at a planned end, something about each session, by its name, for the next life.

        What earlier lives have recorded so is forgotten.
        """

    def left(self) -> Mapping[bytes, bytes]:
        """Return what the life before this one has left, and forget it. Called after ``start``."""

    def secret(self, fresh: bytes) -> bytes:
        """Return 32 octets that stay the same in all lives: ``fresh`` if there are none yet."""

    def close(self) -> None:
        """Release what the store holds."""


class MemoryRecoveryStore:
    """A store that lasts as long as its process. A test that keeps it has a disk.

    Without a disk no client may reclaim, and the boot number must be a new one: ``first_boot`` is
    the time or a random number.
    """

    def __init__(self, first_boot: int = 1) -> None:
        self._boot = first_boot - 1
        self._owners: dict[bytes, int] = {}
        self._secret = b""
        self._left: tuple[int, Mapping[bytes, bytes]] = (0, {})

    def start(self) -> tuple[int, frozenset[bytes]]:
        """Begin a new life."""
        self._boot = (self._boot + 1) & 0xFFFFFFFF
        return self._boot, frozenset(self._owners)

    def add(self, owner: bytes) -> None:
        """Note that a client may hold state in this life."""
        self._owners[owner] = self._boot

    def remove(self, owner: bytes) -> None:
        """Note that a client holds no state any more."""
        self._owners.pop(owner, None)

    def end_grace(self) -> None:
        """Forget the clients of earlier lives."""
        self._owners = {owner: boot for owner, boot in self._owners.items() if boot == self._boot}

    def leave(self, calls: Mapping[bytes, bytes]) -> None:
        """Keep something about each session for the next life."""
        self._left = (self._boot + 1 & 0xFFFFFFFF, dict(calls))

    def left(self) -> Mapping[bytes, bytes]:
        """Return what the life before has left."""
        (boot, calls), self._left = self._left, (0, {})
        return calls if boot == self._boot else {}

    def secret(self, fresh: bytes) -> bytes:
        """Return the secret, or make ``fresh`` it."""
        self._secret = self._secret or fresh
        return self._secret

    def close(self) -> None:
        """Hold nothing that has to be released."""

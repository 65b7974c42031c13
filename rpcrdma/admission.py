"""Admission of connections when many peers connect: one rule for all transports.

An address, or a user of this host, may have as many connections as are still free (see ``budget``):
alone half of them, so that some are left for the next peer. Beyond that, or when the process has no
descriptors left, room is made. The victim is the oldest connection that nothing relies on, of the
address that has most connections among those that have such. A connection is relied on as soon as a
session's calls come over it; one that only sends NULL now and then stays as long as there is room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from .budget import holder_of
from .complaints import Complaints
from .rpc.channel import Peer

CROWDED = "too many connections"
MADE_ROOM = "closed to make room for other connections"


class Guest(Protocol):
    """A connection, as far as admission is concerned."""

    relied_on: bool

    @property
    def peer(self) -> Peer:
        """The other end."""


G = TypeVar("G", bound=Guest)


class Admission(Generic[G]):
    """The connections by address. ``end(guest, reason)`` closes one, which then ``leave``s."""

    __slots__ = ("_complaints", "_end", "_guests", "_keys", "limit", "refused")

    def __init__(self, limit: int, end: Callable[[G, str], object], complaints: Complaints) -> None:
        self.limit = limit
        self.refused = 0
        """Connections that were turned away."""
        self._end = end
        self._complaints = complaints
        self._keys: dict[G, str] = {}
        self._guests: dict[str, dict[G, None]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def admit(self, peer: Peer) -> bool:
        """Return whether ``peer`` may have one more connection; make room for it if need be."""
        own = len(self._guests.get(holder_of(peer.address, peer.uid), ()))
        if own < self.limit - len(self._keys) or self.make_room():
            return True
        self.refused += 1
        self._complaints.about(peer, CROWDED)
        return False

    def enter(self, guest: G, peer: Peer) -> None:
        """Count a connection that was admitted as ``peer``."""
        key = self._keys[guest] = holder_of(peer.address, peer.uid)
        self._guests.setdefault(key, {})[guest] = None

    def leave(self, guest: G) -> None:
        """Count a connection that has ended. Has no effect if it is not counted."""
        key = self._keys.pop(guest, None)
        if key is not None:
            guests = self._guests[key]
            del guests[guest]
            if not guests:
                del self._guests[key]

    def make_room(self) -> bool:
        """End one connection that nothing relies on. Return whether there was any."""
        for guests in sorted(self._guests.values(), key=len, reverse=True):
            for guest in guests:
                if not guest.relied_on:
                    self._complaints.about(guest.peer, MADE_ROOM)
                    self._end(guest, MADE_ROOM)
                    self.leave(guest)
                    return True
        return False

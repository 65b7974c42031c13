"""Who may connect when many want to: a rule for all kinds of connections.

An address, or a user of this host, may have as many connections as are still free (see ``budget``):
alone half of them, and something is left for whoever comes next. Beyond that, or when a process has
no descriptors left, room is made: the victim is the oldest connection that nobody relies on, of the
address that has most, among those that have such. A connection is relied on from the moment when a
session's calls come over it; who only knocks, or asks for NULL now and then, stays as long as there
is room.
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
    """A connection, as far as this goes."""

    relied_on: bool

    @property
    def peer(self) -> Peer: ...


G = TypeVar("G", bound=Guest)


class Admission(Generic[G]):
    """Counts connections by address. ``end(guest, reason)`` closes one, which then ``leave``s."""

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
        """Whether ``peer`` may have one more connection, for which room is made if need be."""
        own = len(self._guests.get(holder_of(peer.address, peer.uid), ()))
        if own < self.limit - len(self._keys) or self.make_room():
            return True
        self.refused += 1
        self._complaints.about(peer, CROWDED)
        return False

    def enter(self, guest: G, peer: Peer) -> None:
        """One is there, which was admitted as ``peer``."""
        key = self._keys[guest] = holder_of(peer.address, peer.uid)
        self._guests.setdefault(key, {})[guest] = None

    def leave(self, guest: G) -> None:
        """It has ended. Harmless if it is not there."""
        key = self._keys.pop(guest, None)
        if key is not None:
            guests = self._guests[key]
            del guests[guest]
            if not guests:
                del self._guests[key]

    def make_room(self) -> bool:
        """End one connection that nobody relies on; whether there was any."""
        for guests in sorted(self._guests.values(), key=len, reverse=True):
            for guest in guests:
                if not guest.relied_on:
                    self._complaints.about(guest.peer, MADE_ROOM)
                    self._end(guest, MADE_ROOM)
                    self.leave(guest)
                    return True
        return False

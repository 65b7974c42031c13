"""The keeper's book: which number is whose, and whom datagrams are for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Generic, TypeVar

from ...roce.wire.addressee import Key, Number, addressee
from ...roce.wire.mad import GSI_QUEUE_PAIR
from ...roce.wire.opcode import BTH_OCTETS

MAX_CLAIMS: Final = 16384
"""Numbers of one member. Each connection has two, each listener one."""

M = TypeVar("M")
_BROADCAST: Final = (Number.IDENTIFIER, 0)


class TooManyClaims(Exception):
    """A member wants more numbers than the book has room for."""


class Book(Generic[M]):
    """The numbers of the keeper (``own``), and those of the members."""

    def __init__(self, own: set[Key]) -> None:
        self.own = own
        self._whose: dict[Key, M] = {}
        self._claims: dict[M, set[Key]] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._whose

    @property
    def members(self) -> list[M]:
        """Those that have joined."""
        return list(self._claims)

    def join(self, member: M) -> None:
        """Enter a member, without any number."""
        self._claims[member] = set()

    def leave(self, member: M) -> None:
        """Forget a member and its numbers. Harmless to repeat."""
        for key in self._claims.pop(member, ()):
            del self._whose[key]

    def claim(self, member: M, keys: Iterable[Key]) -> list[Key]:
        """Give a member numbers; return those that somebody else has.

        Raises ``TooManyClaims``.
        """
        claims, taken = self._claims[member], []
        for key in keys:
            if key in self.own or self._whose.get(key, member) is not member:
                taken.append(key)
            elif len(claims) >= MAX_CLAIMS:
                raise TooManyClaims
            else:
                claims.add(key)
                self._whose[key] = member
        return taken

    def release(self, member: M, keys: Iterable[Key]) -> None:
        """Take numbers back from the member that has them."""
        claims = self._claims[member]
        for key in keys:
            if key in claims:
                claims.discard(key)
                del self._whose[key]

    def readers(self, view: memoryview, segment_size: int) -> tuple[bool, list[M], bool]:
        """Return who gets the datagrams of one receive call.

        That is whether the keeper does, which members do, and whether a number is nobody's. As a
        rule all are for one: packets of other connections in the same call are rare, and whoever
        gets them leaves them alone.
        """
        if segment_size < BTH_OCTETS:
            return True, [], False  # malformed
        if _all_for_one(view, segment_size):
            key = addressee(view[:segment_size])
            if key in self.own:
                return True, [], False
            member = self._whose.get(key) if key is not None else None
            if member is not None:
                return False, [member], False
        own = stray = False
        members: dict[M, None] = {}
        seen: set[bytes] = set()
        for start in range(0, len(view), segment_size):
            number = bytes(view[start + 5 : start + 8])
            if number in seen:
                continue
            key = addressee(view[start : start + segment_size])
            if key is None or key in self.own:
                own = True
            elif key == _BROADCAST:
                own = True
                members.update(dict.fromkeys(self._claims))
            elif (member := self._whose.get(key)) is not None:
                members[member] = None
            else:
                stray = True
            if key is not None and key[0] is Number.QUEUE_PAIR:
                seen.add(number)
        return own, list(members), stray


def _all_for_one(view: memoryview, segment_size: int) -> bool:
    """Return whether all packets are for one queue pair, other than the connection manager's."""
    count = -(-len(view) // segment_size)
    top, middle, low = view[5:8] if len(view) >= 8 else b"\0\0\1"
    return (
        (top, middle, low) != (0, 0, GSI_QUEUE_PAIR)
        and bytes(view[7::segment_size]) == bytes((low,)) * count
        and bytes(view[6::segment_size]) == bytes((middle,)) * count
        and bytes(view[5::segment_size]) == bytes((top,)) * count
    )

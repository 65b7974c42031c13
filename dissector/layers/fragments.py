"""IP fragments into datagrams (RFC 791, Section 3.2; RFC 8200, Section 4.5).

Nothing is copied: a datagram is a list of stretches of the file. What is kept is bounded, for each
pair of hosts and in all, and nothing is waited for longer than half a minute of the capture's time,
as Linux does. A datagram with fragments that overlap is dropped whole, as RFC 5722 demands and
Linux does for IPv4 as well; a fragment that comes twice is no overlap.
"""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

MAX_WAITING = 1024
"""Datagrams that are waited for."""
MAX_OF_PAIR = 256
"""Those of one pair of hosts."""
MAX_FRAGMENTS = 256
"""Of one datagram."""
MAX_DATAGRAM = 65535
PATIENCE = 30_000_000_000
_AGAIN = 100_000_000
"""So long after a datagram, its fragments are copies (a mirror's); later they are of another."""

Pair = tuple[str, str]
Key = tuple[Pair, int, int]
"""Two hosts, protocol, identification."""


class Fragment(NamedTuple):
    """The octets ``[start, end)`` of a datagram; the first ``have`` are at ``offset``."""

    start: int
    end: int
    have: int
    offset: int
    frame: int


class Datagram:
    """What there is of one."""

    __slots__ = ("fault", "fragments", "key", "network", "size", "time_ns", "total", "whole")

    def __init__(self, key: Key, time_ns: int) -> None:
        self.key = key
        self.time_ns = time_ns
        """When its first fragment was seen, or, of a whole one, its last."""
        self.fragments: list[Fragment] = []
        """In order, without overlaps."""
        self.size = 0
        self.total = -1
        """Its octets, once the last fragment is there."""
        self.network = 0
        """The IP header of the fragment that begins it."""
        self.whole = False
        self.fault = ""

    @property
    def begun(self) -> bool:
        """Its first octets are there."""
        return bool(self.fragments) and not self.fragments[0].start

    def add(self, fragment: Fragment, last: bool) -> bool:
        """Take a fragment; whether the datagram is whole with it."""
        start, end = fragment.start, fragment.end
        if any(start == one.start and end == one.end for one in self.fragments):
            return False
        if end > MAX_DATAGRAM or (not last and end % 8) or start >= end:
            return self._drop("of an impossible length")
        if any(start < one.end and end > one.start for one in self.fragments):
            return self._drop("that overlap")
        if (last and self.total >= 0) or (0 <= self.total < end):
            return self._drop("that overlap")
        if len(self.fragments) >= MAX_FRAGMENTS:
            return self._drop(f"in more than {MAX_FRAGMENTS} pieces")
        if last:
            self.total = end
        insort(self.fragments, fragment)
        self.size += end - start
        self.whole = self.size == self.total
        return self.whole

    def _drop(self, why: str) -> bool:
        self.fault = f"IP fragments {why}: their datagram is dropped"
        self.fragments.clear()
        return False


class Fragments:
    """All datagrams that are not whole, and for a while those that were."""

    def __init__(self) -> None:
        self._all: OrderedDict[Key, Datagram] = OrderedDict()
        self._pairs: dict[Pair, OrderedDict[Key, None]] = {}
        self.given_up: list[Datagram] = []
        """Those that will not be whole; the pipeline takes them from here."""

    def add(
        self, key: Key, fragment: Fragment, last: bool, network: int, time_ns: int
    ) -> Datagram | None:
        """Take a fragment; return the datagram that is whole with it."""
        self._expire(time_ns)
        datagram = self._all.get(key)
        if datagram is not None and datagram.whole:
            if time_ns - datagram.time_ns < _AGAIN:
                return None
            self._forget(key)
            datagram = None
        if datagram is None:
            datagram = self._new(key, time_ns)
        if datagram.fault:
            return None
        whole = datagram.add(fragment, last)
        if not fragment.start:
            datagram.network = network
        if datagram.fault:
            self.given_up.append(datagram)
        if whole:
            datagram.time_ns = time_ns
            return datagram
        return None

    def rest(self) -> Iterator[Datagram]:
        """Return what is not whole: the capture is over."""
        for key in list(self._all):
            self._give_up(key)
        yield from self.given_up
        self.given_up = []

    def _new(self, key: Key, time_ns: int) -> Datagram:
        pair = self._pairs.setdefault(key[0], OrderedDict())
        if len(pair) >= MAX_OF_PAIR:
            self._give_up(next(iter(pair)))
        elif len(self._all) >= MAX_WAITING:
            self._give_up(next(iter(self._all)))
        datagram = self._all[key] = Datagram(key, time_ns)
        self._pairs.setdefault(key[0], OrderedDict())[key] = None
        return datagram

    def _expire(self, time_ns: int) -> None:
        while self._all:
            key, oldest = next(iter(self._all.items()))
            if time_ns - oldest.time_ns <= PATIENCE:
                return
            self._give_up(key)

    def _give_up(self, key: Key) -> None:
        datagram = self._forget(key)
        if not datagram.whole and not datagram.fault:
            self.given_up.append(datagram)

    def _forget(self, key: Key) -> Datagram:
        pair = self._pairs[key[0]]
        del pair[key]
        if not pair:
            del self._pairs[key[0]]
        return self._all.pop(key)

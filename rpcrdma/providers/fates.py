"""What becomes of packets that somebody meddles with, on a real device or a simulated one.

    device.fate = lambda packet, outgoing: () if outgoing and chance() < 0.1 else (packet,)

Every packet, in both directions, is handed to ``fate``, which returns what goes on: nothing, the
packet, several, others that it has held back before. The engine knows nothing of this, and recovers
as it does on a bad link.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final, Protocol

from ..roce.cm.manager import Route, RouteFinder
from ..roce.packets.burst import Burst
from ..roce.wire.icrc import Flow

Fate = Callable[[bytes, bool], Sequence[bytes]]
"""Gets a packet from its BTH to its ICRC, and whether it goes out; returns what goes on."""

_ICRC: Final = 4
PSN_BITS: Final = 24
"""Bits of a packet sequence number."""


class Damaged(bytes):
    """A packet that goes out with the ICRC that it has, right or wrong."""


class Meddled(Protocol):
    """A device whose packets can be meddled with."""

    fate: Fate | None
    """None leaves them alone."""

    def begin_at(self, psn: int) -> None:
        """Ask the peers of new connections to number their packets from ``psn`` on."""

    def narrow(self, path_mtu: int) -> None:
        """Let the paths of new connections carry no more than so many octets in a packet."""


def narrowed(find: RouteFinder, path_mtu: int) -> RouteFinder:
    """Return what finds the same routes, none of them wider than ``path_mtu`` octets."""

    def route(host: str, local: str | None = None) -> Route:
        found = find(host, local)
        return replace(found, path_mtu=min(found.path_mtu, path_mtu))

    return route


class Beginning(Random):
    """Random numbers, of which those of 24 bits, the starting PSNs, are given."""

    def __init__(self, psn: int, rest: Random) -> None:
        super().__init__(0)
        self._psn = psn
        self._rest = rest

    def getrandbits(self, k: int, /) -> int:
        """Return the number, or bits of the other generator."""
        return self._psn if k == PSN_BITS else self._rest.getrandbits(k)


def going_out(burst: Burst, fate: Fate) -> Iterator[Burst]:
    """Yield what goes out instead of a burst, packet by packet."""
    source, destination = burst.source, burst.destination
    flow = Flow(source, destination)
    for octets in burst.each():
        for packet in fate(octets, True):
            octets = packet
            if not isinstance(packet, Damaged):
                # In a burst the ICRC covers the packet's place in it; now it is alone.
                icrc = flow.icrc(packet[:-_ICRC])
                octets = packet[:-_ICRC] + icrc.to_bytes(_ICRC, "little")
            yield Burst(source, destination, len(octets), 1, [octets])


def coming_in(view: memoryview | bytes, segment_size: int, fate: Fate) -> Iterator[bytes]:
    """Yield what comes in instead of a batch of packets."""
    for start in range(0, len(view), segment_size):
        yield from fate(bytes(view[start : start + segment_size]), False)

"""Bursts: the input of one send call, and the builder that puts one together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..wire.headers import Address
from ..wire.icrc import Flow
from ..wire.opcode import BTH_OCTETS, ICRC_OCTETS
from .kernel import FRAME_OCTETS, MOST_COPIED, frames, message, onlies, packet, train

__all__ = ["Address", "Burst", "BurstBuilder", "Part", "Train"]

_MOST_BURSTS: Final = 4
_MOST_MORE: Final = 12
"""Full bursts in a train that begins a message, and in one behind it: more would keep the first of
them waiting for its checksums, and the peer with it unless that has the ones before."""

Part = bytes | memoryview | tuple[bytes, memoryview, int, int]
"""Octets; or a row of packets: the result of ``kernel.frames``, the view with their payloads one
behind the other, the offset of the first payload, and the octets of each."""


class Train(NamedTuple):
    """Several bursts of one message's packets, for one send call where there is one for that.

    ``octets`` is the result of ``kernel.train``; the payloads lie in ``view`` from ``start`` on,
    ``mtu`` octets each; ``cuts`` says how many packets each burst has.
    """

    octets: bytes
    view: memoryview
    start: int
    mtu: int
    cuts: tuple[int, ...]

    @property
    def extension_octets(self) -> int:
        """How many more octets of header the first packet has than the others."""
        return len(self.octets) - FRAME_OCTETS * sum(self.cuts)


@dataclass(slots=True)
class Burst:
    """Packets for one destination, back to back: the input of one send call with UDP GSO.

    ``parts`` are headers, payload views, pad and ICRC. Every packet but the last has
    ``segment_size`` octets. The ICRC of packet *i* covers the IPv4 identification *i*, as Linux
    numbers the segments of one send.

    With a ``train`` it is several bursts, which ``singles`` takes apart; it has no ``parts`` then.
    """

    source: Address
    destination: Address
    segment_size: int
    packets: int
    parts: list[Part]
    train: Train | None = None

    def singles(self) -> list[Burst]:
        """Return the bursts that a train consists of; otherwise just this one."""
        if self.train is None:
            return [self]
        octets, view, start, mtu, cuts = self.train
        more = self.train.extension_octets
        found = []
        at = 0
        for cut in cuts:
            size = FRAME_OCTETS + more + mtu
            parts: list[Part] = []
            row = cut
            if more:
                end = at + FRAME_OCTETS + more
                parts += (
                    octets[at : end - ICRC_OCTETS],
                    view[start : start + mtu],
                    octets[end - ICRC_OCTETS : end],
                )
                at, start, row, more = end, start + mtu, cut - 1, 0
            if row:
                end = at + row * FRAME_OCTETS
                parts.append((octets[at:end], view, start, mtu))
                at, start = end, start + row * mtu
            found.append(Burst(self.source, self.destination, size, cut, parts))
        return found

    def each(self) -> Iterator[bytes]:
        """Yield the packets, one by one."""
        for single in self.singles():
            data, size = b"".join(single.buffers), single.segment_size
            for start in range(0, len(data), size):
                yield data[start : start + size]

    @property
    def buffers(self) -> list[bytes | memoryview]:
        """The gather list: ``parts``, rows of packets taken apart; a train has none."""
        found: list[bytes | memoryview] = []
        for part in self.parts:
            if isinstance(part, tuple):
                found.extend(_row(*part))
            else:
                found.append(part)
        return found


def _row(octets: bytes, view: memoryview, start: int, mtu: int) -> list[bytes | memoryview]:
    """Header, payload, ICRC with the next header, payload, ..., ICRC."""
    found: list[bytes | memoryview] = [octets[:BTH_OCTETS]]
    for at in range(BTH_OCTETS, len(octets), FRAME_OCTETS):
        found.append(view[start : start + mtu])
        found.append(octets[at : at + FRAME_OCTETS])
        start += mtu
    return found


class BurstBuilder(Burst):
    """A burst to which packets are added for as long as they fit."""

    __slots__ = ("_closed", "_flow", "_most_octets", "_most_packets", "octets", "refused")

    def __init__(self, flow: Flow, most_packets: int, most_octets: int) -> None:
        self.source = flow.source
        self.destination = flow.destination
        self.segment_size = 0
        self.packets = 0
        self.parts = []
        self.train = None
        self._flow = flow
        self._most_packets = most_packets
        self._most_octets = most_octets
        self._closed = False
        self.refused = False
        """Whether something did not fit, and another burst is wanted."""
        self.octets = 0

    def room(self, size: int) -> int:
        """Return how many packets of ``size`` octets, ICRC included, can still be added."""
        if not self.packets:
            return min(self._most_packets, self._most_octets // size)
        room = 0
        if not self._closed and size <= self.segment_size:
            room = min(self._most_packets - self.packets, (self._most_octets - self.octets) // size)
        if not room:
            self.refused = True
        return room if size == self.segment_size else min(room, 1)

    @property
    def open(self) -> bool:
        """Whether a packet may follow; none may follow one that is shorter than the others."""
        return not self._closed

    def add(self, header: bytes, views: Sequence[memoryview], offset: int, length: int) -> None:
        """Add one packet, with ``length`` octets of ``views`` from ``offset``.

        There must be room for it, its pad and ICRC included.
        """
        self.parts += packet(self._flow, self.packets, header, views, offset, length)
        self._added(1, len(header) + length + (-length & 3) + ICRC_OCTETS)

    def add_run(
        self, head: int, psn: int, view: memoryview, start: int, mtu: int, n: int, ask: int
    ) -> None:
        """Add ``n`` packets with a bare BTH and ``mtu`` octets each of ``view`` from ``start``.

        ``head`` is the first word of the BTHs; the second word of the last one also has the bits
        ``ask``. There must be room.
        """
        octets = frames(self._flow, self.packets, head, psn, ask, view, start, mtu, n)
        self.parts.append((octets, view, start, mtu))
        self._added(n, BTH_OCTETS + mtu + ICRC_OCTETS)

    def cut(self, mtu: int, more: int, most: int) -> tuple[int, ...]:
        """Return how :meth:`add_train` can divide packets with ``mtu`` octets; none if it cannot.

        There are ``most`` at most; the first one has ``more`` octets of header than the others. All
        bursts are full, so that what is left can share its burst with what follows.
        """
        full = min(self._most_packets, self._most_octets // (mtu + FRAME_OCTETS))
        # A shorter packet ends a burst, so the second one ends the first one's.
        lead = (2,) if more else ()
        bursts = min((most - sum(lead)) // full, _MOST_BURSTS if more else _MOST_MORE)
        if self.packets or full < 2 or bursts < 1:
            return ()
        return lead + (full,) * bursts

    def add_train(
        self,
        first: int,
        head: int,
        psn: int,
        ask: int,
        extension: bytes,
        view: memoryview,
        start: int,
        mtu: int,
        cuts: tuple[int, ...],
    ) -> None:
        """Add bursts that were cut by :meth:`cut`; the arguments are those of ``kernel.train``."""
        octets = train(self._flow, first, head, psn, ask, extension, view, start, mtu, cuts)
        self.train = Train(octets, view, start, mtu, cuts)
        self.packets = sum(cuts)
        self.octets = len(octets) + self.packets * mtu
        self.segment_size = FRAME_OCTETS + len(extension) + mtu
        self._closed = self.refused = True

    def takes(self, length: int, packets: int, mtu: int, more: int) -> bool:
        """Return whether :meth:`add_message` can add such a message: only if it is the first.

        Its last packet has ``more`` octets of header than the others.
        """
        return (
            not self.packets
            and length <= MOST_COPIED
            and packets <= self._most_packets
            and (packets == 1 or length - (packets - 1) * mtu + more + 3 & ~3 <= mtu)
        )

    def add_message(
        self,
        heads: tuple[int, int, int, int],
        psn: int,
        ask: int,
        extension: bytes,
        view: memoryview,
        mtu: int,
        packets: int,
    ) -> None:
        """Add all ``packets`` of a short message; the arguments are those of ``kernel.message``."""
        last = len(view) - (packets - 1) * mtu + len(extension) + 3 & ~3
        octets = message(self._flow, heads, psn, ask, extension, view, mtu)
        self.parts.append(octets)
        self.packets = packets
        self.octets = len(octets)
        self.segment_size = (last if packets == 1 else mtu) + FRAME_OCTETS
        self._closed = packets > 1 and last < mtu

    def add_onlies(self, head: int, psn: int, ask: int, views: Sequence[memoryview]) -> None:
        """Add messages of one packet each to an empty burst; the arguments are ``kernel.onlies``'.

        There must be :meth:`room` for so many as long as the first.
        """
        octets = onlies(self._flow, head, psn, ask, views)
        self.parts.append(octets)
        self.packets = len(views)
        self.octets = len(octets)
        self.segment_size = size = (len(views[0]) + 3 & ~3) + FRAME_OCTETS
        self._closed = len(octets) < size * len(views)

    def _added(self, n: int, size: int) -> None:
        if not self.packets:
            self.segment_size = size
        elif size != self.segment_size:
            self._closed = True
        self.packets += n
        self.octets += n * size

"""Bursts: what one send call carries, and how one is put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .icrc import Flow, crc32
from .opcode import BTH_OCTETS, ICRC_OCTETS
from .psn import MASK
from .tuning import Tuning
from .wire import BTH, Address

__all__ = ["Address", "Burst", "BurstBuilder", "burst_limits"]

_ZEROS = (b"", b"\0", b"\0\0", b"\0\0\0")


@dataclass(slots=True)
class Burst:
    """Packets for one destination, back to back: the input of one send call with UDP GSO.

    ``buffers`` is the gather list: headers, payload views, pad and ICRC. Every packet but the
    last has ``segment_size`` octets. The ICRC of packet *i* counts on the IPv4 identification
    *i*, as Linux numbers the segments of one send.
    """

    source: Address
    destination: Address
    segment_size: int
    packets: int
    buffers: list[bytes | memoryview]


class BurstBuilder:
    """Collects packets for as long as they fit one burst."""

    __slots__ = (
        "_closed",
        "_flow",
        "_most_octets",
        "_most_packets",
        "buffers",
        "octets",
        "packets",
        "refused",
        "segment_size",
    )

    def __init__(self, flow: Flow, most_packets: int, most_octets: int) -> None:
        self._flow = flow
        self._most_packets = most_packets
        self._most_octets = most_octets
        self._closed = False
        self.refused = False
        """There was no room for something: it wants another burst."""
        self.buffers: list[bytes | memoryview] = []
        self.octets = 0
        self.packets = 0
        self.segment_size = 0

    def room(self, size: int) -> int:
        """How many packets of ``size`` octets, ICRC included, can still be added."""
        if not self.packets:
            return min(self._most_packets, self._most_octets // size)
        room = 0
        if not self._closed and size <= self.segment_size:
            room = min(self._most_packets - self.packets, (self._most_octets - self.octets) // size)
        if not room:
            self.refused = True
        return room if size == self.segment_size else min(room, 1)

    def add(self, header: bytes, payload: Iterable[memoryview], pad: int, size: int) -> None:
        """Add one packet; there must be room for its ``size``."""
        index = self.packets
        crc = crc32(header, self._flow.seeds(size, index + 1)[index])
        buffers = self.buffers
        buffers.append(header)
        for piece in payload:
            crc = crc32(piece, crc)
            buffers.append(piece)
        if pad:
            zeros = _ZEROS[pad]
            buffers.append(zeros + crc32(zeros, crc).to_bytes(4, "little"))
        else:
            buffers.append(crc.to_bytes(4, "little"))
        if not index:
            self.segment_size = size
        elif size != self.segment_size:
            self._closed = True
        self.packets = index + 1
        self.octets += size

    def add_run(
        self, head: int, psn: int, view: memoryview, start: int, mtu: int, n: int, ask: int
    ) -> None:
        """Add ``n`` packets with a bare BTH and ``mtu`` octets each of ``view`` from ``start``.

        ``head`` is the first word of the BTHs; the second word of the last one also has the bits
        ``ask``. There must be room. This loop runs for all that moves in bulk.
        """
        size = BTH_OCTETS + mtu + ICRC_OCTETS
        index = self.packets
        seeds = self._flow.seeds(size, index + n)
        add, pack = self.buffers.append, BTH.pack
        last = index + n - 1
        for seed in seeds[index:last]:
            header = pack(head, psn & MASK)
            payload = view[start : start + mtu]
            add(header)
            add(payload)
            add(crc32(payload, crc32(header, seed)).to_bytes(4, "little"))
            psn += 1
            start += mtu
        header = pack(head, psn & MASK | ask)
        payload = view[start : start + mtu]
        add(header)
        add(payload)
        add(crc32(payload, crc32(header, seeds[last])).to_bytes(4, "little"))
        if not index:
            self.segment_size = size
        elif size != self.segment_size:
            self._closed = True
        self.packets = index + n
        self.octets += n * size

    def finish(self) -> Burst | None:
        """The burst, if anything was added."""
        if not self.packets:
            return None
        flow = self._flow
        return Burst(flow.source, flow.destination, self.segment_size, self.packets, self.buffers)


def burst_limits(tuning: Tuning, gso: bool) -> tuple[int, int]:
    """Most packets and most octets of a burst."""
    return (tuning.burst_packets if gso else 1), tuning.burst_octets

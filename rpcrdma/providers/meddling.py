"""A soft device whose packets somebody meddles with: for tests of how a peer takes it.

    device = MeddlingDevice(reactor)
    device.fate = lambda packet, outgoing: () if outgoing and chance() < 0.1 else (packet,)

Every packet, in both directions, is handed to ``fate``, which returns what becomes of it: nothing,
the packet, several, others that it has held back before. The engine knows nothing of this, and
recovers as it does on a bad link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ..roce.packets.burst import Address, Burst
from ..roce.wire.icrc import Flow
from .soft import SoftDevice

Fate = Callable[[bytes, bool], Sequence[bytes]]
"""Gets a packet from its BTH to its ICRC, and whether it goes out; returns what goes on."""

_ICRC = 4
PSN_BITS = 24
"""Bits of a packet sequence number."""


class Damaged(bytes):
    """A packet that goes out with the ICRC that it has, right or wrong."""


class _Beginning(Random):
    """Random numbers, of which those of 24 bits, the starting PSNs, are given."""

    def __init__(self, psn: int, rest: Random) -> None:
        super().__init__(0)
        self._psn = psn
        self._rest = rest

    def getrandbits(self, k: int, /) -> int:
        return self._psn if k == PSN_BITS else self._rest.getrandbits(k)


class MeddlingDevice(SoftDevice):
    """A :class:`~.soft.SoftDevice` with a ``fate`` for its packets; None leaves them alone."""

    fate: Fate | None = None

    def begin_at(self, psn: int) -> None:
        """Ask the peers of new connections to number their packets from ``psn`` on."""
        self.cm.rng = _Beginning(psn, self.cm.rng)

    def _transmit(self, burst: Burst) -> bool:
        fate = self.fate  # it may change at any packet
        if fate is None:
            return super()._transmit(burst)
        data, size = b"".join(burst.buffers), burst.segment_size
        source, destination = burst.source, burst.destination
        flow = Flow(source, destination)
        for start in range(0, len(data), size):
            for packet in fate(data[start : start + size], True):
                octets = packet
                if not isinstance(packet, Damaged):
                    # In a burst the ICRC covers the packet's place in it; now it is alone.
                    icrc = flow.icrc(packet[:-_ICRC])
                    octets = packet[:-_ICRC] + icrc.to_bytes(_ICRC, "little")
                # What the socket does not take is lost, as packets are.
                super()._transmit(Burst(source, destination, len(octets), 1, [octets]))
        return True

    def _received(
        self, view: memoryview, segment_size: int, source: Address, destination: Address
    ) -> None:
        fate = self.fate
        if fate is None:
            super()._received(view, segment_size, source, destination)
            return
        for start in range(0, len(view), segment_size):
            packet = bytes(view[start : start + segment_size])
            for each in fate(packet, False):
                super()._received(memoryview(each), len(each), source, destination)

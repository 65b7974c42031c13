"""A soft device whose packets somebody meddles with: for tests of how a peer takes it.

device = MeddlingDevice(reactor)
device.fate = ...           # fates.py says what that is
"""

from __future__ import annotations

from ..roce.packets.burst import Address, Burst
from .fates import Beginning, Fate, coming_in, going_out, narrowed
from .soft import SoftDevice
from .udp import Bursts


class MeddlingDevice(SoftDevice):
    """A :class:`~.soft.SoftDevice` with a ``fate`` for its packets; None leaves them alone."""

    fate: Fate | None = None

    def begin_at(self, psn: int) -> None:
        """Ask the peers of new connections to number their packets from ``psn`` on."""
        self.cm.rng = Beginning(psn, self.cm.rng)

    def narrow(self, path_mtu: int) -> None:
        """Let the paths of new connections carry no more than so many octets in a packet."""
        self.cm.route = narrowed(self.cm.route, path_mtu)

    def _transmit(self, burst: Burst) -> bool:
        fate = self.fate  # it may change at any packet
        if fate is None:
            return super()._transmit(burst)
        for each in going_out(burst, fate):
            # What the socket does not take is lost, as packets are.
            super()._transmit(each)
        return True

    def _received_batch(self, bursts: Bursts, source: Address, destination: Address) -> None:
        if self.fate is None:
            super()._received_batch(bursts, source, destination)
            return
        for view, segment_size in bursts:
            self._received(view, segment_size, source, destination)

    def _received(
        self, view: memoryview, segment_size: int, source: Address, destination: Address
    ) -> None:
        fate = self.fate
        if fate is None:
            super()._received(view, segment_size, source, destination)
            return
        for each in coming_in(view, segment_size, fate):
            super()._received(memoryview(each), len(each), source, destination)

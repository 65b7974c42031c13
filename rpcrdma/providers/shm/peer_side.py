"""What the peer offers when a connection is made, mapped."""

from __future__ import annotations

import os

from .memory import PeerFile
from .messages import Offer
from .regions import TABLE_OCTETS
from .ring import Ring, file_octets


class PeerSide:
    """The peer's offer, its ring and table of regions, and its doorbell.

    Raises ``OSError`` when that is not what it says it is. The descriptors are closed or kept.
    """

    __slots__ = ("doorbell_fd", "offer", "ring", "started", "table")

    def __init__(self, offer: Offer, fds: list[int], trusted: bool) -> None:
        ring_fd, table_fd, doorbell_fd = fds
        self.offer = offer
        self.started = False
        """Ring and table belong to a queue pair, which closes them."""
        try:
            size = file_octets(offer.descriptors, offer.messages)
            file = PeerFile(ring_fd, size, writable=False, trusted=trusted)
        except BaseException:
            os.close(table_fd)
            os.close(doorbell_fd)
            raise
        try:
            self.table = PeerFile(table_fd, TABLE_OCTETS, writable=False, trusted=trusted)
        except BaseException:
            file.close()
            os.close(doorbell_fd)
            raise
        self.ring = Ring(file, offer.descriptors, offer.messages)
        self.doorbell_fd = doorbell_fd

    def wake(self) -> None:
        """Ring the peer's doorbell. Raises ``OSError``; a peer may keep it from being rung."""
        os.eventfd_write(self.doorbell_fd, 1)

    def close(self) -> None:
        """Give everything back that no queue pair has. Called once."""
        os.close(self.doorbell_fd)
        if not self.started:
            self.ring.close()
            self.table.close()

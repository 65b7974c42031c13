"""The peer's side of a connection, mapped."""

from __future__ import annotations

import os

from .memory import PeerFile
from .messages import Offer
from .regions import TABLE_OCTETS
from .ring import Ring, file_octets


class PeerSide:
    """The peer's offer, its ring and table of regions, and its doorbell.

    The descriptors are closed or kept. Raises ``OSError`` if they are not what the offer says.
    """

    __slots__ = ("doorbell_fd", "offer", "ring", "started", "table")

    def __init__(self, offer: Offer, fds: list[int], trusted: bool) -> None:
        ring_fd, table_fd, doorbell_fd = fds
        self.offer = offer
        self.started = False
        """Whether a queue pair has taken the ring and the table, which it closes."""
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
        """Ring the peer's doorbell. Raises ``OSError``; a hostile peer can make it block."""
        os.eventfd_write(self.doorbell_fd, 1)

    def close(self) -> None:
        """Give back what no queue pair has taken. Called once."""
        os.close(self.doorbell_fd)
        if not self.started:
            self.ring.close()
            self.table.close()

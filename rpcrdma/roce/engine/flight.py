"""How far the stream of a requester's work requests has got, in sequences and in octets."""

from __future__ import annotations


class Flight:
    """What is acknowledged, sent and queued.

    Counted twice: in sequences (one for each packet) and in octets of the window, of which a work
    request counts for at least ``Tuning.message_cost``. It holds at all times that

        una <= next <= high <= tail        and        una_octets <= next_octets <= tail_octets

    except that ``next`` may lie before ``high`` after going back, and ``high`` is brought up to
    date by the requester when a burst is built.
    """

    __slots__ = (
        "asked_octets",
        "high",
        "next",
        "next_octets",
        "tail",
        "tail_octets",
        "una",
        "una_octets",
    )

    def __init__(self, sequence: int = 0) -> None:
        self.una = sequence
        """The first sequence that is not acknowledged."""
        self.next = sequence
        """The next sequence to send."""
        self.high = sequence
        """The furthest that ``next`` has been."""
        self.tail = sequence
        """Behind everything that is queued."""
        self.una_octets = 0
        self.next_octets = 0
        self.tail_octets = 0
        self.asked_octets = 0
        """Where a packet last asked for an acknowledgement."""

    def append(self, packets: int, octets: int) -> None:
        """Queue a work request of so many packets, which counts for so many octets."""
        self.tail += packets
        self.tail_octets += octets

    def send(self, end: int, octets: int) -> None:
        """Send the packets up to ``end`` (exclusive); that is up to ``octets`` of the stream."""
        self.next = end
        self.next_octets = octets

    def acknowledge(self, end: int, octets: int) -> int:
        """Take everything before ``end`` as acknowledged; return how many octets are new."""
        assert self.una < end <= self.tail, "acknowledged what was never queued"
        assert octets <= self.tail_octets, "more octets than were queued"
        fresh = octets - self.una_octets
        self.una = end
        self.una_octets = octets
        if self.next < end:
            self.next = end
        if self.next_octets < octets:
            self.next_octets = octets
        return fresh

    def go_back(self, sequence: int, octets: int) -> None:
        """Send again from ``sequence`` on, which begins at ``octets`` of the stream."""
        assert self.una <= sequence < self.next, "going back to what is done, or was never sent"
        self.next = sequence
        self.next_octets = max(octets, self.una_octets)
        self.asked_octets = min(self.asked_octets, self.next_octets)

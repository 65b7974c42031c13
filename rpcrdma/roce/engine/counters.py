"""Counters: every anomaly has one, so that nothing is dropped silently."""

from __future__ import annotations


class Counters:
    """What one queue pair, or the whole engine, has counted. Counters only grow."""

    __slots__ = (
        "acks_received",
        "acks_sent",
        "bad_responses",
        "duplicates",
        "icrc_errors",
        "malformed",
        "naks_received",
        "naks_sent",
        "octets_received",
        "octets_sent",
        "out_of_order",
        "packets_received",
        "packets_sent",
        "replayed_reads",
        "retransmitted",
        "rnr_received",
        "rnr_sent",
        "timeouts",
        "unexpected",
        "unknown_queue_pair",
    )

    def __init__(self) -> None:
        self.packets_sent = 0
        self.octets_sent = 0
        """UDP payload, headers and ICRC included."""
        self.packets_received = 0
        self.octets_received = 0
        self.retransmitted = 0
        """Request packets sent again."""
        self.replayed_reads = 0
        """READ requests answered again."""
        self.duplicates = 0
        """Packets received that had been received before."""
        self.out_of_order = 0
        """Packets received ahead of a missing one."""
        self.acks_sent = 0
        self.acks_received = 0
        self.naks_sent = 0
        self.naks_received = 0
        self.rnr_sent = 0
        """Receiver-not-ready NAKs."""
        self.rnr_received = 0
        self.timeouts = 0
        """Retransmission timeouts."""
        self.icrc_errors = 0
        self.malformed = 0
        """What is no packet, or breaks a rule about lengths, versions or keys."""
        self.bad_responses = 0
        """Responses that do not fit the request."""
        self.unexpected = 0
        """Packets that are illegal in the queue pair's state or from their source address."""
        self.unknown_queue_pair = 0

    def add(self, other: Counters) -> None:
        """Add what ``other`` has counted."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        seen = ", ".join(f"{name}={value}" for name, value in self.as_dict().items() if value)
        return f"Counters({seen})"

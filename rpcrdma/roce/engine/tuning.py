"""The numbers that a deployment may want to turn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tuning:
    """Windows in octets, times in seconds. The defaults suit an unprivileged UDP socket.

    An ordinary user's receive buffer is 212,992 octets (``net.core.rmem_max``), of which the
    kernel counts what a packet occupies rather than what it carries: three bursts of 15 packets
    with 4096 octets fit, the fourth is lost. ``flight_octets`` is those three bursts.
    """

    flight_octets: int = 3 * 15 * 4096
    """Most octets in flight of one queue pair, READ data on the way to it included."""
    initial_window: int = 64 * 4096
    """Congestion window at the start (the flight bound applies as well)."""
    minimum_window: int = 4 * 4096
    message_cost: int = 1024
    """What the shortest message counts as: a small packet occupies more than it carries."""
    read_octets: int = 18 * 4096
    """Longest RDMA READ request; longer work requests are split into several. Two may be under way
    within ``flight_octets``. Answers to 18 packets' worth take two bursts of responses when they
    follow each other: the last, the next first and (shorter by its AETH) one middle packet; then
    15 middle packets."""
    rto_initial: float = 0.1
    rto_minimum: float = 0.02
    """A peer that shares its processor, or waits for a disk, is silent for some milliseconds."""
    rto_patience: float = 0.25
    """The most that the least timeout becomes with a peer that is often silent for long."""
    rto_maximum: float = 1.0
    acknowledge_within: float = 0.001
    """How long the acknowledgement of a message may wait for a packet of ours to ride with. It must
    be far below ``rto_minimum``."""
    retry_seconds: float = 10.0
    """A silent peer is given up after the retry count *and* this time without any progress, as its
    owner may turn its reactor only now and then."""
    burst_packets: int = 64
    """Most packets in one burst (Linux accepts 64 segments in older versions, 128 in newer)."""
    burst_octets: int = 65507


def burst_limits(tuning: Tuning, gso: bool) -> tuple[int, int]:
    """Return the most packets and the most octets of a burst."""
    return (tuning.burst_packets if gso else 1), tuning.burst_octets

"""Bursts: what one send call carries."""

from __future__ import annotations

from dataclasses import dataclass

Address = tuple[str, int]
"""Host (numeric) and UDP port."""


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

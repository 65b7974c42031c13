"""A tap on a provider: every RoCEv2 packet, in the order it crossed, as an Ethernet frame.

The provider's sockets carry UDP payloads, so the frames around them are made up here: as they
were on the wire where that is known (addresses, ports, the IPv4 identification that the ICRC
counts on), plausible where it is not (Ethernet addresses are derived from the IP addresses).
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TypeAlias

from ..pcapng import PcapngWriter
from ..roce.packets.burst import Address, Burst

_log = logging.getLogger(__name__)

_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_IPV6 = struct.Struct(">IHBB16s16s")
_UDP = struct.Struct(">HHHH")
_PROTOCOL_UDP = 17
_DONT_FRAGMENT = 0x4000
_HOP_LIMIT = 64

Buffers: TypeAlias = Sequence[bytes | memoryview]


def _ones_sum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _ethernet_address(packed: bytes) -> bytes:
    # Locally administered; the last octets of the IP address tell hosts apart.
    return b"\x02" + packed[-5:].rjust(5, b"\0")


def ethernet_frame(source: Address, destination: Address, payload: bytes, ident: int) -> bytes:
    """Return the frame of one UDP datagram; ``ident`` is the IPv4 identification."""
    sender, receiver = (ip_address(host.partition("%")[0]) for host in (source[0], destination[0]))
    macs = _ethernet_address(receiver.packed) + _ethernet_address(sender.packed)
    udp_length = 8 + len(payload)
    if sender.version == 4:
        fields = (
            0x45,
            0,
            20 + udp_length,
            ident & 0xFFFF,
            _DONT_FRAGMENT,
            _HOP_LIMIT,
            _PROTOCOL_UDP,
            0,
            sender.packed,
            receiver.packed,
        )
        checksum = 0xFFFF - _ones_sum(_IPV4.pack(*fields))
        header = b"\x08\x00" + _IPV4.pack(*fields[:7], checksum, *fields[8:])
        udp_checksum = 0  # none, as RoCEv2 senders do over IPv4
    else:
        header = b"\x86\xdd" + _IPV6.pack(
            6 << 28, udp_length, _PROTOCOL_UDP, _HOP_LIMIT, sender.packed, receiver.packed
        )
        pseudo = sender.packed + receiver.packed + struct.pack(">II", udp_length, _PROTOCOL_UDP)
        datagram = _UDP.pack(source[1], destination[1], udp_length, 0) + payload
        udp_checksum = 0xFFFF - _ones_sum(pseudo + datagram) or 0xFFFF
    return macs + header + _UDP.pack(source[1], destination[1], udp_length, udp_checksum) + payload


class Tap:
    """Records packets. ``clock`` is wall-clock time in seconds since 1970."""

    __slots__ = ("_clock", "_writer")

    def __init__(self, writer: PcapngWriter, clock: Callable[[], float]) -> None:
        self._writer: PcapngWriter | None = writer
        self._clock = clock

    def _write(self, frame: bytes, now: float, comment: str = "") -> None:
        """Add a frame. When the file takes no more, log that once and end the capture; the
        connections go on."""
        if self._writer is not None:
            try:
                self._writer.write(frame, now, comment)
            except OSError as error:
                self._stop(error)

    def _stop(self, error: OSError) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()
            _log.error("the capture ends here: %s", error.strerror or error)

    def sent(self, burst: Burst) -> None:
        """Record an outgoing burst; a packet's place in it is its identification."""
        for single in burst.singles():
            data = memoryview(b"".join(single.buffers))
            self.packets(burst.source, burst.destination, data, single.segment_size)

    def packets(
        self, source: Address, destination: Address, view: memoryview, segment_size: int
    ) -> None:
        """Record datagrams that travelled together, numbered from 0."""
        now = self._clock()
        for ident, start in enumerate(range(0, len(view), segment_size)):
            payload = bytes(view[start : start + segment_size])
            self._write(ethernet_frame(source, destination, payload, ident), now)

    def packet(
        self, source: Address, destination: Address, payload: bytes, ident: int, comment: str
    ) -> None:
        """Record one datagram and what became of it."""
        frame = ethernet_frame(source, destination, payload, ident)
        self._write(frame, self._clock(), comment)

    def flush(self) -> None:
        """Write everything out."""
        if self._writer is not None:
            try:
                self._writer.flush()
            except OSError as error:
                self._stop(error)

    def close(self) -> None:
        """Write everything out and close the file."""
        self.flush()
        if self._writer is not None:
            self._writer.close()

    def abandon(self) -> None:
        """Forget the file: in a child of ``fork()`` it is the parent's, with what is buffered."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.abandon()

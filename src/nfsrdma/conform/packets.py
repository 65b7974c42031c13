"""The requester's own eyes: every packet of a test, kept and taken apart.

With the ``soft`` provider each packet that the peer makes passes through here. So what no memory
can tell, such as an RDMA READ past the end of a segment or a WRITE after the reply, is seen.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from nfsrdma.rpcrdma.pcapng import PcapngWriter
from nfsrdma.rpcrdma.providers.tap import Tap
from nfsrdma.rpcrdma.roce.wire.headers import Aeth, Ieth, Packet, Reth, WireError
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES, Kind, Position

MOST_OCTETS: Final = 32 << 20
"""Octets of packets that are kept of one test; what comes later is counted only."""

Frame = tuple[float, bytes, str]
"""When, an Ethernet frame, a comment."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One packet, in the order it crossed."""

    number: int
    source: str
    kind: Kind
    first: bool
    """Whether it begins a message."""
    last: bool
    """Whether it ends one."""
    qpn: int
    """The queue pair that it is for."""
    psn: int
    handle: int = 0
    """The R_key that it names, or invalidates."""
    offset: int = 0
    length: int = 0
    """What an RDMA READ or WRITE says of the octets that are meant."""
    octets: int = 0
    """What it carries."""
    not_ready: bool = False
    """Whether it is a NAK for want of a receive (RNR; IBA, Section 9.7.5.2.8)."""


class Watch(Tap):
    """A tap that keeps what crosses, in memory."""

    __slots__ = ("_octets", "frames", "left_out", "on_frame")

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(PcapngWriter(io.BytesIO()), clock)
        self._octets = 0
        self.frames: list[Frame] = []
        self.left_out = 0
        """Packets that were not kept any more."""
        self.on_frame: Callable[[], object] | None = None
        """Called at each packet, by the device: it must not call back into that."""

    def _write(self, frame: bytes, now: float, comment: str = "") -> None:
        if self._octets + len(frame) > MOST_OCTETS:
            self.left_out += 1
            return
        self._octets += len(frame)
        self.frames.append((now, frame, comment))
        if self.on_frame is not None:
            self.on_frame()

    def seen(self) -> Iterator[Seen]:
        """Yield the packets so far, without what is no RoCE packet."""
        for number, (_, frame, _) in enumerate(self.frames, 1):
            try:
                packet = Packet.parse(memoryview(payload_of(frame)))
            except WireError:
                continue
            yield _seen(number, source_of(frame), packet)

    def since(self, mark: int, source: str) -> list[Seen]:
        """Return what came from an address after the first ``mark`` frames."""
        return [each for each in self.seen() if each.number > mark and each.source == source]


def source_of(frame: bytes) -> str:
    """Return the address that an Ethernet frame of ours comes from."""
    return str(ip_address(frame[26:30] if frame[14] >> 4 == 4 else frame[22:38]))


def payload_of(frame: bytes) -> bytes:
    """Return the RoCE packet in an Ethernet frame of ours, from its BTH on."""
    return frame[14 + (20 if frame[14] >> 4 == 4 else 40) + 8 :]


def _seen(number: int, source: str, packet: Packet) -> Seen:
    row = OPCODES[packet.bth.opcode]
    handle = offset = length = 0
    not_ready = False
    for each in packet.headers:
        if isinstance(each, Reth):
            handle, offset, length = each.rkey, each.address, each.length
        elif isinstance(each, Ieth):
            handle = each.rkey
        elif isinstance(each, Aeth):
            not_ready = each.syndrome >> 5 == 1
    return Seen(
        number,
        source,
        row.kind,
        bool(row.position & Position.FIRST),
        bool(row.position & Position.LAST),
        packet.bth.qpn,
        packet.bth.psn,
        handle,
        offset,
        length,
        len(packet.payload),
        not_ready,
    )

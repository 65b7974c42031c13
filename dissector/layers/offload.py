"""Segmentation offload: one captured frame that is several packets on the wire.

With UDP segmentation offload (``UDP_SEGMENT``, GRO) a host hands many datagrams of one size down as
one, and a capture on that host, or on its loopback device, has a single frame of up to
64 KiB whose IP and UDP lengths are those of the whole. Every ``stride`` octets there is another
base transport header, and before it an ICRC. A frame is split only where that is certain: the
headers are where they must be, and the ICRC of the first packet fits, or a frame that is cut has
packet sequence numbers in a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nfsrdma.rpcrdma.roce.wire.icrc import packet_icrc
from nfsrdma.rpcrdma.roce.wire.opcode import BTH_OCTETS, ICRC_OCTETS, OPCODES, Kind, Position

from ..base.packet import Encapsulation, Packet
from .link import IPV4, IPV6, ethernet
from .roce import EXTENSIONS

MTUS = (4096, 2048, 1024, 512, 256)
MAX_PAYLOAD = MTUS[0]
_UDP_HEADER = 8
_LEAST = BTH_OCTETS + ICRC_OCTETS
_PADDED = 3

_FULL = frozenset(
    code for code, row in OPCODES.items()
    if row.position in (Position.FIRST, Position.MIDDLE) and row.kind != Kind.DATAGRAM
)  # fmt: skip
"""Opcodes of packets whose payload is the path MTU."""
_EMPTY = frozenset(
    code for code, row in OPCODES.items() if not row.has_payload and row.kind != Kind.CONGESTION
)
"""Opcodes of packets without payload: READ requests, acknowledgements, atomics."""
_RETH_ONLY = frozenset(
    code for code, row in OPCODES.items()
    if row.kind == Kind.WRITE and row.position == Position.ONLY
)  # fmt: skip
"""Opcodes of packets whose length a RETH says."""
_LOOKED_AT = frozenset(
    code for code, row in OPCODES.items()
    if row.kind in (Kind.SEND, Kind.WRITE, Kind.READ_RESPONSE) and row.position & Position.LAST
)  # fmt: skip
"""Opcodes of packets that may be of any length: the next header, if any, has to be searched."""


QUIET = tuple(
    0 if code in _EMPTY or code in _FULL or code in _RETH_ONLY
    else _LEAST if code in _LOOKED_AT
    else MAX_PAYLOAD
    for code in range(256)
)  # fmt: skip
"""By opcode, up to how many octets of payload there is nothing to ask."""


def suspicious(packet: Packet) -> bool:
    """Return whether a packet cannot be just one, or might not be."""
    opcode, size = packet.opcode, packet.size
    if size > MAX_PAYLOAD:
        return True
    if opcode in _FULL:
        return size not in MTUS
    if opcode in _EMPTY:
        return size > 0
    if opcode in _RETH_ONLY:
        return size != packet.dma_length
    return opcode in _LOOKED_AT and size > _LEAST


def stride_of(packet: Packet, view: memoryview) -> int:
    """Return the octets from one packet of a frame to the next, with ICRC; 0 if it is just one.

    ``packet`` is a RoCEv2 packet that spans the whole UDP datagram, ``view`` all of the octets
    behind it.
    """
    if packet.opcode in _LOOKED_AT:
        at = packet.bth
        whole: Any = view.obj
        if whole.find(view[at + 2 : at + 8], at + 16, packet.offset + packet.captured) < 0:
            return 0  # nearly always
    if packet.encapsulation != Encapsulation.ROCE_V2 or not suspicious(packet):
        return 0
    for stride in _candidates(packet, view):
        if _fits(packet, view, stride):
            return stride
    return 0


def _candidates(packet: Packet, view: memoryview) -> Iterator[int]:
    """Give strides that may be, from the first packet's headers or where these come again."""
    start, end = packet.bth, packet.transport_end
    headers = EXTENSIONS[packet.opcode].octets
    if packet.opcode in _FULL:
        for mtu in MTUS:
            if start + headers + mtu + ICRC_OCTETS < end:
                yield headers + mtu + ICRC_OCTETS
        return
    if packet.opcode in _EMPTY:
        yield headers + ICRC_OCTETS
        return
    if packet.opcode in _RETH_ONLY:
        yield headers + (packet.dma_length + _PADDED & ~_PADDED) + ICRC_OCTETS
        return
    # Partition key and queue pair come again at the same place of the next header.
    again, at = bytes(view[start + 2 : start + 8]), start + headers + ICRC_OCTETS + 2
    end = min(end, packet.offset + packet.captured, at + MAX_PAYLOAD + len(again))
    whole: Any = view.obj
    while True:
        at = whole.find(again, at, end)
        if at < 0:
            return
        if not (at - start - 2) & _PADDED:
            yield at - start - 2
        at += 1


def _fits(packet: Packet, view: memoryview, stride: int) -> bool:
    """Return whether there is a header at every step, and a sign that it is none by chance."""
    start, end = packet.bth, packet.transport_end
    have = min(end, packet.offset + packet.captured)
    if stride < _LEAST or start + stride + _LEAST > end:
        return False
    key, following = view[start + 2 : start + 4], packet.psn
    in_a_row = seen = 0
    for at in range(start + stride, end, stride):
        if at + BTH_OCTETS > have:
            break
        extension = EXTENSIONS.get(view[at])
        if (
            extension is None
            or view[at + 1] & 0x0F
            or view[at + 2 : at + 4] != key
            or min(stride, end - at) < extension.octets + ICRC_OCTETS
        ):
            return False
        seen += 1
        following = following + 1 & 0xFFFFFF
        in_a_row += int.from_bytes(view[at + 9 : at + 12], "big") == following
    if start + stride <= have:
        return _icrc_fits(packet, view, stride) or (seen == in_a_row > 1)
    return False


def _icrc_fits(packet: Packet, view: memoryview, stride: int) -> bool:
    datagram = packet_of(packet, view, 0, stride)
    try:
        expected = packet_icrc(datagram)
    except IndexError:  # of a file that was cut meanwhile zeros are left, and other headers
        return False
    return expected == int.from_bytes(datagram[-ICRC_OCTETS:], "little")


def packet_of(packet: Packet, view: memoryview, index: int, stride: int) -> bytes:
    """Return one of a frame's packets as it was on the wire, with IP and UDP headers of its own.

    As the kernel makes them: the IPv4 identification counts up, and all else is alike.
    """
    first = packet.bth + index * stride
    have = min(packet.transport_end, packet.offset + packet.captured)
    octets = bytes(view[first : max(first, min(first + stride, have))])
    size = min(stride, packet.transport_end - first)
    return with_headers(bytes(view[packet.network : packet.bth]), octets, size, index)


def with_headers(headers: bytes, octets: bytes, size: int, index: int = 0) -> bytes:
    """Return ``octets`` behind IP and UDP headers made to fit ``size`` octets on the wire."""
    head = bytearray(headers)
    length = size + _UDP_HEADER
    head[-4:] = length.to_bytes(2, "big") + b"\0\0"
    if head[0] >> 4 == 4:
        identification = int.from_bytes(head[4:6], "big") + index & 0xFFFF
        head[2:6] = (size + len(head)).to_bytes(2, "big") + identification.to_bytes(2, "big")
        checksum_ipv4(head)
    else:
        head[4:6] = (size + len(head) - 40).to_bytes(2, "big")
    return bytes(head) + octets


def checksum_ipv4(head: bytearray) -> None:
    """Put the right checksum into an IPv4 header at the start of ``head``."""
    length = (head[0] & 15) * 4
    head[10:12] = b"\0\0"
    total = sum(int.from_bytes(head[at : at + 2], "big") for at in range(0, length, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head[10:12] = (total ^ 0xFFFF).to_bytes(2, "big")


def segments(frame: bytes, size: int, protocol: int | None) -> Iterator[bytes]:
    """Give the packets of a frame that was to be segmented into UDP datagrams of ``size`` octets.

    ``protocol`` is the ethertype of a frame without a link header.
    """
    view = memoryview(frame)
    kind, at = ethernet(view, 0, len(view)) if protocol is None else (protocol, 0)
    if kind == IPV4:
        start = at + (view[at] & 15) * 4 + 8
    elif kind == IPV6:
        start = at + 48
    else:
        yield frame
        return
    headers = frame[at:start]
    for index, first in enumerate(range(start, len(frame), size)):
        part = frame[first : first + size]
        yield frame[:at] + with_headers(headers, part, len(part), index)

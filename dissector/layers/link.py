"""Link layers: where the network header is, and of which protocol.

Each function takes the view, the frame's start and its captured end, and returns
``(ethertype, offset)``; native InfiniBand has the ethertype :data:`LOCAL_ROUTE`, which is none.
``(0, 0)`` says that there is nothing for us. Link types: https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

IPV4 = 0x0800
IPV6 = 0x86DD
ROCE_V1 = 0x8915
LOCAL_ROUTE = -1

NOTHING = (0, 0)

VLANS = frozenset((0x8100, 0x88A8, 0x9100, 0x9200, 0x9300))
_MAX_TAGS = 4
_MAX_LENGTH = 1500
_SNAP = b"\xaa\xaa\x03\0\0\0"
"""LLC and SNAP, where an ethertype would be a length (IEEE 802.3)."""
_U16 = Struct(">H")
_ERF = Struct("<QBBH")
_ERF_HEADER = 16
_ERF_ETHERNET, _ERF_INFINIBAND = frozenset((2, 11, 16)), frozenset((21, 25))

Located = tuple[int, int]


def ethernet(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_ETHERNET, with any VLAN tags."""
    if at + 14 > end:
        return NOTHING
    (kind,) = _U16.unpack_from(view, at + 12)
    return _untagged(view, kind, at + 14, end)


def _untagged(view: memoryview, kind: int, at: int, end: int) -> Located:
    if kind <= _MAX_LENGTH and view[at : at + 6] == _SNAP and at + 8 <= end:
        (kind,) = _U16.unpack_from(view, at + 6)
        at += 8
    for _ in range(_MAX_TAGS):
        if kind not in VLANS:
            break
        if at + 4 > end:
            return NOTHING
        (kind,) = _U16.unpack_from(view, at + 2)
        at += 4
    return kind, at


def cooked(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_LINUX_SLL: 16 octets, the protocol at their end."""
    if at + 16 > end:
        return NOTHING
    (kind,) = _U16.unpack_from(view, at + 14)
    return _untagged(view, kind, at + 16, end)


def cooked2(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_LINUX_SLL2: 20 octets, the protocol at their beginning."""
    if at + 20 > end:
        return NOTHING
    (kind,) = _U16.unpack_from(view, at)
    return _untagged(view, kind, at + 20, end)


def raw_ip(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_RAW and its like: the first four bits tell."""
    if at >= end:
        return NOTHING
    version = view[at] >> 4
    return (IPV4, at) if version == 4 else (IPV6, at) if version == 6 else NOTHING


def loopback(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_NULL and LINKTYPE_LOOP: four octets of address family."""
    return raw_ip(view, at + 4, end)


def erf(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_ERF: a record of Endace's format, extension headers stepped over."""
    if at + _ERF_HEADER > end:
        return NOTHING
    _, kind, _, _ = _ERF.unpack_from(view, at)
    at += _ERF_HEADER
    more = kind & 0x80
    while more:
        if at + 8 > end:
            return NOTHING
        more = view[at] & 0x80
        at += 8
    kind &= 0x7F
    if kind in _ERF_INFINIBAND:
        return LOCAL_ROUTE, at
    if kind in _ERF_ETHERNET:
        return ethernet(view, at + 2, end)
    return NOTHING


def infiniband(view: memoryview, at: int, end: int) -> Located:
    """Locate in LINKTYPE_INFINIBAND: the packet from its local route header."""
    return LOCAL_ROUTE, at


LINK_TYPES: dict[int, Callable[[memoryview, int, int], Located]] = {
    0: loopback,
    1: ethernet,
    12: raw_ip,
    14: raw_ip,
    101: raw_ip,
    108: loopback,
    113: cooked,
    197: erf,
    228: raw_ip,
    229: raw_ip,
    247: infiniband,
    276: cooked2,
}
"""LINKTYPE value -> its function."""

ETHERNET = 1
COOKED2 = 276
ERF = 197
ERF_CLOCK = 8
"""Octets at the start of an ERF record that are its time stamp."""

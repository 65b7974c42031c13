"""What a packet may be inside of: tags, labels, sessions, tunnels, mirrors.

Each function takes the view, where its header begins and where the packet ends on the wire, and
returns an :class:`Inner`, or ``None`` if it is not what it was taken for. What is within is told by
an ethertype, or by one of the numbers below, which are none. Nothing is raised but what looking
beyond the file's end raises. Sources: RFC 2784 and 2890 (GRE), 7348 (VXLAN), 8926 (Geneve), 3032
and 4385 (MPLS, control word), 2516 (PPPoE), 2003 and 2473 (IP in IP), 3378 (EtherIP), 7510
(MPLS-in-UDP), 8086 (GRE-in-UDP), draft-foschiano-erspan, 3GPP TS 29.281 (GTP-U), IEEE 802.1Q,
802.1AE (MACsec), 802.1ah (I-TAG), 802.1BR (E-TAG).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from .link import IPV4, IPV6, ROCE_V1, VLANS

ETHERNET_FRAME = -2
IP = -3
"""Either version: its first four bits tell."""
MPLS_STACK = -4
GRE_HEADER = -5

_BRIDGED = 0x6558
_ERSPAN2, _ERSPAN3 = 0x88BE, 0x22EB
_U16, _U32 = Struct(">H"), Struct(">I")
_GENEVE = Struct(">BBHI")
_PPPOE = Struct(">BBHHH")
_GRE = Struct(">HH")
_GTP = Struct(">BBHI")
_ICV = 16
_FRAMED = frozenset((IPV4, IPV6, ROCE_V1))
_MAX_LABELS = 16
_MAX_EXTENSIONS = 8
_CHECKSUM, _ROUTING, _KEY, _SEQUENCE, _VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 7


class Inner(NamedTuple):
    """What is inside: an ethertype or one of the module's numbers, and from where to where."""

    kind: int
    at: int
    end: int
    """On the wire."""
    name: str
    """What it was inside of."""


Open = Callable[[memoryview, int, int], Inner | None]


def _tag(octets: int, name: str) -> Open:
    """Return the step over a tag of so many octets, with an ethertype behind it."""

    def tag(view: memoryview, at: int, end: int) -> Inner | None:
        (word,) = _U16.unpack_from(view, at)
        behind = at + octets
        (kind,) = _U16.unpack_from(view, behind)
        return Inner(kind, behind + 2, end, f"{name} {word & 0xFFF}")

    return tag


def _metadata(view: memoryview, at: int, end: int) -> Inner | None:
    """Step over Cisco's metadata (a security group tag): a version, a count, so many words."""
    behind = at + 2 + 4 * view[at + 1]
    (kind,) = _U16.unpack_from(view, behind)
    (group,) = _U16.unpack_from(view, at + 4)
    return Inner(kind, behind + 2, end, f"CMD group {group}")


def _itag(view: memoryview, at: int, end: int) -> Inner | None:
    """Step into provider backbone bridging: a service, and a whole frame."""
    (word,) = _U32.unpack_from(view, at)
    return Inner(ETHERNET_FRAME, at + 4, end, f"PBB service {word & 0xFFFFFF}")


def _macsec(view: memoryview, at: int, end: int) -> Inner | None:
    """Step into MACsec; what is encrypted (the E or C bit) is not looked into."""
    control = view[at]
    if control & 0x8C:
        return None
    behind = at + (14 if control & 0x20 else 6)
    short = view[at + 1] & 0x3F
    (kind,) = _U16.unpack_from(view, behind)
    last = behind + short if short else end - _ICV
    return Inner(kind, behind + 2, last, "MACsec")


def _mpls(view: memoryview, at: int, end: int) -> Inner | None:
    """Step over a stack of labels; what is below has no type: its first four bits tell."""
    labels = []
    for _ in range(_MAX_LABELS):
        (word,) = _U32.unpack_from(view, at)
        at += 4
        labels.append(str(word >> 12))
        if word & 0x100:
            break
    else:
        return None
    name = "MPLS " + "/".join(labels)
    if _is_ip(view, at, end):
        return Inner(IP, at, end, name)
    # A pseudowire's frame has a control word before it, or has not; either begins with anything.
    (kind,) = _U16.unpack_from(view, at + 16)
    control = not view[at] >> 4 and (kind in _FRAMED or kind in ETHERTYPES)
    return Inner(ETHERNET_FRAME, at + 4 if control else at, end, name + " pseudowire")


def _is_ip(view: memoryview, at: int, end: int) -> bool:
    """Return whether an IP header is here, and not an Ethernet address that begins like one."""
    if view[at] >> 4 == 4:
        return view[at] & 15 >= 5 and _U16.unpack_from(view, at + 2)[0] in range(20, end - at + 1)
    return view[at] >> 4 == 6 and _U16.unpack_from(view, at + 4)[0] + 40 <= end - at


def _pppoe(view: memoryview, at: int, end: int) -> Inner | None:
    version, code, session, length, protocol = _PPPOE.unpack_from(view, at)
    kind = {0x21: IPV4, 0x57: IPV6}.get(protocol)
    if version != 0x11 or code or kind is None:
        return None
    return Inner(kind, at + 8, min(end, at + 6 + length), f"PPPoE session {session}")


def _gre(view: memoryview, at: int, end: int) -> Inner | None:
    """Step into GRE and what is built on it: NVGRE, and the three kinds of ERSPAN."""
    flags, kind = _GRE.unpack_from(view, at)
    if flags & (_ROUTING | _VERSION):
        return None
    at += 4 + (4 if flags & _CHECKSUM else 0)
    name = "GRE"
    if flags & _KEY:
        (key,) = _U32.unpack_from(view, at)
        at += 4
        name = f"NVGRE {key >> 8}" if kind == _BRIDGED else f"GRE key {key}"
    at += 4 if flags & _SEQUENCE else 0
    if kind == _BRIDGED:
        return Inner(ETHERNET_FRAME, at, end, name)
    if kind == _ERSPAN2:
        if not flags & _SEQUENCE:
            return Inner(ETHERNET_FRAME, at, end, "ERSPAN I")
        session = _U16.unpack_from(view, at + 2)[0] & 0x3FF
        return Inner(ETHERNET_FRAME, at + 8, end, f"ERSPAN II session {session}")
    if kind == _ERSPAN3:
        session = _U16.unpack_from(view, at + 2)[0] & 0x3FF
        (word,) = _U16.unpack_from(view, at + 10)
        inner = IP if word >> 10 & 0x1F == 2 else ETHERNET_FRAME
        return Inner(inner, at + (20 if word & 1 else 12), end, f"ERSPAN III session {session}")
    return Inner(kind, at, end, name)


def _vxlan(view: memoryview, at: int, end: int) -> Inner | None:
    first, second = _U32.unpack_from(view, at)[0], _U32.unpack_from(view, at + 4)[0]
    if not first & 0x08000000:
        return None
    return Inner(ETHERNET_FRAME, at + 8, end, f"VXLAN {second >> 8}")


_GPE = {1: IPV4, 2: IPV6, 3: ETHERNET_FRAME, 5: MPLS_STACK}


def _vxlan_gpe(view: memoryview, at: int, end: int) -> Inner | None:
    first, second = _U32.unpack_from(view, at)[0], _U32.unpack_from(view, at + 4)[0]
    kind = _GPE.get(first & 0xFF) if first & 0x04000000 else ETHERNET_FRAME
    return None if kind is None else Inner(kind, at + 8, end, f"VXLAN-GPE {second >> 8}")


def _geneve(view: memoryview, at: int, end: int) -> Inner | None:
    first, _, kind, network = _GENEVE.unpack_from(view, at)
    if first >> 6:
        return None
    behind = at + 8 + (first & 0x3F) * 4
    kind = ETHERNET_FRAME if kind == _BRIDGED else kind
    return Inner(kind, behind, end, f"Geneve {network >> 8}")


def _gtp(view: memoryview, at: int, end: int) -> Inner | None:
    """Step into GTP-U: the packets of a tunnel (G-PDU), extension headers stepped over."""
    flags, message, length, tunnel = _GTP.unpack_from(view, at)
    if flags >> 4 != 3 or message != 0xFF:
        return None
    last, behind = min(end, at + 8 + length), at + 8
    if flags & 7:
        behind += 4
        following = view[behind - 1] if flags & 4 else 0
        for _ in range(_MAX_EXTENSIONS):
            if not following:
                break
            size = view[behind] * 4
            if not size:
                return None
            behind += size
            following = view[behind - 1]
    return Inner(IP, behind, last, f"GTP-U {tunnel:#x}")


def _as(kind: int, name: str, skip: int = 0) -> Open:
    """Return the step into something whose protocol number says all."""
    return lambda view, at, end: Inner(kind, at + skip, end, name)


ETHERTYPES: dict[int, Open] = {
    **dict.fromkeys(VLANS, _tag(2, "VLAN")),
    0x8847: _mpls,
    0x8848: _mpls,
    0x8864: _pppoe,
    0x8909: _metadata,
    0x88E5: _macsec,
    0x88E7: _itag,
    0x8926: _tag(4, "VN-Tag"),
    0x893F: _tag(6, "E-Tag"),
    MPLS_STACK: _mpls,
    GRE_HEADER: _gre,
}
"""What an ethertype says is around something else."""

IP_PROTOCOLS: dict[int, Open] = {
    4: _as(IPV4, "IP in IP"),
    41: _as(IPV6, "IPv6 in IP"),
    47: _gre,
    97: _as(ETHERNET_FRAME, "EtherIP", 2),
    137: _mpls,
    143: _as(ETHERNET_FRAME, "Ethernet in IP"),
}

UDP_PORTS: dict[int, Open] = {
    2152: _gtp,
    4754: _gre,
    4789: _vxlan,
    4790: _vxlan_gpe,
    6081: _geneve,
    6635: _mpls,
    8472: _vxlan,
}
"""By destination port."""

"""Ethernet frames, and IPv4 packets, put inside of other things."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.support.rdma_wire import Frame

Wrap = Callable[[bytes, int], bytes]
"""A frame, and its number, into another frame."""


def ethernet(kind: int, packet: bytes) -> bytes:
    return b"\x02\0\0\0\0\x11\x02\0\0\0\0\x12" + struct.pack(">H", kind) + packet


def ip4(protocol: int, payload: bytes, number: int = 1) -> bytes:
    size = 20 + len(payload)
    head = struct.pack(
        ">BBHHHBBHII", 0x45, 0, size, number & 0xFFFF, 0, 64, protocol, 0, 0xC0000201, 0xC0000202
    )
    return ethernet(0x0800, head + payload)


def ip6(protocol: int, payload: bytes, number: int = 1) -> bytes:
    head = struct.pack(
        ">IHBB16s16s", 6 << 28, len(payload), protocol, 64, bytes(15) + b"\1", bytes(15) + b"\2"
    )
    return ethernet(0x86DD, head + payload)


def udp(port: int, payload: bytes) -> bytes:
    return struct.pack(">4H", 50000, port, 8 + len(payload), 0) + payload


_GTP = struct.Struct(">BBHIHBB")
_PPPOE = struct.Struct(">BBHHH")
_LABEL = struct.pack(">I", 16 << 12 | 0x140)
_GROUP = bytes.fromhex("8909010100010005")


def gre(flags: int, kind: int, options: bytes, payload: bytes) -> bytes:
    return struct.pack(">HH", flags, kind) + options + payload


_WITHIN_IP: dict[str, tuple[int, Callable[[bytes, int], bytes], str]] = {
    "ERSPAN I": (47, lambda f, n: gre(0, 0x88BE, b"", f), "ERSPAN I"),
    "ERSPAN II": (
        47,
        lambda f, n: gre(0x1000, 0x88BE, struct.pack(">IHHI", n, 0x1000, 0x0805, 0), f),
        "ERSPAN II session 5",
    ),
    "ERSPAN III": (
        47,
        lambda f, n: gre(0x1000, 0x22EB, struct.pack(">IHHIHH", n, 0x2000, 0x0805, n, 0, 0), f),
        "ERSPAN III session 5",
    ),
    "ERSPAN III, platform": (
        47,
        lambda f, n: gre(
            0x1000, 0x22EB, struct.pack(">IHHIHHQ", n, 0x2000, 0x0805, n, 0, 1, 7), f
        ),
        "ERSPAN III session 5",
    ),
    "GRE, Ethernet": (47, lambda f, n: gre(0, 0x6558, b"", f), "GRE"),
    "GRE, all options": (
        47,
        lambda f, n: gre(0xB000, 0x0800, struct.pack(">IIII", 0, 9, n, 0)[:12], f[14:]),
        "GRE key 9",
    ),
    "NVGRE": (47, lambda f, n: gre(0x2000, 0x6558, struct.pack(">I", 77 << 8), f), "NVGRE 77"),
    "VXLAN": (17, lambda f, n: udp(4789, struct.pack(">II", 8 << 24, 100 << 8) + f), "VXLAN 100"),
    "VXLAN-GPE": (
        17,
        lambda f, n: udp(4790, struct.pack(">II", 0xC000001, 100 << 8) + f[14:]),
        "VXLAN-GPE 100",
    ),
    "Geneve": (
        17,
        lambda f, n: udp(6081, struct.pack(">BBHIQ", 2, 0, 0x6558, 100 << 8, 1) + f),
        "Geneve 100",
    ),
    "GTP-U": (
        17,
        lambda f, n: udp(2152, _GTP.pack(0x32, 255, len(f) - 10, 5, n, 0, 0) + f[14:]),
        "GTP-U 0x5",
    ),
    "GRE in UDP": (17, lambda f, n: udp(4754, gre(0, 0x0800, b"", f[14:])), "GRE"),
    "MPLS in UDP": (17, lambda f, n: udp(6635, _LABEL + f[14:]), "MPLS 16"),
    "IP in IP": (4, lambda f, n: f[14:], "IP in IP"),
    "EtherIP": (97, lambda f, n: b"\x30\0" + f, "EtherIP"),
    "MPLS in IP": (137, lambda f, n: _LABEL + f[14:], "MPLS 16"),
}  # fmt: skip

_WITHIN_ETHERNET: dict[str, tuple[Wrap, str]] = {
    "MPLS": (lambda f, n: ethernet(0x8847, _LABEL + f[14:]), "MPLS 16"),
    "MPLS, two labels": (
        lambda f, n: ethernet(
            0x8847, struct.pack(">II", 17 << 12 | 0x40, 16 << 12 | 0x140) + f[14:]
        ),
        "MPLS 17/16",
    ),
    "pseudowire": (
        lambda f, n: ethernet(0x8847, _LABEL + f),
        "MPLS 16 pseudowire",
    ),
    "pseudowire, control word": (
        lambda f, n: ethernet(0x8847, struct.pack(">II", 16 << 12 | 0x140, n & 0xFFFF) + f),
        "MPLS 16 pseudowire",
    ),
    "PPPoE": (
        lambda f, n: ethernet(0x8864, _PPPOE.pack(0x11, 0, 3, len(f) - 12, 0x21) + f[14:]),
        "PPPoE session 3",
    ),
    "MACsec": (
        lambda f, n: f[:12]
        + struct.pack(">HBBIQ", 0x88E5, 0x20, 0, n, 1)
        + f[12:]
        + bytes(16),
        "MACsec",
    ),
    "security group": (lambda f, n: f[:12] + _GROUP + f[12:], "CMD group 5"),
    "five tags": (
        lambda f, n: f[:12] + b"".join(struct.pack(">HH", 0x8100, k) for k in range(5)) + f[12:],
        "VLAN 4",
    ),
    "PBB": (lambda f, n: ethernet(0x88E7, struct.pack(">I", 9) + f), "PBB service 9"),
    "E-Tag": (lambda f, n: f[:12] + struct.pack(">HIH", 0x893F, 0, 0) + f[12:], "E-Tag 0"),
}  # fmt: skip


def _in_ip(outer: Callable[[int, bytes, int], bytes], name: str) -> Wrap:
    protocol, make, _ = _WITHIN_IP[name]
    return lambda frame, number: outer(protocol, make(frame, number), number)


TUNNELS: dict[str, tuple[Wrap, str]] = {
    **{name: (_in_ip(ip4, name), said) for name, (_, _, said) in _WITHIN_IP.items()},
    **{f"{name}, IPv6": (_in_ip(ip6, name), said) for name, (_, _, said) in _WITHIN_IP.items()},
    **_WITHIN_ETHERNET,
}
"""How a frame is put into each, and what the dissector calls the innermost of it."""


def inside(frames: list[Frame], name: str) -> list[Frame]:
    """Frames of Ethernet and IPv4, each in a tunnel; what was cut stays cut."""
    wrap = TUNNELS[name][0]
    return [Frame(frame.time, wrap(frame.data, index)) for index, frame in enumerate(frames)]

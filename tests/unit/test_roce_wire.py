"""Packets: what is parsed is what was built, and what is no packet is refused."""

from __future__ import annotations

import pytest

from nfsrdma.rpcrdma.roce.wire.headers import (
    RNR_TIMER_MICROSECONDS,
    Aeth,
    Bth,
    Deth,
    Ieth,
    ImmDt,
    Packet,
    Reth,
    WireError,
)


def test_a_bth_by_hand() -> None:
    bth = Bth(
        opcode=0x0A, qpn=0x123456, psn=0xABCDEF, pad=2, ack_request=True, solicited=True,
        migrated=True, congestion=0x40,
    )  # fmt: skip
    octets = bytes.fromhex("0a e0 ffff 40 123456 80 abcdef")
    assert bth.build() == octets
    assert Bth.parse(memoryview(octets)) == bth


def test_extension_headers_by_hand() -> None:
    assert Reth(0x1122334455667788, 0x99AABBCC, 0xDDEEFF00).build() == bytes.fromhex(
        "1122334455667788 99aabbcc ddeeff00"
    )
    assert Aeth(0x60, 0x010203).build() == bytes.fromhex("60010203")
    assert ImmDt(7).build() == Ieth(7).build() == bytes.fromhex("00000007")
    assert Deth(0x80010000, 1).build() == bytes.fromhex("80010000 00000001")


def test_the_headers_come_in_the_order_of_the_specification() -> None:
    packet = Packet(Bth(0x0B, 5, 6, pad=3), (Reth(1, 2, 5), ImmDt(9)), b"hello")
    octets = packet.build()
    assert octets[12:28] == Reth(1, 2, 5).build()
    assert octets[28:32] == ImmDt(9).build()
    assert octets[32:] == b"hello\0\0\0"
    parsed = Packet.parse(memoryview(octets + bytes(4)))
    assert (parsed.bth, parsed.headers, bytes(parsed.payload)) == (
        packet.bth,
        packet.headers,
        b"hello",
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes(15),
        bytes.fromhex("15 00 ffff 00 000000 00 000000") + bytes(4),
        bytes.fromhex("0c 00 ffff 00 000000 00 000000") + bytes(16),
        bytes.fromhex("04 30 ffff 00 000000 00 000000") + bytes(6),
    ],
    ids=["nothing", "too short", "unknown opcode", "no room for the RETH", "pad without payload"],
)
def test_what_is_no_packet(octets: bytes) -> None:
    with pytest.raises(WireError):
        Packet.parse(memoryview(octets))


def test_the_rnr_timers_grow() -> None:
    assert len(RNR_TIMER_MICROSECONDS) == 32
    assert list(RNR_TIMER_MICROSECONDS[1:]) == sorted(RNR_TIMER_MICROSECONDS[1:])
    assert RNR_TIMER_MICROSECONDS[0] > RNR_TIMER_MICROSECONDS[31]

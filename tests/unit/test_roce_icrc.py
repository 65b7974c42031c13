"""The ICRC, against its definition, a published vector, and damage."""

from __future__ import annotations

from random import Random

import pytest

from nfsrdma.rpcrdma.roce.wire.icrc import (
    CONGESTION_DELTA,
    RESIDUE,
    Flow,
    crc32,
    packet_icrc,
    solve_identification,
)

V4 = Flow(("192.168.0.7", 49152), ("192.168.0.7", 4791))
V6 = Flow(("fd00::1", 50000), ("fd00::2", 4791))
VECTOR = bytes.fromhex("24 60 ffff 00 0000d3 00 cf1710 4630818be28935d90e9a95505401be885e500000")


def ip_packet(flow: Flow, packet: bytes, ident: int) -> bytes:
    """The packet with its headers, and noise in the fields that no ICRC covers."""
    length = len(packet) + 8
    udp = flow.source[1].to_bytes(2, "big") + flow.destination[1].to_bytes(2, "big")
    udp += length.to_bytes(2, "big") + b"\x12\x34"
    addresses = flow.source_ip.packed + flow.destination_ip.packed
    if flow.exact:
        return (
            b"\x61\x23\x45\x67" + length.to_bytes(2, "big") + b"\x11\x40" + addresses + udp + packet
        )
    ip = b"\x45\x02" + (length + 20).to_bytes(2, "big") + ident.to_bytes(2, "big")
    return ip + b"\x40\x00\x3f\x11\xab\xcd" + addresses + udp + packet


def test_the_published_vector() -> None:
    packet = VECTOR.replace(b"\xcf\x17\x10", (13571856).to_bytes(3, "big"))
    assert V4.icrc(packet, 1144).to_bytes(4, "little") == bytes.fromhex("78f353f3")


@pytest.mark.parametrize("flow", [V4, V6], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("length", [12, 16, 20, 256, 1040, 4112])
def test_it_is_what_the_definition_says(flow: Flow, length: int) -> None:
    rng = Random(length)
    for _ in range(20):
        packet, ident = rng.randbytes(length), rng.randrange(65536)
        icrc = flow.icrc(packet, ident)
        assert icrc == packet_icrc(ip_packet(flow, packet + bytes(4), ident))
        whole = packet + icrc.to_bytes(4, "little")
        assert flow.verify(memoryview(whole), ident=ident)
        assert flow.verify(memoryview(whole))


def test_octet_4_of_the_bth_does_not_count() -> None:
    packet = bytearray(VECTOR)
    icrcs = set()
    for octet in range(256):
        packet[4] = octet
        icrcs.add(V4.icrc(packet))
    assert len(icrcs) == 1
    assert CONGESTION_DELTA[0] == 0


def test_the_residue() -> None:
    octets = Random(1).randbytes(100)
    assert crc32(octets + crc32(octets).to_bytes(4, "little")) == RESIDUE


def test_the_identification_is_found() -> None:
    rng = Random(2)
    for size in (16, 60, 1040, 4112):
        packet = rng.randbytes(size - 4)
        for ident in (0, 1, 0x8000, 0xFFFF, *(rng.randrange(65536) for _ in range(50))):
            whole = packet + V4.icrc(packet, ident).to_bytes(4, "little")
            seed = V4.seeds(size)[0] ^ CONGESTION_DELTA[packet[4]]
            assert solve_identification(size, crc32(whole, seed) ^ RESIDUE) == ident
            assert V4.verify(memoryview(whole), likely=3)


@pytest.mark.parametrize("flow", [V4, V6], ids=["IPv4", "IPv6"])
def test_damage_is_seen(flow: Flow) -> None:
    rng = Random(3)
    packet = rng.randbytes(300)
    whole = packet + flow.icrc(packet, 5).to_bytes(4, "little")
    for _ in range(2000):
        damaged = bytearray(whole)
        at = rng.choice([at for at in range(len(whole)) if at != 4])
        damaged[at] ^= 1 << rng.randrange(8)
        assert not flow.verify(memoryview(damaged), likely=5)
        assert not flow.verify(memoryview(damaged), ident=5)


def test_a_wrong_identification_is_damage_where_it_is_known() -> None:
    whole = VECTOR + V4.icrc(VECTOR, 7).to_bytes(4, "little")
    assert V4.verify(memoryview(whole), ident=7)
    assert not V4.verify(memoryview(whole), ident=8)


def test_addresses() -> None:
    mapped = Flow(("::ffff:192.168.0.7", 49152), ("::ffff:192.168.0.7", 4791))
    assert mapped.icrc(VECTOR, 9) == V4.icrc(VECTOR, 9)
    assert not mapped.exact
    scoped = Flow(("fe80::1%eth0", 1), ("fe80::2%2", 2))
    assert scoped.icrc(VECTOR) == Flow(("fe80::1", 1), ("fe80::2", 2)).icrc(VECTOR)
    for source, destination in (("localhost", "::1"), ("127.0.0.1", "::1"), ("x", "y")):
        with pytest.raises(ValueError):
            Flow((source, 1), (destination, 1))


def test_the_cache_of_lengths_is_bounded() -> None:
    flow = Flow(("10.0.0.1", 1), ("10.0.0.2", 2))
    for size in range(16, 4200, 4):
        assert flow.seeds(size, 2)[1] == flow.seed(size, 1)
    assert len(flow._table) <= 256

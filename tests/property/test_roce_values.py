"""Sequence numbers and packets: properties."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.rpcrdma.roce.wire.headers import HEADERS, AtomicEth, Bth, Packet
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.roce.wire.psn import HALF, MASK, distance, unwrap, wrap

PSN = st.integers(0, MASK)
SEQUENCE = st.integers(MASK + 1, 1 << 60)


@given(SEQUENCE, st.integers(-HALF, HALF - 1))
def test_unwrap_finds_the_nearest_sequence(near: int, offset: int) -> None:
    assert unwrap(wrap(near + offset), near) == near + offset


@given(SEQUENCE, PSN)
def test_unwrap_keeps_the_psn(near: int, psn: int) -> None:
    sequence = unwrap(psn, near)
    assert wrap(sequence) == psn
    assert -HALF <= sequence - near < HALF


@given(PSN, PSN)
def test_distance(psn: int, reference: int) -> None:
    steps = distance(psn, reference)
    assert -HALF <= steps < HALF
    assert wrap(reference + steps) == psn
    if steps != -HALF:
        assert distance(reference, psn) == -steps


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    row = draw(st.sampled_from(sorted(OPCODES.values(), key=lambda row: row.code)))
    headers = []
    for name in row.headers:
        kind = HEADERS[name]
        octets = draw(st.binary(min_size=kind.STRUCT.size, max_size=kind.STRUCT.size))
        headers.append(kind.parse(memoryview(octets), 0))
    payload = draw(st.binary(max_size=64)) if row.has_payload else b""
    bth = Bth(
        row.code,
        draw(PSN),
        draw(PSN),
        -len(payload) & 3,
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.integers(0, 15)),
        draw(st.integers(0, 0xFFFF)),
        draw(st.integers(0, 255)),
    )
    return Packet(bth, tuple(headers), payload)


@settings(max_examples=200, deadline=None)
@given(packets())
def test_what_is_parsed_is_what_was_built(packet: Packet) -> None:
    octets = packet.build()
    parsed = Packet.parse(memoryview(octets + b"\x01\0\0\0"))
    assert parsed == packet
    assert parsed.icrc == 1
    assert parsed.build() == octets
    for header in parsed.headers:
        assert type(header).STRUCT.size == len(header.build())


def test_the_atomic_header_is_28_octets() -> None:
    assert len(AtomicEth(1, 2, 3, 4).build()) == 28

"""The opcode table, exhaustively: it is what legality is read from."""

from __future__ import annotations

import pytest

from nfsrdma.rpcrdma.roce.engine.requests import REQUESTS
from nfsrdma.rpcrdma.roce.wire.headers import HEADERS
from nfsrdma.rpcrdma.roce.wire.opcode import (
    LEGAL_NEXT,
    MIDDLES,
    MTUS,
    OPCODES,
    Kind,
    Opcode,
    Position,
    Role,
    payload_bounds,
)
from nfsrdma.rpcrdma.verbs.types import WrOpcode

RC_REQUESTS = [row for row in OPCODES.values() if row.role == Role.RESPONDER]


def test_the_codes_are_those_of_the_specification() -> None:
    assert set(OPCODES) == {*range(0x15), 0x16, 0x17, 0x64, 0x65, 0x81}
    assert all(OPCODES[code].code == code for code in OPCODES)
    assert len({row.name for row in OPCODES.values()}) == len(OPCODES)


@pytest.mark.parametrize("row", OPCODES.values(), ids=lambda row: row.name)
def test_names_agree_with_kind_position_and_headers(row: Opcode) -> None:
    assert set(row.headers) <= set(HEADERS)
    assert row.header_octets == 12 + sum(HEADERS[name].STRUCT.size for name in row.headers)
    assert ("ImmDt" in row.headers) == row.name.endswith("_IMM")
    assert ("IETH" in row.headers) == row.name.endswith("_INV")
    assert ("DETH" in row.headers) == row.name.startswith("UD_")
    for word in ("FIRST", "MIDDLE", "LAST", "ONLY"):
        if word in row.name:
            assert row.position == Position[word]
    if row.kind == Kind.WRITE:
        assert ("RETH" in row.headers) == bool(row.position & Position.FIRST)
    if row.role == Role.COMPLETER:
        assert ("AETH" in row.headers) == (row.position != Position.MIDDLE)


def test_middle_packets_have_no_extension_headers() -> None:
    assert {OPCODES[code].name for code in MIDDLES} == {
        "SEND_MIDDLE",
        "WRITE_MIDDLE",
        "READ_RESPONSE_MIDDLE",
    }
    assert all(OPCODES[code].header_octets == 12 for code in MIDDLES)


@pytest.mark.parametrize("row", RC_REQUESTS, ids=lambda row: row.name)
def test_what_may_come_next(row: Opcode) -> None:
    begins = row.position in (Position.FIRST, Position.ONLY)
    assert (row.code in LEGAL_NEXT[None]) == begins
    for kind in (Kind.SEND, Kind.WRITE):
        assert (row.code in LEGAL_NEXT[kind]) == (not begins and row.kind == kind)


def test_only_requests_are_ever_next() -> None:
    assert frozenset().union(*LEGAL_NEXT.values()) == {row.code for row in RC_REQUESTS}


@pytest.mark.parametrize("mtu", MTUS)
def test_payload_bounds(mtu: int) -> None:
    bounds = payload_bounds(mtu)
    assert set(bounds) == set(OPCODES)
    for code, row in OPCODES.items():
        if not row.has_payload:
            assert bounds[code] == (0, 0)
        elif row.position in (Position.FIRST, Position.MIDDLE):
            assert bounds[code] == (mtu, mtu)
        else:
            assert bounds[code] == (row.position == Position.LAST, mtu)


def test_every_work_request_has_packets_of_its_kind() -> None:
    assert set(REQUESTS) == set(WrOpcode) - {WrOpcode.LOCAL_INV}
    for opcode, codes in REQUESTS.items():
        if opcode == WrOpcode.RDMA_READ:
            continue
        positions = (codes.first, codes.middle, codes.last, codes.only)
        rows = [OPCODES[code] for code in positions]
        assert [row.position for row in rows] == [1, 0, 2, 3]
        assert len({row.kind for row in rows}) == 1
        name = WrOpcode(opcode).name
        for row in rows[2:]:
            assert ("ImmDt" in row.headers) == name.endswith("IMM")
            assert ("IETH" in row.headers) == name.endswith("INV")

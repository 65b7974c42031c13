"""What the tests of the RoCE requester share: posting, and looking at what came of it."""

from __future__ import annotations

from tests.support.roce import Peer, names

from nfsrdma.rpcrdma.roce.wire.headers import Aeth, Packet
from nfsrdma.rpcrdma.verbs.types import (
    SendWR,
    WrOpcode,
)


def post(peer: Peer, opcode: WrOpcode, length: int, **fields: object) -> bytearray:
    octets = bytearray(bytes(n * 5 & 0xFF for n in range(length)))
    request = SendWR(opcode, [memoryview(octets)], wr_id=fields.pop("wr_id", opcode))
    for name, value in fields.items():
        setattr(request, name, value)
    peer.qp.post_send(request)
    return octets


def statuses(peer: Peer) -> list[tuple[object, int]]:
    return [(wc.wr_id, wc.status) for wc in peer.end.sent()]


def psns(packets: list[Packet]) -> list[int]:
    return [packet.bth.psn for packet in packets]


def answer_read(peer: Peer, name: str, psn: int, payload: bytes, pad: int = 0) -> list[Packet]:
    headers = () if name == "MIDDLE" else (Aeth(0x1F, 1),)
    return peer.send(f"READ_RESPONSE_{name}", psn, *headers, payload=payload, pad=pad)


def asked(packets: list[Packet]) -> list[tuple[int, int]]:
    """Number and length of READ requests."""
    assert set(names(packets)) <= {"READ_REQUEST"}
    return [(packet.bth.psn, packet.headers[0].length) for packet in packets]

"""Our ICRC and our headers against every RoCEv2 packet between Linux peers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.captures import frames, linux_captures, require

from nfsrdma.rpcrdma.roce.wire.headers import Packet
from nfsrdma.rpcrdma.roce.wire.icrc import Flow, packet_icrc
from nfsrdma.rpcrdma.roce.wire.opcode import UD_SEND_ONLY


@pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)
def test_every_icrc_is_ours_and_every_header_is_built_again(path: Path) -> None:
    flows: dict[tuple[str, int, str], Flow] = {}
    count = 0
    for frame in frames(require(path)):
        start = frame.bth_offset
        octets = memoryview(frame.packet)[start:]
        ident = int.from_bytes(frame.packet[4:6], "big")
        port = int.from_bytes(frame.packet[start - 8 : start - 6], "big")
        key = (frame.source, port, frame.destination)
        flow = flows.get(key)
        if flow is None:
            flow = flows[key] = Flow((frame.source, port), (frame.destination, 4791))
        icrc = int.from_bytes(octets[-4:], "little")
        assert flow.icrc(octets[:-4], ident) == icrc, frame.number
        assert flow.verify(octets, ident=ident)
        assert flow.verify(octets), "without the identification, as on a UDP socket"
        if count < 500:
            assert packet_icrc(frame.packet) == icrc
        packet = Packet.parse(octets)
        assert packet.build() == octets[:-4]
        assert (packet.bth.opcode, packet.bth.psn, packet.bth.qpn) == (
            frame.opcode,
            frame.psn,
            frame.qpn,
        )
        if packet.bth.opcode != UD_SEND_ONLY:  # The naive reader knows no DETH.
            assert packet.payload == frame.payload
        count += 1
    assert count > 1000

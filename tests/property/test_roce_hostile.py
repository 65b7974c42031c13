"""Whatever a peer sends, the engine counts it or answers with a NAK.

The packets have a right ICRC, so that they reach the machines. Nothing may raise, nothing may be
written outside the memory that was offered, and the engine stays bounded and usable.
"""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.roce import IPV4, REMOTE, Peer

from nfsrdma.rpcrdma.roce.wire.headers import HEADERS, Aeth, Bth, Header, Packet, Reth
from nfsrdma.rpcrdma.roce.wire.icrc import Flow
from nfsrdma.rpcrdma.roce.wire.opcode import OPCODES
from nfsrdma.rpcrdma.verbs.types import QpState, RecvWR, SendWR, WcStatus, WrOpcode

GUARD = b"\xa5" * 512
BACK = Flow(IPV4[1], IPV4[0])


class Target:
    """An engine with everything a packet might hit, and guards around it."""

    def __init__(self) -> None:
        self.peer = peer = Peer()
        self.arena = bytearray(GUARD + bytes(2048) + GUARD + bytes(1024) + GUARD)
        view = memoryview(self.arena)
        self.region = peer.end.pd.register(view[512 : 512 + 2048], REMOTE)
        for _ in range(4):
            peer.qp.post_recv(RecvWR(view[3072 : 3072 + 700]))
        sink = view[3072 + 700 : 3072 + 1024]
        for opcode, data in (
            (WrOpcode.SEND, memoryview(bytes(300))),
            (WrOpcode.RDMA_READ, sink),
            (WrOpcode.RDMA_WRITE, memoryview(bytes(1000))),
        ):
            peer.qp.post_send(SendWR(opcode, [data]))
        peer.collect()

    def check(self) -> None:
        arena = self.arena
        for start in (0, 512 + 2048, len(arena) - 512):
            assert arena[start : start + 512] == GUARD
        peer = self.peer
        assert peer.state in (QpState.RTS, QpState.ERR)
        done = [wc.status for wc in peer.end.sent()]
        if peer.state == QpState.ERR:
            assert len(done) == 3
            assert len(peer.end.received()) == 4
            assert len(peer.end.errors) == 1
        else:
            assert set(done) <= {WcStatus.SUCCESS}
            assert peer.end.errors == []


def seal(built: bytes) -> bytes:
    return built + BACK.icrc(built).to_bytes(4, "little")


def random_header(rng: Random, name: str, target: Target) -> Header:
    if name == "RETH" and rng.random() < 0.8:
        region = target.region
        offset = rng.choice((0, 0, 1, 2040, -1, 2048))
        length = rng.choice((0, 1, 256, 257, 600, 2048, 2049, 1 << 31, (1 << 32) - 1))
        return Reth((region.address + offset) % (1 << 64), region.rkey, length)
    if name == "AETH" and rng.random() < 0.8:
        return Aeth(rng.choice((0, 0x1F, 0x2C, 0x60, 0x61, 0x63)), rng.getrandbits(24))
    return HEADERS[name].parse(memoryview(rng.randbytes(28)), 0)


def random_packet(rng: Random, target: Target, psn: int) -> bytes:
    """A packet that is nearly right."""
    row = rng.choice(list(OPCODES.values()))
    headers = tuple(random_header(rng, name, target) for name in row.headers)
    payload = bytes(rng.choice((0, 1, 88, 252, 256, 256, 256, 260)))
    bth = Bth(
        row.code,
        target.peer.qp.number,
        (psn + rng.choice((0, 0, 0, 0, 1, -1, 7, -7, 1 << 23))) & 0xFFFFFF,
        pad=-len(payload) & 3 if rng.random() < 0.9 else rng.randrange(4),
        ack_request=rng.random() < 0.5,
        congestion=rng.choice((0, 0, 0x40)),
    )
    octets = Packet(bth, headers, payload).build()
    return octets + bytes(-len(octets) & 3)


def assault(seed: int, packets: int) -> None:
    rng = Random(seed)
    target = Target()
    peer = target.peer
    for _ in range(packets):
        psn = rng.choice((peer.qp.responder.expected, peer.qp.requester.flight.una)) & 0xFFFFFF
        peer.inject(seal(random_packet(rng, target, psn)))
        answers = peer.collect()
        assert len(answers) <= 64
        if rng.random() < 0.1 and peer.end.engine.next_timeout() is not None:
            peer.wait()
        if peer.state == QpState.ERR:
            break
    target.check()


def test_packets_that_are_nearly_right() -> None:
    for seed in range(400):
        assault(seed, 40)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=400), max_size=6), st.integers(1, 500))
def test_octets_at_random(pieces: list[bytes], segment_size: int) -> None:
    target = Target()
    peer = target.peer
    octets = b"".join(pieces)
    view = memoryview(octets)
    peer.end.engine.handle_burst(view, segment_size, peer.there, peer.here, peer.now)
    sealed = b"".join(seal(piece) for piece in pieces if len(piece) >= 12)
    peer.end.engine.handle_burst(memoryview(sealed), segment_size, peer.there, peer.here, 0.0)
    peer.collect()
    target.check()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_valid_packets_altered(data: st.DataObject) -> None:
    target = Target()
    peer = target.peer
    region = target.region
    valid = [
        peer.packet("WRITE_FIRST", 10, Reth(region.address, region.rkey, 600), payload=bytes(256)),
        peer.packet("WRITE_MIDDLE", 11, payload=bytes(256)),
        peer.packet("WRITE_LAST", 12, payload=bytes(88)),
        peer.packet("READ_REQUEST", 13, Reth(region.address, region.rkey, 2000)),
        peer.packet("SEND_ONLY", 21, payload=bytes(20)),
        peer.packet("ACKNOWLEDGE", 101, Aeth(0x1F, 1)),
        peer.packet("READ_RESPONSE_FIRST", 102, Aeth(0x1F, 2), payload=bytes(256)),
        peer.packet("READ_RESPONSE_LAST", 103, Aeth(0x1F, 2), payload=bytes(68)),
    ]
    for packet in valid:
        octets = bytearray(packet.build())
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, min(len(octets), 32) - 1))
            octets[at] = data.draw(st.integers(0, 255))
        cut = data.draw(st.sampled_from((0, 0, 0, 4, 16)))
        peer.inject(seal(bytes(octets[: max(12, len(octets) - cut)])))
        peer.collect()
    target.check()

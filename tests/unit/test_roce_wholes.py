"""SENDs that are one run from their first packet to their last: as if they were taken apart."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from tests.support.roce import REMOTE, Peer

from nfsrdma.rpcrdma.roce.packets.run import Run
from nfsrdma.rpcrdma.roce.wire.headers import Header, Ieth, ImmDt
from nfsrdma.rpcrdma.verbs.types import QpState, RecvWR

_MTU = 256
_SEEDS = 60
Takes = Callable[[Run], bool]
Bursts = list[tuple[memoryview, int]]


class _Receiver:
    """An end with receives and keys, the same ones for the same seed."""

    def __init__(self, rng: Random) -> None:
        self.peer = peer = Peer(acknowledge_within=rng.choice((0.0, 0.001)))
        self.shown: list[bytes] = []
        self.buffers = [bytearray(rng.choice((1500, 1500, 1500, 700))) for _ in range(12)]
        for number, buffer in enumerate(self.buffers[: rng.choice((2, 12, 12))]):
            peer.qp.post_recv(RecvWR(memoryview(buffer), number))
        memory = [memoryview(bytearray(16)) for _ in range(4)]
        self.keys = [peer.end.pd.register(each, REMOTE).rkey for each in memory]
        if rng.random() < 0.5:
            peer.qp.prompt = self._prompt

    def _prompt(self, message: memoryview) -> bool:
        self.shown.append(bytes(message))
        return bool(message[-1] & 1)

    def take(self, bursts: Bursts) -> None:
        peer = self.peer
        peer.end.engine.handle_bursts(bursts, peer.there, peer.here, peer.now)

    def picture(self) -> object:
        """All that can be seen of it, and what it answers."""
        qp, responder = self.peer.qp, self.peer.qp.responder
        seen = responder.due, responder.deadline, responder.msn, responder.expected
        completions = [
            (wc.wr_id, wc.status, wc.byte_len, wc.imm_data, wc.invalidated_rkey)
            for wc in self.peer.end.received()
        ]
        engine = self.peer.end.engine
        answers = []
        while burst := engine.poll_transmit(self.peer.now + 1):
            answers += list(burst.each())
        counters = str(engine.counters)
        return (
            *(seen, completions, answers, counters, qp.state, qp.error, self.shown),
            *(self.buffers, len(responder.receives)),
        )


def _message(rng: Random, peer: Peer, psn: int, keys: list[int]) -> list[bytes]:
    """The packets of a SEND, something about which may be odd."""
    count = rng.choice((1, 2, 2, 3, 4, 6))
    made = []
    for index in range(count):
        ends = index == count - 1
        place = ("ONLY" if ends else "FIRST") if not index else "LAST" if ends else "MIDDLE"
        size = rng.randrange(1, _MTU + 1) if ends else _MTU
        headers: tuple[Header, ...] = ()
        name = f"SEND_{place}"
        if ends and rng.random() < 0.2:
            name += "_INV"
            headers = (Ieth(rng.choice((*keys, *keys, 99))),)
        elif ends and rng.random() < 0.1:
            name += "_IMM"
            headers = (ImmDt(7),)
        if rng.random() < 0.02:
            name, headers = rng.choice(("SEND_FIRST", "SEND_MIDDLE", "SEND_LAST")), ()
        if rng.random() < 0.02:
            size = rng.randrange(0, _MTU + 5)
        ask = rng.random() < (0.5 if ends else 0.05)
        payload = rng.randbytes(size)
        packet = peer.packet(name, psn + index & 0xFFFFFF, *headers, payload=payload, ask=ask)
        made.append(peer.octets(packet))
    return made


def _stream(rng: Random, peer: Peer, keys: list[int]) -> list[bytes]:
    """Packets of several SENDs, some of them lost or repeated."""
    packets: list[bytes] = []
    psn = 10
    for _ in range(rng.randrange(1, 8)):
        message = _message(rng, peer, psn, keys)
        psn += len(message)
        packets += message
    for _ in range(rng.choice((0, 0, 1, 2))):
        at = rng.randrange(len(packets))
        if rng.random() < 0.5:
            packets[at:at] = packets[max(at - rng.randrange(4), 0) : at + 1]
        elif len(packets) > 1:
            del packets[at]
    return packets


def _bursts(rng: Random, packets: list[bytes]) -> list[Bursts]:
    """Receive calls with all of the packets; those of a burst but its last are of one size."""
    calls: list[Bursts] = []
    left = list(packets)
    while left:
        call: Bursts = []
        for _ in range(rng.choice((1, 2, 4))):
            size, burst = len(left[0]) if left else 0, bytearray()
            for _ in range(rng.choice((1, 2, 5, 9))):
                if not left or len(left[0]) > size:
                    break
                octets = left.pop(0)
                burst += octets
                if len(octets) < size:
                    break
            if burst:
                call.append((memoryview(burst), size))
        calls.append(call)
    return calls


@pytest.mark.parametrize("first", range(0, 10 * _SEEDS, _SEEDS))
def test_whole_sends_come_to_the_same_as_their_packets(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wholes = apart = 0
    for seed in range(first, first + _SEEDS):
        one, other = _Receiver(Random(seed)), _Receiver(Random(seed))
        assert one.keys == other.keys
        rng = Random(seed + 1)
        took: list[bool] = []
        takes = one.peer.qp.responder.takes

        def spy(run: Run, takes: Takes = takes, took: list[bool] = took) -> bool:
            took.append(takes(run))
            return took[-1]

        monkeypatch.setattr(one.peer.qp.responder, "takes", spy)
        monkeypatch.setattr(other.peer.qp.responder, "takes", lambda run: False)
        for call in _bursts(rng, _stream(rng, one.peer, one.keys)):
            one.take(call)
            other.take(call)
        wholes += sum(took)
        apart += len(took) - sum(took)
        assert one.picture() == other.picture(), seed
    assert min(wholes, apart) > 10


def test_a_whole_send_for_which_there_is_no_receive_is_refused_for_now() -> None:
    peer = Peer()
    message = [
        peer.octets(peer.packet("SEND_FIRST", 10, payload=bytes(_MTU))),
        peer.octets(peer.packet("SEND_LAST", 11, payload=b"end", ask=True)),
    ]
    burst = memoryview(b"".join(message))
    buffer = bytearray(300)
    for posted in (False, True):
        if posted:
            peer.qp.post_recv(RecvWR(memoryview(buffer), "r"))
        engine = peer.end.engine
        engine.handle_bursts([(burst, len(message[0]))], peer.there, peer.here, peer.now)
        assert len(peer.end.received()) == posted
    assert peer.qp.state is QpState.RTS
    assert bytes(buffer[_MTU : _MTU + 3]) == b"end"

"""Quiet messages that go out in one step: the same packets as in the many steps of others."""

from __future__ import annotations

from random import Random

import pytest
from tests.support.roce import REMOTE, Faults, Pair

from nfsrdma.rpcrdma.roce.engine import quiet, requester
from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.verbs.types import QpOptions, RecvWR, SendWR, WrOpcode

_LENGTHS = (0, 1, 40, 40, 200, 201, 1024, 1025, 3000, 4096, 9000, 21000)


def _talk(seed: int) -> tuple[list[object], list[object], int]:
    """Let two ends talk: the packets of both, what came at either, and how many messages."""
    rng = Random(seed)
    faults = Faults(loss=0.03, duplication=0.02, reordering=0.02) if rng.random() < 0.4 else None
    window = rng.choice((8 * 1024, 32 * 1024, 1 << 20))
    pair = Pair(
        seed,
        mtu=rng.choice((256, 1024, 4096)),
        faults=faults,
        tuning=Tuning(flight_octets=window),
        options=QpOptions(access=int(REMOTE), recv_depth=400),
        gso=rng.random() < 0.9,
    )
    came: list[object] = []
    posted = 0
    buffers = {id(end): [bytearray(21001) for _ in range(120)] for end in (pair.a, pair.b)}
    for end in (pair.a, pair.b):
        for number, buffer in enumerate(buffers[id(end)]):
            end.qp.post_recv(RecvWR(memoryview(buffer), number))
    for _ in range(rng.randrange(1, 12)):
        end, other = rng.choice(((pair.a, pair.b), (pair.b, pair.a)))
        usual = rng.choice(_LENGTHS)
        for _ in range(rng.choice((1, 1, 3, 8))):
            message = rng.randbytes(usual if rng.random() < 0.8 else rng.choice(_LENGTHS))
            kind = rng.random()
            if kind < 0.6:
                posted += end.qp.put((message,))
            elif kind < 0.9:
                view = end.qp.begin(len(message))
                assert view is not None
                view[:] = message
                rkey = other.pd.register(memoryview(bytearray(8)), REMOTE).rkey
                end.qp.finish(rkey)
                posted += 1
            else:
                end.qp.post_send(SendWR(WrOpcode.SEND, (memoryview(message),)))
                posted += 1
        for _ in range(rng.choice((0, 1, 4, 40))):
            pair.step()
    pair.run()
    for end in (pair.a, pair.b):
        came += [
            (wc.status, wc.invalidated_rkey, bytes(buffers[id(end)][wc.wr_id][: wc.byte_len]))
            for wc in end.received()
        ]
        came.append(str(end.engine.counters))
        assert end.qp.requester.quiet == end.qp.requester.quiet_octets == 0
    return list(pair.seen), came, posted


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_in_one_step_or_in_many(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = 0

    def spy(*arguments: object) -> None:
        nonlocal quick
        quick += 1
        quiet.add_quiet(*arguments)  # type: ignore[arg-type]

    for seed in range(first, first + 20):
        monkeypatch.setattr(requester, "add_quiet", spy)
        packets, came, posted = _talk(seed)
        monkeypatch.setattr(requester, "add_quiet", lambda *arguments: None)
        assert (packets, came, posted) == _talk(seed), seed
        assert posted <= len(came) - 2
    assert quick > 20


def test_memory_is_used_again_once_the_peer_has_the_message() -> None:
    pair = Pair(mtu=4096)
    buffers = [bytearray(9000) for _ in range(6)]
    for number, buffer in enumerate(buffers):
        pair.b.qp.post_recv(RecvWR(memoryview(buffer), number))

    def send(letter: bytes, length: int) -> object:
        view = pair.a.qp.begin(length)
        assert view is not None
        assert len(view) == length
        view[:] = letter * length
        pair.a.qp.finish()
        return view.obj

    first, second = send(b"a", 9000), send(b"b", 9000)
    assert first is not second
    pair.run()
    assert pair.a.qp.requester.quiet == 0
    assert send(b"c", 4500) in (first, second)
    assert send(b"d", 40) not in (first, second)
    longer = send(b"e", 8999)
    pair.run()
    lengths = [wc.byte_len for wc in pair.b.received()]
    assert lengths == [9000, 9000, 4500, 40, 8999]
    for buffer, length, letter in zip(buffers, lengths, b"abcde", strict=False):
        assert buffer[:length] == bytes((letter,)) * length
    assert longer in (first, second)
    pair.a.qp.fail("over")
    assert not pair.a.qp.requester.spares

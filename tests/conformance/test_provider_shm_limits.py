"""The shm provider: limits, and nothing left behind."""

from __future__ import annotations

import gc
import os
from itertools import pairwise
from typing import Any

import pytest
from tests.conformance.harness import EVERYTHING, HARNESSES, pair

from nfsrdma.rpcrdma.providers.shm import device, queue_pair, talk
from nfsrdma.rpcrdma.providers.shm.memory import Arena
from nfsrdma.rpcrdma.providers.shm.ring import PRODUCED
from nfsrdma.rpcrdma.software.patience import BOTH_WAKE_S, LONGEST_S, Naps, Patience, Transfer
from nfsrdma.rpcrdma.verbs.types import (
    VerbsError,
    WrOpcode,
)


def test_an_arena_is_bounded() -> None:
    arena = Arena()
    pieces = [arena.acquire(200 << 20) for _ in range(4)]  # of 256 MiB each
    with pytest.raises(VerbsError, match="too much"):
        arena.acquire(4096)
    arena.release(pieces.pop())
    assert arena.acquire(150 << 20)
    arena.close()


def test_a_closed_device_has_given_everything_back() -> None:
    def once() -> None:
        made = HARNESSES["shm"]()
        client, server = pair(made, receives=4)
        region = client.pd.register(memoryview(bytearray(100_000)), EVERYTHING)
        sink = bytearray(100_000)
        server.post(*(WrOpcode.RDMA_READ, [sink]), remote_address=region.address, rkey=region.rkey)
        server.send(b"x")
        made.run_until(lambda: len(server.sent) == 2 and client.received)
        made.close()

    once()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        once()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_patience_is_learned() -> None:
    patience = Patience()
    for _ in range(10):
        patience.nothing()
    assert patience.seconds == 0.0
    tries = []
    for sleep in range(5000):
        patience.nothing()
        if patience.seconds:
            assert patience.seconds == LONGEST_S
            tries.append(sleep)
            patience.nothing()
            assert patience.seconds == 0.0
    # The rarer the more of them fail, but not without end.
    pauses = [after - before for before, after in pairwise(tries)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 100
    assert pauses[-1] == pauses[-2] > 500
    while not patience.seconds:
        patience.nothing()
    patience.found(5e-6)
    assert patience.seconds == LONGEST_S
    for _ in range(4):
        patience.nothing()
    assert patience.seconds == pytest.approx(LONGEST_S / 16)
    patience.found(5e-6)
    assert patience.seconds == pytest.approx(LONGEST_S / 8)
    patience.found(20e-6)
    assert patience.seconds == pytest.approx(40e-6)


def sleeps_before_a_try(patience: Patience, after_s: float) -> int:
    """How often a side sleeps for so long until it looks again."""
    for sleep in range(1, 5000):
        patience.nothing()
        patience.slept(after_s)
        if patience.seconds:
            return sleep
    raise AssertionError("it never looks again")


def test_who_is_woken_soon_looks_again_soon() -> None:
    patience = Patience(BOTH_WAKE_S)
    for _ in range(10):
        patience.nothing()
    soon = sleeps_before_a_try(patience, BOTH_WAKE_S)
    assert soon < 5
    patience.found(5e-6)
    patience.slept(5e-6)  # it did not sleep
    assert patience.seconds == BOTH_WAKE_S
    # Where looking keeps the peer from answering, each try is dearer than what it is after.
    for _ in range(10):
        patience.nothing()
    counts = []
    for _ in range(8):
        counts.append(sleeps_before_a_try(patience, 20e-6))
        patience.nothing()
        assert not patience.seconds
    assert counts == sorted(counts)
    assert counts[-1] > 100
    # What comes late would not have been found.
    patience.found(5e-6)
    for _ in range(10):
        patience.nothing()
    late = sleeps_before_a_try(patience, BOTH_WAKE_S * 1.01)
    assert late > 4 * soon


def test_two_sides_that_sleep_find_back_to_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    # Both are quick, but each has to be woken, which takes longer than anything else.
    now = [1.0]

    def clock() -> float:
        now[0] += 1e-6
        return now[0]

    monkeypatch.setattr(device, "perf_counter", clock)
    made = HARNESSES["shm"]()
    client, server = pair(made, receives=32)
    ends = [client.device, server.device]
    looks: list[float] = []
    for end in ends:
        end._patience.seconds = 0.0  # type: ignore[attr-defined]
    for number in range(16):
        looks += [end._patience.seconds for end in ends]  # type: ignore[attr-defined]
        for end in ends:
            end._look(None)  # type: ignore[attr-defined]
        now[0] += 250e-6
        for side, other in ((client, server), (server, client)):
            side.send(b"x")
            made.run_until(lambda other=other, number=number: len(other.received) > number)
    assert max(looks) >= 250e-6
    made.close()


def test_who_shares_a_processor_with_its_peer_does_not_look_and_loses_no_patience() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    made = HARNESSES["shm"]()
    try:
        client, server = pair(made, receives=32)
        patience = server.device._patience  # type: ignore[attr-defined]
        for number in range(20):
            client.send(b"x")
            made.run_until(lambda number=number: len(server.received) > number)
            patience.seconds = before = BOTH_WAKE_S
            assert not server.device._look(None)  # type: ignore[attr-defined]
            assert patience.seconds == before
        # It asked to be woken.
        client.send(b"the last")
        made.run_until(lambda: len(server.received) > 20)
    finally:
        made.close()
        os.sched_setaffinity(0, allowed)


def test_how_long_a_transfer_takes_is_learned() -> None:
    longest = [Transfer(1 << bits, Naps()).patience.longest_s for bits in range(17, 30)]
    assert longest == sorted(longest)
    assert LONGEST_S < longest[0] < longest[4]
    assert longest[-1] <= 2e-3  # nobody looks for longer, whatever a peer may take
    transfer = Transfer(1 << 20, Naps())
    transfer.took(50e-6)
    assert transfer.nap_s == 0.0  # a sleep might be too long for that
    for _ in range(40):
        transfer.took(1e-3)
    assert 0.85e-3 < transfer.nap_s < 0.95e-3
    transfer.took(50e-6)
    assert transfer.nap_s == 0.0


def test_calls_that_were_held_up_put_no_others_to_sleep() -> None:
    transfer = Transfer(1 << 20, Naps())
    transfer.took(150e-6)
    assert transfer.look_s == pytest.approx(400e-6)
    nap = transfer.nap_s
    assert nap < 150e-6
    transfer.took(1.0)
    assert transfer.nap_s < 150e-6
    for _ in range(40):
        transfer.took(1e-3)
    # The answer was there when the nap ended: the call itself may have been quick.
    naps = [transfer.nap_s]
    for _ in range(20):
        transfer.overslept()
        naps.append(transfer.nap_s)
    assert naps == sorted(naps, reverse=True)
    assert naps[0] > naps[1] > 0
    assert naps[-1] < naps[0] / 8


def test_an_answer_that_is_late_is_looked_for_longer_next_time() -> None:
    transfer = Transfer(1 << 20, Naps())
    assert transfer.look_s == transfer.patience.longest_s  # nothing is known yet
    transfer.late()
    assert transfer.look_s == transfer.patience.longest_s
    transfer.took(200e-6)
    looks = [transfer.look_s]
    for _ in range(40):
        transfer.late()
        looks.append(transfer.look_s)
    assert looks == sorted(looks)
    assert looks[0] < looks[1] < looks[-1] == transfer.patience.longest_s
    assert transfer.nap_s < transfer.patience.longest_s


def test_where_naps_take_longer_than_asked_for_they_begin_to_be_shorter() -> None:
    naps = Naps()
    transfer = Transfer(1 << 20, naps)
    transfer.took(300e-6)
    first = transfer.nap_s
    for _ in range(50):
        naps.took(200e-6, 270e-6)
    assert transfer.nap_s == pytest.approx(first - 60e-6, abs=5e-6)
    naps.took(200e-6, 1.0)  # something else had the processor
    assert transfer.nap_s > first / 3
    for _ in range(20):
        naps.took(200e-6, 1e-3)
    assert transfer.nap_s == 0.0
    # Nobody naps any more, so nobody sees that naps are as they were: it is tried again.
    for _ in range(400):
        naps.none()
    assert transfer.nap_s > first / 2


def test_who_knows_how_long_the_next_news_take_sleeps_for_a_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1.0]
    naps: list[float] = []
    made = HARNESSES["shm"]()
    client, server = pair(made, receives=64)
    there: Any = server.device
    (end,) = there.connections

    def look(pairs: Any, until: float) -> int:
        client.send(b"x")
        now[0] = max(now[0], due)
        return talk.OTHER

    def nap(seconds: float) -> None:
        naps.append(seconds)
        now[0] += seconds

    def glance(peer_words: memoryview, seen: int, wanted: int | None, seconds: float) -> int:
        return talk.LATE if peer_words[PRODUCED] == seen else talk.OTHER

    monkeypatch.setattr(device, "perf_counter", lambda: now[0])
    monkeypatch.setattr(device, "place", lambda: 0)
    monkeypatch.setattr(device, "_look_at", look)
    monkeypatch.setattr(device, "nap", nap)
    monkeypatch.setattr(queue_pair, "look", glance)
    for number in range(6):
        due = now[0] + 300e-6
        there.heard_from(end)
        assert there._look(None)
        made.run_until(lambda number=number: len(server.received) > number)
    assert len(naps) == 5
    assert all(200e-6 < each < 300e-6 for each in naps)
    # Not if there is something else to do meanwhile, or something has come already.
    there.heard_from(end)
    assert there._look(100e-6)
    client.send(b"y")
    there.heard_from(end)
    assert there._look(None)
    assert len(naps) == 5
    made.close()

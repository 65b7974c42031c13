"""Protection domains, completion queues, the congestion window: the small machines."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from tests.support.roce import REMOTE

from nfsrdma.rpcrdma.roce.engine.congestion import CongestionWindow, RetransmissionTimer
from nfsrdma.rpcrdma.roce.engine.counters import Counters
from nfsrdma.rpcrdma.roce.engine.memory import ProtectionDomain
from nfsrdma.rpcrdma.roce.engine.tuning import Tuning
from nfsrdma.rpcrdma.software.completion import CompletionQueue
from nfsrdma.rpcrdma.software.memory import octets
from nfsrdma.rpcrdma.verbs.types import WC, Access, VerbsError, WcOpcode

READ, WRITE = int(Access.REMOTE_READ), int(Access.REMOTE_WRITE)


@pytest.fixture
def pd() -> ProtectionDomain:
    return ProtectionDomain(Random(1))


def test_a_region_permits_what_lies_within_it(pd: ProtectionDomain) -> None:
    region = pd.register(memoryview(bytearray(100)), REMOTE, remote_address=1 << 63)
    start = region.address
    for offset, length, permitted in (
        (0, 100, True), (0, 101, False), (99, 1, True), (100, 1, False), (-1, 1, False),
        (50, 1 << 40, False), (100, 0, True),
    ):  # fmt: skip
        assert region.permits(start + offset, length, READ) == permitted
    assert pd.find(region.rkey) is region
    region.deregister()
    region.deregister()
    assert not region.valid
    assert not region.permits(start, 1, READ)
    assert pd.find(region.rkey) is None
    assert len(pd) == 0


def test_flags_are_separate(pd: ProtectionDomain) -> None:
    region = pd.register(memoryview(bytes(8)), Access.REMOTE_READ)
    assert region.permits(region.address, 8, READ)
    assert not region.permits(region.address, 8, WRITE)


def test_what_cannot_be_registered(pd: ProtectionDomain) -> None:
    with pytest.raises(VerbsError):
        pd.register(memoryview(bytes(8)), Access.REMOTE_WRITE)
    with pytest.raises(VerbsError):
        pd.register(memoryview(bytearray(8)), REMOTE, remote_address=(1 << 64) - 7)
    with pytest.raises(VerbsError):
        pd.register(memoryview(bytearray(8))[::2], REMOTE)
    pd.register(memoryview(bytearray(8)), REMOTE, remote_address=(1 << 64) - 8)
    pd.close()
    with pytest.raises(VerbsError):
        pd.register(memoryview(bytearray(8)), REMOTE)
    assert len(pd) == 0


def test_addresses_do_not_overlap_and_keys_are_random(pd: ProtectionDomain) -> None:
    regions = [pd.register(memoryview(bytearray(5000)), REMOTE) for _ in range(50)]
    for one, other in pairwise(regions):
        assert one.end < other.address
    keys = {region.rkey for region in regions}
    assert len(keys) == 50
    assert max(keys) - min(keys) > 1 << 28


def test_retired_keys_are_remembered_for_a_while(pd: ProtectionDomain) -> None:
    first = pd.register(memoryview(bytearray(1)), REMOTE)
    assert pd.invalidate(first.rkey)
    assert pd.invalidate(first.rkey)
    assert not pd.invalidate(first.rkey ^ 1)
    for _ in range(1024):
        pd.register(memoryview(bytearray(1)), REMOTE).deregister()
    assert not pd.invalidate(first.rkey)


def test_views_of_anything_become_octets() -> None:
    assert len(octets(memoryview(bytearray(8)).cast("I"))) == 8
    view = memoryview(bytearray(8))
    assert octets(view) == view


def completion(n: int) -> WC:
    return WC(n, 0, WcOpcode.RECV)


def test_a_completion_queue_polls_in_order_and_announces_once() -> None:
    announced: list[CompletionQueue] = []
    cq = CompletionQueue(4, announced.append)
    cq.push(completion(0))
    assert announced == [], "nobody wants to know"
    calls: list[int] = []
    cq.set_handler(lambda: calls.append(len(cq)))
    assert announced == [cq]
    for n in range(1, 6):
        cq.push(completion(n))
    assert announced == [cq]
    assert [wc.wr_id for wc in cq.poll(2)] == [0, 1]
    cq.deliver()
    assert calls == [4]
    assert announced == [cq, cq], "it was left non-empty"
    assert [wc.wr_id for wc in cq.poll(100)] == [2, 3, 4, 5]
    cq.deliver()
    assert calls == [4]
    assert cq.poll(1) == []


def test_the_window_grows_slowly_after_a_loss() -> None:
    tuning = Tuning(flight_octets=100_000, initial_window=10_000, minimum_window=4_000)
    window = CongestionWindow(tuning, 1000)
    window.acknowledged(10_000)
    assert window.octets == 20_000
    for _ in range(5):
        window.acknowledged(window.octets)
    assert window.octets == 100_000
    window.lost()
    assert window.octets == window.threshold == 50_000
    window.acknowledged(50_000)
    assert window.octets == 51_000
    window.timed_out()
    assert (window.octets, window.threshold) == (4_000, 25_500)
    for _ in range(20):
        window.lost()
    assert window.octets == 4_000


def test_a_window_holds_a_packet_at_least() -> None:
    window = CongestionWindow(Tuning(flight_octets=10), 4096)
    assert window.octets == 4096


def test_the_timer_is_bounded() -> None:
    timer = RetransmissionTimer(Tuning())
    assert timer.timeout == 0.1
    timer.sample(0.00001)
    assert timer.timeout == 0.02
    timer.sample(30.0)
    assert timer.timeout == 1.0
    timer.back_off()
    assert timer.timeout == 1.0


def test_counters_add_up() -> None:
    one, other = Counters(), Counters()
    one.timeouts, other.timeouts, other.acks_sent = 1, 2, 3
    one.add(other)
    assert (one.timeouts, one.acks_sent) == (3, 3)
    assert repr(one) == "Counters(acks_sent=3, timeouts=3)"

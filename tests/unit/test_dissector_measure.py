"""Percentiles, timelines and queues, against what is known by hand."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support.rdma_wire import (
    Wire,
    do_getattr,
    do_read,
    getattr_call,
    getattr_results,
    pattern,
    pcap,
    results,
)

from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.views.latency import latency
from nfsrdma.dissector.views.latency.latency import Latency
from nfsrdma.dissector.views.latency.measure import Timeline, Times
from nfsrdma.dissector.views.latency.queues import Queue, Step, Steps
from nfsrdma.rpcrdma.transport.chunk import Segment


def test_many_times_are_folded_and_keep_their_percentiles() -> None:
    """To 1 in 128, as so many leading bits are kept; number, total and worst are exact."""
    chance = random.Random(4)
    numbers = [int(chance.lognormvariate(11, 2)) for _ in range(5000)]
    exact, folded = Times(), Times(300)
    for number in numbers:
        exact.add(number, 1, 2)
    for number in numbers:
        folded.add(number, 1, 2)
    one, other = exact.spread(), folded.spread()
    assert one is not None
    assert other is not None
    assert (other.calls, other.worst, folded.total) == (5000, max(numbers), sum(numbers))
    for true, near in ((one.median, other.median), (one.p99, other.p99)):
        assert true * 127 // 128 - 1 <= near <= true
    counted = list(folded.counted())
    assert sum(count for _, count in counted) == 5000
    assert counted == sorted(counted)
    assert len(counted) < 3000


def test_quantiles() -> None:
    times = Times()
    assert times.quantile(0.5) == 0
    for number in (5, 1, 3):
        times.add(number, 0, 0)
    assert [times.quantile(part) for part in (0, 0.5, 1)] == [1, 3, 5]


def test_a_timeline_keeps_sums_and_peaks_as_it_grows() -> None:
    line = Timeline(stretches=4, width=10)
    for time, value in ((100, 1), (109, 2), (110, 3), (139, 4)):
        line.add(time, value)
    assert (line.start, line.sums, line.peaks) == (100, [3, 3, 0, 4], [2, 3, 0, 4])
    line.add(140, 5)
    assert (line.width, line.sums, line.peaks) == (20, [6, 4, 5], [3, 4, 5])
    line.add(50, 7)  # from before the beginning
    assert line.sums[0] == 13
    line.add(100 + 20 * 4 * 1000, 1)
    assert len(line.sums) <= 4
    assert sum(line.sums) == 23


def test_a_timeline_spreads_what_took_its_time() -> None:
    line = Timeline(stretches=8, width=10)
    line.spread(0, 39, 10)
    assert line.sums == [3, 3, 2, 2]
    line.spread(5, 5, 1)
    assert line.sums == [4, 3, 2, 2]
    line.spread(0, 79, 0)
    line.spread(0, 159, 16)
    assert sum(line.sums) == 27


def test_times_of_a_hostile_capture() -> None:
    """Clocks that go back, or say what no clock does."""
    line = Timeline(stretches=4, width=10)
    line.spread(500, 100, 12)
    assert sum(line.sums) == 12
    line.add(1 << 90, 1)
    assert sum(line.sums) == 13
    times = Times()
    times.add(1 << 90, 1, 2)
    assert times.quantile(1) == (1 << 63) - 1


def test_steps_keep_peaks_in_bounded_memory() -> None:
    steps = Steps(stretches=16)
    for time in range(10_000):
        steps.add(Step(time, 1 + (time == 7777), 32))
    kept = list(steps)
    assert len(kept) <= 32
    assert max(step.depth for step in kept) == 2
    assert kept[0].time == 0
    assert all(one.time < other.time for one, other in pairwise(kept))


def test_kinds_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer may call any program; what comes after so many kinds of calls is one kind."""
    monkeypatch.setattr(latency, "MAX_KINDS", 1)
    wire = Wire()
    do_getattr(wire, 1)
    do_read(wire, 2, pattern(3000), [Segment(7, 3000, 4096)])
    do_getattr(wire, 3)
    _, view = queue_of(wire, tmp_path)
    assert {name: len(stages["reply"]) for name, stages in view.operations.items()} == {
        "GETATTR": 2, "others": 1
    }  # fmt: skip


def queue_of(wire: Wire, folder: Path) -> tuple[Queue, Latency]:
    path = folder / "wire.pcap"
    path.write_bytes(pcap(wire.frames, nano=True))
    view = Latency()
    Pipeline(open_capture(str(path)), view).run()
    (queue,) = view.queues.all.values()
    return queue, view


def test_credits_that_run_out(tmp_path: Path) -> None:
    """Two credits: the second and third time that two calls are under way nothing is left."""
    wire = Wire()

    def answer(xid: int) -> None:
        wire.nfs_reply(xid, results(xid, getattr_results()), credits=2)

    wire.nfs_call(1, getattr_call())
    answer(1)
    wire.nfs_call(2, getattr_call())
    wire.nfs_call(3, getattr_call())
    since = wire.now - 1000  # its ACK is the last frame
    wire.now += 5000
    answer(2)
    until = wire.now - 1000
    wire.nfs_call(4, getattr_call())
    again = wire.now - 1000
    answer(3)
    later = wire.now - 1000
    answer(4)
    queue, view = queue_of(wire, tmp_path)
    assert queue.credits == 2
    assert queue.depths.spread() == (4, 1, 2, 2, 7, 0)
    assert len(queue.stalls) == 2
    assert queue.stalls.total == until - since + later - again
    spread = queue.stalls.spread()
    assert spread is not None
    assert (spread.worst, spread.call_frame, spread.reply_frame) == (until - since, 7, 9)
    assert [(step.depth, step.credits) for step in queue.steps] == [
        (1, 0), (0, 2), (1, 2), (2, 2), (1, 2), (2, 2), (1, 2), (0, 2),
    ]  # fmt: skip
    assert view.median("GETATTR") == 4000
    assert view.median("READ") is None

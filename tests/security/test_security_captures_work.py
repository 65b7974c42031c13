"""What a capture costs grows with its packets, and what is kept of it does not.

Steps are counted instead of seconds: lines of Python that are run, in all views at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from tests.fuzz.targets import Everything, Octets
from tests.support.hostile import SHAPES, TO_SERVER, Maker, header
from tests.support.rdma_wire import Frame, pcap

from nfsrdma.dissector.base import effort
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking import connections, matching
from nfsrdma.dissector.tracking.events import PacketSeen

SIZE = 100


def pipeline_of(frames: list[Frame]) -> Pipeline:
    reader = reader_of(Octets(pcap(frames)))
    view = Everything(reader)
    return Pipeline(reader, view)


def lines_of(run: Callable[[], object]) -> int:
    lines = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("name", SHAPES)
def test_the_work_is_linear_in_the_packets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also once a search's budget is spent: a small one here, so that it is."""
    monkeypatch.setattr(effort, "FREE", 1000)
    lines_of(pipeline_of(SHAPES[name](4)).run)  # what is only done once
    few, many = (lines_of(pipeline_of(SHAPES[name](size)).run) for size in (SIZE, 4 * SIZE))
    # Four times the packets. What is quadratic would be 16 times the work, and the tables that are
    # searched from end to end (a few hundred entries) are not yet full at the smaller size.
    assert many < 7 * few


def test_who_has_spent_all_effort_is_told_once() -> None:
    told: list[int] = []
    budget = effort.Effort(lambda: 2, lambda: told.append(1))
    assert budget.spend(effort.FREE)
    assert budget.spend(2 * effort.FOR_EACH)
    assert not budget.spend(1)
    assert not budget.spend(1)
    assert (budget.refused, told) == (2, [1])


def test_flows_are_bounded_and_used_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scan over queue pairs does not make the one forgotten that is at work."""
    monkeypatch.setattr(connections, "MAX_FLOWS", 50)
    to = Maker()
    to.pair()
    for index in range(1000):
        to.packet(TO_SERVER + (index + 1 << 12), 5, 0x04, b"", header(index) + bytes(40))
        if not index % 10:
            to.call(2 + index // 10, 2 + index // 10)
            to.reply(2 + index // 10, 2 + index // 10)
    found: list[Any] = []
    pipeline = pipeline_of(to.frames)
    pipeline.events.exchanges.subscribe(found.append)
    pipeline.run()
    assert len(pipeline.connections._flows) <= 50
    assert len(pipeline.pairing.hosts) <= 50
    assert len(pipeline.pairing.connections) <= 50
    assert pipeline.connections.forgotten > 900
    assert sum(one.call is not None and one.reply is not None for one in found) == 101


def test_unanswered_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MAX_OPEN", 20)
    to = Maker()
    for index in range(100):
        to.call(1 + index, 1 + index)
    pipeline = pipeline_of(to.frames)
    most = 0

    def called(exchange: Any) -> None:
        nonlocal most
        most = max(most, len(pipeline.matching._open), len(exchange.requester.calls))

    pipeline.events.calls.subscribe(called)
    pipeline.run()
    assert most <= 20


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets of SENDs that never become complete, on many queue pairs."""
    monkeypatch.setattr(connections, "MAX_WAITING", 400)
    to = Maker()
    for index in range(1000):
        to.packet(TO_SERVER + (index % 50 << 12), 5 + index // 50, 0x00 if index < 50 else 0x01,
                  b"", bytes(64))  # fmt: skip
    pipeline = pipeline_of(to.frames)
    kept: list[int] = []

    def trimmed() -> None:
        pipeline.connections.trim(pipeline.reader.number)
        kept.append(sum(flow.weight() for flow in pipeline.connections.flows()))

    def seen(seen: PacketSeen) -> None:
        if not seen.packet.number % 100:
            trimmed()

    pipeline.events.packets.subscribe(seen)
    pipeline.run()
    assert max(kept) <= 400
    assert pipeline.connections.shed

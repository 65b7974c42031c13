"""The events of a pass: any number of subscribers, in order, and never one from inside another."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.captures import ROOT

from nfsrdma.dissector.base.finding import MAX_FINDINGS, Finding, Severity
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events, Findings, Signal
from nfsrdma.dissector.tracking.model import Connection, Exchange, Message
from nfsrdma.dissector.views.health import Health
from nfsrdma.dissector.views.latency.latency import Latency
from nfsrdma.dissector.views.line import LineView
from nfsrdma.dissector.views.lint import Lint
from nfsrdma.dissector.views.tree import TreeView

LINUX = ROOT / "tests" / "data" / "captures" / "linux"
CAPTURES = sorted(LINUX.glob("*.pcap"))


def test_subscribers_are_called_in_their_order() -> None:
    signal: Signal[int] = Signal()
    seen: list[tuple[str, int]] = []
    assert not signal
    signal.subscribe(lambda what: seen.append(("first", what)))
    signal.subscribe(lambda what: seen.append(("second", what)))
    assert signal
    signal.emit(1)
    signal.emit(2)
    assert seen == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_an_event_from_inside_of_itself_is_refused() -> None:
    signal: Signal[int] = Signal()
    signal.subscribe(signal.emit)
    with pytest.raises(AssertionError):
        signal.emit(1)


def test_findings_are_bounded() -> None:
    findings, seen = Findings(), list[Finding]()
    findings.subscribe(seen.append)
    for frame in range(MAX_FINDINGS + 2):
        findings.emit(Finding(frame, Severity.NOTE, "rule", ""))
    assert (len(seen), findings.count) == (MAX_FINDINGS, MAX_FINDINGS + 2)


def test_a_message_from_inside_of_another_is_refused() -> None:
    """The matching of calls and replies queues what one message causes, and never re-enters."""

    class Meddler:
        def subscribe(self, events: Events) -> None:
            events.exchanges.subscribe(self.exchange)

        def exchange(self, exchange: Exchange) -> None:
            side = exchange.requester
            assert exchange.call is not None
            pipeline.matching.send(Message(side, 1, 1, exchange.call.content))

    pipeline = Pipeline(open_capture(LINUX / "linux-client-v41.pcap"), Meddler())
    with pytest.raises(AssertionError, match="from inside"):
        pipeline.run()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_views_of_one_pass_do_not_change_each_other(path: Path) -> None:
    """What each view shows is the same alone and in company, whatever their order."""

    def lines(reverse: bool, alone: bool) -> list[str]:
        text: list[str] = []
        views = [LineView(text.append)]
        company = [] if alone else [Lint(lambda finding: None), Latency(), Health()]
        order = [*company, *views] if reverse else [*views, *company]
        Pipeline(open_capture(path), *order).run()
        return text

    assert lines(False, True) == lines(False, False) == lines(True, False)


def test_flows_and_pairs() -> None:
    pipeline = Pipeline(open_capture(LINUX / "linux-client-v41.pcap"))
    flows: list[tuple[str, str, int]] = []
    pairs: list[Connection] = []
    pipeline.events.flows.subscribe(lambda new: flows.append(new.flow.key))
    pipeline.events.pairs.subscribe(pairs.append)
    pipeline.run()
    assert len(flows) == 2 * len(pairs)
    assert flows[0][:2] == tuple(reversed(flows[1][:2]))
    assert [one.paired_by for one in pairs] == ["CM"] * len(pairs)


def test_the_tree_has_the_members_of_each_message_of_a_handshake() -> None:
    text: list[str] = []
    Pipeline(open_capture(LINUX / "rping.pcap"), TreeView(text.append)).run()
    shown = "".join(text)
    for name in ("REQ", "REP", "RTU", "DREQ", "DREP"):
        _, _, behind = shown.partition(f" CM {name}")
        assert behind.split("\n")[1].startswith("  local_comm_id: "), name

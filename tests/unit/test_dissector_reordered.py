"""Frames that are not in order in the file, and frames that are there twice."""

from __future__ import annotations

import random

import pytest
from tests.fuzz.targets import Octets
from tests.support.rdma_wire import Frame, Wire, do_getattr, do_read, do_write, pattern, pcap

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.capture.opening import reader_of
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import Exchange
from nfsrdma.dissector.views.lint import Lint
from nfsrdma.rpcrdma.transport.chunk import Segment

READ, WRITTEN = pattern(9000), pattern(7000, 3)


def conversation() -> list[Frame]:
    wire = Wire()
    wire.connect()
    for xid in range(0, 30, 3):
        do_getattr(wire, xid + 1)
        do_read(wire, xid + 2, READ, [Segment(7 + xid, 9000, 0)])
        do_write(wire, xid + 3, WRITTEN, [Segment(8 + xid, 7000, 0)])
    return wire.frames


class Seen:
    def __init__(self, frames: list[Frame]) -> None:
        self.exchanges: list[Exchange] = []
        self.findings: list[Finding] = []
        Pipeline(reader_of(Octets(pcap(frames, nano=True))), self).run()
        lint = Lint(self.findings.append)
        Pipeline(reader_of(Octets(pcap(frames, nano=True))), lint).run()

    def subscribe(self, events: Events) -> None:
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)

    def exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.findings += exchange.findings

    def finding(self, finding: Finding) -> None:
        self.findings.append(finding)

    def right(self) -> bool:
        answered = [one.xid for one in self.exchanges if one.call and one.reply]
        carried = [
            chunk.carried() == chunk.used_octets for one in self.exchanges for chunk in one.chunks
        ]
        return (
            sorted(answered) == list(range(1, 31))
            and len(self.exchanges) == 30
            and len(carried) == 20
            and all(carried)
            and not self.findings
        )


def swapped(frames: list[Frame], chance: random.Random) -> list[Frame]:
    """Neighbours change places, here and there."""
    out = frames[:2]
    rest = frames[2:]
    while rest:
        if len(rest) > 1 and chance.random() < 0.3:
            rest[0], rest[1] = rest[1], rest[0]
            out += rest[:2]
            rest = rest[2:]
        else:
            out.append(rest.pop(0))
    return out


@pytest.mark.parametrize("seed", range(10))
def test_neighbours_that_are_swapped(seed: int) -> None:
    assert Seen(swapped(conversation(), random.Random(seed))).right()


def test_what_really_is_missing_is_still_said() -> None:
    frames = conversation()
    data = next(i for i, frame in enumerate(frames) if frame.data[42] == 0x07)  # WRITE middle
    seen = Seen(frames[:data] + frames[data + 1 :])
    assert "capture-hole" in {one.rule for one in seen.findings}
    assert not [one for one in seen.findings if one.severity > 0]
    assert len(seen.exchanges) == 30


@pytest.mark.parametrize("late", [0, 1000, 30_000, 100_000])
def test_every_frame_twice(late: int) -> None:
    """As from a mirror of two ports."""
    frames = conversation()
    copies = [Frame(frame.time + late, frame.data) for frame in frames]
    both: list[Frame] = sorted(frames + copies, key=_time)
    assert Seen(both).right()


def _time(frame: Frame) -> int:
    return frame.time

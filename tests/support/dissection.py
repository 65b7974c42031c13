"""Runs the dissector over octets and keeps all that it shows."""

from __future__ import annotations

from pathlib import Path

from nfsrdma.dissector.base.finding import Finding
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import CmEvent, Exchange
from nfsrdma.dissector.views.extract import payloads


class Collected:
    """A view that keeps everything."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.events: list[CmEvent] = []
        self.found: list[Finding] = []
        self.pipeline: Pipeline | None = None

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)
        events.cm.subscribe(self.cm)
        events.findings.subscribe(self.finding)

    def exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def cm(self, event: CmEvent) -> None:
        self.events.append(event)

    def finding(self, finding: Finding) -> None:
        self.found.append(finding)

    @property
    def rules(self) -> list[str]:
        """The rules of all findings, sorted."""
        inner = [f.rule for exchange in self.exchanges for f in exchange.findings]
        return sorted([finding.rule for finding in self.found] + inner)

    def data(self, index: int = 0) -> bytes:
        """The bulk data of an exchange, zeros where it is not in the capture."""
        assert self.pipeline is not None
        source = self.pipeline.reader.source.view
        out = bytearray()
        for payload in payloads(self.exchanges[index]):
            part = bytearray(payload.length)

            def write(at: int, octets: memoryview, part: bytearray = part) -> None:
                part[at : at + len(octets)] = octets

            payload.write(source, write, 0)
            out += part
        return bytes(out)


def dissect(path: Path) -> Collected:
    """All that is in a file."""
    view = Collected()
    view.pipeline = Pipeline(open_capture(path), view)
    view.pipeline.run()
    return view


def dissect_octets(octets: bytes, folder: Path) -> Collected:
    """All that is in octets, by way of a file."""
    path = folder / "capture"
    path.write_bytes(octets)
    return dissect(path)

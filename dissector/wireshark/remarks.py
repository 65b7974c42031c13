"""Every finding, of the lint rules and of the decoder, by the frame that it concerns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..base.finding import MAX_FINDINGS, Finding, Severity
from ..base.text import printable
from ..capture.reader import Reader
from ..capture.rewrite import Output
from ..fields.fields import Fields, finding_fields
from ..tracking.events import Events, Totals
from ..tracking.model import Exchange
from ..views.lint import Lint
from ..views.lint.rules import RULES

PREFIX = "nfsrdma "
"""What each of our comments begins with; the Lua post-dissector looks for it."""
_MAX_TEXT = 1000


def remark(finding: Finding) -> str:
    """Return ``nfsrdma error: rule: text [RFC 8166, Section 4]``."""
    rule = RULES.get(finding.rule)
    source = f" [{rule.source}]" if rule is not None else ""
    octets = f", octets {finding.octets[0]} to {finding.octets[1]}" if finding.octets else ""
    text = printable(finding.text[:_MAX_TEXT])
    return f"{PREFIX}{finding.severity.name.lower()}: {finding.rule}: {text}{octets}{source}"


class Remarks:
    """A view that collects them; with ``wanted`` only those whose fields it accepts."""

    def __init__(self, wanted: Callable[[Fields], bool] | None = None) -> None:
        self._wanted = wanted
        self._lint = Lint(self._add, wanted)
        self.frames: dict[int, list[str]] = {}
        self.count = 0
        self.dropped = 0
        """How many there were beyond ``MAX_FINDINGS``."""

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        self._lint.subscribe_early(events)
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)
        events.closed.subscribe(self.close)

    def _add(self, finding: Finding) -> None:
        if self.count >= MAX_FINDINGS:
            self.dropped += 1
            return
        text = remark(finding)
        texts = self.frames.setdefault(finding.frame, [])
        if text not in texts:
            texts.append(text)
            self.count += 1

    def _decoded(self, finding: Finding) -> None:
        """Collect what the rules do not hand on: notes, and what is about the capture alone."""
        if finding.rule in RULES and finding.severity > Severity.NOTE:
            return
        if self._wanted is None or self._wanted(finding_fields(finding)):
            self._add(finding)

    def exchange(self, exchange: Exchange) -> None:
        """Collect the findings about an RPC."""
        self._lint.exchange(exchange)
        for finding in exchange.findings:
            self._decoded(finding)

    def finding(self, finding: Finding) -> None:
        """Collect a finding about no RPC."""
        self._lint.finding(finding)
        self._decoded(finding)

    def close(self, totals: Totals) -> None:
        """Collect what shows at the end."""
        self._lint.close(totals)


class Annotator:
    """An editor that adds comments to frames and changes nothing else."""

    def __init__(self, remarks: dict[int, list[str]]) -> None:
        self._remarks = remarks

    def link_type(self, link_type: int) -> int:
        """Return the link type as it is."""
        return link_type

    def frame(self, reader: Reader) -> Sequence[Output] | None:
        """Return a frame with its comments, or ``None`` if it has none."""
        comments = self._remarks.get(reader.number)
        if comments is None:
            return None
        start = reader.offset
        return (Output(reader.view[start : start + reader.captured], reader.original, comments),)

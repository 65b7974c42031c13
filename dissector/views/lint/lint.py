"""All rules, as a view of the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...base.finding import Finding, Severity
from ...fields.fields import Fields, finding_fields
from ...messages.rpcrdma import VERSION_2
from ...tracking.events import Events, Totals
from ...tracking.intact import complete
from ...tracking.model import Exchange, RdmaOp
from .chunks import check_chunks
from .connection import Credits, Memory, Xids
from .headers import check_headers
from .rules import RULES, found
from .sessions import Sessions

_GENERAL = frozenset(("chunk-length", "undecoded"))
"""What the decoder says of an exchange; a rule that names the reason makes it superfluous."""


class Lint:
    """Gives each finding of a rule to ``emit``, and counts them by severity.

    With ``wanted``, only those whose fields it accepts.
    """

    def __init__(
        self,
        emit: Callable[[Finding], object],
        wanted: Callable[[Fields], bool] | None = None,
    ) -> None:
        self._emit = emit
        self._wanted = wanted
        self._credits = Credits()
        self._memory = Memory()
        self._sessions = Sessions()
        self._xids = Xids()
        self.counts = dict.fromkeys(Severity, 0)
        self.missing = 0
        """Packets that the capture is known not to have."""

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        self.subscribe_early(events)
        events.exchanges.subscribe(self.exchange)
        events.findings.subscribe(self.finding)
        events.closed.subscribe(self.close)

    def subscribe_early(self, events: Events) -> None:
        """Subscribe to what is seen before an RPC is over.

        For a view that has rules checked, and calls the other methods when it is their turn.
        """
        events.calls.subscribe(self._called)
        events.loose.subscribe(self._loose)

    def _called(self, exchange: Exchange) -> None:
        if not _is_second(exchange):
            self._credits.called(exchange)

    def _loose(self, op: RdmaOp) -> None:
        self._all(self._memory.loose(op))

    def _all(self, findings: Iterator[Finding]) -> int:
        """Hand on findings; how many there were, wanted or not."""
        count = 0
        for finding in findings:
            count += 1
            if self._wanted is not None and not self._wanted(finding_fields(finding)):
                continue
            self.counts[finding.severity] += 1
            self._emit(finding)
        return count

    def exchange(self, exchange: Exchange) -> None:
        """Check a call and its reply, or what there is of them."""
        if not exchange.rdma or _is_second(exchange):
            return
        whole = complete(exchange.requester.connection)
        count = self._all(check_headers(exchange))
        count += self._all(check_chunks(exchange, whole))
        count += self._all(self._memory.answered(exchange))
        count += self._all(self._xids.answered(exchange))
        count += self._all(self._sessions.check(exchange))
        count += self._all(self._credits.granted(exchange))
        headers = (exchange.call_header, exchange.reply_header)
        named = count or any(header is not None and header.fault for header in headers)
        self._all(
            finding
            for finding in exchange.findings
            if finding.rule in RULES and not (named and finding.rule in _GENERAL)
        )

    def finding(self, finding: Finding) -> None:
        """Take a finding about a message that belongs to no exchange."""
        if finding.rule == "rdma-done":
            finding = found(finding.frame, "procedure-obsolete", "RDMA_DONE", (12, 16))
        if finding.rule in RULES and finding.severity > Severity.NOTE:
            self._all(iter((finding,)))

    def close(self, totals: Totals) -> None:
        """Report what no reply has claimed; learn what the capture does not have."""
        self._all(self._credits.close())
        self._all(self._memory.close())
        self._all(self._xids.close())
        self.missing = totals.missing


def _is_second(exchange: Exchange) -> bool:
    """Return whether an RPC is of RPC-over-RDMA version 2, which has other rules."""
    header = exchange.call_header or exchange.reply_header
    return header is not None and header.version == VERSION_2

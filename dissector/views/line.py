"""One line for each RPC: what a terminal shows, and what grep works on."""

from __future__ import annotations

from collections.abc import Callable

from ..base.finding import Finding, Severity
from ..base.text import PLAIN, Paint, printable
from ..fields import summary
from ..tracking.events import Events, Totals
from ..tracking.model import CmEvent, Exchange

MARKS = {Severity.NOTE: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
_FINE = frozenset(("OK", "reply"))


class LineView:
    """Writes lines to ``write``; times count from when ``began`` says that frame 1 was.

    Without it they count from the first thing shown. ``paint`` is for terminals.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        brief: bool = True,
        began: Callable[[], int] | None = None,
        paint: Paint = PLAIN,
    ) -> None:
        self._write = write
        self._paint = paint
        self._brief = brief
        self._began = began
        self._start: int | None = None
        self.shown = 0
        """RPCs; at the end it says that there was none."""

    def _clock(self, time: int) -> str:
        if self._start is None:
            self._start = self._began() if self._began is not None else time
        return f"{(time - self._start) / 1e9:12.6f}"

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)
        events.cm.subscribe(self.cm)
        events.findings.subscribe(self.finding)
        events.closed.subscribe(self.close)

    def exchange(self, exchange: Exchange) -> None:
        """Show an RPC, and what was found about it."""
        self.shown += 1
        self._write(self.line(exchange) + "\n")
        for finding in exchange.findings:
            self.finding(finding)

    def line(self, exchange: Exchange) -> str:
        """Return ``call>reply time source -> destination protocol operations status ...``.

        What is known of the file comes last: a path may have spaces in it.
        """
        call, reply = exchange.call, exchange.reply
        frames = f"{call.frame if call else '?'}>{reply.frame if reply else '?'}"
        requester, responder = exchange.requester, exchange.responder
        server = responder.address if responder else requester.towards or "?"
        client = requester.address or "?"
        status = summary.status(exchange)
        if status not in _FINE:
            status = f"{self._paint.error}{status}{self._paint.end}"
        line = (
            f"{frames:>13} {self._clock(exchange.time_ns)} {client} -> {server} "
            f"{summary.protocol(exchange)} {summary.operations(exchange, self._brief)}"
            f" {status}"
        )
        carried = summary.chunks(exchange)
        if carried:
            line += f" [{carried}]"
        asked = call.length if call is not None else "-"
        done = reply.length if reply is not None else "-"
        line += f" {asked}/{done}"
        latency = exchange.latency_ns
        if latency is not None:
            line += f" {summary.duration(latency)}"
        if not exchange.paths:
            return line
        return f"{line} {self._paint.path}{summary.path(exchange)}{self._paint.end}"

    def cm(self, event: CmEvent) -> None:
        """Show a message of the connection manager."""
        self._write(
            f"{event.frame:>13} {self._clock(event.time_ns)} {event.source} -> {event.destination} "
            f"CM {printable(event.summary)}\n"
        )

    def finding(self, finding: Finding) -> None:
        """Show a finding."""
        mark = MARKS[finding.severity]
        color = getattr(self._paint, mark)
        self._write(
            f"{finding.frame:>13} {color}{mark}{self._paint.end}: {finding.rule}: "
            f"{printable(finding.text)}\n"
        )

    def close(self, totals: Totals) -> None:
        """Say so if there was no RPC."""
        if not self.shown:
            kinds = totals.kinds
            packets = sum(kinds.values()) - kinds[-1]
            self._write(f"no RPC found: {packets} RDMA packets, {kinds[-1]} others\n")

"""Only what a display filter lets through to another view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..base.finding import Finding
from ..fields.derived import asked_of_cm, asked_of_message, keep_for
from ..fields.fields import Fields, finding_fields
from ..filter import Filter
from ..tracking.events import Events, Findings, Signal, Totals, View
from ..tracking.model import CmEvent, Exchange


def fits(exchange: Exchange, wanted: Filter) -> bool:
    """Return whether the call or the reply of an RPC is what a filter wants."""
    return wanted.any(_messages(exchange, wanted))


def _messages(exchange: Exchange, wanted: Filter) -> Iterator[Fields]:
    for message in (exchange.call, exchange.reply):
        if message is not None:
            yield asked_of_message(exchange, message, wanted.derived, wanted.began_ns())


class FilteredView:
    """Hands on an RPC if its call or its reply fits; calls, packets and flows all of them.

    With ``closes`` also the end, of which a list would only say that it was shown nothing.
    """

    def __init__(self, view: View, wanted: Filter, *, closes: bool = False) -> None:
        self._view = view
        self._wanted = wanted
        self._closes = closes
        self._exchanges: Signal[Exchange] = Signal()
        self._cm: Signal[CmEvent] = Signal()
        self._findings = Findings()
        self._closed: Signal[Totals] = Signal()

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        keep_for(events, self._wanted.derived)
        events.exchanges.subscribe(self._exchange)
        events.cm.subscribe(self._handshake)
        events.findings.subscribe(self._finding)
        if self._closes:
            events.closed.subscribe(self._closed.emit)
        self._view.subscribe(
            replace(
                events,
                exchanges=self._exchanges,
                cm=self._cm,
                findings=self._findings,
                closed=self._closed,
            )
        )

    def _exchange(self, exchange: Exchange) -> None:
        if fits(exchange, self._wanted):
            self._exchanges.emit(exchange)

    def _handshake(self, event: CmEvent) -> None:
        if self._wanted(asked_of_cm(event, self._wanted.derived, self._wanted.began_ns())):
            self._cm.emit(event)

    def _finding(self, finding: Finding) -> None:
        if self._wanted(finding_fields(finding)):
            self._findings.emit(finding)

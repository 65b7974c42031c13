"""Only what a display filter lets through to another view."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..fields.derived import asked_of_cm, asked_of_message
from ..fields.fields import Fields, finding_fields
from ..tracking.exchange import Exchange
from ..tracking.model import CmEvent, Finding

if TYPE_CHECKING:
    from ..fields.filter import Filter
    from ..pipeline import Pipeline, View


class FilteredView:
    """Hands on an RPC if its call or its reply fits.

    With ``closes`` also the end, of which a list would only say that it was shown nothing.
    """

    def __init__(self, view: View, wanted: Filter, *, closes: bool = False) -> None:
        self._closes = closes
        self._view = view
        self._wanted = wanted

    def exchange(self, exchange: Exchange) -> None:
        if self._wanted.any(self._messages(exchange)):
            self._view.exchange(exchange)

    def _messages(self, exchange: Exchange) -> Iterator[Fields]:
        wanted = self._wanted
        for message in (exchange.call, exchange.reply):
            if message is not None:
                yield asked_of_message(exchange, message, wanted.derived, wanted.began())

    def cm(self, event: CmEvent) -> None:
        if self._wanted(asked_of_cm(event, self._wanted.derived, self._wanted.began())):
            self._view.cm(event)

    def finding(self, finding: Finding) -> None:
        if self._wanted(finding_fields(finding)):
            self._view.finding(finding)

    def close(self, pipeline: Pipeline) -> None:
        if self._closes:
            self._view.close(pipeline)

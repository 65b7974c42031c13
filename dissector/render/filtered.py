"""Only what a display filter lets through to another view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..exchange import Exchange
from ..model import CmEvent, Finding
from .fields import Fields, finding_fields, message_fields

if TYPE_CHECKING:
    from ..pipeline import Pipeline, View


class FilteredView:
    """Hands on an RPC if its call or its reply fits."""

    def __init__(self, view: View, wanted: Callable[[Fields], bool]) -> None:
        self._view = view
        self._wanted = wanted

    def exchange(self, exchange: Exchange) -> None:
        for message in (exchange.call, exchange.reply):
            if message is not None and self._wanted(message_fields(exchange, message)):
                self._view.exchange(exchange)
                return

    def cm(self, event: CmEvent) -> None:
        fields = {"frame.number": event.frame, "ip.src": event.source, "ip.dst": event.destination}
        if self._wanted({**fields, "nfsrdma.cm": event.name}):
            self._view.cm(event)

    def finding(self, finding: Finding) -> None:
        if self._wanted(finding_fields(finding)):
            self._view.finding(finding)

    def close(self, pipeline: Pipeline) -> None:
        """The view below would only say that it was shown nothing."""

"""Several views of one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..base.packet import Packet
from ..tracking.exchange import Exchange
from ..tracking.model import CmEvent, Finding

if TYPE_CHECKING:
    from ..pipeline import Observer, Pipeline, View


class Views:
    """Shows each of them everything, in their order."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views

    def exchange(self, exchange: Exchange) -> None:
        for view in self._views:
            view.exchange(exchange)

    def cm(self, event: CmEvent) -> None:
        for view in self._views:
            view.cm(event)

    def finding(self, finding: Finding) -> None:
        for view in self._views:
            view.finding(finding)

    def close(self, pipeline: Pipeline) -> None:
        for view in self._views:
            view.close(pipeline)


class Observers:
    """Two who are shown every packet."""

    def __init__(self, first: Observer, second: Observer) -> None:
        self._first = first
        self._second = second

    def packet(self, packet: Packet, operation: int, followers: int, time: int) -> None:
        self._first.packet(packet, operation, followers, time)
        self._second.packet(packet, operation, followers, time)

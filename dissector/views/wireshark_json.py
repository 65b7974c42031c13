"""Each message as ``tshark -T json`` writes it: one array, fields by layer, values as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..fields.derived import asked_of_message, derived_names, keep_for
from ..fields.wireshark_form import whole
from ..filter import Filter
from ..tracking.events import Events, Totals
from ..tracking.model import Exchange

_encode = json.JSONEncoder(ensure_ascii=False).encode


class WiresharkJsonView:
    """Writes the messages that ``wanted`` lets through, in the order in which RPCs end.

    A field that is there several times is a list; Wireshark repeats the key, which few can read.
    """

    def __init__(
        self, write: Callable[[str], object], wanted: Filter | None, began: Callable[[], int]
    ) -> None:
        self._write = write
        self._wanted = wanted
        self._began = began
        self._first = True

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        keep_for(events, derived_names())
        events.exchanges.subscribe(self.exchange)
        events.closed.subscribe(self.close)

    def exchange(self, exchange: Exchange) -> None:
        """Show the messages of an RPC."""
        wanted = self._wanted
        for message in (exchange.call, exchange.reply):
            if message is None:
                continue
            if wanted is not None and not wanted(
                asked_of_message(exchange, message, wanted.derived, self._began())
            ):
                continue
            layers = {
                layer: {name: _one(values) for name, values in fields.items()}
                for layer, fields in whole(exchange, message, self._began()).items()
            }
            self._write("[\n" if self._first else ",\n")
            self._first = False
            self._write(_encode({"_index": "packets", "_source": {"layers": layers}}))

    def close(self, totals: Totals) -> None:
        """End the array."""
        self._write("[]\n" if self._first else "\n]\n")


def _one(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values

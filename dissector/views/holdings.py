"""Opens, locks and delegations over time: who held what, from when to when."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from ..fields.summary import duration, many
from ..tracking.events import Events
from ..tracking.holdings import Holding, Holdings, octets_of, still_held


class HoldingList:
    """What clients held, in the order in which it was granted."""

    def __init__(self, began: Callable[[], int]) -> None:
        self.holdings = Holdings()
        self._began = began

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.holdings.exchange)

    def text(self) -> Iterator[str]:
        """Give a line for each, and how much was still held at the end."""
        holdings, began = self.holdings, self._began()
        if not holdings.all:
            yield "no opens, locks or delegations were granted in this capture\n"
            return
        yield f"{'from (s)':>12} {'to (s)':>12}  {'client':<15} {'kind':<10} what\n"
        for one in holdings.all:
            end = f"{(one.end_ns - began) / 1e9:.6f}" if one.ended_by else "held"
            yield (
                f"{(one.start_ns - began) / 1e9:>12.6f} {end:>12}  {one.client:<15} "
                f"{one.kind:<10} {_words(one)}\n"
            )
        kept, held = len(holdings.all), sum(1 for _ in still_held(holdings))
        more = f", of {holdings.total} granted" if holdings.total > kept else ""
        yield f"{many(kept, 'state')}{more}; {held} still held at the end of the capture\n"

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each; times in nanoseconds after the first frame."""
        began = self._began()
        for one in self.holdings.all:
            fields: dict[str, object] = {
                "record": "state", "kind": one.kind, "client": one.client, "file": one.file,
                "mode": one.mode, "frame": one.frame, "start_ns": one.start_ns - began,
                "end_frame": one.end_frame or None,
                "end_ns": one.end_ns - began if one.ended_by else None,
                "ended_by": one.ended_by or None,
                "recalled_frame": one.recalled_frame or None,
                "recalled_ns": one.recalled_ns - began if one.recalled_ns else None,
                "octets": octets_of(one) or None,
            }  # fmt: skip
            yield json.dumps(fields, separators=(",", ":")) + "\n"


def _words(one: Holding) -> str:
    octets = octets_of(one)
    words = f"{one.mode}{f' {octets}' if octets else ''} of {one.file} (frame {one.frame}"
    if one.recalled_ns:
        words += f", recalled in {one.recalled_frame}"
    if one.ended_by:
        words += f", {one.ended_by} in {one.end_frame}"
        if one.recalled_ns:
            words += f" {duration(max(0, one.end_ns - one.recalled_ns))} later"
    return words + ")"

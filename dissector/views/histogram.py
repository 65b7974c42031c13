"""How the times from call to reply are spread, for each operation: bars in a logarithmic scale."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..fields.summary import duration, many
from ..tracking.events import Events
from ..tracking.model import Exchange
from .bars import bar
from .latency.latency import main_operation
from .latency.measure import Times

MAX_OPERATIONS = 64
"""Operations that are told apart; others are counted together."""
OTHERS = "others"
_STEPS = (1, 2, 5)
_WIDTH = 40
_EXACT = 4096


def bounds(time: int) -> tuple[int, int]:
    """Return the range that a time is counted in: from 1, 2 or 5 times a power of ten."""
    power = 10 ** (len(str(max(1, time))) - 1)
    low = max(step * power for step in _STEPS if step * power <= max(1, time))
    following = {1: 2, 2: 5, 5: 10}[low // power]
    return low, following * power


class Histogram:
    """The spread of the times from call to reply. ``blocks``: whether the terminal has blocks."""

    def __init__(self, *, blocks: bool = True) -> None:
        self.times: dict[str, Times] = {}
        """By operation."""
        self._blocks = blocks

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC."""
        call, reply, latency = exchange.call, exchange.reply, exchange.latency_ns
        if call is None or reply is None or latency is None:
            return
        name = main_operation(exchange)
        if name not in self.times and len(self.times) >= MAX_OPERATIONS:
            name = OTHERS
        self.times.setdefault(name, Times(_EXACT)).add(max(0, latency), call.frame, reply.frame)

    def ranges(self, name: str) -> list[tuple[int, int, int]]:
        """Return low, high and number of each range of times, those without any between others."""
        counts: dict[tuple[int, int], int] = {}
        for time, count in self.times[name].counted():
            where = bounds(time)
            counts[where] = counts.get(where, 0) + count
        found = []
        low, high = min(counts)
        last = max(counts)
        while (low, high) <= last:
            found.append((low, high, counts.get((low, high), 0)))
            low, high = bounds(high)
        return found

    def names(self) -> list[str]:
        """Return the operations, those with the most RPCs first."""
        return sorted(self.times, key=lambda name: (-len(self.times[name]), name))

    def text(self) -> Iterator[str]:
        """Give a block of lines for each operation."""
        for name in self.names():
            spread = self.times[name].spread()
            if spread is None:
                continue
            yield (
                f"{name}: {many(spread.calls, 'RPC')}, median {duration(spread.median)}, 99 of 100 "
                f"within {duration(spread.p99)}, worst {duration(spread.worst)} "
                f"(frame {spread.call_frame})\n"
            )
            ranges = self.ranges(name)
            most = max(count for *_, count in ranges)
            for low, high, count in ranges:
                drawn = bar(count, most, _WIDTH, blocks=self._blocks)
                share = 100 * count / spread.calls
                label = f"{duration(low)} - {duration(high)}"
                yield f"{label:>21} {drawn} {count:>8} {share:>5.1f} %\n"
            yield "\n"

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each operation; times in nanoseconds."""
        for name in self.names():
            spread = self.times[name].spread()
            fields = {
                "record": "histogram",
                "operation": name,
                "calls": spread.calls if spread is not None else 0,
                "ranges": [
                    {"from_ns": low, "below_ns": high, "calls": count}
                    for low, high, count in self.ranges(name)
                ],
            }
            yield json.dumps(fields, separators=(",", ":")) + "\n"

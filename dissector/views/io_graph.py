"""What was read, written and called over time: a line for each stretch of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..fields.summary import amount, status
from ..tracking.events import Events
from ..tracking.model import Exchange
from .bars import bar
from .latency.measure import Timeline
from .totals import moved

STRETCHES = 48
"""The most lines; stretches become longer with the capture."""
_WIDTH = 22


class Stretch(NamedTuple):
    """What ended in a stretch of time; times in nanoseconds."""

    start: int
    """After the first frame."""
    width: int
    calls: int
    read: int
    """Octets of files."""
    written: int
    errors: int
    slowest: int
    """The longest time from call to reply."""


class IoGraph:
    """I/O over time. ``blocks``: whether the terminal has blocks."""

    def __init__(
        self, began: Callable[[], int], *, blocks: bool = True, stretches: int = STRETCHES
    ) -> None:
        self._began = began
        self._blocks = blocks
        self._lines = [Timeline(stretches) for _ in range(5)]

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC at the time of its last message."""
        message = exchange.reply or exchange.call
        if message is None:
            return
        if not self._lines[0].sums:
            for line in self._lines:
                line.add(self._began(), 0)
        octets = moved(exchange)
        failed = exchange.reply is not None and status(exchange) not in ("OK", "reply")
        # Each line is told of each RPC, so that their stretches are the same.
        values = (1, octets.read, octets.written, int(failed), max(0, exchange.latency_ns or 0))
        for line, value in zip(self._lines, values, strict=True):
            line.add(message.time_ns, value)

    def stretches(self) -> Iterator[Stretch]:
        """Give the stretches in order."""
        first = self._lines[0]
        calls, read, written, errors, _ = (line.sums for line in self._lines)
        slowest = self._lines[-1].peaks
        for index in range(len(first.sums)):
            yield Stretch(
                index * first.width, first.width, calls[index], read[index], written[index],
                errors[index], slowest[index],
            )  # fmt: skip

    def text(self) -> Iterator[str]:
        """Give a head, and a line for each stretch."""
        stretches = list(self.stretches())
        if not stretches:
            yield "no RPCs\n"
            return
        width = stretches[0].width / 1e9
        yield f"{'from (s)':>12} {'RPCs/s':>9}  {'read':<33} {'written':<33} errors\n"
        most = max(1, *(one.read for one in stretches), *(one.written for one in stretches))
        for one in stretches:
            rates = "".join(
                f" {bar(octets, most, _WIDTH, blocks=self._blocks)} "
                f"{amount(round(octets / width)) + '/s' if octets else '':<10}"
                for octets in (one.read, one.written)
            )
            errors = f"{one.errors}" if one.errors else ""
            line = f"{one.start / 1e9:>12.6f} {one.calls / width:>9.4g} {rates} {errors}"
            yield line.rstrip() + "\n"

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each stretch; times in nanoseconds."""
        for one in self.stretches():
            fields = {
                "record": "stretch", "start_ns": one.start, "width_ns": one.width,
                "calls": one.calls, "read": one.read, "written": one.written,
                "errors": one.errors, "slowest_ns": one.slowest,
            }  # fmt: skip
            yield json.dumps(fields, separators=(",", ":")) + "\n"

"""Short answers about a capture as a whole: its slowest RPCs, and its connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from heapq import heappush, heapreplace
from typing import Protocol

from ..base.text import PLAIN, Paint
from ..fields.summary import amount, duration, status
from ..tracking.events import Events, View
from ..tracking.model import Exchange
from .latency.latency import CHAIN, marks
from .line import LineView

MAX_CONNECTIONS = 16_384
"""Connections that are counted; what comes later is not."""


class Answer(View, Protocol):
    """A view of the capture as a whole that is written after the pass."""

    def text(self) -> Iterator[str]:
        """Give lines of text."""
        ...

    def objects(self) -> Iterator[str]:
        """Give lines of JSON."""
        ...


class Slowest:
    """The ``count`` RPCs that took longest, each with the stage in which most of its time went."""

    def __init__(self, count: int, began: Callable[[], int], paint: Paint = PLAIN) -> None:
        self._count = count
        self._line = LineView(str, began=began, paint=paint)
        self._heap: list[tuple[int, int, str, str, int]] = []

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Keep an RPC if it is among the slowest."""
        latency = exchange.latency_ns
        if latency is None or (len(self._heap) == self._count and latency <= self._heap[0][0]):
            return
        mark = marks(exchange)
        stages = mark.stages() if mark is not None else {}
        stage = max((one for one in CHAIN if one in stages), key=stages.__getitem__, default="")
        line = self._line.line(exchange)
        entry = latency, -exchange.number, line, stage, stages.get(stage, 0)
        put = heappush if len(self._heap) < self._count else heapreplace
        put(self._heap, entry)

    def text(self) -> Iterator[str]:
        """Give a line for each, the slowest first."""
        for _, _, line, stage, took in sorted(self._heap, reverse=True):
            yield f"{line} ({stage} {duration(took)})\n" if stage else f"{line}\n"

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each, the slowest first."""
        for latency, _, line, stage, took in sorted(self._heap, reverse=True):
            fields = {"record": "slow", "rpc": line.strip(), "reply_ns": latency,
                      "stage": stage or None, "stage_ns": took}  # fmt: skip
            yield json.dumps(fields, separators=(",", ":")) + "\n"


@dataclass(slots=True)
class ConnectionRow:
    """What a connection was, and what it was used for."""

    number: int
    transport: str
    first: str
    second: str
    port: int
    frame: int
    calls: int = 0
    callbacks: int = 0
    unanswered: int = 0
    errors: int = 0
    octets: int = 0
    """By RDMA."""


class ConnectionList:
    """Each connection that had an RPC, in the order of their first frames."""

    def __init__(self) -> None:
        self.rows: dict[int, ConnectionRow] = {}

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC for its connection."""
        connection = exchange.requester.connection
        row = self.rows.get(connection.number)
        if row is None:
            if len(self.rows) >= MAX_CONNECTIONS:
                return
            first, second = connection.first, connection.second
            row = self.rows[connection.number] = ConnectionRow(
                connection.number, connection.transport.label,
                first.address if first is not None else "",
                second.address if second is not None else first.towards if first else "",
                second.port if second is not None else 0, connection.frame,
            )  # fmt: skip
        row.calls += not exchange.callback
        row.callbacks += exchange.callback
        row.unanswered += exchange.reply is None
        row.errors += exchange.reply is not None and status(exchange) != "OK"
        row.octets += sum(chunk.used_octets for chunk in exchange.chunks)

    def text(self) -> Iterator[str]:
        """Give a line for each connection."""
        for row in sorted(self.rows.values(), key=lambda one: one.frame):
            port = f" port {row.port}" if row.port else ""
            words = f"{row.calls} calls, {row.callbacks} callbacks, {row.errors} with errors"
            if row.unanswered:
                words += f", {row.unanswered} without a reply"
            yield (
                f"{row.number:>5} {row.transport:<6} {row.first or '?'} -> {row.second or '?'}"
                f"{port} from frame {row.frame}: {words}, {amount(row.octets)} by RDMA\n"
            )

    def objects(self) -> Iterator[str]:
        """Give a JSON object for each connection."""
        for row in sorted(self.rows.values(), key=lambda one: one.frame):
            fields = {"record": "connection", **asdict(row)}
            yield json.dumps(fields, separators=(",", ":")) + "\n"

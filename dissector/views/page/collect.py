"""Collects what the page shows, while the pipeline runs: RPCs, findings, health, latency."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from nfsrdma.rpcrdma.roce.wire.psn import wrap

from ...base.finding import Finding, Severity
from ...base.text import printable
from ...fields.derived import derived_names, keep_for, parts_of_message
from ...fields.kinds import wireshark_fields
from ...fields.labels import labels
from ...fields.names import known
from ...tracking.events import Events, Totals
from ...tracking.holdings import Holdings, octets_of
from ...tracking.model import CmEvent, Connection, Exchange, Side
from ..health import Health
from ..latency.latency import CHAIN, STAGES, Latency
from ..latency.measure import Timeline
from ..lint import RULES, Lint
from .columns import Columns, field_table
from .octets import Octets
from .rows import MAX_TEXT, NOTHING, PageRow, Rows
from .tables import Strings, Table
from .types import specification

MAX_RPCS = 250_000
"""RPCs in one page; what comes later is counted only."""
MAX_FOUND = 20_000
MAX_CM = 2_000
MAX_CONNECTIONS = 2_000
MAX_EARLY = 4_096
"""Findings about calls whose RPC is not over."""
_PENDING = 1024


class PageView:
    """A view that collects; :meth:`data` returns what the page needs.

    ``source`` gives the octets of the capture, ``began`` when its frame 1 was.
    """

    def __init__(self, source: Callable[[], memoryview], began: Callable[[], int]) -> None:
        self._source = source
        self._began = began
        self.calls, self.replies = Columns(), Columns()
        """The fields of the messages."""
        self.octets = Octets()
        self.holdings = Holdings()
        self.strings = Strings()
        self.rows = Rows(self.strings)
        self.health = Health()
        self.total = 0
        """RPCs in the capture."""
        self.found = Table(("frame", "rpc", "severity", "rule", "text", "start", "end"))
        self.found_total = 0
        self._lint = Lint(self._finding)
        self._row: PageRow | None = None
        self._pending: deque[PageRow] = deque()
        self._depths: dict[int, int] = {}
        self._early: dict[int, list[Finding]] = {}
        """Of no RPC yet, by frame."""
        self._early_count = 0
        self._numbers: dict[int, int] = {}
        """Rows by the number of their exchange."""
        self._sides: dict[int, Connection] = {}
        self._cm: list[tuple[int, int, str, str, str]] = []
        self._totals: Totals | None = None

    @property
    def latency(self) -> Latency:
        """The times of the RPCs."""
        return self.health.latency

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        keep_for(events, derived_names())
        self._lint.subscribe_early(events)
        self.health.subscribe_early(events)
        events.calls.subscribe(self._called)
        events.exchanges.subscribe(self.exchange)
        events.cm.subscribe(self.cm)
        events.findings.subscribe(self.finding)
        events.closed.subscribe(self.close)

    # --- What the pipeline shows ---

    def _called(self, exchange: Exchange) -> None:
        self._depths[exchange.number] = len(exchange.requester.calls)

    def exchange(self, exchange: Exchange) -> None:
        """Take an RPC that is over."""
        self.total += 1
        depth = self._depths.pop(exchange.number, 0)
        self.health.exchange(exchange)
        self.holdings.exchange(exchange)
        if len(self.rows.rpcs) < MAX_RPCS:
            row = self._row = self.rows.add(exchange, depth, self._messages(exchange))
            self._numbers[exchange.number] = row.place
            self._sides[exchange.requester.connection.number] = exchange.requester.connection
            self._pending.append(row)
            while self._pending and (self._acknowledged() or len(self._pending) > _PENDING):
                self.rows.confirmed(self._pending.popleft())
        self._take_early(exchange)
        self._lint.exchange(exchange)
        for finding in exchange.findings:
            if finding.rule not in RULES:
                self._finding(finding)
        self._row = None

    def _messages(self, exchange: Exchange) -> tuple[int, ...]:
        """Keep the fields of an RPC's messages, and their octets; return where the octets are."""
        row, source = len(self.rows.rpcs), self._source()
        for message, columns in ((exchange.call, self.calls), (exchange.reply, self.replies)):
            if message is not None:
                parts = parts_of_message(exchange, message, self._began())
                columns.add(row, *parts)
        return (
            *self.octets.add(exchange, exchange.call, source),
            *self.octets.add(exchange, exchange.reply, source),
        )

    def _acknowledged(self) -> bool:
        row = self._pending[0]
        return row.reply is None or bool(row.reply.ack_time_ns)

    def cm(self, event: CmEvent) -> None:
        """Take a message of a handshake."""
        if len(self._cm) < MAX_CM:
            summary = printable(event.summary)[:MAX_TEXT]
            self._cm.append((event.frame, event.time_ns, event.source, event.destination, summary))

    def finding(self, finding: Finding) -> None:
        """Take a finding about something that is no RPC, or of which that is not known."""
        self._lint.finding(finding)
        told = finding.rule in RULES and finding.severity > Severity.NOTE
        if not told and finding.rule != "rdma-done":  # which lint has another name for
            self._finding(finding)

    def _finding(self, finding: Finding) -> None:
        self.found_total += 1
        if self._row is None and self._early_count < MAX_EARLY:
            self._early.setdefault(finding.frame, []).append(finding)
            self._early_count += 1
            return
        self._put(finding, self._row.place if self._row is not None else NOTHING)

    def _take_early(self, exchange: Exchange) -> None:
        """Take what was found about its messages before it was over."""
        if not self._early or self._row is None:
            return
        for message in (exchange.call, exchange.reply):
            for finding in self._early.pop(message.frame, ()) if message else ():
                self._early_count -= 1
                self._put(finding, self._row.place)

    def _put(self, finding: Finding, row: int) -> None:
        if len(self.found) >= MAX_FOUND:
            return
        start, end = finding.octets or (NOTHING, NOTHING)
        self.found.add(
            finding.frame, row, int(finding.severity), self.strings.add(finding.rule),
            self.strings.add(printable(finding.text)[:MAX_TEXT]), start, end,
        )  # fmt: skip

    def close(self, totals: Totals) -> None:
        """Sort by time: nothing more will come."""
        self._totals = totals
        self._lint.close(totals)
        self.health.close(totals)
        while self._pending:
            self.rows.confirmed(self._pending.popleft())
        for findings in self._early.values():
            for finding in findings:
                self._put(finding, NOTHING)
        self._early.clear()
        times = self.rows.rpcs.column("time")
        order = sorted(range(len(times)), key=times.__getitem__)
        place = {old: new for new, old in enumerate(order)}
        self.rows.rpcs.arranged(order)
        self._numbers = {number: place[row] for number, row in self._numbers.items()}
        rows = self.found.column("rpc")
        for index, row in enumerate(rows):
            if row >= 0:
                rows[index] = place[row]
        by_frame = sorted(range(len(self.found)), key=self.found.column("frame").__getitem__)
        self.found.arranged(by_frame)

    # --- What the page needs ---

    def data(self, name: str) -> dict[str, object]:
        """Return everything, to be written as JSON. Times are nanoseconds after ``start``."""
        totals = self._totals
        rpcs = self.rows.rpcs
        times = rpcs.column("time")
        start = totals.began_ns if totals is not None else 0
        for index, time in enumerate(times):
            times[index] = time - start
        kinds = totals.kinds if totals is not None else {}
        packets = sum(kinds.values())
        said = set(self.strings.all)
        rules = {
            rule.id: [rule.severity, rule.source, rule.text]
            for rule in RULES.values()
            if rule.id in said
        }
        return {
            "file": name,
            "start": [start // 10**9, start % 10**9],
            "packets": packets,
            "others": kinds.get(-1, 0),
            "total": self.total,
            "shortened": self.rows.shortened,
            "found_total": self.found_total,
            "missing": self._lint.missing,
            "columns": [self.calls.data(), self.replies.data()],
            "fields": field_table(),
            "unknown_fields": sorted(wireshark_fields().keys() - known().keys()),
            "labels": labels(),
            "octets": self.octets.data(),
            "types": specification(),
            "rpc": rpcs.as_dict(),
            "op": self.rows.ops.as_dict(),
            "piece": self.rows.pieces.as_dict(),
            "chunk": self.rows.chunks.as_dict(),
            "segment": self.rows.segments.as_dict(),
            "found": self.found.as_dict(),
            "rules": rules,
            "states": self._states(start),
            "states_total": self.holdings.total,
            "connections": self._connections(),
            "cm": [[frame, time - start, *rest] for frame, time, *rest in self._cm],
            "stages": [STAGES, CHAIN],
            "operations": self._operations(),
            "queues": self._queues(start),
            "bulk": _series(self.latency.bulk, start),
            "sent": _series(self.health.sent, start),
            "again": _series(self.health.again, start),
            "directions": self._directions(),
            "events": self._events(start),
            "sufferers": self._sufferers(),
            "strings": self.strings.all,
        }

    def _states(self, start: int) -> list[list[object]]:
        """Return kind, client, file, mode, octets, and grant, recall and end with their frames."""
        return [
            [
                one.kind, one.client, one.file[:MAX_TEXT], one.mode, octets_of(one),
                one.start_ns - start, one.frame,
                one.recalled_ns - start if one.recalled_ns else NOTHING, one.recalled_frame,
                one.end_ns - start if one.ended_by else NOTHING, one.end_frame, one.ended_by,
            ]
            for one in self.holdings.all
        ]  # fmt: skip

    def _connections(self) -> list[list[object]]:
        found: list[list[object]] = []
        for number, one in sorted(self._sides.items())[:MAX_CONNECTIONS]:
            sides = [_side(one.first), _side(one.second)]
            found.append([number, *sides, one.transport.label, one.paired_by, one.cm_frame])
        return found

    def _operations(self) -> list[list[object]]:
        """Return name, for each stage median, p99, worst, total, number, frames, and the rate."""
        found: list[list[object]] = []
        for name, stages in self.latency.operations.items():
            spreads = []
            for stage in STAGES:
                times = stages.get(stage)
                spread = times.spread() if times is not None else None
                spreads.append(
                    [spread.median, spread.p99, spread.worst, times.total, spread.calls,
                     spread.call_frame, spread.reply_frame]
                    if spread is not None and times is not None else None
                )  # fmt: skip
            rates = self.latency.rates.get(name)
            found.append([name, spreads, list(rates.rate()) if rates is not None else None])
        return found

    def _queues(self, start: int) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for queue in self.latency.queues.all.values():
            stalls = queue.stalls.spread()
            found.append(
                {
                    "connection": queue.side.connection.number,
                    "name": queue.side.name,
                    "credits": queue.credits,
                    "calls": len(queue.depths),
                    "stalls": list(stalls) if stalls is not None else None,
                    "stalled": queue.stalls.total,
                    "steps": [
                        [step.time - start, step.depth, step.credits] for step in queue.steps
                    ],
                }
            )
        return sorted(found, key=lambda one: -int(str(one["calls"])))[:64]

    def _directions(self) -> list[dict[str, object]]:
        return [
            {
                "connection": watch.flow.side.connection.number,
                "source": watch.flow.source,
                "destination": watch.flow.destination,
                "wasted": watch.counts.wasted_octets,
                **watch.counts.as_dict(),
            }
            for watch in list(self.health.watches.values())[:MAX_CONNECTIONS]
        ]

    def _events(self, start: int) -> dict[str, object]:
        table = Table(
            ("kind", "cause", "text", "sender", "connection", "frame", "last_frame", "time", "psn",
             "packets", "octets", "waited"), ("frame",),
        )  # fmt: skip
        rows: list[list[int]] = []
        for event in sorted(self.health.events, key=lambda one: one.frame)[:MAX_FOUND]:
            table.add(
                self.strings.add(event.kind), self.strings.add(event.cause),
                self.strings.add(event.text), self.strings.add(event.sender), event.connection,
                event.frame, event.last_frame, event.time - start, wrap(event.sequence),
                event.packets, event.octets, event.waited,
            )  # fmt: skip
            known = (self._numbers.get(number) for number in event.exchanges)
            rows.append([row for row in known if row is not None])
        return {**table.as_dict(), "rpcs": rows, "total": self.health.event_count}

    def _sufferers(self) -> dict[str, object]:
        table = Table(("rpc", "naks", "again", "octets", "timeouts", "disorder", "ecn", "late"))
        for number, one in self.health.sufferers.items():
            row = self._numbers.get(number)
            if row is not None:
                late = NOTHING if one.late is None else max(0, one.late)
                table.add(
                    row,
                    len(one.naks),
                    one.again,
                    one.octets,
                    one.timeouts,
                    one.disorder,
                    one.ecn,
                    late,
                )
        return table.as_dict()


def _side(side: Side | None) -> str:
    return side.name if side is not None else "?"


def _series(line: Timeline, start: int) -> dict[str, object]:
    return {"start": max(0, line.start - start), "width": line.width, "sums": line.sums}

"""What happened in a capture, in plain words, on one screen (``--summary``)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..base.finding import Finding, Severity
from ..fields.summary import amount, duration, many, protocol
from ..tracking.events import Events, Totals
from ..tracking.model import Connection, Exchange
from .answers import Slowest
from .health import Counts, Health
from .health.report import fates
from .latency.measure import Times
from .lint import RULES, Lint
from .totals import Failures, Tally, Top, calls_in_words, failed, moved

MAX_CONNECTIONS = 4096
"""Connections that are told apart."""
_LINES = 5
"""Of each kind of thing that are shown."""
_DIRECTIONS = 2 * _LINES
_STAGES = {
    "ack": "on the way to the server",
    "wait": "in the server before the first data or the reply",
    "transfer": "while data moved",
    "finish": "between the last data and the reply",
}


@dataclass(slots=True)
class Talk:
    """What was said over one connection."""

    connection: Connection
    tally: Tally = field(default_factory=lambda: Tally(""))
    """Calls of clients."""
    callbacks: int = 0
    protocols: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    """The most credits that were asked for."""
    granted: tuple[int, int] = (0, 0)
    """The least and the most credits that were granted."""

    def add(self, exchange: Exchange) -> None:
        """Count an RPC."""
        if exchange.callback:
            self.callbacks += 1
        else:
            self.tally.add(exchange, moved(exchange))
        name = protocol(exchange)
        if name in self.protocols or len(self.protocols) < 8:
            self.protocols[name] += 1
        header, back = exchange.call_header, exchange.reply_header
        if header is not None and not exchange.callback:
            self.asked = max(self.asked, header.credits)
        if back is not None and not exchange.callback:
            low, high = self.granted
            self.granted = min(low or back.credits, back.credits), max(high, back.credits)


class Overview:
    """The answers that most people look for first, from one pass."""

    def __init__(self, began: Callable[[], int]) -> None:
        self.health = Health()
        self.talks: dict[int, Talk] = {}
        self.all = Tally("")
        self.broken: dict[str, list[int]] = {}
        """Rules that were broken: how often, and in which frame first."""
        self._files = Top("files", _LINES)
        self._failures = Failures()
        self._slowest = Slowest(3, began)
        self._lint = Lint(self._finding)
        self._last = 0
        self._totals: Totals | None = None

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        for view in (self.health, self._lint, self._files, self._failures, self._slowest):
            view.subscribe(events)
        events.exchanges.subscribe(self.exchange)
        events.closed.subscribe(self.close)

    def exchange(self, exchange: Exchange) -> None:
        """Count an RPC."""
        self.all.add(exchange, moved(exchange))
        last = exchange.reply or exchange.call
        self._last = max(self._last, last.time_ns if last is not None else 0)
        connection = exchange.requester.connection
        talk = self.talks.get(connection.number)
        if talk is None:
            if len(self.talks) >= MAX_CONNECTIONS:
                return
            talk = self.talks[connection.number] = Talk(connection)
        talk.add(exchange)

    def _finding(self, finding: Finding) -> None:
        if finding.severity > Severity.NOTE:
            self.broken.setdefault(finding.rule, [0, finding.frame])[0] += 1

    def close(self, totals: Totals) -> None:
        """Keep what is known of the capture as a whole."""
        self._totals = totals

    # --- In words ---

    def text(self) -> Iterator[str]:
        """Give the lines."""
        totals = self._totals
        if totals is None:
            return
        packets = sum(totals.kinds.values())
        others = totals.kinds[-1]
        seconds = max(self._last, self.health.last_time) - totals.began_ns
        words = f"{many(packets, 'packet')}, {packets - others} of them RoCE or InfiniBand"
        yield f"{words}, in {duration(seconds)}\n" if seconds > 0 else f"{words}\n"
        if not self.all.calls:
            yield "no RPC found\n"
            return
        for title, lines in (
            ("Who talks to whom", self._who()),
            ("How much", self._amount()),
            ("What was slow", self._slow()),
            ("What was lost or sent again", self._lost(totals)),
            ("What failed", self._failed()),
            ("Which rules are broken", self._rules()),
        ):
            yield f"\n{title}\n"
            for line in lines:
                yield f"  {line}\n"

    def _who(self) -> Iterator[str]:
        order = sorted(self.talks.values(), key=lambda one: -one.tally.calls - one.callbacks)
        for talk in order[:_LINES]:
            yield _talk(talk)
        if len(order) > _LINES:
            yield f"and {many(len(order) - _LINES, 'more connection')}: --connections lists them"

    def _amount(self) -> Iterator[str]:
        tally = self.all
        yield (
            f"{many(tally.calls, 'RPC')}; {amount(tally.read)} of files read, "
            f"{amount(tally.written)} written"
        )
        files = [one for one in self._files.rows() if one.octets]
        if files:
            named = ", ".join(f"{one.name} ({amount(one.octets)})" for one in files[:3])
            yield f"most of it: {named}"

    def _slow(self) -> Iterator[str]:
        spread = self.all.times.spread()
        if spread is None:
            yield "no call has its reply in this capture"
            return
        yield (
            f"half of all replies came within {duration(spread.median)}, 99 of 100 within "
            f"{duration(spread.p99)}, the last after {duration(spread.worst)}"
        )
        latency = self.health.latency
        for name, stages in list(latency.operations.items())[:1]:
            reply = stages.get("reply")
            if reply is not None and reply.total:
                yield f"{name} took the most time, {duration(reply.total)} in total{_most(stages)}"
        for line in self._slowest.text():
            yield line.strip()

    def _lost(self, totals: Totals) -> Iterator[str]:
        lines: list[tuple[int, str]] = []
        for watch in self.health.watches.values():
            counts = watch.counts
            again = counts.again + counts.responses_again
            events = again + counts.timeouts + counts.rnr + sum(counts.naks.values())
            if events:
                way = f"{watch.flow.side.name} -> {watch.flow.destination}"
                lines.append((events, f"{way}: {_trouble(counts)}"))
        for side, resent in self.health.streams:
            if resent:
                lines.append((resent, f"{side.name}: {many(resent, 'TCP segment')} again"))
        # The worst first; of those that are alike, in the order of the capture.
        lines.sort(key=lambda one: -one[0])
        for _, line in lines[:_DIRECTIONS]:
            yield line
        if len(lines) > _DIRECTIONS:
            yield f"and {many(len(lines) - _DIRECTIONS, 'more direction')}: --health lists them"
        if not lines:
            yield "nothing"
        sufferers = [one for one in self.health.sufferers.values() if one.late is not None]
        if self.health.sufferer_count:
            yield f"{many(self.health.sufferer_count, 'RPC')} suffered; the latest:"
        for sufferer in sufferers[:3]:
            rpc = sufferer.rpc
            path = f" {rpc.path}" if rpc.path else ""
            who = f" of {rpc.client}" if rpc.client else ""
            frames = f"{rpc.call_frame or '?'}>{rpc.reply_frame or '?'}"
            late = duration(max(0, sufferer.late or 0))
            yield (
                f"  {rpc.operation}{path}{who}, frames {frames}: "
                f"{late} later than the median of its kind"
            )
        if totals.missing:
            yield f"the capture lacks {many(totals.missing, 'packet')}"

    def _failed(self) -> Iterator[str]:
        failures = self._failures.all()
        if not failures:
            yield "nothing"
        for one in failures[:_LINES]:
            yield f"{one.calls} x {failed(one)}"
        if len(failures) > _LINES:
            yield f"and {len(failures) - _LINES} more kinds: --errors lists them"

    def _rules(self) -> Iterator[str]:
        if not self.broken:
            yield "none that is checked"
        order = sorted(self.broken.items(), key=lambda one: -one[1][0])
        for rule, (count, frame) in order[:_LINES]:
            row = RULES[rule]
            yield f"{count} x {rule}, first in frame {frame}: {row.text} [{row.source}]"
        if len(order) > _LINES:
            yield f"and {len(order) - _LINES} more: --lint lists them"

    # --- For programs ---

    def objects(self) -> Iterator[str]:
        """Give one JSON object; times are in nanoseconds."""
        totals = self._totals
        if totals is None:
            return
        sufferers = list(self.health.sufferers.values())[:_LINES]
        fields = {
            "record": "summary",
            "packets": sum(totals.kinds.values()),
            "others": totals.kinds[-1],
            "missing": totals.missing,
            "rpcs": self.all.fields() | {"name": "all"},
            "connections": [_talk_fields(talk) for talk in self.talks.values()],
            "files": [tally.fields() for tally in self._files.rows()],
            "failures": [one._asdict() for one in self._failures.all()],
            "suffered": self.health.sufferer_count,
            "sufferers": [one.rpc._asdict() | {"late": one.late} for one in sufferers],
            "again": sum(w.counts.again for w in self.health.watches.values()),
            "timeouts": sum(w.counts.timeouts for w in self.health.watches.values()),
            "rules": {rule: count for rule, (count, _) in self.broken.items()},
        }
        yield json.dumps(fields, separators=(",", ":")) + "\n"


def _talk(talk: Talk) -> str:
    connection, tally = talk.connection, talk.tally
    first, second = connection.first, connection.second
    source = first.address if first is not None else ""
    there = second.address if second is not None else first.towards if first is not None else ""
    port = f" port {second.port}" if second is not None and second.port else ""
    kinds = [name for name, _ in talk.protocols.most_common(4)]
    # A NULL procedure has no minor version: of NFS4 and NFS4.2 the second one says it all.
    names = ", ".join(
        name for name in kinds if not any(one.startswith(f"{name}.") for one in kinds)
    )
    words = f"{source or '?'} -> {there or '?'}{port}, {names} over {connection.transport.label}: "
    words += calls_in_words(tally)
    if talk.callbacks:
        words += f", {many(talk.callbacks, 'callback')}"
    inline = [side.private for side in (first, second) if side is not None and side.private]
    if len(inline) == 2:
        client, server = inline
        words += (
            f"; inline up to {min(client.inline_send, server.inline_receive)} octets out, "
            f"{min(server.inline_send, client.inline_receive)} back"
        )
    if talk.granted[1]:
        low, high = talk.granted
        granted = f"{low}" if low == high else f"{low} to {high}"
        words += f"; {talk.asked} credits asked for, {granted} granted"
    return words


def _talk_fields(talk: Talk) -> dict[str, object]:
    connection = talk.connection
    ends = {"first": connection.first, "second": connection.second}
    return {
        "number": connection.number, "transport": connection.transport.label,
        **{name: side.name if side is not None else None for name, side in ends.items()},
        "protocols": dict(talk.protocols), "callbacks": talk.callbacks, "asked": talk.asked,
        "granted": talk.granted, **talk.tally.fields(),
    }  # fmt: skip


def _most(stages: dict[str, Times]) -> str:
    """Return in which stage most of the time went."""
    known = {name: stages[name].total for name in _STAGES if name in stages}
    total = sum(known.values())
    if not total:
        return ""
    name = max(known, key=known.__getitem__)
    return f", {100 * known[name] // total} % of it {_STAGES[name]}"


def _trouble(counts: Counts) -> str:
    words = []
    if counts.again:
        again = f"{many(counts.again, 'packet')} ({amount(counts.again_octets)}) again"
        count, _, how = max(fates(counts), default=(0, 0, ""))
        words.append(f"{again}, {f'{count} of them' if count else ''} {how}".rstrip(", "))
    if counts.responses_again:
        words.append(f"{many(counts.responses_again, 'packet')} of READs again")
    if counts.timeouts:
        words.append(many(counts.timeouts, "timeout"))
    if any(counts.naks.values()):
        words.append(many(sum(counts.naks.values()), "NAK"))
    if counts.rnr:
        words.append(f"{counts.rnr} times not ready to receive")
    return "; ".join(words)

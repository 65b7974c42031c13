"""Latencies as a table, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ...fields.summary import amount, duration
from .latency import STAGES, Latency
from .measure import Times
from .queues import Queue

_COLUMNS = ("operation", "count", "stage", "median", "p99", "worst", "frames")
_ROW = "{:<22} {:>8}  {:<8} {:>10} {:>10} {:>10}  {}"
_QUEUE_COLUMNS = ("requester", "calls", "depth", "median", "p99", "most", "stalls")
_LEGEND = """\
reply: call to reply; data: call to first data; then one after the other: ack: call to its ACK;
wait: from there to the first data, or to the reply; transfer: to the last data; finish: to the
reply; confirm: to the reply's ACK; rate: octets per second of the transfer, the slowest last.
"""


def text_latency(latency: Latency) -> str:
    """Return a line for each stage of each operation, then the requesters' queues."""
    lines = [_ROW.format(*_COLUMNS)]
    for name, stages in latency.operations.items():
        label = name
        for stage in STAGES:
            if stage in stages:
                lines += _times(label, stage, stages[stage])
                label = ""
        rates = latency.rates.get(name)
        if rates is not None and rates.slowest:
            rate = rates.rate()
            speeds = [f"{amount(one)}/s" for one in (rate.median, rate.slowest)]
            lines.append(_ROW.format("", len(rates.all), "rate", speeds[0], "", speeds[1], ""))
    lines += ["", _ROW.format(*_QUEUE_COLUMNS)]
    for queue in latency.queues.all.values():
        lines.append(_queue(queue))
    return "\n".join(lines) + "\n\n" + _LEGEND


def _times(label: str, stage: str, times: Times) -> Iterator[str]:
    spread = times.spread()
    if spread is not None:
        shown = [duration(time) for time in (spread.median, spread.p99, spread.worst)]
        frames = f"{spread.call_frame}>{spread.reply_frame}"
        yield _ROW.format(label, spread.calls, stage, *shown, frames)


def _queue(queue: Queue) -> str:
    depth = queue.depths.spread()
    stalls = queue.stalls.spread()
    words = f"0 of {queue.credits} credits"
    if stalls is not None:
        words = (
            f"{stalls.calls} of {queue.credits} credits, {duration(queue.stalls.total)} in total, "
            f"{duration(stalls.worst)} from frame {stalls.call_frame} to {stalls.reply_frame}"
        )
    numbers = (depth.median, depth.p99, depth.worst) if depth is not None else (0, 0, 0)
    return _ROW.format(queue.side.name, len(queue.depths), "", *numbers, words)


def ndjson_latency(latency: Latency) -> str:
    """Return a JSON object for each operation, then one for each requester.

    Times are in nanoseconds, rates in octets per second; ``steps`` are time, calls in progress and
    credits.
    """
    lines = []
    for name, stages in latency.operations.items():
        spreads = {stage: times.spread() for stage, times in stages.items()}
        fields: dict[str, object] = {
            stage: spread._asdict() for stage, spread in spreads.items() if spread
        }
        if name in latency.rates:
            fields["rate"] = latency.rates[name].rate()._asdict()
        lines.append(_line({"operation": name, **fields}))
    for queue in latency.queues.all.values():
        spread = queue.depths.spread()
        stalls = queue.stalls.spread()
        lines.append(
            _line(
                {
                    "requester": queue.side.name,
                    "connection": queue.side.connection.number,
                    "calls": len(queue.depths),
                    "credits": queue.credits,
                    "depth": {"median": spread.median, "p99": spread.p99, "worst": spread.worst}
                    if spread
                    else None,
                    "stalls": {**stalls._asdict(), "total": queue.stalls.total} if stalls else None,
                    "steps": [list(step) for step in queue.steps],
                }
            )
        )
    return "".join(lines)


def _line(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"

"""Latencies as a table, and as JSON."""

from __future__ import annotations

import json

from ..latency import STAGES, Latency
from .summary import duration

_COLUMNS = ("operation", "count", "stage", "median", "p99", "worst", "frames")
_ROW = "{:<22} {:>8}  {:<8} {:>10} {:>10} {:>10}  {}"


def text_latency(latency: Latency) -> str:
    """Lines for each operation: one for each stage that it had."""
    lines = [_ROW.format(*_COLUMNS)]
    for name, stages in latency.operations.items():
        label = name
        for stage in STAGES:
            spread = stages[stage].spread() if stage in stages else None
            if spread is None:
                continue
            times = [duration(time) for time in (spread.median, spread.p99, spread.worst)]
            frames = f"{spread.call_frame}>{spread.reply_frame}"
            lines.append(_ROW.format(label, spread.calls, stage, *times, frames))
            label = ""
    return "\n".join(lines) + "\n"


def ndjson_latency(latency: Latency) -> str:
    """An object in a line for each operation; times in nanoseconds."""
    lines = []
    for name, stages in latency.operations.items():
        spreads = {stage: times.spread() for stage, times in stages.items()}
        fields = {stage: spread._asdict() for stage, spread in spreads.items() if spread}
        lines.append(json.dumps({"operation": name, **fields}, separators=(",", ":")) + "\n")
    return "".join(lines)

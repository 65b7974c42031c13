"""Figures from samples: a row for each operation on each target, and the files that hold them."""

from __future__ import annotations

import csv
import io
import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from .conduct import Sample
from .copies import copies_per_byte

_PER_DOUBLING: Final = 4
"""Buckets of a histogram from one duration to its double."""


@dataclass(slots=True)
class Row:
    """One operation on one target. A figure that is not known is None.

    ``mb_s`` is in 10^6 octets per second. It, ``ops_s`` and the rest are medians of the rounds; the
    lists after them are the least and the greatest. Percentiles are those of all round trips of
    all rounds; ``p999`` and ``p9999``, 99.9 and 99.99 %, are there only if one at least was longer.
    ``fairness`` is the slowest client's rate over the fastest's, where there are several.
    The histogram has the upper end of each bucket, in µs, and how many it has.
    """

    transport: str
    server: str
    op: str
    record: int | None
    size: int | None
    threads: int
    clients: int
    depth: int
    cached: bool
    verified: bool
    mb_s: float | None = None
    mb_s_spread: list[float] | None = None
    ops_s: float | None = None
    ops_s_spread: list[float] | None = None
    rtt_us_p50: float | None = None
    rtt_us_p99: float | None = None
    rtt_us_p999: float | None = None
    rtt_us_p9999: float | None = None
    rtt_us_histogram: list[list[float]] | None = None
    cpu_s_per_gb_client: float | None = None
    cpu_s_per_gb_server: float | None = None
    cpu_us_per_op_client: float | None = None
    cpu_us_per_op_server: float | None = None
    copies_per_byte: int | None = None
    fairness: float | None = None
    rounds: int = 0
    label: str = ""
    note: str = ""
    error: str = ""
    machine: str = ""
    when: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        """The values that two comparable rows of two runs share."""
        return (
            self.label, self.op, self.record, self.size, self.threads,
            self.clients, self.depth, self.cached,
        )  # fmt: skip


def make_rows(
    samples: Sequence[Sample],
    *,
    clients: int,
    cached: bool,
    verified: bool,
    machine: str,
    when: str,
) -> list[Row]:
    """Return a row for each operation, in the order in which they first came."""
    found: dict[tuple[Any, ...], list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.op, sample.group, sample.label), []).append(sample)
    rows = []
    for of in found.values():
        first = of[0]
        row = Row(
            first.transport,
            first.server,
            first.op,
            first.group.record if first.octets or first.error else None,
            first.group.size if first.octets or first.error else None,
            first.group.threads,
            clients,
            first.group.depth,
            cached,
            verified,
            label=first.label,
            machine=machine,
            when=when,
        )
        errors = [sample.error for sample in of if sample.error]
        row.error = errors[0] if errors else ""
        done = [sample for sample in of if not sample.error and sample.ops]
        if done:
            _fill(row, done)
        rows.append(row)
    return rows


def _fill(row: Row, done: list[Sample]) -> None:
    row.rounds = len(done)
    row.note = next((sample.note for sample in done if sample.note), "")
    rates = [sample.rate for sample in done]
    row.ops_s, row.ops_s_spread = _middle(rates)
    ops = sum(sample.ops for sample in done)
    octets = sum(sample.octets for sample in done)
    if octets:
        row.mb_s, row.mb_s_spread = _middle(
            [sample.rate * sample.octets / sample.ops / 1e6 for sample in done]
        )
        if row.server == "own":
            row.copies_per_byte = copies_per_byte(row.transport, row.op)
    client = sum(sample.cpu_client for sample in done)
    row.cpu_us_per_op_client = _rounded(1e6 * client / ops)
    row.cpu_s_per_gb_client = _rounded(client / (octets / 1e9)) if octets else None
    servers = [sample.cpu_server for sample in done if sample.cpu_server is not None]
    if len(servers) == len(done):
        row.cpu_us_per_op_server = _rounded(1e6 * sum(servers) / ops)
        row.cpu_s_per_gb_server = _rounded(sum(servers) / (octets / 1e9)) if octets else None
    shares = [sample.fairness for sample in done if sample.fairness is not None]
    row.fairness = _rounded(statistics.median(shares)) if shares else None
    rtts = sorted(rtt for sample in done for rtt in sample.rtts)
    if rtts:
        row.rtt_us_p50 = _rounded(percentile(rtts, 50))
        row.rtt_us_p99 = _rounded(percentile(rtts, 99))
        if len(rtts) > 1_000:
            row.rtt_us_p999 = _rounded(percentile(rtts, 99.9))
        if len(rtts) > 10_000:
            row.rtt_us_p9999 = _rounded(percentile(rtts, 99.99))
        row.rtt_us_histogram = histogram(rtts)


def histogram(values: Sequence[float]) -> list[list[float]]:
    """Return the buckets that are not empty, as upper end and count; four of them double."""
    counts = Counter(math.ceil(_PER_DOUBLING * math.log2(max(value, 1e-3))) for value in values)
    return [[_rounded(2 ** (at / _PER_DOUBLING)), count] for at, count in sorted(counts.items())]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the least of the sorted values that ``percent`` of them do not exceed."""
    index = max(0, -int(-len(ordered) * percent // 100) - 1)
    return ordered[min(index, len(ordered) - 1)]


def _middle(values: list[float]) -> tuple[float, list[float]]:
    return _rounded(statistics.median(values)), [_rounded(min(values)), _rounded(max(values))]


def _rounded(value: float) -> float:
    """Round to four figures, which are more than the measurement is good for."""
    return float(f"{value:.4g}")


def as_dict(row: Row) -> dict[str, Any]:
    """Return the row by field name, as the JSON file has it."""
    return asdict(row)


def as_json(rows: Sequence[Row]) -> str:
    """Return a JSON list with one row in each line."""
    lines = ",\n".join(json.dumps(as_dict(row)) for row in rows)
    return f"[\n{lines}\n]\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Return the rows as CSV; a spread is one cell, ``least greatest``."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, [each.name for each in fields(Row)])
    writer.writeheader()
    for row in rows:
        plain = as_dict(row)
        for name, value in plain.items():
            if isinstance(value, list):
                plain[name] = " ".join(
                    ":".join(map(str, each)) if isinstance(each, list) else str(each)
                    for each in value
                )
        writer.writerow(plain)
    return file.getvalue()


def read_json(path: Path) -> list[Row]:
    """Read the rows of an earlier run. Raises ``OSError``; ``ValueError`` if they are not ours."""
    known = {each.name for each in fields(Row)}
    try:
        found = json.loads(path.read_text())
        return [Row(**{k: v for k, v in row.items() if k in known}) for row in found]
    except (ValueError, TypeError, AttributeError):
        raise ValueError(f"{path} is no output of `nfsrdma bench --json`") from None

"""The tables for the terminal: a matrix for each operation, then calls, then problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from .plan import CALL_OPS, DATA_OPS, META_OPS, TRANSPORTS, show_size
from .rows import Row

_TITLES = {
    "write": "write: new file, sequential, COMMIT included",
    "rewrite": "rewrite: the same again",
    "read": "read: sequential",
    "reread": "reread: the same again",
    "randread": "random read",
    "randwrite": "random write, COMMIT included",
    "mixed": "mixed: 70 % random reads, 30 % random writes",
}
BASE = "tcp"


def number(value: float | None) -> str:
    """Return about three figures, ``12.3k`` from ten thousand on, or a dash for None."""
    if value is None:
        return "-"
    if value >= 9999.5:
        return f"{value / 1000:.0f}k" if value >= 99950 else f"{value / 1000:.1f}k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def trips(row: Row) -> str:
    """Return the percentiles of the round trips in µs."""
    return " / ".join(map(number, (row.rtt_us_p50, row.rtt_us_p99, row.rtt_us_p999)))


def spread(between: Sequence[float] | None) -> str:
    """Return least and greatest on a line of their own; nothing after a single round."""
    if between is None or between[0] == between[1]:
        return ""
    return f"\n[dim]{number(between[0])}-{number(between[1])}[/]"


class Column:
    """A column of a matrix: one target at one depth."""

    def __init__(self, row: Row) -> None:
        self.label, self.depth, self.threads = row.label, row.depth, row.threads
        self.key = (row.label, row.depth, row.threads)
        self.base = (BASE, row.depth, row.threads)

    @property
    def lanes(self) -> str:
        """Return in words how much is in flight."""
        if self.threads > 1:
            return f"{self.depth} x {self.threads} threads"
        return f"{self.depth} in flight"


def columns_of(rows: Iterable[Row]) -> list[Column]:
    """Return the columns by threads, depth and target: ours first, TCP before the others."""
    found = {(row.threads, row.depth, _rank(row.label), row.label): Column(row) for row in rows}
    return [column for _, column in sorted(found.items())]


def _rank(label: str) -> int:
    return TRANSPORTS.index(label) if label in TRANSPORTS else len(TRANSPORTS)


def matrix(rows: Sequence[Row], op: str) -> Table | None:
    """Return MB/s of one data operation: records down, targets across, ratio to TCP in brackets."""
    of = [row for row in rows if row.op == op and row.record is not None]
    if not any(row.mb_s is not None for row in of):
        return None
    columns = columns_of(of)
    table = Table(title=f"{_TITLES[op]}, MB/s", title_justify="left", title_style="bold")
    table.add_column("record", justify="right", no_wrap=True)
    for column in columns:
        table.add_column(f"{column.label}\n{column.lanes}", justify="right")
    sizes = sorted({row.size or 0 for row in of})
    found = {(row.record, row.size, row.label, row.depth, row.threads): row for row in of}
    for size in sizes:
        if len(sizes) > 1:
            table.add_section()
            table.add_row(f"[dim]{show_size(size)}[/]", *("" for _ in columns))
        for record in sorted({row.record or 0 for row in of if row.size == size}):
            cells = [
                _cell(
                    found.get((record, size, *column.key)), found.get((record, size, *column.base))
                )
                for column in columns
            ]
            table.add_row(show_size(record), *cells)
    return table


def _cell(row: Row | None, base: Row | None) -> str:
    if row is None:
        return ""
    if row.error:
        return "[red]failed[/]"
    text = number(row.mb_s)
    if base is not None and base is not row and base.mb_s and row.mb_s:
        ratio = row.mb_s / base.mb_s
        colour = "green" if ratio >= 1 else "yellow"
        text += f" [{colour}]x{ratio:.2g}[/]" if ratio < 10 else f" [{colour}]x{ratio:.0f}[/]"
    return text + ("*" if row.note else "") + spread(row.mb_s_spread)


def costs(rows: Sequence[Row], ops: Sequence[str] = ("read", "write")) -> Table | None:
    """Return processor time, round trips and copies of reading and writing."""
    of = [row for row in rows if row.op in ops and row.mb_s is not None]
    if not of:
        return None
    table = Table(
        title="processor seconds per GB (client + server), round trip p50 / p99 / p99.9 in µs",
        title_justify="left",
        title_style="bold",
    )
    columns = columns_of(of)
    table.add_column("", no_wrap=True)
    table.add_column("record", justify="right", no_wrap=True)
    for column in columns:
        table.add_column(f"{column.label}\n{column.lanes}", justify="right")
    found = {(row.op, row.record, row.size, row.label, row.depth, row.threads): row for row in of}
    for op in ops:
        for record, size in sorted({(row.record or 0, row.size or 0) for row in of}):
            cells = []
            for column in columns:
                row = found.get((op, record, size, *column.key))
                cells.append("" if row is None else _cost(row))
            if any(cells):
                table.add_row(op, show_size(record), *cells)
        table.add_section()
    return table


def _cost(row: Row) -> str:
    server = "" if row.cpu_s_per_gb_server is None else f" + {number(row.cpu_s_per_gb_server)}"
    return f"{number(row.cpu_s_per_gb_client)}{server}\n[dim]{trips(row)}[/]"


def calls(rows: Sequence[Row]) -> Table | None:
    """Return operations per second of calls that carry no data."""
    of = [row for row in rows if row.op in (*CALL_OPS, *META_OPS) and row.ops_s is not None]
    if not of:
        return None
    table = Table(
        title="calls and names: operations per second, round trip p50 / p99 / p99.9 in µs",
        title_justify="left",
        title_style="bold",
    )
    columns = columns_of(of)
    table.add_column("operation", no_wrap=True)
    for column in columns:
        table.add_column(f"{column.label}\n{column.lanes}", justify="right")
    found = {(row.op, row.label, row.depth, row.threads): row for row in of}
    for op in (*CALL_OPS, *META_OPS):
        cells = []
        for column in columns:
            row = found.get((op, *column.key))
            cells.append(
                ""
                if row is None
                else f"{number(row.ops_s)}{spread(row.ops_s_spread)}\n{trips(row)}"
            )
        if any(cells):
            table.add_row("entries listed" if op == "readdir" else op, *cells)
    return table


def copies(rows: Sequence[Row]) -> str | None:
    """Return in one line how often an octet is copied."""
    parts = []
    for label in dict.fromkeys(row.label for row in rows):
        known = {
            op: row.copies_per_byte
            for row in rows
            for op in ("read", "write")
            if row.label == label and row.op == op and row.copies_per_byte is not None
        }
        if known:
            parts.append(
                f"{label} " + ", ".join(f"{op} {count}" for op, count in sorted(known.items()))
            )
    if not parts:
        return None
    return f"Copies of each octet of a long record, both ends, by construction: {'; '.join(parts)}."


def fairness(rows: Sequence[Row]) -> str | None:
    """Return in one line how evenly several clients were served: the worst row of each target."""
    worst: dict[str, Row] = {}
    for row in rows:
        if row.fairness is not None:
            least = worst.setdefault(row.label, row)
            if row.fairness < (least.fairness or 0.0):
                worst[row.label] = row
    if not worst:
        return None
    parts = []
    for label, row in worst.items():
        record = "" if row.record is None else f" {show_size(row.record)}"
        parts.append(f"{label} {row.fairness:.2f} ({row.op}{record}, {row.depth} in flight)")
    return f"Slowest client to fastest, at the worst: {'; '.join(parts)}."


def problems(rows: Sequence[Row]) -> list[str]:
    """Return a line for each step that failed, and one for each different remark."""
    lines = []
    for row in rows:
        if row.error:
            record = "" if row.record is None else f" {show_size(row.record)}"
            depth = "" if row.op == "mount" else f", {row.depth} in flight"
            lines.append(f"[red]{row.label}: {row.op}{record}{depth}: failed:[/] {row.error}")
    return lines


def remarks(rows: Sequence[Row]) -> list[str]:
    """Return what the asterisks mean."""
    found: dict[str, None] = {}
    for row in rows:
        if row.note and row.record is not None:
            found[f"* {row.label}, {show_size(row.record)}: {row.note}"] = None
    return list(found)


def all_tables(rows: Sequence[Row]) -> list[Table]:
    """Return all tables, in the order of reading."""
    made = [matrix(rows, op) for op in DATA_OPS]
    return [table for table in (*made, costs(rows), calls(rows)) if table is not None]

"""The aims in speed as data, and what was measured held against them.

Everything is a ratio of medians of one run, but for the few that are a figure by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from nfsrdma.bench import tables
from nfsrdma.bench.plan import KIB, MIB, show_size
from nfsrdma.bench.rows import Row

RECORDS: Final = (1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
PEER_RECORDS: Final = tuple(record for record in RECORDS if record <= MIB)
BOTH: Final = "libnfs+Ganesha"
OURS: Final = "libnfs+ours"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table; ``reached`` is None for what could not be measured."""

    what: str
    found: str
    wanted: str
    reached: bool | None


def of_transports(rows: Sequence[Row]) -> Iterator[Verdict]:
    """Our own two ends: shm and soft beside TCP, and what a call takes over shm."""
    for op in ("read", "write"):
        for record in RECORDS:
            wanted = 2.0 if record <= 256 * KIB else 1.6
            yield ratio(rows, ("shm", "tcp"), op, record, 1, wanted)
        for record in RECORDS:
            if record >= 64 * KIB:
                yield processor(rows, op, record, 0.5)
    for depth in (1, 8):
        for op in ("read", "write"):
            for record in RECORDS:
                yield ratio(rows, ("soft", "tcp"), op, record, depth, 0.7)
    yield rate(rows, "shm", 100_000)
    yield round_trip(rows, "shm", 12.0)


def of_peers(rows: Sequence[Row]) -> Iterator[Verdict]:
    """Our two ends beside two in C."""
    for depth, wanted in ((1, 1.5), (8, 1.2)):
        for op in ("read", "rewrite"):
            for record in PEER_RECORDS:
                yield ratio(rows, ("shm", BOTH), op, record, depth, wanted)
    for op in ("read", "rewrite"):
        for record in PEER_RECORDS:
            yield ratio(rows, ("tcp", BOTH), op, record, 1, 0.8)


def of_server(rows: Sequence[Row]) -> Iterator[Verdict]:
    """Our server beside Ganesha, the client in C for both."""
    for depth in (1, 8):
        yield ratio(rows, (OURS, BOTH), "read", 4 * KIB, depth, 1.0)


def of_dissector(found: Sequence[dict[str, Any]]) -> Iterator[Verdict]:
    """The dissector beside tshark's one pass, by processor time (rows of ``dissect.py``)."""
    tool = next(
        (row["tool"] for row in found if row["tool"] == "compiled nfsrdma dissect"),
        "nfsrdma dissect",
    )
    for capture, wanted in (("GETATTR", 1.0), ("WRITEs of 4 KiB", 15.0)):
        per_s = {row["tool"]: row["per_cpu_s"] for row in found if row["capture"] == capture}
        ours, theirs = per_s.get(tool), per_s.get("tshark, one pass")
        what = f"{tool}, {capture}, of a CPU second: tshark's one pass"
        if ours is None or theirs is None:
            yield Verdict(what, "not measured: no tshark", f"≥ {wanted:g}", None)
            continue
        of = ours / theirs
        yield Verdict(
            what, f"{of:.1f}   ({ours:,.0f} : {theirs:,.0f})", f"≥ {wanted:g}", of >= wanted
        )


def ratio(
    rows: Sequence[Row], labels: tuple[str, str], op: str, record: int, depth: int, wanted: float
) -> Verdict:
    """One's bandwidth over the other's, which has to be ``wanted`` at least."""
    one, other = (find(rows, label, op, record, depth) for label in labels)
    what = f"{op} {show_size(record)}, depth {depth}: {labels[0]} : {labels[1]}"
    if one is None or other is None or not one.ops_s or not other.ops_s:
        return Verdict(what, "not measured", f"≥ {wanted}", None)
    of = one.ops_s / other.ops_s
    best = max(one.ops_s_spread or [one.ops_s]) / max(other.ops_s_spread or [other.ops_s])
    rates = f"{tables.number(one.mb_s)} : {tables.number(other.mb_s)} MB/s"
    found = f"{of:.2f}   ({rates}; best rounds {best:.2f})"
    return Verdict(what, found, f"≥ {wanted}", of >= wanted)


def processor(rows: Sequence[Row], op: str, record: int, wanted: float) -> Verdict:
    """The processor time of a GB, both sides, over shm and over TCP."""
    what = f"{op} {show_size(record)}: CPU per GB, shm : tcp"
    totals = []
    for label in ("shm", "tcp"):
        row = find(rows, label, op, record, 1)
        if row is None or row.cpu_s_per_gb_client is None or row.cpu_s_per_gb_server is None:
            return Verdict(what, "not measured", f"≤ {wanted}", None)
        totals.append(row.cpu_s_per_gb_client + row.cpu_s_per_gb_server)
    of = totals[0] / totals[1]
    return Verdict(
        what, f"{of:.2f}   ({totals[0]:.2f} : {totals[1]:.2f} s/GB)", f"≤ {wanted}", of <= wanted
    )


def rate(rows: Sequence[Row], label: str, wanted: float) -> Verdict:
    """GETATTR compounds per second with 32 in flight."""
    row = find(rows, label, "getattr", None, 32)
    what = f"GETATTR compounds/s, 32 in flight, {label}"
    if row is None or row.ops_s is None:
        return Verdict(what, "not measured", f"≥ {wanted:,.0f}", None)
    low, high = row.ops_s_spread or (row.ops_s, row.ops_s)
    found = f"{row.ops_s:,.0f}   ({low:,.0f} to {high:,.0f})"
    return Verdict(what, found, f"≥ {wanted:,.0f}", row.ops_s >= wanted)


def round_trip(rows: Sequence[Row], label: str, wanted: float) -> Verdict:
    """The median of a NULL call's round trips, in microseconds."""
    row = find(rows, label, "null", None, 1)
    measured = None if row is None else row.rtt_us_p50
    return Verdict(
        f"NULL round trip, median, {label}",
        "not measured" if measured is None else f"{measured} µs",
        f"≤ {wanted:g} µs",
        None if measured is None else measured <= wanted,
    )


def find(rows: Sequence[Row], label: str, op: str, record: int | None, depth: int) -> Row | None:
    """The row with figures, if there is one."""
    for row in rows:
        if (row.label, row.op, row.record, row.depth) == (label, op, record, depth) and row.ops_s:
            return row
    return None


def show(verdicts: Sequence[Verdict], console: Console) -> None:
    """The table, and how many were reached."""
    table = Table(title="Aims (medians of one run, in turns)", title_justify="left")
    for column in ("what", "measured", "at least / at most", ""):
        table.add_column(column)
    marks = {True: "[green]reached[/]", False: "[red]not reached[/]", None: "[yellow]unknown[/]"}
    for verdict in verdicts:
        table.add_row(verdict.what, verdict.found, verdict.wanted, marks[verdict.reached])
    console.print(table)
    counts = [sum(verdict.reached is each for verdict in verdicts) for each in (True, False, None)]
    console.print(f"{counts[0]} reached, {counts[1]} not, {counts[2]} not measured.")

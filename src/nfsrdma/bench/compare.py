"""The comparison of two runs: what became quicker or slower, and whether that is more than noise.

A figure has *moved* when the spreads of the two runs do not overlap: every round of the one was
quicker than every round of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from .plan import show_size
from .rows import Row
from .tables import number


@dataclass(frozen=True, slots=True)
class Change:
    """One row of both runs. ``verdict`` is ``quicker``, ``slower`` or empty."""

    old: Row
    new: Row
    ratio: float
    verdict: str


def compare(old: Sequence[Row], new: Sequence[Row]) -> tuple[list[Change], list[Row], list[Row]]:
    """Return the changes, what only the old run has, and what only the new one has."""
    before = {row.key: row for row in old if row.ops_s}
    after = {row.key: row for row in new if row.ops_s}
    changes = [_change(before[key], row) for key, row in after.items() if key in before]
    gone = [row for key, row in before.items() if key not in after]
    come = [row for key, row in after.items() if key not in before]
    return changes, gone, come


def _change(old: Row, new: Row) -> Change:
    assert old.ops_s is not None
    assert new.ops_s is not None
    ratio = new.ops_s / old.ops_s
    low, high = old.ops_s_spread or [old.ops_s, old.ops_s]
    least, greatest = new.ops_s_spread or [new.ops_s, new.ops_s]
    verdict = "quicker" if least > high else "slower" if greatest < low else ""
    return Change(old, new, ratio, verdict)


def report(changes: Sequence[Change], everything: bool = True) -> Table:
    """Return the changes as a table: all of them, or those that have moved."""
    table = Table(title="new against old", title_justify="left", title_style="bold")
    for column in ("target", "operation", "record", "in flight"):
        table.add_column(column)
    for column in ("old", "new", "ratio", "CPU s/GB old", "new"):
        table.add_column(column, justify="right")
    table.add_column("beyond the spread")
    for change in changes:
        if not everything and not change.verdict:
            continue
        old, new = change.old, change.new
        unit, values = (
            ("MB/s", (old.mb_s, new.mb_s)) if new.mb_s else ("/s", (old.ops_s, new.ops_s))
        )
        colour = {"quicker": "green", "slower": "red", "": "default"}[change.verdict]
        table.add_row(
            new.label,
            new.op,
            show_size(new.record) if new.record else "",
            str(new.depth) + (f" x {new.threads}" if new.threads > 1 else ""),
            f"{number(values[0])} {unit}",
            f"{number(values[1])} {unit}",
            f"[{colour}]{change.ratio:.2f}[/]",
            _cpu(old),
            _cpu(new),
            f"[{colour}]{change.verdict}[/]",
        )
    return table


def _cpu(row: Row) -> str:
    if row.cpu_s_per_gb_client is None:
        return ""
    total = row.cpu_s_per_gb_client + (row.cpu_s_per_gb_server or 0.0)
    return number(total)

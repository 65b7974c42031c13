"""IOZone's own report, as ``iozone -R`` prints it for a spreadsheet.

Each test has a block: its title in quotes, a line of record sizes, and a line of figures for each
file size. Sizes are in KiB, in quotes; figures are whole KiB per second, 0 where nothing was
measured. One report is about one system, so each target and depth has a file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .plan import KIB
from .rows import Row

REPORTS = (
    ("write", "Writer report"),
    ("rewrite", "Re-writer report"),
    ("read", "Reader report"),
    ("reread", "Re-Reader report"),
    ("randread", "Random read report"),
    ("randwrite", "Random write report"),
    ("mixed", "Mixed workload report"),
)


def report(rows: Sequence[Row]) -> str:
    """Return the blocks for the rows of one target at one depth."""
    text = ""
    for op, title in REPORTS:
        of = [row for row in rows if row.op == op and row.mb_s is not None]
        if not of:
            continue
        figures = {(row.size or 0, row.record or 0): row.mb_s or 0.0 for row in of}
        records = sorted({record for _, record in figures})
        text += f'\n"{title}"\n        ' + "  ".join(f'"{each // KIB}"' for each in records) + "\n"
        for size in sorted({size for size, _ in figures}):
            values = (figures.get((size, record), 0.0) for record in records)
            text += f'"{size // KIB}"   ' + " ".join(f"{1e6 * v / KIB:.0f}" for v in values) + " \n"
    return text


def reports(path: Path, rows: Sequence[Row]) -> dict[Path, str]:
    """Return the report for ``path``, or one for each ``stem-TARGET-DEPTH.suffix``."""
    kinds: dict[tuple[str, int, int], list[Row]] = {}
    for row in rows:
        if row.mb_s is not None:
            kinds.setdefault((row.label, row.depth, row.threads), []).append(row)
    many_threads = len({threads for _, _, threads in kinds}) > 1
    found = {}
    for (label, depth, threads), of in kinds.items():
        name = path
        if len(kinds) > 1:
            mark = f"-{label.replace(' ', '-')}-{depth}" + (f"x{threads}" if many_threads else "")
            name = path.with_name(f"{path.stem}{mark}{path.suffix}")
        found[name] = report(of)
    return found

"""Write the tables of ``docs/conform/results.md`` from the reports beside it.

``python tools/conform_results.py`` rewrites them; with ``--check`` it only says whether they are
fresh. Each ``NAME.json`` there is a report of ``nfsrdma conform``, and ``captures/NAME`` has the
packets of tests that did not pass.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from nfsrdma.conform.case import Severity
from nfsrdma.conform.report import About, Row, load
from nfsrdma.conform.runner import Verdict

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "conform"
PAGE = FOLDER / "results.md"
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


Reports = dict[str, tuple[About, dict[str, Row]]]
"""Name of a report -> what was tested, and its tests by identifier."""


def reports() -> Reports:
    """Read all reports, in the order of their names."""
    found: Reports = {}
    for path in sorted(FOLDER.glob("*.json")):
        about, rows = load(path.read_bytes())
        found[path.stem] = about, {row.id: row for row in rows}
    return found


def counts(every: Reports) -> list[str]:
    """Return a table of verdicts: a line for each report, a column for each severity."""
    severities = [str(each) for each in Severity]
    lines = [f"| report | {' | '.join(severities)} | skipped |", "|---" * 6 + "|"]
    for name, (_, rows) in every.items():
        cells = []
        for severity in severities:
            of = Counter(row.verdict for row in rows.values() if row.severity == severity)
            judged = sum(of.values()) - of[Verdict.SKIPPED]
            cells.append(f"{of[Verdict.PASSED]} of {judged}")
        skipped = sum(row.verdict == Verdict.SKIPPED for row in rows.values())
        lines.append(f"| [{name}]({name}.json) | {' | '.join(cells)} | {skipped} |")
    return lines


def seen_by(identifier: str, every: Reports) -> list[str]:
    """Return how a test ended, with links to its packets: reports that agree share a line.

    Tests of servers and of clients have nothing in common: the other half's reports are left out.
    """
    names: dict[str, list[str]] = {}
    half = {each for _, rows in every.values() if identifier in rows for each in rows}
    for name, (_, rows) in every.items():
        if not half & rows.keys():
            continue
        row = rows.get(identifier)
        text = "not run" if row is None else f"**{row.verdict}**: {row.observed}"
        capture = f"captures/{name}/{identifier}.pcapng"
        shown = f"{name} ([packets]({capture}))" if (FOLDER / capture).exists() else name
        names.setdefault(text.removesuffix(": "), []).append(shown)
    return [f"- {', '.join(shown)}: {text}" for text, shown in names.items()]


def remarkable(every: Reports) -> list[str]:
    """Return the tests that some report has as failed, noted or in error, with what was seen."""
    by_id: dict[str, Row] = {}
    for _, rows in every.values():
        by_id |= rows
    lines = []
    for identifier, row in by_id.items():
        verdicts = {rows[identifier].verdict for _, rows in every.values() if identifier in rows}
        if verdicts <= {Verdict.PASSED, Verdict.SKIPPED}:
            continue
        lines += ["", f"### {identifier}", "", f"{row.demand} ({row.source}, *{row.severity}*)", ""]
        lines += seen_by(identifier, every)
    return lines


def table() -> str:
    """Return all that is generated."""
    every = reports()
    return "\n".join((*counts(every), *remarkable(every)))


def main() -> None:
    """Rewrite the page, or compare it."""
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    fresh = f"{head}{BEGIN}\n{table()}\n{END}{tail}"
    if "--check" not in sys.argv:
        PAGE.write_text(fresh)
    elif fresh != text:
        raise SystemExit(f"{PAGE} is not fresh: make emit")


if __name__ == "__main__":
    main()

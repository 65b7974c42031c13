"""``make conformance``: foreign suites against our server, over TCP and over RDMA.

Nothing is fetched. A suite is run where the environment names a checkout of it; the others are
listed with what to set. It ends with 0 if every failure is on the suite's list of known failures,
with 1 if one is not, with 2 if nothing was run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import Path

from .stage import WAYS, Stage, StageError
from .suites import SUITES, Suite
from .verdict import Known, ListError, Results, Verdict, judge

LISTS = Path(__file__).parent / "known"

_HEAD = ("suite", "over", "run", "passed", "known", "NEW", "mended", "missing", "seconds")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--over", default="soft", help="ways to the server: tcp, soft, shm, by ','")
    parser.add_argument("--only", default="", help="suites, by ','")
    parser.add_argument("--server", default="", help="URL of a server to use instead of ours")
    parser.add_argument("--known", type=Path, default=LISTS, help="folder with lists of failures")
    parser.add_argument("--output", type=Path, default=Path("out/conformance"))
    given = parser.parse_args()
    for way in given.over.split(","):
        if way not in WAYS:
            parser.error(f"--over {way}: it is one of {', '.join(WAYS)}")
    names = [suite.name for suite in SUITES]
    for name in filter(None, given.only.split(",")):
        if name not in names:
            parser.error(f"--only {name}: the suites are {', '.join(names)}")
    return given


def _run(suite: Suite, way: str, given: argparse.Namespace) -> tuple[Results, Verdict, float]:
    checkout = suite.checkout()
    assert checkout is not None
    known = Known.load(given.known / f"{suite.name}.txt")
    folder = given.output.resolve() / f"{suite.name}-{way}"
    print(f"== {suite.name} over {way}; what it says is in {folder}", flush=True)
    started = time.monotonic()
    with Stage(folder, way, given.server, suite.setting) as stage:
        results = suite.run(checkout, stage)
    verdict = judge(results, known)
    saved = {name: asdict(case) for name, case in results.items()}
    (folder / "cases.json").write_text(json.dumps(saved, indent=1))
    for name in verdict.unknown:
        print(f"   NEW     {name}: {results[name].said[:300]}")
    for name in verdict.mended:
        print(f"   passes  {name}: its line in the list can go")
    return results, verdict, time.monotonic() - started


def _row(suite: Suite, way: str, verdict: Verdict, seconds: float) -> tuple[str, ...]:
    counts = (verdict.run, verdict.passed, len(verdict.known), len(verdict.unknown))
    more = (len(verdict.mended), verdict.missing, round(seconds))
    return (suite.name, way, *map(str, (*counts, *more)))


def _table(rows: list[tuple[str, ...]]) -> str:
    rows = [_HEAD, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def main() -> int:
    """Run what is named; print a table."""
    given = _arguments()
    shutil.rmtree(given.output, ignore_errors=True)
    only = list(filter(None, given.only.split(",")))
    wanted = [each for each in SUITES if (each.name in only if only else not each.long)]
    rows, red = [], False
    for suite in wanted:
        if not os.environ.get(suite.variable):
            print(f"== {suite.name} is not run: {suite.variable}= names no checkout of it")
            continue
        for way in given.over.split(","):
            try:
                _, verdict, seconds = _run(suite, way, given)
            except (StageError, ListError) as error:
                print(f"   {suite.name} over {way}: {error}", file=sys.stderr)
                red = True
                continue
            rows.append(_row(suite, way, verdict, seconds))
            red |= verdict.red
    if not rows:
        print("nothing was run")
        return 1 if red else 2
    table = _table(rows)
    print(f"\n{table}")
    (given.output / "table.txt").write_text(table + "\n")
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())

"""The history of ``make targets``: a line for each run, and what has moved since the last one."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from nfsrdma.bench import compare
from nfsrdma.bench.rows import Row, as_dict

_KEPT: Final = (
    *("transport", "server", "op", "record", "size", "threads", "clients", "depth", "cached"),
    *("verified", "label", "mb_s", "ops_s", "ops_s_spread", "rtt_us_p50", "rtt_us_p99"),
    *("cpu_s_per_gb_client", "cpu_s_per_gb_server"),
)
"""What is kept of a row."""
_LOAD: Final = re.compile(r"; load [0-9.]+")


def compare_and_append(path: Path, rows: Sequence[Row], about: str, console: Console) -> None:
    """Show what moved beyond the spread since the last run on this machine; append this one.

    Raises OSError, and ``ValueError`` for a file that is no history.
    """
    machine = _LOAD.sub("", about)
    earlier = [entry for entry in read(path) if entry["machine"] == machine]
    if earlier:
        last = earlier[-1]
        changes = compare.compare([Row(**row) for row in last["rows"]], rows)[0]
        moved = [change for change in changes if change.verdict]
        since = f"{last['when']} ({last['commit']}, {last['load']})"
        if moved:
            console.print(compare.report(moved))
        slower = sum(change.verdict == "slower" for change in moved)
        console.print(f"Since {since}: {len(moved) - slower} quicker, {slower} slower.")
    load = _LOAD.search(about)
    entry = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "commit": _commit(),
        "machine": machine,
        "load": load.group()[2:] if load else "",
        "rows": [_kept(row) for row in rows if row.ops_s],
    }
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a history, oldest first; none if there is no file."""
    if not path.exists():
        return []
    try:
        found = [json.loads(line) for line in path.read_text().splitlines()]
        if not all(
            {"when", "commit", "machine", "load", "rows"} <= entry.keys() for entry in found
        ):
            raise ValueError
    except (ValueError, AttributeError):
        raise ValueError(f"{path} is no history of `make targets`") from None
    return found


def _kept(row: Row) -> dict[str, Any]:
    every = as_dict(row)
    return {name: every[name] for name in _KEPT}


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()

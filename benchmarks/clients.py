"""One server and many clients: throughput, how evenly they are served, and the server's processor.

    python benchmarks/clients.py [--clients 1,8,64] [--transports tcp,soft,shm] [--rounds 3]

Each client is a process with a file of its own and one operation in flight; a server for each
transport is another process, on files in memory. Transports take turns, round after round. The
clients share the processors with the server, so what is shown for many of them is how a full
machine divides its time.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from nfsrdma.bench import tables
from nfsrdma.bench.conduct import Conductor
from nfsrdma.bench.plan import KIB, MIB, Group, Plan, show_size
from nfsrdma.bench.rows import Row, as_dict, make_rows
from nfsrdma.bench.targets import own_servers
from nfsrdma.cli.bench import describe_here

SIZE: Final = 4 * MIB
"""Of each client's file."""


def measure(transports: list[str], clients: int, rounds: int, slice_s: float) -> list[Row]:
    """The rows of so many clients."""
    groups = [
        Group(None, None, 1, 1, ("getattr",)),
        Group(4 * KIB, SIZE, 1, 1, ("write", "read")),
        Group(64 * KIB, SIZE, 1, 1, ("write", "read")),
    ]
    todo = Plan(tuple(groups), rounds, slice_s, clients=clients, verify=False)
    with own_servers(transports, clients * SIZE) as chosen:
        conductor = Conductor(todo, chosen.targets, lambda text: None)
        conductor.run()
    return make_rows(
        conductor.samples, clients=clients, cached=False, verified=False,
        machine=describe_here(), when=time.strftime("%Y-%m-%dT%H:%M:%S"),
    )  # fmt: skip


def table(rows: list[Row]) -> Table:
    """The rows for people."""
    shown = Table(title="One server, many clients, one operation in flight of each")
    for column in ("operation", "transport", "clients"):
        shown.add_column(column)
    for column in ("operations/s", "slowest : fastest", "p50 / p99 / p99.9, µs", "CPU µs, server"):
        shown.add_column(column, justify="right")
    for row in sorted(rows, key=lambda row: (row.op, row.record or 0, row.label, row.clients)):
        record = "" if row.record is None else f" {show_size(row.record)}"
        even = "" if row.fairness is None else f"{row.fairness:.2f}"
        rate = row.error or tables.number(row.ops_s)
        shown.add_row(
            row.op + record, row.label, str(row.clients), rate, even, tables.trips(row),
            tables.number(row.cpu_us_per_op_server),
        )  # fmt: skip
    return shown


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--transports", default="tcp,soft,shm")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slice", type=float, default=1.0, help="seconds of each measurement")
    parser.add_argument("--json", type=Path, help="the rows")
    given = parser.parse_args()
    console = Console(width=max(120, Console().width), highlight=False)
    console.print(describe_here(), f"load {os.getloadavg()[0]:.1f}", sep="; ")
    rows: list[Row] = []
    for clients in map(int, given.clients.split(",")):
        rows += measure(given.transports.split(","), clients, given.rounds, given.slice)
    console.print(table(rows))
    if given.json is not None:
        given.json.write_text(json.dumps([as_dict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()

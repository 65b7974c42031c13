"""The aims of issue 5, measured and held against what was to be reached.

    make targets     or   python benchmarks/targets.py [--rounds 5] [--slice 0.25] [--json FILE]

Everything that is compared takes turns in one run, as in ``nfsrdma bench``; ratios are of medians.
Ganesha and libnfs take part if they are there. It takes some five minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ganesha
import history
import libnfs_client
from rich.console import Console
from rich.table import Table

from nfsrdma.bench import plan, tables
from nfsrdma.bench.clients import ClientFailed
from nfsrdma.bench.conduct import Conductor, Target
from nfsrdma.bench.machine import LOOPBACK, busy_processors, describe_business
from nfsrdma.bench.plan import KIB, MIB, Group, show_size
from nfsrdma.bench.rows import Row, as_dict, make_rows
from nfsrdma.bench.servers import resident_mb
from nfsrdma.bench.targets import own_servers
from nfsrdma.cli.bench import describe_here
from nfsrdma.client import aio
from nfsrdma.rpcrdma.providers import registry

PREFIXES = ("/opt/libnfs", "/opt/libnfs7", "/usr/local")
RECORDS = (1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
SIZE = 64 * MIB
CONNECTIONS = 64
BOTH = "libnfs+Ganesha"
OURS = "libnfs+ours"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the table; ``reached`` is None for what could not be measured."""

    what: str
    found: str
    wanted: str
    reached: bool | None


class Libnfs:
    """libnfs in the place of a client of ours: answers the conductor's orders for one server."""

    def __init__(self, driver: Path, target: str) -> None:
        self._driver = driver
        self._target = target
        self._answer: dict[str, Any] = {}
        self.pid = 0
        self.alive = True

    def ask(self, order: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self.tell(order)
        return self.answer(timeout_s)

    def tell(self, order: dict[str, Any]) -> None:
        self._answer = {}
        if order["do"] == "mount":
            self._answer = {"rsize": SIZE, "wsize": SIZE}
        elif order["do"] == "measure":
            self._answer = self._measure(order)

    def answer(self, timeout_s: float) -> dict[str, Any]:
        return self._answer

    def leave(self) -> bool:
        return True

    def kill(self) -> None:
        pass

    def _measure(self, order: dict[str, Any]) -> dict[str, Any]:
        words = {"read": "read", "rewrite": "write", "getattr": "getattr"}
        if order["op"] not in words:  # it writes within the file that is there
            return {"ops": 0, "octets": 0, "elapsed": 1.0, "cpu": 0.0, "rtts": []}
        record = order["record"] or 0
        line = f"{words[order['op']]} {record} {order['depth']}"
        try:
            (one,) = libnfs_client.measure(
                self._driver, self._target, [line], seconds=order["slice_s"]
            )
        except libnfs_client.LibnfsError as error:
            raise ClientFailed(str(error)) from None
        ops = round(one.ops_s * order["slice_s"])
        return {
            "ops": ops,
            "octets": ops * record,
            "elapsed": order["slice_s"],
            "cpu": one.cpu_s,
            "rtts": [],
        }


class Run:
    """Measures groups of targets, and finds the figures again."""

    def __init__(self, rounds: int, slice_s: float, console: Console) -> None:
        self._rounds = rounds
        self._slice_s = slice_s
        self._console = console
        self.rows: list[Row] = []

    def measure(self, groups: Sequence[Group], targets: Sequence[Target]) -> list[Row]:
        """The rows; what failed is told."""
        todo = plan.Plan(tuple(groups), self._rounds, self._slice_s, verify=False)
        total, done = todo.steps * len(targets), 0

        def report(text: str) -> None:
            nonlocal done
            done += 1
            if sys.stderr.isatty():
                print(f"\r{done}/{total} {text:60}", end="", file=sys.stderr)
            elif done % 50 == 1:
                print(f"{done}/{total} {text}", file=sys.stderr)

        conductor = Conductor(todo, targets, report)
        conductor.run()
        if sys.stderr.isatty():
            print("\r" + " " * 79 + "\r", end="", file=sys.stderr)
        made = make_rows(
            conductor.samples,
            clients=1,
            cached=False,
            verified=False,
            machine=describe_here(),
            when=time.strftime("%Y-%m-%dT%H:%M:%S"),
        )
        for line in tables.problems(made):
            self._console.print(line)
        self.rows += made
        return made


def find(rows: Sequence[Row], label: str, op: str, record: int | None, depth: int) -> Row | None:
    """The row with figures, if there is one."""
    for row in rows:
        if (row.label, row.op, row.record, row.depth) == (label, op, record, depth) and row.ops_s:
            return row
    return None


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


def processor(rows: Sequence[Row], op: str, record: int) -> Verdict:
    """The processor time of a GB, both sides, over shm and over TCP."""
    what = f"{op} {show_size(record)}: CPU per GB, shm : tcp"
    totals = []
    for label in ("shm", "tcp"):
        row = find(rows, label, op, record, 1)
        if row is None or row.cpu_s_per_gb_client is None or row.cpu_s_per_gb_server is None:
            return Verdict(what, "not measured", "≤ 1/3", None)
        totals.append(row.cpu_s_per_gb_client + row.cpu_s_per_gb_server)
    of = totals[0] / totals[1]
    return Verdict(
        what, f"{of:.2f}   ({totals[0]:.2f} : {totals[1]:.2f} s/GB)", "≤ 0.33", of <= 1 / 3
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


def transports(run: Run) -> list[Verdict]:
    """What concerns our own two ends."""
    groups = [Group(record, SIZE, 1, 1, ("write", "read")) for record in RECORDS]
    calls = [Group(None, None, 1, 1, ("null",)), Group(None, None, 32, 1, ("getattr",))]
    with own_servers(("tcp", "soft", "shm"), SIZE) as chosen:
        rows = run.measure([*groups, *calls], chosen.targets)
    verdicts = []
    for op in ("read", "write"):
        for record in RECORDS:
            wanted = 4.0 if record == MIB else 2.0 if record == 64 * KIB else 1.0
            verdicts.append(ratio(rows, ("shm", "tcp"), op, record, 1, wanted))
        verdicts += [processor(rows, op, record) for record in RECORDS if record > 64 * KIB]
    for op in ("read", "write"):
        verdicts += [ratio(rows, ("soft", "tcp"), op, record, 1, 0.7) for record in RECORDS]
    large = find(rows, "soft", "read", MIB, 1)
    verdicts.append(
        Verdict(
            "read 1 MiB, depth 1: soft",
            f"{tables.number(large.mb_s)} MB/s" if large else "not measured",
            "≥ 1,000 MB/s",
            None if large is None or large.mb_s is None else large.mb_s >= 1000,
        )
    )
    verdicts += [rate(rows, "shm", 25_000), rate(rows, "tcp", 15_000)]
    null = find(rows, "shm", "null", None, 1)
    verdicts.append(
        Verdict(
            "NULL round trip, median, shm",
            f"{null.rtt_us_p50} µs" if null else "not measured",
            "≤ 40 µs",
            None if null is None or null.rtt_us_p50 is None else null.rtt_us_p50 <= 40,
        )
    )
    return verdicts


def peers(run: Run, prefix: Path | None, console: Console) -> list[Verdict]:
    """What concerns Ganesha and libnfs, on the same directory as our own server."""
    missing = ganesha.why_not()
    driver = None
    try:
        found = prefix or next(
            path for path in map(Path, PREFIXES)
            if (path / "include/nfsc/libnfs-raw-nfs4.h").exists()
        )  # fmt: skip
        driver = libnfs_client.build(found)
    except (libnfs_client.LibnfsError, StopIteration) as error:
        missing = missing or str(error) or f"no libnfs 7 below {', '.join(PREFIXES)}"
    if missing is not None or driver is None:
        return [Verdict(f"against {BOTH}", f"not measured: {missing}", "", None)]
    with ExitStack() as stack:
        chosen = stack.enter_context(own_servers(("tcp", "shm"), 2 * SIZE))
        ours = {target.transport: target for target in chosen.targets}
        folder = chosen.folder
        assert folder is not None
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port, pid = stack.enter_context(ganesha.ganesha(folder, scratch))
        # Its pages are there before anyone writes to them, as they are for our own rewrite.
        (folder / "libnfs").write_bytes(bytes(SIZE))
        where = ours["tcp"].url.removeprefix("nfs+tcp://").rstrip("/")

        def by_libnfs(label: str, address: str, server: int) -> Target:
            return Target(
                label, "tcp", f"nfs+tcp://{address}", server_pid=server,
                start=lambda: Libnfs(driver, address),  # type: ignore[arg-type, return-value]
            )  # fmt: skip

        theirs = by_libnfs(BOTH, f"127.0.0.1:{port}/ganesha/libnfs", pid)
        mixed = by_libnfs(OURS, f"{where}/libnfs", ours["tcp"].server_pid or 0)
        records = [record for record in RECORDS if record <= MIB]
        verdicts = []
        if "shm" in ours:
            groups = [
                Group(record, SIZE, depth, 1, ("write", "rewrite", "read"))
                for record in records
                for depth in (1, 8)
            ]
            rows = run.measure(groups, [ours["shm"], theirs])
            verdicts = [
                ratio(rows, ("shm", BOTH), op, record, depth, 1.0 if record >= 16 * KIB else 0.7)
                for op in ("read", "rewrite")
                for depth in (1, 8)
                for record in records
            ]
        theirs.clients.clear()
        theirs.folders.clear()
        groups = [
            Group(record, SIZE, depth, 1, ("rewrite", "read"))
            for record in (4 * KIB, MIB)
            for depth in (1, 8)
        ]
        rows = run.measure(groups, [mixed, theirs])
        for depth in (1, 8):
            verdicts.append(ratio(rows, (OURS, BOTH), "read", 4 * KIB, depth, 0.5))
            verdicts.append(ratio(rows, (OURS, BOTH), "read", MIB, depth, 1.0))
            verdicts.append(ratio(rows, (OURS, BOTH), "rewrite", MIB, depth, 1.0))
        return verdicts


def _idle(url: str, options: dict[str, Any], pipe: Any) -> None:
    """Hold the connections until told to go: mounts of one host, so on one RDMA device."""
    opened: list[Any] = []
    open_device = registry.open_device

    def open_once(*args: Any, **more: Any) -> Any:
        if not opened:
            opened.append(open_device(*args, **more))
        return opened[0]

    async def hold() -> None:
        registry.open_device = open_once
        mounts = [await aio.mount(url, **options) for _ in range(CONNECTIONS)]
        pipe.send(len(mounts))
        while not pipe.poll():
            await asyncio.sleep(0.05)

    asyncio.run(hold())


def memory() -> list[Verdict]:
    """The server's resident memory with so many idle connections."""
    verdicts = []
    context = multiprocessing.get_context("spawn")
    with own_servers(("tcp", "soft", "shm"), MIB) as chosen:
        for target in chosen.targets:
            here, there = context.Pipe()
            process = context.Process(target=_idle, args=(target.url, target.options, there))
            process.start()
            there.close()
            found, reached = "the connections could not be made", None
            with suppress(EOFError):
                here.recv()
                used = resident_mb(target.server_pid or 0)
                found, reached = f"{used:.0f} MB", used <= 100
                here.send(None)
            process.join(10)
            process.kill()
            what = f"server's memory, {CONNECTIONS} idle connections, {target.label}"
            verdicts.append(Verdict(what, found, "≤ 100 MB", reached))
    return verdicts


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


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slice", type=float, default=0.25, help="seconds of each measurement")
    parser.add_argument("--prefix", type=Path, help="where libnfs 7 is installed")
    parser.add_argument("--only", choices=("transports", "peers", "memory"))
    parser.add_argument(
        "--history", type=Path, help="compare with the last run on this machine, and append a line"
    )
    parser.add_argument("--json", type=Path, help="the rows behind the table")
    given = parser.parse_args()
    console = Console(highlight=False)
    if console.width < 132:
        console = Console(highlight=False, width=132)
    console.print(describe_here())
    console.print(LOOPBACK)
    if (busy := describe_business(busy_processors())) is not None:
        console.print(f"[yellow]{busy}[/]")
    run = Run(given.rounds, given.slice, console)
    verdicts: list[Verdict] = []
    if given.only in (None, "transports"):
        verdicts += transports(run)
    if given.only in (None, "peers"):
        verdicts += peers(run, given.prefix, console)
    if given.only in (None, "memory"):
        verdicts += memory()
    show(verdicts, console)
    if given.history is not None:
        history.compare_and_append(given.history, run.rows, describe_here(), console)
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(
            "[\n" + ",\n".join(json.dumps(as_dict(row)) for row in run.rows) + "\n]\n"
        )


if __name__ == "__main__":
    main()

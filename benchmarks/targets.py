"""The aims in speed (``aims.py``), measured and held against what was to be reached.

    make targets     or   python benchmarks/targets.py [--rounds 5] [--slice 0.25] [--json FILE]

Everything that is compared takes turns in one run, as in ``nfsrdma bench``; ratios are of medians.
Ganesha, libnfs and tshark take part if they are there. It takes some ten minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import aims
import dissect
import ganesha
import history
import libnfs_client
from aims import BOTH, OURS, RECORDS, Verdict
from rich.console import Console

from nfsrdma.bench import plan, tables
from nfsrdma.bench.clients import ClientFailed
from nfsrdma.bench.conduct import Conductor, Target
from nfsrdma.bench.machine import LOOPBACK, busy_processors, describe_business
from nfsrdma.bench.plan import KIB, MIB, Group
from nfsrdma.bench.rows import Row, as_dict, make_rows
from nfsrdma.bench.servers import resident_mb
from nfsrdma.bench.targets import own_servers
from nfsrdma.cli.bench import describe_here
from nfsrdma.client import aio
from nfsrdma.rpcrdma.providers import registry

PREFIXES = ("/opt/libnfs", "/opt/libnfs7", "/usr/local")
COMPILED = Path("build/compiled/src")
SECTIONS = ("transports", "peers", "dissector", "memory", "start")
SIZE = 64 * MIB
CONNECTIONS = 64


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


def transports(run: Run) -> list[Verdict]:
    """What concerns our own two ends."""
    groups = [Group(record, SIZE, 1, 1, ("write", "read")) for record in RECORDS]
    deep = [Group(record, SIZE, 8, 1, ("write", "read")) for record in RECORDS]
    calls = [Group(None, None, 1, 1, ("null",)), Group(None, None, 32, 1, ("getattr",))]
    with own_servers(("tcp", "soft", "shm"), SIZE) as chosen:
        return list(aims.of_transports(run.measure([*groups, *deep, *calls], chosen.targets)))


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
        groups = [
            Group(record, SIZE, depth, 1, ("write", "rewrite", "read"))
            for record in aims.PEER_RECORDS
            for depth in (1, 8)
        ]
        verdicts = list(aims.of_peers(run.measure(groups, [*ours.values(), theirs])))
        theirs.clients.clear()
        theirs.folders.clear()
        groups = [Group(4 * KIB, SIZE, depth, 1, ("rewrite", "read")) for depth in (1, 8)]
        return verdicts + list(aims.of_server(run.measure(groups, [mixed, theirs])))


def dissector(console: Console) -> list[Verdict]:
    """What concerns the dissector; compiled, where ``make compiled`` has been."""
    options = argparse.Namespace(
        packets=200_000, messages=100_000, rounds=3,
        compiled=COMPILED if COMPILED.is_dir() else None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        found = dissect.rows(Path(folder), options, console)
    console.print(dissect.table(found))
    return list(aims.of_dissector(found))


def start() -> list[Verdict]:
    """How long ``nfsrdma ls`` takes from a cold start of the interpreter, best of five."""
    with own_servers(("tcp",), KIB) as chosen:
        line = [sys.executable, "-m", "nfsrdma", "ls", chosen.targets[0].url]
        took = []
        for _ in range(6):  # the first writes bytecode
            began = time.perf_counter()
            subprocess.run(line, check=True, stdout=subprocess.DEVNULL)
            took.append(time.perf_counter() - began)
    least, middle = min(took[1:]), statistics.median(took[1:])
    found = f"{middle:.2f} s   (least {least:.2f})"
    return [Verdict("nfsrdma ls, whole program, median", found, "≤ 0.25 s", middle <= 0.25)]


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
        for each in mounts:
            await each.close()

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


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slice", type=float, default=0.25, help="seconds of each measurement")
    parser.add_argument("--prefix", type=Path, help="where libnfs 7 is installed")
    parser.add_argument("--only", choices=SECTIONS)
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
    if given.only in (None, "dissector"):
        verdicts += dissector(console)
    if given.only in (None, "memory"):
        verdicts += memory()
    if given.only in (None, "start"):
        verdicts += start()
    aims.show(verdicts, console)
    if given.history is not None:
        history.compare_and_append(given.history, run.rows, describe_here(), console)
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(
            "[\n" + ",\n".join(json.dumps(as_dict(row)) for row in run.rows) + "\n]\n"
        )


if __name__ == "__main__":
    main()

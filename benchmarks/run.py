"""How fast it is: our own client and server on this machine, over soft RDMA beside TCP.

    make bench        or   python benchmarks/run.py [--rounds 5] [--quick] [--out FILE]

One server process serves a scratch directory in memory over both transports. The measurements
take turns, soft and TCP, round after round, so that whatever else the machine does is shared out
fairly; the median of the rounds is shown, and the least and the greatest. Afterwards both
processes are profiled once, apart from the measurements.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import platform
import shutil
import socket
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import workloads
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rooms import ROOMS, by_room
from server_process import ServerProcess, cpu_seconds, resident_mb, serve
from workloads import KIB, MIB

import nfsrdma.client as nfs
from nfsrdma.client import Mount
from nfsrdma.rpcrdma.providers.udp import BUFFER_OCTETS, SO_RCVBUFFORCE, granted_buffer

TRANSPORTS = ("soft", "tcp")
_SCRATCH_OCTETS = 512 * MIB
_GROWTH_FILES = 3000
_WIDTH = 104
"""Columns that the tables want."""

Key = tuple[str, int | None, int | None, str]
"""Operation, record in octets, calls in flight, unit."""
Values = dict[Key, dict[str, list[float]]]
"""Key -> transport -> the value of each round."""
Facts = list[tuple[str, str, str, float]]
"""Transport, what it is, unit, value."""


class Bench:
    """Measurements of one server, and where to put them."""

    def __init__(self, server: ServerProcess, mounts: dict[str, Mount]) -> None:
        self._server = server
        self._mounts = mounts
        self.values: Values = defaultdict(lambda: defaultdict(list))

    def note(self, transport: str, key: Key, value: float) -> None:
        """Add the value of one round."""
        self.values[key][transport].append(value)

    def steps(self) -> list[tuple[str, Callable[[str, Mount], None]]]:
        """The measurements of one round, each for one transport: label, function."""
        bulk = [
            (f"{name} {record >> 10} KiB, {depth} in flight", self._bulk(name, work, record, depth))
            for name, work in (("READ", workloads.read), ("WRITE", workloads.write))
            for record in (64 * KIB, MIB)
            for depth in (1, 8)
        ]
        return [
            ("NULL", self._null),
            *((f"GETATTR, {depth} in flight", self._getattr(depth)) for depth in (1, 8)),
            *bulk,
            ("readall", self._whole),
            *((f"small files, {depth} in flight", self._small(depth)) for depth in (1, 8)),
        ]

    def _null(self, transport: str, mount: Mount) -> None:
        times = workloads.null_round_trips(mount)
        self.note(transport, ("NULL, least", None, 1, "us"), times[0])
        self.note(transport, ("NULL, median", None, 1, "us"), statistics.median(times))
        self.note(transport, ("NULL, 99 %", None, 1, "us"), times[len(times) * 99 // 100])

    def _getattr(self, depth: int) -> Callable[[str, Mount], None]:
        def step(transport: str, mount: Mount) -> None:
            rate = workloads.getattrs(mount, depth, 400 * min(depth, 4))
            self.note(transport, ("GETATTR", None, depth, "1/s"), rate)

        return step

    def _bulk(
        self, name: str, work: Callable[..., float], record: int, depth: int
    ) -> Callable[[str, Mount], None]:
        octets = 2 * workloads.FILE_OCTETS if record == MIB else workloads.FILE_OCTETS // 2

        def step(transport: str, mount: Mount) -> None:
            before = self._processor_times()
            self.note(transport, (name, record, depth, "MB/s"), work(mount, record, depth, octets))
            if record == MIB and depth == 8:
                after = self._processor_times()
                for side in ("client", "server"):
                    key = (f"{name}, {side}'s CPU", record, depth, "s/GB")
                    self.note(transport, key, (after[side] - before[side]) / (octets / 1e9))

        return step

    def _processor_times(self) -> dict[str, float]:
        return {"client": time.process_time(), "server": sum(cpu_seconds(self._server.pid))}

    def _whole(self, transport: str, mount: Mount) -> None:
        rate = workloads.read_whole(mount)
        self.note(transport, ("open().readall()", 32 * MIB, None, "MB/s"), rate)

    def _small(self, depth: int) -> Callable[[str, Mount], None]:
        def step(transport: str, mount: Mount) -> None:
            created, fetched = workloads.small_files(mount, depth, 100 * min(depth, 4))
            octets = workloads.SMALL_OCTETS
            self.note(transport, ("file written, stable", octets, depth, "1/s"), created)
            self.note(transport, ("file read", octets, depth, "1/s"), fetched)

        return step

    def growth(self, count: int, report: Callable[[int], None]) -> None:
        """Whether the thousandth file costs more than the first."""
        for transport, mount in self._mounts.items():
            first, last = workloads.growth(mount, count, report)
            record = workloads.SMALL_OCTETS
            self.note(transport, ("file written, first 100", record, 1, "us"), first)
            self.note(transport, (f"..., last 100 of {count:,}", record, 1, "us"), last)


def measure(folder: Path, rounds: int, files: int, console: Console) -> tuple[Values, Facts]:
    """All measurements; the values, and what else is worth telling."""
    columns = (TextColumn("{task.description:32}"), BarColumn(), TimeElapsedColumn())
    with (
        serve(folder) as server,
        nfs.mount(server.rdma_url) as soft,
        nfs.mount(server.tcp_url) as tcp,
        Progress(*columns, console=console) as bar,
    ):
        mounts = dict(zip(TRANSPORTS, (soft, tcp), strict=True))
        bench = Bench(server, mounts)
        begin = resident_mb(server.pid)
        steps = bench.steps()
        task = bar.add_task("warming up", total=rounds * len(steps) * len(mounts) + 2 * files / 100)
        for mount in mounts.values():
            workloads.null_round_trips(mount)
            workloads.read(mount, MIB, 8, workloads.FILE_OCTETS)
        for number in range(rounds):
            for label, step in steps:
                for transport, mount in mounts.items():
                    bar.update(task, description=f"{number + 1}/{rounds} {label}, {transport}")
                    step(transport, mount)
                    bar.advance(task)
        bar.update(task, description=f"{files:,} files")
        bench.growth(files, lambda _: bar.advance(task))
        bar.update(task, description="measured", completed=bar.tasks[0].total)
        counters = soft.connection_counters()
        facts: Facts = [
            ("both", "server's resident memory at the start", "MB", begin),
            ("both", "server's resident memory at the end", "MB", resident_mb(server.pid)),
            ("soft", "client's packets sent", "1", counters["packets_sent"]),
            ("soft", "client's packets sent again", "1", counters["retransmitted"]),
            ("soft", "client's retransmission timeouts", "1", counters["timeouts"]),
        ]
        return bench.values, facts


PROFILED: dict[str, Callable[[Mount], object]] = {
    "READ 1 MiB": lambda mount: workloads.read(mount, MIB, 8, 2 * workloads.FILE_OCTETS),
    "WRITE 1 MiB": lambda mount: workloads.write(mount, MIB, 8, 2 * workloads.FILE_OCTETS),
    "GETATTR": lambda mount: workloads.getattrs(mount, 8, 3000),
    "4 KiB files": lambda mount: workloads.small_files(mount, 8, 500),
}


def profile(folder: Path, scratch: Path, console: Console) -> dict[str, dict[str, float]]:
    """ "work, side" -> room -> seconds, over soft RDMA."""
    found = {}
    for name, work in PROFILED.items():
        console.print(f"profiling {name}", highlight=False)
        there, here = scratch / "server.prof", scratch / "client.prof"
        with serve(folder, profile=there) as server, nfs.mount(server.rdma_url) as mount:
            workloads.getattrs(mount, 8, 100)
            server.start_profile()
            profiler = cProfile.Profile()
            profiler.enable()
            work(mount)
            profiler.disable()
            profiler.dump_stats(here)
        found[f"{name}, client"] = by_room(here)
        found[f"{name}, server"] = by_room(there)
    return found


def machine() -> str:
    """The processor, how many, the kernel, Python, and what else decides the figures."""
    cpu = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        buffer = granted_buffer(probe, SO_RCVBUFFORCE, socket.SO_RCVBUF, BUFFER_OCTETS)
    virtual = ", virtual" if info.exists() and "hypervisor" in info.read_text() else ""
    return (
        f"{cpu}, {os.cpu_count()} cores{virtual}; Linux {platform.release().partition('-')[0]}; "
        f"Python {platform.python_version()}; UDP receive buffer {buffer >> 10:,} KiB"
    )


def rows(values: Values, facts: Facts, found: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """What the JSON file holds: the measurements, the facts, and the shares of the profile."""
    table = []

    def add(transport: str, key: Key, values: list[float]) -> None:
        op, record, depth, unit = key
        table.append(
            {
                "transport": transport,
                "op": op,
                "record": record,
                "depth": depth,
                "value": round(statistics.median(values), 3),
                "unit": unit,
                "spread": [round(min(values), 3), round(max(values), 3)],
            }
        )

    for key, of in values.items():
        for transport in TRANSPORTS:
            add(transport, key, of[transport])
    for transport, op, unit, value in facts:
        add(transport, (op, None, None, unit), [value])
    for name, seconds in found.items():
        for room, share in shares(seconds).items():
            add("soft", (f"{name}, share of {room}", None, None, "%"), [share])
    return table


def speeds(values: Values) -> Table:
    """The measurements, soft beside TCP."""
    table = Table(title="Median (least to greatest of the rounds)", title_justify="left")
    table.add_column("operation")
    for column in ("record", "in flight", "unit", *TRANSPORTS):
        table.add_column(column, justify="right")
    for (op, record, depth, unit), of in values.items():
        size = "" if record is None else _size(record)
        cells = []
        for transport in TRANSPORTS:
            found = of[transport]
            text = _number(statistics.median(found))
            if len(found) > 1:
                text += f" [dim]({_number(min(found))}-{_number(max(found))})[/]"
            cells.append(text)
        table.add_row(op, size, "" if depth is None else str(depth), unit, *cells)
    return table


def _size(octets: int) -> str:
    return f"{octets >> 20} MiB" if octets >= MIB else f"{octets >> 10} KiB"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def where(found: dict[str, dict[str, float]]) -> Table:
    """The rooms' shares of the time that each process did not wait."""
    table = Table(
        title="Where the time goes over soft: percent of the busy time, under cProfile",
        title_justify="left",
    )
    table.add_column("room")
    for name in found:
        table.add_column(name.replace(", ", "\n"), justify="right")
    columns = [shares(seconds) for seconds in found.values()]
    for room in ROOMS:
        table.add_row(room, *(f"{column[room]:.0f}" for column in columns))
    return table


def shares(seconds: dict[str, float]) -> dict[str, float]:
    """Percent of the time that a process did not wait."""
    busy = sum(seconds.values()) - seconds["waiting"]
    return {room: 100 * seconds[room] / busy for room in ROOMS}


def scratch_folder() -> str | None:
    """Memory, where there is enough of it: a disk is not what we measure."""
    shared = Path("/dev/shm")
    if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _SCRATCH_OCTETS:
        return str(shared)
    return None


def main() -> None:
    """Measure, print, write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two rounds, fewer files")
    parser.add_argument("--no-profile", action="store_true", help="measure only")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("out.json"))
    arguments = parser.parse_args()
    rounds, files = (2, 500) if arguments.quick else (arguments.rounds, _GROWTH_FILES)
    console = Console(highlight=False)
    if console.width < _WIDTH:
        console = Console(highlight=False, width=_WIDTH)
    about = machine()
    console.print(about)
    with tempfile.TemporaryDirectory(prefix="nfsrdma-bench-", dir=scratch_folder()) as name:
        folder = Path(name, "export")
        folder.mkdir()
        workloads.make_files(str(folder))
        values, facts = measure(folder, rounds, files, console)
        console.print(speeds(values))
        for _, fact, unit, value in facts:
            console.print(f"{fact}: {value:,.0f}{'' if unit == '1' else ' ' + unit}")
        found = {} if arguments.no_profile else profile(folder, Path(name), console)
    if found:
        console.print(where(found))
    lines = (json.dumps(row) for row in rows(values, facts, found))
    arguments.out.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    console.print(f"Written: {arguments.out.name}")


if __name__ == "__main__":
    main()

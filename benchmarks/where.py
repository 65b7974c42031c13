"""Where the time goes: each process's busy time by the rooms of the house, under cProfile.

    python benchmarks/where.py [--transport soft] [--works read,write,getattr,create]

The client is this process, the server another one; both are profiled while one kind of work of
``nfsrdma bench`` runs, apart from any measurement.
"""

from __future__ import annotations

import argparse
import cProfile
import signal
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rooms import ROOMS, by_room

from nfsrdma.bench.load import FileUnderTest, Loader
from nfsrdma.bench.metadata import Names
from nfsrdma.bench.pattern import Pattern
from nfsrdma.bench.plan import DATA_OPS, MIB
from nfsrdma.bench.servers import start_server
from nfsrdma.bench.targets import scratch_folder
from nfsrdma.client import mount

_SIZE = 64 * MIB


def profile(
    work: str, transport: str, record: int, depth: int, seconds: float, scratch: Path
) -> dict[str, dict[str, float]]:
    """Side -> room -> seconds."""
    here, there = scratch / "client.prof", scratch / "server.prof"
    export = scratch / "export"
    export.mkdir(exist_ok=True)
    launcher = (str(Path(__file__).with_name("profiled.py")), str(there))
    server = start_server(transport, export, launcher=launcher)
    provider = {} if transport == "tcp" else {"provider": transport}
    try:
        with mount(server.url, **provider) as fs:
            pattern = Pattern(record, 1)
            loader = Loader(fs, pattern, verify=False, cached=False, seed=1)
            names = Names(fs, "names")
            file = FileUnderTest("file", record, _SIZE, 0)
            if work in DATA_OPS:
                loader.measure("write", [file], depth, seconds)
            server.process.send_signal(signal.SIGUSR1)
            time.sleep(0.1)
            profiler = cProfile.Profile()
            profiler.enable()
            if work in DATA_OPS:
                loader.measure(work, [file], depth, seconds)
            else:
                names.measure(work, depth, seconds)
            profiler.disable()
            profiler.dump_stats(here)
            loader.close(file)
            names.clear()
    finally:
        server.stop()
    return {"client": by_room(here), "server": by_room(there)}


def shares(seconds: dict[str, float]) -> dict[str, float]:
    """Percent of the time that a process did not wait."""
    busy = sum(seconds.values()) - seconds["waiting"]
    return {room: 100 * seconds[room] / busy for room in ROOMS}


def main() -> None:
    """Profile, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--transport", default="soft")
    parser.add_argument("--works", default="read,write,getattr,create")
    parser.add_argument("--record", type=int, default=MIB)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    table = Table(title=f"Percent of the busy time over {given.transport}, under cProfile")
    table.add_column("room")
    columns = []
    for work in given.works.split(","):
        with tempfile.TemporaryDirectory(dir=scratch_folder(4 * _SIZE)) as scratch:
            found = profile(
                work, given.transport, given.record, given.depth, given.seconds, Path(scratch)
            )
        for side, seconds in found.items():
            table.add_column(f"{work}\n{side}", justify="right")
            columns.append(shares(seconds))
    for room in ROOMS:
        table.add_row(room, *(f"{column[room]:.0f}" for column in columns))
    Console(width=max(Console().width, 12 + 10 * len(columns))).print(table)


if __name__ == "__main__":
    main()

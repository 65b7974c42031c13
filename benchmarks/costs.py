"""What an operation costs the server, against how much there is of everything; and octets of each.

    make costs     or   python benchmarks/costs.py [--only clients,tree] [--short] [--json FILE]

For 1 to 512 clients, for directories and trees of up to a million files, and for opens, locks and
delegations held, the server's processor time of each operation must be flat or grow like a
logarithm. It takes some three minutes, and for the tree 1.5 GB of memory in ``/dev/shm``.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from costs_memory import KINDS, octets_of_each
from costs_scenes import FACTORS, Factor, fill
from costs_world import Work
from rich.console import Console
from rich.table import Table

from nfsrdma.bench.servers import cpu_seconds, start_server
from nfsrdma.bench.targets import scratch_folder
from nfsrdma.cli.bench import describe_here
from nfsrdma.client import Mount, mount

FLAT: Final = 1.25
"""How many times the cost may grow and be called flat: caches of the processor are seen too."""
STEEPEST: Final = 0.15
"""The exponent from which on it is no logarithm: a cost that is in part linear has a higher one."""
LISTED: Final = 100_000
"""Entries of the directory that is listed from end to end."""
LISTED_S: Final = 80_000
"""Entries to be listed in a second."""
WORDS: Final = ("octets", "listing", *FACTORS)
BATCHES: Final = 9
EACH: Final = 40


@dataclass(frozen=True, slots=True)
class Growth:
    """The costs of one operation in microseconds, one for each size."""

    factor: str
    operation: str
    sizes: tuple[int, ...]
    us: tuple[float, ...]

    @property
    def times(self) -> float:
        """How many times the least size's cost the greatest size's is."""
        return self.us[-1] / self.us[0]

    @property
    def exponent(self) -> float:
        """The slope from the least to the greatest size with both axes logarithmic; 1 is linear."""
        return math.log(self.times) / math.log(self.sizes[-1] / self.sizes[0])

    @property
    def verdict(self) -> str:
        """What it is like: flat, a logarithm, or more."""
        if self.times <= FLAT:
            return "flat"
        return "logarithmic" if self.exponent <= STEEPEST else "GROWS"


def measure(work: Work, start: int) -> dict[str, float]:
    """Return microseconds of each operation of a work: the median of batches' means."""
    found: dict[str, list[float]] = defaultdict(list)
    for batch in range(BATCHES + 1):
        total: dict[str, int] = defaultdict(int)
        for i in range(EACH):
            for name, spent in work(start + batch * EACH + i).items():
                total[name] += spent
        if batch:  # The first one is to warm up.
            for name, spent in total.items():
                found[name].append(spent / EACH / 1000)
    return {name: statistics.median(each) for name, each in found.items()}


def grow(word: str, factor: Factor, sizes: Sequence[int]) -> list[Growth]:
    """Measure everything of one factor."""
    found: dict[str, list[float]] = defaultdict(list)
    for size in sizes:
        print(f"{word}: {size:,} {factor.title}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=scratch_folder(0)) as folder:
            with factor.scene(size, Path(folder)) as works:
                gc.collect()
                gc.freeze()
                for number, work in enumerate(works.values()):
                    for name, us in measure(work, number * 10_000).items():
                        found[name].append(us)
            gc.unfreeze()
    return [Growth(word, name, tuple(sizes), tuple(each)) for name, each in found.items()]


def show(growths: Iterable[Growth], factor: Factor, console: Console) -> None:
    """Show one factor's table."""
    growths = list(growths)
    table = Table(
        title=f"µs of the server for each operation, by {factor.title}", title_justify="left"
    )
    table.add_column("operation")
    for size in growths[0].sizes:
        table.add_column(f"{size:,}", justify="right")
    table.add_column("times", justify="right")
    table.add_column("")
    for each in growths:
        mark = f"[red]{each.verdict}[/]" if each.verdict == "GROWS" else each.verdict
        table.add_row(each.operation, *(f"{us:.1f}" for us in each.us), f"{each.times:.2f}", mark)
    console.print(table)


@dataclass(slots=True)
class Listing:
    """Rounds of a long listing: entries per second, and microseconds of processor time for each."""

    rates: list[float] = field(default_factory=list)
    client_us: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)


def list_all(rounds: int = 7) -> dict[str, Listing]:
    """List a long directory with attributes, between two processes, by the transports in turns."""
    found = {"tcp": Listing(), "shm": Listing()}
    with tempfile.TemporaryDirectory(dir=scratch_folder(0)) as folder:
        below = Path(folder) / "many"
        below.mkdir()
        fill(below, LISTED)
        servers = {transport: start_server(transport, Path(folder)) for transport in found}
        try:
            for _ in range(rounds):
                for transport, server in servers.items():
                    provider = {} if transport == "tcp" else {"provider": transport}
                    with mount(server.url, **provider) as fs:
                        _list(fs, server.process.pid, found[transport])
        finally:
            for server in servers.values():
                server.stop()
    return found


def _list(fs: Mount, server: int, into: Listing) -> None:
    begin, ours, theirs = time.perf_counter(), time.process_time(), cpu_seconds(server)
    count = len(list(fs.scandir("many")))
    into.rates.append(count / (time.perf_counter() - begin))
    into.client_us.append(1e6 * (time.process_time() - ours) / count)
    into.server_us.append(1e6 * (cpu_seconds(server) - theirs) / count)


def show_listing(found: Mapping[str, Listing], console: Console) -> None:
    """Show how quick a long listing is."""
    for transport, each in found.items():
        middle = statistics.median(each.rates)
        reached = "reached" if middle >= LISTED_S else "[red]not reached[/]"
        console.print(
            f"READDIR of {LISTED:,} entries with attributes, {transport}: {middle:,.0f} entries/s "
            f"({min(each.rates):,.0f} to {max(each.rates):,.0f}), µs of processor time for each "
            f"{statistics.median(each.client_us):.1f} + {statistics.median(each.server_us):.1f}; "
            f"wanted {LISTED_S:,}: {reached}"
        )


def show_octets(octets: Mapping[str, float], console: Console) -> None:
    """Show what each thing takes of the server's memory."""
    table = Table(title="Octets of the server's memory", title_justify="left")
    table.add_column("one more")
    table.add_column("octets", justify="right")
    for what, each in octets.items():
        table.add_row(what, f"{each:,.0f}")
    console.print(table)


def chosen(words: str | None) -> list[str]:
    """Return what to measure. Raises SystemExit for what there is not."""
    given = WORDS if words is None else words.split(",")
    for word in given:
        if word not in WORDS:
            raise SystemExit(f"there is no {word!r}; there are: {', '.join(WORDS)}")
    return list(given)


def main() -> int:
    """Measure, show, and return how many operations grow."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help=f"of {','.join(WORDS)}")
    parser.add_argument("--short", action="store_true", help="leave out the greatest size of each")
    parser.add_argument("--json", type=Path, help="the figures behind the tables")
    given = parser.parse_args()
    console = Console(highlight=False)
    console.print(describe_here())
    every: list[Growth] = []
    octets: dict[str, float] = {}
    listing: dict[str, Listing] = {}
    for word in chosen(given.only):
        if word == "octets":
            octets = octets_of_each(KINDS)
            show_octets(octets, console)
            continue
        if word == "listing":
            listing = list_all()
            show_listing(listing, console)
            continue
        factor = FACTORS[word]
        growths = grow(word, factor, factor.sizes[:-1] if given.short else factor.sizes)
        show(growths, factor, console)
        every += growths
    steep = [each for each in every if each.verdict == "GROWS"]
    console.print(f"{len(every)} operations, {len(steep)} that grow.")
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        listed = {transport: asdict(each) for transport, each in listing.items()}
        rows = [asdict(each) | {"verdict": each.verdict} for each in every]
        given.json.write_text(
            json.dumps({"costs": rows, "octets": octets, "listing": listed}, indent=1) + "\n"
        )
    return min(len(steep), 1)


if __name__ == "__main__":
    sys.exit(main())

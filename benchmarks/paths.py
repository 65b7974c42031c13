"""How much two paths carry together where the paths are the limit.

    python benchmarks/paths.py [--rate 200mbit] [--kind tcp|soft] [--size 64] [--rounds 5]

Two hosts in network namespaces of their own, and two links between them, each of that rate in both
directions (``tc tbf``). A file is read and written over one path, the other, and both, in turn; the
medians are printed, and how much both carry against the better one. It takes root.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.links import ENVIRONMENT, Links, inside, obstacle

_CLIENT = """
import random, sys, time
import nfsrdma.client as nfs

url, size, *paths = sys.argv[1:]
data = random.Random(1).randbytes(int(size))
with nfs.mount(url, paths=tuple(paths)) as fs:
    start = time.monotonic()
    with fs.open("f", "wb") as file:
        file.write(data)
    written = time.monotonic()
    with fs.open("f", "rb") as file:
        found = file.read()
    print(written - start, time.monotonic() - written)
    assert found == data
    for path in fs.stats.paths:
        print(path.url, path.bytes_sent, path.bytes_received, path.lost, file=sys.stderr)
"""


def measure(name: str, size: int, url: str, *paths: str) -> tuple[float, float]:
    """Seconds that writing and reading a file takes."""
    done = subprocess.run(
        inside(name, sys.executable, "-c", _CLIENT, url, str(size), *paths),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    written, read = done.stdout.split()
    return float(written), float(read)


def compare(rate: str, kind: str, size: int, rounds: int) -> list[tuple[str, float]]:
    """Measure in turn, print, and return how much two paths carry against the better one."""
    ratios = []
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(Links(rate)) as links,
        links.serving(kind, Path(folder)) as (one, other),
    ):
        took: dict[str, list[tuple[float, float]]] = {"first": [], "second": [], "both": []}
        for _ in range(rounds):
            took["first"].append(measure(links.client, size, one))
            took["second"].append(measure(links.client, size, other))
            took["both"].append(measure(links.client, size, one, other))
        for place, what in enumerate(("write", "read")):
            speed = {
                name: size / 1e6 / statistics.median(each[place] for each in times)
                for name, times in took.items()
            }
            ratio = speed["both"] / max(speed["first"], speed["second"])
            ratios.append((what, ratio))
            shown = ", ".join(f"{name} {value:.1f} MB/s" for name, value in speed.items())
            print(f"{kind}, two links of {rate}, {what}: {shown}: {ratio:.2f}", flush=True)
    return ratios


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", default="200mbit", help="of each link, as tc takes it")
    parser.add_argument("--kind", choices=("tcp", "soft"), default="tcp")
    parser.add_argument("--size", type=int, default=64, help="of the file, in MiB")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if why := obstacle():
        print(why, file=sys.stderr)
        return 1
    start = time.monotonic()
    compare(options.rate, options.kind, options.size << 20, options.rounds)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How much two paths carry together where the paths are the limit.

    python benchmarks/paths.py [--rate 200mbit] [--kind tcp|soft] [--size 64] [--rounds 5]

Two hosts in network namespaces of their own, and two links between them, each of that rate in both
directions (``tc tbf``). A file is read and written over one path, the other, and both, in turn; the
medians are printed, and how much both carry against the better one. It takes root.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
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


def ip(*arguments: str) -> None:
    """Run ``ip``."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def inside(name: str, *command: str) -> list[str]:
    """The command that runs in a namespace."""
    return ["ip", "netns", "exec", name, *command]


@contextlib.contextmanager
def links(rate: str, count: int) -> Iterator[tuple[str, str, list[str]]]:
    """Two hosts, and links of that rate between them: their names, and the server's addresses."""
    client, server = f"nfsc{os.getpid()}", f"nfss{os.getpid()}"
    made: list[str] = []
    try:
        for name in (client, server):
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        for number in range(count):
            ends = [(client, f"c{number}", 1), (server, f"s{number}", 2)]
            (one, here, _), (other, there, _) = ends
            kind = ["type", "veth", "peer", "name", there, "netns", other]
            ip("-n", one, "link", "add", here, *kind)
            for name, end, host in ends:
                ip("-n", name, "addr", "add", f"10.77.{number}.{host}/24", "dev", end)
                ip("-n", name, "link", "set", end, "up")
                shape = ["tbf", "rate", rate, "burst", "128k", "latency", "400ms"]
                tc = ["tc", "qdisc", "add", "dev", end, "root", *shape]
                subprocess.run(inside(name, *tc), check=True, capture_output=True)
        yield client, server, [f"10.77.{number}.2" for number in range(count)]
    finally:
        for name in made:
            ip("netns", "del", name)


@contextlib.contextmanager
def serving(name: str, addresses: list[str], kind: str, folder: Path) -> Iterator[list[str]]:
    """Our server in a namespace; the URLs of its paths."""
    command = [sys.executable, "-m", "nfsrdma", "serve", str(folder), "--allow", "10.77.0.0/16"]
    for address in addresses:
        command += ["--listen", address]
    command += ["--provider", "none", "--tcp", "2049"] if kind == "tcp" else ["--provider", "soft"]
    command += ["--no-root-squash", "--state", "memory:"]
    with subprocess.Popen(
        inside(name, *command), env=_ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            while not all(address in told for address in addresses):
                line = process.stdout.readline()
                if not line:
                    raise SystemExit("the server does not start")
                told += line
            scheme = "nfs+tcp" if kind == "tcp" else "nfs+rdma"
            yield [f"{scheme}://{address}/" for address in addresses]
        finally:
            process.terminate()


def measure(name: str, size: int, url: str, *paths: str) -> tuple[float, float]:
    """Seconds that writing and reading a file takes."""
    done = subprocess.run(
        inside(name, sys.executable, "-c", _CLIENT, url, str(size), *paths),
        env=_ENVIRONMENT,
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
    with tempfile.TemporaryDirectory() as folder, links(rate, 2) as (client, server, addresses):
        with serving(server, addresses, kind, Path(folder)) as (one, other):
            took: dict[str, list[tuple[float, float]]] = {"first": [], "second": [], "both": []}
            for _ in range(rounds):
                took["first"].append(measure(client, size, one))
                took["second"].append(measure(client, size, other))
                took["both"].append(measure(client, size, one, other))
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
    if os.geteuid():
        print("only root can make links", file=sys.stderr)
        return 1
    start = time.monotonic()
    compare(options.rate, options.kind, options.size << 20, options.rounds)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

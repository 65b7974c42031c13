"""libnfs as the client: what a C library gets out of a server over TCP, and the CPU it takes.

    python benchmarks/libnfs_client.py HOST:PORT/PATH [HOST:PORT/PATH ...] [--prefix /opt/libnfs]
        [--rounds 5] [--seconds 0.5] [--minor 1] [--work "read 4096 8"]...

PATH is a regular file there that may be written, of at least 64 MiB. Several servers take turns,
round after round; with two, the last column is the second's median over the first's. libnfs 7 must
be installed below the prefix, with its header files; the driver, ``libnfs_client.c``, is compiled
by ``cc`` into the user's cache. Minor version 0 is what libnfs itself speaks; ours is not served,
so minor version 1 is the default: its compounds are the driver's, everything below them is libnfs.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("libnfs_client.c")
FILE_OCTETS = 64 << 20
WORK = (
    "read 1024 1",
    "read 4096 1",
    "read 4096 8",
    "read 65536 1",
    "read 65536 8",
    "read 1048576 1",
    "read 1048576 8",
    "write 4096 8",
    "write 65536 8",
    "write 1048576 8",
    "getattr 0 1",
    "getattr 0 32",
)


class LibnfsError(Exception):
    """libnfs is not there, or what was asked of it failed; the text says which."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: ``ops_s`` and ``mb_s`` per second, processor seconds, microseconds."""

    ops_s: float
    mb_s: float
    cpu_s: float
    rtt_us_p50: float
    rtt_us_p99: float


def build(prefix: Path) -> Path:
    """The compiled driver; made if it is older than its source. Raises ``LibnfsError``."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "nfsrdma-bench")
    driver = cache / f"libnfs_client{str(prefix).replace('/', '-')}"
    if driver.exists() and driver.stat().st_mtime > SOURCE.stat().st_mtime:
        return driver
    if not (prefix / "include/nfsc/libnfs-raw-nfs4.h").exists():
        raise LibnfsError(f"no libnfs below {prefix}: install libnfs 7 there, or give --prefix")
    cache.mkdir(parents=True, exist_ok=True)
    library = prefix / "lib"
    command = ["cc", "-O2", "-o", str(driver), str(SOURCE), f"-I{prefix / 'include'}"]
    command += [f"-L{library}", f"-Wl,-rpath,{library}", "-lnfs"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise LibnfsError(f"the driver does not compile: {done.stderr.strip().splitlines()[-1]}")
    return driver


def parse_target(text: str) -> tuple[str, int, str]:
    """``HOST:PORT/PATH`` in three. Raises ``LibnfsError``."""
    match = re.fullmatch(r"\[?([^/\]]+)\]?:(\d+)(/.+)", text)
    if match is None:
        raise LibnfsError(f"{text!r} is no HOST:PORT/PATH")
    return match[1], int(match[2]), match[3]


def measure(
    driver: Path, target: str, work: Sequence[str], *, minor: int = 1, seconds: float = 0.5
) -> list[Sample]:
    """One pass of ``work`` (lines of "OP RECORD DEPTH") over one connection.

    Raises ``LibnfsError`` with what the driver says.
    """
    host, port, path = parse_target(target)
    command = [str(driver), host, str(port), path, str(minor), str(seconds), str(FILE_OCTETS)]
    lines = "".join(f"{line}\n" for line in work)
    done = subprocess.run(command, input=lines, capture_output=True, text=True)
    if done.returncode:
        raise LibnfsError(f"{target}: {done.stderr.strip() or 'the driver died'}")
    samples = []
    for line in done.stdout.splitlines():
        operations, octets, elapsed, cpu, middle, late = map(float, line.split())
        mb_s = octets / elapsed / 1e6
        samples.append(Sample(operations / elapsed, mb_s, cpu, middle, late))
    if len(samples) != len(work):
        raise LibnfsError(f"{target}: {len(samples)} of {len(work)} measurements")
    return samples


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="+", metavar="HOST:PORT/PATH")
    parser.add_argument("--prefix", type=Path, default=Path("/opt/libnfs"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--minor", type=int, choices=(0, 1), default=1)
    parser.add_argument("--work", action="append", metavar="'OP RECORD DEPTH'")
    options = parser.parse_args()
    work = options.work or WORK
    found: dict[tuple[str, str], list[Sample]] = {}
    try:
        driver = build(options.prefix)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            for target in options.targets:
                passed = measure(driver, target, work, minor=options.minor, seconds=options.seconds)
                for line, sample in zip(work, passed, strict=True):
                    found.setdefault((target, line), []).append(sample)
    except LibnfsError as error:
        sys.exit(f"libnfs_client: {error}")
    for line in work:
        medians = []
        cells = []
        for target in options.targets:
            samples = found[target, line]
            medians.append(statistics.median(sample.ops_s for sample in samples))
            mb_s = statistics.median(sample.mb_s for sample in samples)
            low, high = min(s.ops_s for s in samples), max(s.ops_s for s in samples)
            cells.append(f"{medians[-1]:9,.0f}/s ({low:,.0f}-{high:,.0f}) {mb_s:7,.1f} MB/s")
        ratio = f"   {medians[1] / medians[0]:.2f}" if len(medians) == 2 else ""
        print(f"{line:16} " + "  |  ".join(cells) + ratio)


if __name__ == "__main__":
    main()

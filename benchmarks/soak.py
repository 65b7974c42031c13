"""Does a server grow? Connections that do nothing, then hours of everything, its memory watched.

    python benchmarks/soak.py [--minutes 60] [--idle 64] [--transport tcp] [--out FILE]

First ``--idle`` mounts are made, and the server's resident memory is taken (not over ``soft``,
where a process has one). Then one mount works: attributes, reads and writes of all sizes, small
files, listings, and other mounts are made and ended. Every tenth of a minute the server's
resident memory is noted, and how many objects its collector knows; at the end the growth between
the second and the last third of the time, and the kinds of objects that there are more of. The
exit code is 1 if memory grew by more than 2 % and 1 MB an hour. (``growth.py`` does it with the
steps of ``nfsrdma bench``, over several transports at once.)
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nfsrdma.client as nfs
from nfsrdma.bench.servers import resident_mb, start_server

_INTERVAL_S = 6.0
_SETTLE_S = 3.0


class Watched:
    """A server of one transport, in a process of its own."""

    def __init__(self, folder: Path, counts: Path, transport: str) -> None:
        launcher = (str(Path(__file__).with_name("counted.py")), str(counts))
        self._transport = transport
        self._counts = counts
        self.server = start_server(transport, folder, launcher=launcher)
        time.sleep(_SETTLE_S)

    def mount(self) -> nfs.Mount:
        if self._transport == "tcp":
            return nfs.mount(self.server.url)
        return nfs.mount(self.server.url, provider=self._transport)

    @property
    def megabytes(self) -> float:
        return resident_mb(self.server.pid)

    def objects(self) -> Counter[str]:
        """Objects by type, once the collector has been through."""
        self._counts.unlink(missing_ok=True)
        self.server.process.send_signal(signal.SIGUSR1)
        while not self._counts.exists():
            time.sleep(0.02)
        return Counter(json.loads(self._counts.read_text()))


def work(mount: nfs.Mount, rng: random.Random) -> None:
    """A little of everything."""
    name = f"files/{rng.randrange(200)}"
    data = rng.randbytes(rng.choice((10, 4096, 65536, 300_000)))
    mount.write_bytes(name, data)
    assert mount.read_bytes(name) == data, "what was written is read"
    with mount.open(name, "r+b") as file:
        file.write(data[: len(data) // 2])
        file.seek(rng.randrange(len(data)))
        file.read(4096)
    mount.stat(name)
    if rng.random() < 0.1:
        mount.listdir("files")
    if rng.random() < 0.3:
        mount.remove(name)


def soak(server: Watched, minutes: float) -> list[dict[str, float]]:
    """The samples: seconds, megabytes, objects, rounds of work so far."""
    rng = random.Random(1)
    samples: list[dict[str, float]] = []
    rounds = 0
    with server.mount() as mount:
        mount.mkdir("files")
        begin = time.monotonic()
        while (elapsed := time.monotonic() - begin) < 60 * minutes:
            work(mount, rng)
            rounds += 1
            if rounds % 50 == 0:
                server.mount().close()
            if elapsed < _INTERVAL_S * len(samples):
                continue
            objects, used = sum(server.objects().values()), server.megabytes
            samples.append({"seconds": elapsed, "mb": used, "objects": objects, "rounds": rounds})
            print(f"{elapsed:7.0f} s {used:7.1f} MB {objects:8,} objects", flush=True)
    return samples


def judge(samples: list[dict[str, float]]) -> bool:
    """Say how much the server grew; whether that is nothing."""
    third = len(samples) // 3
    first = samples[third : 2 * third]  # the first third is for caches to fill
    last = samples[-third:]
    hours = (last[len(last) // 2]["seconds"] - first[len(first) // 2]["seconds"]) / 3600
    growth = {}
    for key in ("mb", "objects"):
        before = statistics.median(sample[key] for sample in first)
        after = statistics.median(sample[key] for sample in last)
        growth[key] = (after - before) / hours
        print(f"{key}: {before:,.1f} -> {after:,.1f}, {growth[key]:+,.1f} an hour")
    return growth["mb"] <= max(1.0, 0.02 * last[0]["mb"])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--idle", type=int, default=64, help="mounts over each transport")
    parser.add_argument("--transport", default="tcp", help="tcp, shm, soft or verbs")
    parser.add_argument("--out", type=Path, help="JSON file for the samples")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        folder = Path(scratch, "export")
        folder.mkdir()
        watched = Watched(folder, Path(scratch, "counts"), options.transport)
        try:
            print(f"{watched.megabytes:.1f} MB without a connection", flush=True)
            count = 0 if options.transport == "soft" else options.idle
            idle = [watched.mount() for _ in range(count)]
            time.sleep(_SETTLE_S)
            print(f"{watched.megabytes:.1f} MB with {count} connections", flush=True)
            for mount in idle:
                mount.close()
            before = watched.objects()
            samples = soak(watched, options.minutes)
            time.sleep(_SETTLE_S)
            more = watched.objects() - before
            print("more than at the start:", dict(more.most_common(12)))
            if options.out is not None:
                options.out.write_text(json.dumps(samples))
            sys.exit(0 if judge(samples) else 1)
        finally:
            watched.server.stop()


if __name__ == "__main__":
    main()

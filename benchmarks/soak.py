"""Does a server grow? Connections that do nothing, then hours of everything, its memory watched.

    python benchmarks/soak.py [--minutes 60] [--idle 64] [--transports tcp,soft] [--out FILE]

First ``--idle`` mounts are made over each transport, and the server's resident memory is taken.
Then one mount for each transport works: attributes, reads and writes of all sizes, small files,
listings, mounts made and ended. Every tenth of a minute the server's resident memory is noted,
and how many objects its collector knows; at the end the growth between the first and the last
third, and the kinds of objects that there are more of. The exit code is 1 if memory grew by more
than 2 % and 1 MB an hour.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import nfsrdma.client as nfs
from nfsrdma.bench.servers import free_loopback, resident_mb
from nfsrdma.cli.demo import free_tcp_port

_INTERVAL_S = 6.0
_SETTLE_S = 3.0


class Watched:
    """The server, in a process of its own."""

    def __init__(self, folder: Path, counts: Path, provider: str | None, tcp: bool) -> None:
        self.address = free_loopback()
        self.port = free_tcp_port(self.address)
        self._counts = counts
        wrapper = Path(__file__).with_name("counted.py")
        command = [sys.executable, str(wrapper), str(counts), "serve", str(folder), "--ephemeral"]
        command += ["--listen", self.address, "--provider", provider or "none"]
        if tcp:
            command += ["--tcp", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(_SETTLE_S)

    def mount(self, transport: str) -> nfs.Mount:
        if transport == "tcp":
            return nfs.mount(f"nfs+tcp://{self.address}:{self.port}/")
        return nfs.mount(f"nfs+rdma://{self.address}/", provider=transport)

    @property
    def megabytes(self) -> float:
        return resident_mb(self.process.pid)

    def objects(self) -> Counter[str]:
        """Objects by type, once the collector has been through."""
        self._counts.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        while not self._counts.exists():
            time.sleep(0.02)
        return Counter(json.loads(self._counts.read_text()))


def work(mount: nfs.Mount, folder: str, rng: random.Random) -> None:
    """A little of everything."""
    name = f"{folder}/{rng.randrange(200)}"
    data = rng.randbytes(rng.choice((10, 4096, 65536, 300_000)))
    mount.write_bytes(name, data)
    assert mount.read_bytes(name) == data, "what was written is read"
    with mount.open(name, "r+b") as file:
        file.write(data[: len(data) // 2])
        file.seek(rng.randrange(len(data)))
        file.read(4096)
    mount.stat(name)
    if rng.random() < 0.1:
        mount.listdir(folder)
    if rng.random() < 0.3:
        mount.remove(name)


def soak(server: Watched, transports: list[str], minutes: float) -> list[dict[str, float]]:
    """The samples: seconds, megabytes, objects, operations so far."""
    rng = random.Random(1)
    mounts = {name: server.mount(name) for name in transports}
    for name, mount in mounts.items():
        mount.mkdir(f"of-{name}")
    begin = time.monotonic()
    samples: list[dict[str, float]] = []
    rounds = 0
    while (elapsed := time.monotonic() - begin) < 60 * minutes:
        for name, mount in mounts.items():
            work(mount, f"of-{name}", rng)
        rounds += 1
        if rounds % 50 == 0:
            for name in transports:
                server.mount(name).close()
        if elapsed >= _INTERVAL_S * len(samples):
            objects = sum(server.objects().values())
            samples.append(
                {"seconds": elapsed, "mb": server.megabytes, "objects": objects, "rounds": rounds}
            )
            print(f"{elapsed:7.0f} s {server.megabytes:7.1f} MB {objects:8,} objects", flush=True)
    for mount in mounts.values():
        mount.close()
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
    parser.add_argument("--transports", default="tcp,soft")
    parser.add_argument("--out", type=Path, help="JSON file for the samples")
    options = parser.parse_args()
    transports = options.transports.split(",")
    rdma = next((name for name in transports if name != "tcp"), None)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as scratch:
        folder = Path(scratch, "export")
        folder.mkdir()
        server = Watched(folder, Path(scratch, "counts"), rdma, "tcp" in transports)
        try:
            print(f"{server.megabytes:.1f} MB without a connection", flush=True)
            for transport in transports:
                idle = [server.mount(transport) for _ in range(options.idle)]
                time.sleep(_SETTLE_S)
                print(f"{server.megabytes:.1f} MB with {len(idle)} over {transport}", flush=True)
                for mount in idle:
                    mount.close()
            before = server.objects()
            samples = soak(server, transports, options.minutes)
            time.sleep(_SETTLE_S)
            more = server.objects() - before
            print("more than at the start:", dict(more.most_common(12)))
            if options.out is not None:
                options.out.write_text(json.dumps(samples))
            sys.exit(0 if judge(samples) else 1)
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()

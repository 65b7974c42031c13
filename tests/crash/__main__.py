"""Kill servers and clients, and upgrade servers, under verified load, over all transports at once.

    python -m tests.crash [--kills 200] [--clients 100] [--upgrades 50] [--successions 50]
                          [--transports tcp,soft,shm] [--seed 7]

The kills and upgrades are shared out among the transports. The exit code is 1 if anything that was
acknowledged is missing, or anything was done twice, or a client noticed an upgrade; then the folder
with journals, logs and exports stays.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from .journal import Findings
from .loop import kill_clients, kill_servers, succeed_servers, upgrade_servers

_WHAT: Final = {
    "server": "server killed",
    "client": "client killed",
    "upgrade": "server restarted",
    "succession": "server succeeded",
}


def _shares(total: int, parts: int) -> list[int]:
    return [total // parts + (index < total % parts) for index in range(parts)]


def main() -> int:
    """Run the loops; print a line for each, and what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=200, help="of the server [200]")
    parser.add_argument("--clients", type=int, default=100, help="that are killed [100]")
    parser.add_argument("--upgrades", type=int, default=50, help="of the server, and reloads [50]")
    parser.add_argument(
        "--successions", type=int, default=50, help="by successors that start first [50]"
    )
    parser.add_argument("--transports", default="tcp,soft,shm")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    transports = options.transports.split(",")
    base = Path(tempfile.mkdtemp(prefix="nfsrdma-crash-"))
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {text}", flush=True)

    running: dict[str, Future[Findings]] = {}
    with ThreadPoolExecutor(len(_WHAT) * len(transports)) as pool:
        for kind, run, total in (
            ("server", kill_servers, options.kills),
            ("client", kill_clients, options.clients),
            ("upgrade", upgrade_servers, options.upgrades),
            ("succession", succeed_servers, options.successions),
        ):
            for transport, kills in zip(transports, _shares(total, len(transports)), strict=True):
                folder = base / f"{kind}-{transport}"
                folder.mkdir()
                rng = random.Random(f"{options.seed} {folder.name}")
                if kills:
                    name = f"{_WHAT[kind]} {kills} times over {transport}"
                    running[name] = pool.submit(run, transport, kills, folder, rng, say)
    wrong = 0
    for name, future in running.items():
        findings = future.result()
        wrong += len(findings.faults)
        counts = ", ".join(f"{count} {what}" for what, count in sorted(findings.counts.items()))
        print(f"{'FAULT' if findings.faults else 'held '}  {name}: {counts}")
        for fault in findings.faults[:10]:
            print(f"         {fault}")
    if wrong:
        print(f"{wrong} faults; everything is in {base}")
        return 1
    shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())

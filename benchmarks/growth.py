"""Whether a server grows: its resident memory while clients work, for an hour or as long as said.

    python benchmarks/growth.py [--minutes 60] [--transports tcp,soft,shm] [--pause 0.05]

Each transport has a server and a client as in ``nfsrdma bench``, which take turns at everything it
measures; ``--pause`` is how long to rest between two steps, so that a machine can do other things.
"""

from __future__ import annotations

import argparse
import time

from nfsrdma.bench import plan
from nfsrdma.bench.conduct import Conductor, Target
from nfsrdma.bench.servers import resident_mb
from nfsrdma.bench.targets import own_servers

_SIZE = 16 * plan.MIB


class _Enough(Exception):
    """The time is up."""


def main() -> None:
    """Load, look, tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--transports", default="tcp,soft,shm")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two steps")
    given = parser.parse_args()
    begin = time.monotonic()
    every = given.minutes * 60 / 20
    steps = 0
    seen: list[tuple[float, list[float]]] = []

    def look(targets: list[Target]) -> None:
        used = [resident_mb(target.server_pid or 0) for target in targets]
        seen.append(((time.monotonic() - begin) / 60, used))
        print(f"{seen[-1][0]:6.1f} min  {steps:8,} steps  {used_text(targets, used)}", flush=True)

    with own_servers(given.transports.split(","), _SIZE) as chosen:
        targets = chosen.targets

        def report(_: str) -> None:
            nonlocal steps
            steps += 1
            if time.monotonic() - begin > given.minutes * 60:
                raise _Enough
            if time.monotonic() - begin >= (len(seen) + 1) * every:
                look(targets)
            time.sleep(given.pause)

        groups = plan.make_groups(
            [plan.KIB, 64 * plan.KIB, plan.MIB], [_SIZE], [1, 8], [1], plan.ALL_OPS
        )
        conductor = Conductor(plan.Plan(groups, 1_000_000, 0.05), targets, report)
        try:
            conductor.run()
        except _Enough:
            look(targets)
        settled = next(used for minutes, used in seen if minutes >= given.minutes / 10)
        grown = [last - first for first, last in zip(settled, seen[-1][1], strict=True)]
        print(f"after the first tenth of the time: {used_text(targets, grown, '+')}")
        for sample in conductor.samples:
            if sample.error:
                print(f"{sample.label}: {sample.op}: {sample.error}")


def used_text(targets: list[Target], used: list[float], sign: str = "") -> str:
    """Every server's memory."""
    return "  ".join(
        f"{target.label} {each:{sign}.1f} MB" for target, each in zip(targets, used, strict=True)
    )


if __name__ == "__main__":
    main()

"""Run the programs, and say what became of each: ``make mount-workloads``."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from .programs import PROGRAMS, Missing, Place, ProgramError
from .stage import NOBODY, WAYS, Stage

MEGABYTES_MAX = 500
"""What the process behind the mount may hold, whatever was done: 200,000 nodes, and buffers."""

_PART = 0.02
"""The part of all calls that each of two paths carries at least, if they are cut in turn."""


def main() -> int:
    """Run what was asked for; return 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="make mount-workloads", description=__doc__)
    parser.add_argument("programs", nargs="*", help=f"of {', '.join(PROGRAMS)}; all by default")
    parser.add_argument("--ways", default="tcp,soft", help=f"of {', '.join(WAYS)}")
    parser.add_argument("--users", default=f"0,{NOBODY}", help="who runs them, by number")
    parser.add_argument("--kill-every", type=float, default=0.0, metavar="S", help="the server")
    parser.add_argument("--cut-every", type=float, default=0.0, metavar="S", help="one path of two")
    parser.add_argument("--loss", type=float, default=0.0, metavar="PERCENT", help="over soft")
    parser.add_argument("--scale", type=float, default=1.0, help="how much each has to do")
    parser.add_argument("--suites", type=Path, help="where foreign suites are built")
    parser.add_argument("--options", default="", help="more options of the mount")
    given = parser.parse_args()
    # Whoever ends the run politely gets the same tidying up as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    failed = 0
    for way in given.ways.split(","):
        stage = Stage(
            way,
            kill_every_s=given.kill_every,
            cut_every_s=given.cut_every,
            options=given.options,
            loss=given.loss,
        )
        try:
            for name in given.programs or PROGRAMS:
                for user in map(int, given.users.split(",")):
                    failed += not _play(stage, name, user, given.scale, given.suites, way)
            failed += not _both_were_used(stage, way)
        finally:
            log = stage.close()
        kills = stage.server.kills
        if stage.killer.failure is not None:
            print(f"{way}: FAILED: {stage.killer.failure}")
            failed += 1
        if kills:
            print(f"{way}: the server was killed {kills} times")
        if log:
            print(f"{way}: the mount said:\n{log[-2000:]}")
            failed += "Traceback" in log
    return int(bool(failed))


def _both_were_used(stage: Stage, way: str) -> bool:
    """Say what went over each path; return whether each that was cut carried its part."""
    for number, path in enumerate(paths := stage.paths):
        print(
            f"{way}: path {number} ({stage.network.urls[number]}) was cut"
            f" {stage.cutter.cuts[number]} times, and left {path.lost} times;"
            f" it carried {path.calls} calls, {path.octets / 1e6:.1f} MB",
            flush=True,
        )
    part = _PART * sum(path.calls for path in paths)
    if any(stage.cutter.cuts) and any(path.calls < part for path in paths):
        print(f"{way}: FAILED: a path was hardly used")
        return False
    return True


def _play(stage: Stage, name: str, user: int, scale: float, suites: Path | None, way: str) -> bool:
    """Run one program; return whether it did not fail."""
    begin = time.monotonic()
    what = f"{way:5} {user or 'root':>6} {name:12}"
    try:
        PROGRAMS[name](Place(stage.space(f"{name}-{user}", user), user, scale, suites))
    except Missing as missing:
        print(f"{what} not run: no {missing}", flush=True)
    except ProgramError as error:
        print(f"{what} FAILED after {time.monotonic() - begin:.1f} s: {error}", flush=True)
        return False
    else:
        seconds, megabytes = time.monotonic() - begin, stage.resident_mb
        print(f"{what} ok {seconds:.1f} s; the mount has {megabytes:.0f} MB", flush=True)
        if megabytes > MEGABYTES_MAX:
            print(f"{what} FAILED: that is more than {MEGABYTES_MAX}", flush=True)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())

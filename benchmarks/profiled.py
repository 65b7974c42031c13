"""``nfsrdma`` under cProfile, from the moment that SIGUSR1 comes.

    python benchmarks/profiled.py OUT serve DIR ...

``where.py`` starts its server like this. The figures go to OUT at the end.
"""

from __future__ import annotations

import cProfile
import signal
import sys

from nfsrdma.cli import main


def run(out: str) -> None:
    """Run the command line; what it is called with is in ``sys.argv``."""
    profile = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    try:
        main()
    finally:
        profile.disable()
        profile.dump_stats(out)


if __name__ == "__main__":
    run(sys.argv.pop(1))

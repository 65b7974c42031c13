"""``nfsrdma`` that writes, whenever SIGUSR1 comes, how many objects of each type it has.

    python benchmarks/counted.py OUT serve DIR ...

``soak.py`` starts its server like this. OUT gets a JSON object; what was there when the server
was up (and frozen) is not in it.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections import Counter

from nfsrdma.cli import main


def run(out: str) -> None:
    """Run the command line; what it is called with is in ``sys.argv``."""

    def count(*_: object) -> None:
        gc.collect()
        found = Counter(type(item).__name__ for item in gc.get_objects())
        with open(out + ".new", "w") as file:
            json.dump(found, file)
        os.replace(out + ".new", out)

    signal.signal(signal.SIGUSR1, count)
    main()


if __name__ == "__main__":
    run(sys.argv.pop(1))

"""The command, on a network that loses packets: those of its soft provider, either way.

python -m tests.mount_workloads.lossy PERCENT mount -f URL DIR
"""

from __future__ import annotations

import atexit
import random
import sys
from collections.abc import Sequence
from typing import Any

from nfsrdma.__main__ import main
from nfsrdma.rpcrdma.providers import soft
from nfsrdma.rpcrdma.providers.meddling import MeddlingDevice


class Fates:
    """What becomes of packets; says at the end how many were lost."""

    def __init__(self, percent: float) -> None:
        self._chance = percent / 100
        self._rng = random.Random(7)
        self._all = self._lost = 0
        atexit.register(self._tell)

    def __call__(self, packet: bytes, out: bool) -> Sequence[bytes]:
        """Return what arrives of a packet."""
        self._all += 1
        if self._rng.random() < self._chance:
            self._lost += 1
            return ()
        return (packet,)

    def _tell(self) -> None:
        print(f"{self._lost} of {self._all} packets were lost", file=sys.stderr)


def lose(percent: float) -> None:
    """Have every soft device of this process lose packets."""
    fates = Fates(percent)

    class Lossy(MeddlingDevice):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.fate = fates

    soft.SoftDevice = Lossy  # type: ignore[misc]


if __name__ == "__main__":
    lose(float(sys.argv.pop(1)))
    main()

"""What a guest's kernel says about a case: its log, and soft-RoCE's counters."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .guest import DEVICE, Guest

#: Log lines that no case may cause unless it says so: crashes, and complaints of the layers in
#: play. What these layers say in passing ("mounted", "grace period") does not match.
TROUBLE = re.compile(
    r"""
      \b(BUG|WARNING|Oops|KASAN|UBSAN)\b | Call\ Trace | general\ protection
    | blocked\ for\ more\ than | refcount | list_(add|del)\ corruption | soft\ lockup
    | rcu.*(stall|self-detected)
    | (rpcrdma|svcrdma|xprtrdma|RPC|NFS|NFSD|nfsd|nfs4?_\w+|lockd|rdma_rxe|rxe\w*|infiniband)\b
      .*(error|fail|invalid|bad|reject|abort|drop|unexpected|denied|not\ respon|timed\ out|leak
         |unable|unrecogni[sz]ed|illegal|mismatch|exceed)
    """,
    re.VERBOSE | re.IGNORECASE,
)

#: Newer kernels note every work request that failed. Whether one may is for the cases to say.
_FAILED_REQUEST = re.compile(r"non-flush error status")

_LIST = f"(cd /sys/class/infiniband/{DEVICE}/ports/1/hw_counters && grep -H . *)"
_END = "== log"

#: Counters of rxe that mean that *it* sent something again: its timer ran out, the peer said NAK,
#: or the peer was not ready.
RESENT_BY_LINUX = ("completer_retry_err", "rcvd_seq_err", "rcvd_rnr_err")

#: Counters that mean that its *peer* sent something again, or that something got lost on the way.
RESENT_TO_LINUX = ("duplicate_request", "out_of_seq_request")


class Watch:
    """What happens in a guest's kernel from a moment on: its log, and soft-RoCE's counters.

    One command begins it and one ends it: in an emulated guest each takes its time.
    """

    def __init__(self, guest: Guest, label: str) -> None:
        self._guest = guest
        self._mark = f"lab: {label}"
        self._before = _numbers(guest.run(f"echo '{self._mark}' >/dev/kmsg; {_LIST}").stdout)
        self.lines: list[str] = []
        """Of the log, since the beginning (all, when so many came that the mark is gone)."""
        self.moved: dict[str, int] = {}
        """Counters that moved, and how far."""

    def end(self) -> None:
        """Take stock."""
        listing, _, log = self._guest.run(f"{_LIST}; echo {_END}; dmesg").stdout.partition(_END)
        self.lines = log.rpartition(self._mark)[2].splitlines()
        self.moved = growth(self._before, _numbers(listing))

    def trouble(self, expected: Iterable[str] = ()) -> list[str]:
        """Lines that mean trouble and match none of the ``expected`` expressions."""
        allowed = [_FAILED_REQUEST, *map(re.compile, expected)]
        return [
            line
            for line in self.lines
            if TROUBLE.search(line) and not any(each.search(line) for each in allowed)
        ]


def _numbers(listing: str) -> dict[str, int]:
    pairs = (line.split(":", 1) for line in listing.splitlines() if ":" in line)
    return {name: int(value) for name, value in pairs if value.isdigit()}


def growth(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What the counters counted in between, those that moved."""
    moved = {name: value - before.get(name, 0) for name, value in after.items()}
    return {name: value for name, value in moved.items() if value and name != "lifespan"}


def retransmissions(moved: dict[str, int]) -> tuple[int, int]:
    """Retransmissions (by Linux, to Linux) that the growth of its counters tells of."""
    return (
        sum(moved.get(name, 0) for name in RESENT_BY_LINUX),
        sum(moved.get(name, 0) for name in RESENT_TO_LINUX),
    )

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

_COUNTERS = f"/sys/class/infiniband/{DEVICE}/ports/1/hw_counters"

#: Counters of rxe that mean that *it* sent something again: its timer ran out, the peer said NAK,
#: or the peer was not ready.
RESENT_BY_LINUX = ("completer_retry_err", "rcvd_seq_err", "rcvd_rnr_err")

#: Counters that mean that its *peer* sent something again, or that something got lost on the way.
RESENT_TO_LINUX = ("duplicate_request", "out_of_seq_request")


class Log:
    """A guest's kernel log from a moment on, marked by a line of its own."""

    def __init__(self, guest: Guest, label: str) -> None:
        self._guest = guest
        self._mark = f"lab: {label}"
        guest.run(f"echo '{self._mark}' >/dev/kmsg")

    def lines(self) -> list[str]:
        """All lines since (all there are, when so many came that the mark is gone)."""
        return self._guest.run("dmesg").stdout.rpartition(self._mark)[2].splitlines()

    def trouble(self, expected: Iterable[str] = ()) -> list[str]:
        """Lines since that mean trouble and match none of the ``expected`` expressions."""
        allowed = [re.compile(text) for text in expected]
        return [
            line
            for line in self.lines()
            if TROUBLE.search(line) and not any(each.search(line) for each in allowed)
        ]


def counters(guest: Guest) -> dict[str, int]:
    """Soft-RoCE's counters by name."""
    listing = guest.run(f"cd {_COUNTERS} && grep -H . *").stdout
    pairs = (line.split(":", 1) for line in listing.splitlines())
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

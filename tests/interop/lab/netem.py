"""A bad network, on purpose: loss, delay, duplicates, disorder and damage in a guest's packets.

The queueing discipline acts on what the guest sends; what it receives is led through an
intermediate device (ifb), so that the host's kernel needs none of this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .guest import Guest

#: What the tests use, each with both directions in mind.
LOSS = "loss 2%"
DUPLICATES = "duplicate 5%"
#: A quarter of the packets overtakes the others by a millisecond.
DISORDER = "delay 1ms reorder 25% 50%"
DAMAGE = "corrupt 1%"


@contextlib.contextmanager
def netem(guest: Guest, *, sent: str = "", received: str = "") -> Iterator[None]:
    """Treat packets as said (words of ``tc-netem``) as long as the block."""
    # Enough room that the discipline itself drops nothing of a burst.
    setup = ["modprobe -a sch_netem ifb act_mirred cls_matchall sch_ingress"]
    if sent:
        setup.append(f"tc qdisc replace dev eth0 root netem limit 20000 {sent}")
    if received:
        setup += [
            "ip link add ifb0 type ifb",
            "ip link set ifb0 up mtu 9000",
            "tc qdisc add dev eth0 ingress",
            "tc filter add dev eth0 parent ffff: matchall action mirred egress redirect dev ifb0",
            f"tc qdisc add dev ifb0 root netem limit 20000 {received}",
        ]
    try:
        guest.run("set -e; " + "\n".join(setup))
        yield
    finally:
        guest.run(
            "exec 2>/dev/null; tc qdisc del dev eth0 root; tc qdisc del dev eth0 ingress;"
            " ip link del ifb0",
            check=False,
        )


def both_ways(guest: Guest, treatment: str) -> contextlib.AbstractContextManager[None]:
    """`netem` with the same treatment in both directions."""
    return netem(guest, sent=treatment, received=treatment)

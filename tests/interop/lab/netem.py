"""A bad network, on purpose: loss, delay, duplicates, disorder and damage in a guest's packets.

The queueing discipline acts on what the guest sends; what it receives is led through an
intermediate device (ifb), so that the host's kernel needs none of this.
"""

from __future__ import annotations

import contextlib
import re
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


#: Connection management messages by the attribute of their datagrams (IBA, Table 99).
RTU = 0x0014

#: Counted from the IPv4 header: UDP to RoCEv2's port, an UD SEND, a datagram of that attribute.
_CM_MESSAGE = (
    "match ip protocol 17 0xff match u16 4791 0xffff at 22 match u8 0x64 0xff at 28"
    " match u16 {attribute:#06x} 0xffff at 64"
)


class Lost:
    """Connection management messages of one kind that a guest's network loses, over IPv4."""

    def __init__(self, guest: Guest, direction: str) -> None:
        self._guest = guest
        self._direction = direction

    def count(self) -> int:
        """How many have been lost so far."""
        shown = self._guest.run(f"tc -s filter show dev eth0 {self._direction}").stdout
        return sum(map(int, re.findall(r"Sent \d+ bytes (\d+) pkt", shown)))

    def end(self) -> None:
        """Lose no more."""
        self._guest.run("tc qdisc del dev eth0 clsact; ip link del sink", check=False)


@contextlib.contextmanager
def losing(guest: Guest, attribute: int, *, sent: bool) -> Iterator[Lost]:
    """Lose every message of a kind that the guest sends, or that it is to receive.

    They go to a device that leads nowhere: if they were dropped, the sending kernel would know, and
    6.1 then keeps a reference to their connection for good.
    """
    direction = "egress" if sent else "ingress"
    message = _CM_MESSAGE.format(attribute=attribute)
    guest.run(
        "set -e; modprobe -a sch_ingress cls_u32 act_mirred dummy; ip link add sink type dummy;"
        " ip link set sink mtu 9000 up; tc qdisc add dev eth0 clsact;"
        f" tc filter add dev eth0 {direction} protocol ip u32 {message}"
        " action mirred egress redirect dev sink"
    )
    lost = Lost(guest, direction)
    try:
        yield lost
    finally:
        lost.end()

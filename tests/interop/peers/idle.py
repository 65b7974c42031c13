"""A side that connects, says what becomes of its connections, and does nothing with them.

With ``--reborn`` it is a machine that comes back from a crash and does not know of it: the same
identity (the adapter's GUID), and the number of its first queue pair is the one of the last time.
"""

from __future__ import annotations

import argparse
import sys
from random import SystemRandom
from typing import Any

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.soft import SoftDevice
from nfsrdma.rpcrdma.task import Task
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.rpcrdma.verbs.types import ConnectionRejected
from peers.link import Link, listen

LISTENING = "listening"
UP, GONE, REFUSED = "up", "gone", "refused"
_OCTETS, _RECEIVES = 64, 8
_GUID, _FIRST_QUEUE_PAIR = 0x5254_00FF_FE99_0077, 0x4242
_ATTEMPTS = 3


class Reborn(SystemRandom):
    """Random, but for the GUID (the one number of 64 bits) and the first queue pair's number."""

    def __init__(self) -> None:
        super().__init__()
        self._first = [_FIRST_QUEUE_PAIR]

    def getrandbits(self, k: int) -> int:
        """``k`` bits."""
        return _GUID if k == 64 else super().getrandbits(k)

    def randrange(self, *arguments: Any) -> int:
        """As ``random.randrange``."""
        return self._first.pop() if self._first else super().randrange(*arguments)


def say(*words: object) -> None:
    """One line, at once."""
    print(*words, flush=True)


async def client(device: Device, address: str, port: int) -> None:
    """Connect, again if refused, and stay until the other side leaves."""
    for _ in range(_ATTEMPTS):
        link = Link(device, _OCTETS, _RECEIVES)
        link.connect(device, address, port)
        try:
            await link.established
        except ConnectionRejected as error:
            say(REFUSED, error.reason)
        else:
            say(UP)
            say(GONE, await link.disconnected)
            return


async def server(device: Device, address: str, port: int) -> None:
    """Take whoever comes, for good."""
    accepted = listen(device, address, port, _OCTETS, _RECEIVES)
    say(LISTENING)
    while True:
        link = await accepted()
        say(UP)
        link.disconnected.add_done_callback(lambda future: say(GONE, future.result()))


def main() -> int:
    """Play one role until killed, or until the client's connection is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("address")
    parser.add_argument("--port", type=int, default=7174)
    parser.add_argument("--reborn", action="store_true")
    parser.add_argument("--timeout", type=float, default=150.0)
    given = parser.parse_args()
    reactor = SelectReactor()
    listening = given.address if given.role == "server" else None
    device = SoftDevice(reactor, address=listening, rng=Reborn() if given.reborn else None)
    role = client if given.role == "client" else server
    try:
        reactor.run_until(Task(role(device, given.address, given.port)), given.timeout)
    finally:
        device.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Both roles of perftest's ib_send_bw, ib_write_bw, ib_read_bw and ib_send_lat, with ``-R``.

Their language, as Debian 12's 4.5-0.17 speaks it on the wire: there are two connections to one
port. On the first the two sides exchange SENDs in lockstep, the client first: the version (16
octets), two numbers (4 octets each), the MTU (2 octets), and then, again and again, a *place* of 56
octets that says which memory is meant and is the barrier between the steps. After the first place
the client makes the second connection, for the data. The programs look at none of the data; we keep
it, and with ``--hold`` the barrier after it waits until somebody has compared.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import struct
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nfsrdma.rpcrdma.task import Future, Reactor, settled, sleep
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.rpcrdma.verbs.types import Access
from peers.link import Link, connected, listen, run

LISTENING = "listening"
HOLDING = "holding "
VERSION = b"6.06".ljust(16, b"\0")
CYCLE_BUFFER, CACHE_LINE, MTU_4096 = (4096).to_bytes(4), (64).to_bytes(4), b"5\0"

#: lid, RDMA READs at a time, QP, PSN, rkey, (pad), address, GID, SRQ, index of the GID
_PLACE = struct.Struct(">IIIII4xQ16sII")
_REPORTS = 5
_RECEIVES = 4
_WINDOW = 16

WRITE, READ, SEND, PING = "ib_write_bw", "ib_read_bw", "ib_send_bw", "ib_send_lat"

#: Places exchanged before the data moves, and those with it.
_PLACES_BEFORE = {WRITE: 5, READ: 5, SEND: 6, PING: 6}


@dataclass(frozen=True)
class Plan:
    """One run: which program, and how much; the file whose appearance ends the holding, or
    whether to leave in the middle."""

    tool: str
    size: int
    iterations: int
    hold: Path | None = None
    leave: bool = False

    @property
    def receives(self) -> int:
        """Receive buffers of a connection."""
        return 64 if self.tool in (SEND, PING) else _RECEIVES


class Side:
    """Our memory, the two links, and what the other side said of its own memory."""

    def __init__(self, plan: Plan, reactor: Reactor, control: Link) -> None:
        self.plan = plan
        self.reactor = reactor
        self.control = control
        self.data: Link | None = None
        self.memory = bytearray(random.Random(plan.size).randbytes(plan.size))
        self._place = bytes(_PLACE.size)
        self.theirs: tuple[int, int] = (0, 0)

    def has_data_link(self, link: Link) -> None:
        """From here on our places say where our memory is."""
        self.data = link
        access = Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE
        region = link.register(self.memory, access)
        self._place = _PLACE.pack(0, 16, 0, 0, region.rkey, region.address, bytes(16), 0, 0)

    async def place_received(self) -> None:
        """The other side's next place."""
        place = await self.control.receive()
        _, _, _, _, rkey, address, *_ = _PLACE.unpack(place)
        self.theirs = (address, rkey)

    def send_place(self) -> Future[int]:
        """Ours."""
        return self.control.send(self._place)

    async def barrier(self) -> None:
        """Exchange places, as a client."""
        await self.send_place()
        await self.place_received()

    async def hold(self) -> None:
        """Say what our memory holds, and wait for leave to go on."""
        if self.plan.hold is None:
            return
        address, _ = self.theirs
        digest = hashlib.sha256(self.memory).hexdigest()
        print(HOLDING + json.dumps({"address": address, "sha256": digest}), flush=True)
        while not self.plan.hold.exists():
            await sleep(self.reactor, 0.05)


async def server(device: Device, reactor: Reactor, address: str, port: int, plan: Plan) -> int:
    """Serve one client; returns the operations that it was to do."""
    accepted = listen(device, address, port, max(plan.size, _PLACE.size), plan.receives)
    print(LISTENING, flush=True)
    side = Side(plan, reactor, await accepted())
    for mine in (VERSION, CYCLE_BUFFER, CACHE_LINE, MTU_4096):
        theirs = await side.control.receive()
        if len(theirs) != len(mine):
            raise ValueError(f"{theirs!r} where {len(mine)} octets were expected")
        await side.control.send(mine)
    await side.place_received()
    await side.send_place()
    side.has_data_link(await accepted())
    before = _PLACES_BEFORE[plan.tool]
    for _ in range(before - 1):
        await side.place_received()
        await side.send_place()
    if plan.tool in (SEND, PING):
        await _take(side, answer=plan.tool == PING)
    await side.place_received()
    await side.hold()
    await side.send_place()
    if plan.tool in (WRITE, READ):
        for _ in range(_REPORTS):
            await side.control.send(await side.control.receive())
        await side.place_received()
        side.send_place()
    await side.control.disconnected
    return plan.iterations


async def client(device: Device, reactor: Reactor, address: str, port: int, plan: Plan) -> int:
    """Play the client; returns the operations done."""
    side = Side(
        plan, reactor, await connected(device, reactor, address, port, _PLACE.size, _RECEIVES)
    )
    for mine in (VERSION, CYCLE_BUFFER, CACHE_LINE, MTU_4096):
        await side.control.send(mine)
        await side.control.receive()
    await side.barrier()
    side.has_data_link(await connected(device, reactor, address, port, plan.size, plan.receives))
    for _ in range(_PLACES_BEFORE[plan.tool] - 1):
        await side.barrier()
    if plan.leave:
        return await leave(side)
    done = await _MOVES[plan.tool](side)
    await side.hold()
    await side.barrier()
    if plan.tool in (WRITE, READ):
        for _ in range(_REPORTS):
            await side.control.send(bytes(8))
            await side.control.receive()
        await side.barrier()
    assert side.data is not None
    side.data.disconnect()
    side.control.disconnect()
    return done


async def leave(side: Side) -> int:
    """Disconnect with most of the WRITEs in flight, and see that each of them ends all the same."""
    link, memory = side.data, memoryview(side.memory)
    assert link is not None
    flying = [link.write(memory, *side.theirs) for _ in range(side.plan.iterations)]
    await flying[0]
    link.disconnect()
    for future in flying:
        await settled(future)
    done = sum(future.error() is None for future in flying)
    print(f"{done} done, {len(flying) - done} flushed", flush=True)
    side.control.disconnect()
    return done


async def _take(side: Side, *, answer: bool) -> None:
    """Receive what the plan says, every message whole and the same; answer each, if asked to."""
    assert side.data is not None
    sent: deque[Future[int]] = deque()
    for number in range(side.plan.iterations):
        message = await side.data.receive()
        if len(message) != side.plan.size:
            raise ValueError(f"message {number} has {len(message)} octets")
        if number and message != side.memory:
            raise ValueError(f"message {number} differs from the one before")
        side.memory[:] = message
        if answer:
            sent.append(side.data.send(bytes(side.plan.size)))
    for future in sent:
        await future


async def _post(side: Side, one: Callable[[], Future[int]]) -> int:
    """The same again and again, some of it in flight."""
    flying: deque[Future[int]] = deque()
    for _ in range(side.plan.iterations):
        flying.append(one())
        if len(flying) == _WINDOW:
            await flying.popleft()
    for future in flying:
        await future
    return side.plan.iterations


async def _write(side: Side) -> int:
    link, memory = side.data, memoryview(side.memory)
    assert link is not None
    return await _post(side, lambda: link.write(memory, *side.theirs))


async def _read(side: Side) -> int:
    link, memory = side.data, memoryview(side.memory)
    assert link is not None
    side.memory[:] = bytes(side.plan.size)
    return await _post(side, lambda: link.read(memory, *side.theirs))


async def _send(side: Side) -> int:
    link, message = side.data, bytes(side.memory)
    assert link is not None
    return await _post(side, lambda: link.send(message))


async def _ping(side: Side) -> int:
    assert side.data is not None
    for number in range(side.plan.iterations):
        side.data.send(bytes(side.memory))
        if len(await side.data.receive()) != side.plan.size:
            raise ValueError(f"answer {number} has another size")
    return side.plan.iterations


_MOVES = {WRITE: _write, READ: _read, SEND: _send, PING: _ping}


def main() -> int:
    """Play one role."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("tool", choices=sorted(_MOVES))
    parser.add_argument("address")
    parser.add_argument("--port", type=int, default=18515)
    parser.add_argument("--size", type=int, default=65536)
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--hold", type=Path)
    parser.add_argument("--leave", action="store_true", help="of a client of ib_write_bw")
    parser.add_argument("--provider", default="soft")
    parser.add_argument("--timeout", type=float, default=100.0)
    given = parser.parse_args()
    plan = Plan(given.tool, given.size, given.iterations, given.hold, given.leave)
    role = client if given.role == "client" else server
    done = run(
        given.provider,
        given.address if given.role == "server" else None,
        given.timeout,
        lambda device, reactor: role(device, reactor, given.address, given.port, plan),
    )
    print(f"{done} operations")
    return 0


if __name__ == "__main__":
    sys.exit(main())

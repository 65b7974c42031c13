"""Both roles of rping, over the verbs interfaces.

rping's language, as its two programs speak it on the wire: messages of 16 octets, big-endian, hold
an address (64 bits), a key and a length (32 bits each). In every round the client names its source
buffer, the server RDMA-READs it and answers with a message; the client names its sink, the server
RDMA-WRITEs there what it has read, and answers again; the client compares. The client disconnects
after the last round.
"""

from __future__ import annotations

import argparse
import struct
import sys

from nfsrdma.rpcrdma.task import settled
from nfsrdma.rpcrdma.verbs.interfaces import Device
from nfsrdma.rpcrdma.verbs.types import Access, VerbsError
from peers.link import Link, listen, run

_INFO = struct.Struct(">QII")
_GO_ON = bytes(_INFO.size)

LISTENING = "listening"


async def client(device: Device, address: str, port: int, rounds: int, size: int) -> int:
    """Play the client; returns the rounds done. Raises on damage."""
    link = Link(device, _INFO.size, 8)
    link.connect(device, address, port)
    await link.established
    source, sink = bytearray(size), bytearray(size)
    source_region = link.register(source, Access.REMOTE_READ)
    sink_region = link.register(sink, Access.LOCAL_WRITE | Access.REMOTE_WRITE)
    for number in range(rounds):
        source[:] = pattern(number, size)
        sink[:] = bytes(size)
        await link.send(_INFO.pack(source_region.address, source_region.rkey, size))
        await link.receive()
        await link.send(_INFO.pack(sink_region.address, sink_region.rkey, size))
        await link.receive()
        if sink != source:
            raise ValueError(f"round {number}: what came back is not what went out")
        print(f"ping data: round {number}", flush=True)
    link.disconnect()
    await link.disconnected
    return rounds


async def server(device: Device, address: str, port: int, most: int) -> int:
    """Serve one client until it disconnects, or for ``most`` rounds; returns the rounds done.

    The good-bye may be lost, and Linux does not repeat it for a process that has ended.
    """
    accepted = listen(device, address, port, _INFO.size, 8)
    print(LISTENING, flush=True)
    link = await accepted()
    rounds = 0
    while rounds < most or not most:
        try:
            message = await link.receive()
        except VerbsError:
            # Flushed: the client has disconnected, which only the beginning of a round may see.
            return rounds
        address_, rkey, size = _INFO.unpack(message)
        data = memoryview(bytearray(size))
        await link.read(data, address_, rkey)
        await link.send(_GO_ON)
        address_, rkey, size = _INFO.unpack(await link.receive())
        await link.write(data[:size], address_, rkey)
        # After the last round the client's good-bye may overtake the acknowledgement.
        await settled(link.send(_GO_ON))
        rounds += 1
    return rounds


def pattern(number: int, size: int) -> bytes:
    """What round ``number`` carries: the letters that ``rping -V`` expects, moved on each round."""
    head = f"rdma-ping-{number}: ".encode()
    letters = bytes(65 + (number + at) % 58 for at in range(58))
    body = letters * (size // len(letters) + 1)
    return (head + body)[: size - 1] + b"\0"


def main() -> int:
    """Play one role; the last line says how many rounds were done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("address")
    parser.add_argument("--port", type=int, default=7174)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--provider", default="soft")
    parser.add_argument("--timeout", type=float, default=60.0)
    given = parser.parse_args()
    if given.role == "client":
        rounds = run(
            given.provider,
            None,
            given.timeout,
            lambda device, _: client(device, given.address, given.port, given.rounds, given.size),
        )
    else:
        rounds = run(
            given.provider,
            given.address,
            given.timeout,
            lambda device, _: server(device, given.address, given.port, given.rounds),
        )
    print(f"{rounds} rounds")
    return 0 if rounds == given.rounds else 1


if __name__ == "__main__":
    sys.exit(main())

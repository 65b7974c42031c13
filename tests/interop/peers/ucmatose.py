"""Both roles of ucmatose, over the verbs interfaces.

Its language: on each of some connections the server sends messages of an agreed number and size,
the client answers with as many, and the server disconnects. What the messages hold is not looked
at by the original; here they are numbered.
"""

from __future__ import annotations

import argparse
import sys

from nfsrdma.rpcrdma.task import Task, gather
from nfsrdma.rpcrdma.verbs.interfaces import Device
from peers.link import Link, listen, run

LISTENING = "listening"


async def client(
    device: Device, address: str, port: int, connections: int, messages: int, size: int
) -> int:
    """Play the client; returns the messages received."""
    links = [Link(device, size, messages + 1) for _ in range(connections)]
    for link in links:
        link.connect(device, address, port)
    await gather([link.established for link in links])
    received = sum(await gather([Task(_receive(link, messages, size)) for link in links]))
    await gather([Task(_send(link, messages, size)) for link in links])
    await gather([link.disconnected for link in links])
    return received


async def server(
    device: Device, address: str, port: int, connections: int, messages: int, size: int
) -> int:
    """Play the server; returns the messages received."""
    accepted = listen(device, address, port, size, messages + 1)
    print(LISTENING, flush=True)
    links = [await accepted() for _ in range(connections)]
    await gather([Task(_send(link, messages, size)) for link in links])
    received = sum(await gather([Task(_receive(link, messages, size)) for link in links]))
    for link in links:
        link.disconnect()
    await gather([link.disconnected for link in links])
    return received


async def _send(link: Link, messages: int, size: int) -> None:
    sent = [link.send(bytes([number % 256]) * size) for number in range(messages)]
    await gather(sent)


async def _receive(link: Link, messages: int, size: int) -> int:
    for _ in range(messages):
        if len(await link.receive()) != size:
            raise ValueError("a message of another size")
    return messages


def main() -> int:
    """Play one role; the last line says how many messages came."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["client", "server"])
    parser.add_argument("address")
    parser.add_argument("--port", type=int, default=7471)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--messages", type=int, default=10)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--provider", default="soft")
    parser.add_argument("--timeout", type=float, default=60.0)
    given = parser.parse_args()
    role = client if given.role == "client" else server
    received = run(
        given.provider,
        given.address if given.role == "server" else None,
        given.timeout,
        lambda device, _: role(
            device, given.address, given.port, given.connections, given.messages, given.size
        ),
    )
    print(f"{received} messages")
    return 0 if received == given.connections * given.messages else 1


if __name__ == "__main__":
    sys.exit(main())

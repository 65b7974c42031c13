"""Lose packets on purpose, and watch RPC over RDMA repair it: python fault.py [SEED [LOSS]].

Both hosts, the network between them and the clock are simulated: a seed always gives the same run,
down to the octet, however long it would take in the world.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.rpc.program import RpcService
from nfsrdma.rpcrdma.rpc.stub import ChannelCaller, programs
from nfsrdma.rpcrdma.task import Task
from nfsrdma.rpcrdma.transport import RdmaChannel, connect_rdma, listen_rdma

sys.path.insert(0, str(Path(__file__).parent / "echo"))
from echo_protocol import EchoClient, piece
from server import Echo

SIZE = 1 << 20


async def talk(channel: RdmaChannel, seed: int) -> bool:
    """Move a mebibyte out and back in; return whether it is the same."""
    echo = EchoClient(ChannelCaller(channel, RpcClient(Random(seed))))
    sent, received = Random(seed).randbytes(SIZE), bytearray(SIZE)
    await echo.write(piece(0, sent))
    await echo.read(0, SIZE, into=received)
    return received == sent


def main(seed: int = 7, loss: float = 0.02) -> None:
    """Run one simulation, and say what the network did and what it cost."""
    reactor = SimReactor()
    fabric = SimFabric(reactor, seed, Faults(loss=loss))
    server, client = fabric.open_device("10.0.0.1"), fabric.open_device("10.0.0.2")
    service = RpcService(programs([Echo()], lambda method, call: Task(method)))
    listen_rdma(server, reactor, "10.0.0.1", 5000, service)

    async def run() -> bool:
        return await talk(await connect_rdma(client, reactor, "10.0.0.1", 5000), seed)

    whole = reactor.run_until(Task(run()), limit_s=60)
    counted = [device.packet_counters() for device in (server, client)]
    sent, again = (sum(c[n] for c in counted) for n in ("packets_sent", "retransmitted"))
    print(f"seed {seed}: the data is {'the same' if whole else 'NOT the same'}")
    print(f"{sent} packets sent, {sent - fabric.carried} lost, {again} sent again")
    print(f"it took {reactor.time() * 1000:.3f} ms of simulated time")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float), sys.argv[1:], strict=False)))

"""A whole client and a whole server that speak a flavor neither knows, on a faulty fabric.

No operation is touched for it. What is wrapped is never placed: there are no Read chunks but long
calls, and no Write chunks.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.nfs import Clock, open_export
from tests.support.sealed import SEALED, SealedClient, SealedServer

from nfsrdma.client.client import ClientOptions
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Service
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.task import Future, Task
from nfsrdma.rpcrdma.transport import RdmaChannel, connect_rdma
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

CLIENT, SERVER = "10.0.0.2", "10.0.0.1"
PORT = 20049
SECRET = b"between you and me"


class Scenario:
    def __init__(self, fabric: SimFabric) -> None:
        self.reactor = fabric.reactor
        self.rng = Random(f"security {fabric.seed}")
        self.sealed = SealedServer(SECRET, Credentials.sys(0, 0))
        self.device = fabric.open_device(CLIENT)
        self.channels: list[RdmaChannel] = []
        exports = [open_export("", MemoryFileSystem(Clock()))]
        # Nothing but the flavor itself is taken, so that nothing can go round it.
        server = NfsService(exports, self.reactor, self.rng, security={SEALED: self.sealed})
        server.listen_rdma(fabric.open_device(SERVER), SERVER, PORT)
        self.reactor.run_until(Task(self.run()))

    def connect(self, timeout_s: float, service: Service) -> Future[Any]:
        made: Future[Any] = connect_rdma(self.device, self.reactor, SERVER, PORT, service=service)
        made.add_done_callback(lambda made: self.channels.append(made.result()))
        return made

    async def run(self) -> None:
        options = ClientOptions(
            Credentials.sys(4711, 4711),
            b"sealed",
            self.rng.randbytes(8),
            timeout=60.0,
            rsize=65536,
            wsize=65536,
            security=SealedClient(RpcClient(self.rng), t.NFS4_PROGRAM, t.NFS_V4, SECRET),
        )
        fs = FileSystem(self.reactor, self.connect, (), options, self.rng)
        await fs.mount()
        for size in (0, 1, 1000, 5000, 200_001):
            data = self.rng.randbytes(size)
            await fs.write_bytes("file", data)
            assert await fs.read_bytes("file") == data
            if size == 1000:
                # A lost connection: the next one has a context of its own, and the session goes on.
                self.channels[-1].close()
        assert (await fs.stat("file")).st_uid == 0
        assert [entry async for page in fs.pages("") for entry in page]
        await fs.unmount()
        assert self.sealed.created == len(self.channels) == 2
        assert self.sealed.accepted > 20
        for channel in self.channels:
            stats = channel.stats
            assert stats.write_chunks == 0
            assert stats.read_chunks == stats.nomsg_calls
        assert self.channels[1].stats.nomsg_calls > 0
        assert self.channels[1].stats.nomsg_replies > 0


@pytest.mark.parametrize("seed", range(3))
def test_files_under_a_flavor_of_ones_own(seed: int) -> None:
    faults = Faults(loss=0.01, duplication=0.01, reordering=0.01) if seed else None
    command = f"pytest {__file__} -k {seed}"
    simulate(lambda fabric: Scenario(fabric) and None, seed, faults=faults, command=command)

"""Minor version 0 over RDMA on a simulated fabric with faults, connections lost included."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest
from tests.support.nfs import (
    PUTROOTFH,
    Clock,
    Op,
    Peer,
    commit,
    encode_compound,
    getattr_,
    open_export,
    putfh,
    read,
    remove,
    write,
)
from tests.support.nfs40 import Client40, close, locku

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

CLIENT, SERVER = "10.0.0.2", "10.0.0.1"
PORT = 20049


class WireReply:
    """What ``nfs.Reply`` is, of a call over a real channel."""

    def __init__(self, result: t.COMPOUND4res) -> None:
        self.result = result
        self.status = result.status
        self._values = [getattr(each.value, "value", each.value) for each in result.resarray]

    def __getitem__(self, index: int) -> Any:
        return self._values[index]

    def __repr__(self) -> str:
        return repr(self.result)


class WirePeer:
    """What ``nfs.Peer`` is, over a real channel; the RPC client counts the XIDs."""

    def __init__(self, channel: Channel, wait: Callable[[Any], Any], seed: int) -> None:
        self.channel = channel
        self._wait = wait
        self._rpc = RpcClient(Random(seed), Credentials.sys(0, 0))

    def call(
        self,
        *ops: Op,
        minor: int = 0,
        xid: int = 0,
        max_reply: int = 4096,
        sinks: tuple[memoryview, ...] = (),
    ) -> WireReply:
        """Send a compound; its reply."""
        future = self._rpc.call(
            self.channel,
            100003,
            4,
            1,
            lambda enc: encode_compound(enc, ops, minor),
            max_reply=max_reply,
            sinks=sinks,
        )
        return WireReply(t.COMPOUND4res.decode(self._wait(future)))


def scenario(fabric: SimFabric) -> None:
    reactor, rng = fabric.reactor, Random(f"v40 {fabric.seed}")
    server = NfsService([open_export("", MemoryFileSystem(Clock()))], reactor, rng)
    server.listen_rdma(fabric.open_device(SERVER), SERVER, PORT)

    def wait(future: Any) -> Any:
        return reactor.run_until(future)

    device = fabric.open_device(CLIENT)
    peer = WirePeer(wait(connect_rdma(device, reactor, SERVER, PORT)), wait, fabric.seed)
    client = Client40(cast(Peer, peer))
    stateid, handle = client.create(b"f")
    content = bytearray()
    for at in range(12):
        data = rng.randbytes(rng.choice((1, 100, 5000, 70_001)))
        offset = rng.randrange(len(content) + 1)
        content.extend(bytes(max(0, offset + len(data) - len(content))))
        content[offset : offset + len(data)] = data
        client.ok(putfh(handle), write(stateid, data, offset), getattr_(t.FATTR4_SIZE))
        if at % 4 == 3:
            # Another connection goes on where this one stopped: all is by number and stateid.
            peer.channel.close()
            peer.channel = wait(connect_rdma(device, reactor, SERVER, PORT))
            again = client.open_(b"%d" % at)
            opened = client.ok(PUTROOTFH, again)
            assert client.ok(PUTROOTFH, again).result == opened.result
    client.ok(putfh(handle), commit())
    for size in (1, 1000, 5000, len(content)):
        offset = rng.randrange(len(content))
        sinks = (memoryview(bytearray(size)),)
        found = client.ok(putfh(handle), read(stateid, offset, size), sinks=sinks)
        assert bytes(found[1].data) == content[offset : offset + size]
    locked = client.ok(putfh(handle), client.first_lock(stateid))[1].lock_stateid
    client.ok(putfh(handle), locku(locked, 2))
    client.ok(client.release_lockowner())
    client.ok(putfh(handle), close(stateid, client.next(b"owner")))
    client.ok(PUTROOTFH, remove(b"f"))


@pytest.mark.parametrize("seed", range(4))
def test_a_client_without_sessions_over_a_faulty_fabric(seed: int) -> None:
    faults = Faults(loss=0.01, duplication=0.01, reordering=0.01) if seed else None
    simulate(scenario, seed, faults=faults, command=f"pytest {__file__} -k {seed}")

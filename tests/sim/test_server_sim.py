"""The server over RDMA on a simulated fabric with faults, in virtual time."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from tests.support.nfs import (
    CURRENT,
    GETFH,
    PUTROOTFH,
    READLINK,
    Clock,
    close,
    commit,
    getattr_,
    lookup,
    open_,
    open_export,
    putfh,
    read,
    symlink,
    write,
)
from tests.support.nfs_wire import WireSession

from nfsrdma.rpcrdma.providers.sim import Faults, SimFabric, simulate
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

CLIENT, SERVER = "10.0.0.2", "10.0.0.1"
PORT = 20049


def scenario(fabric: SimFabric) -> None:
    reactor, rng = fabric.reactor, Random(f"server {fabric.seed}")
    server = NfsService([open_export("", MemoryFileSystem(Clock()))], reactor, rng)
    server.listen_rdma(fabric.open_device(SERVER), SERVER, PORT)

    def wait(future: Any) -> Any:
        return reactor.run_until(future)

    channel = wait(connect_rdma(fabric.open_device(CLIENT), reactor, SERVER, PORT))
    session = WireSession(channel, wait)
    create = open_(b"f", create=t.UNCHECKED4)
    results = session.run([PUTROOTFH, create, GETFH])
    stateid, handle = results[2].stateid, results[3].object
    content = bytearray()
    for _ in range(12):
        data = rng.randbytes(rng.choice((0, 1, 100, 3000, 5000, 70_001)))
        offset = rng.randrange(len(content) + 100)
        content.extend(bytes(max(0, offset + len(data) - len(content)) if data else 0))
        content[offset : offset + len(data)] = data
        results = session.run([putfh(handle), write(stateid, data, offset), getattr_(4)])
        assert results[2].count == len(data)
    session.run([putfh(handle), commit()])
    for size in (0, 1, 1000, 4000, 5000, len(content) + 10):
        offset = rng.randrange(len(content))
        sinks = [memoryview(bytearray(size))] if rng.random() < 0.7 else []
        room = 4096 if sinks else 4096 + size
        results = session.run(
            [putfh(handle), read(stateid, offset, size)], sinks=sinks, max_reply=room
        )
        assert bytes(results[2].data) == content[offset : offset + size]
    target = rng.randbytes(500).hex().encode()
    session.run([PUTROOTFH, symlink(b"l", target)])
    sink = memoryview(bytearray(2000))
    results = session.run([PUTROOTFH, lookup(b"l"), READLINK], sinks=[sink])
    assert bytes(results[3].link) == target
    session.run([putfh(handle), close(stateid)])
    session.run([PUTROOTFH, open_(b"f"), read(CURRENT, 0, 10), close(CURRENT)])


@pytest.mark.parametrize("seed", range(4))
def test_files_over_a_faulty_fabric(seed: int) -> None:
    faults = Faults(loss=0.01, duplication=0.01, reordering=0.01) if seed else None
    simulate(scenario, seed, faults=faults, command=f"pytest {__file__} -k {seed}")

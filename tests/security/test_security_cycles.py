"""Nothing of a connection that has ended waits for a garbage collection, at either end."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.nfs import GETFH, PUTROOTFH, open_, open_export, putfh, read, write
from tests.support.nfs_wire import WireSession

from nfsrdma.rpcrdma.io.reactor import SelectReactor, Timer
from nfsrdma.rpcrdma.io.tcp import connect_tcp
from nfsrdma.rpcrdma.providers.shm import ShmDevice
from nfsrdma.rpcrdma.providers.shm.order import SUITABLE
from nfsrdma.rpcrdma.providers.sim import SimFabric
from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.transport import connect_rdma
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t


@contextmanager
def no_collections() -> Iterator[None]:
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def connections() -> Counter[str]:
    """How many there are of each kind of object that belongs to a connection.

    A reactor's cancelled timers know nothing any more, and stay for a while.
    """
    found = Counter[str]()
    for each in gc.get_objects():
        kind = type(each)
        # A class may have a descriptor of that name, which is no module of ours.
        module = str(kind.__module__)
        if module.startswith(("nfsrdma.rpcrdma.", "mmap")) and kind is not Timer:
            found[f"{module}.{kind.__qualname__}"] += 1
    return found


def use(channel: Channel, wait: Callable[[Any], Any], owner: bytes) -> None:
    """Write and read what takes chunks, and hang up."""
    session = WireSession(channel, wait, owner)
    results = session.run([PUTROOTFH, open_(b"f", create=t.UNCHECKED4), GETFH])
    stateid, handle = results[2].stateid, results[3].object
    session.run([putfh(handle), write(stateid, bytes(200_000))])
    sink = memoryview(bytearray(200_000))
    results = session.run([putfh(handle), read(stateid, 0, 200_000)], sinks=[sink])
    assert len(results[2].data) == 200_000
    channel.close()


def test_over_a_simulated_fabric() -> None:
    reactor = SimReactor()
    fabric = SimFabric(reactor, 1)
    server = NfsService([open_export("", MemoryFileSystem(time.time_ns))], reactor, Random(1))
    server.listen_rdma(fabric.open_device("10.0.0.1"), "10.0.0.1", 20049)
    device = fabric.open_device("10.0.0.2")

    def come_and_go(owner: bytes) -> None:
        channel = reactor.run_until(connect_rdma(device, reactor, "10.0.0.1", 20049))
        use(channel, reactor.run_until, owner)

    come_and_go(b"first")
    reactor.run_for(300)  # the client is forgotten, and the connection's numbers are
    with no_collections():
        before = connections()
        for number in range(3):
            come_and_go(b"%d" % number)
        reactor.run_for(300)
        left = connections() - before
        assert not left, dict(left)


@pytest.mark.parametrize("transport", ["tcp", "shm"])
def test_over_this_host(transport: str, tmp_path: Path) -> None:
    if transport == "shm" and not SUITABLE:
        pytest.skip("no shared memory on this processor")
    reactor = SelectReactor()
    server = NfsService([open_export("", MemoryFileSystem(time.time_ns))], reactor, Random(1))
    devices = [ShmDevice(reactor, directory=str(tmp_path)) for _ in "ab"] * (transport == "shm")
    if devices:
        _, port = server.listen_rdma(devices[0], "127.0.0.1", 20049)
    else:
        _, port = server.listen_tcp("127.0.0.1", 0)

    def come_and_go(owner: bytes) -> None:
        connecting: Any = (
            connect_rdma(devices[1], reactor, "127.0.0.1", port)
            if devices
            else connect_tcp(reactor, "127.0.0.1", port)
        )
        use(reactor.run_until(connecting, 20), lambda future: reactor.run_until(future, 20), owner)
        reactor.run_until(lambda: not any(each.channels for each in server.listeners), 20)

    try:
        with no_collections():
            come_and_go(b"first")
            before = connections()
            for number in range(3):
                come_and_go(b"%d" % number)
            left = connections() - before
            assert not left, dict(left)
    finally:
        server.close()
        for device in devices:
            device.close()
        reactor.close()

"""The gateway of foreign suites: a client over TCP, a server over RDMA, and callbacks back."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.suites.gateway import LARGEST, REPLY_ROOM, Gateway, translate
from tests.support.nfs_live import LiveServer

from nfsrdma import client
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.io.tcp import listen_tcp
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.rpc.channel import Channel, Service
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.task import Future
from nfsrdma.rpcrdma.transport.connect import connect_rdma
from nfsrdma.server.callback import CallbackOperation
from nfsrdma.xdr.nfs4 import types as nfs

PROVIDERS = {"soft": "rdma", "shm": "shm"}


class LiveGateway:
    """A gateway to a live server, on a thread of this process."""

    def __init__(self, server: LiveServer, provider: str) -> None:
        self.far: list[Any] = []
        self._address = server.address if provider == "soft" else server.shm_address
        self._port = server.rdma_port
        self._provider = provider
        self._up = threading.Event()
        self._reactor = SelectReactor()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._up.wait(10)

    def _run(self) -> None:
        device = open_device(self._provider, self._reactor)

        def connect(service: Service) -> Future[Channel]:
            future: Any = connect_rdma(
                device, self._reactor, self._address, self._port, service=service
            )
            future.add_done_callback(lambda made: self.far.append(made.result()))
            return future

        gateway = Gateway(connect)
        listener = listen_tcp(
            self._reactor, "127.0.0.1", 0, gateway.service, on_channel=gateway.accepted
        )
        self.url = f"nfs+tcp://127.0.0.1:{listener.address[1]}/"
        self._up.set()
        self._reactor.run_forever()
        listener.close()
        device.close()
        self._reactor.close()

    def stop(self) -> None:
        self._reactor.call_soon_threadsafe(self._reactor.stop)
        self._thread.join(10)


@pytest.fixture(params=list(PROVIDERS))
def gateway(request: pytest.FixtureRequest) -> Iterator[tuple[LiveServer, LiveGateway]]:
    server = LiveServer(rdma=True)
    live = LiveGateway(server, request.param)
    yield server, live
    live.stop()
    server.stop()


def test_files_go_through_in_chunks(gateway: tuple[LiveServer, LiveGateway]) -> None:
    """Data of every length, links and listings: the same there and back."""
    server, live = gateway
    with client.mount(live.url) as fs:
        for size in (0, 1, 3, 4095, 70_001, 1_500_001):
            data = os.urandom(size)
            fs.write_bytes(f"f{size}", data)
            assert fs.read_bytes(f"f{size}") == data
        fs.symlink("x" * 900, "link")
        assert fs.readlink("link") == "x" * 900
        for number in range(600):
            fs.write_bytes(f"a-name-of-some-length-{number:04}", b"")
        assert len(fs.listdir("/")) == 607
        with pytest.raises(FileNotFoundError):
            fs.read_bytes("none")
    (far,) = live.far
    stats = far.stats.as_dict()
    assert {channel.peer.transport for channel in server.channels} == {"rdma"}
    assert stats["calls_sent"] > 600
    assert min(stats["bytes_read_chunks"], stats["bytes_write_chunks"]) >= 1_500_001


def test_callbacks_come_back(gateway: tuple[LiveServer, LiveGateway]) -> None:
    server, live = gateway
    arguments = nfs.CB_RECALL4args(nfs.stateid4(1, bytes(12)), False, b"handle")
    recall = CallbackOperation(nfs.OP_CB_RECALL, arguments, nfs.CB_RECALL4res.decode)
    answered = threading.Event()
    results: list[Future[Any]] = []

    def start() -> None:
        (session,) = server.server.registry.sessions.values()
        results.append(server.server.callbacks.call(session, recall))
        results[0].add_done_callback(lambda _: answered.set())

    with client.mount(live.url) as fs:
        fs.write_bytes("file", b"contents")
        server.call(start)
        assert answered.wait(20)
    assert results[0].result().status == nfs.NFS4ERR_BAD_STATEID


def test_a_connection_ends_with_its_other_half(gateway: tuple[LiveServer, LiveGateway]) -> None:
    """The server cuts the connection: the client makes a new one, and goes on."""
    server, live = gateway
    with client.mount(live.url) as fs:
        fs.write_bytes("file", b"contents")
        server.cut()
        assert fs.read_bytes("file") == b"contents"
    assert len(live.far) == 2


def _call(operations: list[nfs.nfs_argop4], minor: int = 2) -> memoryview:
    encoder = RpcClient(random.Random(1)).start(nfs.NFS4_PROGRAM, nfs.NFS_V4, 1)
    nfs.COMPOUND4args(b"", minor, operations).encode(encoder)
    return memoryview(encoder.to_bytes())


def test_what_is_eligible_is_found() -> None:
    anyone = nfs.stateid4(0, bytes(12))
    write = nfs.nfs_argop4(
        nfs.OP_WRITE, nfs.WRITE4args(anyone, 0, nfs.FILE_SYNC4, memoryview(b"seven.."))
    )
    read = nfs.nfs_argop4(nfs.OP_READ, nfs.READ4args(anyone, 0, 0xFFFFFFFF))
    message = _call([write, nfs.nfs_argop4(nfs.OP_READLINK), read])
    found = translate(message)
    assert found.message.to_bytes() == bytes(message)
    assert [bytes(payload.data) for payload in found.message.payloads] == [b"seven.."]
    assert [len(sink) for sink in found.sinks] == [0, LARGEST]
    assert found.max_reply == REPLY_ROOM


def test_what_cannot_be_decoded_goes_on_as_it_is() -> None:
    whole = _call([nfs.nfs_argop4(nfs.OP_READ, nfs.READ4args(nfs.stateid4(0, bytes(12)), 0, 9))])
    for message in (whole[:-4], memoryview(bytes(whole) + b"more"), memoryview(b"\0\1")):
        found = translate(message)
        assert found.message.to_bytes() == bytes(message)
        assert not found.sinks

"""A server on a real directory whose threads wait for the disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.hosts import loopback

from nfsrdma.client.edge.connect import make_client
from nfsrdma.client.file import spread
from nfsrdma.client.options import MountOptions
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.registry import open_device
from nfsrdma.rpcrdma.task import Task
from nfsrdma.server.edge.workers import Workers
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.interface import Job
from nfsrdma.server.vfs.local import LocalFileSystem


@pytest.mark.parametrize("transport", ["rdma", "shm", "tcp"])
def test_many_files_are_made_durable_at_a_time(
    transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reactor = SelectReactor()
    workers = Workers(reactor, threads=4)
    jobs = 0

    def counted(job: Job, later: Callable[[Exception | None], None]) -> None:
        nonlocal jobs
        jobs += 1
        workers(job, later)

    fs = LocalFileSystem(tmp_path)
    monkeypatch.setattr(fs, "in_memory", False)  # whatever the directory is on
    server = NfsService([Export("", fs)], reactor, random.Random(1), threads=counted)
    host = loopback(91)
    device = open_device("shm" if transport == "shm" else "soft", reactor, address=host)
    _, rdma_port = server.listen_rdma(device, host, 0)
    _, tcp_port = server.listen_tcp("127.0.0.1", 0)
    url = f"nfs+rdma://{host}:{rdma_port}/"
    if transport == "tcp":
        url = f"nfs+tcp://127.0.0.1:{tcp_port}/"
    options = MountOptions(provider=transport if transport == "shm" else None)
    client, connector, _ = make_client(reactor, url, options)
    data = random.Random(2).randbytes(5000)

    async def work() -> None:
        await client.mount()

        async def put(index: int) -> None:
            await client.write_bytes(f"file-{index}", data[index:])

        await spread(put, range(40), 8)
        await client.unmount()

    reactor.run_until(Task(work()), 60)
    assert jobs >= 40
    for index in range(40):
        assert (tmp_path / f"file-{index}").read_bytes() == data[index:]
    workers.close()
    reactor.turn(0)
    server.close()
    connector.close()
    device.close()
    reactor.close()

"""Locks that wait, real clients and a real server: told of over TCP, soft-RoCE, shared memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma import client as nfs

EVERY = pytest.mark.parametrize("transport", ["tcp", "rdma", "shm"])


@pytest.fixture
def server() -> Iterator[LiveServer]:
    live = LiveServer(rdma=True)
    yield live
    live.stop()


@EVERY
def test_who_waits_is_told(server: LiveServer, transport: str) -> None:
    with nfs.mount(server.url_of(transport)) as one, nfs.mount(server.url_of(transport)) as two:
        one.write_bytes("file", b"contents")
        with one.open("file", "r+b") as first, two.open("file", "r+b") as second:
            first.lock()
            with pytest.raises(BlockingIOError):
                second.lock(wait=False)
            waiter = threading.Thread(target=second.lock)
            waiter.start()
            while not server.call(lambda: len(server.server.lock_notices.table)):
                assert waiter.is_alive()
                time.sleep(0.01)
            before = two.stats.callbacks
            first.unlock()
            waiter.join(20)
            assert not waiter.is_alive()
            assert two.stats.callbacks == before + 1
            assert not server.call(lambda: len(server.server.lock_notices.table))
            with pytest.raises(BlockingIOError):
                first.lock(wait=False)

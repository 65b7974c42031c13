"""Several connections of one session, over each transport, and what becomes of those that end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.rpcrdma.rpc.channel import TransportError
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr import Decoder

TRANSPORTS = ["tcp", "rdma", "shm"]


@pytest.fixture
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


def becomes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def restored(fs: nfs.Mount, times: int) -> bool:
    """Whether three connections are there again after so many were cut."""
    return lanes(fs) == 2 and fs.stats.connections >= 3 + times


def lanes(fs: nfs.Mount) -> int:
    return len(fs._client.session.lanes)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_connections_share_the_calls(server: LiveServer, transport: str) -> None:
    with nfs.mount(server.url_of(transport), nconnect=4) as fs:
        assert becomes_true(lambda: lanes(fs) == 3)
        assert fs.stats.connections == 4
        assert fs.stats.sessions == 1
        session = fs._client.session
        used = set()
        for channel in (session.channel, *session.lanes):
            used.add(id(channel))
        assert len(used) == 4
        data = {f"f{n}": Random(n).randbytes(300_000) for n in range(16)}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: fs.write_bytes(*item), data.items()))
            assert dict(zip(data, pool.map(fs.read_bytes, data), strict=True)) == data


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_each_connection_ends_in_turn(server: LiveServer, transport: str) -> None:
    """The first one too, again and again while calls are under way: none fails, none is doubled."""
    with nfs.mount(f"{server.url_of(transport)}?nconnect=3") as fs:
        assert becomes_true(lambda: lanes(fs) == 2)
        stop = threading.Event()
        failures: list[Exception] = []

        def work(number: int) -> None:
            rng, count = Random(number), 0
            try:
                while not stop.is_set():
                    data = rng.randbytes(50_000)
                    name = f"w{number}-{count}"
                    fs.write_bytes(name, data)
                    assert fs.read_bytes(name) == data
                    fs.rename(name, name + "-x")  # fails if it is done twice
                    fs.remove(name + "-x")
                    count += 1
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        try:
            for number in range(6):
                assert becomes_true(lambda n=number: restored(fs, n) or bool(failures))

                def cut(place: int = number % 3) -> None:
                    living = [each for each in server.channels if not each.closed]  # type: ignore[attr-defined]
                    living[place].close()

                server.call(cut)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert failures == []
        assert fs.stats.sessions == 1
        assert becomes_true(lambda: lanes(fs) == 2)


def test_all_of_them_end_and_the_session_goes_on(server: LiveServer) -> None:
    with nfs.mount(server.url, nconnect=3) as fs:
        assert becomes_true(lambda: lanes(fs) == 2)
        server.cut()
        fs.write_bytes("a", b"1")
        assert becomes_true(lambda: lanes(fs) == 2)
        server.restart()
        fs.write_bytes("b", b"2")
        assert fs.stats.sessions == 2
        assert becomes_true(lambda: lanes(fs) == 2), "they are bound to the new session"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: fs.write_bytes(f"c{n}", b"3"), range(50)))


def test_how_many_is_checked(server: LiveServer) -> None:
    for wrong in (0, 17):
        with pytest.raises(ValueError, match="1 to 16"):
            nfs.mount(server.url, nconnect=wrong)
        with pytest.raises(nfs.UrlError, match="1 to 16"):
            nfs.mount(f"{server.url}?nconnect={wrong}")


class Deaf:
    """A connection over which nothing is answered any more; it looks well otherwise."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.peer, self.max_message = inner.peer, inner.max_message
        self.waiting: list[Future[Decoder]] = []

    def call(self, *_: object, **__: object) -> Future[Decoder]:
        self.waiting.append(Future())
        return self.waiting[-1]

    def close(self, reason: str = "") -> None:
        self.inner.close(reason)
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.set_error(TransportError(reason))


@pytest.mark.parametrize("which", ["the first", "a lane"])
def test_one_that_is_dead_alone_is_noticed(server: LiveServer, which: str) -> None:
    """The others are answered, so the server is well; the calls over this one move on."""
    with nfs.mount(server.url, nconnect=3, timeout=1.0) as fs:
        assert becomes_true(lambda: lanes(fs) == 2)
        session = fs._client.session
        connection: Any = session.channel if which == "the first" else session.lanes[1]
        connection.inner = Deaf(connection.inner)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda n: fs.write_bytes(f"d{n}", b"4"), range(60)))
        assert connection not in (session.channel, *session.lanes)
        assert fs.stats.sessions == 1
        assert becomes_true(lambda: lanes(fs) == 2)

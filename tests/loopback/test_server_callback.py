"""Callbacks of the real server to the real client: TCP, soft-RoCE and shared memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma import client as nfs
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.callback import CallbackOperation
from nfsrdma.server.state.backchannel import Path
from nfsrdma.server.state.session import Session
from nfsrdma.xdr.nfs4 import types as t

T = TypeVar("T")

EVERY = pytest.mark.parametrize("transport", ["tcp", "rdma", "shm"])


@pytest.fixture
def server() -> Iterator[LiveServer]:
    live = LiveServer(rdma=True)
    yield live
    live.stop()


def wait(server: LiveServer, make: Any) -> Any:
    """The result of a future that is made on the server's thread."""
    done = threading.Event()
    futures: list[Future[Any]] = []

    def start() -> None:
        future = make()
        futures.append(future)
        future.add_done_callback(lambda _: done.set())

    server.call(start)
    assert done.wait(20)
    return futures[0].result()


def session_of(server: LiveServer) -> Session:
    (session,) = server.server.registry.sessions.values()
    return session


def recall(number: int) -> CallbackOperation[t.CB_RECALL4res]:
    arguments = t.CB_RECALL4args(t.stateid4(1, bytes([number] * 12)), False, b"handle")
    return CallbackOperation(t.OP_CB_RECALL, arguments, t.CB_RECALL4res.decode)


@EVERY
def test_the_client_answers(server: LiveServer, transport: str) -> None:
    callbacks = server.server.callbacks
    with nfs.mount(server.url_of(transport)) as fs:
        fs.write_bytes("file", b"contents")
        for number in range(5):
            operation = recall(number)
            result = wait(server, lambda op=operation: callbacks.call(session_of(server), op))
            assert result.status == t.NFS4ERR_BAD_STATEID
        results = [Future[Any]() for _ in range(20)]

        def many() -> Future[Any]:
            calls = [callbacks.call(session_of(server), recall(number)) for number in range(20)]
            for call, result in zip(calls, results, strict=True):
                call.add_done_callback(lambda call, result=result: result.set_result(call.result()))
            return calls[-1]

        wait(server, many)
        assert fs.stats.callbacks >= 25
        back = server.call(lambda: session_of(server).back)
        assert list(back.paths.values()) == [Path.UP]
        assert callbacks.stats.probes_answered == 1
        assert callbacks.stats.unanswered == 0
        assert fs.read_bytes("file") == b"contents"


@EVERY
def test_a_connection_is_cut_with_a_call_in_progress(server: LiveServer, transport: str) -> None:
    callbacks = server.server.callbacks
    with nfs.mount(server.url_of(transport), timeout=20) as fs:
        fs.write_bytes("file", b"contents")

        def cut_off() -> Future[Any]:
            call = callbacks.call(session_of(server), recall(1))
            for channel in server.channels:
                channel.close("cut")
            server.channels.clear()
            threading.Thread(target=fs.read_bytes, args=("file",)).start()
            return call

        assert wait(server, cut_off).status == t.NFS4ERR_BAD_STATEID
        assert callbacks.stats.repeated == 1
        assert fs.read_bytes("file") == b"contents"
        assert fs.stats.sessions == 1


@EVERY
def test_any_of_several_connections_carries_callbacks(server: LiveServer, transport: str) -> None:
    callbacks = server.server.callbacks
    with nfs.mount(server.url_of(transport), nconnect=3, timeout=20) as fs:
        for connections in (3, 4, 5):
            deadline = time.monotonic() + 30
            while fs.stats.connections < connections or len(fs._client.session.lanes) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            paths = server.call(lambda: list(session_of(server).back.paths))
            assert len(paths) == 3
            result = wait(server, lambda: callbacks.call(session_of(server), recall(1)))
            assert result.status == t.NFS4ERR_BAD_STATEID
            if connections < 5:  # the one that has just carried it, or another
                server.call(
                    lambda: next(each for each in server.channels if not each.closed).close()
                )  # type: ignore[attr-defined]
        assert fs.stats.sessions == 1


@EVERY
def test_a_file_that_is_delegated_is_opened_once(transport: str) -> None:
    server = LiveServer(rdma=True, delegations=True)
    try:
        with (
            nfs.mount(server.url_of(transport), delegations=True) as fs,
            nfs.mount(server.url_of(transport)) as other,
        ):
            other.write_bytes("file", b"contents")
            while not len(fs._client.opens.delegations):
                # The server has first to find out that callbacks arrive.
                fs.open("file").close()
            before = fs.stats.of("OPEN").calls
            for _ in range(999):
                with fs.open("file") as file:
                    assert file.read() == b"contents"
            assert fs.stats.of("OPEN").calls == before
            with fs.open("file") as file:
                other.write_bytes("file", b"of another")
                assert file.read() == b"of another"
            assert fs.stats.of("DELEGRETURN").calls == 1
    finally:
        server.stop()

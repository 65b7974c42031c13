"""``nfsrdma.server.Server``: a server within a program, on a thread or on asyncio's loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import nfsrdma.client as nfs
from nfsrdma.client import aio
from nfsrdma.server import Export, LocalFileSystem, MemoryFileSystem, NobodyNamed, Server, Squash
from nfsrdma.server.edge.state_directory import ExportedState, StateDirectoryBusy


def export(path: Path) -> Export:
    return Export("", LocalFileSystem(path), squash=Squash.NONE)


def loopback() -> str:
    """An address of this test's own: there is one RoCE port for each."""
    return f"127.{random.randrange(16, 240)}.{random.randrange(256)}.3"


def test_rdma_on_a_thread(tmp_path: Path) -> None:
    with Server([export(tmp_path)], addresses=[loopback()], rdma_port=0, ephemeral=True) as server:
        (url,) = server.urls
        assert url.startswith("nfs+rdma://127.")
        with nfs.mount(url) as fs:
            fs.write_bytes("file", b"data")
        assert (tmp_path / "file").read_bytes() == b"data"
        assert not server.wait(0)
    assert server.wait(0)
    server.stop()


def test_both_transports_and_several_exports(tmp_path: Path) -> None:
    exports = [
        Export(name, MemoryFileSystem(time.time_ns, instance=number), squash=Squash.ALL)
        for number, name in enumerate(("a", "b/c"))
    ]
    with Server(exports, addresses=[loopback()], rdma_port=0, tcp_port=0, ephemeral=True) as server:
        assert [url.partition("://")[0] for url in server.urls] == [
            "nfs+rdma",
            "nfs+rdma",
            "nfs+tcp",
            "nfs+tcp",
        ]
        assert [url.rpartition(":")[2].partition("/")[2] for url in server.urls] == [
            "a",
            "b/c",
            "a",
            "b/c",
        ]
        for url in server.urls:
            with nfs.mount(url) as fs:
                assert fs.listdir("") == []


def test_on_asyncio(tmp_path: Path) -> None:
    async def main() -> None:
        async with Server([export(tmp_path)], rdma_port=None, tcp_port=0, ephemeral=True) as server:
            serving = asyncio.ensure_future(server.serve_forever())
            async with aio.mount(server.urls[0]) as fs:
                await fs.write_bytes("file", b"data")
                assert await fs.read_bytes("file") == b"data"
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    asyncio.run(main())
    assert (tmp_path / "file").read_bytes() == b"data"


def test_stopped_by_another_thread(tmp_path: Path) -> None:
    server = Server([export(tmp_path)], rdma_port=None, tcp_port=0, ephemeral=True)
    server.start()
    threading.Thread(target=server.stop).start()
    assert server.wait(60)


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"ephemeral": True, "state_directory": "kept"},
        {"ephemeral": True, "rdma_port": None},
    ],
    ids=str,
)
def test_choices_that_make_no_server(tmp_path: Path, choice: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"a server has|no port"):
        Server([export(tmp_path)], **choice)  # type: ignore[arg-type]


def test_other_hosts_have_to_be_named(tmp_path: Path) -> None:
    server = Server(
        [export(tmp_path)], addresses=["0.0.0.0"], rdma_port=None, tcp_port=0, ephemeral=True
    )
    with pytest.raises(NobodyNamed):
        server.start()
    assert server.wait(0)

    async def main() -> None:
        async with Server(
            [export(tmp_path)], addresses=["0.0.0.0"], rdma_port=None, tcp_port=0, ephemeral=True
        ):
            raise AssertionError("it must not start")

    with pytest.raises(NobodyNamed):
        asyncio.run(main())


def test_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(
            [export(tmp_path)], rdma_port=None, tcp_port=taken.getsockname()[1], ephemeral=True
        )
        with pytest.raises(OSError, match="in use") as caught:
            server.start()
    assert caught.value.errno == errno.EADDRINUSE


def test_state_outlives_the_server_and_is_hidden(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    (top / "file").write_bytes(b"data")
    with Server([export(top)], rdma_port=None, tcp_port=0, state_directory=top / "state") as server:
        with nfs.mount(server.urls[0]) as fs:
            assert fs.listdir("") == ["file"]
        assert (top / "state" / "recovery.sqlite").exists()
        second = Server([export(top)], rdma_port=None, tcp_port=0, state_directory=top / "state")
        with pytest.raises(StateDirectoryBusy):
            second.start()
    within = Server(
        [export(top / "state")], rdma_port=None, tcp_port=0, state_directory=top / "state"
    )
    with pytest.raises(ExportedState):
        within.start()


def test_heads_need_no_machine() -> None:
    code = (
        "import sys, nfsrdma.server\n"
        "from nfsrdma.server import Export\n"
        "print('asyncio' in sys.modules, 'nfsrdma.rpcrdma.io.reactor' in sys.modules)\n"
        "assert all(hasattr(nfsrdma.server, name) for name in nfsrdma.server.__all__)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False False\n"

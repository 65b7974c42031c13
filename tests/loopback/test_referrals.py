"""Mounts that are sent from one server to another."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from nfsrdma.client import MovedError, NfsError, aio, mount, parse_url
from nfsrdma.server import Export, LocalFileSystem, Location, Referral, Server, Squash
from nfsrdma.xdr.nfs4 import types as t

HOST = "127.0.0.1"


def place(port: int, *path: bytes) -> Location:
    """A universal address, as ports other than 2049 are told."""
    return Location(f"{HOST}.{port >> 8}.{port & 255}".encode(), path)


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


class Servers:
    def __init__(self, stack: ExitStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory

    def start(self, *exports: Export, port: int = 0) -> int:
        server = Server(exports, rdma_port=None, tcp_port=port, ephemeral=True)
        return parse_url(self._stack.enter_context(server).urls[0]).port

    def export(self, name: str, text: str) -> Export:
        path = self._directory / name
        (path / "d").mkdir(parents=True)
        (path / "d" / "f").write_text(text)
        return Export(name, LocalFileSystem(path), squash=Squash.NONE)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack, tmp_path)


def test_a_mount_goes_where_the_files_are(servers: Servers) -> None:
    there = servers.start(servers.export("data", "here I am"), servers.export("x", ""))
    first = servers.start(
        servers.export("own", "mine"), Referral("go/there", [place(there, b"data")])
    )
    with mount(f"nfs+tcp://{HOST}:{first}/go/there") as fs:
        assert fs.read_text("d/f") == "here I am"
        assert fs.url.port == there
        assert fs.url.path == (b"data",)
    with mount(f"nfs+tcp://{HOST}:{first}/go/there/d") as fs:
        assert fs.read_text("f") == "here I am"

    async def asynchronously() -> str:
        async with aio.mount(f"nfs+tcp://{HOST}:{first}/go/there/d") as fs:
            return await fs.read_text("f")

    assert asyncio.run(asynchronously()) == "here I am"


def test_the_next_place_is_tried(servers: Servers) -> None:
    there = servers.start(servers.export("data", "second"), servers.export("x", ""))
    nobody = place(free_port(), b"data")
    missing = place(there, b"missing")
    first = servers.start(Referral("go", [nobody, missing, place(there, b"data")]))
    with mount(f"nfs+tcp://{HOST}:{first}/go") as fs:
        assert fs.read_text("d/f") == "second"


def test_servers_that_refer_to_each_other(servers: Servers) -> None:
    second = free_port()
    first = servers.start(Referral("go", [place(second, b"back")]))
    servers.start(Referral("back", [place(first, b"go")]), port=second)
    with pytest.raises(MovedError, match=f"{second}/back: the file system is elsewhere: .*{first}"):
        mount(f"nfs+tcp://{HOST}:{first}/go")


def test_a_path_that_leads_elsewhere_says_where(servers: Servers) -> None:
    first = servers.start(
        servers.export("own", "mine"), Referral("go", [Location(b"other.example", (b"a",))])
    )
    with mount(f"nfs+tcp://{HOST}:{first}") as fs:
        assert fs.read_text("own/d/f") == "mine"
        assert sorted(fs.listdir("")) == ["go", "own"]
        for use in (fs.stat, fs.listdir, fs.read_bytes):
            with pytest.raises(MovedError, match=r"elsewhere: other\.example:/a/sub") as caught:
                use("go/sub")
            assert caught.value.status == t.NFS4ERR_MOVED
        with pytest.raises(NfsError, match=r"other\.example:/a/new"):
            fs.write_bytes("go/new", b"x")

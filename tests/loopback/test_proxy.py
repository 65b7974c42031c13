"""A server in front of another one: our client, our server, our client again, a far server."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.backends import fails
from tests.support.hosts import loopback
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli.serve import serve
from nfsrdma.client.attributes import Page, Stat
from nfsrdma.client.operations import Operations
from nfsrdma.client.options import MountOptions
from nfsrdma.proxy import open_proxy
from nfsrdma.proxy.far import LARGEST_HANDLE, node_of
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.authority import Policy
from nfsrdma.server.edge.serving import Serving
from nfsrdma.server.vfs.export import Export, Squash
from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, User

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


class Front:
    """A proxy that serves on a thread of its own, over shared memory, packets and TCP."""

    def __init__(self, url: str) -> None:
        self.urls: dict[str, str] = {}
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(url,), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)

    def _serve(self, url: str) -> None:
        self.reactor = SelectReactor()
        self.fs = open_proxy(self.reactor, url, MountOptions(timeout=1.0))
        export = Export("", self.fs, squash=Squash.NONE)
        serving = Serving([export], self.reactor, policy=Policy(os.geteuid()))
        self.urls["tcp"] = serving.urls(serving.listen_tcp("127.0.0.1", 0))[0]
        (place,) = serving.listen_rdma([loopback(9)], 0)
        self.urls["rdma"] = serving.urls(place)[0]
        self._ready.set()
        self.reactor.run_forever()
        for _ in serving.closing():
            self.reactor.turn(0)
        self.reactor.close()

    def close(self) -> None:
        self.reactor.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def far() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.stop()


@pytest.fixture
def front(far: LiveServer) -> Iterator[Front]:
    made = Front(far.url)
    yield made
    made.close()


@pytest.mark.parametrize("transport", ["rdma", "tcp"])
def test_a_far_server_is_used_as_if_it_were_near(
    front: Front, far: LiveServer, transport: str
) -> None:
    data = os.urandom(3_000_000)
    with nfs.mount(front.urls[transport]) as near, nfs.mount(far.url) as direct:
        near.makedirs("a/b")
        near.write_bytes("a/b/f", data)
        assert direct.read_bytes("a/b/f") == data
        direct.write_bytes("a/g", b"from the other side")
        assert near.read_bytes("a/g") == b"from the other side"
        assert sorted(near.listdir("a")) == ["b", "g"]
        near.rename("a/g", "a/b/h")
        near.symlink("b/h", "a/link")
        assert direct.readlink("a/link") == "b/h"
        assert near.read_bytes("a/link") == b"from the other side"
        near.truncate("a/b/f", 10)
        assert direct.stat("a/b/f").st_size == 10
        with pytest.raises(FileNotFoundError):
            near.read_bytes("a/none")
        with pytest.raises(OSError) as caught:
            near.rmdir("a/b")
        assert caught.value.errno == errno.ENOTEMPTY
        ours, theirs = near.stat("a/b/f"), direct.stat("a/b/f")
        for what in ("change", "st_ino", "st_size", "st_mode", "st_mtime_ns", "owner"):
            assert getattr(ours, what) == getattr(theirs, what), what


def test_what_the_far_server_loses_is_written_again(front: Front, far: LiveServer) -> None:
    with nfs.mount(front.urls["tcp"]) as near:
        with near.open("f", "w+b") as file:
            file.write(b"a" * 100_000)
            file.flush()
            far.restart()
            file.write(b"b" * 100_000)
            file.flush()
            file.fsync()
            assert near.stats.resent_writes > 0
        assert near.read_bytes("f") == b"a" * 100_000 + b"b" * 100_000


def test_the_far_server_goes_away_and_comes_back(front: Front, far: LiveServer) -> None:
    with nfs.mount(front.urls["tcp"], timeout=30) as near:
        near.write_bytes("f", b"before")
        far.stop()
        back = threading.Timer(2.0, far.start)
        back.start()
        assert near.read_bytes("f") == b"before"
        back.join()


class Direct:
    """The back end alone, without a server in front of it."""

    def __init__(self, far: LiveServer) -> None:
        self.reactor = SelectReactor()
        self.fs: Any = open_proxy(self.reactor, far.url, MountOptions(timeout=1.0))

    def wait(self, value: Any) -> Any:
        if isinstance(value, Future):
            self.reactor.run_until(value.done, 20)
            return value.result()
        return value


@pytest.fixture
def direct(far: LiveServer) -> Iterator[Direct]:
    made = Direct(far)
    yield made
    made.fs.close()
    made.reactor.close()


@needs_root
def test_callers_are_themselves_at_the_far_server(direct: Direct, far: LiveServer) -> None:
    fs, wait = direct.fs, direct.wait
    alice = User(1001, 1001, tuple(range(2000, 2040)))
    node, file = wait(fs.create(fs.root, b"hers", alice, 0o600, READ | WRITE))
    file.close()
    assert wait(fs.attributes(node)).uid == 1001
    fails(errno.EACCES, lambda: wait(fs.open(node, User(1002, 1002), READ)))
    assert wait(fs.permitted(node, User(1002, 1002), 7)) == 0
    fs.acts_as = 0
    wait(fs.open(node, User(1002, 1002), READ)).close()


def test_callers_that_are_remembered_are_bounded(direct: Direct) -> None:
    for uid in range(1100):
        direct.fs._as(User(uid, uid))
    assert len(direct.fs._callers) <= 1024
    for number in range(1100):
        direct.fs._remember(b"%d" % number, bytes(8))
    assert len(direct.fs._verifiers) <= 1024


def test_a_server_that_is_away_is_a_delay(direct: Direct, far: LiveServer) -> None:
    far.stop()
    fails(errno.ETIMEDOUT, lambda: direct.wait(direct.fs.attributes(direct.fs.root)))
    far.start()
    assert direct.wait(direct.fs.attributes(direct.fs.root)).size >= 0


def test_a_file_is_closed_at_the_far_server(direct: Direct, far: LiveServer) -> None:
    fs, wait = direct.fs, direct.wait
    _, file = wait(fs.create(fs.root, b"f", ROOT, 0o644, READ | WRITE))
    reading = file.read(0, memoryview(bytearray(10)))
    file.close()
    assert wait(reading) == 0
    fails(errno.EBADF, file.read, 0, memoryview(bytearray(1)))
    direct.reactor.run_until(lambda: not len(fs._client.opens), 10)


@pytest.mark.parametrize("entries", [0, 1])
def test_a_listing_that_goes_round_ends(
    direct: Direct, monkeypatch: pytest.MonkeyPatch, entries: int
) -> None:
    asked: list[int] = []

    async def page(self: Operations, directory: bytes, cookie: int, verifier: bytes) -> Page:
        asked.append(cookie)
        made = Page(bytes(8))
        made.entries = [(b"elsewhere", status_of(b"h", (9, 9)))] * entries
        made.cookies = [7] * entries
        made.cookie = 7
        return made

    monkeypatch.setattr(Operations, "page", page)
    fails(errno.EIO, lambda: direct.wait(direct.fs.entries(direct.fs.root, 0, ROOT, 10)))
    assert len(asked) <= 64


def status_of(handle: bytes, fsid: tuple[int, int] = (0, 1)) -> Stat:
    status = Stat()
    status.handle, status.fsid, status.st_mode = handle, fsid, 0o100644
    return status


def test_what_cannot_be_an_object_here() -> None:
    assert node_of(status_of(b"h" * LARGEST_HANDLE), (0, 1)).identity == b"h" * LARGEST_HANDLE
    fails(errno.EOVERFLOW, node_of, status_of(b"h" * (LARGEST_HANDLE + 1)), (0, 1))
    fails(errno.EOVERFLOW, node_of, status_of(b""), (0, 1))
    fails(errno.EXDEV, node_of, status_of(b"h", (0, 2)), (0, 1))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_does_not_export_itself(host: str) -> None:
    how = ["--ephemeral", "--provider", "none", "--tcp", "20999"]
    result = CliRunner().invoke(serve, [f"nfs+tcp://{host}:20999/", *how])
    assert result.exit_code == 1
    assert "is served by this very server" in result.output


def test_a_far_server_that_is_not_there_is_told() -> None:
    how = ["--ephemeral", "--provider", "none", "--tcp", "0"]
    result = CliRunner().invoke(serve, ["nfs+tcp://127.0.0.1:1/", *how])
    assert result.exit_code == 1
    assert "cannot export nfs+tcp://127.0.0.1:1/: " in result.output


def test_locks_exclude_those_that_use_the_far_server_directly(
    front: Front, far: LiveServer
) -> None:
    with nfs.mount(front.urls["tcp"]) as near, nfs.mount(far.url) as direct:
        near.write_bytes("f", bytes(100))
        with near.open("f", "r+b") as ours, direct.open("f", "r+b") as theirs:
            ours.lock(0, 10)
            with pytest.raises(BlockingIOError):
                theirs.lock(5, 10, wait=False)
            theirs.lock(10, 10, wait=False)
            with pytest.raises(BlockingIOError):
                ours.lock(0, 20, wait=False)
            far.restart()
            near.stat("f")  # has the proxy notice that, and reclaim
            with pytest.raises(BlockingIOError):
                theirs.lock(0, 1, wait=False)
            ours.unlock(0, 5)
            theirs.lock(0, 5, wait=False)
        with direct.open("f", "r+b") as theirs:
            theirs.lock(wait=False)


def test_who_waits_for_a_lock_at_the_far_server_gets_it(front: Front, far: LiveServer) -> None:
    with nfs.mount(front.urls["tcp"]) as near, nfs.mount(far.url) as direct:
        near.write_bytes("f", bytes(100))
        with near.open("f", "r+b") as ours, direct.open("f", "r+b") as theirs:
            theirs.lock(shared=True)
            ours.lock(shared=True, wait=False)
            got = threading.Event()

            def wait() -> None:
                ours.lock(0, 1)
                got.set()

            waits = threading.Thread(target=wait)
            waits.start()
            assert not got.wait(0.5)
            theirs.unlock()
            waits.join(30)
            assert got.is_set()
            with pytest.raises(BlockingIOError):
                theirs.lock(wait=False)

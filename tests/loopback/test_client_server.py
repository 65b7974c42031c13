"""The client against the real server: TCP and user-space RDMA, blocking and asyncio."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import shutil
import socket
import sys
import threading
import time
import warnings
from array import array
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.client.edge.driver import Driver
from nfsrdma.rpcrdma.task import Future, sleep

BIG = os.urandom(1 << 16) * 50 + b"tail"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


@pytest.fixture(params=["tcp", "rdma", "shm"])
def url(server: LiveServer, request: pytest.FixtureRequest) -> str:
    with nfs.mount(server.url) as fs:
        for name in fs.listdir():
            if fs.lstat(name).is_dir:
                fs.rmtree(name)
            else:
                fs.remove(name)
    return server.url_of(request.param)


@pytest.fixture
def fs(url: str) -> Iterator[nfs.Mount]:
    with nfs.mount(url, timeout=10) as fs:
        yield fs


def test_a_life_of_files(fs: nfs.Mount) -> None:
    fs.makedirs("reports/2026", exist_ok=True)
    with fs.open("reports/2026/november.csv", "wb") as file:
        file.write(b"name,octets\n" * 1000)
        file.fsync()
    buffer = bytearray(1 << 20)
    with fs.open("reports/2026/november.csv", "rb") as file:
        assert file.readinto(buffer) == 12_000
        assert file.read_at(12, memoryview(buffer)[:4]) == 4
        assert buffer[:4] == b"name"
    (entry,) = fs.scandir("reports/2026")
    assert (entry.name, entry.stat().st_size) == ("november.csv", 12_000)
    fs.symlink("2026/november.csv", "reports/latest")
    assert fs.readlink("reports/latest") == "2026/november.csv"
    assert fs.read_bytes("reports/latest")[:4] == b"name"
    fs.link("reports/latest", "hard")
    fs.rename("reports/2026", "reports/2027")
    assert not fs.exists("reports/latest")
    assert list(fs.walk()) == [
        ("", ["reports"], ["hard"]),
        ("reports", ["2027"], ["latest"]),
        ("reports/2027", [], ["november.csv"]),
    ]
    fs.chmod("reports/2027/november.csv", 0o640)
    fs.utime("reports/2027/november.csv", ns=(5, 7))
    status = fs.stat("reports/2027/november.csv")
    assert (status.st_mode & 0o777, status.st_atime_ns, status.st_mtime_ns) == (0o640, 5, 7)
    fs.truncate("reports/2027/november.csv", 4)
    assert fs.read_bytes("reports/2027/november.csv") == b"name"
    with pytest.raises(FileNotFoundError) as caught:
        fs.stat("nowhere")
    assert caught.value.filename == "nowhere"
    assert fs.statvfs().f_blocks > 0
    assert fs.access("") > 0
    assert fs.ping() > 0
    assert fs.stats.operations["READ"].calls > 0
    assert fs.stats.operations["READ"].mean_rtt > 0


def test_large_reads_and_writes(fs: nfs.Mount) -> None:
    with fs.open("big", "wb") as file:
        assert file.write(BIG) == len(BIG)
        assert file.tell() == len(BIG)
    buffer = bytearray(len(BIG) + 10)
    with fs.open("big") as file:
        assert file.readinto(buffer) == len(BIG)
        assert buffer[: len(BIG)] == BIG
        assert file.read() == b""
        file.seek(-4, io.SEEK_END)
        assert file.read() == b"tail"
    assert fs.read_bytes("big") == BIG
    fs.write_bytes("copy", BIG)
    assert fs.read_bytes("copy") == BIG


@pytest.mark.parametrize("size", [0, 1, 3071, 3072, 3073, 4096, 65535, 65536, 65537])
def test_sizes_about_the_ways_data_can_travel(fs: nfs.Mount, size: int) -> None:
    data = BIG[:size]
    fs.write_bytes("file", data)
    assert fs.read_bytes("file") == data
    with fs.open("file") as file:
        buffer = bytearray(size + 3)
        assert file.read_at(0, buffer) == size
        assert buffer[:size] == data
        assert file.read_at(0, memoryview(buffer)[:size]) == size
        assert buffer[:size] == data


def test_links_with_long_targets(fs: nfs.Mount) -> None:
    target = "/".join(["component"] * 400)
    fs.symlink(target, "long")
    assert fs.readlink("long") == target
    fs.symlink("./" * 1500 + "file", "around")
    fs.write_bytes("file", b"found")
    assert fs.read_bytes("around") == b"found"


def test_files_are_python_files(fs: nfs.Mount) -> None:
    raw = fs.open("text", "wb")
    with io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8") as text:
        for index in range(1000):
            text.write(f"línea {index}\n")
    assert raw.closed
    with io.TextIOWrapper(io.BufferedReader(fs.open("text")), encoding="utf-8") as text:
        assert list(text)[999] == "línea 999\n"
    with fs.open("text") as source, fs.open("copy", "wb") as target:
        shutil.copyfileobj(source, target)
    assert fs.read_bytes("copy") == fs.read_bytes("text")
    with fs.open("copy", "ab") as file:
        file.write(b"more")
    with fs.open("copy", "r+b") as file:
        assert (file.readable(), file.writable(), file.seekable()) == (True, True, True)
        file.seek(2)
        file.write(b"XY")
        file.seek(0)
        assert file.read(6) == b"l\xc3XYea"
        assert file.seek(1, io.SEEK_CUR) == 7
        file.truncate(5)
        assert file.read_at(0, bytearray(10)) == 5
        assert file.write_at(5, bytearray(b"!")) == 1
        assert file.stat().st_size == 6
    assert fs.read_bytes("copy") == b"l\xc3XYe!"


def test_files_refuse_what_python_files_refuse(fs: nfs.Mount) -> None:
    fs.write_bytes("file", b"12345")
    file = fs.open("file")
    with pytest.raises(io.UnsupportedOperation):
        file.write(b"x")
    with pytest.raises(io.UnsupportedOperation):
        file.truncate()
    with pytest.raises(ValueError, match="negative"):
        file.seek(-1)
    with pytest.raises(ValueError, match="whence"):
        file.seek(0, 9)
    with pytest.raises(ValueError, match="negative"):
        file.read_at(-1, bytearray(1))
    assert "mode='rb'" in repr(file)
    file.close()
    file.close()
    for call in (file.read, file.readall, file.tell, file.stat, file.readable, file.fsync):
        with pytest.raises(ValueError, match="closed"):
            call()
    assert "closed" in repr(file)
    with fs.open("file", "wb") as writer:
        for call in (writer.read, writer.readall):
            with pytest.raises(io.UnsupportedOperation):
                call()
    with fs.open("file", "wb") as writer:
        for nothing in (3, "text", None):
            with pytest.raises(TypeError):
                writer.write(nothing)
        for call in (writer.seek, writer.truncate):
            for number in (1.5, "1"):
                with pytest.raises(TypeError):
                    call(number)  # type: ignore[operator]
        assert writer.write(array("I", [1, 2])) == 8
    with pytest.raises(IsADirectoryError):
        fs.open("/")


def test_a_file_that_is_dropped_is_closed(fs: nfs.Mount) -> None:
    fs.write_bytes("file", b"12345")
    files = [fs.open("file")]
    assert len(fs.client.opens) == 1
    with pytest.warns(ResourceWarning, match="unclosed file"):
        files.clear()
    deadline = time.monotonic() + 5
    while len(fs.client.opens) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(fs.client.opens) == 0


def test_a_mount_that_is_dropped_lets_go_of_the_server(url: str) -> None:
    mounts = [nfs.mount(url)]
    client = mounts[0].client
    file = mounts[0].open("file", "wb")
    mounts.clear()
    assert file.write(b"a file keeps its mount") == 22
    file.close()
    files = [file]
    del file
    with pytest.warns(ResourceWarning, match="unclosed <Mount"):
        files.clear()
    deadline = time.monotonic() + 5
    while client.session.channel is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert client.session.channel is None


def test_threads_share_a_mount(fs: nfs.Mount) -> None:
    failures: list[BaseException] = []

    def work(index: int) -> None:
        try:
            name = f"t{index}"
            for round_ in range(15):
                data = bytes([index, round_]) * 3000
                fs.write_bytes(name, data)
                assert fs.read_bytes(name) == data
                assert fs.stat(name).st_size == 6000
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a follower was forgotten"
    assert not failures


def test_a_mount_that_is_closed(url: str) -> None:
    fs = nfs.mount(url)
    fs.write_bytes("file", b"x")
    file = fs.open("file", "wb")
    file.write(b"written, not closed")
    fs.close()
    fs.close()
    assert fs.closed
    assert "closed" in repr(fs)
    with pytest.raises(ValueError, match="closed"):
        fs.stat("file")
    with nfs.mount(url) as fs:
        assert fs.read_bytes("file") == b"written, not closed"


def test_trees_go_in_and_out(fs: nfs.Mount, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a/b").mkdir(parents=True)
    (source / "empty").mkdir()
    for index in range(60):
        (source / f"a/f{index}").write_bytes(bytes([index]) * (index * 37))
    (source / "a/b/big").write_bytes(BIG)
    (source / "a/b/none").write_bytes(b"")
    (source / "a/link").symlink_to("b/big")
    (source / "a/f1").chmod(0o600)
    os.utime(source / "a/f2", ns=(1, 1_234_567_890_123_456_789))
    os.utime(source / "a/b", ns=(1, 5_000_000_000))
    os.mkfifo(source / "pipe")
    reports: list[int] = []
    done = fs.put(source, "tree", recursive=True, progress=lambda p: reports.append(p.octets_done))
    assert (done.files, done.files_done, done.octets) == (62, 62, done.octets_done)
    assert len(done.special) == 1
    assert reports == sorted(reports)
    assert not [name for _, _, names in fs.walk("tree") for name in names if "part" in name]
    back = tmp_path / "back"
    done = fs.get("tree", back, recursive=True)
    assert done.files_done == 62
    for path in sorted(source.rglob("*")):
        copy = back / path.relative_to(source)
        if path.name == "pipe":
            assert not copy.exists()
        elif path.is_symlink():
            assert copy.readlink() == path.readlink()
        else:
            assert copy.stat().st_mode == path.stat().st_mode
            if path.name != "a" and path != source:
                assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns
            if path.is_file():
                assert copy.read_bytes() == path.read_bytes()
    # Once more: nothing is left to do.
    assert fs.get("tree", back, recursive=True, resume=True).skipped == 62
    assert fs.put(source, "tree", recursive=True, resume=True).skipped == 62
    os.utime(back / "a/f3")
    assert fs.get("tree", back, recursive=True, resume=True).skipped == 61


def test_single_files_go_in_and_out(fs: nfs.Mount, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"contents")
    fs.put(local, "remote")
    fs.get("remote", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == b"contents"
    (tmp_path / "link").symlink_to("local")
    fs.put(tmp_path / "link", "remote_link")
    fs.put(tmp_path / "link", "remote_link")
    assert fs.readlink("remote_link") == "local"
    with pytest.raises(IsADirectoryError):
        fs.put(tmp_path, "tree")
    with pytest.raises(FileNotFoundError):
        fs.put(tmp_path / "none", "x")
    fs.mkdir("d")
    with pytest.raises(IsADirectoryError):
        fs.get("d", tmp_path / "d")
    with pytest.raises(FileNotFoundError):
        fs.get("none", tmp_path / "none")
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


# --- Asyncio ---


def test_the_asyncio_face(url: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with nfs.aio.mount(url) as fs:
            await fs.makedirs("a/b")
            await fs.write_bytes("a/b/f", b"hello")
            assert await fs.read_bytes("a/b/f") == b"hello"
            assert [entry.name async for entry in fs.scandir("a/b")] == ["f"]
            assert [item async for item in fs.walk("a")] == [("a", ["b"], []), ("a/b", [], ["f"])]
            async with await fs.open("big", "w+b") as file:
                assert await file.write(BIG) == len(BIG)
                await file.fsync()
                await file.flush()
                assert file.tell() == len(BIG)
                assert await file.seek(-4, io.SEEK_END) == len(BIG) - 4
                assert await file.read() == b"tail"
                await file.seek(0)
                assert await file.read(10) == BIG[:10]
                assert await file.seek(5, io.SEEK_CUR) == 15
                await file.truncate(100)
                assert (await file.stat()).st_size == 100
                assert (file.readable(), file.writable(), file.seekable()) == (True, True, True)
                with pytest.raises(ValueError, match="whence"):
                    await file.seek(0, 9)
                with pytest.raises(ValueError, match="negative"):
                    await file.seek(-1)
                assert "w+b" in repr(file)
            assert file.closed
            async with await fs.open("big", "ab") as file:
                await file.write(b"more")
            names = [f"n{index}" for index in range(100)]
            await asyncio.gather(*(fs.write_bytes(name, name.encode()) for name in names))
            found = await asyncio.gather(*(fs.read_bytes(name) for name in names))
            assert found == [name.encode() for name in names]
            await fs.rename("n1", "m1")
            await fs.link("m1", "m2")
            await fs.symlink("m1", "m3")
            assert await fs.readlink("m3") == "m1"
            await fs.chmod("m1", 0o600)
            await fs.chown("m1", -1, -1)
            await fs.utime("m1", ns=(1, 2))
            await fs.truncate("m1", 1)
            status = await fs.stat("m3")
            assert (status.st_size, status.st_mode & 0o777) == (1, 0o600)
            assert (await fs.lstat("m3")).is_symlink
            assert await fs.exists("m3")
            assert (await fs.statvfs()).f_blocks
            assert await fs.access("m1")
            assert await fs.ping() > 0
            await fs.mkdir("d")
            await fs.rmdir("d")
            await fs.remove("m3")
            await fs.get("a", tmp_path / "a", recursive=True)
            await fs.put(tmp_path / "a", "a2", recursive=True)
            assert sorted(await fs.listdir("a2/b")) == ["f"]
            await fs.rmtree("a")
            assert fs.stats.operations["READ"].calls
            with pytest.raises(FileNotFoundError):
                await fs.stat("nowhere")
        assert fs.closed
        assert "closed" in repr(fs)
        with pytest.raises(ValueError, match="closed"):
            await fs.stat("")
        await fs.close()

    asyncio.run(main())


def test_cancelling_an_asyncio_call(url: str) -> None:
    async def main() -> None:
        fs = await nfs.aio.mount(url)
        await fs.write_bytes("big", BIG)
        file = await fs.open("big")
        buffer = bytearray(len(BIG))
        for _ in range(5):
            reading = asyncio.ensure_future(file.read_at(0, buffer))
            await asyncio.sleep(0)  # the READs are on their way now
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert await file.read_at(0, buffer) == len(BIG)
        assert buffer == BIG
        slots = fs.client.session.slots
        assert slots is not None
        await file.close()
        await fs.ping()
        assert slots.busy == 0
        await fs.close()

    asyncio.run(main())


def test_a_listing_is_a_context_manager_of_either_face(url: str) -> None:
    with nfs.mount(url) as fs:
        for name in ("a", "b", "c"):
            fs.write_bytes(name, b"")
        with fs.scandir() as entries:
            first = next(entries)
            assert sorted([first.name, *(entry.name for entry in entries)]) == ["a", "b", "c"]
            assert list(entries) == []
        with fs.scandir() as entries:
            next(entries)
        assert list(entries) == []
        entries.close()

    async def main() -> None:
        async with nfs.aio.mount(url) as fs:
            async with fs.scandir() as entries:
                first = await anext(entries)
                names = [first.name, *[entry.name async for entry in entries]]
            assert sorted(names) == ["a", "b", "c"]
            async with fs.scandir() as entries:
                await anext(entries)
            assert [entry async for entry in entries] == []
            await entries.close()

    asyncio.run(main())


def test_entries_are_asked_as_those_of_the_system(fs: nfs.Mount) -> None:
    fs.mkdir("directory")
    fs.write_bytes("file", b"x")
    fs.symlink("file", "link")
    entries = {entry.name: entry for entry in fs.scandir()}
    assert entries["directory"].is_dir(follow_symlinks=False)
    assert entries["file"].is_file(follow_symlinks=True)
    assert entries["file"].stat(follow_symlinks=True).st_size == 1
    assert entries["link"].stat(follow_symlinks=False).is_symlink
    assert fs.stat(entries["link"]).is_file
    for ask in (entries["link"].stat, entries["link"].is_file, entries["link"].is_dir):
        assert not ask() or ask == entries["link"].stat
        with pytest.raises(ValueError, match=r"'link' is a link: .* stat\(\) of the mount"):
            ask(follow_symlinks=True)


def test_paths_are_text_octets_or_objects(url: str, tmp_path: Path) -> None:
    with nfs.mount(url) as fs:
        for made in ("text", b"octets", PurePosixPath("object")):
            fs.mkdir(made)
            fs.write_bytes(PurePosixPath(os.fsdecode(made)) / "file", b"x")
            (entry,) = fs.scandir(made)
            assert entry.path == f"{os.fsdecode(made)}/file"
            assert fs.listdir(made) == ["file"]
            assert [names for _, _, names in fs.walk(made)] == [["file"]]
            assert fs.get(made, tmp_path / os.fsdecode(made), recursive=True).files_done == 1
            fs.rename(entry, PurePosixPath(os.fsdecode(made)) / "other")
            fs.rmtree(made)
        assert fs.listdir() == []


def test_dropped_mounts_and_files_of_asyncio_let_go_of_the_server(url: str) -> None:
    async def main() -> None:
        mounts = [await nfs.aio.mount(url)]
        client = mounts[0].client
        files = [await mounts[0].open("file", "wb")]
        mounts.clear()
        assert await files[0].write(b"a file keeps its mount") == 22
        with pytest.warns(ResourceWarning, match="unclosed"):
            files.clear()
        for _ in range(500):
            if client.session.channel is None:
                break
            await asyncio.sleep(0.01)
        assert client.session.channel is None
        assert len(client.opens) == 0

    asyncio.run(main())
    with nfs.mount(url) as fs:
        assert fs.read_bytes("file") == b"a file keeps its mount"


def test_a_loop_that_is_closed_before_its_mounts_says_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        mounts.append(await nfs.aio.mount(url))
        with pytest.warns(ResourceWarning, match="unclosed <AsyncMount"):
            mounts.clear()

    mounts: list[nfs.aio.AsyncMount] = []
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: ignored.append(args.exc_value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of sockets, by the collector
        asyncio.run(main())
        gc.collect()
    assert ignored == []


# --- Failures ---


@pytest.fixture
def own_server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    yield server
    server.stop()


@pytest.mark.parametrize("transport", ["tcp", "rdma", "shm"])
def test_connections_cut_while_a_file_is_written(own_server: LiveServer, transport: str) -> None:
    url = own_server.url_of(transport)
    with nfs.mount(url, timeout=20, wsize=65536, rsize=65536) as fs:
        stop = threading.Event()

        def cut() -> None:
            answered = 0
            while not stop.wait(0.01):
                calls = sum(each.calls for each in list(fs.stats.operations.values()))
                if calls > answered:  # however slow this machine is, the client gets on
                    answered = calls
                    own_server.cut()

        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            for round_ in range(8):
                with fs.open("big", "wb") as file:
                    file.write(BIG)
                assert fs.read_bytes("big") == BIG
                fs.mkdir(f"d{round_}")
                fs.rename(f"d{round_}", f"e{round_}")
        finally:
            stop.set()
            cutter.join()
        assert sorted(fs.listdir()) == ["big", *(f"e{index}" for index in range(8))]
        assert fs.stats.sessions == 1
        assert fs.stats.connections > 1


@pytest.mark.parametrize("transport", ["tcp", "rdma", "shm"])
def test_the_server_restarts_while_a_file_is_open(own_server: LiveServer, transport: str) -> None:
    url = own_server.url_of(transport)
    with nfs.mount(url, timeout=20) as fs:
        with fs.open("file", "wb") as file:
            file.write(b"before ")
            own_server.restart()
            file.write(b"after")
            assert fs.stats.reclaimed == 1
        assert fs.read_bytes("file") == b"before after"
        assert fs.stats.sessions == 2


def test_a_server_that_is_gone(own_server: LiveServer) -> None:
    with nfs.mount(own_server.url, timeout=0.5) as fs:
        fs.write_bytes("file", b"x")
        own_server.stop()
        with pytest.raises(ConnectionError):
            fs.stat("file")
        own_server.start()
        assert fs.read_bytes("file") == b"x"


def test_a_silent_server_is_said_to_be_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        with pytest.raises(OSError, match=r"has not answered for 0\.\d s"):
            nfs.mount(f"nfs+tcp://127.0.0.1:{port}/", timeout=0.2)


def test_idle_mounts_keep_their_lease_without_a_caller(own_server: LiveServer) -> None:
    """The lease is four seconds, and the keeper renews it: it looks each second, from the second
    on that half of the lease is over."""
    with nfs.mount(own_server.url) as fs:
        file = fs.open("file", "wb")
        time.sleep(3.5)
        assert "SEQUENCE" in fs.stats.operations
        own_server.cut()
        deadline = time.monotonic() + 5
        while fs.stats.connections < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert fs.stats.connections == 2, "nobody reconnected"
        file.close()


def test_nobody_is_there() -> None:
    with pytest.raises(ConnectionRefusedError, match="no server listens on port 1 there"):
        nfs.mount("nfs+tcp://127.0.0.1:1/")
    with pytest.raises(nfs.NfsError):
        nfs.mount("nfs+tcp://name.that.does.not.exist.invalid/")
    with pytest.raises(ConnectionError):
        asyncio.run(_mount("nfs+tcp://127.0.0.1:1/"))


async def _mount(url: str) -> None:
    await nfs.aio.mount(url)


def test_what_cannot_be_asked_for(server: LiveServer) -> None:
    for url, options in (
        ("http://x/", {}),
        (server.url, {"minor_version": 3}),
        (server.url, {"timeout": 0}),
        (server.url, {"pcap": "x.pcapng"}),
        (server.rdma_url, {"provider": "none-such"}),
    ):
        with pytest.raises(ValueError):
            nfs.mount(url, **options)
    with pytest.raises(TypeError):
        nfs.mount(server.url, color="blue")
    with pytest.raises(FileNotFoundError):
        nfs.mount(server.url + "none/such")


def test_options_of_the_url_and_of_the_caller(server: LiveServer) -> None:
    with nfs.mount(server.url + "?minor=1&rsize=8192&timeout=9", wsize=4096) as fs:
        assert fs.client.session.header.minor_version == 1
        assert (fs.client.rsize, fs.client.wsize) == (8192, 4096)
        assert fs.client.recovery.timeout == 9
        fs.write_bytes("big", BIG)
        assert fs.read_bytes("big") == BIG


# --- The driver ---


def test_a_driver_serves_threads_that_wait_for_each_other() -> None:
    driver = Driver()
    gate: Future[int] = Future()
    results: list[int] = []

    async def wait() -> int:
        return await gate

    async def open_gate() -> None:
        await sleep(driver.reactor, 0.02)
        gate.set_result(7)

    threads = [
        threading.Thread(target=lambda: results.append(driver.run(wait()))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.02)
    driver.run(open_gate())
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert results == [7] * 5
    driver.close()
    driver.close()
    with pytest.raises(ValueError, match="closed"):
        driver.run(wait())


def test_timers_of_followers_wake_the_leader() -> None:
    driver = Driver()

    async def nap(seconds: float) -> float:
        await sleep(driver.reactor, seconds)
        return seconds

    leader = threading.Thread(target=lambda: driver.run(nap(1.5)))
    leader.start()
    time.sleep(0.05)
    assert driver.run(nap(0.05)) == 0.05
    assert leader.is_alive()
    leader.join()
    driver.close()

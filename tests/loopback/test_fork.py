"""fork() of a program that has mounts: the parent goes on, a child mounts again for itself."""

from __future__ import annotations

import asyncio
import gc
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.forking import Child, in_child
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.client.copies import Progress

CONTENTS = {f"f{n}": bytes([n]) * 100_000 for n in range(4)}
TRANSPORTS = ["tcp", "rdma", "shm"]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer(rdma=True)
    with nfs.mount(server.url) as fs:
        for name, contents in CONTENTS.items():
            fs.write_bytes(name, contents)
    yield server
    server.stop()


@pytest.fixture(params=TRANSPORTS)
def url(server: LiveServer, request: pytest.FixtureRequest) -> str:
    return server.url_of(request.param)


@pytest.fixture
def fs(url: str) -> Iterator[nfs.Mount]:
    with nfs.mount(url, timeout=10) as fs:
        yield fs


def read_all(fs: nfs.Mount, times: int) -> int:
    """Read every file so often; how many of them were right."""
    return sum(
        fs.read_bytes(name) == contents for _ in range(times) for name, contents in CONTENTS.items()
    )


def test_parent_and_children_with_mounts_of_their_own(fs: nfs.Mount, url: str) -> None:
    assert read_all(fs, 1) == 4

    def child() -> int:
        with nfs.mount(url, timeout=10) as own:
            return read_all(own, 15)

    children = [Child(child), Child(child)]
    assert read_all(fs, 15) == 60
    assert [each.result() for each in children] == [60, 60]
    assert read_all(fs, 1) == 4
    assert fs.stats.connections == 1
    assert not fs.stats.replays


def test_a_child_is_told_that_the_mount_is_not_its_own(fs: nfs.Mount) -> None:
    file = fs.open("f1")
    writer = fs.open("made", "wb")
    writer.write(b"not committed")
    told: list[str] = []

    def child() -> list[str]:
        for use in (
            lambda: fs.stat("f1"),
            lambda: fs.listdir(),
            lambda: fs.open("f2"),
            lambda: fs.ping(),
            lambda: file.read(10),
            lambda: file.stat(),
            lambda: writer.write(b"more"),
            lambda: writer.fsync(),
            lambda: fs.get("f1", "nowhere"),
        ):
            try:
                use()
            except nfs.ForkedMountError as error:
                told.append(str(error.strerror))
        return told

    told = in_child(child)
    belongs = f"this mount belongs to another process (pid {os.getpid()}): mount again in this one"
    assert told == [belongs] * 9
    writer.close()
    file.close()
    assert fs.read_bytes("made") == b"not committed"
    fs.remove("made")
    assert fs.stats.connections == 1
    assert not fs.stats.replays


def test_a_child_that_only_cleans_up_does_not_clean_up_the_parents(fs: nfs.Mount) -> None:
    file, other = fs.open("f1"), fs.open("made", "wb")
    other.write(b"kept")
    buffered = io.BufferedReader(fs.open("f2"))

    def child() -> bool:
        other.close()
        with file, fs:
            pass
        buffered.close()
        fs.close()
        gc.collect()
        return fs.closed and file.closed

    assert in_child(child)
    assert file.read() == CONTENTS["f1"]
    assert buffered.read() == CONTENTS["f2"]
    other.fsync()
    for each in (file, other, buffered):
        each.close()
    fs.remove("made")
    assert fs.stats.connections == 1


def test_what_is_dropped_in_a_child_is_dropped_in_silence(url: str) -> None:
    kept = [nfs.mount(url)]
    files = [kept[0].open("f0")]

    def child() -> bool:
        files.clear()
        kept.clear()
        gc.collect()
        return True

    assert in_child(child)
    assert files[0].read() == CONTENTS["f0"]
    files[0].close()
    kept[0].close()


def test_a_child_that_ends_as_programs_end(url: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import os, sys
import nfsrdma.client as nfs
fs = nfs.mount({url!r})
file = fs.open("f1")
pid = os.fork()
if not pid:
    sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
assert len(file.read()) == 100_000 and fs.stats.connections == 1
file.close()
fs.close()
""")
    ran = subprocess.run(
        [sys.executable, "-W", "default", str(program)], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_forking_while_threads_use_the_mount(fs: nfs.Mount) -> None:
    right: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            right.append(read_all(fs, 1))

    def child() -> str:
        try:
            fs.read_bytes("f1")
        except nfs.ForkedMountError as error:
            fs.close()
            return type(error).__name__
        return "nothing"

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    try:
        assert [in_child(child) for _ in range(8)] == ["ForkedMountError"] * 8
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert right
    assert set(right) == {4}
    assert fs.stats.connections == 1


@pytest.mark.parametrize("way", ["put", "get"])
def test_forking_from_inside_of_a_call(fs: nfs.Mount, tmp_path: Path, way: str) -> None:
    """The child does not tidy up what the parent is at work on."""
    inside = [0]

    def progress(_: Progress) -> None:
        if not inside[0]:
            inside[0] = os.getpid()
            pid = os.fork()
            if pid:
                inside[0] = pid

    outcome = "copied"
    parent = os.getpid()
    (tmp_path / "f1").write_bytes(bytes(3 << 20))
    try:
        if way == "put":
            fs.put(tmp_path / "f1", "copy", progress=progress)
            assert fs.read_bytes("copy") == bytes(3 << 20)
            fs.remove("copy")
        else:
            fs.get("f2", tmp_path / "f2", progress=progress)
            assert (tmp_path / "f2").read_bytes() == CONTENTS["f2"]
            assert len(list(tmp_path.iterdir())) == 2
    except nfs.ForkedMountError:
        outcome = "refused"
    if os.getpid() != parent:
        os._exit(0 if outcome == "refused" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(inside[0], 0)[1]) == 0
    assert outcome == "copied"


def test_the_asyncio_face(url: str) -> None:
    async def main() -> None:
        async with nfs.aio.mount(url) as fs:
            file = await fs.open("f1")

            def child() -> str:
                async def use() -> str:
                    try:
                        await fs.stat("f1")
                    except nfs.ForkedMountError:
                        await file.close()
                        await fs.close()
                        return "refused"
                    return "served"

                # The parent's loop runs on in the parent.
                asyncio.events._set_running_loop(None)
                return asyncio.run(use())

            assert in_child(child) == "refused"
            assert await file.read() == CONTENTS["f1"]
            await file.close()
            assert fs.stats.connections == 1

    asyncio.run(main())


def _read_in_pool(task: tuple[nfs.Mount, str]) -> bool:
    fs, name = task
    with fs:
        return fs.read_bytes(name) == CONTENTS[name]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_pool_is_given_the_mount(fs: nfs.Mount, method: str) -> None:
    """It is pickled on its way, so each worker has its own."""
    tasks = [(fs, name) for name in CONTENTS]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_read_in_pool, tasks) == [True] * 4
    assert read_all(fs, 1) == 4


def test_the_server_learns_that_the_parent_hung_up(server: LiveServer, url: str) -> None:
    """Though a child that had its sockets, too, is there still."""
    reading, writing = os.pipe()
    fs = nfs.mount(url)
    child = Child(lambda: os.read(reading, 1))
    fs.close()
    with nfs.mount(url):  # whose connection came after that
        pass

    def up() -> int:
        return sum(not channel.closed for channel in server.channels)

    for _ in range(200):
        if not server.call(up):
            break
        threading.Event().wait(0.02)
    assert server.call(up) == 0
    os.write(writing, b".")
    assert child.result() == b"."
    os.close(reading)
    os.close(writing)


def test_a_capture_is_the_parents(server: LiveServer, tmp_path: Path) -> None:
    capture = tmp_path / "a.pcapng"
    with nfs.mount(server.rdma_url, pcap=str(capture)) as fs:
        assert read_all(fs, 1) == 4
        in_child(gc.collect)
        again = pickle.loads(pickle.dumps(fs))  # does not capture to the same file
        again.close()
        size = capture.stat().st_size
    blocks = capture.read_bytes()
    at = count = 0
    while at < len(blocks):
        length = int.from_bytes(blocks[at + 4 : at + 8], "little")
        assert blocks[at + length - 4 : at + length] == blocks[at + 4 : at + 8]
        at += length
        count += 1
    assert at == len(blocks) >= size
    assert count > 10


# --- Pickling ---


def test_a_mount_is_pickled_as_the_way_to_it(server: LiveServer) -> None:
    with nfs.mount(f"{server.url}?minor=1", timeout=7) as fs:
        with pickle.loads(pickle.dumps(fs)) as again:
            assert again is not fs
            assert str(again.url) == str(fs.url)
            assert again.client.recovery.timeout == 7
            assert again.client.session.header.minor_version == 1
            assert read_all(again, 1) == 4
        assert read_all(fs, 1) == 4
    with pytest.raises(ValueError, match="closed"):
        pickle.dumps(fs)


def _read_and_drop(pickled: bytes) -> None:
    assert read_all(pickle.loads(pickled), 1) == 4
    gc.collect()


def test_mounts_that_are_dropped_leave_nothing(url: str) -> None:
    """As in a worker that is sent a mount with each of a thousand tasks."""

    def held() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), len(os.listdir("/proc/self/fd"))

    with nfs.mount(url) as fs:
        fs.read_bytes("f1")
        pickled = pickle.dumps(fs)
    before = held()
    for _ in range(5):
        with pytest.warns(ResourceWarning):
            _read_and_drop(pickled)
    for _ in range(500):
        if held() <= before:
            break
        threading.Event().wait(0.02)
    assert held() <= before


def test_a_dead_mount_is_pickled_too(server: LiveServer) -> None:
    with nfs.mount(server.url) as fs:

        def child() -> int:
            with pickle.loads(pickle.dumps(fs)) as own:
                return read_all(own, 1)

        assert in_child(child) == 4


def test_open_files_say_what_to_do_instead(server: LiveServer) -> None:
    with nfs.mount(server.url) as fs:
        file = fs.open("f1")
        with pytest.raises(TypeError, match="open the file again"):
            pickle.dumps(file)
        file.close()

    async def main() -> None:
        async with nfs.aio.mount(server.url) as mount:
            with pytest.raises(TypeError, match="URL"):
                pickle.dumps(mount)

    asyncio.run(main())


def test_entries_and_errors_are_pickled(server: LiveServer) -> None:
    with nfs.mount(server.url) as fs:
        entry = next(iter(fs.scandir()))
        copy = pickle.loads(pickle.dumps(entry))
        assert (copy.name, copy.stat().st_size) == (entry.name, entry.stat().st_size)
        with pytest.raises(FileNotFoundError) as caught:
            fs.stat("absent")
        error = pickle.loads(pickle.dumps(caught.value))
        assert type(error) is type(caught.value)
        assert error.status == caught.value.status

"""What a mount has that ``os``, ``pathlib`` and ``fcntl`` have, beyond reading and writing."""

from __future__ import annotations

import asyncio
import os
import stat
import threading
from collections.abc import Iterator

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    live = LiveServer()
    yield live
    live.stop()


@pytest.fixture
def fs(server: LiveServer) -> Iterator[nfs.Mount]:
    with nfs.mount(server.url) as mount:
        mount.makedirs("top", exist_ok=True)
        yield mount
        mount.rmtree("top")


def test_what_a_path_leads_to(fs: nfs.Mount) -> None:
    fs.write_bytes("top/f", b"")
    fs.symlink("f", "top/to-f")
    fs.symlink("none", "top/to-none")
    names = ("top", "top/f", "top/to-f", "top/to-none", "top/none", "top/f/below")
    assert [fs.is_dir(name) for name in names] == [True] + [False] * 5
    assert [fs.is_file(name) for name in names] == [False, True, True, False, False, False]
    assert [fs.is_symlink(name) for name in names] == [False, False, True, True, False, False]
    assert [fs.exists(name) for name in names] == [True, True, True, False, False, False]


def test_touch_makes_or_dates(fs: nfs.Mount) -> None:
    fs.touch("top/f", 0o600)
    assert stat.S_IMODE(fs.stat("top/f").st_mode) == 0o600
    fs.write_bytes("top/f", b"kept")
    fs.utime("top/f", (1, 1))
    fs.touch("top/f")
    assert fs.read_bytes("top/f") == b"kept"
    assert fs.stat("top/f").st_mtime > 1
    with pytest.raises(FileExistsError):
        fs.touch("top/f", exist_ok=False)
    fs.touch("top/g", exist_ok=False)
    with pytest.raises(FileNotFoundError):
        fs.touch("top/none/f")


def test_text_there_and_back(fs: nfs.Mount) -> None:
    assert fs.write_text("top/t", "Grüße\r\n") == 9
    assert fs.read_text("top/t") == "Grüße\r\n"
    fs.write_text("top/t", "ü", "latin-1", permissions=0o600)
    assert fs.read_bytes("top/t") == b"\xfc"
    with pytest.raises(UnicodeDecodeError):
        fs.read_text("top/t")
    assert fs.read_text("top/t", errors="replace") == "\ufffd"


def test_one_time_is_set_and_the_other_left(fs: nfs.Mount) -> None:
    fs.touch("top/f")
    fs.utime("top/f", ns=(5, 7))
    fs.utime("top/f", ns=(None, 9))
    assert (fs.stat("top/f").st_atime_ns, fs.stat("top/f").st_mtime_ns) == (5, 9)
    fs.utime("top/f", (2, None))
    assert (fs.stat("top/f").st_atime_ns, fs.stat("top/f").st_mtime_ns) == (2 * 10**9, 9)


def test_a_link_itself_is_changed_on_request(fs: nfs.Mount) -> None:
    fs.touch("top/f")
    fs.symlink("f", "top/link")
    fs.utime("top/f", ns=(1, 1))
    fs.utime("top/link", ns=(3, 3), follow_symlinks=False)
    assert fs.stat("top/f").st_mtime_ns == 1
    assert fs.lstat("top/link").st_mtime_ns == 3
    fs.utime("top/link", ns=(4, 4))
    assert fs.stat("top/f").st_mtime_ns == 4
    fs.chown("top/link", gid=os.getgid(), follow_symlinks=False)
    assert fs.lstat("top/link").st_gid == os.getgid()


def test_pipes_are_made_and_files_replaced(fs: nfs.Mount) -> None:
    fs.mkfifo("top/pipe", 0o640)
    assert stat.S_ISFIFO(fs.lstat("top/pipe").st_mode)
    assert stat.S_IMODE(fs.lstat("top/pipe").st_mode) == 0o640
    with pytest.raises(FileExistsError):
        fs.mkfifo("top/pipe")
    fs.write_bytes("top/a", b"a")
    fs.write_bytes("top/b", b"b")
    fs.replace("top/a", "top/b")
    assert fs.read_bytes("top/b") == b"a"


def test_holes_are_punched_and_room_is_reserved(fs: nfs.Mount) -> None:
    with fs.open("top/f", "w+") as file:
        file.write(b"x" * 12288)
        file.punch(4096, 4096)
        file.fdatasync()
        assert file.seek(0, os.SEEK_HOLE) in (4096, 12288)  # memory keeps zeros, not holes
        file.seek(0)
        assert file.read() == b"x" * 4096 + bytes(4096) + b"x" * 4096
        file.allocate(0, 20000)
        assert file.stat().st_size == 20000
        with pytest.raises(ValueError, match="negative"):
            file.punch(-1, 1)


def test_locks_exclude_other_files(fs: nfs.Mount) -> None:
    with fs.open("top/f", "w+") as one, fs.open("top/f", "r+") as other:
        one.lock(10, 10)
        with pytest.raises(BlockingIOError):
            other.lock(0, 11, wait=False)
        other.lock(20, wait=False)
        other.lock(0, 10, shared=True, wait=False)
        one.lock(0, 10, shared=True, wait=False)
        with pytest.raises(BlockingIOError):
            one.lock(0, 10, wait=False)
        other.unlock()
        one.lock(wait=False)
        started = threading.Event()

        def release() -> None:
            started.wait()
            one.unlock()

        thread = threading.Thread(target=release)
        thread.start()
        started.set()
        other.lock()  # waits until the thread has unlocked
        thread.join()
        other.close()
        one.lock(wait=False)
    with pytest.raises(ValueError, match="closed"):
        one.lock()


def test_they_are_coroutines_on_the_other_face(server: LiveServer) -> None:
    async def use() -> None:
        async with nfs.aio.mount(server.url) as fs:
            await fs.write_text("text", "hello")
            assert await fs.is_file("text")
            async with await fs.open("text", "r+") as one, await fs.open("text", "r+") as other:
                await one.lock(0, 2)
                waiting = asyncio.create_task(other.lock(1, 1))
                await asyncio.sleep(0)
                assert not waiting.done()
                await one.unlock()
                await waiting
                with pytest.raises(BlockingIOError):
                    await one.lock(wait=False)
            await fs.remove("text")

    asyncio.run(use())

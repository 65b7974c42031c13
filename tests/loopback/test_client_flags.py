"""Files opened by the flags of ``os.open``, by handles, and locked by the words of ``fcntl``."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.client.open_mode import OpenMode
from nfsrdma.client.operations.by_open import OpenOperations
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    live = LiveServer(path=str(tmp_path_factory.mktemp("export")))
    yield live
    live.stop()


@pytest.fixture
def fs(server: LiveServer) -> Iterator[nfs.Mount]:
    with nfs.mount(server.url) as mount:
        mount.makedirs("top", exist_ok=True)
        yield mount
        mount.rmtree("top")


@pytest.fixture
def top(server: LiveServer) -> Path:
    assert server.path is not None
    return Path(server.path) / "top"


class Local:
    """A descriptor with the methods of a file."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes) -> int:
        return os.write(self._fd, data)

    def read(self, count: int) -> bytes:
        return os.read(self._fd, count)

    def close(self) -> None:
        os.close(self._fd)


def outcome(call: Callable[[], Any]) -> list[object]:
    """Return what opening, writing and reading come to: errors, or results."""
    try:
        file = call()
    except OSError as error:
        return [error.errno]
    found: list[object] = []
    for act in (lambda: file.write(b"XY"), lambda: file.read(1)):
        try:
            found.append(act())
        except OSError:
            found.append("not open for that")
    file.close()
    return found


FLAGS = [
    access | made | cut | more
    for access in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR)
    for made in (0, os.O_CREAT, os.O_CREAT | os.O_EXCL)
    for cut in (0, os.O_TRUNC)
    for more in (0, os.O_APPEND, os.O_NOFOLLOW)
    if access or not cut
]


@pytest.mark.parametrize("there", ["file", "link", "dangling", "directory", "nothing"])
def test_flags_do_what_they_do_to_local_files(
    fs: nfs.Mount, tmp_path: Path, top: Path, there: str
) -> None:
    def prepare(where: Path) -> None:
        where.mkdir()
        (where / "target").write_bytes(b"abcd")
        if there == "file":
            (where / "f").write_bytes(b"1234")
        elif there in ("link", "dangling"):
            (where / "f").symlink_to("target" if there == "link" else "none")
        elif there == "directory":
            (where / "f").mkdir()

    def found(where: Path) -> list[tuple[str, bytes]]:
        return sorted((e.name, e.read_bytes()) for e in where.iterdir() if e.is_file())

    for flags in FLAGS:
        name = f"{flags:o}"
        prepare(tmp_path / name)
        prepare(top / name)
        here = outcome(lambda: Local(os.open(tmp_path / name / "f", flags, 0o640)))  # noqa: B023
        if there == "directory" and len(here) > 1:
            here = [errno.EISDIR]  # a local one can be opened
        path = f"top/{name}/f"
        there_too = outcome(lambda: fs.open_flags(path, flags, permissions=0o640))  # noqa: B023
        assert (name, there_too) == (name, here)
        assert (name, found(top / name)) == (name, found(tmp_path / name))
        if there == "nothing" and flags & os.O_CREAT:
            assert stat.S_IMODE((top / name / "f").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "flags",
    [3, -1, os.O_DIRECTORY, os.O_PATH, os.O_TMPFILE | os.O_RDWR, os.O_TRUNC, 1 << 40],
)
def test_flags_without_a_meaning_are_refused(fs: nfs.Mount, flags: int) -> None:
    with pytest.raises(ValueError, match="flags"):
        fs.open_flags("top/f", flags)
    assert not fs.exists("top/f")


@pytest.mark.parametrize(
    ("flags", "letters"),
    [
        (os.O_RDONLY, "rb"),
        (os.O_WRONLY | os.O_CREAT, "wb"),
        (os.O_RDWR, "rb+"),
        (os.O_WRONLY | os.O_APPEND, "ab"),
        (os.O_RDWR | os.O_APPEND, "ab+"),
        (os.O_RDWR | os.O_CREAT | os.O_EXCL, "xb+"),
        (os.O_WRONLY | os.O_CREAT | os.O_EXCL, "xb"),
    ],
)
def test_a_file_says_its_mode(fs: nfs.Mount, flags: int, letters: str) -> None:
    if "x" not in letters:
        fs.touch("top/f")
    with fs.open_flags("top/f", flags | os.O_CLOEXEC | os.O_NONBLOCK) as file:
        assert (file.mode, file.readable(), file.writable()) == (
            letters,
            OpenMode(letters).readable,
            OpenMode(letters).writable,
        )


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How stable each WRITE was to be; a COMMIT is -1."""
    seen: list[int] = []
    write, append, commit = OpenOperations.write, OpenOperations.append, OpenOperations.commit

    async def noted_write(
        self: Any, opened: Any, offset: int, data: Any, stable: int, *a: Any
    ) -> Any:
        seen.append(stable)
        return await write(self, opened, offset, data, stable, *a)

    async def noted_append(
        self: Any, opened: Any, size: int, data: Any, stable: int, *a: Any
    ) -> Any:
        seen.append(stable)
        return await append(self, opened, size, data, stable, *a)

    async def noted_commit(self: Any, *a: Any) -> Any:
        seen.append(-1)
        return await commit(self, *a)

    monkeypatch.setattr(OpenOperations, "write", noted_write)
    monkeypatch.setattr(OpenOperations, "append", noted_append)
    monkeypatch.setattr(OpenOperations, "commit", noted_commit)
    return seen


def test_synchronous_files_are_stable_when_a_write_returns(
    fs: nfs.Mount, writes: list[int], server: LiveServer
) -> None:
    make = os.O_RDWR | os.O_CREAT
    for flag, stable in ((os.O_DSYNC, t.DATA_SYNC4), (os.O_SYNC, t.FILE_SYNC4)):
        with fs.open_flags("top/f", make | flag) as file:
            file.write(b"x")
            file.write_at(5, b"y")
        with fs.open_flags("top/f", make | flag | os.O_APPEND) as file:
            file.write(b"z")
        assert writes == [stable] * 3
        writes.clear()
        with nfs.mount(server.url, wsize=4096) as small:  # one COMMIT for many WRITEs
            with small.open_flags("top/f", make | flag) as file:
                file.write(bytes(10_000))
                assert writes == [t.UNSTABLE4] * 3 + [-1]
            writes.clear()
    with fs.open_flags("top/f", make) as file:
        file.write(b"x")
        assert writes == [t.UNSTABLE4]


def test_what_was_written_before_does_not_come_again_over_a_stable_write(
    fs: nfs.Mount, writes: list[int]
) -> None:
    with fs.open("top/f", "w+b") as loose, fs.open_flags("top/f", os.O_RDWR | os.O_DSYNC) as file:
        loose.write(b"old")
        file.write(b"new")
        assert writes == [t.UNSTABLE4, t.UNSTABLE4, -1]
        file.write(b"more")
        assert writes[3:] == [t.DATA_SYNC4]


def test_no_cache_is_used_for_direct_files(server: LiveServer, fs: nfs.Mount) -> None:
    fs.write_bytes("top/f", b"x" * 4096)
    with nfs.mount(server.url, cache=1 << 20) as cached:
        for flags, calls in ((os.O_RDONLY, 0), (os.O_RDONLY | os.O_DIRECT, 3)):
            with cached.open_flags("top/f", flags) as file:
                file.read_at(0, bytearray(4096))
                before = cached.stats.of("READ").calls
                for _ in range(3):
                    assert file.read_at(0, bytearray(4096)) == 4096
                assert cached.stats.of("READ").calls - before == calls


def test_files_are_opened_by_handle_whatever_they_are_called(fs: nfs.Mount) -> None:
    fs.write_bytes("top/f", b"contents")
    handle = fs.handle("top/f")
    with fs.open("top/f") as file:
        assert file.handle == handle
    fs.rename("top/f", "top/g")
    with fs.open_handle(handle) as file:
        assert file.read() == b"contents"
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
    with fs.open_handle(handle, os.O_RDWR | os.O_TRUNC) as file:
        file.write(b"new")
    assert fs.read_bytes("top/g") == b"new"
    with pytest.raises(ValueError, match="O_CREAT"):
        fs.open_handle(handle, os.O_RDWR | os.O_CREAT)
    with pytest.raises(IsADirectoryError):
        fs.open_handle(fs.handle("top"))
    with pytest.raises(OSError, match="the file with the handle 0000"):
        fs.open_handle(bytes(32))


def test_locks_by_the_words_of_fcntl(fs: nfs.Mount) -> None:
    with fs.open("top/f", "w+b") as one, fs.open("top/f", "r+b") as other:
        one.write(bytes(100))
        one.lockf(fcntl.LOCK_EX, 10, 10)
        with pytest.raises(BlockingIOError):
            other.lockf(fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 19)
        other.lockf(fcntl.LOCK_SH | fcntl.LOCK_NB, 0, 20)  # to the end
        other.lockf(fcntl.LOCK_UN)
        one.seek(50)
        one.lockf(fcntl.LOCK_EX, 1, 0, os.SEEK_CUR)
        one.lockf(fcntl.LOCK_EX, 1, -1, os.SEEK_END)
        for place in (50, 99):
            with pytest.raises(BlockingIOError):
                other.lockf(fcntl.LOCK_SH | fcntl.LOCK_NB, 1, place)
        other.lockf(fcntl.LOCK_SH | fcntl.LOCK_NB, 48, 51)
        one.lockf(fcntl.LOCK_UN)
        other.flock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError):
            one.flock(fcntl.LOCK_SH | fcntl.LOCK_NB)
        for wrong in (0, fcntl.LOCK_NB, 64, fcntl.LOCK_EX | fcntl.LOCK_SH):
            with pytest.raises(ValueError, match="invalid operation"):
                one.lockf(wrong)
        with pytest.raises(ValueError, match="whence"):
            one.lockf(fcntl.LOCK_EX, 1, 0, 7)


def test_a_lock_waits_until_it_can_be_had(fs: nfs.Mount) -> None:
    with fs.open("top/f", "w+b") as one, fs.open("top/f", "r+b") as other:
        one.flock(fcntl.LOCK_EX)
        had = threading.Event()

        def wait() -> None:
            other.flock(fcntl.LOCK_EX)
            had.set()

        thread = threading.Thread(target=wait)
        thread.start()
        assert not had.wait(0.2)
        one.flock(fcntl.LOCK_UN)
        assert had.wait(20)
        thread.join()


def test_one_time_becomes_now_and_the_other_stays(fs: nfs.Mount) -> None:
    fs.touch("top/f")
    before = time.time() - 60  # the server's clock is what counts
    fs.utime("top/f", (1, 2))
    fs.utime("top/f", (nfs.NOW, None))
    assert fs.stat("top/f").st_atime > before
    assert fs.stat("top/f").st_mtime == 2
    fs.utime("top/f", ns=(3, nfs.NOW))
    assert fs.stat("top/f").st_atime_ns == 3
    assert fs.stat("top/f").st_mtime > before
    fs.utime("top/f", (nfs.NOW, nfs.NOW))
    assert min(fs.stat("top/f").st_atime, fs.stat("top/f").st_mtime) > before
    with pytest.raises(OverflowError):
        fs.utime("top/f", ns=(nfs.NOW, 10**30))


def test_links_are_followed_or_not_as_asked(fs: nfs.Mount) -> None:
    fs.write_bytes("top/f", b"x")
    fs.chmod("top/f", 0o600)
    fs.mkdir("top/d")
    for name, target in (("to-f", "f"), ("to-d", "d"), ("to-none", "none")):
        fs.symlink(target, f"top/{name}")
    assert fs.exists("top/to-none", follow_symlinks=False)
    assert not fs.exists("top/to-none")
    assert (fs.is_dir("top/to-d"), fs.is_dir("top/to-d", follow_symlinks=False)) == (True, False)
    assert (fs.is_file("top/to-f"), fs.is_file("top/to-f", follow_symlinks=False)) == (True, False)
    assert not fs.access("top/to-none", os.F_OK)
    assert fs.access("top/to-none", os.F_OK, follow_symlinks=False)
    fs.link("top/to-f", "top/a-link")
    fs.link("top/to-f", "top/a-file", follow_symlinks=True)
    assert fs.readlink("top/a-link") == "f"
    assert fs.stat("top/a-file", follow_symlinks=False).st_ino == fs.stat("top/f").st_ino
    with suppress(OSError):  # Linux's file systems do not have it, and servers differ
        fs.chmod("top/to-f", 0o777, follow_symlinks=False)
    assert fs.handle("top/to-f") == fs.handle("top/f")
    assert fs.handle("top/to-f", follow_symlinks=False) != fs.handle("top/f")
    assert stat.S_IMODE(fs.stat("top/f").st_mode) == 0o600
    fs.setxattr("top/f", "user.a", b"b")
    assert fs.listxattr("top/to-f") == ["user.a"]
    assert fs.listxattr("top/to-f", follow_symlinks=False) == []


def test_the_other_face_has_all_of_it(server: LiveServer) -> None:
    async def use() -> None:
        async with nfs.aio.mount(server.url) as fs:
            file = await fs.open_flags("aio", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_SYNC)
            async with file:
                await file.flock(fcntl.LOCK_EX)
                await file.write(b"x")
            async with await fs.open_handle(file.handle) as file:
                assert await file.read() == b"x"
            await fs.utime("aio", (nfs.NOW, None))
            await fs.remove("aio")

    asyncio.run(use())

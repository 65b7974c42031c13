"""What a mount has that ``os``, ``pathlib`` and ``fcntl`` have, beyond reading and writing."""

from __future__ import annotations

import asyncio
import builtins
import gc
import glob
import io
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

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


def test_special_files_are_made(fs: nfs.Mount) -> None:
    fs.mknod("top/file", 0o640)
    assert stat.S_ISREG(fs.lstat("top/file").st_mode)
    assert stat.S_IMODE(fs.lstat("top/file").st_mode) == 0o640
    fs.mknod("top/pipe", stat.S_IFIFO | 0o600)
    fs.mknod("top/socket", stat.S_IFSOCK | 0o600)
    assert stat.S_ISFIFO(fs.lstat("top/pipe").st_mode)
    assert stat.S_ISSOCK(fs.lstat("top/socket").st_mode)
    for name in ("file", "pipe"):
        with pytest.raises(FileExistsError):
            fs.mknod(f"top/{name}", fs.lstat(f"top/{name}").st_mode)
    with pytest.raises(ValueError, match="no type of file"):
        fs.mknod("top/d", stat.S_IFDIR | 0o700)
    try:
        fs.mknod("top/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        assert not fs.exists("top/null")  # the server lacks the right, or keeps it from callers
    else:
        assert stat.S_ISCHR(fs.lstat("top/null").st_mode)


def test_holes_are_punched_and_room_is_reserved(fs: nfs.Mount) -> None:
    with fs.open("top/f", "w+b") as file:
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
    with fs.open("top/f", "w+b") as one, fs.open("top/f", "r+b") as other:
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
            async with await fs.open("text", "r+b") as one, await fs.open("text", "r+b") as other:
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


TEXT = "Grüße\r\nzwei\rdrei\n€"


@pytest.mark.parametrize("mode", ["w", "wt", "w+", "x", "a", "a+"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"encoding": "utf-16"},
        {"encoding": "utf-8", "newline": ""},
        {"encoding": "latin-1", "errors": "replace", "newline": "\r\n"},
        {"encoding": "utf-8", "buffering": 1},
    ],
    ids=["plain", "utf-16", "newline", "errors", "lines"],
)
def test_text_is_opened_as_python_opens_it(
    fs: nfs.Mount, tmp_path: Path, mode: str, how: dict[str, object]
) -> None:
    here = tmp_path / "f"
    if mode[0] == "a":
        here.write_bytes(b"was")
        fs.write_bytes("top/f", b"was")
    found = []
    for opening, path in ((builtins.open, str(here)), (fs.open, "top/f")):
        with opening(path, mode, **how) as file:  # type: ignore[operator]
            assert isinstance(file, io.TextIOWrapper)
            before = file.tell()
            file.writelines([TEXT, "\n", TEXT])
            found.append((before, file.mode, file.encoding, file.errors, file.line_buffering))
        with opening(path, "r", **how) as file:  # type: ignore[operator]
            if "b" in mode or mode[0] != "a" or how.get("encoding") != "utf-16":
                found.append((list(file), file.newlines))
    half = len(found) // 2
    assert found[:half] == found[half:]
    assert fs.read_bytes("top/f") == here.read_bytes()


def test_buffers_are_as_python_has_them(fs: nfs.Mount) -> None:
    with fs.open("top/f", "wb", 4096) as out:
        assert isinstance(out, io.BufferedWriter)
        out.write(b"12")
        assert fs.read_bytes("top/f") == b""
        out.flush()
        assert fs.read_bytes("top/f") == b"12"
    with fs.open("top/f", "r+b", 4096) as both:
        assert isinstance(both, io.BufferedRandom)
        both.seek(1)
        both.write(b"x\ny")
        both.seek(0)
        assert both.readlines() == [b"1x\n", b"y"]
    with fs.open("top/f", "rb", 2) as read:
        assert isinstance(read, io.BufferedReader)
        assert read.peek(1)[:2] == b"1x"
    with fs.open("top/f") as raw:
        assert isinstance(raw, nfs.NfsFile)
        assert raw.readline() == b"1x\n"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_files_that_are_collected_do_not_hold_up_anybody(fs: nfs.Mount) -> None:
    """The collector may come in the middle of a call, whose thread cannot wait for another."""
    before = gc.get_threshold()
    gc.set_threshold(5)
    try:
        for number in range(40):
            file = fs.open("t", "a")
            file.write(f"{number}\n")
            circle: list[object] = [file]
            circle.append(circle)
            del file, circle
            fs.stat("t")
    finally:
        gc.set_threshold(*before)
    gc.collect()
    with fs.open("t", "a") as file:
        file.write("end\n")
    assert fs.read_text("t").endswith("end\n")


def test_a_call_within_a_call_is_refused(fs: nfs.Mount) -> None:
    """As from a finalizer, or a signal handler: it would wait for ever."""
    fs.write_text("f", "text")

    async def call() -> bytes:
        with pytest.raises(RuntimeError, match="under way on this very thread"):
            fs.read_bytes("f")
        return await fs.client.read_bytes("f")

    assert fs.run(call()) == b"text"
    assert fs.read_bytes("f") == b"text"


def test_what_open_refuses_touches_no_file(fs: nfs.Mount) -> None:
    fs.write_bytes("top/f", b"kept")
    for arguments in (
        ("w", 0),
        ("wb", -1, "utf-8"),
        ("wb", -1, None, "strict"),
        ("wb", -1, None, None, "\n"),
        ("w", -1, None, None, "x"),
        ("wbt",),
        ("wtt",),
        ("t",),
    ):
        with pytest.raises(ValueError):
            fs.open("top/f", *arguments)  # type: ignore[call-overload]
    for arguments in (("w", -1, "no-such"), ("w", -1, "utf-8", "no-such")):
        with pytest.raises(LookupError):
            fs.open("top/f", *arguments)
    assert fs.read_bytes("top/f") == b"kept"
    assert len(fs.client.opens) == 0

    async def use(url: str) -> None:
        async with nfs.aio.mount(url) as other:
            for arguments in (("w",), ("wb", 512)):
                with pytest.raises(ValueError, match="with asyncio"):
                    await other.open("top/f", *arguments)  # type: ignore[arg-type]
            assert await other.read_bytes("top/f") == b"kept"
            assert await other.glob("top/*") == ["top/f"]

    asyncio.run(use(str(fs.url)))


@pytest.mark.parametrize(
    "pattern",
    [
        *("*", "*.py", "a/*", "a/**", "**", "**/*.py", "**/", "*/", "a/b/../?.py", "a/[!x].py"),
        *("**/b/**", "none/*", "a/x.py", "a/none", "a/b/", "a/x.py/", "l*/*", "dangling", "[*]"),
        *("**/**/c.py", "a/**/c.py", "*/b/*.py", "d*", ".*", ""),
    ],
)
@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "hidden"])
def test_glob_matches_what_python_matches(
    fs: nfs.Mount,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
    hidden: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a/b", ".h/b", "a/.b"):
        fs.makedirs(f"top/{name}", exist_ok=True)
        (tmp_path / name).mkdir(parents=True)
    for name in ("a/x.py", "a/b/c.py", "y.py", "*", ".h/b/z.py", "a/.b/c.py"):
        fs.touch(f"top/{name}")
        (tmp_path / name).touch()
    for name, target in (("link", "a"), ("dangling", "none")):
        fs.symlink(target, f"top/{name}")
        (tmp_path / name).symlink_to(target)
    for recursive in (False, True):
        # Python's has some twice where ** stands twice.
        wanted = list(set(glob.glob(pattern, recursive=recursive, include_hidden=hidden)))
        if recursive and "**" in pattern:  # links to directories are not entered here
            wanted = [each for each in wanted if not each.startswith("link/") or each == "link/"]
        root = fs.glob(f"top/{pattern}", recursive=recursive, include_hidden=hidden)
        found = [each.removeprefix("top/") for each in root]
        if pattern in ("", "**", "**/"):
            found = [each for each in found if each]
        assert sorted(found) == sorted(wanted), (pattern, recursive)


def test_access_is_asked_as_of_os(fs: nfs.Mount) -> None:
    fs.write_bytes("top/f", b"")
    assert fs.access("top/f") > 1
    for mode in (os.F_OK, os.R_OK, os.R_OK | os.W_OK):
        assert fs.access("top/f", mode) is True
    assert fs.access("top", os.R_OK | os.W_OK | os.X_OK) is True
    assert fs.access("top/f", os.X_OK) is False
    fs.chmod("top/f", 0o700)
    assert fs.access("top/f", os.X_OK) is True
    for name in ("top/none", "top/f/below"):
        assert fs.access(name, os.F_OK) is False
        with pytest.raises(OSError):
            fs.access(name)
    with pytest.raises(ValueError, match="mode"):
        fs.access("top/f", 8)


def test_walks_from_the_bottom_up(fs: nfs.Mount) -> None:
    fs.makedirs("walked/a/b")
    fs.makedirs("walked/c")
    fs.write_bytes("walked/a/f", b"")
    below = list(fs.walk("walked", topdown=False))
    assert [top for top, _, _ in below] == ["walked/a/b", "walked/a", "walked/c", "walked"]
    assert sorted(below) == sorted(fs.walk("walked"))
    for top, directories, others in below:
        for name in others:
            fs.remove(f"{top}/{name}")
        for name in directories:
            fs.rmdir(f"{top}/{name}")
    assert fs.listdir("walked") == []


def test_what_a_mount_names_is_text(server: LiveServer, fs: nfs.Mount) -> None:
    with pytest.raises(FileNotFoundError, match="'top/no ☃'") as caught:
        nfs.mount(server.url.rstrip("/") + "/top/no ☃")
    assert caught.value.filename == "top/no ☃"
    for mode in ("rw", "z"):
        with pytest.raises(ValueError, match=f"invalid mode: '{mode}'"):
            fs.open("top/f", mode)

"""Copies between real directories: holes, deep trees, signals, and what is said of failures."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.client.copies import Progress
from nfsrdma.client.copies.temporary import is_temporary

SOURCE = Path(__file__).resolve().parents[2] / "src"
MIB = 1 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    (tmp_path / "export").mkdir()
    server = LiveServer(str(tmp_path / "export"))
    yield server
    server.stop()


@pytest.fixture
def memory() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.stop()


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "nfsrdma", *arguments]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe)


def nfsrdma(*arguments: str | Path) -> tuple[int, str]:
    """Run a command: its status, and what it says is wrong."""
    process = start(*map(str, arguments))
    _, error = process.communicate(timeout=60)
    return process.returncode, error.decode()


# --- Holes ---


def sparse(path: Path, size: int, *offsets: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)
        for offset in offsets:
            file.seek(offset)
            file.write(b"x" * 4096)


def allocated(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.mark.parametrize("minor", [1, 2])
def test_holes_stay_holes(server: LiveServer, tmp_path: Path, minor: int) -> None:
    size = 24 * MIB + 5
    offsets = (0, 5 * MIB + 4096, 24 * MIB - 4096)
    sparse(tmp_path / "file", size, *offsets)
    sparse(tmp_path / "small", 200_000, 65_536)
    sparse(tmp_path / "empty", 3 * MIB)
    if allocated(tmp_path / "file") > MIB:
        pytest.skip("a file system without holes")
    with nfs.mount(server.url, minor_version=minor) as fs:
        for name in ("file", "small", "empty"):
            fs.put(tmp_path / name, name)
            fs.get(name, tmp_path / f"{name}.back")
            there, back = tmp_path / "export" / name, tmp_path / f"{name}.back"
            assert there.read_bytes() == back.read_bytes() == (tmp_path / name).read_bytes()
            assert allocated(there) <= 64 << 10
            assert allocated(back) <= 64 << 10


def test_an_image_of_a_tebibyte_takes_no_longer_than_its_data(
    server: LiveServer, tmp_path: Path
) -> None:
    size = 1 << 40
    try:
        sparse(tmp_path / "image", size, 0, size // 2, size - 4096)
    except OSError:
        pytest.skip("a file system without files so large")
    with nfs.mount(server.url) as fs:
        fs.put(tmp_path / "image", "image")
        assert fs.stat("image").st_size == size
        calls = sum(kind.calls for kind in fs.stats.operations.values())
        progress = fs.get("image", tmp_path / "back")
        assert sum(kind.calls for kind in fs.stats.operations.values()) - calls < 30
        assert progress.octets_done == size
    with (tmp_path / "back").open("rb") as file:
        file.seek(size // 2)
        assert file.read(4096) == b"x" * 4096
    assert allocated(tmp_path / "back") <= 64 << 10


def test_seeking_data_and_holes(server: LiveServer, tmp_path: Path) -> None:
    """As lseek(2) does, whether the server has SEEK or not."""
    sparse(tmp_path / "export/file", 8 * MIB, MIB, 5 * MIB)
    for minor in (1, 2):
        with nfs.mount(server.url, minor_version=minor) as fs, fs.open("file") as file:
            local = os.open(tmp_path / "export/file", os.O_RDONLY)
            for offset in (0, MIB, MIB + 10, 2 * MIB, 5 * MIB + 4096, 8 * MIB - 1, 8 * MIB):
                for whence in (os.SEEK_DATA, os.SEEK_HOLE):
                    try:
                        wanted: int | None = os.lseek(local, offset, whence)
                    except OSError as error:
                        wanted = -error.errno
                    if minor == 1 and offset < 8 * MIB:  # then it is all data
                        wanted = offset if whence == os.SEEK_DATA else 8 * MIB
                    try:
                        found = file.seek(offset, whence)
                        assert file.tell() == found
                    except OSError as error:
                        found = -(error.errno or 0)
                    assert found == wanted, (minor, offset, whence)
            os.close(local)


# --- Deep trees ---


@pytest.mark.parametrize(("levels", "name"), [(1200, "d"), (100, "n" * 250)])
def test_a_tree_as_deep_as_it_may_be(
    memory: LiveServer, tmp_path: Path, levels: int, name: str
) -> None:
    """With few descriptors, and paths that no system call takes."""
    here = os.open(tmp_path, os.O_RDONLY)
    for level in range(levels):
        new = name if level else "tree"
        os.mkdir(new, dir_fd=here)
        below = os.open(new, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        file = os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here)
        os.write(file, b"%d" % level)
        os.close(file)
    os.close(here)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 110, hard))
    try:
        with nfs.mount(memory.url) as fs:
            assert fs.put(tmp_path / "tree", "tree", recursive=True).files_done == levels
            assert fs.get("tree", tmp_path / "back", recursive=True).files_done == levels
            resumed = fs.get("tree", tmp_path / "back", recursive=True, resume=True)
            assert resumed.skipped == levels
            fs.rmtree("tree")
            assert fs.listdir() == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    subprocess.run(["rm", "-rf", "tree", "back"], cwd=tmp_path, check=True)


# --- The command line ---


def test_what_failed_is_named_and_counted(server: LiveServer, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for index in range(5):
        (tree / f"f{index}").write_bytes(b"x")
    os.mkfifo(tree / "pipe")
    (tmp_path / "export/there/f1").mkdir(parents=True)
    url = server.url
    status, error = nfsrdma("put", "-qr", tree, f"{url}there")
    assert status == 1
    assert f"nfsrdma: server: {url}there/f1: " in error
    assert error.endswith(f"nfsrdma: {url}there: 1 name could not be copied\n")
    assert len(list((tmp_path / "export/there").iterdir())) == 5
    (tmp_path / "export/there/f1").rmdir()
    status, error = nfsrdma("put", "-qr", tree, f"{url}there")
    assert (status, error) == (
        0,
        f"nfsrdma: local disk: {tree}/pipe: not a file, directory or link: skipped\n",
    )
    status, error = nfsrdma("put", "-q", tree / "pipe", f"{url}pipe")
    assert status == 1
    assert error.startswith(f"nfsrdma: local disk: {tree}/pipe: ")


def test_the_side_of_an_error_is_said(server: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "export/file").write_bytes(bytes(MIB))
    (tmp_path / "file").write_bytes(bytes(MIB))
    url = server.url
    for arguments, wanted in (
        (("get", f"{url}file", f"{tmp_path}/none/file"), f"local disk: {tmp_path}/none: No such"),
        (("get", f"{url}none", tmp_path), f"server: {url}none: no such file"),
        (("put", tmp_path / "none", url), f"local disk: {tmp_path}/none: no such file"),
        (("put", tmp_path / "file", f"{url}file/"), f"server: {url}file: not a directory"),
        (("put", tmp_path / "file", f"{url}none/file"), f"server: {url}none/file: no such file"),
    ):
        status, error = nfsrdma(*arguments[:1], "-q", *arguments[1:])
        assert status == 1
        assert error.startswith(f"nfsrdma: {wanted}"), error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("get", [True, False])
def test_a_signal_leaves_nothing_half(
    server: LiveServer, tmp_path: Path, number: signal.Signals, get: bool
) -> None:
    source = tmp_path / ("export" if get else "") / "big"
    target = tmp_path / ("" if get else "export")
    source.write_bytes(os.urandom(96 * MIB))
    url = f"{server.url}big"
    process = start("get", "-q", url, f"{target}/copy") if get else start(
        "put", "-q", str(source), f"{server.url}copy"
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        if any(is_temporary(os.fsencode(name)) for name in os.listdir(target)):
            process.send_signal(number)
            break
    _, error = process.communicate(timeout=30)
    if process.returncode == 0:
        pytest.skip("the copy was quicker than the signal")
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert error.strip() == b""
    assert not any(is_temporary(os.fsencode(name)) for name in os.listdir(target))
    assert not (target / "copy").exists()


def test_an_interrupted_call_cleans_up(server: LiveServer, tmp_path: Path) -> None:
    """``fs.put()`` in a program: KeyboardInterrupt, and the mount is as good as new."""
    (tmp_path / "big").write_bytes(bytes(96 * MIB))
    with nfs.mount(server.url) as fs:
        left = [signal.SIGINT]  # a second one would not wait

        def interrupt(progress: Progress) -> None:
            if progress.octets_done > 8 * MIB and left:
                signal.raise_signal(left.pop())

        with pytest.raises(KeyboardInterrupt):
            fs.put(tmp_path / "big", "copy", progress=interrupt)
        assert fs.listdir() == []
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        fs.put(tmp_path / "big", "copy")
        with pytest.raises(ZeroDivisionError):
            fs.get("copy", tmp_path / "back", progress=lambda progress: 1 // 0)
    assert not any(is_temporary(os.fsencode(name)) for name in os.listdir(tmp_path))


def test_copies_of_one_name_by_several_processes(server: LiveServer, tmp_path: Path) -> None:
    """Both ways: none fails for the other, and the last one wins, whole."""
    url = f"{server.url}target"
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 6 * MIB)
    for _ in range(3):
        processes = [start("put", "-q", str(tmp_path / name), url) for name in "ab"]
        for process in processes:
            assert process.communicate(timeout=60)[1] == b""
            assert process.returncode == 0
        there = (tmp_path / "export/target").read_bytes()
        assert re.fullmatch(rb"(?s)(.)\1*", there[:1] + there[-1:])
        assert there in (b"a" * len(there), b"b" * len(there))
        assert len(there) == 6 * MIB
        processes = [start("get", "-q", url, str(tmp_path / "back")) for _ in range(2)]
        for process in processes:
            assert process.communicate(timeout=60)[1] == b""
        assert (tmp_path / "back").read_bytes() == there
    assert os.listdir(tmp_path / "export") == ["target"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b", "back", "export"]

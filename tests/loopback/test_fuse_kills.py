"""A mount is killed while programs write many small files: what was synchronized stays.

Skipped where nothing can be mounted. Nothing stays mounted, whatever fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.loopback.test_fuse_mount import PATIENCE_S, Mount, can_mount, nfsrdma
from tests.support.nfs_live import LiveServer

pytestmark = pytest.mark.skipif(not can_mount(), reason="no FUSE file system can be mounted here")

WRITER = """
import os, sys

def contents(number):
    return (b"%d " % number) * (1 + number * 7919 % 1500)

top, first, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
for number in range(first, first + 100_000, 4):
    path = f"{top}/{number % 8}/{number}"
    try:
        fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        data = contents(number)
        half = len(data) // 2
        os.write(fd, data[:half])
        os.write(fd, data[half:])
        if kind == "fsync":
            os.fsync(fd)
        os.close(fd)
        if number % 3 == 0:
            os.rename(f"{path}.new", path)
    except OSError:  # the mount is gone
        break
    print(number, flush=True)
"""
"""Makes small files; a number is printed when its file is written, synchronized and closed."""


def contents(number: int) -> bytes:
    return (b"%d " % number) * (1 + number * 7919 % 1500)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(path=str(tmp_path_factory.mktemp("export")), rdma=True)
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("transport", "options", "kind", "files"),
    [
        ("tcp", "rw", "fsync", 200),
        ("rdma", "rw", "close", 100),
        ("tcp", "wb", "fsync", 100),
    ],
)
def test_small_files_that_were_synchronized_survive_a_killed_mount(
    server: LiveServer, tmp_path: Path, transport: str, options: str, kind: str, files: int
) -> None:
    assert server.path is not None
    name = f"{transport}-{options}-{kind}"
    top = Path(server.path) / name
    mount = Mount(server.url_of(transport), tmp_path / "mount", "-o", options)
    writers: list[subprocess.Popen[str]] = []
    done: list[int] = []
    try:
        for number in range(8):
            os.makedirs(mount.path / name / str(number))
        for first in range(4):
            arguments = (mount.path / name, first, kind)
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, *map(str, arguments)],
                stdout=subprocess.PIPE,
                text=True,
            )
            writers.append(writer)
        assert writers[0].stdout is not None
        while len(done) < files // 4:
            done.append(int(writers[0].stdout.readline()))
        mount.process.kill()
        mount.process.wait()
        for writer in writers:
            out, _ = writer.communicate(timeout=PATIENCE_S)
            done += map(int, out.split())
            assert writer.returncode == 0
        nfsrdma("umount", mount.path)  # as a user would
    finally:
        for writer in writers:
            writer.kill()
        mount.take_away()
    assert len(done) > files // 2
    for number in done:
        found = top / str(number % 8) / (f"{number}" if number % 3 == 0 else f"{number}.new")
        assert found.read_bytes() == contents(number), found
    again = Mount(server.url_of(transport), tmp_path / "mount")
    try:
        assert sum(len(files) for _, _, files in os.walk(again.path / name)) >= len(done)
        again.close()
    finally:
        again.take_away()

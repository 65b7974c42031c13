"""What a mount said to be safe is there, though its process and its server end without notice.

What the mount sends arrives late, or never if its process is killed first; and what the server
did not synchronize is lost with its power. No file is closed before, since closing makes safe,
too. Both the mount and the server are replaced by some that promise too much, to see that these
tests would notice. Skipped where nothing can be mounted; nothing stays mounted, whatever fails.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.loopback.test_fuse_mount import PATIENCE_S, Mount, can_mount, nfsrdma
from tests.sim.disk import Disk
from tests.support.nfs_live import LiveServer
from tests.support.slow_relay import SlowRelay

from nfsrdma.server.vfs.interface import ROOT
from nfsrdma.server.vfs.memory import MemoryFile

pytestmark = pytest.mark.skipif(not can_mount(), reason="no FUSE file system can be mounted here")

DELAY_S = 0.05
WRITERS = 3

WRITER = """
import mmap, os, sys

def contents(number):
    return (b"%d " % number) * (1 + number * 7919 % 1500)

top, first, step, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | (os.O_SYNC if kind == "osync" else 0)
opened = []
for number in range(first, 100_000, step):
    data = contents(number)
    piece = len(data) // 5 + 1
    try:
        fd = os.open(f"{top}/{number}", flags, 0o640)
        opened.append(fd)
        if kind == "msync":
            os.ftruncate(fd, len(data))
            mapped = mmap.mmap(fd, len(data))  # it has a descriptor of its own
            opened.append(mapped)
            mapped[:] = data
            mapped.flush()
        else:
            # Some go together, after those that are on their way.
            for start in range(0, len(data), piece):
                os.write(fd, data[start : start + piece])
        if kind == "fsync":
            os.fsync(fd)
        elif kind == "fdatasync":
            os.fdatasync(fd)
        elif kind == "close":
            os.close(fd)
    except OSError:  # the mount is gone
        break
    print(number, flush=True)
"""
"""Makes small files; a number is printed when the system has said that its file is safe."""


def contents(number: int) -> bytes:
    return (b"%d " % number) * (1 + number * 7919 % 1500)


class _AlwaysLoses(random.Random):
    """For a disk that loses whatever it may."""

    def random(self) -> float:
        return 1.0


class PowerServer(LiveServer):
    """A server whose disk loses what was not synchronized when its power is cut."""

    disk: Disk

    def __init__(self) -> None:
        self.disk = Disk(time.time_ns, _AlwaysLoses())
        super().__init__(fs=self.disk)

    def cut_power(self) -> None:
        """Cut the power of the server, whose disk keeps what was synchronized."""
        self.stop()
        self.disk.crash()

    def wrong(self, top: bytes, number: int) -> str:
        """Say what is the matter with a file; nothing if it is as it was written."""
        directory = self.disk.lookup(self.disk.root, top, ROOT)
        node = self.disk.lookup(directory, b"%d" % number, ROOT)
        data = bytearray(node.size)
        file = MemoryFile(self.disk, node)
        file.read(0, memoryview(data))
        file.close()
        wanted = contents(number)
        return "" if data == wanted else f"{number}: {len(data)} octets of {len(wanted)}"


@pytest.fixture
def server() -> Iterator[PowerServer]:
    server = PowerServer()
    yield server
    server.stop()


def lost(
    server: PowerServer, where: Path, kind: str, *, files: int = 12, cuts: int = 0, **mount: str
) -> list[str]:
    """Have files written, end the mount and cut the power; return what of them is not there.

    ``cuts`` is how often the server's power is cut while the mount goes on.
    """
    relay = SlowRelay(lambda: server.port, DELAY_S)
    done: list[int] = []
    try:
        made = Mount(f"nfs+tcp://127.0.0.1:{relay.port}/", where, **mount)
        writers: list[subprocess.Popen[str]] = []
        try:
            (made.path / "d").mkdir()
            for first in range(WRITERS):
                words = (WRITER, made.path / "d", first, WRITERS, kind)
                command = [sys.executable, "-c", *map(str, words)]
                writers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            for cut in range(cuts + 1):
                if cut:
                    server.cut_power()
                    server.start()
                for writer in writers:
                    assert writer.stdout is not None
                    done += [int(writer.stdout.readline()) for _ in range(files // WRITERS)]
            made.process.kill()
            made.process.wait()
            for writer in writers:
                out, _ = writer.communicate(timeout=PATIENCE_S)
                done += map(int, out.split())
                # Who touches a page of a mapping that is gone is told by a signal.
                assert writer.returncode in (0, -signal.SIGBUS if kind == "msync" else 0)
            nfsrdma("umount", made.path)
        finally:
            for writer in writers:
                writer.kill()
            made.take_away()
        server.cut_power()
    finally:
        relay.close()
    assert len(done) >= files * (1 + cuts)
    return list(filter(None, (server.wrong(b"d", number) for number in done)))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("fsync", "rw"),
        ("fdatasync", "wb"),
        ("close", "rw"),
        ("osync", "rw"),
        ("msync", "rw"),
    ],
)
def test_what_is_safe_survives_the_mount_and_the_power(
    server: PowerServer, tmp_path: Path, kind: str, options: str
) -> None:
    assert lost(server, tmp_path / "mount", kind, options=options) == []


def test_what_is_safe_survives_a_server_that_loses_its_power_twice_before(
    server: PowerServer, tmp_path: Path
) -> None:
    assert lost(server, tmp_path / "mount", "fsync", cuts=2) == []


_PROMISES_TOO_MUCH = """
from nfsrdma.client.fuse import files, operations, wire
from nfsrdma.client.fuse.mounted import Answer

async def fsync(mount, header, arguments):
    {what}
    return Answer()

kind = {kind}
operations.TABLE[kind] = operations.Operation(operations.TABLE[kind]._parse, fsync)
"""


@pytest.mark.parametrize(
    ("kind", "opcode", "what"),
    [
        ("fsync", "FSYNC", "pass"),
        ("fsync", "FSYNC", "await mount.behind.drain(mount.handles.file(arguments.fh).node)"),
        ("fsync", "FSYNC", "await mount.handles.file(arguments.fh).file.commit()"),
        ("osync", "FSYNC", "pass"),
        ("msync", "FSYNC", "pass"),
        ("close", "FLUSH", "pass"),
    ],
    ids=["nothing", "only-writes", "only-commit", "osync", "msync", "close"],
)
def test_a_mount_that_promises_too_much_is_noticed(
    server: PowerServer, tmp_path: Path, kind: str, opcode: str, what: str
) -> None:
    first = _PROMISES_TOO_MUCH.format(what=what, kind=f"wire.Opcode.{opcode}")
    assert lost(server, tmp_path / "mount", kind, first=first)


def test_a_server_that_promises_too_much_is_noticed(
    server: PowerServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.sim.disk._DiskFile.sync", lambda self, metadata: None)
    assert lost(server, tmp_path / "mount", "fsync")

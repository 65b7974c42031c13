"""What root alone may have of a disk is not for callers, although root's process writes for them.

Files are used with the caller's own user, but who may exceed a quota, or use the blocks that a file
system keeps free for root, is asked of the thread's capabilities, and in threads of the root that
started them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nfsrdma.server.vfs import syscalls
from nfsrdma.server.vfs.interface import READ, WRITE, User
from nfsrdma.server.vfs.local import LocalFileSystem

ALICE = User(1000, 1001, ())
MUCH = 1 << 29

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")


def file_rights() -> tuple[int, int]:
    """The user and group that this thread has for files."""
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    words = dict(line.split(":", 1) for line in lines)
    return int(words["Uid"].split()[3]), int(words["Gid"].split()[3])


def test_room_is_laid_out_as_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o777)
    fs = LocalFileSystem(tmp_path)
    _, file = fs.create(fs.root, b"f", ALICE, 0o644, READ | WRITE)
    seen = []

    def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
        seen.append((file_rights(), length))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(syscalls, "fallocate", fallocate)
    job = file.allocate(0, MUCH)
    assert job is not None  # it may take long, and is left to a thread
    assert not seen
    with pytest.raises(OSError, match="No space"):
        job()
    with pytest.raises(OSError, match="No space"):
        file.allocate(0, 10)
    assert seen == [((1000, 1001), MUCH), ((1000, 1001), 10)]
    assert file_rights() == (0, os.getegid())
    file.close()
    fs.close()


SCRIPT = """
import threading
from nfsrdma.cli.serve_run import give_up_privileges
from nfsrdma.server.vfs import syscalls

def held():
    for line in open("/proc/thread-self/status"):
        if line.startswith("CapEff:"):
            print(int(line.split()[1], 16))

held()
give_up_privileges()
held()
syscalls.give_up_capability(27)
thread = threading.Thread(target=held)
thread.start()
thread.join()
"""


def test_capabilities_that_are_given_up() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True)
    first, second, third = map(int, told.stdout.split())
    assert second == first & ~(1 << syscalls.CAP_SYS_RESOURCE)
    assert third == second & ~(1 << 27)

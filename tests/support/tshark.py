"""Wireshark as an oracle: what ``tshark`` says of a capture; a skip where it is not there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


def need(program: str = "tshark") -> str:
    """The program's path, or skip the test."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def release() -> tuple[int, int]:
    """Its first two numbers: (4, 0)."""
    done = subprocess.run([need(), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    assert found is not None
    return int(found[1]), int(found[2])


def as_user() -> list[str]:
    """What to begin a command with that root may not run: from 4.4 on, root gets no Lua scripts.

    In a name space of its own the process is a user, who owns what root owns. Skips where there
    can be none.
    """
    if os.geteuid() or release() < (4, 4):
        return []
    command = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this Wireshark runs no Lua scripts for root, and there is no other user here")
    return command


def fields(path: Path, *names: str, wanted: str = "", options: tuple[str, ...] = ()) -> list[str]:
    """A line of tab-separated fields for each frame that ``wanted`` lets through; two passes."""
    scripted = as_user() if "-X" in options else []
    command = [*scripted, need(), "-n", "-2", "-r", str(path), "-T", "fields", *options]
    if wanted:
        command += ["-Y", wanted]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def nfs_messages(path: Path) -> int:
    """How many NFS messages (and callbacks) are decoded, none of them malformed."""
    return len(fields(path, "frame.number", wanted="nfs && rpc.xid && !_ws.malformed"))

"""Wireshark as an oracle: what ``tshark`` says of a capture; a skip where it is not there."""

from __future__ import annotations

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


def fields(path: Path, *names: str, wanted: str = "", options: tuple[str, ...] = ()) -> list[str]:
    """A line of tab-separated fields for each frame that ``wanted`` lets through; two passes."""
    command = [need(), "-n", "-2", "-r", str(path), "-T", "fields", *options]
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

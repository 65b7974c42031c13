"""Deep trees of a real directory, through both faces and the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli import main
from nfsrdma.client import aio
from nfsrdma.client.entries import DirEntry

LEVELS = 80
NAME = "n" * 250  # so that whole paths are longer than Linux (4096) and we (16384) take


def make_deep(directory: Path) -> None:
    here = os.open(directory, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir(NAME, dir_fd=here)
        below = os.open(NAME, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here))
    os.close(here)


def test_paths_as_long_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tree").mkdir()
    make_deep(tmp_path / "tree")
    server = LiveServer(str(tmp_path))
    try:
        with nfs.mount(server.url) as fs:
            walked = list(fs.walk("tree"))
            assert len(walked) == LEVELS + 1
            assert walked[-1] == ("/".join(["tree"] + [NAME] * LEVELS), [], ["file"])
            assert asyncio.run(walk_asynchronously(server.url)) == walked
            monkeypatch.setattr(sys, "argv", ["nfsrdma", "ls", "-lR", f"{server.url}tree"])
            with pytest.raises(SystemExit) as caught:
                main()
            assert caught.value.code == 0
            assert len(capfd.readouterr().out.split(":\n")) == LEVELS + 2
            fs.rmtree("tree")
        assert os.listdir(tmp_path) == []
    finally:
        server.stop()


async def walk_asynchronously(url: str) -> list[tuple[str, list[str], list[str]]]:
    async with await aio.mount(url) as fs:
        return [item async for item in fs.walk("tree")]


def test_a_walk_that_goes_round_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is below itself: as if the server's file system were broken."""
    server = LiveServer(str(tmp_path))
    try:
        with nfs.mount(server.url) as fs:
            fs.makedirs("ring/below")
            (real,) = fs.scandir("ring")

            def again(self: nfs.Mount, path: str | DirEntry) -> list[DirEntry]:
                where = path if isinstance(path, str) else path.path
                return [DirEntry(where, b"again", real.stat())]

            monkeypatch.setattr(nfs.Mount, "_scan", again)
            walk = fs.walk("ring")
            walked = [next(walk)]
            with pytest.raises(OSError, match="go round"):
                walked.extend(walk)
            assert len(walked) < 5
            monkeypatch.undo()
            fs.rmtree("ring")
    finally:
        server.stop()

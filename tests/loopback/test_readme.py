"""The examples of the README and of the client's package run as they stand."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from textwrap import dedent, indent

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma import client
from nfsrdma.cli import COMMANDS

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_library_example(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) <= 24
    server = LiveServer(rdma=True)
    scope: dict[str, object] = {}
    try:
        exec(example.replace("nfs+rdma://127.0.0.1/", server.rdma_url), scope)
    finally:
        server.stop()
    assert scope["count"] == 12_000
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "november.csv 12000"
    assert "nowhere" in printed[1]


def test_the_examples_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"(?m)(?:^    .*\n|^\n)+", f"{client.__doc__}\n{client.aio.__doc__}")
    blocking, faces, asynchronous = (text for text in map(dedent, examples) if text.strip())
    server = LiveServer(rdma=True)
    try:
        scope: dict[str, object] = {"nfs": client}
        for text in (blocking, faces, asynchronous):
            program = text.replace("nfs+rdma://server/export", server.rdma_url)
            program = program.replace('"some/file"', '"greeting"').replace('"some"', '""')
            exec(f"async def main():\n{indent(program, '    ')}", scope)
            asyncio.run(scope["main"]())  # type: ignore[operator]
    finally:
        server.stop()
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["greeting 5", "b'hello'", "greeting 5", "greeting 5"]


def test_every_command_that_is_named_exists() -> None:
    named = re.findall(r"^    nfsrdma ([a-z-]+)", README, re.MULTILINE)
    assert len(named) >= 7
    assert set(named) <= set(COMMANDS)

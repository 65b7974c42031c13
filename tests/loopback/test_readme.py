"""The README's library example runs as it stands, and its commands exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

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


def test_every_command_that_is_named_exists() -> None:
    named = re.findall(r"^    nfsrdma ([a-z-]+)", README, re.MULTILINE)
    assert len(named) >= 7
    assert set(named) <= set(COMMANDS)

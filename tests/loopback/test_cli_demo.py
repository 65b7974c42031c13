"""``nfsrdma demo``: the main job, on a small tree; and that it notices what is not equal."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.hosts import loopback

from nfsrdma.cli import demo


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "folder").mkdir(parents=True)
    (root / "empty").write_bytes(b"")
    (root / "folder" / "small").write_text("small\n")
    (root / "folder" / "large").write_bytes(os.urandom(700_001))
    (root / "link").symlink_to("folder/small")
    return root


def test_a_tree_there_and_back(tree: Path, tmp_path: Path) -> None:
    pcap = tmp_path / "demo.pcapng"
    arguments = ["--tree", str(tree), "--address", loopback(77), "--pcap", str(pcap)]
    result = CliRunner().invoke(demo.demo, arguments)
    assert result.exit_code == 0, result.output
    assert "All equal: 12 SHA-256 sums" in result.output
    if shutil.which("tshark") is None:
        pytest.skip("the copy is right; no tshark to look at the capture")
    shown = subprocess.run(
        ["tshark", "-2", "-r", pcap], capture_output=True, text=True, check=True
    ).stdout
    assert "CM: ConnectRequest" in shown
    assert "CM: DisconnectRequest" in shown
    assert "RDMA Write" in shown
    assert "RDMA Read" in shown
    assert "READDIR" in shown
    assert "Malformed" not in shown


def test_a_wrong_copy_is_noticed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = demo.digests

    def forged(root: Path) -> dict[str, str]:
        found = honest(root)
        if root.name == "back-tcp":
            found["empty"] = "0" * 64
        return found

    monkeypatch.setattr(demo, "digests", forged)
    result = CliRunner().invoke(demo.demo, ["--tree", str(tree), "--address", loopback(78)])
    assert result.exit_code == 1
    assert "tcp: 1 files differ" in result.output


def test_a_server_that_cannot_start_is_one_line(tree: Path) -> None:
    result = CliRunner().invoke(demo.demo, ["--tree", str(tree), "--address", "192.0.2.1"])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.output.strip().splitlines()[-1].startswith("Error: ")

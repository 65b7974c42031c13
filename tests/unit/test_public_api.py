"""The public API is what it was when somebody last said what it is to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "public_api.py"


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, TOOL, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT / "src")},
    )


def test_it_is_as_pinned() -> None:
    """If it is to change: ``make emit``, and a line in CHANGELOG.md."""
    done = check("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_change_is_noticed(tmp_path: Path) -> None:
    pinned = (ROOT / "tests/data/public_api.txt").read_text()
    changed = tmp_path / "api.txt"
    changed.write_text(pinned.replace("    mkdir(self", "    make(self", 1))
    done = check("--check", str(changed))
    assert done.returncode == 1
    assert any(line.startswith("-") and " make(self" in line for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    "package", ["client", "client.aio", "dissector", "rpcrdma", "rpcrdma.verbs", "server", "xdr"]
)
def test_each_package_is_in_it(package: str) -> None:
    assert f"# nfsrdma.{package}\n" in (ROOT / "tests/data/public_api.txt").read_text()

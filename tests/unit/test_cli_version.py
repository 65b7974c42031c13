"""``nfsrdma --version``: the commit of a checkout, of a work tree, of a package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from nfsrdma import __version__
from nfsrdma.cli.group import group
from nfsrdma.cli.version import commit_of

ONE, TWO = "1" * 40, "2" * 40


def test_what_it_says() -> None:
    result = CliRunner().invoke(group, ["--version"])
    assert result.exit_code == 0
    first, python, native, dissector, verbs = result.output.splitlines()
    assert re.fullmatch(re.escape(f"nfsrdma {__version__}") + r"( \(commit [0-9a-f]{12}\))?", first)
    assert python.startswith("Python 3.")
    assert native.startswith("native modules: ")
    assert dissector in ("dissector: compiled", "dissector: interpreted")
    assert verbs.startswith("pyverbs: ")


def test_the_commit_of_a_package(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "nfsrdma"
    package.mkdir(parents=True)
    assert commit_of(package) == ""
    (package / "_commit").write_text(ONE + "\n")
    assert commit_of(package) == ONE
    (package / "_commit").write_text("\x1b[2J")
    assert commit_of(package) == ""


@pytest.mark.parametrize("how", ["loose", "packed", "detached", "work tree", "empty"])
def test_the_commit_of_a_checkout(tmp_path: Path, how: str) -> None:
    package = tmp_path / "checkout" / "src" / "nfsrdma"
    package.mkdir(parents=True)
    git = tmp_path / "checkout" / ".git"
    if how == "work tree":
        own = tmp_path / "main" / ".git" / "worktrees" / "checkout"
        own.mkdir(parents=True)
        (own / "commondir").write_text("../..\n")
        git.write_text(f"gitdir: {own}\n")
        common = tmp_path / "main" / ".git"
    else:
        own = common = git
        git.mkdir()
    (own / "HEAD").write_text(ONE if how == "detached" else "ref: refs/heads/main\n")
    (common / "packed-refs").write_text(f"# pack-refs\n{TWO} refs/heads/x\n")
    if how == "packed":
        (common / "packed-refs").write_text(f"# pack-refs\n{ONE} refs/heads/main\n^{TWO}\n")
    elif how in ("loose", "work tree"):
        (common / "refs" / "heads").mkdir(parents=True)
        (common / "refs" / "heads" / "main").write_text(ONE + "\n")
    assert commit_of(package) == ("" if how == "empty" else ONE)

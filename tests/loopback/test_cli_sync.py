"""Making one tree like another, both ways: what is copied, what is removed, and what never is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma.cli import main
from nfsrdma.client import Mount, mount
from nfsrdma.client.copies.exclusions import Exclusions
from nfsrdma.client.copies.temporary import temporary_name

Sync = Callable[..., tuple[str, str]]
Tree = dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def fs(server: LiveServer) -> Iterator[Mount]:
    with mount(server.url) as fs:
        yield fs


def fill(top: Path, tree: Tree) -> None:
    """Make files, directories (``/`` at the end), and links (``->`` at the beginning)."""
    top.mkdir(exist_ok=True)
    for name, content in tree.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif content.startswith("->"):
            path.symlink_to(content[2:])
        else:
            path.write_text(content)


def tree_of(top: Path) -> Tree:
    """Return a tree as :func:`fill` takes it."""
    found: Tree = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"->{os.readlink(path)}"
        elif path.is_dir():
            found[name + "/"] = ""
        else:
            found[name] = path.read_text()
    return found


class Pair:
    """Two trees, one of them at the server, and the command between them."""

    def __init__(self, fs: Mount, url: str, tmp_path: Path, to_server: bool, run: Sync) -> None:
        self.source = tmp_path / "source"
        self.target = tmp_path / "target"
        self._fs = fs
        self._url = url
        self._to_server = to_server
        self._run = run

    def begin(self, source: Tree, target: Tree) -> None:
        """Put one of the two trees on the server."""
        fill(self.source, source)
        fill(self.target, target)
        there = self.target if self._to_server else self.source
        self._fs.put(there, "t", recursive=True)

    def sync(self, *options: str, status: int = 0) -> tuple[str, str]:
        """Run the command; return standard output and standard error."""
        ends = (self._url, str(self.target))
        if self._to_server:
            ends = (str(self.source), self._url)
        return self._run("sync", *options, *ends, status=status)

    def result(self) -> Tree:
        """Return the target."""
        if not self._to_server:
            return tree_of(self.target)
        back = self.target.with_name("back")
        self._fs.get("t", back, recursive=True)
        found = tree_of(back)
        os.rename(back, back.with_name(f"back{len(os.listdir(back.parent))}"))
        return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sync:
    def run(*arguments: str, status: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["nfsrdma", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        assert (caught.value.code, "Traceback" in err) == (status, False), err
        return out, err

    return run


@pytest.fixture(params=["get", "put"])
def pair(
    request: pytest.FixtureRequest, fs: Mount, server: LiveServer, tmp_path: Path, run: Sync
) -> Iterator[Pair]:
    yield Pair(fs, f"{server.url.rstrip('/')}/t", tmp_path, request.param == "put", run)
    if fs.exists("t"):
        fs.rmtree("t")


SOURCE = {"a": "a", "d/": "", "d/b": "b", "l": "->a", "new/": "", "new/c": "c", "e/": ""}
TARGET = {"a": "older", "d/": "", "d/x": "x", "gone/": "", "gone/y/": "", "gone/y/z": "z"}


def test_the_target_becomes_like_the_source(pair: Pair) -> None:
    pair.begin(SOURCE, TARGET)
    pair.sync()
    assert pair.result() == {**TARGET, **SOURCE}
    pair.sync("--delete")
    assert pair.result() == SOURCE
    assert pair.sync("--delete", "--dry-run")[0] == ""  # nothing is left to do


def test_a_dry_run_says_all_and_does_nothing(pair: Pair) -> None:
    pair.begin(SOURCE, TARGET)
    steps = sorted(pair.sync("--delete", "--dry-run")[0].splitlines())
    assert steps == [
        "copy a",
        "copy d/b",
        "copy l",
        "copy new/c",
        "delete d/x",
        "delete gone",
        "delete gone/y",
        "delete gone/y/z",
    ]
    assert pair.result() == TARGET


def test_a_dry_run_makes_no_target(pair: Pair, fs: Mount) -> None:
    pair.begin(SOURCE, {})
    if pair._to_server:
        fs.rmtree("t")
    else:
        pair.target.rmdir()
    assert len(pair.sync("--delete", "-n")[0].splitlines()) == 4
    assert not (fs.exists("t") if pair._to_server else pair.target.exists())


def test_what_is_excluded_stays_on_both_sides(pair: Pair) -> None:
    source = {"a.o": "1", "a": "1", "d/": "", "d/b.o": "1", "cache/": "", "cache/c": "1"}
    target = {"x.o": "2", "old/": "", "old/y.o": "2", "old/z": "2", "d/": "", "d/keep": "2"}
    pair.begin(source, target)
    pair.sync("--delete", "--exclude", "*.o", "--exclude", "cache/", "--exclude", "/d/keep")
    expected = {"a": "1", "d/": "", "d/keep": "2", "old/": "", "old/y.o": "2", "x.o": "2"}
    assert pair.result() == expected


def test_a_failure_keeps_everything_from_being_removed(pair: Pair) -> None:
    # A directory of the target is not replaced by a file: that fails.
    pair.begin({"a": "1", "b": "1"}, {"a/": "", "x": "2"})
    assert "1 name could not be copied or removed" in pair.sync("--delete", status=1)[1]
    assert pair.result() == {"a/": "", "b": "1", "x": "2"}


def test_links_are_removed_and_not_followed(pair: Pair, tmp_path: Path, fs: Mount) -> None:
    outside = tmp_path / "outside"
    fill(outside, {"precious": "1"})
    fs.makedirs("outside", exist_ok=True)
    fs.write_bytes("outside/precious", b"1")
    leads = "->../outside"
    pair.begin({"d/": "", "d/precious": "2"}, {"l": leads, "x/": "", "x/l": f"->../{leads[2:]}"})
    pair.sync("--delete")
    assert pair.result() == {"d/": "", "d/precious": "2"}
    assert (outside / "precious").read_text() == "1"
    assert fs.read_bytes("outside/precious") == b"1"


def test_a_link_in_the_place_of_a_directory_is_not_entered(pair: Pair, tmp_path: Path) -> None:
    fill(tmp_path / "outside", {"precious": "1"})
    pair.begin({"d/": "", "d/a": "2"}, {"d": "->../outside", "x": "2"})
    pair.sync("--delete", status=1)
    assert tree_of(tmp_path / "outside") == {"precious": "1"}
    assert pair.result()["x"] == "2"


def test_unfinished_files_of_other_copies_stay(pair: Pair) -> None:
    one, two = (temporary_name(Random(seed)).decode() for seed in (1, 2))
    pair.begin({"a": "1"}, {})
    if pair._to_server:
        pair._fs.mkdir("t/x")
        pair._fs.write_bytes(f"t/{one}", b"2")
        pair._fs.write_bytes(f"t/x/{two}", b"2")
        pair.sync("--delete")
        assert sorted(pair._fs.listdir("t")) == sorted([one, "a", "x"])
        assert pair._fs.listdir("t/x") == [two]
    else:
        fill(pair.target, {one: "2", "x/": "", f"x/{two}": "2"})
        pair.sync("--delete")
        assert pair.result() == {one: "2", "a": "1", "x/": "", f"x/{two}": "2"}


def test_contents_are_compared_if_that_is_asked_for(pair: Pair) -> None:
    pair.begin({"a": "one", "b": "x" * 3_000_000}, {"a": "two", "b": "x" * 3_000_000})
    for top in (pair.source, pair.target):
        os.utime(top / "a", ns=(10**18, 10**18))
    pair._fs.utime("t/a", ns=(10**18, 10**18))
    if pair._to_server:
        pair._fs.utime("t/b", ns=(10**18, 10**18))
    else:
        os.utime(pair.target / "b", ns=(10**18, 10**18))
    assert pair.sync("-n")[0] == "copy b\n"  # by time
    assert pair.sync("-n", "--checksum")[0] == "copy a\n"
    pair.sync("--checksum")
    assert pair.result()["a"] == "one"


def test_wrong_usage(run: Sync, tmp_path: Path, server: LiveServer) -> None:
    here = str(tmp_path)
    assert "is a URL" in run("sync", here, here, status=2)[1]
    assert "is a URL" in run("sync", server.url, server.url, status=2)[1]
    assert "empty pattern" in run("sync", "--exclude", "/", here, server.url, status=2)[1]
    assert "no such file" in run("sync", "--delete", f"{here}/none", server.url, status=1)[1]


def test_patterns_of_exclusions() -> None:
    some = Exclusions(["*.o", "d/e*", "/top", "cache/"])
    for names, is_directory, fits in (
        (["a.o"], False, True),
        (["x", "a.o"], True, True),
        (["d", "ef"], False, True),
        (["x", "d", "ef"], False, False),
        (["top"], False, True),
        (["x", "top"], False, False),
        (["x", "cache"], True, True),
        (["cache"], False, False),
    ):
        assert some.fit(names, is_directory) is fits
    with pytest.raises(ValueError, match="no pattern"):
        Exclusions(["//"])

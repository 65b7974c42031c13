"""Several sources, patterns of names, and one sum for all, at the prompt."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

from nfsrdma.cli import main
from nfsrdma.client import NfsError
from nfsrdma.client.entries import DirEntry

Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    server = LiveServer()
    yield server
    server.stop()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; return standard output and standard error."""

    def run(*arguments: str | Path, status: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["nfsrdma", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        assert (caught.value.code, "Traceback" in err) == (status, False), err
        return out, err

    return run


@pytest.fixture
def url(server: LiveServer, run: Run) -> Iterator[str]:
    url = f"{server.url.rstrip('/')}/t"
    run("mkdir", url)
    yield url
    run("rm", "-rf", url)


@pytest.fixture
def files(tmp_path: Path, url: str, run: Run) -> Path:
    """Files here, and the same at the server in ``url/d``."""
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "c.txt", ".h.csv", "sub/deep"):
        (here / name).write_text(name)
    run("put", "-r", here, f"{url}/d")
    return here


def test_several_go_into_a_directory(files: Path, url: str, run: Run, tmp_path: Path) -> None:
    run("mkdir", f"{url}/e")
    run("put", "-r", files / "a.csv", files / "sub", files / "c.txt", f"{url}/e")
    assert run("ls", "-R", f"{url}/e")[0] == "/t/e:\na.csv\nc.txt\nsub\n\n/t/e/sub:\ndeep\n"
    there = tmp_path / "there"
    there.mkdir()
    run("get", "-r", f"{url}/e/a.csv", f"{url}/e/sub", there)
    assert (there / "a.csv").read_text() == "a.csv"
    assert (there / "sub/deep").read_text() == "sub/deep"
    run("cp", f"{url}/d/b.csv", f"{url}/d/c.txt", "t/e/sub")
    run("mv", f"{url}/e/a.csv", f"{url}/e/c.txt", f"{url}/e/sub")
    assert run("ls", f"{url}/e")[0] == "sub\n"
    assert run("ls", f"{url}/e/sub")[0] == "a.csv\nb.csv\nc.txt\ndeep\n"


def test_several_without_a_local_name_come_here(
    files: Path, url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    run("get", f"{url}/d/a.csv", f"{url}/d/c.txt")
    assert sorted(os.listdir()) == ["a.csv", "c.txt"]


def test_several_need_a_directory_and_names_of_their_own(
    files: Path, url: str, run: Run, tmp_path: Path
) -> None:
    two = (files / "a.csv", files / "b.csv")
    assert "no directory, as several" in run("put", *two, f"{url}/none", status=1)[1]
    assert "no directory, as several" in run("put", *two, f"{url}/d/a.csv", status=1)[1]
    assert "no directory" in run("mv", f"{url}/d/*.csv", f"{url}/d/c.txt", status=1)[1]
    assert run("cat", f"{url}/d/c.txt")[0] == "c.txt"
    assert "no directory" in run("get", f"{url}/d/*.csv", tmp_path / "none", status=2)[1]
    assert "the same name" in run("put", files / "a.csv", files / "a.csv", f"{url}/d", status=1)[1]
    run("cp", f"{url}/d/c.txt", f"{url}/d/sub")
    again = (f"{url}/d/c.txt", f"{url}/d/sub/c.txt")
    assert "the same name" in run("get", *again, tmp_path, status=2)[1]
    run("mkdir", f"{url}/e")
    assert "two of the same name" in run("mv", *again, f"{url}/e", status=1)[1]
    assert run("ls", f"{url}/d/sub")[0] == "c.txt\ndeep\n"
    assert "no URL" in run("get", tmp_path, status=2)[1]
    assert "another server" in run("cp", url, "nfs+tcp://elsewhere/x", "t/e", status=2)[1]


def test_one_that_fails_does_not_keep_the_others(
    files: Path, url: str, run: Run, tmp_path: Path
) -> None:
    err = run("put", files / "none", files / "a.csv", url, status=1)[1]
    assert err.count("\n") == 1
    assert "none" in err
    assert run("cat", f"{url}/a.csv")[0] == "a.csv"
    err = run("get", f"{url}/none", f"{url}/d", f"{url}/d/b.csv", tmp_path, status=1)[1]
    assert [line.rpartition(": ")[2] for line in err.splitlines()] == [
        "no such file or directory",
        "a directory, and the copy is not recursive",
    ]
    assert (tmp_path / "b.csv").read_text() == "b.csv"


def test_patterns(files: Path, url: str, run: Run, tmp_path: Path) -> None:
    assert run("cat", f"{url}/d/*.csv")[0] == "a.csvb.csv"
    assert run("cat", f"{url}/d/[ac].*")[0] == "a.csvc.txt"
    assert run("cat", f"{url}/d/.*.csv")[0] == ".h.csv"
    assert run("ls", f"{url}/*/s*")[0] == "/t/d/sub:\ndeep\n"
    assert run("stat", f"{url}/d/*.csv")[0].count("file:") == 2
    assert run("du", "-s", f"{url}/d/*")[0].count("/t/d/") == 4
    run("get", f"{url}/d/*.csv", tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["a.csv", "b.csv"]
    run("mkdir", f"{url}/e")
    run("cp", f"{url}/d/*.csv", f"{url}/e")
    run("mv", f"{url}/d/?.txt".replace("?", "[c]"), f"{url}/e")
    assert run("ls", f"{url}/e")[0] == "a.csv\nb.csv\nc.txt\n"
    assert "no such file" in run("rm", f"{url}/e/x*", status=1)[1]
    run("rm", "-f", f"{url}/e/x*")
    run("rm", f"{url}/e/*.csv")
    assert run("ls", f"{url}/e")[0] == "c.txt\n"


def test_a_name_with_stars_is_itself(files: Path, url: str, run: Run) -> None:
    for name in ("*.csv", "[x]"):
        (files / name).write_text("it")
        run("put", files / name, f"{url}/d/{name}")
        run("rm", f"{url}/d/{name}")
        assert run("ls", "-a", f"{url}/d")[0] == ".h.csv\na.csv\nb.csv\nc.txt\nsub\n"
    # What is percent-encoded means itself.
    assert "no such file" in run("rm", f"{url}/d/%2A.csv", status=1)[1]
    assert "no such file" in run("rm", f"{url}/d/%2A.c[s]v", status=1)[1]
    run("mkdir", f"{url}/n*")
    assert run("ls", url)[0] == "d\nn*\n"


def test_one_sum_for_all(
    files: Path, url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nfsrdma.cli.copy._interactive", lambda: True)
    err = run("get", f"{url}/d/*.csv", f"{url}/none", f"{url}/d/c.txt", tmp_path, status=1)[1]
    assert err.count(" in ") == 1
    assert "3 files, 15 B in" in err
    err = run("get", "--resume", f"{url}/d/*.csv", f"{url}/d/sub", tmp_path, status=1)[1]
    assert "2 files, 10 B in" in err
    assert "2 there already, 1 failed" in err


def test_what_comes_from_a_pipe_has_the_mode_of_the_umask(
    url: str, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("secret")
    for mask, mode in ((0o077, "0600"), (0o002, "0664")):
        with (tmp_path / "in").open() as source:
            monkeypatch.setattr(sys, "stdin", source)
            before = os.umask(mask)
            try:
                run("put", "-", f"{url}/f")
            finally:
                assert os.umask(before) == mask
        assert json.loads(run("ls", "--json", f"{url}/f")[0])["mode"] == mode


def test_trees_of_files_and_the_top_of_listings(files: Path, url: str, run: Run) -> None:
    assert run("tree", f"{url}/d/a.csv")[0] == "/t/d/a.csv\n\n0 directories, 1 file\n"
    assert "no such file" in run("tree", f"{url}/none", status=1)[1]
    rows = [json.loads(line) for line in run("ls", "-R", "--json", f"{url}/d/sub")[0].splitlines()]
    assert [(row["path"], row["type"]) for row in rows] == [
        ("/t/d/sub", "d"),
        ("/t/d/sub/deep", "f"),
    ]


def test_du_says_what_it_could_not_count(
    files: Path, url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = DirEntry.stat

    def unknown(entry: DirEntry) -> object:
        if entry.name == "a.csv":
            raise NfsError(5, "input/output error", entry.path)
        return stat(entry)

    monkeypatch.setattr(DirEntry, "stat", unknown)
    err = run("du", f"{url}/d", status=1)[1]
    assert err.count("\n") == 1
    assert "/t/d/a.csv: input/output error" in err

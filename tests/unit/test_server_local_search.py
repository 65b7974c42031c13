"""The local back end's handles for ordinary users: files are searched for by their inode."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.support.local_files import Seconds, descriptors, fails

from nfsrdma.server.vfs import handles, search
from nfsrdma.server.vfs.interface import ROOT
from nfsrdma.server.vfs.local import LocalFileSystem


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "export"
    root.mkdir()
    return root


@pytest.fixture
def by_inode(tree: Path) -> Iterator[LocalFileSystem]:
    # With time to search at each look.
    opened = LocalFileSystem(tree, kernel_handles=False, clock=count().__next__)
    yield opened
    opened.close()


def test_search_finds_what_no_hint_leads_to(by_inode: LocalFileSystem, tree: Path) -> None:
    deep = tree / "1" / "2" / "3"
    deep.mkdir(parents=True)
    (deep / "f").write_text("x")
    walk = by_inode.root
    for name in (b"1", b"2", b"3", b"f"):
        walk = by_inode.lookup(walk, name, ROOT)
    other = LocalFileSystem(tree, kernel_handles=False)
    assert other.attributes(other.node(walk.identity)).size == 1
    other.close()


def test_search_that_failed_is_not_repeated(
    by_inode: LocalFileSystem, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "f").write_text("x")
    node = by_inode.lookup(by_inode.root, b"f", ROOT)
    (tree / "f").unlink()
    by_inode.nodes.trim()
    fails(errno.ESTALE, by_inode.node, node.identity)
    monkeypatch.setattr(search.Search, "go_on", lambda *_: pytest.fail("searched again"))
    fails(errno.ESTALE, by_inode.node, node.identity)


def test_hints_and_misses_are_bounded(
    by_inode: LocalFileSystem, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handles, "_HINTS", 8)
    monkeypatch.setattr(handles, "_MISSES", 4)
    for number in range(20):
        (tree / f"{number}").mkdir()
        by_inode.lookup(by_inode.root, b"%d" % number, ROOT)
        fails(errno.ESTALE, by_inode.node, handles._INODE.pack(b"I", 1 << 60 | number, 0))
    assert isinstance(by_inode._handles, handles.InodeHandles)
    assert len(by_inode._handles._hints) <= 8
    assert len(by_inode._handles._misses) <= 4


@pytest.fixture
def wide(tree: Path) -> tuple[Path, int]:
    """Some thousand files and directories; a number that none of them has."""
    for number in range(40):
        (tree / f"{number}" / "below").mkdir(parents=True)
        for name in range(100):
            (tree / f"{number}" / "below" / f"{name}").write_bytes(b"")
    return tree, 1 << 60


def portions(fs: LocalFileSystem, identity: bytes, clock: Seconds) -> tuple[int, int]:
    """Ask until there is an answer: how many times that took, and with which error."""
    for times in range(1, 1000):
        try:
            fs.node(identity)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                return times, error.errno or 0
        else:
            return times, 0
        clock.now += 1
    pytest.fail("no answer")


def test_search_is_done_in_portions(
    wide: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "PORTION", 300)
    tree, absent = wide
    clock = Seconds()
    fs = LocalFileSystem(tree, kernel_handles=False, clock=clock)
    looked: list[int] = []
    real = search.Search._step

    def counting(self: search.Search) -> int:
        spent = real(self)
        looked[-1] += spent
        return spent

    monkeypatch.setattr(search.Search, "_step", counting)
    go_on = search.Search.go_on
    monkeypatch.setattr(search.Search, "go_on", lambda self: looked.append(0) or go_on(self))
    before = descriptors()
    times, code = portions(fs, handles._INODE.pack(b"I", absent, 0), clock)
    assert code == errno.ESTALE
    assert times > 10
    assert max(looked) < 300 + 200  # the last buffer read goes past the mark
    assert descriptors() <= before + 1
    fs.close()


def test_one_walk_serves_all_who_ask(wide: tuple[Path, int]) -> None:
    tree, absent = wide
    fs = LocalFileSystem(tree, kernel_handles=False)
    nodes = []
    for number in range(40):
        below = fs.lookup(fs.lookup(fs.root, b"%d" % number, ROOT), b"below", ROOT)
        nodes.append(fs.lookup(below, b"7", ROOT))
    fs.close()
    clock = Seconds()
    fs = LocalFileSystem(tree, kernel_handles=False, clock=clock)
    gone = [handles._INODE.pack(b"I", absent | number, 0) for number in range(40)]
    asked = 0
    waiting = {node.identity for node in nodes} | set(gone)
    while waiting:
        for identity in list(waiting):
            asked += 1
            try:
                fs.node(identity)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    continue
                assert identity in gone
            else:
                assert identity not in gone
            waiting.remove(identity)
        clock.now += 1
    # A walk costs some 11,000, a portion is 4,096; the next one is only for who asked late.
    assert clock.now < 115
    fs.close()


def test_whoever_asks_often_gets_no_more_of_the_time(wide: tuple[Path, int]) -> None:
    tree, absent = wide
    clock = Seconds()
    fs = LocalFileSystem(tree, kernel_handles=False, clock=clock)
    assert isinstance(fs._handles, handles.InodeHandles)
    for number in range(2000):
        fails((errno.EAGAIN, errno.ESTALE), fs.node, handles._INODE.pack(b"I", absent | number, 0))
    # No time has passed: what may be done at once is done, and no more.
    assert fs._handles._search._allowed <= 0
    fs.close()


def test_handles_without_hints_lead_deep(tmp_path: Path) -> None:
    tmp_path.joinpath(*["d"] * 700).mkdir(parents=True)
    fs = LocalFileSystem(tmp_path, kernel_handles=False)
    node = fs.root
    for _ in range(700):
        node = fs.lookup(node, b"d", ROOT)
    fs.nodes.trim()
    assert fs.node(node.identity).fileid == node.fileid
    fs.close()
    clock = Seconds()
    fs = LocalFileSystem(tmp_path, kernel_handles=False, clock=clock)
    times, code = portions(fs, node.identity, clock)
    assert (code, times > 1) == (0, True)
    fs.close()

"""Descriptors: one budget for all exports, from the limit there is; who runs short goes on."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.support.nfs import (
    PUTROOTFH,
    Peer,
    getattr_,
    lookup,
    make_server,
    open_,
    readdir,
)

from nfsrdma.server.vfs.descriptors import IN_USE, Budget
from nfsrdma.server.vfs.export import Export
from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, OpenFile
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t

FILES = 300


def tree(path: Path, files: int = FILES) -> Path:
    path.mkdir()
    for number in range(files):
        (path / f"{number}").write_bytes(b"x")
    return path


def count() -> int:
    return len(os.listdir("/proc/self/fd"))


@contextmanager
def room_for(descriptors: int) -> Iterator[None]:
    """The process can open so many more, and then no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd"))) + 1 + descriptors
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    holes = []
    with suppress(OSError):
        while True:
            holes.append(os.dup(0))
    for _ in range(descriptors):
        os.close(holes.pop())
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in holes:
            os.close(fd)


def look_at_all(fs: LocalFileSystem, files: int = FILES) -> None:
    for number in range(files):
        fs.lookup(fs.root, b"%d" % number, ROOT)


def test_exports_share_one_budget(tmp_path: Path) -> None:
    budget = Budget(lambda: 400)
    exports = [LocalFileSystem(tree(tmp_path / f"{n}"), budget=budget) for n in range(4)]
    before = count()
    for fs in exports:
        look_at_all(fs)
    assert budget.kept <= 100
    assert count() - before <= 100
    # Whoever comes last takes from who has most, and nobody is left with nothing.
    shares = [len(fs.nodes._cache) for fs in exports]
    assert min(shares) >= IN_USE
    assert max(shares) <= 3 * min(shares)
    for fs in exports:
        fs.close()
    assert (budget.kept, budget.held) == (0, 0)


def test_open_files_count(tmp_path: Path) -> None:
    budget = Budget(lambda: 200)
    fs = LocalFileSystem(tree(tmp_path / "e"), budget=budget)
    look_at_all(fs)
    assert budget.kept == 50
    files: list[OpenFile] = []

    def open_next() -> None:
        name = b"%d" % len(files)
        files.append(fs.open(fs.lookup(fs.root, name, ROOT), ROOT, READ))

    with suppress(OSError):
        while len(files) < FILES:
            open_next()
    with pytest.raises(OSError) as caught:
        open_next()
    assert caught.value.errno == errno.EMFILE
    # Connections have theirs all the same, and looking goes on.
    assert 100 < budget.held == len(files) < 180
    assert budget.kept <= 4 * IN_USE
    look_at_all(fs)
    with pytest.raises(OSError):
        fs.create(fs.root, b"new", ROOT, 0o644, WRITE)
    assert not (tmp_path / "e" / "new").exists()
    for file in files:
        file.close()
    assert budget.held == 0
    fs.create(fs.root, b"new", ROOT, 0o644, WRITE)[1].close()
    fs.close()


def test_without_descriptors_the_caches_give_way(tmp_path: Path) -> None:
    """EMFILE, though the limit said that there would be room: others took it."""
    budget = Budget(lambda: 1 << 20)
    fs = LocalFileSystem(tree(tmp_path / "e"), budget=budget)
    session = Peer(make_server(fs=fs)).session()
    with room_for(30):
        before = count()
        for number in range(FILES):
            session.ok(PUTROOTFH, lookup(b"%d" % number), getattr_(t.FATTR4_SIZE))
        session.ok(PUTROOTFH, readdir(numbers=(t.FATTR4_SIZE,)))
        session.create(b"new", b"data")
        assert count() - before <= 30 < FILES
    fs.nodes.trim()
    look_at_all(fs)
    assert budget.kept > FILES
    fs.close()


def test_what_cannot_be_had_is_delay_and_comes_back(tmp_path: Path) -> None:
    budget = Budget(lambda: 1 << 20)
    fs = LocalFileSystem(tree(tmp_path / "e"), budget=budget)
    session = Peer(make_server(fs=fs)).session()
    session.ok(PUTROOTFH, readdir())
    with room_for(0):
        session.fails(t.NFS4ERR_DELAY, PUTROOTFH, open_(b"1", access=1))
        session.fails(t.NFS4ERR_DELAY, PUTROOTFH, open_(b"new", create=t.UNCHECKED4))
        session.fails(t.NFS4ERR_DELAY, PUTROOTFH, lookup(b"2"))
        session.ok(PUTROOTFH, getattr_(t.FATTR4_SIZE))
    assert not (tmp_path / "e" / "new").exists()
    session.ok(PUTROOTFH, lookup(b"2"))
    session.ok(PUTROOTFH, open_(b"new", create=t.UNCHECKED4))
    fs.close()


@pytest.mark.parametrize("kernel", [None, False])
def test_a_handle_is_not_stale_for_want_of_descriptors(tmp_path: Path, kernel: bool | None) -> None:
    fs = LocalFileSystem(tree(tmp_path / "e", 3), kernel_handles=kernel, budget=Budget())
    (tmp_path / "e" / "d").mkdir()
    nodes = [fs.lookup(fs.root, name, ROOT) for name in (b"d", b"1")]
    fs.nodes.trim()
    with room_for(0):
        for node in nodes:
            with pytest.raises(OSError) as caught:
                fs.node(node.identity)
            assert caught.value.errno in (errno.EMFILE, errno.EAGAIN)
    for node in nodes:
        assert fs.node(node.identity).fileid == node.fileid
    fs.close()


def test_an_open_file_takes_one_and_stays_usable_unlinked(tmp_path: Path) -> None:
    fs = LocalFileSystem(tree(tmp_path / "e", 1), budget=Budget())
    node = fs.lookup(fs.root, b"0", ROOT)
    fs.nodes.trim()
    before = count()
    first, second = fs.open(node, ROOT, READ), fs.open(node, ROOT, WRITE)
    fs.nodes.trim()
    assert count() == before + 2
    fs.remove(fs.root, b"0", ROOT)
    fs.nodes.trim()
    assert fs.attributes(node).nlink == 0
    first.close()
    assert fs.attributes(node).nlink == 0
    second.close()
    with pytest.raises(OSError) as caught:
        fs.attributes(node)
    assert caught.value.errno == errno.ESTALE
    fs.close()


def test_every_export_of_a_server_answers_when_there_are_many(tmp_path: Path) -> None:
    budget = Budget(lambda: 64)
    exports = [
        Export(f"e{n}", LocalFileSystem(tree(tmp_path / f"{n}", 20), budget=budget))
        for n in range(12)
    ]
    session = Peer(make_server(*exports)).session()
    for number in range(20):
        for export in exports:
            session.ok(PUTROOTFH, lookup(export.name.encode()), lookup(b"%d" % number))
    assert budget.kept <= IN_USE * 12
    for export in exports:
        export.fs.close()

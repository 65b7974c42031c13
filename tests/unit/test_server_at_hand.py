"""Attributes of what is at hand, natively and in Python: the same, and the same left behind."""

from __future__ import annotations

import os
import random
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs import local
from nfsrdma.server.vfs.entries import at_hand_in_python
from nfsrdma.server.vfs.interface import ROOT, Attributes, Node
from nfsrdma.server.vfs.local import LocalFileSystem

try:
    from nfsrdma.server.vfs import _entries
except ImportError:
    pytest.skip("the native module is not built, or switched off", allow_module_level=True)

FIELDS = sorted(Attributes.__slots__)


def fill(folder: Path) -> list[str]:
    """Make one of each kind that can be made here; return their names."""
    (folder / "file").write_bytes(b"12345")
    (folder / "file").chmod(0o6751)
    (folder / "sparse").touch()
    os.truncate(folder / "sparse", 1 << 40)
    os.utime(folder / "sparse", ns=(-5, 1 << 61))
    os.link(folder / "file", folder / "again")
    (folder / "link").symlink_to("file")
    (folder / "directory").mkdir()
    os.mkfifo(folder / "fifo")
    os.utime(folder / "fifo", ns=(10**19 + 1, 15 * 10**18 + 7))  # more than 64 bits have
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
    names = ["file", "sparse", "again", "link", "directory", "fifo", "socket"]
    if os.geteuid() == 0:
        os.mknod(folder / "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.chown(folder / "fifo", (1 << 32) - 3, 7)
        names.append("device")
    return names


def done(value: Any) -> Any:
    return value.result() if isinstance(value, Future) else value


def both(fs: LocalFileSystem, node: Node, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what either says of a node, and the order of the cache behind it."""
    outcomes: list[object] = []
    for function in (at_hand_in_python, _entries.at_hand):
        with monkeypatch.context() as patched:
            patched.setattr(local, "at_hand", function)
            try:
                found = fs.attributes_at_once(node)
            except OSError as error:
                outcomes.append(error.errno)
                continue
        shown = None if found is None else [getattr(found, name) for name in FIELDS]
        outcomes.append((shown, list(fs._cache._kept), list(fs.stamps._stamps.items())))
    return outcomes


@pytest.fixture
def fs(tmp_path: Path) -> Any:
    made = LocalFileSystem(tmp_path)
    yield made
    made.close()


def test_same_of_every_kind(
    fs: LocalFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(1)
    names = fill(tmp_path)
    nodes = [done(fs.lookup(fs.root, name.encode(), ROOT)) for name in names]
    simple = 0
    for _ in range(200):
        node = rng.choice(nodes)
        if not rng.randrange(4):
            fs.stamps.begin(node.identity, os.stat(tmp_path / names[nodes.index(node)]))
        if not rng.randrange(8):
            os.utime(tmp_path / "file")
        in_python, natively = both(fs, node, monkeypatch)
        assert in_python == natively
        found = _entries.at_hand(fs._cache, fs.stamps, node, Attributes)
        assert (found is None) == (node.type == stat.S_IFDIR)
        simple += found is not None
    assert simple > 100


def test_what_is_open_is_at_hand(
    fs: LocalFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"1")
    node = done(fs.lookup(fs.root, b"file", ROOT))
    fd = os.open(tmp_path / "file", os.O_PATH)
    fs._cache.drop(node.identity)
    assert _entries.at_hand(fs._cache, fs.stamps, node, Attributes) is None
    fs._cache.pinned[node.identity] = [fd]
    in_python, natively = both(fs, node, monkeypatch)
    assert in_python == natively
    found = _entries.at_hand(fs._cache, fs.stamps, node, Attributes)
    assert found is not None
    assert found.size == 1
    del fs._cache.pinned[node.identity]
    os.close(fd)


def test_what_is_gone_is_for_python(
    fs: LocalFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    node = done(fs.lookup(fs.root, b"file", ROOT))
    (tmp_path / "file").unlink()
    assert _entries.at_hand(fs._cache, fs.stamps, node, Attributes) is None
    with pytest.raises(OSError, match="Stale"):
        fs.attributes_at_once(node)


def test_what_is_no_node_is_an_error(fs: LocalFileSystem) -> None:
    made: Any = object()
    with pytest.raises(AttributeError):
        _entries.at_hand(fs._cache, fs.stamps, made, Attributes)
    with pytest.raises(TypeError):
        _entries.at_hand(fs._cache, fs.stamps, fs.root, made)

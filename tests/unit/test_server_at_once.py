"""What is read of an open file at once, natively and in Python: the same, or refused alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs.entries import FILE_METHODS
from nfsrdma.server.vfs.interface import ROOT
from nfsrdma.server.vfs.limits import MAX_OFFSET
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.local_file import LocalFile

if not FILE_METHODS:
    pytest.skip("the native module is not built, or switched off", allow_module_level=True)

SIZE = 70_000


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LocalFile]:
    (tmp_path / "file").write_bytes(Random(1).randbytes(SIZE))
    fs = LocalFileSystem(tmp_path)
    node: Any = fs.lookup(fs.root, b"file", ROOT)
    if isinstance(node, Future):
        node = node.result()
    opened = LocalFile(fs, node, ROOT, os.open(tmp_path / "file", os.O_RDWR))
    yield opened
    if not opened._closed:
        opened.close()
    fs.close()


def outcome(read: Any, *args: Any) -> object:
    try:
        return read(*args)
    except (OSError, TypeError, ValueError, BufferError, OverflowError) as error:
        return getattr(error, "errno", None) or type(error)


def both(file: LocalFile, offset: int, length: int) -> object:
    """Read by either; return what it came to, which is the same."""
    one, other = (memoryview(bytearray(b"." * length)) for _ in range(2))
    natively = outcome(file.read_at_once, offset, one)
    assert natively == outcome(file.read_in_python, offset, other)
    assert one == other
    assert file.size_at_once() == file.size_in_python()
    return natively


@pytest.mark.parametrize(("blocks", "cached"), [(False, False), (True, True), (True, False)])
def test_same_as_in_python(file: LocalFile, blocks: bool, cached: bool) -> None:
    rng = Random(2)
    file._pace.blocks, file._pace.has_cached_reads = blocks, cached
    for _ in range(300):
        offset = rng.choice(
            (0, SIZE - 1, SIZE, rng.randrange(2 * SIZE), MAX_OFFSET - 3, MAX_OFFSET)
        )
        length = rng.choice((0, 1, 4096, rng.randrange(SIZE)))
        both(file, offset, length)
    assert both(file, (1 << 64) - 1, 8) == both(file, (1 << 64) - 1, 1)


def test_what_is_busy_or_closed_is_for_python(file: LocalFile) -> None:
    file._busy.add(b"another")  # type: ignore[attr-defined]
    assert both(file, 0, 8) == 8
    file._busy.add(file._node.identity)  # type: ignore[attr-defined]
    assert both(file, 0, 8) == 11
    file._busy.clear()
    file.close()
    assert both(file, 0, 8) == 9
    assert file.size_at_once() == -1


def test_what_may_block_has_no_size(file: LocalFile) -> None:
    file._pace.any_may_block = True
    assert file.size_at_once() == file.size_in_python() == -1


def test_what_is_no_file_is_an_error(file: LocalFile) -> None:
    read: Any = FILE_METHODS["read_at_once"]
    with pytest.raises(TypeError):
        read(file, 0)
    with pytest.raises(AttributeError):
        read(object(), 0, memoryview(bytearray(1)))
    with pytest.raises(BufferError):
        read(file, 0, b"1")
    with pytest.raises(OverflowError):
        read(file, -1, memoryview(bytearray(1)))
    file._fd, fd = -1, file._fd
    with pytest.raises(ValueError, match="descriptor"):
        read(file, 0, memoryview(bytearray(1)))
    file._fd = fd

"""Every back end that can be written to: contents of files, opens, room."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from tests.support.backends import done, fails, get, put

from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, Advice, Changes
from nfsrdma.server.vfs.memory import CHUNK

pytestmark = pytest.mark.needs("writes")


def test_written_is_read(fs: Any) -> None:
    node = put(fs, b"a", b"hello")
    assert get(fs, node) == b"hello"
    assert get(fs, node, 3) == b"lo"
    assert get(fs, node, 5) == b""
    assert get(fs, node, 1 << 40) == b""


def test_write_across_chunks_and_holes(fs: Any) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o600, READ | WRITE)
    data = bytes(range(256)) * 600
    file.write(CHUNK * 3 - 77, memoryview(data))
    assert file.size() == CHUNK * 3 - 77 + len(data)
    file.close()
    assert get(fs, node, 0, CHUNK) == bytes(CHUNK)
    assert get(fs, node, CHUNK * 3 - 80, len(data) + 3) == b"\0\0\0" + data
    assert fs.attributes(node).space_used < CHUNK * 7


def test_set_size_up_and_down(fs: Any) -> None:
    node = put(fs, b"a", b"hello")
    fs.change(node, ROOT, Changes(size=2))
    fs.change(node, ROOT, Changes(size=4))
    assert get(fs, node) == b"he\0\0"


def test_set_size_beyond_everything(fs: Any) -> None:
    node = put(fs, b"a")
    fails(errno.EFBIG, fs.change, node, ROOT, Changes(size=(1 << 64) - 1))


def test_set_size_of_directory(fs: Any) -> None:
    fails(errno.EISDIR, fs.change, fs.root, ROOT, Changes(size=1))


def test_unlinked_while_open(fs: Any) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o644, READ | WRITE)
    fs.remove(fs.root, b"a", ROOT)
    fs.sweep()
    fs.sweep()
    file.write(0, memoryview(b"still"))
    assert fs.attributes(node).nlink == 0
    assert fs.node(node.identity).identity == node.identity
    buffer = bytearray(5)
    assert file.read(0, memoryview(buffer)) == 5
    assert buffer == b"still"
    file.close()
    fails(errno.ESTALE, lambda: fs.attributes(fs.node(node.identity)))


@pytest.mark.needs("holes")
def test_allocate_deallocate_seek(fs: Any) -> None:
    node, file = fs.create(fs.root, b"a", ROOT, 0o644, READ | WRITE)
    file.write(0, memoryview(b"d" * CHUNK * 2))
    file.allocate(0, CHUNK * 4)
    assert file.size() == CHUNK * 4
    file.deallocate(CHUNK, CHUNK * 3)
    assert file.size() == CHUNK * 4
    assert get(fs, node, CHUNK - 1, 2) == b"d\0"
    assert file.seek(0, hole=True) == CHUNK
    assert file.seek(5, hole=False) == 5
    fails(errno.ENXIO, lambda: file.seek(CHUNK, hole=False))
    fails(errno.ENXIO, lambda: file.seek(CHUNK * 4, hole=True))
    file.write(CHUNK * 3, memoryview(b"x"))
    assert file.seek(CHUNK, hole=False) == CHUNK * 3
    done(file.sync(metadata=True))
    done(file.sync(metadata=False))
    fails(errno.EFBIG, lambda: file.write((1 << 63) - 2, memoryview(b"abc")))
    fails(errno.EFBIG, lambda: file.allocate((1 << 63) - 2, 1 << 20))
    file.close()


@pytest.mark.needs("copies")
def test_copies(fs: Any) -> None:
    data = bytes(range(256)) * 1024
    source = fs.open(put(fs, b"a", data), ROOT, READ)
    node = put(fs, b"b", b"0123456789")
    target = fs.open(node, ROOT, READ | WRITE)
    before = fs.attributes(node).change
    assert target.copy_from(source, 256, 4, 10) == 10
    assert get(fs, node) == b"0123" + data[:10]
    assert fs.attributes(node).change != before
    assert target.copy_from(source, len(data) - 3, 0, 1 << 20) == 3
    assert target.copy_from(source, len(data), 0, 1 << 20) == 0
    done = 0
    while done < len(data):
        step = target.copy_from(source, done, done, 1 << 20)
        assert step > 0
        done += step
    assert get(fs, node, 0, 1 << 20) == data
    fails(errno.EFBIG, target.copy_from, source, 0, fs.max_file_size, 1)
    source.close()
    target.close()


@pytest.mark.needs("statistics")
def test_statistics(fs: Any) -> None:
    room = fs.statistics()
    assert 0 < room.space_available <= room.space_free <= room.space_total
    assert 0 < room.files_available <= room.files_total
    done(fs.sync(fs.root))


def test_many_more_nodes_than_descriptors(fs: Any) -> None:
    made = [put(fs, b"%d" % number, b"%d" % number) for number in range(60)]
    for number, node in enumerate(made):
        assert get(fs, fs.node(node.identity)) == b"%d" % number


@pytest.mark.needs("advice")
def test_advice(fs: Any) -> None:
    file = fs.open(put(fs, b"a", b"data"), ROOT, READ)
    file.advise(0, 0, Advice.SOON)
    file.advise(0, 1 << 40, Advice.RANDOM)
    file.close()

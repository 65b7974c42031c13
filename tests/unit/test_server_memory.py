"""The back end in memory where it differs from others: how much it holds."""

from __future__ import annotations

import errno

from tests.support.backends import fails, put

from nfsrdma.server.vfs.interface import ROOT, WRITE, Changes
from nfsrdma.server.vfs.memory import CHUNK, MemoryFileSystem


def test_capacity() -> None:
    fs = MemoryFileSystem(lambda: 0, capacity=CHUNK * 2, max_files=3)
    node, file = fs.create(fs.root, b"a", ROOT, 0o644, WRITE)
    file.write(0, memoryview(bytes(CHUNK * 2)))
    fails(errno.ENOSPC, lambda: file.write(CHUNK * 2, memoryview(b"x")))
    fails(errno.ENOSPC, lambda: file.allocate(0, 1 << 60))
    fs.change(node, ROOT, Changes(size=0))
    file.write(CHUNK * 9, memoryview(b"x"))
    put(fs, b"b")
    fails(errno.ENOSPC, fs.mkdir, fs.root, b"c", ROOT, 0o755)
    fs.remove(fs.root, b"a", ROOT)
    file.close()
    assert fs.statistics().space_free == CHUNK * 2

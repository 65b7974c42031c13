"""What tests of back ends do over and over, with a back end whose answers are waited for."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.listings import listed

from nfsrdma.server.vfs.interface import READ, ROOT, WRITE, Job, Node, User

ALICE = User(1001, 1001, (2000,))
BOB = User(1002, 1002)


def fails(code: int | tuple[int, ...], call: Callable[..., object], *args: object) -> None:
    with pytest.raises(OSError) as caught:
        call(*args)
    codes = code if isinstance(code, tuple) else (code,)
    assert caught.value.errno in codes, errno.errorcode.get(caught.value.errno or 0)


def done(job: Job | bytes | None) -> None:
    if callable(job):
        job()


def put(fs: Any, name: bytes, data: bytes = b"", who: User = ROOT, mode: int = 0o644) -> Node:
    node, file = fs.create(fs.root, name, who, mode, READ | WRITE)
    if data:
        file.write(0, memoryview(data))
    file.close()
    return node


def get(fs: Any, node: Node, offset: int = 0, size: int = 1 << 16) -> bytes:
    file = fs.open(node, ROOT, READ)
    buffer = bytearray(size)
    count = file.read(offset, memoryview(buffer))
    file.close()
    return bytes(buffer[:count])


def names(fs: Any, directory: Node) -> list[bytes]:
    return [name for _, name in listed(fs, directory)]

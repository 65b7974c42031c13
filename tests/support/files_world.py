"""A client with one file, against a server that restarts, forgets and misbehaves."""

from __future__ import annotations

from typing import Any

from tests.support.nfs_fake import FakeReactor, FakeServer

from nfsrdma.client.file import OpenFile
from nfsrdma.client.filesystem import FileSystem

DATA = bytes(range(256)) * 2000  # 512,000 octets: eight READs of the 64 KiB that are granted


class World:
    """The reactor, the server with its ``file``, and what mounts it."""

    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.server = FakeServer(self.reactor)
        self.node = self.server.add("file", data=DATA)
        self.fs: FileSystem = self.server.mounted()
        self.run = self.reactor.run

    def open(self, mode: str = "r+", path: str = "file") -> OpenFile:
        return self.run(self.fs.open(path, mode))

    def read(self, file: OpenFile, offset: int, size: int) -> bytes:
        buffer = bytearray(size)
        count = self.run(file.read_at(offset, memoryview(buffer)))
        return bytes(buffer[:count])


def written(world: World, data: bytes) -> tuple[OpenFile, Any]:
    """A new file with unstable data in it: an open of it, and the server's node."""
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(data)))
    return file, world.server.root.children[b"new"]

"""An open file of the file system in memory.

Contents are kept in chunks, absent where nothing was ever written.
"""

from __future__ import annotations

import errno
from typing import Final, Protocol

from .interface import Advice, Job, OpenFile
from .memory_node import MemoryNode
from .posix import failure, without_setid

CHUNK: Final = 1 << 16
"""Octets of a chunk."""


class Room(Protocol):
    """What an open file needs of its file system."""

    max_file_size: int

    def charge(self, node: MemoryNode, offset: int, length: int) -> None:
        """Make the chunks under a range long enough to be written; ENOSPC before any is."""

    def punch(self, node: MemoryNode, start: int, end: int) -> None:
        """Forget what lies in ``[start, end)``."""

    def touch(self, node: MemoryNode, modified: bool) -> None:
        """Note that the node changed."""

    def forget_if_dead(self, node: MemoryNode) -> None:
        """Release the node once it has neither names nor opens."""


class MemoryFile(OpenFile):
    """An open file in memory."""

    __slots__ = ("_fs", "_opened")

    def __init__(self, fs: Room, node: MemoryNode) -> None:
        self._fs = fs
        self._opened: MemoryNode | None = node
        node.opens += 1

    @property
    def _node(self) -> MemoryNode:
        if self._opened is None:
            raise failure(errno.EBADF)
        return self._opened

    @property
    def _chunks(self) -> dict[int, bytearray]:
        chunks = self._node.content
        assert isinstance(chunks, dict)
        return chunks

    def read(self, offset: int, into: memoryview) -> int:
        """Read into a buffer."""
        count = max(0, min(len(into), self._node.size - offset))
        done = 0
        while done < count:
            index, start = divmod(offset + done, CHUNK)
            size = min(CHUNK - start, count - done)
            chunk = self._chunks.get(index, b"")
            piece = memoryview(chunk)[start : start + size]
            into[done : done + len(piece)] = piece
            if len(piece) < size:
                into[done + len(piece) : done + size] = bytes(size - len(piece))
            done += size
        return count

    def read_at_once(self, offset: int, into: memoryview) -> int | None:
        """Read what need not be waited for."""
        return self.read(offset, into)

    def write(self, offset: int, data: memoryview) -> None:
        """Write all of the data."""
        end = offset + len(data)
        if end > self._fs.max_file_size:
            raise failure(errno.EFBIG)
        self._fs.charge(self._node, offset, len(data))
        done = 0
        while done < len(data):
            index, start = divmod(offset + done, CHUNK)
            size = min(CHUNK - start, len(data) - done)
            chunk = self._chunks[index]
            chunk[start : start + size] = data[done : done + size]
            done += size
        node = self._node
        node.size = max(node.size, end)
        node.mode = without_setid(node.mode)
        self._fs.touch(node, modified=True)

    def write_at_once(self, offset: int, data: memoryview) -> bool:
        """Write what need not be waited for."""
        self.write(offset, data)
        return True

    def sync(self, metadata: bool) -> Job | None:
        """Return the job that makes the file durable."""
        return None

    def allocate(self, offset: int, length: int) -> Job | None:
        """Reserve room."""
        if offset + length > self._fs.max_file_size:
            raise failure(errno.EFBIG)
        self._fs.charge(self._node, offset, length)
        self._node.size = max(self._node.size, offset + length)
        self._node.mode = without_setid(self._node.mode)
        self._fs.touch(self._node, modified=True)
        return None

    def deallocate(self, offset: int, length: int) -> Job | None:
        """Make a hole."""
        self._fs.punch(self._node, offset, min(offset + length, self._node.size))
        self._node.mode = without_setid(self._node.mode)
        self._fs.touch(self._node, modified=True)
        return None

    def seek(self, offset: int, hole: bool) -> int:
        """Return where the next hole or data is."""
        if offset >= self._node.size:
            raise failure(errno.ENXIO)
        first = offset // CHUNK
        last = (self._node.size - 1) // CHUNK
        if hole:
            index = first
            while index in self._chunks:
                index += 1
            return min(max(offset, index * CHUNK), self._node.size)
        if first in self._chunks:
            return offset
        following = [index for index in self._chunks if first < index <= last]
        if not following:
            raise failure(errno.ENXIO)
        return min(following) * CHUNK

    def copy_from(self, source: OpenFile, source_offset: int, offset: int, count: int) -> int:
        """Copy from another open file in memory."""
        assert isinstance(source, MemoryFile)
        count = max(0, min(count, source.size() - source_offset))
        piece = memoryview(bytearray(count))
        source.read(source_offset, piece)
        if count:
            self.write(offset, piece)
        return count

    def advise(self, offset: int, length: int, advice: Advice) -> None:
        """Take note of nothing: all of memory is as near as can be."""

    def size(self) -> int:
        """Return the file's size."""
        return self._node.size

    def size_at_once(self) -> int:
        """Return the file's size."""
        return self._node.size

    def close(self) -> None:
        """Release what is held."""
        node, self._opened = self._opened, None
        if node is not None:
            node.opens -= 1
            self._fs.forget_if_dead(node)

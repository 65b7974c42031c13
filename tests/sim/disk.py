"""A memory file system that outlives its server, and forgets what was not made durable."""

from __future__ import annotations

import errno
from collections.abc import Callable
from random import Random
from typing import Any, Final, cast

from tests.support.listings import listed

from nfsrdma.rpcrdma.providers.sim_reactor import SimReactor
from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.vfs.interface import ROOT, FileSystem, Node, OpenFile, Times, User
from nfsrdma.server.vfs.memory import MemoryFile, MemoryFileSystem
from nfsrdma.server.vfs.memory_node import MemoryNode

from .model import File, Link, Path, Tree

BIG = 160
"""Entries of the large directory."""
DEEP = 22
"""Directories above the deepest one, whose path is longer than any inline threshold."""
DEEP_PATH: Path = ("deep", *(chr(ord("a") + level) * 250 for level in range(DEEP)))


class _DiskFile(MemoryFile):
    """An open file. What it writes is in the page cache until ``sync``."""

    __slots__ = ()

    def write(self, offset: int, data: memoryview) -> None:
        disk = self._fs
        assert isinstance(disk, Disk)
        size = self._node.size
        before = bytearray(max(0, min(len(data), size - offset)))
        self.read(offset, memoryview(before))
        super().write(offset, data)
        disk.unsynced.setdefault(self._node.fileid, []).append((offset, bytes(before), size))

    def sync(self, metadata: bool) -> None:
        disk = self._fs
        assert isinstance(disk, Disk)
        disk.unsynced.pop(self._node.fileid, None)

    def undo(self, offset: int, before: bytes, size: int) -> None:
        """Take one write back."""
        assert isinstance(self._fs, Disk)
        self._fs._truncate(self._node, size)
        if before:
            super().write(offset, memoryview(before))


class Disk(MemoryFileSystem):
    """See the module's text. Everything but the contents of files is durable at once."""

    def __init__(self, clock: Callable[[], int], rng: Random) -> None:
        self.unsynced: dict[int, list[tuple[int, bytes, int]]] = {}
        """What to write back where, and how long the file was, by file, in order."""
        self._rng = rng
        super().__init__(clock)
        self.face: FileSystem = self
        """What is exported."""
        self.under_way = 0
        """Calls that are not answered yet."""

    def open(self, node: Node, who: User, access: int, *, override: bool = False) -> MemoryFile:
        super().open(node, who, access, override=override).close()
        assert isinstance(node, MemoryNode)
        return _DiskFile(self, node)

    def create(
        self,
        directory: Node,
        name: bytes,
        who: User,
        mode: int,
        access: int,
        times: Times | None = None,
    ) -> tuple[MemoryNode, MemoryFile]:
        node, file = super().create(directory, name, who, mode, access, times)
        made = _DiskFile(self, node)
        file.close()
        return node, made

    def close(self) -> None:
        """The server's, not ours."""

    def crash(self) -> None:
        """Lose, of some files, all that was not synced."""
        unsynced, self.unsynced = self.unsynced, {}
        for fileid, writes in unsynced.items():
            node = self._nodes.get(fileid)
            if node is None or self._rng.random() < 0.3:
                continue
            file = _DiskFile(self, node)
            for offset, before, size in reversed(writes):
                file.undo(offset, before, size)
            file.close()

    def _truncate(self, node: MemoryNode, size: int) -> None:
        self.unsynced.pop(node.fileid, None)
        super()._truncate(node, size)

    # -- for the tests -----------------------------------------------------------------------

    def furnish(self) -> None:
        """Make what is there from the start."""
        root = self.root
        big = self.mkdir(root, b"big", ROOT, 0o755)
        for number in range(BIG):
            _, file = self.create(big, b"%03d" % number + b"x" * (number % 200), ROOT, 0o644, 2)
            file.close()
        self.mkdir(root, b"shared", ROOT, 0o755)
        below = root
        for name in DEEP_PATH:
            below = self.mkdir(below, name.encode(), ROOT, 0o755)

    def tree(self, path: Path) -> Tree:
        """What is at ``path``, as the model has it."""
        node = self.root
        for name in path:
            node = self.lookup(node, name.encode(), ROOT)
        files: dict[int, File] = {}
        read: Tree = self._read(node, files)
        return read

    def _read(self, node: MemoryNode, files: dict[int, File]) -> Any:
        if node.is_directory:
            return {
                name.decode(): self._read(self.lookup(node, name, ROOT), files)
                for _, name in listed(self, node)
            }
        if node.is_symlink:
            return Link(self.readlink(node, ROOT).decode())
        if node.fileid not in files:
            data = bytearray(node.size)
            file = MemoryFile(self, node)
            file.read(0, memoryview(data))
            file.close()
            files[node.fileid] = File(bytes(data))
        return files[node.fileid]

    def opens(self) -> int:
        """How many files are open."""
        return sum(node.opens for node in self._nodes.values())


_FILE_SYSTEM: Final = (
    *("node", "attributes", "change", "permitted", "lookup", "parent", "entries", "readlink"),
    *("open", "create", "mkdir", "symlink", "mknod", "link", "remove", "rename", "statistics"),
    *("get_xattr", "set_xattr", "list_xattrs", "remove_xattr"),
)
_FILE: Final = ("read", "write", "allocate", "deallocate", "seek", "size")


class SlowDisk(Disk):
    """A disk whose answers come later, some of the time, in whatever order.

    What is asked for is done at the beginning or at the end of the time that it takes, if there is
    power till then. The server is served by :attr:`face`; the tests look at the disk itself.
    """

    atomic_changes = False

    def __init__(self, clock: Callable[[], int], rng: Random, reactor: SimReactor) -> None:
        super().__init__(clock, rng)
        self._reactor = reactor
        self._times = Random(rng.random())
        self._slowness = self._times.choice((0.05, 0.3, 1.0))
        """The part of the calls that take time."""
        self._failures = 0
        """How often there was no power."""
        self.waited = 0
        """Calls that took time."""
        self.face = cast(FileSystem, _Slowly(self, self, _FILE_SYSTEM))

    def crash(self) -> None:
        self._failures += 1
        super().crash()

    def eventually(self, call: Callable[[], Any]) -> Any:
        """Do something now, or in a while."""
        rng = self._times
        if rng.random() >= self._slowness:
            return self._answer_of(call)
        future: Future[Any] = Future()
        before = rng.random() < 0.5
        answer = _outcome(call) if before else None
        failures = self._failures
        self.under_way += 1
        self.waited += 1

        def arrive() -> None:
            self.under_way -= 1
            outcome = answer
            if outcome is None:
                outcome = _outcome(call) if failures == self._failures else OSError(errno.EIO, "")
            if isinstance(outcome, Exception):
                future.set_error(outcome)
            else:
                future.set_result(self._wrapped(outcome[0]))

        delay = rng.choice((0.0, 1e-5, 1e-3, 0.02, 0.2)) * rng.random()
        self._reactor.call_at(self._reactor.time() + delay, arrive)
        return future

    def _answer_of(self, call: Callable[[], Any]) -> Any:
        return self._wrapped(call())

    def _wrapped(self, result: Any) -> Any:
        """The result, with open files that are as slow."""
        if isinstance(result, OpenFile):
            return _Slowly(self, result, _FILE)
        if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], OpenFile):
            return result[0], _Slowly(self, result[1], _FILE)
        return result


def _outcome(call: Callable[[], Any]) -> tuple[Any] | Exception:
    try:
        return (call(),)
    except OSError as error:
        return error


class _Slowly:
    """A file system or an open file, some methods of which take time."""

    def __init__(self, disk: SlowDisk, behind: object, slow: tuple[str, ...]) -> None:
        self._disk = disk
        self._behind = behind
        self._slow = slow

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        if name not in self._slow:
            return found

        def call(*args: Any, **how: Any) -> Any:
            # A file comes back as what it was given out as.
            args = tuple(a._behind if isinstance(a, _Slowly) else a for a in args)
            return self._disk.eventually(lambda: found(*args, **how))

        return call

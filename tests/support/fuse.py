"""A FUSE file system that blocks where it is told to: read-only, served over /dev/fuse.

The kernel asks it about everything anew each time (all of its answers are valid for no time at
all), so each call to a file may take as long as the test likes. It is served by a process of its
own: who calls such a file system while it holds the interpreter's lock could not be answered by
another thread. ``python -m tests.support.fuse DIRECTORY`` is that process, which is told by lines
on its standard input what to block.
"""

from __future__ import annotations

import ast
import ctypes
import errno
import os
import stat
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOKUP: Final = 1
FORGET: Final = 2
GETATTR: Final = 3
OPEN: Final = 14
READ: Final = 15
STATFS: Final = 17
RELEASE: Final = 18
FLUSH: Final = 25
INIT: Final = 26
OPENDIR: Final = 27
READDIR: Final = 28
RELEASEDIR: Final = 29
BATCH_FORGET: Final = 42
_SILENT: Final = (FORGET, BATCH_FORGET)
_EXPORT_SUPPORT: Final = 1 << 4
_PARALLEL_DIROPS: Final = 1 << 18
_FLAGS: Final = _EXPORT_SUPPORT | _PARALLEL_DIROPS
_MNT_DETACH: Final = 2

_IN = struct.Struct("=IIQQIIIHH")  # length, opcode, unique, node, user, group, process, ...
_OUT = struct.Struct("=IiQ")
_ATTR = struct.Struct("=6Q3I7I")
_DIRENT = struct.Struct("=QQII")

Tree = dict[str, "bytes | Tree"]

_libc = ctypes.CDLL(None, use_errno=True)


class BlockingFuse:
    """``tree``, names and contents, at ``where`` until it is closed. OSError if it cannot be."""

    def __init__(self, where: Path, tree: Tree) -> None:
        self._where = where
        command = [sys.executable, "-m", "tests.support.fuse", str(where)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        if error := self._ask(repr(tree)):
            self._process.wait()
            raise OSError(error)

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        return self._process.stdout.readline().strip()

    def block(self, opcode: int, *path: str) -> None:
        """Leave requests of a kind about an object unanswered from now on."""
        self._ask(f"{opcode} {'/'.join(path)}")

    def blocked(self) -> int:
        """How many requests are unanswered."""
        return int(self._ask("blocked"))

    def release(self) -> None:
        """Answer them, and block no more."""
        self._ask("release")

    def close(self) -> None:
        """Take it away, whoever still uses it."""
        _libc.umount2(os.fsencode(self._where), _MNT_DETACH)
        self._process.kill()
        self._process.communicate()


class Server:
    """Answers the kernel's requests. OSError if it cannot mount anything."""

    def __init__(self, where: str, tree: Tree) -> None:
        self._nodes: list[bytes | Tree] = [b"", tree]  # the root is node 1
        self._names: list[dict[str, int]] = [{}, {}]
        self._add(1)
        self._gates: set[tuple[int, int]] = set()
        self._blocked: list[tuple[int, int, int, bytes]] = []
        self._lock = threading.Lock()
        self._fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        data = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % self._fd
        if _libc.mount(b"blocking", os.fsencode(where), b"fuse.blocking", 0, data) < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        threading.Thread(target=self._serve, daemon=True).start()

    def obey(self, line: str) -> object:
        """Do what the test wants; what to tell it."""
        with self._lock:
            if line == "blocked":
                return len(self._blocked)
            if line == "release":
                blocked, self._blocked = self._blocked, []
                self._gates.clear()
                for request in blocked:
                    self._answer(*request)
                return "released"
            opcode, _, path = line.partition(" ")
            self._gates.add((int(opcode), self._node_of(path)))
            return "blocks"

    def _add(self, node: int) -> None:
        tree = self._nodes[node]
        assert isinstance(tree, dict)
        for name, content in tree.items():
            self._names[node][name] = len(self._nodes)
            self._nodes.append(content)
            self._names.append({})
            if isinstance(content, dict):
                self._add(self._names[node][name])

    def _node_of(self, path: str) -> int:
        node = 1
        for name in path.split("/"):
            node = self._names[node][name]
        return node

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._fd, (1 << 20) + 4096)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                os._exit(0)  # ENODEV: it is not mounted any more.
            _, opcode, unique, node, *_ = _IN.unpack_from(request)
            body = request[_IN.size :]
            with self._lock:
                # What is looked up is what its name stands for.
                about = node
                if opcode == LOOKUP:
                    about = self._names[node].get(body.rstrip(b"\0").decode(), 0)
                if (opcode, about) in self._gates:
                    self._blocked.append((opcode, unique, node, body))
                elif opcode not in _SILENT:
                    self._answer(opcode, unique, node, body)

    def _answer(self, opcode: int, unique: int, node: int, body: bytes) -> None:
        code, answer = 0, b""
        try:
            answer = self._execute(opcode, node, body)
        except OSError as error:
            code = -(error.errno or errno.EIO)
        with suppress(OSError):  # Nobody may wait for it any more.
            os.write(self._fd, _OUT.pack(_OUT.size + len(answer), code, unique) + answer)

    def _execute(self, opcode: int, node: int, body: bytes) -> bytes:
        content = self._nodes[node]
        if opcode == INIT:
            major, minor, readahead, _ = struct.unpack_from("=4I", body)
            limits = struct.pack("=HHIIHH", 64, 48, 1 << 17, 1, 0, 0)
            head = struct.pack("=4I", major, min(minor, 31), readahead, _FLAGS)
            return (head + limits).ljust(64, b"\0")
        if opcode == LOOKUP:
            return self._entry(self._find(node, body.rstrip(b"\0").decode()))
        if opcode == GETATTR:
            return struct.pack("=QII", 0, 0, 0) + self._attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("=QII", 0, 0, 0)
        if opcode == READ:
            assert isinstance(content, bytes)
            _, offset, size = struct.unpack_from("=QQI", body)
            return content[offset : offset + size]
        if opcode == READDIR:
            _, offset, size = struct.unpack_from("=QQI", body)
            return self._list(node, offset, size)
        if opcode == STATFS:
            return struct.pack("=5Q4I24x", 0, 0, 0, len(self._nodes), 0, 4096, 255, 4096, 0)
        if opcode in (RELEASE, RELEASEDIR, FLUSH):
            return b""
        raise OSError(errno.ENOSYS, "not here")

    def _find(self, node: int, name: str) -> int:
        if name == ".":
            return node
        try:
            return self._names[node][name]
        except KeyError:
            raise OSError(errno.ENOENT, name) from None

    def _entry(self, node: int) -> bytes:
        return struct.pack("=4Q2I", node, 0, 0, 0, 0, 0) + self._attributes(node)

    def _attributes(self, node: int) -> bytes:
        content = self._nodes[node]
        directory = isinstance(content, dict)
        mode = stat.S_IFDIR | 0o755 if directory else stat.S_IFREG | 0o644
        size = 4096 if isinstance(content, dict) else len(content)
        times = (1_700_000_000,) * 3
        return _ATTR.pack(node, size, 8, *times, 0, 0, 0, mode, 1 + directory, 0, 0, 0, 4096, 0)

    def _list(self, node: int, offset: int, size: int) -> bytes:
        listed = b""
        for place, (name, number) in enumerate(self._names[node].items(), 1):
            raw = name.encode()
            entry = _DIRENT.pack(number, place, len(raw), 0) + raw
            entry += bytes(-len(entry) % 8)
            if place > offset:
                if len(listed) + len(entry) > size:
                    break
                listed += entry
        return listed


def main() -> None:
    """Serve what the first line says, and obey the others."""
    try:
        server = Server(sys.argv[1], ast.literal_eval(sys.stdin.readline()))
    except OSError as error:
        print(error, flush=True)
        return
    print(flush=True)
    for line in sys.stdin:
        print(server.obey(line.strip()), flush=True)


if __name__ == "__main__":
    main()

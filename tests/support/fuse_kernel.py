"""The kernel's side of FUSE without a kernel: requests made by hand, and paths on top of them.

:class:`FakeKernel` sends requests to a :class:`~nfsrdma.client.fuse.session.Session` and keeps the
lookup counts that the kernel would keep. :class:`FuseFace` has the methods of a ``FileSystem`` that
the simulation's workers call, and does what Linux does for them: it looks names up one by one,
remembers entries for as long as it was told, and checks types before it asks.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Sequence
from typing import Any

from nfsrdma.client.errors import UncertainOutcomeError, make_error
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.fuse.callers import Callers
from nfsrdma.client.fuse.choices import DEFAULT, Choices
from nfsrdma.client.fuse.memory import Memory
from nfsrdma.client.fuse.mounted import Mounted
from nfsrdma.client.fuse.session import Part, Session
from nfsrdma.client.nodes import Lifetimes
from nfsrdma.rpcrdma.task import Cancelled, Future, Reactor

LOOKUP, FORGET, GETATTR, SETATTR, READLINK, SYMLINK, MKNOD, MKDIR, UNLINK = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    9,
    10,
)
RMDIR, RENAME, LINK, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 11, 12, 13, 14, 15, 16, 17, 18, 20
GETXATTR, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, FSYNCDIR = 22, 25, 26, 27, 28, 29, 30
GETLK, SETLK, SETLKW, ACCESS, CREATE, INTERRUPT, DESTROY = 31, 32, 33, 34, 35, 36, 38
BATCH_FORGET, FALLOCATE, READDIRPLUS, RENAME2, LSEEK, COPY_FILE_RANGE = 42, 43, 44, 45, 46, 47
ROOT = 1
ALL_FEATURES = 0xFFFFFFFF

_IN = struct.Struct("=IIQQIIIHH")
_OUT = struct.Struct("=IiQ")
_ATTR = struct.Struct("=6Q10I")


class Attributes:
    """A ``fuse_attr``."""

    def __init__(self, octets: bytes) -> None:
        fields = _ATTR.unpack(octets)
        self.st_ino, self.st_size, self.st_blocks = fields[:3]
        self.mtime = fields[4]
        self.st_mode, self.st_nlink, self.st_uid, self.st_gid, self.rdev = fields[9:14]

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.st_mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.st_mode)

    @property
    def is_symlink(self) -> bool:
        return stat.S_ISLNK(self.st_mode)


class EntryOut:
    """A ``fuse_entry_out``."""

    def __init__(self, octets: bytes) -> None:
        self.node, _, seconds, attr_s, nanoseconds, attr_ns = struct.unpack_from("=4Q2I", octets)
        self.entry_valid = seconds + nanoseconds / 1e9
        self.attributes_valid = attr_s + attr_ns / 1e9
        self.attributes = Attributes(octets[40:128])


class FakeKernel:
    """Sends requests to the session of one mount."""

    def __init__(
        self,
        fs: FileSystem,
        reactor: Reactor,
        lifetimes: Lifetimes | None = None,
        memory: Memory | None = None,
        choices: Choices = DEFAULT,
        users: bool = False,
    ) -> None:
        self.fs = fs
        self.who = (0, 0)
        """The user and the group of the process that asks."""
        self.thread: int | None = None
        """The number of the thread that makes every call; None for another one each time."""
        self.groups: dict[int, tuple[int, ...]] = {}
        """The supplementary groups of processes."""
        self._choices = choices
        self._users = users
        self.reactor = reactor
        self.dying: set[int] = set()
        self.notified: list[int] = []
        """Nodes whose attributes were declared invalid."""
        self.unwanted: list[int] = []
        """Nodes that it was asked to forget if nobody uses them."""
        self.lookups: dict[int, int] = {}
        self._lifetimes = lifetimes
        self._memory = memory
        self._unique = 0
        self._waiting: dict[int, Future[bytes]] = {}

    async def begin(self) -> None:
        """Make the session, and negotiate."""
        self.nodes = self.fs.nodes(self._lifetimes)
        assert (await self.nodes.root()).number == ROOT
        callers = None
        if self._users:
            machine = self.fs.session.credentials.machine
            callers = Callers(self.nodes, machine, self._groups_of, self.reactor.time)
        self.mounted = Mounted(
            self.fs,
            self.nodes,
            self._notified,
            callers=callers,
            shared=self._users,
            choices=self._choices,
            memory=self._memory,
        )
        self.session = Session(self.mounted, self.reactor, self._sent, self.dying.__contains__)
        offered = struct.pack("=5I44x", 7, 45, 1 << 17, ALL_FEATURES, ALL_FEATURES)
        self.agreed = struct.unpack_from("=4IHHIIHHI", await self.call(INIT, 0, offered))

    def _groups_of(self, pid: int, uid: int, gid: int) -> tuple[int, ...]:
        return self.groups.get(pid, ()) if (uid, gid) == self.who else ()

    # -- requests ----------------------------------------------------------------------------

    def request(self, opcode: int, node: int, body: bytes = b"", *, pid: int = 0) -> int:
        """Send a request; return its number."""
        self._unique += 2
        head = _IN.pack(_IN.size + len(body), opcode, self._unique, node, *self.who, pid, 0, 0)
        if opcode not in (FORGET, BATCH_FORGET, INTERRUPT):
            self._waiting[self._unique] = Future()
        unique = self._unique
        if unique & 2:
            buffer = bytearray(head + body)
            self.session.handle(memoryview(buffer))
            buffer[:] = b"\xee" * len(buffer)  # the device reads the next one into it
        else:
            self.session.handle(memoryview(head + body))  # the request may keep it
        return unique

    async def answer(self, unique: int) -> bytes:
        """Wait for the answer to a request. Raises ``OSError``."""
        answer = self._waiting[unique]
        try:
            return await answer
        finally:
            del self._waiting[unique]

    async def call(self, opcode: int, node: int, body: bytes = b"") -> bytes:
        """Send a request and wait for the answer; who is cancelled is a process that is killed."""
        pid = self._unique if self.thread is None else self.thread
        unique = self.request(opcode, node, body, pid=pid)
        try:
            return await self.answer(unique)
        except Cancelled:
            self.dying.add(unique - 2)
            self.interrupt(unique)
            raise

    def interrupt(self, unique: int) -> None:
        """Tell that the process that waits for a request has got a signal."""
        self.request(INTERRUPT, 0, struct.pack("=Q", unique))

    def _sent(self, parts: Sequence[Part]) -> bool:
        data = b"".join(bytes(part) for part in parts)
        length, error, unique = _OUT.unpack_from(data)
        assert length == len(data), "the length of an answer"
        waiting = self._waiting.get(unique)
        if waiting is None or waiting.done():
            return False
        if error:
            assert -512 < error < 0
            assert len(data) == _OUT.size
            waiting.set_error(_error(-error))
        else:
            waiting.set_result(data[_OUT.size :])
        return True

    def _notified(self, message: bytes) -> None:
        if struct.unpack_from("=Ii", message) == (len(message), 9):
            (count,) = struct.unpack_from("=I", message, 16)
            self.unwanted += struct.unpack_from(f"={count}Q", message, 32)
            return
        length, code, unique, node, offset, size = struct.unpack("=IiQQqq", message)
        assert (length, code, unique, offset, size) == (len(message), 2, 0, -1, 0)
        self.notified.append(node)

    # -- what requests have in common --------------------------------------------------------

    async def entry(self, opcode: int, node: int, body: bytes) -> EntryOut:
        """Send a request that is answered with an entry; it counts as a lookup."""
        found = EntryOut(await self.call(opcode, node, body))
        if found.node:
            self.lookups[found.node] = self.lookups.get(found.node, 0) + 1
        return found

    async def lookup(self, directory: int, name: bytes) -> EntryOut:
        return await self.entry(LOOKUP, directory, name + b"\0")

    async def getattr(self, node: int) -> Attributes:
        answer = await self.call(GETATTR, node, struct.pack("=I4xQ", 0, 0))
        assert len(answer) == 104
        return Attributes(answer[16:])

    async def setattr(
        self, node: int, valid: int, *, fh: int = 0, size: int = 0, mode: int = 0, **times: int
    ) -> Attributes:
        atime, mtime, uid = (times.get(name, 0) for name in ("atime", "mtime", "uid"))
        body = struct.pack(
            "=I4xQQ8xqq8xIIII4xII4x", valid, fh, size, atime, mtime, 0, 0, 0, mode, uid, 0
        )
        assert len(body) == 88
        return Attributes((await self.call(SETATTR, node, body))[16:])

    async def open(self, node: int, flags: int) -> tuple[int, int]:
        """Return the handle and the flags of the answer."""
        fh, told = struct.unpack("=QI4x", await self.call(OPEN, node, struct.pack("=I4x", flags)))
        return fh, told

    async def create(
        self, directory: int, name: bytes, flags: int, mode: int = 0o644
    ) -> tuple[EntryOut, int, int]:
        body = struct.pack("=4I", flags, mode | stat.S_IFREG, 0o22, 0) + name + b"\0"
        answer = await self.call(CREATE, directory, body)
        entry = EntryOut(answer)
        self.lookups[entry.node] = self.lookups.get(entry.node, 0) + 1
        fh, told = struct.unpack("=QI4x", answer[128:])
        return entry, fh, told

    async def read(self, node: int, fh: int, offset: int, size: int) -> bytes:
        body = struct.pack("=QQII8xI4x", fh, offset, size, 0, 0)
        return await self.call(READ, node, body)

    async def write(self, node: int, fh: int, offset: int, data: bytes, flags: int = 0) -> int:
        body = struct.pack("=QQII8xI4x", fh, offset, len(data), 0, flags) + data
        return int(struct.unpack("=I4x", await self.call(WRITE, node, body))[0])

    async def flush(self, node: int, fh: int, owner: int = 0) -> None:
        await self.call(FLUSH, node, struct.pack("=Q8xQ", fh, owner))

    async def release(self, node: int, fh: int) -> None:
        await self.call(RELEASE, node, struct.pack("=QIIQ", fh, 0, 0, 0))

    async def fsync(self, node: int, fh: int) -> None:
        await self.call(FSYNC, node, struct.pack("=QI4x", fh, 0))

    async def opendir(self, node: int) -> int:
        answer = await self.call(OPENDIR, node, struct.pack("=I4x", 0))
        return int(struct.unpack("=QI4x", answer)[0])

    async def names(self, node: int, *, plus: bool = False, size: int = 4096) -> dict[bytes, int]:
        """List a directory: names, and the nodes that they lead to where that was told."""
        fh = await self.opendir(node)
        found: dict[bytes, int] = {}
        offset = 0
        while page := await self.call(
            READDIRPLUS if plus else READDIR, node, struct.pack("=QQI20x", fh, offset, size)
        ):
            assert len(page) <= size
            while page:
                told = 0
                if plus:
                    told = EntryOut(page).node
                    page = page[128:]
                    if told:
                        self.lookups[told] = self.lookups.get(told, 0) + 1
                _, offset, length, _ = struct.unpack_from("=QQII", page)
                name = page[24 : 24 + length]
                assert name not in found, "a name twice"
                found[name] = told
                page = page[24 + (length + 7) // 8 * 8 :]
        await self.call(RELEASEDIR, node, struct.pack("=QIIQ", fh, 0, 0, 0))
        assert list(found)[:2] == [b".", b".."]
        assert not found.pop(b".")
        assert not found.pop(b"..")
        return found

    async def lock(
        self, opcode: int, node: int, fh: int, kind: int, owner: int, first: int, last: int
    ) -> bytes:
        body = struct.pack("=4Q3I4x", fh, owner, first, last, kind, 7, 0)
        return await self.call(opcode, node, body)

    def forget(self, node: int) -> None:
        """Forget a node that nothing refers to any more."""
        self.request(FORGET, node, struct.pack("=Q", self.lookups.pop(node)))


def _error(number: int) -> OSError:
    if number == errno.EIO:
        return UncertainOutcomeError("an error whose cause the kernel is not told")
    return make_error(number, os.strerror(number))


class _Dentry:
    def __init__(self, entry: EntryOut, until: float) -> None:
        self.node = entry.node
        self.kind = stat.S_IFMT(entry.attributes.st_mode)
        self.until = until


class FuseFace:
    """A file system by paths, as the virtual file system switch makes it of the requests."""

    wsize = -1
    """No write is a single call of the server: it is opened, written and closed."""

    def __init__(self, fs: FileSystem, reactor: Reactor) -> None:
        self._fs = fs
        self._reactor = reactor
        self._kernel = FakeKernel(fs, reactor)
        self._dentries: dict[tuple[int, bytes], _Dentry] = {}
        self._listings = 0
        self.session = fs.session
        self.stats = fs.stats

    async def mount(self) -> None:
        """Mount, and begin the session."""
        await self._fs.mount()
        await self._kernel.begin()

    async def unmount(self) -> None:
        """End it."""
        try:
            assert not len(self._kernel.session), "requests are still in flight"
        finally:
            await self._fs.unmount()

    # -- paths -------------------------------------------------------------------------------

    async def _dentry(self, directory: int, name: bytes) -> _Dentry:
        """Return what has a name; its node is 0 if nothing has it."""
        if len(name) > 255:
            raise make_error(errno.ENAMETOOLONG, "a long name")
        known = self._dentries.get((directory, name))
        if known is not None and known.until > self._reactor.time():
            return known
        asked_at = self._reactor.time()
        try:
            entry = await self._kernel.lookup(directory, name)
        except FileNotFoundError:
            self._dentries.pop((directory, name), None)
            return _Dentry(EntryOut(bytes(128)), 0)
        return self._remember(directory, name, entry, asked_at)

    def _remember(self, directory: int, name: bytes, entry: EntryOut, asked_at: float) -> _Dentry:
        dentry = _Dentry(entry, asked_at + entry.entry_valid)
        self._dentries[directory, name] = dentry
        return dentry

    async def _parent(self, path: str) -> tuple[int, bytes]:
        *above, name = (part for part in path.encode().split(b"/") if part)
        node = ROOT
        for each in above:
            dentry = await self._dentry(node, each)
            if not dentry.node:
                raise make_error(errno.ENOENT, "no such directory")
            if dentry.kind != stat.S_IFDIR:
                raise make_error(errno.ENOTDIR, "not a directory")
            node = dentry.node
        return node, name

    async def _find(self, path: str) -> _Dentry:
        directory, name = await self._parent(path)
        dentry = await self._dentry(directory, name)
        if not dentry.node:
            raise make_error(errno.ENOENT, "no such name")
        return dentry

    # -- names and attributes ----------------------------------------------------------------

    async def stat(self, path: str) -> Attributes:
        if not path:
            return await self._kernel.getattr(ROOT)
        return await self.lstat(path)

    async def lstat(self, path: str) -> Attributes:
        return await self._kernel.getattr((await self._find(path)).node)

    async def readlink(self, path: str) -> str:
        dentry = await self._find(path)
        if dentry.kind != stat.S_IFLNK:
            raise make_error(errno.EINVAL, "not a link")
        return (await self._kernel.call(READLINK, dentry.node)).decode()

    async def listdir(self, path: str) -> list[str]:
        dentry = await self._find(path)
        self._listings += 1
        names = await self._kernel.names(dentry.node, plus=self._listings % 2 == 0)
        return [name.decode() for name in names]

    async def _absent(self, path: str) -> tuple[int, bytes]:
        directory, name = await self._parent(path)
        if (await self._dentry(directory, name)).node:
            raise make_error(errno.EEXIST, "it is there")
        return directory, name

    async def _made(self, opcode: int, directory: int, name: bytes, body: bytes) -> None:
        asked_at = self._reactor.time()
        entry = await self._kernel.entry(opcode, directory, body)
        self._remember(directory, name, entry, asked_at)

    async def mkdir(self, path: str) -> None:
        directory, name = await self._absent(path)
        body = struct.pack("=II", 0o755, 0o22) + name + b"\0"
        await self._made(MKDIR, directory, name, body)

    async def symlink(self, target: str, path: str) -> None:
        directory, name = await self._absent(path)
        await self._made(SYMLINK, directory, name, name + b"\0" + target.encode() + b"\0")

    async def link(self, source: str, path: str) -> None:
        dentry = await self._find(source)
        directory, name = await self._absent(path)
        if dentry.kind == stat.S_IFDIR:
            raise make_error(errno.EPERM, "a directory")
        body = struct.pack("=Q", dentry.node) + name + b"\0"
        await self._made(LINK, directory, name, body)

    async def remove(self, path: str) -> None:
        await self._remove(UNLINK, path)

    async def rmdir(self, path: str) -> None:
        await self._remove(RMDIR, path)

    async def _remove(self, opcode: int, path: str) -> None:
        directory, name = await self._parent(path)
        dentry = await self._find(path)
        if (dentry.kind == stat.S_IFDIR) != (opcode == RMDIR):
            raise make_error(errno.ENOTDIR if opcode == RMDIR else errno.EISDIR, "the wrong type")
        try:
            await self._kernel.call(opcode, directory, name + b"\0")
        finally:
            self._dentries.pop((directory, name), None)

    async def rename(self, source: str, path: str) -> None:
        from_directory, old = await self._parent(source)
        to_directory, new = await self._parent(path)
        moved = await self._find(source)
        victim = await self._dentry(to_directory, new)
        if moved.kind == stat.S_IFDIR and path != source and f"{path}/".startswith(f"{source}/"):
            raise make_error(errno.EINVAL, "into itself")
        if victim.node == moved.node:
            return
        if victim.node and (victim.kind == stat.S_IFDIR) != (moved.kind == stat.S_IFDIR):
            raise make_error(errno.EISDIR, "the wrong type")
        body = struct.pack("=Q", to_directory) + old + b"\0" + new + b"\0"
        try:
            await self._kernel.call(RENAME, from_directory, body)
        finally:
            self._dentries.pop((from_directory, old), None)
            self._dentries.pop((to_directory, new), None)

    async def truncate(self, path: str, size: int) -> None:
        await self._kernel.setattr((await self._find(path)).node, 1 << 3, size=size)

    # -- files -------------------------------------------------------------------------------

    async def open(self, path: str, mode: str = "rb") -> FuseFile:
        flags = {"rb": 0, "r+b": os.O_RDWR, "wb": os.O_WRONLY, "ab": os.O_WRONLY, "xb": os.O_RDWR}[
            mode
        ]
        if mode == "ab":
            flags |= os.O_APPEND
        if mode == "wb":
            flags |= os.O_TRUNC
        directory, name = await self._parent(path)
        dentry = await self._dentry(directory, name)
        if dentry.node and mode == "xb":
            raise make_error(errno.EEXIST, "it is there")
        if not dentry.node and mode in ("rb", "r+b"):
            raise make_error(errno.ENOENT, "no such name")
        if dentry.node:
            if dentry.kind == stat.S_IFDIR:
                raise make_error(errno.EISDIR, "a directory")
            fh, _ = await self._kernel.open(dentry.node, flags)
            return FuseFile(self._kernel, dentry.node, fh, flags)
        flags |= os.O_EXCL if mode == "xb" else 0
        asked_at = self._reactor.time()
        entry, fh, _ = await self._kernel.create(directory, name, flags)
        self._remember(directory, name, entry, asked_at)
        return FuseFile(self._kernel, entry.node, fh, flags)

    async def write_bytes(self, path: str, data: bytes) -> int:
        file = await self.open(path, "wb")
        try:
            await file.write_at(0, memoryview(data))
        finally:
            await file.close()
        return len(data)

    async def read_bytes(self, path: str) -> bytes:
        file = await self.open(path)
        try:
            size = (await file.stat()).st_size
            return await file.read(0, size + 1)
        finally:
            await file.close()


class FuseFile:
    """An open file."""

    def __init__(self, kernel: FakeKernel, node: int, fh: int, flags: int) -> None:
        self._kernel = kernel
        self._node = node
        self._fh = fh
        self._flags = flags

    async def read(self, offset: int, size: int) -> bytes:
        return await self._kernel.read(self._node, self._fh, offset, size)

    async def read_at(self, offset: int, buffer: memoryview) -> int:
        data = await self.read(offset, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    async def write_at(self, offset: int, data: memoryview) -> int:
        if self._flags & os.O_APPEND:
            offset = 0  # whatever the kernel believes
        if not len(data):
            return 0
        return await self._kernel.write(self._node, self._fh, offset, bytes(data), self._flags)

    async def stat(self) -> Attributes:
        return await self._kernel.getattr(self._node)

    async def truncate(self, size: int) -> Any:
        return await self._kernel.setattr(self._node, 1 << 3 | 1 << 6, fh=self._fh, size=size)

    async def commit(self) -> None:
        await self._kernel.fsync(self._node, self._fh)

    async def close(self) -> None:
        try:
            await self._kernel.flush(self._node, self._fh)
        finally:
            await self._kernel.release(self._node, self._fh)

"""A mount without a kernel: what it is told, what it may keep, and who is given up."""

from __future__ import annotations

import errno
import os
import stat
import struct
from random import Random
from typing import Any

import pytest
from tests.support import fuse_kernel as fuse
from tests.support.fuse_kernel import ROOT, FakeKernel
from tests.support.nfs_pair import Pair, calls

from nfsrdma.client.fuse.memory import Memory
from nfsrdma.client.nodes import Lifetimes
from nfsrdma.rpcrdma.task import Task, gather

TIMES = Lifetimes(file_min=3, file_max=20, directory_min=5, directory_max=10)
KEEP_CACHE = 2
DIRECT_IO = 1
LARGE = 1 << 20


class World:
    """A mount, and another client that changes things behind its back."""

    def __init__(self, memory: Memory | None = None) -> None:
        self.pair = Pair()
        self.fs = self.pair.client()
        self.other = self.pair.client(b"other")
        self.kernel = FakeKernel(self.fs, self.pair.reactor, TIMES, memory)
        self.run(self.kernel.begin())

    def run(self, coroutine: Any) -> Any:
        return self.pair.run(coroutine)

    def put(self, path: str, data: bytes = b"data") -> None:
        self.run(self.other.write_bytes(path, data))

    def get(self, path: str) -> bytes:
        return bytes(self.run(self.other.read_bytes(path)))

    def lookup(self, name: bytes, directory: int = ROOT) -> fuse.EntryOut:
        return self.run(self.kernel.lookup(directory, name))  # type: ignore[no-any-return]

    def open(self, node: int, flags: int = os.O_RDONLY) -> tuple[int, int]:
        return self.run(self.kernel.open(node, flags))  # type: ignore[no-any-return]

    def read(self, node: int, fh: int, size: int = 100, offset: int = 0) -> bytes:
        return self.run(self.kernel.read(node, fh, offset, size))  # type: ignore[no-any-return]

    def write(self, node: int, fh: int, data: bytes, offset: int = 0, flags: int = 0) -> None:
        assert self.run(self.kernel.write(node, fh, offset, data, flags)) == len(data)

    def create(self, name: bytes, flags: int = os.O_RDWR) -> tuple[int, int]:
        entry, fh, _ = self.run(self.kernel.create(ROOT, name, flags))
        return entry.node, fh

    def close(self, node: int, fh: int) -> None:
        self.run(self.kernel.flush(node, fh))
        self.run(self.kernel.release(node, fh))

    def fails(self, number: int, coroutine: Any) -> None:
        with pytest.raises(OSError) as caught:
            self.run(coroutine)
        assert caught.value.errno == number


@pytest.fixture
def world() -> World:
    return World()


# --- INIT ---


def test_what_is_agreed_on(world: World) -> None:
    major, minor, readahead, flags, background, _, max_write, gran, pages, _, _ = (
        world.kernel.agreed
    )
    assert (major, minor, readahead, gran) == (7, 45, 1 << 17, 1)
    assert (max_write, pages) == (1 << 20, 256)
    assert background == 64
    assert flags & 1 << 1, "POSIX locks"
    assert not flags & 1 << 16, "no write-back cache: it breaks close-to-open"
    assert not flags & 1 << 17, "no open without an OPEN"


def test_a_kernel_that_is_too_old_is_refused(world: World) -> None:
    offered = struct.pack("=4I", 7, 30, 0, 0)
    world.fails(errno.EPROTO, world.kernel.call(fuse.INIT, 0, offered))
    assert "version 7.30" in str(world.kernel.session.refused)


def test_a_kernel_that_is_too_new_begins_again(world: World) -> None:
    answer = world.run(world.kernel.call(fuse.INIT, 0, struct.pack("=4I", 8, 0, 0, 0)))
    assert struct.unpack_from("=I", answer) == (7,)


# --- Names and attributes ---


def test_names_and_attributes_come_with_their_lifetimes(world: World) -> None:
    world.put("file", b"12345")
    entry = world.lookup(b"file")
    assert entry.attributes.st_size == 5
    assert 2.9 < entry.attributes_valid <= 3
    assert 4.9 < entry.entry_valid <= 5
    missing = world.lookup(b"missing")
    assert missing.node == 0
    assert 4.9 < missing.entry_valid <= 5


def test_a_size_that_was_overtaken_by_a_write_is_never_told(world: World) -> None:
    node, fh = world.create(b"file")
    world.write(node, fh, b"0123456789")
    assert world.lookup(b"file").attributes.st_size == 10
    world.write(node, fh, b"0123456789", 10)
    assert world.run(world.kernel.names(ROOT, plus=True)) == {b"file": 0}, "it is on its way"
    assert world.lookup(b"file").attributes.st_size == 20
    assert world.run(world.kernel.names(ROOT, plus=True)) == {b"file": node}
    assert world.lookup(b"file").attributes.st_size == 20
    world.close(node, fh)


def test_all_kinds_of_names(world: World) -> None:
    kernel, run = world.kernel, world.run
    entry = run(kernel.entry(fuse.MKDIR, ROOT, struct.pack("=II", 0o700, 0o22) + b"d\0"))
    assert stat.filemode(entry.attributes.st_mode) == "drwx------"
    directory = entry.node
    entry = run(kernel.entry(fuse.SYMLINK, directory, b"l\0target\0"))
    assert run(kernel.call(fuse.READLINK, entry.node)) == b"target"
    entry = run(kernel.entry(fuse.MKNOD, directory, struct.pack("=4I", 0o10644, 0, 0, 0) + b"p\0"))
    assert stat.S_ISFIFO(entry.attributes.st_mode)
    entry = run(kernel.entry(fuse.MKNOD, directory, struct.pack("=4I", 0o100600, 0, 0, 0) + b"f\0"))
    assert stat.filemode(entry.attributes.st_mode) == "-rw-------"
    again = run(kernel.entry(fuse.LINK, ROOT, struct.pack("=Q", entry.node) + b"again\0"))
    assert (again.node, again.attributes.st_nlink) == (entry.node, 2)
    assert run(kernel.names(directory)).keys() == {b"l", b"p", b"f"}
    run(kernel.call(fuse.RENAME, directory, struct.pack("=Q", ROOT) + b"f\0g\0"))
    body = struct.pack("=QI4x", ROOT, 1) + b"g\0again\0"
    world.fails(errno.EINVAL, kernel.call(fuse.RENAME2, ROOT, body))
    body = struct.pack("=QI4x", ROOT, 0) + b"g\0h\0"
    run(kernel.call(fuse.RENAME2, ROOT, body))
    world.fails(errno.ENOTEMPTY, kernel.call(fuse.RMDIR, ROOT, b"d\0"))
    for name in (b"l\0", b"p\0"):
        run(kernel.call(fuse.UNLINK, directory, name))
    run(kernel.call(fuse.RMDIR, ROOT, b"d\0"))
    assert run(kernel.names(ROOT)).keys() == {b"h", b"again"}
    assert world.lookup(b".").node == world.lookup(b"..").node == ROOT


def test_setattr(world: World) -> None:
    node, fh = world.create(b"file")
    world.write(node, fh, b"0123456789")
    kernel, run = world.kernel, world.run
    assert run(kernel.setattr(node, 1, mode=0o100400)).st_mode == 0o100400
    assert run(kernel.setattr(node, 1 << 3 | 1 << 6, fh=fh, size=4)).st_size == 4
    assert run(kernel.setattr(node, 1 << 3, size=6)).st_size == 6
    assert run(kernel.setattr(node, 1 << 5, mtime=77)).mtime == 77
    assert run(kernel.setattr(node, 1 << 5 | 1 << 8, mtime=77)).mtime != 77, "now"
    world.close(node, fh)
    assert world.get("file") == b"0123\0\0"


@pytest.mark.parametrize("plus", [False, True])
def test_long_directories_come_in_pages(world: World, plus: bool) -> None:
    names = {f"{number:03}-{'x' * 100}".encode() for number in range(700)}
    for name in names:
        world.put(name.decode(), b"")
    found = world.run(world.kernel.names(ROOT, plus=plus))
    assert found.keys() == names
    assert all(found.values()) == plus


def test_nodes_live_until_they_are_forgotten(world: World) -> None:
    world.put("file")
    node = world.lookup(b"file").node
    assert world.lookup(b"file").node == node
    assert world.run(world.kernel.names(ROOT, plus=True)) == {b"file": node}
    assert world.kernel.nodes.table[node].lookups == 3
    batch = struct.pack("=I4x4Q", 2, node, 2, 999, 1)
    world.kernel.request(fuse.BATCH_FORGET, 0, batch)
    assert world.kernel.nodes.table[node].lookups == 1
    world.kernel.lookups[node] = 1
    world.kernel.forget(node)
    assert not world.kernel.nodes.table[node].is_referred_to
    world.fails(errno.ESTALE, world.kernel.getattr(4711))


def test_what_is_not_there_is_not_asked_for_again(world: World) -> None:
    for opcode in (37, 39, 40):
        world.fails(errno.ENOSYS, world.kernel.call(opcode, ROOT, bytes(64)))
    world.run(world.kernel.call(fuse.DESTROY, 0))


def test_access_is_the_servers_to_judge(world: World) -> None:
    for mask in (0, 1, 2, 4, 7):
        world.run(world.kernel.call(fuse.ACCESS, ROOT, struct.pack("=I4x", mask)))
    answer = world.run(world.kernel.call(fuse.STATFS, ROOT))
    assert len(answer) == 80


def test_a_request_that_is_cut_short_is_refused(world: World) -> None:
    world.fails(errno.EIO, world.kernel.call(fuse.SETATTR, ROOT, bytes(8)))
    world.fails(errno.EIO, world.kernel.call(fuse.LOOKUP, ROOT, b"no end"))


# --- Files ---


def test_an_unlinked_file_goes_on(world: World) -> None:
    node, fh = world.create(b"file")
    world.write(node, fh, b"before")
    world.run(world.kernel.call(fuse.UNLINK, ROOT, b"file\0"))
    world.write(node, fh, b"behind", 6)
    assert world.read(node, fh) == b"beforebehind"
    assert world.run(world.kernel.getattr(node)).st_size == 12
    world.close(node, fh)


def test_pages_are_kept_only_while_nobody_else_writes(world: World) -> None:
    world.put("file", b"one")
    node = world.lookup(b"file").node
    fh, told = world.open(node)
    assert not told & KEEP_CACHE, "nothing is known of what the kernel may have"
    world.close(node, fh)
    fh, told = world.open(node)
    assert told & KEEP_CACHE
    world.close(node, fh)
    world.kernel.notified.clear()
    world.put("file", b"another")
    fh, told = world.open(node)
    assert not told & KEEP_CACHE
    assert world.kernel.notified == [node], "the size is asked for before anything is read"
    assert world.run(world.kernel.getattr(node)).st_size == 7
    world.close(node, fh)


def test_a_getattr_does_not_hide_a_change_from_the_next_open(world: World) -> None:
    world.put("file", b"one")
    node = world.lookup(b"file").node
    world.close(node, world.open(node)[0])
    world.put("file", b"two")
    world.pair.wait(21)
    world.run(world.kernel.getattr(node))
    fh, told = world.open(node)
    assert not told & KEEP_CACHE, "the kernel's pages may be of the same size, and old"
    world.close(node, fh)


def test_the_kernel_learns_of_a_truncation_at_open(world: World) -> None:
    world.put("file", b"0123456789")
    node = world.lookup(b"file").node
    fh, told = world.open(node, os.O_WRONLY | os.O_TRUNC)
    assert not told & KEEP_CACHE
    world.close(node, fh)
    assert world.get("file") == b""


def test_two_processes_append_where_the_file_ends(world: World) -> None:
    flags = os.O_WRONLY | os.O_APPEND
    node, first = world.create(b"file", flags)
    second, told = world.open(node, flags)
    assert told & DIRECT_IO
    world.write(node, first, b"one", 0, flags)
    world.pair.wait(1)
    world.run(world.other.write_bytes("file", b"one by another"))
    world.write(node, second, b"two", 0, flags)
    world.close(node, first)
    world.close(node, second)
    assert world.get("file") == b"one by anothertwo"


def test_who_appends_alone_does_not_ask_where_the_file_ends(world: World) -> None:
    flags = os.O_WRONLY | os.O_APPEND
    node, fh = world.create(b"log", flags)
    counts = []
    for number in range(6):
        before = calls(world.fs)
        world.write(node, fh, b"%d" % number, 0, flags)
        world.pair.wait(1)
        counts.append(calls(world.fs) - before)
    assert counts == [2, 2, 1, 1, 1, 1]
    # Another's line comes between: once more it is looked, and until nothing comes between.
    other, second = world.run(world.other.open("log", "a")), world.run(world.other.open("log", "a"))
    world.run(other.append(memoryview(b"-")))
    world.write(node, fh, b"6", 0, flags)
    world.pair.wait(1)
    world.run(second.append(memoryview(b"-")))
    counts.clear()
    for number in range(7, 10):
        before = calls(world.fs)
        world.write(node, fh, b"%d" % number, 0, flags)
        world.pair.wait(1)
        counts.append(calls(world.fs) - before)
    assert counts == [2, 2, 1]
    world.run(world.kernel.setattr(node, 1 << 3, size=3))
    world.write(node, fh, b"end", 0, flags)
    world.close(node, fh)
    world.run(gather([Task(other.close()), Task(second.close())]))
    assert world.get("log") == b"012end"


def test_close_reports_what_fsync_would(world: World) -> None:
    node, fh = world.create(b"file")
    world.write(node, fh, b"data")
    before = calls(world.fs)
    world.run(world.kernel.flush(node, fh))
    assert calls(world.fs) > before, "WRITE to stable storage"
    before = calls(world.fs)
    world.run(world.kernel.flush(node, fh))
    assert calls(world.fs) == before, "nothing is left to commit"
    world.write(node, fh, b"more", 4)
    second, _ = world.open(node)
    world.run(world.kernel.fsync(node, second))
    assert not world.fs.files.unstable, "also of another open's data"
    world.close(node, second)
    world.close(node, fh)


def test_holes(world: World) -> None:
    node, fh = world.create(b"file")
    world.write(node, fh, b"x" * 8192)
    kernel = world.kernel

    def fallocate(offset: int, length: int, mode: int) -> Any:
        return kernel.call(fuse.FALLOCATE, node, struct.pack("=QQQI4x", fh, offset, length, mode))

    def seek(offset: int, whence: int) -> int:
        body = struct.pack("=QQI4x", fh, offset, whence)
        return int(struct.unpack("=Q", world.run(kernel.call(fuse.LSEEK, node, body)))[0])

    world.run(fallocate(8192, 8192, 0))
    assert world.run(kernel.getattr(node)).st_size == 16384
    world.fails(errno.EOPNOTSUPP, fallocate(16384, 4096, 1))
    world.run(fallocate(0, 4096, 3))
    assert world.read(node, fh, 8192) == bytes(4096) + b"x" * 4096
    assert seek(0, os.SEEK_DATA) >= 0
    assert seek(4096, os.SEEK_HOLE) > 4096
    body = struct.pack("=QQI4x", fh, 16384, os.SEEK_DATA)
    world.fails(errno.ENXIO, kernel.call(fuse.LSEEK, node, body))
    world.close(node, fh)


def test_zeros_in_a_range_leave_the_rest_and_may_make_a_file_longer(world: World) -> None:
    keep_size, zero_range, insert_range = 0x1, 0x10, 0x20
    node, fh = world.create(b"file")
    world.write(node, fh, b"x" * 8192)
    kernel = world.kernel

    def fallocate(offset: int, length: int, mode: int) -> Any:
        return kernel.call(fuse.FALLOCATE, node, struct.pack("=QQQI4x", fh, offset, length, mode))

    world.run(fallocate(1000, 2000, zero_range))
    kept = b"x" * 1000 + bytes(2000) + b"x" * 5192
    assert world.read(node, fh, LARGE) == kept
    world.run(fallocate(8000, 192, zero_range | keep_size))
    kept = kept[:8000] + bytes(192)
    assert world.read(node, fh, LARGE) == kept
    world.fails(errno.EOPNOTSUPP, fallocate(8000, 193, zero_range | keep_size))
    world.fails(errno.EOPNOTSUPP, fallocate(0, 4096, insert_range))
    world.run(fallocate(7000, 3000, zero_range))
    assert world.read(node, fh, LARGE) == kept[:7000] + bytes(3000)
    world.close(node, fh)


def test_copies_are_made_by_the_server(world: World) -> None:
    source, from_fh = world.create(b"source")
    target, to_fh = world.create(b"target")
    world.write(source, from_fh, b"0123456789")
    world.write(target, to_fh, b"abcdefghij")
    kernel, stats = world.kernel, world.fs.stats

    def copy(start: int, to: int, count: int) -> Any:
        body = struct.pack("=7Q", from_fh, start, target, to_fh, to, count, 0)
        return kernel.call(fuse.COPY_FILE_RANGE, source, body)

    def copied(*range_: int) -> int:
        return int(struct.unpack("=I4x", world.run(copy(*range_)))[0])

    before = stats.operations["READ"].calls if "READ" in stats.operations else 0
    assert copied(2, 8, 5) == 5
    assert copied(8, 0, 100) == 2
    assert copied(10, 0, 100) == 0
    assert world.run(kernel.getattr(target)).st_size == 13
    after = stats.operations["READ"].calls if "READ" in stats.operations else 0
    assert after == before
    assert world.read(target, to_fh, 100) == b"89cdefgh23456"
    world.close(source, from_fh)
    world.close(target, to_fh)


# --- Locks ---


def test_locks_exclude_and_end_with_any_close(world: World) -> None:
    node, fh = world.create(b"file")
    second, _ = world.open(node, os.O_RDWR)
    kernel, run = world.kernel, world.run
    last = (1 << 63) - 1
    run(kernel.lock(fuse.SETLK, node, fh, 1, 11, 0, 9))
    world.fails(errno.EAGAIN, kernel.lock(fuse.SETLK, node, second, 1, 22, 5, last))
    answer = run(kernel.lock(fuse.GETLK, node, second, 0, 22, 0, last))
    assert struct.unpack("=QQII", answer) == (0, 9, 1, 0)
    answer = run(kernel.lock(fuse.GETLK, node, second, 1, 22, 10, last))
    assert struct.unpack("=QQII", answer)[2] == 2, "none"
    waiting = Task(kernel.lock(fuse.SETLKW, node, second, 1, 22, 0, last))
    world.pair.wait(1)
    assert not waiting.done()
    run(kernel.flush(node, second, owner=11))
    world.pair.wait(10)
    assert waiting.done(), "the first process has closed some descriptor of the file"
    run(kernel.lock(fuse.SETLK, node, second, 2, 22, 0, last))
    run(kernel.lock(fuse.SETLK, node, fh, 1, 11, 0, last))
    world.close(node, second)
    world.close(node, fh)


def test_any_signal_ends_the_wait_for_a_lock(world: World) -> None:
    node, fh = world.create(b"file")
    kernel = world.kernel
    world.run(kernel.lock(fuse.SETLK, node, fh, 1, 11, 0, 9))
    body = struct.pack("=4Q3I4x", fh, 22, 0, 9, 1, 7, 0)
    unique = kernel.request(fuse.SETLKW, node, body)
    world.pair.wait(1)
    kernel.interrupt(unique)
    world.fails(errno.EINTR, kernel.answer(unique))
    world.close(node, fh)


# --- Interrupts ---


def test_a_signal_that_is_handled_ends_nothing(world: World) -> None:
    world.put("file")
    node = world.lookup(b"file").node
    world.pair.partition(world.fs)
    unique = world.kernel.request(fuse.OPEN, node, struct.pack("=I4x", 0), pid=5)
    world.kernel.interrupt(unique)
    world.pair.wait(1)
    assert len(world.kernel.session) == 1
    world.pair.heal()
    fh, _ = struct.unpack("=QI4x", world.run(world.kernel.answer(unique)))
    world.close(node, fh)


def test_a_killed_process_does_not_wait_and_leaves_nothing_open(world: World) -> None:
    world.put("file")
    node = world.lookup(b"file").node
    kernel = world.kernel
    world.pair.partition(world.fs)
    unique = kernel.request(fuse.OPEN, node, struct.pack("=I4x", 0), pid=5)
    lookup = kernel.request(fuse.LOOKUP, ROOT, b"missing\0", pid=5)
    kernel.interrupt(unique)
    world.pair.wait(1)
    kernel.dying.add(5)
    world.pair.wait(1)
    world.fails(errno.EINTR, kernel.answer(unique))
    kernel.interrupt(lookup)
    world.fails(errno.EINTR, kernel.answer(lookup))
    world.pair.heal()
    world.pair.wait(3)
    assert not len(kernel.session)
    assert not len(kernel.mounted.handles)
    assert not len(world.fs.files)
    assert kernel.nodes.table[node].lookups == 1
    kernel.interrupt(unique)  # nothing is in flight any more
    kernel.interrupt(4711)


def test_who_is_killed_while_it_creates_leaves_no_open_file(world: World) -> None:
    kernel = world.kernel
    body = struct.pack("=4I", os.O_RDWR, 0o100644, 0, 0) + b"new\0"
    unique = kernel.request(fuse.CREATE, ROOT, body, pid=5)
    kernel.dying.add(5)
    kernel.interrupt(unique)
    world.fails(errno.EINTR, kernel.answer(unique))
    world.pair.wait(1)
    assert not len(world.fs.files)
    node = world.lookup(b"new").node
    assert kernel.nodes.table[node].lookups == 1


# --- Memory ---


def test_reads_wait_for_memory_and_go_on() -> None:
    world = World(Memory(1 << 16))
    world.put("file", b"x" * 40_000)
    node = world.lookup(b"file").node
    fh, _ = world.open(node)
    reads = [Task(world.kernel.read(node, fh, 0, 40_000)) for _ in range(9)]
    assert world.kernel.mounted.memory.held == 40_000
    assert world.run(gather(reads)) == [b"x" * 40_000] * 9
    assert world.kernel.mounted.memory.held == 0
    world.close(node, fh)


def test_nothing_more_is_read_while_writes_hold_enough() -> None:
    memory = Memory(100)
    world = World(memory)
    room: list[None] = []
    memory.on_room = lambda: room.append(None)
    node, fh = world.create(b"file")
    write = Task(world.kernel.write(node, fh, 0, b"x" * 100))
    assert memory.is_full
    world.run(gather([write]))
    assert memory.is_full, "it is on its way to the server"
    world.pair.wait(1)
    assert not memory.is_full
    assert len(room) == 1
    world.close(node, fh)


class Lender:
    """A connection whose peer reaches what it lends."""

    def __init__(self, room: int = 10) -> None:
        self.room = room
        self.lent: list[memoryview] = []

    def lend(self, size: int, *, clear: bool = True) -> memoryview | None:
        if len(self.lent) == self.room:
            return None
        self.lent.append(memoryview(bytearray(size)))
        return self.lent[-1]


def test_large_reads_go_to_memory_that_the_server_reaches() -> None:
    channels: list[Any] = [Lender(room=1), Lender()]
    now = channels[0]
    memory = Memory(channel=lambda: now)
    small, first, more = memory.take(4096), memory.take(LARGE), memory.take(LARGE)
    assert small is not None
    assert first is not None
    assert more is not None
    assert channels[0].lent == [first]
    assert first.obj is channels[0].lent[0].obj
    memory.release(first)
    again = memory.take(LARGE)
    assert again is first
    memory.release(again)
    # What the peer of a connection before reached is as good as any, so it is not kept.
    now = channels[1]
    other = memory.take(LARGE)
    assert other is not None
    assert other.obj is channels[1].lent[0].obj
    assert memory.held == small.nbytes + 2 * LARGE


def test_requests_may_come_in_two_parts(world: World) -> None:
    whole = world.kernel.session.handle

    def apart(request: memoryview) -> None:
        whole(request[:80], memoryview(bytes(request[80:])))

    world.kernel.session.handle = apart  # type: ignore[assignment, method-assign]
    name = b"n" * 200
    node, fh = world.create(name)
    data = os.urandom(100_000)
    world.write(node, fh, data)
    assert world.lookup(name).node == node
    assert world.read(node, fh, LARGE) == data
    world.close(node, fh)
    assert world.get("n" * 200) == data


def test_a_mount_has_memory_for_reads_without_a_connection() -> None:
    memory = Memory(channel=lambda: None)
    buffer = memory.take(LARGE)
    assert buffer is not None
    assert not buffer.readonly
    memory.release(buffer)
    assert memory.held == 0


# --- Recovery ---


def test_hard_waits_for_a_server_that_is_away_for_long(world: World) -> None:
    world.put("file")
    node = world.lookup(b"file").node
    fh, _ = world.open(node)
    world.fs.wait_for_ever()
    world.pair.partition(world.fs)
    reading = Task(world.kernel.read(node, fh, 0, 100))
    world.pair.wait(3600)
    assert not reading.done()
    world.pair.heal()
    world.pair.wait(60)
    assert reading.result() == b"data"


def test_soft_fails_in_time(world: World) -> None:
    world.put("file")
    node = world.lookup(b"file").node
    world.pair.partition(world.fs)
    world.pair.wait(21)
    with pytest.raises(ConnectionError):
        world.run(world.kernel.getattr(node))


def test_what_was_written_survives_a_restart_of_the_server(world: World) -> None:
    node, fh = world.create(b"file")
    world.write(node, fh, b"0123456789")
    world.pair.restart()
    assert world.read(node, fh) == b"0123456789"
    world.close(node, fh)


# --- Two mounts, and pages that the kernel keeps ---


class Cached:
    """A mount, and the pages that its kernel has: they stay until it is told that they may not."""

    def __init__(self, pair: Pair, name: bytes) -> None:
        self.kernel = FakeKernel(pair.client(name), pair.reactor, TIMES)
        self.run = pair.run
        self.run(self.kernel.begin())
        self.pages: dict[int, bytes] = {}
        self.kept = 0

    def _open(self, flags: int) -> tuple[int, int]:
        node = self.run(self.kernel.lookup(ROOT, b"file")).node
        fh, told = self.run(self.kernel.open(node, flags))
        if not told & KEEP_CACHE:
            self.pages.pop(node, None)
        return node, fh

    def _close(self, node: int, fh: int) -> None:
        self.run(self.kernel.flush(node, fh))
        self.run(self.kernel.release(node, fh))

    def read(self) -> bytes:
        node, fh = self._open(os.O_RDONLY)
        if node in self.pages:
            self.kept += 1
        else:
            self.pages[node] = self.run(self.kernel.read(node, fh, 0, 1000))
        self._close(node, fh)
        return self.pages[node]

    def write(self, data: bytes) -> None:
        node, fh = self._open(os.O_WRONLY)
        self.run(self.kernel.write(node, fh, 0, data))
        self.pages.pop(node, None)
        self._close(node, fh)

    def look(self) -> None:
        self.run(self.kernel.getattr(self.run(self.kernel.lookup(ROOT, b"file")).node))


@pytest.mark.parametrize("seed", range(20))
def test_every_open_sees_what_was_closed_before(seed: int) -> None:
    rng = Random(f"close to open {seed}")
    pair = Pair()
    mounts = [Cached(pair, b"client %d" % number) for number in range(2)]
    contents = bytes(8)
    pair.run(pair.client(b"third").write_bytes("file", contents))
    for number in range(80):
        mount = rng.choice(mounts)
        step = rng.random()
        if step < 0.25:
            contents = b"%08d" % number  # of one size: nothing but the change attribute differs
            mount.write(contents)
        elif step < 0.4:
            mount.look()
        elif step < 0.5:
            pair.wait(rng.choice((0.1, 2.0, 9.0)))
        else:
            assert mount.read() == contents
    assert sum(mount.kept for mount in mounts) > 2

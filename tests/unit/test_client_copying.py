"""Copies within the server, from the client's methods to the server's memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.support.nfs_fake import FakeReactor, FakeServer
from tests.support.nfs_pair import Pair

from nfsrdma.client.copying import clone_range, copy_range
from nfsrdma.client.errors import NfsError
from nfsrdma.client.file import OpenFile
from nfsrdma.client.filesystem import FileSystem
from nfsrdma.client.offloads import Offloads
from nfsrdma.rpcrdma.task import Cancelled, Task
from nfsrdma.server.ops import copying
from nfsrdma.server.vfs.memory_file import MemoryFile
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.errors import NfsError as Refused


@pytest.fixture
def pair() -> Pair:
    return Pair()


@pytest.fixture
def fs(pair: Pair) -> FileSystem:
    return pair.client()


def fails(pair: Pair, code: int, coroutine: Coroutine[Any, Any, object]) -> None:
    with pytest.raises(NfsError) as caught:
        pair.run(coroutine)
    assert caught.value.errno == code, caught.value


@pytest.mark.parametrize("size", [0, 1, 5000, copying.SLICE + 77])
def test_copy(pair: Pair, fs: FileSystem, size: int) -> None:
    data = os.urandom(size)
    pair.run(fs.write_bytes("f", data, permissions=0o640))
    assert pair.run(fs.copy("f", "g")) == size
    assert pair.run(fs.read_bytes("g")) == data
    assert pair.run(fs.stat("g")).st_mode & 0o777 == 0o640


def test_the_data_stays_at_the_server(pair: Pair, fs: FileSystem) -> None:
    pair.run(fs.write_bytes("f", bytes(100_000)))
    before = pair.run(fs.stat("f")).st_size
    sent = fs.session.stats
    reads = _count(sent, "READ")
    writes = _count(sent, "WRITE")
    pair.run(fs.copy("f", "g"))
    assert (_count(sent, "READ"), _count(sent, "WRITE")) == (reads, writes)
    assert _count(sent, "COPY") == 1
    assert pair.run(fs.stat("g")).st_size == before


def _count(stats: Any, name: str) -> int:
    found = stats.operations.get(name)
    return found.calls if found is not None else 0


def test_what_is_there_is_replaced(pair: Pair, fs: FileSystem) -> None:
    pair.run(fs.write_bytes("f", b"new"))
    pair.run(fs.write_bytes("g", b"old and longer"))
    pair.run(fs.symlink("g", "link"))
    assert pair.run(fs.copy("f", "link")) == 3
    assert pair.run(fs.read_bytes("g")) == b"new"
    assert pair.run(fs.lstat("link")).is_symlink


def test_what_cannot_be(pair: Pair, fs: FileSystem) -> None:
    pair.run(fs.write_bytes("f", b"data"))
    pair.run(fs.link("f", "again"))
    pair.run(fs.mkdir("d"))
    for name in ("f", "again"):
        fails(pair, errno.EINVAL, fs.copy("f", name))
        assert pair.run(fs.read_bytes("f")) == b"data"
    fails(pair, errno.ENOENT, fs.copy("none", "g"))
    fails(pair, errno.EISDIR, fs.copy("d", "g"))
    fails(pair, errno.EISDIR, fs.copy("f", "d"))
    assert not pair.run(fs.exists("g"))


@pytest.mark.parametrize("status", [t.NFS4ERR_NOTSUPP, t.NFS4ERR_XDEV, t.NFS4ERR_OFFLOAD_DENIED])
def test_what_the_server_cannot_copy_is_read_and_written(
    pair: Pair, fs: FileSystem, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    data = os.urandom((4 << 20) + 100)
    pair.run(fs.write_bytes("f", data))

    def refused(*_: object) -> int:
        raise Refused(status)

    monkeypatch.setattr(MemoryFile, "copy_from", refused)
    assert pair.run(fs.copy("f", "g")) == len(data)
    assert pair.run(fs.read_bytes("g")) == data


def test_with_a_server_of_version_1(pair: Pair) -> None:
    fs = pair.client(minor_version=1)
    pair.run(fs.write_bytes("f", b"data"))
    assert pair.run(fs.copy("f", "g")) == 4
    assert pair.run(fs.read_bytes("g")) == b"data"


def test_other_errors_are_told(pair: Pair, fs: FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.run(fs.write_bytes("f", b"data"))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(MemoryFile, "copy_from", full)
    fails(pair, errno.ENOSPC, fs.copy("f", "g"))


def test_ranges(pair: Pair, fs: FileSystem) -> None:
    run = pair.run
    run(fs.write_bytes("f", b"0123456789"))
    run(fs.write_bytes("g", b"abcdefghij"))
    source, target = run(fs.open("f")), run(fs.open("g", "r+b"))
    assert run(copy_range(source, target, 2, 4, 3)) == 3
    assert run(fs.read_bytes("g")) == b"abcd234hij"
    assert run(copy_range(source, target, 8, 9, 100)) == 2
    assert run(fs.read_bytes("g")) == b"abcd234hi89"
    assert not run(clone_range(source, target))
    run(source.close())
    run(target.close())


def test_what_was_just_written_is_copied(pair: Pair, fs: FileSystem) -> None:
    run = pair.run
    source, target = run(fs.open("f", "w+b")), run(fs.open("g", "wb"))
    run(source.write_at(0, memoryview(b"fresh")))
    assert run(copy_range(source, target, 0, 0, 5)) == 5
    run(source.close())
    run(target.close())
    assert run(fs.read_bytes("g")) == b"fresh"


def test_a_restart_meanwhile(pair: Pair, fs: FileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opens are found again; what may be lost is copied again."""
    run = pair.run
    data = os.urandom(100_000)
    run(fs.write_bytes("f", data))
    source, target = run(fs.open("f")), run(fs.open("g", "wb"))
    original = MemoryFile.copy_from
    copies: list[int] = []

    def once(self: MemoryFile, file: MemoryFile, start: int, to: int, count: int) -> int:
        copies.append(start)
        if len(copies) == 2:
            pair.reactor.call_soon(pair.restart)  # before the reply to this is there
        return original(self, file, start, to, min(count, 50_000))

    monkeypatch.setattr(MemoryFile, "copy_from", once)
    assert run(copy_range(source, target, 0, 0, len(data))) == len(data)
    assert copies == [0, 50_000, 50_000, 0, 50_000]
    run(source.close())
    run(target.close())
    assert run(fs.read_bytes("g")) == data


def test_by_node(pair: Pair, fs: FileSystem) -> None:
    run = pair.run
    run(fs.write_bytes("f", b"data"))
    run(fs.write_bytes("g", b""))
    nodes = fs.nodes()
    root = run(nodes.root())
    source = run(nodes.open(run(nodes.lookup(root, b"f")), t.OPEN4_SHARE_ACCESS_READ))
    node = run(nodes.lookup(root, b"g"))
    target = run(nodes.open(node, t.OPEN4_SHARE_ACCESS_WRITE))
    assert run(target.copy_from(source, 0, 0, 100)) == 4
    assert run(nodes.getattr(node)).st_size == 4
    run(source.close())
    run(target.close())


@pytest.mark.parametrize(
    ("callback_ids", "count"), [([t.stateid4(1, bytes(12))], 4), ([], 5), ([], 1 << 63)]
)
def test_answers_of_a_hostile_server(callback_ids: list[t.stateid4], count: int) -> None:
    server = FakeServer(FakeReactor())
    fs = server.mounted()
    run = server.reactor.run
    source, target = run(fs.open("f", "w+b")), run(fs.open("g", "wb"))

    def op_copy(args: t.COPY4args) -> bytes:
        enc = Encoder()
        response = t.write_response4(callback_ids, count, t.FILE_SYNC4, bytes(8))
        t.COPY4resok(response, t.copy_requirements4(True, True)).encode(enc)
        return bytes(enc.buffer)

    server.op_copy = op_copy  # type: ignore[attr-defined]
    with pytest.raises(NfsError) as caught:
        run(copy_range(source, target, 0, 0, 4))
    assert caught.value.errno == errno.EPROTO


# --- Copies that go on after COPY's reply ---

LARGE = 3 * copying.SLICE + 77


@pytest.fixture
def large(pair: Pair, fs: FileSystem) -> bytes:
    data = os.urandom(LARGE)
    pair.run(fs.write_bytes("f", data))
    return data


def test_a_large_copy_is_told_of(pair: Pair, fs: FileSystem, large: bytes) -> None:
    before = fs.session.stats.callbacks
    assert pair.run(fs.copy("f", "g")) == LARGE
    assert pair.run(fs.read_bytes("g")) == large
    assert (_count(fs.session.stats, "COPY"), fs.session.stats.callbacks - before) == (1, 1)
    assert not _count(fs.session.stats, "OFFLOAD_STATUS")


def test_a_large_copy_whose_end_is_not_told(
    pair: Pair, fs: FileSystem, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Offloads, "arrived", lambda *_: None)
    assert pair.run(fs.copy("f", "g")) == LARGE
    assert pair.run(fs.read_bytes("g")) == large
    assert _count(fs.session.stats, "OFFLOAD_STATUS") == 1


def test_a_large_copy_that_the_server_has_lost(
    pair: Pair, fs: FileSystem, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made again."""
    table = pair.server.registry.copies
    add = table.add

    def lose(*args: Any) -> Any:
        copy = add(*args)
        if _count(fs.session.stats, "COPY") < 1:
            pair.reactor.call_at(pair.reactor.now, table.forget, copy)
        return copy

    monkeypatch.setattr(table, "add", lose)
    assert pair.run(fs.copy("f", "g")) == LARGE
    assert pair.run(fs.read_bytes("g")) == large
    assert _count(fs.session.stats, "COPY") == 2


def test_a_large_copy_that_fails(
    pair: Pair, fs: FileSystem, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(MemoryFile, "copy_from", full)
    fails(pair, errno.ENOSPC, fs.copy("f", "g"))


def test_who_gives_a_copy_up_cancels_it(
    pair: Pair, fs: FileSystem, large: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Offloads, "arrived", lambda *_: None)

    async def opened() -> tuple[OpenFile, OpenFile]:
        return await fs.open("f"), await fs.open("g", "wb")

    source, target = pair.run(opened())
    copies = pair.server.registry.copies
    task = Task(copy_range(source, target, 0, 0, LARGE))
    pair.reactor.advance(1.0)
    assert len(copies)
    task.cancel()
    pair.reactor.advance(1.0)
    assert isinstance(task.error(), Cancelled)
    assert not len(copies)
    assert _count(fs.session.stats, "OFFLOAD_CANCEL") == 1


def test_ends_that_nobody_waits_for_are_not_hoarded() -> None:
    offloads = Offloads()
    for number in range(1000):
        info = t.offload_info4(t.NFS4ERR_IO, 0)
        offloads.arrived(t.stateid4(1, b"%012d" % number), info)
    assert len(offloads._early) == 64

"""Files against a server that restarts, forgets and misbehaves, in virtual time."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from tests.support.files_world import DATA, World, written
from tests.support.nfs_fake import Refused

from nfsrdma.client.errors import NfsError, ProtocolError
from nfsrdma.client.file import UNCOMMITTED_MAX, spread
from nfsrdma.client.open_mode import OpenMode
from nfsrdma.rpcrdma.task import Cancelled, Task, gather
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, len(DATA)),
        (0, len(DATA) + 100_000),
        (1, 65536),
        (65535, 65537),
        (len(DATA) - 10, 20),
        (len(DATA), 5),
        (len(DATA) + 999, 200_000),
        (5, 0),
    ],
)
def test_reads_are_split_and_joined(world: World, offset: int, size: int) -> None:
    assert world.read(world.open("r"), offset, size) == DATA[offset : offset + size]


def test_a_large_read_uses_the_slots(world: World) -> None:
    file = world.open("r")
    start = world.reactor.now
    world.read(file, 0, len(DATA))
    assert world.reactor.now - start < 0.006, "the READs did not go out together"


def test_a_server_may_read_less_than_asked(world: World) -> None:
    real = world.server.op_read

    def stingy(args: t.READ4args) -> bytes:
        return real(t.READ4args(args.stateid, args.offset, min(args.count, 1000)))

    world.server.op_read = stingy  # type: ignore[method-assign]
    file = world.open("r")
    assert world.read(file, 3, 5000) == DATA[3:5003]
    assert world.run(world.fs.read_bytes("file")) == DATA


def test_a_server_may_write_less_than_asked(world: World) -> None:
    real = world.server.op_write

    def stingy(args: t.WRITE4args) -> bytes:
        return real(t.WRITE4args(args.stateid, args.offset, args.stable, args.data[:1000]))

    world.server.op_write = stingy  # type: ignore[method-assign]
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(DATA[:70_000])))
    world.run(file.close())
    assert world.server.root.children[b"new"].stable == DATA[:70_000]


@pytest.mark.parametrize("count", [0, 9999])
def test_a_server_that_writes_nothing_or_too_much(world: World, count: int) -> None:
    world.server.op_write = (  # type: ignore[method-assign]
        lambda args: struct.pack(">2I", count, 0) + bytes(8)
    )
    file = world.open()
    with pytest.raises(ProtocolError, match="WRITE of 5 octets wrote"):
        world.run(file.write_at(0, memoryview(b"12345")))


def test_a_server_that_reads_more_than_asked(world: World) -> None:
    real = world.server.op_read

    def generous(args: t.READ4args) -> bytes:
        return real(t.READ4args(args.stateid, args.offset, args.count + 4))

    world.server.op_read = generous  # type: ignore[method-assign]
    file = world.open("r")
    with pytest.raises(NfsError):
        world.read(file, 0, 10)


def test_what_is_acknowledged_is_there_after_commit(world: World) -> None:
    file = world.open("w", "new")
    assert world.run(file.write_at(0, memoryview(DATA))) == len(DATA)
    node = world.server.root.children[b"new"]
    assert node.data == DATA
    assert node.stable == b""
    world.run(file.commit())
    assert node.stable == DATA
    commits = world.server.executed.count("COMMIT")
    world.run(file.commit())
    assert world.server.executed.count("COMMIT") == commits, "there was nothing to commit"
    world.run(file.close())


def test_close_commits_in_the_same_call(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    world.server.log.clear()
    world.run(file.close())
    world.run(file.close())
    assert world.server.log == [["SEQUENCE", "PUTFH", "COMMIT", "CLOSE"]]
    assert world.server.root.children[b"new"].stable == b"abc"
    assert not world.server.opens
    with pytest.raises(ValueError, match="closed file"):
        world.run(file.stat())


@pytest.mark.parametrize("grace", [True, False])
@pytest.mark.parametrize("finish", ["commit", "close"])
def test_writes_that_a_restart_lost_are_written_again(
    world: World, grace: bool, finish: str
) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(DATA)))
    world.server.restart(grace)
    node = world.server.root.children[b"new"]
    assert node.data == b""
    world.run(getattr(file, finish)())
    assert node.stable == DATA
    assert world.fs.stats.resent_writes == 8
    assert world.fs.stats.reclaimed == (1 if grace else 0)
    world.run(file.close())
    assert not world.server.opens


def test_a_restart_between_writes(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"a" * 100)))
    world.server.restart()
    world.run(file.write_at(50, memoryview(b"b" * 100)))
    world.run(file.write_at(120, memoryview(b"c" * 10)))
    world.run(file.close())
    expected = b"a" * 50 + b"b" * 70 + b"c" * 10 + b"b" * 20
    assert world.server.root.children[b"new"].stable == expected


def test_data_lost_between_commit_and_close_is_rescued(world: World) -> None:
    """CLOSE went through with COMMIT, but the verifier says that earlier data is gone."""
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    node = world.server.root.children[b"new"]
    node.data.clear()
    world.server.verifier = b"changed!"
    world.run(file.close())
    assert node.stable == b"abc"
    assert not world.server.opens


def test_a_rescue_that_fails_is_told(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    world.server.verifier = b"changed!"

    def full(args: t.WRITE4args) -> bytes:
        raise Refused(t.NFS4ERR_NOSPC)

    world.server.op_write = full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no space"):
        world.run(file.close())
    assert file.closed


def test_a_failed_commit_loses_nothing(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    world.server.script = lambda ops: "NFS4ERR_IO" if ops[-1] == "COMMIT" else "ok"
    with pytest.raises(OSError, match="input or output"):
        world.run(file.commit())
    world.server.script = lambda ops: "ok"
    world.run(file.commit())
    assert world.server.root.children[b"new"].stable == b"abc"


def test_what_is_kept_has_a_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert UNCOMMITTED_MAX == 64 << 20
    monkeypatch.setattr("nfsrdma.client.file.UNCOMMITTED_MAX", 100_000)
    file = world.open("w", "new")
    for index in range(10):
        world.run(file.write_at(index * 50_000, memoryview(DATA[:50_000])))
    assert world.server.executed.count("COMMIT") == 3
    world.run(file.close())


def test_newer_data_of_another_open_outlives_a_restart(world: World) -> None:
    first, node = written(world, b"aaaa")
    world.server.restart()
    second = world.open("r+", "new")
    world.run(second.write_at(0, memoryview(b"bb")))
    world.run(second.commit())
    assert node.stable == b"bbaa"
    world.run(first.close())
    world.run(second.close())
    assert node.stable == b"bbaa"


def test_an_open_for_reading_commits_what_others_wrote(world: World) -> None:
    writer, node = written(world, b"abcd")
    reader = world.open("r", "new")
    world.server.restart()
    world.run(reader.commit())
    assert node.stable == b"abcd"
    world.run(writer.close())
    world.run(reader.close())
    assert world.server.executed.count("COMMIT") == 1


def test_what_was_written_is_read_whatever_a_restart_forgot(world: World) -> None:
    writer, _ = written(world, b"abcd")
    reader = world.open("r", "new")
    world.server.restart()
    assert world.read(reader, 0, 10) == b"abcd"
    world.run(writer.write_at(4, memoryview(b"efgh")))
    world.server.restart()
    assert world.run(reader.stat()).st_size == 8
    world.run(writer.write_at(8, memoryview(b"ijkl")))

    def script(ops: list[str]) -> str:
        if ops[-1] == "READ" and world.server.epoch == 2:
            world.server.restart()
        return "ok"

    world.server.script = script
    assert world.read(reader, 0, 20) == b"abcdefghijkl"
    assert world.fs.stats.resent_writes == 3


def test_what_was_cut_off_does_not_come_back(world: World) -> None:
    file, node = written(world, b"abcdefgh")
    world.run(file.write_at(6, memoryview(b"ijk")))
    world.run(file.write_at(20, memoryview(b"far")))
    world.run(world.fs.truncate("new", 7))
    world.server.restart()
    world.run(file.commit())
    assert node.stable == b"abcdefi"


@pytest.mark.parametrize("small", [True, False])
def test_what_was_replaced_does_not_come_back(world: World, small: bool) -> None:
    file, node = written(world, b"abcdefgh")
    if small:
        world.run(world.fs.write_bytes("new", b"XY"))
    else:
        other = world.open("w", "new")
        world.run(other.write_at(0, memoryview(b"XY")))
        world.run(other.close())
    world.server.restart()
    world.run(file.close())
    assert node.stable == b"XY"


def test_a_close_that_fails_leaves_the_data_of_other_opens(world: World) -> None:
    first, node = written(world, b"aaaa")
    second = world.open("r+", "new")
    world.run(second.write_at(4, memoryview(b"bbbb")))
    world.server.script = lambda ops: "NFS4ERR_IO" if ops[-1] == "CLOSE" else "ok"
    with pytest.raises(OSError, match="input or output"):
        world.run(second.close())
    world.server.script = lambda ops: "ok"
    node.stable = b""
    world.server.restart()
    world.run(first.close())
    assert node.stable == b"aaaa"


def test_concurrent_writes_and_commits(world: World) -> None:
    file = world.open("w", "new")

    async def work() -> None:
        writes = [
            Task(file.write_at(index * 10, memoryview(b"%010d" % index))) for index in range(20)
        ]
        commits = [Task(file.commit()), Task(file.commit())]
        late = [Task(file.write_at(200, memoryview(b"late")))]
        await gather(writes)
        await gather(commits)
        await gather(late)

    world.run(work())
    world.run(file.close())
    expected = b"".join(b"%010d" % index for index in range(20)) + b"late"
    assert world.server.root.children[b"new"].stable == expected


def test_a_commit_that_is_cancelled_lets_writes_go_on(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    write = Task(file.write_at(3, memoryview(b"def")))
    commit = Task(file.commit())
    commit.cancel()
    assert isinstance(commit.error(), Cancelled)
    world.reactor.turn(write)
    world.run(file.write_at(6, memoryview(b"ghi")))
    world.run(file.close())
    assert world.server.root.children[b"new"].stable == b"abcdefghi"


@pytest.mark.parametrize("status", ["BAD_STATEID", "EXPIRED", "ADMIN_REVOKED", "OLD_STATEID"])
def test_a_revoked_open_is_opened_again(world: World, status: str) -> None:
    file = world.open()
    world.server.opens.clear()
    real = world.server._check_stateid

    def refuse(stateid: t.stateid4) -> None:
        try:
            real(stateid)
        except Refused:
            raise Refused(getattr(t, f"NFS4ERR_{status}")) from None

    world.server._check_stateid = refuse  # type: ignore[method-assign]
    tasks: list[Task[int]] = [Task(file.read_at(0, memoryview(bytearray(10)))) for _ in range(5)]
    for task in tasks:
        world.reactor.turn(task)
        assert task.result() == 10
    assert world.server.executed.count("OPEN") == 2, "it was opened again more than once"
    freed = "FREE_STATEID" in world.server.executed
    assert freed == (status in ("EXPIRED", "ADMIN_REVOKED"))
    world.run(file.close())


def test_a_file_that_is_gone_after_a_restart(world: World) -> None:
    file = world.open()
    world.server.restart()
    del world.server.nodes[world.node.handle]
    with pytest.raises(OSError, match="gone") as caught:
        world.read(file, 0, 10)
    assert isinstance(caught.value, NfsError)
    assert caught.value.status == t.NFS4ERR_STALE


def test_a_server_that_always_loses_state_is_given_up(world: World) -> None:
    file = world.open()

    def never(stateid: t.stateid4) -> None:
        raise Refused(t.NFS4ERR_BAD_STATEID)

    world.server._check_stateid = never  # type: ignore[method-assign]
    with pytest.raises(NfsError):
        world.read(file, 0, 10)
    world.run(file.close())


def test_closing_what_the_server_forgot(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    world.server.opens.clear()
    world.run(file.close())
    assert world.server.root.children[b"new"].stable == b"abc"


def test_unmounting_closes_and_commits_what_is_open(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    world.run(world.fs.unmount())
    assert file.closed
    assert world.server.root.children[b"new"].stable == b"abc"


def test_unmounting_tells_of_data_that_was_lost(world: World) -> None:
    file = world.open("w", "new")
    world.run(file.write_at(0, memoryview(b"abc")))
    world.server.script = lambda ops: "NFS4ERR_IO" if "COMMIT" in ops else "ok"
    with pytest.raises(NfsError):
        world.run(world.fs.unmount())
    assert not world.server.sessions


def test_truncating(world: World) -> None:
    file = world.open()
    world.run(file.write_at(5, memoryview(b"xyz")))
    world.run(file.truncate(7))
    assert world.node.data == DATA[:5] + b"xy"
    assert world.node.stable == DATA[:5] + b"xy"
    assert world.run(file.stat()).st_size == 7
    with pytest.raises(OSError, match="below 0"):
        world.run(file.truncate(-1))


def test_the_way_a_file_is_open(world: World) -> None:
    reader = world.open("r")
    with pytest.raises(OSError, match="not open for writing"):
        world.run(reader.write_at(0, memoryview(b"x")))
    writer = world.open("a")
    with pytest.raises(OSError, match="not open for reading"):
        world.read(writer, 0, 1)
    assert (reader.readable, reader.writable) == (True, False)
    assert (writer.readable, writer.writable) == (False, True)
    assert reader.handle == world.node.handle
    with pytest.raises(FileExistsError):
        world.open("x")
    with pytest.raises(FileNotFoundError):
        world.open("r", "none")
    world.open("x", "other")
    world.open("w")
    assert world.node.data == b""


@pytest.mark.parametrize("mode", ["", "z", "rw", "rr", "rt", "b+", "r++"])
def test_modes_that_are_none(mode: str) -> None:
    with pytest.raises(ValueError, match="invalid mode"):
        OpenMode(mode)


def test_small_files_take_one_call(world: World) -> None:
    world.run(world.fs.write_bytes("small", b"some data"))
    assert world.server.log == [["SEQUENCE", "PUTFH", "OPEN", "GETFH", "WRITE", "CLOSE"]]
    assert world.server.root.children[b"small"].stable == b"some data"
    world.server.log.clear()
    assert world.run(world.fs.read_bytes("small")) == b"some data"
    assert len(world.server.log) == 1
    world.run(world.fs.write_bytes("empty", b""))
    assert world.run(world.fs.read_bytes("empty")) == b""
    world.run(world.fs.write_bytes("large", DATA))
    assert world.server.root.children[b"large"].stable == DATA
    assert not world.server.opens


def test_a_small_write_that_fails_leaves_no_open(world: World) -> None:
    def full(args: Any) -> bytes:
        raise Refused(t.NFS4ERR_NOSPC)

    world.server.op_write = full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no space"):
        world.run(world.fs.write_bytes("small", b"some data"))
    assert not world.server.opens
    world.server.op_close = full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="no space"):
        world.run(world.fs.write_bytes("small", b"some data"))


def test_a_small_write_that_is_short_is_an_error(world: World) -> None:
    world.server.op_write = (  # type: ignore[method-assign]
        lambda args: struct.pack(">2I", 3, 2) + bytes(8)
    )
    with pytest.raises(OSError, match="wrote 3 of 9"):
        world.run(world.fs.write_bytes("small", b"some data"))


def test_a_file_that_must_be_opened_to_be_read(world: World) -> None:
    real = world.server._check_stateid

    def strict(stateid: t.stateid4) -> None:
        if stateid.other == bytes(12):
            raise Refused(t.NFS4ERR_LOCKED)
        real(stateid)

    world.server._check_stateid = strict  # type: ignore[method-assign]
    assert world.run(world.fs.read_bytes("file")) == DATA


def test_a_delegation_that_came_unasked_goes_back(world: World) -> None:
    real = world.server.op_open

    def generous(args: t.OPEN4args) -> bytes:
        body = real(args)
        delegation = t.open_read_delegation4(
            t.stateid4(1, b"d" * 12), False, t.nfsace4(0, 0, 0, b"someone")
        )
        from nfsrdma.xdr import Encoder

        enc = Encoder()
        t.open_delegation4(t.OPEN_DELEGATE_READ, delegation).encode(enc)
        return body[:-4] + bytes(enc.buffer)

    world.server.op_open = generous  # type: ignore[method-assign]
    file = world.open("r")
    assert world.fs.opens.delegations.returning(b"d" * 12)
    world.reactor.advance(1)
    assert world.server.log[-1] == ["SEQUENCE", "PUTFH", "DELEGRETURN"]
    assert not world.fs.opens.delegations.returning(b"d" * 12)
    world.run(file.close())


def test_spreading_stops_at_the_first_failure(world: World) -> None:
    begun: list[int] = []

    async def piece(index: int) -> None:
        begun.append(index)
        await world.fs.stat("file" if index < 5 else "none")

    with pytest.raises(FileNotFoundError):
        world.run(spread(piece, range(100), parallel=4))
    assert len(begun) < 12


def test_spreading_that_is_cancelled_ends_its_pieces(world: World) -> None:
    buffer = memoryview(bytearray(len(DATA)))
    file = world.open("r")
    task = Task(file.read_at(0, buffer))
    task.cancel()
    world.reactor.turn(task)
    assert isinstance(task.error(), Cancelled)
    world.reactor.advance(1)
    slots = world.fs.session.slots
    assert slots is not None
    assert slots.busy == 0


def test_appended_data_goes_to_the_end_wherever_that_is(world: World) -> None:
    file, other = world.open("r+"), world.open("r+")
    assert world.run(file.append(memoryview(b"one"))) == len(DATA)
    assert world.run(other.append(memoryview(b"two"))) == len(DATA) + 3
    assert world.run(file.append(memoryview(b""))) == len(DATA) + 6

    async def both() -> None:
        await gather(
            [
                Task(each.append(memoryview(bytes([letter]) * 5)))
                for letter in b"abcdef"
                for each in (file, other)
            ]
        )

    world.run(both())
    found = world.read(file, len(DATA), 100)
    assert found[:6] == b"onetwo"
    pieces = [found[at : at + 5] for at in range(6, len(found), 5)]
    assert sorted(pieces) == sorted(bytes([letter]) * 5 for letter in b"abcdef" * 2)
    large = bytes(200_000)
    assert world.run(file.append(memoryview(large))) == len(DATA) + len(found)
    assert world.run(file.stat()).st_size == len(DATA) + len(found) + len(large)


def test_appended_data_survives_a_restart(world: World) -> None:
    file = world.open("r+")
    world.run(file.append(memoryview(b"one")))
    world.server.restart()
    assert world.run(file.append(memoryview(b"two"))) == len(DATA) + 3
    world.run(file.close())
    assert bytes(world.node.stable[-6:]) == b"onetwo"

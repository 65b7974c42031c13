"""The compiled lane beside its twin in Python: the same replies, and the same left behind."""

from __future__ import annotations

import os
import socket
import stat
import zlib
from pathlib import Path
from random import Random

import pytest
from tests.support.lanes import Twins, chosen, damaged
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    ROOT_USER,
    Op,
    access,
    compound_message,
    getattr_,
    lookup,
    putfh,
    read,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server import attributes
from nfsrdma.server.engine import lane
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import numbers_in

if not lane.native:
    pytest.skip("the compiled lane is not built, or NFSRDMA_NATIVE=0", allow_module_level=True)

CALLS = int(os.environ.get("NFSRDMA_LANE_CALLS", "3000"))
"""How many random calls are tried; ``make native-million`` tries a million."""
A_SERVER: int = 1500
"""Calls that one pair of servers gets."""
READABLE = numbers_in(attributes.READABLE)
CALLERS = (Credentials.sys(1000, 1000), Credentials.sys(0, 5), Credentials.sys(1, 0, (0, 5)))


class Conversation:
    """Calls that are more or less those of the lane, with what they may be about."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = Random(seed)
        self.twins = twins = Twins(both=True)
        self.session = session = twins.session(slots=4)
        made = [session.create(name, rng.randbytes(9000), owner=name) for name in (b"a", b"b")]
        self.stateids = [stateid for stateid, _ in made]
        self.stateids += [t.stateid4(0, made[0][0].other), t.stateid4(9, bytes(12)), ANONYMOUS]
        root = session.ok(PUTROOTFH, GETFH)[2].object
        self.handles = [*(handle for _, handle in made), root, session.mkdir(b"folder"), bytes(20)]
        for handle in self.handles[:4]:
            session.ok(putfh(handle), getattr_(t.FATTR4_TYPE))
        self.seqids = [session.seqid, 0, 0, 0]

    def _operation(self) -> tuple[Op, ...]:
        rng = self.rng
        which = rng.randrange(2)
        stateid = chosen(rng, self.stateids[which], self.stateids)
        at = putfh(chosen(rng, self.handles[which], self.handles))
        offset = rng.choice((0, rng.randrange(9000), rng.randrange(9000), 1 << 33, (1 << 64) - 9))
        size = rng.choice((0, 1, 4096, rng.randrange(9000), 1 << 20, 1 << 31))
        wanted = getattr_(*rng.sample(READABLE, rng.randrange(9)))
        usual = getattr_(t.FATTR4_TYPE, t.FATTR4_CHANGE, t.FATTR4_SIZE, t.FATTR4_OWNER)
        data = rng.randbytes(min(size, 9000))
        operation: Op = rng.choice(
            (
                read(stateid, offset, size),
                write(stateid, data, offset % (1 << 40), chosen(rng, 0, (1, 2, 3))),
                chosen(rng, usual, (wanted,)),
                chosen(rng, access(31), (lookup(b"a"), setattr_({t.FATTR4_MODE: 0o640}), GETFH)),
            )
        )
        behind = (chosen(rng, usual, (wanted, GETFH)),) if rng.random() < 0.2 else ()
        return at, operation, *behind

    def call(self) -> None:
        """Make one call, which the twins compare."""
        rng, slot = self.rng, self.rng.randrange(4)
        seqid = chosen(rng, self.seqids[slot] + 1, (self.seqids[slot], rng.getrandbits(32)))
        sequence = self.session.sequence(slot, seqid, rng.random() < 0.05)
        message = compound_message(
            (sequence, *self._operation()),
            chosen(rng, 2, (0, 1, 3, 77)),
            chosen(rng, b"", (b"tag",)),
            chosen(rng, ROOT_USER, CALLERS),
            xid=rng.getrandbits(32),
        )
        self.twins.message(
            chosen(rng, message, (damaged(message, rng),)),
            chosen(rng, 8 << 20, (0, 100, 150, 200, 4096, 5000)),
            chosen(rng, (), ([4096], [0], [1 << 20], [8, 8])),
        )
        self.twins.advance(rng.choice((0.0, 0.00007, 0.5)))
        slots = self.twins.servers[0].registry.session(self.session.id)._slots
        self.seqids = [known.seqid for known in slots] + [0] * (4 - len(slots))

    def compare_files(self) -> None:
        """Read all of the files, for the twins to compare."""
        for handle in self.handles[:2]:
            self.seqids[0] += 1
            sequence = self.session.sequence(0, self.seqids[0])
            self.twins.send(sequence, putfh(handle), read(ANONYMOUS, 0, 1 << 20))


def test_both_answer_the_same() -> None:
    taken = 0
    for seed in range(max(1, CALLS // A_SERVER)):
        conversation = Conversation(seed)
        for _ in range(min(CALLS, A_SERVER)):
            conversation.call()
        taken += conversation.twins.taken
        conversation.compare_files()
    assert taken > CALLS // 6


def test_it_is_the_compiled_one_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = Twins()
    session = twins.session()
    stateid, handle = session.create(b"file", bytes(5000))
    session.ok(putfh(handle), read(stateid, 0, 16))
    monkeypatch.setattr(lane.Lane, "__call__", lambda *args: 0)
    before = twins.taken
    for operation in (read(stateid, 9, 100), write(stateid, b"x"), getattr_(*numbers_in(COMPILED))):
        session.ok(putfh(handle), operation)
    assert twins.taken == before + 3
    session.ok(putfh(handle), access(31))
    assert twins.taken == before + 3


COMPILED = sum(
    1 << number
    for number in (
        *(t.FATTR4_TYPE, t.FATTR4_CHANGE, t.FATTR4_SIZE, t.FATTR4_FSID, t.FATTR4_RDATTR_ERROR),
        *(t.FATTR4_FILEID, t.FATTR4_MODE, t.FATTR4_NUMLINKS, t.FATTR4_OWNER),
        *(t.FATTR4_OWNER_GROUP, t.FATTR4_RAWDEV, t.FATTR4_SPACE_USED, t.FATTR4_TIME_ACCESS),
        *(t.FATTR4_TIME_METADATA, t.FATTR4_TIME_MODIFY, t.FATTR4_MOUNTED_ON_FILEID),
    )
)
"""The attributes that the compiled lane has."""


def _objects(folder: Path) -> list[bytes]:
    (folder / "file").write_bytes(bytes(70_000))
    (folder / "link").symlink_to("file")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(folder / "socket"))
    names = [b"file", b"link", b"folder", b"pipe", b"socket"]
    try:
        os.mknod(folder / "device", stat.S_IFCHR | 0o600, os.makedev(11, 300))
        os.chown(folder / "file", 4_000_000_000, 12)
    except PermissionError:
        return names
    os.utime(folder / "file", ns=(-1, -1_500_000_000))
    return [*names, b"device"]


def test_attributes_of_files_of_this_machine_are_the_same(tmp_path: Path) -> None:
    names = _objects(tmp_path)
    files = [LocalFileSystem(tmp_path), LocalFileSystem(tmp_path)]
    twins = Twins(files=files)
    session = twins.session()
    rng = Random(7)
    numbers = numbers_in(COMPILED)
    for name in names:
        handle = session.ok(PUTROOTFH, lookup(name), GETFH)[3].object
        session.ok(putfh(handle), getattr_(t.FATTR4_TYPE))
        before = twins.taken
        session.ok(putfh(handle), getattr_(*numbers))
        session.ok(putfh(handle), getattr_())
        for number in numbers:
            session.ok(putfh(handle), getattr_(number))
            session.ok(putfh(handle), getattr_(*rng.sample(numbers, 5)))
        assert twins.taken >= before + 2 * len(numbers), name
    for fs in files:
        fs.close()


def test_the_checksum_is_that_of_zlib() -> None:
    rng = Random(3)
    from nfsrdma.server.engine import _lane

    for size in (*range(40), 1023, 1024, 70_001):
        octets = rng.randbytes(size)
        assert _lane.crc32(octets) == zlib.crc32(octets)

"""Blocks of large files are given back by threads, and only who touches the file waits."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.nfs import (
    PUTROOTFH,
    SAVEFH,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    commit,
    compound_message,
    getattr_,
    link,
    lookup,
    make_server,
    mkdir,
    open_,
    putfh,
    read,
    remove,
    rename,
    setattr_,
    write,
)

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.engine.offload import OnEnd
from nfsrdma.server.vfs.interface import Job
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t

LARGE = 3 << 20
ALICE = Credentials.sys(1000, 1000)


class Threads:
    """Where jobs are done when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Job, OnEnd]] = []

    def __call__(self, job: Job, later: OnEnd) -> None:
        self.waiting.append((job, later))

    def work(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for job, later in waiting:
            failure: Exception | None = None
            try:
                job()
            except OSError as error:
                failure = error
            later(failure)


class World:
    """A server on a directory with a large file, and a client that has it open."""

    def __init__(self, path: Path) -> None:
        path.chmod(0o777)
        self.path = path
        self.threads = Threads()
        self.fs = LocalFileSystem(path)
        self.server = make_server(fs=self.fs, threads=self.threads, reactor=FakeReactor())
        self.session = Peer(self.server).session()
        self.other = Peer(self.server).session(b"other")
        (path / "large").write_bytes(bytes(LARGE))
        (path / "small").write_bytes(b"small")
        # So that the directory is in memory, as far as the server knows.
        self.done(self.session, PUTROOTFH, mkdir(b"d"))
        reply = self.done(self.session, PUTROOTFH, open_(b"large"), (t.OP_GETFH, None))
        self.stateid, self.handle = reply[2].stateid, reply[3].object

    def begin(self, session: Session, *ops: Op) -> Incoming:
        message = compound_message((session.sequence(), *ops), 2, b"", session.peer.credentials)
        incoming = Incoming(message, session.peer.channel, 8 << 20, ())
        self.server.service(incoming)
        return incoming

    def done(self, session: Session, *ops: Op) -> Reply:
        """Have a call answered, whatever it leaves to threads."""
        incoming = self.begin(session, *ops)
        while not incoming.outcome:
            assert self.threads.waiting
            self.threads.work()
        return Reply(incoming)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    if (tmp_path / "large").stat().st_blocks * 512 < LARGE:
        pytest.skip("the file system does not allocate what is written")
    yield world
    world.threads.work()
    world.fs.close()


def truncate(world: World) -> tuple[Op, ...]:
    return putfh(world.handle), setattr_({t.FATTR4_SIZE: 5}, world.stateid)


def punch(world: World) -> tuple[Op, ...]:
    return putfh(world.handle), (
        t.OP_DEALLOCATE,
        t.DEALLOCATE4args(world.stateid, 0, LARGE),
    )


def reserve(world: World) -> tuple[Op, ...]:
    return putfh(world.handle), (t.OP_ALLOCATE, t.ALLOCATE4args(world.stateid, 0, LARGE))


def reopen(world: World) -> tuple[Op, ...]:
    values = {t.FATTR4_SIZE: 0}
    return PUTROOTFH, open_(b"large", owner=b"again", create=t.UNCHECKED4, values=values)


@pytest.mark.parametrize("how", [truncate, punch, reserve, reopen])
def test_nobody_waits_for_it(world: World, how: Callable[[World], tuple[Op, ...]]) -> None:
    began = world.begin(world.session, *how(world))
    assert not began.outcome
    # Others are served, and whoever touches the file comes again.
    assert world.begin(world.other, PUTROOTFH, lookup(b"small")).outcome == "reply"
    assert Reply(world.begin(world.other, putfh(world.handle), getattr_(t.FATTR4_SIZE))).status == 0
    for ops in (
        (putfh(world.handle), read(t.stateid4(0, bytes(12)), 0, 10)),
        (putfh(world.handle), write(t.stateid4(0, bytes(12)), b"x", 0)),
        (putfh(world.handle), setattr_({t.FATTR4_MODE: 0o600})),
        (putfh(world.handle), setattr_({t.FATTR4_SIZE: 1})),
        (putfh(world.handle), SAVEFH, PUTROOTFH, link(b"second")),
        (PUTROOTFH, remove(b"large")),
        (PUTROOTFH, SAVEFH, rename(b"small", b"large")),
        (PUTROOTFH, SAVEFH, rename(b"large", b"new")),
    ):
        assert Reply(world.begin(world.other, *ops)).status == t.NFS4ERR_DELAY
    world.threads.work()
    assert Reply(began).status == t.NFS4_OK
    assert (
        Reply(world.begin(world.session, putfh(world.handle), read(world.stateid, 0, 5))).status
        == 0
    )
    assert not world.fs.heavy.busy


def test_the_size_and_the_times_are_what_was_asked_for(world: World) -> None:
    when = t.settime4(t.SET_TO_CLIENT_TIME4, t.nfstime4(1_000_000_000, 5))
    before = world.session.attributes(world.handle, t.FATTR4_CHANGE)
    values = {t.FATTR4_SIZE: 5, t.FATTR4_MODE: 0o640, t.FATTR4_TIME_MODIFY_SET: when}
    reply = world.done(world.session, putfh(world.handle), setattr_(values, world.stateid))
    assert reply.status == t.NFS4_OK
    found = (world.path / "large").stat()
    assert (found.st_size, stat.S_IMODE(found.st_mode)) == (5, 0o640)
    assert found.st_mtime_ns == 1_000_000_000_000_000_005
    assert world.session.attributes(world.handle, t.FATTR4_CHANGE) != before


@pytest.mark.skipif(os.geteuid() != 0, reason="acting as others takes root")
def test_a_program_loses_its_set_user_id_bit(world: World) -> None:
    path = world.path / "large"
    os.chown(path, 1000, 1000)
    path.chmod(0o6755)
    alice = Peer(world.server, ALICE).session(b"alice")
    reply = world.done(alice, putfh(world.handle), setattr_({t.FATTR4_SIZE: 5}))
    assert reply.status == t.NFS4_OK
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    mallory = Peer(world.server, Credentials.sys(1001, 1001)).session(b"mallory")
    path.write_bytes(bytes(LARGE))
    refused = world.begin(mallory, putfh(world.handle), setattr_({t.FATTR4_SIZE: 5}))
    assert Reply(refused).status == t.NFS4ERR_ACCESS
    assert path.stat().st_size == LARGE
    assert not world.fs.heavy.busy


def test_what_goes_wrong_leaves_nothing_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(28, "no space")

    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "ftruncate", failing)
    reply = world.done(world.session, *truncate(world))
    assert reply.status == t.NFS4ERR_NOSPC
    monkeypatch.setattr(os, "chmod", failing)
    values = {t.FATTR4_SIZE: 5, t.FATTR4_MODE: 0o600}
    refused = world.done(world.session, putfh(world.handle), setattr_(values, world.stateid))
    assert refused.status == t.NFS4ERR_NOSPC
    assert not world.fs.heavy.busy
    assert len(os.listdir("/proc/self/fd")) <= before + 1


@pytest.mark.parametrize("by", ["remove", "rename"])
def test_blocks_of_what_is_removed_are_given_back_aside(world: World, by: str) -> None:
    (world.path / "closed").write_bytes(bytes(LARGE))
    inode = (world.path / "closed").stat().st_ino
    ops: tuple[Op, ...] = (PUTROOTFH, remove(b"closed"))
    if by == "rename":
        ops = (PUTROOTFH, SAVEFH, rename(b"small", b"closed"))
    call = world.begin(world.session, *ops)
    waiting = open_inodes()
    assert inode in waiting
    while world.threads.waiting:
        world.threads.work()
    assert Reply(call).status == t.NFS4_OK
    assert inode not in open_inodes()


def test_blocks_of_what_is_closed_last_are_given_back_aside(world: World) -> None:
    assert world.done(world.session, PUTROOTFH, remove(b"large")).status == t.NFS4_OK
    inode = world.session.attributes(world.handle, t.FATTR4_FILEID)[t.FATTR4_FILEID]
    world.threads.work()
    close = t.OP_CLOSE, t.CLOSE4args(0, world.stateid)
    assert Reply(world.begin(world.session, putfh(world.handle), close)).status == t.NFS4_OK
    assert inode in open_inodes()
    world.threads.work()
    assert inode not in open_inodes()


def test_small_files_are_cut_without_a_thread(world: World) -> None:
    reply = Reply(world.begin(world.session, PUTROOTFH, open_(b"small"), (t.OP_GETFH, None)))
    stateid, handle = reply[2].stateid, reply[3].object
    began = world.begin(world.session, putfh(handle), setattr_({t.FATTR4_SIZE: 2}, stateid))
    assert (world.path / "small").stat().st_size == 2
    # What is left is that this is on the disk.
    assert not began.outcome
    assert len(world.threads.waiting) == 1
    world.threads.work()
    assert Reply(began).status == t.NFS4_OK
    world.done(world.session, putfh(handle), commit())


def open_inodes() -> set[int]:
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.stat(f"/proc/self/fd/{name}").st_ino)
        except OSError:
            continue
    return found

"""What has to be durable before it is answered, and what happens meanwhile."""

from __future__ import annotations

import errno
import threading

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    CURRENT,
    GETFH,
    PUTROOTFH,
    ROOT_USER,
    Clock,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    commit,
    compound_message,
    getattr_,
    lookup,
    make_server,
    mkdir,
    open_,
    putfh,
    remove,
    write,
)

from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.server.edge.workers import Workers
from nfsrdma.server.engine.offload import OnEnd, run_all
from nfsrdma.server.vfs.interface import Job, Node
from nfsrdma.server.vfs.memory import MemoryFile, MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t


class Disk(MemoryFileSystem):
    """Memory that has to be made durable. ``done`` has what was, ``error`` what goes wrong."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.done: list[str] = []
        self.error: OSError | None = None

    def job(self, name: str) -> Job:
        def run() -> None:
            if self.error is not None:
                raise self.error
            self.done.append(name)

        return run

    def sync(self, node: Node) -> Job | None:
        return self.job("directory" if node.is_directory else "attributes")


class Threads:
    """Runs jobs when told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Job, OnEnd]] = []

    def __call__(self, job: Job, later: OnEnd) -> None:
        self.waiting.append((job, later))

    def run(self) -> None:
        job, later = self.waiting.pop(0)
        try:
            job()
        except Exception as error:
            later(error)
        else:
            later(None)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(
        MemoryFile, "sync", lambda _, metadata: disk.job("file" if metadata else "data")
    )
    return disk


@pytest.fixture
def threads() -> Threads:
    return Threads()


@pytest.fixture
def session(disk: Disk, threads: Threads) -> Session:
    return Peer(make_server(fs=disk, threads=threads)).session()


def send(session: Session, *ops: Op, **how: object) -> Incoming:
    """Send a compound that may not be answered at once."""
    message = compound_message((session.sequence(**how), *ops), 2, b"", ROOT_USER)
    incoming = Incoming(message, session.peer.channel, 1 << 20, ())
    session.peer.server.service(incoming)
    return incoming


def create(session: Session, threads: Threads, name: bytes) -> bytes:
    incoming = send(session, PUTROOTFH, open_(name, create=t.UNCHECKED4), GETFH)
    threads.run()
    return bytes(Reply(incoming)[3].object)


def test_others_have_their_turn_while_a_disk_is_slow(
    session: Session, disk: Disk, threads: Threads
) -> None:
    handle = create(session, threads, b"a")
    disk.done.clear()
    incoming = send(
        session,
        putfh(handle),
        write(ANONYMOUS, b"data", stable=t.FILE_SYNC4),
        PUTROOTFH,
        mkdir(b"d"),
    )
    assert (incoming.outcome, disk.done) == ("", [])
    other = session.peer.session(b"another")
    assert other.read(handle) == b"data"
    other.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"d"))
    threads.run()
    assert (incoming.outcome, disk.done) == ("", ["file"])
    assert threads.waiting, "the new directory has to be durable as well"
    threads.run()
    assert Reply(incoming).statuses == [t.NFS4_OK] * 5
    assert disk.done == ["file", "directory"]


def test_a_new_file_and_its_entry_are_made_durable_together(
    session: Session, disk: Disk, threads: Threads
) -> None:
    incoming = send(
        session,
        PUTROOTFH,
        open_(b"a", create=t.UNCHECKED4),
        write(CURRENT, b"data", stable=t.DATA_SYNC4),
        PUTROOTFH,
    )
    threads.run()
    assert disk.done == ["data", "directory"], "the file first"
    assert Reply(incoming).status == t.NFS4_OK


def test_a_failure_is_that_of_the_operation(session: Session, disk: Disk, threads: Threads) -> None:
    handle = create(session, threads, b"a")
    incoming = send(session, putfh(handle), commit(), PUTROOTFH, remove(b"a"))
    disk.error = OSError(errno.EIO, "the disk is broken")
    threads.run()
    reply = Reply(incoming)
    assert reply.ops == [t.OP_SEQUENCE, t.OP_PUTFH, t.OP_COMMIT]
    assert reply.statuses[-1] == reply.status == t.NFS4ERR_IO
    session.ok(PUTROOTFH, lookup(b"a"))


def test_what_was_changed_is_durable_also_if_something_fails_later(
    session: Session, disk: Disk, threads: Threads
) -> None:
    incoming = send(session, PUTROOTFH, mkdir(b"d"), lookup(b"missing"), GETFH)
    assert incoming.outcome == ""
    threads.run()
    assert disk.done == ["directory"]
    assert Reply(incoming).statuses[-1] == t.NFS4ERR_NOENT
    incoming = send(session, PUTROOTFH, mkdir(b"e"), lookup(b"missing"), GETFH)
    disk.error = OSError(errno.EIO, "the disk is broken")
    threads.run()
    assert Reply(incoming).status == t.NFS4ERR_IO


def test_a_repetition_meanwhile_is_put_off_and_then_answered_alike(
    session: Session, threads: Threads
) -> None:
    ops = (PUTROOTFH, mkdir(b"d"))
    incoming = send(session, *ops, cache=True)
    seqid = session.seqid
    early = send(session, *ops, cache=True, seqid=seqid)
    assert Reply(early).status == t.NFS4ERR_DELAY
    threads.run()
    late = send(session, *ops, cache=True, seqid=seqid)
    assert Reply(late).body == Reply(incoming).body
    assert not threads.waiting


def test_a_bug_in_a_job_is_answered_too(
    session: Session, threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    incoming = send(session, PUTROOTFH, mkdir(b"d"))
    threads.waiting.pop()[1](ValueError("a bug"))
    assert Reply(incoming).status == t.NFS4ERR_SERVERFAULT
    incoming = send(session, PUTROOTFH, mkdir(b"e"))
    monkeypatch.setattr("nfsrdma.server.engine.machine.Compound.run", lambda *_: {}["another bug"])
    threads.run()
    assert incoming.outcome == "reply"


def test_without_threads_it_is_done_here(disk: Disk) -> None:
    session = Peer(make_server(fs=disk)).session()
    session.ok(PUTROOTFH, mkdir(b"d"))
    assert disk.done == ["directory"]
    disk.error = OSError(errno.ENOSPC, "no room")
    session.fails(t.NFS4ERR_NOSPC, PUTROOTFH, mkdir(b"e"))
    session.ok(PUTROOTFH, getattr_(t.FATTR4_TYPE))


def test_all_jobs_are_run_whatever_happens_to_one() -> None:
    seen: list[int] = []

    def bad() -> None:
        seen.append(0)
        raise OSError(errno.EIO, "bad")

    with pytest.raises(OSError, match="bad"):
        run_all([lambda: seen.append(1), bad, lambda: seen.append(2)])
    assert seen == [2, 0, 1]


def test_workers_run_jobs_on_threads_of_their_own() -> None:
    reactor = SelectReactor()
    workers = Workers(reactor, threads=2)
    both = threading.Barrier(2, timeout=10)
    told: list[Exception | None] = []

    def fail() -> None:
        raise OSError(errno.EIO, "bad")

    workers(both.wait, told.append)  # type: ignore[arg-type]
    workers(both.wait, told.append)  # type: ignore[arg-type]
    reactor.run_until(lambda: len(told) == 2, 10)
    workers(fail, told.append)
    workers.close()
    workers(lambda: None, told.append)
    reactor.run_until(lambda: len(told) == 4, 10)
    assert told[:2] == [None, None]
    assert isinstance(told[2], OSError)
    assert told[3] is None
    reactor.close()

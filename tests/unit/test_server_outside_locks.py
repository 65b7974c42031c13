"""Locks of clients and of programs of the server's own host keep each other off."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.delegations import Holder, settle
from tests.support.nfs import (
    GETFH,
    LEASE,
    PUTROOTFH,
    ROOT_USER,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    close,
    compound_message,
    lock,
    lockt,
    locku,
    make_server,
    open_,
    open_export,
    putfh,
)
from tests.support.threads import AtOnce

from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.service import NfsService
from nfsrdma.server.state.lease import LeaseTimes
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs import local_ranges
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.server.vfs.pace import Medium
from nfsrdma.xdr.nfs4 import types as t

READ_LT, WRITE_LT, READW_LT, WRITEW_LT = t.READ_LT, t.WRITE_LT, t.READW_LT, t.WRITEW_LT
READ, WRITE, BOTH = (
    t.OPEN4_SHARE_ACCESS_READ,
    t.OPEN4_SHARE_ACCESS_WRITE,
    t.OPEN4_SHARE_ACCESS_BOTH,
)
ALL = (1 << 64) - 1
_FLOCK = struct.Struct("@hhqqi4x")


class Program:
    """A program of this host, as far as the kernel can tell: a file description of its own."""

    def __init__(self, path: Path, flags: int = os.O_RDWR) -> None:
        self.fd = os.open(path, flags)

    def locks(self, kind: int, start: int = 0, length: int = 0) -> bool:
        """Try to lock; whether that was possible."""
        try:
            fcntl.fcntl(self.fd, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, 0, start, length, 0))
        except BlockingIOError:
            return False
        return True

    def unlocks(self, start: int = 0, length: int = 0) -> None:
        assert self.locks(fcntl.F_UNLCK, start, length)

    def sees(self, start: int = 0, length: int = 0, kind: int = fcntl.F_WRLCK) -> str:
        """What is in its way: "r" or "w" and the range, or nothing."""
        asked = _FLOCK.pack(kind, 0, start, length, 0)
        kind, _, begin, size, _ = _FLOCK.unpack(fcntl.fcntl(self.fd, fcntl.F_OFD_GETLK, asked))
        if kind == fcntl.F_UNLCK:
            return ""
        return f"{'w' if kind == fcntl.F_WRLCK else 'r'}{begin}+{size}"

    def map(self) -> str:
        """Of each of the first octets: whether clients have it for reading, for writing, or not."""
        return "".join((self.sees(at, 1) or ".")[0] for at in range(12))

    def close(self) -> None:
        os.close(self.fd)


class Client:
    """A client that has the file open."""

    def __init__(
        self, server: NfsService, name: bytes, access: int = BOTH, *, complete: bool = True
    ) -> None:
        self.session: Session = Peer(server).session(name, complete=complete)
        opened = self.session.ok(PUTROOTFH, open_(b"f", access), GETFH)
        self.stateid, self.handle = opened[2].stateid, opened[3].object
        self.held: dict[bytes, t.stateid4] = {}

    def asks(
        self,
        kind: int,
        start: int = 0,
        length: int = 10,
        owner: bytes = b"p",
        status: int = t.NFS4_OK,
    ) -> t.LOCK4denied | None:
        known = self.held.get(owner)
        first = known is None
        op = lock(known or self.stateid, start, length, kind, owner=owner if first else None)
        reply = self.session.run(putfh(self.handle), op)
        if reply.status == t.NFS4ERR_DENIED:
            denied: t.LOCK4denied = reply[-1]
            return denied
        assert reply.status == status, reply
        if status == t.NFS4_OK:
            self.held[owner] = reply[-1].lock_stateid
        return None

    def unlocks(self, start: int = 0, length: int = 10, owner: bytes = b"p") -> None:
        reply = self.session.ok(putfh(self.handle), locku(self.held[owner], start, length))
        self.held[owner] = reply[2]

    def tests(self, kind: int, start: int = 0, length: int = 10) -> t.LOCK4denied | None:
        reply = self.session.run(putfh(self.handle), lockt(start, length, kind, owner=b"p"))
        if reply.status == t.NFS4ERR_DENIED:
            denied: t.LOCK4denied = reply[-1]
            return denied
        assert reply.status == t.NFS4_OK
        return None

    def closes(self) -> None:
        self.session.ok(putfh(self.handle), close(self.stateid))


class Bed:
    """A server of a directory with a file, and a program of this host that uses that as well."""

    def __init__(self, path: Path, fs: LocalFileSystem, **how: object) -> None:
        self.path = path
        self.fs = fs
        self.reactor = FakeReactor()
        self.how = how
        self.store = MemoryRecoveryStore(1)
        self.server = self.start()
        self.program = Program(path / "f")

    def start(self) -> NfsService:
        export = open_export("", self.fs)
        export.local_locks = self.how.get("local_locks", True) is True
        limits = self.how.get("limits") or StateLimits()
        assert isinstance(limits, StateLimits)
        config = ServerConfig(times=LeaseTimes(lease=LEASE, grace=LEASE), state=limits)
        return make_server(export, reactor=self.reactor, store=self.store, config=config)

    def client(self, name: bytes = b"one", access: int = BOTH) -> Client:
        return Client(self.server, name, access)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "f").write_bytes(bytes(100))
    return tmp_path


Make = Callable[..., Bed]


@pytest.fixture(params=["at once", "elsewhere"])
def make(request: pytest.FixtureRequest, path: Path) -> Iterator[Make]:
    beds: list[Bed] = []
    threads = AtOnce()

    def made(**how: object) -> Bed:
        medium = Medium.OTHER if request.param == "elsewhere" else None
        fs = LocalFileSystem(path, medium=medium)
        if medium:
            fs.attach(threads)
        beds.append(Bed(path, fs, **how))
        return beds[-1]

    yield made
    for bed in beds:
        bed.program.close()
        bed.server.close()
        assert not len(bed.server.outside_locks)
    threads.close()


@pytest.fixture
def bed(make: Make) -> Bed:
    return make()


def test_a_client_keeps_a_program_off(bed: Bed) -> None:
    client = bed.client()
    assert client.asks(WRITE_LT, 10, 5) is None
    assert bed.program.sees() == "w10+5"
    assert not bed.program.locks(fcntl.F_RDLCK, 12, 1)
    assert bed.program.locks(fcntl.F_WRLCK, 0, 10)
    client.unlocks(10, 5)
    assert bed.program.locks(fcntl.F_WRLCK)


def test_a_program_keeps_a_client_off(bed: Bed) -> None:
    client = bed.client()
    assert bed.program.locks(fcntl.F_WRLCK, 20, 10)
    denied = client.asks(READ_LT, 0, 30)
    assert denied == t.LOCK4denied(20, 10, WRITE_LT, t.lock_owner4(0, b""))
    assert client.tests(READ_LT, 0, 30) == denied
    assert client.tests(WRITE_LT, 0, 20) is None
    assert not len(bed.server.outside_locks)
    bed.program.unlocks()
    assert client.asks(READ_LT, 0, 30) is None
    assert client.tests(WRITE_LT, 0, 30) is None


def test_a_process_is_named(bed: Bed) -> None:
    """A lock that a real process has taken with POSIX's call, until it is gone."""
    script = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_SH, 7, 3)\n"
        "print('locked', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", script, str(bed.path / "f")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        client = bed.client()
        denied = client.asks(WRITE_LT, 0, ALL)
        owner = t.lock_owner4(0, b"process %d" % process.pid)
        assert denied == t.LOCK4denied(3, 7, READ_LT, owner)
        assert client.asks(READ_LT, 0, ALL) is None
    assert client.asks(WRITE_LT, 0, ALL) is None


def test_what_two_clients_read_is_kept_until_both_are_gone(bed: Bed) -> None:
    one, two = bed.client(b"one"), bed.client(b"two")
    one.asks(READ_LT, 0, 6)
    two.asks(READ_LT, 4, 6)
    assert bed.program.map() == "rrrrrrrrrr.."
    one.unlocks(0, 6)
    assert bed.program.map() == "....rrrrrr.."
    one.asks(READ_LT, 8, ALL)
    two.closes()
    assert bed.program.map() == "........rrrr"
    assert bed.program.sees(100, 1) == "r8+0"


def test_upgrade_and_downgrade(bed: Bed) -> None:
    client = bed.client()
    client.asks(READ_LT, 0, 10)
    assert bed.program.locks(fcntl.F_RDLCK, 5, 1)
    assert client.asks(WRITE_LT, 0, 4) is None
    assert bed.program.map() == "wwwwrrrrrr.."
    denied = client.asks(WRITE_LT, 0, 10)
    assert denied is not None
    assert (denied.offset, denied.length, denied.locktype) == (5, 1, READ_LT)
    assert bed.program.map() == "wwwwrrrrrr.."
    bed.program.unlocks()
    assert client.asks(WRITE_LT, 0, 10) is None
    assert client.asks(READ_LT, 2, 4) is None
    assert bed.program.map() == "wwrrrrwwww.."
    client.unlocks(3, 4)
    assert bed.program.map() == "wwr....www.."


def test_unlocking_what_is_others_leaves_it(bed: Bed) -> None:
    one, two = bed.client(b"one"), bed.client(b"two")
    one.asks(WRITE_LT, 0, 4)
    two.asks(WRITE_LT, 4, 4)
    one.unlocks(0, ALL)
    assert bed.program.map() == "....wwww...."


def test_a_file_that_is_open_for_reading_alone(bed: Bed) -> None:
    """A descriptor for reading holds ranges for reading; when one is to be written it is replaced.

    A program that runs cannot be open for writing meanwhile, nor be begun.
    """
    reader = bed.client(b"reader", READ)
    assert reader.asks(READ_LT, 0, 4) is None
    (kept,) = bed.server.outside_locks._files.values()
    assert kept._keeper is not None
    assert kept._keeper.access == 4
    writer = bed.client(b"writer", WRITE)
    assert writer.asks(WRITE_LT, 6, 4) is None
    assert bed.program.map() == "rrrr..wwww.."
    reader.asks(WRITE_LT, 0, 1, status=t.NFS4ERR_OPENMODE)


def test_closing_and_the_lease(bed: Bed) -> None:
    one, two = bed.client(b"one"), bed.client(b"two")
    one.asks(WRITE_LT, 0, 4)
    one.asks(READ_LT, 8, 2, owner=b"q")
    one.closes()
    assert bed.program.locks(fcntl.F_WRLCK)
    bed.program.unlocks()
    assert not len(bed.server.outside_locks)
    two.asks(WRITE_LT, 0, 4)
    bed.reactor.advance(LEASE + 1)
    assert bed.program.sees() == "w0+4"  # as a courtesy
    three = bed.client(b"three")
    assert three.asks(WRITE_LT, 2, 4) is None
    assert bed.program.sees() == "w2+4"


def test_all_goes_with_the_server(make: Make) -> None:
    bed = make()
    client = bed.client()
    client.asks(WRITE_LT, 0, ALL)
    bed.server.close()
    assert bed.program.locks(fcntl.F_WRLCK)


def test_reclaims_hold_again(bed: Bed) -> None:
    before = bed.client(b"one")
    before.asks(WRITE_LT, 0, 4)
    other = bed.client(b"two")
    other.asks(WRITE_LT, 6, 2)
    # The server dies: its descriptors go, nothing else.
    bed.server.outside_locks.close()
    assert bed.program.locks(fcntl.F_WRLCK, 6, 1)
    bed.server = bed.start()

    def reclaims(name: bytes, start: int, status: int) -> None:
        session = Peer(bed.server).session(name, complete=False)
        claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_NONE)
        opened = session.ok(putfh(before.handle), open_(None, BOTH, claim=claim))
        op = lock(opened[2].stateid, start, 2, WRITE_LT, owner=b"p", reclaim=True)
        assert session.run(putfh(before.handle), op).status == status

    reclaims(b"one", 0, t.NFS4_OK)
    assert bed.program.sees(0, 4) == "w0+2"
    reclaims(b"two", 6, t.NFS4ERR_RECLAIM_CONFLICT)


def test_far_ranges(bed: Bed) -> None:
    """The kernel has no octet beyond 2^63 - 1: what clients lock there is among them."""
    client = bed.client()
    assert client.asks(WRITE_LT, 1 << 63, ALL) is None
    assert client.asks(READ_LT, (1 << 63) - 5, 10) is None
    assert bed.program.sees(0, 0) == f"r{(1 << 63) - 5}+0"
    client.unlocks(0, ALL)
    assert bed.program.sees() == ""
    other = bed.client(b"two")
    assert other.asks(WRITE_LT, (1 << 64) - 2, 1) is None


def test_it_can_be_left_out(make: Make) -> None:
    bed = make(local_locks=False)
    client = bed.client()
    assert bed.program.locks(fcntl.F_WRLCK)
    assert client.tests(WRITE_LT) is None
    assert client.asks(WRITE_LT) is None


def test_two_exports_of_one_file(bed: Bed) -> None:
    other = Bed(bed.path, LocalFileSystem(bed.path))
    assert bed.client().asks(WRITE_LT) is None
    denied = other.client().asks(WRITE_LT)
    assert denied is not None
    assert denied.owner.clientid == 0
    other.program.close()
    other.server.close()


def test_who_waits_for_a_program_is_told(bed: Bed) -> None:
    holder = Holder(bed.server, b"one")
    handle, opened = holder.open(b"f", BOTH | t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG)
    op = lock(opened.stateid, 0, 10, WRITEW_LT, owner=b"p")
    assert bed.program.locks(fcntl.F_WRLCK, 5, 1)
    assert holder.session.run(putfh(handle), op).status == t.NFS4ERR_DENIED
    assert len(bed.server.lock_notices.table) == 1
    for _ in range(3):
        bed.reactor.advance(2)
        settle(bed.reactor)
    assert not [each for each in holder.seen if each.argop == t.OP_CB_NOTIFY_LOCK]
    bed.program.unlocks()
    bed.reactor.advance(2)
    settle(bed.reactor)
    (notice,) = [each.value for each in holder.seen if each.argop == t.OP_CB_NOTIFY_LOCK]
    assert notice.cnla_lock_owner.owner == b"p"
    assert holder.session.run(putfh(handle), op).status == t.NFS4_OK
    assert not len(bed.server.lock_notices.table)


def test_who_does_not_come_back_is_not_looked_for_for_ever(bed: Bed) -> None:
    holder = Holder(bed.server, b"one")
    handle, opened = holder.open(b"f", BOTH | t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG)
    assert bed.program.locks(fcntl.F_WRLCK)
    op = lock(opened.stateid, 0, 10, WRITEW_LT, owner=b"p")
    assert holder.session.run(putfh(handle), op).status == t.NFS4ERR_DENIED
    for _ in range(int(LEASE) + 3):
        bed.reactor.advance(1)
        settle(bed.reactor)
    assert not len(bed.server.lock_notices.table)
    assert not bed.server.outside_locks._watched


def test_many_ranges_are_bounded_and_released_in_portions(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client locks octets here and there, as many as it may, and another one all in between."""
    bed = make(limits=StateLimits(ranges_per_file=3000))
    one, two = bed.client(b"one"), bed.client(b"two")
    for at in range(3100):
        one.asks(READ_LT, 2 * at, 1, status=t.NFS4ERR_DELAY if at >= 2999 else t.NFS4_OK)
    one.unlocks(0, 200)
    assert two.asks(READ_LT, 0, ALL) is None
    assert bed.program.sees(1, 1) == "r0+0"
    turns, turn = 0, bed.reactor.turn

    def counted() -> None:
        nonlocal turns
        turns += 1
        turn()

    monkeypatch.setattr(bed.reactor, "turn", counted)
    two.closes()
    assert turns > 5
    assert bed.program.sees(0, 200) == ""
    assert bed.program.sees(200, 2) == "r200+1"
    assert bed.program.sees(203, 1) == ""
    one.closes()
    settle(bed.reactor)
    assert bed.program.sees() == ""


def test_what_cannot_be_opened_is_refused(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    client = bed.client()

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "no")

    with monkeypatch.context() as patch:
        patch.setattr(bed.fs.calls, "open_inode", refuse)
        client.asks(WRITE_LT, status=t.NFS4ERR_ACCESS)
        client.asks(READ_LT, status=t.NFS4ERR_ACCESS)
        assert client.tests(WRITE_LT) is None
    assert not len(bed.server.outside_locks)
    assert client.asks(WRITE_LT) is None


def test_a_file_system_without_locks(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise OSError(errno.EOPNOTSUPP, "no locks")

    client = bed.client()
    monkeypatch.setattr(local_ranges.fcntl, "fcntl", refuse)
    assert client.tests(WRITE_LT) is None
    assert client.asks(WRITE_LT) is None
    client.unlocks()
    client.closes()


def test_a_range_that_cannot_be_released_is_told_of(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = bed.client()
    client.asks(WRITE_LT, 0, 10)
    real = local_ranges.fcntl.fcntl

    def refuse(fd: int, what: int, how: bytes) -> object:
        if _FLOCK.unpack(how)[0] == fcntl.F_UNLCK:
            raise OSError(errno.ENOLCK, "no memory")
        return real(fd, what, how)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(local_ranges.fcntl, "fcntl", refuse)
        client.unlocks(2, 4)
    assert "could not be unlocked" in caplog.text
    client.closes()
    assert bed.program.locks(fcntl.F_WRLCK)


def test_no_descriptor_is_left(bed: Bed) -> None:
    before = bed.fs.budget.held
    client = bed.client()
    for kind in (READ_LT, WRITE_LT, READ_LT):
        client.asks(kind)
        client.tests(kind, 50)
    client.closes()
    assert bed.fs.budget.held == before


class Later:
    """An executor whose work is done when the test says so."""

    def __init__(self) -> None:
        self._jobs: list[Callable[[], None]] = []

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except OSError as error:
                future.set_error(error)

        self._jobs.append(run)
        return future

    def background(self, job: Callable[[], None]) -> None:
        job()

    def go_on(self, reactor: FakeReactor) -> bool:
        """Do what there is to be done; whether there was anything."""
        settle(reactor)
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job()
        settle(reactor)
        return bool(jobs)


class SlowBed(Bed):
    """One whose file system answers later."""

    def __init__(self, path: Path) -> None:
        self.later = Later()
        self.slots = 0
        fs = LocalFileSystem(path, medium=Medium.OTHER)
        super().__init__(path, fs)
        self.one, self.two = self.client(b"one"), self.client(b"two")
        fs.attach(self.later)

    def send(self, client: Client, *ops: Op) -> Incoming:
        """Send a compound in a slot of its own."""
        session = client.session
        self.slots += 1
        head = session.sequence(self.slots, 1)
        message = compound_message([head, putfh(client.handle), *ops], 2, b"", ROOT_USER)
        incoming = Incoming(message, session.peer.channel, 8 << 20, ())
        self.server.service(incoming)
        settle(self.reactor)
        return incoming

    def finish(self) -> None:
        while self.later.go_on(self.reactor):
            pass

    def answer(self, incoming: Incoming) -> int:
        return Reply(incoming).status


@pytest.fixture
def slow(path: Path) -> Iterator[SlowBed]:
    bed = SlowBed(path)
    yield bed
    bed.program.close()
    bed.server.close()
    bed.finish()
    assert not len(bed.server.outside_locks)


def test_one_lock_of_a_file_at_a_time(slow: SlowBed) -> None:
    """Neither is in the table yet when the other one comes."""
    first = slow.send(slow.one, lock(slow.one.stateid, 0, 10, owner=b"p"))
    second = slow.send(slow.two, lock(slow.two.stateid, 5, 10, owner=b"p"))
    third = slow.send(slow.two, lock(slow.two.stateid, 20, 10, owner=b"p"))
    assert [each.outcome for each in (first, second, third)] == ["", "", ""]
    slow.finish()
    answers = [slow.answer(each) for each in (first, second, third)]
    assert answers == [t.NFS4_OK, t.NFS4ERR_DENIED, t.NFS4_OK]
    assert slow.program.sees(0, 20) == "w0+10"
    assert slow.program.sees(15, 0) == "w20+10"


@pytest.mark.parametrize("steps", range(4))
def test_an_open_that_is_closed_while_its_lock_waits(slow: SlowBed, steps: int) -> None:
    asked = slow.send(slow.one, lock(slow.one.stateid, 0, 10, owner=b"p"))
    for _ in range(steps):
        slow.later.go_on(slow.reactor)
    granted = bool(asked.outcome)
    closed = slow.send(slow.one, close(slow.one.stateid))
    slow.finish()
    assert slow.answer(closed) == t.NFS4_OK
    # It is granted only if the open was still there.
    assert slow.answer(asked) == (t.NFS4_OK if granted else t.NFS4ERR_BAD_STATEID)
    assert slow.program.locks(fcntl.F_WRLCK)


@pytest.mark.parametrize("how", ["LOCKU", "CLOSE"])
def test_who_lets_go_is_answered_once_others_can_have_it(slow: SlowBed, how: str) -> None:
    """A program that hears of it from who had the lock is not refused."""
    asked = slow.send(slow.one, lock(slow.one.stateid, 0, 10, owner=b"p"))
    slow.finish()
    held = Reply(asked)[-1].lock_stateid
    ended = locku(held, 0, 10) if how == "LOCKU" else close(slow.one.stateid)
    answered = slow.send(slow.one, ended)
    assert not answered.outcome
    assert not slow.program.locks(fcntl.F_WRLCK)
    while not answered.outcome:
        assert slow.later.go_on(slow.reactor)
    assert slow.answer(answered) == t.NFS4_OK
    assert slow.program.locks(fcntl.F_WRLCK)


def test_a_lock_that_comes_while_the_last_one_is_let_go(slow: SlowBed) -> None:
    asked = slow.send(slow.one, lock(slow.one.stateid, 0, 10, owner=b"p"))
    slow.finish()
    assert slow.answer(asked) == t.NFS4_OK
    slow.send(slow.one, close(slow.one.stateid))
    again = slow.send(slow.two, lock(slow.two.stateid, 0, 10, owner=b"p"))
    assert not again.outcome
    slow.finish()
    assert slow.answer(again) == t.NFS4_OK
    assert slow.program.sees() == "w0+10"

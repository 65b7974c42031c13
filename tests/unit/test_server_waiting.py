"""Compounds that wait for a file system, and what happens meanwhile."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    GETFH,
    PUTROOTFH,
    ROOT_USER,
    FakeChannel,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    close,
    compound_message,
    destroy_session,
    lookup,
    make_server,
    mkdir,
    open_,
    putfh,
    read,
    remove,
)

from nfsrdma.rpcrdma.task import Cancelled, Future
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFile, MemoryFileSystem
from nfsrdma.server.vfs.namespace import Namespace
from nfsrdma.server.waiting import ready, started, then
from nfsrdma.xdr import Encoder
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.errors import NfsError


class Pending:
    """Calls of one method of a file system, which are answered when told to."""

    def __init__(self, patch: pytest.MonkeyPatch, kind: type, method: str) -> None:
        self._answer: Callable[..., Any] = getattr(kind, method)
        self._calls: list[tuple[Future[Any], tuple[Any, ...], dict[str, Any]]] = []
        patch.setattr(kind, method, lambda *args, **how: self._call(*args, **how))

    def __len__(self) -> int:
        return len(self._calls)

    def _call(self, *args: Any, **how: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._calls.append((future, args, how))
        return future

    def answer(self, index: int = 0) -> None:
        """Answer a call as it would have been at once."""
        future, args, how = self._calls.pop(index)
        try:
            result = self._answer(*args, **how)
        except Exception as error:
            future.set_error(error)
        else:
            future.set_result(result)

    def fail(self, error: BaseException) -> None:
        """Have the first call fail."""
        future, _, _ = self._calls.pop(0)
        future.set_error(error)


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def server(reactor: FakeReactor) -> NfsService:
    return make_server(reactor=reactor)


@pytest.fixture
def session(server: NfsService) -> Session:
    session = Peer(server).session()
    session.mkdir(b"a")
    session.mkdir(b"b")
    return session


@pytest.fixture
def lookups(session: Session, monkeypatch: pytest.MonkeyPatch) -> Pending:
    return Pending(monkeypatch, Namespace, "lookup")


def send(
    session: Session,
    *ops: Op,
    slot: int = 0,
    seqid: int | None = None,
    channel: FakeChannel | None = None,
    cache: bool = False,
) -> Incoming:
    """Send a compound that may not be answered at once."""
    first = session.sequence(slot, seqid, cache)
    message = compound_message((first, *ops), 2, b"", ROOT_USER)
    incoming = Incoming(message, channel or session.peer.channel, 1 << 20, ())
    session.peer.server.service(incoming)
    return incoming


def test_results_keep_their_order(session: Session, lookups: Pending) -> None:
    incoming = send(session, PUTROOTFH, lookup(b"a"), GETFH, PUTROOTFH, lookup(b"b"), GETFH)
    assert (incoming.outcome, len(lookups)) == ("", 1)
    lookups.answer()
    assert (incoming.outcome, len(lookups)) == ("", 1)
    lookups.answer()
    reply = Reply(incoming)
    assert reply.ops == [
        t.OP_SEQUENCE,
        t.OP_PUTROOTFH,
        t.OP_LOOKUP,
        t.OP_GETFH,
        t.OP_PUTROOTFH,
        t.OP_LOOKUP,
        t.OP_GETFH,
    ]
    assert reply.status == t.NFS4_OK
    assert reply[3].object != reply[6].object


def test_others_are_served_meanwhile(session: Session, lookups: Pending) -> None:
    other = Peer(session.peer.server, address="10.0.0.2").session(b"other")
    waiting = [send(session, PUTROOTFH, lookup(b"a"), GETFH, slot=n, seqid=1) for n in (1, 2, 3)]
    waiting.append(send(other, PUTROOTFH, lookup(b"b"), GETFH, slot=1, seqid=1))
    assert [each.outcome for each in waiting] == [""] * 4
    assert other.ok(PUTROOTFH, GETFH)
    lookups.answer(3)
    lookups.answer(1)
    assert [each.outcome for each in waiting] == ["", "reply", "", "reply"]
    lookups.answer(1)
    lookups.answer(0)
    handles = [Reply(each)[3].object for each in waiting]
    assert handles[0] == handles[1] == handles[2] != handles[3]


def test_repetition_while_the_first_waits(session: Session, lookups: Pending) -> None:
    # RFC 8881, Section 2.10.6.1: the slot is in use.
    first = send(session, PUTROOTFH, lookup(b"a"), GETFH, slot=1, seqid=1, cache=True)
    again = send(session, PUTROOTFH, lookup(b"a"), GETFH, slot=1, seqid=1, cache=True)
    assert Reply(again).status == t.NFS4ERR_DELAY
    lookups.answer()
    again = send(session, PUTROOTFH, lookup(b"a"), GETFH, slot=1, seqid=1, cache=True)
    assert Reply(again).body == Reply(first).body
    assert not lookups


def test_session_that_ends_meanwhile(session: Session, lookups: Pending) -> None:
    incoming = send(session, PUTROOTFH, lookup(b"a"), mkdir(b"never"), slot=1, seqid=1)
    reply = session.peer.call(destroy_session(session.id))
    assert reply.status == t.NFS4_OK
    lookups.answer()
    assert Reply(incoming).statuses == [*[t.NFS4_OK] * 3, t.NFS4ERR_DEADSESSION]


def test_client_that_is_gone_meanwhile(
    session: Session, server: NfsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    stateid, handle = session.create(b"file")
    session.ok(putfh(handle), close(stateid))
    closed: list[MemoryFile] = []
    opens = Pending(monkeypatch, MemoryFileSystem, "open")
    monkeypatch.setattr(MemoryFile, "close", lambda file: closed.append(file))
    incoming = send(session, PUTROOTFH, open_(b"file"), slot=1, seqid=1)
    assert not incoming.outcome
    server.registry.expire(server.registry.sessions[session.id].client)
    opens.answer()
    assert Reply(incoming).status == t.NFS4ERR_EXPIRED
    assert (len(closed), len(server.registry.states)) == (1, 0)


def test_connection_that_ends_meanwhile(session: Session, lookups: Pending) -> None:
    channel = FakeChannel()
    lost = send(
        session, PUTROOTFH, lookup(b"a"), GETFH, slot=1, seqid=1, channel=channel, cache=True
    )
    channel.close()
    lookups.answer()
    # The slot has the reply, for whoever asks again over another connection.
    again = send(session, PUTROOTFH, lookup(b"a"), GETFH, slot=1, seqid=1, cache=True)
    assert Reply(again).body == Reply(lost).body
    assert channel.account.held == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FileNotFoundError(errno.ENOENT, "gone"), t.NFS4ERR_NOENT),
        (NfsError(t.NFS4ERR_FHEXPIRED), t.NFS4ERR_FHEXPIRED),
        (MemoryError(), t.NFS4ERR_DELAY),
        (Cancelled(), t.NFS4ERR_DELAY),
        (ValueError("a bug"), t.NFS4ERR_SERVERFAULT),
    ],
)
def test_errors_are_those_that_are_raised(
    session: Session,
    lookups: Pending,
    error: Exception,
    status: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    incoming = send(session, PUTROOTFH, lookup(b"a"), GETFH)
    lookups.fail(error)
    reply = Reply(incoming)
    assert (reply.status, reply.statuses) == (status, [t.NFS4_OK, t.NFS4_OK, status])
    assert bool(caplog.records) == isinstance(error, ValueError)
    # The slot is free again.
    session.ok(PUTROOTFH)


def test_cancelled_change_is_no_delay(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    removals = Pending(monkeypatch, MemoryFileSystem, "remove")
    incoming = send(session, PUTROOTFH, remove(b"a"))
    removals.fail(Cancelled())
    assert Reply(incoming).status == t.NFS4ERR_SERVERFAULT


def test_server_that_is_closed_meanwhile(
    session: Session, server: NfsService, reactor: FakeReactor, lookups: Pending
) -> None:
    incoming = send(session, PUTROOTFH, lookup(b"a"), lookup(b"b"), slot=1, seqid=1)
    server.close()
    lookups.answer()
    while reactor.soon:
        reactor.turn()
    assert Reply(incoming).status in (t.NFS4ERR_DEADSESSION, t.NFS4ERR_EXPIRED)
    assert not lookups


def test_what_waits_is_charged(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    _, handle = session.create(b"file", b"x" * 5000)
    lookups = Pending(monkeypatch, Namespace, "lookup")
    incoming = send(session, putfh(handle), read(ANONYMOUS, 0, 5000), PUTROOTFH, lookup(b"a"))
    assert not incoming.outcome
    assert session.peer.channel.account.held == 8192 + 512
    lookups.answer()
    assert Reply(incoming)[2].data == b"x" * 5000
    assert session.peer.channel.account.held == 0
    assert session.peer.server._core.buffers.lent == 0


def test_file_that_is_closed_while_it_is_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    stateid, handle = session.create(b"file", b"data")
    reads = Pending(monkeypatch, MemoryFile, "read")
    whole = send(session, putfh(handle), read(stateid), slot=1, seqid=1)
    reads.answer()
    assert Reply(whole)[2].data == b"data"
    broken = send(session, putfh(handle), read(stateid), slot=1, seqid=2)
    session.ok(putfh(handle), close(stateid))
    reads.answer()
    assert Reply(broken).status == t.NFS4ERR_BAD_STATEID


def test_open_that_waits(
    session: Session, server: NfsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    stateid, handle = session.create(b"file")
    session.ok(putfh(handle), close(stateid))
    opens = Pending(monkeypatch, MemoryFileSystem, "open")
    both = [send(session, PUTROOTFH, open_(b"file"), slot=n, seqid=1) for n in (1, 2)]
    assert len(opens) == 2
    opens.answer(1)
    opens.answer(0)
    # One owner, one state; what the second had opened is closed again.
    stateids = [Reply(each)[2].stateid for each in both]
    assert stateids[0].other == stateids[1].other
    assert {each.seqid for each in stateids} == {1, 2}
    assert len(server.registry.states) == 1


def test_result_that_is_taken_back() -> None:
    enc = Encoder()
    enc.uint32(1)
    enc.payload(b"12345")
    mark = len(enc.buffer)
    enc.payload(b"67890123")
    enc.uint32(2)
    enc.truncate(mark)
    assert enc.to_bytes() == bytes.fromhex("00000001 00000005 3132333435 000000")
    assert enc.tell() == 16


# --- then, ready and started ---


def test_then_of_what_is_there() -> None:
    assert then(1, str) == "1"
    done: Future[int] = Future()
    done.set_result(2)
    assert then(done, str) == "2"


def test_then_of_what_comes_later() -> None:
    first: Future[int] = Future()
    second: Future[str] = Future()
    result = then(first, lambda _: second)
    assert isinstance(result, Future)
    first.set_result(1)
    assert not result.done()
    second.set_result("b")
    assert result.result() == "b"


@pytest.mark.parametrize("where", ["value", "finish", "result"])
def test_errors_of_then(where: str) -> None:
    first: Future[int] = Future()
    second: Future[int] = Future()

    def finish(value: int) -> int | Future[int]:
        if where == "finish":
            raise KeyError(value)
        return second

    result = then(first, finish)
    assert isinstance(result, Future)
    if where == "value":
        first.set_error(KeyError())
    else:
        first.set_result(1)
        second.set_error(KeyError())
    assert isinstance(result.error(), KeyError)


def test_coroutine_that_need_not_wait() -> None:
    async def work() -> int:
        return await ready(1) + 1

    assert started(work()) == 2


def test_coroutine_that_waits() -> None:
    futures: list[Future[int]] = [Future() for _ in range(3)]

    async def work() -> list[int]:
        found = [await ready(futures[0])]
        try:
            found.append(await ready(futures[1]))
        except KeyError:
            found.append(-1)
        found.append(await ready(futures[2]))
        return found

    result = started(work())
    assert isinstance(result, Future)
    futures[0].set_result(1)
    futures[1].set_error(KeyError())
    assert not result.done()
    futures[2].set_result(3)
    assert result.result() == [1, -1, 3]


def test_coroutine_that_fails() -> None:
    future: Future[int] = Future()

    async def work(wait: bool) -> None:
        if wait:
            await ready(future)
        raise KeyError

    with pytest.raises(KeyError):
        started(work(False))
    result = started(work(True))
    assert isinstance(result, Future)
    future.set_result(1)
    assert isinstance(result.error(), KeyError)

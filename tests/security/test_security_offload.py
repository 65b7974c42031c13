"""Whoever has much made durable at once waits for himself: threads are shared out."""

from __future__ import annotations

import pytest
from tests.support.nfs import (
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Session,
    compound_message,
    make_server,
    putfh,
    write,
)

from nfsrdma.server.engine.offload import AT_ONCE, Fair, OnEnd
from nfsrdma.server.vfs.interface import Job
from nfsrdma.server.vfs.memory import MemoryFile
from nfsrdma.xdr.nfs4 import types as t

CROWD, GOOD = "192.0.2.9", "192.0.2.2"


class Threads:
    """Where jobs are when they are run, until the test ends them."""

    def __init__(self) -> None:
        self.running: list[tuple[Job, OnEnd]] = []

    def __call__(self, job: Job, later: OnEnd) -> None:
        self.running.append((job, later))

    def end(self, number: int = 0) -> None:
        job, later = self.running.pop(number)
        job()
        later(None)


def test_one_has_half_and_others_find_room() -> None:
    threads = Threads()
    fair = Fair(threads, 16)
    done: list[str] = []

    def ask(whose: str) -> None:
        fair(whose, lambda: None, lambda failure: done.append(whose))

    for _ in range(1000):
        ask("crowd")
    assert len(threads.running) == 8
    for _ in range(1000):
        ask("mob")
    assert len(threads.running) == 12
    ask("good")
    assert len(threads.running) == 13
    threads.end(12)
    assert done == ["good"]
    while threads.running:
        threads.end()
        assert len(threads.running) <= 16
    assert len(done) == 2001
    # Nothing is left of anybody.
    assert not fair._running
    assert not fair._waiting


def test_what_waits_is_done_in_turn() -> None:
    threads = Threads()
    fair = Fair(threads, 2)
    done: list[str] = []
    for name in "aaabbbc":
        fair(name, lambda: None, lambda failure, name=name: done.append(name))  # type: ignore[misc]
    while threads.running:
        threads.end()
    assert sorted(done) == list("aaabbbc")
    assert done.index("c") < 5


def test_a_failure_of_who_is_told_stops_nobody() -> None:
    threads = Threads()
    fair = Fair(threads, 1)
    done: list[int] = []

    def raises(failure: Exception | None) -> None:
        raise RuntimeError("a bug")

    fair("a", lambda: None, raises)
    fair("b", lambda: None, lambda failure: done.append(1))
    with pytest.raises(RuntimeError):
        threads.end()
    threads.end()
    assert done == [1]


def begin(session: Session, slot: int, *ops: Op) -> Incoming:
    message = compound_message((session.sequence(slot, 1), *ops), 2, b"", session.peer.credentials)
    incoming = Incoming(message, session.peer.channel, 1 << 20, ())
    session.peer.server.service(incoming)
    return incoming


def test_another_host_is_served_first(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Threads()
    server = make_server(reactor=FakeReactor(), threads=threads)
    crowd = [Peer(server, address=CROWD).session(b"%d" % number) for number in range(10)]
    good = Peer(server, address=GOOD).session(b"good")
    _, handle = good.create(b"f")
    monkeypatch.setattr(MemoryFile, "sync", lambda file, metadata: lambda: None)
    anonymous = t.stateid4(0, bytes(12))
    sync = putfh(handle), write(anonymous, b"x", stable=t.FILE_SYNC4)
    calls = [begin(each, slot, *sync) for each in crowd for slot in range(1, 8)]
    assert len(calls) > AT_ONCE // 2 == len(threads.running)
    call = begin(good, 1, *sync)
    assert len(threads.running) == AT_ONCE // 2 + 1
    threads.end(AT_ONCE // 2)
    assert call.outcome == "reply"
    while threads.running:
        threads.end()
    assert all(call.outcome == "reply" for call in calls)

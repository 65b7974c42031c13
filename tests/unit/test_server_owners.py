"""What users and groups are called."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable

import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    Clock,
    Op,
    Peer,
    Session,
    make_server,
    open_,
    putfh,
    readdir,
    setattr_,
)

from nfsrdma.rpcrdma.task import Future
from nfsrdma.server.config import ServerConfig
from nfsrdma.server.edge.users import People
from nfsrdma.server.owners import Owners
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.attrs import decode_fattr4
from nfsrdma.xdr.nfs4.errors import NfsError

USERS = {b"alice": 1001, b"nobody": 65534}
GROUPS = {b"staff": 50, b"nogroup": 65534}


class Book:
    """A few people, and how often they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, bool]] = []

    def number_of(self, name: bytes, group: bool) -> int | None:
        self.asked.append((name, group))
        return (GROUPS if group else USERS).get(name)

    def name_of(self, number: int, group: bool) -> bytes | None:
        self.asked.append((number, group))
        names = {each: name for name, each in (GROUPS if group else USERS).items()}
        return names.get(number)


@pytest.fixture
def book() -> Book:
    return Book()


def session_of(book: Book, sends: bool = False, domain: str | None = "Example.org") -> Session:
    config = ServerConfig(id_domain=domain, id_names=sends)
    return Peer(make_server(fs=MemoryFileSystem(Clock()), config=config, people=book)).session()


def owned(user: bytes, group: bytes) -> Op:
    return setattr_({t.FATTR4_OWNER: user, t.FATTR4_OWNER_GROUP: group})


OWNERS = (t.FATTR4_OWNER, t.FATTR4_OWNER_GROUP)


def test_names_are_taken_and_numbers_sent(book: Book) -> None:
    session = session_of(book)
    _, handle = session.create(b"f")
    session.ok(putfh(handle), owned(b"alice@EXAMPLE.ORG", b"staff@example.org"))
    assert session.attributes(handle, *OWNERS) == {36: b"1001", 37: b"50"}
    session.ok(putfh(handle), owned(b"7", b"8"))
    assert session.attributes(handle, *OWNERS) == {36: b"7", 37: b"8"}
    session.ok(putfh(handle), owned(b"alice@example.org", b"staff@example.org"))
    assert book.asked == [(b"alice", False), (b"staff", True)]


@pytest.mark.parametrize(
    "name",
    [
        b"alice",
        b"alice@elsewhere.org",
        b"@example.org",
        b"nobody@example.org",
        b"nogroup@example.org",
        b"nobody",
        b"staff@example.org",
        b"bob@example.org",
        b"a" * 300 + b"@example.org",
        b"1001@example.org",
        b"007",
        b"4294967295",
    ],
)
def test_whoever_is_unknown_is_refused(book: Book, name: bytes) -> None:
    session = session_of(book)
    _, handle = session.create(b"f")
    before = session.attributes(handle, *OWNERS)
    session.fails(t.NFS4ERR_BADOWNER, putfh(handle), setattr_({t.FATTR4_OWNER: name}))
    entry = t.nfsace4(0, 0, 1, name)
    session.fails(t.NFS4ERR_BADOWNER, putfh(handle), setattr_({t.FATTR4_ACL: [entry]}))
    values = {t.FATTR4_OWNER: name}
    create = open_(b"g", create=t.GUARDED4, values=values)
    session.fails(t.NFS4ERR_BADOWNER, PUTROOTFH, create)
    assert session.attributes(handle, *OWNERS) == before


def test_without_a_domain_there_are_numbers_only(book: Book) -> None:
    session = session_of(book, domain=None)
    _, handle = session.create(b"f")
    name = {t.FATTR4_OWNER: b"alice@example.org"}
    session.fails(t.NFS4ERR_BADOWNER, putfh(handle), setattr_(name))
    assert book.asked == []


def test_names_are_sent(book: Book) -> None:
    session = session_of(book, sends=True)
    _, handle = session.create(b"f")
    session.ok(putfh(handle), owned(b"1001", b"50"))
    entries = [
        t.nfsace4(0, 0, t.ACE4_READ_DATA, b"1001"),
        t.nfsace4(0, t.ACE4_IDENTIFIER_GROUP, t.ACE4_READ_DATA, b"staff@example.org"),
        t.nfsace4(0, 0, t.ACE4_READ_DATA, b"4711"),
    ]
    session.ok(putfh(handle), setattr_({t.FATTR4_ACL: entries}))
    names = {36: b"alice@example.org", 37: b"staff@example.org"}
    assert session.attributes(handle, *OWNERS) == names
    acl = session.attributes(handle, t.FATTR4_ACL)[t.FATTR4_ACL]
    assert {b"alice@example.org", b"staff@example.org", b"4711"} <= {ace.who for ace in acl}
    numbers = (*OWNERS, t.FATTR4_ACL)
    entry = session.ok(PUTROOTFH, readdir(numbers=numbers))[2].reply.entries
    assert decode_fattr4(entry.attrs) == {**names, t.FATTR4_ACL: acl}
    asked = len(book.asked)
    session.ok(PUTROOTFH, readdir(numbers=numbers))
    assert len(book.asked) == asked
    # What was sent is taken.
    session.ok(putfh(handle), setattr_({**names, t.FATTR4_ACL: acl}))
    root = session.ok(PUTROOTFH, GETFH)[2].object
    assert session.attributes(root, *OWNERS) == {36: b"0", 37: b"0"}


class Later:
    """Runs what may block when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waiting: list[tuple[Callable[[], None], Future[None]]] = []

    def submit(self, work: Callable[[], None]) -> Future[None]:
        self.waiting.append((work, Future()))
        return self.waiting[-1][1]

    def run(self) -> None:
        for work, future in self.waiting:
            work()
            future.set_result(None)
        self.waiting.clear()

    def clock(self) -> float:
        return self.now


def at_once(work: Callable[[], None]) -> None:
    work()


def test_answers_are_waited_for_kept_and_forgotten(book: Book) -> None:
    later = Later()
    owners = Owners("example.org", True, book, later.submit, later.clock)
    value = (b"alice@example.org", False)
    waits = owners.ask([value, value, (b"7", False)])
    assert waits is not None
    assert not waits.done()
    with pytest.raises(NfsError):
        owners.number_of(*value)
    later.run()
    assert waits.done()
    assert owners.number_of(*value) == 1001
    assert owners.ask([value]) is None
    later.now = 301.0
    assert owners.ask([value]) is not None
    later.run()
    assert book.asked == [(b"alice", False)] * 2


def test_answers_are_bounded(book: Book) -> None:
    owners = Owners("example.org", True, book, at_once, lambda: 0.0)
    for start in range(0, 10_000, 500):
        owners.look_up((number, False) for number in range(start, start + 500))
    book.asked.clear()
    owners.look_up([(9_999, False)])
    assert book.asked == []
    owners.look_up([(1, False)])
    assert book.asked == [(1, False)]


def test_the_people_of_this_host() -> None:
    people, me = People(), pwd.getpwuid(os.getuid())
    assert people.number_of(me.pw_name.encode(), False) == me.pw_uid
    assert people.name_of(me.pw_uid, False) == me.pw_name.encode()
    assert people.name_of(0, True) == b"root"
    assert people.number_of(b"no such user", False) is None
    assert people.name_of(0xFFFFFFFE, True) is None


@pytest.mark.parametrize("domain", ["", "a@b", "x" * 300])
def test_domains_that_are_none(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        ServerConfig(id_domain=domain)


def test_names_take_a_domain() -> None:
    with pytest.raises(ValueError, match="domain"):
        ServerConfig(id_names=True)

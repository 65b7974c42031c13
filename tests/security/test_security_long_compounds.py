"""Compounds that take long: others are answered in between, and who asked for much waits."""

from __future__ import annotations

import random

import pytest
from tests.support.nfs import (
    ANONYMOUS,
    PUTROOTFH,
    Clock,
    FakeReactor,
    Incoming,
    Op,
    Peer,
    Reply,
    Session,
    compound_message,
    getattr_,
    lookup,
    make_server,
    open_,
    readdir,
)

from nfsrdma.server.engine import minor, turns
from nfsrdma.server.ops import directory
from nfsrdma.server.service import NfsService
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

NUMBERS = (t.FATTR4_TYPE, t.FATTR4_SIZE, t.FATTR4_FILEHANDLE)
ENTRIES = 200


class World:
    """A server whose listings take five milliseconds each, by its own clock; two hosts call it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reactor = FakeReactor()
        self.fs = MemoryFileSystem(Clock())
        self.server: NfsService = make_server(fs=self.fs, reactor=self.reactor)
        self.greedy = Peer(self.server, address="192.0.2.1").session(b"greedy", operations=128)
        self.other = Peer(self.server, address="192.0.2.2").session(b"other")
        for number in range(ENTRIES):
            self.greedy.mkdir(b"%d" % number)
        real = self.fs.entries

        def slow(*how: object) -> object:
            self.reactor.now += 0.005
            return real(*how)  # type: ignore[arg-type]

        monkeypatch.setattr(self.fs, "entries", slow)

    def begin(
        self, session: Session, *ops: Op, slot: int = 0, seqid: int | None = None
    ) -> Incoming:
        """Have a call come in, and leave it at that."""
        message = compound_message(
            (session.sequence(slot, seqid), *ops), 2, b"", session.peer.credentials
        )
        incoming = Incoming(message, session.peer.channel, 8 << 20, ())
        self.server.service(incoming)
        return incoming

    def turns_until(self, incoming: Incoming) -> int:
        for number in range(10_000):
            if incoming.outcome:
                return number
            self.reactor.turn()
        pytest.fail("no answer")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


LONG: list[Op] = [PUTROOTFH, *[readdir(maxcount=8192, numbers=NUMBERS)] * 100]


def test_another_is_answered_in_between(world: World) -> None:
    long = world.begin(world.greedy, *LONG)
    assert not long.outcome
    answered = 0
    while not long.outcome:
        asked = world.reactor.now
        world.reactor.turn()
        quick = world.begin(world.other, PUTROOTFH, getattr_(t.FATTR4_TYPE))
        assert quick.outcome == "reply"
        assert world.reactor.now - asked < 0.02
        answered += 1
    assert answered >= 90
    reply = Reply(long)
    assert reply.status == t.NFS4_OK
    assert len(reply.ops) == 102
    assert len({result.reply.entries.name for result in reply.values[2:]}) == 1


def test_it_says_what_it_would_have_said_at_once(world: World) -> None:
    short = world.greedy.ok(PUTROOTFH, readdir(maxcount=8192, numbers=NUMBERS))
    incoming = world.begin(world.greedy, *LONG)
    world.turns_until(incoming)
    long = Reply(incoming)
    assert all(value == short[-1] for value in long.values[2:])


def test_a_failure_in_a_later_slice_ends_it(world: World) -> None:
    incoming = world.begin(world.greedy, *LONG, (t.OP_LOOKUP, t.LOOKUP4args(b"none")), *LONG[:1])
    world.turns_until(incoming)
    reply = Reply(incoming)
    assert reply.status == t.NFS4ERR_NOENT
    assert len(reply.ops) == len(LONG) + 2


def test_short_ones_are_never_put_off(world: World) -> None:
    before = len(world.reactor.soon)
    for _ in range(50):
        world.other.ok(PUTROOTFH, getattr_(t.FATTR4_TYPE), *[getattr_(t.FATTR4_SIZE)] * 5)
    assert len(world.reactor.soon) == before


def test_many_quick_operations_are_more_than_a_slice(world: World) -> None:
    """However quick they are: where no time passes, such as in the simulator, they count."""
    many = world.begin(world.greedy, PUTROOTFH, *[getattr_(t.FATTR4_SIZE)] * 100)
    assert not many.outcome
    assert world.turns_until(many) == 102 // turns.OPERATIONS
    assert Reply(many).status == t.NFS4_OK


def test_many_long_ones_of_one_host_share_a_turn(world: World) -> None:
    """One slice of one compound in a turn, however many slots, sessions and connections."""
    sessions = [Peer(world.server, address="192.0.2.1").session(b"greedy%d" % n) for n in range(5)]
    calls = [
        world.begin(session, *LONG[:40], slot=slot, seqid=1) if slot else None
        for session in sessions
        for slot in range(8)
    ]
    longs = [call for call in calls if call is not None]
    worst = 0.0
    while not all(call.outcome for call in longs):
        asked = world.reactor.now
        world.reactor.turn()
        assert world.begin(world.other, PUTROOTFH, getattr_(t.FATTR4_TYPE)).outcome == "reply"
        worst = max(worst, world.reactor.now - asked)
    assert worst < 0.02
    assert all(Reply(call).status == t.NFS4_OK for call in longs)


def test_hosts_take_turns(world: World) -> None:
    first = world.begin(world.greedy, *LONG)
    third = Peer(world.server, address="192.0.2.3").session(b"third", operations=128)
    second = world.begin(third, *LONG[:20])
    # It need not wait until the other's hundred are done, only for every second turn.
    assert world.turns_until(second) < 50
    assert not first.outcome
    world.turns_until(first)


def test_others_on_the_same_host_need_not_wait_for_all_of_it(world: World) -> None:
    """Another connection of the same host and user: quick calls at once, long ones by turns."""
    first = world.begin(world.greedy, *LONG)
    beside = Peer(world.server, address="192.0.2.1").session(b"beside")
    assert world.begin(beside, PUTROOTFH, getattr_(t.FATTR4_TYPE)).outcome == "reply"
    many = world.begin(beside, PUTROOTFH, *[getattr_(t.FATTR4_TYPE)] * 7)
    assert world.turns_until(many) <= 2
    second = world.begin(beside, *LONG[:20])
    assert world.turns_until(second) <= 45
    assert not first.outcome
    world.turns_until(first)


def test_quick_calls_of_the_same_connection_need_not_wait(world: World) -> None:
    first = world.begin(world.greedy, *LONG)
    quick = world.begin(world.greedy, PUTROOTFH, getattr_(t.FATTR4_TYPE), slot=1, seqid=1)
    assert quick.outcome == "reply"
    world.turns_until(first)


def test_long_listings_one_by_one_wait_for_the_next_turn(world: World) -> None:
    """Calls of one operation each, all at once: they are a long compound in all but name."""
    calls = [
        world.begin(world.greedy, PUTROOTFH, readdir(numbers=NUMBERS), slot=slot, seqid=1)
        for slot in range(1, 8)
    ]
    assert [bool(call.outcome) for call in calls] == [True] + [False] * 6
    assert world.begin(world.other, PUTROOTFH).outcome == "reply"
    for call in calls:
        world.turns_until(call)
        assert Reply(call).status == t.NFS4_OK


def test_connection_that_closes_meanwhile(world: World) -> None:
    long = world.begin(world.greedy, *LONG)
    world.greedy.peer.channel.close()
    world.turns_until(long)
    assert world.begin(world.other, PUTROOTFH).outcome == "reply"


def test_session_that_ends_meanwhile(world: World) -> None:
    """Nothing more of the call is done: nothing would ever clean up what it makes."""
    long = world.begin(world.greedy, *LONG, open_(b"late", create=t.UNCHECKED4), (t.OP_GETFH, None))
    world.server.registry.destroy_session(world.server.registry.sessions[world.greedy.id])
    world.turns_until(long)
    assert Reply(long).status == t.NFS4ERR_DEADSESSION
    assert world.begin(world.other, PUTROOTFH).outcome == "reply"
    world.other.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"late"))


def test_server_that_is_closed_meanwhile(world: World) -> None:
    long = world.begin(world.greedy, *LONG)
    world.server.close()
    for _ in range(10):
        world.reactor.turn()
    assert not long.outcome


def test_a_repetition_while_it_lasts_is_not_executed(world: World) -> None:
    long = world.begin(world.greedy, *LONG)
    again = world.begin(world.greedy, *LONG, seqid=world.greedy.seqid)
    world.turns_until(long)
    world.turns_until(again)
    assert Reply(long).status == t.NFS4_OK
    assert Reply(again).status in (t.NFS4ERR_DELAY, t.NFS4ERR_RETRY_UNCACHED_REP)


def test_a_listing_has_a_longest_page(world: World) -> None:
    for _ in range(2000):
        world.greedy.mkdir(b"%x" % random.Random(_).getrandbits(400))
    reply = world.greedy.ok(PUTROOTFH, readdir(maxcount=1 << 20, numbers=NUMBERS))
    assert not reply[-1].reply.eof
    assert len(reply.body) <= directory._MOST + 200


def test_60000_stateids(world: World) -> None:
    """All of them in one call, which their arguments alone once made 134 ms."""
    other = ANONYMOUS.other
    stateids = [t.stateid4(number, other) for number in range(60_000)]
    operation = t.OP_TEST_STATEID, t.TEST_STATEID4args(stateids)
    reply = world.greedy.ok(operation)
    assert reply[-1].tsr_status_codes == [t.NFS4ERR_BAD_STATEID] * 60_000
    world.greedy.fails(t.NFS4ERR_BADXDR, (t.OP_TEST_STATEID, b"\0\1\0\0" + bytes(64)))


def test_list_of_security_parameters_is_short(world: World) -> None:
    def control(count: int) -> Op:
        parameters = [t.callback_sec_parms4(0)] * count
        return t.OP_BACKCHANNEL_CTL, t.BACKCHANNEL_CTL4args(1, parameters)

    world.greedy.ok(control(3))
    world.greedy.fails(t.NFS4ERR_BADXDR, control(200_000))


def test_lists_come_with_a_session_only(world: World) -> None:
    """What is decoded before anybody is known is short."""
    parameters = [t.callback_sec_parms4(0)] * 100_000
    channel = t.channel_attrs4(0, 4096, 4096, 0, 2, 1, [])
    arguments = t.CREATE_SESSION4args(1, 1, 0, channel, channel, 1, parameters)
    reply = Peer(world.server).call((t.OP_CREATE_SESSION, arguments))
    assert reply.status == t.NFS4ERR_REQ_TOO_BIG
    assert minor._SESSIONLESS >= 4096

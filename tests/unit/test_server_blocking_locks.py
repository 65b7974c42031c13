"""Locks that are waited for: queued, told of once, kept for a moment (RFC 8881, Section 9.6)."""

from __future__ import annotations

import pytest
from tests.support.delegations import BOTH, READ, WANT_NONE, Holder, delegating_server, settle
from tests.support.nfs import (
    LEASE,
    PUTROOTFH,
    FakeReactor,
    Peer,
    Session,
    close,
    destroy_session,
    lock,
    locku,
    open_,
    putfh,
)
from tests.support.nfs40 import Client40

from nfsrdma.server.service import NfsService
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.status import status_of
from nfsrdma.xdr.nfs4 import types as t

READ_LT, WRITE_LT, READW_LT, WRITEW_LT = t.READ_LT, t.WRITE_LT, t.READW_LT, t.WRITEW_LT


class Locker:
    """A client that has the file open."""

    def __init__(self, server: NfsService, reactor: FakeReactor, name: bytes) -> None:
        self.reactor = reactor
        self.holder = Holder(server, name)
        self.session: Session = self.holder.session
        self.handle, opened = self.holder.open(b"f", BOTH | WANT_NONE, create=True)
        self.stateid = opened.stateid
        self.flags = opened.rflags
        self.held: dict[bytes, t.stateid4] = {}

    def asks(
        self, kind: int, start: int = 0, length: int = 10, owner: bytes = b"p"
    ) -> t.LOCK4denied | None:
        """Ask for a range; return what is in the way."""
        known = self.held.get(owner)
        op = (
            lock(self.stateid, start, length, kind, owner=owner)
            if known is None
            else lock(known, start, length, kind, owner=None)
        )
        reply = self.session.run(putfh(self.handle), op)
        settle(self.reactor)
        if reply.status == t.NFS4ERR_DENIED:
            denied: t.LOCK4denied = reply[-1]
            return denied
        assert reply.status == t.NFS4_OK
        self.held[owner] = reply[-1].lock_stateid
        return None

    def unlocks(self, start: int = 0, length: int = 10, owner: bytes = b"p") -> None:
        reply = self.session.ok(putfh(self.handle), locku(self.held[owner], start, length))
        settle(self.reactor)
        self.held[owner] = reply[2]

    def notices(self) -> list[t.CB_NOTIFY_LOCK4args]:
        seen = self.holder.seen
        return [each.value for each in seen if each.argop == t.OP_CB_NOTIFY_LOCK]


class Bed:
    def __init__(self, limits: StateLimits | None = None) -> None:
        self.server, self.reactor = delegating_server(limits=limits)
        self.one, self.two, self.three = (
            Locker(self.server, self.reactor, name) for name in (b"one", b"two", b"three")
        )

    @property
    def queued(self) -> int:
        return len(self.server.lock_notices.table)


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_who_waits_is_told_once(bed: Bed) -> None:
    assert bed.one.asks(WRITE_LT) is None
    denied = bed.two.asks(WRITEW_LT, owner=b"o\0ctets")
    assert denied is not None
    assert (denied.offset, denied.length, denied.owner.owner) == (0, 10, b"p")
    assert not bed.two.notices()
    bed.one.unlocks()
    (notice,) = bed.two.notices()
    assert notice.cnla_fh == bed.two.handle
    assert notice.cnla_lock_owner == t.lock_owner4(bed.two.session.client_id, b"o\0ctets")
    assert bed.two.asks(WRITEW_LT, owner=b"o\0ctets") is None
    assert bed.queued == 0
    assert len(bed.two.notices()) == 1


def test_who_does_not_wait_is_not_queued(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    assert bed.two.asks(WRITE_LT) is not None
    assert bed.queued == 0
    bed.one.unlocks()
    assert not bed.two.notices()


def test_the_order_counts_among_those_who_wait(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    bed.three.asks(WRITEW_LT)
    bed.one.unlocks()
    assert (len(bed.two.notices()), len(bed.three.notices())) == (1, 0)
    denied = bed.three.asks(WRITEW_LT)
    assert denied is not None
    assert denied.owner.clientid == bed.two.session.client_id
    assert bed.two.asks(WRITEW_LT) is None
    bed.two.unlocks()
    assert len(bed.three.notices()) == 1
    assert bed.three.asks(WRITEW_LT) is None


def test_who_does_not_wait_may_take_what_is_kept(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    bed.one.unlocks()
    assert bed.three.asks(WRITE_LT) is None
    assert bed.two.asks(WRITEW_LT) is not None
    bed.three.unlocks()
    assert len(bed.two.notices()) == 2


def test_who_does_not_come_makes_room_for_the_next(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    bed.three.asks(WRITEW_LT)
    bed.one.unlocks()
    bed.reactor.advance(1.9)
    settle(bed.reactor)
    assert not bed.three.notices()
    bed.reactor.advance(0.2)
    settle(bed.reactor)
    assert len(bed.three.notices()) == 1
    assert bed.queued == 1


def test_several_may_go_on_at_once(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(READW_LT)
    bed.three.asks(READW_LT)
    bed.three.asks(WRITEW_LT, 50, 5, b"elsewhere")  # is granted: nobody is there
    bed.one.unlocks()
    assert len(bed.two.notices()) == len(bed.three.notices()) == 1
    assert bed.three.asks(READW_LT) is None
    assert bed.two.asks(READW_LT) is None


def test_part_of_a_range_is_not_enough(bed: Bed) -> None:
    bed.one.asks(WRITE_LT, 0, 100)
    bed.two.asks(WRITEW_LT, 40, 20)
    bed.one.unlocks(0, 50)
    assert not bed.two.notices()
    bed.one.unlocks(50, 10)
    assert len(bed.two.notices()) == 1


def test_a_downgrade_lets_readers_go_on(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(READW_LT)
    assert bed.one.asks(READ_LT) is None
    assert len(bed.two.notices()) == 1
    assert bed.two.asks(READW_LT) is None


def test_an_upgrade_waits_for_the_other_reader(bed: Bed) -> None:
    bed.one.asks(READ_LT)
    bed.two.asks(READ_LT)
    assert bed.two.asks(WRITEW_LT) is not None
    bed.one.unlocks()
    assert len(bed.two.notices()) == 1
    assert bed.two.asks(WRITEW_LT) is None


@pytest.mark.parametrize("how", ["close", "expiry"])
def test_locks_that_go_with_their_owner(bed: Bed, how: str) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    if how == "close":
        bed.one.session.ok(putfh(bed.one.handle), close(bed.one.stateid))
        settle(bed.reactor)
    else:
        bed.reactor.advance(LEASE * 3 / 4)
        bed.two.asks(WRITEW_LT)  # as clients do, before they are forgotten
        bed.reactor.advance(LEASE * 3 / 4)  # the sweep sees that one is gone and one waits
        settle(bed.reactor)
    assert len(bed.two.notices()) == 1
    assert bed.two.asks(WRITEW_LT) is None


def test_who_closes_the_file_waits_no_more(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    bed.three.asks(WRITEW_LT)
    bed.one.unlocks()
    bed.two.session.ok(putfh(bed.two.handle), close(bed.two.stateid))
    settle(bed.reactor)
    assert len(bed.three.notices()) == 1
    assert bed.queued == 1
    bed.three.session.ok(putfh(bed.three.handle), close(bed.three.stateid))
    assert bed.queued == 0


def test_who_has_not_asked_for_a_lease_is_forgotten(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    for _ in range(3):
        bed.reactor.advance(LEASE / 2)
        for each in (bed.one, bed.two, bed.three):
            each.session.ok()
    bed.one.unlocks()
    assert not bed.two.notices()
    assert bed.queued == 0


def test_few_wait_for_one_file() -> None:
    bed = Bed(StateLimits(waiters_per_file=3))
    bed.one.asks(WRITE_LT)
    for number in range(8):
        bed.two.asks(WRITEW_LT, owner=b"%d" % number)
        bed.two.asks(WRITEW_LT, owner=b"%d" % number)
    assert bed.queued == 3


def test_an_address_has_its_share_of_the_queues() -> None:
    bed = Bed(StateLimits(waiters=9))
    bed.one.asks(WRITE_LT)
    for number in range(8):
        bed.two.asks(WRITEW_LT, owner=b"%d" % number)
    assert 1 < bed.queued < 8


def test_the_flag_is_set_where_notices_come(bed: Bed) -> None:
    assert bed.one.flags & t.OPEN4_RESULT_MAY_NOTIFY_LOCK
    reply = Peer(bed.server).session(b"plain").ok(PUTROOTFH, open_(b"f", READ))
    assert not reply[2].rflags & t.OPEN4_RESULT_MAY_NOTIFY_LOCK


def test_a_client_that_cannot_be_called_polls(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.holder.peer.channel.close()
    assert bed.two.asks(WRITEW_LT) is not None
    assert bed.queued == 0


def test_a_client_whose_session_ends_while_it_waits(bed: Bed) -> None:
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    bed.two.holder.peer.call(destroy_session(bed.two.session.id))
    bed.one.unlocks()
    settle(bed.reactor)
    assert not bed.two.notices()
    bed.reactor.advance(2.5)
    settle(bed.reactor)
    assert bed.queued == 0


def test_minor_version_0_polls(bed: Bed) -> None:
    client = Client40(Peer(bed.server))
    bed.one.asks(WRITE_LT)
    reply = client.ok(PUTROOTFH, client.open_(b"f", create=None))
    assert not reply[1].rflags & t.OPEN4_RESULT_MAY_NOTIFY_LOCK
    opened, handle = client.create(b"f")
    number, locking = client.first_lock(opened)
    locking.locktype = WRITEW_LT
    client.fails(t.NFS4ERR_DENIED, putfh(handle), (number, locking))
    assert bed.queued == 0


def test_nothing_is_left_when_the_server_closes(bed: Bed) -> None:
    reactor: FakeReactor = bed.reactor
    bed.one.asks(WRITE_LT)
    bed.two.asks(WRITEW_LT)
    bed.server.close()
    reactor.advance(5)
    settle(reactor)
    assert bed.queued == 0


def test_who_waits_for_whom_is_shown() -> None:
    bed = Bed()
    assert bed.one.asks(WRITE_LT) is None
    assert bed.two.asks(WRITEW_LT) is not None
    (wait,) = status_of(bed.server, bed.reactor.time()).waits
    ids = {each.name: each.id for each in status_of(bed.server, bed.reactor.time()).clients}
    assert (wait.what, wait.waiting, wait.holding) == ("lock", ids["two"], ids["one"])
    assert wait.path.startswith("/")
    bed.one.unlocks()
    (wait,) = status_of(bed.server, bed.reactor.time()).waits
    assert wait.holding == ""
    assert bed.two.asks(WRITEW_LT) is None
    assert status_of(bed.server, bed.reactor.time()).waits == ()

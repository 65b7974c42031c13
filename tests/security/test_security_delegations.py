"""Clients that abuse delegations: they lose them, and make nobody else wait for long."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.delegations import (
    BOTH,
    READ,
    WANT_ANY,
    WANT_NONE,
    WRITE,
    Holder,
    attributes_answer,
    delegating_server,
    delegreturn,
    in_flight,
    settle,
)
from tests.support.nfs import (
    LEASE,
    PUTROOTFH,
    FakeReactor,
    Reply,
    close,
    free_stateid,
    getattr_,
    open_,
    putfh,
    read,
    write,
)

from nfsrdma.server.service import NfsService
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.xdr.nfs4 import types as t


class Scene:
    """A server, an abuser, and a victim that has made a file."""

    def __init__(self, **how: Any) -> None:
        self.server: NfsService
        self.reactor: FakeReactor
        self.server, self.reactor = delegating_server(**how)
        self.abuser = Holder(self.server, b"abuser", address="10.0.0.66")
        self.victim = Holder(self.server, b"victim", address="10.0.0.1")
        self.handle, result = self.victim.open(b"f", BOTH | WANT_NONE, create=True)
        self.victim.session.ok(putfh(self.handle), write(result.stateid, b"contents"))
        self.victim.session.ok(putfh(self.handle), close(result.stateid))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which both renew their leases."""
        step = LEASE / 10
        while seconds > 0:
            self.reactor.advance(min(step, seconds))
            settle(self.reactor)
            seconds -= step
            self.abuser.session.ok()
            self.victim.session.ok()

    def wants(self, access: int = WRITE) -> int:
        """Open the file as the victim, and return the status of it."""
        opened = in_flight(
            self.server, self.victim.session, putfh(self.handle), open_(None, access | WANT_NONE)
        )
        for _ in range(11):
            if opened.outcome:
                break
            self.reactor.advance(0.1)
            settle(self.reactor)
        return Reply(opened).status


@pytest.fixture
def scene() -> Scene:
    return Scene()


def nonsense(operation: t.nfs_cb_argop4) -> bytes:
    return b"\xff" * 24


@pytest.mark.parametrize("kind", [READ, BOTH])
@pytest.mark.parametrize("how", ["deaf", "nonsense", "refuses", "agrees"])
def test_a_recall_that_comes_to_nothing(scene: Scene, kind: int, how: str) -> None:
    """Whatever it answers, the other one has the file after a lease; and it has all else."""
    _, opened, delegation = scene.abuser.delegated(b"f", kind)
    scene.abuser.session.ok(putfh(scene.handle), close(opened))
    handle, kept = scene.abuser.open(b"own", BOTH | WANT_NONE, create=True)
    if how == "deaf":
        scene.abuser.deaf = True
    elif how == "nonsense":
        scene.abuser.obeys = nonsense
    elif how == "refuses":
        scene.abuser.obeys = lambda operation: t.NFS4ERR_SERVERFAULT
    assert scene.wants() == t.NFS4ERR_DELAY
    scene.pass_time(LEASE - 2)
    assert scene.wants() == t.NFS4ERR_DELAY
    scene.pass_time(2)
    assert scene.wants() == t.NFS4_OK
    session = scene.abuser.session
    session.fails(t.NFS4ERR_DELEG_REVOKED, putfh(scene.handle), read(delegation))
    session.ok(putfh(handle), write(kept.stateid, b"mine"))
    session.ok(free_stateid(delegation))


def test_one_that_is_revoked_often_gets_no_more(scene: Scene) -> None:
    for _ in range(3):
        _, opened, delegation = scene.abuser.delegated(b"f")
        assert scene.wants() == t.NFS4ERR_DELAY
        scene.pass_time(LEASE + 1)
        reply = scene.victim.session.ok(putfh(scene.handle), open_(None, WRITE | WANT_NONE))
        scene.victim.session.ok(putfh(scene.handle), close(reply[2].stateid))
        scene.abuser.session.ok(free_stateid(delegation))
        scene.abuser.session.ok(putfh(scene.handle), close(opened))
        scene.pass_time(1000)
    _, result = scene.abuser.open(b"f", READ | WANT_ANY)
    assert result.delegation.delegation_type == t.OPEN_DELEGATE_NONE_EXT


def test_what_others_hold_is_not_to_be_touched(scene: Scene) -> None:
    _, _, delegation = scene.victim.delegated(b"f", BOTH)
    session = scene.abuser.session
    for stateid in (delegation, t.stateid4(0, delegation.other)):
        session.fails(t.NFS4ERR_BAD_STATEID, putfh(scene.handle), delegreturn(stateid))
        session.fails(t.NFS4ERR_BAD_STATEID, putfh(scene.handle), write(stateid, b"x"))
        session.fails(t.NFS4ERR_BAD_STATEID, free_stateid(stateid))
        claim = t.open_claim4(t.CLAIM_DELEG_CUR_FH, stateid)
        session.fails(t.NFS4ERR_BAD_STATEID, putfh(scene.handle), open_(None, READ, claim=claim))
    assert not scene.victim.seen
    assert len(scene.server.delegations.table) == 1


def test_what_was_revoked_of_others_is_not_to_be_freed(scene: Scene) -> None:
    _, _, delegation = scene.abuser.delegated(b"f")
    assert scene.wants() == t.NFS4ERR_DELAY
    scene.pass_time(LEASE + 1)
    session = scene.victim.session
    session.fails(t.NFS4ERR_BAD_STATEID, free_stateid(delegation))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(scene.handle), read(delegation))


def test_a_flood_of_opens_takes_its_own_share_only() -> None:
    scene = Scene(limits=StateLimits(delegations=16))
    got = 0
    for number in range(64):
        _, result = scene.abuser.open(b"%d" % number, BOTH | WANT_ANY, create=True)
        got += result.delegation.delegation_type == t.OPEN_DELEGATE_WRITE
    assert got == 8
    scene.victim.delegated(b"f")
    anys = [each for each in scene.abuser.seen if each.argop == t.OP_CB_RECALL_ANY]
    assert len(anys) == 1


def test_revoked_ones_that_are_never_freed_are_counted() -> None:
    scene = Scene(limits=StateLimits(delegations_per_client=2))
    for name in (b"f", b"g"):
        scene.victim.open(name, READ | WANT_NONE, create=True)
        scene.abuser.delegated(name)
        scene.victim.session.run(PUTROOTFH, open_(name, READ | WANT_NONE))
        in_flight(
            scene.server, scene.victim.session, PUTROOTFH, open_(name, WRITE, owner=b"second")
        )
        scene.pass_time(LEASE + 1)
    assert len(scene.server.registry.states) <= 8
    _, result = scene.abuser.open(b"own", BOTH | WANT_ANY, create=True)
    assert result.delegation.delegation_type == t.OPEN_DELEGATE_NONE_EXT


def test_many_who_wait_cause_one_recall(scene: Scene) -> None:
    scene.abuser.delegated(b"f", BOTH)
    others = [Holder(scene.server, b"other %d" % number) for number in range(20)]
    waits = [
        in_flight(scene.server, each.session, putfh(scene.handle), open_(None, BOTH | WANT_NONE))
        for each in others
    ]
    assert len(scene.abuser.recalls()) == 1
    scene.reactor.advance(1.1)
    settle(scene.reactor)
    assert {Reply(each).status for each in waits} == {t.NFS4ERR_DELAY}


@pytest.mark.parametrize(
    "answer",
    [
        nonsense,
        lambda operation: attributes_answer(1, (1 << 64) - 1),
        lambda operation: attributes_answer((1 << 64) - 1, 0),
        lambda operation: t.NFS4ERR_DELAY,
        lambda operation: None,
    ],
    ids=["nonsense", "huge", "last change", "delay", "nothing"],
)
def test_attributes_that_a_holder_makes_up(scene: Scene, answer: Any) -> None:
    """They are told, at most; the file is what it was, and nobody waits for ever."""
    scene.abuser.delegated(b"f", BOTH)
    scene.abuser.obeys = answer
    numbers = (t.FATTR4_SIZE, t.FATTR4_CHANGE)
    look = in_flight(scene.server, scene.victim.session, putfh(scene.handle), getattr_(*numbers))
    for _ in range(3):
        scene.reactor.advance(1.0)
        settle(scene.reactor)
    assert Reply(look).status in (t.NFS4_OK, t.NFS4ERR_DELAY)
    node_size = scene.abuser.session.attributes(scene.handle, t.FATTR4_SIZE)
    assert node_size == {t.FATTR4_SIZE: 8}


def test_looks_at_a_deaf_holders_file_do_not_pile_up(scene: Scene) -> None:
    scene.abuser.delegated(b"f", BOTH)
    scene.abuser.deaf = True
    for _ in range(50):
        in_flight(scene.server, scene.victim.session, putfh(scene.handle), getattr_(t.FATTR4_SIZE))
        scene.reactor.advance(2.1)
        settle(scene.reactor)
        scene.abuser.session.run()
        scene.victim.session.run()
    assert len(scene.server.callbacks._unanswered) <= 1
    assert not scene.server.delegations._asking

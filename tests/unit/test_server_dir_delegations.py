"""Directory delegations (RFC 8881, Sections 10.9 and 18.39): granted, had back, returned."""

from __future__ import annotations

import pytest
from tests.support.delegations import (
    BOTH,
    READ,
    WANT_NONE,
    Holder,
    delegating_server,
    delegreturn,
    in_flight,
    settle,
)
from tests.support.nfs import (
    PUTROOTFH,
    SAVEFH,
    Credentials,
    Op,
    Reply,
    getattr_,
    link,
    lookup,
    mkdir,
    open_,
    putfh,
    read,
    readdir,
    remove,
    rename,
    setattr_,
)

from nfsrdma.server.state.limits import StateLimits
from nfsrdma.xdr.nfs4 import types as t


def get_delegation(signal: bool = False) -> Op:
    notice = t.nfstime4(0, 0)
    every = [0xFFFFFFFF]
    return t.OP_GET_DIR_DELEGATION, t.GET_DIR_DELEGATION4args(
        signal, every, notice, notice, every, every
    )


class Bed:
    """A directory with a file, one who holds it, and one who changes it."""

    def __init__(self, limits: StateLimits | None = None) -> None:
        self.server, self.reactor = delegating_server(limits=limits)
        self.holder = Holder(self.server, b"holder")
        self.other = Holder(self.server, b"other")
        reply = self.other.session.ok(
            *(PUTROOTFH, mkdir(b"d"), (t.OP_GETFH, None)),
            open_(b"f", BOTH | WANT_NONE, create=t.UNCHECKED4),
        )
        self.directory = bytes(reply[3].object)

    def hold(self) -> t.stateid4:
        """Have the directory delegated; return the stateid."""
        granted = self.ask(self.holder)
        assert granted.gddrnf_status == t.GDD4_OK
        assert isinstance(granted.value, t.GET_DIR_DELEGATION4resok)
        return granted.value.gddr_stateid

    def ask(self, client: Holder) -> t.GET_DIR_DELEGATION4res_non_fatal:
        """Ask for the directory."""
        result = client.session.ok(putfh(self.directory), get_delegation())[2]
        assert isinstance(result, t.GET_DIR_DELEGATION4res_non_fatal)
        return result


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_granted_without_notifications(bed: Bed) -> None:
    granted = bed.ask(bed.holder).value
    assert granted.gddr_cookieverf == bytes(8)
    assert granted.gddr_notification == granted.gddr_child_attributes == []
    assert granted.gddr_dir_attributes == []
    assert len(bed.server.delegations.table) == 1
    assert bed.holder.give_back(bed.directory, granted.gddr_stateid).status == t.NFS4_OK
    assert len(bed.server.delegations.table) == 0


def test_several_may_hold_one(bed: Bed) -> None:
    bed.hold()
    assert bed.ask(bed.other).gddrnf_status == t.GDD4_OK
    again = bed.ask(bed.holder)
    assert (again.gddrnf_status, again.value) == (t.GDD4_UNAVAIL, False)


CHANGES = {
    "create": [mkdir(b"new")],
    "open": [open_(b"new", BOTH | WANT_NONE, create=t.UNCHECKED4)],
    "remove": [remove(b"f")],
    "rename": [SAVEFH, rename(b"f", b"g")],
    "mode": [setattr_({t.FATTR4_MODE: 0o700})],
}
KINDS = (*CHANGES, "link", "into", "itself")


def ops_of(bed: Bed, kind: str) -> list[Op]:
    """Return the operations of a change, from the directory on."""
    if kind == "link":
        return [putfh(bed.directory), lookup(b"f"), SAVEFH, putfh(bed.directory), link(b"h")]
    if kind == "into":
        return [
            *(PUTROOTFH, open_(b"x", BOTH | WANT_NONE, create=t.UNCHECKED4)),
            *(PUTROOTFH, SAVEFH, putfh(bed.directory), rename(b"x", b"x")),
        ]
    if kind == "itself":
        return [PUTROOTFH, SAVEFH, rename(b"d", b"e")]
    return [putfh(bed.directory), *CHANGES[kind]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_by_another_client_waits(bed: Bed, kind: str) -> None:
    stateid = bed.hold()
    change = in_flight(bed.server, bed.other.session, *ops_of(bed, kind))
    assert [each.stateid.other for each in bed.holder.recalls()] == [stateid.other]
    assert not change.outcome
    bed.holder.give_back(bed.directory, stateid)
    settle(bed.reactor)
    assert Reply(change).status == t.NFS4_OK


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_by_the_holder_does_not(bed: Bed, kind: str) -> None:
    bed.hold()
    bed.holder.session.ok(*ops_of(bed, kind))
    assert not bed.holder.seen


@pytest.mark.parametrize(
    "ops",
    [
        [readdir()],
        [lookup(b"f")],
        [getattr_(t.FATTR4_CHANGE)],
        [open_(b"f", BOTH | WANT_NONE)],
        [open_(b"f", BOTH | WANT_NONE, create=t.UNCHECKED4)],
    ],
    ids=["readdir", "lookup", "getattr", "open", "open-what-is-there"],
)
def test_what_changes_nothing_recalls_nothing(bed: Bed, ops: list[Op]) -> None:
    bed.hold()
    bed.other.session.ok(putfh(bed.directory), *ops)
    assert not bed.holder.seen


def test_nobody_without_rights_causes_a_recall_or_gets_one(bed: Bed) -> None:
    session, user = bed.other.session, Credentials.sys(7, 7)
    session.ok(PUTROOTFH, setattr_({t.FATTR4_MODE: 0o755}))
    session.ok(putfh(bed.directory), setattr_({t.FATTR4_MODE: 0o711}))
    bed.hold()
    for kind in ("create", "open", "remove", "rename"):
        session.fails(t.NFS4ERR_ACCESS, *ops_of(bed, kind), credentials=user)
    assert not bed.holder.seen
    ask = putfh(bed.directory), get_delegation()
    session.fails(t.NFS4ERR_ACCESS, *ask, credentials=user)


def test_one_that_is_not_returned_is_revoked(bed: Bed) -> None:
    stateid = bed.hold()
    in_flight(bed.server, bed.other.session, putfh(bed.directory), mkdir(b"new"))
    for _ in range(10):
        bed.reactor.advance(10)
        for client in (bed.holder, bed.other):
            client.session.ok()
    bed.holder.session.fails(t.NFS4ERR_DELEG_REVOKED, putfh(bed.directory), delegreturn(stateid))
    bed.other.session.ok(putfh(bed.directory), mkdir(b"new"))


def test_none_for_a_while_after_a_recall(bed: Bed) -> None:
    stateid = bed.hold()
    change = in_flight(bed.server, bed.other.session, putfh(bed.directory), mkdir(b"new"))
    bed.holder.give_back(bed.directory, stateid)
    settle(bed.reactor)
    assert Reply(change).status == t.NFS4_OK
    assert bed.ask(bed.holder).gddrnf_status == t.GDD4_UNAVAIL
    bed.reactor.advance(31)
    bed.hold()


def test_only_directories(bed: Bed) -> None:
    session = bed.holder.session
    session.fails(t.NFS4ERR_NOTDIR, putfh(bed.directory), lookup(b"f"), get_delegation())


def test_not_at_all_unless_the_server_delegates(bed: Bed) -> None:
    bed.server.delegations._policy = None
    session = bed.holder.session
    session.fails(t.NFS4ERR_NOTSUPP, putfh(bed.directory), get_delegation())


def test_budget() -> None:
    bed = Bed(StateLimits(delegations_per_client=1))
    bed.hold()
    bed.holder.session.ok(PUTROOTFH, mkdir(b"other"))
    reply = bed.holder.session.ok(PUTROOTFH, lookup(b"other"), get_delegation())
    assert reply[3].gddrnf_status == t.GDD4_UNAVAIL


def test_its_stateid_is_for_nothing_else(bed: Bed) -> None:
    stateid = bed.hold()
    session = bed.holder.session
    session.fails(t.NFS4ERR_ISDIR, putfh(bed.directory), read(stateid))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(bed.directory), lookup(b"f"), read(stateid))
    claim = t.open_claim4(t.CLAIM_DELEG_CUR_FH, stateid)
    session.fails(t.NFS4ERR_ISDIR, putfh(bed.directory), open_(None, READ, claim=claim))

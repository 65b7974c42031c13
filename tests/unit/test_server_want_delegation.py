"""WANT_DELEGATION: delegations without an open (RFC 8881, Section 18.49)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.delegations import (
    BOTH,
    READ,
    WANT_NONE,
    WRITE,
    Holder,
    delegating_server,
    in_flight,
    settle,
)
from tests.support.nfs import (
    PUTROOTFH,
    Credentials,
    Op,
    Reply,
    close,
    make_server,
    open_,
    putfh,
    read,
    reclaim_complete,
    setattr_,
    write,
)

from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.xdr.nfs4 import types as t

WANT_READ = t.OPEN4_SHARE_ACCESS_WANT_READ_DELEG
WANT_WRITE = t.OPEN4_SHARE_ACCESS_WANT_WRITE_DELEG
WANT_ANY = t.OPEN4_SHARE_ACCESS_WANT_ANY_DELEG
CANCEL = t.OPEN4_SHARE_ACCESS_WANT_CANCEL
SIGNAL = t.OPEN4_SHARE_ACCESS_WANT_SIGNAL_DELEG_WHEN_RESRC_AVAIL


def want(wanted: int, claim: int = t.CLAIM_FH, kind: int | None = None) -> Op:
    return t.OP_WANT_DELEGATION, t.WANT_DELEGATION4args(wanted, t.deleg_claim4(claim, kind))


class Bed:
    def __init__(self, **how: Any) -> None:
        self.server, self.reactor = delegating_server(**how)
        self.holder, self.other = Holder(self.server, b"holder"), Holder(self.server, b"other")
        self.handle, self.opened = self.other.open(b"f", BOTH | WANT_NONE, create=True)
        self.other.session.ok(putfh(self.handle), write(self.opened.stateid, b"contents"))

    def closed(self) -> Bed:
        self.other.session.ok(putfh(self.handle), close(self.opened.stateid))
        return self

    def wants(self, wanted: int, **how: Any) -> t.open_delegation4:
        reply = self.holder.session.ok(putfh(self.handle), want(wanted, **how))
        granted: t.open_delegation4 = reply[2]
        return granted

    def why(self, wanted: int, **how: Any) -> int:
        granted = self.wants(wanted, **how)
        assert granted.delegation_type == t.OPEN_DELEGATE_NONE_EXT
        return int(granted.value.ond_why)


@pytest.fixture
def bed() -> Bed:
    return Bed().closed()


@pytest.mark.parametrize("wanted", [WANT_READ, WANT_ANY, WANT_READ | SIGNAL])
def test_to_read(bed: Bed, wanted: int) -> None:
    granted = bed.wants(wanted)
    assert granted.delegation_type == t.OPEN_DELEGATE_READ
    stateid = granted.value.stateid
    session = bed.holder.session
    assert session.read(bed.handle, stateid) == b"contents"
    session.fails(t.NFS4ERR_OPENMODE, putfh(bed.handle), write(stateid, b"x"))
    breaks = in_flight(
        bed.server, bed.other.session, putfh(bed.handle), open_(None, WRITE | WANT_NONE)
    )
    assert [each.stateid for each in bed.holder.recalls()] == [stateid]
    bed.holder.give_back(bed.handle, stateid)
    settle(bed.reactor)
    assert Reply(breaks).status == t.NFS4_OK


def test_to_write(bed: Bed) -> None:
    granted = bed.wants(WANT_WRITE)
    assert granted.delegation_type == t.OPEN_DELEGATE_WRITE
    stateid = granted.value.stateid
    bed.holder.session.ok(putfh(bed.handle), write(stateid, b"CON"))
    assert bed.holder.session.read(bed.handle, stateid) == b"CONtents"
    bed.holder.give_back(bed.handle, stateid)
    assert len(bed.server.registry.states) == 0
    bed.other.open(b"f", BOTH | WANT_NONE)
    assert not bed.holder.recalls()


def test_an_open_by_itself_is_claimed(bed: Bed) -> None:
    stateid = bed.wants(WANT_WRITE).value.stateid
    claim = t.open_claim4(t.CLAIM_DELEG_CUR_FH, stateid)
    number, opening = open_(None, BOTH)
    opening.claim = claim
    result = bed.holder.session.ok(putfh(bed.handle), (number, opening))[2]
    bed.holder.give_back(bed.handle, stateid)
    assert bed.holder.session.read(bed.handle, result.stateid) == b"contents"


def test_what_others_have_open_is_not_recalled_for_it() -> None:
    bed = Bed()
    assert bed.why(WANT_READ) == bed.why(WANT_WRITE) == t.WND4_CONTENTION
    bed.closed()
    bed.other.delegated(b"f")
    assert bed.why(WANT_WRITE) == t.WND4_CONTENTION
    assert not bed.other.recalls()
    assert bed.wants(WANT_READ).delegation_type == t.OPEN_DELEGATE_READ


def test_who_has_one_gets_no_other(bed: Bed) -> None:
    stateid = bed.wants(WANT_READ).value.stateid
    assert bed.why(WANT_READ) == t.WND4_CONTENTION
    assert bed.why(WANT_WRITE) == t.WND4_NOT_SUPP_UPGRADE
    bed.holder.give_back(bed.handle, stateid)
    bed.wants(WANT_WRITE)
    assert bed.why(WANT_READ) == t.WND4_NOT_SUPP_DOWNGRADE


def test_who_wants_none_is_told_so(bed: Bed) -> None:
    assert bed.why(WANT_NONE) == t.WND4_NOT_WANTED
    assert bed.why(CANCEL) == t.WND4_CANCELLED


@pytest.mark.parametrize("wanted", [0, READ, WANT_READ | READ, 0x600, SIGNAL, 1 << 30])
def test_nonsense(bed: Bed, wanted: int) -> None:
    bed.holder.session.fails(t.NFS4ERR_INVAL, putfh(bed.handle), want(wanted))


def test_what_cannot_be_delegated(bed: Bed) -> None:
    session = bed.holder.session
    session.fails(t.NFS4ERR_ISDIR, PUTROOTFH, want(WANT_READ))
    session.fails(t.NFS4ERR_NOFILEHANDLE, want(WANT_READ))
    session.fails(t.NFS4ERR_NOTSUPP, putfh(bed.handle), want(WANT_READ, t.CLAIM_DELEG_PREV_FH))
    late = want(WANT_READ, t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_READ)
    session.fails(t.NFS4ERR_NO_GRACE, putfh(bed.handle), late)


def test_rights_are_the_callers(bed: Bed) -> None:
    bed.other.session.ok(putfh(bed.handle), setattr_({t.FATTR4_MODE: 0o604}))
    alice = Credentials.sys(1000, 1000)
    session = bed.holder.session
    session.fails(t.NFS4ERR_ACCESS, putfh(bed.handle), want(WANT_WRITE), credentials=alice)
    session.ok(putfh(bed.handle), want(WANT_READ), credentials=alice)


def test_a_set_user_id_file_is_not_for_writing(bed: Bed) -> None:
    bed.other.session.ok(putfh(bed.handle), setattr_({t.FATTR4_MODE: 0o4755}))
    assert bed.why(WANT_WRITE) == t.WND4_CONTENTION
    assert len(bed.server.registry.states) == 0
    bed.wants(WANT_READ)


def test_the_room_is_that_of_all_delegations() -> None:
    bed = Bed(limits=StateLimits(delegations_per_client=1)).closed()
    bed.holder.delegated(b"f")
    handle, _ = bed.other.open(b"g", READ | WANT_NONE, create=True)
    reply = bed.holder.session.ok(putfh(handle), want(WANT_READ))
    assert reply[2].value.ond_why == t.WND4_RESOURCE


def test_a_server_that_does_not_delegate() -> None:
    holder = Holder(make_server(), b"holder")
    handle, _ = holder.open(b"f", READ, create=True)
    reply = holder.session.ok(putfh(handle), want(WANT_READ))
    assert reply[2].delegation_type == t.OPEN_DELEGATE_NONE_EXT


@pytest.mark.parametrize("kind", [t.OPEN_DELEGATE_READ, t.OPEN_DELEGATE_WRITE])
def test_reclaimed_after_a_restart(kind: int) -> None:
    store = MemoryRecoveryStore()
    first = Bed(store=store).closed()
    first.wants(WANT_READ if kind == t.OPEN_DELEGATE_READ else WANT_WRITE)
    tree = first.server.namespace.exports[0].fs
    server, _ = delegating_server(store=store, fs=tree, reactor=first.reactor, seed=2)
    holder = Holder(server, b"holder", complete=False, verifier=b"verifie2")
    holder.session.fails(t.NFS4ERR_GRACE, putfh(first.handle), want(WANT_READ))
    back = want(WANT_ANY, t.CLAIM_PREVIOUS, kind)
    granted = holder.session.ok(putfh(first.handle), back)[2]
    assert granted.delegation_type == kind
    assert not granted.value.recall
    again = holder.session.ok(putfh(first.handle), back)[2]
    assert again.delegation_type == t.OPEN_DELEGATE_NONE_EXT
    holder.session.ok(reclaim_complete())
    assert holder.session.ok(putfh(first.handle), read(granted.value.stateid))[2].eof

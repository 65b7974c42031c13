"""RFC 9754 at the server: what OPEN takes, one stateid instead of two, times that holders keep."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.delegations import (
    BOTH,
    READ,
    WRITE,
    Holder,
    attributes_answer,
    delegating_server,
    delegreturn,
    in_flight,
    settle,
)
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    FakeReactor,
    Op,
    Reply,
    close,
    getattr_,
    open_,
    putfh,
    read,
    setattr_,
    write,
)

from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.xdr.nfs4 import types as t

TIMES = t.OPEN4_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS
ONE = t.OPEN4_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION
ACCESS, MODIFY = t.FATTR4_TIME_DELEG_ACCESS, t.FATTR4_TIME_DELEG_MODIFY
SEEN = (t.FATTR4_TIME_ACCESS, t.FATTR4_TIME_MODIFY, t.FATTR4_TIME_METADATA, t.FATTR4_CHANGE)
S = 10**9


def ns(time: t.nfstime4) -> int:
    return time.seconds * S + time.nseconds


def nfstime(time_ns: int) -> t.nfstime4:
    return t.nfstime4(*divmod(time_ns, S))


class Bed:
    """A file of a second ago, one who holds it, and one who looks."""

    def __init__(self, store: MemoryRecoveryStore | None = None) -> None:
        self.reactor = reactor = FakeReactor()
        self.fs = MemoryFileSystem(lambda: 1_700_000_000 * S + int(reactor.time() * S))
        self.server, _ = delegating_server(store=store, fs=self.fs, reactor=reactor)
        self.holder = Holder(self.server, b"holder")
        self.other = Holder(self.server, b"other")
        handle, result = self.other.open(b"f", BOTH, create=True)
        if result.delegation.delegation_type != t.OPEN_DELEGATE_NONE:
            self.other.give_back(handle, result.delegation.value.stateid)
        self.other.session.ok(putfh(handle), write(result.stateid, b"contents"))
        self.other.session.ok(putfh(handle), close(result.stateid))
        self.handle = handle
        self.reactor.advance(10)

    def look(self) -> dict[int, Any]:
        """What the other client sees: nanoseconds, and the change attribute."""
        found = self.other.session.attributes(self.handle, *SEEN, t.FATTR4_SIZE)
        return {n: ns(v) if isinstance(v, t.nfstime4) else v for n, v in found.items()}

    def now(self) -> int:
        """The file system's time."""
        return self.fs.now_ns()

    def hold(self, access: int = BOTH | TIMES) -> t.stateid4:
        """Have the file delegated; return the delegation's stateid."""
        _, result = self.holder.open(b"f", access)
        return result.delegation.value.stateid

    def tell(self, stateid: t.stateid4, values: dict[int, int]) -> Reply:
        """Set the times that the holder keeps."""
        given = {number: nfstime(value) for number, value in values.items()}
        return self.holder.session.run(putfh(self.handle), setattr_(given, stateid))


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_what_open_takes_is_told(bed: Bed) -> None:
    """Linux asks for times if both attributes are there, and the bit is."""
    numbers = t.FATTR4_OPEN_ARGUMENTS, t.FATTR4_SUPPORTED_ATTRS
    told = bed.holder.session.attributes(bed.handle, *numbers)
    wants = told[t.FATTR4_OPEN_ARGUMENTS].oa_share_access_want[0]
    assert wants >> t.OPEN_ARGS_SHARE_ACCESS_WANT_DELEG_TIMESTAMPS & 1
    assert wants >> t.OPEN_ARGS_SHARE_ACCESS_WANT_OPEN_XOR_DELEGATION & 1
    words = told[t.FATTR4_SUPPORTED_ATTRS]
    assert all(words[number // 32] >> number % 32 & 1 for number in (ACCESS, MODIFY))


# --- One stateid ---


def test_a_delegation_instead_of_an_open(bed: Bed) -> None:
    handle, result = bed.holder.open(b"f", BOTH | ONE)
    assert result.rflags & t.OPEN4_RESULT_NO_OPEN_STATEID
    assert result.stateid == t.stateid4(0, bytes(12))
    delegation = result.delegation.value.stateid
    session = bed.holder.session
    session.ok(putfh(handle), write(delegation, b"CON"))
    assert session.read(handle, delegation) == b"CONtents"
    assert len(bed.server.registry.states) == 1
    bed.holder.give_back(handle, delegation)
    assert len(bed.server.registry.states) == 0


def test_the_delegation_is_the_current_stateid(bed: Bed) -> None:
    current = t.stateid4(1, bytes(12))
    reply = bed.holder.session.ok(PUTROOTFH, open_(b"f", BOTH | ONE), GETFH, read(current))
    assert bytes(reply[4].data) == b"contents"


def test_both_for_an_owner_that_had_it_open(bed: Bed) -> None:
    _, first = bed.holder.open(b"f", READ | t.OPEN4_SHARE_ACCESS_WANT_NO_DELEG | ONE)
    assert not first.rflags & t.OPEN4_RESULT_NO_OPEN_STATEID
    _, second = bed.holder.open(b"f", BOTH | ONE)
    assert second.stateid == t.stateid4(2, first.stateid.other)
    assert second.delegation.delegation_type == t.OPEN_DELEGATE_WRITE
    assert not second.rflags & t.OPEN4_RESULT_NO_OPEN_STATEID


def test_an_open_that_denies_keeps_its_stateid(bed: Bed) -> None:
    how = open_(b"f", READ | ONE, deny=t.OPEN4_SHARE_DENY_WRITE)
    result = bed.holder.session.ok(PUTROOTFH, how)[2]
    assert result.delegation.delegation_type == t.OPEN_DELEGATE_READ
    assert result.stateid.other != bytes(12)
    refused = bed.other.session.run(putfh(bed.handle), open_(None, WRITE))
    assert refused.status == t.NFS4ERR_SHARE_DENIED


def test_an_open_that_was_spared_is_claimed_when_others_want_the_file(bed: Bed) -> None:
    handle, result = bed.holder.open(b"f", BOTH | ONE)
    delegation = result.delegation.value.stateid
    how = open_(None, READ, deny=t.OPEN4_SHARE_DENY_WRITE)
    waits = in_flight(bed.server, bed.other.session, putfh(handle), how)
    assert bed.holder.recalls()
    claim = t.open_claim4(t.CLAIM_DELEG_CUR_FH, delegation)
    bed.holder.session.ok(putfh(handle), open_(None, BOTH, claim=claim))
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert Reply(waits).status == t.NFS4ERR_SHARE_DENIED


def test_older_minor_versions_have_neither(bed: Bed) -> None:
    reply = bed.holder.session.run(PUTROOTFH, open_(b"f", BOTH | ONE | TIMES), minor=1)
    assert reply[2].delegation.delegation_type == t.OPEN_DELEGATE_WRITE
    assert reply[2].stateid.other != bytes(12)


# --- Times ---


@pytest.mark.parametrize(
    ("access", "kind"),
    [
        (BOTH | TIMES, t.OPEN_DELEGATE_WRITE_ATTRS_DELEG),
        (READ | TIMES, t.OPEN_DELEGATE_READ),
        (BOTH, t.OPEN_DELEGATE_WRITE),
    ],
)
def test_who_keeps_the_times(bed: Bed, access: int, kind: int) -> None:
    _, result = bed.holder.open(b"f", access)
    assert result.delegation.delegation_type == kind


def test_times_are_told_before_the_return(bed: Bed) -> None:
    stateid = bed.hold()
    written = bed.now() + 2 * S
    bed.reactor.advance(5)
    bed.holder.session.ok(putfh(bed.handle), write(stateid, b"late"))
    values = {ACCESS: nfstime(written + 1), MODIFY: nfstime(written)}
    session = bed.holder.session
    session.ok(putfh(bed.handle), setattr_(values, stateid), delegreturn(stateid))
    after = bed.look()
    assert after[t.FATTR4_TIME_MODIFY] == written
    assert after[t.FATTR4_TIME_ACCESS] == written + 1


def test_times_of_before_are_ignored_and_those_of_the_future_are_now(bed: Bed) -> None:
    before = bed.look()
    stateid = bed.hold()
    assert bed.tell(stateid, {ACCESS: 5 * S, MODIFY: 5 * S}).status == t.NFS4_OK
    bed.reactor.advance(3)
    now = bed.now()
    bed.holder.obeys = lambda operation: attributes_answer(
        before[t.FATTR4_CHANGE], before[t.FATTR4_SIZE], {ACCESS: 5 * S, MODIFY: 5 * S}
    )
    assert bed.look() == before
    assert bed.tell(stateid, {ACCESS: now + 99 * S, MODIFY: now + 99 * S}).status == t.NFS4_OK
    bed.holder.give_back(bed.handle, stateid)
    after = bed.look()
    assert after[t.FATTR4_TIME_MODIFY] == after[t.FATTR4_TIME_ACCESS] == now


def test_an_access_time_alone_does_not_move_the_change_time(bed: Bed) -> None:
    before = bed.look()
    stateid = bed.hold()
    bed.reactor.advance(3)
    assert bed.tell(stateid, {ACCESS: bed.now()}).status == t.NFS4_OK
    bed.holder.give_back(bed.handle, stateid)
    after = bed.look()
    assert after[t.FATTR4_TIME_METADATA] == before[t.FATTR4_TIME_METADATA]
    assert after[t.FATTR4_CHANGE] == before[t.FATTR4_CHANGE]


@pytest.mark.parametrize("access", [BOTH, READ])
def test_times_are_only_those_of_who_was_granted_them(bed: Bed, access: int) -> None:
    stateid = bed.hold(access)
    assert bed.tell(stateid, {MODIFY: bed.now()}).status == t.NFS4ERR_BAD_STATEID


def test_times_of_another_file_or_state(bed: Bed) -> None:
    _, result = bed.holder.open(b"f", BOTH | TIMES)
    assert bed.tell(result.stateid, {MODIFY: bed.now()}).status == t.NFS4ERR_BAD_STATEID
    anonymous = t.stateid4(0, bytes(12))
    assert bed.tell(anonymous, {MODIFY: bed.now()}).status == t.NFS4ERR_BAD_STATEID
    handle, _ = bed.holder.open(b"g", READ, create=True)
    given = setattr_({MODIFY: nfstime(1)}, result.delegation.value.stateid)
    bed.holder.session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), given)


def test_times_that_make_no_sense(bed: Bed) -> None:
    stateid = bed.hold()
    session = bed.holder.session
    for values in (
        {MODIFY: t.nfstime4(1, S)},
        {MODIFY: nfstime(1), t.FATTR4_TIME_MODIFY_SET: t.settime4(t.SET_TO_SERVER_TIME4)},
    ):
        session.fails(t.NFS4ERR_INVAL, putfh(bed.handle), setattr_(values, stateid))


def _compared(kind: int, arguments: Any) -> Op:
    given = t.fattr4([0, 0, 1 << MODIFY - 64], bytes(12))
    return kind, arguments(given)


@pytest.mark.parametrize(
    "op",
    [
        getattr_(MODIFY),
        getattr_(ACCESS),
        _compared(t.OP_VERIFY, t.VERIFY4args),
        _compared(t.OP_NVERIFY, t.NVERIFY4args),
    ],
    ids=["getattr-modify", "getattr-access", "verify", "nverify"],
)
def test_they_are_not_looked_at(bed: Bed, op: Op) -> None:
    bed.hold()
    bed.holder.session.fails(t.NFS4ERR_INVAL, putfh(bed.handle), op)


def test_they_are_not_for_what_is_new(bed: Bed) -> None:
    how = open_(b"new", BOTH, create=t.GUARDED4, values={MODIFY: nfstime(1)})
    bed.holder.session.fails(t.NFS4ERR_INVAL, PUTROOTFH, how)


def test_others_see_the_times_that_the_holder_has(bed: Bed) -> None:
    bed.hold()
    own = bed.holder.session.attributes(bed.handle, t.FATTR4_CHANGE, t.FATTR4_SIZE)
    change, size = own[t.FATTR4_CHANGE], own[t.FATTR4_SIZE]
    first = bed.now() + S
    bed.reactor.advance(5)
    bed.holder.obeys = lambda operation: attributes_answer(
        change + 1, size + 4, {ACCESS: first + 7, MODIFY: first}
    )
    seen = [bed.look() for _ in range(2)]
    asked = bed.holder.seen[-1].value.attr_request
    assert asked[2] == 1 << ACCESS - 64 | 1 << MODIFY - 64
    for each in seen:
        assert each[t.FATTR4_TIME_MODIFY] == each[t.FATTR4_TIME_METADATA] == first
        assert each[t.FATTR4_TIME_ACCESS] == first + 7
        assert each[t.FATTR4_SIZE] == size + 4
    assert change < seen[0][t.FATTR4_CHANGE] < seen[1][t.FATTR4_CHANGE]


def test_a_read_by_the_holder_moves_the_access_time_alone(bed: Bed) -> None:
    before = bed.look()
    bed.hold()
    accessed = bed.now() + S
    bed.reactor.advance(5)
    bed.holder.obeys = lambda operation: attributes_answer(
        before[t.FATTR4_CHANGE],
        before[t.FATTR4_SIZE],
        {ACCESS: accessed, MODIFY: before[t.FATTR4_TIME_MODIFY]},
    )
    assert bed.look() == before | {t.FATTR4_TIME_ACCESS: accessed}


def test_a_holder_that_tells_no_times(bed: Bed) -> None:
    """Pynfs, for one, answers always the same attributes; nonsense is as good as nothing."""
    before = bed.look()
    bed.hold()
    bed.holder.obeys = lambda operation: attributes_answer(
        before[t.FATTR4_CHANGE], before[t.FATTR4_SIZE]
    )
    assert bed.look() == before


def test_reclaim_with_times() -> None:
    store = MemoryRecoveryStore()
    bed = Bed(store)
    bed.hold()
    server, _ = delegating_server(store=store, fs=bed.fs, reactor=bed.reactor, seed=2)
    client = Holder(server, b"holder", complete=False)
    claim = t.open_claim4(t.CLAIM_PREVIOUS, t.OPEN_DELEGATE_WRITE_ATTRS_DELEG)
    reply = client.session.ok(putfh(bed.handle), open_(None, BOTH, claim=claim))
    granted = reply[2].delegation
    assert granted.delegation_type == t.OPEN_DELEGATE_WRITE_ATTRS_DELEG
    values = {MODIFY: nfstime(bed.now())}
    client.session.ok(putfh(bed.handle), setattr_(values, granted.value.stateid))

"""Delegations: granted, used, recalled, returned and revoked."""

from __future__ import annotations

import logging

import pytest
from tests.support.delegations import (
    BACK,
    BOTH,
    READ,
    WANT_ANY,
    WANT_NONE,
    WANT_READ,
    WRITE,
    Bed,
    Holder,
    attributes_answer,
    delegreturn,
    revoked,
    settle,
)
from tests.support.nfs import (
    ANONYMOUS,
    LEASE,
    PUTROOTFH,
    SAVEFH,
    Credentials,
    Op,
    Peer,
    Reply,
    channel_attributes,
    close,
    destroy_clientid,
    destroy_session,
    free_stateid,
    getattr_,
    link,
    lookup,
    open_,
    putfh,
    read,
    remove,
    rename,
    setattr_,
    test_stateid,
    write,
)
from tests.support.nfs import Session as HolderSession
from tests.support.nfs40 import Client40

from nfsrdma.server.state.limits import StateLimits
from nfsrdma.xdr.nfs4 import types as t


@pytest.fixture
def bed() -> Bed:
    return Bed()


def test_read_delegation(bed: Bed) -> None:
    handle, opened, delegation = bed.holder.delegated(b"f")
    assert len(bed.server.delegations.table) == 1
    session = bed.holder.session
    session.ok(putfh(handle), close(opened))
    assert session.read(handle, delegation) == b"contents"
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), write(delegation, b"x"))
    assert bed.holder.give_back(handle, delegation).status == t.NFS4_OK
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(delegation))
    assert len(bed.server.delegations.table) == len(bed.server.registry.states) == 0


def test_write_delegation(bed: Bed) -> None:
    handle, opened, delegation = bed.holder.delegated(b"f", BOTH)
    session = bed.holder.session
    session.ok(putfh(handle), close(opened))
    session.ok(putfh(handle), write(delegation, b"CON"))
    session.ok(putfh(handle), setattr_({t.FATTR4_SIZE: 5}, delegation))
    assert session.read(handle, delegation) == b"CONte"
    assert not bed.holder.seen
    bed.holder.give_back(handle, delegation)


def test_the_answer_lets_nobody_in(bed: Bed) -> None:
    _, result = bed.holder.open(b"f", BOTH)
    granted = result.delegation.value
    assert granted.permissions.access_mask == 0
    assert granted.space_limit.filesize == 0
    assert not granted.recall


def test_several_readers_hold_one_file(bed: Bed) -> None:
    bed.holder.delegated(b"f")
    bed.other.delegated(b"f")
    assert len(bed.server.delegations.table) == 2
    assert not bed.holder.seen


@pytest.mark.parametrize(
    ("mine", "theirs"), [(READ, WRITE), (READ, BOTH), (BOTH, READ), (BOTH, BOTH)]
)
def test_a_conflicting_open_waits_for_the_return(bed: Bed, mine: int, theirs: int) -> None:
    handle, _, delegation = bed.holder.delegated(b"f", mine)
    opened = bed.breaks(putfh(handle), open_(None, theirs | WANT_NONE))
    assert not opened.outcome
    (recall,) = bed.holder.recalls()
    assert (recall.stateid, recall.fh) == (delegation, handle)
    assert bed.holder.give_back(handle, delegation).status == t.NFS4_OK
    settle(bed.reactor)
    # The open of the holder is in nobody's way: it denies nothing.
    assert Reply(opened).status == t.NFS4_OK


def test_an_open_for_reading_is_in_no_readers_way(bed: Bed) -> None:
    bed.holder.delegated(b"f")
    bed.other.open(b"f", READ | WANT_NONE)
    assert not bed.holder.seen


def test_who_waits_too_long_is_told_to_come_again(bed: Bed) -> None:
    handle, _, delegation = bed.holder.delegated(b"f")
    opened = bed.breaks(putfh(handle), open_(None, WRITE))
    bed.reactor.advance(0.9)
    assert not opened.outcome
    bed.reactor.advance(0.2)
    settle(bed.reactor)
    assert Reply(opened).status == t.NFS4ERR_DELAY
    bed.holder.session.ok()
    again = bed.breaks(putfh(handle), open_(None, WRITE))
    assert len(bed.holder.recalls()) == 1
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert Reply(again).status == t.NFS4_OK


def test_a_share_that_is_denied_recalls_nothing(bed: Bed) -> None:
    deny = open_(b"f", READ, t.OPEN4_SHARE_DENY_WRITE)
    reply = bed.holder.session.ok(PUTROOTFH, deny)
    assert reply[2].delegation.delegation_type == t.OPEN_DELEGATE_READ
    bed.other.session.fails(t.NFS4ERR_SHARE_DENIED, PUTROOTFH, open_(b"f", WRITE))
    assert not bed.holder.seen


SIZE = {t.FATTR4_SIZE: 1}
MODE = {t.FATTR4_MODE: 0o600}


@pytest.mark.parametrize(
    "ops",
    [
        [lookup(b"f"), setattr_(SIZE)],
        [lookup(b"f"), setattr_(MODE)],
        [lookup(b"f"), write(ANONYMOUS, b"x")],
        [remove(b"f")],
        [SAVEFH, rename(b"f", b"g")],
        [lookup(b"f"), SAVEFH, PUTROOTFH, link(b"g")],
    ],
    ids=["size", "mode", "write", "remove", "rename", "link"],
)
@pytest.mark.parametrize("kind", [READ, BOTH])
def test_a_change_by_another_client_waits(bed: Bed, kind: int, ops: list[Op]) -> None:
    handle, _, delegation = bed.holder.delegated(b"f", kind)
    change = bed.breaks(PUTROOTFH, *ops)
    assert not change.outcome
    assert len(bed.holder.recalls()) == 1
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert Reply(change).status == t.NFS4_OK


@pytest.mark.parametrize("kind", [READ, BOTH])
def test_a_change_by_the_holder_does_not_wait(bed: Bed, kind: int) -> None:
    handle, _, _ = bed.holder.delegated(b"f", kind)
    session = bed.holder.session
    session.ok(putfh(handle), setattr_(MODE))
    session.ok(putfh(handle), SAVEFH, PUTROOTFH, link(b"g"))
    session.ok(PUTROOTFH, SAVEFH, rename(b"g", b"h"))
    session.ok(PUTROOTFH, remove(b"h"))
    session.ok(putfh(handle), open_(None, BOTH, owner=b"second"))
    assert not bed.holder.seen


def test_a_rename_over_it_waits(bed: Bed) -> None:
    handle, _, delegation = bed.holder.delegated(b"f")
    bed.other.session.create(b"g")
    change = bed.breaks(PUTROOTFH, SAVEFH, rename(b"g", b"f"))
    assert not change.outcome
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert Reply(change).status == t.NFS4_OK


def test_a_look_with_a_special_stateid_waits_for_a_writer(bed: Bed) -> None:
    handle, _, delegation = bed.holder.delegated(b"f", BOTH)
    look = bed.breaks(putfh(handle), read(ANONYMOUS))
    assert not look.outcome
    bed.holder.session.ok(putfh(handle), write(delegation, b"CONTENTS"))
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert bytes(Reply(look)[2].data) == b"CONTENTS"


def test_nobody_without_rights_causes_a_recall(bed: Bed) -> None:
    bed.other.session.ok(putfh(bed.handle), setattr_({t.FATTR4_MODE: 0o644}))
    bed.other.session.ok(PUTROOTFH, setattr_({t.FATTR4_MODE: 0o755}))
    bed.holder.delegated(b"f")
    user = Credentials.sys(7, 7)
    session = bed.other.session
    session.fails(t.NFS4ERR_PERM, putfh(bed.handle), setattr_(MODE), credentials=user)
    for ops in (
        [putfh(bed.handle), open_(None, WRITE)],
        [putfh(bed.handle), write(ANONYMOUS, b"x")],
        [PUTROOTFH, remove(b"f")],
        [PUTROOTFH, SAVEFH, rename(b"f", b"g")],
    ):
        session.fails(t.NFS4ERR_ACCESS, *ops, credentials=user)
    assert not bed.holder.seen


@pytest.mark.parametrize("what", ["open", "write", "setattr", "remove", "look"])
def test_minor_version_0_waits_as_well(bed: Bed, what: str) -> None:
    """A client without sessions gets none, and its changes wait for those that have some."""
    handle, _, delegation = bed.holder.delegated(b"f", BOTH)

    def gives_back(operation: t.nfs_cb_argop4) -> int:
        if operation.argop == t.OP_CB_GETATTR:
            return t.NFS4ERR_BADHANDLE
        bed.reactor.call_soon(bed.holder.give_back, handle, delegation)
        return t.NFS4_OK

    bed.holder.obeys = gives_back
    client = Client40(Peer(bed.server), b"old")
    ops = {
        "open": [PUTROOTFH, client.open_(b"f", create=None)],
        "write": [putfh(handle), write(ANONYMOUS, b"x")],
        "setattr": [putfh(handle), setattr_(MODE)],
        "remove": [PUTROOTFH, remove(b"f")],
        "look": [putfh(handle), getattr_(t.FATTR4_SIZE)],
    }
    reply = client.ok(*ops[what])
    assert len(bed.holder.recalls()) == 1
    assert not len(bed.server.delegations.table)
    if what == "open":
        assert reply[1].delegation.delegation_type == t.OPEN_DELEGATE_NONE


# --- Who gets one ---


def why(result: t.OPEN4resok) -> int:
    assert result.delegation.delegation_type == t.OPEN_DELEGATE_NONE_EXT, result.delegation
    return int(result.delegation.value.ond_why)


def test_none_without_a_back_channel(bed: Bed) -> None:
    peer = Peer(bed.server)
    session = peer.session(b"without")
    reply = session.ok(PUTROOTFH, open_(b"f", READ | WANT_ANY))
    assert why(reply[2]) == t.WND4_RESOURCE


def test_none_for_those_who_want_none(bed: Bed) -> None:
    assert why(bed.holder.open(b"f", READ | WANT_NONE)[1]) == t.WND4_NOT_WANTED
    cancel = t.OPEN4_SHARE_ACCESS_WANT_CANCEL
    assert why(bed.holder.open(b"f", READ | cancel)[1]) == t.WND4_CANCELLED


def test_one_that_is_wanted_for_reading_is_for_reading(bed: Bed) -> None:
    _, result = bed.holder.open(b"f", BOTH | WANT_READ)
    assert result.delegation.delegation_type == t.OPEN_DELEGATE_READ


def test_none_for_writing_alone(bed: Bed) -> None:
    assert why(bed.holder.open(b"f", WRITE | WANT_ANY)[1]) == t.WND4_CONTENTION


@pytest.mark.parametrize(
    ("theirs", "mine", "granted"),
    [(READ, READ, True), (READ, BOTH, False), (WRITE, READ, False), (BOTH, READ, False)],
)
def test_none_of_a_file_that_others_use(bed: Bed, theirs: int, mine: int, granted: bool) -> None:
    bed.other.open(b"f", theirs | WANT_NONE)
    _, result = bed.holder.open(b"f", mine | WANT_ANY)
    if granted:
        assert result.delegation.delegation_type == t.OPEN_DELEGATE_READ
    else:
        assert why(result) == t.WND4_CONTENTION


def test_no_second_one(bed: Bed) -> None:
    bed.holder.delegated(b"f", READ)
    assert why(bed.holder.open(b"f", BOTH | WANT_ANY)[1]) == t.WND4_NOT_SUPP_UPGRADE


def test_none_while_somebody_changes_the_file(bed: Bed) -> None:
    with bed.server.delegations.exclude_names():
        assert why(bed.holder.open(b"f", READ | WANT_ANY)[1]) == t.WND4_CONTENTION


def test_none_of_a_file_with_a_set_user_id_bit(bed: Bed) -> None:
    bed.other.session.ok(putfh(bed.handle), setattr_({t.FATTR4_MODE: 0o4755}))
    _, result = bed.holder.open(b"f", BOTH)
    assert result.delegation.delegation_type == t.OPEN_DELEGATE_NONE
    assert not len(bed.server.delegations.table)


def test_none_for_a_while_after_a_recall(bed: Bed) -> None:
    handle, _, delegation = bed.holder.delegated(b"f")
    opened = bed.breaks(putfh(handle), open_(None, WRITE | WANT_NONE))
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    bed.other.session.ok(putfh(handle), close(Reply(opened)[2].stateid))
    assert why(bed.holder.open(b"f", READ | WANT_ANY)[1]) == t.WND4_CONTENTION
    bed.reactor.advance(31)
    bed.holder.delegated(b"f")


def test_none_unless_the_server_delegates(bed: Bed) -> None:
    bed.server.delegations._policy = None
    _, result = bed.holder.open(b"f", READ | WANT_ANY)
    assert why(result) == t.WND4_NOT_SUPP_FTYPE


# --- Opens that rest on one ---


def test_opens_that_rest_on_a_delegation(bed: Bed) -> None:
    """They are asked for after the recall, and do not wait."""
    handle, opened, delegation = bed.holder.delegated(b"f", BOTH)
    session = bed.holder.session
    session.ok(putfh(handle), close(opened))
    waits = bed.breaks(putfh(handle), open_(None, READ | WANT_NONE))
    assert bed.holder.recalls()
    by_handle = t.open_claim4(t.CLAIM_DELEG_CUR_FH, delegation)
    reply = session.ok(putfh(handle), open_(None, BOTH, claim=by_handle, owner=b"a"))
    assert reply[2].delegation.delegation_type == t.OPEN_DELEGATE_NONE
    by_name = t.open_claim4(t.CLAIM_DELEGATE_CUR, t.open_claim_delegate_cur4(delegation, b"f"))
    second = session.ok(PUTROOTFH, open_(None, READ, claim=by_name, owner=b"b"))
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert Reply(waits).status == t.NFS4_OK
    session.ok(putfh(handle), write(reply[2].stateid, b"written!"))
    assert session.read(handle, second[2].stateid) == b"written!"
    for each in (reply, second):
        session.ok(putfh(handle), close(each[2].stateid))


def test_claims_that_cannot_be(bed: Bed) -> None:
    handle, opened, delegation = bed.holder.delegated(b"f", READ)
    session = bed.holder.session
    other = session.mkdir(b"d")
    session.create(b"g")

    def claim(stateid: t.stateid4) -> t.open_claim4:
        return t.open_claim4(t.CLAIM_DELEG_CUR_FH, stateid)

    mode = open_(None, BOTH, claim=claim(delegation))
    session.fails(t.NFS4ERR_OPENMODE, putfh(handle), mode)
    no_delegation = open_(None, READ, claim=claim(opened))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), no_delegation)
    of_another = open_(None, READ, claim=claim(delegation))
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, lookup(b"g"), of_another)
    session.fails(t.NFS4ERR_INVAL, putfh(other), of_another)
    by_name = t.open_claim_delegate_cur4(delegation, b"g")
    named = open_(None, READ, claim=t.open_claim4(t.CLAIM_DELEGATE_CUR, by_name))
    session.fails(t.NFS4ERR_INVAL, PUTROOTFH, named)


def test_another_user_of_the_client_has_rights_of_his_own(bed: Bed) -> None:
    bed.other.session.ok(putfh(bed.handle), setattr_({t.FATTR4_MODE: 0o600}))
    handle, _, delegation = bed.holder.delegated(b"f")
    user = Credentials.sys(7, 7)
    session = bed.holder.session
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), read(delegation), credentials=user)
    claim = t.open_claim4(t.CLAIM_DELEG_CUR_FH, delegation)
    opening = open_(None, READ, claim=claim, owner=b"user")
    session.fails(t.NFS4ERR_ACCESS, putfh(handle), opening, credentials=user)


# --- Revocation, and the end of clients ---


def test_what_is_not_returned_within_a_lease_is_revoked(bed: Bed) -> None:
    handle, delegation = revoked(bed)
    session = bed.holder.session
    flag = t.SEQ4_STATUS_RECALLABLE_STATE_REVOKED
    assert session.ok()[0].sr_status_flags & flag
    bed.other.open(b"f", WRITE | WANT_NONE)
    for ops in ([read(delegation)], [delegreturn(delegation)]):
        session.fails(t.NFS4ERR_DELEG_REVOKED, putfh(handle), *ops)
    codes = session.ok(test_stateid(delegation))[1].tsr_status_codes
    assert codes == [t.NFS4ERR_DELEG_REVOKED]
    # The open that it was granted with is still there.
    assert len(bed.server.registry.clients.confirmed()[0].open_states) == 1
    session.ok(free_stateid(delegation))
    assert not session.ok()[0].sr_status_flags & flag
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(delegation))


def test_recalls_and_revocations_are_logged(bed: Bed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nfsrdma.server")
    revoked(bed)
    said = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert ("INFO", "127.0.0.1 over tcp: a delegation is asked back") in said
    why = "a delegation is revoked, as it was not returned within a lease"
    assert ("WARNING", f"127.0.0.1 over tcp: {why}") in said


def test_one_that_is_held_cannot_be_freed(bed: Bed) -> None:
    _, _, delegation = bed.holder.delegated(b"f")
    bed.holder.session.fails(t.NFS4ERR_LOCKS_HELD, free_stateid(delegation))
    codes = bed.holder.session.ok(test_stateid(delegation))[1].tsr_status_codes
    assert codes == [t.NFS4_OK]


def test_a_client_whose_lease_ran_out_gives_way_at_once(bed: Bed) -> None:
    bed.holder.delegated(b"f", BOTH)
    bed.reactor.advance(LEASE / 2)
    bed.other.session.ok()
    bed.reactor.advance(LEASE / 2 + 1)
    bed.other.open(b"f", BOTH | WANT_NONE)
    assert not bed.holder.seen
    late = bed.holder.peer.call(bed.holder.session.sequence())
    assert late.status == t.NFS4ERR_BADSESSION


def test_a_delegation_goes_with_its_client(bed: Bed) -> None:
    handle, opened, delegation = bed.holder.delegated(b"f", BOTH)
    session = bed.holder.session
    session.ok(putfh(handle), close(opened))
    bed.holder.peer.call(destroy_session(session.id))
    busy = bed.holder.peer.call(destroy_clientid(session.client_id))
    assert busy.status == t.NFS4ERR_CLIENTID_BUSY
    again = Holder(bed.server, b"holder", verifier=b"restarts")
    assert not len(bed.server.delegations.table)
    again.session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), read(delegation))
    bed.other.open(b"f", BOTH | WANT_NONE)


def test_a_recall_that_was_not_answered_comes_in_the_next_session(bed: Bed) -> None:
    handle, _, delegation = bed.holder.delegated(b"f")
    session, peer = bed.holder.session, bed.holder.peer
    bed.holder.deaf = True
    bed.breaks(putfh(handle), open_(None, WRITE | WANT_NONE))
    peer.call(destroy_session(session.id))
    bed.holder.deaf = False
    attributes = channel_attributes()
    arguments = t.CREATE_SESSION4args(
        session.client_id, 2, BACK, attributes, attributes, 0x40000000, []
    )
    created = peer.call((t.OP_CREATE_SESSION, arguments))
    assert created.status == t.NFS4_OK
    settle(bed.reactor)
    bed.reactor.advance(2.5)
    settle(bed.reactor)
    assert [each.stateid for each in bed.holder.recalls()] == [delegation]
    bed.holder.session = HolderSession(peer, session.client_id, created[0])
    assert bed.holder.give_back(handle, delegation).status == t.NFS4_OK


def test_waiting_for_a_client_that_goes(bed: Bed) -> None:
    handle, _, _ = bed.holder.delegated(b"f", BOTH)
    opened = bed.breaks(putfh(handle), open_(None, BOTH | WANT_NONE))
    Holder(bed.server, b"holder", verifier=b"restarts")
    settle(bed.reactor)
    assert Reply(opened).status == t.NFS4_OK


# --- Attributes that the holder knows better ---


def test_getattr_asks_the_holder(bed: Bed) -> None:
    numbers = (t.FATTR4_CHANGE, t.FATTR4_SIZE, t.FATTR4_TIME_MODIFY)
    handle, _, _ = bed.holder.delegated(b"f", BOTH)
    before = bed.holder.session.attributes(handle, *numbers)
    assert not bed.holder.seen
    change, size = before[t.FATTR4_CHANGE], before[t.FATTR4_SIZE]
    bed.holder.obeys = lambda operation: attributes_answer(change, size)
    assert bed.other.session.attributes(handle, *numbers) == before
    bed.holder.obeys = lambda operation: attributes_answer(change + 1, 5000)
    seen = [bed.other.session.attributes(handle, *numbers) for _ in range(2)]
    assert [each[t.FATTR4_SIZE] for each in seen] == [5000, 5000]
    changes = [each[t.FATTR4_CHANGE] for each in seen]
    assert change < changes[0] < changes[1]
    assert [each.argop for each in bed.holder.seen] == [t.OP_CB_GETATTR] * 3


def test_getattr_of_a_holder_that_does_not_know(bed: Bed) -> None:
    handle, _, delegation = bed.holder.delegated(b"f", BOTH)
    bed.holder.obeys = lambda operation: (
        t.NFS4ERR_BADHANDLE if operation.argop == t.OP_CB_GETATTR else t.NFS4_OK
    )
    look = bed.breaks(putfh(handle), getattr_(t.FATTR4_SIZE))
    assert len(bed.holder.recalls()) == 1
    bed.holder.session.ok(putfh(handle), write(delegation, b"longer than before"))
    bed.holder.give_back(handle, delegation)
    settle(bed.reactor)
    assert Reply(look).status == t.NFS4_OK


def test_getattr_of_what_the_holder_does_not_change(bed: Bed) -> None:
    bed.holder.delegated(b"f", BOTH)
    bed.other.session.attributes(bed.handle, t.FATTR4_TYPE, t.FATTR4_FILEID)
    assert not bed.holder.seen


# --- Recalls ---


def test_a_recall_names_the_call_that_granted(bed: Bed) -> None:
    handle, _, _ = bed.holder.delegated(b"f")
    bed.breaks(putfh(handle), open_(None, WRITE))
    (about,) = bed.holder.referred
    assert about.rcl_sessionid == bed.holder.session.id
    (call,) = about.rcl_referring_calls
    assert call.rc_sequenceid == bed.holder.session.seqid


def test_a_recall_after_the_answer_was_seen_names_none(bed: Bed) -> None:
    handle, _, _ = bed.holder.delegated(b"f")
    bed.holder.session.ok()
    bed.breaks(putfh(handle), open_(None, WRITE))
    assert not bed.holder.referred


@pytest.mark.parametrize(
    ("status", "calls"), [(t.NFS4ERR_DELAY, 6), (t.NFS4ERR_BADHANDLE, 2), (t.NFS4ERR_RESOURCE, 1)]
)
def test_a_recall_is_repeated_if_that_may_help(bed: Bed, status: int, calls: int) -> None:
    bed.holder.obeys = lambda operation: status
    handle, _, _ = bed.holder.delegated(b"f")
    bed.breaks(putfh(handle), open_(None, WRITE))
    bed.reactor.advance(11)
    settle(bed.reactor)
    assert len(bed.holder.recalls()) == calls


# --- Budgets ---


def test_budget_of_a_client() -> None:
    bed = Bed(limits=StateLimits(delegations_per_client=2))
    for name in (b"a", b"b"):
        bed.holder.delegated(name, BOTH, create=True)
    _, result = bed.holder.open(b"c", BOTH | WANT_ANY, create=True)
    assert why(result) == t.WND4_RESOURCE
    anys = [each for each in bed.holder.seen if each.argop == t.OP_CB_RECALL_ANY]
    assert len(anys) == 1
    assert anys[0].value.craa_type_mask == [7]


def test_a_client_that_returns_nothing_is_asked_for_its_oldest() -> None:
    bed = Bed(limits=StateLimits(delegations_per_client=2))
    _, _, oldest = bed.holder.delegated(b"a", BOTH, create=True)
    bed.holder.delegated(b"b", BOTH, create=True)
    for number in range(4):
        bed.holder.open(b"c%d" % number, BOTH | WANT_ANY, create=True)
        assert not bed.holder.recalls()
        bed.reactor.advance(LEASE / 4)
        bed.holder.session.ok()
    bed.reactor.advance(1)
    bed.holder.open(b"d", BOTH | WANT_ANY, create=True)
    assert [each.stateid for each in bed.holder.recalls()] == [oldest]


def test_budget_of_all() -> None:
    bed = Bed(limits=StateLimits(delegations=4))
    got = 0
    for number in range(8):
        _, result = bed.holder.open(b"%d" % number, BOTH, create=True)
        got += result.delegation.delegation_type == t.OPEN_DELEGATE_WRITE
    assert got == 2  # one of two sources that may come has half


def test_claims_of_an_earlier_life(bed: Bed) -> None:
    session = bed.holder.session
    by_handle = t.open_claim4(t.CLAIM_DELEG_PREV_FH)
    session.fails(t.NFS4ERR_NOTSUPP, putfh(bed.handle), open_(None, READ, claim=by_handle))
    purge = (t.OP_DELEGPURGE, t.DELEGPURGE4args(session.client_id))
    session.fails(t.NFS4ERR_NOTSUPP, purge)


def test_return_of_something_else(bed: Bed) -> None:
    handle, opened, delegation = bed.holder.delegated(b"f")
    session = bed.holder.session
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), delegreturn(opened))
    session.fails(t.NFS4ERR_BAD_STATEID, PUTROOTFH, delegreturn(delegation))
    later = t.stateid4(7, delegation.other)
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), delegreturn(later))
    session.fails(t.NFS4ERR_BAD_STATEID, putfh(handle), close(delegation))
    assert bed.holder.give_back(handle, t.stateid4(0, delegation.other)).status == t.NFS4_OK
